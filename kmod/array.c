// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arrays that a command points to.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "codearena_private.h"

/**
 * codearena_array_get - copy an array from user space
 * @uptr: its address
 * @count: entries, as user space gave it
 * @entry: bytes of an entry
 * @small: buffer on the caller's stack, for the usual short array
 * @small_size: its size
 *
 * Return: the copy, for codearena_array_put(); -EINVAL for no or too many
 * entries, -ENOMEM, -EFAULT.
 */
void *codearena_array_get(u64 uptr, u32 count, size_t entry, void *small,
			  size_t small_size)
{
	size_t size = count * entry;
	void *array = small;

	if (!count || count > CODEARENA_MAX_ENTRIES)
		return ERR_PTR(-EINVAL);
	if (size > small_size) {
		array = kvmalloc(size, CODEARENA_GFP);
		if (!array)
			return ERR_PTR(-ENOMEM);
	}
	if (copy_from_user(array, u64_to_user_ptr(uptr), size)) {
		codearena_array_put(array, small);
		return ERR_PTR(-EFAULT);
	}
	return array;
}

/**
 * codearena_array_put - end the use of an array
 * @array: from codearena_array_get()
 * @small: as given there
 */
void codearena_array_put(void *array, void *small)
{
	if (array != small)
		kvfree(array);
}
