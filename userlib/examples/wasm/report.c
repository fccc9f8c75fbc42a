// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Reports about a run: counters, signals, and a map for perf.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "wasm.h"

unsigned int wasm_handlers(void)
{
	bool memfd = codearena_arena_backend(wasm_current->arena) ==
		     CODEARENA_BACKEND_MEMFD;
	unsigned int handlers = 0;
	struct sigaction action;

	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action))
			continue;	/* reserved by the C library */
		if (memfd && (number == SIGSEGV || number == SIGFPE ||
			      number == SIGILL))
			continue;
		if (action.sa_handler != SIG_DFL &&
		    action.sa_handler != SIG_IGN)
			handlers++;
	}
	return handlers;
}

/*
 * On the device there can be none: there is no handler, and a trap signal without
 * a handler, or a blocked one, ends the process.
 */
uint64_t wasm_signals(const struct wasm_module *module)
{
	if (codearena_arena_backend(module->arena) == CODEARENA_BACKEND_DEVICE)
		return 0;
	return module->traps;
}

/* Not in the runtime of an isolated module, which makes no ioctl. */
static void print_arena(const struct wasm_counters *counters)
{
	struct codearena_stat stat = { .size = sizeof(stat) };
	int ret = codearena_arena_stat(counters->arena, &stat);

	if (ret)
		wasm_die("no counters: %s", strerror(-ret));
	printf("jump tables:      %" PRIu64 " bytes\n", counters->table_bytes);
	printf("arena:            %llu bytes committed, %llu sealed, %llu copied in\n",
	       stat.out_committed, stat.out_sealed, stat.out_written);
	printf("protected ranges: %llu in %llu tables\n",
	       stat.out_trap_entries, stat.out_trap_tables);
	printf("traps:            %llu memory, %llu divide, %llu undefined\n",
	       stat.out_traps_memory, stat.out_traps_divide,
	       stat.out_traps_undefined);
}

void wasm_print_stats(const struct wasm_module *module)
{
	struct wasm_counters counters;

	wasm_count(module, &counters);
	printf("backend:          %s%s\n",
	       codearena_backend_name(codearena_arena_backend(module->arena)),
	       module->options->isolate ? ", compiled in another process" : "");
	/* codearena_manager_new() refuses execute-only arenas. */
	if (module->options->isolate)
		printf("code:             can be read: far slots and constants are loads\n");
	printf("functions:        %" PRIu64 ", of which %" PRIu64 " loaded, %"
	       PRIu64 " bytes of code\n", counters.functions, counters.loaded,
	       counters.code_bytes);
	printf("calls:            %" PRIu64 "\n", module->calls);
	if (counters.arena)
		print_arena(&counters);
	else
		printf("traps:            %" PRIu64 "\n", module->traps);
	printf("signals:          %" PRIu64 "\n", wasm_signals(module));
	if (module->memory)
		printf("memory:           %u pages of 64 KiB, most %u\n",
		       module->memory->pages, module->memory->max_pages);
}

void wasm_write_perf_map(const struct wasm_module *module)
{
	const struct wasm_function *f = module->functions;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	file = fopen(path, "wxe");
	if (!file)
		wasm_die("cannot write %s: %s", path, strerror(errno));
	if (module->lazy)
		wasm_lazy_map(module->lazy, file);
	for (size_t i = 0; i < module->function_count; i++)
		fprintf(file, "%" PRIx64 " %" PRIx64 " %s\n", f[i].start,
			f[i].length, f[i].name);
	if (fclose(file))
		wasm_die("cannot write %s: %s", path, strerror(errno));
	wasm_say("functions are in %s", path);
}
