/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: jump tables, through which code calls code that may be replaced.
 */
#ifndef CODEARENA_JUMP_H
#define CODEARENA_JUMP_H

#include <stddef.h>
#include <stdint.h>

#include <codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A jump table is sealed code: an array of slots, each of which branches to the
 * current code of a function. Callers call the slot; replacing the function
 * retargets it by one atomic exchange.
 *
 * near   a direct branch to the target. Patches exchange one naturally aligned
 *        word: the branch, or on riscv64 the address that the slot loads.
 * far    a branch through an aligned 8-byte word in the slot that holds the
 *        target; reaches every address
 * lazy   loads a 32-bit index and branches to a fixed target; never changes
 *
 * A table has near slots for functions, far slots for builtins, a far slot for
 * each function where near branches have limited reach, and optionally a lazy
 * slot for each function. A near slot branches to its target if that is within
 * reach. Otherwise the far slot of the function is set first, and then the near
 * slot branches to the far slot.
 *
 * Bytes of a slot; near, far and lazy slots are those of V8's WebAssembly jump
 * tables of 2024, byte for byte on x86-64 and arm64:
 *
 * machine                near  far  lazy  reach of near   changes   lazy index
 * x86-64                    8   16    10  +-2 GiB         -         pushed
 * x86-64, BRANCH_TARGET    16   16    10  +-2 GiB         -         pushed
 * arm64                     4   16    16  +-128 MiB       x16       w8
 * arm64, BRANCH_TARGET      8   16    16  +-128 MiB       x16       w8
 * riscv64                  24   24    40  all             t6        t0
 *
 * The low 32 bits of the index count: x86-64 pushes 8 bytes and riscv64 loads a
 * register, both sign-extended.
 *
 * On riscv64 near and far slots are the same: the slot loads its target from an
 * aligned word, and patches exchange only that word. It is data, so no flush of
 * the instruction cache is needed; V8 stores the instructions too, and flushes.
 * The encoders for riscv64 are complete and tested on every host, like those of
 * the other machines; tables in arenas are for the machine of the program.
 *
 * With BRANCH_TARGET near slots begin with endbr64 or bti c and may be the
 * target of indirect branches. Far slots, and lazy slots of x86-64, may not:
 * only direct branches target them. Lazy slots of arm64 always begin with bti
 * jc. Far slots branch indirectly, so their targets must begin with such an
 * instruction where the processor checks that.
 *
 * Threads that execute a slot while it is patched take the old or the new
 * branch, and may keep taking the old one until they are synchronised by
 * CODEARENA_PATCH_F_SYNC or an event of their own. The old target may be
 * discarded only afterwards.
 *
 * The state of a table is its code alone, which nobody can write to. Lookups and
 * the words that a patch expects are read from the code view. After the memory
 * of a table was discarded the table may only be freed.
 *
 * Threads. All functions are thread-safe, except that
 * codearena_jump_table_free() must be the last call on its table. Writers need
 * no lock: the arena serialises two that change the same slot. The functions
 * that only read are async-signal-safe: those from codearena_jump_table_slot()
 * to codearena_jump_table_find().
 *
 * fork(). A child may read and free an inherited table; changing slots returns
 * -EPERM, as for the arena.
 */

/* Slots may be the targets of indirect branches: IBT on x86-64, BTI on arm64 */
#define CODEARENA_JUMP_F_BRANCH_TARGET	0x1U

/* The table has lazy slots. */
#define CODEARENA_JUMP_TABLE_F_LAZY	0x1U
/* As CODEARENA_JUMP_F_BRANCH_TARGET. */
#define CODEARENA_JUMP_TABLE_F_BRANCH_TARGET 0x2U

/* Upper limit of the entries that codearena_jump_table_prepare() writes. */
#define CODEARENA_JUMP_ENTRIES		2

struct codearena_jump_table;

/**
 * struct codearena_jump_table_opts - contents of a table
 * @sz: set by the caller to sizeof(struct codearena_jump_table_opts)
 * @builtin_targets: addresses of the builtins, @builtins of them; copied
 * @targets: NULL, or the initial targets of the function slots, @functions
 *           addresses; copied. 0: none, a call faults at address 0.
 * @main: NULL, or another table with the same @functions and BRANCH_TARGET
 *        flag, whose near slots are the initial targets. Not used after the
 *        table is made.
 * @functions: number of near slots
 * @builtins: number of far slots for builtins
 * @flags: CODEARENA_JUMP_TABLE_F_*
 * @lazy_builtin: with LAZY: builtin whose far slot the lazy slots branch to
 * @lazy_first: with LAZY: lazy slot i loads @lazy_first + i
 * @__reserved: 0
 *
 * Without @targets and @main the initial targets are the lazy slots, and
 * without these there is none, as for a target of 0. @targets and @main exclude
 * each other. @functions + @builtins is at least 1; both are below 2^24.
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
 * struct codearena_jump_parts - a number for each part of a table
 * @near: of the near slots
 * @far: of the far slots: those of the builtins, then those of the functions
 * @lazy: of the lazy slots
 */
struct codearena_jump_parts {
	uint64_t near;
	uint64_t far;
	uint64_t lazy;
};

/**
 * enum codearena_jump_kind - kinds of slots
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
 * struct codearena_jump_set - a new target for a function
 * @index: of the function
 * @__reserved: 0
 * @target: address; 0: none
 */
struct codearena_jump_set {
	uint32_t index;
	uint32_t __reserved;
	uint64_t target;
};

/**
 * codearena_jump_table_size - sizes of the parts of a table
 * @opts: options; pointers in it are ignored
 * @bytes: gets the sizes in bytes, not rounded; 0 for parts without slots
 *
 * For this program's machine. The parts are objects of their own: each begins at
 * a granule and does not share its last one. Pure.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an option is invalid.
 */
int codearena_jump_table_size(const struct codearena_jump_table_opts *opts,
			      struct codearena_jump_parts *bytes);

/**
 * codearena_jump_table_new - publish a table
 * @opts: options
 * @arena: arena; must outlive the table
 * @offsets: where in the arena to put the parts, multiples of the granule;
 *           ignored for parts without slots
 * @out: gets the table; NULL on failure
 *
 * The memory must be committed, not written to and not sealed. All parts are
 * published in one call; near and far slots are patchable, lazy slots are not.
 *
 * Return: 0; -ERANGE: a near branch does not reach another part, or a lazy slot
 * its builtin; -EINVAL, -E2BIG, -EOPNOTSUPP: an option, offset or target is
 * invalid; -EOPNOTSUPP: the arena cannot be read and has several writers, or
 * there are builtins: a far slot loads its target, so that in such an arena
 * targets have to be in reach of near slots (-ERANGE); on riscv64 every slot does,
 * so there are none in such an arena;
 * -EOVERFLOW: a part ends above 2^64; -ENOENT: a part ends outside of
 * the arena or is not committed; -ENOMEM; an error of codearena_arena_publish().
 */
int codearena_jump_table_new(const struct codearena_jump_table_opts *opts,
			     struct codearena_arena *arena,
			     const struct codearena_jump_parts *offsets,
			     struct codearena_jump_table **out);

/**
 * codearena_jump_table_free - free a table
 * @table: NULL, or a table
 *
 * Its code stays and works. Does not use the arena, which may be freed already.
 */
void codearena_jump_table_free(struct codearena_jump_table *table);

/**
 * codearena_jump_table_slot - address to call for a function
 * @table: table
 * @index: of the function
 *
 * Return: the address of the near slot; 0 if there is none.
 */
uint64_t codearena_jump_table_slot(const struct codearena_jump_table *table,
				   uint32_t index);

/**
 * codearena_jump_table_builtin_slot - address to call for a builtin
 * @table: table
 * @index: of the builtin
 *
 * Return: the address of the far slot; 0 if there is none.
 */
uint64_t
codearena_jump_table_builtin_slot(const struct codearena_jump_table *table,
				  uint32_t index);

/**
 * codearena_jump_table_lazy_slot - address of the lazy slot of a function
 * @table: table
 * @index: of the function
 *
 * To have a function compiled again, set its slot to this address.
 *
 * Return: the address; 0 if there is none.
 */
uint64_t
codearena_jump_table_lazy_slot(const struct codearena_jump_table *table,
			       uint32_t index);

/**
 * codearena_jump_table_target - current target of a function's slot
 * @table: table
 * @index: of the function
 *
 * Read from the code, through the far slot if the near slot branches there.
 * While other threads set the slot, the result is one of the targets that it has
 * during the call.
 *
 * Return: the address; 0 if there is no such function or it has no target.
 */
uint64_t codearena_jump_table_target(const struct codearena_jump_table *table,
				     uint32_t index);

/**
 * codearena_jump_table_find - find the slot at an address
 * @table: table
 * @address: any address
 * @kind: gets the kind of the slot
 * @index: gets the index of the function or builtin
 *
 * Finds beginnings of slots only.
 *
 * Return: 0; -ENOENT: no slot begins at @address; -EINVAL. On failure @kind and
 * @index are unchanged.
 */
int codearena_jump_table_find(const struct codearena_jump_table *table,
			      uint64_t address, enum codearena_jump_kind *kind,
			      uint32_t *index);

/**
 * codearena_jump_table_prepare - compute the patches that retarget a slot
 * @table: table
 * @index: of the function
 * @target: address; 0: none
 * @entries: gets up to CODEARENA_JUMP_ENTRIES entries. Apply them in this order
 *           and together, by codearena_arena_patch() or as patches of
 *           codearena_arena_publish(); those of other slots may come before and
 *           after.
 *
 * Changes nothing; the entries may be dropped. If another thread changes the
 * slot before they are applied, the arena returns -EAGAIN: prepare again. A slot
 * can be prepared once per call of the arena (else -EINVAL from the arena).
 *
 * Return: the number of entries, 1 or 2; -EINVAL: NULL, no such function, or no
 * instruction can begin at @target; -ENOENT: the slot was discarded; -ERANGE:
 * neither @target nor a far slot is in reach.
 */
int codearena_jump_table_prepare(const struct codearena_jump_table *table,
				 uint32_t index, uint64_t target,
				 struct codearena_patch_entry *entries);

/**
 * codearena_jump_table_set - retarget slots
 * @table: table
 * @sets: array of new targets; each function at most once
 * @count: entries of @sets, not 0; at most half as many as the arena takes
 *         patches in a call
 * @flags: CODEARENA_PATCH_F_SYNC
 * @failed: as for codearena_arena_patch(); index in @sets
 *
 * All or nothing, in one call of codearena_arena_patch(), which is repeated if
 * other threads change the same slots.
 *
 * Return: 0; -EINVAL: an index, a target or @count is invalid, or a function is
 * listed twice; -EOPNOTSUPP: unknown flag, or @__reserved is not 0; -ENOENT: a
 * slot was discarded; -ENOMEM; an error of codearena_arena_patch() except
 * -EAGAIN.
 */
int codearena_jump_table_set(struct codearena_jump_table *table,
			     const struct codearena_jump_set *sets,
			     size_t count, uint32_t flags, size_t *failed);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_JUMP_H */
