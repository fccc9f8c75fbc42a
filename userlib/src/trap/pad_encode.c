// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encoders of landing pads. Pure.
 *
 * A pad puts its handler and the data in the registers of the second and the
 * third argument and jumps to the library. It preserves the registers of the
 * report, and no others. On machines with the device it loads nothing from itself,
 * for arenas that cannot be read.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/encode.h"
#include "arena/arena.h"
#include "trap/pad.h"

/* endbr64; movabs handler, %rsi; movabs data, %rdx; movabs target, %rax; jmp *%rax */
static int ca__x86_pad(uint8_t *to, uint64_t target, uint64_t handler,
		       uint64_t data, bool entry)
{
	static const uint8_t branch[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t *at = to;

	if (entry) {
		memcpy(at, branch, sizeof(branch));
		at += sizeof(branch);
	}
	*at++ = 0x48;
	*at++ = 0xbe;
	at = ca__put64(at, handler);
	*at++ = 0x48;
	*at++ = 0xba;
	at = ca__put64(at, data);
	*at++ = 0x48;
	*at++ = 0xb8;
	at = ca__put64(at, target);
	*at++ = 0xff;
	*at++ = 0xe0;
	return at - to;
}

/* movz rd, #value; movk rd, #value >> 16, lsl #16; and so on */
static uint8_t *ca__arm64_mov(uint8_t *to, unsigned int rd, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		to = ca__put32(to, (i ? 0xf2800000 : 0xd2800000) | i << 21 |
				   (uint32_t)(value >> 16 * i & 0xffff) << 5 |
				   rd);
	return to;
}

/* bti jc, or nop; x1 = handler; x2 = data; x15 = target; br x15 */
static int ca__arm64_pad(uint8_t *to, uint64_t target, uint64_t handler,
			 uint64_t data, bool entry)
{
	uint8_t *at = to;

	at = ca__put32(at, entry ? 0xd50324df : 0xd503201f);
	at = ca__arm64_mov(at, 1, handler);
	at = ca__arm64_mov(at, 2, data);
	at = ca__arm64_mov(at, 15, target);
	at = ca__put32(at, 0xd61f0000 | 15 << 5);
	return at - to;
}

/* ld rd, offset(t4) */
static uint8_t *ca__riscv_ld(uint8_t *to, unsigned int rd, unsigned int offset)
{
	return ca__put32(to, 0x00003003 | offset << 20 | 29 << 15 | rd << 7);
}

/*
 * auipc t4, 0; ld a1, handler; ld a2, data; ld t4, target; jr t4; nop; and the
 * three words. Branches need no special target here.
 */
static int ca__riscv_pad(uint8_t *to, uint64_t target, uint64_t handler,
			 uint64_t data)
{
	uint8_t *at = to;

	at = ca__put32(at, 0x00000017 | 29 << 7);
	at = ca__riscv_ld(at, 11, 24);
	at = ca__riscv_ld(at, 12, 32);
	at = ca__riscv_ld(at, 29, 40);
	at = ca__put32(at, 0x00000067 | 29 << 15);
	at = ca__put32(at, 0x00000013);
	at = ca__put64(at, handler);
	at = ca__put64(at, data);
	at = ca__put64(at, target);
	return at - to;
}

CODEARENA_API int codearena_pad_encode(uint32_t machine, uint64_t target,
				       uint64_t handler, uint64_t data,
				       uint32_t flags, uint8_t *to)
{
	bool entry = flags & CODEARENA_PAD_F_BRANCH_TARGET;

	if (!to)
		return -EINVAL;
	if (flags & ~CODEARENA_PAD_F_BRANCH_TARGET)
		return -EOPNOTSUPP;
	target += CA__PAD_ENTRY;
	switch (machine) {
	case EM_X86_64:
		return ca__x86_pad(to, target, handler, data, entry);
	case EM_AARCH64:
		return ca__arm64_pad(to, target, handler, data, entry);
	case EM_RISCV:
		return ca__riscv_pad(to, target, handler, data);
	default:
		return -EOPNOTSUPP;
	}
}
