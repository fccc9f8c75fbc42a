/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: the code of modules. Regions and code spaces, code objects with
 * their relocations and references, and the modules that they belong to.
 */
#ifndef CODEARENA_MODULE_H
#define CODEARENA_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct codearena_region - a range of addresses
 * @begin: first address
 * @size: bytes; 0: the empty region
 */
struct codearena_region {
	uint64_t begin;
	uint64_t size;
};

/*
 * ----------------------------------------------------------------------
 * Relocations of generated code.
 * ----------------------------------------------------------------------
 */

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
 * codearena_reloc_reason_text - describe a reason
 * @reason: any value
 *
 * Thread-safe and async-signal-safe.
 *
 * Return: English text without a full stop; "unknown reason" for values that
 * are not in enum codearena_reloc_reason.
 */
const char *codearena_reloc_reason_text(uint32_t reason);

/*
 * ----------------------------------------------------------------------
 * Code objects.
 * ----------------------------------------------------------------------
 */

/*
 * A code object is one function, wrapper or jump table in an arena, with its
 * compiler's metadata. The arena holds the machine code; the object is a record
 * of it, and never changes except for its references.
 *
 * Its body consists of these sections, in this order and without gaps:
 * instructions, safepoint table, handler table, constant pool, code comments.
 * The rest of the object's region is padding, filled with trap instructions.
 *
 * Functions that take a const object need somebody to hold a reference to it.
 * They take no lock, change nothing, and may be called from any thread, and from
 * signal handlers unless documented otherwise.
 *
 * Return values as in codearena.h.
 */

/**
 * enum codearena_code_kind - kinds of code objects
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
 * enum codearena_code_tier - the compiler that made it
 * @CODEARENA_TIER_NONE: none, as for wrappers and jump tables
 * @CODEARENA_TIER_BASELINE: the fast compiler
 * @CODEARENA_TIER_OPTIMIZED: the optimising compiler
 */
enum codearena_code_tier {
	CODEARENA_TIER_NONE = 0,
	CODEARENA_TIER_BASELINE,
	CODEARENA_TIER_OPTIMIZED
};

/**
 * enum codearena_code_debug - level of debug support
 * @CODEARENA_DEBUG_NONE: none
 * @CODEARENA_DEBUG_DEBUGGING: values can be inspected
 * @CODEARENA_DEBUG_BREAKPOINTS: stops at breakpoints
 * @CODEARENA_DEBUG_STEPPING: stops everywhere; never becomes current
 */
enum codearena_code_debug {
	CODEARENA_DEBUG_NONE = 0,
	CODEARENA_DEBUG_DEBUGGING,
	CODEARENA_DEBUG_BREAKPOINTS,
	CODEARENA_DEBUG_STEPPING
};

/* Flags of struct codearena_source_position */
#define CODEARENA_POSITION_F_STATEMENT	0x1U

/**
 * struct codearena_source_position - source position of instructions
 * @code_offset: of the first instruction, from the start of the object
 * @position: in the source, in the runtime's own units
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
 * @function: index of the inlined function, not negative
 * @position: of the call, in the source
 * @caller_id: index of the inlining position that contains the call, less than
 *             its own; -1: the object's function contains it
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

/* Maximum size of a body, in bytes */
#define CODEARENA_CODE_MAX		0x7fffffffU

/* Maximum length of a name, in bytes */
#define CODEARENA_CODE_NAME_MAX		4095U

/* Function index of an object that is not a function of a module */
#define CODEARENA_CODE_ANONYMOUS	(-1)

/**
 * struct codearena_code_desc - a compiler's description of code
 * @sz: set by the caller to sizeof(struct codearena_code_desc)
 * @body: the bytes of the body; NULL for a jump table
 * @traps: protected instructions, in any order, not empty, inside the
 *         instructions and disjoint; @landing counts from the start of the body
 *         and lies in it, or is CODEARENA_LANDING_EXTERNAL
 * @relocs: relocations, ascending
 * @positions: source positions inside the instructions, ascending by
 *             @code_offset
 * @inlinings: inlining positions
 * @deopt: the runtime's deoptimisation data
 * @name: without control characters, 1 to CODEARENA_CODE_NAME_MAX bytes; NULL:
 *        derived from kind and index
 * @trap_count: entries of @traps
 * @reloc_count: entries of @relocs
 * @position_count: entries of @positions
 * @inlining_count: entries of @inlinings
 * @deopt_size: bytes of @deopt
 * @kind: enum codearena_code_kind
 * @tier: enum codearena_code_tier
 * @debug: enum codearena_code_debug
 * @function_index: in the module, or CODEARENA_CODE_ANONYMOUS
 * @flags: CODEARENA_CODE_F_* bits
 * @instructions_size: bytes, not 0
 * @safepoint_size: bytes
 * @handler_size: bytes
 * @constant_pool_size: bytes
 * @comments_size: bytes
 * @frame_slots: slots of a stack frame, at most 65535
 * @parameter_slots: slots of tagged parameters, at most 65535
 *
 * Everything is copied. A pointer is ignored where its count is 0. The body has
 * at most CODEARENA_CODE_MAX bytes, all metadata together less than 4 GiB.
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

struct codearena_code;

/**
 * struct codearena_code_info - properties of a code object
 * @sz: set by the caller to sizeof(struct codearena_code_info)
 * @traps: protected instructions, ascending, with landing pads as described
 * @relocs: relocations
 * @positions: source positions
 * @inlinings: inlining positions
 * @deopt: the runtime's deoptimisation data
 * @trap_count: entries of @traps
 * @reloc_count: entries of @relocs
 * @position_count: entries of @positions
 * @inlining_count: entries of @inlinings
 * @deopt_size: bytes of @deopt
 * @memory: bytes of memory beside the machine code
 * @start: address of the first instruction
 * @size: bytes in the arena, with padding
 * @body_size: bytes of the body
 * @kind: enum codearena_code_kind
 * @tier: enum codearena_code_tier
 * @debug: enum codearena_code_debug
 * @function_index: in the module, or CODEARENA_CODE_ANONYMOUS
 * @flags: CODEARENA_CODE_F_* bits
 * @instructions_size: bytes of instructions
 * @safepoint_size: bytes of the safepoint table
 * @handler_size: bytes of the handler table
 * @constant_pool_size: bytes of the constant pool
 * @comments_size: bytes of the code comments
 * @frame_slots: slots of a stack frame
 * @parameter_slots: slots of tagged parameters
 *
 * Arrays live as long as the object; one without entries is NULL. A section
 * begins at @start plus the sizes of all sections before it.
 */
struct codearena_code_info {
	size_t sz;
	const struct codearena_trap *traps;
	const struct codearena_reloc *relocs;
	const struct codearena_source_position *positions;
	const struct codearena_inlining_position *inlinings;
	const void *deopt;
	size_t trap_count;
	size_t reloc_count;
	size_t position_count;
	size_t inlining_count;
	size_t deopt_size;
	size_t memory;
	uint64_t start;
	uint32_t size;
	uint32_t body_size;
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
 * codearena_code_get_info - read the properties of an object
 * @code: object
 * @info: receives the properties; @info->sz must be set
 *
 * Return: 0; -EINVAL: an argument is NULL, or @info is too short.
 */
int codearena_code_get_info(const struct codearena_code *code,
			    struct codearena_code_info *info);

/**
 * codearena_code_ref - take a reference
 * @code: object that a reference is held to
 *
 * Not async-signal-safe. See codearena_code_put().
 *
 * Return: 0; -EINVAL: @code is NULL; -EOVERFLOW: there are 2^31 - 1 references
 * already.
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
 * codearena_code_size - size in the arena
 * @code: object
 *
 * Return: the bytes, with padding; 0 if @code is NULL.
 */
uint32_t codearena_code_size(const struct codearena_code *code);

/**
 * codearena_code_is_protected - does a trap of the object cover an instruction?
 * @code: object
 * @pc: address of the instruction
 *
 * Binary search. Return: the answer; false if @code is NULL.
 */
bool codearena_code_is_protected(const struct codearena_code *code,
				 uint64_t pc);

/**
 * codearena_code_position_before - source position of a return address
 * @code: object
 * @offset: of the return address, from the start of the object
 * @position: receives the last position with a smaller offset
 *
 * A return address is the end of the call, so the search excludes it. For a trap
 * pass the offset of the instruction plus 1. Binary search.
 *
 * Return: 0; -ENOENT: there is none; -EINVAL: an argument is NULL.
 */
int codearena_code_position_before(const struct codearena_code *code,
				   uint32_t offset,
				   struct codearena_source_position *position);

/**
 * codearena_code_inlining - read an inlining position
 * @code: object
 * @id: @inlining_id of a source position, or @caller_id of an inlining position
 * @inlining: receives the inlining position
 *
 * Return: 0; -ENOENT: there is none with this index, as for -1; -EINVAL: an
 * argument is NULL.
 */
int codearena_code_inlining(const struct codearena_code *code, int32_t id,
			    struct codearena_inlining_position *inlining);

/**
 * codearena_code_name - name of an object
 * @code: object
 * @to: receives the name, truncated if it does not fit, and a 0; may be NULL if
 *      @size is 0
 * @size: bytes of @to
 *
 * The name from the description. Without one it is "function[N]" for functions
 * of a module, else "host wrapper", "runtime wrapper", "interpreter entry",
 * "jump table" or "function" by the kind.
 *
 * Return: length of the whole name, without the 0; -EINVAL.
 */
int codearena_code_name(const struct codearena_code *code, char *to,
			size_t size);

/* Flags of codearena_code_print() */
#define CODEARENA_PRINT_F_INSTRUCTIONS	0x1U /* disassemble */
#define CODEARENA_PRINT_F_TABLES	0x2U /* traps, positions, relocations */

/**
 * codearena_code_print - print an object for people
 * @code: object
 * @flags: CODEARENA_PRINT_F_* bits
 * @write: receives the text, piece by piece; a negative errno ends printing
 * @data: argument of @write
 *
 * Instructions are disassembled by libcapstone, if the library was built with it
 * and it can be loaded. Not async-signal-safe.
 *
 * Return: 0; what @write returned, if not 0; -EINVAL; -EOPNOTSUPP: an unknown
 * flag; -ENOMEM.
 */
int codearena_code_print(const struct codearena_code *code, uint32_t flags,
			 int (*write)(void *data, const char *text,
				      size_t length),
			 void *data);

/*
 * ----------------------------------------------------------------------
 * Lookup of code objects by address.
 * ----------------------------------------------------------------------
 */

/*
 * One index serves the whole process. It contains objects from the moment they
 * are published until they are freed.
 */

/**
 * codearena_code_find - find the object that contains an address
 * @pc: any address
 *
 * Takes a few loads, however many objects there are. Lock-free and
 * async-signal-safe. Stores nothing, so it scales with the number of threads.
 *
 * The object may be freed at any time, unless a reference keeps it, or a thread
 * executes its code and will report that stack to the collector. So this is for
 * code known to be live, as in a signal handler for the interrupted code. For
 * other addresses only compare the result with NULL, or use
 * codearena_code_find_ref().
 *
 * Return: the object, without a reference; NULL: none.
 */
const struct codearena_code *codearena_code_find(uint64_t pc);

/**
 * codearena_code_find_ref - find the object that contains an address, and take a
 *                           reference
 * @pc: any address
 *
 * Takes a mutex; not async-signal-safe.
 *
 * Return: the object, to be given back by codearena_code_put(); NULL: none, or
 * its last reference is gone.
 */
struct codearena_code *codearena_code_find_ref(uint64_t pc);

/*
 * ----------------------------------------------------------------------
 * References to code, and when code may be freed.
 * ----------------------------------------------------------------------
 */

/*
 * Code that a module does not need any more may still be executed by a thread,
 * or be about to be returned to. So it is not freed when its last reference is
 * dropped: a collector takes that reference over, and finds out whether any
 * stack has the code.
 *
 * live              somebody holds a reference
 * potentially dead  the collector holds the last one
 * candidate         potentially dead when a collection began
 * dead              no stack had it, and it got no other reference meanwhile: it
 *                   cannot be found or referenced any more, and is freed
 *
 * A collection begins when the code that newly became potentially dead is larger
 * than a threshold, or on request. Every runtime that has joined is asked for
 * the addresses of code on all of its stacks. It may answer later and from any
 * of its threads, and goes on executing meanwhile. When all have answered, the
 * candidates that nobody named are freed, by one call for each module. The others
 * are candidates of the next collection. There is one collection at a time; what
 * would begin one during another makes it follow.
 *
 * This needs two promises. A runtime that has answered does not execute
 * candidates, unless it gets a reference to them first; as no jump table leads
 * to them, it has no other way. And a thread of no runtime does not execute code
 * without a reference.
 *
 * The order of events is that of V8's collector with one difference: a candidate
 * to which somebody took a reference during the collection is live again and is
 * checked anew after that is dropped. V8 calls it dead and frees it then, even
 * if it is on a stack again.
 *
 * Scopes keep code alive while a thread works with it. Each thread has a stack
 * of them, and what the library adds goes to the upmost one.
 *
 * All functions are thread-safe, but for the restrictions they name; none is
 * async-signal-safe. In a child of fork() made by a program with several threads
 * none may be called.
 *
 * Return values as in codearena.h. A failure has changed nothing.
 */

/**
 * codearena_code_put - drop a reference
 * @code: object that the caller holds a reference to
 *
 * If it is the last one the collector of its module gets it; that may begin a
 * collection, and so call back: the caller must not hold a lock that a callback
 * of a collector takes. Code of a module without a collector is dead then, see
 * codearena_module_reap().
 *
 * Return: 0; -EINVAL: @code is NULL, or there is no reference left to drop. That
 * is found out where it can be, it is a mistake in any case.
 */
int codearena_code_put(struct codearena_code *code);

struct codearena_scope;

/**
 * codearena_scope_open - begin to hold on to code
 * @out: gets the scope, which is upmost in the calling thread; NULL on failure
 *
 * A thread that ends with open scopes closes them.
 *
 * Return: 0; -EINVAL: @out is NULL; -ENOMEM.
 */
int codearena_scope_open(struct codearena_scope **out);

/**
 * codearena_scope_close - drop what a scope holds
 * @scope: NULL, or the upmost scope of the calling thread, which is gone after
 *         the call
 *
 * As codearena_code_put() for each object that the scope holds; in particular
 * it may call back.
 *
 * Return: 0; -EINVAL: @scope is not the upmost one: it is closed out of order;
 * -EPERM: it is no open scope of the calling thread.
 */
int codearena_scope_close(struct codearena_scope *scope);

/**
 * codearena_scope_add - hold on to code
 * @code: object that somebody holds a reference to
 *
 * The upmost scope of the calling thread gets a reference, unless it has one.
 *
 * Return: 0; -EINVAL: @code is NULL; -ENOENT: no scope is open in this thread;
 * -ENOMEM; -EOVERFLOW: as codearena_code_ref().
 */
int codearena_scope_add(struct codearena_code *code);

/**
 * codearena_scope_count - objects that a scope holds
 * @scope: scope of the calling thread
 *
 * Return: the number; 0 if @scope is no open scope of the calling thread.
 */
size_t codearena_scope_count(const struct codearena_scope *scope);

/* Flags of struct codearena_collector_opts */
#define CODEARENA_COLLECTOR_F_STRESS	0x1U /* the threshold is 0 */
#define CODEARENA_COLLECTOR_F_MANUAL	0x2U /* there is no threshold: collect on
					      * request only */

/* The least threshold in bytes, if none is set. */
#define CODEARENA_COLLECTOR_LEAST	65536U

/* The part of committed code that is added to it, if none is set. */
#define CODEARENA_COLLECTOR_PERCENT	10U

/**
 * struct codearena_collector_opts - how to make a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_opts)
 * @committed: NULL, or tells how many bytes are committed for code. Called with
 *             no lock held.
 * @data: for @committed
 * @least: a collection begins above this many bytes of newly potentially dead
 *         code; 0: CODEARENA_COLLECTOR_LEAST
 * @percent: of committed bytes, added to @least; 0: CODEARENA_COLLECTOR_PERCENT;
 *           at most 100
 * @flags: CODEARENA_COLLECTOR_F_* bits
 */
struct codearena_collector_opts {
	size_t sz;
	uint64_t (*committed)(void *data);
	void *data;
	uint64_t least;
	uint32_t percent;
	uint32_t flags;
};

struct codearena_collector;
struct codearena_runtime;

/**
 * codearena_collector_new - make a collector
 * @opts: NULL, or options
 * @out: gets the collector; NULL on failure
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -ENOMEM.
 */
int codearena_collector_new(const struct codearena_collector_opts *opts,
			    struct codearena_collector **out);

/**
 * codearena_collector_free - free a collector
 * @collector: NULL, or a collector, which is gone after the call; no other
 *             function may be running on it
 *
 * Return: 0; -EBUSY: a runtime or a module uses it.
 */
int codearena_collector_free(struct codearena_collector *collector);

/**
 * struct codearena_runtime_opts - how to join
 * @sz: set by the caller to sizeof(struct codearena_runtime_opts)
 * @ask: asks the runtime to call codearena_collector_report() with @sequence. It
 *       is called by whichever thread began the collection, with no lock held,
 *       and may report at once. It must not call codearena_collector_leave() for
 *       this runtime, nor free a module.
 * @data: for @ask
 */
struct codearena_runtime_opts {
	size_t sz;
	void (*ask)(void *data, struct codearena_runtime *runtime,
		    uint64_t sequence);
	void *data;
};

/**
 * codearena_collector_join - take part in collections
 * @collector: collector, which must outlive the runtime
 * @opts: options
 * @out: gets the runtime; NULL on failure
 *
 * To be called before the runtime executes code of the collector's modules. It
 * is not asked in a collection that is under way.
 *
 * Return: 0; -EINVAL, -E2BIG: an argument or option is wrong; -ENOMEM.
 */
int codearena_collector_join(struct codearena_collector *collector,
			     const struct codearena_runtime_opts *opts,
			     struct codearena_runtime **out);

/**
 * codearena_collector_leave - take part in collections no longer
 * @runtime: NULL, or a runtime, which is gone after the call
 *
 * To be called when no stack of the runtime has code. It counts as having
 * reported nothing. Waits for a call of @ask in another thread to return.
 *
 * Return: 0; -EDEADLK: called by the runtime's @ask.
 */
int codearena_collector_leave(struct codearena_runtime *runtime);

/**
 * codearena_collector_live - name a part of the code on the stacks
 * @runtime: runtime
 * @sequence: as the runtime was asked
 * @pcs: addresses anywhere in code. For a return address pass the address minus
 *       1, as a call may be the last instruction of an object.
 * @count: entries of @pcs
 *
 * For runtimes that walk several stacks. Addresses that belong to no candidate
 * are ignored.
 *
 * Return: 0; 1: too late, ignored: the collection is over, or the runtime has
 * reported; -EINVAL: an argument is NULL, or @sequence was never asked.
 */
int codearena_collector_live(struct codearena_runtime *runtime,
			     uint64_t sequence, const uint64_t *pcs,
			     size_t count);

/**
 * codearena_collector_report - name the rest, and be done
 * @runtime: runtime
 * @sequence: as the runtime was asked
 * @pcs: as codearena_collector_live(); may be NULL if @count is 0
 * @count: entries of @pcs
 *
 * The last runtime to report frees what is dead, within this call. May begin
 * another collection, and so call back.
 *
 * Return: as codearena_collector_live().
 */
int codearena_collector_report(struct codearena_runtime *runtime,
			       uint64_t sequence, const uint64_t *pcs,
			       size_t count);

/**
 * codearena_collector_request - begin a collection
 * @collector: collector
 *
 * Does nothing if no code is potentially dead. During a collection another one
 * is made to follow. Calls back.
 *
 * Return: 0; -EINVAL; -ENOMEM: it will be tried again by what may begin one.
 */
int codearena_collector_request(struct codearena_collector *collector);

/**
 * struct codearena_collector_counters - counters of a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_counters)
 * @sequence: number of the last collection that began; the first one is 1
 * @collections: how many are over
 * @outstanding: runtimes that have not reported in the one under way
 * @candidates: code objects that are candidates
 * @waiting: code objects that are potentially dead, and no candidates
 * @waiting_bytes: bytes of these in executable memory
 * @freed: code objects that were freed
 * @freed_bytes: bytes of these in executable memory
 * @runtimes: runtimes that have joined
 * @owners: modules that use it
 */
struct codearena_collector_counters {
	size_t sz;
	uint64_t sequence;
	uint64_t collections;
	uint64_t outstanding;
	uint64_t candidates;
	uint64_t waiting;
	uint64_t waiting_bytes;
	uint64_t freed;
	uint64_t freed_bytes;
	uint64_t runtimes;
	uint64_t owners;
};

/**
 * codearena_collector_stat - read the counters
 * @collector: collector
 * @stat: gets the counters, taken together; @sz must be set
 *
 * Return: 0; -EINVAL; -E2BIG: @stat is longer than this library knows.
 */
int codearena_collector_stat(struct codearena_collector *collector,
			     struct codearena_collector_counters *stat);

/*
 * ----------------------------------------------------------------------
 * A table of code pointers, which generated code indexes by 32-bit handles.
 * ----------------------------------------------------------------------
 */

/*
 * An entry is 16 bytes: the entry point at CODEARENA_HANDLE_ENTRY, the signature
 * at CODEARENA_HANDLE_SIGNATURE, both 8 bytes. Entry h lies at base +
 * h * CODEARENA_HANDLE_SIZE; the base never changes in the life of a table. Code
 * that calls through a handle compares the signature with the one it expects,
 * and jumps to the entry point.
 *
 * Address space for all entries is reserved when the table is made, and made
 * usable in segments of CODEARENA_HANDLE_SEGMENT bytes. A free entry has the
 * entry point 0, so that a call through a handle that was released faults at
 * address 0; in a segment that never was in use the load faults.
 *
 * The signature of an entry does not change from allocation to release, so that
 * the two loads of a caller, which are not one atomic access, always belong
 * together. V8 can store a new pair; here a function with another signature gets
 * another handle.
 *
 * The table is ordinary memory: whoever can store to the process' memory can
 * change an entry point. It narrows what indirect calls may reach only as long
 * as that memory is intact. V8 protects its table by a memory protection key;
 * a program may do the same to the whole mapping between the calls.
 *
 * Threads: all functions may be called from any thread at any time but
 * codearena_handle_table_free(). Allocation, release, set and get take no lock,
 * unless a new segment is needed. In a child of fork() only
 * codearena_handle_get(), _set and _free may be used if other threads of the
 * parent used the table at that moment. None but get and set is
 * async-signal-safe.
 */
typedef uint32_t codearena_handle;

#define CODEARENA_HANDLE_INVALID	0xffffffffU

#define CODEARENA_HANDLE_SIZE		16U
#define CODEARENA_HANDLE_ENTRY		0U
#define CODEARENA_HANDLE_SIGNATURE	8U
#define CODEARENA_HANDLE_SEGMENT	65536U

struct codearena_handle_table;

/**
 * struct codearena_handle_table_opts - how to make a table
 * @sz: set by the caller to sizeof(struct codearena_handle_table_opts)
 * @max_entries: most entries at a time, up to 2^24; 0: 2^23, which take 128 MiB
 *               of address space
 * @flags: 0
 */
struct codearena_handle_table_opts {
	size_t sz;
	uint32_t max_entries;
	uint32_t flags;
};

/**
 * struct codearena_handle_table_counters - counters of a table
 * @sz: set by the caller to sizeof(struct codearena_handle_table_counters)
 * @max_entries: most entries at a time
 * @used: entries allocated, natives included
 * @free: entries in the list of free ones
 * @segments: segments with memory
 * @natives: handles of codearena_handle_for_native()
 */
struct codearena_handle_table_counters {
	size_t sz;
	uint64_t max_entries;
	uint64_t used;
	uint64_t free;
	uint64_t segments;
	uint64_t natives;
};

/**
 * codearena_handle_table_new - make a table
 * @opts: NULL, or options
 * @out: gets the table; NULL on failure
 *
 * Return: 0; -EINVAL, -E2BIG: @opts; -EOPNOTSUPP: a flag; -ENOMEM.
 */
int codearena_handle_table_new(const struct codearena_handle_table_opts *opts,
			       struct codearena_handle_table **out);

/**
 * codearena_handle_table_free - give everything back
 * @table: NULL, or a table, which is gone after the call
 */
void codearena_handle_table_free(struct codearena_handle_table *table);

/**
 * codearena_handle_table_base - address of entry 0
 * @table: table
 *
 * Return: the address, a multiple of the page size; NULL if @table is NULL.
 */
const void *
codearena_handle_table_base(const struct codearena_handle_table *table);

/**
 * codearena_handle_allocate - take an entry
 * @table: table
 * @entry: entry point, not 0
 * @signature: any value
 * @out: gets the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * Return: 0; -ENOSPC: max_entries are in use; -ENOMEM: no memory for a segment;
 * -EINVAL.
 */
int codearena_handle_allocate(struct codearena_handle_table *table,
			      uint64_t entry, uint64_t signature,
			      codearena_handle *out);

/**
 * codearena_handle_set - store another entry point
 * @table: table
 * @handle: allocated
 * @entry: entry point, not 0
 *
 * An atomic store with release semantics. Cannot fail for a handle that was
 * allocated and not released.
 *
 * Return: 0; -ENOENT: the entry is free; -EBUSY: it is a native's; -EINVAL: the
 * handle is out of range, or @entry is 0.
 */
int codearena_handle_set(struct codearena_handle_table *table,
			 codearena_handle handle, uint64_t entry);

/**
 * codearena_handle_get - read an entry
 * @table: table
 * @handle: any value
 * @entry: NULL, or gets the entry point
 * @signature: NULL, or gets the signature
 *
 * Return: 0; -ENOENT: the entry is free; -EINVAL: the handle is out of range.
 * On failure nothing is stored.
 */
int codearena_handle_get(const struct codearena_handle_table *table,
			 codearena_handle handle, uint64_t *entry,
			 uint64_t *signature);

/**
 * codearena_handle_release - give an entry back
 * @table: table
 * @handle: allocated
 *
 * Return: 0; -ENOENT: the entry is free already; -EBUSY: it is a native's;
 * -EINVAL: the handle is out of range.
 */
int codearena_handle_release(struct codearena_handle_table *table,
			     codearena_handle handle);

/**
 * codearena_handle_for_native - the handle of a native function
 * @table: table
 * @address: of the function, not 0
 * @signature: any value
 * @out: gets the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * The same pair always gets the same handle, which stays until the table is
 * freed. Takes a lock of its own.
 *
 * Return: as codearena_handle_allocate().
 */
int codearena_handle_for_native(struct codearena_handle_table *table,
				uint64_t address, uint64_t signature,
				codearena_handle *out);

/**
 * codearena_handle_table_sweep - give the memory of empty segments back
 * @table: table
 * @threshold: do nothing unless as many entries are free as this many segments
 *             have; 0: 2
 *
 * Also sorts the list of free entries, so that the next allocations lie close
 * together. Allocations that find no free entry meanwhile wait. The memory goes
 * back to the system and reads as 0, while the address space stays reserved
 * and accessible.
 *
 * Return: the number of segments that were dropped, which is at most INT_MAX;
 * -EINVAL: @table is NULL.
 */
int codearena_handle_table_sweep(struct codearena_handle_table *table,
				 size_t threshold);

/**
 * codearena_handle_table_stat - read the counters
 * @table: table
 * @stat: gets the counters; @stat->sz must be set
 *
 * While other threads work, each number is right by itself.
 *
 * Return: 0, -EINVAL, -E2BIG.
 */
int codearena_handle_table_stat(struct codearena_handle_table *table,
				struct codearena_handle_table_counters *stat);

/*
 * ----------------------------------------------------------------------
 * Space for the code of modules, in as many arenas as it takes, within
 * limits that many modules share.
 * ----------------------------------------------------------------------
 */

/*
 * Terms:
 *
 * manager     limits for several modules together
 * allocator   allocates space for the code of one module
 * code space  an arena of an allocator. An allocator reserves another one when
 *             no free region is large enough.
 * unit        sizes are rounded up to it: 64 bytes, or the granule of the
 *             backend if that is larger (pages of more than 4 KiB)
 * grace       the time from the release of a region until the caller reports
 *             that no thread can hold its address any more
 *
 * Addresses are those of the code view in this process.
 *
 * Policy and numbers follow V8's WebAssembly code manager, with these
 * differences: running out of space is an error, not the end of the process;
 * released space is reused after a grace; pages are committed and counted one
 * by one, and may be committed ahead; a region never spans two code spaces.
 *
 * Return values are as in codearena.h. Limits: -ENOSPC: a code space or the
 * address space is full; -ENOMEM: the limit of committed bytes, that of the
 * backend, or memory.
 *
 * Thread safety: every function may be called from any thread, also on the same
 * object, except the *_free() functions. Only codearena_allocator_locate() may
 * be called from a signal handler. Each allocator has a mutex; a manager is
 * lock-free. A child of fork() must not call functions of allocators or
 * managers that its parent made.
 */

/**
 * struct codearena_estimate_costs - bytes of code that compilers emit
 * @sz: set by the caller to sizeof(struct codearena_estimate_costs)
 * @optimized_overhead: per function, by the optimizing compiler
 * @optimized_factor: per byte of input, by the optimizing compiler
 * @baseline_overhead: per function, by the baseline compiler
 * @baseline_factor: per byte of input, by the baseline compiler
 * @import_size: per imported function
 * @align: functions are rounded up to it; half of it is added per function
 */
struct codearena_estimate_costs {
	size_t sz;
	uint32_t optimized_overhead;
	uint32_t optimized_factor;
	uint32_t baseline_overhead;
	uint32_t baseline_factor;
	uint32_t import_size;
	uint32_t align;
};

/* Flags of struct codearena_estimate */
#define CODEARENA_ESTIMATE_F_BASELINE	0x1U /* both compilers are used */
#define CODEARENA_ESTIMATE_F_TIERING	0x2U /* a quarter is optimized */
#define CODEARENA_ESTIMATE_F_LAZY	0x4U /* half of baseline is compiled */

/**
 * struct codearena_estimate - a module whose code is to be estimated
 * @sz: set by the caller to sizeof(struct codearena_estimate)
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: functions that are compiled
 * @imports: functions that are imported
 * @builtins: builtins that are called; counts for metadata
 * @flags: CODEARENA_ESTIMATE_F_* bits. TIERING needs BASELINE; without BASELINE
 *         all functions are optimized.
 * @input_bytes: compiler input (code section) of all functions, in bytes
 * @costs: NULL: V8's compilers for @machine
 */
struct codearena_estimate {
	size_t sz;
	uint32_t machine;
	uint32_t jump_flags;
	uint32_t functions;
	uint32_t imports;
	uint32_t builtins;
	uint32_t flags;
	uint64_t input_bytes;
	const struct codearena_estimate_costs *costs;
};

/**
 * codearena_estimate_code - estimate the code of a module
 * @estimate: the module
 * @code: gets the bytes of code: the lazy table, imports, and the output of the
 *        compilers; 0 on failure. For &struct codearena_allocator_opts.estimate.
 * @metadata: NULL, or gets the bytes of memory beside the code: the input, a
 *            code object and two pointers per function, and the jump tables
 *
 * Rounds up: too large an estimate costs address space only. Pure.
 *
 * Return: 0; -EINVAL, -E2BIG: a structure is invalid; -EOPNOTSUPP: unknown
 * machine or flag; -EOVERFLOW: a sum does not fit in 64 bits.
 */
int codearena_estimate_code(const struct codearena_estimate *estimate,
			    uint64_t *code, uint64_t *metadata);

struct codearena_manager;
struct codearena_allocator;

/* Flags of struct codearena_manager_opts */
#define CODEARENA_MANAGER_F_ANYWHERE	0x1U /* no placement of code spaces */

/**
 * struct codearena_manager_opts - options of a manager
 * @sz: set by the caller to sizeof(struct codearena_manager_opts)
 * @device: see struct codearena_arena_opts; must stay valid as long as the
 *          manager
 * @backend: backend of all arenas; AUTO is resolved once
 * @arena_flags: CODEARENA_RESERVE_F_* bits of all arenas. Nothing can be
 *               released from a permanent arena.
 * @max_committed: limit of committed bytes of all allocators; 0: 4095 MiB
 * @max_code_space: largest code space in bytes, a multiple of the page size;
 *                  0: what branches reach, which is the upper limit too: 1 GiB
 *                  on x86-64 and riscv64, 128 MiB on arm64
 * @initial_cap: limit of the first code space of an allocator in bytes, a
 *               multiple of the page size; 0: none
 * @growth: a new code space has at least 1/@growth of the bytes of all others
 *          of its allocator; 0: 4
 * @flags: CODEARENA_MANAGER_F_* bits
 * @pressure: NULL, or called to free memory: by codearena_allocator_new() when
 *            @committed exceeds @critical, or when there is no room. Called
 *            without locks, possibly by several threads at once. It may release
 *            code and free allocators, but not make any. Returns 0 if it freed
 *            something. The critical mark begins at half of @max_committed and
 *            is then set half-way between what is committed and the limit.
 * @data: for @pressure
 */
struct codearena_manager_opts {
	size_t sz;
	const char *device;
	enum codearena_backend backend;
	uint32_t arena_flags;
	uint64_t max_committed;
	uint64_t max_code_space;
	uint64_t initial_cap;
	uint32_t growth;
	uint32_t flags;
	int (*pressure)(void *data, struct codearena_manager *manager,
			uint64_t committed, uint64_t critical);
	void *data;
};

/**
 * struct codearena_manager_counters - counters of a manager
 * @sz: set by the caller to sizeof(struct codearena_manager_counters)
 * @committed: committed bytes, a multiple of the page size
 * @max_committed: limit of @committed
 * @critical: above this many committed bytes codearena_allocator_new() calls the
 *            pressure callback
 * @reserved: bytes of all code spaces
 * @spaces: number of code spaces
 * @allocators: number of allocators
 * @page_size: bytes in a page
 * @unit: what sizes are rounded up to, in bytes
 * @machine: ELF machine number that code must be for
 * @backend: of all code spaces
 */
struct codearena_manager_counters {
	size_t sz;
	uint64_t committed;
	uint64_t max_committed;
	uint64_t critical;
	uint64_t reserved;
	uint64_t spaces;
	uint64_t allocators;
	uint32_t page_size;
	uint32_t unit;
	uint32_t machine;
	enum codearena_backend backend;
};

/**
 * codearena_manager_new - make a manager
 * @opts: NULL, or options
 * @out: gets the manager; NULL on failure
 *
 * Reserves nothing.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an option is invalid; -ENOMEM; an
 * error of codearena_probe().
 */
int codearena_manager_new(const struct codearena_manager_opts *opts,
			  struct codearena_manager **out);

/**
 * codearena_manager_free - free a manager
 * @manager: NULL, or a manager, which must not be used afterwards
 *
 * Its allocators may outlive it.
 */
void codearena_manager_free(struct codearena_manager *manager);

/**
 * codearena_manager_stat - read the counters
 * @manager: manager
 * @counters: gets the counters; @sz must be set. Each is read atomically, but
 *            not all of them together.
 *
 * Return: 0 or -EINVAL.
 */
int codearena_manager_stat(struct codearena_manager *manager,
			   struct codearena_manager_counters *counters);

/**
 * struct codearena_allocator_opts - options of an allocator
 * @sz: set by the caller to sizeof(struct codearena_allocator_opts)
 * @name: of the arenas, see struct codearena_arena_opts; copied
 * @estimate: expected bytes of code, see codearena_estimate_code()
 * @functions: functions of the module, for the size of jump tables
 * @builtins: builtins that it calls, for the same
 * @jump_flags: CODEARENA_JUMP_F_* bits, for the same
 * @ahead: bytes that a code space may commit beyond an allocation, so that the
 *         next ones need no system call; at most an eighth of what is committed
 *         in it otherwise. 0: none
 * @space_added: NULL, or called for every code space, including the first,
 *               before anything is allocated in it, by the thread that needed
 *               it. Other threads wait. It may call any function with this
 *               allocator except codearena_allocator_free(); a call that would
 *               need another code space fails with -EBUSY. If it returns a
 *               negative errno the space and what was allocated in it is given
 *               back, and the call that needed the space fails with that errno.
 * @data: for @space_added
 */
struct codearena_allocator_opts {
	size_t sz;
	const char *name;
	uint64_t estimate;
	uint32_t functions;
	uint32_t builtins;
	uint32_t jump_flags;
	uint32_t ahead;
	int (*space_added)(void *data, struct codearena_allocator *allocator,
			   size_t index);
	void *data;
};

/**
 * struct codearena_allocator_counters - counters of an allocator
 * @sz: set by the caller to sizeof(struct codearena_allocator_counters)
 * @reserved: bytes of all code spaces
 * @committed: committed bytes, a multiple of the page size
 * @live: bytes allocated and not released
 * @waiting: bytes released that wait for the end of a grace
 * @free: bytes that can be allocated
 * @generated: bytes allocated so far, including those released since
 * @released: bytes released so far
 * @spaces: number of code spaces
 */
struct codearena_allocator_counters {
	size_t sz;
	uint64_t reserved;
	uint64_t committed;
	uint64_t live;
	uint64_t waiting;
	uint64_t free;
	uint64_t generated;
	uint64_t released;
	uint64_t spaces;
};

/**
 * struct codearena_space_info - a code space
 * @sz: set by the caller to sizeof(struct codearena_space_info)
 * @arena: the arena. It belongs to the allocator: callers may publish and patch
 *         in it, but not free, commit, decommit or discard it
 * @region: addresses of the code view
 * @committed: committed bytes
 * @free: bytes that can be allocated
 */
struct codearena_space_info {
	size_t sz;
	struct codearena_arena *arena;
	struct codearena_region region;
	uint64_t committed;
	uint64_t free;
};

/**
 * codearena_allocator_new - make an allocator
 * @manager: manager
 * @opts: NULL, or options
 * @out: gets the allocator; NULL on failure. Set before @space_added is called
 *       for the first time.
 *
 * Reserves the first code space, unless @estimate, @functions and @builtins are
 * all 0. If there is no room, it calls the pressure callback and tries again,
 * up to three times in all.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is invalid;
 * -EOVERFLOW: more jump-table slots than a table can have; -ENOSPC: jump tables
 * take more than half of the largest code space, or the address space is full;
 * -ENOMEM; an errno of @space_added or codearena_arena_new().
 */
int codearena_allocator_new(struct codearena_manager *manager,
			    const struct codearena_allocator_opts *opts,
			    struct codearena_allocator **out);

/**
 * codearena_allocator_free - free an allocator with all code spaces
 * @allocator: NULL, or an allocator
 *
 * No thread may execute its code any more.
 */
void codearena_allocator_free(struct codearena_allocator *allocator);

/**
 * codearena_allocator_allocate - allocate space for code
 * @allocator: allocator
 * @size: bytes, not 0; rounded up to the unit
 * @window: NULL: anywhere; else where the result must lie, e.g. a code space
 * @out: gets the region, committed and filled with trap instructions; { 0, 0 }
 *       on failure
 *
 * Takes the free region with the lowest address that is large enough, from its
 * lowest address. If there is none and @window is NULL, it reserves another code
 * space, which stays if the call fails afterwards.
 *
 * Return: 0; -EINVAL: @size is 0; -EOVERFLOW: @size cannot be rounded up, or
 * @window ends above 2^64; -ENOSPC: @window has no room, @size does not fit in
 * the largest code space beside its jump tables, or the address space is full;
 * -ENOMEM: a limit of the manager or backend, or memory; -EBUSY: called by
 * @space_added and needs another code space; an errno of @space_added or
 * codearena_arena_new().
 */
int codearena_allocator_allocate(struct codearena_allocator *allocator,
				 uint64_t size,
				 const struct codearena_region *window,
				 struct codearena_region *out);

/**
 * codearena_allocator_release - release code
 * @allocator: allocator
 * @regions: array of regions, best in ascending order; each is an allocation or
 *           part of one, in whole units
 * @count: entries of @regions
 * @done: NULL, or gets the number of regions released, counted from the first;
 *        @count on success
 *
 * Unseals the regions, fills them with trap instructions, releases their traps,
 * and decommits the pages that hold no other code. No thread may execute the
 * code any more. The addresses are not allocated again before the end of a grace
 * that begins later: until then stale callers reach a trap instruction or a page
 * fault.
 *
 * All regions are checked first. The work is done in steps as large as the
 * backend allows; only an error in the second or a later step leaves part of the
 * regions released. A trap table must not have landing pads in regions of an
 * earlier step.
 *
 * Return: 0; -EINVAL: a region is empty, or not in whole units; -EOVERFLOW: its
 * end is not below 2^64; -ENOENT: it is in no code space, part of it is not
 * allocated, or is listed twice; -EBUSY: it holds a landing pad of code that is
 * not released with it; -EPERM: the arenas are permanent; -ENOMEM; an error of
 * codearena_arena_discard().
 */
int codearena_allocator_release(struct codearena_allocator *allocator,
				const struct codearena_region *regions,
				size_t count, size_t *done);

/**
 * codearena_allocator_grace_begin - begin a grace
 * @allocator: allocator
 *
 * Graces may overlap.
 *
 * Return: a cookie for codearena_allocator_grace_end(), never 0; 0 if
 * @allocator is NULL.
 */
uint64_t codearena_allocator_grace_begin(struct codearena_allocator *allocator);

/**
 * codearena_allocator_grace_end - end a grace
 * @allocator: allocator
 * @cookie: from codearena_allocator_grace_begin()
 *
 * Regions that had been released when the grace began can be allocated again. No
 * thread may be able to call them any more, through a register, a stack or a
 * table. Ends all graces that began earlier too; ending one twice does nothing.
 * Never fails with -ENOMEM.
 *
 * Return: 0; -EINVAL; -ENOENT: no such grace has begun.
 */
int codearena_allocator_grace_end(struct codearena_allocator *allocator,
				  uint64_t cookie);

/**
 * codearena_allocator_space - describe a code space
 * @allocator: allocator
 * @index: in the order of creation, from 0 to the counter spaces - 1; constant
 * @out: gets the description; @sz must be set
 *
 * Return: 0; -EINVAL; -ENOENT: no such code space.
 */
int codearena_allocator_space(struct codearena_allocator *allocator,
			      size_t index, struct codearena_space_info *out);

/**
 * codearena_allocator_stat - read the counters
 * @allocator: allocator
 * @counters: gets the counters, all of the same moment; @sz must be set
 *
 * Return: 0 or -EINVAL.
 */
int codearena_allocator_stat(struct codearena_allocator *allocator,
			     struct codearena_allocator_counters *counters);

/**
 * codearena_allocator_locate - find the code space of an address
 * @allocator: allocator
 * @address: address in the code view
 * @arena: NULL, or gets the arena
 * @offset: NULL, or gets the offset in the arena
 * @index: NULL, or gets the index of the code space
 *
 * Async-signal-safe: takes no lock. Logarithmic time in the number of code
 * spaces. On failure the results are unchanged.
 *
 * Return: 0; -EINVAL; -ENOENT: in no code space of this allocator.
 */
int codearena_allocator_locate(const struct codearena_allocator *allocator,
			       uint64_t address, struct codearena_arena **arena,
			       uint64_t *offset, size_t *index);

/*
 * ----------------------------------------------------------------------
 * The code of a module.
 * ----------------------------------------------------------------------
 */

/*
 * A module is a set of functions that are compiled together: its code objects,
 * the jump tables through which they call each other, and a table that says
 * which code is current for each function.
 *
 * Words used here:
 *
 * function    numbered as in the source: the first ones are imported and have
 *             no slot, the others are declared
 * add         get space for code and relocate it. It lies in ordinary memory
 *             (one block for a batch) until it is published: executable memory
 *             takes code only together with its seal.
 * publish     make code executable, findable by address, and current where it
 *             is better than what there is
 * current     code that the jump-table slot of its function leads to
 * retired     code that is not current any more, or never was; it lives as long
 *             as somebody holds a reference
 *
 * References. codearena_module_add() hands out code with one reference, which
 * is the caller's. codearena_module_publish() takes it over: it becomes that of
 * the table if the code gets current; that of the module if the code belongs to
 * no declared function (wrappers, anonymous code), until the module is freed or
 * codearena_module_release() is called; and is dropped otherwise. Whoever wants
 * to look at code afterwards has a scope open at the call, which gets references
 * to all code that was published or retired by it (codearena/module.h); or takes a
 * reference before; or gets one from codearena_module_code() and the like, and
 * gives it back by codearena_module_put().
 *
 * The life of retired code. When its last reference goes it is dead: nothing
 * finds it any more but by its address, since a thread may execute it still.
 * With a collector it is freed when no thread does, as codearena/module.h tells.
 * Without, it is freed by codearena_module_reap(), by which the caller says that
 * none does. Its space waits for the end of a grace of codearena_module_allocator()
 * before it is used again.
 *
 * Threads. Every function may be called from any thread at any time, on the
 * same module too, except codearena_module_free(), which must be the last call
 * on its module, and except that a code object may be published or abandoned
 * only once. None may be called from a signal handler. Adding runs on many
 * threads side by side; what changes the tables of a module is serialised by a
 * mutex of the module. The order of locks is: allocator, module,
 * arena; callbacks are called without any of them unless they say so.
 *
 * Return values as in codearena.h. A failure has changed nothing.
 */

/* Flags of struct codearena_module_opts */
#define CODEARENA_MODULE_F_DEOPT	0x1U /* optimised code may be replaced by
					      * baseline code if it has
					      * deoptimisation data */
#define CODEARENA_MODULE_F_DEBUG	0x2U /* begin in the debug state */
#define CODEARENA_MODULE_F_SYNC		0x4U /* processors are synchronised when
					      * slots change, see
					      * CODEARENA_PUBLISH_F_SYNC */

/* There is no such builtin: functions are not compiled lazily. */
#define CODEARENA_NO_BUILTIN		0xffffffffU

/**
 * enum codearena_event - what happened to a code object
 * @CODEARENA_EVENT_PUBLISHED: it can be executed and found
 * @CODEARENA_EVENT_INSTALLED: it got current
 * @CODEARENA_EVENT_RETIRED: it is not current any more
 * @CODEARENA_EVENT_FREED: it is about to be freed; its bytes are still there
 */
enum codearena_event {
	CODEARENA_EVENT_PUBLISHED = 1,
	CODEARENA_EVENT_INSTALLED,
	CODEARENA_EVENT_RETIRED,
	CODEARENA_EVENT_FREED
};

struct codearena_module;

/**
 * struct codearena_module_opts - how to make a module
 * @sz: set by the caller to sizeof(struct codearena_module_opts)
 * @name: of the arenas, see struct codearena_arena_opts
 * @imports: how many functions are imported
 * @functions: how many functions are declared; together below 2^31
 * @builtins: addresses of builtins, copied; may be NULL if there are none
 * @builtin_count: entries of @builtins
 * @lazy_builtin: index of the builtin that compiles a function at its first
 *                call; it gets the index of the function among the declared
 *                ones as codearena/jump.h says. CODEARENA_NO_BUILTIN: none.
 * @estimate: bytes of code expected, see codearena_estimate_code()
 * @signature_count: signatures are below this
 * @external_count: entries of @externals
 * @externals: addresses for CODEARENA_RELOC_EXTERNAL, copied; may be NULL if
 *             there are none
 * @handles: NULL, or the table that handles of functions are taken from. It
 *           must outlive the module.
 * @collector: NULL, or who finds out when dead code can be freed. It must
 *             outlive the module.
 * @flags: CODEARENA_MODULE_F_* bits
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @reach: a code space uses the jump tables of another one if no byte of it is
 *         further from any byte of them; else it gets tables of its own. Not
 *         above codearena_reservation_limit(); 0: just that.
 * @validate: NULL, or is asked whether what the code was compiled for still
 *            holds; any result but 0 makes codearena_module_publish() return
 *            -ESTALE. Called with the module's mutex held, so that what it
 *            found true stays true if changes go through publishing too: it
 *            must not call the module.
 * @event: NULL, or is told about code, by the thread that caused the event and
 *         with no lock held. It may take references.
 * @data: for the callbacks
 */
struct codearena_module_opts {
	size_t sz;
	const char *name;
	uint32_t imports;
	uint32_t functions;
	const uint64_t *builtins;
	uint32_t builtin_count;
	uint32_t lazy_builtin;
	uint64_t estimate;
	uint32_t signature_count;
	uint32_t external_count;
	const uint64_t *externals;
	struct codearena_handle_table *handles;
	struct codearena_collector *collector;
	uint32_t flags;
	uint32_t jump_flags;
	uint64_t reach;
	int (*validate)(void *data, struct codearena_module *module,
			struct codearena_code *const *codes, size_t count);
	void (*event)(void *data, struct codearena_module *module,
		      enum codearena_event event, struct codearena_code *code);
	void *data;
};

/**
 * struct codearena_module_stat - counters of a module
 * @sz: set by the caller to sizeof(struct codearena_module_stat)
 * @spaces: code spaces
 * @tables: of these, how many have jump tables of their own
 * @added: code objects added and neither published nor abandoned
 * @codes: code objects published and not freed; jump tables are none
 * @current: functions that have current code
 * @dead: code objects that wait for codearena_module_reap(); 0 with a collector
 * @code_bytes: bytes of @codes in executable memory, with padding
 * @metadata_bytes: bytes of memory beside them
 * @table_bytes: bytes of all jump tables
 * @baseline_bytes: bytes of baseline code that is not for debugging, and
 *                  @table_bytes
 * @optimized_bytes: the same of optimised code
 */
struct codearena_module_stat {
	size_t sz;
	uint64_t spaces;
	uint64_t tables;
	uint64_t added;
	uint64_t codes;
	uint64_t current;
	uint64_t dead;
	uint64_t code_bytes;
	uint64_t metadata_bytes;
	uint64_t table_bytes;
	uint64_t baseline_bytes;
	uint64_t optimized_bytes;
};

/**
 * codearena_module_new - make a module
 * @manager: where its space counts
 * @opts: NULL, or options
 * @out: gets the module; NULL on failure
 *
 * Reserves the first code space, with its jump tables, unless nothing is
 * expected: neither code, nor functions, nor builtins. The slots of all
 * declared functions lead to the lazy builtin.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong; the
 * codes of codearena_allocator_new().
 */
int codearena_module_new(struct codearena_manager *manager,
			 const struct codearena_module_opts *opts,
			 struct codearena_module **out);

/**
 * codearena_module_free - free a module with all of its code
 * @module: NULL, or a module, which is gone after the call
 *
 * Its code cannot be found any more; then its handles, its traps and its space
 * are gone. No thread may execute its code, nor may anybody hold a reference
 * to it; code that was added and not published goes too.
 */
void codearena_module_free(struct codearena_module *module);

/**
 * codearena_module_add - get space for code and relocate it
 * @module: module
 * @descs: array of descriptions; what they point to is copied
 * @count: entries of @descs, not 0
 * @out: array of @count entries that gets the code, NULL each on failure
 * @failed: NULL, or gets the index of the description that was refused
 *          (SIZE_MAX: no single one) and the relocation if it was one;
 *          @failed->sz must be set
 *
 * All objects of a batch lie side by side, unless the batch is larger than half
 * of the largest code space: then it is split in halves.
 *
 * Return: 0; -EINVAL: an argument, or what codearena_code_check() says;
 * -ENOSPC: one object is larger than half of the largest code space, or no room
 * is left; -ENOMEM; the codes of codearena_allocator_allocate() and
 * codearena_reloc_apply().
 */
int codearena_module_add(struct codearena_module *module,
			 const struct codearena_code_desc *descs, size_t count,
			 struct codearena_code **out,
			 struct codearena_reloc_error *failed);

/**
 * codearena_module_abandon - give up code that was not published
 * @module: module
 * @codes: array of code, which is gone after the call
 * @count: entries of @codes, not 0
 *
 * Return: 0; -EINVAL: not of this module, published already, or named twice.
 */
int codearena_module_abandon(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count);

/**
 * codearena_module_publish - make code executable
 * @module: module
 * @codes: array of code from codearena_module_add(), in any order
 * @count: entries of @codes, not 0
 * @failed: NULL, or gets the index of the code that was refused; SIZE_MAX: no
 *          single one
 *
 * For each code space concerned, one system call makes the code executable,
 * with its traps, and turns the slots of that space to it; then those of the
 * other spaces are turned.
 *
 * Code of kind function with the index of a declared function gets current by
 * these rules, applied in the order of the array:
 * - never if it is for stepping;
 * - in the debug state only if it is for debugging, and the current code is not
 *   for a higher debug level;
 * - else unless the current code is not for debugging and of a higher tier;
 *   with CODEARENA_MODULE_F_DEOPT it is replaced all the same if it has
 *   deoptimisation data.
 *
 * Return: 0; -EINVAL: a code is not of this module, published already, or named
 * twice; -ESTALE: @validate says so; the codes of codearena_arena_publish() and
 * codearena_arena_patch().
 */
int codearena_module_publish(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count,
			     size_t *failed);

/**
 * codearena_module_add_publish - add and publish
 * @module: module
 * @descs: array of descriptions
 * @count: entries of @descs, not 0
 * @out: NULL, or array of @count entries that gets the code, each with a
 *       reference which is the caller's; NULL each on failure
 * @failed: as codearena_module_add()
 *
 * Return: as the two.
 */
int codearena_module_add_publish(struct codearena_module *module,
				 const struct codearena_code_desc *descs,
				 size_t count, struct codearena_code **out,
				 struct codearena_reloc_error *failed);

/**
 * codearena_module_release - give up code that is not of a declared function
 * @module: module
 * @code: code that was published
 *
 * The module's reference of a wrapper or anonymous code is dropped: it is
 * retired.
 *
 * Return: 0; -EINVAL: not of this module, not published, or of a declared
 * function; -ENOENT: it was released before.
 */
int codearena_module_release(struct codearena_module *module,
			     struct codearena_code *code);

/**
 * codearena_module_call_target - where to call a function
 * @module: module
 * @function: index of a declared function
 * @from: address of the caller, whose direct branches reach the result; 0: the
 *        first code space
 * @out: gets the address of the near slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no declared function has this index, or @from is
 * not in a code space.
 */
int codearena_module_call_target(struct codearena_module *module,
				 uint32_t function, uint64_t from,
				 uint64_t *out);

/**
 * codearena_module_builtin_target - where to call a builtin
 * @module: module
 * @builtin: index of a builtin
 * @from: as codearena_module_call_target()
 * @out: gets the address of the far slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such builtin, or @from is not in a
 * code space.
 */
int codearena_module_builtin_target(struct codearena_module *module,
				    uint32_t builtin, uint64_t from,
				    uint64_t *out);

/**
 * codearena_module_slot_function - which function does a slot belong to?
 * @module: module
 * @address: address of a near slot of any code space, exactly
 * @out: gets the index of the function
 *
 * Return: 0; -EINVAL; -ENOENT: no near slot begins there.
 */
int codearena_module_slot_function(struct codearena_module *module,
				   uint64_t address, uint32_t *out);

/**
 * codearena_module_slot_builtin - which builtin does a slot belong to?
 * @module: module
 * @address: address of a far slot of any code space, exactly
 * @out: gets the index of the builtin
 *
 * Return: 0; -EINVAL; -ENOENT: no slot of a builtin begins there.
 */
int codearena_module_slot_builtin(struct codearena_module *module,
				  uint64_t address, uint32_t *out);

/**
 * codearena_module_handle - code pointer handle of a function
 * @module: module
 * @function: index of a declared function
 * @signature: what indirect callers will demand; it is kept from the first call
 *             for this function. A relocation that comes first sets 0.
 * @out: gets the handle; it is the module's, and leads to the current code, or
 *       to the near slot while there is none
 *
 * Return: 0; -EINVAL: the module was made without a table, or the function has
 * a handle with another signature; -ENOENT: no declared function has this
 * index; -ENOMEM, -ENOSPC: as codearena_handle_allocate().
 */
int codearena_module_handle(struct codearena_module *module, uint32_t function,
			    uint64_t signature, codearena_handle *out);

/**
 * codearena_module_code - current code of a function
 * @module: module
 * @function: index of a declared function
 * @out: gets the code with a reference, which is the caller's; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such function, or it has no code.
 */
int codearena_module_code(struct codearena_module *module, uint32_t function,
			  struct codearena_code **out);

/**
 * codearena_module_use_lazy - lead a function to the lazy builtin
 * @module: module
 * @function: index of a declared function, which must have no current code
 *
 * Slots begin that way; this does it again.
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such function; -EBUSY: it has code;
 * the codes of codearena_arena_patch().
 */
int codearena_module_use_lazy(struct codearena_module *module,
			      uint32_t function);

/**
 * enum codearena_filter - which current code to remove
 * @CODEARENA_FILTER_DEBUG: code for debugging
 * @CODEARENA_FILTER_NOT_DEBUG: all other
 * @CODEARENA_FILTER_BASELINE: code of the baseline tier
 * @CODEARENA_FILTER_OPTIMIZED: code of the optimised tier
 * @CODEARENA_FILTER_ALL: every code
 */
enum codearena_filter {
	CODEARENA_FILTER_DEBUG = 1,
	CODEARENA_FILTER_NOT_DEBUG,
	CODEARENA_FILTER_BASELINE,
	CODEARENA_FILTER_OPTIMIZED,
	CODEARENA_FILTER_ALL
};

/**
 * struct codearena_removed - what was removed
 * @sz: set by the caller to sizeof(struct codearena_removed)
 * @functions: functions that lost their code
 * @code_bytes: bytes of that code in executable memory
 * @metadata_bytes: bytes of memory beside it
 */
struct codearena_removed {
	size_t sz;
	uint64_t functions;
	uint64_t code_bytes;
	uint64_t metadata_bytes;
};

/**
 * codearena_module_remove - lead functions back to the lazy builtin
 * @module: module
 * @filter: enum codearena_filter
 * @removed: NULL, or gets what was removed; @sz must be set
 *
 * The code is retired.
 *
 * Return: 0; -EINVAL; -ENOMEM; the codes of codearena_arena_patch().
 */
int codearena_module_remove(struct codearena_module *module,
			    enum codearena_filter filter,
			    struct codearena_removed *removed);

/**
 * codearena_module_set_debug - enter or leave the debug state
 * @module: module
 * @debug: which
 *
 * Changes no code; see codearena_module_publish(). Return: 0; -EINVAL.
 */
int codearena_module_set_debug(struct codearena_module *module, bool debug);

/**
 * codearena_module_reinstall_debug - make breakpoint code current again
 * @module: module
 * @code: published code of a declared function, of the debug level breakpoints;
 *        the caller holds a reference
 *
 * Return: 1: done; 0: the module is not in the debug state any more, nothing
 * was done; -EINVAL: @code is not such code of this module; -ENOENT: it is dead
 * already; the codes of codearena_arena_patch().
 */
int codearena_module_reinstall_debug(struct codearena_module *module,
				     struct codearena_code *code);

/**
 * codearena_module_lookup - find code of a module by address
 * @module: module
 * @pc: any address
 * @out: gets the code, jump tables included, with a reference which is the
 *       caller's; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no code of this module is there.
 */
int codearena_module_lookup(struct codearena_module *module, const void *pc,
			    struct codearena_code **out);

/**
 * codearena_module_snapshot_table - current code of all declared functions
 * @module: module
 * @out: array that gets an entry for each function, NULL where it has no code,
 *       each with a reference which is the caller's
 * @count: entries of @out; gets the number of declared functions
 *
 * Return: 0; -EINVAL; -EMSGSIZE: @out is too small, @count says how large it
 * must be.
 */
int codearena_module_snapshot_table(struct codearena_module *module,
				    struct codearena_code **out, size_t *count);

/**
 * codearena_module_snapshot_all - all published code
 * @module: module
 * @out: array that gets the code by ascending address, each with a reference
 *       which is the caller's. Code that is dead already is left out, and so
 *       are jump tables.
 * @count: entries of @out; gets the number of entries that are filled in
 *
 * Return: 0; -EINVAL; -EMSGSIZE: @out is too small, @count says how large it
 * should be.
 */
int codearena_module_snapshot_all(struct codearena_module *module,
				  struct codearena_code **out, size_t *count);

/**
 * codearena_module_put - give a reference back
 * @codes: array of code, NULL entries are skipped
 * @count: entries of @codes
 *
 * Code whose last reference this was is retired.
 */
void codearena_module_put(struct codearena_code *const *codes, size_t count);

/**
 * codearena_module_reap - free dead code
 * @module: module without a collector
 * @count: NULL, or gets the number of code objects that were freed
 *
 * Frees retired code without references. The caller asserts that no thread
 * executes such code, or can return to it.
 *
 * Return: 0; -EINVAL: NULL, or the module has a collector, which does this.
 */
int codearena_module_reap(struct codearena_module *module, size_t *count);

/**
 * codearena_module_allocator - where the code lies
 * @module: module
 *
 * For codearena_allocator_grace_begin() and codearena_allocator_grace_end(),
 * and counters. Return: the allocator, which is the module's; NULL if @module
 * is NULL.
 */
struct codearena_allocator *
codearena_module_allocator(struct codearena_module *module);

/**
 * codearena_module_stat - read the counters
 * @module: module
 * @stat: gets the counters, taken together; @sz must be set
 *
 * Return: 0; -EINVAL.
 */
int codearena_module_stat(struct codearena_module *module,
			  struct codearena_module_stat *stat);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_MODULE_H */
