/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Properties and references of code objects in tests.
 */
#ifndef TEST_CODE_INFO_H
#define TEST_CODE_INFO_H

#include "code/code.h"
#include "lib/helpers.h"

static inline struct codearena_code_info
code_info(const struct codearena_code *code)
{
	struct codearena_code_info info = { .sz = sizeof(info) };

	assert_int_equal(codearena_code_get_info(code, &info), 0);
	assert_int_equal(info.sz, sizeof(info));
	return info;
}

/* Drops a reference without an owner; true: it was the last one. */
static inline bool code_unref(struct codearena_code *code)
{
	return __atomic_sub_fetch(&code->references, 1, __ATOMIC_ACQ_REL) == 0;
}

#endif /* TEST_CODE_INFO_H */
