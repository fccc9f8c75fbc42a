/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What every benchmark case shares: a case is one job, done in several ways.
 * The first way is codearena's, the others are its peers.
 */
#ifndef CODEARENA_BENCH_H
#define CODEARENA_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_MAX_WAYS	10

/**
 * struct bench_way - one way of doing a case's job
 * @name: what the rows call it
 * @open: builds what the way needs, dies on failure; NULL if this machine does not
 *        have it
 * @open_among: the same instead of @open, for one of several sizes of the job
 * @among: what @open_among is given
 * @prepare: not measured, before each round; may be NULL
 * @run: measured; one round, which is &struct bench_case.per_round operations.
 *       Returns the sum of what the published code returned, 0 if it ran none
 * @verify: not measured, after each round: did @run do its work? Gets what it
 *          returned
 * @close: releases all
 */
struct bench_way {
	const char *name;
	void *(*open)(void);
	void *(*open_among)(unsigned int among);
	unsigned int among;
	void (*prepare)(void *state, unsigned int round);
	uint64_t (*run)(void *state, unsigned int round);
	bool (*verify)(void *state, unsigned int round, uint64_t sum);
	void (*close)(void *state);
};

/**
 * struct bench_case - one job
 * @name: first column of the rows
 * @per: what one operation is, for people
 * @per_round: operations in one round
 * @rounds: measured rounds, after as many unmeasured ones as warm it up
 * @ways: codearena's way first
 * @way_count: entries in @ways
 */
struct bench_case {
	const char *name;
	const char *per;
	unsigned int per_round;
	unsigned int rounds;
	const struct bench_way *ways;
	unsigned int way_count;
};

/* An array of cases for each subject; bench.c lists the subjects. */
struct bench_subject {
	const struct bench_case *cases;
	unsigned int count;
};

#define BENCH_COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define BENCH_WAYS(array)	.ways = (array), .way_count = BENCH_COUNT(array)

extern const struct bench_subject bench_base_subject;
extern const struct bench_subject bench_publish_subject;
extern const struct bench_subject bench_replace_subject;
extern const struct bench_subject bench_write_subject;
extern const struct bench_subject bench_patch_subject;
extern const struct bench_subject bench_life_subject;
extern const struct bench_subject bench_trap_subject;
extern const struct bench_subject bench_threads_subject;
extern const struct bench_subject bench_clone_subject;
extern const struct bench_subject bench_view_subject;
extern const struct bench_subject bench_module_subject;

_Noreturn void bench_die(const char *what) __attribute__((cold));
void *bench_alloc(size_t size);

#endif /* CODEARENA_BENCH_H */
