// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encoding the fields of relocations. Forms that are ELF relocations as well
 * use the encoders of the ELF loader.
 */
#include <elf.h>
#include <errno.h>

#include "base/encode.h"
#include "code/reloc.h"
#include "elf/elf_reloc.h"

static int ca__number32(uint64_t target)
{
	return target > UINT32_MAX ? -ERANGE : 0;
}

static void ca__encode_mov(uint8_t *field, unsigned int count, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint32_t insn = ca__get32(field + 4 * i) & ~(0xffffU << 5);

		insn |= (uint32_t)(value >> 16 * i & 0xffff) << 5;
		ca__put32(field + 4 * i, insn);
	}
}

static int ca__encode_adrp_add(uint64_t place, uint64_t target, uint8_t *field)
{
	const struct ca__elf_machine *elf = &ca__elf_aarch64;
	int ret = elf->apply(R_AARCH64_ADR_PREL_PG_HI21, field, place, target);

	if (ret)
		return ret;
	return elf->apply(R_AARCH64_ADD_ABS_LO12_NC, field + 4, place + 4,
			  target);
}

/*
 * The lower instruction adds a signed number, so the upper one is rounded to
 * the nearest multiple of 4096: the reach is 2 GiB, shifted by 2 KiB.
 */
static int ca__encode_riscv(uint64_t value, uint8_t *field)
{
	uint32_t upper, lower;

	if (value + 0x80000800ULL > UINT32_MAX)
		return -ERANGE;
	upper = (uint32_t)(value + 0x800) & 0xfffff000;
	lower = (uint32_t)value << 20;
	ca__put32(field, (ca__get32(field) & 0xfff) | upper);
	ca__put32(field + 4, (ca__get32(field + 4) & 0xfffff) | lower);
	return 0;
}

static int ca__encode_pcrel(uint64_t place, uint64_t target, uint8_t *field)
{
	bool jump = (ca__get32(field + 4) & 0x7f) == 0x67;

	/* JALR clears the lowest bit of its target. */
	if (jump && (target & 1))
		return -EINVAL;
	return ca__encode_riscv(target - place, field);
}

/**
 * ca__reloc_encode - store the target in a field
 * @form: enum codearena_reloc_form
 * @place: address that the field will have
 * @target: an address, or a number
 * @field: the bytes, with the instructions of the form
 *
 * Return: 0; -ERANGE: out of reach; -EINVAL: unknown form, or @target is
 * misaligned. On failure the field is unchanged.
 */
int ca__reloc_encode(uint32_t form, uint64_t place, uint64_t target,
		     uint8_t *field)
{
	int ret;

	switch (form) {
	case CODEARENA_FORM_ABS64:
		ca__put64(field, target);
		return 0;
	case CODEARENA_FORM_ABS32:
		ret = ca__number32(target);
		if (!ret)
			ca__put32(field, target);
		return ret;
	case CODEARENA_FORM_X86_64_REL32:
		ret = ca__elf_x86_64.apply(R_X86_64_PC32, field, place + 4,
					   target);
		break;
	case CODEARENA_FORM_AARCH64_BRANCH26:
		ret = ca__elf_aarch64.apply(R_AARCH64_CALL26, field, place,
					    target);
		break;
	case CODEARENA_FORM_AARCH64_ADRP_ADD:
		ret = ca__encode_adrp_add(place, target, field);
		break;
	case CODEARENA_FORM_AARCH64_MOV64:
		ca__encode_mov(field, 4, target);
		return 0;
	case CODEARENA_FORM_AARCH64_MOV32:
		ret = ca__number32(target);
		if (!ret)
			ca__encode_mov(field, 2, target);
		return ret;
	case CODEARENA_FORM_RISCV_PCREL:
		return ca__encode_pcrel(place, target, field);
	case CODEARENA_FORM_RISCV_LUI:
		if (target > INT32_MAX - 0x800)
			return -ERANGE;
		return ca__encode_riscv(target, field);
	default:
		return -EINVAL;
	}
	return ret == -EOVERFLOW ? -ERANGE : ret;
}

/**
 * ca__reloc_clear - remove the target from a field
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @field: the bytes
 *
 * The immediates become 0, so that code has the same bytes wherever it was.
 *
 * Return: 0; -EINVAL: the machine does not have the form; -ENOEXEC: the field
 * does not hold the instructions of the form.
 */
int ca__reloc_clear(uint32_t machine, uint32_t form, uint8_t *field)
{
	if (!ca__reloc_form(machine, form).width)
		return -EINVAL;
	if (!ca__reloc_shape(form, field))
		return -ENOEXEC;
	/* This form counts from the end of the field. */
	return ca__reloc_encode(form, 0,
				form == CODEARENA_FORM_X86_64_REL32 ? 4 : 0,
				field);
}
