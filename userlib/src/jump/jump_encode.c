// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots of jump tables, written, read and patched. Pure.
 *
 * To read a slot is to guess what the encoder was given, from the bits that
 * depend on it, and to see whether the encoder writes these bytes then: so a
 * reader accepts exactly what was written.
 */
#include <errno.h>
#include <string.h>

#include "base/encode.h"
#include "arena/arena.h"
#include "jump/jump.h"

CODEARENA_API int
codearena_jump_encode_near(const struct codearena_jump_layout *layout,
			   uint64_t slot, uint64_t target, uint8_t *to)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);

	if (!machine || !to || slot % machine->near_width ||
	    target % machine->insn_align)
		return -EINVAL;
	if (!machine->near(ca__jump_entry(layout), slot, target, to))
		return -ERANGE;
	return layout->near_size;
}

CODEARENA_API int
codearena_jump_encode_far(const struct codearena_jump_layout *layout,
			  uint64_t slot, uint64_t target, uint8_t *to)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);

	if (!machine || !to || slot % 8 || target % machine->insn_align)
		return -EINVAL;
	machine->far(target, to);
	return layout->far_size;
}

CODEARENA_API int
codearena_jump_encode_lazy(const struct codearena_jump_layout *layout,
			   uint64_t slot, uint32_t index, uint64_t target,
			   uint8_t *to)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);

	if (!machine || !to || slot % machine->lazy_align ||
	    target % machine->insn_align)
		return -EINVAL;
	if (!machine->lazy(slot, index, target, to))
		return -ERANGE;
	return layout->lazy_size;
}

CODEARENA_API int
codearena_jump_encode_data(const struct codearena_jump_layout *layout,
			   uint64_t slot, uint64_t word, uint8_t *to)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);

	if (!machine || !to || slot % machine->insn_align || word % 8)
		return -EINVAL;
	if (!machine->data(ca__jump_entry(layout), slot, word, to))
		return -ERANGE;
	return layout->data_size;
}

/* Did the encoder, which answered with @length, write what the caller has? */
static int ca__written(int length, const uint8_t *written, const uint8_t *code)
{
	/* What was guessed from other bytes may be nothing to encode. */
	if (length < 0 || memcmp(written, code, length))
		return -ENOENT;
	return 0;
}

CODEARENA_API int
codearena_jump_decode_near(const struct codearena_jump_layout *layout,
			   uint64_t slot, const uint8_t *code, uint64_t *target)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);
	uint8_t written[CODEARENA_JUMP_SLOT_MAX];
	uint64_t guess;
	int ret;

	if (!machine || !code || !target || slot % machine->near_width)
		return -EINVAL;
	guess = machine->near_target(ca__jump_entry(layout), slot, code);
	ret = codearena_jump_encode_near(layout, slot, guess, written);
	ret = ca__written(ret, written, code);
	if (!ret)
		*target = guess;
	return ret;
}

CODEARENA_API int
codearena_jump_decode_far(const struct codearena_jump_layout *layout,
			  uint64_t slot, const uint8_t *code, uint64_t *target)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);
	uint8_t written[CODEARENA_JUMP_SLOT_MAX];
	uint64_t guess;
	int ret;

	if (!machine || !code || !target || slot % 8)
		return -EINVAL;
	guess = ca__get64(code + machine->far_word);
	ret = codearena_jump_encode_far(layout, slot, guess, written);
	ret = ca__written(ret, written, code);
	if (!ret)
		*target = guess;
	return ret;
}

CODEARENA_API int
codearena_jump_decode_lazy(const struct codearena_jump_layout *layout,
			   uint64_t slot, const uint8_t *code, uint32_t *index,
			   uint64_t *target)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);
	uint8_t written[CODEARENA_JUMP_SLOT_MAX];
	uint64_t guess;
	uint32_t number;
	int ret;

	if (!machine || !code || !index || !target ||
	    slot % machine->lazy_align)
		return -EINVAL;
	machine->lazy_read(slot, code, &number, &guess);
	ret = codearena_jump_encode_lazy(layout, slot, number, guess, written);
	ret = ca__written(ret, written, code);
	if (!ret) {
		*index = number;
		*target = guess;
	}
	return ret;
}

CODEARENA_API int
codearena_jump_decode_data(const struct codearena_jump_layout *layout,
			   uint64_t slot, const uint8_t *code, uint64_t *word)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);
	uint8_t written[CODEARENA_JUMP_SLOT_MAX];
	uint64_t guess;
	int ret;

	if (!machine || !code || !word || slot % machine->insn_align)
		return -EINVAL;
	guess = machine->data_word(ca__jump_entry(layout), slot, code);
	ret = codearena_jump_encode_data(layout, slot, guess, written);
	ret = ca__written(ret, written, code);
	if (!ret)
		*word = guess;
	return ret;
}

static uint64_t ca__word_of(const uint8_t *at, uint32_t width)
{
	return width == 8 ? ca__get64(at) : ca__get32(at);
}

CODEARENA_API int
codearena_jump_patch_near(const struct codearena_jump_layout *layout,
			  uint64_t slot, uint64_t old_target,
			  uint64_t new_target,
			  struct codearena_patch_entry *out)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);
	uint8_t from[CODEARENA_JUMP_SLOT_MAX], to[CODEARENA_JUMP_SLOT_MAX];
	uint32_t word;
	int ret;

	if (!machine || !out)
		return -EINVAL;
	ret = codearena_jump_encode_near(layout, slot, old_target, from);
	if (ret > 0)
		ret = codearena_jump_encode_near(layout, slot, new_target, to);
	if (ret < 0)
		return ret;
	word = ca__jump_near_word(machine, layout);
	*out = (struct codearena_patch_entry){
		.offset = word,
		.expected = ca__word_of(from + word, machine->near_width),
		.value = ca__word_of(to + word, machine->near_width),
		.width = machine->near_width,
	};
	return 0;
}

CODEARENA_API int
codearena_jump_patch_far(const struct codearena_jump_layout *layout,
			 uint64_t slot, uint64_t old_target,
			 uint64_t new_target, struct codearena_patch_entry *out)
{
	const struct ca__jump_machine *machine = ca__jump_machine(layout);

	if (!machine || !out || slot % 8 || old_target % machine->insn_align ||
	    new_target % machine->insn_align)
		return -EINVAL;
	*out = (struct codearena_patch_entry){
		.offset = machine->far_word,
		.expected = old_target,
		.value = new_target,
		.width = 8,
	};
	return 0;
}
