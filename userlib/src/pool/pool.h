/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the files of the region pool share.
 */
#ifndef CA__POOL_H
#define CA__POOL_H

#include "codearena/module.h"
#include "base/base.h"
#include "pool/pool_tree.h"

/**
 * struct codearena_pool - the public object
 * @tree: the regions
 * @total: sum of their sizes
 */
struct codearena_pool {
	struct ca__tree tree;
	uint64_t total;
};

static inline struct codearena_region ca__pool_at(const struct ca__tree *tree,
						  const struct ca__path *path)
{
	const struct ca__node *leaf = path->node[tree->height];
	uint32_t at = path->index[tree->height];

	return (struct codearena_region){ leaf->key[at], leaf->max[at] };
}

/* pool.c */
int ca__pool_carve(struct codearena_pool *pool, struct ca__path *path,
		   struct codearena_region part);

#endif /* CA__POOL_H */
