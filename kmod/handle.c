// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Handles, which are open files of the device: open, RESERVE, SHARE, OPEN, close.
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "codearena_private.h"
#include "trace.h"

#define CODEARENA_FS_MAGIC	0x434f4445	/* "CODE" */

#define RESERVE_VALID_FLAGS (CODEARENA_RESERVE_F_PERMANENT | \
			     CODEARENA_RESERVE_F_SHARED_WRITER | \
			     CODEARENA_RESERVE_F_EXECUTE_ONLY | \
			     CODEARENA_RESERVE_F_UNENFORCED)

static DEFINE_MUTEX(codearena_attach_lock);
static struct vfsmount *codearena_mnt;

static int codearena_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, CODEARENA_FS_MAGIC) ? 0 : -ENOMEM;
}

/*
 * Not for files: it supplies one inode per handle, for its address_space. The
 * files keep the inode of the device, by which security modules judge them.
 * No owner: the mount lives as long as the module, and must not pin it.
 */
static struct file_system_type codearena_fs_type = {
	.name = "codearena",
	.init_fs_context = codearena_fs_init_context,
	.kill_sb = kill_anon_super,
};

/**
 * codearena_handle_init - prepare for handles, when the module is loaded
 *
 * Return: 0 or a negative errno.
 */
int codearena_handle_init(void)
{
	codearena_mnt = kern_mount(&codearena_fs_type);
	return PTR_ERR_OR_ZERO(codearena_mnt);
}

/**
 * codearena_handle_exit - undo codearena_handle_init(); no handle is left
 */
void codearena_handle_exit(void)
{
	kern_unmount(codearena_mnt);
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
 * codearena_file_init - make a new file a handle
 * @file: the file, while nobody else sees it
 *
 * Its address_space holds the views that are mapped by it, and has to be there
 * before there is an arena: the core counts and links a mapping by f_mapping,
 * before, while and after it calls mmap, so that it may not change by RESERVE.
 *
 * Return: 0 or a negative errno.
 */
int codearena_file_init(struct file *file)
{
	struct codearena_handle *handle = kzalloc(sizeof(*handle),
						  GFP_KERNEL_ACCOUNT);
	struct inode *inode;

	if (!handle)
		return -ENOMEM;
	inode = alloc_anon_inode(codearena_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		kfree(handle);
		return PTR_ERR(inode);
	}
	handle->mapping = inode->i_mapping;
	file->f_mapping = handle->mapping;
	file->private_data = handle;
	return 0;
}

/**
 * codearena_file_exit - a handle is going away
 * @file: the handle
 */
void codearena_file_exit(struct file *file)
{
	struct codearena_handle *handle = file->private_data;
	struct codearena_arena *arena = codearena_file_arena(file);

	if (arena) {
		mutex_lock(&arena->handles_lock);
		list_del(&handle->entry);
		mutex_unlock(&arena->handles_lock);
		codearena_arena_put(arena);
	}
	iput(handle->mapping->host);
	kfree(handle);
}

/**
 * codearena_file_attach - make an empty handle lead to an arena
 * @file: the handle
 * @arena: the arena, complete; the handle takes over a reference
 */
void codearena_file_attach(struct file *file, struct codearena_arena *arena)
{
	struct codearena_handle *handle = file->private_data;

	mutex_lock(&arena->handles_lock);
	list_add_tail(&handle->entry, &arena->handles);
	mutex_unlock(&arena->handles_lock);
	/* Pairs with the acquire in codearena_file_arena(). */
	smp_store_release(&handle->arena, arena);
}

/**
 * codearena_unmap_locked - unmap pages of an arena everywhere
 * @arena: the arena, locked
 * @span: the pages; none when this returns
 *
 * The core visits each VMA of an address_space that covers any of the pages,
 * whether it maps one or not. So nothing is paid for those of a handle through
 * which no page was ever mapped.
 */
void codearena_unmap_locked(struct codearena_arena *arena,
			    struct codearena_span *span)
{
	const unsigned long first = span->first, last = span->last;
	struct codearena_handle *handle;
	struct codearena_page *state;
	unsigned long i;

	lockdep_assert_held(&arena->lock);
	if (first > last)
		return;
	/* Faults that are about to map one of the pages hold its lock. */
	for (i = first; i <= last; i++) {
		state = codearena_page_committed_locked(arena, i);
		if (state)
			folio_wait_locked(virt_to_folio(state->data));
		cond_resched();
	}
	mutex_lock(&arena->handles_lock);
	list_for_each_entry(handle, &arena->handles, entry) {
		/* Set before a page is mapped, which the caller excludes. */
		if (READ_ONCE(handle->mapped))
			unmap_mapping_range(handle->mapping,
					    (loff_t)first << PAGE_SHIFT,
					    (loff_t)(last - first + 1) <<
					    PAGE_SHIFT, 1);
	}
	mutex_unlock(&arena->handles_lock);
	*span = (struct codearena_span)CODEARENA_NO_SPAN;
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
	if ((cmd->flags & CODEARENA_RESERVE_F_UNENFORCED) &&
	    !(cmd->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY))
		return -EINVAL;

	arena = codearena_arena_new(cmd);
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
	if ((cmd->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY) &&
	    !(cmd->flags & CODEARENA_RESERVE_F_UNENFORCED) &&
	    !codearena_arch_execute_only())
		return -EOPNOTSUPP;
	ret = codearena_reserve(ucmd->file, cmd);
	trace_reserve(ret ? NULL : codearena_file_arena(ucmd->file), cmd, ret);
	return ret;
}

/**
 * codearena_may_open - may the caller open the device for reading and writing?
 * @file: a handle
 *
 * Opening by a path that is known already skips what the lookup of a name checks
 * of the file: its permissions, and whether its file system has devices.
 *
 * Return: 0, -EACCES, or what else a security module answers.
 */
int codearena_may_open(const struct file *file)
{
	const struct path *path = &file->f_path;
	int ret;

	if ((path->mnt->mnt_flags & MNT_NODEV) ||
	    (path->mnt->mnt_sb->s_iflags & SB_I_NODEV))
		return -EACCES;
	ret = path_permission(path, MAY_READ | MAY_WRITE | MAY_OPEN);
	/* From the control group of devices, and for an immutable node. */
	return ret == -EPERM ? -EACCES : ret;
}

/**
 * codearena_handle_new - make an empty handle for the answer to a command
 * @ucmd: the command; the dispatcher installs the handle
 * @flags: O_RDONLY or O_RDWR
 *
 * The device is opened anew, so that the handle has the inode, and with it the
 * label, of the device, and passes the checks of security modules on opening.
 *
 * Return: its file descriptor, or a negative errno.
 */
int codearena_handle_new(struct codearena_ucmd *ucmd, int flags)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = dentry_open(&ucmd->file->f_path, flags | O_LARGEFILE,
			   current_cred());
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	ucmd->new_fd = fd;
	ucmd->new_file = file;
	return fd;
}

/**
 * codearena_handle_drop - undo codearena_handle_new() in a command that fails
 * @ucmd: the command
 */
void codearena_handle_drop(struct codearena_ucmd *ucmd)
{
	put_unused_fd(ucmd->new_fd);
	fput(ucmd->new_file);
	ucmd->new_file = NULL;
}

static int codearena_share(struct codearena_ucmd *ucmd)
{
	struct codearena_share *cmd = ucmd->cmd;
	int fd = codearena_handle_new(ucmd, O_RDONLY);

	if (fd < 0)
		return fd;
	kref_get(&ucmd->arena->ref);
	codearena_file_attach(ucmd->new_file, ucmd->arena);
	cmd->out_fd = fd;
	return 0;
}

/**
 * codearena_ioctl_share - make a handle that cannot change the arena
 * @ucmd: the command
 *
 * Return: see &struct codearena_share.
 */
int codearena_ioctl_share(struct codearena_ucmd *ucmd)
{
	const struct codearena_share *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = codearena_share(ucmd);
	trace_share(ucmd->arena, ret);
	return ret;
}

static int codearena_open_again(struct codearena_ucmd *ucmd)
{
	struct codearena_open *cmd = ucmd->cmd;
	int fd = codearena_may_open(ucmd->file);

	if (!fd)
		fd = codearena_handle_new(ucmd, O_RDWR);
	if (fd < 0)
		return fd;
	cmd->out_fd = fd;
	return 0;
}

/**
 * codearena_ioctl_open - make an empty handle
 * @ucmd: the command
 *
 * Return: see &struct codearena_open.
 */
int codearena_ioctl_open(struct codearena_ucmd *ucmd)
{
	const struct codearena_open *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = codearena_open_again(ucmd);
	trace_open(ucmd->arena, ret);
	return ret;
}
