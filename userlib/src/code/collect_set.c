// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The sets of a collector: adding, moving and removing objects.
 */
#include <errno.h>
#include <stdlib.h>

#include "code/collect.h"

/* The collector takes over the last reference of a live object. */
static void ca__wait(struct codearena_collector *collector,
		     struct codearena_code *code)
{
	code->state = CA__WAITING;
	code->link = collector->waiting;
	collector->waiting = code;
	collector->stat.waiting++;
	collector->stat.waiting_bytes += code->size;
}

/**
 * ca__collector_adopt - drop a reference that looked like the last one
 * @collector: the collector of its owner
 * @code: object
 *
 * Return: 0; -EINVAL: the last reference is the collector's own.
 */
int ca__collector_adopt(struct codearena_collector *collector,
			struct codearena_code *code)
{
	uint32_t old;
	int ret = 0;

	pthread_mutex_lock(&collector->lock);
	old = __atomic_load_n(&code->references, __ATOMIC_RELAXED);
	while (old > 1) {
		/* Somebody took a reference meanwhile. */
		if (__atomic_compare_exchange_n(&code->references, &old,
						old - 1, true,
						__ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			goto out;
	}
	if (!old || code->state != CA__LIVE) {
		ret = -EINVAL;
		goto out;
	}
	ca__wait(collector, code);
	collector->fresh += code->size;
	__atomic_store_n(&collector->grown, 1, __ATOMIC_RELAXED);
out:
	pthread_mutex_unlock(&collector->lock);
	return ret;
}

/**
 * ca__collector_enter - count an owner
 * @collector: collector
 */
void ca__collector_enter(struct codearena_collector *collector)
{
	pthread_mutex_lock(&collector->lock);
	collector->stat.owners++;
	pthread_mutex_unlock(&collector->lock);
}

static void ca__waiting_purge(struct codearena_collector *collector,
			      struct ca__owner *owner)
{
	struct codearena_code **at = &collector->waiting;

	while (*at) {
		struct codearena_code *code = *at;

		if (code->owner != owner) {
			at = &code->link;
			continue;
		}
		*at = code->link;
		code->state = CA__LIVE;
		collector->stat.waiting--;
		collector->stat.waiting_bytes -= code->size;
	}
}

/**
 * ca__collector_purge - remove an owner and its code
 * @collector: its collector
 * @owner: owner
 *
 * Waits until the owner has freed its dead code.
 */
void ca__collector_purge(struct codearena_collector *collector,
			 struct ca__owner *owner)
{
	size_t i;

	pthread_mutex_lock(&collector->lock);
	while (owner->freeing || owner->dying)
		pthread_cond_wait(&collector->idle, &collector->lock);
	ca__waiting_purge(collector, owner);
	for (i = 0; i < collector->candidate_count; i++) {
		struct ca__candidate *candidate = &collector->candidates[i];

		if (!candidate->code || candidate->code->owner != owner)
			continue;
		candidate->code->state = CA__LIVE;
		candidate->code = NULL;
		collector->stat.candidates--;
	}
	collector->stat.owners--;
	pthread_mutex_unlock(&collector->lock);
}

/* Drops the collector's reference if somebody else has one. */
static bool ca__yield(struct codearena_code *code)
{
	uint32_t old = __atomic_load_n(&code->references, __ATOMIC_RELAXED);

	while (old > 1) {
		if (__atomic_compare_exchange_n(&code->references, &old,
						old - 1, true,
						__ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			code->state = CA__LIVE;
			return true;
		}
	}
	return false;
}

static int ca__candidate_compare(const void *left, const void *right)
{
	const struct ca__candidate *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/**
 * ca__collector_begin - begin a collection, under the lock
 * @collector: collector without one
 *
 * Return: 0, also if there is nothing to collect; -ENOMEM: nothing was done.
 */
int ca__collector_begin(struct codearena_collector *collector)
{
	size_t count = collector->stat.waiting;
	struct codearena_runtime *runtime;
	struct codearena_code *code, *next;
	struct ca__candidate *to;

	if (!count) {
		collector->due = false;
		return 0;
	}
	to = malloc(count * sizeof(*to));
	if (!to)
		return -ENOMEM;
	collector->candidates = to;
	for (code = collector->waiting; code; code = next) {
		next = code->link;
		/* Somebody has a reference: live again. */
		if (ca__yield(code))
			continue;
		*to++ = (struct ca__candidate){
			.start = code->start,
			.end = code->start + code->size,
			.code = code,
		};
		code->state = CA__CANDIDATE;
	}
	count = to - collector->candidates;
	collector->waiting = NULL;
	collector->stat.waiting = 0;
	collector->stat.waiting_bytes = 0;
	collector->fresh = 0;
	collector->due = false;
	if (!count) {
		free(collector->candidates);
		collector->candidates = NULL;
		return 0;
	}
	qsort(collector->candidates, count, sizeof(*to), ca__candidate_compare);
	collector->candidate_count = count;
	collector->stat.candidates = count;
	collector->running = true;
	collector->stat.sequence++;
	for (runtime = collector->first; runtime; runtime = runtime->next) {
		runtime->to_ask = true;
		runtime->owes = true;
		collector->stat.outstanding++;
	}
	return 0;
}

/*
 * A candidate dies if no runtime reported it and nobody took a reference.
 * Another thread that drops the last reference now waits for the lock.
 */
static void ca__candidate_decide(struct codearena_collector *collector,
				 const struct ca__candidate *candidate)
{
	struct codearena_code *code = candidate->code;
	struct ca__owner *owner = code->owner;

	if (ca__yield(code))
		return;
	if (candidate->live || candidate->touched) {
		ca__wait(collector, code);
		if (!candidate->touched)
			return;
		/* It became potentially dead again during the collection. */
		collector->fresh += code->size;
		__atomic_store_n(&collector->grown, 1, __ATOMIC_RELAXED);
		return;
	}
	/* Only holders of the lock set it from 1 to 2. */
	__atomic_store_n(&code->references, 0, __ATOMIC_RELEASE);
	code->state = CA__DEAD;
	collector->stat.freed++;
	collector->stat.freed_bytes += code->size;
	if (!owner->dying) {
		owner->next = collector->owners;
		collector->owners = owner;
	}
	code->link = owner->dying;
	owner->dying = code;
	owner->dying_count++;
}

/**
 * ca__collector_end - end a collection, under the lock
 * @collector: collector of which all runtimes have reported
 */
void ca__collector_end(struct codearena_collector *collector)
{
	size_t i;

	for (i = 0; i < collector->candidate_count; i++) {
		struct ca__candidate *candidate = &collector->candidates[i];

		if (candidate->code)
			ca__candidate_decide(collector, candidate);
	}
	free(collector->candidates);
	collector->candidates = NULL;
	collector->candidate_count = 0;
	collector->stat.candidates = 0;
	collector->running = false;
	collector->stat.collections++;
}

static struct ca__candidate *
ca__candidate_at(const struct codearena_collector *collector, uint64_t pc)
{
	struct ca__candidate *candidates = collector->candidates;
	size_t low = 0, high = collector->candidate_count;

	/* Find the first one that begins above; the one before may match. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (candidates[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low && pc < candidates[low - 1].end ? &candidates[low - 1] :
	       NULL;
}

/**
 * ca__collector_mark - mark the candidate at an address, under the lock
 * @collector: collector
 * @pc: an address on a stack
 */
void ca__collector_mark(struct codearena_collector *collector, uint64_t pc)
{
	struct ca__candidate *candidate = ca__candidate_at(collector, pc);

	if (candidate)
		candidate->live = true;
}

/**
 * ca__collector_revive - take a reference where the collector may have the last
 * @collector: collector
 * @code: object whose memory stays valid during the call
 *
 * Return: as ca__code_try_ref().
 */
bool ca__collector_revive(struct codearena_collector *collector,
			  struct codearena_code *code)
{
	struct ca__candidate *candidate = NULL;
	uint32_t old;

	pthread_mutex_lock(&collector->lock);
	old = __atomic_load_n(&code->references, __ATOMIC_RELAXED);
	while (old && old < CA__REFERENCES_MAX &&
	       !__atomic_compare_exchange_n(&code->references, &old, old + 1,
					    true, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
	if (code->state == CA__CANDIDATE)
		candidate = ca__candidate_at(collector, code->start);
	if (candidate)
		candidate->touched = true;
	pthread_mutex_unlock(&collector->lock);
	return old && old < CA__REFERENCES_MAX;
}
