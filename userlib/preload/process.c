// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Forked children, system calls by syscall(), and dlopen().
 *
 * A child gets arenas of its own before it runs on; the parent waits for that
 * with the lock held, so that the child copies the code of the moment of the
 * fork. Children that share the memory of the parent, as those of vfork() and
 * posix_spawn() do, share its arenas too, and nothing has to be done for them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"
#include "raw.h"

/* A parent waits for its child in this many steps of 10 ms; it may have died. */
#define WAIT_STEPS	200

static uint32_t fork_number;
static uint32_t *fork_done; /* shared with children: the last that has its arenas */

static pid_t (*real_fork_only)(void);
static int (*real_clone)(int (*function)(void *), void *stack, int flags, void *argument, ...);
static void *(*real_dlopen)(const char *file, int mode);

static void fork_prepare(void)
{
	long memory;

	pl_lock();
	fork_number++;
	if (fork_done || !pl.counters.arenas)
		return;
	memory = raw_call(SYS_mmap, 0, pl.page, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1);
	if (!raw_failed(memory))
		fork_done = (uint32_t *)memory;
}

static void fork_parent(long pid)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	uint32_t seen;

	for (int i = 0; pid > 0 && fork_done && i < WAIT_STEPS; i++) {
		seen = __atomic_load_n(fork_done, __ATOMIC_ACQUIRE);
		if (seen == fork_number)
			break;
		raw_call(SYS_futex, fork_done, FUTEX_WAIT, seen, &step);
	}
	pl_unlock();
}

static int clone_arenas(void)
{
	int ret = 0;

	for (struct pl_chunk *chunk = pl.chunks; chunk && !ret; chunk = chunk->next) {
		if (chunk->arenas[0].fd < 0)
			continue;
		ret = pl_arena_clone(&chunk->arenas[0]);
		if (!ret)
			ret = pl_remap_views(chunk);
		pl.counters.forks++;
	}
	return ret;
}

/* A child without arenas of its own would run code that its parent changes. */
static void fork_child(void)
{
	int ret = clone_arenas();

	if (fork_done) {
		__atomic_store_n(fork_done, fork_number, __ATOMIC_RELEASE);
		raw_call(SYS_futex, fork_done, FUTEX_WAKE, 1);
		raw_call(SYS_munmap, fork_done, pl.page);
		fork_done = NULL;
	}
	if (ret) {
		pl_say("a forked child cannot have its own copy of the code: it ends", NULL);
		raw_call(SYS_exit_group, 127);
	}
	pl_unlock();
}

static void forked_parent(void)
{
	fork_parent(1); /* the number is not known here; it was forked */
}

void pl_process_init(void)
{
	real_fork_only = dlsym(RTLD_NEXT, "_Fork");
	real_clone = dlsym(RTLD_NEXT, "clone");
	real_dlopen = dlsym(RTLD_NEXT, "dlopen");
	pthread_atfork(fork_prepare, forked_parent, fork_child);
}

static long forked(long pid)
{
	if (pid)
		fork_parent(pid);
	else
		fork_child();
	return pid;
}

/* fork() and what the C library forks itself run the handlers of pthread_atfork(). */
PL_EXPORT pid_t _Fork(void)
{
	pl_init();
	fork_prepare();
	return (pid_t)forked(real_fork_only());
}

struct start {
	int (*function)(void *argument);
	void *argument;
};

static int start_child(void *argument)
{
	const struct start *start = argument;

	fork_child();
	return start->function(start->argument);
}

PL_EXPORT int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	struct start start = { function, argument };
	void *parent, *tls, *child;
	va_list list;
	int pid;

	pl_init();
	va_start(list, argument);
	parent = va_arg(list, void *);
	tls = va_arg(list, void *);
	child = va_arg(list, void *);
	va_end(list);
	if (flags & CLONE_VM)
		return real_clone(function, stack, flags, argument, parent, tls, child);
	/* The child has a copy of this frame, wherever its stack is. */
	fork_prepare();
	pid = real_clone(start_child, stack, flags, &start, parent, tls, child);
	fork_parent(pid);
	return pid;
}

/*
 * Without RTLD_DEEPBIND, which would bind the names of an object to the C library
 * past this one. A tail call: dlopen() looks at the object that it returns to.
 */
PL_EXPORT void *dlopen(const char *file, int mode)
{
	pl_init();
	return real_dlopen(file, mode & ~RTLD_DEEPBIND);
}

/* Whether a system call forks a process with memory of its own. */
static bool forks(long number, const long *argument)
{
#ifdef SYS_fork
	if (number == SYS_fork)
		return true;
#endif
	if (number == SYS_clone)
		return !(argument[0] & CLONE_VM);
	return number == SYS_clone3 && argument[0] &&
	       !(*(const uint64_t *)argument[0] & CLONE_VM);
}

PL_EXPORT long syscall(long number, ...)
{
	long a[6];
	va_list list;

	pl_init();
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	switch (number) {
	case SYS_mmap:
		return (long)mmap((void *)a[0], a[1], a[2], a[3], a[4], a[5]);
	case SYS_munmap:
		return munmap((void *)a[0], a[1]);
	case SYS_mprotect:
		return mprotect((void *)a[0], a[1], a[2]);
	case SYS_mremap:
		return (long)mremap((void *)a[0], a[1], a[2], a[3], a[4]);
	case SYS_madvise:
		return madvise((void *)a[0], a[1], a[2]);
	case SYS_close:
		return close(a[0]);
	case SYS_close_range:
		return close_range(a[0], a[1], a[2]);
	}
	if (!forks(number, a))
		return raw_answer(raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]));
	fork_prepare();
	return raw_answer(forked(raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5])));
}
