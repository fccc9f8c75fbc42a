/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Between the parts of relocation.
 */
#ifndef CA__RELOC_H
#define CA__RELOC_H

#include <stdbool.h>
#include <string.h>

#include "codearena/module.h"
#include "arena/arena.h"

/**
 * struct ca__form - a form on a machine
 * @width: bytes of the field; 0: not of this machine
 * @align: what its address is a multiple of
 * @number: takes numbers only, no addresses
 * @address: takes addresses only, no numbers
 */
struct ca__form {
	uint8_t width;
	uint8_t align;
	bool number;
	bool address;
};

/* All machines are little-endian, and so are all hosts. */
static inline uint32_t ca__insn(const uint8_t *field, unsigned int index)
{
	uint32_t insn;

	memcpy(&insn, field + 4 * index, sizeof(insn));
	return insn;
}

static inline void ca__insn_set(uint8_t *field, unsigned int index,
				uint32_t insn)
{
	memcpy(field + 4 * index, &insn, sizeof(insn));
}

/* reloc_form.c */
struct ca__form ca__reloc_form(uint32_t machine, uint32_t form);
bool ca__reloc_shape(uint32_t form, const uint8_t *field);
int ca__reloc_decode(uint32_t form, uint64_t place, const uint8_t *field,
		     uint64_t *target);

/* reloc_encode.c */
int ca__reloc_encode(uint32_t form, uint64_t place, uint64_t target,
		     uint8_t *field);

#endif /* CA__RELOC_H */
