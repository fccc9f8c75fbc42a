/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loads relocatable object files, as compilers write them, into an arena.
 *
 * A file of x86-64 or aarch64 is opened, asked for its needs, and loaded at an
 * offset of an arena:
 *
 *	codearena_elf_open_file("sort.o", NULL, &elf);
 *	codearena_elf_load(elf, arena, 0, &opts);
 *	codearena_elf_symbol(elf, "sort", &address);
 *
 * What goes where:
 *
 * - Every executable section becomes one code object with granules of its
 *   own. With -ffunction-sections that is one function, which can be discarded
 *   alone. Compilers may split a function: its rarely executed part is then a
 *   function NAME.cold with a section of its own.
 * - Read-only sections, .data.rel.ro and the global offset table are sealed in
 *   the arena, after the code.
 * - Far stubs, for calls to functions that a branch cannot reach, stand
 *   between the two.
 * - .data, .bss and common symbols get ordinary anonymous memory near the
 *   arena, readable and writable, never executable.
 * - Debug and unwind information is left out: an exception, or a backtrace
 *   that depends on it, does not get through the loaded code.
 *
 * Objects with thread-local storage, constructors, destructors, indirect
 * functions, or sections which are writable and executable are refused. Build
 * with -fPIC, or -fPIE when the object uses no data of other objects. Code for
 * fixed addresses (-fno-pic on x86-64) can be loaded only into an arena in the
 * lowest 2 GiB. The tiny, medium and large code models are not supported.
 *
 * An object is used by one thread at a time. Symbol addresses, and the code
 * itself, may be used by any number of threads between load and unload.
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

/* In codearena_elf_sym.offset: the symbol does not lie in the arena. */
#define CODEARENA_ELF_NO_OFFSET UINT64_MAX

/**
 * struct codearena_elf_open_opts - options of codearena_elf_open()
 * @sz: sizeof(struct codearena_elf_open_opts)
 * @error: where to describe why the file was refused, or NULL
 * @error_size: bytes at @error. The text is cut to fit and ends in NUL.
 */
struct codearena_elf_open_opts {
	size_t sz;
	char *error;
	size_t error_size;
};

/**
 * codearena_elf_open() - check an object file in memory and take it over
 * @image: the file's bytes; a copy is taken
 * @size: number of bytes
 * @opts: options, or NULL
 * @out: the object; NULL on failure
 *
 * The whole file is checked here, relocations included, so that loading does
 * not meet damaged input. Nothing in it is trusted.
 *
 * Return: 0 or
 * -EINVAL: @image or @out is NULL, or @opts is too short;
 * -E2BIG: @opts holds what this library does not know;
 * -ENOEXEC: not a relocatable ELF64 file of x86-64 or aarch64, or damaged;
 * -ENOTSUP: well formed, but uses something the loader has no support for;
 * -ENOMEM.
 */
int codearena_elf_open(const void *image, size_t size,
		       const struct codearena_elf_open_opts *opts,
		       struct codearena_elf **out);

/**
 * codearena_elf_open_file() - codearena_elf_open() for a file
 * @path: its name
 * @opts: options, or NULL
 * @out: the object; NULL on failure
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
 * Code that is still loaded stays, with its data, as long as the arena and the
 * process: close without codearena_elf_unload() drops only what is needed to
 * look symbols up.
 */
void codearena_elf_close(struct codearena_elf *elf);

/**
 * codearena_elf_error() - why the last call on an object failed
 * @elf: the object
 *
 * Return: text for humans, empty when the last call that can fail succeeded.
 * Valid until the next call on the object.
 */
const char *codearena_elf_error(const struct codearena_elf *elf);

/**
 * struct codearena_elf_layout - what an object needs
 * @sz: sizeof(struct codearena_elf_layout)
 * @machine: ELF machine number
 * @functions: number of function symbols defined in the file
 * @objects: number of code objects, at most, that loading publishes
 * @code_length: bytes in the arena, a multiple of the granule
 * @code_align: the offset to load at must be a multiple of this; it is the
 *              granule, or larger when a section asks for it
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
 * codearena_elf_measure() - what an object needs in an arena
 * @elf: the object
 * @granule: the arena's granule, a power of two from 4 to 65536
 * @layout: the answer; the caller sets sz
 *
 * Return: 0, -EINVAL, or -EOVERFLOW if sizes in the file add up to more than
 * an address space.
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
#define CODEARENA_ELF_SYM_F_DEFINED	(1U << 0) /* the file has it */
#define CODEARENA_ELF_SYM_F_GLOBAL	(1U << 1) /* seen by other objects */
#define CODEARENA_ELF_SYM_F_WEAK	(1U << 2)

/**
 * struct codearena_elf_sym - one symbol of an object
 * @sz: sizeof(struct codearena_elf_sym)
 * @name: its name; lives as long as the object
 * @size: bytes, 0 if the file does not say
 * @address: where it is, or where the resolver put it; 0 unless loaded
 * @offset: where it is in the arena, or CODEARENA_ELF_NO_OFFSET
 * @type: an enum codearena_elf_sym_type
 * @flags: CODEARENA_ELF_SYM_F_*
 */
struct codearena_elf_sym {
	size_t sz;
	const char *name;
	uint64_t size;
	uint64_t address;
	uint64_t offset;
	uint32_t type;
	uint32_t flags;
};

/**
 * codearena_elf_symbol_count() - number of symbols of an object
 * @elf: the object
 *
 * Return: how many; section and file symbols, and the marks between code and
 * data that assemblers for aarch64 write, are not counted.
 */
size_t codearena_elf_symbol_count(const struct codearena_elf *elf);

/**
 * codearena_elf_symbol_at() - one symbol, by its place in the file
 * @elf: the object
 * @index: from 0 to codearena_elf_symbol_count() - 1
 * @sym: the answer; the caller sets sz
 *
 * Return: 0, -EINVAL, or -ENOENT if there are not so many.
 */
int codearena_elf_symbol_at(struct codearena_elf *elf, size_t index,
			    struct codearena_elf_sym *sym);

/**
 * typedef codearena_elf_resolve_fn - finds what an object does not define
 * @ctx: &struct codearena_elf_opts.ctx
 * @name: the symbol
 * @address: where its address goes
 *
 * Called once for each undefined symbol that a relocation uses. It must not
 * use the object that is being loaded.
 *
 * Return: 0, or a negative errno that makes the load fail. A weak symbol that
 * is answered with -ENOENT gets the address 0.
 */
typedef int (*codearena_elf_resolve_fn)(void *ctx, const char *name,
					uint64_t *address);

/* Flags of struct codearena_elf_opts */
#define CODEARENA_ELF_F_COMMITTED	(1U << 0)

/**
 * struct codearena_elf_opts - options of codearena_elf_load()
 * @sz: sizeof(struct codearena_elf_opts)
 * @flags: CODEARENA_ELF_F_COMMITTED: the caller has committed the pages the
 *         object goes to. Without it loading commits all of them, which fails
 *         with -EEXIST when it meets one that is committed already.
 * @__reserved: must be 0
 * @resolve: finds undefined symbols, or NULL if there are none
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
 * codearena_elf_load() - put an object into an arena
 * @elf: the object, not loaded
 * @arena: the arena; must outlive the load
 * @offset: where in the arena, a multiple of
 *          &struct codearena_elf_layout.code_align
 * @opts: options, or NULL
 *
 * Lays the object out, resolves its undefined symbols, relocates it to its
 * final addresses in a private buffer, and publishes everything that goes to
 * the arena with one call of codearena_arena_publish(). On failure nothing is
 * loaded, and what was committed for it is given back.
 *
 * Return: 0 or
 * -EINVAL: a value is NULL or misaligned, or @opts is too short;
 * -E2BIG, -EOPNOTSUPP: @opts holds what this library does not know;
 * -EBUSY: the object is loaded already;
 * -ENOEXEC: the object is not for this machine, or a relocation asks for an
 * alignment that its target does not have;
 * -EOVERFLOW: a relocation does not reach its target;
 * -ENOENT: a symbol is undefined, or the range lies outside of the arena;
 * -ENOSPC: no address range within reach of the code is free for data;
 * -ENOMEM;
 * an error of the resolver, or one of codearena_arena_commit() and
 * codearena_arena_publish().
 */
int codearena_elf_load(struct codearena_elf *elf, struct codearena_arena *arena,
		       uint64_t offset, const struct codearena_elf_opts *opts);

/**
 * codearena_elf_symbol() - the address of a symbol of a loaded object
 * @elf: the object
 * @name: the symbol
 * @address: its address; 0 on failure
 *
 * A global symbol is preferred to a local one, then the first in the file.
 *
 * Return: 0, -EINVAL, -EBADFD if the object is not loaded, or -ENOENT if it
 * does not define such a symbol or its code was discarded.
 */
int codearena_elf_symbol(struct codearena_elf *elf, const char *name,
			 uint64_t *address);

/**
 * codearena_elf_function() - the granules of a function of a loaded object
 * @elf: the object
 * @name: the function
 * @range: the granules of its section; 0 on failure
 *
 * Return: as codearena_elf_symbol(); -ENOENT for a symbol that is not code.
 */
int codearena_elf_function(struct codearena_elf *elf, const char *name,
			   struct codearena_range *range);

/**
 * codearena_elf_discard() - discard one function of a loaded object
 * @elf: the object
 * @name: the function
 *
 * That nothing calls or executes it any more is the caller's to ensure. Its
 * granules can be used for other code from then on; unloading leaves them
 * alone.
 *
 * Return: as codearena_elf_function(); -EBUSY if its section holds another
 * function too; or an error of codearena_arena_discard().
 */
int codearena_elf_discard(struct codearena_elf *elf, const char *name);

/**
 * codearena_elf_unload() - take an object out of its arena
 * @elf: the object
 *
 * Discards every range that is still the object's, with one call of
 * codearena_arena_discard() unless there are more ranges than it takes, and
 * frees the data. The pages stay committed: they may hold other code by now.
 * The object can be loaded again.
 *
 * Return: 0; -EINVAL: @elf is NULL; -EBADFD: the object is not loaded; -ENOMEM;
 * the codes of codearena_arena_discard(). After an error the object stays loaded
 * (with more than one call some ranges may be gone).
 */
int codearena_elf_unload(struct codearena_elf *elf);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_ELF_H */
