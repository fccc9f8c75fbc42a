/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * ELF relocations, one architecture each: for the loader and for code/.
 */
#ifndef CA__ELF_RELOC_H
#define CA__ELF_RELOC_H

#include <stddef.h>
#include <stdint.h>

/* Flags of struct ca__elf_kind */
#define CA__ELF_KIND_GOT	(1U << 0) /* targets the symbol's GOT slot */
#define CA__ELF_KIND_CALL	(1U << 1) /* may go through a far stub */
#define CA__ELF_KIND_INSN	(1U << 2) /* lies in an aligned instruction */
#define CA__ELF_KIND_BASE	(1U << 3) /* targets the start of the GOT */
#define CA__ELF_KIND_FROM_GOT	(1U << 4) /* counts from the start of the GOT */
#define CA__ELF_KIND_FROM_PAGE	(1U << 5) /* counts from the GOT's first page */
#define CA__ELF_KIND_HIGH	(1U << 6) /* upper half of a distance */
#define CA__ELF_KIND_LOW	(1U << 7) /* lower half; its symbol is at the upper */

/* A supported relocation type. */
struct ca__elf_kind {
	const char *name;
	uint32_t type;
	uint16_t width;		/* bytes that it changes; 0: none */
	uint16_t flags;
};

/* An architecture. Its functions are pure, and the same on every host. */
struct ca__elf_machine {
	uint16_t machine;
	const char *name;
	const struct ca__elf_kind *kinds;
	size_t kind_count;
	/* Types that are known and not supported, for messages. */
	const struct ca__elf_kind *refused;
	size_t refused_count;
	/* The addend of a branch to the start of a symbol. */
	int64_t call_addend;
	/* Largest distance between any two bytes of an object. */
	uint64_t reach;
	/* Alignment of instructions, for CA__ELF_KIND_INSN. */
	uint32_t insn_align;
	/* Bytes of a far stub; the last 8 are the target. */
	uint32_t stub_size;
	/*
	 * Encode @target, with the addend included, in @field, which will have
	 * the address @place. Return -EOVERFLOW if it does not fit and -EINVAL
	 * if @target is misaligned; @field is unchanged then.
	 */
	int (*apply)(uint32_t type, uint8_t *field, uint64_t place,
		     uint64_t target);
	/* Write a far stub. */
	void (*stub)(uint8_t *bytes, uint64_t target);
	/* Fill with trap instructions. */
	void (*fill)(uint8_t *bytes, size_t length);
};

extern const struct ca__elf_machine ca__elf_x86_64;
extern const struct ca__elf_machine ca__elf_aarch64;
extern const struct ca__elf_machine ca__elf_riscv64;

#endif /* CA__ELF_RELOC_H */
