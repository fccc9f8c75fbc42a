/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Declarations for the files of codearena-wasm.
 */
#ifndef WASM_H
#define WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <codearena.h>
#include <codearena/elf.h>
#include <codearena/trap.h>

#include "rt/wasm-rt.h"

/* How functions get into an arena. */
enum wasm_loading {
	WASM_LAZY,	/* one by one, on their first call */
	WASM_EAGER,	/* the same, but all at once */
	WASM_DIRECT	/* as an object, whose functions call each other directly */
};

struct wasm_options {
	enum wasm_loading loading;
	enum codearena_backend backend;
	const char *cache;	/* directory of what was compiled */
	uint64_t cache_limit;	/* its bytes */
	const char *compiler;
	const char *opt;	/* option for its optimisation; NULL: -O2 */
	const char *const *globals;	/* "MODULE.NAME=VALUE" of imported ones */
	size_t global_count;
	bool checks;		/* of bounds of memory, in the code */
	bool quiet;		/* say nothing while compiling */
	bool stats;
	bool perf_map;
	bool host_signals;	/* the process has handlers of its own */
	bool isolate;		/* compile in another process */
	bool meter;		/* replay twice, and count the second time */
};

/* util.c: a message with the program's name; wasm_die() ends it with 1. */
void wasm_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wasm_die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void *wasm_allocate(size_t size);
/* Read a whole file, and append a NUL that does not count. */
uint8_t *wasm_read_file(const char *path, size_t *length);

/* parse.c */
enum wasm_kind {
	WASM_FUNCTION,
	WASM_TABLE,
	WASM_MEMORY,
	WASM_GLOBAL
};

struct wasm_type {
	char *parameters;	/* letters as in struct wasm_glue_export */
	char *results;
};

struct wasm_name {
	const uint8_t *bytes;
	size_t length;
};

struct wasm_item {		/* an import or an export */
	struct wasm_name module;	/* of an import */
	struct wasm_name name;
	enum wasm_kind kind;
	uint32_t index;		/* of an export */
	const struct wasm_type *type;	/* of a function */
	char global;		/* letter of an imported global */
	uint32_t least, most;	/* of an imported table or memory */
};

struct wasm_file {
	struct wasm_type *types;
	size_t type_count;
	struct wasm_item *imports;
	size_t import_count;
	struct wasm_item *exports;
	size_t export_count;
	const struct wasm_type **functions;	/* imported ones first */
	size_t function_count;
};

/* @bytes must outlive @file. */
void wasm_parse(const uint8_t *bytes, size_t length, struct wasm_file *file);
void wasm_parse_free(struct wasm_file *file);
/* Write the module without what only linkers and debuggers read. */
void wasm_write_stripped(FILE *to, const uint8_t *bytes, size_t length);

/* What wasm2c calls the module. No imported module should have this name. */
#define WASM_NAME	"codearena"

/* glue.c: the C that connects wasm2c's output with the runner. */
void wasm_write_glue(FILE *to, const struct wasm_file *file,
		     const struct wasm_options *options);
/* Refuse values of globals that are not imported; warn of those without a value. */
void wasm_check_globals(const struct wasm_file *file,
			const struct wasm_options *options);

/*
 * source.c: write the C that is compiled, from what wasm2c wrote. Return how many
 * parts it has, to be compiled with WASM_PART defined from 0.
 */
size_t wasm_write_source(FILE *to, FILE *from, const struct wasm_file *file,
			 const struct wasm_options *options);

/* jobs.c: run commands side by side; the first one that fails ends the program. */
struct wasm_command {
	const char *doing;	/* for messages */
	const char *const *arguments;
};

void wasm_run_all(const struct wasm_options *options, const char *name,
		  const struct wasm_command *commands, size_t count);

/* cache.c: @directory is that of a module. */
char *wasm_cache_path(const char *directory, const char *name);
/* Keep module.o until the process ends; -1: it is not there. */
int wasm_cache_use(const char *directory);
/* For the one that makes it; close the descriptor when it is done. */
int wasm_cache_make(const char *directory);
void wasm_cache_clean(const char *directory);
/* Remove the modules that were used longest ago until @limit bytes are left. */
void wasm_cache_limit(const char *cache, uint64_t limit);

/* compile.c: path of the object file of a module, compiled if needed; malloc'ed */
char *wasm_compile(const char *path, const struct wasm_options *options);

/* module.c */
struct wasm_function {
	uint64_t start, length;	/* addresses of its granules */
	const char *name;
};

#define WASM_PAGE	(64ULL << 10)

struct wasm_lazy;

struct wasm_module {
	const struct wasm_options *options;
	struct codearena_arena *arena;
	struct wasm_lazy *lazy;	/* NULL: loaded directly, see below */
	struct codearena_elf *elf;
	struct wasm_function *functions;	/* by address */
	size_t function_count;
	uint64_t code_length;
	const struct wasm_glue *glue;
	void *instance;
	wasm_rt_memory_t *memory;	/* the first one; NULL: none */
	uint64_t calls, traps;
	uint64_t publish_ticks;	/* in calls of the library that publish code */
	uint64_t trap_ticks;	/* in those that register traps */
	uint64_t ticks;		/* in calls that did not trap, see wasm_ticks() */
	/* Runs import @index. NULL: it prints the call and returns 0. */
	void (*host_call)(struct wasm_module *module, uint32_t index,
			  uint64_t *values);
	void *host;
};

struct wasm_counters {
	uint64_t functions, loaded;
	uint64_t code_bytes;	/* of those that are loaded */
	uint64_t load_ticks;	/* in loading functions at their first call */
	/* Not in the runtime of an isolated module: */
	uint64_t table_bytes;	/* of jump tables */
	struct codearena_arena *arena;	/* that has the code; else NULL */
};

struct wasm_trap {
	const char *reason;	/* as the specification calls it */
	const char *function;
	uint64_t offset;	/* in the function */
	struct codearena_trap_report report;
};

struct wasm_module *wasm_load(const char *object,
			      const struct wasm_options *options);
/* These return true, or false with @trap. */
bool wasm_enter(struct wasm_module *module,
		void (*function)(void *instance, uint64_t *values),
		uint64_t *values, struct wasm_trap *trap);
bool wasm_instantiate(struct wasm_module *module, struct wasm_trap *trap);
bool wasm_call(struct wasm_module *module,
	       const struct wasm_glue_export *function, uint64_t *values,
	       struct wasm_trap *trap);
const struct wasm_glue_export *wasm_find(const struct wasm_module *module,
					 const char *name);
/*
 * An entry of an exported table; NULL: there is none that can be called. Puts the
 * first two of its values, see struct wasm_glue_type.
 */
const struct wasm_glue_type *
wasm_find_indirect(const struct wasm_module *module, const char *table,
		   uint32_t index, uint64_t *values);
void wasm_unload(struct wasm_module *module);
void wasm_count(const struct wasm_module *module, struct wasm_counters *to);

/* lazy.c */
const struct wasm_glue *wasm_lazy_open(struct wasm_module *module,
				       const char *path);
void wasm_lazy_close(struct wasm_lazy *lazy);
/* The function at an address, or false. */
bool wasm_lazy_where(struct wasm_lazy *lazy, uint64_t pc, const char **name,
		     uint64_t *offset);
void wasm_lazy_counters(struct wasm_lazy *lazy, struct wasm_counters *to);
/* Write a line for each loaded function, in the format of perf maps. */
void wasm_lazy_map(struct wasm_lazy *lazy, FILE *to);

/* Where a function is, as an isolated module shares it between its processes. */
struct wasm_view {
	uint64_t slot, start;
	uint32_t length;	/* 0: not loaded */
};

uint32_t wasm_lazy_functions(const struct wasm_lazy *lazy);
/* Load a function, unless it is loaded; 0 or a negative error code. */
int wasm_lazy_compile(struct wasm_lazy *lazy, uint32_t function);
/* From now on functions are requested from this socket. */
void wasm_lazy_divide(struct wasm_lazy *lazy, int compiler);

/*
 * isolate.c: become two processes. The one that compiles does not return; it ends
 * as the other one does, which is locked.
 */
void wasm_isolate(struct wasm_module *module);

/* host.c: the host side of modules */
extern struct wasm_module *wasm_current;
int wasm_resolve(void *ctx, const char *name, uint64_t *address);
const char *wasm_reason(const struct codearena_trap_report *report);

/* meter.c: ticks of publishing, and of copying the same bytes */
void wasm_meter_publish(const struct wasm_module *module);

/* stack.c */
extern struct codearena_guard *wasm_stack_guard;
/* Run @body(@data) in a thread whose stack is in a guard. */
int wasm_on_guarded_stack(const struct wasm_options *options,
			  int (*body)(void *data), void *data);

/* replay.c: 0 if the module behaved as the trace says */
int wasm_replay(const char *object, const char *trace,
		const struct wasm_options *options);

/*
 * hash.c: 0 if the module, one of hash-wasm, computes the digest @expected of the
 * file @path, before and after a trap.
 */
int wasm_hash(const char *object, const char *path, const char *expected,
	      const struct wasm_options *options);

/*
 * In a virtual machine that counts instructions, a tick is an instruction. Pause
 * it for the host's part of a call.
 */
static inline uint64_t wasm_ticks(void)
{
#ifdef __x86_64__
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence"
			 : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#else
	return 0;
#endif
}

/* Touch pages, so that their first page faults are not measured. */
static inline void wasm_touch(const struct wasm_module *module,
			      uint8_t *memory, uint64_t length)
{
	volatile uint8_t *byte = memory;

	if (!module->options->meter)
		return;
	for (uint64_t i = 0; i < length; i += 4096)
		byte[i] = byte[i];
}

/* report.c */
/* Signal handlers of the process, without those of the memfd backend. */
unsigned int wasm_handlers(void);
uint64_t wasm_signals(const struct wasm_module *module);
void wasm_print_stats(const struct wasm_module *module);
void wasm_write_perf_map(const struct wasm_module *module);

#endif /* WASM_H */
