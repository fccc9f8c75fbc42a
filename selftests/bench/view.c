// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Mapping and forking: a view more where there are many, the first execution of
 * a page, and the fork of a process that has executed much code.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "code.h"
#include "memory.h"

#define PAGE		4096U
#define ARENA_LENGTH	(1U << 20)
#define MAPPINGS	64U
#define FORKS		4U
#define FORK_LENGTH	(96U << 20)
#define EXEC_LENGTH	(8U << 20)
#define SPARSE		32U	/* pages from one function to the next */
#define CODE_VALUE	7

struct view {
	struct memory memory;
	char *views;
};

static struct view *arena_new(size_t length)
{
	struct view *view = bench_alloc(sizeof(*view));

	memory_open_arena(&view->memory, length);
	return view;
}

static struct view *memfd_new(size_t length)
{
	struct view *view = bench_alloc(sizeof(*view));

	memory_open_memfd(&view->memory, length);
	return view;
}

static void view_close(void *state)
{
	struct view *view = state;

	if (view->views)
		memory_unmap_views(view->views, VIEWS);
	memory_close(&view->memory);
	free(view);
}

static void *with_views(struct view *view)
{
	view->views = memory_map_views(&view->memory, VIEWS);
	return view;
}

static void *arena_one_open(void)
{
	return arena_new(ARENA_LENGTH);
}

static void *arena_views_open(void)
{
	return with_views(arena_new(ARENA_LENGTH));
}

static void *memfd_views_open(void)
{
	return with_views(memfd_new(ARENA_LENGTH));
}

static uint64_t map_run(void *state, unsigned int round)
{
	struct view *view = state;
	unsigned int i;
	void *memory;

	(void)round;
	for (i = 0; i < MAPPINGS; i++) {
		memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED,
			      view->memory.fd, PAGE);
		if (memory == MAP_FAILED)
			bench_die("mmap of a view");
		munmap(memory, PAGE);
	}
	return MAPPINGS;
}

static bool map_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == MAPPINGS;
}

/* A function in each of the pages of an arena, @step pages apart. */
static void publish_pages(struct view *view, unsigned int step)
{
	uint64_t word = code_word(CODE_VALUE);
	size_t at;

	for (at = 0; at < view->memory.length; at += (size_t)step * PAGE)
		memory_publish(&view->memory, at, &word, sizeof(word), 0);
}

static uint64_t call_pages(const struct view *view, unsigned int step)
{
	uint64_t sum = 0;
	size_t at;

	for (at = 0; at < view->memory.length; at += (size_t)step * PAGE)
		sum += code_call(view->memory.exec + at);
	return sum;
}

static void *fork_open(void)
{
	struct view *view = arena_new(FORK_LENGTH);

	publish_pages(view, 1);
	return view;
}

static void *fork_mapped_open(void)
{
	struct view *view = fork_open();

	call_pages(view, 1);
	return view;
}

static uint64_t fork_run(void *state, unsigned int round)
{
	uint64_t forks = 0;
	unsigned int i;
	int status;
	pid_t child;

	(void)state;
	(void)round;
	for (i = 0; i < FORKS; i++) {
		child = fork();
		if (child < 0)
			bench_die("fork");
		if (!child)
			_exit(0);
		forks += waitpid(child, &status, 0) == child && !status;
	}
	return forks;
}

static bool fork_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == FORKS;
}

static void *exec_open(void)
{
	struct view *view = arena_new(EXEC_LENGTH);

	publish_pages(view, 1);
	return view;
}

static void *exec_sparse_open(void)
{
	struct view *view = arena_new(EXEC_LENGTH);

	publish_pages(view, SPARSE);
	return view;
}

static void *memfd_exec_open(void)
{
	struct view *view = memfd_new(EXEC_LENGTH);
	uint64_t word = code_word(CODE_VALUE);
	size_t at;

	for (at = 0; at < EXEC_LENGTH; at += PAGE)
		memcpy(view->memory.alias + at, &word, sizeof(word));
	return view;
}

/* Map the code anew: none of its pages is mapped then. */
static void exec_prepare(void *state, unsigned int round)
{
	struct view *view = state;

	(void)round;
	if (mmap(view->memory.exec, view->memory.length, PROT_READ | PROT_EXEC,
		 MAP_SHARED | MAP_FIXED, view->memory.fd, 0) == MAP_FAILED)
		bench_die("mmap of code");
}

static uint64_t exec_run(void *state, unsigned int round)
{
	(void)round;
	return call_pages(state, SPARSE);
}

static bool exec_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == EXEC_LENGTH / PAGE / SPARSE * CODE_VALUE;
}

static uint64_t exec_all_run(void *state, unsigned int round)
{
	(void)round;
	return call_pages(state, 1);
}

static bool exec_all_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == EXEC_LENGTH / PAGE * CODE_VALUE;
}

#define VIEW_WAY(_name, _open, _prepare, _run, _verify)	\
	{						\
		.name = _name,				\
		.open = _open,				\
		.prepare = _prepare,			\
		.run = _run,				\
		.verify = _verify,			\
		.close = view_close,			\
	}

static const struct bench_way map[] = {
	VIEW_WAY("codearena", arena_views_open, NULL, map_run, map_verify),
	VIEW_WAY("one_view", arena_one_open, NULL, map_run, map_verify),
	VIEW_WAY("memfd", memfd_views_open, NULL, map_run, map_verify),
};

static const struct bench_way forks[] = {
	VIEW_WAY("codearena", fork_mapped_open, NULL, fork_run, fork_verify),
	VIEW_WAY("unmapped", fork_open, NULL, fork_run, fork_verify),
};

static const struct bench_way exec[] = {
	VIEW_WAY("codearena", exec_sparse_open, exec_prepare, exec_run,
		 exec_verify),
	VIEW_WAY("memfd", memfd_exec_open, exec_prepare, exec_run,
		 exec_verify),
};

static const struct bench_way exec_all[] = {
	VIEW_WAY("codearena", exec_open, exec_prepare, exec_all_run,
		 exec_all_verify),
	VIEW_WAY("memfd", memfd_exec_open, exec_prepare, exec_all_run,
		 exec_all_verify),
};

#define VIEW_CASE(_name, _per, _per_round, _ways)	\
	{						\
		.name = _name,				\
		.per = _per,				\
		.per_round = _per_round,		\
		.rounds = 15,				\
		BENCH_WAYS(_ways),			\
	}

static const struct bench_case cases[] = {
	VIEW_CASE("view_map_10k", "map and unmap", MAPPINGS, map),
	VIEW_CASE("fork_mapped", "fork", FORKS, forks),
	VIEW_CASE("exec_first", "page without neighbours",
		  EXEC_LENGTH / PAGE / SPARSE, exec),
	VIEW_CASE("exec_first_dense", "page", EXEC_LENGTH / PAGE, exec_all),
};

const struct bench_subject bench_view_subject = { cases, BENCH_COUNT(cases) };
