/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * An arena for each case of a KUnit suite, its commands as functions, and user
 * memory for their arrays.
 */
#ifndef CODEARENA_TESTS_FIXTURE_H
#define CODEARENA_TESTS_FIXTURE_H

#include <kunit/test.h>

#include "../codearena_private.h"

#define TEST_PAGES	130UL	/* page states lie in three chunks */
#define TEST_LENGTH	((u64)TEST_PAGES << PAGE_SHIFT)
#define TEST_USER	SZ_256K	/* bytes of user memory */
#define G(n)		((u64)(n) * CODEARENA_GRANULE)
#define P(n)		((u64)(n) * PAGE_SIZE)

/**
 * struct test_arena - what a case works on; in kunit::priv
 * @arena: an arena of TEST_LENGTH bytes, nothing committed
 * @file: stands for the handle that reserved it; it was never opened
 * @user: user address of TEST_USER bytes, behind which nothing is mapped
 * @failed: out_failed of the last command that has one
 */
struct test_arena {
	struct codearena_arena *arena;
	struct file *file;
	unsigned long user;
	u32 failed;
};

/* For struct kunit_suite. */
int test_suite_init(struct kunit_suite *suite);
void test_suite_exit(struct kunit_suite *suite);
int test_init(struct kunit *test);
int test_init_slow(struct kunit *test);
void test_exit(struct kunit *test);

#define TEST_SUITE(_name, _cases, _init)		\
	static struct kunit_suite _cases##_suite = {	\
		.name = _name,				\
		.suite_init = test_suite_init,		\
		.suite_exit = test_suite_exit,		\
		.init = _init,				\
		.exit = test_exit,			\
		.test_cases = _cases,			\
	};						\
	kunit_test_suites(&_cases##_suite)

/* Another arena instead; the old one is freed. */
void test_reserve(struct kunit *test, u64 length, u64 commit_limit, u32 flags);
void test_set_module_limit(struct kunit *test, unsigned long megabytes);
void test_set_user_share(struct kunit *test, unsigned int percent);
void test_set_slow_path(struct kunit *test, bool slow);

/* User memory, by the offset in it. */
unsigned long test_user(struct kunit *test, size_t at);
unsigned long test_user_put(struct kunit *test, size_t at, const void *from,
			    size_t length);

/* Commands: 0 or a negative errno. */
int test_commit(struct kunit *test, u64 offset, u64 length);
int test_decommit(struct kunit *test, u64 offset, u64 length);
int test_seal(struct kunit *test, u64 offset, u64 length, u32 flags);
int test_write(struct kunit *test, const struct codearena_chunk *chunks,
	       u32 count);
int test_publish(struct kunit *test, struct codearena_object *objects,
		 u32 count, const struct codearena_patch_entry *patches,
		 u32 patch_count);
int test_patch(struct kunit *test, const struct codearena_patch_entry *patches,
	       u32 count);
int test_discard(struct kunit *test, const struct codearena_range *ranges,
		 u32 count);
int test_discard1(struct kunit *test, u64 offset, u64 length);
int test_register(struct kunit *test, u64 offset, u64 length,
		  const struct codearena_trap *traps, u32 count, u64 *id);
int test_release(struct kunit *test, u64 id);

static inline struct test_arena *test_arena(struct kunit *test)
{
	return test->priv;
}

static inline struct codearena_page *test_page(struct kunit *test,
					       unsigned long index)
{
	return codearena_page_get(test_arena(test)->arena, index);
}

/* Where a committed byte of the arena is. */
static inline void *test_byte(struct kunit *test, u64 offset)
{
	return test_page(test, offset >> PAGE_SHIFT)->data +
	       offset_in_page(offset);
}

/* Is all of it trap fill? Not beyond a page. */
bool test_is_fill(struct kunit *test, u64 offset, size_t length);

/* Everything that must hold of an arena between commands. */
void test_check_arena(struct kunit *test);

#endif /* CODEARENA_TESTS_FIXTURE_H */
