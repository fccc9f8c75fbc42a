// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations of aarch64, as in "ELF for the Arm 64-bit Architecture".
 */
#include <errno.h>
#include <string.h>

#include "elf/elf_internal.h"

#define KIND(name, width, flags) { #name, name, width, flags }
#define INSN(name, flags) { #name, name, 4, CA__ELF_KIND_INSN | (flags) }

static const struct ca__elf_kind ca__elf_a64_kinds[] = {
	KIND(R_AARCH64_NONE, 0, 0),
	KIND(R_AARCH64_ABS64, 8, 0),
	KIND(R_AARCH64_ABS32, 4, 0),
	KIND(R_AARCH64_PREL64, 8, 0),
	KIND(R_AARCH64_PREL32, 4, 0),
	INSN(R_AARCH64_MOVW_UABS_G0, 0),
	INSN(R_AARCH64_MOVW_UABS_G0_NC, 0),
	INSN(R_AARCH64_MOVW_UABS_G1, 0),
	INSN(R_AARCH64_MOVW_UABS_G1_NC, 0),
	INSN(R_AARCH64_MOVW_UABS_G2, 0),
	INSN(R_AARCH64_MOVW_UABS_G2_NC, 0),
	INSN(R_AARCH64_MOVW_UABS_G3, 0),
	INSN(R_AARCH64_LD_PREL_LO19, 0),
	INSN(R_AARCH64_ADR_PREL_LO21, 0),
	INSN(R_AARCH64_ADR_PREL_PG_HI21, 0),
	INSN(R_AARCH64_ADR_PREL_PG_HI21_NC, 0),
	INSN(R_AARCH64_ADD_ABS_LO12_NC, 0),
	INSN(R_AARCH64_LDST8_ABS_LO12_NC, 0),
	INSN(R_AARCH64_TSTBR14, 0),
	INSN(R_AARCH64_CONDBR19, 0),
	INSN(R_AARCH64_JUMP26, CA__ELF_KIND_CALL),
	INSN(R_AARCH64_CALL26, CA__ELF_KIND_CALL),
	INSN(R_AARCH64_LDST16_ABS_LO12_NC, 0),
	INSN(R_AARCH64_LDST32_ABS_LO12_NC, 0),
	INSN(R_AARCH64_LDST64_ABS_LO12_NC, 0),
	INSN(R_AARCH64_LDST128_ABS_LO12_NC, 0),
	INSN(R_AARCH64_GOT_LD_PREL19, CA__ELF_KIND_GOT),
	INSN(R_AARCH64_ADR_GOT_PAGE, CA__ELF_KIND_GOT),
	INSN(R_AARCH64_LD64_GOT_LO12_NC, CA__ELF_KIND_GOT),
	INSN(R_AARCH64_LD64_GOTPAGE_LO15,
	     CA__ELF_KIND_GOT | CA__ELF_KIND_FROM_PAGE),
};

/* Of thread-local storage. */
static const struct ca__elf_kind ca__elf_a64_refused[] = {
	KIND(R_AARCH64_TLSGD_ADR_PAGE21, 0, 0),
	KIND(R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21, 0, 0),
	KIND(R_AARCH64_TLSLE_ADD_TPREL_HI12, 0, 0),
	KIND(R_AARCH64_TLSDESC_ADR_PAGE21, 0, 0),
	KIND(R_AARCH64_TLSDESC_CALL, 0, 0),
};

/* Does a signed field of this many bits hold the value? */
static bool ca__elf_a64_fits(uint64_t value, unsigned int bits)
{
	return value + (1ULL << (bits - 1)) < 1ULL << bits;
}

/* Do 32 bits hold the value, read as signed or as unsigned? */
static bool ca__elf_a64_fits_word(uint64_t value)
{
	return value + (1ULL << 31) < 3ULL << 31;
}

static void ca__elf_a64_insert(uint8_t *field, unsigned int shift,
			       unsigned int bits, uint64_t value)
{
	uint32_t mask = ((1U << bits) - 1) << shift;
	uint32_t insn;

	memcpy(&insn, field, sizeof(insn));
	insn = (insn & ~mask) | ((uint32_t)(value << shift) & mask);
	memcpy(field, &insn, sizeof(insn));
}

/* A branch distance, in units of 4 bytes. */
static int ca__elf_a64_branch(uint8_t *field, unsigned int shift,
			      unsigned int bits, uint64_t distance)
{
	if (distance & 3)
		return -EINVAL;
	if (!ca__elf_a64_fits(distance, bits + 2))
		return -EOVERFLOW;
	ca__elf_a64_insert(field, shift, bits, distance >> 2);
	return 0;
}

/* ADR and ADRP have the two lowest bits in a field of their own. */
static int ca__elf_a64_adr(uint8_t *field, uint64_t value)
{
	ca__elf_a64_insert(field, 29, 2, value);
	ca__elf_a64_insert(field, 5, 19, value >> 2);
	return 0;
}

static int ca__elf_a64_adrp(uint8_t *field, uint64_t place, uint64_t target,
			    bool check)
{
	uint64_t distance = (target & ~0xfffULL) - (place & ~0xfffULL);

	if (check && !ca__elf_a64_fits(distance, 33))
		return -EOVERFLOW;
	return ca__elf_a64_adr(field, distance >> 12);
}

/* The offset in a 4 KiB page, in units of the access size. */
static int ca__elf_a64_load_store(uint8_t *field, unsigned int scale,
				  uint64_t target)
{
	if (target & ((1U << scale) - 1))
		return -EINVAL;
	ca__elf_a64_insert(field, 10, 12, (target & 0xfff) >> scale);
	return 0;
}

/* 16 bits of an address, @part counted from 0; @check: higher ones are 0. */
static int ca__elf_a64_move(uint8_t *field, unsigned int part, bool check,
			    uint64_t target)
{
	target >>= 16 * part;
	if (check && target > 0xffff)
		return -EOVERFLOW;
	ca__elf_a64_insert(field, 5, 16, target & 0xffff);
	return 0;
}

static int ca__elf_a64_moves(uint32_t type, uint8_t *field, uint64_t target)
{
	switch (type) {
	case R_AARCH64_MOVW_UABS_G0:
	case R_AARCH64_MOVW_UABS_G0_NC:
		return ca__elf_a64_move(field, 0,
					type == R_AARCH64_MOVW_UABS_G0, target);
	case R_AARCH64_MOVW_UABS_G1:
	case R_AARCH64_MOVW_UABS_G1_NC:
		return ca__elf_a64_move(field, 1,
					type == R_AARCH64_MOVW_UABS_G1, target);
	case R_AARCH64_MOVW_UABS_G2:
	case R_AARCH64_MOVW_UABS_G2_NC:
		return ca__elf_a64_move(field, 2,
					type == R_AARCH64_MOVW_UABS_G2, target);
	case R_AARCH64_MOVW_UABS_G3:
		return ca__elf_a64_move(field, 3, false, target);
	default:
		return -ENOTSUP;
	}
}

/* @target is the distance of a GOT slot from the GOT's first page. */
static int ca__elf_a64_got_page(uint8_t *field, uint64_t target)
{
	if (target & 7)
		return -EINVAL;
	if (target > 0x7fff)
		return -EOVERFLOW;
	ca__elf_a64_insert(field, 10, 12, target >> 3);
	return 0;
}

static int ca__elf_a64_data(uint32_t type, uint8_t *field, uint64_t place,
			    uint64_t target)
{
	uint64_t distance = target - place;
	bool relative = type == R_AARCH64_PREL32;
	uint32_t word;

	switch (type) {
	case R_AARCH64_ABS64:
		memcpy(field, &target, sizeof(target));
		return 0;
	case R_AARCH64_PREL64:
		memcpy(field, &distance, sizeof(distance));
		return 0;
	case R_AARCH64_ABS32:
	case R_AARCH64_PREL32:
		if (!ca__elf_a64_fits_word(relative ? distance : target))
			return -EOVERFLOW;
		word = relative ? distance : target;
		memcpy(field, &word, sizeof(word));
		return 0;
	default:
		return ca__elf_a64_moves(type, field, target);
	}
}

static int ca__elf_a64_apply(uint32_t type, uint8_t *field, uint64_t place,
			     uint64_t target)
{
	uint64_t distance = target - place;

	switch (type) {
	case R_AARCH64_NONE:
		return 0;
	case R_AARCH64_LD_PREL_LO19:
	case R_AARCH64_GOT_LD_PREL19:
	case R_AARCH64_CONDBR19:
		return ca__elf_a64_branch(field, 5, 19, distance);
	case R_AARCH64_TSTBR14:
		return ca__elf_a64_branch(field, 5, 14, distance);
	case R_AARCH64_JUMP26:
	case R_AARCH64_CALL26:
		return ca__elf_a64_branch(field, 0, 26, distance);
	case R_AARCH64_ADR_PREL_LO21:
		if (!ca__elf_a64_fits(distance, 21))
			return -EOVERFLOW;
		return ca__elf_a64_adr(field, distance);
	case R_AARCH64_ADR_PREL_PG_HI21:
	case R_AARCH64_ADR_GOT_PAGE:
		return ca__elf_a64_adrp(field, place, target, true);
	case R_AARCH64_ADR_PREL_PG_HI21_NC:
		return ca__elf_a64_adrp(field, place, target, false);
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_LDST8_ABS_LO12_NC:
		return ca__elf_a64_load_store(field, 0, target);
	case R_AARCH64_LDST16_ABS_LO12_NC:
		return ca__elf_a64_load_store(field, 1, target);
	case R_AARCH64_LDST32_ABS_LO12_NC:
		return ca__elf_a64_load_store(field, 2, target);
	case R_AARCH64_LDST64_ABS_LO12_NC:
	case R_AARCH64_LD64_GOT_LO12_NC:
		return ca__elf_a64_load_store(field, 3, target);
	case R_AARCH64_LDST128_ABS_LO12_NC:
		return ca__elf_a64_load_store(field, 4, target);
	case R_AARCH64_LD64_GOTPAGE_LO15:
		return ca__elf_a64_got_page(field, target);
	default:
		return ca__elf_a64_data(type, field, place, target);
	}
}

static void ca__elf_a64_stub(uint8_t *bytes, uint64_t target)
{
	/* The ABI reserves x16 for veneers like this one. */
	static const uint32_t code[2] = {
		0x58000050,	/* ldr x16, start + 8 */
		0xd61f0200,	/* br x16 */
	};

	memcpy(bytes, code, sizeof(code));
	memcpy(bytes + sizeof(code), &target, sizeof(target));
}

static void ca__elf_a64_fill(uint8_t *bytes, size_t length)
{
	static const uint8_t brk[4] = { 0x00, 0x00, 0x20, 0xd4 };

	for (size_t i = 0; i < length; i++)
		bytes[i] = brk[i & 3];
}

/* ADRP reaches 4 GiB, 32-bit data words only 2 GiB. */
const struct ca__elf_machine ca__elf_aarch64 = {
	.machine = EM_AARCH64,
	.name = "aarch64",
	.kinds = ca__elf_a64_kinds,
	.kind_count = sizeof(ca__elf_a64_kinds) / sizeof(ca__elf_a64_kinds[0]),
	.refused = ca__elf_a64_refused,
	.refused_count = sizeof(ca__elf_a64_refused) /
			 sizeof(ca__elf_a64_refused[0]),
	.call_addend = 0,
	.reach = 1ULL << 31,
	.insn_align = 4,
	.stub_size = 16,
	.apply = ca__elf_a64_apply,
	.stub = ca__elf_a64_stub,
	.fill = ca__elf_a64_fill,
};
