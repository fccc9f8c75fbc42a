// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena as an object: made by RESERVE, freed with its last handle.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

#define CODEARENA_FEATURES (CODEARENA_FEATURE_SYNC | \
			    CODEARENA_FEATURE_SHARE | \
			    CODEARENA_FEATURE_PERMANENT | \
			    CODEARENA_FEATURE_TRAPS)

static atomic64_t codearena_last_id;

static void codearena_arena_free(struct kref *ref)
{
	struct codearena_arena *arena =
		container_of(ref, struct codearena_arena, ref);

	WARN_ON_ONCE(!list_empty(&arena->views));
	codearena_traps_free(arena);
	codearena_pages_free(arena);
	free_cpumask_var(arena->sync_mask);
	iput(arena->inode);
	mmdrop(arena->owner);
	put_pid(arena->pid);
	/* A trap that found a view just before it went may still look here. */
	kvfree_rcu(arena, rcu);
}

/**
 * codearena_arena_put - drop a reference
 * @arena: the arena; with the last reference its pages go too
 */
void codearena_arena_put(struct codearena_arena *arena)
{
	kref_put(&arena->ref, codearena_arena_free);
}

/**
 * codearena_arena_new - make an arena
 * @file: the handle that it is for
 * @cmd: the command, checked
 *
 * Return: the arena, with one reference; or -ENOMEM.
 */
struct codearena_arena *codearena_arena_new(struct file *file,
					    const struct codearena_reserve *cmd)
{
	unsigned long chunks = DIV_ROUND_UP(cmd->length >> PAGE_SHIFT,
					    CODEARENA_CHUNK_PAGES);
	struct codearena_arena *arena;

	arena = kvzalloc(struct_size(arena, chunks, chunks), CODEARENA_GFP);
	if (!arena)
		return ERR_PTR(-ENOMEM);
	if (!zalloc_cpumask_var(&arena->sync_mask, CODEARENA_GFP))
		goto err_arena;

	kref_init(&arena->ref);
	mutex_init(&arena->lock);
	init_rwsem(&arena->map_lock);
	seqcount_init(&arena->table_seq);
	INIT_LIST_HEAD(&arena->views);
	arena->inode = file->f_mapping->host;
	ihold(arena->inode);
	arena->length = cmd->length;
	arena->commit_limit = (cmd->commit_limit ?: cmd->length) >> PAGE_SHIFT;
	arena->flags = cmd->flags;
	memcpy(arena->name, cmd->name, sizeof(arena->name));
	arena->id = atomic64_inc_return(&codearena_last_id);
	arena->pid = get_pid(task_tgid(current));
	/* A reference to the structure alone: the pointer stays unique. */
	arena->owner = current->mm;
	mmgrab(arena->owner);
	return arena;

err_arena:
	kvfree(arena);
	return ERR_PTR(-ENOMEM);
}

/**
 * codearena_ioctl_query - say what the module can do
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
	cmd->out_max_length = CODEARENA_MAX_LENGTH;
	cmd->out_preferred_align = CODEARENA_PREFERRED_ALIGN;
	cmd->out_commit_limit = (u64)codearena_commit_limit() << PAGE_SHIFT;
	cmd->out_commit_total =
		(u64)atomic_long_read(&codearena_committed) << PAGE_SHIFT;
	trace_query(ucmd->arena, 0);
	return 0;
}
