/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What must be true of a module, compared with the model.
 */
#ifndef FUZZ_MODULE_CHECK_H
#define FUZZ_MODULE_CHECK_H

#include <sys/uio.h>
#include <unistd.h>

#include "code/handle.h"
#include "module/module.h"
#include "module_code.h"

/* As GDB documents it. */
struct jit_entry {
	struct jit_entry *next, *previous;
	const char *object;
	uint64_t size;
};

extern struct {
	uint32_t version, action;
	struct jit_entry *relevant, *first;
} __jit_debug_descriptor;

static struct model model;
static struct codearena_module *module;
static struct codearena_handle_table *handles;
static codearena_handle function_handles[FUNCTIONS];

static inline unsigned int call(uint64_t address)
{
	unsigned int (*function)(void);

	memcpy(&function, &address, sizeof(function));
	return function();
}

/* Freed code is trap instructions, or cannot be read; or is other code. */
static inline void check_gone(struct codearena_region region)
{
	uint8_t bytes[BODY];
	struct iovec to = { bytes, region.size };
	struct iovec from = { (void *)(uintptr_t)region.begin, region.size };
	ssize_t got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	ssize_t i;

	for (i = 0; i < got; i++)
		require(bytes[i] == TRAP || model_at(&model, region.begin + i));
}

static inline void check_all_gone(void)
{
	unsigned int i;

	for (i = 0; i < GONE && i < model.gone_count; i++)
		check_gone(model.gone[i]);
}

/* Through the slots of every code space. */
static inline void check_function(uint32_t function, const uint64_t *from, size_t count)
{
	const struct entry *e = model.current[function];
	uint32_t want = e ? model_value(&model, e, 0) :
			model.lazy ? LAZY_VALUE + IMPORTS + function : 0;
	uint64_t target, entry, signature;
	uint32_t found;
	bool builtin;
	size_t i;

	for (i = 0; i < count; i++) {
		require(!codearena_module_call_target(module,
						      IMPORTS + function,
						      from[i], &target));
		require(!codearena_module_slot(module, target, &builtin,
					       &found));
		require(!builtin && found == IMPORTS + function);
		require(!want || call(target) == want);
	}
	if (function_handles[function] == CODEARENA_HANDLE_INVALID)
		return;
	require(!codearena_module_call_target(module, IMPORTS + function, 0,
					      &target));
	require(!ca__handle_get(handles, function_handles[function],
				      &entry, &signature));
	require(signature == 7 && entry == (e ? e->start : target));
}

static inline void check_codes(struct codearena_module_counters *want)
{
	unsigned int i, reported = 0, known = 0;
	struct jit_entry *jit;

	for (i = 0; i < CODES; i++) {
		const struct entry *e = &model.entries[i];
		uint32_t value;

		if (e->life != LIVE) {
			want->added += e->life == STAGED;
			continue;
		}
		require(codearena_code_find(e->start) == e->code);
		require(codearena_code_find(e->start + e->size - 1) == e->code);
		value = model_value(&model, e, 0);
		require(!value || call(e->start) == value);
		want->codes++;
		want->dead += !model.collector && !entry_refs(e);
		want->code_bytes += e->size;
		want->metadata_bytes += e->memory;
		if (!e->debug && e->tier == CODEARENA_TIER_BASELINE)
			want->baseline_bytes += e->size;
		if (!e->debug && e->tier == CODEARENA_TIER_OPTIMIZED)
			want->optimized_bytes += e->size;
		reported += e->reported;
	}
	for (jit = __jit_debug_descriptor.first; jit; jit = jit->next)
		known++;
	require(reported == known);
}

static inline void check(void)
{
	CODEARENA_OPTS(codearena_space_info, space);
	CODEARENA_OPTS(codearena_module_counters, stat);
	CODEARENA_OPTS(codearena_module_counters, want);
	struct codearena_code *table[FUNCTIONS];
	size_t count = FUNCTIONS, i;
	uint64_t from[16];

	require(!codearena_module_stat(module, &stat));
	check_codes(&want);
	require(!codearena_module_codes(module, CODEARENA_CODES_CURRENT, table, &count));
	for (i = 0; i < FUNCTIONS; i++) {
		require(table[i] ==
			(model.current[i] ? model.current[i]->code : NULL));
		want.current += !!table[i];
	}
	ca__module_put(table, FUNCTIONS);
	require(stat.added == want.added && stat.codes == want.codes);
	require(stat.current == want.current && stat.dead == want.dead);
	require(stat.code_bytes == want.code_bytes);
	require(stat.metadata_bytes == want.metadata_bytes);
	require(stat.baseline_bytes - stat.table_bytes == want.baseline_bytes);
	require(stat.optimized_bytes - stat.table_bytes ==
		want.optimized_bytes);
	for (i = 0; i < stat.spaces && i < 16; i++) {
		require(!codearena_allocator_space(
			codearena_module_allocator(module), i, &space));
		from[i] = space.region.begin;
	}
	count = i;
	for (i = 0; i < FUNCTIONS; i++)
		check_function(i, from, count);
}

#endif /* FUZZ_MODULE_CHECK_H */
