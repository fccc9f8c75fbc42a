// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Adding code to a module: space, relocation, code objects. Only the list of
 * batches needs the module's lock, so threads add side by side.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/code_check.h"
#include "code/reloc.h"
#include "module/module.h"
#include "space/space.h"

/**
 * struct ca__adding - one call
 * @module: the module
 * @descs: descriptions, as large as this library has them
 * @out: gets the code
 * @context: what relocations refer to
 * @tables: jump tables near the batch
 * @failed: gets what was refused
 */
struct ca__adding {
	struct codearena_module *module;
	const struct codearena_code_desc *descs;
	struct codearena_code **out;
	struct ca__reloc_context context;
	struct ca__module_tables *tables;
	struct codearena_reloc_error *failed;
};

static struct ca__reloc_object
ca__desc_relocs(const struct codearena_code_desc *desc, uint64_t address)
{
	return (struct ca__reloc_object){
		.relocs = desc->relocs,
		.count = desc->reloc_count,
		.address = address,
		.instructions = desc->instructions_size,
		.pool = desc->instructions_size + desc->safepoint_size +
			desc->handler_size,
		.pool_size = desc->constant_pool_size,
		.size = ca__code_body_size(desc),
	};
}

static int ca__handle_resolve(struct codearena_module *module, uint32_t slot,
			      uint64_t *target)
{
	codearena_handle handle;
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__module_handle_locked(module, slot, 0, &handle);
	pthread_mutex_unlock(&module->lock);
	if (!ret)
		*target = handle;
	return ret;
}

static int ca__add_resolve(void *data, uint32_t kind, uint32_t index,
			   uint64_t *target)
{
	struct ca__adding *adding = data;
	uint32_t slot = index - adding->module->opts.imports;

	switch (kind) {
	case CODEARENA_RELOC_CALL:
		*target = codearena_jump_table_slot(adding->tables->jump, slot);
		break;
	case CODEARENA_RELOC_STUB_CALL:
		*target = codearena_jump_table_builtin_slot(
				adding->tables->jump, index);
		break;
	default:
		return ca__handle_resolve(adding->module, slot, target);
	}
	return *target ? 0 : -ENOENT;
}

static int ca__add_check_one(struct ca__adding *adding,
			     const struct codearena_code_desc *desc)
{
	const struct codearena_module *module = adding->module;
	struct ca__reloc_object object;
	int ret;

	ret = ca__code_check(desc);
	if (ret)
		return ret;
	if (desc->kind == CODEARENA_CODE_JUMP_TABLE || !desc->body)
		return -EINVAL;
	if (desc->function_index >= 0 &&
	    (uint32_t)desc->function_index >= module->opts.imports +
					      module->opts.functions)
		return -EINVAL;
	if (ca__align_up(ca__code_body_size(desc), module->unit) >
	    module->batch_limit)
		return -ENOSPC;
	if (!desc->reloc_count)
		return 0;
	object = ca__desc_relocs(desc, 0);
	return ca__reloc_check(&adding->context, &object, desc->body,
			       adding->failed);
}

/* All that can be checked without an address: such failures cost little. */
static int ca__add_check(struct ca__adding *adding, size_t count)
{
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = ca__add_check_one(adding, &adding->descs[i]);
		if (ret) {
			adding->failed->object = i;
			return ret;
		}
	}
	return 0;
}

static int ca__add_object(struct ca__adding *adding, size_t index,
			  struct ca__staged *staged,
			  struct codearena_region region)
{
	const struct codearena_code_desc *desc = &adding->descs[index];
	struct codearena_code *code;
	struct ca__reloc_object object;
	int ret = 0;

	if (desc->reloc_count) {
		object = ca__desc_relocs(desc, region.begin);
		ret = ca__reloc_apply(&adding->context, &object,
				      staged->bytes, adding->failed);
	}
	if (!ret)
		ret = ca__code_new_in(desc, region, &adding->module->owner,
				      &adding->module->slab, &code);
	if (ret) {
		adding->failed->object = index;
		return ret;
	}
	code->place.staged = staged;
	code->phase = CA__CODE_ADDED;
	adding->out[index] = code;
	return 0;
}

/* Cannot fail: the allocator has divided the space already. */
static void ca__give_back(struct codearena_module *module,
			  struct codearena_region region)
{
	codearena_allocator_release(module->allocator, &region, 1, NULL);
}

/**
 * ca__module_abandon - free code that was added and has left its batch
 * @module: module, whose lock is not held
 * @code: the code
 */
void ca__module_abandon(struct codearena_module *module,
			struct codearena_code *code)
{
	struct codearena_region region = {
		.begin = code->start,
		.size = code->size,
	};

	ca__give_back(module, region);
	ca__code_destroy(code);
}

static int ca__add_objects(struct ca__adding *adding, size_t first,
			   struct codearena_region all, struct ca__stage *stage)
{
	struct codearena_code **out = adding->out + first;
	struct codearena_region region = { .begin = all.begin };
	size_t i;
	int ret;

	for (i = 0; i < stage->count; i++) {
		region.size = ca__align_up(stage->entries[i].length,
					   adding->module->unit);
		ret = ca__add_object(adding, first + i, &stage->entries[i],
				     region);
		if (ret)
			goto err_objects;
		stage->codes[i] = out[i];
		region.begin += region.size;
	}
	return 0;
err_objects:
	while (i--) {
		ca__code_destroy(out[i]);
		out[i] = NULL;
	}
	return ret;
}

static void ca__stage_append(struct codearena_module *module,
			     struct ca__stage *stage)
{
	pthread_mutex_lock(&module->lock);
	stage->next = module->stages;
	if (stage->next)
		stage->next->previous = stage;
	module->stages = stage;
	module->counters.added += stage->count;
	pthread_mutex_unlock(&module->lock);
}

/* Adds @count objects, the first of which is number @first, side by side. */
static int ca__add_batch(struct ca__adding *adding, size_t first, size_t count,
			 uint64_t size)
{
	struct codearena_module *module = adding->module;
	struct codearena_region region;
	struct ca__stage *stage;
	int ret;

	ret = codearena_allocator_allocate(module->allocator, size, NULL,
					   &region);
	if (ret)
		return ret;
	ret = ca__allocator_divide(module->allocator, region, count);
	if (ret)
		goto err_region;
	pthread_mutex_lock(&module->lock);
	adding->tables = ca__module_tables_at(module, region.begin);
	pthread_mutex_unlock(&module->lock);
	ret = -ENOMEM;
	stage = ca__stage_new(module, adding->descs + first, count, region);
	if (!stage)
		goto err_region;
	ret = ca__add_objects(adding, first, region, stage);
	if (ret)
		goto err_stage;
	ca__stage_append(module, stage);
	return 0;
err_stage:
	ca__stages_free(stage);
err_region:
	ca__give_back(module, region);
	return ret;
}

/* Halves what is larger than a batch may be. */
static int ca__add_split(struct ca__adding *adding, size_t first, size_t count)
{
	struct codearena_module *module = adding->module;
	size_t i, half = count / 2;
	uint64_t size = 0;
	int ret;

	for (i = first; i < first + count; i++)
		size += ca__align_up(ca__code_body_size(&adding->descs[i]),
				     module->unit);
	if (size <= module->batch_limit)
		return ca__add_batch(adding, first, count, size);
	ret = ca__add_split(adding, first, half);
	if (ret)
		return ret;
	ret = ca__add_split(adding, first + half, count - half);
	if (ret) {
		codearena_module_drop(module, adding->out + first, half);
		memset(adding->out + first, 0, half * sizeof(*adding->out));
	}
	return ret;
}

static struct ca__reloc_context
ca__add_context(struct ca__adding *adding)
{
	const struct codearena_module_opts *opts = &adding->module->opts;

	return (struct ca__reloc_context){
		.machine = adding->module->machine,
		.imports = opts->imports,
		.functions = opts->functions,
		.builtins = opts->builtin_count,
		.signatures = opts->signature_count,
		.external_count = opts->external_count,
		.externals = adding->module->externals,
		.resolve = ca__add_resolve,
		.data = adding,
	};
}

/**
 * ca__module_add - add code
 * @module: module
 * @descs: array of descriptions, as large as this library has them
 * @count: entries of @descs, not 0
 * @out: array that gets the code
 * @failed: gets what was refused
 *
 * Return: as codearena_module_add().
 */
int ca__module_add(struct codearena_module *module,
		   const struct codearena_code_desc *descs, size_t count,
		   struct codearena_code **out,
		   struct codearena_reloc_error *failed)
{
	struct ca__adding adding = {
		.module = module,
		.descs = descs,
		.out = out,
		.failed = failed,
	};
	int ret;

	memset(out, 0, count * sizeof(*out));
	adding.context = ca__add_context(&adding);
	ret = ca__add_check(&adding, count);
	return ret ? ret : ca__add_split(&adding, 0, count);
}

/*
 * Entries are as far apart as the first one says that it is large. Returns the
 * array itself if it has this library's structures, else a copy that has.
 */
static int ca__descs_get(const struct codearena_code_desc *descs, size_t count,
			 struct codearena_code_desc **copy, size_t *failed)
{
	size_t stride = descs->sz, sz, i;
	int ret = 0;

	*copy = NULL;
	if (stride != sizeof(*descs)) {
		*copy = malloc(count * sizeof(**copy));
		if (!*copy)
			return -ENOMEM;
	}
	for (i = 0; i < count && !ret; i++) {
		const char *from = (const char *)descs + i * stride;

		memcpy(&sz, from, sizeof(sz));
		if (sz != stride)
			ret = -EINVAL;
		else if (*copy)
			ret = ca__struct_get(*copy + i, from,
					     CA__SIZE_CODE_DESC,
					     sizeof(**copy));
		if (ret)
			*failed = i;
		else if (*copy)
			(*copy)[i].sz = sizeof(**copy);
	}
	return ret;
}

/**
 * ca__module_add_any - add code that programs of any version describe
 * @module: module
 * @descs: array of descriptions
 * @count: entries of @descs
 * @out: array that gets the code
 * @failed: gets what was refused
 *
 * Return: as codearena_module_add().
 */
int ca__module_add_any(struct codearena_module *module,
		       const struct codearena_code_desc *descs, size_t count,
		       struct codearena_code **out,
		       struct codearena_reloc_error *failed)
{
	struct codearena_code_desc *copy;
	int ret;

	if (!module || !descs || !count || !out ||
	    count > SIZE_MAX / CA__MODULE_STEP)
		return -EINVAL;
	memset(out, 0, count * sizeof(*out));
	ret = ca__module_check(module);
	if (ret)
		return ret;
	ret = ca__descs_get(descs, count, &copy, &failed->object);
	if (!ret)
		ret = ca__module_add(module, copy ? copy : descs, count, out,
				     failed);
	free(copy);
	return ret;
}

/**
 * ca__failed_begin - begin a call that says what was refused
 * @failed: NULL, or the caller's structure
 * @own: gets one that blames nothing
 *
 * Return: 0; -EINVAL: @failed is too short.
 */
int ca__failed_begin(const struct codearena_reloc_error *failed,
		     struct codearena_reloc_error *own)
{
	if (failed && failed->sz < CA__SIZE_RELOC_ERROR)
		return -EINVAL;
	*own = (struct codearena_reloc_error){
		.sz = sizeof(*own),
		.object = SIZE_MAX,
		.index = SIZE_MAX,
	};
	return 0;
}

/**
 * ca__failed_end - end a call that says what was refused
 * @failed: NULL, or the caller's structure
 * @own: what was refused
 * @error: what the call returns
 *
 * Return: @error.
 */
int ca__failed_end(struct codearena_reloc_error *failed,
		   struct codearena_reloc_error *own, int error)
{
	own->error = error;
	if (failed)
		ca__struct_put(failed, own, CA__SIZE_RELOC_ERROR, sizeof(*own));
	return error;
}

CODEARENA_API int codearena_module_add(struct codearena_module *module,
				       const struct codearena_code_desc *descs,
				       size_t count,
				       struct codearena_code **out,
				       struct codearena_reloc_error *failed)
{
	struct codearena_reloc_error own;
	int ret;

	ret = ca__failed_begin(failed, &own);
	if (ret)
		return ret;
	ret = ca__module_add_any(module, descs, count, out, &own);
	return ca__failed_end(failed, &own, ret);
}
