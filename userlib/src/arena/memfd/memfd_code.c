// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: copying code into an arena.
 *
 * A call checks everything before the first byte of the arena changes. It uses
 * the arrays and the code of the caller where they are.
 */
#include <errno.h>

#include "arena/memfd/memfd.h"
#include "arena/memfd/store.h"

/**
 * ca__memfd_flush - make instruction fetch from the code view see new bytes
 * @arena: the arena
 * @offset: first byte
 * @length: bytes, committed
 */
void ca__memfd_flush(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length)
{
	char *start = (char *)ca__view(arena, offset);

	__builtin___clear_cache(start, start + length);
}

/**
 * ca__memfd_sync - synchronise all threads, and count it
 * @arena: the arena
 */
void ca__memfd_sync(struct codearena_arena *arena)
{
	ca__sync_threads();
	arena->memfd->stat.out_syncs++;
}

/* May the range be written? Claims it, so that nothing is named twice. */
static int ca__write_claim(struct ca__pages *pages, uint64_t offset,
			   uint64_t length)
{
	int ret = ca__pages_check(pages, offset, length, false);

	return ret ? ret : ca__pages_claim(pages, offset, length);
}

static int ca__chunks_check(struct codearena_arena *arena,
			    struct codearena_write *write,
			    const struct codearena_chunk *chunks)
{
	struct ca__pages *pages = &arena->memfd->pages;
	uint32_t i, claimed;
	int ret = 0;

	for (i = 0; i < write->count && !ret; i++) {
		ret = ca__range_check(chunks[i].offset, chunks[i].length, 1,
				      arena->length);
		if (ret)
			write->out_failed = i;
	}
	if (ret)
		return ret;
	for (i = 0; i < write->count && !ret; i++) {
		ret = ca__write_claim(pages, chunks[i].offset,
				      chunks[i].length);
		if (ret)
			write->out_failed = i;
	}
	claimed = ret ? i - 1 : i;
	for (i = 0; i < claimed; i++)
		ca__pages_unclaim(pages, chunks[i].offset, chunks[i].length);
	return ret;
}

int ca__memfd_write(struct codearena_arena *arena,
		    struct codearena_write *write)
{
	const struct codearena_chunk *chunks =
		(const void *)(uintptr_t)write->chunks;
	struct ca__memfd *memfd = arena->memfd;
	struct ca__store store;
	uint32_t i;
	int ret;

	if (!write->count || write->count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__chunks_check(arena, write, chunks);
	if (ret)
		return ret;
	ca__store_begin(&store, memfd);
	for (i = 0; i < write->count; i++) {
		ca__store_add(&store, chunks[i].offset,
			      (const void *)(uintptr_t)chunks[i].source,
			      chunks[i].length);
		memfd->stat.out_written += chunks[i].length;
	}
	ca__store_end(&store);
	return 0;
}

static int ca__object_check(const struct codearena_arena *arena,
			    const struct codearena_object *object)
{
	int ret;

	if (object->flags & ~(CODEARENA_OBJECT_F_PATCHABLE |
			      CODEARENA_OBJECT_F_REPORT))
		return -EOPNOTSUPP;
	ret = ca__range_check(object->offset, object->length, 1,
			      arena->length);
	if (ret != -EOVERFLOW && object->offset % arena->granule)
		ret = -EINVAL;
	return ret;
}

static int ca__publish_check(struct codearena_arena *arena,
			     struct codearena_publish *publish)
{
	const struct codearena_object *objects =
		(const void *)(uintptr_t)publish->objects;
	uint32_t i, failed = CODEARENA_NO_INDEX;
	int ret;

	if ((publish->flags & ~CODEARENA_PUBLISH_F_SYNC) ||
	    (publish->flags && !arena->memfd->can_sync))
		return -EOPNOTSUPP;
	if (!publish->object_count ||
	    publish->object_count > CA__MEMFD_MAX_ENTRIES ||
	    publish->patch_count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	for (i = 0; i < publish->object_count; i++) {
		ret = ca__object_check(arena, &objects[i]);
		if (ret) {
			publish->out_failed = i;
			return ret;
		}
	}
	ret = ca__patches_check((const void *)(uintptr_t)publish->patches,
				publish->patch_count, arena->length, &failed);
	if (failed != CODEARENA_NO_INDEX)
		publish->out_failed = publish->object_count + failed;
	return ret;
}

/* Copy objects in: whole granules, the rest of them filled with traps. */
static void ca__objects_store(const struct codearena_arena *arena,
			      const struct codearena_object *objects,
			      uint32_t count)
{
	struct ca__store store;
	uint32_t i;

	ca__store_begin(&store, arena->memfd);
	for (i = 0; i < count; i++) {
		uint64_t end = objects[i].offset + objects[i].length;

		ca__store_add(&store, objects[i].offset,
			      (const void *)(uintptr_t)objects[i].source,
			      objects[i].length);
		ca__store_pad(&store, end,
			      ca__align_up(end, arena->granule) - end);
	}
	ca__store_end(&store);
}

/* Its bytes are there. */
static void ca__object_seal(struct codearena_arena *arena,
			    const struct codearena_object *object)
{
	struct ca__memfd *memfd = arena->memfd;

	ca__memfd_flush(arena, object->offset,
			ca__align_up(object->length, arena->granule));
	ca__pages_seal(&memfd->pages, object->offset, object->length,
		       object->flags & CODEARENA_OBJECT_F_PATCHABLE);
	memfd->stat.out_published++;
	memfd->stat.out_written += object->length;
}

/* Find what is wrong with the states; the objects are claimed if nothing is. */
static int ca__objects_claim(struct codearena_arena *arena,
			     const struct codearena_object *objects,
			     struct codearena_publish *publish,
			     uint32_t *claimed)
{
	struct ca__pages *pages = &arena->memfd->pages;
	uint32_t failed;
	int ret;

	for (*claimed = 0; *claimed < publish->object_count; (*claimed)++) {
		ret = ca__write_claim(pages, objects[*claimed].offset,
				      objects[*claimed].length);
		if (ret) {
			publish->out_failed = *claimed;
			return ret;
		}
	}
	ret = ca__patches_compare(arena,
				  (const void *)(uintptr_t)publish->patches,
				  publish->patch_count, &failed);
	if (ret)
		publish->out_failed = publish->object_count + failed;
	return ret;
}

int ca__memfd_publish(struct codearena_arena *arena,
		      struct codearena_publish *publish)
{
	const struct codearena_object *objects =
		(const void *)(uintptr_t)publish->objects;
	struct ca__trap_table **tables;
	uint32_t i, claimed;
	int ret;

	ret = ca__publish_check(arena, publish);
	if (!ret)
		ret = ca__memfd_tables_get(arena, publish, &tables);
	if (ret)
		return ret;
	ret = ca__objects_claim(arena, objects, publish, &claimed);
	/* Code never runs without its traps. */
	if (!ret)
		ret = ca__memfd_tables_insert(arena, publish, tables);
	for (i = 0; i < claimed; i++)
		ca__pages_unclaim(&arena->memfd->pages, objects[i].offset,
				  objects[i].length);
	ca__memfd_tables_free(tables, publish->object_count);
	if (ret)
		return ret;
	ca__objects_store(arena, objects, publish->object_count);
	for (i = 0; i < publish->object_count; i++)
		ca__object_seal(arena, &objects[i]);
	/* Only now: a patched word may target any of the objects. */
	ca__patches_apply(arena, (const void *)(uintptr_t)publish->patches,
			  publish->patch_count);
	if (publish->flags & CODEARENA_PUBLISH_F_SYNC)
		ca__memfd_sync(arena);
	return 0;
}
