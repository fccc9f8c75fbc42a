// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loading snapshots: all code is added, by several threads perhaps, then it is
 * published batch by batch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot.h"

/**
 * struct ca__loading - one call
 * @module: the module
 * @plan: the snapshot
 * @codes: what was added; NULL where not. From the first publishing on there is
 *         a reference of this call to each.
 * @handles: for ca__undo_handles()
 * @failed: where to say what was refused
 * @next: batch that no thread adds yet
 * @lock: protects @error and @failed while code is added
 * @error: of the first thread that met one
 */
struct ca__loading {
	struct codearena_module *module;
	struct ca__plan plan;
	struct codearena_code **codes;
	codearena_handle *handles;
	struct codearena_snapshot_error *failed;
	atomic_size_t next;
	pthread_mutex_t lock;
	atomic_int error;
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

	/* What must be aligned most comes first. */
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

	*arrays->descs++ = (struct codearena_code_desc){
		.sz = sizeof(*arrays->descs),
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
	};
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

	failed->object = SIZE_MAX;
	ret = ca__arrays_new(batch, &arrays);
	if (ret)
		return ret;
	descs = arrays.descs;
	for (i = 0; i < batch->count; i++) {
		ca__view_read(&reader, &view);
		ca__desc_read(&view, &arrays);
	}
	ret = codearena_module_add(loading->module, descs, batch->count,
				   loading->codes + batch->first, failed);
	free(descs);
	return ret;
}

static void ca__load_refused(struct ca__loading *loading, size_t object,
			     const struct codearena_reloc_error *reloc,
			     int error)
{
	struct codearena_snapshot_error *failed = loading->failed;

	pthread_mutex_lock(&loading->lock);
	if (!atomic_load(&loading->error)) {
		atomic_store(&loading->error, error);
		if (object != SIZE_MAX) {
			failed->reason = CODEARENA_SNAPSHOT_OBJECT;
			failed->object = object;
		}
		if (reloc) {
			failed->reloc = *reloc;
			failed->reloc.object = object;
		}
	}
	pthread_mutex_unlock(&loading->lock);
}

/* In any number of threads. */
static void ca__load_work(void *context)
{
	struct ca__loading *loading = context;
	const struct ca__plan *plan = &loading->plan;
	size_t i;

	while (!atomic_load(&loading->error) &&
	       (i = atomic_fetch_add(&loading->next, 1)) < plan->batch_count) {
		struct codearena_reloc_error failed = { .sz = sizeof(failed) };
		size_t object = SIZE_MAX;
		int ret = ca__load_add(loading, &plan->batches[i], &failed);

		if (!ret)
			continue;
		if (failed.object != SIZE_MAX)
			object = plan->batches[i].first + failed.object;
		ca__load_refused(loading, object, &failed, ret);
	}
}

static int ca__load_publish(struct ca__loading *loading,
			    const struct ca__batch *batch)
{
	struct codearena_code **codes = loading->codes + batch->first;
	size_t index;
	int ret;

	ret = codearena_module_publish(loading->module, codes, batch->count,
				       &index);
	if (ret)
		ca__load_refused(loading, index == SIZE_MAX ? index :
				 batch->first + index, NULL, ret);
	return ret;
}

static void ca__load_abandon(struct ca__loading *loading, size_t from)
{
	ca__abandon_each(loading->module, loading->codes + from,
			 loading->plan.objects - from);
}

static int ca__load_publish_all(struct ca__loading *loading)
{
	const struct ca__plan *plan = &loading->plan;
	struct codearena_module *module = loading->module;
	size_t i, first;
	int ret;

	ret = ca__undo_reserve(module);
	if (ret) {
		ca__load_abandon(loading, 0);
		return ret;
	}
	/* An event handler may replace code while it is still needed here. */
	for (i = 0; i < plan->objects; i++)
		codearena_code_ref(loading->codes[i]);
	for (i = 0; i < plan->batch_count && !ret; i++)
		ret = ca__load_publish(loading, &plan->batches[i]);
	if (!ret) {
		codearena_module_put(loading->codes, plan->objects);
		return 0;
	}
	first = plan->batches[i - 1].first;
	ca__load_abandon(loading, first);
	ca__undo_publish(module, loading->codes, first);
	codearena_module_put(loading->codes, first);
	ca__owner_reap(&module->owner);
	return ret;
}

static int ca__load_all(struct ca__loading *loading,
			const struct codearena_snapshot_opts *opts)
{
	int ret;

	ret = ca__undo_begin(loading->module, &loading->handles);
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
		ca__load_abandon(loading, 0);
	else
		ret = ca__load_publish_all(loading);
	if (ret)
		ca__undo_handles(loading->module, loading->handles);
	free(loading->codes);
out_handles:
	free(loading->handles);
	return ret;
}

static int ca__failed_clear(struct codearena_snapshot_error *failed)
{
	size_t sz = failed->sz;
	int ret;

	ret = ca__struct_check(failed, sz, sizeof(*failed), sz);
	if (ret)
		return ret;
	*failed = (struct codearena_snapshot_error){
		.sz = sz,
		.object = SIZE_MAX,
		.reloc.sz = sizeof(failed->reloc),
		.reloc.object = SIZE_MAX,
		.reloc.index = SIZE_MAX,
	};
	return 0;
}

static int ca__plan_for(struct codearena_module *module,
			const struct codearena_snapshot_opts *from_opts,
			struct codearena_snapshot_opts *opts, const void *from,
			size_t size, struct ca__plan *plan,
			struct codearena_snapshot_error *failed)
{
	struct ca__head expected;
	int ret;

	ret = ca__failed_clear(failed);
	if (ret)
		return ret;
	ret = module && from ? ca__snapshot_opts_get(opts, from_opts) : -EINVAL;
	if (!ret) {
		pthread_mutex_lock(&module->lock);
		ca__head_expect(&expected, module, opts);
		pthread_mutex_unlock(&module->lock);
		ret = ca__snapshot_plan(&expected, from, size, plan,
					&failed->reason);
	}
	failed->error = ret;
	return ret;
}

/**
 * codearena_snapshot_check - see codearena/snapshot.h
 * @module: module
 * @opts: NULL, or options
 * @from: the snapshot
 * @size: bytes of it
 * @failed: NULL, or gets what is wrong
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_snapshot_check(struct codearena_module *module,
			 const struct codearena_snapshot_opts *opts,
			 const void *from, size_t size,
			 struct codearena_snapshot_error *failed)
{
	CODEARENA_OPTS(codearena_snapshot_error, ignored);
	struct codearena_snapshot_opts complete;
	struct ca__plan plan;

	return ca__plan_for(module, opts, &complete, from, size, &plan,
			    failed ? failed : &ignored);
}

/**
 * codearena_snapshot_load - see codearena/snapshot.h
 * @module: module without code
 * @opts: NULL, or options
 * @from: the snapshot
 * @size: bytes of it
 * @states: NULL, or gets a state for each declared function
 * @failed: NULL, or gets what is wrong
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_snapshot_load(struct codearena_module *module,
			const struct codearena_snapshot_opts *opts,
			const void *from, size_t size, uint8_t *states,
			struct codearena_snapshot_error *failed)
{
	CODEARENA_OPTS(codearena_snapshot_error, ignored);
	struct ca__loading loading = {
		.module = module,
		.failed = failed ? failed : &ignored,
	};
	struct codearena_snapshot_opts complete;
	int ret;

	ret = ca__plan_for(module, opts, &complete, from, size, &loading.plan,
			   loading.failed);
	if (ret)
		return ret;
	pthread_mutex_init(&loading.lock, NULL);
	ret = ca__load_all(&loading, &complete);
	pthread_mutex_destroy(&loading.lock);
	loading.failed->error = ret;
	if (!ret && states && loading.plan.head.functions)
		memcpy(states, loading.plan.states,
		       loading.plan.head.functions);
	return ret;
}
