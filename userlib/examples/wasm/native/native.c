// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The same traces and the same objects as codearena-wasm's, but linked into a
 * program, with wabt's own runtime: its guard pages, and its handler of SIGSEGV
 * for traps. To compare speed with.
 *
 * Usage: wasm-native MODULE TRACE
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../wasm.h"

/* Defined by the program that links this; ends with an empty entry. */
struct native_entry {
	const char *name;
	const struct wasm_glue *glue;
};

extern const struct native_entry native_modules[];

/* wabt's runtime */
extern jmp_buf wasm_rt_jmp_buf;
void wasm_rt_init(void);

/* Page for explicit traps: made inaccessible at the beginning. */
#define PAGE	4096
uint8_t native_trap_page[PAGE] __asm__("wasm_rt_trap_page")
	__attribute__((aligned(PAGE)));

struct wasm_module *wasm_current;

void __real_wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages,
				    uint32_t max_pages);
void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages,
				    uint32_t max_pages);
uint32_t __real_wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages);
uint32_t
__real_wasm_rt_grow_funcref_table(wasm_rt_funcref_table_t *table,
				  uint32_t delta, wasm_rt_funcref_t with);
uint32_t
__real_wasm_rt_grow_externref_table(wasm_rt_externref_table_t *table,
				    uint32_t delta, wasm_rt_externref_t with);

/* wabt's structure is shorter than ours; the rest is 0. */
void __wrap_wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages,
				    uint32_t max_pages)
{
	__real_wasm_rt_allocate_memory(memory, pages, max_pages);
	wasm_current->memory = memory;
}

uint32_t wasm_host_grow_memory(wasm_rt_memory_t *memory, uint32_t pages)
{
	uint64_t begin = wasm_ticks();
	uint32_t before = __real_wasm_rt_grow_memory(memory, pages);

	if (before != UINT32_MAX)
		wasm_touch(wasm_current, memory->data +
			   before * WASM_PAGE, pages * WASM_PAGE);
	wasm_current->ticks -= wasm_ticks() - begin;
	return before;
}

uint32_t wasm_host_grow_funcref_table(wasm_rt_funcref_table_t *table,
				      uint32_t delta, wasm_rt_funcref_t with)
{
	return __real_wasm_rt_grow_funcref_table(table, delta, with);
}

uint32_t wasm_host_grow_externref_table(wasm_rt_externref_table_t *table,
					uint32_t delta,
					wasm_rt_externref_t with)
{
	return __real_wasm_rt_grow_externref_table(table, delta, with);
}

void wasm_host_call(uint32_t import, uint64_t *values)
{
	uint64_t begin = wasm_ticks();

	wasm_current->host_call(wasm_current, import, values);
	wasm_current->ticks -= wasm_ticks() - begin;
}

struct wasm_module *wasm_load(const char *name,
			      const struct wasm_options *options)
{
	struct wasm_module *module = wasm_allocate(sizeof(*module));
	const struct native_entry *entry = native_modules;

	while (entry->name && strcmp(entry->name, name))
		entry++;
	if (!entry->name)
		wasm_die("there is no module %s", name);
	module->options = options;
	module->glue = entry->glue;
	module->instance = wasm_allocate(module->glue->instance_size);
	wasm_current = module;
	return module;
}

bool wasm_enter(struct wasm_module *module,
		void (*function)(void *instance, uint64_t *values),
		uint64_t *values, struct wasm_trap *trap)
{
	uint64_t before = module->ticks, begin;
	jmp_buf outer;

	module->calls++;
	memcpy(outer, wasm_rt_jmp_buf, sizeof(outer));
	if (sigsetjmp(wasm_rt_jmp_buf, 1)) {
		memcpy(wasm_rt_jmp_buf, outer, sizeof(outer));
		module->ticks = before;
		module->traps++;
		/* The traces used here have no others. */
		trap->reason = "out of bounds memory access";
		trap->function = "native";
		return false;
	}
	begin = wasm_ticks();
	function(module->instance, values);
	module->ticks += wasm_ticks() - begin;
	memcpy(wasm_rt_jmp_buf, outer, sizeof(outer));
	return true;
}

void wasm_count(const struct wasm_module *module, struct wasm_counters *to)
{
	(void)module;
	memset(to, 0, sizeof(*to));
}

unsigned int wasm_handlers(void)
{
	return 0;
}

uint64_t wasm_signals(const struct wasm_module *module)
{
	return module->traps;
}

void wasm_meter_publish(const struct wasm_module *module)
{
	(void)module;
}

void wasm_print_stats(const struct wasm_module *module)
{
	(void)module;
}

void wasm_write_perf_map(const struct wasm_module *module)
{
	(void)module;
}

void wasm_unload(struct wasm_module *module)
{
	module->glue->free(module->instance);
	free(module->instance);
	free(module);
}

int main(int argc, char **argv)
{
	const struct wasm_options options = { .meter = true };

	if (argc != 3) {
		fprintf(stderr, "Usage: %s MODULE TRACE\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mprotect(native_trap_page, PAGE, PROT_NONE))
		wasm_die("no page for traps");
	wasm_rt_init();
	return wasm_replay(argv[1], argv[2], &options);
}
