/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arithmetic of ranges, pages and granules. Pure functions, for tests without an
 * arena.
 */
#ifndef CODEARENA_RANGE_H
#define CODEARENA_RANGE_H

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/types.h>

/* A u64 has one bit for each granule of a page, whatever its size. */
#define CODEARENA_GRANULES		64U
#define CODEARENA_GRANULE_SHIFT		(PAGE_SHIFT - 6)
#define CODEARENA_GRANULE		BIT(CODEARENA_GRANULE_SHIFT)

/**
 * struct codearena_piece - the part of a range that lies in one page
 * @index: number of the page in the arena
 * @start: first byte, within the page
 * @length: bytes, 0 after the last piece
 * @mask: one bit for each granule that is touched
 * @rest: bytes of the range after this piece
 */
struct codearena_piece {
	unsigned long index;
	unsigned int start;
	unsigned int length;
	u64 mask;
	u64 rest;
};

/* The granules that some bytes of a page touch. */
static inline u64 codearena_granules(unsigned int start, unsigned int length)
{
	return GENMASK_ULL((start + length - 1) >> CODEARENA_GRANULE_SHIFT,
			   start >> CODEARENA_GRANULE_SHIFT);
}

static inline void codearena_piece_cut(struct codearena_piece *piece)
{
	piece->length = min_t(u64, PAGE_SIZE - piece->start, piece->rest);
	piece->rest -= piece->length;
	if (piece->length)
		piece->mask = codearena_granules(piece->start, piece->length);
}

static inline struct codearena_piece codearena_piece_first(u64 offset,
							   u64 length)
{
	struct codearena_piece piece = {
		.index = offset >> PAGE_SHIFT,
		.start = offset_in_page(offset),
		.rest = length,
	};

	codearena_piece_cut(&piece);
	return piece;
}

static inline void codearena_piece_next(struct codearena_piece *piece)
{
	if (!piece->rest) {
		piece->length = 0;
		return;
	}
	piece->index++;
	piece->start = 0;
	codearena_piece_cut(piece);
}

/**
 * codearena_for_each_piece - walk a range page by page
 * @piece: name of the &struct codearena_piece to declare
 * @offset: first byte, in the arena
 * @len: bytes
 */
#define codearena_for_each_piece(piece, offset, len)			\
	for (struct codearena_piece piece =				\
		codearena_piece_first(offset, len);			\
	     piece.length; codearena_piece_next(&(piece)))

/**
 * codearena_range_check - check a range from user space
 * @offset: first byte
 * @length: bytes
 * @align: power of two that both must be multiples of
 * @limit: size of the arena in bytes
 *
 * Return: 0; -EOVERFLOW when the end wraps around; -EINVAL when the range is
 * empty or misaligned; -ENOENT when it leaves the arena. The check against the
 * size of the arena comes last.
 */
static inline int codearena_range_check(u64 offset, u64 length, u64 align,
					u64 limit)
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

#endif /* CODEARENA_RANGE_H */
