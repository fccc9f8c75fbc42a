// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A compiled module in an arena: all of its functions are protected ranges, whose
 * traps return to wasm_call(). Functions are published one by one by lazy.c, or
 * together, as the compiler's object file, here.
 */
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

#define PAD_OFFSET	0

static int by_address(const void *a, const void *b)
{
	const struct wasm_function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* If code has several names (aliases), the first one counts. */
static void list_functions(struct wasm_module *module)
{
	CODEARENA_OPTS(codearena_elf_sym, sym, .name = NULL);
	uint64_t base = (uintptr_t)codearena_arena_base(module->arena);
	size_t count = 0, i, kept = 0;
	struct wasm_function *functions;

	while (!codearena_elf_symbol_at(module->elf, count, &sym))
		count++;
	functions = wasm_allocate(count * sizeof(*functions));
	for (i = 0; i < count; i++) {
		codearena_elf_symbol_at(module->elf, i, &sym);
		if (sym.type != CODEARENA_ELF_SYM_FUNC || !sym.code.length)
			continue;
		functions[module->function_count++] = (struct wasm_function) {
			.start = base + sym.code.offset,
			.length = sym.code.length,
			.name = sym.name,
		};
		module->code_length += sym.size;
	}
	qsort(functions, module->function_count, sizeof(*functions),
	      by_address);
	for (i = 0; i < module->function_count; i++)
		if (!kept || functions[i].start != functions[kept - 1].start)
			functions[kept++] = functions[i];
	module->function_count = kept;
	module->functions = functions;
}

/* Register tables as large as possible; gaps between functions have no trap. */
static int protect(struct wasm_module *module)
{
	CODEARENA_OPTS(codearena_info, info, .machine = 0);
	uint64_t base = (uintptr_t)codearena_arena_base(module->arena), id;
	const struct wasm_function *f = module->functions;
	struct codearena_trap *traps;
	size_t first, next;
	int ret;

	ret = codearena_probe(codearena_arena_backend(module->arena), &info);
	if (ret)
		return ret;
	traps = wasm_allocate(module->function_count * sizeof(*traps));
	for (first = 0; !ret && first < module->function_count; first = next) {
		for (next = first; next < module->function_count &&
		     next - first < info.max_entries; next++)
			traps[next - first] = (struct codearena_trap) {
				.start = f[next].start - f[first].start,
				.length = f[next].length,
				.landing = PAD_OFFSET,
			};
		ret = codearena_trap_table_register(module->arena,
						    f[first].start - base,
						    f[next - 1].start +
						    f[next - 1].length -
						    f[first].start,
						    traps, next - first,
					      CODEARENA_TRAP_F_REPORT, &id,
						    NULL);
	}
	free(traps);
	return ret;
}

static uint64_t align(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

/* Checks that the file is well-formed, too. */
static void open_object(struct wasm_module *module, const char *object)
{
	char error[200] = "";
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = sizeof(error));
	int ret = codearena_elf_open_file(object, &opts, &module->elf);

	if (ret)
		wasm_die("%s: %s: %s", object, strerror(-ret), error);
}

static int publish(struct wasm_module *module, const char *object)
{
	CODEARENA_OPTS(codearena_arena_opts, arena_opts, .name = "wasm",
		       .backend = module->options->backend);
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	CODEARENA_OPTS(codearena_elf_opts, load_opts,
		       .resolve = wasm_resolve, .ctx = module);
	CODEARENA_OPTS(codearena_info, info, .machine = 0);
	uint64_t offset;
	int ret;

	ret = codearena_probe(module->options->backend, &info);
	if (ret)
		wasm_die("backend %s cannot be used: %s",
			 codearena_backend_name(module->options->backend),
			 strerror(-ret));
	ret = codearena_elf_measure(module->elf, info.granule, &layout);
	if (ret)
		return ret;
	offset = align(info.page_size, layout.code_align);
	ret = codearena_arena_new(align(offset + layout.code_length,
					info.page_size),
				  &arena_opts, &module->arena);
	if (!ret)
		ret = codearena_arena_commit(module->arena, 0, info.page_size);
	if (!ret)
		ret = codearena_pad_publish(module->arena, PAD_OFFSET, NULL,
					    NULL, 0);
	if (ret)
		return ret;
	ret = codearena_elf_load(module->elf, module->arena, offset,
				 &load_opts);
	if (ret)
		wasm_die("%s: %s: %s", object, strerror(-ret),
			 codearena_elf_error(module->elf));
	return 0;
}

static const struct wasm_glue *load_directly(struct wasm_module *module,
					     const char *object)
{
	uint64_t address;
	int ret;

	ret = publish(module, object);
	if (!ret)
		ret = codearena_elf_symbol(module->elf, "wasm_glue", &address);
	if (ret)
		wasm_die("%s: %s", object, strerror(-ret));
	list_functions(module);
	ret = protect(module);
	if (ret)
		wasm_die("%s: no traps: %s", object, strerror(-ret));
	return (const struct wasm_glue *)(uintptr_t)address;
}

struct wasm_module *wasm_load(const char *object,
			      const struct wasm_options *options)
{
	struct wasm_module *module = wasm_allocate(sizeof(*module));

	module->options = options;
	wasm_current = module;
	open_object(module, object);
	module->glue = options->loading == WASM_DIRECT ?
		       load_directly(module, object) :
		       wasm_lazy_open(module, object);
	module->instance = wasm_allocate(module->glue->instance_size);
	if (options->isolate)
		wasm_isolate(module);
	return module;
}

/* Prefix of the names of functions in the compiled module. */
static const char *plain_name(const char *name)
{
	static const char *const prefixes[] = {
		"w2c_", "wasm_export_", "Z_" WASM_NAME "Z_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return name + strlen(prefixes[i]);
	return name;
}

static void locate(const struct wasm_module *module, struct wasm_trap *trap)
{
	const struct wasm_function *f = module->functions;

	trap->reason = wasm_reason(&trap->report);
	trap->function = "?";
	if (module->lazy) {
		const char *name;

		/* Otherwise loading it exhausted the stack. */
		trap->function = "(loading)";
		if (wasm_lazy_where(module->lazy, trap->report.pc, &name,
				    &trap->offset))
			trap->function = plain_name(name);
		return;
	}
	for (size_t i = 0; i < module->function_count; i++) {
		if (trap->report.pc - f[i].start >= f[i].length)
			continue;
		trap->function = plain_name(f[i].name);
		trap->offset = trap->report.pc - f[i].start;
	}
}

/* The count excludes entering and leaving the module. */
static void enter_metered(void (*function)(void *instance, uint64_t *values),
			  uint64_t *values)
{
	struct wasm_module *module = wasm_current;
	uint64_t begin = wasm_ticks();

	function(module->instance, values);
	module->ticks += wasm_ticks() - begin;
}

bool wasm_enter(struct wasm_module *module,
		void (*function)(void *instance, uint64_t *values),
		uint64_t *values, struct wasm_trap *trap)
{
	uint64_t arguments[] = {
		(uintptr_t)module->instance, (uintptr_t)values,
	};
	const void *target = (const void *)(uintptr_t)function;
	uint64_t before = module->ticks;

	if (module->options->meter) {
		arguments[0] = (uintptr_t)function;
		target = (const void *)(uintptr_t)enter_metered;
	}
	module->calls++;
	if (codearena_trap_call(target, arguments, 2, NULL, &trap->report) !=
	    CODEARENA_TRAPPED)
		return true;
	module->ticks = before;
	module->traps++;
	locate(module, trap);
	return false;
}

void wasm_count(const struct wasm_module *module, struct wasm_counters *to)
{
	if (module->lazy) {
		wasm_lazy_counters(module->lazy, to);
		return;
	}
	*to = (struct wasm_counters) {
		.functions = module->function_count,
		.loaded = module->function_count,
		.code_bytes = module->code_length,
		.arena = module->arena,
	};
}

void wasm_unload(struct wasm_module *module)
{
	module->glue->free(module->instance);
	if (module->lazy)
		wasm_lazy_close(module->lazy);
	else
		codearena_elf_unload(module->elf);
	codearena_elf_close(module->elf);
	codearena_arena_free(module->arena);
	free(module->functions);
	free(module->instance);
	free(module);
	wasm_current = NULL;
}
