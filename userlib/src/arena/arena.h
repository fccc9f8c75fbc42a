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

/* Sizes of structures in the first release, for ca__struct_check(). */
#define CA__SIZE_ARENA_OPTS	56
#define CA__SIZE_INFO		56
#define CA__SIZE_STAT		128

_Static_assert(sizeof(struct codearena_arena_opts) >= CA__SIZE_ARENA_OPTS,
	       "codearena_arena_opts has shrunk");
_Static_assert(sizeof(struct codearena_info) >= CA__SIZE_INFO,
	       "codearena_info has shrunk");
_Static_assert(sizeof(struct codearena_stat) >= CA__SIZE_STAT,
	       "codearena_stat has shrunk");

/**
 * struct ca__file - a descriptor that several objects use
 * @fd: the descriptor, closed with the last reference
 * @refs: references
 */
struct ca__file {
	int fd;
	unsigned int refs;
};

/**
 * struct codearena_arena - the public object
 * @backend: operations of the backend that implements it
 * @base: the code view
 * @length: bytes of the code view
 * @file: the handle that codearena_arena_fd() returns; guards use it too
 * @page_size: unit of commit
 * @granule: unit of sealing
 * @attached: made by codearena_arena_attach(): changes are refused
 * @reason: 0, or why AUTO did not take the device
 * @trap_kinds: CODEARENA_TRAP_* kinds that continue at landing pads
 * @landing: external landing pad of the process that was set last, or 0
 * @unreadable: the code view cannot be read
 * @shadow: copy of its patchable words then, see shadow.c; NULL if there is none
 * @memfd: state of the fallback backend, NULL on the device
 *
 * Immutable once the constructor has returned, so that it is read without a
 * lock, in children of fork() too; but for @landing, and for what
 * codearena_arena_clone() changes when no other thread uses the arena.
 */
struct codearena_arena {
	const struct ca__backend *backend;
	void *base;
	uint64_t length;
	struct ca__file *file;
	uint32_t page_size;
	uint32_t granule;
	bool attached;
	int reason;
	uint32_t trap_kinds;
	uint64_t landing;
	bool unreadable;
	uint8_t *shadow;
	struct ca__memfd *memfd;
};

/* arena.c */
int ca__file_new(int fd, struct ca__file **file);
struct ca__file *ca__file_get(struct ca__file *file);
void ca__file_put(struct ca__file *file);
uint32_t ca__count_to_uapi(size_t count);
int ca__arena_command(struct codearena_arena *arena, unsigned long number,
		      void *command);
int ca__arena_array_command(struct codearena_arena *arena, unsigned long number,
			    void *command, const uint32_t *out_failed,
			    size_t *failed);
int ca__arena_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      bool *decommitted);

/* options.c */
int ca__opts_get(struct codearena_arena_opts *to,
		 const struct codearena_arena_opts *from);
int ca__name_get(uint8_t name[CODEARENA_NAME_LEN], const char *from);

/* shadow.c */
int ca__shadow_new(struct codearena_arena *arena, uint32_t flags);
void ca__shadow_free(struct codearena_arena *arena);
void ca__shadow_publish(struct codearena_arena *arena,
			const struct codearena_object *objects, size_t count);
void ca__shadow_patch(struct codearena_arena *arena,
		      const struct codearena_patch_entry *patches,
		      size_t count);
void ca__shadow_discard(struct codearena_arena *arena,
			const struct codearena_range *ranges, size_t count);

/**
 * ca__arena_readable - where the words of patchable code can be read
 * @arena: arena, with a code view that can be read or a shadow
 * @address: in the code view
 *
 * Return: the place.
 */
static inline const void *
ca__arena_readable(const struct codearena_arena *arena, uint64_t address)
{
	return arena->shadow ?
	       arena->shadow + (address - (uintptr_t)arena->base) :
	       (const void *)(uintptr_t)address;
}

/* probe.c */
int ca__backend_select(enum codearena_backend id, const char *device,
		       const struct ca__backend **backend, int *reason);

/* sync.c */
int ca__sync_prepare(void);
void ca__sync_threads(void);

#endif /* CA__ARENA_H */
