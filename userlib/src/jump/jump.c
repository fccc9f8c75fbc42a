// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Sizes of the slots of jump tables. Pure.
 */
#include <elf.h>
#include <stddef.h>

#include "arch/aarch64/jump.h"
#include "arch/riscv64/jump.h"
#include "arch/x86_64/jump.h"
#include "jump/jump.h"

static const struct ca__jump_layout ca__jump_layouts[] = {
	{
		.code = &ca__jump_x86_64,
		.machine = EM_X86_64,
		.near_size = 8,
		.far_size = 16,
		.lazy_size = 10,
	}, {
		.code = &ca__jump_x86_64,
		.machine = EM_X86_64,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.near_size = 16,
		.far_size = 16,
		.lazy_size = 10,
	}, {
		.code = &ca__jump_arm64,
		.machine = EM_AARCH64,
		.near_size = 4,
		.far_size = 16,
		.lazy_size = 16,
	}, {
		.code = &ca__jump_arm64,
		.machine = EM_AARCH64,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.near_size = 8,
		.far_size = 16,
		.lazy_size = 16,
	}, {
		.code = &ca__jump_riscv64,
		.machine = EM_RISCV,
		.near_size = 24,
		.far_size = 24,
		.lazy_size = 40,
	}, {
		.code = &ca__jump_riscv64,
		.machine = EM_RISCV,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.near_size = 24,
		.far_size = 24,
		.lazy_size = 40,
	},
};

/**
 * ca__jump_layout_find - find the layout of a machine
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @flags: CODEARENA_JUMP_F_*
 *
 * Return: the layout; NULL: unknown machine or flag.
 */
const struct ca__jump_layout *ca__jump_layout_find(uint32_t machine,
						   uint32_t flags)
{
	const struct ca__jump_layout *layout = ca__jump_layouts;
	size_t count = sizeof(ca__jump_layouts) / sizeof(*layout);

	for (; count; count--, layout++) {
		if (layout->machine == machine && layout->flags == flags)
			return layout;
	}
	return NULL;
}

/**
 * ca__jump_index - find the slot that begins at an offset
 * @offset: bytes from the beginning of the table
 * @size: bytes of a slot
 * @count: slots of the table
 * @index: gets the index; unchanged on failure
 *
 * Return: false if no slot begins there.
 */
bool ca__jump_index(uint64_t offset, uint32_t size, uint32_t count,
		    uint32_t *index)
{
	if (offset % size || offset / size >= count)
		return false;
	*index = offset / size;
	return true;
}
