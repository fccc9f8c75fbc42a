// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A hostile runtime: an attacker who writes where he likes and makes any system
 * call executes no byte that the compiler has not published. Each way is tried
 * twice, first without the lock, as the control: it is open there, or what
 * refuses it is known.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <codearena/remote.h>

#include "lib/helpers.h"

/* What the attacker's own code returns. */
#define ATTACK_VALUE	77

#define WORKS		0
#define ANY		1	/* depends on the kernel's configuration */

static struct fixture *f;
static int shared_handle, channel[2];
static int canary;	/* the compiler's, at the same address */

static void *memory(int prot)
{
	return mmap(NULL, f->page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int result_of(long ret)
{
	return ret < 0 ? -errno : 0;
}

static int run(void *at)
{
	unsigned int (*function)(void);

	__builtin___clear_cache(at, (char *)at + CODE_MAX);
	memcpy(&function, &at, sizeof(function));
	return function() == ATTACK_VALUE ? WORKS : -EFAULT;
}

static int write_and_run(void *at)
{
	if (at == MAP_FAILED)
		return -errno;
	code_return(at, ATTACK_VALUE);
	return run(at);
}

/* New executable memory. */

static int by_mmap(void)
{
	return write_and_run(memory(PROT_READ | PROT_WRITE | PROT_EXEC));
}

static int by_mprotect(void)
{
	uint8_t *at = memory(PROT_READ | PROT_WRITE);

	code_return(at, ATTACK_VALUE);
	return mprotect(at, f->page, PROT_READ | PROT_EXEC) ? -errno : run(at);
}

static int by_pkey_mprotect(void)
{
	uint8_t *at = memory(PROT_READ | PROT_WRITE);

	code_return(at, ATTACK_VALUE);
	return syscall(SYS_pkey_mprotect, at, f->page, PROT_READ | PROT_EXEC,
		       -1) ? -errno : run(at);
}

static int by_memfd(void)
{
	int fd = memfd_create("attack", 0);

	if (fd < 0 || ftruncate(fd, f->page))
		return -errno;
	return write_and_run(mmap(NULL, f->page,
				  PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_SHARED, fd, 0));
}

static int by_shm(void)
{
	int id = shmget(IPC_PRIVATE, f->page, IPC_CREAT | 0700);
	int ret;

	if (id < 0)
		return -errno;
	ret = write_and_run(shmat(id, NULL, SHM_EXEC));
	shmctl(id, IPC_RMID, NULL);
	return ret;
}

static int by_personality(void)
{
	if (personality(READ_IMPLIES_EXEC) < 0)
		return -errno;
	return write_and_run(memory(PROT_READ | PROT_WRITE));
}

static int by_read_then_execute(void)
{
	void *at = mmap(NULL, f->page, PROT_READ, MAP_SHARED, shared_handle, 0);

	if (at == MAP_FAILED)
		return -errno;
	return result_of(mprotect(at, f->page, PROT_READ | PROT_EXEC));
}

/* Code over code: the memory is not executable. */
static int by_mapping_over(void)
{
	void *at = (void *)codearena_arena_base(f->arena);

	return write_and_run(mmap(at, f->page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				  -1, 0));
}

/* Published code, and that of the program. */

static int by_store(void)
{
	volatile uint8_t *at = (uint8_t *)codearena_arena_base(f->arena);

	*at = 0;
	return WORKS;
}

static int by_writable_view(void)
{
	return mmap(NULL, f->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		    shared_handle, 0) == MAP_FAILED ? -errno : WORKS;
}

static int by_new_view(void)
{
	return mmap(NULL, f->page, PROT_READ | PROT_EXEC, MAP_SHARED,
		    shared_handle, 0) == MAP_FAILED ? -errno : WORKS;
}

static int by_moving(void)
{
	void *to = memory(PROT_NONE);

	return mremap((void *)codearena_arena_base(f->arena), f->page, f->page,
		      MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ?
	       -errno : WORKS;
}

static int by_remapping(void)
{
	return result_of(syscall(SYS_remap_file_pages,
				 codearena_arena_base(f->arena), f->page, 0, 1,
				 0));
}

static int by_proc_mem(const void *at)
{
	uint8_t code[CODE_MAX];
	size_t length = code_return(code, ATTACK_VALUE);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, code, length, (uintptr_t)at) < 0)
		return -errno;
	return run((void *)at);
}

static int by_proc_mem_of_view(void)
{
	return by_proc_mem(codearena_arena_base(f->arena));
}

static int by_proc_mem_of_program(void)
{
	return by_proc_mem((const void *)(uintptr_t)by_store);
}

static int by_pwrite(void)
{
	return result_of(pwrite(shared_handle, "attack", 6, 0));
}

/* The device. */

static int by_opening(void)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_DEVICE);
	int fd = open("/dev/codearena", O_RDWR | O_CLOEXEC);
	struct codearena_arena *arena;

	if (fd < 0 || codearena_arena_new(f->page, &opts, &arena) ||
	    codearena_arena_commit(arena, 0, f->page) ||
	    publish_return(arena, 0, ATTACK_VALUE, 0))
		return -errno;
	return run((void *)codearena_arena_base(arena));
}

static int by_clone(void)
{
	struct codearena_clone clone = { .size = sizeof(clone) };

	if (ioctl(codearena_arena_fd(f->arena), CODEARENA_CLONE, &clone))
		return -errno;
	if (codearena_arena_clone(f->arena) ||
	    publish_return(f->arena, f->fresh, ATTACK_VALUE, 0))
		return -EIO;
	return run((uint8_t *)codearena_arena_base(f->arena) + f->fresh);
}

static int by_handle_of_handle(void)
{
	struct codearena_open open = { .size = sizeof(open) };

	return result_of(ioctl(shared_handle, CODEARENA_OPEN, &open));
}

static int commit_by(int fd)
{
	struct codearena_commit commit = {
		.size = sizeof(commit),
		.offset = f->reserved,
		.length = f->page,
	};

	return result_of(ioctl(fd, CODEARENA_COMMIT, &commit));
}

static int by_inherited_handle(void)
{
	return commit_by(codearena_arena_fd(f->arena));
}

static int by_shared_handle(void)
{
	return commit_by(shared_handle);
}

/* Other processes, and the compiler above all. */

static int by_ptrace(void)
{
	if (ptrace(PTRACE_SEIZE, getppid(), 0, 0))
		return -errno;
	return result_of(ptrace(PTRACE_INTERRUPT, getppid(), 0, 0));
}

static int by_writing_to_compiler(void)
{
	int value = 1;
	struct iovec from = { &value, sizeof(value) };
	struct iovec to = { &canary, sizeof(canary) };

	return result_of(process_vm_writev(getppid(), &from, 1, &to, 1, 0));
}

static int by_pidfd(void)
{
	return result_of(syscall(SYS_pidfd_open, getppid(), 0));
}

static int by_signal(void)
{
	return result_of(kill(getppid(), SIGCONT));
}

static int by_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	return result_of(pid);
}

static int by_exec(void)
{
	return result_of(syscall(SYS_execveat, -1, "/nowhere", NULL, NULL, 0));
}

/* fexecve() */
static int by_exec_of_memfd(void)
{
	int fd = memfd_create("attack", 0);

	if (fd < 0)
		return -errno;
	return result_of(syscall(SYS_execveat, fd, "", NULL, NULL,
				 AT_EMPTY_PATH));
}

static int by_sending_handle(void)
{
	return send_fd(channel[1], shared_handle) ? WORKS : -errno;
}

static int by_receiving_handle(void)
{
	struct msghdr message = { 0 };

	return result_of(recvmsg(channel[1], &message, MSG_DONTWAIT));
}

/* Ways to have the kernel do it. */

static int by_userfaultfd(void)
{
	return result_of(syscall(SYS_userfaultfd, 0));
}

static int by_io_uring(void)
{
	char parameters[256] = "";

	return result_of(syscall(SYS_io_uring_setup, 1, parameters));
}

static int by_aio(void)
{
	aio_context_t context = 0;

	return result_of(syscall(SYS_io_setup, 1, &context));
}

static int by_bpf(void)
{
	return result_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int by_perf(void)
{
	return result_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int by_prctl(void)
{
	return result_of(prctl(PR_SET_DUMPABLE, 1));
}

static int by_filter(void)
{
	return result_of(syscall(SYS_seccomp, 2, 0, &(uint32_t){ 0 }));
}

static int by_socket(void)
{
	return result_of(socket(AF_UNIX, SOCK_STREAM, 0));
}

#ifdef __x86_64__
/* The 32-bit system call of the same kernel, here getpid(). */
static int by_int_80(void)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret < 0 ? (int)ret : WORKS;
}

static int by_x32(void)
{
	return result_of(syscall(0x40000000 | SYS_memfd_create, "", 0));
}
#endif

struct way {
	const char *name;
	int (*attempt)(void);
	int control;	/* without the lock: WORKS, ANY or an error */
	int nobody;	/* the error of kernels that let nobody do it */
	int signal;	/* that ends the attempt where nothing refuses it */
	bool killed;	/* by the lock */
	int locked;	/* an error; 0: EPERM, from the lock */
};

#define WAY(way, ...)	{ .name = #way, .attempt = way, __VA_ARGS__ }

static const struct way ways[] = {
	WAY(by_mmap),
	WAY(by_mprotect),
	/* Not on riscv64, and on arm64 since 6.12. */
	WAY(by_pkey_mprotect, .nobody = -ENOSYS),
	WAY(by_memfd),
	WAY(by_shm),
	WAY(by_personality),
	WAY(by_read_then_execute),
	WAY(by_mapping_over, .signal = SIGSEGV),
	WAY(by_store, .signal = SIGSEGV),
	WAY(by_writable_view, .control = -EACCES, .locked = -EACCES),
	WAY(by_new_view),
	WAY(by_moving, .control = -EINVAL, .locked = -EINVAL),
	WAY(by_remapping, .control = ANY),
	WAY(by_proc_mem_of_view, .control = -EIO),
	/* Newer kernels refuse it. */
	WAY(by_proc_mem_of_program, .nobody = -EIO),
	WAY(by_pwrite, .control = ANY),
	WAY(by_opening),
	WAY(by_clone),
	WAY(by_handle_of_handle),
	WAY(by_inherited_handle, .control = -EPERM),
	WAY(by_shared_handle, .control = -EBADF),
	WAY(by_ptrace),
	WAY(by_writing_to_compiler),
	WAY(by_pidfd),
	WAY(by_signal),
	WAY(by_fork),
	WAY(by_exec, .control = ANY),
	WAY(by_exec_of_memfd, .control = ANY),
	WAY(by_sending_handle),
	WAY(by_receiving_handle, .control = -EAGAIN),
	WAY(by_userfaultfd, .control = ANY),
	WAY(by_io_uring, .control = ANY),
	WAY(by_aio),
	WAY(by_bpf, .control = ANY),
	WAY(by_perf, .control = ANY),
	WAY(by_prctl),
	WAY(by_filter, .control = ANY),
	WAY(by_socket),
#ifdef __x86_64__
	WAY(by_int_80, .control = ANY, .killed = true),
	WAY(by_x32, .control = ANY),
#endif
};

#define WAYS	(sizeof(ways) / sizeof(ways[0]))

static bool lock(void)
{
	const int keep[] = {
		STDERR_FILENO, channel[1], shared_handle,
		codearena_arena_fd(f->arena),
	};

	return !codearena_remote_lock(keep, sizeof(keep) / sizeof(keep[0]));
}

struct attempt {
	const struct way *way;
	bool locked;
};

static bool attempt(void *context)
{
	const struct attempt *a = context;
	int wanted = a->way->control, ret;

	if (a->locked && !lock())
		return false;
	ret = a->way->attempt();
	if (a->locked)
		wanted = a->way->locked ? a->way->locked : -EPERM;
	if (wanted == ANY || ret == wanted ||
	    (!a->locked && a->way->nobody && ret == a->way->nobody))
		return true;
	fprintf(stderr, "# %s%s: %d\n", a->way->name,
		a->locked ? ", locked" : "", ret);
	return false;
}

/* Run it in a child, where everything is as in a runtime that was taken over. */
static int in_runtime(bool (*function)(void *context), void *context)
{
	int ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	assert_int_equal(codearena_arena_share(f->arena, &shared_handle), 0);
	ret = in_child(function, context);
	close(shared_handle);
	close(channel[0]);
	close(channel[1]);
	return ret;
}

static int attempt_setup(void **state)
{
	void *fixture;

	if (fixture_setup(&fixture))
		return -1;
	f = fixture;
	(void)state;
	return 0;
}

static int attempt_teardown(void **state)
{
	void *fixture = f;

	(void)state;
	return fixture_teardown(&fixture);
}

static void way_is_closed(void **state)
{
	const struct way *way = *state;
	struct attempt control = { way, false }, attack = { way, true };

	only_on(CODEARENA_BACKEND_DEVICE);
	skip_with_sanitizer();
	assert_int_equal(in_runtime(attempt, &control), way->signal);
	canary = 0;
	assert_int_equal(in_runtime(attempt, &attack),
			 way->killed ? SIGSYS : way->signal);
	assert_int_equal(canary, 0);
	assert_int_equal(execute(f->arena, f->fixed), FIXED_VALUE);
}

/* The system calls that are left, as codearena/remote.h lists them. */
static const int left[] = {
	SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_recvfrom, SYS_sendto,
	SYS_lseek, SYS_fstat, SYS_close, 436 /* close_range */, SYS_mmap,
	SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex,
	SYS_sched_yield, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime,
	SYS_gettimeofday, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_rseq,
	SYS_set_robust_list, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#ifdef __x86_64__
	/*
	 * uretprobe() and uprobe(): no filter sees them on newer kernels. They
	 * end a process that is not at a probe.
	 */
	335, 336,
#endif
};

static bool is_left(int number)
{
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] == number)
			return true;
	return false;
}

static bool has_no_other_call(void *context)
{
	(void)context;
	if (!lock())
		return false;
	for (int number = 0; number < 1024; number++) {
		if (is_left(number))
			continue;
		if (syscall(number, -1, -1, -1, -1, -1, -1) == -1 &&
		    errno == EPERM)
			continue;
		fprintf(stderr, "# system call %d: %d\n", number, errno);
		return false;
	}
	return true;
}

static void no_other_call_is_left(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	skip_with_sanitizer();
	assert_int_equal(in_runtime(has_no_other_call, NULL), 0);
}

/* Advice of every kind leaves the code as it is. */
static bool advises(void *context)
{
	uint8_t *at = (uint8_t *)codearena_arena_base(f->arena);

	(void)context;
	if (!lock())
		return false;
	for (int advice = 0; advice < 128; advice++) {
		madvise(at, f->page, advice);
		if (execute(f->arena, f->fixed) != FIXED_VALUE)
			return false;
	}
	return true;
}

static void advice_changes_nothing(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	skip_with_sanitizer();
	assert_int_equal(in_runtime(advises, NULL), 0);
}

int main(void)
{
	struct CMUnitTest tests[WAYS + 2] = {
		cmocka_unit_test_setup_teardown(no_other_call_is_left,
						attempt_setup,
						attempt_teardown),
		cmocka_unit_test_setup_teardown(advice_changes_nothing,
						attempt_setup,
						attempt_teardown),
	};

	for (size_t i = 0; i < WAYS; i++)
		tests[i + 2] = (struct CMUnitTest){
			.name = ways[i].name,
			.test_func = way_is_closed,
			.setup_func = attempt_setup,
			.teardown_func = attempt_teardown,
			.initial_state = (void *)&ways[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
