// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The device backend: each command is one ioctl of /dev/codearena.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/backend.h"
#include "arena/place.h"

#define CA__DEVICE_PATH		"/dev/codearena"

/* Errors that the interface documents. */
static int ca__device_result(int code)
{
	switch (code) {
	case ENOTTY:
	case EINVAL:
	case E2BIG:
	case EOPNOTSUPP:
	case EOVERFLOW:
	case ENOENT:
	case EEXIST:
	case EBUSY:
	case EPERM:
	case EAGAIN:
	case EBADF:
	case EBADFD:
	case EACCES:
	case ENOSPC:
	case ENOMEM:
	case EFAULT:
	case EINTR:
	case EMFILE:
	case ENFILE:
		return -code;
	default:
		return -EIO;
	}
}

/*
 * A command that fails has changed nothing, one that was interrupted included,
 * so that it can be repeated.
 */
static int ca__device_ioctl(int fd, unsigned long command, void *argument)
{
	int ret;

	do {
		ret = ioctl(fd, command, argument);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? ca__device_result(errno) : 0;
}

static int ca__device_open(const char *path)
{
	int fd;

	do {
		fd = open(path ? path : CA__DEVICE_PATH,
			  O_RDWR | O_CLOEXEC | O_NOCTTY);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return -ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return -EACCES;
	case EISDIR:
		return -ENOTTY;
	case ENXIO:
	case ENODEV:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -errno;
	default:
		return -EIO;
	}
}

static int ca__device_query(int fd, struct codearena_query *query)
{
	int ret;

	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	ret = ca__device_ioctl(fd, CODEARENA_QUERY, query);
	/* Some drivers return this for unknown commands. */
	if (ret == -EINVAL)
		ret = -ENOTTY;
	if (ret)
		return ret;
	if (query->out_machine != CA__MACHINE)
		return -ENOEXEC;
	if (query->out_page_size != (uint64_t)sysconf(_SC_PAGESIZE) ||
	    !query->out_granule || query->out_page_size % query->out_granule ||
	    (query->out_granule & (query->out_granule - 1)))
		return -EPROTO;
	return 0;
}

static int ca__reserve_to_uapi(struct codearena_reserve *reserve,
			       uint64_t length,
			       const struct codearena_arena_opts *opts)
{
	memset(reserve, 0, sizeof(*reserve));
	reserve->size = sizeof(*reserve);
	reserve->flags = opts->flags;
	reserve->length = length;
	reserve->commit_limit = opts->commit_limit;
	return ca__name_get(reserve->name, opts->name);
}

/* An arena that was attached may be one that cannot be read. */
static int ca__device_map(struct codearena_arena *arena,
			  const struct codearena_arena_opts *opts)
{
	struct ca__place place = {
		.near = opts->near,
		.reach = opts->reach,
		.length = arena->length,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_SHARED,
		.fd = arena->file->fd,
	};
	int ret = -EACCES;

	if (!arena->unreadable)
		ret = ca__place_map(&place, &arena->base);
	if (ret == -EACCES && (arena->unreadable || arena->attached)) {
		place.prot = PROT_EXEC;
		ret = ca__place_map(&place, &arena->base);
		arena->unreadable = !ret;
	}
	/* /dev is mounted noexec, or a security module forbids it. */
	return ret == -EACCES ? -EPERM : ret;
}

/* Takes ownership of the descriptor, also on failure. */
static int ca__device_start(struct codearena_arena *arena, int fd,
			    uint64_t length,
			    const struct codearena_query *query,
			    const struct codearena_arena_opts *opts)
{
	int ret;

	ret = ca__file_new(fd, &arena->file);
	if (ret)
		return ret;
	arena->length = length;
	arena->page_size = query->out_page_size;
	arena->granule = query->out_granule;
	arena->trap_kinds = query->out_trap_kinds;
	ret = ca__shadow_new(arena, opts->flags);
	if (!ret)
		ret = ca__device_map(arena, opts);
	if (ret) {
		ca__shadow_free(arena);
		ca__file_put(arena->file);
	}
	return ret;
}

static int ca__device_create(struct codearena_arena *arena, uint64_t length,
			     const struct codearena_arena_opts *opts)
{
	struct codearena_reserve reserve;
	struct codearena_query query;
	int fd, ret;

	ret = ca__reserve_to_uapi(&reserve, length, opts);
	if (ret)
		return ret;
	fd = ca__device_open(opts->device);
	if (fd < 0)
		return fd;
	ret = ca__device_query(fd, &query);
	if (!ret)
		ret = ca__device_ioctl(fd, CODEARENA_RESERVE, &reserve);
	if (ret) {
		close(fd);
		return ret;
	}
	return ca__device_start(arena, fd, length, &query, opts);
}

static int ca__device_attach(struct codearena_arena *arena, int fd,
			     const struct codearena_arena_opts *opts)
{
	struct codearena_stat stat = { .size = sizeof(stat) };
	struct codearena_query query;
	int copy, ret;

	ret = ca__device_ioctl(fd, CODEARENA_STAT, &stat);
	if (!ret)
		ret = ca__device_query(fd, &query);
	if (ret)
		return ret == -ENOTTY || ret == -EINVAL ? -EBADFD : ret;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	return ca__device_start(arena, copy, stat.out_length, &query, opts);
}

static void ca__device_destroy(struct codearena_arena *arena)
{
	munmap(arena->base, arena->length);
	ca__shadow_free(arena);
	ca__file_put(arena->file);
}

static int ca__device_probe(const char *device, struct codearena_info *info)
{
	struct codearena_arena_opts opts = {
		.sz = sizeof(opts),
		.device = device,
	};
	struct codearena_arena arena = { 0 };
	struct codearena_query query;
	int ret;

	ret = ca__device_create(&arena, sysconf(_SC_PAGESIZE), &opts);
	if (ret)
		return ret;
	ret = ca__device_query(arena.file->fd, &query);
	ca__device_destroy(&arena);
	if (ret)
		return ret;
	*info = (struct codearena_info){
		.sz = sizeof(*info),
		.backend = CODEARENA_BACKEND_DEVICE,
		.machine = query.out_machine,
		.page_size = query.out_page_size,
		.granule = query.out_granule,
		.max_entries = query.out_max_entries,
		.abi_revision = query.out_abi_revision,
		.features = query.out_features,
		.max_length = query.out_max_length,
		.commit_limit = query.out_commit_limit,
	};
	return 0;
}

static int ca__device_command(struct codearena_arena *arena,
			      unsigned long number, void *command)
{
	return ca__device_ioctl(arena->file->fd, number, command);
}

static int ca__device_share(struct codearena_arena *arena, int *fd)
{
	struct codearena_share share = { .size = sizeof(share) };
	int ret;

	/* A handle that cannot change the arena can be passed on as it is. */
	if ((fcntl(arena->file->fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		*fd = fcntl(arena->file->fd, F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? -errno : 0;
	}
	ret = ca__device_ioctl(arena->file->fd, CODEARENA_SHARE, &share);
	if (!ret)
		*fd = share.out_fd;
	return ret;
}

static int ca__device_replace_view(const struct codearena_arena *arena, int fd)
{
	int prot = arena->unreadable ? PROT_EXEC : PROT_READ | PROT_EXEC;
	void *view = mmap(arena->base, arena->length, prot,
			  MAP_SHARED | MAP_FIXED, fd, 0);

	if (view != MAP_FAILED)
		return 0;
	return errno == ENOMEM ? -ENOMEM : -EPERM;
}

static int ca__device_set_landing(int fd, uint64_t address)
{
	struct codearena_trap_landing landing = {
		.size = sizeof(landing),
		.address = address,
	};

	return ca__device_ioctl(fd, CODEARENA_TRAP_LANDING, &landing);
}

static int ca__device_clone(struct codearena_arena *arena)
{
	struct codearena_clone clone = { .size = sizeof(clone) };
	struct ca__file *file;
	int ret;

	ret = ca__device_ioctl(arena->file->fd, CODEARENA_CLONE, &clone);
	if (ret)
		return ret == -ENOTTY ? -EOPNOTSUPP : ret;
	ret = ca__file_new(clone.out_fd, &file);
	if (ret)
		return ret;
	ret = ca__device_replace_view(arena, file->fd);
	if (ret) {
		/* Some kernels have unmapped the old view before they fail. */
		ca__device_replace_view(arena, arena->file->fd);
		ca__file_put(file);
		return ret;
	}
	ca__file_put(arena->file);
	arena->file = file;
	arena->attached = false;
	return arena->landing ?
		ca__device_set_landing(file->fd, arena->landing) : 0;
}

const struct ca__backend ca__device_backend = {
	.id = CODEARENA_BACKEND_DEVICE,
	.guard_views = true,
	.probe = ca__device_probe,
	.create = ca__device_create,
	.attach = ca__device_attach,
	.destroy = ca__device_destroy,
	.command = ca__device_command,
	.share = ca__device_share,
	.clone = ca__device_clone,
};
