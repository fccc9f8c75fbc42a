// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * In a code segment of modify_ldt() with a base the program counter is no
 * address: a trap there is not that of the instruction with the same number.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

#if defined(__x86_64__)

#include <asm/ldt.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define VIEW ((uint8_t *)0x20000000)
#define PAGES 4
#define SELECTOR 7	/* entry 0 of the LDT, for user mode */

static const uint8_t undefined[] = { 0x0f, 0x0b };

FIXTURE(segments)
{
	struct arena arena;
};

FIXTURE_SETUP(segments)
{
	const struct codearena_trap trap = trap_of(0, sizeof(undefined), 0);
	struct arena *a = &self->arena;
	uint64_t id;

	ASSERT_ZERO(arena_new(a, PAGES, 0, 0));
	ASSERT_ZERO(do_commit(a->fd, 0, a->length));
	ASSERT_ZERO(do_publish1(a->fd, 0, undefined, sizeof(undefined), 0));
	ASSERT_ZERO(do_publish1(a->fd, page_at(a, 1), undefined,
				sizeof(undefined), 0));
	ASSERT_ZERO(do_publish1(a->fd, page_at(a, 2), undefined,
				sizeof(undefined), 0));
	/* Of the three, that of page 1 is protected; the pad is at 0. */
	ASSERT_ZERO(do_register(a->fd, page_at(a, 1), sizeof(undefined), &trap,
				1, 0, &id));
	ASSERT_EQ(VIEW, mmap(VIEW, a->length, PROT_READ | PROT_EXEC,
			     MAP_SHARED | MAP_FIXED, a->fd, 0));
}

FIXTURE_TEARDOWN(segments)
{
	munmap(VIEW, self->arena.length);
	arena_free(&self->arena);
}

static void killed(int signo)
{
	_exit(signo == SIGILL ? 0 : 2);
}

static uint64_t target;

/* The return from a signal loads any code segment. */
static void enter_segment(int signo, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (signo != SIGUSR1 || !info)
		return;
	regs[REG_RIP] = target;
	regs[REG_CSGSFS] = (regs[REG_CSGSFS] & ~0xffffULL) | SELECTOR;
}

/* Execute page 2 under the number that page 1 has in the flat segment. */
static int run_in_segment(void *arg)
{
	struct arena *a = arg;
	struct user_desc desc = {
		.base_addr = a->page,
		.limit = 0xfffff,
		.limit_in_pages = 1,
		.seg_32bit = 1,
		.contents = MODIFY_LDT_CONTENTS_CODE,
	};
	struct sigaction action = {
		.sa_handler = killed,
		.sa_flags = SA_ONSTACK,
	};
	const struct sigaction enter = {
		.sa_sigaction = enter_segment,
		.sa_flags = SA_SIGINFO,
	};
	stack_t stack = { .ss_size = 65536 };

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack.ss_sp != MAP_FAILED);
	CHECK(!sigaltstack(&stack, NULL));
	CHECK(!sigaction(SIGILL, &action, NULL));
	CHECK(!sigaction(SIGSEGV, &action, NULL));
	CHECK(!sigaction(SIGTRAP, &action, NULL));
	CHECK(!syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)));
	CHECK(!sigaction(SIGUSR1, &enter, NULL));
	target = (uintptr_t)VIEW + a->page;
	raise(SIGUSR1);
	return 1;
}

TEST_F(segments, base_is_not_ignored)
{
	struct user_desc probe;

	if (syscall(SYS_modify_ldt, 0, &probe, sizeof(probe)) < 0)
		SKIP(return, "no modify_ldt()");
	EXPECT_EQ(0, run_child(run_in_segment, &self->arena));
	EXPECT_EQ(0, traps_fixed(self->arena.fd));
}

#else

TEST(segments)
{
	SKIP(return, "no segments on this machine");
}

#endif

TEST_HARNESS_MAIN
