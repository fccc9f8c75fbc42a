/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots of jump tables as words: what a program stores to redirect a call.
 */
#ifndef CODEARENA_SELFTESTS_SLOTS_H
#define CODEARENA_SELFTESTS_SLOTS_H

#include <stdint.h>

/*
 * Near slot: a jump to @target, as the 8 aligned bytes at @at. Both are offsets
 * in one arena.
 *
 * x86-64: e9 rel32, then three int3.
 * arm64: b target, then brk #0.
 * riscv64: jal x0, target, then two c.ebreak. Its profiles demand that the word is
 * fetched whole (Ziccif).
 */
static inline uint64_t slot_near(uint64_t at, uint64_t target)
{
#if defined(__x86_64__)
	uint32_t distance = (uint32_t)(target - (at + 5));

	return 0xcccccc00000000e9ULL | (uint64_t)distance << 8;
#elif defined(__aarch64__)
	uint32_t distance = (uint32_t)(target - at) >> 2 & 0x03ffffff;

	return 0xd420000014000000ULL | distance;
#elif defined(__riscv)
	uint32_t distance = (uint32_t)(target - at);

	return 0x900290020000006fULL | (distance >> 20 & 1) << 31 |
	       (distance >> 1 & 0x3ff) << 21 | (distance >> 11 & 1) << 20 |
	       (distance & 0xff000);
#else
	(void)at;
	return target;
#endif
}

/*
 * The same with the part that changes in one aligned word of 4 bytes, which is
 * at @at + 4 on x86-64 (three nop, then the jump), at @at elsewhere.
 */
#if defined(__x86_64__)
#define SLOT_HALF_AT	4
#else
#define SLOT_HALF_AT	0
#endif

static inline uint64_t slot_near_half(uint64_t at, uint64_t target)
{
#if defined(__x86_64__)
	uint32_t distance = (uint32_t)(target - (at + 8));

	return 0x00000000e9909090ULL | (uint64_t)distance << 32;
#else
	return slot_near(at, target);
#endif
}

static inline uint32_t slot_half(uint64_t word)
{
	return (uint32_t)(word >> 8 * SLOT_HALF_AT);
}

/*
 * Far slot: 16 bytes, of which the second word is the target's address.
 *
 * x86-64: ff 25 02 00 00 00 (jmp *2(%rip)), 66 90.
 * arm64: ldr x16, #8; br x16.
 * riscv64: auipc a5, 0; c.ld a5, 8(a5); c.jr a5.
 */
#define SLOT_FAR_TARGET_AT	8

static inline uint64_t slot_far_code(void)
{
#if defined(__x86_64__)
	return 0x90660000000225ffULL;
#elif defined(__aarch64__)
	return 0xd61f020058000050ULL;
#elif defined(__riscv)
	return 0x8782679c00000797ULL;
#else
	return 0;
#endif
}

#endif /* CODEARENA_SELFTESTS_SLOTS_H */
