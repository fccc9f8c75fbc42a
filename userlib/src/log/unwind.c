// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code that is registered with the unwinder, in tables of neighbours.
 *
 * libgcc searches the list of tables, then sorts and searches the table whose
 * addresses begin last before the instruction. So there must be few tables, and
 * their addresses must not interleave: this is a sorted array of tables. One that
 * has more than CA__TABLE_LEAST pieces of code, and more than its part of all, is
 * split. Adding makes
 * a table anew and registers the new one before it withdraws the old one, so that
 * other threads can throw through its code at any time. Removing makes a
 * description empty in place.
 *
 * Newer versions of libgcc index tables by their first address, and refuse a
 * second one with the same. So every second version of a table begins one byte
 * earlier, with a description of nothing, if no other table ends there;
 * otherwise the old one has to go first.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"

#define CA__TABLE_LEAST	4096
#define CA__TABLES	32

/* Offset of the number of bytes in a description. */
#define CA__FDE_RANGE	16

/**
 * struct ca__unwound - code, and the description of its frames
 * @start: first address
 * @end: address after the last byte
 * @range: the number of its bytes in the registered table, or NULL
 * @size: bytes of @fde
 * @fde: its entry in .eh_frame, as if the common part were just before it
 */
struct ca__unwound {
	uint64_t start;
	uint64_t end;
	uint64_t *range;
	uint32_t size;
	uint8_t fde[];
};

/**
 * struct ca__unwind_table - neighbours
 * @base: the table has all code from here to the @base of the next one
 * @codes: by ascending address
 * @count: entries of @codes
 * @room: entries that there is room for
 * @section: what is registered; NULL: nothing
 * @begin: first address of @section
 * @early: @section begins a byte early
 * @changed: @section has to be made anew
 */
struct ca__unwind_table {
	uint64_t base;
	struct ca__unwound **codes;
	size_t count;
	size_t room;
	void *section;
	uint64_t begin;
	bool early;
	bool changed;
};

/* All tables, by ascending address. */
static struct ca__unwind_table **ca__unwind_tables;
static size_t ca__unwind_count;
static size_t ca__unwind_room;

/* Pieces of code in all tables. */
static size_t ca__unwind_total;

static pthread_mutex_t ca__unwind_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t ca__unwind_once = PTHREAD_ONCE_INIT;
static int ca__unwind_error;

static void ca__unwind_lock(void)
{
	pthread_mutex_lock(&ca__unwind_mutex);
}

static void ca__unwind_unlock(void)
{
	pthread_mutex_unlock(&ca__unwind_mutex);
}

static void ca__unwind_init(void)
{
	ca__unwind_error = ca__unwinder_found() ?
		-pthread_atfork(ca__unwind_lock, ca__unwind_unlock,
				ca__unwind_unlock) : -EOPNOTSUPP;
}

/* Where the code before a table ends. */
static uint64_t ca__table_before(size_t index)
{
	const struct ca__unwind_table *table;

	if (!index)
		return 0;
	table = ca__unwind_tables[index - 1];
	return table->codes[table->count - 1]->end;
}

/* Where the code after a table begins. */
static uint64_t ca__table_after(size_t index)
{
	return index + 1 < ca__unwind_count ?
	       ca__unwind_tables[index + 1]->codes[0]->start : UINT64_MAX;
}

/* Index of the table for an address; the first one grows downwards. */
static size_t ca__table_index(uint64_t address)
{
	size_t low = 0, high = ca__unwind_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ca__unwind_tables[middle]->base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

/* Index of the first code of a table that begins at or above an address. */
static size_t ca__unwound_index(const struct ca__unwind_table *table,
				uint64_t address)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->codes[middle]->start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The common part, and as first description one of nothing at @address. */
static size_t ca__section_head(struct ca__buffer *to, uint64_t address)
{
	struct codearena_log_entry nothing = {
		.address = address,
		.frame = CODEARENA_FRAME_LEAF,
	};
	size_t cie = ca__dwarf_cie(to, ca__log_machine(), CA__EH_FRAME);

	if (address)
		ca__dwarf_frame(to, ca__log_machine(), CA__EH_FRAME, cie,
				&nothing);
	return cie;
}

static void *ca__section_make(const struct ca__unwind_table *table, bool early)
{
	struct ca__buffer head = { 0 };
	size_t cie, size, i;
	uint8_t *section = NULL, *at;
	uint32_t back;

	cie = ca__section_head(&head, early ? table->codes[0]->start - 1 : 0);
	for (i = 0, size = head.size + 4; i < table->count; i++)
		size += table->codes[i]->size;
	if (!head.error)
		section = malloc(size);
	if (section) {
		memcpy(section, head.data, head.size);
		at = section + head.size;
		for (i = 0; i < table->count; i++) {
			memcpy(at, table->codes[i]->fde, table->codes[i]->size);
			back = at + 4 - section - cie;
			memcpy(at + 4, &back, sizeof(back));
			at += table->codes[i]->size;
		}
		memset(at, 0, 4);
	}
	ca__buffer_drop(&head);
	return section;
}

/* Remember where the numbers of bytes are. */
static void ca__section_ranges(struct ca__unwind_table *table)
{
	uint8_t *end = table->section;
	uint32_t length;
	size_t i;

	/* The common part, and the description of nothing. */
	for (i = 0; i < 1U + table->early; i++) {
		memcpy(&length, end, sizeof(length));
		end += length + 4;
	}
	for (i = 0; i < table->count; i++) {
		table->codes[i]->range = (uint64_t *)(end + CA__FDE_RANGE);
		end += table->codes[i]->size;
	}
}

/* Register a table as it is now. On failure the old version stays. */
static int ca__table_register(size_t index)
{
	struct ca__unwind_table *table = ca__unwind_tables[index];
	bool early = !table->early && ca__table_before(index) <
				      table->codes[0]->start;
	void *old = table->section, *new = ca__section_make(table, early);

	if (!new)
		return -ENOMEM;
	if (old && early == table->early) {
		ca__unwinder_deregister(old);
		ca__unwinder_register(new);
	} else {
		ca__unwinder_register(new);
		if (old)
			ca__unwinder_deregister(old);
	}
	free(old);
	table->section = new;
	table->begin = table->codes[0]->start - early;
	table->early = early;
	table->changed = false;
	ca__section_ranges(table);
	return 0;
}

/* GCC's analyzer loses tables once the array of them was moved. */
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static int ca__table_insert(size_t index, uint64_t base)
{
	struct ca__unwind_table **tables = ca__unwind_tables, *table;
	size_t room = ca__unwind_room ? 2 * ca__unwind_room : 16;

	if (ca__unwind_count == ca__unwind_room) {
		tables = realloc(tables, room * sizeof(*tables));
		if (!tables)
			return -ENOMEM;
		ca__unwind_tables = tables;
		ca__unwind_room = room;
	}
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->base = base;
	memmove(tables + index + 1, tables + index,
		(ca__unwind_count - index) * sizeof(*tables));
	tables[index] = table;
	ca__unwind_count++;
	return 0;
}

static void ca__table_delete(size_t index)
{
	struct ca__unwind_table *table = ca__unwind_tables[index];

	if (table->section)
		ca__unwinder_deregister(table->section);
	free(table->section);
	free(table->codes);
	free(table);
	ca__unwind_count--;
	memmove(ca__unwind_tables + index, ca__unwind_tables + index + 1,
		(ca__unwind_count - index) * sizeof(*ca__unwind_tables));
}

static int ca__unwind_reserve(struct ca__unwind_table *table, size_t count)
{
	struct ca__unwound **codes;
	size_t room = table->room ? table->room : 16;

	while (room < count)
		room *= 2;
	if (room == table->room)
		return 0;
	codes = realloc(table->codes, room * sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	table->codes = codes;
	table->room = room;
	return 0;
}

static bool ca__table_is_full(const struct ca__unwind_table *table)
{
	return table->count >= CA__TABLE_LEAST &&
	       table->count >= ca__unwind_total / CA__TABLES;
}

/*
 * Make room for code at @address: move the upper half of a full table to one of
 * its own, or begin a new one if the address comes after all of it. The upper
 * half is registered first: the old version covers the same code until it is
 * replaced.
 */
static int ca__table_split(size_t index, uint64_t address)
{
	struct ca__unwind_table *low = ca__unwind_tables[index], *high;
	size_t half = low->count / 2;
	int ret;

	if (low->codes[low->count - 1]->start < address)
		return ca__table_insert(index + 1, address);
	ret = ca__table_insert(index + 1, low->codes[half]->start);
	if (ret)
		return ret;
	high = ca__unwind_tables[index + 1];
	ret = ca__unwind_reserve(high, low->count - half);
	if (!ret) {
		memcpy(high->codes, low->codes + half,
		       (low->count - half) * sizeof(*high->codes));
		high->count = low->count - half;
		ret = ca__table_register(index + 1);
	}
	if (ret) {
		ca__table_delete(index + 1);
		return ret;
	}
	low->count = half;
	/* Too large a version that stays does no harm. */
	ca__table_register(index);
	return 0;
}

/* Is any of it registered already? */
static bool ca__unwound_overlaps(const struct ca__unwind_table *table, size_t at,
				 const struct ca__unwound *code)
{
	return (at && table->codes[at - 1]->end > code->start) ||
	       (at < table->count && table->codes[at]->start < code->end);
}

/* Insert code that is in no table; the table is registered later. */
static int ca__unwound_insert(struct ca__unwound *code)
{
	struct ca__unwind_table *table;
	size_t index, at;
	int ret;

	index = ca__table_index(code->start);
	if (!ca__unwind_count) {
		ret = ca__table_insert(0, code->start);
		if (ret)
			return ret;
	} else if (ca__table_is_full(ca__unwind_tables[index])) {
		ret = ca__table_split(index, code->start);
		if (ret)
			return ret;
		index = ca__table_index(code->start);
	}
	table = ca__unwind_tables[index];
	at = ca__unwound_index(table, code->start);
	ret = ca__unwind_reserve(table, table->count + 1);
	if (ca__unwound_overlaps(table, at, code) ||
	    ca__table_before(index) > code->start ||
	    ca__table_after(index) < code->end)
		ret = -EEXIST;
	if (ret) {
		if (!table->count)
			ca__table_delete(index);
		return ret;
	}
	memmove(table->codes + at + 1, table->codes + at,
		(table->count - at) * sizeof(*table->codes));
	table->codes[at] = code;
	table->count++;
	ca__unwind_total++;
	table->changed = true;
	if (table->base > code->start)
		table->base = code->start;
	/* The byte before the next table is code now. */
	if (index + 1 < ca__unwind_count &&
	    ca__unwind_tables[index + 1]->begin < code->end)
		ca__unwind_tables[index + 1]->changed = true;
	return 0;
}

#pragma GCC diagnostic pop

/* Take the code that begins at an address out of its table, or NULL. */
static struct ca__unwound *ca__unwound_take(uint64_t address, size_t *index)
{
	struct ca__unwind_table *table;
	struct ca__unwound *code;
	size_t at;

	*index = ca__table_index(address);
	if (!ca__unwind_count)
		return NULL;
	table = ca__unwind_tables[*index];
	at = ca__unwound_index(table, address);
	if (at == table->count || table->codes[at]->start != address)
		return NULL;
	code = table->codes[at];
	table->count--;
	ca__unwind_total--;
	memmove(table->codes + at, table->codes + at + 1,
		(table->count - at) * sizeof(*table->codes));
	return code;
}

/*
 * Make the description of code that left a table empty. The unwinder of LLVM has
 * a copy; without memory it keeps a description of code that is gone.
 */
static void ca__unwound_withdraw(const struct ca__unwound *code, size_t index)
{
	if (!ca__unwind_tables[index]->count)
		ca__table_delete(index);
	else if (ca__unwinder_copies())
		ca__table_register(index);
	else if (code->range)
		__atomic_store_n(code->range, 0, __ATOMIC_RELEASE);
}

/* Register what has been added, from above: see ca__unwound_insert(). */
static int ca__unwind_flush(void)
{
	size_t i;
	int ret = 0;

	for (i = ca__unwind_count; i-- && !ret;) {
		if (ca__unwind_tables[i]->changed)
			ret = ca__table_register(i);
	}
	return ret;
}

static struct ca__unwound *
ca__unwound_new(const struct codearena_log_entry *entry)
{
	struct ca__buffer fde = { 0 };
	struct ca__unwound *code = NULL;

	ca__dwarf_frame(&fde, ca__log_machine(), CA__EH_FRAME, 0, entry);
	if (!fde.error)
		code = malloc(sizeof(*code) + fde.size);
	if (code) {
		code->start = entry->address;
		code->end = entry->address + entry->size;
		code->size = fde.size;
		memcpy(code->fde, fde.data, fde.size);
	}
	ca__buffer_drop(&fde);
	return code;
}

static int ca__unwind_add_one(const struct codearena_log_entry *entry)
{
	struct ca__unwound *code;
	int ret;

	if (entry->frame == CODEARENA_FRAME_UNKNOWN)
		return 0;
	code = ca__unwound_new(entry);
	ret = code ? ca__unwound_insert(code) : -ENOMEM;
	if (ret)
		free(code);
	return ret;
}

static const struct codearena_log_entry *
ca__unwind_entry(const struct codearena_log_entry *entries, size_t i)
{
	return (const void *)((const char *)entries + i * entries->sz);
}

/**
 * ca__unwind_remove - withdraw code from the unwinder
 * @address: its first address
 *
 * Return: whether it was registered.
 */
bool ca__unwind_remove(uint64_t address)
{
	struct ca__unwound *code;
	size_t index;

	ca__unwind_lock();
	code = ca__unwound_take(address, &index);
	if (code)
		ca__unwound_withdraw(code, index);
	ca__unwind_unlock();
	free(code);
	return code;
}

/**
 * ca__unwind_add - register code with the unwinder
 * @entries: code that ca__log_check() accepts; all have the same @sz
 * @count: entries of @entries
 *
 * Return: 0; -EEXIST; -ENOMEM; -EOPNOTSUPP: there is no unwinder. On failure
 * nothing is registered.
 */
int ca__unwind_add(const struct codearena_log_entry *entries, size_t count)
{
	size_t done = 0;
	int ret;

	pthread_once(&ca__unwind_once, ca__unwind_init);
	if (ca__unwind_error)
		return ca__unwind_error;
	ca__unwind_lock();
	do {
		ret = ca__unwind_add_one(ca__unwind_entry(entries, done));
	} while (!ret && ++done < count);
	if (!ret)
		ret = ca__unwind_flush();
	ca__unwind_unlock();
	while (ret && done--)
		ca__unwind_remove(ca__unwind_entry(entries, done)->address);
	return ret;
}

/**
 * struct codearena_unwind - a registration
 * @count: entries of @addresses
 * @addresses: of the code
 */
struct codearena_unwind {
	size_t count;
	uint64_t addresses[];
};

static int ca__unwind_check(const struct codearena_log_entry *entries,
			    size_t count)
{
	struct codearena_log_entry entry;
	size_t i;
	int ret;

	if (!entries || !count)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		const struct codearena_log_entry *from =
			ca__unwind_entry(entries, i);

		if (from->sz != entries->sz)
			return -EINVAL;
		ret = ca__struct_get(&entry, from, CA__SIZE_LOG_ENTRY,
				     sizeof(entry));
		if (ret)
			return ret;
		/* Not used, so anything will do. */
		entry.sz = sizeof(entry);
		entry.name = "code";
		entry.line_count = 0;
		ret = ca__log_check(&entry);
		if (ret)
			return ret;
	}
	return 0;
}

CODEARENA_API int
codearena_unwind_register(const struct codearena_log_entry *entries,
			  size_t count, struct codearena_unwind **out)
{
	struct codearena_unwind *unwind;
	size_t i;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__unwind_check(entries, count);
	if (ret)
		return ret;
	if (count > SIZE_MAX / 16)
		return -ENOMEM;
	unwind = malloc(sizeof(*unwind) + count * sizeof(*unwind->addresses));
	if (!unwind)
		return -ENOMEM;
	unwind->count = 0;
	for (i = 0; i < count; i++) {
		const struct codearena_log_entry *entry =
			ca__unwind_entry(entries, i);

		if (entry->frame != CODEARENA_FRAME_UNKNOWN)
			unwind->addresses[unwind->count++] = entry->address;
	}
	ret = ca__unwind_add(entries, count);
	if (ret)
		free(unwind);
	else
		*out = unwind;
	return ret;
}

CODEARENA_API void codearena_unwind_unregister(struct codearena_unwind *unwind)
{
	size_t i;

	if (!unwind)
		return;
	for (i = 0; i < unwind->count; i++)
		ca__unwind_remove(unwind->addresses[i]);
	free(unwind);
}
