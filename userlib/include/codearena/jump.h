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
 * ----------------------------------------------------------------------
 * The slots of jump tables, through which code calls code that may be
 * replaced. Pure functions, for every machine on every host.
 * ----------------------------------------------------------------------
 */

/*
 * Kinds of slots
 *
 * near   a direct branch to the target. One naturally aligned word is the whole
 *        branch, or on riscv64 the address that it loads, and nothing else of
 *        the slot is ever stored to.
 * far    a branch through an aligned 8-byte word in the slot that holds the
 *        target; reaches every address
 * lazy   loads a 32-bit index and branches to a fixed target; never changes
 * data   a branch through an 8-byte word in ordinary memory; never changes
 *
 * What V8's WebAssembly jump tables look like in 2024 is the model; the layouts
 * of near, far and lazy slots are the same, to the byte on x86-64 and arm64:
 *
 * machine               near  far  lazy  data
 * x86-64                   8   16    10     8
 * x86-64, BRANCH_TARGET   16   16    10    16
 * arm64                    4   16    16    16
 * arm64, BRANCH_TARGET     8   16    16    16
 * riscv64                 24   24    40    16
 *
 * On riscv64 the near slot and the far slot are the same thing: no branch is
 * ever stored, only the aligned word that the slot loads; V8 stores that word,
 * and the unchanged instructions before it, with ordinary stores, and falls
 * back on a flush of the instruction cache. Here the word is exchanged
 * atomically, and as it is data, no flush is needed. The lazy slot loads its
 * target too, so that its reach has no limit, where V8 builds the address with
 * up to eight instructions.
 *
 * Registers that slots change: none on x86-64, x16 on arm64, t6 on riscv64.
 * Lazy slots push the index on x86-64 (8 bytes, sign-extended), load it into w8
 * on arm64, into t0 (sign-extended) on riscv64: the low 32 bits count.
 *
 * With CODEARENA_JUMP_F_BRANCH_TARGET near and data slots begin with endbr64 or
 * bti c and may be the target of indirect calls. Far slots and lazy slots of
 * x86-64 may not: direct branches of near slots and of code lead there. Lazy
 * slots of arm64 begin with bti jc in any case. The targets of far and data
 * slots are reached indirectly and must begin with such an instruction.
 *
 * Threads that execute a slot while it is patched take the old branch or the
 * new one. For a while they may still take the old one, until they are
 * synchronised by CODEARENA_PATCH_F_SYNC or by an event of their own; so code
 * that a slot led to may be discarded only afterwards.
 */

/* Slots may be the targets of indirect branches: IBT on x86-64, BTI on arm64 */
#define CODEARENA_JUMP_F_BRANCH_TARGET	0x1U

/* No slot is longer. */
#define CODEARENA_JUMP_SLOT_MAX		40

/**
 * struct codearena_jump_layout - how the slots of a machine lie in tables
 * @machine: ELF machine number
 * @flags: CODEARENA_JUMP_F_*
 * @line_size: the table of near slots consists of lines of so many bytes, and
 *             no slot crosses a line; a power of two or one slot
 * @near_size: bytes of a near slot
 * @far_size: bytes of a far slot; tables of these are dense
 * @lazy_size: bytes of a lazy slot; tables of these are dense
 * @data_size: bytes of a data slot; tables of these are dense
 * @align: what addresses of tables must be multiples of
 */
struct codearena_jump_layout {
	uint32_t machine;
	uint32_t flags;
	uint32_t line_size;
	uint32_t near_size;
	uint32_t far_size;
	uint32_t lazy_size;
	uint32_t data_size;
	uint32_t align;
};

/**
 * codearena_jump_layout - the layout for a machine
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @flags: CODEARENA_JUMP_F_*; without effect on riscv64
 * @out: gets the layout
 *
 * All other functions of this part take what this one made, and answer -EINVAL
 * if it is anything else. They are pure and may be called anywhere, signal
 * handlers included.
 *
 * Return: 0; -EINVAL: @out is NULL; -EOPNOTSUPP: no such machine or flag.
 */
int codearena_jump_layout(uint32_t machine, uint32_t flags,
			  struct codearena_jump_layout *out);

/**
 * codearena_jump_near_bytes - size of a table of near slots
 * @layout: layout
 * @count: slots
 *
 * Return: bytes; 0 if @layout is NULL or @count is 0.
 */
uint64_t codearena_jump_near_bytes(const struct codearena_jump_layout *layout,
				   uint32_t count);

/**
 * codearena_jump_far_bytes - size of a table of far slots
 * @layout: layout
 * @count: slots
 *
 * Return: as codearena_jump_near_bytes().
 */
uint64_t codearena_jump_far_bytes(const struct codearena_jump_layout *layout,
				  uint32_t count);

/**
 * codearena_jump_lazy_bytes - size of a table of lazy slots
 * @layout: layout
 * @count: slots
 *
 * Return: as codearena_jump_near_bytes().
 */
uint64_t codearena_jump_lazy_bytes(const struct codearena_jump_layout *layout,
				   uint32_t count);

/**
 * codearena_jump_data_bytes - size of a table of data slots
 * @layout: layout
 * @count: slots
 *
 * Return: as codearena_jump_near_bytes().
 */
uint64_t codearena_jump_data_bytes(const struct codearena_jump_layout *layout,
				   uint32_t count);

/**
 * codearena_jump_near_offset - where a near slot lies in its table
 * @layout: layout
 * @index: of the slot
 *
 * Return: bytes from the beginning of the table; 0 if @layout is NULL.
 */
uint64_t codearena_jump_near_offset(const struct codearena_jump_layout *layout,
				    uint32_t index);

/**
 * codearena_jump_far_offset - where a far slot lies in its table
 * @layout: layout
 * @index: of the slot
 *
 * Return: as codearena_jump_near_offset().
 */
uint64_t codearena_jump_far_offset(const struct codearena_jump_layout *layout,
				   uint32_t index);

/**
 * codearena_jump_lazy_offset - where a lazy slot lies in its table
 * @layout: layout
 * @index: of the slot
 *
 * Return: as codearena_jump_near_offset().
 */
uint64_t codearena_jump_lazy_offset(const struct codearena_jump_layout *layout,
				    uint32_t index);

/**
 * codearena_jump_data_offset - where a data slot lies in its table
 * @layout: layout
 * @index: of the slot
 *
 * Return: as codearena_jump_near_offset().
 */
uint64_t codearena_jump_data_offset(const struct codearena_jump_layout *layout,
				    uint32_t index);

/**
 * codearena_jump_near_index - which near slot begins at an offset
 * @layout: layout
 * @offset: bytes from the beginning of the table
 * @count: slots of the table
 * @index: gets the index; unchanged on failure
 *
 * Exact: an address inside of a slot is not one.
 *
 * Return: 0; -ENOENT: no slot begins there; -EINVAL: NULL.
 */
int codearena_jump_near_index(const struct codearena_jump_layout *layout,
			      uint64_t offset, uint32_t count, uint32_t *index);

/**
 * codearena_jump_far_index - which far slot begins at an offset
 * @layout: layout
 * @offset: bytes from the beginning of the table
 * @count: slots of the table
 * @index: gets the index; unchanged on failure
 *
 * Return: as codearena_jump_near_index().
 */
int codearena_jump_far_index(const struct codearena_jump_layout *layout,
			     uint64_t offset, uint32_t count, uint32_t *index);

/**
 * codearena_jump_lazy_index - which lazy slot begins at an offset
 * @layout: layout
 * @offset: bytes from the beginning of the table
 * @count: slots of the table
 * @index: gets the index; unchanged on failure
 *
 * Return: as codearena_jump_near_index().
 */
int codearena_jump_lazy_index(const struct codearena_jump_layout *layout,
			      uint64_t offset, uint32_t count, uint32_t *index);

/**
 * codearena_jump_data_index - which data slot begins at an offset
 * @layout: layout
 * @offset: bytes from the beginning of the table
 * @count: slots of the table
 * @index: gets the index; unchanged on failure
 *
 * Return: as codearena_jump_near_index().
 */
int codearena_jump_data_index(const struct codearena_jump_layout *layout,
			      uint64_t offset, uint32_t count, uint32_t *index);

/**
 * codearena_jump_encode_near - write a near slot
 * @layout: layout
 * @slot: address that the slot will have
 * @target: address that it leads to
 * @to: gets the bytes, room for @layout->near_size
 *
 * Distances are taken modulo 2^64, as processors do.
 *
 * Return: the number of bytes, @layout->near_size; -ERANGE: the target is out
 * of reach, which is +-2 GiB on x86-64, +-128 MiB on arm64, and nothing on
 * riscv64; -EINVAL: a NULL pointer, a @slot that is misaligned, so that the
 * word which patches store to would be too (a multiple of 8, of 4 on arm64), a
 * @target where no instruction can begin (a multiple of 4 on arm64, of 2 on
 * riscv64). After a failure @to is unchanged.
 */
int codearena_jump_encode_near(const struct codearena_jump_layout *layout,
			       uint64_t slot, uint64_t target, uint8_t *to);

/**
 * codearena_jump_encode_far - write a far slot
 * @layout: layout
 * @slot: address that the slot will have
 * @target: address that it leads to
 * @to: gets the bytes, room for @layout->far_size
 *
 * Return: @layout->far_size; -EINVAL as for near slots; @slot is a multiple of
 * 8.
 */
int codearena_jump_encode_far(const struct codearena_jump_layout *layout,
			      uint64_t slot, uint64_t target, uint8_t *to);

/**
 * codearena_jump_encode_lazy - write a lazy slot
 * @layout: layout
 * @slot: address that the slot will have, a multiple of 4 on arm64, of 8 on
 *        riscv64
 * @index: the value it loads
 * @target: address that it leads to
 * @to: gets the bytes, room for @layout->lazy_size
 *
 * Return: @layout->lazy_size; -ERANGE: the target is out of reach, as for near
 * slots; -EINVAL.
 */
int codearena_jump_encode_lazy(const struct codearena_jump_layout *layout,
			       uint64_t slot, uint32_t index, uint64_t target,
			       uint8_t *to);

/**
 * codearena_jump_encode_data - write a data slot
 * @layout: layout
 * @slot: address that the slot will have, where an instruction can begin
 * @word: address of the word that holds the target, a multiple of 8
 * @to: gets the bytes, room for @layout->data_size
 *
 * Return: @layout->data_size; -ERANGE: the word is out of reach, which is
 * about +-2 GiB, and +-4 GiB on arm64; -EINVAL.
 */
int codearena_jump_encode_data(const struct codearena_jump_layout *layout,
			       uint64_t slot, uint64_t word, uint8_t *to);

/**
 * codearena_jump_decode_near - read a near slot
 * @layout: layout
 * @slot: address of the slot
 * @code: its bytes, @layout->near_size of them
 * @target: gets the address it leads to; unchanged on failure
 *
 * Return: 0; -ENOENT: these are not the bytes that the encoder writes;
 * -EINVAL as for the encoder.
 */
int codearena_jump_decode_near(const struct codearena_jump_layout *layout,
			       uint64_t slot, const uint8_t *code,
			       uint64_t *target);

/**
 * codearena_jump_decode_far - read a far slot
 * @layout: layout
 * @slot: address of the slot, a multiple of 8
 * @code: its bytes, @layout->far_size of them
 * @target: gets the address it leads to; unchanged on failure
 *
 * Return: as codearena_jump_decode_near().
 */
int codearena_jump_decode_far(const struct codearena_jump_layout *layout,
			      uint64_t slot, const uint8_t *code,
			      uint64_t *target);

/**
 * codearena_jump_decode_lazy - read a lazy slot
 * @layout: layout
 * @slot: address of the slot
 * @code: its bytes, @layout->lazy_size of them
 * @index: gets the value it loads
 * @target: gets the address it leads to
 *
 * Return: as codearena_jump_decode_near().
 */
int codearena_jump_decode_lazy(const struct codearena_jump_layout *layout,
			       uint64_t slot, const uint8_t *code,
			       uint32_t *index, uint64_t *target);

/**
 * codearena_jump_decode_data - read a data slot
 * @layout: layout
 * @slot: address of the slot
 * @code: its bytes, @layout->data_size of them
 * @word: gets the address of the word that holds the target
 *
 * Return: as codearena_jump_decode_near().
 */
int codearena_jump_decode_data(const struct codearena_jump_layout *layout,
			       uint64_t slot, const uint8_t *code,
			       uint64_t *word);

/**
 * codearena_jump_patch_near - the word that redirects a near slot
 * @layout: layout
 * @slot: address of the slot
 * @old_target: where it leads
 * @new_target: where it shall lead
 * @out: gets the entry for codearena_arena_patch(); @out->offset counts from
 *       the beginning of the slot
 *
 * Return: 0; -ERANGE: one of the targets is out of reach; -EINVAL.
 */
int codearena_jump_patch_near(const struct codearena_jump_layout *layout,
			      uint64_t slot, uint64_t old_target,
			      uint64_t new_target,
			      struct codearena_patch_entry *out);

/**
 * codearena_jump_patch_far - the word that redirects a far slot
 * @layout: layout
 * @slot: address of the slot, a multiple of 8
 * @old_target: where it leads
 * @new_target: where it shall lead
 * @out: gets the entry, as for near slots
 *
 * Return: 0 or -EINVAL.
 */
int codearena_jump_patch_far(const struct codearena_jump_layout *layout,
			     uint64_t slot, uint64_t old_target,
			     uint64_t new_target,
			     struct codearena_patch_entry *out);

/*
 * ----------------------------------------------------------------------
 * Jump tables in arenas, through which code calls code that may be replaced.
 * What their slots look like is in codearena/jump.h.
 * ----------------------------------------------------------------------
 */

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
 * instruction can begin at @target; -ENOENT: there is no slot any more; -ERANGE: the
 * near slot does not reach the far slot.
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
