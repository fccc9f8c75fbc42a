// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Adding functions and running them: one at a time, and many at once.
 *
 * Each function is executed once in the measured time, so that the first fault
 * on a page counts too. Between rounds, not measured, an arena's functions are
 * discarded, which unmaps their pages; the peers' pages stay where they are.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "code.h"
#include "memory.h"
#include "meter.h"

#define FUNCTIONS	256
#define SMALL		64
#define LARGE		256
#define ARENA_LENGTH	(1U << 20)

/*
 * Not at the beginning of the mapping: a change of rights then has to split it,
 * as it has to in a program with more code than one page.
 */
#define FIRST		(ARENA_LENGTH / 2)

/* Not allocated: that would look like a mapping that a way adds. */
static char source_bytes[FUNCTIONS * LARGE];

struct publish {
	struct memory memory;
	size_t size;
	char *source;
	struct codearena_object objects[FUNCTIONS];
};

static struct publish *publish_new(size_t size)
{
	struct publish *job = bench_alloc(sizeof(*job));

	job->size = size;
	job->source = source_bytes;
	return job;
}

static void publish_source(struct publish *job, unsigned int round)
{
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		code_make(job->source + i * job->size, job->size,
			  code_value(round, i));
}

static void peer_prepare(void *state, unsigned int round)
{
	publish_source(state, round);
}

static void arena_prepare(void *state, unsigned int round)
{
	struct publish *job = state;

	publish_source(job, round);
	memory_discard(&job->memory, FIRST, FUNCTIONS * job->size);
}

static bool publish_verify(void *state, unsigned int round, uint64_t sum)
{
	struct publish *job = state;
	uint64_t expected = 0;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		expected += code_value(round, i);
	return sum == expected && !memcmp(job->memory.exec + FIRST, job->source,
					  FUNCTIONS * job->size);
}

static void publish_close(void *state)
{
	struct publish *job = state;

	memory_close(&job->memory);
	free(job);
}

static uint64_t call_all(const struct publish *job)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		sum += code_call(job->memory.exec + FIRST + i * job->size);
	return sum;
}

static void *arena_small_open(void)
{
	struct publish *job = publish_new(SMALL);

	memory_open_arena(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t arena_small_run(void *state, unsigned int round)
{
	struct publish *job = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		size_t at = FIRST + i * SMALL;

		memory_publish(&job->memory, at, job->source + i * SMALL,
			       SMALL, 0);
		sum += code_call(job->memory.exec + at);
	}
	return sum;
}

static void *mprotect_small_open(void)
{
	struct publish *job = publish_new(SMALL);

	memory_open_mprotect(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t mprotect_small_run(void *state, unsigned int round)
{
	struct publish *job = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		size_t at = FIRST + i * SMALL;
		char *to = job->memory.exec + at;

		memory_protect(&job->memory, at, SMALL, PROT_READ | PROT_WRITE);
		meter_peak();
		memcpy(to, job->source + i * SMALL, SMALL);
		memory_protect(&job->memory, at, SMALL, PROT_READ | PROT_EXEC);
		code_sync(to, SMALL);
		sum += code_call(to);
	}
	return sum;
}

static void *procmem_small_open(void)
{
	struct publish *job = publish_new(SMALL);

	memory_open_procmem(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t procmem_small_run(void *state, unsigned int round)
{
	struct publish *job = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		size_t at = FIRST + i * SMALL;

		memory_pwrite(&job->memory, at, job->source + i * SMALL, SMALL);
		code_sync(job->memory.exec + at, SMALL);
		sum += code_call(job->memory.exec + at);
	}
	return sum;
}

static void *memfd_small_open(void)
{
	struct publish *job = publish_new(SMALL);

	memory_open_memfd(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t memfd_small_run(void *state, unsigned int round)
{
	struct publish *job = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		size_t at = FIRST + i * SMALL;

		memcpy(job->memory.alias + at, job->source + i * SMALL, SMALL);
		code_sync(job->memory.exec + at, SMALL);
		sum += code_call(job->memory.exec + at);
	}
	return sum;
}

static void *arena_batch_open(void)
{
	struct publish *job = publish_new(LARGE);
	unsigned int i;

	memory_open_arena(&job->memory, ARENA_LENGTH);
	for (i = 0; i < FUNCTIONS; i++) {
		job->objects[i].offset = FIRST + i * LARGE;
		job->objects[i].source = (uintptr_t)job->source + i * LARGE;
		job->objects[i].length = LARGE;
	}
	return job;
}

static uint64_t arena_batch_run(void *state, unsigned int round)
{
	struct publish *job = state;
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.objects = (uintptr_t)job->objects,
		.object_count = FUNCTIONS,
	};

	(void)round;
	if (ioctl(job->memory.fd, CODEARENA_PUBLISH, &publish))
		bench_die("PUBLISH");
	return call_all(job);
}

static void *mprotect_batch_open(void)
{
	struct publish *job = publish_new(LARGE);

	memory_open_mprotect(&job->memory, ARENA_LENGTH);
	return job;
}

/* A program that has all functions at hand needs one pair of calls. */
static uint64_t mprotect_batch_run(void *state, unsigned int round)
{
	struct publish *job = state;
	char *first = job->memory.exec + FIRST;
	unsigned int i;

	(void)round;
	memory_protect(&job->memory, FIRST, FUNCTIONS * LARGE,
		       PROT_READ | PROT_WRITE);
	meter_peak();
	for (i = 0; i < FUNCTIONS; i++)
		memcpy(first + i * LARGE, job->source + i * LARGE, LARGE);
	memory_protect(&job->memory, FIRST, FUNCTIONS * LARGE,
		       PROT_READ | PROT_EXEC);
	code_sync(first, FUNCTIONS * LARGE);
	return call_all(job);
}

static void *procmem_batch_open(void)
{
	struct publish *job = publish_new(LARGE);

	memory_open_procmem(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t procmem_batch_run(void *state, unsigned int round)
{
	struct publish *job = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++)
		memory_pwrite(&job->memory, FIRST + i * LARGE,
			      job->source + i * LARGE, LARGE);
	code_sync(job->memory.exec + FIRST, FUNCTIONS * LARGE);
	return call_all(job);
}

static void *memfd_batch_open(void)
{
	struct publish *job = publish_new(LARGE);

	memory_open_memfd(&job->memory, ARENA_LENGTH);
	return job;
}

static uint64_t memfd_batch_run(void *state, unsigned int round)
{
	struct publish *job = state;
	char *first = job->memory.alias + FIRST;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++)
		memcpy(first + i * LARGE, job->source + i * LARGE, LARGE);
	code_sync(job->memory.exec + FIRST, FUNCTIONS * LARGE);
	return call_all(job);
}

#define PUBLISH_WAY(_name, _open, _prepare, _run)	\
	{						\
		.name = _name,				\
		.open = _open,				\
		.prepare = _prepare,			\
		.run = _run,				\
		.verify = publish_verify,		\
		.close = publish_close,			\
	}

static const struct bench_way small[] = {
	PUBLISH_WAY("codearena", arena_small_open, arena_prepare, arena_small_run),
	PUBLISH_WAY("mprotect", mprotect_small_open, peer_prepare, mprotect_small_run),
	PUBLISH_WAY("procmem", procmem_small_open, peer_prepare, procmem_small_run),
	PUBLISH_WAY("memfd", memfd_small_open, peer_prepare, memfd_small_run),
};

static const struct bench_way batch[] = {
	PUBLISH_WAY("codearena", arena_batch_open, arena_prepare, arena_batch_run),
	PUBLISH_WAY("mprotect", mprotect_batch_open, peer_prepare, mprotect_batch_run),
	PUBLISH_WAY("procmem", procmem_batch_open, peer_prepare, procmem_batch_run),
	PUBLISH_WAY("memfd", memfd_batch_open, peer_prepare, memfd_batch_run),
};

static const struct bench_case cases[] = {
	{
		.name = "publish_64",
		.per = "function",
		.per_round = FUNCTIONS,
		.rounds = 31,
		BENCH_WAYS(small),
	},
	{
		.name = "publish_256x256",
		.per = "function",
		.per_round = FUNCTIONS,
		.rounds = 31,
		BENCH_WAYS(batch),
	},
};

const struct bench_subject bench_publish_subject = { cases, BENCH_COUNT(cases) };
