// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Parts of the library by themselves: states of granules, trap fill, owners.
 */
#define _GNU_SOURCE

#include "lib/helpers.h"
#include "arena/arena.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/pages.h"
#include "arena/memfd/store.h"

#define SHIFT	12
#define PAGE	(1ULL << SHIFT)
#define GRANULE	(PAGE / 64)
#define PAGES	8

static struct ca__page page_states[PAGES + 1];
static struct ca__pages pages = {
	.page = page_states,
	.page_shift = SHIFT,
};

static int states_setup(void **state)
{
	*state = NULL;
	memset(page_states, 0, sizeof(page_states));
	pages.committed = 0;
	pages.sealed = 0;
	pages.patchable = 0;
	return 0;
}

static void ranges(void **state)
{
	(void)state;
	assert_int_equal(ca__range_check(0, PAGE, PAGE, PAGE), 0);
	assert_int_equal(ca__range_check(PAGE, PAGE, PAGE, PAGE), -ENOENT);
	assert_int_equal(ca__range_check(0, 0, PAGE, PAGE), -EINVAL);
	assert_int_equal(ca__range_check(1, PAGE, PAGE, PAGE), -EINVAL);
	assert_int_equal(ca__range_check(0, 1, PAGE, PAGE), -EINVAL);
	assert_int_equal(ca__range_check(-PAGE, PAGE, PAGE, PAGE), -EOVERFLOW);
	assert_int_equal(ca__range_check(-1, 2, PAGE, PAGE), -EOVERFLOW);
	assert_int_equal(ca__range_check(3, 5, 1, 8), 0);
	assert_int_equal(ca__range_check(3, 6, 1, 8), -ENOENT);
}

static void commit_marks_pages(void **state)
{
	unsigned int i;

	(void)state;
	assert_false(ca__pages_any_committed(&pages, 0, PAGES * PAGE));
	ca__pages_commit(&pages, 2 * PAGE, 3 * PAGE);
	for (i = 0; i < PAGES; i++)
		assert_int_equal(ca__pages_any_committed(&pages, i * PAGE,
							 PAGE),
				 i >= 2 && i < 5);
	assert_true(ca__pages_any_committed(&pages, 0, 3 * PAGE));
	assert_false(ca__pages_any_committed(&pages, 0, 2 * PAGE));
	assert_int_equal(ca__pages_check(&pages, 2 * PAGE, 3 * PAGE, false), 0);
	assert_int_equal(ca__pages_check(&pages, 2 * PAGE, 3 * PAGE + 1, false),
			 -ENOENT);
	assert_int_equal(ca__pages_check(&pages, 2 * PAGE - 1, 2, false),
			 -ENOENT);
	assert_int_equal(pages.committed, 3);
	ca__pages_decommit(&pages, 3 * PAGE, PAGE);
	assert_int_equal(pages.committed, 2);
	assert_int_equal(ca__pages_check(&pages, 2 * PAGE, 3 * PAGE, false),
			 -ENOENT);
}

/* Every range of granules in two pages, against a plain array. */
static void seal_marks_granules(void **state)
{
	unsigned int first, last, i;

	for (first = 0; first < 128; first += 3) {
		for (last = first; last < 128; last += 5) {
			states_setup(state);
			ca__pages_commit(&pages, 0, 2 * PAGE);
			/* Parts of granules count as whole ones. */
			ca__pages_seal(&pages, first * GRANULE + 5,
				       (last - first) * GRANULE + 1, false);
			assert_int_equal(pages.sealed, last - first + 1);
			assert_int_equal(pages.patchable, 0);
			for (i = 0; i < 128; i++) {
				bool in = i >= first && i <= last;

				assert_int_equal(ca__pages_check(&pages,
						i * GRANULE, 1, false),
						in ? -EPERM : 0);
				assert_int_equal(ca__pages_check(&pages,
						i * GRANULE, 1, true), 0);
			}
		}
	}
}

static void patchable_states(void **state)
{
	(void)state;
	ca__pages_commit(&pages, 0, PAGE);
	assert_int_equal(ca__pages_check_patch(&pages, PAGE), -ENOENT);
	assert_int_equal(ca__pages_check_patch(&pages, 0), -EPERM);
	ca__pages_seal(&pages, 0, 4 * GRANULE, true);
	assert_int_equal(pages.sealed, 4);
	assert_int_equal(pages.patchable, 4);
	assert_int_equal(ca__pages_check_patch(&pages, 3 * GRANULE + 8), 0);
	assert_int_equal(ca__pages_check_patch(&pages, 4 * GRANULE), -EPERM);
	/* Withdraw the second and third. */
	ca__pages_seal(&pages, GRANULE, 2 * GRANULE, false);
	assert_int_equal(pages.sealed, 4);
	assert_int_equal(pages.patchable, 2);
	assert_int_equal(ca__pages_check_patch(&pages, GRANULE), -EPERM);
	assert_int_equal(ca__pages_check_seal(&pages, 0, GRANULE, true), 0);
	assert_int_equal(ca__pages_check_seal(&pages, 0, 2 * GRANULE, true),
			 -EPERM);
	assert_int_equal(ca__pages_check_seal(&pages, 0, 8 * GRANULE, false),
			 0);
	ca__pages_unseal(&pages, 0, 2 * GRANULE);
	assert_int_equal(pages.sealed, 2);
	assert_int_equal(pages.patchable, 1);
	ca__pages_unseal(&pages, 0, 2 * GRANULE);
	assert_int_equal(pages.sealed, 2);
	ca__pages_decommit(&pages, 0, PAGE);
	assert_int_equal(pages.sealed, 0);
	assert_int_equal(pages.patchable, 0);
	assert_int_equal(pages.committed, 0);
}

static void claims(void **state)
{
	(void)state;
	ca__pages_commit(&pages, 0, 2 * PAGE);
	assert_int_equal(ca__pages_claim(&pages, PAGE - GRANULE, 2 * GRANULE),
			 0);
	assert_int_equal(ca__pages_claim(&pages, PAGE - 1, 1), -EBUSY);
	/* Refused in its last granule: it holds none of the others. */
	assert_int_equal(ca__pages_claim(&pages, 0, PAGE), -EBUSY);
	assert_int_equal(ca__pages_claim(&pages, 0, PAGE - GRANULE), 0);
	ca__pages_unclaim(&pages, PAGE - GRANULE, 2 * GRANULE);
	assert_int_equal(ca__pages_claim(&pages, PAGE - 1, 2), 0);
}

static void trap_fill_has_a_phase(void **state)
{
	uint8_t bytes[64] __attribute__((aligned(16))), expected[64];
	size_t start, end;

	(void)state;
	for (start = 0; start < 16; start++) {
		for (end = start; end < 64; end++) {
			memset(bytes, 1, sizeof(bytes));
			memset(expected, 1, sizeof(expected));
			ca__fill_traps(bytes + start, end - start);
			trap_bytes(start, expected + start, end - start);
			assert_memory_equal(bytes, expected, 64);
		}
	}
}

static uint64_t parent_owner;

static bool owner_differs(void *context)
{
	uint64_t mine = ca__owner_current();

	(void)context;
	return mine && mine != parent_owner && mine == ca__owner_current();
}

static void owners_differ(void **state)
{
	(void)state;
	parent_owner = ca__owner_current();
	assert_true(parent_owner != 0);
	assert_true(ca__owner_current() == parent_owner);
	assert_int_equal(in_child(owner_differs, NULL), 0);
	assert_true(ca__owner_current() == parent_owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test_setup(commit_marks_pages, states_setup),
		cmocka_unit_test_setup(seal_marks_granules, states_setup),
		cmocka_unit_test_setup(patchable_states, states_setup),
		cmocka_unit_test_setup(claims, states_setup),
		cmocka_unit_test(trap_fill_has_a_phase),
		cmocka_unit_test(owners_differ),
	};

	return cmocka_run_group_tests_name("arena_units", tests, NULL, NULL);
}
