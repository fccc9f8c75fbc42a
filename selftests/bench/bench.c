// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What adding and changing code costs, beside what programs do today, in
 * guest instructions: to be run in a VM whose clock counts them.
 *
 * Usage: bench [CASE]...
 *
 * Prints a table for people, and before it one line per peer that begins with
 * "@row" and a tab: the rows of build/bench.tsv.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "meter.h"

#define MAX_ROUNDS	64
#define MAX_RESULTS	256

struct result {
	const struct bench_case *job;
	const struct bench_way *way;
	double median;
	double minimum;
	double syscalls;	/* per operation; negative if unknown */
	double faults;		/* per operation */
	long vmas;
};

static const struct bench_subject *const subjects[] = {
	&bench_base_subject,
	&bench_publish_subject,
	&bench_replace_subject,
	&bench_write_subject,
	&bench_patch_subject,
	&bench_life_subject,
	&bench_trap_subject,
	&bench_threads_subject,
	&bench_clone_subject,
	&bench_view_subject,
	&bench_module_subject,
};

static struct result results[MAX_RESULTS];
static unsigned int result_count;
static bool failed;

void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void *bench_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		bench_die("calloc");
	return memory;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Returns what the round cost, in instructions per operation. */
static double one_round(const struct bench_case *job,
			const struct bench_way *way, void *state,
			unsigned int round)
{
	uint64_t begin, end, sum;

	if (way->prepare)
		way->prepare(state, round);
	begin = meter_ticks();
	sum = way->run(state, round);
	end = meter_ticks();
	if (!way->verify(state, round, sum)) {
		fprintf(stderr, "bench: %s: %s did not do its work\n",
			job->name, way->name);
		failed = true;
	}
	return (double)(end - begin) * meter_insns_per_tick() / job->per_round;
}

static void count_round(const struct bench_case *job,
			const struct bench_way *way, void *state,
			unsigned int round, struct result *result)
{
	struct meter_counts counts;
	uint64_t sum;

	if (way->prepare)
		way->prepare(state, round);
	meter_counts_begin();
	sum = way->run(state, round);
	meter_counts_end(&counts);
	if (!way->verify(state, round, sum))
		failed = true;
	result->syscalls = counts.syscalls < 0 ?
		-1.0 : (double)counts.syscalls / job->per_round;
	result->faults = (double)counts.faults / job->per_round;
}

/* Returns false if the machine does not have the way. */
static bool measure(const struct bench_case *job, const struct bench_way *way,
		    struct result *result)
{
	double costs[MAX_ROUNDS];
	unsigned int round = 0;
	unsigned int i;
	long vmas;
	void *state;

	memset(result, 0, sizeof(*result));
	result->job = job;
	result->way = way;
	vmas = meter_vmas();
	state = way->open ? way->open() : way->open_among(way->among);
	if (!state) {
		printf("bench: %s: skipped %s: not on this machine\n", job->name,
		       way->name);
		return false;
	}
	for (i = 0; i < job->rounds; i++)
		one_round(job, way, state, ++round);
	for (i = 0; i < job->rounds; i++)
		costs[i] = one_round(job, way, state, ++round);
	qsort(costs, job->rounds, sizeof(costs[0]), compare_doubles);
	result->median = costs[job->rounds / 2];
	result->minimum = costs[0];

	count_round(job, way, state, ++round, result);
	if (way->prepare)
		way->prepare(state, ++round);
	meter_peak_begin();
	way->run(state, round);
	result->vmas = meter_peak_end() - vmas;
	way->close(state);
	return true;
}

/* What a process that measures ends with; bench_die() ends it with 1. */
enum {
	MEASURED = 0,
	NOT_HERE = 2,
	DID_NOT_WORK = 3,
};

/*
 * Each way in a process of its own, so that a row costs the same alone and after
 * others, whose memory and mappings would make faults dearer.
 */
static bool measure_alone(const struct bench_case *job,
			  const struct bench_way *way, struct result *result)
{
	int status, ends[2];
	ssize_t size;
	pid_t pid;

	fflush(stdout);
	if (pipe(ends))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		if (!measure(job, way, result))
			exit(NOT_HERE);
		if (write(ends[1], result, sizeof(*result)) != sizeof(*result))
			bench_die("write");
		exit(failed ? DID_NOT_WORK : MEASURED);
	}
	close(ends[1]);
	size = read(ends[0], result, sizeof(*result));
	close(ends[0]);
	if (waitpid(pid, &status, 0) != pid)
		bench_die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 1 ||
	    (size != sizeof(*result) && WEXITSTATUS(status) != NOT_HERE)) {
		fprintf(stderr, "bench: %s: %s ended early\n", job->name,
			way->name);
		exit(1);
	}
	failed |= WEXITSTATUS(status) == DID_NOT_WORK;
	return WEXITSTATUS(status) != NOT_HERE;
}

static void print_row(const struct result *ours, const struct result *peer)
{
	printf("@row\t%s\tinsn\t%.0f\t%s\t%.0f\t%.3f\n", ours->job->name,
	       ours->median, peer->way->name, peer->median,
	       peer->median / ours->median);
}

static void run_case(const struct bench_case *job)
{
	const struct result *ours = &results[result_count];
	unsigned int i;

	if (job->rounds > MAX_ROUNDS || job->way_count > BENCH_MAX_WAYS ||
	    result_count + job->way_count > MAX_RESULTS) {
		errno = ENOSPC;
		bench_die(job->name);
	}
	for (i = 0; i < job->way_count; i++) {
		struct result *result = &results[result_count];

		if (!measure_alone(job, &job->ways[i], result))
			continue;
		result_count++;
		if (i)
			print_row(ours, result);
	}
	fflush(stdout);
}

static void print_table(void)
{
	const struct bench_case *last = NULL;
	const struct result *ours = NULL;
	unsigned int i;

	printf("\n%-18s %-10s %10s %10s %9s %9s %9s %6s\n", "case", "way",
	       "insns", "minimum", "to ours", "syscalls", "faults", "vmas");
	for (i = 0; i < result_count; i++) {
		const struct result *result = &results[i];

		if (result->job != last) {
			last = result->job;
			ours = result;
			printf("%s, per %s\n", last->name, last->per);
		}
		printf("%-18s %-10s %10.0f %10.0f %8.2fx ", "",
		       result->way->name, result->median, result->minimum,
		       result->median / ours->median);
		if (result->syscalls < 0)
			printf("%9s ", "-");
		else
			printf("%9.4f ", result->syscalls);
		printf("%9.4f %6ld\n", result->faults, result->vmas);
	}
	printf("\ninsns: median of the rounds, guest instructions of user and kernel\n"
	       "syscalls, faults: per operation, counted in a round of their own\n"
	       "vmas: mappings the way adds to the process, at its highest\n");
}

static bool wanted(const struct bench_case *job, int count, char **names)
{
	int i;

	if (!count)
		return true;
	for (i = 0; i < count; i++)
		if (!strcmp(job->name, names[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int i, k;

	if (!meter_is_icount()) {
		fprintf(stderr, "bench: the clock does not count instructions here\n");
		return 1;
	}
	for (i = 0; i < BENCH_COUNT(subjects); i++)
		for (k = 0; k < subjects[i]->count; k++)
			if (wanted(&subjects[i]->cases[k], argc - 1, argv + 1))
				run_case(&subjects[i]->cases[k]);
	if (!result_count) {
		fprintf(stderr, "bench: no such case\n");
		return 1;
	}
	print_table();
	return failed;
}
