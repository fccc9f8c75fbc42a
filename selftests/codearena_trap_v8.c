// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What the tests of V8's trap handler check, for a kernel that does its work.
 * There is no flag that says that a thread is in generated code; what it keeps
 * apart is decided by where the code is. Each test is named after its
 * counterpart.
 */
#include "lib/harness.h"

#include <pthread.h>

#include "lib/trap_code.h"

/* A memory of one WebAssembly page, and an access after its end. */
#define MEMORY_SIZE	65536
#define CRASH_OFFSET	(MEMORY_SIZE + 32)

FIXTURE(v8)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint8_t *crash;
	uint64_t id;
};

FIXTURE_SETUP(v8)
{
	struct trap_arena *t = &self->t;
	void *memory;

	/* The handler of the host, which counts. */
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	memory = mmap(t->guard, MEMORY_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(t->guard, memory);
	self->crash = t->guard + CRASH_OFFSET;
	ASSERT_ZERO(site_new(t, &code_load, &self->site));
	ASSERT_ZERO(site_protect(t, &self->site, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, &self->id));
}

FIXTURE_TEARDOWN(v8)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define RUN(entry) trap_access(self->state, entry, self->crash)

#define EXPECT_RECOVERED()						\
	do {								\
		RUN(site_entry(&self->t, &self->site));			\
		EXPECT_LANDED(self->state, pad_address(&self->t));	\
		EXPECT_REPORTED(self->state,				\
				site_pc(&self->t, &self->site),		\
				(uintptr_t)self->crash);		\
	} while (0)

#define EXPECT_HOST_HANDLER(entry)					\
	do {								\
		unsigned int before_ = trap_signals;			\
									\
		RUN(entry);						\
		EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR,	\
			      self->crash);				\
		EXPECT_EQ(before_ + 1, trap_signals);			\
	} while (0)

/* TestTrapHandlerRecovery */
TEST_F(v8, v8_trap_handler_recovery)
{
	EXPECT_RECOVERED();
	EXPECT_EQ(0, trap_signals);
	EXPECT_FIXED(self->t.fd, 1, 0, 0);
}

/* TestReleaseHandlerData */
TEST_F(v8, v8_release_handler_data)
{
	EXPECT_RECOVERED();
	EXPECT_EQ(0, trap_signals);
	ASSERT_ZERO(do_release(self->t.fd, self->id));
	EXPECT_HOST_HANDLER(site_entry(&self->t, &self->site));
	EXPECT_FIXED(self->t.fd, 1, 0, 0);
}

/* TestNoThreadInWasmFlag: the same instruction, not as generated code. */
TEST_F(v8, v8_no_thread_in_wasm_flag)
{
	EXPECT_HOST_HANDLER(code_load.start);
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
}

/* TestCrashInWasmNoProtectedInstruction: a neighbour is protected. */
TEST_F(v8, v8_crash_in_wasm_no_protected_instruction)
{
	const struct codearena_trap neighbour =
		trap_of((uint32_t)(self->site.next - self->site.start), 1,
			self->t.pad.start);

	ASSERT_ZERO(do_release(self->t.fd, self->id));
	ASSERT_ZERO(do_register(self->t.fd, self->site.start, self->site.length,
				&neighbour, 1, 0, NULL));
	EXPECT_HOST_HANDLER(site_entry(&self->t, &self->site));
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
}

/*
 * TestCrashInWasmWrongCrashType: a breakpoint at a protected instruction. (V8
 * divides by 0 on x86-64, which lands on a pad here.)
 */
TEST_F(v8, v8_crash_in_wasm_wrong_crash_type)
{
	struct site site;

	ASSERT_ZERO(site_new(&self->t, &code_breakpoint, &site));
	ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0, NULL));
	RUN(site_entry(&self->t, &site));
	EXPECT_EQ(0, self->state->where);
	EXPECT_EQ(SIGTRAP, self->state->signo);
	EXPECT_EQ(1, trap_signals);
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
}

struct other_thread {
	const struct trap_arena *t;
	struct site site;
	uint32_t go;
	uint64_t where;
};

static void *stay_in_code(void *arg)
{
	struct other_thread *other = arg;
	struct trap_state *state = trap_state_new();

	trap_access(state, site_entry(other->t, &other->site), &other->go);
	other->where = state->where;
	trap_state_free(state);
	return NULL;
}

/* TestCrashInOtherThread: one thread is in generated code, another crashes. */
TEST_F(v8, v8_crash_in_other_thread)
{
	struct other_thread other = { .t = &self->t };
	pthread_t thread;

	ASSERT_ZERO(site_new(&self->t, &code_spin, &other.site));
	ASSERT_ZERO(site_protect(&self->t, &other.site, self->t.pad.start, 0,
				 NULL));
	ASSERT_ZERO(pthread_create(&thread, NULL, stay_in_code, &other));
	usleep(10000);
	EXPECT_HOST_HANDLER(code_load.start);
	EXPECT_RECOVERED();
	__atomic_store_n(&other.go, 1, __ATOMIC_RELEASE);
	ASSERT_ZERO(pthread_join(thread, NULL));
	EXPECT_EQ(site_end(&self->t, &other.site), other.where);
	EXPECT_EQ(1, trap_signals);
	EXPECT_FIXED(self->t.fd, 1, 0, 0);
}

/* SignalHandlerFallbackTest: an access to address 42. */
TEST_F(v8, v8_signal_handler_fallback)
{
	trap_access(self->state, code_load.start, (void *)42);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, 42);
	/* And at an instruction that is protected against guard memory. */
	trap_access(self->state, site_entry(&self->t, &self->site), (void *)42);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, 42);
	EXPECT_EQ(2, trap_signals);
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
}

/* The simulator's: the count of recovered traps goes from 0 to 1. */
TEST_F(v8, v8_recovered_trap_count)
{
	EXPECT_FIXED(self->t.fd, 0, 0, 0);
	EXPECT_RECOVERED();
	EXPECT_FIXED(self->t.fd, 1, 0, 0);
	/* An address that is good needs no recovery. */
	trap_access(self->state, site_entry(&self->t, &self->site),
		    self->t.guard + MEMORY_SIZE - 8);
	EXPECT_LANDED(self->state, site_end(&self->t, &self->site));
	EXPECT_EQ(0, self->state->out.gpr[REG_VALUE]);
	EXPECT_FIXED(self->t.fd, 1, 0, 0);
}

TEST_HARNESS_MAIN
