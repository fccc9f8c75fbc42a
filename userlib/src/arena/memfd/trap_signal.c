// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The signal handler of the fallback backend.
 *
 * No lock, no allocation. All signals are blocked while it runs, so that no
 * other handler can jump out of the search. A handler that it calls runs with
 * the mask which that handler asked for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/trap.h"
#include "codearena/trap.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

/* The kernel's signal set, which is less than what the C library has. */
#define CA__KERNEL_SIGSET	8

static const int ca__signals[] = CA__TRAP_SIGNALS;
#define CA__SIGNAL_COUNT (sizeof(ca__signals) / sizeof(ca__signals[0]))

/**
 * struct ca__previous - a handler that was there before
 * @action: what it was; immutable once @ready
 * @ready: @action is valid
 * @spent: it has run, and wanted to run only once
 */
struct ca__previous {
	struct sigaction action;
	bool ready;
	int spent;
};

static struct ca__previous ca__previous[CA__SIGNAL_COUNT];

/* Protected by the lock of the process. */
static enum {
	CA__NOT_YET,
	CA__INSTALLED,
	CA__HOST
} ca__signals_state;

CODEARENA_API int codearena_trap_signal(int number, void *info, void *context)
{
	const siginfo_t *siginfo = info;
	ucontext_t *uc = context;
	struct ca__trap_event event;

	/* A signal that a process sent differs from a fault only in this. */
	if (!siginfo || !uc || siginfo->si_code <= 0)
		return 0;
	event.kind = ca__arch_trap_kind(number, siginfo, uc);
	if (!event.kind)
		return 0;
	event.pc = ca__arch_trap_pc(uc);
	event.address = (uintptr_t)siginfo->si_addr;
	if (!ca__trap_find(&event))
		return 0;
	if (!event.landing)
		return 1;
	if (event.report)
		ca__arch_trap_report(uc, event.pc,
				     event.kind == CODEARENA_TRAP_MEMORY ?
				     event.address :
				     CODEARENA_TRAP_NO_ADDRESS | event.kind);
	ca__arch_trap_redirect(uc, event.landing);
	return 1;
}

/*
 * The default action ends the process, with the original signal, so that its
 * report is true. The signal is blocked until this handler returns. If it
 * cannot be queued, the fault repeats.
 */
static void ca__default_action(int number, siginfo_t *info)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigaction(number, &action, NULL);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number,
		info);
}

static void ca__previous_mask(const struct sigaction *action, int number,
			      const ucontext_t *uc)
{
	sigset_t mask;

	sigemptyset(&mask);
	memcpy(&mask, &uc->uc_sigmask, CA__KERNEL_SIGSET);
	sigorset(&mask, &mask, &action->sa_mask);
	if (!(action->sa_flags & SA_NODEFER))
		sigaddset(&mask, number);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void ca__previous_call(struct ca__previous *previous, int number,
			      siginfo_t *info, ucontext_t *uc)
{
	const struct sigaction *action = &previous->action;
	bool spent = false;

	if (action->sa_flags & SA_RESETHAND)
		spent = __atomic_exchange_n(&previous->spent, 1,
					    __ATOMIC_RELAXED);
	/* The kernel lets signals be ignored, but not faults. */
	if (action->sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	if (spent || action->sa_handler == SIG_IGN ||
	    action->sa_handler == SIG_DFL) {
		ca__default_action(number, info);
		return;
	}
	ca__previous_mask(action, number, uc);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(number, info, uc);
	else
		action->sa_handler(number);
}

static void ca__trap_handler(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	size_t i;

	if (!codearena_trap_signal(number, info, context)) {
		for (i = 0; ca__signals[i] != number; i++)
			;
		if (__atomic_load_n(&ca__previous[i].ready, __ATOMIC_ACQUIRE))
			ca__previous_call(&ca__previous[i], number, info,
					  context);
	}
	errno = saved;
}

/* The handler may be called before its installation has returned. */
static int ca__signal_install(size_t i)
{
	struct ca__previous *previous = &ca__previous[i];
	struct sigaction action = {
		.sa_sigaction = ca__trap_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	}, old;

	sigfillset(&action.sa_mask);
	if (sigaction(ca__signals[i], NULL, &old))
		return -errno;
	/* An earlier attempt came as far as this. */
	if (old.sa_sigaction == ca__trap_handler)
		return 0;
	previous->action = old;
	__atomic_store_n(&previous->ready, true, __ATOMIC_RELEASE);
	return sigaction(ca__signals[i], &action, NULL) ? -errno : 0;
}

/* Static programs may not have it. */
#pragma weak dladdr

/*
 * The handler stays for good, since others may have put theirs in front of it. So
 * must the object that it is in: the library may be linked into a plugin, which
 * the program may unload.
 */
static void ca__trap_handler_pin(void)
{
	Dl_info info;

	if (dladdr && dladdr((void *)ca__trap_handler, &info) &&
	    info.dli_fname)
		ca__dlopen(info.dli_fname,
			   RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/**
 * ca__trap_signals_install - install the handlers, once
 *
 * Return: 0 or a negative errno.
 */
int ca__trap_signals_install(void)
{
	int ret = 0;
	size_t i;

	if (ca__signals_state != CA__NOT_YET)
		return 0;
	ca__trap_handler_pin();
	for (i = 0; i < CA__SIGNAL_COUNT && !ret; i++)
		ret = ca__signal_install(i);
	if (!ret)
		ca__signals_state = CA__INSTALLED;
	return ret;
}

CODEARENA_API int codearena_trap_host_signals(void)
{
	int ret = ca__process_prepare();

	if (ret)
		return ret;
	ca__process_lock();
	if (ca__signals_state == CA__INSTALLED)
		ret = -EBUSY;
	else
		ca__signals_state = CA__HOST;
	ca__process_unlock();
	return ret;
}
