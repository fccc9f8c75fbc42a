/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Data that signal handlers read while other threads change it.
 *
 * Writers hold the lock and replace what they change; readers count themselves
 * in and out and never wait. What was replaced is freed when no reader can see
 * it any more.
 */
#ifndef CA__TRAP_RCU_H
#define CA__TRAP_RCU_H

#include <stddef.h>

/* For pointers that readers follow: stores under the lock, loads anywhere. */
#define ca__rcu_store(pointer, value) \
	__atomic_store_n(pointer, value, __ATOMIC_SEQ_CST)
#define ca__rcu_load(pointer) \
	__atomic_load_n(pointer, __ATOMIC_SEQ_CST)

/* trap_rcu.c */
int ca__trap_lock(void);
void ca__trap_unlock(void);
void *ca__rcu_alloc(size_t size);
void ca__rcu_free(void *memory);
void ca__rcu_retire(void *memory);
unsigned int ca__rcu_enter(void);
void ca__rcu_exit(unsigned int phase);

#endif /* CA__TRAP_RCU_H */
