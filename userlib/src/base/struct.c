// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Structures of the caller, which may be older or newer than this library.
 */
#include <errno.h>

#include "base/base.h"

/**
 * ca__struct_check - does a caller's structure fit this library?
 * @from: the structure
 * @size: its size, as the caller says
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
