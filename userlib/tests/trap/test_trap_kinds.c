// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What is a trap and what is not, and what state a landing pad finds.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "trap/trap_helpers.h"

static void division_by_zero_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_divide, PAD_RETURN);
	struct codearena_stat before = stat_of(f->arena), after;

	needs_kind(f, CODEARENA_TRAP_DIVIDE);
	assert_int_equal(run(f, offset, 91, 7), 13);
	expect_trap(f, &code_divide, offset, 91, 0, CODEARENA_TRAP_DIVIDE, 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_traps_divide, before.out_traps_divide + 1);
	assert_int_equal(after.out_traps_memory, before.out_traps_memory);
	assert_int_equal(after.out_traps_undefined, before.out_traps_undefined);
}

static void division_overflow_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_divide, PAD_RETURN);

	needs_kind(f, CODEARENA_TRAP_DIVIDE);
	expect_trap(f, &code_divide, offset, INT64_MIN, -1,
		    CODEARENA_TRAP_DIVIDE, 0);
}

static void undefined_instruction_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_undefined, PAD_RETURN);
	struct codearena_stat before = stat_of(f->arena), after;

	needs_kind(f, CODEARENA_TRAP_UNDEFINED);
	expect_trap(f, &code_undefined, offset, 0, 0, CODEARENA_TRAP_UNDEFINED,
		    0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_traps_undefined,
			 before.out_traps_undefined + 1);
	assert_int_equal(after.out_traps_divide, before.out_traps_divide);
}

static void handlers_hear_of_all_kinds(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t divide = place(f, &code_divide, PAD_HANDLER);
	uint64_t undefined = place(f, &code_undefined, PAD_HANDLER);
	uint64_t result = 0;

	needs_kind(f, CODEARENA_TRAP_DIVIDE);
	assert_int_equal(run_trapping(f, divide, 1, 0, &result, NULL), 0);
	assert_int_equal(result, HANDLER_RESULT);
	assert_int_equal(handler_report.kind, CODEARENA_TRAP_DIVIDE);
	assert_int_equal(handler_report.address, 0);
	assert_int_equal(run_trapping(f, undefined, 1, 0, &result, NULL), 0);
	assert_int_equal(handler_report.kind, CODEARENA_TRAP_UNDEFINED);
	assert_int_equal(handler_report.pc, pc_of(f, &code_undefined,
						  undefined));
}

static void registers_of_the_report(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t pc = place(f, &code_load, PAD_PC);
	uint64_t address = place(f, &code_load, PAD_ADDRESS);
	uintptr_t where = (uintptr_t)out_of_bounds(f);

	assert_true(run(f, pc, where, 0) == pc_of(f, &code_load, pc));
	assert_true(run(f, address, where, 0) == where);
}

static void registers_of_other_kinds(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t divide = place(f, &code_divide, PAD_ADDRESS);
	uint64_t pc = place(f, &code_divide, PAD_PC);
	uint64_t undefined = place(f, &code_undefined, PAD_ADDRESS);

	needs_kind(f, CODEARENA_TRAP_DIVIDE);
	assert_true(run(f, divide, 1, 0) ==
		    (CODEARENA_TRAP_NO_ADDRESS | CODEARENA_TRAP_DIVIDE));
	assert_true(run(f, pc, 1, 0) == pc_of(f, &code_divide, pc));
	assert_true(run(f, undefined, 1, 0) ==
		    (CODEARENA_TRAP_NO_ADDRESS | CODEARENA_TRAP_UNDEFINED));
}

static void other_registers_are_kept(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t pad = place_plain(f, &code_pad_sum) / f->granule;
	uint64_t offset = place(f, &code_keep, pad);

	assert_int_equal(run(f, offset, (uintptr_t)out_of_bounds(f), 0), 777);
}

struct attempt {
	struct trap_fixture *f;
	uint64_t offset;
	uint64_t a;
	uint64_t b;
};

static bool attempt_run(void *context)
{
	const struct attempt *attempt = context;

	return run_trapping(attempt->f, attempt->offset, attempt->a,
			    attempt->b, NULL, NULL) == CODEARENA_TRAPPED;
}

static void breakpoints_are_the_debuggers(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place(f, &code_breakpoint, PAD_RETURN),
	};

	signal(SIGTRAP, SIG_DFL);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGTRAP);
}

static void unprotected_kinds_fault(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place_plain(f, &code_divide),
		.a = 1,
	};

	needs_kind(f, CODEARENA_TRAP_DIVIDE);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGFPE);
	attempt.offset = place_plain(f, &code_undefined);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGILL);
}

/* The jump itself does not access memory, and its target is not code. */
static void fetching_from_a_guard_faults(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place(f, &code_call, PAD_RETURN),
		.a = (uintptr_t)out_of_bounds(f),
	};

	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
}

/* C code that protected code calls is not protected. */
static uint64_t touch(uint64_t argument)
{
	return *(volatile uint8_t *)(uintptr_t)argument;
}

static void called_functions_are_not_protected(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place(f, &code_call, PAD_RETURN),
		.a = (uintptr_t)touch,
		.b = (uintptr_t)out_of_bounds(f),
	};
	uint64_t result;

	f->memory[0] = 9;
	assert_int_equal(run_trapping(f, attempt.offset, (uintptr_t)touch,
				      (uintptr_t)f->memory, &result, NULL), 0);
	assert_int_equal(result, 9);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
}

static void explicit_traps_have_codes(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	uintptr_t page = (uintptr_t)codearena_guard_trap_page(f->guard);
	struct codearena_trap_report report;
	static const unsigned int codes[] = { 0, 1, 77, 2048, 4000 };
	size_t i;

	for (i = 0; i < 5; i++) {
		assert_int_equal(run_trapping(f, load, page + codes[i], 0,
					      NULL, &report),
				 CODEARENA_TRAPPED);
		assert_int_equal(codearena_trap_code(report.address), codes[i]);
	}
	assert_int_equal(codearena_trap_code(page - 1), -ENOENT);
	assert_int_equal(codearena_trap_code(page + CODEARENA_TRAP_CODES),
			 -ENOENT);
	assert_int_equal(codearena_trap_code((uintptr_t)f->memory), -ENOENT);
	assert_int_equal(codearena_trap_code(0), -ENOENT);
	assert_int_equal(codearena_trap_code(UINT64_MAX), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(division_by_zero_traps),
		TRAP_TEST(division_overflow_traps),
		TRAP_TEST(undefined_instruction_traps),
		TRAP_TEST(handlers_hear_of_all_kinds),
		TRAP_TEST(registers_of_the_report),
		TRAP_TEST(registers_of_other_kinds),
		TRAP_TEST(other_registers_are_kept),
		TRAP_TEST(breakpoints_are_the_debuggers),
		TRAP_TEST(unprotected_kinds_fault),
		TRAP_TEST(fetching_from_a_guard_faults),
		TRAP_TEST(called_functions_are_not_protected),
		TRAP_TEST(explicit_traps_have_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
