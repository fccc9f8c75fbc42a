// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena as an object: reserve, share, count, free.
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/moduleparam.h>
#include <linux/mount.h>
#include <linux/proc_fs.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

#define CODEARENA_FS_MAGIC	0x434f4445	/* "CODE" */

#define RESERVE_VALID_FLAGS (CODEARENA_RESERVE_F_PERMANENT | \
			     CODEARENA_RESERVE_F_SHARED_WRITER)

#define CODEARENA_FEATURES (CODEARENA_FEATURE_SYNC | \
			    CODEARENA_FEATURE_SHARE | \
			    CODEARENA_FEATURE_PERMANENT | \
			    CODEARENA_FEATURE_TRAPS)

/* The memory is neither swapped nor reclaimed, so the default is modest. */
#define DEFAULT_LIMIT_DIVISOR	4
#define LIMIT_UNSET		ULONG_MAX

static unsigned long commit_limit_mb = LIMIT_UNSET;
module_param(commit_limit_mb, ulong, 0644);
MODULE_PARM_DESC(commit_limit_mb,
		 "MiB that all arenas may commit together, 0 for no limit (default: a quarter of the memory)");

/* Pages that all arenas have committed. */
atomic_long_t codearena_committed;

static atomic64_t codearena_last_id;
static DEFINE_MUTEX(codearena_attach_lock);
static struct vfsmount *codearena_mnt;

static int codearena_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, CODEARENA_FS_MAGIC) ? 0 : -ENOMEM;
}

/*
 * Not for files: it supplies one inode per arena, for its address_space. The
 * files keep the inode of the device, by which security modules judge them.
 * No owner: the mount lives as long as the module, and must not pin it.
 */
static struct file_system_type codearena_fs_type = {
	.name = "codearena",
	.init_fs_context = codearena_fs_init_context,
	.kill_sb = kill_anon_super,
};

/**
 * codearena_arena_init - prepare for arenas, when the module is loaded
 *
 * Return: 0 or a negative errno.
 */
int codearena_arena_init(void)
{
	if (commit_limit_mb == LIMIT_UNSET)
		commit_limit_mb = (totalram_pages() / DEFAULT_LIMIT_DIVISOR) >>
				  (20 - PAGE_SHIFT);
	codearena_mnt = kern_mount(&codearena_fs_type);
	return PTR_ERR_OR_ZERO(codearena_mnt);
}

/**
 * codearena_arena_exit - undo codearena_arena_init(); no arena is left
 */
void codearena_arena_exit(void)
{
	kern_unmount(codearena_mnt);
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

static struct codearena_arena *
codearena_arena_new(struct file *file, const struct codearena_reserve *cmd)
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
	seqlock_init(&arena->table_lock);
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

static bool codearena_name_valid(const u8 *name)
{
	unsigned int i;

	for (i = 0; i < CODEARENA_NAME_LEN && name[i]; i++) {
		if (!isascii(name[i]) || !isprint(name[i]))
			return false;
	}
	return i < CODEARENA_NAME_LEN;
}

/**
 * codearena_file_init - give a handle the address_space of its views
 * @file: the handle, while nobody else sees it
 *
 * Before there is an arena: the core counts and links a mapping by f_mapping,
 * before, while and after it calls mmap, so that it may not change by RESERVE.
 *
 * Return: 0 or a negative errno.
 */
int codearena_file_init(struct file *file)
{
	struct inode *inode = alloc_anon_inode(codearena_mnt->mnt_sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	file->f_mapping = inode->i_mapping;
	return 0;
}

/**
 * codearena_file_exit - a handle is going away
 * @file: the handle
 */
void codearena_file_exit(struct file *file)
{
	struct codearena_arena *arena = codearena_file_arena(file);
	struct inode *inode = file->f_mapping->host;

	if (arena)
		codearena_arena_put(arena);
	iput(inode);
}

/* The arena must be complete when the pointer to it can be seen. */
static void codearena_file_attach(struct file *file,
				  struct codearena_arena *arena)
{
	/* Pairs with the acquire in codearena_file_arena(). */
	smp_store_release((struct codearena_arena **)&file->private_data,
			  arena);
}

static int codearena_reserve(struct file *file,
			     const struct codearena_reserve *cmd)
{
	struct codearena_arena *arena;
	int ret = 0;

	if (!cmd->length || cmd->length > CODEARENA_MAX_LENGTH ||
	    !PAGE_ALIGNED(cmd->length) || !PAGE_ALIGNED(cmd->commit_limit) ||
	    cmd->commit_limit > cmd->length || !codearena_name_valid(cmd->name))
		return -EINVAL;

	arena = codearena_arena_new(file, cmd);
	if (IS_ERR(arena))
		return PTR_ERR(arena);
	mutex_lock(&codearena_attach_lock);
	if (codearena_file_arena(file))
		ret = -EBUSY;
	else
		codearena_file_attach(file, arena);
	mutex_unlock(&codearena_attach_lock);
	if (ret)
		codearena_arena_put(arena);
	return ret;
}

/**
 * codearena_ioctl_reserve - make an empty handle an arena
 * @ucmd: the command
 *
 * Return: see &struct codearena_reserve.
 */
int codearena_ioctl_reserve(struct codearena_ucmd *ucmd)
{
	const struct codearena_reserve *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags & ~RESERVE_VALID_FLAGS)
		return -EOPNOTSUPP;
	ret = codearena_reserve(ucmd->file, cmd);
	trace_reserve(ret ? NULL : codearena_file_arena(ucmd->file), cmd, ret);
	return ret;
}

/**
 * codearena_ioctl_share - make a handle that cannot change the arena
 * @ucmd: the command
 *
 * The device is opened anew, so that the handle has the inode, and with it the
 * label, of the device, and passes the checks of security modules on opening.
 *
 * Return: see &struct codearena_share.
 */
int codearena_ioctl_share(struct codearena_ucmd *ucmd)
{
	struct codearena_share *cmd = ucmd->cmd;
	struct file *file;
	int fd;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = dentry_open(&ucmd->file->f_path, O_RDONLY | O_LARGEFILE,
			   current_cred());
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* All views of an arena are found in one place. */
	iput(file->f_mapping->host);
	ihold(ucmd->arena->inode);
	file->f_mapping = ucmd->arena->inode->i_mapping;
	kref_get(&ucmd->arena->ref);
	codearena_file_attach(file, ucmd->arena);
	cmd->out_fd = fd;
	ucmd->new_fd = fd;
	ucmd->new_file = file;
	return 0;
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
	return 0;
}

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
	return 0;
}

/* The process that reserved the arena, as the reader of @m numbers it. */
static pid_t codearena_owner_seen(const struct codearena_arena *arena,
				  struct seq_file *m)
{
	pid_t pid = 0;

	rcu_read_lock();
	/* Its number may belong to another process once it has ended. */
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
 * @m: where to
 * @file: the handle that is asked for
 *
 * Programs read this: keys are kept, new ones go to the end.
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
}
