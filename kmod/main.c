// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The device: file operations, the table of ioctls, load and unload.
 */
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "codearena_private.h"
#include "copy.h"

bool codearena_slow_path_param;
module_param_named(slow_path, codearena_slow_path_param, bool, 0644);
MODULE_PARM_DESC(slow_path,
		 "do not use the fast paths of PUBLISH, PATCH and DISCARD, for tests (default: N)");

/* Every command's structure, so that one buffer on the stack takes any. */
union codearena_cmds {
	struct codearena_query query;
	struct codearena_reserve reserve;
	struct codearena_commit commit;
	struct codearena_decommit decommit;
	struct codearena_write write;
	struct codearena_seal seal;
	struct codearena_publish publish;
	struct codearena_patch patch;
	struct codearena_discard discard;
	struct codearena_share share;
	struct codearena_stat stat;
	struct codearena_trap_register trap_register;
	struct codearena_trap_release trap_release;
	struct codearena_trap_landing trap_landing;
	struct codearena_clone clone;
	struct codearena_open open;
};

/* What a command needs, checked before its handler runs. */
enum {
	NEEDS_ARENA = 1 << 0,	/* else EBADFD */
	NEEDS_WRITE = 1 << 1,	/* else EBADF */
	NEEDS_OWNER = 1 << 2,	/* else EPERM */
	CHANGES = NEEDS_ARENA | NEEDS_WRITE | NEEDS_OWNER,
	ANSWERS = 1 << 3,	/* the structure goes back on success */
};

#define NO_FAILED_INDEX	0U

/**
 * struct codearena_ioctl_op - one row of the table of commands
 * @cmd: the exact number
 * @size: of the structure that this module knows
 * @min_size: of its first released version; frozen
 * @needs: see above
 * @failed: where in the structure out_failed stands, which goes back when the
 *          handler fails; or NO_FAILED_INDEX
 * @handler: gets a kernel copy of the structure
 */
struct codearena_ioctl_op {
	unsigned int cmd;
	unsigned int size;
	unsigned int min_size;
	unsigned int needs;
	unsigned int failed;
	int (*handler)(struct codearena_ucmd *ucmd);
};

#define IOCTL_OP_FAILED(_cmd, _name, _last, _needs, _failed)		\
	[_IOC_NR(_cmd) - CODEARENA_CMD_BASE] = {			\
		.cmd = _cmd,						\
		.size = sizeof(struct codearena_##_name) +		\
			BUILD_BUG_ON_ZERO(				\
				sizeof(union codearena_cmds) <		\
				sizeof(struct codearena_##_name)),	\
		.min_size = offsetofend(struct codearena_##_name, _last), \
		.needs = _needs,					\
		.failed = _failed,					\
		.handler = codearena_ioctl_##_name,			\
	}

#define IOCTL_OP(_cmd, _name, _last, _needs)				\
	IOCTL_OP_FAILED(_cmd, _name, _last, _needs, NO_FAILED_INDEX)

#define IOCTL_OP_ARRAY(_cmd, _name, _last, _needs)			\
	IOCTL_OP_FAILED(_cmd, _name, _last, _needs,			\
			offsetof(struct codearena_##_name, out_failed))

static const struct codearena_ioctl_op codearena_ioctl_ops[] = {
	IOCTL_OP(CODEARENA_QUERY, query, out_commit_total, ANSWERS),
	IOCTL_OP(CODEARENA_RESERVE, reserve, name, NEEDS_WRITE),
	IOCTL_OP(CODEARENA_COMMIT, commit, length, CHANGES),
	IOCTL_OP(CODEARENA_DECOMMIT, decommit, length, CHANGES),
	IOCTL_OP_ARRAY(CODEARENA_WRITE, write, out_failed, CHANGES),
	IOCTL_OP(CODEARENA_SEAL, seal, length, CHANGES),
	IOCTL_OP_ARRAY(CODEARENA_PUBLISH, publish, __reserved, CHANGES),
	IOCTL_OP_ARRAY(CODEARENA_PATCH, patch, out_failed, CHANGES),
	IOCTL_OP_ARRAY(CODEARENA_DISCARD, discard, out_failed, CHANGES),
	IOCTL_OP(CODEARENA_SHARE, share, __reserved, NEEDS_ARENA | ANSWERS),
	IOCTL_OP(CODEARENA_STAT, stat, out_traps_undefined,
		 NEEDS_ARENA | ANSWERS),
	IOCTL_OP_ARRAY(CODEARENA_TRAP_REGISTER, trap_register, out_id, CHANGES),
	IOCTL_OP(CODEARENA_TRAP_RELEASE, trap_release, id, CHANGES),
	IOCTL_OP(CODEARENA_TRAP_LANDING, trap_landing, address, NEEDS_ARENA),
	IOCTL_OP(CODEARENA_CLONE, clone, __reserved, NEEDS_ARENA | ANSWERS),
	IOCTL_OP(CODEARENA_OPEN, open, __reserved, ANSWERS),
};

static int codearena_check_needs(struct codearena_ucmd *ucmd,
				 unsigned int needs)
{
	struct codearena_arena *arena = ucmd->arena;

	if ((needs & NEEDS_WRITE) && !(ucmd->file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!(needs & NEEDS_ARENA))
		return 0;
	if (!arena)
		return -EBADFD;
	if ((needs & NEEDS_OWNER) && arena->owner != current->mm &&
	    !(arena->flags & CODEARENA_RESERVE_F_SHARED_WRITER))
		return -EPERM;
	return 0;
}

/*
 * Bring the answer to user space. A new handle is installed only after the
 * number of its descriptor has arrived there: nobody sees half of it.
 */
static int codearena_answer(struct codearena_ucmd *ucmd, void __user *to,
			    size_t size)
{
	int ret = 0;

	if (copy_to_user(to, ucmd->cmd, size))
		ret = -EFAULT;
	if (!ucmd->new_file)
		return ret;
	if (ret) {
		put_unused_fd(ucmd->new_fd);
		fput(ucmd->new_file);
	} else {
		fd_install(ucmd->new_fd, ucmd->new_file);
	}
	return ret;
}

/* A structure of the size that the module knows has no tail to check. */
static int codearena_copy_cmd(void *to, size_t size, const void __user *from,
			      size_t user_size)
{
	if (likely(user_size == size))
		return codearena_copy_in(to, from, size) ? -EFAULT : 0;
	/* Bounds the search for bytes that are not 0. */
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, size, from, user_size);
}

static long codearena_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	void __user *uptr = (void __user *)arg;
	const struct codearena_ioctl_op *op;
	union codearena_cmds buffer __uninitialized;
	struct codearena_ucmd ucmd = {
		.file = file,
		.arena = codearena_file_arena(file),
		.uptr = uptr,
		.cmd = &buffer,
	};
	unsigned int nr = _IOC_NR(cmd) - CODEARENA_CMD_BASE;
	u32 *failed;
	u32 size;
	int ret;

	if (nr >= ARRAY_SIZE(codearena_ioctl_ops))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(codearena_ioctl_ops));
	op = &codearena_ioctl_ops[nr];
	if (op->cmd != cmd)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)uptr))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	ret = codearena_copy_cmd(&buffer, op->size, uptr, size);
	if (ret)
		return ret;
	failed = (void *)&buffer + op->failed;
	if (op->failed)
		*failed = CODEARENA_NO_INDEX;

	ret = codearena_check_needs(&ucmd, op->needs);
	if (!ret)
		ret = op->handler(&ucmd);
	if (!ret && (op->needs & ANSWERS))
		return codearena_answer(&ucmd, uptr, min(size, op->size));
	/* The original error is returned even if the index cannot be stored. */
	if (ret && op->failed)
		(void)put_user(*failed, (u32 __user *)(uptr + op->failed));
	return ret;
}

static int codearena_open(struct inode *inode, struct file *file)
{
	int ret;

	/* Views need reading, so a handle that only writes has no use. */
	if ((file->f_flags & O_ACCMODE) == O_WRONLY)
		return -EINVAL;
	ret = codearena_file_init(file);
	return ret ?: nonseekable_open(inode, file);
}

static int codearena_release(struct inode *inode, struct file *file)
{
	codearena_file_exit(file);
	return 0;
}

static void codearena_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct codearena_arena *arena = codearena_file_arena(file);

	if (arena)
		codearena_arena_show(arena, m, file);
}

const struct file_operations codearena_fops = {
	.owner = THIS_MODULE,
	.open = codearena_open,
	.release = codearena_release,
	.unlocked_ioctl = codearena_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = codearena_mmap,
	.get_unmapped_area = codearena_get_unmapped_area,
	.show_fdinfo = codearena_show_fdinfo,
};

static struct miscdevice codearena_miscdev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "codearena",
	.fops = &codearena_fops,
	.mode = 0660,
};

static int __init codearena_init(void)
{
	int ret;

	codearena_charge_init();
	ret = codearena_handle_init();
	if (ret)
		return ret;
	ret = codearena_arch_init();
	if (ret)
		goto err_handle;
	ret = misc_register(&codearena_miscdev);
	if (ret)
		goto err_arch;
	return 0;

err_arch:
	codearena_arch_exit();
err_handle:
	codearena_handle_exit();
	return ret;
}

static void __exit codearena_exit(void)
{
	misc_deregister(&codearena_miscdev);
	codearena_arch_exit();
	codearena_handle_exit();
	codearena_charge_exit();
}

module_init(codearena_init);
module_exit(codearena_exit);

MODULE_DESCRIPTION("Executable memory for JIT compilers");
MODULE_AUTHOR("The codearena authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(CODEARENA_VERSION);
