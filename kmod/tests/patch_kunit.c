// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: which patches are accepted, and what they store.
 */
#include "fixture.h"
#include "seed.h"

#define ROUNDS	1500
#define MOST	12U

static struct codearena_patch_entry patch_at(u64 offset, u32 width,
					     u64 expected, u64 value)
{
	return (struct codearena_patch_entry) {
		.offset = offset,
		.width = width,
		.expected = expected,
		.value = value,
	};
}

/* Two pages; the first two granules are slots that hold 0. */
static void make_slots(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(2)));
	memset(test_byte(test, 0), 0, G(3));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, G(2),
					   CODEARENA_SEAL_F_PATCHABLE));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(2), G(1), 0));
}

static int check(struct kunit *test, const struct codearena_patch_entry *patches,
		 u32 count)
{
	struct test_arena *t = test_arena(test);

	t->failed = CODEARENA_NO_INDEX;
	return codearena_patches_check(t->arena, patches, count, &t->failed);
}

static int check_one(struct kunit *test, u64 offset, u32 width)
{
	struct codearena_patch_entry patch = patch_at(offset, width, 0, 0);

	return check(test, &patch, 1);
}

static u64 word(struct kunit *test, u64 offset)
{
	return *(u64 *)test_byte(test, offset);
}

static void patch_widths(struct kunit *test)
{
	u32 width;

	for (width = 0; width < 20; width++)
		KUNIT_EXPECT_EQ_MSG(test, width == 4 || width == 8 ? 0 : -EINVAL,
				    check_one(test, 0, width), "width %u", width);
}

static void patch_alignment(struct kunit *test)
{
	u64 at;

	for (at = 0; at < 16; at++) {
		KUNIT_EXPECT_EQ(test, at % 4 ? -EINVAL : 0,
				check_one(test, at, 4));
		KUNIT_EXPECT_EQ(test, at % 8 ? -EINVAL : 0,
				check_one(test, at, 8));
	}
}

static void patch_outside(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check_one(test, TEST_LENGTH - 8, 8));
	KUNIT_EXPECT_EQ(test, -ENOENT, check_one(test, TEST_LENGTH, 4));
	KUNIT_EXPECT_EQ(test, -ENOENT, check_one(test, U64_MAX - 15, 8));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW, check_one(test, U64_MAX - 7, 8));
	KUNIT_EXPECT_EQ(test, 0U, test_arena(test)->failed);
}

static void patch_values_fit(struct kunit *test)
{
	struct codearena_patch_entry patch = patch_at(0, 4, 0, 1ULL << 32);

	KUNIT_EXPECT_EQ(test, -EINVAL, check(test, &patch, 1));
	patch = patch_at(0, 4, 1ULL << 32, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, check(test, &patch, 1));
	patch = patch_at(0, 4, U32_MAX, U32_MAX);
	KUNIT_EXPECT_EQ(test, 0, check(test, &patch, 1));
	patch = patch_at(0, 8, U64_MAX, U64_MAX);
	KUNIT_EXPECT_EQ(test, 0, check(test, &patch, 1));
}

static void patch_reserved(struct kunit *test)
{
	struct codearena_patch_entry patch = patch_at(1, 3, 0, 0);

	patch.__reserved = 1;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, check(test, &patch, 1));
}

static void patch_no_entries(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check(test, NULL, 0));
}

static void patch_twin(struct kunit *test)
{
	struct codearena_patch_entry patches[] = {
		patch_at(16, 8, 0, 0), patch_at(8, 8, 0, 0),
		patch_at(16, 8, 0, 0),
	};

	KUNIT_EXPECT_EQ(test, 0, check(test, patches, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, check(test, patches, 3));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
}

static void patch_halves(struct kunit *test)
{
	struct codearena_patch_entry patches[] = {
		patch_at(4, 4, 0, 0), patch_at(0, 4, 0, 0), patch_at(0, 8, 0, 0),
	};

	KUNIT_EXPECT_EQ(test, 0, check(test, patches, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, check(test, patches, 3));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, -EINVAL, check(test, patches + 1, 2));
	KUNIT_EXPECT_EQ(test, 1U, test_arena(test)->failed);
}

/* Which bytes each entry names, the slow way. */
static bool naive_distinct(const struct codearena_patch_entry *patches,
			   u32 count)
{
	u64 used[32] = {}, bits;
	u32 i;

	for (i = 0; i < count; i++) {
		bits = GENMASK_ULL(patches[i].width - 1, 0);
		bits <<= patches[i].offset % 64;
		if (used[patches[i].offset / 64] & bits)
			return false;
		used[patches[i].offset / 64] |= bits;
	}
	return true;
}

static void patch_distinct_random(struct kunit *test)
{
	struct codearena_patch_entry patches[MOST];
	u32 round, count, width, limit, failed, i, twins = 0;
	struct rnd_state random;
	bool distinct;

	codearena_test_seed(test, &random);
	for (round = 0; round < ROUNDS; round++) {
		count = 1 + codearena_test_below(&random, MOST);
		limit = 16 << codearena_test_below(&random, 4);
		for (i = 0; i < count; i++) {
			width = codearena_test_below(&random, 2) ? 4 : 8;
			patches[i] = patch_at(codearena_test_below(&random, limit) *
					      width, width, 0, 0);
		}
		distinct = naive_distinct(patches, count);
		KUNIT_ASSERT_EQ(test, distinct ? 0 : -EINVAL,
				check(test, patches, count));
		failed = test_arena(test)->failed;
		if (distinct) {
			KUNIT_ASSERT_EQ(test, CODEARENA_NO_INDEX, failed);
			continue;
		}
		twins++;
		/* The one to blame touches one in front of it. */
		KUNIT_ASSERT_LT(test, failed, count);
		for (i = 0; i < failed; i++) {
			if (patches[i].offset <
			    patches[failed].offset + patches[failed].width &&
			    patches[failed].offset <
			    patches[i].offset + patches[i].width)
				break;
		}
		KUNIT_ASSERT_LT(test, i, failed);
	}
	KUNIT_EXPECT_GT(test, twins, 0U);
	KUNIT_EXPECT_LT(test, twins, (u32)ROUNDS);
}

static void patch_stores(struct kunit *test)
{
	struct codearena_patch_entry patches[] = {
		patch_at(8, 8, 0, 0x1122334455667788ULL),
		patch_at(0, 4, 0, 0xcafef00dU),
	};

	make_slots(test);
	KUNIT_EXPECT_EQ(test, 0, test_patch(test, patches, 2));
	KUNIT_EXPECT_EQ(test, 0x1122334455667788ULL, word(test, 8));
	KUNIT_EXPECT_EQ(test, 0xcafef00dU, *(u32 *)test_byte(test, 0));
	KUNIT_EXPECT_EQ(test, 0U, *(u32 *)test_byte(test, 4));
	KUNIT_EXPECT_EQ(test, 2ULL, test_arena(test)->arena->counters.patched);
}

static void patch_compares_first(struct kunit *test)
{
	struct codearena_patch_entry patches[] = {
		patch_at(8, 8, 0, 1), patch_at(16, 8, 5, 6), patch_at(24, 8, 0, 7),
	};

	make_slots(test);
	KUNIT_EXPECT_EQ(test, -EAGAIN, test_patch(test, patches, 3));
	KUNIT_EXPECT_EQ(test, 1U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, 0ULL, word(test, 8));
	KUNIT_EXPECT_EQ(test, 0ULL, word(test, 24));
	KUNIT_EXPECT_EQ(test, 0ULL, test_arena(test)->arena->counters.patched);
}

/* A word of 4 bytes is compared by itself. */
static void patch_compares_its_width(struct kunit *test)
{
	struct codearena_patch_entry patch = patch_at(0, 4, 0, 9);

	make_slots(test);
	*(u32 *)test_byte(test, 4) = 77;
	KUNIT_EXPECT_EQ(test, 0, test_patch(test, &patch, 1));
	KUNIT_EXPECT_EQ(test, 77U, *(u32 *)test_byte(test, 4));
	KUNIT_EXPECT_EQ(test, 9U, *(u32 *)test_byte(test, 0));
}

static void patch_places(struct kunit *test)
{
	struct codearena_patch_entry patches[] = {
		patch_at(G(2) - 8, 8, 0, 1), patch_at(G(2), 8, 0, 1),
	};

	make_slots(test);
	/* Sealed for good. */
	KUNIT_EXPECT_EQ(test, -EPERM, test_patch(test, patches, 2));
	KUNIT_EXPECT_EQ(test, 1U, test_arena(test)->failed);
	/* Not sealed, not committed, never near anything committed. */
	patches[1].offset = G(3);
	KUNIT_EXPECT_EQ(test, -EPERM, test_patch(test, patches, 2));
	patches[1].offset = P(2);
	KUNIT_EXPECT_EQ(test, -ENOENT, test_patch(test, patches, 2));
	patches[1].offset = P(100);
	KUNIT_EXPECT_EQ(test, -ENOENT, test_patch(test, patches, 2));
	KUNIT_EXPECT_EQ(test, 0ULL, word(test, G(2) - 8));
	KUNIT_EXPECT_EQ(test, 0, test_patch(test, patches, 1));
}

static void patch_random(struct kunit *test)
{
	struct codearena_patch_entry patches[MOST];
	u32 model[32] = {}, round, count, i, at;
	struct rnd_state random;
	int wanted, ret;

	codearena_test_seed(test, &random);
	make_slots(test);
	for (round = 0; round < ROUNDS; round++) {
		count = 1 + codearena_test_below(&random, MOST);
		at = codearena_test_below(&random, 4);
		wanted = 0;
		for (i = 0; i < count; i++) {
			patches[i] = patch_at(at * 4, 4, model[at],
					      prandom_u32_state(&random));
			if (!wanted && !codearena_test_below(&random, 30)) {
				patches[i].expected ^= BIT(round % 32);
				wanted = -EAGAIN;
			}
			at += 1 + codearena_test_below(&random, 2);
		}
		ret = test_patch(test, patches, count);
		KUNIT_ASSERT_EQ(test, wanted, ret);
		for (i = 0; !ret && i < count; i++)
			model[patches[i].offset / 4] = patches[i].value;
		KUNIT_ASSERT_EQ(test, 0, memcmp(model, test_byte(test, 0),
						sizeof(model)));
	}
}

static struct kunit_case codearena_patch_cases[] = {
	KUNIT_CASE(patch_widths),
	KUNIT_CASE(patch_alignment),
	KUNIT_CASE(patch_outside),
	KUNIT_CASE(patch_values_fit),
	KUNIT_CASE(patch_reserved),
	KUNIT_CASE(patch_no_entries),
	KUNIT_CASE(patch_twin),
	KUNIT_CASE(patch_halves),
	KUNIT_CASE(patch_distinct_random),
	KUNIT_CASE(patch_stores),
	KUNIT_CASE(patch_compares_first),
	KUNIT_CASE(patch_compares_its_width),
	KUNIT_CASE(patch_places),
	KUNIT_CASE(patch_random),
	{}
};

TEST_SUITE("codearena_patch", codearena_patch_cases, test_init);
