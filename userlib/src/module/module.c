// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Making and freeing modules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codearena/log.h"
#include "code/lookup.h"
#include "module/module.h"
#include "space/reservation.h"
#include "space/space.h"

static int ca__module_opts_check(const struct codearena_module_opts *opts,
				 uint32_t machine)
{
	uint64_t limit = ca__reservation_limit(machine);

	if (opts->flags & ~(CODEARENA_MODULE_F_DEOPT |
			    CODEARENA_MODULE_F_DEBUG |
			    CODEARENA_MODULE_F_SYNC |
			    CODEARENA_MODULE_F_LAZY))
		return -EOPNOTSUPP;
	if (opts->jump_flags & ~CODEARENA_JUMP_F_BRANCH_TARGET)
		return -EOPNOTSUPP;
	if ((uint64_t)opts->imports + opts->functions > INT32_MAX ||
	    opts->reach > limit ||
	    (opts->builtin_count && !opts->builtins) ||
	    (opts->external_count && !opts->externals))
		return -EINVAL;
	if (opts->flags & CODEARENA_MODULE_F_LAZY)
		return opts->lazy_builtin < opts->builtin_count ? 0 : -EINVAL;
	return opts->lazy_builtin ? -EINVAL : 0;
}

static int ca__module_opts_get(struct codearena_module_opts *to,
			       const struct codearena_module_opts *from,
			       uint32_t machine)
{
	int ret = ca__struct_get(to, from, CA__SIZE_MODULE_OPTS, sizeof(*to));

	return ret ? ret : ca__module_opts_check(to, machine);
}

static uint64_t *ca__copy_addresses(const uint64_t *from, uint32_t count)
{
	uint64_t *to = malloc((count ? count : 1) * sizeof(*to));

	if (!to)
		return NULL;
	if (count)
		memcpy(to, from, count * sizeof(*to));
	return to;
}

static int ca__module_memory(struct codearena_module *module)
{
	const struct codearena_module_opts *opts = &module->opts;

	module->builtins = ca__copy_addresses(opts->builtins,
					      opts->builtin_count);
	module->externals = ca__copy_addresses(opts->externals,
					       opts->external_count);
	module->table = calloc(opts->functions ? opts->functions : 1,
			       sizeof(*module->table));
	return module->builtins && module->externals && module->table ?
	       0 : -ENOMEM;
}

static void ca__module_delete(struct codearena_module *module)
{
	ca__module_spaces_free(module);
	ca__slab_destroy(&module->slab);
	ca__scratch_free(&module->scratch);
	pthread_rwlock_destroy(&module->log_lock);
	pthread_mutex_destroy(&module->lock);
	free(module->table);
	free(module->owned);
	free(module->externals);
	free(module->builtins);
	free(module);
}

/* Most batches are smaller, and committing this much costs little more. */
#define CA__MODULE_AHEAD	(1U << 20)

/* Only the first code space has lazy slots, so the overhead leaves them out. */
static uint64_t ca__module_estimate(const struct codearena_module *module)
{
	const struct codearena_module_opts *opts = &module->opts;
	struct ca__tables tables;

	if (!(opts->flags & CODEARENA_MODULE_F_LAZY) ||
	    ca__tables_get(module->machine, opts->jump_flags, opts->functions,
			   opts->builtin_count, &tables) ||
	    opts->estimate > UINT64_MAX - tables.lazy)
		return opts->estimate;
	return ca__align_up(opts->estimate, module->unit) + tables.lazy;
}

static int ca__module_space(struct codearena_module *module,
			    struct codearena_manager *manager)
{
	struct codearena_allocator_opts opts = {
		.sz = sizeof(opts),
		.name = module->opts.name,
		.estimate = ca__module_estimate(module),
		.functions = module->opts.functions,
		.builtins = module->opts.builtin_count,
		.jump_flags = module->opts.jump_flags,
		.ahead = CA__MODULE_AHEAD,
		.space_added = ca__module_space_added,
		.data = module,
	};

	return codearena_allocator_new(manager, &opts, &module->allocator);
}

CODEARENA_API int codearena_module_new(struct codearena_manager *manager,
				       const struct codearena_module_opts *opts,
				       struct codearena_module **out)
{
	CODEARENA_OPTS(codearena_manager_counters, stat);
	struct codearena_module *module;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = codearena_manager_stat(manager, &stat);
	if (ret)
		return ret;
	module = calloc(1, sizeof(*module));
	if (!module)
		return -ENOMEM;
	pthread_mutex_init(&module->lock, NULL);
	pthread_rwlock_init(&module->log_lock, NULL);
	ca__slab_init(&module->slab);
	ret = ca__module_opts_get(&module->opts, opts, stat.machine);
	if (ret)
		goto err_module;
	ca__owner_begin(&module->owner, &ca__module_owner_ops,
		       module->opts.collector);
	module->machine = stat.machine;
	module->unit = stat.unit;
	module->batch_limit = manager->opts.max_code_space / 2;
	module->debug = module->opts.flags & CODEARENA_MODULE_F_DEBUG;
	module->reach = module->opts.reach;
	if (!module->reach)
		module->reach = ca__reservation_limit(stat.machine);
	ret = ca__module_memory(module);
	if (!ret)
		ret = ca__module_space(module, manager);
	/* The caller may free these after the call. */
	module->opts.name = NULL;
	module->opts.builtins = NULL;
	module->opts.externals = NULL;
	if (ret)
		goto err_owner;
	*out = module;
	return 0;
err_owner:
	ca__owner_end(&module->owner);
err_module:
	ca__module_delete(module);
	return ret;
}

static void ca__module_stages_drop(struct codearena_module *module)
{
	struct ca__stage *stage;
	size_t i;

	for (stage = module->stages; stage; stage = stage->next) {
		for (i = 0; i < stage->count; i++)
			ca__code_destroy(stage->codes[i]);
	}
	ca__stages_free(module->stages);
}

CODEARENA_API void codearena_module_free(struct codearena_module *module)
{
	size_t i;

	if (!module)
		return;
	if (ca__module_check(module)) {
		ca__module_spaces_leave(module);
		return;
	}
	ca__owner_end(&module->owner);
	codearena_logger_detach(module);
	for (i = 0; i < module->owned_count; i++)
		ca__module_event(module, CODEARENA_EVENT_FREED,
				 module->owned[i]);
	if (module->owned_count)
		ca__lookup_remove(module->owned, module->owned_count);
	for (i = 0; i < module->owned_count; i++)
		ca__code_destroy(module->owned[i]);
	ca__module_stages_drop(module);
	ca__module_handles_free(module);
	ca__module_spaces_free(module);
	/* This frees the arenas, and the traps with them. */
	codearena_allocator_free(module->allocator);
	ca__module_delete(module);
}
