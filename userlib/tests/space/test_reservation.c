// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sizes of code spaces and estimates of code: numbers worked out by hand from
 * V8's rules.
 */
#include <elf.h>

#include "lib/helpers.h"
#include "space/reservation.h"

#define MIB	(1ULL << 20)

static uint64_t overhead_of(uint32_t machine, uint32_t flags, uint32_t n,
			    uint32_t builtins)
{
	uint64_t bytes = 7;

	assert_int_equal(ca__reservation_overhead(machine, flags, n,
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
	assert_int_equal(ca__reservation_overhead(EM_386, 0, 1, 1,
							&bytes), -EOPNOTSUPP);
	assert_int_equal(bytes, 0);
	assert_int_equal(ca__reservation_overhead(EM_X86_64, 1U << 31, 1,
							1, &bytes),
			 -EOPNOTSUPP);
	assert_int_equal(ca__reservation_overhead(EM_X86_64, 0,
							UINT32_MAX, 1, &bytes),
			 -EOVERFLOW);
	assert_int_equal(ca__reservation_overhead(EM_X86_64, 0, 1, 1,
							NULL), -EINVAL);
}

static void limits_of_machines(void **state)
{
	(void)state;
	assert_int_equal(ca__reservation_limit(EM_X86_64), 1024 * MIB);
	assert_int_equal(ca__reservation_limit(EM_AARCH64), 128 * MIB);
	assert_int_equal(ca__reservation_limit(EM_RISCV), 1024 * MIB);
	assert_int_equal(ca__reservation_limit(EM_386), 0);
}

static int size_of(uint64_t estimate, uint64_t total, uint64_t overhead,
		   uint64_t limit, uint64_t *size)
{
	struct ca__reservation r = {
		.estimate = estimate,
		.total = total,
		.limit = limit,
		.overhead = overhead,
		.align = 64,
		.growth = 4,
	};

	return ca__reservation_size(&r, size);
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
	struct ca__reservation r = {
		.estimate = 1,
		.total = 1000,
		.limit = MIB,
		.align = 256,
		.growth = 2,
	};
	uint64_t size;

	(void)state;
	assert_int_equal(ca__reservation_size(&r, &size), 0);
	assert_int_equal(size, 500);
	r.growth = 8;
	assert_int_equal(ca__reservation_size(&r, &size), 0);
	assert_int_equal(size, 256);
}

/* V8 dies in most of these cases. */
static void reservation_refuses(void **state)
{
	uint64_t size = 7;

	(void)state;
	assert_int_equal(size_of(0, 0, 513, 1024, &size), -ENOSPC);
	assert_int_equal(size, 0);
	assert_int_equal(size_of(UINT64_MAX, 0, 0, MIB, &size), -EOVERFLOW);
	assert_int_equal(size_of(UINT64_MAX - 127, 0, 128, MIB, &size),
			 -EOVERFLOW);
	assert_int_equal(size_of(0, 0, 1ULL << 63, MIB, &size), -EOVERFLOW);
}

static void costs_of_machines(void **state)
{
	const struct codearena_estimate_costs *c;

	(void)state;
	c = ca__estimate_costs(EM_AARCH64);
	assert_int_equal(c->optimized_overhead, 40);
	assert_int_equal(c->optimized_factor, 3);
	assert_int_equal(c->baseline_overhead, 68);
	assert_int_equal(c->baseline_factor, 4);
	assert_int_equal(c->import_size, 750);
	c = ca__estimate_costs(EM_RISCV);
	assert_int_equal(c->optimized_overhead, 44);
	assert_int_equal(c->baseline_factor, 5);
	assert_null(ca__estimate_costs(EM_386));
}

/* V8: EstimateLiftoffCodeSize */
static void estimate_of_a_function(void **state)
{
	const struct codearena_estimate_costs *c;
	uint64_t bytes;

	(void)state;
	c = ca__estimate_costs(EM_X86_64);
	assert_int_equal(ca__estimate_baseline(c, 1, 100, &bytes), 0);
	assert_int_equal(bytes, 56 + 32 + 400);
	assert_int_equal(ca__estimate_baseline(c, 1, UINT64_MAX / 4, &bytes),
			 -EOVERFLOW);
}

static void expect_code(const struct codearena_estimate *e, uint64_t bytes)
{
	uint64_t code = 7;

	assert_int_equal(codearena_estimate_code(e, &code, NULL), 0);
	assert_int_equal(code, bytes);
}

/* V8: EstimateNativeModuleCodeSize */
static void estimate_of_a_module(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 100, .imports = 10, .input_bytes = 10000,
		       .flags = CODEARENA_ESTIMATE_F_BASELINE |
				CODEARENA_ESTIMATE_F_TIERING);
	struct codearena_estimate_costs c;

	(void)state;
	expect_code(&e, 1000 + 6400 + 48800 + 8900);
	e.flags |= CODEARENA_ESTIMATE_F_LAZY;
	expect_code(&e, 1000 + 6400 + 24400 + 8900);
	e.flags = CODEARENA_ESTIMATE_F_BASELINE;
	expect_code(&e, 1000 + 6400 + 48800 + 35600);
	/* One compiler only: it does all functions. */
	e.flags = CODEARENA_ESTIMATE_F_TIERING;
	expect_code(&e, 1000 + 6400 + 35600);
	c = *ca__estimate_costs(EM_X86_64);
	c.import_size = 0;
	e.costs = &c;
	expect_code(&e, 1000 + 35600);
	e.functions = 0;
	e.input_bytes = 0;
	expect_code(&e, 0);
}

/* V8: EstimateNativeModuleMetaDataSize */
static void estimate_of_metadata(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 1000, .builtins = 100, .input_bytes = 5);
	struct codearena_estimate_costs c = { .sz = sizeof(c) };
	uint64_t code, bytes;

	(void)state;
	assert_int_equal(codearena_estimate_code(&e, &code, &bytes), 0);
	assert_int_equal(bytes, 5 + 1000 * (104 + 2 * sizeof(void *)) + 25600);
	/* Compilers that emit nothing leave the metadata to overflow. */
	e.costs = &c;
	e.input_bytes = UINT64_MAX;
	assert_int_equal(codearena_estimate_code(&e, &code, &bytes),
			 -EOVERFLOW);
	assert_int_equal(bytes, 0);
	assert_int_equal(code, 0);
	assert_int_equal(codearena_estimate_code(&e, &code, NULL), 0);
}

static void estimate_refuses(void **state)
{
	CODEARENA_OPTS(codearena_estimate, e, .machine = EM_X86_64,
		       .functions = 100);
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(codearena_estimate_code(NULL, &bytes, NULL), -EINVAL);
	assert_int_equal(bytes, 0);
	assert_int_equal(codearena_estimate_code(&e, NULL, NULL), -EINVAL);
	e.flags = 8;
	assert_int_equal(codearena_estimate_code(&e, &bytes, NULL),
			 -EOPNOTSUPP);
	e.flags = 0;
	e.machine = EM_386;
	assert_int_equal(codearena_estimate_code(&e, &bytes, NULL),
			 -EOPNOTSUPP);
	e.machine = EM_X86_64;
	e.jump_flags = 1U << 31;
	assert_int_equal(codearena_estimate_code(&e, &bytes, NULL),
			 -EOPNOTSUPP);
	e.jump_flags = 0;
	e.input_bytes = UINT64_MAX / 3;
	assert_int_equal(codearena_estimate_code(&e, &bytes, NULL), -EOVERFLOW);
	assert_int_equal(bytes, 0);
}

/* Structures that are shorter and longer than this library's. */
static void estimate_sizes(void **state)
{
	struct {
		struct codearena_estimate known;
		uint8_t more;
	} e = { .known = { .sz = sizeof(e), .machine = EM_X86_64 } };
	struct {
		struct codearena_estimate_costs known;
		uint8_t more;
	} c = { .known = { .sz = sizeof(c) } };
	uint64_t bytes;

	(void)state;
	e.known.costs = &c.known;
	assert_int_equal(codearena_estimate_code(&e.known, &bytes, NULL), 0);
	e.more = 1;
	assert_int_equal(codearena_estimate_code(&e.known, &bytes, NULL),
			 -E2BIG);
	e.known.sz = sizeof(e.known);
	c.more = 1;
	assert_int_equal(codearena_estimate_code(&e.known, &bytes, NULL),
			 -E2BIG);
	c.known.sz = sizeof(c.known) - 1;
	assert_int_equal(codearena_estimate_code(&e.known, &bytes, NULL),
			 -EINVAL);
	c.known.sz = sizeof(c.known);
	e.known.sz = sizeof(e.known) - 1;
	assert_int_equal(codearena_estimate_code(&e.known, &bytes, NULL),
			 -EINVAL);
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
		cmocka_unit_test(estimate_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
