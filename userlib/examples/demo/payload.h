/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The code that the demo loads into an arena. The same sources are also linked
 * into the demo, under other names, to compare results.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef DEMO_REFERENCE
#define sha256_init	ref_sha256_init
#define sha256_update	ref_sha256_update
#define sha256_final	ref_sha256_final
#define sha256_blocks	ref_sha256_blocks
#define sort_intro	ref_sort_intro
#define sort_intro_calls ref_sort_intro_calls
#define sort_merge	ref_sort_merge
#define sort_merge_calls ref_sort_merge_calls
#define json_parse	ref_json_parse
#define json_error_text	ref_json_error_text
#endif

/* sha256.c */
#define SHA256_SIZE	32

struct sha256 {
	uint32_t state[8];
	uint64_t length;
	uint8_t block[64];
};

/* Blocks that were hashed since the object was loaded. */
extern uint64_t sha256_blocks;

void sha256_init(struct sha256 *ctx);
void sha256_update(struct sha256 *ctx, const void *data, size_t length);
void sha256_final(struct sha256 *ctx, uint8_t digest[SHA256_SIZE]);

/* sort.c and merge.c; 0, or -1 if there is no memory */
typedef int sort_compare_fn(const void *a, const void *b);

extern uint64_t sort_intro_calls;
extern uint64_t sort_merge_calls;

int sort_intro(void *base, size_t count, size_t size,
	       sort_compare_fn *compare);
int sort_merge(void *base, size_t count, size_t size,
	       sort_compare_fn *compare);

/* parse.c */
enum json_error {
	JSON_OK,
	JSON_END,
	JSON_VALUE,
	JSON_STRING,
	JSON_ESCAPE,
	JSON_UTF8,
	JSON_NUMBER,
	JSON_COMMA,
	JSON_COLON,
	JSON_NAME,
	JSON_DEPTH,
	JSON_REST,
	JSON_ERRORS
};

/* What a text holds, and the sum of its numbers. */
struct json_summary {
	uint32_t objects;
	uint32_t arrays;
	uint32_t strings;
	uint32_t numbers;
	uint32_t words;		/* true, false, null */
	uint32_t depth;		/* deepest nesting */
	uint64_t characters;	/* code points in strings */
	double sum;
	size_t position;	/* where parsing ended */
};

int json_parse(const char *text, size_t length, struct json_summary *summary);
const char *json_error_text(int error);

#endif /* PAYLOAD_H */
