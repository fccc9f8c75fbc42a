/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Searching the arrays of a node four entries at a time, with what every
 * processor of the architectures has.
 */
#ifndef CA__POOL_VECTOR_H
#define CA__POOL_VECTOR_H

#include <stdint.h>
#include <string.h>

#include "pool/pool_tree.h"

#define CA__VECTOR	4

_Static_assert(CA__NODE_CAP % CA__VECTOR == 0 && CA__NODE_CAP <= 32,
	       "a node is whole vectors, and 32 bits are enough for a mask");

typedef int32_t ca__vector __attribute__((vector_size(4 * CA__VECTOR)));

static inline ca__vector ca__vector_load(const int32_t *from)
{
	ca__vector v;

	memcpy(&v, from, sizeof(v));
	return v;
}

/* Index of the first element above the bound; CA__NODE_CAP if there is none. */
static inline uint32_t ca__vector_above(const int32_t *array, int32_t bound)
{
	const ca__vector bounds = { bound, bound, bound, bound };
	const ca__vector bit = { 1, 2, 4, 8 };
	ca__vector found = { 0 };
	uint32_t mask;
	int i;

#pragma GCC unroll 8
	for (i = 0; i < CA__NODE_CAP; i += CA__VECTOR)
		found |= (ca__vector_load(array + i) > bounds) & (bit << i);
	mask = (uint32_t)(found[0] | found[1] | found[2] | found[3]);
	return mask ? (uint32_t)__builtin_ctz(mask) : CA__NODE_CAP;
}

/* Number of elements that are not above the bound. */
static inline uint32_t ca__vector_rank(const int32_t *array, int32_t bound)
{
	const ca__vector bounds = { bound, bound, bound, bound };
	ca__vector above = { 0 };
	int i;

#pragma GCC unroll 8
	for (i = 0; i < CA__NODE_CAP; i += CA__VECTOR)
		above += ca__vector_load(array + i) > bounds;
	return (uint32_t)(CA__NODE_CAP + above[0] + above[1] + above[2] +
			  above[3]);
}

static inline int32_t ca__vector_largest(const int32_t *array)
{
	ca__vector most = ca__vector_load(array), v, above;
	int32_t largest = CA__LAST_UNUSED;
	int i;

#pragma GCC unroll 8
	for (i = CA__VECTOR; i < CA__NODE_CAP; i += CA__VECTOR) {
		v = ca__vector_load(array + i);
		above = v > most;
		most = (v & above) | (most & ~above);
	}
	for (i = 0; i < CA__VECTOR; i++)
		largest = most[i] > largest ? most[i] : largest;
	return largest;
}

#endif /* CA__POOL_VECTOR_H */
