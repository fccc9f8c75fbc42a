/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: what its files share.
 *
 * The file holds, one behind the other: the code; one struct ca__page per page
 * of code; a page with struct ca__memfd_header. It is mapped three times:
 *
 * - the writable alias: all of it, read and write, private to the library. Not
 *   inherited by fork() unless the arena has CODEARENA_RESERVE_F_SHARED_WRITER.
 * - the code view, read and execute, from a descriptor that is open for reading
 *   only, so that mprotect() cannot make it writable. Where nothing is
 *   committed it shows a place behind the end of the file, so that an access
 *   gives SIGBUS and cannot make the system allocate memory.
 * - the header, read only, for the counters. Inherited by fork().
 *
 * Everything that changes is in the file, so that several processes can share
 * it; the mutex in the header protects it.
 */
#ifndef CA__MEMFD_H
#define CA__MEMFD_H

#include <pthread.h>

#include "arena/arena.h"
#include "arena/memfd/pages.h"

struct ca__traps;
struct ca__trap_table;

/* The same limits as the device has. */
#define CA__MEMFD_MAX_LENGTH	(2ULL << 30)
#define CA__MEMFD_MAX_ENTRIES	65536

/* Behind the end of every file that an arena can have. */
#define CA__MEMFD_NOWHERE	CODEARENA_GUARD_OFFSET

#define CA__MEMFD_MAGIC		0x616e65726165646fULL
#define CA__MEMFD_VERSION	1

/**
 * struct ca__counters - what codearena_arena_stat() reports, in its units
 */
struct ca__counters {
	uint64_t committed;
	uint64_t sealed;
	uint64_t patchable;
	uint64_t published;
	uint64_t written;
	uint64_t patched;
	uint64_t discarded;
	uint64_t syncs;
};

/**
 * struct ca__memfd_header - last page of the file
 * @magic: CA__MEMFD_MAGIC
 * @version: of this layout
 * @machine: ELF machine number of the code
 * @page_size: of the system that made it
 * @flags: CODEARENA_RESERVE_F_*
 * @length: bytes of code
 * @commit_limit: most bytes committed
 * @turn: which of @counters is valid: the one with the index of the low bit.
 *        Grows with every change, so that readers without the lock, in
 *        processes that cannot even write here, notice that they were overtaken
 * @counters: the valid ones, and those being prepared under @lock
 * @lock: protects all but the immutable members above @turn. Other libraries
 *        than this one may have another layout of it: only processes that
 *        inherited the alias use it
 */
struct ca__memfd_header {
	uint64_t magic;
	uint32_t version;
	uint32_t machine;
	uint32_t page_size;
	uint32_t flags;
	uint64_t length;
	uint64_t commit_limit;
	uint64_t turn;
	struct ca__counters counters[2];
	pthread_mutex_t lock;
};

/**
 * struct ca__memfd - what one process keeps of an arena
 * @fd: open for writing; -1 in a process that attached the arena
 * @owner: address space that may change it
 * @flags: CODEARENA_RESERVE_F_*
 * @commit_limit: most bytes committed
 * @can_sync: ca__sync_threads() works
 * @full_view: the code view shows all of the file's code, committed or not
 * @alias: the writable alias; NULL in a process that attached the arena
 * @size: of the alias
 * @header: the read-only view of the header
 * @shared: the header in the alias
 * @pages: page states in the alias
 * @traps: traps of this process, or NULL; set once
 */
struct ca__memfd {
	int fd;
	uint64_t owner;
	uint32_t flags;
	uint64_t commit_limit;
	bool can_sync;
	bool full_view;
	uint8_t *alias;
	uint64_t size;
	const struct ca__memfd_header *header;
	struct ca__memfd_header *shared;
	struct ca__pages pages;
	struct ca__traps *traps;
};

static inline uint8_t *ca__view(const struct codearena_arena *arena,
				uint64_t offset)
{
	return (uint8_t *)arena->base + offset;
}

/* memfd_state.c */
int ca__memfd_enter(struct codearena_arena *arena);
int ca__memfd_lock(struct codearena_arena *arena);
void ca__memfd_unlock(struct codearena_arena *arena);
struct ca__counters ca__memfd_counters(const struct ca__memfd_header *header);
void ca__memfd_count(struct ca__memfd *memfd,
		     const struct ca__counters *counters);
void ca__memfd_count_gone(struct codearena_arena *arena,
			  struct ca__counters *counters,
			  const struct ca__tally *gone);
void ca__memfd_flush(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length);
void ca__memfd_sync(struct ca__counters *counters);
void ca__fill_traps(void *to, uint64_t length);

/* memfd_commit.c */
int ca__memfd_commit(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length);
int ca__memfd_decommit(struct codearena_arena *arena, uint64_t offset,
		       uint64_t length);
void ca__memfd_give_back(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length);
int ca__memfd_allocate(int fd, uint64_t offset, uint64_t length);

/* memfd_code.c */
int ca__memfd_write(struct codearena_arena *arena,
		    const struct codearena_chunk *chunks, size_t count,
		    size_t *failed);
int ca__memfd_publish(struct codearena_arena *arena,
		      struct codearena_object *objects,
		      size_t object_count,
		      const struct codearena_patch_entry *patches,
		      size_t patch_count, uint32_t flags, size_t *failed);

/* memfd_seal.c */
int ca__memfd_seal(struct codearena_arena *arena, uint64_t offset,
		   uint64_t length, uint32_t flags);
int ca__memfd_discard(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      size_t *failed);
int ca__memfd_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      size_t *failed);

/* memfd_patch.c */
int ca__patches_check(const struct codearena_patch_entry *patches, size_t count,
		      uint64_t limit, size_t *failed);
int ca__patches_compare(const struct codearena_arena *arena,
			const struct codearena_patch_entry *patches,
			size_t count, size_t *failed);
void ca__patches_apply(struct codearena_arena *arena,
		       const struct codearena_patch_entry *patches,
		       size_t count);
int ca__memfd_patch(struct codearena_arena *arena,
		    const struct codearena_patch_entry *patches, size_t count,
		    uint32_t flags, size_t *failed);

/* memfd_trap.c */
int ca__memfd_trap_register(struct codearena_arena *arena, uint64_t offset,
			    uint64_t length, const struct codearena_trap *array,
			    size_t count, uint32_t flags, uint64_t *id,
			    size_t *failed);
int ca__memfd_trap_release(struct codearena_arena *arena, uint64_t id);
int ca__memfd_trap_landing(struct codearena_arena *arena, uint64_t address);
int ca__memfd_traps_get(struct codearena_arena *arena,
			const struct codearena_object *objects,
			struct codearena_object *of_caller, size_t count,
			struct ca__trap_table ***tables, size_t *failed);
int ca__memfd_traps_insert(struct codearena_arena *arena,
			   const struct codearena_object *objects,
			   struct ca__trap_table **tables, size_t count,
			   size_t *failed);
void ca__memfd_traps_put(struct ca__trap_table **tables, size_t count);
int ca__memfd_pads_check(struct codearena_arena *arena,
			 const struct codearena_range *ranges, size_t count,
			 size_t *failed);
void ca__memfd_traps_remove(struct codearena_arena *arena, uint64_t offset,
			    uint64_t length);
void ca__memfd_traps_stat(struct codearena_arena *arena,
			  struct codearena_stat *stat);
void ca__memfd_traps_free(struct codearena_arena *arena);

#endif /* CA__MEMFD_H */
