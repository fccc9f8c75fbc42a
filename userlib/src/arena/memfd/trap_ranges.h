/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sorted ranges that are replaced as a whole, for readers without a lock.
 */
#ifndef CA__TRAP_RANGES_H
#define CA__TRAP_RANGES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ca__range - one range
 * @start: first byte
 * @end: behind the last one
 * @value: what is there; NULL if it was removed when there was no memory
 */
struct ca__range {
	uint64_t start;
	uint64_t end;
	void *value;
};

/**
 * struct ca__ranges - ranges in ascending order, disjoint
 * @count: how many
 * @range: immutable, but for @value becoming NULL
 */
struct ca__ranges {
	size_t count;
	struct ca__range range[];
};

/* trap_ranges.c */
size_t ca__ranges_above(const struct ca__ranges *ranges, uint64_t at);
void *ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
		      uint64_t *start);
int ca__ranges_insert(struct ca__ranges **where, uint64_t start, uint64_t end,
		      void *value);
struct ca__ranges *ca__ranges_cut(const struct ca__ranges *from,
				  uint64_t start, uint64_t end);
struct ca__ranges *ca__ranges_join(const struct ca__ranges *from,
				   uint64_t start, uint64_t end, void *value);
void ca__ranges_remove(struct ca__ranges **where, uint64_t start);

#endif /* CA__TRAP_RANGES_H */
