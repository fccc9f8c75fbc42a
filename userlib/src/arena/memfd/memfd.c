// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: arenas, their counters, and the dispatch of commands.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/backend.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"
#include "arena/place.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL		0x0008U
#endif

static int ca__memfd_open(const uint8_t *name)
{
	/* So that /proc/PID/maps says what it is. */
	char full[sizeof("codearena:") + CODEARENA_NAME_LEN];
	int fd;

	snprintf(full, sizeof(full), "codearena:%s", (const char *)name);
	/* It is mapped, never run as a program; older kernels lack the flag. */
	fd = memfd_create(full, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(full, MFD_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == EACCES ? -EPERM : -errno;
}

/*
 * The same file, open for reading only: a mapping of it cannot become
 * writable. Without /proc a plain copy must do.
 */
static int ca__open_read_only(struct codearena_arena *arena)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", arena->memfd->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != EMFILE && errno != ENFILE)
		fd = fcntl(arena->memfd->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return errno == ENFILE ? -ENFILE : -EMFILE;
	return ca__file_new(fd, &arena->file);
}

static int ca__set_size(int fd, uint64_t size)
{
	struct rlimit limit;

	/* The kernel would send a signal that ends the process. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < size)
		return -ENOMEM;
	return ftruncate(fd, size) ? -ENOMEM : 0;
}

static int ca__alias_map(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	void *alias;

	alias = ca__sparse_map(arena->length, MAP_SHARED, memfd->fd);
	if (!alias)
		return -ENOMEM;
	memfd->alias = alias;
	madvise(alias, arena->length, MADV_DONTDUMP);
	return madvise(alias, arena->length, MADV_DONTFORK) ? -ENOMEM : 0;
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
		.fd = arena->file->fd,
		.offset = CA__MEMFD_NOWHERE,
	};
	int ret = ca__place_map(&place, &arena->base);

	if (ret)
		arena->base = NULL;
	else
		munlock(arena->base, arena->length);
	/* More than the process may lock after mlockall(). */
	if (ret == -EAGAIN)
		ret = -ENOMEM;
	/* A security module forbids it. */
	return ret == -EACCES ? -EPERM : ret;
}

static void ca__memfd_destroy(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;

	if (memfd->traps) {
		ca__process_lock();
		ca__traps_free(memfd->traps);
		ca__process_unlock();
	}
	if (arena->base)
		munmap(arena->base, arena->length);
	/* In a child of fork() something else may be at the alias's address. */
	if (memfd->alias && memfd->owner == ca__owner_current())
		munmap(memfd->alias, arena->length);
	ca__file_put(arena->file);
	if (memfd->fd >= 0)
		close(memfd->fd);
	ca__memfd_count_runs(memfd, 0);
	free(memfd->pages.page);
	free(memfd);
}

static int ca__memfd_check(uint64_t length,
			   const struct codearena_arena_opts *opts)
{
	uint64_t size = sysconf(_SC_PAGESIZE);

	if (opts->flags & ~CODEARENA_RESERVE_F_PERMANENT)
		return -EOPNOTSUPP;
	if (!length || length > CA__MEMFD_MAX_LENGTH || length % size ||
	    opts->commit_limit % size || opts->commit_limit > length)
		return -EINVAL;
	return ca__process_prepare();
}

/* All that takes no mapping and no file. */
static int ca__memfd_alloc(struct codearena_arena *arena, uint64_t length,
			   const struct codearena_arena_opts *opts)
{
	struct ca__memfd *memfd = calloc(1, sizeof(*memfd));

	if (!memfd)
		return -ENOMEM;
	arena->memfd = memfd;
	arena->length = length;
	arena->page_size = sysconf(_SC_PAGESIZE);
	arena->granule = arena->page_size / CA__GRANULES;
	arena->trap_kinds = CA__TRAP_KINDS;
	memfd->fd = -1;
	memfd->owner = ca__owner_current();
	memfd->flags = opts->flags;
	memfd->can_sync = !ca__sync_prepare();
	memfd->pages.page_shift = __builtin_ctzll(arena->page_size);
	memfd->pages.page = calloc(length / arena->page_size + 1,
				   sizeof(*memfd->pages.page));
	memfd->stat.out_length = length;
	memfd->stat.out_commit_limit =
		opts->commit_limit ? opts->commit_limit : length;
	memfd->stat.out_metadata_limit = UINT64_MAX;
	if (memfd->pages.page)
		return memfd->owner ? 0 : -ENOSYS;
	return -ENOMEM;
}

static int ca__memfd_make_file(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	int ret;

	ret = ca__memfd_open(memfd->name);
	if (ret < 0)
		return ret;
	memfd->fd = ret;
	ret = ca__set_size(memfd->fd, arena->length);
	return ret ? ret : ca__open_read_only(arena);
}

static int ca__memfd_make(struct codearena_arena *arena,
			  const struct codearena_arena_opts *opts)
{
	int ret = ca__memfd_make_file(arena);

	/* First the one that needs a certain place; the other takes any. */
	if (!ret)
		ret = ca__view_map(arena, opts);
	return ret ? ret : ca__alias_map(arena);
}

static int ca__memfd_create(struct codearena_arena *arena, uint64_t length,
			    const struct codearena_arena_opts *opts)
{
	uint8_t name[CODEARENA_NAME_LEN];
	int ret;

	ret = ca__memfd_check(length, opts);
	if (!ret)
		ret = ca__name_get(name, opts->name);
	if (ret)
		return ret;
	ret = ca__memfd_alloc(arena, length, opts);
	if (!ret) {
		memcpy(arena->memfd->name, name, sizeof(name));
		ret = ca__memfd_make(arena, opts);
	}
	if (ret && arena->memfd)
		ca__memfd_destroy(arena);
	return ret;
}

static int ca__memfd_stat(struct codearena_arena *arena,
			  struct codearena_stat *to)
{
	const struct ca__memfd *memfd = arena->memfd;
	struct codearena_stat stat = memfd->stat;
	int ret;

	ret = ca__struct_check(to, to->size, CA__SIZE_STAT, sizeof(stat));
	if (ret)
		return ret;
	if (to->flags)
		return -EOPNOTSUPP;
	stat.size = to->size;
	stat.out_committed = memfd->pages.committed * arena->page_size;
	stat.out_sealed = memfd->pages.sealed * arena->granule;
	stat.out_patchable = memfd->pages.patchable * arena->granule;
	ca__traps_stat(memfd->traps, &stat);
	memcpy(to, &stat, to->size < sizeof(stat) ? to->size : sizeof(stat));
	return 0;
}

/* Commands that a child of fork() may give as well. */
static int ca__memfd_ask(struct codearena_arena *arena, unsigned long number,
			 void *command)
{
	switch (number) {
	case CODEARENA_STAT:
		return ca__memfd_stat(arena, command);
	case CODEARENA_TRAP_LANDING:
		return ca__memfd_trap_landing(arena, command);
	default:
		return -EPERM;
	}
}

static int ca__memfd_change(struct codearena_arena *arena,
			    unsigned long number, void *command)
{
	switch (number) {
	case CODEARENA_COMMIT:
		return ca__memfd_commit(arena, command);
	case CODEARENA_DECOMMIT:
		return ca__memfd_decommit(arena, command);
	case CODEARENA_WRITE:
		return ca__memfd_write(arena, command);
	case CODEARENA_SEAL:
		return ca__memfd_seal(arena, command);
	case CODEARENA_PUBLISH:
		return ca__memfd_publish(arena, command);
	case CODEARENA_PATCH:
		return ca__memfd_patch(arena, command);
	case CODEARENA_DISCARD:
		return ca__memfd_discard(arena, command, false);
	case CODEARENA_TRAP_REGISTER:
		return ca__memfd_trap_register(arena, command);
	case CODEARENA_TRAP_RELEASE:
		return ca__memfd_trap_release(arena, command);
	default:
		return ca__memfd_ask(arena, number, command);
	}
}

static int ca__memfd_command(struct codearena_arena *arena,
			     unsigned long number, void *command)
{
	bool owner = arena->memfd->owner == ca__owner_current();
	int ret;

	ca__process_lock();
	ret = owner ? ca__memfd_change(arena, number, command) :
		      ca__memfd_ask(arena, number, command);
	ca__process_unlock();
	return ret;
}

static int ca__memfd_release(struct codearena_arena *arena,
			     struct codearena_discard *discard)
{
	int ret;

	if (arena->memfd->owner != ca__owner_current())
		return -EPERM;
	ca__process_lock();
	ret = ca__memfd_discard(arena, discard, true);
	ca__process_unlock();
	return ret;
}

/* Bytes of the committed pages from an offset on; 0: the page there is none. */
static uint64_t ca__committed_length(const struct codearena_arena *arena,
				     uint64_t offset)
{
	const struct ca__pages *pages = &arena->memfd->pages;
	uint64_t end = offset;

	while (end < arena->length &&
	       pages->page[end >> pages->page_shift].committed)
		end += arena->page_size;
	return end - offset;
}

/* Let the committed pages of the code view show the file of @arena. */
static int ca__memfd_show(const struct codearena_arena *arena)
{
	uint64_t offset, length;

	for (offset = 0; offset < arena->length;
	     offset += length ? length : arena->page_size) {
		length = ca__committed_length(arena, offset);
		if (length && mmap(ca__view(arena, offset), length,
				   PROT_READ | PROT_EXEC,
				   MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
				   arena->file->fd, offset) == MAP_FAILED)
			return -ENOMEM;
	}
	return 0;
}

/* Make a file and an alias with the bytes of the code view, which stays. */
static int ca__memfd_copy(struct codearena_arena *copy)
{
	uint64_t offset, length;
	int ret;

	copy->file = NULL;
	copy->memfd->fd = -1;
	copy->memfd->alias = NULL;
	ret = ca__memfd_make_file(copy);
	if (!ret)
		ret = ca__alias_map(copy);
	for (offset = 0; !ret && offset < copy->length;
	     offset += length ? length : copy->page_size) {
		length = ca__committed_length(copy, offset);
		/* Running out of memory would be a signal. */
		if (length && fallocate(copy->memfd->fd, 0, offset, length))
			return -ENOMEM;
		memcpy(copy->memfd->alias + offset, ca__view(copy, offset),
		       length);
	}
	return ret;
}

/* Give up the file and the alias of an arena; its view and states stay. */
static void ca__memfd_drop_file(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;

	if (memfd->alias && memfd->owner == ca__owner_current())
		munmap(memfd->alias, arena->length);
	ca__file_put(arena->file);
	if (memfd->fd >= 0)
		close(memfd->fd);
}

static void ca__memfd_reset_counters(struct codearena_arena *arena)
{
	struct codearena_stat *stat = &arena->memfd->stat;
	struct ca__traps *traps = arena->memfd->traps;

	stat->out_published = 0;
	stat->out_written = 0;
	stat->out_patched = 0;
	stat->out_discarded = 0;
	stat->out_syncs = 0;
	if (traps)
		memset(traps->fixed, 0, sizeof(traps->fixed));
}

static int ca__memfd_clone_locked(struct codearena_arena *arena)
{
	struct ca__memfd state = *arena->memfd;
	struct codearena_arena copy = *arena, old;
	int ret;

	copy.memfd = &state;
	state.owner = ca__owner_current();
	ret = ca__memfd_copy(&copy);
	if (!ret)
		ret = ca__memfd_show(&copy);
	if (ret) {
		ca__memfd_show(arena);
		ca__memfd_drop_file(&copy);
		return ret;
	}
	old = *arena;
	ca__memfd_drop_file(&old);
	arena->file = copy.file;
	*arena->memfd = state;
	ca__memfd_reset_counters(arena);
	return 0;
}

static int ca__memfd_clone(struct codearena_arena *arena)
{
	int ret;

	ca__process_lock();
	ret = ca__memfd_clone_locked(arena);
	ca__process_unlock();
	return ret;
}

static int ca__memfd_probe(const char *device, struct codearena_info *info)
{
	struct codearena_arena_opts opts = { .sz = sizeof(opts) };
	struct codearena_arena arena = { 0 };
	int ret;

	(void)device;
	ret = ca__memfd_create(&arena, sysconf(_SC_PAGESIZE), &opts);
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
		.features = CODEARENA_FEATURE_PERMANENT |
			    CODEARENA_FEATURE_TRAPS |
			    CODEARENA_FEATURE_CLONE |
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
	.destroy = ca__memfd_destroy,
	.command = ca__memfd_command,
	.release = ca__memfd_release,
	.clone = ca__memfd_clone,
};
