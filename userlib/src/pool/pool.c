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

static struct codearena_region ca__pool_at(const struct ca__pool *pool,
					   const struct ca__path *path)
{
	unsigned int height = pool->tree.height;
	const struct ca__node *leaf = path->node[height];
	uint32_t at = path->index[height];

	return (struct codearena_region){
		.begin = pool->within.begin + (uint32_t)leaf->key[at],
		.size = (uint64_t)leaf->last[at] + 1,
	};
}

/* An address as the tree has it; it is one of the pool's. */
static int32_t ca__pool_key(const struct ca__pool *pool, uint64_t address)
{
	return (int32_t)(address - pool->within.begin);
}

static int32_t ca__pool_last(uint64_t size)
{
	return (int32_t)(size - 1);
}

/**
 * ca__pool_new - make an empty pool
 * @within: the addresses that it may contain, at most CA__POOL_MAX
 * @out: gets the pool; NULL on failure
 *
 * Return: 0; -EINVAL: @out is NULL, or @within is empty or too large;
 * -EOVERFLOW: the end of @within is not below 2^64; -ENOMEM.
 */
int ca__pool_new(struct codearena_region within, struct ca__pool **out)
{
	struct ca__pool *pool;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!within.size || within.size > CA__POOL_MAX)
		return -EINVAL;
	if (within.begin + within.size < within.begin)
		return -EOVERFLOW;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->within = within;
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
 * struct ca__neighbours - the entries of the pool on both sides of a new region
 * @below: path to the last one that begins at or below it, or to the first one
 * @above: path to the first one that begins above it, unless it is the entry
 *         after @below in the same leaf
 * @low: the region at @below; of size 0 if there is none, or its key was kept
 * @high: the region above, likewise
 * @has_below: @below is an entry below
 * @same_leaf: @above is not set
 */
struct ca__neighbours {
	struct ca__path below;
	struct ca__path above;
	struct codearena_region low;
	struct codearena_region high;
	bool has_below;
	bool same_leaf;
};

/* Find the entry above the new region; false: there is none. */
static bool ca__neighbour_above(const struct ca__pool *pool,
				struct ca__neighbours *join)
{
	const struct ca__tree *tree = &pool->tree;
	const struct ca__node *leaf = join->below.node[tree->height];
	uint32_t at = join->below.index[tree->height] + join->has_below;

	join->same_leaf = at < leaf->count;
	if (join->same_leaf) {
		join->high.begin = pool->within.begin +
				   (uint32_t)leaf->key[at];
		join->high.size = (uint64_t)leaf->last[at] + 1;
		return true;
	}
	join->above = join->below;
	if (!ca__tree_next(tree, &join->above))
		return false;
	join->high = ca__pool_at(pool, &join->above);
	return true;
}

/* The path to the entry above, which exists. */
static struct ca__path *ca__path_above(const struct ca__pool *pool,
				       struct ca__neighbours *join)
{
	if (join->same_leaf) {
		join->above = join->below;
		join->above.index[pool->tree.height] += join->has_below;
	}
	return &join->above;
}

/* What is above is a kept key that the new region covers or ends at. */
static bool ca__neighbour_is_gone(const struct ca__neighbours *join,
				  struct codearena_region region)
{
	return !join->high.size &&
	       join->high.begin <= region.begin + region.size;
}

/* Keys that lie in the way are forgotten. */
static int ca__neighbours_find(struct ca__pool *pool,
			       struct codearena_region region,
			       struct ca__neighbours *join)
{
	for (;;) {
		join->low = (struct codearena_region){ 0 };
		join->high = (struct codearena_region){ 0 };
		join->has_below = ca__tree_find(&pool->tree,
						ca__pool_key(pool, region.begin),
						&join->below);
		if (join->has_below) {
			join->low = ca__pool_at(pool, &join->below);
			if (join->low.begin + join->low.size > region.begin)
				return -EEXIST;
		}
		if (!ca__neighbour_above(pool, join))
			return 0;
		if (!ca__neighbour_is_gone(join, region))
			break;
		ca__tree_erase(&pool->tree, ca__path_above(pool, join));
	}
	return join->high.size &&
	       region.begin + region.size > join->high.begin ? -EEXIST : 0;
}

/* Insert a region that touches none: after the lower one, or first of all. */
static int ca__merge_alone(struct ca__pool *pool, struct ca__neighbours *join,
			   struct codearena_region region)
{
	int ret;

	join->below.index[pool->tree.height] += join->has_below;
	ret = ca__tree_ready(&pool->tree, &join->below);
	if (ret)
		return ret;
	ca__tree_insert(&pool->tree, &join->below,
			ca__pool_key(pool, region.begin),
			ca__pool_last(region.size));
	return 0;
}

/* Replace one neighbour or both by @all, which contains them. */
static void ca__merge_into(struct ca__pool *pool, struct ca__neighbours *join,
			   struct codearena_region all, bool low, bool high)
{
	struct ca__tree *tree = &pool->tree;
	struct ca__path *above = high ? ca__path_above(pool, join) : NULL;

	ca__tree_set(tree, low ? &join->below : above,
		     ca__pool_key(pool, all.begin), ca__pool_last(all.size));
	if (low && high)
		ca__tree_erase(tree, above);
}

static int ca__merge_check(const struct ca__pool *pool,
			   struct codearena_region region)
{
	if (!pool || !region.size)
		return -EINVAL;
	return ca__region_covers(pool->within, region) ? 0 : -EOVERFLOW;
}

/**
 * ca__pool_merge - add a region
 * @pool: pool
 * @region: the region
 * @merged: NULL, or gets the region of the pool that contains @region now
 *
 * Return: 0; -EINVAL: @region is empty; -EOVERFLOW: it is not within the pool's
 * addresses; -EEXIST: part of it is in the pool; -ENOMEM: see ca__pool_reserve().
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
	ret = ca__merge_check(pool, region);
	if (ret)
		return ret;
again:
	ret = ca__neighbours_find(pool, region, &join);
	if (ret)
		return ret;
	/* It may be the region's own key, which was kept. */
	low = join.has_below && join.low.begin + join.low.size == region.begin;
	high = join.high.size && region.begin + region.size == join.high.begin;
	if (low)
		all.begin = join.low.begin;
	all.size += (low ? join.low.size : 0) + (high ? join.high.size : 0);
	if (low || high)
		ca__merge_into(pool, &join, all, low, high);
	else
		ret = ca__merge_alone(pool, &join, region);
	if (ret && ca__tree_forget(&pool->tree))
		goto again;
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
	struct codearena_region old = ca__pool_at(pool, path);
	uint64_t front = part.begin - old.begin;
	uint64_t back = old.size - front - part.size;
	int ret;

	if (!front && !back) {
		ca__tree_take(tree, path);
	} else if (!front) {
		ca__tree_set(tree, path,
			     ca__pool_key(pool, part.begin + part.size),
			     ca__pool_last(back));
	} else {
		ret = back ? ca__tree_ready(tree, path) : 0;
		if (ret)
			return ret;
		ca__tree_set(tree, path, ca__pool_key(pool, old.begin),
			     ca__pool_last(front));
		path->index[tree->height]++;
		if (back)
			ca__tree_insert(tree, path,
					ca__pool_key(pool, part.begin +
							   part.size),
					ca__pool_last(back));
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
	if (size > CA__POOL_MAX ||
	    !ca__tree_first_fit(&pool->tree, ca__pool_last(size), &path))
		return -ENOSPC;
	part.begin = ca__pool_at(pool, &path).begin;
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
static bool ca__window_find(const struct ca__pool *pool, uint64_t size,
			    struct codearena_region window,
			    struct ca__path *path, uint64_t *begin)
{
	const struct ca__tree *tree = &pool->tree;
	struct codearena_region common;

	if (ca__tree_find(tree, ca__pool_key(pool, window.begin), path)) {
		common = ca__region_overlap(ca__pool_at(pool, path), window);
		*begin = common.begin;
		if (common.size >= size)
			return true;
		if (!ca__tree_next(tree, path))
			return false;
	} else if (!tree->count) {
		return false;
	}
	if (!ca__tree_next_fit(tree, ca__pool_last(size), path))
		return false;
	common = ca__region_overlap(ca__pool_at(pool, path), window);
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
	window = ca__region_overlap(window, pool->within);
again:
	if (size > ca__pool_largest(pool) || size > window.size ||
	    !ca__window_find(pool, size, window, &path, &part.begin))
		return -ENOSPC;
	ret = ca__pool_carve(pool, &path, part);
	if (ret && ca__tree_forget(&pool->tree))
		goto again;
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
	return pool ? (uint64_t)(pool->tree.largest + INT64_C(1)) : 0;
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
	if (from < pool->within.begin)
		from = pool->within.begin;
	if (from - pool->within.begin >= pool->within.size)
		return -ENOENT;
	ca__tree_find(&pool->tree, ca__pool_key(pool, from), &path);
	for (;;) {
		found = ca__pool_at(pool, &path);
		if (found.size && found.begin + found.size > from)
			break;
		if (!ca__tree_next(&pool->tree, &path))
			return -ENOENT;
	}
	*out = found;
	return 0;
}
