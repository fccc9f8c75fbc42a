// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Guards for the code of managers and modules.
 */
#include <errno.h>

#include "codearena/trap.h"
#include "module/module.h"
#include "space/space.h"

/* A guard keeps only the descriptor of its arena, so any arena will do. */
CODEARENA_API int
codearena_manager_guard_new(struct codearena_manager *manager, uint64_t length,
			    const struct codearena_guard_opts *opts,
			    struct codearena_guard **out)
{
	struct codearena_arena *arena;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!manager)
		return -EINVAL;
	if (ca__inherited(manager->process))
		return -EPERM;
	ret = ca__manager_arena(manager, manager->info.page_size, "guard", NULL,
				&arena);
	if (ret)
		return ret;
	ret = codearena_guard_new(arena, length, opts, out);
	ca__manager_arena_free(manager, arena);
	return ret;
}

CODEARENA_API int
codearena_module_guard_new(struct codearena_module *module, uint64_t length,
			   const struct codearena_guard_opts *opts,
			   struct codearena_guard **out)
{
	return codearena_manager_guard_new(module ? module->allocator->manager :
						    NULL, length, opts, out);
}
