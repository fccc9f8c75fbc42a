// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * States of pages and granules: checks first, then changes that cannot fail.
 *
 * The cost of every function grows with the pages of the range, never with the
 * size of the arena.
 */
#include <errno.h>
#include <stddef.h>

#include "arena/memfd/pages.h"

/**
 * struct ca__step - the part of a range that lies in one page
 * @page: its state
 * @mask: the granules that the range touches
 * @offset: where the rest of the range begins
 * @end: where the range ends
 */
struct ca__step {
	struct ca__page *page;
	uint64_t mask;
	uint64_t offset;
	uint64_t end;
};

static struct ca__step ca__step_first(uint64_t offset, uint64_t length)
{
	return (struct ca__step){ .offset = offset, .end = offset + length };
}

/* Advance to the next page; false after the last one. */
static bool ca__step_next(const struct ca__pages *pages, struct ca__step *step)
{
	unsigned int granule_shift = pages->page_shift - CA__GRANULE_SHIFT;
	uint64_t index = step->offset >> pages->page_shift;
	uint64_t next = (index + 1) << pages->page_shift;
	uint64_t last = (step->end < next ? step->end : next) - 1;
	unsigned int low, high;

	if (step->offset >= step->end)
		return false;
	low = (step->offset >> granule_shift) % CA__GRANULES;
	high = (last >> granule_shift) % CA__GRANULES;
	step->page = &pages->page[index];
	step->mask = (~0ULL << low) & (~0ULL >> (CA__GRANULES - 1 - high));
	step->offset = next;
	return true;
}

static uint64_t ca__count(uint64_t bits)
{
	return __builtin_popcountll(bits);
}

/**
 * ca__range_check - is this a range of an arena?
 * @offset: first byte
 * @length: bytes
 * @align: power of two that both must be multiples of
 * @limit: length of the arena
 *
 * Return: 0, -EOVERFLOW, -EINVAL, -ENOENT, in this order.
 */
int ca__range_check(uint64_t offset, uint64_t length, uint64_t align,
		    uint64_t limit)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, length, &end))
		return -EOVERFLOW;
	if (!length || ((offset | length) & (align - 1)))
		return -EINVAL;
	return end > limit ? -ENOENT : 0;
}

/**
 * ca__pages_neighbours - how many pages beside a range have memory?
 * @pages: states
 * @offset: first byte, whole pages
 * @length: bytes
 *
 * Return: 0, 1 or 2.
 */
uint64_t ca__pages_neighbours(const struct ca__pages *pages, uint64_t offset,
			      uint64_t length)
{
	uint64_t first = offset >> pages->page_shift;
	uint64_t after = (offset + length) >> pages->page_shift;

	return (first && pages->page[first - 1].committed) +
	       pages->page[after].committed;
}

/**
 * ca__pages_any_committed - does a page of the range have memory?
 * @pages: states
 * @offset: first byte
 * @length: bytes
 *
 * Return: the answer.
 */
bool ca__pages_any_committed(const struct ca__pages *pages, uint64_t offset,
			     uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step)) {
		if (step.page->committed)
			return true;
	}
	return false;
}

/**
 * ca__pages_check - may the range be overwritten?
 * @pages: states
 * @offset: first byte
 * @length: bytes
 * @sealed_allowed: sealed granules are no obstacle
 *
 * Return: 0; -ENOENT: not all committed; -EPERM: a granule is sealed.
 */
int ca__pages_check(const struct ca__pages *pages, uint64_t offset,
		    uint64_t length, bool sealed_allowed)
{
	struct ca__step step = ca__step_first(offset, length);
	bool sealed = false;

	while (ca__step_next(pages, &step)) {
		if (!step.page->committed)
			return -ENOENT;
		sealed |= step.page->sealed & step.mask;
	}
	return sealed && !sealed_allowed ? -EPERM : 0;
}

/**
 * ca__pages_check_seal - may the range be sealed?
 * @pages: states
 * @offset: first byte
 * @length: bytes
 * @patchable: it is to become patchable
 *
 * Return: 0; -ENOENT: not all committed; -EPERM: a granule is sealed and not
 * patchable, and stays so.
 */
int ca__pages_check_seal(const struct ca__pages *pages, uint64_t offset,
			 uint64_t length, bool patchable)
{
	struct ca__step step = ca__step_first(offset, length);
	bool fixed = false;

	while (ca__step_next(pages, &step)) {
		if (!step.page->committed)
			return -ENOENT;
		fixed |= step.page->sealed & ~step.page->patchable & step.mask;
	}
	return fixed && patchable ? -EPERM : 0;
}

/**
 * ca__pages_check_sealed - is all of the range code?
 * @pages: states
 * @offset: first byte
 * @length: bytes
 *
 * Return: 0; -ENOENT: not all sealed.
 */
int ca__pages_check_sealed(const struct ca__pages *pages, uint64_t offset,
			   uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step)) {
		if (!step.page->committed || (step.mask & ~step.page->sealed))
			return -ENOENT;
	}
	return 0;
}

/**
 * ca__pages_code - is this byte code, or about to be?
 * @pages: states
 * @offset: where
 *
 * Return: whether its granule is sealed or claimed.
 */
bool ca__pages_code(const struct ca__pages *pages, uint64_t offset)
{
	struct ca__step step = ca__step_first(offset, 1);

	return ca__step_next(pages, &step) &&
	       (step.mask & (step.page->sealed | step.page->claimed));
}

/**
 * ca__pages_check_patch - may the word at @offset be patched?
 * @pages: states
 * @offset: of the word, aligned, so that it lies in one granule
 *
 * Return: 0, -ENOENT, -EPERM.
 */
int ca__pages_check_patch(const struct ca__pages *pages, uint64_t offset)
{
	struct ca__step step = ca__step_first(offset, 1);

	ca__step_next(pages, &step);
	if (!step.page->committed)
		return -ENOENT;
	return step.page->patchable & step.mask ? 0 : -EPERM;
}

/**
 * ca__pages_claim - note that the current call names this range
 * @pages: states
 * @offset: first byte
 * @length: bytes
 *
 * Return: 0; -EBUSY: it named one of the granules before; claims nothing.
 */
int ca__pages_claim(struct ca__pages *pages, uint64_t offset, uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step)) {
		if (step.page->claimed & step.mask)
			return -EBUSY;
	}
	step = ca__step_first(offset, length);
	while (ca__step_next(pages, &step))
		step.page->claimed |= step.mask;
	return 0;
}

/**
 * ca__pages_unclaim - forget a claim
 * @pages: states
 * @offset: first byte
 * @length: bytes
 */
void ca__pages_unclaim(struct ca__pages *pages, uint64_t offset,
		       uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step))
		step.page->claimed &= ~step.mask;
}

/**
 * ca__pages_commit - give a range memory
 * @pages: states
 * @offset: first byte, whole pages
 * @length: bytes
 */
void ca__pages_commit(struct ca__pages *pages, uint64_t offset,
		      uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	pages->runs += 1 - ca__pages_neighbours(pages, offset, length);
	while (ca__step_next(pages, &step)) {
		step.page->committed = 1;
		pages->committed++;
	}
}

/**
 * ca__pages_decommit - take the memory of a range
 * @pages: states
 * @offset: first byte, whole pages
 * @length: bytes
 */
void ca__pages_decommit(struct ca__pages *pages, uint64_t offset,
			uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	ca__pages_unseal(pages, offset, length);
	pages->runs += ca__pages_neighbours(pages, offset, length) - 1;
	while (ca__step_next(pages, &step)) {
		step.page->committed = 0;
		pages->committed--;
	}
}

static void ca__page_set(struct ca__pages *pages, struct ca__page *page,
			 uint64_t sealed, uint64_t patchable)
{
	pages->sealed += ca__count(sealed) - ca__count(page->sealed);
	pages->patchable += ca__count(patchable) - ca__count(page->patchable);
	page->sealed = sealed;
	page->patchable = patchable;
}

/**
 * ca__pages_seal - seal a range
 * @pages: states
 * @offset: first byte
 * @length: bytes; granules that it touches in part are sealed as a whole
 * @patchable: it may be patched
 */
void ca__pages_seal(struct ca__pages *pages, uint64_t offset, uint64_t length,
		    bool patchable)
{
	struct ca__step step = ca__step_first(offset, length);
	const struct ca__page *page;

	while (ca__step_next(pages, &step)) {
		page = step.page;
		ca__page_set(pages, step.page, page->sealed | step.mask,
			     patchable ? page->patchable | step.mask :
					 page->patchable & ~step.mask);
	}
}

/**
 * ca__pages_unseal - let a range be written again
 * @pages: states
 * @offset: first byte
 * @length: bytes
 */
void ca__pages_unseal(struct ca__pages *pages, uint64_t offset, uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step))
		ca__page_set(pages, step.page, step.page->sealed & ~step.mask,
			     step.page->patchable & ~step.mask);
}
