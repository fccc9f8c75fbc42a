/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The interface between a compiled module and codearena-wasm, which wasm2c's
 * output includes. Types and names are those of wasm2c 1.0.32.
 *
 * Nothing here checks accesses to linear memory: it is in a guard, where every
 * address that an access can compute is either backed or a trap. The stack is in
 * a guard too.
 */
#ifndef WASM_RT_H
#define WASM_RT_H

#include <stdbool.h>
#include <stdint.h>

#define LIKELY(x)	__builtin_expect(!!(x), 1)
#define UNLIKELY(x)	__builtin_expect(!!(x), 0)

#define wasm_rt_memcpy	__builtin_memcpy

/* wasm2c omits checks of the stack, and of memory without --checks. */
#ifndef WASM_RT_MEMCHECK_SIGNAL_HANDLER
#define WASM_RT_MEMCHECK_SIGNAL_HANDLER	1
#endif
#define WASM_RT_USE_STACK_DEPTH_COUNT	0

/* The reasons that wasm2c knows, then those that it does not distinguish. */
typedef enum {
	WASM_RT_TRAP_NONE,
	WASM_RT_TRAP_OOB,	/* of a table; for memory see below */
	WASM_RT_TRAP_INT_OVERFLOW,
	WASM_RT_TRAP_DIV_BY_ZERO,
	WASM_RT_TRAP_INVALID_CONVERSION,
	WASM_RT_TRAP_UNREACHABLE,
	WASM_RT_TRAP_CALL_INDIRECT,	/* of another type */
	WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
	WASM_RT_TRAP_EXHAUSTION,
	WASM_RT_TRAP_MEMORY,
	WASM_RT_TRAP_UNDEFINED_ELEMENT,
	WASM_RT_TRAP_UNINITIALIZED_ELEMENT,
	WASM_RT_TRAP_COUNT
} wasm_rt_trap_t;

typedef enum {
	WASM_RT_I32,
	WASM_RT_I64,
	WASM_RT_F32,
	WASM_RT_F64,
	WASM_RT_FUNCREF,
	WASM_RT_EXTERNREF,
} wasm_rt_type_t;

typedef void (*wasm_rt_function_ptr_t)(void);
typedef void *wasm_rt_externref_t;

typedef struct {
	uint32_t func_type;	/* from wasm_rt_register_func_type() */
	wasm_rt_function_ptr_t func;	/* NULL: no function */
	void *module_instance;	/* what it gets first */
} wasm_rt_funcref_t;

static const wasm_rt_funcref_t wasm_rt_funcref_null_value __attribute__((unused));
static const wasm_rt_externref_t wasm_rt_externref_null_value __attribute__((unused));

/* The size of 4 GiB of memory does not fit in 32 bits. */
typedef struct {
	uint8_t *data;
	uint32_t pages, max_pages;
	uint64_t size;
	void *guard;
} wasm_rt_memory_t;

typedef struct {
	wasm_rt_funcref_t *data;
	uint32_t max_size, size;
} wasm_rt_funcref_table_t;

typedef struct {
	wasm_rt_externref_t *data;
	uint32_t max_size, size;
} wasm_rt_externref_table_t;

/* The page of explicit traps: the byte that is read encodes the reason. */
extern const uint8_t wasm_rt_trap_page[];

static inline __attribute__((noreturn, always_inline))
void wasm_rt_trap(wasm_rt_trap_t reason)
{
#ifdef __x86_64__
	if (reason == WASM_RT_TRAP_UNREACHABLE)
		__asm__ volatile("ud2");
#endif
	(void)*(const volatile uint8_t *)(wasm_rt_trap_page + reason);
	__builtin_unreachable();
}

/* Bytes of stack for functions of the runner and of the C library. */
#define WASM_RT_ROOM	(64 << 10)

/* Traps here, in the module, if that much is not left. */
static inline __attribute__((always_inline)) void wasm_rt_room(void)
{
	(void)*(const volatile char *)
		((const char *)__builtin_frame_address(0) - WASM_RT_ROOM);
}

uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...);
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages,
			     uint32_t max_pages);
void wasm_rt_free_memory(wasm_rt_memory_t *memory);
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table,
				    uint32_t elements, uint32_t max_elements);
void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table);
void wasm_rt_allocate_externref_table(wasm_rt_externref_table_t *table,
				      uint32_t elements, uint32_t max_elements);
void wasm_rt_free_externref_table(wasm_rt_externref_table_t *table);

/* Functions of the runner that a running module calls. */
uint32_t wasm_host_grow_memory(wasm_rt_memory_t *memory, uint32_t pages);
uint32_t wasm_host_grow_funcref_table(wasm_rt_funcref_table_t *table,
				      uint32_t delta, wasm_rt_funcref_t with);
uint32_t wasm_host_grow_externref_table(wasm_rt_externref_table_t *table,
					uint32_t delta,
					wasm_rt_externref_t with);
void wasm_host_call(uint32_t import, uint64_t *values);

static inline uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory,
					   uint32_t pages)
{
	wasm_rt_room();
	return wasm_host_grow_memory(memory, pages);
}

static inline uint32_t
wasm_rt_grow_funcref_table(wasm_rt_funcref_table_t *table, uint32_t delta,
			   wasm_rt_funcref_t with)
{
	wasm_rt_room();
	return wasm_host_grow_funcref_table(table, delta, with);
}

static inline uint32_t
wasm_rt_grow_externref_table(wasm_rt_externref_table_t *table, uint32_t delta,
			     wasm_rt_externref_t with)
{
	wasm_rt_room();
	return wasm_host_grow_externref_table(table, delta, with);
}

/*
 * The interface of a compiled module to the runner; glue.c writes it.
 *
 * Types are strings of i, j, f and d: integers and floating point of 32 and 64
 * bits. Values travel in arrays of 64-bit words, parameters in, results out.
 */
struct wasm_glue_export {
	const char *name;
	const char *parameters;
	const char *results;
	void (*call)(void *instance, uint64_t *values);
};

struct wasm_glue_import {
	const char *module;
	const char *name;
	const char *parameters;
	const char *results;
};

/*
 * A table of functions, and a type that functions in tables may have. The first two
 * values of @call are the function and what it gets first, then the parameters.
 */
struct wasm_glue_table {
	const char *name;
	void *(*get)(void *instance);	/* NULL: no functions */
};

struct wasm_glue_type {
	const char *parameters;
	const char *results;
	const uint32_t *number;	/* what wasm_rt_register_func_type() returned */
	void (*call)(void *instance, uint64_t *values);
};

struct wasm_glue {
	uint64_t instance_size;
	uint32_t export_count;
	uint32_t import_count;
	const struct wasm_glue_export *exports;
	const struct wasm_glue_import *imports;
	const struct wasm_glue_table *tables;	/* up to one without a name */
	const struct wasm_glue_type *types;	/* up to one without @call */
	void (*instantiate)(void *instance, uint64_t *values);
	void (*free)(void *instance);
};

#endif /* WASM_RT_H */
