// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Programs that flip memory between writable and executable: run by codearena-run
 * in mode strict, where the kernel enforces W^X if it can.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tap.h"

static void flip(void *page, uint32_t value)
{
	CHECK(!mprotect((void *)((uintptr_t)page & ~(PAGE - 1)), PAGE, RW));
	emit(page, value);
	CHECK(!mprotect((void *)((uintptr_t)page & ~(PAGE - 1)), PAGE, RX));
}

static void test_flip(void)
{
	char *at = anonymous(16 * PAGE, RW);

	for (uint32_t i = 0; i < 40; i++) {
		char *where = at + (i % 16) * PAGE + i * 32;

		CHECK(!mprotect(at, 16 * PAGE, RW));
		emit(where, 1000 + i);
		CHECK(!mprotect(at, 16 * PAGE, RX));
		CHECK(call(where) == 1000 + i);
		CHECK(call(at) == 1000);
	}
	CHECK(!munmap(at, 16 * PAGE));
}

static void test_both(void)
{
	char *at = anonymous(PAGE, RW);

	CHECK(mmap(NULL, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK(errno == EACCES);
	CHECK(mprotect(at, PAGE, RWX) == -1 && errno == EACCES);
	at[0] = 1; /* it is what it was */
}

static sigjmp_buf jump;
static siginfo_t seen;
static volatile int caught;
static char *stack_seen;
static sigset_t mask_seen;

static void on_fault(int number, siginfo_t *info, void *context)
{
	char here;

	(void)number;
	(void)context;
	seen = *info;
	caught++;
	stack_seen = &here;
	pthread_sigmask(SIG_SETMASK, NULL, &mask_seen);
	siglongjmp(jump, 1);
}

static void expect_fault(int flags)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags };

	sigaddset(&action.sa_mask, SIGUSR1);
	CHECK(!sigaction(SIGSEGV, &action, NULL));
}

static void store(volatile char *at)
{
	caught = 0;
	if (!sigsetjmp(jump, 1))
		*at = 1;
}

/* What is executable cannot be written, and the program's handler is called. */
static void test_readonly(void)
{
	char *at = anonymous(2 * PAGE, RW);

	emit(at, 5);
	CHECK(!mprotect(at, 2 * PAGE, RX));
	expect_fault(0);
	for (int i = 0; i < 3; i++) {
		store(at + PAGE + 7);
		CHECK(caught == 1 && seen.si_addr == at + PAGE + 7);
		CHECK(seen.si_signo == SIGSEGV && seen.si_code == SEGV_ACCERR);
		CHECK(sigismember(&mask_seen, SIGUSR1) == 1);
	}
	CHECK(call(at) == 5);
	CHECK(!mprotect(at, 2 * PAGE, RW));
	store(at + PAGE + 7);
	CHECK(!caught && at[PAGE + 7] == 1);
}

static void test_handlers(void)
{
	static char area[1 << 16];
	stack_t stack = { .ss_sp = area, .ss_size = sizeof(area) };
	struct sigaction old;
	char *code = anonymous(PAGE, RW);

	emit(code, 3);
	CHECK(!mprotect(code, PAGE, RX));
	CHECK(!sigaltstack(&stack, NULL));
	expect_fault(SA_ONSTACK);
	store(NULL);
	CHECK(caught && stack_seen >= area && stack_seen < area + sizeof(area));
	expect_fault(0);
	store((char *)16);
	CHECK(caught && !(stack_seen >= area && stack_seen < area + sizeof(area)));
	CHECK(seen.si_code == SEGV_MAPERR && seen.si_addr == (char *)16);
	CHECK(!sigaction(SIGSEGV, NULL, &old) && old.sa_sigaction == on_fault);
	CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
	CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
	raise(SIGSEGV); /* sent, not a fault: ignored */
	CHECK(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

/* Without a handler faults, and signals that are sent, end the process. */
static void test_default(void)
{
	char *code = anonymous(PAGE, RW);
	int status;
	pid_t pid;

	emit(code, 3);
	CHECK(!mprotect(code, PAGE, RX));
	for (int i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			if (i)
				raise(SIGSEGV);
			*(volatile char *)code = 1;
			_exit(0);
		}
		status = wait_for(pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
}

/* A program that blocks SIGSEGV sees it blocked, and runs on. */
static void test_blocked(void)
{
	char *at = anonymous(PAGE, RW);
	sigset_t all, now;

	flip(at, 8);
	sigfillset(&all);
	CHECK(!pthread_sigmask(SIG_BLOCK, &all, NULL));
	for (uint32_t i = 0; i < 8; i++) {
		flip(at + 64 * i, i);
		CHECK(call(at + 64 * i) == i);
	}
	CHECK(!sigprocmask(SIG_UNBLOCK, &all, &now));
	CHECK(sigismember(&now, SIGSEGV) == 1 && sigismember(&now, SIGUSR2) == 1);
	CHECK(!sigprocmask(SIG_BLOCK, NULL, &now) && !sigismember(&now, SIGSEGV));
}

static pid_t fork_by_clone(void)
{
#if defined(__x86_64__)
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#else
	return fork();
#endif
}

static void check_child(pid_t (*forking)(void))
{
	char *at = anonymous(PAGE, RW);
	int gate[2], status;
	char byte = 0;
	pid_t pid;

	flip(at, 1);
	CHECK(!pipe(gate));
	pid = forking();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK(read(gate[0], &byte, 1) == 1);
		CHECK(call(at) == 1); /* the parent has changed its own since */
		flip(at, 3);
		CHECK(call(at) == 3);
		_exit(0);
	}
	flip(at, 2);
	CHECK(write(gate[1], &byte, 1) == 1);
	status = wait_for(pid);
	CHECK(!status && call(at) == 2);
	CHECK(!munmap(at, PAGE));
}

static void test_fork(void)
{
	check_child(fork);
	check_child(_Fork);
	check_child(fork_by_clone);
}

static int cloned(void *at)
{
	return call(at) == 4 ? 17 : 18;
}

static void test_clone(void)
{
	char *at = anonymous(PAGE, RW), *stack = anonymous(64 * PAGE, RW);
	int status;
	pid_t pid;

	flip(at, 4);
	pid = clone(cloned, stack + 64 * PAGE, SIGCHLD, at);
	CHECK(pid > 0);
	status = wait_for(pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 17);
}

static void generation(int depth, char *at)
{
	pid_t pid;

	flip(at + 64, (uint32_t)depth);
	if (depth < 4) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			CHECK(call(at + 64) == (uint32_t)depth);
			generation(depth + 1, at);
			_exit(0);
		}
		CHECK(!wait_for(pid));
	}
	CHECK(call(at + 64) == (uint32_t)depth && call(at) == 77);
}

static void test_generations(void)
{
	char *at = anonymous(8 * PAGE, RW);

	flip(at, 77);
	generation(0, at);
}

/* Workers that share memory see the code of each other. */
static void test_shared(void)
{
	size_t size = 256 * PAGE;
	char *at = mmap(NULL, size, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	CHECK(at != MAP_FAILED);
	emit(at, 10);
	CHECK(!mprotect(at, size, RX));
	for (uint32_t i = 1; i <= 4; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			char *where = at + (i % 2) * 200 * PAGE + i * 64;

			CHECK(call(at) == 10);
			CHECK(!mprotect(at, size, RW));
			emit(where, 10 + i);
			CHECK(!mprotect(at, size, RX));
			CHECK(call(where) == 10 + i);
			_exit(0);
		}
		CHECK(!wait_for(pid));
		for (uint32_t k = 1; k <= i; k++)
			CHECK(call(at + (k % 2) * 200 * PAGE + k * 64) == 10 + k);
	}
}

/* A daemon: nothing open, nothing of /dev to see, and code for the first time. */
static void test_daemon(void)
{
	char *at = anonymous(PAGE, RW), *far;

	for (int fd = 3; fd < 4096; fd++)
		close(fd);
	closefrom(3);
	CHECK(!close_range(3, ~0U, 0));
	if (!geteuid())
		CHECK(!chroot("/proc/self") || errno == ENOENT);
	flip(at, 21);
	CHECK(call(at) == 21);
	/* In another chunk: another arena. */
	far = mmap((void *)0x7ea000000000, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(far != MAP_FAILED);
	flip(far, 22);
	CHECK(call(far) == 22 && call(at) == 21);
	CHECK(dup2(1, 960) == 960 && dup2(1, 961) == 961);
	flip(at, 23);
	CHECK(call(at) == 23);
}

static void test_moves(void)
{
	char *at = anonymous(4 * PAGE, RW), *to = anonymous(8 * PAGE, RW), *moved;

	flip(at, 31);
	flip(at + PAGE, 32);
	moved = mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	CHECK(moved == to && call(to) == 31 && call(to + PAGE) == 32);
	flip(to, 33);
	CHECK(call(to) == 33);
	/* New memory over code is new memory. */
	CHECK(mmap(to, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == to);
	CHECK(!to[0] && call(to + PAGE) == 32);
	to[0] = 1;
	flip(to, 34);
	CHECK(call(to) == 34);
	CHECK(!mprotect(to, 2 * PAGE, RW) && !madvise(to, 2 * PAGE, MADV_DONTNEED));
	CHECK(!to[0] && !to[PAGE]);
	flip(to, 35);
	CHECK(call(to) == 35);
	CHECK(!mprotect(to, PAGE, PROT_NONE) && !mprotect(to, PAGE, RX) && call(to) == 35);
	CHECK(!mprotect(to, PAGE, PROT_READ) && !memcmp(to, "\xb8", 1));
	CHECK(!munmap(to, 8 * PAGE));
}

/* An area of which little was written: its other pages are zeros throughout. */
static void test_sparse(void)
{
	size_t size = 8192 * PAGE;
	char *at = anonymous(size, RW);

	emit(at + 3000 * PAGE, 41);
	CHECK(!mprotect(at, size, RX));
	CHECK(call(at + 3000 * PAGE) == 41 && !at[100 * PAGE]);
	CHECK(!mprotect(at, size, RW));
	emit(at + 100 * PAGE, 42);
	emit(at + 3000 * PAGE + 64, 43);
	CHECK(!mprotect(at, size, RX));
	CHECK(call(at + 100 * PAGE) == 42 && call(at + 3000 * PAGE) == 41);
	CHECK(call(at + 3000 * PAGE + 64) == 43 && !at[101 * PAGE]);
	expect_fault(0);
	store(at + 200 * PAGE);
	CHECK(caught);
}

/* Memory that crosses from one chunk to the next. */
static void test_border(void)
{
	char *border = (char *)0x7eb000000000;
	char *at = mmap(border - 2 * PAGE, 4 * PAGE, RW,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CHECK(at == border - 2 * PAGE);
	emit(border - 64, 51);
	emit(border, 52);
	CHECK(!mprotect(at, 4 * PAGE, RX) && call(border - 64) == 51 && call(border) == 52);
	CHECK(!mprotect(at, 4 * PAGE, RW));
	emit(border - 64, 53);
	CHECK(!mprotect(at, 4 * PAGE, RX) && call(border - 64) == 53 && call(border) == 52);
}

static void test_syscall(void)
{
	char *at = (char *)syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	emit(at, 61);
	CHECK(!syscall(SYS_mprotect, at, PAGE, RX) && call(at) == 61);
	CHECK(syscall(SYS_mmap, NULL, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1);
	CHECK(errno == EACCES);
	CHECK(!syscall(SYS_munmap, at, PAGE));
	CHECK(syscall(SYS_getpid) == getpid());
	CHECK(dlopen("libc.so.6", RTLD_NOW | RTLD_DEEPBIND));
}

#define THREADS	4
#define ROUNDS	150

static bool done;

static void on_timer(int number)
{
	char *at = anonymous(PAGE, RW); /* a call that is replaced, from a handler */

	(void)number;
	munmap(at, PAGE);
}

/* Each thread flips its own page of an area and runs pages that others do not flip. */
static void *flipper(void *argument)
{
	char *at = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		flip(at + i % 60 * 64, i);
		CHECK(call(at + i % 60 * 64) == i);
	}
	return NULL;
}

static void *forker(void *argument)
{
	char *at = argument;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (!pid) {
			CHECK(call(at) == 99);
			flip(at, 98);
			CHECK(call(at) == 98);
			_exit(0);
		}
		CHECK(!wait_for(pid));
		CHECK(call(at) == 99);
	}
	return NULL;
}

/* Threads, flips, forks and signals at a time. */
static void test_threads(void)
{
	const struct itimerval interval = { { 0, 3000 }, { 0, 3000 } };
	char *area = anonymous((THREADS + 1) * PAGE, RW);
	struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
	pthread_t threads[THREADS], extra;

	flip(area + THREADS * PAGE, 99);
	sigfillset(&action.sa_mask);
	CHECK(!sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &interval, NULL));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, flipper, area + i * PAGE));
	CHECK(!pthread_create(&extra, NULL, forker, area + THREADS * PAGE));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(extra, NULL);
}

static const struct test tests[] = {
	{ "memory is flipped and code runs", test_flip },
	{ "writable and executable memory is refused", test_both },
	{ "executable memory cannot be written", test_readonly },
	{ "handlers get their faults, masks and stacks", test_handlers },
	{ "without a handler a fault ends the process", test_default },
	{ "SIGSEGV may be blocked", test_blocked },
	{ "forked children have code of their own", test_fork },
	{ "children of clone() too", test_clone },
	{ "and their children", test_generations },
	{ "memory that processes share stays shared", test_shared },
	{ "a daemon without descriptors and files gets arenas", test_daemon },
	{ "code is moved, replaced and dropped", test_moves },
	{ "large areas are sparse", test_sparse },
	{ "an area lies in two arenas", test_border },
	{ "system calls by syscall(), and dlopen()", test_syscall },
	{ "threads, flips, forks and signals", test_threads },
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
