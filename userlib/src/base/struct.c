// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Structures that begin with their size: the caller's may be older or newer
 * than this library.
 */
#include <errno.h>
#include <string.h>

#include "base/base.h"

static size_t ca__struct_size(const void *sized)
{
	size_t size;

	memcpy(&size, sized, sizeof(size));
	return size;
}

/**
 * ca__struct_check - can this library use a caller's structure?
 * @from: the structure
 * @size: its size in the program
 * @first: its size in the first release
 * @known: its size in this library
 *
 * Return: 0; -EINVAL: too short; -E2BIG: bytes unknown here are not 0.
 */
int ca__struct_check(const void *from, size_t size, size_t first, size_t known)
{
	const unsigned char *byte = from;
	size_t i;

	if (size < first)
		return -EINVAL;
	for (i = known; i < size; i++) {
		if (byte[i])
			return -E2BIG;
	}
	return 0;
}

/**
 * ca__struct_get - copy options
 * @to: structure of @known bytes; members that the caller has not are 0
 * @from: NULL: all members are 0; or the caller's structure
 * @first: its size in the first release
 * @known: its size in this library
 *
 * Return: as ca__struct_check().
 */
int ca__struct_get(void *to, const void *from, size_t first, size_t known)
{
	size_t size;
	int ret;

	memset(to, 0, known);
	if (!from)
		return 0;
	size = ca__struct_size(from);
	ret = ca__struct_check(from, size, first, known);
	if (!ret)
		memcpy(to, from, size < known ? size : known);
	return ret;
}

/**
 * ca__struct_put - copy results
 * @to: NULL, or the caller's structure, which keeps its size; bytes that this
 *      library does not know become 0
 * @from: structure of @known bytes
 * @first: size in the first release
 * @known: size in this library
 *
 * Return: 0; -EINVAL: @to is NULL or too short.
 */
int ca__struct_put(void *to, const void *from, size_t first, size_t known)
{
	size_t size, both;

	if (!to)
		return -EINVAL;
	size = ca__struct_size(to);
	if (size < first)
		return -EINVAL;
	both = size < known ? size : known;
	memcpy(to, from, both);
	memset((char *)to + both, 0, size - both);
	memcpy(to, &size, sizeof(size));
	return 0;
}
