// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Data that signal handlers read while other threads change it.
 *
 * Readers come in two counters. A writer waits until each of them was 0 at some
 * moment after its change: who counts itself in later sees the change, because
 * all of these accesses are sequentially consistent. The phase only sends new
 * readers to the counter that is not being waited for, so that they cannot keep
 * it busy for ever.
 *
 * The lock protects all that is registered about traps in this process. It is
 * taken inside of the locks of arenas.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "arena/memfd/trap_rcu.h"

/* In front of memory that readers may see. */
union ca__rcu_header {
	union ca__rcu_header *next;
	max_align_t align;
};

static pthread_mutex_t ca__trap_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t ca__trap_once = PTHREAD_ONCE_INIT;
static int ca__trap_error;

/* Protected by the lock. */
static union ca__rcu_header *ca__rcu_garbage;

static unsigned int ca__rcu_phase;
static unsigned int ca__rcu_readers[2];

static void ca__fork_prepare(void)
{
	pthread_mutex_lock(&ca__trap_mutex);
}

static void ca__fork_parent(void)
{
	pthread_mutex_unlock(&ca__trap_mutex);
}

/* The readers that were counted are threads of the parent. */
static void ca__fork_child(void)
{
	__atomic_store_n(&ca__rcu_readers[0], 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&ca__rcu_readers[1], 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&ca__trap_mutex);
}

static void ca__trap_init(void)
{
	ca__trap_error = pthread_atfork(ca__fork_prepare, ca__fork_parent,
					ca__fork_child);
}

/**
 * ca__trap_lock - begin to change what is registered about traps
 *
 * Return: 0; -ENOMEM, when the process takes the lock for the first time.
 */
int ca__trap_lock(void)
{
	pthread_once(&ca__trap_once, ca__trap_init);
	if (ca__trap_error)
		return -ca__trap_error;
	pthread_mutex_lock(&ca__trap_mutex);
	return 0;
}

static void ca__rcu_drain(unsigned int phase)
{
	/* A reader takes less than a microsecond, unless it is preempted. */
	while (__atomic_load_n(&ca__rcu_readers[phase], __ATOMIC_SEQ_CST))
		sched_yield();
}

/* All readers that may see what was there before this call have left. */
static void ca__rcu_synchronize(void)
{
	unsigned int phase = __atomic_load_n(&ca__rcu_phase, __ATOMIC_RELAXED);

	ca__rcu_drain(!phase);
	__atomic_store_n(&ca__rcu_phase, !phase, __ATOMIC_SEQ_CST);
	ca__rcu_drain(phase);
}

/**
 * ca__trap_unlock - undo ca__trap_lock(), and free what was retired
 */
void ca__trap_unlock(void)
{
	union ca__rcu_header *garbage = ca__rcu_garbage, *next;

	ca__rcu_garbage = NULL;
	if (garbage)
		ca__rcu_synchronize();
	pthread_mutex_unlock(&ca__trap_mutex);
	for (; garbage; garbage = next) {
		next = garbage->next;
		free(garbage);
	}
}

/**
 * ca__rcu_alloc - allocate memory that readers will see
 * @size: bytes
 *
 * Return: the memory, or NULL.
 */
void *ca__rcu_alloc(size_t size)
{
	union ca__rcu_header *header = malloc(sizeof(*header) + size);

	return header ? header + 1 : NULL;
}

/**
 * ca__rcu_free - free memory that no reader has seen
 * @memory: from ca__rcu_alloc(), or NULL
 */
void ca__rcu_free(void *memory)
{
	if (memory)
		free((union ca__rcu_header *)memory - 1);
}

/**
 * ca__rcu_retire - free memory when the lock is released
 * @memory: from ca__rcu_alloc(), or NULL; no new reader finds it
 */
void ca__rcu_retire(void *memory)
{
	union ca__rcu_header *header = memory;

	if (!memory)
		return;
	header--;
	header->next = ca__rcu_garbage;
	ca__rcu_garbage = header;
}

/**
 * ca__rcu_enter - begin to read
 *
 * Async-signal-safe; nothing in between may jump out.
 *
 * Return: what ca__rcu_exit() needs.
 */
unsigned int ca__rcu_enter(void)
{
	unsigned int phase = __atomic_load_n(&ca__rcu_phase, __ATOMIC_SEQ_CST);

	__atomic_add_fetch(&ca__rcu_readers[phase], 1, __ATOMIC_SEQ_CST);
	return phase;
}

/**
 * ca__rcu_exit - what was read is not used any more
 * @phase: from ca__rcu_enter()
 */
void ca__rcu_exit(unsigned int phase)
{
	__atomic_sub_fetch(&ca__rcu_readers[phase], 1, __ATOMIC_SEQ_CST);
}
