// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: what they are and where their slots lead.
 *
 * A table is immutable but for its code, and its code is only changed by the
 * arena, word by word. So there are no locks: readers load the words atomically
 * from the code view, and writers let the arena compare what they expect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "arena/arena.h"
#include "jump/jump.h"
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

CODEARENA_API uint64_t
codearena_jump_table_far_slot(const struct codearena_jump_table *table,
			      uint32_t index)
{
	if (!table || index >= table->far_functions)
		return 0;
	return table->far + (uint64_t)(table->builtins + index) *
			    table->layout.far_size;
}

CODEARENA_API uint64_t
codearena_jump_table_builtin_slot(const struct codearena_jump_table *table,
				  uint32_t index)
{
	if (!table || index >= table->builtins)
		return 0;
	return table->far + codearena_jump_far_offset(&table->layout, index);
}

CODEARENA_API uint64_t
codearena_jump_table_lazy_slot(const struct codearena_jump_table *table,
			       uint32_t index)
{
	if (!table || !table->lazy || index >= table->functions)
		return 0;
	return table->lazy + (uint64_t)index * table->layout.lazy_size;
}

CODEARENA_API uint64_t
codearena_jump_table_initial(const struct codearena_jump_table *table,
			     uint32_t index)
{
	if (!table || index >= table->functions || table->chosen)
		return 0;
	if (table->main)
		return table->main + (ca__near_slot(table, index) -
				      table->near);
	return codearena_jump_table_lazy_slot(table, index);
}

CODEARENA_API struct codearena_arena *
codearena_jump_table_arena(const struct codearena_jump_table *table)
{
	return table ? table->arena : NULL;
}

/* A word of the code view, which the arena stores to at any time. */
static uint64_t ca__code_load(uint64_t address, uint32_t width)
{
	const void *word = (const void *)(uintptr_t)address;

	if (width == 8)
		return __atomic_load_n((const uint64_t *)word,
				       __ATOMIC_ACQUIRE);
	return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

/**
 * ca__near_word - the word of a near slot that leads to a target
 * @table: table
 * @slot: address of the slot
 * @target: where it leads
 * @word: gets it
 *
 * Return: false if no slot there leads to the target.
 */
bool ca__near_word(const struct codearena_jump_table *table, uint64_t slot,
		   uint64_t target, uint64_t *word)
{
	const struct codearena_jump_layout *layout = &table->layout;
	const struct ca__jump_machine *machine = table->machine;
	uint32_t place = ca__jump_near_word(machine, layout);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];

	if (machine->near_word)
		return machine->near_word(ca__jump_entry(layout), slot, target,
					  word);
	if (!machine->near(ca__jump_entry(layout), slot, target, code))
		return false;
	*word = machine->near_width == 8 ? ca__get64(code + place) :
					   ca__get32(code + place);
	return true;
}

/* Where the word leads, as in codearena_jump_decode_near(). */
static int ca__near_target(const struct codearena_jump_table *table,
			   uint64_t slot, uint64_t word, uint64_t *target)
{
	const struct codearena_jump_layout *layout = &table->layout;
	const struct ca__jump_machine *machine = table->machine;
	uint32_t place = ca__jump_near_word(machine, layout);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX] = { 0 };
	uint64_t written;

	if (machine->near_read)
		return machine->near_read(ca__jump_entry(layout), slot, word,
					  target) ? 0 : -ENOENT;
	/* What is around the word was written by the encoder, and stays. */
	if (machine->near_width == 8)
		ca__put64(code + place, word);
	else
		ca__put32(code + place, word);
	*target = machine->near_target(ca__jump_entry(layout), slot, code);
	if (*target % machine->insn_align ||
	    !ca__near_word(table, slot, *target, &written) || written != word)
		return -ENOENT;
	return 0;
}

/**
 * ca__jump_state_read - what the slots of a function hold
 * @table: table
 * @index: of a function there is
 * @state: gets it
 *
 * The near word is read first. If it leads to the far slot, the far word, which
 * is read after it, is at least as new as it was then: far words are stored
 * before near ones.
 *
 * Return: 0; -ENOENT: the near slot is not one any more.
 */
int ca__jump_state_read(const struct codearena_jump_table *table,
			uint32_t index, struct ca__jump_state *state)
{
	const struct ca__jump_machine *machine = table->machine;
	uint32_t place = ca__jump_near_word(machine, &table->layout);
	uint64_t slot = ca__near_slot(table, index);
	uint64_t far = codearena_jump_table_far_slot(table, index);
	uint64_t target;
	int ret;

	state->word = ca__code_load(slot + place, machine->near_width);
	ret = ca__near_target(table, slot, state->word, &target);
	if (ret)
		return ret;
	state->far = far ? ca__code_load(far + machine->far_word, 8) : 0;
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

static uint64_t ca__region_bytes(const struct codearena_jump_table *table,
				 enum codearena_jump_kind kind)
{
	const struct codearena_jump_layout *layout = &table->layout;

	switch (kind) {
	case CODEARENA_JUMP_NEAR:
		return codearena_jump_near_bytes(layout, table->functions);
	case CODEARENA_JUMP_FAR:
		return codearena_jump_far_bytes(layout, table->far_functions);
	case CODEARENA_JUMP_BUILTIN:
		return codearena_jump_far_bytes(layout, table->builtins);
	default:
		return table->lazy ?
		       codearena_jump_lazy_bytes(layout, table->functions) : 0;
	}
}

CODEARENA_API int
codearena_jump_table_region(const struct codearena_jump_table *table,
			    enum codearena_jump_kind kind, uint64_t *start,
			    uint64_t *bytes)
{
	if (!table || !start || !bytes)
		return -EINVAL;
	switch (kind) {
	case CODEARENA_JUMP_NEAR:
		*start = codearena_jump_table_slot(table, 0);
		break;
	case CODEARENA_JUMP_FAR:
		*start = codearena_jump_table_far_slot(table, 0);
		break;
	case CODEARENA_JUMP_BUILTIN:
		*start = codearena_jump_table_builtin_slot(table, 0);
		break;
	case CODEARENA_JUMP_LAZY:
		*start = codearena_jump_table_lazy_slot(table, 0);
		break;
	default:
		return -EINVAL;
	}
	*bytes = ca__region_bytes(table, kind);
	return 0;
}

CODEARENA_API int
codearena_jump_table_find(const struct codearena_jump_table *table,
			  uint64_t address, enum codearena_jump_kind *kind,
			  uint32_t *index)
{
	const struct codearena_jump_layout *layout;
	uint32_t found;

	if (!table || !kind || !index)
		return -EINVAL;
	layout = &table->layout;
	/* An address below a part is an offset far beyond it. */
	if (table->near &&
	    !codearena_jump_near_index(layout, address - table->near,
				       table->functions, &found)) {
		*kind = CODEARENA_JUMP_NEAR;
	} else if (table->far &&
		   !codearena_jump_far_index(layout, address - table->far,
					     table->builtins +
					     table->far_functions, &found)) {
		*kind = CODEARENA_JUMP_BUILTIN;
		if (found >= table->builtins) {
			*kind = CODEARENA_JUMP_FAR;
			found -= table->builtins;
		}
	} else if (table->lazy &&
		   !codearena_jump_lazy_index(layout, address - table->lazy,
					      table->functions, &found)) {
		*kind = CODEARENA_JUMP_LAZY;
	} else {
		return -ENOENT;
	}
	*index = found;
	return 0;
}
