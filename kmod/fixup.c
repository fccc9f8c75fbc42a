// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * From a trap to its landing pad.
 */
#include <linux/log2.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>

#include "lookup.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * Where does this trap go? The pad of an arena is reached in the same mapping
 * as the instruction; after a partial unmap, that can be in another view of
 * it, or nowhere.
 */
static unsigned long codearena_landing(const struct codearena_view *view,
				       u32 landing)
{
	const struct codearena_view *other;
	unsigned long address;

	if (landing == CODEARENA_TABLE_EXTERNAL)
		return READ_ONCE(view->landing);
	address = view->base + landing;
	if (likely(address >= READ_ONCE(view->start) &&
		   address < READ_ONCE(view->end)))
		return address;
	other = codearena_view_lookup(view->mm, address);
	return other && other->arena == view->arena &&
	       other->base == view->base ? address : 0;
}

static bool codearena_view_fixup(const struct codearena_view *view,
				 struct pt_regs *regs, u32 kind,
				 unsigned long address)
{
	unsigned long pc = instruction_pointer(regs), pad;
	struct codearena_arena *arena = view->arena;
	const struct codearena_table *table;
	u32 offset = pc - view->base, landing;

	table = codearena_table_lookup(arena, offset);
	if (!table ||
	    !codearena_table_find(table, offset - table->start, &landing))
		return false;
	pad = codearena_landing(view, landing);
	if (!pad)
		return false;
	if (table->shape & CODEARENA_TABLE_REPORT)
		codearena_arch_report(regs, pc, kind == CODEARENA_TRAP_MEMORY ?
				      address :
				      CODEARENA_TRAP_NO_ADDRESS | kind);
	codearena_arch_redirect(regs, pad);
	atomic_long_inc(&arena->fixed[ilog2(kind)]);
	trace_trap_fixed(kind, pc, address, pad, arena);
	return true;
}

/**
 * codearena_fixup - lead a trap to its landing pad
 * @regs: registers of the current task in user mode
 * @kind: one of CODEARENA_TRAP_*
 * @address: what was accessed, for CODEARENA_TRAP_MEMORY
 *
 * Context: under rcu_read_lock(), after the current task has left user mode by
 * a fault; interrupts on or off. Takes no lock.
 *
 * Return: whether the trap is done with: the task continues at the pad. If
 * not, nothing has changed.
 */
bool codearena_fixup(struct pt_regs *regs, u32 kind, unsigned long address)
{
	struct mm_struct *mm = current->mm;
	const struct codearena_view *view;
	bool fixed;

	view = codearena_view_lookup(mm, instruction_pointer(regs));
	fixed = view && codearena_arch_flat(regs) &&
		codearena_view_fixup(view, regs, kind, address);
	/* Not every undefined instruction on the machine is of interest. */
	if (!fixed && trace_trap_missed_enabled() &&
	    (kind == CODEARENA_TRAP_MEMORY || codearena_view_known(mm)))
		trace_trap_missed(kind, instruction_pointer(regs), address);
	return fixed;
}

/**
 * codearena_traps_fixed - how many traps went to a landing pad
 * @arena: the arena
 * @kind: one of CODEARENA_TRAP_*
 *
 * Return: their number.
 */
unsigned long codearena_traps_fixed(const struct codearena_arena *arena,
				    u32 kind)
{
	return atomic_long_read(&arena->fixed[ilog2(kind)]);
}
