// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * SIGSEGV. The handler serves faults of exchanged pages and hands all others to
 * the program's handler, with the mask and on the stack that the program asked
 * for: the handler in the kernel has the flags and the mask of the program's.
 *
 * The signal must stay deliverable, since the kernel kills a process that faults
 * while it is blocked: it is taken out of every mask that the program sets.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "preload.h"
#include "raw.h"

/* After an exchange the page stays as it is for this long, if threads contend. */
#define HOLD_NS	50000

/* One instruction faults so often: it lies in a page that it writes, in part. */
#define REPEATS	10000

static struct sigaction program; /* the program's action for SIGSEGV */
static __thread bool blocked __attribute__((tls_model("initial-exec")));

/* The last exchange by a fault. */
static struct {
	uintptr_t page;
	long thread;
	uint64_t when;
} last;

static int (*real_sigaction)(int number, const struct sigaction *new_action,
			     struct sigaction *old_action);
static int (*real_pthread_sigmask)(int how, const sigset_t *set, sigset_t *old);

void pl_signal_init(void)
{
	real_sigaction = dlsym(RTLD_NEXT, "sigaction");
	real_pthread_sigmask = dlsym(RTLD_NEXT, "pthread_sigmask");
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

#if defined(__x86_64__)
#define pc_of(context)	((uintptr_t)(context)->uc_mcontext.gregs[REG_RIP])

/* What the fault lacked. Bits of the page fault's error code. */
static int access_of(const ucontext_t *context)
{
	long code = context->uc_mcontext.gregs[REG_ERR];

	if (code & 0x10)
		return PROT_EXEC;
	return code & 0x2 ? PROT_WRITE : PROT_READ;
}
#elif defined(__aarch64__)
#define pc_of(context)	((context)->uc_mcontext.pc)

/* The same from the exception syndrome, one of the records behind the registers. */
static int access_of(const ucontext_t *context)
{
	const struct _aarch64_ctx *record = (const void *)context->uc_mcontext.__reserved;
	uint64_t syndrome = 0;

	for (; record->magic; record = (const void *)((const char *)record + record->size))
		if (record->magic == ESR_MAGIC)
			syndrome = ((const struct esr_context *)record)->esr;
	if ((syndrome >> 26 & 0x3f) == 0x20)
		return PROT_EXEC;
	return syndrome & 0x40 ? PROT_WRITE : PROT_READ;
}
#endif

/*
 * Two threads that write and execute one page would take it from each other
 * before either goes on. The later one lets the other have it for a while.
 */
static void contend(uintptr_t page)
{
	const struct timespec wait = { .tv_nsec = HOLD_NS };
	long thread = raw_call(SYS_gettid);

	if (last.page == page && last.thread != thread && now() - last.when < HOLD_NS) {
		pl_unlock();
		raw_call(SYS_nanosleep, &wait);
		pl_lock();
	}
	last.page = page;
	last.thread = thread;
}

/* Whether an instruction faults again and again. */
static bool repeats(uintptr_t pc)
{
	static __thread struct {
		uintptr_t pc;
		unsigned int count;
	} again __attribute__((tls_model("initial-exec")));

	again.count = again.pc == pc ? again.count + 1 : 0;
	again.pc = pc;
	return again.count > REPEATS;
}

/* Whether a fault is ours and has been served. */
static bool serve(const siginfo_t *info, const ucontext_t *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	int access = access_of(context);
	int ret = -ENOENT;

	if (info->si_code <= 0 || access == PROT_READ)
		return false;
	pl_lock();
	if (pl_page_state(address) && !repeats(pc_of(context))) {
		contend(address >> pl.page_shift);
		if (access == PROT_EXEC)
			ret = pl_serve_exec(address);
		else
			ret = pl_serve_write(address, pc_of(context));
		last.when = now();
	}
	pl.counters.served += !ret;
	pl_unlock();
	return !ret;
}

/* Repeat the signal with the default action, which ends the process. */
static void raise_default(int number, const siginfo_t *info)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	real_sigaction(number, &action, NULL);
	if (info->si_code > 0)
		return; /* the instruction faults again */
	raw_call(SYS_rt_tgsigqueueinfo, raw_call(SYS_getpid), raw_call(SYS_gettid), number,
		 info);
}

static void forward(int number, siginfo_t *info, void *context)
{
	struct sigaction action;

	pl_lock();
	pl.counters.forwarded++;
	action = program;
	if (action.sa_flags & SA_RESETHAND)
		program.sa_handler = SIG_DFL;
	pl_unlock();
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(number, info, context);
	else if (action.sa_handler == SIG_DFL ||
		 (action.sa_handler == SIG_IGN && info->si_code > 0))
		raise_default(number, info);
	else if (action.sa_handler != SIG_IGN)
		action.sa_handler(number);
}

static void handle(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (!serve(info, context))
		forward(number, info, context);
	errno = saved;
}

/* Never blocked while a handler runs: it may touch exchanged pages itself. */
static int install(void)
{
	struct sigaction action = { .sa_sigaction = handle };

	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	action.sa_mask = program.sa_mask;
	sigdelset(&action.sa_mask, SIGSEGV);
	if (program.sa_handler == SIG_DFL || program.sa_handler == SIG_IGN)
		action.sa_flags |= SA_ONSTACK;
	else
		action.sa_flags |= program.sa_flags & (SA_ONSTACK | SA_RESTART);
	return real_sigaction(SIGSEGV, &action, NULL) ? -errno : 0;
}

/* Install the handler, at the first request for executable memory. Lock held. */
int pl_engage(void)
{
	int ret;

	if (pl.engaged)
		return 0;
	real_sigaction(SIGSEGV, NULL, &program);
	ret = install();
	__atomic_store_n(&pl.engaged, !ret, __ATOMIC_RELEASE);
	pl_lock_mask &= ~(1ULL << (SIGSEGV - 1));
	return ret;
}

static int set_program(const struct sigaction *new_action, struct sigaction *old_action)
{
	struct sigaction old;
	int ret = 0;

	pl_lock();
	old = program;
	if (new_action) {
		program = *new_action;
		ret = install();
		if (ret)
			program = old;
	}
	pl_unlock();
	if (!ret && old_action)
		*old_action = old;
	return ret;
}

PL_EXPORT int sigaction(int number, const struct sigaction *new_action,
			struct sigaction *old_action)
{
	struct sigaction copy;

	pl_init();
	if (number == SIGSEGV && __atomic_load_n(&pl.engaged, __ATOMIC_ACQUIRE))
		return raw_answer(set_program(new_action, old_action));
	if (new_action && number != SIGSEGV && sigismember(&new_action->sa_mask, SIGSEGV) == 1) {
		copy = *new_action;
		sigdelset(&copy.sa_mask, SIGSEGV);
		new_action = &copy;
	}
	return real_sigaction(number, new_action, old_action);
}

PL_EXPORT sighandler_t signal(int number, sighandler_t handler)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	if (sigaction(number, &action, &old))
		return SIG_ERR;
	return old.sa_handler;
}

/* The mask does without SIGSEGV; the program sees the one that it set. */
PL_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	bool was = blocked, has = set && sigismember(set, SIGSEGV) == 1;
	sigset_t copy;
	int ret;

	pl_init();
	if (has && how != SIG_UNBLOCK) {
		copy = *set;
		sigdelset(&copy, SIGSEGV);
		set = &copy;
	}
	ret = real_pthread_sigmask(how, set, old);
	if (ret)
		return ret;
	if (set && (how == SIG_SETMASK || has))
		blocked = has && how != SIG_UNBLOCK;
	if (old && was)
		sigaddset(old, SIGSEGV);
	return 0;
}

PL_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return raw_answer(-pthread_sigmask(how, set, old));
}
