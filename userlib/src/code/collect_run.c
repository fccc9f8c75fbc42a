// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Progress of collections: whoever changes the state of a collector calls
 * ca__collector_run() without locks. It performs pending steps one after
 * another, and chooses each under the lock.
 */
#include <errno.h>

#include "code/collect.h"

/* The runtime that this thread is asking, and the collector that it runs. */
static __thread const struct codearena_runtime *ca__asked;
static __thread const struct codearena_collector *ca__busy;

/**
 * ca__runtime_is_asked - is the caller in the runtime's callback?
 * @runtime: runtime
 *
 * Return: the answer.
 */
bool ca__runtime_is_asked(const struct codearena_runtime *runtime)
{
	return ca__asked == runtime;
}

static uint64_t ca__threshold(const struct codearena_collector *collector)
{
	const struct codearena_collector_opts *opts = &collector->opts;
	uint64_t part, sum;

	if (opts->flags & CODEARENA_COLLECTOR_F_MANUAL)
		return UINT64_MAX;
	if (opts->flags & CODEARENA_COLLECTOR_F_STRESS)
		return 0;
	if (!opts->committed)
		return opts->least;
	part = opts->committed(opts->data);
	/* Without overflow. */
	part = part / 100 * opts->percent + part % 100 * opts->percent / 100;
	if (__builtin_add_overflow(opts->least, part, &sum))
		return UINT64_MAX;
	return sum;
}

/* Drops the lock during the callback. */
static void ca__ask(struct codearena_collector *collector)
{
	struct codearena_runtime *runtime = collector->first;
	const struct codearena_runtime *outer = ca__asked;
	uint64_t sequence = collector->stat.sequence;

	/* To the end: runtimes to be asked stay in front. */
	runtime->to_ask = false;
	ca__runtime_unlink(runtime);
	ca__runtime_append(runtime);
	if (!runtime->owes)
		return;
	runtime->asking++;
	pthread_mutex_unlock(&collector->lock);
	ca__asked = runtime;
	runtime->opts.ask(runtime->opts.data, runtime, sequence);
	ca__asked = outer;
	pthread_mutex_lock(&collector->lock);
	if (!--runtime->asking)
		pthread_cond_broadcast(&collector->idle);
}

/* Drops the lock during the callback. */
static void ca__free_dead(struct codearena_collector *collector)
{
	struct ca__owner *owner = collector->owners;
	struct codearena_code *chain = owner->dying;
	size_t count = owner->dying_count;

	collector->owners = owner->next;
	owner->dying = NULL;
	owner->dying_count = 0;
	owner->freeing++;
	pthread_mutex_unlock(&collector->lock);
	ca__owner_free_chain(owner, chain, count);
	pthread_mutex_lock(&collector->lock);
	if (!--owner->freeing)
		pthread_cond_broadcast(&collector->idle);
}

/**
 * ca__collector_run - perform all pending steps
 * @collector: collector
 * @request: begin a collection in any case
 *
 * Calls back; the caller must not hold locks. In a callback of the same
 * collector it only records the request: the outer call in this thread handles
 * it, so callbacks do not nest without bound.
 *
 * Return: 0; -ENOMEM: a collection could not begin.
 */
int ca__collector_run(struct codearena_collector *collector, bool request)
{
	const struct codearena_collector *outer = ca__busy;
	uint64_t threshold = ca__threshold(collector);
	int ret = 0;

	pthread_mutex_lock(&collector->lock);
	if (request)
		collector->due = true;
	ca__busy = collector;
	while (outer != collector) {
		if (__atomic_exchange_n(&collector->grown, 0,
					__ATOMIC_RELAXED) &&
		    collector->fresh > threshold)
			collector->due = true;
		if (collector->running && !collector->stat.outstanding)
			ca__collector_end(collector);
		else if (collector->owners)
			ca__free_dead(collector);
		else if (collector->due && !collector->running && !ret)
			ret = ca__collector_begin(collector);
		else if (collector->first && collector->first->to_ask)
			ca__ask(collector);
		else
			break;
	}
	ca__busy = outer;
	pthread_mutex_unlock(&collector->lock);
	return ret;
}
