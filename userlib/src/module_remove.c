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

#include "module.h"

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
 * codearena_module_use_lazy - see codearena_module.h
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

/* The module's lock is held; *out gets what lost its place. */
static int ca__remove_locked(struct codearena_module *module,
			     enum codearena_filter filter,
			     struct codearena_code **out, size_t *count)
{
	struct ca__turn *turns;
	size_t n = 0, i;
	int ret;

	ret = ca__scratch_reserve(module, 0, module->stat.current);
	if (!ret)
		ret = ca__scope_reserve(module->stat.current);
	if (ret)
		return ret;
	turns = module->scratch.turns;
	for (i = 0; i < module->opts.functions; i++) {
		if (!module->table[i] ||
		    !ca__filtered(module->table[i], filter))
			continue;
		turns[n].slot = i;
		turns[n].target = 0;
		out[n++] = module->table[i];
	}
	if (n)
		ret = ca__turn(module, n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		module->table[turns[i].slot] = NULL;
		ca__scope_add(out[i]);
		ca__module_handle_turn(module, turns[i].slot);
	}
	module->stat.current -= n;
	*count = n;
	return 0;
}

static void ca__removed_count(struct codearena_removed *removed,
			      struct codearena_code *const *codes, size_t count)
{
	size_t i;

	removed->functions = count;
	for (i = 0; i < count; i++) {
		removed->code_bytes += codes[i]->size;
		removed->metadata_bytes += codearena_code_memory(codes[i]);
	}
}

/**
 * codearena_module_remove - see codearena_module.h
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
	struct codearena_code **codes;
	size_t count = 0, i;
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
	codes = malloc(module->opts.functions * sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	pthread_mutex_lock(&module->lock);
	ret = ca__remove_locked(module, filter, codes, &count);
	pthread_mutex_unlock(&module->lock);
	if (removed)
		ca__removed_count(removed, codes, count);
	for (i = 0; i < count; i++)
		ca__module_event(module, CODEARENA_EVENT_RETIRED, codes[i]);
	codearena_module_put(codes, count);
	free(codes);
	return ret;
}

/**
 * codearena_module_set_debug - see codearena_module.h
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
		code->kind != CODEARENA_CODE_JUMP_TABLE && (code->word & 1);
}

/**
 * codearena_module_reinstall_debug - see codearena_module.h
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
 * codearena_module_release - see codearena_module.h
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
	else if (code->word & CA__WORD_RELEASED)
		ret = -ENOENT;
	else
		code->word |= CA__WORD_RELEASED;
	pthread_mutex_unlock(&module->lock);
	if (!ret)
		codearena_module_put(&code, 1);
	return ret;
}
