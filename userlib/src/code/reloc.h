/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations: single fields, and all those of a code object.
 *
 * Everything here is arithmetic on its arguments, the same on every host, and
 * safe in signal handlers.
 */
#ifndef CA__RELOC_H
#define CA__RELOC_H

#include <stdbool.h>

#include "codearena/module.h"

/**
 * struct ca__form - properties of a form on a machine
 * @width: bytes of the field; 0: the machine does not have the form
 * @align: required alignment of the field
 * @number: for numbers only, not for addresses
 * @address: for addresses only, not for numbers
 */
struct ca__form {
	uint8_t width;
	uint8_t align;
	bool number;
	bool address;
};

/**
 * struct ca__reloc_context - what relocations refer to
 * @machine: ELF machine number: EM_X86_64, EM_AARCH64 or EM_RISCV
 * @imports: functions below this index have no slot
 * @functions: indices of functions are below @imports + @functions
 * @builtins: indices of builtins are below this
 * @signatures: signatures are below this
 * @external_count: entries of @externals
 * @externals: addresses
 * @resolve: returns the address of a slot (CALL, STUB_CALL) or the handle
 *           (INDIRECT) of an index in range; 0 or a negative errno. Not used by
 *           ca__reloc_check()
 * @data: argument of @resolve
 */
struct ca__reloc_context {
	uint32_t machine;
	uint32_t imports;
	uint32_t functions;
	uint32_t builtins;
	uint32_t signatures;
	uint32_t external_count;
	const uint64_t *externals;
	int (*resolve)(void *data, uint32_t kind, uint32_t index,
		       uint64_t *target);
	void *data;
};

/**
 * struct ca__reloc_object - a code object and its relocations
 * @relocs: the relocations
 * @count: entries of @relocs
 * @address: where the object is or will be executed; 0: not known yet
 * @instructions: bytes of instructions, from the start of the object
 * @pool: offset of the constant pool
 * @pool_size: bytes of the constant pool
 * @size: bytes of the object without padding
 */
struct ca__reloc_object {
	const struct codearena_reloc *relocs;
	size_t count;
	uint64_t address;
	uint32_t instructions;
	uint32_t pool;
	uint32_t pool_size;
	uint32_t size;
};

/* reloc_form.c */
struct ca__form ca__reloc_form(uint32_t machine, uint32_t form);
bool ca__reloc_shape(uint32_t form, const uint8_t *field);
int ca__reloc_decode(uint32_t form, uint64_t place, const uint8_t *field,
		     uint64_t *target);

/* reloc_encode.c */
int ca__reloc_encode(uint32_t form, uint64_t place, uint64_t target,
		     uint8_t *field);
int ca__reloc_clear(uint32_t machine, uint32_t form, uint8_t *field);

/* reloc_check.c */
int ca__reloc_check(const struct ca__reloc_context *context,
		    const struct ca__reloc_object *object,
		    const uint8_t *bytes, struct codearena_reloc_error *error);
int ca__reloc_apply(const struct ca__reloc_context *context,
		    const struct ca__reloc_object *object, uint8_t *bytes,
		    struct codearena_reloc_error *error);
int ca__reloc_verify(const struct ca__reloc_context *context,
		     const struct ca__reloc_object *object,
		     const uint8_t *bytes, struct codearena_reloc_error *error);

#endif /* CA__RELOC_H */
