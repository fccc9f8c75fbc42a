// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * How slots of jump tables lie in their tables. Pure.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch/aarch64/jump.h"
#include "arch/riscv64/jump.h"
#include "arch/x86_64/jump.h"
#include "arena/arena.h"
#include "jump/jump.h"

static const struct codearena_jump_layout ca__layouts[] = {
	{
		.machine = EM_X86_64,
		.line_size = 8,
		.near_size = 8,
		.far_size = 16,
		.lazy_size = 10,
		.data_size = 8,
		.align = 8,
	}, {
		.machine = EM_X86_64,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.line_size = 16,
		.near_size = 16,
		.far_size = 16,
		.lazy_size = 10,
		.data_size = 16,
		.align = 8,
	}, {
		.machine = EM_AARCH64,
		.line_size = 4,
		.near_size = 4,
		.far_size = 16,
		.lazy_size = 16,
		.data_size = 16,
		.align = 8,
	}, {
		.machine = EM_AARCH64,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.line_size = 8,
		.near_size = 8,
		.far_size = 16,
		.lazy_size = 16,
		.data_size = 16,
		.align = 8,
	}, {
		.machine = EM_RISCV,
		.line_size = 24,
		.near_size = 24,
		.far_size = 24,
		.lazy_size = 40,
		.data_size = 16,
		.align = 8,
	}, {
		.machine = EM_RISCV,
		.flags = CODEARENA_JUMP_F_BRANCH_TARGET,
		.line_size = 24,
		.near_size = 24,
		.far_size = 24,
		.lazy_size = 40,
		.data_size = 16,
		.align = 8,
	},
};

#define CA__LAYOUTS	(sizeof(ca__layouts) / sizeof(*ca__layouts))

static const struct codearena_jump_layout *ca__layout_find(uint32_t machine,
							   uint32_t flags)
{
	size_t i;

	for (i = 0; i < CA__LAYOUTS; i++) {
		if (ca__layouts[i].machine == machine &&
		    ca__layouts[i].flags == flags)
			return &ca__layouts[i];
	}
	return NULL;
}

CODEARENA_API int codearena_jump_layout(uint32_t machine, uint32_t flags,
					struct codearena_jump_layout *out)
{
	const struct codearena_jump_layout *layout;

	if (!out)
		return -EINVAL;
	layout = ca__layout_find(machine, flags);
	if (!layout)
		return -EOPNOTSUPP;
	*out = *layout;
	return 0;
}

/**
 * ca__jump_machine - the encoders for a layout
 * @layout: from the caller, may be NULL
 *
 * Return: NULL if codearena_jump_layout() did not make the layout.
 */
const struct ca__jump_machine *
ca__jump_machine(const struct codearena_jump_layout *layout)
{
	const struct codearena_jump_layout *known;

	if (!layout)
		return NULL;
	known = ca__layout_find(layout->machine, layout->flags);
	if (!known || memcmp(known, layout, sizeof(*known)))
		return NULL;
	switch (layout->machine) {
	case EM_X86_64:
		return &ca__jump_x86_64;
	case EM_AARCH64:
		return &ca__jump_arm64;
	default:
		return &ca__jump_riscv64;
	}
}

/* Slots of a line; its last bytes may belong to none. */
static uint32_t ca__per_line(const struct codearena_jump_layout *layout)
{
	return layout->line_size / layout->near_size;
}

CODEARENA_API uint64_t
codearena_jump_near_bytes(const struct codearena_jump_layout *layout,
			  uint32_t count)
{
	uint64_t lines;

	if (!ca__jump_machine(layout))
		return 0;
	lines = ((uint64_t)count + ca__per_line(layout) - 1) /
		ca__per_line(layout);
	return lines * layout->line_size;
}

CODEARENA_API uint64_t
codearena_jump_far_bytes(const struct codearena_jump_layout *layout,
			 uint32_t count)
{
	return codearena_jump_far_offset(layout, count);
}

CODEARENA_API uint64_t
codearena_jump_lazy_bytes(const struct codearena_jump_layout *layout,
			  uint32_t count)
{
	return codearena_jump_lazy_offset(layout, count);
}

CODEARENA_API uint64_t
codearena_jump_data_bytes(const struct codearena_jump_layout *layout,
			  uint32_t count)
{
	return codearena_jump_data_offset(layout, count);
}

CODEARENA_API uint64_t
codearena_jump_near_offset(const struct codearena_jump_layout *layout,
			   uint32_t index)
{
	uint32_t per_line;

	if (!ca__jump_machine(layout))
		return 0;
	per_line = ca__per_line(layout);
	return (uint64_t)(index / per_line) * layout->line_size +
	       index % per_line * layout->near_size;
}

CODEARENA_API uint64_t
codearena_jump_far_offset(const struct codearena_jump_layout *layout,
			  uint32_t index)
{
	if (!ca__jump_machine(layout))
		return 0;
	return (uint64_t)index * layout->far_size;
}

CODEARENA_API uint64_t
codearena_jump_lazy_offset(const struct codearena_jump_layout *layout,
			   uint32_t index)
{
	if (!ca__jump_machine(layout))
		return 0;
	return (uint64_t)index * layout->lazy_size;
}

CODEARENA_API uint64_t
codearena_jump_data_offset(const struct codearena_jump_layout *layout,
			   uint32_t index)
{
	if (!ca__jump_machine(layout))
		return 0;
	return (uint64_t)index * layout->data_size;
}

CODEARENA_API int
codearena_jump_near_index(const struct codearena_jump_layout *layout,
			  uint64_t offset, uint32_t count, uint32_t *index)
{
	uint64_t line, slot, found;

	if (!ca__jump_machine(layout) || !index)
		return -EINVAL;
	line = offset / layout->line_size;
	slot = offset % layout->line_size / layout->near_size;
	/* Lines beyond the table would overflow below. */
	if (line >= count || slot >= ca__per_line(layout) ||
	    offset % layout->line_size % layout->near_size)
		return -ENOENT;
	found = line * ca__per_line(layout) + slot;
	if (found >= count)
		return -ENOENT;
	*index = found;
	return 0;
}

static int ca__dense_index(const struct codearena_jump_layout *layout,
			   uint32_t size, uint64_t offset, uint32_t count,
			   uint32_t *index)
{
	if (!ca__jump_machine(layout) || !index)
		return -EINVAL;
	if (offset % size || offset / size >= count)
		return -ENOENT;
	*index = offset / size;
	return 0;
}

CODEARENA_API int
codearena_jump_far_index(const struct codearena_jump_layout *layout,
			 uint64_t offset, uint32_t count, uint32_t *index)
{
	return ca__dense_index(layout, layout ? layout->far_size : 0, offset,
			       count, index);
}

CODEARENA_API int
codearena_jump_lazy_index(const struct codearena_jump_layout *layout,
			  uint64_t offset, uint32_t count, uint32_t *index)
{
	return ca__dense_index(layout, layout ? layout->lazy_size : 0, offset,
			       count, index);
}

CODEARENA_API int
codearena_jump_data_index(const struct codearena_jump_layout *layout,
			  uint64_t offset, uint32_t count, uint32_t *index)
{
	return ca__dense_index(layout, layout ? layout->data_size : 0, offset,
			       count, index);
}
