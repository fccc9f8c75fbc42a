// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: arithmetic of ranges, pages and granules.
 */
#include <linux/sizes.h>

#include "../range.h"
#include "seed.h"

#define LIMIT	((u64)SZ_2G)
#define ROUNDS	4000

static void range_empty(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_range_check(0, 0, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			codearena_range_check(LIMIT, 0, 1, LIMIT));
}

static void range_whole(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, codearena_range_check(0, LIMIT, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, 0,
			codearena_range_check(0, PAGE_SIZE, PAGE_SIZE,
					      PAGE_SIZE));
}

static void range_last_byte(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, codearena_range_check(LIMIT - 1, 1, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			codearena_range_check(LIMIT - 1, 2, 1, LIMIT));
}

static void range_outside(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -ENOENT, codearena_range_check(LIMIT, 1, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			codearena_range_check(0, LIMIT + 1, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			codearena_range_check(U64_MAX - 8, 8, 1, LIMIT));
}

static void range_wraps(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			codearena_range_check(U64_MAX, 1, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			codearena_range_check(1, U64_MAX, 1, LIMIT));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			codearena_range_check(U64_MAX, U64_MAX, 1, LIMIT));
}

static void range_misaligned(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_range_check(1, 64, 64, LIMIT));
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_range_check(64, 1, 64, LIMIT));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			codearena_range_check(96, 64, 64, LIMIT));
	KUNIT_EXPECT_EQ(test, 0, codearena_range_check(128, 64, 64, LIMIT));
}

/* What is wrong with the numbers themselves is said first. */
static void range_order_of_answers(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			codearena_range_check(U64_MAX - 2, 7, 64, LIMIT));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			codearena_range_check(LIMIT + 1, 64, 64, LIMIT));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			codearena_range_check(LIMIT + 64, 0, 64, LIMIT));
}

static void range_random(struct kunit *test)
{
	struct rnd_state random;
	u64 offset, length, align, limit;
	int wanted, i;

	codearena_test_seed(test, &random);
	for (i = 0; i < ROUNDS; i++) {
		align = 1ULL << codearena_test_below(&random, 4);
		limit = codearena_test_below(&random, 4096);
		offset = codearena_test_below(&random, 4096);
		length = codearena_test_below(&random, 4096);
		if (!codearena_test_below(&random, 8))
			offset = U64_MAX - offset;
		else if (offset <= limit && !codearena_test_below(&random, 2))
			length = limit - offset + codearena_test_below(&random, 2);
		if (offset > U64_MAX - length)
			wanted = -EOVERFLOW;
		else if (!length || offset % align || length % align)
			wanted = -EINVAL;
		else if (offset >= limit || length > limit - offset)
			wanted = -ENOENT;
		else
			wanted = 0;
		KUNIT_ASSERT_EQ_MSG(test, wanted,
				    codearena_range_check(offset, length, align,
							  limit),
				    "offset %llu length %llu align %llu limit %llu",
				    offset, length, align, limit);
	}
}

static void granule_geometry(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 64U, CODEARENA_GRANULES);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE,
			CODEARENA_GRANULES * CODEARENA_GRANULE);
	KUNIT_EXPECT_EQ(test, CODEARENA_GRANULE,
			1UL << CODEARENA_GRANULE_SHIFT);
}

static void piece_of_nothing(struct kunit *test)
{
	struct codearena_piece piece = codearena_piece_first(123, 0);

	KUNIT_EXPECT_EQ(test, 0U, piece.length);
	KUNIT_EXPECT_EQ(test, 0ULL, piece.rest);
}

static void piece_one_byte(struct kunit *test)
{
	struct codearena_piece piece = codearena_piece_first(PAGE_SIZE * 3, 1);

	KUNIT_EXPECT_EQ(test, 3UL, piece.index);
	KUNIT_EXPECT_EQ(test, 0U, piece.start);
	KUNIT_EXPECT_EQ(test, 1U, piece.length);
	KUNIT_EXPECT_EQ(test, 1ULL, piece.mask);
	KUNIT_EXPECT_EQ(test, 0ULL, piece.rest);
}

static void piece_last_byte_of_page(struct kunit *test)
{
	struct codearena_piece piece = codearena_piece_first(PAGE_SIZE - 1, 1);

	KUNIT_EXPECT_EQ(test, 0UL, piece.index);
	KUNIT_EXPECT_EQ(test, (unsigned int)PAGE_SIZE - 1, piece.start);
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), piece.mask);
}

static void piece_whole_page(struct kunit *test)
{
	struct codearena_piece piece = codearena_piece_first(PAGE_SIZE,
							     PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, 1UL, piece.index);
	KUNIT_EXPECT_EQ(test, U64_MAX, piece.mask);
	KUNIT_EXPECT_EQ(test, (unsigned int)PAGE_SIZE, piece.length);
	KUNIT_EXPECT_EQ(test, 0ULL, piece.rest);
}

static void piece_granule_edges(struct kunit *test)
{
	struct codearena_piece piece;

	piece = codearena_piece_first(CODEARENA_GRANULE, CODEARENA_GRANULE);
	KUNIT_EXPECT_EQ(test, 2ULL, piece.mask);
	piece = codearena_piece_first(CODEARENA_GRANULE - 1, 2);
	KUNIT_EXPECT_EQ(test, 3ULL, piece.mask);
	piece = codearena_piece_first(CODEARENA_GRANULE, CODEARENA_GRANULE + 1);
	KUNIT_EXPECT_EQ(test, 6ULL, piece.mask);
	piece = codearena_piece_first(2 * CODEARENA_GRANULE - 1, 1);
	KUNIT_EXPECT_EQ(test, 2ULL, piece.mask);
}

static void piece_crosses_page(struct kunit *test)
{
	struct codearena_piece piece = codearena_piece_first(PAGE_SIZE - 1, 2);

	KUNIT_EXPECT_EQ(test, 1U, piece.length);
	KUNIT_EXPECT_EQ(test, 1ULL, piece.rest);
	codearena_piece_next(&piece);
	KUNIT_EXPECT_EQ(test, 1UL, piece.index);
	KUNIT_EXPECT_EQ(test, 0U, piece.start);
	KUNIT_EXPECT_EQ(test, 1U, piece.length);
	KUNIT_EXPECT_EQ(test, 1ULL, piece.mask);
	codearena_piece_next(&piece);
	KUNIT_EXPECT_EQ(test, 0U, piece.length);
}

static void piece_ends_with_page(struct kunit *test)
{
	unsigned int pieces = 0;

	codearena_for_each_piece(piece, PAGE_SIZE, 2 * PAGE_SIZE) {
		pieces++;
		KUNIT_EXPECT_EQ(test, U64_MAX, piece.mask);
	}
	KUNIT_EXPECT_EQ(test, 2U, pieces);
}

static void piece_largest_range(struct kunit *test)
{
	unsigned long pieces = 0, last = 0;
	u64 bytes = 0;

	codearena_for_each_piece(piece, 0, LIMIT) {
		pieces++;
		last = piece.index;
		bytes += piece.length;
	}
	KUNIT_EXPECT_EQ(test, (unsigned long)(LIMIT >> PAGE_SHIFT), pieces);
	KUNIT_EXPECT_EQ(test, pieces - 1, last);
	KUNIT_EXPECT_EQ(test, LIMIT, bytes);
}

/* Each granule of a page, on its own. */
static void piece_every_granule(struct kunit *test)
{
	struct codearena_piece piece;
	unsigned int i;

	for (i = 0; i < CODEARENA_GRANULES; i++) {
		piece = codearena_piece_first(i * CODEARENA_GRANULE,
					      CODEARENA_GRANULE);
		KUNIT_EXPECT_EQ(test, BIT_ULL(i), piece.mask);
	}
}

/* The pieces of a range, byte for byte. */
static void piece_check(struct kunit *test, u64 offset, u64 length)
{
	u64 at = offset, mask, byte;

	codearena_for_each_piece(piece, offset, length) {
		KUNIT_ASSERT_EQ(test, at,
				(u64)piece.index * PAGE_SIZE + piece.start);
		KUNIT_ASSERT_LE(test, piece.start + piece.length,
				(unsigned int)PAGE_SIZE);
		mask = 0;
		for (byte = 0; byte < piece.length; byte++)
			mask |= BIT_ULL((at + byte) % PAGE_SIZE /
					CODEARENA_GRANULE);
		KUNIT_ASSERT_EQ(test, mask, piece.mask);
		at += piece.length;
		KUNIT_ASSERT_EQ(test, offset + length - at, piece.rest);
	}
	KUNIT_ASSERT_EQ(test, offset + length, at);
}

static void piece_random(struct kunit *test)
{
	struct rnd_state random;
	u64 offset, length;
	int i;

	codearena_test_seed(test, &random);
	for (i = 0; i < ROUNDS / 10; i++) {
		offset = codearena_test_below(&random, 5 * PAGE_SIZE);
		length = codearena_test_below(&random, 3 * PAGE_SIZE);
		if (codearena_test_below(&random, 2))
			length %= 3 * CODEARENA_GRANULE;
		piece_check(test, offset, length);
	}
}

static struct kunit_case codearena_range_cases[] = {
	KUNIT_CASE(range_empty),
	KUNIT_CASE(range_whole),
	KUNIT_CASE(range_last_byte),
	KUNIT_CASE(range_outside),
	KUNIT_CASE(range_wraps),
	KUNIT_CASE(range_misaligned),
	KUNIT_CASE(range_order_of_answers),
	KUNIT_CASE(range_random),
	KUNIT_CASE(granule_geometry),
	KUNIT_CASE(piece_of_nothing),
	KUNIT_CASE(piece_one_byte),
	KUNIT_CASE(piece_last_byte_of_page),
	KUNIT_CASE(piece_whole_page),
	KUNIT_CASE(piece_granule_edges),
	KUNIT_CASE(piece_crosses_page),
	KUNIT_CASE(piece_ends_with_page),
	KUNIT_CASE(piece_largest_range),
	KUNIT_CASE(piece_every_granule),
	KUNIT_CASE(piece_random),
	{}
};

static struct kunit_suite codearena_range_suite = {
	.name = "codearena_range",
	.test_cases = codearena_range_cases,
};

kunit_test_suites(&codearena_range_suite);
