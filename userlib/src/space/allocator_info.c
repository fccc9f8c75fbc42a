// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocators: counters, descriptions of spaces, and lookup by address.
 */
#include <errno.h>

#include "space/space.h"

_Static_assert(sizeof(struct codearena_space_info) >= CA__SIZE_SPACE_INFO,
	       "structures only grow");
_Static_assert(sizeof(struct codearena_allocator_counters) >=
	       CA__SIZE_ALLOCATOR_COUNTERS, "structures only grow");

static int ca__space_info(const struct codearena_allocator *allocator,
			  size_t index, struct codearena_space_info *out)
{
	const struct ca__spaces *spaces = ca__spaces_get(allocator);
	const struct ca__space *space;
	size_t i;

	for (i = 0; i < spaces->count; i++) {
		space = spaces->space[i];
		if (space->index != index)
			continue;
		out->arena = space->arena;
		out->region = space->region;
		out->committed = space->committed;
		out->free = ca__pool_total(space->pool);
		return 0;
	}
	return -ENOENT;
}

CODEARENA_API int
codearena_allocator_space(struct codearena_allocator *allocator, size_t index,
			  struct codearena_space_info *out)
{
	struct codearena_space_info info = { 0 };
	int ret, put;

	ret = ca__allocator_check(allocator);
	if (ret)
		return ret;
	ca__allocator_lock(allocator);
	ret = ca__space_info(allocator, index, &info);
	ca__allocator_unlock(allocator);
	put = ca__struct_put(out, &info, CA__SIZE_SPACE_INFO, sizeof(info));
	return put ? put : ret;
}

CODEARENA_API int
codearena_allocator_clone(struct codearena_allocator *allocator)
{
	const struct ca__spaces *spaces;
	size_t i;
	int ret = 0;

	if (!allocator)
		return -EINVAL;
	ca__allocator_lock(allocator);
	spaces = ca__spaces_get(allocator);
	for (i = 0; i < spaces->count && !ret; i++)
		ret = codearena_arena_clone(spaces->space[i]->arena);
	ca__allocator_unlock(allocator);
	/* The caller says that no other thread was here when it forked. */
	if (!ret && ca__inherited(allocator->process))
		ca__owner_adopt();
	return ret;
}

CODEARENA_API int
codearena_allocator_stat(struct codearena_allocator *allocator,
			 struct codearena_allocator_counters *counters)
{
	struct codearena_allocator_counters now;
	const struct ca__spaces *spaces;
	size_t i;
	int ret = ca__allocator_check(allocator);

	if (ret)
		return ret;
	ca__allocator_lock(allocator);
	now = allocator->stat;
	spaces = ca__spaces_get(allocator);
	for (i = 0; i < spaces->count; i++) {
		now.committed += spaces->space[i]->committed;
		now.free += ca__pool_total(spaces->space[i]->pool);
	}
	ca__allocator_unlock(allocator);
	return ca__struct_put(counters, &now, CA__SIZE_ALLOCATOR_COUNTERS,
			      sizeof(now));
}

CODEARENA_API int
codearena_allocator_locate(const struct codearena_allocator *allocator,
			   uint64_t address, struct codearena_arena **arena,
			   uint64_t *offset, size_t *index)
{
	const struct ca__space *space;

	if (!allocator)
		return -EINVAL;
	space = ca__spaces_find(ca__spaces_get(allocator), address);
	if (!space)
		return -ENOENT;
	if (arena)
		*arena = space->arena;
	if (offset)
		*offset = address - space->region.begin;
	if (index)
		*index = space->index;
	return 0;
}
