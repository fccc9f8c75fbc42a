// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: code in the place of sealed code, with the tables of both.
 */
#include "../batch.h"
#include "fixture.h"

#define REPLACE		CODEARENA_OBJECT_F_REPLACE
#define PATCHABLE	CODEARENA_OBJECT_F_PATCHABLE

static const struct codearena_counters *counters(struct kunit *test)
{
	return &test_arena(test)->arena->counters;
}

static bool holds(struct kunit *test, u64 offset, u8 byte, size_t length)
{
	return !memchr_inv(test_byte(test, offset), byte, length);
}

/* User memory in which each page holds one byte, its number. */
static u64 source_of(struct kunit *test, u8 byte)
{
	return test_user(test, P(byte));
}

static struct codearena_object object_of(struct kunit *test, u64 offset,
					 u8 byte, u64 length, u32 flags)
{
	return (struct codearena_object) {
		.offset = offset,
		.source = source_of(test, byte),
		.length = length,
		.flags = flags,
	};
}

static int publish_one(struct kunit *test, u64 offset, u8 byte, u64 length,
		       u32 flags)
{
	struct codearena_object object = object_of(test, offset, byte, length,
						   flags);

	return test_publish(test, &object, 1, NULL, 0);
}

/* Four pages; granules 0 to 15 are sealed, and hold 1. */
static void begin(struct kunit *test)
{
	u8 *bytes = kunit_kmalloc(test, P(2), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	for (u8 byte = 1; byte < 8; byte++) {
		memset(bytes, byte, P(1));
		test_user_put(test, P(byte), bytes, P(1));
	}
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(4)));
	KUNIT_ASSERT_EQ(test, 0, publish_one(test, 0, 1, G(16), 0));
}

static void states_and_counters(struct kunit *test)
{
	begin(test);
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, G(15), 2, G(1) + 2,
					     REPLACE | PATCHABLE));
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 1, G(15)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(15), 2, G(1) + 2));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(16) + 4, G(1) - 4));
	KUNIT_EXPECT_EQ(test, 0x1ffffULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0x18000ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 0x1ffffULL, test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, 17ULL, counters(test)->sealed);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->patchable);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->discarded);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->syncs);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->published);
	/* And back to what cannot be patched. */
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, G(15), 3, G(2), REPLACE));
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->patchable);
	KUNIT_EXPECT_EQ(test, 3ULL, counters(test)->discarded);
	test_check_arena(test);
}

/* What was sealed, what was written, what held nothing. */
static void mixed_states(struct kunit *test)
{
	struct codearena_chunk chunk = {
		.offset = P(1),
		.source = source_of(test, 4),
		.length = G(3),
	};

	begin(test);
	KUNIT_ASSERT_EQ(test, 0, test_write(test, &chunk, 1));
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, G(8), 5, P(1), REPLACE));
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 1, G(8)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(8), 5, P(1) - G(8)));
	KUNIT_EXPECT_TRUE(test, holds(test, P(1), 5, G(8)));
	KUNIT_EXPECT_EQ(test, 8ULL, counters(test)->discarded);
	KUNIT_EXPECT_EQ(test, 72ULL, counters(test)->sealed);
	test_check_arena(test);
}

/* The object that is refused is the last, and the rest is undone. */
static void refused(struct kunit *test, int error,
		    const struct codearena_object *bad)
{
	struct codearena_object objects[] = {
		object_of(test, 0, 6, G(4), REPLACE),
		object_of(test, P(1), 6, G(4), 0),
		*bad,
	};
	const struct codearena_counters before = *counters(test);

	KUNIT_EXPECT_EQ(test, error, test_publish(test, objects, 3, NULL, 0));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 1, G(16)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, P(1), G(4)));
	KUNIT_EXPECT_EQ(test, 0xffffULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->claimed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->settling);
	KUNIT_EXPECT_EQ(test, 0, memcmp(counters(test), &before,
					sizeof(before)));
	test_check_arena(test);
}

static void refused_objects(struct kunit *test)
{
	struct codearena_object bad;

	begin(test);
	bad = object_of(test, G(4), 6, G(1), 0);
	refused(test, -EPERM, &bad);
	bad = object_of(test, G(3), 6, G(1), REPLACE);
	refused(test, -EBUSY, &bad);
	bad = object_of(test, P(4) - G(1), 6, G(2), REPLACE);
	refused(test, -ENOENT, &bad);
	bad = object_of(test, G(8), 6, G(2), REPLACE);
	bad.source = test_user(test, TEST_USER - 5);
	refused(test, -EFAULT, &bad);
}

static void permanent(struct kunit *test)
{
	test_reserve(test, TEST_LENGTH, 0, CODEARENA_RESERVE_F_PERMANENT);
	begin(test);
	KUNIT_EXPECT_EQ(test, -EPERM, publish_one(test, 0, 2, G(1), REPLACE));
	KUNIT_EXPECT_EQ(test, -EPERM, publish_one(test, P(1), 2, G(1), REPLACE));
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 1, G(16)));
}

static u64 traps_at(struct kunit *test, size_t at,
		    const struct codearena_trap *trap)
{
	return test_user_put(test, P(10) + at * sizeof(*trap), trap,
			     sizeof(*trap));
}

/* Tables of the old code go, also one that reaches out of it. */
static void tables_exchanged(struct kunit *test)
{
	const struct codearena_trap trap = {
		.start = 0,
		.length = 1,
		.landing = G(15),
	};
	struct codearena_object object;
	u64 id[40];

	begin(test);
	for (u32 i = 0; i < 12; i++)
		KUNIT_ASSERT_EQ(test, 0, test_register(test, G(i), G(1), &trap,
						       1, &id[i]));
	KUNIT_ASSERT_EQ(test, 0, test_register(test, G(12), G(2), &trap, 1,
					       &id[12]));
	object = object_of(test, 0, 2, G(13), REPLACE);
	object.traps = traps_at(test, 0, &trap);
	object.trap_count = 1;
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, &object, 1, NULL, 0));
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->trap_tables);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->trap_entries);
	for (u32 i = 0; i < 13; i++)
		KUNIT_EXPECT_EQ(test, -ENOENT, test_release(test, id[i]));
	test_check_arena(test);
	/* More of them than go at once. */
	KUNIT_ASSERT_EQ(test, 0, publish_one(test, P(2), 2, P(1), 0));
	for (u32 i = 0; i < 40; i++)
		KUNIT_ASSERT_EQ(test, 0, test_register(test, P(2) + G(i), G(1),
						       &trap, 1, &id[i]));
	object.offset = P(2);
	object.length = G(40);
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, &object, 1, NULL, 0));
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->trap_tables);
	test_check_arena(test);
}

static void pads_in_use(struct kunit *test)
{
	const struct codearena_trap trap = {
		.start = 0,
		.length = 1,
		.landing = G(2),
	};
	struct codearena_object bad;
	u64 id;

	begin(test);
	KUNIT_ASSERT_EQ(test, 0, test_register(test, G(12), G(1), &trap, 1,
					       &id));
	bad = object_of(test, G(8), 3, G(1), REPLACE);
	/* Of the objects of refused(), the first one holds the pad. */
	KUNIT_EXPECT_EQ(test, -EBUSY, publish_one(test, G(2), 3, G(1), REPLACE));
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, &bad, 1, NULL, 0));
	KUNIT_EXPECT_TRUE(test, holds(test, G(2), 1, G(1)));
	/* With the code that leads there it may go. */
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, G(2), 3, G(11), REPLACE));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->trap_tables);
	test_check_arena(test);
}

static void refused_traps(struct kunit *test)
{
	const struct codearena_trap old = {
		.start = 0, .length = 1, .landing = G(15),
	};
	/* At its own protected range; at what is not sealed. */
	const struct codearena_trap own = {
		.start = 0, .length = 1, .landing = G(8),
	};
	const struct codearena_trap nowhere = {
		.start = 0, .length = 1, .landing = P(3),
	};
	struct codearena_object bad;
	u64 id[2];

	begin(test);
	KUNIT_ASSERT_EQ(test, 0, test_register(test, 0, G(1), &old, 1, &id[0]));
	KUNIT_ASSERT_EQ(test, 0, test_register(test, G(8), G(1), &old, 1,
					       &id[1]));
	bad = object_of(test, G(8), 6, G(2), REPLACE);
	bad.trap_count = 1;
	bad.traps = traps_at(test, 0, &own);
	refused(test, -EINVAL, &bad);
	bad.traps = traps_at(test, 0, &nowhere);
	refused(test, -ENOENT, &bad);
	KUNIT_EXPECT_EQ(test, 0, test_release(test, id[0]));
	KUNIT_EXPECT_EQ(test, 0, test_release(test, id[1]));
}

#define REPLACE_CASES {							\
	KUNIT_CASE(states_and_counters),				\
	KUNIT_CASE(mixed_states),					\
	KUNIT_CASE(refused_objects),					\
	KUNIT_CASE(permanent),						\
	KUNIT_CASE(tables_exchanged),					\
	KUNIT_CASE(pads_in_use),					\
	KUNIT_CASE(refused_traps),					\
	{}								\
}

static struct kunit_case codearena_replace_cases[] = REPLACE_CASES;

/* The same cases without the fast paths. */
static struct kunit_case codearena_replace_slow_cases[] = REPLACE_CASES;

static int slow_init(struct kunit *test)
{
	int ret = test_init(test);

	if (!ret)
		test_set_slow_path(test, true);
	return ret;
}

TEST_SUITE("codearena_replace", codearena_replace_cases, test_init);
TEST_SUITE("codearena_replace_slow", codearena_replace_slow_cases, slow_init);
