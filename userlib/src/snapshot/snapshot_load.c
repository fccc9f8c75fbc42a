// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loading snapshots: all code is added, by several threads if the program has
 * them, then published batch by batch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"

/**
 * struct ca__loading - one call
 * @module: the module
 * @opts: the options
 * @plan: the snapshot
 * @codes: code that was added; NULL for objects that were not. This call holds a
 *         reference to each from the first publishing on.
 * @handles: for ca__revert_handles()
 * @next: first batch that no thread has begun to add
 * @lock: protects all that follows, while threads add code
 * @error: the first error of any thread
 * @reason: why the snapshot is refused
 * @object: the code object to blame, or SIZE_MAX
 * @reloc: what was wrong with it
 */
struct ca__loading {
	struct codearena_module *module;
	struct codearena_snapshot_opts opts;
	struct ca__plan plan;
	struct codearena_code **codes;
	codearena_handle *handles;
	atomic_size_t next;
	pthread_mutex_t lock;
	atomic_int error;
	uint32_t reason;
	size_t object;
	struct codearena_reloc_error reloc;
};

/**
 * struct ca__arrays - memory of a batch, from one allocation
 * @descs: descriptions
 * @relocs: what they point to
 * @traps: what they point to
 * @positions: what they point to
 * @inlinings: what they point to
 */
struct ca__arrays {
	struct codearena_code_desc *descs;
	struct codearena_reloc *relocs;
	struct codearena_trap *traps;
	struct codearena_source_position *positions;
	struct codearena_inlining_position *inlinings;
};

static int ca__arrays_new(const struct ca__batch *batch,
			  struct ca__arrays *arrays)
{
	size_t bytes = batch->count * sizeof(*arrays->descs) +
		       batch->relocs * sizeof(*arrays->relocs) +
		       batch->traps * sizeof(*arrays->traps) +
		       batch->positions * sizeof(*arrays->positions) +
		       batch->inlinings * sizeof(*arrays->inlinings);

	/* In an order that needs no padding: 8-byte alignment first. */
	arrays->descs = malloc(bytes);
	if (!arrays->descs)
		return -ENOMEM;
	arrays->relocs = (void *)(arrays->descs + batch->count);
	arrays->traps = (void *)(arrays->relocs + batch->relocs);
	arrays->positions = (void *)(arrays->traps + batch->traps);
	arrays->inlinings = (void *)(arrays->positions + batch->positions);
	return 0;
}

static void ca__read_traps(struct codearena_trap *to, const uint8_t *from,
			   uint32_t count)
{
	struct ca__record_trap trap;

	for (; count; count--, from += sizeof(trap)) {
		memcpy(&trap, from, sizeof(trap));
		*to++ = (struct codearena_trap){
			.start = trap.start,
			.length = trap.length,
			.landing = trap.landing == CA__RECORD_EXTERNAL ?
				   CODEARENA_LANDING_EXTERNAL : trap.landing,
		};
	}
}

static void ca__read_relocs(struct codearena_reloc *to, const uint8_t *from,
			    uint32_t count)
{
	struct ca__record_reloc reloc;

	for (; count; count--, from += sizeof(reloc)) {
		memcpy(&reloc, from, sizeof(reloc));
		*to = (struct codearena_reloc){
			.offset = reloc.offset,
			.kind = reloc.kind,
			.form = reloc.form,
			.__reserved = reloc.__reserved,
			.index = reloc.index,
		};
		memcpy(&to->addend, reloc.addend, sizeof(to->addend));
		to++;
	}
}

static void ca__desc_read(const struct ca__view *view,
			  struct ca__arrays *arrays)
{
	const struct ca__record *record = &view->record;
	struct codearena_code_desc *desc = arrays->descs++;

	*desc = (struct codearena_code_desc){
		.sz = sizeof(*desc),
		.body = view->body,
		.traps = arrays->traps,
		.relocs = arrays->relocs,
		.positions = arrays->positions,
		.inlinings = arrays->inlinings,
		.deopt = view->deopt,
		.name = record->name_length ? (const char *)view->name : NULL,
		.trap_count = record->traps,
		.reloc_count = record->relocs,
		.position_count = record->positions,
		.inlining_count = record->inlinings,
		.deopt_size = record->deopt_size,
		.kind = record->kind,
		.tier = record->tier,
		.debug = CODEARENA_DEBUG_NONE,
		.function_index = record->function_index,
		.flags = record->report,
		.instructions_size = record->sections[0],
		.safepoint_size = record->sections[1],
		.handler_size = record->sections[2],
		.constant_pool_size = record->sections[3],
		.comments_size = record->sections[4],
		.frame_slots = record->frame_slots,
		.parameter_slots = record->parameter_slots,
		.unwind = record->unwind,
	};
	if (view->cfi) {
		desc->cfi = view->cfi;
		desc->cfi_size = view->unwind_size;
	} else {
		desc->frame_size = view->unwind_size;
	}
	ca__read_traps(arrays->traps, view->traps, record->traps);
	ca__read_relocs(arrays->relocs, view->relocs, record->relocs);
	memcpy(arrays->positions, view->positions,
	       record->positions * sizeof(*arrays->positions));
	memcpy(arrays->inlinings, view->inlinings,
	       record->inlinings * sizeof(*arrays->inlinings));
	arrays->traps += record->traps;
	arrays->relocs += record->relocs;
	arrays->positions += record->positions;
	arrays->inlinings += record->inlinings;
}

static int ca__load_add(struct ca__loading *loading,
			const struct ca__batch *batch,
			struct codearena_reloc_error *failed)
{
	struct ca__reader reader = batch->reader;
	struct codearena_code_desc *descs;
	struct ca__arrays arrays;
	struct ca__view view;
	size_t i;
	int ret;

	ret = ca__arrays_new(batch, &arrays);
	if (ret)
		return ret;
	descs = arrays.descs;
	for (i = 0; i < batch->count; i++) {
		ca__view_read(&reader, &view);
		ca__desc_read(&view, &arrays);
	}
	ret = ca__module_add(loading->module, descs, batch->count,
			     loading->codes + batch->first, failed);
	free(descs);
	return ret;
}

/* The first error counts. @failed->object is an index in @batch, or SIZE_MAX. */
static void ca__load_refused(struct ca__loading *loading,
			     const struct ca__batch *batch,
			     const struct codearena_reloc_error *failed,
			     int error)
{
	pthread_mutex_lock(&loading->lock);
	if (!atomic_load(&loading->error)) {
		atomic_store(&loading->error, error);
		loading->reloc = *failed;
		loading->reloc.error = error;
		if (failed->object != SIZE_MAX) {
			loading->reason = CODEARENA_SNAPSHOT_OBJECT;
			loading->object = batch->first + failed->object;
			loading->reloc.object = loading->object;
		}
	}
	pthread_mutex_unlock(&loading->lock);
}

/* Called by any number of threads. */
static void ca__load_work(void *context)
{
	struct ca__loading *loading = context;
	const struct ca__plan *plan = &loading->plan;
	struct codearena_reloc_error failed;
	size_t i;
	int ret;

	while (!atomic_load(&loading->error) &&
	       (i = atomic_fetch_add(&loading->next, 1)) < plan->batch_count) {
		ca__failed_begin(NULL, &failed);
		ret = ca__load_add(loading, &plan->batches[i], &failed);
		if (ret)
			ca__load_refused(loading, &plan->batches[i], &failed,
					 ret);
	}
}

static int ca__load_publish(struct ca__loading *loading,
			    const struct ca__batch *batch)
{
	struct codearena_reloc_error failed;
	int ret;

	ca__failed_begin(NULL, &failed);
	ret = ca__module_publish(loading->module, loading->codes + batch->first,
				 batch->count, false, &failed.object);
	if (ret)
		ca__load_refused(loading, batch, &failed, ret);
	return ret;
}

static void ca__load_drop(struct ca__loading *loading, size_t from)
{
	ca__drop_each(loading->module, loading->codes + from,
			 loading->plan.objects - from);
}

static int ca__load_publish_all(struct ca__loading *loading)
{
	const struct ca__plan *plan = &loading->plan;
	struct codearena_module *module = loading->module;
	size_t i, first;
	int ret;

	ret = ca__revert_reserve(module);
	if (ret) {
		ca__load_drop(loading, 0);
		return ret;
	}
	/* An event callback may replace code that this call still needs. */
	for (i = 0; i < plan->objects; i++)
		codearena_code_ref(loading->codes[i]);
	for (i = 0; i < plan->batch_count && !ret; i++)
		ret = ca__load_publish(loading, &plan->batches[i]);
	if (!ret) {
		ca__module_put(loading->codes, plan->objects);
		return 0;
	}
	first = plan->batches[i - 1].first;
	ca__load_drop(loading, first);
	ca__revert_codes(module, loading->codes, first);
	ca__module_put(loading->codes, first);
	ca__owner_reap(&module->owner);
	return ret;
}

static int ca__load_all(struct ca__loading *loading)
{
	const struct codearena_snapshot_opts *opts = &loading->opts;
	int ret;

	ret = ca__revert_begin(loading->module, &loading->handles);
	if (ret)
		return ret;
	ret = -ENOMEM;
	loading->codes = calloc(loading->plan.objects,
				sizeof(*loading->codes));
	if (!loading->codes)
		goto out_handles;
	if (opts->parallel)
		opts->parallel(opts->data, ca__load_work, loading);
	ca__load_work(loading);
	ret = atomic_load(&loading->error);
	if (ret)
		ca__load_drop(loading, 0);
	else
		ret = ca__load_publish_all(loading);
	if (ret)
		ca__revert_handles(loading->module, loading->handles);
	free(loading->codes);
out_handles:
	free(loading->handles);
	return ret;
}

static int ca__load_plan(struct ca__loading *loading,
			 const struct codearena_snapshot_opts *opts,
			 const void *from, size_t size)
{
	struct codearena_module *module = loading->module;
	struct ca__head expected;
	int ret;

	if (!module || !from)
		return -EINVAL;
	ret = ca__snapshot_opts_get(&loading->opts, opts);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	ca__head_expect(&expected, module, &loading->opts);
	pthread_mutex_unlock(&module->lock);
	return ca__snapshot_plan(&expected, from, size, &loading->plan,
				 &loading->reason);
}

/* Fills in the caller's structures. */
static void ca__load_failed(const struct ca__loading *loading,
			    struct codearena_snapshot_error *to, int error)
{
	struct codearena_snapshot_error own = {
		.reason = loading->reason,
		.error = error,
		.object = loading->object,
		.text = ca__snapshot_reason(loading->reason),
		.reloc = to->reloc,
	};

	if (to->reloc)
		ca__struct_put(to->reloc, &loading->reloc, CA__SIZE_RELOC_ERROR,
			       sizeof(loading->reloc));
	ca__struct_put(to, &own, CA__SIZE_SNAPSHOT_ERROR, sizeof(own));
}

CODEARENA_API int
codearena_snapshot_load(struct codearena_module *module,
			const struct codearena_snapshot_opts *opts,
			const void *from, size_t size, uint8_t *states,
			struct codearena_snapshot_error *failed)
{
	struct ca__loading loading = { .module = module, .object = SIZE_MAX };
	int ret;

	if (failed && failed->sz < CA__SIZE_SNAPSHOT_ERROR)
		return -EINVAL;
	if (ca__module_check(module) == -EPERM)
		return -EPERM;
	ret = ca__failed_begin(failed ? failed->reloc : NULL, &loading.reloc);
	if (ret)
		return ret;
	ret = ca__load_plan(&loading, opts, from, size);
	if (!ret) {
		pthread_mutex_init(&loading.lock, NULL);
		ret = ca__load_all(&loading);
		pthread_mutex_destroy(&loading.lock);
	}
	if (failed)
		ca__load_failed(&loading, failed, ret);
	if (!ret && states && loading.plan.head.functions)
		memcpy(states, loading.plan.states,
		       loading.plan.head.functions);
	return ret;
}
