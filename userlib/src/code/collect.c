// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Collectors and their runtimes: the public functions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/collect.h"
#include "base/base.h"

#define CA__COLLECTOR_FLAGS	(CODEARENA_COLLECTOR_F_STRESS | \
				 CODEARENA_COLLECTOR_F_MANUAL)

_Static_assert(sizeof(struct codearena_collector_opts) ==
	       sizeof(size_t) + 2 * sizeof(void *) + sizeof(uint64_t) +
	       2 * sizeof(uint32_t), "codearena_collector_opts has padding");

static int ca__collector_opts_get(struct codearena_collector_opts *to,
				  const struct codearena_collector_opts *from)
{
	int ret = ca__struct_get(to, from, CA__SIZE_COLLECTOR_OPTS,
				 sizeof(*to));

	if (ret)
		return ret;
	if (to->flags & ~CA__COLLECTOR_FLAGS)
		return -EOPNOTSUPP;
	if (to->flags == CA__COLLECTOR_FLAGS || to->percent > 100)
		return -EINVAL;
	if (!to->least)
		to->least = CODEARENA_COLLECTOR_LEAST;
	if (!to->percent)
		to->percent = CODEARENA_COLLECTOR_PERCENT;
	return 0;
}

CODEARENA_API int
codearena_collector_new(const struct codearena_collector_opts *opts,
			struct codearena_collector **out)
{
	struct codearena_collector_opts own;
	struct codearena_collector *collector;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__collector_opts_get(&own, opts);
	if (ret)
		return ret;
	collector = calloc(1, sizeof(*collector));
	if (!collector)
		return -ENOMEM;
	collector->opts = own;
	collector->process = ca__owner_current();
	/* Default attributes: neither can fail on Linux. */
	pthread_mutex_init(&collector->lock, NULL);
	pthread_cond_init(&collector->idle, NULL);
	*out = collector;
	return 0;
}

CODEARENA_API int
codearena_collector_free(struct codearena_collector *collector)
{
	bool busy;

	/* In a child its memory stays: inherited modules refer to it. */
	if (!collector || ca__inherited(collector->process))
		return 0;
	pthread_mutex_lock(&collector->lock);
	busy = collector->first || collector->stat.owners;
	pthread_mutex_unlock(&collector->lock);
	if (busy)
		return -EBUSY;
	/* A collection may be running whose owners are all gone. */
	free(collector->candidates);
	pthread_cond_destroy(&collector->idle);
	pthread_mutex_destroy(&collector->lock);
	free(collector);
	return 0;
}

/**
 * ca__runtime_unlink - remove a runtime from the list, under the lock
 * @runtime: runtime
 */
void ca__runtime_unlink(struct codearena_runtime *runtime)
{
	struct codearena_collector *collector = runtime->collector;

	if (runtime->previous)
		runtime->previous->next = runtime->next;
	else
		collector->first = runtime->next;
	if (runtime->next)
		runtime->next->previous = runtime->previous;
	else
		collector->last = runtime->previous;
}

/**
 * ca__runtime_append - append a runtime to the list, under the lock
 * @runtime: runtime that is not to be asked
 */
void ca__runtime_append(struct codearena_runtime *runtime)
{
	struct codearena_collector *collector = runtime->collector;

	runtime->next = NULL;
	runtime->previous = collector->last;
	if (collector->last)
		collector->last->next = runtime;
	else
		collector->first = runtime;
	collector->last = runtime;
}

CODEARENA_API int
codearena_collector_join(struct codearena_collector *collector,
			 const struct codearena_runtime_opts *opts,
			 struct codearena_runtime **out)
{
	struct codearena_runtime_opts own;
	struct codearena_runtime *runtime;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__struct_get(&own, opts, CA__SIZE_RUNTIME_OPTS, sizeof(own));
	if (ret)
		return ret;
	if (!collector || !own.ask)
		return -EINVAL;
	if (ca__inherited(collector->process))
		return -EPERM;
	runtime = calloc(1, sizeof(*runtime));
	if (!runtime)
		return -ENOMEM;
	runtime->collector = collector;
	runtime->opts = own;
	pthread_mutex_lock(&collector->lock);
	ca__runtime_append(runtime);
	collector->stat.runtimes++;
	pthread_mutex_unlock(&collector->lock);
	*out = runtime;
	return 0;
}

/* Under the lock. */
static void ca__runtime_done(struct codearena_runtime *runtime)
{
	if (runtime->owes)
		runtime->collector->stat.outstanding--;
	runtime->owes = false;
}

CODEARENA_API int codearena_collector_leave(struct codearena_runtime *runtime)
{
	struct codearena_collector *collector;

	if (!runtime)
		return 0;
	if (ca__inherited(runtime->collector->process))
		return -EPERM;
	if (ca__runtime_is_asked(runtime))
		return -EDEADLK;
	collector = runtime->collector;
	pthread_mutex_lock(&collector->lock);
	ca__runtime_unlink(runtime);
	ca__runtime_done(runtime);
	while (runtime->asking)
		pthread_cond_wait(&collector->idle, &collector->lock);
	collector->stat.runtimes--;
	pthread_mutex_unlock(&collector->lock);
	free(runtime);
	ca__collector_run(collector, false);
	return 0;
}

CODEARENA_API int codearena_collector_report(struct codearena_runtime *runtime,
					     uint64_t sequence,
					     const uint64_t *pcs, size_t count)
{
	struct codearena_collector *collector;
	int ret = 0;
	size_t i;

	if (!runtime || (!pcs && count))
		return -EINVAL;
	collector = runtime->collector;
	if (ca__inherited(collector->process))
		return -EPERM;
	pthread_mutex_lock(&collector->lock);
	if (!sequence || sequence > collector->stat.sequence) {
		ret = -EINVAL;
	} else if (sequence < collector->stat.sequence || !runtime->owes) {
		ret = 1;
	} else {
		for (i = 0; i < count; i++)
			ca__collector_mark(collector, pcs[i]);
		ca__runtime_done(runtime);
	}
	pthread_mutex_unlock(&collector->lock);
	/* Do not touch the runtime: another thread may have made it leave. */
	if (!ret)
		ca__collector_run(collector, false);
	return ret;
}

CODEARENA_API int
codearena_collector_request(struct codearena_collector *collector)
{
	if (!collector)
		return -EINVAL;
	if (ca__inherited(collector->process))
		return -EPERM;
	return ca__collector_run(collector, true);
}

CODEARENA_API int
codearena_collector_stat(struct codearena_collector *collector,
			 struct codearena_collector_counters *counters)
{
	struct codearena_collector_counters now;

	if (!collector)
		return -EINVAL;
	if (ca__inherited(collector->process))
		return -EPERM;
	pthread_mutex_lock(&collector->lock);
	now = collector->stat;
	pthread_mutex_unlock(&collector->lock);
	return ca__struct_put(counters, &now, CA__SIZE_COLLECTOR_COUNTERS,
			      sizeof(now));
}
