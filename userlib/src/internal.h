/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the files of the library share, grouped by the file that implements it.
 */
#ifndef CA__INTERNAL_H
#define CA__INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena.h"

/* Written at the definition of every public function; all else is hidden. */
#define CODEARENA_API __attribute__((visibility("default")))

struct ca__backend;
struct ca__guard_file;

/**
 * struct codearena_arena - the public object
 * @backend: operations of the backend that keeps it
 * @base: the code view
 * @length: bytes of the code view
 * @fd: the handle that codearena_arena_fd() returns
 * @page_size: unit of commit
 * @granule: unit of sealing
 * @attached: made by codearena_arena_attach(): changes are refused
 * @trap_kinds: CODEARENA_TRAP_* bits that lead to landing pads
 * @memfd: what the memfd backend keeps beside, NULL on the device
 * @guard_file: what guard views are mapped from, or NULL; protected by the lock
 *              of traps
 *
 * All but @guard_file is immutable from the return of the constructor on, so
 * that it is read without a lock, in children of fork() too.
 */
struct codearena_arena {
	const struct ca__backend *backend;
	void *base;
	uint64_t length;
	int fd;
	uint32_t page_size;
	uint32_t granule;
	bool attached;
	uint32_t trap_kinds;
	struct ca__memfd *memfd;
	struct ca__guard_file *guard_file;
};

static inline uint64_t ca__align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uint64_t ca__align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* arena.c */
int ca__arena_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      bool *decommitted);

/* options.c */
int ca__struct_check(const void *from, size_t size, size_t first, size_t known);
int ca__opts_get(struct codearena_arena_opts *to,
		 const struct codearena_arena_opts *from);
int ca__name_get(uint8_t name[CODEARENA_NAME_LEN], const char *from);

/* owner.c */
uint64_t ca__owner_current(void);

/* probe.c */
int ca__backend_select(enum codearena_backend id, const char *device,
		       const struct ca__backend **backend);

/* trap_guard.c */
void ca__guards_leave(struct codearena_arena *arena);

/* sync.c */
int ca__sync_prepare(void);
void ca__sync_threads(void);

#endif /* CA__INTERNAL_H */
