/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What holds, or the program ends: for fuzzers and models, which run without the
 * harness of tests.
 */
#ifndef TEST_REQUIRE_H
#define TEST_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define require(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: %s\n", __FILE__,	\
				__LINE__, #condition);			\
			abort();					\
		}							\
	} while (0)

#endif /* TEST_REQUIRE_H */
