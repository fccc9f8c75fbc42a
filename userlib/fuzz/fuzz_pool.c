// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of the region pool: the input is a list of operations, which the model
 * does too. pool.mk makes the trees high.
 */
#include "pool/pool_model.h"

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && input->left) {
		value = value << 8 | *input->at++;
		input->left--;
	}
	return value;
}

/* The pool's addresses are the last below the top of the address space. */
static const struct codearena_region within = {
	UINT64_MAX - CA__POOL_MAX, CA__POOL_MAX
};

/* Numbers are close to the first or to the last of these addresses. */
static uint64_t take_address(struct input *input)
{
	uint64_t value = take(input, 2);

	return value >= 0xfff0 ? UINT64_MAX - (0xffff - value) :
				 within.begin + value;
}

/* Small, or so large that it wraps for most addresses. */
static uint64_t take_size(struct input *input)
{
	uint64_t value = take(input, 2);

	return value >= 0xfff0 ? UINT64_MAX - (0xffff - value) : value;
}

/* What the model does not know about. */
static bool is_within(struct codearena_region r)
{
	return !r.size || ca__region_covers(within, r);
}

static void same(struct codearena_region a, struct codearena_region b)
{
	require(a.begin == b.begin && a.size == b.size);
}

static void merge(struct ca__pool *pool, struct model *model,
		  struct codearena_region r)
{
	struct codearena_region got, want;
	int ret;

	if (model->count + 2 > MODEL_MAX)
		return;
	if (is_within(r)) {
		ret = model_merge(model, r, &want);
	} else {
		want = (struct codearena_region){ 0 };
		ret = -EOVERFLOW;
	}
	require(ca__pool_merge(pool, r, &got) == ret);
	same(got, want);
}

static void allocate_in(struct ca__pool *pool, struct model *model,
			uint64_t size, struct codearena_region window)
{
	struct codearena_region got, want;
	int ret;

	if (model->count + 2 > MODEL_MAX)
		return;
	ret = model_allocate_in(model, size, window, &want);
	require(ca__pool_allocate_in(pool, size, window, &got) ==
		      ret);
	same(got, want);
}

static void allocate(struct ca__pool *pool, struct model *model,
		     uint64_t size)
{
	struct codearena_region got, want;
	int ret = model_allocate_in(model, size, (struct codearena_region){
		0, UINT64_MAX }, &want);

	require(ca__pool_allocate(pool, size, &got) == ret);
	same(got, want);
}

static void step(struct input *input, struct ca__pool *pool,
		 struct model *model)
{
	struct codearena_region r;
	uint64_t size;
	unsigned int i;

	switch (take(input, 1) % 8) {
	case 0:
	case 1:
		r.begin = take_address(input);
		r.size = take(input, 1);
		merge(pool, model, r);
		break;
	case 2:
		allocate(pool, model, take(input, 1));
		break;
	case 3:
	case 4:
		size = take(input, 1);
		r.begin = take_address(input);
		r.size = take_size(input);
		allocate_in(pool, model, size, r);
		break;
	case 5: /* many fragments */
		r.begin = within.begin + take(input, 2) * 64;
		r.size = take(input, 1);
		for (i = 0; i < 32; i++, r.begin += 256)
			merge(pool, model, r);
		break;
	case 6: /* and gone again */
		size = take(input, 1);
		r.begin = take_address(input);
		r.size = 256 * take(input, 1);
		for (i = 0; i < 32; i++)
			allocate_in(pool, model, size, r);
		break;
	case 7:
		size = take(input, 1);
		require(!ca__pool_reserve(pool, size));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	struct input input = { data, size < 4096 ? size : 4096 };
	struct ca__pool *pool;

	model.count = 0;
	require(!ca__pool_new(within, &pool));
	while (input.left) {
		step(&input, pool, &model);
		model_check_tree(pool);
	}
	model_check(&model, pool);
	ca__pool_free(pool);
	return 0;
}
