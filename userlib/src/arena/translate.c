// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Programs that run under valgrind: it keeps translations of code, and does not
 * notice that a file whose mapping it translated has changed. Elsewhere the
 * requests are a few instructions without effect, and nothing where valgrind's
 * header was missing when the library was built.
 */
#include "arena/arena.h"
#include "arena/translate.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND			0
#define VALGRIND_DISCARD_TRANSLATIONS(at, size)	((void)(at), (void)(size))
#endif

/**
 * ca__translated - does the program run under valgrind?
 *
 * Return: the answer; false too if the library was built without its header.
 */
bool ca__translated(void)
{
	return RUNNING_ON_VALGRIND;
}

static void ca__translation_forget(const struct codearena_arena *arena,
				   uint64_t offset, uint64_t length)
{
	/* Older headers have nothing for riscv64. */
	(void)arena;
	(void)offset;
	(void)length;
	VALGRIND_DISCARD_TRANSLATIONS((const char *)arena->base + offset,
				      length);
}

/**
 * ca__translations_ranges - forget translations of ranges
 * @arena: arena whose code has changed
 * @ranges: where
 * @count: entries of @ranges
 */
void ca__translations_ranges(const struct codearena_arena *arena,
			     const struct codearena_range *ranges, size_t count)
{
	size_t i;

	for (i = 0; ca__translated() && i < count; i++)
		ca__translation_forget(arena, ranges[i].offset,
				       ranges[i].length);
}

/**
 * ca__translations_objects - forget translations of what was there before
 * @arena: arena
 * @objects: what was published
 * @count: entries of @objects
 */
void ca__translations_objects(const struct codearena_arena *arena,
			      const struct codearena_object *objects,
			      size_t count)
{
	size_t i;

	for (i = 0; ca__translated() && i < count; i++)
		ca__translation_forget(arena, objects[i].offset,
				       objects[i].length);
}

/**
 * ca__translations_patches - forget translations of patched words
 * @arena: arena
 * @patches: the words
 * @count: entries of @patches
 */
void ca__translations_patches(const struct codearena_arena *arena,
			      const struct codearena_patch_entry *patches,
			      size_t count)
{
	size_t i;

	for (i = 0; ca__translated() && i < count; i++)
		ca__translation_forget(arena, patches[i].offset,
				       sizeof(uint64_t));
}
