// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Operations as lines of text: NAME slot abi argument..., numbers in hex. */
#include <strings.h>

#include "fuzz.h"

#define BLANKS	"\n "

const char *const op_names[OP_KINDS] = {
	[OP_RESERVE] = "reserve", [OP_CLOSE] = "close", [OP_QUERY] = "query",
	[OP_COMMIT] = "commit", [OP_DECOMMIT] = "decommit",
	[OP_WRITE] = "write", [OP_SEAL] = "seal", [OP_PUBLISH] = "publish",
	[OP_PATCH] = "patch", [OP_DISCARD] = "discard", [OP_SHARE] = "share",
	[OP_STAT] = "stat", [OP_REGISTER] = "register",
	[OP_RELEASE] = "release", [OP_LANDING] = "landing",
	[OP_IOCTL] = "ioctl", [OP_MMAP] = "mmap", [OP_MUNMAP] = "munmap",
	[OP_MPROTECT] = "mprotect", [OP_MREMAP] = "mremap",
	[OP_MADVISE] = "madvise", [OP_POKE] = "poke", [OP_GUARD] = "guard",
	[OP_RUN] = "run", [OP_FORK] = "fork", [OP_SIGNALS] = "signals",
	[OP_SHARED] = "shared", [OP_CLONE] = "clone", [OP_OPEN] = "open",
};

void op_print(FILE *to, const struct op *op)
{
	unsigned int count = MAX_ARGS;

	while (count && !op->arg[count - 1])
		count--;
	fprintf(to, "%s %x %x", op_names[op->kind], op->slot, op->abi);
	for (unsigned int i = 0; i < count; i++)
		fprintf(to, " %llx", (unsigned long long)op->arg[i]);
	fprintf(to, "\n");
}

static bool next_number(const char **text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(*text, &end, 16);
	if (end == *text || errno)
		return false;
	*text = end;
	return true;
}

bool op_parse(const char *line, struct op *op)
{
	size_t length = strcspn(line, BLANKS);
	uint64_t value;

	memset(op, 0, sizeof(*op));
	for (op->kind = 0; op->kind < OP_KINDS; op->kind++)
		if (strlen(op_names[op->kind]) == length &&
		    !strncmp(line, op_names[op->kind], length))
			break;
	if (op->kind == OP_KINDS)
		return false;
	line += length;
	if (!next_number(&line, &value) || value >= MAX_SLOTS)
		return false;
	op->slot = (uint16_t)value;
	if (!next_number(&line, &value) || value >> ABI_BITS)
		return false;
	op->abi = (uint32_t)value;
	for (unsigned int i = 0; i < MAX_ARGS; i++)
		if (!next_number(&line, &op->arg[i]))
			break;
	return !line[strspn(line, BLANKS)];
}
