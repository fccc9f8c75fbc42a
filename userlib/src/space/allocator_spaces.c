// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The code spaces of an allocator: their table, and adding one.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "space/reservation.h"
#include "space/space.h"

/**
 * ca__spaces_get - read the current table
 * @allocator: allocator
 *
 * Return: the table, valid as long as the allocator.
 */
struct ca__spaces *ca__spaces_get(const struct codearena_allocator *allocator)
{
	return atomic_load_explicit(&allocator->spaces, memory_order_acquire);
}

/**
 * ca__spaces_find - find the space of an address
 * @spaces: table
 * @address: address
 *
 * Return: the space; NULL if there is none.
 */
struct ca__space *ca__spaces_find(const struct ca__spaces *spaces,
				  uint64_t address)
{
	size_t low = 0, high = spaces->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spaces->space[middle]->region.begin <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !ca__region_contains(spaces->space[low - 1]->region,
					       address))
		return NULL;
	return spaces->space[low - 1];
}

/* Make a table with one more space. */
static struct ca__spaces *ca__spaces_with(struct ca__spaces *old,
					  struct ca__space *space)
{
	struct ca__spaces *table;
	size_t i;

	table = malloc(sizeof(*table) +
		       (old->count + 1) * sizeof(*table->space));
	if (!table)
		return NULL;
	table->count = 0;
	table->next = old;
	for (i = 0; i < old->count &&
	     old->space[i]->region.begin < space->region.begin; i++)
		table->space[table->count++] = old->space[i];
	table->space[table->count++] = space;
	for (; i < old->count; i++)
		table->space[table->count++] = old->space[i];
	return table;
}

/* Find the addresses that a new space should reach; false: there are none. */
static bool ca__spaces_hull(const struct ca__spaces *spaces, uint64_t length,
			    struct codearena_region *hull)
{
	const struct codearena_region *last;
	size_t i;

	if (!spaces->count)
		return false;
	last = &spaces->space[spaces->count - 1]->region;
	hull->begin = spaces->space[0]->region.begin;
	hull->size = last->begin + last->size - hull->begin;
	if (hull->size + length <= CA__BRANCH_REACH)
		return true;
	/* Not all of them are in reach: take the one with the builtins. */
	for (i = 0; i < spaces->count; i++) {
		if (!spaces->space[i]->index)
			*hull = spaces->space[i]->region;
	}
	return true;
}

/* Choose the length of the next space; @size is 0 for the first one. */
static int ca__spaces_length(const struct codearena_allocator *allocator,
			     uint64_t size, uint64_t *length)
{
	const struct codearena_manager *manager = allocator->manager;
	const struct ca__reservation r = {
		.estimate = size ? size : allocator->opts.estimate,
		.total = allocator->stat.reserved,
		.limit = manager->opts.max_code_space,
		.overhead = allocator->overhead,
		.align = manager->unit,
		.growth = manager->opts.growth,
	};
	int ret = ca__reservation_size(&r, length);

	if (ret)
		return ret;
	if (!size && manager->opts.initial_cap &&
	    *length > manager->opts.initial_cap)
		*length = manager->opts.initial_cap;
	/* Jump tables and the code must both fit. */
	if (size && (*length < size || *length - size < allocator->overhead))
		return -ENOSPC;
	*length = ca__align_up(*length, manager->info.page_size);
	return 0;
}

/* Remove the newest space, whose callback failed; nobody else uses it. */
static void ca__spaces_drop(struct codearena_allocator *allocator,
			    struct ca__space *space)
{
	struct ca__spaces *table = ca__spaces_get(allocator);
	struct ca__spaces *old = table->next;
	uint64_t waiting = ca__queue_purge(&allocator->queue, space);
	uint64_t live = space->region.size - waiting -
			ca__pool_total(space->pool);

	table->next = old->next;
	old->next = table;
	atomic_store_explicit(&allocator->spaces, old, memory_order_release);
	allocator->stat.reserved -= space->region.size;
	allocator->stat.spaces--;
	allocator->stat.waiting -= waiting;
	allocator->stat.live -= live;
	allocator->stat.released += live;
	allocator->pieces -= space->pieces;
	ca__space_close(allocator->manager, space);
	/* Readers of the old table may still compare its addresses. */
	space->next_dead = allocator->dead;
	allocator->dead = space;
}

/**
 * ca__spaces_grow - add a space
 * @allocator: allocator, locked
 * @size: bytes of code that must fit; 0: the first space
 *
 * Return: 0 or a negative errno.
 */
int ca__spaces_grow(struct codearena_allocator *allocator, uint64_t size)
{
	struct ca__spaces *table, *old = ca__spaces_get(allocator);
	const struct codearena_allocator_opts *opts = &allocator->opts;
	struct codearena_region hull;
	struct ca__space *space;
	uint64_t length;
	int ret;

	if (allocator->growing)
		return -EBUSY;
	ret = ca__spaces_length(allocator, size, &length);
	if (ret)
		return ret;
	ret = ca__space_new(allocator->manager, length,
			    (const char *)allocator->name,
			    ca__spaces_hull(old, length, &hull) ? &hull : NULL,
			    &space);
	if (ret)
		return ret;
	table = ca__spaces_with(old, space);
	if (!table) {
		ca__space_close(allocator->manager, space);
		free(space);
		return -ENOMEM;
	}
	space->index = old->count;
	atomic_store_explicit(&allocator->spaces, table, memory_order_release);
	allocator->stat.reserved += length;
	allocator->stat.spaces++;
	if (!opts->space_added)
		return 0;
	allocator->growing = true;
	ret = opts->space_added(opts->data, allocator, space->index);
	allocator->growing = false;
	if (ret)
		ca__spaces_drop(allocator, space);
	return ret;
}

/**
 * ca__spaces_leave - free the views of an inherited allocator
 * @allocator: allocator, of an ancestor of this process
 *
 * Everything else stays: other threads may have been changing it at the moment
 * of fork().
 */
void ca__spaces_leave(struct codearena_allocator *allocator)
{
	struct ca__spaces *none = calloc(1, sizeof(*none));
	struct ca__spaces *table = ca__spaces_get(allocator);
	size_t i;

	/* Without memory the views stay, too: nothing may be freed twice. */
	if (!none)
		return;
	atomic_store_explicit(&allocator->spaces, none, memory_order_release);
	for (i = 0; i < table->count; i++)
		codearena_arena_free(table->space[i]->arena);
}

/**
 * ca__spaces_destroy - free all spaces and tables
 * @allocator: allocator
 */
void ca__spaces_destroy(struct codearena_allocator *allocator)
{
	struct ca__spaces *table = ca__spaces_get(allocator), *next;
	struct ca__space *dead;
	size_t i;

	for (i = 0; i < table->count; i++) {
		ca__space_close(allocator->manager, table->space[i]);
		free(table->space[i]);
	}
	for (; table; table = next) {
		next = table->next;
		free(table);
	}
	while ((dead = allocator->dead)) {
		allocator->dead = dead->next_dead;
		free(dead);
	}
}
