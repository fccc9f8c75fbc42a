// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The unwinder of the process: libgcc takes a whole .eh_frame section, LLVM's
 * libunwind one description at a time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"

/* Where the program or the libraries that it was linked with have an unwinder. */
void __register_frame(void *begin) __attribute__((weak));
void __deregister_frame(void *begin) __attribute__((weak));
/* LLVM's has this too. */
extern const char __unw_add_dynamic_fde[] __attribute__((weak));

/* Static programs have no libraries to load, and no need for the loader. */
#pragma weak dlsym

static void (*ca__frame_add)(void *begin);
static void (*ca__frame_drop)(void *begin);
static bool ca__frame_single;

static pthread_once_t ca__unwinder_once = PTHREAD_ONCE_INIT;

/* backtrace() loads the same library when it is called first. */
static void ca__unwinder_load(void)
{
	void *library = ca__dlopen("libgcc_s.so.1", RTLD_NOW);

	if (!library)
		return;
	ca__frame_add = (void (*)(void *))dlsym(library, "__register_frame");
	ca__frame_drop = (void (*)(void *))dlsym(library,
						 "__deregister_frame");
}

static void ca__unwinder_init(void)
{
	ca__frame_add = __register_frame;
	ca__frame_drop = __deregister_frame;
	ca__frame_single = __unw_add_dynamic_fde;
	if (!ca__frame_add || !ca__frame_drop)
		ca__unwinder_load();
}

/**
 * ca__unwinder_found - does the process have an unwinder?
 *
 * Return: the answer, which does not change.
 */
bool ca__unwinder_found(void)
{
	pthread_once(&ca__unwinder_once, ca__unwinder_init);
	return ca__frame_add && ca__frame_drop;
}

/**
 * ca__unwinder_copies - does it copy what it needs of a table?
 *
 * Return: the answer; false: it reads the table whenever it unwinds.
 */
bool ca__unwinder_copies(void)
{
	return ca__frame_single;
}

/* Calls a function for each description of a table that ends with a 0. */
static void ca__unwinder_each(uint8_t *table, void (*call)(void *begin))
{
	uint32_t length, cie;

	for (;; table += length + 4) {
		memcpy(&length, table, 4);
		if (!length)
			return;
		memcpy(&cie, table + 4, 4);
		if (cie)
			call(table);
	}
}

/**
 * ca__unwinder_register - register a table
 * @table: .eh_frame, which must stay until ca__unwinder_deregister()
 */
void ca__unwinder_register(void *table)
{
	if (ca__frame_single)
		ca__unwinder_each(table, ca__frame_add);
	else
		ca__frame_add(table);
}

/**
 * ca__unwinder_deregister - undo ca__unwinder_register()
 * @table: the same
 */
void ca__unwinder_deregister(void *table)
{
	if (ca__frame_single)
		ca__unwinder_each(table, ca__frame_drop);
	else
		ca__frame_drop(table);
}
