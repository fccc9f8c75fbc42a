/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A model of the region pool, a sorted array searched from the front, and checks
 * of the invariants of the pool's tree. For the tests and the fuzzer.
 */
#ifndef TEST_POOL_MODEL_H
#define TEST_POOL_MODEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool.h"
#include "pool/pool_tree.h"
#include "lib/require.h"

#define MODEL_MAX	8192

struct model {
	size_t count;
	struct codearena_region region[MODEL_MAX];
};

static inline void model_put(struct model *model, size_t at,
			     struct codearena_region region)
{
	require(model->count < MODEL_MAX);
	memmove(model->region + at + 1, model->region + at,
		(model->count - at) * sizeof(region));
	model->region[at] = region;
	model->count++;
}

static inline void model_drop(struct model *model, size_t at)
{
	model->count--;
	memmove(model->region + at, model->region + at + 1,
		(model->count - at) * sizeof(*model->region));
}

static inline int model_merge(struct model *model,
			      struct codearena_region region,
			      struct codearena_region *merged)
{
	size_t i;

	*merged = (struct codearena_region){ 0 };
	if (!region.size)
		return -EINVAL;
	if (region.begin + region.size < region.begin)
		return -EOVERFLOW;
	for (i = 0; i < model->count; i++) {
		struct codearena_region r = model->region[i];

		if (r.begin < region.begin + region.size &&
		    region.begin < r.begin + r.size)
			return -EEXIST;
	}
	for (i = 0; i < model->count; i++) {
		if (model->region[i].begin > region.begin)
			break;
	}
	model_put(model, i, region);
	if (i + 1 < model->count &&
	    region.begin + region.size == model->region[i + 1].begin) {
		model->region[i].size += model->region[i + 1].size;
		model_drop(model, i + 1);
	}
	if (i && model->region[i - 1].begin + model->region[i - 1].size ==
		 region.begin) {
		model->region[i - 1].size += model->region[i].size;
		model_drop(model, i--);
	}
	*merged = model->region[i];
	return 0;
}

static inline void model_carve(struct model *model, size_t at, uint64_t begin,
			       uint64_t size)
{
	struct codearena_region r = model->region[at];
	uint64_t end = r.begin + r.size;

	model_drop(model, at);
	if (end > begin + size)
		model_put(model, at, (struct codearena_region){
			begin + size, end - begin - size });
	if (begin > r.begin)
		model_put(model, at, (struct codearena_region){
			r.begin, begin - r.begin });
}

static inline int model_allocate_in(struct model *model, uint64_t size,
				    struct codearena_region window,
				    struct codearena_region *out)
{
	uint64_t window_end = window.begin + window.size;
	size_t i;

	*out = (struct codearena_region){ 0 };
	if (!size)
		return -EINVAL;
	if (window_end < window.begin)
		return -EOVERFLOW;
	for (i = 0; i < model->count; i++) {
		struct codearena_region r = model->region[i];
		uint64_t begin = r.begin > window.begin ? r.begin :
							  window.begin;
		uint64_t end = r.begin + r.size;

		if (end > window_end)
			end = window_end;
		if (end <= begin || end - begin < size)
			continue;
		model_carve(model, i, begin, size);
		*out = (struct codearena_region){ begin, size };
		return 0;
	}
	return -ENOSPC;
}

/* Check a leaf; counts the keys without a region, and returns the number of others. */
static inline size_t model_check_leaf(const struct ca__node *node, size_t *kept)
{
	size_t regions = 0;
	uint32_t i;

	for (i = 0; i < node->count; i++) {
		require(!i || node->key[i - 1] + node->last[i - 1] + 1 <
				      node->key[i]);
		if (node->last[i] == CA__LAST_UNUSED)
			++*kept;
		else
			regions++;
	}
	return regions;
}

/* Check a node and return the number of regions below it. */
static inline size_t model_check_node(const struct ca__tree *tree,
				      struct ca__node *node,
				      unsigned int level, size_t *nodes,
				      size_t *kept)
{
	size_t regions = 0;
	uint32_t i;

	require(node->count <= CA__NODE_CAP);
	for (i = node->count; i < CA__NODE_CAP; i++)
		require(node->last[i] == CA__LAST_UNUSED &&
			node->key[i] == CA__KEY_UNUSED);
	require(!level || node->count >= CA__NODE_MIN);
	nodes[level < tree->height]++;
	if (level == tree->height)
		return model_check_leaf(node, kept);
	require(node->count > 1 || level);
	for (i = 0; i < node->count; i++) {
		struct ca__node *child = ca__children(node)[i];

		require(node->key[i] == child->key[0]);
		require(node->last[i] == ca__node_largest(child));
		regions += model_check_node(tree, child, level + 1, nodes,
					    kept);
	}
	return regions;
}

static inline void model_check_tree(const struct ca__pool *pool)
{
	const struct ca__tree *tree = &pool->tree;
	size_t nodes[2] = { 0 }, kept = 0;

	require(model_check_node(tree, tree->root, 0, nodes, &kept) ==
		tree->count);
	require(kept == tree->kept);
	require(tree->largest == ca__node_largest(tree->root));
	require(nodes[0] == tree->leaves.used);
	require(nodes[1] == tree->inners.used);
}

/* The pool has the regions of the model, and its tree is sound. */
static inline void model_check(const struct model *model,
			       const struct ca__pool *pool)
{
	struct codearena_region r;
	uint64_t at = 0, total = 0, largest = 0;
	size_t i;

	model_check_tree(pool);
	require(ca__pool_count(pool) == model->count);
	require(ca__pool_is_empty(pool) == !model->count);
	for (i = 0; i < model->count; i++) {
		require(!ca__pool_next(pool, at, &r));
		require(r.begin == model->region[i].begin);
		require(r.size == model->region[i].size);
		at = r.begin + r.size;
		total += r.size;
		largest = r.size > largest ? r.size : largest;
	}
	require(ca__pool_next(pool, at, &r) == -ENOENT);
	require(ca__pool_total(pool) == total);
	require(ca__pool_largest(pool) == largest);
}

#endif /* TEST_POOL_MODEL_H */
