// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: commit and decommit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "arena/memfd/memfd.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

/* Trap instructions on the stack, and how often a call writes them. */
#define CA__TRAPS_BYTES		16384
#define CA__TRAPS_VECTOR	16

/*
 * The kernel gives up an allocation when any signal arrives and frees what it
 * had; with a timer that ticks all the time only small steps get through.
 */
#define CA__ALLOCATE_STEP	(2ULL << 20)

static int ca__fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	int ret;

	do {
		ret = fallocate(fd, mode, offset, length) ? -errno : 0;
	} while (ret == -EINTR);
	return ret;
}

static int ca__punch(int fd, uint64_t offset, uint64_t length)
{
	return ca__fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     offset, length);
}

/**
 * ca__memfd_allocate - give a range of the file memory
 * @fd: the file, open for writing
 * @offset: first byte
 * @length: bytes
 *
 * So that no later access fails for want of memory, which would be a signal.
 *
 * Return: 0 or -ENOMEM.
 */
int ca__memfd_allocate(int fd, uint64_t offset, uint64_t length)
{
	uint64_t done, step;

	for (done = 0; done < length; done += step) {
		step = length - done;
		if (step > CA__ALLOCATE_STEP)
			step = CA__ALLOCATE_STEP;
		if (!ca__fallocate(fd, 0, offset + done, step))
			continue;
		if (done)
			ca__punch(fd, offset, done);
		return -ENOMEM;
	}
	return 0;
}

/* A write beyond the limit, which may have changed, would end the process. */
static bool ca__may_write(uint64_t end)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur >= end;
}

/*
 * Memory that is full of trap instructions, by writing to the file: the kernel
 * need not clear pages that it fills as a whole. Shared arenas refuse it.
 */
static int ca__traps_write(int fd, uint64_t offset, uint64_t length)
{
	_Alignas(64) uint8_t traps[CA__TRAPS_BYTES];
	struct iovec vector[CA__TRAPS_VECTOR];
	uint64_t done = 0;
	ssize_t put;
	size_t i;

	if (!ca__may_write(offset + length))
		return -EFBIG;
	ca__fill_traps(traps, length < sizeof(traps) ? length : sizeof(traps));
	while (done < length) {
		uint64_t left = length - done;

		for (i = 0; i < CA__TRAPS_VECTOR && left; i++) {
			vector[i].iov_base = traps;
			vector[i].iov_len = left < sizeof(traps) ?
					    left : sizeof(traps);
			left -= vector[i].iov_len;
		}
		put = pwritev(fd, vector, i, offset + done);
		/* What begins within an instruction would end within one. */
		if (put > 0 && !(put % (ssize_t)sizeof(uint64_t)))
			done += put;
		else if (put >= 0 || errno != EINTR)
			break;
	}
	if (done == length)
		return 0;
	ca__punch(fd, offset, length);
	return -ENOMEM;
}

/* Memory for code, full of trap instructions. */
static int ca__code_allocate(struct ca__memfd *memfd, uint64_t offset,
			     uint64_t length)
{
	int ret;

	if (!ca__traps_write(memfd->fd, offset, length)) {
		/*
		 * Map the pages in the alias by one call: else each of them
		 * costs a page fault. Kernels before 5.14 do not know it, and
		 * nothing depends on it.
		 */
		if (length > ca__pages_size(&memfd->pages))
			madvise(memfd->alias + offset, length,
				MADV_POPULATE_READ);
		return 0;
	}
	ret = ca__memfd_allocate(memfd->fd, offset, length);
	if (!ret)
		ca__fill_traps(memfd->alias + offset, length);
	return ret;
}

/* Show the range of the file that begins at @where in the code view. */
static int ca__view_show(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length, uint64_t where)
{
	void *view;

	if (arena->memfd->full_view)
		return 0;
	view = mmap(ca__view(arena, offset), length, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED, arena->fd, where);
	return view == MAP_FAILED ? -ENOMEM : 0;
}

/* Memory for the page states of the range; what is left over does no harm. */
static int ca__states_allocate(struct ca__memfd *memfd, uint64_t offset,
			       uint64_t length)
{
	uint64_t size = ca__pages_size(&memfd->pages);
	uint64_t first = memfd->pages.length +
			 offset / size * sizeof(struct ca__page);
	uint64_t last = first + length / size * sizeof(struct ca__page);

	first = ca__align_down(first, size);
	return ca__memfd_allocate(memfd->fd, first,
				  ca__align_up(last, size) - first);
}

static int ca__commit_locked(struct codearena_arena *arena, uint64_t offset,
			     uint64_t length)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	int ret;

	if (ca__pages_any_committed(&memfd->pages, offset, length))
		return -EEXIST;
	if (length > memfd->commit_limit - counters.committed)
		return -ENOSPC;
	ret = ca__states_allocate(memfd, offset, length);
	if (ret)
		return ret;
	/* First the traps: nobody must find other bytes in the code view. */
	ret = ca__code_allocate(memfd, offset, length);
	if (ret)
		return ret;
	ret = ca__view_show(arena, offset, length, offset);
	if (ret) {
		ca__punch(memfd->fd, offset, length);
		return ret;
	}
	ca__pages_commit(&memfd->pages, offset, length);
	counters.committed += length;
	ca__memfd_count(memfd, &counters);
	return 0;
}

/**
 * ca__memfd_commit - see codearena_arena_commit()
 * @arena: the arena
 * @offset: first byte
 * @length: bytes
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_commit(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length)
{
	int ret = ca__memfd_enter(arena);

	if (!ret)
		ret = ca__range_check(offset, length, arena->page_size,
				      arena->length);
	if (!ret)
		ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__commit_locked(arena, offset, length);
	ca__memfd_unlock(arena);
	return ret;
}

/**
 * ca__memfd_give_back - give the memory of pages back
 * @arena: the arena
 * @offset: first byte
 * @length: bytes
 *
 * Where the system does not let us, because a mapping more would be too many or
 * because the arena was shared, see to it that the old code cannot be executed.
 */
void ca__memfd_give_back(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length)
{
	struct ca__memfd *memfd = arena->memfd;
	bool hidden = !ca__view_show(arena, offset, length,
				     CA__MEMFD_NOWHERE + offset);

	if (hidden && !ca__punch(memfd->fd, offset, length))
		return;
	ca__fill_traps(memfd->alias + offset, length);
	/* What is hidden from the view cannot be flushed through it. */
	if (!hidden || memfd->full_view)
		ca__memfd_flush(arena, offset, length);
}

static int ca__decommit_locked(struct codearena_arena *arena, uint64_t offset,
			       uint64_t length)
{
	struct ca__memfd *memfd = arena->memfd;
	bool permanent = memfd->flags & CODEARENA_RESERVE_F_PERMANENT;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	const struct codearena_range range = {
		.offset = offset,
		.length = length,
	};
	struct ca__tally gone = { 0 };
	size_t ignored;
	int ret;

	/* Whole pages: what is sealed there lies in the range. */
	ret = ca__pages_check(&memfd->pages, offset, length, !permanent);
	if (!ret)
		ret = ca__memfd_pads_check(arena, &range, 1, &ignored);
	if (ret)
		return ret;
	ca__memfd_traps_remove(arena, offset, length);
	ca__pages_decommit(&memfd->pages, offset, length, &gone);
	ca__memfd_count_gone(arena, &counters, &gone);
	ca__memfd_give_back(arena, offset, length);
	if (gone.sealed && memfd->can_sync)
		ca__memfd_sync(&counters);
	ca__memfd_count(memfd, &counters);
	return 0;
}

/**
 * ca__memfd_decommit - see codearena_arena_decommit()
 * @arena: the arena
 * @offset: first byte
 * @length: bytes
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_decommit(struct codearena_arena *arena, uint64_t offset,
		       uint64_t length)
{
	int ret = ca__memfd_enter(arena);

	if (!ret)
		ret = ca__range_check(offset, length, arena->page_size,
				      arena->length);
	if (!ret)
		ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__decommit_locked(arena, offset, length);
	ca__memfd_unlock(arena);
	return ret;
}
