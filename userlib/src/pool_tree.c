// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: changes of entries.
 */
#include <errno.h>
#include <string.h>

#include "pool_tree.h"

_Static_assert(CA__NODE_JOIN / 2 >= CA__NODE_MIN,
	       "two nodes that are not joined are both full enough");

/**
 * ca__tree_init - make an empty tree
 * @tree: to be initialised
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
 * ca__tree_destroy - give the memory back
 * @tree: the tree
 */
void ca__tree_destroy(struct ca__tree *tree)
{
	ca__nodes_destroy(&tree->leaves);
	ca__nodes_destroy(&tree->inners);
}

/**
 * ca__tree_reserve - see to it that the tree can grow
 * @tree: the tree
 * @regions: so many entries more
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
 * ca__tree_ready - see to it that one entry can be inserted
 * @tree: the tree
 * @path: where
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
 * ca__node_largest - the largest entry
 * @node: the node, not empty
 *
 * Return: its size.
 */
uint64_t ca__node_largest(const struct ca__node *node)
{
	uint64_t even = 0, odd = 0;
	uint32_t i;

	/* Two chains, since one comparison has to wait for the last. */
	for (i = 0; i + 1 < node->count; i += 2) {
		even = node->max[i] > even ? node->max[i] : even;
		odd = node->max[i + 1] > odd ? node->max[i + 1] : odd;
	}
	if (i < node->count)
		even = node->max[i] > even ? node->max[i] : even;
	return even > odd ? even : odd;
}

/**
 * ca__node_move - copy entries from one node to another
 * @to: goes there
 * @at: first entry there
 * @from: comes from there; another node
 * @first: first entry there
 * @count: so many
 * @inner: both are inner nodes
 */
void ca__node_move(struct ca__node *to, uint32_t at, struct ca__node *from,
		   uint32_t first, uint32_t count, bool inner)
{
	memcpy(to->key + at, from->key + first, count * sizeof(*to->key));
	memcpy(to->max + at, from->max + first, count * sizeof(*to->max));
	if (inner)
		memcpy(ca__children(to) + at, ca__children(from) + first,
		       count * sizeof(struct ca__node *));
}

static void ca__node_shift(struct ca__node *node, uint32_t to, uint32_t from,
			   uint32_t count, bool inner)
{
	memmove(node->key + to, node->key + from, count * sizeof(*node->key));
	memmove(node->max + to, node->max + from, count * sizeof(*node->max));
	if (inner)
		memmove(ca__children(node) + to, ca__children(node) + from,
			count * sizeof(struct ca__node *));
}

/**
 * ca__node_drop - remove entries
 * @node: the node
 * @first: first one
 * @count: so many
 * @inner: it is an inner node
 */
void ca__node_drop(struct ca__node *node, uint32_t first, uint32_t count,
		   bool inner)
{
	node->count -= count;
	ca__node_shift(node, first, first + count, node->count - first, inner);
}

/**
 * ca__node_open - make room for entries
 * @node: the node, with room
 * @first: first one
 * @count: so many
 * @inner: it is an inner node
 */
void ca__node_open(struct ca__node *node, uint32_t first, uint32_t count,
		   bool inner)
{
	ca__node_shift(node, first + count, first, node->count - first, inner);
	node->count += count;
}

/**
 * ca__tree_changed - tell the nodes above about the size of an entry
 * @tree: the tree
 * @path: where
 * @level: of the node whose entry has changed
 * @removed: the size that it had; 0: it is new
 * @added: the size that it has; 0: it is gone
 */
void ca__tree_changed(struct ca__tree *tree, struct ca__path *path,
		      unsigned int level, uint64_t removed, uint64_t added)
{
	while (removed != added) {
		uint64_t *above = level ?
			&path->node[level - 1]->max[path->index[level - 1]] :
			&tree->largest;
		uint64_t before = *above;

		if (added >= before) {
			*above = added;
		} else if (removed == before) {
			added = ca__node_largest(path->node[level]);
			*above = added;
		} else {
			return;
		}
		if (!level)
			return;
		removed = before;
		added = *above;
		level--;
	}
}

/**
 * ca__tree_key - tell the nodes above where a node begins
 * @path: where
 * @level: of the node whose first entry has changed
 * @key: where that begins
 */
void ca__tree_key(struct ca__path *path, unsigned int level, uint64_t key)
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
 * @path: which
 * @begin: where the region begins now
 * @size: its size now
 */
void ca__tree_set(struct ca__tree *tree, struct ca__path *path, uint64_t begin,
		  uint64_t size)
{
	struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];
	uint64_t before = leaf->max[at];

	leaf->max[at] = size;
	if (leaf->key[at] != begin) {
		leaf->key[at] = begin;
		if (!at)
			ca__tree_key(path, tree->height, begin);
	}
	ca__tree_changed(tree, path, tree->height, before, size);
}

/**
 * ca__tree_insert - put an entry in
 * @tree: the tree
 * @path: before this entry; ca__tree_ready() has been called for it. Must not
 *        be used any more.
 * @begin: where the region begins
 * @size: its size
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
	ca__node_open(leaf, at, 1, false);
	leaf->key[at] = begin;
	leaf->max[at] = size;
	tree->count++;
	if (!at)
		ca__tree_key(path, tree->height, begin);
	ca__tree_changed(tree, path, tree->height, 0, size);
}

/**
 * ca__tree_erase - take an entry out
 * @tree: the tree
 * @path: which; must not be used any more
 */
void ca__tree_erase(struct ca__tree *tree, struct ca__path *path)
{
	struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];
	uint64_t size = leaf->max[at];

	ca__node_drop(leaf, at, 1, false);
	tree->count--;
	if (!leaf->count) {
		/* Only the root may be this empty. */
		tree->largest = 0;
		return;
	}
	if (!at)
		ca__tree_key(path, tree->height, leaf->key[0]);
	ca__tree_changed(tree, path, tree->height, size, 0);
	if (leaf->count < CA__NODE_MIN)
		ca__tree_balance(tree, path);
}
