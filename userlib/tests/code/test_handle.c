// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables, in one thread.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "code/handle.h"
#include "lib/helpers.h"

#define SEGMENT_ENTRIES	(CODEARENA_HANDLE_SEGMENT / CODEARENA_HANDLE_SIZE)

static struct codearena_handle_table *table_of(uint32_t max)
{
	CODEARENA_OPTS(codearena_handle_table_opts, opts, .max_entries = max);
	struct codearena_handle_table *table;

	assert_int_equal(codearena_handle_table_new(&opts, &table), 0);
	return table;
}

static struct codearena_handle_table_counters
stat_table(struct codearena_handle_table *table)
{
	CODEARENA_OPTS(codearena_handle_table_counters, stat);

	assert_int_equal(codearena_handle_table_stat(table, &stat), 0);
	return stat;
}

static codearena_handle allocate(struct codearena_handle_table *table,
				 uint64_t entry, uint64_t signature)
{
	codearena_handle handle;

	assert_int_equal(ca__handle_allocate(table, entry, signature,
						   &handle), 0);
	return handle;
}

static void expect_entry(struct codearena_handle_table *table,
			 codearena_handle handle, uint64_t entry,
			 uint64_t signature)
{
	const uint8_t *base = codearena_handle_table_base(table);
	uint64_t e, s;

	assert_int_equal(ca__handle_get(table, handle, &e, &s), 0);
	assert_true(e == entry);
	assert_true(s == signature);
	/* As generated code reads them. */
	base += (size_t)handle * CODEARENA_HANDLE_SIZE;
	assert_memory_equal(base + CODEARENA_HANDLE_ENTRY, &entry, 8);
	assert_memory_equal(base + CODEARENA_HANDLE_SIGNATURE, &signature, 8);
}

static void options(void **state)
{
	CODEARENA_OPTS(codearena_handle_table_opts, opts);
	struct codearena_handle_table *table = (void *)state;

	assert_int_equal(codearena_handle_table_new(NULL, NULL), -EINVAL);
	opts.sz--;
	assert_int_equal(codearena_handle_table_new(&opts, &table), -EINVAL);
	assert_null(table);
	opts.sz++;
	opts.flags = 1;
	assert_int_equal(codearena_handle_table_new(&opts, &table),
			 -EOPNOTSUPP);
	opts.flags = 0;
	opts.max_entries = (1 << 24) + 1;
	assert_int_equal(codearena_handle_table_new(&opts, &table), -EINVAL);
	opts.max_entries = 1 << 24;
	assert_int_equal(codearena_handle_table_new(&opts, &table), 0);
	codearena_handle_table_free(table);
	assert_int_equal(codearena_handle_table_new(NULL, &table), 0);
	assert_int_equal(stat_table(table).max_entries, 1 << 23);
	assert_int_equal(stat_table(table).segments, 0);
	codearena_handle_table_free(table);
	codearena_handle_table_free(NULL);
	assert_null(codearena_handle_table_base(NULL));
}

static void entries_live_and_die(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	const void *base = codearena_handle_table_base(table);
	codearena_handle a = allocate(table, 0x1000, 7);
	codearena_handle b = allocate(table, 0x2000, UINT64_MAX);
	uint64_t kept = 5;

	(void)state;
	assert_int_not_equal(a, b);
	expect_entry(table, a, 0x1000, 7);
	expect_entry(table, b, 0x2000, UINT64_MAX);
	assert_int_equal(ca__handle_set(table, a, 0x3000), 0);
	expect_entry(table, a, 0x3000, 7);
	assert_int_equal(stat_table(table).used, 2);
	assert_int_equal(stat_table(table).free, SEGMENT_ENTRIES - 2);
	assert_int_equal(ca__handle_release(table, a), 0);
	/* A released handle fails everywhere. */
	assert_int_equal(ca__handle_release(table, a), -ENOENT);
	assert_int_equal(ca__handle_set(table, a, 0x4000), -ENOENT);
	assert_int_equal(ca__handle_get(table, a, &kept, NULL), -ENOENT);
	assert_int_equal(kept, 5);
	expect_entry(table, b, 0x2000, UINT64_MAX);
	assert_int_equal(stat_table(table).used, 1);
	assert_int_equal(stat_table(table).free, SEGMENT_ENTRIES - 1);
	/* The same entry, as it is the first of the list. */
	assert_int_equal(allocate(table, 0x5000, 8), a);
	expect_entry(table, a, 0x5000, 8);
	assert_ptr_equal(codearena_handle_table_base(table), base);
	codearena_handle_table_free(table);
}

/*
 * A thread that read the head before an entry was popped and pushed must see
 * that the head has changed, though the same entry is first again.
 */
static void the_head_never_repeats(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	codearena_handle a = allocate(table, 1, 1), b = allocate(table, 1, 1);
	uint64_t heads[40];
	unsigned int i, j;

	(void)state;
	ca__handle_release(table, b);
	ca__handle_release(table, a);
	for (i = 0; i < 40; i += 2) {
		heads[i] = table->head;
		assert_int_equal(allocate(table, 1, 1), a);
		heads[i + 1] = table->head;
		ca__handle_release(table, a);
		for (j = 0; j < i; j++) {
			assert_true(heads[i] != heads[j]);
			assert_true(heads[i + 1] != heads[j]);
		}
	}
	codearena_handle_table_free(table);
}

static void released_entries_lead_to_address_0(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	const uint64_t *base = codearena_handle_table_base(table);
	codearena_handle a = allocate(table, 0x1000, 7);

	(void)state;
	ca__handle_release(table, a);
	assert_true(base[2 * (size_t)a] == 0);
	codearena_handle_table_free(table);
}

static void bad_arguments(void **state)
{
	struct codearena_handle_table *table = table_of(SEGMENT_ENTRIES + 5);
	codearena_handle a = allocate(table, 1, 0), h = 3;
	struct codearena_handle_table_counters stat = { 0 };

	(void)state;
	assert_int_equal(ca__handle_allocate(table, 0, 1, &h), -EINVAL);
	assert_int_equal(h, CODEARENA_HANDLE_INVALID);
	assert_int_equal(ca__handle_allocate(table, 1, 1, NULL), -EINVAL);
	assert_int_equal(ca__handle_allocate(NULL, 1, 1, &h), -EINVAL);
	assert_int_equal(ca__handle_set(table, a, 0), -EINVAL);
	assert_int_equal(ca__handle_set(table, SEGMENT_ENTRIES + 5, 1),
			 -EINVAL);
	assert_int_equal(ca__handle_set(table, CODEARENA_HANDLE_INVALID,
					      1), -EINVAL);
	assert_int_equal(ca__handle_release(table, SEGMENT_ENTRIES + 5),
			 -EINVAL);
	assert_int_equal(ca__handle_get(table, CODEARENA_HANDLE_INVALID,
					      NULL, NULL), -EINVAL);
	/* In range, but in a segment that was never used. */
	assert_int_equal(ca__handle_release(table, SEGMENT_ENTRIES + 4),
			 -ENOENT);
	assert_int_equal(ca__handle_get(table, SEGMENT_ENTRIES, NULL,
					      NULL), -ENOENT);
	assert_int_equal(ca__handle_release(NULL, 0), -EINVAL);
	assert_int_equal(ca__handle_get(NULL, 0, NULL, NULL), -EINVAL);
	assert_int_equal(codearena_handle_for_native(table, 0, 0, &h), -EINVAL);
	assert_int_equal(codearena_handle_for_native(table, 1, 0, NULL),
			 -EINVAL);
	assert_int_equal(codearena_handle_table_sweep(NULL, 1), -EINVAL);
	assert_int_equal(codearena_handle_table_stat(table, &stat), -EINVAL);
	codearena_handle_table_free(table);
}

/* The last segment has only five entries. */
static void all_entries_and_no_more(void **state)
{
	const uint32_t max = 2 * SEGMENT_ENTRIES + 5;
	struct codearena_handle_table *table = table_of(max);
	uint8_t *seen = calloc(max, 1);
	codearena_handle h;
	uint32_t i;

	(void)state;
	assert_non_null(seen);
	for (i = 0; i < max; i++) {
		h = allocate(table, i + 1, i);
		assert_true(h < max);
		assert_false(seen[h]);
		seen[h] = 1;
	}
	assert_int_equal(ca__handle_allocate(table, 1, 1, &h), -ENOSPC);
	assert_int_equal(h, CODEARENA_HANDLE_INVALID);
	assert_int_equal(codearena_handle_for_native(table, 1, 1, &h), -ENOSPC);
	assert_int_equal(stat_table(table).used, max);
	assert_int_equal(stat_table(table).free, 0);
	assert_int_equal(stat_table(table).segments, 3);
	assert_int_equal(ca__handle_release(table, max - 1), 0);
	assert_int_equal(allocate(table, 5, 5), max - 1);
	/* Release all: three segments are dropped, and can be used again. */
	for (i = 0; i < max; i++)
		assert_int_equal(ca__handle_release(table, i), 0);
	assert_int_equal(codearena_handle_table_sweep(table, 0), 3);
	assert_int_equal(stat_table(table).free, 0);
	assert_int_equal(stat_table(table).segments, 0);
	for (i = 0; i < max; i++)
		seen[allocate(table, i + 1, i)]++;
	for (i = 0; i < max; i++)
		assert_int_equal(seen[i], 2);
	free(seen);
	codearena_handle_table_free(table);
}

static bool resident(const struct codearena_handle_table *table,
		     uint32_t segment)
{
	uint8_t *base = (uint8_t *)codearena_handle_table_base(table);
	size_t page = sysconf(_SC_PAGESIZE), i;
	unsigned char pages[CODEARENA_HANDLE_SEGMENT / 4096];
	bool any = false;

	assert_int_equal(mincore(base + (size_t)segment *
				 CODEARENA_HANDLE_SEGMENT,
				 CODEARENA_HANDLE_SEGMENT, pages), 0);
	for (i = 0; i < CODEARENA_HANDLE_SEGMENT / page; i++)
		any |= pages[i] & 1;
	return any;
}

static void sweep_drops_free_segments(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	uint32_t i;

	(void)state;
	for (i = 0; i < 4 * SEGMENT_ENTRIES; i++)
		assert_int_equal(allocate(table, i + 1, i) / SEGMENT_ENTRIES,
				 i / SEGMENT_ENTRIES);
	/* All of 1 and 3, unordered, and all but one of 2. */
	for (i = 0; i < SEGMENT_ENTRIES; i++) {
		uint32_t mixed = i * 1237 % SEGMENT_ENTRIES;

		ca__handle_release(table, SEGMENT_ENTRIES + mixed);
		ca__handle_release(table, 3 * SEGMENT_ENTRIES + mixed);
		if (mixed != 77)
			ca__handle_release(table,
						 2 * SEGMENT_ENTRIES + mixed);
	}
	assert_int_equal(codearena_handle_table_sweep(table, 3), 0);
	assert_int_equal(stat_table(table).segments, 4);
	assert_true(resident(table, 1));
	assert_int_equal(codearena_handle_table_sweep(table, 0), 2);
	assert_true(resident(table, 0));
	assert_false(resident(table, 1));
	assert_true(resident(table, 2));
	assert_false(resident(table, 3));
	assert_int_equal(stat_table(table).segments, 2);
	assert_int_equal(stat_table(table).used, SEGMENT_ENTRIES + 1);
	assert_int_equal(stat_table(table).free, SEGMENT_ENTRIES - 1);
	/* Entries of a dropped segment are free, and can be read. */
	assert_int_equal(ca__handle_get(table, SEGMENT_ENTRIES + 1, NULL,
					      NULL), -ENOENT);
	assert_int_equal(ca__handle_release(table, SEGMENT_ENTRIES + 1),
			 -ENOENT);
	expect_entry(table, 2 * SEGMENT_ENTRIES + 77,
		     2 * SEGMENT_ENTRIES + 78, 2 * SEGMENT_ENTRIES + 77);
	/* The list is sorted now. */
	for (i = 0; i < SEGMENT_ENTRIES; i++) {
		if (i != 77)
			assert_int_equal(allocate(table, 1, 1),
					 2 * SEGMENT_ENTRIES + i);
	}
	/* The lowest segment first. */
	assert_int_equal(allocate(table, 1, 1), SEGMENT_ENTRIES);
	assert_int_equal(stat_table(table).segments, 3);
	codearena_handle_table_free(table);
}

static void sweep_below_the_threshold(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	codearena_handle a = allocate(table, 1, 1);

	(void)state;
	assert_int_equal(codearena_handle_table_sweep(table, 0), 0);
	assert_int_equal(ca__handle_release(table, a), 0);
	/* One segment's worth, below the default of two. */
	assert_int_equal(codearena_handle_table_sweep(table, 0), 0);
	assert_int_equal(codearena_handle_table_sweep(table, 1), 1);
	assert_int_equal(codearena_handle_table_sweep(table, 1), 0);
	codearena_handle_table_free(table);
}

static void natives_share_handles(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	codearena_handle h, first[500];
	uint32_t i;

	(void)state;
	for (i = 0; i < 500; i++) {
		assert_int_equal(codearena_handle_for_native(table,
							     0x1000 + i / 2,
							     i % 2, &first[i]),
				 0);
		expect_entry(table, first[i], 0x1000 + i / 2, i % 2);
	}
	for (i = 0; i < 500; i++) {
		assert_int_equal(codearena_handle_for_native(table,
							     0x1000 + i / 2,
							     i % 2, &h), 0);
		assert_int_equal(h, first[i]);
		assert_true(!i || first[i] != first[i - 1]);
	}
	assert_int_equal(stat_table(table).natives, 500);
	assert_int_equal(stat_table(table).used, 500);
	assert_int_equal(ca__handle_release(table, first[3]), -EBUSY);
	assert_int_equal(ca__handle_set(table, first[3], 1), -EBUSY);
	expect_entry(table, first[3], 0x1001, 1);
	codearena_handle_table_free(table);
}

static bool read_unused_segment(void *context)
{
	const volatile uint64_t *base = codearena_handle_table_base(context);

	return base[2 * SEGMENT_ENTRIES] == 0;
}

/* Only address space is reserved. */
static void segments_become_accessible_one_by_one(void **state)
{
	struct codearena_handle_table *table = table_of(0);
	uint32_t i;

	(void)state;
	allocate(table, 1, 1);
	assert_int_equal(in_child(read_unused_segment, table), SIGSEGV);
	for (i = 0; i < SEGMENT_ENTRIES; i++)
		allocate(table, 2, 2);
	assert_false(read_unused_segment(table));
	codearena_handle_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(entries_live_and_die),
		cmocka_unit_test(the_head_never_repeats),
		cmocka_unit_test(released_entries_lead_to_address_0),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(all_entries_and_no_more),
		cmocka_unit_test(sweep_drops_free_segments),
		cmocka_unit_test(sweep_below_the_threshold),
		cmocka_unit_test(natives_share_handles),
		cmocka_unit_test(segments_become_accessible_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
