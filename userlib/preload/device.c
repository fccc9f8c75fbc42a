// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arenas of the device. Called with the lock held, from fault handlers too:
 * nothing here allocates or calls what the preload library replaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "preload.h"
#include "raw.h"

/* Objects in one call of CODEARENA_PUBLISH. */
#define BATCH	64

static struct codearena_object batch[BATCH];

/*
 * Move a new descriptor out of the way of the program, which may expect the
 * lowest numbers or choose some itself. Returns the new number.
 */
int pl_fd_keep(int fd)
{
	/* Fewer descriptors may be allowed. */
	for (long least = 960; least > 2; least /= 2) {
		int moved = raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);

		if (moved >= 0) {
			raw_call(SYS_close, fd);
			return moved;
		}
	}
	return fd;
}

/* Open the device and read what it offers: an empty handle, or -errno. */
int pl_device_open(void)
{
	struct codearena_query query = { .size = sizeof(query) };
	int fd, ret;

	fd = raw_call(SYS_openat, AT_FDCWD, "/dev/codearena", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = raw_call(SYS_ioctl, fd, CODEARENA_QUERY, &query);
	if (!ret && (query.out_features & PL_FEATURES) != PL_FEATURES)
		ret = -EOPNOTSUPP;
	if (ret) {
		raw_call(SYS_close, fd);
		return ret;
	}
	pl.granule = query.out_granule;
	return pl_fd_keep(fd);
}

static int map_shadow(struct pl_arena *arena, int fd)
{
	long shadow = raw_call(SYS_mmap, 0, PL_CHUNK_SIZE, PROT_READ,
			       MAP_SHARED | MAP_NORESERVE, fd);

	if (raw_failed(shadow))
		return (int)shadow;
	arena->shadow = (const unsigned char *)shadow;
	arena->fd = fd;
	return 0;
}

int pl_arena_make(const struct pl_run *run)
{
	/* The device's node may be out of reach. */
	struct codearena_open open = { .size = sizeof(open) };
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.flags = *run->states & PL_SHARED ? CODEARENA_RESERVE_F_SHARED_WRITER : 0,
		.length = PL_CHUNK_SIZE,
		.name = "preload",
	};
	int fd, ret;

	if (run->arena->fd >= 0)
		return 0;
	ret = raw_call(SYS_ioctl, pl.device, CODEARENA_OPEN, &open);
	if (ret)
		return ret;
	fd = pl_fd_keep(open.out_fd);
	ret = raw_call(SYS_ioctl, fd, CODEARENA_RESERVE, &reserve);
	if (!ret)
		ret = map_shadow(run->arena, fd);
	if (ret)
		raw_call(SYS_close, fd);
	else
		pl.counters.arenas++;
	return ret;
}

void pl_arena_decommit(const struct pl_run *run)
{
	struct codearena_decommit command = {
		.size = sizeof(command),
		.offset = run->offset,
		.length = run->length,
	};

	raw_call(SYS_ioctl, run->arena->fd, CODEARENA_DECOMMIT, &command);
}

static int publish(const struct pl_arena *arena, unsigned int count)
{
	struct codearena_publish command = {
		.size = sizeof(command),
		.objects = (uintptr_t)batch,
		.object_count = count,
	};

	return count ? raw_call(SYS_ioctl, arena->fd, CODEARENA_PUBLISH, &command) : 0;
}

static size_t differing(const unsigned char *a, const unsigned char *b, size_t length)
{
	size_t at = 0;

	while (at < length && memcmp(a + at, b + at, pl.granule))
		at += pl.granule;
	return at;
}

/*
 * Replace the granules of the arena that differ from memory, and note in the states
 * of the pages which of them have any.
 */
static int publish_changes(const struct pl_run *run)
{
	const unsigned char *source = (const unsigned char *)run->address;
	const unsigned char *old = run->arena->shadow + run->offset;
	unsigned int count = 0;
	size_t at = 0, size;
	int ret;

	for (; at < run->length; at += size ? size : pl.granule) {
		/* Not beyond the page: each has a state of its own. */
		size = differing(source + at, old + at, pl.page - (at & (pl.page - 1)));
		if (!size)
			continue;
		batch[count++] = (struct codearena_object){
			.offset = run->offset + at,
			.source = (uintptr_t)source + at,
			.length = size,
			.flags = CODEARENA_OBJECT_F_REPLACE,
		};
		run->states[at >> pl.page_shift] |= PL_HOT;
		pl.counters.published += size;
		ret = count == BATCH ? publish(run->arena, count) : 0;
		if (ret)
			return ret;
		count %= BATCH;
	}
	return publish(run->arena, count);
}

static int publish_new(const struct pl_run *run, const void *source)
{
	struct codearena_commit command = {
		.size = sizeof(command),
		.offset = run->offset,
		.length = run->length,
	};
	int ret = raw_call(SYS_ioctl, run->arena->fd, CODEARENA_COMMIT, &command);

	if (ret)
		return ret;
	batch[0] = (struct codearena_object){
		.offset = run->offset,
		.source = (uintptr_t)source,
		.length = run->length,
	};
	ret = publish(run->arena, 1);
	if (ret)
		pl_arena_decommit(run);
	else
		pl.counters.published += run->length;
	return ret;
}

/* Another process has committed pages of the run. */
static int publish_pages(const struct pl_run *run)
{
	int ret = 0;

	for (size_t at = 0; !ret && at < run->length; at += pl.page) {
		struct pl_run page = pl_part(run, at, pl.page);

		ret = publish_new(&page, (void *)page.address);
		if (ret == -EEXIST)
			ret = publish_changes(&page);
	}
	return ret;
}

/*
 * Give pages of the arena the bytes in memory. The pages are alike in PL_COMMITTED.
 * Those that the arena has already get PL_HOT where bytes changed and lose it where
 * none did.
 */
int pl_arena_publish(const struct pl_run *run)
{
	int ret;

	if (!(*run->states & PL_COMMITTED)) {
		ret = publish_new(run, (void *)run->address);
		return ret == -EEXIST ? publish_pages(run) : ret;
	}
	for (size_t i = 0; i < run->length >> pl.page_shift; i++)
		run->states[i] &= ~PL_HOT;
	return publish_changes(run);
}

/* Have pages of zeros, where no process has put code. */
int pl_arena_zero(const struct pl_run *run)
{
	static unsigned char zeros[1 << 16];
	int ret = 0;

	for (size_t at = 0; !ret && at < run->length; at += pl.page) {
		struct pl_run page = pl_part(run, at, pl.page);

		if (!(*page.states & PL_COMMITTED))
			ret = publish_new(&page, zeros);
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret;
}

/* In a forked child: exchange the parent's arena for a copy of the child's own. */
int pl_arena_clone(struct pl_arena *arena)
{
	struct codearena_clone clone = { .size = sizeof(clone) };
	struct pl_arena copy;
	int ret;

	ret = raw_call(SYS_ioctl, arena->fd, CODEARENA_CLONE, &clone);
	if (ret)
		return ret;
	ret = map_shadow(&copy, pl_fd_keep(clone.out_fd));
	if (ret)
		return ret;
	raw_call(SYS_munmap, arena->shadow, PL_CHUNK_SIZE);
	raw_call(SYS_close, arena->fd);
	*arena = copy;
	return 0;
}
