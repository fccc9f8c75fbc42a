/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Copy from addresses that may be wrong.
 */
#ifndef CA__COPY_H
#define CA__COPY_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ca__source - bytes to be copied
 * @address: where they are
 * @length: how many, not 0
 */
struct ca__source {
	uint64_t address;
	uint64_t length;
};

int ca__copy_in(void *to, const struct ca__source *sources, size_t count,
		size_t *failed);
int ca__copy_out(void *to, const void *from, size_t length);
int ca__array_in(const void *from, size_t count, size_t size, void *small,
		 size_t small_size, void **array);
void ca__array_free(void *array, void *small);

#endif /* CA__COPY_H */
