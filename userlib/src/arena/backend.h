/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What a backend implements.
 */
#ifndef CA__BACKEND_H
#define CA__BACKEND_H

#include "arena/arena.h"

/**
 * struct ca__backend - operations of one backend
 * @id: its public number
 * @guard_views: its descriptors can be mapped as guard views
 * @probe: what can it do here; see codearena_probe(). @device is NULL for the
 *         usual path
 * @create: make an arena: fill in all members but backend; undone on failure
 * @attach: the same for an arena that another process made
 * @destroy: undo @create or @attach; cannot fail
 *
 * @release: NULL, or @discard and decommit at once: what is whole pages in a
 *           range has no memory afterwards
 *
 * The other operations are those of codearena.h. They are called with an arena
 * that is not NULL, and with results that are not NULL; *failed is SIZE_MAX and
 * is only to be set when an entry is to blame.
 */
struct ca__backend {
	enum codearena_backend id;
	bool guard_views;
	int (*probe)(const char *device, struct codearena_info *info);
	int (*create)(struct codearena_arena *arena, uint64_t length,
		      const struct codearena_arena_opts *opts);
	int (*attach)(struct codearena_arena *arena, int fd,
		      const struct codearena_arena_opts *opts);
	void (*destroy)(struct codearena_arena *arena);
	int (*commit)(struct codearena_arena *arena, uint64_t offset,
		      uint64_t length);
	int (*decommit)(struct codearena_arena *arena, uint64_t offset,
			uint64_t length);
	int (*write)(struct codearena_arena *arena,
		     const struct codearena_chunk *chunks, size_t count,
		     size_t *failed);
	int (*seal)(struct codearena_arena *arena, uint64_t offset,
		    uint64_t length, uint32_t flags);
	int (*publish)(struct codearena_arena *arena,
		       struct codearena_object *objects,
		       size_t object_count,
		       const struct codearena_patch_entry *patches,
		       size_t patch_count, uint32_t flags, size_t *failed);
	int (*patch)(struct codearena_arena *arena,
		     const struct codearena_patch_entry *patches, size_t count,
		     uint32_t flags, size_t *failed);
	int (*discard)(struct codearena_arena *arena,
		       const struct codearena_range *ranges, size_t count,
		       size_t *failed);
	int (*release)(struct codearena_arena *arena,
		       const struct codearena_range *ranges, size_t count,
		       size_t *failed);
	int (*share)(struct codearena_arena *arena, int *fd);
	int (*stat)(struct codearena_arena *arena, struct codearena_stat *stat);
	int (*trap_register)(struct codearena_arena *arena, uint64_t offset,
			     uint64_t length,
			     const struct codearena_trap *traps, size_t count,
			     uint32_t flags, uint64_t *id, size_t *failed);
	int (*trap_release)(struct codearena_arena *arena, uint64_t id);
	int (*trap_landing)(struct codearena_arena *arena, uint64_t address);
};

extern const struct ca__backend ca__device_backend;
extern const struct ca__backend ca__memfd_backend;

#endif /* CA__BACKEND_H */
