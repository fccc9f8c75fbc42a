// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The way of bytes into an arena, for WRITE and PUBLISH.
 *
 * Both take a batch of entries through the same steps: claim the granules
 * under the lock, copy without it, settle under it. Until a batch settles,
 * nothing that matters has changed, and it can be undone: granules that held
 * nothing get the trap fill back, which needs no memory; of the others, which
 * WRITE filled before, the old bytes are kept aside.
 */
#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "batch.h"

/* An object begins like a chunk, so that a batch can hold either. */
static_assert(offsetof(struct codearena_object, offset) ==
	      offsetof(struct codearena_chunk, offset));
static_assert(offsetof(struct codearena_object, source) ==
	      offsetof(struct codearena_chunk, source));
static_assert(offsetof(struct codearena_object, length) ==
	      offsetof(struct codearena_chunk, length));

/**
 * codearena_claims_release_locked - give the claims of a range back
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
 * codearena_batch_release_locked - give claims back
 * @batch: the batch, its arena locked
 * @count: how many entries, from the first
 */
void codearena_batch_release_locked(struct codearena_batch *batch, u32 count)
{
	const struct codearena_chunk *entry;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < count; i++) {
		entry = codearena_batch_entry(batch, i);
		codearena_claims_release_locked(batch->arena, entry->offset,
						entry->length);
	}
}

static int codearena_entry_claim_locked(struct codearena_batch *batch,
					const struct codearena_chunk *entry)
{
	struct codearena_page *state;
	int ret;

	lockdep_assert_held(&batch->arena->lock);
	codearena_for_each_piece(piece, entry->offset, entry->length) {
		state = codearena_page_committed_locked(batch->arena,
							piece.index);
		if (unlikely(!state))
			ret = -ENOENT;
		else if (unlikely(state->sealed & piece.mask))
			ret = -EPERM;
		else if (unlikely(state->claimed & piece.mask))
			ret = -EBUSY;
		else
			ret = 0;
		if (unlikely(ret)) {
			codearena_claims_release_locked(batch->arena,
							entry->offset,
							entry->length -
							piece.length -
							piece.rest);
			return ret;
		}
		state->claimed |= piece.mask;
		batch->written += hweight64(state->written & piece.mask);
	}
	return 0;
}

/* Claims also tell when two entries of one batch meet in a granule. */
static int codearena_batch_claim_locked(struct codearena_batch *batch)
{
	int ret;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < batch->count; i++) {
		ret = codearena_entry_claim_locked(batch,
						   codearena_batch_entry(batch,
									 i));
		if (ret) {
			batch->failed = i;
			codearena_batch_release_locked(batch, i);
			return ret;
		}
	}
	return 0;
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

/* Trap fill for the granules that held nothing. */
static void codearena_piece_clear(const struct codearena_page *state, u64 mask)
{
	u64 bits = mask & ~state->written;

	for (; bits; bits &= bits - 1)
		codearena_arch_fill(state->data +
				    (__ffs64(bits) << CODEARENA_GRANULE_SHIFT),
				    CODEARENA_GRANULE);
}

/**
 * codearena_batch_restore - put back what was overwritten
 * @batch: the batch, with all its claims
 */
void codearena_batch_restore(struct codearena_batch *batch)
{
	const struct codearena_chunk *entry;
	struct codearena_page *state;
	void *cursor = batch->undo;
	u32 i;

	for (i = 0; i < batch->count; i++) {
		entry = codearena_batch_entry(batch, i);
		codearena_for_each_piece(piece, entry->offset, entry->length) {
			if (!batch->pieces--)
				return;
			state = codearena_page_get(batch->arena, piece.index);
			codearena_piece_undo(state, piece.mask, &cursor, false);
			codearena_piece_clear(state, piece.mask);
		}
	}
}

/* Behind the last byte of an object its granule holds traps. */
static void codearena_piece_finish(void *start, unsigned int length)
{
	unsigned int tail = -length & (CODEARENA_GRANULE - 1);

	if (tail)
		codearena_arch_fill(start + length, tail);
	codearena_arch_flush(start, length + tail);
}

/*
 * copy_from_user() for a page of ours. The general one looks up what object
 * the destination belongs to, which for a small function costs as much as the
 * copy; that a piece lies inside of its page is known here. The same steps as
 * in lib/iov_iter.c are left.
 */
static unsigned long codearena_copy_in(void *to, const void __user *from,
				       unsigned long length)
{
	unsigned long left = length;

	might_fault();
	if (!should_fail_usercopy() && access_ok(from, length)) {
		/* access_ok() must not be speculated past. */
		barrier_nospec();
		instrument_copy_from_user_before(to, from, length);
		left = raw_copy_from_user(to, from, length);
		instrument_copy_from_user_after(to, from, length, left);
	}
	return left;
}

static int codearena_entry_copy(struct codearena_batch *batch,
				const struct codearena_chunk *entry,
				void **cursor)
{
	const char __user *source = u64_to_user_ptr(entry->source);
	struct codearena_page *state;
	void *start;

	codearena_for_each_piece(piece, entry->offset, entry->length) {
		state = codearena_page_get(batch->arena, piece.index);
		if (state->written & piece.mask)
			codearena_piece_undo(state, piece.mask, cursor, true);
		batch->pieces++;
		start = state->data + piece.start;
		if (codearena_copy_in(start, source, piece.length))
			return -EFAULT;
		source += piece.length;
		if (batch->objects)
			codearena_piece_finish(start, piece.length);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (need_resched())
			cond_resched();
	}
	return 0;
}

static int codearena_batch_copy(struct codearena_batch *batch)
{
	void *cursor;
	int ret;
	u32 i;

	if (batch->written) {
		batch->undo = kvmalloc_array(batch->written, CODEARENA_GRANULE,
					     CODEARENA_GFP);
		if (!batch->undo)
			return -ENOMEM;
	}
	cursor = batch->undo;
	for (i = 0; i < batch->count; i++) {
		ret = codearena_entry_copy(batch,
					   codearena_batch_entry(batch, i),
					   &cursor);
		if (ret) {
			batch->failed = i;
			codearena_batch_restore(batch);
			return ret;
		}
	}
	return 0;
}

/**
 * codearena_batch_run - claim and copy
 * @batch: the batch
 * @patches: words that must hold what they are expected to, before copying
 * @patch_count: how many
 *
 * Return: 0, and the granules are the caller's, to settle or to restore and
 * release; or a negative errno, and everything is as before.
 */
int codearena_batch_run(struct codearena_batch *batch,
			const struct codearena_patch_entry *patches,
			u32 patch_count)
{
	struct codearena_arena *arena = batch->arena;
	u32 failed;
	int ret;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_batch_claim_locked(batch);
	if (!ret) {
		ret = codearena_patches_compare_locked(arena, patches,
						       patch_count, &failed);
		if (ret) {
			batch->failed = batch->count + failed;
			codearena_batch_release_locked(batch, batch->count);
		}
	}
	mutex_unlock(&arena->lock);
	if (ret)
		return ret;

	ret = codearena_batch_copy(batch);
	if (ret) {
		mutex_lock(&arena->lock);
		codearena_batch_release_locked(batch, batch->count);
		mutex_unlock(&arena->lock);
	}
	return ret;
}
