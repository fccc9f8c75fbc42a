// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * WRITE: bytes for granules that are not sealed.
 */
#include <linux/slab.h>

#include "batch.h"
#include "trace.h"

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
	struct codearena_chunk small[4], *chunks;
	struct codearena_batch batch = {
		.arena = arena,
		.stride = sizeof(*chunks),
		.count = cmd->count,
		.failed = CODEARENA_NO_INDEX,
	};
	struct codearena_page *state;
	int ret = 0;
	u32 i;

	if (cmd->flags)
		return -EOPNOTSUPP;
	chunks = codearena_array_get(cmd->chunks, cmd->count, sizeof(*chunks),
				     small, sizeof(small));
	if (IS_ERR(chunks))
		return PTR_ERR(chunks);
	batch.entries = chunks;
	for (i = 0; i < cmd->count && !ret; i++)
		ret = codearena_range_check(chunks[i].offset, chunks[i].length,
					    1, arena->length);
	if (ret) {
		batch.failed = i - 1;
		goto out_array;
	}
	ret = codearena_batch_run(&batch, NULL, 0);
	if (ret)
		goto out_array;

	mutex_lock(&arena->lock);
	for (i = 0; i < cmd->count; i++) {
		codearena_for_each_piece(piece, chunks[i].offset,
					 chunks[i].length) {
			state = codearena_page_get(arena, piece.index);
			state->written |= piece.mask;
			state->claimed &= ~piece.mask;
		}
		arena->counters.written += chunks[i].length;
	}
	mutex_unlock(&arena->lock);
out_array:
	trace_write(arena, chunks, cmd->count, ret);
	cmd->out_failed = batch.failed;
	kvfree(batch.undo);
	codearena_array_put(chunks, small);
	return ret;
}
