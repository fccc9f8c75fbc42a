// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The life of code and of its memory: taking functions away, adding and taking
 * away in turn, committing a page, reserving address space.
 *
 * One function in each page stays, as in a program with more code than one
 * function: pages stay mapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "code.h"
#include "memory.h"

#define PAGE		4096U
#define SIZE		64U
#define PER_PAGE	(PAGE / SIZE - 1)
#define PAGES		4U
#define FUNCTIONS	(PAGES * PER_PAGE)
#define ARENA_LENGTH	(1U << 20)
#define FIRST		(ARENA_LENGTH / 2)
#define TRAP_BYTE	0xcc

struct life {
	struct memory memory;
	char source[FUNCTIONS * SIZE];
	char traps[SIZE];
};

static size_t place_of(unsigned int i)
{
	return FIRST + i / PER_PAGE * PAGE + i % PER_PAGE * SIZE;
}

static struct life *life_new(void)
{
	struct life *life = bench_alloc(sizeof(*life));

	memset(life->traps, TRAP_BYTE, sizeof(life->traps));
	return life;
}

static void life_close(void *state)
{
	struct life *life = state;

	memory_close(&life->memory);
	free(life);
}

static void make_sources(struct life *life, unsigned int round)
{
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		code_make(life->source + i * SIZE, SIZE, code_value(round, i));
}

static uint64_t sum_of(unsigned int round)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		sum += code_value(round, i);
	return sum;
}

/* Nothing that was published is there any more. */
static bool is_gone(const struct life *life)
{
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		if (!memcmp(life->memory.exec + place_of(i),
			    life->source + i * SIZE, SIZE))
			return false;
	}
	return true;
}

static void *arena_open(void)
{
	struct life *life = life_new();
	unsigned int i;

	memory_open_arena(&life->memory, ARENA_LENGTH);
	make_sources(life, 0);
	for (i = 0; i < PAGES; i++) {
		memory_publish(&life->memory,
			       FIRST + i * PAGE + PER_PAGE * SIZE,
			       life->source, SIZE, 0);
		code_call(life->memory.exec + FIRST + i * PAGE +
			  PER_PAGE * SIZE);
	}
	return life;
}

static void arena_prepare(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	make_sources(life, round);
	for (i = 0; i < FUNCTIONS; i++)
		memory_publish(&life->memory, place_of(i),
			       life->source + i * SIZE, SIZE, 0);
}

static uint64_t arena_discard_run(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++)
		memory_discard(&life->memory, place_of(i), SIZE);
	return 0;
}

static bool gone_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)round;
	(void)sum;
	return is_gone(state);
}

static void life_prepare(void *state, unsigned int round)
{
	make_sources(state, round);
}

static uint64_t arena_life_run(void *state, unsigned int round)
{
	struct life *life = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		memory_publish(&life->memory, place_of(i),
			       life->source + i * SIZE, SIZE, 0);
		sum += code_call(life->memory.exec + place_of(i));
		memory_discard(&life->memory, place_of(i), SIZE);
	}
	return sum;
}

static bool life_verify(void *state, unsigned int round, uint64_t sum)
{
	return sum == sum_of(round) && is_gone(state);
}

static void *mprotect_open(void)
{
	struct life *life = life_new();

	memory_open_mprotect(&life->memory, ARENA_LENGTH);
	return life;
}

static void mprotect_store(struct life *life, size_t at, const char *from)
{
	memory_protect(&life->memory, at, SIZE, PROT_READ | PROT_WRITE);
	memcpy(life->memory.exec + at, from, SIZE);
	memory_protect(&life->memory, at, SIZE, PROT_READ | PROT_EXEC);
	code_sync(life->memory.exec + at, SIZE);
}

static void mprotect_prepare(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	make_sources(life, round);
	for (i = 0; i < FUNCTIONS; i++)
		mprotect_store(life, place_of(i), life->source + i * SIZE);
}

static uint64_t mprotect_discard_run(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++)
		mprotect_store(life, place_of(i), life->traps);
	return 0;
}

static uint64_t mprotect_life_run(void *state, unsigned int round)
{
	struct life *life = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		mprotect_store(life, place_of(i), life->source + i * SIZE);
		sum += code_call(life->memory.exec + place_of(i));
		mprotect_store(life, place_of(i), life->traps);
	}
	return sum;
}

static void *procmem_open(void)
{
	struct life *life = life_new();

	memory_open_procmem(&life->memory, ARENA_LENGTH);
	return life;
}

static void procmem_store(struct life *life, size_t at, const char *from)
{
	memory_pwrite(&life->memory, at, from, SIZE);
	code_sync(life->memory.exec + at, SIZE);
}

static void procmem_prepare(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	make_sources(life, round);
	for (i = 0; i < FUNCTIONS; i++)
		procmem_store(life, place_of(i), life->source + i * SIZE);
}

static uint64_t procmem_discard_run(void *state, unsigned int round)
{
	struct life *life = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++)
		procmem_store(life, place_of(i), life->traps);
	return 0;
}

static uint64_t procmem_life_run(void *state, unsigned int round)
{
	struct life *life = state;
	uint64_t sum = 0;
	unsigned int i;

	(void)round;
	for (i = 0; i < FUNCTIONS; i++) {
		procmem_store(life, place_of(i), life->source + i * SIZE);
		sum += code_call(life->memory.exec + place_of(i));
		procmem_store(life, place_of(i), life->traps);
	}
	return sum;
}

/* COMMIT alone; between rounds the pages are given back. */
static void *pages_open(void)
{
	struct life *life = life_new();

	memory_open_arena(&life->memory, ARENA_LENGTH);
	return life;
}

#define COMMITTED	(ARENA_LENGTH / PAGE)

static void arena_decommit(void *state, unsigned int round)
{
	struct life *life = state;
	struct codearena_decommit command = {
		.size = sizeof(command),
		.length = ARENA_LENGTH,
	};

	(void)round;
	if (ioctl(life->memory.fd, CODEARENA_DECOMMIT, &command))
		bench_die("DECOMMIT");
}

static uint64_t arena_commit_run(void *state, unsigned int round)
{
	struct life *life = state;
	struct codearena_commit command = {
		.size = sizeof(command),
		.length = PAGE,
	};

	(void)round;
	for (; command.offset < ARENA_LENGTH; command.offset += PAGE)
		if (ioctl(life->memory.fd, CODEARENA_COMMIT, &command))
			bench_die("COMMIT");
	return 0;
}

static bool arena_commit_verify(void *state, unsigned int round, uint64_t sum)
{
	struct life *life = state;
	struct codearena_stat stat = { .size = sizeof(stat) };

	(void)round;
	(void)sum;
	return !ioctl(life->memory.fd, CODEARENA_STAT, &stat) &&
	       stat.out_committed == ARENA_LENGTH;
}

/* Pages of a mapping that are touched for the first time. */
static void *mmap_open(void)
{
	struct life *life = life_new();

	memory_open_mprotect(&life->memory, ARENA_LENGTH);
	memory_protect(&life->memory, 0, ARENA_LENGTH, PROT_READ | PROT_WRITE);
	return life;
}

static void mmap_prepare(void *state, unsigned int round)
{
	struct life *life = state;

	(void)round;
	if (madvise(life->memory.exec, ARENA_LENGTH, MADV_DONTNEED))
		bench_die("madvise");
}

static uint64_t mmap_commit_run(void *state, unsigned int round)
{
	struct life *life = state;
	size_t at;

	(void)round;
	for (at = 0; at < ARENA_LENGTH; at += PAGE)
		memset(life->memory.exec + at, TRAP_BYTE, PAGE);
	return 0;
}

static bool mmap_commit_verify(void *state, unsigned int round, uint64_t sum)
{
	struct life *life = state;

	(void)round;
	(void)sum;
	return life->memory.exec[ARENA_LENGTH - 1] == (char)TRAP_BYTE;
}

#define RESERVATIONS	64U
#define RESERVED	(1ULL << 31)

static uint64_t arena_reserve_run(void *state, unsigned int round)
{
	struct codearena_reserve command = {
		.size = sizeof(command),
		.length = RESERVED,
	};
	unsigned int i;
	int fd;

	(void)state;
	(void)round;
	for (i = 0; i < RESERVATIONS; i++) {
		fd = open("/dev/codearena", O_RDWR | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, CODEARENA_RESERVE, &command))
			bench_die("RESERVE");
		close(fd);
	}
	return RESERVATIONS;
}

static uint64_t mmap_reserve_run(void *state, unsigned int round)
{
	unsigned int i;
	void *memory;

	(void)state;
	(void)round;
	for (i = 0; i < RESERVATIONS; i++) {
		memory = mmap(NULL, RESERVED, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			bench_die("mmap");
		munmap(memory, RESERVED);
	}
	return RESERVATIONS;
}

static void *reserve_open(void)
{
	return bench_alloc(1);
}

static bool reserve_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == RESERVATIONS;
}

#define LIFE_WAY(_name, _open, _prepare, _run, _verify, _close)	\
	{							\
		.name = _name,					\
		.open = _open,					\
		.prepare = _prepare,				\
		.run = _run,					\
		.verify = _verify,				\
		.close = _close,				\
	}

static const struct bench_way discard[] = {
	LIFE_WAY("codearena", arena_open, arena_prepare, arena_discard_run,
		 gone_verify, life_close),
	LIFE_WAY("mprotect", mprotect_open, mprotect_prepare,
		 mprotect_discard_run, gone_verify, life_close),
	LIFE_WAY("procmem", procmem_open, procmem_prepare, procmem_discard_run,
		 gone_verify, life_close),
};

static const struct bench_way life[] = {
	LIFE_WAY("codearena", arena_open, life_prepare, arena_life_run,
		 life_verify, life_close),
	LIFE_WAY("mprotect", mprotect_open, life_prepare, mprotect_life_run,
		 life_verify, life_close),
	LIFE_WAY("procmem", procmem_open, life_prepare, procmem_life_run,
		 life_verify, life_close),
};

static const struct bench_way commit[] = {
	LIFE_WAY("codearena", pages_open, arena_decommit, arena_commit_run,
		 arena_commit_verify, life_close),
	LIFE_WAY("mmap", mmap_open, mmap_prepare, mmap_commit_run,
		 mmap_commit_verify, life_close),
};

static const struct bench_way reserve[] = {
	LIFE_WAY("codearena", reserve_open, NULL, arena_reserve_run,
		 reserve_verify, free),
	LIFE_WAY("mmap", reserve_open, NULL, mmap_reserve_run, reserve_verify,
		 free),
};

#define LIFE_CASE(_name, _per, _per_round, _ways)	\
	{						\
		.name = _name,				\
		.per = _per,				\
		.per_round = _per_round,		\
		.rounds = 15,				\
		BENCH_WAYS(_ways),			\
	}

static const struct bench_case cases[] = {
	LIFE_CASE("discard_64", "function", FUNCTIONS, discard),
	LIFE_CASE("publish_discard_64", "function", FUNCTIONS, life),
	LIFE_CASE("commit_page", "page", COMMITTED, commit),
	LIFE_CASE("reserve_2g", "reservation", RESERVATIONS, reserve),
};

const struct bench_subject bench_life_subject = { cases, BENCH_COUNT(cases) };
