// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Programs whose structures are older or newer than the library's.
 */
#include "arena/arena.h"
#include "codearena/trap.h"
#include "lib/helpers.h"

/* What a newer program has after the members known here. */
#define NEW_BYTES	16

#define GUARD_OPTS_FIRST	16

union sized_opts {
	struct codearena_arena_opts opts;
	uint8_t bytes[sizeof(struct codearena_arena_opts) + NEW_BYTES];
};

static int make_with(union sized_opts *sized, size_t size)
{
	struct codearena_arena *arena;
	int ret;

	sized->opts.sz = size;
	ret = codearena_arena_new(65536,
				  &sized->opts, &arena);
	codearena_arena_free(arena);
	return ret;
}

static void arena_opts(void **state)
{
	union sized_opts sized = { .bytes = { 0 } };

	(void)state;
	assert_int_equal(make_with(&sized, CA__SIZE_ARENA_OPTS - 1), -EINVAL);
	assert_int_equal(make_with(&sized, 0), -EINVAL);
	assert_int_equal(make_with(&sized, CA__SIZE_ARENA_OPTS), 0);
	assert_int_equal(make_with(&sized, sizeof(sized)), 0);
	sized.bytes[sizeof(sized) - 1] = 1;
	assert_int_equal(make_with(&sized, sizeof(sized) - 1), 0);
	assert_int_equal(make_with(&sized, sizeof(sized)), -E2BIG);
}

static void info(void **state)
{
	union {
		struct codearena_info info;
		uint8_t bytes[sizeof(struct codearena_info) + NEW_BYTES];
	} sized;
	size_t i;

	(void)state;
	memset(&sized, 0xff, sizeof(sized));
	sized.info.sz = CA__SIZE_INFO - 1;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &sized.info),
			 -EINVAL);
	assert_int_equal(sized.bytes[sizeof(size_t)], 0xff);
	sized.info.sz = CA__SIZE_INFO;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &sized.info),
			 0);
	assert_true(sized.info.page_size && sized.info.commit_limit);
	assert_int_equal(sized.info.sz, CA__SIZE_INFO);
	/* Nothing after the program's structure is written. */
	assert_int_equal(sized.bytes[CA__SIZE_INFO], 0xff);
	sized.info.sz = sizeof(sized);
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &sized.info),
			 0);
	assert_int_equal(sized.info.sz, sizeof(sized));
	for (i = sizeof(struct codearena_info); i < sizeof(sized); i++)
		assert_int_equal(sized.bytes[i], 0);
}

static void stat(void **state)
{
	struct fixture *f = *state;
	union {
		struct codearena_stat stat;
		uint8_t bytes[sizeof(struct codearena_stat) + NEW_BYTES];
	} sized;

	memset(&sized, 0xff, sizeof(sized));
	sized.stat.flags = 0;
	sized.stat.size = CA__SIZE_STAT - 1;
	assert_int_equal(codearena_arena_stat(f->arena, &sized.stat), -EINVAL);
	sized.stat.size = CA__SIZE_STAT;
	assert_int_equal(codearena_arena_stat(f->arena, &sized.stat), 0);
	assert_int_equal(sized.stat.size, CA__SIZE_STAT);
	assert_int_equal(sized.stat.out_length, f->length);
	assert_int_equal(sized.bytes[CA__SIZE_STAT], 0xff);
	sized.stat.size = sizeof(sized);
	assert_int_equal(codearena_arena_stat(f->arena, &sized.stat), -E2BIG);
	memset(&sized, 0, sizeof(sized));
	sized.stat.size = sizeof(sized);
	assert_int_equal(codearena_arena_stat(f->arena, &sized.stat), 0);
	assert_int_equal(sized.stat.size, sizeof(sized));
	assert_int_equal(sized.stat.out_length, f->length);
}

static int guard_with(struct fixture *f, struct codearena_guard_opts *opts,
		      size_t size)
{
	struct codearena_guard *guard;
	int ret;

	opts->sz = size;
	ret = codearena_guard_new(f->arena, f->page, opts, &guard);
	codearena_guard_free(guard);
	return ret;
}

static void guard_opts(void **state)
{
	struct fixture *f = *state;
	union {
		struct codearena_guard_opts opts;
		uint8_t bytes[sizeof(struct codearena_guard_opts) + NEW_BYTES];
	} sized = { .bytes = { 0 } };

	assert_int_equal(guard_with(f, &sized.opts, GUARD_OPTS_FIRST - 1),
			 -EINVAL);
	assert_int_equal(guard_with(f, &sized.opts, GUARD_OPTS_FIRST), 0);
	assert_int_equal(guard_with(f, &sized.opts, sizeof(sized)), 0);
	sized.bytes[sizeof(sized) - 1] = 1;
	assert_int_equal(guard_with(f, &sized.opts, sizeof(sized)), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(arena_opts, backend_setup),
		cmocka_unit_test_setup(info, backend_setup),
		FIXTURE_TEST(stat),
		FIXTURE_TEST(guard_opts),
	};

	return cmocka_run_group_tests_name("arena_sizes", tests, NULL, NULL);
}
