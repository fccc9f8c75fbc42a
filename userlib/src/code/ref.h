/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * References to code objects, and the owners that free them.
 */
#ifndef CA__REF_H
#define CA__REF_H

#include "base/base.h"
#include "code/code.h"
#include "codearena/module.h"

struct ca__owner;

/**
 * struct ca__owner_ops - callbacks of an owner
 * @free_codes: frees @count objects without references: removes them from the
 *              index, frees their space, destroys them. Called without locks.
 *              Must not call ca__owner_end().
 */
struct ca__owner_ops {
	void (*free_codes)(struct ca__owner *owner,
			   struct codearena_code **codes, size_t count);
};

/**
 * struct ca__owner - what frees code objects: a module
 * @ops: callbacks; immutable
 * @collector: NULL, or decides when code may be freed; immutable
 * @process: number of the address space that made it; immutable
 * @dying: chain of dead code that @free_codes has not got yet
 * @dying_count: entries of @dying
 * @next: in the collector's chain of owners with dying code
 * @freeing: running calls of @free_codes
 *
 * The collector's lock protects the rest. Without a collector @dying and
 * @dying_count are atomic, and the others are not used.
 */
struct ca__owner {
	const struct ca__owner_ops *ops;
	struct codearena_collector *collector;
	uint64_t process;
	struct codearena_code *dying;
	size_t dying_count;
	struct ca__owner *next;
	size_t freeing;
};

/* Is it code of an ancestor of the calling address space? */
static inline bool ca__code_inherited(const struct codearena_code *code)
{
	const struct ca__owner *owner = code->owner;

	return owner && ca__inherited(owner->process);
}

/* collect_set.c */
bool ca__collector_revive(struct codearena_collector *collector,
			  struct codearena_code *code);

/* ref.c */
void ca__owner_begin(struct ca__owner *owner, const struct ca__owner_ops *ops,
		    struct codearena_collector *collector);
void ca__owner_end(struct ca__owner *owner);
size_t ca__owner_free_chain(struct ca__owner *owner,
			    struct codearena_code *chain, size_t count);
size_t ca__owner_reap(struct ca__owner *owner);
size_t ca__owner_dead(const struct ca__owner *owner);
void ca__owner_kick(struct ca__owner *owner);
int ca__code_put(struct codearena_code *code);
void ca__codes_put(struct ca__owner *owner,
		   struct codearena_code *const *codes, size_t count);

/* ref_scope.c */
int ca__scope_reserve(size_t count);
void ca__scope_add(struct codearena_code *code);
size_t ca__scope_count(const struct codearena_scope *scope);

#endif /* CA__REF_H */
