// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Commit and decommit.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/helpers.h"

static void commit_backs_with_traps(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = malloc(f->page), *traps = malloc(f->page);
	struct codearena_stat before = stat_of(f->arena), after;

	assert_int_equal(codearena_arena_commit(f->arena, f->reserved, f->page),
			 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_committed - before.out_committed, f->page);
	before.out_committed = after.out_committed;
	assert_memory_equal(&before, &after, sizeof(after));

	/* A sealed granule makes the page visible on every backend. */
	assert_int_equal(codearena_arena_seal(f->arena, f->reserved,
					      f->granule, 0), 0);
	assert_true(peek(f->arena, f->reserved, bytes, f->page));
	trap_bytes(f->reserved, traps, f->page);
	assert_memory_equal(bytes, traps, f->page);
	free(bytes);
	free(traps);
}

static bool load_byte(void *context)
{
	volatile uint8_t byte = *(volatile uint8_t *)context;

	(void)byte;
	return true;
}

static void reserved_memory_is_not_there(void **state)
{
	struct fixture *f = *state;
	uint8_t *base = (uint8_t *)codearena_arena_base(f->arena);
	uint8_t byte;

	assert_false(peek(f->arena, f->reserved, &byte, 1));
	assert_false(peek(f->arena, f->length - 1, &byte, 1));
	assert_int_equal(in_child(load_byte, base + f->reserved), SIGBUS);
	assert_int_equal(in_child(load_byte, base + f->fixed), 0);
}

static bool run_code(void *context)
{
	void (*code)(void);

	memcpy(&code, &context, sizeof(code));
	code();
	return true;
}

static void trap_fill_traps(void **state)
{
	struct fixture *f = *state;
	uint8_t *base = (uint8_t *)codearena_arena_base(f->arena);

	/* In a page with sealed code, so that it can be executed at all. */
	assert_int_equal(in_child(run_code, base + f->fresh), SIGTRAP);
	assert_int_equal(in_child(run_code, base + f->fixed), 0);
}

static void commit_several_pages(void **state)
{
	struct fixture *f = *state;
	uint64_t left = (LIMIT_PAGES - 2) * f->page;

	assert_int_equal(codearena_arena_commit(f->arena, f->length - left,
						left), 0);
	assert_int_equal(stat_of(f->arena).out_committed,
			 LIMIT_PAGES * f->page);
	assert_int_equal(publish_return(f->arena, f->length - f->granule, 7, 0),
			 0);
	assert_int_equal(execute(f->arena, f->length - f->granule), 7);
}

static void commit_refuses_bad_ranges(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;

	expect_refused(a, EINVAL, codearena_arena_commit(a, f->reserved, 0));
	expect_refused(a, EINVAL,
		       codearena_arena_commit(a, f->reserved + 1, f->page));
	expect_refused(a, EINVAL,
		       codearena_arena_commit(a, f->reserved + f->granule,
					      f->page));
	expect_refused(a, EINVAL,
		       codearena_arena_commit(a, f->reserved, f->page - 1));
	expect_refused(a, EOVERFLOW,
		       codearena_arena_commit(a, -f->page, 2 * f->page));
	expect_refused(a, EOVERFLOW,
		       codearena_arena_commit(a, f->page, -f->page));
	expect_refused(a, ENOENT,
		       codearena_arena_commit(a, f->length, f->page));
	expect_refused(a, ENOENT,
		       codearena_arena_commit(a, f->length - f->page,
					      2 * f->page));
	expect_refused(a, ENOENT,
		       codearena_arena_commit(a, 1ULL << 40, f->page));
}

static void commit_refuses_committed_pages(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;

	expect_refused(a, EEXIST, codearena_arena_commit(a, 0, f->page));
	/* Only the last page of the range is committed. */
	assert_int_equal(codearena_arena_commit(a, 5 * f->page, f->page), 0);
	expect_refused(a, EEXIST,
		       codearena_arena_commit(a, 3 * f->page, 3 * f->page));
	assert_int_equal(codearena_arena_commit(a, 3 * f->page, 2 * f->page),
			 0);
}

static void commit_stops_at_the_limit(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;
	uint64_t left = LIMIT_PAGES - 2;

	expect_refused(a, ENOSPC,
		       codearena_arena_commit(a, f->reserved,
					      (left + 1) * f->page));
	assert_int_equal(codearena_arena_commit(a, f->reserved,
						left * f->page), 0);
	expect_refused(a, ENOSPC,
		       codearena_arena_commit(a, f->length - f->page, f->page));
	/* What is given back can be used again. */
	assert_int_equal(codearena_arena_decommit(a, f->pristine, f->page), 0);
	assert_int_equal(codearena_arena_commit(a, f->length - f->page,
						f->page), 0);
}

/* Use up the mappings that a process may have; returns how many it took. */
static size_t exhaust_mappings(uint8_t *area, size_t page, size_t limit)
{
	size_t i;

	for (i = 0; i < limit; i++) {
		/* Every other page differs, so that no two merge. */
		if (mprotect(area + 2 * i * page, page, PROT_READ))
			break;
	}
	return i;
}

static uint64_t memory_used(struct codearena_arena *arena)
{
	struct stat status;

	assert_int_equal(fstat(codearena_arena_fd(arena), &status), 0);
	return status.st_blocks;
}

static void commit_survives_lack_of_memory(void **state)
{
	struct fixture *f = *state;
	const size_t limit = 40000;
	struct codearena_arena *a = f->arena;
	uint64_t used;
	uint8_t *area;

	/* What the device maps does not depend on what is committed. */
	only_on(CODEARENA_BACKEND_MEMFD);
	/* Their own mappings would fail. */
	skip_with_sanitizer();
	area = mmap(NULL, 2 * limit * f->page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(area != MAP_FAILED);
	if (exhaust_mappings(area, f->page, limit) == limit) {
		munmap(area, 2 * limit * f->page);
		skip_because("mappings are not exhausted by that many");
	}
	/* In the middle of what is reserved: it takes two mappings more. */
	used = memory_used(a);
	expect_refused(a, ENOMEM,
		       codearena_arena_commit(a, 7 * f->page, f->page));
	assert_int_equal(memory_used(a), used);
	/* Giving memory back cannot fail. */
	assert_int_equal(codearena_arena_decommit(a, 0, f->page), 0);
	munmap(area, 2 * limit * f->page);
	assert_int_equal(codearena_arena_commit(a, 7 * f->page, f->page), 0);
	assert_int_equal(codearena_arena_commit(a, 0, f->page), 0);
	assert_int_equal(publish_return(a, 0, 3, 0), 0);
	assert_int_equal(execute(a, 0), 3);
}

/* The limit is for files; passing it would end the process. */
static void commit_does_not_mind_a_lower_file_size_limit(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = malloc(f->page), *traps = malloc(f->page);
	struct rlimit before, low;

	/* What the device has is no file. */
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	low = before;
	low.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(codearena_arena_commit(f->arena, f->reserved, f->page),
			 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(peek(f->arena, f->reserved, bytes, f->page));
	trap_bytes(f->reserved, traps, f->page);
	assert_memory_equal(bytes, traps, f->page);
	free(bytes);
	free(traps);
}

static void decommit_gives_memory_back(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	uint8_t byte;

	assert_int_equal(codearena_arena_decommit(f->arena, 0, f->page), 0);
	after = stat_of(f->arena);
	assert_int_equal(before.out_committed - after.out_committed, f->page);
	assert_int_equal(after.out_sealed, 0);
	assert_int_equal(after.out_patchable, 0);
	assert_int_equal(after.out_discarded, before.out_sealed);
	assert_int_equal(after.out_published, before.out_published);
	assert_int_equal(after.out_written, before.out_written);
	assert_false(peek(f->arena, 0, &byte, 1));
	assert_int_equal(in_child(load_byte,
				  (void *)codearena_arena_base(f->arena)),
			 SIGBUS);
}

static void decommitted_memory_returns_as_traps(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = malloc(f->page), *traps = malloc(f->page);

	assert_int_equal(codearena_arena_decommit(f->arena, 0, f->page), 0);
	assert_int_equal(codearena_arena_commit(f->arena, 0, f->page), 0);
	assert_int_equal(codearena_arena_seal(f->arena, 0,
					      f->granule, 0), 0);
	assert_true(peek(f->arena, 0, bytes, f->page));
	trap_bytes(0, traps, f->page);
	assert_memory_equal(bytes, traps, f->page);
	assert_int_equal(publish_return(f->arena, f->granule, 99, 0), 0);
	assert_int_equal(execute(f->arena, f->granule), 99);
	free(bytes);
	free(traps);
}

static void decommit_refuses_bad_ranges(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;

	expect_refused(a, EINVAL, codearena_arena_decommit(a, 0, 0));
	expect_refused(a, EINVAL,
		       codearena_arena_decommit(a, f->granule, f->page));
	expect_refused(a, EINVAL,
		       codearena_arena_decommit(a, 0, f->page + f->granule));
	expect_refused(a, EOVERFLOW,
		       codearena_arena_decommit(a, -f->page, 2 * f->page));
	expect_refused(a, ENOENT,
		       codearena_arena_decommit(a, f->length, f->page));
	expect_refused(a, ENOENT,
		       codearena_arena_decommit(a, f->reserved, f->page));
	/* The first two pages are committed, the third is not. */
	expect_refused(a, ENOENT,
		       codearena_arena_decommit(a, 0, 3 * f->page));
}

static void permanent_code_stays(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;

	expect_refused(a, EPERM, codearena_arena_decommit(a, 0, f->page));
	expect_refused(a, EPERM, codearena_arena_decommit(a, 0, 2 * f->page));
	assert_int_equal(execute(a, f->fixed), FIXED_VALUE);
	/* Nothing is sealed there. */
	assert_int_equal(codearena_arena_decommit(a, f->pristine, f->page), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(commit_backs_with_traps),
		FIXTURE_TEST(reserved_memory_is_not_there),
		FIXTURE_TEST(trap_fill_traps),
		FIXTURE_TEST(commit_several_pages),
		FIXTURE_TEST(commit_refuses_bad_ranges),
		FIXTURE_TEST(commit_refuses_committed_pages),
		FIXTURE_TEST(commit_stops_at_the_limit),
		FIXTURE_TEST(commit_survives_lack_of_memory),
		FIXTURE_TEST(commit_does_not_mind_a_lower_file_size_limit),
		FIXTURE_TEST(decommit_gives_memory_back),
		FIXTURE_TEST(decommitted_memory_returns_as_traps),
		FIXTURE_TEST(decommit_refuses_bad_ranges),
		cmocka_unit_test_setup_teardown(permanent_code_stays,
						fixture_setup_permanent,
						fixture_teardown),
	};

	return cmocka_run_group_tests_name("arena_commit", tests, NULL, NULL);
}
