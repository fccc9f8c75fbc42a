// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Taking back what was published in a module that had no code before, and that
 * nobody else uses. None of it needs memory that was not reserved before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/handle.h"
#include "snapshot/snapshot.h"

/* Functions that are turned back at a time: so few that no array is needed. */
#define CA__UNDO_STEP	8

_Static_assert(CODEARENA_JUMP_ENTRIES * CA__UNDO_STEP <= CA__SMALL_ENTRIES,
	       "patches would be copied to memory that may not be there");

/**
 * ca__undo_begin - has it no code?
 * @module: module
 * @handles: gets a copy of its handles, which is the caller's; NULL: it has no
 *           table of these, or on failure
 *
 * Return: 0; -EBUSY: it has code, or is in the debug state; -ENOMEM.
 */
int ca__undo_begin(struct codearena_module *module, codearena_handle **handles)
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
	if (module->owned_count || module->stat.added || module->debug)
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
 * ca__undo_reserve - have memory to undo what will be published
 * @module: module, in which all code spaces are that it will have
 *
 * Return: 0 or -ENOMEM.
 */
int ca__undo_reserve(struct codearena_module *module)
{
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__scratch_reserve(module, 0, CA__UNDO_STEP);
	pthread_mutex_unlock(&module->lock);
	return ret;
}

/* The module's lock is held. Leaves the system's refusal for what it is. */
static bool ca__undo_turns(struct codearena_module *module,
			   const uint32_t *slots, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		module->scratch.turns[i].slot = slots[i];
		module->scratch.turns[i].target = 0;
	}
	if (ca__turns_prepare(module, count))
		return false;
	if (!ca__turns_apply(module))
		return true;
	ca__turns_undo(module);
	return false;
}

/* Code that the module does not hold any more is not in *out. */
static size_t ca__undo_step(struct codearena_module *module,
			    struct codearena_code *const *codes, size_t count,
			    struct codearena_code **out)
{
	uint32_t slots[CA__UNDO_STEP] = { 0 }, slot;
	size_t turned = 0, n = 0, i;

	pthread_mutex_lock(&module->lock);
	for (i = 0; i < count; i++) {
		if (!ca__module_declares(module, codes[i], &slot) ||
		    module->table[slot] != codes[i])
			continue;
		slots[turned++] = slot;
		out[n++] = codes[i];
	}
	if (!ca__undo_turns(module, slots, turned))
		n = 0;
	for (i = 0; i < n; i++) {
		module->table[slots[i]] = NULL;
		module->stat.current--;
		ca__module_handle_turn(module, slots[i]);
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
 * ca__undo_publish - retire code
 * @module: module
 * @codes: code that was published since ca__undo_begin(), to each of which the
 *         caller holds a reference
 * @count: entries of @codes
 */
void ca__undo_publish(struct codearena_module *module,
		      struct codearena_code *const *codes, size_t count)
{
	struct codearena_code *dropped[CA__UNDO_STEP];
	size_t i;

	while (count) {
		size_t step = count < CA__UNDO_STEP ? count : CA__UNDO_STEP;
		size_t n = ca__undo_step(module, codes, step, dropped);

		for (i = 0; i < n; i++)
			ca__module_event(module, CODEARENA_EVENT_RETIRED,
					 dropped[i]);
		codearena_module_put(dropped, n);
		codes += step;
		count -= step;
	}
}

/**
 * ca__undo_handles - release handles that were made
 * @module: module; it does nothing if some code stayed current
 * @handles: what ca__undo_begin() gave
 */
void ca__undo_handles(struct codearena_module *module,
		      const codearena_handle *handles)
{
	uint32_t i;

	pthread_mutex_lock(&module->lock);
	for (i = 0; handles && module->handles && !module->stat.current &&
	     i < module->opts.functions; i++) {
		if (module->handles[i] == handles[i])
			continue;
		ca__handle_release(module->opts.handles,
					 module->handles[i]);
		module->handles[i] = handles[i];
	}
	pthread_mutex_unlock(&module->lock);
}
