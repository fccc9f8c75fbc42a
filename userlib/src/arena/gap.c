// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The free place nearest to an address. Pure arithmetic: the caller passes the
 * ranges in use, in ascending order.
 */
#include "arena/arena.h"
#include "arena/place.h"

/**
 * ca__gap_begin - begin a search
 * @search: gets the search
 * @request: what to look for
 */
void ca__gap_begin(struct ca__gap_search *search,
		   const struct ca__gap_request *request)
{
	uint64_t low = 0, high;

	if (request->reach < request->near)
		low = request->near - request->reach;
	if (__builtin_add_overflow(request->near, request->reach, &high))
		high = UINT64_MAX;
	search->request = *request;
	search->low = low > request->lowest ? low : request->lowest;
	search->high = high;
	search->next = 0;
	search->cost = UINT64_MAX;
	search->best = 0;
	search->start = 0;
	search->end = 0;
}

static uint64_t ca__distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/* The byte farthest away counts: branches must reach it too. */
static bool ca__gap_try(struct ca__gap_search *search, uint64_t start)
{
	const struct ca__gap_request *request = &search->request;
	uint64_t first = ca__distance(start, request->near);
	uint64_t last = ca__distance(start + request->length, request->near);
	uint64_t cost = first > last ? first : last;

	if (cost >= search->cost)
		return false;
	search->cost = cost;
	search->best = start;
	return true;
}

static void ca__gap_free(struct ca__gap_search *search, uint64_t start,
			 uint64_t end)
{
	const struct ca__gap_request *request = &search->request;
	uint64_t align = request->align, first, last, ideal;
	bool better;

	if (start < search->low)
		start = search->low;
	if (end > search->high)
		end = search->high;
	if (start > UINT64_MAX - (align - 1))
		return;
	first = ca__align_up(start, align);
	if (end < first || end - first < request->length)
		return;
	last = ca__align_down(end - request->length, align);

	/* The cost falls until the middle of the place is there, then grows. */
	ideal = 0;
	if (request->near > request->length / 2)
		ideal = request->near - request->length / 2;
	if (ideal <= first) {
		better = ca__gap_try(search, first);
	} else if (ideal >= last) {
		better = ca__gap_try(search, last);
	} else {
		ideal = ca__align_down(ideal, align);
		better = ca__gap_try(search, ideal);
		if (ideal < last)
			better |= ca__gap_try(search, ideal + align);
	}
	if (better) {
		search->start = start;
		search->end = end;
	}
}

/**
 * ca__gap_used - continue a search
 * @search: the search
 * @start: first byte in use, not below that of the call before
 * @end: after the last byte in use
 */
void ca__gap_used(struct ca__gap_search *search, uint64_t start, uint64_t end)
{
	if (start > search->next)
		ca__gap_free(search, search->next, start);
	if (end > search->next)
		search->next = end;
}

/**
 * ca__gap_end - end a search
 * @search: the search
 * @address: gets the place
 *
 * The space above the last range in use is never considered: the end of the
 * address space is not known here.
 *
 * Return: whether there is a place.
 */
bool ca__gap_end(const struct ca__gap_search *search, uint64_t *address)
{
	*address = search->best;
	return search->cost != UINT64_MAX;
}
