// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How much code to expect, by V8's experience with its two compilers.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "space/space.h"
#include "space/tables.h"

#define CA__ESTIMATE_FLAGS \
	(CODEARENA_ESTIMATE_F_BASELINE | CODEARENA_ESTIMATE_F_TIERING | \
	 CODEARENA_ESTIMATE_F_LAZY)

/* A code object is at most this large: see struct codearena_code. */
#define CA__CODE_SIZE	104

_Static_assert(sizeof(struct codearena_estimate_costs) ==
	       sizeof(size_t) + 6 * sizeof(uint32_t),
	       "codearena_estimate_costs has padding");
_Static_assert(sizeof(struct codearena_estimate) ==
	       sizeof(size_t) + 6 * sizeof(uint32_t) + sizeof(uint64_t) +
	       sizeof(void *), "codearena_estimate has padding");

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

static const struct codearena_estimate_costs *ca__costs_find(uint32_t machine)
{
	size_t i;

	for (i = 0; i < sizeof(ca__machine_costs) /
			sizeof(ca__machine_costs[0]); i++) {
		if (ca__machine_costs[i].machine == machine)
			return &ca__machine_costs[i].costs;
	}
	return NULL;
}

CODEARENA_API int
codearena_estimate_costs(uint32_t machine, struct codearena_estimate_costs *out)
{
	const struct codearena_estimate_costs *costs = ca__costs_find(machine);
	size_t size;

	if (!out || out->sz < sizeof(*out))
		return -EINVAL;
	size = out->sz;
	if (!costs)
		return -EOPNOTSUPP;
	memset(out, 0, size);
	*out = *costs;
	out->sz = size;
	return 0;
}

static int ca__costs_check(const struct codearena_estimate_costs *costs)
{
	return ca__struct_check(costs, costs->sz, sizeof(*costs),
				sizeof(*costs));
}

/* overhead * functions + factor * bytes */
static int ca__part(uint64_t overhead, uint64_t functions, uint64_t factor,
		    uint64_t bytes, uint64_t *out)
{
	uint64_t a, b;

	if (__builtin_mul_overflow(overhead, functions, &a) ||
	    __builtin_mul_overflow(factor, bytes, &b) ||
	    __builtin_add_overflow(a, b, out))
		return -EOVERFLOW;
	return 0;
}

static int ca__baseline(const struct codearena_estimate_costs *costs,
			uint64_t functions, uint64_t bytes, uint64_t *out)
{
	return ca__part((uint64_t)costs->baseline_overhead + costs->align / 2,
			functions, costs->baseline_factor, bytes, out);
}

CODEARENA_API int
codearena_estimate_baseline(const struct codearena_estimate_costs *costs,
			    uint64_t input_bytes, uint64_t *out)
{
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = costs ? ca__costs_check(costs) : -EINVAL;
	if (!ret)
		ret = ca__baseline(costs, 1, input_bytes, out);
	if (ret)
		*out = 0;
	return ret;
}

static int ca__estimate_check(const struct codearena_estimate *estimate,
			      const struct codearena_estimate_costs **costs)
{
	int ret;

	if (!estimate)
		return -EINVAL;
	ret = ca__struct_check(estimate, estimate->sz, sizeof(*estimate),
			       sizeof(*estimate));
	if (ret)
		return ret;
	if (estimate->flags & ~CA__ESTIMATE_FLAGS)
		return -EOPNOTSUPP;
	*costs = ca__costs_find(estimate->machine);
	if (!*costs)
		return -EOPNOTSUPP;
	if (!estimate->costs)
		return 0;
	*costs = estimate->costs;
	return ca__costs_check(*costs);
}

CODEARENA_API int
codearena_estimate_code(const struct codearena_estimate *estimate,
			uint64_t *out)
{
	const struct codearena_estimate_costs *costs;
	uint64_t optimized, baseline = 0, sum;
	struct ca__tables tables;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__estimate_check(estimate, &costs);
	if (!ret)
		ret = ca__tables_get(estimate->machine, estimate->jump_flags,
				     estimate->functions, 0, &tables);
	if (!ret)
		ret = ca__part((uint64_t)costs->optimized_overhead +
			       costs->align / 2, estimate->functions,
			       costs->optimized_factor, estimate->input_bytes,
			       &optimized);
	if (!ret && estimate->flags & CODEARENA_ESTIMATE_F_BASELINE)
		ret = ca__baseline(costs, estimate->functions,
				   estimate->input_bytes, &baseline);
	if (ret)
		return ret;
	if (estimate->flags & CODEARENA_ESTIMATE_F_LAZY)
		baseline /= 2;
	if (estimate->flags & CODEARENA_ESTIMATE_F_TIERING &&
	    estimate->flags & CODEARENA_ESTIMATE_F_BASELINE)
		optimized /= 4;
	/* Two 32-bit factors and a table below 2^40 cannot overflow. */
	sum = tables.lazy + (uint64_t)estimate->imports * costs->import_size;
	if (__builtin_add_overflow(sum, baseline, &sum) ||
	    __builtin_add_overflow(sum, optimized, &sum))
		return -EOVERFLOW;
	*out = sum;
	return 0;
}

CODEARENA_API int
codearena_estimate_metadata(const struct codearena_estimate *estimate,
			    uint64_t *out)
{
	const struct codearena_estimate_costs *costs;
	uint64_t sum;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__estimate_check(estimate, &costs);
	if (!ret)
		ret = codearena_reservation_overhead(estimate->machine,
						     estimate->jump_flags,
						     estimate->functions,
						     estimate->builtins, &sum);
	if (ret)
		return ret;
	/* The table of code, and the lookup by address. */
	sum += (uint64_t)estimate->functions *
	       (CA__CODE_SIZE + 2 * sizeof(void *));
	if (__builtin_add_overflow(sum, estimate->input_bytes, &sum))
		return -EOVERFLOW;
	*out = sum;
	return 0;
}
