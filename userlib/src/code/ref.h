/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What an owner of code objects implements, and how it drops references.
 */
#ifndef CA__REF_H
#define CA__REF_H

#include "code/code.h"
#include "codearena/module.h"

struct ca__owner;

/**
 * struct ca__owner_ops - what an owner does for its code
 * @free_codes: free @count objects that have no reference left: take them out
 *              of the lookup, give their space back, destroy them. Called with
 *              no lock held. Must not call ca__owner_fini().
 */
struct ca__owner_ops {
	void (*free_codes)(struct ca__owner *owner,
			   struct codearena_code **codes, size_t count);
};

/**
 * struct ca__owner - who code objects belong to: a module, or a cache of
 *                    wrappers that modules share
 * @ops: its functions
 * @collector: NULL, or who finds out when its code may be freed
 * @dying: chain of dead code that was not given to @free_codes yet
 * @dying_count: entries of @dying
 * @next: in the collector's chain of owners with dying code
 * @freeing: calls of @free_codes that are running
 *
 * The first two never change. With a collector all else is protected by its
 * lock; without, @dying and @dying_count are atomic and the rest is not used.
 */
struct ca__owner {
	const struct ca__owner_ops *ops;
	struct codearena_collector *collector;
	struct codearena_code *dying;
	size_t dying_count;
	struct ca__owner *next;
	size_t freeing;
};

/* collect_set.c */
bool ca__collector_revive(struct codearena_collector *collector,
			  struct codearena_code *code);

/* ref.c */
void ca__owner_init(struct ca__owner *owner, const struct ca__owner_ops *ops,
		    struct codearena_collector *collector);
void ca__owner_fini(struct ca__owner *owner);
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
