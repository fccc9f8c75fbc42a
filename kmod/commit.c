// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocate and free the pages of an arena.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

#define CHUNK_FOOTPRINT	\
	codearena_footprint(sizeof(struct codearena_chunk_state))

static struct codearena_chunk_state *
codearena_chunk_new(struct codearena_arena *arena)
{
	struct codearena_chunk_state *chunk;
	int ret = codearena_charge(arena, CHUNK_FOOTPRINT);

	if (ret)
		return ERR_PTR(ret);
	chunk = kzalloc(sizeof(*chunk), CODEARENA_GFP);
	if (chunk)
		return chunk;
	codearena_uncharge(arena, CHUNK_FOOTPRINT);
	return ERR_PTR(-ENOMEM);
}

/**
 * codearena_chunks_locked - allocate the page states of a range
 * @arena: the arena, locked
 * @first: number of the first page
 * @last: number of the last page
 *
 * Return: 0; -ENOSPC or -ENOMEM, with as many as could be allocated.
 */
int codearena_chunks_locked(struct codearena_arena *arena, unsigned long first,
			    unsigned long last)
{
	struct codearena_chunk_state *chunk;
	unsigned long i;

	lockdep_assert_held(&arena->lock);
	for (i = first / CODEARENA_CHUNK_PAGES;
	     i <= last / CODEARENA_CHUNK_PAGES; i++) {
		if (arena->chunks[i])
			continue;
		chunk = codearena_chunk_new(arena);
		if (IS_ERR(chunk))
			return PTR_ERR(chunk);
		/* Pairs with the acquire in codearena_page_get(). */
		smp_store_release(&arena->chunks[i], chunk);
		cond_resched();
	}
	return 0;
}

static bool codearena_chunk_used(const struct codearena_chunk_state *chunk)
{
	unsigned long i;

	for (i = 0; i < CODEARENA_CHUNK_PAGES; i++) {
		if (chunk->pages[i].data)
			return true;
	}
	return false;
}

/* Free the chunks of a range in which no page is committed any more. */
static void codearena_chunks_trim_locked(struct codearena_arena *arena,
					 unsigned long first,
					 unsigned long last)
{
	struct codearena_chunk_state *chunk;
	unsigned long i;

	lockdep_assert_held(&arena->lock);
	for (i = first / CODEARENA_CHUNK_PAGES;
	     i <= last / CODEARENA_CHUNK_PAGES; i++) {
		chunk = arena->chunks[i];
		if (!chunk || codearena_chunk_used(chunk))
			continue;
		/* Page faults read states without arena::lock. */
		down_write(&arena->map_lock);
		WRITE_ONCE(arena->chunks[i], NULL);
		up_write(&arena->map_lock);
		kfree(chunk);
		codearena_uncharge(arena, CHUNK_FOOTPRINT);
		cond_resched();
	}
}

/* What unsealing resets is not stored to again: a fault may be looking at it. */
static void codearena_page_free(struct codearena_page *state)
{
	/* The page may still be pinned for reading. */
	put_page(virt_to_page(state->data));
	state->data = NULL;
	state->written = 0;
	state->shared = false;
}

static int codearena_pages_alloc_locked(struct codearena_arena *arena,
					unsigned long first, unsigned long last)
{
	struct codearena_page *state;
	unsigned long i;
	int ret;

	lockdep_assert_held(&arena->lock);
	for (i = first; i <= last; i++) {
		state = codearena_page_get(arena, i);
		ret = -EINTR;
		if (fatal_signal_pending(current))
			goto err_pages;
		ret = -ENOMEM;
		state->data = (void *)__get_free_page(CODEARENA_GFP);
		if (!state->data)
			goto err_pages;
		codearena_arch_fill(state->data, PAGE_SIZE);
		cond_resched();
	}
	return 0;

err_pages:
	while (i-- > first)
		codearena_page_free(codearena_page_get(arena, i));
	return ret;
}

static int codearena_commit(struct codearena_arena *arena,
			    const struct codearena_commit *cmd)
{
	unsigned long first, last, i;
	int ret;

	ret = codearena_range_check(cmd->offset, cmd->length, PAGE_SIZE,
				    arena->length);
	if (ret)
		return ret;
	first = cmd->offset >> PAGE_SHIFT;
	last = first + (cmd->length >> PAGE_SHIFT) - 1;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = -EEXIST;
	for (i = first; i <= last; i++) {
		if (codearena_page_committed_locked(arena, i))
			goto out_unlock;
	}
	ret = codearena_charge_pages_locked(arena, last - first + 1);
	if (ret)
		goto out_unlock;
	ret = codearena_chunks_locked(arena, first, last);
	if (!ret)
		ret = codearena_pages_alloc_locked(arena, first, last);
	if (ret) {
		codearena_chunks_trim_locked(arena, first, last);
		codearena_uncharge_pages(arena, last - first + 1);
	}
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_commit - allocate the pages of a range
 * @ucmd: the command
 *
 * Return: see &struct codearena_commit.
 */
int codearena_ioctl_commit(struct codearena_ucmd *ucmd)
{
	const struct codearena_commit *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = codearena_commit(ucmd->arena, cmd);
	trace_commit(ucmd->arena, cmd->offset, cmd->length, cmd->flags, ret);
	return ret;
}

static int codearena_may_decommit_locked(struct codearena_arena *arena,
					 unsigned long first,
					 unsigned long last)
{
	struct codearena_page *state;
	unsigned long i;

	lockdep_assert_held(&arena->lock);
	for (i = first; i <= last; i++) {
		state = codearena_page_committed_locked(arena, i);
		if (!state)
			return -ENOENT;
		if (state->sealed &&
		    (arena->flags & CODEARENA_RESERVE_F_PERMANENT))
			return -EPERM;
		if (state->claimed)
			return -EBUSY;
	}
	return 0;
}

static int codearena_decommit(struct codearena_arena *arena,
			      const struct codearena_decommit *cmd)
{
	const struct codearena_range range = {
		.offset = cmd->offset,
		.length = cmd->length,
	};
	unsigned long first, last, i;
	u32 unused;
	int ret;

	ret = codearena_range_check(cmd->offset, cmd->length, PAGE_SIZE,
				    arena->length);
	if (ret)
		return ret;
	first = cmd->offset >> PAGE_SHIFT;
	last = first + (cmd->length >> PAGE_SHIFT) - 1;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	ret = codearena_may_decommit_locked(arena, first, last);
	if (!ret)
		ret = codearena_pads_check_locked(arena, &range, 1, &unused);
	if (ret)
		goto out_unlock;

	/* Nothing below can fail. */
	if (codearena_unseal_locked(arena, &range, 1))
		codearena_sync_locked(arena);
	for (i = first; i <= last; i++) {
		codearena_page_free(codearena_page_get(arena, i));
		cond_resched();
	}
	codearena_chunks_trim_locked(arena, first, last);
	codearena_uncharge_pages(arena, last - first + 1);
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_decommit - free the pages of a range
 * @ucmd: the command
 *
 * Return: see &struct codearena_decommit.
 */
int codearena_ioctl_decommit(struct codearena_ucmd *ucmd)
{
	const struct codearena_decommit *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = codearena_decommit(ucmd->arena, cmd);
	trace_decommit(ucmd->arena, cmd->offset, cmd->length, cmd->flags, ret);
	return ret;
}

/**
 * codearena_pages_free - free all pages of an arena and their states
 * @arena: the arena, with no reference left
 */
void codearena_pages_free(struct codearena_arena *arena)
{
	const unsigned long chunks = codearena_arena_chunks(arena);
	struct codearena_page *state;
	unsigned long i, j;

	for (i = 0; i < chunks; i++) {
		if (!arena->chunks[i])
			continue;
		for (j = 0; j < CODEARENA_CHUNK_PAGES; j++) {
			state = &arena->chunks[i]->pages[j];
			if (state->data)
				codearena_page_free(state);
		}
		kfree(arena->chunks[i]);
		codearena_uncharge(arena, CHUNK_FOOTPRINT);
		cond_resched();
	}
	codearena_uncharge_pages(arena, arena->counters.committed);
}
