/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Registrations with debuggers, by address. The caller locks.
 */
#ifndef CA__LOGGER_TABLE_H
#define CA__LOGGER_TABLE_H

#include "codearena/log.h"

struct ca__log_slot;

struct ca__log_table {
	struct ca__log_slot **buckets;
	size_t bucket_count;
	size_t count;
};

int ca__log_table_set(struct ca__log_table *table, uint64_t address,
		      struct codearena_gdbjit *object,
		      struct codearena_gdbjit **old);
struct codearena_gdbjit *ca__log_table_take(struct ca__log_table *table,
					    uint64_t address);
void ca__log_table_free(struct ca__log_table *table);

#endif /* CA__LOGGER_TABLE_H */
