/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Shared by the files of the object file loader.
 *
 *   elf.c                opening, closing, looking symbols up
 *   elf_names.c          sorting symbols by name
 *   elf_parse.c          reading a file and checking all of it
 *   elf_layout.c         placing its sections
 *   elf_link.c           relocating it in a buffer
 *   elf_pair.c           relocations in two halves
 *   elf_load.c           publishing it in an arena, unloading it
 *   elf_start.c          its constructors and unwind information
 *   elf_reloc_*.c        relocation arithmetic of one architecture
 *
 * libelf is not used: the library depends on libc alone, and relocatable files
 * need a small part of libelf, with stricter checks.
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

/* Not every libc has it. */
#ifndef SHT_X86_64_UNWIND
#define SHT_X86_64_UNWIND	0x70000001
#endif

/* Structures of the file are used without conversion. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the loader is written for little-endian machines"
#endif

/* Sizes of the public structures in the first release. */
#define CA__SIZE_ELF_OPEN_OPTS	24
#define CA__SIZE_ELF_LAYOUT	48
#define CA__SIZE_ELF_SYM	64
#define CA__SIZE_ELF_OPTS	32

_Static_assert(sizeof(struct codearena_elf_open_opts) >= CA__SIZE_ELF_OPEN_OPTS &&
	       sizeof(struct codearena_elf_layout) >= CA__SIZE_ELF_LAYOUT &&
	       sizeof(struct codearena_elf_sym) >= CA__SIZE_ELF_SYM &&
	       sizeof(struct codearena_elf_opts) >= CA__SIZE_ELF_OPTS,
	       "a public structure has shrunk");

/* No GOT slot, no stub */
#define CA__ELF_NONE	UINT32_MAX

/* Arenas are page-aligned, which keeps this alignment on every machine. */
#define CA__ELF_MAX_ALIGN	4096

/* Most symbols that name the border of a section */
#define CA__ELF_BORDERS	256

/* The smallest granule that objects are laid out for */
#define CA__ELF_LEAST_GRANULE	16

/* Bytes of the longest trap instruction. */
#define CA__ELF_TRAP_SIZE	4

/* Longest name that error texts quote. */
#define CA__ELF_NAME_SHOWN	64

enum ca__elf_where {
	CA__ELF_NOWHERE,	/* not loaded */
	CA__ELF_CODE,		/* in the arena, a code object of its own */
	CA__ELF_RODATA,		/* in the arena, one object with the GOT */
	CA__ELF_DATA		/* in anonymous memory */
};

/* What is done with a section once it is loaded. */
enum ca__elf_role {
	CA__ELF_PLAIN,
	CA__ELF_INIT,		/* its functions are called */
	CA__ELF_FINI,		/* they are called before unloading */
	CA__ELF_UNWIND		/* it is registered, and ends with a 0 */
};

/* The unwinder reads on until it finds a length of 0. */
#define CA__ELF_UNWIND_END	4

struct ca__elf_section {
	const char *name;
	const uint8_t *bytes;	/* NULL: zeroes */
	uint64_t size;
	uint64_t align;
	uint64_t place;		/* offset from the start of code or data */
	uint64_t first;		/* value of the first function symbol */
	enum ca__elf_where where;
	enum ca__elf_role role;
	bool has_function;
	bool has_functions;	/* more than one, aliases not counted */
	bool discarded;
};

/* What defines a symbol. */
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
	uint64_t place;		/* of common symbols, offset in the data */
	uint64_t address;	/* once linked */
	uint64_t hash;		/* of the name; of symbols in by_name only */
	uint32_t section;
	uint32_t got;		/* slot, or CA__ELF_NONE */
	uint32_t stub;		/* slot once linked, or CA__ELF_NONE */
	uint8_t type;
	uint8_t bind;
	uint8_t home;
	bool used;		/* a relocation needs its address */
	bool called;		/* a branch targets it, so it may get a stub */
};

/* The relocations of one loaded section. */
struct ca__elf_relocs {
	const uint8_t *bytes;	/* of Elf64_Rela, not aligned */
	uint64_t count;
	uint32_t section;
	bool lows;		/* some are lower halves */
};

/* The upper half of a distance, which lower halves refer to. */
struct ca__elf_half {
	const struct ca__elf_kind *kind;
	uint64_t offset;
	int64_t addend;
	uint32_t symbol;
};

struct ca__elf_halves {
	struct ca__elf_half *list;
	size_t count;
};

/* Result of the layout; offsets from where the object begins in the arena. */
struct ca__elf_sums {
	uint64_t stubs;
	uint64_t stub_max;
	uint64_t rodata;	/* begins with the GOT */
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
	uint32_t *by_name;	/* the defined ones of these, sorted */
	uint32_t by_name_count;
	uint64_t hash_point;

	/* While loaded */
	struct codearena_arena *arena;
	uint64_t offset;
	uint32_t granule;
	uint32_t stubs_used;
	uint32_t borders;	/* symbols that may name a section's border */
	struct ca__elf_sums sums;
	uint8_t *data;
	size_t data_mapped;

	/* elf_start.c */
	uint32_t open_flags;
	struct ca__elf_array *arrays; /* section_count of them */
	uint64_t owner;
	bool started;

	char error[256];
};

/* Input of ca__elf_link(). */
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
/* Name of a type that is not supported; @number is used if it has none. */
const char *ca__elf_kind_name(const struct ca__elf_machine *machine,
			      uint32_t type, char number[16]);
/* Set the text of codearena_elf_error(); return @error. */
int ca__elf_fail(struct codearena_elf *elf, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct codearena_range ca__elf_granules(const struct codearena_elf *elf,
					const struct ca__elf_section *section);
int ca__elf_find(struct codearena_elf *elf, const char *name,
		 struct ca__elf_symbol **symbol);

/* elf_names.c */
void ca__elf_names_sort(struct codearena_elf *elf);
struct ca__elf_symbol *ca__elf_by_name(const struct codearena_elf *elf,
				       const char *name);

/* elf_parse.c */
int ca__elf_parse(struct codearena_elf *elf);

/* elf_layout.c */
int ca__elf_layout(struct codearena_elf *elf, uint32_t granule, bool keep,
		   struct ca__elf_sums *sums);

/* elf_start.c */
int ca__elf_start_new(struct codearena_elf *elf);
int ca__elf_start_check(struct codearena_elf *elf,
			const struct codearena_arena *arena);
void ca__elf_start(struct codearena_elf *elf);
void ca__elf_stop(struct codearena_elf *elf);
void ca__elf_stopped(struct codearena_elf *elf);

/* elf_pair.c */
int ca__elf_halves_read(struct codearena_elf *elf,
			const struct ca__elf_relocs *relocs,
			struct ca__elf_halves *halves);
const struct ca__elf_half *
ca__elf_half_find(const struct ca__elf_halves *halves,
		  const struct ca__elf_symbol *label, uint32_t section);

/* elf_link.c */
int ca__elf_link(struct codearena_elf *elf, const struct ca__elf_image *image);

#endif /* CODEARENA_ELF_INTERNAL_H */
