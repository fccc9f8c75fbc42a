/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * arm64: slots of jump tables. Pure.
 */
#ifndef CA__ARCH_JUMP_AARCH64_H
#define CA__ARCH_JUMP_AARCH64_H

#include "base/encode.h"
#include "arch/jump.h"

#define CA__ARM64_BTI_C		0xd503245f
#define CA__ARM64_BTI_JC	0xd50324df
#define CA__ARM64_NOP		0xd503201f
/* br x16, which bti c accepts */
#define CA__ARM64_BR_X16	0xd61f0200

/* b target */
static bool ca__arm64_branch(uint64_t from, uint64_t target, uint8_t *at)
{
	uint64_t distance = target - from;

	if (distance + (1ULL << 27) >= 1ULL << 28)
		return false;
	ca__put32(at, 0x14000000 | (distance >> 2 & 0x3ffffff));
	return true;
}

static uint64_t ca__arm64_branch_target(uint64_t from, const uint8_t *at)
{
	/* The 26 bits of the branch, as signed, times 4. */
	return from + (int64_t)((int32_t)(ca__get32(at) << 6) >> 4);
}

/* bti c, if wanted; b target. The branch is the word that patches exchange. */
static bool ca__arm64_near(bool entry, uint64_t slot, uint64_t target,
			   uint8_t *at)
{
	unsigned int first = entry ? 4 : 0;

	if (!ca__arm64_branch(slot + first, target, at + first))
		return false;
	if (entry)
		ca__put32(at, CA__ARM64_BTI_C);
	return true;
}

static uint64_t ca__arm64_near_target(bool entry, uint64_t slot,
				      const uint8_t *at)
{
	unsigned int first = entry ? 4 : 0;

	return ca__arm64_branch_target(slot + first, at + first);
}

/* ldr x16, target; br x16; target */
static void ca__arm64_far(uint64_t target, uint8_t *at)
{
	at = ca__put32(at, 0x58000050);
	at = ca__put32(at, CA__ARM64_BR_X16);
	ca__put64(at, target);
}

/* bti jc; mov w8, the low half; movk w8, the high half; b target */
static bool ca__arm64_lazy(uint64_t slot, uint32_t index, uint64_t target,
			   uint8_t *at)
{
	if (!ca__arm64_branch(slot + 12, target, at + 12))
		return false;
	at = ca__put32(at, CA__ARM64_BTI_JC);
	at = ca__put32(at, 0x52800008 | (index & 0xffff) << 5);
	ca__put32(at, 0x72a00008 | index >> 16 << 5);
	return true;
}

static void ca__arm64_lazy_read(uint64_t slot, const uint8_t *at,
				uint32_t *index, uint64_t *target)
{
	*index = (ca__get32(at + 4) >> 5 & 0xffff) |
		 (ca__get32(at + 8) >> 5 & 0xffff) << 16;
	*target = ca__arm64_branch_target(slot + 12, at + 12);
}

/* bti c, if wanted; adrp x16, word; ldr x16, [x16, word]; br x16; nop if not */
static bool ca__arm64_data(bool entry, uint64_t slot, uint64_t word,
			   uint8_t *at)
{
	uint64_t from = slot + (entry ? 4 : 0);
	/* Of page numbers; a shift of the difference would borrow wrongly. */
	uint64_t pages = (uint64_t)((int64_t)((word & ~4095ULL) -
					      (from & ~4095ULL)) >> 12);

	if (pages + (1ULL << 20) >= 1ULL << 21)
		return false;
	if (entry)
		at = ca__put32(at, CA__ARM64_BTI_C);
	at = ca__put32(at, 0x90000010 | (pages & 3) << 29 |
		       (pages >> 2 & 0x7ffff) << 5);
	at = ca__put32(at, 0xf9400210 | (word & 4095) >> 3 << 10);
	at = ca__put32(at, CA__ARM64_BR_X16);
	if (!entry)
		ca__put32(at, CA__ARM64_NOP);
	return true;
}

static uint64_t ca__arm64_data_word(bool entry, uint64_t slot,
				    const uint8_t *at)
{
	unsigned int first = entry ? 4 : 0;
	uint32_t adrp = ca__get32(at + first), ldr = ca__get32(at + first + 4);
	uint32_t bits = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
	/* 21 bits, as signed, times 4096. */
	int64_t pages = (int32_t)(bits << 11) >> 11;

	return ((slot + first) & ~4095ULL) + (uint64_t)pages * 4096 +
	       ((ldr >> 10 & 0xfff) << 3);
}

const struct ca__jump_machine ca__jump_arm64 = {
	.near = ca__arm64_near,
	.near_target = ca__arm64_near_target,
	.far = ca__arm64_far,
	.lazy = ca__arm64_lazy,
	.lazy_read = ca__arm64_lazy_read,
	.data = ca__arm64_data,
	.data_word = ca__arm64_data_word,
	.near_width = 4,
	.far_word = 8,
	.lazy_align = 4,
	.insn_align = 4,
};

#endif /* CA__ARCH_JUMP_AARCH64_H */
