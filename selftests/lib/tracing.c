// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The module's trace events: an instance of the trace buffer that nobody else's
 * events get into.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "tracing.h"
#include "utils.h"

/* Recording tasks' names: inherited by instances, and theirs only by that. */
#define RECORD_CMD TRACING "options/record-cmd"

static char record_cmd[8];

bool tracing_begin(void)
{
	if (access(TRACING "instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	/*
	 * Without names of tasks, the events need nothing but themselves: no
	 * code of the scheduler is patched for their sake.
	 */
	if (read_file(RECORD_CMD, record_cmd, sizeof(record_cmd)) ||
	    write_file(RECORD_CMD, "0"))
		return false;
	if (mkdir(TRACING_INSTANCE, 0700) && errno != EEXIST)
		return false;
	return !write_file(TRACING_INSTANCE "tracing_on", "1");
}

bool tracing_enable(const char *event)
{
	char text[64];

	snprintf(text, sizeof(text), "codearena:%s", event);
	return !write_file(TRACING_INSTANCE "set_event", text);
}

void tracing_end(void)
{
	write_file(TRACING_EVENTS "enable", "0");
	rmdir(TRACING_INSTANCE);
	if (*record_cmd)
		write_file(RECORD_CMD, record_cmd);
}

void tracing_all(char *text)
{
	int fd = open(TRACING_INSTANCE "trace", O_RDONLY | O_CLOEXEC);
	ssize_t n, length = 0;

	if (fd < 0)
		abort();
	while ((n = read(fd, text + length,
			 (size_t)(TRACING_SIZE - 1 - length))) > 0)
		length += n;
	close(fd);
	text[length] = 0;
}

unsigned int tracing_lines(char *text, pid_t pid)
{
	char *raw = malloc(TRACING_SIZE), *to = text, *line, *rest, name[32];
	unsigned int count = 0;

	if (!raw)
		abort();
	tracing_all(raw);
	snprintf(name, sizeof(name), "-%d ", pid);
	for (line = strtok_r(raw, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#' || !strstr(line, name))
			continue;
		to += sprintf(to, "%s\n", line);
		count++;
	}
	*to = 0;
	free(raw);
	return count;
}

void tracing_clear(void)
{
	close(open(TRACING_INSTANCE "trace",
		   O_WRONLY | O_TRUNC | O_CLOEXEC));
}
