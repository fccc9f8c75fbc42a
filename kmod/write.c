// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * WRITE: copy bytes into granules that are not sealed.
 */
#include "batch.h"
#include "trace.h"

static void codearena_write_settle_locked(struct codearena_batch *batch)
{
	const struct codearena_chunk *chunk;
	struct codearena_page *state;
	u32 i;

	lockdep_assert_held(&batch->arena->lock);
	for (i = 0; i < batch->count; i++) {
		chunk = codearena_batch_entry(batch, i);
		codearena_for_each_piece(piece, chunk->offset, chunk->length) {
			state = codearena_page_get(batch->arena, piece.index);
			state->written |= piece.mask;
			state->claimed &= ~piece.mask;
		}
		cond_resched();
	}
	batch->arena->counters.written += batch->bytes;
}

static int codearena_write_run(struct codearena_batch *batch)
{
	struct codearena_arena *arena = batch->arena;
	int ret;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_batch_claim_locked(batch);
	mutex_unlock(&arena->lock);
	if (ret)
		return ret;
	ret = codearena_batch_copy(batch);
	mutex_lock(&arena->lock);
	if (ret)
		codearena_batch_release_locked(batch);
	else
		codearena_write_settle_locked(batch);
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_write - copy bytes into granules that are not sealed
 * @ucmd: the command
 *
 * Return: see &struct codearena_write.
 */
int codearena_ioctl_write(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_write *cmd = ucmd->cmd;
	struct codearena_chunk small[4] __uninitialized, *chunks;
	struct codearena_batch batch = {
		.arena = arena,
		.stride = sizeof(*chunks),
		.count = cmd->count,
		.failed = CODEARENA_NO_INDEX,
	};
	int ret = 0;
	u32 i;

	if (cmd->flags)
		return -EOPNOTSUPP;
	chunks = codearena_array_get(arena, cmd->chunks, cmd->count,
				     sizeof(*chunks), small, sizeof(small));
	if (IS_ERR(chunks))
		return PTR_ERR(chunks);
	batch.entries = chunks;
	for (i = 0; i < cmd->count && !ret; i++) {
		ret = codearena_range_check(chunks[i].offset, chunks[i].length,
					    1, arena->length);
		batch.bytes += chunks[i].length;
	}
	if (ret) {
		batch.failed = i - 1;
		goto out_array;
	}
	ret = codearena_write_run(&batch);
	codearena_batch_end(&batch);
out_array:
	trace_write(arena, chunks, cmd->count, ret);
	cmd->out_failed = batch.failed;
	codearena_array_put(arena, chunks, cmd->count, sizeof(*chunks), small);
	return ret;
}
