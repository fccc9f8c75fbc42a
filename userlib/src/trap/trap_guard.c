// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Guards: address space in which accesses are traps, with memory in parts of
 * it.
 *
 * On the device a guard is a guard view, on the fallback memory without access
 * rights. The signal handler has to tell a trap from a fault in memory that the
 * program protected, so readers look up the holes, the ranges that are not
 * backed, without a lock. A range is mapped before it leaves the holes, and
 * joins them before it is unmapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "arena/backend.h"
#include "arena/memfd/pages.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"
#include "codearena/trap.h"

/* Size in the first release. */
#define CA__SIZE_GUARD_OPTS	16

_Static_assert(sizeof(struct codearena_guard_opts) >= CA__SIZE_GUARD_OPTS,
	       "codearena_guard_opts has shrunk");
_Static_assert(sizeof(struct codearena_guard_opts) ==
	       sizeof(size_t) + sizeof(uint64_t),
	       "codearena_guard_opts has padding");

/* Map memory that traps; MAP_FIXED replaces what is there. */
static void *ca__guard_map(const struct ca__file *file, uint64_t at,
			   uint64_t length, int fixed)
{
	void *where = (void *)(uintptr_t)at;

	if (file)
		return mmap(where, length, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE | fixed, file->fd,
			    CODEARENA_GUARD_OFFSET);
	return mmap(where, length, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
}

static void *ca__guard_map_aligned(const struct ca__file *file,
				   uint64_t length, uint64_t align)
{
	uint64_t room = length + align, start, first;
	void *area, *guard;

	if (room < length)
		return MAP_FAILED;
	area = mmap(NULL, room, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return MAP_FAILED;
	start = (uintptr_t)area;
	first = ca__align_up(start, align);
	guard = ca__guard_map(file, first, length, MAP_FIXED);
	if (guard == MAP_FAILED) {
		munmap(area, room);
		return MAP_FAILED;
	}
	if (first > start)
		munmap(area, first - start);
	munmap((char *)guard + length, start + room - first - length);
	return guard;
}

static int ca__guard_start(struct codearena_guard *guard, uint64_t align)
{
	uint64_t length = guard->length + guard->page_size;
	void *base;
	int ret;

	base = align > guard->page_size ?
	       ca__guard_map_aligned(guard->file, length, align) :
	       ca__guard_map(guard->file, 0, length, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	guard->base = (uintptr_t)base;
	ret = ca__ranges_insert(&guard->holes, guard->base,
				guard->base + length, guard);
	if (!ret)
		ret = ca__guards_add(guard);
	if (ret) {
		ca__rcu_retire(guard->holes);
		munmap(base, length);
	}
	return ret;
}

static int ca__guard_opts_get(const struct codearena_guard_opts *opts,
			      uint64_t page_size, uint64_t *align)
{
	int ret;

	*align = page_size;
	if (!opts)
		return 0;
	ret = ca__struct_check(opts, opts->sz, CA__SIZE_GUARD_OPTS,
			       sizeof(*opts));
	if (ret || !opts->align)
		return ret;
	if ((opts->align & (opts->align - 1)) || opts->align < page_size)
		return -EINVAL;
	*align = opts->align;
	return 0;
}

CODEARENA_API int codearena_guard_new(struct codearena_arena *arena,
				      uint64_t length,
				      const struct codearena_guard_opts *opts,
				      struct codearena_guard **out)
{
	struct codearena_guard *guard;
	uint64_t align;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!arena)
		return -EINVAL;
	if (arena->attached)
		return -EBADF;
	ret = ca__guard_opts_get(opts, arena->page_size, &align);
	if (!ret)
		ret = ca__process_prepare();
	if (ret)
		return ret;
	if (!length || length % arena->page_size ||
	    length + arena->page_size < length)
		return -EINVAL;
	guard = ca__rcu_alloc(sizeof(*guard));
	if (!guard)
		return -ENOMEM;
	*guard = (struct codearena_guard){
		.length = length,
		.page_size = arena->page_size,
		.file = arena->backend->guard_views ? ca__file_get(arena->file) :
						      NULL,
	};
	ca__process_lock();
	ret = ca__guard_start(guard, align);
	ca__process_unlock();
	if (ret) {
		ca__file_put(guard->file);
		ca__rcu_free(guard);
		return ret;
	}
	*out = guard;
	return 0;
}

CODEARENA_API void codearena_guard_free(struct codearena_guard *guard)
{
	if (!guard)
		return;
	ca__process_lock();
	ca__guards_remove(guard);
	munmap((void *)(uintptr_t)guard->base,
	       guard->length + guard->page_size);
	ca__file_put(guard->file);
	ca__rcu_retire(guard->holes);
	ca__rcu_retire(guard);
	ca__process_unlock();
}

CODEARENA_API void *codearena_guard_base(const struct codearena_guard *guard)
{
	return guard ? (void *)(uintptr_t)guard->base : NULL;
}

CODEARENA_API uint64_t
codearena_guard_length(const struct codearena_guard *guard)
{
	return guard ? guard->length : 0;
}

CODEARENA_API const void *
codearena_guard_trap_page(const struct codearena_guard *guard)
{
	if (!guard)
		return NULL;
	return (const void *)(uintptr_t)(guard->base + guard->length);
}

/*
 * Move fresh memory to its place. The system has charged it by then, so that
 * the move hardly fails; if it does, the trapping memory is mapped again.
 */
static int ca__guard_move(const struct codearena_guard *guard, uint64_t start,
			  uint64_t length)
{
	void *where = (void *)(uintptr_t)start, *fresh;

	fresh = mmap(NULL, length, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fresh == MAP_FAILED)
		return -ENOMEM;
	if (mremap(fresh, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		   where) != MAP_FAILED)
		return 0;
	munmap(fresh, length);
	ca__guard_map(guard->file, start, length, MAP_FIXED);
	return -ENOMEM;
}

static int ca__guard_back(struct codearena_guard *guard, uint64_t start,
			  uint64_t length)
{
	struct ca__ranges *old = guard->holes, *new;
	size_t index = ca__ranges_above(old, start);
	int ret;

	if (index == old->count || old->range[index].start > start ||
	    old->range[index].end < start + length)
		return -EEXIST;
	new = ca__ranges_cut(old, start, start + length);
	if (!new)
		return -ENOMEM;
	ret = ca__guard_move(guard, start, length);
	if (ret) {
		ca__rcu_free(new);
		return ret;
	}
	/* In this order: who sees no hole must also see reason to repeat. */
	ca__guards_changed();
	ca__rcu_store(&guard->holes, new);
	ca__rcu_retire(old);
	return 0;
}

static int ca__guard_unback(struct codearena_guard *guard, uint64_t start,
			    uint64_t length)
{
	struct ca__ranges *old = guard->holes, *new;
	size_t index = ca__ranges_above(old, start);

	if (index < old->count && old->range[index].start < start + length)
		return -ENOENT;
	new = ca__ranges_join(old, start, start + length, guard);
	if (!new)
		return -ENOMEM;
	ca__rcu_store(&guard->holes, new);
	if (ca__guard_map(guard->file, start, length, MAP_FIXED) ==
	    MAP_FAILED) {
		ca__rcu_store(&guard->holes, old);
		ca__rcu_retire(new);
		return -ENOMEM;
	}
	ca__rcu_retire(old);
	return 0;
}

static int ca__guard_change(struct codearena_guard *guard, uint64_t offset,
			    uint64_t length,
			    int (*change)(struct codearena_guard *guard,
					  uint64_t start, uint64_t length))
{
	int ret;

	if (!guard)
		return -EINVAL;
	ret = ca__range_check(offset, length, guard->page_size, guard->length);
	if (ret)
		return ret;
	ca__process_lock();
	ret = change(guard, guard->base + offset, length);
	ca__process_unlock();
	return ret;
}

CODEARENA_API int codearena_guard_back(struct codearena_guard *guard,
				       uint64_t offset, uint64_t length)
{
	return ca__guard_change(guard, offset, length, ca__guard_back);
}

CODEARENA_API int codearena_guard_unback(struct codearena_guard *guard,
					 uint64_t offset, uint64_t length)
{
	return ca__guard_change(guard, offset, length, ca__guard_unback);
}

CODEARENA_API int codearena_trap_code(uint64_t address)
{
	unsigned int phase = ca__rcu_enter();
	const struct codearena_guard *guard = ca__guards_find(address);
	int ret = -ENOENT;
	uint64_t code;

	if (guard) {
		code = address - guard->base - guard->length;
		/* Before the page the difference wraps around. */
		if (code < CODEARENA_TRAP_CODES)
			ret = code;
	}
	ca__rcu_exit(phase);
	return ret;
}
