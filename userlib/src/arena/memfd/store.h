/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Storing bytes in the file of an arena of the fallback backend.
 */
#ifndef CA__STORE_H
#define CA__STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct ca__memfd;

/* Pieces of a run, which is on the stack. */
#define CA__STORE_PARTS		128

/* The largest granule, that of pages of 64 KiB, and an instruction more. */
#define CA__STORE_PADDING	(1024 + 16)

/**
 * struct ca__store - bytes that lie side by side and are not stored yet
 * @memfd: the arena
 * @offset: where they go
 * @length: how many
 * @count: entries of @part
 * @part: where they are now
 * @padding: @traps is filled
 * @traps: trap instructions
 */
struct ca__store {
	const struct ca__memfd *memfd;
	uint64_t offset;
	uint64_t length;
	unsigned int count;
	struct iovec part[CA__STORE_PARTS];
	bool padding;
	_Alignas(16) uint8_t traps[CA__STORE_PADDING];
};

void ca__fill_traps(void *to, uint64_t length);
uint64_t ca__traps_write(const struct ca__memfd *memfd, uint64_t offset,
			 uint64_t length);
void ca__traps_store(const struct ca__memfd *memfd, uint64_t offset,
		     uint64_t length);
void ca__store_begin(struct ca__store *store, const struct ca__memfd *memfd);
void ca__store_add(struct ca__store *store, uint64_t offset, const void *from,
		   uint64_t length);
void ca__store_pad(struct ca__store *store, uint64_t offset, uint64_t length);
void ca__store_end(struct ca__store *store);

#endif /* CA__STORE_H */
