// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Publishing code of a module.
 *
 * Under the module's lock: the rules decide what gets current, the code is made
 * findable, then executable, and the slots are turned. A failure takes all of
 * it back. References are dropped when the lock is released.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/lookup.h"
#include "module/module.h"

/**
 * struct ca__change - code that got current
 * @slot: of its function
 * @code: the code
 * @prior: what was current before; or NULL
 */
struct ca__change {
	uint32_t slot;
	struct codearena_code *code;
	struct codearena_code *prior;
};

/**
 * struct ca__publishing - one call
 * @module: the module
 * @codes: of the caller
 * @count: entries of @codes
 * @changes: what the rules decided, in this order
 * @change_count: entries of @changes
 * @rejected: code that did not get current
 * @rejected_count: entries of @rejected
 * @sent: objects that are executable already
 * @unused: batches that are to be freed
 * @logger: NULL, or who is told first
 */
struct ca__publishing {
	struct codearena_module *module;
	struct codearena_code *const *codes;
	size_t count;
	struct ca__change *changes;
	size_t change_count;
	struct codearena_code **rejected;
	size_t rejected_count;
	size_t sent;
	struct ca__stage *unused;
	struct codearena_logger *logger;
};

static struct ca__staged *ca__staged(const struct codearena_code *code)
{
	return code->place.staged;
}

static int ca__claim(struct ca__publishing *p, size_t *failed)
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
	*failed = i;
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

		/* Only the last one of a function counts. */
		if (module->table[change->slot] != change->code)
			continue;
		module->scratch.turns[n].slot = change->slot;
		module->scratch.turns[n++].target = change->code->start;
	}
	return ca__turns_prepare(module, n);
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
 * A run of code of one arena is one call. If all of it is one run, the slots of
 * that arena are turned by the same call.
 */
static int ca__send(struct ca__publishing *p, size_t *failed)
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
			patches = ca__turns_of(module, arena, &entries, &table);
		ret = codearena_arena_publish(arena, s->objects, n, entries,
					      patches, flags, &index);
		if (ret) {
			if (index < n)
				*failed = p->sent + index;
			return ret;
		}
		if (patches)
			s->done[table] = patches;
		p->sent = last;
	}
	return ca__turns_apply(module);
}

static void ca__unsend(struct ca__publishing *p)
{
	bool undone = ca__turns_undo(p->module);
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
		module->stat.current += !p->changes[i].prior;
		if (p->changes[i].prior)
			ca__scope_add(p->changes[i].prior);
		ca__module_handle_turn(module, p->changes[i].slot);
	}
}

static int ca__publish_locked(struct ca__publishing *p, size_t *failed)
{
	struct codearena_module *module = p->module;
	const struct codearena_module_opts *opts = &module->opts;
	int ret;

	ret = ca__claim(p, failed);
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
	ret = ca__send(p, failed);
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

/* Only where somebody listens: each code must live until that was told. */
static void ca__tell(struct ca__publishing *p)
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

static int ca__publish(struct ca__publishing *p, bool keep, size_t *failed)
{
	struct codearena_module *module = p->module;
	bool tell = module->opts.event;
	size_t i;
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__publish_locked(p, failed);
	p->logger = module->logger;
	tell = tell || p->logger;
	for (i = 0; i < p->count && !ret && (keep || tell); i++)
		codearena_code_ref(p->codes[i]);
	pthread_mutex_unlock(&module->lock);
	if (ret)
		return ret;
	ca__stages_free(p->unused);
	if (tell)
		ca__tell(p);
	for (i = 0; i < p->change_count; i++)
		codearena_module_put(&p->changes[i].prior, 1);
	codearena_module_put(p->rejected, p->rejected_count);
	if (tell && !keep)
		codearena_module_put(p->codes, p->count);
	return 0;
}

static int ca__publish_codes(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count,
			     bool keep, size_t *failed)
{
	struct ca__publishing p = {
		.module = module,
		.codes = codes,
		.count = count,
	};
	size_t ignored;
	int ret;

	if (!failed)
		failed = &ignored;
	*failed = SIZE_MAX;
	if (!module || !codes || !count || count > SIZE_MAX / 4096)
		return -EINVAL;
	p.changes = malloc(count * (sizeof(*p.changes) + sizeof(*p.rejected)));
	if (!p.changes)
		return -ENOMEM;
	p.rejected = (struct codearena_code **)(p.changes + count);
	ret = ca__publish(&p, keep, failed);
	free(p.changes);
	return ret;
}

/**
 * codearena_module_publish - see codearena/module.h
 * @module: module
 * @codes: array of code
 * @count: entries of @codes
 * @failed: NULL, or gets the index of the code that was refused
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_module_publish(struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count,
			 size_t *failed)
{
	return ca__publish_codes(module, codes, count, false, failed);
}

/**
 * codearena_module_add_publish - see codearena/module.h
 * @module: module
 * @descs: array of descriptions
 * @count: entries of @descs
 * @out: NULL, or array that gets the code
 * @failed: NULL, or gets what was refused
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_module_add_publish(struct codearena_module *module,
			     const struct codearena_code_desc *descs,
			     size_t count, struct codearena_code **out,
			     struct codearena_reloc_error *failed)
{
	struct codearena_code **codes = out;
	size_t index;
	int ret;

	if (!module || !count || count > SIZE_MAX / 4096)
		return -EINVAL;
	if (!codes)
		codes = malloc(count * sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	ret = codearena_module_add(module, descs, count, codes, failed);
	if (ret)
		goto out_codes;
	ret = ca__publish_codes(module, codes, count, out, &index);
	if (ret) {
		ca__abandon_each(module, codes, count);
		memset(codes, 0, count * sizeof(*codes));
		if (failed) {
			failed->object = index;
			failed->error = ret;
		}
	}
out_codes:
	if (codes != out)
		free(codes);
	return ret;
}
