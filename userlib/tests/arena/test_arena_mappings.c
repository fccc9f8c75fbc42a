// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What arenas of the fallback take of the memory and the mappings of the process.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/helpers.h"

#define LARGE	(256UL << 20)

/* No more than an unprivileged process may usually lock. */
#define LITTLE	(8UL << 20)

/* More pages than a process may have mappings, unless that was changed. */
#define DENSE	(288UL << 20)

/* Bytes of memory that the process has. */
static uint64_t resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		abort();
	fclose(file);
	return (uint64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Each in a child of its own: 0 is right, 77 means not here. */
static void in_own_process(int (*what)(void))
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(what());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("mlockall() is not permitted here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int lock_all(void)
{
	uint64_t before, page;
	struct codearena_arena *arena;
	struct codearena_staging *staging;

	if (mlockall(MCL_FUTURE))
		return 77;
	before = resident();
	if (codearena_arena_new(LARGE, NULL, &arena))
		return 1;
	page = codearena_arena_page_size(arena);
	if (codearena_staging_new(arena, LARGE / 2, LARGE / 2, &staging))
		return 2;
	if (resident() > before + LARGE / 8)
		return 3;
	if (codearena_arena_commit(arena, page, page) ||
	    publish_return(arena, page, 5, 0) || execute(arena, page) != 5)
		return 4;
	*(volatile char *)codearena_staging_position(staging, NULL) = 1;
	if (codearena_arena_discard(arena, &(struct codearena_range){
				page, page }, 1, NULL) ||
	    codearena_arena_decommit(arena, page, page))
		return 5;
	codearena_staging_free(staging);
	codearena_arena_free(arena);
	return resident() > before + LARGE / 8 ? 6 : 0;
}

static void locked_memory(void **state)
{
	(void)state;
	/* The memory of a sanitizer is locked as well. */
	skip_with_sanitizer();
	in_own_process(lock_all);
}

static int lock_little(void)
{
	const struct rlimit limit = { LITTLE, LITTLE };
	struct codearena_arena *arena;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || mlockall(MCL_FUTURE) ||
	    (!geteuid() && setresuid(65534, 65534, 65534)))
		return 77;
	if (codearena_arena_new(LARGE, NULL, &arena) != -ENOMEM)
		return 1;
	/* One that fits leaves the allowance to others. */
	for (int i = 0; i < 16; i++)
		if (codearena_arena_new(LITTLE / 2, NULL, &arena) ||
		    codearena_arena_commit(arena, 0, 65536))
			return 2;
	return 0;
}

static void little_may_be_locked(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	skip_with_sanitizer();
	in_own_process(lock_little);
}

static void *nothing(void *argument)
{
	return argument;
}

/* What a process does that knows nothing of arenas. */
static void process_goes_on(uint64_t page)
{
	void *areas[100];
	pthread_t thread;

	for (int i = 0; i < 100; i++) {
		areas[i] = mmap(NULL, page, i & 1 ? PROT_READ : PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(areas[i] != MAP_FAILED);
	}
	assert_int_equal(pthread_create(&thread, NULL, nothing, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 100; i++)
		munmap(areas[i], page);
}

static unsigned long most_mappings(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned long most = 65530;

	if (file) {
		assert_int_equal(fscanf(file, "%lu", &most), 1);
		fclose(file);
	}
	return most;
}

/* Every other page, as many as the fallback takes. */
static void scattered_commits(void **state)
{
	struct codearena_arena *arena, *other;
	uint64_t page, offset, runs = 0;
	int ret = 0;

	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(codearena_arena_new(1UL << 30, NULL, &arena), 0);
	assert_int_equal(codearena_arena_new(1UL << 20, NULL, &other), 0);
	page = codearena_arena_page_size(arena);
	for (offset = page; offset < 1UL << 30 && !ret; offset += 2 * page) {
		ret = codearena_arena_commit(arena, offset, page);
		runs += !ret;
	}
	process_goes_on(page);
	if (!ret) {
		print_message("%lu mappings are enough for all pages\n",
			      most_mappings());
		codearena_arena_free(other);
		codearena_arena_free(arena);
		skip();
	}
	assert_int_equal(ret, -ENOMEM);
	assert_in_range(2 * runs, most_mappings() / 2,
			most_mappings() * 3 / 4 + 2);
	/* The limit is that of the process, and there is room beside a range. */
	assert_int_equal(codearena_arena_commit(other, 0, page), -ENOMEM);
	assert_int_equal(codearena_arena_commit(arena, 2 * page, page), 0);
	assert_int_equal(publish_return(arena, 2 * page, 9, 0), 0);
	assert_int_equal(execute(arena, 2 * page), 9);
	codearena_arena_free(arena);
	assert_int_equal(codearena_arena_commit(other, 0, page), 0);
	codearena_arena_free(other);
}

/* The same by giving back every other page of what was committed at once. */
static void scattered_decommits(void **state)
{
	struct codearena_arena *arena;
	uint64_t page, offset;

	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(codearena_arena_new(DENSE, NULL, &arena), 0);
	page = codearena_arena_page_size(arena);
	if (codearena_arena_commit(arena, 0, DENSE)) {
		print_message("no 288 MiB of memory here\n");
		codearena_arena_free(arena);
		skip();
	}
	for (offset = page; offset < DENSE; offset += 2 * page)
		assert_int_equal(codearena_arena_decommit(arena, offset, page),
				 0);
	process_goes_on(page);
	offset = DENSE - page;
	assert_int_equal(codearena_arena_commit(arena, offset, page), 0);
	assert_int_equal(publish_return(arena, offset, 9, 0), 0);
	assert_int_equal(execute(arena, offset), 9);
	codearena_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locked_memory),
		cmocka_unit_test(little_may_be_locked),
		cmocka_unit_test(scattered_commits),
		cmocka_unit_test(scattered_decommits),
	};

	return cmocka_run_group_tests_name("arena_mappings", tests,
					   backend_setup, NULL);
}
