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
 * @probe: describe it if it is usable; see codearena_probe(). @device is NULL
 *         for the usual path
 * @create: make an arena: fill in all members but @backend; undone on failure
 * @attach: NULL, or the same for an arena that another process made
 * @destroy: undo @create or @attach; cannot fail
 * @command: carry out a command of the device, by the number of its ioctl
 * @release: NULL, or CODEARENA_DISCARD and a decommit of the whole pages in
 *           each range at once
 * @share: NULL, or make a descriptor for @attach
 * @clone: NULL, or see codearena_arena_clone()
 *
 * Commands have size set, flags checked by the backend, reserved members 0, and
 * out_failed, where they have it, CODEARENA_NO_INDEX. On failure a backend sets
 * out_failed if a single entry is to blame.
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
	int (*command)(struct codearena_arena *arena, unsigned long number,
		       void *command);
	int (*release)(struct codearena_arena *arena,
		       struct codearena_discard *discard);
	int (*share)(struct codearena_arena *arena, int *fd);
	int (*clone)(struct codearena_arena *arena);
};

extern const struct ca__backend ca__device_backend;
extern const struct ca__backend ca__memfd_backend;

#endif /* CA__BACKEND_H */
