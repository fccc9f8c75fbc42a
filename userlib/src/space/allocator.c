// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocators: space for the code of one module.
 */
#include <errno.h>
#include <stdlib.h>

#include "space/reservation.h"
#include "space/space.h"

/* As V8, which collects garbage in between. */
#define CA__TRIES	3

_Static_assert(sizeof(struct codearena_allocator_opts) >=
	       CA__SIZE_ALLOCATOR_OPTS, "structures only grow");

static int ca__allocator_opts(struct codearena_allocator *allocator,
			      const struct codearena_allocator_opts *opts)
{
	struct codearena_allocator_opts *to = &allocator->opts;
	int ret;

	ret = ca__struct_get(to, opts, CA__SIZE_ALLOCATOR_OPTS, sizeof(*to));
	if (!ret)
		ret = ca__name_get(allocator->name, to->name);
	if (ret)
		return ret;
	return ca__reservation_overhead(allocator->manager->info.machine,
					to->jump_flags, to->functions,
					to->builtins, &allocator->overhead);
}

static int ca__allocator_setup(struct codearena_allocator *allocator,
			       const struct codearena_allocator_opts *opts)
{
	pthread_mutexattr_t attr;
	struct ca__spaces *none;
	int ret = ca__allocator_opts(allocator, opts);

	if (ret)
		return ret;
	none = calloc(1, sizeof(*none));
	if (!none)
		return -ENOMEM;
	atomic_init(&allocator->spaces, none);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&allocator->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return 0;
}

static int ca__allocator_begin(struct codearena_allocator *allocator)
{
	const struct codearena_allocator_opts *opts = &allocator->opts;
	unsigned int try;
	int ret;

	if (!opts->estimate && !opts->functions && !opts->builtins)
		return 0;
	for (try = 1;; try++) {
		ca__allocator_lock(allocator);
		ret = ca__spaces_grow(allocator, 0);
		ca__allocator_unlock(allocator);
		if ((ret != -ENOMEM && ret != -ENOSPC) || try == CA__TRIES ||
		    !ca__manager_press(allocator->manager))
			return ret;
	}
}

CODEARENA_API int
codearena_allocator_new(struct codearena_manager *manager,
			const struct codearena_allocator_opts *opts,
			struct codearena_allocator **out)
{
	struct codearena_allocator *allocator;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!manager)
		return -EINVAL;
	if (ca__inherited(manager->process))
		return -EPERM;
	ca__manager_check(manager);
	allocator = calloc(1, sizeof(*allocator));
	if (!allocator)
		return -ENOMEM;
	allocator->manager = manager;
	allocator->process = ca__owner_current();
	ret = ca__allocator_setup(allocator, opts);
	if (ret) {
		free(allocator);
		return ret;
	}
	ca__manager_join(manager);
	*out = allocator;
	ret = ca__allocator_begin(allocator);
	if (ret) {
		*out = NULL;
		codearena_allocator_free(allocator);
	}
	return ret;
}

CODEARENA_API void
codearena_allocator_free(struct codearena_allocator *allocator)
{
	if (!allocator)
		return;
	if (ca__inherited(allocator->process)) {
		ca__spaces_leave(allocator);
		return;
	}
	ca__spaces_destroy(allocator);
	pthread_mutex_destroy(&allocator->lock);
	ca__manager_leave(allocator->manager);
	free(allocator->queue.entry);
	free(allocator);
}

/*
 * Allocate the memory that releasing needs, so that a release cannot fail for
 * want of it; and for one more region, which a failed commit puts back.
 */
static int ca__release_prepare(struct codearena_allocator *allocator,
			       struct ca__space *space)
{
	int ret = ca__queue_reserve(&allocator->queue, allocator->pieces + 1);

	if (!ret)
		ret = ca__pool_reserve(space->pool, space->waiting +
				       space->pieces + 2);
	return ret;
}

static int ca__space_take(struct codearena_allocator *allocator,
			  struct ca__space *space, uint64_t size,
			  const struct codearena_region *window,
			  struct codearena_region *out)
{
	int ret;

	if (ca__pool_largest(space->pool) < size)
		return -ENOSPC;
	ret = ca__release_prepare(allocator, space);
	if (ret)
		return ret;
	ret = ca__pool_allocate_in(space->pool, size, *window, out);
	if (ret)
		return ret;
	ret = ca__space_commit(allocator->manager, space, *out,
			       allocator->opts.ahead);
	if (ret) {
		ca__pool_merge(space->pool, *out, NULL);
		*out = (struct codearena_region){ 0 };
		return ret;
	}
	ca__space_mark(space, *out, true);
	space->pieces++;
	allocator->pieces++;
	allocator->stat.live += size;
	allocator->stat.generated += size;
	return 0;
}

static int ca__spaces_take(struct codearena_allocator *allocator,
			   uint64_t size,
			   const struct codearena_region *window,
			   struct codearena_region *out)
{
	const struct ca__spaces *spaces = ca__spaces_get(allocator);
	int ret = -ENOSPC;
	size_t i;

	for (i = 0; i < spaces->count && ret == -ENOSPC; i++)
		ret = ca__space_take(allocator, spaces->space[i], size, window,
				     out);
	return ret;
}

/* The part of the window that consists of whole units. */
static int ca__window_get(const struct codearena_allocator *allocator,
			  const struct codearena_region *from,
			  struct codearena_region *to)
{
	uint64_t unit = allocator->manager->unit, end, first;

	*to = (struct codearena_region){ 0, UINT64_MAX };
	if (!from)
		return 0;
	if (__builtin_add_overflow(from->begin, from->size, &end))
		return -EOVERFLOW;
	if (from->begin > UINT64_MAX - (unit - 1))
		return -ENOSPC;
	first = ca__align_up(from->begin, unit);
	end = ca__align_down(end, unit);
	if (first >= end)
		return -ENOSPC;
	*to = (struct codearena_region){ first, end - first };
	return 0;
}

CODEARENA_API int
codearena_allocator_allocate(struct codearena_allocator *allocator,
			     uint64_t size,
			     const struct codearena_region *window,
			     struct codearena_region *out)
{
	struct codearena_region where;
	int ret;

	if (!out)
		return -EINVAL;
	*out = (struct codearena_region){ 0 };
	if (!allocator || !size)
		return -EINVAL;
	ret = ca__allocator_check(allocator);
	if (ret)
		return ret;
	if (size > UINT64_MAX - (allocator->manager->unit - 1))
		return -EOVERFLOW;
	size = ca__align_up(size, allocator->manager->unit);
	ret = ca__window_get(allocator, window, &where);
	if (ret)
		return ret;
	ca__allocator_lock(allocator);
	ret = ca__spaces_take(allocator, size, &where, out);
	if (ret == -ENOSPC && !window) {
		ret = ca__spaces_grow(allocator, size);
		if (!ret)
			ret = ca__spaces_take(allocator, size, &where, out);
	}
	ca__allocator_unlock(allocator);
	return ret;
}
