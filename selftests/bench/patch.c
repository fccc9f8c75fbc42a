// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Changing one aligned word of code that exists: one slot at a time, all slots at
 * once, and slots far from each other. peers.h has what the peers do. A slot is a function of 8 bytes, so that executing it after
 * the round (not measured) shows what it holds.
 *
 * Synchronising the other processors costs no interrupts here, because counting
 * instructions takes a machine with one.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "peers.h"

#define SLOTS		256
#define PAGE		4096U
#define ARENA_LENGTH	(1U << 20)
#define FIRST		(ARENA_LENGTH / 2)
#define PAGES		(FIRST / PAGE)

struct patch {
	struct memory memory;
	struct codearena_patch_entry entries[SLOTS];
};

static uint64_t word_of(unsigned int round, unsigned int slot)
{
	return code_word(code_value(round, slot));
}

static struct patch *patch_new(void)
{
	struct patch *patch = bench_alloc(sizeof(*patch));
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		patch->entries[i].offset = FIRST + 8 * i;
		patch->entries[i].value = word_of(0, i);
		patch->entries[i].width = 8;
	}
	memory_sync_core_register();
	return patch;
}

/* Neighbours in the batch lie in different pages, in no order of address. */
static struct patch *patch_new_scattered(void)
{
	struct patch *patch = patch_new();
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		patch->entries[i].offset = FIRST + i * 37 % PAGES * PAGE +
					   i / PAGES * (PAGE / 2);
	return patch;
}

/* The words of a round are arguments of the patch, so they are made before. */
static void patch_prepare(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		patch->entries[i].expected = word_of(round - 1, i);
		patch->entries[i].value = word_of(round, i);
	}
}

static bool patch_verify(void *state, unsigned int round, uint64_t sum)
{
	struct patch *patch = state;
	unsigned int i;

	(void)sum;
	for (i = 0; i < SLOTS; i++)
		if (code_call(patch->memory.exec + patch->entries[i].offset) !=
		    code_value(round, i))
			return false;
	return true;
}

static void patch_close(void *state)
{
	struct patch *patch = state;

	memory_close(&patch->memory);
	free(patch);
}

static void *arena_open_slots(struct patch *patch)
{
	unsigned int i;

	memory_open_arena(&patch->memory, ARENA_LENGTH);
	for (i = 0; i < SLOTS; i++)
		memory_publish(&patch->memory, patch->entries[i].offset,
			       &patch->entries[i].value, 8,
			       CODEARENA_OBJECT_F_PATCHABLE);
	return patch;
}

static void *arena_scattered_open(void)
{
	return arena_open_slots(patch_new_scattered());
}

/* One object: two would not share a granule. */
static void *arena_open(void)
{
	struct patch *patch = patch_new();
	uint64_t source[SLOTS];
	unsigned int i;

	memory_open_arena(&patch->memory, ARENA_LENGTH);
	for (i = 0; i < SLOTS; i++)
		source[i] = word_of(0, i);
	memory_publish(&patch->memory, FIRST, source, sizeof(source),
		       CODEARENA_OBJECT_F_PATCHABLE);
	return patch;
}

static void patch_entries(const struct patch *patch, unsigned int first,
			  unsigned int count, uint32_t flags)
{
	struct codearena_patch command = {
		.size = sizeof(command),
		.flags = flags,
		.patches = (uintptr_t)&patch->entries[first],
		.count = count,
	};

	if (ioctl(patch->memory.fd, CODEARENA_PATCH, &command))
		bench_die("PATCH");
}

static uint64_t arena_one_run(void *state, unsigned int round)
{
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++)
		patch_entries(state, i, 1, 0);
	return 0;
}

static uint64_t arena_sync_run(void *state, unsigned int round)
{
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++)
		patch_entries(state, i, 1, CODEARENA_PATCH_F_SYNC);
	return 0;
}

static uint64_t arena_all_run(void *state, unsigned int round)
{
	(void)round;
	patch_entries(state, 0, SLOTS, 0);
	return 0;
}

/* each: begins, stores and ends slot by slot. */
#define RUN_EACH(peer, name, sync)					\
static uint64_t name(void *state, unsigned int round)			\
{									\
	struct patch *patch = state;					\
	unsigned int i;							\
									\
	(void)round;							\
	for (i = 0; i < SLOTS; i++) {					\
		size_t at = patch->entries[i].offset;			\
									\
		peer ## _begin(&patch->memory, at, 8);			\
		peer ## _put(&patch->memory, at, &patch->entries[i].value, 8); \
		peer ## _end(&patch->memory, at, 8);			\
		if (sync)						\
			memory_sync_core();				\
	}								\
	return 0;							\
}

/* many: begins and ends once, and stores slot by slot. */
#define RUN_MANY(peer)							\
static uint64_t peer ## _many(struct patch *patch, size_t length)	\
{									\
	unsigned int i;							\
									\
	peer ## _begin(&patch->memory, FIRST, length);			\
	for (i = 0; i < SLOTS; i++)					\
		peer ## _put(&patch->memory, patch->entries[i].offset,	\
			     &patch->entries[i].value, 8);		\
	peer ## _end(&patch->memory, FIRST, length);			\
	return 0;							\
}									\
									\
static uint64_t peer ## _all_run(void *state, unsigned int round)	\
{									\
	(void)round;							\
	return peer ## _many(state, SLOTS * 8);				\
}									\
									\
static uint64_t peer ## _scattered_run(void *state, unsigned int round)	\
{									\
	(void)round;							\
	return peer ## _many(state, ARENA_LENGTH - FIRST);		\
}

/* whole: a copy of all slots is made, and stored in one call. */
#define RUN_WHOLE(peer)							\
static uint64_t peer ## _whole_run(void *state, unsigned int round)	\
{									\
	struct patch *patch = state;					\
	uint64_t words[SLOTS];						\
	unsigned int i;							\
									\
	(void)round;							\
	for (i = 0; i < SLOTS; i++)					\
		words[i] = patch->entries[i].value;			\
	peer ## _put(&patch->memory, FIRST, words, sizeof(words));	\
	return 0;							\
}

/* Made by mprotect_all_run() and its like, before anything is measured. */
#define OPEN(peer)							\
static void *peer ## _open(void)					\
{									\
	struct patch *patch = patch_new();				\
									\
	memory_open_ ## peer(&patch->memory, ARENA_LENGTH);		\
	peer ## _all_run(patch, 0);					\
	return patch;							\
}									\
									\
static void *peer ## _scattered_open(void)				\
{									\
	struct patch *patch = patch_new_scattered();			\
									\
	memory_open_ ## peer(&patch->memory, ARENA_LENGTH);		\
	peer ## _scattered_run(patch, 0);				\
	return patch;							\
}

#define PEER(peer)							\
	RUN_EACH(peer, peer ## _each_run, false)			\
	RUN_EACH(peer, peer ## _sync_run, true)				\
	RUN_MANY(peer)							\
	OPEN(peer)

PEER(mprotect)
PEER(procmem)
PEER(pwrite)
PEER(memfd)
PEER(rwx)
RUN_WHOLE(procmem)
RUN_WHOLE(pwrite)
RUN_EACH(pkey, pkey_each_run, false)
RUN_MANY(pkey)
RUN_EACH(mprotect_own, mprotect_own_each_run, false)

static void *mprotect_own_open(void)
{
	struct patch *patch = patch_new();

	memory_open_own(&patch->memory, ARENA_LENGTH, PAGE);
	mprotect_own_each_run(patch, 0);
	return patch;
}

static void *pkey_open_slots(struct patch *patch)
{
	if (memory_open_pkey(&patch->memory, ARENA_LENGTH)) {
		pkey_each_run(patch, 0);
		return patch;
	}
	free(patch);
	return NULL;
}

static void *pkey_open(void)
{
	return pkey_open_slots(patch_new());
}

static void *pkey_scattered_open(void)
{
	return pkey_open_slots(patch_new_scattered());
}

#define PATCH_WAY(_name, _open, _run)		\
	{					\
		.name = _name,			\
		.open = _open,			\
		.prepare = patch_prepare,	\
		.run = _run,			\
		.verify = patch_verify,		\
		.close = patch_close,		\
	}

static const struct bench_way one[] = {
	PATCH_WAY("codearena", arena_open, arena_one_run),
	PATCH_WAY("mprotect", mprotect_open, mprotect_each_run),
	PATCH_WAY("mprotect_own", mprotect_own_open, mprotect_own_each_run),
	PATCH_WAY("procmem", procmem_open, procmem_each_run),
	PATCH_WAY("pwrite", pwrite_open, pwrite_each_run),
	PATCH_WAY("memfd", memfd_open, memfd_each_run),
	PATCH_WAY("pkey", pkey_open, pkey_each_run),
	PATCH_WAY("rwx", rwx_open, rwx_each_run),
};

static const struct bench_way all[] = {
	PATCH_WAY("codearena", arena_open, arena_all_run),
	PATCH_WAY("mprotect", mprotect_open, mprotect_all_run),
	PATCH_WAY("procmem", procmem_open, procmem_whole_run),
	PATCH_WAY("pwrite", pwrite_open, pwrite_whole_run),
	PATCH_WAY("memfd", memfd_open, memfd_all_run),
	PATCH_WAY("pkey", pkey_open, pkey_all_run),
	PATCH_WAY("rwx", rwx_open, rwx_all_run),
};

static const struct bench_way scattered[] = {
	PATCH_WAY("codearena", arena_scattered_open, arena_all_run),
	PATCH_WAY("mprotect", mprotect_scattered_open, mprotect_each_run),
	PATCH_WAY("mprotect_all", mprotect_scattered_open, mprotect_scattered_run),
	PATCH_WAY("procmem", procmem_scattered_open, procmem_scattered_run),
	PATCH_WAY("pwrite", pwrite_scattered_open, pwrite_scattered_run),
	PATCH_WAY("memfd", memfd_scattered_open, memfd_scattered_run),
	PATCH_WAY("pkey", pkey_scattered_open, pkey_scattered_run),
	PATCH_WAY("rwx", rwx_scattered_open, rwx_scattered_run),
};

static const struct bench_way sync_ways[] = {
	PATCH_WAY("codearena", arena_open, arena_sync_run),
	PATCH_WAY("mprotect", mprotect_open, mprotect_sync_run),
	PATCH_WAY("procmem", procmem_open, procmem_sync_run),
	PATCH_WAY("pwrite", pwrite_open, pwrite_sync_run),
	PATCH_WAY("memfd", memfd_open, memfd_sync_run),
	PATCH_WAY("rwx", rwx_open, rwx_sync_run),
};

#define PATCH_CASE(_name, _ways)		\
	{					\
		.name = _name,			\
		.per = "slot",			\
		.per_round = SLOTS,		\
		.rounds = 31,			\
		BENCH_WAYS(_ways),		\
	}

static const struct bench_case cases[] = {
	PATCH_CASE("patch_slot", one),
	PATCH_CASE("patch_256", all),
	PATCH_CASE("patch_256_scattered", scattered),
	PATCH_CASE("patch_slot_sync", sync_ways),
};

const struct bench_subject bench_patch_subject = { cases, BENCH_COUNT(cases) };
