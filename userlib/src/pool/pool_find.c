// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: finding entries, by address and by size.
 */
#include "pool/pool_tree.h"
#include "pool/pool_vector.h"

/* Number of entries that begin at this address or below. */
static uint32_t ca__rank(const struct ca__node *node, int32_t key)
{
	uint32_t rank = ca__vector_rank(node->key, key);

	/* It can be an address too. Otherwise the line of @count is not needed. */
	return key == CA__KEY_UNUSED && rank > node->count ? node->count : rank;
}

/* First entry that is large enough; CA__NODE_CAP if there is none. */
static uint32_t ca__fit(const struct ca__node *node, int32_t last)
{
	return ca__vector_above(node->last, last - 1);
}

/* The same from an entry on. */
static uint32_t ca__fit_from(const struct ca__node *node, uint32_t from,
			     int32_t last)
{
	while (from < node->count && node->last[from] < last)
		from++;
	return from < node->count ? from : CA__NODE_CAP;
}

/* All of the arrays are needed soon, and they may be in none of the caches. */
static void ca__path_descend(struct ca__path *path, unsigned int level)
{
	struct ca__node *node =
		ca__children(path->node[level])[path->index[level]];
	size_t line;

	for (line = offsetof(struct ca__node, key); line < sizeof(*node);
	     line += 64)
		__builtin_prefetch((const char *)node + line);
	path->node[level + 1] = node;
}

/**
 * ca__tree_find - find the last entry that begins at an address or below
 * @tree: the tree
 * @key: the address
 * @path: gets the entry, or the first one
 *
 * Return: true; false if all entries begin above.
 */
bool ca__tree_find(const struct ca__tree *tree, int32_t key,
		   struct ca__path *path)
{
	unsigned int level;
	uint32_t rank;

	path->node[0] = tree->root;
	for (level = 0; level < tree->height; level++) {
		rank = ca__rank(path->node[level], key);
		path->index[level] = rank ? rank - 1 : 0;
		ca__path_descend(path, level);
	}
	rank = ca__rank(path->node[level], key);
	path->index[level] = rank ? rank - 1 : 0;
	return rank;
}

/**
 * ca__tree_next - go to the next entry
 * @tree: the tree
 * @path: any entry, or the place after the last one of a leaf; gets the next
 *        one
 *
 * Return: true; false if there is none, then @path is as it was.
 */
bool ca__tree_next(const struct ca__tree *tree, struct ca__path *path)
{
	unsigned int level = tree->height;

	while (path->index[level] + 1 >= path->node[level]->count) {
		if (!level--)
			return false;
	}
	path->index[level]++;
	for (; level < tree->height; level++) {
		ca__path_descend(path, level);
		path->index[level + 1] = 0;
	}
	return true;
}

/* Complete the path below @level, whose entry is known to be large enough. */
static void ca__first_below(const struct ca__tree *tree, struct ca__path *path,
			    unsigned int level, int32_t last)
{
	for (; level < tree->height; level++) {
		ca__path_descend(path, level);
		path->index[level + 1] = ca__fit(path->node[level + 1], last);
	}
}

/**
 * ca__tree_first_fit - find the first entry that is large enough
 * @tree: the tree
 * @last: size less one
 * @path: gets the entry
 *
 * Return: true; false if there is none.
 */
bool ca__tree_first_fit(const struct ca__tree *tree, int32_t last,
			struct ca__path *path)
{
	if (tree->largest < last)
		return false;
	path->node[0] = tree->root;
	path->index[0] = ca__fit(tree->root, last);
	ca__first_below(tree, path, 0, last);
	return true;
}

/**
 * ca__tree_next_fit - find the first entry from here on that is large enough
 * @tree: the tree
 * @last: size less one
 * @path: the first entry to consider; gets the entry
 *
 * Return: true; false if there is none.
 */
bool ca__tree_next_fit(const struct ca__tree *tree, int32_t last,
		       struct ca__path *path)
{
	unsigned int level = tree->height;
	uint32_t at = ca__fit_from(path->node[level], path->index[level], last);

	while (at == CA__NODE_CAP) {
		if (!level--)
			return false;
		at = ca__fit_from(path->node[level], path->index[level] + 1,
				  last);
	}
	path->index[level] = at;
	ca__first_below(tree, path, level, last);
	return true;
}
