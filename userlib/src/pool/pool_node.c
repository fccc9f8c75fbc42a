// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for the nodes of a region pool: allocated in chunks, so that neighbours
 * in the tree are neighbours in memory, and kept until the pool is freed, so that
 * reserved memory stays reserved. Most reserved nodes are never used, so a node
 * is not touched before its first use.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool_tree.h"

#define CA__LINE	64
#define CA__CHUNK_MAX	(1UL << 20)

/**
 * struct ca__chunk - head of a chunk of memory
 * @next: the previous chunk
 * @fresh: first of the nodes that were never used, which are at the end
 * @count: number of these
 *
 * The nodes begin one cache line after the head.
 */
struct ca__chunk {
	struct ca__chunk *next;
	char *fresh;
	size_t count;
};

/**
 * ca__nodes_init - begin without memory
 * @nodes: gets no nodes
 * @size: bytes of a node
 */
void ca__nodes_init(struct ca__nodes *nodes, size_t size)
{
	*nodes = (struct ca__nodes){
		.size = (size + CA__LINE - 1) / CA__LINE * CA__LINE,
	};
}

/**
 * ca__nodes_destroy - free all nodes, used or not
 * @nodes: the nodes
 */
void ca__nodes_destroy(struct ca__nodes *nodes)
{
	struct ca__chunk *chunk;

	while ((chunk = nodes->chunks)) {
		nodes->chunks = chunk->next;
		free(chunk);
	}
}

static int ca__nodes_grow(struct ca__nodes *nodes, size_t count)
{
	struct ca__chunk *chunk;
	size_t bytes;

	if (__builtin_mul_overflow(count, nodes->size, &bytes) ||
	    __builtin_add_overflow(bytes, (size_t)CA__LINE, &bytes))
		return -ENOMEM;
	chunk = aligned_alloc(CA__LINE, bytes);
	if (!chunk)
		return -ENOMEM;
	chunk->next = nodes->chunks;
	nodes->chunks = chunk;
	chunk->fresh = (char *)chunk + CA__LINE;
	chunk->count = count;
	nodes->fresh = chunk;
	nodes->free_count += count;
	return 0;
}

/**
 * ca__nodes_ready - allocate nodes unless enough are free
 * @nodes: the nodes
 * @count: number of nodes
 *
 * Return: 0 or -ENOMEM.
 */
int ca__nodes_ready(struct ca__nodes *nodes, size_t count)
{
	size_t more, wish;

	if (count <= nodes->free_count)
		return 0;
	more = count - nodes->free_count;
	/* In proportion to the nodes, so that there are few chunks. */
	wish = (nodes->used + nodes->free_count) / 4;
	if (wish > CA__CHUNK_MAX / nodes->size)
		wish = CA__CHUNK_MAX / nodes->size;
	if (wish > more && !ca__nodes_grow(nodes, wish))
		return 0;
	return ca__nodes_grow(nodes, more);
}

static struct ca__node *ca__fresh_take(struct ca__nodes *nodes)
{
	struct ca__node *node;

	while (!nodes->fresh->count)
		nodes->fresh = nodes->fresh->next;
	node = (void *)nodes->fresh->fresh;
	nodes->fresh->fresh += nodes->size;
	nodes->fresh->count--;
	return node;
}

/**
 * ca__nodes_get - take a node
 * @nodes: the nodes; ca__nodes_ready() was called
 *
 * Return: the node, without entries.
 */
struct ca__node *ca__nodes_get(struct ca__nodes *nodes)
{
	struct ca__node *node = nodes->free;

	if (node)
		nodes->free = node->next_free;
	else
		node = ca__fresh_take(nodes);
	nodes->free_count--;
	nodes->used++;
	ca__node_clear(node);
	return node;
}

/**
 * ca__nodes_put - return a node
 * @nodes: the nodes
 * @node: the node
 */
void ca__nodes_put(struct ca__nodes *nodes, struct ca__node *node)
{
	node->next_free = nodes->free;
	nodes->free = node;
	nodes->free_count++;
	nodes->used--;
}
