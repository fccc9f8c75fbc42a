// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code space and several threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "space/space_helpers.h"

#define THREADS	4
#define ROUNDS	300
#define HELD	16

struct shared {
	struct codearena_manager *manager;
	struct codearena_allocator *allocator;
	struct codearena_region known;
	atomic_uint bad;
	atomic_bool stop;
	atomic_uint full;
};

struct worker {
	struct shared *shared;
	unsigned int seed;
	struct codearena_region held[HELD];
};

/* cmocka's assertions are for the main thread only. */
static void require(struct shared *shared, bool condition)
{
	if (!condition)
		shared->bad++;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct shared *s = w->shared;
	unsigned int i, k;

	for (i = 0; i < ROUNDS; i++) {
		w->seed = w->seed * 1103515245 + 12345;
		k = w->seed >> 16 & (HELD - 1);
		if (w->held[k].size) {
			require(s, !codearena_allocator_release(s->allocator,
				w->held + k, 1, NULL));
			w->held[k].size = 0;
		} else {
			int ret = codearena_allocator_allocate(s->allocator,
				1 + (w->seed >> 20) % 5000, NULL, w->held + k);

			require(s, !ret || ret == -ENOMEM);
			if (ret)
				s->full++;
		}
		if (i % 16 == 0)
			require(s, !codearena_allocator_grace_end(s->allocator,
				codearena_allocator_grace_begin(s->allocator)));
	}
	return NULL;
}

/* Reads without a lock while spaces are added. */
static void *look(void *data)
{
	struct shared *s = data;
	struct codearena_arena *arena;
	uint64_t offset;
	size_t index;

	while (!s->stop) {
		require(s, !codearena_allocator_locate(s->allocator,
			s->known.begin + 1, &arena, &offset, &index));
		require(s, offset == 1 && !index);
		require(s, codearena_allocator_locate(s->allocator, 4096, NULL,
			NULL, NULL) == -ENOENT);
		sched_yield();
	}
	return NULL;
}

static void compare(const struct worker *w)
{
	unsigned int i, k;

	for (i = 0; i < THREADS * HELD; i++) {
		struct codearena_region a = w[i / HELD].held[i % HELD];

		for (k = 0; k < i; k++) {
			struct codearena_region b = w[k / HELD].held[k % HELD];

			assert_int_equal(ca__region_overlap(a, b).size,
					 0);
		}
	}
}

static void run(struct shared *s)
{
	pthread_t thread[THREADS], looker;
	struct worker w[THREADS];
	unsigned int i;

	s->known = space_info(s->allocator, 0).region;
	memset(w, 0, sizeof(w));
	assert_int_equal(pthread_create(&looker, NULL, look, s), 0);
	for (i = 0; i < THREADS; i++) {
		w[i].shared = s;
		w[i].seed = i;
		assert_int_equal(pthread_create(thread + i, NULL, work, w + i),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	s->stop = true;
	pthread_join(looker, NULL);
	assert_int_equal(s->bad, 0);
	compare(w);
	check_accounts(s->manager, s->allocator);
}

static void threads_share_an_allocator(void **state)
{
	struct shared s = { 0 };
	uint64_t page;

	(void)state;
	s.manager = manager_of(0, &page);
	s.allocator = allocator_of(s.manager, page);
	run(&s);
	assert_true(space_count(s.allocator) > 1);
	assert_int_equal(s.full, 0);
	codearena_allocator_free(s.allocator);
	codearena_manager_free(s.manager);
}

/* The limit is never exceeded; allocations beyond it fail. */
static void threads_meet_the_limit(void **state)
{
	struct shared s = { 0 };
	uint64_t page;

	(void)state;
	s.manager = manager_of(6, &page);
	s.allocator = allocator_of(s.manager, page);
	run(&s);
	assert_true(s.full > 0);
	codearena_allocator_free(s.allocator);
	codearena_manager_free(s.manager);
}

static void *charge(void *data)
{
	struct shared *s = data;
	struct codearena_allocator *a;
	struct codearena_region r;
	unsigned int i;
	CODEARENA_OPTS(codearena_allocator_opts, opts, .estimate = 3 * 4096);

	for (i = 0; i < 30; i++) {
		if (codearena_allocator_new(s->manager, &opts, &a)) {
			require(s, false);
			return NULL;
		}
		while (!codearena_allocator_allocate(a, 4096, NULL, &r))
			;
		require(s, manager_stat(s->manager).committed <=
			   manager_stat(s->manager).max_committed);
		codearena_allocator_free(a);
	}
	return NULL;
}

/* V8: the counter of committed bytes can never pass the maximum. */
static void managers_count_without_a_lock(void **state)
{
	struct shared s = { 0 };
	pthread_t thread[THREADS];
	uint64_t page;
	unsigned int i;

	(void)state;
	s.manager = manager_of(8, &page);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(thread + i, NULL, charge, &s),
				 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(s.bad, 0);
	assert_int_equal(manager_stat(s.manager).committed, 0);
	assert_int_equal(manager_stat(s.manager).reserved, 0);
	assert_int_equal(manager_stat(s.manager).allocators, 0);
	codearena_manager_free(s.manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_an_allocator),
		cmocka_unit_test(threads_meet_the_limit),
		cmocka_unit_test(managers_count_without_a_lock),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
