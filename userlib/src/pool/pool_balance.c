// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: splitting full nodes, joining sparse ones.
 */
#include "pool/pool_tree.h"

/* Update the entry of a child that lost or got entries. */
static void ca__child_update(struct ca__node *above, uint32_t index)
{
	const struct ca__node *node = ca__children(above)[index];

	above->key[index] = node->key[0];
	above->last[index] = ca__node_largest(node);
}

/* Add a root above the old one, which can then be split. */
static void ca__root_add(struct ca__tree *tree, struct ca__path *path)
{
	struct ca__node *root = ca__nodes_get(&tree->inners);
	unsigned int level;

	ca__node_add(root, 0, tree->root->key[0], tree->largest, tree->root);
	tree->root = root;
	tree->height++;
	for (level = tree->height; level; level--) {
		path->node[level] = path->node[level - 1];
		path->index[level] = path->index[level - 1];
	}
	path->node[0] = root;
	path->index[0] = 0;
}

/* Split the full node at a level; the node above has room. */
static void ca__node_split(struct ca__tree *tree, struct ca__path *path,
			   unsigned int level)
{
	bool inner = level < tree->height;
	struct ca__node *left = path->node[level];
	struct ca__node *above = path->node[level - 1];
	uint32_t at = path->index[level], i = path->index[level - 1];
	/* Regions often come in ascending order. */
	uint32_t keep = at + inner == CA__NODE_CAP ?
		CA__NODE_CAP - CA__NODE_MIN : CA__NODE_CAP / 2;
	struct ca__node *right = ca__nodes_get(inner ? &tree->inners :
						       &tree->leaves);

	ca__node_append(right, left, keep, CA__NODE_CAP - keep, inner);
	ca__node_drop(left, keep, CA__NODE_CAP - keep, inner);
	ca__node_add(above, i + 1, right->key[0], ca__node_largest(right),
		     right);
	ca__child_update(above, i);
	/* At the border an entry goes to the left node: no key changes. */
	if (inner ? at < keep : at <= keep)
		return;
	path->node[level] = right;
	path->index[level] = at - keep;
	path->index[level - 1]++;
}

/**
 * ca__tree_make_room - split a full leaf
 * @tree: the tree, with enough nodes ready
 * @path: an entry of the leaf; gets its new place
 */
void ca__tree_make_room(struct ca__tree *tree, struct ca__path *path)
{
	unsigned int level = tree->height;

	while (level && path->node[level - 1]->count == CA__NODE_CAP)
		level--;
	if (!level) {
		ca__root_add(tree, path);
		level++;
	}
	for (; level <= tree->height; level++)
		ca__node_split(tree, path, level);
}

/* Join two neighbours. */
static void ca__nodes_join(struct ca__tree *tree, struct ca__node *above,
			   uint32_t i, bool inner)
{
	struct ca__node *left = ca__children(above)[i];
	struct ca__node *right = ca__children(above)[i + 1];

	ca__node_append(left, right, 0, right->count, inner);
	ca__child_update(above, i);
	ca__node_drop(above, i + 1, 1, true);
	ca__nodes_put(inner ? &tree->inners : &tree->leaves, right);
}

/* Make two neighbours equally full. */
static void ca__nodes_even(struct ca__node *above, uint32_t i, bool inner)
{
	struct ca__node *left = ca__children(above)[i];
	struct ca__node *right = ca__children(above)[i + 1];
	uint32_t half = (left->count + right->count) / 2, count;

	if (left->count > half) {
		count = left->count - half;
		ca__node_prepend(right, left, half, count, inner);
		ca__node_drop(left, half, count, inner);
	} else {
		count = half - left->count;
		ca__node_append(left, right, 0, count, inner);
		ca__node_drop(right, 0, count, inner);
	}
	ca__child_update(above, i);
	ca__child_update(above, i + 1);
}

/**
 * ca__tree_balance - fill a sparse leaf, and the nodes above it
 * @tree: the tree
 * @path: an entry of the leaf; invalid afterwards
 */
void ca__tree_balance(struct ca__tree *tree, struct ca__path *path)
{
	unsigned int level;

	for (level = tree->height; level; level--) {
		struct ca__node *above = path->node[level - 1];
		uint32_t i = path->index[level - 1];
		bool inner = level < tree->height;

		if (path->node[level]->count >= CA__NODE_MIN)
			return;
		/* The left neighbour; the right one of the first node. */
		if (i)
			i--;
		if (ca__children(above)[i]->count +
		    ca__children(above)[i + 1]->count > CA__NODE_JOIN) {
			ca__nodes_even(above, i, inner);
			return;
		}
		ca__nodes_join(tree, above, i, inner);
	}
	while (tree->height && tree->root->count == 1) {
		struct ca__node *root = tree->root;

		tree->root = ca__children(root)[0];
		tree->height--;
		ca__nodes_put(&tree->inners, root);
	}
}
