// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Measures publishing: the linker wraps the calls of the library that publish.
 */
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

int __real_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);
int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);
int __real_codearena_trap_table_register(struct codearena_arena *arena,
					 uint64_t offset, uint64_t length,
					 const struct codearena_trap *traps,
				   size_t count, uint32_t flags, uint64_t *id,
					 size_t *failed);
int __wrap_codearena_trap_table_register(struct codearena_arena *arena,
					 uint64_t offset, uint64_t length,
					 const struct codearena_trap *traps,
				   size_t count, uint32_t flags, uint64_t *id,
					 size_t *failed);

int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed)
{
	uint64_t begin = wasm_ticks();
	int ret = __real_codearena_arena_publish(arena, objects, object_count,
						 patches, patch_count, flags,
						 failed);

	if (wasm_current)
		wasm_current->publish_ticks += wasm_ticks() - begin;
	return ret;
}

int __wrap_codearena_trap_table_register(struct codearena_arena *arena,
					 uint64_t offset, uint64_t length,
					 const struct codearena_trap *traps,
				   size_t entries, uint32_t flags, uint64_t *id,
					 size_t *failed)
{
	uint64_t begin = wasm_ticks();
	int ret = __real_codearena_trap_table_register(arena, offset, length, traps,
						 entries, flags, id, failed);

	if (wasm_current)
		wasm_current->trap_ticks += wasm_ticks() - begin;
	return ret;
}

void wasm_meter_publish(const struct wasm_module *module)
{
	struct wasm_counters counters;
	uint64_t begin;
	char *from, *to;

	wasm_count(module, &counters);
	from = wasm_allocate(counters.code_bytes);
	to = wasm_allocate(counters.code_bytes);
	/* Page faults of first accesses do not count. */
	memset(from, 1, counters.code_bytes);
	memset(to, 2, counters.code_bytes);
	__asm__ volatile("" : : "r"(from), "r"(to) : "memory");
	begin = wasm_ticks();
	memcpy(to, from, counters.code_bytes);
	__asm__ volatile("" : : "r"(to) : "memory");
	begin = wasm_ticks() - begin;
	printf("@load %llu %llu %llu %llu %llu\n",
	       (unsigned long long)counters.loaded,
	       (unsigned long long)counters.code_bytes,
	       (unsigned long long)module->publish_ticks,
	       (unsigned long long)module->trap_ticks,
	       (unsigned long long)begin);
	free(from);
	free(to);
}
