/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocations that fail, for fuzzers. One with these is linked with
 * fuzz_fail_ldflags.
 */
#ifndef FUZZ_FAIL_H
#define FUZZ_FAIL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/require.h"

/* Allocations: the one that fails, counted from 1, and whether one did. */
static __thread unsigned int fail_at;
static __thread bool did_fail;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *from, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *from, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

static inline bool fails(void)
{
	if (!fail_at || --fail_at)
		return false;
	did_fail = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *from, size_t size)
{
	return fails() ? NULL : __real_realloc(from, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(align, size);
}

/* A call that may fail if an allocation fails. */
#define TRY(at, call) ({						\
	int ret_;							\
									\
	did_fail = false;						\
	fail_at = at;							\
	ret_ = call;							\
	fail_at = 0;							\
	require(ret_ != -ENOMEM || did_fail);				\
	ret_;								\
})

#endif /* FUZZ_FAIL_H */
