// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sealing and unsealing granules: SEAL, DISCARD.
 */
#include <linux/bitops.h>

#include "batch.h"
#include "codearena_private.h"
#include "copy.h"
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
		if (codearena_pause())
			return -EINTR;
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
	codearena_arch_publish();
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

static unsigned int codearena_unseal_state_locked(struct codearena_arena *arena,
						  struct codearena_page *state,
						  u64 mask)
{
	unsigned int sealed = hweight64(state->sealed & mask);

	lockdep_assert_held(&arena->lock);
	arena->counters.patchable -= hweight64(state->patchable & mask);
	state->patchable &= ~mask;
	WRITE_ONCE(state->sealed, state->sealed & ~mask);
	return sealed;
}

static unsigned int codearena_unseal_range_locked(struct codearena_arena *arena,
						  const struct codearena_range *range)
{
	struct codearena_page *state;
	unsigned int sealed = 0;

	lockdep_assert_held(&arena->lock);
	codearena_tables_remove_locked(arena, range->offset, range->length);
	down_write(&arena->map_lock);
	codearena_for_each_piece(piece, range->offset, range->length) {
		state = codearena_page_get(arena, piece.index);
		sealed += codearena_unseal_state_locked(arena, state,
							piece.mask);
		if (need_resched()) {
			up_write(&arena->map_lock);
			cond_resched();
			down_write(&arena->map_lock);
		}
	}
	up_write(&arena->map_lock);
	return sealed;
}

/*
 * Unmap the pages in which nothing is sealed any more, with one call that spans
 * them all: each visits every VMA that shows any of them. The pages between
 * that stay sealed fault again.
 */
static void codearena_unmap_unsealed_locked(struct codearena_arena *arena,
					    const struct codearena_range *ranges,
					    u32 count)
{
	struct codearena_span span = CODEARENA_NO_SPAN;
	struct codearena_page *state;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++) {
		codearena_for_each_piece(piece, ranges[i].offset,
					 ranges[i].length) {
			state = codearena_page_get(arena, piece.index);
			if (!state->sealed)
				codearena_span_add(&span, state, piece.index);
		}
		cond_resched();
	}
	codearena_unmap_locked(arena, &span);
}

/**
 * codearena_unseal_locked - unseal ranges
 * @arena: the arena, locked
 * @ranges: the ranges, all of them committed
 * @count: how many
 *
 * The trap tables of code in them go too. Pages of which nothing else is sealed
 * are unmapped everywhere. The bytes stay as they are, and processors may still
 * hold instructions they fetched.
 *
 * Return: whether anything was sealed.
 */
bool codearena_unseal_locked(struct codearena_arena *arena,
			     const struct codearena_range *ranges, u32 count)
{
	unsigned long sealed = 0;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++)
		sealed += codearena_unseal_range_locked(arena, &ranges[i]);
	arena->counters.sealed -= sealed;
	arena->counters.discarded += sealed;
	if (sealed)
		codearena_unmap_unsealed_locked(arena, ranges, count);
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

/* The one check of a page for DISCARD. */
static int codearena_page_may_discard(const struct codearena_arena *arena,
				      const struct codearena_page *state,
				      u64 mask)
{
	if (!state)
		return -ENOENT;
	if ((state->sealed & mask) &&
	    (arena->flags & CODEARENA_RESERVE_F_PERMANENT))
		return -EPERM;
	return state->claimed & mask ? -EBUSY : 0;
}

static int codearena_discard_claim_locked(struct codearena_arena *arena,
					  const struct codearena_range *range)
{
	struct codearena_page *state;
	int ret = 0, err;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, range->offset, range->length) {
		state = codearena_page_committed_locked(arena, piece.index);
		err = codearena_page_may_discard(arena, state, piece.mask);
		if (err && err != -EBUSY)
			return err;
		/* Another page may have an error that takes precedence. */
		ret = ret ?: err;
		if (codearena_pause())
			return -EINTR;
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
	ret = codearena_pads_check_locked(arena, ranges, count, failed);
	return ret ?: codearena_ranges_unshare_locked(arena, ranges, count);
}

static void codearena_refill_page_locked(struct codearena_page *state,
					 unsigned int start,
					 unsigned int length)
{
	codearena_arch_fill(state->data + start, length);
	codearena_arch_flush(state->data + start, length);
	state->written &= ~codearena_granules(start, length);
}

static void codearena_refill_locked(struct codearena_arena *arena,
				    const struct codearena_range *range)
{
	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, range->offset, range->length) {
		codearena_refill_page_locked(codearena_page_get(arena, piece.index),
					     piece.start, piece.length);
		cond_resched();
	}
}

static int codearena_discard(struct codearena_arena *arena,
			     const struct codearena_range *ranges, u32 count,
			     u32 *failed)
{
	bool sealed;
	int ret;
	u32 i;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_discard_check_locked(arena, ranges, count, failed);
	if (ret)
		goto out_unlock;
	/* From here on it cannot fail. */
	sealed = codearena_unseal_locked(arena, ranges, count);
	for (i = 0; i < count; i++)
		codearena_refill_locked(arena, &ranges[i]);
	/* The lock is held until then, so nobody reuses the space earlier. */
	if (sealed)
		codearena_sync_locked(arena);
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

static int codearena_discard_all(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_discard *cmd = ucmd->cmd;
	struct codearena_range small[4] __uninitialized, *ranges;
	int ret = 0;
	u32 i;

	ranges = codearena_array_get(arena, cmd->ranges, cmd->count,
				     sizeof(*ranges), small, sizeof(small));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	for (i = 0; i < cmd->count && !ret; i++)
		ret = codearena_range_check(ranges[i].offset, ranges[i].length,
					    CODEARENA_GRANULE, arena->length);
	if (ret)
		cmd->out_failed = i - 1;
	else
		ret = codearena_discard(arena, ranges, cmd->count,
					&cmd->out_failed);
	trace_discard(arena, ranges, cmd->count, ret);
	codearena_array_put(arena, ranges, cmd->count, sizeof(*ranges), small);
	return ret;
}

/*
 * Fast path for one range in a page that keeps other seals: no page is unmapped,
 * copied or kept from faults. It makes the same checks as the general path, which
 * refuses whatever fails here.
 */
static bool codearena_discard_fast(struct codearena_arena *arena,
				   const struct codearena_range *range)
{
	const unsigned int start = offset_in_page(range->offset);
	struct codearena_page *state;
	unsigned int sealed;
	bool done = false;
	u32 unused;
	u64 mask;

	if (range->length > PAGE_SIZE - start ||
	    codearena_range_check(range->offset, range->length,
				  CODEARENA_GRANULE, arena->length) ||
	    mutex_lock_killable(&arena->lock))
		return false;
	mask = codearena_granules(start, range->length);
	state = codearena_page_committed_locked(arena,
						range->offset >> PAGE_SHIFT);
	if (codearena_page_may_discard(arena, state, mask) || state->shared ||
	    !(state->sealed & ~mask) ||
	    codearena_pads_check_locked(arena, range, 1, &unused))
		goto out_unlock;
	codearena_tables_remove_locked(arena, range->offset, range->length);
	sealed = codearena_unseal_state_locked(arena, state, mask);
	arena->counters.sealed -= sealed;
	arena->counters.discarded += sealed;
	codearena_refill_page_locked(state, start, range->length);
	if (sealed)
		codearena_sync_locked(arena);
	done = true;
out_unlock:
	mutex_unlock(&arena->lock);
	return done;
}

/**
 * codearena_ioctl_discard - turn code into trap instructions, for reuse
 * @ucmd: the command
 *
 * Return: see &struct codearena_discard.
 */
int codearena_ioctl_discard(struct codearena_ucmd *ucmd)
{
	struct codearena_range range __uninitialized;
	struct codearena_discard *cmd = ucmd->cmd;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (cmd->count == 1 && !codearena_slow_path() &&
	    codearena_copy_in_small(&range, u64_to_user_ptr(cmd->ranges),
				    sizeof(range)) &&
	    codearena_discard_fast(ucmd->arena, &range)) {
		trace_discard(ucmd->arena, &range, 1, 0);
		return 0;
	}
	return codearena_discard_all(ucmd);
}
