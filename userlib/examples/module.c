// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A small runtime: the functions of a module are compiled on their first call,
 * call each other through the jump table, trap to a landing pad, and are replaced
 * by better code; then a collection frees the old code.
 *
 * Usage: module [--help] [LOG_DIRECTORY]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codearena/log.h"
#include "codearena/module.h"
#include "codearena/trap.h"
#include "module_code.h"

/* The functions: x * x, (x + 1) * (x + 1), and elements of an array. */
enum { SQUARE, NEXT, GET, FUNCTIONS };

void lazy_builtin(void);
uint64_t compile(uint32_t function);

static struct codearena_module *module;

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "module: %s: %s\n", what, strerror(-ret));
	exit(1);
}

#define TRY(call) check(call, #call)

static uint64_t publish(uint32_t function, uint32_t tier, const char *bytes,
			uint32_t size)
{
	static const char *const names[] = { "square", "next", "get" };
	struct codearena_trap trap = { .start = GET_ACCESS, .length = 1 };
	struct codearena_reloc reloc = {
		.kind = CODEARENA_RELOC_CALL, .index = SQUARE,
		.form = FORM, .offset = NEXT_FIELD,
	};
	uint8_t body[64 + CODEARENA_PAD_MAX];
	CODEARENA_OPTS(codearena_code_desc, desc, .body = body,
		       .name = names[function], .function_index = function,
		       .tier = tier, .instructions_size = size);
	struct codearena_code *code;
	uint64_t start;

	memcpy(body, bytes, size);
	if (function == NEXT) {
		desc.relocs = &reloc;
		desc.reloc_count = 1;
	} else if (function == GET) {
		/* The landing pad follows the code. */
		trap.landing = (size + 3) & ~3U;
		desc.traps = &trap;
		desc.trap_count = 1;
		desc.flags = CODEARENA_CODE_F_REPORT;
		desc.instructions_size = trap.landing +
			codearena_pad_encode(MACHINE,
					     (uintptr_t)codearena_pad_external(),
					     0, 0, 0, body + trap.landing);
	}
	TRY(codearena_module_add_publish(module, &desc, 1, &code, NULL));
	start = codearena_code_start(code);
	codearena_code_put(code);
	return start;
}

#define PUBLISH(function, tier, bytes) \
	publish(function, CODEARENA_TIER_##tier, bytes, sizeof(bytes) - 1)

/* Called by lazy_builtin on the first call of a function. */
uint64_t compile(uint32_t function)
{
	printf("    compiling function %u\n", function);
	return function == SQUARE ? PUBLISH(SQUARE, BASELINE, SQUARE_BASELINE) :
	       function == NEXT ? PUBLISH(NEXT, BASELINE, NEXT_CODE) :
				  PUBLISH(GET, BASELINE, GET_CODE);
}

static void call(uint32_t function, uint64_t first, uint64_t second)
{
	const uint64_t arguments[] = { first, second };
	struct codearena_trap_report report;
	struct codearena_code *code;
	uint64_t target, result;
	char name[32];

	TRY(codearena_module_call_target(module, function, 0, &target));
	if (codearena_trap_call((const void *)(uintptr_t)target, arguments, 2,
				&result, &report) != CODEARENA_TRAPPED) {
		printf("    result %u\n", (uint32_t)result);
		return;
	}
	code = codearena_code_find_ref(report.pc);
	codearena_code_name(code, name, sizeof(name));
	printf("    trapped in %s+%u, accessing byte %llu\n", name,
	       (unsigned int)(report.pc - codearena_code_start(code)),
	       (unsigned long long)(report.address - first));
	codearena_code_put(code);
}

/* Report code on stacks: none when the collector calls this. */
static void answer(void *data, struct codearena_runtime *runtime,
		   uint64_t sequence)
{
	(void)data;
	TRY(codearena_collector_report(runtime, sequence, NULL, 0));
}

static void show(void)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	TRY(codearena_module_stat(module, &stat));
	printf("    %d code objects, %d of them current\n", (int)stat.codes,
	       (int)stat.current);
}

static void run(uint32_t *array, struct codearena_collector *collector)
{
	array[7] = 49;
	printf("next(5), which calls square(6):\n");
	call(NEXT, 5, 0);
	printf("get(array, 7), and get(array, 4000000000):\n");
	call(GET, (uintptr_t)array, 7);
	call(GET, (uintptr_t)array, 4000000000);
	printf("square gets better code; next(8) calls that:\n");
	PUBLISH(SQUARE, OPTIMIZED, SQUARE_BETTER);
	call(NEXT, 8, 0);
	show();
	printf("a collection:\n");
	TRY(codearena_collector_request(collector));
	show();
}

static void start(const char *directory)
{
	uint64_t builtins[] = { (uintptr_t)lazy_builtin };
	CODEARENA_OPTS(codearena_collector_opts, manual,
		       .flags = CODEARENA_COLLECTOR_F_MANUAL);
	CODEARENA_OPTS(codearena_runtime_opts, join, .ask = answer);
	CODEARENA_OPTS(codearena_module_opts, opts, .functions = FUNCTIONS,
		       .builtins = builtins, .builtin_count = 1,
		       .flags = CODEARENA_MODULE_F_LAZY, .estimate = 65536);
	CODEARENA_OPTS(codearena_logger_opts, log, .directory = directory,
		       .sinks = directory ? CODEARENA_LOG_PERFMAP : 0,
		       .flags = CODEARENA_LOGGER_F_ENVIRONMENT);
	CODEARENA_OPTS(codearena_space_info, space);
	struct codearena_manager *manager;
	struct codearena_runtime *runtime;
	struct codearena_logger *logger;
	struct codearena_guard *guard;

	TRY(codearena_manager_new(NULL, &manager));
	TRY(codearena_collector_new(&manual, &opts.collector));
	TRY(codearena_collector_join(opts.collector, &join, &runtime));
	TRY(codearena_module_new(manager, &opts, &module));
	TRY(codearena_logger_new(&log, &logger));
	TRY(codearena_logger_attach(logger, module));
	TRY(codearena_allocator_space(codearena_module_allocator(module), 0,
				      &space));
	/* Every 32-bit index stays in the guard. */
	TRY(codearena_guard_new(space.arena, 16ULL << 30, NULL, &guard));
	TRY(codearena_guard_back(guard, 0, 65536));
	printf("backend: %s\n", codearena_backend_name(
	       codearena_arena_backend(space.arena)));
	run(codearena_guard_base(guard), opts.collector);
	codearena_guard_free(guard);
	codearena_module_free(module);
	codearena_logger_free(logger);
	TRY(codearena_collector_leave(runtime));
	TRY(codearena_collector_free(opts.collector));
	codearena_manager_free(manager);
}

int main(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		printf("Usage: module [--help] [LOG_DIRECTORY]\n"
		       "Compiles, calls, replaces and frees code. Writes a perf map if there is a\n"
		       "directory for it; CODEARENA_LOG=jitdump,gdb turns on other logs.\n");
		return argc != 2 || strcmp(argv[1], "--help");
	}
	start(argv[1]);
	return 0;
}
