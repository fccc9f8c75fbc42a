// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tables of traps of an arena.
 *
 * Every page of code has a list of the tables of code in it, so that a search
 * looks at two short arrays, and the cost of a change grows with the code that
 * the table is for.
 */
#include <errno.h>

#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

static uint64_t ca__page_of(const struct ca__traps *traps, uint64_t offset)
{
	return offset >> traps->page_shift;
}

/**
 * ca__traps_find - the table of an instruction
 * @traps: of the arena
 * @offset: of the instruction, less than the length of the arena
 *
 * Also for readers without the lock. Return: the table, or NULL.
 */
const struct ca__trap_table *ca__traps_find(const struct ca__traps *traps,
					    uint64_t offset)
{
	const struct ca__trap_page *page =
		&traps->page[ca__page_of(traps, offset)];

	return ca__ranges_find(ca__rcu_load(&page->tables), offset, NULL);
}

/**
 * ca__traps_first - the first table of code in a range
 * @traps: of the arena
 * @from: first byte of the range
 * @to: after the last one
 *
 * Return: the table, or NULL.
 */
struct ca__trap_table *ca__traps_first(struct ca__traps *traps, uint64_t from,
				       uint64_t to)
{
	uint64_t page;
	size_t i;

	if (!traps->tables || from >= to)
		return NULL;
	for (page = ca__page_of(traps, from);
	     page <= ca__page_of(traps, to - 1); page++) {
		const struct ca__ranges *tables = traps->page[page].tables;

		for (i = ca__ranges_above(tables, from);
		     tables && i < tables->count; i++) {
			if (tables->range[i].start >= to)
				return NULL;
			if (tables->range[i].value)
				return tables->range[i].value;
		}
	}
	return NULL;
}

/* A landing pad must be code, sealed or about to be, and not protected. */
static int ca__landing_check(struct ca__traps *traps,
			     const struct ca__trap_table *own,
			     const struct ca__pages *pages, uint32_t landing)
{
	const struct ca__trap_table *other;

	if (landing == CA__LANDING_EXTERNAL)
		return 0;
	if (!ca__pages_code(pages, landing))
		return -ENOENT;
	if (landing - own->start < own->length &&
	    ca__trap_table_find(own, landing - own->start))
		return -EINVAL;
	other = ca__traps_find(traps, landing);
	if (other && ca__trap_table_find(other, landing - other->start))
		return -EEXIST;
	return 0;
}

static int ca__table_check(struct ca__traps *traps,
			   const struct ca__trap_table *table,
			   const struct ca__pages *pages)
{
	uint64_t start;
	size_t i;
	int ret;

	if (ca__traps_first(traps, table->start, ca__trap_table_end(table)))
		return -EEXIST;
	for (i = 0; i < table->count; i++) {
		if (i && table->entry[i].landing == table->entry[i - 1].landing)
			continue;
		ret = ca__landing_check(traps, table, pages,
					table->entry[i].landing);
		if (ret)
			return ret;
	}
	/* Most code holds no landing pad. */
	if (!ca__pads_any(traps, table->start, ca__trap_table_end(table)))
		return 0;
	for (i = 0; i < table->count; i++) {
		start = (uint64_t)table->start + table->entry[i].start;
		if (ca__pads_any(traps, start, start + table->entry[i].length))
			return -EEXIST;
	}
	return 0;
}

/* Remove the table from the pages before @end. */
static void ca__table_unlink(struct ca__traps *traps,
			     const struct ca__trap_table *table, uint64_t end)
{
	uint64_t page;

	for (page = ca__page_of(traps, table->start); page < end; page++)
		ca__ranges_remove(&traps->page[page].tables, table->start);
}

static int ca__table_link(struct ca__traps *traps, struct ca__trap_table *table)
{
	uint64_t end = ca__page_of(traps, ca__trap_table_end(table) - 1) + 1;
	uint64_t page;
	int ret;

	for (page = ca__page_of(traps, table->start); page < end; page++) {
		ret = ca__ranges_insert(&traps->page[page].tables, table->start,
					ca__trap_table_end(table), table);
		if (ret) {
			ca__table_unlink(traps, table, page);
			return ret;
		}
	}
	return 0;
}

/**
 * ca__traps_insert - register a table
 * @traps: of the arena
 * @table: the table, which the arena owns on success
 * @pages: states of the arena; claimed granules count as sealed
 *
 * Return: 0; -EEXIST, -EINVAL, -ENOENT, -ENOMEM as
 * codearena_trap_table_register().
 */
int ca__traps_insert(struct ca__traps *traps, struct ca__trap_table *table,
		     const struct ca__pages *pages)
{
	int ret = ca__table_check(traps, table, pages);

	if (!ret)
		ret = ca__pads_get(traps, table);
	if (ret)
		return ret;
	ret = ca__table_link(traps, table);
	if (ret) {
		ca__pads_put(traps, table);
		return ret;
	}
	traps->tables++;
	traps->entries += table->count;
	return 0;
}

/**
 * ca__traps_remove - release a table
 * @traps: of the arena
 * @table: the table, which is freed
 */
void ca__traps_remove(struct ca__traps *traps, struct ca__trap_table *table)
{
	ca__table_unlink(traps, table,
			 ca__page_of(traps, ca__trap_table_end(table) - 1) + 1);
	ca__pads_put(traps, table);
	traps->tables--;
	traps->entries -= table->count;
	ca__rcu_retire(table);
}

/**
 * ca__traps_remove_range - release the tables of code in a range
 * @traps: of the arena, or NULL
 * @offset: first byte
 * @length: bytes
 */
void ca__traps_remove_range(struct ca__traps *traps, uint64_t offset,
			    uint64_t length)
{
	struct ca__trap_table *table;

	while (traps &&
	       (table = ca__traps_first(traps, offset, offset + length)))
		ca__traps_remove(traps, table);
}
