/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Random numbers of the KUnit suites, which a printed seed repeats.
 */
#ifndef CODEARENA_TESTS_SEED_H
#define CODEARENA_TESTS_SEED_H

#include <linux/prandom.h>
#include <kunit/test.h>

void codearena_test_seed(struct kunit *test, struct rnd_state *random);

static inline u32 codearena_test_below(struct rnd_state *random, u32 limit)
{
	return prandom_u32_state(random) % limit;
}

#endif /* CODEARENA_TESTS_SEED_H */
