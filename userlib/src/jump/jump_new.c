// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: how they are made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "arena/arena.h"
#include "jump/jump.h"
#include "jump/jump_table.h"

#define CA__TABLE_FLAGS		(CODEARENA_JUMP_TABLE_F_LAZY | \
				 CODEARENA_JUMP_TABLE_F_BRANCH_TARGET)

/* Padding would be uninitialised in the caller's structure. */
_Static_assert(sizeof(struct codearena_jump_table_opts) ==
	       sizeof(size_t) + 3 * sizeof(void *) + 6 * sizeof(uint32_t),
	       "codearena_jump_table_opts has padding");

/**
 * struct ca__jump_build - a table in the making
 * @table: the table
 * @opts: what the caller wants
 * @offset: of near, far and lazy slots in the arena
 * @bytes: of each; 0: none
 * @code: all three, one behind the other
 */
struct ca__jump_build {
	struct codearena_jump_table *table;
	struct codearena_jump_table_opts opts;
	uint64_t offset[3];
	uint64_t bytes[3];
	uint8_t *code;
};

/**
 * ca__jump_layout_here - the layout for this program's machine
 * @flags: CODEARENA_JUMP_TABLE_F_*
 * @layout: gets it
 *
 * Return: 0 or a negative errno.
 */
int ca__jump_layout_here(uint32_t flags, struct codearena_jump_layout *layout)
{
	uint32_t bits = 0;

	if (flags & CODEARENA_JUMP_TABLE_F_BRANCH_TARGET)
		bits = CODEARENA_JUMP_F_BRANCH_TARGET;
	return codearena_jump_layout(CA__MACHINE, bits, layout);
}

static int ca__table_opts_get(struct codearena_jump_table_opts *to,
			      const struct codearena_jump_table_opts *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = ca__struct_check(from, from->sz, sizeof(*to), sizeof(*to));
	if (ret)
		return ret;
	*to = *from;
	if ((to->flags & ~CA__TABLE_FLAGS) || to->__reserved)
		return -EOPNOTSUPP;
	if (to->functions >= CA__JUMP_MAX || to->builtins >= CA__JUMP_MAX ||
	    !(to->functions | to->builtins))
		return -EINVAL;
	if ((to->flags & CODEARENA_JUMP_TABLE_F_LAZY) &&
	    to->lazy_builtin >= to->builtins)
		return -EINVAL;
	return 0;
}

/* Functions need far slots where near ones do not reach everything. */
static uint32_t ca__far_functions(const struct ca__jump_machine *machine,
				  uint32_t functions)
{
	return machine->no_limit ? 0 : functions;
}

static int ca__table_bytes(const struct codearena_jump_table_opts *opts,
			   uint64_t bytes[3])
{
	struct codearena_jump_layout layout;
	uint32_t slots;
	int ret = ca__jump_layout_here(opts->flags, &layout);

	if (ret)
		return ret;
	slots = ca__far_functions(ca__jump_machine(&layout), opts->functions);
	slots += opts->builtins;
	bytes[0] = codearena_jump_near_bytes(&layout, opts->functions);
	bytes[1] = codearena_jump_far_bytes(&layout, slots);
	bytes[2] = 0;
	if (opts->flags & CODEARENA_JUMP_TABLE_F_LAZY)
		bytes[2] = codearena_jump_lazy_bytes(&layout, opts->functions);
	return 0;
}

CODEARENA_API int
codearena_jump_table_size(const struct codearena_jump_table_opts *opts,
			  uint64_t *near_bytes, uint64_t *far_bytes,
			  uint64_t *lazy_bytes)
{
	struct codearena_jump_table_opts copy;
	uint64_t bytes[3];
	int ret;

	if (!near_bytes || !far_bytes || !lazy_bytes)
		return -EINVAL;
	ret = ca__table_opts_get(&copy, opts);
	if (!ret)
		ret = ca__table_bytes(&copy, bytes);
	if (ret)
		return ret;
	*near_bytes = bytes[0];
	*far_bytes = bytes[1];
	*lazy_bytes = bytes[2];
	return 0;
}

/**
 * ca__jump_part_check - can this be a part of a table?
 * @arena: where
 * @offset: in the arena
 * @bytes: its size
 *
 * What the arena would say later, but addresses are made of it before.
 *
 * Return: 0, -EOVERFLOW, -EINVAL, -ENOENT.
 */
int ca__jump_part_check(const struct codearena_arena *arena, uint64_t offset,
			uint64_t bytes)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, bytes, &end))
		return -EOVERFLOW;
	if (offset % arena->granule)
		return -EINVAL;
	return end > arena->length ? -ENOENT : 0;
}

static int ca__build_check(const struct ca__jump_build *build,
			   const struct codearena_arena *arena)
{
	const struct codearena_jump_table_opts *opts = &build->opts;
	const struct codearena_jump_table *main = opts->main;
	unsigned int i;
	int ret = 0;

	if (opts->builtins && !opts->builtin_targets)
		return -EINVAL;
	if (main && (opts->targets || main->functions != opts->functions ||
		     ((main->layout.flags ^ build->table->layout.flags) &
		      CODEARENA_JUMP_F_BRANCH_TARGET)))
		return -EINVAL;
	for (i = 0; i < 3 && !ret; i++) {
		if (build->bytes[i])
			ret = ca__jump_part_check(arena, build->offset[i],
						  build->bytes[i]);
	}
	return ret;
}

static void ca__build_place(struct ca__jump_build *build,
			    struct codearena_arena *arena)
{
	const struct codearena_jump_table_opts *opts = &build->opts;
	struct codearena_jump_table *table = build->table;
	uint64_t base = (uintptr_t)arena->base;

	table->arena = arena;
	table->functions = opts->functions;
	table->builtins = opts->builtins;
	table->far_functions = ca__far_functions(table->machine,
						 opts->functions);
	table->near = build->bytes[0] ? base + build->offset[0] : 0;
	table->far = build->bytes[1] ? base + build->offset[1] : 0;
	table->lazy = build->bytes[2] ? base + build->offset[2] : 0;
	table->main = opts->main ? opts->main->near : 0;
	table->chosen = opts->targets;
}

static uint64_t ca__build_target(const struct ca__jump_build *build,
				 uint32_t index)
{
	if (build->opts.targets)
		return build->opts.targets[index];
	return codearena_jump_table_initial(build->table, index);
}

/* Every near slot must be able to lead to its far slot, then or later. */
static int ca__build_function(const struct ca__jump_build *build,
			      uint32_t index, uint8_t *near, uint8_t *far)
{
	struct codearena_jump_table *table = build->table;
	const struct codearena_jump_layout *layout = &table->layout;
	uint64_t slot = codearena_jump_table_slot(table, index);
	uint64_t far_slot = codearena_jump_table_far_slot(table, index);
	uint64_t target = ca__build_target(build, index);
	int ret = 0;

	if (far_slot) {
		ret = codearena_jump_encode_near(layout, slot, far_slot, near);
		if (ret < 0)
			return ret;
		ret = codearena_jump_encode_far(layout, far_slot, target, far);
		if (ret < 0)
			return ret;
	}
	ret = codearena_jump_encode_near(layout, slot, target, near);
	/* The branch to the far slot is there already. */
	if (ret == -ERANGE && far_slot)
		ret = 0;
	return ret < 0 ? ret : 0;
}

static int ca__build_functions(struct ca__jump_build *build)
{
	const struct codearena_jump_layout *layout = &build->table->layout;
	uint8_t *near = build->code, *far = near + build->bytes[0];
	uint32_t i;
	int ret;

	for (i = 0; i < build->opts.functions; i++) {
		ret = ca__build_function(build, i, near +
			codearena_jump_near_offset(layout, i), far +
			codearena_jump_far_offset(layout,
						  build->opts.builtins + i));
		if (ret)
			return ret;
	}
	return 0;
}

static int ca__build_others(struct ca__jump_build *build)
{
	const struct codearena_jump_table_opts *opts = &build->opts;
	struct codearena_jump_table *table = build->table;
	uint8_t *far = build->code + build->bytes[0];
	uint8_t *lazy = far + build->bytes[1];
	uint64_t target;
	uint32_t i;
	int ret;

	for (i = 0; i < opts->builtins; i++) {
		ret = codearena_jump_encode_far(&table->layout,
			codearena_jump_table_builtin_slot(table, i),
			opts->builtin_targets[i], far +
			codearena_jump_far_offset(&table->layout, i));
		if (ret < 0)
			return ret;
	}
	if (!table->lazy)
		return 0;
	target = codearena_jump_table_builtin_slot(table, opts->lazy_builtin);
	for (i = 0; i < opts->functions; i++) {
		ret = codearena_jump_encode_lazy(&table->layout,
			codearena_jump_table_lazy_slot(table, i),
			opts->lazy_first + i, target, lazy +
			codearena_jump_lazy_offset(&table->layout, i));
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int ca__build_publish(struct ca__jump_build *build)
{
	struct codearena_object objects[3];
	const uint8_t *code = build->code;
	size_t count = 0;
	unsigned int i;

	memset(objects, 0, sizeof(objects));
	for (i = 0; i < 3; i++) {
		if (!build->bytes[i])
			continue;
		objects[count].offset = build->offset[i];
		objects[count].source = (uintptr_t)code;
		objects[count].length = build->bytes[i];
		if (i < 2)
			objects[count].flags = CODEARENA_OBJECT_F_PATCHABLE;
		code += build->bytes[i];
		count++;
	}
	return codearena_arena_publish(build->table->arena, objects, count,
				       NULL, 0, 0, NULL);
}

static int ca__build(struct ca__jump_build *build,
		     struct codearena_arena *arena)
{
	struct codearena_jump_table *table = build->table;
	int ret;

	ret = ca__jump_layout_here(build->opts.flags, &table->layout);
	if (!ret)
		ret = ca__table_bytes(&build->opts, build->bytes);
	if (ret)
		return ret;
	table->machine = ca__jump_machine(&table->layout);
	ret = ca__build_check(build, arena);
	if (ret)
		return ret;
	ca__build_place(build, arena);
	build->code = calloc(1, build->bytes[0] + build->bytes[1] +
			     build->bytes[2]);
	if (!build->code)
		return -ENOMEM;
	ret = ca__build_functions(build);
	if (!ret)
		ret = ca__build_others(build);
	if (!ret)
		ret = ca__build_publish(build);
	free(build->code);
	return ret;
}

CODEARENA_API int
codearena_jump_table_new(const struct codearena_jump_table_opts *opts,
			 struct codearena_arena *arena, uint64_t near_offset,
			 uint64_t far_offset, uint64_t lazy_offset,
			 struct codearena_jump_table **out)
{
	struct ca__jump_build build = {
		.offset = { near_offset, far_offset, lazy_offset },
	};
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!arena)
		return -EINVAL;
	ret = ca__table_opts_get(&build.opts, opts);
	if (ret)
		return ret;
	build.table = calloc(1, sizeof(*build.table));
	if (!build.table)
		return -ENOMEM;
	ret = ca__build(&build, arena);
	if (ret)
		free(build.table);
	else
		*out = build.table;
	return ret;
}
