// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Pools of regions: merging and allocating. See pool.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool.h"
#include "pool/pool_tree.h"

static struct codearena_region ca__pool_at(const struct ca__tree *tree,
					   const struct ca__path *path)
{
	const struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];

	return (struct codearena_region){ leaf->key[at], leaf->max[at] };
}

/**
 * ca__pool_new - make an empty pool
 * @out: gets the pool; NULL on failure
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ca__pool_new(struct ca__pool **out)
{
	struct ca__pool *pool;

	if (!out)
		return -EINVAL;
	*out = NULL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	if (ca__tree_init(&pool->tree)) {
		free(pool);
		return -ENOMEM;
	}
	*out = pool;
	return 0;
}

/**
 * ca__pool_free - free a pool
 * @pool: NULL, or the pool
 */
void ca__pool_free(struct ca__pool *pool)
{
	if (!pool)
		return;
	ca__tree_destroy(&pool->tree);
	free(pool);
}

/**
 * ca__pool_reserve - take memory in advance
 * @pool: pool
 * @regions: by how many regions the pool may grow
 *
 * Until the pool has grown by more than @regions, no call fails with -ENOMEM. A
 * merge adds at most one region, and so does an allocation that leaves space on
 * both sides. The memory is kept until ca__pool_free().
 *
 * Return: 0, -EINVAL, -ENOMEM, or -EOVERFLOW: more than fit in memory.
 */
int ca__pool_reserve(struct ca__pool *pool, size_t regions)
{
	return pool ? ca__tree_reserve(&pool->tree, regions) : -EINVAL;
}

/**
 * struct ca__neighbours - the regions of the pool on both sides of a new one
 * @below: path to the last one that begins at or below it
 * @above: path to the first one that begins above it
 * @low: the region at @below
 * @high: the region at @above
 * @has_below: @below is valid
 * @has_above: @above is valid
 */
struct ca__neighbours {
	struct ca__path below;
	struct ca__path above;
	struct codearena_region low;
	struct codearena_region high;
	bool has_below;
	bool has_above;
};

static int ca__neighbours_find(const struct ca__tree *tree,
			       struct codearena_region region,
			       struct ca__neighbours *join)
{
	join->has_below = ca__tree_find(tree, region.begin, &join->below);
	join->above = join->below;
	if (join->has_below) {
		join->low = ca__pool_at(tree, &join->below);
		if (join->low.begin + join->low.size > region.begin)
			return -EEXIST;
		join->has_above = ca__tree_next(tree, &join->above);
	} else {
		join->has_above = tree->count;
	}
	if (!join->has_above)
		return 0;
	join->high = ca__pool_at(tree, &join->above);
	return region.begin + region.size > join->high.begin ? -EEXIST : 0;
}

/* Insert a region that touches none: after the lower one, or first of all. */
static int ca__merge_alone(struct ca__pool *pool, struct ca__neighbours *join,
			   struct codearena_region region)
{
	int ret;

	if (join->has_below)
		join->below.index[pool->tree.height]++;
	ret = ca__tree_ready(&pool->tree, &join->below);
	if (ret)
		return ret;
	ca__tree_insert(&pool->tree, &join->below, region.begin, region.size);
	return 0;
}

/**
 * ca__pool_merge - add a region
 * @pool: pool
 * @region: the region
 * @merged: NULL, or gets the region of the pool that contains @region now
 *
 * Return: 0; -EINVAL: @region is empty; -EOVERFLOW: its end is not below 2^64;
 * -EEXIST: part of it is in the pool; -ENOMEM: see ca__pool_reserve().
 */
int ca__pool_merge(struct ca__pool *pool, struct codearena_region region,
		   struct codearena_region *merged)
{
	struct codearena_region all = region;
	struct ca__neighbours join;
	bool low, high;
	int ret;

	if (merged)
		*merged = (struct codearena_region){ 0 };
	if (!pool || !region.size)
		return -EINVAL;
	if (region.begin + region.size < region.begin)
		return -EOVERFLOW;
	ret = ca__neighbours_find(&pool->tree, region, &join);
	if (ret)
		return ret;
	low = join.has_below && join.low.begin + join.low.size == region.begin;
	high = join.has_above && region.begin + region.size == join.high.begin;
	if (low) {
		all.begin = join.low.begin;
		all.size += join.low.size;
	}
	if (high)
		all.size += join.high.size;
	if (low)
		ca__tree_set(&pool->tree, &join.below, all.begin, all.size);
	if (low && high)
		ca__tree_erase(&pool->tree, &join.above);
	else if (high)
		ca__tree_set(&pool->tree, &join.above, all.begin, all.size);
	else if (!low)
		ret = ca__merge_alone(pool, &join, region);
	if (ret)
		return ret;
	pool->total += region.size;
	if (merged)
		*merged = all;
	return 0;
}

/*
 * Take @part out of the region at @path, which is invalid afterwards. Returns
 * -ENOMEM only if space is left on both sides.
 */
static int ca__pool_carve(struct ca__pool *pool, struct ca__path *path,
			  struct codearena_region part)
{
	struct ca__tree *tree = &pool->tree;
	struct codearena_region old = ca__pool_at(tree, path);
	uint64_t front = part.begin - old.begin;
	uint64_t back = old.size - front - part.size;
	int ret;

	if (!front && !back) {
		ca__tree_erase(tree, path);
	} else if (!front) {
		ca__tree_set(tree, path, part.begin + part.size, back);
	} else {
		ret = back ? ca__tree_ready(tree, path) : 0;
		if (ret)
			return ret;
		ca__tree_set(tree, path, old.begin, front);
		path->index[tree->height]++;
		if (back)
			ca__tree_insert(tree, path, part.begin + part.size,
					back);
	}
	pool->total -= part.size;
	return 0;
}

static int ca__allocate_check(struct ca__pool *pool, uint64_t size,
			      struct codearena_region *out)
{
	if (!out)
		return -EINVAL;
	*out = (struct codearena_region){ 0 };
	return pool && size ? 0 : -EINVAL;
}

/**
 * ca__pool_allocate - take space out, anywhere
 * @pool: pool
 * @size: bytes, not 0
 * @out: gets the region
 *
 * Return: 0; -EINVAL: @size is 0; -ENOSPC: no region is large enough.
 */
int ca__pool_allocate(struct ca__pool *pool, uint64_t size,
		      struct codearena_region *out)
{
	struct codearena_region part = { .size = size };
	struct ca__path path;
	int ret = ca__allocate_check(pool, size, out);

	if (ret)
		return ret;
	if (!ca__tree_first_fit(&pool->tree, size, &path))
		return -ENOSPC;
	part.begin = ca__pool_at(&pool->tree, &path).begin;
	ca__pool_carve(pool, &path, part);
	*out = part;
	return 0;
}

/*
 * Find the lowest place in the window. Only two regions can lie in it in part:
 * the one that contains its beginning, which is checked first, and the one that
 * contains its end. Of the regions that begin in the window, the first that is
 * large enough is either the answer, or it contains the end of the window and
 * then no other is an answer.
 */
static bool ca__window_find(const struct ca__tree *tree, uint64_t size,
			    struct codearena_region window,
			    struct ca__path *path, uint64_t *begin)
{
	struct codearena_region common;

	if (ca__tree_find(tree, window.begin, path)) {
		common = ca__region_overlap(ca__pool_at(tree, path),
						  window);
		*begin = common.begin;
		if (common.size >= size)
			return true;
		if (!ca__tree_next(tree, path))
			return false;
	} else if (!tree->count) {
		return false;
	}
	if (!ca__tree_next_fit(tree, size, path))
		return false;
	common = ca__region_overlap(ca__pool_at(tree, path), window);
	*begin = common.begin;
	return common.size >= size;
}

/**
 * ca__pool_allocate_in - take space out of a window
 * @pool: pool
 * @size: bytes, not 0
 * @window: where the result must lie; { 0, UINT64_MAX } is anywhere
 * @out: gets the region: the lowest one in the window that fits
 *
 * Return: 0; -EINVAL: @size is 0; -EOVERFLOW: the end of @window is not below
 * 2^64; -ENOSPC: no region in the window is large enough; -ENOMEM: a region
 * would be split, see ca__pool_reserve().
 */
int ca__pool_allocate_in(struct ca__pool *pool, uint64_t size,
			 struct codearena_region window,
			 struct codearena_region *out)
{
	struct codearena_region part = { .size = size };
	struct ca__path path;
	int ret = ca__allocate_check(pool, size, out);

	if (ret)
		return ret;
	if (window.begin + window.size < window.begin)
		return -EOVERFLOW;
	if (size > pool->tree.largest ||
	    !ca__window_find(&pool->tree, size, window, &path, &part.begin))
		return -ENOSPC;
	ret = ca__pool_carve(pool, &path, part);
	if (!ret)
		*out = part;
	return ret;
}

bool ca__pool_is_empty(const struct ca__pool *pool)
{
	return !pool || !pool->tree.count;
}

size_t ca__pool_count(const struct ca__pool *pool)
{
	return pool ? pool->tree.count : 0;
}

uint64_t ca__pool_total(const struct ca__pool *pool)
{
	return pool ? pool->total : 0;
}

uint64_t ca__pool_largest(const struct ca__pool *pool)
{
	return pool ? pool->tree.largest : 0;
}

/**
 * ca__pool_next - iterate over the regions
 * @pool: pool
 * @from: begin with 0, continue with the end of the last result
 * @out: gets the first region that ends above @from
 *
 * Return: 0; -EINVAL; -ENOENT: there are no more regions.
 */
int ca__pool_next(const struct ca__pool *pool, uint64_t from,
		  struct codearena_region *out)
{
	struct ca__path path;
	struct codearena_region found;

	if (!out)
		return -EINVAL;
	*out = (struct codearena_region){ 0 };
	if (!pool)
		return -EINVAL;
	if (!pool->tree.count)
		return -ENOENT;
	if (ca__tree_find(&pool->tree, from, &path)) {
		found = ca__pool_at(&pool->tree, &path);
		if (found.begin + found.size <= from &&
		    !ca__tree_next(&pool->tree, &path))
			return -ENOENT;
	}
	*out = ca__pool_at(&pool->tree, &path);
	return 0;
}
