// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Runs the loaded code. Its results must equal the published test vectors of the
 * algorithms, and those of the same source linked into the program.
 */
#define DEMO_REFERENCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define ELEMENTS	100000

uint32_t demo_random(uint64_t *state)
{
	/* xorshift64*; the same numbers in every run. */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dULL) >> 32;
}

int demo_compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

struct sha256_code {
	void (*init)(struct sha256 *ctx);
	void (*update)(struct sha256 *ctx, const void *data, size_t length);
	void (*final)(struct sha256 *ctx, uint8_t digest[SHA256_SIZE]);
};

/* In pieces of @piece bytes, so that buffering is exercised too. */
static void digest(const struct sha256_code *code, const char *text,
		   size_t length, size_t piece, uint8_t out[SHA256_SIZE])
{
	struct sha256 ctx;

	code->init(&ctx);
	for (size_t i = 0; i < length; i += piece)
		code->update(&ctx, text + i,
			     length - i < piece ? length - i : piece);
	code->final(&ctx, out);
}

/* The examples that NIST published with the standard. */
static const struct {
	const char *text;
	unsigned int repeat;
	const char *digest;
} vectors[] = {
	{ "", 1,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", 1,
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,
	  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
	{ "aaaaaaaaaa", 100000,
	  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void check_vector(struct demo *demo, const struct sha256_code *code,
			 size_t index)
{
	size_t one = strlen(vectors[index].text);
	size_t length = one * vectors[index].repeat;
	char *text = malloc(length + 1);
	char hex[2 * SHA256_SIZE + 1];
	uint8_t out[SHA256_SIZE];

	if (!demo_check(demo, text, "no memory"))
		return;
	for (unsigned int i = 0; i < vectors[index].repeat; i++)
		memcpy(text + i * one, vectors[index].text, one);
	digest(code, text, length, 61, out);
	for (int i = 0; i < SHA256_SIZE; i++)
		sprintf(hex + 2 * i, "%02x", out[i]);
	demo_check(demo, !strcmp(hex, vectors[index].digest),
		   "SHA-256 example %zu gives %s", index, hex);
	free(text);
}

void demo_run_sha256(struct demo *demo, const struct demo_object *object)
{
	static const struct sha256_code reference = {
		.init = sha256_init,
		.update = sha256_update,
		.final = sha256_final,
	};
	uint8_t left[SHA256_SIZE], right[SHA256_SIZE];
	size_t count = sizeof(vectors) / sizeof(vectors[0]);
	uint64_t init, update, final, blocks, before;
	struct sha256_code code;
	uint64_t state = 1;
	char text[1024];

	if (!demo_address(demo, object, "sha256_init", &init) ||
	    !demo_address(demo, object, "sha256_update", &update) ||
	    !demo_address(demo, object, "sha256_final", &final) ||
	    !demo_address(demo, object, "sha256_blocks", &blocks))
		return;
	code.init = (void (*)(struct sha256 *))(uintptr_t)init;
	code.update = (void (*)(struct sha256 *, const void *, size_t))
		      (uintptr_t)update;
	code.final = (void (*)(struct sha256 *, uint8_t *))(uintptr_t)final;
	demo_check(demo, !*(uint64_t *)(uintptr_t)blocks,
		   "the object's own counter does not begin at 0");
	before = sha256_blocks;
	for (size_t i = 0; i < count; i++)
		check_vector(demo, &code, i);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = demo_random(&state);
	for (size_t length = 0; length <= sizeof(text); length++) {
		digest(&code, text, length, 1 + length % 97, left);
		digest(&reference, text, length, sizeof(text), right);
		if (!demo_check(demo, !memcmp(left, right, sizeof(left)),
				"SHA-256 of %zu bytes differs", length))
			return;
	}
	/* Two counters: the loaded object has its own variables. */
	demo_check(demo, sha256_blocks != before &&
		   *(uint64_t *)(uintptr_t)blocks > sha256_blocks - before,
		   "the object's own counter is wrong");
	printf("  SHA-256:  %zu published examples and %zu lengths right, %llu blocks\n",
	       count, sizeof(text) + 1,
	       (unsigned long long)*(uint64_t *)(uintptr_t)blocks);
}

typedef int sort_fn(void *base, size_t count, size_t size,
		    sort_compare_fn *compare);

static void fill(uint32_t *values, size_t count, int pattern)
{
	uint64_t state = 4711;

	for (size_t i = 0; i < count; i++) {
		switch (pattern) {
		case 0:
			values[i] = demo_random(&state);
			break;
		case 1:
			values[i] = i;
			break;
		case 2:
			values[i] = count - i;
			break;
		case 3:
			values[i] = i % 7;
			break;
		default:
			/* Rises, then falls: bad for naive quicksort. */
			values[i] = i < count / 2 ? i : count - i;
		}
	}
}

void demo_run_sort(struct demo *demo, const struct demo_object *object,
		   const char *name)
{
	sort_fn *reference = strcmp(name, "sort_intro") ? sort_merge :
							  sort_intro;
	uint32_t *values = calloc(ELEMENTS, sizeof(*values));
	uint32_t *expected = calloc(ELEMENTS, sizeof(*expected));
	uint32_t *sorted = calloc(ELEMENTS, sizeof(*sorted));
	uint64_t address;

	if (!demo_check(demo, values && expected && sorted, "no memory") ||
	    !demo_address(demo, object, name, &address))
		goto out;
	for (int pattern = 0; pattern < 5; pattern++) {
		fill(values, ELEMENTS, pattern);
		memcpy(expected, values, ELEMENTS * sizeof(*values));
		memcpy(sorted, values, ELEMENTS * sizeof(*values));
		qsort(expected, ELEMENTS, sizeof(*expected), demo_compare);
		reference(sorted, ELEMENTS, sizeof(*sorted), demo_compare);
		((sort_fn *)(uintptr_t)address)(values, ELEMENTS,
						sizeof(*values), demo_compare);
		demo_check(demo, !memcmp(values, expected,
					 ELEMENTS * sizeof(*values)) &&
			   !memcmp(sorted, expected,
				   ELEMENTS * sizeof(*values)),
			   "%s, pattern %d: wrong order", name, pattern);
	}
	printf("  %s: 5 arrays of %d elements in order\n", name, ELEMENTS);
out:
	free(sorted);
	free(expected);
	free(values);
}

struct json_code {
	int (*parse)(const char *text, size_t length,
		     struct json_summary *summary);
	const char *(*error_text)(int error);
};

static bool same_json(struct demo *demo, const struct json_code *code,
		      const char *text, size_t length)
{
	struct json_summary left, right;
	int ret = code->parse(text, length, &left);
	int reference = json_parse(text, length, &right);

	return demo_check(demo, ret == reference &&
			  !memcmp(&left, &right, sizeof(left)) &&
			  !strcmp(code->error_text(ret),
				  json_error_text(reference)),
			  "JSON of %zu bytes: %s at %zu, not %s at %zu",
			  length, code->error_text(ret), left.position,
			  json_error_text(reference), right.position);
}

void demo_run_json(struct demo *demo, const struct demo_object *object)
{
	uint64_t parse, error_text;
	struct json_summary summary;
	struct json_code code;
	size_t length = 0;
	char *text = demo_read_file("sample.json", &length);
	int ret;

	if (!demo_check(demo, text, "cannot read sample.json") ||
	    !demo_address(demo, object, "json_parse", &parse) ||
	    !demo_address(demo, object, "json_error_text", &error_text))
		goto out;
	code.parse = (int (*)(const char *, size_t, struct json_summary *))
		     (uintptr_t)parse;
	code.error_text = (const char *(*)(int))(uintptr_t)error_text;
	ret = code.parse(text, length, &summary);
	demo_check(demo, !ret, "sample.json: %s at %zu", code.error_text(ret),
		   summary.position);
	demo_check(demo, summary.position == length, "sample.json: short");
	for (size_t part = 0; part <= length; part++)
		if (!same_json(demo, &code, text, part))
			goto out;
	for (size_t i = 0; i < length; i++) {
		char byte = text[i];

		for (int flip = 1; flip < 256; flip <<= 1) {
			text[i] = byte ^ flip;
			if (!same_json(demo, &code, text, length))
				goto out;
		}
		text[i] = byte;
	}
	printf("  JSON:     %zu bytes: %u objects, %u arrays, %u strings,\n"
	       "            %u numbers (sum %g); %zu damaged copies judged alike\n",
	       length, summary.objects, summary.arrays, summary.strings,
	       summary.numbers, summary.sum, 9 * length);
out:
	free(text);
}
