// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The parts below traps: sorted ranges, one table, and the sets of an arena,
 * each against a simple model.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "arch/arch.h"
#include "lib/helpers.h"
#include "arena/memfd/rcu.h"
#include "arena/memfd/traps.h"

#define PLACES	64

static unsigned int random_state = 1;

static unsigned int random_below(unsigned int limit)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 16) % limit;
}

/* What is at each place: 0 nothing, else the number of a range. */
static void check_ranges(const struct ca__ranges *ranges,
			 const uintptr_t *model)
{
	uint64_t i, start;

	for (i = 0; i < PLACES; i++) {
		assert_int_equal((uintptr_t)ca__ranges_find(ranges, i, &start),
				 model[i]);
		if (model[i]) {
			assert_int_equal(model[start], model[i]);
			assert_true(!start || model[start - 1] != model[i]);
		}
	}
	assert_null(ca__ranges_find(ranges, UINT64_MAX, NULL));
}

static void ranges_follow_the_model(void **state)
{
	uintptr_t model[PLACES] = { 0 }, number = 0;
	struct ca__ranges *ranges = NULL;
	unsigned int round, i, at, length;

	(void)state;
	ca__process_lock();
	for (round = 0; round < 20000; round++) {
		at = random_below(PLACES);
		if (model[at]) {
			number = model[at];
			ca__ranges_remove(&ranges, at);
			for (i = 0; i < PLACES; i++)
				model[i] = model[i] == number ? 0 : model[i];
		} else {
			number = round + 1;
			length = 1 + random_below(6);
			for (i = at; i < at + length && i < PLACES && !model[i];
			     i++)
				;
			assert_int_equal(ca__ranges_insert(&ranges, at, i,
							   (void *)number), 0);
			while (i-- > at)
				model[i] = number;
		}
		check_ranges(ranges, model);
		if (round % 64 == 63) {
			ca__process_unlock();
			ca__process_lock();
		}
	}
	ca__rcu_retire(ranges);
	ca__process_unlock();
}

/* Bits of the model are places that are in no hole. */
static void check_holes(const struct ca__ranges *holes, uint64_t backed)
{
	size_t i;

	for (i = 0; i < PLACES; i++)
		assert_int_equal(!ca__ranges_find(holes, i, NULL),
				 backed >> i & 1);
	/* Joined where they meet. */
	for (i = 1; i < holes->count; i++)
		assert_true(holes->range[i - 1].end < holes->range[i].start);
}

static void holes_follow_the_model(void **state)
{
	struct ca__ranges *holes = NULL, *next;
	unsigned int round, at, end;
	uint64_t backed = 0;

	(void)state;
	ca__process_lock();
	assert_int_equal(ca__ranges_insert(&holes, 0, PLACES, &holes), 0);
	for (round = 0; round < 20000; round++) {
		at = random_below(PLACES);
		end = at + 1;
		while (end < PLACES && random_below(4) &&
		       (backed >> end & 1) == (backed >> at & 1))
			end++;
		if (backed >> at & 1)
			next = ca__ranges_join(holes, at, end, &holes);
		else
			next = ca__ranges_cut(holes, at, end);
		assert_non_null(next);
		ca__rcu_free(holes);
		holes = next;
		backed ^= (UINT64_MAX >> (64 - (end - at))) << at;
		check_holes(holes, backed);
	}
	ca__rcu_free(holes);
	ca__process_unlock();
}

static void table_finds_what_a_search_finds(void **state)
{
	struct codearena_trap traps[16], unsorted[16];
	const struct ca__trap_entry *entry, *expected;
	struct ca__trap_table *table;
	unsigned int round, count, i, at, offset;
	struct codearena_trap_register request = {
		.offset = 0x1000,
		.length = 200,
	};
	uint32_t failed;

	(void)state;
	for (round = 0; round < 2000; round++) {
		at = random_below(5);
		for (count = 0; count < 1 + round % 16; count++) {
			traps[count] = (struct codearena_trap){
				.start = at,
				.length = 1 + random_below(5),
				.landing = random_below(2) ?
					   4 * random_below(100) :
					   CODEARENA_LANDING_EXTERNAL,
			};
			at += traps[count].length + random_below(3);
		}
		/* Rotated, so that they have to be sorted. */
		for (i = 0; i < count; i++)
			unsorted[(i + round) % count] = traps[i];
		request.traps = (uintptr_t)unsorted;
		request.count = count;
		request.flags = round & 1;
		assert_int_equal(ca__trap_table_build(&request, 400, &failed,
						      &table), 0);
		assert_int_equal(table->report, round & 1);
		for (offset = 0; offset < 200; offset++) {
			expected = NULL;
			for (i = 0; i < count; i++) {
				if (offset - traps[i].start < traps[i].length)
					expected = &table->entry[i];
			}
			entry = ca__trap_table_find(table, offset);
			assert_ptr_equal(entry, expected);
		}
		for (i = 0; i < count; i++)
			assert_int_equal(table->entry[i].landing,
					 (uint32_t)traps[i].landing);
		ca__rcu_free(table);
	}
}

/* One table of code from @start on, all of it protected. */
static struct ca__trap_table *whole_table(uint32_t start, uint32_t length,
					  uint64_t landing)
{
	struct codearena_trap trap = { .length = length, .landing = landing };
	struct codearena_trap_register request = {
		.offset = start,
		.length = length,
		.traps = (uintptr_t)&trap,
		.count = 1,
	};
	struct ca__trap_table *table;
	uint32_t failed;

	assert_int_equal(ca__trap_table_build(&request, 1ULL << 20, &failed,
					      &table), 0);
	return table;
}

#define SET_PAGES	8
#define SET_PAGE	4096

static void sets_follow_the_model(void **state)
{
	static struct ca__trap_table *model[SET_PAGES * SET_PAGE / 64];
	static struct ca__page pages[SET_PAGES];
	const struct ca__pages all = {
		.page = pages, .page_shift = 12,
	};
	unsigned int round, i, at, length, count = 0;
	const unsigned int places = SET_PAGES * SET_PAGE / 64;
	struct ca__trap_table *table;
	struct ca__traps *traps;

	(void)state;
	for (i = 0; i < SET_PAGES; i++)
		pages[i] = (struct ca__page){ .committed = 1, .sealed = -1ULL };
	ca__process_lock();
	traps = ca__traps_new(1ULL << 40, SET_PAGES * SET_PAGE, SET_PAGE);
	assert_non_null(traps);
	for (round = 0; round < 4000; round++) {
		at = random_below(places);
		/* Most are short, some span several pages. */
		length = 1 + random_below(round % 7 ? 4 : 200);
		if (at + length > places)
			length = places - at;
		table = whole_table(at * 64, length * 64,
				    CODEARENA_LANDING_EXTERNAL);
		for (i = at; i < at + length && !model[i]; i++)
			;
		if (i < at + length) {
			assert_int_equal(ca__traps_insert(traps, table, &all),
					 -EEXIST);
			ca__rcu_free(table);
			table = model[i];
			ca__traps_remove(traps, table);
			for (i = 0; i < places; i++)
				model[i] = model[i] == table ? NULL : model[i];
			count--;
		} else {
			assert_int_equal(ca__traps_insert(traps, table, &all),
					 0);
			while (i-- > at)
				model[i] = table;
			count++;
		}
		for (i = 0; i < places; i++)
			assert_ptr_equal(ca__traps_find(traps, i * 64 + 63),
					 model[i]);
		assert_int_equal(traps->tables, count);
	}
	ca__traps_remove_range(traps, 64, places * 64 - 128);
	assert_true(traps->tables <= 2);
	ca__traps_free(traps);
	ca__process_unlock();
}

static void pads_are_counted(void **state)
{
	struct ca__page page = { .committed = 1, .sealed = -1ULL };
	const struct ca__pages all = {
		.page = &page, .page_shift = 12,
	};
	struct codearena_range range = { .offset = 2048, .length = 64 };
	struct ca__trap_table *tables[2];
	struct ca__traps *traps;
	uint32_t failed = 77;

	(void)state;
	ca__process_lock();
	traps = ca__traps_new(1ULL << 40, SET_PAGE, SET_PAGE);
	assert_non_null(traps);
	tables[0] = whole_table(0, 64, 2048);
	tables[1] = whole_table(64, 64, 2048);
	assert_int_equal(ca__traps_insert(traps, tables[0], &all), 0);
	assert_int_equal(ca__traps_insert(traps, tables[1], &all), 0);
	assert_int_equal(traps->pads, 1);
	assert_true(ca__pads_any(traps, 2048, 2049));
	assert_false(ca__pads_any(traps, 2049, SET_PAGE));
	assert_false(ca__pads_any(traps, 0, 2048));
	ca__traps_remove(traps, tables[0]);
	assert_int_equal(ca__pads_check(traps, &range, 1, &failed), -EBUSY);
	assert_int_equal(failed, 0);
	ca__traps_remove(traps, tables[1]);
	assert_int_equal(traps->pads, 0);
	assert_int_equal(ca__pads_check(traps, &range, 1, &failed), 0);
	ca__traps_free(traps);
	ca__process_unlock();
}

/* Retire something, which takes as long as somebody may read it. */
static void *retire(void *argument)
{
	unsigned int *done = argument;

	ca__process_lock();
	ca__rcu_retire(ca__rcu_alloc(64));
	ca__process_unlock();
	__atomic_store_n(done, 1, __ATOMIC_RELEASE);
	return argument;
}

static void writers_wait_for_readers(void **state)
{
	unsigned int done = 0, phase, round;
	pthread_t thread;
	void *result;

	(void)state;
	/* Each of the two counters has its turn. */
	for (round = 0; round < 4; round++) {
		phase = ca__rcu_enter();
		__atomic_store_n(&done, 0, __ATOMIC_RELEASE);
		assert_int_equal(pthread_create(&thread, NULL, retire, &done),
				 0);
		usleep(20000);
		assert_int_equal(__atomic_load_n(&done, __ATOMIC_ACQUIRE), 0);
		/* Readers that come later are not waited for. */
		ca__rcu_exit(ca__rcu_enter());
		assert_int_equal(__atomic_load_n(&done, __ATOMIC_ACQUIRE), 0);
		ca__rcu_exit(phase);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_ptr_equal(result, &done);
	}
}

static bool retires(void *context)
{
	/* Should it wait for a reader of the parent, that is the end. */
	signal(SIGALRM, SIG_DFL);
	alarm(300);
	return retire(context);
}

static void children_do_not_wait_for_their_parents_readers(void **state)
{
	unsigned int done = 0, phase, round;

	(void)state;
	assert_int_equal(ca__process_prepare(), 0);
	for (round = 0; round < 2; round++) {
		phase = ca__rcu_enter();
		assert_int_equal(in_child(retires, &done), 0);
		ca__rcu_exit(phase);
		assert_ptr_equal(retire(&done), &done);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_follow_the_model),
		cmocka_unit_test(holes_follow_the_model),
		cmocka_unit_test(table_finds_what_a_search_finds),
		cmocka_unit_test(sets_follow_the_model),
		cmocka_unit_test(pads_are_counted),
		cmocka_unit_test(writers_wait_for_readers),
		cmocka_unit_test(children_do_not_wait_for_their_parents_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
