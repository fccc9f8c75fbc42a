// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arithmetic of regions, which may end at 2^64.
 */
#include "base/base.h"

#include "codearena/module.h"

CODEARENA_API bool codearena_region_contains(struct codearena_region region,
					     uint64_t address)
{
	/* One comparison for both ends: below @begin the difference wraps. */
	return address - region.begin < region.size;
}

CODEARENA_API bool codearena_region_covers(struct codearena_region region,
					   struct codearena_region inner)
{
	uint64_t at = inner.begin - region.begin;

	return at < region.size && inner.size <= region.size - at;
}

CODEARENA_API struct codearena_region
codearena_region_overlap(struct codearena_region a, struct codearena_region b)
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
