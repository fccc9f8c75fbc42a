// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: bytes on their way into an arena, and back when something fails.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../batch.h"
#include "fixture.h"
#include "seed.h"

#define ROUNDS		500
#define MODEL_PAGES	4U
#define MODEL_LENGTH	(MODEL_PAGES * (u32)PAGE_SIZE)
#define MOST		4U

static const struct codearena_counters *counters(struct kunit *test)
{
	return &test_arena(test)->arena->counters;
}

/* Fill a part of the user memory with one byte, and say where it is. */
static u64 source_of(struct kunit *test, u8 byte, size_t length)
{
	u8 *bytes = kunit_kmalloc(test, length, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	memset(bytes, byte, length);
	return test_user_put(test, 0, bytes, length);
}

/* A source of which only the first bytes can be read. */
static u64 source_short(struct kunit *test, size_t readable)
{
	return test_user(test, TEST_USER - readable);
}

static bool holds(struct kunit *test, u64 offset, u8 byte, size_t length)
{
	return !memchr_inv(test_byte(test, offset), byte, length);
}

static int write_one(struct kunit *test, u64 offset, u64 source, u64 length)
{
	struct codearena_chunk chunk = {
		.offset = offset,
		.source = source,
		.length = length,
	};

	return test_write(test, &chunk, 1);
}

static int publish_one(struct kunit *test, u64 offset, u64 source, u64 length)
{
	struct codearena_object object = {
		.offset = offset,
		.source = source,
		.length = length,
	};

	return test_publish(test, &object, 1, NULL, 0);
}

static void commit_pages(struct kunit *test, unsigned long pages)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(pages)));
}

static void write_marks_granules(struct kunit *test)
{
	commit_pages(test, 2);
	KUNIT_EXPECT_EQ(test, 0, write_one(test, G(1) + 1,
					   source_of(test, 7, 64), G(1)));
	KUNIT_EXPECT_EQ(test, 6ULL, test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_TRUE(test, holds(test, G(1) + 1, 7, G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, G(1) + 1));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(2) + 1, G(1) - 1));
	KUNIT_EXPECT_EQ(test, G(1), counters(test)->written);
}

static void write_across_pages(struct kunit *test)
{
	commit_pages(test, 3);
	KUNIT_EXPECT_EQ(test, 0, write_one(test, P(1) - 1,
					   source_of(test, 9, P(1) + 2),
					   P(1) + 2));
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, U64_MAX, test_page(test, 1)->written);
	KUNIT_EXPECT_EQ(test, 1ULL, test_page(test, 2)->written);
	KUNIT_EXPECT_TRUE(test, holds(test, P(1) - 1, 9, 1));
	KUNIT_EXPECT_TRUE(test, holds(test, P(1), 9, P(1)));
	KUNIT_EXPECT_TRUE(test, holds(test, P(2), 9, 1));
}

static void write_refuses(struct kunit *test)
{
	u64 source = source_of(test, 7, 256);

	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(4), G(1), 0));
	KUNIT_EXPECT_EQ(test, -EPERM, write_one(test, G(3), source, G(1) + 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, write_one(test, P(1) - 1, source, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, write_one(test, 0, source, 0));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW, write_one(test, U64_MAX, source, 2));
	KUNIT_EXPECT_EQ(test, 0U, test_arena(test)->failed);
	test_page(test, 0)->claimed = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, write_one(test, 0, source, 1));
	KUNIT_EXPECT_EQ(test, 1ULL, test_page(test, 0)->claimed);
	test_page(test, 0)->claimed = 0;
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->written);
}

static void write_two_in_a_granule(struct kunit *test)
{
	u64 source = source_of(test, 7, 64);
	struct codearena_chunk chunks[] = {
		{ 0, source, 8 }, { G(1), source, 8 }, { 8, source, 8 },
	};

	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, -EBUSY, test_write(test, chunks, 3));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->claimed);
	KUNIT_EXPECT_EQ(test, 0, test_write(test, chunks, 2));
}

/* What was trap fill is that again, also where the copy got to. */
static void restore_fill(struct kunit *test)
{
	commit_pages(test, 2);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			write_one(test, G(60), source_short(test, G(8)),
				  G(16)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, P(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, P(1), P(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 1)->written);
}

/* What was written before is that again. */
static void restore_written(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, write_one(test, G(2),
					   source_of(test, 0x11, G(2)), G(2)));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			write_one(test, G(1), source_short(test, G(2) + 5),
				  G(4)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(1), G(1)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(2), 0x11, G(2)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(4), G(1)));
	KUNIT_EXPECT_EQ(test, 0xcULL, test_page(test, 0)->written);
}

/* Only the last of several entries fails: those in front go back too. */
static void restore_all_entries(struct kunit *test)
{
	u64 source = source_of(test, 0x22, P(1));
	struct codearena_chunk chunks[] = {
		{ G(8), source, G(2) },
		{ G(0), source, G(1) },
		{ P(1) - G(2), source, G(4) },
		{ P(1) + G(8), source_short(test, 3), 4 },
	};

	commit_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, write_one(test, G(9),
					   source_of(test, 0x33, G(1)), G(1)));
	KUNIT_ASSERT_EQ(test, 0, write_one(test, P(1),
					   source_of(test, 0x44, G(1)), G(1)));
	KUNIT_EXPECT_EQ(test, -EFAULT, test_write(test, chunks, 4));
	KUNIT_EXPECT_EQ(test, 3U, test_arena(test)->failed);
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, G(9)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(9), 0x33, G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(10), P(1) - G(10)));
	KUNIT_EXPECT_TRUE(test, holds(test, P(1), 0x44, G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, P(1) + G(1), P(1) - G(1)));
}

/* Restoring gives back what was there, and touches nothing else. */
static void restore_directly(struct kunit *test)
{
	struct codearena_chunk chunk = { .offset = G(1), .length = G(3) };
	struct codearena_batch batch = {
		.arena = test_arena(test)->arena,
		.entries = &chunk,
		.stride = sizeof(chunk),
		.count = 1,
		.pieces = 1,
		.written = 1,
	};
	u8 *bytes;

	commit_pages(test, 1);
	bytes = test_byte(test, 0);
	memset(bytes + G(2), 0x55, G(1));
	test_page(test, 0)->written = BIT_ULL(2);
	batch.undo = kmemdup(bytes + G(2), G(1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, batch.undo);
	memset(bytes + G(1), 0x66, G(4));
	codearena_batch_restore(&batch);
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(1), G(1)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(2), 0x55, G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(3), G(1)));
	KUNIT_EXPECT_TRUE(test, holds(test, G(4), 0x66, G(1)));
	codearena_arch_fill(bytes + G(4), G(1));
	kfree(batch.undo);
}

/* Where the copy did not get to, nothing is put back. */
static void restore_only_pieces_copied(struct kunit *test)
{
	struct codearena_chunk chunk = { .offset = 0, .length = P(2) };
	struct codearena_batch batch = {
		.arena = test_arena(test)->arena,
		.entries = &chunk,
		.stride = sizeof(chunk),
		.count = 1,
		.pieces = 1,
	};

	commit_pages(test, 2);
	memset(test_byte(test, 0), 0x77, P(1));
	memset(test_byte(test, P(1)), 0x77, P(1));
	codearena_batch_restore(&batch);
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, P(1)));
	KUNIT_EXPECT_TRUE(test, holds(test, P(1), 0x77, P(1)));
	codearena_arch_fill(test_byte(test, P(1)), P(1));
}

static void claims_release(struct kunit *test)
{
	struct codearena_arena *arena = test_arena(test)->arena;

	commit_pages(test, 2);
	mutex_lock(&arena->lock);
	test_page(test, 0)->claimed = U64_MAX;
	test_page(test, 1)->claimed = U64_MAX;
	codearena_claims_release_locked(arena, P(1) - G(1), G(2));
	codearena_claims_release_locked(arena, 0, 0);
	mutex_unlock(&arena->lock);
	KUNIT_EXPECT_EQ(test, U64_MAX >> 1, test_page(test, 0)->claimed);
	KUNIT_EXPECT_EQ(test, ~1ULL, test_page(test, 1)->claimed);
	test_page(test, 0)->claimed = 0;
	test_page(test, 1)->claimed = 0;
}

static void publish_seals_and_fills_rest(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, G(1),
					     source_of(test, 0x12, 70), 70));
	KUNIT_EXPECT_TRUE(test, holds(test, G(1), 0x12, 70));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(1) + 72, G(2) - 72));
	KUNIT_EXPECT_EQ(test, 6ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->published);
	KUNIT_EXPECT_EQ(test, 70ULL, counters(test)->written);
}

/* What WRITE left behind the object does not become code. */
static void publish_over_written(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, write_one(test, 0, source_of(test, 5, G(2)),
					   G(2)));
	KUNIT_EXPECT_EQ(test, 0, publish_one(test, 0, source_of(test, 6, 8), 8));
	KUNIT_EXPECT_TRUE(test, holds(test, 0, 6, 8));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 8, G(1) - 8));
	KUNIT_EXPECT_TRUE(test, holds(test, G(1), 5, G(1)));
}

static void publish_failed_patch_undoes(struct kunit *test)
{
	u64 source = source_of(test, 0x12, G(1));
	struct codearena_object object = {
		.offset = G(1),
		.source = source,
		.length = G(1),
	};
	struct codearena_patch_entry patch = {
		.offset = 0,
		.width = 8,
		.expected = 1,
		.value = 2,
	};

	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, G(1),
					   CODEARENA_SEAL_F_PATCHABLE));
	KUNIT_EXPECT_EQ(test, -EAGAIN, test_publish(test, &object, 1, &patch, 1));
	KUNIT_EXPECT_EQ(test, 1U, test_arena(test)->failed);
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, P(1)));
	KUNIT_EXPECT_EQ(test, 1ULL, test_page(test, 0)->sealed);
	patch.expected = *(u64 *)test_byte(test, 0);
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, &object, 1, &patch, 1));
	KUNIT_EXPECT_EQ(test, 2ULL, *(u64 *)test_byte(test, 0));
	KUNIT_EXPECT_EQ(test, 3ULL, test_page(test, 0)->sealed);
}

/**
 * struct batch_model - what an arena must look like
 * @bytes: all of it
 * @sealed: by granule
 */
struct batch_model {
	u8 bytes[MODEL_PAGES * PAGE_SIZE];
	bool sealed[MODEL_PAGES * CODEARENA_GRANULES];
};

static void model_discard(struct kunit *test, struct batch_model *model,
			  u32 first, u32 count)
{
	KUNIT_ASSERT_EQ(test, 0, test_discard1(test, G(first), G(count)));
	codearena_arch_fill(model->bytes + G(first), G(count));
	memset(model->sealed + first, 0, count);
}

/* Page by page: that a seal is in the way is said before a claim is. */
static int model_claim(const struct batch_model *model, bool *claimed, u64 at,
		       u64 end)
{
	bool sealed = false, busy = false;
	u64 i;

	for (i = at / CODEARENA_GRANULE; i * CODEARENA_GRANULE < end; i++) {
		sealed |= model->sealed[i];
		busy |= claimed[i];
		claimed[i] = true;
		if (G(i + 1) < end && (i + 1) % CODEARENA_GRANULES)
			continue;
		if (sealed || busy)
			return sealed ? -EPERM : -EBUSY;
	}
	return 0;
}

/* One entry after the other, byte for byte. What fails leaves a mess in @next. */
static int model_run(struct batch_model *next, const u8 *user, unsigned long base,
		     const struct codearena_object *objects, u32 count,
		     bool publish)
{
	bool claimed[MODEL_PAGES * CODEARENA_GRANULES] = {};
	u64 i, at;
	int ret;
	u32 n;

	for (n = 0; n < count; n++) {
		ret = model_claim(next, claimed, objects[n].offset,
				  objects[n].offset + objects[n].length);
		if (ret)
			return ret;
	}
	for (n = 0; n < count; n++) {
		at = objects[n].source - base;
		if (at + objects[n].length > TEST_USER)
			return -EFAULT;
		for (i = 0; i < objects[n].length; i++)
			next->bytes[objects[n].offset + i] = user[at + i];
		at = objects[n].offset + objects[n].length;
		if (publish)
			codearena_arch_fill(next->bytes + at,
					    -at % CODEARENA_GRANULE);
		for (i = objects[n].offset; publish &&
		     i < objects[n].offset + objects[n].length; i++)
			next->sealed[i / CODEARENA_GRANULE] = true;
	}
	return 0;
}

static void model_entry(struct rnd_state *random, unsigned long base,
			struct codearena_object *object, bool publish)
{
	u64 offset = codearena_test_below(random, MODEL_LENGTH);
	u32 from = TEST_USER / 4;

	if (publish)
		offset = round_down(offset, CODEARENA_GRANULE);
	*object = (struct codearena_object) {
		.offset = offset,
		.source = base + codearena_test_below(random, from),
		.length = 1 + codearena_test_below(random, 600),
	};
	if (!codearena_test_below(random, 10))
		object->source = base + TEST_USER -
				 codearena_test_below(random, 600);
	object->length = min_t(u64, object->length, MODEL_LENGTH - offset);
}

static int model_call(struct kunit *test, struct codearena_object *objects,
		      u32 count, bool publish)
{
	struct codearena_chunk chunks[MOST];
	u32 i;

	if (publish)
		return test_publish(test, objects, count, NULL, 0);
	for (i = 0; i < count; i++) {
		chunks[i].offset = objects[i].offset;
		chunks[i].source = objects[i].source;
		chunks[i].length = objects[i].length;
	}
	return test_write(test, chunks, count);
}

static void model_compare(struct kunit *test, const struct batch_model *model)
{
	u32 i;

	for (i = 0; i < MODEL_PAGES; i++)
		KUNIT_ASSERT_EQ_MSG(test, 0,
				    memcmp(model->bytes + P(i),
					   test_byte(test, P(i)), P(1)),
				    "page %u", i);
	for (i = 0; i < MODEL_PAGES * CODEARENA_GRANULES; i++)
		KUNIT_ASSERT_EQ_MSG(test, model->sealed[i],
				    !!(test_page(test, i / 64)->sealed &
				       BIT_ULL(i % 64)), "granule %u", i);
}

/* WRITE, PUBLISH and DISCARD at random, against the bytes they must leave. */
static void batch_random(struct kunit *test)
{
	unsigned long base = test_user(test, 0);
	struct codearena_object objects[MOST];
	struct batch_model *model, *next;
	struct rnd_state random;
	u32 round, count, i;
	int wanted, ret;
	bool publish;
	u8 *user;

	codearena_test_seed(test, &random);
	user = kunit_kmalloc(test, TEST_USER, GFP_KERNEL);
	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	next = kunit_kzalloc(test, sizeof(*next), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, next);
	prandom_bytes_state(&random, user, TEST_USER);
	test_user_put(test, 0, user, TEST_USER);
	test_reserve(test, MODEL_LENGTH, 0, 0);
	commit_pages(test, MODEL_PAGES);
	codearena_arch_fill(model->bytes, MODEL_LENGTH);
	for (round = 0; round < ROUNDS; round++) {
		if (round % 8 == 7) {
			i = codearena_test_below(&random, 200);
			model_discard(test, model, i,
				      1 + codearena_test_below(&random, 56));
		}
		publish = codearena_test_below(&random, 2);
		count = 1 + codearena_test_below(&random, MOST);
		for (i = 0; i < count; i++)
			model_entry(&random, base, &objects[i], publish);
		*next = *model;
		/* The arrays of the call lie in the upper half: no source. */
		wanted = model_run(next, user, base, objects, count, publish);
		ret = model_call(test, objects, count, publish);
		KUNIT_ASSERT_EQ_MSG(test, wanted, ret, "round %u", round);
		if (!ret)
			swap(model, next);
		model_compare(test, model);
	}
}

/* Objects for the fast path, and larger ones that it leaves to the general path. */
static void publish_sizes(struct kunit *test)
{
	const u64 source = source_of(test, 5, P(1) + G(1));
	struct codearena_object objects[9];
	u64 length;
	u32 i;

	commit_pages(test, 8);
	for (i = 0; i < 9; i++)
		objects[i] = (struct codearena_object) { G(i), source, 7 };
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, objects, 8, NULL, 0));
	for (i = 0; i < 9; i++)
		objects[i].offset = G(i + 8);
	KUNIT_EXPECT_EQ(test, 0, test_publish(test, objects, 9, NULL, 0));
	KUNIT_EXPECT_EQ(test, BIT_ULL(17) - 1, test_page(test, 0)->sealed);
	for (length = P(1) - 1; length <= P(1) + 1; length++) {
		i = 1 + 2 * (length + 1 - P(1));
		KUNIT_EXPECT_EQ(test, 0, publish_one(test, P(i), source,
						     length));
		KUNIT_EXPECT_TRUE(test, holds(test, P(i), 5, P(1) - 1));
	}
	KUNIT_EXPECT_EQ(test, 17ULL + 3, counters(test)->published);
	KUNIT_EXPECT_EQ(test, 17ULL * 7 + 3 * P(1), counters(test)->written);
}

#define BATCH_CASES {							\
	KUNIT_CASE(write_marks_granules),				\
	KUNIT_CASE(write_across_pages),					\
	KUNIT_CASE(write_refuses),					\
	KUNIT_CASE(write_two_in_a_granule),				\
	KUNIT_CASE(restore_fill),					\
	KUNIT_CASE(restore_written),					\
	KUNIT_CASE(restore_all_entries),				\
	KUNIT_CASE(restore_directly),					\
	KUNIT_CASE(restore_only_pieces_copied),				\
	KUNIT_CASE(claims_release),					\
	KUNIT_CASE(publish_seals_and_fills_rest),			\
	KUNIT_CASE(publish_over_written),				\
	KUNIT_CASE(publish_failed_patch_undoes),			\
	KUNIT_CASE(batch_random),					\
	KUNIT_CASE(publish_sizes),					\
	{}								\
}

static struct kunit_case codearena_batch_cases[] = BATCH_CASES;

/* The same cases without the fast paths. */
static struct kunit_case codearena_batch_slow_cases[] = BATCH_CASES;

TEST_SUITE("codearena_batch", codearena_batch_cases, test_init);
TEST_SUITE("codearena_batch_slow", codearena_batch_slow_cases, test_init_slow);
