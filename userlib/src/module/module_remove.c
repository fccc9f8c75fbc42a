// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Changing what is current without adding code: back to the lazy builtin, or back
 * to breakpoint code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module/module.h"

/* The module's lock is held. Retargets the slots in scratch.retargets, all or none. */
static int ca__retarget_all(struct codearena_module *module, size_t count)
{
	int ret = ca__retarget_prepare(module, count);

	if (ret)
		return ret;
	ret = ca__retarget_apply(module);
	if (ret)
		ca__retarget_undo(module);
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
 * struct ca__removing - current code to be removed
 * @codes: the code
 * @slots: the slots of its functions, ascending
 * @count: entries of both
 */
struct ca__removing {
	struct codearena_code **codes;
	uint32_t *slots;
	size_t count;
};

/* Retarget some of the slots to the initial target, or back to the code. */
static int ca__removing_retarget(struct codearena_module *module,
				 const struct ca__removing *removing,
				 size_t first, size_t count, bool back)
{
	struct ca__retarget *slots = module->scratch.retargets;
	size_t i;

	for (i = 0; i < count; i++) {
		slots[i].slot = removing->slots[first + i];
		slots[i].target = back ? removing->codes[first + i]->start : 0;
	}
	return ca__retarget_all(module, count);
}

/*
 * In steps: the patches for a whole large module would take many megabytes. If a
 * step fails, those before it are undone.
 */
static int ca__removing_retarget_all(struct codearena_module *module,
				     const struct ca__removing *removing)
{
	size_t first, count;
	int ret = 0;

	for (first = 0; first < removing->count && !ret; first += count) {
		count = removing->count - first;
		if (count > CA__MODULE_STEP)
			count = CA__MODULE_STEP;
		ret = ca__removing_retarget(module, removing, first, count,
					    false);
	}
	if (!ret)
		return 0;
	for (first -= count; first; first -= CA__MODULE_STEP)
		ca__removing_retarget(module, removing, first - CA__MODULE_STEP,
				      CA__MODULE_STEP, true);
	return ret;
}

/* The module's lock is held. */
static int ca__remove_locked(struct codearena_module *module,
			     enum codearena_filter filter,
			     struct ca__removing *removing)
{
	size_t current = module->counters.current, n = 0, i;
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
	ret = ca__removing_retarget_all(module, removing);
	if (ret) {
		removing->count = 0;
		return ret;
	}
	for (i = 0; i < n; i++) {
		module->table[removing->slots[i]] = NULL;
		ca__scope_add(removing->codes[i]);
		ca__module_handle_retarget(module, removing->slots[i]);
	}
	module->counters.current -= n;
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

CODEARENA_API int codearena_module_remove(struct codearena_module *module,
					  enum codearena_filter filter,
					  struct codearena_removed *removed)
{
	struct codearena_removed result = { 0 };
	struct ca__removing removing = { 0 };
	struct codearena_code **codes;
	size_t i;
	int ret;

	if (!module || (int)filter < CODEARENA_FILTER_DEBUG ||
	    filter > CODEARENA_FILTER_ALL)
		return -EINVAL;
	if (removed && removed->sz < CA__SIZE_REMOVED)
		return -EINVAL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	codes = malloc((module->opts.functions + 1UL) *
		       (sizeof(*codes) + sizeof(*removing.slots)));
	if (!codes)
		return -ENOMEM;
	removing.codes = codes;
	removing.slots = (uint32_t *)(codes + module->opts.functions + 1UL);
	pthread_mutex_lock(&module->lock);
	ret = ca__remove_locked(module, filter, &removing);
	pthread_mutex_unlock(&module->lock);
	ca__removed_count(&result, codes, removing.count);
	if (removed)
		ca__struct_put(removed, &result, CA__SIZE_REMOVED,
			       sizeof(result));
	for (i = 0; i < removing.count && module->opts.event; i++)
		ca__module_event(module, CODEARENA_EVENT_RETIRED, codes[i]);
	ca__codes_put(&module->owner, codes, removing.count);
	ca__owner_kick(&module->owner);
	free(codes);
	return ret;
}

CODEARENA_API int codearena_module_set_debug(struct codearena_module *module,
					     bool debug)
{
	int ret = ca__module_check(module);

	if (ret)
		return ret;
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
	module->scratch.retargets[0].slot = slot;
	module->scratch.retargets[0].target = code->start;
	ret = ca__retarget_all(module, 1);
	if (ret) {
		ca__code_put(code);
		return ret;
	}
	if (*prior)
		ca__scope_add(*prior);
	module->table[slot] = code;
	module->counters.current += !*prior;
	ca__module_handle_retarget(module, slot);
	*installed = true;
	return 1;
}

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
	ret = ca__module_check(module);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	if (!ca__module_published(module, code) || code->function_index < 0 ||
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
		codearena_code_put(prior);
	}
	return ret;
}
