// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * PUBLISH: code objects with their traps, and patches of the slots that target them.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "copy.h"
#include "publish.h"
#include "trace.h"

#define OBJECT_VALID_FLAGS (CODEARENA_OBJECT_F_PATCHABLE | \
			    CODEARENA_OBJECT_F_REPORT | \
			    CODEARENA_OBJECT_F_REPLACE)

static int codearena_object_check(struct codearena_arena *arena,
				  const struct codearena_object *object)
{
	int ret;

	if (object->flags & ~OBJECT_VALID_FLAGS)
		return -EOPNOTSUPP;
	if (object->trap_count > CODEARENA_MAX_ENTRIES)
		return -EINVAL;
	ret = codearena_range_check(object->offset, object->length, 1,
				    arena->length);
	if (ret != -EOVERFLOW && !IS_ALIGNED(object->offset, CODEARENA_GRANULE))
		return -EINVAL;
	if (!ret && codearena_object_replaces(object) &&
	    (arena->flags & CODEARENA_RESERVE_F_PERMANENT))
		return -EPERM;
	return ret;
}

static int codearena_publish_check(struct codearena_publication *pub)
{
	struct codearena_publish *cmd = pub->cmd;
	u32 failed = CODEARENA_NO_INDEX;
	u64 traps = 0;
	int ret;
	u32 i;

	for (i = 0; i < cmd->object_count; i++) {
		ret = codearena_object_check(pub->arena, &pub->objects[i]);
		traps += pub->objects[i].trap_count;
		pub->batch.bytes += pub->objects[i].length;
		if (codearena_object_replaces(&pub->objects[i]))
			pub->batch.staged += pub->objects[i].length;
		if (!ret && traps > CODEARENA_MAX_TRAPS)
			ret = -E2BIG;
		if (unlikely(ret)) {
			cmd->out_failed = i;
			return ret;
		}
	}
	pub->traps = traps;
	ret = codearena_patches_check(pub->arena, pub->patches,
				      cmd->patch_count, &failed);
	if (failed != CODEARENA_NO_INDEX)
		cmd->out_failed = cmd->object_count + failed;
	return ret;
}

static int codearena_object_get_table(struct codearena_publication *pub,
				      u32 index)
{
	struct codearena_object __user *objects =
		u64_to_user_ptr(pub->cmd->objects);
	struct codearena_object *object = &pub->objects[index];
	const struct codearena_range range = {
		.offset = object->offset,
		.length = object->length,
	};
	struct codearena_table *table;
	u32 unused;
	u64 id;

	table = codearena_table_get(pub->arena, &range, object->traps,
				    object->trap_count,
				    object->flags & CODEARENA_OBJECT_F_REPORT,
				    &id, &unused);
	if (IS_ERR(table))
		return PTR_ERR(table);
	pub->tables[index] = table;
	/* Nothing may fail after sealing, so the id is stored now. */
	return put_user(id, &objects[index].out_trap_id);
}

static int codearena_publish_get_tables(struct codearena_publication *pub)
{
	const size_t size = pub->cmd->object_count * sizeof(*pub->tables);
	struct codearena_table **tables;
	int ret;
	u32 i;

	tables = codearena_alloc(pub->arena, size);
	if (IS_ERR(tables))
		return PTR_ERR(tables);
	memset(tables, 0, size);
	pub->tables = tables;
	for (i = 0; i < pub->cmd->object_count; i++) {
		if (!pub->objects[i].trap_count)
			continue;
		ret = fatal_signal_pending(current) ?
			-EINTR : codearena_object_get_table(pub, i);
		if (ret) {
			pub->batch.failed = i;
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Frees the tables that were not inserted. */
static void codearena_publish_put_tables(struct codearena_publication *pub)
{
	const u32 count = pub->cmd->object_count;
	u32 i;

	if (!pub->tables)
		return;
	for (i = 0; i < count; i++) {
		if (pub->tables[i])
			codearena_table_free(pub->arena, pub->tables[i]);
	}
	codearena_free(pub->arena, pub->tables, count * sizeof(*pub->tables));
}

/**
 * codearena_publish_mark_locked - mark granules that are about to be sealed
 * @pub: the publication, its arena locked
 * @settling: false to end that
 *
 * Landing pads may lie in any object of the call.
 */
void codearena_publish_mark_locked(struct codearena_publication *pub,
				   bool settling)
{
	struct codearena_object *object;
	struct codearena_page *state;
	u32 i;

	lockdep_assert_held(&pub->arena->lock);
	for (i = 0; i < pub->cmd->object_count; i++) {
		object = &pub->objects[i];
		codearena_for_each_piece(piece, object->offset, object->length) {
			state = codearena_page_get(pub->arena, piece.index);
			if (settling)
				state->settling |= piece.mask;
			else
				state->settling &= ~piece.mask;
		}
	}
}

/* Insert trap tables before sealing, so that code never runs without its traps. */
static int codearena_publish_insert_tables_locked(struct codearena_publication *pub)
{
	int ret = 0;
	u32 i;

	lockdep_assert_held(&pub->arena->lock);
	if (!pub->tables)
		return 0;
	codearena_publish_mark_locked(pub, true);
	for (i = 0; i < pub->cmd->object_count; i++) {
		if (!pub->tables[i])
			continue;
		ret = fatal_signal_pending(current) ? -EINTR :
			codearena_table_insert_locked(pub->arena,
						      pub->tables[i]);
		if (ret) {
			pub->batch.failed = i;
			break;
		}
		cond_resched();
	}
	codearena_publish_mark_locked(pub, false);
	while (i--) {
		/* The arena owns inserted tables, and frees removed ones. */
		if (ret && pub->tables[i])
			codearena_table_remove_locked(pub->arena,
						      pub->tables[i]);
		pub->tables[i] = NULL;
	}
	return ret;
}

static void codearena_publish_seal_locked(struct codearena_publication *pub)
{
	struct codearena_arena *arena = pub->arena;
	struct codearena_range range;
	struct codearena_page *state;
	u32 i, end, flags;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < pub->cmd->object_count; i = end) {
		flags = pub->objects[i].flags;
		end = codearena_batch_run(&pub->batch, i, &range);
		codearena_for_each_piece(piece, range.offset, range.length) {
			state = codearena_page_get(arena, piece.index);
			codearena_seal_state_locked(arena, state, piece.mask,
						    flags &
						    CODEARENA_OBJECT_F_PATCHABLE);
			state->claimed &= ~piece.mask;
			cond_resched();
		}
	}
	/* Before a patch makes the way to new code. */
	codearena_arch_publish();
	arena->counters.written += pub->batch.bytes;
	arena->counters.published += pub->cmd->object_count;
}

/* Compare the words to patch with what the caller expects. */
static int codearena_publish_compare_locked(struct codearena_publication *pub)
{
	u32 failed;
	int ret;

	ret = codearena_patches_compare_locked(pub->arena, pub->patches,
					       pub->cmd->patch_count, &failed);
	if (failed != CODEARENA_NO_INDEX)
		pub->batch.failed = pub->cmd->object_count + failed;
	return ret;
}

/*
 * Seal the objects, then apply the patches. The words to patch are compared
 * again, since the lock was dropped; if one changed, or the traps are refused,
 * the bytes are restored.
 */
static int codearena_publish_settle_locked(struct codearena_publication *pub)
{
	struct codearena_arena *arena = pub->arena;
	const bool replace = pub->batch.staged;
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_publish_compare_locked(pub);
	if (!ret)
		ret = replace ? codearena_replace_stage_locked(pub) :
				codearena_publish_insert_tables_locked(pub);
	if (ret) {
		codearena_batch_restore(&pub->batch);
		return ret;
	}
	if (replace)
		codearena_replace_begin_locked(pub);
	codearena_publish_seal_locked(pub);
	codearena_patches_apply_locked(arena, pub->patches,
				       pub->cmd->patch_count);
	if (replace)
		codearena_replace_end_locked(pub);
	else if (pub->cmd->flags & CODEARENA_PUBLISH_F_SYNC)
		codearena_sync_locked(arena);
	return 0;
}

/* Claim before building tables, so that refused objects cost no memory. */
static int codearena_publish_claim(struct codearena_publication *pub)
{
	struct codearena_arena *arena = pub->arena;
	int ret;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_batch_claim_locked(&pub->batch);
	if (!ret) {
		ret = codearena_publish_compare_locked(pub);
		if (ret)
			codearena_batch_release_locked(&pub->batch);
	}
	mutex_unlock(&arena->lock);
	return ret;
}

static int codearena_publish_run(struct codearena_publication *pub)
{
	int ret;

	ret = codearena_publish_claim(pub);
	if (ret)
		return ret;
	if (pub->traps)
		ret = codearena_publish_get_tables(pub);
	if (!ret)
		ret = codearena_batch_copy(&pub->batch);
	mutex_lock(&pub->arena->lock);
	if (!ret)
		ret = codearena_publish_settle_locked(pub);
	if (ret)
		codearena_batch_release_locked(&pub->batch);
	mutex_unlock(&pub->arena->lock);
	return ret;
}

static int codearena_publish_all(struct codearena_ucmd *ucmd)
{
	struct codearena_publish *cmd = ucmd->cmd;
	struct codearena_object small_objects[3] __uninitialized;
	struct codearena_patch_entry small_patches[3] __uninitialized;
	struct codearena_publication pub = {
		.arena = ucmd->arena,
		.cmd = cmd,
		.patches = small_patches,
		.batch = {
			.arena = ucmd->arena,
			.stride = sizeof(struct codearena_object),
			.count = cmd->object_count,
			.objects = true,
			.failed = CODEARENA_NO_INDEX,
		},
	};
	int ret;

	pub.objects = codearena_array_get(ucmd->arena, cmd->objects,
					  cmd->object_count,
					  sizeof(*pub.objects), small_objects,
					  sizeof(small_objects));
	if (IS_ERR(pub.objects))
		return PTR_ERR(pub.objects);
	pub.batch.entries = pub.objects;
	if (cmd->patch_count)
		pub.patches = codearena_array_get(ucmd->arena, cmd->patches,
						  cmd->patch_count,
						  sizeof(*pub.patches),
						  small_patches,
						  sizeof(small_patches));
	ret = PTR_ERR_OR_ZERO(pub.patches);
	if (ret)
		goto out_objects;
	ret = codearena_publish_check(&pub);
	if (!ret) {
		ret = codearena_publish_run(&pub);
		cmd->out_failed = pub.batch.failed;
	}
	codearena_publish_put_tables(&pub);
	codearena_batch_end(&pub.batch);
	codearena_array_put(ucmd->arena, pub.patches, cmd->patch_count,
			    sizeof(*pub.patches), small_patches);
out_objects:
	trace_publish(ucmd->arena, cmd, pub.objects, ret);
	codearena_array_put(ucmd->arena, pub.objects, cmd->object_count,
			    sizeof(*pub.objects), small_objects);
	return ret;
}

/*
 * Fast path for one object, checked, in one page without traps and patches: copies
 * under the lock with page faults disabled, so that no claims are needed. It makes the
 * same checks as the general path, and never reports an error: whatever fails
 * here takes the general path, which refuses it.
 */
static bool codearena_publish_fast(struct codearena_arena *arena,
				   const struct codearena_publish *cmd,
				   const struct codearena_object *object)
{
	const unsigned int start = offset_in_page(object->offset);
	struct codearena_page *state;
	bool done = false;
	void *to;
	u64 mask;

	if (object->trap_count || object->length > PAGE_SIZE - start ||
	    mutex_lock_killable(&arena->lock))
		return false;
	mask = codearena_granules(start, object->length);
	state = codearena_page_committed_locked(arena,
						object->offset >> PAGE_SHIFT);
	if (codearena_page_may_write(state, mask, false) ||
	    (state->written & mask) || state->shared)
		goto out_unlock;
	to = state->data + start;
	pagefault_disable();
	done = !codearena_copy_in(to, u64_to_user_ptr(object->source),
				  object->length);
	pagefault_enable();
	if (!done) {
		codearena_page_clear(state, mask);
		goto out_unlock;
	}
	codearena_object_seal_locked(arena, object, state, mask);
	if (cmd->flags & CODEARENA_PUBLISH_F_SYNC)
		codearena_sync_locked(arena);
out_unlock:
	mutex_unlock(&arena->lock);
	return done;
}

/**
 * codearena_ioctl_publish - copy, seal and patch, all or nothing
 * @ucmd: the command
 *
 * Return: see &struct codearena_publish.
 */
int codearena_ioctl_publish(struct codearena_ucmd *ucmd)
{
	struct codearena_object object __uninitialized;
	struct codearena_publish *cmd = ucmd->cmd;

	if ((cmd->flags & ~CODEARENA_PUBLISH_F_SYNC) || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->object_count == 1 && !cmd->patch_count &&
	    !codearena_slow_path() &&
	    codearena_copy_in_small(&object, u64_to_user_ptr(cmd->objects),
				    sizeof(object)) &&
	    !codearena_object_check(ucmd->arena, &object) &&
	    (codearena_object_replaces(&object) ?
	     codearena_replace_fast(ucmd->arena, cmd, &object) :
	     codearena_publish_fast(ucmd->arena, cmd, &object))) {
		trace_publish(ucmd->arena, cmd, &object, 0);
		return 0;
	}
	return codearena_publish_all(ucmd);
}
