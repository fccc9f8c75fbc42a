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

/*
 * A B+-tree. Leaves hold the regions; inner nodes hold the first address and the
 * largest region below each child. Nodes are wide because a cache miss costs more
 * than a scan of neighbouring words: a million regions take three levels, and the
 * upper two stay in the second-level cache.
 *
 * The entries of a node form groups, and the head of the node knows the largest
 * entry of each, so no search and no change looks at all entries. Head and groups
 * begin at cache lines.
 *
 * Every node except the root is at least CA__NODE_MIN full. That is less than
 * half, so that a node filled in ascending order can be left fuller than its new
 * neighbour, and so that nodes do not split and join in turn.
 */
#ifndef CA__NODE_GROUP /* The fuzzer sets small ones, for higher trees. */
#define CA__NODE_GROUP	16
#define CA__NODE_GROUPS	7
#endif
#define CA__NODE_CAP	(CA__NODE_GROUP * CA__NODE_GROUPS)
#define CA__NODE_MIN	(CA__NODE_CAP / 4)
/* Two neighbours with at most this many entries are joined. */
#define CA__NODE_JOIN	(CA__NODE_CAP * 3 / 4)
/* CA__NODE_MIN to this power is more than 2^64. */
#define CA__TREE_DEPTH	(CA__NODE_MIN < 24 ? 64 : 14)

/**
 * struct ca__node - a leaf, or the beginning of an inner node
 * @count: number of entries in use
 * @group: size of the largest entry of each group, 0 if none is in use
 * @next_free: in an unused node: the next one
 * @key: first address of the region, or of the first region below the child;
 *       ascending; UINT64_MAX if unused
 * @max: size of the region, or of the largest one below the child; 0 if unused
 */
struct ca__node {
	uint64_t count;
	union {
		uint64_t group[CA__NODE_GROUPS];
		struct ca__node *next_free;
	};
	uint64_t key[CA__NODE_CAP];
	uint64_t max[CA__NODE_CAP];
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
 * @largest: size of the largest region
 * @count: number of regions
 * @leaves: memory for leaves
 * @inners: memory for inner nodes
 */
struct ca__tree {
	struct ca__node *root;
	unsigned int height;
	uint64_t largest;
	size_t count;
	struct ca__nodes leaves;
	struct ca__nodes inners;
};

/**
 * struct ca__pool - a pool of regions
 * @tree: the regions
 * @total: sum of their sizes
 */
struct ca__pool {
	struct ca__tree tree;
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
void ca__tree_set(struct ca__tree *tree, struct ca__path *path, uint64_t begin,
		  uint64_t size);
void ca__tree_insert(struct ca__tree *tree, struct ca__path *path,
		     uint64_t begin, uint64_t size);
void ca__tree_erase(struct ca__tree *tree, struct ca__path *path);

/* pool_balance.c */
void ca__tree_balance(struct ca__tree *tree, struct ca__path *path);
void ca__tree_make_room(struct ca__tree *tree, struct ca__path *path);

/* pool_find.c */
bool ca__tree_find(const struct ca__tree *tree, uint64_t begin,
		   struct ca__path *path);
bool ca__tree_next(const struct ca__tree *tree, struct ca__path *path);
bool ca__tree_first_fit(const struct ca__tree *tree, uint64_t size,
			struct ca__path *path);
bool ca__tree_next_fit(const struct ca__tree *tree, uint64_t size,
		       struct ca__path *path);

static inline struct ca__node **ca__children(struct ca__node *node)
{
	return ((struct ca__inner *)(void *)node)->child;
}

/* pool_group.c */
uint64_t ca__node_largest(const struct ca__node *node);
bool ca__node_resize(struct ca__node *node, uint32_t at, uint64_t size);
void ca__node_clear(struct ca__node *node);
void ca__node_append(struct ca__node *to, const struct ca__node *from,
		     uint32_t first, uint32_t count, bool inner);
void ca__node_prepend(struct ca__node *to, const struct ca__node *from,
		      uint32_t first, uint32_t count, bool inner);
void ca__node_drop(struct ca__node *node, uint32_t first, uint32_t count,
		   bool inner);
void ca__node_remove(struct ca__node *node, uint32_t at, bool inner);
void ca__node_add(struct ca__node *node, uint32_t at, uint64_t key,
		  uint64_t max, struct ca__node *child);

/* pool_tree.c */
void ca__tree_lift(struct ca__tree *tree, const struct ca__path *path,
		   unsigned int level);
void ca__tree_key(const struct ca__path *path, unsigned int level,
		  uint64_t key);

#endif /* CA__POOL_TREE_H */
