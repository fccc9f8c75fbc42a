// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encoders of explicit traps: loads of a byte from a trap page. Pure.
 *
 * What they load goes to a register of the report, which the code must not use
 * across a protected instruction anyway.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "codearena/trap.h"
#include "base/encode.h"
#include "arena/arena.h"

/* movzbl code(%base), %r11d */
static int ca__x86_load(uint8_t *to, unsigned int base, unsigned int code)
{
	uint8_t *at = to;

	if (base > 15)
		return -EINVAL;
	*at++ = base < 8 ? 0x44 : 0x45;
	*at++ = 0x0f;
	*at++ = 0xb6;
	*at++ = 0x98 | (base & 7);
	/* The place of %rsp and %r12 is taken by an index, which is none. */
	if ((base & 7) == 4)
		*at++ = 0x24;
	at = ca__put32(at, code);
	return at - to;
}

/* ldrb w17, [xN, #code] */
static int ca__arm64_load(uint8_t *to, unsigned int base, unsigned int code)
{
	/* 31 is the stack pointer here, which must be aligned. */
	if (base > 30)
		return -EINVAL;
	ca__put32(to, 0x39400000 | code << 10 | base << 5 | 17);
	return 4;
}

/* lbu t5, code(xN) */
static int ca__riscv_load(uint8_t *to, unsigned int base, unsigned int code)
{
	if (!base || base > 31 || code >= 2048)
		return -EINVAL;
	ca__put32(to, 0x00004003 | code << 20 | base << 15 | 30 << 7);
	return 4;
}

CODEARENA_API int codearena_trap_encode_load(uint32_t machine,
					     unsigned int base,
					     unsigned int code, uint8_t *to)
{
	if (!to || code >= CODEARENA_TRAP_CODES)
		return -EINVAL;
	switch (machine) {
	case EM_X86_64:
		return ca__x86_load(to, base, code);
	case EM_AARCH64:
		return ca__arm64_load(to, base, code);
	case EM_RISCV:
		return ca__riscv_load(to, base, code);
	default:
		return -EOPNOTSUPP;
	}
}

/* movabs $address, %r11; movzbl (%r11), %r11d */
static int ca__x86_load_at(uint8_t *to, uint64_t address, uint32_t *start)
{
	static const uint8_t load[] = { 0x45, 0x0f, 0xb6, 0x1b };
	uint8_t *at = to;

	*at++ = 0x49;
	*at++ = 0xbb;
	at = ca__put64(at, address);
	*start = at - to;
	memcpy(at, load, sizeof(load));
	return *start + sizeof(load);
}

/* movz and movk of x17; ldrb w17, [x17] */
static int ca__arm64_load_at(uint8_t *to, uint64_t address, uint32_t *start)
{
	uint8_t *at = to;
	unsigned int i;

	for (i = 0; i < 4; i++)
		at = ca__put32(at, (i ? 0xf2800000 : 0xd2800000) | i << 21 |
			       (uint32_t)(address >> 16 * i & 0xffff) << 5 |
			       17);
	*start = at - to;
	ca__put32(at, 0x39400000 | 17 << 5 | 17);
	return *start + 4;
}

/*
 * auipc t5, 0; ld t5, 12(t5); lbu t5, 0(t5); and the address, which is not
 * executed, since the load never completes.
 */
static int ca__riscv_load_at(uint8_t *to, uint64_t address, uint32_t *start)
{
	uint8_t *at = to;

	at = ca__put32(at, 0x00000017 | 30 << 7);
	at = ca__put32(at, 0x00003003 | 12 << 20 | 30 << 15 | 30 << 7);
	*start = at - to;
	at = ca__put32(at, 0x00004003 | 30 << 15 | 30 << 7);
	at = ca__put64(at, address);
	return at - to;
}

CODEARENA_API int codearena_trap_encode_load_at(uint32_t machine,
						uint64_t address, uint8_t *to,
						uint32_t *start)
{
	if (!to || !start)
		return -EINVAL;
	switch (machine) {
	case EM_X86_64:
		return ca__x86_load_at(to, address, start);
	case EM_AARCH64:
		return ca__arm64_load_at(to, address, start);
	case EM_RISCV:
		return ca__riscv_load_at(to, address, start);
	default:
		return -EOPNOTSUPP;
	}
}
