// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86: divide errors and undefined instructions.
 */
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/sched/signal.h>
#include <asm/trapnr.h>

#include "codearena_private.h"

/**
 * codearena_report_step - a debugger stepped from an instruction to its pad
 * @landing: the pad
 *
 * The step is complete, but the processor would execute one instruction of the
 * pad before it says so. The kernel has the same problem with the first
 * instruction of a signal handler, and the same solution. A step that the
 * program does by itself, by the flag alone, stays the processor's, and so
 * does one of a thread that blocks the signal.
 */
void codearena_report_step(unsigned long landing)
{
	struct kernel_siginfo info;

	if (!test_thread_flag(TIF_SINGLESTEP) ||
	    sigismember(&current->blocked, SIGTRAP))
		return;
	clear_siginfo(&info);
	info.si_signo = SIGTRAP;
	info.si_code = TRAP_TRACE;
	info.si_addr = (void __user *)landing;
	send_sig_info(SIGTRAP, &info, current);
}

/*
 * Breakpoints and single steps are the debugger's and never looked at, and
 * neither is a trap of the kernel itself.
 */
static int codearena_die(struct notifier_block *block, unsigned long event,
			 void *data)
{
	struct die_args *args = data;
	u32 kind;

	if (event != DIE_TRAP || !user_mode(args->regs))
		return NOTIFY_DONE;
	switch (args->trapnr) {
	case X86_TRAP_DE:
		kind = CODEARENA_TRAP_DIVIDE;
		break;
	case X86_TRAP_UD:
		kind = CODEARENA_TRAP_UNDEFINED;
		break;
	default:
		return NOTIFY_DONE;
	}
	/* Notifiers are called under RCU. */
	return codearena_fixup(args->regs, kind, 0) ? NOTIFY_STOP : NOTIFY_DONE;
}

static struct notifier_block codearena_die_block = {
	.notifier_call = codearena_die,
};

/**
 * codearena_arch_init - begin to hear of traps
 *
 * Return: 0 or a negative errno.
 */
int codearena_arch_init(void)
{
	return register_die_notifier(&codearena_die_block);
}

/**
 * codearena_arch_exit - no trap is looked at any more
 *
 * Notifiers run under RCU, and unregistering waits for them.
 */
void codearena_arch_exit(void)
{
	unregister_die_notifier(&codearena_die_block);
}
