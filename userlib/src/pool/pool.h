/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Pools of free regions.
 *
 * A pool is a set of disjoint regions of numbers (addresses or offsets) that
 * never touch: regions that touch are merged. The results are those of V8's
 * DisjointAllocationPool: an allocation comes from the region with the lowest
 * address in which it fits, from its lowest address, and never spans two
 * regions. V8 walks over all regions; here every function takes logarithmic
 * time, and a pool knows the at most 2 GiB of addresses that it may contain, which
 * makes entries small. The regions lie in a B+-tree (R. Bayer and E. McCreight, "Organization
 * and maintenance of large ordered indexes", 1972; D. Comer, "The ubiquitous
 * B-tree", 1979) whose inner nodes know the largest region below each child
 * (augmentation as in Cormen, Leiserson, Rivest and Stein, "Introduction to
 * algorithms", chapter on augmenting data structures).
 *
 * A pool makes no system calls, takes memory from malloc() only and has no
 * lock: the caller serialises calls on one pool; const ones may run
 * concurrently.
 *
 * Functions that return int return 0 or a negative errno. A call that fails
 * leaves the pool unchanged and sets its result region to { 0, 0 }. A NULL pool
 * or result is -EINVAL.
 */
#ifndef CA__POOL_H
#define CA__POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena/module.h"

struct ca__pool;

/* Bytes of addresses of one pool; a code space is not larger. */
#define CA__POOL_MAX	(1ULL << 31)

/* region.c: arithmetic of regions, which may end at 2^64 */
bool ca__region_contains(struct codearena_region region, uint64_t address);
bool ca__region_covers(struct codearena_region region,
		       struct codearena_region inner);
struct codearena_region ca__region_overlap(struct codearena_region a,
					   struct codearena_region b);

/* pool.c */
int ca__pool_new(struct codearena_region within, struct ca__pool **out);
void ca__pool_free(struct ca__pool *pool);
int ca__pool_reserve(struct ca__pool *pool, size_t regions);
int ca__pool_merge(struct ca__pool *pool, struct codearena_region region,
		   struct codearena_region *merged);
int ca__pool_allocate(struct ca__pool *pool, uint64_t size,
		      struct codearena_region *out);
int ca__pool_allocate_in(struct ca__pool *pool, uint64_t size,
			 struct codearena_region window,
			 struct codearena_region *out);
bool ca__pool_is_empty(const struct ca__pool *pool);
size_t ca__pool_count(const struct ca__pool *pool);
uint64_t ca__pool_total(const struct ca__pool *pool);
uint64_t ca__pool_largest(const struct ca__pool *pool);
int ca__pool_next(const struct ca__pool *pool, uint64_t from,
		  struct codearena_region *out);

#endif /* CA__POOL_H */
