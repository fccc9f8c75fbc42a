// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Publishing code of a module.
 *
 * With the module's lock held, the rules decide what becomes current, the code
 * becomes findable, then executable, and the slots are retargeted. A failure
 * undoes all of it. References are dropped after the lock is released.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/lookup.h"
#include "module/module.h"

/**
 * struct ca__change - code that becomes current
 * @slot: slot of its function
 * @code: the code
 * @prior: NULL, or what was current before
 */
struct ca__change {
	uint32_t slot;
	struct codearena_code *code;
	struct codearena_code *prior;
};

/**
 * struct ca__publishing - one call
 * @module: the module
 * @codes: the caller's code
 * @count: entries of @codes
 * @keep: whether the caller keeps a reference to each
 * @changes: code that becomes current, in the order of @codes
 * @change_count: entries of @changes
 * @rejected: code that does not become current
 * @rejected_count: entries of @rejected
 * @sent: number of objects that are executable already
 * @unused: batches to be freed
 * @logger: NULL, or the logger at the time of publishing
 * @failed: index of the code that was refused; SIZE_MAX: no single one
 */
struct ca__publishing {
	struct codearena_module *module;
	struct codearena_code *const *codes;
	size_t count;
	bool keep;
	struct ca__change *changes;
	size_t change_count;
	struct codearena_code **rejected;
	size_t rejected_count;
	size_t sent;
	struct ca__stage *unused;
	struct codearena_logger *logger;
	size_t failed;
};

static struct ca__staged *ca__staged(const struct codearena_code *code)
{
	return code->place.staged;
}

static int ca__claim(struct ca__publishing *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		struct ca__staged *staged = ca__staged_of(p->module,
							  p->codes[i]);

		if (!staged || staged->claimed || staged->stuck)
			break;
		staged->claimed = true;
	}
	if (i == p->count)
		return 0;
	p->failed = i;
	while (i--)
		ca__staged(p->codes[i])->claimed = false;
	return -EINVAL;
}

static void ca__unclaim(struct ca__publishing *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		ca__staged(p->codes[i])->claimed = false;
}

static bool ca__installs(const struct codearena_module *module,
			 const struct codearena_code *code,
			 const struct codearena_code *prior)
{
	if (code->debug == CODEARENA_DEBUG_STEPPING)
		return false;
	if (module->debug)
		return code->debug != CODEARENA_DEBUG_NONE &&
			(!prior || prior->debug <= code->debug);
	if (!prior || prior->debug != CODEARENA_DEBUG_NONE ||
	    prior->tier <= code->tier)
		return true;
	return (module->opts.flags & CODEARENA_MODULE_F_DEOPT) &&
		prior->deopt_size;
}

static void ca__decide(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	uint32_t slot;
	size_t i;

	for (i = 0; i < p->count; i++) {
		struct codearena_code *code = p->codes[i];

		if (!ca__module_declares(module, code, &slot))
			continue;
		if (!ca__installs(module, code, module->table[slot])) {
			p->rejected[p->rejected_count++] = code;
			continue;
		}
		p->changes[p->change_count++] = (struct ca__change){
			.slot = slot,
			.code = code,
			.prior = module->table[slot],
		};
		module->table[slot] = code;
	}
}

static void ca__undecide(struct ca__publishing *p)
{
	size_t i;

	for (i = p->change_count; i--;)
		p->module->table[p->changes[i].slot] = p->changes[i].prior;
}

static int ca__prepare(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	size_t n = 0, i;

	for (i = 0; i < p->change_count; i++) {
		const struct ca__change *change = &p->changes[i];

		/* Of several for one function only the last counts. */
		if (module->table[change->slot] != change->code)
			continue;
		module->scratch.retargets[n].slot = change->slot;
		module->scratch.retargets[n++].target = change->code->start;
	}
	return ca__retarget_prepare(module, n);
}

static size_t ca__collect(struct ca__publishing *p, size_t from, size_t *last)
{
	struct codearena_object *objects = p->module->scratch.objects;
	struct codearena_arena *arena = ca__staged(p->codes[from])->arena;
	size_t n = 0, i;

	for (i = from; i < p->count && n < CA__MODULE_STEP; i++) {
		const struct ca__staged *staged = ca__staged(p->codes[i]);

		if (staged->arena != arena)
			break;
		objects[n++] = (struct codearena_object){
			.offset = staged->offset,
			.source = (uintptr_t)staged->bytes,
			.length = staged->length,
			.traps = (uintptr_t)staged->traps,
			.trap_count = staged->trap_count,
			.flags = staged->flags,
		};
	}
	*last = i;
	return n;
}

/*
 * One call publishes consecutive code of one arena. If that is all of it, the
 * same call retargets the slots of that arena.
 */
static int ca__send(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	struct ca__scratch *s = &module->scratch;
	uint32_t flags = module->opts.flags & CODEARENA_MODULE_F_SYNC ?
			 CODEARENA_PUBLISH_F_SYNC : 0;

	while (p->sent < p->count) {
		struct codearena_arena *arena =
			ca__staged(p->codes[p->sent])->arena;
		struct codearena_patch_entry *entries = NULL;
		size_t last, table = 0, patches = 0, index;
		size_t n = ca__collect(p, p->sent, &last);
		int ret;

		if (n == p->count)
			patches = ca__retarget_of(module, arena, &entries,
						  &table);
		ret = codearena_arena_publish(arena, s->objects, n, entries,
					      patches, flags, &index);
		if (ret) {
			if (index < n)
				p->failed = p->sent + index;
			return ret;
		}
		if (patches)
			s->done[table] = patches;
		p->sent = last;
	}
	return ca__retarget_apply(module);
}

static void ca__unsend(struct ca__publishing *p)
{
	bool undone = ca__retarget_undo(p->module);
	size_t i;

	for (i = 0; i < p->sent; i++) {
		struct ca__staged *staged = ca__staged(p->codes[i]);
		struct codearena_range range = {
			.offset = staged->offset,
			.length = p->codes[i]->size,
		};

		if (!undone || codearena_arena_discard(staged->arena, &range, 1,
						       NULL))
			staged->stuck = true;
	}
}

static void ca__finish(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	size_t i;

	for (i = 0; i < p->count; i++) {
		ca__staged_leave(module, ca__staged(p->codes[i]), &p->unused);
		ca__owned_add(module, p->codes[i]);
		ca__scope_add(p->codes[i]);
	}
	for (i = 0; i < p->change_count; i++) {
		module->counters.current += !p->changes[i].prior;
		if (p->changes[i].prior)
			ca__scope_add(p->changes[i].prior);
		ca__module_handle_retarget(module, p->changes[i].slot);
	}
}

static int ca__publish_locked(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	const struct codearena_module_opts *opts = &module->opts;
	int ret;

	ret = ca__claim(p);
	if (ret)
		return ret;
	if (opts->validate &&
	    opts->validate(opts->data, module, p->codes, p->count))
		ret = -ESTALE;
	if (!ret)
		ret = ca__owned_reserve(module, p->count);
	if (!ret)
		ret = ca__scope_reserve(2 * p->count);
	if (!ret)
		ret = ca__scratch_reserve(module, p->count < CA__MODULE_STEP ?
						  p->count : CA__MODULE_STEP,
					  p->count);
	if (ret)
		goto err_claim;
	ca__decide(p);
	ret = ca__prepare(p);
	if (ret)
		goto err_decide;
	ret = ca__lookup_add(p->codes, p->count);
	if (ret)
		goto err_decide;
	ret = ca__send(p);
	if (ret)
		goto err_send;
	ca__finish(p);
	return 0;
err_send:
	ca__unsend(p);
	ca__lookup_remove(p->codes, p->count);
err_decide:
	ca__undecide(p);
err_claim:
	ca__unclaim(p);
	return ret;
}

/* The caller holds references, so that the code lives until it is reported. */
static void ca__publish_report(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	size_t i;

	if (p->logger)
		ca__module_log(module, p->logger, p->codes, p->count);
	for (i = 0; i < p->count; i++)
		ca__module_event(module, CODEARENA_EVENT_PUBLISHED,
				 p->codes[i]);
	for (i = 0; i < p->change_count; i++) {
		ca__module_event(module, CODEARENA_EVENT_INSTALLED,
				 p->changes[i].code);
		if (p->changes[i].prior)
			ca__module_event(module, CODEARENA_EVENT_RETIRED,
					 p->changes[i].prior);
	}
}

static int ca__publish(struct ca__publishing *p)
{
	struct codearena_module *module = p->module;
	bool report;
	size_t i;
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__publish_locked(p);
	p->logger = module->logger;
	report = module->opts.event || p->logger;
	for (i = 0; i < p->count && !ret && (p->keep || report); i++)
		codearena_code_ref(p->codes[i]);
	pthread_mutex_unlock(&module->lock);
	if (ret)
		return ret;
	ca__stages_free(p->unused);
	if (report)
		ca__publish_report(p);
	for (i = 0; i < p->change_count; i++)
		ca__module_put(&p->changes[i].prior, 1);
	ca__module_put(p->rejected, p->rejected_count);
	if (report && !p->keep)
		ca__module_put(p->codes, p->count);
	return 0;
}

/**
 * ca__module_publish - publish code
 * @module: module
 * @codes: array of code
 * @count: entries of @codes
 * @keep: take a reference to each for the caller
 * @failed: gets the index of the code that was refused, SIZE_MAX: no single one
 *
 * Return: as codearena_module_publish().
 */
int ca__module_publish(struct codearena_module *module,
		       struct codearena_code *const *codes, size_t count,
		       bool keep, size_t *failed)
{
	struct ca__publishing p = {
		.module = module,
		.codes = codes,
		.count = count,
		.keep = keep,
		.failed = SIZE_MAX,
	};
	int ret;

	*failed = SIZE_MAX;
	if (!module || !codes || !count || count > SIZE_MAX / CA__MODULE_STEP)
		return -EINVAL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	p.changes = malloc(count * (sizeof(*p.changes) + sizeof(*p.rejected)));
	if (!p.changes)
		return -ENOMEM;
	p.rejected = (struct codearena_code **)(p.changes + count);
	ret = ca__publish(&p);
	*failed = p.failed;
	free(p.changes);
	return ret;
}

CODEARENA_API int
codearena_module_publish(struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count,
			 size_t *failed)
{
	size_t ignored;

	return ca__module_publish(module, codes, count, false,
				  failed ? failed : &ignored);
}

static int ca__add_publish(struct codearena_module *module,
			   const struct codearena_code_desc *descs,
			   size_t count, struct codearena_code **out,
			   struct codearena_reloc_error *failed)
{
	struct codearena_code **codes = out;
	int ret;

	if (!module || !count || count > SIZE_MAX / CA__MODULE_STEP)
		return -EINVAL;
	if (!codes)
		codes = malloc(count * sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	ret = ca__module_add_any(module, descs, count, codes, failed);
	if (ret)
		goto out_codes;
	ret = ca__module_publish(module, codes, count, out, &failed->object);
	if (ret) {
		ca__drop_each(module, codes, count);
		memset(codes, 0, count * sizeof(*codes));
	}
out_codes:
	if (codes != out)
		free(codes);
	return ret;
}

CODEARENA_API int
codearena_module_add_publish(struct codearena_module *module,
			     const struct codearena_code_desc *descs,
			     size_t count, struct codearena_code **out,
			     struct codearena_reloc_error *failed)
{
	struct codearena_reloc_error own;
	int ret;

	ret = ca__failed_begin(failed, &own);
	if (ret)
		return ret;
	ret = ca__add_publish(module, descs, count, out, &own);
	return ca__failed_end(failed, &own, ret);
}
