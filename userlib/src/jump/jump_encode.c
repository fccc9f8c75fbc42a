// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Encodings of the slots of jump tables. Pure.
 *
 * Distances are taken modulo 2^64, as processors do.
 */
#include <errno.h>

#include "base/encode.h"
#include "jump/jump.h"

/**
 * ca__jump_encode_near - write a near slot
 * @layout: layout
 * @slot: address of the slot
 * @target: address that it branches to
 * @to: gets the bytes, @layout->near_size of them; unchanged on failure
 *
 * Return: the number of bytes; -ERANGE: the target is out of reach, which is
 * +-2 GiB on x86-64, +-128 MiB on arm64 and unlimited on riscv64; -EINVAL: @slot
 * is not aligned to the word that patches exchange, or no instruction can begin
 * at @target.
 */
int ca__jump_encode_near(const struct ca__jump_layout *layout, uint64_t slot,
			 uint64_t target, uint8_t *to)
{
	const struct ca__jump_machine *code = layout->code;

	if (slot % code->near_width || target % code->insn_align)
		return -EINVAL;
	if (!code->near(ca__jump_entry(layout), slot, target, to))
		return -ERANGE;
	return layout->near_size;
}

/**
 * ca__jump_encode_far - write a far slot
 * @layout: layout
 * @slot: address of the slot
 * @target: address that it branches to
 * @to: gets the bytes, @layout->far_size of them; unchanged on failure
 *
 * Return: the number of bytes; -EINVAL: @slot is not a multiple of 8, or no
 * instruction can begin at @target.
 */
int ca__jump_encode_far(const struct ca__jump_layout *layout, uint64_t slot,
			uint64_t target, uint8_t *to)
{
	const struct ca__jump_machine *code = layout->code;

	if (slot % 8 || target % code->insn_align)
		return -EINVAL;
	code->far(target, to);
	return layout->far_size;
}

/**
 * ca__jump_encode_lazy - write a lazy slot
 * @layout: layout
 * @slot: address of the slot
 * @index: the value that it loads
 * @target: address that it branches to
 * @to: gets the bytes, @layout->lazy_size of them; unchanged on failure
 *
 * Return: the number of bytes; -ERANGE as for near slots; -EINVAL: @slot or
 * @target is misaligned.
 */
int ca__jump_encode_lazy(const struct ca__jump_layout *layout, uint64_t slot,
			 uint32_t index, uint64_t target, uint8_t *to)
{
	const struct ca__jump_machine *code = layout->code;

	if (slot % code->lazy_align || target % code->insn_align)
		return -EINVAL;
	if (!code->lazy(slot, index, target, to))
		return -ERANGE;
	return layout->lazy_size;
}

/**
 * ca__jump_near_word - compute the word of a near slot that patches exchange
 * @layout: layout
 * @slot: address of the slot
 * @target: address that it branches to, where an instruction can begin
 * @word: gets the word
 *
 * Return: false if the target is out of reach.
 */
bool ca__jump_near_word(const struct ca__jump_layout *layout, uint64_t slot,
			uint64_t target, uint64_t *word)
{
	const struct ca__jump_machine *code = layout->code;
	uint8_t bytes[CA__JUMP_SLOT_MAX], *at;

	if (code->near_word)
		return code->near_word(ca__jump_entry(layout), slot, target,
				       word);
	if (!code->near(ca__jump_entry(layout), slot, target, bytes))
		return false;
	at = bytes + ca__jump_near_place(layout);
	*word = code->near_width == 8 ? ca__get64(at) : ca__get32(at);
	return true;
}

/**
 * ca__jump_near_target - read the word of a near slot
 * @layout: layout
 * @slot: address of the slot
 * @word: its word
 * @target: gets the address that it branches to; undefined on failure
 *
 * Accepts exactly the words that ca__jump_near_word() computes: it takes the
 * target from the bits that depend on it, and computes the word again.
 *
 * Return: false if this is no such word.
 */
bool ca__jump_near_target(const struct ca__jump_layout *layout, uint64_t slot,
			  uint64_t word, uint64_t *target)
{
	const struct ca__jump_machine *code = layout->code;
	uint8_t bytes[CA__JUMP_SLOT_MAX] = { 0 }, *at;
	uint64_t again;

	if (code->near_read)
		return code->near_read(ca__jump_entry(layout), slot, word,
				       target);
	at = bytes + ca__jump_near_place(layout);
	if (code->near_width == 8)
		ca__put64(at, word);
	else
		ca__put32(at, word);
	*target = code->near_target(ca__jump_entry(layout), slot, bytes);
	return *target % code->insn_align == 0 &&
	       ca__jump_near_word(layout, slot, *target, &again) &&
	       again == word;
}
