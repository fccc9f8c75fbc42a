// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Copying bytes into an arena, for WRITE and PUBLISH.
 *
 * Both claim the granules of a batch under the lock, copy without the lock, and
 * settle the batch under it. A batch that is not settled can be undone: granules
 * that held nothing get the trap fill back, which needs no memory; the old bytes
 * of the others, which WRITE filled before, are saved. Objects that replace code,
 * which may run, are copied to a buffer, and stored when the batch is settled.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "batch.h"
#include "copy.h"

/* Objects begin like chunks, so that a batch can hold either. */
static_assert(offsetof(struct codearena_object, offset) ==
	      offsetof(struct codearena_chunk, offset));
static_assert(offsetof(struct codearena_object, source) ==
	      offsetof(struct codearena_chunk, source));
static_assert(offsetof(struct codearena_object, length) ==
	      offsetof(struct codearena_chunk, length));

/**
 * codearena_claims_release_locked - release the claims of a range
 * @arena: the arena, locked
 * @offset: first byte
 * @length: bytes; may be 0
 */
void codearena_claims_release_locked(struct codearena_arena *arena, u64 offset,
				     u64 length)
{
	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, offset, length)
		codearena_page_get(arena, piece.index)->claimed &= ~piece.mask;
}

/**
 * codearena_batch_run - find a range of entries to treat as one
 * @batch: the batch
 * @first: index of the first entry
 * @range: gets the range in the arena
 *
 * Objects that a compiler lays out one after the other, each in the granule
 * after the last one of its predecessor, are claimed and sealed together.
 * Chunks are not: adjoining ones may share a granule.
 *
 * Return: index after the last entry of the range.
 */
u32 codearena_batch_run(const struct codearena_batch *batch, u32 first,
			struct codearena_range *range)
{
	const struct codearena_object *object, *next;
	u64 end;
	u32 i;

	object = (const void *)codearena_batch_entry(batch, first);
	range->offset = object->offset;
	end = object->offset + object->length;
	for (i = first + 1; batch->objects && i < batch->count; i++) {
		next = (const void *)codearena_batch_entry(batch, i);
		if (next->offset != round_up(end, CODEARENA_GRANULE) ||
		    next->flags != object->flags)
			break;
		end = next->offset + next->length;
	}
	range->length = end - range->offset;
	return i;
}

/* Release the claims of the first entries of a batch. */
static void codearena_entries_release_locked(struct codearena_batch *batch,
					     u32 count)
{
	const struct codearena_chunk *entry;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < count; i++) {
		entry = codearena_batch_entry(batch, i);
		codearena_claims_release_locked(batch->arena, entry->offset,
						entry->length);
		cond_resched();
	}
}

/**
 * codearena_batch_release_locked - release all claims of a batch
 * @batch: the batch, its arena locked
 */
void codearena_batch_release_locked(struct codearena_batch *batch)
{
	codearena_entries_release_locked(batch, batch->count);
}

static int codearena_range_claim_locked(struct codearena_batch *batch,
					const struct codearena_range *range,
					bool replace)
{
	struct codearena_page *state;
	int ret;

	lockdep_assert_held(&batch->arena->lock);
	codearena_for_each_piece(piece, range->offset, range->length) {
		state = codearena_page_committed_locked(batch->arena,
							piece.index);
		ret = codearena_page_may_write(state, piece.mask, replace);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		if (!ret)
			ret = codearena_page_unshare_locked(batch->arena, state,
							    piece.index);
		if (unlikely(ret)) {
			codearena_claims_release_locked(batch->arena,
							range->offset,
							range->length -
							piece.length -
							piece.rest);
			return ret;
		}
		state->claimed |= piece.mask;
		if (replace)
			batch->replaced += hweight64(state->sealed & piece.mask);
		else
			batch->written += hweight64(state->written & piece.mask);
		cond_resched();
	}
	return 0;
}

/* A range was refused: claim its entries one by one to find the one to blame. */
static int codearena_entries_claim_locked(struct codearena_batch *batch,
					  u32 first, u32 end)
{
	const struct codearena_chunk *entry;
	struct codearena_range range;
	int ret = 0;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = first; i < end; i++) {
		entry = codearena_batch_entry(batch, i);
		range.offset = entry->offset;
		range.length = entry->length;
		ret = codearena_range_claim_locked(batch, &range,
						   codearena_batch_replaces(batch,
									    i));
		if (!ret)
			continue;
		if (ret != -EINTR && ret != -ENOMEM)
			batch->failed = i;
		codearena_entries_release_locked(batch, i);
		break;
	}
	return ret;
}

/**
 * codearena_batch_claim_locked - claim all granules of a batch
 * @batch: the batch, its arena locked
 *
 * Finds entries that share a granule too: the second one gets -EBUSY.
 *
 * Return: 0; -ENOENT, -EPERM, -EBUSY, -ENOMEM or -EINTR, and nothing is claimed.
 */
int codearena_batch_claim_locked(struct codearena_batch *batch)
{
	struct codearena_range range;
	u64 written, replaced;
	u32 i, end;
	int ret = 0;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < batch->count && !ret; i = end) {
		end = codearena_batch_run(batch, i, &range);
		written = batch->written;
		replaced = batch->replaced;
		ret = codearena_range_claim_locked(batch, &range,
						   codearena_batch_replaces(batch,
									    i));
		if (!ret)
			continue;
		batch->written = written;
		batch->replaced = replaced;
		ret = codearena_entries_claim_locked(batch, i, end);
	}
	codearena_unshare_end_locked(batch->arena);
	return ret;
}

/*
 * Visit the granules of a page that held something before the batch, and copy
 * them to or from the undo buffer at *@cursor.
 */
static void codearena_piece_undo(const struct codearena_page *state, u64 mask,
				 void **cursor, bool save)
{
	u64 bits = state->written & mask;
	void *granule;

	for (; bits; bits &= bits - 1) {
		granule = state->data +
			  (__ffs64(bits) << CODEARENA_GRANULE_SHIFT);
		if (save)
			memcpy(*cursor, granule, CODEARENA_GRANULE);
		else
			memcpy(granule, *cursor, CODEARENA_GRANULE);
		*cursor += CODEARENA_GRANULE;
	}
}

/**
 * codearena_page_clear - fill granules that held nothing with traps
 * @state: the page
 * @mask: granules; those that held something are skipped
 */
void codearena_page_clear(const struct codearena_page *state, u64 mask)
{
	u64 bits = mask & ~state->written;

	for (; bits; bits &= bits - 1)
		codearena_arch_fill(state->data +
				    (__ffs64(bits) << CODEARENA_GRANULE_SHIFT),
				    CODEARENA_GRANULE);
}

/**
 * codearena_batch_restore - restore the bytes that were overwritten
 * @batch: the batch, still claimed
 */
void codearena_batch_restore(struct codearena_batch *batch)
{
	const struct codearena_chunk *entry;
	struct codearena_page *state;
	void *cursor = batch->undo;
	u32 i;

	for (i = 0; batch->pieces; i++) {
		if (codearena_batch_replaces(batch, i))
			continue;
		entry = codearena_batch_entry(batch, i);
		codearena_for_each_piece(piece, entry->offset, entry->length) {
			if (!batch->pieces)
				break;
			batch->pieces--;
			state = codearena_page_get(batch->arena, piece.index);
			codearena_piece_undo(state, piece.mask, &cursor, false);
			codearena_page_clear(state, piece.mask);
			cond_resched();
		}
	}
}

/* Copy what lies in one page. */
static int codearena_page_copy(struct codearena_batch *batch,
			       struct codearena_page *state, unsigned int start,
			       unsigned int length, u64 source, void **cursor)
{
	if (batch->written)
		codearena_piece_undo(state, codearena_granules(start, length),
				     cursor, true);
	batch->pieces++;
	if (codearena_copy_in(state->data + start, u64_to_user_ptr(source),
			      length))
		return -EFAULT;
	if (batch->objects)
		codearena_object_finish(state->data + start, length);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int codearena_entry_copy(struct codearena_batch *batch,
				const struct codearena_chunk *entry,
				void **cursor)
{
	u64 offset = entry->offset, source = entry->source;
	u64 rest = entry->length;
	struct codearena_page *state;
	unsigned int length;
	int ret;

	while (rest) {
		state = codearena_page_get(batch->arena, offset >> PAGE_SHIFT);
		length = min_t(u64, PAGE_SIZE - offset_in_page(offset), rest);
		ret = codearena_page_copy(batch, state, offset_in_page(offset),
					  length, source, cursor);
		if (unlikely(ret))
			return ret;
		offset += length;
		source += length;
		rest -= length;
		if (need_resched())
			cond_resched();
	}
	return 0;
}

static int codearena_entry_stage(const struct codearena_chunk *entry,
				 void **cursor)
{
	unsigned long length;
	u64 done;

	for (done = 0; done < entry->length; done += length) {
		length = min_t(u64, PAGE_SIZE, entry->length - done);
		if (codearena_copy_in(*cursor,
				      u64_to_user_ptr(entry->source + done),
				      length))
			return -EFAULT;
		if (codearena_pause())
			return -EINTR;
		*cursor += length;
	}
	return 0;
}

static int codearena_entries_copy(struct codearena_batch *batch)
{
	void *cursor = batch->undo, *staging = batch->staging;
	const struct codearena_chunk *entry;
	int ret;
	u32 i;

	for (i = 0; i < batch->count; i++) {
		entry = codearena_batch_entry(batch, i);
		if (codearena_batch_replaces(batch, i))
			ret = codearena_entry_stage(entry, &staging);
		else
			ret = codearena_entry_copy(batch, entry, &cursor);
		if (unlikely(ret)) {
			batch->failed = i;
			return ret;
		}
	}
	return 0;
}

/**
 * codearena_batch_copy - copy the bytes of a batch
 * @batch: the batch, claimed
 *
 * Return: 0; -EFAULT, -EINTR, -ENOSPC or -ENOMEM, and all bytes are as before.
 */
int codearena_batch_copy(struct codearena_batch *batch)
{
	void *buffer;
	int ret;

	if (batch->written) {
		buffer = codearena_alloc(batch->arena,
					 batch->written * CODEARENA_GRANULE);
		if (IS_ERR(buffer))
			return PTR_ERR(buffer);
		batch->undo = buffer;
	}
	if (batch->staged) {
		buffer = codearena_alloc(batch->arena, batch->staged);
		if (IS_ERR(buffer))
			return PTR_ERR(buffer);
		batch->staging = buffer;
	}
	ret = codearena_entries_copy(batch);
	if (ret)
		codearena_batch_restore(batch);
	return ret;
}

/**
 * codearena_batch_store_locked - store the objects that replace
 * @batch: the batch, copied, its arena locked; nobody executes what they replace
 */
void codearena_batch_store_locked(struct codearena_batch *batch)
{
	const struct codearena_chunk *entry;
	const void *cursor = batch->staging;
	struct codearena_page *state;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < batch->count; i++) {
		if (!codearena_batch_replaces(batch, i))
			continue;
		entry = codearena_batch_entry(batch, i);
		codearena_for_each_piece(piece, entry->offset, entry->length) {
			state = codearena_page_get(batch->arena, piece.index);
			memcpy(state->data + piece.start, cursor, piece.length);
			codearena_object_finish(state->data + piece.start,
						piece.length);
			cursor += piece.length;
			cond_resched();
		}
	}
}

/**
 * codearena_batch_end - free the buffers
 * @batch: the batch, settled or released
 */
void codearena_batch_end(struct codearena_batch *batch)
{
	if (batch->undo)
		codearena_free(batch->arena, batch->undo,
			       batch->written * CODEARENA_GRANULE);
	if (batch->staging)
		codearena_free(batch->arena, batch->staging, batch->staged);
}
