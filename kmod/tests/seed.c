// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Random numbers of the KUnit suites.
 */
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "seed.h"

static ulong kunit_seed;
module_param(kunit_seed, ulong, 0444);
MODULE_PARM_DESC(kunit_seed, "seed of the KUnit suites, 0 for a new one");

/**
 * codearena_test_seed - begin a row of random numbers, and say which
 * @test: the case
 * @random: gets its state
 */
void codearena_test_seed(struct kunit *test, struct rnd_state *random)
{
	u64 seed = kunit_seed ?: get_random_u64();

	kunit_info(test, "kunit_seed=%llu repeats this\n", seed);
	prandom_seed_state(random, seed);
}
