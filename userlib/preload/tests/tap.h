/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of the preload library share: results, and code to run.
 */
#ifndef CODEARENA_PRELOAD_TAP_H
#define CODEARENA_PRELOAD_TAP_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define RW	(PROT_READ | PROT_WRITE)
#define RX	(PROT_READ | PROT_EXEC)
#define RWX	(PROT_READ | PROT_WRITE | PROT_EXEC)

struct test {
	const char *name;
	void (*run)(void);
};

/* Each test is a process: it ends with _exit() at the first surprise. */
#define CHECK(condition)	\
	((condition) ? (void)0 : surprise(__FILE__, __LINE__, #condition))

static void surprise(const char *file, int line, const char *condition)
{
	printf("# %s:%d: %s: false; errno %d\n", file, line, condition, errno);
	fflush(stdout);
	_exit(1);
}

/* The test cannot run, for this reason. */
#define SKIPPED	77

static void __attribute__((unused)) skip(const char *reason)
{
	printf("# %s\n", reason);
	fflush(stdout);
	_exit(SKIPPED);
}

/* A function that returns value. */
static void __attribute__((unused)) emit(void *at, uint32_t value)
{
#if defined(__x86_64__)
	unsigned char code[] = { 0xb8, 0, 0, 0, 0, 0xc3 };

	memcpy(code + 1, &value, sizeof(value));
#elif defined(__aarch64__)
	uint32_t code[] = { 0x52800000 | (value & 0xffff) << 5,
			    0x72a00000 | value >> 16 << 5, 0xd65f03c0 };
#endif
	memcpy(at, code, sizeof(code));
	__builtin___clear_cache(at, (char *)at + sizeof(code));
}

static uint32_t __attribute__((unused)) call(const void *at)
{
	uint32_t (*function)(void);

	memcpy(&function, &at, sizeof(function));
	return function();
}

static void *__attribute__((unused)) anonymous(size_t size, int prot)
{
	void *at = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int run_tests(const struct test *tests, int count)
{
	int failed = 0;

	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			alarm(120);
			tests[i].run();
			fflush(stdout);
			_exit(0);
		}
		status = wait_for(pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
			printf("ok %d - %s # SKIP as said above\n", i + 1, tests[i].name);
			continue;
		}
		if (status)
			printf("# status %#x\n", status);
		printf("%sok %d - %s\n", status ? "not " : "", i + 1, tests[i].name);
		failed += !!status;
	}
	return failed ? 1 : 0;
}

#endif
