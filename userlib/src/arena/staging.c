// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Staging buffers: ordinary memory in which code is written before it is
 * published, at a fixed distance from where it will run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arena/backend.h"
#include "arena/place.h"

/**
 * struct codearena_staging - the public object
 * @arena: where code is published
 * @offset: first byte of the range in the arena
 * @length: bytes of the range, and of @memory
 * @memory: the buffer
 * @position: bytes of it that are published
 */
struct codearena_staging {
	struct codearena_arena *arena;
	uint64_t offset;
	uint64_t length;
	uint8_t *memory;
	uint64_t position;
};

static int ca__staging_check(const struct codearena_arena *arena,
			     uint64_t offset, uint64_t length)
{
	uint64_t end;

	if (!arena || !length || (offset | length) % arena->granule)
		return -EINVAL;
	if (__builtin_add_overflow(offset, length, &end))
		return -EOVERFLOW;
	return end > arena->length ? -ENOENT : 0;
}

CODEARENA_API int codearena_staging_new(struct codearena_arena *arena,
					uint64_t offset, uint64_t length,
					struct codearena_staging **out)
{
	struct codearena_staging *staging;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__staging_check(arena, offset, length);
	if (ret)
		return ret;
	staging = malloc(sizeof(*staging));
	if (!staging)
		return -ENOMEM;
	*staging = (struct codearena_staging){
		.arena = arena,
		.offset = offset,
		.length = length,
	};
	/* Memory that is never written to costs nothing. */
	staging->memory = ca__sparse_map(length, MAP_PRIVATE | MAP_ANONYMOUS,
					 -1);
	if (!staging->memory) {
		free(staging);
		return -ENOMEM;
	}
	*out = staging;
	return 0;
}

CODEARENA_API void codearena_staging_free(struct codearena_staging *staging)
{
	if (!staging)
		return;
	munmap(staging->memory, staging->length);
	free(staging);
}

CODEARENA_API void *
codearena_staging_position(const struct codearena_staging *staging,
			   size_t *room)
{
	if (room)
		*room = staging ? staging->length - staging->position : 0;
	return staging ? staging->memory + staging->position : NULL;
}

CODEARENA_API intptr_t
codearena_staging_distance(const struct codearena_staging *staging)
{
	if (!staging)
		return 0;
	return (intptr_t)((uintptr_t)staging->arena->base + staging->offset -
			  (uintptr_t)staging->memory);
}

CODEARENA_API int codearena_staging_publish(struct codearena_staging *staging,
					    size_t length,
					    struct codearena_object *object,
					    uint32_t flags)
{
	struct codearena_object plain = { 0 };
	uint64_t granule;
	int ret;

	if (!staging || !length)
		return -EINVAL;
	if (length > staging->length - staging->position)
		return -ENOSPC;
	if (!object)
		object = &plain;
	object->offset = staging->offset + staging->position;
	object->source = (uintptr_t)(staging->memory + staging->position);
	object->length = length;
	ret = codearena_arena_publish(staging->arena, object, 1, NULL, 0, flags,
				      NULL);
	if (ret)
		return ret;
	granule = staging->arena->granule;
	staging->position += (length + granule - 1) / granule * granule;
	return 0;
}

CODEARENA_API int codearena_staging_rewind(struct codearena_staging *staging,
					   const void *to)
{
	struct codearena_range range;
	uint64_t position;
	int ret;

	if (!staging)
		return -EINVAL;
	position = (uintptr_t)to - (uintptr_t)staging->memory;
	if (position > staging->position ||
	    position % staging->arena->granule)
		return -EINVAL;
	if (position == staging->position)
		return 0;
	range.offset = staging->offset + position;
	range.length = staging->position - position;
	ret = codearena_arena_discard(staging->arena, &range, 1, NULL);
	if (!ret)
		staging->position = position;
	return ret;
}
