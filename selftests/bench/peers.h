/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * All ways of changing code without an arena, as the rows use them. Each is three
 * functions: PEER_begin() makes [at, at + length) writable, PEER_put() stores in
 * it, PEER_end() makes it executable again. A row calls all three for each
 * function, or begins and ends once for all of them. memory.c has the mappings.
 */
#ifndef CODEARENA_BENCH_PEERS_H
#define CODEARENA_BENCH_PEERS_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "code.h"
#include "memory.h"
#include "meter.h"

/* A word that other threads may execute is stored at once. */
static inline void peer_copy(char *to, const void *from, size_t length)
{
	if (length == 8)
		__atomic_store_n((uint64_t *)to, *(const uint64_t *)from,
				 __ATOMIC_RELAXED);
	else
		memcpy(to, from, length);
}

static inline void peer_nothing(struct memory *memory, size_t at, size_t length)
{
	(void)memory;
	(void)at;
	(void)length;
}

/* mprotect: pages in the middle of a mapping, which is split and merged again. */
static inline void mprotect_begin(struct memory *memory, size_t at, size_t length)
{
	memory_protect(memory, at, length, PROT_READ | PROT_WRITE);
	meter_peak();
}

static inline void mprotect_put(struct memory *memory, size_t at,
				const void *from, size_t length)
{
	peer_copy(memory->exec + at, from, length);
}

static inline void mprotect_end(struct memory *memory, size_t at, size_t length)
{
	memory_protect(memory, at, length, PROT_READ | PROT_EXEC);
	code_sync(memory->exec + at, length);
}

/* mprotect_own: pages that are a mapping of their own, so nothing is split. */
#define mprotect_own_begin	mprotect_begin
#define mprotect_own_put	mprotect_put
#define mprotect_own_end	mprotect_end

/* procmem: /proc/self/mem, which ignores that the mapping is not writable. */
#define procmem_begin	peer_nothing
#define procmem_end	peer_nothing

static inline void procmem_put(struct memory *memory, size_t at,
			       const void *from, size_t length)
{
	memory_pwrite(memory, at, from, length);
	code_sync(memory->exec + at, length);
}

/* pwrite: to a memfd that no mapping can be stored through. */
#define pwrite_begin	peer_nothing
#define pwrite_end	peer_nothing

static inline void pwrite_put(struct memory *memory, size_t at,
			      const void *from, size_t length)
{
	if (pwrite(memory->fd, from, length, (off_t)at) != (ssize_t)length)
		bench_die("pwrite");
	code_sync(memory->exec + at, length);
}

/* memfd: stores through a second mapping, writable all the time. */
#define memfd_begin	peer_nothing
#define memfd_end	peer_nothing

static inline void memfd_put(struct memory *memory, size_t at,
			     const void *from, size_t length)
{
	peer_copy(memory->alias + at, from, length);
	code_sync(memory->exec + at, length);
}

/* rwx: no protection at all. */
#define rwx_begin	peer_nothing
#define rwx_end		peer_nothing

static inline void rwx_put(struct memory *memory, size_t at, const void *from,
			   size_t length)
{
	peer_copy(memory->exec + at, from, length);
	code_sync(memory->exec + at, length);
}

/* pkey: a protection key that this thread gives itself for the moment. */
static inline void pkey_begin(struct memory *memory, size_t at, size_t length)
{
	(void)at;
	(void)length;
	memory_pkru(memory->pkru_open);
}

#define pkey_put	rwx_put

static inline void pkey_end(struct memory *memory, size_t at, size_t length)
{
	(void)at;
	(void)length;
	memory_pkru(memory->pkru_closed);
}

#endif /* CODEARENA_BENCH_PEERS_H */
