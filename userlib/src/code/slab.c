// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for the code objects of a module: chunks of places of one size. A chunk
 * lies at a multiple of its size, so that a place leads to its chunk. Chunks that
 * become empty are freed, except for the last one.
 *
 * A module with few functions has no chunk. One with many gets chunks as large as
 * a huge page, because the first access to a page costs more than all else that
 * is done with the objects in it.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "code/code.h"
#include "code/slab.h"

/* Objects that a module has before it gets its first chunk. */
#define CA__SLAB_FROM		512

#define CA__SLAB_SMALL		16
#define CA__SLAB_HUGE		21

/* Small chunks before the first huge one: half of what that has. */
#define CA__SLAB_SMALL_MOST	16

/**
 * struct ca__slab_chunk - head of a chunk
 * @slab: its slab
 * @next: next chunk that has a free place
 * @previous: previous one
 * @free: chain of places that are free again
 * @fresh: places that were used at some time, which come first
 * @used: places that are used now
 * @room: all places
 */
struct ca__slab_chunk {
	struct ca__slab *slab;
	struct ca__slab_chunk *next;
	struct ca__slab_chunk *previous;
	void *free;
	uint32_t fresh;
	uint32_t used;
	uint32_t room;
};

/* Places begin a cache line after the head. */
#define CA__SLAB_HEAD	64

_Static_assert(sizeof(struct ca__slab_chunk) <= CA__SLAB_HEAD,
	       "the head of a chunk is too large");

/**
 * ca__slab_init - begin without memory
 * @slab: the slab
 */
void ca__slab_init(struct ca__slab *slab)
{
	*slab = (struct ca__slab){ 0 };
	pthread_mutex_init(&slab->lock, NULL);
}

/**
 * ca__slab_destroy - free the memory
 * @slab: the slab, all of whose places were put back
 */
void ca__slab_destroy(struct ca__slab *slab)
{
	free(slab->partial);
	pthread_mutex_destroy(&slab->lock);
}

static void ca__chunk_link(struct ca__slab *slab, struct ca__slab_chunk *chunk)
{
	chunk->previous = NULL;
	chunk->next = slab->partial;
	if (chunk->next)
		chunk->next->previous = chunk;
	slab->partial = chunk;
}

static void ca__chunk_unlink(struct ca__slab *slab,
			     struct ca__slab_chunk *chunk)
{
	if (chunk->previous)
		chunk->previous->next = chunk->next;
	else
		slab->partial = chunk->next;
	if (chunk->next)
		chunk->next->previous = chunk->previous;
}

static struct ca__slab_chunk *ca__chunk_new(struct ca__slab *slab)
{
	unsigned int shift = slab->chunks < CA__SLAB_SMALL_MOST ?
			     CA__SLAB_SMALL : CA__SLAB_HUGE;
	size_t size = (size_t)1 << shift;
	struct ca__slab_chunk *chunk = aligned_alloc(size, size);

	if (!chunk)
		return NULL;
	/* A wish; without huge pages all is as usual. */
	if (shift == CA__SLAB_HUGE)
		madvise(chunk, size, MADV_HUGEPAGE);
	*chunk = (struct ca__slab_chunk){
		.slab = slab,
		.room = (size - CA__SLAB_HEAD) / sizeof(struct codearena_code),
	};
	ca__chunk_link(slab, chunk);
	slab->chunks++;
	return chunk;
}

static void *ca__chunk_take(struct ca__slab_chunk *chunk)
{
	void *place = chunk->free;

	if (place)
		chunk->free = *(void **)place;
	else
		place = (char *)chunk + CA__SLAB_HEAD +
			chunk->fresh++ * sizeof(struct codearena_code);
	chunk->used++;
	return place;
}

static unsigned int ca__chunk_shift(const struct ca__slab_chunk *chunk)
{
	return chunk->room > (1U << CA__SLAB_SMALL) /
			     sizeof(struct codearena_code) ?
		       CA__SLAB_HUGE : CA__SLAB_SMALL;
}

/**
 * ca__slab_take - allocate a code object without metadata
 * @slab: the slab
 * @shift: gets what ca__slab_put() needs
 *
 * Return: the place; NULL: use malloc(), for there is no memory, or the module has
 * had few objects yet.
 */
void *ca__slab_take(struct ca__slab *slab, unsigned int *shift)
{
	struct ca__slab_chunk *chunk;
	void *place = NULL;

	pthread_mutex_lock(&slab->lock);
	chunk = slab->partial;
	if (!chunk && slab->asked++ >= CA__SLAB_FROM)
		chunk = ca__chunk_new(slab);
	if (chunk) {
		*shift = ca__chunk_shift(chunk);
		place = ca__chunk_take(chunk);
		if (chunk->used == chunk->room)
			ca__chunk_unlink(slab, chunk);
	}
	pthread_mutex_unlock(&slab->lock);
	return place;
}

/**
 * ca__slab_put - free a place
 * @place: from ca__slab_take()
 * @shift: from there as well
 */
void ca__slab_put(void *place, unsigned int shift)
{
	uintptr_t mask = ((uintptr_t)1 << shift) - 1;
	struct ca__slab_chunk *chunk =
		(struct ca__slab_chunk *)((uintptr_t)place & ~mask);
	struct ca__slab *slab = chunk->slab;

	pthread_mutex_lock(&slab->lock);
	*(void **)place = chunk->free;
	chunk->free = place;
	if (chunk->used-- == chunk->room)
		ca__chunk_link(slab, chunk);
	if (!chunk->used && (chunk->next || chunk->previous)) {
		ca__chunk_unlink(slab, chunk);
		slab->chunks--;
		free(chunk);
	}
	pthread_mutex_unlock(&slab->lock);
}
