// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Pools of regions: allocating near an address.
 */
#include <errno.h>

#include "pool/pool.h"

/*
 * So many regions in each direction, which are large enough but for the
 * alignment perhaps, are tried before those that are large enough for any.
 */
#define CA__NEAR_TRIES	8

/**
 * struct ca__near - search in progress
 * @tree: where
 * @size: so much
 * @near: close to this address
 * @align: at a multiple of this
 * @path: region of the best place
 * @begin: the best place
 * @cost: its distance; valid if @found
 * @found: there is one
 */
struct ca__near {
	const struct ca__tree *tree;
	uint64_t size;
	uint64_t near;
	uint64_t align;
	struct ca__path path;
	uint64_t begin;
	uint64_t cost;
	bool found;
};

static void ca__near_take(struct ca__near *search, const struct ca__path *path,
			  uint64_t begin)
{
	uint64_t cost = begin > search->near ? begin - search->near :
					       search->near - begin;

	if (search->found && cost >= search->cost)
		return;
	search->found = true;
	search->cost = cost;
	search->begin = begin;
	search->path = *path;
}

/* The best places of one region, which is large enough; false: it has none. */
static bool ca__near_look(struct ca__near *search, const struct ca__path *path)
{
	struct codearena_region region = ca__pool_at(search->tree, path);
	uint64_t last = region.begin + region.size - search->size;
	uint64_t mask = search->align - 1, low, high;
	bool any = false;

	low = (search->near < last ? search->near : last) & ~mask;
	if (low >= region.begin) {
		ca__near_take(search, path, low);
		any = true;
	}
	high = search->near > region.begin ? search->near : region.begin;
	if (high > UINT64_MAX - mask)
		return any;
	high = (high + mask) & ~mask;
	if (high <= last) {
		ca__near_take(search, path, high);
		any = true;
	}
	return any;
}

static void ca__near_down(struct ca__near *search, struct ca__path path)
{
	uint64_t size = search->size;
	unsigned int try;

	for (try = 0; try <= CA__NEAR_TRIES; try++) {
		if (try == CA__NEAR_TRIES)
			size += search->align - 1;
		if (!ca__tree_prev_fit(search->tree, size, &path) ||
		    ca__near_look(search, &path) ||
		    !ca__tree_prev(search->tree, &path))
			return;
	}
}

static void ca__near_up(struct ca__near *search, struct ca__path path)
{
	uint64_t size = search->size;
	unsigned int try;

	for (try = 0; try <= CA__NEAR_TRIES; try++) {
		if (try == CA__NEAR_TRIES)
			size += search->align - 1;
		if (!ca__tree_next_fit(search->tree, size, &path) ||
		    ca__near_look(search, &path) ||
		    !ca__tree_next(search->tree, &path))
			return;
	}
}

CODEARENA_API int codearena_pool_allocate_near(struct codearena_pool *pool,
					       uint64_t size, uint64_t near,
					       uint64_t align,
					       struct codearena_region *out)
{
	struct ca__near search = { .size = size, .near = near, .align = align };
	struct codearena_region part = { .size = size };
	struct ca__path path;
	int ret;

	if (!out)
		return -EINVAL;
	*out = (struct codearena_region){ 0 };
	if (!pool || !size || !align || (align & (align - 1)))
		return -EINVAL;
	if (size + align < size)
		return -EOVERFLOW;
	if (size > pool->tree.largest)
		return -ENOSPC;
	search.tree = &pool->tree;
	if (!ca__tree_find(&pool->tree, near, &path)) {
		ca__near_up(&search, path);
	} else {
		ca__near_down(&search, path);
		if (ca__tree_next(&pool->tree, &path))
			ca__near_up(&search, path);
	}
	if (!search.found)
		return -ENOSPC;
	part.begin = search.begin;
	ret = ca__pool_carve(pool, &search.path, part);
	if (!ret)
		*out = part;
	return ret;
}
