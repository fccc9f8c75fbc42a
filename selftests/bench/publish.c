// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Adding functions and running them: one at a time, many side by side, and many at
 * places far from each other. peers.h has what the peers do.
 *
 * Each function is executed once in the measured time. Side by side, that includes
 * the first fault on a page: between rounds, not measured, an arena's functions
 * are discarded, which unmaps their pages; the peers' pages stay where they are.
 * In the pages of the scattered ones another function stays, so they stay mapped.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "peers.h"

#define FUNCTIONS	256
#define SMALL		64
#define LARGE		256
#define PAGE		4096U
#define ARENA_LENGTH	(1U << 20)

/*
 * Not at the beginning of the mapping: a change of rights then has to split it,
 * as it has to in a program with more code than one page.
 */
#define FIRST		(ARENA_LENGTH / 2)

/* The scattered functions lie in this many pages, all of the second half. */
#define PAGES		(FIRST / PAGE)

/* Not allocated: that would look like a mapping that a way adds. */
static char source_bytes[FUNCTIONS * LARGE];

struct publish {
	struct memory memory;
	size_t size;
	unsigned int batch;	/* functions in a call */
	char *source;
	size_t places[FUNCTIONS];
	struct codearena_object objects[FUNCTIONS];
};

static struct publish *publish_new(size_t size)
{
	struct publish *job = bench_alloc(sizeof(*job));
	unsigned int i;

	job->size = size;
	job->batch = FUNCTIONS;
	job->source = source_bytes;
	for (i = 0; i < FUNCTIONS; i++)
		job->places[i] = FIRST + i * size;
	return job;
}

/* In mappings of @run bytes with as much between them. */
static struct publish *publish_new_own(size_t size, size_t run)
{
	struct publish *job = publish_new(size);
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		job->places[i] = FIRST + i * size / run * 2 * run +
				 i * size % run;
	return job;
}

/* Neighbours in the batch lie in different pages, in no order of address. */
static struct publish *publish_new_scattered(void)
{
	struct publish *job = publish_new(LARGE);
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		job->places[i] = FIRST + i * 37 % PAGES * PAGE +
				 i / PAGES * (PAGE / 2);
	return job;
}

static void peer_prepare(void *state, unsigned int round)
{
	struct publish *job = state;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		code_make(job->source + i * job->size, job->size,
			  code_value(round, i));
}

static void arena_prepare(void *state, unsigned int round)
{
	struct publish *job = state;
	unsigned int i;

	peer_prepare(job, round);
	for (i = 0; i < FUNCTIONS; i++)
		memory_discard(&job->memory, job->places[i], job->size);
}

static bool publish_verify(void *state, unsigned int round, uint64_t sum)
{
	struct publish *job = state;
	uint64_t expected = 0;
	bool same = true;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		expected += code_value(round, i);
		same &= !memcmp(job->memory.exec + job->places[i],
				job->source + i * job->size, job->size);
	}
	return same && sum == expected;
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
		sum += code_call(job->memory.exec + job->places[i]);
	return sum;
}

static void publish_objects(struct memory *memory,
			    const struct codearena_object *objects,
			    unsigned int count)
{
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.objects = (uintptr_t)objects,
		.object_count = count,
	};

	if (ioctl(memory->fd, CODEARENA_PUBLISH, &publish))
		bench_die("PUBLISH");
}

/* Behind the places of the functions there are @others already. */
static void *arena_among_open(unsigned int others)
{
	struct publish *job = publish_new(SMALL);
	size_t pages = ((size_t)others * SMALL + PAGE - 1) / PAGE;
	unsigned int i, k;

	memory_open_arena(&job->memory, ARENA_LENGTH + pages * PAGE);
	for (i = 0; i < others; i += FUNCTIONS) {
		for (k = 0; k < FUNCTIONS && i + k < others; k++)
			job->objects[k] = (struct codearena_object) {
				.offset = ARENA_LENGTH + (size_t)(i + k) * SMALL,
				.source = (uintptr_t)job->source,
				.length = SMALL,
			};
		publish_objects(&job->memory, job->objects, k);
	}
	return job;
}

static void *arena_small_open(void)
{
	return arena_among_open(0);
}

static uint64_t arena_small_run(void *state, unsigned int round)
{
	struct publish *job = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		size_t at = job->places[i];

		memory_publish(&job->memory, at, job->source + i * SMALL,
			       SMALL, 0);
		sum += code_call(job->memory.exec + at);
	}
	return sum;
}

static void *arena_open_large(struct publish *job)
{
	unsigned int i;

	memory_open_arena(&job->memory, ARENA_LENGTH);
	for (i = 0; i < FUNCTIONS; i++) {
		job->objects[i] = (struct codearena_object) {
			.offset = job->places[i],
			.source = (uintptr_t)(job->source + i * LARGE),
			.length = LARGE,
		};
	}
	return job;
}

static void *arena_batch_open(void)
{
	return arena_open_large(publish_new(LARGE));
}

static void *arena_parts_open(unsigned int batch)
{
	struct publish *job = arena_batch_open();

	job->batch = batch;
	return job;
}

static void *arena_scattered_open(void)
{
	struct publish *job = arena_open_large(publish_new_scattered());
	unsigned int i;

	peer_prepare(job, 0);
	for (i = 0; i < PAGES; i++) {
		size_t at = FIRST + (i + 1) * PAGE - LARGE;

		memory_publish(&job->memory, at, job->source, LARGE, 0);
		code_call(job->memory.exec + at);
	}
	return job;
}

static uint64_t arena_batch_run(void *state, unsigned int round)
{
	struct publish *job = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i += job->batch)
		publish_objects(&job->memory, job->objects + i, job->batch);
	return call_all(job);
}

/* each: begins, stores, ends and calls, function by function. */
#define RUN_EACH(peer, name, size)					\
static uint64_t name(void *state, unsigned int round)			\
{									\
	struct publish *job = state;					\
	uint64_t sum = 0;						\
	unsigned int i;							\
									\
	(void)round;							\
	for (i = 0; i < FUNCTIONS; i++) {				\
		size_t at = job->places[i];				\
									\
		peer ## _begin(&job->memory, at, size);			\
		peer ## _put(&job->memory, at, job->source + i * (size), size); \
		peer ## _end(&job->memory, at, size);			\
		sum += code_call(job->memory.exec + at);		\
	}								\
	return sum;							\
}

/* whole: all functions are one piece of memory, which is stored at once. */
#define RUN_WHOLE(peer)							\
static uint64_t peer ## _whole_run(void *state, unsigned int round)	\
{									\
	struct publish *job = state;					\
	size_t length = FUNCTIONS * LARGE;				\
									\
	(void)round;							\
	peer ## _begin(&job->memory, FIRST, length);			\
	peer ## _put(&job->memory, FIRST, job->source, length);		\
	peer ## _end(&job->memory, FIRST, length);			\
	return call_all(job);						\
}

/* The same for as many functions at a time as the arena publishes in a call. */
static uint64_t mprotect_parts_run(void *state, unsigned int round)
{
	struct publish *job = state;
	size_t length = job->batch * LARGE;
	size_t at;

	(void)round;
	for (at = 0; at < FUNCTIONS * LARGE; at += length) {
		mprotect_begin(&job->memory, FIRST + at, length);
		mprotect_put(&job->memory, FIRST + at, job->source + at, length);
		mprotect_end(&job->memory, FIRST + at, length);
	}
	return call_all(job);
}

/* many: begins and ends once, and stores each function at its place. */
#define RUN_MANY(peer)							\
static uint64_t peer ## _many_run(void *state, unsigned int round)	\
{									\
	struct publish *job = state;					\
	unsigned int i;							\
									\
	(void)round;							\
	peer ## _begin(&job->memory, FIRST, ARENA_LENGTH - FIRST);	\
	for (i = 0; i < FUNCTIONS; i++)					\
		peer ## _put(&job->memory, job->places[i],		\
			     job->source + i * LARGE, LARGE);		\
	peer ## _end(&job->memory, FIRST, ARENA_LENGTH - FIRST);	\
	return call_all(job);						\
}

#define OPEN(peer)							\
static void *peer ## _small_open(void)					\
{									\
	struct publish *job = publish_new(SMALL);			\
									\
	memory_open_ ## peer(&job->memory, ARENA_LENGTH);		\
	return job;							\
}									\
									\
static void *peer ## _batch_open(void)					\
{									\
	struct publish *job = publish_new(LARGE);			\
									\
	memory_open_ ## peer(&job->memory, ARENA_LENGTH);		\
	return job;							\
}									\
									\
static void *peer ## _scattered_open(void)				\
{									\
	struct publish *job = publish_new_scattered();			\
									\
	memory_open_ ## peer(&job->memory, ARENA_LENGTH);		\
	return job;							\
}

#define PEER(peer)							\
	OPEN(peer)							\
	RUN_EACH(peer, peer ## _small_run, SMALL)			\
	RUN_WHOLE(peer)							\
	RUN_MANY(peer)

PEER(mprotect)
PEER(procmem)
PEER(pwrite)
PEER(memfd)
PEER(rwx)
RUN_EACH(mprotect, mprotect_each_run, LARGE)
RUN_EACH(mprotect_own, mprotect_own_small_run, SMALL)
RUN_WHOLE(mprotect_own)
RUN_EACH(pkey, pkey_small_run, SMALL)
RUN_WHOLE(pkey)
RUN_MANY(pkey)

static void *mprotect_parts_open(unsigned int batch)
{
	struct publish *job = mprotect_batch_open();

	job->batch = batch;
	return job;
}

static void *mprotect_own_small_open(void)
{
	struct publish *job = publish_new_own(SMALL, PAGE);

	memory_open_own(&job->memory, ARENA_LENGTH, PAGE);
	return job;
}

static void *mprotect_own_batch_open(void)
{
	struct publish *job = publish_new_own(LARGE, FUNCTIONS * LARGE);

	memory_open_own(&job->memory, ARENA_LENGTH, FUNCTIONS * LARGE);
	return job;
}

static void *pkey_open(struct publish *job)
{
	if (memory_open_pkey(&job->memory, ARENA_LENGTH))
		return job;
	free(job);
	return NULL;
}

static void *pkey_small_open(void)
{
	return pkey_open(publish_new(SMALL));
}

static void *pkey_batch_open(void)
{
	return pkey_open(publish_new(LARGE));
}

static void *pkey_scattered_open(void)
{
	return pkey_open(publish_new_scattered());
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
#define PEER_WAY(_name, _open, _run)	\
	PUBLISH_WAY(_name, _open, peer_prepare, _run)

static const struct bench_way small[] = {
	PUBLISH_WAY("codearena", arena_small_open, arena_prepare, arena_small_run),
	PEER_WAY("mprotect", mprotect_small_open, mprotect_small_run),
	PEER_WAY("mprotect_own", mprotect_own_small_open, mprotect_own_small_run),
	PEER_WAY("procmem", procmem_small_open, procmem_small_run),
	PEER_WAY("pwrite", pwrite_small_open, pwrite_small_run),
	PEER_WAY("memfd", memfd_small_open, memfd_small_run),
	PEER_WAY("pkey", pkey_small_open, pkey_small_run),
	PEER_WAY("rwx", rwx_small_open, rwx_small_run),
};

static const struct bench_way batch[] = {
	PUBLISH_WAY("codearena", arena_batch_open, arena_prepare, arena_batch_run),
	PEER_WAY("mprotect", mprotect_batch_open, mprotect_whole_run),
	PEER_WAY("mprotect_own", mprotect_own_batch_open, mprotect_own_whole_run),
	PEER_WAY("procmem", procmem_batch_open, procmem_whole_run),
	PEER_WAY("pwrite", pwrite_batch_open, pwrite_whole_run),
	PEER_WAY("memfd", memfd_batch_open, memfd_whole_run),
	PEER_WAY("pkey", pkey_batch_open, pkey_whole_run),
	PEER_WAY("rwx", rwx_batch_open, rwx_whole_run),
};

static const struct bench_way scattered[] = {
	PUBLISH_WAY("codearena", arena_scattered_open, arena_prepare, arena_batch_run),
	PEER_WAY("mprotect", mprotect_scattered_open, mprotect_each_run),
	PEER_WAY("mprotect_all", mprotect_scattered_open, mprotect_many_run),
	PEER_WAY("procmem", procmem_scattered_open, procmem_many_run),
	PEER_WAY("pwrite", pwrite_scattered_open, pwrite_many_run),
	PEER_WAY("memfd", memfd_scattered_open, memfd_many_run),
	PEER_WAY("pkey", pkey_scattered_open, pkey_many_run),
	PEER_WAY("rwx", rwx_scattered_open, rwx_many_run),
};

#define PUBLISH_CASE(_name, _ways)		\
	{					\
		.name = _name,			\
		.per = "function",		\
		.per_round = FUNCTIONS,		\
		.rounds = 31,			\
		BENCH_WAYS(_ways),		\
	}

/* How the cost grows: of a function, with those of a call and those of the arena. */
#define AMONG_WAY(_name, _open, _among, _prepare, _run)	\
	{						\
		.name = _name,				\
		.open_among = _open,			\
		.among = _among,			\
		.prepare = _prepare,			\
		.run = _run,				\
		.verify = publish_verify,		\
		.close = publish_close,			\
	}

#define PARTS(n)							\
static const struct bench_way parts_ ## n[] = {				\
	AMONG_WAY("codearena", arena_parts_open, n, arena_prepare, arena_batch_run), \
	AMONG_WAY("mprotect", mprotect_parts_open, n, peer_prepare, mprotect_parts_run), \
}
PARTS(1);
PARTS(4);
PARTS(16);
PARTS(64);

#define AMONG(n)							\
static const struct bench_way among_ ## n[] = {				\
	AMONG_WAY("codearena", arena_among_open, n, arena_prepare, arena_small_run), \
	PUBLISH_WAY("among_none", arena_small_open, arena_prepare, arena_small_run), \
}
AMONG(1000);
AMONG(10000);
AMONG(100000);

static const struct bench_case cases[] = {
	PUBLISH_CASE("publish_64", small),
	PUBLISH_CASE("publish_64_among_1k", among_1000),
	PUBLISH_CASE("publish_64_among_10k", among_10000),
	PUBLISH_CASE("publish_64_among_100k", among_100000),
	PUBLISH_CASE("publish_1x256", parts_1),
	PUBLISH_CASE("publish_4x256", parts_4),
	PUBLISH_CASE("publish_16x256", parts_16),
	PUBLISH_CASE("publish_64x256", parts_64),
	PUBLISH_CASE("publish_256x256", batch),
	PUBLISH_CASE("publish_256x256_scattered", scattered),
};

const struct bench_subject bench_publish_subject = { cases, BENCH_COUNT(cases) };
