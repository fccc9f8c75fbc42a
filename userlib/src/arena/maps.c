// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A parser of /proc/self/maps. Pure: the caller reads the file.
 */
#include <errno.h>
#include <string.h>

#include "arena/place.h"

/* Returns the character after the number, NULL if there is none. */
static const char *ca__hex(const char *text, uint64_t *value)
{
	const char *p = text;

	for (*value = 0; ; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if (*p >= 'a' && *p <= 'f')
			digit = *p - 'a' + 10;
		else
			break;
		if (*value >> 60)
			return NULL;
		*value = *value << 4 | digit;
	}
	return p == text ? NULL : p;
}

static int ca__maps_line(struct ca__maps_parser *parser)
{
	uint64_t start, end;
	const char *p = ca__hex(parser->line, &start);

	if (!p || *p != '-')
		return -EPROTO;
	p = ca__hex(p + 1, &end);
	if (!p || *p != ' ' || end < start)
		return -EPROTO;
	/* The stack and the heap need room to grow, else the process dies. */
	if (strstr(p, " [stack]"))
		start -= parser->stack_room < start ? parser->stack_room :
						      start;
	if (strstr(p, " [heap]") && parser->heap_room <= UINT64_MAX - end)
		end += parser->heap_room;
	parser->used_range(parser->context, start, end);
	return 0;
}

/**
 * ca__maps_feed - continue with a piece of the text
 * @parser: zero-initialised but for its callback and the rooms
 * @text: the piece
 * @length: bytes of it
 *
 * Return: 0; -EPROTO: no maps file has such text.
 */
int ca__maps_feed(struct ca__maps_parser *parser, const char *text,
		  size_t length)
{
	size_t i;
	int ret;

	for (i = 0; i < length; i++) {
		if (text[i] != '\n') {
			if (parser->used < sizeof(parser->line) - 1)
				parser->line[parser->used++] = text[i];
			continue;
		}
		parser->line[parser->used] = '\0';
		parser->used = 0;
		ret = ca__maps_line(parser);
		if (ret)
			return ret;
	}
	return 0;
}
