// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The index of code objects by address. It does not read the code, so most
 * tests use unmapped addresses.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "code/code.h"
#include "lib/code_info.h"
#include "lib/helpers.h"
#include "code/lookup.h"

/* Unmapped, and on no boundary of a node. */
#define BASE	0x00003a5bf1234000ULL

static struct codearena_code *code_at(uint64_t start, uint64_t size)
{
	struct codearena_region region = { start, size };
	struct codearena_code_desc desc = {
		.sz = sizeof(desc),
		.function_index = CODEARENA_CODE_ANONYMOUS,
		.kind = CODEARENA_CODE_JUMP_TABLE,
		.instructions_size = 1,
	};
	struct codearena_code *code;

	assert_int_equal(ca__code_new(&desc, region, NULL, &code), 0);
	return code;
}

static struct codearena_code *added(uint64_t start, uint64_t size)
{
	struct codearena_code *code = code_at(start, size);

	assert_int_equal(ca__lookup_add(&code, 1), 0);
	return code;
}

static void removed(struct codearena_code *code)
{
	ca__lookup_remove(&code, 1);
	ca__code_destroy(code);
}

static void expect_no_add(int error, uint64_t start, uint64_t size)
{
	struct codearena_code *code = code_at(start, size ? size : 64);

	code->size = size;
	assert_int_equal(ca__lookup_add(&code, 1), -error);
	ca__code_destroy(code);
}

/* V8's Lookup: outside, start, middle, last byte, end, after death. */
static void lookup(void **state)
{
	struct codearena_code *first = added(BASE, 128);
	struct codearena_code *second = added(BASE + 128, 64);

	(void)state;
	assert_null(codearena_code_find(0));
	assert_null(codearena_code_find(UINT64_MAX));
	assert_null(codearena_code_find(BASE - 1));
	assert_ptr_equal(codearena_code_find(BASE), first);
	assert_ptr_equal(codearena_code_find(BASE + 64), first);
	assert_ptr_equal(codearena_code_find(BASE + 127), first);
	assert_ptr_equal(codearena_code_find(BASE + 128), second);
	assert_ptr_equal(codearena_code_find(BASE + 191), second);
	assert_null(codearena_code_find(BASE + 192));
	removed(second);
	assert_null(codearena_code_find(BASE + 128));
	assert_ptr_equal(codearena_code_find(BASE + 127), first);
	removed(first);
	assert_null(codearena_code_find(BASE));
}

/* V8's LookupWorksAfterRewrite: replaced code is found until it is freed. */
static void lookup_works_after_rewrite(void **state)
{
	struct codearena_code *old = added(BASE, 64);
	struct codearena_code *new = added(BASE + 4096, 64);

	(void)state;
	assert_ptr_equal(codearena_code_find(BASE + 1), old);
	assert_ptr_equal(codearena_code_find(BASE + 4097), new);
	removed(old);
	assert_null(codearena_code_find(BASE + 1));
	/* Another object at the same address, of another size. */
	old = added(BASE, 4096);
	assert_ptr_equal(codearena_code_find(BASE + 4095), old);
	assert_ptr_equal(codearena_code_find(BASE + 4096), new);
	removed(old);
	removed(new);
}

/* V8's thread isolation: overlaps end the process there. */
static void catch_jit_page_overlap(void **state)
{
	struct codearena_code *code = added(BASE + 64, 8192);

	(void)state;
	expect_no_add(EEXIST, BASE + 64, 8192);
	expect_no_add(EEXIST, BASE, 128);
	expect_no_add(EEXIST, BASE + 8192, 64);
	expect_no_add(EEXIST, BASE + 4096, 64);
	expect_no_add(EEXIST, BASE, 1 << 20);
	assert_ptr_equal(codearena_code_find(BASE + 64), code);
	assert_ptr_equal(codearena_code_find(BASE + 8192 + 63), code);
	assert_null(codearena_code_find(BASE));
	assert_null(codearena_code_find(BASE + 8192 + 64));
	removed(code);
}

/* V8: ReuseJitPage */
static void reuse_jit_page(void **state)
{
	struct codearena_code *a = added(BASE, 4096);
	struct codearena_code *b = added(BASE + 4096, 4096);

	(void)state;
	removed(a);
	a = added(BASE, 4096);
	assert_ptr_equal(codearena_code_find(BASE + 5), a);
	removed(a);
	removed(b);
	a = added(BASE, 8192);
	assert_ptr_equal(codearena_code_find(BASE + 8191), a);
	removed(a);
}

/* V8: JitAllocation */
static void jit_allocation_across_pages(void **state)
{
	struct codearena_code *first = added(BASE, 64);
	struct codearena_code *last = added(BASE + 8192 - 64, 64);
	struct codearena_code *across = added(BASE + 4096 - 64, 128);

	(void)state;
	assert_ptr_equal(codearena_code_find(BASE + 4095), across);
	assert_ptr_equal(codearena_code_find(BASE + 4096), across);
	assert_ptr_equal(codearena_code_find(BASE + 4096 + 63), across);
	assert_null(codearena_code_find(BASE + 4096 + 64));
	removed(across);
	across = added(BASE + 4096, 64);
	assert_null(codearena_code_find(BASE + 4095));
	removed(across);
	removed(last);
	removed(first);
}

/* V8: MergeJitPages, without the merging, which has no counterpart. */
static void merge_jit_pages(void **state)
{
	struct codearena_code *b = added(BASE + 4096, 4096);
	struct codearena_code *a = added(BASE, 4096);
	struct codearena_code *c = added(BASE + 8192, 4096), *all;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_ptr_equal(codearena_code_find(BASE + 4095), a);
		assert_ptr_equal(codearena_code_find(BASE + 4096), b);
		assert_ptr_equal(codearena_code_find(BASE + 8192), c);
		removed(b);
		assert_null(codearena_code_find(BASE + 4096));
		assert_null(codearena_code_find(BASE + 8191));
		assert_ptr_equal(codearena_code_find(BASE + 4095), a);
		assert_ptr_equal(codearena_code_find(BASE + 8192), c);
		expect_no_add(EEXIST, BASE, 3 * 4096);
		removed(a);
		removed(c);
		all = added(BASE, 3 * 4096);
		assert_ptr_equal(codearena_code_find(BASE), all);
		assert_ptr_equal(codearena_code_find(BASE + 8191), all);
		assert_ptr_equal(codearena_code_find(BASE + 3 * 4096 - 1), all);
		removed(all);
		b = added(BASE + 4096, 4096);
		a = added(BASE, 4096);
		c = added(BASE + 8192, 4096);
	}
	removed(a);
	removed(b);
	removed(c);
}

/*
 * V8: UnregisterAllocationsExcept, here by removing the others in one call;
 * also with none kept, beside a neighbour in the next page.
 */
static void unregister_allocations_except(void **state)
{
	struct codearena_code *code[4], *middle, *next;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++)
		code[i] = added(BASE + 4096 - 256 + i * 64, 64);
	next = added(BASE + 4096, 64);
	ca__lookup_remove(code + 1, 2);
	assert_ptr_equal(codearena_code_find(code[0]->start + 63), code[0]);
	assert_null(codearena_code_find(code[1]->start));
	assert_null(codearena_code_find(code[2]->start + 63));
	assert_ptr_equal(codearena_code_find(code[3]->start), code[3]);
	middle = added(code[1]->start, 128);
	expect_no_add(EEXIST, code[0]->start, 64);
	expect_no_add(EEXIST, code[3]->start, 64);
	removed(middle);
	removed(code[0]);
	removed(code[3]);
	ca__code_destroy(code[1]);
	ca__code_destroy(code[2]);
	assert_null(codearena_code_find(BASE + 4095));
	assert_ptr_equal(codearena_code_find(BASE + 4096), next);
	expect_no_add(EEXIST, BASE + 4096, 64);
	removed(next);
}

static void misshapen_objects_are_refused(void **state)
{
	(void)state;
	expect_no_add(EINVAL, BASE, 0);
	expect_no_add(EINVAL, BASE, 65);
	expect_no_add(EINVAL, BASE + 1, 64);
	expect_no_add(EINVAL, BASE + 32, 64);
	expect_no_add(EOVERFLOW, 0ULL - 64, 128);
	expect_no_add(EOVERFLOW, 1ULL << 48, 64);
	expect_no_add(EOVERFLOW, (1ULL << 48) - 64, 128);
	removed(added((1ULL << 48) - 64, 64));
	removed(added(0, 64));
}

static void batch_is_added_as_a_whole(void **state)
{
	struct codearena_code *there = added(BASE + 640, 64), *batch[4];
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++)
		batch[i] = code_at(BASE + i * 64, 64);
	batch[3]->start = BASE + 640;
	assert_int_equal(ca__lookup_add(batch, 4), -EEXIST);
	for (i = 0; i < 3; i++)
		assert_null(codearena_code_find(BASE + i * 64));
	assert_ptr_equal(codearena_code_find(BASE + 640), there);
	/* Two of the same batch. */
	batch[3]->start = BASE + 64;
	assert_int_equal(ca__lookup_add(batch, 4), -EEXIST);
	assert_null(codearena_code_find(BASE + 64));
	batch[3]->start = BASE + 192;
	assert_int_equal(ca__lookup_add(batch, 4), 0);
	for (i = 0; i < 4; i++)
		assert_ptr_equal(codearena_code_find(BASE + i * 64 + 63),
				 batch[i]);
	ca__lookup_remove(batch, 4);
	for (i = 0; i < 4; i++) {
		assert_null(codearena_code_find(BASE + i * 64));
		ca__code_destroy(batch[i]);
	}
	removed(there);
}

static void large_objects_cross_nodes(void **state)
{
	/* 40 MiB: three leaves, and a boundary of a middle node. */
	const uint64_t start = (1ULL << 36) - (20 << 20), size = 40 << 20;
	struct codearena_code *before = added(start - 64, 64);
	struct codearena_code *large = added(start, size);
	struct codearena_code *after = added(start + size, 64);
	uint64_t at;

	(void)state;
	for (at = start; at < start + size; at += 4096 + 192)
		assert_ptr_equal(codearena_code_find(at), large);
	assert_ptr_equal(codearena_code_find(start + size - 1), large);
	assert_ptr_equal(codearena_code_find(start - 1), before);
	assert_ptr_equal(codearena_code_find(start + size), after);
	removed(large);
	for (at = start; at < start + size; at += 4096 + 192)
		assert_null(codearena_code_find(at));
	removed(before);
	removed(after);
}

#define MODEL_UNITS	4096

/* The model is an array of the object that covers each unit. */
static void agrees_with_a_model(void **state)
{
	static struct codearena_code *model[MODEL_UNITS];
	unsigned int round, seed = 20261121, i, at, units;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct codearena_code *code;
		bool taken = false;

		at = rand_r(&seed) % MODEL_UNITS;
		if (model[at] && rand_r(&seed) % 2) {
			code = model[at];
			for (i = 0; i < MODEL_UNITS; i++) {
				if (model[i] == code)
					model[i] = NULL;
			}
			removed(code);
			continue;
		}
		units = 1 + rand_r(&seed) % (rand_r(&seed) % 8 ? 12 : 200);
		if (at + units > MODEL_UNITS)
			continue;
		for (i = at; i < at + units; i++)
			taken |= model[i] != NULL;
		code = code_at(BASE + at * 64ULL, units * 64ULL);
		assert_int_equal(ca__lookup_add(&code, 1),
				 taken ? -EEXIST : 0);
		for (i = at; i < at + units && !taken; i++)
			model[i] = code;
		if (taken)
			ca__code_destroy(code);
		at = rand_r(&seed) % MODEL_UNITS;
		assert_ptr_equal(codearena_code_find(BASE + at * 64ULL +
						     rand_r(&seed) % 64),
				 model[at]);
	}
	for (i = 0; i < MODEL_UNITS; i++) {
		struct codearena_code *code = model[i];

		assert_ptr_equal(codearena_code_find(BASE + i * 64ULL), code);
		if (!code)
			continue;
		for (at = i; at < MODEL_UNITS && model[at] == code; at++)
			model[at] = NULL;
		removed(code);
	}
}

/*
 * Readers look up objects that stay, while others are added, removed, and
 * change their sizes at the same addresses.
 */
#define STAYING		32
#define READERS		3

struct race {
	struct codearena_code *staying[STAYING];
	bool stop;
	uint64_t found;
};

static uint64_t staying_at(unsigned int i)
{
	return BASE + i * 1024ULL;
}

static void *reader(void *context)
{
	struct race *race = context;
	unsigned int seed = (uintptr_t)&seed >> 4, i;
	uint64_t found = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		i = rand_r(&seed) % STAYING;
		if (codearena_code_find(staying_at(i) + rand_r(&seed) % 128) !=
		    race->staying[i])
			abort();
		/* In between, where there may be one. */
		codearena_code_find(staying_at(i) + 128 + rand_r(&seed) % 896);
		found++;
	}
	__atomic_fetch_add(&race->found, found, __ATOMIC_RELAXED);
	return NULL;
}

static void *referrer(void *context)
{
	struct race *race = context;
	unsigned int seed = 5, i;
	uint64_t found = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		uint64_t pc = staying_at(rand_r(&seed) % STAYING) +
			      rand_r(&seed) % 1024;
		struct codearena_code *code = codearena_code_find_ref(pc);

		if (!code)
			continue;
		/* Without the reference it could be freed. */
		if (!ca__code_contains(code, pc))
			abort();
		if (code_unref(code))
			ca__code_destroy(code);
		found++;
	}
	for (i = 0; i < STAYING; i++) {
		if (codearena_code_find(staying_at(i)) != race->staying[i])
			abort();
	}
	__atomic_fetch_add(&race->found, found, __ATOMIC_RELAXED);
	return NULL;
}

static void come_and_go(unsigned int rounds)
{
	struct codearena_code *batch[STAYING];
	unsigned int round, i, seed = 9;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < STAYING; i++)
			batch[i] = code_at(staying_at(i) + 128 +
					   rand_r(&seed) % 4 * 64,
					   (1 + rand_r(&seed) % 10) * 64ULL);
		assert_int_equal(ca__lookup_add(batch, STAYING), 0);
		ca__lookup_remove(batch, STAYING);
		for (i = 0; i < STAYING; i++) {
			if (code_unref(batch[i]))
				ca__code_destroy(batch[i]);
		}
	}
}

static void readers_beside_writers(void **state)
{
	pthread_t threads[READERS + 1];
	struct race race = { .stop = false };
	unsigned int i;

	(void)state;
	for (i = 0; i < STAYING; i++)
		race.staying[i] = added(staying_at(i), 128);
	for (i = 0; i <= READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ?
						reader : referrer, &race), 0);
	come_and_go(4000);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(race.found > 0);
	for (i = 0; i < STAYING; i++)
		removed(race.staying[i]);
}

/*
 * A long and a short object alternate at one address, after one that stays. At
 * the end of the long one, a reader finds it or nothing at any time.
 */
struct turns {
	struct codearena_code *long_one;
	bool stop;
	uint64_t hits;
};

static void *end_reader(void *context)
{
	struct turns *turns = context;
	const struct codearena_code *found;
	uint64_t hits = 0;

	while (!__atomic_load_n(&turns->stop, __ATOMIC_RELAXED)) {
		found = codearena_code_find(BASE + 4 * 64);
		if (found && found != turns->long_one)
			abort();
		hits += found != NULL;
	}
	__atomic_fetch_add(&turns->hits, hits, __ATOMIC_RELAXED);
	return NULL;
}

static void neighbours_are_never_found_instead(void **state)
{
	struct codearena_code *staying = added(BASE, 64);
	struct codearena_code *short_one = code_at(BASE + 64, 64);
	struct turns turns = { .long_one = code_at(BASE + 64, 4 * 64) };
	pthread_t threads[2];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, end_reader,
						&turns), 0);
	for (i = 0; i < 300000; i++) {
		assert_int_equal(ca__lookup_add(&turns.long_one, 1), 0);
		/* Sometimes long enough for readers on the same core. */
		if (i % 30000 == 0)
			usleep(1000);
		ca__lookup_remove(&turns.long_one, 1);
		assert_int_equal(ca__lookup_add(&short_one, 1), 0);
		ca__lookup_remove(&short_one, 1);
	}
	__atomic_store_n(&turns.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(turns.hits > 0);
	ca__code_destroy(turns.long_one);
	ca__code_destroy(short_one);
	removed(staying);
}

static struct codearena_code *signal_code;
static volatile sig_atomic_t signals, signal_misses;

static void on_profile(int number)
{
	(void)number;
	signals++;
	if (codearena_code_find(BASE + 4096 + 5) != signal_code)
		signal_misses++;
}

/* A profiler's signal interrupts the thread that changes the index. */
static void lookups_in_a_signal_handler(void **state)
{
	struct sigaction action = { .sa_handler = on_profile }, old;
	struct itimerval every = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	unsigned int i;

	(void)state;
	signal_code = added(BASE + 4096, 64);
	assert_int_equal(sigaction(SIGPROF, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_PROF, &every, NULL), 0);
	for (i = 0; i < 2000000 && signals < 20; i++)
		removed(added(BASE + 4096 + 64, 256));
	setitimer(ITIMER_PROF, &never, NULL);
	sigaction(SIGPROF, &old, NULL);
	assert_int_equal(signal_misses, 0);
	assert_true(signals >= 20);
	removed(signal_code);
}

static void reference_is_taken_unless_dying(void **state)
{
	struct codearena_code *code = added(BASE, 64), *found;

	(void)state;
	found = codearena_code_find_ref(BASE + 63);
	assert_ptr_equal(found, code);
	assert_false(code_unref(code));
	assert_null(codearena_code_find_ref(BASE + 64));
	/* Found, but without references. */
	assert_true(code_unref(code));
	assert_null(codearena_code_find_ref(BASE));
	assert_ptr_equal(codearena_code_find(BASE), code);
	removed(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup),
		cmocka_unit_test(lookup_works_after_rewrite),
		cmocka_unit_test(catch_jit_page_overlap),
		cmocka_unit_test(reuse_jit_page),
		cmocka_unit_test(jit_allocation_across_pages),
		cmocka_unit_test(merge_jit_pages),
		cmocka_unit_test(unregister_allocations_except),
		cmocka_unit_test(misshapen_objects_are_refused),
		cmocka_unit_test(batch_is_added_as_a_whole),
		cmocka_unit_test(large_objects_cross_nodes),
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(readers_beside_writers),
		cmocka_unit_test(neighbours_are_never_found_instead),
		cmocka_unit_test(lookups_in_a_signal_handler),
		cmocka_unit_test(reference_is_taken_unless_dying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
