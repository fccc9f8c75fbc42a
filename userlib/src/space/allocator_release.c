// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocators: releasing regions.
 */
#include <errno.h>

#include "space/space.h"

/* Ranges of one call of the backend; they are on the stack. */
#define CA__STEP	1024U

/* Check that a region is allocated, and in whole units. */
static int ca__live_check(const struct codearena_allocator *allocator,
			  struct codearena_region region,
			  struct ca__space **space)
{
	uint64_t unit = allocator->manager->unit;

	if (region.begin + region.size < region.begin)
		return -EOVERFLOW;
	if (!region.size || (region.begin | region.size) & (unit - 1))
		return -EINVAL;
	*space = ca__spaces_find(ca__spaces_get(allocator), region.begin);
	if (!*space || !ca__region_covers((*space)->region, region) ||
	    !ca__space_is_live(*space, region))
		return -ENOENT;
	return 0;
}

static void ca__spaces_mark(const struct codearena_allocator *allocator,
			    const struct codearena_region *regions,
			    size_t count, bool live)
{
	const struct ca__spaces *spaces = ca__spaces_get(allocator);
	size_t i;

	for (i = 0; i < count; i++)
		ca__space_mark(ca__spaces_find(spaces, regions[i].begin),
			       regions[i], live);
}

/* Check all regions. Each is unmarked, so that a second mention is noticed. */
static int ca__release_check(struct codearena_allocator *allocator,
			     const struct codearena_region *regions,
			     size_t count)
{
	const struct ca__spaces *spaces = ca__spaces_get(allocator);
	struct ca__space *space;
	size_t i;
	int ret = 0;

	for (i = 0; i < spaces->count; i++)
		spaces->space[i]->releasing = 0;
	for (i = 0; i < count; i++) {
		ret = ca__live_check(allocator, regions[i], &space);
		if (ret)
			break;
		ca__space_mark(space, regions[i], false);
		space->releasing++;
	}
	ca__spaces_mark(allocator, regions, i, true);
	return ret;
}

/* Allocates only if there are more pieces than were announced. */
static int ca__release_reserve(struct codearena_allocator *allocator,
			       size_t count)
{
	const struct ca__spaces *spaces = ca__spaces_get(allocator);
	int ret = ca__queue_reserve(&allocator->queue, count);
	size_t i;

	for (i = 0; i < spaces->count && !ret; i++) {
		struct ca__space *space = spaces->space[i];

		if (space->releasing > space->pieces)
			ret = ca__pool_reserve(space->pool,
						     space->waiting +
						     space->releasing);
	}
	return ret;
}

/**
 * struct ca__release_step - regions that one call of the backend discards
 * @space: their space
 * @regions: number of regions
 * @count: entries of @range
 * @range: the regions as offsets, neighbours joined
 * @decommitted: the call has decommitted whole pages of them
 */
struct ca__release_step {
	struct ca__space *space;
	size_t regions;
	size_t count;
	struct codearena_range range[CA__STEP];
	bool decommitted;
};

static void ca__release_step_make(const struct codearena_allocator *allocator,
				  const struct codearena_region *regions,
				  size_t count, struct ca__release_step *step)
{
	size_t limit = allocator->manager->info.max_entries;
	size_t i, n = 0;

	if (limit > CA__STEP)
		limit = CA__STEP;
	step->space = ca__spaces_find(ca__spaces_get(allocator),
				      regions[0].begin);
	for (i = 0; i < count; i++) {
		uint64_t offset = regions[i].begin - step->space->region.begin;

		if (!ca__region_covers(step->space->region, regions[i]))
			break;
		if (n && step->range[n - 1].offset +
			 step->range[n - 1].length == offset) {
			step->range[n - 1].length += regions[i].size;
			continue;
		}
		if (n == limit)
			break;
		step->range[n].offset = offset;
		step->range[n++].length = regions[i].size;
	}
	step->regions = i;
	step->count = n;
}

/* Account for regions that were discarded, and let them wait. */
static void ca__release_step_done(struct codearena_allocator *allocator,
				  const struct codearena_region *regions,
				  const size_t *pieces,
				  const struct ca__release_step *step)
{
	struct ca__space *space = step->space;
	size_t i, known;

	ca__spaces_mark(allocator, regions, step->regions, false);
	for (i = 0; i < step->regions; i++) {
		struct ca__waiter waiter = {
			.region = regions[i],
			.space = space,
			.epoch = allocator->epoch,
		};

		ca__queue_put(&allocator->queue, &waiter);
		known = pieces ? pieces[i] : 1;
		if (known > space->pieces)
			known = space->pieces;
		space->pieces -= known;
		allocator->pieces -= known;
		space->waiting++;
		allocator->stat.live -= regions[i].size;
		allocator->stat.waiting += regions[i].size;
		allocator->stat.released += regions[i].size;
	}
	for (i = 0; i < step->count; i++) {
		struct codearena_region whole = {
			space->region.begin + step->range[i].offset,
			step->range[i].length,
		};

		if (step->decommitted)
			ca__space_decommitted(allocator->manager, space, whole);
		ca__space_decommit(allocator->manager, space, whole);
	}
}

static int ca__regions_release(struct codearena_allocator *allocator,
			       const struct codearena_region *regions,
			       const size_t *pieces, size_t count, size_t *done)
{
	struct ca__release_step step;
	int ret = ca__release_check(allocator, regions, count);

	if (!ret)
		ret = ca__release_reserve(allocator, count);
	while (!ret && *done < count) {
		ca__release_step_make(allocator, regions + *done,
				      count - *done, &step);
		ret = ca__arena_release(step.space->arena, step.range,
					step.count, &step.decommitted);
		if (ret)
			break;
		ca__release_step_done(allocator, regions + *done,
				      pieces ? pieces + *done : NULL, &step);
		*done += step.regions;
	}
	return ret;
}

/**
 * ca__allocator_release - release regions that were divided
 * @allocator: allocator
 * @regions: as for codearena_allocator_release()
 * @pieces: NULL, or of how many pieces announced by ca__allocator_divide() each
 *          region consists
 * @count: entries of both
 *
 * Return: as codearena_allocator_release().
 */
int ca__allocator_release(struct codearena_allocator *allocator,
			  const struct codearena_region *regions,
			  const size_t *pieces, size_t count)
{
	size_t done = 0;
	int ret;

	ca__allocator_lock(allocator);
	ret = ca__regions_release(allocator, regions, pieces, count, &done);
	ca__allocator_unlock(allocator);
	return ret;
}

CODEARENA_API int
codearena_allocator_release(struct codearena_allocator *allocator,
			    const struct codearena_region *regions,
			    size_t count, size_t *done)
{
	size_t ignored;
	int ret;

	if (!done)
		done = &ignored;
	*done = 0;
	if (!allocator || (!regions && count))
		return -EINVAL;
	ret = ca__allocator_check(allocator);
	if (ret)
		return ret;
	ca__allocator_lock(allocator);
	ret = ca__regions_release(allocator, regions, NULL, count, done);
	ca__allocator_unlock(allocator);
	return ret;
}

static int ca__divide_locked(struct codearena_allocator *allocator,
			     struct codearena_region region, size_t pieces)
{
	struct ca__space *space;
	size_t all, room;
	int ret = ca__live_check(allocator, region, &space);

	if (ret)
		return ret;
	/* The allocation itself counts as one. */
	pieces--;
	if (__builtin_add_overflow(allocator->pieces, pieces, &all) ||
	    __builtin_add_overflow(space->waiting, all, &room))
		return -ENOMEM;
	ret = ca__queue_reserve(&allocator->queue, all);
	if (!ret)
		ret = ca__pool_reserve(space->pool, space->waiting +
					     space->pieces + pieces);
	if (ret)
		return -ENOMEM;
	space->pieces += pieces;
	allocator->pieces = all;
	return 0;
}

/**
 * ca__allocator_divide - announce that a region will be released in pieces
 * @allocator: allocator
 * @region: an allocation
 * @pieces: upper limit of the pieces
 *
 * Releasing allocations as a whole never fails with -ENOMEM; afterwards the same
 * holds for pieces of this one.
 *
 * Return: 0; -EINVAL: @pieces is 0, or @region is empty or not in whole units;
 * -ENOENT: not allocated by @allocator; -ENOMEM.
 */
int ca__allocator_divide(struct codearena_allocator *allocator,
			 struct codearena_region region, size_t pieces)
{
	int ret;

	if (!allocator || !pieces)
		return -EINVAL;
	ca__allocator_lock(allocator);
	ret = ca__divide_locked(allocator, region, pieces);
	ca__allocator_unlock(allocator);
	return ret;
}
