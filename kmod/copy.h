/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Copy from user space to memory of a known size.
 */
#ifndef CODEARENA_COPY_H
#define CODEARENA_COPY_H

#include <linux/build_bug.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

/**
 * codearena_copy_in - copy_from_user() to memory of a known size
 * @to: destination
 * @from: user address
 * @length: bytes, at most the size of @to
 *
 * Omits the object-size check, which costs as much as copying a small function;
 * the other steps are those of lib/iov_iter.c. Works with page faults disabled.
 *
 * Return: bytes that were not copied.
 */
static inline unsigned long codearena_copy_in(void *to,
					      const void __user *from,
					      unsigned long length)
{
	unsigned long left = length;

	might_fault();
	if (!should_fail_usercopy() && access_ok(from, length)) {
		/* access_ok() must not be speculated past. */
		barrier_nospec();
		instrument_copy_from_user_before(to, from, length);
		left = raw_copy_from_user(to, from, length);
		instrument_copy_from_user_after(to, from, length, left);
	}
	return left;
}

/**
 * codearena_copy_in_small - copy a structure from user space, for fast paths
 * @to: the structure
 * @from: user address
 * @size: a constant multiple of 8
 *
 * Return: whether all of it was copied.
 */
static __always_inline bool codearena_copy_in_small(void *to,
						    const void __user *from,
						    size_t size)
{
	const u64 __user *words = from;
	size_t i;

	BUILD_BUG_ON(size % sizeof(u64));
	if (should_fail_usercopy() || !user_access_begin(from, size))
		return false;
#ifndef __clang__		/* which warns where it does not do it */
#pragma GCC unroll 8
#endif
	for (i = 0; i < size / sizeof(u64); i++)
		unsafe_get_user(((u64 *)to)[i], words + i, fault);
	user_access_end();
	return true;
fault:
	user_access_end();
	return false;
}

#endif /* CODEARENA_COPY_H */
