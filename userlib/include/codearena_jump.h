/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: jump tables in arenas, through which code calls code that may be
 * replaced. What their slots look like is in codearena_slot.h.
 */
#ifndef CODEARENA_JUMP_H
#define CODEARENA_JUMP_H

#include <stddef.h>
#include <stdint.h>

#include "codearena.h"
#include "codearena_slot.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Jump tables in arenas
 *
 * A table has near slots for functions, far slots for builtins, and where near
 * branches have a limit (all but riscv64) a far slot for each function too.
 * Optionally there is a lazy slot for each function. A near slot whose target
 * is within reach leads there; otherwise the far slot of the function gets the
 * target first, and then the near slot is pointed at the far slot.
 *
 * The state of a table is its code and nothing else: the words that are
 * expected by a patch, and the answers of lookups, are read from the code view,
 * which nobody can write to. So nothing must be told to the table when a patch
 * was applied, and writers need no lock: two that change the same slot at the
 * same time come one after the other, in some order.
 *
 * Where V8 lets far slots of functions jump to themselves until they are
 * patched, here they lead where the near slot leads in the beginning.
 *
 * As its code is read, a table may not be asked or changed any more, only freed,
 * when its memory was discarded.
 */

/* The table has lazy slots. */
#define CODEARENA_JUMP_TABLE_F_LAZY	0x1U
/* As CODEARENA_JUMP_F_BRANCH_TARGET. */
#define CODEARENA_JUMP_TABLE_F_BRANCH_TARGET 0x2U

/* Entries that codearena_jump_table_prepare() writes at most. */
#define CODEARENA_JUMP_ENTRIES		2

struct codearena_jump_table;

/**
 * struct codearena_jump_table_opts - what a table consists of
 * @sz: set by the caller to sizeof(struct codearena_jump_table_opts)
 * @builtin_targets: addresses of the builtins, @builtins of them; copied
 * @targets: NULL, or where the function slots lead in the beginning, @functions
 *           addresses; copied. 0: nowhere, a call faults at address 0.
 * @main: NULL, or another table with @functions functions and the same flags
 *        but LAZY: function slots lead to its near slots in the beginning. It
 *        is not used after the table was made.
 * @functions: near slots
 * @builtins: far slots for builtins
 * @flags: CODEARENA_JUMP_TABLE_F_*
 * @lazy_builtin: with LAZY: lazy slots lead to the far slot of this builtin
 * @lazy_first: with LAZY: lazy slot i loads @lazy_first + i
 * @__reserved: 0
 *
 * Without @targets and @main function slots lead to the lazy slots; and without
 * these to nowhere, as with a target of 0. @targets and @main exclude each
 * other. @functions + @builtins is at least 1; both are below 2^24.
 */
struct codearena_jump_table_opts {
	size_t sz;
	const uint64_t *builtin_targets;
	const uint64_t *targets;
	const struct codearena_jump_table *main;
	uint32_t functions;
	uint32_t builtins;
	uint32_t flags;
	uint32_t lazy_builtin;
	uint32_t lazy_first;
	uint32_t __reserved;
};

/**
 * enum codearena_jump_kind - slots of a table
 * @CODEARENA_JUMP_NEAR: near slot of a function
 * @CODEARENA_JUMP_FAR: far slot of a function
 * @CODEARENA_JUMP_BUILTIN: far slot of a builtin
 * @CODEARENA_JUMP_LAZY: lazy slot of a function
 */
enum codearena_jump_kind {
	CODEARENA_JUMP_NEAR = 0,
	CODEARENA_JUMP_FAR,
	CODEARENA_JUMP_BUILTIN,
	CODEARENA_JUMP_LAZY
};

/**
 * struct codearena_jump_set - one change of a table
 * @index: of the function
 * @__reserved: 0
 * @target: address that its slot shall lead to
 */
struct codearena_jump_set {
	uint32_t index;
	uint32_t __reserved;
	uint64_t target;
};

/**
 * codearena_jump_table_size - bytes that the parts of a table take
 * @opts: options; pointers in it are ignored
 * @near_bytes: gets the bytes of the near slots, 0 without functions
 * @far_bytes: gets the bytes of the far slots, first those of the builtins,
 *             then those of the functions; may be 0
 * @lazy_bytes: gets the bytes of the lazy slots, 0 without LAZY
 *
 * For this program's machine. Not rounded up: the parts are objects of their
 * own, so each begins at a granule, and has its last granule for itself.
 * Pure.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: @opts.
 */
int codearena_jump_table_size(const struct codearena_jump_table_opts *opts,
			      uint64_t *near_bytes, uint64_t *far_bytes,
			      uint64_t *lazy_bytes);

/**
 * codearena_jump_table_new - publish a table
 * @opts: options
 * @arena: where; must outlive the table
 * @near_offset: of the near slots, a multiple of the granule. Offsets of parts
 *               that have no bytes are ignored.
 * @far_offset: of the far slots
 * @lazy_offset: of the lazy slots
 * @out: gets the table; NULL on failure
 *
 * The memory must be committed and neither written to nor sealed. All parts are
 * published in one call, near and far slots with CODEARENA_OBJECT_F_PATCHABLE,
 * lazy slots without. Takes no locks but those of the arena.
 *
 * Return: 0; -ERANGE: parts are too far from each other for near branches, or a
 * target is not reachable; -EINVAL, -E2BIG, -EOPNOTSUPP: @opts, an offset or a
 * target is wrong; -ENOENT: a part ends behind the arena, or is not committed;
 * -ENOMEM; the codes of codearena_arena_publish().
 */
int codearena_jump_table_new(const struct codearena_jump_table_opts *opts,
			     struct codearena_arena *arena,
			     uint64_t near_offset, uint64_t far_offset,
			     uint64_t lazy_offset,
			     struct codearena_jump_table **out);

/**
 * codearena_jump_table_free - forget a table
 * @table: NULL, or a table, which is gone after the call
 *
 * The code stays and works; the arena is not touched, and may be gone already.
 */
void codearena_jump_table_free(struct codearena_jump_table *table);

/**
 * codearena_jump_table_slot - address to call for a function
 * @table: table
 * @index: of the function
 *
 * Return: the near slot's address; 0 if there is none. Async-signal-safe, as
 * all functions from here to codearena_jump_table_find(), which take no locks.
 */
uint64_t codearena_jump_table_slot(const struct codearena_jump_table *table,
				   uint32_t index);

/**
 * codearena_jump_table_far_slot - far slot of a function
 * @table: table
 * @index: of the function
 *
 * Return: its address; 0 if there is none, as always on riscv64.
 */
uint64_t codearena_jump_table_far_slot(const struct codearena_jump_table *table,
				       uint32_t index);

/**
 * codearena_jump_table_builtin_slot - address to call for a builtin
 * @table: table
 * @index: of the builtin
 *
 * Return: its address; 0 if there is none.
 */
uint64_t
codearena_jump_table_builtin_slot(const struct codearena_jump_table *table,
				  uint32_t index);

/**
 * codearena_jump_table_lazy_slot - lazy slot of a function
 * @table: table
 * @index: of the function
 *
 * Return: its address; 0 if there is none.
 */
uint64_t
codearena_jump_table_lazy_slot(const struct codearena_jump_table *table,
			       uint32_t index);

/**
 * codearena_jump_table_target - where a function's slot leads now
 * @table: table
 * @index: of the function
 *
 * Read from the code, through the far slot if the near slot leads there. While
 * other threads set the slot the answer is one of the targets it had during the
 * call.
 *
 * Return: the address; 0 if there is no such function, or it leads nowhere.
 */
uint64_t codearena_jump_table_target(const struct codearena_jump_table *table,
				     uint32_t index);

/**
 * codearena_jump_table_initial - where a function's slot led in the beginning
 * @table: table
 * @index: of the function
 *
 * To take a function back, set its slot to this.
 *
 * Return: the address; 0 if there is no such function, or it led nowhere, or the
 * table was made with targets of the caller's, which are not kept.
 */
uint64_t codearena_jump_table_initial(const struct codearena_jump_table *table,
				      uint32_t index);

/**
 * codearena_jump_table_arena - where a table is
 * @table: table
 *
 * Return: the arena; NULL if @table is NULL.
 */
struct codearena_arena *
codearena_jump_table_arena(const struct codearena_jump_table *table);

/**
 * codearena_jump_table_region - where slots of a kind lie
 * @table: table
 * @kind: which slots
 * @start: gets the address of the first one
 * @bytes: gets their size; 0 if there are none, and then @start is 0
 *
 * Return: 0 or -EINVAL.
 */
int codearena_jump_table_region(const struct codearena_jump_table *table,
				enum codearena_jump_kind kind, uint64_t *start,
				uint64_t *bytes);

/**
 * codearena_jump_table_find - which slot begins at an address
 * @table: table
 * @address: any address
 * @kind: gets the kind
 * @index: gets the index of the function or of the builtin
 *
 * Exact: an address inside of a slot is not one.
 *
 * Return: 0; -ENOENT: none; -EINVAL: NULL. On failure @kind and @index are
 * unchanged.
 */
int codearena_jump_table_find(const struct codearena_jump_table *table,
			      uint64_t address, enum codearena_jump_kind *kind,
			      uint32_t *index);

/**
 * codearena_jump_table_prepare - the words that set a slot
 * @table: table
 * @index: of the function
 * @target: address that its slot shall lead to; 0: nowhere
 * @entries: gets up to CODEARENA_JUMP_ENTRIES entries, which must be applied in
 *           this order and together, by codearena_arena_patch() or as patches
 *           of codearena_arena_publish(), with those of other slots before or
 *           after them
 *
 * Changes nothing; what was prepared may be dropped. If someone else changed
 * the slot meanwhile, the arena answers -EAGAIN: prepare again. A slot may be
 * prepared once for a call (else -EINVAL from the arena). Without writers
 * beside, prepared words stay right. May be called from any thread.
 *
 * Return: the number of entries, 1 or 2; -EINVAL: NULL, no such function, or no
 * instruction can begin at @target; -ENOENT: there is no slot any more.
 */
int codearena_jump_table_prepare(const struct codearena_jump_table *table,
				 uint32_t index, uint64_t target,
				 struct codearena_patch_entry *entries);

/**
 * codearena_jump_table_set - let slots lead elsewhere
 * @table: table
 * @sets: array of changes; each function at most once
 * @count: entries of @sets, not 0
 * @flags: CODEARENA_PATCH_F_SYNC
 * @failed: as for codearena_arena_patch(); index in @sets
 *
 * All in one call of codearena_arena_patch(), repeated if other threads change
 * the same slots. At most half as many as the arena takes patches in a call.
 * May be called from any thread.
 *
 * Return: 0; -EINVAL: an index, a target, or @count; -ENOENT: there is no slot
 * any more; -ENOMEM; the codes of codearena_arena_patch() but -EAGAIN.
 */
int codearena_jump_table_set(struct codearena_jump_table *table,
			     const struct codearena_jump_set *sets,
			     size_t count, uint32_t flags, size_t *failed);

/*
 * Tables with their targets in ordinary memory
 *
 * The code is a table of data slots, which never changes and is not patchable;
 * to set a slot is one atomic store, without a system call, and reaches all
 * threads in the time that memory takes. The price: the targets can be written
 * by whoever can write to the process' memory, so that a bug which lets an
 * attacker store a word lets him choose what is executed next, if only where
 * the processor's own checks (IBT, BTI) allow it; and each call loads a word.
 * Use jump tables where code must be trusted more than data.
 */
struct codearena_data_table;

/**
 * struct codearena_data_table_opts - what a table consists of
 * @sz: set by the caller to sizeof(struct codearena_data_table_opts)
 * @targets: NULL, or where the slots lead in the beginning; copied. NULL, or a
 *           target of 0: nowhere, a call faults at address 0.
 * @functions: slots, 1 to 2^24
 * @flags: CODEARENA_JUMP_TABLE_F_BRANCH_TARGET
 */
struct codearena_data_table_opts {
	size_t sz;
	const uint64_t *targets;
	uint32_t functions;
	uint32_t flags;
};

/**
 * codearena_data_table_size - bytes that the slots take
 * @opts: options; pointers in it are ignored
 * @bytes: gets the bytes of code
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: @opts.
 */
int codearena_data_table_size(const struct codearena_data_table_opts *opts,
			      uint64_t *bytes);

/**
 * codearena_data_table_new - publish a table
 * @opts: options
 * @arena: where; must outlive the table
 * @offset: of the slots, a multiple of the granule
 * @out: gets the table; NULL on failure
 *
 * The words are mapped near the arena, so that the slots reach them.
 *
 * Return: 0; -EINVAL: an argument or option is wrong; -ENOSPC: no memory near the
 * arena is free; -ENOMEM; the codes of codearena_jump_table_new().
 */
int codearena_data_table_new(const struct codearena_data_table_opts *opts,
			     struct codearena_arena *arena, uint64_t offset,
			     struct codearena_data_table **out);

/**
 * codearena_data_table_free - unmap the words
 * @table: NULL, or a table, which is gone after the call
 *
 * The slots must not be executed any more.
 */
void codearena_data_table_free(struct codearena_data_table *table);

/**
 * codearena_data_table_slot - address to call for a function
 * @table: table
 * @index: of the function
 *
 * Return: the address; 0 if there is none. Async-signal-safe, as the others
 * below, which take no locks and may be called from any thread.
 */
uint64_t codearena_data_table_slot(const struct codearena_data_table *table,
				   uint32_t index);

/**
 * codearena_data_table_set - let a slot lead elsewhere
 * @table: table
 * @index: of the function
 * @target: address; 0: nowhere
 *
 * A store with release semantics: who calls through the new target sees what
 * was stored before.
 *
 * Return: 0; -EINVAL: NULL, no such function, or no instruction can begin at
 * @target.
 */
int codearena_data_table_set(struct codearena_data_table *table, uint32_t index,
			     uint64_t target);

/**
 * codearena_data_table_target - where a slot leads now
 * @table: table
 * @index: of the function
 *
 * Return: the address; 0 if there is no such function, or it leads nowhere.
 */
uint64_t codearena_data_table_target(const struct codearena_data_table *table,
				     uint32_t index);

/**
 * codearena_data_table_find - which slot begins at an address
 * @table: table
 * @address: any address
 * @index: gets the index; unchanged on failure
 *
 * Return: 0; -ENOENT: none; -EINVAL: NULL.
 */
int codearena_data_table_find(const struct codearena_data_table *table,
			      uint64_t address, uint32_t *index);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_JUMP_H */
