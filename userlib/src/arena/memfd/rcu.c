// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The lock of the process, and data that signal handlers read without it.
 *
 * The lock protects the arenas of the fallback, their traps, and the guards of
 * both backends. fork() waits for it, so that a child finds everything whole.
 *
 * Readers count themselves in one of two counters. A writer waits until each
 * was 0 at some moment after its change: a reader that enters later sees the
 * change, because all of these accesses are sequentially consistent. The phase
 * sends new readers to the counter that no writer waits for, so that they
 * cannot keep the other one busy for ever.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "arena/memfd/rcu.h"

/* Before memory that readers may see. */
union ca__rcu_header {
	union ca__rcu_header *next;
	max_align_t align;
};

static pthread_mutex_t ca__process_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t ca__process_once = PTHREAD_ONCE_INIT;
static int ca__process_error;

/* Protected by the lock. */
static union ca__rcu_header *ca__rcu_garbage;

static unsigned int ca__rcu_phase;
static unsigned int ca__rcu_readers[2];

static void ca__fork_prepare(void)
{
	pthread_mutex_lock(&ca__process_mutex);
}

static void ca__fork_parent(void)
{
	pthread_mutex_unlock(&ca__process_mutex);
}

/* Threads of the parent were counted; the child has none of them. */
static void ca__fork_child(void)
{
	__atomic_store_n(&ca__rcu_readers[0], 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&ca__rcu_readers[1], 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&ca__process_mutex);
}

static void ca__process_init(void)
{
	ca__process_error = pthread_atfork(ca__fork_prepare, ca__fork_parent,
					   ca__fork_child);
}

/**
 * ca__process_prepare - make the lock safe across fork()
 *
 * To be called before an object is made that the lock protects.
 *
 * Return: 0 or -ENOMEM.
 */
int ca__process_prepare(void)
{
	pthread_once(&ca__process_once, ca__process_init);
	return -ca__process_error;
}

/**
 * ca__process_lock - take the lock
 */
void ca__process_lock(void)
{
	pthread_mutex_lock(&ca__process_mutex);
}

static void ca__rcu_drain(unsigned int phase)
{
	/* A reader takes less than a microsecond, unless it is preempted. */
	while (__atomic_load_n(&ca__rcu_readers[phase], __ATOMIC_SEQ_CST))
		sched_yield();
}

/* Wait for all readers that may see what was there before this call. */
static void ca__rcu_synchronize(void)
{
	unsigned int phase = __atomic_load_n(&ca__rcu_phase, __ATOMIC_RELAXED);

	ca__rcu_drain(!phase);
	__atomic_store_n(&ca__rcu_phase, !phase, __ATOMIC_SEQ_CST);
	ca__rcu_drain(phase);
}

/**
 * ca__process_unlock - release the lock, and free what was retired
 */
void ca__process_unlock(void)
{
	union ca__rcu_header *garbage = ca__rcu_garbage, *next;

	ca__rcu_garbage = NULL;
	if (garbage)
		ca__rcu_synchronize();
	pthread_mutex_unlock(&ca__process_mutex);
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
 * ca__rcu_exit - end reading
 * @phase: from ca__rcu_enter()
 */
void ca__rcu_exit(unsigned int phase)
{
	__atomic_sub_fetch(&ca__rcu_readers[phase], 1, __ATOMIC_SEQ_CST);
}
