// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Instructions that run into a guard view, divide by zero or are undefined:
 * where they land, what they are said to have done, and that nothing else has
 * changed, instruction by instruction.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

/* Bytes that no access of the tests exceeds. */
#define WIDEST 64

FIXTURE(access)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint64_t pc;
	uint64_t pad;
};

FIXTURE_VARIANT(access)
{
	const struct trap_fragment *code;
	bool uses_stack;
};

#define ACCESS(name) FIXTURE_VARIANT_ADD(access, name) { .code = &code_##name }

ACCESS(load);
ACCESS(load_byte);
ACCESS(store);
ACCESS(store_byte);
ACCESS(atomic);
ACCESS(atomic_add);
ACCESS(vector_load);
ACCESS(vector_store);
#if defined(__x86_64__)
ACCESS(avx_load);
ACCESS(avx_store);
ACCESS(x87_load);
ACCESS(push_memory);
ACCESS(call_memory);
ACCESS(jump_memory);
ACCESS(repeat_store);
ACCESS(repeat_move);
FIXTURE_VARIANT_ADD(access, pop_memory)
{
	.code = &code_pop_memory,
	.uses_stack = true,
};
#elif defined(__aarch64__)
ACCESS(multi_load);
ACCESS(multi_store);
ACCESS(pair_load);
ACCESS(pair_store);
ACCESS(pair_load_before);
ACCESS(pair_store_after);
#endif

FIXTURE_SETUP(access)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	ASSERT_ZERO(site_new(t, variant->code, &self->site));
	self->state = trap_state_new();
	self->pc = site_pc(t, &self->site);
	self->pad = pad_address(t);
}

FIXTURE_TEARDOWN(access)
{
	EXPECT_EQ(0, trap_signals);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define SKIP_WITHOUT_CODE()						\
	do {								\
		if (!trap_code_runs(variant->code))			\
			SKIP(return, "the processor does not have it");	\
	} while (0)

/* What the instruction is said to have accessed, for a value of its register. */
static uint64_t accessed(const struct trap_fragment *code, const void *address)
{
#if defined(__aarch64__)
	if (code == &code_pair_load_before)
		return (uintptr_t)address + 16;
#else
	(void)code;
#endif
	return (uintptr_t)address;
}

static void run(struct trap_state *state, const void *entry,
		const void *address)
{
	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)address;
#if defined(__x86_64__)
	/* What rep movs reads, and how much. */
	state->in.gpr[REG_SOURCE] = (uintptr_t)state->stack;
	state->in.gpr[REG_COUNT] = 16;
#endif
	trap_go(state, entry);
}

TEST_F(access, lands_and_reports)
{
	const uint64_t places[] = {
		0, 8, 4096, 0x12340, self->t.guard_length / 2,
		self->t.guard_length - WIDEST,
	};
	const void *entry = site_entry(&self->t, &self->site);
	struct trap_state *state = self->state;

	SKIP_WITHOUT_CODE();
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const uint8_t *at = self->t.guard + places[i];

		run(state, entry, at);
		EXPECT_LANDED(state, self->pad);
		EXPECT_REPORTED(state, self->pc, accessed(variant->code, at));
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
		EXPECT_TRUE(trap_stack_same(state));
		EXPECT_FIXED(self->t.fd, i + 1, 0, 0);
	}
}

TEST_F(access, changes_no_register)
{
	const void *entry = site_entry(&self->t, &self->site);

	SKIP_WITHOUT_CODE();
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	for (unsigned int i = 0; i < 4; i++) {
		run(self->state, entry, self->t.guard + i * 0x10000);
		EXPECT_LANDED(self->state, self->pad);
		EXPECT_TRUE(trap_registers_same(self->state, 0));
		EXPECT_TRUE(trap_stack_same(self->state));
	}
	EXPECT_FIXED(self->t.fd, 4, 0, 0);
}

TEST_F(access, a_pad_in_the_program)
{
	const void *entry = site_entry(&self->t, &self->site);

	SKIP_WITHOUT_CODE();
	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	ASSERT_ZERO(site_protect(&self->t, &self->site,
				 CODEARENA_LANDING_EXTERNAL,
				 CODEARENA_TRAP_F_REPORT, NULL));
	run(self->state, entry, self->t.guard);
	EXPECT_LANDED(self->state, trap_external_pad);
	EXPECT_REPORTED(self->state, self->pc,
			accessed(variant->code, self->t.guard));
	EXPECT_TRUE(trap_registers_same(self->state, TRAP_REPORTED));
}

/* Three stacks on which nothing can be pushed. */
TEST_F(access, needs_no_stack)
{
	const uint64_t page = self->t.arena.page;
	uint8_t *area = mmap(NULL, 3 * page, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const void *entry = site_entry(&self->t, &self->site);
	struct trap_state *state = self->state;
	const uint64_t full = (uintptr_t)area + page;
	const uint64_t stacks[] = { full, full + 2 * page, (uintptr_t)area, 0 };

	SKIP_WITHOUT_CODE();
	ASSERT_NE(MAP_FAILED, (void *)area);
	ASSERT_ZERO(mprotect(area + page, page, PROT_READ | PROT_WRITE));
	memset(area + page, 0x77, page);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		if (i && variant->uses_stack)
			break;
		trap_prepare(state);
		state->in.gpr[REG_ADDRESS] = (uintptr_t)self->t.guard;
		state->in.gpr[REG_SP] = stacks[i];
#if defined(__x86_64__)
		state->in.gpr[REG_SOURCE] = (uintptr_t)state->stack;
		state->in.gpr[REG_COUNT] = 16;
#endif
		trap_go(state, entry);
		EXPECT_LANDED(state, self->pad);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	}
	for (uint64_t i = 0; i < page; i++)
		ASSERT_EQ(0x77, area[page + i]);
	munmap(area, 3 * page);
}

TEST_F(access, succeeds_in_real_memory)
{
	const void *entry = site_entry(&self->t, &self->site);
	uint64_t end = site_end(&self->t, &self->site);
	uint8_t *real;

	SKIP_WITHOUT_CODE();
	real = mmap(self->t.guard + 65536, 65536, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(self->t.guard + 65536, real);
	/* For code that goes where the memory says. */
	*(uint64_t *)(real + 4096) = self->pad;
#if defined(__x86_64__)
	if (variant->code == &code_call_memory ||
	    variant->code == &code_jump_memory)
		end = self->pad;
#endif
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.other_pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
	run(self->state, entry, real + 4096);
	EXPECT_LANDED(self->state, end);
	EXPECT_EQ(self->state->in.gpr[REG_REPORT_PC],
		  self->state->out.gpr[REG_REPORT_PC]);
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
}

/* A fragment whose access begins in real memory and ends in the guard view. */
FIXTURE(partial)
{
	struct trap_arena t;
	struct trap_state *state;
	uint8_t *edge;		/* where the guard view begins */
	uint8_t source[1024];
};

#define REAL_BYTE 0x3c
#define REAL_LENGTH 65536

FIXTURE_SETUP(partial)
{
	struct trap_arena *t = &self->t;
	uint8_t *real;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	real = mmap(t->guard, REAL_LENGTH, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(t->guard, real);
	memset(real, REAL_BYTE, REAL_LENGTH);
	self->edge = real + REAL_LENGTH;
	for (size_t i = 0; i < sizeof(self->source); i++)
		self->source[i] = (uint8_t)(i * 5 + 1);
}

FIXTURE_TEARDOWN(partial)
{
	EXPECT_EQ(0, trap_signals);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

/* Put the code in place, protected, and give its entry. */
static const void *protected_code(struct trap_arena *t,
				  const struct trap_fragment *code,
				  struct site *site)
{
	if (site_new(t, code, site) ||
	    site_protect(t, site, t->pad.start, CODEARENA_TRAP_F_REPORT, NULL))
		return NULL;
	return site_entry(t, site);
}

/* Bytes in front of the edge are what they were, or what was to be stored. */
static bool straddle_is_sane(const uint8_t *edge, const void *stored,
			     size_t inside)
{
	const uint8_t *new = stored;

	for (size_t i = 0; i < 256 - inside; i++)
		if (edge[-256 + (ssize_t)i] != REAL_BYTE)
			return false;
	for (size_t i = 0; i < inside; i++)
		if (edge[-(ssize_t)inside + (ssize_t)i] != REAL_BYTE &&
		    edge[-(ssize_t)inside + (ssize_t)i] != new[i])
			return false;
	return true;
}

TEST_F(partial, straddling_store)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;

	entry = protected_code(&self->t, &code_store, &site);
	ASSERT_NE(NULL, entry);
	for (size_t inside = 1; inside < 8; inside++) {
		trap_access(state, entry, self->edge - inside);
		EXPECT_LANDED(state, pad_address(&self->t));
		/* The address reported is that of the part that cannot be accessed. */
		EXPECT_REPORTED(state, site_pc(&self->t, &site),
				(uintptr_t)self->edge);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
		EXPECT_TRUE(straddle_is_sane(self->edge,
					     &state->in.gpr[REG_VALUE],
					     inside));
	}
	/* The last store that fits. */
	trap_access(state, entry, self->edge - 8);
	EXPECT_LANDED(state, site_end(&self->t, &site));
	EXPECT_EQ(0, memcmp(self->edge - 8, &state->in.gpr[REG_VALUE], 8));
	EXPECT_FIXED(self->t.fd, 7, 0, 0);
}

TEST_F(partial, straddling_load)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;

	entry = protected_code(&self->t, &code_load, &site);
	ASSERT_NE(NULL, entry);
	for (size_t inside = 1; inside < 8; inside++) {
		trap_access(state, entry, self->edge - inside);
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_REPORTED(state, site_pc(&self->t, &site),
				(uintptr_t)self->edge);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	}
}

#if defined(__riscv)
#define VECTOR_STORED	11	/* fa1 */
#else
#define VECTOR_STORED	1
#endif

TEST_F(partial, straddling_vector_store)
{
	const unsigned int real = TRAP_VECTOR_BYTES * 3 / 4;
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;

	entry = protected_code(&self->t, &code_vector_store, &site);
	ASSERT_NE(NULL, entry);
	trap_access(state, entry, self->edge - real);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	EXPECT_TRUE(straddle_is_sane(self->edge, state->in.vector[VECTOR_STORED], real));
}

#if defined(__x86_64__)
/* String instructions stop at an element; what is done is done. */
TEST_F(partial, repeated_store_side)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;

	entry = protected_code(&self->t, &code_repeat_move, &site);
	ASSERT_NE(NULL, entry);
	trap_prepare(state);
	state->in.flags &= ~0x400ULL;
	state->in.gpr[REG_ADDRESS] = (uintptr_t)self->edge - 100;
	state->in.gpr[REG_SOURCE] = (uintptr_t)self->source;
	state->in.gpr[REG_COUNT] = 300;
	trap_go(state, entry);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge);
	EXPECT_EQ((uintptr_t)self->edge, state->out.gpr[REG_ADDRESS]);
	EXPECT_EQ((uintptr_t)self->source + 100, state->out.gpr[REG_SOURCE]);
	EXPECT_EQ(200, state->out.gpr[REG_COUNT]);
	EXPECT_EQ(0, memcmp(self->edge - 100, self->source, 100));
	EXPECT_EQ(REAL_BYTE, self->edge[-101]);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED |
					1 << REG_ADDRESS | 1 << REG_SOURCE |
					1 << REG_COUNT));
}

TEST_F(partial, repeated_load_side)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;

	entry = protected_code(&self->t, &code_repeat_move, &site);
	ASSERT_NE(NULL, entry);
	memset(self->source, 0, sizeof(self->source));
	trap_prepare(state);
	state->in.flags &= ~0x400ULL;
	state->in.gpr[REG_ADDRESS] = (uintptr_t)self->source;
	state->in.gpr[REG_SOURCE] = (uintptr_t)self->edge - 70;
	state->in.gpr[REG_COUNT] = 500;
	trap_go(state, entry);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge);
	EXPECT_EQ((uintptr_t)self->source + 70, state->out.gpr[REG_ADDRESS]);
	EXPECT_EQ((uintptr_t)self->edge, state->out.gpr[REG_SOURCE]);
	EXPECT_EQ(430, state->out.gpr[REG_COUNT]);
	EXPECT_EQ(REAL_BYTE, self->source[69]);
	EXPECT_EQ(0, self->source[70]);
}

TEST_F(partial, repeated_backwards)
{
	uint8_t *end = self->t.guard + self->t.guard_length;
	struct trap_state *state = self->state;
	struct site site;
	const void *entry;
	uint8_t *real;

	/* Real memory at the other end of the guard view. */
	real = mmap(end - 65536, 65536, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(end - 65536, real);
	entry = protected_code(&self->t, &code_repeat_store, &site);
	ASSERT_NE(NULL, entry);
	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)real + 9;
	state->in.gpr[REG_COUNT] = 1000;
	trap_go(state, entry);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site), (uintptr_t)real - 1);
	EXPECT_EQ((uintptr_t)real - 1, state->out.gpr[REG_ADDRESS]);
	EXPECT_EQ(990, state->out.gpr[REG_COUNT]);
	EXPECT_EQ((uint8_t)state->in.gpr[REG_VALUE], real[0]);
	EXPECT_EQ((uint8_t)state->in.gpr[REG_VALUE], real[9]);
	EXPECT_EQ(0, real[10]);
}

/* The stack runs out: its pointer stays. */
TEST_F(partial, push_and_call)
{
	const struct trap_fragment *codes[] = { &code_push, &code_call };
	struct trap_state *state = self->state;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct site site;
		const void *entry = protected_code(&self->t, codes[i], &site);

		ASSERT_NE(NULL, entry);
		trap_prepare(state);
		state->in.gpr[REG_SP] = (uintptr_t)self->edge + 4096;
		trap_go(state, entry);
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_REPORTED(state, site_pc(&self->t, &site),
				(uintptr_t)self->edge + 4096 - 8);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	}
}

TEST_F(partial, pop_and_return)
{
	const struct trap_fragment *codes[] = { &code_pop, &code_ret };
	struct trap_state *state = self->state;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct site site;
		const void *entry = protected_code(&self->t, codes[i], &site);

		ASSERT_NE(NULL, entry);
		trap_prepare(state);
		state->in.gpr[REG_SP] = (uintptr_t)self->edge + 64;
		trap_go(state, entry);
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_REPORTED(state, site_pc(&self->t, &site),
				(uintptr_t)self->edge + 64);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	}
}
#elif defined(__aarch64__)
/*
 * Of two registers one lies in the guard view. Whether the other was loaded is
 * up to the processor; the base stays, so that the pad can find out.
 */
TEST_F(partial, straddling_pair_load)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry = protected_code(&self->t, &code_pair_load, &site);
	uint64_t real;

	memset(&real, REAL_BYTE, sizeof(real));
	ASSERT_NE(NULL, entry);
	trap_access(state, entry, self->edge - 8);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED | 1 << 1 |
					1 << 2));
	EXPECT_TRUE(state->out.gpr[1] == state->in.gpr[1] ||
		    state->out.gpr[1] == real);
	EXPECT_EQ(state->in.gpr[2], state->out.gpr[2]);
}

TEST_F(partial, straddling_pair_store)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry = protected_code(&self->t, &code_pair_store_after,
					   &site);

	ASSERT_NE(NULL, entry);
	trap_access(state, entry, self->edge - 8);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	EXPECT_TRUE(straddle_is_sane(self->edge, &state->in.gpr[1], 8));
}

TEST_F(partial, push_of_a_pair)
{
	struct trap_state *state = self->state;
	struct site site;
	const void *entry = protected_code(&self->t, &code_pair_push, &site);

	ASSERT_NE(NULL, entry);
	trap_prepare(state);
	state->in.gpr[REG_SP] = (uintptr_t)self->edge + 4096;
	trap_go(state, entry);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			(uintptr_t)self->edge + 4096 - 16);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
}
#endif

/* Traps that are no memory faults. */
FIXTURE(other)
{
	struct trap_arena t;
	struct trap_state *state;
};

FIXTURE_SETUP(other)
{
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
}

FIXTURE_TEARDOWN(other)
{
	EXPECT_EQ(0, trap_signals);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#if defined(__x86_64__)
/* Dividends and divisors for which no quotient exists. */
static const struct {
	const struct trap_fragment *code;
	uint64_t high;
	uint64_t low;
	uint64_t divisor;
} divisions[] = {
	{ &code_divide, 0, 7, 0 },
	{ &code_divide, 1, 0, 1 },		/* 2^64 */
	{ &code_signed_divide, 0, 7, 0 },
	{ &code_signed_divide, -1ULL, 1ULL << 63, -1ULL },
	{ &code_signed_divide_32, 0, 7, 0 },
	{ &code_signed_divide_32, 0xffffffff, 0x80000000, 0xffffffff },
};

static void divide(struct trap_state *state, const void *entry, size_t i)
{
	trap_prepare(state);
	state->in.gpr[REG_DIVIDEND_HIGH] = divisions[i].high;
	state->in.gpr[REG_VALUE] = divisions[i].low;
	state->in.gpr[REG_COUNT] = divisions[i].divisor;
	trap_go(state, entry);
}
#endif

TEST_F(other, division)
{
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_DIVIDE);
#if defined(__x86_64__)
	for (size_t i = 0; i < ARRAY_SIZE(divisions); i++) {
		struct trap_state *state = self->state;
		struct site site;
		const void *entry;
		uint64_t id;

		ASSERT_ZERO(site_new(&self->t, divisions[i].code, &site));
		entry = site_entry(&self->t, &site);
		ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start,
					 CODEARENA_TRAP_F_REPORT, &id));
		divide(state, entry, i);
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_REPORTED(state, site_pc(&self->t, &site),
				CODEARENA_TRAP_NO_ADDRESS |
				CODEARENA_TRAP_DIVIDE);
		EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
		EXPECT_TRUE(trap_stack_same(state));
		ASSERT_ZERO(do_release(self->t.fd, id));
		ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0,
					 NULL));
		divide(state, entry, i);
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_TRUE(trap_registers_same(state, 0));
		EXPECT_FIXED(self->t.fd, 0, 2 * (i + 1), 0);
		/* A quotient that exists. */
		trap_prepare(state);
		state->in.gpr[REG_DIVIDEND_HIGH] = 0;
		state->in.gpr[REG_VALUE] = 42;
		state->in.gpr[REG_COUNT] = 6;
		trap_go(state, entry);
		EXPECT_LANDED(state, site_end(&self->t, &site));
		EXPECT_EQ(7, state->out.gpr[REG_VALUE]);
	}
#endif
}

TEST_F(other, undefined_instruction)
{
	struct trap_state *state = self->state;
	struct site site;
	uint64_t id;

	SKIP_WITHOUT_KIND(CODEARENA_TRAP_UNDEFINED);
	ASSERT_ZERO(site_new(&self->t, &code_undefined, &site));
	ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start,
				 CODEARENA_TRAP_F_REPORT, &id));
	trap_access(state, site_entry(&self->t, &site), NULL);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_REPORTED(state, site_pc(&self->t, &site),
			CODEARENA_TRAP_NO_ADDRESS | CODEARENA_TRAP_UNDEFINED);
	EXPECT_TRUE(trap_registers_same(state, TRAP_REPORTED));
	EXPECT_TRUE(trap_stack_same(state));
	ASSERT_ZERO(do_release(self->t.fd, id));
	ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0, NULL));
	trap_access(state, site_entry(&self->t, &site), NULL);
	EXPECT_LANDED(state, pad_address(&self->t));
	EXPECT_TRUE(trap_registers_same(state, 0));
	EXPECT_FIXED(self->t.fd, 0, 0, 2);
}

TEST_F(other, on_no_stack_at_all)
{
	const struct trap_fragment *codes[] = { &code_divide, &code_undefined };
	struct trap_state *state = self->state;

	SKIP_WITHOUT_KIND(CODEARENA_TRAP_DIVIDE | CODEARENA_TRAP_UNDEFINED);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct site site;

		ASSERT_ZERO(site_new(&self->t, codes[i], &site));
		ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0,
					 NULL));
		trap_prepare(state);
		for (unsigned int reg = 0; reg < 8; reg++)
			state->in.gpr[reg] = 0;
		trap_go(state, site_entry(&self->t, &site));
		EXPECT_LANDED(state, pad_address(&self->t));
		EXPECT_TRUE(trap_registers_same(state, 0));
	}
}

TEST_HARNESS_MAIN
