// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What can be asked of an allocator.
 */
#include <errno.h>
#include <string.h>

#include "space/space.h"

CODEARENA_API size_t
codearena_allocator_space_count(struct codearena_allocator *allocator)
{
	return allocator ? ca__spaces_get(allocator)->count : 0;
}

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
	size_t size;
	int ret;

	if (!allocator || !out || out->sz < sizeof(*out))
		return -EINVAL;
	size = out->sz;
	memset(out, 0, size);
	out->sz = size;
	ca__allocator_lock(allocator);
	ret = ca__space_info(allocator, index, out);
	ca__allocator_unlock(allocator);
	return ret;
}

CODEARENA_API int
codearena_allocator_stat(struct codearena_allocator *allocator,
			 struct codearena_allocator_stat *stat)
{
	const struct ca__spaces *spaces;
	size_t size, i;

	if (!allocator || !stat || stat->sz < sizeof(*stat))
		return -EINVAL;
	size = stat->sz;
	memset(stat, 0, size);
	ca__allocator_lock(allocator);
	*stat = allocator->stat;
	stat->sz = size;
	spaces = ca__spaces_get(allocator);
	for (i = 0; i < spaces->count; i++) {
		stat->committed += spaces->space[i]->committed;
		stat->free += ca__pool_total(spaces->space[i]->pool);
	}
	ca__allocator_unlock(allocator);
	return 0;
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
