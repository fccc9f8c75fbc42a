/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas, as the files that implement them share them.
 */
#ifndef CA__JUMP_TABLE_H
#define CA__JUMP_TABLE_H

#include "codearena/jump.h"
#include "jump/jump.h"

/* Limit of functions and of builtins: sums of sizes stay far from 2^64. */
#define CA__JUMP_MAX		(1U << 24)

/**
 * struct codearena_jump_table - the public object; immutable
 * @arena: where it is
 * @machine: encoders
 * @layout: of this machine
 * @near: address of the near slots, 0 if there are none
 * @far: address of the far slots, 0 if there are none
 * @lazy: address of the lazy slots, 0 if there are none
 * @main: address of the near slots that function slots led to in the beginning,
 *        or 0
 * @functions: near slots
 * @far_functions: far slots of functions: 0, or as many as near slots
 * @builtins: far slots of builtins, before those of the functions
 * @chosen: the initial targets were the caller's
 */
struct codearena_jump_table {
	struct codearena_arena *arena;
	const struct ca__jump_machine *machine;
	struct codearena_jump_layout layout;
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
 * struct ca__jump_state - what the slots of a function hold
 * @word: the word of the near slot that patches exchange
 * @far: the target in the far slot, 0 if there is none
 * @target: where a call leads
 */
struct ca__jump_state {
	uint64_t word;
	uint64_t far;
	uint64_t target;
};

/*
 * Address of a near slot there is. The layout was checked when the table was
 * made, and this is what every change of a slot begins with.
 */
static inline uint64_t ca__near_slot(const struct codearena_jump_table *table,
				     uint32_t index)
{
	const struct codearena_jump_layout *layout = &table->layout;

	if (layout->line_size == layout->near_size)
		return table->near + (uint64_t)index * layout->near_size;
	return table->near + codearena_jump_near_offset(layout, index);
}

/* jump_table.c */
bool ca__near_word(const struct codearena_jump_table *table, uint64_t slot,
		   uint64_t target, uint64_t *word);
int ca__jump_state_read(const struct codearena_jump_table *table,
			uint32_t index, struct ca__jump_state *state);

/* jump_new.c */
int ca__jump_layout_here(uint32_t flags, struct codearena_jump_layout *layout);
int ca__jump_part_check(const struct codearena_arena *arena, uint64_t offset,
			uint64_t bytes);

#endif /* CA__JUMP_TABLE_H */
