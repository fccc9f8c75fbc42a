// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: storing bytes in the file of an arena.
 *
 * Large runs are written to the file, small ones stored through the alias: the
 * first store to each page of the alias is a page fault, which costs more than
 * writing the page.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/store.h"

/* Shorter runs are stored through the alias. */
#define CA__STORE_LEAST		4096U

/* Trap instructions that one call writes. */
#define CA__STORE_TRAPS		(16U << 10)

#define CA__STORE_TRAP_SIZE	sizeof((const uint8_t[])CA__TRAP_BYTES)

static const uint8_t ca__trap[] = CA__TRAP_BYTES;

/**
 * ca__fill_traps - fill with trap instructions
 * @to: where; need not be aligned
 * @length: bytes
 *
 * The instructions lie at multiples of their size: the fill may begin inside
 * one, where code ends there.
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

/* Beyond its limit for files the kernel would end the process with a signal. */
static bool ca__may_write(uint64_t end)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur >= end;
}

/**
 * ca__traps_write - write trap instructions to the file
 * @memfd: the arena
 * @offset: first byte, at the beginning of a granule
 * @length: bytes, whole granules
 *
 * Allocates memory for pages that have none.
 *
 * Return: the bytes that were written; fewer than @length on failure.
 */
uint64_t ca__traps_write(const struct ca__memfd *memfd, uint64_t offset,
			 uint64_t length)
{
	uint64_t most = length < CA__STORE_TRAPS ? length : CA__STORE_TRAPS;
	_Alignas(16) uint8_t traps[CA__STORE_TRAPS];
	uint64_t done = 0;
	ssize_t wrote = 1;

	if (!ca__may_write(offset + length))
		return 0;
	ca__fill_traps(traps, most);
	while (done < length && wrote > 0) {
		uint64_t left = length - done;

		wrote = pwrite(memfd->fd, traps, left < most ? left : most,
			       offset + done);
		if (wrote > 0)
			done += wrote;
	}
	return done;
}

/**
 * ca__traps_store - replace code by trap instructions
 * @memfd: the arena
 * @offset: first byte, at the beginning of a granule
 * @length: bytes, whole granules, of committed pages
 */
void ca__traps_store(const struct ca__memfd *memfd, uint64_t offset,
		     uint64_t length)
{
	uint64_t done = 0;

	if (length >= CA__STORE_LEAST)
		done = ca__traps_write(memfd, offset, length);
	ca__fill_traps(memfd->alias + offset + done, length - done);
}

/* Store through the alias what lies after the first @done bytes of the run. */
static void ca__store_copy(const struct ca__store *store, uint64_t done)
{
	uint8_t *to = store->memfd->alias + store->offset;
	unsigned int i;

	for (i = 0; i < store->count; i++) {
		const struct iovec *part = &store->part[i];
		uint64_t skip = done < part->iov_len ? done : part->iov_len;

		memcpy(to + skip, (const uint8_t *)part->iov_base + skip,
		       part->iov_len - skip);
		to += part->iov_len;
		done -= skip;
	}
}

/**
 * ca__store_end - store what was collected
 * @store: the run, which is empty afterwards
 */
void ca__store_end(struct ca__store *store)
{
	ssize_t done = 0;

	if (store->length >= CA__STORE_LEAST &&
	    ca__may_write(store->offset + store->length))
		done = pwritev(store->memfd->fd, store->part, store->count,
			       store->offset);
	if (done < 0)
		done = 0;
	if ((uint64_t)done < store->length)
		ca__store_copy(store, done);
	store->count = 0;
	store->length = 0;
}

/**
 * ca__store_begin - begin with an empty run
 * @store: the run
 * @memfd: the arena
 */
void ca__store_begin(struct ca__store *store, const struct ca__memfd *memfd)
{
	store->memfd = memfd;
	store->length = 0;
	store->count = 0;
	store->padding = false;
}

/**
 * ca__store_add - store bytes, not before ca__store_end()
 * @store: a run
 * @offset: where
 * @from: the bytes, which must stay until then
 * @length: how many, not 0
 */
void ca__store_add(struct ca__store *store, uint64_t offset, const void *from,
		   uint64_t length)
{
	struct iovec *last = &store->part[store->count];

	if (store->length && offset == store->offset + store->length &&
	    (const uint8_t *)last[-1].iov_base + last[-1].iov_len == from) {
		last[-1].iov_len += length;
		store->length += length;
		return;
	}
	if (store->count == CA__STORE_PARTS ||
	    offset != store->offset + store->length)
		ca__store_end(store);
	if (!store->length)
		store->offset = offset;
	store->part[store->count++] = (struct iovec){
		.iov_base = (void *)(uintptr_t)from,
		.iov_len = length,
	};
	store->length += length;
}

/**
 * ca__store_pad - store trap instructions after code
 * @store: a run
 * @offset: where the code ends
 * @length: bytes to the end of its granule; 0: none
 */
void ca__store_pad(struct ca__store *store, uint64_t offset, uint64_t length)
{
	if (!length)
		return;
	if (!store->padding) {
		ca__fill_traps(store->traps, sizeof(store->traps));
		store->padding = true;
	}
	ca__store_add(store, offset,
		      store->traps + offset % CA__STORE_TRAP_SIZE, length);
}
