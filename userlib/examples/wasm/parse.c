// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Parses what the glue needs of a module: the types of its functions, imports and
 * exports. wasm2c has validated the file before.
 */
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

enum {
	SECTION_TYPE = 1,
	SECTION_IMPORT = 2,
	SECTION_FUNCTION = 3,
	SECTION_EXPORT = 7
};

struct reader {
	const uint8_t *at, *end;
};

static uint8_t take_byte(struct reader *r)
{
	if (r->at >= r->end)
		wasm_die("the module ends too early");
	return *r->at++;
}

static uint32_t take_number(struct reader *r)
{
	unsigned int shift = 0;
	uint64_t value = 0;
	uint8_t byte;

	do {
		byte = take_byte(r);
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 35);
	return value;
}

/* Every entry of a list has at least one byte. */
static size_t take_count(struct reader *r)
{
	size_t count = take_number(r);

	if (count > (size_t)(r->end - r->at))
		wasm_die("the module ends too early");
	return count;
}

static struct wasm_name take_name(struct reader *r)
{
	struct wasm_name name = { .length = take_count(r) };

	name.bytes = r->at;
	if (memchr(name.bytes, 0, name.length))
		wasm_die("a name contains a NUL, which wasm2c does not support: %s...",
			 (const char *)name.bytes);
	r->at += name.length;
	return name;
}

static char letter_of(uint8_t type)
{
	switch (type) {
	case 0x7f: return 'i';
	case 0x7e: return 'j';
	case 0x7d: return 'f';
	case 0x7c: return 'd';
	case 0x70: return 'r';
	case 0x6f: return 'e';
	}
	wasm_die("value type 0x%x is not supported", type);
}

static char *take_letters(struct reader *r)
{
	size_t count = take_count(r), i;
	char *letters = wasm_allocate(count + 1);

	for (i = 0; i < count; i++)
		letters[i] = letter_of(take_byte(r));
	return letters;
}

static void take_types(struct reader *r, struct wasm_file *file)
{
	file->type_count = take_count(r);
	file->types = wasm_allocate(file->type_count * sizeof(*file->types));
	for (size_t i = 0; i < file->type_count; i++) {
		if (take_byte(r) != 0x60)
			wasm_die("a type is not one of functions");
		file->types[i].parameters = take_letters(r);
		file->types[i].results = take_letters(r);
	}
}

static void add_function(struct wasm_file *file, uint32_t type)
{
	if (type >= file->type_count)
		wasm_die("there is no type %u", type);
	file->functions = realloc(file->functions,
				  (file->function_count + 1) *
				  sizeof(*file->functions));
	if (!file->functions)
		wasm_die("out of memory");
	file->functions[file->function_count++] = &file->types[type];
}

static void take_limits(struct reader *r, struct wasm_item *item)
{
	uint8_t flags = take_byte(r);

	item->least = take_number(r);
	item->most = flags & 1 ? take_number(r) : UINT32_MAX;
}

static void take_imports(struct reader *r, struct wasm_file *file)
{
	file->import_count = take_count(r);
	file->imports = wasm_allocate(file->import_count *
				      sizeof(*file->imports));
	for (size_t i = 0; i < file->import_count; i++) {
		struct wasm_item *item = &file->imports[i];

		item->module = take_name(r);
		item->name = take_name(r);
		item->kind = take_byte(r);
		switch (item->kind) {
		case WASM_FUNCTION:
			add_function(file, take_number(r));
			item->type = file->functions[file->function_count - 1];
			break;
		case WASM_TABLE:
			if (letter_of(take_byte(r)) != 'r')
				wasm_die("imported tables hold functions only");
			take_limits(r, item);
			break;
		case WASM_MEMORY:
			take_limits(r, item);
			break;
		case WASM_GLOBAL:
			item->global = letter_of(take_byte(r));
			take_byte(r);
			break;
		default:
			wasm_die("imports of kind %u are not supported",
				 item->kind);
		}
	}
}

static void take_exports(struct reader *r, struct wasm_file *file)
{
	file->export_count = take_count(r);
	file->exports = wasm_allocate(file->export_count *
				      sizeof(*file->exports));
	for (size_t i = 0; i < file->export_count; i++) {
		struct wasm_item *item = &file->exports[i];

		item->name = take_name(r);
		item->kind = take_byte(r);
		item->index = take_number(r);
		if (item->kind != WASM_FUNCTION)
			continue;
		if (item->index >= file->function_count)
			wasm_die("there is no function %u", item->index);
		item->type = file->functions[item->index];
	}
}

void wasm_parse(const uint8_t *bytes, size_t length, struct wasm_file *file)
{
	struct reader all = { bytes + 8, bytes + length };

	memset(file, 0, sizeof(*file));
	if (length < 8 || memcmp(bytes, "\0asm\1\0\0\0", 8))
		wasm_die("the file is not a WebAssembly module of version 1");
	while (all.at < all.end) {
		uint8_t id = take_byte(&all);
		struct reader section;
		size_t count;

		count = take_count(&all);
		section.at = all.at;
		section.end = all.at += count;
		if (id == SECTION_TYPE)
			take_types(&section, file);
		else if (id == SECTION_IMPORT)
			take_imports(&section, file);
		else if (id == SECTION_EXPORT)
			take_exports(&section, file);
		else if (id == SECTION_FUNCTION)
			for (count = take_count(&section); count; count--)
				add_function(file, take_number(&section));
	}
}

/* wasm2c fails on sections of other versions of a linker that it does not need. */
void wasm_write_stripped(FILE *to, const uint8_t *bytes, size_t length)
{
	struct reader all = { bytes, bytes + length };

	/* What is no module is wasm2c's to refuse. */
	if (length < 8) {
		fwrite(bytes, 1, length, to);
		return;
	}
	all.at += 8;
	fwrite(bytes, 1, 8, to);
	while (all.at < all.end) {
		const uint8_t *start = all.at;
		uint8_t id = take_byte(&all);
		size_t size = take_count(&all);
		struct reader section = { all.at, all.at + size };
		struct wasm_name name;

		all.at = section.end;
		if (!id) {
			name.length = take_count(&section);
			name.bytes = section.at;
			/* The one with the names of functions. */
			if (name.length != 4 || memcmp(name.bytes, "name", 4))
				continue;
		}
		fwrite(start, 1, section.end - start, to);
	}
}

void wasm_parse_free(struct wasm_file *file)
{
	for (size_t i = 0; i < file->type_count; i++) {
		free(file->types[i].parameters);
		free(file->types[i].results);
	}
	free(file->types);
	free(file->imports);
	free(file->exports);
	free(file->functions);
}
