// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: the mappings of arenas in a process.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/codearena.h>

#include "ctl.h"

/* Parses a line of /proc/PID/maps; false: not a mapping of an arena. */
bool ctl_view_parse(const char *line, struct ctl_view *view)
{
	static const char device[] = "/codearena";
	const char *path, *end = line + strcspn(line, "\n");
	char access[5];
	int used = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64
		   " %n", &view->start, &view->end, access, &view->offset,
		   &view->inode, &used) != 5 ||
	    !used || view->start >= view->end)
		return false;
	path = line + used;
	if (path > end || *path != '/')
		return false;
	view->device = end - path >= (ptrdiff_t)strlen(device) &&
		       !memcmp(end - strlen(device), device, strlen(device)) &&
		       access[3] == 's';
	if (view->device)
		view->kind = view->offset >= CODEARENA_GUARD_OFFSET ? "guard" :
								      "code";
	else if (!strncmp(path, "/memfd:codearena:", 17))
		view->kind = access[2] == 'x' ? "code" :
			     access[1] == 'w' ? "alias" : "header";
	else
		return false;
	return true;
}

/*
 * The arena of a view; NULL: not known. A code view of the device ends where its arena
 * ends, so the length of an arena identifies it, unless two have the same.
 */
const struct ctl_arena *ctl_view_arena(const struct ctl_list *list,
				       const struct ctl_view *view)
{
	const struct ctl_arena *found = NULL;
	uint64_t end = view->offset + (view->end - view->start);

	if (view->device && strcmp(view->kind, "code"))
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct ctl_arena *a = &list->arenas[i];

		if (a->device != view->device ||
		    (view->device ? a->number[CTL_LENGTH] != end :
				    a->inode != view->inode))
			continue;
		if (found && view->device)
			return NULL;
		if (!found)
			found = a;
	}
	return found;
}

int ctl_views(const struct ctl_options *options, pid_t pid,
	      struct ctl_view **views, size_t *count)
{
	char path[64], *text, *line, *rest;
	struct ctl_view view, *more;

	*views = NULL;
	*count = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	text = ctl_read_file(options, path);
	if (!text)
		return -errno;
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!ctl_view_parse(line, &view))
			continue;
		more = realloc(*views, (*count + 1) * sizeof(view));
		if (!more) {
			free(*views);
			free(text);
			*views = NULL;
			*count = 0;
			return -ENOMEM;
		}
		*views = more;
		more[(*count)++] = view;
	}
	free(text);
	return 0;
}
