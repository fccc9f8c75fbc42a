/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Structures that begin with their size, as older and newer programs have them.
 */
#ifndef TEST_SIZES_H
#define TEST_SIZES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Bytes that a newer program has and this library does not know. */
#define SIZES_MORE	16
#define SIZES_MAX	1024

static inline void sizes_set(uint8_t *sized, size_t size)
{
	memcpy(sized, &size, sizeof(size));
}

/**
 * sizes_of_input - grow and shrink options
 * @valid: the structure
 * @first: its size in the first release
 * @known: its size
 * @call: calls the library with it and undoes a success
 * @data: for @call
 */
static inline void sizes_of_input(const void *valid, size_t first, size_t known,
				  int (*call)(void *sized, void *data),
				  void *data)
{
	union {
		uint8_t bytes[SIZES_MAX];
		max_align_t align;
	} sized = { { 0 } };

	assert_true(first <= known && known + SIZES_MORE <= SIZES_MAX);
	memcpy(sized.bytes, valid, known);
	sizes_set(sized.bytes, known);
	assert_int_equal(call(sized.bytes, data), 0);
	sizes_set(sized.bytes, first);
	assert_int_equal(call(sized.bytes, data), 0);
	sizes_set(sized.bytes, first - 1);
	assert_int_equal(call(sized.bytes, data), -EINVAL);
	sizes_set(sized.bytes, 0);
	assert_int_equal(call(sized.bytes, data), -EINVAL);
	sizes_set(sized.bytes, known + SIZES_MORE);
	assert_int_equal(call(sized.bytes, data), 0);
	sized.bytes[known + SIZES_MORE - 1] = 1;
	assert_int_equal(call(sized.bytes, data), -E2BIG);
}

/**
 * sizes_of_output - grow and shrink a structure that the library fills
 * @first: its size in the first release
 * @known: its size
 * @expected: what the call returns
 * @call: calls the library with it, with the same result each time
 * @data: for @call
 */
static inline void sizes_of_output(size_t first, size_t known, int expected,
				   int (*call)(void *sized, void *data),
				   void *data)
{
	union {
		uint8_t bytes[SIZES_MAX];
		max_align_t align;
	} exact, sized;
	size_t i;

	assert_true(first <= known && known + SIZES_MORE <= SIZES_MAX);
	memset(exact.bytes, 0xa5, SIZES_MAX);
	sizes_set(exact.bytes, known);
	assert_int_equal(call(exact.bytes, data), expected);
	memset(sized.bytes, 0xa5, SIZES_MAX);
	sizes_set(sized.bytes, first - 1);
	assert_int_equal(call(sized.bytes, data), -EINVAL);
	for (i = sizeof(size_t); i < SIZES_MAX; i++)
		assert_int_equal(sized.bytes[i], 0xa5);
	sizes_set(sized.bytes, known + SIZES_MORE);
	assert_int_equal(call(sized.bytes, data), expected);
	sizes_set(exact.bytes, known + SIZES_MORE);
	assert_memory_equal(sized.bytes, exact.bytes, known);
	for (i = known; i < known + SIZES_MORE; i++)
		assert_int_equal(sized.bytes[i], 0);
	assert_int_equal(sized.bytes[i], 0xa5);
	memset(sized.bytes, 0xa5, SIZES_MAX);
	sizes_set(sized.bytes, first);
	assert_int_equal(call(sized.bytes, data), expected);
	for (i = first; i < SIZES_MAX; i++)
		assert_int_equal(sized.bytes[i], 0xa5);
}

#endif /* TEST_SIZES_H */
