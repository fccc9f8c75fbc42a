// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Dropping references, and the owners that dead code goes to.
 *
 * A reference that is not the last one is dropped by one atomic operation. The
 * last one is never dropped like that if there is a collector: it is handed over
 * under the collector's lock. Without a collector the object goes to a chain of
 * its owner, by an atomic exchange of its head; it is emptied as a whole, so that
 * no object can leave and come back while another thread pushes.
 */
#include <errno.h>
#include <stdlib.h>

#include "code/collect.h"
#include "arena/arena.h"

/* Objects that are given to an owner at a time, and where memory is short. */
#define CA__FREE_BATCH	4096
#define CA__FREE_SMALL	64

/* How many objects ahead memory is fetched. */
#define CA__PREFETCH	8

/**
 * ca__owner_init - begin to own code
 * @owner: to be set up
 * @ops: its functions
 * @collector: NULL, or a collector which outlives it
 */
void ca__owner_init(struct ca__owner *owner, const struct ca__owner_ops *ops,
		    struct codearena_collector *collector)
{
	*owner = (struct ca__owner){
		.ops = ops,
		.collector = collector,
	};
	if (collector)
		ca__collector_enter(collector);
}

/**
 * ca__owner_fini - own code no longer
 * @owner: owner; nobody else has a reference to its code
 *
 * The collector forgets its code, which is the caller's to destroy then. Waits
 * for @free_codes to return, so the caller must not hold a lock it takes. Without
 * a collector, dead code is given to @free_codes.
 */
void ca__owner_fini(struct ca__owner *owner)
{
	if (owner->collector)
		ca__collector_purge(owner->collector, owner);
	else
		ca__owner_reap(owner);
}

/*
 * Dead code mostly was made in one go, and then lies at equal distances. A wrong
 * guess does no harm.
 */
static void ca__prefetch_chain(const struct codearena_code *code)
{
	uintptr_t here = (uintptr_t)code, next = (uintptr_t)code->link;

	__builtin_prefetch((const void *)(here + (next - here) * CA__PREFETCH));
}

/**
 * ca__owner_free_chain - give dead code to its owner
 * @owner: owner
 * @chain: the code
 * @count: about how many there are
 *
 * In parts which stay in the processor's caches while one pass after another
 * goes over them.
 *
 * Return: how many there were.
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
 * Return: how many objects were given to @free_codes.
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
 * ca__owner_dead - dead code that waits for ca__owner_reap()
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
 * ca__owner_kick - begin a collection if dropped references call for one
 * @owner: owner
 *
 * To be called after ca__code_put(), without locks.
 */
void ca__owner_kick(struct ca__owner *owner)
{
	struct codearena_collector *collector = owner->collector;

	if (collector && __atomic_load_n(&collector->grown, __ATOMIC_RELAXED))
		ca__collector_run(collector, false);
}

/* From @first to @last they are linked. */
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
 * Drop a reference, but do nothing about an object that is dead then: it is the
 * caller's. Returns whether it is, or -EINVAL.
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
 * ca__code_put - drop a reference, and never call back
 * @code: object
 *
 * An object without an owner is destroyed with its last reference; it must not
 * be in the lookup.
 *
 * Return: 0; -EINVAL: there is none to drop.
 */
int ca__code_put(struct codearena_code *code)
{
	struct ca__owner *owner = code->owner;
	int ret = ca__code_drop(code);

	if (ret <= 0)
		return ret;
	if (owner)
		ca__owner_push(owner, code, code, 1);
	else
		ca__code_destroy(code);
	return 0;
}

/**
 * ca__codes_put - drop references to code of one owner, as ca__code_put() does
 * @owner: the owner
 * @codes: the objects
 * @count: how many
 *
 * Those that die by it get to their owner by one exchange.
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
	/* Neither the object nor its owner need be there after the drop. */
	owner = code->owner;
	collector = owner ? owner->collector : NULL;
	ret = ca__code_put(code);
	if (collector && __atomic_load_n(&collector->grown, __ATOMIC_RELAXED))
		ca__collector_run(collector, false);
	return ret;
}
