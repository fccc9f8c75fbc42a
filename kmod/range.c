// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The one check that every range from user space goes through.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/overflow.h>

#include "range.h"

/**
 * codearena_range_check - is this a range of an arena?
 * @offset: first byte
 * @length: bytes
 * @align: power of two that both must be multiples of
 * @limit: size of the arena in bytes
 *
 * Return: 0; -EOVERFLOW when the end wraps around; -EINVAL when the range is
 * empty or misaligned; -ENOENT when it leaves the arena. In this order, so
 * that the answer does not depend on the size of the arena where it need not.
 */
int codearena_range_check(u64 offset, u64 length, u64 align, u64 limit)
{
	u64 end;

	if (check_add_overflow(offset, length, &end))
		return -EOVERFLOW;
	if (!length || !IS_ALIGNED(offset | length, align))
		return -EINVAL;
	if (end > limit)
		return -ENOENT;
	return 0;
}
