/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A PUBLISH in progress: publish.c, and replace.c for code that runs.
 */
#ifndef CODEARENA_PUBLISH_H
#define CODEARENA_PUBLISH_H

#include "batch.h"

/**
 * struct codearena_publication - a PUBLISH in progress
 * @arena: the arena
 * @cmd: the command
 * @objects: kernel copy of its objects
 * @patches: kernel copy of its patches
 * @traps: number of traps of all objects
 * @tables: trap table or NULL for each object; NULL before they are built
 * @batch: the objects as bytes to copy
 */
struct codearena_publication {
	struct codearena_arena *arena;
	struct codearena_publish *cmd;
	struct codearena_object *objects;
	struct codearena_patch_entry *patches;
	u32 traps;
	struct codearena_table **tables;
	struct codearena_batch batch;
};

static inline bool codearena_object_replaces(const struct codearena_object *object)
{
	return object->flags & CODEARENA_OBJECT_F_REPLACE;
}

/**
 * codearena_object_seal_locked - seal an object whose bytes are in place
 * @arena: the arena, locked
 * @object: the object, in one page
 * @state: the page
 * @mask: its granules in the page
 */
static inline void
codearena_object_seal_locked(struct codearena_arena *arena,
			     const struct codearena_object *object,
			     struct codearena_page *state, u64 mask)
{
	lockdep_assert_held(&arena->lock);
	codearena_object_finish(state->data + offset_in_page(object->offset),
				object->length);
	codearena_arch_publish();
	codearena_seal_state_locked(arena, state, mask,
				    object->flags &
				    CODEARENA_OBJECT_F_PATCHABLE);
	arena->counters.written += object->length;
	arena->counters.published++;
}

/* publish.c */
void codearena_publish_mark_locked(struct codearena_publication *pub,
				   bool settling);

/* replace.c */
int codearena_replace_stage_locked(struct codearena_publication *pub);
void codearena_replace_begin_locked(struct codearena_publication *pub);
void codearena_replace_end_locked(struct codearena_publication *pub);
bool codearena_replace_fast(struct codearena_arena *arena,
			    const struct codearena_publish *cmd,
			    const struct codearena_object *object);

#endif /* CODEARENA_PUBLISH_H */
