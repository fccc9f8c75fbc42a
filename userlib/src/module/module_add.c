// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Adding code to a module: space, relocation, code objects. Nothing of it needs
 * the module's lock but the list of batches, so many threads add at a time.
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
 * @context: what relocations refer to
 * @tables: jump tables near the batch
 * @failed: NULL, or where to say what was refused
 */
struct ca__adding {
	struct codearena_module *module;
	struct ca__reloc_context context;
	struct ca__module_tables *tables;
	struct codearena_reloc_error *failed;
};

static uint64_t ca__desc_size(const struct codearena_code_desc *desc)
{
	return (uint64_t)desc->instructions_size + desc->safepoint_size +
		desc->handler_size + desc->constant_pool_size +
		desc->comments_size;
}

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
		.size = ca__desc_size(desc),
	};
}

static void ca__add_failed(struct ca__adding *adding, size_t object, int error)
{
	struct codearena_reloc_error *failed = adding->failed;

	if (!failed)
		return;
	failed->object = object;
	if (!failed->error)
		failed->error = error;
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

/* What can be told without a place: then failures are cheap. */
static int ca__add_check(struct ca__adding *adding,
			 const struct codearena_code_desc *descs, size_t count,
			 size_t first)
{
	struct codearena_module *module = adding->module;
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		const struct codearena_code_desc *desc = &descs[i];
		struct ca__reloc_object object;

		ret = ca__code_check(desc);
		if (!ret && (desc->kind == CODEARENA_CODE_JUMP_TABLE ||
			     !desc->body))
			ret = -EINVAL;
		if (!ret && desc->function_index >= 0 &&
		    (uint32_t)desc->function_index >= module->opts.imports +
						      module->opts.functions)
			ret = -EINVAL;
		if (!ret && ca__align_up(ca__desc_size(desc), module->unit) >
			    module->batch_limit)
			ret = -ENOSPC;
		if (!ret && desc->reloc_count) {
			object = ca__desc_relocs(desc, 0);
			ret = ca__reloc_check(&adding->context, &object,
					      desc->body, adding->failed);
		}
		if (ret) {
			ca__add_failed(adding, first + i, ret);
			return ret;
		}
	}
	return 0;
}

static int ca__add_object(struct ca__adding *adding,
			  const struct codearena_code_desc *desc,
			  struct ca__staged *staged,
			  struct codearena_region region,
			  struct codearena_code **out)
{
	struct ca__reloc_object object;
	int ret = 0;

	if (desc->reloc_count) {
		object = ca__desc_relocs(desc, region.begin);
		ret = ca__reloc_apply(&adding->context, &object,
				      staged->bytes, adding->failed);
	}
	if (!ret)
		ret = ca__code_new(desc, region, &adding->module->owner, out);
	if (ret)
		return ret;
	(*out)->place.staged = staged;
	(*out)->phase = CA__CODE_ADDED;
	return 0;
}

/* Never fails: it was divided into as many pieces. */
static void ca__give_back(struct codearena_module *module,
			  struct codearena_region region)
{
	codearena_allocator_release(module->allocator, &region, 1, NULL);
}

static int ca__add_objects(struct ca__adding *adding,
			   const struct codearena_code_desc *descs,
			   size_t count, size_t first,
			   struct codearena_region all, struct ca__stage *stage,
			   struct codearena_code **out)
{
	struct codearena_region region = { .begin = all.begin };
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		region.size = ca__align_up(stage->entries[i].length,
					   adding->module->unit);
		ret = ca__add_object(adding, &descs[i], &stage->entries[i],
				     region, &out[i]);
		if (ret)
			goto err_objects;
		stage->codes[i] = out[i];
		region.begin += region.size;
	}
	return 0;
err_objects:
	ca__add_failed(adding, first + i, ret);
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
	module->stat.added += stage->count;
	pthread_mutex_unlock(&module->lock);
}

static int ca__add_batch(struct ca__adding *adding,
			 const struct codearena_code_desc *descs, size_t count,
			 size_t first, uint64_t size,
			 struct codearena_code **out)
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
	stage = ca__stage_new(module, descs, count, region);
	if (!stage)
		goto err_region;
	ret = ca__add_objects(adding, descs, count, first, region, stage, out);
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

static int ca__add_split(struct ca__adding *adding,
			 const struct codearena_code_desc *descs, size_t count,
			 size_t first, struct codearena_code **out)
{
	struct codearena_module *module = adding->module;
	uint64_t size = 0;
	size_t i, half;
	int ret;

	for (i = 0; i < count; i++)
		size += ca__align_up(ca__desc_size(&descs[i]), module->unit);
	if (size <= module->batch_limit)
		return ca__add_batch(adding, descs, count, first, size, out);
	half = count / 2;
	ret = ca__add_split(adding, descs, half, first, out);
	if (ret)
		return ret;
	ret = ca__add_split(adding, descs + half, count - half, first + half,
			    out + half);
	if (ret) {
		codearena_module_abandon(module, out, half);
		memset(out, 0, half * sizeof(*out));
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
 * codearena_module_add - see codearena/module.h
 * @module: module
 * @descs: array of descriptions
 * @count: entries of @descs
 * @out: array that gets the code
 * @failed: NULL, or gets what was refused
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int codearena_module_add(struct codearena_module *module,
				       const struct codearena_code_desc *descs,
				       size_t count,
				       struct codearena_code **out,
				       struct codearena_reloc_error *failed)
{
	struct ca__adding adding = { .module = module, .failed = failed };
	int ret;

	if (failed) {
		size_t sz = failed->sz;

		ret = ca__struct_check(failed, sz, sizeof(*failed), sz);
		if (ret)
			return ret;
		memset(failed, 0, sizeof(*failed));
		failed->sz = sz;
		failed->object = SIZE_MAX;
		failed->index = SIZE_MAX;
	}
	if (!module || !descs || !count || !out ||
	    count > SIZE_MAX / 4096)
		return -EINVAL;
	memset(out, 0, count * sizeof(*out));
	adding.context = ca__add_context(&adding);
	ret = ca__add_check(&adding, descs, count, 0);
	if (!ret)
		ret = ca__add_split(&adding, descs, count, 0, out);
	if (failed && ret)
		failed->error = ret;
	return ret;
}

static int ca__abandon_claim(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count)
{
	struct ca__staged *staged;
	size_t i;

	for (i = 0; i < count; i++) {
		staged = ca__staged_of(module, codes[i]);
		if (!staged || staged->claimed || staged->stuck)
			break;
		staged->claimed = true;
	}
	if (i == count)
		return 0;
	while (i--)
		ca__staged_of(module, codes[i])->claimed = false;
	return -EINVAL;
}

/**
 * codearena_module_abandon - see codearena/module.h
 * @module: module
 * @codes: array of code
 * @count: entries of @codes
 *
 * Return: 0 or -EINVAL.
 */
CODEARENA_API int
codearena_module_abandon(struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count)
{
	struct ca__stage *unused = NULL;
	size_t i;
	int ret;

	if (!module || !codes || !count)
		return -EINVAL;
	pthread_mutex_lock(&module->lock);
	ret = ca__abandon_claim(module, codes, count);
	for (i = 0; i < count && !ret; i++)
		ca__staged_leave(module, ca__staged_of(module, codes[i]),
				 &unused);
	pthread_mutex_unlock(&module->lock);
	if (ret)
		return ret;
	ca__stages_free(unused);
	for (i = 0; i < count; i++) {
		struct codearena_region region = {
			.begin = codes[i]->start,
			.size = codes[i]->size,
		};

		ca__give_back(module, region);
		ca__code_destroy(codes[i]);
	}
	return 0;
}

/**
 * ca__abandon_each - give up code of which some may not be given up
 * @module: module
 * @codes: array of code that was not published; entries may be NULL
 * @count: entries of @codes
 *
 * What is stuck stays until the module goes, and only that.
 */
void ca__abandon_each(struct codearena_module *module,
		      struct codearena_code *const *codes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (codes[i])
			codearena_module_abandon(module, &codes[i], 1);
	}
}
