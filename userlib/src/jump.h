/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables: what the formats of all machines have in common. The headers
 * arch/jump_*.h give one struct ca__jump_machine each; they are pure, and all of
 * them are compiled on every host.
 */
#ifndef CA__JUMP_H
#define CA__JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "codearena_slot.h"

/**
 * struct ca__jump_machine - the slots of a machine
 * @near: write a near slot; false: the target is out of reach
 * @near_target: what an encoded near slot leads to; anything for other bytes,
 *               as for the other readers
 * @far: write a far slot
 * @lazy: write a lazy slot; false: the target is out of reach
 * @lazy_read: read a lazy slot
 * @data: write a data slot; false: the word is out of reach
 * @data_word: address of the word that a data slot loads
 * @near_width: bytes of the word of a near slot that patches exchange
 * @far_word: where in a far slot the target is
 * @lazy_align: what the addresses of lazy slots are multiples of
 * @insn_align: what the addresses of instructions are multiples of
 * @no_limit: near slots reach everything
 *
 * Addresses were checked before; @at is free of alignment.
 */
struct ca__jump_machine {
	bool (*near)(bool entry, uint64_t slot, uint64_t target, uint8_t *at);
	uint64_t (*near_target)(bool entry, uint64_t slot, const uint8_t *at);
	void (*far)(uint64_t target, uint8_t *at);
	bool (*lazy)(uint64_t slot, uint32_t index, uint64_t target,
		     uint8_t *at);
	void (*lazy_read)(uint64_t slot, const uint8_t *at, uint32_t *index,
			  uint64_t *target);
	bool (*data)(bool entry, uint64_t slot, uint64_t word, uint8_t *at);
	uint64_t (*data_word)(bool entry, uint64_t slot, const uint8_t *at);
	uint32_t near_width;
	uint32_t far_word;
	uint32_t lazy_align;
	uint32_t insn_align;
	bool no_limit;
};

/* jump.c */
extern const struct ca__jump_machine ca__jump_x86_64;
extern const struct ca__jump_machine ca__jump_arm64;
extern const struct ca__jump_machine ca__jump_riscv64;
const struct ca__jump_machine *
ca__jump_machine(const struct codearena_jump_layout *layout);

/* Where in a near slot the word is that patches exchange. */
static inline uint32_t ca__jump_near_word(const struct ca__jump_machine *machine,
					  const struct codearena_jump_layout *l)
{
	/* All but riscv64's, where the word is the last too. */
	return l->near_size - machine->near_width;
}

static inline bool ca__jump_entry(const struct codearena_jump_layout *layout)
{
	return layout->flags & CODEARENA_JUMP_F_BRANCH_TARGET;
}

#endif /* CA__JUMP_H */
