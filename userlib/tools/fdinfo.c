// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: an arena, as its handle tells of it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena/memfd/memfd.h"
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

/* "KEY:\tVALUE", without the prefix. What is not known is of a later module. */
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

/* Is this the fdinfo of an arena? Takes from it what it can use. */
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

/*
 * The counters of a memfd are in the file, behind the code. It is the file of
 * another process: it is read, not mapped, and nothing in it is relied upon.
 */
void ctl_memfd_read(const char *path, struct ctl_arena *arena)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct ca__memfd_header header;
	const struct ca__counters *c;
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) &&
	    status.st_size >= page &&
	    pread(fd, &header, sizeof(header), status.st_size - page) ==
	    (ssize_t)sizeof(header) &&
	    header.magic == CA__MEMFD_MAGIC &&
	    header.version == CA__MEMFD_VERSION) {
		c = &header.counters[header.turn & 1];
		set(arena, CTL_FLAGS, header.flags);
		set(arena, CTL_LENGTH, header.length);
		set(arena, CTL_COMMIT_LIMIT, header.commit_limit);
		set(arena, CTL_COMMITTED, c->committed);
		set(arena, CTL_SEALED, c->sealed);
		set(arena, CTL_PATCHABLE, c->patchable);
		set(arena, CTL_PUBLISHED, c->published);
		set(arena, CTL_WRITTEN, c->written);
		set(arena, CTL_PATCHED, c->patched);
		set(arena, CTL_DISCARDED, c->discarded);
		set(arena, CTL_SYNCS, c->syncs);
	}
	close(fd);
}
