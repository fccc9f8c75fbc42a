/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocations that fail, for one program of tests, which is linked with
 * --wrap of these functions.
 */
#ifndef TEST_MEMORY_FAILS_H
#define TEST_MEMORY_FAILS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Fail the allocation after so many more; SIZE_MAX: none. */
static size_t memory_left = SIZE_MAX;
static bool memory_returns;
static bool memory_failed;

static bool spend(void)
{
	if (memory_left == SIZE_MAX)
		return true;
	if (memory_left) {
		memory_left--;
		return true;
	}
	memory_failed = true;
	if (memory_returns)
		memory_left = SIZE_MAX;
	return false;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
	return spend() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return spend() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
	return spend() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return spend() ? __real_aligned_alloc(align, size) : NULL;
}

#endif /* TEST_MEMORY_FAILS_H */
