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
