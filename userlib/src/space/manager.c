// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Managers: limits for several modules, and the arenas of their code spaces.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arena/backend.h"
#include "space/reservation.h"
#include "space/space.h"

/* As V8: just below 4 GiB, which makes spraying memory with code harder. */
#define CA__MAX_COMMITTED	(4095ULL << 20)

#define CA__RESERVE_FLAGS	(CODEARENA_RESERVE_F_SHARED_WRITER | \
				 CODEARENA_RESERVE_F_PERMANENT)

_Static_assert(sizeof(struct codearena_manager_opts) >= CA__SIZE_MANAGER_OPTS,
	       "structures only grow");
_Static_assert(sizeof(struct codearena_manager_counters) >=
	       CA__SIZE_MANAGER_COUNTERS, "structures only grow");

/*
 * Address of the newest code space of the process. Spaces of all modules are
 * placed close to each other, since branch predictors handle calls over short
 * distances better.
 */
static _Atomic uint64_t ca__last_space;

static int ca__limits_get(struct codearena_manager *m)
{
	uint64_t limit = ca__reservation_limit(m->info.machine);
	uint64_t page = m->info.page_size;

	if (m->info.max_length < limit)
		limit = ca__align_down(m->info.max_length, page);
	if (!m->opts.max_code_space)
		m->opts.max_code_space = limit;
	if (!m->opts.max_committed)
		m->opts.max_committed = CA__MAX_COMMITTED;
	if (!m->opts.growth)
		m->opts.growth = CA__GROWTH;
	if (m->opts.max_code_space > limit ||
	    (m->opts.max_code_space | m->opts.initial_cap) & (page - 1))
		return -EINVAL;
	m->unit = m->info.granule > CA__UNIT ? m->info.granule : CA__UNIT;
	m->critical = m->opts.max_committed / 2;
	return 0;
}

static int ca__manager_setup(struct codearena_manager *manager,
			     const struct codearena_manager_opts *opts)
{
	struct codearena_manager_opts *to = &manager->opts;
	const struct ca__backend *backend;
	int ret;

	ret = ca__struct_get(to, opts, CA__SIZE_MANAGER_OPTS, sizeof(*to));
	if (ret)
		return ret;
	if (to->flags & ~CODEARENA_MANAGER_F_ANYWHERE ||
	    to->arena_flags & ~CA__RESERVE_FLAGS)
		return -EOPNOTSUPP;
	ret = ca__backend_select(to->backend, to->device, &backend,
				 &manager->reason);
	if (!ret)
		ret = backend->probe(to->device, &manager->info);
	if (ret)
		return ret;
	to->backend = backend->id;
	return ca__limits_get(manager);
}

CODEARENA_API int
codearena_manager_new(const struct codearena_manager_opts *opts,
		      struct codearena_manager **out)
{
	struct codearena_manager *manager;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	manager = calloc(1, sizeof(*manager));
	if (!manager)
		return -ENOMEM;
	ret = ca__manager_setup(manager, opts);
	if (ret) {
		free(manager);
		return ret;
	}
	manager->process = ca__owner_current();
	manager->references = 1;
	*out = manager;
	return 0;
}

static void ca__manager_put(struct codearena_manager *manager)
{
	if (atomic_fetch_sub(&manager->references, 1) == 1)
		free(manager);
}

CODEARENA_API void codearena_manager_free(struct codearena_manager *manager)
{
	if (manager)
		ca__manager_put(manager);
}

CODEARENA_API int
codearena_manager_stat(struct codearena_manager *manager,
		       struct codearena_manager_counters *counters)
{
	struct codearena_manager_counters now;

	if (!manager)
		return -EINVAL;
	now = (struct codearena_manager_counters){
		.committed = manager->committed,
		.max_committed = manager->opts.max_committed,
		.critical = manager->critical,
		.reserved = manager->reserved,
		.spaces = manager->spaces,
		.allocators = manager->allocators,
		.page_size = manager->info.page_size,
		.unit = manager->unit,
		.machine = manager->info.machine,
		.backend = manager->info.backend,
	};
	return ca__struct_put(counters, &now, CA__SIZE_MANAGER_COUNTERS,
			      sizeof(now));
}

/**
 * ca__manager_press - call the pressure callback
 * @manager: manager
 *
 * Return: true if the callback freed memory.
 */
bool ca__manager_press(struct codearena_manager *manager)
{
	const struct codearena_manager_opts *opts = &manager->opts;

	return opts->pressure &&
	       !opts->pressure(opts->data, manager, manager->committed,
			       manager->critical);
}

/**
 * ca__manager_check - free memory if much of it is in use
 * @manager: manager
 *
 * If more is committed than the critical mark, calls the pressure callback, and
 * then sets the mark half-way between what is still committed and the limit.
 *
 * Return: 1: the callback was called; 0: there was no need.
 */
int ca__manager_check(struct codearena_manager *manager)
{
	uint64_t committed;

	if (manager->committed <= manager->critical)
		return 0;
	ca__manager_press(manager);
	committed = manager->committed;
	manager->critical = committed +
			    (manager->opts.max_committed - committed) / 2;
	return 1;
}

/**
 * ca__manager_charge - count bytes that are about to be committed
 * @manager: manager
 * @bytes: number of bytes
 *
 * Return: 0; -ENOMEM: the limit would be exceeded.
 */
int ca__manager_charge(struct codearena_manager *manager, uint64_t bytes)
{
	uint64_t old = manager->committed;

	do {
		if (bytes > manager->opts.max_committed - old)
			return -ENOMEM;
	} while (!atomic_compare_exchange_weak(&manager->committed, &old,
					       old + bytes));
	return 0;
}

/**
 * ca__manager_uncharge - count bytes that were decommitted
 * @manager: manager
 * @bytes: number of bytes
 */
void ca__manager_uncharge(struct codearena_manager *manager, uint64_t bytes)
{
	manager->committed -= bytes;
}

/* Ask for a place where every byte reaches every other one, if there is one. */
static void ca__place_near(struct codearena_arena_opts *opts,
			   const struct codearena_region *near)
{
	uint64_t half = near->size / 2;

	if (half >= CA__BRANCH_REACH)
		return;
	opts->near = (const void *)(uintptr_t)(near->begin + half);
	opts->reach = CA__BRANCH_REACH - half;
}

/**
 * ca__manager_arena - make an arena
 * @manager: manager
 * @length: bytes
 * @name: its name
 * @near: NULL, or addresses that all of the arena should reach
 * @arena: gets the arena
 *
 * Return: 0 or a negative errno.
 */
int ca__manager_arena(struct codearena_manager *manager, uint64_t length,
		      const char *name, const struct codearena_region *near,
		      struct codearena_arena **arena)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = name,
		       .device = manager->opts.device,
		       .backend = manager->opts.backend,
		       .flags = manager->opts.arena_flags);
	int ret = -ENOSPC;

	if (near)
		ca__place_near(&opts, near);
	else
		opts.near = (const void *)(uintptr_t)ca__last_space;
	if (manager->opts.flags & CODEARENA_MANAGER_F_ANYWHERE)
		opts.near = NULL;
	if (opts.near)
		ret = codearena_arena_new(length, &opts, arena);
	if (ret == -ENOSPC) {
		opts.near = NULL;
		opts.reach = 0;
		ret = codearena_arena_new(length, &opts, arena);
	}
	if (ret)
		return ret;
	/* The backend was chosen by codearena_manager_new(). */
	(*arena)->reason = manager->reason;
	ca__last_space = (uintptr_t)codearena_arena_base(*arena);
	manager->reserved += length;
	manager->spaces++;
	return 0;
}

/**
 * ca__manager_arena_free - free an arena
 * @manager: manager
 * @arena: from ca__manager_arena()
 */
void ca__manager_arena_free(struct codearena_manager *manager,
			    struct codearena_arena *arena)
{
	manager->reserved -= codearena_arena_length(arena);
	manager->spaces--;
	codearena_arena_free(arena);
}

/**
 * ca__manager_join - take a reference for an allocator
 * @manager: manager
 */
void ca__manager_join(struct codearena_manager *manager)
{
	atomic_fetch_add(&manager->references, 1);
	manager->allocators++;
}

/**
 * ca__manager_leave - drop the reference of an allocator
 * @manager: manager
 */
void ca__manager_leave(struct codearena_manager *manager)
{
	manager->allocators--;
	ca__manager_put(manager);
}
