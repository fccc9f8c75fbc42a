// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code space without memory: every allocation in turn fails; and releasing
 * needs none. The allocation functions are wrapped by space.mk.
 */
#include "lib/memory_fails.h"
#include "space/space_helpers.h"

static void new_fails_cleanly(void **state)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = 1);
	struct codearena_allocator *a;
	struct codearena_manager *m;
	size_t i;
	int ret;

	(void)state;
	for (i = 0;; i++) {
		memory_left = i;
		ret = codearena_manager_new(NULL, &m);
		memory_left = SIZE_MAX;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(m);
	}
	assert_true(i > 0);
	for (i = 0;; i++) {
		memory_left = i;
		ret = codearena_allocator_new(m, &opts, &a);
		memory_left = SIZE_MAX;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(a);
		assert_int_equal(manager_stat(m).allocators, 0);
		assert_int_equal(manager_stat(m).spaces, 0);
		assert_int_equal(manager_stat(m).reserved, 0);
	}
	assert_true(i > 4);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

static void allocate_fails_cleanly(void **state)
{
	struct codearena_allocator_counters before, after;
	struct codearena_allocator *a;
	struct codearena_manager *m;
	struct codearena_region r;
	unsigned int failures = 0;
	uint64_t page;
	size_t i, n;
	int ret;

	(void)state;
	m = manager_of(0, &page);
	a = allocator_of(m, page);
	for (n = 0; n < 40; n++) {
		for (i = 0;; i++) {
			before = allocator_stat(a);
			memory_left = i;
			ret = codearena_allocator_allocate(a, page / 4, NULL,
							   &r);
			memory_left = SIZE_MAX;
			if (!ret)
				break;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(r.size, 0);
			after = allocator_stat(a);
			/* There may be another space, which is empty. */
			assert_int_equal(after.live, before.live);
			assert_int_equal(after.committed, before.committed);
			check_accounts(m, a);
			failures++;
		}
	}
	assert_true(failures > 10);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* Release every other region first, then the rest; all without memory. */
static void release_all(size_t count, bool divide)
{
	struct codearena_region *r = calloc(count, sizeof(*r));
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, unit, cookie;
	size_t i;
	int ret = 0;

	m = manager_of(0, &page);
	unit = manager_stat(m).unit;
	a = allocator_of(m, count * unit);
	for (i = 0; i < count && !divide; i++)
		r[i] = get(a, unit);
	if (divide) {
		r[0] = get(a, count * unit);
		assert_int_equal(ca__allocator_divide(a, r[0], count), 0);
	}
	for (; i < count; i++)
		r[i] = (struct codearena_region){ r[0].begin + i * unit, unit };
	memory_left = 0;
	for (i = 0; i < count && !ret; i += 2)
		ret = codearena_allocator_release(a, r + i, 1, NULL);
	cookie = codearena_allocator_grace_begin(a);
	if (!ret)
		ret = codearena_allocator_grace_end(a, cookie);
	for (i = 1; i < count && !ret; i += 2)
		ret = codearena_allocator_release(a, r + i, 1, NULL);
	cookie = codearena_allocator_grace_begin(a);
	if (!ret)
		ret = codearena_allocator_grace_end(a, cookie);
	memory_left = SIZE_MAX;
	assert_int_equal(ret, 0);
	assert_int_equal(allocator_stat(a).free, allocator_stat(a).reserved);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
	free(r);
}

/* So many that the pool and the queue need memory for them. */
static void release_needs_no_memory(void **state)
{
	(void)state;
	release_all(1024, false);
}

static void release_of_pieces_needs_no_memory(void **state)
{
	(void)state;
	release_all(1024, true);
}

/* Unannounced pieces may need memory; then the release fails early. */
static void unannounced_pieces_fail_cleanly(void **state)
{
	enum { COUNT = 512 };
	static struct codearena_region r[COUNT];
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, unit;
	size_t i, done = 7;

	(void)state;
	m = manager_of(0, &page);
	unit = manager_stat(m).unit;
	a = allocator_of(m, 2 * COUNT * unit);
	r[0] = get(a, 2 * COUNT * unit);
	for (i = 0; i < COUNT; i++)
		r[i] = (struct codearena_region){ r[0].begin + 2 * i * unit,
						  unit };
	memory_left = 0;
	assert_int_equal(codearena_allocator_release(a, r, COUNT, &done),
			 -ENOMEM);
	memory_left = 1;
	assert_int_equal(codearena_allocator_release(a, r, COUNT, &done),
			 -ENOMEM);
	memory_left = SIZE_MAX;
	assert_int_equal(done, 0);
	assert_int_equal(allocator_stat(a).waiting, 0);
	assert_int_equal(ca__allocator_divide(a, r[1], 1), 0);
	memory_left = 0;
	assert_int_equal(ca__allocator_divide(a, r[1], 1000), -ENOMEM);
	memory_left = SIZE_MAX;
	assert_int_equal(codearena_allocator_release(a, r, COUNT, &done), 0);
	assert_int_equal(done, COUNT);
	grace(a);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_fails_cleanly),
		cmocka_unit_test(allocate_fails_cleanly),
		cmocka_unit_test(release_needs_no_memory),
		cmocka_unit_test(release_of_pieces_needs_no_memory),
		cmocka_unit_test(unannounced_pieces_fail_cleanly),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
