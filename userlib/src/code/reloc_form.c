// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Forms of relocations: their instructions, and the values that these hold.
 */
#include <elf.h>
#include <errno.h>

#include "base/encode.h"
#include "code/reloc.h"

/**
 * ca__reloc_form - properties of a form
 * @machine: ELF machine number
 * @form: any value
 *
 * Return: the properties; @width is 0 if the machine does not have the form.
 */
struct ca__form ca__reloc_form(uint32_t machine, uint32_t form)
{
	static const struct {
		uint16_t machine;
		struct ca__form form;
	} forms[] = {
		[CODEARENA_FORM_ABS64] = { EM_NONE, { 8, 1, false, false } },
		[CODEARENA_FORM_ABS32] = { EM_NONE, { 4, 1, true, false } },
		[CODEARENA_FORM_X86_64_REL32] =
			{ EM_X86_64, { 4, 1, false, true } },
		[CODEARENA_FORM_AARCH64_BRANCH26] =
			{ EM_AARCH64, { 4, 4, false, true } },
		[CODEARENA_FORM_AARCH64_ADRP_ADD] =
			{ EM_AARCH64, { 8, 4, false, true } },
		[CODEARENA_FORM_AARCH64_MOV64] =
			{ EM_AARCH64, { 16, 4, false, false } },
		[CODEARENA_FORM_AARCH64_MOV32] =
			{ EM_AARCH64, { 8, 4, true, false } },
		[CODEARENA_FORM_RISCV_PCREL] =
			{ EM_RISCV, { 8, 2, false, true } },
		[CODEARENA_FORM_RISCV_LUI] =
			{ EM_RISCV, { 8, 2, true, false } },
	};
	static const struct ca__form none;

	if (machine != EM_X86_64 && machine != EM_AARCH64 &&
	    machine != EM_RISCV)
		return none;
	if (form >= sizeof(forms) / sizeof(forms[0]))
		return none;
	if (forms[form].machine != EM_NONE && forms[form].machine != machine)
		return none;
	return forms[form].form;
}

/* MOVZ of shift 0, and MOVK of the following ones, into the same register. */
static bool ca__shape_mov(const uint8_t *field, unsigned int count)
{
	uint32_t first = ca__get32(field);
	unsigned int i;

	if ((first & 0x7fe00000) != 0x52800000)
		return false;
	/* 32-bit registers have no upper half. */
	if (count > 2 && !(first >> 31))
		return false;
	for (i = 1; i < count; i++) {
		uint32_t next = ca__get32(field + 4 * i);

		if ((next & 0x7fe00000) != (0x72800000 | i << 21) ||
		    next >> 31 != first >> 31 ||
		    (next & 0x1f) != (first & 0x1f))
			return false;
	}
	return true;
}

static bool ca__shape_adrp_add(const uint8_t *field)
{
	uint32_t adrp = ca__get32(field), add = ca__get32(field + 4);

	return (adrp & 0x9f000000) == 0x90000000 &&
		(add & 0xffc00000) == 0x91000000 &&
		(add >> 5 & 0x1f) == (adrp & 0x1f);
}

/* An instruction of the I-type that reads the register of the one before. */
static bool ca__shape_riscv(const uint8_t *field, bool lui)
{
	uint32_t upper = ca__get32(field), lower = ca__get32(field + 4);
	uint32_t reg = upper >> 7 & 0x1f, opcode = lower & 0x7f;
	uint32_t funct = lower >> 12 & 7;

	if ((upper & 0x7f) != (lui ? 0x37 : 0x17) || !reg ||
	    (lower >> 15 & 0x1f) != reg)
		return false;
	if (opcode == 0x13)
		return funct == 0;
	if (lui)
		return opcode == 0x1b && funct == 0;
	return (opcode == 0x67 && funct == 0) || opcode == 0x03 ||
		(opcode == 0x07 && (funct == 2 || funct == 3));
}

/**
 * ca__reloc_shape - does a field hold the instructions of a form?
 * @form: enum codearena_reloc_form
 * @field: the bytes
 *
 * Return: the answer; true for forms that are data.
 */
bool ca__reloc_shape(uint32_t form, const uint8_t *field)
{
	switch (form) {
	case CODEARENA_FORM_AARCH64_BRANCH26:
		return (ca__get32(field) & 0x7c000000) == 0x14000000;
	case CODEARENA_FORM_AARCH64_ADRP_ADD:
		return ca__shape_adrp_add(field);
	case CODEARENA_FORM_AARCH64_MOV64:
		return ca__shape_mov(field, 4);
	case CODEARENA_FORM_AARCH64_MOV32:
		return ca__shape_mov(field, 2);
	case CODEARENA_FORM_RISCV_PCREL:
		return ca__shape_riscv(field, false);
	case CODEARENA_FORM_RISCV_LUI:
		return ca__shape_riscv(field, true);
	default:
		return true;
	}
}

static uint64_t ca__sign_extend(uint64_t value, unsigned int bits)
{
	uint64_t top = 1ULL << (bits - 1);

	return ((value & (2 * top - 1)) ^ top) - top;
}

static uint64_t ca__decode_mov(const uint8_t *field, unsigned int count)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		value |= (uint64_t)(ca__get32(field + 4 * i) >> 5 & 0xffff)
			 << 16 * i;
	return value;
}

static uint64_t ca__decode_adrp_add(const uint8_t *field, uint64_t place)
{
	uint32_t adrp = ca__get32(field), add = ca__get32(field + 4);
	uint64_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);

	pages = ca__sign_extend(pages, 21);
	return (place & ~0xfffULL) + (pages << 12) + (add >> 10 & 0xfff);
}

static uint64_t ca__decode_riscv(const uint8_t *field)
{
	return ca__sign_extend(ca__get32(field) & 0xfffff000, 32) +
		ca__sign_extend(ca__get32(field + 4) >> 20, 12);
}

/**
 * ca__reloc_decode - read the target from a field
 * @form: enum codearena_reloc_form
 * @place: address of the field
 * @field: the bytes, with the instructions of the form
 * @target: receives what ca__reloc_encode() stored
 *
 * Return: 0; -EINVAL: unknown form.
 */
int ca__reloc_decode(uint32_t form, uint64_t place, const uint8_t *field,
		     uint64_t *target)
{
	switch (form) {
	case CODEARENA_FORM_ABS64:
		*target = ca__get64(field);
		return 0;
	case CODEARENA_FORM_ABS32:
		*target = ca__get32(field);
		return 0;
	case CODEARENA_FORM_X86_64_REL32:
		*target = place + 4 + ca__sign_extend(ca__get32(field), 32);
		return 0;
	case CODEARENA_FORM_AARCH64_BRANCH26:
		*target = place + (ca__sign_extend(ca__get32(field), 26) << 2);
		return 0;
	case CODEARENA_FORM_AARCH64_ADRP_ADD:
		*target = ca__decode_adrp_add(field, place);
		return 0;
	case CODEARENA_FORM_AARCH64_MOV64:
		*target = ca__decode_mov(field, 4);
		return 0;
	case CODEARENA_FORM_AARCH64_MOV32:
		*target = ca__decode_mov(field, 2);
		return 0;
	case CODEARENA_FORM_RISCV_PCREL:
		*target = place + ca__decode_riscv(field);
		return 0;
	case CODEARENA_FORM_RISCV_LUI:
		*target = ca__decode_riscv(field);
		return 0;
	default:
		return -EINVAL;
	}
}
