/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of managers and allocators share.
 */
#ifndef TEST_SPACE_HELPERS_H
#define TEST_SPACE_HELPERS_H

#include "pool/pool.h"
#include "space/space.h"
#include "lib/helpers.h"

static inline struct codearena_manager_counters
manager_stat(struct codearena_manager *manager)
{
	CODEARENA_OPTS(codearena_manager_counters, stat);

	assert_int_equal(codearena_manager_stat(manager, &stat), 0);
	return stat;
}

static inline struct codearena_allocator_counters
allocator_stat(struct codearena_allocator *allocator)
{
	CODEARENA_OPTS(codearena_allocator_counters, stat);

	assert_int_equal(codearena_allocator_stat(allocator, &stat), 0);
	return stat;
}

static inline size_t space_count(struct codearena_allocator *allocator)
{
	return allocator_stat(allocator).spaces;
}

static inline struct codearena_space_info
space_info(struct codearena_allocator *allocator, size_t index)
{
	CODEARENA_OPTS(codearena_space_info, info);

	assert_int_equal(codearena_allocator_space(allocator, index, &info), 0);
	return info;
}

/* A manager of so many pages; 0: the usual number. */
static inline struct codearena_manager *manager_of(uint64_t pages,
						   uint64_t *page)
{
	CODEARENA_OPTS(codearena_manager_opts, opts);
	struct codearena_manager *manager;

	assert_int_equal(codearena_manager_new(NULL, &manager), 0);
	*page = manager_stat(manager).page_size;
	if (!pages)
		return manager;
	codearena_manager_free(manager);
	opts.max_committed = pages * *page;
	assert_int_equal(codearena_manager_new(&opts, &manager), 0);
	return manager;
}

/* An allocator whose first space has so many bytes. */
static inline struct codearena_allocator *
allocator_of(struct codearena_manager *manager, uint64_t bytes)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = bytes);
	struct codearena_allocator *allocator;

	assert_int_equal(codearena_allocator_new(manager, &opts, &allocator),
			 0);
	return allocator;
}

static inline struct codearena_region
get(struct codearena_allocator *allocator, uint64_t size)
{
	struct codearena_region r;

	assert_int_equal(codearena_allocator_allocate(allocator, size, NULL,
						      &r), 0);
	return r;
}

static inline int release_one(struct codearena_allocator *allocator,
			      struct codearena_region region)
{
	return codearena_allocator_release(allocator, &region, 1, NULL);
}

/* End a grace that has begun after everything so far. */
static inline void grace(struct codearena_allocator *allocator)
{
	uint64_t cookie = codearena_allocator_grace_begin(allocator);

	assert_int_equal(codearena_allocator_grace_end(allocator, cookie), 0);
}

/* All counters agree with each other and with the arenas. */
static inline void check_accounts(struct codearena_manager *manager,
				  struct codearena_allocator *allocator)
{
	struct codearena_allocator_counters stat = allocator_stat(allocator);
	uint64_t committed = 0, reserved = 0;
	size_t i;

	for (i = 0; i < stat.spaces; i++) {
		struct codearena_space_info info = space_info(allocator, i);

		assert_int_equal(info.committed,
				 stat_of(info.arena).out_committed);
		committed += info.committed;
		reserved += info.region.size;
	}
	assert_int_equal(stat.committed, committed);
	assert_int_equal(stat.reserved, reserved);
	assert_int_equal(stat.live + stat.waiting + stat.free, reserved);
	assert_int_equal(stat.generated - stat.released, stat.live);
	if (manager)
		assert_int_equal(manager_stat(manager).committed, committed);
}

#endif /* TEST_SPACE_HELPERS_H */
