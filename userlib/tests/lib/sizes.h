/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Structures that begin with their size, as older and newer programs have them.
 */
#ifndef TEST_SIZES_H
#define TEST_SIZES_H

#include "lib/helpers.h"

#define SIZES_MAX	512
#define SIZES_NEWER	24

static inline void size_set(uint8_t *sized, size_t size)
{
	memcpy(sized, &size, sizeof(size));
}

/*
 * An input of @known bytes that @call accepts, @first in the first release. The
 * call gets it at every size; members after the first release must be optional.
 */
static inline void expect_input_sizes(const void *valid, size_t first,
				      size_t known, int (*call)(void *sized))
{
	uint8_t sized[SIZES_MAX] __attribute__((aligned(8))) = { 0 };
	size_t size, newer = known + SIZES_NEWER;

	assert_true(newer <= sizeof(sized) && first <= known);
	memcpy(sized, valid, known);
	for (size = 0; size < first; size++) {
		size_set(sized, size);
		assert_int_equal(call(sized), -EINVAL);
	}
	for (size = first; size <= newer; size++) {
		size_set(sized, size);
		assert_int_equal(call(sized), 0);
	}
	for (size = known; size < newer; size++) {
		sized[size] = 1;
		size_set(sized, newer);
		assert_int_equal(call(sized), -E2BIG);
		/* What follows the structure is not read. */
		size_set(sized, size);
		assert_int_equal(call(sized), 0);
		sized[size] = 0;
	}
}

/* An output of @known bytes, @first in the first release. */
static inline void expect_output_sizes(size_t first, size_t known,
				       int (*call)(void *sized))
{
	uint8_t sized[SIZES_MAX] __attribute__((aligned(8)));
	uint8_t fresh[SIZES_MAX], whole[SIZES_MAX] __attribute__((aligned(8)));
	size_t size, kept, newer = known + SIZES_NEWER;

	assert_true(newer <= sizeof(sized) && first <= known);
	memset(fresh, 0xa5, sizeof(fresh));
	size_set(whole, known);
	assert_int_equal(call(whole), 0);
	memset(whole + known, 0, newer - known);
	for (size = sizeof(size); size <= newer; size++) {
		memcpy(sized, fresh, sizeof(sized));
		size_set(sized, size);
		assert_int_equal(call(sized), size < first ? -EINVAL : 0);
		size_set(whole, size);
		kept = size < first ? sizeof(size) : size;
		assert_memory_equal(sized, whole, kept);
		assert_memory_equal(sized + kept, fresh + kept,
				    sizeof(sized) - kept);
	}
}

#endif /* TEST_SIZES_H */
