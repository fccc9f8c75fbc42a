// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Calls exports of a module.
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
