// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Redirecting a trap to its landing pad.
 */
#include <linux/log2.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>

#include "lookup.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* After a partial unmap a pad can be in another view of the mapping, or nowhere. */
static noinline unsigned long
codearena_landing_elsewhere(struct codearena_mm *cmm,
			    const struct codearena_viewer *viewer,
			    unsigned long base, unsigned long address)
{
	struct codearena_place other __uninitialized;

	return codearena_view_lookup(cmm, address, &other) &&
	       other.viewer == viewer && other.base == base ? address : 0;
}

/*
 * The pad of an arena is reached in the same mapping as the instruction, and
 * mostly in the same view. No view is so long that it holds an external one.
 */
static unsigned long codearena_landing(struct codearena_mm *cmm,
				       const struct codearena_place *place,
				       u32 landing)
{
	BUILD_BUG_ON(CODEARENA_MAX_LENGTH >= CODEARENA_TABLE_EXTERNAL);
	if (landing == CODEARENA_TABLE_EXTERNAL)
		return READ_ONCE(place->viewer->landing);
	return codearena_landing_elsewhere(cmm, place->viewer, place->base,
					   place->base + landing);
}

static bool codearena_mm_fixup(struct codearena_mm *cmm, struct pt_regs *regs,
			       u32 kind, unsigned long address)
{
	unsigned long pc = instruction_pointer(regs), pad;
	const struct codearena_table *table;
	struct codearena_arena *arena;
	struct codearena_place place __uninitialized;
	u32 offset, landing;

	if (!codearena_arch_flat(regs) ||
	    !codearena_view_lookup(cmm, pc, &place))
		return false;
	arena = place.viewer->arena;
	offset = pc - place.base;
	table = codearena_table_lookup(arena, offset);
	if (!table ||
	    !codearena_table_find(table, offset - table->start, &landing))
		return false;
	pad = place.base + landing;
	if (unlikely(pad < place.start || pad >= place.end)) {
		pad = codearena_landing(cmm, &place, landing);
		if (!pad)
			return false;
	}
	if (READ_ONCE(table->shape) & CODEARENA_TABLE_REPORT)
		codearena_arch_report(regs, pc, kind == CODEARENA_TRAP_MEMORY ?
				      address :
				      CODEARENA_TRAP_NO_ADDRESS | kind);
	codearena_arch_redirect(regs, pad);
	atomic_long_inc(&arena->fixed[ilog2(kind)]);
	trace_trap_fixed(kind, pc, address, pad, arena);
	return true;
}

/**
 * codearena_fixup - continue at a landing pad after a trap
 * @regs: registers of the current task in user mode
 * @kind: one of CODEARENA_TRAP_*
 * @address: what was accessed, for CODEARENA_TRAP_MEMORY
 *
 * Context: under RCU, after the current task has left user mode by a fault;
 * interrupts on or off. Takes no lock.
 *
 * Return: whether the task continues at the pad. If not, nothing has changed.
 */
bool codearena_fixup(struct pt_regs *regs, u32 kind, unsigned long address)
{
	struct codearena_mm *cmm = codearena_mm_lookup(current->mm);
	bool fixed = cmm && codearena_mm_fixup(cmm, regs, kind, address);

	/* An undefined instruction of any other program is no miss. */
	if (!fixed && trace_trap_missed_enabled() &&
	    (kind == CODEARENA_TRAP_MEMORY || cmm))
		trace_trap_missed(kind, instruction_pointer(regs), address);
	return fixed;
}

/**
 * codearena_traps_fixed - count the traps that went to a landing pad
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
