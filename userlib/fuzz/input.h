/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A fuzzer's input, as numbers; and how a fuzzer says that something is wrong.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* The next bytes as a number; zeros behind the end. */
static inline uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && input->left) {
		value = value << 8 | *input->at++;
		input->left--;
	}
	return value;
}

/* A number below @limit, which is at most 256. */
static inline unsigned int take_below(struct input *input, unsigned int limit)
{
	return take(input, 1) % limit;
}

#define require(condition) \
	((condition) ? (void)0 : \
	 (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
		  #condition), abort()))

#endif /* FUZZ_INPUT_H */
