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
 * A B+-tree, whose leaves hold the regions and whose inner nodes hold, for
 * every child, the first address and the largest region below it. Nodes are
 * wide because a memory access that misses the caches costs more than a scan of
 * neighbouring words: a million regions take three levels, and the upper two
 * stay in the second-level cache.
 *
 * The entries of a node form groups, and the head of the node knows the largest
 * entry of each, so that no search and no change looks at all of them. Head and
 * groups begin at cache lines.
 *
 * Every node but the root is at least CA__NODE_MIN full. That is less than half
 * so that a node which was filled in ascending order can be left fuller than
 * its new neighbour, and so that nodes do not split and join in turn.
 */
#ifndef CA__NODE_GROUP /* The fuzzer sets small ones, for higher trees. */
#define CA__NODE_GROUP	16
#define CA__NODE_GROUPS	7
#endif
#define CA__NODE_CAP	(CA__NODE_GROUP * CA__NODE_GROUPS)
#define CA__NODE_MIN	(CA__NODE_CAP / 4)
/* Of two neighbours with no more than this, one is made. */
#define CA__NODE_JOIN	(CA__NODE_CAP * 3 / 4)
/* CA__NODE_MIN to this power is more than 2^64. */
#define CA__TREE_DEPTH	(CA__NODE_MIN < 24 ? 64 : 14)

/**
 * struct ca__node - node of the tree, and all of a leaf
 * @count: entries in use
 * @group: largest of each group of entries, 0 if none of it is in use
 * @next_free: the next one that is not in use, if this one is not
 * @key: where the region begins; of an inner node, where the first region of
 *       the child begins. Ascending; UINT64_MAX if not in use.
 * @max: size of the region; of an inner node, of the largest below the child; 0
 *       if not in use
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
 * @free: list of those that were in use and are not any more
 * @free_count: those on the list, and those that never were in use
 * @used: number of those in use
 * @chunks: all memory that was ever taken
 * @fresh: chunks from here on may have nodes that never were in use
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
