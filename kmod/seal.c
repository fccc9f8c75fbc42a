// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The seal: setting it, and taking it away with everything that follows.
 */
#include <linux/bitops.h>

#include "batch.h"
#include "codearena_private.h"
#include "trace.h"

/**
 * codearena_seal_state_locked - seal granules of one page
 * @arena: the arena, locked
 * @state: the page; its bytes are final, and flushed
 * @mask: the granules
 * @patchable: PATCH may store to them; never widens what was sealed before
 */
void codearena_seal_state_locked(struct codearena_arena *arena,
				 struct codearena_page *state, u64 mask,
				 bool patchable)
{
	struct codearena_counters *counters = &arena->counters;

	lockdep_assert_held(&arena->lock);
	counters->sealed += hweight64(mask & ~state->sealed);
	counters->patchable -= hweight64(mask & state->patchable);
	if (patchable) {
		state->patchable |= mask;
		counters->patchable += hweight64(mask);
	} else {
		state->patchable &= ~mask;
	}
	state->written |= mask;
	/* The fault handler maps the page as soon as it sees a seal. */
	smp_store_release(&state->sealed, state->sealed | mask);
}

static int codearena_may_seal_locked(struct codearena_arena *arena,
				     const struct codearena_seal *cmd)
{
	bool patchable = cmd->flags & CODEARENA_SEAL_F_PATCHABLE;
	struct codearena_page *state;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, cmd->offset, cmd->length) {
		state = codearena_page_committed_locked(arena, piece.index);
		if (!state)
			return -ENOENT;
		if (patchable && (state->sealed & ~state->patchable & piece.mask))
			return -EPERM;
		if (state->claimed & piece.mask)
			return -EBUSY;
	}
	return 0;
}

static int codearena_seal(struct codearena_arena *arena,
			  const struct codearena_seal *cmd)
{
	struct codearena_page *state;
	int ret;

	ret = codearena_range_check(cmd->offset, cmd->length, CODEARENA_GRANULE,
				    arena->length);
	if (ret)
		return ret;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_may_seal_locked(arena, cmd);
	if (ret)
		goto out_unlock;
	codearena_for_each_piece(piece, cmd->offset, cmd->length) {
		state = codearena_page_get(arena, piece.index);
		codearena_arch_flush(state->data + piece.start,
				     piece.length);
		codearena_seal_state_locked(arena, state, piece.mask,
					    cmd->flags &
					    CODEARENA_SEAL_F_PATCHABLE);
		cond_resched();
	}
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_seal - make a range immutable and executable
 * @ucmd: the command
 *
 * Return: see &struct codearena_seal.
 */
int codearena_ioctl_seal(struct codearena_ucmd *ucmd)
{
	const struct codearena_seal *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags & ~CODEARENA_SEAL_F_PATCHABLE)
		return -EOPNOTSUPP;
	ret = codearena_seal(ucmd->arena, cmd);
	trace_seal(ucmd->arena, cmd->offset, cmd->length, cmd->flags, ret);
	return ret;
}

/* Unmap what holds no sealed code any more, run by run. */
static void codearena_unmap_unsealed_locked(struct codearena_arena *arena,
					    u64 offset, u64 length)
{
	struct address_space *mapping = arena->inode->i_mapping;
	unsigned long start = 0, pages = 0;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, offset, length) {
		if (!codearena_page_get(arena, piece.index)->sealed) {
			if (!pages++)
				start = piece.index;
			continue;
		}
		if (pages)
			unmap_mapping_range(mapping, (loff_t)start << PAGE_SHIFT,
					    (loff_t)pages << PAGE_SHIFT, 1);
		pages = 0;
	}
	if (pages)
		unmap_mapping_range(mapping, (loff_t)start << PAGE_SHIFT,
				    (loff_t)pages << PAGE_SHIFT, 1);
}

/**
 * codearena_unseal_locked - take all seals of a range away
 * @arena: the arena, locked
 * @offset: first byte
 * @length: bytes; all of the range is committed
 *
 * The tables of traps for code in it go too. Pages of which nothing else is
 * sealed are unmapped everywhere. The bytes stay as they are, and processors
 * may still hold instructions they fetched.
 *
 * Return: whether anything was sealed.
 */
bool codearena_unseal_locked(struct codearena_arena *arena, u64 offset,
			     u64 length)
{
	struct codearena_counters *counters = &arena->counters;
	struct codearena_page *state;
	unsigned int sealed = 0;

	lockdep_assert_held(&arena->lock);
	codearena_tables_remove_locked(arena, offset, length);
	down_write(&arena->map_lock);
	codearena_for_each_piece(piece, offset, length) {
		state = codearena_page_get(arena, piece.index);
		sealed += hweight64(state->sealed & piece.mask);
		counters->patchable -= hweight64(state->patchable & piece.mask);
		state->patchable &= ~piece.mask;
		WRITE_ONCE(state->sealed, state->sealed & ~piece.mask);
	}
	up_write(&arena->map_lock);
	counters->sealed -= sealed;
	counters->discarded += sealed;
	if (sealed)
		codearena_unmap_unsealed_locked(arena, offset, length);
	return sealed;
}

/*
 * Claims keep the ranges of one call apart, so that its work is bounded by the
 * arena. They end with the call, under the lock it began with.
 */
static void codearena_discard_release_locked(struct codearena_arena *arena,
					     const struct codearena_range *ranges,
					     u32 count)
{
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++)
		codearena_claims_release_locked(arena, ranges[i].offset,
						ranges[i].length);
}

static int codearena_discard_claim_locked(struct codearena_arena *arena,
					  const struct codearena_range *range)
{
	struct codearena_page *state;
	int ret = 0;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, range->offset, range->length) {
		state = codearena_page_committed_locked(arena, piece.index);
		if (!state)
			return -ENOENT;
		if ((state->sealed & piece.mask) &&
		    (arena->flags & CODEARENA_RESERVE_F_PERMANENT))
			return -EPERM;
		if (state->claimed & piece.mask)
			ret = -EBUSY;
	}
	if (ret)
		return ret;
	codearena_for_each_piece(piece, range->offset, range->length)
		codearena_page_get(arena, piece.index)->claimed |= piece.mask;
	return 0;
}

static int codearena_discard_check_locked(struct codearena_arena *arena,
					  const struct codearena_range *ranges,
					  u32 count, u32 *failed)
{
	int ret;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++) {
		ret = codearena_discard_claim_locked(arena, &ranges[i]);
		if (ret) {
			*failed = i;
			codearena_discard_release_locked(arena, ranges, i);
			return ret;
		}
	}
	codearena_discard_release_locked(arena, ranges, count);
	return codearena_pads_check_locked(arena, ranges, count, failed);
}

static bool codearena_discard_locked(struct codearena_arena *arena,
				     const struct codearena_range *range)
{
	struct codearena_page *state;
	bool sealed;
	void *start;

	lockdep_assert_held(&arena->lock);
	sealed = codearena_unseal_locked(arena, range->offset, range->length);
	codearena_for_each_piece(piece, range->offset, range->length) {
		state = codearena_page_get(arena, piece.index);
		start = state->data + piece.start;
		codearena_arch_fill(start, piece.length);
		codearena_arch_flush(start, piece.length);
		state->written &= ~piece.mask;
		cond_resched();
	}
	return sealed;
}

/**
 * codearena_ioctl_discard - turn code into trap instructions, for reuse
 * @ucmd: the command
 *
 * Return: see &struct codearena_discard.
 */
int codearena_ioctl_discard(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_discard *cmd = ucmd->cmd;
	struct codearena_range small[4], *ranges;
	bool sealed = false;
	int ret = 0;
	u32 i;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ranges = codearena_array_get(cmd->ranges, cmd->count, sizeof(*ranges),
				     small, sizeof(small));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	for (i = 0; i < cmd->count && !ret; i++)
		ret = codearena_range_check(ranges[i].offset, ranges[i].length,
					    CODEARENA_GRANULE, arena->length);
	if (ret) {
		cmd->out_failed = i - 1;
		goto out_array;
	}

	ret = -EINTR;
	if (mutex_lock_killable(&arena->lock))
		goto out_array;
	ret = codearena_discard_check_locked(arena, ranges, cmd->count,
					     &cmd->out_failed);
	if (ret)
		goto out_unlock;
	for (i = 0; i < cmd->count; i++)
		sealed |= codearena_discard_locked(arena, &ranges[i]);
	/* The lock is held until then, so nobody reuses the space earlier. */
	if (sealed)
		codearena_sync_locked(arena);
out_unlock:
	mutex_unlock(&arena->lock);
out_array:
	trace_discard(arena, ranges, cmd->count, ret);
	codearena_array_put(ranges, small);
	return ret;
}
