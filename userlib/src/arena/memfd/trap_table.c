// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One table of traps: check, build, search.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arena/memfd/trap_rcu.h"
#include "arena/memfd/trap_table.h"

static int ca__trap_check(const struct codearena_trap *trap, uint64_t length,
			  uint64_t limit)
{
	if (!trap->length || trap->start >= length ||
	    trap->length > length - trap->start)
		return -EINVAL;
	if (trap->landing == CODEARENA_LANDING_EXTERNAL)
		return 0;
	if (trap->landing % CA__INSN_ALIGN)
		return -EINVAL;
	return trap->landing < limit ? 0 : -ENOENT;
}

static int ca__traps_compare(const void *a, const void *b)
{
	const struct codearena_trap *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/**
 * ca__traps_check - check entries, and put them in order
 * @traps: the entries; ascending afterwards
 * @count: how many, at least 1
 * @length: bytes of the code
 * @limit: length of the arena
 * @failed: gets the entry to blame, where the order of the caller still tells
 *
 * Return: 0; -EINVAL: an entry is empty, leaves the code, overlaps another, or
 * has a misaligned pad; -ENOENT: a pad lies outside of the arena.
 */
int ca__traps_check(struct codearena_trap *traps, size_t count, uint64_t length,
		    uint64_t limit, size_t *failed)
{
	bool ascending = true;
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__trap_check(&traps[i], length, limit);
		if (ret) {
			*failed = i;
			return ret;
		}
		if (i && traps[i].start < traps[i - 1].start)
			ascending = false;
	}
	if (!ascending)
		qsort(traps, count, sizeof(*traps), ca__traps_compare);
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
 * ca__trap_table_build - make a table
 * @start: offset of the code
 * @length: bytes of it
 * @traps: entries that passed ca__traps_check()
 * @count: how many
 * @report: CODEARENA_TRAP_F_REPORT
 *
 * Return: the table, from ca__rcu_alloc(); or NULL.
 */
struct ca__trap_table *ca__trap_table_build(uint64_t start, uint64_t length,
					    const struct codearena_trap *traps,
					    size_t count, bool report)
{
	struct ca__trap_table *table;
	size_t i;

	table = ca__rcu_alloc(sizeof(*table) + count * sizeof(*table->entry));
	if (!table)
		return NULL;
	*table = (struct ca__trap_table){
		.start = start,
		.length = length,
		.report = report,
		.count = count,
	};
	/* The external pad becomes CA__LANDING_EXTERNAL when it is cut off. */
	for (i = 0; i < count; i++)
		table->entry[i] = (struct ca__trap_entry){
			.start = traps[i].start,
			.length = traps[i].length,
			.landing = (uint32_t)traps[i].landing,
		};
	return table;
}

/**
 * ca__trap_table_find - is this instruction protected?
 * @table: the table
 * @offset: of the instruction, counted from the beginning of the code
 *
 * Return: the range with it, or NULL.
 */
const struct ca__trap_entry *
ca__trap_table_find(const struct ca__trap_table *table, uint32_t offset)
{
	size_t low = 0, rest = table->count, half;
	const struct ca__trap_entry *entry;

	/* The last entry that does not begin behind it, if there is one. */
	while (rest > 1) {
		half = rest / 2;
		if (table->entry[low + half].start <= offset)
			low += half;
		rest -= half;
	}
	entry = &table->entry[low];
	/* In front of the first entry the difference wraps around. */
	return offset - entry->start < entry->length ? entry : NULL;
}
