// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Allocators: released regions wait until no thread can hold their addresses.
 */
#include <errno.h>
#include <stdlib.h>

#include "space/space.h"

static struct ca__waiter *ca__queue_at(const struct ca__queue *queue,
				       size_t index)
{
	return &queue->entry[(queue->first + index) % queue->size];
}

/**
 * ca__queue_reserve - make room for regions
 * @queue: queue
 * @more: number of regions
 *
 * Return: 0 or -ENOMEM.
 */
int ca__queue_reserve(struct ca__queue *queue, size_t more)
{
	struct ca__waiter *entry;
	size_t size, bytes, i;

	if (__builtin_add_overflow(queue->count, more, &size))
		return -ENOMEM;
	if (size <= queue->size)
		return 0;
	if (size < queue->size * 2)
		size = queue->size * 2;
	if (__builtin_mul_overflow(size, sizeof(*entry), &bytes))
		return -ENOMEM;
	entry = malloc(bytes);
	if (!entry)
		return -ENOMEM;
	for (i = 0; i < queue->count; i++)
		entry[i] = *ca__queue_at(queue, i);
	free(queue->entry);
	queue->entry = entry;
	queue->size = size;
	queue->first = 0;
	return 0;
}

/**
 * ca__queue_put - append a region
 * @queue: queue, with room
 * @waiter: the region
 */
void ca__queue_put(struct ca__queue *queue, const struct ca__waiter *waiter)
{
	*ca__queue_at(queue, queue->count++) = *waiter;
}

/**
 * ca__queue_purge - remove the regions of a space
 * @queue: queue
 * @space: the space
 *
 * Return: their bytes.
 */
uint64_t ca__queue_purge(struct ca__queue *queue, const struct ca__space *space)
{
	size_t count = queue->count, i;
	uint64_t bytes = 0;

	queue->count = 0;
	for (i = 0; i < count; i++) {
		struct ca__waiter waiter = *ca__queue_at(queue, i);

		if (waiter.space == space)
			bytes += waiter.region.size;
		else
			ca__queue_put(queue, &waiter);
	}
	return bytes;
}

CODEARENA_API uint64_t
codearena_allocator_grace_begin(struct codearena_allocator *allocator)
{
	uint64_t cookie;

	if (ca__allocator_check(allocator))
		return 0;
	ca__allocator_lock(allocator);
	cookie = ++allocator->epoch;
	ca__allocator_unlock(allocator);
	return cookie;
}

static void ca__grace_end_locked(struct codearena_allocator *allocator,
				 uint64_t cookie)
{
	struct ca__queue *queue = &allocator->queue;

	while (queue->count) {
		struct ca__waiter waiter = *ca__queue_at(queue, 0);

		if (waiter.epoch >= cookie)
			break;
		queue->first = (queue->first + 1) % queue->size;
		queue->count--;
		waiter.space->waiting--;
		allocator->stat.waiting -= waiter.region.size;
		/* Memory was reserved when the region was allocated. */
		ca__pool_merge(waiter.space->pool, waiter.region, NULL);
	}
}

CODEARENA_API int
codearena_allocator_grace_end(struct codearena_allocator *allocator,
			      uint64_t cookie)
{
	int ret = ca__allocator_check(allocator);

	if (ret)
		return ret;
	ca__allocator_lock(allocator);
	if (!cookie || cookie > allocator->epoch)
		ret = -ENOENT;
	else
		ca__grace_end_locked(allocator, cookie);
	ca__allocator_unlock(allocator);
	return ret;
}
