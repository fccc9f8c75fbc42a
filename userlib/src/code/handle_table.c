// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables: making and freeing them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "code/handle.h"
#include "base/base.h"

/* Padding of the caller's structure could be uninitialised. */
_Static_assert(sizeof(struct codearena_handle_table_opts) ==
	       sizeof(size_t) + 2 * sizeof(uint32_t),
	       "codearena_handle_table_opts has padding");

static size_t ca__table_length(const struct codearena_handle_table *table)
{
	return (size_t)table->segments * CODEARENA_HANDLE_SEGMENT;
}

static int ca__max_entries(const struct codearena_handle_table_opts *opts,
			   uint32_t *max)
{
	struct codearena_handle_table_opts own;
	int ret = ca__struct_get(&own, opts, CA__SIZE_HANDLE_TABLE_OPTS,
				 sizeof(own));

	if (ret)
		return ret;
	if (own.flags)
		return -EOPNOTSUPP;
	if (own.max_entries > CA__HANDLE_MAX)
		return -EINVAL;
	*max = own.max_entries ? own.max_entries : CA__HANDLE_DEFAULT;
	return 0;
}

static bool ca__table_reserve(struct codearena_handle_table *table)
{
	void *area;

	table->dropped = calloc(table->segments, 1);
	table->is_native = calloc((table->max + 63) / 64, sizeof(uint64_t));
	if (!table->dropped || !table->is_native)
		return false;
	area = mmap(NULL, ca__table_length(table), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return false;
	table->entries = area;
	return true;
}

CODEARENA_API int
codearena_handle_table_new(const struct codearena_handle_table_opts *opts,
			   struct codearena_handle_table **out)
{
	struct codearena_handle_table *table;
	uint32_t max;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__max_entries(opts, &max);
	if (ret)
		return ret;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	pthread_mutex_init(&table->turn, NULL);
	pthread_mutex_init(&table->lock, NULL);
	pthread_mutex_init(&table->native_lock, NULL);
	table->process = ca__owner_current();
	table->max = max;
	table->segments = (max + CA__SEGMENT_ENTRIES - 1) / CA__SEGMENT_ENTRIES;
	if (!ca__table_reserve(table)) {
		codearena_handle_table_free(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

CODEARENA_API void
codearena_handle_table_free(struct codearena_handle_table *table)
{
	if (!table)
		return;
	if (table->entries)
		munmap(table->entries, ca__table_length(table));
	pthread_mutex_destroy(&table->native_lock);
	pthread_mutex_destroy(&table->lock);
	pthread_mutex_destroy(&table->turn);
	free(table->natives);
	free(table->is_native);
	free(table->dropped);
	free(table);
}

CODEARENA_API const void *
codearena_handle_table_base(const struct codearena_handle_table *table)
{
	return table ? table->entries : NULL;
}
