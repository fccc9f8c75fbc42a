// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * PUBLISH with CODEARENA_OBJECT_F_REPLACE: other code in the place of sealed code,
 * which threads may be executing.
 *
 * Everything that can fail comes first and leaves the old code alone: the new
 * bytes are in a buffer, the new trap tables checked and staged. Then, for all
 * objects of the call together, threads are kept out, the bytes are stored, the
 * tables exchanged, and all processors synchronised. Only then threads come back.
 * So no thread fetches an instruction of the old code after one of the new.
 *
 * Threads are kept out by unmapping: they fault and wait for map_lock. That costs
 * more than all the rest, so it is left out where only the caller has a view.
 * Synchronising inside is what arm64 needs: a processor that has fetched ahead
 * does not notice that a page was unmapped and mapped again by another one.
 */
#include "copy.h"
#include "publish.h"

/* Of a small function, so that it needs no allocation. */
#define FAST_BYTES	256

static struct codearena_range
codearena_object_range(const struct codearena_object *object)
{
	return (struct codearena_range){
		.offset = object->offset,
		.length = round_up(object->length, CODEARENA_GRANULE),
	};
}

static void codearena_replace_leave_locked(struct codearena_publication *pub,
					   bool leave)
{
	struct codearena_range range;
	u32 i;

	lockdep_assert_held(&pub->arena->lock);
	for (i = 0; i < pub->cmd->object_count; i++) {
		if (!codearena_object_replaces(&pub->objects[i]))
			continue;
		range = codearena_object_range(&pub->objects[i]);
		codearena_tables_leave_locked(pub->arena, &range, leave);
	}
}

static int codearena_replace_check_locked(struct codearena_publication *pub,
					  u32 index)
{
	const struct codearena_object *object = &pub->objects[index];
	const struct codearena_range range = codearena_object_range(object);

	lockdep_assert_held(&pub->arena->lock);
	if (fatal_signal_pending(current))
		return -EINTR;
	if (codearena_object_replaces(object) &&
	    codearena_pads_stay_locked(pub->arena, &range))
		return -EBUSY;
	cond_resched();
	return 0;
}

/* Undo what was staged for the first @count objects. */
static void codearena_replace_unstage_locked(struct codearena_publication *pub,
					     u32 count)
{
	lockdep_assert_held(&pub->arena->lock);
	while (pub->tables && count--) {
		if (pub->tables[count])
			codearena_table_unstage_locked(pub->arena,
						       pub->tables[count]);
	}
}

static int codearena_replace_tables_locked(struct codearena_publication *pub)
{
	const u32 count = pub->cmd->object_count;
	int ret;
	u32 i;

	lockdep_assert_held(&pub->arena->lock);
	for (i = 0; i < count; i++) {
		ret = codearena_replace_check_locked(pub, i);
		if (ret)
			goto err_index;
	}
	for (i = 0; pub->tables && i < count; i++) {
		if (!pub->tables[i])
			continue;
		ret = fatal_signal_pending(current) ? -EINTR :
			codearena_table_stage_locked(pub->arena, pub->tables[i]);
		if (ret) {
			codearena_replace_unstage_locked(pub, i);
			goto err_index;
		}
		cond_resched();
	}
	return 0;

err_index:
	pub->batch.failed = i;
	return ret;
}

/**
 * codearena_replace_stage_locked - do all that can fail, before code is replaced
 * @pub: the publication, copied, its arena locked
 *
 * Return: 0; -EBUSY for a landing pad in use, or -EINTR, or as
 * codearena_table_insert_locked(). Then nothing has changed.
 */
int codearena_replace_stage_locked(struct codearena_publication *pub)
{
	int ret;

	lockdep_assert_held(&pub->arena->lock);
	codearena_replace_leave_locked(pub, true);
	codearena_publish_mark_locked(pub, true);
	ret = codearena_replace_tables_locked(pub);
	codearena_publish_mark_locked(pub, false);
	codearena_replace_leave_locked(pub, false);
	return ret;
}

/*
 * Keep threads out of objects that replace code, until
 * codearena_threads_admit_locked().
 */
static void codearena_threads_hold_locked(struct codearena_arena *arena,
					  const struct codearena_object *objects,
					  u32 count)
{
	struct codearena_span span = CODEARENA_NO_SPAN;
	struct codearena_page *state;
	u32 i;

	lockdep_assert_held(&arena->lock);
	down_write(&arena->map_lock);
	if (codearena_view_alone(arena))
		return;
	for (i = 0; i < count; i++) {
		if (!codearena_object_replaces(&objects[i]))
			continue;
		codearena_for_each_piece(piece, objects[i].offset,
					 objects[i].length) {
			state = codearena_page_get(arena, piece.index);
			if (state->sealed & piece.mask)
				codearena_span_add(&span, state, piece.index);
		}
		cond_resched();
	}
	codearena_unmap_locked(arena, &span);
}

static void codearena_threads_admit_locked(struct codearena_arena *arena)
{
	lockdep_assert_held(&arena->lock);
	codearena_sync_locked(arena);
	up_write(&arena->map_lock);
}

/**
 * codearena_replace_begin_locked - store the new code, with its tables
 * @pub: the publication, staged, its arena locked
 *
 * What is left to the caller, sealing and patching, comes before
 * codearena_replace_end_locked().
 */
void codearena_replace_begin_locked(struct codearena_publication *pub)
{
	struct codearena_table *table;
	struct codearena_range range;
	u32 i;

	lockdep_assert_held(&pub->arena->lock);
	if (pub->batch.replaced)
		codearena_threads_hold_locked(pub->arena, pub->objects,
					      pub->cmd->object_count);
	codearena_batch_store_locked(&pub->batch);
	for (i = 0; i < pub->cmd->object_count; i++) {
		table = pub->tables ? pub->tables[i] : NULL;
		if (!table && !codearena_object_replaces(&pub->objects[i]))
			continue;
		range = codearena_object_range(&pub->objects[i]);
		codearena_tables_replace_locked(pub->arena, &range, table);
		/* The arena owns it. */
		if (table)
			pub->tables[i] = NULL;
	}
}

/**
 * codearena_replace_end_locked - let threads execute the new code
 * @pub: the publication, sealed, its arena locked
 */
void codearena_replace_end_locked(struct codearena_publication *pub)
{
	struct codearena_arena *arena = pub->arena;

	lockdep_assert_held(&arena->lock);
	arena->counters.discarded += pub->batch.replaced;
	if (pub->batch.replaced)
		codearena_threads_admit_locked(arena);
	else if (pub->cmd->flags & CODEARENA_PUBLISH_F_SYNC)
		codearena_sync_locked(arena);
}

/**
 * codearena_replace_fast - replace one small object without traps and patches
 * @arena: the arena
 * @cmd: the command
 * @object: its only object, checked
 *
 * Makes the same checks as the general path, which refuses whatever fails here.
 *
 * Return: whether it is done.
 */
bool codearena_replace_fast(struct codearena_arena *arena,
			    const struct codearena_publish *cmd,
			    const struct codearena_object *object)
{
	const struct codearena_range range = codearena_object_range(object);
	const unsigned int start = offset_in_page(object->offset);
	u8 code[FAST_BYTES] __uninitialized;
	struct codearena_page *state;
	unsigned int replaced;
	bool done = false;
	u64 mask;

	if (object->trap_count || object->length > sizeof(code) ||
	    object->length > PAGE_SIZE - start)
		return false;
	/* What has to wait does so with claims. */
	pagefault_disable();
	done = !codearena_copy_in(code, u64_to_user_ptr(object->source),
				  object->length);
	pagefault_enable();
	if (!done || mutex_lock_killable(&arena->lock))
		return false;
	done = false;
	mask = codearena_granules(start, object->length);
	state = codearena_page_committed_locked(arena,
						object->offset >> PAGE_SHIFT);
	if (codearena_page_may_write(state, mask, true) || state->shared ||
	    codearena_range_trapped_locked(arena, &range))
		goto out_unlock;
	replaced = hweight64(state->sealed & mask);
	if (replaced)
		codearena_threads_hold_locked(arena, object, 1);
	memcpy(state->data + start, code, object->length);
	codearena_object_seal_locked(arena, object, state, mask);
	arena->counters.discarded += replaced;
	if (replaced)
		codearena_threads_admit_locked(arena);
	else if (cmd->flags & CODEARENA_PUBLISH_F_SYNC)
		codearena_sync_locked(arena);
	done = true;
out_unlock:
	mutex_unlock(&arena->lock);
	return done;
}
