// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: sealing and discarding.
 */
#include <errno.h>

#include "arena/memfd/memfd.h"
#include "arena/memfd/store.h"
#include "arena/memfd/traps.h"

int ca__memfd_seal(struct codearena_arena *arena,
		   const struct codearena_seal *seal)
{
	struct ca__pages *pages = &arena->memfd->pages;
	bool patchable = seal->flags & CODEARENA_SEAL_F_PATCHABLE;
	int ret;

	if (seal->flags & ~CODEARENA_SEAL_F_PATCHABLE)
		return -EOPNOTSUPP;
	ret = ca__range_check(seal->offset, seal->length, arena->granule,
			      arena->length);
	if (!ret)
		ret = ca__pages_check_seal(pages, seal->offset, seal->length,
					   patchable);
	if (ret)
		return ret;
	ca__memfd_flush(arena, seal->offset, seal->length);
	ca__pages_seal(pages, seal->offset, seal->length, patchable);
	return 0;
}

/* Claims exist within this function only: they find what is named twice. */
static int ca__discard_check(struct codearena_arena *arena,
			     const struct codearena_range *ranges,
			     uint32_t count, uint32_t *failed)
{
	struct ca__memfd *memfd = arena->memfd;
	bool permanent = memfd->flags & CODEARENA_RESERVE_F_PERMANENT;
	int ret = 0;
	uint32_t i;

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
			    uint64_t end)
{
	struct ca__memfd *memfd = arena->memfd;

	if (offset == end)
		return;
	ca__pages_unseal(&memfd->pages, offset, end - offset);
	ca__traps_store(memfd, offset, end - offset);
	ca__memfd_flush(arena, offset, end - offset);
}

/* With @release whole pages lose their memory, and need no trap fill. */
static void ca__range_discard(struct codearena_arena *arena,
			      const struct codearena_range *range, bool release)
{
	struct ca__memfd *memfd = arena->memfd;
	uint64_t end = range->offset + range->length;
	uint64_t first = ca__align_up(range->offset, arena->page_size);
	uint64_t last = ca__align_down(end, arena->page_size);

	ca__traps_remove_range(memfd->traps, range->offset, range->length);
	if (!release || first >= last) {
		ca__range_empty(arena, range->offset, end);
		return;
	}
	ca__range_empty(arena, range->offset, first);
	ca__pages_decommit(&memfd->pages, first, last - first);
	ca__memfd_give_back(arena, first, last - first);
	ca__range_empty(arena, last, end);
}

static int ca__ranges_check(const struct codearena_arena *arena,
			    const struct codearena_range *ranges,
			    uint32_t count, uint32_t *failed)
{
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__range_check(ranges[i].offset, ranges[i].length,
				      arena->granule, arena->length);
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	return 0;
}

/**
 * ca__memfd_discard - codearena_arena_discard(), or ca__arena_release()
 * @arena: the arena
 * @discard: the ranges
 * @release: decommit what is whole pages in a range
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_discard(struct codearena_arena *arena,
		      struct codearena_discard *discard, bool release)
{
	const struct codearena_range *ranges =
		(const void *)(uintptr_t)discard->ranges;
	struct ca__memfd *memfd = arena->memfd;
	uint64_t sealed = memfd->pages.sealed;
	uint32_t i, count = discard->count;
	int ret;

	/* Space that a thread may still execute must not be reused. */
	if (!memfd->can_sync)
		return -EOPNOTSUPP;
	if (!count || count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__ranges_check(arena, ranges, count, &discard->out_failed);
	if (!ret)
		ret = ca__discard_check(arena, ranges, count,
					&discard->out_failed);
	if (!ret)
		ret = ca__pads_check(memfd->traps, ranges, count,
				     &discard->out_failed);
	if (ret)
		return ret;
	for (i = 0; i < count; i++)
		ca__range_discard(arena, &ranges[i], release);
	sealed -= memfd->pages.sealed;
	memfd->stat.out_discarded += sealed * arena->granule;
	if (sealed)
		ca__memfd_sync(arena);
	return 0;
}
