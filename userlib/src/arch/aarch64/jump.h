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

const struct ca__jump_machine ca__jump_arm64 = {
	.near = ca__arm64_near,
	.near_target = ca__arm64_near_target,
	.far = ca__arm64_far,
	.lazy = ca__arm64_lazy,
	.near_width = 4,
	.far_word = 8,
	.lazy_align = 4,
	.insn_align = 4,
};

#endif /* CA__ARCH_JUMP_AARCH64_H */
