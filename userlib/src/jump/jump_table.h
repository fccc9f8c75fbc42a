/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas.
 */
#ifndef CA__JUMP_TABLE_H
#define CA__JUMP_TABLE_H

#include "codearena/jump.h"
#include "jump/jump.h"

/* Limit of functions and of builtins: sums of sizes stay far from 2^64. */
#define CA__JUMP_MAX		(1U << 24)

/* Sizes of public structures in the first release. */
#define CA__SIZE_JUMP_TABLE_OPTS	56

/**
 * struct codearena_jump_table - the public object; immutable
 * @arena: where it is
 * @layout: of this machine
 * @near: address of the near slots, 0 if there are none
 * @far: address of the far slots, 0 if there are none
 * @lazy: address of the lazy slots, 0 if there are none
 * @main: near slots of the main table, the initial targets, or 0
 * @functions: number of near slots
 * @far_functions: far slots of functions: 0, or as many as near slots
 * @builtins: far slots of builtins, before those of the functions
 * @chosen: the initial targets were the caller's
 */
struct codearena_jump_table {
	struct codearena_arena *arena;
	const struct ca__jump_layout *layout;
	uint64_t near;
	uint64_t far;
	uint64_t lazy;
	uint64_t main;
	uint32_t functions;
	uint32_t far_functions;
	uint32_t builtins;
	bool chosen;
};

/**
 * struct ca__jump_state - contents of the slots of a function
 * @word: the word of the near slot that patches exchange
 * @far: the target in the far slot, 0 if there is none
 * @target: where a call arrives
 */
struct ca__jump_state {
	uint64_t word;
	uint64_t far;
	uint64_t target;
};

/* Address of a near slot, whose index was checked. */
static inline uint64_t ca__near_slot(const struct codearena_jump_table *table,
				     uint32_t index)
{
	return table->near + (uint64_t)index * table->layout->near_size;
}

/* jump_table.c */
uint64_t ca__jump_table_far_slot(const struct codearena_jump_table *table,
				 uint32_t index);
uint64_t ca__jump_table_initial(const struct codearena_jump_table *table,
				uint32_t index);
uint32_t ca__jump_table_cfi(const struct codearena_jump_table *table,
			    uint64_t far_slot, uint8_t *to);
int ca__jump_state_read(const struct codearena_jump_table *table,
			uint32_t index, struct ca__jump_state *state);

#endif /* CA__JUMP_TABLE_H */
