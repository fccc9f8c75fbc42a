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
 * codearena_report_step - report a debugger's step from a trap to its pad
 * @regs: the registers, at the pad
 *
 * The step is complete, but the processor would execute one instruction of the
 * pad before it reports it. The kernel has the same problem with the first
 * instruction of a signal handler, and the same solution. A step that the
 * program makes by itself, by the flag alone, is left to the processor, and so
 * is one of a thread that blocks the signal.
 *
 * Context: interrupts on: sending a signal sleeps on PREEMPT_RT.
 */
void codearena_report_step(const struct pt_regs *regs)
{
	struct kernel_siginfo info;

	if (!test_thread_flag(TIF_SINGLESTEP) ||
	    sigismember(&current->blocked, SIGTRAP))
		return;
	clear_siginfo(&info);
	info.si_signo = SIGTRAP;
	info.si_code = TRAP_TRACE;
	info.si_addr = (void __user *)regs->ip;
	send_sig_info(SIGTRAP, &info, current);
}

/*
 * Breakpoints and single steps belong to the debugger and are ignored, and so
 * is a trap of the kernel itself.
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
	/* Notifiers are called under RCU, with interrupts off. */
	if (!codearena_fixup(args->regs, kind, 0))
		return NOTIFY_DONE;
	if (unlikely(args->regs->flags & X86_EFLAGS_TF)) {
		local_irq_enable();
		codearena_report_step(args->regs);
		local_irq_disable();
	}
	return NOTIFY_STOP;
}

static struct notifier_block codearena_die_block = {
	.notifier_call = codearena_die,
};

/**
 * codearena_arch_init - register the die notifier
 *
 * Return: 0 or a negative errno.
 */
int codearena_arch_init(void)
{
	return register_die_notifier(&codearena_die_block);
}

/**
 * codearena_arch_exit - unregister the die notifier
 *
 * Notifiers run under RCU, and unregistering waits for them.
 */
void codearena_arch_exit(void)
{
	unregister_die_notifier(&codearena_die_block);
}
