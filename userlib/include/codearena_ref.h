/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: references to code, and when code may be freed.
 */
#ifndef CODEARENA_REF_H
#define CODEARENA_REF_H

#include <stddef.h>
#include <stdint.h>

#include "codearena_code.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Code that a module does not need any more may still be executed by a thread,
 * or be about to be returned to. So it is not freed when its last reference is
 * dropped: a collector takes that reference over, and finds out whether any
 * stack has the code.
 *
 * live              somebody holds a reference
 * potentially dead  the collector holds the last one
 * candidate         potentially dead when a collection began
 * dead              no stack had it, and it got no other reference meanwhile: it
 *                   cannot be found or referenced any more, and is freed
 *
 * A collection begins when the code that newly became potentially dead is larger
 * than a threshold, or on request. Every runtime that has joined is asked for
 * the addresses of code on all of its stacks. It may answer later and from any
 * of its threads, and goes on executing meanwhile. When all have answered, the
 * candidates that nobody named are freed, by one call for each module. The others
 * are candidates of the next collection. There is one collection at a time; what
 * would begin one during another makes it follow.
 *
 * This needs two promises. A runtime that has answered does not execute
 * candidates, unless it gets a reference to them first; as no jump table leads
 * to them, it has no other way. And a thread of no runtime does not execute code
 * without a reference.
 *
 * The order of events is that of V8's collector with one difference: a candidate
 * to which somebody took a reference during the collection is live again and is
 * checked anew after that is dropped. V8 calls it dead and frees it then, even
 * if it is on a stack again.
 *
 * Scopes keep code alive while a thread works with it. Each thread has a stack
 * of them, and what the library adds goes to the upmost one.
 *
 * All functions are thread-safe, but for the restrictions they name; none is
 * async-signal-safe. In a child of fork() made by a program with several threads
 * none may be called.
 *
 * Return values as in codearena.h. A failure has changed nothing.
 */

/**
 * codearena_code_put - drop a reference
 * @code: object that the caller holds a reference to
 *
 * If it is the last one the collector of its module gets it; that may begin a
 * collection, and so call back: the caller must not hold a lock that a callback
 * of a collector takes. Code of a module without a collector is dead then, see
 * codearena_module_reap().
 *
 * Return: 0; -EINVAL: @code is NULL, or there is no reference left to drop. That
 * is found out where it can be, it is a mistake in any case.
 */
int codearena_code_put(struct codearena_code *code);

struct codearena_scope;

/**
 * codearena_scope_open - begin to hold on to code
 * @out: gets the scope, which is upmost in the calling thread; NULL on failure
 *
 * A thread that ends with open scopes closes them.
 *
 * Return: 0; -EINVAL: @out is NULL; -ENOMEM.
 */
int codearena_scope_open(struct codearena_scope **out);

/**
 * codearena_scope_close - drop what a scope holds
 * @scope: NULL, or the upmost scope of the calling thread, which is gone after
 *         the call
 *
 * As codearena_code_put() for each object that the scope holds; in particular
 * it may call back.
 *
 * Return: 0; -EINVAL: @scope is not the upmost one: it is closed out of order;
 * -EPERM: it is no open scope of the calling thread.
 */
int codearena_scope_close(struct codearena_scope *scope);

/**
 * codearena_scope_add - hold on to code
 * @code: object that somebody holds a reference to
 *
 * The upmost scope of the calling thread gets a reference, unless it has one.
 *
 * Return: 0; -EINVAL: @code is NULL; -ENOENT: no scope is open in this thread;
 * -ENOMEM; -EOVERFLOW: as codearena_code_ref().
 */
int codearena_scope_add(struct codearena_code *code);

/**
 * codearena_scope_count - objects that a scope holds
 * @scope: scope of the calling thread
 *
 * Return: the number; 0 if @scope is no open scope of the calling thread.
 */
size_t codearena_scope_count(const struct codearena_scope *scope);

/* Flags of struct codearena_collector_opts */
#define CODEARENA_COLLECTOR_F_STRESS	0x1U /* the threshold is 0 */
#define CODEARENA_COLLECTOR_F_MANUAL	0x2U /* there is no threshold: collect on
					      * request only */

/* The least threshold in bytes, if none is set. */
#define CODEARENA_COLLECTOR_LEAST	65536U

/* The part of committed code that is added to it, if none is set. */
#define CODEARENA_COLLECTOR_PERCENT	10U

/**
 * struct codearena_collector_opts - how to make a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_opts)
 * @committed: NULL, or tells how many bytes are committed for code. Called with
 *             no lock held.
 * @data: for @committed
 * @least: a collection begins above this many bytes of newly potentially dead
 *         code; 0: CODEARENA_COLLECTOR_LEAST
 * @percent: of committed bytes, added to @least; 0: CODEARENA_COLLECTOR_PERCENT;
 *           at most 100
 * @flags: CODEARENA_COLLECTOR_F_* bits
 */
struct codearena_collector_opts {
	size_t sz;
	uint64_t (*committed)(void *data);
	void *data;
	uint64_t least;
	uint32_t percent;
	uint32_t flags;
};

struct codearena_collector;
struct codearena_runtime;

/**
 * codearena_collector_new - make a collector
 * @opts: NULL, or options
 * @out: gets the collector; NULL on failure
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -ENOMEM.
 */
int codearena_collector_new(const struct codearena_collector_opts *opts,
			    struct codearena_collector **out);

/**
 * codearena_collector_free - free a collector
 * @collector: NULL, or a collector, which is gone after the call; no other
 *             function may be running on it
 *
 * Return: 0; -EBUSY: a runtime or a module uses it.
 */
int codearena_collector_free(struct codearena_collector *collector);

/**
 * struct codearena_runtime_opts - how to join
 * @sz: set by the caller to sizeof(struct codearena_runtime_opts)
 * @ask: asks the runtime to call codearena_collector_report() with @sequence. It
 *       is called by whichever thread began the collection, with no lock held,
 *       and may report at once. It must not call codearena_collector_leave() for
 *       this runtime, nor free a module.
 * @data: for @ask
 */
struct codearena_runtime_opts {
	size_t sz;
	void (*ask)(void *data, struct codearena_runtime *runtime,
		    uint64_t sequence);
	void *data;
};

/**
 * codearena_collector_join - take part in collections
 * @collector: collector, which must outlive the runtime
 * @opts: options
 * @out: gets the runtime; NULL on failure
 *
 * To be called before the runtime executes code of the collector's modules. It
 * is not asked in a collection that is under way.
 *
 * Return: 0; -EINVAL, -E2BIG: an argument or option is wrong; -ENOMEM.
 */
int codearena_collector_join(struct codearena_collector *collector,
			     const struct codearena_runtime_opts *opts,
			     struct codearena_runtime **out);

/**
 * codearena_collector_leave - take part in collections no longer
 * @runtime: NULL, or a runtime, which is gone after the call
 *
 * To be called when no stack of the runtime has code. It counts as having
 * reported nothing. Waits for a call of @ask in another thread to return.
 *
 * Return: 0; -EDEADLK: called by the runtime's @ask.
 */
int codearena_collector_leave(struct codearena_runtime *runtime);

/**
 * codearena_collector_live - name a part of the code on the stacks
 * @runtime: runtime
 * @sequence: as the runtime was asked
 * @pcs: addresses anywhere in code. For a return address pass the address minus
 *       1, as a call may be the last instruction of an object.
 * @count: entries of @pcs
 *
 * For runtimes that walk several stacks. Addresses that belong to no candidate
 * are ignored.
 *
 * Return: 0; 1: too late, ignored: the collection is over, or the runtime has
 * reported; -EINVAL: an argument is NULL, or @sequence was never asked.
 */
int codearena_collector_live(struct codearena_runtime *runtime,
			     uint64_t sequence, const uint64_t *pcs,
			     size_t count);

/**
 * codearena_collector_report - name the rest, and be done
 * @runtime: runtime
 * @sequence: as the runtime was asked
 * @pcs: as codearena_collector_live(); may be NULL if @count is 0
 * @count: entries of @pcs
 *
 * The last runtime to report frees what is dead, within this call. May begin
 * another collection, and so call back.
 *
 * Return: as codearena_collector_live().
 */
int codearena_collector_report(struct codearena_runtime *runtime,
			       uint64_t sequence, const uint64_t *pcs,
			       size_t count);

/**
 * codearena_collector_request - begin a collection
 * @collector: collector
 *
 * Does nothing if no code is potentially dead. During a collection another one
 * is made to follow. Calls back.
 *
 * Return: 0; -EINVAL; -ENOMEM: it will be tried again by what may begin one.
 */
int codearena_collector_request(struct codearena_collector *collector);

/**
 * struct codearena_collector_stat - counters of a collector
 * @sz: set by the caller to sizeof(struct codearena_collector_stat)
 * @sequence: number of the last collection that began; the first one is 1
 * @collections: how many are over
 * @outstanding: runtimes that have not reported in the one under way
 * @candidates: code objects that are candidates
 * @waiting: code objects that are potentially dead, and no candidates
 * @waiting_bytes: bytes of these in executable memory
 * @freed: code objects that were freed
 * @freed_bytes: bytes of these in executable memory
 * @runtimes: runtimes that have joined
 * @owners: modules that use it
 */
struct codearena_collector_stat {
	size_t sz;
	uint64_t sequence;
	uint64_t collections;
	uint64_t outstanding;
	uint64_t candidates;
	uint64_t waiting;
	uint64_t waiting_bytes;
	uint64_t freed;
	uint64_t freed_bytes;
	uint64_t runtimes;
	uint64_t owners;
};

/**
 * codearena_collector_stat - read the counters
 * @collector: collector
 * @stat: gets the counters, taken together; @sz must be set
 *
 * Return: 0; -EINVAL; -E2BIG: @stat is longer than this library knows.
 */
int codearena_collector_stat(struct codearena_collector *collector,
			     struct codearena_collector_stat *stat);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_REF_H */
