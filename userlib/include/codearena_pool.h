/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 2: pools of address regions.
 */
#ifndef CODEARENA_POOL_H
#define CODEARENA_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A pool is a set of regions of numbers (addresses, offsets: it does not care),
 * which are disjoint and never touch: what touches is made one region. Space is
 * put in by merging and taken out by allocating.
 *
 * The results are those of V8's DisjointAllocationPool: an allocation is taken
 * from the region with the lowest address in which it fits, from its lowest
 * address, and never spans two regions. Where V8 walks over all regions, every
 * function here takes time in proportion to the logarithm of their number: the
 * regions lie in a B+-tree (R. Bayer and E. McCreight, "Organization and
 * maintenance of large ordered indexes", 1972; D. Comer, "The ubiquitous
 * B-tree", 1979) whose inner nodes know the largest region below each child
 * (augmentation as in Cormen, Leiserson, Rivest and Stein, "Introduction to
 * algorithms", chapter on augmenting data structures).
 *
 * A pool makes no system calls and takes memory from malloc() only. It has no
 * lock: calls on one pool must be serialised by the caller; constant ones may
 * run side by side. No function may be called from a signal handler, except the
 * codearena_region_*() ones.
 *
 * Functions that return int return 0 or a negative errno. A call that fails has
 * left the pool as it was, and has set the region it was to fill to
 * { 0, 0 }. A NULL pool, or a NULL pointer for a result that is not documented
 * as optional, is -EINVAL.
 */

/**
 * struct codearena_region - the numbers from @begin up to, not including,
 *                           @begin + @size
 * @begin: first number
 * @size: how many; 0: the empty region
 */
struct codearena_region {
	uint64_t begin;
	uint64_t size;
};

struct codearena_pool;

/**
 * codearena_region_contains - does a region contain an address?
 * @region: region; it may end at 2^64
 * @address: the address
 *
 * Pure. Return: the answer.
 */
bool codearena_region_contains(struct codearena_region region,
			       uint64_t address);

/**
 * codearena_region_covers - does a region contain all of another?
 * @region: region; it may end at 2^64
 * @inner: the other one
 *
 * An empty @inner counts as one address without extent: inside if its @begin is
 * inside. Pure. Return: the answer.
 */
bool codearena_region_covers(struct codearena_region region,
			     struct codearena_region inner);

/**
 * codearena_region_overlap - what two regions have in common
 * @a: region
 * @b: region
 *
 * Pure. Return: the common part, @size 0 if there is none.
 */
struct codearena_region codearena_region_overlap(struct codearena_region a,
						 struct codearena_region b);

/**
 * codearena_pool_new - make an empty pool
 * @out: gets the pool; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int codearena_pool_new(struct codearena_pool **out);

/**
 * codearena_pool_free - give a pool back
 * @pool: NULL, or a pool, which is gone after the call
 */
void codearena_pool_free(struct codearena_pool *pool);

/**
 * codearena_pool_reserve - take memory in advance
 * @pool: pool
 * @regions: how many
 *
 * After it, and as long as the pool has not got more than @regions regions more
 * than it has now, no function fails for want of memory. The pool gets at most
 * one region more by a call of codearena_pool_merge(), or of an allocation
 * which leaves something on both sides. Memory is kept until
 * codearena_pool_free().
 *
 * Return: 0; -EINVAL; -ENOMEM; -EOVERFLOW: more than an address space can have.
 */
int codearena_pool_reserve(struct codearena_pool *pool, size_t regions);

/**
 * codearena_pool_merge - put a region in
 * @pool: pool
 * @region: the region; nothing of it may be in the pool
 * @merged: NULL, or gets the region of the pool that contains @region now
 *
 * Return: 0; -EINVAL: @region is empty; -EOVERFLOW: its end is not below 2^64;
 * -EEXIST: some of it is in the pool; -ENOMEM: see codearena_pool_reserve().
 */
int codearena_pool_merge(struct codearena_pool *pool,
			 struct codearena_region region,
			 struct codearena_region *merged);

/**
 * codearena_pool_allocate - take space out, anywhere
 * @pool: pool
 * @size: how much, not 0
 * @out: gets the region
 *
 * Return: 0; -EINVAL: @size is 0; -ENOSPC: no region is large enough. Never
 * -ENOMEM.
 */
int codearena_pool_allocate(struct codearena_pool *pool, uint64_t size,
			    struct codearena_region *out);

/**
 * codearena_pool_allocate_in - take space out of a window
 * @pool: pool
 * @size: how much, not 0
 * @window: where the result must lie; { 0, UINT64_MAX } is anywhere
 * @out: gets the region: the lowest in the window that fits
 *
 * Return: 0; -EINVAL: @size is 0; -EOVERFLOW: the end of @window is not below
 * 2^64; -ENOSPC: no region is large enough inside of the window; -ENOMEM: a
 * region would fall apart in two, see codearena_pool_reserve().
 */
int codearena_pool_allocate_in(struct codearena_pool *pool, uint64_t size,
			       struct codearena_region window,
			       struct codearena_region *out);

/**
 * codearena_pool_allocate_near - take space out close to an address
 * @pool: pool
 * @size: how much, not 0
 * @near: the address
 * @align: what the result's @begin shall be a multiple of: a power of two
 * @out: gets the region
 *
 * With @align 1 the result is the one whose @begin is closest to @near; of two
 * equally close ones, the lower. With other alignments it is the best effort
 * that takes logarithmic time: of the regions which have @size but too little
 * for the alignment only some are looked at, so that a closer place may be
 * missed. A place is found if any region has @size + @align - 1.
 *
 * Return: 0; -EINVAL: @size is 0, or @align no power of two; -EOVERFLOW: @size +
 * @align does not fit; -ENOSPC: nothing found; -ENOMEM: a region would fall
 * apart in two, see codearena_pool_reserve().
 */
int codearena_pool_allocate_near(struct codearena_pool *pool, uint64_t size,
				 uint64_t near, uint64_t align,
				 struct codearena_region *out);

/**
 * codearena_pool_is_empty - has the pool no region?
 * @pool: pool
 *
 * Return: the answer; true if @pool is NULL. Takes constant time.
 */
bool codearena_pool_is_empty(const struct codearena_pool *pool);

/**
 * codearena_pool_count - number of regions
 * @pool: pool
 *
 * Return: the number; 0 if @pool is NULL. Takes constant time.
 */
size_t codearena_pool_count(const struct codearena_pool *pool);

/**
 * codearena_pool_total - size of all regions together
 * @pool: pool
 *
 * Return: the sum; 0 if @pool is NULL. Takes constant time.
 */
uint64_t codearena_pool_total(const struct codearena_pool *pool);

/**
 * codearena_pool_largest - size of the largest region
 * @pool: pool
 *
 * Return: the size; 0 if @pool is NULL or empty. Takes constant time.
 */
uint64_t codearena_pool_largest(const struct codearena_pool *pool);

/**
 * codearena_pool_next - go through the regions
 * @pool: pool
 * @from: address
 * @out: gets the first region that ends above @from, so the one that contains
 *       @from if there is one
 *
 * To see all regions begin with 0 and go on with the end of the last result.
 *
 * Return: 0; -EINVAL; -ENOENT: there is no region more.
 */
int codearena_pool_next(const struct codearena_pool *pool, uint64_t from,
			struct codearena_region *out);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_POOL_H */
