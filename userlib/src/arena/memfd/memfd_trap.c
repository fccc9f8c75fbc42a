// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fallback backend: traps in code.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arena/memfd/memfd.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

/* Where user space ends on every machine of the architecture. */
#define CA__ADDRESS_END		(1ULL << 56)

/* The arena's traps, which the first caller makes. */
static int ca__traps_get(struct codearena_arena *arena,
			 struct ca__traps **traps)
{
	struct ca__memfd *memfd = arena->memfd;

	if (!memfd->traps)
		memfd->traps = ca__traps_new((uintptr_t)arena->base,
					     arena->length, arena->page_size);
	*traps = memfd->traps;
	return *traps ? 0 : -ENOMEM;
}

/* Make a table that is not registered yet. */
static int ca__table_get(struct codearena_arena *arena,
			 const struct codearena_trap_register *request,
			 uint32_t *failed, struct ca__trap_table **table)
{
	struct ca__traps *traps;
	int ret;

	if (!request->count || request->count > CA__MEMFD_MAX_ENTRIES)
		return -EINVAL;
	ret = ca__trap_table_build(request, arena->length, failed, table);
	if (ret)
		return ret;
	ret = ca__trap_signals_install();
	if (!ret)
		ret = ca__traps_get(arena, &traps);
	if (ret) {
		ca__rcu_free(*table);
		*table = NULL;
		return ret;
	}
	/* Never 0, so that no id is. */
	if (!++traps->generation)
		traps->generation++;
	(*table)->generation = traps->generation;
	return 0;
}

int ca__memfd_trap_register(struct codearena_arena *arena,
			    struct codearena_trap_register *request)
{
	const struct ca__pages *pages = &arena->memfd->pages;
	struct ca__trap_table *table;
	int ret;

	if (request->flags & ~CODEARENA_TRAP_F_REPORT)
		return -EOPNOTSUPP;
	ret = ca__range_check(request->offset, request->length, 1,
			      arena->length);
	if (!ret)
		ret = ca__table_get(arena, request, &request->out_failed,
				    &table);
	if (ret)
		return ret;
	ret = ca__pages_check_sealed(pages, table->start, table->length);
	if (!ret)
		ret = ca__traps_insert(arena->memfd->traps, table, pages);
	if (ret)
		ca__rcu_free(table);
	else
		request->out_id = ca__trap_table_id(table);
	return ret;
}

int ca__memfd_trap_release(struct codearena_arena *arena,
			   const struct codearena_trap_release *release)
{
	/* The lower half of an id says where to look, all of it whether. */
	const uint64_t start = (uint32_t)release->id;
	struct ca__traps *traps = arena->memfd->traps;
	struct ca__trap_table *table;

	if (!traps || start >= arena->length)
		return -ENOENT;
	table = ca__traps_first(traps, start, start + 1);
	if (!table || ca__trap_table_id(table) != release->id)
		return -ENOENT;
	ca__traps_remove(traps, table);
	return 0;
}

int ca__memfd_trap_landing(struct codearena_arena *arena,
			   const struct codearena_trap_landing *landing)
{
	const uint64_t address = landing->address;
	struct ca__traps *traps;
	int ret;

	if (!address || address >= CA__ADDRESS_END || address % CA__INSN_ALIGN)
		return -EINVAL;
	ret = ca__traps_get(arena, &traps);
	if (ret)
		return ret;
	if (traps->landing)
		return -EBUSY;
	__atomic_store_n(&traps->landing, address, __ATOMIC_RELEASE);
	return 0;
}

/**
 * ca__memfd_tables_free - free tables that no arena has taken over
 * @tables: from ca__memfd_tables_get()
 * @count: how many
 */
void ca__memfd_tables_free(struct ca__trap_table **tables, uint32_t count)
{
	uint32_t i;

	for (i = 0; tables && i < count; i++)
		ca__rcu_free(tables[i]);
	free(tables);
}

/* The same as for a table that is registered by itself. */
static struct codearena_trap_register
ca__object_request(const struct codearena_object *object)
{
	return (struct codearena_trap_register){
		.flags = object->flags & CODEARENA_OBJECT_F_REPORT ?
				 CODEARENA_TRAP_F_REPORT : 0,
		.offset = object->offset,
		.length = object->length,
		.traps = object->traps,
		.count = object->trap_count,
	};
}

/**
 * ca__memfd_tables_get - make the tables of objects to be published
 * @arena: the arena
 * @publish: the objects, checked
 * @tables: gets an array with a table or NULL for each; NULL if none has traps
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_tables_get(struct codearena_arena *arena,
			 struct codearena_publish *publish,
			 struct ca__trap_table ***tables)
{
	const struct codearena_object *objects =
		(const void *)(uintptr_t)publish->objects;
	uint32_t i, ignored, count = publish->object_count;
	struct codearena_trap_register request;
	int ret;

	*tables = NULL;
	for (i = 0; i < count && !objects[i].trap_count; i++)
		;
	if (i == count)
		return 0;
	*tables = calloc(count, sizeof(**tables));
	if (!*tables)
		return -ENOMEM;
	for (; i < count; i++) {
		if (!objects[i].trap_count)
			continue;
		request = ca__object_request(&objects[i]);
		ret = ca__table_get(arena, &request, &ignored, &(*tables)[i]);
		if (ret) {
			publish->out_failed = i;
			ca__memfd_tables_free(*tables, count);
			return ret;
		}
	}
	return 0;
}

/**
 * ca__memfd_tables_insert - let the traps of objects take effect
 * @arena: the arena; the objects are claimed, so that pads may lie in them
 * @publish: the objects; get the ids of their tables
 * @tables: from ca__memfd_tables_get(); what the arena takes over becomes NULL
 *
 * Return: 0 or a negative errno.
 */
int ca__memfd_tables_insert(struct codearena_arena *arena,
			    struct codearena_publish *publish,
			    struct ca__trap_table **tables)
{
	struct codearena_object *objects = (void *)(uintptr_t)publish->objects;
	struct ca__memfd *memfd = arena->memfd;
	uint32_t i, done, count = tables ? publish->object_count : 0;
	int ret = 0;

	for (done = 0; done < count; done++) {
		if (!tables[done])
			continue;
		ret = ca__traps_insert(memfd->traps, tables[done],
				       &memfd->pages);
		if (ret) {
			publish->out_failed = done;
			break;
		}
	}
	for (i = 0; i < done; i++) {
		if (!tables[i])
			continue;
		if (ret)
			ca__traps_remove(memfd->traps, tables[i]);
		else
			objects[i].out_trap_id = ca__trap_table_id(tables[i]);
		/* The arena frees it, or has retired it. */
		tables[i] = NULL;
	}
	return ret;
}
