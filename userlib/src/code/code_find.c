// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects: finding traps and positions in them, and their names.
 *
 * Where V8 scans, these search.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "code/code.h"
#include "arena/arena.h"

CODEARENA_API bool
codearena_code_is_protected(const struct codearena_code *code, uint64_t pc)
{
	size_t count = 0, low = 0, half;
	const struct codearena_trap *traps = codearena_code_traps(code, &count);
	uint64_t offset;

	if (!traps || !codearena_code_contains(code, pc))
		return false;
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
	size_t count = 0, low = 0, half;

	if (!code || !position)
		return -EINVAL;
	positions = codearena_code_positions(code, &count);
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
	const struct codearena_inlining_position *inlinings;
	size_t count;

	if (!code || !inlining)
		return -EINVAL;
	inlinings = codearena_code_inlinings(code, &count);
	if (id < 0 || (uint32_t)id >= code->inlining_count)
		return -ENOENT;
	*inlining = inlinings[id];
	return 0;
}

CODEARENA_API const char *codearena_code_kind_name(enum codearena_code_kind kind)
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

/* Cuts what does not fit. */
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
		name = (const char *)code + codearena_code_memory(code) -
		       length - 1;
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
		name = codearena_code_kind_name(code->kind);
		length = strlen(name);
	}
	ca__name_put(name, length, to, size);
	return length;
}
