/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Snapshots: the code of a module as bytes, to be saved and loaded again.
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
 * A snapshot holds the code of a module independent of addresses: the fields of
 * relocations are cleared, and the relocations are stored with the code, as are
 * traps, tables, source and inlining positions, deoptimisation data, names and how
 * it unwinds.
 * A module of the same shape, on a machine of the same kind, in a program of the
 * same build, loads it without compiling.
 *
 * For a declared function the snapshot holds the current code if it is optimised
 * and not for debugging. Otherwise it holds only a state:
 *
 * lazy     the function had no code; it is compiled when it is called
 * eager    the function had code that is not stored. It was in use, so the
 *          runtime should compile it soon; until then it is lazy, too.
 * code     the code is in the snapshot
 *
 * Equal code makes equal bytes, at whatever address it was.
 *
 * Trust. The checksum detects accidents, not attacks: whoever can write a
 * snapshot can make a valid one, and so chooses what the program executes. Store
 * snapshots where only the program can write, or sign them. Inspecting and
 * loading arbitrary bytes is safe; executing the result is not.
 *
 * Threads. Saving is thread-safe. codearena_snapshot_load() needs a module that
 * no other thread uses. The bytes of a snapshot must not change during a call.
 * No function is async-signal-safe.
 *
 * fork(). A child can inspect snapshots. Modules of the parent are refused with
 * -EPERM.
 *
 * Return values as in codearena.h. A call that fails has changed nothing.
 */

/* Flags of struct codearena_snapshot_opts */
#define CODEARENA_SNAPSHOT_F_BASELINE	0x1U /* store baseline code, and code
					      * without a tier, too */
#define CODEARENA_SNAPSHOT_F_OTHERS	0x2U /* store wrappers and anonymous
					      * code, too */

/* Largest identity of a build, in bytes */
#define CODEARENA_SNAPSHOT_BUILD_MAX	64U

/* Bytes that codearena_snapshot_inspect() needs. */
#define CODEARENA_SNAPSHOT_HEAD_SIZE	208U

/**
 * enum codearena_snapshot_state - what a snapshot holds of a declared function
 * @CODEARENA_SNAPSHOT_LAZY: the function had no code
 * @CODEARENA_SNAPSHOT_EAGER: it had code that is not in the snapshot
 * @CODEARENA_SNAPSHOT_CODE: its code is in the snapshot
 */
enum codearena_snapshot_state {
	CODEARENA_SNAPSHOT_LAZY = 0,
	CODEARENA_SNAPSHOT_EAGER,
	CODEARENA_SNAPSHOT_CODE
};

/**
 * enum codearena_snapshot_reason - why a snapshot is refused
 * @CODEARENA_SNAPSHOT_OK: it is not, or the call failed for another reason
 * @CODEARENA_SNAPSHOT_TOO_SHORT: shorter than a header (-EBADMSG)
 * @CODEARENA_SNAPSHOT_NO_SNAPSHOT: does not begin like a snapshot (-EBADMSG)
 * @CODEARENA_SNAPSHOT_BYTE_ORDER: saved in another byte order (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_FORMAT: unknown format (-EOPNOTSUPP)
 * @CODEARENA_SNAPSHOT_HEAD: damaged header (-EBADMSG)
 * @CODEARENA_SNAPSHOT_MACHINE: for another architecture (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_PAGE_SIZE: for another page size (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_UNIT: for another alignment of code (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_CPU_FEATURES: for other processor features (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_ABI: for another layout of slots or handles, or other
 *                          registers at landing pads (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_JUMP_FLAGS: for jump tables with other flags (-ENOEXEC)
 * @CODEARENA_SNAPSHOT_TRAP_KINDS: has protected instructions, and was saved where
 *                                 more kinds of traps have landing pads than
 *                                 here (-EOPNOTSUPP)
 * @CODEARENA_SNAPSHOT_VERSION: saved by another version of the library (-ESTALE)
 * @CODEARENA_SNAPSHOT_BUILD: saved by another build of the runtime (-ESTALE)
 * @CODEARENA_SNAPSHOT_IMPORTS: other number of imported functions (-EINVAL)
 * @CODEARENA_SNAPSHOT_FUNCTIONS: other number of declared functions (-EINVAL)
 * @CODEARENA_SNAPSHOT_BUILTINS: other number of builtins (-EINVAL)
 * @CODEARENA_SNAPSHOT_SIGNATURES: other number of signatures (-EINVAL)
 * @CODEARENA_SNAPSHOT_EXTERNALS: other number of external addresses (-EINVAL)
 * @CODEARENA_SNAPSHOT_LENGTH: too short or too long (-EBADMSG)
 * @CODEARENA_SNAPSHOT_CHECKSUM: damaged after the header (-EBADMSG)
 * @CODEARENA_SNAPSHOT_STRUCTURE: inconsistent contents (-EBADMSG)
 * @CODEARENA_SNAPSHOT_OBJECT: the module refused a code object
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
 * struct codearena_snapshot_opts - options of saving and loading
 * @sz: set by the caller to sizeof(struct codearena_snapshot_opts)
 * @build: identity of the runtime. It must change whenever the same source would
 *         be compiled to other code, or to code that expects other tables: the
 *         version with a hash of the options, for example.
 * @build_size: bytes of @build, at most CODEARENA_SNAPSHOT_BUILD_MAX
 * @cpu_features: processor features that the compiler uses, in bits that the
 *                runtime defines
 * @flags: CODEARENA_SNAPSHOT_F_* bits, for saving
 * @__reserved: must be 0
 * @parallel: for loading: NULL, or calls @work with @context in any number of
 *            threads, which may include the calling one, and returns when these
 *            calls have returned. They relocate code side by side.
 * @data: argument of @parallel
 *
 * @build, its size and @cpu_features are stored; loading requires the same.
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
 * @code_bytes: bytes that its code takes in code spaces, without jump tables: a
 *              good @estimate of struct codearena_module_opts
 * @cpu_features: see struct codearena_snapshot_opts
 * @machine: ELF machine number
 * @page_size: bytes of a page
 * @unit: sizes of code are rounded up to this
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @trap_kinds: CODEARENA_TRAP_* bits of the kinds of traps that had landing pads;
 *              0 without protected instructions
 * @imports: number of imported functions
 * @functions: number of declared functions
 * @builtins: number of builtins
 * @signatures: signatures are below this
 * @externals: number of external addresses
 * @saved: number of declared functions whose code it holds
 * @eager: number of declared functions in the state CODEARENA_SNAPSHOT_EAGER
 * @others: number of further code objects
 * @build_size: bytes of @build
 * @build: identity of the runtime
 * @version: version of the library, ends with NUL
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
 * @error: the errno that was returned, negative; 0 on success
 * @object: index of the code object that was refused, in the order of the
 *          snapshot, with reason CODEARENA_SNAPSHOT_OBJECT; else SIZE_MAX
 * @text: @reason in English, without a full stop; always valid
 * @reloc: set by the caller: NULL, or a structure with its own sz that gets
 *         what codearena_module_add() reports of that object
 */
struct codearena_snapshot_error {
	size_t sz;
	uint32_t reason;
	int32_t error;
	size_t object;
	const char *text;
	struct codearena_reloc_error *reloc;
};

/**
 * codearena_snapshot_save - save the code of a module
 * @module: module
 * @opts: NULL, or options
 * @to: gets the snapshot; may be NULL if @size is 0
 * @size: bytes at @to; gets the bytes of the snapshot
 *
 * Saves the code that is current at one moment during the call. The size may
 * differ in the next call if code was published or removed meanwhile:
 * codearena_snapshot_save_new() avoids that.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -ENOENT: there is no code that would be stored; -EMSGSIZE: @to is too small,
 * @size gets the size that it needs; -EOVERFLOW: too many references to code;
 * -ENOMEM.
 */
int codearena_snapshot_save(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    void *to, size_t *size);

/**
 * codearena_snapshot_save_new - save the code of a module to new memory
 * @module: module
 * @opts: NULL, or options
 * @out: gets the memory, to be given to free(); NULL on failure
 * @size: gets the bytes of the snapshot; 0 on failure
 *
 * Return: as codearena_snapshot_save(), but -EMSGSIZE.
 */
int codearena_snapshot_save_new(struct codearena_module *module,
				const struct codearena_snapshot_opts *opts,
				void **out, size_t *size);

/**
 * codearena_snapshot_inspect - read the header of a snapshot
 * @from: the snapshot, or its first CODEARENA_SNAPSHOT_HEAD_SIZE bytes, of any
 *        alignment
 * @size: bytes at @from
 * @info: gets the header; @info->sz must be set
 *
 * Does not look at the bytes after the header. Allocates nothing.
 *
 * Return: 0; -EINVAL; -EBADMSG: there is no header, or it is damaged; -ENOEXEC:
 * saved in another byte order; -EOPNOTSUPP: unknown format.
 */
int codearena_snapshot_inspect(const void *from, size_t size,
			       struct codearena_snapshot_info *info);

/**
 * codearena_snapshot_load - load the code of a snapshot into a module
 * @module: module without code, published or added, not in the debug state, that
 *          no other thread uses or executes
 * @opts: NULL, or options, the same as when it was saved
 * @from: the snapshot, of any alignment
 * @size: bytes of it, exactly
 * @states: NULL, or array with an entry for each declared function, which gets
 *          enum codearena_snapshot_state; unchanged on failure
 * @failed: NULL, or gets the reason of a failure; @failed->sz must be set
 *
 * Checks the header against the module, then the checksum and the structure of
 * the snapshot, in this order. Then adds all code, which relocates and validates
 * it in ordinary memory, about as much as the snapshot takes; and publishes it,
 * in the calling thread, in at most 100 batches of at least 100000 bytes. The code
 * becomes current as codearena_module_publish() documents.
 *
 * If something fails, everything is reverted: slots target the lazy builtin
 * again, the code is retired and, in a module without a collector, freed, and
 * handles that relocations needed are released. What remains is: code spaces that
 * had to be reserved, now empty; space that waits for a grace period; code that
 * someone holds a reference to, as by an open scope; and, if the backend refuses
 * to patch slots back, functions that keep their code.
 *
 * Handles with a signature that indirect callers check must be requested with
 * codearena_module_handle() before.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -EBUSY: the module has code, or is in the debug state; -ENOMEM; the error that
 * enum codearena_snapshot_reason documents; the codes of codearena_module_add()
 * and codearena_module_publish().
 */
int codearena_snapshot_load(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    const void *from, size_t size, uint8_t *states,
			    struct codearena_snapshot_error *failed);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_SNAPSHOT_H */
