// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Calls exports of a module, and functions in tables that it exports.
 */
#include <string.h>

#include "wasm.h"

bool wasm_instantiate(struct wasm_module *module, struct wasm_trap *trap)
{
	return wasm_enter(module, module->glue->instantiate, NULL, trap);
}

bool wasm_call(struct wasm_module *module,
	       const struct wasm_glue_export *function, uint64_t *values,
	       struct wasm_trap *trap)
{
	return wasm_enter(module, function->call, values, trap);
}

const struct wasm_glue_export *wasm_find(const struct wasm_module *module,
					 const char *name)
{
	for (uint32_t i = 0; i < module->glue->export_count; i++)
		if (!strcmp(module->glue->exports[i].name, name))
			return &module->glue->exports[i];
	return NULL;
}

static const wasm_rt_funcref_t *find_entry(const struct wasm_module *module,
					   const char *name, uint32_t index)
{
	const struct wasm_glue_table *table = module->glue->tables;
	const wasm_rt_funcref_table_t *functions;

	while (table->name && strcmp(table->name, name))
		table++;
	functions = table->name ? table->get(module->instance) : NULL;
	if (!functions || index >= functions->size ||
	    !functions->data[index].func)
		return NULL;
	return &functions->data[index];
}

const struct wasm_glue_type *
wasm_find_indirect(const struct wasm_module *module, const char *table,
		   uint32_t index, uint64_t *values)
{
	const wasm_rt_funcref_t *entry = find_entry(module, table, index);
	const struct wasm_glue_type *type = module->glue->types;

	if (!entry)
		return NULL;
	values[0] = (uintptr_t)entry->func;
	values[1] = (uintptr_t)entry->module_instance;
	while (type->call && *type->number != entry->func_type)
		type++;
	return type->call ? type : NULL;
}
