/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of encoders share.
 */
#ifndef TEST_JUMP_ENCODE_H
#define TEST_JUMP_ENCODE_H

#include <elf.h>
#include <stdio.h>

#include "jump/jump.h"
#include "lib/helpers.h"

#define ENTRY		CODEARENA_JUMP_F_BRANCH_TARGET

static uint64_t seed = 1;

/* Marsaglia's xorshift: the same numbers in every run. */
static inline uint64_t number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static inline const struct ca__jump_layout *layout_of(uint32_t machine,
						      uint32_t flags)
{
	const struct ca__jump_layout *layout =
		ca__jump_layout_find(machine, flags);

	assert_non_null(layout);
	return layout;
}

static inline void expect_bytes(const uint8_t *code, int length,
				const char *expected)
{
	char text[3 * CA__JUMP_SLOT_MAX + 1] = "";
	int i;

	assert_true(length > 0);
	for (i = 0; i < length; i++)
		sprintf(text + 3 * i, "%02x ", code[i]);
	text[3 * length - 1] = '\0';
	assert_string_equal(text, expected);
}

#endif /* TEST_JUMP_ENCODE_H */
