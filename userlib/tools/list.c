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
#include <unistd.h>

#include "ctl.h"

static void note_unreadable(const struct ctl_list *list)
{
	if (list->unreadable)
		ctl_error("%zu process%s could not be read and may have arenas too%s",
			  list->unreadable, list->unreadable == 1 ? "" : "es",
			  geteuid() ? "; run as root to see them" : "");
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
	const struct ctl_arena *arena;

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
		arena = ctl_view_arena(list, &views[i]);
		if (arena)
			ctl_json_number(&json, "fd", (uint64_t)arena->fd);
		else
			ctl_json_null(&json, "fd");
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
	/* What follows is about all arenas, and comes once. */
	for (int i = 0; i < CTL_ALL_COMMIT_LIMIT; i++) {
		if (ctl_known(a, i))
			printf("  %-18s %s\n", ctl_number_names[i],
			       ctl_value(text, sizeof(text), a, i));
	}
}

static void show_module(const struct ctl_list *list)
{
	char all[16], limit[16];

	for (size_t i = 0; i < list->count; i++) {
		const struct ctl_arena *a = &list->arenas[i];

		if (!ctl_known(a, CTL_ALL_COMMITTED))
			continue;
		printf("all processes: %s committed, of %s\n",
		       ctl_value(all, sizeof(all), a, CTL_ALL_COMMITTED),
		       ctl_value(limit, sizeof(limit), a,
				 CTL_ALL_COMMIT_LIMIT));
		return;
	}
}

static void show_view(const struct ctl_list *list, const struct ctl_view *view)
{
	const struct ctl_arena *arena = ctl_view_arena(list, view);
	char name[CTL_NAME_LEN];

	printf("%-6s view 0x%" PRIx64 "-0x%" PRIx64, view->kind, view->start,
	       view->end);
	if (strcmp(view->kind, "guard"))
		printf(" offset 0x%" PRIx64, view->offset);
	printf(" (%s)", view->device ? "device" : "memfd");
	if (arena)
		printf(" of fd %d \"%s\"", arena->fd,
		       ctl_clean(name, sizeof(name), arena->name));
	putchar('\n');
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
		show_module(&list);
		for (size_t i = 0; i < count; i++)
			show_view(&list, &views[i]);
		if (!list.count && !count)
			printf("process %d has no arena\n", pid);
	}
	ret = list.count || count ? CTL_OK : CTL_NOTHING;
	ctl_list_free(&list);
	free(views);
	return ret;
}
