/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena object, and what its files share.
 */
#ifndef CA__ARENA_H
#define CA__ARENA_H

#include "base/base.h"
#include "codearena.h"

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

/* arena.c */
int ca__arena_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      bool *decommitted);

/* options.c */
int ca__opts_get(struct codearena_arena_opts *to,
		 const struct codearena_arena_opts *from);
int ca__name_get(uint8_t name[CODEARENA_NAME_LEN], const char *from);

/* probe.c */
int ca__backend_select(enum codearena_backend id, const char *device,
		       const struct ca__backend **backend);

/* trap_guard.c */
void ca__guards_leave(struct codearena_arena *arena);

/* sync.c */
int ca__sync_prepare(void);
void ca__sync_threads(void);

#endif /* CA__ARENA_H */
