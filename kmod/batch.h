/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Entries of a WRITE or PUBLISH in progress.
 */
#ifndef CODEARENA_BATCH_H
#define CODEARENA_BATCH_H

#include "codearena_private.h"

/**
 * struct codearena_batch - entries of a WRITE or PUBLISH in progress
 * @arena: the arena
 * @entries: array of structures that begin like &struct codearena_chunk
 * @stride: bytes from one to the next
 * @count: how many
 * @objects: the entries are objects to be sealed, not chunks
 * @failed: index of the entry to blame
 * @bytes: sum of the lengths
 * @pieces: pieces overwritten
 * @written: granules to be overwritten that hold something
 * @undo: their old bytes, in the order of the batch; NULL if @written is 0
 * @replaced: sealed granules that are to be replaced
 * @staged: sum of the lengths of objects that replace
 * @staging: their new bytes, in the order of the batch; NULL if @staged is 0
 */
struct codearena_batch {
	struct codearena_arena *arena;
	const void *entries;
	size_t stride;
	u32 count;
	bool objects;
	u32 failed;
	u64 bytes;
	u64 pieces;
	u64 written;
	void *undo;
	u64 replaced;
	u64 staged;
	void *staging;
};

static inline const struct codearena_chunk *
codearena_batch_entry(const struct codearena_batch *batch, u32 index)
{
	return batch->entries + index * batch->stride;
}

/**
 * codearena_batch_replaces - may an entry take the place of sealed code?
 * @batch: the batch
 * @index: of the entry
 *
 * Return: whether it is an object with CODEARENA_OBJECT_F_REPLACE.
 */
static inline bool codearena_batch_replaces(const struct codearena_batch *batch,
					    u32 index)
{
	const struct codearena_object *object =
		(const void *)codearena_batch_entry(batch, index);

	return batch->objects && (object->flags & CODEARENA_OBJECT_F_REPLACE);
}

/**
 * codearena_page_may_write - may granules be written?
 * @state: the page, its arena locked; NULL if it is not committed
 * @mask: the granules
 * @replace: they may be sealed
 *
 * The one check of every byte that enters an arena.
 *
 * Return: 0; -ENOENT, -EPERM if one is sealed, -EBUSY if one is being written.
 */
static inline int codearena_page_may_write(const struct codearena_page *state,
					   u64 mask, bool replace)
{
	if (unlikely(!state))
		return -ENOENT;
	if (unlikely(state->sealed & mask) && !replace)
		return -EPERM;
	if (unlikely(state->claimed & mask))
		return -EBUSY;
	return 0;
}

/**
 * codearena_object_finish - prepare copied bytes for sealing
 * @start: the part of an object that lies in a page
 * @length: bytes; the rest of the last granule is filled with traps
 */
static inline void codearena_object_finish(void *start, unsigned int length)
{
	unsigned int tail = -length & (CODEARENA_GRANULE - 1);

	if (tail)
		codearena_arch_fill(start + length, tail);
	codearena_arch_flush(start, length + tail);
}

void codearena_page_clear(const struct codearena_page *state, u64 mask);
void codearena_claims_release_locked(struct codearena_arena *arena, u64 offset,
				     u64 length);
u32 codearena_batch_run(const struct codearena_batch *batch, u32 first,
			struct codearena_range *range);
void codearena_batch_release_locked(struct codearena_batch *batch);
void codearena_batch_restore(struct codearena_batch *batch);
int codearena_batch_claim_locked(struct codearena_batch *batch);
int codearena_batch_copy(struct codearena_batch *batch);
void codearena_batch_store_locked(struct codearena_batch *batch);
void codearena_batch_end(struct codearena_batch *batch);

#endif /* CODEARENA_BATCH_H */
