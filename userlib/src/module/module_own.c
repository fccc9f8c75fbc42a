// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The published code that a module owns: an unordered array, in which each object
 * knows its index. Adding and removing takes constant time; callers that need
 * the code by address sort it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/lookup.h"
#include "module/module.h"
#include "space/space.h"

/* Code objects freed at a time; the smaller number needs no memory. */
#define CA__REAP_STEP	4096
#define CA__REAP_SMALL	64

/**
 * ca__owned_reserve - have room for more code
 * @module: module, whose lock is held
 * @more: how many objects
 *
 * Return: 0 or -ENOMEM.
 */
int ca__owned_reserve(struct codearena_module *module, size_t more)
{
	size_t wanted = module->owned_count + more, room;
	struct codearena_code **array;

	if (wanted <= module->owned_room)
		return 0;
	room = wanted + module->owned_room;
	array = realloc(module->owned, room * sizeof(*array));
	if (!array)
		return -ENOMEM;
	module->owned = array;
	module->owned_room = room;
	return 0;
}

/* The counter of a tier that an object adds to, or NULL. */
static uint64_t *ca__tier_bytes(struct codearena_module *module,
				const struct codearena_code *code)
{
	if (code->debug != CODEARENA_DEBUG_NONE)
		return NULL;
	if (code->tier == CODEARENA_TIER_BASELINE)
		return &module->counters.baseline_bytes;
	if (code->tier == CODEARENA_TIER_OPTIMIZED)
		return &module->counters.optimized_bytes;
	return NULL;
}

/**
 * ca__owned_add - code was published
 * @module: module, whose lock is held, with room reserved
 * @code: the code
 */
void ca__owned_add(struct codearena_module *module, struct codearena_code *code)
{
	uint64_t *bytes = ca__tier_bytes(module, code);

	code->place.index = module->owned_count;
	code->phase = CA__CODE_PUBLISHED;
	module->owned[module->owned_count++] = code;
	module->counters.codes++;
	module->counters.code_bytes += code->size;
	module->counters.metadata_bytes += ca__code_memory(code);
	if (bytes)
		*bytes += code->size;
}

static void ca__owned_remove(struct codearena_module *module,
			     struct codearena_code *code)
{
	struct codearena_code *last = module->owned[--module->owned_count];
	uint64_t *bytes = ca__tier_bytes(module, code);

	module->owned[code->place.index] = last;
	last->place.index = code->place.index;
	module->counters.codes--;
	module->counters.code_bytes -= code->size;
	module->counters.metadata_bytes -= ca__code_memory(code);
	if (bytes)
		*bytes -= code->size;
}

/**
 * ca__module_event - call the event callback
 * @module: module, whose lock is not held
 * @event: what
 * @code: code that a reference is held to, or that is being freed
 */
void ca__module_event(struct codearena_module *module,
		      enum codearena_event event, struct codearena_code *code)
{
	if (module->opts.event)
		module->opts.event(module->opts.data, module, event, code);
}

/**
 * ca__module_put - drop references, which may call back
 * @codes: array of code; entries may be NULL
 * @count: entries of @codes
 */
void ca__module_put(struct codearena_code *const *codes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (codes[i])
			codearena_code_put(codes[i]);
	}
}

/**
 * ca__code_by_start - compare pointers to code by address, for qsort()
 * @a: pointer to a pointer
 * @b: pointer to a pointer
 *
 * Return: as qsort() wants it.
 */
int ca__code_by_start(const void *a, const void *b)
{
	const struct codearena_code *first =
		*(struct codearena_code *const *)a;
	const struct codearena_code *second =
		*(struct codearena_code *const *)b;

	return first->start < second->start ? -1 : first->start > second->start;
}

/* Usually in the order of publishing already, or in the reverse order. */
static void ca__sort_by_start(struct codearena_code **codes, size_t count)
{
	size_t up = 1, down = 1, i;

	while (up < count && codes[up - 1]->start < codes[up]->start)
		up++;
	while (down < count && codes[down - 1]->start > codes[down]->start)
		down++;
	if (up >= count)
		return;
	if (down < count) {
		qsort(codes, count, sizeof(*codes), ca__code_by_start);
		return;
	}
	for (i = 0; i < count / 2; i++) {
		struct codearena_code *first = codes[i];

		codes[i] = codes[count - 1 - i];
		codes[count - 1 - i] = first;
	}
}

/**
 * struct ca__freeing - memory for freeing code
 * @regions: regions of the code, neighbours joined
 * @pieces: number of code objects in each
 * @room: entries of both
 */
struct ca__freeing {
	struct codearena_region *regions;
	size_t *pieces;
	size_t room;
};

/* End of the code space of an address: regions are not joined across it. */
static uint64_t ca__space_end(const struct codearena_module *module,
			      uint64_t address)
{
	struct codearena_arena *arena;
	uint64_t offset;

	if (codearena_allocator_locate(module->allocator, address, &arena,
				       &offset, NULL))
		return 0;
	return address - offset + codearena_arena_length(arena);
}

static size_t ca__join(const struct codearena_module *module,
		       struct codearena_code *const *codes, size_t count,
		       struct ca__freeing *freeing)
{
	uint64_t end = 0, limit = 0;
	size_t n = 0, i;

	for (i = 0; i < count; i++) {
		const struct codearena_code *code = codes[i];

		if (code->start != end || end >= limit) {
			limit = ca__space_end(module, code->start);
			freeing->regions[n].begin = code->start;
			freeing->regions[n].size = 0;
			freeing->pieces[n++] = 0;
		}
		freeing->regions[n - 1].size += code->size;
		freeing->pieces[n - 1]++;
		end = code->start + code->size;
	}
	return n;
}

/*
 * If the allocator refuses, as when the backend lacks memory, the space is lost
 * until the module is freed: nobody could try again.
 */
static void ca__dead_free(struct codearena_module *module,
			  struct codearena_code **codes, size_t count,
			  struct ca__freeing *freeing)
{
	size_t n, i;

	/* Detaching a logger either finds the code here or comes after this. */
	ca__module_log_begin(module);
	pthread_mutex_lock(&module->lock);
	for (i = 0; i < count; i++)
		ca__owned_remove(module, codes[i]);
	pthread_mutex_unlock(&module->lock);
	ca__module_log_gone(module, codes, count);
	ca__module_log_end(module);
	for (i = 0; i < count && module->opts.event; i++)
		ca__module_event(module, CODEARENA_EVENT_FREED, codes[i]);
	ca__lookup_remove(codes, count);
	n = ca__join(module, codes, count, freeing);
	ca__allocator_release(module->allocator, freeing->regions,
			      freeing->pieces, n);
	for (i = 0; i < count; i++)
		ca__code_destroy(codes[i]);
}

static void ca__module_free_codes(struct ca__owner *owner,
				  struct codearena_code **codes, size_t count)
{
	struct codearena_module *module = ca__module_of(owner);
	struct codearena_region few[CA__REAP_SMALL];
	size_t few_pieces[CA__REAP_SMALL];
	struct ca__freeing freeing = {
		.room = count < CA__REAP_STEP ? count : CA__REAP_STEP,
	};
	void *memory = NULL;

	if (count > CA__REAP_SMALL)
		memory = malloc(freeing.room * (sizeof(*freeing.regions) +
						sizeof(*freeing.pieces)));
	if (memory) {
		freeing.regions = memory;
		freeing.pieces = (size_t *)(freeing.regions + freeing.room);
	} else {
		freeing.regions = few;
		freeing.pieces = few_pieces;
		freeing.room = CA__REAP_SMALL;
	}
	ca__sort_by_start(codes, count);
	while (count) {
		size_t n = count < freeing.room ? count : freeing.room;

		ca__dead_free(module, codes, n, &freeing);
		codes += n;
		count -= n;
	}
	free(memory);
}

const struct ca__owner_ops ca__module_owner_ops = {
	.free_codes = ca__module_free_codes,
};

CODEARENA_API int codearena_module_reap(struct codearena_module *module,
					size_t *count)
{
	size_t total;

	if (count)
		*count = 0;
	if (!module || module->opts.collector)
		return -EINVAL;
	if (ca__module_check(module))
		return -EPERM;
	total = ca__owner_reap(&module->owner);
	if (count)
		*count = total;
	return 0;
}

/* The module's lock is held. Returns the number of entries. */
static size_t ca__codes_current(struct codearena_module *module,
				struct codearena_code **out)
{
	size_t i;

	for (i = 0; i < module->opts.functions; i++) {
		out[i] = module->table[i];
		if (out[i] && codearena_code_ref(out[i]))
			out[i] = NULL;
	}
	return i;
}

/* The same for all published code. */
static size_t ca__codes_all(struct codearena_module *module,
			    struct codearena_code **out)
{
	size_t n = 0, i;

	for (i = 0; i < module->owned_count; i++) {
		if (ca__code_try_ref(module->owned[i]))
			out[n++] = module->owned[i];
	}
	return n;
}

CODEARENA_API int codearena_module_codes(struct codearena_module *module,
					 uint32_t flags,
					 struct codearena_code **out,
					 size_t *count)
{
	bool current = flags & CODEARENA_CODES_CURRENT;
	size_t room, wanted;

	if (!module || !count || (*count && !out))
		return -EINVAL;
	if (flags & ~CODEARENA_CODES_CURRENT)
		return -EOPNOTSUPP;
	if (ca__module_check(module))
		return -EPERM;
	room = *count;
	pthread_mutex_lock(&module->lock);
	wanted = current ? module->opts.functions : module->owned_count;
	*count = wanted;
	if (room >= wanted)
		*count = current ? ca__codes_current(module, out) :
				   ca__codes_all(module, out);
	pthread_mutex_unlock(&module->lock);
	if (room < wanted)
		return -EMSGSIZE;
	if (!current && *count)
		qsort(out, *count, sizeof(*out), ca__code_by_start);
	return 0;
}

CODEARENA_API int codearena_module_code(struct codearena_module *module,
					uint32_t function,
					struct codearena_code **out)
{
	uint32_t slot;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	if (!ca__module_slot(module, function, &slot))
		return -ENOENT;
	pthread_mutex_lock(&module->lock);
	*out = module->table[slot];
	if (*out && codearena_code_ref(*out))
		*out = NULL;
	pthread_mutex_unlock(&module->lock);
	return *out ? 0 : -ENOENT;
}

CODEARENA_API int codearena_module_lookup(struct codearena_module *module,
					  const void *pc,
					  struct codearena_code **out)
{
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__module_check(module);
	if (ret)
		return ret;
	*out = ca__lookup_ref((uintptr_t)pc, &module->owner);
	return *out ? 0 : -ENOENT;
}

CODEARENA_API int
codearena_module_stat(struct codearena_module *module,
		      struct codearena_module_counters *counters)
{
	struct codearena_module_counters own;
	int ret = ca__module_check(module);

	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	own = module->counters;
	pthread_mutex_unlock(&module->lock);
	own.dead = ca__owner_dead(&module->owner);
	own.baseline_bytes += own.table_bytes;
	own.optimized_bytes += own.table_bytes;
	return ca__struct_put(counters, &own, CA__SIZE_MODULE_COUNTERS,
			      sizeof(own));
}

CODEARENA_API struct codearena_allocator *
codearena_module_allocator(struct codearena_module *module)
{
	return module ? module->allocator : NULL;
}
