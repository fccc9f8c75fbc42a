/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The object file loader from the inside.
 *
 *   elf_parse.c          what the file says, every byte of it checked
 *   elf_layout.c         where its parts go
 *   elf_link.c           bytes with their final addresses
 *   elf_load.c           into the arena and out of it
 *   elf_reloc_*.c        arithmetic of one architecture
 *   elf.c                opening, closing, looking up
 *
 * Own parsing instead of libelf: the library depends on nothing but libc, and
 * a relocatable file needs a small part of what libelf does, checked more
 * strictly.
 */
#ifndef CODEARENA_ELF_INTERNAL_H
#define CODEARENA_ELF_INTERNAL_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena/elf.h"
#include "arena/arena.h"
#include "elf/elf_reloc.h"

/* Structures of the file are used as they are. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the loader is written for little-endian machines"
#endif

#define CA__ELF_NONE	UINT32_MAX

/* Arenas begin at a page, so this much alignment can be kept everywhere. */
#define CA__ELF_MAX_ALIGN	4096

/* Bytes of a far stub, on every architecture. */
#define CA__ELF_STUB_SIZE	16

/* Of the largest trap instruction. */
#define CA__ELF_TRAP_SIZE	4

/* Longest name that error texts quote. */
#define CA__ELF_NAME_SHOWN	64

enum ca__elf_where {
	CA__ELF_NOWHERE,	/* not loaded */
	CA__ELF_CODE,		/* in the arena, a code object of its own */
	CA__ELF_RODATA,		/* in the arena, with all other constants */
	CA__ELF_DATA		/* in ordinary memory */
};

struct ca__elf_section {
	const char *name;
	const uint8_t *bytes;	/* NULL: zeroes */
	uint64_t size;
	uint64_t align;
	uint64_t place;		/* from the start of code or data */
	uint64_t first;		/* value of the first function symbol */
	enum ca__elf_where where;
	bool has_function;
	bool has_functions;	/* more than one, aliases not counted */
	bool discarded;
};

/* Where a symbol is defined. */
enum ca__elf_home {
	CA__ELF_UNDEFINED,
	CA__ELF_ABSOLUTE,
	CA__ELF_COMMON,
	CA__ELF_IN_SECTION
};

struct ca__elf_symbol {
	const char *name;
	uint64_t value;		/* alignment of common symbols */
	uint64_t size;
	uint64_t place;		/* of common symbols, from the start of data */
	uint64_t address;	/* once linked */
	uint32_t section;
	uint32_t got;		/* slot, or CA__ELF_NONE */
	uint32_t stub;		/* slot once linked, or CA__ELF_NONE */
	uint8_t type;
	uint8_t bind;
	uint8_t home;
	bool used;		/* a relocation needs its address */
	bool called;		/* a branch goes to it */
};

/* A table of relocations of one section that is loaded. */
struct ca__elf_relocs {
	const uint8_t *bytes;	/* of Elf64_Rela, not aligned */
	uint64_t count;
	uint32_t section;
};

/* Offsets are from the start of the object's part of the arena. */
struct ca__elf_sums {
	uint64_t code_end;	/* after the last section of code */
	uint64_t stubs;
	uint64_t stub_max;
	uint64_t rodata;	/* also the place of the GOT */
	uint64_t rodata_end;
	uint64_t code_length;
	uint64_t code_align;
	uint64_t data_length;
	uint64_t objects;
};

struct codearena_elf {
	const struct ca__elf_machine *machine;
	uint8_t *image;
	size_t size;

	struct ca__elf_section *sections;
	uint32_t section_count;
	struct ca__elf_symbol *symbols;
	uint32_t symbol_count;
	struct ca__elf_relocs *relocs;
	uint32_t reloc_count;
	uint32_t got_count;
	uint32_t stub_max;
	uint32_t function_count;

	uint32_t *listed;	/* symbols that users see, in file order */
	uint32_t listed_count;
	uint32_t *by_name;	/* those which are defined, sorted */
	uint32_t by_name_count;

	/* While loaded */
	struct codearena_arena *arena;
	uint64_t offset;
	uint32_t granule;
	uint32_t stubs_used;
	struct ca__elf_sums sums;
	uint8_t *data;
	size_t data_mapped;

	char error[256];
};

/* What ca__elf_link() works on. */
struct ca__elf_image {
	uint8_t *code;		/* a buffer of sums.code_length bytes */
	uint64_t code_address;
	uint8_t *data;		/* a zeroed buffer of sums.data_length bytes */
	uint64_t data_address;
	codearena_elf_resolve_fn resolve;
	void *ctx;
};

/* elf.c */
const struct ca__elf_kind *ca__elf_kind(const struct ca__elf_machine *machine,
					uint32_t type);
/* Keeps the text for codearena_elf_error() and returns @error. */
int ca__elf_fail(struct codearena_elf *elf, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Copies options (NULL: none) whose first release had @first bytes. */
int ca__elf_opts_get(void *to, const void *from, size_t first, size_t known);
/* Fills the caller's structure, -EINVAL if it is shorter than @first. */
int ca__elf_info_put(void *to, const void *from, size_t first, size_t known);
int ca__elf_find(struct codearena_elf *elf, const char *name,
		 struct ca__elf_symbol **symbol);

/* elf_parse.c */
int ca__elf_parse(struct codearena_elf *elf);

/* elf_layout.c */
int ca__elf_layout(struct codearena_elf *elf, uint32_t granule, bool keep,
		   struct ca__elf_sums *sums);

/* elf_link.c */
int ca__elf_link(struct codearena_elf *elf, const struct ca__elf_image *image);

#endif /* CODEARENA_ELF_INTERNAL_H */
