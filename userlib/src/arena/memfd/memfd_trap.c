// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The memfd backend: traps in code.
 *
 * Tables belong to this process. They change under the lock of the arena, and
 * the lock of traps inside of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "base/copy.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/trap_rcu.h"
#include "arena/memfd/traps.h"

/* Where user space ends on every machine of the architecture. */
#define CA__ADDRESS_END		(1ULL << 56)

/* The arena's traps, made when they are needed first. */
static int ca__traps_get(struct codearena_arena *arena,
			 struct ca__traps **traps)
{
	struct ca__memfd *memfd = arena->memfd;
	int ret = ca__trap_lock();

	if (ret)
		return ret;
	*traps = memfd->traps;
	if (!*traps) {
		*traps = ca__traps_new((uintptr_t)arena->base, arena->length,
				       arena->page_size);
		__atomic_store_n(&memfd->traps, *traps, __ATOMIC_RELEASE);
	}
	ca__trap_unlock();
	return *traps ? 0 : -ENOMEM;
}

/* NULL if the arena has no traps yet, and so no tables. */
static struct ca__traps *ca__traps_of(const struct codearena_arena *arena)
{
	return __atomic_load_n(&arena->memfd->traps, __ATOMIC_ACQUIRE);
}

/**
 * ca__memfd_traps_free - the arena is going away
 * @arena: the arena
 */
void ca__memfd_traps_free(struct codearena_arena *arena)
{
	struct ca__traps *traps = ca__traps_of(arena);

	/* The lock was taken when they were made, so that it can be. */
	if (!traps || ca__trap_lock())
		return;
	ca__traps_free(traps);
	ca__trap_unlock();
}

/* Make a table of what the caller gave. */
static int ca__table_get(struct codearena_arena *arena,
			 const struct codearena_range *range,
			 const struct codearena_trap *traps, size_t count,
			 bool report, struct ca__trap_table **table,
			 size_t *failed)
{
	struct codearena_trap few[CA__SMALL_ENTRIES];
	void *copy;
	int ret;

	/* Other processes that may change the arena would not know of it. */
	if (arena->memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER)
		return -EOPNOTSUPP;
	if (!count || count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__array_in(traps, count, sizeof(*traps), few, sizeof(few),
			   &copy);
	if (ret)
		return ret;
	ret = ca__traps_check(copy, count, range->length, arena->length,
			      failed);
	if (!ret) {
		*table = ca__trap_table_build(range->offset, range->length,
					      copy, count, report);
		if (!*table)
			ret = -ENOMEM;
	}
	ca__array_free(copy, few);
	return ret;
}

/* Give the table the number by which the caller knows it: never 0. */
static uint64_t ca__table_number(struct ca__traps *traps,
				 struct ca__trap_table *table)
{
	do {
		table->generation = __atomic_add_fetch(&traps->generation, 1,
						       __ATOMIC_RELAXED);
	} while (!table->generation);
	return ca__trap_table_id(table);
}

static int ca__register_table(struct codearena_arena *arena,
			      struct ca__traps *traps,
			      struct ca__trap_table *table)
{
	const struct ca__pages *pages = &arena->memfd->pages;
	int ret = ca__memfd_lock(arena);

	if (ret)
		return ret;
	ret = ca__pages_check_sealed(pages, table->start, table->length);
	if (!ret)
		ret = ca__trap_lock();
	if (!ret) {
		ret = ca__traps_insert(traps, table, pages);
		ca__trap_unlock();
	}
	ca__memfd_unlock(arena);
	return ret;
}

/**
 * ca__memfd_trap_register - see codearena_trap_register()
 * @arena: the arena
 * @offset: first byte of the code
 * @length: bytes of it
 * @array: entries of the caller
 * @count: how many
 * @flags: CODEARENA_TRAP_F_*
 * @id: gets the number of the table
 * @failed: gets the entry that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_trap_register(struct codearena_arena *arena, uint64_t offset,
			    uint64_t length, const struct codearena_trap *array,
			    size_t count, uint32_t flags, uint64_t *id,
			    size_t *failed)
{
	const struct codearena_range range = {
		.offset = offset,
		.length = length,
	};
	struct ca__trap_table *table;
	struct ca__traps *traps;
	int ret = ca__memfd_enter(arena);

	if (!ret && (flags & ~CODEARENA_TRAP_F_REPORT))
		ret = -EOPNOTSUPP;
	if (!ret)
		ret = ca__range_check(offset, length, 1, arena->length);
	if (!ret)
		ret = ca__table_get(arena, &range, array, count,
				    flags & CODEARENA_TRAP_F_REPORT, &table,
				    failed);
	if (ret)
		return ret;
	ret = ca__trap_signals_install();
	if (!ret)
		ret = ca__traps_get(arena, &traps);
	if (!ret) {
		*id = ca__table_number(traps, table);
		ret = ca__register_table(arena, traps, table);
	}
	if (ret)
		ca__rcu_free(table);
	return ret;
}

static int ca__release_locked(struct ca__traps *traps, uint64_t id)
{
	const uint64_t start = (uint32_t)id;
	struct ca__trap_table *table;
	int ret = ca__trap_lock();

	if (ret)
		return ret;
	/* The lower half of an id says where to look, all of it whether. */
	table = ca__traps_first(traps, start, start + 1);
	ret = -ENOENT;
	if (table && ca__trap_table_id(table) == id) {
		ca__traps_remove(traps, table);
		ret = 0;
	}
	ca__trap_unlock();
	return ret;
}

/**
 * ca__memfd_trap_release - see codearena_trap_release()
 * @arena: the arena
 * @id: number of the table
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_trap_release(struct codearena_arena *arena, uint64_t id)
{
	struct ca__traps *traps;
	int ret = ca__memfd_enter(arena);

	if (ret)
		return ret;
	traps = ca__traps_of(arena);
	if (!traps || (uint32_t)id >= arena->length)
		return -ENOENT;
	ret = ca__memfd_lock(arena);
	if (ret)
		return ret;
	ret = ca__release_locked(traps, id);
	ca__memfd_unlock(arena);
	return ret;
}

/**
 * ca__memfd_trap_landing - see codearena_trap_set_landing()
 * @arena: the arena
 * @address: of the pad
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_trap_landing(struct codearena_arena *arena, uint64_t address)
{
	struct ca__traps *traps;
	uint64_t none = 0;
	int ret;

	if (arena->memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER)
		return -EOPNOTSUPP;
	if (!address || address >= CA__ADDRESS_END || address % CA__INSN_ALIGN)
		return -EINVAL;
	ret = ca__traps_get(arena, &traps);
	if (ret)
		return ret;
	return __atomic_compare_exchange_n(&traps->landing, &none, address,
					   false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE) ? 0 : -EBUSY;
}

static int ca__object_traps_get(struct codearena_arena *arena,
				struct ca__traps *traps,
				const struct codearena_object *object,
				struct codearena_object *of_caller,
				struct ca__trap_table **table)
{
	const struct codearena_range range = {
		.offset = object->offset,
		.length = object->length,
	};
	size_t ignored;
	uint64_t id;
	int ret;

	ret = ca__table_get(arena, &range,
			    (const void *)(uintptr_t)object->traps,
			    object->trap_count,
			    object->flags & CODEARENA_OBJECT_F_REPORT, table,
			    &ignored);
	if (ret)
		return ret;
	id = ca__table_number(traps, *table);
	/* Once the code is sealed, nothing may fail any more. */
	return ca__copy_out(&of_caller->out_trap_id, &id, sizeof(id));
}

/**
 * ca__memfd_traps_put - drop tables that no arena has taken over
 * @tables: from ca__memfd_traps_get(), or NULL
 * @count: how many
 */
void ca__memfd_traps_put(struct ca__trap_table **tables, size_t count)
{
	size_t i;

	for (i = 0; tables && i < count; i++)
		ca__rcu_free(tables[i]);
	free(tables);
}

/**
 * ca__memfd_traps_get - make the tables of objects to be published
 * @arena: the arena, not locked
 * @objects: the objects, checked
 * @of_caller: where the caller has them
 * @count: how many
 * @tables: gets an array with a table or NULL for each; NULL if none has traps
 * @failed: gets the object that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_traps_get(struct codearena_arena *arena,
			const struct codearena_object *objects,
			struct codearena_object *of_caller, size_t count,
			struct ca__trap_table ***tables, size_t *failed)
{
	struct ca__trap_table **made;
	struct ca__traps *traps = NULL;
	int ret = 0;
	size_t i;

	*tables = NULL;
	for (i = 0; i < count && !objects[i].trap_count; i++)
		;
	if (i == count)
		return 0;
	made = calloc(count, sizeof(*made));
	if (!made)
		return -ENOMEM;
	/* Where traps are refused altogether, nothing is to be prepared. */
	if (!(arena->memfd->flags & CODEARENA_RESERVE_F_SHARED_WRITER)) {
		ret = ca__trap_signals_install();
		if (!ret)
			ret = ca__traps_get(arena, &traps);
	}
	for (; i < count && !ret; i++) {
		if (!objects[i].trap_count)
			continue;
		ret = ca__object_traps_get(arena, traps, &objects[i],
					   &of_caller[i], &made[i]);
		if (ret)
			*failed = i;
	}
	if (ret)
		ca__memfd_traps_put(made, count);
	else
		*tables = made;
	return ret;
}

static void ca__objects_claim(struct codearena_arena *arena,
			      const struct codearena_object *objects,
			      size_t count, bool claim)
{
	struct ca__pages *pages = &arena->memfd->pages;
	size_t i;

	for (i = 0; i < count; i++) {
		if (claim)
			ca__pages_claim(pages, objects[i].offset,
					objects[i].length);
		else
			ca__pages_unclaim(pages, objects[i].offset,
					  objects[i].length);
	}
}

static int ca__tables_insert(struct codearena_arena *arena,
			     struct ca__trap_table **tables, size_t count,
			     size_t *failed)
{
	struct ca__traps *traps = ca__traps_of(arena);
	size_t i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		if (!tables[i])
			continue;
		ret = ca__traps_insert(traps, tables[i], &arena->memfd->pages);
		if (ret)
			*failed = i;
	}
	if (ret)
		i--;
	while (i--) {
		if (ret && tables[i])
			ca__traps_remove(traps, tables[i]);
		/* Inserted, the table is the arena's, and so is its removal. */
		tables[i] = NULL;
	}
	return ret;
}

/**
 * ca__memfd_traps_insert - let the traps of objects take effect
 * @arena: the arena, locked
 * @objects: the objects, to be sealed; pads may lie in each of them
 * @tables: from ca__memfd_traps_get(); what is taken over becomes NULL
 * @count: how many
 * @failed: gets the object that was refused
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_traps_insert(struct codearena_arena *arena,
			   const struct codearena_object *objects,
			   struct ca__trap_table **tables, size_t count,
			   size_t *failed)
{
	int ret;

	if (!tables)
		return 0;
	ret = ca__trap_lock();
	if (ret)
		return ret;
	/* Claimed granules count as sealed. */
	ca__objects_claim(arena, objects, count, true);
	ret = ca__tables_insert(arena, tables, count, failed);
	ca__objects_claim(arena, objects, count, false);
	ca__trap_unlock();
	return ret;
}

/**
 * ca__memfd_pads_check - may the code of some ranges go?
 * @arena: the arena, locked
 * @ranges: the ranges
 * @count: how many
 * @failed: gets the range that was refused
 *
 * Return: 0 or -EBUSY.
 */
int ca__memfd_pads_check(struct codearena_arena *arena,
			 const struct codearena_range *ranges, size_t count,
			 size_t *failed)
{
	struct ca__traps *traps = ca__traps_of(arena);
	int ret;

	if (!traps)
		return 0;
	ret = ca__trap_lock();
	if (ret)
		return ret;
	ret = ca__pads_check(traps, ranges, count, failed);
	ca__trap_unlock();
	return ret;
}

/**
 * ca__memfd_traps_remove - release the tables of code that goes away
 * @arena: the arena, locked
 * @offset: first byte
 * @length: bytes
 */
void ca__memfd_traps_remove(struct codearena_arena *arena, uint64_t offset,
			    uint64_t length)
{
	struct ca__traps *traps = ca__traps_of(arena);

	if (!traps || ca__trap_lock())
		return;
	ca__traps_remove_range(traps, offset, length);
	ca__trap_unlock();
}

/**
 * ca__memfd_traps_stat - fill in the counters of traps
 * @arena: the arena
 * @stat: gets them
 */
void ca__memfd_traps_stat(struct codearena_arena *arena,
			  struct codearena_stat *stat)
{
	struct ca__traps *traps = ca__traps_of(arena);

	stat->out_trap_tables = 0;
	stat->out_trap_entries = 0;
	stat->out_traps_memory = 0;
	stat->out_traps_divide = 0;
	stat->out_traps_undefined = 0;
	if (!traps || ca__trap_lock())
		return;
	stat->out_trap_tables = traps->tables;
	stat->out_trap_entries = traps->entries;
	stat->out_traps_memory = __atomic_load_n(&traps->fixed[0],
						 __ATOMIC_RELAXED);
	stat->out_traps_divide = __atomic_load_n(&traps->fixed[1],
						 __ATOMIC_RELAXED);
	stat->out_traps_undefined = __atomic_load_n(&traps->fixed[2],
						    __ATOMIC_RELAXED);
	ca__trap_unlock();
}
