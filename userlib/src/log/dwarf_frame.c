// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Frame descriptions of DWARF: for debuggers, unwinders and the jitdump.
 */
#include <string.h>

#include "log/gdbjit_prologue.h"
#include "log/log.h"

/* Sections 6.4 and 7.24 of the standard. */
enum {
	DW_CFA_nop = 0x00,
	DW_CFA_advance_loc1 = 0x02,
	DW_CFA_def_cfa = 0x0c,
	DW_CFA_AARCH64_negate_ra_state = 0x2d,
	DW_CFA_offset = 0x80,
};

#define CA__DWARF_CIE		0xffffffffU
#define CA__DATA_ALIGN		(-8)

/* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
#define CA__PCREL_SDATA4	0x1b

/* Pads a unit that began at @begin, and stores its length. */
static void ca__frame_end(struct ca__buffer *to, size_t begin)
{
	while (!to->error && (to->size - begin) % 8)
		ca__buffer_number(to, DW_CFA_nop, 1);
	ca__buffer_set(to, begin, to->size - begin - 4, 4);
}

static void ca__dwarf_cfa(struct ca__buffer *to, unsigned int reg,
			  unsigned int offset)
{
	ca__buffer_number(to, DW_CFA_def_cfa, 1);
	ca__buffer_unsigned(to, reg);
	ca__buffer_unsigned(to, offset);
}

/* The register lies @below bytes below the canonical frame address. */
static void ca__dwarf_saved(struct ca__buffer *to, unsigned int reg,
			    unsigned int below)
{
	ca__buffer_number(to, DW_CFA_offset | reg, 1);
	ca__buffer_unsigned(to, below / 8);
}

/**
 * ca__dwarf_cie - write the common information entry of all functions
 * @to: section
 * @machine: one that ca__frame_registers() knows
 * @section: which section
 *
 * Return: its offset.
 */
size_t ca__dwarf_cie(struct ca__buffer *to, uint32_t machine,
		     enum ca__dwarf_section section)
{
	const struct ca__frame_registers *regs = ca__frame_registers(machine);
	size_t begin = to->size;

	ca__buffer_number(to, 0, 4);
	if (section == CA__DEBUG_FRAME)
		ca__buffer_number(to, CA__DWARF_CIE, 4);
	else
		ca__buffer_number(to, 0, 4);
	ca__buffer_number(to, section == CA__DEBUG_FRAME ? 3 : 1, 1);
	ca__buffer_string(to, section == CA__EH_FRAME_AFTER ? "zR" : "");
	ca__buffer_unsigned(to, 1);
	ca__buffer_signed(to, CA__DATA_ALIGN);
	ca__buffer_unsigned(to, regs->return_address);
	if (section == CA__EH_FRAME_AFTER) {
		ca__buffer_unsigned(to, 1);
		ca__buffer_number(to, CA__PCREL_SDATA4, 1);
	}
	ca__dwarf_cfa(to, regs->stack, regs->entry_offset);
	if (regs->entry_offset)
		ca__dwarf_saved(to, regs->return_address, regs->entry_offset);
	ca__frame_end(to, begin);
	return begin;
}

static void ca__dwarf_step(struct ca__buffer *to,
			   const struct ca__frame_registers *regs,
			   const struct ca__prologue_step *step,
			   unsigned int advance)
{
	if (advance) {
		ca__buffer_number(to, DW_CFA_advance_loc1, 1);
		ca__buffer_number(to, advance, 1);
	}
	if (step->signs)
		ca__buffer_number(to, DW_CFA_AARCH64_negate_ra_state, 1);
	if (step->cfa_changes)
		ca__dwarf_cfa(to, step->by_frame ? regs->frame : regs->stack,
			      step->cfa_offset);
	if (step->frame_below)
		ca__dwarf_saved(to, regs->frame, step->frame_below);
	if (step->return_below)
		ca__dwarf_saved(to, regs->return_address, step->return_below);
}

static void ca__dwarf_prologue(struct ca__buffer *to, uint32_t machine,
			       const struct codearena_log_entry *entry)
{
	const struct ca__frame_registers *regs = ca__frame_registers(machine);
	size_t size = entry->size < CA__PROLOGUE_MAX ? entry->size :
							CA__PROLOGUE_MAX;
	struct ca__prologue prologue;
	unsigned int i, at = 0;

	memset(&prologue, 0, sizeof(prologue));
	ca__prologue_read(machine, ca__log_bytes(entry), size, &prologue);
	for (i = 0; i < prologue.count; i++) {
		ca__dwarf_step(to, regs, &prologue.steps[i],
			       prologue.steps[i].offset - at);
		at = prologue.steps[i].offset;
	}
}

static void ca__dwarf_fixed(struct ca__buffer *to, uint32_t machine,
			    uint32_t size)
{
	const struct ca__frame_registers *regs = ca__frame_registers(machine);

	ca__dwarf_cfa(to, regs->stack, size + regs->entry_offset);
	if (size && !regs->entry_offset)
		ca__dwarf_saved(to, regs->return_address, 8);
}

/* Where the code is, and how long. */
static void ca__dwarf_where(struct ca__buffer *to,
			    enum ca__dwarf_section section,
			    const struct codearena_log_entry *entry)
{
	uint64_t before = ca__align_up(entry->size, 8);

	if (section == CA__EH_FRAME_AFTER) {
		ca__buffer_number(to, -before - to->size, 4);
		ca__buffer_number(to, entry->size, 4);
		ca__buffer_unsigned(to, 0);
	} else {
		ca__buffer_number(to, entry->address, 8);
		ca__buffer_number(to, entry->size, 8);
	}
}

/**
 * ca__dwarf_frame - write the frame description of code
 * @to: section
 * @machine: as in ca__dwarf_cie()
 * @section: which section
 * @cie: what ca__dwarf_cie() returned
 * @entry: code; nothing is written for CODEARENA_FRAME_UNKNOWN
 */
void ca__dwarf_frame(struct ca__buffer *to, uint32_t machine,
		     enum ca__dwarf_section section, size_t cie,
		     const struct codearena_log_entry *entry)
{
	size_t begin = to->size;

	if (entry->frame == CODEARENA_FRAME_UNKNOWN)
		return;
	ca__buffer_number(to, 0, 4);
	if (section == CA__DEBUG_FRAME)
		ca__buffer_number(to, cie, 4);
	else
		ca__buffer_number(to, to->size - cie, 4);
	ca__dwarf_where(to, section, entry);
	if (entry->frame == CODEARENA_FRAME_POINTER)
		ca__dwarf_prologue(to, machine, entry);
	else if (entry->frame == CODEARENA_FRAME_FIXED)
		ca__dwarf_fixed(to, machine, entry->frame_size);
	else if (entry->frame == CODEARENA_FRAME_CFI)
		ca__buffer_put(to, entry->cfi, entry->cfi_size);
	ca__frame_end(to, begin);
}
