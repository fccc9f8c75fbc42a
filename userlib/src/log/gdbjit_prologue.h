/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Recognition of the usual prologues of functions with a frame pointer.
 */
#ifndef CA__GDBJIT_PROLOGUE_H
#define CA__GDBJIT_PROLOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest prologue, and its instructions that change the frame. */
#define CA__PROLOGUE_MAX	24
#define CA__PROLOGUE_STEPS	5

/**
 * struct ca__frame_registers - DWARF register numbers, and the state at entry
 * @machine: EM_*
 * @frame: frame pointer
 * @stack: stack pointer
 * @return_address: register or column of the return address
 * @entry_offset: bytes from the stack pointer to the canonical frame address
 */
struct ca__frame_registers {
	uint32_t machine;
	uint8_t frame;
	uint8_t stack;
	uint8_t return_address;
	uint8_t entry_offset;
};

/**
 * struct ca__prologue_step - changes of the frame that take effect at an
 *                            instruction
 * @offset: of the instruction
 * @cfa_offset: from the register to the canonical frame address
 * @frame_below: distance below that address at which the previous instruction
 *               stored the frame pointer; 0: it did not
 * @return_below: the same for the return address
 * @by_frame: @cfa_offset is from the frame pointer, not from the stack pointer
 * @cfa_changes: @cfa_offset and @by_frame are valid
 * @signs: the return address is signed from here on
 */
struct ca__prologue_step {
	uint16_t offset;
	uint16_t cfa_offset;
	uint16_t frame_below;
	uint16_t return_below;
	bool by_frame;
	bool cfa_changes;
	bool signs;
};

struct ca__prologue {
	unsigned int count;
	struct ca__prologue_step steps[CA__PROLOGUE_STEPS];
};

/* gdbjit_prologue.c */
const struct ca__frame_registers *ca__frame_registers(uint32_t machine);
void ca__prologue_read(uint32_t machine, const uint8_t *code, size_t size,
		       struct ca__prologue *out);

#endif /* CA__GDBJIT_PROLOGUE_H */
