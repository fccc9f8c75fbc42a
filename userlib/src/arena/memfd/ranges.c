// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sorted ranges that are replaced as a whole, for readers without a lock.
 */
#include <errno.h>
#include <stdbool.h>

#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

/**
 * ca__ranges_above - find the first range that ends after a place
 * @ranges: ranges, or NULL for none
 * @at: the place
 *
 * Return: its index; their number if none does.
 */
size_t ca__ranges_above(const struct ca__ranges *ranges, uint64_t at)
{
	size_t low = 0, high = ranges ? ranges->count : 0, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (ranges->range[middle].end > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/**
 * ca__ranges_find - find the range at a place
 * @ranges: ranges, or NULL for none; the caller is a reader or has the lock
 * @at: the place
 * @start: NULL, or gets where the range begins
 *
 * Return: the value of the range with @at in it, or NULL.
 */
void *ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
		      uint64_t *start)
{
	size_t index = ca__ranges_above(ranges, at);
	const struct ca__range *range;

	if (!ranges || index == ranges->count)
		return NULL;
	range = &ranges->range[index];
	if (range->start > at)
		return NULL;
	if (start)
		*start = range->start;
	return ca__rcu_load(&range->value);
}

static struct ca__ranges *ca__ranges_alloc(size_t count)
{
	struct ca__ranges *ranges;

	ranges = ca__rcu_alloc(sizeof(*ranges) +
			       count * sizeof(struct ca__range));
	if (ranges)
		ranges->count = 0;
	return ranges;
}

static void ca__ranges_append(struct ca__ranges *to, uint64_t start,
			      uint64_t end, void *value)
{
	if (value)
		to->range[to->count++] = (struct ca__range){
			.start = start,
			.end = end,
			.value = value,
		};
}

/* Copy ranges of @from that begin before @end, but those without a value. */
static size_t ca__ranges_copy(struct ca__ranges *to,
			      const struct ca__ranges *from, size_t first,
			      uint64_t end)
{
	size_t i;

	for (i = first; from && i < from->count; i++) {
		if (from->range[i].start >= end)
			break;
		ca__ranges_append(to, from->range[i].start, from->range[i].end,
				  from->range[i].value);
	}
	return i;
}

/**
 * ca__ranges_insert - add a range
 * @where: the ranges, which are replaced; the lock is held
 * @start: first byte; nothing is there
 * @end: after the last one
 * @value: not NULL
 *
 * Return: 0 or -ENOMEM.
 */
int ca__ranges_insert(struct ca__ranges **where, uint64_t start, uint64_t end,
		      void *value)
{
	struct ca__ranges *old = *where, *new;
	size_t next;

	new = ca__ranges_alloc((old ? old->count : 0) + 1);
	if (!new)
		return -ENOMEM;
	next = ca__ranges_copy(new, old, 0, start);
	ca__ranges_append(new, start, end, value);
	ca__ranges_copy(new, old, next, UINT64_MAX);
	ca__rcu_store(where, new);
	ca__rcu_retire(old);
	return 0;
}

static bool ca__ranges_any(const struct ca__ranges *ranges)
{
	size_t i;

	for (i = 0; i < ranges->count; i++) {
		if (ranges->range[i].value)
			return true;
	}
	return false;
}

/**
 * ca__ranges_remove - remove a range
 * @where: the ranges, which are replaced; the lock is held
 * @start: a byte of it
 *
 * Cannot fail: without memory for a copy the range stays and loses its value.
 * The last value takes the array with it.
 */
void ca__ranges_remove(struct ca__ranges **where, uint64_t start)
{
	struct ca__ranges *old = *where, *new = NULL;
	size_t index = ca__ranges_above(old, start);

	ca__rcu_store(&old->range[index].value, (void *)NULL);
	if (ca__ranges_any(old)) {
		new = ca__ranges_alloc(old->count - 1);
		if (!new)
			return;
		ca__ranges_copy(new, old, 0, UINT64_MAX);
	}
	ca__rcu_store(where, new);
	ca__rcu_retire(old);
}

/**
 * ca__ranges_cut - a copy without some bytes
 * @from: the ranges
 * @start: first byte; one of the ranges contains all of them
 * @end: after the last one
 *
 * Return: the copy, or NULL.
 */
struct ca__ranges *ca__ranges_cut(const struct ca__ranges *from,
				  uint64_t start, uint64_t end)
{
	size_t index = ca__ranges_above(from, start);
	const struct ca__range *range = &from->range[index];
	struct ca__ranges *to = ca__ranges_alloc(from->count + 1);

	if (!to)
		return NULL;
	ca__ranges_copy(to, from, 0, range->start);
	if (range->start < start)
		ca__ranges_append(to, range->start, start, range->value);
	if (range->end > end)
		ca__ranges_append(to, end, range->end, range->value);
	ca__ranges_copy(to, from, index + 1, UINT64_MAX);
	return to;
}

/**
 * ca__ranges_join - a copy with more bytes, neighbours joined
 * @from: the ranges
 * @start: first byte; nothing is there
 * @end: after the last one
 * @value: of all ranges
 *
 * Return: the copy, or NULL.
 */
struct ca__ranges *ca__ranges_join(const struct ca__ranges *from,
				   uint64_t start, uint64_t end, void *value)
{
	struct ca__ranges *to = ca__ranges_alloc(from->count + 1);
	struct ca__range *last;
	size_t next;

	if (!to)
		return NULL;
	next = ca__ranges_copy(to, from, 0, start);
	last = to->count ? &to->range[to->count - 1] : NULL;
	if (last && last->end == start)
		last->end = end;
	else
		ca__ranges_append(to, start, end, value);
	last = &to->range[to->count - 1];
	if (next < from->count && from->range[next].start == end) {
		last->end = from->range[next].end;
		next++;
	}
	ca__ranges_copy(to, from, next, UINT64_MAX);
	return to;
}
