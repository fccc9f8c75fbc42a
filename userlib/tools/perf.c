// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl perf: profile a program with names of published functions. Runs
 * perf three times: to record, to add the code that the program dumped, to report.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"

/* Where the files are, and their names. */
struct ctl_profile {
	char *directory;
	char *recorded;
	char *injected;
};

static char *join(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static const char *perf_program(void)
{
	const char *perf = getenv("PERF");

	return perf && *perf ? perf : "perf";
}

/* Returns the status of waitpid(), or -1. */
static int run(const char *const *arguments)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		signal(SIGINT, SIG_DFL);
		execvp(arguments[0], (char *const *)arguments);
		ctl_error("cannot run %s: %s%s", arguments[0], strerror(errno),
			  errno == ENOENT ? "; is linux-perf installed?" : "");
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		ctl_error("cannot run %s: %s", arguments[0], strerror(errno));
		return -1;
	}
	return status;
}

/* The status of perf is that of the program. */
static bool record(const struct ctl_profile *profile, char *const *program)
{
	const char *const first[] = {
		perf_program(), "record", "-k", "mono", "-o",
		profile->recorded, "--",
	};
	const size_t firsts = sizeof(first) / sizeof(first[0]);
	const char **arguments;
	size_t count = 0;

	while (program[count])
		count++;
	arguments = calloc(firsts + count + 1, sizeof(*arguments));
	if (!arguments)
		return false;
	memcpy(arguments, first, sizeof(first));
	memcpy(arguments + firsts, program, count * sizeof(*program));
	run(arguments);
	free(arguments);
	if (!access(profile->recorded, R_OK))
		return true;
	ctl_error("perf recorded nothing");
	return false;
}

static void look_for_dumps(const struct ctl_profile *profile,
			   const char *program)
{
	char *pattern = join(profile->directory, "jit-*.dump");
	glob_t found = { 0 };

	if (pattern && glob(pattern, 0, NULL, &found) == GLOB_NOMATCH)
		ctl_error("%s dumped no code: does it have a logger with CODEARENA_LOGGER_F_ENVIRONMENT?",
			  program);
	globfree(&found);
	free(pattern);
}

static bool inject(const struct ctl_profile *profile)
{
	const char *const arguments[] = {
		perf_program(), "inject", "--jit", "-i", profile->recorded,
		"-o", profile->injected, NULL,
	};

	if (!run(arguments))
		return true;
	ctl_error("perf could not add the code to %s", profile->recorded);
	return false;
}

static int report(const struct ctl_profile *profile)
{
	const char *const arguments[] = {
		perf_program(), "report", "-i", profile->injected,
		isatty(STDOUT_FILENO) ? NULL : "--stdio", NULL,
	};

	fprintf(stderr, "Again: perf report -i %s\n", profile->injected);
	return run(arguments) ? CTL_FAILED : CTL_OK;
}

/* The program may change its directory. */
static bool prepare(struct ctl_profile *profile)
{
	char *here = getcwd(NULL, 0);

	profile->directory = here ? join(here, "codearena-perf-XXXXXX") : NULL;
	free(here);
	if (!profile->directory || !mkdtemp(profile->directory)) {
		ctl_error("cannot make a directory here: %s", strerror(errno));
		return false;
	}
	profile->recorded = join(profile->directory, "recorded");
	profile->injected = join(profile->directory, "injected");
	return profile->recorded && profile->injected &&
	       !setenv("CODEARENA_LOG", "jitdump", 1) &&
	       !setenv("CODEARENA_LOG_DIR", profile->directory, 1);
}

int ctl_command_perf(char *const *program)
{
	struct ctl_profile profile = { 0 };
	int code = CTL_FAILED;

	/* Interrupts end the program, and then the report is due. */
	signal(SIGINT, SIG_IGN);
	if (prepare(&profile) && record(&profile, program)) {
		look_for_dumps(&profile, program[0]);
		if (inject(&profile))
			code = report(&profile);
	}
	free(profile.directory);
	free(profile.recorded);
	free(profile.injected);
	return code;
}
