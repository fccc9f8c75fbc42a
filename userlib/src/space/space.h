/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the files of managers and allocators share.
 *
 * Who protects what:
 *
 * - A manager has no lock. Its counters are atomic; the rest does not change
 *   after codearena_manager_new(). It is referenced by its maker and by each of
 *   its allocators.
 * - An allocator has one mutex, for all of it and of its spaces. It is taken
 *   again by the callback for new spaces, which runs with it held, so that no
 *   other thread gets hold of a space that is not complete; therefore it is
 *   recursive. It is held while arenas are changed, whose own locks nest
 *   inside.
 * - The table of spaces is read without the lock: it is replaced as a whole,
 *   and old ones are kept until the allocator is freed.
 */
#ifndef CA__SPACE_H
#define CA__SPACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "codearena/module.h"
#include "arena/arena.h"
#include "pool/pool.h"

/* What V8 aligns code to on x86-64, and what a granule is at least. */
#define CA__UNIT	64

#define CA__GROWTH	4

/**
 * struct codearena_manager - the public object
 * @opts: as they were given, with numbers in place of every 0
 * @info: of the backend, which is decided
 * @unit: what sizes are rounded up to
 * @references: who needs it
 * @committed: bytes committed
 * @critical: see codearena_manager_check()
 * @reserved: bytes of all spaces
 * @spaces: number of them
 * @allocators: number of them
 */
struct codearena_manager {
	struct codearena_manager_opts opts;
	struct codearena_info info;
	uint32_t unit;
	atomic_size_t references;
	_Atomic uint64_t committed;
	_Atomic uint64_t critical;
	_Atomic uint64_t reserved;
	_Atomic uint64_t spaces;
	_Atomic uint64_t allocators;
};

/**
 * struct ca__space - a code space
 * @arena: its arena
 * @region: its addresses
 * @index: how many were made before it
 * @live: a word for every page, a bit for every granule: it is given out
 * @backed: a bit for every page: it is committed
 * @pool: what can be given out
 * @committed: bytes committed
 * @ahead: first of the pages that were committed ahead, and not used since
 * @ahead_end: the page behind the last of them; @ahead: there are none
 * @pieces: as how many regions what is given out is released, as far as known
 * @waiting: regions of it that wait for the end of a grace
 * @releasing: regions of it that a call is about to release
 * @next_dead: the next one of those that were given up
 *
 * @pool has room for @pieces + @waiting regions more, at all times.
 */
struct ca__space {
	struct codearena_arena *arena;
	struct codearena_region region;
	size_t index;
	uint64_t *live;
	uint64_t *backed;
	struct ca__pool *pool;
	uint64_t committed;
	uint64_t ahead;
	uint64_t ahead_end;
	size_t pieces;
	size_t waiting;
	size_t releasing;
	struct ca__space *next_dead;
};

/**
 * struct ca__spaces - all spaces of an allocator, does not change
 * @count: how many
 * @next: the table before this one
 * @space: in order of address
 */
struct ca__spaces {
	size_t count;
	struct ca__spaces *next;
	struct ca__space *space[];
};

/**
 * struct ca__waiter - a region that waits for the end of a grace
 * @region: the region
 * @space: where it lies
 * @epoch: graces that had begun when it was released
 */
struct ca__waiter {
	struct codearena_region region;
	struct ca__space *space;
	uint64_t epoch;
};

/**
 * struct ca__queue - ring of waiters, oldest first
 * @entry: the ring
 * @size: entries of it
 * @first: index of the oldest
 * @count: how many wait
 */
struct ca__queue {
	struct ca__waiter *entry;
	size_t size;
	size_t first;
	size_t count;
};

/**
 * struct codearena_allocator - the public object
 * @manager: its manager, referenced
 * @opts: as they were given; @name is a copy
 * @name: copy of the name
 * @overhead: bytes of jump tables in a space
 * @lock: see above
 * @spaces: table of spaces
 * @dead: spaces that were given up
 * @growing: the callback for a new space is running
 * @queue: regions that wait
 * @pieces: sum of the pieces of all spaces
 * @epoch: graces that have begun
 * @stat: counters; @reserved, @committed and @free are not kept here
 */
struct codearena_allocator {
	struct codearena_manager *manager;
	struct codearena_allocator_opts opts;
	uint8_t name[CODEARENA_NAME_LEN];
	uint64_t overhead;
	pthread_mutex_t lock;
	_Atomic(struct ca__spaces *) spaces;
	struct ca__space *dead;
	bool growing;
	struct ca__queue queue;
	size_t pieces;
	uint64_t epoch;
	struct codearena_allocator_stat stat;
};

/* manager.c */
int ca__manager_charge(struct codearena_manager *manager, uint64_t bytes);
void ca__manager_uncharge(struct codearena_manager *manager, uint64_t bytes);
int ca__manager_arena(struct codearena_manager *manager, uint64_t length,
		      const char *name, const struct codearena_region *near,
		      struct codearena_arena **arena);
void ca__manager_arena_free(struct codearena_manager *manager,
			    struct codearena_arena *arena);
void ca__manager_join(struct codearena_manager *manager);
void ca__manager_leave(struct codearena_manager *manager);
bool ca__manager_press(struct codearena_manager *manager);

/* space.c */
int ca__space_new(struct codearena_manager *manager, uint64_t length,
		  const char *name, const struct codearena_region *near,
		  struct ca__space **out);
void ca__space_close(struct codearena_manager *manager,
		     struct ca__space *space);
int ca__space_commit(struct codearena_manager *manager,
		     struct ca__space *space, struct codearena_region region,
		     uint64_t ahead);
void ca__space_decommit(struct codearena_manager *manager,
			struct ca__space *space,
			struct codearena_region region);
void ca__space_decommitted(struct codearena_manager *manager,
			   struct ca__space *space,
			   struct codearena_region region);
void ca__space_mark(struct ca__space *space, struct codearena_region region,
		    bool live);
bool ca__space_is_live(const struct ca__space *space,
		       struct codearena_region region);

/* allocator_spaces.c */
struct ca__spaces *ca__spaces_get(const struct codearena_allocator *allocator);
struct ca__space *ca__spaces_find(const struct ca__spaces *spaces,
				  uint64_t address);
int ca__spaces_grow(struct codearena_allocator *allocator, uint64_t size);
void ca__spaces_destroy(struct codearena_allocator *allocator);

/* allocator_release.c */
int ca__allocator_release(struct codearena_allocator *allocator,
			  const struct codearena_region *regions,
			  const size_t *pieces, size_t count);

/* allocator_grace.c */
int ca__queue_reserve(struct ca__queue *queue, size_t more);
void ca__queue_put(struct ca__queue *queue, const struct ca__waiter *waiter);
uint64_t ca__queue_purge(struct ca__queue *queue,
			 const struct ca__space *space);

static inline void ca__allocator_lock(struct codearena_allocator *allocator)
{
	pthread_mutex_lock(&allocator->lock);
}

static inline void ca__allocator_unlock(struct codearena_allocator *allocator)
{
	pthread_mutex_unlock(&allocator->lock);
}

#endif /* CA__SPACE_H */
