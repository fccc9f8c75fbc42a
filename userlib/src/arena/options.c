// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Options of an arena, and its name.
 */
#include <errno.h>
#include <string.h>

#include "arena/arena.h"

/* Padding would be uninitialised in the caller's structure. */
_Static_assert(sizeof(struct codearena_arena_opts) ==
	       sizeof(size_t) + 3 * sizeof(void *) + 2 * sizeof(uint32_t) +
	       2 * sizeof(uint64_t), "codearena_arena_opts has padding");
_Static_assert(sizeof(struct codearena_info) ==
	       sizeof(size_t) + 6 * sizeof(uint32_t) + 3 * sizeof(uint64_t),
	       "codearena_info has padding");

/**
 * ca__opts_get - copy the options of an arena
 * @to: gets the options, complete
 * @from: from the caller, may be NULL
 *
 * Return: as ca__struct_check().
 */
int ca__opts_get(struct codearena_arena_opts *to,
		 const struct codearena_arena_opts *from)
{
	size_t size;
	int ret;

	memset(to, 0, sizeof(*to));
	to->sz = sizeof(*to);
	if (!from)
		return 0;
	ret = ca__struct_check(from, from->sz, CA__SIZE_ARENA_OPTS,
			       sizeof(*to));
	if (ret)
		return ret;
	size = from->sz < sizeof(*to) ? from->sz : sizeof(*to);
	memcpy(to, from, size);
	to->sz = sizeof(*to);
	return 0;
}

/**
 * ca__name_get - copy the name of an arena
 * @name: gets the name, filled with NUL to the end
 * @from: from the caller, may be NULL
 *
 * Return: 0; -EINVAL: too long, or not printable ASCII.
 */
int ca__name_get(uint8_t name[CODEARENA_NAME_LEN], const char *from)
{
	size_t i;

	memset(name, 0, CODEARENA_NAME_LEN);
	if (!from)
		return 0;
	for (i = 0; from[i]; i++) {
		/* Not isprint(): the answer must not depend on the locale. */
		if (i == CODEARENA_NAME_LEN - 1 || from[i] < ' ' ||
		    from[i] > '~')
			return -EINVAL;
		name[i] = from[i];
	}
	return 0;
}
