// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Parts of the library by themselves: states of granules, copying from bad
 * addresses, trap fill, owners.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/copy.h"
#include "lib/helpers.h"
#include "arena/arena.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/pages.h"

#define SHIFT	12
#define PAGE	(1ULL << SHIFT)
#define GRANULE	(PAGE / 64)
#define PAGES	8

static struct ca__page page_states[PAGES];
static struct ca__pages pages = {
	.page = page_states,
	.length = PAGES * PAGE,
	.page_shift = SHIFT,
};

static int states_setup(void **state)
{
	*state = NULL;
	memset(page_states, 0, sizeof(page_states));
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
	struct ca__tally gone = { 0 };
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
	ca__pages_decommit(&pages, 3 * PAGE, PAGE, &gone);
	assert_int_equal(gone.committed, 1);
	assert_int_equal(ca__pages_check(&pages, 2 * PAGE, 3 * PAGE, false),
			 -ENOENT);
}

/* Every range of granules in two pages, against a plain array. */
static void seal_marks_granules(void **state)
{
	unsigned int first, last, i;

	for (first = 0; first < 128; first += 3) {
		for (last = first; last < 128; last += 5) {
			struct ca__tally more = { 0 }, less = { 0 };

			states_setup(state);
			ca__pages_commit(&pages, 0, 2 * PAGE);
			/* Parts of granules count as whole ones. */
			ca__pages_seal(&pages, first * GRANULE + 5,
				       (last - first) * GRANULE + 1, false,
				       &more, &less);
			assert_int_equal(more.sealed, last - first + 1);
			assert_int_equal(more.patchable + less.patchable, 0);
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
	struct ca__tally more = { 0 }, less = { 0 }, gone = { 0 };

	(void)state;
	ca__pages_commit(&pages, 0, PAGE);
	assert_int_equal(ca__pages_check_patch(&pages, PAGE), -ENOENT);
	assert_int_equal(ca__pages_check_patch(&pages, 0), -EPERM);
	ca__pages_seal(&pages, 0, 4 * GRANULE, true, &more, &less);
	assert_int_equal(more.sealed, 4);
	assert_int_equal(more.patchable, 4);
	assert_int_equal(ca__pages_check_patch(&pages, 3 * GRANULE + 8), 0);
	assert_int_equal(ca__pages_check_patch(&pages, 4 * GRANULE), -EPERM);
	/* Withdraw the second and third. */
	ca__pages_seal(&pages, GRANULE, 2 * GRANULE, false, &more, &less);
	assert_int_equal(more.sealed, 4);
	assert_int_equal(less.patchable, 2);
	assert_int_equal(ca__pages_check_patch(&pages, GRANULE), -EPERM);
	assert_int_equal(ca__pages_check_seal(&pages, 0, GRANULE, true), 0);
	assert_int_equal(ca__pages_check_seal(&pages, 0, 2 * GRANULE, true),
			 -EPERM);
	assert_int_equal(ca__pages_check_seal(&pages, 0, 8 * GRANULE, false),
			 0);
	ca__pages_unseal(&pages, 0, 2 * GRANULE, &gone);
	assert_int_equal(gone.sealed, 2);
	assert_int_equal(gone.patchable, 1);
	ca__pages_unseal(&pages, 0, 2 * GRANULE, &gone);
	assert_int_equal(gone.sealed, 2);
	ca__pages_decommit(&pages, 0, PAGE, &gone);
	assert_int_equal(gone.sealed, 4);
	assert_int_equal(gone.patchable, 2);
	assert_int_equal(gone.committed, 1);
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

static void recovery(void **state)
{
	struct ca__tally more = { 0 }, less = { 0 }, now;

	(void)state;
	ca__pages_commit(&pages, PAGE, 2 * PAGE);
	ca__pages_seal(&pages, PAGE, 3 * GRANULE, true, &more, &less);
	ca__pages_claim(&pages, 2 * PAGE, GRANULE);
	/* Died between taking the seal and the right to patch away. */
	page_states[1].sealed &= ~1ULL;
	ca__pages_recover(&pages, &now);
	assert_int_equal(now.committed, 2);
	assert_int_equal(now.sealed, 2);
	assert_int_equal(now.patchable, 2);
	assert_int_equal(ca__pages_claim(&pages, 2 * PAGE, GRANULE), 0);
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

static struct ca__memfd_header header;

static int counting;

/* Each counter of a moment has the same value. */
static void *count_all(void *context)
{
	struct ca__memfd memfd = { .shared = &header };
	struct ca__counters counters;
	uint64_t i, *words = (uint64_t *)&counters;
	size_t j;

	(void)context;
	for (i = 1; __atomic_load_n(&counting, __ATOMIC_RELAXED); i++) {
		for (j = 0; j < sizeof(counters) / sizeof(*words); j++)
			words[j] = i;
		ca__memfd_count(&memfd, &counters);
	}
	return NULL;
}

/* As long as it takes to be interrupted between any two loads. */
#define WATCH_SECONDS	2

static void counters_are_of_one_moment(void **state)
{
	struct ca__counters counters;
	uint64_t *words = (uint64_t *)&counters, last = 0;
	time_t end = time(NULL) + WATCH_SECONDS;
	unsigned int torn = 0, back = 0;
	pthread_t thread;
	size_t i;

	(void)state;
	counting = 1;
	assert_int_equal(pthread_create(&thread, NULL, count_all, NULL), 0);
	while (!torn && !back && time(NULL) < end) {
		counters = ca__memfd_counters(&header);
		for (i = 1; i < sizeof(counters) / sizeof(*words); i++)
			torn += words[i] != words[0];
		back += words[0] < last;
		last = words[0];
	}
	__atomic_store_n(&counting, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(torn, 0);
	assert_int_equal(back, 0);
	assert_true(last > 0);
}

static struct ca__source source(const void *address, uint64_t length)
{
	return (struct ca__source){ (uintptr_t)address, length };
}

static void copy_gathers(void **state)
{
	enum { COUNT = 200 };
	struct ca__source sources[COUNT];
	uint8_t *from = malloc(COUNT * 100), *to = malloc(COUNT * 100);
	size_t i, failed = 1, total = 0;

	(void)state;
	for (i = 0; i < COUNT * 100; i++)
		from[i] = i * 3 + i / 256;
	/* More pieces than one system call takes, of many lengths. */
	for (i = 0; i < COUNT; i++) {
		sources[i] = source(from + total, 1 + i % 100);
		total += 1 + i % 100;
	}
	assert_int_equal(ca__copy_in(to, sources, COUNT, &failed), 0);
	assert_memory_equal(to, from, total);
	free(from);
	free(to);
}

static void copy_finds_the_bad_piece(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *half = half_readable(page), *to = malloc(4 * page);
	struct ca__source sources[100];
	size_t bad, i, failed;

	(void)state;
	for (bad = 0; bad < 100; bad += 9) {
		for (i = 0; i < 100; i++)
			sources[i] = source(half + i, 7);
		/* Just over the edge. */
		sources[bad] = source(half + page - 3, 4);
		failed = 12345;
		assert_int_equal(ca__copy_in(to, sources, 100, &failed),
				 -EFAULT);
		assert_int_equal(failed, bad);
	}
	sources[0] = source(half + page - 7, 7);
	assert_int_equal(ca__copy_in(to, sources, 1, &failed), 0);
	/* An address space that wraps around. */
	sources[0] = source((void *)-16, 32);
	assert_int_equal(ca__copy_in(to, sources, 1, &failed), -EFAULT);
	free(to);
	half_readable_free(half, page);
}

/* Memory behind the end of a file is mapped, and still cannot be read. */
static void copy_from_behind_a_file(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE), failed;
	int fd = memfd_create("short", 0);
	struct ca__source sources[2];
	uint8_t *to = malloc(2 * page), *map;

	(void)state;
	assert_int_equal(ftruncate(fd, page), 0);
	map = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	sources[0] = source(map, page);
	sources[1] = source(map + page, 1);
	assert_int_equal(ca__copy_in(to, sources, 1, &failed), 0);
	assert_int_equal(ca__copy_in(to, sources, 2, &failed), -EFAULT);
	assert_int_equal(failed, 1);
	munmap(map, 2 * page);
	close(fd);
	free(to);
}

/* What cannot be pinned is read the other way: a page of the kernel's. */
static void copy_from_code_views(void **state)
{
	struct fixture *f = *state;
	struct ca__source sources[1];
	uint8_t *to = malloc(f->page), *back = malloc(f->page);
	size_t failed;

	sources[0] = source(codearena_arena_base(f->arena), f->page);
	assert_int_equal(ca__copy_in(to, sources, 1, &failed), 0);
	assert_true(peek(f->arena, 0, back, f->page));
	assert_memory_equal(to, back, f->page);
	sources[0] = source((const uint8_t *)codearena_arena_base(f->arena) +
			    f->reserved - 1, 2);
	assert_int_equal(ca__copy_in(to, sources, 1, &failed), -EFAULT);
	free(to);
	free(back);
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
		cmocka_unit_test_setup(recovery, states_setup),
		cmocka_unit_test(trap_fill_has_a_phase),
		cmocka_unit_test(counters_are_of_one_moment),
		cmocka_unit_test(copy_gathers),
		cmocka_unit_test(copy_finds_the_bad_piece),
		cmocka_unit_test(copy_from_behind_a_file),
		FIXTURE_TEST(copy_from_code_views),
		cmocka_unit_test(owners_differ),
	};

	return cmocka_run_group_tests_name("arena_units", tests, NULL, NULL);
}
