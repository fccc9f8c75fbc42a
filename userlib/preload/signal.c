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

enum access {
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_EXEC
};

static struct sigaction program; /* the program's action for SIGSEGV */
static __thread bool blocked __attribute__((tls_model("initial-exec")));
static __thread struct {
	uintptr_t pc;
	unsigned int count;
} again __attribute__((tls_model("initial-exec")));

/* The last exchange by a fault. */
static struct {
	uintptr_t page;
	long thread;
	uint64_t when;
} last;

static int (*real_sigaction)(int number, const struct sigaction *new_action,
			     struct sigaction *old_action);
static int (*real_sigprocmask)(int how, const sigset_t *set, sigset_t *old);
static int (*real_pthread_sigmask)(int how, const sigset_t *set, sigset_t *old);

void pl_signal_init(void)
{
	real_sigaction = dlsym(RTLD_NEXT, "sigaction");
	real_sigprocmask = dlsym(RTLD_NEXT, "sigprocmask");
	real_pthread_sigmask = dlsym(RTLD_NEXT, "pthread_sigmask");
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

#if defined(__x86_64__)
static uintptr_t pc_of(const ucontext_t *context)
{
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

/* Bits of the page fault's error code. */
static enum access access_of(const ucontext_t *context)
{
	long code = context->uc_mcontext.gregs[REG_ERR];

	if (code & 0x10)
		return ACCESS_EXEC;
	return code & 0x2 ? ACCESS_WRITE : ACCESS_READ;
}
#elif defined(__aarch64__)
static uintptr_t pc_of(const ucontext_t *context)
{
	return context->uc_mcontext.pc;
}

/* The exception syndrome is one of the records behind the registers. */
static enum access access_of(const ucontext_t *context)
{
	const unsigned char *at = (const unsigned char *)context->uc_mcontext.__reserved;
	const unsigned char *end = at + sizeof(context->uc_mcontext.__reserved);
	struct {
		uint32_t magic, size;
		uint64_t esr;
	} record;

	while (at + sizeof(record) <= end) {
		memcpy(&record, at, sizeof(record));
		if (record.magic == 0x45535201) {
			unsigned int class = record.esr >> 26 & 0x3f;

			if (class == 0x20)
				return ACCESS_EXEC;
			return record.esr & 0x40 ? ACCESS_WRITE : ACCESS_READ;
		}
		if (!record.magic || record.size < 8)
			break;
		at += record.size;
	}
	return ACCESS_READ;
}
#endif

/*
 * Two threads that write and execute one page would take it from each other
 * before either goes on. The later one lets the other have it for a while.
 */
static void contend(uintptr_t page, uint64_t *mask)
{
	const struct timespec wait = { .tv_nsec = HOLD_NS };
	long thread = raw_call(SYS_gettid, 0, 0, 0, 0, 0, 0);

	if (last.page == page && last.thread != thread && now() - last.when < HOLD_NS) {
		pl_unlock(mask);
		raw_call(SYS_nanosleep, (long)&wait, 0, 0, 0, 0, 0);
		pl_lock(mask);
	}
	last.page = page;
	last.thread = thread;
	last.when = now();
}

/* Whether a fault is ours and has been served. */
static bool serve(const siginfo_t *info, const ucontext_t *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	enum access access = access_of(context);
	uint64_t mask;
	int ret = -ENOENT;

	if (info->si_code <= 0 || access == ACCESS_READ || !pl_page_state(address))
		return false;
	again.count = again.pc == pc_of(context) ? again.count + 1 : 0;
	again.pc = pc_of(context);
	if (again.count > REPEATS)
		return false;
	pl_lock(&mask);
	contend(address >> pl.page_shift, &mask);
	if (access == ACCESS_EXEC)
		ret = pl_serve_exec(address);
	else
		ret = pl_serve_write(address, pc_of(context));
	last.when = now();
	if (!ret)
		pl.counters.served++;
	pl_unlock(&mask);
	return !ret;
}

/* Repeat the signal with the default action, which ends the process. */
int pl_raise_default(int number, const siginfo_t *info)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	real_sigaction(number, &action, NULL);
	if (info->si_code > 0)
		return 0; /* the instruction faults again */
	return (int)raw_call(SYS_rt_tgsigqueueinfo, raw_call(SYS_getpid, 0, 0, 0, 0, 0, 0),
			     raw_call(SYS_gettid, 0, 0, 0, 0, 0, 0), number, (long)info, 0,
			     0);
}

static void forward(int number, siginfo_t *info, void *context)
{
	struct sigaction action = program;

	__atomic_add_fetch(&pl.counters.forwarded, 1, __ATOMIC_RELAXED);
	if (action.sa_flags & SA_RESETHAND)
		program.sa_handler = SIG_DFL;
	if (action.sa_flags & SA_SIGINFO)
		action.sa_sigaction(number, info, context);
	else if (action.sa_handler == SIG_DFL ||
		 (action.sa_handler == SIG_IGN && info->si_code > 0))
		pl_raise_default(number, info);
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

/* Install the handler, at the first request for executable memory. */
int pl_engage(void)
{
	const uint64_t segv = 1ULL << (SIGSEGV - 1);
	uint64_t mask;
	int ret = 0;

	if (__atomic_load_n(&pl.engaged, __ATOMIC_ACQUIRE))
		return 0;
	pl_lock(&mask);
	if (!pl.engaged) {
		real_sigaction(SIGSEGV, NULL, &program);
		ret = install();
		__atomic_store_n(&pl.engaged, !ret, __ATOMIC_RELEASE);
	}
	pl_unlock(&mask);
	raw_sigmask(SIG_UNBLOCK, &segv, NULL);
	return ret;
}

static int set_program(const struct sigaction *new_action, struct sigaction *old_action)
{
	struct sigaction old;
	uint64_t mask;
	int ret = 0;

	pl_lock(&mask);
	old = program;
	if (new_action) {
		program = *new_action;
		ret = install();
		if (ret)
			program = old;
	}
	pl_unlock(&mask);
	if (!ret && old_action)
		*old_action = old;
	return ret;
}

PL_EXPORT int sigaction(int number, const struct sigaction *new_action,
			struct sigaction *old_action)
{
	struct sigaction copy;
	int ret;

	pl_init();
	if (number == SIGSEGV && __atomic_load_n(&pl.engaged, __ATOMIC_ACQUIRE)) {
		ret = set_program(new_action, old_action);
		if (ret)
			errno = -ret;
		return ret ? -1 : 0;
	}
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

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, number);
	if (sigaction(number, &action, &old))
		return SIG_ERR;
	return old.sa_handler;
}

/* Change a mask without SIGSEGV in it; the program sees the one that it set. */
static int change_mask(int (*change)(int how, const sigset_t *set, sigset_t *old), int how,
		       const sigset_t *set, sigset_t *old)
{
	bool was = blocked, has = set && sigismember(set, SIGSEGV) == 1;
	sigset_t copy;
	int ret;

	if (has && how != SIG_UNBLOCK) {
		copy = *set;
		sigdelset(&copy, SIGSEGV);
		set = &copy;
	}
	ret = change(how, set, old);
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
	pl_init();
	return change_mask(real_sigprocmask, how, set, old);
}

PL_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	pl_init();
	return change_mask(real_pthread_sigmask, how, set, old);
}
