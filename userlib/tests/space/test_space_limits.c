// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Limits of managers and allocators: what V8's tests of its code manager
 * checked, by the names they had there; where V8 dies there is an errno here.
 */
#include "space/space_helpers.h"

static uint64_t left(struct codearena_manager *manager)
{
	struct codearena_manager_counters stat = manager_stat(manager);

	return stat.max_committed - stat.committed;
}

static void expect_none(struct codearena_allocator *allocator, uint64_t size,
			const struct codearena_region *window, int error)
{
	struct codearena_allocator_counters before = allocator_stat(allocator);
	struct codearena_allocator_counters after;
	struct codearena_region r = { 7, 7 };

	assert_int_equal(codearena_allocator_allocate(allocator, size, window,
						      &r), error);
	assert_int_equal(r.begin, 0);
	assert_int_equal(r.size, 0);
	after = allocator_stat(allocator);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* V8: EmptyCase. No byte may be committed. */
static void empty_case(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts, .max_committed = 1);
	struct codearena_allocator *a;
	struct codearena_manager *m;

	(void)state;
	assert_int_equal(codearena_manager_new(&opts, &m), 0);
	a = allocator_of(m, 1);
	expect_none(a, 1, NULL, -ENOMEM);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* V8: AllocateAndGoOverLimit. The first region is the jump table. */
static void allocate_and_go_over_limit(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, unit;

	(void)state;
	m = manager_of(1, &page);
	unit = manager_stat(m).unit;
	a = allocator_of(m, 2 * page);
	assert_int_equal(left(m), page);
	get(a, unit);
	assert_int_equal(left(m), 0);
	get(a, unit);
	get(a, 3 * unit);
	get(a, page - 5 * unit);
	assert_int_equal(left(m), 0);
	expect_none(a, unit, NULL, -ENOMEM);
	check_accounts(m, a);
	codearena_allocator_free(a);
	assert_int_equal(left(m), page);
	codearena_manager_free(m);
}

/* V8: TotalLimitIrrespectiveOfModuleCount */
static void total_limit_irrespective_of_module_count(void **state)
{
	struct codearena_allocator *a, *b;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_of(3, &page);
	a = allocator_of(m, 2 * page);
	b = allocator_of(m, 2 * page);
	get(a, 2 * page);
	expect_none(b, 2 * page, NULL, -ENOMEM);
	/* Smaller allocations still succeed. */
	get(b, page);
	codearena_allocator_free(a);
	get(b, page);
	codearena_allocator_free(b);
	codearena_manager_free(m);
}

/* V8: DifferentHeapsApplyLimitsIndependently */
static void different_heaps_apply_limits_independently(void **state)
{
	struct codearena_allocator *a, *b;
	struct codearena_manager *m, *n;
	uint64_t page;

	(void)state;
	m = manager_of(1, &page);
	n = manager_of(2, &page);
	a = allocator_of(m, page);
	b = allocator_of(n, page);
	get(a, page);
	assert_int_equal(left(m), 0);
	assert_int_equal(left(n), 2 * page);
	get(b, page);
	assert_int_equal(left(n), page);
	codearena_allocator_free(a);
	codearena_allocator_free(b);
	codearena_manager_free(m);
	codearena_manager_free(n);
}

/* V8: GrowingVsFixedModule. A window makes an allocation fixed. */
static void growing_vs_fixed_module(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	struct codearena_region window, r;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, page);
	window = space_info(a, 0).region;
	assert_int_equal(window.size, page);
	assert_int_equal(codearena_allocator_allocate(a, page, &window, &r), 0);
	expect_none(a, 1, &window, -ENOSPC);
	r = get(a, page);
	assert_false(ca__region_contains(window, r.begin));
	assert_int_equal(space_count(a), 2);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* V8: CommitIncrements */
static void commit_increments(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, unit;

	(void)state;
	m = manager_of(10, &page);
	unit = manager_stat(m).unit;
	a = allocator_of(m, 3 * page);
	get(a, unit);
	get(a, unit);
	assert_int_equal(left(m), 9 * page);
	get(a, 2 * page);
	assert_int_equal(left(m), 7 * page);
	get(a, page - 2 * unit);
	assert_int_equal(left(m), 7 * page);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* V8: Lookup, as far as it is about spaces */
static void lookup(void **state)
{
	struct codearena_arena *arena = NULL;
	struct codearena_allocator *a;
	struct codearena_manager *m;
	struct codearena_region r;
	uint64_t page, offset = 7;
	size_t index = 7;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, 2 * page);
	r = space_info(a, 0).region;
	assert_int_equal(codearena_allocator_locate(a, r.begin - 1, &arena,
						    &offset, &index), -ENOENT);
	assert_int_equal(codearena_allocator_locate(a, r.begin + r.size, &arena,
						    &offset, &index), -ENOENT);
	assert_null(arena);
	assert_int_equal(offset, 7);
	assert_int_equal(codearena_allocator_locate(a, r.begin + r.size - 1,
						    &arena, &offset, &index),
			 0);
	assert_ptr_equal(arena, space_info(a, 0).arena);
	assert_int_equal(offset, r.size - 1);
	assert_int_equal(index, 0);
	assert_int_equal(codearena_allocator_locate(a, r.begin, NULL, NULL,
						    NULL), 0);
	assert_int_equal(codearena_allocator_locate(NULL, r.begin, NULL, NULL,
						    NULL), -EINVAL);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* V8: MultiManagerLookup */
static void multi_manager_lookup(void **state)
{
	struct codearena_allocator *a, *b;
	struct codearena_manager *m, *n;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	n = manager_of(0, &page);
	a = allocator_of(m, page);
	b = allocator_of(n, page);
	assert_int_equal(codearena_allocator_locate(a, get(b, 1).begin, NULL,
						    NULL, NULL), -ENOENT);
	assert_int_equal(codearena_allocator_locate(b, get(a, 1).begin, NULL,
						    NULL, NULL), -ENOENT);
	codearena_allocator_free(a);
	codearena_allocator_free(b);
	codearena_manager_free(m);
	codearena_manager_free(n);
}

/* The largest code space is too small for the code with its tables. */
static void largest_code_space(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts);
	CODEARENA_OPTS(codearena_allocator_opts, with, .functions = 1);
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, unit;

	(void)state;
	m = manager_of(0, &page);
	unit = manager_stat(m).unit;
	codearena_manager_free(m);
	opts.max_code_space = 2 * page;
	assert_int_equal(codearena_manager_new(&opts, &m), 0);
	a = allocator_of(m, page * 100);
	assert_int_equal(space_info(a, 0).region.size, 2 * page);
	expect_none(a, 2 * page + 1, NULL, -ENOSPC);
	expect_none(a, UINT64_MAX, NULL, -EOVERFLOW);
	expect_none(a, UINT64_MAX - unit + 1, NULL, -ENOSPC);
	get(a, 2 * page);
	get(a, 2 * page);
	codearena_allocator_free(a);
	assert_int_equal(codearena_allocator_new(m, &with, &a), 0);
	expect_none(a, 2 * page, NULL, -ENOSPC);
	codearena_allocator_free(a);
	/* Tables that take more than half of it: V8 dies. */
	with.functions = 2 * page;
	assert_int_equal(codearena_allocator_new(m, &with, &a), -ENOSPC);
	assert_null(a);
	assert_int_equal(manager_stat(m).allocators, 0);
	codearena_manager_free(m);
}

/* A new space has a quarter of the others, and at least what is needed. */
static void spaces_grow_exponentially(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;
	size_t i;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, 16 * page);
	for (i = 1; i < 5; i++) {
		uint64_t total = allocator_stat(a).reserved;

		while (space_count(a) == i)
			get(a, page);
		assert_int_equal(space_info(a, i).region.size,
				 (total / 4 + page - 1) / page * page);
	}
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

static void initial_cap(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts);
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	codearena_manager_free(manager_of(0, &page));
	opts.initial_cap = page;
	opts.growth = 1;
	assert_int_equal(codearena_manager_new(&opts, &m), 0);
	a = allocator_of(m, 100 * page);
	assert_int_equal(space_info(a, 0).region.size, page);
	get(a, 3 * page);
	assert_int_equal(space_info(a, 1).region.size, 3 * page);
	get(a, 1);
	get(a, page);
	assert_int_equal(space_info(a, 2).region.size, 4 * page);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

struct pressure {
	unsigned int calls;
	uint64_t committed;
	uint64_t critical;
	struct codearena_allocator *victim;
	int answer;
};

static int pressure(void *data, struct codearena_manager *manager,
		    uint64_t committed, uint64_t critical)
{
	struct pressure *p = data;

	assert_int_equal(manager_stat(manager).committed, committed);
	p->calls++;
	p->committed = committed;
	p->critical = critical;
	codearena_allocator_free(p->victim);
	p->victim = NULL;
	return p->answer;
}

static struct codearena_manager *manager_with(struct pressure *p,
					      uint64_t pages)
{
	CODEARENA_OPTS(codearena_manager_opts, opts, .pressure = pressure,
		       .data = p);
	struct codearena_manager *m;
	uint64_t page;

	codearena_manager_free(manager_of(0, &page));
	opts.max_committed = pages * page;
	assert_int_equal(codearena_manager_new(&opts, &m), 0);
	return m;
}

/* The critical mark: half of the limit, then half-way to it. */
static void critical_mark(void **state)
{
	struct pressure p = { .answer = 1 };
	struct codearena_allocator *a, *b;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_with(&p, 16);
	page = manager_stat(m).page_size;
	assert_int_equal(manager_stat(m).critical, 8 * page);
	a = allocator_of(m, 16 * page);
	get(a, 8 * page);
	assert_int_equal(ca__manager_check(m), 0);
	get(a, page);
	b = allocator_of(m, page);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.committed, 9 * page);
	assert_int_equal(p.critical, 8 * page);
	assert_int_equal(manager_stat(m).critical, 9 * page + 7 * page / 2);
	get(a, 4 * page);
	/* The victim is freed, and the mark falls again. */
	p.victim = a;
	assert_int_equal(ca__manager_check(m), 1);
	assert_int_equal(p.calls, 2);
	assert_int_equal(manager_stat(m).committed, 0);
	assert_int_equal(manager_stat(m).critical, 8 * page);
	assert_int_equal(ca__manager_check(m), 0);
	codearena_allocator_free(b);
	codearena_manager_free(m);
}

static int refuse(void *data, struct codearena_allocator *allocator,
		  size_t index)
{
	int *times = data;

	(void)allocator;
	(void)index;
	return (*times)-- > 0 ? -ENOMEM : 0;
}

/* V8 tries three times. */
static void initial_reservation_is_tried_again(void **state)
{
	static const struct {
		int refusals, answer, ret;
		unsigned int calls;
	} row[] = {
		{ 0, 0, 0, 0 }, { 2, 0, 0, 2 }, { 3, 0, -ENOMEM, 2 },
		{ 1, 1, -ENOMEM, 1 },
	};
	struct codearena_allocator *a;
	struct codearena_manager *m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct pressure p = { .answer = row[i].answer };
		int times = row[i].refusals;
		CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = 1,
			       .space_added = refuse, .data = &times);

		m = manager_with(&p, 16);
		assert_int_equal(codearena_allocator_new(m, &opts, &a),
				 row[i].ret);
		assert_int_equal(p.calls, row[i].calls);
		assert_int_equal(manager_stat(m).spaces, !row[i].ret);
		assert_int_equal(manager_stat(m).allocators, !row[i].ret);
		codearena_allocator_free(a);
		codearena_manager_free(m);
	}
}

static void manager_refuses(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts, .flags = 2);
	struct codearena_manager *m = (void *)1;
	CODEARENA_OPTS(codearena_manager_counters, stat);
	uint64_t page;

	(void)state;
	assert_int_equal(codearena_manager_new(&opts, &m), -EOPNOTSUPP);
	assert_null(m);
	opts.flags = 0;
	opts.arena_flags = 1U << 31;
	assert_int_equal(codearena_manager_new(&opts, &m), -EOPNOTSUPP);
	opts.arena_flags = CODEARENA_RESERVE_F_EXECUTE_ONLY;
	assert_int_equal(codearena_manager_new(&opts, &m), -EOPNOTSUPP);
	opts.arena_flags = 0;
	opts.max_code_space = 1;
	assert_int_equal(codearena_manager_new(&opts, &m), -EINVAL);
	opts.max_code_space = 1ULL << 40;
	assert_int_equal(codearena_manager_new(&opts, &m), -EINVAL);
	opts.max_code_space = 0;
	opts.initial_cap = 1;
	assert_int_equal(codearena_manager_new(&opts, &m), -EINVAL);
	opts.initial_cap = 0;
	opts.backend = 99;
	assert_int_equal(codearena_manager_new(&opts, &m), -EINVAL);
	opts.sz = 8;
	assert_int_equal(codearena_manager_new(&opts, &m), -EINVAL);
	assert_int_equal(codearena_manager_new(NULL, NULL), -EINVAL);
	codearena_manager_free(NULL);
	m = manager_of(0, &page);
	assert_int_equal(manager_stat(m).max_committed, 4095ULL << 20);
	assert_int_equal(codearena_manager_stat(NULL, &stat), -EINVAL);
	assert_int_equal(codearena_manager_stat(m, NULL), -EINVAL);
	stat.sz = 4;
	assert_int_equal(codearena_manager_stat(m, &stat), -EINVAL);
	codearena_manager_free(m);
}

/* Its allocators may outlive a manager. */
static void manager_is_freed_first(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, page);
	codearena_manager_free(m);
	get(a, page);
	get(a, page);
	check_accounts(NULL, a);
	codearena_allocator_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_case),
		cmocka_unit_test(allocate_and_go_over_limit),
		cmocka_unit_test(total_limit_irrespective_of_module_count),
		cmocka_unit_test(different_heaps_apply_limits_independently),
		cmocka_unit_test(growing_vs_fixed_module),
		cmocka_unit_test(commit_increments),
		cmocka_unit_test(lookup),
		cmocka_unit_test(multi_manager_lookup),
		cmocka_unit_test(largest_code_space),
		cmocka_unit_test(spaces_grow_exponentially),
		cmocka_unit_test(initial_cap),
		cmocka_unit_test(critical_mark),
		cmocka_unit_test(initial_reservation_is_tried_again),
		cmocka_unit_test(manager_refuses),
		cmocka_unit_test(manager_is_freed_first),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
