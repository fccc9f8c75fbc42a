// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* The tracepoints: which traps they report, and with what. */
#include "lib/harness.h"

#include "lib/tracing.h"
#include "lib/trap_code.h"

/* How the event of a redirected trap ends. */
#define LANDING "landing=0x%llx arena=%llu"

FIXTURE(trace)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site load;
	bool usable;
	char *text;
};

FIXTURE_SETUP(trace)
{
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(&self->t, &code_load, &self->load));
	self->text = malloc(TRACING_SIZE);
	ASSERT_NE(NULL, self->text);
	self->usable = tracing_begin() && tracing_enable("trap_fixed") &&
		       tracing_enable("trap_missed");
}

FIXTURE_TEARDOWN(trace)
{
	tracing_end();
	free(self->text);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

TEST_F(trace, memory_trap)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(site_protect(t, &self->load, t->pad.start, 0, NULL));
	trap_access(self->state, site_entry(t, &self->load), t->guard + 72);
	EXPECT_LANDED(self->state, pad_address(t));
	EXPECT_EQ(1, tracing_lines(self->text, getpid()));
	EXPECT_EVENT(self->text, "trap_fixed: kind=memory pc=0x%llx address=0x%llx " LANDING "\n",
		     (unsigned long long)site_pc(t, &self->load),
		     (unsigned long long)(uintptr_t)t->guard + 72,
		     (unsigned long long)pad_address(t),
		     arena_id(t->arena.fd));
}

TEST_F(trace, other_traps)
{
	static const struct {
		const struct trap_fragment *code;
		uint32_t kind;
		const char *name;
	} kinds[] = {
		{ &code_divide, CODEARENA_TRAP_DIVIDE, "divide" },
		{ &code_undefined, CODEARENA_TRAP_UNDEFINED, "undefined" },
	};
	struct trap_arena *t = &self->t;

	NEED_TRACING(self->usable);
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_DIVIDE | CODEARENA_TRAP_UNDEFINED);
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct site site;

		ASSERT_ZERO(site_new(t, kinds[i].code, &site));
		ASSERT_ZERO(site_protect(t, &site, t->pad.start, 0, NULL));
		trap_prepare(self->state);
		self->state->in.gpr[1] = 0;
		trap_go(self->state, site_entry(t, &site));
		EXPECT_LANDED(self->state, pad_address(t));
		EXPECT_EQ(i + 1, tracing_lines(self->text, getpid()));
		EXPECT_EVENT(self->text, "trap_fixed: kind=%s pc=0x%llx address=0x0 " LANDING "\n",
			     kinds[i].name,
			     (unsigned long long)site_pc(t, &site),
			     (unsigned long long)pad_address(t),
			     arena_id(t->arena.fd));
	}
}

TEST_F(trace, missed_memory_trap)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING(self->usable);
	trap_access(self->state, site_entry(t, &self->load), t->guard + 88);
	EXPECT_EQ(SIGSEGV, self->state->signo);
	EXPECT_EQ(1, tracing_lines(self->text, getpid()));
	EXPECT_EVENT(self->text, "trap_missed: kind=memory pc=0x%llx address=0x%llx\n",
		     (unsigned long long)site_pc(t, &self->load),
		     (unsigned long long)(uintptr_t)t->guard + 88);
	/* Outside of all arenas, too. */
	trap_access(self->state, code_load.start, t->guard + 96);
	EXPECT_EQ(2, tracing_lines(self->text, getpid()));
	EXPECT_EVENT(self->text, "trap_missed: kind=memory pc=0x%llx address=0x%llx\n",
		     (unsigned long long)(uintptr_t)code_load.trap,
		     (unsigned long long)(uintptr_t)t->guard + 96);
}

TEST_F(trace, missed_in_a_process_with_a_view)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING(self->usable);
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_UNDEFINED);
	trap_access(self->state, code_undefined.start, NULL);
	EXPECT_EQ(SIGILL, self->state->signo);
	EXPECT_EQ(1, tracing_lines(self->text, getpid()));
	EXPECT_EVENT(self->text, "trap_missed: kind=undefined pc=0x%llx address=0x0\n",
		     (unsigned long long)(uintptr_t)code_undefined.trap);
	/* Without a table there is no event. */
	ASSERT_ZERO(munmap(t->arena.view, t->arena.length));
	t->arena.view = NULL;
	trap_access(self->state, code_undefined.start, NULL);
	EXPECT_EQ(SIGILL, self->state->signo);
	EXPECT_EQ(1, tracing_lines(self->text, getpid()));
}

/* A fault that is no trap of an arena has neither event. */
TEST_F(trace, silent_about_the_rest)
{
	struct trap_arena *t = &self->t;
	struct site site;
	long ret;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(site_new(t, &code_breakpoint, &site));
	ASSERT_ZERO(site_protect(t, &site, t->pad.start, 0, NULL));
	trap_access(self->state, site_entry(t, &site), NULL);
	EXPECT_EQ(SIGTRAP, self->state->signo);
	trap_access(self->state, site_entry(t, &self->load), (void *)42);
	EXPECT_EQ(SIGSEGV, self->state->signo);
	/* The kernel's accesses. */
	ret = write(1, t->guard, 1);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(0, tracing_lines(self->text, getpid())) {
		TH_LOG("%s", self->text);
	}
}

static int fault_without_views(void *arg)
{
	struct trap_arena *t = arg;
	struct trap_state *state = trap_state_new();

	munmap(t->arena.view, t->arena.length);
	munmap(t->guard, t->guard_length);
	trap_access(state, code_undefined.start, NULL);
	CHECK(state->signo == SIGILL);
	trap_access(state, code_load.start, t->guard);
	CHECK(state->signo == SIGSEGV);
	return 0;
}

TEST_F(trace, process_without_views)
{
	NEED_TRACING(self->usable);
	EXPECT_EQ(0, run_child(fault_without_views, &self->t));
	/* No process has an event: not even the child, whose pid is unknown. */
	tracing_all(self->text);
	EXPECT_EQ(NULL, strstr(self->text, "trap_missed:"));
	EXPECT_EQ(NULL, strstr(self->text, "trap_fixed:"));
}

TEST_HARNESS_MAIN
