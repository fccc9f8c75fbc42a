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

static uint64_t fork_mask; /* what was blocked before the fork; lock held */
static uint32_t fork_number;
static uint32_t *fork_done; /* shared with children: the last that has its arenas */

static pid_t (*real_fork_only)(void);
static int (*real_clone)(int (*function)(void *), void *stack, int flags, void *argument, ...);
static void *(*real_dlopen)(const char *file, int mode);

static bool has_arenas(void)
{
	for (const struct pl_chunk *chunk = pl.chunks; chunk; chunk = chunk->next)
		if (chunk->arenas[0].fd >= 0)
			return true;
	return false;
}

void pl_fork_prepare(void)
{
	long memory;

	pl_lock(&fork_mask);
	fork_number++;
	if (fork_done || !has_arenas())
		return;
	memory = raw_mmap(0, pl.page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			  0);
	if (!raw_failed(memory))
		fork_done = (uint32_t *)memory;
}

void pl_fork_parent(long pid)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	uint32_t seen;

	for (int i = 0; pid > 0 && fork_done && has_arenas() && i < WAIT_STEPS; i++) {
		seen = __atomic_load_n(fork_done, __ATOMIC_ACQUIRE);
		if (seen == fork_number)
			break;
		raw_call(SYS_futex, (long)fork_done, FUTEX_WAIT, seen, (long)&step, 0, 0);
	}
	pl_unlock(&fork_mask);
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
void pl_fork_child(void)
{
	int ret = clone_arenas();

	if (fork_done) {
		__atomic_store_n(fork_done, fork_number, __ATOMIC_RELEASE);
		raw_call(SYS_futex, (long)fork_done, FUTEX_WAKE, 1, 0, 0, 0);
		raw_munmap((uintptr_t)fork_done, pl.page);
		fork_done = NULL;
	}
	if (ret) {
		pl_say("a forked child cannot have its own copy of the code: it ends", NULL);
		raw_call(SYS_exit_group, 127, 0, 0, 0, 0, 0);
	}
	pl_unlock(&fork_mask);
}

static void forked_parent(void)
{
	pl_fork_parent(1); /* the number is not known here; it was forked */
}

void pl_process_init(void)
{
	real_fork_only = dlsym(RTLD_NEXT, "_Fork");
	real_clone = dlsym(RTLD_NEXT, "clone");
	real_dlopen = dlsym(RTLD_NEXT, "dlopen");
	pthread_atfork(pl_fork_prepare, forked_parent, pl_fork_child);
}

static long forked(long pid)
{
	if (pid)
		pl_fork_parent(pid);
	else
		pl_fork_child();
	return pid;
}

/* fork() and what the C library forks itself run the handlers of pthread_atfork(). */
PL_EXPORT pid_t _Fork(void)
{
	pl_init();
	pl_fork_prepare();
	return (pid_t)forked(real_fork_only());
}

struct start {
	int (*function)(void *argument);
	void *argument;
};

static int start_child(void *argument)
{
	const struct start *start = argument;

	pl_fork_child();
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
	pl_fork_prepare();
	pid = real_clone(start_child, stack, flags, &start, parent, tls, child);
	pl_fork_parent(pid);
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

static long dispatch(long number, const long *a)
{
	switch (number) {
	case SYS_mmap:
		return pl_mmap((uintptr_t)a[0], (size_t)a[1], (int)a[2], (int)a[3], (int)a[4],
			       a[5]);
	case SYS_munmap:
		return pl_munmap((uintptr_t)a[0], (size_t)a[1]);
	case SYS_mprotect:
		return pl_mprotect((uintptr_t)a[0], (size_t)a[1], (int)a[2]);
	case SYS_mremap:
		return pl_mremap((uintptr_t)a[0], (size_t)a[1], (size_t)a[2], (int)a[3],
				 (uintptr_t)a[4]);
	case SYS_madvise:
		return pl_madvise((uintptr_t)a[0], (size_t)a[1], (int)a[2]);
	case SYS_close:
		return pl_close((int)a[0]);
	case SYS_close_range:
		return pl_close_range((unsigned int)a[0], (unsigned int)a[1], (int)a[2]);
	}
	if (!forks(number, a))
		return raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	pl_fork_prepare();
	return forked(raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

PL_EXPORT long syscall(long number, ...)
{
	long a[6], ret;
	va_list list;

	pl_init();
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	ret = dispatch(number, a);
	if (!raw_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}
