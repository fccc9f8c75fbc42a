// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Report the counters of an arena: STAT and fdinfo.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "codearena_private.h"
#include "trace.h"

/**
 * codearena_ioctl_stat - report the counters
 * @ucmd: the command
 *
 * Return: see &struct codearena_stat.
 */
int codearena_ioctl_stat(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_stat *cmd = ucmd->cmd;
	struct codearena_counters counters;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	counters = arena->counters;
	mutex_unlock(&arena->lock);
	trace_stat(arena, 0);

	cmd->out_length = arena->length;
	cmd->out_commit_limit = (u64)arena->commit_limit << PAGE_SHIFT;
	cmd->out_committed = counters.committed << PAGE_SHIFT;
	cmd->out_sealed = counters.sealed << CODEARENA_GRANULE_SHIFT;
	cmd->out_patchable = counters.patchable << CODEARENA_GRANULE_SHIFT;
	cmd->out_published = counters.published;
	cmd->out_written = counters.written;
	cmd->out_patched = counters.patched;
	cmd->out_discarded = counters.discarded << CODEARENA_GRANULE_SHIFT;
	cmd->out_syncs = counters.syncs;
	cmd->out_trap_tables = counters.trap_tables;
	cmd->out_trap_entries = counters.trap_entries;
	cmd->out_traps_memory =
		codearena_traps_fixed(arena, CODEARENA_TRAP_MEMORY);
	cmd->out_traps_divide =
		codearena_traps_fixed(arena, CODEARENA_TRAP_DIVIDE);
	cmd->out_traps_undefined =
		codearena_traps_fixed(arena, CODEARENA_TRAP_UNDEFINED);
	cmd->out_metadata = atomic_long_read(&arena->metadata);
	cmd->out_metadata_limit = arena->metadata_limit;
	return 0;
}

/* Pid of the process that reserved the arena, in the pid namespace of the reader. */
static pid_t codearena_owner_seen(const struct codearena_arena *arena,
				  struct seq_file *m)
{
	pid_t pid = 0;

	rcu_read_lock();
	/* A process that has ended may have left its pid to another one. */
	if (pid_task(arena->pid, PIDTYPE_TGID))
		pid = pid_nr_ns(arena->pid,
				proc_pid_ns(file_inode(m->file)->i_sb));
	rcu_read_unlock();
	return pid;
}

static void codearena_counters_show(const struct codearena_counters *counters,
				    struct seq_file *m)
{
	seq_printf(m, "codearena-committed:\t%llu\n",
		   counters->committed << PAGE_SHIFT);
	seq_printf(m, "codearena-sealed:\t%llu\n",
		   counters->sealed << CODEARENA_GRANULE_SHIFT);
	seq_printf(m, "codearena-patchable:\t%llu\n",
		   counters->patchable << CODEARENA_GRANULE_SHIFT);
	seq_printf(m, "codearena-published:\t%llu\n", counters->published);
	seq_printf(m, "codearena-written:\t%llu\n", counters->written);
	seq_printf(m, "codearena-patched:\t%llu\n", counters->patched);
	seq_printf(m, "codearena-discarded:\t%llu\n",
		   counters->discarded << CODEARENA_GRANULE_SHIFT);
	seq_printf(m, "codearena-syncs:\t%llu\n", counters->syncs);
	seq_printf(m, "codearena-trap-tables:\t%llu\n",
		   counters->trap_tables);
	seq_printf(m, "codearena-trap-entries:\t%llu\n",
		   counters->trap_entries);
}

/**
 * codearena_arena_show - print the arena for /proc/PID/fdinfo
 * @arena: the arena
 * @m: output
 * @file: the handle
 *
 * Programs parse this: keys are kept, new ones are appended.
 */
void codearena_arena_show(struct codearena_arena *arena, struct seq_file *m,
			  struct file *file)
{
	struct codearena_counters counters;
	unsigned long memory, divide, undefined;

	if (mutex_lock_killable(&arena->lock))
		return;
	counters = arena->counters;
	mutex_unlock(&arena->lock);
	memory = codearena_traps_fixed(arena, CODEARENA_TRAP_MEMORY);
	divide = codearena_traps_fixed(arena, CODEARENA_TRAP_DIVIDE);
	undefined = codearena_traps_fixed(arena, CODEARENA_TRAP_UNDEFINED);

	seq_printf(m, "codearena-id:\t%llu\n", arena->id);
	seq_printf(m, "codearena-owner:\t%d\n",
		   codearena_owner_seen(arena, m));
	seq_printf(m, "codearena-access:\t%s\n",
		   file->f_mode & FMODE_WRITE ? "read-write" : "read-only");
	seq_printf(m, "codearena-name:\t%s\n", arena->name);
	seq_printf(m, "codearena-flags:\t%#x\n", arena->flags);
	seq_printf(m, "codearena-length:\t%llu\n", arena->length);
	seq_printf(m, "codearena-commit-limit:\t%llu\n",
		   (u64)arena->commit_limit << PAGE_SHIFT);
	codearena_counters_show(&counters, m);
	seq_printf(m, "codearena-traps:\t%lu\n",
		   memory + divide + undefined);
	seq_printf(m, "codearena-traps-memory:\t%lu\n", memory);
	seq_printf(m, "codearena-traps-divide:\t%lu\n", divide);
	seq_printf(m, "codearena-traps-undefined:\t%lu\n", undefined);
	seq_printf(m, "codearena-all-commit-limit:\t%llu\n",
		   (u64)codearena_commit_limit() << PAGE_SHIFT);
	seq_printf(m, "codearena-all-committed:\t%llu\n",
		   (u64)atomic_long_read(&codearena_committed) << PAGE_SHIFT);
	seq_printf(m, "codearena-metadata:\t%lu\n",
		   atomic_long_read(&arena->metadata));
	seq_printf(m, "codearena-metadata-limit:\t%lu\n",
		   arena->metadata_limit);
	seq_printf(m, "codearena-all-metadata:\t%lu\n",
		   codearena_metadata_total());
	seq_printf(m, "codearena-user-limit:\t%llu\n",
		   (u64)codearena_user_limit() << PAGE_SHIFT);
	seq_printf(m, "codearena-user-total:\t%lu\n",
		   codearena_user_charged(arena->user));
}
