// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The code spaces of a module and their jump tables.
 *
 * Initially the slots of all tables but the main ones target the main near slots.
 * So a new table is correct from the start, without a lock on the slots while it
 * is made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/lookup.h"
#include "codearena/trap.h"
#include "jump/jump_table.h"
#include "pool/pool.h"
#include "module/module.h"
#include "space/space.h"

/* Largest distance of two bytes, one of each region. */
static uint64_t ca__span(struct codearena_region a, struct codearena_region b)
{
	uint64_t begin = a.begin < b.begin ? a.begin : b.begin;
	uint64_t a_end = a.begin + a.size, b_end = b.begin + b.size;

	return (a_end > b_end ? a_end : b_end) - begin;
}

static bool ca__tables_reach(const struct codearena_module *module,
			     const struct ca__module_tables *tables,
			     struct codearena_region region)
{
	size_t i;

	/* Lazy slots are not called. */
	for (i = 0; i < 2; i++) {
		if (tables->parts[i].size &&
		    ca__span(region, tables->parts[i]) > module->reach)
			return false;
	}
	return true;
}

/* Called by the thread that adds spaces, the only one to change the list. */
static struct ca__module_tables *
ca__tables_near(struct codearena_module *module, struct codearena_region region)
{
	struct ca__module_tables *found = NULL;
	size_t i;

	pthread_mutex_lock(&module->lock);
	for (i = 0; i < module->table_count && !found; i++) {
		if (ca__tables_reach(module, module->tables[i], region))
			found = module->tables[i];
	}
	pthread_mutex_unlock(&module->lock);
	return found;
}

static int ca__tables_place(struct codearena_module *module,
			    const struct codearena_jump_table_opts *opts,
			    struct codearena_region space,
			    struct ca__module_tables *tables)
{
	struct codearena_jump_parts size;
	uint64_t bytes[3];
	size_t i;
	int ret;

	ret = codearena_jump_table_size(opts, &size);
	if (ret)
		return ret;
	bytes[0] = size.near;
	bytes[1] = size.far;
	bytes[2] = size.lazy;
	for (i = 0; i < 3 && !ret; i++) {
		if (bytes[i])
			ret = codearena_allocator_allocate(module->allocator,
							   bytes[i], &space,
							   &tables->parts[i]);
	}
	return ret;
}

static int ca__tables_publish(const struct codearena_jump_table_opts *opts,
			      struct ca__module_tables *tables)
{
	uint64_t base = (uintptr_t)codearena_arena_base(tables->arena);
	/* The offset of an empty part is ignored. */
	const struct codearena_jump_parts offsets = {
		.near = tables->parts[0].begin - base,
		.far = tables->parts[1].begin - base,
		.lazy = tables->parts[2].begin - base,
	};

	return codearena_jump_table_new(opts, tables->arena, &offsets,
					&tables->jump);
}

/* The code object of the near, far or lazy slots. */
static int ca__tables_object(struct codearena_module *module,
			     struct ca__module_tables *tables, size_t part)
{
	uint8_t cfi[CA__JUMP_CFI_MAX];
	struct codearena_code_desc desc = {
		.sz = sizeof(desc),
		.instructions_size = tables->parts[part].size,
		.kind = CODEARENA_CODE_JUMP_TABLE,
		.function_index = -1,
	};

	if (part)
		desc.cfi_size = ca__jump_table_cfi(tables->jump, part == 2 ? 0 :
			codearena_jump_table_builtin_slot(tables->jump,
						module->opts.lazy_builtin), cfi);
	if (desc.cfi_size) {
		desc.cfi = cfi;
		desc.unwind = CODEARENA_UNWIND_CFI;
	}
	return ca__code_new(&desc, tables->parts[part], &module->owner,
			    &tables->codes[part]);
}

/* Code objects, so that lookups find addresses in the tables. */
static int ca__tables_objects(struct codearena_module *module,
			      struct ca__module_tables *tables)
{
	struct codearena_code *codes[3];
	size_t count = 0, i;
	int ret = 0;

	for (i = 0; i < 3 && !ret; i++) {
		if (!tables->parts[i].size)
			continue;
		ret = ca__tables_object(module, tables, i);
		if (!ret)
			codes[count++] = tables->codes[i];
	}
	if (!ret && count)
		ret = ca__lookup_add(codes, count);
	if (!ret)
		return 0;
	for (i = 0; i < 3; i++)
		ca__code_destroy(tables->codes[i]);
	return ret;
}

static int ca__tables_new(struct codearena_module *module,
			  const struct codearena_space_info *info,
			  struct ca__module_tables **out)
{
	const struct codearena_module_opts *from = &module->opts;
	struct codearena_jump_table_opts opts = {
		.sz = sizeof(opts),
		.builtin_targets = module->builtins,
		.functions = from->functions,
		.builtins = from->builtin_count,
	};
	struct ca__module_tables *tables = calloc(1, sizeof(*tables));
	int ret;

	if (!tables)
		return -ENOMEM;
	tables->arena = info->arena;
	if (from->jump_flags & CODEARENA_JUMP_F_BRANCH_TARGET)
		opts.flags |= CODEARENA_JUMP_TABLE_F_BRANCH_TARGET;
	if (module->table_count) {
		opts.main = module->tables[0]->jump;
	} else if (from->functions &&
		   (from->flags & CODEARENA_MODULE_F_LAZY)) {
		opts.flags |= CODEARENA_JUMP_TABLE_F_LAZY;
		opts.lazy_builtin = from->lazy_builtin;
		opts.lazy_first = from->imports;
	}
	if (opts.main && !from->functions)
		opts.main = NULL;
	ret = ca__tables_place(module, &opts, info->region, tables);
	if (!ret)
		ret = ca__tables_publish(&opts, tables);
	if (!ret)
		ret = ca__tables_objects(module, tables);
	if (ret) {
		codearena_jump_table_free(tables->jump);
		free(tables);
		return ret;
	}
	*out = tables;
	return 0;
}

/* If a later step fails, the larger arrays do no harm. */
static int ca__spaces_reserve(struct codearena_module *module)
{
	size_t room = module->space_room ? 2 * module->space_room : 4;
	struct ca__module_space *spaces;
	struct ca__module_tables **tables;

	if (module->space_count < module->space_room)
		return 0;
	spaces = realloc(module->spaces, room * sizeof(*spaces));
	if (!spaces)
		return -ENOMEM;
	module->spaces = spaces;
	tables = realloc(module->tables, room * sizeof(*tables));
	if (!tables)
		return -ENOMEM;
	module->tables = tables;
	module->space_room = room;
	return 0;
}

static void ca__space_append(struct codearena_module *module,
			     const struct codearena_space_info *info,
			     struct ca__module_tables *tables, bool own)
{
	struct ca__module_space *space = &module->spaces[module->space_count++];
	size_t i;

	space->arena = info->arena;
	space->region = info->region;
	space->tables = tables;
	module->counters.spaces++;
	if (!own)
		return;
	module->tables[module->table_count++] = tables;
	module->counters.tables++;
	for (i = 0; i < 3; i++)
		module->counters.table_bytes += tables->parts[i].size;
}

/*
 * The landing pad is a property of an arena, so each space needs it before code
 * with traps can arrive. Without traps in the kernel only an explicit pad is an
 * error.
 */
static int ca__space_landing(const struct codearena_module *module,
			     struct codearena_arena *arena)
{
	const void *landing = module->opts.landing;
	int ret;

	ret = codearena_trap_set_landing(arena, landing ? landing :
						codearena_pad_external());
	return ret == -EOPNOTSUPP && !landing ? 0 : ret;
}

/**
 * ca__module_space_added - set up a new code space for a new code space if needed
 * @data: the module
 * @allocator: its allocator, whose lock is held
 * @index: of the space
 *
 * Sets the landing pad, and makes jump tables if none are near.
 *
 * Return: 0 or a negative errno.
 */
int ca__module_space_added(void *data, struct codearena_allocator *allocator,
			   size_t index)
{
	struct codearena_module *module = data;
	CODEARENA_OPTS(codearena_space_info, info);
	struct ca__module_tables *tables = NULL;
	bool own;
	int ret;

	ret = codearena_allocator_space(allocator, index, &info);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	ret = ca__spaces_reserve(module);
	pthread_mutex_unlock(&module->lock);
	if (!ret)
		ret = ca__space_landing(module, info.arena);
	if (ret)
		return ret;
	if (ca__module_has_tables(module))
		tables = ca__tables_near(module, info.region);
	own = !tables && ca__module_has_tables(module);
	if (own)
		ret = ca__tables_new(module, &info, &tables);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	ca__space_append(module, &info, tables, own);
	pthread_mutex_unlock(&module->lock);
	return 0;
}

/**
 * ca__module_tables_at - the jump tables for code at an address
 * @module: the module; its lock is held
 * @address: in a code space, or 0: the first one
 *
 * Return: the tables; NULL if the address is in no code space, or without tables.
 */
struct ca__module_tables *
ca__module_tables_at(struct codearena_module *module, uint64_t address)
{
	size_t index = 0;

	if (address && codearena_allocator_locate(module->allocator, address,
						  NULL, NULL, &index))
		return NULL;
	if (index >= module->space_count)
		return NULL;
	return module->spaces[index].tables;
}

/**
 * ca__module_spaces_free - free the lists of spaces and tables
 * @module: module that is being freed
 */
void ca__module_spaces_free(struct codearena_module *module)
{
	struct codearena_code *codes[3];
	size_t i, j, count;

	for (i = 0; i < module->table_count; i++) {
		struct ca__module_tables *tables = module->tables[i];

		count = 0;
		for (j = 0; j < 3; j++) {
			if (tables->codes[j])
				codes[count++] = tables->codes[j];
		}
		if (count)
			ca__lookup_remove(codes, count);
		for (j = 0; j < count; j++)
			ca__code_destroy(codes[j]);
		codearena_jump_table_free(tables->jump);
		free(tables);
	}
	free(module->tables);
	free(module->spaces);
	module->tables = NULL;
	module->spaces = NULL;
	module->table_count = 0;
	module->space_count = 0;
}

/**
 * ca__module_spaces_leave - give up the code of an inherited module
 * @module: module of an ancestor of this process
 *
 * Lookups no longer find the code, whose views the allocator unmaps then.
 */
void ca__module_spaces_leave(struct codearena_module *module)
{
	const struct ca__spaces *spaces = ca__spaces_get(module->allocator);
	size_t i;

	for (i = 0; i < spaces->count; i++)
		ca__lookup_forget(spaces->space[i]->region.begin,
				  spaces->space[i]->region.size);
	codearena_allocator_free(module->allocator);
}

static int ca__target_at(struct codearena_module *module, uint64_t from,
			 bool builtin, uint32_t index, uint64_t *out)
{
	struct ca__module_tables *tables;

	pthread_mutex_lock(&module->lock);
	tables = ca__module_tables_at(module, from);
	pthread_mutex_unlock(&module->lock);
	if (!tables)
		return -ENOENT;
	*out = builtin ? codearena_jump_table_builtin_slot(tables->jump, index)
		       : codearena_jump_table_slot(tables->jump, index);
	return *out ? 0 : -ENOENT;
}

CODEARENA_API int codearena_module_call_target(struct codearena_module *module,
					       uint32_t function, uint64_t from,
					       uint64_t *out)
{
	uint32_t slot;
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	if (!ca__module_slot(module, function, &slot))
		return -ENOENT;
	return ca__target_at(module, from, false, slot, out);
}

CODEARENA_API int
codearena_module_builtin_target(struct codearena_module *module,
				uint32_t builtin, uint64_t from, uint64_t *out)
{
	int ret;

	if (!out)
		return -EINVAL;
	*out = 0;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	if (builtin >= module->opts.builtin_count)
		return -ENOENT;
	return ca__target_at(module, from, true, builtin, out);
}

/* The tables whose near or far slots an address lies in, or NULL. */
static struct ca__module_tables *
ca__tables_containing(struct codearena_module *module, uint64_t address)
{
	struct ca__module_tables *tables = NULL;
	size_t i, j;

	pthread_mutex_lock(&module->lock);
	for (i = 0; i < module->table_count && !tables; i++) {
		for (j = 0; j < 2; j++) {
			if (ca__region_contains(module->tables[i]->parts[j],
						address))
				tables = module->tables[i];
		}
	}
	pthread_mutex_unlock(&module->lock);
	return tables;
}

CODEARENA_API int codearena_module_slot(struct codearena_module *module,
					uint64_t address, bool *builtin,
					uint32_t *index)
{
	enum codearena_jump_kind kind;
	struct ca__module_tables *tables;
	uint32_t found;

	if (!module || !builtin || !index)
		return -EINVAL;
	if (ca__module_check(module))
		return -EPERM;
	tables = ca__tables_containing(module, address);
	if (!tables ||
	    codearena_jump_table_find(tables->jump, address, &kind, &found) ||
	    (kind != CODEARENA_JUMP_NEAR && kind != CODEARENA_JUMP_BUILTIN))
		return -ENOENT;
	*builtin = kind == CODEARENA_JUMP_BUILTIN;
	*index = *builtin ? found : found + module->opts.imports;
	return 0;
}
