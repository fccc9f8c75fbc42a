// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Many threads and one arena.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/helpers.h"

#define THREADS		4
#define ROUNDS		300

/**
 * struct team - threads that work on the same thing
 * @f: the fixture
 * @running: how many of those that only watch have begun
 * @stop: those that only watch shall end
 * @errors: what went wrong, counted, since a thread cannot end the test
 */
struct team {
	struct fixture *f;
	int running;
	int stop;
	int errors;
};

/* A thread of a team, with its number. */
struct member {
	struct team *team;
	unsigned int number;
	pthread_t thread;
};

static void expect(struct member *member, bool true_)
{
	if (!true_)
		__atomic_add_fetch(&member->team->errors, 1, __ATOMIC_RELAXED);
}

static bool stopped(struct member *member)
{
	return __atomic_load_n(&member->team->stop, __ATOMIC_ACQUIRE);
}

static void start(struct team *team, struct member *members,
		  unsigned int count, void *(*function)(void *))
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		members[i].team = team;
		members[i].number = i;
		assert_int_equal(pthread_create(&members[i].thread, NULL,
						function, &members[i]), 0);
	}
}

static void join(struct member *members, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
}

static void *publish_own_granules(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	uint64_t own = f->reserved + member->number * f->page, i;

	for (i = 0; i < f->page / f->granule; i++) {
		uint64_t at = own + i * f->granule;

		expect(member, !publish_return(f->arena, at, i, 0));
		expect(member, execute(f->arena, at) == i);
	}
	return NULL;
}

/* At every moment the counters agree with each other. */
static void *watch_counters(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	struct codearena_stat stat = { .size = sizeof(stat) };
	uint64_t seen = 0;

	while (!stopped(member)) {
		expect(member, !codearena_arena_stat(f->arena, &stat));
		expect(member, stat.out_sealed ==
		       stat.out_published * f->granule);
		expect(member, stat.out_published >= seen);
		seen = stat.out_published;
	}
	return NULL;
}

static void publishing_threads(void **state)
{
	struct fixture *f = *state;
	struct team team = { .f = f };
	struct member members[THREADS], watcher;
	uint64_t each = f->page / f->granule, i, j;
	struct codearena_stat stat;

	assert_int_equal(codearena_arena_commit(f->arena, f->reserved,
						THREADS * f->page), 0);
	start(&team, &watcher, 1, watch_counters);
	start(&team, members, THREADS, publish_own_granules);
	join(members, THREADS);
	__atomic_store_n(&team.stop, 1, __ATOMIC_RELEASE);
	join(&watcher, 1);
	assert_int_equal(team.errors, 0);
	stat = stat_of(f->arena);
	assert_int_equal(stat.out_published, 2 + THREADS * each);
	assert_int_equal(stat.out_sealed,
			 (2 + THREADS * each) * f->granule);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < each; j++)
			assert_int_equal(execute(f->arena, f->reserved +
						 i * f->page + j * f->granule),
					 j);
	}
}

/* Everybody wants every granule: one gets it. */
static void *publish_all_granules(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	uint64_t at, won = 0;
	int ret;

	for (at = f->pristine; at < f->reserved; at += f->granule) {
		ret = publish_return(f->arena, at, member->number, 0);
		expect(member, !ret || ret == -EPERM || ret == -EBUSY);
		won += !ret;
	}
	return (void *)won;
}

static void competing_threads(void **state)
{
	struct fixture *f = *state;
	struct team team = { .f = f };
	struct member members[THREADS];
	uint64_t counts[THREADS] = { 0 }, at;
	unsigned int i, value;
	void *won;

	start(&team, members, THREADS, publish_all_granules);
	for (i = 0; i < THREADS; i++) {
		pthread_join(members[i].thread, &won);
		counts[i] = (uint64_t)won;
	}
	assert_int_equal(team.errors, 0);
	for (at = f->pristine; at < f->reserved; at += f->granule) {
		value = execute(f->arena, at);
		assert_true(value < THREADS);
		counts[value]--;
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(counts[i], 0);
	assert_int_equal(stat_of(f->arena).out_published,
			 2 + f->page / f->granule);
}

/* The slot always targets one of two functions. */
static void *run_slot(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	unsigned int value;
	bool first = true;

	while (!stopped(member)) {
		value = execute(f->arena, f->word);
		expect(member, value == 101 || value == 202);
		if (first)
			__atomic_add_fetch(&member->team->running, 1,
					   __ATOMIC_RELEASE);
		first = false;
	}
	return NULL;
}

static int patch_slot(struct fixture *f, uint64_t from, uint64_t to,
		      uint32_t flags)
{
	struct codearena_patch_entry patch = {
		.offset = f->word,
		.expected = from,
		.value = to,
		.width = 8,
	};

	return codearena_arena_patch(f->arena, &patch, 1, flags, NULL);
}

/*
 * QEMU's translator with several processors may keep what it has translated
 * of a word that is stored to at the same moment; no real processor does.
 */
static bool emulated(void)
{
	FILE *info = fopen("/proc/cpuinfo", "r");
	char line[256];
	bool found = false;

	assert_non_null(info);
	while (fgets(line, sizeof(line), info))
		found |= strstr(line, "TCG") != NULL;
	fclose(info);
	return found;
}

static void patch_under_running_threads(void **state)
{
	struct fixture *f = *state;
	struct team team = { .f = f };
	struct member members[2];
	uint64_t first = code_jump(f->word, f->pristine);
	uint64_t second = code_jump(f->word, f->pristine + 5 * f->granule);
	unsigned int i;

	assert_int_equal(publish_return(f->arena, f->pristine, 101, 0), 0);
	assert_int_equal(publish_return(f->arena, f->pristine + 5 * f->granule,
					202, 0), 0);
	assert_int_equal(patch_slot(f, WORD_VALUE, first, 0), 0);
	start(&team, members, 2, run_slot);
	while (__atomic_load_n(&team.running, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
	for (i = 0; i < ROUNDS; i++) {
		uint32_t flags = i % 3 ? 0 : CODEARENA_PATCH_F_SYNC;

		assert_int_equal(patch_slot(f, first, second, flags), 0);
		sched_yield();
		assert_int_equal(patch_slot(f, second, first, flags), 0);
		sched_yield();
	}
	__atomic_store_n(&team.stop, 1, __ATOMIC_RELEASE);
	join(members, 2);
	assert_int_equal(team.errors, 0);
	assert_int_equal(stat_of(f->arena).out_patched, 1 + 2 * ROUNDS);
	assert_int_equal(patch_slot(f, first, second, CODEARENA_PATCH_F_SYNC),
			 0);
	if (!emulated())
		assert_int_equal(execute(f->arena, f->word), 202);
}

/* Counts by compare and exchange, like any other atomic word. */
static void *count_up(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	unsigned int i;
	uint64_t value;
	int ret;

	for (i = 0; i < ROUNDS; i++) {
		do {
			value = __atomic_load_n((const uint64_t *)
				((const char *)codearena_arena_base(f->arena) +
				 f->word), __ATOMIC_ACQUIRE);
			ret = patch_slot(f, value, value + 1, 0);
		} while (ret == -EAGAIN);
		expect(member, !ret);
	}
	return NULL;
}

static void patch_is_atomic(void **state)
{
	struct fixture *f = *state;
	struct team team = { .f = f };
	struct member members[THREADS];
	uint64_t word;

	start(&team, members, THREADS, count_up);
	join(members, THREADS);
	assert_int_equal(team.errors, 0);
	assert_true(peek(f->arena, f->word, &word, 8));
	assert_true(word == WORD_VALUE + THREADS * ROUNDS);
	assert_int_equal(stat_of(f->arena).out_patched, THREADS * ROUNDS);
}

/* Each on a page of its own: commit, publish, run, discard, decommit. */
static void *churn(void *context)
{
	struct member *member = context;
	struct fixture *f = member->team->f;
	uint64_t own = f->reserved + member->number * f->page;
	struct codearena_range range = { own, f->granule };
	unsigned int i;

	for (i = 0; i < ROUNDS / 4; i++) {
		expect(member, !codearena_arena_commit(f->arena, own, f->page));
		expect(member, !publish_return(f->arena, own, i, 0));
		expect(member, execute(f->arena, own) == i);
		expect(member, !codearena_arena_discard(f->arena, &range, 1,
							NULL));
		expect(member, !publish_return(f->arena, own, i + 1, 0));
		expect(member, execute(f->arena, own) == i + 1);
		expect(member, !codearena_arena_decommit(f->arena, own,
							 f->page));
	}
	return NULL;
}

static void churning_threads(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct team team = { .f = f };
	struct member members[THREADS];

	start(&team, members, THREADS, churn);
	join(members, THREADS);
	assert_int_equal(team.errors, 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_committed, before.out_committed);
	assert_int_equal(after.out_sealed, before.out_sealed);
	assert_int_equal(after.out_published - before.out_published,
			 THREADS * (ROUNDS / 4) * 2);
	assert_int_equal(after.out_discarded,
			 THREADS * (ROUNDS / 4) * 2 * f->granule);
	assert_int_equal(execute(f->arena, f->fixed), FIXED_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(publishing_threads),
		FIXTURE_TEST(competing_threads),
		FIXTURE_TEST(patch_under_running_threads),
		FIXTURE_TEST(patch_is_atomic),
		FIXTURE_TEST(churning_threads),
	};

	return cmocka_run_group_tests_name("arena_threads", tests, NULL, NULL);
}
