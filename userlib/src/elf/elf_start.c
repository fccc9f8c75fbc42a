// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Constructors, destructors and unwind information of a loaded object.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_internal.h"

/* Arrays without a number run after those with one. */
#define CA__ELF_LAST_PRIORITY	65536UL

struct ca__elf_array {
	unsigned long priority;
	uint32_t section;
};

static unsigned long ca__elf_priority(const struct ca__elf_section *section)
{
	const char *number = strrchr(section->name, '.');
	unsigned long priority;
	char *end;

	priority = strtoul(number ? number + 1 : "", &end, 10);
	return number && end != number + 1 && !*end &&
	       priority < CA__ELF_LAST_PRIORITY ? priority :
						  CA__ELF_LAST_PRIORITY;
}

static int ca__elf_array_compare(const void *a, const void *b)
{
	const struct ca__elf_array *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->section < y->section ? -1 : x->section > y->section;
}

static void *ca__elf_place_of(const struct codearena_elf *elf, uint32_t section)
{
	return (char *)codearena_arena_base(elf->arena) + elf->offset +
	       elf->sections[section].place;
}

/* Calls the functions of an array; linkers may leave 0 and -1 in it. */
static void ca__elf_call_array(const struct codearena_elf *elf,
			       uint32_t section, bool backwards)
{
	uint64_t count = elf->sections[section].size / sizeof(uint64_t);
	const uint64_t *functions = ca__elf_place_of(elf, section);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = functions[backwards ? count - 1 - i : i];

		if (at && at != UINT64_MAX)
			((void (*)(void))(uintptr_t)at)();
	}
}

/* The arrays of a kind, in the order in which constructors run. */
static size_t ca__elf_arrays(const struct codearena_elf *elf,
			     enum ca__elf_role role,
			     struct ca__elf_array *arrays)
{
	size_t count = 0;

	for (uint32_t i = 1; i < elf->section_count; i++) {
		if (elf->sections[i].role != role || !elf->sections[i].size)
			continue;
		arrays[count].priority = ca__elf_priority(&elf->sections[i]);
		arrays[count++].section = i;
	}
	qsort(arrays, count, sizeof(*arrays), ca__elf_array_compare);
	return count;
}

/**
 * ca__elf_start_new - allocate what starting and stopping an object needs
 * @elf: the object
 *
 * Return: 0; -ENOMEM.
 */
int ca__elf_start_new(struct codearena_elf *elf)
{
	elf->arrays = calloc(elf->section_count, sizeof(*elf->arrays));
	return elf->arrays ? 0 : ca__elf_fail(elf, -ENOMEM, "no memory");
}

static void ca__elf_unwind(const struct codearena_elf *elf,
			   void (*call)(void *table))
{
	for (uint32_t i = 1; i < elf->section_count; i++)
		if (elf->sections[i].role == CA__ELF_UNWIND &&
		    elf->sections[i].size)
			call(ca__elf_place_of(elf, i));
}

/**
 * ca__elf_start_check - can an object be started in an arena?
 * @elf: the object
 * @arena: the arena
 *
 * Return: 0; -EOPNOTSUPP.
 */
int ca__elf_start_check(struct codearena_elf *elf,
			const struct codearena_arena *arena)
{
	if (elf->open_flags && arena->unreadable)
		return ca__elf_fail(elf, -EOPNOTSUPP,
				    "the arena cannot be read");
	if (elf->open_flags & CODEARENA_ELF_OPEN_F_UNWIND &&
	    !ca__unwinder_found())
		return ca__elf_fail(elf, -EOPNOTSUPP,
				    "the process has no unwinder");
	return 0;
}

/**
 * ca__elf_start - register a loaded object, and run its constructors
 * @elf: the object
 */
void ca__elf_start(struct codearena_elf *elf)
{
	size_t count;

	elf->owner = ca__owner_current();
	elf->started = true;
	ca__elf_unwind(elf, ca__unwinder_register);
	count = ca__elf_arrays(elf, CA__ELF_INIT, elf->arrays);
	for (size_t i = 0; i < count; i++)
		ca__elf_call_array(elf, elf->arrays[i].section, false);
}

/**
 * ca__elf_stop - run destructors, and withdraw unwind information
 * @elf: the object
 *
 * Before the code is discarded, except in a child of fork(): usually it cannot
 * discard anything, and another thread may have held the unwinder's lock.
 */
void ca__elf_stop(struct codearena_elf *elf)
{
	size_t count;

	if (!elf->started || ca__inherited(elf->owner))
		return;
	count = ca__elf_arrays(elf, CA__ELF_FINI, elf->arrays);
	while (count--)
		ca__elf_call_array(elf, elf->arrays[count].section, true);
	ca__elf_unwind(elf, ca__unwinder_deregister);
	elf->started = false;
}

/**
 * ca__elf_stopped - withdraw what ca__elf_stop() left in a child
 * @elf: the object, whose code was discarded
 */
void ca__elf_stopped(struct codearena_elf *elf)
{
	if (elf->started)
		ca__elf_unwind(elf, ca__unwinder_deregister);
	elf->started = false;
}
