/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: the slots of jump tables, through which code calls code that may
 * be replaced. Pure functions, for every machine on every host.
 */
#ifndef CODEARENA_SLOT_H
#define CODEARENA_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include "codearena.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_SLOT_H */
