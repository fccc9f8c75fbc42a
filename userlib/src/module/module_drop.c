// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Giving up code: added code that is not published, and published code that only
 * the module's own reference keeps.
 */
#include <errno.h>

#include "module/module.h"

/* The module's lock is held. */
static int ca__drop_claim_one(struct codearena_module *module,
			      struct codearena_code *code)
{
	struct ca__staged *staged = ca__staged_of(module, code);
	uint32_t slot;

	if (staged) {
		if (staged->claimed || staged->stuck)
			return -EINVAL;
		staged->claimed = true;
		return 0;
	}
	if (!ca__module_published(module, code) ||
	    ca__module_declares(module, code, &slot))
		return -EINVAL;
	if (code->phase == CA__CODE_RELEASED)
		return -ENOENT;
	code->phase = CA__CODE_RELEASED;
	return 0;
}

/* The module's lock is held. Claims all or nothing. */
static int ca__drop_claim(struct codearena_module *module,
			  struct codearena_code *const *codes, size_t count)
{
	struct ca__staged *staged;
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++)
		ret = ca__drop_claim_one(module, codes[i]);
	if (!ret)
		return 0;
	/* The last one was refused. */
	for (i--; i--;) {
		staged = ca__staged_of(module, codes[i]);
		if (staged)
			staged->claimed = false;
		else
			codes[i]->phase = CA__CODE_PUBLISHED;
	}
	return ret;
}

CODEARENA_API int codearena_module_drop(struct codearena_module *module,
					struct codearena_code *const *codes,
					size_t count)
{
	struct ca__stage *unused = NULL;
	struct ca__staged *staged;
	size_t i;
	int ret;

	if (!module || !codes || !count)
		return -EINVAL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	ret = ca__drop_claim(module, codes, count);
	for (i = 0; i < count && !ret; i++) {
		staged = ca__staged_of(module, codes[i]);
		if (staged)
			ca__staged_leave(module, staged, &unused);
	}
	pthread_mutex_unlock(&module->lock);
	if (ret)
		return ret;
	ca__stages_free(unused);
	for (i = 0; i < count; i++) {
		if (codes[i]->phase == CA__CODE_ADDED)
			ca__module_abandon(module, codes[i]);
		else
			codearena_code_put(codes[i]);
	}
	return 0;
}

/**
 * ca__drop_each - give up added code, some of which may be stuck
 * @module: module
 * @codes: array of code that was not published; entries may be NULL
 * @count: entries of @codes
 *
 * What is stuck stays until the module is freed.
 */
void ca__drop_each(struct codearena_module *module,
		   struct codearena_code *const *codes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (codes[i])
			codearena_module_drop(module, &codes[i], 1);
	}
}
