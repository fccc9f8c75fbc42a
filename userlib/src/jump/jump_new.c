// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: making and publishing a table.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arena/arena.h"
#include "jump/jump_table.h"

#define CA__TABLE_FLAGS		(CODEARENA_JUMP_TABLE_F_LAZY | \
				 CODEARENA_JUMP_TABLE_F_BRANCH_TARGET)

_Static_assert(sizeof(struct codearena_jump_table_opts) >=
	       CA__SIZE_JUMP_TABLE_OPTS, "structures only grow");

/**
 * struct ca__jump_build - a table in the making
 * @table: the table
 * @opts: the caller's options
 * @offset: of the parts in the arena
 * @bytes: of the parts; 0: none
 * @near: bytes of the near slots; the other parts follow
 * @far: bytes of the far slots
 * @lazy: bytes of the lazy slots
 */
struct ca__jump_build {
	struct codearena_jump_table *table;
	struct codearena_jump_table_opts opts;
	struct codearena_jump_parts offset;
	struct codearena_jump_parts bytes;
	uint8_t *near;
	uint8_t *far;
	uint8_t *lazy;
};

static int ca__table_opts_get(struct codearena_jump_table_opts *to,
			      const struct codearena_jump_table_opts *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = ca__struct_get(to, from, CA__SIZE_JUMP_TABLE_OPTS, sizeof(*to));
	if (ret)
		return ret;
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

static const struct ca__jump_layout *
ca__table_layout(const struct codearena_jump_table_opts *opts)
{
	uint32_t flags = 0;

	if (opts->flags & CODEARENA_JUMP_TABLE_F_BRANCH_TARGET)
		flags = CODEARENA_JUMP_F_BRANCH_TARGET;
	return ca__jump_layout_find(CA__MACHINE, flags);
}

/* Functions need far slots where near ones do not reach everything. */
static uint32_t ca__far_functions(const struct ca__jump_layout *layout,
				  const struct codearena_jump_table_opts *opts)
{
	return layout->code->no_limit ? 0 : opts->functions;
}

static struct codearena_jump_parts
ca__table_bytes(const struct codearena_jump_table_opts *opts)
{
	const struct ca__jump_layout *layout = ca__table_layout(opts);
	uint64_t far = (uint64_t)opts->builtins +
		       ca__far_functions(layout, opts);
	bool lazy = opts->flags & CODEARENA_JUMP_TABLE_F_LAZY;

	return (struct codearena_jump_parts){
		.near = (uint64_t)opts->functions * layout->near_size,
		.far = far * layout->far_size,
		.lazy = lazy ? (uint64_t)opts->functions * layout->lazy_size :
			       0,
	};
}

CODEARENA_API int
codearena_jump_table_size(const struct codearena_jump_table_opts *opts,
			  struct codearena_jump_parts *bytes)
{
	struct codearena_jump_table_opts copy;
	int ret;

	if (!bytes)
		return -EINVAL;
	ret = ca__table_opts_get(&copy, opts);
	if (!ret)
		*bytes = ca__table_bytes(&copy);
	return ret;
}

/* The arena checks this too, but addresses are computed before. */
static int ca__part_check(const struct codearena_arena *arena, uint64_t offset,
			  uint64_t bytes)
{
	uint64_t end;

	if (!bytes)
		return 0;
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
	int ret;

	if (opts->builtins && !opts->builtin_targets)
		return -EINVAL;
	if (main && (opts->targets || main->functions != opts->functions ||
		     main->layout != ca__table_layout(opts)))
		return -EINVAL;
	ret = ca__part_check(arena, build->offset.near, build->bytes.near);
	if (!ret)
		ret = ca__part_check(arena, build->offset.far,
				     build->bytes.far);
	if (!ret)
		ret = ca__part_check(arena, build->offset.lazy,
				     build->bytes.lazy);
	return ret;
}

static void ca__build_place(const struct ca__jump_build *build,
			    struct codearena_arena *arena)
{
	const struct codearena_jump_table_opts *opts = &build->opts;
	const struct ca__jump_layout *layout = ca__table_layout(opts);
	uint64_t base = (uintptr_t)arena->base;

	*build->table = (struct codearena_jump_table){
		.arena = arena,
		.layout = layout,
		.near = build->bytes.near ? base + build->offset.near : 0,
		.far = build->bytes.far ? base + build->offset.far : 0,
		.lazy = build->bytes.lazy ? base + build->offset.lazy : 0,
		.main = opts->main ? opts->main->near : 0,
		.functions = opts->functions,
		.far_functions = ca__far_functions(layout, opts),
		.builtins = opts->builtins,
		.chosen = opts->targets,
	};
}

/*
 * Every near slot must reach its far slot, now or later: so the branch to the
 * far slot is encoded first, and stays if the target is out of reach.
 */
static int ca__build_function(const struct ca__jump_build *build,
			      uint32_t index)
{
	const struct codearena_jump_table *table = build->table;
	const struct ca__jump_layout *layout = table->layout;
	const uint64_t *targets = build->opts.targets;
	uint64_t slot = ca__near_slot(table, index);
	uint64_t far = ca__jump_table_far_slot(table, index);
	uint64_t target = targets ? targets[index] :
				    ca__jump_table_initial(table, index);
	uint8_t *near = build->near + (slot - table->near);
	int ret;

	if (far) {
		ret = ca__jump_encode_near(layout, slot, far, near);
		if (ret < 0)
			return ret;
		ret = ca__jump_encode_far(layout, far, target,
					  build->far + (far - table->far));
		if (ret < 0)
			return ret;
	}
	ret = ca__jump_encode_near(layout, slot, target, near);
	if (ret == -ERANGE && far && !table->arena->unreadable)
		return 0;
	return ret < 0 ? ret : 0;
}

static int ca__build_builtin(const struct ca__jump_build *build, uint32_t index)
{
	const struct codearena_jump_table *table = build->table;
	uint64_t slot = codearena_jump_table_builtin_slot(table, index);
	int ret = ca__jump_encode_far(table->layout, slot,
				      build->opts.builtin_targets[index],
				      build->far + (slot - table->far));

	return ret < 0 ? ret : 0;
}

static int ca__build_lazy(const struct ca__jump_build *build, uint32_t index)
{
	const struct codearena_jump_table_opts *opts = &build->opts;
	const struct codearena_jump_table *table = build->table;
	uint64_t slot = codearena_jump_table_lazy_slot(table, index);
	uint64_t target = codearena_jump_table_builtin_slot(table,
							    opts->lazy_builtin);
	int ret = ca__jump_encode_lazy(table->layout, slot,
				       opts->lazy_first + index, target,
				       build->lazy + (slot - table->lazy));

	return ret < 0 ? ret : 0;
}

static int ca__build_slots(const struct ca__jump_build *build)
{
	const struct codearena_jump_table *table = build->table;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < table->functions && !ret; i++)
		ret = ca__build_function(build, i);
	for (i = 0; i < table->builtins && !ret; i++)
		ret = ca__build_builtin(build, i);
	for (i = 0; i < table->functions && table->lazy && !ret; i++)
		ret = ca__build_lazy(build, i);
	return ret;
}

static int ca__build_publish(const struct ca__jump_build *build)
{
	const struct codearena_object parts[] = {
		{
			.offset = build->offset.near,
			.source = (uintptr_t)build->near,
			.length = build->bytes.near,
			.flags = CODEARENA_OBJECT_F_PATCHABLE,
		}, {
			.offset = build->offset.far,
			.source = (uintptr_t)build->far,
			.length = build->bytes.far,
			.flags = CODEARENA_OBJECT_F_PATCHABLE,
		}, {
			.offset = build->offset.lazy,
			.source = (uintptr_t)build->lazy,
			.length = build->bytes.lazy,
		},
	};
	struct codearena_object objects[3];
	size_t i, count = 0;

	for (i = 0; i < 3; i++) {
		if (parts[i].length)
			objects[count++] = parts[i];
	}
	return codearena_arena_publish(build->table->arena, objects, count,
				       NULL, 0, 0, NULL);
}

static int ca__build(struct ca__jump_build *build,
		     struct codearena_arena *arena)
{
	int ret;

	build->bytes = ca__table_bytes(&build->opts);
	ret = ca__build_check(build, arena);
	if (ret)
		return ret;
	ca__build_place(build, arena);
	build->near = calloc(1, build->bytes.near + build->bytes.far +
				build->bytes.lazy);
	if (!build->near)
		return -ENOMEM;
	build->far = build->near + build->bytes.near;
	build->lazy = build->far + build->bytes.far;
	ret = ca__build_slots(build);
	if (!ret)
		ret = ca__build_publish(build);
	free(build->near);
	return ret;
}

CODEARENA_API int
codearena_jump_table_new(const struct codearena_jump_table_opts *opts,
			 struct codearena_arena *arena,
			 const struct codearena_jump_parts *offsets,
			 struct codearena_jump_table **out)
{
	struct ca__jump_build build;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!arena || !offsets)
		return -EINVAL;
	ret = ca__table_opts_get(&build.opts, opts);
	if (ret)
		return ret;
	/* Near slots are read before they are exchanged; far ones load. */
	if (arena->unreadable &&
	    (CA__CODE_LOADS || !arena->shadow || build.opts.builtins))
		return -EOPNOTSUPP;
	build.offset = *offsets;
	build.table = malloc(sizeof(*build.table));
	if (!build.table)
		return -ENOMEM;
	ret = ca__build(&build, arena);
	if (ret)
		free(build.table);
	else
		*out = build.table;
	return ret;
}
