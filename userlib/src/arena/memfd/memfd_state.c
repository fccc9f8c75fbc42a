// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: who may change an arena, its lock, and its counters.
 */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arena/memfd/memfd.h"

static const uint8_t ca__trap[] = CA__TRAP_BYTES;

/**
 * ca__fill_traps - fill with trap instructions
 * @to: where; need not be aligned
 * @length: bytes, up to the end of an instruction
 *
 * The instructions lie at multiples of their size, so that the rest of a
 * granule may begin inside of one.
 */
void ca__fill_traps(void *to, uint64_t length)
{
	uint8_t *byte = to;
	uint64_t i;

	if (sizeof(ca__trap) == 1) {
		memset(byte, ca__trap[0], length);
		return;
	}
	for (i = 0; i < length; i++)
		byte[i] = ca__trap[(uintptr_t)(byte + i) % sizeof(ca__trap)];
}

/**
 * ca__memfd_enter - may the calling process change the arena?
 * @arena: the arena, not an attached one
 *
 * Without the alias in this address space nothing but this may be looked at.
 *
 * Return: 0 or -EPERM.
 */
int ca__memfd_enter(struct codearena_arena *arena)
{
	const struct ca__memfd *memfd = arena->memfd;

	if (memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER)
		return 0;
	return memfd->owner == ca__owner_current() ? 0 : -EPERM;
}

/* A writer died in the middle of a change: make the states agree again. */
static void ca__memfd_recover(struct codearena_arena *arena)
{
	struct ca__memfd *memfd = arena->memfd;
	struct ca__counters counters = ca__memfd_counters(memfd->shared);
	struct ca__tally now;

	ca__pages_recover(&memfd->pages, &now);
	counters.committed = now.committed * arena->page_size;
	counters.sealed = now.sealed * arena->granule;
	counters.patchable = now.patchable * arena->granule;
	ca__memfd_count(memfd, &counters);
	pthread_mutex_consistent(&memfd->shared->lock);
}

/**
 * ca__memfd_lock - lock an arena that ca__memfd_enter() allowed to change
 * @arena: the arena
 *
 * Return: 0; a negative errno if the mutex is unusable.
 */
int ca__memfd_lock(struct codearena_arena *arena)
{
	int ret = pthread_mutex_lock(&arena->memfd->shared->lock);

	if (ret == EOWNERDEAD) {
		ca__memfd_recover(arena);
		ret = 0;
	}
	return -ret;
}

/**
 * ca__memfd_unlock - undo ca__memfd_lock()
 * @arena: the arena
 */
void ca__memfd_unlock(struct codearena_arena *arena)
{
	pthread_mutex_unlock(&arena->memfd->shared->lock);
}

/* The counters are words, so both can be copied word by word. */
#define CA__COUNTERS_WORDS (sizeof(struct ca__counters) / sizeof(uint64_t))

static void ca__counters_store(struct ca__counters *to,
			       const struct ca__counters *from)
{
	const uint64_t *source = (const uint64_t *)from;
	uint64_t *target = (uint64_t *)to;
	size_t i;

	/* Release: who sees one of these sees that the turn came before. */
	for (i = 0; i < CA__COUNTERS_WORDS; i++)
		__atomic_store_n(&target[i], source[i], __ATOMIC_RELEASE);
}

static void ca__counters_load(struct ca__counters *to,
			      const struct ca__counters *from)
{
	const uint64_t *source = (const uint64_t *)from;
	uint64_t *target = (uint64_t *)to;
	size_t i;

	for (i = 0; i < CA__COUNTERS_WORDS; i++)
		target[i] = __atomic_load_n(&source[i], __ATOMIC_ACQUIRE);
}

/**
 * ca__memfd_counters - the counters of one moment
 * @header: any view of the header
 *
 * Needs no lock, and no writer can keep it from ending: it repeats only when
 * two changes were completed meanwhile.
 *
 * Return: the counters.
 */
struct ca__counters ca__memfd_counters(const struct ca__memfd_header *header)
{
	struct ca__counters counters;
	uint64_t turn, now;

	now = __atomic_load_n(&header->turn, __ATOMIC_ACQUIRE);
	do {
		turn = now;
		ca__counters_load(&counters, &header->counters[turn & 1]);
		now = __atomic_load_n(&header->turn, __ATOMIC_ACQUIRE);
	} while (now != turn);
	return counters;
}

/**
 * ca__memfd_count - set the counters, the lock is held
 * @memfd: the arena
 * @counters: the new values
 */
void ca__memfd_count(struct ca__memfd *memfd,
		     const struct ca__counters *counters)
{
	struct ca__memfd_header *header = memfd->shared;
	uint64_t turn = header->turn + 1;

	ca__counters_store(&header->counters[turn & 1], counters);
	__atomic_store_n(&header->turn, turn, __ATOMIC_RELEASE);
}

/**
 * ca__memfd_count_gone - account for seals and memory that were taken away
 * @arena: the arena
 * @counters: to be changed
 * @gone: what was taken away
 */
void ca__memfd_count_gone(struct codearena_arena *arena,
			  struct ca__counters *counters,
			  const struct ca__tally *gone)
{
	counters->committed -= gone->committed * arena->page_size;
	counters->sealed -= gone->sealed * arena->granule;
	counters->patchable -= gone->patchable * arena->granule;
	counters->discarded += gone->sealed * arena->granule;
}

/**
 * ca__memfd_flush - make instruction fetch from the code view see new bytes
 * @arena: the arena
 * @offset: first byte
 * @length: bytes, committed
 */
void ca__memfd_flush(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length)
{
	char *start = (char *)ca__view(arena, offset);

	__builtin___clear_cache(start, start + length);
}

/**
 * ca__memfd_sync - synchronise all threads, and count it
 * @counters: to be changed
 */
void ca__memfd_sync(struct ca__counters *counters)
{
	ca__sync_threads();
	counters->syncs++;
}
