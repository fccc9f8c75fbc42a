// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Linked to a port with --wrap: calls of the library that fail, each FAIL_PERIOD-th
 * of a function. Their number goes to standard error. Arenas are cloned CLONE_SECONDS
 * late.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <codearena.h>

static unsigned long period, failed;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL_PERIOD");

	period = text ? strtoul(text, NULL, 10) : 0;
}

void fail_report(void);
__attribute__((destructor)) void fail_report(void)
{
	fprintf(stderr, "failed %lu\n", failed);
}

static int fails(unsigned long *calls)
{
	if (!period || ++*calls % period)
		return 0;
	failed++;
	return 1;
}

/* WRAP - a function of the library, its parameters, and their names */
#define WRAP(function, parameters, names)				\
	int __real_##function parameters;				\
	int __wrap_##function parameters;				\
	int __wrap_##function parameters				\
	{								\
		static unsigned long calls;				\
									\
		return fails(&calls) ? -ENOMEM : __real_##function names; \
	}

WRAP(codearena_arena_new,
     (uint64_t length, const struct codearena_arena_opts *opts,
      struct codearena_arena **out),
     (length, opts, out))
WRAP(codearena_arena_commit,
     (struct codearena_arena *arena, uint64_t offset, uint64_t length),
     (arena, offset, length))
WRAP(codearena_arena_decommit,
     (struct codearena_arena *arena, uint64_t offset, uint64_t length),
     (arena, offset, length))
WRAP(codearena_arena_publish,
     (struct codearena_arena *arena, struct codearena_object *objects,
      size_t object_count, const struct codearena_patch_entry *patches,
      size_t patch_count, uint32_t flags, size_t *bad),
     (arena, objects, object_count, patches, patch_count, flags, bad))
WRAP(codearena_arena_patch,
     (struct codearena_arena *arena, const struct codearena_patch_entry *patches,
      size_t count, uint32_t flags, size_t *bad),
     (arena, patches, count, flags, bad))

/* Time for a parent to change what its child has not cloned yet. */
static struct codearena_arena *late(struct codearena_arena *arena)
{
	const char *text = getenv("CLONE_SECONDS");

	if (text)
		sleep(strtoul(text, NULL, 10));
	return arena;
}

WRAP(codearena_arena_clone, (struct codearena_arena *arena), (late(arena)))
