// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps and guards in children of fork().
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap/trap_helpers.h"

struct inherited {
	struct trap_fixture *f;
	uint64_t load;
	uint64_t id;
};

static bool traps(struct trap_fixture *f, uint64_t load, const uint8_t *address)
{
	struct codearena_trap_report report;

	return run_trapping(f, load, (uintptr_t)address, 0, NULL, &report) ==
	       CODEARENA_TRAPPED && report.address == (uintptr_t)address;
}

static bool inherits_traps(void *context)
{
	const struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f;

	return traps(f, inherited->load, out_of_bounds(f)) &&
	       traps(f, inherited->load, f->memory + f->page);
}

static void child_inherits_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
	};

	assert_int_equal(in_plain_child(inherits_traps, &inherited), 0);
}

static bool changes_nothing(void *context)
{
	struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f;
	uint64_t id = 0;

	return protect(f, &code_load, inherited->load, PAD_RETURN, &id) ==
	       -EPERM && id == 0 &&
	       codearena_trap_table_release(f->arena, inherited->id) == -EPERM &&
	       codearena_pad_publish(f->arena, f->next * f->granule, NULL, NULL,
				     0) == -EPERM;
}

static void child_may_not_change_tables(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place_plain(f, &code_load),
	};
	struct codearena_stat before;

	assert_int_equal(protect(f, &code_load, inherited.load, PAD_RETURN,
				 &inherited.id), 0);
	before = stat_of(f->arena);
	assert_int_equal(in_plain_child(changes_nothing, &inherited), 0);
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables);
	assert_int_equal(codearena_trap_table_release(f->arena, inherited.id), 0);
}

static bool grows_its_copy(void *context)
{
	struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f;

	if (f->memory[0] != 5 ||
	    codearena_guard_back(f->guard, f->page, 2 * f->page) ||
	    codearena_guard_unback(f->guard, 0, f->page))
		return false;
	f->memory[f->page] = 6;
	if (!traps(f, inherited->load, f->memory) ||
	    !traps(f, inherited->load, f->memory + 3 * f->page))
		return false;
	codearena_guard_free(f->guard);
	return true;
}

static void child_has_its_own_memory(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
	};

	f->memory[0] = 5;
	assert_int_equal(in_plain_child(grows_its_copy, &inherited), 0);
	assert_int_equal(f->memory[0], 5);
	assert_true(traps(f, inherited.load, f->memory + f->page));
}

static bool makes_its_own(void *context)
{
	struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f, *own;
	void *state = NULL;
	uint64_t load;
	bool ok;

	if (trap_setup_plain(&state))
		return false;
	own = state;
	load = place(own, &code_load, PAD_RETURN);
	ok = traps(own, load, out_of_bounds(own)) &&
	     traps(f, inherited->load, out_of_bounds(f));
	codearena_guard_free(f->guard);
	codearena_arena_free(f->arena);
	ok = ok && traps(own, load, out_of_bounds(own));
	trap_teardown(&state);
	return ok;
}

static void child_makes_its_own(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
	};

	assert_int_equal(in_plain_child(makes_its_own, &inherited), 0);
	assert_true(traps(f, inherited.load, out_of_bounds(f)));
}

static bool external(void *context)
{
	struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f;

	return traps(f, inherited->load, out_of_bounds(f)) &&
	       codearena_trap_set_landing(f->arena,
					  codearena_pad_external()) == -EBUSY;
}

/* Traps of the code continue at the external pad. */
static void land_externally(struct inherited *inherited)
{
	const struct codearena_trap trap = {
		.length = 1,
		.landing = CODEARENA_LANDING_EXTERNAL,
	};
	struct codearena_arena *arena = inherited->f->arena;

	assert_int_equal(codearena_trap_table_register(arena, inherited->load, 1,
						       &trap, 1,
						       CODEARENA_TRAP_F_REPORT,
						       &inherited->id, NULL), 0);
	assert_int_equal(codearena_trap_set_landing(arena,
						    codearena_pad_external()),
			 0);
}

static void child_inherits_the_external_pad(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place_plain(f, &code_load),
	};

	land_externally(&inherited);
	assert_int_equal(in_plain_child(external, &inherited), 0);
}

/* Tables and pads of the clone, the external one too. */
static bool clones_traps(void *context)
{
	struct inherited *inherited = context;
	struct trap_fixture *f = inherited->f;
	uint64_t load;

	if (codearena_arena_clone(f->arena) ||
	    !traps(f, inherited->load, out_of_bounds(f)) ||
	    codearena_trap_table_release(f->arena, inherited->id) ||
	    codearena_trap_table_release(f->arena, inherited->id) != -ENOENT)
		return false;
	load = place(f, &code_load, PAD_RETURN);
	return traps(f, load, out_of_bounds(f));
}

static void child_clones_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place_plain(f, &code_load),
	};

	land_externally(&inherited);
	assert_int_equal(in_plain_child(clones_traps, &inherited), 0);
	assert_true(traps(f, inherited.load, out_of_bounds(f)));
	assert_int_equal(codearena_trap_table_release(f->arena, inherited.id), 0);
}

/* Traps all the time, so that children begin in the middle of one. */
struct noise {
	struct inherited *inherited;
	unsigned int stop;
};

static void *make_noise(void *argument)
{
	struct noise *noise = argument;
	struct inherited *inherited = noise->inherited;

	while (!__atomic_load_n(&noise->stop, __ATOMIC_RELAXED)) {
		if (!inherits_traps(inherited))
			return NULL;
	}
	return argument;
}

static void fork_in_the_middle_of_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct inherited inherited = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
	};
	struct noise noise = { .inherited = &inherited };
	unsigned int i, children = 20;
	pthread_t thread;
	void *result;

#if defined(__SANITIZE_THREAD__)
	skip_because("a child of threads may do little under ThreadSanitizer");
#endif
	assert_int_equal(pthread_create(&thread, NULL, make_noise, &noise), 0);
	for (i = 0; i < children; i++)
		assert_int_equal(in_plain_child(makes_its_own, &inherited), 0);
	__atomic_store_n(&noise.stop, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &noise);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(child_inherits_traps),
		TRAP_TEST(child_may_not_change_tables),
		TRAP_TEST(child_has_its_own_memory),
		TRAP_TEST(child_makes_its_own),
		TRAP_TEST(child_inherits_the_external_pad),
		TRAP_TEST(child_clones_traps),
		TRAP_TEST(fork_in_the_middle_of_traps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
