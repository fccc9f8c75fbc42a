// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Merge sort, bottom up, which keeps the order of equal elements.
 */
#include <stdlib.h>
#include <string.h>

#include "payload.h"

uint64_t sort_merge_calls;

/* Merges two neighbouring runs of @from into @to. */
static __attribute__((noinline)) void merge(uint8_t *to, const uint8_t *left,
					    const uint8_t *right,
					    const uint8_t *end, size_t size,
					    sort_compare_fn *compare)
{
	const uint8_t *middle = right;

	while (left < middle || right < end) {
		const uint8_t **from = &left;

		if (left == middle ||
		    (right < end && compare(left, right) > 0))
			from = &right;
		memcpy(to, *from, size);
		to += size;
		*from += size;
	}
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int sort_merge(void *base, size_t count, size_t size, sort_compare_fn *compare)
{
	uint8_t *spare = malloc(count * size + 1);
	uint8_t *from = base;
	uint8_t *to = spare;

	if (!spare)
		return -1;
	for (size_t run = 1; run < count; run *= 2) {
		uint8_t *old = from;

		for (size_t i = 0; i < count; i += 2 * run) {
			size_t middle = smaller(i + run, count);
			size_t end = smaller(i + 2 * run, count);

			merge(to + i * size, from + i * size,
			      from + middle * size, from + end * size, size,
			      compare);
		}
		from = to;
		to = old;
	}
	if (from != base)
		memcpy(base, from, count * size);
	free(spare);
	sort_merge_calls++;
	return 0;
}
