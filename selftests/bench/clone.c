// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Clones: making one of an arena full of code, and changing a page that a clone
 * shares. The peer makes a second arena and copies the code.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

#define PAGE		4096U
#define GRANULE		64U
#define LENGTH		(4U << 20)
#define PAGES		(LENGTH / PAGE)
#define BYTE		0x90

/**
 * struct twins - an arena and what is made of it
 * @memory: all of it is sealed; the first granule of each page is patchable
 * @clone: the second arena, or -1
 * @page: bytes of a page
 */
struct twins {
	struct memory memory;
	int clone;
	char page[PAGE];
};

static void commit(int fd, size_t offset, size_t length)
{
	struct codearena_commit command = {
		.size = sizeof(command),
		.offset = offset,
		.length = length,
	};

	if (ioctl(fd, CODEARENA_COMMIT, &command))
		bench_die("COMMIT");
}

static void fill_page(struct twins *twins, int fd, size_t offset)
{
	struct codearena_chunk chunk = {
		.offset = offset,
		.source = (uintptr_t)twins->page,
		.length = PAGE,
	};
	struct codearena_write write = {
		.size = sizeof(write),
		.chunks = (uintptr_t)&chunk,
		.count = 1,
	};
	struct codearena_seal seal = {
		.size = sizeof(seal),
		.offset = offset,
		.length = GRANULE,
		.flags = CODEARENA_SEAL_F_PATCHABLE,
	};

	if (ioctl(fd, CODEARENA_WRITE, &write) ||
	    ioctl(fd, CODEARENA_SEAL, &seal))
		bench_die("WRITE and SEAL");
	seal.flags = 0;
	seal.offset += GRANULE;
	seal.length = PAGE - GRANULE;
	if (ioctl(fd, CODEARENA_SEAL, &seal))
		bench_die("SEAL");
}

static void *twins_open(void)
{
	struct twins *twins = bench_alloc(sizeof(*twins));
	unsigned int i;

	memset(twins->page, BYTE, PAGE);
	memory_open_arena(&twins->memory, LENGTH);
	for (i = 0; i < PAGES; i++)
		fill_page(twins, twins->memory.fd, i * PAGE);
	twins->clone = -1;
	return twins;
}

static void twins_close(void *state)
{
	struct twins *twins = state;

	close(twins->clone);
	memory_close(&twins->memory);
	free(twins);
}

static void no_clone(void *state, unsigned int round)
{
	struct twins *twins = state;

	(void)round;
	close(twins->clone);
	twins->clone = -1;
}

static uint64_t clone_run(void *state, unsigned int round)
{
	struct codearena_clone clone = { .size = sizeof(clone) };
	struct twins *twins = state;

	(void)round;
	if (ioctl(twins->memory.fd, CODEARENA_CLONE, &clone))
		bench_die("CLONE");
	twins->clone = clone.out_fd;
	return 0;
}

static int reserve(void)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.length = LENGTH,
	};
	int fd = open("/dev/codearena", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, CODEARENA_RESERVE, &reserve))
		bench_die("RESERVE");
	return fd;
}

static uint64_t copy_run(void *state, unsigned int round)
{
	struct twins *twins = state;
	unsigned int i;

	(void)round;
	twins->clone = reserve();
	commit(twins->clone, 0, LENGTH);
	for (i = 0; i < PAGES; i++)
		fill_page(twins, twins->clone, i * PAGE);
	return 0;
}

static bool clone_verify(void *state, unsigned int round, uint64_t sum)
{
	struct codearena_stat stat = { .size = sizeof(stat) };
	struct twins *twins = state;

	(void)round;
	return !sum && !ioctl(twins->clone, CODEARENA_STAT, &stat) &&
	       stat.out_sealed == LENGTH && stat.out_patchable == PAGES * GRANULE;
}

/* All pages of the original are mapped, and shared with a clone. */
static void share_pages(void *state, unsigned int round)
{
	struct twins *twins = state;
	unsigned int i;

	no_clone(state, round);
	clone_run(state, round);
	for (i = 0; i < PAGES; i++)
		*(volatile char *)(twins->memory.exec + i * PAGE);
}

static uint32_t word_of(const struct twins *twins, unsigned int page)
{
	uint32_t word;

	memcpy(&word, twins->memory.exec + page * PAGE, sizeof(word));
	return word;
}

static uint64_t change_run(void *state, unsigned int round)
{
	struct twins *twins = state;
	const uint32_t expected = word_of(twins, PAGES - 1);
	struct codearena_patch_entry entry = {
		.expected = expected,
		.value = expected + 1,
		.width = 4,
	};
	struct codearena_patch patch = {
		.size = sizeof(patch),
		.patches = (uintptr_t)&entry,
		.count = 1,
	};

	(void)round;
	for (; entry.offset < LENGTH; entry.offset += PAGE)
		if (ioctl(twins->memory.fd, CODEARENA_PATCH, &patch))
			bench_die("PATCH");
	return 0;
}

static bool change_verify(void *state, unsigned int round, uint64_t sum)
{
	struct twins *twins = state;

	(void)round;
	return !sum && word_of(twins, 0) == word_of(twins, PAGES - 1);
}

/* A page of its own for each page, without a clone. */
static void uncommit(void *state, unsigned int round)
{
	struct twins *twins = state;

	no_clone(state, round);
	twins->clone = reserve();
}

static uint64_t page_run(void *state, unsigned int round)
{
	struct twins *twins = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < PAGES; i++) {
		commit(twins->clone, i * PAGE, PAGE);
		fill_page(twins, twins->clone, i * PAGE);
	}
	return 0;
}

#define TWINS_WAY(_name, _prepare, _run, _verify)	\
	{						\
		.name = _name,				\
		.open = twins_open,			\
		.prepare = _prepare,			\
		.run = _run,				\
		.verify = _verify,			\
		.close = twins_close,			\
	}

static const struct bench_way clone_ways[] = {
	TWINS_WAY("codearena", no_clone, clone_run, clone_verify),
	TWINS_WAY("copy", no_clone, copy_run, clone_verify),
};

static const struct bench_way change_ways[] = {
	TWINS_WAY("codearena", share_pages, change_run, change_verify),
	TWINS_WAY("copy", uncommit, page_run, clone_verify),
};

static const struct bench_case cases[] = {
	{
		.name = "clone_page",
		.per = "page",
		.per_round = PAGES,
		.rounds = 15,
		BENCH_WAYS(clone_ways),
	},
	{
		.name = "clone_change",
		.per = "page",
		.per_round = PAGES,
		.rounds = 15,
		BENCH_WAYS(change_ways),
	},
};

const struct bench_subject bench_clone_subject = { cases, BENCH_COUNT(cases) };
