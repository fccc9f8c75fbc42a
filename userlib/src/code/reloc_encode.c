// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encoding of the fields of relocations. What ELF has relocations for is left
 * to those of the loader.
 */
#include <elf.h>
#include <errno.h>

#include "elf/elf_internal.h"
#include "code/reloc.h"

static int number32(uint64_t target)
{
	return target > UINT32_MAX ? -ERANGE : 0;
}

static void encode_mov(uint8_t *field, unsigned int count, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint32_t insn = ca__insn(field, i) & ~(0xffffU << 5);

		insn |= (uint32_t)(value >> 16 * i & 0xffff) << 5;
		ca__insn_set(field, i, insn);
	}
}

static int encode_adrp_add(uint64_t place, uint64_t target, uint8_t *field)
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
static int encode_riscv(uint64_t value, uint8_t *field)
{
	uint32_t upper, lower;

	if (value + 0x80000800ULL > UINT32_MAX)
		return -ERANGE;
	upper = (uint32_t)(value + 0x800) & 0xfffff000;
	lower = (uint32_t)value << 20;
	ca__insn_set(field, 0, (ca__insn(field, 0) & 0xfff) | upper);
	ca__insn_set(field, 1, (ca__insn(field, 1) & 0xfffff) | lower);
	return 0;
}

static int encode_pcrel(uint64_t place, uint64_t target, uint8_t *field)
{
	bool jump = (ca__insn(field, 1) & 0x7f) == 0x67;

	/* JALR forgets the lowest bit, so it would go elsewhere. */
	if (jump && (target & 1))
		return -EINVAL;
	return encode_riscv(target - place, field);
}

/**
 * ca__reloc_encode - fill in a field
 * @form: a form that exists
 * @place: address of the field
 * @target: what belongs there
 * @field: the bytes, with the instructions of the form
 *
 * Return: 0; -ERANGE: it does not fit; -EINVAL: misaligned, or unknown form. On
 * failure the field is unchanged.
 */
int ca__reloc_encode(uint32_t form, uint64_t place, uint64_t target,
		     uint8_t *field)
{
	int ret;

	switch (form) {
	case CODEARENA_FORM_ABS64:
		memcpy(field, &target, sizeof(target));
		return 0;
	case CODEARENA_FORM_ABS32:
		ret = number32(target);
		if (!ret)
			ca__insn_set(field, 0, target);
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
		ret = encode_adrp_add(place, target, field);
		break;
	case CODEARENA_FORM_AARCH64_MOV64:
		encode_mov(field, 4, target);
		return 0;
	case CODEARENA_FORM_AARCH64_MOV32:
		ret = number32(target);
		if (!ret)
			encode_mov(field, 2, target);
		return ret;
	case CODEARENA_FORM_RISCV_PCREL:
		return encode_pcrel(place, target, field);
	case CODEARENA_FORM_RISCV_LUI:
		if (target > INT32_MAX - 0x800)
			return -ERANGE;
		return encode_riscv(target, field);
	default:
		return -EINVAL;
	}
	return ret == -EOVERFLOW ? -ERANGE : ret;
}
