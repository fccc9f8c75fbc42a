// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Recognition of the usual prologues of functions with a frame pointer. For any
 * other prologue the frame pointer is assumed to be set at the first
 * instruction.
 */
#include <elf.h>
#include <string.h>

#include "log/gdbjit_prologue.h"

static const struct ca__frame_registers ca__registers[] = {
	{ EM_X86_64, 6, 7, 16, 8 },
	{ EM_AARCH64, 29, 31, 30, 0 },
	{ EM_RISCV, 8, 2, 1, 0 },
};

/**
 * ca__frame_registers - registers of a machine
 * @machine: EM_*
 *
 * Return: the registers; NULL: unknown machine.
 */
const struct ca__frame_registers *ca__frame_registers(uint32_t machine)
{
	size_t i;

	for (i = 0; i < sizeof(ca__registers) / sizeof(*ca__registers); i++) {
		if (ca__registers[i].machine == machine)
			return &ca__registers[i];
	}
	return NULL;
}

static struct ca__prologue_step *ca__step(struct ca__prologue *out,
					  size_t offset)
{
	struct ca__prologue_step *step = &out->steps[out->count++];

	memset(step, 0, sizeof(*step));
	step->offset = offset;
	return step;
}

static void ca__step_cfa(struct ca__prologue_step *step, bool by_frame,
			 unsigned int offset)
{
	step->cfa_changes = true;
	step->by_frame = by_frame;
	step->cfa_offset = offset;
}

static bool ca__prologue_x86_64(const uint8_t *code, size_t size,
				struct ca__prologue *out)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	/* mov %rsp,%rbp has two encodings. */
	static const uint8_t moves[][3] = {
		{ 0x48, 0x89, 0xe5 }, { 0x48, 0x8b, 0xec }
	};
	size_t at = 0;

	if (size >= 4 && !memcmp(code, endbr, 4))
		at = 4;
	if (size < at + 4 || code[at] != 0x55)
		return false;
	at++;
	if (memcmp(code + at, moves[0], 3) && memcmp(code + at, moves[1], 3))
		return false;
	ca__step(out, at)->frame_below = 16;
	ca__step_cfa(&out->steps[0], false, 16);
	ca__step_cfa(ca__step(out, at + 3), true, 16);
	return true;
}

static uint32_t ca__word(const uint8_t *code, size_t size, size_t at)
{
	return at + 4 > size ? 0 : code[at] | code[at + 1] << 8 |
	       code[at + 2] << 16 | (uint32_t)code[at + 3] << 24;
}

static bool ca__prologue_aarch64(const uint8_t *code, size_t size,
				 struct ca__prologue *out)
{
	struct ca__prologue_step *step;
	unsigned int frame;
	uint32_t word;
	size_t at = 0;

	if (ca__word(code, size, at) == 0xd503245f)	/* bti c */
		at += 4;
	if (ca__word(code, size, at) == 0xd503233f) {	/* paciasp */
		at += 4;
		ca__step(out, at)->signs = true;
	}
	/* stp x29, x30, [sp, #-frame]! */
	word = ca__word(code, size, at);
	if ((word & 0xffe07fff) != 0xa9a07bfd ||
	    ca__word(code, size, at + 4) != 0x910003fd)	/* mov x29, sp */
		return false;
	frame = (128 - (word >> 15 & 0x7f)) * 8;
	if (frame < 16)
		return false;
	step = ca__step(out, at + 4);
	ca__step_cfa(step, false, frame);
	step->frame_below = frame;
	step->return_below = frame - 8;
	ca__step_cfa(ca__step(out, at + 8), true, frame);
	return true;
}

/* sd @reg, @offset(sp) */
static uint32_t ca__riscv_store(unsigned int reg, unsigned int offset)
{
	return (offset >> 5) << 25 | reg << 20 | 2 << 15 | 3 << 12 |
	       (offset & 31) << 7 | 0x23;
}

static bool ca__prologue_riscv(const uint8_t *code, size_t size,
			       struct ca__prologue *out)
{
	uint32_t word = ca__word(code, size, 0);
	unsigned int frame = 4096 - (word >> 20);

	/* addi sp, sp, -frame; sd ra; sd s0; addi s0, sp, frame */
	if ((word & 0x800fffff) != 0x80010113 || frame < 16 || frame > 2047 ||
	    ca__word(code, size, 4) != ca__riscv_store(1, frame - 8) ||
	    ca__word(code, size, 8) != ca__riscv_store(8, frame - 16) ||
	    ca__word(code, size, 12) != (frame << 20 | 0x00010413))
		return false;
	ca__step_cfa(ca__step(out, 4), false, frame);
	ca__step(out, 8)->return_below = 8;
	ca__step(out, 12)->frame_below = 16;
	ca__step_cfa(ca__step(out, 16), true, 0);
	return true;
}

/* The frame is set up at the first instruction. */
static void ca__prologue_none(uint32_t machine, struct ca__prologue *out)
{
	struct ca__prologue_step *step;

	out->count = 0;
	step = ca__step(out, 0);
	ca__step_cfa(step, true, machine == EM_RISCV ? 0 : 16);
	step->frame_below = 16;
	step->return_below = 8;
}

/**
 * ca__prologue_read - read the changes of the frame in a prologue
 * @machine: one that ca__frame_registers() knows
 * @code: the first instructions
 * @size: bytes of @code
 * @out: receives the changes, at least one
 */
void ca__prologue_read(uint32_t machine, const uint8_t *code, size_t size,
		       struct ca__prologue *out)
{
	bool found;

	out->count = 0;
	if (machine == EM_X86_64)
		found = ca__prologue_x86_64(code, size, out);
	else if (machine == EM_AARCH64)
		found = ca__prologue_aarch64(code, size, out);
	else
		found = ca__prologue_riscv(code, size, out);
	if (!found)
		ca__prologue_none(machine, out);
}
