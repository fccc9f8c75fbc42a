// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Messages, memory and files.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

void wasm_say(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "codearena-wasm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

void wasm_die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "codearena-wasm: error: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

void *wasm_allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory)
		wasm_die("out of memory");
	return memory;
}

uint8_t *wasm_read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes = NULL;
	size_t room = 0;

	if (!file)
		wasm_die("cannot read %s: %s", path, strerror(errno));
	*length = 0;
	do {
		room = room ? 2 * room : 1 << 16;
		bytes = realloc(bytes, room + 1);
		if (!bytes)
			wasm_die("out of memory");
		*length += fread(bytes + *length, 1, room - *length, file);
	} while (*length == room);
	if (ferror(file))
		wasm_die("cannot read %s: %s", path, strerror(errno));
	fclose(file);
	bytes[*length] = '\0';
	return bytes;
}
