// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What codearena-lli runs: constants, data that is written, calls between objects,
 * of the C library, and through pointers.
 *
 * Usage: work [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"

#define COUNT	20000

static const char *const texts[] = {
	"{\"a\": [1, 2.5, -3e2], \"b\": {\"c\": \"\\u00e9\"}}", "[", "[1,]",
	"{\"a\" 1}", "\"\\x\"", "[true, false, null]", "01", "{}", "",
};

static uint32_t numbers[COUNT];
static uint64_t state = 1;

static uint32_t next(void)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return state >> 33;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void hash(const char *what)
{
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];

	sha256_init(&sha);
	sha256_update(&sha, numbers, sizeof(numbers));
	sha256_final(&sha, digest);
	printf("%s: ", what);
	for (int i = 0; i < SHA256_SIZE; i++)
		printf("%02x", digest[i]);
	printf("\n");
}

static void sort(const char *what,
		 int (*function)(void *base, size_t count, size_t size,
				 sort_compare_fn *compare))
{
	for (int i = 0; i < COUNT; i++)
		numbers[i] = next();
	if (function(numbers, COUNT, sizeof(numbers[0]), compare))
		printf("%s: no memory\n", what);
	for (int i = 1; i < COUNT; i++)
		if (numbers[i] < numbers[i - 1])
			printf("%s: not in order at %d\n", what, i);
	hash(what);
}

static void parse(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_summary s;
		int error;

		memset(&s, 0, sizeof(s));
		error = json_parse(texts[i], strlen(texts[i]), &s);
		printf("%s: %s, %u %u %u %u %u, %.17g\n", texts[i],
		       json_error_text(error), s.objects, s.arrays, s.strings,
		       s.numbers, s.words, s.sum);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? argv[1][0] - '0' : 1;

	for (int i = 0; i < rounds; i++) {
		sort("intro", sort_intro);
		sort("merge", sort_merge);
	}
	parse();
	printf("%llu blocks, %llu calls\n", (unsigned long long)sha256_blocks,
	       (unsigned long long)(sort_intro_calls + sort_merge_calls));
	return rounds;
}
