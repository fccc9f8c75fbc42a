/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of jump tables share: code of this machine.
 */
#ifndef TEST_JUMP_H
#define TEST_JUMP_H

#include <elf.h>
#include <string.h>

#include "jump/jump_table.h"
#include "lib/helpers.h"

#if defined(__x86_64__)

#define MACHINE		EM_X86_64

/* pop %rax; ret: target of a lazy slot, which returns the index. */
static inline size_t code_lazy(uint8_t code[CODE_MAX])
{
	memcpy(code, "\x58\xc3", 2);
	return 2;
}

#elif defined(__aarch64__)

#define MACHINE		EM_AARCH64

/* mov w0, w8; ret */
static inline size_t code_lazy(uint8_t code[CODE_MAX])
{
	static const uint32_t words[] = { 0x2a0803e0, 0xd65f03c0 };

	memcpy(code, words, sizeof(words));
	return sizeof(words);
}

#else

#define MACHINE		EM_RISCV

/* mv a0, t0; ret */
static inline size_t code_lazy(uint8_t code[CODE_MAX])
{
	static const uint32_t words[] = { 0x00028513, 0x00008067 };

	memcpy(code, words, sizeof(words));
	return sizeof(words);
}

#endif

static inline unsigned int call(uint64_t address)
{
	unsigned int (*function)(void);

	memcpy(&function, &address, sizeof(function));
	return function();
}

/* An arena all of which is committed. */
static inline struct codearena_arena *arena_of(uint64_t length, uint64_t near)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "jump");
	struct codearena_arena *arena;

	opts.near = (const void *)(uintptr_t)near;
	opts.reach = near ? 1ULL << 31 : 0;
	assert_int_equal(codearena_arena_new(length, &opts, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0, length), 0);
	return arena;
}

static inline uint64_t base_of(const struct codearena_arena *arena)
{
	return (uintptr_t)codearena_arena_base(arena);
}

/* Make an arena beyond the reach of near slots and of rel32. */
static inline struct codearena_arena *arena_far_from(uint64_t base,
						     uint64_t length)
{
	uint64_t away = 16ULL << 30;

	return arena_of(length, base > 2 * away ? base - away : base + away);
}

/* codearena_jump_table_new() with the offsets of near, far and lazy slots. */
static inline int table_new(const struct codearena_jump_table_opts *opts,
			    struct codearena_arena *arena,
			    const uint64_t at[3],
			    struct codearena_jump_table **table)
{
	struct codearena_jump_parts offsets = { at[0], at[1], at[2] };

	return codearena_jump_table_new(opts, arena, &offsets, table);
}

#endif /* TEST_JUMP_H */
