/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps of the memfd backend, and what there is to look up when one happens.
 *
 * All functions but those that say otherwise need ca__trap_lock().
 */
#ifndef CA__TRAPS_H
#define CA__TRAPS_H

#include "arena/arena.h"
#include "arena/memfd/pages.h"
#include "arena/memfd/trap_ranges.h"
#include "arena/memfd/trap_table.h"

/**
 * struct ca__pad - a place in an arena that tables lead to
 * @offset: where
 * @refs: how often tables lead there
 * @leaving: how often tables do that are about to go, while that is checked
 */
struct ca__pad {
	uint32_t offset;
	uint32_t refs;
	uint32_t leaving;
};

/**
 * struct ca__pads - the pads of one page
 * @count: how many
 * @room: how many there is room for
 * @pad: in ascending order
 */
struct ca__pads {
	size_t count;
	size_t room;
	struct ca__pad pad[];
};

/**
 * struct ca__trap_page - what there is of traps in one page of code
 * @tables: tables of code in the page, with their places; readers look here
 * @pads: landing pads in the page
 */
struct ca__trap_page {
	struct ca__ranges *tables;
	struct ca__pads *pads;
};

/**
 * struct ca__traps - the traps of an arena
 * @base: address of the code view
 * @length: bytes of it
 * @page_shift: binary logarithm of the page size
 * @page: one element for each page, in memory that is there on demand
 * @landing: the external pad, or 0
 * @generation: of the last table
 * @pads: pads in all pages
 * @tables: tables, each counted once
 * @entries: entries of all tables
 * @fixed: traps that went to a pad, by the bit of their kind
 */
struct ca__traps {
	uint64_t base;
	uint64_t length;
	unsigned int page_shift;
	struct ca__trap_page *page;
	uint64_t landing;
	uint32_t generation;
	uint64_t pads;
	uint64_t tables;
	uint64_t entries;
	uint64_t fixed[3];
};

/* trap_set.c */
int ca__traps_insert(struct ca__traps *traps, struct ca__trap_table *table,
		     const struct ca__pages *pages);
void ca__traps_remove(struct ca__traps *traps, struct ca__trap_table *table);
void ca__traps_remove_range(struct ca__traps *traps, uint64_t offset,
			    uint64_t length);
struct ca__trap_table *ca__traps_first(struct ca__traps *traps, uint64_t from,
				       uint64_t to);
struct ca__trap_table *ca__traps_next(struct ca__traps *traps,
				      const struct ca__trap_table *table,
				      uint64_t to);
const struct ca__trap_table *ca__traps_find(const struct ca__traps *traps,
					    uint64_t offset);

/* trap_pads.c */
int ca__pads_get(struct ca__traps *traps, const struct ca__trap_table *table);
void ca__pads_put(struct ca__traps *traps, const struct ca__trap_table *table);
bool ca__pads_any(const struct ca__traps *traps, uint64_t from, uint64_t to);
int ca__pads_check(struct ca__traps *traps,
		   const struct codearena_range *ranges, size_t count,
		   size_t *failed);

/* trap_find.c */
struct ca__traps *ca__traps_new(uint64_t base, uint64_t length,
				uint64_t page_size);
void ca__traps_free(struct ca__traps *traps);

/**
 * struct ca__trap_event - a trap
 * @kind: one of CODEARENA_TRAP_*
 * @pc: address of the instruction
 * @address: what was accessed, for CODEARENA_TRAP_MEMORY
 * @landing: gets the address of the pad; 0: repeat the instruction
 * @report: gets whether the pad wants to be told
 */
struct ca__trap_event {
	uint32_t kind;
	uint64_t pc;
	uint64_t address;
	uint64_t landing;
	bool report;
};

/* Needs no lock, and may be called by signal handlers. */
bool ca__trap_find(struct ca__trap_event *event);

/**
 * struct codearena_guard - the public object
 * @base: address of offset 0
 * @length: bytes, without the trap page
 * @page_size: bytes in a page
 * @file: what guard views are mapped from; NULL: the memfd backend
 * @holes: ranges that are not backed, by address
 */
struct codearena_guard {
	uint64_t base;
	uint64_t length;
	uint64_t page_size;
	struct ca__guard_file *file;
	struct ca__ranges *holes;
};

/* trap_find.c */
int ca__guards_add(struct codearena_guard *guard);
void ca__guards_remove(struct codearena_guard *guard);
struct codearena_guard *ca__guards_find(uint64_t address);
void ca__guards_changed(void);

/* trap_signal.c; takes the lock itself */
int ca__trap_signals_install(void);

#endif /* CA__TRAPS_H */
