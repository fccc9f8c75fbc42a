/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A collector, from the inside.
 *
 * Locks: each collector has one mutex, a leaf: no callback is called and no lock
 * is taken under it, so a module may drop references under its own mutex. It
 * protects the collector (except members marked immutable or atomic), its
 * runtimes, the chains of its owners, and @link and @state of their code objects.
 *
 * References: the collector holds one reference to each object in the states
 * CA__WAITING and CA__CANDIDATE. A count of 1 then means that nobody else has a
 * reference. New references come from the holder of another one, or from
 * ca__code_try_ref(), so setting the count from 1 to 0 decides the race. Setting
 * it from 1 to 2 takes the lock and marks a candidate as touched: whoever held
 * that reference may still be in the code when the reference is gone again, and
 * after its runtime has reported.
 */
#ifndef CA__COLLECT_H
#define CA__COLLECT_H

#include <pthread.h>
#include <stdbool.h>

#include "code/ref.h"

/* Sizes in the first release. */
#define CA__SIZE_COLLECTOR_OPTS		40
#define CA__SIZE_RUNTIME_OPTS		24
#define CA__SIZE_COLLECTOR_COUNTERS	88

_Static_assert(sizeof(struct codearena_collector_opts) >=
	       CA__SIZE_COLLECTOR_OPTS &&
	       sizeof(struct codearena_runtime_opts) >=
	       CA__SIZE_RUNTIME_OPTS &&
	       sizeof(struct codearena_collector_counters) >=
	       CA__SIZE_COLLECTOR_COUNTERS, "structures only grow");

/**
 * enum ca__state - state of an object in its collector
 * @CA__LIVE: the collector has no reference to it
 * @CA__WAITING: potentially dead, in the chain @waiting
 * @CA__CANDIDATE: in the array @candidates
 * @CA__DEAD: without references, about to be freed by its owner
 */
enum ca__state {
	CA__LIVE = 0,
	CA__WAITING,
	CA__CANDIDATE,
	CA__DEAD
};

/**
 * struct ca__candidate - an object in a collection
 * @start: its address
 * @end: where it ends
 * @code: the object; NULL: its owner is gone
 * @live: a runtime reported it
 * @touched: somebody took a reference to it
 */
struct ca__candidate {
	uint64_t start;
	uint64_t end;
	struct codearena_code *code;
	bool live;
	bool touched;
};

/**
 * struct codearena_runtime - the public object
 * @collector: immutable
 * @opts: immutable
 * @next: in the collector's list, in which those to be asked come first
 * @previous: in the same list
 * @to_ask: not asked yet in this collection
 * @owes: has not reported yet in this collection
 * @asking: running calls of its callback
 */
struct codearena_runtime {
	struct codearena_collector *collector;
	struct codearena_runtime_opts opts;
	struct codearena_runtime *next;
	struct codearena_runtime *previous;
	bool to_ask;
	bool owes;
	size_t asking;
};

/**
 * struct codearena_collector - the public object
 * @opts: immutable
 * @process: number of the address space that made it; immutable
 * @lock: see above
 * @idle: signalled when the last running callback of a runtime or owner returns
 * @first: first runtime
 * @last: last runtime
 * @waiting: chain of potentially dead objects
 * @candidates: of the current collection, by ascending address
 * @candidate_count: entries of @candidates
 * @owners: chain of owners with dead code
 * @fresh: bytes that became potentially dead since the last collection began
 * @grown: atomic: @fresh was not compared with the threshold since it changed
 * @due: a collection must begin when none is running
 * @running: a collection is running
 * @stat: the counters
 */
struct codearena_collector {
	struct codearena_collector_opts opts;
	uint64_t process;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct codearena_runtime *first;
	struct codearena_runtime *last;
	struct codearena_code *waiting;
	struct ca__candidate *candidates;
	size_t candidate_count;
	struct ca__owner *owners;
	uint64_t fresh;
	int grown;
	bool due;
	bool running;
	struct codearena_collector_counters stat;
};

/* collect.c */
void ca__runtime_unlink(struct codearena_runtime *runtime);
void ca__runtime_append(struct codearena_runtime *runtime);

/* collect_set.c */
int ca__collector_adopt(struct codearena_collector *collector,
			struct codearena_code *code);
void ca__collector_enter(struct codearena_collector *collector);
void ca__collector_purge(struct codearena_collector *collector,
			 struct ca__owner *owner);
int ca__collector_begin(struct codearena_collector *collector);
void ca__collector_end(struct codearena_collector *collector);
void ca__collector_mark(struct codearena_collector *collector, uint64_t pc);

/* collect_run.c */
int ca__collector_run(struct codearena_collector *collector, bool request);
bool ca__runtime_is_asked(const struct codearena_runtime *runtime);

#endif /* CA__COLLECT_H */
