/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A collector, for the files that implement it.
 *
 * Locks: each collector has one mutex, a leaf: no callback is called and no
 * other lock is taken with it held, so that a module may drop references with
 * its own mutex held. It protects all of the collector but what is marked
 * immutable or atomic, its runtimes, the chains of its owners, and @link and
 * @state of the code objects of these owners.
 *
 * References: an object in the state CA__WAITING or CA__CANDIDATE has one that
 * is the collector's. So a count of 1 means that nobody else has one; and as new
 * ones are only taken by whom another reference allows it, or by
 * ca__code_try_ref(), setting it from 1 to 0 decides who wins. Setting it from 1
 * to 2 takes the lock: who got a reference to a candidate may be in its code
 * when the reference is gone again, and after its runtime has reported.
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
 * @live: a runtime named it
 * @touched: somebody got a reference to it
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
 * @previous: in that list
 * @to_ask: it has not been asked yet
 * @owes: it has not reported yet
 * @asking: calls of its callback that are running
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
 * @lock: see above
 * @idle: something that a thread may wait for has ended
 * @first: of the runtimes
 * @last: of the runtimes
 * @waiting: chain of objects that are potentially dead
 * @candidates: of the collection under way, by ascending address
 * @candidate_count: entries of @candidates
 * @owners: chain of owners with dead code
 * @fresh: bytes that got potentially dead since the last collection began
 * @grown: atomic: @fresh has changed, and was not compared with the threshold
 * @due: a collection is to begin when none is under way
 * @running: one is under way
 * @stat: the counters; @sequence is the number of the last collection that
 *        began, @outstanding those who owe a report in it
 */
struct codearena_collector {
	struct codearena_collector_opts opts;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct codearena_runtime *first;
	struct codearena_runtime *last;
	struct codearena_code *waiting;
	struct ca__candidate *candidates;
	size_t candidate_count;
	struct ca__owner *owners;
	uint64_t fresh;
	bool grown;
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
