// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: addresses of slots, and their current targets.
 *
 * A table is immutable except for its code, which only the arena changes, word by
 * word. So there are no locks: readers load the words atomically from the code
 * view, and the arena compares what writers expect.
 */
#include <errno.h>
#include <stdlib.h>

#include "arena/arena.h"
#include "jump/jump_table.h"

CODEARENA_API void codearena_jump_table_free(struct codearena_jump_table *table)
{
	free(table);
}

CODEARENA_API uint64_t
codearena_jump_table_slot(const struct codearena_jump_table *table,
			  uint32_t index)
{
	if (!table || index >= table->functions)
		return 0;
	return ca__near_slot(table, index);
}

/**
 * ca__jump_table_far_slot - far slot of a function
 * @table: table
 * @index: of the function
 *
 * Return: its address; 0 if there is none, as always on riscv64.
 */
uint64_t ca__jump_table_far_slot(const struct codearena_jump_table *table,
				 uint32_t index)
{
	if (index >= table->far_functions)
		return 0;
	return table->far + (uint64_t)(table->builtins + index) *
			    table->layout->far_size;
}

CODEARENA_API uint64_t
codearena_jump_table_builtin_slot(const struct codearena_jump_table *table,
				  uint32_t index)
{
	if (!table || index >= table->builtins)
		return 0;
	return table->far + (uint64_t)index * table->layout->far_size;
}

CODEARENA_API uint64_t
codearena_jump_table_lazy_slot(const struct codearena_jump_table *table,
			       uint32_t index)
{
	if (!table || !table->lazy || index >= table->functions)
		return 0;
	return table->lazy + (uint64_t)index * table->layout->lazy_size;
}

/**
 * ca__jump_table_cfi - how lazy slots change the stack
 * @table: table
 * @far_slot: 0 for the lazy slots; for the far slots, the one of the lazy builtin
 * @to: gets call frame instructions, at most CA__JUMP_CFI_MAX bytes
 *
 * Return: their bytes; 0 if lazy slots leave the stack alone, or there are none.
 */
uint32_t ca__jump_table_cfi(const struct codearena_jump_table *table,
			    uint64_t far_slot, uint8_t *to)
{
	if (!table->lazy || !table->layout->code->pushed_cfi)
		return 0;
	return table->layout->code->pushed_cfi(far_slot, far_slot ? far_slot :
							 table->lazy, to);
}

/**
 * ca__jump_table_initial - initial target of a function's slot
 * @table: table
 * @index: of the function
 *
 * Return: the address; 0 if there is no such function, it had no target, or the
 * targets were the caller's, which are not kept.
 */
uint64_t ca__jump_table_initial(const struct codearena_jump_table *table,
				uint32_t index)
{
	if (index >= table->functions || table->chosen)
		return 0;
	if (table->main)
		return table->main + (ca__near_slot(table, index) -
				      table->near);
	return codearena_jump_table_lazy_slot(table, index);
}

/* A word of the code view, which the arena may store to at any time. */
static uint64_t ca__code_load(const struct codearena_jump_table *table,
			      uint64_t address, uint32_t width)
{
	const void *word = ca__arena_readable(table->arena, address);

	if (width == 8)
		return __atomic_load_n((const uint64_t *)word,
				       __ATOMIC_ACQUIRE);
	return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

/**
 * ca__jump_state_read - read the slots of a function
 * @table: table
 * @index: of an existing function
 * @state: gets the contents
 *
 * Reads the near word first. If it branches to the far slot, the far word, read
 * later, is at least as new: far words are stored before near ones.
 *
 * Return: 0; -ENOENT: the near slot was discarded.
 */
int ca__jump_state_read(const struct codearena_jump_table *table,
			uint32_t index, struct ca__jump_state *state)
{
	const struct ca__jump_layout *layout = table->layout;
	uint64_t far = ca__jump_table_far_slot(table, index);
	uint64_t slot = ca__near_slot(table, index);
	uint64_t target;

	state->word = ca__code_load(table, slot + ca__jump_near_place(layout),
				    layout->code->near_width);
	if (!ca__jump_near_target(layout, slot, state->word, &target))
		return -ENOENT;
	state->far = far ? ca__code_load(table, far + layout->code->far_word,
					 8) : 0;
	state->target = far && target == far ? state->far : target;
	return 0;
}

CODEARENA_API uint64_t
codearena_jump_table_target(const struct codearena_jump_table *table,
			    uint32_t index)
{
	struct ca__jump_state state;

	if (!table || index >= table->functions ||
	    ca__jump_state_read(table, index, &state))
		return 0;
	return state.target;
}

/* Parts that do not exist have no slots; below a part the offset wraps. */
CODEARENA_API int
codearena_jump_table_find(const struct codearena_jump_table *table,
			  uint64_t address, enum codearena_jump_kind *kind,
			  uint32_t *index)
{
	const struct ca__jump_layout *layout;
	uint32_t found;

	if (!table || !kind || !index)
		return -EINVAL;
	layout = table->layout;
	if (ca__jump_index(address - table->near, layout->near_size,
			   table->functions, &found)) {
		*kind = CODEARENA_JUMP_NEAR;
	} else if (ca__jump_index(address - table->far, layout->far_size,
				  table->builtins + table->far_functions,
				  &found)) {
		*kind = CODEARENA_JUMP_BUILTIN;
		if (found >= table->builtins) {
			*kind = CODEARENA_JUMP_FAR;
			found -= table->builtins;
		}
	} else if (ca__jump_index(address - table->lazy, layout->lazy_size,
				  table->lazy ? table->functions : 0,
				  &found)) {
		*kind = CODEARENA_JUMP_LAZY;
	} else {
		return -ENOENT;
	}
	*index = found;
	return 0;
}
