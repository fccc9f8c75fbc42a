/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The code of modules: code objects with their relocations and references, code
 * pointer handles, code spaces, and modules, which join all of them.
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
 * A compiler does not know the addresses of its code, nor those of the
 * functions, builtins and tables that the code refers to. It leaves these
 * fields open and describes them by relocations: where the field is (offset),
 * how it is encoded (form), and what it refers to (kind, index, addend).
 * codearena_module_add() checks and applies them.
 */

/**
 * enum codearena_reloc_kind - what a field refers to
 * @CODEARENA_RELOC_CALL: address of the near jump-table slot of function @index
 *                        of the module; no addend
 * @CODEARENA_RELOC_STUB_CALL: address of the far jump-table slot of builtin
 *                             @index; no addend
 * @CODEARENA_RELOC_SIGNATURE: signature @index itself, a number below the
 *                             module's number of signatures; no addend
 * @CODEARENA_RELOC_INDIRECT: code pointer handle of function @index; no addend
 * @CODEARENA_RELOC_INTERNAL: address of byte @index + @addend of the object
 *                            itself
 * @CODEARENA_RELOC_EXTERNAL: entry @index of the module's table of external
 *                            addresses, + @addend
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
 *                        only; any alignment; every machine
 * @CODEARENA_FORM_X86_64_REL32: 4 bytes, the distance from the end of the
 *                               field, which is the end of a call or jump
 * @CODEARENA_FORM_AARCH64_BRANCH26: a B or BL instruction
 * @CODEARENA_FORM_AARCH64_ADRP_ADD: ADRP, followed by an ADD of the same
 *                                   register
 * @CODEARENA_FORM_AARCH64_MOV64: MOVZ and three MOVK, with shifts 0, 16, 32, 48
 * @CODEARENA_FORM_AARCH64_MOV32: MOVZ and MOVK, with shifts 0 and 16:
 *                                signatures and handles only
 * @CODEARENA_FORM_RISCV_PCREL: AUIPC, followed by an instruction with a 12-bit
 *                              immediate that reads its register: JALR, ADDI or
 *                              a load
 * @CODEARENA_FORM_RISCV_LUI: LUI, followed by an ADDI or ADDIW of its register,
 *                            a number below 2^31 - 2^11: signatures and handles
 *                            only
 *
 * The field must contain the instructions already; their immediates are
 * ignored.
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
 * @offset: first byte of the field, from the start of the object. The field
 *          lies in the instructions or in the constant pool.
 * @kind: enum codearena_reloc_kind
 * @form: enum codearena_reloc_form
 * @__reserved: must be 0
 * @index: depends on the kind
 * @addend: depends on the kind
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
 * enum codearena_reloc_reason - why a relocation was refused
 * @CODEARENA_RELOC_OK: no error
 * @CODEARENA_RELOC_BAD_KIND: unknown kind, or a reserved member is not 0
 * @CODEARENA_RELOC_BAD_FORM: unknown form, one of another machine, or one that
 *                            does not fit the kind
 * @CODEARENA_RELOC_BAD_OFFSET: the field is neither inside the instructions nor
 *                              inside the constant pool, or is misaligned
 * @CODEARENA_RELOC_OVERLAP: the field begins before the end of the previous one
 * @CODEARENA_RELOC_BAD_INSTRUCTION: the field does not hold the instructions of
 *                                   the form
 * @CODEARENA_RELOC_BAD_ADDEND: the kind takes no addend
 * @CODEARENA_RELOC_BAD_FUNCTION: no slot for a function with this index
 * @CODEARENA_RELOC_BAD_BUILTIN: no builtin with this index
 * @CODEARENA_RELOC_BAD_SIGNATURE: the index is not below the module's number of
 *                                 signatures
 * @CODEARENA_RELOC_BAD_HANDLE: the function has no handle
 * @CODEARENA_RELOC_OUTSIDE: an internal reference leaves the object
 * @CODEARENA_RELOC_BAD_EXTERNAL: no external address with this index
 * @CODEARENA_RELOC_UNREACHABLE: the distance or number does not fit the field
 * @CODEARENA_RELOC_MISALIGNED: the target is not aligned as an instruction
 * @CODEARENA_RELOC_CHANGED: the field does not hold its target
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
 * @object: index of the description; SIZE_MAX: no single one
 * @index: index of the relocation; SIZE_MAX: the error is not in a relocation
 * @error: the errno that was returned, negative
 * @reason: enum codearena_reloc_reason
 * @reloc: copy of the relocation
 * @place: address of the field, if known
 * @target: target of the field, if known
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
 * Thread-safe and async-signal-safe, in a child of fork() too.
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
 *
 * Threads. Functions that take a const object take no lock, change nothing, and
 * may be called from any thread, and from signal handlers unless documented
 * otherwise.
 *
 * fork(). A child may read and print inherited objects; references to code of
 * the parent are refused with -EPERM.
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

/**
 * enum codearena_unwind_rule - how unwinders find the caller of a frame
 * @CODEARENA_UNWIND_UNKNOWN: not described
 * @CODEARENA_UNWIND_FRAME_POINTER: see CODEARENA_FRAME_POINTER
 * @CODEARENA_UNWIND_FIXED: see CODEARENA_FRAME_FIXED
 * @CODEARENA_UNWIND_CFI: see CODEARENA_FRAME_CFI
 *
 * codearena/log.h describes the rules. A logger with CODEARENA_LOG_UNWIND
 * registers code with the unwinder of the process by them.
 */
enum codearena_unwind_rule {
	CODEARENA_UNWIND_UNKNOWN = 0,
	CODEARENA_UNWIND_FRAME_POINTER,
	CODEARENA_UNWIND_FIXED,
	CODEARENA_UNWIND_CFI
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
 * @cfi: call frame instructions, with CODEARENA_UNWIND_CFI
 * @cfi_size: bytes of @cfi; not 0 with CODEARENA_UNWIND_CFI, else 0
 * @unwind: enum codearena_unwind_rule
 * @frame_size: bytes of the frame, a multiple of 8, with CODEARENA_UNWIND_FIXED;
 *              else 0
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
	const void *cfi;
	size_t cfi_size;
	uint32_t unwind;
	uint32_t frame_size;
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
 * already; -EPERM: in a child of fork(), code of the parent.
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
 * A return address is the end of the call, so the search excludes it. For a
 * trap pass the offset of the instruction plus 1. Binary search.
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
 * Instructions are disassembled by libcapstone, if the library was built with
 * it and it can be loaded. Not async-signal-safe.
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
 *
 * Threads. Both functions are thread-safe.
 *
 * fork(). The index of a child contains what that of its parent did, until the
 * child frees the modules.
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
 * codearena_code_find_ref - find an object, and take a reference
 * @pc: any address
 *
 * Takes a mutex; not async-signal-safe.
 *
 * Return: the object, to be given back by codearena_code_put(); NULL: none, its
 * last reference is gone, or it is the parent's of this child of fork().
 */
struct codearena_code *codearena_code_find_ref(uint64_t pc);

/*
 * ----------------------------------------------------------------------
 * References to code, and collection of unused code.
 * ----------------------------------------------------------------------
 */

/*
 * A thread may still execute code that its module no longer needs, or return to
 * it. So dropping the last reference does not free code: a collector takes that
 * reference over, and finds out whether any stack contains the code.
 *
 * live              somebody holds a reference
 * potentially dead  the collector holds the only reference
 * candidate         potentially dead when the current collection began
 * dead              on no stack, and not referenced meanwhile: it can no longer
 *                   be found or referenced, and is freed
 *
 * A collection begins when newly potentially dead code exceeds a threshold, or
 * on request. The collector asks every runtime that has joined for the code on
 * all of its stacks. A runtime may report later and from any of its threads,
 * and keeps running meanwhile. After the last report, one call per module frees
 * the candidates that nobody reported; the others are candidates of the next
 * collection. Only one collection runs at a time; a request during a collection
 * starts another one after it.
 *
 * This relies on two rules. After its report, a runtime executes a candidate
 * only if it gets a reference first; since no jump table targets candidates,
 * there is no other way to reach them. And a thread that belongs to no runtime
 * executes code only while it holds a reference.
 *
 * The order of events is that of V8's collector, with one difference: a
 * candidate that is referenced during a collection is live again, and is
 * checked anew after that reference is dropped. V8 considers it dead and frees
 * it then, even if it is on a stack again.
 *
 * Scopes keep code alive while a thread works with it. Each thread has a stack
 * of scopes; the library adds code to the innermost one.
 *
 * Threads. All functions are thread-safe except where documented; none is
 * async-signal-safe.
 *
 * fork(). In a child each function returns -EPERM for code and collectors of the
 * parent, without taking a lock; codearena_collector_free() frees nothing then.
 *
 * Return values as in codearena.h. A failed call changes nothing.
 */

/**
 * codearena_code_put - drop a reference
 * @code: object that the caller holds a reference to
 *
 * The collector of the module takes over the last reference. This may begin a
 * collection and call back, so the caller must not hold a lock that a callback
 * of a collector takes. In a module without a collector the code is dead then,
 * see codearena_module_reap().
 *
 * Return: 0; -EINVAL: @code is NULL, or has no reference to drop, which is not
 * always detected; -EPERM: in a child of fork(), code of the parent.
 */
int codearena_code_put(struct codearena_code *code);

struct codearena_scope;

/**
 * codearena_scope_open - open a scope in the calling thread
 * @out: receives the scope, now the innermost one; NULL on failure
 *
 * The end of a thread closes its scopes.
 *
 * Return: 0; -EINVAL: @out is NULL; -ENOMEM.
 */
int codearena_scope_open(struct codearena_scope **out);

/**
 * codearena_scope_close - drop the references of a scope, and free it
 * @scope: NULL, or the innermost scope of the calling thread
 *
 * As codearena_code_put() for each object of the scope; it may call back.
 *
 * Return: 0; -EINVAL: @scope is not the innermost one; -EPERM: it is not an
 * open scope of the calling thread.
 */
int codearena_scope_close(struct codearena_scope *scope);

/**
 * codearena_scope_add - add code to the innermost scope
 * @code: object that somebody holds a reference to
 *
 * The scope takes a reference, unless it has one.
 *
 * Return: 0; -EINVAL: @code is NULL; -ENOENT: this thread has no open scope;
 * -ENOMEM; -EOVERFLOW: as codearena_code_ref().
 */
int codearena_scope_add(struct codearena_code *code);

/* Flags of struct codearena_collector_opts */
#define CODEARENA_COLLECTOR_F_STRESS	0x1U /* threshold 0 */
#define CODEARENA_COLLECTOR_F_MANUAL	0x2U /* no threshold: collect on request
					      * only */

/* Default of @least, in bytes */
#define CODEARENA_COLLECTOR_LEAST	65536U

/* Default of @percent */
#define CODEARENA_COLLECTOR_PERCENT	10U

/**
 * struct codearena_collector_opts - options of a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_opts)
 * @committed: NULL, or returns the bytes committed for code. Called without
 *             locks, by any thread that drops a reference.
 * @data: argument of @committed
 * @least: fixed part of the threshold, in bytes; 0: CODEARENA_COLLECTOR_LEAST
 * @percent: part of the committed bytes that is added to @least, at most 100;
 *           0: CODEARENA_COLLECTOR_PERCENT
 * @flags: CODEARENA_COLLECTOR_F_* bits; not both
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
 * @out: receives the collector; NULL on failure
 *
 * Return: 0; -EINVAL: @out is NULL, or an option is out of range; -E2BIG:
 * members of @opts that this library does not know are not 0; -EOPNOTSUPP: an
 * unknown flag; -ENOMEM.
 */
int codearena_collector_new(const struct codearena_collector_opts *opts,
			    struct codearena_collector **out);

/**
 * codearena_collector_free - free a collector
 * @collector: NULL, or a collector that no other call is using
 *
 * Return: 0; -EBUSY: a runtime or a module uses it.
 */
int codearena_collector_free(struct codearena_collector *collector);

/**
 * struct codearena_runtime_opts - options of a runtime
 * @sz: set by the caller to sizeof(struct codearena_runtime_opts)
 * @ask: asks for a call of codearena_collector_report() with @sequence. Called
 *       without locks by the thread that began the collection; may report at
 *       once. Must not call codearena_collector_leave() for this runtime, nor
 *       free a module.
 * @data: argument of @ask
 */
struct codearena_runtime_opts {
	size_t sz;
	void (*ask)(void *data, struct codearena_runtime *runtime,
		    uint64_t sequence);
	void *data;
};

/**
 * codearena_collector_join - add a runtime to a collector
 * @collector: collector, which must outlive the runtime
 * @opts: options; @ask must be set
 * @out: receives the runtime; NULL on failure
 *
 * Join before the runtime executes code of the collector's modules. A
 * collection in progress does not ask it.
 *
 * Return: 0; -EINVAL: an argument is NULL, or an option is missing; -E2BIG:
 * members of @opts that this library does not know are not 0; -ENOMEM; -EPERM:
 * in a child of fork().
 */
int codearena_collector_join(struct codearena_collector *collector,
			     const struct codearena_runtime_opts *opts,
			     struct codearena_runtime **out);

/**
 * codearena_collector_leave - remove a runtime, and free it
 * @runtime: NULL, or a runtime without code on its stacks
 *
 * Counts as a report of nothing. Waits until @ask has returned in other
 * threads.
 *
 * Return: 0; -EDEADLK: called by the runtime's own @ask; -EPERM: in a child of
 * fork().
 */
int codearena_collector_leave(struct codearena_runtime *runtime);

/**
 * codearena_collector_report - report the code on all stacks of a runtime
 * @runtime: runtime
 * @sequence: the number that @ask was called with
 * @pcs: addresses anywhere in code; may be NULL if @count is 0. For a return
 *       address pass the address minus 1, as a call may be the last instruction
 *       of an object.
 * @count: entries of @pcs
 *
 * Ignores addresses outside of candidates. The last runtime to report frees
 * dead code within this call. May begin another collection, and call back.
 *
 * Return: 0; 1: ignored, because the collection is over or the runtime has
 * reported already; -EINVAL: an argument is NULL, or @sequence was never asked;
 * -EPERM: in a child of fork().
 */
int codearena_collector_report(struct codearena_runtime *runtime,
			       uint64_t sequence, const uint64_t *pcs,
			       size_t count);

/**
 * codearena_collector_request - request a collection
 * @collector: collector
 *
 * Does nothing if no code is potentially dead. During a collection, another one
 * follows it. Calls back.
 *
 * Return: 0; -EINVAL: @collector is NULL; -ENOMEM: the next event that may
 * begin a collection tries again; -EPERM: in a child of fork().
 */
int codearena_collector_request(struct codearena_collector *collector);

/**
 * struct codearena_collector_counters - counters of a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_counters)
 * @sequence: number of the last collection that began; the first one is 1
 * @collections: collections that ended
 * @outstanding: runtimes that have not reported in the current collection
 * @candidates: code objects that are candidates
 * @waiting: code objects that are potentially dead, and not candidates
 * @waiting_bytes: bytes of these in executable memory
 * @freed: code objects that were freed
 * @freed_bytes: bytes of these in executable memory
 * @runtimes: runtimes that have joined
 * @owners: modules that use the collector
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
 * @counters: receives a consistent set of counters; @counters->sz must be set
 *
 * Return: 0; -EINVAL: an argument is NULL, or @counters is too short; -EPERM:
 * in a child of fork().
 */
int codearena_collector_stat(struct codearena_collector *collector,
			     struct codearena_collector_counters *counters);

/*
 * ----------------------------------------------------------------------
 * Code pointer tables, which generated code indexes by 32-bit handles.
 * ----------------------------------------------------------------------
 */

/*
 * An entry is 16 bytes: the entry point at offset CODEARENA_HANDLE_ENTRY and
 * the signature at CODEARENA_HANDLE_SIGNATURE, 8 bytes each. Handle h is at
 * address base + h * CODEARENA_HANDLE_SIZE; the base of a table never changes.
 * Code that calls through a handle compares the signature with the expected
 * one, and jumps to the entry point. codearena_module_handle() makes handles of
 * a module's functions.
 *
 * A table reserves address space for all entries when it is made, and makes it
 * accessible in segments of CODEARENA_HANDLE_SEGMENT bytes. A free entry has
 * the entry point 0, so that a call through a released handle faults at address
 * 0; in a segment that was never used the load faults.
 *
 * The signature of an entry does not change between allocation and release, so
 * the two loads of a caller, which are not one atomic access, always match. V8
 * can store a new pair; here a function with another signature gets another
 * handle.
 *
 * The table is ordinary memory: whoever can write to the process's memory can
 * change an entry point. It restricts the targets of indirect calls only while
 * that memory is intact. V8 protects its table by a memory protection key; a
 * program may protect the whole mapping likewise between the calls.
 *
 * Threads. All functions are thread-safe except codearena_handle_table_free();
 * none is async-signal-safe.
 *
 * fork(). A child may call through an inherited table, and free it; other calls
 * return -EPERM.
 */
typedef uint32_t codearena_handle;

#define CODEARENA_HANDLE_INVALID	0xffffffffU

#define CODEARENA_HANDLE_SIZE		16U
#define CODEARENA_HANDLE_ENTRY		0U
#define CODEARENA_HANDLE_SIGNATURE	8U
#define CODEARENA_HANDLE_SEGMENT	65536U

struct codearena_handle_table;

/**
 * struct codearena_handle_table_opts - options of a table
 * @sz: set by the caller to sizeof(struct codearena_handle_table_opts)
 * @max_entries: maximum number of entries, up to 2^24; 0: 2^23, which take 128
 *               MiB of address space
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
 * @max_entries: maximum number of entries
 * @used: allocated entries, those of native functions included
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
 * @out: receives the table; NULL on failure
 *
 * Return: 0; -EINVAL: @out is NULL, @opts is too short, or too many entries;
 * -E2BIG: members of @opts that this library does not know are not 0;
 * -EOPNOTSUPP: a flag; -ENOMEM.
 */
int codearena_handle_table_new(const struct codearena_handle_table_opts *opts,
			       struct codearena_handle_table **out);

/**
 * codearena_handle_table_free - free a table
 * @table: NULL, or a table that no module and no code uses
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
 * codearena_handle_for_native - get the handle of a native function
 * @table: table
 * @address: address of the function, not 0
 * @signature: any value
 * @out: receives the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * The same pair always gets the same handle, which is valid until the table is
 * freed.
 *
 * Return: 0; -EINVAL; -ENOSPC: the table is full; -ENOMEM; -EPERM: in a child
 * of fork().
 */
int codearena_handle_for_native(struct codearena_handle_table *table,
				uint64_t address, uint64_t signature,
				codearena_handle *out);

/**
 * codearena_handle_table_sweep - return the memory of empty segments
 * @table: table
 * @threshold: do nothing unless at least this many segments' worth of entries
 *             is free; 0: 2
 *
 * Also sorts the list of free entries, so that the next allocations are close
 * together. Allocations that find no free entry meanwhile wait. Returned memory
 * reads as 0; its address space stays reserved and accessible.
 *
 * Return: the number of segments, at most INT_MAX; -EINVAL: @table is NULL;
 * -EPERM: in a child of fork().
 */
int codearena_handle_table_sweep(struct codearena_handle_table *table,
				 size_t threshold);

/**
 * codearena_handle_table_stat - read the counters
 * @table: table
 * @counters: receives the counters; @counters->sz must be set
 *
 * While other threads use the table, the counters may not match each other.
 *
 * Return: 0; -EINVAL: an argument is NULL, or @counters is too short; -EPERM:
 * in a child of fork().
 */
int codearena_handle_table_stat(struct codearena_handle_table *table,
				struct codearena_handle_table_counters *counters);

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
 * Threads. Every function may be called from any thread, also on the same
 * object, except the *_free() functions. Only codearena_allocator_locate() may
 * be called from a signal handler. Each allocator has a mutex; a manager is
 * lock-free.
 *
 * fork(). In a child calls on allocators and managers of the parent return
 * -EPERM without taking a lock, except codearena_allocator_locate(),
 * codearena_manager_stat() and the *_free() functions; and
 * codearena_allocator_grace_begin() returns 0. Freeing an allocator unmaps its
 * code views and closes its descriptors; the rest of its memory stays until the
 * child ends.
 *
 * If no other thread of the parent was in a function of the library when it
 * forked, codearena_allocator_clone() lifts this, for all objects of the parent;
 * arenas that were not cloned still refuse changes.
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

struct codearena_guard;
struct codearena_guard_opts;

/**
 * codearena_manager_guard_new - make a guard for the code of modules
 * @manager: manager
 * @length: bytes, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the guard; NULL on failure
 *
 * As codearena_guard_new() with an arena of the manager's backend. The guard
 * serves all modules of the manager and may outlive it.
 *
 * Return: as codearena_guard_new() and codearena_arena_new().
 */
int codearena_manager_guard_new(struct codearena_manager *manager,
				uint64_t length,
				const struct codearena_guard_opts *opts,
				struct codearena_guard **out);

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
 * -ENOMEM; an errno of @space_added or codearena_arena_new(); -EPERM: in a
 * child of fork().
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
 * codearena_allocator_clone - give a child of fork() its own code spaces
 * @allocator: allocator, for instance of a module
 *
 * Calls codearena_arena_clone() for each code space. Afterwards the child uses
 * the allocator, and the module it belongs to, as the parent did before the fork:
 * code and jump tables are at the same addresses, and can be changed. Before it
 * every change fails with -EPERM. The parent must have been in no function of the
 * library for the allocator or module in another thread when it forked.
 * A logger still writes nothing in the child; give the module another one.
 *
 * Return: 0; -EINVAL: @allocator is NULL; or the error of
 * codearena_arena_clone() for one code space. The call may be repeated then,
 * which clones all of them.
 */
int codearena_allocator_clone(struct codearena_allocator *allocator);

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
 * A module is a set of functions that are compiled together: their code objects,
 * the jump tables through which they call each other, and a table of the current
 * code of each function.
 *
 * Terms:
 *
 * function    numbered as in the source: imported functions come first and have
 *             no slot; the others are declared
 * add         allocate space for code and relocate it. Until it is published the
 *             code lies in ordinary memory, one block for a batch: executable
 *             memory takes code only together with its seal.
 * publish     make code executable, findable by address, and current if it is
 *             better than the code that is current
 * current     the jump-table slot of its function targets this code
 * retired     code that is no longer current, or never was. It lives as long as
 *             there are references to it.
 *
 * References. codearena_module_add() returns code with one reference, owned by
 * the caller. codearena_module_publish() takes it over: for the table if the
 * code becomes current, for the module if the code belongs to no declared
 * function (wrappers, anonymous code). The module's own reference lasts until
 * codearena_module_drop() or codearena_module_free(). Otherwise the reference is
 * dropped. To use code after publishing it, open a scope before, which gets
 * references to all code that the call publishes or retires; or take a reference
 * before; or use codearena_module_code() and the like. Every reference that a
 * caller owns is given back with codearena_code_put().
 *
 * Freeing. When its last reference is dropped, code is dead: only lookups by
 * address find it, since a thread may still execute it. A collector frees it when
 * no thread does. Without a collector codearena_module_reap() frees it, and the
 * caller asserts that no thread executes it. Its space is reused after a grace
 * period of codearena_module_allocator().
 *
 * Threads. All functions are thread-safe, with two exceptions:
 * codearena_module_free() must be the last call on its module, and a code object
 * may be published or dropped only once. None is async-signal-safe. Threads add
 * code side by side; a mutex of the module serialises changes of its tables. Locks
 * are taken in the order allocator, module, arena, and callbacks are called
 * without any of them unless documented otherwise.
 *
 * fork(). A child can execute the code of a module of its parent, and read code
 * objects by functions that take them as const. All calls with the module return
 * -EPERM without taking a lock, except codearena_module_allocator(), and
 * codearena_module_free(): it unmaps the code, which lookups no longer find. The
 * rest of its memory stays until the child ends. The child can make managers and
 * modules of its own, or go on with those of the parent after
 * codearena_allocator_clone().
 *
 * Return values as in codearena.h. A call that fails has changed nothing.
 */

/* Flags of struct codearena_module_opts */
#define CODEARENA_MODULE_F_DEOPT	0x1U /* optimised code may be replaced by
					      * baseline code if it has
					      * deoptimisation data */
#define CODEARENA_MODULE_F_DEBUG	0x2U /* begin in the debug state */
#define CODEARENA_MODULE_F_SYNC		0x4U /* synchronise all processors when
					      * slots change, see
					      * CODEARENA_PUBLISH_F_SYNC */
#define CODEARENA_MODULE_F_LAZY		0x8U /* functions without code call
					      * lazy_builtin */

/**
 * enum codearena_event - what happened to a code object
 * @CODEARENA_EVENT_PUBLISHED: it can be executed and found
 * @CODEARENA_EVENT_INSTALLED: it became current
 * @CODEARENA_EVENT_RETIRED: it is no longer current
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
 * struct codearena_module_opts - options of codearena_module_new()
 * @sz: set by the caller to sizeof(struct codearena_module_opts)
 * @name: name of the arenas, see struct codearena_arena_opts
 * @imports: number of imported functions
 * @functions: number of declared functions; with @imports below 2^31
 * @builtins: addresses of builtins, copied; may be NULL if there are none
 * @builtin_count: entries of @builtins
 * @lazy_builtin: with CODEARENA_MODULE_F_LAZY, index of the builtin that
 *                compiles a function at its first call. It gets the index of the
 *                function, imported ones counted, in the register that
 *                codearena/jump.h names. Else 0.
 * @estimate: expected bytes of code, for the size of the first code space;
 *            jump tables are added to it
 * @signature_count: signatures are below this
 * @external_count: entries of @externals
 * @externals: addresses for CODEARENA_RELOC_EXTERNAL, copied; may be NULL if
 *             there are none
 * @handles: NULL, or the table for code pointer handles of functions. It must
 *           outlive the module.
 * @collector: NULL, or the collector that frees dead code. It must outlive the
 *             module.
 * @flags: CODEARENA_MODULE_F_* bits
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @reach: largest distance between a byte of code and a byte of its jump tables.
 *         A code space shares the tables of another one if they are as near, and
 *         gets its own otherwise. 0: as far as direct branches reach; more is
 *         refused.
 * @validate: NULL, or returns 0 if the assumptions that the code was compiled
 *            with still hold; other results make codearena_module_publish()
 *            return -ESTALE. Called with the module's mutex held, so that changes
 *            of the assumptions which are published too cannot intervene. It must
 *            not call the module.
 * @event: NULL, or called for each event, in the thread that caused it, without
 *         locks held. It may take references.
 * @data: argument of the callbacks
 * @landing: address where traps with CODEARENA_LANDING_EXTERNAL continue, in all
 *           code spaces; NULL: codearena_pad_external()
 *
 * All members may be 0: a module without functions, for wrappers for example.
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
	const void *landing;
};

/**
 * struct codearena_module_counters - counters of a module
 * @sz: set by the caller to sizeof(struct codearena_module_counters)
 * @spaces: code spaces
 * @tables: code spaces with jump tables of their own
 * @added: code objects added and neither published nor dropped
 * @codes: code objects published and not freed, without jump tables
 * @current: functions that have current code
 * @dead: code objects that wait for codearena_module_reap(); 0 with a collector
 * @code_bytes: bytes of @codes in executable memory, with padding
 * @metadata_bytes: bytes of ordinary memory for @codes
 * @table_bytes: bytes of all jump tables
 * @baseline_bytes: bytes of baseline code that is not for debugging, plus
 *                  @table_bytes
 * @optimized_bytes: bytes of optimised code that is not for debugging, plus
 *                   @table_bytes
 */
struct codearena_module_counters {
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
 * @manager: manager whose limits apply to the module's code spaces; it must
 *           outlive the module
 * @opts: NULL, or options
 * @out: gets the module; NULL on failure
 *
 * Reserves the first code space, with its jump tables, unless @opts announces
 * neither code nor functions nor builtins. The slots of all declared functions
 * target the lazy builtin; without CODEARENA_MODULE_F_LAZY they trap.
 *
 * Every code space gets the landing pad before any code. So
 * codearena_trap_set_landing() on an arena of the module returns -EBUSY.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong; the
 * codes of codearena_allocator_new().
 */
int codearena_module_new(struct codearena_manager *manager,
			 const struct codearena_module_opts *opts,
			 struct codearena_module **out);

/**
 * codearena_module_free - free a module with all of its code
 * @module: the module, or NULL
 *
 * Removes its code from lookups, then frees its handles, traps and space, and
 * code that was added and not published. No thread may execute its code, and no
 * reference to its code may be left.
 */
void codearena_module_free(struct codearena_module *module);

/**
 * codearena_module_guard_new - make a guard for the code of a module
 * @module: module
 * @length: bytes, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the guard; NULL on failure
 *
 * As codearena_manager_guard_new() with the module's manager.
 *
 * Return: as codearena_manager_guard_new().
 */
int codearena_module_guard_new(struct codearena_module *module, uint64_t length,
			       const struct codearena_guard_opts *opts,
			       struct codearena_guard **out);

/**
 * codearena_module_add - allocate space for code and relocate it
 * @module: module
 * @descs: array of descriptions; everything is copied. Entries are as far apart
 *         as the first one says with @sz; all must have the same @sz.
 * @count: entries of @descs, not 0
 * @out: array of @count entries that gets the code, with one reference each;
 *       all NULL on failure
 * @failed: NULL, or gets the index of the refused description (SIZE_MAX: no
 *          single one is to blame), and the relocation if one was refused;
 *          @failed->sz must be set
 *
 * The objects of a batch are neighbours. A batch of more than half of the
 * largest code space is split in halves.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP, -ENAMETOOLONG, -EOVERFLOW: an
 * argument or a description is wrong, see struct codearena_code_desc; -ENOSPC: an
 * object is larger than half of the largest code space, or no room is left;
 * -ENOMEM; the codes of codearena_allocator_allocate(). For a relocation,
 * -EINVAL: kind, form, offset, order or addend; -ENOEXEC: the field does not hold
 * the instructions of the form; -ENOENT: no such function, builtin, signature,
 * handle or external address; -EOVERFLOW: an internal reference leaves the
 * object; -ERANGE: the target is out of reach.
 */
int codearena_module_add(struct codearena_module *module,
			 const struct codearena_code_desc *descs, size_t count,
			 struct codearena_code **out,
			 struct codearena_reloc_error *failed);

/**
 * codearena_module_publish - make code executable
 * @module: module
 * @codes: array of code from codearena_module_add(), in any order
 * @count: entries of @codes, not 0
 * @failed: NULL, or gets the index of the refused code; SIZE_MAX: no single one
 *          is to blame
 *
 * For each code space, one system call makes code executable, registers its
 * traps and retargets the slots of that space; the slots of other spaces
 * follow. Takes over the caller's references.
 *
 * Code of kind function with the index of a declared function becomes current by
 * these rules, applied in the order of the array:
 * - code for stepping never does;
 * - in the debug state, code for debugging does, unless the current code is for
 *   a higher debug level; other code does not;
 * - otherwise code does, unless the current code is not for debugging and of a
 *   higher tier. With CODEARENA_MODULE_F_DEOPT it replaces even that, if the
 *   current code has deoptimisation data.
 *
 * Return: 0; -EINVAL: a code is not of this module, published already, or named
 * twice; -ESTALE: @validate refused; -ENOMEM; the codes of
 * codearena_arena_publish() and codearena_arena_patch().
 */
int codearena_module_publish(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count,
			     size_t *failed);

/**
 * codearena_module_add_publish - add code and publish it
 * @module: module
 * @descs: as codearena_module_add()
 * @count: entries of @descs, not 0
 * @out: NULL, or array of @count entries that gets the code, each with a
 *       reference owned by the caller; all NULL on failure
 * @failed: as codearena_module_add()
 *
 * Return: as the two.
 */
int codearena_module_add_publish(struct codearena_module *module,
				 const struct codearena_code_desc *descs,
				 size_t count, struct codearena_code **out,
				 struct codearena_reloc_error *failed);

/**
 * codearena_module_drop - give code up
 * @module: module
 * @codes: array of code
 * @count: entries of @codes, not 0
 *
 * Code that was added and not published is freed. Published code of no declared
 * function (wrappers, anonymous code) is retired: the module drops its reference.
 * All or nothing.
 *
 * Return: 0; -EINVAL: a code is not of this module, is of a declared function
 * and published, or is unpublished and named twice; -ENOENT: published code that
 * was dropped before, or is named twice.
 */
int codearena_module_drop(struct codearena_module *module,
			  struct codearena_code *const *codes, size_t count);

/**
 * codearena_module_call_target - address for calls of a function
 * @module: module
 * @function: index of a declared function
 * @from: address of the caller, whose direct branches reach the result; 0: in
 *        the first code space
 * @out: gets the address of the near slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no declared function has this index, or @from is
 * in no code space.
 */
int codearena_module_call_target(struct codearena_module *module,
				 uint32_t function, uint64_t from,
				 uint64_t *out);

/**
 * codearena_module_builtin_target - address for calls of a builtin
 * @module: module
 * @builtin: index of a builtin
 * @from: as codearena_module_call_target()
 * @out: gets the address of the far slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no builtin has this index, or @from is in no code
 * space.
 */
int codearena_module_builtin_target(struct codearena_module *module,
				    uint32_t builtin, uint64_t from,
				    uint64_t *out);

/**
 * codearena_module_slot - the function or builtin that a slot belongs to
 * @module: module
 * @address: first address of a near slot, or of a builtin's far slot, in any
 *           code space
 * @builtin: gets whether it is the slot of a builtin
 * @index: gets the index of the function or builtin
 *
 * The inverse of codearena_module_call_target() and
 * codearena_module_builtin_target().
 *
 * Return: 0; -EINVAL; -ENOENT: no such slot begins there; -EPERM: in a child of
 * fork().
 */
int codearena_module_slot(struct codearena_module *module, uint64_t address,
			  bool *builtin, uint32_t *index);

/**
 * codearena_module_handle - code pointer handle of a function
 * @module: module
 * @function: index of a declared function
 * @signature: signature that indirect callers will check; fixed by the first
 *             call for the function. A relocation that comes first sets 0.
 * @out: gets the handle, which is the module's. It targets the current code, or
 *       the near slot while there is none.
 *
 * Return: 0; -EINVAL: the module was made without a table, or the handle has
 * another signature; -ENOENT: no declared function has this index; -ENOMEM;
 * -ENOSPC: the table is full.
 */
int codearena_module_handle(struct codearena_module *module, uint32_t function,
			    uint64_t signature, codearena_handle *out);

/**
 * codearena_module_code - current code of a function
 * @module: module
 * @function: index of a declared function
 * @out: gets the code, with a reference owned by the caller; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no such function, or it has no code.
 */
int codearena_module_code(struct codearena_module *module, uint32_t function,
			  struct codearena_code **out);

/* Flags of codearena_module_codes() */
#define CODEARENA_CODES_CURRENT	0x1U

/**
 * codearena_module_codes - list the code of a module
 * @module: module
 * @flags: 0: all published code that is not dead, without jump tables, by
 *         ascending address. CODEARENA_CODES_CURRENT: the current code of each
 *         declared function in their order, NULL where there is none.
 * @out: array that gets the code, with a reference to each owned by the caller
 * @count: entries of @out; gets the number that is filled in
 *
 * The list is that of one moment.
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP: unknown flags; -EMSGSIZE: @out is too small,
 * @count gets the size that it needs; -EPERM: in a child of fork().
 */
int codearena_module_codes(struct codearena_module *module, uint32_t flags,
			   struct codearena_code **out, size_t *count);

/**
 * enum codearena_filter - selects current code
 * @CODEARENA_FILTER_DEBUG: code for debugging
 * @CODEARENA_FILTER_NOT_DEBUG: all other code
 * @CODEARENA_FILTER_BASELINE: code of the baseline tier
 * @CODEARENA_FILTER_OPTIMIZED: code of the optimised tier
 * @CODEARENA_FILTER_ALL: all code
 */
enum codearena_filter {
	CODEARENA_FILTER_DEBUG = 1,
	CODEARENA_FILTER_NOT_DEBUG,
	CODEARENA_FILTER_BASELINE,
	CODEARENA_FILTER_OPTIMIZED,
	CODEARENA_FILTER_ALL
};

/**
 * struct codearena_removed - what codearena_module_remove() removed
 * @sz: set by the caller to sizeof(struct codearena_removed)
 * @functions: functions that lost their code
 * @code_bytes: bytes of that code in executable memory
 * @metadata_bytes: bytes of ordinary memory for that code
 */
struct codearena_removed {
	size_t sz;
	uint64_t functions;
	uint64_t code_bytes;
	uint64_t metadata_bytes;
};

/**
 * codearena_module_remove - retire current code
 * @module: module
 * @filter: enum codearena_filter
 * @removed: NULL, or gets what was removed; @sz must be set
 *
 * The slots of the functions get their initial target again, see
 * codearena_module_new().
 *
 * Return: 0; -EINVAL; -ENOMEM; the codes of codearena_arena_patch().
 */
int codearena_module_remove(struct codearena_module *module,
			    enum codearena_filter filter,
			    struct codearena_removed *removed);

/**
 * codearena_module_set_debug - enter or leave the debug state
 * @module: module
 * @debug: whether to enter it
 *
 * Changes only what later calls of codearena_module_publish() make current.
 *
 * Return: 0; -EINVAL.
 */
int codearena_module_set_debug(struct codearena_module *module, bool debug);

/**
 * codearena_module_reinstall_debug - make breakpoint code current again
 * @module: module
 * @code: published code of a declared function, of debug level breakpoints; the
 *        caller holds a reference
 *
 * Return: 1: done; 0: nothing done, the module is not in the debug state;
 * -EINVAL: @code is no such code of this module; -ENOENT: it is dead already;
 * -ENOMEM; the codes of codearena_arena_patch().
 */
int codearena_module_reinstall_debug(struct codearena_module *module,
				     struct codearena_code *code);

/**
 * codearena_module_lookup - find code of a module by address
 * @module: module
 * @pc: any address
 * @out: gets the code, jump tables included, with a reference owned by the
 *       caller; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no code of this module is there.
 */
int codearena_module_lookup(struct codearena_module *module, const void *pc,
			    struct codearena_code **out);

/**
 * codearena_module_reap - free dead code
 * @module: module without a collector
 * @count: NULL, or gets the number of code objects that were freed
 *
 * Frees retired code without references. The caller asserts that no thread
 * executes such code or can return to it.
 *
 * Return: 0; -EINVAL: @module is NULL, or has a collector; -EPERM: in a child
 * of fork().
 */
int codearena_module_reap(struct codearena_module *module, size_t *count);

/**
 * codearena_module_allocator - the allocator of a module's code spaces
 * @module: module
 *
 * For codearena_allocator_grace_begin(), codearena_allocator_grace_end() and
 * counters.
 *
 * Return: the allocator, owned by the module; NULL if @module is NULL.
 */
struct codearena_allocator *
codearena_module_allocator(struct codearena_module *module);

/**
 * codearena_module_stat - read the counters
 * @module: module
 * @counters: gets the counters of one moment; @sz must be set
 *
 * Return: 0; -EINVAL.
 */
int codearena_module_stat(struct codearena_module *module,
			  struct codearena_module_counters *counters);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_MODULE_H */
