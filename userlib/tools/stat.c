// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl stat: memory of arenas, and rates of changes.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

/* The numbers that have rates. */
static const enum ctl_number rates[] = {
	CTL_PUBLISHED, CTL_PATCHED, CTL_TRAPS,
};

#define RATES	(sizeof(rates) / sizeof(*rates))

/**
 * struct sample - state of all arenas at one time
 * @list: the arenas
 * @seconds: the time, by CLOCK_MONOTONIC
 */
struct sample {
	struct ctl_list list;
	double seconds;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static const struct ctl_arena *find(const struct sample *sample,
				    const struct ctl_arena *wanted)
{
	for (size_t i = 0; i < sample->list.count; i++) {
		const struct ctl_arena *a = &sample->list.arenas[i];

		if (a->pid == wanted->pid && a->device == wanted->device &&
		    a->inode == wanted->inode &&
		    a->number[CTL_ID] == wanted->number[CTL_ID])
			return a;
	}
	return NULL;
}

/* Per second since the last sample; 0 without one. */
static double rate_of(const struct sample *last, const struct sample *sample,
		      const struct ctl_arena *arena, enum ctl_number n)
{
	const struct ctl_arena *before = find(last, arena);
	double seconds = sample->seconds - last->seconds;

	if (!before || seconds <= 0 || !ctl_known(arena, n) ||
	    !ctl_known(before, n) || arena->number[n] < before->number[n])
		return 0;
	return (double)(arena->number[n] - before->number[n]) / seconds;
}

static void json_rate(struct ctl_json *json, const struct sample *last,
		      const struct sample *sample,
		      const struct ctl_arena *arena, enum ctl_number n)
{
	if (ctl_known(arena, n))
		ctl_json_real(json, ctl_number_names[n],
			      rate_of(last, sample, arena, n));
	else
		ctl_json_null(json, ctl_number_names[n]);
}

static void print_rate(const struct sample *last, const struct sample *sample,
		       const struct ctl_arena *arena, enum ctl_number n)
{
	if (ctl_known(arena, n))
		printf(" %9.1f", rate_of(last, sample, arena, n));
	else
		printf(" %9s", "-");
}

static void print_json(const struct sample *last, const struct sample *sample)
{
	struct ctl_json json = { .to = stdout };

	ctl_json_open(&json, NULL, '{');
	ctl_json_open(&json, "arenas", '[');
	for (size_t i = 0; i < sample->list.count; i++) {
		const struct ctl_arena *a = &sample->list.arenas[i];

		ctl_json_open(&json, NULL, '{');
		ctl_json_open(&json, "rates", '{');
		for (size_t r = 0; r < RATES; r++)
			json_rate(&json, last, sample, a, rates[r]);
		ctl_json_close(&json, '}');
		ctl_json_arena(&json, "arena", a);
		ctl_json_close(&json, '}');
	}
	ctl_json_close(&json, ']');
	ctl_json_number(&json, "unreadable", sample->list.unreadable);
	ctl_json_close(&json, '}');
	putchar('\n');
}

static void print_table(const struct sample *last, const struct sample *sample)
{
	const struct ctl_list *list = &sample->list;
	uint64_t committed = 0, sealed = 0, limit = 0, all = 0;
	char text[4][CTL_NAME_LEN];
	bool device = false, seals = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct ctl_arena *a = &list->arenas[i];

		committed += a->number[CTL_COMMITTED];
		sealed += a->number[CTL_SEALED];
		seals = seals || ctl_known(a, CTL_SEALED);
		if (!a->device || !ctl_known(a, CTL_ALL_COMMITTED))
			continue;
		device = true;
		limit = a->number[CTL_ALL_COMMIT_LIMIT];
		all = a->number[CTL_ALL_COMMITTED];
	}
	printf("%zu arena%s, %s committed, %s sealed", list->count,
	       ctl_plural(list->count),
	       ctl_size(text[0], sizeof(text[0]), true, committed),
	       ctl_size(text[1], sizeof(text[1]), seals, sealed));
	if (device)
		printf("; the module: %s of %s",
		       ctl_size(text[2], sizeof(text[2]), true, all),
		       ctl_size(text[3], sizeof(text[3]), true, limit));
	printf("\n%7s %-15s %9s %7s %9s %9s %9s  %s\n", "PID", "COMMAND",
	       "COMMITTED", "SEALED", "PUBLISH/s", "PATCH/s", "TRAPS/s",
	       "NAME");
	for (size_t i = 0; i < list->count; i++) {
		const struct ctl_arena *a = &list->arenas[i];

		printf("%7d %-15s %9s %7s", a->pid,
		       ctl_clean(text[0], CTL_COMM_LEN, a->comm),
		       ctl_size(text[1], sizeof(text[1]),
				ctl_known(a, CTL_COMMITTED),
				a->number[CTL_COMMITTED]),
		       ctl_size(text[2], sizeof(text[2]),
				ctl_known(a, CTL_SEALED),
				a->number[CTL_SEALED]));
		for (size_t r = 0; r < RATES; r++)
			print_rate(last, sample, a, rates[r]);
		printf("  %s\n", ctl_clean(text[3], CTL_NAME_LEN, a->name));
	}
}

static void sleep_for(double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	nanosleep(&time, NULL);
}

int ctl_command_stat(const struct ctl_options *options, pid_t pid)
{
	const bool live = options->watch && !options->json &&
			  isatty(STDOUT_FILENO);
	struct sigaction action = { .sa_handler = stop };
	struct sample last = { .seconds = 0 }, sample;
	int ret = 0;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (unsigned long n = 0; !stopped; n++) {
		ret = ctl_scan(options, pid, &sample.list);
		if (ret)
			break;
		sample.seconds = now();
		if (live)
			fputs("\033[H\033[2J", stdout);
		else if (n && !options->json)
			putchar('\n');
		if (options->json)
			print_json(&last, &sample);
		else
			print_table(&last, &sample);
		ctl_list_free(&last.list);
		last = sample;
		/* Also ends when a reader has closed the pipe. */
		if (fflush(stdout))
			break;
		if (!options->watch || (options->count && n + 1 >= options->count))
			break;
		sleep_for(options->interval);
	}
	ctl_list_free(&last.list);
	if (!ret)
		return CTL_OK;
	if (pid)
		ctl_error("cannot read process %d: %s", pid,
			  ret == -ENOENT ? "no such process" : strerror(-ret));
	else
		ctl_error("cannot read %s/proc: %s", options->root,
			  strerror(-ret));
	return CTL_FAILED;
}
