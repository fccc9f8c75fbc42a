/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What every folder of the library uses.
 */
#ifndef CA__BASE_H
#define CA__BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Written at the definition of every public function; all else is hidden. */
#define CODEARENA_API __attribute__((visibility("default")))

/* How signal handlers and assembly find variables of a thread. */
#if defined(__GLIBC__) || !defined(__x86_64__)
#define CA__TLS_FIXED	1
#define CA__TLS_MODEL	__attribute__((tls_model("initial-exec")))
#else
#define CA__TLS_FIXED	0
#define CA__TLS_MODEL
#endif

/* Entries of a usual array, for the stack. */
#define CA__SMALL_ENTRIES	16

static inline uint64_t ca__align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uint64_t ca__align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* struct.c */
int ca__struct_check(const void *from, size_t size, size_t first, size_t known);
int ca__struct_get(void *to, const void *from, size_t first, size_t known);
int ca__struct_put(void *to, const void *from, size_t first, size_t known);

/* owner.c */
uint64_t ca__owner_current(void);
void ca__owner_adopt(void);
bool ca__inherited(uint64_t owner);

/* load.c */
void *ca__dlopen(const char *name, int flags);

/* unwinder.c */
bool ca__unwinder_found(void);
bool ca__unwinder_copies(void);
void ca__unwinder_register(void *table);
void ca__unwinder_deregister(void *table);

#endif /* CA__BASE_H */
