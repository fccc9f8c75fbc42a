// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Reverting a module that nothing else uses to the state without code, after
 * loading code into it failed. Uses only memory that was reserved before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/handle.h"
#include "module/module.h"

/* Functions per step, few enough that patching them needs no memory. */
#define CA__REVERT_STEP	8

_Static_assert(CODEARENA_JUMP_ENTRIES * CA__REVERT_STEP <= CA__SMALL_ENTRIES,
	       "patching would allocate memory");

/**
 * ca__revert_begin - check that a module has no code, and note its handles
 * @module: module
 * @handles: gets a copy of its handles, to be freed by the caller; NULL on
 *           failure, or if the module has no handle table
 *
 * Return: 0; -EBUSY: it has code, or is in the debug state; -ENOMEM.
 */
int ca__revert_begin(struct codearena_module *module, codearena_handle **handles)
{
	size_t bytes = module->opts.functions * sizeof(**handles);
	int ret = 0;

	*handles = NULL;
	if (module->opts.handles && bytes) {
		*handles = malloc(bytes);
		if (!*handles)
			return -ENOMEM;
		memset(*handles, 0xff, bytes);
	}
	pthread_mutex_lock(&module->lock);
	if (module->owned_count || module->counters.added || module->debug)
		ret = -EBUSY;
	else if (*handles && module->handles)
		memcpy(*handles, module->handles, bytes);
	pthread_mutex_unlock(&module->lock);
	if (ret) {
		free(*handles);
		*handles = NULL;
	}
	return ret;
}

/**
 * ca__revert_reserve - reserve the memory for reverting
 * @module: module that gets no further code spaces before it is reverted
 *
 * Return: 0 or -ENOMEM.
 */
int ca__revert_reserve(struct codearena_module *module)
{
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__scratch_reserve(module, 0, CA__REVERT_STEP);
	pthread_mutex_unlock(&module->lock);
	return ret;
}

/* The module's lock is held. False if the backend refuses. */
static bool ca__revert_slots(struct codearena_module *module,
			     const uint32_t *slots, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		module->scratch.retargets[i].slot = slots[i];
		module->scratch.retargets[i].target = 0;
	}
	if (ca__retarget_prepare(module, count))
		return false;
	if (!ca__retarget_apply(module))
		return true;
	ca__retarget_undo(module);
	return false;
}

/* Returns code to drop references to, and the number of objects in it. */
static size_t ca__revert_step(struct codearena_module *module,
			    struct codearena_code *const *codes, size_t count,
			    struct codearena_code **out)
{
	uint32_t slots[CA__REVERT_STEP] = { 0 }, slot;
	size_t retargeted = 0, n = 0, i;

	pthread_mutex_lock(&module->lock);
	for (i = 0; i < count; i++) {
		if (!ca__module_declares(module, codes[i], &slot) ||
		    module->table[slot] != codes[i])
			continue;
		slots[retargeted++] = slot;
		out[n++] = codes[i];
	}
	if (!ca__revert_slots(module, slots, retargeted))
		n = 0;
	for (i = 0; i < n; i++) {
		module->table[slots[i]] = NULL;
		module->counters.current--;
		ca__module_handle_retarget(module, slots[i]);
	}
	for (i = 0; i < count; i++) {
		if (ca__module_declares(module, codes[i], &slot) ||
		    codes[i]->phase == CA__CODE_RELEASED)
			continue;
		codes[i]->phase = CA__CODE_RELEASED;
		out[n++] = codes[i];
	}
	pthread_mutex_unlock(&module->lock);
	return n;
}

/**
 * ca__revert_codes - retire published code
 * @module: module
 * @codes: code published since ca__revert_begin(); the caller holds a reference
 *         to each
 * @count: entries of @codes
 */
void ca__revert_codes(struct codearena_module *module,
		      struct codearena_code *const *codes, size_t count)
{
	struct codearena_code *dropped[CA__REVERT_STEP];
	size_t i;

	while (count) {
		size_t step = count < CA__REVERT_STEP ? count : CA__REVERT_STEP;
		size_t n = ca__revert_step(module, codes, step, dropped);

		for (i = 0; i < n; i++)
			ca__module_event(module, CODEARENA_EVENT_RETIRED,
					 dropped[i]);
		ca__module_put(dropped, n);
		codes += step;
		count -= step;
	}
}

/**
 * ca__revert_handles - release the handles that were allocated meanwhile
 * @module: module; nothing is released if some code stayed current
 * @handles: the copy from ca__revert_begin()
 */
void ca__revert_handles(struct codearena_module *module,
		      const codearena_handle *handles)
{
	uint32_t i;

	pthread_mutex_lock(&module->lock);
	for (i = 0; handles && module->handles && !module->counters.current &&
	     i < module->opts.functions; i++) {
		if (module->handles[i] == handles[i])
			continue;
		ca__handle_release(module->opts.handles,
					 module->handles[i]);
		module->handles[i] = handles[i];
	}
	pthread_mutex_unlock(&module->lock);
}
