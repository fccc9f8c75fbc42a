// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The landing pads of an arena. They are counted so that no protected range
 * covers one, and no code with one is discarded while a table refers to it: a
 * trap cannot loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena/memfd/traps.h"

#define CA__PADS_FIRST	4

static struct ca__pads **ca__pads_at(const struct ca__traps *traps,
				     uint64_t offset)
{
	return &traps->page[offset >> traps->page_shift].pads;
}

/* Index of the first pad at @offset or after it. */
static size_t ca__pads_above(const struct ca__pads *pads, uint64_t offset)
{
	size_t low = 0, high = pads ? pads->count : 0, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (pads->pad[middle].offset >= offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The first pad in a range, or NULL. */
static struct ca__pad *ca__pads_first(const struct ca__traps *traps,
				      uint64_t from, uint64_t to)
{
	struct ca__pads *pads;
	uint64_t page;
	size_t i;

	if (!traps->pads || from >= to)
		return NULL;
	for (page = from >> traps->page_shift;
	     page <= (to - 1) >> traps->page_shift; page++) {
		pads = traps->page[page].pads;
		i = ca__pads_above(pads, from);
		if (pads && i < pads->count)
			return pads->pad[i].offset < to ? &pads->pad[i] : NULL;
	}
	return NULL;
}

/**
 * ca__pads_any - is there a pad in a range?
 * @traps: of the arena
 * @from: first byte
 * @to: after the last one
 *
 * Return: the answer.
 */
bool ca__pads_any(const struct ca__traps *traps, uint64_t from, uint64_t to)
{
	return ca__pads_first(traps, from, to);
}

static struct ca__pads *ca__pads_grow(struct ca__pads **where)
{
	struct ca__pads *pads = *where;
	size_t room = pads ? 2 * pads->room : CA__PADS_FIRST;

	if (pads && pads->count < pads->room)
		return pads;
	pads = realloc(pads, sizeof(*pads) + room * sizeof(*pads->pad));
	if (!pads)
		return NULL;
	if (!*where)
		pads->count = 0;
	pads->room = room;
	*where = pads;
	return pads;
}

static int ca__pad_get(struct ca__traps *traps, uint32_t offset)
{
	struct ca__pads **where = ca__pads_at(traps, offset), *pads = *where;
	size_t i = ca__pads_above(pads, offset);

	if (pads && i < pads->count && pads->pad[i].offset == offset) {
		pads->pad[i].refs++;
		return 0;
	}
	pads = ca__pads_grow(where);
	if (!pads)
		return -ENOMEM;
	memmove(&pads->pad[i + 1], &pads->pad[i],
		(pads->count - i) * sizeof(*pads->pad));
	pads->pad[i] = (struct ca__pad){ .offset = offset, .refs = 1 };
	pads->count++;
	traps->pads++;
	return 0;
}

static void ca__pad_put(struct ca__traps *traps, uint32_t offset)
{
	struct ca__pads **where = ca__pads_at(traps, offset), *pads = *where;
	size_t i = ca__pads_above(pads, offset);

	if (--pads->pad[i].refs)
		return;
	pads->count--;
	memmove(&pads->pad[i], &pads->pad[i + 1],
		(pads->count - i) * sizeof(*pads->pad));
	traps->pads--;
	if (!pads->count) {
		free(pads);
		*where = NULL;
	}
}

/* Does entry @i use a pad of the arena that entry @i - 1 does not? */
static bool ca__table_leads(const struct ca__trap_table *table, size_t i)
{
	uint32_t landing = table->entry[i].landing;

	return landing != CA__LANDING_EXTERNAL &&
	       (!i || table->entry[i - 1].landing != landing);
}

static void ca__pads_put_some(struct ca__traps *traps,
			      const struct ca__trap_table *table, size_t count)
{
	while (count--) {
		if (ca__table_leads(table, count))
			ca__pad_put(traps, table->entry[count].landing);
	}
}

/**
 * ca__pads_get - count the pads of a table
 * @traps: of the arena
 * @table: the table
 *
 * Return: 0 or -ENOMEM.
 */
int ca__pads_get(struct ca__traps *traps, const struct ca__trap_table *table)
{
	size_t i;
	int ret;

	for (i = 0; i < table->count; i++) {
		if (!ca__table_leads(table, i))
			continue;
		ret = ca__pad_get(traps, table->entry[i].landing);
		if (ret) {
			ca__pads_put_some(traps, table, i);
			return ret;
		}
	}
	return 0;
}

/**
 * ca__pads_put - undo ca__pads_get()
 * @traps: of the arena
 * @table: the table
 */
void ca__pads_put(struct ca__traps *traps, const struct ca__trap_table *table)
{
	ca__pads_put_some(traps, table, table->count);
}

/* Count the pads of the tables in a range as leaving, or forget the count. */
static void ca__pads_leave(struct ca__traps *traps,
			   const struct codearena_range *range, bool leave)
{
	uint64_t end = range->offset + range->length;
	struct ca__trap_table *table;
	struct ca__pads *pads;
	uint32_t landing;
	size_t i;

	for (table = ca__traps_first(traps, range->offset, end); table;
	     table = ca__traps_first(traps, ca__trap_table_end(table), end)) {
		/* A table may reach into several ranges, and counts once. */
		if (table->leaving == leave)
			continue;
		table->leaving = leave;
		for (i = 0; i < table->count; i++) {
			if (!ca__table_leads(table, i))
				continue;
			landing = table->entry[i].landing;
			pads = *ca__pads_at(traps, landing);
			pads->pad[ca__pads_above(pads, landing)].leaving +=
				leave ? 1 : -1;
		}
	}
}

static bool ca__pads_stay(const struct ca__traps *traps,
			  const struct codearena_range *range)
{
	uint64_t from = range->offset, end = range->offset + range->length;
	const struct ca__pad *pad;

	while ((pad = ca__pads_first(traps, from, end))) {
		if (pad->refs != pad->leaving)
			return true;
		from = pad->offset + 1ULL;
	}
	return false;
}

/**
 * ca__pads_check - may the code of some ranges go?
 * @traps: of the arena, or NULL
 * @ranges: the ranges; tables of code in them go as well
 * @count: how many
 * @failed: gets the range to blame
 *
 * Return: 0; -EBUSY: a range holds a pad of a table that stays.
 */
int ca__pads_check(struct ca__traps *traps,
		   const struct codearena_range *ranges, uint32_t count,
		   uint32_t *failed)
{
	uint32_t i;
	int ret = 0;

	if (!traps || !traps->pads)
		return 0;
	for (i = 0; i < count; i++)
		ca__pads_leave(traps, &ranges[i], true);
	for (i = 0; i < count && !ret; i++) {
		if (ca__pads_stay(traps, &ranges[i])) {
			*failed = i;
			ret = -EBUSY;
		}
	}
	for (i = 0; i < count; i++)
		ca__pads_leave(traps, &ranges[i], false);
	return ret;
}
