// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: commit and decommit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "arena/memfd/memfd.h"
#include "arena/memfd/store.h"
#include "arena/memfd/traps.h"

/*
 * A signal interrupts the allocation, and the kernel frees what it had: with a
 * timer that ticks all the time only small steps get through.
 */
#define CA__ALLOCATE_STEP	(2ULL << 20)

/* Committed ranges of all arenas. Each takes two mappings: itself, and a gap. */
static uint64_t ca__memfd_runs;

/* How many leave a quarter of the process's mappings to everything else. */
static uint64_t ca__memfd_runs_max(void)
{
	static uint64_t most; /* atomic; 0: not read yet */
	uint64_t known = __atomic_load_n(&most, __ATOMIC_RELAXED);
	unsigned long mappings = 65530;
	FILE *file;

	if (known)
		return known;
	file = fopen("/proc/sys/vm/max_map_count", "re");
	if (file) {
		if (fscanf(file, "%lu", &mappings) != 1)
			mappings = 65530;
		fclose(file);
	}
	known = (uint64_t)mappings * 3 / 8 + 1;
	__atomic_store_n(&most, known, __ATOMIC_RELAXED);
	return known;
}

/**
 * ca__memfd_count_runs - note how many committed ranges an arena has
 * @memfd: the arena
 * @runs: their number
 */
void ca__memfd_count_runs(struct ca__memfd *memfd, uint64_t runs)
{
	__atomic_add_fetch(&ca__memfd_runs, runs - memfd->counted_runs,
			   __ATOMIC_RELAXED);
	memfd->counted_runs = runs;
}

static bool ca__memfd_too_many_runs(void)
{
	return __atomic_load_n(&ca__memfd_runs, __ATOMIC_RELAXED) >=
	       ca__memfd_runs_max();
}

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

/* Memory now, so that no later access raises a signal for want of it. */
static int ca__memory_allocate(int fd, uint64_t offset, uint64_t length)
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

/* Memory with trap instructions; -ENOMEM: there may be some. */
static int ca__traps_allocate(const struct ca__memfd *memfd, uint64_t offset,
			      uint64_t length)
{
	int ret;

	if (ca__traps_write(memfd, offset, length) == length)
		return 0;
	ret = ca__memory_allocate(memfd->fd, offset, length);
	if (!ret)
		ca__fill_traps(memfd->alias + offset, length);
	return ret;
}

/* Map the range of the file that begins at @where in the code view. */
static int ca__view_show(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length, uint64_t where)
{
	void *view;

	view = mmap(ca__view(arena, offset), length, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED, arena->file->fd, where);
	return view == MAP_FAILED ? -ENOMEM : 0;
}

int ca__memfd_commit(struct codearena_arena *arena,
		     const struct codearena_commit *commit)
{
	const uint64_t offset = commit->offset, length = commit->length;
	struct ca__memfd *memfd = arena->memfd;
	int ret;

	ret = ca__range_check(offset, length, arena->page_size, arena->length);
	if (ret)
		return ret;
	if (ca__pages_any_committed(&memfd->pages, offset, length))
		return -EEXIST;
	if (length > memfd->stat.out_commit_limit -
		     memfd->pages.committed * arena->page_size)
		return -ENOSPC;
	if (!ca__pages_neighbours(&memfd->pages, offset, length) &&
	    ca__memfd_too_many_runs())
		return -ENOMEM;
	/* Before the view shows it: the view never has other bytes. */
	ret = ca__traps_allocate(memfd, offset, length);
	if (!ret)
		ret = ca__view_show(arena, offset, length, offset);
	if (ret) {
		ca__punch(memfd->fd, offset, length);
		return ret;
	}
	ca__pages_commit(&memfd->pages, offset, length);
	ca__memfd_count_runs(memfd, memfd->pages.runs);
	return 0;
}

/**
 * ca__memfd_give_back - give the memory of pages back
 * @arena: the arena
 * @offset: first byte
 * @length: bytes
 *
 * The range is decommitted in the states. Where a mapping more would be too many,
 * trap instructions replace the old code.
 */
void ca__memfd_give_back(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length)
{
	struct ca__memfd *memfd = arena->memfd;
	bool hidden;

	ca__memfd_count_runs(memfd, memfd->pages.runs);
	hidden = !ca__memfd_too_many_runs() &&
		 !ca__view_show(arena, offset, length,
				CA__MEMFD_NOWHERE + offset);
	/* mlockall() counts it, and nothing is there. */
	if (hidden)
		munlock(ca__view(arena, offset), length);
	if (hidden && !ca__punch(memfd->fd, offset, length))
		return;
	ca__traps_store(memfd, offset, length);
	/* What is hidden cannot be flushed through the view. */
	if (!hidden)
		ca__memfd_flush(arena, offset, length);
}

int ca__memfd_decommit(struct codearena_arena *arena,
		       const struct codearena_decommit *decommit)
{
	const struct codearena_range range = {
		.offset = decommit->offset,
		.length = decommit->length,
	};
	struct ca__memfd *memfd = arena->memfd;
	bool permanent = memfd->flags & CODEARENA_RESERVE_F_PERMANENT;
	uint64_t sealed = memfd->pages.sealed;
	uint32_t ignored;
	int ret;

	ret = ca__range_check(range.offset, range.length, arena->page_size,
			      arena->length);
	if (!ret)
		ret = ca__pages_check(&memfd->pages, range.offset,
				      range.length, !permanent);
	if (!ret)
		ret = ca__pads_check(memfd->traps, &range, 1, &ignored);
	if (ret)
		return ret;
	ca__traps_remove_range(memfd->traps, range.offset, range.length);
	ca__pages_decommit(&memfd->pages, range.offset, range.length);
	ca__memfd_give_back(arena, range.offset, range.length);
	sealed -= memfd->pages.sealed;
	memfd->stat.out_discarded += sealed * arena->granule;
	if (sealed && memfd->can_sync)
		ca__memfd_sync(arena);
	return 0;
}
