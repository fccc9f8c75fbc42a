// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Symbols by name. Names of a file may overlap: each may be the end of the one
 * before it, so comparing or reading all of them takes quadratic time. One pass
 * from the end of the string table hashes every name in it; symbols are sorted by
 * hash. The hash is a polynomial modulo a prime at a random point, so that no file
 * can be made whose names collide.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "elf/elf_internal.h"

#define CA__HASH_PRIME	((1ULL << 61) - 1)

static uint64_t ca__hash_step(uint64_t hash, uint64_t point, uint8_t byte)
{
	unsigned __int128 product = (unsigned __int128)hash * point + byte + 1;
	uint64_t sum = ((uint64_t)product & CA__HASH_PRIME) +
		       (uint64_t)(product >> 61);

	return sum >= CA__HASH_PRIME ? sum - CA__HASH_PRIME : sum;
}

static uint64_t ca__hash_point(void)
{
	uint64_t point = 0;
	struct timespec now;

	if (getrandom(&point, sizeof(point), GRND_NONBLOCK) !=
	    sizeof(point)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		point = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15ULL;
	}
	return point % (CA__HASH_PRIME - 2) + 2;
}

static uint64_t ca__hash_name(const struct codearena_elf *elf, const char *name)
{
	size_t i = strlen(name);
	uint64_t hash = 0;

	while (i--)
		hash = ca__hash_step(hash, elf->hash_point, name[i]);
	return hash;
}

static int ca__name_place_compare(const void *a, const void *b, void *ctx)
{
	const struct codearena_elf *elf = ctx;
	const char *left = elf->symbols[*(const uint32_t *)a].name;
	const char *right = elf->symbols[*(const uint32_t *)b].name;

	return left < right ? -1 : left > right;
}

/* @by_name is in the order of the string table; walk both from the end. */
static void ca__hash_names(struct codearena_elf *elf)
{
	uint32_t left = elf->by_name_count;
	struct ca__elf_symbol *symbol;
	const char *at;
	uint64_t hash = 0;

	if (!left)
		return;
	symbol = &elf->symbols[elf->by_name[left - 1]];
	for (at = symbol->name + strlen(symbol->name); left; at--) {
		hash = *at ? ca__hash_step(hash, elf->hash_point, *at) : 0;
		while (left) {
			symbol = &elf->symbols[elf->by_name[left - 1]];
			if (symbol->name != at)
				break;
			symbol->hash = hash;
			left--;
		}
	}
}

/* By hash and name, then global before local, then in the order of the file. */
static int ca__elf_symbol_compare(const void *a, const void *b, void *ctx)
{
	const struct codearena_elf *elf = ctx;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const struct ca__elf_symbol *x = &elf->symbols[left];
	const struct ca__elf_symbol *y = &elf->symbols[right];
	int ret;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	ret = x->name == y->name ? 0 : strcmp(x->name, y->name);
	if (ret)
		return ret;
	if ((x->bind == STB_LOCAL) != (y->bind == STB_LOCAL))
		return x->bind == STB_LOCAL ? 1 : -1;
	return left < right ? -1 : left > right;
}

/**
 * ca__elf_names_sort - prepare ca__elf_by_name()
 * @elf: the object; its @by_name has the symbols in any order
 */
void ca__elf_names_sort(struct codearena_elf *elf)
{
	elf->hash_point = ca__hash_point();
	qsort_r(elf->by_name, elf->by_name_count, sizeof(*elf->by_name),
		ca__name_place_compare, elf);
	ca__hash_names(elf);
	qsort_r(elf->by_name, elf->by_name_count, sizeof(*elf->by_name),
		ca__elf_symbol_compare, elf);
}

/**
 * ca__elf_by_name - find a symbol
 * @elf: the object
 * @name: its name
 *
 * Return: the first of them, global before local; NULL: none.
 */
struct ca__elf_symbol *ca__elf_by_name(const struct codearena_elf *elf,
				       const char *name)
{
	uint32_t low = 0, high = elf->by_name_count;
	uint64_t hash = ca__hash_name(elf, name);
	struct ca__elf_symbol *symbol;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		symbol = &elf->symbols[elf->by_name[middle]];
		if (symbol->hash < hash ||
		    (symbol->hash == hash && strcmp(symbol->name, name) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == elf->by_name_count)
		return NULL;
	symbol = &elf->symbols[elf->by_name[low]];
	return strcmp(symbol->name, name) ? NULL : symbol;
}
