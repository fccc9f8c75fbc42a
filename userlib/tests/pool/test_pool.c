// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Region pools: what V8's tests of DisjointAllocationPool and AddressRegion
 * check, by the names they have there, and what those leave out.
 */
#include "pool/pool.h"
#include "lib/helpers.h"

#define REGION(b, s)	((struct codearena_region){ b, s })
#define LIST(...)	((struct codearena_region[]){ __VA_ARGS__, { 0 } })
#define NONE		((struct codearena_region[]){ { 0 } })
#define WITHIN		REGION(0, CA__POOL_MAX)

static void merge(struct ca__pool *pool, uint64_t begin, uint64_t size)
{
	assert_int_equal(ca__pool_merge(pool, REGION(begin, size), NULL),
			 0);
}

/* As V8's Make(): by merging, one after another. */
static struct ca__pool *make(const struct codearena_region *list)
{
	struct ca__pool *pool;

	assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
	for (; list->size; list++)
		merge(pool, list->begin, list->size);
	return pool;
}

static void expect(const struct ca__pool *pool,
		   const struct codearena_region *list)
{
	struct codearena_region r;
	uint64_t at = 0, total = 0, largest = 0;
	size_t count = 0;

	for (; list->size; list++) {
		assert_int_equal(ca__pool_next(pool, at, &r), 0);
		assert_int_equal(r.begin, list->begin);
		assert_int_equal(r.size, list->size);
		at = r.begin + r.size;
		total += r.size;
		largest = r.size > largest ? r.size : largest;
		count++;
	}
	assert_int_equal(ca__pool_next(pool, at, &r), -ENOENT);
	assert_int_equal(r.size, 0);
	assert_int_equal(ca__pool_count(pool), count);
	assert_int_equal(ca__pool_total(pool), total);
	assert_int_equal(ca__pool_largest(pool), largest);
	assert_int_equal(ca__pool_is_empty(pool), !count);
}

static void expect_region(struct codearena_region got, uint64_t begin,
			  uint64_t size)
{
	assert_int_equal(got.begin, begin);
	assert_int_equal(got.size, size);
}

/* Allocate, and expect this; size 0 of the result: no room. */
static void allocate(struct ca__pool *pool, uint64_t size,
		     uint64_t begin, uint64_t got)
{
	struct codearena_region r = REGION(7, 7);

	assert_int_equal(ca__pool_allocate(pool, size, &r),
			 got ? 0 : -ENOSPC);
	expect_region(r, begin, got);
}

static void allocate_in(struct ca__pool *pool, uint64_t size,
			struct codearena_region window, uint64_t begin,
			uint64_t got)
{
	struct codearena_region r = REGION(7, 7);

	assert_int_equal(ca__pool_allocate_in(pool, size, window, &r),
			 got ? 0 : -ENOSPC);
	expect_region(r, begin, got);
}

/* V8: ConstructEmpty */
static void construct_empty(void **state)
{
	struct ca__pool *pool = make(NONE);

	(void)state;
	expect(pool, NONE);
	merge(pool, 1, 4);
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: ConstructWithRange */
static void construct_with_range(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }));

	(void)state;
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: SimpleExtract */
static void simple_extract(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }));
	struct codearena_region merged;

	(void)state;
	allocate(pool, 2, 1, 2);
	expect(pool, LIST({ 3, 2 }));
	assert_int_equal(ca__pool_merge(pool, REGION(1, 2), &merged), 0);
	expect_region(merged, 1, 4);
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: ExtractAll */
static void extract_all(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }));

	(void)state;
	allocate(pool, 4, 1, 4);
	expect(pool, NONE);
	merge(pool, 1, 4);
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: FailToExtract */
static void fail_to_extract(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }));

	(void)state;
	allocate(pool, 5, 0, 0);
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: FailToExtractExact */
static void fail_to_extract_exact(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }, { 10, 4 }));

	(void)state;
	allocate(pool, 5, 0, 0);
	expect(pool, LIST({ 1, 4 }, { 10, 4 }));
	ca__pool_free(pool);
}

/* V8: ExtractExact */
static void extract_exact(void **state)
{
	struct ca__pool *pool = make(LIST({ 1, 4 }, { 10, 5 }));

	(void)state;
	allocate(pool, 5, 10, 5);
	expect(pool, LIST({ 1, 4 }));
	ca__pool_free(pool);
}

/* V8: Merging */
static void merging(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 }));

	(void)state;
	merge(pool, 15, 5);
	expect(pool, LIST({ 10, 15 }));
	ca__pool_free(pool);
}

/* V8: MergingFirst */
static void merging_first(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 }));

	(void)state;
	merge(pool, 5, 5);
	expect(pool, LIST({ 5, 10 }, { 20, 5 }));
	ca__pool_free(pool);
}

/* V8: MergingAbove */
static void merging_above(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 25, 5 }));

	(void)state;
	merge(pool, 20, 5);
	expect(pool, LIST({ 10, 5 }, { 20, 10 }));
	ca__pool_free(pool);
}

/* V8: MergingMore */
static void merging_more(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 },
						{ 30, 5 }));

	(void)state;
	merge(pool, 15, 5);
	merge(pool, 25, 5);
	expect(pool, LIST({ 10, 25 }));
	ca__pool_free(pool);
}

/* V8: MergingSkip */
static void merging_skip(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 },
						{ 30, 5 }));

	(void)state;
	merge(pool, 25, 5);
	expect(pool, LIST({ 10, 5 }, { 20, 15 }));
	ca__pool_free(pool);
}

/* V8: MergingSkipLargerSrc */
static void merging_skip_larger_src(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 },
						{ 30, 5 }));

	(void)state;
	merge(pool, 25, 5);
	merge(pool, 35, 5);
	expect(pool, LIST({ 10, 5 }, { 20, 20 }));
	ca__pool_free(pool);
}

/* V8: MergingSkipLargerSrcWithGap */
static void merging_skip_larger_src_with_gap(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 20, 5 },
						{ 30, 5 }));

	(void)state;
	merge(pool, 25, 5);
	merge(pool, 36, 4);
	expect(pool, LIST({ 10, 5 }, { 20, 15 }, { 36, 4 }));
	ca__pool_free(pool);
}

/* What V8 does not test: the result of merging, in each of its cases. */
static void merge_tells_the_result(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 30, 5 }));
	struct codearena_region r;

	(void)state;
	assert_int_equal(ca__pool_merge(pool, REGION(20, 2), &r), 0);
	expect_region(r, 20, 2);
	assert_int_equal(ca__pool_merge(pool, REGION(22, 2), &r), 0);
	expect_region(r, 20, 4);
	assert_int_equal(ca__pool_merge(pool, REGION(26, 4), &r), 0);
	expect_region(r, 26, 9);
	assert_int_equal(ca__pool_merge(pool, REGION(24, 2), &r), 0);
	expect_region(r, 20, 15);
	assert_int_equal(ca__pool_merge(pool, REGION(1, 2), &r), 0);
	expect_region(r, 1, 2);
	expect(pool, LIST({ 1, 2 }, { 10, 5 }, { 20, 15 }));
	ca__pool_free(pool);
}

/* Windows: in the middle, at the end, over the begin, and below. */
static void allocate_in_region(void **state)
{
	static const struct {
		struct codearena_region window;
		uint64_t size;
		uint64_t begin;
		struct codearena_region left[3];
	} row[] = {
		{ { 14, 4 }, 4, 14, { { 10, 4 }, { 18, 12 } } },
		{ { 26, 10 }, 4, 26, { { 10, 16 } } },
		{ { 5, 7 }, 2, 10, { { 12, 18 } } },
		{ { 10, 20 }, 20, 10, { { 0, 0 } } },
		{ { 0, 100 }, 5, 10, { { 15, 15 } } },
		{ { 0, UINT64_MAX }, 5, 10, { { 15, 15 } } },
		{ { 14, 100 }, 3, 14, { { 10, 4 }, { 17, 13 } } },
	};
	struct ca__pool *pool;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		pool = make(LIST({ 10, 20 }));
		allocate_in(pool, row[i].size, row[i].window, row[i].begin,
			    row[i].size);
		expect(pool, row[i].left);
		ca__pool_free(pool);
	}
}

static void allocate_in_region_fails(void **state)
{
	static const struct codearena_region windows[] = {
		{ 0, 9 }, { 0, 10 }, { 0, 12 }, { 28, 10 }, { 30, 5 },
		{ 5, 7 }, { 12, 2 }, { 12, 0 }, { 35, 4 }, { 1000, 10 },
	};
	struct ca__pool *pool = make(LIST({ 10, 20 }, { 35, 2 }));
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		allocate_in(pool, 3, windows[i], 0, 0);
	expect(pool, LIST({ 10, 20 }, { 35, 2 }));
	ca__pool_free(pool);
}

/* The first that fits in the window, not the first that fits. */
static void allocate_in_region_of_several(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 10 }, { 30, 3 },
						{ 40, 8 }, { 60, 9 }));

	(void)state;
	allocate_in(pool, 5, REGION(18, 30), 40, 5);
	allocate_in(pool, 5, REGION(18, 46), 0, 0);
	allocate_in(pool, 5, REGION(18, 47), 60, 5);
	expect(pool, LIST({ 10, 10 }, { 30, 3 }, { 45, 3 }, { 65, 4 }));
	ca__pool_free(pool);
}

static void never_spans_two_regions(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 5 }, { 16, 5 }));

	(void)state;
	allocate(pool, 6, 0, 0);
	merge(pool, 15, 1);
	allocate(pool, 6, 10, 6);
	ca__pool_free(pool);
}

static void bad_arguments(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 20 }));
	struct codearena_region r;

	(void)state;
	assert_int_equal(ca__pool_new(WITHIN, NULL), -EINVAL);
	assert_int_equal(ca__pool_reserve(NULL, 1), -EINVAL);
	assert_int_equal(ca__pool_reserve(pool, SIZE_MAX), -EOVERFLOW);
	assert_int_equal(ca__pool_merge(NULL, REGION(1, 1), &r), -EINVAL);
	assert_int_equal(ca__pool_merge(pool, REGION(1, 0), &r), -EINVAL);
	assert_int_equal(ca__pool_merge(pool, REGION(UINT64_MAX, 1), &r),
			 -EOVERFLOW);
	assert_int_equal(ca__pool_allocate(NULL, 1, &r), -EINVAL);
	assert_int_equal(ca__pool_allocate(pool, 0, &r), -EINVAL);
	expect_region(r, 0, 0);
	assert_int_equal(ca__pool_allocate(pool, 1, NULL), -EINVAL);
	assert_int_equal(ca__pool_allocate_in(pool, 0, REGION(10, 2), &r),
			 -EINVAL);
	assert_int_equal(ca__pool_allocate_in(pool, 1, REGION(2,
			 UINT64_MAX - 1), &r), -EOVERFLOW);
	assert_int_equal(ca__pool_next(pool, 0, NULL), -EINVAL);
	assert_int_equal(ca__pool_next(NULL, 0, &r), -EINVAL);
	assert_true(ca__pool_is_empty(NULL));
	assert_int_equal(ca__pool_count(NULL), 0);
	assert_int_equal(ca__pool_total(NULL), 0);
	assert_int_equal(ca__pool_largest(NULL), 0);
	ca__pool_free(NULL);
	expect(pool, LIST({ 10, 20 }));
	ca__pool_free(pool);
}

static void new_refuses_addresses(void **state)
{
	struct ca__pool *pool = (void *)8;

	(void)state;
	assert_int_equal(ca__pool_new(REGION(10, 0), &pool), -EINVAL);
	assert_null(pool);
	assert_int_equal(ca__pool_new(REGION(0, CA__POOL_MAX + 1), &pool),
			 -EINVAL);
	assert_int_equal(ca__pool_new(REGION(-10ULL, 10), &pool), -EOVERFLOW);
	assert_null(pool);
}

/* The first and the last byte are the pool's, those beside them are not. */
static void check_limits(struct codearena_region within)
{
	uint64_t begin = within.begin, last = begin + within.size - 1;
	struct codearena_region r;
	struct ca__pool *pool;

	assert_int_equal(ca__pool_new(within, &pool), 0);
	merge(pool, last, 1);
	merge(pool, begin, 1);
	assert_int_equal(ca__pool_merge(pool, REGION(last, 2), &r), -EOVERFLOW);
	assert_int_equal(ca__pool_merge(pool, REGION(last + 1, 1), &r),
			 -EOVERFLOW);
	assert_int_equal(ca__pool_merge(pool, REGION(begin - 1, 2), &r),
			 -EOVERFLOW);
	assert_int_equal(ca__pool_merge(pool, REGION(begin, UINT64_MAX), &r),
			 -EOVERFLOW);
	expect(pool, LIST({ begin, 1 }, { last, 1 }));
	allocate_in(pool, 1, REGION(begin + 1, UINT64_MAX - begin - 1), last, 1);
	merge(pool, begin + 1, within.size - 1);
	expect(pool, LIST({ begin, within.size }));
	allocate(pool, within.size + 1, 0, 0);
	allocate(pool, within.size, begin, within.size);
	expect(pool, NONE);
	ca__pool_free(pool);
}

static void limits_of_addresses(void **state)
{
	static const struct codearena_region within[] = {
		{ 0, CA__POOL_MAX },
		{ 0x7f0000001000, CA__POOL_MAX },
		{ UINT64_MAX - CA__POOL_MAX, CA__POOL_MAX },
		{ 4096, 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(within) / sizeof(within[0]); i++)
		check_limits(within[i]);
}

/* V8 checks this in debug builds only. */
static void overlap_is_refused(void **state)
{
	static const struct codearena_region bad[] = {
		{ 10, 20 }, { 10, 1 }, { 29, 1 }, { 5, 6 }, { 5, 50 },
		{ 29, 5 }, { 15, 2 }, { 39, 2 }, { 35, 10 },
	};
	struct ca__pool *pool = make(LIST({ 10, 20 }, { 40, 5 }));
	struct codearena_region r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = REGION(7, 7);
		assert_int_equal(ca__pool_merge(pool, bad[i], &r),
				 -EEXIST);
		expect_region(r, 0, 0);
	}
	expect(pool, LIST({ 10, 20 }, { 40, 5 }));
	ca__pool_free(pool);
}

static void next_begins_anywhere(void **state)
{
	struct ca__pool *pool = make(LIST({ 10, 20 }, { 40, 5 }));
	struct codearena_region r;

	(void)state;
	assert_int_equal(ca__pool_next(pool, 29, &r), 0);
	expect_region(r, 10, 20);
	assert_int_equal(ca__pool_next(pool, 30, &r), 0);
	expect_region(r, 40, 5);
	assert_int_equal(ca__pool_next(pool, 44, &r), 0);
	assert_int_equal(ca__pool_next(pool, 45, &r), -ENOENT);
	ca__pool_free(pool);
}

/* V8's regions of AddressRegion: ordinary, at 0, and at the very top. */
static const struct codearena_region address_regions[] = {
	{ 153, 771 }, { 0, 227 }, { -447ULL, 447 },
};

/* V8: Contains(address) */
static void region_contains(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct codearena_region r = address_regions[i];
		uint64_t end = r.begin + r.size;

		assert_false(ca__region_contains(r, r.begin - 1));
		assert_true(ca__region_contains(r, r.begin));
		assert_true(ca__region_contains(r, r.begin + r.size / 2));
		assert_true(ca__region_contains(r, end - 1));
		assert_false(ca__region_contains(r, end));
	}
}

/* V8: Contains(address, size) */
static void region_covers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct codearena_region r = address_regions[i];
		uint64_t b = r.begin, s = r.size;

#define COVERS(begin, size) ca__region_covers(r, REGION(begin, size))
		assert_true(COVERS(b, s));
		assert_true(COVERS(b, s - 1));
		assert_true(COVERS(b + 1, s - 1));
		assert_false(COVERS(b, s + 1));
		assert_false(COVERS(b - 1, s));
		assert_false(COVERS(b + 1, s));
		assert_true(COVERS(b + s - 1, 1));
		assert_false(COVERS(b + s - 1, 2));
		assert_true(COVERS(b, 0));
		assert_true(COVERS(b + s - 1, 0));
		assert_false(COVERS(b + s, 0));
		assert_false(COVERS(b - 1, 0));
		assert_false(COVERS(b + 1, UINT64_MAX));
	}
}

/* V8: GetOverlap, never negative. */
static void region_overlap(void **state)
{
	struct codearena_region r = REGION(10, 20);

	(void)state;
	expect_region(ca__region_overlap(r, REGION(0, 100)), 10, 20);
	expect_region(ca__region_overlap(REGION(0, 100), r), 10, 20);
	expect_region(ca__region_overlap(r, REGION(15, 5)), 15, 5);
	expect_region(ca__region_overlap(r, REGION(25, 50)), 25, 5);
	expect_region(ca__region_overlap(r, REGION(0, 11)), 10, 1);
	expect_region(ca__region_overlap(r, REGION(0, 10)), 10, 0);
	expect_region(ca__region_overlap(r, REGION(30, 10)), 30, 0);
	expect_region(ca__region_overlap(REGION(-10ULL, 10),
					       REGION(-5ULL, 5)), -5ULL, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(construct_empty),
		cmocka_unit_test(construct_with_range),
		cmocka_unit_test(simple_extract),
		cmocka_unit_test(extract_all),
		cmocka_unit_test(fail_to_extract),
		cmocka_unit_test(fail_to_extract_exact),
		cmocka_unit_test(extract_exact),
		cmocka_unit_test(merging),
		cmocka_unit_test(merging_first),
		cmocka_unit_test(merging_above),
		cmocka_unit_test(merging_more),
		cmocka_unit_test(merging_skip),
		cmocka_unit_test(merging_skip_larger_src),
		cmocka_unit_test(merging_skip_larger_src_with_gap),
		cmocka_unit_test(merge_tells_the_result),
		cmocka_unit_test(allocate_in_region),
		cmocka_unit_test(allocate_in_region_fails),
		cmocka_unit_test(allocate_in_region_of_several),
		cmocka_unit_test(never_spans_two_regions),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(new_refuses_addresses),
		cmocka_unit_test(limits_of_addresses),
		cmocka_unit_test(overlap_is_refused),
		cmocka_unit_test(next_begins_anywhere),
		cmocka_unit_test(region_contains),
		cmocka_unit_test(region_covers),
		cmocka_unit_test(region_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
