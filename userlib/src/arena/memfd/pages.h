/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * States of pages and granules. Pure: no locks, no mappings, no system calls.
 */
#ifndef CA__PAGES_H
#define CA__PAGES_H

#include <stdbool.h>
#include <stdint.h>

/* A page has this many granules, whatever its size: one bit of a word each. */
#define CA__GRANULES		64
#define CA__GRANULE_SHIFT	6

/**
 * struct ca__page - state of one page
 * @committed: 1 if it has memory, else 0 and so are all other members
 * @sealed: granules that are immutable
 * @patchable: the part of @sealed that may be patched
 * @claimed: granules that the current call names; 0 between calls
 */
struct ca__page {
	uint64_t committed;
	uint64_t sealed;
	uint64_t patchable;
	uint64_t claimed;
};

/**
 * struct ca__pages - states of an arena
 * @page: one state per page, and one that stays 0
 * @page_shift: binary logarithm of the page size
 * @committed: pages that have memory
 * @sealed: granules that are sealed
 * @patchable: granules that are patchable
 * @runs: ranges of committed pages between which some are not committed
 */
struct ca__pages {
	struct ca__page *page;
	unsigned int page_shift;
	uint64_t committed;
	uint64_t sealed;
	uint64_t patchable;
	uint64_t runs;
};

int ca__range_check(uint64_t offset, uint64_t length, uint64_t align,
		    uint64_t limit);
uint64_t ca__pages_neighbours(const struct ca__pages *pages, uint64_t offset,
			      uint64_t length);
bool ca__pages_any_committed(const struct ca__pages *pages, uint64_t offset,
			     uint64_t length);
int ca__pages_check(const struct ca__pages *pages, uint64_t offset,
		    uint64_t length, bool sealed_allowed);
int ca__pages_check_seal(const struct ca__pages *pages, uint64_t offset,
			 uint64_t length, bool patchable);
int ca__pages_check_sealed(const struct ca__pages *pages, uint64_t offset,
			   uint64_t length);
bool ca__pages_code(const struct ca__pages *pages, uint64_t offset);
int ca__pages_check_patch(const struct ca__pages *pages, uint64_t offset);
int ca__pages_claim(struct ca__pages *pages, uint64_t offset, uint64_t length);
void ca__pages_unclaim(struct ca__pages *pages, uint64_t offset,
		       uint64_t length);
void ca__pages_commit(struct ca__pages *pages, uint64_t offset,
		      uint64_t length);
void ca__pages_decommit(struct ca__pages *pages, uint64_t offset,
			uint64_t length);
void ca__pages_seal(struct ca__pages *pages, uint64_t offset, uint64_t length,
		    bool patchable);
void ca__pages_unseal(struct ca__pages *pages, uint64_t offset,
		      uint64_t length);

#endif /* CA__PAGES_H */
