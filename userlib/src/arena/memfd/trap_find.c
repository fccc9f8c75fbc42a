// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Finding the landing pad of a trap: the arenas that have traps, and the guards
 * of the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"
#include "base/base.h"

/* Code views, with struct ca__traps. */
static struct ca__ranges *ca__views;

/* Guards of both backends, each with its trap page. */
static struct ca__ranges *ca__guards;

/* Grows whenever a range of a guard is backed, before it leaves the holes. */
static uint64_t ca__guards_version;

/* The version for which this thread has repeated an access. */
static __thread uint64_t ca__guards_repeated CA__TLS_MODEL;

/**
 * ca__traps_new - let an arena have traps
 * @base: address of its code view
 * @length: bytes of it
 * @page_size: bytes in a page
 *
 * Return: its traps, registered; or NULL.
 */
struct ca__traps *ca__traps_new(uint64_t base, uint64_t length,
				uint64_t page_size)
{
	struct ca__traps *traps = ca__rcu_alloc(sizeof(*traps));
	uint64_t size = length / page_size * sizeof(*traps->page);
	void *page;

	if (!traps)
		return NULL;
	*traps = (struct ca__traps){
		.base = base,
		.length = length,
		.page_shift = __builtin_ctzll(page_size),
	};
	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (page == MAP_FAILED)
		goto err_traps;
	traps->page = page;
	if (ca__ranges_insert(&ca__views, base, base + length, traps))
		goto err_page;
	return traps;

err_page:
	munmap(page, size);
err_traps:
	ca__rcu_free(traps);
	return NULL;
}

/**
 * ca__traps_free - undo ca__traps_new(), and release all tables
 * @traps: of an arena that nobody uses
 *
 * No thread executes the code, so no reader gets as far as the pages.
 */
void ca__traps_free(struct ca__traps *traps)
{
	ca__traps_remove_range(traps, 0, traps->length);
	ca__ranges_remove(&ca__views, traps->base);
	munmap(traps->page,
	       (traps->length >> traps->page_shift) * sizeof(*traps->page));
	ca__rcu_retire(traps);
}

/**
 * ca__traps_stat - fill in the counters of traps
 * @traps: of the arena, or NULL
 * @stat: gets them
 */
void ca__traps_stat(const struct ca__traps *traps, struct codearena_stat *stat)
{
	if (!traps)
		return;
	stat->out_trap_tables = traps->tables;
	stat->out_trap_entries = traps->entries;
	stat->out_traps_memory = __atomic_load_n(&traps->fixed[0],
						 __ATOMIC_RELAXED);
	stat->out_traps_divide = __atomic_load_n(&traps->fixed[1],
						 __ATOMIC_RELAXED);
	stat->out_traps_undefined = __atomic_load_n(&traps->fixed[2],
						    __ATOMIC_RELAXED);
}

/**
 * ca__guards_add - register a guard
 * @guard: complete
 *
 * Return: 0 or -ENOMEM.
 */
int ca__guards_add(struct codearena_guard *guard)
{
	return ca__ranges_insert(&ca__guards, guard->base,
				 guard->base + guard->length + guard->page_size,
				 guard);
}

/**
 * ca__guards_remove - undo ca__guards_add()
 * @guard: the guard
 */
void ca__guards_remove(struct codearena_guard *guard)
{
	ca__ranges_remove(&ca__guards, guard->base);
}

/**
 * ca__guards_find - find the guard at an address
 * @address: any address
 *
 * Return: the guard, or NULL.
 */
struct codearena_guard *ca__guards_find(uint64_t address)
{
	return ca__ranges_find(ca__rcu_load(&ca__guards), address, NULL);
}

/**
 * ca__guards_changed - note that a range is backed, and will leave the holes
 */
void ca__guards_changed(void)
{
	__atomic_add_fetch(&ca__guards_version, 1, __ATOMIC_SEQ_CST);
}

/*
 * The range of an access is backed. The access may have trapped before it was,
 * and succeeds when it is repeated. Once for every change: if the program has
 * protected the memory, it traps again.
 */
static bool ca__guard_repeat(void)
{
	uint64_t version = __atomic_load_n(&ca__guards_version,
					   __ATOMIC_SEQ_CST);

	if (ca__guards_repeated == version)
		return false;
	ca__guards_repeated = version;
	return true;
}

/* Is the access a trap, or to be repeated? */
static bool ca__access_find(uint64_t address, bool *repeat)
{
	struct codearena_guard *guard;

	guard = ca__guards_find(address);
	if (!guard)
		return false;
	*repeat = !ca__ranges_find(ca__rcu_load(&guard->holes), address, NULL);
	return !*repeat || ca__guard_repeat();
}

static const struct ca__trap_entry *
ca__entry_find(struct ca__trap_event *event, struct ca__traps **traps)
{
	const struct ca__trap_table *table;
	uint64_t base;

	*traps = ca__ranges_find(ca__rcu_load(&ca__views), event->pc, &base);
	if (!*traps)
		return NULL;
	table = ca__traps_find(*traps, event->pc - base);
	if (!table)
		return NULL;
	event->report = table->report;
	return ca__trap_table_find(table, event->pc - base - table->start);
}

static bool ca__event_find(struct ca__trap_event *event)
{
	const struct ca__trap_entry *entry;
	struct ca__traps *traps;
	bool repeat = false;

	entry = ca__entry_find(event, &traps);
	if (!entry)
		return false;
	if (event->kind == CODEARENA_TRAP_MEMORY &&
	    !ca__access_find(event->address, &repeat))
		return false;
	event->landing = 0;
	if (repeat)
		return true;
	event->landing = entry->landing == CA__LANDING_EXTERNAL ?
		__atomic_load_n(&traps->landing, __ATOMIC_ACQUIRE) :
		traps->base + entry->landing;
	if (!event->landing)
		return false;
	__atomic_add_fetch(&traps->fixed[__builtin_ctz(event->kind)], 1,
			   __ATOMIC_RELAXED);
	return true;
}

/**
 * ca__trap_find - find the landing pad of a trap
 * @event: the trap; gets the pad
 *
 * Return: whether it is a trap of the library's.
 */
bool ca__trap_find(struct ca__trap_event *event)
{
	unsigned int phase = ca__rcu_enter();
	bool found = ca__event_find(event);

	ca__rcu_exit(phase);
	return found;
}
