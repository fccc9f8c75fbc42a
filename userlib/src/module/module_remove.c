// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Changing what is current without new code: removing, going back to the lazy
 * builtin, and to breakpoint code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module/module.h"

/* Turns the slots in scratch.turns; the module's lock is held. */
static int ca__turn(struct codearena_module *module, size_t count)
{
	int ret = ca__turns_prepare(module, count);

	if (ret)
		return ret;
	ret = ca__turns_apply(module);
	if (ret)
		ca__turns_undo(module);
	return ret;
}

/**
 * codearena_module_use_lazy - see codearena/module.h
 * @module: module
 * @function: index of a declared function
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int codearena_module_use_lazy(struct codearena_module *module,
					    uint32_t function)
{
	uint32_t slot;
	int ret;

	if (!module)
		return -EINVAL;
	if (!ca__module_slot(module, function, &slot))
		return -ENOENT;
	pthread_mutex_lock(&module->lock);
	ret = module->table[slot] ? -EBUSY : ca__scratch_reserve(module, 0, 1);
	if (!ret) {
		module->scratch.turns[0].slot = slot;
		module->scratch.turns[0].target = 0;
		ret = ca__turn(module, 1);
	}
	pthread_mutex_unlock(&module->lock);
	return ret;
}

static bool ca__filtered(const struct codearena_code *code,
			 enum codearena_filter filter)
{
	switch (filter) {
	case CODEARENA_FILTER_DEBUG:
		return code->debug != CODEARENA_DEBUG_NONE;
	case CODEARENA_FILTER_NOT_DEBUG:
		return code->debug == CODEARENA_DEBUG_NONE;
	case CODEARENA_FILTER_BASELINE:
		return code->tier == CODEARENA_TIER_BASELINE;
	case CODEARENA_FILTER_OPTIMIZED:
		return code->tier == CODEARENA_TIER_OPTIMIZED;
	default:
		return true;
	}
}

/**
 * struct ca__removing - code that is to lose its place
 * @codes: the code
 * @slots: its slots, in ascending order
 * @count: entries of both
 */
struct ca__removing {
	struct codearena_code **codes;
	uint32_t *slots;
	size_t count;
};

/* Turn some of the slots to their beginning, or back to the code. */
static int ca__removing_turn(struct codearena_module *module,
			     const struct ca__removing *removing, size_t first,
			     size_t count, bool back)
{
	struct ca__turn *turns = module->scratch.turns;
	size_t i;

	for (i = 0; i < count; i++) {
		turns[i].slot = removing->slots[first + i];
		turns[i].target = back ? removing->codes[first + i]->start : 0;
	}
	return ca__turn(module, count);
}

/*
 * In steps, since the patches for all of a large module are many megabytes. If
 * one fails, those before it are taken back.
 */
static int ca__removing_turn_all(struct codearena_module *module,
				 const struct ca__removing *removing)
{
	size_t first, count;
	int ret = 0;

	for (first = 0; first < removing->count && !ret; first += count) {
		count = removing->count - first;
		if (count > CA__MODULE_STEP)
			count = CA__MODULE_STEP;
		ret = ca__removing_turn(module, removing, first, count, false);
	}
	if (!ret)
		return 0;
	for (first -= count; first; first -= CA__MODULE_STEP)
		ca__removing_turn(module, removing, first - CA__MODULE_STEP,
				  CA__MODULE_STEP, true);
	return ret;
}

/* The module's lock is held. */
static int ca__remove_locked(struct codearena_module *module,
			     enum codearena_filter filter,
			     struct ca__removing *removing)
{
	size_t current = module->stat.current, n = 0, i;
	int ret;

	ret = ca__scratch_reserve(module, 0, current < CA__MODULE_STEP ?
					     current : CA__MODULE_STEP);
	if (!ret)
		ret = ca__scope_reserve(current);
	if (ret)
		return ret;
	for (i = 0; i < module->opts.functions; i++) {
		if (!module->table[i] ||
		    !ca__filtered(module->table[i], filter))
			continue;
		removing->slots[n] = i;
		removing->codes[n++] = module->table[i];
	}
	removing->count = n;
	ret = ca__removing_turn_all(module, removing);
	if (ret) {
		removing->count = 0;
		return ret;
	}
	for (i = 0; i < n; i++) {
		module->table[removing->slots[i]] = NULL;
		ca__scope_add(removing->codes[i]);
		ca__module_handle_turn(module, removing->slots[i]);
	}
	module->stat.current -= n;
	return 0;
}

static void ca__removed_count(struct codearena_removed *removed,
			      struct codearena_code *const *codes, size_t count)
{
	size_t i;

	removed->functions = count;
	for (i = 0; i < count; i++) {
		removed->code_bytes += codes[i]->size;
		removed->metadata_bytes += ca__code_memory(codes[i]);
	}
}

/**
 * codearena_module_remove - see codearena/module.h
 * @module: module
 * @filter: which code
 * @removed: NULL, or gets what was removed
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int codearena_module_remove(struct codearena_module *module,
					  enum codearena_filter filter,
					  struct codearena_removed *removed)
{
	struct ca__removing removing = { 0 };
	struct codearena_code **codes;
	size_t count, i;
	int ret;

	if (!module || (int)filter < CODEARENA_FILTER_DEBUG ||
	    filter > CODEARENA_FILTER_ALL)
		return -EINVAL;
	if (removed) {
		size_t sz = removed->sz;

		if (sz < sizeof(*removed))
			return -EINVAL;
		memset(removed, 0, sz);
		removed->sz = sz;
	}
	if (!module->opts.functions)
		return 0;
	codes = malloc(module->opts.functions * (sizeof(*codes) +
						 sizeof(*removing.slots)));
	if (!codes)
		return -ENOMEM;
	removing.codes = codes;
	removing.slots = (uint32_t *)(codes + module->opts.functions);
	pthread_mutex_lock(&module->lock);
	ret = ca__remove_locked(module, filter, &removing);
	pthread_mutex_unlock(&module->lock);
	count = removing.count;
	if (removed)
		ca__removed_count(removed, codes, count);
	for (i = 0; i < count && module->opts.event; i++)
		ca__module_event(module, CODEARENA_EVENT_RETIRED, codes[i]);
	ca__codes_put(&module->owner, codes, count);
	ca__owner_kick(&module->owner);
	free(codes);
	return ret;
}

/**
 * codearena_module_set_debug - see codearena/module.h
 * @module: module
 * @debug: whether to be in the debug state
 *
 * Return: 0 or -EINVAL.
 */
CODEARENA_API int codearena_module_set_debug(struct codearena_module *module,
					     bool debug)
{
	if (!module)
		return -EINVAL;
	pthread_mutex_lock(&module->lock);
	module->debug = debug;
	pthread_mutex_unlock(&module->lock);
	return 0;
}

static int ca__reinstall_locked(struct codearena_module *module,
				struct codearena_code *code, uint32_t slot,
				struct codearena_code **prior, bool *installed)
{
	int ret;

	if (!module->debug)
		return 0;
	*prior = module->table[slot];
	if (*prior == code) {
		*prior = NULL;
		return 1;
	}
	ret = ca__scratch_reserve(module, 0, 1);
	if (!ret)
		ret = ca__scope_reserve(1);
	if (ret)
		return ret;
	if (!ca__code_try_ref(code))
		return -ENOENT;
	module->scratch.turns[0].slot = slot;
	module->scratch.turns[0].target = code->start;
	ret = ca__turn(module, 1);
	if (ret) {
		ca__code_put(code);
		return ret;
	}
	if (*prior)
		ca__scope_add(*prior);
	module->table[slot] = code;
	module->stat.current += !*prior;
	ca__module_handle_turn(module, slot);
	*installed = true;
	return 1;
}

static bool ca__published(const struct codearena_module *module,
			  const struct codearena_code *code)
{
	return code && code->owner == &module->owner &&
		(code->phase == CA__CODE_PUBLISHED ||
		 code->phase == CA__CODE_RELEASED);
}

/**
 * codearena_module_reinstall_debug - see codearena/module.h
 * @module: module
 * @code: breakpoint code
 *
 * Return: 1, 0 or a negative errno.
 */
CODEARENA_API int
codearena_module_reinstall_debug(struct codearena_module *module,
				 struct codearena_code *code)
{
	struct codearena_code *prior = NULL;
	bool installed = false;
	uint32_t slot;
	int ret;

	if (!module || !code)
		return -EINVAL;
	pthread_mutex_lock(&module->lock);
	if (!ca__published(module, code) || code->function_index < 0 ||
	    code->kind != CODEARENA_CODE_FUNCTION ||
	    code->debug != CODEARENA_DEBUG_BREAKPOINTS ||
	    !ca__module_slot(module, code->function_index, &slot))
		ret = -EINVAL;
	else
		ret = ca__reinstall_locked(module, code, slot, &prior,
					   &installed);
	pthread_mutex_unlock(&module->lock);
	if (installed)
		ca__module_event(module, CODEARENA_EVENT_INSTALLED, code);
	if (installed && prior) {
		ca__module_event(module, CODEARENA_EVENT_RETIRED, prior);
		codearena_module_put(&prior, 1);
	}
	return ret;
}

/**
 * codearena_module_release - see codearena/module.h
 * @module: module
 * @code: code that was published
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
CODEARENA_API int codearena_module_release(struct codearena_module *module,
					   struct codearena_code *code)
{
	uint32_t slot;
	int ret = 0;

	if (!module || !code)
		return -EINVAL;
	pthread_mutex_lock(&module->lock);
	if (!ca__published(module, code) ||
	    (code->kind == CODEARENA_CODE_FUNCTION &&
	     code->function_index >= 0 &&
	     ca__module_slot(module, code->function_index, &slot)))
		ret = -EINVAL;
	else if (code->phase == CA__CODE_RELEASED)
		ret = -ENOENT;
	else
		code->phase = CA__CODE_RELEASED;
	pthread_mutex_unlock(&module->lock);
	if (!ret)
		codearena_module_put(&code, 1);
	return ret;
}
