/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A batch of entries on its way into an arena.
 */
#ifndef CODEARENA_BATCH_H
#define CODEARENA_BATCH_H

#include "codearena_private.h"

/**
 * struct codearena_batch - entries on their way into an arena
 * @arena: the arena
 * @entries: array of structures that begin like &struct codearena_chunk
 * @stride: bytes from one to the next
 * @count: how many
 * @objects: the entries are objects to be sealed, not chunks
 * @failed: index of the entry to blame
 * @pieces: how many pieces have been overwritten
 * @written: granules to be overwritten that hold something
 * @undo: what they held, in the order of the batch; NULL if @written is 0
 */
struct codearena_batch {
	struct codearena_arena *arena;
	const void *entries;
	size_t stride;
	u32 count;
	bool objects;
	u32 failed;
	u64 pieces;
	u64 written;
	void *undo;
};

static inline const struct codearena_chunk *
codearena_batch_entry(const struct codearena_batch *batch, u32 index)
{
	return batch->entries + index * batch->stride;
}

void codearena_claims_release_locked(struct codearena_arena *arena, u64 offset,
				     u64 length);
void codearena_batch_release_locked(struct codearena_batch *batch, u32 count);
void codearena_batch_restore(struct codearena_batch *batch);
int codearena_batch_claim_locked(struct codearena_batch *batch);
int codearena_batch_copy(struct codearena_batch *batch);
void codearena_batch_end(struct codearena_batch *batch);

#endif /* CODEARENA_BATCH_H */
