/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Machine code that traps, and a harness that runs it with every register under
 * control. The pieces of code stand in trap_code_x86.S and its siblings;
 * they can be copied anywhere. The assembler sources include this file too.
 */
#ifndef CODEARENA_SELFTESTS_TRAP_CODE_H
#define CODEARENA_SELFTESTS_TRAP_CODE_H

/* Offsets in struct trap_state, which a register holds while code runs. */
#define TRAP_STATE_ENTRY	0
#define TRAP_STATE_FINISH	8
#define TRAP_STATE_WHERE	16
#define TRAP_STATE_HOST		24
#define TRAP_STATE_HOST_FP	32
#define TRAP_STATE_IN		64
#define TRAP_STATE_OUT		(TRAP_STATE_IN + TRAP_CPU_SIZE)

/* Offsets in struct trap_cpu. */
#define TRAP_CPU_FLAGS		256
#define TRAP_CPU_FP		264
#define TRAP_CPU_VECTOR		272
#define TRAP_CPU_SIZE		784

#ifndef __ASSEMBLER__

#include <signal.h>

#include "utils.h"

#define TRAP_STACK_SIZE		8192

/* Numbers of registers: the instructions' own numbering. */
#if defined(__x86_64__)
#define HAVE_TRAP_CODE		1
#define TRAP_GPRS		16
#define TRAP_VECTORS		16
#define REG_SP			4
#define REG_STATE		15
#define REG_ADDRESS		7	/* rdi: what the code accesses */
#define REG_VALUE		0	/* rax: what it stores or gets */
#define REG_SOURCE		6	/* rsi */
#define REG_COUNT		1	/* rcx */
#define REG_DIVIDEND_HIGH	2	/* rdx */
#define REG_REPORT_PC		10
#define REG_REPORT_ADDRESS	11
#elif defined(__aarch64__)
#define HAVE_TRAP_CODE		1
#define TRAP_GPRS		32
#define TRAP_VECTORS		32
#define REG_SP			31
#define REG_STATE		28
#define REG_ADDRESS		0
#define REG_VALUE		1
#define REG_LINK		30	/* holds the entry when the code begins */
#define REG_REPORT_PC		16
#define REG_REPORT_ADDRESS	17
#elif defined(__riscv)
#define HAVE_TRAP_CODE		1
#define TRAP_GPRS		32
#define TRAP_VECTORS		32	/* of floating point, 8 bytes each */
#define TRAP_VECTOR_BYTES	8
#define REG_LINK		1
#define REG_SP			2
#define REG_GP			3
#define REG_TP			4
#define REG_STATE		27
#define REG_ADDRESS		10
#define REG_VALUE		11
#define REG_REPORT_PC		31
#define REG_REPORT_ADDRESS	30
#else
#error "no code that traps for this architecture"
#endif
#ifndef TRAP_VECTOR_BYTES
#define TRAP_VECTOR_BYTES	16
#endif

/**
 * struct trap_cpu - the registers of user mode
 * @gpr: general registers, and the stack pointer among them
 * @flags: rflags, or nzcv
 * @fp: mxcsr, fpsr or fcsr
 * @vector: xmm0 to xmm15, v0 to v31, or f0 to f31
 */
struct trap_cpu {
	uint64_t gpr[32];
	uint64_t flags;
	uint64_t fp;
	uint64_t vector[32][2];
};

/**
 * struct trap_state - one run of code
 * @entry: where it begins
 * @finish: where all code goes in the end
 * @where: where it came to an end: the address of a pad, or of what follows the
 *         instruction that could have trapped; 0 if a signal ended it
 * @host: stack pointer of the harness
 * @host_fp: its mxcsr
 * @in: the registers that the code begins with
 * @out: those it ended with; without @fp and @vector after a signal
 * @signo: the signal, 0 without
 * @code: its si_code
 * @address: its si_addr
 * @pc: where it was raised
 * @signals: how many there were
 * @stack: what the stack pointer in @in points to the middle of
 */
struct trap_state {
	uint64_t entry;
	uint64_t finish;
	uint64_t where;
	uint64_t host;
	uint64_t host_fp;
	uint64_t unused[3];
	struct trap_cpu in;
	struct trap_cpu out;
	int signo;
	int code;
	uint64_t address;
	uint64_t pc;
	unsigned int signals;
	uint8_t stack[TRAP_STACK_SIZE] __attribute__((aligned(64)));
};

_Static_assert(offsetof(struct trap_state, in) == TRAP_STATE_IN, "in");
_Static_assert(offsetof(struct trap_state, out) == TRAP_STATE_OUT, "out");
_Static_assert(offsetof(struct trap_cpu, vector) == TRAP_CPU_VECTOR, "vector");

/**
 * struct trap_fragment - a piece of code that can be copied anywhere
 * @start: first byte
 * @trap: the instruction of interest
 * @next: what follows it, and ends the run
 * @end: first byte after the fragment
 */
struct trap_fragment {
	const uint8_t *start;
	const uint8_t *trap;
	const uint8_t *next;
	const uint8_t *end;
};

/* code_pad only ends a run. The others are named after their instruction. */
extern const struct trap_fragment code_pad, code_bad_pad, code_load,
	code_load_byte, code_store, code_store_byte, code_atomic,
	code_atomic_add, code_vector_load, code_vector_store, code_breakpoint,
	code_undefined, code_divide, code_fetch, code_system_call, code_spin;
#if defined(__x86_64__)
extern const struct trap_fragment code_avx_load, code_avx_store, code_x87_load,
	code_push_memory, code_pop_memory, code_push, code_pop, code_call_memory,
	code_jump_memory, code_call, code_ret, code_repeat_move,
	code_repeat_store, code_signed_divide, code_signed_divide_32,
	code_privileged;
#elif defined(__aarch64__)
extern const struct trap_fragment code_multi_load, code_multi_store,
	code_pair_load, code_pair_store, code_pair_load_before,
	code_pair_store_after, code_pair_push;
#endif

/* A pad in the program itself. */
extern const uint8_t trap_external_pad[];

/* trap_code_*.S: run state->entry with state->in. */
void trap_enter(struct trap_state *state);
extern const uint8_t trap_finish[], trap_leave[];

/*
 * Signals that the code raises end its run. trap_signals counts every one that
 * reached a handler of the process, from the code or not.
 */
extern unsigned int trap_signals;

void trap_handlers(void);

struct trap_state *trap_state_new(void);
void trap_state_free(struct trap_state *state);

/* Give all registers, and the stack, values that are easy to recognise. */
void trap_prepare(struct trap_state *state);
/* Run code from an address on, with what trap_prepare() and the test have set. */
void trap_go(struct trap_state *state, const void *entry);
/* Prepare, set what the code accesses, run. */
void trap_access(struct trap_state *state, const void *entry,
		 const void *address);

/*
 * True if the registers are what they were, except for general registers in the
 * mask; says on stderr what differs.
 */
bool trap_registers_same(const struct trap_state *state, uint64_t except);
bool trap_stack_same(const struct trap_state *state);

#define TRAP_REPORTED (1ULL << REG_REPORT_PC | 1ULL << REG_REPORT_ADDRESS)

/* Commands. As in utils.h: one system call, its raw result. */
int do_register(int fd, uint64_t offset, uint64_t length,
		const struct codearena_trap *traps, uint32_t count,
		uint32_t flags, uint64_t *id);
int do_release(int fd, uint64_t id);
int do_landing(int fd, uint64_t address);

static inline struct codearena_trap trap_of(uint32_t start, uint32_t length,
					    uint64_t landing)
{
	return (struct codearena_trap) {
		.start = start,
		.length = length,
		.landing = landing,
	};
}

/**
 * struct site - a fragment in an arena
 * @start: offset of its first byte in the arena; a multiple of the granule
 * @length: its bytes
 * @trap: offset of the instruction of interest in the arena
 * @next: offset of what follows it
 */
struct site {
	uint64_t start;
	uint64_t length;
	uint64_t trap;
	uint64_t next;
};

/**
 * struct trap_arena - an arena for code that traps
 * @arena: the arena, all committed
 * @fd: its handle
 * @guard: a guard view; NULL without
 * @guard_length: bytes of it
 * @next: offset of the first granule that is free
 * @pad: a landing pad
 * @other_pad: another one, in another page
 */
struct trap_arena {
	struct arena arena;
	int fd;
	uint8_t *guard;
	uint64_t guard_length;
	uint64_t next;
	struct site pad;
	struct site other_pad;
};

#define TRAP_ARENA_PAGES	64
#define TRAP_GUARD_LENGTH	(8ULL << 30)

int trap_arena_new(struct trap_arena *t, uint64_t pages);
int trap_arena_new_flags(struct trap_arena *t, uint64_t pages,
			 uint32_t reserve_flags);
void trap_arena_free(struct trap_arena *t);
void *guard_map(int fd, uint64_t length);

/* Publish a fragment at the next free granule, or at an offset: 0 or -1. */
int site_new(struct trap_arena *t, const struct trap_fragment *fragment,
	     struct site *site);
int site_new_at(struct trap_arena *t, const struct trap_fragment *fragment,
		uint64_t offset, struct site *site);
/* Protect the instruction of interest alone. */
int site_protect(struct trap_arena *t, const struct site *site,
		 uint64_t landing, uint32_t flags, uint64_t *id);

/* The site's first instruction, its instruction of interest, what follows. */
static inline const void *site_entry(const struct trap_arena *t,
				     const struct site *site)
{
	return t->arena.view + site->start;
}

static inline uint64_t site_pc(const struct trap_arena *t,
			       const struct site *site)
{
	return (uintptr_t)t->arena.view + site->trap;
}

static inline uint64_t site_end(const struct trap_arena *t,
				const struct site *site)
{
	return (uintptr_t)t->arena.view + site->next;
}

static inline uint64_t pad_address(const struct trap_arena *t)
{
	return (uintptr_t)t->arena.view + t->pad.start;
}

static inline uint64_t fragment_length(const struct trap_fragment *fragment)
{
	return (uint64_t)(fragment->end - fragment->start);
}

/* Bytes of the fragment's instruction of interest. */
static inline uint64_t fragment_stride(const struct trap_fragment *fragment)
{
	return (uint64_t)(fragment->next - fragment->trap);
}

/* Fill a buffer with one instruction again and again. */
void trap_sled(void *to, const struct trap_fragment *fragment, uint64_t count);

/* Traps of all kinds of an arena that continued at pads. */
uint64_t traps_fixed(int fd);

/* Whether the processor has the instruction. */
bool trap_code_runs(const struct trap_fragment *fragment);

#define EXPECT_LANDED(state, pad)					\
	do {								\
		EXPECT_EQ((uint64_t)(uintptr_t)(pad), (state)->where);	\
		EXPECT_EQ(0, (state)->signo)				\
			TH_LOG("signal at %#lx, address %#lx",		\
			       (unsigned long)(state)->pc,		\
			       (unsigned long)(state)->address);	\
	} while (0)

#define EXPECT_REPORTED(state, pc, what)				\
	do {								\
		EXPECT_EQ(pc, (state)->out.gpr[REG_REPORT_PC]);		\
		EXPECT_EQ(what, (state)->out.gpr[REG_REPORT_ADDRESS]);	\
	} while (0)

#define EXPECT_SIGNAL(state, expected_signo, expected_code, expected_address) \
	do {								\
		EXPECT_EQ(0, (state)->where);				\
		EXPECT_EQ(expected_signo, (state)->signo);		\
		EXPECT_EQ(expected_code, (state)->code);		\
		EXPECT_EQ((uint64_t)(uintptr_t)(expected_address),	\
			  (state)->address);				\
		EXPECT_EQ(1, (state)->signals);				\
	} while (0)

/* Object @i of a fixture with state, t and objects: what its code does with a guard. */
#define OBJECT_ENTRY(i) (self->t.arena.view + self->objects[i].offset)

#define EXPECT_OBJECT_TRAPS(i, pad_)					\
	do {								\
		uint8_t *at_ = self->t.guard + 8;			\
									\
		trap_access(self->state, OBJECT_ENTRY(i), at_);		\
		EXPECT_LANDED(self->state, self->t.arena.view + (pad_)); \
		EXPECT_REPORTED(self->state, (uintptr_t)OBJECT_ENTRY(i), \
				(uintptr_t)at_);			\
		EXPECT_TRUE(trap_registers_same(self->state,		\
						TRAP_REPORTED));	\
	} while (0)

#define EXPECT_OBJECT_SIGNAL(i)						\
	do {								\
		trap_access(self->state, OBJECT_ENTRY(i), self->t.guard); \
		EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR,	\
			      self->t.guard);				\
	} while (0)

/* STAT: so many traps of each kind so far. */
#define EXPECT_FIXED(fd, memory, divide, undefined)			\
	do {								\
		struct codearena_stat stat_;				\
									\
		ASSERT_ZERO(do_stat(fd, &stat_));			\
		EXPECT_EQ((uint64_t)(memory), stat_.out_traps_memory);	\
		EXPECT_EQ((uint64_t)(divide), stat_.out_traps_divide);	\
		EXPECT_EQ((uint64_t)(undefined),			\
			  stat_.out_traps_undefined);			\
	} while (0)

#define EXPECT_TABLES(fd, tables, entries)				\
	do {								\
		struct codearena_stat stat_;				\
									\
		ASSERT_ZERO(do_stat(fd, &stat_));			\
		EXPECT_EQ((uint64_t)(tables), stat_.out_trap_tables);	\
		EXPECT_EQ((uint64_t)(entries), stat_.out_trap_entries);	\
	} while (0)

#define SKIP_WITHOUT_KIND(kind)						\
	do {								\
		struct codearena_query query_;				\
		int fd_ = device_open(O_RDWR);				\
									\
		ASSERT_LE(0, fd_);					\
		ASSERT_ZERO(do_query(fd_, &query_));			\
		close(fd_);						\
		if (!(query_.out_trap_kinds & (kind)))			\
			SKIP(return, "no trap of this kind here");	\
	} while (0)

#endif /* __ASSEMBLER__ */
#endif /* CODEARENA_SELFTESTS_TRAP_CODE_H */
