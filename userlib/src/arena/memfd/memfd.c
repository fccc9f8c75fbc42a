// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: make, attach, share, and free an arena.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/backend.h"
#include "arena/memfd/memfd.h"
#include "arena/place.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL		0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

/* With these nobody who gets the file can write to it, or cut it off. */
#define CA__SEALS		(F_SEAL_SHRINK | F_SEAL_GROW | \
				 F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

#define CA__RESERVE_FLAGS	(CODEARENA_RESERVE_F_PERMANENT | \
				 CODEARENA_RESERVE_F_SHARED_WRITER)

static uint64_t ca__page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Bytes of the file of an arena of @length bytes. */
static uint64_t ca__file_size(uint64_t length)
{
	uint64_t size = ca__page_size();

	return length + ca__align_up(length / size * sizeof(struct ca__page),
				     size) + size;
}

static int ca__memfd_open(const char *name)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	/* It is to be mapped, not to be run; older kernels cannot tell. */
	fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd >= 0)
		return fd;
	return errno == EACCES ? -EPERM : -errno;
}

/*
 * The same file, open for reading only: a mapping of it cannot become
 * writable. Without /proc a plain copy must do.
 */
static int ca__open_read_only(int fd)
{
	char path[32];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDONLY | O_CLOEXEC);
	if (copy < 0 && errno != EMFILE && errno != ENFILE)
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

static int ca__set_size(int fd, uint64_t size)
{
	struct rlimit limit;

	/* The kernel would send a signal that ends the process. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < size)
		return -ENOMEM;
	if (ftruncate(fd, size))
		return -ENOMEM;
	return ca__memfd_allocate(fd, size - ca__page_size(), ca__page_size());
}

static int ca__lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	int ret;

	ret = pthread_mutexattr_init(&attributes);
	if (ret)
		return -ret;
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	ret = pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return -ret;
}

/* The writable alias, with a header in place. */
static int ca__alias_map(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	void *alias;

	alias = mmap(NULL, memfd->size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE, memfd->fd, 0);
	if (alias == MAP_FAILED)
		return -ENOMEM;
	memfd->alias = alias;
	madvise(alias, memfd->size, MADV_DONTDUMP);
	/* So that no page counts as used lately, which it is told when it goes. */
	madvise(alias, memfd->size, MADV_SEQUENTIAL);
	if (!(memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER) &&
	    madvise(alias, memfd->size, MADV_DONTFORK))
		return -ENOMEM;
	memfd->pages.page = (struct ca__page *)(memfd->alias + arena->length);
	memfd->pages.length = arena->length;
	memfd->pages.page_shift = __builtin_ctzll(arena->page_size);
	memfd->shared = (struct ca__memfd_header *)
		(memfd->alias + memfd->size - arena->page_size);
	*memfd->shared = (struct ca__memfd_header){
		.magic = CA__MEMFD_MAGIC,
		.version = CA__MEMFD_VERSION,
		.machine = CA__MACHINE,
		.page_size = arena->page_size,
		.flags = memfd->flags,
		.length = arena->length,
		.commit_limit = memfd->commit_limit,
	};
	return ca__lock_init(&memfd->shared->lock);
}

static int ca__header_map(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	void *header;

	header = mmap(NULL, arena->page_size, PROT_READ, MAP_SHARED, arena->fd,
		      memfd->size - arena->page_size);
	if (header == MAP_FAILED)
		return -ENOMEM;
	memfd->header = header;
	return 0;
}

static int ca__view_map(struct codearena_arena *arena,
			const struct codearena_arena_opts *opts)
{
	struct ca__place place = {
		.near = opts->near,
		.reach = opts->reach,
		.length = arena->length,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_SHARED | MAP_NORESERVE,
		.fd = arena->fd,
		.offset = arena->memfd->full_view ? 0 : CA__MEMFD_NOWHERE,
	};
	int ret = ca__place_map(&place, &arena->base);

	if (ret) {
		arena->base = NULL;
		/* What a security module says. */
		if (ret == -EACCES)
			ret = -EPERM;
	}
	return ret;
}

static void ca__memfd_destroy(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;

	ca__memfd_traps_free(arena);
	if (arena->base)
		munmap(arena->base, arena->length);
	if (memfd->header)
		munmap((void *)memfd->header, arena->page_size);
	/* In a child of fork() something else may be at the alias's address. */
	if (memfd->alias && !ca__memfd_enter(arena))
		munmap(memfd->alias, memfd->size);
	if (arena->fd >= 0)
		close(arena->fd);
	if (memfd->fd >= 0)
		close(memfd->fd);
	free(memfd);
}

static int ca__memfd_alloc(struct codearena_arena *arena)
{
	arena->memfd = calloc(1, sizeof(*arena->memfd));
	if (!arena->memfd)
		return -ENOMEM;
	arena->memfd->fd = -1;
	arena->fd = -1;
	arena->page_size = ca__page_size();
	arena->granule = arena->page_size / CA__GRANULES;
	arena->trap_kinds = CA__TRAP_KINDS;
	return 0;
}

static int ca__memfd_check(uint64_t length,
			   const struct codearena_arena_opts *opts)
{
	uint64_t size = ca__page_size();

	if (opts->flags & ~CA__RESERVE_FLAGS)
		return -EOPNOTSUPP;
	if (!length || length > CA__MEMFD_MAX_LENGTH || length % size ||
	    opts->commit_limit % size || opts->commit_limit > length)
		return -EINVAL;
	return 0;
}

static int ca__memfd_make(struct codearena_arena *arena, const char *name,
			  const struct codearena_arena_opts *opts)
{
	struct ca__memfd *memfd = arena->memfd;
	int ret;

	ret = ca__memfd_open(name);
	if (ret < 0)
		return ret;
	memfd->fd = ret;
	ret = ca__set_size(memfd->fd, memfd->size);
	if (ret)
		return ret;
	ret = ca__open_read_only(memfd->fd);
	if (ret < 0)
		return ret;
	arena->fd = ret;
	/* First the one that needs a certain place; the others take any. */
	ret = ca__view_map(arena, opts);
	if (!ret)
		ret = ca__alias_map(arena);
	return ret ? ret : ca__header_map(arena);
}

static int ca__memfd_create(struct codearena_arena *arena, uint64_t length,
			    const struct codearena_arena_opts *opts)
{
	uint8_t name[CODEARENA_NAME_LEN];
	/* So that /proc/PID/maps says what it is. */
	char full[sizeof("codearena:") + CODEARENA_NAME_LEN];
	struct ca__memfd *memfd;
	int ret;

	ret = ca__memfd_check(length, opts);
	if (!ret)
		ret = ca__name_get(name, opts->name);
	if (!ret)
		ret = ca__memfd_alloc(arena);
	if (ret)
		return ret;
	snprintf(full, sizeof(full), "codearena:%s", (const char *)name);
	memfd = arena->memfd;
	arena->length = length;
	memfd->size = ca__file_size(length);
	memfd->flags = opts->flags;
	if (memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER)
		arena->trap_kinds = 0;
	memfd->commit_limit = opts->commit_limit ? opts->commit_limit : length;
	/* Other processes do not see what one of them shows in its view. */
	memfd->full_view = opts->flags & CODEARENA_RESERVE_F_SHARED_WRITER;
	memfd->can_sync = !ca__sync_prepare();
	memfd->owner = ca__owner_current();
	ret = memfd->owner ? ca__memfd_make(arena, full, opts) : -ENOSYS;
	if (ret)
		ca__memfd_destroy(arena);
	return ret;
}

/*
 * The sender is not trusted more than its code: no read leaves the file, and a
 * copy of the header is what is checked and used.
 */
static int ca__header_read(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__memfd_header header;
	const size_t size = offsetof(struct ca__memfd_header, turn);

	if (pread(arena->fd, &header, size, memfd->size - arena->page_size) !=
	    (ssize_t)size)
		return -EBADFD;
	if (header.magic != CA__MEMFD_MAGIC ||
	    header.version != CA__MEMFD_VERSION ||
	    header.machine != CA__MACHINE ||
	    header.page_size != arena->page_size || !header.length ||
	    header.length > CA__MEMFD_MAX_LENGTH ||
	    header.length % arena->page_size ||
	    ca__file_size(header.length) != memfd->size)
		return -EBADFD;
	arena->length = header.length;
	memfd->flags = header.flags;
	arena->trap_kinds = 0;
	memfd->commit_limit = header.commit_limit;
	return 0;
}

static int ca__memfd_join(struct codearena_arena *arena, int fd,
			  const struct codearena_arena_opts *opts)
{
	struct ca__memfd *memfd = arena->memfd;
	struct stat status;
	int seals, ret;

	if (fstat(fd, &status))
		return -EBADF;
	/* Only a shared arena is sealed; any other could be cut off. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & CA__SEALS) != CA__SEALS ||
	    status.st_size < (off_t)arena->page_size ||
	    status.st_size % arena->page_size)
		return -EBADFD;
	arena->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (arena->fd < 0)
		return -errno;
	memfd->size = status.st_size;
	memfd->full_view = true;
	ret = ca__header_read(arena);
	if (!ret)
		ret = ca__view_map(arena, opts);
	return ret ? ret : ca__header_map(arena);
}

static int ca__memfd_attach(struct codearena_arena *arena, int fd,
			    const struct codearena_arena_opts *opts)
{
	int ret = ca__memfd_alloc(arena);

	if (ret)
		return ret;
	ret = ca__memfd_join(arena, fd, opts);
	if (ret)
		ca__memfd_destroy(arena);
	return ret;
}

static int ca__memfd_share(struct codearena_arena *arena, int *fd)
{
	int copy, seals;

	/* Open first: the seals stay for good, so nothing may fail after. */
	copy = ca__open_read_only(arena->fd);
	if (copy < 0)
		return copy == -EMFILE || copy == -ENFILE ? copy : -ENOMEM;
	if (arena->memfd->fd >= 0) {
		seals = fcntl(arena->memfd->fd, F_GET_SEALS);
		if ((seals & CA__SEALS) != CA__SEALS &&
		    fcntl(arena->memfd->fd, F_ADD_SEALS, CA__SEALS) &&
		    errno != EPERM) {
			/* A kernel before 5.1. */
			close(copy);
			return -EOPNOTSUPP;
		}
	}
	*fd = copy;
	return 0;
}

static int ca__memfd_stat(struct codearena_arena *arena,
			  struct codearena_stat *stat)
{
	struct ca__counters counters;
	int ret;

	ret = ca__struct_check(stat, stat->size,
			       offsetof(struct codearena_stat,
					out_traps_undefined) +
			       sizeof(stat->out_traps_undefined),
			       sizeof(*stat));
	if (ret)
		return ret;
	if (stat->flags)
		return -EOPNOTSUPP;
	counters = ca__memfd_counters(arena->memfd->header);
	stat->out_length = arena->length;
	stat->out_commit_limit = arena->memfd->commit_limit;
	stat->out_committed = counters.committed;
	stat->out_sealed = counters.sealed;
	stat->out_patchable = counters.patchable;
	stat->out_published = counters.published;
	stat->out_written = counters.written;
	stat->out_patched = counters.patched;
	stat->out_discarded = counters.discarded;
	stat->out_syncs = counters.syncs;
	ca__memfd_traps_stat(arena, stat);
	return 0;
}

static int ca__memfd_probe(const char *device, struct codearena_info *info)
{
	struct codearena_arena_opts opts = { .sz = sizeof(opts) };
	struct codearena_arena arena = { 0 };
	int ret;

	(void)device;
	ret = ca__memfd_create(&arena, ca__page_size(), &opts);
	if (ret)
		return ret;
	*info = (struct codearena_info){
		.sz = sizeof(*info),
		.backend = CODEARENA_BACKEND_MEMFD,
		.machine = CA__MACHINE,
		.page_size = arena.page_size,
		.granule = arena.granule,
		.max_entries = CA__MEMFD_MAX_ENTRIES,
		.abi_revision = CODEARENA_ABI_REVISION,
		.features = CODEARENA_FEATURE_SHARE |
			    CODEARENA_FEATURE_PERMANENT |
			    CODEARENA_FEATURE_TRAPS |
			    (arena.memfd->can_sync ? CODEARENA_FEATURE_SYNC :
						     0),
		.max_length = CA__MEMFD_MAX_LENGTH,
		.commit_limit = UINT64_MAX,
	};
	ca__memfd_destroy(&arena);
	return 0;
}

const struct ca__backend ca__memfd_backend = {
	.id = CODEARENA_BACKEND_MEMFD,
	.probe = ca__memfd_probe,
	.create = ca__memfd_create,
	.attach = ca__memfd_attach,
	.destroy = ca__memfd_destroy,
	.commit = ca__memfd_commit,
	.decommit = ca__memfd_decommit,
	.write = ca__memfd_write,
	.seal = ca__memfd_seal,
	.publish = ca__memfd_publish,
	.patch = ca__memfd_patch,
	.discard = ca__memfd_discard,
	.release = ca__memfd_release,
	.share = ca__memfd_share,
	.stat = ca__memfd_stat,
	.trap_register = ca__memfd_trap_register,
	.trap_release = ca__memfd_trap_release,
	.trap_landing = ca__memfd_trap_landing,
};
