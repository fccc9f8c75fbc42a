// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Checks that nothing executable of the process can be changed: by a store, or
 * by one to another mapping of the same file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "remote/mapped.h"

struct ca__mapped_entry {
	char rights[5];
	unsigned int major, minor;
	uint64_t inode;
	const char *name;	/* "" if it has none */
};

static bool ca__mapped_parse(char *line, struct ca__mapped_entry *entry)
{
	unsigned long long inode;
	int name = 0;

	if (sscanf(line, "%*x-%*x %4s %*x %x:%x %llu %n", entry->rights,
		   &entry->major, &entry->minor, &inode, &name) != 4 || !name)
		return false;
	line[strcspn(line, "\n")] = '\0';
	entry->inode = inode;
	entry->name = line + name;
	return true;
}

/* Is the same file mapped shared and writable? */
static bool ca__mapped_has_alias(FILE *again, const struct ca__mapped_entry *of)
{
	struct ca__mapped_entry entry;
	bool found = false;
	char *line = NULL;
	size_t room = 0;

	rewind(again);
	while (!found && getline(&line, &room, again) >= 0)
		found = !ca__mapped_parse(line, &entry) ||
			(entry.rights[1] == 'w' && entry.rights[3] == 's' &&
			 entry.inode == of->inode && entry.major == of->major &&
			 entry.minor == of->minor);
	free(line);
	return found;
}

static bool ca__mapped_is_good(FILE *again, const struct ca__mapped_entry *entry)
{
	struct stat stat_buf;

	if (entry->rights[2] != 'x')
		return true;
	if (entry->rights[1] == 'w')
		return false;
	/* Code of the kernel: [vdso], [vsyscall], [uprobes]. */
	if (!entry->inode)
		return !strncmp(entry->name, "[v", 2) ||
		       !strcmp(entry->name, "[uprobes]");
	/* Guard views are writable, and have no pages. */
	if (entry->rights[3] == 's')
		return !stat(entry->name, &stat_buf) &&
		       S_ISCHR(stat_buf.st_mode);
	return !ca__mapped_has_alias(again, entry);
}

int ca__mapped_check(void)
{
	FILE *maps = fopen("/proc/self/maps", "re"), *again;
	struct ca__mapped_entry entry;
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	if (!maps)
		return -errno;
	again = fopen("/proc/self/maps", "re");
	if (!again)
		ret = -errno;
	while (!ret && getline(&line, &room, maps) >= 0)
		if (!ca__mapped_parse(line, &entry) ||
		    !ca__mapped_is_good(again, &entry))
			ret = -EACCES;
	free(line);
	if (again)
		fclose(again);
	fclose(maps);
	return ret;
}
