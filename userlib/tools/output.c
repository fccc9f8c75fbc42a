// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: text for people and for programs.
 *
 * Names of processes and arenas are untrusted: terminals get printable text
 * only, and programs get valid JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void next(struct ctl_json *json, const char *key)
{
	if (json->started)
		fputc(',', json->to);
	json->started = true;
	if (key)
		fprintf(json->to, "\"%s\":", key);
}

void ctl_json_open(struct ctl_json *json, const char *key, char bracket)
{
	next(json, key);
	fputc(bracket, json->to);
	json->started = false;
}

void ctl_json_close(struct ctl_json *json, char bracket)
{
	fputc(bracket, json->to);
	json->started = true;
}

/* Bytes of the UTF-8 character at @text; 0: invalid. */
static size_t character(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t length;

	if (*text < 0x80)
		return 1;
	length = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	value = *text & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	return length;
}

void ctl_json_string(struct ctl_json *json, const char *key, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	next(json, key);
	fputc('"', json->to);
	while (*p) {
		size_t length = character(p);

		if (!length) {
			fputs("\\ufffd", json->to);
			length = 1;
		} else if (*p < ' ' || *p == 0x7f) {
			fprintf(json->to, "\\u%04x", *p);
		} else {
			if (*p == '"' || *p == '\\')
				fputc('\\', json->to);
			fwrite(p, 1, length, json->to);
		}
		p += length;
	}
	fputc('"', json->to);
}

void ctl_json_number(struct ctl_json *json, const char *key, uint64_t number)
{
	next(json, key);
	fprintf(json->to, "%" PRIu64, number);
}

void ctl_json_real(struct ctl_json *json, const char *key, double number)
{
	next(json, key);
	fprintf(json->to, "%.3f", number);
}

void ctl_json_bool(struct ctl_json *json, const char *key, bool value)
{
	next(json, key);
	fputs(value ? "true" : "false", json->to);
}

void ctl_json_null(struct ctl_json *json, const char *key)
{
	next(json, key);
	fputs("null", json->to);
}

void ctl_json_arena(struct ctl_json *json, const char *key,
		    const struct ctl_arena *arena)
{
	ctl_json_open(json, key, '{');
	ctl_json_number(json, "pid", (uint64_t)arena->pid);
	ctl_json_string(json, "command", arena->comm);
	ctl_json_number(json, "fd", (uint64_t)arena->fd);
	ctl_json_string(json, "backend", arena->device ? "device" : "memfd");
	ctl_json_string(json, "name", arena->name);
	ctl_json_string(json, "access",
			arena->writable ? "read-write" : "read-only");
	for (int i = 0; i < CTL_NUMBERS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s", ctl_number_names[i]);
		for (char *p = name; *p; p++)
			*p = *p == '-' ? '_' : *p;
		if (ctl_known(arena, i))
			ctl_json_number(json, name, arena->number[i]);
		else
			ctl_json_null(json, name);
	}
	ctl_json_close(json, '}');
}

const char *ctl_clean(char *to, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i]; i++)
		to[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	to[i] = 0;
	return to;
}

const char *ctl_size(char *to, size_t size, bool known, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1024 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	if (!known)
		snprintf(to, size, "-");
	else if (!unit)
		snprintf(to, size, "%" PRIu64, bytes);
	else
		snprintf(to, size, value < 10 ? "%.1f%c" : "%.0f%c", value,
			 units[unit]);
	return to;
}

const char *ctl_value(char *to, size_t size, const struct ctl_arena *arena,
		      enum ctl_number n)
{
	switch (n) {
	case CTL_LENGTH:
	case CTL_COMMIT_LIMIT:
	case CTL_COMMITTED:
	case CTL_SEALED:
	case CTL_PATCHABLE:
	case CTL_WRITTEN:
	case CTL_DISCARDED:
	case CTL_ALL_COMMIT_LIMIT:
	case CTL_ALL_COMMITTED:
		return ctl_size(to, size, ctl_known(arena, n),
				arena->number[n]);
	default:
		return ctl_count(to, size, ctl_known(arena, n),
				 arena->number[n]);
	}
}

const char *ctl_plural(size_t number)
{
	return number == 1 ? "" : "s";
}

const char *ctl_count(char *to, size_t size, bool known, uint64_t number)
{
	if (known)
		snprintf(to, size, "%" PRIu64, number);
	else
		snprintf(to, size, "-");
	return to;
}

void ctl_error(const char *format, ...)
{
	va_list args;

	fputs("codearenactl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *ctl_path(char *to, size_t size, const struct ctl_options *options,
		     const char *format, ...)
{
	int used = snprintf(to, size, "%s", options->root);
	va_list args;

	if (used < 0 || (size_t)used >= size)
		return "";
	va_start(args, format);
	vsnprintf(to + used, size - (size_t)used, format, args);
	va_end(args);
	return to;
}

char *ctl_read_file(const struct ctl_options *options, const char *path)
{
	size_t size = 4096, length = 0, n;
	char full[512], *text;
	FILE *file = fopen(ctl_path(full, sizeof(full), options, "%s", path),
			   "re");

	if (!file)
		return NULL;
	text = malloc(size);
	while (text && (n = fread(text + length, 1, size - 1 - length, file))) {
		char *more;

		length += n;
		if (length + 1 < size)
			continue;
		more = realloc(text, size *= 2);
		if (!more)
			free(text);
		text = more;
	}
	if (text && ferror(file)) {
		int error = errno;

		free(text);
		text = NULL;
		errno = error;
	}
	n = (size_t)errno;
	fclose(file);
	errno = (int)n;
	if (text)
		text[length] = 0;
	return text;
}

int ctl_finish(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	ctl_error("cannot write to standard output: %s", strerror(errno));
	return CTL_FAILED;
}
