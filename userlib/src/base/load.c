// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loading a shared library, in programs that can.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "base/base.h"

/* Static programs may not have it. */
#pragma weak dlsym

/**
 * ca__dlopen - dlopen(), without its name in a call
 * @name: as for dlopen()
 * @flags: as for dlopen()
 *
 * A call would make linkers warn of static programs.
 *
 * Return: the handle; NULL: not loaded, or the program cannot load libraries.
 */
void *ca__dlopen(const char *name, int flags)
{
	void *(*open)(const char *name, int flags);

	if (!dlsym)
		return NULL;
	open = (void *(*)(const char *, int))dlsym(RTLD_DEFAULT, "dlopen");
	return open ? open(name, flags) : NULL;
}
