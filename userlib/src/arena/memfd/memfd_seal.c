// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: the seal, and taking it away.
 */
#include <errno.h>

#include "base/copy.h"
#include "arena/memfd/memfd.h"

static int ca__seal_locked(struct codearena_arena *arena, uint64_t offset,
			   uint64_t length, bool patchable)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	struct ca__tally more = { 0 }, less = { 0 };
	int ret;

	ret = ca__pages_check_seal(&memfd->pages, offset, length, patchable);
	if (ret)
		return ret;
	ca__memfd_flush(arena, offset, length);
	ca__pages_seal(&memfd->pages, offset, length, patchable, &more, &less);
	counters.sealed += more.sealed * arena->granule;
	counters.patchable += more.patchable * arena->granule;
	counters.patchable -= less.patchable * arena->granule;
	ca__memfd_count(memfd, &counters);
	return 0;
}

/**
 * ca__memfd_seal - see codearena_arena_seal()
 * @arena: the arena
 * @offset: first byte
 * @length: bytes
 * @flags: CODEARENA_SEAL_F_*
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_seal(struct codearena_arena *arena, uint64_t offset,
		   uint64_t length, uint32_t flags)
{
	int ret = ca__memfd_enter(arena);

	if (!ret && (flags & ~CODEARENA_SEAL_F_PATCHABLE))
		ret = -EOPNOTSUPP;
	if (!ret)
		ret = ca__range_check(offset, length, arena->granule,
				      arena->length);
	if (!ret)
		ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__seal_locked(arena, offset, length,
			      flags & CODEARENA_SEAL_F_PATCHABLE);
	ca__memfd_unlock(arena);
	return ret;
}

/* Claims exist within this function only: they find what is named twice. */
static int ca__discard_check(struct codearena_arena *arena,
			     const struct codearena_range *ranges, size_t count,
			     size_t *failed)
{
	struct ca__memfd *memfd = arena->memfd;
	bool permanent = memfd->flags & CODEARENA_RESERVE_F_PERMANENT;
	int ret = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		ret = ca__pages_check(&memfd->pages, ranges[i].offset,
				      ranges[i].length, !permanent);
		if (!ret)
			ret = ca__pages_claim(&memfd->pages, ranges[i].offset,
					      ranges[i].length);
		if (ret) {
			*failed = i;
			break;
		}
	}
	while (i--)
		ca__pages_unclaim(&memfd->pages, ranges[i].offset,
				  ranges[i].length);
	return ret;
}

static void ca__range_empty(struct codearena_arena *arena, uint64_t offset,
			    uint64_t end, struct ca__tally *gone)
{
	struct ca__memfd *memfd = arena->memfd;

	if (offset == end)
		return;
	ca__pages_unseal(&memfd->pages, offset, end - offset, gone);
	ca__fill_traps(memfd->alias + offset, end - offset);
	ca__memfd_flush(arena, offset, end - offset);
}

/* Traps would be written to pages that are given back in the same call. */
static void ca__range_discard(struct codearena_arena *arena,
			      const struct codearena_range *range, bool release,
			      struct ca__tally *gone)
{
	struct ca__pages *pages = &arena->memfd->pages;
	uint64_t end = range->offset + range->length;
	uint64_t first = ca__align_up(range->offset, arena->page_size);
	uint64_t last = ca__align_down(end, arena->page_size);

	ca__memfd_traps_remove(arena, range->offset, range->length);
	if (!release || first >= last) {
		ca__range_empty(arena, range->offset, end, gone);
		return;
	}
	ca__range_empty(arena, range->offset, first, gone);
	ca__pages_decommit(pages, first, last - first, gone);
	ca__memfd_give_back(arena, first, last - first);
	ca__range_empty(arena, last, end, gone);
}

static int ca__discard_locked(struct codearena_arena *arena,
			      const struct codearena_range *ranges,
			      size_t count, bool release, size_t *failed)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters;
	struct ca__tally gone = { 0 };
	size_t i;
	int ret;

	ret = ca__discard_check(arena, ranges, count, failed);
	if (!ret)
		ret = ca__memfd_pads_check(arena, ranges, count, failed);
	if (ret)
		return ret;
	counters = ca__memfd_counters(memfd->shared);
	for (i = 0; i < count; i++)
		ca__range_discard(arena, &ranges[i], release, &gone);
	ca__memfd_count_gone(arena, &counters, &gone);
	/* Under the lock, so that nobody reuses the space before. */
	if (gone.sealed)
		ca__memfd_sync(&counters);
	ca__memfd_count(memfd, &counters);
	return 0;
}

static int ca__discard_copied(struct codearena_arena *arena,
			      const struct codearena_range *ranges,
			      size_t count, bool release, size_t *failed)
{
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__range_check(ranges[i].offset, ranges[i].length,
				      arena->granule, arena->length);
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__discard_locked(arena, ranges, count, release, failed);
	ca__memfd_unlock(arena);
	return ret;
}

static int ca__discard(struct codearena_arena *arena,
		       const struct codearena_range *ranges, size_t count,
		       bool release, size_t *failed)
{
	struct codearena_range few[CA__SMALL_ENTRIES];
	int ret = ca__memfd_enter(arena);
	void *copy;

	if (ret)
		return ret;
	/* Space that some thread may still execute must not be given out. */
	if (!arena->memfd->can_sync)
		return -EOPNOTSUPP;
	if (!count || count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__array_in(ranges, count, sizeof(*ranges), few, sizeof(few),
			   &copy);
	if (ret)
		return ret;
	ret = ca__discard_copied(arena, copy, count, release, failed);
	ca__array_free(copy, few);
	return ret;
}

/**
 * ca__memfd_discard - see codearena_arena_discard()
 * @arena: the arena
 * @ranges: array of the caller
 * @count: its entries
 * @failed: gets the index of the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_discard(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      size_t *failed)
{
	return ca__discard(arena, ranges, count, false, failed);
}

/**
 * ca__memfd_release - discard, and decommit what is whole pages
 * @arena: the arena
 * @ranges: array
 * @count: its entries
 * @failed: gets the index of the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      size_t *failed)
{
	return ca__discard(arena, ranges, count, true, failed);
}
