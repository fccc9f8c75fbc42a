// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Pools of regions: what V8's DisjointAllocationPool does, in logarithmic time.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool.h"

CODEARENA_API int codearena_pool_new(struct codearena_pool **out)
{
	struct codearena_pool *pool;

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

CODEARENA_API void codearena_pool_free(struct codearena_pool *pool)
{
	if (!pool)
		return;
	ca__tree_destroy(&pool->tree);
	free(pool);
}

CODEARENA_API int codearena_pool_reserve(struct codearena_pool *pool,
					 size_t regions)
{
	return pool ? ca__tree_reserve(&pool->tree, regions) : -EINVAL;
}

/**
 * struct ca__join - a region and its neighbours in the pool
 * @below: the last one that begins at or below it
 * @above: the first one that begins above it
 * @low: what @below is
 * @high: what @above is
 * @has_below: there is one
 * @has_above: there is one
 */
struct ca__join {
	struct ca__path below;
	struct ca__path above;
	struct codearena_region low;
	struct codearena_region high;
	bool has_below;
	bool has_above;
};

static int ca__join_find(const struct ca__tree *tree,
			 struct codearena_region region, struct ca__join *join)
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

/* A region that touches none: behind the lower one, or in front of all. */
static int ca__merge_alone(struct codearena_pool *pool, struct ca__join *join,
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

CODEARENA_API int codearena_pool_merge(struct codearena_pool *pool,
				       struct codearena_region region,
				       struct codearena_region *merged)
{
	struct codearena_region all = region;
	struct ca__join join;
	bool low, high;
	int ret;

	if (merged)
		*merged = (struct codearena_region){ 0 };
	if (!pool || !region.size)
		return -EINVAL;
	if (region.begin + region.size < region.begin)
		return -EOVERFLOW;
	ret = ca__join_find(&pool->tree, region, &join);
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

/**
 * ca__pool_carve - take a part out of a region
 * @pool: pool
 * @path: the region; must not be used any more
 * @part: what lies in the region, not empty
 *
 * Return: 0 or -ENOMEM; always 0 if @part begins or ends where the region does.
 */
int ca__pool_carve(struct codearena_pool *pool, struct ca__path *path,
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

static int ca__allocate_check(struct codearena_pool *pool, uint64_t size,
			      struct codearena_region *out)
{
	if (!out)
		return -EINVAL;
	*out = (struct codearena_region){ 0 };
	return pool && size ? 0 : -EINVAL;
}

CODEARENA_API int codearena_pool_allocate(struct codearena_pool *pool,
					  uint64_t size,
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
 * Only two regions can lie in the window in part: the one in which the window
 * begins, which is looked at by itself, and the one in which it ends. Of those
 * that begin in the window the first one that is large enough for itself is
 * either good, or it is the one in which the window ends, and then no other
 * one is good.
 */
static bool ca__window_find(const struct ca__tree *tree, uint64_t size,
			    struct codearena_region window,
			    struct ca__path *path, uint64_t *begin)
{
	struct codearena_region common;

	if (ca__tree_find(tree, window.begin, path)) {
		common = codearena_region_overlap(ca__pool_at(tree, path),
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
	common = codearena_region_overlap(ca__pool_at(tree, path), window);
	*begin = common.begin;
	return common.size >= size;
}

CODEARENA_API int codearena_pool_allocate_in(struct codearena_pool *pool,
					     uint64_t size,
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

CODEARENA_API bool codearena_pool_is_empty(const struct codearena_pool *pool)
{
	return !pool || !pool->tree.count;
}

CODEARENA_API size_t codearena_pool_count(const struct codearena_pool *pool)
{
	return pool ? pool->tree.count : 0;
}

CODEARENA_API uint64_t codearena_pool_total(const struct codearena_pool *pool)
{
	return pool ? pool->total : 0;
}

CODEARENA_API uint64_t codearena_pool_largest(const struct codearena_pool *pool)
{
	return pool ? pool->tree.largest : 0;
}

CODEARENA_API int codearena_pool_next(const struct codearena_pool *pool,
				      uint64_t from,
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
