// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86: divide errors and undefined instructions.
 */
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <asm/trapnr.h>

#include "codearena_private.h"

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
