/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: what its files share.
 *
 * The code is in a memfd that is mapped twice:
 *
 * - the writable alias, private to the library; a child of fork() has no copy.
 * - the code view, readable and executable, from a descriptor that is open for
 *   reading only, so that mprotect() cannot make it writable. Where nothing is
 *   committed it maps an offset after the end of the file, so that an access
 *   raises SIGBUS and cannot allocate memory.
 *
 * The states of pages and the counters are ordinary memory. All functions need
 * the lock of the process.
 */
#ifndef CA__MEMFD_H
#define CA__MEMFD_H

#include "arena/arena.h"
#include "arena/memfd/pages.h"

struct ca__trap_table;
struct ca__traps;

/* The same limits as the device has. */
#define CA__MEMFD_MAX_LENGTH	(2ULL << 30)
#define CA__MEMFD_MAX_ENTRIES	65536

/* After the end of every file that an arena can have. */
#define CA__MEMFD_NOWHERE	CODEARENA_GUARD_OFFSET

/**
 * struct ca__memfd - an arena of this backend
 * @fd: the memfd, open for writing
 * @owner: address space that may change the arena
 * @flags: CODEARENA_RESERVE_F_*
 * @name: of the arena
 * @can_sync: ca__sync_threads() works
 * @alias: the writable alias; NULL if it could not be mapped
 * @pages: page states
 * @stat: limits and counters; @pages and @traps count what they hold
 * @counted_runs: runs of @pages in the sum for the process
 * @traps: NULL until the arena has its first table or landing pad
 */
struct ca__memfd {
	int fd;
	uint64_t owner;
	uint32_t flags;
	uint8_t name[CODEARENA_NAME_LEN];
	bool can_sync;
	uint8_t *alias;
	struct ca__pages pages;
	struct codearena_stat stat;
	uint64_t counted_runs;
	struct ca__traps *traps;
};

static inline uint8_t *ca__view(const struct codearena_arena *arena,
				uint64_t offset)
{
	return (uint8_t *)arena->base + offset;
}

/* memfd_commit.c */
int ca__memfd_commit(struct codearena_arena *arena,
		     const struct codearena_commit *commit);
int ca__memfd_decommit(struct codearena_arena *arena,
		       const struct codearena_decommit *decommit);
void ca__memfd_give_back(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length);
void ca__memfd_count_runs(struct ca__memfd *memfd, uint64_t runs);

/* memfd_code.c */
void ca__memfd_flush(struct codearena_arena *arena, uint64_t offset,
		     uint64_t length);
void ca__memfd_sync(struct codearena_arena *arena);
int ca__memfd_write(struct codearena_arena *arena,
		    struct codearena_write *write);
int ca__memfd_publish(struct codearena_arena *arena,
		      struct codearena_publish *publish);

/* memfd_seal.c */
int ca__memfd_seal(struct codearena_arena *arena,
		   const struct codearena_seal *seal);
int ca__memfd_discard(struct codearena_arena *arena,
		      struct codearena_discard *discard, bool release);

/* memfd_patch.c */
int ca__patches_check(const struct codearena_patch_entry *patches,
		      uint32_t count, uint64_t limit, uint32_t *failed);
int ca__patches_compare(const struct codearena_arena *arena,
			const struct codearena_patch_entry *patches,
			uint32_t count, uint32_t *failed);
void ca__patches_apply(struct codearena_arena *arena,
		       const struct codearena_patch_entry *patches,
		       uint32_t count);
int ca__memfd_patch(struct codearena_arena *arena,
		    struct codearena_patch *patch);

/* memfd_trap.c */
int ca__memfd_trap_register(struct codearena_arena *arena,
			    struct codearena_trap_register *request);
int ca__memfd_trap_release(struct codearena_arena *arena,
			   const struct codearena_trap_release *release);
int ca__memfd_trap_landing(struct codearena_arena *arena,
			   const struct codearena_trap_landing *landing);
int ca__memfd_tables_get(struct codearena_arena *arena,
			 struct codearena_publish *publish,
			 struct ca__trap_table ***tables);
int ca__memfd_tables_insert(struct codearena_arena *arena,
			    struct codearena_publish *publish,
			    struct ca__trap_table **tables);
void ca__memfd_tables_free(struct ca__trap_table **tables, uint32_t count);

#endif /* CA__MEMFD_H */
