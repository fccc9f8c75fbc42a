// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Bytes for WRITE and PUBLISH: patterns, code that can be run, bad addresses. */
#include "fuzz.h"

const struct trap_fragment *const fragments[CONTENT_PATTERN] = {
	&code_pad, &code_load, &code_store, &code_divide, &code_undefined,
	&code_breakpoint, &code_load_byte, &code_atomic_add,
};

static void make_pattern(uint8_t *to, uint64_t seed, uint64_t length)
{
	uint64_t word = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (uint64_t i = 0; i < length; i++) {
		to[i] = (uint8_t)(word >> i % 8 * 8);
		if (i % 8 == 7)
			word = word * 6364136223846793005ULL + seed;
	}
}

/*
 * The bytes start at *cursor of the source buffer. If they have no room there,
 * the lengths of the call sum up to more than an arena, which is refused
 * whatever the bytes are.
 */
const uint8_t *content_make(struct fuzzer *f, uint64_t content, uint64_t length,
			    uint64_t *cursor, uint64_t *address)
{
	unsigned int kind = (content & 0xff) % CONTENT_KINDS;
	uint8_t *end = f->source + f->source_size, *at;
	const struct trap_fragment *fragment;
	uint64_t code;

	switch (kind) {
	case CONTENT_UNMAPPED:
		/* A page that cannot be mapped, or one of the kernel. */
		*address = content & 0x100 ? 0xffff800000000000ULL : 64;
		return NULL;
	case CONTENT_HALF:
		*address = (uintptr_t)end -
			   (length / 2 < f->source_size ? length / 2 : 0);
		return NULL;
	case CONTENT_GUARD:
		*address = (uintptr_t)f->guard;
		return NULL;
	}
	if (length > f->source_size - *cursor) {
		*address = (uintptr_t)f->source;
		return f->source;
	}
	at = f->source + *cursor;
	*cursor += length;
	make_pattern(at, content >> 8, length);
	if (kind < CONTENT_PATTERN) {
		fragment = fragments[kind];
		code = fragment_length(fragment);
		memcpy(at, fragment->start, code < length ? code : length);
	}
	*address = (uintptr_t)at;
	return at;
}

/* Code that stands at an offset and does not leave its page, or NULL. */
const struct trap_fragment *fragment_at(const struct model *m, uint64_t offset)
{
	uint64_t length;

	for (unsigned int i = 0; i < CONTENT_PATTERN; i++) {
		length = fragment_length(fragments[i]);
		if (offset % m->page + length <= m->page &&
		    !memcmp(m->data + offset, fragments[i]->start, length))
			return fragments[i];
	}
	return NULL;
}
