// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: patching words of sealed code.
 */
#include <errno.h>
#include <stdlib.h>

#include "arena/memfd/memfd.h"

static int ca__patch_check(const struct codearena_patch_entry *patch,
			   uint64_t limit)
{
	if (patch->__reserved)
		return -EOPNOTSUPP;
	if (patch->width != 4 && patch->width != 8)
		return -EINVAL;
	if (patch->width == 4 && ((patch->expected | patch->value) >> 32))
		return -EINVAL;
	return ca__range_check(patch->offset, patch->width, patch->width,
			       limit);
}

/* The halves of its 8-byte word that an entry names. */
static unsigned int ca__patch_halves(const struct codearena_patch_entry *patch)
{
	if (patch->width == 8)
		return 3;
	return patch->offset & 4 ? 2 : 1;
}

static int ca__key_compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Find the first entry that names bytes of an earlier one. A key is the number
 * of the 8-byte word, then the index: sorting puts the entries of a word
 * together, in the order of the array. Word numbers have 28 bits for the
 * largest arena, indexes 16.
 */
static int ca__patches_find_twin(const struct codearena_patch_entry *patches,
				 uint32_t count, uint64_t *keys,
				 uint32_t *failed)
{
	uint64_t word = UINT64_MAX;
	unsigned int seen = 0, halves;
	uint32_t i, index;
	int ret = 0;

	for (i = 0; i < count; i++)
		keys[i] = patches[i].offset / 8 << 32 | i;
	qsort(keys, count, sizeof(*keys), ca__key_compare);
	for (i = 0; i < count; i++) {
		index = (uint32_t)keys[i];
		if (keys[i] >> 32 != word)
			seen = 0;
		word = keys[i] >> 32;
		halves = ca__patch_halves(&patches[index]);
		if ((seen & halves) && index < *failed) {
			*failed = index;
			ret = -EINVAL;
		}
		seen |= halves;
	}
	return ret;
}

/*
 * Do they name no byte twice, seen at once? So it is with the patches of jump tables,
 * where far slots ascend, and between them the near slots, which lie below.
 */
static bool ca__patches_ascend(const struct codearena_patch_entry *patches,
			       uint32_t count)
{
	uint64_t end = 0, low = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint64_t next = patches[i].offset + patches[i].width;

		if (patches[i].offset >= end)
			end = next;
		else if (patches[i].offset >= low && next <= patches->offset)
			low = next;
		else
			return false;
	}
	return true;
}

static int ca__patches_distinct(const struct codearena_patch_entry *patches,
				uint32_t count, uint32_t *failed)
{
	uint64_t *keys;
	int ret;

	if (ca__patches_ascend(patches, count))
		return 0;
	keys = malloc(count * sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	ret = ca__patches_find_twin(patches, count, keys, failed);
	free(keys);
	return ret;
}

/**
 * ca__patches_check - check entries for all that the arena's state is not
 *		       needed for
 * @patches: the entries
 * @count: how many
 * @limit: length of the arena
 * @failed: gets the index of the entry to blame; CODEARENA_NO_INDEX before
 *
 * Return: 0, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP, -EOVERFLOW.
 */
int ca__patches_check(const struct codearena_patch_entry *patches,
		      uint32_t count, uint64_t limit, uint32_t *failed)
{
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__patch_check(&patches[i], limit);
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	return ca__patches_distinct(patches, count, failed);
}

static uint64_t ca__word_load(const uint8_t *word, uint32_t width)
{
	if (width == 8)
		return __atomic_load_n((const uint64_t *)word,
				       __ATOMIC_RELAXED);
	return __atomic_load_n((const uint32_t *)word, __ATOMIC_RELAXED);
}

/**
 * ca__patches_compare - may the entries be applied now?
 * @arena: the arena
 * @patches: the entries, checked
 * @count: how many
 * @failed: gets the index of the entry to blame
 *
 * Return: 0, -EAGAIN, -ENOENT, -EPERM.
 */
int ca__patches_compare(const struct codearena_arena *arena,
			const struct codearena_patch_entry *patches,
			uint32_t count, uint32_t *failed)
{
	const struct ca__memfd *memfd = arena->memfd;
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__pages_check_patch(&memfd->pages, patches[i].offset);
		if (!ret && ca__word_load(memfd->alias + patches[i].offset,
					  patches[i].width) !=
		    patches[i].expected)
			ret = -EAGAIN;
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	return 0;
}

/**
 * ca__patches_apply - store the words
 * @arena: the arena, locked since ca__patches_compare() succeeded
 * @patches: the same entries
 * @count: how many
 *
 * The lock keeps other writers out between the comparison and the store. Each
 * store is one access for the sake of threads that execute the word.
 */
void ca__patches_apply(struct codearena_arena *arena,
		       const struct codearena_patch_entry *patches,
		       uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint8_t *word = arena->memfd->alias + patches[i].offset;

		if (patches[i].width == 8)
			__atomic_store_n((uint64_t *)word, patches[i].value,
					 __ATOMIC_RELEASE);
		else
			__atomic_store_n((uint32_t *)word, patches[i].value,
					 __ATOMIC_RELEASE);
		ca__memfd_flush(arena, patches[i].offset, patches[i].width);
	}
	arena->memfd->stat.out_patched += count;
}

int ca__memfd_patch(struct codearena_arena *arena,
		    struct codearena_patch *patch)
{
	const struct codearena_patch_entry *patches =
		(const void *)(uintptr_t)patch->patches;
	int ret;

	if ((patch->flags & ~CODEARENA_PATCH_F_SYNC) ||
	    (patch->flags && !arena->memfd->can_sync))
		return -EOPNOTSUPP;
	if (!patch->count || patch->count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__patches_check(patches, patch->count, arena->length,
				&patch->out_failed);
	if (!ret)
		ret = ca__patches_compare(arena, patches, patch->count,
					  &patch->out_failed);
	if (ret)
		return ret;
	ca__patches_apply(arena, patches, patch->count);
	if (patch->flags & CODEARENA_PATCH_F_SYNC)
		ca__memfd_sync(arena);
	return 0;
}
