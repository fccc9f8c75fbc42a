// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What is known of the patchable words of an arena that cannot be read.
 *
 * A jump table needs the words of its slots, to exchange them. Where the code view
 * forbids loads, a copy in ordinary memory has the bytes of patchable objects. It
 * follows the patches of this process after they were made: a reader may find an
 * old word, which the arena then does not expect, and reads again. Other processes
 * are not followed, so an arena with several writers has no copy.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "arena/place.h"

/**
 * ca__shadow_new - make the copy for an arena that cannot be read
 * @arena: the arena, with its length and page size
 * @flags: CODEARENA_RESERVE_F_* bits
 *
 * Return: 0 or -ENOMEM.
 */
int ca__shadow_new(struct codearena_arena *arena, uint32_t flags)
{
	if (!(flags & CODEARENA_RESERVE_F_EXECUTE_ONLY))
		return 0;
	arena->unreadable = true;
	if (flags & CODEARENA_RESERVE_F_SHARED_WRITER)
		return 0;
	arena->shadow = ca__sparse_map(arena->length,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	return arena->shadow ? 0 : -ENOMEM;
}

/**
 * ca__shadow_free - free the copy, if there is one
 * @arena: the arena
 */
void ca__shadow_free(struct codearena_arena *arena)
{
	if (arena->shadow)
		munmap(arena->shadow, arena->length);
}

/**
 * ca__shadow_publish - follow objects that were published
 * @arena: the arena
 * @objects: the objects
 * @count: entries of @objects
 */
void ca__shadow_publish(struct codearena_arena *arena,
			const struct codearena_object *objects, size_t count)
{
	size_t i;

	for (i = 0; arena->shadow && i < count; i++) {
		if (objects[i].flags & CODEARENA_OBJECT_F_PATCHABLE)
			memcpy(arena->shadow + objects[i].offset,
			       (const void *)(uintptr_t)objects[i].source,
			       objects[i].length);
	}
}

/**
 * ca__shadow_patch - follow words that were patched
 * @arena: the arena
 * @patches: the patches
 * @count: entries of @patches
 */
void ca__shadow_patch(struct codearena_arena *arena,
		      const struct codearena_patch_entry *patches, size_t count)
{
	uint8_t *word;
	size_t i;

	for (i = 0; arena->shadow && i < count; i++) {
		word = arena->shadow + patches[i].offset;
		if (patches[i].width == 8)
			__atomic_store_n((uint64_t *)word, patches[i].value,
					 __ATOMIC_RELEASE);
		else
			__atomic_store_n((uint32_t *)word,
					 (uint32_t)patches[i].value,
					 __ATOMIC_RELEASE);
	}
}

/**
 * ca__shadow_discard - forget ranges
 * @arena: the arena
 * @ranges: the ranges
 * @count: entries of @ranges
 */
void ca__shadow_discard(struct codearena_arena *arena,
			const struct codearena_range *ranges, size_t count)
{
	uint64_t start, end, page = arena->page_size;
	size_t i;

	for (i = 0; arena->shadow && i < count; i++) {
		start = ranges[i].offset;
		end = start + ranges[i].length;
		/* Zeros, which are no slot, without memory for whole pages. */
		if (end - start >= 2 * page) {
			memset(arena->shadow + start, 0, -start % page);
			start += -start % page;
			madvise(arena->shadow + start,
				(end - start) / page * page, MADV_DONTNEED);
			start += (end - start) / page * page;
		}
		memset(arena->shadow + start, 0, end - start);
	}
}
