// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How large to make code spaces.
 */
#include <elf.h>
#include <errno.h>

#include "jump/jump.h"
#include "space/reservation.h"
#include "space/space.h"

#define CA__MIB		(1ULL << 20)

/**
 * ca__tables_get - compute the size of jump tables
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: number of functions
 * @builtins: number of builtins
 * @tables: gets the sizes
 *
 * Return: 0; -EOPNOTSUPP: unknown machine or flag; -EOVERFLOW: more slots than a
 * table can have.
 */
int ca__tables_get(uint32_t machine, uint32_t jump_flags, uint32_t functions,
		   uint32_t builtins, struct ca__tables *tables)
{
	const struct ca__jump_layout *layout =
		ca__jump_layout_find(machine, jump_flags);
	uint64_t far = (uint64_t)functions + builtins;

	if (!layout)
		return -EOPNOTSUPP;
	if (far > UINT32_MAX)
		return -EOVERFLOW;
	tables->near = (uint64_t)functions * layout->near_size;
	tables->far = far * layout->far_size;
	tables->lazy = (uint64_t)functions * layout->lazy_size;
	return 0;
}

/**
 * ca__reservation_limit - largest code space that branches reach all of
 * @machine: ELF machine number
 *
 * Return: bytes; 0 for an unknown machine.
 */
uint64_t ca__reservation_limit(uint32_t machine)
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

/**
 * ca__reservation_overhead - bytes of jump tables in a code space
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: number of functions
 * @builtins: number of builtins
 * @out: gets the bytes; 0 on failure
 *
 * A near table for the functions and a far table for builtins and functions,
 * since any function may get out of reach later. Each is rounded up to a unit.
 *
 * Return: as ca__tables_get(); -EINVAL: @out is NULL.
 */
int ca__reservation_overhead(uint32_t machine, uint32_t jump_flags,
			     uint32_t functions, uint32_t builtins,
			     uint64_t *out)
{
	struct ca__tables tables;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__tables_get(machine, jump_flags, functions, builtins,
			     &tables);
	if (!ret)
		*out = ca__align_up(tables.near, CA__UNIT) +
		       ca__align_up(tables.far, CA__UNIT);
	return ret;
}

/**
 * ca__reservation_size - choose the size of a code space
 * @r: what it is for
 * @out: gets the bytes; 0 on failure
 *
 * The largest of: the estimate plus the overhead; twice the overhead, so that at
 * least half of the space is for code; a part of what there is, so that the
 * spaces grow exponentially. But at most the limit: the result may be smaller
 * than the estimate, and further code spaces follow.
 *
 * Return: 0; -EOVERFLOW: a sum does not fit in 64 bits; -ENOSPC: twice the
 * overhead exceeds the limit.
 */
int ca__reservation_size(const struct ca__reservation *r, uint64_t *out)
{
	uint64_t least, size;

	*out = 0;
	if (__builtin_mul_overflow(r->overhead, (uint64_t)2, &least) ||
	    __builtin_add_overflow(r->estimate, r->align - 1, &size) ||
	    __builtin_add_overflow(ca__align_down(size, r->align), r->overhead,
				   &size))
		return -EOVERFLOW;
	if (least > r->limit)
		return -ENOSPC;
	if (size < least)
		size = least;
	if (size < r->total / r->growth)
		size = r->total / r->growth;
	*out = size < r->limit ? size : r->limit;
	return 0;
}
