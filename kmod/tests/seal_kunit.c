// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: the bitmaps of a page, and what sets and takes seals.
 */
#include "fixture.h"
#include "seed.h"

#define ROUNDS		1500
#define MODEL_PAGES	4U
#define MODEL_GRANULES	(MODEL_PAGES * CODEARENA_GRANULES)
#define PATCHABLE	CODEARENA_SEAL_F_PATCHABLE

static const struct codearena_counters *counters(struct kunit *test)
{
	return &test_arena(test)->arena->counters;
}

static void commit_pages(struct kunit *test, unsigned long pages)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(pages)));
}

static void seal_sets_bits(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(3), G(2), 0));
	KUNIT_EXPECT_EQ(test, 0x18ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0x18ULL, test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->sealed);
}

static void seal_last_granule(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(63), G(1), 0));
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), test_page(test, 0)->sealed);
}

static void seal_across_pages(struct kunit *test)
{
	commit_pages(test, 3);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(63), P(1) + G(2), 0));
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, U64_MAX, test_page(test, 1)->sealed);
	KUNIT_EXPECT_EQ(test, 1ULL, test_page(test, 2)->sealed);
	KUNIT_EXPECT_EQ(test, 66ULL, counters(test)->sealed);
}

static void seal_twice_counts_once(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, 0, G(4), 0));
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(2), G(4), 0));
	KUNIT_EXPECT_EQ(test, 6ULL, counters(test)->sealed);
}

static void seal_patchable(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, 0, G(2), PATCHABLE));
	KUNIT_EXPECT_EQ(test, 3ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, 0, G(2), PATCHABLE));
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->patchable);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->sealed);
}

static void seal_withdraws_patchable(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, G(3), PATCHABLE));
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(1), G(1), 0));
	KUNIT_EXPECT_EQ(test, 5ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 7ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->patchable);
}

static void seal_never_widens(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(1), G(1), 0));
	KUNIT_EXPECT_EQ(test, -EPERM, test_seal(test, 0, G(2), PATCHABLE));
	KUNIT_EXPECT_EQ(test, 2ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->patchable);
}

static void seal_refuses(struct kunit *test)
{
	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, test_seal(test, 0, G(1), 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_seal(test, 1, G(1), 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_seal(test, 0, G(1) - 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_seal(test, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_seal(test, 0, P(1) + G(1), 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_seal(test, P(70), G(1), 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_seal(test, TEST_LENGTH, G(1), 0));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->sealed);
}

static void seal_claimed(struct kunit *test)
{
	commit_pages(test, 2);
	test_page(test, 1)->claimed = BIT_ULL(5);
	KUNIT_EXPECT_EQ(test, -EBUSY, test_seal(test, 0, P(2), 0));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->sealed);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, P(1), G(5), 0));
	test_page(test, 1)->claimed = 0;
}

static void discard_fills(struct kunit *test)
{
	commit_pages(test, 1);
	memset(test_byte(test, G(2)), 0, G(2));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(2), G(2), PATCHABLE));
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, G(2), G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, G(2), G(1)));
	KUNIT_EXPECT_FALSE(test, test_is_fill(test, G(3), G(1)));
	KUNIT_EXPECT_EQ(test, 8ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 8ULL, test_page(test, 0)->patchable);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->discarded);
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->syncs);
}

/* Who discards what was never sealed need not stop anybody. */
static void discard_unsealed(struct kunit *test)
{
	commit_pages(test, 1);
	memset(test_byte(test, 0), 0, G(1));
	test_page(test, 0)->written = 1;
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, 0, G(1)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, G(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->written);
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->discarded);
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->syncs);
}

static void discard_all_or_nothing(struct kunit *test)
{
	struct codearena_range ranges[] = {
		{ 0, G(1) }, { G(8), G(2) }, { P(1), G(1) },
	};

	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, P(1), 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_discard(test, ranges, 3));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, U64_MAX, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->claimed);
	KUNIT_EXPECT_EQ(test, 0, test_discard(test, ranges, 2));
	KUNIT_EXPECT_EQ(test, 3ULL, counters(test)->discarded);
}

static void discard_named_twice(struct kunit *test)
{
	struct codearena_range ranges[] = { { 0, G(4) }, { G(3), G(1) } };

	commit_pages(test, 1);
	KUNIT_EXPECT_EQ(test, -EBUSY, test_discard(test, ranges, 2));
	KUNIT_EXPECT_EQ(test, 1U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->claimed);
}

static void discard_permanent(struct kunit *test)
{
	test_reserve(test, TEST_LENGTH, 0, CODEARENA_RESERVE_F_PERMANENT);
	commit_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(1), G(1), 0));
	KUNIT_EXPECT_EQ(test, -EPERM, test_discard1(test, 0, G(2)));
	KUNIT_EXPECT_EQ(test, 2ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, 0, G(1)));
}

/* Not sealed; sealed; sealed and patchable. */
enum model { NOWHERE, OPEN, SEALED, SLOT };

static int model_seal(const u8 *model, u32 first, u32 count, u32 flags)
{
	int ret = 0;
	u32 i;

	if (first + count > MODEL_GRANULES)
		return -ENOENT;
	/* Page by page, as user space sees it: the first page decides. */
	for (i = first; i < first + count && !ret; i++) {
		if (model[i] == NOWHERE)
			ret = -ENOENT;
		else if (flags && model[i] == SEALED)
			ret = -EPERM;
	}
	return ret;
}

static int model_discard(const u8 *model, u32 first, u32 count)
{
	u32 i;

	if (first + count > MODEL_GRANULES)
		return -ENOENT;
	for (i = first; i < first + count; i++) {
		if (model[i] == NOWHERE)
			return -ENOENT;
	}
	return 0;
}

static void model_compare(struct kunit *test, const u8 *model)
{
	const struct codearena_page *state;
	u8 is;
	u64 bit;
	u32 i;

	for (i = 0; i < MODEL_GRANULES; i++) {
		state = test_page(test, i / CODEARENA_GRANULES);
		bit = BIT_ULL(i % CODEARENA_GRANULES);
		if (!state || !state->data)
			is = NOWHERE;
		else if (state->patchable & bit)
			is = SLOT;
		else
			is = state->sealed & bit ? SEALED : OPEN;
		KUNIT_ASSERT_EQ_MSG(test, model[i], is, "granule %u",
				    i);
	}
}

/* Commands at random, against one word for each granule. */
static void seal_random(struct kunit *test)
{
	u32 round, first, count, what, flags, page, i;
	u8 model[MODEL_GRANULES] = {};
	struct rnd_state random;
	int wanted, ret;

	codearena_test_seed(test, &random);
	test_reserve(test, P(MODEL_PAGES), 0, 0);
	for (round = 0; round < ROUNDS; round++) {
		what = codearena_test_below(&random, 16);
		first = codearena_test_below(&random, MODEL_GRANULES);
		count = 1 + codearena_test_below(&random, 80);
		page = first / CODEARENA_GRANULES;
		flags = codearena_test_below(&random, 2) ? PATCHABLE : 0;
		if (what == 0) {
			wanted = model[page * CODEARENA_GRANULES] == NOWHERE ?
				-ENOENT : 0;
			ret = test_decommit(test, P(page), P(1));
		} else if (what < 4) {
			wanted = model[page * CODEARENA_GRANULES] == NOWHERE ?
				0 : -EEXIST;
			ret = test_commit(test, P(page), P(1));
		} else if (what < 10) {
			wanted = model_seal(model, first, count, flags);
			ret = test_seal(test, G(first), G(count), flags);
		} else {
			wanted = model_discard(model, first, count);
			ret = test_discard1(test, G(first), G(count));
		}
		KUNIT_ASSERT_EQ_MSG(test, wanted, ret,
				    "round %u what %u first %u count %u flags %u",
				    round, what, first, count, flags);
		if (what < 4) {
			first = page * CODEARENA_GRANULES;
			count = CODEARENA_GRANULES;
		}
		for (i = first; !ret && i < first + count; i++) {
			if (what < 4)
				model[i] = what ? OPEN : NOWHERE;
			else if (what < 10)
				model[i] = flags ? SLOT : SEALED;
			else
				model[i] = OPEN;
		}
		if (round % 16 == 0)
			model_compare(test, model);
	}
	model_compare(test, model);
}

#define SEAL_CASES {							\
	KUNIT_CASE(seal_sets_bits),					\
	KUNIT_CASE(seal_last_granule),					\
	KUNIT_CASE(seal_across_pages),					\
	KUNIT_CASE(seal_twice_counts_once),				\
	KUNIT_CASE(seal_patchable),					\
	KUNIT_CASE(seal_withdraws_patchable),				\
	KUNIT_CASE(seal_never_widens),					\
	KUNIT_CASE(seal_refuses),					\
	KUNIT_CASE(seal_claimed),					\
	KUNIT_CASE(discard_fills),					\
	KUNIT_CASE(discard_unsealed),					\
	KUNIT_CASE(discard_all_or_nothing),				\
	KUNIT_CASE(discard_named_twice),				\
	KUNIT_CASE(discard_permanent),					\
	KUNIT_CASE(seal_random),					\
	{}								\
}

static struct kunit_case codearena_seal_cases[] = SEAL_CASES;

/* The same cases without the fast path of DISCARD. */
static struct kunit_case codearena_seal_slow_cases[] = SEAL_CASES;

TEST_SUITE("codearena_seal", codearena_seal_cases, test_init);
TEST_SUITE("codearena_seal_slow", codearena_seal_slow_cases, test_init_slow);
