// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: finding the arenas of all processes by their handles in /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

#define MEMFD_PREFIX	"/memfd:codearena:"
#define MEMFD_SUFFIX	" (deleted)"

/* The number that names a directory entry, or -1. */
static long number_of(const char *name)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)*name))
		return -1;
	errno = 0;
	value = strtol(name, &end, 10);
	return *end || errno || value > INT32_MAX ? -1 : value;
}

static bool same(const struct ctl_arena *a, const struct ctl_arena *b)
{
	if (a->pid != b->pid || a->device != b->device)
		return false;
	return a->device ? a->number[CTL_ID] == b->number[CTL_ID] :
			   a->inode == b->inode;
}

/* Adds an arena, or another handle of one that the process has already. */
static int add(struct ctl_list *list, const struct ctl_arena *arena)
{
	struct ctl_arena *more;

	for (size_t i = list->count; i--;) {
		if (!same(&list->arenas[i], arena))
			continue;
		list->arenas[i].writable |= arena->writable;
		if (arena->fd < list->arenas[i].fd)
			list->arenas[i].fd = arena->fd;
		return 0;
	}
	if (!(list->count & (list->count - 1))) {
		more = realloc(list->arenas, (list->count ? 2 * list->count : 1) *
					     sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->arenas = more;
	}
	list->arenas[list->count++] = *arena;
	return 0;
}

/* Reads a descriptor; false: not a memfd of the library. */
static bool memfd(const struct ctl_options *options, struct ctl_arena *arena)
{
	const size_t prefix = strlen(MEMFD_PREFIX);
	char path[512], target[256], *end;
	ssize_t n;

	ctl_path(path, sizeof(path), options, "/proc/%d/fd/%d", arena->pid,
		 arena->fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < (ssize_t)prefix || memcmp(target, MEMFD_PREFIX, prefix))
		return false;
	target[n] = 0;
	end = target + n - strlen(MEMFD_SUFFIX);
	if (end >= target + prefix && !strcmp(end, MEMFD_SUFFIX))
		*end = 0;
	snprintf(arena->name, sizeof(arena->name), "%.*s",
		 (int)sizeof(arena->name) - 1, target + prefix);
	ctl_memfd_read(path, arena);
	return true;
}

/* Access mode in the fdinfo of a descriptor. */
static bool opened_for_writing(const char *text)
{
	const char *flags = strstr(text, "flags:");

	return flags && (strtoul(flags + strlen("flags:"), NULL, 8) & 3);
}

static int scan_fd(const struct ctl_options *options, const char *comm,
		   pid_t pid, int fd, struct ctl_list *list)
{
	struct ctl_arena arena = { .pid = pid, .fd = fd };
	char path[64], *text;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	text = ctl_read_file(options, path);
	if (!text)
		return 0;	/* closed in the meantime */
	snprintf(arena.comm, sizeof(arena.comm), "%s", comm);
	arena.device = ctl_fdinfo_parse(text, &arena);
	if (!arena.device)
		arena.writable = opened_for_writing(text);
	if (arena.device || memfd(options, &arena))
		ret = add(list, &arena);
	free(text);
	return ret;
}

static int scan_process(const struct ctl_options *options, pid_t pid,
			struct ctl_list *list)
{
	char path[512], comm[CTL_COMM_LEN] = "", *text;
	struct dirent *entry;
	DIR *dir;
	int ret = 0;

	dir = opendir(ctl_path(path, sizeof(path), options, "/proc/%d/fdinfo",
			       pid));
	if (!dir) {
		if (errno != EACCES && errno != EPERM)
			return -errno;
		list->unreadable++;
		return -EACCES;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	text = ctl_read_file(options, path);
	if (text) {
		text[strcspn(text, "\n")] = 0;
		snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(comm) - 1,
			 text);
		free(text);
	}
	while (!ret && (entry = readdir(dir))) {
		long fd = number_of(entry->d_name);

		if (fd >= 0)
			ret = scan_fd(options, comm, pid, (int)fd, list);
	}
	closedir(dir);
	return ret;
}

static int compare(const void *a, const void *b)
{
	const struct ctl_arena *x = a, *y = b;

	return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : x->fd - y->fd;
}

/* All processes, or one if @pid is not 0: 0 or a negative errno. */
int ctl_scan(const struct ctl_options *options, pid_t pid,
	     struct ctl_list *list)
{
	struct dirent *entry;
	char path[512];
	int ret = 0;
	DIR *dir;

	memset(list, 0, sizeof(*list));
	if (pid) {
		ret = scan_process(options, pid, list);
	} else {
		dir = opendir(ctl_path(path, sizeof(path), options, "/proc"));
		if (!dir)
			return -errno;
		while (ret != -ENOMEM && (entry = readdir(dir))) {
			long number = number_of(entry->d_name);

			/* Ignore processes that end or cannot be read. */
			if (number > 0)
				ret = scan_process(options, (pid_t)number,
						   list);
		}
		if (ret != -ENOMEM)
			ret = 0;
		closedir(dir);
	}
	if (list->count)
		qsort(list->arenas, list->count, sizeof(*list->arenas),
		      compare);
	if (ret)
		ctl_list_free(list);
	return ret;
}

void ctl_list_free(struct ctl_list *list)
{
	free(list->arenas);
	list->arenas = NULL;
	list->count = 0;
}
