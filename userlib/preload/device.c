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
#include <sys/resource.h>

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
	struct rlimit limit;
	long least = 960;
	int moved;

	if (!raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0) &&
	    limit.rlim_cur < 1024)
		least = (long)limit.rlim_cur / 2;
	moved = (int)raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least, 0, 0, 0);
	if (moved < 0)
		return fd;
	raw_close(fd);
	return moved;
}

/* Open the device and read what it offers: an empty handle, or -errno. */
int pl_device_open(void)
{
	struct codearena_query query = { .size = sizeof(query) };
	int fd, ret;

	fd = (int)raw_call(SYS_openat, AT_FDCWD, (long)"/dev/codearena",
			   O_RDWR | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	ret = raw_ioctl(fd, CODEARENA_QUERY, &query);
	if (!ret && (query.out_features & PL_FEATURES) != PL_FEATURES)
		ret = -EOPNOTSUPP;
	if (ret) {
		raw_close(fd);
		return ret;
	}
	pl.granule = query.out_granule;
	return pl_fd_keep(fd);
}

/* Another empty handle, where the device's node may be out of reach. */
static int empty_handle(void)
{
	struct codearena_open open = { .size = sizeof(open) };
	int ret;

	if (pl.device < 0)
		return pl.device;
	ret = raw_ioctl(pl.device, CODEARENA_OPEN, &open);
	return ret ? ret : pl_fd_keep(open.out_fd);
}

static int map_shadow(struct pl_arena *arena, int fd)
{
	long shadow = raw_mmap(0, PL_CHUNK_SIZE, PROT_READ, MAP_SHARED | MAP_NORESERVE,
			       fd, 0);

	if (raw_failed(shadow))
		return (int)shadow;
	arena->shadow = (const unsigned char *)shadow;
	arena->fd = fd;
	return 0;
}

int pl_arena_make(struct pl_arena *arena, bool shared)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.flags = shared ? CODEARENA_RESERVE_F_SHARED_WRITER : 0,
		.length = PL_CHUNK_SIZE,
		.name = "preload",
	};
	int fd, ret;

	if (arena->fd >= 0)
		return 0;
	fd = empty_handle();
	if (fd < 0)
		return fd;
	ret = raw_ioctl(fd, CODEARENA_RESERVE, &reserve);
	if (!ret)
		ret = map_shadow(arena, fd);
	if (ret)
		raw_close(fd);
	return ret;
}

static int commit(const struct pl_arena *arena, uint64_t offset, size_t length)
{
	struct codearena_commit command = {
		.size = sizeof(command),
		.offset = offset,
		.length = length,
	};

	return raw_ioctl(arena->fd, CODEARENA_COMMIT, &command);
}

void pl_arena_decommit(const struct pl_arena *arena, uint64_t offset, size_t length)
{
	struct codearena_decommit command = {
		.size = sizeof(command),
		.offset = offset,
		.length = length,
	};

	raw_ioctl(arena->fd, CODEARENA_DECOMMIT, &command);
}

static int publish(const struct pl_arena *arena, unsigned int count)
{
	struct codearena_publish command = {
		.size = sizeof(command),
		.objects = (uintptr_t)batch,
		.object_count = count,
	};

	return count ? raw_ioctl(arena->fd, CODEARENA_PUBLISH, &command) : 0;
}

static size_t differing(const unsigned char *a, const unsigned char *b, size_t length)
{
	size_t at = 0;

	while (at < length && memcmp(a + at, b + at, pl.granule))
		at += pl.granule;
	return at;
}

/*
 * Replace the granules of the arena that differ from the source, and note in the
 * states of the pages which of them have any.
 */
static int publish_changes(const struct pl_arena *arena, uint64_t offset,
			   const unsigned char *source, size_t length, uint8_t *states)
{
	const unsigned char *old = arena->shadow + offset;
	unsigned int count = 0;
	size_t at = 0, size;
	int ret;

	for (; at < length; at += size ? size : pl.granule) {
		/* Not beyond the page: each has a state of its own. */
		size = differing(source + at, old + at, pl.page - (at & (pl.page - 1)));
		if (!size)
			continue;
		batch[count++] = (struct codearena_object){
			.offset = offset + at,
			.source = (uintptr_t)source + at,
			.length = size,
			.flags = CODEARENA_OBJECT_F_REPLACE,
		};
		states[at >> pl.page_shift] |= PL_HOT;
		pl.counters.published += size;
		ret = count == BATCH ? publish(arena, count) : 0;
		if (ret)
			return ret;
		count %= BATCH;
	}
	return publish(arena, count);
}

static int publish_new(const struct pl_arena *arena, uint64_t offset, const void *source,
		       size_t length)
{
	int ret = commit(arena, offset, length);

	if (ret)
		return ret;
	batch[0] = (struct codearena_object){
		.offset = offset,
		.source = (uintptr_t)source,
		.length = length,
	};
	ret = publish(arena, 1);
	if (ret)
		pl_arena_decommit(arena, offset, length);
	else
		pl.counters.published += length;
	return ret;
}

/*
 * Give pages of the arena the bytes at source. states are those of the pages,
 * alike in PL_COMMITTED. Pages that the arena has already get PL_HOT where bytes
 * changed and lose it where none did.
 */
int pl_arena_publish(const struct pl_arena *arena, uint64_t offset, const void *source,
		     size_t length, uint8_t *states)
{
	const size_t pages = length >> pl.page_shift;
	int ret;

	if (!(states[0] & PL_COMMITTED)) {
		ret = publish_new(arena, offset, source, length);
		if (ret != -EEXIST)
			return ret;
		/* Another process has committed some of these pages. */
		for (size_t i = 0; pages > 1 && i < pages; i++) {
			ret = pl_arena_publish(arena, offset + (i << pl.page_shift),
					       (const char *)source + (i << pl.page_shift),
					       pl.page, states + i);
			if (ret)
				return ret;
		}
		if (pages > 1)
			return 0;
	}
	for (size_t i = 0; i < pages; i++)
		states[i] &= ~PL_HOT;
	return publish_changes(arena, offset, source, length, states);
}

/* Have a page of zeros, if no other process has put code there. */
int pl_arena_zero(const struct pl_arena *arena, uint64_t offset)
{
	static unsigned char zeros[1 << 16];
	int ret = publish_new(arena, offset, zeros, pl.page);

	return ret == -EEXIST ? 0 : ret;
}

/* Map executable pages of the arena over whatever is at the address. */
int pl_arena_map(const struct pl_arena *arena, uint64_t offset, uintptr_t address,
		 size_t length)
{
	long ret = raw_mmap(address, length, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
			    arena->fd, (long)offset);

	return raw_failed(ret) ? (int)ret : 0;
}

/* In a forked child: exchange the parent's arena for a copy of the child's own. */
int pl_arena_clone(struct pl_arena *arena)
{
	struct codearena_clone clone = { .size = sizeof(clone) };
	struct pl_arena copy;
	int ret;

	ret = raw_ioctl(arena->fd, CODEARENA_CLONE, &clone);
	if (ret)
		return ret;
	ret = map_shadow(&copy, pl_fd_keep(clone.out_fd));
	if (ret)
		return ret;
	raw_munmap((uintptr_t)arena->shadow, PL_CHUNK_SIZE);
	raw_close(arena->fd);
	*arena = copy;
	return 0;
}
