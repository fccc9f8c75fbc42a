// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Calls that may trap, and the library's landing pads.
 */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "trap/trap_helpers.h"

static void call_passes_arguments(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t arguments[] = { 1000000, 100000, 10000, 1000, 100, 10 };
	uint64_t offset = place_plain(f, &code_arguments), result = 0;

	assert_int_equal(codearena_trap_call(address_of(f, offset), arguments,
					     6, &result, NULL), 0);
	assert_int_equal(result, 1000000 + 2 * 100000 + 3 * 10000 + 4 * 1000 +
			 5 * 100 + 6 * 10);
	/* Those that are not given are 0. */
	assert_int_equal(codearena_trap_call(address_of(f, offset), arguments,
					     2, &result, NULL), 0);
	assert_int_equal(result, 1200000);
	assert_int_equal(codearena_trap_call(address_of(f, offset), NULL, 0,
					     &result, NULL), 0);
	assert_int_equal(result, 0);
}

static void call_refuses_bad_arguments(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t arguments[7] = { 0 }, result = 77;
	const void *function = address_of(f, place_plain(f, &code_arguments));

	assert_int_equal(codearena_trap_call(NULL, arguments, 1, &result, NULL),
			 -EINVAL);
	assert_int_equal(codearena_trap_call(function, arguments, 7, &result,
					     NULL), -EINVAL);
	assert_int_equal(codearena_trap_call(function, NULL, 1, &result, NULL),
			 -EINVAL);
	assert_int_equal(result, 77);
	assert_int_equal(codearena_trap_call(function, arguments, 1, NULL,
					     NULL), 0);
}

static void call_without_trap_returns_result(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load, PAD_RETURN), result;
	struct codearena_trap_report report;

	memset(&report, 0xa5, sizeof(report));
	memset(f->memory, 0x11, 4);
	assert_int_equal(run_trapping(f, offset, (uintptr_t)f->memory, 0,
				      &result, &report), 0);
	assert_int_equal(result, 0x11111111);
	assert_int_equal(report.kind, 0xa5a5a5a5);
	assert_null(codearena_trap_mark());
}

static void load_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load, PAD_RETURN);
	struct codearena_stat stat = stat_of(f->arena);
	uintptr_t address = (uintptr_t)out_of_bounds(f);

	expect_trap(f, &code_load, offset, address, 0, CODEARENA_TRAP_MEMORY,
		    address);
	assert_int_equal(stat_of(f->arena).out_traps_memory,
			 stat.out_traps_memory + 1);
	assert_int_equal(run_trapping(f, offset, address, 0, NULL, NULL),
			 CODEARENA_TRAPPED);
	assert_null(codearena_trap_mark());
}

static void store_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_store, PAD_RETURN);
	uintptr_t address = (uintptr_t)f->memory + f->page;

	expect_trap(f, &code_store, offset, address, 5, CODEARENA_TRAP_MEMORY,
		    address);
	assert_int_equal(run(f, offset, address - 4, 99), 1);
	assert_int_equal(f->memory[f->page - 4], 99);
}

static void straddling_access_traps_at_the_border(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load, PAD_RETURN);
	uintptr_t border = (uintptr_t)f->memory + f->page;

	expect_trap(f, &code_load, offset, border - 2, 0,
		    CODEARENA_TRAP_MEMORY, border);
}

static void handler_result_is_the_result(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load, PAD_HANDLER), result = 0;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_trap_report report;

	memset(&report, 0xa5, sizeof(report));
	memset(&handler_report, 0, sizeof(handler_report));
	assert_int_equal(run_trapping(f, offset, address, 0, &result, &report),
			 0);
	assert_int_equal(result, HANDLER_RESULT);
	assert_int_equal(report.kind, 0xa5a5a5a5);
	assert_int_equal(handler_report.pc, pc_of(f, &code_load, offset));
	assert_int_equal(handler_report.address, address);
	assert_int_equal(handler_report.kind, CODEARENA_TRAP_MEMORY);
	assert_ptr_equal(handler_data, f);
}

struct rerun {
	struct trap_fixture *f;
	uint64_t inner;
	uintptr_t address;
	unsigned int depth;
	unsigned int trapped;
	unsigned int aligned;
};

/* A handler that calls code which traps again, in a frame of its own. */
static uint64_t rerun_handler(const struct codearena_trap_report *report,
			      void *data)
{
	struct rerun *rerun = data;
	struct codearena_trap_report inner;
	/* Misplaced if the stack was not aligned for a call. */
	__attribute__((aligned(16))) volatile char mark[16] = { 0 };

	(void)report;
	rerun->aligned += !((uintptr_t)mark % 16);
	assert_null(codearena_trap_mark());
	if (run_trapping(rerun->f, rerun->inner, rerun->address, 0, NULL,
			 &inner) == CODEARENA_TRAPPED &&
	    inner.address == rerun->address)
		rerun->trapped++;
	return 31;
}

static void handler_may_call_code_that_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct rerun rerun = {
		.f = f,
		.inner = place(f, &code_load, PAD_RETURN),
		.address = (uintptr_t)out_of_bounds(f),
	};
	uint64_t pad = f->next++, outer, result;

	assert_int_equal(codearena_pad_publish(f->arena, pad * f->granule,
					       rerun_handler, &rerun, 0), 0);
	outer = place(f, &code_clobber, pad);
	assert_int_equal(run_trapping(f, outer, rerun.address + 8, 0, &result,
				      NULL), 0);
	assert_int_equal(result, 31);
	assert_int_equal(rerun.trapped, 1);
	assert_int_equal(rerun.aligned, 1);
}

struct nest {
	struct trap_fixture *f;
	uint64_t call;
	uint64_t load;
	unsigned int depth;
	unsigned int trapped;
};

/* C code that code calls, which calls code: traps return to the inner frame. */
static uint64_t nest_down(uint64_t argument)
{
	struct nest *nest = (struct nest *)(uintptr_t)argument;
	uintptr_t address = (uintptr_t)out_of_bounds(nest->f);
	uint64_t result = 0;

	if (nest->depth--) {
		assert_int_equal(run_trapping(nest->f, nest->call,
					      (uintptr_t)nest_down, argument,
					      &result, NULL), 0);
		assert_int_equal(result, nest->trapped);
	}
	expect_trap(nest->f, &code_load, nest->load, address, 0,
		    CODEARENA_TRAP_MEMORY, address);
	return ++nest->trapped;
}

static void frames_nest(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct nest nest = {
		.f = f,
		.call = place_plain(f, &code_call),
		.load = place(f, &code_load, PAD_RETURN),
		.depth = 20,
	};

	assert_int_equal(nest_down((uintptr_t)&nest), 21);
	assert_null(codearena_trap_mark());
}

/* Variables for a sanitizer to surround by poison. */
static __attribute__((noinline)) void fill(volatile char *to, size_t size)
{
	while (size--)
		to[size] = 1;
}

static __attribute__((noinline)) int use_stack(void)
{
	char bytes[3000];

	fill(bytes, sizeof(bytes));
	return bytes[1];
}

static uint64_t trap_without_frame(uint64_t argument)
{
	struct nest *nest = (struct nest *)(uintptr_t)argument;
	char first[24], second[100], third[8];

	fill(first, sizeof(first));
	fill(second, sizeof(second));
	fill(third, sizeof(third));

	/* Directly: the frame is the one of the caller's caller. */
	run(nest->f, nest->load, (uintptr_t)out_of_bounds(nest->f), 0);
	nest->trapped = 1000;
	return 0;
}

static void trap_goes_to_the_innermost_frame(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct nest nest = {
		.f = f,
		.call = place_plain(f, &code_call),
		.load = place(f, &code_load, PAD_RETURN),
	};

#ifdef __SANITIZE_THREAD__
	skip_because("ThreadSanitizer does not notice an abandoned C function");
#endif
	assert_int_equal(run_trapping(f, nest.call,
				      (uintptr_t)trap_without_frame,
				      (uintptr_t)&nest, NULL, NULL),
			 CODEARENA_TRAPPED);
	assert_int_equal(nest.trapped, 0);
	/* The stack of the function that was left is usable. */
	assert_int_equal(use_stack(), 1);
}

/* A loop whose variables the compiler keeps in registers that survive calls. */
static uint64_t accumulate(struct trap_fixture *f, uint64_t offset,
			   uint64_t address, unsigned int pad)
{
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, i;
	double x = 1.5, y = 2.25;

	for (i = 0; i < 100; i++) {
		uint64_t result = 0;
		int ret = run_trapping(f, offset, address, 0, &result, NULL);

		assert_int_equal(ret, pad == PAD_RETURN ? CODEARENA_TRAPPED : 0);
		a += b ^ i;
		b += c ^ a;
		c += d ^ b;
		d += e ^ c;
		e += a ^ d;
		x += y / 2;
		y += x / 4;
		if (y > 1000)
			y = 1;
	}
	return a ^ b ^ c ^ d ^ e ^ (uint64_t)(x + y);
}

static void registers_survive(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t clobber = place(f, &code_clobber, PAD_RETURN);
	uint64_t handled = place(f, &code_clobber, PAD_HANDLER);
	uint64_t plain = place(f, &code_load, PAD_HANDLER);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	uint64_t expected = accumulate(f, plain, (uintptr_t)f->memory,
				       PAD_HANDLER);

	assert_true(accumulate(f, clobber, address, PAD_RETURN) == expected);
	assert_true(accumulate(f, handled, address, PAD_HANDLER) == expected);
}

static void floating_point_modes_survive(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_clobber, PAD_RETURN);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	/* On x86-64 the two kinds have modes of their own. */
	volatile long double one = 1, three = 3;
	volatile double two = 2, twenty = 20;
	long double before;
	double other;
	static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TONEAREST };
	size_t i;

	/* Frames that earlier tests have left. */
	fesetround(FE_TONEAREST);
	before = one / three;
	other = two / twenty;
	assert_int_equal(run_trapping(f, offset, address, 0, NULL, NULL),
			 CODEARENA_TRAPPED);
	assert_true(one / three == before);
	assert_true(two / twenty == other);
	for (i = 0; i < 3; i++) {
		fesetround(modes[i]);
		assert_int_equal(run_trapping(f, offset, address, 0, NULL,
					      NULL), CODEARENA_TRAPPED);
		assert_int_equal(fegetround(), modes[i]);
	}
}

/* The last bytes of a stack, with nothing below. */
static void full_stack_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load_on, PAD_RETURN);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	uint8_t *stack = mmap(NULL, 2 * f->page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct signal_stack on;

	assert_true(stack != MAP_FAILED);
	assert_int_equal(mprotect(stack, f->page, PROT_NONE), 0);
	signal_stack_set(&on);
	expect_trap(f, &code_load_on, offset, (uintptr_t)stack + f->page,
		    address, CODEARENA_TRAP_MEMORY, address);
	/* A target that is not mapped. */
	expect_trap(f, &code_load_on, offset, 0, address,
		    CODEARENA_TRAP_MEMORY, address);
	signal_stack_unset(&on);
	munmap(stack, 2 * f->page);
}

static void full_stack_needs_no_signal_stack(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load_on, PAD_RETURN);
	uintptr_t address = (uintptr_t)out_of_bounds(f);

	only_on(CODEARENA_BACKEND_DEVICE);
	expect_trap(f, &code_load_on, offset, 0, address,
		    CODEARENA_TRAP_MEMORY, address);
}

static void external_pad_returns(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place_plain(f, &code_load), id = 0;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_trap trap = {
		.start = code_load.at - code_load.start,
		.length = 1,
		.landing = CODEARENA_LANDING_EXTERNAL,
	};

	assert_int_equal(codearena_trap_table_register(f->arena, offset,
						 code_load.end - code_load.start,
						       &trap, 1,
						 CODEARENA_TRAP_F_REPORT, &id,
						       NULL), 0);
	assert_int_equal(codearena_trap_set_landing(f->arena,
						    codearena_pad_external()),
			 0);
	expect_trap(f, &code_load, offset, address, 0, CODEARENA_TRAP_MEMORY,
		    address);
}

static void pad_is_a_branch_target(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t pad = f->next++, offset;
	uintptr_t address = (uintptr_t)out_of_bounds(f);

	assert_int_equal(codearena_pad_publish(f->arena, pad * f->granule, NULL,
					       NULL,
					       CODEARENA_PAD_F_BRANCH_TARGET),
			 0);
	offset = place(f, &code_load, pad);
	expect_trap(f, &code_load, offset, address, 0, CODEARENA_TRAP_MEMORY,
		    address);
	/* Called like a function, it takes the call back to the frame. */
	assert_int_equal(run_trapping(f, pad * f->granule, 0, 0, NULL, NULL),
			 CODEARENA_TRAPPED);
}

static void pad_is_refused(void **state)
{
	struct trap_fixture *f = trap_begin(state);

	expect_refused(f->arena, EOPNOTSUPP,
		       codearena_pad_publish(f->arena, f->next * f->granule,
					     NULL, NULL, 2));
	expect_refused(f->arena, EPERM,
		       codearena_pad_publish(f->arena, 0, NULL, NULL, 0));
	expect_refused(f->arena, EINVAL,
		       codearena_pad_publish(f->arena, f->next * f->granule + 4,
					     NULL, NULL, 0));
	assert_int_equal(codearena_pad_publish(NULL, 0, NULL, NULL, 0),
			 -EINVAL);
}

static jmp_buf jumped;

static uint64_t jump_out(uint64_t argument)
{
	(void)argument;
	longjmp(jumped, 1);
}

static void frames_left_by_a_jump_are_forgotten(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	const void *mark = codearena_trap_mark();
	uint64_t call = place_plain(f, &code_call);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	uintptr_t address = (uintptr_t)out_of_bounds(f);

	if (!setjmp(jumped)) {
		run_trapping(f, call, (uintptr_t)jump_out, 0, NULL, NULL);
		fail();
	}
	assert_non_null(codearena_trap_mark());
	codearena_trap_reset(mark);
	assert_null(codearena_trap_mark());
	expect_trap(f, &code_load, load, address, 0, CODEARENA_TRAP_MEMORY,
		    address);
}

struct worker {
	struct trap_fixture *f;
	uint64_t load;
	uint64_t handled;
	unsigned int number;
};

#define WORKERS	4
#define ROUNDS	200

static void *work(void *argument)
{
	const struct worker *worker = argument;
	struct trap_fixture *f = worker->f;
	struct codearena_trap_report report;
	uint64_t i, result;

	for (i = 0; i < ROUNDS; i++) {
		uintptr_t address = (uintptr_t)f->memory + f->page *
				    (1 + (i + worker->number) % 60) + i;

		if (run_trapping(f, worker->load, address, 0, NULL, &report) !=
		    CODEARENA_TRAPPED || report.address != address)
			return NULL;
		if (run_trapping(f, worker->handled, address, 0, &result,
				 NULL) || result != HANDLER_RESULT ||
		    handler_report.address != address)
			return NULL;
	}
	return argument;
}

static void threads_have_frames_of_their_own(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	uint64_t handled = place(f, &code_load, PAD_HANDLER);
	struct codearena_stat before = stat_of(f->arena);
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	void *result;
	size_t i;

	for (i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ f, load, handled, i };
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						&workers[i]), 0);
	}
	for (i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &workers[i]);
	}
	assert_int_equal(stat_of(f->arena).out_traps_memory -
			 before.out_traps_memory, 2 * WORKERS * ROUNDS);
}

static bool trap_outside_of_frames(void *context)
{
	struct nest *nest = context;

	signal(SIGILL, SIG_DFL);
	run(nest->f, nest->load, (uintptr_t)out_of_bounds(nest->f), 0);
	return true;
}

static void pad_without_frame_is_undefined(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct nest nest = { .f = f, .load = place(f, &code_load, PAD_RETURN) };

	assert_int_equal(in_plain_child(trap_outside_of_frames, &nest), SIGILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(call_passes_arguments),
		TRAP_TEST(call_refuses_bad_arguments),
		TRAP_TEST(call_without_trap_returns_result),
		TRAP_TEST(load_traps),
		TRAP_TEST(store_traps),
		TRAP_TEST(straddling_access_traps_at_the_border),
		TRAP_TEST(handler_result_is_the_result),
		TRAP_TEST(handler_may_call_code_that_traps),
		TRAP_TEST(frames_nest),
		TRAP_TEST(trap_goes_to_the_innermost_frame),
		TRAP_TEST(registers_survive),
		TRAP_TEST(floating_point_modes_survive),
		TRAP_TEST(full_stack_traps),
		TRAP_TEST(full_stack_needs_no_signal_stack),
		TRAP_TEST(external_pad_returns),
		TRAP_TEST(pad_is_a_branch_target),
		TRAP_TEST(pad_is_refused),
		TRAP_TEST(frames_left_by_a_jump_are_forgotten),
		TRAP_TEST(threads_have_frames_of_their_own),
		TRAP_TEST(pad_without_frame_is_undefined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
