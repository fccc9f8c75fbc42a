// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: the way of code into an arena.
 *
 * Everything is checked, and everything is read from the caller into a buffer,
 * before the first byte of the arena changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"
#include "arena/memfd/memfd.h"

/* Code of a usual batch, for the stack. */
#define CA__SMALL_BYTES		4096

/**
 * struct ca__batch - entries on their way into an arena
 * @arena: the arena
 * @objects: the entries; chunks become objects without flags
 * @tables: tables of traps for @objects, or NULL; only to publish
 * @count: how many
 * @buffer: the bytes of all entries, one behind the other
 * @small: room for few bytes
 */
struct ca__batch {
	struct codearena_arena *arena;
	const struct codearena_object *objects;
	struct ca__trap_table **tables;
	size_t count;
	uint8_t *buffer;
	uint8_t small[CA__SMALL_BYTES];
};

/* An object gets whole granules; a chunk merely touches them. */
static uint64_t ca__object_room(const struct codearena_arena *arena,
				const struct codearena_object *object)
{
	return ca__align_up(object->offset + object->length, arena->granule) -
	       object->offset;
}

static void ca__unclaim(struct ca__batch *batch, size_t count)
{
	struct ca__pages *pages = &batch->arena->memfd->pages;
	size_t i;

	for (i = 0; i < count; i++)
		ca__pages_unclaim(pages, batch->objects[i].offset,
				  batch->objects[i].length);
}

/*
 * Entries from @first on that lie one behind the other, in whole granules, and
 * have the same flags: they are one range to the page states. Returns the index
 * behind the last one.
 */
static size_t ca__run(const struct ca__batch *batch, size_t first,
		      uint64_t *length)
{
	const struct codearena_object *objects = batch->objects;
	uint64_t end = objects[first].offset + objects[first].length;
	size_t i;

	for (i = first + 1; i < batch->count; i++) {
		end = ca__align_up(end, batch->arena->granule);
		if (objects[i].offset != end ||
		    objects[i].flags != objects[first].flags)
			break;
		end += objects[i].length;
	}
	*length = end - objects[first].offset;
	return i;
}

/* In ascending order nothing is named twice, not even a granule. */
static int ca__check_ascending(struct ca__batch *batch)
{
	struct ca__pages *pages = &batch->arena->memfd->pages;
	uint64_t granule = batch->arena->granule, end = 0, length;
	size_t i;
	int ret = 0;

	for (i = 0; i < batch->count; i++) {
		if (ca__align_down(batch->objects[i].offset, granule) < end)
			return -EBUSY;
		end = ca__align_up(batch->objects[i].offset +
				   batch->objects[i].length, granule);
	}
	for (i = 0; i < batch->count && !ret;) {
		uint64_t offset = batch->objects[i].offset;

		i = ca__run(batch, i, &length);
		ret = ca__pages_check(pages, offset, length, false);
	}
	return ret;
}

/* Claims exist within this function only: they find what is named twice. */
static int ca__check_states(struct ca__batch *batch, size_t *failed)
{
	struct ca__pages *pages = &batch->arena->memfd->pages;
	int ret = 0;
	size_t i;

	if (!ca__check_ascending(batch))
		return 0;
	/* Now say which. */
	for (i = 0; i < batch->count; i++) {
		const struct codearena_object *object = &batch->objects[i];

		ret = ca__pages_check(pages, object->offset, object->length,
				      false);
		if (!ret)
			ret = ca__pages_claim(pages, object->offset,
					      object->length);
		if (ret) {
			*failed = i;
			break;
		}
	}
	ca__unclaim(batch, i);
	return ret;
}

static int ca__read_sources(struct ca__batch *batch, size_t *failed)
{
	struct ca__source few[CA__SMALL_ENTRIES], *sources = few;
	uint64_t total = 0;
	int ret = -ENOMEM;
	size_t i;

	batch->buffer = batch->small;
	if (batch->count > CA__SMALL_ENTRIES)
		sources = malloc(batch->count * sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	for (i = 0; i < batch->count; i++) {
		sources[i].address = batch->objects[i].source;
		sources[i].length = batch->objects[i].length;
		total += sources[i].length;
	}
	if (total > sizeof(batch->small))
		batch->buffer = malloc(total);
	if (batch->buffer)
		ret = ca__copy_in(batch->buffer, sources, batch->count, failed);
	if (sources != few)
		free(sources);
	return ret;
}

static void ca__buffer_free(struct ca__batch *batch)
{
	if (batch->buffer != batch->small)
		free(batch->buffer);
}

static void ca__write_apply(struct ca__batch *batch)
{
	struct ca__memfd *memfd = batch->arena->memfd;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	uint64_t done = 0;
	size_t i;

	for (i = 0; i < batch->count; i++) {
		const struct codearena_object *object = &batch->objects[i];

		memcpy(memfd->alias + object->offset, batch->buffer + done,
		       object->length);
		done += object->length;
	}
	counters.written += done;
	ca__memfd_count(memfd, &counters);
}

static int ca__write_locked(struct ca__batch *batch, size_t *failed)
{
	int ret = ca__check_states(batch, failed);

	if (ret)
		return ret;
	ret = ca__read_sources(batch, failed);
	if (!ret)
		ca__write_apply(batch);
	ca__buffer_free(batch);
	return ret;
}

static int ca__write_objects(struct codearena_arena *arena,
			     const struct codearena_object *objects,
			     size_t count, size_t *failed)
{
	struct ca__batch batch;
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__range_check(objects[i].offset, objects[i].length, 1,
				      arena->length);
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	batch.arena = arena;
	batch.objects = objects;
	batch.count = count;
	ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__write_locked(&batch, failed);
	ca__memfd_unlock(arena);
	return ret;
}

/**
 * ca__memfd_write - see codearena_arena_write()
 * @arena: the arena
 * @chunks: array of the caller
 * @count: its entries
 * @failed: gets the index of the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_write(struct codearena_arena *arena,
		    const struct codearena_chunk *chunks, size_t count,
		    size_t *failed)
{
	struct codearena_object few_objects[CA__SMALL_ENTRIES];
	struct codearena_object *objects = few_objects;
	struct codearena_chunk few[CA__SMALL_ENTRIES], *copy;
	int ret = ca__memfd_enter(arena);
	void *array;
	size_t i;

	if (ret)
		return ret;
	if (!count || count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__array_in(chunks, count, sizeof(*chunks), few, sizeof(few),
			   &array);
	if (ret)
		return ret;
	copy = array;
	if (count > CA__SMALL_ENTRIES)
		objects = malloc(count * sizeof(*objects));
	if (!objects) {
		ret = -ENOMEM;
		goto out_copy;
	}
	for (i = 0; i < count; i++)
		objects[i] = (struct codearena_object){
			.offset = copy[i].offset,
			.source = copy[i].source,
			.length = copy[i].length,
		};
	ret = ca__write_objects(arena, objects, count, failed);
	if (objects != few_objects)
		free(objects);
out_copy:
	ca__array_free(array, few);
	return ret;
}

static int ca__objects_check(const struct codearena_arena *arena,
			     const struct codearena_object *objects,
			     size_t count, size_t *failed)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++) {
		const struct codearena_object *object = &objects[i];

		*failed = i;
		if (object->flags & ~(CODEARENA_OBJECT_F_PATCHABLE |
				      CODEARENA_OBJECT_F_REPORT))
			return -EOPNOTSUPP;
		ret = ca__range_check(object->offset, object->length, 1,
				      arena->length);
		if (ret != -EOVERFLOW && object->offset % arena->granule)
			ret = -EINVAL;
	}
	if (!ret)
		*failed = SIZE_MAX;
	return ret;
}

static void ca__object_apply(struct codearena_arena *arena,
			     const struct codearena_object *object,
			     const uint8_t *from)
{
	uint8_t *to = arena->memfd->alias + object->offset;
	uint64_t room = ca__object_room(arena, object);

	memcpy(to, from, object->length);
	ca__fill_traps(to + object->length, room - object->length);
	ca__memfd_flush(arena, object->offset, room);
}

static void ca__publish_apply(struct ca__batch *batch,
			      const struct codearena_patch_entry *patches,
			      size_t patch_count, bool sync)
{
	struct codearena_arena *arena = batch->arena;
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	struct ca__tally more = { 0 }, less = { 0 };
	uint64_t done = 0, length;
	size_t i, end;

	for (i = 0; i < batch->count; i = end) {
		const struct codearena_object *first = &batch->objects[i];

		end = ca__run(batch, i, &length);
		for (; i < end; i++) {
			ca__object_apply(arena, &batch->objects[i],
					 batch->buffer + done);
			done += batch->objects[i].length;
		}
		ca__pages_seal(&memfd->pages, first->offset, length,
			       first->flags & CODEARENA_OBJECT_F_PATCHABLE,
			       &more, &less);
	}
	counters.written += done;
	/* Only now: a patched word may lead to any of the objects. */
	ca__patches_apply(arena, patches, patch_count);
	if (sync)
		ca__memfd_sync(&counters);
	counters.sealed += more.sealed * arena->granule;
	counters.patchable += more.patchable * arena->granule;
	counters.published += batch->count;
	counters.patched += patch_count;
	ca__memfd_count(memfd, &counters);
}

static int ca__publish_locked(struct ca__batch *batch,
			      const struct codearena_patch_entry *patches,
			      size_t patch_count, bool sync, size_t *failed)
{
	size_t index = SIZE_MAX;
	int ret;

	ret = ca__check_states(batch, failed);
	if (ret)
		return ret;
	ret = ca__patches_compare(batch->arena, patches, patch_count, &index);
	if (ret) {
		*failed = batch->count + index;
		return ret;
	}
	ret = ca__read_sources(batch, failed);
	/* Code never runs without its traps. */
	if (!ret)
		ret = ca__memfd_traps_insert(batch->arena, batch->objects,
					     batch->tables, batch->count,
					     failed);
	if (!ret)
		ca__publish_apply(batch, patches, patch_count, sync);
	ca__buffer_free(batch);
	return ret;
}

static int ca__publish_copied(struct codearena_arena *arena,
			      const struct codearena_object *objects,
			      struct codearena_object *of_caller,
			      size_t object_count,
			      const struct codearena_patch_entry *patches,
			      size_t patch_count, bool sync, size_t *failed)
{
	struct ca__batch batch;
	size_t index = SIZE_MAX;
	int ret;

	ret = ca__objects_check(arena, objects, object_count, failed);
	if (ret)
		return ret;
	ret = ca__patches_check(patches, patch_count, arena->length, &index);
	if (ret) {
		if (index != SIZE_MAX)
			*failed = object_count + index;
		return ret;
	}
	batch.arena = arena;
	batch.objects = objects;
	batch.count = object_count;
	ret = ca__memfd_traps_get(arena, objects, of_caller, object_count,
				  &batch.tables, failed);
	if (ret)
		return ret;
	ret = ca__memfd_lock(arena);
	if (!ret) {
		ret = ca__publish_locked(&batch, patches, patch_count, sync,
					 failed);
		ca__memfd_unlock(arena);
	}
	ca__memfd_traps_put(batch.tables, object_count);
	return ret;
}

static int ca__publish_flags(const struct codearena_arena *arena,
			     uint32_t flags)
{
	if (flags & ~CODEARENA_PUBLISH_F_SYNC)
		return -EOPNOTSUPP;
	if ((flags & CODEARENA_PUBLISH_F_SYNC) && !arena->memfd->can_sync)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * ca__memfd_publish - see codearena_arena_publish()
 * @arena: the arena
 * @objects: array of the caller
 * @object_count: its entries
 * @patches: array of the caller
 * @patch_count: its entries
 * @flags: CODEARENA_PUBLISH_F_*
 * @failed: gets the index of the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_publish(struct codearena_arena *arena,
		      struct codearena_object *objects,
		      size_t object_count,
		      const struct codearena_patch_entry *patches,
		      size_t patch_count, uint32_t flags, size_t *failed)
{
	struct codearena_object few_objects[CA__SMALL_ENTRIES];
	struct codearena_patch_entry few_patches[CA__SMALL_ENTRIES];
	void *objects_in, *patches_in = few_patches;
	int ret = ca__memfd_enter(arena);

	if (!ret)
		ret = ca__publish_flags(arena, flags);
	if (ret)
		return ret;
	if (!object_count || object_count > CA__MEMFD_MAX_ENTRIES ||
	    patch_count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__array_in(objects, object_count, sizeof(*objects),
			   few_objects, sizeof(few_objects), &objects_in);
	if (ret)
		return ret;
	if (patch_count)
		ret = ca__array_in(patches, patch_count, sizeof(*patches),
				   few_patches, sizeof(few_patches),
				   &patches_in);
	if (ret)
		goto out_objects;
	ret = ca__publish_copied(arena, objects_in, objects, object_count,
				 patches_in, patch_count,
				 flags & CODEARENA_PUBLISH_F_SYNC, failed);
	ca__array_free(patches_in, few_patches);
out_objects:
	ca__array_free(objects_in, few_objects);
	return ret;
}
