// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * A trap, from the call of a function that traps to the return of its landing
 * pad: in the kernel, and by a signal handler that rewrites the context. Last,
 * whether a trap costs more among a million registered instructions.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "bench.h"
#include "code.h"
#include "memory.h"

#define TRAPS		256
#define ARENA_LENGTH	(16U << 20)
#define GUARD_LENGTH	(8ULL << 30)
#define BODY		64
#define PAD_VALUE	7

/* trap_first: each trap in a region of its own, as one page table covers it. */
#define REGION		(2U << 20)

/* trap_scale: tables of 10 exact entries, as many as make a million; and fewer. */
#define SCALE_TABLES	100000U
#define SCALE_ENTRIES	10
#define SCALE_BATCH	50000U

/* Called with the address to access, and 0 to divide by. */
typedef uint32_t (*trap_fn)(const void *address, uint64_t zero);

struct trap {
	struct memory memory;
	char *guard;
	char *views;
	unsigned int view_count;
	size_t pad;
	size_t bodies[TRAPS];
};

enum trap_kind { TRAP_LOAD, TRAP_DIVIDE, TRAP_UNDEFINED };

struct trap_code {
	unsigned char bytes[8];
	unsigned int length;
	unsigned int at;	/* the instruction that traps */
	int signal;
};

static const struct trap_code codes[] = {
#if defined(__x86_64__)
	/* mov (%rdi),%eax; ret */
	[TRAP_LOAD] = { { 0x8b, 0x07, 0xc3 }, 3, 0, SIGSEGV },
	/* xor %edx,%edx; mov %edi,%eax; div %esi; ret */
	[TRAP_DIVIDE] = { { 0x31, 0xd2, 0x89, 0xf8, 0xf7, 0xf6, 0xc3 }, 7, 4,
			  SIGFPE },
	/* ud2 */
	[TRAP_UNDEFINED] = { { 0x0f, 0x0b }, 2, 0, SIGILL },
#elif defined(__aarch64__)
	/* ldr w0, [x0]; ret */
	[TRAP_LOAD] = { { 0x00, 0x00, 0x40, 0xb9, 0xc0, 0x03, 0x5f, 0xd6 }, 8,
			0, SIGSEGV },
#elif defined(__riscv)
	/* lw a0, 0(a0); ret */
	[TRAP_LOAD] = { { 0x03, 0x25, 0x05, 0x00, 0x67, 0x80, 0x00, 0x00 }, 8,
			0, SIGSEGV },
#endif
};

static void trap_publish(struct trap *trap, const struct codearena_object *objects,
			 unsigned int count)
{
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.objects = (uintptr_t)objects,
		.object_count = count,
	};

	if (ioctl(trap->memory.fd, CODEARENA_PUBLISH, &publish))
		bench_die("PUBLISH");
}

/* An arena with the landing pad at its end, and a guard view. */
static struct trap *arena_open(void)
{
	struct trap *trap = bench_alloc(sizeof(*trap));
	uint64_t pad = code_word(PAD_VALUE);

	memory_open_arena(&trap->memory, ARENA_LENGTH);
	trap->pad = ARENA_LENGTH - BODY;
	memory_publish(&trap->memory, trap->pad, &pad, sizeof(pad), 0);
	trap->guard = mmap(NULL, GUARD_LENGTH, PROT_READ | PROT_WRITE,
			   MAP_SHARED, trap->memory.fd, CODEARENA_GUARD_OFFSET);
	if (trap->guard == MAP_FAILED)
		bench_die("mmap of the guard view");
	return trap;
}

static void *arena_open_one(enum trap_kind kind)
{
	const struct trap_code *code = &codes[kind];
	struct trap *trap = arena_open();
	const struct codearena_trap entry = {
		.start = code->at,
		.length = 1,
		.landing = trap->pad,
	};
	const struct codearena_object object = {
		.source = (uintptr_t)code->bytes,
		.length = code->length,
		.traps = (uintptr_t)&entry,
		.trap_count = 1,
	};

	trap_publish(trap, &object, 1);
	return trap;
}

static void *arena_load_open(void)
{
	return arena_open_one(TRAP_LOAD);
}

/* One of every few hundred bodies is called, so that the search differs. */
static void *arena_scale_open(unsigned int tables)
{
	const unsigned int most = tables < SCALE_BATCH ? tables : SCALE_BATCH;
	struct codearena_object *objects = bench_alloc(SCALE_BATCH *
						       sizeof(*objects));
	struct codearena_trap entries[SCALE_ENTRIES];
	unsigned char body[BODY] = { 0 };
	struct trap *trap = arena_open();
	unsigned int i, batch;

	/* The other entries protect bytes that are never reached. */
	memcpy(body, codes[TRAP_LOAD].bytes, codes[TRAP_LOAD].length);
	for (i = 0; i < SCALE_ENTRIES; i++) {
		entries[i] = (struct codearena_trap) {
			.start = i * 4,
			.length = 1,
			.landing = trap->pad,
		};
	}
	for (batch = 0; batch < tables; batch += most) {
		for (i = 0; i < most; i++) {
			objects[i] = (struct codearena_object) {
				.offset = (uint64_t)(batch + i) * BODY,
				.source = (uintptr_t)body,
				.length = BODY,
				.traps = (uintptr_t)entries,
				.trap_count = SCALE_ENTRIES,
			};
		}
		trap_publish(trap, objects, most);
	}
	free(objects);
	for (i = 0; i < TRAPS; i++)
		trap->bodies[i] = (size_t)i * tables / TRAPS * BODY;
	return trap;
}

static void *arena_views_open(unsigned int count)
{
	struct trap *trap = arena_load_open();

	trap->views = memory_map_views(&trap->memory, count);
	trap->view_count = count;
	return trap;
}

static uint64_t run_traps(struct trap *trap, char *guard, size_t step)
{
	uint64_t sum = 0;
	trap_fn function;
	unsigned int i;
	char *code;

	for (i = 0; i < TRAPS; i++) {
		code = trap->memory.exec + trap->bodies[i];
		memcpy(&function, &code, sizeof(function));
		sum += function(guard + step * i, 0);
	}
	return sum;
}

static uint64_t trap_run(void *state, unsigned int round)
{
	struct trap *trap = state;

	(void)round;
	return run_traps(trap, trap->guard + 4096, 8);
}

/* Guard memory in which nothing was touched yet. */
static void arena_first_prepare(void *state, unsigned int round)
{
	struct trap *trap = state;

	(void)round;
	munmap(trap->guard, GUARD_LENGTH);
	if (mmap(trap->guard, GUARD_LENGTH, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, trap->memory.fd,
		 CODEARENA_GUARD_OFFSET) == MAP_FAILED)
		bench_die("mmap of the guard view");
}

static void signal_first_prepare(void *state, unsigned int round)
{
	struct trap *trap = state;

	(void)round;
	if (mmap(trap->guard, GUARD_LENGTH, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		bench_die("mmap of guard memory");
}

static uint64_t first_run(void *state, unsigned int round)
{
	struct trap *trap = state;

	(void)round;
	return run_traps(trap, trap->guard, REGION);
}

static bool trap_verify(void *state, unsigned int round, uint64_t sum)
{
	(void)state;
	(void)round;
	return sum == TRAPS * PAD_VALUE;
}

static void trap_close(void *state)
{
	struct trap *trap = state;

	munmap(trap->guard, GUARD_LENGTH);
	if (trap->views)
		memory_unmap_views(trap->views, trap->view_count);
	memory_close(&trap->memory);
	free(trap);
}

/* What a runtime's handler does, without its lookup: the pad is known. */
static char *signal_pad;

static void signal_handler(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)number;
	(void)info;
#if defined(__x86_64__)
	user->uc_mcontext.gregs[REG_RIP] = (greg_t)signal_pad;
#elif defined(__aarch64__)
	user->uc_mcontext.pc = (uintptr_t)signal_pad;
#elif defined(__riscv)
	user->uc_mcontext.__gregs[REG_PC] = (uintptr_t)signal_pad;
#endif
}

static void *signal_open_one(enum trap_kind kind)
{
	const struct trap_code *code = &codes[kind];
	struct sigaction action = {
		.sa_sigaction = signal_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct trap *trap = bench_alloc(sizeof(*trap));
	uint64_t pad = code_word(PAD_VALUE);

	memory_open_memfd(&trap->memory, ARENA_LENGTH);
	memcpy(trap->memory.alias, code->bytes, code->length);
	memcpy(trap->memory.alias + BODY, &pad, sizeof(pad));
	code_sync(trap->memory.exec, 2 * BODY);
	signal_pad = trap->memory.exec + BODY;
	trap->guard = mmap(NULL, GUARD_LENGTH, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (trap->guard == MAP_FAILED)
		bench_die("mmap of guard memory");
	if (sigaction(code->signal, &action, NULL))
		bench_die("sigaction");
	return trap;
}

static void *signal_load_open(void)
{
	return signal_open_one(TRAP_LOAD);
}

static void signal_close(void *state)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
	signal(SIGILL, SIG_DFL);
	trap_close(state);
}

#define TRAP_WAY(_name, _open, _close)		\
	{					\
		.name = _name,			\
		.open = _open,			\
		.run = trap_run,		\
		.verify = trap_verify,		\
		.close = _close,		\
	}

#define TRAP_CASE(_name, _ways)			\
	{					\
		.name = _name,			\
		.per = "trap",			\
		.per_round = TRAPS,		\
		.rounds = 31,			\
		BENCH_WAYS(_ways),		\
	}

#define FIRST_WAY(_name, _open, _prepare, _close)	\
	{						\
		.name = _name,				\
		.open = _open,				\
		.prepare = _prepare,			\
		.run = first_run,			\
		.verify = trap_verify,			\
		.close = _close,			\
	}

static const struct bench_way first[] = {
	FIRST_WAY("codearena", arena_load_open, arena_first_prepare, trap_close),
	FIRST_WAY("signal", signal_load_open, signal_first_prepare,
		  signal_close),
};

static const struct bench_way load[] = {
	TRAP_WAY("codearena", arena_load_open, trap_close),
	TRAP_WAY("signal", signal_load_open, signal_close),
};

#define AMONG(_name, _open, _among, _peer)	\
static const struct bench_way _name[] = {	\
	{					\
		.name = "codearena",		\
		.open_among = _open,		\
		.among = _among,		\
		.run = trap_run,		\
		.verify = trap_verify,		\
		.close = trap_close,		\
	},					\
	TRAP_WAY(_peer, arena_load_open, trap_close), \
}
AMONG(views_100, arena_views_open, 100, "one_view");
AMONG(views_1k, arena_views_open, 1000, "one_view");
AMONG(views_10k, arena_views_open, VIEWS, "one_view");
AMONG(tables_1k, arena_scale_open, 1000, "one_table");
AMONG(tables_10k, arena_scale_open, 10000, "one_table");
AMONG(scale, arena_scale_open, SCALE_TABLES, "one_table");

#if defined(__x86_64__)
static void *arena_divide_open(void)
{
	return arena_open_one(TRAP_DIVIDE);
}

static void *signal_divide_open(void)
{
	return signal_open_one(TRAP_DIVIDE);
}

static void *arena_undefined_open(void)
{
	return arena_open_one(TRAP_UNDEFINED);
}

static void *signal_undefined_open(void)
{
	return signal_open_one(TRAP_UNDEFINED);
}

static const struct bench_way divide[] = {
	TRAP_WAY("codearena", arena_divide_open, trap_close),
	TRAP_WAY("signal", signal_divide_open, signal_close),
};

static const struct bench_way undefined[] = {
	TRAP_WAY("codearena", arena_undefined_open, trap_close),
	TRAP_WAY("signal", signal_undefined_open, signal_close),
};
#endif

static const struct bench_case cases[] = {
	TRAP_CASE("trap_memory", load),
#if defined(__x86_64__)
	TRAP_CASE("trap_divide", divide),
	TRAP_CASE("trap_undefined", undefined),
#endif
	TRAP_CASE("trap_1k_tables", tables_1k),
	TRAP_CASE("trap_10k_tables", tables_10k),
	TRAP_CASE("trap_scale", scale),
	TRAP_CASE("trap_first", first),
	TRAP_CASE("trap_100_views", views_100),
	TRAP_CASE("trap_1k_views", views_1k),
	TRAP_CASE("trap_10k_views", views_10k),
};

const struct bench_subject bench_trap_subject = { cases, BENCH_COUNT(cases) };
