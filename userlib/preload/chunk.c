// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The chunks of the address space, the states of their pages, and the lock.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/param.h>

#include "preload.h"
#include "raw.h"

/* A process is refused more. */
#define CHUNKS_MOST	1024

/* Shared mappings that are remembered; more are taken for private ones. */
#define SHARED_MOST	256

struct pl_state pl = { .device = -EBADF, .report = -1 };

static struct {
	uintptr_t start, end;
	enum pl_kind kind;
} shared[SHARED_MOST];
static uint32_t lock_word; /* 0 free, 1 held, 2 held and waited for */
uint64_t pl_lock_mask; /* what its holder had blocked before */

/* Block all signals and take the lock. */
void pl_lock(void)
{
	static const uint64_t all = ~0ULL;
	uint32_t free = 0;
	uint64_t mask;

	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(mask));
	if (!__atomic_compare_exchange_n(&lock_word, &free, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
			raw_call(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2);
	pl_lock_mask = mask;
}

void pl_unlock(void)
{
	uint64_t mask = pl_lock_mask;

	if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
		raw_call(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1);
	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/* The chunk of an address, or NULL. Lock held. */
struct pl_chunk *pl_chunk_find(uintptr_t address)
{
	struct pl_chunk *chunk = pl.chunks;

	while (chunk && chunk->base != (address & ~(PL_CHUNK_SIZE - 1)))
		chunk = chunk->next;
	return chunk;
}

/* The same, made if it is missing; NULL without memory. Lock held. */
struct pl_chunk *pl_chunk_get(uintptr_t address)
{
	static unsigned int made;
	struct pl_chunk *chunk = pl_chunk_find(address);
	long memory;

	if (chunk || made == CHUNKS_MOST)
		return chunk;
	memory = raw_call(SYS_mmap, 0, sizeof(*chunk) + (PL_CHUNK_SIZE >> pl.page_shift),
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (raw_failed(memory))
		return NULL;
	made++;
	chunk = (struct pl_chunk *)memory;
	chunk->base = address & ~(PL_CHUNK_SIZE - 1);
	chunk->arenas[0].fd = -1;
	chunk->arenas[1].fd = -1;
	chunk->next = pl.chunks;
	__atomic_store_n(&pl.chunks, chunk, __ATOMIC_RELAXED);
	return chunk;
}

uint8_t pl_page_state(uintptr_t address)
{
	const struct pl_chunk *chunk = pl_chunk_find(address);

	return chunk ? chunk->state[pl_page_number(address)] : 0;
}

/* Remember a shared mapping. Lock held. */
void pl_shared_add(uintptr_t address, size_t length, enum pl_kind kind)
{
	for (int i = 0; i < SHARED_MOST; i++) {
		if (shared[i].start != shared[i].end)
			continue;
		shared[i].start = address;
		shared[i].end = address + length;
		shared[i].kind = kind;
		return;
	}
}

/* Forget what was shared in the range; a mapping cut in two keeps its front. */
void pl_shared_remove(uintptr_t address, size_t length)
{
	uintptr_t end = address + length;

	for (int i = 0; i < SHARED_MOST; i++) {
		if (shared[i].start >= end || shared[i].end <= address)
			continue;
		if (shared[i].start < address)
			shared[i].end = address;
		else
			shared[i].start = end < shared[i].end ? end : shared[i].end;
	}
}

/* Pages that become ours and that processes share get the shared arena. Lock held. */
void pl_shared_claim(uintptr_t address, size_t length)
{
	for (int i = 0; i < SHARED_MOST; i++) {
		uintptr_t at = MAX(address, shared[i].start);
		uintptr_t end = MIN(address + length, shared[i].end);

		for (; shared[i].kind == PL_ANONYMOUS && at < end; at += pl.page) {
			uint8_t *state = &pl_chunk_find(at)->state[pl_page_number(at)];

			if (!*state)
				*state = PL_SHARED;
		}
	}
}

enum pl_kind pl_shared_kind(uintptr_t address)
{
	for (int i = 0; i < SHARED_MOST; i++)
		if (address >= shared[i].start && address < shared[i].end)
			return shared[i].kind;
	return PL_PRIVATE;
}
