/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * ELF relocations of one architecture, for the loader and for code/.
 */
#ifndef CA__ELF_RELOC_H
#define CA__ELF_RELOC_H

#include <stddef.h>
#include <stdint.h>

/* Flags of struct ca__elf_kind */
#define CA__ELF_KIND_GOT	(1U << 0) /* the target is the symbol's slot */
#define CA__ELF_KIND_CALL	(1U << 1) /* may go through a far stub */
#define CA__ELF_KIND_INSN	(1U << 2) /* in an aligned instruction */

/* A relocation type that is supported. */
struct ca__elf_kind {
	const char *name;
	uint32_t type;
	uint16_t width;		/* bytes that it changes, 0: none */
	uint16_t flags;
};

/*
 * An architecture. Everything in it is arithmetic on its arguments, the same
 * on every host.
 */
struct ca__elf_machine {
	uint16_t machine;
	const char *name;
	const struct ca__elf_kind *kinds;
	size_t kind_count;
	/* A branch to a symbol has this addend. */
	int64_t call_addend;
	/* All code and data of an object lie within so many bytes. */
	uint64_t reach;
	/*
	 * Stores the relocation of @type in @field, which is at address @place,
	 * for the target (symbol or slot, and addend) at @target. -EOVERFLOW if
	 * it does not fit, -EINVAL if the target is misaligned; then @field is
	 * unchanged.
	 */
	int (*apply)(uint32_t type, uint8_t *field, uint64_t place,
		     uint64_t target);
	/* Writes CA__ELF_STUB_SIZE bytes that jump to @target. */
	void (*stub)(uint8_t *bytes, uint64_t target);
	/* Fills with trap instructions. */
	void (*fill)(uint8_t *bytes, size_t length);
};

extern const struct ca__elf_machine ca__elf_x86_64;
extern const struct ca__elf_machine ca__elf_aarch64;

#endif /* CA__ELF_RELOC_H */
