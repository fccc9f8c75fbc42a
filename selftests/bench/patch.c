// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Changing one aligned word of code that exists: one slot at a time, and all
 * slots at once. A slot is a function of 8 bytes, so that executing it after
 * the round (not measured) shows what it holds.
 *
 * Synchronising the other processors costs no interrupts here, because counting
 * instructions takes a machine with one.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "code.h"
#include "memory.h"
#include "meter.h"

#define SLOTS		256
#define ARENA_LENGTH	(1U << 20)
#define FIRST		(ARENA_LENGTH / 2)

struct patch {
	struct memory memory;
	struct codearena_patch_entry entries[SLOTS];
};

static uint64_t word_of(unsigned int round, unsigned int slot)
{
	return code_word(code_value(round, slot));
}

static void make_slots(void *to)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		code_make((char *)to + 8 * i, 8, code_value(0, i));
}

/* The words of a round are arguments of the patch, so they are made before. */
static void patch_prepare(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		patch->entries[i] = (struct codearena_patch_entry) {
			.offset = FIRST + 8 * i,
			.expected = word_of(round - 1, i),
			.value = word_of(round, i),
			.width = 8,
		};
	}
}

static bool patch_verify(void *state, unsigned int round, uint64_t sum)
{
	struct patch *patch = state;
	unsigned int i;

	(void)sum;
	for (i = 0; i < SLOTS; i++)
		if (code_call(patch->memory.exec + FIRST + 8 * i) !=
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

static void *arena_open(void)
{
	struct patch *patch = bench_alloc(sizeof(*patch));
	uint64_t source[SLOTS];

	memory_open_arena(&patch->memory, ARENA_LENGTH);
	make_slots(source);
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

static void *mprotect_open(void)
{
	struct patch *patch = bench_alloc(sizeof(*patch));

	memory_open_mprotect(&patch->memory, ARENA_LENGTH);
	memory_protect(&patch->memory, FIRST, SLOTS * 8, PROT_READ | PROT_WRITE);
	make_slots(patch->memory.exec + FIRST);
	memory_protect(&patch->memory, FIRST, SLOTS * 8, PROT_READ | PROT_EXEC);
	memory_sync_core_register();
	return patch;
}

static void store_word(char *base, const struct codearena_patch_entry *entry)
{
	__atomic_store_n((uint64_t *)(base + entry->offset), entry->value,
			 __ATOMIC_RELAXED);
}

static void mprotect_one(struct patch *patch, unsigned int slot)
{
	size_t at = FIRST + 8 * slot;

	memory_protect(&patch->memory, at, 8, PROT_READ | PROT_WRITE);
	meter_peak();
	store_word(patch->memory.exec, &patch->entries[slot]);
	memory_protect(&patch->memory, at, 8, PROT_READ | PROT_EXEC);
	code_sync(patch->memory.exec + at, 8);
}

static uint64_t mprotect_one_run(void *state, unsigned int round)
{
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++)
		mprotect_one(state, i);
	return 0;
}

static uint64_t mprotect_sync_run(void *state, unsigned int round)
{
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++) {
		mprotect_one(state, i);
		memory_sync_core();
	}
	return 0;
}

static uint64_t mprotect_all_run(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	(void)round;
	memory_protect(&patch->memory, FIRST, SLOTS * 8, PROT_READ | PROT_WRITE);
	meter_peak();
	for (i = 0; i < SLOTS; i++)
		store_word(patch->memory.exec, &patch->entries[i]);
	memory_protect(&patch->memory, FIRST, SLOTS * 8, PROT_READ | PROT_EXEC);
	code_sync(patch->memory.exec + FIRST, SLOTS * 8);
	return 0;
}

static void *procmem_open(void)
{
	struct patch *patch = bench_alloc(sizeof(*patch));
	uint64_t source[SLOTS];

	memory_open_procmem(&patch->memory, ARENA_LENGTH);
	make_slots(source);
	memory_pwrite(&patch->memory, FIRST, source, sizeof(source));
	memory_sync_core_register();
	return patch;
}

/* Scattered slots cannot be written in one call, so all_run is this too. */
static uint64_t procmem_run(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++) {
		memory_pwrite(&patch->memory, FIRST + 8 * i,
			      &patch->entries[i].value, 8);
		code_sync(patch->memory.exec + FIRST + 8 * i, 8);
	}
	return 0;
}

static uint64_t procmem_sync_run(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++) {
		memory_pwrite(&patch->memory, FIRST + 8 * i,
			      &patch->entries[i].value, 8);
		code_sync(patch->memory.exec + FIRST + 8 * i, 8);
		memory_sync_core();
	}
	return 0;
}

static void *memfd_open(void)
{
	struct patch *patch = bench_alloc(sizeof(*patch));

	memory_open_memfd(&patch->memory, ARENA_LENGTH);
	make_slots(patch->memory.alias + FIRST);
	memory_sync_core_register();
	return patch;
}

static uint64_t memfd_run(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++) {
		store_word(patch->memory.alias, &patch->entries[i]);
		code_sync(patch->memory.exec + FIRST + 8 * i, 8);
	}
	return 0;
}

static uint64_t memfd_sync_run(void *state, unsigned int round)
{
	struct patch *patch = state;
	unsigned int i;

	(void)round;
	for (i = 0; i < SLOTS; i++) {
		store_word(patch->memory.alias, &patch->entries[i]);
		code_sync(patch->memory.exec + FIRST + 8 * i, 8);
		memory_sync_core();
	}
	return 0;
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
	PATCH_WAY("mprotect", mprotect_open, mprotect_one_run),
	PATCH_WAY("procmem", procmem_open, procmem_run),
	PATCH_WAY("memfd", memfd_open, memfd_run),
};

static const struct bench_way all[] = {
	PATCH_WAY("codearena", arena_open, arena_all_run),
	PATCH_WAY("mprotect", mprotect_open, mprotect_all_run),
	PATCH_WAY("procmem", procmem_open, procmem_run),
	PATCH_WAY("memfd", memfd_open, memfd_run),
};

static const struct bench_way sync_ways[] = {
	PATCH_WAY("codearena", arena_open, arena_sync_run),
	PATCH_WAY("mprotect", mprotect_open, mprotect_sync_run),
	PATCH_WAY("procmem", procmem_open, procmem_sync_run),
	PATCH_WAY("memfd", memfd_open, memfd_sync_run),
};

static const struct bench_case cases[] = {
	{
		.name = "patch_slot",
		.per = "slot",
		.per_round = SLOTS,
		.rounds = 31,
		BENCH_WAYS(one),
	},
	{
		.name = "patch_256",
		.per = "slot",
		.per_round = SLOTS,
		.rounds = 31,
		BENCH_WAYS(all),
	},
	{
		.name = "patch_slot_sync",
		.per = "slot",
		.per_round = SLOTS,
		.rounds = 31,
		BENCH_WAYS(sync_ways),
	},
};

const struct bench_subject bench_patch_subject = { cases, BENCH_COUNT(cases) };
