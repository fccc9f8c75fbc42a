// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocators: the callback for new spaces, windows, placement, descriptions.
 */
#include <string.h>

#include "arch/arch.h"
#include "space/reservation.h"
#include "space/space_helpers.h"

/* Instructions for the callback, and what it saw. */
struct added {
	unsigned int calls;
	size_t last_index;
	unsigned int fail_at;
	bool unbounded;
	bool release;
	int nested;
	struct codearena_region tables[8];
};

static int added(void *data, struct codearena_allocator *allocator,
		 size_t index)
{
	struct codearena_space_info info = space_info(allocator, index);
	struct added *log = data;
	struct codearena_region *table = &log->tables[index % 8];
	uint64_t offset;
	size_t where;

	log->calls++;
	log->last_index = index;
	/* All of the space is free, and it can be found. */
	assert_int_equal(info.free, info.region.size);
	assert_int_equal(codearena_allocator_locate(allocator,
			 info.region.begin, NULL, &offset, &where), 0);
	assert_int_equal(where, index);
	assert_int_equal(codearena_allocator_allocate(allocator, 100,
						      &info.region, table), 0);
	assert_int_equal(table->begin, info.region.begin);
	if (log->unbounded) {
		struct codearena_region r;

		log->nested = codearena_allocator_allocate(allocator,
			info.region.size, NULL, &r);
		assert_int_equal(r.size, 0);
	}
	if (log->release) {
		assert_int_equal(release_one(allocator, *table), 0);
		assert_int_equal(codearena_allocator_allocate(allocator, 100,
				 &info.region, table), 0);
	}
	return log->calls == log->fail_at ? -ECANCELED : 0;
}

static struct codearena_allocator *
allocator_logged(struct codearena_manager *manager, uint64_t bytes,
		 struct added *log)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = bytes,
		       .functions = 1,
		       .space_added = added, .data = log, .name = "spaces");
	struct codearena_allocator *allocator;

	assert_int_equal(codearena_allocator_new(manager, &opts, &allocator),
			 0);
	return allocator;
}

static void space_added_prepares_every_space(void **state)
{
	struct added log = { .unbounded = true, .release = true };
	struct codearena_allocator *a;
	struct codearena_manager *m;
	struct codearena_region r;
	uint64_t page;
	size_t i;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_logged(m, page, &log);
	assert_int_equal(log.calls, 1);
	assert_int_equal(log.nested, -EBUSY);
	for (i = 1; i < 5; i++) {
		while (space_count(a) == i) {
			/* The callback takes some of what was estimated. */
			r = get(a, page / 4);
			assert_false(ca__region_covers(log.tables[0],
							     r));
		}
		assert_int_equal(log.calls, i + 1);
		assert_int_equal(log.last_index, i);
	}
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* A failing callback: the space is freed with all allocations in it. */
static void space_added_fails(void **state)
{
	struct added log = { .fail_at = 2, .release = true };
	struct codearena_allocator_counters before, after;
	struct codearena_region r = { 7, 7 };
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_logged(m, page, &log);
	get(a, page);
	before = allocator_stat(a);
	assert_int_equal(codearena_allocator_allocate(a, page, NULL, &r),
			 -ECANCELED);
	assert_int_equal(r.size, 0);
	after = allocator_stat(a);
	assert_int_equal(after.spaces, 1);
	assert_int_equal(after.reserved, before.reserved);
	assert_int_equal(after.committed, before.committed);
	assert_int_equal(after.live, before.live);
	assert_int_equal(after.waiting, before.waiting);
	check_accounts(m, a);
	assert_int_equal(manager_stat(m).spaces, 1);
	assert_int_equal(manager_stat(m).committed, before.committed);
	assert_int_equal(codearena_allocator_locate(a, log.tables[1].begin,
						    NULL, NULL, NULL), -ENOENT);
	/* The next attempt has the same index. */
	get(a, page);
	assert_int_equal(log.last_index, 1);
	grace(a);
	codearena_allocator_free(a);
	/* And where the very first one fails there is no allocator. */
	log = (struct added){ .fail_at = 1 };
	{
		CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = 1,
			       .space_added = added, .data = &log);

		assert_int_equal(codearena_allocator_new(m, &opts, &a),
				 -ECANCELED);
		assert_null(a);
	}
	assert_int_equal(manager_stat(m).spaces, 0);
	assert_int_equal(manager_stat(m).committed, 0);
	codearena_manager_free(m);
}

/* V8, newer versions: a module without functions reserves nothing. */
static void nothing_is_reserved_for_nothing(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	assert_int_equal(codearena_allocator_new(m, NULL, &a), 0);
	assert_int_equal(space_count(a), 0);
	assert_int_equal(codearena_allocator_locate(a, page, NULL, NULL, NULL),
			 -ENOENT);
	assert_int_equal(codearena_allocator_release(a, NULL, 0, NULL), 0);
	get(a, 1);
	assert_int_equal(space_count(a), 1);
	assert_int_equal(space_info(a, 0).region.size, page);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* With tables there is room for twice their size. */
static void first_space_has_room_for_tables(void **state)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .functions = 10000,
		       .builtins = 100);
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, overhead;

	(void)state;
	m = manager_of(0, &page);
	assert_int_equal(ca__reservation_overhead(manager_stat(m).machine,
							0, 10000, 100,
							&overhead), 0);
	assert_int_equal(codearena_allocator_new(m, &opts, &a), 0);
	assert_int_equal(space_info(a, 0).region.size,
			 (2 * overhead + page - 1) / page * page);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

static void windows_are_cut_to_units(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	struct codearena_region all, r, w;
	uint64_t page, unit;

	(void)state;
	m = manager_of(0, &page);
	unit = manager_stat(m).unit;
	a = allocator_of(m, 2 * page);
	all = space_info(a, 0).region;
	w = (struct codearena_region){ all.begin + 1, 3 * unit - 2 };
	assert_int_equal(codearena_allocator_allocate(a, unit, &w, &r), 0);
	assert_int_equal(r.begin, all.begin + unit);
	assert_int_equal(codearena_allocator_allocate(a, unit, &w, &r),
			 -ENOSPC);
	assert_int_equal(r.size, 0);
	w = (struct codearena_region){ all.begin + 1, unit };
	assert_int_equal(codearena_allocator_allocate(a, unit, &w, &r),
			 -ENOSPC);
	w = (struct codearena_region){ UINT64_MAX - 1, 1 };
	assert_int_equal(codearena_allocator_allocate(a, unit, &w, &r),
			 -ENOSPC);
	w = (struct codearena_region){ UINT64_MAX - 1, 2 };
	assert_int_equal(codearena_allocator_allocate(a, unit, &w, &r),
			 -EOVERFLOW);
	/* In the middle of a page that is committed in part, and over two. */
	w = (struct codearena_region){ all.begin + page - unit, 2 * unit };
	assert_int_equal(codearena_allocator_allocate(a, 2 * unit, &w, &r), 0);
	assert_int_equal(allocator_stat(a).committed, 2 * page);
	assert_int_equal(space_count(a), 1);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* Spaces of one allocator are within branch reach of each other. */
static void spaces_are_placed_near(void **state)
{
	struct codearena_allocator *a, *b;
	struct codearena_manager *m;
	uint64_t page, low = UINT64_MAX, high = 0;
	size_t i;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, page);
	b = allocator_of(m, page);
	for (i = 0; i < 20; i++) {
		get(a, 16 * page);
		get(b, 16 * page);
	}
	assert_true(space_count(a) > 4);
	for (i = 0; i < space_count(a); i++) {
		struct codearena_region r = space_info(a, i).region;

		low = r.begin < low ? r.begin : low;
		high = r.begin + r.size > high ? r.begin + r.size : high;
	}
	assert_true(high - low <= CA__BRANCH_REACH);
	/* Allocations came from several spaces, and each is found again. */
	for (i = 0; i < space_count(a); i++) {
		struct codearena_space_info info = space_info(a, i);
		struct codearena_arena *arena;
		uint64_t offset;
		size_t index;

		assert_int_equal(codearena_allocator_locate(a,
				 info.region.begin + 5, &arena, &offset,
				 &index), 0);
		assert_ptr_equal(arena, info.arena);
		assert_int_equal(offset, 5);
		assert_int_equal(index, i);
	}
	check_accounts(NULL, a);
	check_accounts(NULL, b);
	codearena_allocator_free(a);
	codearena_allocator_free(b);
	codearena_manager_free(m);
}

static void placement_can_be_left_out(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts,
		       .flags = CODEARENA_MANAGER_F_ANYWHERE);
	struct codearena_allocator *a;
	struct codearena_manager *m;

	(void)state;
	assert_int_equal(codearena_manager_new(&opts, &m), 0);
	a = allocator_of(m, 1);
	get(a, 1 << 20);
	assert_int_equal(space_count(a), 2);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* A region may not span two spaces that happen to touch. */
static void regions_never_span_spaces(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;
	size_t i, k;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, page);
	for (i = 0; i < 40; i++) {
		struct codearena_region r = get(a, 3 * page / 4);
		bool inside = false;

		for (k = 0; k < space_count(a); k++)
			inside |= ca__region_covers(
				space_info(a, k).region, r);
		assert_true(inside);
	}
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* Options of callers that know more, or less, than this library. */
static void options_grow(void **state)
{
	struct {
		struct codearena_manager_opts known;
		uint8_t more;
	} m_opts = { .known = { .sz = sizeof(m_opts) } };
	struct {
		struct codearena_allocator_opts known;
		uint8_t more;
	} a_opts = { .known = { .sz = sizeof(a_opts) } };
	struct codearena_allocator *a;
	struct codearena_manager *m;

	(void)state;
	m_opts.more = 1;
	assert_int_equal(codearena_manager_new(&m_opts.known, &m), -E2BIG);
	m_opts.more = 0;
	assert_int_equal(codearena_manager_new(&m_opts.known, &m), 0);
	a_opts.more = 1;
	assert_int_equal(codearena_allocator_new(m, &a_opts.known, &a), -E2BIG);
	a_opts.more = 0;
	assert_int_equal(codearena_allocator_new(m, &a_opts.known, &a), 0);
	codearena_allocator_free(a);
	a_opts.known.sz = CA__SIZE_ALLOCATOR_OPTS - 1;
	assert_int_equal(codearena_allocator_new(m, &a_opts.known, &a),
			 -EINVAL);
	codearena_manager_free(m);
	m_opts.known.sz = CA__SIZE_MANAGER_OPTS - 1;
	assert_int_equal(codearena_manager_new(&m_opts.known, &m), -EINVAL);
}

/* Results of any size: what this library does not know is 0. */
static void results_grow(void **state)
{
	union {
		size_t sz;
		struct codearena_manager_counters manager;
		struct codearena_allocator_counters allocator;
		struct codearena_space_info space;
		uint8_t byte[128];
	} to;
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, 1);
	memset(&to, 0xff, sizeof(to));
	to.sz = sizeof(to);
	assert_int_equal(codearena_manager_stat(m, &to.manager), 0);
	assert_int_equal(to.sz, sizeof(to));
	assert_int_equal(to.manager.spaces, 1);
	assert_int_equal(to.byte[127], 0);
	memset(&to, 0xff, sizeof(to));
	to.sz = sizeof(to);
	assert_int_equal(codearena_allocator_stat(a, &to.allocator), 0);
	assert_int_equal(to.sz, sizeof(to));
	assert_int_equal(to.allocator.spaces, 1);
	assert_int_equal(to.byte[127], 0);
	memset(&to, 0xff, sizeof(to));
	to.sz = sizeof(to);
	assert_int_equal(codearena_allocator_space(a, 0, &to.space), 0);
	assert_int_equal(to.sz, sizeof(to));
	assert_int_equal(to.space.region.size, allocator_stat(a).reserved);
	assert_int_equal(to.byte[127], 0);
	to.sz = CA__SIZE_MANAGER_COUNTERS - 1;
	assert_int_equal(codearena_manager_stat(m, &to.manager), -EINVAL);
	to.sz = CA__SIZE_ALLOCATOR_COUNTERS - 1;
	assert_int_equal(codearena_allocator_stat(a, &to.allocator), -EINVAL);
	to.sz = CA__SIZE_SPACE_INFO - 1;
	assert_int_equal(codearena_allocator_space(a, 0, &to.space), -EINVAL);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

static void allocator_refuses(void **state)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts);
	CODEARENA_OPTS(codearena_space_info, info);
	CODEARENA_OPTS(codearena_allocator_counters, stat);
	struct codearena_allocator *a = (void *)1;
	struct codearena_manager *m;
	struct codearena_region r;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	assert_int_equal(codearena_allocator_new(NULL, &opts, &a), -EINVAL);
	assert_null(a);
	assert_int_equal(codearena_allocator_new(m, &opts, NULL), -EINVAL);
	opts.jump_flags = 1U << 31;
	assert_int_equal(codearena_allocator_new(m, &opts, &a), -EOPNOTSUPP);
	opts.jump_flags = 0;
	opts.functions = UINT32_MAX;
	opts.builtins = UINT32_MAX;
	assert_int_equal(codearena_allocator_new(m, &opts, &a), -EOVERFLOW);
	opts.functions = 0;
	opts.builtins = 0;
	opts.name = "\n";
	assert_int_equal(codearena_allocator_new(m, &opts, &a), -EINVAL);
	opts.name = "a name of more than thirty-one characters";
	assert_int_equal(codearena_allocator_new(m, &opts, &a), -EINVAL);
	opts.name = NULL;
	opts.sz = 3;
	assert_int_equal(codearena_allocator_new(m, &opts, &a), -EINVAL);
	assert_int_equal(manager_stat(m).allocators, 0);
	a = allocator_of(m, 1);
	assert_int_equal(codearena_allocator_allocate(NULL, 1, NULL, &r),
			 -EINVAL);
	assert_int_equal(codearena_allocator_allocate(a, 0, NULL, &r), -EINVAL);
	assert_int_equal(codearena_allocator_allocate(a, 1, NULL, NULL),
			 -EINVAL);
	assert_int_equal(codearena_allocator_space(a, 1, &info), -ENOENT);
	assert_int_equal(codearena_allocator_space(a, 0, NULL), -EINVAL);
	assert_int_equal(codearena_allocator_space(NULL, 0, &info), -EINVAL);
	info.sz = 1;
	assert_int_equal(codearena_allocator_space(a, 0, &info), -EINVAL);
	assert_int_equal(codearena_allocator_stat(NULL, &stat), -EINVAL);
	stat.sz = 1;
	assert_int_equal(codearena_allocator_stat(a, &stat), -EINVAL);
	codearena_allocator_free(NULL);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_added_prepares_every_space),
		cmocka_unit_test(space_added_fails),
		cmocka_unit_test(nothing_is_reserved_for_nothing),
		cmocka_unit_test(first_space_has_room_for_tables),
		cmocka_unit_test(windows_are_cut_to_units),
		cmocka_unit_test(spaces_are_placed_near),
		cmocka_unit_test(placement_can_be_left_out),
		cmocka_unit_test(regions_never_span_spaces),
		cmocka_unit_test(options_grow),
		cmocka_unit_test(results_grow),
		cmocka_unit_test(allocator_refuses),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
