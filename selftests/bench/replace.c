// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Other functions in the place of functions that exist, one at a time, each executed
 * once in the measured time. No processor executes the old one after that.
 *
 * Of a process with one thread, and of one with another thread, which sleeps: an
 * arena then keeps threads out of the code while it changes, and the peers do not.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "bench.h"
#include "code.h"
#include "memory.h"
#include "meter.h"

#define FUNCTIONS	256
#define SMALL		64
#define ARENA_LENGTH	(1U << 20)
/* Not at the beginning of the mapping, as in publish.c. */
#define FIRST		(ARENA_LENGTH / 2)

/* Not allocated: that would look like a mapping that a way adds. */
static char source[FUNCTIONS * SMALL];

struct replace {
	struct memory memory;
	pthread_t thread;
	bool threaded;
};

static void replace_prepare(void *state, unsigned int round)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < FUNCTIONS; i++)
		code_make(source + i * SMALL, SMALL, code_value(round, i));
}

static bool replace_verify(void *state, unsigned int round, uint64_t sum)
{
	struct replace *job = state;
	uint64_t expected = 0;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		expected += code_value(round, i);
	return sum == expected && !memcmp(job->memory.exec + FIRST, source,
					  sizeof(source));
}

static void *sleeper(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void *replace_open(void (*open_memory)(struct memory *, size_t),
			  bool threaded)
{
	struct replace *job = bench_alloc(sizeof(*job));

	open_memory(&job->memory, ARENA_LENGTH);
	memory_sync_core_register();
	job->threaded = threaded;
	if (threaded && pthread_create(&job->thread, NULL, sleeper, NULL))
		bench_die("pthread_create");
	return job;
}

static void replace_close(void *state)
{
	struct replace *job = state;

	if (job->threaded) {
		pthread_cancel(job->thread);
		pthread_join(job->thread, NULL);
	}
	memory_close(&job->memory);
	free(job);
}

static void arena_one(struct memory *memory, size_t at, const char *from)
{
	memory_publish(memory, at, from, SMALL, CODEARENA_OBJECT_F_REPLACE);
}

static void mprotect_one(struct memory *memory, size_t at, const char *from)
{
	memory_protect(memory, at, SMALL, PROT_READ | PROT_WRITE);
	meter_peak();
	memcpy(memory->exec + at, from, SMALL);
	memory_protect(memory, at, SMALL, PROT_READ | PROT_EXEC);
	code_sync(memory->exec + at, SMALL);
	memory_sync_core();
}

static void procmem_one(struct memory *memory, size_t at, const char *from)
{
	memory_pwrite(memory, at, from, SMALL);
	code_sync(memory->exec + at, SMALL);
	memory_sync_core();
}

static void memfd_one(struct memory *memory, size_t at, const char *from)
{
	memcpy(memory->alias + at, from, SMALL);
	code_sync(memory->exec + at, SMALL);
	memory_sync_core();
}

#define REPLACE_RUN(_name)						\
	static uint64_t _name##_run(void *state, unsigned int round)	\
	{								\
		struct replace *job = state;				\
		uint64_t sum = 0;					\
		unsigned int i;						\
									\
		(void)round;						\
		for (i = 0; i < FUNCTIONS; i++) {			\
			_name##_one(&job->memory, FIRST + i * SMALL,	\
				    source + i * SMALL);		\
			sum += code_call(job->memory.exec + FIRST +	\
					 i * SMALL);			\
		}							\
		return sum;						\
	}

REPLACE_RUN(arena)
REPLACE_RUN(mprotect)
REPLACE_RUN(procmem)
REPLACE_RUN(memfd)

#define REPLACE_OPEN(_name, _open_memory)				\
	static void *_name##_open(void)					\
	{								\
		return replace_open(_open_memory, false);		\
	}								\
	static void *_name##_open_threaded(void)			\
	{								\
		return replace_open(_open_memory, true);		\
	}

REPLACE_OPEN(arena, memory_open_arena)
REPLACE_OPEN(mprotect, memory_open_mprotect)
REPLACE_OPEN(procmem, memory_open_procmem)
REPLACE_OPEN(memfd, memory_open_memfd)

#define REPLACE_WAY(_name, _open, _run)		\
	{					\
		.name = _name,			\
		.open = _open,			\
		.prepare = replace_prepare,	\
		.run = _run,			\
		.verify = replace_verify,	\
		.close = replace_close,		\
	}

static const struct bench_way alone[] = {
	REPLACE_WAY("codearena", arena_open, arena_run),
	REPLACE_WAY("mprotect", mprotect_open, mprotect_run),
	REPLACE_WAY("procmem", procmem_open, procmem_run),
	REPLACE_WAY("memfd", memfd_open, memfd_run),
};

static const struct bench_way threaded[] = {
	REPLACE_WAY("codearena", arena_open_threaded, arena_run),
	REPLACE_WAY("mprotect", mprotect_open_threaded, mprotect_run),
	REPLACE_WAY("procmem", procmem_open_threaded, procmem_run),
	REPLACE_WAY("memfd", memfd_open_threaded, memfd_run),
};

static const struct bench_case cases[] = {
	{
		.name = "replace_64",
		.per = "function",
		.per_round = FUNCTIONS,
		.rounds = 31,
		BENCH_WAYS(alone),
	},
	{
		.name = "replace_64_threads",
		.per = "function",
		.per_round = FUNCTIONS,
		.rounds = 31,
		BENCH_WAYS(threaded),
	},
};

const struct bench_subject bench_replace_subject = { cases, BENCH_COUNT(cases) };
