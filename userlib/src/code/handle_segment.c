// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables: adding and dropping segments, under the lock of the
 * table.
 *
 * A dropped segment stays accessible, since a thread may be about to read a
 * link in it. It reads as 0: free entries.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "code/handle.h"
#include "base/base.h"

/* Enough bins to sort 2^24 entries: bin n holds 2^n. */
#define CA__SORT_BINS	26

#define CA__SWEEP_DEFAULT	2

/* The last segment may be shorter. */
static uint32_t ca__segment_entries(const struct codearena_handle_table *table,
				    uint32_t segment)
{
	uint32_t left = table->max - segment * CA__SEGMENT_ENTRIES;

	return left < CA__SEGMENT_ENTRIES ? left : CA__SEGMENT_ENTRIES;
}

static void *ca__segment_address(const struct codearena_handle_table *table,
				 uint32_t segment)
{
	return table->entries + (size_t)segment * CA__SEGMENT_ENTRIES;
}

/* Takes the lowest segment that is not in use; locked. */
static int ca__segment_take(struct codearena_handle_table *table,
			    uint32_t *segment)
{
	uint32_t i, usable = __atomic_load_n(&table->usable, __ATOMIC_RELAXED);

	for (i = 0; table->drops && i < usable; i++) {
		if (!table->dropped[i])
			continue;
		table->dropped[i] = 0;
		table->drops--;
		*segment = i;
		return 0;
	}
	if (usable == table->segments)
		return -ENOSPC;
	if (mprotect(ca__segment_address(table, usable),
		     CODEARENA_HANDLE_SEGMENT, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	__atomic_store_n(&table->usable, usable + 1, __ATOMIC_RELEASE);
	*segment = usable;
	return 0;
}

/* Frees all entries but the first, which is the caller's; locked. */
static void ca__segment_link(struct codearena_handle_table *table,
			     uint32_t segment)
{
	uint32_t count = ca__segment_entries(table, segment);
	uint32_t first = segment * CA__SEGMENT_ENTRIES + 1, i;

	if (count == 1)
		return;
	for (i = 1; i < count - 1; i++)
		ca__handle_set_next(table, first + i, first + i + 1);
	__atomic_add_fetch(&table->free, count - 1, __ATOMIC_RELAXED);
	ca__handle_push(table, first + 1, first + count - 1);
}

/*
 * A mutex is not fair: a thread that sweeps in a loop could take it every time.
 * So a thread that waits for it holds a second one, for which the sweeping
 * thread has to wait then.
 */
static void ca__handle_lock(struct codearena_handle_table *table)
{
	pthread_mutex_lock(&table->turn);
	pthread_mutex_lock(&table->lock);
	pthread_mutex_unlock(&table->turn);
}

/**
 * ca__handle_grow - take an entry after the list was empty
 * @table: table
 * @index: receives its index
 *
 * Return: 0; -ENOSPC: the table is full; -ENOMEM.
 */
int ca__handle_grow(struct codearena_handle_table *table, uint32_t *index)
{
	uint32_t segment;
	int ret = 0;

	ca__handle_lock(table);
	/* Another thread may have grown the table, or finished a sweep. */
	if (!ca__handle_pop(table, index)) {
		ret = ca__segment_take(table, &segment);
		if (!ret) {
			ca__segment_link(table, segment);
			*index = segment * CA__SEGMENT_ENTRIES;
		}
	}
	pthread_mutex_unlock(&table->lock);
	return ret;
}

/* Merges two ascending lists, neither of them empty. */
static uint32_t ca__merge(struct codearena_handle_table *table, uint32_t a,
			  uint32_t b)
{
	uint32_t first = a < b ? a : b, last = 0, *least;

	while (a && b) {
		least = a < b ? &a : &b;
		if (last)
			ca__handle_set_next(table, last, *least);
		last = *least;
		*least = ca__handle_next(table, last);
	}
	ca__handle_set_next(table, last, a ? a : b);
	return first;
}

/* Merge sort in place, as memory may be short. */
static uint32_t ca__sort(struct codearena_handle_table *table, uint32_t list)
{
	uint32_t bins[CA__SORT_BINS] = { 0 }, one, sorted = 0;
	unsigned int i;

	while (list) {
		one = list;
		list = ca__handle_next(table, one);
		ca__handle_set_next(table, one, 0);
		for (i = 0; bins[i]; i++) {
			one = ca__merge(table, bins[i], one);
			bins[i] = 0;
		}
		bins[i] = one;
	}
	for (i = 0; i < CA__SORT_BINS; i++) {
		if (bins[i])
			sorted = sorted ? ca__merge(table, bins[i], sorted) :
					  bins[i];
	}
	return sorted;
}

static bool ca__segment_drop(struct codearena_handle_table *table,
			     uint32_t segment)
{
	if (madvise(ca__segment_address(table, segment),
		    CODEARENA_HANDLE_SEGMENT, MADV_DONTNEED))
		return false;
	table->dropped[segment] = 1;
	table->drops++;
	return true;
}

/**
 * struct ca__sweep - state of a sweep
 * @list: rest of the sorted list of free entries
 * @first: first entry to keep, or 0
 * @last: last entry to keep so far
 */
struct ca__sweep {
	uint32_t list;
	uint32_t first;
	uint32_t last;
};

/* Keeps the free entries of one segment, or drops it if it has no others. */
static bool ca__sweep_segment(struct codearena_handle_table *table,
			      struct ca__sweep *sweep)
{
	uint32_t segment = (sweep->list - 1) / CA__SEGMENT_ENTRIES;
	uint32_t first = sweep->list, last = 0, count = 0;

	while (sweep->list &&
	       (sweep->list - 1) / CA__SEGMENT_ENTRIES == segment) {
		last = sweep->list;
		sweep->list = ca__handle_next(table, last);
		count++;
	}
	if (count == ca__segment_entries(table, segment) &&
	    ca__segment_drop(table, segment)) {
		__atomic_sub_fetch(&table->free, count, __ATOMIC_RELAXED);
		return true;
	}
	if (sweep->last)
		ca__handle_set_next(table, sweep->last, first);
	else
		sweep->first = first;
	sweep->last = last;
	return false;
}

CODEARENA_API int
codearena_handle_table_sweep(struct codearena_handle_table *table,
			     size_t threshold)
{
	struct ca__sweep sweep = { 0 };
	int dropped = 0;

	if (!table)
		return -EINVAL;
	if (ca__inherited(table->process))
		return -EPERM;
	if (!threshold)
		threshold = CA__SWEEP_DEFAULT;
	ca__handle_lock(table);
	if (__atomic_load_n(&table->free, __ATOMIC_RELAXED) /
	    CA__SEGMENT_ENTRIES >= threshold) {
		sweep.list = ca__sort(table, ca__handle_unlink(table));
		while (sweep.list)
			dropped += ca__sweep_segment(table, &sweep);
		if (sweep.first)
			ca__handle_push(table, sweep.first, sweep.last);
	}
	pthread_mutex_unlock(&table->lock);
	return dropped;
}

CODEARENA_API int
codearena_handle_table_stat(struct codearena_handle_table *table,
			    struct codearena_handle_table_counters *counters)
{
	struct codearena_handle_table_counters now = { 0 };

	if (!table)
		return -EINVAL;
	if (ca__inherited(table->process))
		return -EPERM;
	now.max_entries = table->max;
	now.used = __atomic_load_n(&table->used, __ATOMIC_RELAXED);
	now.free = __atomic_load_n(&table->free, __ATOMIC_RELAXED);
	pthread_mutex_lock(&table->lock);
	now.segments = __atomic_load_n(&table->usable, __ATOMIC_RELAXED) -
		       table->drops;
	pthread_mutex_unlock(&table->lock);
	pthread_mutex_lock(&table->native_lock);
	now.natives = table->native_count;
	pthread_mutex_unlock(&table->native_lock);
	return ca__struct_put(counters, &now, CA__SIZE_HANDLE_TABLE_COUNTERS,
			      sizeof(now));
}
