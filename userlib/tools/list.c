// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl list and show.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void note_unreadable(const struct ctl_list *list)
{
	if (list->unreadable)
		ctl_error("%zu processes could not be read and may have arenas too; run as root to see them",
			  list->unreadable);
}

static void print_row(const struct ctl_arena *a)
{
	char comm[CTL_COMM_LEN], name[CTL_NAME_LEN], id[24], size[16];
	char committed[16], sealed[16], traps[24];

	printf("%7d %-15s %5s %-7s %7s %9s %7s %8s  %s\n", a->pid,
	       ctl_clean(comm, sizeof(comm), a->comm),
	       ctl_count(id, sizeof(id), ctl_known(a, CTL_ID),
			 a->number[CTL_ID]),
	       a->device ? "device" : "memfd",
	       ctl_size(size, sizeof(size), ctl_known(a, CTL_LENGTH),
			a->number[CTL_LENGTH]),
	       ctl_size(committed, sizeof(committed),
			ctl_known(a, CTL_COMMITTED), a->number[CTL_COMMITTED]),
	       ctl_size(sealed, sizeof(sealed), ctl_known(a, CTL_SEALED),
			a->number[CTL_SEALED]),
	       ctl_count(traps, sizeof(traps), ctl_known(a, CTL_TRAPS),
			 a->number[CTL_TRAPS]),
	       ctl_clean(name, sizeof(name), a->name));
}

int ctl_command_list(const struct ctl_options *options)
{
	struct ctl_json json = { .to = stdout };
	struct ctl_list list;
	int ret = ctl_scan(options, 0, &list);

	if (ret) {
		ctl_error("cannot read %s/proc: %s", options->root,
			  strerror(-ret));
		return CTL_FAILED;
	}
	if (options->json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_open(&json, "arenas", '[');
		for (size_t i = 0; i < list.count; i++)
			ctl_json_arena(&json, NULL, &list.arenas[i]);
		ctl_json_close(&json, ']');
		ctl_json_number(&json, "unreadable", list.unreadable);
		ctl_json_close(&json, '}');
		putchar('\n');
	} else {
		printf("%7s %-15s %5s %-7s %7s %9s %7s %8s  %s\n", "PID",
		       "COMMAND", "ID", "BACKEND", "SIZE", "COMMITTED", "SEALED",
		       "TRAPS", "NAME");
		for (size_t i = 0; i < list.count; i++)
			print_row(&list.arenas[i]);
		note_unreadable(&list);
	}
	ctl_list_free(&list);
	return CTL_OK;
}

static void show_json(pid_t pid, const struct ctl_list *list,
		      const struct ctl_view *views, size_t count)
{
	struct ctl_json json = { .to = stdout };

	ctl_json_open(&json, NULL, '{');
	ctl_json_number(&json, "pid", (uint64_t)pid);
	ctl_json_open(&json, "arenas", '[');
	for (size_t i = 0; i < list->count; i++)
		ctl_json_arena(&json, NULL, &list->arenas[i]);
	ctl_json_close(&json, ']');
	ctl_json_open(&json, "views", '[');
	for (size_t i = 0; i < count; i++) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_string(&json, "kind", views[i].kind);
		ctl_json_string(&json, "backend",
				views[i].device ? "device" : "memfd");
		ctl_json_number(&json, "start", views[i].start);
		ctl_json_number(&json, "end", views[i].end);
		ctl_json_number(&json, "offset", views[i].offset);
		ctl_json_close(&json, '}');
	}
	ctl_json_close(&json, ']');
	ctl_json_close(&json, '}');
	putchar('\n');
}

static void show_arena(const struct ctl_arena *a)
{
	char text[CTL_NAME_LEN];

	printf("arena \"%s\", backend %s, fd %d, %s\n",
	       ctl_clean(text, sizeof(text), a->name),
	       a->device ? "device" : "memfd", a->fd,
	       a->writable ? "read-write" : "read-only");
	for (int i = 0; i < CTL_NUMBERS; i++) {
		if (ctl_known(a, i))
			printf("  %-18s %" PRIu64 "\n", ctl_number_names[i],
			       a->number[i]);
	}
}

int ctl_command_show(const struct ctl_options *options, pid_t pid)
{
	struct ctl_view *views;
	struct ctl_list list;
	size_t count;
	int ret = ctl_scan(options, pid, &list);

	if (!ret) {
		ret = ctl_views(options, pid, &views, &count);
		if (ret)
			ctl_list_free(&list);
	}
	if (ret) {
		ctl_error("cannot read process %d: %s", pid,
			  ret == -ENOENT ? "no such process" : strerror(-ret));
		return CTL_FAILED;
	}
	if (options->json) {
		show_json(pid, &list, views, count);
	} else {
		for (size_t i = 0; i < list.count; i++)
			show_arena(&list.arenas[i]);
		for (size_t i = 0; i < count; i++)
			printf("%-6s view 0x%" PRIx64 "-0x%" PRIx64
			       " offset 0x%" PRIx64 " (%s)\n", views[i].kind,
			       views[i].start, views[i].end, views[i].offset,
			       views[i].device ? "device" : "memfd");
		if (!list.count && !count)
			printf("process %d has no arena\n", pid);
	}
	ret = list.count || count ? CTL_OK : CTL_NOTHING;
	ctl_list_free(&list);
	free(views);
	return ret;
}
