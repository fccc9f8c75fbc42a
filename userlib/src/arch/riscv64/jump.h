/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * riscv64: slots of jump tables. Pure.
 *
 * A far jump takes two instructions here, which cannot be exchanged at once. So
 * every slot loads its target from an aligned word in it, and only that word
 * is ever stored to: the load sees the old target or the new one, and as no
 * instruction changes, there is nothing to flush.
 */
#ifndef CA__ARCH_JUMP_RISCV64_H
#define CA__ARCH_JUMP_RISCV64_H

#include "base/encode.h"
#include "arch/jump.h"

#define CA__RISCV_NOP		0x00000013
#define CA__RISCV_T0		5U
#define CA__RISCV_T6		31U
#define CA__RISCV_TRAPS		0x9002900290029002ULL

/* auipc t6, upper; ld t6, lower(t6); jr t6 */
static uint8_t *ca__riscv_jump(uint8_t *at, uint32_t distance)
{
	/* The lower 12 bits count as signed, and the upper 20 make up for it. */
	uint32_t upper = (distance + 0x800) & 0xfffff000;

	at = ca__put32(at, 0x00000017 | CA__RISCV_T6 << 7 | upper);
	at = ca__put32(at, 0x00003003 | CA__RISCV_T6 << 7 |
		       CA__RISCV_T6 << 15 | (distance & 0xfff) << 20);
	return ca__put32(at, 0x00000067 | CA__RISCV_T6 << 15);
}

/* The jump; nop; target */
static void ca__riscv_far(uint64_t target, uint8_t *at)
{
	at = ca__riscv_jump(at, 16);
	at = ca__put32(at, CA__RISCV_NOP);
	ca__put64(at, target);
}

/* Discarded granules, which hold trap instructions, are no slots. */
static bool ca__riscv_near(bool entry, uint64_t slot, uint64_t target,
			   uint8_t *at)
{
	(void)entry;
	(void)slot;
	if (target == CA__RISCV_TRAPS)
		return false;
	ca__riscv_far(target, at);
	return true;
}

static uint64_t ca__riscv_near_target(bool entry, uint64_t slot,
				      const uint8_t *at)
{
	(void)entry;
	(void)slot;
	return ca__get64(at + 16);
}

/* lui t0, upper; addiw t0, t0, lower; the jump; nops; target */
static bool ca__riscv_lazy(uint64_t slot, uint32_t index, uint64_t target,
			   uint8_t *at)
{
	uint32_t upper = (index + 0x800) & 0xfffff000;
	unsigned int i;

	(void)slot;
	at = ca__put32(at, 0x00000037 | CA__RISCV_T0 << 7 | upper);
	at = ca__put32(at, 0x0000001b | CA__RISCV_T0 << 7 |
		       CA__RISCV_T0 << 15 | (index & 0xfff) << 20);
	at = ca__riscv_jump(at, 24);
	for (i = 0; i < 3; i++)
		at = ca__put32(at, CA__RISCV_NOP);
	ca__put64(at, target);
	return true;
}

const struct ca__jump_machine ca__jump_riscv64 = {
	.near = ca__riscv_near,
	.near_target = ca__riscv_near_target,
	.far = ca__riscv_far,
	.lazy = ca__riscv_lazy,
	.near_width = 8,
	.far_word = 16,
	.lazy_align = 8,
	.insn_align = 2,
	.no_limit = true,
};

#endif /* CA__ARCH_JUMP_RISCV64_H */
