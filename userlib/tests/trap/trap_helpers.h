/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of traps and guards share.
 */
#ifndef TEST_TRAP_HELPERS_H
#define TEST_TRAP_HELPERS_H

#include <signal.h>

#include "codearena/trap.h"
#include "lib/helpers.h"

/* Where the landing pads of the fixture are, in granules. */
#define PAD_RETURN	0	/* of the library: the call is CODEARENA_TRAPPED */
#define PAD_HANDLER	1	/* of the library: calls record_handler() */
#define PAD_PC		2	/* returns the address of the instruction */
#define PAD_ADDRESS	3	/* returns the address of the access, or the kind */
#define FIRST_FREE	4

/* Granules of the fixture's arena that are committed. */
#define TRAP_PAGES	4

/* Pages of the fixture's guard, of which the first is backed. */
#define GUARD_PAGES	64

/**
 * struct snippet - a piece of code, which runs anywhere
 * @start: first byte
 * @at: the instruction that is of interest
 * @end: after the last byte
 */
struct snippet {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
};

/* uint32_t load(const uint32_t *address) */
extern const struct snippet code_load;
/* int store(uint32_t *address, uint32_t value); returns 1 */
extern const struct snippet code_store;
/* int64_t divide(int64_t a, int64_t b) */
extern const struct snippet code_divide;
/* void undefined(void) */
extern const struct snippet code_undefined;
/* void breakpoint(void) */
extern const struct snippet code_breakpoint;
/* uint64_t call(uint64_t (*function)(uint64_t), uint64_t argument) */
extern const struct snippet code_call;
/* uint32_t load_on(void *stack, const uint32_t *address) */
extern const struct snippet code_load_on;
/* As load(), with garbage in all registers that it may or must not change. */
extern const struct snippet code_clobber;
/* As load(), with 7, 70 and 700 in three registers that code_pad_sum adds. */
extern const struct snippet code_keep;
/* As load(), with 3 and 8 in the registers of the report. */
extern const struct snippet code_scratch;
/* Weighted sum of its six arguments: a + 2b + 3c + 4d + 5e + 6f. */
extern const struct snippet code_arguments;
/* Landing pads that return with what the report says. */
extern const struct snippet code_pad_pc;
extern const struct snippet code_pad_address;
extern const struct snippet code_pad_sum;
/* The sum of the registers of the report. */
extern const struct snippet code_pad_scratch;

/**
 * struct trap_fixture - an arena with landing pads, and a guard
 * @arena: 16 pages, of which TRAP_PAGES are committed
 * @guard: GUARD_PAGES pages, of which the first is backed
 * @memory: address of the guard
 * @page: bytes in a page
 * @granule: bytes in a granule
 * @next: granule that trap_place() uses next
 */
struct trap_fixture {
	struct codearena_arena *arena;
	struct codearena_guard *guard;
	uint8_t *memory;
	uint64_t page;
	uint64_t granule;
	uint64_t next;
};

int trap_setup(void **state);
/* The same, before the library has installed any handler. */
int trap_setup_plain(void **state);
int trap_teardown(void **state);

#define TRAP_TEST(name) \
	cmocka_unit_test_setup_teardown(name, trap_setup, trap_teardown)

/*
 * To be called by every test with trap_setup(): the fixture, with the signals
 * as the library wants them.
 */
struct trap_fixture *trap_begin(void **state);

/* A first address that is no memory, and one in the middle of the guard. */
uint8_t *out_of_bounds(const struct trap_fixture *f);

/* Publish code in granules of its own; returns its offset. */
uint64_t place_plain(struct trap_fixture *f, const struct snippet *code);

/* The same with a table that sends its instruction to a pad. */
uint64_t place(struct trap_fixture *f, const struct snippet *code,
	       unsigned int pad);

/* Register traps for code that was placed plainly; returns the result. */
int protect(struct trap_fixture *f, const struct snippet *code,
	    uint64_t offset, unsigned int pad, uint64_t *id);

/* Address of code in the arena. */
const void *address_of(const struct trap_fixture *f, uint64_t offset);

/* Address of the instruction of interest. */
uint64_t pc_of(const struct trap_fixture *f, const struct snippet *code,
	       uint64_t offset);

/* Call code directly, with two arguments. */
uint64_t run(const struct trap_fixture *f, uint64_t offset, uint64_t a,
	     uint64_t b);

/* The same by codearena_trap_call(); returns its result. */
int run_trapping(const struct trap_fixture *f, uint64_t offset, uint64_t a,
		 uint64_t b, uint64_t *result,
		 struct codearena_trap_report *report);

/* The call traps here, at this address, with this kind. */
void expect_trap(struct trap_fixture *f, const struct snippet *code,
		 uint64_t offset, uint64_t a, uint64_t b, uint32_t kind,
		 uint64_t address);

/* The last report of the fixture's handler in this thread; it returns 4242. */
#define HANDLER_RESULT	4242
extern __thread struct codearena_trap_report handler_report;
extern __thread void *handler_data;

/* As in_child(), with signals as they are. */
int in_plain_child(bool (*function)(void *context), void *context);

/* Give the thread a stack for signals, and take it away. */
struct signal_stack {
	stack_t before;
	void *memory;
};

void signal_stack_set(struct signal_stack *stack);
void signal_stack_unset(struct signal_stack *stack);

/* Skips the test where this kind of trap is not supported. */
#define needs_kind(f, kind)					\
	do {							\
		if (!(codearena_trap_kinds((f)->arena) & (kind)))	\
			skip_because("no such traps here");	\
	} while (0)

#endif /* TEST_TRAP_HELPERS_H */
