// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * GDB's JIT interface: a list of ELF objects in memory, and a function on which
 * the debugger sets a breakpoint. Names and layout are GDB's.
 *
 * The lock protects the list and the descriptor. It is held across fork(), so
 * that both are consistent in a child.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "log/log.h"

enum {
	CA__GDB_NOTHING = 0,
	CA__GDB_REGISTER = 1,
	CA__GDB_UNREGISTER = 2,
};

struct ca__gdb_entry {
	struct ca__gdb_entry *next;
	struct ca__gdb_entry *prev;
	const void *object;
	uint64_t size;
};

struct ca__gdb_descriptor {
	uint32_t version;
	uint32_t action;
	struct ca__gdb_entry *relevant;
	struct ca__gdb_entry *first;
};

struct codearena_gdbjit {
	struct ca__gdb_entry entry;
};

/*
 * Debuggers look for these names in every loaded file. They are weak, so that
 * programs with another JIT compiler link. The library itself uses hidden
 * aliases: it must not share a list that another lock protects.
 */
void __jit_debug_register_code(void);

CODEARENA_API __attribute__((weak)) struct ca__gdb_descriptor
	__jit_debug_descriptor = { .version = 1 };

CODEARENA_API __attribute__((weak, noinline)) void
__jit_debug_register_code(void)
{
	/* Keeps calls, and the stores before them, for the debugger. */
	__asm__ volatile("" ::: "memory");
}

extern struct ca__gdb_descriptor ca__gdb_descriptor
	__attribute__((alias("__jit_debug_descriptor"),
		       visibility("hidden")));
void ca__gdb_notify(void)
	__attribute__((alias("__jit_debug_register_code"),
		       visibility("hidden"), noinline));

static pthread_mutex_t ca__gdb_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t ca__gdb_once = PTHREAD_ONCE_INIT;
static int ca__gdb_ready;

static void ca__gdb_take(void)
{
	pthread_mutex_lock(&ca__gdb_lock);
}

static void ca__gdb_give(void)
{
	pthread_mutex_unlock(&ca__gdb_lock);
}

static void ca__gdb_init(void)
{
	ca__gdb_ready = -pthread_atfork(ca__gdb_take, ca__gdb_give,
					ca__gdb_give);
}

static void ca__gdb_announce(struct ca__gdb_entry *entry, uint32_t action)
{
	ca__gdb_descriptor.relevant = entry;
	ca__gdb_descriptor.action = action;
	ca__gdb_notify();
	ca__gdb_descriptor.action = CA__GDB_NOTHING;
	ca__gdb_descriptor.relevant = NULL;
}

CODEARENA_API int
codearena_gdbjit_register(const struct codearena_log_entry *entries,
			  size_t count, struct codearena_gdbjit **out)
{
	struct codearena_gdbjit *object;
	struct ca__gdb_entry *first;
	void *image;
	size_t size;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	pthread_once(&ca__gdb_once, ca__gdb_init);
	if (ca__gdb_ready)
		return ca__gdb_ready;
	ret = ca__gdbjit_build(ca__log_machine(), entries, count, &image,
			       &size);
	if (ret)
		return ret;
	object = calloc(1, sizeof(*object));
	if (!object) {
		free(image);
		return -ENOMEM;
	}
	object->entry.object = image;
	object->entry.size = size;
	ca__gdb_take();
	first = ca__gdb_descriptor.first;
	object->entry.next = first;
	if (first)
		first->prev = &object->entry;
	ca__gdb_descriptor.first = &object->entry;
	ca__gdb_announce(&object->entry, CA__GDB_REGISTER);
	ca__gdb_give();
	*out = object;
	return 0;
}

CODEARENA_API void codearena_gdbjit_unregister(struct codearena_gdbjit *object)
{
	struct ca__gdb_entry *entry;

	if (!object)
		return;
	entry = &object->entry;
	ca__gdb_take();
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		ca__gdb_descriptor.first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	ca__gdb_announce(entry, CA__GDB_UNREGISTER);
	ca__gdb_give();
	free((void *)(uintptr_t)entry->object);
	free(object);
}
