// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Hashes a file with a module of hash-wasm, lets the module run out of its
 * memory on purpose, and hashes once more.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

/* Bytes that fit into the module's buffer. */
#define CHUNK		16384
/* Hash_Update() of this many bytes reads beyond the end of memory. */
#define TOO_MUCH	0x7fffffff
#define MOST_DIGEST	64

struct hash {
	struct wasm_module *module;
	const uint8_t *bytes;
	size_t length;
	uint32_t digest_bytes;
	char digest[2 * MOST_DIGEST + 1];
};

/* Call an export with at most one parameter and result; false: it trapped. */
static bool call(struct hash *h, const char *name, uint32_t parameter,
		 uint32_t *result, struct wasm_trap *trap)
{
	const struct wasm_glue_export *function = wasm_find(h->module, name);
	uint64_t values[1] = { parameter };

	if (!function || strlen(function->parameters) > 1 ||
	    strlen(function->results) > 1)
		wasm_die("this is no module of hash-wasm: no %s", name);
	if (!wasm_call(h->module, function, values, trap))
		return false;
	if (result)
		*result = values[0];
	return true;
}

static bool hash(struct hash *h, struct wasm_trap *trap)
{
	uint32_t buffer;

	if (!call(h, "Hash_GetBuffer", 0, &buffer, trap) ||
	    !call(h, "Hash_Init", 8 * h->digest_bytes, NULL, trap))
		return false;
	if (!h->module->memory ||
	    buffer + (uint64_t)CHUNK > h->module->memory->size)
		wasm_die("the module's buffer is not in its memory");
	for (size_t at = 0; at < h->length; at += CHUNK) {
		size_t part = h->length - at < CHUNK ? h->length - at : CHUNK;

		memcpy(h->module->memory->data + buffer, h->bytes + at, part);
		if (!call(h, "Hash_Update", part, NULL, trap))
			return false;
	}
	if (!call(h, "Hash_Final", 0, NULL, trap))
		return false;
	for (uint32_t i = 0; i < h->digest_bytes; i++)
		snprintf(h->digest + 2 * i, 3, "%02x",
			 h->module->memory->data[buffer + i]);
	return true;
}

static bool compare(const struct hash *h, const char *when,
		    const char *expected)
{
	bool same = !strcmp(h->digest, expected);

	printf("%s %s: %s\n", when, h->digest, same ? "as expected" :
	       "WRONG");
	return same;
}

static bool provoke(struct hash *h)
{
	uint64_t distance;
	struct wasm_trap trap;

	if (call(h, "Hash_Update", TOO_MUCH, NULL, &trap)) {
		printf("no trap, but Hash_Update(%d) was to read out of bounds\n",
		       TOO_MUCH);
		return false;
	}
	distance = trap.report.address -
		   (uintptr_t)h->module->memory->data;
	printf("Hash_Update(%d) trapped: %s\n"
	       "  in %s+0x%" PRIx64 ", pc 0x%" PRIx64 ", at byte %" PRIu64
	       " of a memory of %" PRIu64 "\n",
	       TOO_MUCH, trap.reason, trap.function, trap.offset,
	       trap.report.pc, distance, h->module->memory->size);
	return trap.report.kind == CODEARENA_TRAP_MEMORY &&
	       distance >= h->module->memory->size;
}

int wasm_hash(const char *object, const char *path, const char *expected,
	      const struct wasm_options *options)
{
	struct hash h = { .digest_bytes = strlen(expected) / 2 };
	uint8_t *bytes;
	struct wasm_trap trap;
	unsigned int handlers;
	bool good;

	if (!h.digest_bytes || h.digest_bytes > MOST_DIGEST)
		wasm_die("'%s' is no digest", expected);
	h.bytes = bytes = wasm_read_file(path, &h.length);
	h.module = wasm_load(object, options);
	printf("%zu bytes of %s\n", h.length, path);
	if (!wasm_instantiate(h.module, &trap) || !hash(&h, &trap))
		wasm_die("trap: %s in %s", trap.reason, trap.function);
	good = compare(&h, "digest", expected);
	good = provoke(&h) && good;
	h.digest[0] = '\0';
	if (!hash(&h, &trap))
		wasm_die("trap: %s in %s", trap.reason, trap.function);
	good = compare(&h, "digest after the trap", expected) && good;

	handlers = wasm_handlers();
	printf("handlers of signals in this process: %u\n", handlers);
	good = !handlers && h.module->traps == 1 && good;
	wasm_print_stats(h.module);
	printf("Verdict: %s\n", good ? "as it should be" : "WRONG");
	wasm_unload(h.module);
	free(bytes);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
