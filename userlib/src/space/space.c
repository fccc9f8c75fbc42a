// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One code space: an arena, and which of it is allocated and committed.
 */
#include <errno.h>
#include <stdlib.h>

#include "space/space.h"

/* A space may commit 1/8 of its committed bytes ahead. */
#define CA__AHEAD_PART	8

/**
 * struct ca__live_walk - iteration over the pages of a region
 * @page: index of the page
 * @mask: granules of the page that the region touches
 * @offset: beginning of the rest of the region
 * @end: end of the region
 */
struct ca__live_walk {
	uint64_t page;
	uint64_t mask;
	uint64_t offset;
	uint64_t end;
};

static uint64_t ca__space_page(const struct ca__space *space)
{
	return codearena_arena_page_size(space->arena);
}

static struct ca__live_walk
ca__live_walk_first(const struct ca__space *space,
		    struct codearena_region region)
{
	uint64_t offset = region.begin - space->region.begin;

	return (struct ca__live_walk){ .offset = offset,
				       .end = offset + region.size };
}

static bool ca__live_walk_next(const struct ca__space *space,
			       struct ca__live_walk *walk)
{
	uint64_t page = ca__space_page(space), granule = page / 64, next, last;

	if (walk->offset >= walk->end)
		return false;
	walk->page = walk->offset / page;
	next = (walk->page + 1) * page;
	last = (walk->end < next ? walk->end : next) - 1;
	walk->mask = (~0ULL << walk->offset / granule % 64) &
		     (~0ULL >> (63 - last / granule % 64));
	walk->offset = next;
	return true;
}

/**
 * ca__space_mark - mark a region as allocated or free
 * @space: the space
 * @region: part of it, in whole units
 * @live: it is allocated
 */
void ca__space_mark(struct ca__space *space, struct codearena_region region,
		    bool live)
{
	struct ca__live_walk walk = ca__live_walk_first(space, region);

	while (ca__live_walk_next(space, &walk)) {
		if (live)
			space->live[walk.page] |= walk.mask;
		else
			space->live[walk.page] &= ~walk.mask;
	}
}

/**
 * ca__space_is_live - is all of a region allocated?
 * @space: the space
 * @region: part of it, in whole units
 *
 * Return: the answer.
 */
bool ca__space_is_live(const struct ca__space *space,
		       struct codearena_region region)
{
	struct ca__live_walk walk = ca__live_walk_first(space, region);

	while (ca__live_walk_next(space, &walk)) {
		if (~space->live[walk.page] & walk.mask)
			return false;
	}
	return true;
}

static bool ca__is_backed(const struct ca__space *space, uint64_t page)
{
	return space->backed[page / 64] >> page % 64 & 1;
}

static void ca__set_backed(struct ca__space *space, uint64_t page, uint64_t end)
{
	for (; page < end; page++)
		space->backed[page / 64] ^= 1ULL << page % 64;
}

/**
 * struct ca__run - iteration over runs of neighbouring pages
 * @first: index of the first page
 * @end: index after the last page
 * @limit: index after the last page of the iteration
 */
struct ca__run {
	uint64_t first;
	uint64_t end;
	uint64_t limit;
};

static struct ca__run ca__run_first(const struct ca__space *space,
				    struct codearena_region region)
{
	uint64_t offset = region.begin - space->region.begin;
	uint64_t page = ca__space_page(space);

	return (struct ca__run){
		.end = offset / page,
		.limit = (offset + region.size + page - 1) / page,
	};
}

/* Go to the next run of pages that are not committed. */
static bool ca__run_bare(const struct ca__space *space, struct ca__run *run)
{
	run->first = run->end;
	while (run->first < run->limit && ca__is_backed(space, run->first))
		run->first++;
	run->end = run->first;
	while (run->end < run->limit && !ca__is_backed(space, run->end))
		run->end++;
	return run->first < run->end;
}

/* Go to the next run of committed pages in which nothing is allocated. */
static bool ca__run_unused(const struct ca__space *space, struct ca__run *run)
{
	run->first = run->end;
	while (run->first < run->limit &&
	       (space->live[run->first] || !ca__is_backed(space, run->first)))
		run->first++;
	run->end = run->first;
	while (run->end < run->limit && !space->live[run->end] &&
	       ca__is_backed(space, run->end))
		run->end++;
	return run->first < run->end;
}

static int ca__commit_run(struct codearena_manager *manager,
			  struct ca__space *space, const struct ca__run *run)
{
	uint64_t page = ca__space_page(space);
	uint64_t length = (run->end - run->first) * page;
	int ret = ca__manager_charge(manager, length);

	if (ret)
		return ret;
	ret = codearena_arena_commit(space->arena, run->first * page, length);
	if (ret) {
		ca__manager_uncharge(manager, length);
		/* The limit of the arena counts as memory here. */
		return ret == -ENOSPC ? -ENOMEM : ret;
	}
	ca__set_backed(space, run->first, run->end);
	space->committed += length;
	return 0;
}

/* Commit a run, and more pages after it unless some wait for use already. */
static int ca__commit_ahead(struct codearena_manager *manager,
			    struct ca__space *space, const struct ca__run *run,
			    uint64_t ahead)
{
	uint64_t page = ca__space_page(space);
	uint64_t most = space->committed / CA__AHEAD_PART;
	uint64_t limit = space->region.size / page;
	struct ca__run more = *run;
	int ret;

	if (space->ahead != space->ahead_end)
		ahead = 0;
	if (ahead > most)
		ahead = most;
	if (ahead / page < limit - run->end)
		limit = run->end + ahead / page;
	while (more.end < limit && !ca__is_backed(space, more.end))
		more.end++;
	if (more.end > run->end) {
		ret = ca__commit_run(manager, space, &more);
		if (!ret) {
			space->ahead = run->end;
			space->ahead_end = more.end;
			return 0;
		}
	}
	return ca__commit_run(manager, space, run);
}

static struct codearena_region ca__pages_region(const struct ca__space *space,
						uint64_t first, uint64_t end)
{
	uint64_t page = ca__space_page(space);

	return (struct codearena_region){
		.begin = space->region.begin + first * page,
		.size = (end - first) * page,
	};
}

static void ca__decommit(struct codearena_manager *manager,
			 struct ca__space *space,
			 struct codearena_region region)
{
	struct ca__run run = ca__run_first(space, region);
	uint64_t page = ca__space_page(space), length;

	while (ca__run_unused(space, &run)) {
		length = (run.end - run.first) * page;
		if (codearena_arena_decommit(space->arena, run.first * page,
					     length))
			continue;
		ca__set_backed(space, run.first, run.end);
		space->committed -= length;
		ca__manager_uncharge(manager, length);
	}
}

/* Decommit the pages committed ahead; false: there are none. */
static bool ca__ahead_drop(struct codearena_manager *manager,
			   struct ca__space *space)
{
	uint64_t first = space->ahead, end = space->ahead_end;

	space->ahead = 0;
	space->ahead_end = 0;
	if (first == end)
		return false;
	ca__decommit(manager, space, ca__pages_region(space, first, end));
	return true;
}

/* A region is used: pages committed ahead before it are not kept. */
static void ca__ahead_use(struct codearena_manager *manager,
			  struct ca__space *space, const struct ca__run *all)
{
	uint64_t first = space->ahead, end = space->ahead_end;

	if (all->limit <= first || all->end >= end)
		return;
	space->ahead = all->limit < end ? all->limit : end;
	if (first < all->end)
		ca__space_decommit(manager, space,
				   ca__pages_region(space, first, all->end));
}

/**
 * ca__space_commit - commit all pages of a region that are not committed
 * @manager: manager
 * @space: the space
 * @region: part of it
 * @ahead: bytes that may be committed beyond it
 *
 * On failure pages in which nothing is allocated are decommitted.
 *
 * Return: 0 or a negative errno.
 */
int ca__space_commit(struct codearena_manager *manager,
		     struct ca__space *space, struct codearena_region region,
		     uint64_t ahead)
{
	struct ca__run run = ca__run_first(space, region);
	int ret;

	ca__ahead_use(manager, space, &run);
	while (ca__run_bare(space, &run)) {
		if (run.end == run.limit)
			ret = ca__commit_ahead(manager, space, &run, ahead);
		else
			ret = ca__commit_run(manager, space, &run);
		/* Pages committed ahead are not needed yet. */
		if (ret == -ENOMEM && ca__ahead_drop(manager, space))
			ret = ca__commit_run(manager, space, &run);
		if (ret) {
			ca__space_decommit(manager, space, region);
			return ret;
		}
	}
	return 0;
}

/**
 * ca__space_decommit - decommit unused pages
 * @manager: manager
 * @space: the space
 * @region: part of it; the pages that it touches are decommitted if nothing in
 *          them is allocated
 *
 * Decommits the pages committed ahead too, if they are too many for the rest.
 * Pages that the backend refuses to decommit stay committed and are used again.
 */
void ca__space_decommit(struct codearena_manager *manager,
			struct ca__space *space, struct codearena_region region)
{
	uint64_t bytes = (space->ahead_end - space->ahead) *
			 ca__space_page(space);

	ca__decommit(manager, space, region);
	if (bytes > (space->committed - bytes) / CA__AHEAD_PART)
		ca__ahead_drop(manager, space);
}

/**
 * ca__space_decommitted - account for pages that the arena has decommitted
 * @manager: manager
 * @space: the space
 * @region: part of it that was allocated; its whole pages were decommitted
 */
void ca__space_decommitted(struct codearena_manager *manager,
			   struct ca__space *space,
			   struct codearena_region region)
{
	uint64_t offset = region.begin - space->region.begin;
	uint64_t page = ca__space_page(space);
	uint64_t first = (offset + page - 1) / page;
	uint64_t end = (offset + region.size) / page;

	if (first >= end)
		return;
	ca__set_backed(space, first, end);
	space->committed -= (end - first) * page;
	ca__manager_uncharge(manager, (end - first) * page);
}

static int ca__space_setup(struct codearena_manager *manager,
			   struct ca__space *space, uint64_t length,
			   const char *name,
			   const struct codearena_region *near)
{
	uint64_t pages = length / manager->info.page_size;
	int ret;

	space->live = calloc(pages, sizeof(*space->live));
	space->backed = calloc(pages / 64 + 1, sizeof(*space->backed));
	if (!space->live || !space->backed)
		return -ENOMEM;
	ret = ca__manager_arena(manager, length, name, near, &space->arena);
	if (ret)
		return ret;
	space->region.begin = (uintptr_t)codearena_arena_base(space->arena);
	space->region.size = length;
	ret = ca__pool_new(space->region, &space->pool);
	if (ret)
		return ret;
	return ca__pool_merge(space->pool, space->region, NULL);
}

/**
 * ca__space_close - free the resources of a code space
 * @manager: manager
 * @space: the space; only its region may be read afterwards
 */
void ca__space_close(struct codearena_manager *manager, struct ca__space *space)
{
	if (space->arena)
		ca__manager_arena_free(manager, space->arena);
	ca__manager_uncharge(manager, space->committed);
	ca__pool_free(space->pool);
	free(space->backed);
	free(space->live);
}

/**
 * ca__space_new - make a code space
 * @manager: manager
 * @length: bytes, a multiple of the page size
 * @name: of the arena
 * @near: NULL, or addresses that all of the space should reach
 * @out: gets the space, all of it free
 *
 * Return: 0 or a negative errno.
 */
int ca__space_new(struct codearena_manager *manager, uint64_t length,
		  const char *name, const struct codearena_region *near,
		  struct ca__space **out)
{
	struct ca__space *space = calloc(1, sizeof(*space));
	int ret;

	if (!space)
		return -ENOMEM;
	ret = ca__space_setup(manager, space, length, name, near);
	if (ret) {
		ca__space_close(manager, space);
		free(space);
	} else {
		*out = space;
	}
	return ret;
}
