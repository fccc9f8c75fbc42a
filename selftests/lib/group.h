/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A control group of its own for the children of a test, to give them little
 * memory and to see what they are charged for.
 */
#ifndef CODEARENA_SELFTESTS_GROUP_H
#define CODEARENA_SELFTESTS_GROUP_H

#include <sys/stat.h>

#include "utils.h"

#define CGROUP "/sys/fs/cgroup"
#define GROUP CGROUP "/codearena-selftest"

/* False without a memory controller that may be used. */
static inline bool group_new(void)
{
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	rmdir(GROUP);
	return !mkdir(GROUP, 0755) && !write_file(GROUP "/memory.max", "max");
}

/* The group empties a moment after its last process has ended. */
static inline bool group_free(void)
{
	return WAIT_UNTIL(!rmdir(GROUP) || errno != EBUSY) &&
	       access(GROUP, F_OK);
}

/* For children: 0, or 1 after saying what went wrong. */
static inline int enter_group(const char *limit)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", getpid());
	CHECK(write_file(GROUP "/cgroup.procs", text) == 0);
	CHECK(write_file(GROUP "/memory.max", limit) == 0);
	return 0;
}

static inline uint64_t group_event(const char *event)
{
	char text[512], *line;
	char key[32];

	snprintf(key, sizeof(key), "%s ", event);
	if (read_file(GROUP "/memory.events", text, sizeof(text)))
		return 0;
	line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

static inline uint64_t group_number(const char *path)
{
	char text[32];

	if (read_file(path, text, sizeof(text)))
		return 0;
	return strtoull(text, NULL, 10);
}

static inline uint64_t group_usage(void)
{
	return group_number(GROUP "/memory.current");
}

/*
 * True when the group is charged for no more than this, which may take a
 * moment: processors keep a part of what was given back, and memory that is
 * freed after a grace period is charged until then.
 */
static inline bool group_usage_becomes(uint64_t bytes)
{
	if (WAIT_UNTIL(group_usage() <= bytes))
		return true;
	fprintf(stderr, "# %llu bytes are still charged\n",
		(unsigned long long)group_usage());
	return false;
}

#endif /* CODEARENA_SELFTESTS_GROUP_H */
