// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables in many threads, each with a model of its entries.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "code/handle.h"
#include "codearena/module.h"
#include "lib/helpers.h"

#define SEGMENT_ENTRIES	(CODEARENA_HANDLE_SEGMENT / CODEARENA_HANDLE_SIZE)
#define THREADS		4
#define ROUNDS		60000
/* More than a segment per thread. */
#define OWN		5000
#define NATIVES		200

/**
 * struct team - threads and a table
 * @table: the table
 * @owner: per handle the number of the thread that owns it, + 1
 * @natives: per native function its first handle, + 1
 * @stop: makes the sweeper end
 * @sweeps: number of dropped segments
 * @rounds: number of sweeps
 * @errors: number of errors
 */
struct team {
	struct codearena_handle_table *table;
	unsigned int *owner;
	codearena_handle natives[NATIVES];
	int stop;
	int sweeps;
	int rounds;
	int errors;
};

struct member {
	struct team *team;
	unsigned int number;
	uint64_t seed;
	codearena_handle own[OWN];
	uint64_t values[OWN];
	unsigned int count;
	pthread_t thread;
};

static void expect(struct member *m, bool true_)
{
	if (!true_)
		__atomic_add_fetch(&m->team->errors, 1, __ATOMIC_RELAXED);
}

static uint64_t number(struct member *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return m->seed;
}

static void take(struct member *m)
{
	uint64_t value = number(m) | 1;
	codearena_handle h;
	unsigned int none = 0;

	if (ca__handle_allocate(m->team->table, value, ~value, &h)) {
		expect(m, false);
		return;
	}
	/* No other thread has it. */
	expect(m, __atomic_compare_exchange_n(&m->team->owner[h], &none,
					      m->number + 1, false,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	m->own[m->count] = h;
	m->values[m->count++] = value;
}

static void check(struct member *m, unsigned int i)
{
	uint64_t entry = 0, signature = 0;

	expect(m, !ca__handle_get(m->team->table, m->own[i], &entry,
					&signature));
	expect(m, entry == m->values[i]);
	/* The signature is that of the first value. */
	expect(m, (signature & 1) == 0);
}

static void change(struct member *m, unsigned int i)
{
	m->values[i] = number(m) | 1;
	expect(m, !ca__handle_set(m->team->table, m->own[i],
					m->values[i]));
}

static void give(struct member *m, unsigned int i)
{
	codearena_handle h = m->own[i];

	check(m, i);
	__atomic_store_n(&m->team->owner[h], 0, __ATOMIC_RELAXED);
	expect(m, !ca__handle_release(m->team->table, h));
	m->own[i] = m->own[--m->count];
	m->values[i] = m->values[m->count];
}

static void *work(void *context)
{
	struct member *m = context;
	unsigned int i, grow = 1;

	for (i = 0; i < ROUNDS; i++) {
		uint64_t dice = number(m) % 16;

		/* Up to the limit and down again, to empty segments. */
		if (m->count == OWN)
			grow = 0;
		if (!m->count)
			grow = 1;
		if (dice < (grow ? 12 : 3) && m->count < OWN)
			take(m);
		else if (dice < 15 && m->count)
			give(m, number(m) % m->count);
		else if (m->count)
			change(m, number(m) % m->count);
	}
	for (i = 0; i < m->count; i++)
		check(m, i);
	while (m->count)
		give(m, m->count - 1);
	return NULL;
}

static void *sweep(void *context)
{
	struct team *team = context;

	while (!__atomic_load_n(&team->stop, __ATOMIC_RELAXED)) {
		team->sweeps += codearena_handle_table_sweep(team->table, 1);
		__atomic_add_fetch(&team->rounds, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
	return NULL;
}

static void allocate_free_and_sweep(void **state)
{
	struct team team = { .errors = 0 };
	struct member *members = calloc(THREADS, sizeof(*members));
	CODEARENA_OPTS(codearena_handle_table_counters, stat);
	CODEARENA_OPTS(codearena_handle_table_opts, opts,
		       .max_entries = 8 * SEGMENT_ENTRIES);
	pthread_t sweeper;
	unsigned int i;

	(void)state;
	assert_int_equal(codearena_handle_table_new(&opts, &team.table), 0);
	team.owner = calloc(opts.max_entries, sizeof(*team.owner));
	assert_non_null(members);
	assert_non_null(team.owner);
	assert_int_equal(pthread_create(&sweeper, NULL, sweep, &team), 0);
	for (i = 0; i < THREADS; i++) {
		members[i].team = &team;
		members[i].number = i;
		members[i].seed = 4711 + i;
		assert_int_equal(pthread_create(&members[i].thread, NULL, work,
						&members[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	__atomic_store_n(&team.stop, 1, __ATOMIC_RELAXED);
	pthread_join(sweeper, NULL);
	assert_int_equal(team.errors, 0);
	team.sweeps += codearena_handle_table_sweep(team.table, 1);
	assert_true(team.sweeps > 0);
	assert_int_equal(codearena_handle_table_stat(team.table, &stat), 0);
	assert_int_equal(stat.used, 0);
	assert_int_equal(stat.free, 0);
	assert_int_equal(stat.segments, 0);
	codearena_handle_table_free(team.table);
	free(team.owner);
	free(members);
}

/* Many threads release the same handles: one succeeds for each. */
static void *release_all(void *context)
{
	struct team *team = context;
	uintptr_t count = 0;
	unsigned int h;
	int ret;

	for (h = 0; h < 2000; h++) {
		ret = ca__handle_release(team->table, h);
		count += !ret;
		if (ret && ret != -ENOENT)
			__atomic_add_fetch(&team->errors, 1, __ATOMIC_RELAXED);
	}
	return (void *)count;
}

static void one_release_succeeds(void **state)
{
	struct team team = { .errors = 0 };
	uint8_t seen[2000] = { 0 };
	pthread_t threads[THREADS];
	uintptr_t total = 0;
	codearena_handle h;
	unsigned int i;
	void *count;

	(void)state;
	assert_int_equal(codearena_handle_table_new(NULL, &team.table), 0);
	for (i = 0; i < 2000; i++)
		assert_int_equal(ca__handle_allocate(team.table, 1, 1,
							   &h), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, release_all,
						&team), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &count);
		total += (uintptr_t)count;
	}
	assert_int_equal(total, 2000);
	assert_int_equal(team.errors, 0);
	/* Each is in the list once. */
	for (i = 0; i < 2000; i++) {
		assert_int_equal(ca__handle_allocate(team.table, 1, 1,
							   &h), 0);
		assert_true(h < 2000);
		assert_false(seen[h]);
		seen[h] = 1;
	}
	codearena_handle_table_free(team.table);
}

static void *ask_natives(void *context)
{
	struct member *m = context;
	codearena_handle h, none, *first;
	unsigned int i, n;

	for (i = 0; i < 4000; i++) {
		n = number(m) % NATIVES;
		first = &m->team->natives[n];
		expect(m, !codearena_handle_for_native(m->team->table,
						       0x1000 + n, n, &h));
		none = 0;
		if (!__atomic_compare_exchange_n(first, &none, h + 1, false,
						 __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			expect(m, none == h + 1);
	}
	return NULL;
}

static void natives_are_the_same_for_all(void **state)
{
	struct team team = { .errors = 0 };
	struct member *members = calloc(THREADS, sizeof(*members));
	CODEARENA_OPTS(codearena_handle_table_counters, stat);
	unsigned int i;

	(void)state;
	assert_non_null(members);
	assert_int_equal(codearena_handle_table_new(NULL, &team.table), 0);
	for (i = 0; i < THREADS; i++) {
		members[i].team = &team;
		members[i].seed = 99 + i;
		assert_int_equal(pthread_create(&members[i].thread, NULL,
						ask_natives, &members[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(members[i].thread, NULL);
	assert_int_equal(team.errors, 0);
	assert_int_equal(codearena_handle_table_stat(team.table, &stat), 0);
	assert_int_equal(stat.natives, NATIVES);
	assert_int_equal(stat.used, NATIVES);
	codearena_handle_table_free(team.table);
	free(members);
}

static void *take_and_give(void *context)
{
	struct team *team = context;
	codearena_handle h;

	while (__atomic_load_n(&team->rounds, __ATOMIC_RELAXED) < 100) {
		if (ca__handle_allocate(team->table, 1, 1, &h) ||
		    ca__handle_release(team->table, h))
			__atomic_add_fetch(&team->errors, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* The list is empty while it is sorted, but the table is not full. */
static void allocation_waits_for_a_sweep(void **state)
{
	struct team team = { .errors = 0 };
	CODEARENA_OPTS(codearena_handle_table_opts, opts,
		       .max_entries = 2 * SEGMENT_ENTRIES);
	pthread_t sweeper, threads[2];
	codearena_handle h;
	unsigned int i;

	(void)state;
	assert_int_equal(codearena_handle_table_new(&opts, &team.table), 0);
	for (i = 0; i < opts.max_entries; i++)
		assert_int_equal(ca__handle_allocate(team.table, 1, 1,
							   &h), 0);
	/* One entry of each segment stays, so that none can be dropped. */
	for (i = 0; i < opts.max_entries; i++) {
		if (i % SEGMENT_ENTRIES != 99)
			assert_int_equal(ca__handle_release(team.table,
								  i), 0);
	}
	assert_int_equal(pthread_create(&sweeper, NULL, sweep, &team), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						take_and_give, &team), 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&team.stop, 1, __ATOMIC_RELAXED);
	pthread_join(sweeper, NULL);
	assert_int_equal(team.sweeps, 0);
	assert_int_equal(team.errors, 0);
	codearena_handle_table_free(team.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocate_free_and_sweep),
		cmocka_unit_test(allocation_waits_for_a_sweep),
		cmocka_unit_test(one_release_succeeds),
		cmocka_unit_test(natives_are_the_same_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
