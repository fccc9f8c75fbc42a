/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots of jump tables: their sizes and encodings, for every machine on every
 * host. Pure. See codearena/jump.h for the kinds of slots.
 */
#ifndef CA__JUMP_H
#define CA__JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/jump.h"
#include "codearena/jump.h"

/* No slot is longer. */
#define CA__JUMP_SLOT_MAX	40

/**
 * struct ca__jump_layout - the slots of a machine
 * @code: encoders
 * @machine: ELF machine number
 * @flags: CODEARENA_JUMP_F_*
 * @near_size: bytes of a near slot
 * @far_size: bytes of a far slot
 * @lazy_size: bytes of a lazy slot
 *
 * Tables are dense arrays of slots of one kind and begin at a multiple of 8. So
 * the word of a slot that patches exchange is aligned.
 */
struct ca__jump_layout {
	const struct ca__jump_machine *code;
	uint32_t machine;
	uint32_t flags;
	uint32_t near_size;
	uint32_t far_size;
	uint32_t lazy_size;
};

/* Where in a near slot the word is that patches exchange: at the end. */
static inline uint32_t ca__jump_near_place(const struct ca__jump_layout *layout)
{
	return layout->near_size - layout->code->near_width;
}

static inline bool ca__jump_entry(const struct ca__jump_layout *layout)
{
	return layout->flags & CODEARENA_JUMP_F_BRANCH_TARGET;
}

/* jump.c */
extern const struct ca__jump_machine ca__jump_x86_64;
extern const struct ca__jump_machine ca__jump_arm64;
extern const struct ca__jump_machine ca__jump_riscv64;
const struct ca__jump_layout *ca__jump_layout_find(uint32_t machine,
						   uint32_t flags);
bool ca__jump_index(uint64_t offset, uint32_t size, uint32_t count,
		    uint32_t *index);

/* jump_encode.c */
int ca__jump_encode_near(const struct ca__jump_layout *layout, uint64_t slot,
			 uint64_t target, uint8_t *to);
int ca__jump_encode_far(const struct ca__jump_layout *layout, uint64_t slot,
			uint64_t target, uint8_t *to);
int ca__jump_encode_lazy(const struct ca__jump_layout *layout, uint64_t slot,
			 uint32_t index, uint64_t target, uint8_t *to);
bool ca__jump_near_word(const struct ca__jump_layout *layout, uint64_t slot,
			uint64_t target, uint64_t *word);
bool ca__jump_near_target(const struct ca__jump_layout *layout, uint64_t slot,
			  uint64_t word, uint64_t *target);

#endif /* CA__JUMP_H */
