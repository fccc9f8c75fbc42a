// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: reading the state of an arena through its handle.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl.h"

#define PREFIX	"codearena-"

const char *const ctl_number_names[CTL_NUMBERS] = {
	[CTL_ID] = "id",
	[CTL_OWNER] = "owner",
	[CTL_FLAGS] = "flags",
	[CTL_LENGTH] = "length",
	[CTL_COMMIT_LIMIT] = "commit-limit",
	[CTL_COMMITTED] = "committed",
	[CTL_SEALED] = "sealed",
	[CTL_PATCHABLE] = "patchable",
	[CTL_PUBLISHED] = "published",
	[CTL_WRITTEN] = "written",
	[CTL_PATCHED] = "patched",
	[CTL_DISCARDED] = "discarded",
	[CTL_SYNCS] = "syncs",
	[CTL_TRAP_TABLES] = "trap-tables",
	[CTL_TRAP_ENTRIES] = "trap-entries",
	[CTL_TRAPS] = "traps",
	[CTL_TRAPS_MEMORY] = "traps-memory",
	[CTL_TRAPS_DIVIDE] = "traps-divide",
	[CTL_TRAPS_UNDEFINED] = "traps-undefined",
	[CTL_ALL_COMMIT_LIMIT] = "all-commit-limit",
	[CTL_ALL_COMMITTED] = "all-committed",
};

static void set(struct ctl_arena *arena, enum ctl_number n, uint64_t value)
{
	arena->number[n] = value;
	arena->known |= 1ULL << n;
}

/* "KEY:\tVALUE", without the prefix. Newer modules may have other keys. */
static void parse_line(const char *key, size_t length, const char *value,
		       size_t value_length, struct ctl_arena *arena)
{
	char *end;

	if (length == 4 && !memcmp(key, "name", 4)) {
		snprintf(arena->name, sizeof(arena->name), "%.*s",
			 (int)value_length, value);
		return;
	}
	if (length == 6 && !memcmp(key, "access", 6)) {
		arena->writable = value_length == 10 &&
				  !memcmp(value, "read-write", 10);
		return;
	}
	for (int i = 0; i < CTL_NUMBERS; i++) {
		const char *name = ctl_number_names[i];
		uint64_t number;

		if (strlen(name) != length || memcmp(key, name, length))
			continue;
		number = strtoull(value, &end, 0);
		if (value_length && end == value + value_length &&
		    *value >= '0' && *value <= '9')
			set(arena, i, number);
	}
}

/* Parses the fdinfo of a handle; false: not a handle of an arena. */
bool ctl_fdinfo_parse(const char *text, struct ctl_arena *arena)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		size_t length = end ? (size_t)(end - text) : strlen(text);
		const char *colon = memchr(text, ':', length);
		const char *value;

		if (colon && colon - text > (ptrdiff_t)strlen(PREFIX) &&
		    !memcmp(text, PREFIX, strlen(PREFIX))) {
			value = colon + 1;
			while (value < text + length &&
			       (*value == '\t' || *value == ' '))
				value++;
			text += strlen(PREFIX);
			length -= strlen(PREFIX);
			parse_line(text, (size_t)(colon - text), value,
				   (size_t)(text + length - value), arena);
		} else if (length > 4 && !memcmp(text, "ino:", 4)) {
			arena->inode = strtoull(text + 4, NULL, 10);
		}
		text += length;
		text += *text == '\n';
	}
	return ctl_known(arena, CTL_LENGTH);
}

/* Other counters of the fallback are in the memory of the process. */
void ctl_memfd_read(const char *path, struct ctl_arena *arena)
{
	struct stat status;

	if (stat(path, &status) || !S_ISREG(status.st_mode))
		return;
	set(arena, CTL_LENGTH, status.st_size);
	set(arena, CTL_COMMITTED, (uint64_t)status.st_blocks * 512);
}
