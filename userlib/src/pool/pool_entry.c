// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: the entries of one node.
 */
#include <string.h>

#include "pool/pool_tree.h"
#include "pool/pool_vector.h"

/**
 * ca__node_largest - size of the largest entry
 * @node: the node
 *
 * Return: the size less one; CA__LAST_UNUSED if there is no entry.
 */
int32_t ca__node_largest(const struct ca__node *node)
{
	return ca__vector_largest(node->last);
}

/* Mark entries as unused. */
static void ca__wipe(struct ca__node *node, uint32_t first, uint32_t end)
{
	for (; first < end; first++) {
		node->key[first] = CA__KEY_UNUSED;
		node->last[first] = CA__LAST_UNUSED;
	}
}

/**
 * ca__node_clear - make a node empty
 * @node: the node
 */
void ca__node_clear(struct ca__node *node)
{
	node->count = 0;
	ca__wipe(node, 0, CA__NODE_CAP);
}

/**
 * struct ca__entries - neighbouring entries of a node
 * @node: the node
 * @first: index of the first one
 * @count: number of entries
 * @inner: @node is an inner node
 */
struct ca__entries {
	const struct ca__node *node;
	uint32_t first;
	uint32_t count;
	bool inner;
};

/* @to may be the node that the entries come from. */
static void ca__entries_copy(struct ca__node *to, uint32_t at,
			     struct ca__entries from)
{
	const struct ca__inner *children = (const void *)from.node;

	memmove(to->key + at, from.node->key + from.first,
		from.count * sizeof(*to->key));
	memmove(to->last + at, from.node->last + from.first,
		from.count * sizeof(*to->last));
	if (from.inner)
		memmove(ca__children(to) + at, children->child + from.first,
			from.count * sizeof(struct ca__node *));
}

/**
 * ca__node_append - copy entries of another node after the last one
 * @to: destination, with room
 * @from: source
 * @first: first entry of @from
 * @count: number of entries
 * @inner: both are inner nodes
 */
void ca__node_append(struct ca__node *to, const struct ca__node *from,
		     uint32_t first, uint32_t count, bool inner)
{
	ca__entries_copy(to, to->count,
			 (struct ca__entries){ from, first, count, inner });
	to->count += count;
}

/**
 * ca__node_prepend - copy entries of another node before the first one
 * @to: destination, with room
 * @from: source
 * @first: first entry of @from
 * @count: number of entries
 * @inner: both are inner nodes
 */
void ca__node_prepend(struct ca__node *to, const struct ca__node *from,
		      uint32_t first, uint32_t count, bool inner)
{
	ca__entries_copy(to, count,
			 (struct ca__entries){ to, 0, to->count, inner });
	ca__entries_copy(to, 0,
			 (struct ca__entries){ from, first, count, inner });
	to->count += count;
}

/**
 * ca__node_drop - remove entries
 * @node: the node
 * @first: first entry
 * @count: number of entries
 * @inner: it is an inner node
 */
void ca__node_drop(struct ca__node *node, uint32_t first, uint32_t count,
		   bool inner)
{
	uint32_t end = node->count;

	node->count -= count;
	ca__entries_copy(node, first,
			 (struct ca__entries){ node, first + count,
					       node->count - first, inner });
	ca__wipe(node, node->count, end);
}

/**
 * ca__node_add - insert an entry
 * @node: the node, with room
 * @at: the entry to insert it before
 * @key: first address
 * @last: size less one
 * @child: NULL in a leaf
 */
void ca__node_add(struct ca__node *node, uint32_t at, int32_t key, int32_t last,
		  struct ca__node *child)
{
	ca__entries_copy(node, at + 1,
			 (struct ca__entries){ node, at, node->count - at,
					       child });
	node->key[at] = key;
	node->last[at] = last;
	if (child)
		ca__children(node)[at] = child;
	node->count++;
}
