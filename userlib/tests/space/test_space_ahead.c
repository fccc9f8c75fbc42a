// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Committing ahead: how much, and that it is never in the way.
 */
#include <stdlib.h>

#include "space/space_helpers.h"

#define PAGES	512
#define AHEAD	24

static struct codearena_allocator *ahead_of(struct codearena_manager *manager,
					    uint64_t page)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .ahead = AHEAD * page,
		       .estimate = PAGES * page);
	struct codearena_allocator *allocator;

	assert_int_equal(codearena_allocator_new(manager, &opts, &allocator),
			 0);
	assert_true(space_info(allocator, 0).region.size >= PAGES * page);
	return allocator;
}

static uint64_t pages_of(struct codearena_allocator *allocator, uint64_t page)
{
	return allocator_stat(allocator).committed / page;
}

static void an_eighth_is_committed_ahead(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, n, most = 0;

	(void)state;
	m = manager_of(0, &page);
	a = ahead_of(m, page);
	for (n = 1; n <= PAGES; n++) {
		uint64_t more;

		get(a, page);
		more = pages_of(a, page) - n;
		assert_true(more <= n / 8);
		assert_true(more <= AHEAD);
		if (more > most)
			most = more;
		check_accounts(m, a);
	}
	/* Otherwise this tests nothing. */
	assert_int_equal(most, AHEAD);
	codearena_allocator_free(a);
	assert_int_equal(manager_stat(m).committed, 0);
	codearena_manager_free(m);
}

static void small_modules_commit_what_they_use(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, n;

	(void)state;
	m = manager_of(0, &page);
	a = ahead_of(m, page);
	for (n = 1; n <= 8; n++) {
		get(a, page);
		assert_int_equal(pages_of(a, page), n);
	}
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* The last pages below the limit can be committed anywhere. */
static void the_limit_can_be_reached(void **state)
{
	struct codearena_region window, r;
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, n;

	(void)state;
	m = manager_of(64, &page);
	a = ahead_of(m, page);
	for (n = 1; n < 60; n++)
		get(a, page);
	assert_true(pages_of(a, page) > 59);
	window = space_info(a, 0).region;
	window.begin += PAGES / 2 * page;
	window.size -= PAGES / 2 * page;
	for (n = 59; n < 64; n++)
		assert_int_equal(codearena_allocator_allocate(a, page, &window,
							      &r), 0);
	assert_int_equal(pages_of(a, page), 64);
	assert_int_equal(codearena_allocator_allocate(a, page, &window, &r),
			 -ENOMEM);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* Skipped pages are decommitted. */
static void use_may_begin_in_the_middle(void **state)
{
	struct codearena_region window, r[65];
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, n;

	(void)state;
	m = manager_of(0, &page);
	a = ahead_of(m, page);
	for (n = 0; n < 64; n++)
		r[n] = get(a, page);
	while (pages_of(a, page) < n + 4) {
		assert_true(n < PAGES);
		r[64] = get(a, page);
		n++;
	}
	window = r[64];
	window.begin += 3 * page;
	assert_int_equal(codearena_allocator_allocate(a, page, &window, &r[0]),
			 0);
	assert_true(pages_of(a, page) - (n + 1) <= (n + 1) / 8);
	window = space_info(a, 0).region;
	window.size = n * page;
	assert_int_equal(release_one(a, window), 0);
	assert_int_equal(release_one(a, r[0]), 0);
	assert_int_equal(pages_of(a, page), 0);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

static void what_is_used_is_full_of_traps(void **state)
{
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint8_t *want;
	uint64_t page, n;

	(void)state;
	m = manager_of(0, &page);
	a = ahead_of(m, page);
	want = malloc(page);
	for (n = 0; n < 100; n++) {
		struct codearena_region r = get(a, page);

		trap_bytes(0, want, page);
		/* The device maps pages with sealed granules only. */
		if (backend_is(CODEARENA_BACKEND_MEMFD))
			assert_memory_equal((void *)(uintptr_t)r.begin, want,
					    page);
	}
	free(want);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

/* Live pages are committed, and at most an eighth more. */
static void agrees_with_a_model(void **state)
{
	static struct codearena_region live[PAGES];
	static unsigned int uses[PAGES * 2];
	struct codearena_allocator *a;
	struct codearena_manager *m;
	uint64_t page, base, used, committed;
	size_t lives = 0, step, i, k;
	bool ahead = false;
	unsigned int rnd = 1;

	(void)state;
	m = manager_of(0, &page);
	a = ahead_of(m, page);
	base = space_info(a, 0).region.begin;
	for (step = 0; step < 4000; step++) {
		struct codearena_region r;
		int change = 1;

		rnd = rnd * 1103515245 + 12345;
		if (lives < PAGES / 4 && (step < 300 || rnd >> 16 & 1)) {
			r = get(a, page / 2 * (1 + (rnd >> 18) % 4));
			live[lives++] = r;
		} else if (lives) {
			i = (rnd >> 20) % lives;
			r = live[i];
			assert_int_equal(release_one(a, r), 0);
			live[i] = live[--lives];
			change = -1;
			grace(a);
		} else {
			continue;
		}
		for (i = (r.begin - base) / page;
		     i <= (r.begin + r.size - 1 - base) / page; i++)
			uses[i] += change;
		for (used = 0, k = 0; k < PAGES * 2; k++)
			used += uses[k] != 0;
		committed = pages_of(a, page);
		assert_true(committed >= used);
		assert_true(committed - used <= used / 8);
		ahead |= committed != used;
		check_accounts(m, a);
	}
	assert_true(ahead);
	while (lives)
		assert_int_equal(release_one(a, live[--lives]), 0);
	assert_int_equal(pages_of(a, page), 0);
	check_accounts(m, a);
	codearena_allocator_free(a);
	codearena_manager_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_eighth_is_committed_ahead),
		cmocka_unit_test(small_modules_commit_what_they_use),
		cmocka_unit_test(the_limit_can_be_reached),
		cmocka_unit_test(use_may_begin_in_the_middle),
		cmocka_unit_test(what_is_used_is_full_of_traps),
		cmocka_unit_test(agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
