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
	*tree = (struct ca__tree){ .largest = CA__LAST_UNUSED };
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

/*
 * Update the nodes above after an entry of a node changed its size. Most changes
 * do not change the largest, so that of most nodes is not computed.
 */
static void ca__tree_lift(struct ca__tree *tree, const struct ca__path *path,
			  int32_t before, int32_t after)
{
	unsigned int level;

	for (level = tree->height + 1; level--;) {
		int32_t *largest = level ?
			&path->node[level - 1]->last[path->index[level - 1]] :
			&tree->largest;
		int32_t old = *largest;

		if (after > old)
			*largest = after;
		else if (before == old)
			*largest = ca__node_largest(path->node[level]);
		before = old;
		after = *largest;
		if (before == after)
			return;
	}
}

/* Update the nodes above after the first key of a leaf changed. */
static void ca__tree_key(const struct ca__tree *tree,
			 const struct ca__path *path, int32_t key)
{
	unsigned int level = tree->height;

	while (level--) {
		path->node[level]->key[path->index[level]] = key;
		if (path->index[level])
			break;
	}
}

/* Count an entry that gets or loses its region. */
static void ca__tree_count(struct ca__tree *tree, int32_t before, int32_t after)
{
	if ((before == CA__LAST_UNUSED) == (after == CA__LAST_UNUSED))
		return;
	if (after == CA__LAST_UNUSED) {
		tree->count--;
		tree->kept++;
	} else {
		tree->count++;
		tree->kept--;
	}
}

/**
 * ca__tree_set - change an entry without changing the order
 * @tree: the tree
 * @path: the entry, which may be a kept key
 * @key: its new first address
 * @last: its new size less one
 */
void ca__tree_set(struct ca__tree *tree, struct ca__path *path, int32_t key,
		  int32_t last)
{
	struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];
	int32_t before = leaf->last[at];

	if (leaf->key[at] != key) {
		leaf->key[at] = key;
		if (!at)
			ca__tree_key(tree, path, key);
	}
	leaf->last[at] = last;
	ca__tree_count(tree, before, last);
	ca__tree_lift(tree, path, before, last);
}

/**
 * ca__tree_insert - insert an entry
 * @tree: the tree
 * @path: the entry to insert it before, for which ca__tree_ready() was called;
 *        invalid afterwards
 * @key: first address
 * @last: size less one
 */
void ca__tree_insert(struct ca__tree *tree, struct ca__path *path, int32_t key,
		     int32_t last)
{
	uint32_t at;

	if (path->node[tree->height]->count == CA__NODE_CAP)
		ca__tree_make_room(tree, path);
	at = path->index[tree->height];
	ca__node_add(path->node[tree->height], at, key, last, NULL);
	tree->count++;
	if (!at)
		ca__tree_key(tree, path, key);
	ca__tree_lift(tree, path, CA__LAST_UNUSED, last);
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
	int32_t before = leaf->last[at];

	ca__node_drop(leaf, at, 1, false);
	if (before == CA__LAST_UNUSED)
		tree->kept--;
	else
		tree->count--;
	if (!at)
		ca__tree_key(tree, path, leaf->key[0]);
	ca__tree_lift(tree, path, before, CA__LAST_UNUSED);
	if (leaf->count < CA__NODE_MIN)
		ca__tree_balance(tree, path);
}

/**
 * ca__tree_take - take the region of an entry out
 * @tree: the tree
 * @path: the entry; invalid afterwards
 *
 * The key is kept, unless many are.
 */
void ca__tree_take(struct ca__tree *tree, struct ca__path *path)
{
	uint32_t at = path->index[tree->height];

	if (tree->kept < tree->count / 4)
		ca__tree_set(tree, path, path->node[tree->height]->key[at],
			     CA__LAST_UNUSED);
	else
		ca__tree_erase(tree, path);
}

/**
 * ca__tree_forget - remove all keys that were kept
 * @tree: the tree
 *
 * For when memory is short: without them ca__tree_reserve()'s bound holds.
 *
 * Return: true; false if there were none.
 */
bool ca__tree_forget(struct ca__tree *tree)
{
	struct ca__path path;
	int32_t key = 0;

	if (!tree->kept)
		return false;
	ca__tree_find(tree, key, &path);
	while (tree->kept) {
		const struct ca__node *leaf = path.node[tree->height];
		uint32_t at = path.index[tree->height];

		if (leaf->last[at] == CA__LAST_UNUSED) {
			key = leaf->key[at];
			ca__tree_erase(tree, &path);
			ca__tree_find(tree, key, &path);
		} else {
			ca__tree_next(tree, &path);
		}
	}
	return true;
}
