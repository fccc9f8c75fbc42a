// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables: handles of native functions, which are shared and never
 * released. A hash table with open addressing, under a lock of its own.
 */
#include <errno.h>
#include <stdlib.h>

#include "code/handle.h"
#include "base/base.h"

#define CA__NATIVE_ROOM		64

/* The slot of a function, or the empty slot where it belongs. */
static struct ca__native *ca__native_find(struct ca__native *natives,
					  size_t room, uint64_t address,
					  uint64_t signature)
{
	/* 2^64 by the golden ratio (Fibonacci hashing). */
	uint64_t mix = (address ^ signature * 31) * 0x9e3779b97f4a7c15ULL;
	size_t i = (mix >> 32) & (room - 1);

	while (natives[i].address && (natives[i].address != address ||
				      natives[i].signature != signature))
		i = (i + 1) & (room - 1);
	return &natives[i];
}

/* Keeps a quarter of the slots empty; locked. */
static int ca__native_make_room(struct codearena_handle_table *table)
{
	size_t room = table->native_room ? table->native_room * 2 :
					   CA__NATIVE_ROOM, i;
	struct ca__native *natives, *old;

	if (table->native_count + 1 <= table->native_room / 4 * 3)
		return 0;
	natives = calloc(room, sizeof(*natives));
	if (!natives)
		return -ENOMEM;
	for (i = 0; i < table->native_room; i++) {
		old = &table->natives[i];
		if (old->address)
			*ca__native_find(natives, room, old->address,
					 old->signature) = *old;
	}
	free(table->natives);
	table->natives = natives;
	table->native_room = room;
	return 0;
}

static int ca__native_add(struct codearena_handle_table *table,
			  uint64_t address, uint64_t signature,
			  codearena_handle *out)
{
	struct ca__native *native;
	int ret = ca__native_make_room(table);

	if (ret)
		return ret;
	native = ca__native_find(table->natives, table->native_room, address,
				 signature);
	if (!native->address) {
		ret = ca__handle_allocate(table, address, signature,
						&native->handle);
		if (ret)
			return ret;
		native->address = address;
		native->signature = signature;
		table->native_count++;
		__atomic_fetch_or(&table->is_native[native->handle / 64],
				  1ULL << native->handle % 64,
				  __ATOMIC_RELAXED);
	}
	*out = native->handle;
	return 0;
}

CODEARENA_API int
codearena_handle_for_native(struct codearena_handle_table *table,
			    uint64_t address, uint64_t signature,
			    codearena_handle *out)
{
	int ret;

	if (!out)
		return -EINVAL;
	*out = CODEARENA_HANDLE_INVALID;
	if (!table || !address)
		return -EINVAL;
	if (ca__inherited(table->process))
		return -EPERM;
	pthread_mutex_lock(&table->native_lock);
	ret = ca__native_add(table, address, signature, out);
	pthread_mutex_unlock(&table->native_lock);
	return ret;
}

/**
 * ca__handle_is_native - is an entry a native function's?
 * @table: table
 * @index: below the maximum
 *
 * Return: the answer, which is reliable for handles that the caller has.
 */
bool ca__handle_is_native(const struct codearena_handle_table *table,
			  uint32_t index)
{
	return __atomic_load_n(&table->is_native[index / 64],
			       __ATOMIC_RELAXED) >> index % 64 & 1;
}
