// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How much code to expect, from V8's experience with its two compilers.
 */
#include <elf.h>
#include <errno.h>

#include "space/reservation.h"
#include "space/space.h"

#define CA__ESTIMATE_FLAGS \
	(CODEARENA_ESTIMATE_F_BASELINE | CODEARENA_ESTIMATE_F_TIERING | \
	 CODEARENA_ESTIMATE_F_LAZY)

/* A code object is at most this large: see struct codearena_code. */
#define CA__CODE_SIZE	104

_Static_assert(sizeof(struct codearena_estimate_costs) >=
	       CA__SIZE_ESTIMATE_COSTS, "structures only grow");
_Static_assert(sizeof(struct codearena_estimate) >= CA__SIZE_ESTIMATE,
	       "structures only grow");

static const struct ca__machine_costs {
	uint32_t machine;
	struct codearena_estimate_costs costs;
} ca__machine_costs[] = {
	{ EM_X86_64, { sizeof(struct codearena_estimate_costs),
		       24, 3, 56, 4, 640, CA__UNIT } },
	{ EM_AARCH64, { sizeof(struct codearena_estimate_costs),
			40, 3, 68, 4, 750, CA__UNIT } },
	{ EM_RISCV, { sizeof(struct codearena_estimate_costs),
		      44, 4, 96, 5, 750, CA__UNIT } },
};

/**
 * ca__estimate_costs - the costs of V8's compilers
 * @machine: ELF machine number
 *
 * Return: the costs; NULL for an unknown machine.
 */
const struct codearena_estimate_costs *ca__estimate_costs(uint32_t machine)
{
	size_t i;

	for (i = 0; i < sizeof(ca__machine_costs) /
			sizeof(ca__machine_costs[0]); i++) {
		if (ca__machine_costs[i].machine == machine)
			return &ca__machine_costs[i].costs;
	}
	return NULL;
}

/* overhead * functions + factor * bytes */
static int ca__estimate_part(uint64_t overhead, uint64_t functions,
			     uint64_t factor, uint64_t bytes, uint64_t *out)
{
	uint64_t a, b;

	if (__builtin_mul_overflow(overhead, functions, &a) ||
	    __builtin_mul_overflow(factor, bytes, &b) ||
	    __builtin_add_overflow(a, b, out))
		return -EOVERFLOW;
	return 0;
}

/**
 * ca__estimate_baseline - estimate the output of the baseline compiler
 * @costs: costs
 * @functions: number of functions
 * @bytes: bytes of input of all of them
 * @out: gets the bytes of code; undefined on failure
 *
 * Return: 0 or -EOVERFLOW.
 */
int ca__estimate_baseline(const struct codearena_estimate_costs *costs,
			  uint64_t functions, uint64_t bytes, uint64_t *out)
{
	return ca__estimate_part((uint64_t)costs->baseline_overhead +
				 costs->align / 2, functions,
				 costs->baseline_factor, bytes, out);
}

static int ca__estimate_optimized(const struct codearena_estimate_costs *costs,
				  uint64_t functions, uint64_t bytes,
				  uint64_t *out)
{
	return ca__estimate_part((uint64_t)costs->optimized_overhead +
				 costs->align / 2, functions,
				 costs->optimized_factor, bytes, out);
}

/* Copy both structures; &e->costs does not count afterwards. */
static int ca__estimate_get(const struct codearena_estimate *from,
			    struct codearena_estimate *e,
			    struct codearena_estimate_costs *costs)
{
	const struct codearena_estimate_costs *known;
	int ret;

	if (!from)
		return -EINVAL;
	ret = ca__struct_get(e, from, CA__SIZE_ESTIMATE, sizeof(*e));
	if (ret)
		return ret;
	known = ca__estimate_costs(e->machine);
	if (e->flags & ~CA__ESTIMATE_FLAGS || !known)
		return -EOPNOTSUPP;
	return ca__struct_get(costs, e->costs ? e->costs : known,
			      CA__SIZE_ESTIMATE_COSTS, sizeof(*costs));
}

static int ca__estimate_code(const struct codearena_estimate *e,
			     const struct codearena_estimate_costs *costs,
			     uint64_t lazy_table, uint64_t *out)
{
	bool both = e->flags & CODEARENA_ESTIMATE_F_BASELINE;
	uint64_t optimized, baseline = 0, sum;
	int ret;

	ret = ca__estimate_optimized(costs, e->functions, e->input_bytes,
				     &optimized);
	if (!ret && both)
		ret = ca__estimate_baseline(costs, e->functions,
					    e->input_bytes, &baseline);
	if (ret)
		return ret;
	if (e->flags & CODEARENA_ESTIMATE_F_LAZY)
		baseline /= 2;
	if (both && e->flags & CODEARENA_ESTIMATE_F_TIERING)
		optimized /= 4;
	/* Two 32-bit factors and a table below 2^40 cannot overflow. */
	sum = lazy_table + (uint64_t)e->imports * costs->import_size;
	if (__builtin_add_overflow(sum, baseline, &sum) ||
	    __builtin_add_overflow(sum, optimized, out))
		return -EOVERFLOW;
	return 0;
}

static int ca__estimate_metadata(const struct codearena_estimate *e,
				 uint64_t *out)
{
	uint64_t sum;
	int ret;

	ret = ca__reservation_overhead(e->machine, e->jump_flags, e->functions,
				       e->builtins, &sum);
	if (ret)
		return ret;
	/* The table of code, and the lookup by address. */
	sum += (uint64_t)e->functions * (CA__CODE_SIZE + 2 * sizeof(void *));
	if (__builtin_add_overflow(sum, e->input_bytes, out))
		return -EOVERFLOW;
	return 0;
}

CODEARENA_API int
codearena_estimate_code(const struct codearena_estimate *estimate,
			uint64_t *code, uint64_t *metadata)
{
	struct codearena_estimate_costs costs;
	struct codearena_estimate e;
	struct ca__tables tables;
	uint64_t bytes = 0, beside = 0;
	int ret;

	if (!code)
		return -EINVAL;
	ret = ca__estimate_get(estimate, &e, &costs);
	if (!ret)
		ret = ca__tables_get(e.machine, e.jump_flags, e.functions, 0,
				     &tables);
	if (!ret)
		ret = ca__estimate_code(&e, &costs, tables.lazy, &bytes);
	if (!ret && metadata)
		ret = ca__estimate_metadata(&e, &beside);
	*code = ret ? 0 : bytes;
	if (metadata)
		*metadata = ret ? 0 : beside;
	return ret;
}
