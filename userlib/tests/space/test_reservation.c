// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sizes of code spaces and estimates of code: numbers worked out by hand from
 * V8's rules.
 */
#include <elf.h>

#include "codearena/module.h"
#include "lib/helpers.h"

#define MIB	(1ULL << 20)

static uint64_t overhead_of(uint32_t machine, uint32_t flags, uint32_t n,
			    uint32_t builtins)
{
	uint64_t bytes = 7;

	assert_int_equal(codearena_reservation_overhead(machine, flags, n,
							builtins, &bytes), 0);
	return bytes;
}

static void overhead_per_code_space(void **state)
{
	(void)state;
	/* 8000 + 16 * 1100 */
	assert_int_equal(overhead_of(EM_X86_64, 0, 1000, 100), 25600);
	assert_int_equal(overhead_of(EM_X86_64, 1, 1000, 100), 33600);
	/* 4000 is not a multiple of 64. */
	assert_int_equal(overhead_of(EM_AARCH64, 0, 1000, 100), 4032 + 17600);
	assert_int_equal(overhead_of(EM_AARCH64, 1, 1000, 100), 8000 + 17600);
	assert_int_equal(overhead_of(EM_X86_64, 0, 0, 0), 0);
	assert_int_equal(overhead_of(EM_X86_64, 0, 0, 1), 64);
}

static void overhead_refuses(void **state)
{
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(codearena_reservation_overhead(EM_386, 0, 1, 1,
							&bytes), -EOPNOTSUPP);
	assert_int_equal(bytes, 0);
	assert_int_equal(codearena_reservation_overhead(EM_X86_64, 1U << 31, 1,
							1, &bytes),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_reservation_overhead(EM_X86_64, 0,
							UINT32_MAX, 1, &bytes),
			 -EOVERFLOW);
	assert_int_equal(codearena_reservation_overhead(EM_X86_64, 0, 1, 1,
							NULL), -EINVAL);
}

static void limits_of_machines(void **state)
{
	(void)state;
	assert_int_equal(codearena_reservation_limit(EM_X86_64), 1024 * MIB);
	assert_int_equal(codearena_reservation_limit(EM_AARCH64), 128 * MIB);
	assert_int_equal(codearena_reservation_limit(EM_RISCV), 1024 * MIB);
	assert_int_equal(codearena_reservation_limit(EM_386), 0);
}

static int size_of(uint64_t estimate, uint64_t total, uint64_t overhead,
		   uint64_t limit, uint64_t *size)
{
	CODEARENA_OPTS(codearena_reservation, r, .estimate = estimate,
		       .total = total, .overhead = overhead, .limit = limit);

	return codearena_reservation_size(&r, size);
}

/* V8's ReservationSize, each of the four reasons in turn. */
static void reservation_size(void **state)
{
	static const struct {
		uint64_t estimate, total, overhead, limit, size;
	} row[] = {
		{ 0, 0, 25600, 1024 * MIB, 51200 },
		{ MIB, 0, 25600, 1024 * MIB, 1074176 },
		{ 4096, 16 * MIB, 25600, 1024 * MIB, 4 * MIB },
		{ 4096, 16 * MIB, 25600, 3 * MIB, 3 * MIB },
		{ 8 * MIB, 0, 25600, 2 * MIB, 2 * MIB },
		{ 1, 0, 0, MIB, 64 },
		{ 65, 0, 128, MIB, 256 },
		{ 0, 0, 512, 1024, 1024 },
		{ 0, 0, 0, MIB, 0 },
	};
	uint64_t size;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size = 7;
		assert_int_equal(size_of(row[i].estimate, row[i].total,
					 row[i].overhead, row[i].limit, &size),
				 0);
		assert_int_equal(size, row[i].size);
	}
}

static void reservation_settings(void **state)
{
	CODEARENA_OPTS(codearena_reservation, r, .estimate = 1, .total = 1000,
		       .limit = MIB, .align = 256, .growth = 2);
	uint64_t size;

	(void)state;
	assert_int_equal(codearena_reservation_size(&r, &size), 0);
	assert_int_equal(size, 500);
	r.growth = 8;
	assert_int_equal(codearena_reservation_size(&r, &size), 0);
	assert_int_equal(size, 256);
}

/* V8 dies in most of these cases. */
static void reservation_refuses(void **state)
{
	CODEARENA_OPTS(codearena_reservation, r, .estimate = 1, .limit = MIB);
	uint64_t size = 7;

	(void)state;
	assert_int_equal(size_of(0, 0, 513, 1024, &size), -ENOSPC);
	assert_int_equal(size, 0);
	assert_int_equal(size_of(UINT64_MAX, 0, 0, MIB, &size), -EOVERFLOW);
	assert_int_equal(size_of(UINT64_MAX - 127, 0, 128, MIB, &size),
			 -EOVERFLOW);
	assert_int_equal(size_of(0, 0, 1ULL << 63, MIB, &size), -EOVERFLOW);
	assert_int_equal(size_of(0, 0, 0, 0, &size), -EINVAL);
	assert_int_equal(codearena_reservation_size(NULL, &size), -EINVAL);
	assert_int_equal(codearena_reservation_size(&r, NULL), -EINVAL);
	r.align = 48;
	assert_int_equal(codearena_reservation_size(&r, &size), -EINVAL);
	r.align = 64;
	r.__reserved = 1;
	assert_int_equal(codearena_reservation_size(&r, &size), -EOPNOTSUPP);
	r.__reserved = 0;
	r.sz--;
	assert_int_equal(codearena_reservation_size(&r, &size), -EINVAL);
}

static void costs_of_machines(void **state)
{
	CODEARENA_OPTS(codearena_estimate_costs, c);
	struct {
		struct codearena_estimate_costs costs;
		uint8_t more[8];
	} longer;

	(void)state;
	assert_int_equal(codearena_estimate_costs(EM_AARCH64, &c), 0);
	assert_int_equal(c.optimized_overhead, 40);
	assert_int_equal(c.optimized_factor, 3);
	assert_int_equal(c.baseline_overhead, 68);
	assert_int_equal(c.baseline_factor, 4);
	assert_int_equal(c.import_size, 750);
	assert_int_equal(codearena_estimate_costs(EM_RISCV, &c), 0);
	assert_int_equal(c.optimized_overhead, 44);
	assert_int_equal(c.baseline_factor, 5);
	assert_int_equal(codearena_estimate_costs(EM_386, &c), -EOPNOTSUPP);
	assert_int_equal(codearena_estimate_costs(EM_X86_64, NULL), -EINVAL);
	c.sz = 8;
	assert_int_equal(codearena_estimate_costs(EM_X86_64, &c), -EINVAL);
	memset(&longer, 0xff, sizeof(longer));
	longer.costs.sz = sizeof(longer);
	assert_int_equal(codearena_estimate_costs(EM_X86_64, &longer.costs), 0);
	assert_int_equal(longer.costs.sz, sizeof(longer));
	assert_int_equal(longer.more[0], 0);
}

/* V8: EstimateLiftoffCodeSize */
static void estimate_of_a_function(void **state)
{
	CODEARENA_OPTS(codearena_estimate_costs, c);
	uint64_t bytes;

	(void)state;
	assert_int_equal(codearena_estimate_costs(EM_X86_64, &c), 0);
	assert_int_equal(codearena_estimate_baseline(&c, 100, &bytes), 0);
	assert_int_equal(bytes, 56 + 32 + 400);
	assert_int_equal(codearena_estimate_baseline(&c, UINT64_MAX / 4,
						     &bytes), -EOVERFLOW);
	assert_int_equal(bytes, 0);
	assert_int_equal(codearena_estimate_baseline(NULL, 1, &bytes), -EINVAL);
	assert_int_equal(codearena_estimate_baseline(&c, 1, NULL), -EINVAL);
}

/* V8: EstimateNativeModuleCodeSize */
static void estimate_of_a_module(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 100, .imports = 10, .input_bytes = 10000,
		       .flags = CODEARENA_ESTIMATE_F_BASELINE |
				CODEARENA_ESTIMATE_F_TIERING);
	CODEARENA_OPTS(codearena_estimate_costs, c);
	uint64_t bytes;

	(void)state;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 1000 + 6400 + 48800 + 8900);
	e.flags |= CODEARENA_ESTIMATE_F_LAZY;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 1000 + 6400 + 24400 + 8900);
	e.flags = CODEARENA_ESTIMATE_F_BASELINE;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 1000 + 6400 + 48800 + 35600);
	/* One compiler only: it does all functions. */
	e.flags = CODEARENA_ESTIMATE_F_TIERING;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 1000 + 6400 + 35600);
	assert_int_equal(codearena_estimate_costs(EM_X86_64, &c), 0);
	c.import_size = 0;
	e.costs = &c;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 1000 + 35600);
	e.functions = 0;
	e.input_bytes = 0;
	assert_int_equal(codearena_estimate_code(&e, &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void estimate_of_metadata(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 1000, .builtins = 100, .input_bytes = 5);
	uint64_t bytes;

	(void)state;
	assert_int_equal(codearena_estimate_metadata(&e, &bytes), 0);
	assert_int_equal(bytes, 5 + 1000 * (104 + 2 * sizeof(void *)) + 25600);
	e.input_bytes = UINT64_MAX;
	assert_int_equal(codearena_estimate_metadata(&e, &bytes), -EOVERFLOW);
	assert_int_equal(bytes, 0);
	assert_int_equal(codearena_estimate_metadata(&e, NULL), -EINVAL);
	assert_int_equal(codearena_estimate_metadata(NULL, &bytes), -EINVAL);
}

static void estimate_refuses(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 100);
	CODEARENA_OPTS(codearena_estimate_costs, c);
	uint64_t bytes;

	(void)state;
	assert_int_equal(codearena_estimate_code(NULL, &bytes), -EINVAL);
	assert_int_equal(codearena_estimate_code(&e, NULL), -EINVAL);
	e.flags = 8;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EOPNOTSUPP);
	e.flags = 0;
	e.machine = EM_386;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EOPNOTSUPP);
	e.machine = EM_X86_64;
	e.jump_flags = 1U << 31;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EOPNOTSUPP);
	e.jump_flags = 0;
	e.input_bytes = UINT64_MAX / 3;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EOVERFLOW);
	e.input_bytes = 0;
	c.sz = 4;
	e.costs = &c;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EINVAL);
	e.costs = NULL;
	e.sz = 4;
	assert_int_equal(codearena_estimate_code(&e, &bytes), -EINVAL);
	assert_int_equal(bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overhead_per_code_space),
		cmocka_unit_test(overhead_refuses),
		cmocka_unit_test(limits_of_machines),
		cmocka_unit_test(reservation_size),
		cmocka_unit_test(reservation_settings),
		cmocka_unit_test(reservation_refuses),
		cmocka_unit_test(costs_of_machines),
		cmocka_unit_test(estimate_of_a_function),
		cmocka_unit_test(estimate_of_a_module),
		cmocka_unit_test(estimate_of_metadata),
		cmocka_unit_test(estimate_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
