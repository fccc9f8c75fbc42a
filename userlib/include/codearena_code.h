/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: code objects.
 */
#ifndef CODEARENA_CODE_H
#define CODEARENA_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena.h"
#include "codearena_pool.h"
#include "codearena_reloc.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A code object is one function, wrapper or table in an arena, with what its
 * compiler told about it. The machine code itself is in the arena; the object
 * is a record of it and never changes, but for its references.
 *
 * Its body is, in this order and without gaps: instructions, safepoint table,
 * handler table, constant pool, code comments. What follows up to the end of
 * the object's region is padding, filled with trap instructions.
 *
 * Objects are counted by references. Functions that take a const object need
 * one to be held by somebody; they take no lock, change nothing, may be called
 * from any thread, and from a signal handler as well unless they say otherwise.
 *
 * Return values as in codearena.h.
 */

/**
 * enum codearena_code_kind - what an object is
 * @CODEARENA_CODE_FUNCTION: a function of a module
 * @CODEARENA_CODE_HOST_WRAPPER: calls a function of the host program
 * @CODEARENA_CODE_RUNTIME_WRAPPER: calls into the runtime's own language
 * @CODEARENA_CODE_INTERPRETER_ENTRY: enters an interpreter
 * @CODEARENA_CODE_JUMP_TABLE: a jump table
 */
enum codearena_code_kind {
	CODEARENA_CODE_FUNCTION = 0,
	CODEARENA_CODE_HOST_WRAPPER,
	CODEARENA_CODE_RUNTIME_WRAPPER,
	CODEARENA_CODE_INTERPRETER_ENTRY,
	CODEARENA_CODE_JUMP_TABLE
};

/**
 * enum codearena_code_tier - which compiler made it
 * @CODEARENA_TIER_NONE: none, as for wrappers and tables
 * @CODEARENA_TIER_BASELINE: the one that is quick
 * @CODEARENA_TIER_OPTIMIZED: the one whose code is quick
 */
enum codearena_code_tier {
	CODEARENA_TIER_NONE = 0,
	CODEARENA_TIER_BASELINE,
	CODEARENA_TIER_OPTIMIZED
};

/**
 * enum codearena_code_debug - what it was made for
 * @CODEARENA_DEBUG_NONE: to run
 * @CODEARENA_DEBUG_DEBUGGING: to be looked at
 * @CODEARENA_DEBUG_BREAKPOINTS: to stop at breakpoints
 * @CODEARENA_DEBUG_STEPPING: to stop everywhere; never installed
 */
enum codearena_code_debug {
	CODEARENA_DEBUG_NONE = 0,
	CODEARENA_DEBUG_DEBUGGING,
	CODEARENA_DEBUG_BREAKPOINTS,
	CODEARENA_DEBUG_STEPPING
};

/**
 * codearena_code_kind_name - name of a kind
 * @kind: any value
 *
 * Return: "function", "host wrapper", "runtime wrapper", "interpreter entry",
 * "jump table"; "unknown kind" for any other value.
 */
const char *codearena_code_kind_name(enum codearena_code_kind kind);

/* Flags of struct codearena_source_position */
#define CODEARENA_POSITION_F_STATEMENT	0x1U

/**
 * struct codearena_source_position - where instructions come from
 * @code_offset: of the first instruction, from the start of the object
 * @position: in the source, as the runtime counts
 * @inlining_id: index of the inlining position; -1: not inlined
 * @flags: CODEARENA_POSITION_F_* bits
 */
struct codearena_source_position {
	uint32_t code_offset;
	uint32_t position;
	int32_t inlining_id;
	uint32_t flags;
};

/* Flags of struct codearena_inlining_position */
#define CODEARENA_INLINING_F_TAIL_CALL	0x1U

/**
 * struct codearena_inlining_position - a call that was inlined
 * @function: index of the function that was inlined
 * @position: of the call, in the source
 * @caller_id: index of the inlining position that the call was in; -1: it was in
 *             the function of the object
 * @flags: CODEARENA_INLINING_F_* bits
 */
struct codearena_inlining_position {
	int32_t function;
	uint32_t position;
	int32_t caller_id;
	uint32_t flags;
};

/* Flags of struct codearena_code_desc: as CODEARENA_OBJECT_F_REPORT */
#define CODEARENA_CODE_F_REPORT		0x1U

/* The largest body, in bytes. */
#define CODEARENA_CODE_MAX		0x7fffffffU

/* The longest name, in bytes. */
#define CODEARENA_CODE_NAME_MAX		4095U

/* An object that is no function of a module. */
#define CODEARENA_CODE_ANONYMOUS	(-1)

/**
 * struct codearena_code_desc - what a compiler hands over
 * @sz: set by the caller to sizeof(struct codearena_code_desc)
 * @body: the bytes of the body; NULL for a jump table
 * @traps: protected instructions, in any order; @landing counts from the start
 *         of the body, or is CODEARENA_LANDING_EXTERNAL
 * @relocs: relocations, ascending
 * @positions: source positions, ascending by @code_offset
 * @inlinings: inlining positions
 * @deopt: data of the runtime about deoptimisation
 * @name: NULL: made from the kind and index
 * @trap_count: entries of @traps
 * @reloc_count: entries of @relocs
 * @position_count: entries of @positions
 * @inlining_count: entries of @inlinings
 * @deopt_size: bytes of @deopt
 * @kind: enum codearena_code_kind
 * @tier: enum codearena_code_tier
 * @debug: enum codearena_code_debug
 * @function_index: in the module; CODEARENA_CODE_ANONYMOUS for what is none
 * @flags: CODEARENA_CODE_F_* bits
 * @instructions_size: bytes, not 0
 * @safepoint_size: bytes
 * @handler_size: bytes
 * @constant_pool_size: bytes
 * @comments_size: bytes
 * @frame_slots: slots of the stack frame, at most 65535
 * @parameter_slots: slots of tagged parameters, at most 65535
 *
 * All of it is copied. Where a count is 0 the pointer is not looked at.
 */
struct codearena_code_desc {
	size_t sz;
	const void *body;
	const struct codearena_trap *traps;
	const struct codearena_reloc *relocs;
	const struct codearena_source_position *positions;
	const struct codearena_inlining_position *inlinings;
	const void *deopt;
	const char *name;
	size_t trap_count;
	size_t reloc_count;
	size_t position_count;
	size_t inlining_count;
	size_t deopt_size;
	uint32_t kind;
	uint32_t tier;
	uint32_t debug;
	int32_t function_index;
	uint32_t flags;
	uint32_t instructions_size;
	uint32_t safepoint_size;
	uint32_t handler_size;
	uint32_t constant_pool_size;
	uint32_t comments_size;
	uint32_t frame_slots;
	uint32_t parameter_slots;
};

/**
 * codearena_code_check - is this the description of an object?
 * @desc: the description
 *
 * What an object cannot be made from is refused here; whether relocations fit a
 * module is codearena_reloc_check()'s to say. Not async-signal-safe.
 *
 * Return: 0; -E2BIG: @desc is longer than this library knows;
 * -EINVAL: an argument is NULL, a kind, tier, debug level, index or number of
 * slots is none, there are no instructions; a trap is empty, leaves the
 * instructions or overlaps another one, or its landing pad is outside of the
 * body; source positions do not ascend or leave the instructions; an inlining
 * position is its own caller, or names one that follows, or is not there;
 * the name is empty or has control characters;
 * -EOPNOTSUPP: an unknown flag;
 * -ENAMETOOLONG: the name is longer than CODEARENA_CODE_NAME_MAX;
 * -EOVERFLOW: the body is larger than CODEARENA_CODE_MAX, or what is told about
 * it needs more than 4 GiB.
 */
int codearena_code_check(const struct codearena_code_desc *desc);

struct codearena_code;

/**
 * codearena_code_ref - take a reference
 * @code: object that a reference is held to
 *
 * Return: 0; -EINVAL; -EOVERFLOW: there are 2^31 references already.
 */
int codearena_code_ref(struct codearena_code *code);

/**
 * codearena_code_start - address of the first instruction
 * @code: object
 *
 * Return: the address; 0 if @code is NULL.
 */
uint64_t codearena_code_start(const struct codearena_code *code);

/**
 * codearena_code_size - bytes that the object takes in its arena, with padding
 * @code: object
 *
 * Return: the size; 0 if @code is NULL.
 */
uint32_t codearena_code_size(const struct codearena_code *code);

/**
 * codearena_code_body_size - bytes of the body
 * @code: object
 *
 * Return: the size; 0 if @code is NULL.
 */
uint32_t codearena_code_body_size(const struct codearena_code *code);

/**
 * enum codearena_code_section - parts of a body, in their order
 * @CODEARENA_SECTION_INSTRUCTIONS: instructions
 * @CODEARENA_SECTION_SAFEPOINTS: safepoint table
 * @CODEARENA_SECTION_HANDLERS: handler table
 * @CODEARENA_SECTION_CONSTANTS: constant pool
 * @CODEARENA_SECTION_COMMENTS: code comments
 */
enum codearena_code_section {
	CODEARENA_SECTION_INSTRUCTIONS = 0,
	CODEARENA_SECTION_SAFEPOINTS,
	CODEARENA_SECTION_HANDLERS,
	CODEARENA_SECTION_CONSTANTS,
	CODEARENA_SECTION_COMMENTS
};

/**
 * codearena_code_section - where a part of the body is
 * @code: object
 * @section: which part
 * @size: NULL, or gets its bytes
 *
 * Return: its address; 0 if it is empty, or an argument is none.
 */
uint64_t codearena_code_section(const struct codearena_code *code,
				enum codearena_code_section section,
				uint32_t *size);

/**
 * codearena_code_kind - what it is
 * @code: object
 *
 * Return: the kind; CODEARENA_CODE_FUNCTION if @code is NULL.
 */
enum codearena_code_kind codearena_code_kind(const struct codearena_code *code);

/**
 * codearena_code_tier - which compiler made it
 * @code: object
 *
 * Return: the tier; CODEARENA_TIER_NONE if @code is NULL.
 */
enum codearena_code_tier codearena_code_tier(const struct codearena_code *code);

/**
 * codearena_code_debug - what it was made for
 * @code: object
 *
 * Return: the debug level; CODEARENA_DEBUG_NONE if @code is NULL.
 */
enum codearena_code_debug
codearena_code_debug(const struct codearena_code *code);

/**
 * codearena_code_flags - its flags
 * @code: object
 *
 * Return: CODEARENA_CODE_F_* bits; 0 if @code is NULL.
 */
uint32_t codearena_code_flags(const struct codearena_code *code);

/**
 * codearena_code_function_index - which function of its module it is
 * @code: object
 *
 * Return: the index; CODEARENA_CODE_ANONYMOUS for none, and if @code is NULL.
 */
int32_t codearena_code_function_index(const struct codearena_code *code);

/**
 * codearena_code_frame_slots - slots of its stack frames
 * @code: object
 *
 * Return: the number; 0 if @code is NULL.
 */
uint32_t codearena_code_frame_slots(const struct codearena_code *code);

/**
 * codearena_code_parameter_slots - slots of its tagged parameters
 * @code: object
 *
 * Return: the number; 0 if @code is NULL.
 */
uint32_t codearena_code_parameter_slots(const struct codearena_code *code);

/**
 * codearena_code_contains - does an address lie in it?
 * @code: object
 * @pc: address
 *
 * Return: whether it lies in its region, padding included.
 */
bool codearena_code_contains(const struct codearena_code *code, uint64_t pc);

/**
 * codearena_code_is_protected - is an instruction protected?
 * @code: object
 * @pc: its address
 *
 * Binary search. Return: whether a trap of the object covers it.
 */
bool codearena_code_is_protected(const struct codearena_code *code,
				 uint64_t pc);

/**
 * codearena_code_traps - its protected instructions
 * @code: object
 * @count: gets how many
 *
 * Return: an array, ascending, which lives as long as the object, with landing
 * pads as in struct codearena_code_desc; NULL if there are none.
 */
const struct codearena_trap *
codearena_code_traps(const struct codearena_code *code, size_t *count);

/**
 * codearena_code_relocs - its relocations
 * @code: object
 * @count: gets how many
 *
 * Return: an array, which lives as long as the object; NULL if there are none.
 */
const struct codearena_reloc *
codearena_code_relocs(const struct codearena_code *code, size_t *count);

/**
 * codearena_code_positions - its source positions
 * @code: object
 * @count: gets how many
 *
 * Return: an array, which lives as long as the object; NULL if there are none.
 */
const struct codearena_source_position *
codearena_code_positions(const struct codearena_code *code, size_t *count);

/**
 * codearena_code_inlinings - its inlining positions
 * @code: object
 * @count: gets how many
 *
 * Return: an array, which lives as long as the object; NULL if there are none.
 */
const struct codearena_inlining_position *
codearena_code_inlinings(const struct codearena_code *code, size_t *count);

/**
 * codearena_code_deopt - the runtime's data about deoptimisation
 * @code: object
 * @size: gets its bytes
 *
 * Return: the data, which lives as long as the object; NULL if there is none.
 */
const void *codearena_code_deopt(const struct codearena_code *code,
				 size_t *size);

/**
 * codearena_code_position_before - the source position of a return address
 * @code: object
 * @offset: from the start of the object
 * @position: gets the last position with a smaller offset
 *
 * A return address points behind the call, so the position is looked up before
 * it. For a trap pass the offset of the instruction plus 1. Binary search.
 *
 * Return: 0; -ENOENT: there is none; -EINVAL.
 */
int codearena_code_position_before(const struct codearena_code *code,
				   uint32_t offset,
				   struct codearena_source_position *position);

/**
 * codearena_code_inlining - an inlining position
 * @code: object
 * @id: from struct codearena_source_position, or the caller of another one
 * @inlining: gets the inlining position
 *
 * Return: 0; -ENOENT: there is none with this number, as -1; -EINVAL.
 */
int codearena_code_inlining(const struct codearena_code *code, int32_t id,
			    struct codearena_inlining_position *inlining);

/**
 * codearena_code_name - what to call it
 * @code: object
 * @to: gets the name, cut where it does not fit, with a 0 at the end; may be
 *      NULL if @size is 0
 * @size: bytes of @to
 *
 * The name that the compiler gave; else "function[N]" for functions of a
 * module, and the name of the kind for others. Never empty.
 *
 * Return: bytes of the whole name, without the 0; -EINVAL.
 */
int codearena_code_name(const struct codearena_code *code, char *to,
			size_t size);

/**
 * codearena_code_memory - bytes of memory beside the machine code
 * @code: object
 *
 * Return: the object and all that it was told; 0 if @code is NULL.
 */
size_t codearena_code_memory(const struct codearena_code *code);

/* Flags of codearena_code_print() */
#define CODEARENA_PRINT_F_INSTRUCTIONS	0x1U /* disassemble */
#define CODEARENA_PRINT_F_TABLES	0x2U /* traps, positions, relocations */

/**
 * codearena_code_print - describe an object to a person
 * @code: object
 * @flags: CODEARENA_PRINT_F_* bits
 * @write: gets the text, piece by piece; ends the printing by an errno
 * @data: for @write
 *
 * Instructions are disassembled by libcapstone if it is installed when the
 * program runs, and was when the library was built; without it only their
 * number of bytes and their addresses are told. Not async-signal-safe.
 *
 * Return: 0; what @write returned, if not 0; -EINVAL; -EOPNOTSUPP: an unknown
 * flag; -ENOMEM.
 */
int codearena_code_print(const struct codearena_code *code, uint32_t flags,
			 int (*write)(void *data, const char *text,
				      size_t length),
			 void *data);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_CODE_H */
