/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encoders of jump-table slots. Each arch/MACHINE/jump.h gives one struct
 * ca__jump_machine; they are pure, and all of them are compiled on every host.
 */
#ifndef CA__ARCH_JUMP_H
#define CA__ARCH_JUMP_H

#include <stdbool.h>
#include <stdint.h>

/* No call frame instructions of lazy slots are longer. */
#define CA__JUMP_CFI_MAX	32

/**
 * struct ca__jump_machine - the slots of a machine
 * @near: write a near slot; false: the target is out of reach
 * @near_target: the target of an encoded near slot; anything for other bytes,
 *               as for the other readers
 * @near_word: NULL, or the word of a near slot that patches exchange, of the
 *             slot that @near would write, without the way through its bytes
 * @near_read: NULL with @near_word, or the target of a near slot with this word;
 *             false: @near writes no such word
 * @far: write a far slot
 * @lazy: write a lazy slot; false: the target is out of reach
 * @pushed_cfi: NULL if lazy slots leave the stack alone, or write call frame
 *              instructions of DWARF for what they push: for the lazy slots from
 *              @start on, or for the far slot @start that they branch to; returns
 *              their bytes, at most CA__JUMP_CFI_MAX
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
	bool (*near_word)(bool entry, uint64_t slot, uint64_t target,
			  uint64_t *word);
	bool (*near_read)(bool entry, uint64_t slot, uint64_t word,
			  uint64_t *target);
	void (*far)(uint64_t target, uint8_t *at);
	bool (*lazy)(uint64_t slot, uint32_t index, uint64_t target,
		     uint8_t *at);
	uint32_t (*pushed_cfi)(bool far, uint64_t start, uint8_t *at);
	uint32_t near_width;
	uint32_t far_word;
	uint32_t lazy_align;
	uint32_t insn_align;
	bool no_limit;
};

#endif /* CA__ARCH_JUMP_H */
