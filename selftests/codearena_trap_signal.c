// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Traps land whatever the process does with signals. */
#include "lib/harness.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/crew.h"
#include "lib/trap_code.h"

#define ROUNDS 100

static const int trap_signal_numbers[] = {
	SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP,
};

/**
 * struct worker - protected code of every kind that lands on this machine
 * @t: where it is
 * @kinds: CODEARENA_TRAP_* bits
 * @load: memory
 * @divide: a division
 * @undefined: no instruction
 * @crew: for threads, where they report what went wrong
 * @number: of the thread
 * @rounds: how often it traps
 */
struct worker {
	const struct trap_arena *t;
	uint32_t kinds;
	struct site load;
	struct site divide;
	struct site undefined;
	struct crew *crew;
	unsigned int number;
	unsigned int rounds;
};

static int worker_new(struct trap_arena *t, struct worker *w)
{
	struct codearena_query query;
	uint64_t pad = t->pad.start;

	memset(w, 0, sizeof(*w));
	w->t = t;
	w->rounds = ROUNDS;
	if (do_query(t->fd, &query))
		return -1;
	w->kinds = query.out_trap_kinds;
	return site_new(t, &code_load, &w->load) ||
	       site_protect(t, &w->load, pad, 0, NULL) ||
	       site_new(t, &code_divide, &w->divide) ||
	       site_protect(t, &w->divide, pad, 0, NULL) ||
	       site_new(t, &code_undefined, &w->undefined) ||
	       site_protect(t, &w->undefined, pad, 0, NULL) ? -1 : 0;
}

/* One trap: it lands, and no register has changed. */
static bool trap_once(const struct worker *w, struct trap_state *state,
		      const struct site *site, unsigned int round)
{
	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)w->t->guard + 8 * round;
#if defined(__x86_64__)
	if (site == &w->divide)
		state->in.gpr[REG_COUNT] = 0;
#endif
	trap_go(state, site_entry(w->t, site));
	return state->where == pad_address(w->t) && !state->signals &&
	       trap_registers_same(state, 0) && trap_stack_same(state);
}

static int work_once(const struct worker *w, struct trap_state *state,
		     unsigned int round)
{
	CHECK(trap_once(w, state, &w->load, round));
	if (w->kinds & CODEARENA_TRAP_DIVIDE)
		CHECK(trap_once(w, state, &w->divide, round));
	if (w->kinds & CODEARENA_TRAP_UNDEFINED)
		CHECK(trap_once(w, state, &w->undefined, round));
	return 0;
}

static int work(const struct worker *w)
{
	struct trap_state *state = trap_state_new();
	int ret = 0;

	for (unsigned int i = 0; i < w->rounds && !ret; i++) {
		ret = work_once(w, state, i);
		if (w->crew)
			crew_count_round(w->crew);
	}
	trap_state_free(state);
	return ret;
}

#define EXPECT_WORK_COUNTED(rounds)					\
	EXPECT_FIXED(self->t.fd, rounds,				\
		     self->worker.kinds & CODEARENA_TRAP_DIVIDE ?	\
		     (rounds) : 0,					\
		     self->worker.kinds & CODEARENA_TRAP_UNDEFINED ?	\
		     (rounds) : 0)

FIXTURE(silent)
{
	struct trap_arena t;
	struct worker worker;
};

FIXTURE_SETUP(silent)
{
	ASSERT_ZERO(trap_arena_new(&self->t, TRAP_ARENA_PAGES));
	ASSERT_ZERO(worker_new(&self->t, &self->worker));
	/* Each test sets its own handlers. */
	free(trap_state_new());
}

FIXTURE_TEARDOWN(silent)
{
	EXPECT_EQ(0, trap_signals);
	trap_arena_free(&self->t);
}

TEST_F(silent, blocked)
{
	sigset_t set, pending;

	trap_handlers();
	sigfillset(&set);
	ASSERT_ZERO(sigprocmask(SIG_BLOCK, &set, NULL));
	EXPECT_EQ(0, work(&self->worker));
	EXPECT_WORK_COUNTED(ROUNDS);
	ASSERT_ZERO(sigpending(&pending));
	for (size_t i = 0; i < ARRAY_SIZE(trap_signal_numbers); i++)
		EXPECT_EQ(0, sigismember(&pending, trap_signal_numbers[i]));
	sigfillset(&set);
	ASSERT_ZERO(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

TEST_F(silent, ignored)
{
	for (size_t i = 0; i < ARRAY_SIZE(trap_signal_numbers); i++)
		signal(trap_signal_numbers[i], SIG_IGN);
	EXPECT_EQ(0, work(&self->worker));
	EXPECT_WORK_COUNTED(ROUNDS);
}

TEST_F(silent, default_action)
{
	for (size_t i = 0; i < ARRAY_SIZE(trap_signal_numbers); i++)
		signal(trap_signal_numbers[i], SIG_DFL);
	EXPECT_EQ(0, work(&self->worker));
	EXPECT_WORK_COUNTED(ROUNDS);
}

static unsigned int host_signals;

static void host_handler(int signo)
{
	(void)signo;
	host_signals++;
	_exit(3);
}

TEST_F(silent, handler_of_the_host)
{
	for (size_t i = 0; i < ARRAY_SIZE(trap_signal_numbers); i++)
		signal(trap_signal_numbers[i], host_handler);
	EXPECT_EQ(0, work(&self->worker));
	EXPECT_EQ(0, host_signals);
	EXPECT_WORK_COUNTED(ROUNDS);
}

/* A filter that kills when anybody handles, or returns from, a signal. */
static int forbid_signals(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigaction, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		.len = ARRAY_SIZE(filter),
		.filter = filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int work_without_signals(void *arg)
{
	trap_handlers();
	CHECK(forbid_signals() == 0);
	return work(arg);
}

static int fault_without_signals(void *arg)
{
	const struct worker *w = arg;
	struct trap_state *state = trap_state_new();

	trap_handlers();
	CHECK(forbid_signals() == 0);
	/* The handler runs, and cannot return. */
	trap_access(state, code_load.start, w->t->guard);
	return 0;
}

TEST_F(silent, under_seccomp)
{
	EXPECT_EQ(0, run_child(work_without_signals, &self->worker));
	EXPECT_WORK_COUNTED(ROUNDS);
	EXPECT_EQ(256 + SIGSYS,
		  run_child(fault_without_signals, &self->worker));
}

static const struct worker *handler_worker;
static int handler_result = -1;
static bool handler_on_alternate;

static void work_in_handler(int signo)
{
	stack_t stack;

	(void)signo;
	sigaltstack(NULL, &stack);
	handler_on_alternate = stack.ss_flags & SS_ONSTACK;
	handler_result = work(handler_worker);
}

TEST_F(silent, in_a_signal_handler)
{
	trap_handlers();
	handler_worker = &self->worker;
	signal(SIGUSR1, work_in_handler);
	raise(SIGUSR1);
	EXPECT_EQ(0, handler_result);
	EXPECT_FALSE(handler_on_alternate);
	EXPECT_WORK_COUNTED(ROUNDS);
}

TEST_F(silent, on_an_alternate_stack)
{
	struct sigaction action = {
		.sa_handler = work_in_handler,
		.sa_flags = SA_ONSTACK,
	};

	trap_handlers();
	handler_worker = &self->worker;
	sigfillset(&action.sa_mask);
	ASSERT_ZERO(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	EXPECT_EQ(0, handler_result);
	EXPECT_TRUE(handler_on_alternate);
	EXPECT_WORK_COUNTED(ROUNDS);
}

/* In the handler of an ordinary fault of the same code, too. */
static void work_in_fault_handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	handler_result = work(handler_worker);
	/* Let the access succeed. */
	mmap((void *)((uintptr_t)info->si_addr & ~0xffffULL), 65536,
	     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	(void)context;
}

TEST_F(silent, in_the_handler_of_a_fault)
{
	struct sigaction action = {
		.sa_sigaction = work_in_fault_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct trap_state *state = trap_state_new();
	struct site other;

	handler_worker = &self->worker;
	ASSERT_ZERO(site_new(&self->t, &code_load, &other));
	ASSERT_ZERO(sigaction(SIGSEGV, &action, NULL));
	trap_access(state, site_entry(&self->t, &other),
		    self->t.guard + (1 << 20));
	EXPECT_LANDED(state, site_end(&self->t, &other));
	EXPECT_EQ(0, handler_result);
	EXPECT_WORK_COUNTED(ROUNDS);
	trap_state_free(state);
}

#define THREADS 8
#define THREAD_ROUNDS 500

static void *work_in_thread(void *arg)
{
	const struct worker *w = arg;

	if (work(w))
		crew_fail(w->crew, "thread %u: a trap went wrong", w->number);
	return NULL;
}

TEST_F(silent, in_threads)
{
	struct worker workers[THREADS];
	struct crew crew = { 0 };

	trap_handlers();
	for (unsigned int i = 0; i < THREADS; i++) {
		/* Code of its own, and a pad that all share. */
		ASSERT_ZERO(worker_new(&self->t, &workers[i]));
		workers[i].crew = &crew;
		workers[i].number = i;
		workers[i].rounds = THREAD_ROUNDS;
	}
	ASSERT_TRUE(crew_start(&crew, THREADS, work_in_thread, workers,
			       sizeof(workers[0])));
	ASSERT_TRUE(crew_join(&crew));
	ASSERT_CREW(&crew);
	EXPECT_WORK_COUNTED(THREADS * THREAD_ROUNDS);
}

/* A tracer that sees every signal sees none. */
static int work_until_killed(const struct worker *w, int fd)
{
	char byte = 0;
	int ret;

	trap_handlers();
	if (read(fd, &byte, 1) != 1)
		return 2;
	ret = work(w);
	if (write(fd, &byte, 1) != 1)
		return 2;
	return ret;
}

TEST_F(silent, under_a_tracer)
{
	int sockets[2], status;
	char byte = 1;
	pid_t child;

	ASSERT_ZERO(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(sockets[0]);
		_exit(work_until_killed(&self->worker, sockets[1]));
	}
	close(sockets[1]);
	ASSERT_ZERO(ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL));
	ASSERT_EQ(1, write(sockets[0], &byte, 1));
	/* The first event is the exit. */
	ASSERT_EQ(child, waitpid(child, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status)) {
		TH_LOG("status %#x", status);
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(1, read(sockets[0], &byte, 1));
	EXPECT_WORK_COUNTED(ROUNDS);
	close(sockets[0]);
}

TEST_HARNESS_MAIN
