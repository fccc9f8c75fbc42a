// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Context synchronisation of all processors that execute an arena.
 */
#include <linux/smp.h>

#include "codearena_private.h"

static void codearena_sync_this_cpu(void *unused)
{
	codearena_arch_sync_core();
}

/**
 * codearena_sync_locked - no processor executes what it fetched before
 * @arena: the arena, locked
 *
 * The caller has stored to code. A processor that runs a process with a view
 * of the arena is interrupted and serialises. One that switches to such a
 * process later serialises by the switch, and so needs no interrupt. The calling
 * thread serialises too: its way back to user space may not.
 */
void codearena_sync_locked(struct codearena_arena *arena)
{
	lockdep_assert_held(&arena->lock);
	/* Stores to code before the look; pairs with the switch of mm. */
	smp_mb();
	codearena_view_cpus(arena, arena->sync_mask);
	preempt_disable();
	smp_call_function_many(arena->sync_mask, codearena_sync_this_cpu, NULL,
			       true);
	codearena_arch_sync_core();
	preempt_enable();
	arena->counters.syncs++;
}
