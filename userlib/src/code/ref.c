// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Dropping references, and passing dead code to its owner.
 *
 * One atomic operation drops a reference that is not the last one. The
 * collector takes over the last one under its lock. Without a collector, the
 * object is pushed to a chain of its owner by an atomic exchange of the head.
 * The chain is only emptied as a whole, so no object can be removed and pushed
 * again while another thread pushes (no ABA problem).
 */
#include <errno.h>
#include <stdlib.h>

#include "code/collect.h"
#include "base/base.h"

/* Objects per call of an owner; the small number if memory is short. */
#define CA__FREE_BATCH	4096
#define CA__FREE_SMALL	64

/* Prefetch distance, in objects. */
#define CA__PREFETCH	8

/**
 * ca__owner_begin - initialise an owner
 * @owner: owner
 * @ops: its callbacks
 * @collector: NULL, or a collector that outlives it
 */
void ca__owner_begin(struct ca__owner *owner, const struct ca__owner_ops *ops,
		    struct codearena_collector *collector)
{
	*owner = (struct ca__owner){
		.ops = ops,
		.collector = collector,
		.process = ca__owner_current(),
	};
	if (collector)
		ca__collector_enter(collector);
}

/**
 * ca__owner_end - end an owner
 * @owner: owner; nobody else has a reference to its code
 *
 * Removes its code from the collector; the caller destroys that code
 * afterwards. Waits for @free_codes to return, so the caller must not hold a
 * lock that it takes. Without a collector, passes dead code to @free_codes.
 */
void ca__owner_end(struct ca__owner *owner)
{
	if (owner->collector)
		ca__collector_purge(owner->collector, owner);
	else
		ca__owner_reap(owner);
}

/*
 * Code that dies together was mostly allocated together, at equal distances. A
 * wrong guess does no harm.
 */
static void ca__prefetch_chain(const struct codearena_code *code)
{
	uintptr_t here = (uintptr_t)code, next = (uintptr_t)code->link;

	__builtin_prefetch((const void *)(here + (next - here) * CA__PREFETCH));
}

/**
 * ca__owner_free_chain - pass dead code to its owner
 * @owner: owner
 * @chain: the code
 * @count: approximate length of @chain
 *
 * In batches that stay in the processor's caches during the owner's passes.
 *
 * Return: the number of objects.
 */
size_t ca__owner_free_chain(struct ca__owner *owner,
			    struct codearena_code *chain, size_t count)
{
	struct codearena_code *few[CA__FREE_SMALL];
	struct codearena_code **codes = few;
	size_t room = CA__FREE_SMALL, total = 0;
	size_t i;

	if (count > CA__FREE_SMALL) {
		room = count < CA__FREE_BATCH ? count : CA__FREE_BATCH;
		codes = malloc(room * sizeof(*codes));
		if (!codes) {
			codes = few;
			room = CA__FREE_SMALL;
		}
	}
	while (chain) {
		for (i = 0; chain && i < room; i++) {
			codes[i] = chain;
			ca__prefetch_chain(chain);
			chain = chain->link;
		}
		owner->ops->free_codes(owner, codes, i);
		total += i;
	}
	if (codes != few)
		free(codes);
	return total;
}

/**
 * ca__owner_reap - free dead code of an owner without a collector
 * @owner: owner
 *
 * Return: the number of objects passed to @free_codes.
 */
size_t ca__owner_reap(struct ca__owner *owner)
{
	struct codearena_code *chain;
	size_t count;

	if (owner->collector)
		return 0;
	count = __atomic_load_n(&owner->dying_count, __ATOMIC_RELAXED);
	chain = __atomic_exchange_n(&owner->dying, NULL, __ATOMIC_ACQUIRE);
	count = ca__owner_free_chain(owner, chain, count);
	__atomic_sub_fetch(&owner->dying_count, count, __ATOMIC_RELAXED);
	return count;
}

/**
 * ca__owner_dead - number of dead objects that wait for ca__owner_reap()
 * @owner: owner without a collector
 *
 * Return: the number of objects.
 */
size_t ca__owner_dead(const struct ca__owner *owner)
{
	return owner->collector ? 0 :
	       __atomic_load_n(&owner->dying_count, __ATOMIC_RELAXED);
}

/**
 * ca__owner_kick - begin a collection if dropped references require one
 * @owner: owner
 *
 * Call this after ca__code_put(), without locks.
 */
void ca__owner_kick(struct ca__owner *owner)
{
	struct codearena_collector *collector = owner->collector;

	if (collector && __atomic_load_n(&collector->grown, __ATOMIC_RELAXED))
		ca__collector_run(collector, false);
}

/* Pushes a chain from @first to @last. */
static void ca__owner_push(struct ca__owner *owner,
			   struct codearena_code *first,
			   struct codearena_code *last, size_t count)
{
	struct codearena_code *head;

	__atomic_add_fetch(&owner->dying_count, count, __ATOMIC_RELAXED);
	head = __atomic_load_n(&owner->dying, __ATOMIC_RELAXED);
	do {
		last->link = head;
	} while (!__atomic_compare_exchange_n(&owner->dying, &head, first, true,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

/*
 * Drops a reference. Returns 1 if the object is dead, which the caller must
 * pass on; else 0, or -EINVAL.
 */
static int ca__code_drop(struct codearena_code *code)
{
	struct ca__owner *owner = code->owner;
	uint32_t old = __atomic_load_n(&code->references, __ATOMIC_RELAXED);

	do {
		if (!old)
			return -EINVAL;
		if (old == 1 && owner && owner->collector)
			return ca__collector_adopt(owner->collector, code);
	} while (!__atomic_compare_exchange_n(&code->references, &old, old - 1,
					      true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return old == 1;
}

/**
 * ca__code_put - drop a reference without calling back
 * @code: object
 *
 * Destroys an object without an owner with its last reference; it must not be
 * in the index.
 *
 * Return: 0; -EINVAL: there is no reference to drop; -EPERM: the code is of an
 * ancestor of this process.
 */
int ca__code_put(struct codearena_code *code)
{
	struct ca__owner *owner = code->owner;
	int ret = ca__code_inherited(code) ? -EPERM : ca__code_drop(code);

	if (ret <= 0)
		return ret;
	if (owner)
		ca__owner_push(owner, code, code, 1);
	else
		ca__code_destroy(code);
	return 0;
}

/**
 * ca__codes_put - drop references to code of one owner, as ca__code_put()
 * @owner: the owner
 * @codes: array of objects
 * @count: entries of @codes
 *
 * Pushes all objects that die to the owner by one exchange.
 */
void ca__codes_put(struct ca__owner *owner,
		   struct codearena_code *const *codes, size_t count)
{
	struct codearena_code *first = NULL, *last = NULL;
	size_t dead = 0, i;

	for (i = 0; i < count; i++) {
		if (i + CA__PREFETCH < count)
			__builtin_prefetch(codes[i + CA__PREFETCH], 1);
		if (ca__code_drop(codes[i]) <= 0)
			continue;
		codes[i]->link = first;
		first = codes[i];
		if (!dead++)
			last = first;
	}
	if (dead)
		ca__owner_push(owner, first, last, dead);
}

CODEARENA_API int codearena_code_put(struct codearena_code *code)
{
	struct codearena_collector *collector;
	struct ca__owner *owner;
	int ret;

	if (!code)
		return -EINVAL;
	/* The object and its owner may be gone after the drop. */
	owner = code->owner;
	collector = owner ? owner->collector : NULL;
	ret = ca__code_put(code);
	if (!ret && collector && __atomic_load_n(&collector->grown, __ATOMIC_RELAXED))
		ca__collector_run(collector, false);
	return ret;
}
