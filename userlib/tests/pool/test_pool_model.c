// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Region pools against a naive one, at random; and without memory.
 */
#include "lib/helpers.h"
#include "pool/pool_model.h"

#define WITHIN	((struct codearena_region){ 0, CA__POOL_MAX })

static uint64_t seed;

static uint64_t random_below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

/* The rest of memory, when not all of it may be used; linked by pool.mk. */
static size_t memory_left = SIZE_MAX;

void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	if (!memory_left)
		return NULL;
	if (memory_left != SIZE_MAX)
		memory_left--;
	return __real_aligned_alloc(align, size);
}

static struct model *model_new(void)
{
	struct model *model = calloc(1, sizeof(*model));

	seed = 88172645463325252ULL;
	assert_non_null(model);
	return model;
}

static void same(struct codearena_region a, struct codearena_region b)
{
	assert_int_equal(a.begin, b.begin);
	assert_int_equal(a.size, b.size);
}

static void merge(struct ca__pool *pool, struct model *model,
		  struct codearena_region r)
{
	struct codearena_region got, want;
	int ret = model_merge(model, r, &want);

	assert_int_equal(ca__pool_merge(pool, r, &got), ret);
	same(got, want);
}

static void allocate(struct ca__pool *pool, struct model *model,
		     uint64_t size, struct codearena_region window)
{
	struct codearena_region got, want;
	int ret = model_allocate_in(model, size, window, &want);

	if (window.size == UINT64_MAX)
		assert_int_equal(ca__pool_allocate(pool, size, &got),
				 ret);
	else
		assert_int_equal(ca__pool_allocate_in(pool, size, window,
							    &got), ret);
	same(got, want);
}

/* First more merging than allocating, then less: the tree grows and shrinks. */
static void random_against_model(void **state)
{
	struct model *model = model_new();
	struct codearena_region all = { 0, UINT64_MAX };
	struct ca__pool *pool;
	unsigned int i;

	(void)state;
	assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
	for (i = 0; i < 60000; i++) {
		unsigned int merges = i < 25000 ? 90 : i < 45000 ? 30 : 5;
		uint64_t at = random_below(1 << 16), size = 1 + random_below(8);
		struct codearena_region window = { at, random_below(1 << 12) };

		if (random_below(100) < merges)
			merge(pool, model,
			      (struct codearena_region){ at, size });
		else
			allocate(pool, model, size, random_below(2) ? window :
								      all);
		if (i % 1000 == 0)
			model_check(model, pool);
	}
	model_check(model, pool);
	while (model->count)
		allocate(pool, model, model->region[model->count / 2].size,
			 model->region[model->count / 2]);
	model_check(model, pool);
	ca__pool_free(pool);
	free(model);
}

/* In ascending, descending and shuffled order, and out again. */
static void many_regions(void **state)
{
	enum { COUNT = 100000 };
	struct codearena_region r;
	struct ca__pool *pool;
	uint64_t i, at;
	int order;

	(void)state;
	for (order = 0; order < 3; order++) {
		assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
		for (i = 0; i < COUNT; i++) {
			/* A prime that does not divide the count. */
			at = order == 2 ? i * 7919 % COUNT :
			     order ? COUNT - 1 - i : i;
			r = (struct codearena_region){ at * 4, 1 + at % 3 };
			assert_int_equal(ca__pool_merge(pool, r, NULL),
					 0);
		}
		model_check_tree(pool);
		assert_int_equal(ca__pool_count(pool), COUNT);
		for (i = 0; i < COUNT / 3; i++) {
			assert_int_equal(ca__pool_allocate(pool, 3, &r),
					 0);
			assert_int_equal(r.begin, (i * 3 + 2) * 4);
		}
		assert_int_equal(ca__pool_allocate(pool, 3, &r), -ENOSPC);
		model_check_tree(pool);
		ca__pool_free(pool);
	}
}

static void reserve_is_enough(void **state)
{
	enum { COUNT = 30000 };
	struct codearena_region r = { 0, 1 };
	struct ca__pool *pool;
	uint64_t i;
	int round;

	(void)state;
	assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
	for (round = 0; round < 3; round++) {
		assert_int_equal(ca__pool_reserve(pool, COUNT), 0);
		memory_left = 0;
		for (i = 0; i < COUNT; i++) {
			r.begin = (i * 7919 % COUNT * 3 + round) * 2;
			assert_int_equal(ca__pool_merge(pool, r, NULL),
					 0);
		}
		memory_left = SIZE_MAX;
		model_check_tree(pool);
	}
	assert_int_equal(ca__pool_count(pool), 3 * COUNT);
	ca__pool_free(pool);
}

/* Merge regions in ascending order until there is no memory; returns how many there are. */
static size_t fill_up(struct ca__pool *pool, uint64_t *at)
{
	int ret = 0;

	while (!ret) {
		ret = ca__pool_merge(pool, (struct codearena_region){ *at, 2 },
				     NULL);
		*at += 4;
	}
	assert_int_equal(ret, -ENOMEM);
	model_check_tree(pool);
	return ca__pool_count(pool);
}

/* What is taken as a whole leaves its key behind, which makes room for others. */
static void kept_keys_give_way(void **state)
{
	struct codearena_region r;
	struct ca__pool *pool;
	size_t count, taken;
	uint64_t at = 0;

	(void)state;
	assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
	assert_int_equal(ca__pool_reserve(pool, 10000), 0);
	memory_left = 0;
	count = fill_up(pool, &at);
	for (taken = 0; taken < count / 6; taken++)
		assert_int_equal(ca__pool_allocate(pool, 2, &r), 0);
	assert_int_equal(pool->tree.kept, taken);
	model_check_tree(pool);
	/* The leaf at the end may be less full than it was. */
	assert_in_range(fill_up(pool, &at), count - CA__NODE_CAP, SIZE_MAX);
	assert_int_equal(pool->tree.kept, 0);
	memory_left = SIZE_MAX;
	ca__pool_free(pool);
}

static void no_memory_changes_nothing(void **state)
{
	struct codearena_region r = { 0, 3 }, got;
	struct ca__pool *pool;
	size_t count;
	int ret;

	(void)state;
	memory_left = 0;
	assert_int_equal(ca__pool_new(WITHIN, &pool), -ENOMEM);
	assert_null(pool);
	memory_left = 1;
	assert_int_equal(ca__pool_new(WITHIN, &pool), 0);
	assert_int_equal(ca__pool_reserve(pool, 1000), -ENOMEM);
	while (!(ret = ca__pool_merge(pool, r, &got)))
		r.begin += 4;
	assert_int_equal(ret, -ENOMEM);
	assert_int_equal(got.size, 0);
	count = ca__pool_count(pool);
	assert_int_equal(count, CA__NODE_CAP);
	/* What would leave two pieces fails, what leaves one does not. */
	assert_int_equal(ca__pool_allocate_in(pool, 1,
			 (struct codearena_region){ 9, 1 }, &got), -ENOMEM);
	assert_int_equal(got.size, 0);
	assert_int_equal(ca__pool_count(pool), count);
	assert_int_equal(ca__pool_total(pool), count * 3);
	model_check_tree(pool);
	assert_int_equal(ca__pool_allocate(pool, 2, &got), 0);
	memory_left = SIZE_MAX;
	assert_int_equal(ca__pool_merge(pool, r, &got), 0);
	model_check_tree(pool);
	ca__pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_model),
		cmocka_unit_test(many_regions),
		cmocka_unit_test(reserve_is_enough),
		cmocka_unit_test(kept_keys_give_way),
		cmocka_unit_test(no_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
