/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * For the tests of failures from outside: a process that works on an arena in
 * every way there is, and announces each step before it makes it, so that the
 * state after its death can be checked.
 */
#ifndef CODEARENA_SELFTESTS_FAULT_H
#define CODEARENA_SELFTESTS_FAULT_H

#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "crew.h"
#include "trap_code.h"

/* A lane: words and a landing pad in front, code, a page that comes and goes. */
#define LANE_PAGES	16
#define LANE_WORDS	8
#define LANE_PAD	1		/* granule of page 0 */
#define LANE_OBJECTS	4
#define LANE_GRANULES	3		/* of the longest object */
#define LANE_BYTES	(LANE_GRANULES * 64)

/**
 * struct lane_state - what a lane looks like from outside
 * @words: the patchable words
 * @sealed: bytes that are sealed
 * @tables: tables of traps
 * @pages: pages that are committed
 */
struct lane_state {
	uint64_t words[LANE_WORDS];
	uint64_t sealed;
	uint64_t tables;
	uint64_t pages;
};

/**
 * struct lane - a part of an arena and who works on it; in shared memory
 * @fd: the arena's handle
 * @base: offset of the part
 * @page: bytes of a page
 * @granule: bytes of a granule
 * @random: where all that is done comes from
 * @now: after the step that was made last
 * @next: after the step that is being made, if it succeeds
 * @at: offset of the next free granule
 * @pad_id: table for the pad's code, 0 without one
 * @code_id: a table of code that was published, 0 without one
 * @steps: how many were made
 * @error: errno of the step that failed
 */
struct lane {
	int fd;
	uint64_t base;
	uint32_t page;
	uint32_t granule;
	uint64_t random;
	struct lane_state now;
	struct lane_state next;
	uint64_t at;
	uint64_t pad_id;
	uint64_t code_id;
	unsigned int steps;
	int error;
};

/* CODEARENA_SEED=N repeats the run that printed N. */
static inline uint64_t fault_seed(void)
{
	const char *text = getenv("CODEARENA_SEED");
	uint32_t seed = 1;

	if (text)
		return strtoull(text, NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint32_t)getpid();
	return seed;
}

/* Memory that is shared with child processes. */
static inline void *fault_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* How a child ended, as run_child() says it; or -1 if it hung, and was killed. */
static inline int fault_reap(pid_t pid)
{
	pid_t ended = 0;
	int status;

	WAIT_UNTIL((ended = waitpid(pid, &status, WNOHANG)) != 0);
	if (!ended)
		kill(pid, SIGKILL);
	if (ended != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   256 + WTERMSIG(status);
}

static inline uint64_t lane_end(const struct lane *lane)
{
	return lane->base + LANE_PAGES * lane->page;
}

/* The page that is committed and decommitted; no code is put there. */
static inline uint64_t lane_loose(const struct lane *lane)
{
	return lane_end(lane) - lane->page;
}

static inline bool lane_made(struct lane *lane, int ret)
{
	if (ret) {
		lane->error = errno;
		return false;
	}
	lane->now = lane->next;
	__atomic_add_fetch(&lane->steps, 1, __ATOMIC_RELEASE);
	return true;
}

/* Words and pad, in committed pages where nothing is sealed. */
static inline bool lane_init(struct lane *lane)
{
	uint64_t words[LANE_WORDS] = {};
	uint8_t pad[64];
	struct codearena_object objects[2];

	if (fragment_length(&code_pad) > sizeof(pad))
		return false;
	memcpy(pad, code_pad.start, fragment_length(&code_pad));
	objects[0] = object_of(lane->base, words, sizeof(words),
			       CODEARENA_OBJECT_F_PATCHABLE);
	objects[1] = object_of(lane->base + LANE_PAD * lane->granule, pad,
			       fragment_length(&code_pad), 0);
	lane->next = (struct lane_state) {
		.sealed = 2 * lane->granule,
		.pages = LANE_PAGES,
	};
	lane->at = lane->base + lane->page;
	lane->pad_id = 0;
	lane->code_id = 0;
	return lane_made(lane, do_publish(lane->fd, objects, 2, NULL, 0, 0));
}

static inline bool lane_publish(struct lane *lane)
{
	static __thread uint8_t bytes[LANE_OBJECTS][LANE_BYTES];
	struct codearena_object objects[LANE_OBJECTS];
	struct codearena_patch_entry patch;
	uint32_t count = 1 + crew_random(&lane->random) % LANE_OBJECTS;
	uint32_t word = crew_random(&lane->random) % LANE_WORDS;
	uint32_t sync = crew_random(&lane->random) % 8 ?
			0 : CODEARENA_PUBLISH_F_SYNC;
	uint64_t pad = lane->base + LANE_PAD * lane->granule;
	struct codearena_trap trap = trap_of(0, 1, pad);
	uint64_t last = 0;

	lane->next = lane->now;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = 16 + crew_random(&lane->random) %
				  (LANE_BYTES - 16);

		memset(bytes[i], (int)lane->steps, length);
		code_return(bytes[i], lane->steps);
		objects[i] = object_of(lane->at, bytes[i], length, 0);
		last = lane->at;
		length = (length + lane->granule - 1) / lane->granule *
			 lane->granule;
		lane->at += length;
		lane->next.sealed += length;
		if (crew_random(&lane->random) % 2)
			continue;
		objects[i].traps = (uintptr_t)&trap;
		objects[i].trap_count = 1;
		lane->next.tables++;
	}
	lane->next.words[word] = last;
	patch = patch_of(lane->base + word * 8, 8, lane->now.words[word], last);
	if (!lane_made(lane, do_publish(lane->fd, objects, count, &patch, 1,
					sync)))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (objects[i].trap_count)
			lane->code_id = objects[i].out_trap_id;
	return true;
}

static inline bool lane_patch(struct lane *lane)
{
	uint32_t word = crew_random(&lane->random) % LANE_WORDS;
	uint32_t sync = crew_random(&lane->random) % 4 ?
			0 : CODEARENA_PATCH_F_SYNC;
	uint64_t value = crew_random(&lane->random);
	struct codearena_patch_entry patch =
		patch_of(lane->base + word * 8, 8, lane->now.words[word], value);

	lane->next = lane->now;
	lane->next.words[word] = value;
	return lane_made(lane, do_patch(lane->fd, &patch, 1, sync));
}

static inline bool lane_release(struct lane *lane, uint64_t *id)
{
	uint64_t which = *id;

	*id = 0;
	lane->next.tables--;
	return lane_made(lane, do_release(lane->fd, which));
}

static inline bool lane_trap(struct lane *lane)
{
	uint64_t pad = lane->base + LANE_PAD * lane->granule;
	struct codearena_trap trap;
	uint64_t id = 0;

	lane->next = lane->now;
	if (lane->pad_id)
		return lane_release(lane, &lane->pad_id);
	if (lane->code_id && crew_random(&lane->random) % 2)
		return lane_release(lane, &lane->code_id);
	/* After the pad, which no protected range may cover. */
	trap = trap_of(lane->granule - 4, 1, pad);
	lane->next.tables++;
	if (!lane_made(lane, do_register(lane->fd, pad, lane->granule, &trap, 1,
					 0, &id)))
		return false;
	lane->pad_id = id;
	return true;
}

/* All code goes, with its tables; the words and the pad stay. */
static inline bool lane_discard(struct lane *lane)
{
	uint64_t from = lane->base + lane->page;

	lane->next = lane->now;
	lane->next.sealed = 2 * lane->granule;
	lane->next.tables = lane->pad_id != 0;
	if (!lane_made(lane, do_discard1(lane->fd, from,
					 lane_loose(lane) - from)))
		return false;
	lane->code_id = 0;
	lane->at = from;
	return true;
}

static inline bool lane_come_and_go(struct lane *lane)
{
	uint64_t at = lane_loose(lane);

	lane->next = lane->now;
	if (lane->now.pages == LANE_PAGES) {
		lane->next.pages--;
		return lane_made(lane, do_decommit(lane->fd, at, lane->page));
	}
	lane->next.pages++;
	return lane_made(lane, do_commit(lane->fd, at, lane->page));
}

/* One step, whichever the random numbers say: false if it failed. */
static inline bool lane_step(struct lane *lane)
{
	uint64_t most = (uint64_t)LANE_OBJECTS * LANE_GRANULES * lane->granule;

	if (lane->at + most > lane_loose(lane))
		return lane_discard(lane);
	switch (crew_random(&lane->random) % 8) {
	case 0:
	case 1:
		return lane_patch(lane);
	case 2:
		return lane_trap(lane);
	case 3:
		return lane_come_and_go(lane);
	default:
		return lane_publish(lane);
	}
}

#endif /* CODEARENA_SELFTESTS_FAULT_H */
