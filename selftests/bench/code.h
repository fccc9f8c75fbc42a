/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Functions to publish: each returns a number that was chosen when it was made.
 */
#ifndef CODEARENA_BENCH_CODE_H
#define CODEARENA_BENCH_CODE_H

#include <stdint.h>
#include <string.h>

typedef uint32_t (*code_fn)(void);

/* A function that returns @value (16 bits), as the 8 bytes of one word. */
static inline uint64_t code_word(uint16_t value)
{
#if defined(__x86_64__)
	/* mov eax, value; ret; nop; nop */
	return 0x9090c300000000b8ULL | (uint64_t)value << 8;
#elif defined(__aarch64__)
	/* movz w0, #value; ret */
	return 0xd65f03c000000000ULL | 0x52800000U | (uint64_t)value << 5;
#elif defined(__riscv)
	/* lui a0, value; c.srli a0, 12; ret */
	return 0x8082813100000537ULL | (uint64_t)value << 12;
#else
#error "no code for this architecture"
#endif
}

/* The same as @length bytes (a multiple of 8) of code. */
static inline void code_make(void *to, size_t length, uint16_t value)
{
	uint64_t word = code_word(value);
	size_t i;

	for (i = 0; i < length; i += sizeof(word))
		memcpy((char *)to + i, &word, sizeof(word));
}

static inline uint32_t code_call(const void *code)
{
	code_fn function;

	memcpy(&function, &code, sizeof(function));
	return function();
}

/* A value that differs between neighbours and between rounds. */
static inline uint16_t code_value(unsigned int round, unsigned int index)
{
	return (uint16_t)(round * 40503U + index * 31U + 1);
}

static inline void code_sync(void *begin, size_t length)
{
	/* Nothing on x86-64; what the peers must do too elsewhere. */
	__builtin___clear_cache((char *)begin, (char *)begin + length);
}

#endif /* CODEARENA_BENCH_CODE_H */
