/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One table of traps. Pure, but for its memory.
 */
#ifndef CA__TRAP_TABLE_H
#define CA__TRAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/codearena.h>

/* CODEARENA_LANDING_EXTERNAL in 32 bits: no arena is that long. */
#define CA__LANDING_EXTERNAL	UINT32_MAX

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
 * @leaving: its pads are counted as such; see trap_pads.c
 * @count: entries
 * @entry: in ascending order, disjoint
 *
 * Immutable from registration on, but for @leaving, which readers do not see.
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
int ca__traps_check(struct codearena_trap *traps, size_t count, uint64_t length,
		    uint64_t limit, size_t *failed);
struct ca__trap_table *ca__trap_table_build(uint64_t start, uint64_t length,
					    const struct codearena_trap *traps,
					    size_t count, bool report);
const struct ca__trap_entry *
ca__trap_table_find(const struct ca__trap_table *table, uint32_t offset);

#endif /* CA__TRAP_TABLE_H */
