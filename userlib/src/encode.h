/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Bytes of code for machines other than this one, which are little-endian.
 */
#ifndef CA__ENCODE_H
#define CA__ENCODE_H

#include <stdint.h>

static inline uint8_t *ca__put32(uint8_t *to, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		*to++ = value >> 8 * i;
	return to;
}

static inline uint8_t *ca__put64(uint8_t *to, uint64_t value)
{
	return ca__put32(ca__put32(to, value), value >> 32);
}

static inline uint32_t ca__get32(const uint8_t *from)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		value |= (uint32_t)from[i] << 8 * i;
	return value;
}

static inline uint64_t ca__get64(const uint8_t *from)
{
	return ca__get32(from) | (uint64_t)ca__get32(from + 4) << 32;
}

#endif /* CA__ENCODE_H */
