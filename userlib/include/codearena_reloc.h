/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: relocations of generated code.
 */
#ifndef CODEARENA_RELOC_H
#define CODEARENA_RELOC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A compiler does not know where its code will lie, nor where the functions,
 * builtins and tables lie that the code refers to. It leaves these fields open
 * and hands over a list of relocations: where the field is (offset), how it is
 * encoded (form), and what belongs there (kind, index, addend).
 *
 * Everything here is arithmetic on its arguments: no locks, no allocation, no
 * system calls, for every machine on every host, safe in signal handlers and in
 * any thread. Return values as in codearena.h.
 */

/**
 * enum codearena_reloc_kind - what belongs in a field
 * @CODEARENA_RELOC_CALL: address of the near jump-table slot of function @index
 *                        of the module; no addend
 * @CODEARENA_RELOC_STUB_CALL: address of the far jump-table slot of builtin
 *                             @index; no addend
 * @CODEARENA_RELOC_SIGNATURE: signature @index itself, a number below the count
 *                             that the module was made with; no addend
 * @CODEARENA_RELOC_INDIRECT: code pointer handle of function @index; no addend
 * @CODEARENA_RELOC_INTERNAL: address of byte @index + addend of the object
 *                            itself, which must lie inside of it
 * @CODEARENA_RELOC_EXTERNAL: entry @index of the table of addresses that the
 *                            module was made with, + addend
 */
enum codearena_reloc_kind {
	CODEARENA_RELOC_CALL = 1,
	CODEARENA_RELOC_STUB_CALL,
	CODEARENA_RELOC_SIGNATURE,
	CODEARENA_RELOC_INDIRECT,
	CODEARENA_RELOC_INTERNAL,
	CODEARENA_RELOC_EXTERNAL
};

/**
 * enum codearena_reloc_form - how a field is encoded
 * @CODEARENA_FORM_ABS64: 8 bytes, the value; any alignment; every machine
 * @CODEARENA_FORM_ABS32: 4 bytes, a number below 2^32: signatures and handles
 *                        only; every machine
 * @CODEARENA_FORM_X86_64_REL32: 4 bytes, the distance from the end of the field
 *                               (which is the end of a call or jump)
 * @CODEARENA_FORM_AARCH64_BRANCH26: a B or BL instruction
 * @CODEARENA_FORM_AARCH64_ADRP_ADD: ADRP and, after it, an ADD of the same
 *                                   register
 * @CODEARENA_FORM_AARCH64_MOV64: MOVZ and three MOVK for shifts 0, 16, 32, 48
 * @CODEARENA_FORM_AARCH64_MOV32: MOVZ and a MOVK for shifts 0 and 16:
 *                                signatures and handles only
 * @CODEARENA_FORM_RISCV_PCREL: AUIPC and, after it, an instruction with a
 *                              12-bit immediate that uses its register: JALR,
 *                              ADDI or a load
 * @CODEARENA_FORM_RISCV_LUI: LUI and an ADDI or ADDIW of its register, a number
 *                            below 2^31: signatures and handles only
 *
 * Instructions must be there already, with any immediate.
 */
enum codearena_reloc_form {
	CODEARENA_FORM_ABS64 = 1,
	CODEARENA_FORM_ABS32,
	CODEARENA_FORM_X86_64_REL32,
	CODEARENA_FORM_AARCH64_BRANCH26,
	CODEARENA_FORM_AARCH64_ADRP_ADD,
	CODEARENA_FORM_AARCH64_MOV64,
	CODEARENA_FORM_AARCH64_MOV32,
	CODEARENA_FORM_RISCV_PCREL,
	CODEARENA_FORM_RISCV_LUI
};

/**
 * struct codearena_reloc - one field of a code object
 * @offset: first byte of the field, from the start of the object. It must lie
 *          in the instructions or in the constant pool.
 * @kind: enum codearena_reloc_kind
 * @form: enum codearena_reloc_form
 * @__reserved: must be 0
 * @index: see the kinds
 * @addend: see the kinds
 *
 * In an array offsets ascend, and fields do not overlap.
 */
struct codearena_reloc {
	uint32_t offset;
	uint8_t kind;
	uint8_t form;
	uint16_t __reserved;
	uint32_t index;
	int64_t addend;
};

/**
 * enum codearena_reloc_reason - what is wrong with a relocation
 * @CODEARENA_RELOC_OK: nothing
 * @CODEARENA_RELOC_BAD_KIND: unknown kind, or a reserved member is not 0
 * @CODEARENA_RELOC_BAD_FORM: unknown form, one of another machine, or one that
 *                            does not fit the kind
 * @CODEARENA_RELOC_BAD_OFFSET: the field is not all in the instructions, nor
 *                              all in the constant pool, or is misaligned
 * @CODEARENA_RELOC_OVERLAP: the field begins before the end of the one before
 * @CODEARENA_RELOC_BAD_INSTRUCTION: the field does not hold the instructions
 *                                   that the form demands
 * @CODEARENA_RELOC_BAD_ADDEND: this kind takes no addend
 * @CODEARENA_RELOC_BAD_FUNCTION: no function with this index has a slot
 * @CODEARENA_RELOC_BAD_BUILTIN: no builtin has this index
 * @CODEARENA_RELOC_BAD_SIGNATURE: the index is not below the count
 * @CODEARENA_RELOC_BAD_HANDLE: the function has no handle, or its handle does
 *                              not lead back to it
 * @CODEARENA_RELOC_OUTSIDE: an internal reference leads out of the object
 * @CODEARENA_RELOC_BAD_EXTERNAL: the table has no such entry
 * @CODEARENA_RELOC_UNREACHABLE: the distance or number does not fit the field
 * @CODEARENA_RELOC_MISALIGNED: the target is no place for an instruction
 * @CODEARENA_RELOC_CHANGED: the field does not hold what belongs there
 */
enum codearena_reloc_reason {
	CODEARENA_RELOC_OK = 0,
	CODEARENA_RELOC_BAD_KIND,
	CODEARENA_RELOC_BAD_FORM,
	CODEARENA_RELOC_BAD_OFFSET,
	CODEARENA_RELOC_OVERLAP,
	CODEARENA_RELOC_BAD_INSTRUCTION,
	CODEARENA_RELOC_BAD_ADDEND,
	CODEARENA_RELOC_BAD_FUNCTION,
	CODEARENA_RELOC_BAD_BUILTIN,
	CODEARENA_RELOC_BAD_SIGNATURE,
	CODEARENA_RELOC_BAD_HANDLE,
	CODEARENA_RELOC_OUTSIDE,
	CODEARENA_RELOC_BAD_EXTERNAL,
	CODEARENA_RELOC_UNREACHABLE,
	CODEARENA_RELOC_MISALIGNED,
	CODEARENA_RELOC_CHANGED
};

/**
 * struct codearena_reloc_error - which relocation was refused, and why
 * @sz: set by the caller to sizeof(struct codearena_reloc_error)
 * @object: index of the descriptor, where several were given; else 0
 * @index: index of the relocation; SIZE_MAX: no relocation is to blame
 * @error: the errno that was returned, negative
 * @reason: enum codearena_reloc_reason
 * @reloc: copy of the relocation
 * @place: address of the field, as far as it was known
 * @target: what belongs there, as far as it was known
 */
struct codearena_reloc_error {
	size_t sz;
	size_t object;
	size_t index;
	int32_t error;
	uint32_t reason;
	struct codearena_reloc reloc;
	uint64_t place;
	uint64_t target;
};

/**
 * codearena_reloc_reason - a reason in words
 * @reason: any value
 *
 * Return: English text without a full stop; "unknown reason" for other values.
 */
const char *codearena_reloc_reason(uint32_t reason);

/**
 * codearena_reloc_width - bytes of a field
 * @machine: ELF machine number: EM_X86_64, EM_AARCH64, EM_RISCV
 * @form: enum codearena_reloc_form
 *
 * Return: the number; 0: unknown machine or form, or not of this machine.
 */
uint32_t codearena_reloc_width(uint32_t machine, uint32_t form);

/**
 * codearena_reloc_encode - fill in a field
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @place: address that the field will have
 * @target: what belongs there: an address, or a number
 * @field: the bytes, which hold the instructions already
 *
 * Return: 0; -EINVAL: NULL, unknown, or @place or @target is misaligned;
 * -ENOEXEC: the field does not hold the instructions of the form; -ERANGE: out
 * of reach. On failure the field is unchanged.
 */
int codearena_reloc_encode(uint32_t machine, uint32_t form, uint64_t place,
			   uint64_t target, uint8_t *field);

/**
 * codearena_reloc_decode - read a field
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @place: address of the field
 * @field: the bytes
 * @target: gets what codearena_reloc_encode() was given; 0 on failure
 *
 * Return: 0; -EINVAL: NULL, unknown, or @place is misaligned; -ENOEXEC: the
 * field does not hold the instructions of the form.
 */
int codearena_reloc_decode(uint32_t machine, uint32_t form, uint64_t place,
			   const uint8_t *field, uint64_t *target);

/**
 * codearena_reloc_clear - take what belongs to one place out of a field
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @field: the bytes
 *
 * The immediates become 0, so that equal code has equal bytes wherever it was.
 *
 * Return: 0; -EINVAL; -ENOEXEC: as codearena_reloc_encode().
 */
int codearena_reloc_clear(uint32_t machine, uint32_t form, uint8_t *field);

/**
 * struct codearena_reloc_context - what relocations refer to
 * @sz: set by the caller to sizeof(struct codearena_reloc_context)
 * @machine: ELF machine number
 * @imports: functions below this index have no slot
 * @functions: indices of functions are below @imports + @functions
 * @builtins: indices of builtins are below this
 * @signatures: signatures are below this
 * @external_count: entries of @externals
 * @externals: addresses; may be NULL if there are none
 * @resolve: gives the address of a slot, for CALL and STUB_CALL, or the handle,
 *           for INDIRECT, of an index that is in range. Returns 0 or -errno.
 *           It need not be set for codearena_reloc_check().
 * @data: for @resolve
 */
struct codearena_reloc_context {
	size_t sz;
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
 * struct codearena_reloc_body - the code object that relocations are in
 * @sz: set by the caller to sizeof(struct codearena_reloc_body)
 * @instructions: bytes of instructions, from the start
 * @pool: offset of the constant pool
 * @pool_size: bytes of it
 * @size: bytes of the object without padding
 */
struct codearena_reloc_body {
	size_t sz;
	uint32_t instructions;
	uint32_t pool;
	uint32_t pool_size;
	uint32_t size;
};

/**
 * codearena_reloc_check - are the relocations of an object right?
 * @context: what they refer to
 * @body: what they are in
 * @bytes: the bytes of the object, for the check of instructions; NULL: none
 * @relocs: array of relocations; may be NULL if there are none
 * @count: entries of @relocs
 * @error: NULL, or gets the first one that is wrong; @sz must be set
 *
 * All that can be told before the place is known.
 *
 * Return: 0; -EINVAL, -E2BIG: a structure is wrong; -EINVAL: kind, form,
 * offset, order or addend of a relocation; -ENOEXEC: instructions; -ENOENT:
 * there is no such function, builtin, signature or external; -EOVERFLOW: an
 * internal reference leads out of the object.
 */
int codearena_reloc_check(const struct codearena_reloc_context *context,
			  const struct codearena_reloc_body *body,
			  const uint8_t *bytes,
			  const struct codearena_reloc *relocs, size_t count,
			  struct codearena_reloc_error *error);

/**
 * codearena_reloc_apply - fill in all fields of an object
 * @context: what the relocations refer to
 * @body: what they are in
 * @relocs: array of relocations; may be NULL if there are none
 * @count: entries of @relocs
 * @address: address that the object will have
 * @bytes: the bytes of the object, changed in place; after a failure they are
 *         of no use
 * @error: NULL, or gets the first relocation that is wrong; @sz must be set
 *
 * Checks too. Return: as codearena_reloc_check(); -ERANGE: out of reach; what
 * @resolve returned.
 */
int codearena_reloc_apply(const struct codearena_reloc_context *context,
			  const struct codearena_reloc_body *body,
			  const struct codearena_reloc *relocs, size_t count,
			  uint64_t address, uint8_t *bytes,
			  struct codearena_reloc_error *error);

/**
 * codearena_reloc_verify - does relocated code hold what belongs there?
 * @context: what the relocations refer to
 * @body: what they are in
 * @relocs: array of relocations; may be NULL if there are none
 * @count: entries of @relocs
 * @address: address of the object
 * @bytes: its bytes
 * @error: NULL, or gets the first relocation that is wrong; @sz must be set
 *
 * Return: 0; as codearena_reloc_apply(); -ESTALE: a field holds something else.
 */
int codearena_reloc_verify(const struct codearena_reloc_context *context,
			   const struct codearena_reloc_body *body,
			   const struct codearena_reloc *relocs, size_t count,
			   uint64_t address, const uint8_t *bytes,
			   struct codearena_reloc_error *error);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_RELOC_H */
