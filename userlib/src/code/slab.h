/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for the code objects of a module.
 */
#ifndef CA__SLAB_H
#define CA__SLAB_H

#include <pthread.h>
#include <stddef.h>

struct ca__slab_chunk;

/**
 * struct ca__slab - chunks of places of one size
 * @lock: protects the rest, and the chunks
 * @partial: chunks that have a free place, the one that is filled first
 * @chunks: number of chunks
 * @asked: calls of ca__slab_take() that found no chunk with a free place
 */
struct ca__slab {
	pthread_mutex_t lock;
	struct ca__slab_chunk *partial;
	size_t chunks;
	size_t asked;
};

void ca__slab_init(struct ca__slab *slab);
void ca__slab_destroy(struct ca__slab *slab);
void *ca__slab_take(struct ca__slab *slab, unsigned int *shift);
void ca__slab_put(void *place, unsigned int shift);

#endif /* CA__SLAB_H */
