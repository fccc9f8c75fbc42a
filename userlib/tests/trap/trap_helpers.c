// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of traps and guards share.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap/trap_helpers.h"

__thread struct codearena_trap_report handler_report;
__thread void *handler_data;

static uint64_t record_handler(const struct codearena_trap_report *report,
			       void *data)
{
	handler_report = *report;
	handler_data = data;
	return HANDLER_RESULT;
}

static void publish(struct trap_fixture *f, uint64_t offset,
		    const struct snippet *code, struct codearena_trap *trap)
{
	struct codearena_object object = {
		.offset = offset,
		.source = (uintptr_t)code->start,
		.length = code->end - code->start,
		.traps = (uintptr_t)trap,
		.trap_count = trap ? 1 : 0,
		.flags = trap ? CODEARENA_OBJECT_F_REPORT : 0,
	};

	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	assert_true(!trap || object.out_trap_id);
}

/*
 * The harness sets handlers of its own before every test, which do not
 * call those that were there. So what the library has installed when it was
 * used first is put in place again each time.
 */
static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction library_actions[SIGNALS];

static void library_start(struct trap_fixture *f)
{
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		signal(signals[i], SIG_DFL);
	place(f, &code_load, PAD_RETURN);
	for (i = 0; i < SIGNALS; i++)
		sigaction(signals[i], NULL, &library_actions[i]);
}

int trap_setup_plain(void **state)
{
	struct trap_fixture *f = calloc(1, sizeof(*f));

	if (backend_setup(state) || !f)
		return -1;
	f->page = sysconf(_SC_PAGESIZE);
	if (codearena_arena_new(ARENA_PAGES * f->page, NULL, &f->arena) ||
	    codearena_guard_new(f->arena, GUARD_PAGES * f->page, NULL,
				&f->guard))
		return -1;
	f->granule = codearena_arena_granule(f->arena);
	f->memory = codearena_guard_base(f->guard);
	f->next = FIRST_FREE;
	if (codearena_guard_back(f->guard, 0, f->page) ||
	    codearena_arena_commit(f->arena, 0, TRAP_PAGES * f->page) ||
	    codearena_pad_publish(f->arena, PAD_RETURN * f->granule, NULL, NULL,
				  0) ||
	    codearena_pad_publish(f->arena, PAD_HANDLER * f->granule,
				  record_handler, f, 0))
		return -1;
	publish(f, PAD_PC * f->granule, &code_pad_pc, NULL);
	publish(f, PAD_ADDRESS * f->granule, &code_pad_address, NULL);
	*state = f;
	return 0;
}

int trap_setup(void **state)
{
	static bool started;

	if (trap_setup_plain(state))
		return -1;
	if (!started)
		library_start(*state);
	started = true;
	return 0;
}

struct trap_fixture *trap_begin(void **state)
{
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &library_actions[i], NULL);
	return *state;
}

int trap_teardown(void **state)
{
	struct trap_fixture *f = *state;

	codearena_guard_free(f->guard);
	codearena_arena_free(f->arena);
	free(f);
	return 0;
}

uint8_t *out_of_bounds(const struct trap_fixture *f)
{
	return f->memory + 5 * f->page + 24;
}

static uint64_t place_next(struct trap_fixture *f, const struct snippet *code)
{
	uint64_t offset = f->next * f->granule;

	f->next += (code->end - code->start + f->granule - 1) / f->granule;
	assert_true(f->next * f->granule <= TRAP_PAGES * f->page);
	return offset;
}

uint64_t place_plain(struct trap_fixture *f, const struct snippet *code)
{
	uint64_t offset = place_next(f, code);

	publish(f, offset, code, NULL);
	return offset;
}

uint64_t place(struct trap_fixture *f, const struct snippet *code,
	       unsigned int pad)
{
	uint64_t offset = place_next(f, code);
	struct codearena_trap trap = {
		.start = code->at - code->start,
		.length = 1,
		.landing = pad * f->granule,
	};

	publish(f, offset, code, &trap);
	return offset;
}

int protect(struct trap_fixture *f, const struct snippet *code,
	    uint64_t offset, unsigned int pad, uint64_t *id)
{
	struct codearena_trap trap = {
		.start = code->at - code->start,
		.length = 1,
		.landing = pad * f->granule,
	};

	return codearena_trap_table_register(f->arena, offset,
					     code->end - code->start, &trap, 1,
					     CODEARENA_TRAP_F_REPORT, id, NULL);
}

const void *address_of(const struct trap_fixture *f, uint64_t offset)
{
	return (const uint8_t *)codearena_arena_base(f->arena) + offset;
}

uint64_t pc_of(const struct trap_fixture *f, const struct snippet *code,
	       uint64_t offset)
{
	return (uintptr_t)address_of(f, offset) + (code->at - code->start);
}

uint64_t run(const struct trap_fixture *f, uint64_t offset, uint64_t a,
	     uint64_t b)
{
	const void *address = address_of(f, offset);
	uint64_t (*function)(uint64_t a, uint64_t b);

	/* ISO C has no conversion between the two kinds of pointers. */
	memcpy(&function, &address, sizeof(function));
	return function(a, b);
}

int run_trapping(const struct trap_fixture *f, uint64_t offset, uint64_t a,
		 uint64_t b, uint64_t *result,
		 struct codearena_trap_report *report)
{
	const uint64_t arguments[] = { a, b };

	return codearena_trap_call(address_of(f, offset), arguments, 2, result,
				   report);
}

void expect_trap(struct trap_fixture *f, const struct snippet *code,
		 uint64_t offset, uint64_t a, uint64_t b, uint32_t kind,
		 uint64_t address)
{
	struct codearena_trap_report report;
	uint64_t result = 1234567;

	memset(&report, 0xa5, sizeof(report));
	assert_int_equal(run_trapping(f, offset, a, b, &result, &report),
			 CODEARENA_TRAPPED);
	assert_int_equal(result, 1234567);
	assert_int_equal(report.pc, pc_of(f, code, offset));
	assert_int_equal(report.address, address);
	assert_int_equal(report.kind, kind);
	assert_int_equal(report.__reserved, 0);
}

int in_plain_child(bool (*function)(void *context), void *context)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(function(context) ? 0 : 1);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) ? -1 : 0;
}

/* Enough for a frame with all registers, and a handler that prints. */
#define SIGNAL_STACK	(256UL << 10)

void signal_stack_set(struct signal_stack *stack)
{
	stack_t now = { .ss_size = SIGNAL_STACK };

	stack->memory = malloc(SIGNAL_STACK);
	assert_non_null(stack->memory);
	now.ss_sp = stack->memory;
	assert_int_equal(sigaltstack(&now, &stack->before), 0);
}

void signal_stack_unset(struct signal_stack *stack)
{
	assert_int_equal(sigaltstack(&stack->before, NULL), 0);
	free(stack->memory);
}
