// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Guards: address space that traps, and memory in it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena/memfd/traps.h"
#include "trap/trap_helpers.h"

/* The access traps, and with the right address. */
static void expect_guarded(struct trap_fixture *f, uint64_t load,
			   const uint8_t *address)
{
	expect_trap(f, &code_load, load, (uintptr_t)address, 0,
		    CODEARENA_TRAP_MEMORY, (uintptr_t)address);
}

/* The four bytes there are these. */
static void expect_bytes(struct trap_fixture *f, uint64_t load,
			 const uint8_t *address, uint32_t value)
{
	uint64_t result = 0;

	assert_int_equal(run_trapping(f, load, (uintptr_t)address, 0, &result,
				      NULL), 0);
	assert_int_equal((uint32_t)result, value);
}

static void new_guard_traps_everywhere(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	struct codearena_guard *guard;
	uint8_t *base;

	assert_int_equal(codearena_guard_new(f->arena, 3 * f->page, NULL,
					     &guard), 0);
	base = codearena_guard_base(guard);
	assert_int_equal(codearena_guard_length(guard), 3 * f->page);
	assert_int_equal((uintptr_t)base % f->page, 0);
	assert_ptr_equal(codearena_guard_trap_page(guard), base + 3 * f->page);
	expect_guarded(f, load, base);
	expect_guarded(f, load, base + f->page);
	expect_guarded(f, load, base + 3 * f->page - 4);
	expect_guarded(f, load, base + 3 * f->page);
	codearena_guard_free(guard);
}

static void new_refuses(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	CODEARENA_OPTS(codearena_guard_opts, opts);
	struct { struct codearena_guard_opts opts; char more[8]; } longer = {
		.opts = { .sz = sizeof(longer) },
	};
	struct codearena_guard *guard = (void *)f;

	assert_int_equal(codearena_guard_new(NULL, f->page, NULL, &guard),
			 -EINVAL);
	assert_null(guard);
	assert_int_equal(codearena_guard_new(f->arena, f->page, NULL, NULL),
			 -EINVAL);
	assert_int_equal(codearena_guard_new(f->arena, 0, NULL, &guard),
			 -EINVAL);
	assert_int_equal(codearena_guard_new(f->arena, f->page + 1, NULL,
					     &guard), -EINVAL);
	assert_int_equal(codearena_guard_new(f->arena, -f->page, NULL, &guard),
			 -EINVAL);
	assert_int_equal(codearena_guard_new(f->arena, 1ULL << 60, NULL,
					     &guard), -ENOMEM);
	opts.align = f->page / 2;
	assert_int_equal(codearena_guard_new(f->arena, f->page, &opts, &guard),
			 -EINVAL);
	opts.align = 3 * f->page;
	assert_int_equal(codearena_guard_new(f->arena, f->page, &opts, &guard),
			 -EINVAL);
	opts.align = 1ULL << 63;
	assert_int_equal(codearena_guard_new(f->arena, f->page, &opts, &guard),
			 -ENOMEM);
	opts.align = 0;
	opts.sz = sizeof(size_t);
	assert_int_equal(codearena_guard_new(f->arena, f->page, &opts, &guard),
			 -EINVAL);
	longer.more[7] = 1;
	assert_int_equal(codearena_guard_new(f->arena, f->page, &longer.opts,
					     &guard), -E2BIG);
	assert_null(guard);
	longer.more[7] = 0;
	assert_int_equal(codearena_guard_new(f->arena, f->page, &longer.opts,
					     &guard), 0);
	codearena_guard_free(guard);
}

static void accessors_take_null(void **state)
{
	(void)state;
	codearena_guard_free(NULL);
	assert_null(codearena_guard_base(NULL));
	assert_null(codearena_guard_trap_page(NULL));
	assert_int_equal(codearena_guard_length(NULL), 0);
	assert_int_equal(codearena_guard_back(NULL, 0, 4096), -EINVAL);
	assert_int_equal(codearena_guard_unback(NULL, 0, 4096), -EINVAL);
}

static void alignment_is_kept(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	CODEARENA_OPTS(codearena_guard_opts, opts);
	struct codearena_guard *guards[3];
	size_t i;

	opts.align = 16ULL << 20;
	for (i = 0; i < 3; i++) {
		assert_int_equal(codearena_guard_new(f->arena, 3 * f->page,
						     &opts, &guards[i]), 0);
		assert_int_equal((uintptr_t)codearena_guard_base(guards[i]) %
				 opts.align, 0);
		expect_guarded(f, load, codearena_guard_base(guards[i]));
		expect_guarded(f, load, codearena_guard_trap_page(guards[i]));
	}
	for (i = 0; i < 3; i++)
		codearena_guard_free(guards[i]);
}

static void back_gives_zeroed_memory(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	uint8_t *at = f->memory + 8 * f->page;
	uint64_t i;

	expect_guarded(f, load, at);
	assert_int_equal(codearena_guard_back(f->guard, 8 * f->page,
					      2 * f->page), 0);
	for (i = 0; i < 2 * f->page; i++)
		assert_int_equal(at[i], 0);
	memset(at, 0x22, 2 * f->page);
	expect_bytes(f, load, at, 0x22222222);
	expect_bytes(f, load, at + 2 * f->page - 4, 0x22222222);
	expect_guarded(f, load, at - 4);
	expect_guarded(f, load, at + 2 * f->page);
}

static void memory_grows_in_place(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN), pages;

	for (pages = 1; pages < GUARD_PAGES; pages++) {
		memset(f->memory, pages, 4);
		expect_guarded(f, load, f->memory + pages * f->page);
		assert_int_equal(codearena_guard_back(f->guard, pages * f->page,
						      f->page), 0);
		expect_bytes(f, load, f->memory, pages * 0x01010101);
		expect_bytes(f, load, f->memory + pages * f->page, 0);
	}
	expect_guarded(f, load, codearena_guard_trap_page(f->guard));
	expect_guarded(f, load, f->memory + GUARD_PAGES * f->page);
}

static void unback_takes_memory_away(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN), page = f->page;

	assert_int_equal(codearena_guard_back(f->guard, page, 7 * page), 0);
	memset(f->memory, 0x33, 8 * page);
	/* From the middle, from both ends, and what is between. */
	assert_int_equal(codearena_guard_unback(f->guard, 3 * page, page), 0);
	assert_int_equal(codearena_guard_unback(f->guard, 0, page), 0);
	assert_int_equal(codearena_guard_unback(f->guard, 7 * page, page), 0);
	expect_guarded(f, load, f->memory);
	expect_guarded(f, load, f->memory + 3 * page);
	expect_guarded(f, load, f->memory + 7 * page);
	expect_bytes(f, load, f->memory + 3 * page - 4, 0x33333333);
	expect_bytes(f, load, f->memory + 4 * page, 0x33333333);
	assert_int_equal(codearena_guard_unback(f->guard, page, 2 * page), 0);
	expect_guarded(f, load, f->memory + page);
	/* What comes back does so without its bytes. */
	assert_int_equal(codearena_guard_back(f->guard, 0, 4 * page), 0);
	expect_bytes(f, load, f->memory, 0);
	expect_bytes(f, load, f->memory + 4 * page - 4, 0);
	expect_bytes(f, load, f->memory + 4 * page, 0x33333333);
}

static void back_refuses(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN), page = f->page;
	struct codearena_guard *guard = f->guard;

	memset(f->memory, 0x44, page);
	assert_int_equal(codearena_guard_back(guard, 4 * page, page), 0);
	assert_int_equal(codearena_guard_back(guard, 0, page), -EEXIST);
	assert_int_equal(codearena_guard_back(guard, 0, 2 * page), -EEXIST);
	assert_int_equal(codearena_guard_back(guard, 3 * page, 2 * page),
			 -EEXIST);
	assert_int_equal(codearena_guard_back(guard, 3 * page, 4 * page),
			 -EEXIST);
	assert_int_equal(codearena_guard_back(guard, page, 0), -EINVAL);
	assert_int_equal(codearena_guard_back(guard, page + 1, page), -EINVAL);
	assert_int_equal(codearena_guard_back(guard, page, page - 1), -EINVAL);
	assert_int_equal(codearena_guard_back(guard, -page, page), -EOVERFLOW);
	assert_int_equal(codearena_guard_back(guard, GUARD_PAGES * page, page),
			 -ENOENT);
	assert_int_equal(codearena_guard_back(guard, (GUARD_PAGES - 1) * page,
					      2 * page), -ENOENT);
	/* Nothing of all that has happened. */
	expect_bytes(f, load, f->memory, 0x44444444);
	expect_guarded(f, load, f->memory + page);
	expect_guarded(f, load, f->memory + 3 * page);
	expect_guarded(f, load, f->memory + 5 * page);
	expect_guarded(f, load, f->memory + (GUARD_PAGES - 1) * page);
}

static bool back_starved(void *context)
{
	struct trap_fixture *f = context;
	struct rlimit before, none;
	uint64_t load = place(f, &code_load, PAD_RETURN), result;
	uint8_t *bound = f->memory + f->page;
	int ret;

	if (getrlimit(RLIMIT_AS, &before))
		return false;
	none = before;
	none.rlim_cur = f->page;
	setrlimit(RLIMIT_AS, &none);
	ret = codearena_guard_back(f->guard, f->page, 2 * f->page);
	setrlimit(RLIMIT_AS, &before);
	if (ret != -ENOMEM ||
	    run_trapping(f, load, (uintptr_t)bound, 0, NULL, NULL) !=
	    CODEARENA_TRAPPED)
		return false;
	/* And what failed can be had later. */
	return !codearena_guard_back(f->guard, f->page, 2 * f->page) &&
	       !run_trapping(f, load, (uintptr_t)bound, 0, &result, NULL);
}

static bool back_starved_child(void *context)
{
	void *state = NULL;

	(void)context;
	return !trap_setup_plain(&state) && back_starved(state);
}

static void back_without_memory_changes_nothing(void **state)
{
	trap_begin(state);
	/* They need address space of their own all the time. */
	skip_with_sanitizer();
	assert_int_equal(in_plain_child(back_starved_child, NULL), 0);
}

static void unback_refuses(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN), page = f->page;
	struct codearena_guard *guard = f->guard;

	memset(f->memory, 0x55, page);
	assert_int_equal(codearena_guard_unback(guard, page, page), -ENOENT);
	assert_int_equal(codearena_guard_unback(guard, 0, 2 * page), -ENOENT);
	assert_int_equal(codearena_guard_unback(guard, 0, 0), -EINVAL);
	assert_int_equal(codearena_guard_unback(guard, 1, page), -EINVAL);
	assert_int_equal(codearena_guard_unback(guard, 0, page + 1), -EINVAL);
	assert_int_equal(codearena_guard_unback(guard, -page, page),
			 -EOVERFLOW);
	assert_int_equal(codearena_guard_unback(guard, GUARD_PAGES * page,
						page), -ENOENT);
	expect_bytes(f, load, f->memory, 0x55555555);
}

static void all_pages_of_a_guard(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN), i;

	/* Every second page, then all the others, then none. */
	for (i = 2; i < GUARD_PAGES; i += 2)
		assert_int_equal(codearena_guard_back(f->guard, i * f->page,
						      f->page), 0);
	for (i = 1; i < GUARD_PAGES; i += 2)
		expect_guarded(f, load, f->memory + i * f->page);
	for (i = 1; i < GUARD_PAGES; i += 2)
		assert_int_equal(codearena_guard_back(f->guard, i * f->page,
						      f->page), 0);
	expect_bytes(f, load, f->memory + GUARD_PAGES * f->page - 4, 0);
	assert_int_equal(codearena_guard_unback(f->guard, 0,
						GUARD_PAGES * f->page), 0);
	for (i = 0; i < GUARD_PAGES; i++)
		expect_guarded(f, load, f->memory + i * f->page);
}

static void guard_of_size(struct trap_fixture *f, uint64_t length)
{
	uint64_t load = place(f, &code_load, PAD_RETURN), page = f->page;
	struct codearena_guard *guard;
	uint8_t *base;

	assert_int_equal(codearena_guard_new(f->arena, length, NULL, &guard),
			 0);
	base = codearena_guard_base(guard);
	expect_guarded(f, load, base);
	expect_guarded(f, load, base + length / 2 + 123);
	expect_guarded(f, load, base + length - 4);
	assert_int_equal(codearena_guard_back(guard, 0, 16 * page), 0);
	assert_int_equal(codearena_guard_back(guard, length - page, page), 0);
	memset(base + length - page, 1, page);
	expect_bytes(f, load, base + length - 4, 0x01010101);
	expect_guarded(f, load, base + 16 * page);
	expect_guarded(f, load, base + length - page - 4);
	expect_guarded(f, load, base + length);
	codearena_guard_free(guard);
}

static void guard_of_8_gib(void **state)
{
	guard_of_size(trap_begin(state), 8ULL << 30);
}

static void guard_of_1_tib(void **state)
{
#if defined(__SANITIZE_THREAD__)
	skip_because("ThreadSanitizer leaves less of the address space");
#endif
	guard_of_size(trap_begin(state), 1ULL << 40);
}

static void guard_outlives_its_arena(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	struct codearena_guard *guards[2];
	struct codearena_arena *arena;
	uint8_t *base;
	size_t i;

	assert_int_equal(codearena_arena_new(f->page, NULL, &arena), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(codearena_guard_new(arena, 4 * f->page, NULL,
						     &guards[i]), 0);
	codearena_arena_free(arena);
	codearena_guard_free(guards[0]);
	base = codearena_guard_base(guards[1]);
	expect_guarded(f, load, base);
	assert_int_equal(codearena_guard_back(guards[1], 0, 2 * f->page), 0);
	expect_bytes(f, load, base, 0);
	assert_int_equal(codearena_guard_unback(guards[1], f->page, f->page),
			 0);
	expect_guarded(f, load, base + f->page);
	codearena_guard_free(guards[1]);
}

static void many_guards(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	struct codearena_guard *guards[200];
	size_t i;

	for (i = 0; i < 200; i++)
		assert_int_equal(codearena_guard_new(f->arena, f->page, NULL,
						     &guards[i]), 0);
	for (i = 0; i < 200; i += 2)
		codearena_guard_free(guards[i]);
	for (i = 1; i < 200; i += 2)
		expect_guarded(f, load, codearena_guard_base(guards[i]));
	for (i = 1; i < 200; i += 2)
		codearena_guard_free(guards[i]);
}

static void the_kernel_does_not_trap(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], out_of_bounds(f), 4), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(write(fds[1], f->memory, 4), 4);
	assert_int_equal(read(fds[0], out_of_bounds(f), 4), -1);
	assert_int_equal(errno, EFAULT);
	close(fds[0]);
	close(fds[1]);
}

struct access {
	struct trap_fixture *f;
	uint64_t load;
	uintptr_t address;
};

static bool access_run(void *context)
{
	const struct access *access = context;

	return run_trapping(access->f, access->load, access->address, 0, NULL,
			    NULL) == CODEARENA_TRAPPED;
}

/* Protected code; but the address belongs to no guard. */
static void other_memory_faults(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct access access = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
	};
	uint8_t *other = mmap(NULL, f->page, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(other != MAP_FAILED);
	access.address = (uintptr_t)other;
	assert_int_equal(in_plain_child(access_run, &access), SIGSEGV);
	access.address = 42;
	assert_int_equal(in_plain_child(access_run, &access), SIGSEGV);
	munmap(other, f->page);
}

/* Memory that the program protects itself is the program's. */
static void protected_memory_faults(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct access access = {
		.f = f,
		.load = place(f, &code_load, PAD_RETURN),
		.address = (uintptr_t)f->memory,
	};

	assert_int_equal(mprotect(f->memory, f->page, PROT_NONE), 0);
	assert_int_equal(in_plain_child(access_run, &access), SIGSEGV);
	/* Also when the library has just reason to look again. */
	assert_int_equal(codearena_guard_back(f->guard, f->page, f->page), 0);
	assert_int_equal(in_plain_child(access_run, &access), SIGSEGV);
	assert_int_equal(mprotect(f->memory, f->page, PROT_READ | PROT_WRITE),
			 0);
	assert_int_equal(in_plain_child(access_run, &access), -1);
}

/*
 * A thread that faulted before codearena_guard_back() maps the memory, and looks
 * the address up between the two stores that follow, must not see one of them
 * only. Delays in the handler and between the stores make that likely.
 */
static bool widen_window;

void __real_ca__guards_changed(void);
void __wrap_ca__guards_changed(void);
void *__real_ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
			     uint64_t *start);
void *__wrap_ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
			     uint64_t *start);

void __wrap_ca__guards_changed(void)
{
	if (widen_window)
		usleep(100);
	__real_ca__guards_changed();
	if (widen_window)
		usleep(100);
}

/* Called by the handler, twice for each fault. */
void *__wrap_ca__ranges_find(const struct ca__ranges *ranges, uint64_t at,
			     uint64_t *start)
{
	if (widen_window)
		usleep(20);
	return __real_ca__ranges_find(ranges, at, start);
}

struct grower {
	struct trap_fixture *f;
	uint64_t load;
	unsigned int stop;
	uint64_t trapped;
	uint64_t loaded;
};

/* An access either traps or succeeds, whatever becomes of the page meanwhile. */
static void *access_always(void *argument)
{
	struct grower *grower = argument;
	struct trap_fixture *f = grower->f;
	uint64_t i, result;

	for (i = 0; !__atomic_load_n(&grower->stop, __ATOMIC_RELAXED); i++) {
		uintptr_t address = (uintptr_t)f->memory + f->page +
				    i % (GUARD_PAGES - 1) * f->page;

		if (run_trapping(f, grower->load, address, 0, &result, NULL))
			grower->trapped++;
		else
			grower->loaded++;
	}
	return NULL;
}

static void growing_while_in_use(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct grower growers[2] = {
		{ .f = f, .load = place(f, &code_load, PAD_RETURN) },
		{ .f = f, .load = place(f, &code_load, PAD_RETURN) },
	};
	pthread_t threads[2];
	unsigned int round;
	uint64_t page;
	size_t i;

	widen_window = true;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						access_always, &growers[i]), 0);
	for (round = 0; round < 30; round++) {
		for (page = 1; page < GUARD_PAGES; page++)
			assert_int_equal(codearena_guard_back(f->guard,
							      page * f->page,
							      f->page), 0);
		assert_int_equal(codearena_guard_unback(f->guard, f->page,
							(GUARD_PAGES - 1) *
							f->page), 0);
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&growers[i].stop, 1, __ATOMIC_RELAXED);
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(growers[i].trapped > 0);
		assert_true(growers[i].loaded > 0);
	}
	widen_window = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(new_guard_traps_everywhere),
		TRAP_TEST(new_refuses),
		cmocka_unit_test(accessors_take_null),
		TRAP_TEST(alignment_is_kept),
		TRAP_TEST(back_gives_zeroed_memory),
		TRAP_TEST(memory_grows_in_place),
		TRAP_TEST(unback_takes_memory_away),
		TRAP_TEST(back_refuses),
		TRAP_TEST(back_without_memory_changes_nothing),
		TRAP_TEST(unback_refuses),
		TRAP_TEST(all_pages_of_a_guard),
		TRAP_TEST(guard_of_8_gib),
		TRAP_TEST(guard_of_1_tib),
		TRAP_TEST(guard_outlives_its_arena),
		TRAP_TEST(many_guards),
		TRAP_TEST(the_kernel_does_not_trap),
		TRAP_TEST(other_memory_faults),
		TRAP_TEST(protected_memory_faults),
		TRAP_TEST(growing_while_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
