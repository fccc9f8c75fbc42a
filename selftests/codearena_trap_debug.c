// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps and debuggers: breakpoints, watchpoints and single steps reach the
 * tracer as if landing on the pad were a jump.
 */
#include "lib/harness.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#if defined(__aarch64__) || defined(__riscv)
#include <asm/ptrace.h>
#endif

#include "lib/trap_code.h"

/* The program runs itself under gdb, with this variable set. */
#define GDB_VARIABLE	"CODEARENA_SELFTEST_GDB"
#define GDB		"/usr/bin/gdb"
#define GDB_OUTPUT	65536

/* Variables that gdb reads by name. */
static volatile uint64_t gdb_site, gdb_pad, gdb_address;
static uint64_t *volatile gdb_where;

FIXTURE(debug)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	pid_t child;
};

FIXTURE_VARIANT(debug)
{
	const struct trap_fragment *code;
	uint32_t kind;
};

FIXTURE_VARIANT_ADD(debug, memory)
{
	.code = &code_load,
	.kind = CODEARENA_TRAP_MEMORY,
};

FIXTURE_VARIANT_ADD(debug, divide)
{
	.code = &code_divide,
	.kind = CODEARENA_TRAP_DIVIDE,
};

FIXTURE_VARIANT_ADD(debug, undefined)
{
	.code = &code_undefined,
	.kind = CODEARENA_TRAP_UNDEFINED,
};

FIXTURE_SETUP(debug)
{
	struct trap_arena *t = &self->t;

	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(t, variant->code, &self->site));
	ASSERT_ZERO(site_protect(t, &self->site, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
}

FIXTURE_TEARDOWN(debug)
{
	if (self->child > 0) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

/* A child that stops, traps once when it is resumed, and returns the result. */
static pid_t start_tracee(const struct trap_arena *t, const struct site *site,
			  struct trap_state *state)
{
	pid_t child;
	int status;

	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)t->guard + 64;
#if defined(__x86_64__)
	state->in.gpr[REG_COUNT] = 0;
#endif
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		trap_go(state, site_entry(t, site));
		_exit(state->where == pad_address(t) &&
		      state->out.gpr[REG_REPORT_PC] == site_pc(t, site) &&
		      trap_registers_same(state, TRAP_REPORTED) ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		return -1;
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL);
	return child;
}

#define START()								\
	do {								\
		self->child = start_tracee(&self->t, &self->site,	\
					   self->state);		\
		ASSERT_LT(0, self->child);				\
	} while (0)

static uint64_t tracee_pc(pid_t child)
{
	struct user_regs_struct regs;
	struct iovec vector = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector))
		abort();
#if defined(__x86_64__)
	return regs.rip;
#elif defined(__riscv)
	return regs.pc;
#else
	return regs.pc;
#endif
}

/* Resume, and wait: the signal that stopped it, or 0 when it has ended well. */
static int resume(pid_t child, enum __ptrace_request how, int *code)
{
	siginfo_t info = { 0 };
	int status;

	if (ptrace(how, child, 0, 0) || waitpid(child, &status, 0) != child)
		abort();
	if (!WIFSTOPPED(status))
		return status;
	ptrace(PTRACE_GETSIGINFO, child, 0, &info);
	*code = info.si_code;
	return WSTOPSIG(status);
}

#define EXPECT_STOP(how, expected_code, pc)				\
	do {								\
		int code_ = 0;						\
									\
		ASSERT_EQ(SIGTRAP, resume(self->child, how, &code_));	\
		EXPECT_EQ(expected_code, code_);			\
		EXPECT_EQ(pc, tracee_pc(self->child));			\
	} while (0)

#define EXPECT_EXIT()							\
	do {								\
		int code_;						\
									\
		EXPECT_EQ(0, resume(self->child, PTRACE_CONT, &code_));	\
		self->child = 0;					\
		EXPECT_EQ(1, traps_fixed(self->t.fd));			\
	} while (0)

/* Debug registers: stop at an instruction, or at a write to 8 bytes. */
enum what { BREAKPOINT, WATCHPOINT };

#if !defined(__riscv)
#define SKIP_WITHOUT_STOPS() do { } while (0)
#endif

#if defined(__x86_64__)
/* Where the instructions of the pad begin. */
static const unsigned int pad_steps[] = { 0, 7, 14, 18 };
#define STORE_STOP 1
/* int3 counts as executed. */
#define BREAKPOINT_STOP site_end

#define SLOT(n) offsetof(struct user, u_debugreg[n])

static uint64_t control[4];

static int set_slot(pid_t child, unsigned int slot, enum what what,
		    uint64_t address)
{
	uint64_t all = 0;

	control[slot] = 1ULL << (2 * slot);
	if (what == WATCHPOINT)
		control[slot] |= 0x9ULL << (16 + 4 * slot);
	for (unsigned int i = 0; i < 4; i++)
		all |= control[i];
	return ptrace(PTRACE_POKEUSER, child, SLOT(slot), address) ||
	       ptrace(PTRACE_POKEUSER, child, SLOT(7), all) ? -1 : 0;
}

static int clear_slot(pid_t child, unsigned int slot, enum what what)
{
	(void)what;
	control[slot] = 0;
	return ptrace(PTRACE_POKEUSER, child, SLOT(7),
		      control[0] | control[1]) ? -1 : 0;
}

/* The processor steps over an instruction with a breakpoint by itself. */
static int pass_slot(pid_t child, unsigned int slot, enum what what)
{
	(void)child;
	(void)slot;
	(void)what;
	return 0;
}
#elif defined(__riscv)
#define SKIP_WITHOUT_STOPS()						\
	SKIP(return, "ptrace() has neither steps nor debug registers here")

static const unsigned int pad_steps[4];
#define STORE_STOP 0
#define BREAKPOINT_STOP site_pc

static int set_slot(pid_t child, unsigned int slot, enum what what,
		    uint64_t address)
{
	(void)child;
	(void)slot;
	(void)what;
	(void)address;
	return -1;
}

static int clear_slot(pid_t child, unsigned int slot, enum what what)
{
	return set_slot(child, slot, what, 0);
}

static int pass_slot(pid_t child, unsigned int slot, enum what what)
{
	return set_slot(child, slot, what, 0);
}
#else
static const unsigned int pad_steps[] = { 0, 4, 8, 12 };
#define STORE_STOP 0
#define BREAKPOINT_STOP site_pc

static int write_slot(pid_t child, unsigned int slot, enum what what,
		      uint64_t address, uint32_t control)
{
	struct user_hwdebug_state state = { 0 };
	struct iovec vector = { &state, sizeof(state) };
	int set = what == WATCHPOINT ? NT_ARM_HW_WATCH : NT_ARM_HW_BREAK;

	if (ptrace(PTRACE_GETREGSET, child, set, &vector))
		return -1;
	vector.iov_len = offsetof(struct user_hwdebug_state,
				  dbg_regs[(state.dbg_info & 0xff)]);
	state.dbg_regs[slot].addr = address;
	state.dbg_regs[slot].ctrl = control;
	return (int)ptrace(PTRACE_SETREGSET, child, set, &vector);
}

static int set_slot(pid_t child, unsigned int slot, enum what what,
		    uint64_t address)
{
	/* All bytes, of a store or an instruction, in user mode, enabled. */
	return write_slot(child, slot, what, address,
			  what == WATCHPOINT ? 0xff << 5 | 2 << 3 | 2 << 1 | 1 :
					       0xf << 5 | 2 << 1 | 1);
}

static int clear_slot(pid_t child, unsigned int slot, enum what what)
{
	return write_slot(child, slot, what, 0, 0);
}

/* Here the tracer has to remove the breakpoint to get past it. */
static int pass_slot(pid_t child, unsigned int slot, enum what what)
{
	return clear_slot(child, slot, what);
}
#endif

TEST_F(debug, tracee_without_stops)
{
	SKIP_WITHOUT_KIND(variant->kind);
	START();
	EXPECT_EXIT();
}

/* To the instruction, over it, and into the pad. */
TEST_F(debug, single_step)
{
	const uint64_t pc = site_pc(&self->t, &self->site);
	const uint64_t pad = pad_address(&self->t);
	int code = 0;

	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT, pc));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pc);
	ASSERT_ZERO(clear_slot(self->child, 0, BREAKPOINT));
	EXPECT_STOP(PTRACE_SINGLESTEP, TRAP_TRACE, pad);
	/* Nothing of the pad has run yet. */
	EXPECT_EQ(1, traps_fixed(self->t.fd));
	for (unsigned int step = 1; step <= 3; step++) {
		ASSERT_EQ(SIGTRAP, resume(self->child, PTRACE_SINGLESTEP,
					  &code));
		EXPECT_EQ(TRAP_TRACE, code);
		EXPECT_EQ(pad + pad_steps[step], tracee_pc(self->child));
	}
	EXPECT_EXIT();
}

TEST_F(debug, breakpoint_at_the_instruction)
{
	const uint64_t pc = site_pc(&self->t, &self->site);

	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT, pc));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pc);
	EXPECT_EQ(0, traps_fixed(self->t.fd));
	ASSERT_ZERO(pass_slot(self->child, 0, BREAKPOINT));
	EXPECT_EXIT();
}

TEST_F(debug, breakpoint_at_the_pad)
{
	const uint64_t pad = pad_address(&self->t);

	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT, pad));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pad);
	EXPECT_EQ(1, traps_fixed(self->t.fd));
	ASSERT_ZERO(pass_slot(self->child, 0, BREAKPOINT));
	EXPECT_EXIT();
}

/* Two in a row: resuming after the first must not skip the second. */
TEST_F(debug, breakpoints_at_both)
{
	const uint64_t pc = site_pc(&self->t, &self->site);
	const uint64_t pad = pad_address(&self->t);

	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT, pc));
	ASSERT_ZERO(set_slot(self->child, 1, BREAKPOINT, pad));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pc);
	ASSERT_ZERO(pass_slot(self->child, 0, BREAKPOINT));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pad);
	ASSERT_ZERO(pass_slot(self->child, 1, BREAKPOINT));
	EXPECT_EXIT();
}

/* The instruction after it is never reached. */
TEST_F(debug, breakpoint_behind_the_instruction)
{
	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT,
			     site_end(&self->t, &self->site)));
	EXPECT_EXIT();
}

/* The first store after the landing is seen, at its own instruction. */
TEST_F(debug, watchpoint_in_the_pad)
{
	const uint64_t pc = site_pc(&self->t, &self->site);
	const uint64_t pad = pad_address(&self->t);

	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	/* Past the preparations of the harness, which store there too. */
	ASSERT_ZERO(set_slot(self->child, 0, BREAKPOINT, pc));
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pc);
	ASSERT_ZERO(clear_slot(self->child, 0, BREAKPOINT));
	ASSERT_ZERO(set_slot(self->child, 1, WATCHPOINT,
			     (uintptr_t)&self->state->out.gpr[0]));
	/* x86 stops after the store, arm64 before it. */
	EXPECT_STOP(PTRACE_CONT, TRAP_HWBKPT, pad + pad_steps[STORE_STOP]);
	EXPECT_EQ(1, traps_fixed(self->t.fd));
	ASSERT_ZERO(clear_slot(self->child, 1, WATCHPOINT));
	EXPECT_EXIT();
}

/* An access that traps has not happened. */
TEST_F(debug, watchpoint_on_guard_memory)
{
	SKIP_WITHOUT_KIND(variant->kind);
	SKIP_WITHOUT_STOPS();
	START();
	ASSERT_ZERO(set_slot(self->child, 0, WATCHPOINT,
			     (uintptr_t)self->t.guard + 64));
	EXPECT_EXIT();
}

/* The tracer cannot write breakpoints into sealed code, and changes nothing. */
TEST_F(debug, no_planted_breakpoints)
{
	SKIP_WITHOUT_KIND(variant->kind);
	START();
	EXPECT_ERRNO(EIO, ptrace(PTRACE_POKETEXT, self->child,
				 site_pc(&self->t, &self->site), 0xcccccccc));
	EXPECT_EXIT();
}

/* A breakpoint instruction in a protected range is the tracer's. */
TEST_F(debug, breakpoint_instruction)
{
	struct site site;
	int code = 0;

	SKIP_WITHOUT_KIND(variant->kind);
	ASSERT_ZERO(site_new(&self->t, &code_breakpoint, &site));
	ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0, NULL));
	self->child = start_tracee(&self->t, &site, self->state);
	ASSERT_LT(0, self->child);
	ASSERT_EQ(SIGTRAP, resume(self->child, PTRACE_CONT, &code));
	EXPECT_EQ(BREAKPOINT_STOP(&self->t, &site), tracee_pc(self->child));
	EXPECT_EQ(0, traps_fixed(self->t.fd));
}

/* gdb stops here, before each round. */
static void __attribute__((noinline)) gdb_ready(unsigned int round)
{
	__asm__ volatile("" : : "r" (round) : "memory");
}

static int be_debugged(void)
{
	struct trap_state *state = trap_state_new();
	struct trap_arena t;
	struct site site;

	if (trap_arena_new(&t, TRAP_ARENA_PAGES) ||
	    site_new(&t, &code_load, &site) ||
	    site_protect(&t, &site, t.pad.start, CODEARENA_TRAP_F_REPORT,
			 NULL))
		return 2;
	gdb_site = site_pc(&t, &site);
	gdb_pad = pad_address(&t);
	gdb_address = (uintptr_t)t.guard + 4096;
	gdb_where = &state->where;
	for (unsigned int round = 0; round < 3; round++) {
		gdb_ready(round);
		trap_access(state, site_entry(&t, &site),
			    (void *)gdb_address);
		if (state->where != gdb_pad || state->signals)
			return 3;
	}
	return 42;
}

static void __attribute__((constructor)) be_helper(void)
{
	if (getenv(GDB_VARIABLE))
		_exit(be_debugged());
}

/* The commands for gdb, and the answers that begin with @. */
static const char * const gdb_commands[] = {
	"set pagination off",
	"set confirm off",
	"set startup-with-shell off",
	/* A copy of an instruction elsewhere is not protected. */
	"set displaced-stepping off",
	"set environment " GDB_VARIABLE "=1",
	"break gdb_ready",
	"run",
	"printf \"@ready %d\\n\", gdb_pad != 0",
	/* Hardware breakpoints at the instruction and at the pad. */
	"hbreak *gdb_site",
	"hbreak *gdb_pad",
	"continue",
	"printf \"@site %d\\n\", $pc == gdb_site",
	"continue",
	"printf \"@pad %d\\n\", $pc == gdb_pad",
#if defined(__x86_64__)
	"printf \"@report %d %d\\n\", $r10 == gdb_site, $r11 == gdb_address",
#elif defined(__riscv)
	"printf \"@report %d %d\\n\", $t6 == gdb_site, $t5 == gdb_address",
#else
	"printf \"@report %d %d\\n\", $x16 == gdb_site, $x17 == gdb_address",
#endif
	"continue",
	"printf \"@second round\\n\"",
	/* A step over the instruction that traps. */
	"delete",
	"hbreak *gdb_site",
	"continue",
	"printf \"@site %d\\n\", $pc == gdb_site",
	"stepi",
	"printf \"@stepped %d\\n\", $pc == gdb_pad",
	"delete",
	"break gdb_ready",
	"continue",
	"printf \"@third round\\n\"",
	/* A watchpoint: its word changes before the trap, and in the pad. */
	"delete",
	"watch *gdb_where",
	"continue",
	"printf \"@value %d\\n\", *gdb_where == 0",
	"continue",
	"printf \"@value %d\\n\", *gdb_where == 1",
	"continue",
	"printf \"@value %d\\n\", *gdb_where == gdb_pad",
	"delete",
	"continue",
	"printf \"@exit %d\\n\", $_exitcode",
};

static const char gdb_answers[] =
	"@ready 1\n"
	"@site 1\n"
	"@pad 1\n"
	"@report 1 1\n"
	"@second round\n"
	"@site 1\n"
	"@stepped 1\n"
	"@third round\n"
	"@value 1\n"
	"@value 1\n"
	"@value 1\n"
	"@exit 42\n";

/* Run gdb on this program; its whole output. */
static int run_gdb(char *output, size_t size)
{
	const char *arguments[8 + 2 * ARRAY_SIZE(gdb_commands)] = {
		GDB, "-q", "-nx", "-batch",
	};
	size_t count = 4, length = 0;
	char program[128] = "";
	int fds[2], status;
	ssize_t n;
	pid_t child;

	for (size_t i = 0; i < ARRAY_SIZE(gdb_commands); i++) {
		arguments[count++] = "-ex";
		arguments[count++] = gdb_commands[i];
	}
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0 ||
	    pipe(fds))
		return -1;
	arguments[count++] = program;
	child = fork();
	if (!child) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(GDB, (char **)arguments);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + length, size - 1 - length)) > 0)
		length += (size_t)n;
	output[length] = 0;
	close(fds[0]);
	return waitpid(child, &status, 0) == child ? status : -1;
}

FIXTURE(gdb)
{
	char *output;
	char *answers;
};

FIXTURE_SETUP(gdb)
{
	self->output = malloc(GDB_OUTPUT);
	self->answers = calloc(1, GDB_OUTPUT);
	ASSERT_NE(NULL, self->output);
	ASSERT_NE(NULL, self->answers);
}

FIXTURE_TEARDOWN(gdb)
{
	free(self->output);
	free(self->answers);
}

TEST_F(gdb, breakpoint_step_and_watch)
{
	char *copy, *line, *rest;
	int status;

	if (access(GDB, X_OK))
		SKIP(return, "no " GDB "; see selftests/vm/stage-program.sh");
	status = run_gdb(self->output, GDB_OUTPUT);
	EXPECT_EQ(0, status);
	copy = strdup(self->output);
	ASSERT_NE(NULL, copy);
	for (line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '@')
			sprintf(strchr(self->answers, 0), "%s\n", line);
	}
	free(copy);
	EXPECT_STREQ(gdb_answers, self->answers)
		TH_LOG("gdb said: %s", self->output);
}

TEST_HARNESS_MAIN
