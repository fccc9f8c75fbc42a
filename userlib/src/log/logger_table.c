// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Registrations with debuggers, by address: a hash table with chains.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/logger_table.h"

#define CA__TABLE_FIRST	64

struct ca__log_slot {
	struct ca__log_slot *next;
	uint64_t address;
	struct codearena_gdbjit *object;
};

/* The link to the slot of an address, or the end of its chain. */
static struct ca__log_slot **ca__table_find(struct ca__log_table *table,
					    uint64_t address)
{
	/* Multiplicative hashing, since addresses end in zeros. */
	uint64_t hash = address * 0x9e3779b97f4a7c15ULL;
	struct ca__log_slot **slot;

	slot = &table->buckets[(hash >> 32) & (table->bucket_count - 1)];
	while (*slot && (*slot)->address != address)
		slot = &(*slot)->next;
	return slot;
}

static int ca__table_grow(struct ca__log_table *table)
{
	struct ca__log_table larger = { 0 };
	struct ca__log_slot *slot, **to;
	size_t i;

	larger.bucket_count = table->bucket_count ? table->bucket_count * 2 :
			      CA__TABLE_FIRST;
	larger.buckets = calloc(larger.bucket_count, sizeof(*larger.buckets));
	if (!larger.buckets)
		return -ENOMEM;
	for (i = 0; i < table->bucket_count; i++) {
		while ((slot = table->buckets[i])) {
			table->buckets[i] = slot->next;
			slot->next = NULL;
			to = ca__table_find(&larger, slot->address);
			*to = slot;
		}
	}
	free(table->buckets);
	table->buckets = larger.buckets;
	table->bucket_count = larger.bucket_count;
	return 0;
}

/**
 * ca__log_table_set - store the registration of an address
 * @table: table
 * @address: address
 * @object: registration
 * @old: receives the one that it replaces, or NULL
 *
 * Return: 0; -ENOMEM: nothing has changed.
 */
int ca__log_table_set(struct ca__log_table *table, uint64_t address,
		      struct codearena_gdbjit *object,
		      struct codearena_gdbjit **old)
{
	struct ca__log_slot **slot;
	int ret;

	*old = NULL;
	if (table->count >= table->bucket_count) {
		ret = ca__table_grow(table);
		if (ret)
			return ret;
	}
	slot = ca__table_find(table, address);
	if (!*slot) {
		struct ca__log_slot *made = calloc(1, sizeof(*made));

		if (!made)
			return -ENOMEM;
		made->address = address;
		*slot = made;
		table->count++;
	}
	*old = (*slot)->object;
	(*slot)->object = object;
	return 0;
}

/**
 * ca__log_table_take - remove the registration of an address
 * @table: table
 * @address: address
 *
 * Return: the registration; NULL: none.
 */
struct codearena_gdbjit *ca__log_table_take(struct ca__log_table *table,
					    uint64_t address)
{
	struct codearena_gdbjit *object;
	struct ca__log_slot **slot, *gone;

	if (!table->bucket_count)
		return NULL;
	slot = ca__table_find(table, address);
	gone = *slot;
	if (!gone)
		return NULL;
	object = gone->object;
	*slot = gone->next;
	free(gone);
	table->count--;
	return object;
}

/**
 * ca__log_table_free - withdraw all registrations
 * @table: table
 */
void ca__log_table_free(struct ca__log_table *table)
{
	struct ca__log_slot *slot;
	size_t i;

	for (i = 0; i < table->bucket_count; i++) {
		while ((slot = table->buckets[i])) {
			table->buckets[i] = slot->next;
			codearena_gdbjit_unregister(slot->object);
			free(slot);
		}
	}
	free(table->buckets);
	memset(table, 0, sizeof(*table));
}
