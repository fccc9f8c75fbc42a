// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tree of a region pool: the entries of one node, and their groups.
 */
#include <string.h>

#include "pool/pool_tree.h"

static uint64_t ca__larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Two independent chains of comparisons, which the processor overlaps. */
static uint64_t ca__largest(const uint64_t *max, unsigned int count)
{
	uint64_t even = 0, odd = 0;
	unsigned int i;

	for (i = 0; i + 1 < count; i += 2) {
		even = ca__larger(even, max[i]);
		odd = ca__larger(odd, max[i + 1]);
	}
	if (count & 1)
		even = ca__larger(even, max[count - 1]);
	return ca__larger(even, odd);
}

/**
 * ca__node_largest - size of the largest entry
 * @node: the node
 *
 * Return: the size; 0 if there is no entry.
 */
uint64_t ca__node_largest(const struct ca__node *node)
{
	return ca__largest(node->group, CA__NODE_GROUPS);
}

static void ca__regroup(struct ca__node *node, uint32_t first, uint32_t end)
{
	uint32_t g;

	for (g = first / CA__NODE_GROUP; g * CA__NODE_GROUP < end; g++)
		node->group[g] = ca__largest(node->max + g * CA__NODE_GROUP,
					     CA__NODE_GROUP);
}

/* Update a group that lost an entry of one size and got one of another. */
static void ca__exchange(struct ca__node *node, uint32_t g, uint64_t lost,
			 uint64_t got)
{
	if (got >= node->group[g])
		node->group[g] = got;
	else if (lost == node->group[g])
		ca__regroup(node, g * CA__NODE_GROUP, g * CA__NODE_GROUP + 1);
}

/**
 * ca__node_resize - change the size of an entry
 * @node: the node
 * @at: the entry
 * @size: its size
 *
 * Return: true if the largest size of its group changed.
 */
bool ca__node_resize(struct ca__node *node, uint32_t at, uint64_t size)
{
	uint32_t g = at / CA__NODE_GROUP;
	uint64_t group = node->group[g], before = node->max[at];

	node->max[at] = size;
	ca__exchange(node, g, before, size);
	return node->group[g] != group;
}

/* Mark entries as unused; does not update their groups. */
static void ca__wipe(struct ca__node *node, uint32_t first, uint32_t end)
{
	memset(node->key + first, 0xff, (end - first) * sizeof(*node->key));
	memset(node->max + first, 0, (end - first) * sizeof(*node->max));
}

/**
 * ca__node_clear - make a node empty
 * @node: the node
 */
void ca__node_clear(struct ca__node *node)
{
	node->count = 0;
	memset(node->group, 0, sizeof(node->group));
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
	memmove(to->max + at, from.node->max + from.first,
		from.count * sizeof(*to->max));
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
	uint32_t at = to->count;

	ca__entries_copy(to, at,
			 (struct ca__entries){ from, first, count, inner });
	to->count += count;
	ca__regroup(to, at, to->count);
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
	ca__regroup(to, 0, to->count);
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
	uint32_t end = node->count, rest = end - count - first;

	node->count -= count;
	ca__entries_copy(node, first,
			 (struct ca__entries){ node, first + count, rest,
					       inner });
	ca__wipe(node, node->count, end);
	ca__regroup(node, first, end);
}

/* First entry after the group of an entry. */
static uint32_t ca__group_end(uint32_t at)
{
	return (at / CA__NODE_GROUP + 1) * CA__NODE_GROUP;
}

/**
 * ca__node_remove - remove one entry
 * @node: the node
 * @at: the entry
 * @inner: it is an inner node
 */
void ca__node_remove(struct ca__node *node, uint32_t at, bool inner)
{
	uint64_t lost = node->max[at], got;
	uint32_t end = node->count--, next;

	ca__entries_copy(node, at,
			 (struct ca__entries){ node, at + 1, node->count - at,
					       inner });
	ca__wipe(node, node->count, end);
	/* Each group loses its first entry, and gets that of the next group. */
	for (; at < end; at = next) {
		next = ca__group_end(at);
		got = node->max[next - 1];
		ca__exchange(node, at / CA__NODE_GROUP, lost, got);
		lost = got;
	}
}

/**
 * ca__node_add - insert an entry
 * @node: the node, with room
 * @at: the entry to insert it before
 * @key: first address
 * @max: size
 * @child: NULL in a leaf
 */
void ca__node_add(struct ca__node *node, uint32_t at, uint64_t key,
		  uint64_t max, struct ca__node *child)
{
	uint64_t lost;
	uint32_t next;

	ca__entries_copy(node, at + 1,
			 (struct ca__entries){ node, at, node->count - at,
					       child });
	node->key[at] = key;
	node->max[at] = max;
	if (child)
		ca__children(node)[at] = child;
	node->count++;
	/* Each group gets an entry, and loses its last one to the next group. */
	for (; at < node->count; at = next) {
		next = ca__group_end(at);
		lost = next < node->count ? node->max[next] : 0;
		ca__exchange(node, at / CA__NODE_GROUP, lost, max);
		max = lost;
	}
}
