// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations of x86-64, as in the System V psABI.
 */
#include <errno.h>
#include <string.h>

#include "elf/elf_internal.h"

#define KIND(name, width, flags) { #name, name, width, flags }

/*
 * The relaxable forms of GOTPCREL are handled as the plain one: loading from
 * the GOT is right wherever the symbol lies. PLTOFF64 needs no stub: its 64 bits
 * reach every function.
 */
static const struct ca__elf_kind ca__elf_x86_kinds[] = {
	KIND(R_X86_64_NONE, 0, 0),
	KIND(R_X86_64_64, 8, 0),
	KIND(R_X86_64_PC32, 4, 0),
	KIND(R_X86_64_PLT32, 4, CA__ELF_KIND_CALL),
	KIND(R_X86_64_GOTPCREL, 4, CA__ELF_KIND_GOT),
	KIND(R_X86_64_32, 4, 0),
	KIND(R_X86_64_32S, 4, 0),
	KIND(R_X86_64_PC64, 8, 0),
	KIND(R_X86_64_GOT32, 4, CA__ELF_KIND_GOT | CA__ELF_KIND_FROM_GOT),
	KIND(R_X86_64_GOTOFF64, 8, CA__ELF_KIND_FROM_GOT),
	KIND(R_X86_64_GOTPC32, 4, CA__ELF_KIND_BASE),
	KIND(R_X86_64_GOT64, 8, CA__ELF_KIND_GOT | CA__ELF_KIND_FROM_GOT),
	KIND(R_X86_64_GOTPCREL64, 8, CA__ELF_KIND_GOT),
	KIND(R_X86_64_GOTPC64, 8, CA__ELF_KIND_BASE),
	KIND(R_X86_64_PLTOFF64, 8, CA__ELF_KIND_FROM_GOT),
	KIND(R_X86_64_GOTPCRELX, 4, CA__ELF_KIND_GOT),
	KIND(R_X86_64_REX_GOTPCRELX, 4, CA__ELF_KIND_GOT),
};

/* Of thread-local storage. */
static const struct ca__elf_kind ca__elf_x86_refused[] = {
	KIND(R_X86_64_TLSGD, 0, 0),
	KIND(R_X86_64_TLSLD, 0, 0),
	KIND(R_X86_64_DTPOFF32, 0, 0),
	KIND(R_X86_64_GOTTPOFF, 0, 0),
	KIND(R_X86_64_TPOFF32, 0, 0),
	KIND(R_X86_64_GOTPC32_TLSDESC, 0, 0),
	KIND(R_X86_64_TLSDESC_CALL, 0, 0),
};

static int ca__elf_x86_apply(uint32_t type, uint8_t *field, uint64_t place,
			     uint64_t target)
{
	uint64_t distance = target - place;
	uint32_t word;

	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
	case R_X86_64_GOTOFF64:
	case R_X86_64_GOT64:
	case R_X86_64_PLTOFF64:
		memcpy(field, &target, sizeof(target));
		return 0;
	case R_X86_64_PC64:
	case R_X86_64_GOTPCREL64:
	case R_X86_64_GOTPC64:
		memcpy(field, &distance, sizeof(distance));
		return 0;
	case R_X86_64_32:
		if (target > UINT32_MAX)
			return -EOVERFLOW;
		word = target;
		break;
	case R_X86_64_32S:
	case R_X86_64_GOT32:
		if (target + (1ULL << 31) > UINT32_MAX)
			return -EOVERFLOW;
		word = target;
		break;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
	case R_X86_64_GOTPC32:
		if (distance + (1ULL << 31) > UINT32_MAX)
			return -EOVERFLOW;
		word = distance;
		break;
	default:
		return -ENOTSUP;
	}
	memcpy(field, &word, sizeof(word));
	return 0;
}

static void ca__elf_x86_stub(uint8_t *bytes, uint64_t target)
{
	static const uint8_t code[8] = {
		0xff, 0x25, 0x02, 0x00, 0x00, 0x00,	/* jmp *8(start) */
		0x0f, 0x0b,				/* ud2 */
	};

	memcpy(bytes, code, sizeof(code));
	memcpy(bytes + sizeof(code), &target, sizeof(target));
}

static void ca__elf_x86_fill(uint8_t *bytes, size_t length)
{
	memset(bytes, 0xcc, length);
}

const struct ca__elf_machine ca__elf_x86_64 = {
	.machine = EM_X86_64,
	.name = "x86-64",
	.kinds = ca__elf_x86_kinds,
	.kind_count = sizeof(ca__elf_x86_kinds) / sizeof(ca__elf_x86_kinds[0]),
	.refused = ca__elf_x86_refused,
	.refused_count = sizeof(ca__elf_x86_refused) /
			 sizeof(ca__elf_x86_refused[0]),
	.call_addend = -4,
	.reach = 1ULL << 31,
	.insn_align = 1,
	.stub_size = 16,
	.apply = ca__elf_x86_apply,
	.stub = ca__elf_x86_stub,
	.fill = ca__elf_x86_fill,
};
