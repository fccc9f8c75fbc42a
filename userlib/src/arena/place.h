/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Mappings near an address.
 */
#ifndef CA__PLACE_H
#define CA__PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Views of this size and more begin at a multiple of it, where possible. */
#define CA__LARGE_ALIGN		(2ULL << 20)

/**
 * struct ca__gap_request - what to look for
 * @near: address in question
 * @reach: the result lies between @near - @reach and @near + @reach
 * @length: bytes, not 0
 * @align: alignment of the address, a power of two
 * @lowest: no address below this
 */
struct ca__gap_request {
	uint64_t near;
	uint64_t reach;
	uint64_t length;
	uint64_t align;
	uint64_t lowest;
};

/**
 * struct ca__gap_search - search in progress
 * @request: what to look for
 * @low: lowest address allowed
 * @high: end of the addresses allowed
 * @next: the first address that is not known to be free or in use
 * @cost: distance of the best place; UINT64_MAX: none yet
 * @best: the best place
 * @start: first address of the free range that it lies in
 * @end: end of that range
 */
struct ca__gap_search {
	struct ca__gap_request request;
	uint64_t low;
	uint64_t high;
	uint64_t next;
	uint64_t cost;
	uint64_t best;
	uint64_t start;
	uint64_t end;
};

/* gap.c: pure */
void ca__gap_begin(struct ca__gap_search *search,
		   const struct ca__gap_request *request);
void ca__gap_used(struct ca__gap_search *search, uint64_t start, uint64_t end);
bool ca__gap_end(const struct ca__gap_search *search, uint64_t *address);

/**
 * struct ca__maps_parser - lines of /proc/self/maps, in pieces of any size
 * @line: the line that has begun
 * @used: bytes of it; the rest of a file name is dropped
 * @used_range: called for each range that is in use, in ascending order
 * @context: for @used_range
 * @stack_room: bytes below the stack that it may grow into
 * @heap_room: bytes above the heap that it may grow into
 */
struct ca__maps_parser {
	char line[256];
	size_t used;
	void (*used_range)(void *context, uint64_t start, uint64_t end);
	void *context;
	uint64_t stack_room;
	uint64_t heap_room;
};

/* maps.c: pure */
int ca__maps_feed(struct ca__maps_parser *parser, const char *text,
		  size_t length);

/**
 * struct ca__place - a mapping to be made
 * @near: place it near this address; NULL: anywhere
 * @reach: with @near: see struct ca__gap_request; 0: the branch reach of the
 *         architecture
 * @length: bytes, a multiple of the page size
 * @prot: PROT_*
 * @flags: MAP_*, without those that fix the address
 * @fd: file, or -1
 * @offset: in the file
 */
struct ca__place {
	const void *near;
	uint64_t reach;
	uint64_t length;
	int prot;
	int flags;
	int fd;
	uint64_t offset;
};

/* place.c */
int ca__place_map(const struct ca__place *place, void **address);
void *ca__sparse_map(uint64_t length, int flags, int fd);

#endif /* CA__PLACE_H */
