// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations of aarch64, after the ELF supplement of the Arm ABI.
 */
#include <errno.h>
#include <string.h>

#include "elf/elf_internal.h"

#define KIND(name, width, flags) { #name, name, width, flags }
#define INSN(name, flags) { #name, name, 4, CA__ELF_KIND_INSN | (flags) }

static const struct ca__elf_kind kinds[] = {
	KIND(R_AARCH64_NONE, 0, 0),
	KIND(R_AARCH64_ABS64, 8, 0),
	KIND(R_AARCH64_ABS32, 4, 0),
	KIND(R_AARCH64_PREL64, 8, 0),
	KIND(R_AARCH64_PREL32, 4, 0),
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
	INSN(R_AARCH64_ADR_GOT_PAGE, CA__ELF_KIND_GOT),
	INSN(R_AARCH64_LD64_GOT_LO12_NC, CA__ELF_KIND_GOT),
};

/* Whether a two's complement number of so many bits holds the value. */
static bool fits(uint64_t value, unsigned int bits)
{
	return value + (1ULL << (bits - 1)) < 1ULL << bits;
}

/* Whether 32 bits hold it, read as a signed or as an unsigned number. */
static bool fits_word(uint64_t value)
{
	return value + (1ULL << 31) < 3ULL << 31;
}

static void insert(uint8_t *field, unsigned int shift, unsigned int bits,
		   uint64_t value)
{
	uint32_t mask = ((1U << bits) - 1) << shift;
	uint32_t insn;

	memcpy(&insn, field, sizeof(insn));
	insn = (insn & ~mask) | ((uint32_t)(value << shift) & mask);
	memcpy(field, &insn, sizeof(insn));
}

/* An immediate in units of 4 bytes. */
static int branch(uint8_t *field, unsigned int shift, unsigned int bits,
		  uint64_t distance)
{
	if (distance & 3)
		return -EINVAL;
	if (!fits(distance, bits + 2))
		return -EOVERFLOW;
	insert(field, shift, bits, distance >> 2);
	return 0;
}

/* ADR and ADRP keep the two lowest bits apart. */
static int adr(uint8_t *field, uint64_t value)
{
	insert(field, 29, 2, value);
	insert(field, 5, 19, value >> 2);
	return 0;
}

static int adrp(uint8_t *field, uint64_t place, uint64_t target, bool check)
{
	uint64_t distance = (target & ~0xfffULL) - (place & ~0xfffULL);

	if (check && !fits(distance, 33))
		return -EOVERFLOW;
	return adr(field, distance >> 12);
}

/* The offset in a page, in units of the access. */
static int load_store(uint8_t *field, unsigned int scale, uint64_t target)
{
	if (target & ((1U << scale) - 1))
		return -EINVAL;
	insert(field, 10, 12, (target & 0xfff) >> scale);
	return 0;
}

static int aarch64_data(uint32_t type, uint8_t *field, uint64_t place,
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
		if (!fits_word(relative ? distance : target))
			return -EOVERFLOW;
		word = relative ? distance : target;
		memcpy(field, &word, sizeof(word));
		return 0;
	default:
		return -ENOTSUP;
	}
}

static int aarch64_apply(uint32_t type, uint8_t *field, uint64_t place,
			 uint64_t target)
{
	uint64_t distance = target - place;

	switch (type) {
	case R_AARCH64_NONE:
		return 0;
	case R_AARCH64_LD_PREL_LO19:
	case R_AARCH64_CONDBR19:
		return branch(field, 5, 19, distance);
	case R_AARCH64_TSTBR14:
		return branch(field, 5, 14, distance);
	case R_AARCH64_JUMP26:
	case R_AARCH64_CALL26:
		return branch(field, 0, 26, distance);
	case R_AARCH64_ADR_PREL_LO21:
		if (!fits(distance, 21))
			return -EOVERFLOW;
		return adr(field, distance);
	case R_AARCH64_ADR_PREL_PG_HI21:
	case R_AARCH64_ADR_GOT_PAGE:
		return adrp(field, place, target, true);
	case R_AARCH64_ADR_PREL_PG_HI21_NC:
		return adrp(field, place, target, false);
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_LDST8_ABS_LO12_NC:
		return load_store(field, 0, target);
	case R_AARCH64_LDST16_ABS_LO12_NC:
		return load_store(field, 1, target);
	case R_AARCH64_LDST32_ABS_LO12_NC:
		return load_store(field, 2, target);
	case R_AARCH64_LDST64_ABS_LO12_NC:
	case R_AARCH64_LD64_GOT_LO12_NC:
		return load_store(field, 3, target);
	case R_AARCH64_LDST128_ABS_LO12_NC:
		return load_store(field, 4, target);
	default:
		return aarch64_data(type, field, place, target);
	}
}

static void aarch64_stub(uint8_t *bytes, uint64_t target)
{
	/* x16 is the ABI's scratch register for veneers like this one. */
	static const uint32_t code[2] = {
		0x58000050,	/* ldr x16, start + 8 */
		0xd61f0200,	/* br x16 */
	};

	memcpy(bytes, code, sizeof(code));
	memcpy(bytes + sizeof(code), &target, sizeof(target));
}

static void aarch64_fill(uint8_t *bytes, size_t length)
{
	static const uint8_t brk[4] = { 0x00, 0x00, 0x20, 0xd4 };

	for (size_t i = 0; i < length; i++)
		bytes[i] = brk[i & 3];
}

/* ADRP reaches 4 GiB but data words of 32 bits only 2 GiB, as on x86-64. */
const struct ca__elf_machine ca__elf_aarch64 = {
	.machine = EM_AARCH64,
	.name = "aarch64",
	.kinds = kinds,
	.kind_count = sizeof(kinds) / sizeof(kinds[0]),
	.call_addend = 0,
	.reach = 1ULL << 31,
	.apply = aarch64_apply,
	.stub = aarch64_stub,
	.fill = aarch64_fill,
};
