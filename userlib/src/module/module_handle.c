// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer handles of a module's functions, allocated at first use.
 */
#include <errno.h>
#include <stdlib.h>

#include "code/handle.h"
#include "module/module.h"

/* Target of a handle: current code, or else the near slot. */
static uint64_t ca__handle_entry(const struct codearena_module *module,
				 uint32_t slot)
{
	if (module->table[slot])
		return module->table[slot]->start;
	return codearena_jump_table_slot(module->tables[0]->jump, slot);
}

static int ca__handles_make(struct codearena_module *module)
{
	uint32_t i;

	if (module->handles)
		return 0;
	module->handles = malloc(module->opts.functions *
				 sizeof(*module->handles));
	if (!module->handles)
		return -ENOMEM;
	for (i = 0; i < module->opts.functions; i++)
		module->handles[i] = CODEARENA_HANDLE_INVALID;
	return 0;
}

/**
 * ca__module_handle_locked - handle of a function
 * @module: module, whose lock is held
 * @slot: of a declared function
 * @signature: for a handle that has to be made
 * @out: gets the handle
 *
 * Return: 0; -ENOENT: no table, or the handle has another target than the
 * function; -ENOMEM, -ENOSPC.
 */
int ca__module_handle_locked(struct codearena_module *module, uint32_t slot,
			     uint64_t signature, codearena_handle *out)
{
	uint64_t entry = ca__handle_entry(module, slot), found;
	int ret;

	if (!module->opts.handles)
		return -ENOENT;
	ret = ca__handles_make(module);
	if (!ret && module->handles[slot] == CODEARENA_HANDLE_INVALID)
		ret = ca__handle_allocate(module->opts.handles, entry,
						signature,
						&module->handles[slot]);
	if (ret)
		return ret;
	*out = module->handles[slot];
	/* The table is shared: another user may have released or set it. */
	ret = ca__handle_get(module->opts.handles, *out, &found, NULL);
	return ret || found != entry ? -ENOENT : 0;
}

/**
 * ca__module_handle_retarget - retarget a handle as its slot was
 * @module: module, whose lock is held
 * @slot: of a declared function
 */
void ca__module_handle_retarget(struct codearena_module *module, uint32_t slot)
{
	if (module->handles &&
	    module->handles[slot] != CODEARENA_HANDLE_INVALID)
		ca__handle_set(module->opts.handles,
				     module->handles[slot],
				     ca__handle_entry(module, slot));
}

/**
 * ca__module_handles_free - release all handles
 * @module: module
 */
void ca__module_handles_free(struct codearena_module *module)
{
	uint32_t i;

	for (i = 0; module->handles && i < module->opts.functions; i++) {
		if (module->handles[i] != CODEARENA_HANDLE_INVALID)
			ca__handle_release(module->opts.handles,
						 module->handles[i]);
	}
	free(module->handles);
}

CODEARENA_API int codearena_module_handle(struct codearena_module *module,
					  uint32_t function, uint64_t signature,
					  codearena_handle *out)
{
	codearena_handle handle;
	uint64_t has;
	uint32_t slot;
	int ret;

	if (!out)
		return -EINVAL;
	*out = CODEARENA_HANDLE_INVALID;
	if (!module || !module->opts.handles)
		return -EINVAL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	if (!ca__module_slot(module, function, &slot))
		return -ENOENT;
	pthread_mutex_lock(&module->lock);
	ret = ca__module_handle_locked(module, slot, signature, &handle);
	if (!ret)
		ret = ca__handle_get(module->opts.handles, handle, NULL,
					   &has);
	pthread_mutex_unlock(&module->lock);
	if (!ret && has != signature)
		ret = -EINVAL;
	if (!ret)
		*out = handle;
	return ret;
}
