// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Patching bytes: the words that hold them are read and exchanged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena/backend.h"

/* Words that need no memory: enough for an instruction of any machine. */
#define CA__PATCH_SMALL	8

/* Exchanges that others may spoil before the call gives up. */
#define CA__PATCH_TRIES	1000

/**
 * struct ca__bytes - bytes to be patched
 * @arena: arena
 * @offset: where they go
 * @end: first byte after them
 * @bytes: what they become
 * @words: the words that hold them
 * @count: entries of @words
 */
struct ca__bytes {
	struct codearena_arena *arena;
	uint64_t offset;
	uint64_t end;
	const uint8_t *bytes;
	struct codearena_patch_entry *words;
	size_t count;
};

/* As few and as wide as possible, without one that holds none of the bytes. */
static void ca__bytes_split(struct ca__bytes *b)
{
	uint64_t at;

	b->count = 0;
	for (at = b->offset & ~3ULL; at < b->end; at += b->words[b->count++].width)
		b->words[b->count] = (struct codearena_patch_entry){
			.offset = at,
			.width = at % 8 || b->end - at <= 4 ? 4 : 8,
		};
}

/*
 * Reading a page without sealed code is fatal. So ask for an exchange that
 * changes nothing: a word that can be patched answers that it holds something
 * else, or that it was exchanged for itself.
 */
static int ca__bytes_probe(struct ca__bytes *b)
{
	struct codearena_patch_entry *word;
	size_t i, failed;
	int ret;

	for (i = 0; i < b->count; i++) {
		word = &b->words[i];
		word->expected = word->width == 8 ? UINT64_MAX : UINT32_MAX;
		word->value = word->expected;
	}
	for (i = 0; i < b->count; i += failed + 1) {
		ret = codearena_arena_patch(b->arena, b->words + i,
					    b->count - i, 0, &failed);
		if (ret != -EAGAIN)
			return ret;
	}
	return 0;
}

/* What a word holds now, and with the bytes in it. */
static void ca__bytes_fill(const struct ca__bytes *b,
			   struct codearena_patch_entry *word)
{
	const void *code = ca__arena_readable(b->arena,
					      (uintptr_t)b->arena->base +
					      word->offset);
	uint64_t from = word->offset > b->offset ? word->offset : b->offset;
	uint64_t to = word->offset + word->width;
	uint8_t value[8];

	if (to > b->end)
		to = b->end;
	if (word->width == 8)
		word->expected = __atomic_load_n((const uint64_t *)code,
						 __ATOMIC_RELAXED);
	else
		word->expected = __atomic_load_n((const uint32_t *)code,
						 __ATOMIC_RELAXED);
	memcpy(value, &word->expected, sizeof(value));
	memcpy(value + (from - word->offset), b->bytes + (from - b->offset),
	       to - from);
	memcpy(&word->value, value, sizeof(value));
}

/* Others may change bytes beside these, in the same words. */
static int ca__bytes_exchange(const struct ca__bytes *b, uint32_t flags)
{
	int ret = -EAGAIN, tries;
	size_t i;

	for (tries = 0; ret == -EAGAIN && tries < CA__PATCH_TRIES; tries++) {
		for (i = 0; i < b->count; i++)
			ca__bytes_fill(b, &b->words[i]);
		ret = codearena_arena_patch(b->arena, b->words, b->count, flags,
					    NULL);
	}
	return ret;
}

CODEARENA_API int codearena_arena_patch_bytes(struct codearena_arena *arena,
					      uint64_t offset,
					      const void *bytes, size_t length,
					      uint32_t flags)
{
	struct codearena_patch_entry small[CA__PATCH_SMALL];
	struct ca__bytes b = {
		.arena = arena,
		.offset = offset,
		.bytes = bytes,
		.words = small,
	};
	size_t most = length / 8 + 3;
	int ret;

	if (!arena || !bytes || !length || length > CODEARENA_PATCH_BYTES_MAX)
		return -EINVAL;
	if (flags & ~CODEARENA_PATCH_F_SYNC ||
	    (arena->unreadable && !arena->shadow))
		return -EOPNOTSUPP;
	if (__builtin_add_overflow(offset, length, &b.end))
		return -EOVERFLOW;
	if (most > CA__PATCH_SMALL)
		b.words = malloc(most * sizeof(*b.words));
	if (!b.words)
		return -ENOMEM;
	ca__bytes_split(&b);
	ret = ca__bytes_probe(&b);
	if (!ret)
		ret = ca__bytes_exchange(&b, flags);
	if (b.words != small)
		free(b.words);
	return ret;
}
