/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps of the fallback backend, and the guards of both.
 *
 * All functions but ca__trap_find() need the lock of the process. Those that
 * take traps of an arena as their first argument and can be called before there
 * are any say so.
 */
#ifndef CA__TRAPS_H
#define CA__TRAPS_H

#include "arena/arena.h"
#include "arena/memfd/pages.h"

/* CODEARENA_LANDING_EXTERNAL in 32 bits: no arena is that long. */
#define CA__LANDING_EXTERNAL	UINT32_MAX

/**
 * struct ca__range - one range
 * @start: first byte
 * @end: after the last one
 * @value: what is there; NULL if it was removed when there was no memory
 */
struct ca__range {
	uint64_t start;
	uint64_t end;
	void *value;
};

/**
 * struct ca__ranges - sorted ranges, replaced as a whole
 * @count: how many
 * @range: ascending and disjoint; immutable, but for @value becoming NULL
 */
struct ca__ranges {
	size_t count;
	struct ca__range range[];
};

/* ranges.c */
size_t ca__ranges_above(const struct ca__ranges *ranges, uint64_t at);
void *ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
		      uint64_t *start);
int ca__ranges_insert(struct ca__ranges **where, uint64_t start, uint64_t end,
		      void *value);
struct ca__ranges *ca__ranges_cut(const struct ca__ranges *from,
				  uint64_t start, uint64_t end);
struct ca__ranges *ca__ranges_join(const struct ca__ranges *from,
				   uint64_t start, uint64_t end, void *value);
void ca__ranges_remove(struct ca__ranges **where, uint64_t start);

/**
 * struct ca__trap_entry - a protected range
 * @start: first byte, counted from the beginning of the code
 * @length: bytes
 * @landing: offset of the pad in the arena, or CA__LANDING_EXTERNAL
 */
struct ca__trap_entry {
	uint32_t start;
	uint32_t length;
	uint32_t landing;
};

/**
 * struct ca__trap_table - the traps of one piece of code
 * @start: offset of the code in the arena
 * @length: bytes of it
 * @generation: distinguishes the table from others at the same place
 * @report: CODEARENA_TRAP_F_REPORT
 * @leaving: its pads are counted as leaving; see trap_pads.c
 * @count: entries
 * @entry: ascending and disjoint
 *
 * Immutable once registered, but for @leaving, which readers ignore.
 */
struct ca__trap_table {
	uint32_t start;
	uint32_t length;
	uint32_t generation;
	bool report;
	bool leaving;
	size_t count;
	struct ca__trap_entry entry[];
};

static inline uint64_t ca__trap_table_end(const struct ca__trap_table *table)
{
	return (uint64_t)table->start + table->length;
}

static inline uint64_t ca__trap_table_id(const struct ca__trap_table *table)
{
	return (uint64_t)table->generation << 32 | table->start;
}

/* trap_table.c */
int ca__trap_table_build(const struct codearena_trap_register *request,
			 uint64_t limit, uint32_t *failed,
			 struct ca__trap_table **table);
const struct ca__trap_entry *
ca__trap_table_find(const struct ca__trap_table *table, uint32_t offset);

/**
 * struct ca__pad - a landing pad in an arena
 * @offset: where
 * @refs: entries of tables that lead there
 * @leaving: those of them in tables that are about to go, during that check
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
 * struct ca__trap_page - traps in one page of code
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
/* There may be no traps. */
void ca__traps_remove_range(struct ca__traps *traps, uint64_t offset,
			    uint64_t length);
struct ca__trap_table *ca__traps_first(struct ca__traps *traps, uint64_t from,
				       uint64_t to);
const struct ca__trap_table *ca__traps_find(const struct ca__traps *traps,
					    uint64_t offset);

/* trap_pads.c */
int ca__pads_get(struct ca__traps *traps, const struct ca__trap_table *table);
void ca__pads_put(struct ca__traps *traps, const struct ca__trap_table *table);
bool ca__pads_any(const struct ca__traps *traps, uint64_t from, uint64_t to);
/* There may be no traps. */
int ca__pads_check(struct ca__traps *traps,
		   const struct codearena_range *ranges, uint32_t count,
		   uint32_t *failed);

/* trap_find.c */
struct ca__traps *ca__traps_new(uint64_t base, uint64_t length,
				uint64_t page_size);
void ca__traps_free(struct ca__traps *traps);
/* There may be no traps. */
void ca__traps_stat(const struct ca__traps *traps, struct codearena_stat *stat);

/**
 * struct ca__trap_event - a trap
 * @kind: one of CODEARENA_TRAP_*
 * @pc: address of the instruction
 * @address: what was accessed, for CODEARENA_TRAP_MEMORY
 * @landing: gets the address of the pad; 0: repeat the instruction
 * @report: gets whether the pad wants the report
 */
struct ca__trap_event {
	uint32_t kind;
	uint64_t pc;
	uint64_t address;
	uint64_t landing;
	bool report;
};

/* Needs no lock; async-signal-safe. */
bool ca__trap_find(struct ca__trap_event *event);

/**
 * struct codearena_guard - the public object
 * @base: address of offset 0
 * @length: bytes, without the trap page
 * @page_size: bytes in a page
 * @file: what guard views are mapped from; NULL: the fallback
 * @holes: ranges that are not backed, by address
 */
struct codearena_guard {
	uint64_t base;
	uint64_t length;
	uint64_t page_size;
	struct ca__file *file;
	struct ca__ranges *holes;
};

/* trap_find.c */
int ca__guards_add(struct codearena_guard *guard);
void ca__guards_remove(struct codearena_guard *guard);
/* For readers, too. */
struct codearena_guard *ca__guards_find(uint64_t address);
void ca__guards_changed(void);

/* trap_signal.c */
int ca__trap_signals_install(void);

#endif /* CA__TRAPS_H */
