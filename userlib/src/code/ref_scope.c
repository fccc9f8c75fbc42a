// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Scopes: sets of code objects that a thread holds references to.
 *
 * Only its own thread uses a scope, so there are no locks. A pointer is valid
 * if it is in the thread's stack of scopes; it is not dereferenced before that
 * is known.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"
#include "code/ref.h"

#define CA__SCOPE_LEAST	16U

/**
 * struct codearena_scope - the public object
 * @below: the next outer scope
 * @slots: hash table of objects, by address, with linear probing
 * @capacity: entries of @slots, a power of two, or 0
 * @count: entries in use, at most three quarters
 */
struct codearena_scope {
	struct codearena_scope *below;
	struct codearena_code **slots;
	size_t capacity;
	size_t count;
};

static __thread struct codearena_scope *ca__scope_top;

static pthread_once_t ca__scope_once = PTHREAD_ONCE_INIT;
static pthread_key_t ca__scope_key;
static int ca__scope_error;

static struct codearena_code **ca__scope_slot(const struct codearena_scope *scope,
					      const struct codearena_code *code)
{
	size_t mask = scope->capacity - 1;
	uint64_t hash = (uintptr_t)code * 0x9e3779b97f4a7c15ULL;
	size_t i = (hash >> 32) & mask;

	while (scope->slots[i] && scope->slots[i] != code)
		i = (i + 1) & mask;
	return &scope->slots[i];
}

static int ca__scope_grow(struct codearena_scope *scope, size_t count)
{
	struct codearena_scope bigger = *scope;
	size_t i;

	if (count > SIZE_MAX / 16 - scope->count)
		return -ENOMEM;
	if (!bigger.capacity)
		bigger.capacity = CA__SCOPE_LEAST;
	while (bigger.capacity / 4 * 3 < scope->count + count)
		bigger.capacity *= 2;
	if (bigger.capacity == scope->capacity)
		return 0;
	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (i = 0; i < scope->capacity; i++) {
		if (scope->slots[i])
			*ca__scope_slot(&bigger, scope->slots[i]) =
				scope->slots[i];
	}
	free(scope->slots);
	*scope = bigger;
	return 0;
}

/* Removes the innermost scope, and drops its references. */
static void ca__scope_pop(bool kick)
{
	struct codearena_scope *scope = ca__scope_top;
	size_t i;

	/* Before the drops: their callbacks may open and close scopes. */
	ca__scope_top = scope->below;
	for (i = 0; i < scope->capacity; i++) {
		if (!scope->slots[i])
			continue;
		if (kick)
			codearena_code_put(scope->slots[i]);
		else
			ca__code_put(scope->slots[i]);
	}
	free(scope->slots);
	free(scope);
}

/* A thread that ends does not call back; the next drop does. */
static void ca__scope_thread_ends(void *unused)
{
	(void)unused;
	while (ca__scope_top)
		ca__scope_pop(false);
}

static void ca__scope_init(void)
{
	ca__scope_error = -pthread_key_create(&ca__scope_key,
					      ca__scope_thread_ends);
}

CODEARENA_API int codearena_scope_open(struct codearena_scope **out)
{
	struct codearena_scope *scope;

	if (!out)
		return -EINVAL;
	*out = NULL;
	pthread_once(&ca__scope_once, ca__scope_init);
	/* Any value but NULL makes the thread call the destructor. */
	if (ca__scope_error ||
	    pthread_setspecific(ca__scope_key, &ca__scope_key))
		return -ENOMEM;
	scope = calloc(1, sizeof(*scope));
	if (!scope)
		return -ENOMEM;
	scope->below = ca__scope_top;
	ca__scope_top = scope;
	*out = scope;
	return 0;
}

static bool ca__scope_is_ours(const struct codearena_scope *scope)
{
	const struct codearena_scope *own = ca__scope_top;

	while (own && own != scope)
		own = own->below;
	return own;
}

CODEARENA_API int codearena_scope_close(struct codearena_scope *scope)
{
	if (!scope)
		return 0;
	if (!ca__scope_is_ours(scope))
		return -EPERM;
	if (scope != ca__scope_top)
		return -EINVAL;
	ca__scope_pop(true);
	return 0;
}

/**
 * ca__scope_count - number of objects that a scope holds
 * @scope: NULL, or any scope
 *
 * Return: the number; 0 if @scope is not an open scope of the calling thread.
 */
size_t ca__scope_count(const struct codearena_scope *scope)
{
	return scope && ca__scope_is_ours(scope) ? scope->count : 0;
}

/**
 * ca__scope_reserve - reserve memory for calls of ca__scope_add()
 * @count: number of calls
 *
 * Return: 0, also if no scope is open; -ENOMEM.
 */
int ca__scope_reserve(size_t count)
{
	return ca__scope_top ? ca__scope_grow(ca__scope_top, count) : 0;
}

CODEARENA_API int codearena_scope_add(struct codearena_code *code)
{
	struct codearena_scope *scope = ca__scope_top;
	struct codearena_code **slot;
	int ret;

	if (!code)
		return -EINVAL;
	if (!scope)
		return -ENOENT;
	if (scope->capacity && *ca__scope_slot(scope, code))
		return 0;
	ret = ca__scope_grow(scope, 1);
	if (ret)
		return ret;
	ret = codearena_code_ref(code);
	if (ret)
		return ret;
	slot = ca__scope_slot(scope, code);
	*slot = code;
	scope->count++;
	return 0;
}

/**
 * ca__scope_add - add code to the innermost scope, if there is one
 * @code: object that somebody holds a reference to
 *
 * Succeeds after ca__scope_reserve(), unless there are too many references.
 */
void ca__scope_add(struct codearena_code *code)
{
	if (ca__scope_top)
		codearena_scope_add(code);
}
