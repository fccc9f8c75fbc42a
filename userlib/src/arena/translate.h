/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Programs that run under valgrind.
 */
#ifndef CA__TRANSLATE_H
#define CA__TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "codearena.h"

/* translate.c */
bool ca__translated(void);
void ca__translations_ranges(const struct codearena_arena *arena,
			     const struct codearena_range *ranges,
			     size_t count);
void ca__translations_objects(const struct codearena_arena *arena,
			      const struct codearena_object *objects,
			      size_t count);
void ca__translations_patches(const struct codearena_arena *arena,
			      const struct codearena_patch_entry *patches,
			      size_t count);

#endif /* CA__TRANSLATE_H */
