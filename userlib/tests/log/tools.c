// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Running debuggers and profilers from tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/helpers.h"
#include "log/tools.h"

#define OUTPUT_MAX	(1 << 20)

char *tool_run(const char *command, int *status)
{
	char *output = calloc(1, OUTPUT_MAX);
	size_t used = 0, got;
	FILE *pipe;

	assert_non_null(output);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while ((got = fread(output + used, 1, OUTPUT_MAX - 1 - used, pipe)))
		used += got;
	*status = pclose(pipe);
	return output;
}

bool tool_installed(const char *tool)
{
	char command[128];
	int status;

	snprintf(command, sizeof(command), "command -v %s", tool);
	free(tool_run(command, &status));
	if (status)
		print_message("%s is not installed\n", tool);
	return !status;
}

void tool_self(char path[4096])
{
	ssize_t length = readlink("/proc/self/exe", path, 4095);

	assert_true(length > 0);
	path[length] = 0;
}

void expect_text(const char *output, const char *text)
{
	if (!strstr(output, text))
		fail_msg("\"%s\" is not in:\n%s", text, output);
}

bool perf_recorded(const char *directory, const char *mode)
{
	char program[4096], command[8192 + 256];
	bool possible;
	char *output;
	int status;

	tool_self(program);
	snprintf(command, sizeof(command),
		 "cd %s && perf record -e cpu-clock -o /dev/null true 2>&1",
		 directory);
	output = tool_run(command, &status);
	possible = !status;
	if (!possible)
		print_message("perf cannot record here: %s\n", output);
	free(output);
	if (!possible)
		return false;
	snprintf(command, sizeof(command),
		 "cd %s && perf record -e cpu-clock -k mono -o data "
		 "%s --%s %s 2>&1", directory, program, mode, directory);
	output = tool_run(command, &status);
	if (status)
		fail_msg("perf record: %s", output);
	free(output);
	return true;
}
