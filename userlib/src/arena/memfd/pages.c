// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * States of pages and granules: checks first, then changes that cannot fail.
 *
 * Every function but ca__pages_recover() costs time in proportion to the pages
 * of the range that it is given, never to the size of the arena.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

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

/* Advance to the next page; false behind the last one. */
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
 * ca__pages_any_committed - does any page of the range have memory?
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
 * Return: 0; -ENOENT: not all committed; -EPERM: a granule was sealed without
 * being patchable, which nothing gives back.
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

	return ca__step_next(pages, &step) && step.page->committed &&
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
 * ca__pages_claim - note that the call under way names this range
 * @pages: states
 * @offset: first byte
 * @length: bytes
 *
 * Return: 0; -EBUSY: it named one of the granules before; nothing changed.
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
 * ca__pages_commit - the range has memory now
 * @pages: states
 * @offset: first byte, whole pages
 * @length: bytes
 */
void ca__pages_commit(struct ca__pages *pages, uint64_t offset,
		      uint64_t length)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step))
		step.page->committed = 1;
}

/**
 * ca__pages_decommit - the range has no memory any more
 * @pages: states
 * @offset: first byte, whole pages
 * @length: bytes
 * @gone: grows by what it had
 */
void ca__pages_decommit(struct ca__pages *pages, uint64_t offset,
			uint64_t length, struct ca__tally *gone)
{
	struct ca__step step = ca__step_first(offset, length);

	while (ca__step_next(pages, &step)) {
		gone->committed++;
		gone->sealed += ca__count(step.page->sealed);
		gone->patchable += ca__count(step.page->patchable);
		memset(step.page, 0, sizeof(*step.page));
	}
}

/**
 * ca__pages_seal - the range is immutable now
 * @pages: states
 * @offset: first byte
 * @length: bytes; granules that are touched in part are sealed as a whole
 * @patchable: it may be patched
 * @more: grows by granules that became sealed or patchable
 * @less: grows by granules that ceased to be patchable
 */
void ca__pages_seal(struct ca__pages *pages, uint64_t offset, uint64_t length,
		    bool patchable, struct ca__tally *more,
		    struct ca__tally *less)
{
	struct ca__step step = ca__step_first(offset, length);
	struct ca__page *page;

	while (ca__step_next(pages, &step)) {
		page = step.page;
		more->sealed += ca__count(step.mask & ~page->sealed);
		page->sealed |= step.mask;
		if (patchable) {
			more->patchable +=
				ca__count(step.mask & ~page->patchable);
			page->patchable |= step.mask;
		} else {
			less->patchable +=
				ca__count(step.mask & page->patchable);
			page->patchable &= ~step.mask;
		}
	}
}

/**
 * ca__pages_unseal - the range can be written again
 * @pages: states
 * @offset: first byte
 * @length: bytes
 * @gone: grows by granules that ceased to be sealed or patchable
 */
void ca__pages_unseal(struct ca__pages *pages, uint64_t offset, uint64_t length,
		      struct ca__tally *gone)
{
	struct ca__step step = ca__step_first(offset, length);
	struct ca__page *page;

	while (ca__step_next(pages, &step)) {
		page = step.page;
		gone->sealed += ca__count(step.mask & page->sealed);
		gone->patchable += ca__count(step.mask & page->patchable);
		page->sealed &= ~step.mask;
		page->patchable &= ~step.mask;
	}
}

/**
 * ca__pages_recover - clean up after a process that died in the middle
 * @pages: states
 * @now: gets what there is
 *
 * The only function that walks the whole arena.
 */
void ca__pages_recover(struct ca__pages *pages, struct ca__tally *now)
{
	uint64_t i;

	memset(now, 0, sizeof(*now));
	for (i = 0; i < pages->length >> pages->page_shift; i++) {
		struct ca__page *page = &pages->page[i];

		page->claimed = 0;
		/* Between the two stores of a seal or of its removal. */
		page->patchable &= page->sealed;
		now->committed += page->committed;
		now->sealed += ca__count(page->sealed);
		now->patchable += ca__count(page->patchable);
	}
}
