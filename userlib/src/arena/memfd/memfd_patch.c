// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: words of sealed code that may change.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/copy.h"
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
 * Find the first entry that names bytes which an earlier one names. A key is
 * the number of the 8-byte word, then the index: sorted, the entries of a word
 * stand together, in the order of the array. Word numbers have 28 bits for the
 * largest arena, indexes 16.
 */
static int ca__patches_find_twin(const struct codearena_patch_entry *patches,
				 size_t count, uint64_t *keys, size_t *failed)
{
	uint64_t word = UINT64_MAX;
	unsigned int seen = 0, halves;
	int ret = 0;
	size_t i, index;

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
 * Are they in ascending order, or two such sequences, one above the other? Jump
 * tables set far words, which lie above all near ones, and near words in turn.
 */
static bool ca__patches_in_order(const struct codearena_patch_entry *patches,
				 size_t count)
{
	uint64_t low = 0, high, divide;
	size_t i;

	for (i = 0; i < count && patches[i].offset >= low; i++)
		low = patches[i].offset + patches[i].width;
	if (i == count)
		return true;
	/* The one before steps back to the lower sequence. */
	divide = patches[i - 1].offset;
	high = low;
	low = i > 1 ? patches[i - 2].offset + patches[i - 2].width : 0;
	for (; i < count; i++) {
		uint64_t end = patches[i].offset + patches[i].width;

		if (patches[i].offset >= high)
			high = end;
		else if (patches[i].offset >= low && end <= divide)
			low = end;
		else
			return false;
	}
	return true;
}

static int ca__patches_distinct(const struct codearena_patch_entry *patches,
				size_t count, size_t *failed)
{
	uint64_t few[CA__SMALL_ENTRIES], *keys = few;
	int ret;

	if (ca__patches_in_order(patches, count))
		return 0;
	if (count > CA__SMALL_ENTRIES)
		keys = malloc(count * sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	ret = ca__patches_find_twin(patches, count, keys, failed);
	if (keys != few)
		free(keys);
	return ret;
}

/**
 * ca__patches_check - check what does not depend on the arena's states
 * @patches: the entries
 * @count: how many; may be 0
 * @limit: length of the arena
 * @failed: gets the entry that was refused; SIZE_MAX before
 *
 * Return: 0 or a negative errno.
 */
int ca__patches_check(const struct codearena_patch_entry *patches, size_t count,
		      uint64_t limit, size_t *failed)
{
	size_t i;
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
				       __ATOMIC_ACQUIRE);
	return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

/**
 * ca__patches_compare - may all of them be applied now?
 * @arena: the arena, locked
 * @patches: entries that passed ca__patches_check()
 * @count: how many
 * @failed: gets the entry that was refused
 *
 * Return: 0, -EAGAIN, -ENOENT, -EPERM.
 */
int ca__patches_compare(const struct codearena_arena *arena,
			const struct codearena_patch_entry *patches,
			size_t count, size_t *failed)
{
	const struct ca__memfd *memfd = arena->memfd;
	const unsigned int shift = memfd->pages.page_shift - CA__GRANULE_SHIFT;
	uint64_t known = UINT64_MAX;
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++) {
		/* Slots are neighbours: mostly the granule of the last one. */
		if (patches[i].offset >> shift != known)
			ret = ca__pages_check_patch(&memfd->pages,
						    patches[i].offset);
		known = patches[i].offset >> shift;
		if (!ret && ca__word_load(memfd->alias + patches[i].offset,
					  patches[i].width) !=
		    patches[i].expected)
			ret = -EAGAIN;
		if (ret)
			*failed = i;
	}
	return ret;
}

/**
 * ca__patches_apply - store the words
 * @arena: the arena, locked since ca__patches_compare() succeeded
 * @patches: the same entries
 * @count: how many
 *
 * The lock keeps every other writer out, so that nothing can come between
 * comparison and store; that a store is one access is for the threads that
 * execute the word.
 */
void ca__patches_apply(struct codearena_arena *arena,
		       const struct codearena_patch_entry *patches,
		       size_t count)
{
	size_t i;

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
}

static int ca__patch_copied(struct codearena_arena *arena,
			    const struct codearena_patch_entry *patches,
			    size_t count, bool sync, size_t *failed)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters;
	int ret;

	ret = ca__patches_check(patches, count, arena->length, failed);
	if (!ret)
		ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__patches_compare(arena, patches, count, failed);
	if (!ret) {
		counters = ca__memfd_counters(memfd->shared);
		ca__patches_apply(arena, patches, count);
		counters.patched += count;
		if (sync)
			ca__memfd_sync(&counters);
		ca__memfd_count(memfd, &counters);
	}
	ca__memfd_unlock(arena);
	return ret;
}

/**
 * ca__memfd_patch - see codearena_arena_patch()
 * @arena: the arena
 * @patches: array of the caller
 * @count: its entries
 * @flags: CODEARENA_PATCH_F_*
 * @failed: gets the index of the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_patch(struct codearena_arena *arena,
		    const struct codearena_patch_entry *patches, size_t count,
		    uint32_t flags, size_t *failed)
{
	struct codearena_patch_entry few[CA__SMALL_ENTRIES];
	bool sync = flags & CODEARENA_PATCH_F_SYNC;
	int ret = ca__memfd_enter(arena);
	void *copy;

	if (ret)
		return ret;
	if ((flags & ~CODEARENA_PATCH_F_SYNC) ||
	    (sync && !arena->memfd->can_sync))
		return -EOPNOTSUPP;
	if (!count || count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__array_in(patches, count, sizeof(*patches), few, sizeof(few),
			   &copy);
	if (ret)
		return ret;
	ret = ca__patch_copied(arena, copy, count, sync, failed);
	ca__array_free(copy, few);
	return ret;
}
