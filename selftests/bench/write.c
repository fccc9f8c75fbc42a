// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Copying in much at once: 1 MiB, without sealing or executing it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

#define LENGTH	(1U << 20)

/* Not allocated: that would look like a mapping that a way adds. */
static unsigned char source_bytes[LENGTH];

struct bulk {
	struct memory memory;
	unsigned char *source;
};

static struct bulk *bulk_new(void)
{
	struct bulk *bulk = bench_alloc(sizeof(*bulk));

	bulk->source = source_bytes;
	return bulk;
}

static void bulk_prepare(void *state, unsigned int round)
{
	struct bulk *bulk = state;
	uint32_t x = round;
	unsigned int i;

	for (i = 0; i < LENGTH; i++) {
		x = x * 1664525U + 1013904223U;
		bulk->source[i] = (unsigned char)(x >> 24);
	}
}

static bool view_verify(void *state, unsigned int round, uint64_t sum)
{
	struct bulk *bulk = state;

	(void)round;
	(void)sum;
	return !memcmp(bulk->memory.exec, bulk->source, LENGTH);
}

/* What is not sealed cannot be seen; the next round discards it again. */
static bool arena_verify(void *state, unsigned int round, uint64_t sum)
{
	struct bulk *bulk = state;
	struct codearena_seal seal = {
		.size = sizeof(seal),
		.length = LENGTH,
	};

	if (ioctl(bulk->memory.fd, CODEARENA_SEAL, &seal))
		bench_die("SEAL");
	return view_verify(state, round, sum);
}

static void arena_prepare(void *state, unsigned int round)
{
	struct bulk *bulk = state;

	bulk_prepare(state, round);
	memory_discard(&bulk->memory, 0, LENGTH);
}

static void *arena_open(void)
{
	struct bulk *bulk = bulk_new();

	memory_open_arena(&bulk->memory, LENGTH);
	return bulk;
}

static uint64_t arena_run(void *state, unsigned int round)
{
	struct bulk *bulk = state;
	struct codearena_chunk chunk = {
		.source = (uintptr_t)bulk->source,
		.length = LENGTH,
	};
	struct codearena_write write = {
		.size = sizeof(write),
		.chunks = (uintptr_t)&chunk,
		.count = 1,
	};

	(void)round;
	if (ioctl(bulk->memory.fd, CODEARENA_WRITE, &write))
		bench_die("WRITE");
	return 0;
}

static void *memfd_open(void)
{
	struct bulk *bulk = bulk_new();

	memory_open_memfd(&bulk->memory, LENGTH);
	return bulk;
}

static uint64_t memfd_run(void *state, unsigned int round)
{
	struct bulk *bulk = state;

	(void)round;
	memcpy(bulk->memory.alias, bulk->source, LENGTH);
	return 0;
}

static uint64_t pwrite_run(void *state, unsigned int round)
{
	struct bulk *bulk = state;

	(void)round;
	if (pwrite(bulk->memory.fd, bulk->source, LENGTH, 0) != LENGTH)
		bench_die("pwrite");
	return 0;
}

static void *procmem_open(void)
{
	struct bulk *bulk = bulk_new();

	memory_open_procmem(&bulk->memory, LENGTH);
	return bulk;
}

static uint64_t procmem_run(void *state, unsigned int round)
{
	struct bulk *bulk = state;

	(void)round;
	memory_pwrite(&bulk->memory, 0, bulk->source, LENGTH);
	return 0;
}

static void bulk_close(void *state)
{
	struct bulk *bulk = state;

	memory_close(&bulk->memory);
	free(bulk);
}

static const struct bench_way bulk_ways[] = {
	{
		.name = "codearena",
		.open = arena_open,
		.prepare = arena_prepare,
		.run = arena_run,
		.verify = arena_verify,
		.close = bulk_close,
	}, {
		.name = "memfd",
		.open = memfd_open,
		.prepare = bulk_prepare,
		.run = memfd_run,
		.verify = view_verify,
		.close = bulk_close,
	}, {
		.name = "pwrite",
		.open = memfd_open,
		.prepare = bulk_prepare,
		.run = pwrite_run,
		.verify = view_verify,
		.close = bulk_close,
	}, {
		.name = "procmem",
		.open = procmem_open,
		.prepare = bulk_prepare,
		.run = procmem_run,
		.verify = view_verify,
		.close = bulk_close,
	},
};

static const struct bench_case cases[] = {
	{
		.name = "write_bulk",
		.per = "KiB",
		.per_round = LENGTH / 1024,
		.rounds = 7,
		BENCH_WAYS(bulk_ways),
	},
};

const struct bench_subject bench_write_subject = { cases, BENCH_COUNT(cases) };
