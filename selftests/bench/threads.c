// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Threads that publish at the same time, into one arena and into one each. Counting
 * instructions takes a machine with one processor, so what counts here is the work
 * that contention adds, and not how far the threads run in parallel.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "code.h"
#include "memory.h"

#define FUNCTIONS	512
#define SIZE		64
#define THREADS		4
#define ARENA_LENGTH	(1U << 20)

struct worker {
	struct memory *memory;
	size_t first;
	const char *source;
	unsigned int count;
};

struct crew {
	struct memory memory[THREADS];
	unsigned int arenas;
	unsigned int threads;
	char source[FUNCTIONS * SIZE];
};

static struct crew *crew_new(unsigned int threads, unsigned int arenas)
{
	struct crew *crew = bench_alloc(sizeof(*crew));
	unsigned int i;

	crew->threads = threads;
	crew->arenas = arenas;
	for (i = 0; i < arenas; i++)
		memory_open_arena(&crew->memory[i], ARENA_LENGTH);
	return crew;
}

static struct worker crew_worker(struct crew *crew, unsigned int number)
{
	unsigned int count = FUNCTIONS / crew->threads;

	return (struct worker) {
		.memory = &crew->memory[number % crew->arenas],
		.first = (size_t)number * count * SIZE,
		.source = crew->source,
		.count = count,
	};
}

static void crew_prepare(void *state, unsigned int round)
{
	struct crew *crew = state;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		code_make(crew->source + i * SIZE, SIZE, code_value(round, i));
	for (i = 0; i < crew->arenas; i++)
		memory_discard(&crew->memory[i], 0, FUNCTIONS * SIZE);
}

static void *work(void *data)
{
	const struct worker *worker = data;
	unsigned int i;

	for (i = 0; i < worker->count; i++) {
		size_t at = worker->first + i * SIZE;

		memory_publish(worker->memory, at, worker->source + at, SIZE, 0);
	}
	return NULL;
}

static uint64_t crew_run(void *state, unsigned int round)
{
	struct crew *crew = state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	unsigned int i;

	(void)round;
	for (i = 0; i < crew->threads; i++) {
		workers[i] = crew_worker(crew, i);
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			bench_die("pthread_create");
	}
	for (i = 0; i < crew->threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static bool crew_verify(void *state, unsigned int round, uint64_t sum)
{
	struct crew *crew = state;
	bool same = true;
	unsigned int i;

	(void)round;
	(void)sum;
	for (i = 0; i < crew->threads; i++) {
		struct worker worker = crew_worker(crew, i);

		same &= !memcmp(worker.memory->exec + worker.first,
				crew->source + worker.first,
				worker.count * SIZE);
	}
	return same;
}

static void crew_close(void *state)
{
	struct crew *crew = state;
	unsigned int i;

	for (i = 0; i < crew->arenas; i++)
		memory_close(&crew->memory[i]);
	free(crew);
}

static void *one_open(void)
{
	return crew_new(1, 1);
}

static void *two_shared_open(void)
{
	return crew_new(2, 1);
}

static void *two_own_open(void)
{
	return crew_new(2, 2);
}

static void *four_shared_open(void)
{
	return crew_new(4, 1);
}

static void *four_own_open(void)
{
	return crew_new(4, 4);
}

#define CREW_WAY(_name, _open)		\
	{				\
		.name = _name,		\
		.open = _open,		\
		.prepare = crew_prepare,	\
		.run = crew_run,	\
		.verify = crew_verify,	\
		.close = crew_close,	\
	}

static const struct bench_way two[] = {
	CREW_WAY("codearena", two_shared_open),
	CREW_WAY("own_arenas", two_own_open),
	CREW_WAY("one_thread", one_open),
};

static const struct bench_way four[] = {
	CREW_WAY("codearena", four_shared_open),
	CREW_WAY("own_arenas", four_own_open),
	CREW_WAY("one_thread", one_open),
};

#define CREW_CASE(_name, _ways)			\
	{					\
		.name = _name,			\
		.per = "function",		\
		.per_round = FUNCTIONS,		\
		.rounds = 15,			\
		BENCH_WAYS(_ways),		\
	}

static const struct bench_case cases[] = {
	CREW_CASE("publish_2_threads", two),
	CREW_CASE("publish_4_threads", four),
};

const struct bench_subject bench_threads_subject = { cases, BENCH_COUNT(cases) };
