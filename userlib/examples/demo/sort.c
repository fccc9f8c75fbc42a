// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Introsort: quicksort that falls back to heap sort where it would degenerate,
 * and to insertion sort for short runs.
 */
#include <string.h>

#include "payload.h"

#define SHORT_RUN	16

uint64_t sort_intro_calls;

struct sorter {
	size_t size;
	sort_compare_fn *compare;
};

static void swap(const struct sorter *sorter, uint8_t *a, uint8_t *b)
{
	for (size_t i = 0; i < sorter->size; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

static __attribute__((noinline)) void insertion(const struct sorter *sorter,
						uint8_t *base, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		uint8_t *item = base + i * sorter->size;

		while (item > base &&
		       sorter->compare(item - sorter->size, item) > 0) {
			swap(sorter, item - sorter->size, item);
			item -= sorter->size;
		}
	}
}

static void sift(const struct sorter *sorter, uint8_t *base, size_t root,
		 size_t count)
{
	for (size_t child = 2 * root + 1; child < count;
	     child = 2 * root + 1) {
		uint8_t *larger = base + child * sorter->size;
		uint8_t *parent = base + root * sorter->size;

		if (child + 1 < count &&
		    sorter->compare(larger, larger + sorter->size) < 0) {
			larger += sorter->size;
			child++;
		}
		if (sorter->compare(parent, larger) >= 0)
			return;
		swap(sorter, parent, larger);
		root = child;
	}
}

static __attribute__((noinline)) void heap(const struct sorter *sorter,
					   uint8_t *base, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift(sorter, base, i, count);
	for (size_t i = count; i-- > 1;) {
		swap(sorter, base, base + i * sorter->size);
		sift(sorter, base, 0, i);
	}
}

/* Moves the median of three to the front and splits around it. */
static __attribute__((noinline)) size_t split(const struct sorter *sorter,
					      uint8_t *base, size_t count)
{
	uint8_t *middle = base + count / 2 * sorter->size;
	uint8_t *last = base + (count - 1) * sorter->size;
	size_t low = 0, high = count;

	if (sorter->compare(middle, base) > 0)
		swap(sorter, middle, base);
	if (sorter->compare(base, last) > 0)
		swap(sorter, base, last);
	if (sorter->compare(middle, base) > 0)
		swap(sorter, middle, base);
	for (;;) {
		do {
			low++;
		} while (low < count &&
			 sorter->compare(base + low * sorter->size, base) < 0);
		do {
			high--;
		} while (sorter->compare(base + high * sorter->size, base) > 0);
		if (low >= high)
			break;
		swap(sorter, base + low * sorter->size,
		     base + high * sorter->size);
	}
	swap(sorter, base, base + high * sorter->size);
	return high;
}

static __attribute__((noinline)) void quick(const struct sorter *sorter,
					    uint8_t *base, size_t count,
					    unsigned int depth)
{
	while (count > SHORT_RUN) {
		size_t pivot;

		if (!depth--) {
			heap(sorter, base, count);
			return;
		}
		pivot = split(sorter, base, count);
		quick(sorter, base + (pivot + 1) * sorter->size,
		      count - pivot - 1, depth);
		count = pivot;
	}
	insertion(sorter, base, count);
}

int sort_intro(void *base, size_t count, size_t size, sort_compare_fn *compare)
{
	struct sorter sorter = { .size = size, .compare = compare };
	unsigned int depth = 0;

	for (size_t rest = count; rest; rest >>= 1)
		depth += 2;
	quick(&sorter, base, count, depth);
	sort_intro_calls++;
	return 0;
}
