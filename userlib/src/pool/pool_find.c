// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: finding entries, by address and by size.
 */
#include "pool/pool_tree.h"

/*
 * Number of entries that begin at this address or below. Compares the first keys
 * of all groups, which the processor fetches in parallel, instead of branching on
 * comparisons that it cannot predict.
 */
static uint32_t ca__rank(const struct ca__node *node, uint64_t begin)
{
	const uint64_t *key = node->key;
	uint32_t rank = 0, step, g;

	for (g = 1; g < CA__NODE_GROUPS; g++)
		rank += key[g * CA__NODE_GROUP] <= begin;
	rank *= CA__NODE_GROUP;
	for (step = CA__NODE_GROUP / 2; step; step /= 2)
		rank += key[rank + step - 1] <= begin ? step : 0;
	rank += key[rank] <= begin;
	/* UINT64_MAX is not above the keys that are not in use. */
	return rank < node->count ? rank : node->count;
}

/* First entry from @from on that is large enough; the count if there is none. */
static uint32_t ca__fit_up(const struct ca__node *node, uint32_t from,
			   uint64_t size)
{
	uint32_t g;

	for (; from % CA__NODE_GROUP; from++) {
		if (node->max[from] >= size)
			return from;
	}
	for (g = from / CA__NODE_GROUP; g < CA__NODE_GROUPS; g++) {
		if (node->group[g] >= size)
			break;
	}
	if (g == CA__NODE_GROUPS)
		return node->count;
	for (from = g * CA__NODE_GROUP; node->max[from] < size;)
		from++;
	return from;
}

static void ca__path_descend(struct ca__path *path, unsigned int level)
{
	path->node[level + 1] =
		ca__children(path->node[level])[path->index[level]];
}

/**
 * ca__tree_find - find the last entry that begins at an address or below
 * @tree: the tree
 * @begin: the address
 * @path: gets the entry, or the first one
 *
 * Return: true; false if all entries begin above.
 */
bool ca__tree_find(const struct ca__tree *tree, uint64_t begin,
		   struct ca__path *path)
{
	unsigned int level;
	uint32_t rank;

	path->node[0] = tree->root;
	for (level = 0; level < tree->height; level++) {
		rank = ca__rank(path->node[level], begin);
		path->index[level] = rank ? rank - 1 : 0;
		ca__path_descend(path, level);
	}
	rank = ca__rank(path->node[level], begin);
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
			    unsigned int level, uint64_t size)
{
	for (; level < tree->height; level++) {
		ca__path_descend(path, level);
		path->index[level + 1] = ca__fit_up(path->node[level + 1], 0,
						    size);
	}
}

/**
 * ca__tree_first_fit - find the first entry that is large enough
 * @tree: the tree
 * @size: bytes
 * @path: gets the entry
 *
 * Return: true; false if there is none.
 */
bool ca__tree_first_fit(const struct ca__tree *tree, uint64_t size,
			struct ca__path *path)
{
	if (tree->largest < size)
		return false;
	path->node[0] = tree->root;
	path->index[0] = ca__fit_up(tree->root, 0, size);
	ca__first_below(tree, path, 0, size);
	return true;
}

/**
 * ca__tree_next_fit - find the first entry from here on that is large enough
 * @tree: the tree
 * @size: bytes
 * @path: the first entry to consider; gets the entry
 *
 * Return: true; false if there is none.
 */
bool ca__tree_next_fit(const struct ca__tree *tree, uint64_t size,
		       struct ca__path *path)
{
	unsigned int level = tree->height;
	uint32_t at = ca__fit_up(path->node[level], path->index[level], size);

	while (at == path->node[level]->count) {
		if (!level--)
			return false;
		at = ca__fit_up(path->node[level], path->index[level] + 1,
				size);
	}
	path->index[level] = at;
	ca__first_below(tree, path, level, size);
	return true;
}
