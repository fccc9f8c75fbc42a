/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One table of traps: check, build, search. Pure like range.h, but for the one
 * allocation that a table is.
 */
#ifndef CODEARENA_TRAP_TABLE_H
#define CODEARENA_TRAP_TABLE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include <linux/codearena.h>

/* In &struct codearena_table.shape, above the number of entries. */
#define CODEARENA_TABLE_WIDE		BIT(31)	/* u32 instead of u16 */
#define CODEARENA_TABLE_RANGES		BIT(30)	/* not all lengths are 1 */
#define CODEARENA_TABLE_LANDINGS	BIT(29)	/* not all landings are equal */
#define CODEARENA_TABLE_REPORT		BIT(28)
#define CODEARENA_TABLE_LEAVING		BIT(27)	/* trap.c's, see there */
#define CODEARENA_TABLE_COUNT		(BIT(27) - 1)

/* CODEARENA_LANDING_EXTERNAL, in 32 bits: no arena is that long. */
#define CODEARENA_TABLE_EXTERNAL	U32_MAX

/**
 * struct codearena_table - the traps of one piece of code
 * @node: in arena::tables
 * @start: first byte of the code, in the arena
 * @length: bytes of the code
 * @generation: distinguishes this table from others at the same place
 * @landing: the landing pad of all entries, unless CODEARENA_TABLE_LANDINGS
 * @shape: number of entries and CODEARENA_TABLE_* bits
 * @data: landing pads (u32, if not common), then starts, then lengths - 1 (if
 *        not all 1); the latter two as u16 where the code is short enough
 *
 * Immutable but for CODEARENA_TABLE_LEAVING. Runtimes register one table per
 * function, most of them short, and in most all traps share a landing pad. So
 * the layout is made for that: an exact entry takes 2 bytes in code of up to
 * 64 KiB, 4 in longer one, and 4 more with a landing pad of its own; the rest
 * is kept to 44 bytes, so that a table of 10 entries fits in 64.
 */
struct codearena_table {
	struct rb_node node;
	u32 start;
	u32 length;
	u32 generation;
	u32 landing;
	u32 shape;
	u32 data[];
};

static inline u32 codearena_table_count(const struct codearena_table *table)
{
	return READ_ONCE(table->shape) & CODEARENA_TABLE_COUNT;
}

static inline u64 codearena_table_end(const struct codearena_table *table)
{
	return (u64)table->start + table->length;
}

/**
 * codearena_table_landings - how many landing pads the table stores
 * @table: the table
 *
 * Return: 1, or the number of entries.
 */
static inline u32 codearena_table_landings(const struct codearena_table *table)
{
	return table->shape & CODEARENA_TABLE_LANDINGS ?
		codearena_table_count(table) : 1;
}

/**
 * codearena_table_landing - a landing pad
 * @table: the table
 * @index: less than codearena_table_landings()
 *
 * Return: offset in the arena, or CODEARENA_TABLE_EXTERNAL.
 */
static inline u32 codearena_table_landing(const struct codearena_table *table,
					  u32 index)
{
	return table->shape & CODEARENA_TABLE_LANDINGS ?
		table->data[index] : table->landing;
}

/* Where the starts begin in table->data, in bytes. */
static inline size_t codearena_table_starts(u32 shape)
{
	return shape & CODEARENA_TABLE_LANDINGS ?
		(shape & CODEARENA_TABLE_COUNT) * sizeof(u32) : 0;
}

/*
 * Find the last entry that does not begin after the instruction; the first
 * one if all do. Once for each width, since every trap comes through here.
 */
#define CODEARENA_TABLE_SEARCH(starts, count, offset)			\
({									\
	u32 __low = 0, __rest = (count), __half;			\
									\
	while (__rest > 1) {						\
		__half = __rest / 2;					\
		if ((starts)[__low + __half] <= (offset))		\
			__low += __half;				\
		__rest -= __half;					\
	}								\
	__low;								\
})

/**
 * codearena_table_find - is this instruction protected?
 * @table: the table, under RCU or a lock
 * @offset: of the instruction, counted from the start of the code
 * @landing: gets the landing pad as codearena_table_landing() has it
 *
 * Inline, because a trap costs little beyond the exception but this.
 *
 * Return: whether it is.
 */
static __always_inline bool
codearena_table_find(const struct codearena_table *table, u32 offset,
		     u32 *landing)
{
	u32 shape = READ_ONCE(table->shape);
	u32 count = shape & CODEARENA_TABLE_COUNT, found, start, length = 1;
	const void *starts = (const void *)table->data +
			     codearena_table_starts(shape);
	const u16 *narrow = starts;
	const u32 *wide = starts;

	/* The lengths follow the starts as if they were more of them. */
	if (shape & CODEARENA_TABLE_WIDE) {
		found = CODEARENA_TABLE_SEARCH(wide, count, offset);
		start = wide[found];
		if (shape & CODEARENA_TABLE_RANGES)
			length += wide[count + found];
	} else {
		found = CODEARENA_TABLE_SEARCH(narrow, count, offset);
		start = narrow[found];
		if (shape & CODEARENA_TABLE_RANGES)
			length += narrow[count + found];
	}
	/* In front of the first entry the difference wraps around. */
	if (offset - start >= length)
		return false;
	*landing = shape & CODEARENA_TABLE_LANDINGS ? table->data[found] :
						      table->landing;
	return true;
}

size_t codearena_table_size(u32 shape);
u32 codearena_table_entry(const struct codearena_table *table, u32 index,
			  u32 *length);
int codearena_traps_check(struct codearena_trap *traps, u32 count, u64 length,
			  u64 limit, u32 *failed);
u32 codearena_table_shape(u32 length, const struct codearena_trap *traps,
			  u32 count, bool report);
struct codearena_table *codearena_table_build(u32 start, u32 length,
					      const struct codearena_trap *traps,
					      u32 shape, gfp_t gfp);

#endif /* CODEARENA_TRAP_TABLE_H */
