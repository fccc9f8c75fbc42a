/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool. Pure.
 */
#ifndef CA__POOL_TREE_H
#define CA__POOL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena/module.h"

/*
 * A B+-tree. Leaves hold the regions; inner nodes hold the first address and the
 * largest region below each child. Addresses are relative to the pool's, so they
 * and the sizes take 32 bits, and the arrays of a node are few cache lines: a
 * search compares all entries with vector instructions instead of branching on
 * comparisons that the processor cannot predict.
 *
 * Sizes are stored less one, since a region may have 2^31 bytes.
 *
 * Where regions have few sizes, what is taken is often a whole region and comes back
 * as it was. A leaf keeps the key of such a region for a while, with no size: both are
 * a store then, and nothing is shifted. No key is kept inside or at the end of a region.
 *
 * Every node except the root is at least CA__NODE_MIN full. That is less than
 * half, so that a node filled in ascending order can be left fuller than its new
 * neighbour, and so that nodes do not split and join in turn.
 */
#ifndef CA__NODE_CAP /* The fuzzer sets a small one, for higher trees. */
#define CA__NODE_CAP	32
#endif
#define CA__NODE_MIN	(CA__NODE_CAP / 4)
/* Two neighbours with at most this many entries are joined. */
#define CA__NODE_JOIN	(CA__NODE_CAP * 3 / 4)
/* At most 2^30 regions fit; CA__NODE_MIN to the power of levels is not more. */
#define CA__TREE_DEPTH	(CA__NODE_MIN < 8 ? 32 : 12)

/* Of unused entries */
#define CA__KEY_UNUSED	INT32_MAX
#define CA__LAST_UNUSED	(-1)

/**
 * struct ca__node - a leaf, or the beginning of an inner node
 * @count: number of entries in use
 * @next_free: in an unused node: the next one
 * @key: first address of the region, or of the first region below the child;
 *       ascending; CA__KEY_UNUSED if unused
 * @last: size of the region, or of the largest one below the child, less one;
 *        CA__LAST_UNUSED if unused
 */
struct ca__node {
	union {
		uint32_t count;
		struct ca__node *next_free;
	};
	int32_t key[CA__NODE_CAP] __attribute__((aligned(64)));
	int32_t last[CA__NODE_CAP];
};

struct ca__inner {
	struct ca__node node;
	struct ca__node *child[CA__NODE_CAP];
};

struct ca__chunk;

/**
 * struct ca__nodes - the memory of one kind of nodes
 * @size: bytes of a node
 * @free: list of nodes that were returned
 * @free_count: number of nodes in the list, and of those never used
 * @used: number of nodes in use
 * @chunks: all chunks
 * @fresh: first chunk that may have nodes never used
 */
struct ca__nodes {
	size_t size;
	struct ca__node *free;
	size_t free_count;
	size_t used;
	struct ca__chunk *chunks;
	struct ca__chunk *fresh;
};

/**
 * struct ca__tree - a tree
 * @root: node at the top, a leaf if @height is 0
 * @height: number of inner nodes above a leaf
 * @largest: size of the largest region less one, CA__LAST_UNUSED if there is none
 * @count: number of regions
 * @kept: number of keys that were kept without a region
 * @leaves: memory for leaves
 * @inners: memory for inner nodes
 */
struct ca__tree {
	struct ca__node *root;
	unsigned int height;
	int32_t largest;
	size_t count;
	size_t kept;
	struct ca__nodes leaves;
	struct ca__nodes inners;
};

/**
 * struct ca__pool - a pool of regions
 * @tree: the regions
 * @within: the addresses that it may contain
 * @total: sum of the sizes of the regions
 */
struct ca__pool {
	struct ca__tree tree;
	struct codearena_region within;
	uint64_t total;
};

/**
 * struct ca__path - a place in the tree
 * @node: node at each level, the root at 0, the leaf at height
 * @index: entry in each node that the path takes; in the leaf the entry itself,
 *         or the place after the last one
 */
struct ca__path {
	struct ca__node *node[CA__TREE_DEPTH];
	uint32_t index[CA__TREE_DEPTH];
};

/* pool_node.c */
void ca__nodes_init(struct ca__nodes *nodes, size_t size);
void ca__nodes_destroy(struct ca__nodes *nodes);
int ca__nodes_ready(struct ca__nodes *nodes, size_t count);
struct ca__node *ca__nodes_get(struct ca__nodes *nodes);
void ca__nodes_put(struct ca__nodes *nodes, struct ca__node *node);

/* pool_tree.c */
int ca__tree_init(struct ca__tree *tree);
void ca__tree_destroy(struct ca__tree *tree);
int ca__tree_reserve(struct ca__tree *tree, size_t regions);
int ca__tree_ready(struct ca__tree *tree, const struct ca__path *path);
void ca__tree_set(struct ca__tree *tree, struct ca__path *path, int32_t key,
		  int32_t last);
void ca__tree_insert(struct ca__tree *tree, struct ca__path *path, int32_t key,
		     int32_t last);
void ca__tree_erase(struct ca__tree *tree, struct ca__path *path);
void ca__tree_take(struct ca__tree *tree, struct ca__path *path);
bool ca__tree_forget(struct ca__tree *tree);

/* pool_balance.c */
void ca__tree_balance(struct ca__tree *tree, struct ca__path *path);
void ca__tree_make_room(struct ca__tree *tree, struct ca__path *path);

/* pool_find.c */
bool ca__tree_find(const struct ca__tree *tree, int32_t key,
		   struct ca__path *path);
bool ca__tree_next(const struct ca__tree *tree, struct ca__path *path);
bool ca__tree_first_fit(const struct ca__tree *tree, int32_t last,
			struct ca__path *path);
bool ca__tree_next_fit(const struct ca__tree *tree, int32_t last,
		       struct ca__path *path);

static inline struct ca__node **ca__children(struct ca__node *node)
{
	return ((struct ca__inner *)(void *)node)->child;
}

/* pool_entry.c */
int32_t ca__node_largest(const struct ca__node *node);
void ca__node_clear(struct ca__node *node);
void ca__node_append(struct ca__node *to, const struct ca__node *from,
		     uint32_t first, uint32_t count, bool inner);
void ca__node_prepend(struct ca__node *to, const struct ca__node *from,
		      uint32_t first, uint32_t count, bool inner);
void ca__node_drop(struct ca__node *node, uint32_t first, uint32_t count,
		   bool inner);
void ca__node_add(struct ca__node *node, uint32_t at, int32_t key, int32_t last,
		  struct ca__node *child);

#endif /* CA__POOL_TREE_H */
