/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: a table of code pointers, which generated code indexes by
 * 32-bit handles.
 */
#ifndef CODEARENA_HANDLE_H
#define CODEARENA_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#include "codearena.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An entry is 16 bytes: the entry point at CODEARENA_HANDLE_ENTRY, the signature
 * at CODEARENA_HANDLE_SIGNATURE, both 8 bytes. Entry h lies at base +
 * h * CODEARENA_HANDLE_SIZE; the base never changes in the life of a table. Code
 * that calls through a handle compares the signature with the one it expects,
 * and jumps to the entry point.
 *
 * Address space for all entries is reserved when the table is made, and made
 * usable in segments of CODEARENA_HANDLE_SEGMENT bytes. A free entry has the
 * entry point 0, so that a call through a handle that was released faults at
 * address 0; in a segment that never was in use the load faults.
 *
 * The signature of an entry does not change from allocation to release, so that
 * the two loads of a caller, which are not one atomic access, always belong
 * together. V8 can store a new pair; here a function with another signature gets
 * another handle.
 *
 * The table is ordinary memory: whoever can store to the process' memory can
 * change an entry point. It narrows what indirect calls may reach only as long
 * as that memory is intact. V8 protects its table by a memory protection key;
 * a program may do the same to the whole mapping between the calls.
 *
 * Threads: all functions may be called from any thread at any time but
 * codearena_handle_table_free(). Allocation, release, set and get take no lock,
 * unless a new segment is needed. In a child of fork() only
 * codearena_handle_get(), _set and _free may be used if other threads of the
 * parent used the table at that moment. None but get and set is
 * async-signal-safe.
 */
typedef uint32_t codearena_handle;

#define CODEARENA_HANDLE_INVALID	0xffffffffU

#define CODEARENA_HANDLE_SIZE		16U
#define CODEARENA_HANDLE_ENTRY		0U
#define CODEARENA_HANDLE_SIGNATURE	8U
#define CODEARENA_HANDLE_SEGMENT	65536U

struct codearena_handle_table;

/**
 * struct codearena_handle_table_opts - how to make a table
 * @sz: set by the caller to sizeof(struct codearena_handle_table_opts)
 * @max_entries: most entries at a time, up to 2^24; 0: 2^23, which take 128 MiB
 *               of address space
 * @flags: 0
 */
struct codearena_handle_table_opts {
	size_t sz;
	uint32_t max_entries;
	uint32_t flags;
};

/**
 * struct codearena_handle_table_stat - counters of a table
 * @sz: set by the caller to sizeof(struct codearena_handle_table_stat)
 * @max_entries: most entries at a time
 * @used: entries allocated, natives included
 * @free: entries in the list of free ones
 * @segments: segments with memory
 * @natives: handles of codearena_handle_for_native()
 */
struct codearena_handle_table_stat {
	size_t sz;
	uint64_t max_entries;
	uint64_t used;
	uint64_t free;
	uint64_t segments;
	uint64_t natives;
};

/**
 * codearena_handle_table_new - make a table
 * @opts: NULL, or options
 * @out: gets the table; NULL on failure
 *
 * Return: 0; -EINVAL, -E2BIG: @opts; -EOPNOTSUPP: a flag; -ENOMEM.
 */
int codearena_handle_table_new(const struct codearena_handle_table_opts *opts,
			       struct codearena_handle_table **out);

/**
 * codearena_handle_table_free - give everything back
 * @table: NULL, or a table, which is gone after the call
 */
void codearena_handle_table_free(struct codearena_handle_table *table);

/**
 * codearena_handle_table_base - address of entry 0
 * @table: table
 *
 * Return: the address, a multiple of the page size; NULL if @table is NULL.
 */
const void *
codearena_handle_table_base(const struct codearena_handle_table *table);

/**
 * codearena_handle_allocate - take an entry
 * @table: table
 * @entry: entry point, not 0
 * @signature: any value
 * @out: gets the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * Return: 0; -ENOSPC: max_entries are in use; -ENOMEM: no memory for a segment;
 * -EINVAL.
 */
int codearena_handle_allocate(struct codearena_handle_table *table,
			      uint64_t entry, uint64_t signature,
			      codearena_handle *out);

/**
 * codearena_handle_set - store another entry point
 * @table: table
 * @handle: allocated
 * @entry: entry point, not 0
 *
 * An atomic store with release semantics. Cannot fail for a handle that was
 * allocated and not released.
 *
 * Return: 0; -ENOENT: the entry is free; -EBUSY: it is a native's; -EINVAL: the
 * handle is out of range, or @entry is 0.
 */
int codearena_handle_set(struct codearena_handle_table *table,
			 codearena_handle handle, uint64_t entry);

/**
 * codearena_handle_get - read an entry
 * @table: table
 * @handle: any value
 * @entry: NULL, or gets the entry point
 * @signature: NULL, or gets the signature
 *
 * Return: 0; -ENOENT: the entry is free; -EINVAL: the handle is out of range.
 * On failure nothing is stored.
 */
int codearena_handle_get(const struct codearena_handle_table *table,
			 codearena_handle handle, uint64_t *entry,
			 uint64_t *signature);

/**
 * codearena_handle_release - give an entry back
 * @table: table
 * @handle: allocated
 *
 * Return: 0; -ENOENT: the entry is free already; -EBUSY: it is a native's;
 * -EINVAL: the handle is out of range.
 */
int codearena_handle_release(struct codearena_handle_table *table,
			     codearena_handle handle);

/**
 * codearena_handle_for_native - the handle of a native function
 * @table: table
 * @address: of the function, not 0
 * @signature: any value
 * @out: gets the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * The same pair always gets the same handle, which stays until the table is
 * freed. Takes a lock of its own.
 *
 * Return: as codearena_handle_allocate().
 */
int codearena_handle_for_native(struct codearena_handle_table *table,
				uint64_t address, uint64_t signature,
				codearena_handle *out);

/**
 * codearena_handle_table_sweep - give the memory of empty segments back
 * @table: table
 * @threshold: do nothing unless as many entries are free as this many segments
 *             have; 0: 2
 *
 * Also sorts the list of free entries, so that the next allocations lie close
 * together. Allocations that find no free entry meanwhile wait. The memory goes
 * back to the system and reads as 0, while the address space stays reserved
 * and accessible.
 *
 * Return: the number of segments that were dropped, which is at most INT_MAX;
 * -EINVAL: @table is NULL.
 */
int codearena_handle_table_sweep(struct codearena_handle_table *table,
				 size_t threshold);

/**
 * codearena_handle_table_stat - read the counters
 * @table: table
 * @stat: gets the counters; @stat->sz must be set
 *
 * While other threads work, each number is right by itself.
 *
 * Return: 0, -EINVAL, -E2BIG.
 */
int codearena_handle_table_stat(struct codearena_handle_table *table,
				struct codearena_handle_table_stat *stat);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_HANDLE_H */
