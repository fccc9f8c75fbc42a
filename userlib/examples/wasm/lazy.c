// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A compiled module whose functions call each other through the library's jump
 * table, and are published one by one when they are called for the first time,
 * or all together.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <codearena/remote.h>

#include "split.h"
#include "wasm.h"

/* Offset in the arena of the runner, after the landing pad. */
#define STUB_OFFSET	4096

/* Reach of a displacement, minus room for offsets from data addresses. */
#define REACH		((1ULL << 31) - (1 << 20))
#define PLACEMENTS	8

struct wasm_lazy {
	struct wasm_object object;
	struct codearena_manager *manager;
	struct codearena_module *module;
	uint64_t *builtins;
	uint8_t *data;
	size_t loaded;
	uint64_t loaded_bytes;
	uint64_t load_ticks;
	struct wasm_view *views;	/* shared; NULL: not isolated */
	int compiler;		/* socket, in the runtime of an isolated module */
};

#ifdef __x86_64__
/* lazy-entry.S */
extern void wasm_lazy_entry(void);

/*
 * Loading a function needs stack. This traps if there is too little, as functions
 * of the module do.
 */
static int publish_stub(struct codearena_arena *arena)
{
	uint8_t code[] = {
		0x84, 0x84, 0x24, 0, 0, 0, 0,	/* test %al, -ROOM(%rsp) */
		0xff, 0x25, 0, 0, 0, 0,		/* jmp *0f(%rip) */
		0, 0, 0, 0, 0, 0, 0, 0,		/* 0: wasm_lazy_entry */
	};
	struct codearena_trap trap = {
		.length = 7, .landing = CODEARENA_LANDING_EXTERNAL,
	};
	struct codearena_object object = {
		.offset = STUB_OFFSET,
		.source = (uintptr_t)code,
		.length = sizeof(code),
		.traps = (uintptr_t)&trap,
		.trap_count = 1,
		.flags = CODEARENA_OBJECT_F_REPORT,
	};
	int32_t room = -WASM_RT_ROOM;
	uint64_t entry = (uintptr_t)wasm_lazy_entry;

	memcpy(code + 3, &room, sizeof(room));
	memcpy(code + 13, &entry, sizeof(entry));
	return codearena_arena_publish(arena, &object, 1, NULL, 0, 0, NULL);
}
#else
static int publish_stub(struct codearena_arena *arena)
{
	(void)arena;
	wasm_die("functions one by one are for x86-64 only");
}
#endif

static uint64_t call_target(void *ctx, uint32_t function)
{
	struct wasm_lazy *lazy = ctx;
	uint64_t address;
	int ret;

	ret = codearena_module_call_target(lazy->module, function, 0, &address);
	if (ret)
		wasm_die("no slot of function %u: %s", function,
			 strerror(-ret));
	return address;
}

static int resolve_data(void *ctx, const char *name, uint64_t *address)
{
	(void)ctx;
	return wasm_resolve(NULL, name, address);
}

static void record(struct wasm_lazy *lazy, uint32_t first,
		   struct codearena_code **codes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		lazy->loaded_bytes += lazy->object.parts[first + i].length +
				      lazy->object.parts[first + i].pool;
		if (!lazy->views)
			continue;
		lazy->views[first + i].start =
			(uintptr_t)codearena_code_start(codes[i]);
		lazy->views[first + i].length = codearena_code_size(codes[i]);
	}
	lazy->loaded += count;
}

static int publish(struct wasm_lazy *lazy, uint32_t first, uint32_t count)
{
	CODEARENA_OPTS(codearena_reloc_error, error, .error = 0);
	struct codearena_code_desc *descs;
	struct codearena_code **codes;
	struct wasm_body *bodies;
	int ret;

	descs = wasm_allocate(count * sizeof(*descs));
	bodies = wasm_allocate(count * sizeof(*bodies));
	for (uint32_t i = 0; i < count; i++) {
		wasm_body_make(&lazy->object, first + i, &bodies[i]);
		bodies[i].desc.traps = &bodies[i].trap;
		descs[i] = bodies[i].desc;
	}
	codes = wasm_allocate(count * sizeof(struct codearena_code *));
	ret = codearena_module_add(lazy->module, descs, count, codes, &error);
	if (!ret)
		ret = codearena_module_publish(lazy->module, codes, count,
					       &error.object);
	if (ret)
		wasm_say("cannot load %s: %s: %s",
			 lazy->object.parts[first + (error.object < count ?
						     error.object : 0)].name,
			 strerror(-ret), codearena_reloc_reason_text(error.reason));
	else
		record(lazy, first, codes, count);
	for (uint32_t i = 0; i < count; i++)
		wasm_body_free(&bodies[i]);
	free(bodies);
	free(codes);
	free(descs);
	return ret;
}

/* The runtime of an isolated module: its compiler publishes. */
static int request(struct wasm_lazy *lazy, uint32_t function)
{
	int ret = codearena_remote_request(lazy->compiler, 0, function);

	if (ret) {
		wasm_say("the compiler does not load %s: %s",
			 lazy->object.parts[function].name,
			 ret == -EPIPE ? "it has ended" : strerror(-ret));
		return ret;
	}
	lazy->loaded_bytes += lazy->object.parts[function].length +
			      lazy->object.parts[function].pool;
	lazy->loaded++;
	return 0;
}

/* Called by wasm_lazy_entry; returns the address to continue at. */
uint64_t wasm_lazy_load(uint32_t function);
uint64_t wasm_lazy_load(uint32_t function)
{
	struct wasm_lazy *lazy = wasm_current->lazy;
	uint64_t begin = wasm_ticks(), target;

	if (lazy->compiler >= 0 ? request(lazy, function) :
				  publish(lazy, function, 1))
		exit(EXIT_FAILURE);
	target = lazy->compiler >= 0 ? lazy->views[function].slot :
				       call_target(lazy, function);
	lazy->load_ticks += wasm_ticks() - begin;
	return target;
}

static bool in_reach(struct wasm_lazy *lazy)
{
	CODEARENA_OPTS(codearena_space_info, space, .arena = NULL);
	uint64_t begin = (uintptr_t)lazy->data, end;
	int ret;

	ret = codearena_allocator_space(codearena_module_allocator(lazy->module),
					0, &space);
	if (ret)
		wasm_die("no code space: %s", strerror(-ret));
	end = begin + lazy->object.data_length;
	if (space.region.begin < begin)
		begin = space.region.begin;
	if (space.region.begin + space.region.size > end)
		end = space.region.begin + space.region.size;
	return end - begin < REACH;
}

/*
 * Code refers to data by displacements, and the library places the code. Both are
 * allocated from the same end of the address space and thus close, unless the
 * data fits into a gap that is too small for the code: then the gap stays filled
 * and both are placed again.
 */
static void make_module(struct wasm_lazy *lazy,
			const struct codearena_module_opts *base)
{
	struct codearena_module_opts opts = *base;
	size_t length = lazy->object.data_length;
	void *holes[PLACEMENTS];
	uint64_t address;
	int tries, ret;

	for (tries = 0; tries < PLACEMENTS; tries++) {
		lazy->data = mmap(NULL, length, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (lazy->data == MAP_FAILED)
			wasm_die("no memory for data");
		address = (uintptr_t)lazy->data;
		opts.externals = &address;
		opts.external_count = 1;
		ret = codearena_module_new(lazy->manager, &opts, &lazy->module);
		if (ret)
			wasm_die("no module: %s", strerror(-ret));
		if (in_reach(lazy))
			break;
		codearena_module_free(lazy->module);
		holes[tries] = lazy->data;
	}
	if (tries == PLACEMENTS)
		wasm_die("no place for code near its data");
	while (tries)
		munmap(holes[--tries], length);
}

static void make_manager(struct wasm_lazy *lazy, struct wasm_module *module)
{
	CODEARENA_OPTS(codearena_manager_opts, opts,
		       .backend = module->options->backend);
	int ret = codearena_manager_new(&opts, &lazy->manager);

	if (ret)
		wasm_die("no manager: %s", strerror(-ret));
}

static void find_builtins(struct wasm_lazy *lazy, struct wasm_module *module)
{
	const struct wasm_object *o = &lazy->object;

	lazy->builtins = wasm_allocate((o->import_count + 1) *
				       sizeof(*lazy->builtins));
	lazy->builtins[WASM_LAZY_BUILTIN] = STUB_OFFSET +
		(uintptr_t)codearena_arena_base(module->arena);
	for (uint32_t i = 0; i < o->import_count; i++)
		if (wasm_resolve(NULL, o->imports[i],
				 &lazy->builtins[WASM_FIRST_IMPORT + i]))
			exit(EXIT_FAILURE);
}

static uint64_t code_length(const struct wasm_object *o)
{
	uint64_t length = 0;

	for (uint32_t i = 0; i < o->part_count; i++)
		length += (o->parts[i].length + o->parts[i].pool + 3 + 63) /
			  64 * 64;
	return length;
}

static void make_runner(struct wasm_module *module)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "wasm-runner",
		       .backend = module->options->backend);
	CODEARENA_OPTS(codearena_info, info, .machine = 0);
	int ret = codearena_probe(module->options->backend, &info);

	if (!ret)
		ret = codearena_arena_new(2 * info.page_size < 1 << 16 ?
					  1 << 16 : 2 * info.page_size,
					  &opts, &module->arena);
	if (!ret)
		ret = codearena_arena_commit(module->arena, 0, 1 << 16);
	if (!ret)
		ret = publish_stub(module->arena);
	if (!ret)
		ret = codearena_trap_set_landing(module->arena,
						 codearena_pad_external());
	if (ret)
		wasm_die("no arena: %s", strerror(-ret));
}

static struct codearena_arena *code_arena(struct wasm_lazy *lazy)
{
	CODEARENA_OPTS(codearena_space_info, space, .arena = NULL);

	if (codearena_allocator_space(codearena_module_allocator(lazy->module),
				      0, &space))
		wasm_die("no code space");
	return space.arena;
}

/* What the runtime cannot ask the module, which belongs to the compiler. */
static void make_views(struct wasm_lazy *lazy)
{
	size_t length = lazy->object.part_count * sizeof(*lazy->views);

	lazy->views = mmap(NULL, length + 1, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lazy->views == MAP_FAILED)
		wasm_die("no memory for addresses");
	for (uint32_t i = 0; i < lazy->object.part_count; i++)
		lazy->views[i].slot = call_target(lazy, i);
}

uint32_t wasm_lazy_functions(const struct wasm_lazy *lazy)
{
	return lazy->object.part_count;
}

int wasm_lazy_compile(struct wasm_lazy *lazy, uint32_t function)
{
	CODEARENA_OPTS(codearena_module_counters, stat, .spaces = 0);
	struct codearena_code *code;
	int ret;

	if (!codearena_module_code(lazy->module, function, &code)) {
		codearena_code_put(code);
		return 0;
	}
	ret = publish(lazy, function, 1);
	if (!ret)
		ret = codearena_module_stat(lazy->module, &stat);
	/* The runtime cannot map another one. */
	return !ret && stat.spaces != 1 ? -ENOSPC : ret;
}

void wasm_lazy_divide(struct wasm_lazy *lazy, int compiler)
{
	lazy->compiler = compiler;
}

const struct wasm_glue *wasm_lazy_open(struct wasm_module *module,
				       const char *path)
{
	CODEARENA_OPTS(codearena_module_opts, opts, .name = "wasm");
	struct wasm_lazy *lazy = wasm_allocate(sizeof(*lazy));
	uint64_t glue;

	module->lazy = lazy;
	lazy->compiler = -1;
	wasm_split(path, &lazy->object);
	make_runner(module);
	make_manager(lazy, module);
	find_builtins(lazy, module);
	opts.functions = lazy->object.part_count;
	opts.builtins = lazy->builtins;
	opts.builtin_count = WASM_FIRST_IMPORT + lazy->object.import_count;
	opts.flags = CODEARENA_MODULE_F_LAZY;
	opts.lazy_builtin = WASM_LAZY_BUILTIN;
	opts.estimate = code_length(&lazy->object);
	make_module(lazy, &opts);
	wasm_data_make(&lazy->object, lazy->data, resolve_data, call_target,
		       lazy);
	if (mprotect(lazy->data, lazy->object.constant_length, PROT_READ))
		wasm_die("constants stay writable");
	if (module->options->isolate)
		make_views(lazy);
	if (module->options->loading == WASM_EAGER &&
	    publish(lazy, 0, lazy->object.part_count))
		exit(EXIT_FAILURE);
	glue = wasm_split_find(&lazy->object, "wasm_glue",
			       (uintptr_t)lazy->data);
	if (!glue)
		wasm_die("%s: this is no module that was compiled here", path);
	return (const struct wasm_glue *)(uintptr_t)glue;
}

void wasm_lazy_close(struct wasm_lazy *lazy)
{
	/* The module is the compiler's, and this process about to end. */
	if (lazy->compiler >= 0)
		return;
	codearena_module_free(lazy->module);
	codearena_manager_free(lazy->manager);
	munmap(lazy->data, lazy->object.data_length);
	wasm_split_free(&lazy->object);
	free(lazy->builtins);
	free(lazy);
}

static bool find_view(const struct wasm_lazy *lazy, uint64_t pc,
		      const char **name, uint64_t *offset)
{
	for (uint32_t i = 0; i < lazy->object.part_count; i++) {
		*offset = pc - lazy->views[i].start;
		*name = lazy->object.parts[i].name;
		if (*offset < lazy->views[i].length)
			return true;
	}
	return false;
}

bool wasm_lazy_where(struct wasm_lazy *lazy, uint64_t pc,
		     const char **name, uint64_t *offset)
{
	CODEARENA_OPTS(codearena_code_info, info);
	struct codearena_code *code;

	if (lazy->compiler >= 0)
		return find_view(lazy, pc, name, offset);
	if (codearena_module_lookup(lazy->module, (void *)(uintptr_t)pc, &code))
		return false;
	codearena_code_get_info(code, &info);
	*offset = pc - info.start;
	codearena_code_put(code);
	if (info.function_index < 0 ||
	    (uint32_t)info.function_index >= lazy->object.part_count)
		return false;
	*name = lazy->object.parts[info.function_index].name;
	return true;
}

void wasm_lazy_counters(struct wasm_lazy *lazy, struct wasm_counters *to)
{
	CODEARENA_OPTS(codearena_module_counters, stat, .spaces = 0);

	*to = (struct wasm_counters) {
		.functions = lazy->object.part_count,
		.loaded = lazy->loaded,
		.code_bytes = lazy->loaded_bytes,
		.load_ticks = lazy->load_ticks,
	};
	if (lazy->compiler >= 0)
		return;
	if (codearena_module_stat(lazy->module, &stat))
		wasm_die("no counters");
	to->table_bytes = stat.table_bytes;
	to->arena = code_arena(lazy);
}

void wasm_lazy_map(struct wasm_lazy *lazy, FILE *to)
{
	for (uint32_t i = 0; i < lazy->object.part_count; i++) {
		struct codearena_code *code;

		if (codearena_module_code(lazy->module, i, &code))
			continue;
		fprintf(to, "%llx %x %s\n",
			(unsigned long long)codearena_code_start(code),
			codearena_code_size(code), lazy->object.parts[i].name);
		codearena_code_put(code);
	}
}
