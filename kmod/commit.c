// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory behind the pages of an arena: limits, commit, decommit, free.
 */
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

/* The memory is neither swapped nor reclaimed, so the default is modest. */
#define DEFAULT_LIMIT_DIVISOR	4
#define LIMIT_UNSET		ULONG_MAX

static unsigned long commit_limit_mb = LIMIT_UNSET;
module_param(commit_limit_mb, ulong, 0644);
MODULE_PARM_DESC(commit_limit_mb,
		 "MiB that all arenas may commit together, 0 for no limit (default: a quarter of the memory)");

/* Pages that all arenas have committed. */
atomic_long_t codearena_committed;

/**
 * codearena_commit_init - choose the default limit, when the module is loaded
 */
void codearena_commit_init(void)
{
	if (commit_limit_mb == LIMIT_UNSET)
		commit_limit_mb = (totalram_pages() / DEFAULT_LIMIT_DIVISOR) >>
				  (20 - PAGE_SHIFT);
}

/**
 * codearena_commit_exit - check that no page is left
 */
void codearena_commit_exit(void)
{
	WARN_ON_ONCE(atomic_long_read(&codearena_committed));
}

/**
 * codearena_commit_limit - what the module's parameter allows
 *
 * Return: pages that all arenas may commit together.
 */
unsigned long codearena_commit_limit(void)
{
	unsigned long mb = READ_ONCE(commit_limit_mb);

	if (!mb || mb > (ULONG_MAX >> 20))
		return ULONG_MAX >> PAGE_SHIFT;
	return mb << (20 - PAGE_SHIFT);
}

/* Charge before allocating. The arena's own limit first: it is the nearer. */
static int codearena_charge_locked(struct codearena_arena *arena,
				   unsigned long pages)
{
	lockdep_assert_held(&arena->lock);
	if (pages > arena->commit_limit - arena->counters.committed)
		return -ENOSPC;
	if (atomic_long_add_return(pages, &codearena_committed) >
	    codearena_commit_limit()) {
		atomic_long_sub(pages, &codearena_committed);
		return -ENOMEM;
	}
	arena->counters.committed += pages;
	return 0;
}

static void codearena_uncharge_locked(struct codearena_arena *arena,
				      unsigned long pages)
{
	lockdep_assert_held(&arena->lock);
	arena->counters.committed -= pages;
	atomic_long_sub(pages, &codearena_committed);
}

/*
 * Make the page states of a range exist. What was allocated stays when a later
 * step fails: it says "reserved", as no state does.
 */
static int codearena_chunks_locked(struct codearena_arena *arena,
				   unsigned long first, unsigned long last)
{
	struct codearena_chunk_state *chunk;
	unsigned long i;

	lockdep_assert_held(&arena->lock);
	for (i = first / CODEARENA_CHUNK_PAGES;
	     i <= last / CODEARENA_CHUNK_PAGES; i++) {
		if (arena->chunks[i])
			continue;
		chunk = kzalloc(sizeof(*chunk), CODEARENA_GFP);
		if (!chunk)
			return -ENOMEM;
		/* Pairs with the acquire in codearena_page_get(). */
		smp_store_release(&arena->chunks[i], chunk);
	}
	return 0;
}

static void codearena_page_free(struct codearena_page *state)
{
	/* Somebody may still hold the page pinned for reading. */
	put_page(virt_to_page(state->data));
	memset(state, 0, sizeof(*state));
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
	ret = codearena_charge_locked(arena, last - first + 1);
	if (ret)
		goto out_unlock;
	ret = codearena_chunks_locked(arena, first, last);
	if (!ret)
		ret = codearena_pages_alloc_locked(arena, first, last);
	if (ret)
		codearena_uncharge_locked(arena, last - first + 1);
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_commit - give pages memory
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

	/* From here on it cannot fail. */
	if (codearena_unseal_locked(arena, cmd->offset, cmd->length))
		codearena_sync_locked(arena);
	for (i = first; i <= last; i++) {
		codearena_page_free(codearena_page_get(arena, i));
		cond_resched();
	}
	codearena_uncharge_locked(arena, last - first + 1);
out_unlock:
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_ioctl_decommit - take memory back
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
 * codearena_pages_free - give back all memory of an arena that nobody uses
 * @arena: the arena, with no reference left
 */
void codearena_pages_free(struct codearena_arena *arena)
{
	unsigned long chunks = DIV_ROUND_UP(arena->length >> PAGE_SHIFT,
					    CODEARENA_CHUNK_PAGES);
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
		cond_resched();
	}
	atomic_long_sub(arena->counters.committed, &codearena_committed);
}
