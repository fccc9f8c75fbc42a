/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A compiled module, function by function.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include <codearena/module.h>

/* Builtins of a module: the one that loads functions, then its imports. */
#define WASM_LAZY_BUILTIN	0
#define WASM_FIRST_IMPORT	1

#define WASM_NO_FUNCTION	UINT32_MAX

/* Where a section went. Neither: it is left out. */
struct wasm_place {
	uint32_t function;	/* or WASM_NO_FUNCTION */
	uint64_t data;		/* offset in the data; UINT64_MAX: not there */
};

/* An executable section. */
struct wasm_part {
	uint32_t section, relocations;	/* index of its table; 0: none */
	const char *name;
	uint32_t length;
	uint32_t pool;		/* bytes of its jump tables */
};

/*
 * A piece of the jump tables of a function, which the compiler put into read-only
 * data: it is moved into the constant pool of the function.
 */
struct wasm_switch {
	uint32_t section, function;
	uint64_t start, end;	/* in the section */
	uint32_t pool;		/* offset in the constant pool */
	const Elf64_Rela *first;
};

struct wasm_object {
	uint8_t *image;
	const Elf64_Shdr *sections;
	uint32_t section_count;
	const Elf64_Sym *symbols;
	uint32_t symbol_count;
	const char *names;	/* of symbols */
	struct wasm_place *places;
	struct wasm_part *parts;
	uint32_t part_count;
	struct wasm_switch *switches;	/* by section and start */
	size_t switch_count;
	uint32_t *slots;	/* of symbols, in the global offset table + 1 */
	uint32_t slot_count;
	uint32_t *builtins;	/* of symbols, as a builtin; 0: none */
	const char **imports;	/* names by number - WASM_FIRST_IMPORT */
	uint32_t import_count;
	uint64_t offsets;	/* the global offset table, in the data */
	uint64_t constant_length;	/* of the data, a multiple of a page */
	uint64_t data_length;
};

/* The description of a function, and the arrays that it points to. */
struct wasm_body {
	struct codearena_code_desc desc;
	struct codearena_trap trap;
	struct codearena_reloc *relocs;
	uint8_t *bytes;
};

/* split.c: splits an object that the library found well-formed. */
void wasm_split(const char *path, struct wasm_object *object);
void wasm_split_free(struct wasm_object *object);
/* The address of a symbol that the object defines, or 0. */
uint64_t wasm_split_find(const struct wasm_object *object, const char *name,
			 uint64_t data);

/* body.c */
void wasm_body_make(const struct wasm_object *object, uint32_t part,
		    struct wasm_body *body);
void wasm_body_free(struct wasm_body *body);
/*
 * Load the data of the object at the address @data. @target returns the address
 * of a function.
 */
void wasm_data_make(const struct wasm_object *object, uint8_t *data,
		    int (*resolve)(void *ctx, const char *name,
				   uint64_t *address),
		    uint64_t (*target)(void *ctx, uint32_t function),
		    void *ctx);

#endif /* SPLIT_H */
