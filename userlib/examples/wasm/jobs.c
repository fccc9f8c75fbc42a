// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Runs tools: several commands side by side, as many at a time as this process may
 * use processors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wasm.h"

/* Polls a second, and polls between two messages. */
#define POLLS		20
#define POLLS_SAY	(5 * POLLS)

struct jobs {
	const struct wasm_options *options;
	const char *name;	/* of the module, for messages */
	const struct wasm_command *commands;
	size_t count;
	pid_t *running;		/* by number of the command; 0: not */
	size_t started, alive;
	unsigned int polls;
};

static size_t processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

/* The tool inherits our standard error. */
static pid_t start(const struct wasm_command *command)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		execvp(command->arguments[0],
		       (char *const *)command->arguments);
		fprintf(stderr, "cannot run %s: %s\n", command->arguments[0],
			strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		wasm_die("cannot run %s: %s", command->arguments[0],
			 strerror(errno));
	return pid;
}

/* The others are of no use any more. */
static void stop(struct jobs *j)
{
	for (size_t i = 0; i < j->started; i++) {
		if (!j->running[i])
			continue;
		kill(j->running[i], SIGTERM);
		waitpid(j->running[i], NULL, 0);
	}
}

/* wasm2c of wabt 1.0.32 aborts without a word on SIMD. */
static void explain(struct jobs *j, size_t index, int status)
{
	const char *tool = j->commands[index].arguments[0];

	if (!status)
		return;
	stop(j);
	if (WIFSIGNALED(status))
		wasm_die("%s was killed by signal %d (%s) on %s%s", tool,
			 WTERMSIG(status), strsignal(WTERMSIG(status)),
			 j->name, WTERMSIG(status) != SIGABRT ? "" :
			 ": does the module use SIMD or another extension?");
	wasm_die("%s failed on %s with exit status %d", tool, j->name,
		 WEXITSTATUS(status));
}

static void poll_running(struct jobs *j)
{
	int status;

	for (size_t i = 0; i < j->started; i++) {
		if (!j->running[i] ||
		    waitpid(j->running[i], &status, WNOHANG) <= 0)
			continue;
		j->running[i] = 0;
		j->alive--;
		explain(j, i, status);
	}
}

static void pause_and_say(struct jobs *j)
{
	struct timespec tick = { .tv_nsec = 1000000000 / POLLS };
	size_t done = j->started - j->alive;

	nanosleep(&tick, NULL);
	if (++j->polls % POLLS_SAY || j->options->quiet)
		return;
	if (j->count == 1)
		wasm_say("%s %s, %u s", j->commands[0].doing, j->name,
			 j->polls / POLLS);
	else
		wasm_say("%s %s, %zu of %zu parts done, %u s",
			 j->commands[0].doing, j->name, done, j->count,
			 j->polls / POLLS);
}

void wasm_run_all(const struct wasm_options *options, const char *name,
		  const struct wasm_command *commands, size_t count)
{
	struct jobs j = {
		.options = options, .name = name, .commands = commands,
		.count = count,
		.running = wasm_allocate(count * sizeof(*j.running)),
	};
	size_t most = processors();

	while (j.started < count || j.alive) {
		while (j.started < count && j.alive < most) {
			j.running[j.started] = start(&commands[j.started]);
			j.started++;
			j.alive++;
		}
		poll_running(&j);
		if (j.alive == most || (j.alive && j.started == count))
			pause_and_say(&j);
	}
	free(j.running);
}
