// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables with their targets in ordinary memory.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "jump/test_jump.h"

#define FUNCTIONS	1000
#define ENTRY		CODEARENA_JUMP_TABLE_F_BRANCH_TARGET

/**
 * struct data - an arena with functions, and a table that leads to them
 * @arena: page 0: functions 0 to 31, which return their number; pages from 1:
 *         slots
 * @page: bytes in a page
 * @granule: bytes in a granule
 * @targets: where the table led in the beginning
 * @table: the table
 */
struct data {
	struct codearena_arena *arena;
	uint64_t page;
	uint64_t granule;
	uint64_t targets[FUNCTIONS];
	struct codearena_data_table *table;
};

static uint64_t function(const struct data *d, unsigned int i)
{
	return base_of(d->arena) + i * d->granule;
}

static int setup_flags(void **state, uint32_t flags)
{
	CODEARENA_OPTS(codearena_data_table_opts, opts, .functions = FUNCTIONS,
		       .flags = flags);
	struct data *d = calloc(1, sizeof(*d));
	unsigned int i;

	if (backend_setup(state) || !d)
		return -1;
	d->page = sysconf(_SC_PAGESIZE);
	d->arena = arena_of(16 * d->page, 0);
	d->granule = codearena_arena_granule(d->arena);
	for (i = 0; i < 32; i++)
		assert_int_equal(publish_return(d->arena, i * d->granule, i, 0),
				 0);
	for (i = 0; i < FUNCTIONS; i++)
		d->targets[i] = i % 33 == 32 ? 0 : function(d, i % 33);
	opts.targets = d->targets;
	assert_int_equal(codearena_data_table_new(&opts, d->arena, d->page,
						  &d->table), 0);
	*state = d;
	return 0;
}

static int setup(void **state)
{
	return setup_flags(state, 0);
}

static int setup_entry(void **state)
{
	return setup_flags(state, ENTRY);
}

static int teardown(void **state)
{
	struct data *d = *state;

	codearena_data_table_free(d->table);
	codearena_arena_free(d->arena);
	free(d);
	return 0;
}

static void slots_lead_where_the_words_say(void **state)
{
	struct data *d = *state;
	uint64_t slot, patched = stat_of(d->arena).out_patched;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		slot = codearena_data_table_slot(d->table, i);
		assert_true(codearena_data_table_target(d->table, i) ==
			    d->targets[i]);
		if (d->targets[i])
			assert_int_equal(call(slot), i % 33);
		assert_int_equal(codearena_data_table_set(d->table, i,
							  function(d, i % 7)),
				 0);
		assert_int_equal(call(slot), i % 7);
		assert_true(codearena_data_table_target(d->table, i) ==
			    function(d, i % 7));
	}
	/* No code was changed for that. */
	assert_int_equal(stat_of(d->arena).out_patched, patched);
}

static bool call_nowhere(void *context)
{
	call(codearena_data_table_slot(context, 32));
	return true;
}

static void nowhere_faults(void **state)
{
	struct data *d = *state;

	assert_int_equal(in_child(call_nowhere, d->table), SIGSEGV);
}

/* Each slot loads a word of its own, in memory that is not the arena's. */
static void slots_decode_to_words(void **state)
{
	struct data *d = *state;
	struct codearena_jump_layout layout;
	uint64_t base = base_of(d->arena), slot, word, first = 0;
	unsigned int i;

	assert_int_equal(codearena_jump_layout(MACHINE, 0, &layout), 0);
	for (i = 0; i < FUNCTIONS; i++) {
		slot = codearena_data_table_slot(d->table, i);
		assert_int_equal(codearena_jump_decode_data(&layout, slot,
				(const uint8_t *)(uintptr_t)slot, &word), 0);
		first = i ? first : word;
		assert_true(word == first + 8 * i);
		assert_true(word - base >= 16 * d->page);
		assert_true(*(const uint64_t *)(uintptr_t)word ==
			    d->targets[i]);
	}
}

static void slots_are_found_exactly(void **state)
{
	struct data *d = *state;
	uint64_t slot;
	uint32_t i, index;
	int j;

	for (i = 0; i < FUNCTIONS; i++) {
		slot = codearena_data_table_slot(d->table, i);
		for (j = -3; j <= 3; j++)
			assert_int_equal(codearena_data_table_find(d->table,
								   slot + j,
								   &index),
					 j ? -ENOENT : 0);
		assert_int_equal(codearena_data_table_find(d->table, slot,
							   &index), 0);
		assert_int_equal(index, i);
	}
	slot = codearena_data_table_slot(d->table, 0);
	slot += 2 * (codearena_data_table_slot(d->table, FUNCTIONS / 2) - slot);
	assert_int_equal(codearena_data_table_find(d->table, slot, &index),
			 -ENOENT);
}

static void bad_arguments(void **state)
{
	struct data *d = *state;
	CODEARENA_OPTS(codearena_data_table_opts, opts, .functions = 4);
	struct codearena_data_table *out;
	uint64_t bytes = 3;
	uint32_t index;

#define expect_bad(error, offset)					\
	do {								\
		out = d->table;						\
		expect_refused(d->arena, error,				\
			       codearena_data_table_new(&opts, d->arena, \
							offset, &out));	\
		assert_null(out);					\
	} while (0)

	expect_bad(EINVAL, 8 * d->page + 8);
	expect_bad(ENOENT, 16 * d->page);
	expect_bad(EOVERFLOW, UINT64_MAX);
	expect_bad(EPERM, 0);
	opts.flags = CODEARENA_JUMP_TABLE_F_LAZY;
	expect_bad(EOPNOTSUPP, 8 * d->page);
	assert_int_equal(codearena_data_table_size(&opts, &bytes), -EOPNOTSUPP);
	opts.flags = 0;
	opts.functions = 0;
	expect_bad(EINVAL, 8 * d->page);
	opts.functions = (1 << 24) + 1;
	expect_bad(EINVAL, 8 * d->page);
	opts.sz = 8;
	expect_bad(EINVAL, 8 * d->page);
#undef expect_bad
	assert_int_equal(bytes, 3);
	assert_int_equal(codearena_data_table_size(NULL, &bytes), -EINVAL);
	assert_int_equal(codearena_data_table_set(d->table, FUNCTIONS, 0),
			 -EINVAL);
	assert_int_equal(codearena_data_table_set(NULL, 0, 0), -EINVAL);
	if (MACHINE != EM_X86_64)
		assert_int_equal(codearena_data_table_set(d->table, 0, 1),
				 -EINVAL);
	assert_true(!codearena_data_table_slot(d->table, FUNCTIONS));
	assert_true(!codearena_data_table_target(d->table, FUNCTIONS));
	assert_int_equal(codearena_data_table_find(NULL, 0, &index), -EINVAL);
	codearena_data_table_free(NULL);
}

int main(void)
{
#define DATA_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		DATA_TEST(slots_lead_where_the_words_say),
		{ "slots_lead_where_the_words_say_with_branch_targets",
		  slots_lead_where_the_words_say, setup_entry, teardown, NULL },
		DATA_TEST(nowhere_faults),
		DATA_TEST(slots_decode_to_words),
		DATA_TEST(slots_are_found_exactly),
		DATA_TEST(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
