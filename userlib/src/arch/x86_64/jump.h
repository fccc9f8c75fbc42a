/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * x86-64: slots of jump tables. Pure.
 */
#ifndef CA__ARCH_JUMP_X86_64_H
#define CA__ARCH_JUMP_X86_64_H

#include <string.h>

#include "base/encode.h"
#include "arch/jump.h"

static const uint8_t ca__x86_endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static bool ca__x86_fits(uint64_t distance)
{
	return distance + (1ULL << 31) < 1ULL << 32;
}

/* What the four bytes before @next add to it. */
static uint64_t ca__x86_relative(uint64_t next, const uint8_t *at)
{
	return next + (int64_t)(int32_t)ca__get32(at);
}

/*
 * jmp target, filled up with int3 to one qword, which is stored as a whole:
 * AMD's processors see stores within an aligned qword at once, and nothing that
 * is larger. With a landing instruction, and a nop, in a qword of its own.
 */
static bool ca__x86_near(bool entry, uint64_t slot, uint64_t target,
			 uint8_t *at)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x40, 0x00 };
	uint64_t distance = target - (slot + (entry ? 8 : 0) + 5);

	if (!ca__x86_fits(distance))
		return false;
	if (entry) {
		memcpy(at, ca__x86_endbr64, 4);
		memcpy(at + 4, nop, 4);
		at += 8;
	}
	*at = 0xe9;
	ca__put32(at + 1, distance);
	memset(at + 5, 0xcc, 3);
	return true;
}

/* The qword that begins with the jump, without the distance. */
#define CA__X86_JUMP	0xcccccc00000000e9ULL

static bool ca__x86_near_word(bool entry, uint64_t slot, uint64_t target,
			      uint64_t *word)
{
	uint64_t distance = target - (slot + (entry ? 8 : 0) + 5);

	*word = CA__X86_JUMP | (distance & UINT32_MAX) << 8;
	return ca__x86_fits(distance);
}

static bool ca__x86_near_read(bool entry, uint64_t slot, uint64_t word,
			      uint64_t *target)
{
	*target = slot + (entry ? 8 : 0) + 5 + (int64_t)(int32_t)(word >> 8);
	return (word & ~((uint64_t)UINT32_MAX << 8)) == CA__X86_JUMP;
}

static uint64_t ca__x86_near_target(bool entry, uint64_t slot,
				    const uint8_t *at)
{
	unsigned int jump = entry ? 8 : 0;

	return ca__x86_relative(slot + jump + 5, at + jump + 1);
}

/* jmp *2(%rip), a nop of two bytes, target */
static void ca__x86_far(uint64_t target, uint8_t *at)
{
	static const uint8_t jump[] = {
		0xff, 0x25, 0x02, 0x00, 0x00, 0x00, 0x66, 0x90,
	};

	memcpy(at, jump, sizeof(jump));
	ca__put64(at + sizeof(jump), target);
}

/* push index; jmp target */
static bool ca__x86_lazy(uint64_t slot, uint32_t index, uint64_t target,
			 uint8_t *at)
{
	uint64_t distance = target - (slot + 10);

	if (!ca__x86_fits(distance))
		return false;
	at[0] = 0x68;
	ca__put32(at + 1, index);
	at[5] = 0xe9;
	ca__put32(at + 6, distance);
	return true;
}

/*
 * The canonical frame address, a word higher after the push of a lazy slot and in
 * the far slot that it branches to: rsp + 8 + pushed * 8, where pushed is
 * (rip - start) % 10 >= 5 or (rip - start) >> 4 == 0. One rule for all slots, as
 * linkers give their procedure linkage tables.
 */
static uint32_t ca__x86_pushed_cfi(bool far, uint64_t start, uint8_t *at)
{
	static const uint8_t begin[] = {
		0x0f, 21,	/* DW_CFA_def_cfa_expression of 21 bytes */
		0x77, 8,	/* DW_OP_breg7 8: rsp + 8 */
		0x80, 0,	/* DW_OP_breg16 0: rip */
		0x0e,		/* DW_OP_const8u start */
	}, end[2][8] = { {
		0x1c,		/* DW_OP_minus */
		0x3a, 0x1d,	/* DW_OP_lit10, DW_OP_mod */
		0x35, 0x2a,	/* DW_OP_lit5, DW_OP_ge */
		0x33, 0x24,	/* DW_OP_lit3, DW_OP_shl */
		0x22,		/* DW_OP_plus */
	}, {
		0x1c,		/* DW_OP_minus */
		0x34, 0x25,	/* DW_OP_lit4, DW_OP_shr */
		0x30, 0x29,	/* DW_OP_lit0, DW_OP_eq */
		0x33, 0x24,	/* DW_OP_lit3, DW_OP_shl */
		0x22,		/* DW_OP_plus */
	} };

	memcpy(at, begin, sizeof(begin));
	ca__put64(at + sizeof(begin), start);
	memcpy(at + sizeof(begin) + 8, end[far], sizeof(end[far]));
	return sizeof(begin) + 8 + sizeof(end[far]);
}

const struct ca__jump_machine ca__jump_x86_64 = {
	.near = ca__x86_near,
	.near_target = ca__x86_near_target,
	.near_word = ca__x86_near_word,
	.near_read = ca__x86_near_read,
	.far = ca__x86_far,
	.lazy = ca__x86_lazy,
	.pushed_cfi = ca__x86_pushed_cfi,
	.near_width = 8,
	.far_word = 8,
	.lazy_align = 1,
	.insn_align = 1,
};

#endif /* CA__ARCH_JUMP_X86_64_H */
