// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The host side of a module: memories, tables, function types, imports, and a few
 * functions of the C library.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

#define MOST_PAGES	65536U
/* A 32-bit address plus a 32-bit offset plus the widest access. */
#define GUARD_LENGTH	((8ULL << 30) + WASM_PAGE)

/* Parameters and results of a function, 1000 of each in engines. */
#define MOST_VALUES	2000

struct wasm_module *wasm_current;

static const char *const reasons[WASM_RT_TRAP_COUNT] = {
	[WASM_RT_TRAP_OOB] = "out of bounds table access",
	[WASM_RT_TRAP_INT_OVERFLOW] = "integer overflow",
	[WASM_RT_TRAP_DIV_BY_ZERO] = "integer divide by zero",
	[WASM_RT_TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
	[WASM_RT_TRAP_UNREACHABLE] = "unreachable",
	[WASM_RT_TRAP_CALL_INDIRECT] = "indirect call type mismatch",
	[WASM_RT_TRAP_EXHAUSTION] = "call stack exhausted",
	[WASM_RT_TRAP_MEMORY] = "out of bounds memory access",
	[WASM_RT_TRAP_UNDEFINED_ELEMENT] = "undefined element",
	[WASM_RT_TRAP_UNINITIALIZED_ELEMENT] = "uninitialized element",
};

static bool guard_has(const struct codearena_guard *guard, uint64_t address)
{
	return guard && address - (uintptr_t)codearena_guard_base(guard) <
			codearena_guard_length(guard);
}

const char *wasm_reason(const struct codearena_trap_report *report)
{
	const wasm_rt_memory_t *memory = wasm_current->memory;
	int code;

	if (report->kind == CODEARENA_TRAP_DIVIDE)
		return reasons[WASM_RT_TRAP_DIV_BY_ZERO];
	if (report->kind == CODEARENA_TRAP_UNDEFINED)
		return reasons[WASM_RT_TRAP_UNREACHABLE];
	if (memory && guard_has(memory->guard, report->address))
		return reasons[WASM_RT_TRAP_MEMORY];
	if (guard_has(wasm_stack_guard, report->address))
		return reasons[WASM_RT_TRAP_EXHAUSTION];
	code = codearena_trap_code(report->address);
	if (code > 0 && code < WASM_RT_TRAP_COUNT && reasons[code])
		return reasons[code];
	return "a trap of no known reason";
}

struct known_type {
	uint32_t number;
	char letters[];
};

static int known_type_compare(const void *a, const void *b)
{
	const struct known_type *x = a, *y = b;

	return strcmp(x->letters, y->letters);
}

/* Equal types have the same number, counted from 1. */
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...)
{
	static void *known;
	static uint32_t count;
	struct known_type *type, **found;
	va_list args;
	uint32_t i;

	if (params > MOST_VALUES || results > MOST_VALUES)
		wasm_die("a function has %u parameters and %u results", params,
			 results);
	type = wasm_allocate(sizeof(*type) + params + results + 2);
	va_start(args, results);
	for (i = 0; i < params + results; i++)
		type->letters[i + (i >= params)] = 'a' + va_arg(args, int);
	va_end(args);
	type->letters[params] = ':';
	type->letters[params + results + 1] = '\0';
	found = tsearch(type, &known, known_type_compare);
	if (!found)
		wasm_die("out of memory");
	if (*found == type)
		type->number = ++count;
	else
		free(type);
	return (*found)->number;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages,
			     uint32_t max_pages)
{
	struct codearena_guard *guard;
	int ret;

	ret = codearena_guard_new(wasm_current->arena, GUARD_LENGTH, NULL,
				  &guard);
	if (!ret && pages)
		ret = codearena_guard_back(guard, 0, pages * WASM_PAGE);
	if (ret)
		wasm_die("no memory of %u pages: %s", pages, strerror(-ret));
	memory->guard = guard;
	memory->data = codearena_guard_base(guard);
	memory->pages = pages;
	memory->max_pages = max_pages < MOST_PAGES ? max_pages : MOST_PAGES;
	memory->size = pages * WASM_PAGE;
	if (!wasm_current->memory)
		wasm_current->memory = memory;
}

static uint32_t grow_memory(wasm_rt_memory_t *memory, uint32_t pages)
{
	uint32_t before = memory->pages;

	if (pages > memory->max_pages - before)
		return UINT32_MAX;
	if (pages && codearena_guard_back(memory->guard, memory->size,
					  pages * WASM_PAGE))
		return UINT32_MAX;
	wasm_touch(wasm_current, memory->data + memory->size,
		   pages * WASM_PAGE);
	memory->pages += pages;
	memory->size = memory->pages * WASM_PAGE;
	return before;
}

uint32_t wasm_host_grow_memory(wasm_rt_memory_t *memory, uint32_t pages)
{
	uint64_t begin = wasm_ticks();
	uint32_t before = grow_memory(memory, pages);

	wasm_current->ticks -= wasm_ticks() - begin;
	return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory)
{
	codearena_guard_free(memory->guard);
	if (wasm_current->memory == memory)
		wasm_current->memory = NULL;
	memset(memory, 0, sizeof(*memory));
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table,
				    uint32_t elements, uint32_t max_elements)
{
	table->data = wasm_allocate(elements * sizeof(*table->data));
	table->size = elements;
	table->max_size = max_elements;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table)
{
	free(table->data);
	memset(table, 0, sizeof(*table));
}

void wasm_rt_allocate_externref_table(wasm_rt_externref_table_t *table,
				      uint32_t elements, uint32_t max_elements)
{
	table->data = wasm_allocate(elements * sizeof(*table->data));
	table->size = elements;
	table->max_size = max_elements;
}

void wasm_rt_free_externref_table(wasm_rt_externref_table_t *table)
{
	free(table->data);
	memset(table, 0, sizeof(*table));
}

/* Grow an array by @delta entries of @size bytes; NULL if there is no memory. */
static void *grow_table(void *data, size_t size, uint32_t count, uint32_t most,
			uint32_t delta)
{
	if (delta > most - count)
		return NULL;
	return realloc(data, (count + (size_t)delta) * size + 1);
}

uint32_t wasm_host_grow_funcref_table(wasm_rt_funcref_table_t *table,
				      uint32_t delta, wasm_rt_funcref_t with)
{
	wasm_rt_funcref_t *data = grow_table(table->data, sizeof(with),
					     table->size, table->max_size,
					     delta);
	uint32_t before = table->size;

	if (!data)
		return UINT32_MAX;
	table->data = data;
	while (delta--)
		data[table->size++] = with;
	return before;
}

uint32_t wasm_host_grow_externref_table(wasm_rt_externref_table_t *table,
					uint32_t delta,
					wasm_rt_externref_t with)
{
	wasm_rt_externref_t *data = grow_table(table->data, sizeof(with),
					       table->size, table->max_size,
					       delta);
	uint32_t before = table->size;

	if (!data)
		return UINT32_MAX;
	table->data = data;
	while (delta--)
		data[table->size++] = with;
	return before;
}

static void print_call(const struct wasm_glue_import *import,
		       const uint64_t *values)
{
	printf("import %s.%s(", import->module, import->name);
	for (size_t i = 0; import->parameters[i]; i++)
		printf("%s%" PRIu64, i ? ", " : "", values[i]);
	printf(")\n");
}

void wasm_host_call(uint32_t index, uint64_t *values)
{
	struct wasm_module *module = wasm_current;
	const struct wasm_glue_import *import = &module->glue->imports[index];

	if (module->host_call) {
		uint64_t begin = wasm_ticks();

		module->host_call(module, index, values);
		module->ticks -= wasm_ticks() - begin;
		return;
	}
	print_call(import, values);
	memset(values, 0, strlen(import->results) * sizeof(*values));
}

/* Functions that compilers and <math.h> use implicitly. */
extern int __popcountdi2(long value);
extern int __isnan(double value);
extern int __isnanf(float value);

#define KNOWN(function) { #function, (uintptr_t)(function) }

int wasm_resolve(void *ctx, const char *name, uint64_t *address)
{
	static const struct {
		const char *name;
		uintptr_t address;
	} known[] = {
		KNOWN(__isnan), KNOWN(__isnanf), KNOWN(__popcountdi2),
		KNOWN(ceil), KNOWN(ceilf), KNOWN(floor), KNOWN(floorf),
		KNOWN(memcpy), KNOWN(memmove), KNOWN(memset),
		KNOWN(nearbyint), KNOWN(nearbyintf), KNOWN(sqrt), KNOWN(sqrtf),
		KNOWN(trunc), KNOWN(truncf),
		KNOWN(wasm_host_call), KNOWN(wasm_host_grow_externref_table),
		KNOWN(wasm_host_grow_funcref_table),
		KNOWN(wasm_host_grow_memory),
		KNOWN(wasm_rt_allocate_externref_table),
		KNOWN(wasm_rt_allocate_funcref_table),
		KNOWN(wasm_rt_allocate_memory),
		KNOWN(wasm_rt_free_externref_table),
		KNOWN(wasm_rt_free_funcref_table), KNOWN(wasm_rt_free_memory),
		KNOWN(wasm_rt_register_func_type),
	};

	(void)ctx;
	if (!strcmp(name, "wasm_rt_trap_page")) {
		*address = (uintptr_t)codearena_guard_trap_page(wasm_stack_guard);
		return 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(name, known[i].name)) {
			*address = known[i].address;
			return 0;
		}
	}
	wasm_say("the module uses %s, which is not there", name);
	return -ENOENT;
}
