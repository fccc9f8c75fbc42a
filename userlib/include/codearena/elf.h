/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Load relocatable object files, as compilers write them, into an arena.
 *
 * Files of x86-64, aarch64 and riscv64 are supported. Loading one takes three steps:
 *
 *	codearena_elf_open_file("sort.o", NULL, &elf);
 *	codearena_elf_load(elf, arena, 0, &opts);
 *	codearena_elf_symbol(elf, "sort", &address);
 *
 * Where the sections of a file go:
 *
 * - Every executable section becomes one code object with its own granules.
 *   With -ffunction-sections a section holds one function, which can then be
 *   discarded alone. A compiler may move the cold part of a function to a
 *   section of its own, as NAME.cold.
 * - Read-only sections, .data.rel.ro and the global offset table are sealed in
 *   the arena, after the code.
 * - Far stubs, for calls that a branch cannot reach, lie between the two.
 * - .data, .bss and common symbols get anonymous memory near the arena:
 *   readable and writable, never executable.
 * - Debug information is left out, and so is unwind information unless it is
 *   asked for when the file is opened: exceptions and backtraces cannot cross
 *   the loaded code then.
 *
 * __start_NAME and __stop_NAME are the borders of the object's section NAME, the
 * first one if there are several.
 *
 * Refused are thread-local storage, indirect functions, sections that are both
 * writable and executable, and, unless they are asked for, constructors and
 * destructors. Build with
 * -fPIC, or with -fPIE if the object uses no data of other objects. Code for
 * fixed addresses (-fno-pic on x86-64) can only be loaded into an arena in the
 * lowest 2 GiB, except for the large code model. Objects of the tiny, medium and
 * large models are loaded like others: code and data must fit in 2 GiB. Files of
 * riscv64 that align code inside of functions need -mno-relax: linkers remove bytes there.
 *
 * Threads. Calls on one object must be serialised by the caller. Symbol
 * addresses, and the code itself, may be used by any number of threads between
 * load and unload. No function is async-signal-safe.
 *
 * fork(). A child may open objects, and look symbols of inherited ones up; the
 * arena decides whether it may load and unload (-EPERM). Destructors run only in
 * the process that loaded the object.
 */
#ifndef CODEARENA_ELF_H
#define CODEARENA_ELF_H

#include <stddef.h>
#include <stdint.h>

#include <codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An opened object file. */
struct codearena_elf;

/* codearena_elf_sym.offset of a symbol outside the arena */
#define CODEARENA_ELF_NO_OFFSET UINT64_MAX

/* Flags of struct codearena_elf_open_opts, for files that are trusted */
/* Run constructors and destructors */
#define CODEARENA_ELF_OPEN_F_CONSTRUCT	(1U << 0)
/* Register .eh_frame with the unwinder of the process */
#define CODEARENA_ELF_OPEN_F_UNWIND	(1U << 1)

/**
 * struct codearena_elf_open_opts - options of codearena_elf_open()
 * @sz: sizeof(struct codearena_elf_open_opts)
 * @error: gets the reason when the file is refused; may be NULL
 * @error_size: bytes at @error. The text is cut to fit and ends in NUL.
 * @flags: CODEARENA_ELF_OPEN_F_*
 * @__reserved: must be 0
 *
 * With CODEARENA_ELF_OPEN_F_CONSTRUCT codearena_elf_load() ends with calls of the
 * functions of .init_array, those with a priority first, and
 * codearena_elf_unload() begins with those of .fini_array, in the opposite order.
 * They must not use the object. They have no arguments.
 *
 * With CODEARENA_ELF_OPEN_F_UNWIND exceptions, backtrace() and the like pass
 * through the code while it is loaded; for C++ the resolver has to find the
 * personality function. What the section says is not checked. Unload the object
 * before its arena is freed. codearena_elf_discard() leaves the description of
 * the function where it is.
 */
struct codearena_elf_open_opts {
	size_t sz;
	char *error;
	size_t error_size;
	uint32_t flags;
	uint32_t __reserved;
};

/**
 * codearena_elf_open() - check an object file in memory and copy it
 * @image: the file's bytes, which the caller may free after the call
 * @size: number of bytes
 * @opts: options, or NULL
 * @out: gets the object, to be freed with codearena_elf_close(); NULL on
 *       failure
 *
 * Checks the whole file, relocations included: loading never meets damaged
 * input. The file may be hostile, unless @opts->flags are set.
 *
 * Return: 0 or
 * -EINVAL: @image or @out is NULL, or @opts is too short;
 * -E2BIG, -EOPNOTSUPP: @opts has members or flags that this library does not
 * know;
 * -ENOEXEC: not a relocatable ELF64 file of x86-64, aarch64 or riscv64, or damaged;
 * -ENOTSUP: well formed, but uses a feature that the loader does not support;
 * -ENOMEM.
 */
int codearena_elf_open(const void *image, size_t size,
		       const struct codearena_elf_open_opts *opts,
		       struct codearena_elf **out);

/**
 * codearena_elf_open_file() - codearena_elf_open() for a file
 * @path: its name
 * @opts: options, or NULL
 * @out: gets the object; NULL on failure
 *
 * Return: as codearena_elf_open(), -EFBIG for a file of 1 GiB or more, or an
 * error of open(2) and read(2).
 */
int codearena_elf_open_file(const char *path,
			    const struct codearena_elf_open_opts *opts,
			    struct codearena_elf **out);

/**
 * codearena_elf_close() - free an object
 * @elf: the object, or NULL
 *
 * Does not unload: loaded code and its data stay as long as the arena and the
 * process, but their symbols can no longer be looked up.
 */
void codearena_elf_close(struct codearena_elf *elf);

/**
 * codearena_elf_error() - why the last call on an object failed
 * @elf: the object, or NULL
 *
 * Return: text for humans; empty if the last call succeeded. Valid until the
 * next call on the object.
 */
const char *codearena_elf_error(const struct codearena_elf *elf);

/**
 * struct codearena_elf_layout - the space that an object needs
 * @sz: sizeof(struct codearena_elf_layout)
 * @machine: ELF machine number
 * @functions: number of function symbols that the file defines
 * @objects: largest number of code objects that loading publishes
 * @code_length: bytes in the arena, a multiple of the granule
 * @code_align: the load offset must be a multiple of this: the granule, or more
 *              if a section asks for it
 * @data_length: bytes of writable data
 */
struct codearena_elf_layout {
	size_t sz;
	uint32_t machine;
	uint32_t functions;
	uint64_t objects;
	uint64_t code_length;
	uint64_t code_align;
	uint64_t data_length;
};

/**
 * codearena_elf_measure() - compute the space that an object needs
 * @elf: the object
 * @granule: the arena's granule, a power of two from 16 to 65536
 * @layout: the result; the caller sets sz
 *
 * Return: 0, -EINVAL, or -EOVERFLOW if the sizes in the file add up to more
 * than an address space.
 */
int codearena_elf_measure(struct codearena_elf *elf, uint32_t granule,
			  struct codearena_elf_layout *layout);

/* Kinds of symbols */
enum codearena_elf_sym_type {
	CODEARENA_ELF_SYM_NOTYPE = 0,
	CODEARENA_ELF_SYM_FUNC,
	CODEARENA_ELF_SYM_OBJECT
};

/* Flags of struct codearena_elf_sym */
#define CODEARENA_ELF_SYM_F_DEFINED	(1U << 0) /* in this file */
#define CODEARENA_ELF_SYM_F_GLOBAL	(1U << 1) /* visible to other files */
#define CODEARENA_ELF_SYM_F_WEAK	(1U << 2)

/**
 * struct codearena_elf_sym - one symbol of an object
 * @sz: sizeof(struct codearena_elf_sym)
 * @name: its name; valid as long as the object
 * @size: bytes; 0 if the file does not say
 * @address: its address, also if the resolver supplied it; 0 unless loaded
 * @offset: its offset in the arena, or CODEARENA_ELF_NO_OFFSET
 * @type: enum codearena_elf_sym_type
 * @flags: CODEARENA_ELF_SYM_F_*
 * @code: granules of the executable section that defines it; length 0 if the
 *        symbol is no code, is not loaded or was discarded
 */
struct codearena_elf_sym {
	size_t sz;
	const char *name;
	uint64_t size;
	uint64_t address;
	uint64_t offset;
	uint32_t type;
	uint32_t flags;
	struct codearena_range code;
};

/**
 * codearena_elf_symbol_at() - describe one symbol
 * @elf: the object
 * @index: counts from 0, in the order of the file. Section symbols, file
 *         symbols, mapping symbols ($x, $d) and riscv64's local labels are left out.
 * @sym: the result; the caller sets sz
 *
 * Return: 0, -EINVAL, or -ENOENT after the last symbol.
 */
int codearena_elf_symbol_at(struct codearena_elf *elf, size_t index,
			    struct codearena_elf_sym *sym);

/**
 * typedef codearena_elf_resolve_fn - finds a symbol that an object uses and
 *                                    does not define
 * @ctx: &struct codearena_elf_opts.ctx
 * @name: the symbol
 * @address: gets its address
 *
 * Called once for each undefined symbol that a relocation uses. It must not
 * use the object that is being loaded.
 *
 * Return: 0, or a negative errno, with which the load fails. A weak symbol for
 * which it returns -ENOENT gets the address 0.
 */
typedef int (*codearena_elf_resolve_fn)(void *ctx, const char *name,
					uint64_t *address);

/* Flags of struct codearena_elf_opts */
#define CODEARENA_ELF_F_COMMITTED	(1U << 0)

/**
 * struct codearena_elf_opts - options of codearena_elf_load()
 * @sz: sizeof(struct codearena_elf_opts)
 * @flags: CODEARENA_ELF_F_COMMITTED: the caller has committed the pages that
 *         the object goes to. Without it loading commits all of them, and fails
 *         with -EEXIST if one is committed already.
 * @__reserved: must be 0
 * @resolve: finds undefined symbols; NULL if there are none
 * @ctx: passed to @resolve
 */
struct codearena_elf_opts {
	size_t sz;
	uint32_t flags;
	uint32_t __reserved;
	codearena_elf_resolve_fn resolve;
	void *ctx;
};

/**
 * codearena_elf_load() - load an object into an arena
 * @elf: the object, not loaded
 * @arena: the arena; must outlive the load
 * @offset: where in the arena, a multiple of
 *          &struct codearena_elf_layout.code_align
 * @opts: options, or NULL
 *
 * Lays the object out, resolves its undefined symbols, relocates it in a
 * private buffer, and publishes everything that goes to the arena with one call
 * of codearena_arena_publish(). A failure leaves nothing loaded and gives back
 * the pages that were committed for it.
 *
 * Return: 0 or
 * -EINVAL: a value is NULL or misaligned, or @opts is too short;
 * -E2BIG, -EOPNOTSUPP: @opts has members or flags that this library does not
 * know;
 * -EOPNOTSUPP: the process has no unwinder, or the arena cannot be read, and a
 * flag of codearena_elf_open() needs that;
 * -EBUSY: the object is loaded already;
 * -ENOEXEC: the object is for another machine, or a relocation demands an
 * alignment that its target does not have;
 * -EOVERFLOW: a relocation does not reach its target;
 * -ENOENT: a symbol is undefined, or the range exceeds the arena;
 * -ENOSPC: no address range within reach of the code is free for data;
 * -ENOMEM;
 * an error of the resolver, of codearena_arena_commit() or of
 * codearena_arena_publish().
 */
int codearena_elf_load(struct codearena_elf *elf, struct codearena_arena *arena,
		       uint64_t offset, const struct codearena_elf_opts *opts);

/**
 * codearena_elf_symbol() - address of a symbol of a loaded object
 * @elf: the object
 * @name: the symbol
 * @address: its address; 0 on failure
 *
 * Of several symbols with this name, prefers global ones to local ones, then
 * the first in the file.
 *
 * Return: 0, -EINVAL, -EBADFD if the object is not loaded, or -ENOENT if it
 * does not define the symbol or its code was discarded.
 */
int codearena_elf_symbol(struct codearena_elf *elf, const char *name,
			 uint64_t *address);

/**
 * codearena_elf_discard() - discard one function of a loaded object
 * @elf: the object
 * @name: the function
 *
 * The caller must ensure that no thread executes the function or can call it.
 * Its granules are free for other code afterwards, and codearena_elf_unload()
 * leaves them alone.
 *
 * Return: as codearena_elf_symbol(); -ENOENT also if the symbol is no code;
 * -EBUSY if its section holds another function; or an error of
 * codearena_arena_discard().
 */
int codearena_elf_discard(struct codearena_elf *elf, const char *name);

/**
 * codearena_elf_unload() - remove an object from its arena
 * @elf: the object
 *
 * Discards all that is left of the object's code and constants, and frees the
 * data. The caller must ensure that no thread executes the code. Pages stay
 * committed: they may hold other code by now. The object can be loaded again.
 *
 * Takes one call of codearena_arena_discard(), or several if so many functions
 * were discarded alone that the ranges between them exceed what a call takes.
 *
 * Return: 0; -EINVAL: @elf is NULL; -EBADFD: the object is not loaded; -ENOMEM;
 * the codes of codearena_arena_discard(). After an error the object stays
 * loaded, without its unwind information, and destructors do not run again; if
 * several calls were needed, some of its ranges may be gone.
 */
int codearena_elf_unload(struct codearena_elf *elf);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_ELF_H */
