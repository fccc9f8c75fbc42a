// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One table of traps: check, build, search.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

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

static int ca__entry_compare(const void *a, const void *b)
{
	const struct ca__trap_entry *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sort the entries, and find those that overlap. */
static int ca__entries_sort(struct ca__trap_table *table, uint32_t *failed)
{
	struct ca__trap_entry *entry = table->entry;
	bool ascending = true;
	size_t i;

	for (i = 1; i < table->count; i++)
		ascending &= entry[i].start >= entry[i - 1].start;
	if (!ascending)
		qsort(entry, table->count, sizeof(*entry), ca__entry_compare);
	for (i = 1; i < table->count; i++) {
		if (entry[i].start - entry[i - 1].start >= entry[i - 1].length)
			continue;
		/* Sorted, the index is not the caller's. */
		if (ascending)
			*failed = i;
		return -EINVAL;
	}
	return 0;
}

/**
 * ca__trap_table_build - make a table
 * @request: what for; the range was checked, and there are entries
 * @limit: length of the arena
 * @failed: gets the entry to blame, if a single one is
 * @table: gets the table, from ca__rcu_alloc(); NULL on failure
 *
 * Return: 0; -EINVAL: an entry is empty, leaves the code, overlaps another, or
 * has a misaligned pad; -ENOENT: a pad lies outside the arena; -ENOMEM.
 */
int ca__trap_table_build(const struct codearena_trap_register *request,
			 uint64_t limit, uint32_t *failed,
			 struct ca__trap_table **table)
{
	const struct codearena_trap *traps =
		(const void *)(uintptr_t)request->traps;
	struct ca__trap_table *new;
	size_t i;
	int ret;

	*table = NULL;
	new = ca__rcu_alloc(sizeof(*new) +
			    request->count * sizeof(*new->entry));
	if (!new)
		return -ENOMEM;
	*new = (struct ca__trap_table){
		.start = request->offset,
		.length = request->length,
		.report = request->flags & CODEARENA_TRAP_F_REPORT,
		.count = request->count,
	};
	for (i = 0; i < new->count; i++) {
		ret = ca__trap_check(&traps[i], request->length, limit);
		if (ret) {
			*failed = i;
			goto err_table;
		}
		/* Truncation turns the external pad into our constant. */
		new->entry[i] = (struct ca__trap_entry){
			.start = traps[i].start,
			.length = traps[i].length,
			.landing = (uint32_t)traps[i].landing,
		};
	}
	ret = ca__entries_sort(new, failed);
	if (ret)
		goto err_table;
	*table = new;
	return 0;

err_table:
	ca__rcu_free(new);
	return ret;
}

/**
 * ca__trap_table_find - find the protected range of an instruction
 * @table: the table
 * @offset: of the instruction, counted from the beginning of the code
 *
 * Return: the range, or NULL.
 */
const struct ca__trap_entry *
ca__trap_table_find(const struct ca__trap_table *table, uint32_t offset)
{
	size_t low = 0, rest = table->count, half;
	const struct ca__trap_entry *entry;

	/* The last entry that does not begin after it, if there is one. */
	while (rest > 1) {
		half = rest / 2;
		if (table->entry[low + half].start <= offset)
			low += half;
		rest -= half;
	}
	entry = &table->entry[low];
	/* Before the first entry the difference wraps around. */
	return offset - entry->start < entry->length ? entry : NULL;
}
