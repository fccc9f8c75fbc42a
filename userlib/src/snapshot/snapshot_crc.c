// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * CRC-32C, the checksum of snapshots: Castagnoli's polynomial 0x1edc6f41, bits
 * reflected, as in RFC 3720 (iSCSI), section 12.1. It detects all damage within
 * 32 consecutive bits, at any length.
 *
 * Processes eight bytes at a time with eight tables, known as slicing-by-8 (M.
 * Kounavis and F. Berry, "Novel table lookup-based algorithms for high-
 * performance CRC generation", IEEE Transactions on Computers 57(11), 2008):
 * table k has the contribution of a byte that k further bytes follow.
 */
#include <pthread.h>
#include <string.h>

#include "snapshot/snapshot.h"

/* The polynomial, reflected. */
#define CA__CRC_POLYNOMIAL	0x82f63b78U

static uint32_t ca__crc_tables[8][256];

static void ca__crc_begin(void)
{
	unsigned int byte, k;

	for (byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? CA__CRC_POLYNOMIAL : 0);
		ca__crc_tables[0][byte] = crc;
	}
	for (k = 1; k < 8; k++) {
		for (byte = 0; byte < 256; byte++) {
			uint32_t crc = ca__crc_tables[k - 1][byte];

			ca__crc_tables[k][byte] =
				crc >> 8 ^ ca__crc_tables[0][crc & 0xff];
		}
	}
}

/**
 * ca__crc32c - checksum of bytes
 * @crc: 0, or the checksum of preceding bytes
 * @from: the bytes
 * @size: number of bytes
 *
 * Return: the checksum.
 */
uint32_t ca__crc32c(uint32_t crc, const void *from, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *at = from;
	uint64_t word;
	unsigned int k;

	pthread_once(&once, ca__crc_begin);
	crc = ~crc;
	for (; size >= sizeof(word); size -= sizeof(word)) {
		uint32_t next = 0;

		/* All hosts are little-endian. */
		memcpy(&word, at, sizeof(word));
		at += sizeof(word);
		word ^= crc;
		for (k = 0; k < 8; k++)
			next ^= ca__crc_tables[7 - k][word >> 8 * k & 0xff];
		crc = next;
	}
	while (size--)
		crc = crc >> 8 ^ ca__crc_tables[0][(crc ^ *at++) & 0xff];
	return ~crc;
}
