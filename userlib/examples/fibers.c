// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Two fibers of one thread, both in calls of code that may trap. The library
 * keeps the calls of a thread in one chain, so a scheduler has to save the mark of
 * the fiber that it leaves, and to set that of the fiber that it enters: see
 * switch_to(). Otherwise the trap of one fiber would return into the call of the
 * other.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "codearena/module.h"
#include "codearena/trap.h"

/* int visit(const unsigned char *address, void (*function)(void)) */
#if defined(__x86_64__)
static const uint8_t visit[] = {
	0x53,			/* push %rbx */
	0x48, 0x89, 0xfb,	/* mov %rdi, %rbx */
	0xff, 0xd6,		/* call *%rsi */
	0x0f, 0xb6, 0x03,	/* movzbl (%rbx), %eax */
	0x5b,			/* pop %rbx */
	0xc3,			/* ret */
};
#define LOAD	6
#elif defined(__aarch64__)
static const uint32_t visit[] = {
	0xa9be7bfd,		/* stp x29, x30, [sp, #-32]! */
	0xf9000bf3,		/* str x19, [sp, #16] */
	0xaa0003f3,		/* mov x19, x0 */
	0xd63f0020,		/* blr x1 */
	0x39400260,		/* ldrb w0, [x19] */
	0xf9400bf3,		/* ldr x19, [sp, #16] */
	0xa8c27bfd,		/* ldp x29, x30, [sp], #32 */
	0xd65f03c0,		/* ret */
};
#define LOAD	16
#elif defined(__riscv)
static const uint32_t visit[] = {
	0xfe010113,		/* addi sp, sp, -32 */
	0x00113c23,		/* sd ra, 24(sp) */
	0x00913823,		/* sd s1, 16(sp) */
	0x00050493,		/* mv s1, a0 */
	0x000580e7,		/* jalr a1 */
	0x0004c503,		/* lbu a0, 0(s1) */
	0x01013483,		/* ld s1, 16(sp) */
	0x01813083,		/* ld ra, 24(sp) */
	0x02010113,		/* addi sp, sp, 32 */
	0x00008067,		/* ret */
};
#define LOAD	20
#else
#error "this example has no code for this architecture"
#endif

#define STACK	(256 << 10)

struct fiber {
	ucontext_t context;
	const void *mark;
};

static struct fiber outside, fibers[2];
static int current;
static uint64_t guard, function;

static void switch_to(struct fiber *from, struct fiber *to)
{
	from->mark = codearena_trap_mark();
	swapcontext(&from->context, &to->context);
	/* Here again, perhaps in another thread. */
	codearena_trap_reset(from->mark);
}

static void yield(void)
{
	int from = current;

	current = !current;
	switch_to(&fibers[from], &fibers[current]);
}

static void fiber_main(void)
{
	int number = current;
	const uint64_t arguments[] = {
		guard + 100 * (number + 1), (uintptr_t)yield,
	};
	struct codearena_trap_report report;

	/* A new fiber is in no call. */
	codearena_trap_reset(NULL);
	printf("fiber %d calls\n", number);
	if (codearena_trap_call((const void *)(uintptr_t)function, arguments, 2,
				NULL, &report) == CODEARENA_TRAPPED)
		printf("fiber %d trapped at byte %d\n", number,
		       (int)(report.address - guard));
	if (number)
		switch_to(&fibers[number], &outside);
	yield();
}

static void fiber_new(struct fiber *fiber)
{
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = malloc(STACK);
	fiber->context.uc_stack.ss_size = STACK;
	if (!fiber->context.uc_stack.ss_sp)
		abort();
	makecontext(&fiber->context, fiber_main, 0);
}

static int publish(struct codearena_module *module)
{
	struct codearena_trap trap = {
		.start = LOAD,
		.length = 1,
		.landing = CODEARENA_LANDING_EXTERNAL,
	};
	CODEARENA_OPTS(codearena_code_desc, desc, .body = visit,
		       .instructions_size = sizeof(visit), .traps = &trap,
		       .trap_count = 1, .name = "visit", .function_index = -1,
		       .flags = CODEARENA_CODE_F_REPORT);
	struct codearena_code *code;
	int ret;

	ret = codearena_module_add_publish(module, &desc, 1, &code, NULL);
	if (!ret)
		function = codearena_code_start(code);
	return ret;
}

int main(void)
{
	struct codearena_manager *manager = NULL;
	struct codearena_module *module = NULL;
	struct codearena_guard *area = NULL;
	int ret;

	ret = codearena_manager_new(NULL, &manager);
	if (!ret)
		ret = codearena_module_new(manager, NULL, &module);
	if (!ret)
		ret = codearena_module_guard_new(module, 1 << 20, NULL, &area);
	if (!ret)
		ret = publish(module);
	if (ret) {
		fprintf(stderr, "fibers: %s\n", strerror(-ret));
		goto out;
	}
	guard = (uintptr_t)codearena_guard_base(area);
	fiber_new(&fibers[0]);
	fiber_new(&fibers[1]);
	switch_to(&outside, &fibers[0]);
	free(fibers[0].context.uc_stack.ss_sp);
	free(fibers[1].context.uc_stack.ss_sp);
out:
	codearena_guard_free(area);
	codearena_module_free(module);
	codearena_manager_free(manager);
	return ret != 0;
}
