/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arithmetic of ranges, pages and granules. Pure: it knows no arena, takes no
 * lock and touches no memory but its arguments, so that it can be tested alone.
 */
#ifndef CODEARENA_RANGE_H
#define CODEARENA_RANGE_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

/* One u64 of bits describes the granules of a page, whatever its size. */
#define CODEARENA_GRANULES		64U
#define CODEARENA_GRANULE_SHIFT		(PAGE_SHIFT - 6)
#define CODEARENA_GRANULE		BIT(CODEARENA_GRANULE_SHIFT)

/**
 * struct codearena_piece - the part of a range that lies in one page
 * @index: number of the page in the arena
 * @start: first byte, within the page
 * @length: bytes, 0 behind the last piece
 * @mask: one bit for each granule that is touched
 * @rest: bytes of the range behind this piece
 */
struct codearena_piece {
	unsigned long index;
	unsigned int start;
	unsigned int length;
	u64 mask;
	u64 rest;
};

static inline void codearena_piece_cut(struct codearena_piece *piece)
{
	piece->length = min_t(u64, PAGE_SIZE - piece->start, piece->rest);
	piece->rest -= piece->length;
	if (!piece->length)
		return;
	piece->mask =
		GENMASK_ULL((piece->start + piece->length - 1) >>
			    CODEARENA_GRANULE_SHIFT,
			    piece->start >> CODEARENA_GRANULE_SHIFT);
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

int codearena_range_check(u64 offset, u64 length, u64 align, u64 limit);

#endif /* CODEARENA_RANGE_H */
