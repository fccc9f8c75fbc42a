/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: the code of a module as bytes that can be kept.
 */
#ifndef CODEARENA_SNAPSHOT_H
#define CODEARENA_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include <codearena/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A snapshot holds the code of a module in a form that depends on no address:
 * what relocations filled in is taken out again, and the relocations, traps,
 * tables, source and inlining positions, deoptimisation data and names are
 * stored beside it. Loaded into a module of the same shape, on a machine of the
 * same kind, by a program of the same build, it becomes code again without a
 * compiler.
 *
 * What is stored of a declared function is its current code, if it is optimised
 * and not for debugging. Of all others only a state is kept:
 *
 * lazy     it had no code, and is compiled when it is called
 * eager    it had code, which was not stored: it was in use, so the runtime does
 *          well to compile it soon. Until then it is lazy as well.
 * code     its code is in the snapshot
 *
 * Equal code makes equal bytes, wherever it lay.
 *
 * Trust. The checksum finds accidents, not malice: whoever can write a snapshot
 * can write a valid one, and chooses what the program executes. Keep snapshots
 * where only the program itself can write, or sign them. A snapshot of any
 * content at all is safe to inspect, to check and to load, but not to execute.
 *
 * Threads. Functions that read a module may be called from any thread at any
 * time; codearena_snapshot_load() wants the module for itself. The bytes must
 * not change during a call. None may be called from a signal handler.
 *
 * Return values as in codearena.h. A failure has changed nothing.
 */

/* Flags of struct codearena_snapshot_opts */
#define CODEARENA_SNAPSHOT_F_BASELINE	0x1U /* store baseline code too, and
					      * that of no tier */
#define CODEARENA_SNAPSHOT_F_OTHERS	0x2U /* store what the module holds
					      * beside its declared functions:
					      * wrappers, anonymous code */

/* The longest name of a build, in bytes. */
#define CODEARENA_SNAPSHOT_BUILD_MAX	64U

/* Bytes that codearena_snapshot_inspect() needs. */
#define CODEARENA_SNAPSHOT_HEAD_SIZE	208U

/**
 * enum codearena_snapshot_state - what a snapshot says of a declared function
 * @CODEARENA_SNAPSHOT_LAZY: it had no code
 * @CODEARENA_SNAPSHOT_EAGER: it had code, which is not in the snapshot
 * @CODEARENA_SNAPSHOT_CODE: its code is in the snapshot
 */
enum codearena_snapshot_state {
	CODEARENA_SNAPSHOT_LAZY = 0,
	CODEARENA_SNAPSHOT_EAGER,
	CODEARENA_SNAPSHOT_CODE
};

/**
 * enum codearena_snapshot_reason - why a snapshot is refused
 * @CODEARENA_SNAPSHOT_OK: it is not, or for no reason of its own
 * @CODEARENA_SNAPSHOT_TOO_SHORT: not even a header (-EBADMSG)
 * @CODEARENA_SNAPSHOT_NO_SNAPSHOT: the first bytes are another's (-EBADMSG)
 * @CODEARENA_SNAPSHOT_BYTE_ORDER: of another byte order (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_FORMAT: of another format (-EOPNOTSUPP)
 * @CODEARENA_SNAPSHOT_HEAD: the header is damaged (-EBADMSG)
 * @CODEARENA_SNAPSHOT_MACHINE: for another architecture (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_PAGE_SIZE: for another size of pages (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_UNIT: for another alignment of code (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_CPU_FEATURES: for other features of the processor
 *                                   (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_ABI: slots, handles or landing pads work differently
 *                          (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_JUMP_FLAGS: jump tables have other slots (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_TRAP_KINDS: it has protected instructions, and where it
 *                                 was saved more kinds of traps led to landing
 *                                 pads than here (-EOPNOTSUPP)
 * @CODEARENA_SNAPSHOT_VERSION: by another version of the library (-ESTALE)
 * @CODEARENA_SNAPSHOT_BUILD: by another build of the runtime (-ESTALE)
 * @CODEARENA_SNAPSHOT_IMPORTS: another number of imported functions (-EINVAL)
 * @CODEARENA_SNAPSHOT_FUNCTIONS: of declared functions (-EINVAL)
 * @CODEARENA_SNAPSHOT_BUILTINS: of builtins (-EINVAL)
 * @CODEARENA_SNAPSHOT_SIGNATURES: of signatures (-EINVAL)
 * @CODEARENA_SNAPSHOT_EXTERNALS: of external addresses (-EINVAL)
 * @CODEARENA_SNAPSHOT_LENGTH: there are fewer bytes than there were, or more
 *                             (-EBADMSG)
 * @CODEARENA_SNAPSHOT_CHECKSUM: what follows the header is damaged (-EBADMSG)
 * @CODEARENA_SNAPSHOT_STRUCTURE: it contradicts itself (-EBADMSG)
 * @CODEARENA_SNAPSHOT_OBJECT: a code object is refused by the module
 */
enum codearena_snapshot_reason {
	CODEARENA_SNAPSHOT_OK = 0,
	CODEARENA_SNAPSHOT_TOO_SHORT,
	CODEARENA_SNAPSHOT_NO_SNAPSHOT,
	CODEARENA_SNAPSHOT_BYTE_ORDER,
	CODEARENA_SNAPSHOT_FORMAT,
	CODEARENA_SNAPSHOT_HEAD,
	CODEARENA_SNAPSHOT_MACHINE,
	CODEARENA_SNAPSHOT_PAGE_SIZE,
	CODEARENA_SNAPSHOT_UNIT,
	CODEARENA_SNAPSHOT_CPU_FEATURES,
	CODEARENA_SNAPSHOT_ABI,
	CODEARENA_SNAPSHOT_JUMP_FLAGS,
	CODEARENA_SNAPSHOT_TRAP_KINDS,
	CODEARENA_SNAPSHOT_VERSION,
	CODEARENA_SNAPSHOT_BUILD,
	CODEARENA_SNAPSHOT_IMPORTS,
	CODEARENA_SNAPSHOT_FUNCTIONS,
	CODEARENA_SNAPSHOT_BUILTINS,
	CODEARENA_SNAPSHOT_SIGNATURES,
	CODEARENA_SNAPSHOT_EXTERNALS,
	CODEARENA_SNAPSHOT_LENGTH,
	CODEARENA_SNAPSHOT_CHECKSUM,
	CODEARENA_SNAPSHOT_STRUCTURE,
	CODEARENA_SNAPSHOT_OBJECT
};

/**
 * codearena_snapshot_reason - a reason in words
 * @reason: any value
 *
 * Pure. Return: English text without a full stop; "unknown reason" for other
 * values.
 */
const char *codearena_snapshot_reason(uint32_t reason);

/**
 * struct codearena_snapshot_opts - what a snapshot must agree with
 * @sz: set by the caller to sizeof(struct codearena_snapshot_opts)
 * @build: identity of the runtime: whatever changes when the same source would
 *         be compiled to other code, or to code that expects other tables, e.g.
 *         its version with a hash of its options
 * @build_size: bytes of @build, at most CODEARENA_SNAPSHOT_BUILD_MAX
 * @cpu_features: features of the processor that the compiler makes use of; the
 *                meaning of the bits is the runtime's
 * @flags: CODEARENA_SNAPSHOT_F_* bits, for saving
 * @__reserved: must be 0
 * @parallel: for loading: NULL, or calls @work with @context in as many threads
 *            as it likes, also in the calling one, and returns when all of these
 *            calls have returned. They relocate code side by side.
 * @data: for @parallel
 *
 * The first three go into a snapshot, and must be the same when it is loaded.
 */
struct codearena_snapshot_opts {
	size_t sz;
	const void *build;
	size_t build_size;
	uint64_t cpu_features;
	uint32_t flags;
	uint32_t __reserved;
	void (*parallel)(void *data, void (*work)(void *context),
			 void *context);
	void *data;
};

/**
 * struct codearena_snapshot_info - header of a snapshot
 * @sz: set by the caller to sizeof(struct codearena_snapshot_info)
 * @length: bytes of the whole snapshot
 * @code_bytes: bytes that its code takes in code spaces, beside jump tables. As
 *              @estimate of struct codearena_module_opts it makes room for it.
 * @cpu_features: see struct codearena_snapshot_opts
 * @machine: ELF machine number
 * @page_size: bytes in a page
 * @unit: what sizes of code were rounded up to
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @trap_kinds: CODEARENA_TRAP_* bits of traps that led to landing pads; 0 if it
 *              has no protected instructions
 * @imports: how many functions are imported
 * @functions: how many functions are declared
 * @builtins: how many builtins there are
 * @signatures: signatures are below this
 * @externals: how many external addresses there are
 * @saved: declared functions whose code it holds
 * @eager: declared functions in the state CODEARENA_SNAPSHOT_EAGER
 * @others: further code objects
 * @build_size: bytes of @build
 * @build: identity of the runtime
 * @version: of the library, with a 0 at the end
 */
struct codearena_snapshot_info {
	size_t sz;
	uint64_t length;
	uint64_t code_bytes;
	uint64_t cpu_features;
	uint32_t machine;
	uint32_t page_size;
	uint32_t unit;
	uint32_t jump_flags;
	uint32_t trap_kinds;
	uint32_t imports;
	uint32_t functions;
	uint32_t builtins;
	uint32_t signatures;
	uint32_t externals;
	uint32_t saved;
	uint32_t eager;
	uint32_t others;
	uint32_t build_size;
	uint8_t build[CODEARENA_SNAPSHOT_BUILD_MAX];
	char version[32];
};

/**
 * struct codearena_snapshot_error - why a snapshot was refused
 * @sz: set by the caller to sizeof(struct codearena_snapshot_error)
 * @reason: enum codearena_snapshot_reason
 * @error: the errno that was returned, negative
 * @object: number of the code object in the snapshot, where @reason says that
 *          it was one; else SIZE_MAX
 * @reloc: for code objects: what codearena_module_add() says of it
 */
struct codearena_snapshot_error {
	size_t sz;
	uint32_t reason;
	int32_t error;
	size_t object;
	struct codearena_reloc_error reloc;
};

/**
 * codearena_snapshot_size - how large a snapshot would be
 * @module: module
 * @opts: NULL, or options
 * @size: gets bytes; 0 on failure
 *
 * If code is published or removed after the call the result is of no use.
 *
 * Return: as codearena_snapshot_save(), but -EMSGSIZE.
 */
int codearena_snapshot_size(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    size_t *size);

/**
 * codearena_snapshot_save - write a snapshot
 * @module: module
 * @opts: NULL, or options
 * @to: memory for it; may be NULL if @size is 0
 * @size: bytes of @to; gets the bytes of the snapshot
 *
 * The code that is current at one moment during the call.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -ENOENT: there is no code to store, or not of a tier that is; -EMSGSIZE: @to
 * is too small, @size says how large it should be; -EOVERFLOW: too many
 * references to code; -ENOMEM.
 */
int codearena_snapshot_save(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    void *to, size_t *size);

/**
 * codearena_snapshot_save_new - write a snapshot to memory of its own
 * @module: module
 * @opts: NULL, or options
 * @out: gets the memory, which is the caller's to free(); NULL on failure
 * @size: gets bytes; 0 on failure
 *
 * Return: as codearena_snapshot_save(), but -EMSGSIZE.
 */
int codearena_snapshot_save_new(struct codearena_module *module,
				const struct codearena_snapshot_opts *opts,
				void **out, size_t *size);

/**
 * codearena_snapshot_inspect - read a header
 * @from: the snapshot, or its first CODEARENA_SNAPSHOT_HEAD_SIZE bytes, of any
 *        alignment
 * @size: bytes at @from
 * @info: gets the header; @sz must be set
 *
 * Whether the rest is there and sound is not looked at. Allocates nothing.
 *
 * Return: 0; -EINVAL; -EBADMSG: there is no header, or it is damaged; -ENOEXEC:
 * of another byte order; -EOPNOTSUPP: of another format.
 */
int codearena_snapshot_inspect(const void *from, size_t size,
			       struct codearena_snapshot_info *info);

/**
 * codearena_snapshot_check - would a snapshot fit a module?
 * @module: module
 * @opts: NULL, or options, the same as when it was saved
 * @from: the snapshot, of any alignment
 * @size: bytes of it, exactly
 * @failed: NULL, or gets what is wrong; @sz must be set
 *
 * Checks the header against the module, the checksum and the structure, in this
 * order; what code objects hold is for codearena_snapshot_load(), which calls
 * this first. Allocates nothing.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong (then
 * @failed is CODEARENA_SNAPSHOT_OK); else as enum codearena_snapshot_reason
 * says.
 */
int codearena_snapshot_check(struct codearena_module *module,
			     const struct codearena_snapshot_opts *opts,
			     const void *from, size_t size,
			     struct codearena_snapshot_error *failed);

/**
 * codearena_snapshot_load - make code of a snapshot
 * @module: module that has no code, nor any that was added, and is not in the
 *          debug state; and that no other thread uses or executes
 * @opts: NULL, or options, the same as when it was saved
 * @from: the snapshot, of any alignment
 * @size: bytes of it, exactly
 * @states: NULL, or array with an entry for each declared function, which gets
 *          enum codearena_snapshot_state; left alone on failure
 * @failed: NULL, or gets what is wrong; @sz must be set
 *
 * All code is added, and thus relocated and validated, in ordinary memory, about
 * as much as the snapshot takes; then it is published, in at most 100 batches
 * of at least 100000 bytes, by this thread, and gets current as
 * codearena_module_publish() says. If something fails, all of it is taken
 * back: slots lead to the lazy builtin again, the code is retired and, in a
 * module without a collector, freed, and handles that relocations asked for are
 * released. What remains is code spaces that had to be reserved, which are
 * empty, and space that waits for the end of a grace; code that somebody holds
 * a reference to, an open scope perhaps; and, if the system refuses even to
 * patch slots back, functions that keep their code.
 *
 * Handles that indirect callers shall find a signature in have to be asked for
 * by codearena_module_handle() before.
 *
 * Return: 0; as codearena_snapshot_check(); -EBUSY: the module has code, or is
 * in the debug state; -ENOMEM; the codes of codearena_module_add() and
 * codearena_module_publish().
 */
int codearena_snapshot_load(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    const void *from, size_t size, uint8_t *states,
			    struct codearena_snapshot_error *failed);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_SNAPSHOT_H */
