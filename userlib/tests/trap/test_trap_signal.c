// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps and signals: on the device they have nothing to do with each other; the
 * memfd backend shares its signals with the program.
 *
 * Handlers are installed once in a process, so that every test that is about
 * their installation is a child of its own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "trap/trap_helpers.h"

#define SIGNAL_TEST(name) \
	cmocka_unit_test_setup(name, backend_setup)

/* What the handlers of the tests saw. */
static volatile sig_atomic_t calls;
static volatile sig_atomic_t last_number;
static void *volatile last_address;
static volatile sig_atomic_t mask_ok;
static sigjmp_buf recovery;

static void record(int number, siginfo_t *info)
{
	calls++;
	last_number = number;
	last_address = info ? info->si_addr : NULL;
}

static void jump_handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	record(number, info);
	siglongjmp(recovery, 1);
}

static void plain_handler(int number)
{
	record(number, NULL);
}

static void info_handler(int number, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)context;
	record(number, info);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	/* What its installation asked for, the signal itself, nothing else. */
	mask_ok = sigismember(&now, number) == 1 &&
		  sigismember(&now, SIGUSR1) == 1 &&
		  sigismember(&now, SIGUSR2) == 0;
}

static void install(int number, void (*handler)(int number, siginfo_t *info,
						void *context), int flags)
{
	struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaction(number, &action, NULL);
}

/* Signals as a program finds them that nobody prepared. */
static void reset_signals(void)
{
	static const int all[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		signal(all[i], SIG_DFL);
	calls = 0;
}

/* No memory, and no guard. */
#define NOWHERE	((void *)64)

static void touch(const void *address)
{
	/* Through a variable: the compiler knows that there is nothing. */
	const volatile uint8_t *volatile byte = address;

	(void)*byte;
}

/*
 * Only the process that made an arena may register traps in it, so that each
 * child makes its own.
 */
static bool with_arena(void *context)
{
	bool (**function)(void *fixture) = context;
	void *state = NULL;

	return !trap_setup_plain(&state) && (*function)(state);
}

static int in_child_with_arena(bool (*function)(void *fixture))
{
	return in_plain_child(with_arena, &function);
}

/*
 * An access ends in a handler of the test, which jumps back. In a function of
 * its own, so that no variable of a loop lives across the jump.
 */
static __attribute__((noinline)) bool faults(const void *address)
{
	if (sigsetjmp(recovery, 1))
		return true;
	touch(address);
	return false;
}

/* The fixture's own trap still works. */
static bool traps(struct trap_fixture *f, uint64_t load)
{
	struct codearena_trap_report report;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	sig_atomic_t before = calls;

	return run_trapping(f, load, address, 0, NULL, &report) ==
	       CODEARENA_TRAPPED && report.address == address &&
	       calls == before;
}

static bool chain_jump(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load;
	int i;

	reset_signals();
	install(SIGSEGV, jump_handler, 0);
	load = place(f, &code_load, PAD_RETURN);
	for (i = 0; i < 10; i++) {
		if (!traps(f, load) || !faults((uint8_t *)NOWHERE + i))
			return false;
		if (calls != i + 1 || last_number != SIGSEGV ||
		    last_address != (uint8_t *)NOWHERE + i)
			return false;
		/* Also where the guard is touched by code that may not. */
		if (!faults(out_of_bounds(f)))
			return false;
		calls--;
	}
	return true;
}

static void earlier_handler_gets_other_faults(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_arena(chain_jump), 0);
}

static bool chain_sent(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load;

	reset_signals();
	install(SIGSEGV, info_handler, 0);
	install(SIGFPE, info_handler, 0);
	signal(SIGILL, plain_handler);
	load = place(f, &code_load, PAD_RETURN);
	kill(getpid(), SIGSEGV);
	if (calls != 1 || last_number != SIGSEGV || !mask_ok)
		return false;
	raise(SIGFPE);
	if (calls != 2 || last_number != SIGFPE || !mask_ok)
		return false;
	raise(SIGILL);
	if (calls != 3 || last_number != SIGILL)
		return false;
	return traps(f, load);
}

static void earlier_handler_gets_sent_signals(void **state)
{
	(void)state;
#if defined(__SANITIZE_THREAD__)
	skip_because("ThreadSanitizer decides when a sent signal is delivered");
#endif
	assert_int_equal(in_child_with_arena(chain_sent), 0);
}

static bool chain_once(void *context)
{
	struct trap_fixture *f = context;

	reset_signals();
	install(SIGSEGV, info_handler, SA_RESETHAND);
	place(f, &code_load, PAD_RETURN);
	kill(getpid(), SIGSEGV);
	if (calls != 1)
		return false;
	kill(getpid(), SIGSEGV);
	return true;
}

static void handler_for_one_signal_runs_once(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	skip_with_sanitizer();
	assert_int_equal(in_child_with_arena(chain_once), SIGSEGV);
}

static bool default_fault(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load;

	reset_signals();
	load = place(f, &code_load, PAD_RETURN);
	if (!traps(f, load))
		return true;
	touch(NOWHERE);
	return true;
}

static void default_action_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_arena(default_fault), SIGSEGV);
}

static bool default_sent(void *context)
{
	reset_signals();
	place(context, &code_load, PAD_RETURN);
	kill(getpid(), SIGSEGV);
	return true;
}

static void default_action_for_sent_signals(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_arena(default_sent), SIGSEGV);
}

static bool ignored_sent(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load;

	reset_signals();
	signal(SIGSEGV, SIG_IGN);
	load = place(f, &code_load, PAD_RETURN);
	kill(getpid(), SIGSEGV);
	return traps(f, load);
}

static bool ignored_fault(void *context)
{
	reset_signals();
	signal(SIGSEGV, SIG_IGN);
	place(context, &code_load, PAD_RETURN);
	touch(NOWHERE);
	return true;
}

static void ignored_signals_are_ignored_but_faults_are_not(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_arena(ignored_sent), 0);
	assert_int_equal(in_child_with_arena(ignored_fault), SIGSEGV);
}

static struct sigaction replaced;

/* As a host does that was there later, and is polite. */
static void polite_handler(int number, siginfo_t *info, void *context)
{
	if (info->si_addr == NOWHERE) {
		record(number, info);
		siglongjmp(recovery, 1);
	}
	replaced.sa_sigaction(number, info, context);
}

static bool later_handler(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load;
	int i;

	reset_signals();
	load = place(f, &code_load, PAD_RETURN);
	sigaction(SIGSEGV, NULL, &replaced);
	install(SIGSEGV, polite_handler, 0);
	for (i = 0; i < 3; i++) {
		if (!traps(f, load) || !faults(NOWHERE))
			return false;
	}
	return calls == 3;
}

static void later_handler_can_pass_on(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(in_child_with_arena(later_handler), 0);
}

static void asking_handler(int number, siginfo_t *info, void *context)
{
	if (codearena_trap_signal(number, info, context))
		return;
	record(number, info);
	siglongjmp(recovery, 1);
}

static bool host_signals(void *context)
{
	struct trap_fixture *f = context;
	struct sigaction now;
	uint64_t load;

	reset_signals();
	if (codearena_trap_host_signals() || codearena_trap_host_signals())
		return false;
	load = place(f, &code_load, PAD_RETURN);
	sigaction(SIGSEGV, NULL, &now);
	if (now.sa_handler != SIG_DFL)
		return false;
	install(SIGSEGV, asking_handler, 0);
	return traps(f, load) && faults(NOWHERE) && calls == 1 &&
	       traps(f, load);
}

static void host_can_keep_its_signals(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(in_child_with_arena(host_signals), 0);
}

static bool host_too_late(void *context)
{
	reset_signals();
	place(context, &code_load, PAD_RETURN);
	return codearena_trap_host_signals() == -EBUSY;
}

static void host_must_speak_in_time(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(in_child_with_arena(host_too_late), 0);
}

/* What the kernel hands to a handler, made by hand. */
static void make_context(ucontext_t *context, uint64_t pc)
{
	memset(context, 0, sizeof(*context));
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RIP] = pc;
	context->uc_mcontext.gregs[REG_TRAPNO] = 14;
	context->uc_mcontext.gregs[REG_ERR] = 4;
	context->uc_mcontext.gregs[REG_EFL] = 0x10202;
#elif defined(__aarch64__)
	context->uc_mcontext.pc = pc;
	context->uc_mcontext.pstate = 0x80000400;
#else
	context->uc_mcontext.__gregs[REG_PC] = pc;
#endif
}

static bool context_is(const ucontext_t *context, uint64_t pc)
{
#if defined(__x86_64__)
	return (uint64_t)context->uc_mcontext.gregs[REG_RIP] == pc &&
	       context->uc_mcontext.gregs[REG_EFL] == 0x202;
#elif defined(__aarch64__)
	return context->uc_mcontext.pc == pc &&
	       context->uc_mcontext.pstate == 0x80000000;
#else
	return context->uc_mcontext.__gregs[REG_PC] == pc;
#endif
}

static bool judged(void *context)
{
	struct trap_fixture *f = context;
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_ACCERR };
	uint64_t load = place(f, &code_load, PAD_RETURN);
	uint64_t pc = pc_of(f, &code_load, load);
	ucontext_t uc, before;

	info.si_addr = out_of_bounds(f);
	make_context(&before, pc);
	uc = before;
	/* Neither what was sent, nor another signal, place or address. */
	info.si_code = SI_USER;
	if (codearena_trap_signal(SIGSEGV, &info, &uc))
		return false;
	info.si_code = SI_TKILL;
	if (codearena_trap_signal(SIGSEGV, &info, &uc))
		return false;
	info.si_code = SEGV_ACCERR;
	if (codearena_trap_signal(SIGUSR1, &info, &uc) ||
	    codearena_trap_signal(SIGSEGV, NULL, &uc) ||
	    codearena_trap_signal(SIGSEGV, &info, NULL))
		return false;
	/* What has been backed meanwhile is repeated, once for each change. */
	info.si_addr = f->memory;
	if (codearena_trap_signal(SIGSEGV, &info, &uc) != 1 ||
	    codearena_trap_signal(SIGSEGV, &info, &uc) != 0 ||
	    codearena_guard_back(f->guard, 2 * f->page, f->page) ||
	    codearena_trap_signal(SIGSEGV, &info, &uc) != 1 ||
	    codearena_trap_signal(SIGSEGV, &info, &uc) != 0)
		return false;
	info.si_addr = out_of_bounds(f);
	if (memcmp(&uc, &before, sizeof(uc)))
		return false;
	make_context(&uc, pc + 4);
	if (codearena_trap_signal(SIGSEGV, &info, &uc))
		return false;
	make_context(&uc, pc);
	return codearena_trap_signal(SIGSEGV, &info, &uc) == 1 &&
	       context_is(&uc, (uintptr_t)address_of(f, PAD_RETURN *
							 f->granule));
}

static void contexts_are_judged(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(in_child_with_arena(judged), 0);
}

static bool blocked(void *context)
{
	struct trap_fixture *f = context;
	uint64_t load, i;
	sigset_t all;

	reset_signals();
	load = place(f, &code_load, PAD_RETURN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (i = 0; i < 10; i++) {
		if (!traps(f, load))
			return false;
	}
	return true;
}

static void blocked_signals_do_not_matter(void **state)
{
	int result = in_child_with_arena(blocked);

	(void)state;
	/* The memfd backend documents that this ends the process. */
	assert_int_equal(result, backend_is(CODEARENA_BACKEND_MEMFD) ?
				 SIGSEGV : 0);
}

static bool no_handlers(void *context)
{
	static const int all[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	struct trap_fixture *f = context;
	struct sigaction now;
	uint64_t load;
	size_t i;

	reset_signals();
	signal(SIGTRAP, SIG_DFL);
	load = place(f, &code_load, PAD_RETURN);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sigaction(all[i], NULL, &now);
		if (now.sa_handler != SIG_DFL)
			return false;
	}
	return traps(f, load);
}

static void device_installs_no_handler(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(in_child_with_arena(no_handlers), 0);
}

/* The mask and errno are as they were, and the trap happens where it should. */
static bool leaves_no_traces(void *context)
{
	struct trap_fixture *f = context;
	sigset_t before, after;
	uint64_t load;

	reset_signals();
	load = place(f, &code_load, PAD_RETURN);
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = 1234;
	if (!traps(f, load) || errno != 1234)
		return false;
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	return sigismember(&after, SIGUSR2) == 1 &&
	       sigismember(&after, SIGUSR1) == 0 &&
	       sigismember(&after, SIGSEGV) == 0;
}

static void traps_leave_mask_and_errno(void **state)
{
	(void)state;
	assert_int_equal(in_child_with_arena(leaves_no_traces), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIGNAL_TEST(earlier_handler_gets_other_faults),
		SIGNAL_TEST(earlier_handler_gets_sent_signals),
		SIGNAL_TEST(handler_for_one_signal_runs_once),
		SIGNAL_TEST(default_action_ends_the_process),
		SIGNAL_TEST(default_action_for_sent_signals),
		SIGNAL_TEST(ignored_signals_are_ignored_but_faults_are_not),
		SIGNAL_TEST(later_handler_can_pass_on),
		SIGNAL_TEST(host_can_keep_its_signals),
		SIGNAL_TEST(host_must_speak_in_time),
		SIGNAL_TEST(contexts_are_judged),
		SIGNAL_TEST(blocked_signals_do_not_matter),
		SIGNAL_TEST(device_installs_no_handler),
		SIGNAL_TEST(traps_leave_mask_and_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
