// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* The tracepoints: which traps they tell of, and what. */
#include "kselftest_harness.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "trap_code.h"

#define TRACING "/sys/kernel/tracing/"
/* A buffer of its own, which nobody else's events get into. */
#define INSTANCE TRACING "instances/codearena_selftest/"
#define EVENTS INSTANCE "events/codearena/"
/* Recording tasks' names: inherited by instances, and theirs only by that. */
#define RECORD_CMD TRACING "options/record-cmd"
#define TRACE_SIZE 65536

FIXTURE(trace)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site load;
	bool usable;
	char *text;
};

static char record_cmd[8];

static bool tracing_begin(void)
{
	if (access(TRACING "instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	/*
	 * Without names of tasks, the events need nothing but themselves: no
	 * code of the scheduler is patched for their sake.
	 */
	if (read_file(RECORD_CMD, record_cmd, sizeof(record_cmd)) ||
	    write_file(RECORD_CMD, "0"))
		return false;
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return false;
	return !write_file(EVENTS "enable", "1") &&
	       !write_file(INSTANCE "tracing_on", "1");
}

FIXTURE_SETUP(trace)
{
	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(&self->t, &code_load, &self->load));
	self->text = malloc(TRACE_SIZE);
	ASSERT_NE(NULL, self->text);
	self->usable = tracing_begin();
}

FIXTURE_TEARDOWN(trace)
{
	write_file(EVENTS "enable", "0");
	rmdir(INSTANCE);
	if (*record_cmd)
		write_file(RECORD_CMD, record_cmd);
	free(self->text);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define NEED_TRACING()							\
	do {								\
		if (!self->usable)					\
			SKIP(return, "no tracefs: %s", strerror(errno)); \
	} while (0)

/* The buffer's lines of this process, or of all; how many there are. */
static unsigned int trace_lines(char *text, pid_t pid)
{
	char *line, *to = text, *rest, name[32];
	unsigned int count = 0;
	char *raw = malloc(TRACE_SIZE);
	int fd = open(INSTANCE "trace", O_RDONLY | O_CLOEXEC);
	ssize_t n, length = 0;

	if (!raw || fd < 0)
		abort();
	while ((n = read(fd, raw + length, (size_t)(TRACE_SIZE - 1 - length))) >
	       0)
		length += n;
	close(fd);
	raw[length] = 0;
	snprintf(name, sizeof(name), "-%d ", pid);
	for (line = strtok_r(raw, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#' || !strstr(line, name))
			continue;
		to += sprintf(to, "%s\n", line);
		count++;
	}
	*to = 0;
	free(raw);
	return count;
}

#define EXPECT_EVENT(...)						\
	do {								\
		char wanted_[300];					\
									\
		snprintf(wanted_, sizeof(wanted_), __VA_ARGS__);	\
		EXPECT_NE(NULL, strstr(self->text, wanted_)) {		\
			TH_LOG("no '%s' in: %s", wanted_, self->text);	\
		}							\
	} while (0)

TEST_F(trace, memory_trap)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING();
	ASSERT_ZERO(site_protect(t, &self->load, t->pad.start, 0, NULL));
	trap_access(self->state, site_entry(t, &self->load), t->guard + 72);
	EXPECT_LANDED(self->state, pad_address(t));
	EXPECT_EQ(1, trace_lines(self->text, getpid()));
	EXPECT_EVENT("trap_fixed: kind=memory pc=0x%llx address=0x%llx landing=0x%llx\n",
		     (unsigned long long)site_pc(t, &self->load),
		     (unsigned long long)(uintptr_t)t->guard + 72,
		     (unsigned long long)pad_address(t));
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

	NEED_TRACING();
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_DIVIDE | CODEARENA_TRAP_UNDEFINED);
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct site site;

		ASSERT_ZERO(site_new(t, kinds[i].code, &site));
		ASSERT_ZERO(site_protect(t, &site, t->pad.start, 0, NULL));
		trap_prepare(self->state);
		self->state->in.gpr[1] = 0;
		trap_go(self->state, site_entry(t, &site));
		EXPECT_LANDED(self->state, pad_address(t));
		EXPECT_EQ(i + 1, trace_lines(self->text, getpid()));
		EXPECT_EVENT("trap_fixed: kind=%s pc=0x%llx address=0x0 landing=0x%llx\n",
			     kinds[i].name,
			     (unsigned long long)site_pc(t, &site),
			     (unsigned long long)pad_address(t));
	}
}

TEST_F(trace, missed_memory_trap)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING();
	trap_access(self->state, site_entry(t, &self->load), t->guard + 88);
	EXPECT_EQ(SIGSEGV, self->state->signo);
	EXPECT_EQ(1, trace_lines(self->text, getpid()));
	EXPECT_EVENT("trap_missed: kind=memory pc=0x%llx address=0x%llx\n",
		     (unsigned long long)site_pc(t, &self->load),
		     (unsigned long long)(uintptr_t)t->guard + 88);
	/* Outside of all arenas, too. */
	trap_access(self->state, code_load.start, t->guard + 96);
	EXPECT_EQ(2, trace_lines(self->text, getpid()));
	EXPECT_EVENT("trap_missed: kind=memory pc=0x%llx address=0x%llx\n",
		     (unsigned long long)(uintptr_t)code_load.trap,
		     (unsigned long long)(uintptr_t)t->guard + 96);
}

TEST_F(trace, missed_in_a_process_with_a_view)
{
	struct trap_arena *t = &self->t;

	NEED_TRACING();
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_UNDEFINED);
	trap_access(self->state, code_undefined.start, NULL);
	EXPECT_EQ(SIGILL, self->state->signo);
	EXPECT_EQ(1, trace_lines(self->text, getpid()));
	EXPECT_EVENT("trap_missed: kind=undefined pc=0x%llx address=0x0\n",
		     (unsigned long long)(uintptr_t)code_undefined.trap);
	/* Without one it is nobody's business. */
	ASSERT_ZERO(munmap(t->arena.view, t->arena.length));
	t->arena.view = NULL;
	trap_access(self->state, code_undefined.start, NULL);
	EXPECT_EQ(SIGILL, self->state->signo);
	EXPECT_EQ(1, trace_lines(self->text, getpid()));
}

/* What is no trap of ours is told of neither as one nor as the other. */
TEST_F(trace, silent_about_the_rest)
{
	struct trap_arena *t = &self->t;
	struct site site;
	long ret;

	NEED_TRACING();
	ASSERT_ZERO(site_new(t, &code_breakpoint, &site));
	ASSERT_ZERO(site_protect(t, &site, t->pad.start, 0, NULL));
	trap_access(self->state, site_entry(t, &site), NULL);
	EXPECT_EQ(SIGTRAP, self->state->signo);
	trap_access(self->state, site_entry(t, &self->load), (void *)42);
	EXPECT_EQ(SIGSEGV, self->state->signo);
	/* The kernel's accesses. */
	ret = write(1, t->guard, 1);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(0, trace_lines(self->text, getpid())) {
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
	NEED_TRACING();
	EXPECT_EQ(0, run_child(fault_without_views, &self->t));
	/* Nobody has an event: not even the child, whose number is unknown. */
	read_file(INSTANCE "trace", self->text, TRACE_SIZE);
	EXPECT_EQ(NULL, strstr(self->text, "trap_missed:"));
	EXPECT_EQ(NULL, strstr(self->text, "trap_fixed:"));
}

TEST_HARNESS_MAIN
