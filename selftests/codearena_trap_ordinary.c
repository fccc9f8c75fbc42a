// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps without a table are handled as usual: by a signal handler, with
 * what the kernel reports of such a trap without the module.
 */
#include "lib/harness.h"

#include <sys/prctl.h>

#include "lib/trap_code.h"

/* These differ between architectures. */
#if defined(__aarch64__) || defined(__riscv)
#define BREAKPOINT_CODE TRAP_BRKPT
#define FETCH_CODE SEGV_ACCERR
#else
#define BREAKPOINT_CODE SI_KERNEL
#define FETCH_CODE SEGV_MAPERR
#endif

FIXTURE(ordinary)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint64_t traps;		/* that went to the pad so far */
};

FIXTURE_VARIANT(ordinary)
{
	const struct trap_fragment *code;
	uint32_t kind;
	int signo;
	int si_code;
	bool at_instruction;	/* si_addr is the instruction */
};

FIXTURE_VARIANT_ADD(ordinary, memory)
{
	.code = &code_load,
	.kind = CODEARENA_TRAP_MEMORY,
	.signo = SIGSEGV,
	.si_code = SEGV_MAPERR,
};

FIXTURE_VARIANT_ADD(ordinary, divide)
{
	.code = &code_divide,
	.kind = CODEARENA_TRAP_DIVIDE,
	.signo = SIGFPE,
	.si_code = FPE_INTDIV,
	.at_instruction = true,
};

FIXTURE_VARIANT_ADD(ordinary, undefined)
{
	.code = &code_undefined,
	.kind = CODEARENA_TRAP_UNDEFINED,
	.signo = SIGILL,
	.si_code = ILL_ILLOPN,
	.at_instruction = true,
};

FIXTURE_SETUP(ordinary)
{
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	/* Room before the code, for ranges that end there. */
	self->t.next += 4 * self->t.arena.granule;
	ASSERT_ZERO(do_seal(self->t.fd, self->t.arena.granule,
			    4 * self->t.arena.granule, 0));
	ASSERT_ZERO(site_new(&self->t, variant->code, &self->site));
	/* And after it. */
	ASSERT_ZERO(do_seal(self->t.fd, self->t.next,
			    4 * self->t.arena.granule, 0));
	self->t.next += 4 * self->t.arena.granule;
}

FIXTURE_TEARDOWN(ordinary)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define GUARD_PLACE 0x4560

/* Run the site: the code loads, or divides by 0, or needs nothing. */
static void run_at(struct trap_state *state, const struct trap_arena *t,
		   const void *entry)
{
	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)t->guard + GUARD_PLACE;
#if defined(__x86_64__)
	state->in.gpr[REG_COUNT] = 0;
#endif
	trap_go(state, entry);
}

#define EXPECT_TRAPS()							\
	do {								\
		run_at(self->state, &self->t,				\
		       site_entry(&self->t, &self->site));		\
		EXPECT_LANDED(self->state, pad_address(&self->t));	\
		EXPECT_EQ(++self->traps, traps_fixed(self->t.fd));	\
	} while (0)

#define EXPECT_ORDINARY_AT(entry, pc_)					\
	do {								\
		uint64_t wanted_pc_ = pc_;				\
									\
		run_at(self->state, &self->t, entry);			\
		EXPECT_SIGNAL(self->state, variant->signo,		\
			      variant->si_code,				\
			      variant->at_instruction ? wanted_pc_ :	\
			      (uintptr_t)self->t.guard + GUARD_PLACE);	\
		EXPECT_EQ(wanted_pc_, self->state->pc);			\
		/* A signal shows the registers as they were. */	\
		EXPECT_EQ(0, memcmp(self->state->in.gpr,		\
				    self->state->out.gpr,		\
				    8 * TRAP_GPRS));			\
		EXPECT_EQ(self->traps, traps_fixed(self->t.fd));	\
	} while (0)

#define EXPECT_ORDINARY()						\
	EXPECT_ORDINARY_AT(site_entry(&self->t, &self->site),		\
			   site_pc(&self->t, &self->site))

/* One table, around the site, with one range that begins relative to it. */
#define REGISTER_RANGE(from, length)					\
	({								\
		uint64_t base_ = self->site.start -			\
				 2 * self->t.arena.granule;		\
		struct codearena_trap trap_ =				\
			trap_of((uint32_t)(self->site.trap - base_ +	\
					   (from)), length,		\
				self->t.pad.start);			\
									\
		do_register(self->t.fd, base_,				\
			    5 * self->t.arena.granule, &trap_, 1, 0,	\
			    &id);					\
	})

/* A range that begins or ends next to the instruction, of several lengths. */
TEST_F(ordinary, one_byte_outside)
{
	static const int lengths[] = { 1, 2, 3, 16, 64 };
	uint64_t id;

	SKIP_WITHOUT_KIND(variant->kind);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		int length = lengths[i];

		/* It ends before the instruction. */
		ASSERT_ZERO(REGISTER_RANGE(-length, length));
		EXPECT_ORDINARY();
		ASSERT_ZERO(do_release(self->t.fd, id));
		/* It begins with the second byte of the instruction. */
		ASSERT_ZERO(REGISTER_RANGE(1, length));
		EXPECT_ORDINARY();
		ASSERT_ZERO(do_release(self->t.fd, id));
		/* Its last byte, and its first, is the instruction's first. */
		ASSERT_ZERO(REGISTER_RANGE(1 - length, length));
		EXPECT_TRAPS();
		ASSERT_ZERO(do_release(self->t.fd, id));
		ASSERT_ZERO(REGISTER_RANGE(0, length));
		EXPECT_TRAPS();
		ASSERT_ZERO(do_release(self->t.fd, id));
	}
}

TEST_F(ordinary, between_two_ranges)
{
	uint64_t base = self->site.start - 2 * self->t.arena.granule;
	uint32_t at = (uint32_t)(self->site.trap - base);
	const struct codearena_trap traps[] = {
		trap_of(0, at, self->t.pad.start),
		trap_of(at + 1, 100, self->t.pad.start),
	};

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(do_register(self->t.fd, base, 5 * self->t.arena.granule,
				traps, 2, 0, NULL));
	EXPECT_ORDINARY();
}

TEST_F(ordinary, without_any_table)
{
	SKIP_WITHOUT_KIND(variant->kind);
	EXPECT_ORDINARY();
}

TEST_F(ordinary, after_release)
{
	uint64_t id;

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 &id));
	EXPECT_TRAPS();
	ASSERT_ZERO(do_release(self->t.fd, id));
	EXPECT_ORDINARY();
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 &id));
	EXPECT_TRAPS();
}

TEST_F(ordinary, same_code_elsewhere_in_the_arena)
{
	struct site other;

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	ASSERT_ZERO(site_new(&self->t, variant->code, &other));
	EXPECT_ORDINARY_AT(site_entry(&self->t, &other),
			   site_pc(&self->t, &other));
	EXPECT_TRAPS();
}

TEST_F(ordinary, same_code_outside_of_arenas)
{
	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	EXPECT_ORDINARY_AT(variant->code->start,
			   (uintptr_t)variant->code->trap);
	EXPECT_TRAPS();
}

/* Another arena has code, and a pad, at the same offsets, but no table. */
TEST_F(ordinary, in_another_arena)
{
	struct trap_arena other;
	struct site site;

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	ASSERT_ZERO(trap_arena_new(&other, TRAP_ARENA_PAGES));
	ASSERT_ZERO(site_new_at(&other, variant->code, self->site.start,
				&site));
	EXPECT_ORDINARY_AT(site_entry(&other, &site), site_pc(&other, &site));
	EXPECT_TRAPS();
	EXPECT_FIXED(other.fd, 0, 0, 0);
	/* Also when the first arena is gone. */
	ASSERT_ZERO(munmap(self->t.arena.view, self->t.arena.length));
	self->t.arena.view = NULL;
	EXPECT_ORDINARY_AT(site_entry(&other, &site), site_pc(&other, &site));
	trap_arena_free(&other);
}

struct elsewhere {
	const struct trap_arena *t;
	const struct site *site;
	const struct trap_fragment *code;
	int signo;
};

/* Another process has other code where the parent has its protected code. */
static int other_arena_at_same_place(void *arg)
{
	const struct elsewhere *e = arg;
	const struct trap_arena *t = e->t;
	struct trap_state *state = trap_state_new();
	struct trap_arena other;
	struct site site;
	void *view;

	CHECK(munmap(t->arena.view, t->arena.length) == 0);
	CHECK(trap_arena_new(&other, TRAP_ARENA_PAGES) == 0);
	view = mmap(t->arena.view, t->arena.length, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, other.fd, 0);
	/* trap_arena_new() may have got the same place. */
	CHECK(view == t->arena.view || other.arena.view == t->arena.view);
	CHECK(site_new_at(&other, e->code, e->site->start, &site) == 0);
	run_at(state, t, t->arena.view + site.start);
	CHECK(state->signo == e->signo);
	CHECK(state->signals == 1);
	CHECK(state->pc == site_pc(t, e->site));
	CHECK(traps_fixed(other.fd) == 0);
	return 0;
}

TEST_F(ordinary, in_another_process)
{
	struct elsewhere elsewhere = {
		.t = &self->t,
		.site = &self->site,
		.code = variant->code,
		.signo = variant->signo,
	};

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	EXPECT_EQ(0, run_child(other_arena_at_same_place, &elsewhere));
	EXPECT_EQ(0, traps_fixed(self->t.fd));
	EXPECT_TRAPS();
}

TEST_F(ordinary, after_the_view_is_gone)
{
	void *view = self->t.arena.view;
	void *copy;

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	EXPECT_TRAPS();
	/* The same bytes at the same address, in memory of another kind. */
	copy = mmap(view, self->t.arena.length, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(view, copy);
	memcpy((uint8_t *)copy + self->site.start, variant->code->start,
	       self->site.length);
	__builtin___clear_cache((char *)copy,
				(char *)copy + self->t.arena.length);
	ASSERT_ZERO(mprotect(copy, self->t.arena.length,
			     PROT_READ | PROT_EXEC));
	EXPECT_ORDINARY();
}

TEST_F(ordinary, external_pad_that_is_not_set)
{
	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_protect(&self->t, &self->site,
				 CODEARENA_LANDING_EXTERNAL, 0, NULL));
	EXPECT_ORDINARY();
	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	run_at(self->state, &self->t, site_entry(&self->t, &self->site));
	EXPECT_LANDED(self->state, trap_external_pad);
}

/* Faults that are no traps, at protected instructions. */
FIXTURE(foreign)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint64_t landed;	/* first, before another fault */
};

FIXTURE_SETUP(foreign)
{
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
}

FIXTURE_TEARDOWN(foreign)
{
	EXPECT_EQ(self->landed, traps_fixed(self->t.fd));
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define PROTECT(fragment)						\
	do {								\
		ASSERT_ZERO(site_new(&self->t, fragment, &self->site));	\
		ASSERT_ZERO(site_protect(&self->t, &self->site,		\
					 self->t.pad.start,		\
					 CODEARENA_TRAP_F_REPORT,	\
					 NULL));			\
	} while (0)

#define ACCESS_AT(where)						\
	trap_access(self->state, site_entry(&self->t, &self->site), where)

TEST_F(foreign, memory_that_is_not_mapped)
{
	PROTECT(&code_load);
	ACCESS_AT((void *)42);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, 42);
	ACCESS_AT(self->t.guard + self->t.guard_length);
	EXPECT_EQ(SIGSEGV, self->state->signo);
}

TEST_F(foreign, memory_without_rights)
{
	uint8_t *page = mmap(NULL, 65536, PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	PROTECT(&code_store);
	ACCESS_AT(page);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_ACCERR, page);
	/* The code view is no guard view. */
	ACCESS_AT(self->t.arena.view);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_ACCERR, self->t.arena.view);
}

TEST_F(foreign, guard_view_without_rights)
{
	ASSERT_ZERO(mprotect(self->t.guard, 65536, PROT_NONE));
	ASSERT_ZERO(mprotect(self->t.guard + 65536, 65536, PROT_READ));
	PROTECT(&code_store);
	ACCESS_AT(self->t.guard);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_ACCERR, self->t.guard);
	ACCESS_AT(self->t.guard + 65536);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_ACCERR,
		      self->t.guard + 65536);
}

TEST_F(foreign, page_that_ends_early)
{
	FILE *file = tmpfile();
	uint8_t *page;

	ASSERT_NE(NULL, file);
	page = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fileno(file), 0);
	ASSERT_NE(MAP_FAILED, (void *)page);
	PROTECT(&code_load);
	ACCESS_AT(page);
	EXPECT_SIGNAL(self->state, SIGBUS, BUS_ADRERR, page);
	fclose(file);
}

TEST_F(foreign, breakpoint)
{
	PROTECT(&code_breakpoint);
	ACCESS_AT(NULL);
	EXPECT_EQ(0, self->state->where);
	EXPECT_EQ(SIGTRAP, self->state->signo);
	EXPECT_EQ(BREAKPOINT_CODE, self->state->code);
	EXPECT_EQ(1, self->state->signals);
}

TEST_F(foreign, undefined_instruction_that_is_not_led)
{
	struct codearena_query query;

	ASSERT_ZERO(do_query(self->t.fd, &query));
	if (query.out_trap_kinds & CODEARENA_TRAP_UNDEFINED)
		SKIP(return, "these land on a pad here");
	PROTECT(&code_undefined);
	ACCESS_AT(NULL);
	EXPECT_SIGNAL(self->state, SIGILL, ILL_ILLOPC,
		      site_pc(&self->t, &self->site));
}

TEST_F(foreign, instruction_fetch)
{
	/* The jump is protected, but it is not what faults. */
	PROTECT(&code_fetch);
	ACCESS_AT(self->t.guard + 4096);
	EXPECT_SIGNAL(self->state, SIGSEGV, FETCH_CODE, self->t.guard + 4096);
	EXPECT_EQ((uintptr_t)self->t.guard + 4096, self->state->pc);
}

/* The fill of code that is gone is a breakpoint, in a protected range too. */
TEST_F(foreign, trap_fill)
{
	const uint32_t length = self->t.arena.granule;
	const struct codearena_trap trap = trap_of(0, length,
						   self->t.pad.start);
	uint64_t at = self->t.next;

	ASSERT_ZERO(do_seal(self->t.fd, at, length, 0));
	ASSERT_ZERO(do_register(self->t.fd, at, length, &trap, 1, 0, NULL));
	trap_access(self->state, self->t.arena.view + at, NULL);
	EXPECT_EQ(SIGTRAP, self->state->signo);
	EXPECT_EQ(BREAKPOINT_CODE, self->state->code);
}

TEST_F(foreign, privileged_instruction)
{
#if defined(__x86_64__)
	PROTECT(&code_privileged);
	ACCESS_AT(NULL);
	EXPECT_SIGNAL(self->state, SIGSEGV, SI_KERNEL, 0);
	EXPECT_EQ(site_pc(&self->t, &self->site), self->state->pc);
	/* A non-canonical address raises the same. */
	PROTECT(&code_load);
	ACCESS_AT((void *)0x8000000000000000);
	EXPECT_SIGNAL(self->state, SIGSEGV, SI_KERNEL, 0);
#else
	SKIP(return, "an undefined instruction on this machine");
#endif
}

TEST_F(foreign, fault_in_the_pad)
{
	struct site bad;
	uint64_t pc;

	ASSERT_ZERO(site_new(&self->t, &code_load, &self->site));
	ASSERT_ZERO(site_new(&self->t, &code_bad_pad, &bad));
	ASSERT_ZERO(site_protect(&self->t, &self->site, bad.trap, 0, NULL));
	pc = site_pc(&self->t, &bad);
	for (; self->landed < 3; self->landed++) {
		EXPECT_EQ(self->landed, traps_fixed(self->t.fd));
		ACCESS_AT(self->t.guard + 64);
		EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR,
			      self->t.guard + 64);
		EXPECT_EQ(pc, self->state->pc);
	}
}

/* A pad in the program may be code that traps: each trap is its own. */
TEST_F(foreign, external_pad_that_faults)
{
	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)code_load.start));
	ASSERT_ZERO(site_new(&self->t, &code_load, &self->site));
	ASSERT_ZERO(site_protect(&self->t, &self->site,
				 CODEARENA_LANDING_EXTERNAL, 0, NULL));
	ACCESS_AT(self->t.guard);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, self->t.guard);
	EXPECT_EQ((uintptr_t)code_load.start, self->state->pc);
	self->landed = 1;
}

TEST_HARNESS_MAIN
