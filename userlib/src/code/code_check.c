// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Checking descriptions of code objects. Changes nothing; traps that do not
 * ascend are sorted in a copy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "code/code_check.h"
#include "base/base.h"

_Static_assert(sizeof(struct codearena_code_desc) ==
	       sizeof(size_t) + 8 * sizeof(void *) + 6 * sizeof(size_t) +
	       14 * sizeof(uint32_t), "codearena_code_desc has padding");

/**
 * ca__code_body_size - bytes of a body
 * @desc: the description
 *
 * Return: the sum of its sections; it cannot overflow.
 */
uint64_t ca__code_body_size(const struct codearena_code_desc *desc)
{
	return (uint64_t)desc->instructions_size + desc->safepoint_size +
	       desc->handler_size + desc->constant_pool_size +
	       desc->comments_size;
}

static int ca__check_numbers(const struct codearena_code_desc *desc)
{
	if (desc->flags & ~CODEARENA_CODE_F_REPORT)
		return -EOPNOTSUPP;
	if (desc->kind > CODEARENA_CODE_JUMP_TABLE ||
	    desc->tier > CODEARENA_TIER_OPTIMIZED ||
	    desc->debug > CODEARENA_DEBUG_STEPPING ||
	    desc->function_index < CODEARENA_CODE_ANONYMOUS ||
	    desc->frame_slots > UINT16_MAX ||
	    desc->parameter_slots > UINT16_MAX || !desc->instructions_size)
		return -EINVAL;
	if (desc->unwind > CODEARENA_UNWIND_CFI ||
	    !desc->cfi_size != (desc->unwind != CODEARENA_UNWIND_CFI) ||
	    desc->frame_size % 8 ||
	    (desc->frame_size && desc->unwind != CODEARENA_UNWIND_FIXED))
		return -EINVAL;
	/* Whoever makes a jump table has its bytes. */
	if (desc->kind == CODEARENA_CODE_JUMP_TABLE) {
		if (desc->body || desc->function_index >= 0)
			return -EINVAL;
	} else if (!desc->body) {
		return -EINVAL;
	}
	return ca__code_body_size(desc) > CODEARENA_CODE_MAX ? -EOVERFLOW : 0;
}

/* Adds the size of an array to a total. */
static int ca__check_array(const void *array, size_t count, size_t size,
			   uint64_t *total)
{
	if (count && !array)
		return -EINVAL;
	if (count > UINT32_MAX)
		return -EOVERFLOW;
	*total += count * size;
	return 0;
}

/* Every count, and the size of all arrays together, fits in 32 bits. */
static int ca__check_sizes(const struct codearena_code_desc *desc)
{
	uint64_t total = 0;
	int ret;

	ret = ca__check_array(desc->traps, desc->trap_count,
			      sizeof(*desc->traps), &total);
	if (!ret)
		ret = ca__check_array(desc->relocs, desc->reloc_count,
				      sizeof(*desc->relocs), &total);
	if (!ret)
		ret = ca__check_array(desc->positions, desc->position_count,
				      sizeof(*desc->positions), &total);
	if (!ret)
		ret = ca__check_array(desc->inlinings, desc->inlining_count,
				      sizeof(*desc->inlinings), &total);
	if (!ret)
		ret = ca__check_array(desc->deopt, desc->deopt_size, 1, &total);
	if (!ret)
		ret = ca__check_array(desc->cfi, desc->cfi_size, 1, &total);
	if (ret)
		return ret;
	return total > UINT32_MAX ? -EOVERFLOW : 0;
}

static int ca__check_name(const char *name)
{
	size_t length;

	if (!name)
		return 0;
	length = strnlen(name, CODEARENA_CODE_NAME_MAX + 1);
	if (length > CODEARENA_CODE_NAME_MAX)
		return -ENAMETOOLONG;
	for (; *name; name++) {
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return -EINVAL;
	}
	return length ? 0 : -EINVAL;
}

static int ca__check_positions(const struct codearena_code_desc *desc)
{
	const struct codearena_source_position *position = desc->positions;
	size_t i;

	for (i = 0; i < desc->position_count; i++, position++) {
		if (position->flags & ~CODEARENA_POSITION_F_STATEMENT)
			return -EOPNOTSUPP;
		if (position->code_offset >= desc->instructions_size ||
		    (i && position->code_offset < position[-1].code_offset))
			return -EINVAL;
		if (position->inlining_id < -1 ||
		    (position->inlining_id >= 0 &&
		     (size_t)position->inlining_id >= desc->inlining_count))
			return -EINVAL;
	}
	return 0;
}

/* A caller comes before what was inlined into it: chains of them end. */
static int ca__check_inlinings(const struct codearena_code_desc *desc)
{
	const struct codearena_inlining_position *inlining = desc->inlinings;
	size_t i;

	for (i = 0; i < desc->inlining_count; i++, inlining++) {
		if (inlining->flags & ~CODEARENA_INLINING_F_TAIL_CALL)
			return -EOPNOTSUPP;
		if (inlining->function < 0 || inlining->caller_id < -1 ||
		    (inlining->caller_id >= 0 &&
		     (size_t)inlining->caller_id >= i))
			return -EINVAL;
	}
	return 0;
}

static int ca__trap_compare(const void *a, const void *b)
{
	const struct codearena_trap *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/**
 * ca__code_traps_sort - sort traps by address
 * @traps: array of traps
 * @count: entries of @traps
 *
 * Fast if they ascend already, as compilers usually emit them.
 */
void ca__code_traps_sort(struct codearena_trap *traps, size_t count)
{
	size_t i;

	for (i = 1; i < count; i++) {
		if (traps[i].start < traps[i - 1].start) {
			qsort(traps, count, sizeof(*traps), ca__trap_compare);
			return;
		}
	}
}

static int ca__check_overlaps(const struct codearena_trap *traps, size_t count)
{
	size_t i;

	for (i = 1; i < count; i++) {
		if (traps[i].start - traps[i - 1].start < traps[i - 1].length)
			return -EINVAL;
	}
	return 0;
}

static int ca__check_traps(const struct codearena_code_desc *desc)
{
	const struct codearena_trap *trap = desc->traps;
	uint64_t body = ca__code_body_size(desc);
	struct codearena_trap *sorted;
	bool ascending = true;
	size_t i;
	int ret;

	for (i = 0; i < desc->trap_count; i++, trap++) {
		if (!trap->length || trap->start >= desc->instructions_size ||
		    trap->length > desc->instructions_size - trap->start)
			return -EINVAL;
		if (trap->landing != CODEARENA_LANDING_EXTERNAL &&
		    trap->landing >= body)
			return -EINVAL;
		if (i && trap->start < trap[-1].start)
			ascending = false;
	}
	if (ascending)
		return ca__check_overlaps(desc->traps, desc->trap_count);
	sorted = malloc(desc->trap_count * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, desc->traps, desc->trap_count * sizeof(*sorted));
	ca__code_traps_sort(sorted, desc->trap_count);
	ret = ca__check_overlaps(sorted, desc->trap_count);
	free(sorted);
	return ret;
}

/**
 * ca__code_check - check the description of a code object
 * @desc: the description
 *
 * Does not check relocations, see ca__reloc_check(). Not async-signal-safe.
 *
 * Return: as codearena_module_add() documents for a description; -ENOMEM.
 */
int ca__code_check(const struct codearena_code_desc *desc)
{
	int ret;

	if (!desc)
		return -EINVAL;
	ret = ca__struct_check(desc, desc->sz, CA__SIZE_CODE_DESC,
			       sizeof(*desc));
	if (!ret)
		ret = ca__check_numbers(desc);
	if (!ret)
		ret = ca__check_sizes(desc);
	if (!ret)
		ret = ca__check_name(desc->name);
	if (!ret)
		ret = ca__check_inlinings(desc);
	if (!ret)
		ret = ca__check_positions(desc);
	return ret ? ret : ca__check_traps(desc);
}
