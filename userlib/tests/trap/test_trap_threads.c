// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps in some threads while others register, release, publish and discard.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "trap/trap_helpers.h"

#define TRAPPERS	2
#define ROUNDS		300

struct trapper {
	struct trap_fixture *f;
	uint64_t load;
	unsigned int stop;
	uint64_t count;
};

static void *trap_always(void *argument)
{
	struct trapper *trapper = argument;
	struct trap_fixture *f = trapper->f;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_trap_report report;

	while (!__atomic_load_n(&trapper->stop, __ATOMIC_RELAXED)) {
		if (run_trapping(f, trapper->load, address, 0, NULL,
				 &report) != CODEARENA_TRAPPED ||
		    report.address != address)
			return NULL;
		__atomic_add_fetch(&trapper->count, 1, __ATOMIC_RELAXED);
	}
	return argument;
}

/*
 * Run a change again and again beside threads that trap, until all have. It
 * returns how many traps of the arena it makes itself.
 */
static void beside_traps(struct trap_fixture *f,
			 unsigned int (*change)(struct trap_fixture *f,
						unsigned int round))
{
	/* In the middle of what is being changed. */
	uint64_t load = place(f, &code_load, PAD_RETURN);
	struct codearena_stat before = stat_of(f->arena);
	struct trapper trappers[TRAPPERS] = { 0 };
	pthread_t threads[TRAPPERS];
	uint64_t total = 0;
	unsigned int i;
	void *result;

	for (i = 0; i < TRAPPERS; i++) {
		trappers[i].f = f;
		trappers[i].load = load;
		assert_int_equal(pthread_create(&threads[i], NULL, trap_always,
						&trappers[i]), 0);
	}
	for (i = 0; i < ROUNDS; i++)
		total += change(f, i);
	for (i = 0; i < TRAPPERS; i++) {
		while (!__atomic_load_n(&trappers[i].count, __ATOMIC_RELAXED))
			sched_yield();
		__atomic_store_n(&trappers[i].stop, 1, __ATOMIC_RELAXED);
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &trappers[i]);
		total += trappers[i].count;
	}
	assert_int_equal(stat_of(f->arena).out_traps_memory -
			 before.out_traps_memory, total);
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables);
}

/* Neighbours in the same page, on both sides. */
static unsigned int register_and_release(struct trap_fixture *f,
					 unsigned int round)
{
	struct codearena_trap trap = {
		.length = 1,
		.landing = PAD_RETURN * f->granule,
	};
	uint64_t offset = PAD_PC * f->granule, ids[8];
	size_t i;

	(void)round;
	for (i = 0; i < 8; i++)
		assert_int_equal(codearena_trap_table_register(f->arena,
							 offset + 8 * i, 8,
							 &trap, 1, 0, &ids[i],
							       NULL), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(codearena_trap_table_release(f->arena,
							ids[(i * 5) % 8]), 0);
	return 0;
}

static void tables_come_and_go(void **state)
{
	beside_traps(trap_begin(state), register_and_release);
}

static unsigned int publish_and_discard(struct trap_fixture *f,
					unsigned int round)
{
	uint64_t next = f->next;
	struct codearena_range range = {
		.offset = next * f->granule,
		.length = 4 * f->granule,
	};
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	size_t i;

	for (i = 0; i < 4; i++)
		place(f, &code_load, PAD_ADDRESS);
	assert_true(run(f, (next + round % 4) * f->granule, address, 0) ==
		    address);
	assert_int_equal(codearena_arena_discard(f->arena, &range, 1, NULL), 0);
	f->next = next;
	return 1;
}

static void code_comes_and_goes(void **state)
{
	beside_traps(trap_begin(state), publish_and_discard);
}

static unsigned int make_and_free(struct trap_fixture *f, unsigned int round)
{
	struct codearena_guard *guard;
	void *state = NULL;
	struct trap_fixture *other;
	uint64_t offset;

	assert_int_equal(codearena_guard_new(f->arena, f->page, NULL, &guard),
			 0);
	codearena_guard_free(guard);
	if (round % 10)
		return 0;
	assert_int_equal(trap_setup_plain(&state), 0);
	other = state;
	offset = place(other, &code_load, PAD_ADDRESS);
	assert_true(run(other, offset, (uintptr_t)out_of_bounds(other), 0) ==
		    (uintptr_t)out_of_bounds(other));
	trap_teardown(&state);
	return 0;
}

static void arenas_and_guards_come_and_go(void **state)
{
	beside_traps(trap_begin(state), make_and_free);
}

/* All threads register in arenas of their own at once. */
static void *own_arena(void *argument)
{
	struct trap_fixture *f;
	void *state = NULL;
	unsigned int i;

	if (trap_setup_plain(&state))
		return NULL;
	f = state;
	for (i = 0; i < 50; i++) {
		uint64_t load = place(f, &code_load, PAD_RETURN);
		uintptr_t address = (uintptr_t)out_of_bounds(f) + i;
		struct codearena_trap_report report;

		if (run_trapping(f, load, address, 0, NULL, &report) !=
		    CODEARENA_TRAPPED || report.address != address)
			argument = NULL;
	}
	trap_teardown(&state);
	return argument;
}

static void threads_with_arenas_of_their_own(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	pthread_t threads[4];
	void *result;
	size_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, own_arena,
						f), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(tables_come_and_go),
		TRAP_TEST(code_comes_and_goes),
		TRAP_TEST(arenas_and_guards_come_and_go),
		TRAP_TEST(threads_with_arenas_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
