// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Programs that want memory writable and executable at once: run by codearena-run
 * in mode emulate.
 */
#include <pthread.h>

#include "tap.h"

static void test_both(void)
{
	char *at = anonymous(16 * PAGE, RWX);

	for (uint32_t i = 0; i < 64; i++) {
		char *where = at + i % 16 * PAGE + i * 32;

		emit(where, 100 + i);
		CHECK(call(where) == 100 + i && call(at) == 100);
	}
	CHECK(!munmap(at, 16 * PAGE));
}

static void test_mprotect(void)
{
	char *at = anonymous(2 * PAGE, RW);

	emit(at, 1);
	CHECK(!mprotect(at, 2 * PAGE, RWX) && call(at) == 1);
	emit(at, 2);
	CHECK(call(at) == 2);
	emit(at + PAGE, 3);
	CHECK(call(at + PAGE) == 3 && call(at) == 2);
	CHECK(!mprotect(at, 2 * PAGE, RX) && call(at) == 2);
	CHECK(!mprotect(at, 2 * PAGE, RW));
	emit(at, 4);
	CHECK(!mprotect(at, 2 * PAGE, RWX) && call(at) == 4);
}

#define ROUNDS	300

static void *writer(void *argument)
{
	char *at = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		emit(at + 64 + i % 32 * 64, i);
		CHECK(call(at + 64 + i % 32 * 64) == i);
	}
	return NULL;
}

static void *runner(void *argument)
{
	for (int i = 0; i < ROUNDS; i++)
		CHECK(call(argument) == 7);
	return NULL;
}

/* They take the page from each other, and both come to an end. */
static void test_contention(void)
{
	char *at = anonymous(PAGE, RWX);
	pthread_t threads[3];

	emit(at, 7);
	CHECK(!pthread_create(&threads[0], NULL, writer, at));
	CHECK(!pthread_create(&threads[1], NULL, runner, at));
	CHECK(!pthread_create(&threads[2], NULL, runner, at));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void test_fork(void)
{
	char *at = anonymous(2 * PAGE, RWX);
	pid_t pid;

	emit(at, 1);
	CHECK(call(at) == 1);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK(call(at) == 1);
		emit(at, 2);
		emit(at + PAGE, 3);
		CHECK(call(at) == 2 && call(at + PAGE) == 3);
		_exit(0);
	}
	CHECK(!wait_for(pid) && call(at) == 1);
	emit(at, 4);
	CHECK(call(at) == 4);
}

static char *volatile patched;
static volatile int faults;

/* A handler that changes code and skips the load that faulted. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	faults++;
	emit(patched, 50 + (uint32_t)faults);
	CHECK(call(patched) == 50 + (uint32_t)faults);
	CHECK(!mprotect(info->si_addr, PAGE, RW));
}

static void test_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	char *none = anonymous(4 * PAGE, PROT_NONE);

#if defined(__SANITIZE_THREAD__)
	skip("a program under TSan dies of a fault in its handler of faults");
#endif
	patched = anonymous(PAGE, RWX);
	emit(patched, 50);
	CHECK(call(patched) == 50 && !sigaction(SIGSEGV, &action, NULL));
	for (int i = 0; i < 4; i++)
		((volatile char *)none)[i * PAGE] = 1;
	CHECK(faults == 4 && call(patched) == 54);
}

/* Stores of an instruction to its own page end in the program, not in a loop. */
static void test_own_page(void)
{
#if defined(__x86_64__)
	/* movb $1, 32(%rip); ret */
	static const unsigned char code[] = { 0xc6, 0x05, 32, 0, 0, 0, 1, 0xc3 };
	char *at = anonymous(PAGE, RWX);
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		memcpy(at, code, sizeof(code));
		call(at);
		_exit(0);
	}
	status = wait_for(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
}

static const struct test tests[] = {
	{ "writable and executable memory", test_both },
	{ "memory made so, and flipped", test_mprotect },
	{ "threads that write and run one page", test_contention },
	{ "forked children", test_fork },
	{ "a handler that changes code", test_handler },
	{ "an instruction that writes its own page", test_own_page },
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
