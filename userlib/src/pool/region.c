// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arithmetic of regions, which may end at 2^64.
 */
#include "pool/pool.h"

/**
 * ca__region_contains - does a region contain an address?
 * @region: region
 * @address: the address
 *
 * Return: the answer.
 */
bool ca__region_contains(struct codearena_region region, uint64_t address)
{
	/* One comparison for both ends: below @begin the difference wraps. */
	return address - region.begin < region.size;
}

/**
 * ca__region_covers - does a region contain all of another?
 * @region: region
 * @inner: the other one; inside if empty and its @begin is inside
 *
 * Return: the answer.
 */
bool ca__region_covers(struct codearena_region region,
		       struct codearena_region inner)
{
	uint64_t at = inner.begin - region.begin;

	return at < region.size && inner.size <= region.size - at;
}

/**
 * ca__region_overlap - what two regions have in common
 * @a: region
 * @b: region
 *
 * Return: the common part; @size is 0 if there is none.
 */
struct codearena_region ca__region_overlap(struct codearena_region a,
					   struct codearena_region b)
{
	struct codearena_region low = a, high = b;
	uint64_t gap, rest;

	if (b.begin < a.begin) {
		low = b;
		high = a;
	}
	gap = high.begin - low.begin;
	if (gap >= low.size)
		return (struct codearena_region){ high.begin, 0 };
	rest = low.size - gap;
	if (rest < high.size)
		high.size = rest;
	return high;
}
