// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How large to make code spaces.
 */
#include <elf.h>
#include <errno.h>

#include "space/space.h"
#include "space/tables.h"

#define CA__MIB		(1ULL << 20)

_Static_assert(sizeof(struct codearena_reservation) ==
	       sizeof(size_t) + 4 * sizeof(uint64_t) + 2 * sizeof(uint32_t) +
	       sizeof(uint64_t), "codearena_reservation has padding");

CODEARENA_API uint64_t codearena_reservation_limit(uint32_t machine)
{
	switch (machine) {
	case EM_X86_64:
	case EM_RISCV:
		return 1024 * CA__MIB;
	case EM_AARCH64:
		return 128 * CA__MIB;
	default:
		return 0;
	}
}

CODEARENA_API int codearena_reservation_overhead(uint32_t machine,
						 uint32_t jump_flags,
						 uint32_t functions,
						 uint32_t builtins,
						 uint64_t *out)
{
	struct ca__tables tables;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__tables_get(machine, jump_flags, functions, builtins,
			     &tables);
	if (ret)
		return ret;
	/* Far too for each function, since any may be out of reach one day. */
	*out = ca__align_up(tables.near, CA__UNIT) +
	       ca__align_up(tables.far, CA__UNIT);
	return 0;
}

static int ca__round_up(uint64_t value, uint64_t align, uint64_t *out)
{
	if (value > UINT64_MAX - (align - 1))
		return -EOVERFLOW;
	*out = ca__align_up(value, align);
	return 0;
}

CODEARENA_API int
codearena_reservation_size(const struct codearena_reservation *reservation,
			   uint64_t *out)
{
	struct codearena_reservation r = { 0 };
	uint64_t least, size;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	if (!reservation)
		return -EINVAL;
	ret = ca__struct_check(reservation, reservation->sz, sizeof(r),
			       sizeof(r));
	if (ret)
		return ret;
	r = *reservation;
	if (!r.align)
		r.align = CA__UNIT;
	if (!r.growth)
		r.growth = CA__GROWTH;
	if (r.__reserved)
		return -EOPNOTSUPP;
	if (r.align & (r.align - 1) || !r.limit)
		return -EINVAL;
	if (__builtin_mul_overflow(r.overhead, (uint64_t)2, &least) ||
	    ca__round_up(r.estimate, r.align, &size) ||
	    __builtin_add_overflow(size, r.overhead, &size))
		return -EOVERFLOW;
	if (least > r.limit)
		return -ENOSPC;
	if (size < least)
		size = least;
	if (size < r.total / r.growth)
		size = r.total / r.growth;
	*out = size < r.limit ? size : r.limit;
	return 0;
}
