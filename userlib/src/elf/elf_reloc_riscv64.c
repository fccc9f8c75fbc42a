// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations of riscv64, as in the RISC-V ELF psABI. Nothing is relaxed: what the
 * compiler wrote is right without it, but for R_RISCV_ALIGN, where bytes would have
 * to go. Files built with -mno-relax have none of these.
 */
#include <errno.h>
#include <string.h>

#include "base/encode.h"
#include "elf/elf_internal.h"

#define KIND(name, width, flags) { #name, name, width, flags }
#define INSN(name, flags) { #name, name, 4, CA__ELF_KIND_INSN | (flags) }

static const struct ca__elf_kind ca__elf_rv_kinds[] = {
	KIND(R_RISCV_NONE, 0, 0),
	KIND(R_RISCV_32, 4, 0),
	KIND(R_RISCV_64, 8, 0),
	INSN(R_RISCV_BRANCH, 0),
	INSN(R_RISCV_JAL, CA__ELF_KIND_CALL),
	KIND(R_RISCV_CALL, 8, CA__ELF_KIND_INSN | CA__ELF_KIND_CALL),
	KIND(R_RISCV_CALL_PLT, 8, CA__ELF_KIND_INSN | CA__ELF_KIND_CALL),
	INSN(R_RISCV_GOT_HI20, CA__ELF_KIND_GOT | CA__ELF_KIND_HIGH),
	INSN(R_RISCV_PCREL_HI20, CA__ELF_KIND_HIGH),
	INSN(R_RISCV_PCREL_LO12_I, CA__ELF_KIND_LOW),
	INSN(R_RISCV_PCREL_LO12_S, CA__ELF_KIND_LOW),
	INSN(R_RISCV_HI20, 0),
	INSN(R_RISCV_LO12_I, 0),
	INSN(R_RISCV_LO12_S, 0),
	KIND(R_RISCV_ADD8, 1, 0),
	KIND(R_RISCV_ADD16, 2, 0),
	KIND(R_RISCV_ADD32, 4, 0),
	KIND(R_RISCV_ADD64, 8, 0),
	KIND(R_RISCV_SUB8, 1, 0),
	KIND(R_RISCV_SUB16, 2, 0),
	KIND(R_RISCV_SUB32, 4, 0),
	KIND(R_RISCV_SUB64, 8, 0),
	KIND(R_RISCV_RVC_BRANCH, 2, CA__ELF_KIND_INSN),
	KIND(R_RISCV_RVC_JUMP, 2, CA__ELF_KIND_INSN),
	KIND(R_RISCV_RELAX, 0, 0),
	KIND(R_RISCV_SUB6, 1, 0),
	KIND(R_RISCV_SET6, 1, 0),
	KIND(R_RISCV_SET8, 1, 0),
	KIND(R_RISCV_SET16, 2, 0),
	KIND(R_RISCV_SET32, 4, 0),
	KIND(R_RISCV_32_PCREL, 4, 0),
};

/* Of relaxation and thread-local storage. */
static const struct ca__elf_kind ca__elf_rv_refused[] = {
	{ "R_RISCV_ALIGN (build with -mno-relax)", R_RISCV_ALIGN, 0, 0 },
	KIND(R_RISCV_TLS_GOT_HI20, 0, 0),
	KIND(R_RISCV_TLS_GD_HI20, 0, 0),
	KIND(R_RISCV_TPREL_HI20, 0, 0),
	KIND(R_RISCV_TPREL_LO12_I, 0, 0),
	KIND(R_RISCV_TPREL_LO12_S, 0, 0),
	KIND(R_RISCV_TPREL_ADD, 0, 0),
};

/* The bits of @value from @from on, @count of them, moved to @to. */
static uint32_t ca__elf_rv_bits(uint64_t value, unsigned int from,
				unsigned int count, unsigned int to)
{
	return (uint32_t)(value >> from & ((1U << count) - 1)) << to;
}

/* Does a signed field of this many bits hold the value? */
static bool ca__elf_rv_fits(uint64_t value, unsigned int bits)
{
	return value + (1ULL << (bits - 1)) < 1ULL << bits;
}

static void ca__elf_rv_insert(uint8_t *field, uint32_t mask, uint32_t bits)
{
	ca__put32(field, (ca__get32(field) & ~mask) | bits);
}

/* Instructions that add a signed number to the upper part: lui and auipc. */
static int ca__elf_rv_high(uint8_t *field, uint64_t value)
{
	if (!ca__elf_rv_fits(value + 0x800, 32))
		return -EOVERFLOW;
	ca__elf_rv_insert(field, 0xfffff000, (value + 0x800) & 0xfffff000);
	return 0;
}

static int ca__elf_rv_low_load(uint8_t *field, uint64_t value)
{
	ca__elf_rv_insert(field, 0xfff00000, ca__elf_rv_bits(value, 0, 12, 20));
	return 0;
}

static int ca__elf_rv_low_store(uint8_t *field, uint64_t value)
{
	ca__elf_rv_insert(field, 0xfe000f80, ca__elf_rv_bits(value, 0, 5, 7) |
			  ca__elf_rv_bits(value, 5, 7, 25));
	return 0;
}

/* auipc and jalr */
static int ca__elf_rv_call(uint8_t *field, uint64_t distance)
{
	int ret = distance & 1 ? -EINVAL : ca__elf_rv_high(field, distance);

	return ret ? ret : ca__elf_rv_low_load(field + 4, distance);
}

static int ca__elf_rv_jal(uint8_t *field, uint64_t distance)
{
	ca__elf_rv_insert(field, 0xfffff000,
			  ca__elf_rv_bits(distance, 12, 8, 12) |
			  ca__elf_rv_bits(distance, 11, 1, 20) |
			  ca__elf_rv_bits(distance, 1, 10, 21) |
			  ca__elf_rv_bits(distance, 20, 1, 31));
	return 0;
}

static int ca__elf_rv_branch(uint8_t *field, uint64_t distance)
{
	ca__elf_rv_insert(field, 0xfe000f80,
			  ca__elf_rv_bits(distance, 11, 1, 7) |
			  ca__elf_rv_bits(distance, 1, 4, 8) |
			  ca__elf_rv_bits(distance, 5, 6, 25) |
			  ca__elf_rv_bits(distance, 12, 1, 31));
	return 0;
}

static void ca__elf_rv_insert16(uint8_t *field, uint16_t mask, uint32_t bits)
{
	uint16_t insn;

	memcpy(&insn, field, sizeof(insn));
	insn = (insn & ~mask) | bits;
	memcpy(field, &insn, sizeof(insn));
}

static int ca__elf_rv_short_branch(uint8_t *field, uint64_t distance)
{
	ca__elf_rv_insert16(field, 0x1c7c,
			    ca__elf_rv_bits(distance, 5, 1, 2) |
			    ca__elf_rv_bits(distance, 1, 2, 3) |
			    ca__elf_rv_bits(distance, 6, 2, 5) |
			    ca__elf_rv_bits(distance, 3, 2, 10) |
			    ca__elf_rv_bits(distance, 8, 1, 12));
	return 0;
}

static int ca__elf_rv_short_jump(uint8_t *field, uint64_t distance)
{
	ca__elf_rv_insert16(field, 0x1ffc,
			    ca__elf_rv_bits(distance, 5, 1, 2) |
			    ca__elf_rv_bits(distance, 1, 3, 3) |
			    ca__elf_rv_bits(distance, 7, 1, 6) |
			    ca__elf_rv_bits(distance, 6, 1, 7) |
			    ca__elf_rv_bits(distance, 10, 1, 8) |
			    ca__elf_rv_bits(distance, 8, 2, 9) |
			    ca__elf_rv_bits(distance, 4, 1, 11) |
			    ca__elf_rv_bits(distance, 11, 1, 12));
	return 0;
}

/* Branches of which the distance is @bits wide. */
static int ca__elf_rv_jump(uint32_t type, uint8_t *field, uint64_t distance)
{
	static const struct {
		uint32_t type;
		unsigned int bits;
		int (*encode)(uint8_t *field, uint64_t distance);
	} jumps[] = {
		{ R_RISCV_BRANCH, 13, ca__elf_rv_branch },
		{ R_RISCV_JAL, 21, ca__elf_rv_jal },
		{ R_RISCV_RVC_BRANCH, 9, ca__elf_rv_short_branch },
		{ R_RISCV_RVC_JUMP, 12, ca__elf_rv_short_jump },
	};

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		if (jumps[i].type != type)
			continue;
		if (distance & 1)
			return -EINVAL;
		if (!ca__elf_rv_fits(distance, jumps[i].bits))
			return -EOVERFLOW;
		return jumps[i].encode(field, distance);
	}
	return -ENOTSUP;
}

/* Numbers that two or three relocations of one field make: modulo its width. */
static int ca__elf_rv_sum(uint32_t type, uint8_t *field, uint64_t target)
{
	static const struct {
		uint32_t type;
		uint8_t width;
		int8_t sign;	/* 0: the field is set */
		uint8_t mask;	/* of the first byte */
	} sums[] = {
		{ R_RISCV_ADD8, 1, 1, 0xff }, { R_RISCV_ADD16, 2, 1, 0xff },
		{ R_RISCV_ADD32, 4, 1, 0xff }, { R_RISCV_ADD64, 8, 1, 0xff },
		{ R_RISCV_SUB8, 1, -1, 0xff }, { R_RISCV_SUB16, 2, -1, 0xff },
		{ R_RISCV_SUB32, 4, -1, 0xff }, { R_RISCV_SUB64, 8, -1, 0xff },
		{ R_RISCV_SUB6, 1, -1, 0x3f }, { R_RISCV_SET6, 1, 0, 0x3f },
		{ R_RISCV_SET8, 1, 0, 0xff }, { R_RISCV_SET16, 2, 0, 0xff },
		{ R_RISCV_SET32, 4, 0, 0xff },
	};
	uint64_t value = 0;
	uint8_t first = *field;

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		if (sums[i].type != type)
			continue;
		if (sums[i].sign)
			memcpy(&value, field, sums[i].width);
		value += sums[i].sign < 0 ? -target : target;
		memcpy(field, &value, sums[i].width);
		*field = (*field & sums[i].mask) | (first & ~sums[i].mask);
		return 0;
	}
	return ca__elf_rv_jump(type, field, target);
}

static int ca__elf_rv_word(uint8_t *field, uint64_t value)
{
	/* Read as signed or as unsigned. */
	if (value + (1ULL << 31) >= 3ULL << 31)
		return -EOVERFLOW;
	ca__put32(field, value);
	return 0;
}

static int ca__elf_rv_apply(uint32_t type, uint8_t *field, uint64_t place,
			    uint64_t target)
{
	uint64_t distance = target - place;

	switch (type) {
	case R_RISCV_NONE:
	case R_RISCV_RELAX:
		return 0;
	case R_RISCV_32:
		return ca__elf_rv_word(field, target);
	case R_RISCV_64:
		ca__put64(field, target);
		return 0;
	case R_RISCV_32_PCREL:
		return ca__elf_rv_word(field, distance);
	case R_RISCV_CALL:
	case R_RISCV_CALL_PLT:
		return ca__elf_rv_call(field, distance);
	case R_RISCV_GOT_HI20:
	case R_RISCV_PCREL_HI20:
		return ca__elf_rv_high(field, distance);
	case R_RISCV_PCREL_LO12_I:
		return ca__elf_rv_low_load(field, distance);
	case R_RISCV_PCREL_LO12_S:
		return ca__elf_rv_low_store(field, distance);
	case R_RISCV_HI20:
		return ca__elf_rv_high(field, target);
	case R_RISCV_LO12_I:
		return ca__elf_rv_low_load(field, target);
	case R_RISCV_LO12_S:
		return ca__elf_rv_low_store(field, target);
	case R_RISCV_BRANCH:
	case R_RISCV_JAL:
	case R_RISCV_RVC_BRANCH:
	case R_RISCV_RVC_JUMP:
		return ca__elf_rv_jump(type, field, distance);
	default:
		return ca__elf_rv_sum(type, field, target);
	}
}

/* t3 is what the linker's own stubs use too. */
static void ca__elf_rv_stub(uint8_t *bytes, uint64_t target)
{
	static const uint32_t code[] = {
		0x00000e17,	/* auipc t3, 0 */
		0x010e3e03,	/* ld t3, 16(t3) */
		0x000e0067,	/* jr t3 */
		0x00100073,	/* ebreak */
	};

	memcpy(bytes, code, sizeof(code));
	memcpy(bytes + sizeof(code), &target, sizeof(target));
}

/* c.ebreak, so that every place where an instruction can begin traps. */
static void ca__elf_rv_fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = i & 1 ? 0x90 : 0x02;
}

/* auipc reaches 2 GiB, rounded to the nearest 4 KiB. */
const struct ca__elf_machine ca__elf_riscv64 = {
	.machine = EM_RISCV,
	.name = "riscv64",
	.kinds = ca__elf_rv_kinds,
	.kind_count = sizeof(ca__elf_rv_kinds) / sizeof(ca__elf_rv_kinds[0]),
	.refused = ca__elf_rv_refused,
	.refused_count = sizeof(ca__elf_rv_refused) /
			 sizeof(ca__elf_rv_refused[0]),
	.call_addend = 0,
	.reach = (1ULL << 31) - 0x1000,
	.insn_align = 2,
	.stub_size = 24,
	.apply = ca__elf_rv_apply,
	.stub = ca__elf_rv_stub,
	.fill = ca__elf_rv_fill,
};
