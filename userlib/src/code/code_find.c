// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects: lookup of traps and positions in them, and their names.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "code/code.h"
#include "base/base.h"

CODEARENA_API bool
codearena_code_is_protected(const struct codearena_code *code, uint64_t pc)
{
	const struct codearena_trap *traps;
	size_t count, low = 0, half;
	uint64_t offset;

	if (!code || !code->trap_count || !ca__code_contains(code, pc))
		return false;
	traps = ca__code_traps(code);
	count = code->trap_count;
	offset = pc - code->start;
	while (count > 1) {
		half = count / 2;
		if (traps[low + half].start <= offset)
			low += half;
		count -= half;
	}
	return offset - traps[low].start < traps[low].length;
}

CODEARENA_API int
codearena_code_position_before(const struct codearena_code *code,
			       uint32_t offset,
			       struct codearena_source_position *position)
{
	const struct codearena_source_position *positions;
	size_t count, low = 0, half;

	if (!code || !position)
		return -EINVAL;
	positions = ca__code_positions(code);
	count = code->position_count;
	if (!count || positions[0].code_offset >= offset)
		return -ENOENT;
	/* The first one is before the offset, and so is every new low one. */
	while (count > 1) {
		half = count / 2;
		if (positions[low + half].code_offset < offset)
			low += half;
		count -= half;
	}
	*position = positions[low];
	return 0;
}

CODEARENA_API int
codearena_code_inlining(const struct codearena_code *code, int32_t id,
			struct codearena_inlining_position *inlining)
{
	if (!code || !inlining)
		return -EINVAL;
	if (id < 0 || (uint32_t)id >= code->inlining_count)
		return -ENOENT;
	*inlining = ca__code_inlinings(code)[id];
	return 0;
}

/**
 * ca__code_kind_name - name of a kind
 * @kind: any value
 *
 * Return: as the kinds are documented; "unknown kind" for other values.
 */
const char *ca__code_kind_name(uint32_t kind)
{
	switch (kind) {
	case CODEARENA_CODE_FUNCTION:
		return "function";
	case CODEARENA_CODE_HOST_WRAPPER:
		return "host wrapper";
	case CODEARENA_CODE_RUNTIME_WRAPPER:
		return "runtime wrapper";
	case CODEARENA_CODE_INTERPRETER_ENTRY:
		return "interpreter entry";
	case CODEARENA_CODE_JUMP_TABLE:
		return "jump table";
	}
	return "unknown kind";
}

/* Truncates. */
static void ca__name_put(const char *name, size_t length, char *to, size_t size)
{
	if (!size)
		return;
	if (length >= size)
		length = size - 1;
	memcpy(to, name, length);
	to[length] = '\0';
}

static char *ca__decimal(char *end, uint32_t value)
{
	do {
		*--end = '0' + value % 10;
		value /= 10;
	} while (value);
	return end;
}

CODEARENA_API int codearena_code_name(const struct codearena_code *code,
				      char *to, size_t size)
{
	static const char function[] = "function[";
	char made[sizeof(function) + 12], *end = made + sizeof(made), *at;
	const char *name;
	size_t length;

	if (!code || (size && !to))
		return -EINVAL;
	if (code->name_length) {
		length = code->name_length;
		name = ca__code_name(code);
	} else if (code->kind == CODEARENA_CODE_FUNCTION &&
		   code->function_index >= 0) {
		/* By hand: printf() is not async-signal-safe. */
		*--end = ']';
		at = ca__decimal(end, code->function_index) -
		     (sizeof(function) - 1);
		memcpy(at, function, sizeof(function) - 1);
		name = at;
		length = made + sizeof(made) - at;
	} else {
		name = ca__code_kind_name(code->kind);
		length = strlen(name);
	}
	ca__name_put(name, length, to, size);
	return length;
}
