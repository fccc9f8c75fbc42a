/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables: from a layout to the encoders of its machine.
 */
#ifndef CA__JUMP_H
#define CA__JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/jump.h"
#include "codearena/jump.h"

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
