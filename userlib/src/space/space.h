/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Managers, allocators and code spaces.
 *
 * Locking:
 *
 * - A manager has no lock: its counters are atomic, the rest is constant after
 *   codearena_manager_new(). Its maker and each of its allocators hold a
 *   reference.
 * - An allocator has one mutex, which protects it and its spaces. The callback
 *   for new spaces runs with it held, so that no other thread sees an incomplete
 *   space, and calls back into the allocator; therefore it is recursive. The
 *   locks of arenas nest inside.
 * - The table of spaces is read without the lock: it is replaced as a whole, and
 *   old tables are kept until the allocator is freed.
 */
#ifndef CA__SPACE_H
#define CA__SPACE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "codearena/module.h"
#include "arena/arena.h"
#include "pool/pool.h"

/* What V8 aligns code to on x86-64, and the smallest granule. */
#define CA__UNIT	64

/* Default of &struct codearena_manager_opts.growth. */
#define CA__GROWTH	4

/* Sizes of public structures in the first release. */
#define CA__SIZE_ESTIMATE_COSTS		32
#define CA__SIZE_ESTIMATE		48
#define CA__SIZE_MANAGER_OPTS		72
#define CA__SIZE_MANAGER_COUNTERS	72
#define CA__SIZE_ALLOCATOR_OPTS		56
#define CA__SIZE_ALLOCATOR_COUNTERS	72
#define CA__SIZE_SPACE_INFO		48

/**
 * struct codearena_manager - the public object
 * @opts: options, with defaults in place of 0
 * @info: of the backend
 * @reason: why it is the fallback; see &struct codearena_arena
 * @process: number of the address space that made it
 * @unit: what sizes are rounded up to
 * @references: its maker's, and one per allocator
 * @committed: bytes committed
 * @critical: see ca__manager_check()
 * @reserved: bytes of all spaces
 * @spaces: number of them
 * @allocators: number of them
 */
struct codearena_manager {
	struct codearena_manager_opts opts;
	struct codearena_info info;
	int reason;
	uint64_t process;
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
 * @index: number of spaces made before it
 * @live: a word per page, a bit per granule: it is allocated
 * @backed: a bit per page: it is committed
 * @pool: free regions
 * @committed: bytes committed
 * @ahead: first page that was committed ahead and not used since
 * @ahead_end: the page after the last of them; equal to @ahead if there are none
 * @pieces: number of regions in which the allocated bytes will be released, as
 *          announced
 * @waiting: its regions that wait for the end of a grace
 * @releasing: its regions that the current call releases
 * @next_dead: the next space that was given up
 *
 * @pool always has memory for @pieces + @waiting more regions.
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
 * struct ca__spaces - all spaces of an allocator; constant
 * @count: number of spaces
 * @next: the previous table
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
 * @epoch: number of graces that had begun when it was released
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
 * @count: number of waiters
 */
struct ca__queue {
	struct ca__waiter *entry;
	size_t size;
	size_t first;
	size_t count;
};

/**
 * struct codearena_allocator - the public object
 * @manager: its manager; holds a reference
 * @process: number of the address space that made it; immutable
 * @opts: options; their name is not used
 * @name: copy of the name
 * @overhead: bytes of jump tables in a space
 * @lock: see above
 * @spaces: table of spaces
 * @dead: spaces that were given up
 * @growing: the callback for a new space is running
 * @queue: regions that wait for the end of a grace
 * @pieces: sum of the pieces of all spaces
 * @epoch: number of graces that have begun
 * @stat: counters, except @committed and @free, which the spaces have
 */
struct codearena_allocator {
	struct codearena_manager *manager;
	uint64_t process;
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
	struct codearena_allocator_counters stat;
};

/* manager.c */
int ca__manager_check(struct codearena_manager *manager);
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
void ca__spaces_leave(struct codearena_allocator *allocator);
void ca__spaces_destroy(struct codearena_allocator *allocator);

/* allocator_release.c */
int ca__allocator_divide(struct codearena_allocator *allocator,
			 struct codearena_region region, size_t pieces);
int ca__allocator_release(struct codearena_allocator *allocator,
			  const struct codearena_region *regions,
			  const size_t *pieces, size_t count);

/* allocator_grace.c */
int ca__queue_reserve(struct ca__queue *queue, size_t more);
void ca__queue_put(struct ca__queue *queue, const struct ca__waiter *waiter);
uint64_t ca__queue_purge(struct ca__queue *queue,
			 const struct ca__space *space);

/* As ca__module_check(). */
static inline int
ca__allocator_check(const struct codearena_allocator *allocator)
{
	if (!allocator)
		return -EINVAL;
	return ca__inherited(allocator->process) ? -EPERM : 0;
}

static inline void ca__allocator_lock(struct codearena_allocator *allocator)
{
	pthread_mutex_lock(&allocator->lock);
}

static inline void ca__allocator_unlock(struct codearena_allocator *allocator)
{
	pthread_mutex_unlock(&allocator->lock);
}

#endif /* CA__SPACE_H */
