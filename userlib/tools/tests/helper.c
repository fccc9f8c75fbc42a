// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Helper of the tests of codearenactl.
 *
 * Usage: helper hold   make an arena, print "PID ADDRESS" of code in it, and
 *                      publish until killed
 *        helper json   check that standard input is JSON values, one per line
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "codearena.h"

#define PAGES	64

#if defined(__x86_64__)
/* mov $42, %eax; ret */
static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
#elif defined(__aarch64__)
/* mov w0, #42; ret */
static const uint8_t code[] = {
	0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6,
};
#elif defined(__riscv)
/* li a0, 42; ret */
static const uint8_t code[] = {
	0x13, 0x05, 0xa0, 0x02, 0x67, 0x80, 0x00, 0x00,
};
#else
static const uint8_t code[] = { 0 };
#endif

static int hold(void)
{
	/* Names are untrusted. */
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "a \"b\\c\" d");
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = sizeof(code),
	};
	const uint64_t length = PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
	struct codearena_arena *arena;
	int ret;

	prctl(PR_SET_NAME, "h\"\\\001\377\033o");
	ret = codearena_arena_new(length, &opts, &arena);
	if (!ret)
		ret = codearena_arena_commit(arena, 0, length);
	if (!ret)
		ret = codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
					      NULL);
	if (ret) {
		fprintf(stderr, "helper: %s\n", strerror(-ret));
		return 1;
	}
	printf("%d 0x%" PRIxPTR "\n", getpid(),
	       (uintptr_t)codearena_arena_base(arena));
	fclose(stdout);
	for (;;) {
		usleep(20000);
		object.offset += codearena_arena_granule(arena);
		if (object.offset < length)
			codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						NULL);
	}
}

static bool value(const char **p, unsigned int depth);

static bool take(const char **p, const char *text)
{
	if (strncmp(*p, text, strlen(text)))
		return false;
	*p += strlen(text);
	return true;
}

static bool string(const char **p)
{
	if (!take(p, "\""))
		return false;
	for (; **p && **p != '"'; (*p)++) {
		if ((unsigned char)**p < ' ')
			return false;
		if (**p != '\\')
			continue;
		(*p)++;
		if (!**p || !strchr("\"\\/bfnrtu", **p))
			return false;
		if (**p == 'u' && strspn(*p + 1, "0123456789abcdef") < 4)
			return false;
	}
	return take(p, "\"");
}

static bool members(const char **p, unsigned int depth, bool named, char end)
{
	const char close[] = { end, 0 };

	(*p)++;
	if (take(p, close))
		return true;
	do {
		if (named && !(string(p) && take(p, ":")))
			return false;
		if (!value(p, depth + 1))
			return false;
	} while (take(p, ","));
	return take(p, close);
}

static bool number(const char **p)
{
	char *end;

	if (**p != '-' && (**p < '0' || **p > '9'))
		return false;
	if (**p == '0' && (*p)[1] >= '0' && (*p)[1] <= '9')
		return false;
	strtod(*p, &end);
	*p = end;
	return true;
}

/* Strict, and without the spaces that codearenactl does not print. */
static bool value(const char **p, unsigned int depth)
{
	if (depth > 16)
		return false;
	switch (**p) {
	case '{':
		return members(p, depth, true, '}');
	case '[':
		return members(p, depth, false, ']');
	case '"':
		return string(p);
	default:
		return take(p, "true") || take(p, "false") ||
		       take(p, "null") || number(p);
	}
}

static int json(void)
{
	unsigned int lines = 0;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		const char *p = line;

		if (!value(&p, 0) || strcmp(p, "\n")) {
			printf("not JSON at: %.40s\n", p);
			return 1;
		}
		lines++;
	}
	free(line);
	if (!lines)
		puts("nothing");
	return !lines;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "hold"))
		return hold();
	if (argc == 2 && !strcmp(argv[1], "json"))
		return json();
	fputs("Usage: helper hold | json\n", stderr);
	return 2;
}
