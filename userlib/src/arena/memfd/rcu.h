/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The lock of the process, and data that signal handlers read without it.
 *
 * Writers hold the lock and replace what they change; readers count themselves
 * in and out and never wait. Replaced data is freed once no reader can see it.
 */
#ifndef CA__RCU_H
#define CA__RCU_H

#include <stddef.h>

/* For pointers that readers follow: stores under the lock, loads anywhere. */
#define ca__rcu_store(pointer, value) \
	__atomic_store_n(pointer, value, __ATOMIC_SEQ_CST)
#define ca__rcu_load(pointer) \
	__atomic_load_n(pointer, __ATOMIC_SEQ_CST)

/* rcu.c */
int ca__process_prepare(void);
void ca__process_lock(void);
void ca__process_unlock(void);
void *ca__rcu_alloc(size_t size);
void ca__rcu_free(void *memory);
void ca__rcu_retire(void *memory);
unsigned int ca__rcu_enter(void);
void ca__rcu_exit(unsigned int phase);

#endif /* CA__RCU_H */
