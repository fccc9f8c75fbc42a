// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Copy the arrays of a command from user space.
 */
#include <linux/uaccess.h>

#include "codearena_private.h"
#include "copy.h"

/**
 * codearena_array_get - copy an array from user space
 * @arena: charged for an array that does not fit in @small
 * @uptr: its address
 * @count: entries, as user space gave it
 * @entry: bytes of an entry
 * @small: buffer on the stack of the caller, for short arrays
 * @small_size: its size
 *
 * Return: the copy, for codearena_array_put(); -EINVAL for no or too many
 * entries, -ENOSPC, -ENOMEM, -EFAULT.
 */
void *codearena_array_get(struct codearena_arena *arena, u64 uptr, u32 count,
			  size_t entry, void *small, size_t small_size)
{
	size_t size = count * entry;
	void *array = small;

	if (!count || count > CODEARENA_MAX_ENTRIES)
		return ERR_PTR(-EINVAL);
	if (unlikely(size > small_size)) {
		array = codearena_alloc(arena, size);
		if (IS_ERR(array))
			return array;
	}
	if (codearena_copy_in(array, u64_to_user_ptr(uptr), size)) {
		codearena_array_put(arena, array, count, entry, small);
		return ERR_PTR(-EFAULT);
	}
	return array;
}

/**
 * codearena_array_put - free an array
 * @arena: as for codearena_array_get()
 * @array: from codearena_array_get()
 * @count: as for codearena_array_get()
 * @entry: as for codearena_array_get()
 * @small: as for codearena_array_get()
 */
void codearena_array_put(struct codearena_arena *arena, void *array, u32 count,
			 size_t entry, void *small)
{
	if (array != small)
		codearena_free(arena, array, count * entry);
}
