// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The chunks of the address space, the states of their pages, and the lock.
 */
#include <errno.h>
#include <linux/futex.h>

#include "preload.h"
#include "raw.h"

/* Slots of the hash table; a process that fills it is refused more chunks. */
#define SLOTS	1024

/* Shared mappings that are remembered; more are taken for private ones. */
#define SHARED_MOST	256

struct pl_state pl = { .device = -EBADF, .report = -1 };

static struct pl_chunk *slots[SLOTS];
static struct {
	uintptr_t start, end;
	enum pl_kind kind;
} shared[SHARED_MOST];
static uint32_t lock_word; /* 0 free, 1 held, 2 held and waited for */

/* Block all signals and take the lock. mask gets what was blocked before. */
void pl_lock(uint64_t *mask)
{
	static const uint64_t all = ~0ULL;
	uint32_t free = 0;

	raw_sigmask(SIG_SETMASK, &all, mask);
	if (__atomic_compare_exchange_n(&lock_word, &free, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
		raw_call(SYS_futex, (long)&lock_word, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

void pl_unlock(const uint64_t *mask)
{
	if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
		raw_call(SYS_futex, (long)&lock_word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	raw_sigmask(SIG_SETMASK, mask, NULL);
}

/* The slot of a chunk or the empty one where it would go; NULL: neither. */
static struct pl_chunk **slot_of(uintptr_t address)
{
	uintptr_t number = address >> PL_CHUNK_SHIFT;
	struct pl_chunk *chunk;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		struct pl_chunk **slot = &slots[(number + i) % SLOTS];

		chunk = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		if (!chunk || chunk->base >> PL_CHUNK_SHIFT == number)
			return slot;
	}
	return NULL;
}

/* The chunk of an address, or NULL. Needs no lock: chunks are never freed. */
struct pl_chunk *pl_chunk_find(uintptr_t address)
{
	struct pl_chunk **slot = slot_of(address);

	return slot ? __atomic_load_n(slot, __ATOMIC_ACQUIRE) : NULL;
}

/* The same, made if it is missing; NULL without memory. Lock held. */
struct pl_chunk *pl_chunk_get(uintptr_t address)
{
	struct pl_chunk **slot = slot_of(address);
	struct pl_chunk *chunk;
	long memory;

	if (!slot || *slot)
		return slot ? *slot : NULL;
	memory = raw_mmap(0, sizeof(*chunk) + (PL_CHUNK_SIZE >> pl.page_shift),
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_failed(memory))
		return NULL;
	chunk = (struct pl_chunk *)memory;
	chunk->base = address & ~(PL_CHUNK_SIZE - 1);
	chunk->arenas[0].fd = -1;
	chunk->arenas[1].fd = -1;
	chunk->next = pl.chunks;
	pl.chunks = chunk;
	__atomic_store_n(slot, chunk, __ATOMIC_RELEASE);
	return chunk;
}

uint8_t pl_page_state(uintptr_t address)
{
	const struct pl_chunk *chunk = pl_chunk_find(address);

	return chunk ? chunk->state[(address - chunk->base) >> pl.page_shift] : 0;
}

/* Whether a page of the range is ours. */
bool pl_range_ours(uintptr_t address, size_t length)
{
	uintptr_t end = address + length;

	while (pl.chunks && address < end) {
		uintptr_t last = (address | (PL_CHUNK_SIZE - 1)) + 1;
		const struct pl_chunk *chunk = pl_chunk_find(address);

		if (last > end || !last)
			last = end;
		for (; chunk && address < last; address += pl.page)
			if (chunk->state[(address - chunk->base) >> pl.page_shift])
				return true;
		address = last;
	}
	return false;
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

/* Whether processes share memory of the range. */
bool pl_shared_any(uintptr_t address, size_t length)
{
	for (int i = 0; i < SHARED_MOST; i++)
		if (shared[i].kind == PL_ANONYMOUS && shared[i].start < shared[i].end &&
		    shared[i].start < address + length && shared[i].end > address)
			return true;
	return false;
}

enum pl_kind pl_shared_kind(uintptr_t address)
{
	for (int i = 0; i < SHARED_MOST; i++)
		if (address >= shared[i].start && address < shared[i].end)
			return shared[i].kind;
	return PL_PRIVATE;
}
