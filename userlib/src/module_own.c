// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What a module owns: published code, by an array without order, in which each
 * object knows its place (word is twice the index, plus one). Adding and
 * removing takes the same time however much there is; who wants it in the order
 * of addresses sorts it then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "module.h"

/* Regions given to the allocator at a time. */
#define CA__REAP_STEP	256

/**
 * ca__owned_reserve - have room for more code
 * @module: module, whose lock is held
 * @more: how many objects
 *
 * All of it may be dead at a time: there must be room for that too, as dropping
 * a reference cannot fail.
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
	array = realloc(module->dead, room * sizeof(*array));
	if (!array)
		return -ENOMEM;
	module->dead = array;
	module->owned_room = room;
	return 0;
}

/* What an object adds to a counter of its tier, if it counts there. */
static uint64_t *ca__tier_bytes(struct codearena_module *module,
				const struct codearena_code *code)
{
	if (code->debug != CODEARENA_DEBUG_NONE)
		return NULL;
	if (code->tier == CODEARENA_TIER_BASELINE)
		return &module->stat.baseline_bytes;
	if (code->tier == CODEARENA_TIER_OPTIMIZED)
		return &module->stat.optimized_bytes;
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

	code->word = (uint64_t)module->owned_count << CA__WORD_SHIFT | 1;
	module->owned[module->owned_count++] = code;
	module->stat.codes++;
	module->stat.code_bytes += code->size;
	module->stat.metadata_bytes += codearena_code_memory(code);
	if (bytes)
		*bytes += code->size;
}

static void ca__owned_remove(struct codearena_module *module,
			     struct codearena_code *code)
{
	struct codearena_code *last = module->owned[--module->owned_count];
	uint64_t *bytes = ca__tier_bytes(module, code);

	module->owned[code->word >> CA__WORD_SHIFT] = last;
	last->word = (code->word & ~(uint64_t)CA__WORD_RELEASED) |
		     (last->word & CA__WORD_RELEASED);
	module->stat.codes--;
	module->stat.code_bytes -= code->size;
	module->stat.metadata_bytes -= codearena_code_memory(code);
	if (bytes)
		*bytes -= code->size;
}

/**
 * ca__module_event - tell the program what happened
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
 * codearena_module_put - see codearena_module.h
 * @codes: array of code
 * @count: entries of @codes
 */
CODEARENA_API void codearena_module_put(struct codearena_code *const *codes,
					size_t count)
{
	size_t i;

	for (i = 0; codes && i < count; i++) {
		struct codearena_module *module;

		if (!codes[i])
			continue;
		module = codes[i]->owner;
		if (!ca__code_unref(codes[i]))
			continue;
		pthread_mutex_lock(&module->lock);
		module->dead[module->dead_count++] = codes[i];
		module->stat.dead++;
		pthread_mutex_unlock(&module->lock);
	}
}

/* Takes some dead code out of all lists but that of the lookup. */
static size_t ca__dead_take(struct codearena_module *module,
			    struct codearena_code **codes, size_t limit)
{
	size_t count = 0;

	pthread_mutex_lock(&module->lock);
	while (count < limit && module->dead_count) {
		struct codearena_code *code =
			module->dead[--module->dead_count];

		ca__owned_remove(module, code);
		module->stat.dead--;
		codes[count++] = code;
	}
	pthread_mutex_unlock(&module->lock);
	return count;
}

/* There is room: it is where they came from, as long as nobody publishes. */
static int ca__dead_return(struct codearena_module *module,
			   struct codearena_code *const *codes, size_t count)
{
	size_t i;
	int ret;

	pthread_mutex_lock(&module->lock);
	ret = ca__owned_reserve(module, count);
	for (i = 0; i < count && !ret; i++) {
		ca__owned_add(module, codes[i]);
		module->dead[module->dead_count++] = codes[i];
		module->stat.dead++;
	}
	pthread_mutex_unlock(&module->lock);
	return ret;
}

static int ca__by_start(const void *a, const void *b)
{
	const struct codearena_code *first =
		*(struct codearena_code *const *)a;
	const struct codearena_code *second =
		*(struct codearena_code *const *)b;

	return first->start < second->start ? -1 : first->start > second->start;
}

/*
 * A batch that the allocator refuses waits for the next time. If even that is
 * not possible, its space is lost until the module goes.
 */
static int ca__dead_free(struct codearena_module *module,
			 struct codearena_code **codes, size_t count)
{
	struct codearena_region regions[CA__REAP_STEP];
	size_t done = 0, i;
	int ret;

	/* They come in the order of publishing, or just the other way round. */
	qsort(codes, count, sizeof(*codes), ca__by_start);
	for (i = 0; i < count; i++) {
		regions[i].begin = codes[i]->start;
		regions[i].size = codes[i]->size;
		ca__module_event(module, CODEARENA_EVENT_FREED, codes[i]);
	}
	ca__lookup_remove(codes, count);
	ret = codearena_allocator_release(module->allocator, regions, count,
					  &done);
	if (!ret)
		done = count;
	for (i = 0; i < done; i++)
		ca__code_destroy(codes[i]);
	if (!ret)
		return 0;
	if (ca__lookup_add(codes + done, count - done) ||
	    ca__dead_return(module, codes + done, count - done)) {
		for (i = done; i < count; i++)
			ca__code_destroy(codes[i]);
	}
	return ret;
}

/**
 * codearena_module_reap - see codearena_module.h
 * @module: module
 * @count: NULL, or gets the number of code objects that were freed
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int codearena_module_reap(struct codearena_module *module,
					size_t *count)
{
	struct codearena_code *codes[CA__REAP_STEP];
	size_t total = 0, n;
	int ret = 0;

	if (count)
		*count = 0;
	if (!module)
		return -EINVAL;
	do {
		n = ca__dead_take(module, codes, CA__REAP_STEP);
		if (n)
			ret = ca__dead_free(module, codes, n);
		if (!ret)
			total += n;
	} while (n == CA__REAP_STEP && !ret);
	if (count)
		*count = total;
	return ret;
}

/**
 * codearena_module_snapshot_all - see codearena_module.h
 * @module: module
 * @out: array that gets the code
 * @count: entries of @out; gets the number that is filled in
 *
 * Return: 0, -EINVAL or -EMSGSIZE.
 */
CODEARENA_API int
codearena_module_snapshot_all(struct codearena_module *module,
			      struct codearena_code **out, size_t *count)
{
	size_t n = 0, i;

	if (!module || !count || (*count && !out))
		return -EINVAL;
	pthread_mutex_lock(&module->lock);
	if (*count < module->owned_count) {
		*count = module->owned_count;
		pthread_mutex_unlock(&module->lock);
		return -EMSGSIZE;
	}
	for (i = 0; i < module->owned_count; i++) {
		if (ca__code_try_ref(module->owned[i]))
			out[n++] = module->owned[i];
	}
	pthread_mutex_unlock(&module->lock);
	if (n)
		qsort(out, n, sizeof(*out), ca__by_start);
	*count = n;
	return 0;
}

/**
 * codearena_module_snapshot_table - see codearena_module.h
 * @module: module
 * @out: array that gets an entry for each function
 * @count: entries of @out; gets the number of declared functions
 *
 * Return: 0, -EINVAL or -EMSGSIZE.
 */
CODEARENA_API int
codearena_module_snapshot_table(struct codearena_module *module,
				struct codearena_code **out, size_t *count)
{
	size_t room, i;

	if (!module || !count || (*count && !out))
		return -EINVAL;
	room = *count;
	*count = module->opts.functions;
	if (room < *count)
		return -EMSGSIZE;
	pthread_mutex_lock(&module->lock);
	for (i = 0; i < *count; i++) {
		out[i] = module->table[i];
		if (out[i] && codearena_code_ref(out[i]))
			out[i] = NULL;
	}
	pthread_mutex_unlock(&module->lock);
	return 0;
}

/**
 * codearena_module_code - see codearena_module.h
 * @module: module
 * @function: index of a declared function
 * @out: gets the code
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
CODEARENA_API int codearena_module_code(struct codearena_module *module,
					uint32_t function,
					struct codearena_code **out)
{
	uint32_t slot;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!module)
		return -EINVAL;
	if (!ca__module_slot(module, function, &slot))
		return -ENOENT;
	pthread_mutex_lock(&module->lock);
	*out = module->table[slot];
	if (*out && codearena_code_ref(*out))
		*out = NULL;
	pthread_mutex_unlock(&module->lock);
	return *out ? 0 : -ENOENT;
}

/**
 * codearena_module_lookup - see codearena_module.h
 * @module: module
 * @pc: any address
 * @out: gets the code
 *
 * Return: 0, -EINVAL or -ENOENT.
 */
CODEARENA_API int codearena_module_lookup(struct codearena_module *module,
					  const void *pc,
					  struct codearena_code **out)
{
	struct codearena_code *code;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!module)
		return -EINVAL;
	code = codearena_code_find_ref((uintptr_t)pc);
	if (!code)
		return -ENOENT;
	if (code->owner != module) {
		codearena_module_put(&code, 1);
		return -ENOENT;
	}
	*out = code;
	return 0;
}

/**
 * codearena_module_stat - see codearena_module.h
 * @module: module
 * @stat: gets the counters
 *
 * Return: 0 or -EINVAL.
 */
CODEARENA_API int codearena_module_stat(struct codearena_module *module,
					struct codearena_module_stat *stat)
{
	size_t sz;

	if (!module || !stat || stat->sz < sizeof(*stat))
		return -EINVAL;
	sz = stat->sz;
	pthread_mutex_lock(&module->lock);
	*stat = module->stat;
	pthread_mutex_unlock(&module->lock);
	stat->sz = sz;
	memset((char *)stat + sizeof(*stat), 0, sz - sizeof(*stat));
	stat->baseline_bytes += stat->table_bytes;
	stat->optimized_bytes += stat->table_bytes;
	return 0;
}

/**
 * codearena_module_allocator - see codearena_module.h
 * @module: module
 *
 * Return: the allocator, or NULL.
 */
CODEARENA_API struct codearena_allocator *
codearena_module_allocator(struct codearena_module *module)
{
	return module ? module->allocator : NULL;
}
