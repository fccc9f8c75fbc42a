// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One table of traps: check, build, search.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "arch.h"
#include "trap_table.h"

static size_t codearena_table_width(u32 shape)
{
	return shape & CODEARENA_TABLE_WIDE ? sizeof(u32) : sizeof(u16);
}

static u32 codearena_table_start(const struct codearena_table *table, u32 shape,
				 u32 index)
{
	const void *starts = (const void *)table->data +
			     codearena_table_starts(shape);

	return shape & CODEARENA_TABLE_WIDE ?
		((const u32 *)starts)[index] : ((const u16 *)starts)[index];
}

/**
 * codearena_table_size - bytes that a table takes
 * @shape: &struct codearena_table.shape
 *
 * Return: what to allocate.
 */
size_t codearena_table_size(u32 shape)
{
	size_t size = codearena_table_width(shape) *
		      (shape & CODEARENA_TABLE_COUNT);

	if (shape & CODEARENA_TABLE_RANGES)
		size *= 2;
	return size + offsetof(struct codearena_table, data) +
	       codearena_table_starts(shape);
}

/**
 * codearena_table_entry - a protected range
 * @table: the table
 * @index: less than codearena_table_count()
 * @length: gets its bytes
 *
 * Return: its first byte, counted from the start of the code.
 */
u32 codearena_table_entry(const struct codearena_table *table, u32 index,
			  u32 *length)
{
	u32 shape = READ_ONCE(table->shape);

	/* The lengths follow the starts as if they were more of them. */
	*length = 1;
	if (shape & CODEARENA_TABLE_RANGES)
		*length += codearena_table_start(table, shape,
						 (shape & CODEARENA_TABLE_COUNT) +
						 index);
	return codearena_table_start(table, shape, index);
}

static int codearena_traps_compare(const void *a, const void *b)
{
	const struct codearena_trap *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int codearena_trap_check(const struct codearena_trap *trap, u64 length,
				u64 limit)
{
	if (!trap->length || trap->start >= length ||
	    trap->length > length - trap->start)
		return -EINVAL;
	if (trap->landing == CODEARENA_LANDING_EXTERNAL)
		return 0;
	if (!IS_ALIGNED(trap->landing, CODEARENA_INSN_ALIGN))
		return -EINVAL;
	return trap->landing < limit ? 0 : -ENOENT;
}

/**
 * codearena_traps_check - check entries from user space, and put them in order
 * @traps: the entries; ascending afterwards
 * @count: how many, at least 1
 * @length: bytes of the code
 * @limit: size of the arena
 * @failed: gets the index of the entry to blame, where the order that user
 *          space gave is still known
 *
 * Return: 0; -EINVAL for an entry that is empty, leaves the code, overlaps
 * another or has a misaligned landing pad; -ENOENT for a landing pad outside
 * of the arena.
 */
int codearena_traps_check(struct codearena_trap *traps, u32 count, u64 length,
			  u64 limit, u32 *failed)
{
	bool ascending = true;
	int ret;
	u32 i;

	for (i = 0; i < count; i++) {
		ret = codearena_trap_check(&traps[i], length, limit);
		if (ret) {
			*failed = i;
			return ret;
		}
		if (i && traps[i].start < traps[i - 1].start)
			ascending = false;
	}
	if (!ascending)
		sort(traps, count, sizeof(*traps), codearena_traps_compare,
		     NULL);
	for (i = 1; i < count; i++) {
		if (traps[i].start - traps[i - 1].start >= traps[i - 1].length)
			continue;
		if (ascending)
			*failed = i;
		return -EINVAL;
	}
	return 0;
}

/**
 * codearena_table_shape - choose the layout of a table
 * @length: bytes of the code
 * @traps: entries that codearena_traps_check() has passed
 * @count: how many
 * @report: CODEARENA_TRAP_F_REPORT
 *
 * Return: &struct codearena_table.shape.
 */
u32 codearena_table_shape(u32 length, const struct codearena_trap *traps,
			  u32 count, bool report)
{
	u32 shape = count;
	u32 i;

	if (report)
		shape |= CODEARENA_TABLE_REPORT;
	if (length > SZ_64K)
		shape |= CODEARENA_TABLE_WIDE;
	for (i = 0; i < count; i++) {
		if (traps[i].length != 1)
			shape |= CODEARENA_TABLE_RANGES;
		if (traps[i].landing != traps[0].landing)
			shape |= CODEARENA_TABLE_LANDINGS;
	}
	return shape;
}

static void codearena_table_set(struct codearena_table *table, u32 index,
				u32 value)
{
	void *starts = (void *)table->data +
		       codearena_table_starts(table->shape);

	if (table->shape & CODEARENA_TABLE_WIDE)
		((u32 *)starts)[index] = value;
	else
		((u16 *)starts)[index] = value;
}

/**
 * codearena_table_build - make a table
 * @start: first byte of the code, in the arena
 * @length: bytes of the code
 * @traps: entries that codearena_traps_check() has passed
 * @shape: from codearena_table_shape()
 * @gfp: how to allocate
 *
 * Return: the table, for kvfree(); or -ENOMEM.
 */
struct codearena_table *codearena_table_build(u32 start, u32 length,
					      const struct codearena_trap *traps,
					      u32 shape, gfp_t gfp)
{
	const u32 count = shape & CODEARENA_TABLE_COUNT;
	struct codearena_table *table;
	u32 i;

	table = kvmalloc(codearena_table_size(shape), gfp);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->start = start;
	table->length = length;
	table->generation = 0;
	table->landing = traps[0].landing;
	table->shape = shape;
	for (i = 0; i < count; i++) {
		if (shape & CODEARENA_TABLE_LANDINGS)
			table->data[i] = traps[i].landing;
		codearena_table_set(table, i, traps[i].start);
		if (shape & CODEARENA_TABLE_RANGES)
			codearena_table_set(table, count + i,
					    traps[i].length - 1);
	}
	return table;
}
