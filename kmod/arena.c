// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena as an object: made by RESERVE or CLONE, freed with its last handle.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

#define CODEARENA_FEATURES (CODEARENA_FEATURE_SYNC | \
			    CODEARENA_FEATURE_SHARE | \
			    CODEARENA_FEATURE_PERMANENT | \
			    CODEARENA_FEATURE_TRAPS | \
			    CODEARENA_FEATURE_REPLACE | \
			    CODEARENA_FEATURE_CLONE | \
			    CODEARENA_FEATURE_OPEN | \
			    CODEARENA_FEATURE_EXECUTE_ONLY)

/*
 * Limit of an arena's metadata: a trap and a landing pad for every 16 bytes of
 * code, and the arrays of a few concurrent calls.
 */
#define METADATA_PER_BYTE	4
#define METADATA_MINIMUM	SZ_16M

static atomic64_t codearena_last_id;

static size_t codearena_arena_size(u64 length)
{
	return struct_size((struct codearena_arena *)NULL, chunks,
			   DIV_ROUND_UP(length >> PAGE_SHIFT,
					CODEARENA_CHUNK_PAGES));
}

static void codearena_arena_free(struct kref *ref)
{
	struct codearena_arena *arena =
		container_of(ref, struct codearena_arena, ref);

	WARN_ON_ONCE(!list_empty(&arena->viewers));
	codearena_traps_free(arena);
	codearena_pages_free(arena);
	codearena_uncharge(arena,
			   codearena_footprint(codearena_arena_size(arena->length)));
	WARN_ON_ONCE(atomic_long_read(&arena->metadata));
	codearena_user_put(arena->user);
	free_cpumask_var(arena->sync_mask);
	mmdrop(arena->owner);
	put_pid(arena->pid);
	/* A trap that found a view before its removal may still read this. */
	kvfree_rcu(arena, rcu);
}

/**
 * codearena_arena_put - drop a reference
 * @arena: the arena; dropping the last reference frees its pages
 */
void codearena_arena_put(struct codearena_arena *arena)
{
	kref_put(&arena->ref, codearena_arena_free);
}

/**
 * codearena_arena_new - make an arena
 * @cmd: the command, checked
 *
 * Return: the arena, with one reference; or -ENOMEM.
 */
struct codearena_arena *
codearena_arena_new(const struct codearena_reserve *cmd)
{
	const size_t size = codearena_arena_size(cmd->length);
	struct codearena_arena *arena;
	int ret = -ENOMEM;

	arena = kvzalloc(size, CODEARENA_GFP);
	if (!arena)
		return ERR_PTR(ret);
	if (!zalloc_cpumask_var(&arena->sync_mask, CODEARENA_GFP))
		goto err_arena;
	arena->user = codearena_user_get();
	ret = PTR_ERR_OR_ZERO(arena->user);
	if (ret)
		goto err_mask;
	arena->commit_limit = (cmd->commit_limit ?: cmd->length) >> PAGE_SHIFT;
	arena->metadata_limit = METADATA_MINIMUM + METADATA_PER_BYTE *
				(arena->commit_limit << PAGE_SHIFT);
	ret = codearena_charge(arena, codearena_footprint(size));
	if (ret)
		goto err_user;

	kref_init(&arena->ref);
	mutex_init(&arena->lock);
	init_rwsem(&arena->map_lock);
	seqcount_init(&arena->table_seq);
	mutex_init(&arena->handles_lock);
	INIT_LIST_HEAD(&arena->handles);
	spin_lock_init(&arena->viewers_lock);
	INIT_LIST_HEAD(&arena->viewers);
	arena->stale = (struct codearena_span)CODEARENA_NO_SPAN;
	arena->length = cmd->length;
	arena->flags = cmd->flags;
	memcpy(arena->name, cmd->name, sizeof(arena->name));
	arena->id = atomic64_inc_return(&codearena_last_id);
	arena->pid = get_pid(task_tgid(current));
	/* Pins the structure only, so that the pointer stays unique. */
	arena->owner = current->mm;
	mmgrab(arena->owner);
	return arena;

err_user:
	codearena_user_put(arena->user);
err_mask:
	free_cpumask_var(arena->sync_mask);
err_arena:
	kvfree(arena);
	return ERR_PTR(ret);
}

/**
 * codearena_ioctl_query - report features and limits
 * @ucmd: the command
 *
 * Return: see &struct codearena_query.
 */
int codearena_ioctl_query(struct codearena_ucmd *ucmd)
{
	struct codearena_query *cmd = ucmd->cmd;

	if (cmd->flags)
		return -EOPNOTSUPP;
	cmd->out_abi_revision = CODEARENA_ABI_REVISION;
	cmd->out_machine = CODEARENA_MACHINE;
	cmd->out_page_size = PAGE_SIZE;
	cmd->out_granule = CODEARENA_GRANULE;
	cmd->out_max_entries = CODEARENA_MAX_ENTRIES;
	cmd->out_trap_kinds = CODEARENA_TRAP_KINDS;
	cmd->out_features = CODEARENA_FEATURES;
	if (codearena_arch_execute_only())
		cmd->out_features |= CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED;
	cmd->out_max_length = CODEARENA_MAX_LENGTH;
	cmd->out_preferred_align = CODEARENA_PREFERRED_ALIGN;
	cmd->out_commit_limit = (u64)codearena_commit_limit() << PAGE_SHIFT;
	cmd->out_commit_total =
		(u64)atomic_long_read(&codearena_committed) << PAGE_SHIFT;
	cmd->out_metadata_total = codearena_metadata_total();
	cmd->out_user_limit = (u64)codearena_user_limit() << PAGE_SHIFT;
	cmd->out_user_total = codearena_user_total();
	cmd->out_max_traps = CODEARENA_MAX_TRAPS;
	cmd->__reserved = 0;
	trace_query(ucmd->arena, 0);
	return 0;
}
