// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * PUBLISH: whole code objects, with their traps and the slots that lead to them.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "batch.h"
#include "trace.h"

#define OBJECT_VALID_FLAGS (CODEARENA_OBJECT_F_PATCHABLE | \
			    CODEARENA_OBJECT_F_REPORT)

static int codearena_object_check(struct codearena_arena *arena,
				  const struct codearena_object *object)
{
	int ret;

	if (object->flags & ~OBJECT_VALID_FLAGS)
		return -EOPNOTSUPP;
	ret = codearena_range_check(object->offset, object->length, 1,
				    arena->length);
	if (ret != -EOVERFLOW && !IS_ALIGNED(object->offset, CODEARENA_GRANULE))
		return -EINVAL;
	return ret;
}

/**
 * struct codearena_publication - a PUBLISH under way
 * @arena: the arena
 * @cmd: the command
 * @objects: kernel copy of its objects
 * @patches: kernel copy of its patches
 * @tables: for each object its table of traps or NULL; NULL if none has one
 * @batch: the objects, as bytes to be copied
 */
struct codearena_publication {
	struct codearena_arena *arena;
	struct codearena_publish *cmd;
	struct codearena_object *objects;
	struct codearena_patch_entry *patches;
	struct codearena_table **tables;
	struct codearena_batch batch;
};

static int codearena_publish_check(struct codearena_publication *pub,
				   bool *traps)
{
	struct codearena_publish *cmd = pub->cmd;
	u32 failed = CODEARENA_NO_INDEX;
	int ret;
	u32 i;

	for (i = 0; i < cmd->object_count; i++) {
		ret = codearena_object_check(pub->arena, &pub->objects[i]);
		if (ret) {
			cmd->out_failed = i;
			return ret;
		}
		if (pub->objects[i].trap_count)
			*traps = true;
	}
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
	/* Once the code is sealed, nothing may fail any more. */
	return put_user(id, &objects[index].out_trap_id);
}

static int codearena_publish_get_tables(struct codearena_publication *pub)
{
	u32 count = pub->cmd->object_count;
	int ret;
	u32 i;

	pub->tables = kvcalloc(count, sizeof(*pub->tables), CODEARENA_GFP);
	if (!pub->tables)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		if (!pub->objects[i].trap_count)
			continue;
		ret = fatal_signal_pending(current) ?
			-EINTR : codearena_object_get_table(pub, i);
		if (ret) {
			pub->cmd->out_failed = i;
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Tables that the arena has taken over are not here any more. */
static void codearena_publish_put_tables(struct codearena_publication *pub)
{
	u32 i;

	if (!pub->tables)
		return;
	for (i = 0; i < pub->cmd->object_count; i++)
		kvfree(pub->tables[i]);
	kvfree(pub->tables);
}

static void codearena_publish_mark_locked(struct codearena_publication *pub,
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

/*
 * Traps take effect before their code is sealed, so that it never runs without
 * them. Landing pads may lie in any object of the call.
 */
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
		ret = codearena_table_insert_locked(pub->arena, pub->tables[i]);
		if (ret) {
			pub->batch.failed = i;
			break;
		}
		cond_resched();
	}
	codearena_publish_mark_locked(pub, false);
	while (i--) {
		/* Inserted, the table is the arena's; and so is its removal. */
		if (ret && pub->tables[i])
			codearena_table_remove_locked(pub->arena,
						      pub->tables[i]);
		pub->tables[i] = NULL;
	}
	return ret;
}

static void codearena_object_settle_locked(struct codearena_arena *arena,
					   const struct codearena_object *object)
{
	struct codearena_page *state;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, object->offset, object->length) {
		state = codearena_page_get(arena, piece.index);
		codearena_seal_state_locked(arena, state, piece.mask,
					    object->flags &
					    CODEARENA_OBJECT_F_PATCHABLE);
		state->claimed &= ~piece.mask;
	}
	arena->counters.written += object->length;
}

/*
 * The objects are in place: seal them, then lead to them. The words to be
 * patched may have changed since they were compared first; if so, or if the
 * traps do not fit, the whole call has not happened.
 */
static int codearena_publish_settle_locked(struct codearena_publication *pub)
{
	struct codearena_arena *arena = pub->arena;
	struct codearena_publish *cmd = pub->cmd;
	u32 failed, i;
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_patches_compare_locked(arena, pub->patches,
					       cmd->patch_count, &failed);
	if (ret) {
		pub->batch.failed = cmd->object_count + failed;
		return ret;
	}
	ret = codearena_publish_insert_tables_locked(pub);
	if (ret)
		return ret;
	for (i = 0; i < cmd->object_count; i++)
		codearena_object_settle_locked(arena, &pub->objects[i]);
	arena->counters.published += cmd->object_count;
	codearena_patches_apply_locked(arena, pub->patches, cmd->patch_count);
	if (cmd->flags & CODEARENA_PUBLISH_F_SYNC)
		codearena_sync_locked(arena);
	return 0;
}

static int codearena_publish_run(struct codearena_publication *pub)
{
	struct codearena_batch *batch = &pub->batch;
	struct codearena_arena *arena = pub->arena;
	int ret;

	ret = codearena_batch_run(batch, pub->patches, pub->cmd->patch_count);
	if (!ret) {
		mutex_lock(&arena->lock);
		ret = codearena_publish_settle_locked(pub);
		if (ret) {
			codearena_batch_restore(batch);
			codearena_batch_release_locked(batch, batch->count);
		}
		mutex_unlock(&arena->lock);
	}
	pub->cmd->out_failed = batch->failed;
	kvfree(batch->undo);
	return ret;
}

/**
 * codearena_ioctl_publish - copy, seal and patch, all or nothing
 * @ucmd: the command
 *
 * Return: see &struct codearena_publish.
 */
int codearena_ioctl_publish(struct codearena_ucmd *ucmd)
{
	struct codearena_publish *cmd = ucmd->cmd;
	struct codearena_object small_objects[3];
	struct codearena_patch_entry small_patches[3];
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
	bool traps = false;
	int ret;

	if ((cmd->flags & ~CODEARENA_PUBLISH_F_SYNC) || cmd->__reserved)
		return -EOPNOTSUPP;
	pub.objects = codearena_array_get(cmd->objects, cmd->object_count,
					  sizeof(*pub.objects), small_objects,
					  sizeof(small_objects));
	if (IS_ERR(pub.objects))
		return PTR_ERR(pub.objects);
	pub.batch.entries = pub.objects;
	if (cmd->patch_count)
		pub.patches = codearena_array_get(cmd->patches,
						  cmd->patch_count,
						  sizeof(*pub.patches),
						  small_patches,
						  sizeof(small_patches));
	ret = PTR_ERR_OR_ZERO(pub.patches);
	if (ret)
		goto out_objects;
	ret = codearena_publish_check(&pub, &traps);
	if (!ret && traps)
		ret = codearena_publish_get_tables(&pub);
	if (!ret)
		ret = codearena_publish_run(&pub);
	codearena_publish_put_tables(&pub);
	codearena_array_put(pub.patches, small_patches);
out_objects:
	trace_publish(ucmd->arena, cmd, pub.objects, ret);
	codearena_array_put(pub.objects, small_objects);
	return ret;
}
