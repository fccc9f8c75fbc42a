// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Changes wasm2c's output so that it compiles in parts, side by side.
 *
 * Compilers take more than proportionally long for one large file. A part is the
 * same file, compiled with another value of WASM_PART: it has all declarations and
 * the definitions of some functions; part 0 has the variables as well. What was
 * static becomes hidden, for the parts to refer to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

/* This line of wasm2c's output separates its macros from the code. */
static const char code_begins[] = "static bool s_module_initialized";

/* A file up to this long is one part, and nothing in it changes. */
#define WHOLE_BYTES	(1 << 20)
/* Functions of a part, which ends with the function that exceeds this. */
#define PART_BYTES	(512 << 10)

enum state {
	BETWEEN,	/* definitions */
	HEADING,	/* in a declaration, before its ; or { */
	FUNCTION,
	DATA
};

struct source {
	FILE *to;
	bool divided;
	bool code;		/* the macros are over */
	bool range;		/* in the macro that checks ranges */
	enum state state;
	char *heading;
	size_t heading_length;
	size_t part, in_part;	/* number, and bytes of its functions */
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Checks of memory and of tables give the same reason; distinguish them. */
static void put_macro(struct source *s, const char *line)
{
	static const char trap[] = "TRAP(OOB)";
	const char *at = strstr(line, trap);

	if (begins(line, "#define "))
		s->range = begins(line + 8, "RANGE_CHECK(");
	if (!s->range || !at) {
		fputs(line, s->to);
		return;
	}
	fprintf(s->to, "%.*sTRAP(MEMORY)%s", (int)(at - line), line,
		at + sizeof(trap) - 1);
	s->range = false;
}

static void put_variable(struct source *s, const char *heading)
{
	const char *end = strstr(heading, " =");

	if (!end)
		end = strchr(heading, ';');
	fprintf(s->to, "extern %.*s;\n#if WASM_PART == 0\n%s",
		(int)(end - heading), heading, heading);
}

static void put_function(struct source *s, const char *heading)
{
	const char *end = strrchr(heading, '{');

	if (s->in_part > PART_BYTES) {
		s->part++;
		s->in_part = 0;
	}
	fprintf(s->to, "%.*s;\n#if WASM_PART == %zu\n%s",
		(int)(end - heading), heading, s->part, heading);
}

/* A heading is complete: it decides what the lines after it are. */
static void put_heading(struct source *s, char last)
{
	const char *heading = s->heading;

	if (begins(heading, "static "))
		heading += strlen("static ");
	if (last == '{' && strstr(heading, " = {")) {
		put_variable(s, heading);
		s->state = DATA;
	} else if (last == '{') {
		put_function(s, heading);
		s->state = FUNCTION;
	} else {
		if (strchr(heading, '(') && !strchr(heading, '=')) {
			fputs(heading, s->to);
		} else {
			put_variable(s, heading);
			fputs("#endif\n", s->to);
		}
		s->state = BETWEEN;
	}
	s->heading_length = 0;
}

static void add_heading(struct source *s, const char *line, size_t length)
{
	char last = length > 1 ? line[length - 2] : 0;

	s->heading = realloc(s->heading, s->heading_length + length + 1);
	if (!s->heading)
		wasm_die("out of memory");
	memcpy(s->heading + s->heading_length, line, length + 1);
	s->heading_length += length;
	s->state = HEADING;
	if (last == '{' || last == ';')
		put_heading(s, last);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put_code(struct source *s, const char *line, size_t length)
{
	if (s->state == HEADING || (s->state == BETWEEN && is_letter(*line))) {
		add_heading(s, line, length);
		return;
	}
	fputs(line, s->to);
	if (s->state == FUNCTION)
		s->in_part += length;
	if (s->state != BETWEEN && *line == '}') {
		fputs("#endif\n", s->to);
		s->state = BETWEEN;
	}
}

static void put_line(struct source *s, const char *line, size_t length)
{
	if (!s->code && begins(line, code_begins)) {
		fprintf(s->to, "#include \"wasm-rt-code.h\"\n\n");
		if (s->divided)
			fprintf(s->to, "#pragma GCC visibility push(hidden)\n");
		s->code = true;
	}
	if (s->code && s->divided)
		put_code(s, line, length);
	else
		put_macro(s, line);
}

static size_t length_of(FILE *file)
{
	long length;

	if (fseek(file, 0, SEEK_END) || (length = ftell(file)) < 0)
		wasm_die("cannot read wasm2c's output: %s", strerror(errno));
	rewind(file);
	return length;
}

size_t wasm_write_source(FILE *to, FILE *from, const struct wasm_file *file,
			 const struct wasm_options *options)
{
	struct source s = {
		.to = to, .divided = length_of(from) > WHOLE_BYTES,
	};
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, from)) >= 0)
		put_line(&s, line, length);
	if (!s.code || s.state != BETWEEN)
		wasm_die("the output of this wasm2c is not what 1.0.32 writes");
	if (s.divided)
		fprintf(to, "#pragma GCC visibility pop\n#if WASM_PART == 0\n");
	wasm_write_glue(to, file, options);
	if (s.divided)
		fprintf(to, "#endif\n");
	free(s.heading);
	free(line);
	return s.part + 1;
}
