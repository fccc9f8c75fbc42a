// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: one table of traps, by itself.
 */
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../arch.h"
#include "../trap_table.h"
#include "seed.h"

#define LIMIT	((u64)SZ_1M)
#define LENGTH	4096U
#define UNTOUCHED	0xabcdU
#define EXTERNAL	CODEARENA_LANDING_EXTERNAL
#define ROUNDS	400
#define MOST	24U

static struct codearena_trap trap_at(u32 start, u32 length, u64 landing)
{
	return (struct codearena_trap) {
		.start = start,
		.length = length,
		.landing = landing,
	};
}

/* Check one entry of code of LENGTH bytes in an arena of LIMIT bytes. */
static int check_one(u32 start, u32 length, u64 landing)
{
	struct codearena_trap trap = trap_at(start, length, landing);
	u32 failed;

	return codearena_traps_check(&trap, 1, LENGTH, LIMIT, &failed);
}

static int check_pair(const struct codearena_trap *a,
		      const struct codearena_trap *b, u32 *failed)
{
	struct codearena_trap traps[] = { *a, *b };

	*failed = UNTOUCHED;
	return codearena_traps_check(traps, 2, LENGTH, LIMIT, failed);
}

static void check_inside(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check_one(0, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, check_one(LENGTH - 1, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, check_one(0, LENGTH, 0));
}

static void check_empty(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(0, 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(LENGTH, 0, 0));
}

static void check_outside(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(LENGTH, 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(LENGTH - 1, 2, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(0, LENGTH + 1, 0));
}

static void check_wraps(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(8, U32_MAX, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_one(U32_MAX, U32_MAX, 0));
}

static void check_landing_limit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0,
			check_one(0, 1, LIMIT - CODEARENA_INSN_ALIGN));
	KUNIT_EXPECT_EQ(test, -ENOENT, check_one(0, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOENT, check_one(0, 1, 1ULL << 32));
}

static void check_landing_external(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check_one(0, 1, EXTERNAL));
	KUNIT_EXPECT_NE(test, 0, check_one(0, 1, EXTERNAL - 1));
	/* What stands for it in a table is no landing of user space. */
	KUNIT_EXPECT_NE(test, 0, check_one(0, 1, CODEARENA_TABLE_EXTERNAL));
}

static void check_landing_alignment(struct kunit *test)
{
	u32 i;

	for (i = 1; i < 16; i++)
		KUNIT_EXPECT_EQ(test, i % CODEARENA_INSN_ALIGN ? -EINVAL : 0,
				check_one(0, 1, i));
}

static void check_neighbours(struct kunit *test)
{
	struct codearena_trap a = trap_at(8, 8, 0), b = trap_at(16, 1, 0);
	u32 failed;

	KUNIT_EXPECT_EQ(test, 0, check_pair(&a, &b, &failed));
	KUNIT_EXPECT_EQ(test, 0, check_pair(&b, &a, &failed));
	KUNIT_EXPECT_EQ(test, UNTOUCHED, failed);
}

static void check_overlap_blames_second(struct kunit *test)
{
	struct codearena_trap a = trap_at(8, 8, 0), b = trap_at(15, 4, 0);
	u32 failed;

	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&a, &b, &failed));
	KUNIT_EXPECT_EQ(test, 1U, failed);
}

/* After sorting nobody knows any more which index user space gave it. */
static void check_overlap_unsorted_blames_none(struct kunit *test)
{
	struct codearena_trap a = trap_at(8, 8, 0), b = trap_at(15, 4, 0);
	u32 failed;

	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&b, &a, &failed));
	KUNIT_EXPECT_EQ(test, UNTOUCHED, failed);
}

static void check_twice_the_same(struct kunit *test)
{
	struct codearena_trap a = trap_at(8, 1, 0);
	u32 failed;

	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&a, &a, &failed));
	KUNIT_EXPECT_EQ(test, 1U, failed);
}

static void check_covered(struct kunit *test)
{
	struct codearena_trap a = trap_at(0, LENGTH, 0), b = trap_at(77, 1, 0);
	u32 failed;

	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&a, &b, &failed));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&b, &a, &failed));
}

static void check_blames_first_bad(struct kunit *test)
{
	struct codearena_trap good = trap_at(0, 1, 0), bad = trap_at(8, 0, 0);
	struct codearena_trap worse = trap_at(9, 1, LIMIT);
	u32 failed;

	KUNIT_EXPECT_EQ(test, -EINVAL, check_pair(&good, &bad, &failed));
	KUNIT_EXPECT_EQ(test, 1U, failed);
	KUNIT_EXPECT_EQ(test, -ENOENT, check_pair(&worse, &bad, &failed));
	KUNIT_EXPECT_EQ(test, 0U, failed);
}

static void check_sorts(struct kunit *test)
{
	struct codearena_trap traps[MOST];
	u32 failed, i;

	for (i = 0; i < MOST; i++)
		traps[i] = trap_at((MOST - i) * 4, 2, i * 16);
	KUNIT_ASSERT_EQ(test, 0, codearena_traps_check(traps, MOST, LENGTH,
						       LIMIT, &failed));
	for (i = 0; i < MOST; i++) {
		KUNIT_EXPECT_EQ(test, (i + 1) * 4, traps[i].start);
		KUNIT_EXPECT_EQ(test, (u64)(MOST - 1 - i) * 16,
				(u64)traps[i].landing);
	}
}

/* What codearena_traps_check() answers, the slow way. */
static int naive_check(const struct codearena_trap *traps, u32 count,
		       u64 length, u64 limit)
{
	u32 i, j;

	for (i = 0; i < count; i++) {
		if (!traps[i].length ||
		    (u64)traps[i].start + traps[i].length > length)
			return -EINVAL;
		if (traps[i].landing == EXTERNAL)
			continue;
		if (traps[i].landing % CODEARENA_INSN_ALIGN)
			return -EINVAL;
		if (traps[i].landing >= limit)
			return -ENOENT;
	}
	for (i = 0; i < count; i++) {
		for (j = 0; j < i; j++) {
			if (traps[i].start < traps[j].start + traps[j].length &&
			    traps[j].start < traps[i].start + traps[i].length)
				return -EINVAL;
		}
	}
	return 0;
}

static void check_random(struct kunit *test)
{
	struct codearena_trap traps[8];
	struct rnd_state random;
	u32 count, failed, i, round, fine = 0;
	int wanted;

	codearena_test_seed(test, &random);
	for (round = 0; round < ROUNDS * 10; round++) {
		count = 1 + codearena_test_below(&random, ARRAY_SIZE(traps));
		for (i = 0; i < count; i++)
			traps[i] = trap_at(codearena_test_below(&random, 260),
					   codearena_test_below(&random, 18),
					   codearena_test_below(&random, 65) * 4);
		wanted = naive_check(traps, count, 256, 255);
		KUNIT_ASSERT_EQ(test, wanted,
				codearena_traps_check(traps, count, 256, 255,
						      &failed));
		fine += !wanted;
	}
	KUNIT_EXPECT_GT(test, fine, 0U);
}

static struct codearena_table *build(struct kunit *test, u32 length,
				     const struct codearena_trap *traps,
				     u32 count, bool report)
{
	struct codearena_table *table;

	table = codearena_table_build(SZ_64K, length, traps,
				      codearena_table_shape(length, traps,
							    count, report),
				      GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, table);
	return table;
}

static void expect_shape(struct kunit *test, u32 length,
			 const struct codearena_trap *traps, u32 count,
			 bool report, u32 shape)
{
	struct codearena_table *table = build(test, length, traps, count,
					      report);

	KUNIT_EXPECT_EQ(test, shape | count, table->shape);
	KUNIT_EXPECT_EQ(test, count, codearena_table_count(table));
	kvfree(table);
}

static void build_keeps_place(struct kunit *test)
{
	struct codearena_trap trap = trap_at(8, 1, 16);
	struct codearena_table *table = build(test, LENGTH, &trap, 1, false);

	KUNIT_EXPECT_EQ(test, (u32)SZ_64K, table->start);
	KUNIT_EXPECT_EQ(test, LENGTH, table->length);
	KUNIT_EXPECT_EQ(test, (u64)SZ_64K + LENGTH, codearena_table_end(table));
	kvfree(table);
}

static void build_end_does_not_wrap(struct kunit *test)
{
	struct codearena_table table = {
		.start = (u32)SZ_2G,
		.length = (u32)SZ_2G,
	};

	KUNIT_EXPECT_EQ(test, 1ULL << 32, codearena_table_end(&table));
}

static void build_plain_shape(struct kunit *test)
{
	struct codearena_trap traps[] = { trap_at(0, 1, 8), trap_at(4, 1, 8) };

	expect_shape(test, LENGTH, traps, 1, false, 0);
	expect_shape(test, LENGTH, traps, 2, false, 0);
}

static void build_report_shape(struct kunit *test)
{
	struct codearena_trap trap = trap_at(0, 1, 8);

	expect_shape(test, LENGTH, &trap, 1, true, CODEARENA_TABLE_REPORT);
}

static void build_wide_shape(struct kunit *test)
{
	struct codearena_trap trap = trap_at(0, 1, 8);

	expect_shape(test, SZ_64K, &trap, 1, false, 0);
	expect_shape(test, SZ_64K + 1, &trap, 1, false, CODEARENA_TABLE_WIDE);
}

static void build_ranges_shape(struct kunit *test)
{
	struct codearena_trap traps[] = { trap_at(0, 1, 8), trap_at(4, 2, 8) };

	expect_shape(test, LENGTH, traps, 2, false, CODEARENA_TABLE_RANGES);
	expect_shape(test, LENGTH, &traps[1], 1, false, CODEARENA_TABLE_RANGES);
}

static void build_landings_shape(struct kunit *test)
{
	struct codearena_trap traps[] = {
		trap_at(0, 1, 8), trap_at(4, 1, 12), trap_at(8, 1, EXTERNAL),
	};
	struct codearena_table *table;

	expect_shape(test, LENGTH, traps, 2, false, CODEARENA_TABLE_LANDINGS);
	table = build(test, LENGTH, traps, 3, false);
	KUNIT_ASSERT_EQ(test, 3U, codearena_table_landings(table));
	KUNIT_EXPECT_EQ(test, 8U, codearena_table_landing(table, 0));
	KUNIT_EXPECT_EQ(test, 12U, codearena_table_landing(table, 1));
	KUNIT_EXPECT_EQ(test, CODEARENA_TABLE_EXTERNAL,
			codearena_table_landing(table, 2));
	kvfree(table);
	table = build(test, LENGTH, traps, 1, false);
	KUNIT_EXPECT_EQ(test, 1U, codearena_table_landings(table));
	KUNIT_EXPECT_EQ(test, 8U, codearena_table_landing(table, 0));
	kvfree(table);
}

/* The usual table is a cache line: that is what the layout is for. */
static void build_ten_fit_a_line(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 44UL, offsetof(struct codearena_table, data));
}

/* Lengths and starts at the far end of what 16 bits hold. */
static void build_narrow_edges(struct kunit *test)
{
	struct codearena_trap whole = trap_at(0, SZ_64K, 8);
	struct codearena_trap last = trap_at(SZ_64K - 1, 1, 8);
	struct codearena_table *table;
	u32 length, landing;

	table = build(test, SZ_64K, &whole, 1, false);
	KUNIT_EXPECT_EQ(test, 0U, codearena_table_entry(table, 0, &length));
	KUNIT_EXPECT_EQ(test, (u32)SZ_64K, length);
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, SZ_64K - 1,
						     &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, SZ_64K, &landing));
	kvfree(table);
	table = build(test, SZ_64K, &last, 1, false);
	KUNIT_EXPECT_EQ(test, (u32)SZ_64K - 1,
			codearena_table_entry(table, 0, &length));
	KUNIT_EXPECT_EQ(test, 1U, length);
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, SZ_64K - 1,
						     &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, SZ_64K - 2,
						      &landing));
	kvfree(table);
}

static void find_exact(struct kunit *test)
{
	struct codearena_trap trap = trap_at(100, 1, 24);
	struct codearena_table *table = build(test, LENGTH, &trap, 1, false);
	u32 landing = UNTOUCHED;

	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, 99, &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, 101, &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, 0, &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, U32_MAX,
						      &landing));
	KUNIT_EXPECT_EQ(test, UNTOUCHED, landing);
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, 100, &landing));
	KUNIT_EXPECT_EQ(test, 24U, landing);
	kvfree(table);
}

static void find_range_edges(struct kunit *test)
{
	struct codearena_trap trap = trap_at(100, 10, 24);
	struct codearena_table *table = build(test, LENGTH, &trap, 1, false);
	u32 landing;

	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, 99, &landing));
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, 100, &landing));
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, 109, &landing));
	KUNIT_EXPECT_FALSE(test, codearena_table_find(table, 110, &landing));
	kvfree(table);
}

static void find_external(struct kunit *test)
{
	struct codearena_trap trap = trap_at(0, 1, EXTERNAL);
	struct codearena_table *table = build(test, LENGTH, &trap, 1, false);
	u32 landing = 0;

	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, 0, &landing));
	KUNIT_EXPECT_EQ(test, CODEARENA_TABLE_EXTERNAL, landing);
	kvfree(table);
}

static void find_own_landing(struct kunit *test)
{
	struct codearena_trap traps[] = {
		trap_at(0, 4, 400), trap_at(4, 4, 800), trap_at(20, 4, 1200),
	};
	struct codearena_table *table = build(test, LENGTH, traps, 3, false);
	u32 i, landing;

	for (i = 0; i < 24; i++) {
		landing = 0;
		KUNIT_EXPECT_EQ(test, i < 8 || i >= 20,
				codearena_table_find(table, i, &landing));
		KUNIT_EXPECT_EQ(test,
				i < 4 ? 400U : i < 8 ? 800U : i < 20 ? 0U : 1200U,
				landing);
	}
	kvfree(table);
}

/* A table that is about to go is still one: the bit does not disturb. */
static void find_while_leaving(struct kunit *test)
{
	struct codearena_trap traps[] = { trap_at(4, 1, 8), trap_at(9, 3, 16) };
	struct codearena_table *table = build(test, LENGTH, traps, 2, false);
	u32 landing, length;

	table->shape |= CODEARENA_TABLE_LEAVING;
	KUNIT_EXPECT_EQ(test, 2U, codearena_table_count(table));
	KUNIT_EXPECT_TRUE(test, codearena_table_find(table, 11, &landing));
	KUNIT_EXPECT_EQ(test, 16U, landing);
	KUNIT_EXPECT_EQ(test, 9U, codearena_table_entry(table, 1, &length));
	KUNIT_EXPECT_EQ(test, 3U, length);
	kvfree(table);
}

/* All of a table against the entries it was made of. */
static void table_check(struct kunit *test, struct codearena_table *table,
			const struct codearena_trap *traps, u32 count)
{
	u32 i, at, length, landing, wanted;
	bool found;

	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_EQ(test, traps[i].start,
				codearena_table_entry(table, i, &length));
		KUNIT_ASSERT_EQ(test, traps[i].length, length);
	}
	for (at = 0; at < traps[count - 1].start + 40; at++) {
		found = false;
		wanted = UNTOUCHED;
		landing = UNTOUCHED;
		for (i = 0; i < count; i++) {
			if (at >= traps[i].start &&
			    at < traps[i].start + traps[i].length) {
				found = true;
				wanted = traps[i].landing;
			}
		}
		KUNIT_ASSERT_EQ(test, found,
				codearena_table_find(table, at, &landing));
		KUNIT_ASSERT_EQ(test, wanted, landing);
	}
}

static void table_random(struct kunit *test)
{
	bool exact, common, wide, report;
	struct codearena_trap traps[MOST];
	struct codearena_table *table;
	struct rnd_state random;
	u32 count, at, i, round;

	codearena_test_seed(test, &random);
	for (round = 0; round < ROUNDS; round++) {
		exact = codearena_test_below(&random, 2);
		common = codearena_test_below(&random, 2);
		wide = codearena_test_below(&random, 2);
		report = codearena_test_below(&random, 2);
		count = 1 + codearena_test_below(&random, MOST);
		for (i = 0, at = 0; i < count; i++) {
			at += codearena_test_below(&random, 20);
			traps[i] = trap_at(at, 1, 64);
			if (!exact)
				traps[i].length +=
					codearena_test_below(&random, 12);
			if (!common)
				traps[i].landing =
					codearena_test_below(&random, 99) * 4;
			at += traps[i].length;
		}
		table = build(test, wide ? SZ_128K : SZ_64K, traps, count,
			      report);
		KUNIT_EXPECT_EQ(test, wide,
				!!(table->shape & CODEARENA_TABLE_WIDE));
		KUNIT_EXPECT_EQ(test, report,
				!!(table->shape & CODEARENA_TABLE_REPORT));
		table_check(test, table, traps, count);
		kvfree(table);
	}
}

/* What is counted is what the members take. */
static void table_sizes(struct kunit *test)
{
	const size_t head = offsetof(struct codearena_table, data);

	KUNIT_EXPECT_EQ(test, (size_t)44, head);
	KUNIT_EXPECT_EQ(test, head + 2 * 10, codearena_table_size(10));
	KUNIT_EXPECT_EQ(test, head + 2 * 10,
			codearena_table_size(10 | CODEARENA_TABLE_REPORT |
					     CODEARENA_TABLE_LEAVING));
	KUNIT_EXPECT_EQ(test, head + 4 * 10,
			codearena_table_size(10 | CODEARENA_TABLE_WIDE));
	KUNIT_EXPECT_EQ(test, head + 4 * 10,
			codearena_table_size(10 | CODEARENA_TABLE_RANGES));
	KUNIT_EXPECT_EQ(test, head + 6 * 10,
			codearena_table_size(10 | CODEARENA_TABLE_LANDINGS));
	KUNIT_EXPECT_EQ(test, head + 12 * 10,
			codearena_table_size(10 | CODEARENA_TABLE_WIDE |
					     CODEARENA_TABLE_RANGES |
					     CODEARENA_TABLE_LANDINGS));
}

/* The most entries that user space may give, with the widest layout. */
static void table_largest(struct kunit *test)
{
	const u32 count = 65536, gap = 16;
	struct codearena_trap *traps;
	struct codearena_table *table;
	u32 i, failed, landing;

	traps = kvmalloc_array(count, sizeof(*traps), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, traps);
	for (i = 0; i < count; i++)
		traps[i] = trap_at(i * gap, 2, (u64)i * 4);
	KUNIT_EXPECT_EQ(test, 0, codearena_traps_check(traps, count,
						       count * gap, LIMIT,
						       &failed));
	table = codearena_table_build(0, count * gap, traps,
				      codearena_table_shape(count * gap, traps,
							    count, true),
				      GFP_KERNEL);
	kvfree(traps);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, table);
	KUNIT_EXPECT_EQ(test, count, codearena_table_count(table));
	for (i = 0; i < count; i += 97) {
		KUNIT_EXPECT_TRUE(test,
				  codearena_table_find(table, i * gap + 1,
						       &landing));
		KUNIT_EXPECT_EQ(test, i * 4, landing);
		KUNIT_EXPECT_FALSE(test,
				   codearena_table_find(table, i * gap + 2,
							&landing));
	}
	kvfree(table);
}

static struct kunit_case codearena_trap_table_cases[] = {
	KUNIT_CASE(table_sizes),
	KUNIT_CASE(check_inside),
	KUNIT_CASE(check_empty),
	KUNIT_CASE(check_outside),
	KUNIT_CASE(check_wraps),
	KUNIT_CASE(check_landing_limit),
	KUNIT_CASE(check_landing_external),
	KUNIT_CASE(check_landing_alignment),
	KUNIT_CASE(check_neighbours),
	KUNIT_CASE(check_overlap_blames_second),
	KUNIT_CASE(check_overlap_unsorted_blames_none),
	KUNIT_CASE(check_twice_the_same),
	KUNIT_CASE(check_covered),
	KUNIT_CASE(check_blames_first_bad),
	KUNIT_CASE(check_sorts),
	KUNIT_CASE(check_random),
	KUNIT_CASE(build_keeps_place),
	KUNIT_CASE(build_end_does_not_wrap),
	KUNIT_CASE(build_plain_shape),
	KUNIT_CASE(build_report_shape),
	KUNIT_CASE(build_wide_shape),
	KUNIT_CASE(build_ranges_shape),
	KUNIT_CASE(build_landings_shape),
	KUNIT_CASE(build_ten_fit_a_line),
	KUNIT_CASE(build_narrow_edges),
	KUNIT_CASE(find_exact),
	KUNIT_CASE(find_range_edges),
	KUNIT_CASE(find_external),
	KUNIT_CASE(find_own_landing),
	KUNIT_CASE(find_while_leaving),
	KUNIT_CASE(table_random),
	KUNIT_CASE(table_largest),
	{}
};

static struct kunit_suite codearena_trap_table_suite = {
	.name = "codearena_trap_table",
	.test_cases = codearena_trap_table_cases,
};

kunit_test_suites(&codearena_trap_table_suite);
