/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables, from the inside.
 */
#ifndef CA__HANDLE_H
#define CA__HANDLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "codearena/module.h"

/* Sizes in the first release. */
#define CA__SIZE_HANDLE_TABLE_OPTS	16
#define CA__SIZE_HANDLE_TABLE_COUNTERS	48

_Static_assert(sizeof(struct codearena_handle_table_opts) >=
	       CA__SIZE_HANDLE_TABLE_OPTS &&
	       sizeof(struct codearena_handle_table_counters) >=
	       CA__SIZE_HANDLE_TABLE_COUNTERS, "structures only grow");

#define CA__HANDLE_MAX		(1U << 24)
#define CA__HANDLE_DEFAULT	(1U << 23)
#define CA__SEGMENT_ENTRIES	(CODEARENA_HANDLE_SEGMENT / \
				 CODEARENA_HANDLE_SIZE)

/**
 * struct ca__entry - entry of a table, as generated code sees it
 * @entry: entry point; 0: free
 * @signature: of the function; in a free entry the link to the next one
 *
 * Only atomic loads and stores.
 */
struct ca__entry {
	uint64_t entry;
	uint64_t signature;
};

/**
 * struct ca__native - handle of a native function
 * @address: of the function; 0: this slot of the hash table is empty
 * @signature: of the function
 * @handle: the handle
 */
struct ca__native {
	uint64_t address;
	uint64_t signature;
	codearena_handle handle;
};

/**
 * struct codearena_handle_table - the public object
 * @entries: the reservation; immutable
 * @max: maximum number of entries; immutable
 * @segments: segments of @max entries; immutable
 * @head: list of free entries, see handle.c; atomic
 * @free: length of that list; atomic, temporarily too large during operations
 * @used: allocated entries; atomic
 * @usable: accessible segments, from the first; atomic, only grows
 * @process: number of the address space that made it; immutable
 * @turn: held by the thread that waits for @lock, see ca__handle_lock()
 * @lock: serialises growing and sweeping; protects @dropped and @drops
 * @dropped: per segment: accessible, but not in use
 * @drops: number of these
 * @native_lock: outside of @turn and @lock; protects the natives
 * @natives: hash table; NULL: none yet
 * @native_room: slots of @natives, a power of two
 * @native_count: slots in use
 * @is_native: a bit per entry, atomic; set under @native_lock
 */
struct codearena_handle_table {
	struct ca__entry *entries;
	uint32_t max;
	uint32_t segments;
	uint64_t head;
	uint64_t free;
	uint64_t used;
	uint32_t usable;
	uint64_t process;
	pthread_mutex_t turn;
	pthread_mutex_t lock;
	uint8_t *dropped;
	uint32_t drops;
	pthread_mutex_t native_lock;
	struct ca__native *natives;
	size_t native_room;
	size_t native_count;
	uint64_t *is_native;
};

/* handle.c */
int ca__handle_allocate(struct codearena_handle_table *table, uint64_t entry,
			uint64_t signature, codearena_handle *out);
int ca__handle_set(struct codearena_handle_table *table,
		   codearena_handle handle, uint64_t entry);
int ca__handle_get(const struct codearena_handle_table *table,
		   codearena_handle handle, uint64_t *entry,
		   uint64_t *signature);
int ca__handle_release(struct codearena_handle_table *table,
		       codearena_handle handle);

/* handle.c: a link is the index of an entry + 1, or 0 */
bool ca__handle_pop(struct codearena_handle_table *table, uint32_t *index);
void ca__handle_push(struct codearena_handle_table *table, uint32_t first,
		     uint32_t last);
uint32_t ca__handle_unlink(struct codearena_handle_table *table);
uint32_t ca__handle_next(const struct codearena_handle_table *table,
			 uint32_t link);
void ca__handle_set_next(struct codearena_handle_table *table, uint32_t link,
			 uint32_t next);

/* handle_segment.c */
int ca__handle_grow(struct codearena_handle_table *table, uint32_t *index);

/* handle_native.c */
bool ca__handle_is_native(const struct codearena_handle_table *table,
			  uint32_t index);

#endif /* CA__HANDLE_H */
