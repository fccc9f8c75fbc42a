// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Array accesses without a bounds check: the array is in a guard, so an index
 * that is too large is a trap, which the call reports. On the device no signal
 * handler is involved and all signals may be blocked; without the module the
 * library uses a signal handler.
 *
 * Usage: trap [INDEX]...
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codearena/trap.h"

/* Any 32-bit index, times 4, stays in the guard. */
#define GUARD_LENGTH	(16ULL << 30)

#define PAD_OFFSET	0
#define ELEMENTS	1000

/* uint32_t get(const uint32_t *array, uint32_t index) */
#if defined(__x86_64__)
static const uint8_t code[] = {
	0x89, 0xf0,			/* mov %esi, %eax */
	0x8b, 0x04, 0x87,		/* mov (%rdi, %rax, 4), %eax */
	0xc3,				/* ret */
};
#define ACCESS	2
#elif defined(__aarch64__)
static const uint8_t code[] = {
	0x00, 0x58, 0x61, 0xb8,		/* ldr w0, [x0, w1, uxtw #2] */
	0xc0, 0x03, 0x5f, 0xd6,		/* ret */
};
#define ACCESS	0
#elif defined(__riscv)
static const uint8_t code[] = {
	0x93, 0x95, 0x05, 0x02,		/* slli a1, a1, 32 */
	0x93, 0xd5, 0xe5, 0x01,		/* srli a1, a1, 30 */
	0x33, 0x05, 0xb5, 0x00,		/* add a0, a0, a1 */
	0x03, 0x25, 0x05, 0x00,		/* lw a0, 0(a0) */
	0x67, 0x80, 0x00, 0x00,		/* ret */
};
#define ACCESS	12
#else
#error "this example has no code for this architecture"
#endif

struct machine {
	struct codearena_arena *arena;
	struct codearena_guard *guard;
	uint64_t get;
};

static int publish(struct machine *m)
{
	struct codearena_trap trap = {
		.start = ACCESS,
		.length = 1,
		.landing = PAD_OFFSET,
	};
	struct codearena_object object = {
		.offset = codearena_arena_granule(m->arena),
		.source = (uintptr_t)code,
		.length = sizeof(code),
		.traps = (uintptr_t)&trap,
		.trap_count = 1,
		.flags = CODEARENA_OBJECT_F_REPORT,
	};
	int ret;

	ret = codearena_arena_commit(m->arena, 0,
				     codearena_arena_page_size(m->arena));
	if (!ret)
		ret = codearena_pad_publish(m->arena, PAD_OFFSET, NULL, NULL,
					    0);
	if (!ret)
		ret = codearena_arena_publish(m->arena, &object, 1, NULL, 0, 0,
					      NULL);
	m->get = object.offset;
	return ret;
}

static int start(struct machine *m)
{
	uint64_t page;
	int ret;

	ret = codearena_arena_new(1 << 20, NULL, &m->arena);
	if (ret)
		return ret;
	page = codearena_arena_page_size(m->arena);
	ret = codearena_guard_new(m->arena, GUARD_LENGTH, NULL, &m->guard);
	if (!ret)
		ret = codearena_guard_back(m->guard, 0,
					   (ELEMENTS * 4 + page - 1) / page *
					   page);
	return ret ? ret : publish(m);
}

static void get(const struct machine *m, uint32_t index)
{
	const uint8_t *base = codearena_arena_base(m->arena);
	const uint64_t arguments[] = {
		(uintptr_t)codearena_guard_base(m->guard), index,
	};
	struct codearena_trap_report report;
	uint64_t result;

	if (codearena_trap_call(base + m->get, arguments, 2, &result,
				&report) == CODEARENA_TRAPPED)
		printf("array[%u]: out of bounds: the instruction at get+%llu touched byte %llu\n",
		       index,
		       (unsigned long long)(report.pc - (uintptr_t)base -
					    m->get),
		       (unsigned long long)(report.address - arguments[0]));
	else
		printf("array[%u] = %u\n", index, (uint32_t)result);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {
		"7", "999", "5000", "4294967295",
	};
	struct machine m = { 0 };
	uint32_t *array, i;
	sigset_t all;
	int ret = start(&m);

	if (ret) {
		fprintf(stderr, "trap: %s\n", strerror(-ret));
		codearena_guard_free(m.guard);
		codearena_arena_free(m.arena);
		return 1;
	}
	printf("backend: %s\n",
	       codearena_backend_name(codearena_arena_backend(m.arena)));
	if (codearena_arena_backend(m.arena) == CODEARENA_BACKEND_DEVICE) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		printf("all signals are blocked\n");
	}
	array = codearena_guard_base(m.guard);
	for (i = 0; i < ELEMENTS; i++)
		array[i] = i * i;
	if (argc > 1) {
		for (i = 1; i < (uint32_t)argc; i++)
			get(&m, strtoul(argv[i], NULL, 0));
	} else {
		for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			get(&m, strtoul(usual[i], NULL, 0));
	}
	codearena_guard_free(m.guard);
	codearena_arena_free(m.arena);
	return 0;
}
