// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The floor under every command: entering the module and leaving it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

#define OPS	256

struct base {
	int fd;
	unsigned int refused;
};

static void *base_open(const char *device)
{
	struct base *base = bench_alloc(sizeof(*base));

	base->fd = open(device, O_RDWR | O_CLOEXEC);
	if (base->fd < 0)
		bench_die(device);
	return base;
}

static void *arena_open(void)
{
	return base_open("/dev/codearena");
}

static void *null_open(void)
{
	return base_open("/dev/null");
}

/* A size below the minimum is refused before anything else is looked at. */
static uint64_t base_run(void *state, unsigned int round)
{
	struct codearena_query query = { .size = 0 };
	struct base *base = state;
	unsigned int refused = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < OPS; i++)
		refused += ioctl(base->fd, CODEARENA_QUERY, &query) != 0;
	base->refused = refused;
	return 0;
}

static bool arena_verify(void *state, unsigned int round, uint64_t sum)
{
	struct base *base = state;

	(void)round;
	(void)sum;
	return base->refused == OPS && errno == EINVAL;
}

static bool null_verify(void *state, unsigned int round, uint64_t sum)
{
	struct base *base = state;

	(void)round;
	(void)sum;
	return base->refused == OPS && errno == ENOTTY;
}

static void base_close(void *state)
{
	struct base *base = state;

	close(base->fd);
	free(base);
}

static const struct bench_way empty[] = {
	{
		.name = "codearena",
		.open = arena_open,
		.run = base_run,
		.verify = arena_verify,
		.close = base_close,
	},
	/* The same system call to a driver that has no command at all. */
	{
		.name = "native",
		.open = null_open,
		.run = base_run,
		.verify = null_verify,
		.close = base_close,
	},
};

static const struct bench_case cases[] = {
	{
		.name = "ioctl_empty",
		.per = "call",
		.per_round = OPS,
		.rounds = 31,
		BENCH_WAYS(empty),
	},
};

const struct bench_subject bench_base_subject = { cases, BENCH_COUNT(cases) };
