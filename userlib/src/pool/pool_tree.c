// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: inserting, changing and erasing entries.
 */
#include <errno.h>

#include "pool/pool_tree.h"

_Static_assert(CA__NODE_JOIN / 2 >= CA__NODE_MIN,
	       "two nodes that are not joined are both full enough");

/**
 * ca__tree_init - make an empty tree
 * @tree: gets an empty tree
 *
 * Return: 0 or -ENOMEM.
 */
int ca__tree_init(struct ca__tree *tree)
{
	*tree = (struct ca__tree){ 0 };
	ca__nodes_init(&tree->leaves, sizeof(struct ca__node));
	ca__nodes_init(&tree->inners, sizeof(struct ca__inner));
	if (ca__nodes_ready(&tree->leaves, 1))
		return -ENOMEM;
	tree->root = ca__nodes_get(&tree->leaves);
	return 0;
}

/**
 * ca__tree_destroy - free the nodes
 * @tree: the tree
 */
void ca__tree_destroy(struct ca__tree *tree)
{
	ca__nodes_destroy(&tree->leaves);
	ca__nodes_destroy(&tree->inners);
}

/**
 * ca__tree_reserve - allocate nodes for more entries
 * @tree: the tree
 * @regions: number of entries
 *
 * The bound follows from the least number of entries in a node.
 *
 * Return: 0, -ENOMEM, or -EOVERFLOW.
 */
int ca__tree_reserve(struct ca__tree *tree, size_t regions)
{
	size_t level, inners = 0, total;
	int ret = 0;

	/* Not even a byte each would fit. */
	if (__builtin_add_overflow(tree->count, regions, &total) ||
	    total > SIZE_MAX / 4)
		return -EOVERFLOW;
	level = total / CA__NODE_MIN;
	if (!level)
		level = 1;
	if (level > tree->leaves.used)
		ret = ca__nodes_ready(&tree->leaves, level - tree->leaves.used);
	while (level > 1) {
		level /= CA__NODE_MIN;
		if (!level)
			level = 1;
		inners += level;
	}
	if (!ret && inners > tree->inners.used)
		ret = ca__nodes_ready(&tree->inners,
				      inners - tree->inners.used);
	return ret;
}

/**
 * ca__tree_ready - allocate nodes for inserting one entry
 * @tree: the tree
 * @path: the place
 *
 * Return: 0 or -ENOMEM.
 */
int ca__tree_ready(struct ca__tree *tree, const struct ca__path *path)
{
	unsigned int level = tree->height;
	size_t inners = 0;
	int ret;

	if (path->node[level]->count < CA__NODE_CAP)
		return 0;
	while (level && path->node[level - 1]->count == CA__NODE_CAP) {
		level--;
		inners++;
	}
	/* Up to the root: one becomes the new root. */
	if (!level)
		inners++;
	ret = ca__nodes_ready(&tree->leaves, 1);
	return ret ? ret : ca__nodes_ready(&tree->inners, inners);
}

/**
 * ca__tree_lift - update the nodes above after sizes in a node changed
 * @tree: the tree
 * @path: path through the node
 * @level: of the node
 */
void ca__tree_lift(struct ca__tree *tree, const struct ca__path *path,
		   unsigned int level)
{
	while (level) {
		uint64_t largest = ca__node_largest(path->node[level]);

		level--;
		if (path->node[level]->max[path->index[level]] == largest ||
		    !ca__node_resize(path->node[level], path->index[level],
				     largest))
			return;
	}
	tree->largest = ca__node_largest(tree->root);
}

/**
 * ca__tree_key - update the nodes above after the first key of a node changed
 * @path: path through the node
 * @level: of the node
 * @key: the new key
 */
void ca__tree_key(const struct ca__path *path, unsigned int level,
		  uint64_t key)
{
	while (level--) {
		path->node[level]->key[path->index[level]] = key;
		if (path->index[level])
			break;
	}
}

/**
 * ca__tree_set - change an entry without changing the order
 * @tree: the tree
 * @path: the entry
 * @begin: its new first address
 * @size: its new size
 */
void ca__tree_set(struct ca__tree *tree, struct ca__path *path, uint64_t begin,
		  uint64_t size)
{
	struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];

	if (leaf->key[at] != begin) {
		leaf->key[at] = begin;
		if (!at)
			ca__tree_key(path, tree->height, begin);
	}
	if (ca__node_resize(leaf, at, size))
		ca__tree_lift(tree, path, tree->height);
}

/**
 * ca__tree_insert - insert an entry
 * @tree: the tree
 * @path: the entry to insert it before, for which ca__tree_ready() was called;
 *        invalid afterwards
 * @begin: first address
 * @size: size
 */
void ca__tree_insert(struct ca__tree *tree, struct ca__path *path,
		     uint64_t begin, uint64_t size)
{
	struct ca__node *leaf;
	uint32_t at;

	if (path->node[tree->height]->count == CA__NODE_CAP)
		ca__tree_make_room(tree, path);
	leaf = path->node[tree->height];
	at = path->index[tree->height];
	ca__node_add(leaf, at, begin, size, NULL);
	tree->count++;
	if (!at)
		ca__tree_key(path, tree->height, begin);
	ca__tree_lift(tree, path, tree->height);
}

/**
 * ca__tree_erase - remove an entry
 * @tree: the tree
 * @path: the entry; invalid afterwards
 */
void ca__tree_erase(struct ca__tree *tree, struct ca__path *path)
{
	struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];

	ca__node_remove(leaf, at, false);
	tree->count--;
	if (!at)
		ca__tree_key(path, tree->height, leaf->key[0]);
	ca__tree_lift(tree, path, tree->height);
	if (leaf->count < CA__NODE_MIN)
		ca__tree_balance(tree, path);
}
