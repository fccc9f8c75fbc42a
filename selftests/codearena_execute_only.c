// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * An arena whose code can be executed and not read: every way of reading it is
 * refused, and all the rest works. Where the processor does not enforce it
 * against loads, RESERVE says so, and with CODEARENA_RESERVE_F_UNENFORCED only what
 * reads as a load does may succeed.
 */
#include "lib/harness.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/trap_code.h"

#define EXECUTE_ONLY	CODEARENA_RESERVE_F_EXECUTE_ONLY
#define UNENFORCED	CODEARENA_RESERVE_F_UNENFORCED
#define PATTERN		"/proc/sys/kernel/core_pattern"
#define CORE		"/tmp/codearena-core"

static bool enforced(void)
{
	struct codearena_query query = {};
	int fd = device_open(O_RDWR);

	if (fd < 0 || do_query(fd, &query))
		abort();
	close(fd);
	return query.out_features & CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED;
}

FIXTURE(execute_only)
{
	struct trap_arena t;
	int fd;
	uint8_t *view;
	bool enforced;
};

/* Page 1 holds a function. */
FIXTURE_SETUP(execute_only)
{
	uint8_t code[CODE_SIZE];

	trap_handlers();
	self->enforced = enforced();
	ASSERT_ZERO(trap_arena_new_flags(&self->t, 16, EXECUTE_ONLY |
					 (self->enforced ? 0 : UNENFORCED)));
	self->fd = self->t.fd;
	self->view = self->t.arena.view;
	code_return(code, CODE_VALUE);
	ASSERT_ZERO(do_publish1(self->fd, self->t.arena.page, code, CODE_SIZE,
				0));
}

FIXTURE_TEARDOWN(execute_only)
{
	trap_arena_free(&self->t);
}

#define CODE (self->view + self->t.arena.page)

TEST(reserve_says_whether_it_is_enforced)
{
	struct codearena_query query;
	int fd = device_open(O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_ZERO(do_query(fd, &query));
	EXPECT_NE(0, query.out_features & CODEARENA_FEATURE_EXECUTE_ONLY);
	EXPECT_ERRNO(EINVAL, do_reserve(fd, query.out_page_size, UNENFORCED, 0,
					""));
	if (enforced()) {
		EXPECT_ZERO(do_reserve(fd, query.out_page_size, EXECUTE_ONLY, 0,
				       ""));
	} else {
		EXPECT_ERRNO(EOPNOTSUPP,
			     do_reserve(fd, query.out_page_size, EXECUTE_ONLY,
					0, ""));
	}
	close(fd);
	fd = device_open(O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_ZERO(do_reserve(fd, query.out_page_size,
			       EXECUTE_ONLY | UNENFORCED, 0, ""));
	close(fd);
	printf("# %s against loads\n",
	       enforced() ? "enforced" : "not enforced");
}

TEST_F(execute_only, executes)
{
	struct arena *a = &self->t.arena;
	uint8_t code[CODE_SIZE];

	EXPECT_RETURNS(CODE_VALUE, CODE);
	code_return(code, 7);
	ASSERT_ZERO(do_publish1(self->fd, a->page, code, CODE_SIZE,
				CODEARENA_OBJECT_F_REPLACE |
				CODEARENA_OBJECT_F_PATCHABLE));
	EXPECT_RETURNS(7, CODE);
	ASSERT_ZERO(do_discard1(self->fd, a->page, a->granule));
	EXPECT_ZERO(do_publish1(self->fd, a->page, code, CODE_SIZE, 0));
	EXPECT_RETURNS(7, CODE);
}

TEST_F(execute_only, traps)
{
	struct trap_state *state = trap_state_new();
	struct trap_arena *t = &self->t;
	struct site site;
	uint64_t id;

	ASSERT_ZERO(site_new_at(t, &code_load, 3 * t->arena.page, &site));
	ASSERT_ZERO(site_protect(t, &site, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, &id));
	trap_access(state, site_entry(t, &site), t->guard + 16);
	EXPECT_LANDED(state, pad_address(t));
	EXPECT_REPORTED(state, site_pc(t, &site), (uintptr_t)t->guard + 16);
	trap_state_free(state);
}

TEST_F(execute_only, loads)
{
	uint8_t bytes[CODE_SIZE];

	/* Before the page is there, and when it is. */
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(self->enforced ? SIGSEGV : 0,
			  guarded_read(bytes, CODE, sizeof(bytes)));
		EXPECT_RETURNS(CODE_VALUE, CODE);
	}
	EXPECT_EQ(SIGSEGV, guarded_store(CODE, 0));
}

static void *load_thread(void *argument)
{
	uint8_t bytes[CODE_SIZE];

	return (void *)(intptr_t)guarded_read(bytes, argument, sizeof(bytes));
}

static int load_child(void *argument)
{
	return (int)(intptr_t)load_thread(argument);
}

static int in_handler;
static const void *handler_address;

static void load_handler(int signo)
{
	(void)signo;
	in_handler = (int)(intptr_t)load_thread((void *)handler_address);
}

TEST_F(execute_only, loads_elsewhere)
{
	int wanted = self->enforced ? SIGSEGV : 0;
	pthread_t thread;
	void *result;

	EXPECT_RETURNS(CODE_VALUE, CODE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_thread, CODE));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(wanted, (intptr_t)result);
	EXPECT_EQ(wanted, run_child(load_child, CODE));
	handler_address = CODE;
	signal(SIGUSR1, load_handler);
	raise(SIGUSR1);
	EXPECT_EQ(wanted, in_handler);
}

TEST_F(execute_only, rights_of_a_mapping)
{
	static const int refused[] = {
		PROT_READ, PROT_READ | PROT_EXEC, PROT_WRITE,
		PROT_WRITE | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	uint64_t page = self->t.arena.page;
	int shared = do_share(self->fd);
	uint8_t bytes[1];
	void *view;

	ASSERT_LE(0, shared);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_ERRNO(EACCES, (long)mmap(NULL, page, refused[i],
						MAP_SHARED, self->fd, 0));
		EXPECT_ERRNO(EACCES, (long)mmap(NULL, page, refused[i],
						MAP_SHARED, shared, 0));
		EXPECT_ERRNO(EACCES, mprotect(self->view, page, refused[i]));
	}
	view = mmap(NULL, 2 * page, PROT_NONE, MAP_SHARED, shared, 0);
	ASSERT_NE(MAP_FAILED, view);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		EXPECT_ERRNO(EACCES, mprotect(view, page, refused[i]));
	EXPECT_ZERO(mprotect(view, 2 * page, PROT_EXEC));
	EXPECT_RETURNS(CODE_VALUE, (uint8_t *)view + page);
	EXPECT_EQ(self->enforced ? SIGSEGV : 0,
		  guarded_read(bytes, (uint8_t *)view + page, 1));
	/* Which errno depends on the kernel. */
	EXPECT_EQ(MAP_FAILED, mremap(view, 2 * page, 2 * page,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	EXPECT_EQ(MAP_FAILED, mremap(view, 0, page, MREMAP_MAYMOVE));
	munmap(view, 2 * page);
	close(shared);
}

/* A key of the program's own does not forbid reading. */
TEST_F(execute_only, other_protection_keys)
{
	uint64_t page = self->t.arena.page;
	uint8_t bytes[1];
	long key;

	key = syscall(SYS_pkey_alloc, 0, 0);
	if (key < 0)
		SKIP(return, "no protection keys: %s", strerror(errno));
	if (self->enforced) {
		EXPECT_ERRNO(EACCES, syscall(SYS_pkey_mprotect, self->view,
					     2 * page, PROT_EXEC, key));
		EXPECT_ERRNO(EACCES, syscall(SYS_pkey_mprotect, self->view,
					     2 * page, PROT_EXEC, 0));
	}
	EXPECT_ERRNO(EACCES, syscall(SYS_pkey_mprotect, self->view, 2 * page,
				     PROT_READ | PROT_EXEC, key));
	/* It may be any while nothing is allowed. */
	EXPECT_ZERO(syscall(SYS_pkey_mprotect, self->view, 2 * page, PROT_NONE,
			    key));
	EXPECT_ZERO(mprotect(self->view, 2 * page, PROT_EXEC));
	EXPECT_EQ(self->enforced ? SIGSEGV : 0, guarded_read(bytes, CODE, 1));
	EXPECT_RETURNS(CODE_VALUE, CODE);
	syscall(SYS_pkey_free, key);
}

/* A process that has used up its keys. */
static int no_key_child(void *unused)
{
	struct arena a;

	(void)unused;
	while (syscall(SYS_pkey_alloc, 0, 0) > 0)
		;
	CHECK(arena_new(&a, 1, EXECUTE_ONLY, 0) == -1);
	CHECK(errno == EACCES);
	return 0;
}

TEST(no_protection_key_left)
{
	long key;

	if (!enforced())
		SKIP(return, "not enforced here");
	key = syscall(SYS_pkey_alloc, 0, 0);
	if (key < 0)
		SKIP(return, "no protection keys: %s", strerror(errno));
	syscall(SYS_pkey_free, key);
	EXPECT_EQ(0, run_child(no_key_child, NULL));
}

/* System calls that read as a load does, on a processor that lets them or not. */
#define EXPECT_COPY(call)						\
	do {								\
		if (self->enforced)					\
			EXPECT_ERRNO(EFAULT, call);			\
		else							\
			EXPECT_LE(0, call);				\
	} while (0)

TEST_F(execute_only, system_calls_that_copy)
{
	struct iovec iov = { CODE, CODE_SIZE }, to = { NULL, CODE_SIZE };
	uint8_t bytes[CODE_SIZE];
	int pipes[2], file;
	struct arena other;

	EXPECT_RETURNS(CODE_VALUE, CODE);
	ASSERT_ZERO(pipe(pipes));
	file = memfd_create("copy", 0);
	ASSERT_LE(0, file);
	ASSERT_ZERO(arena_new(&other, 1, 0, 0));
	ASSERT_ZERO(do_commit(other.fd, 0, other.page));
	to.iov_base = bytes;
	EXPECT_COPY(write(pipes[1], CODE, CODE_SIZE));
	EXPECT_COPY(write(file, CODE, CODE_SIZE));
	EXPECT_COPY(pwritev(file, &iov, 1, 0));
	EXPECT_COPY(process_vm_writev(getpid(), &iov, 1, &to, 1, 0));
	/* The arena does not read for its owner either. */
	EXPECT_COPY(do_write1(other.fd, 0, CODE, CODE_SIZE));
	EXPECT_COPY(do_publish1(other.fd, 0, CODE, CODE_SIZE, 0));
	arena_free(&other);
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(execute_only, system_calls_that_pin)
{
	struct iovec iov = { CODE, CODE_SIZE }, to;
	uint8_t bytes[CODE_SIZE];
	int pipes[2], mem;

	EXPECT_RETURNS(CODE_VALUE, CODE);
	ASSERT_ZERO(pipe(pipes));
	to = (struct iovec) { bytes, sizeof(bytes) };
	EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &to, 1, &iov, 1, 0));
	/* Newer kernels pin no page of a device without VM_READ in any case. */
	if (self->enforced || vmsplice(pipes[1], &iov, 1, 0) < 0)
		EXPECT_ERRNO(EFAULT, vmsplice(pipes[1], &iov, 1, 0));
	mem = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, mem);
	EXPECT_ERRNO(EIO, pread(mem, bytes, sizeof(bytes),
				(off_t)(uintptr_t)CODE));
	EXPECT_ERRNO(EIO, pwrite(mem, bytes, sizeof(bytes),
				 (off_t)(uintptr_t)CODE));
	EXPECT_ERRNO(EFAULT, syscall(SYS_futex, (uintptr_t)CODE & ~3UL,
				     FUTEX_WAKE, 1));
	close(mem);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(execute_only, the_handle)
{
	uint8_t bytes[CODE_SIZE];
	int pipes[2], file;
	loff_t at = 0;

	ASSERT_ZERO(pipe(pipes));
	file = memfd_create("copy", 0);
	ASSERT_LE(0, file);
	EXPECT_ERRNO(EINVAL, read(self->fd, bytes, sizeof(bytes)));
	EXPECT_EQ(-1, pread(self->fd, bytes, sizeof(bytes), 0));
	EXPECT_ERRNO(EINVAL, sendfile(file, self->fd, NULL, 4096));
	EXPECT_EQ(-1, splice(self->fd, &at, pipes[1], NULL, 4096, 0));
	EXPECT_EQ(-1, copy_file_range(self->fd, &at, file, NULL, 4096, 0));
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

/* It executes the code, stops, and would end well. */
static int stopped_child(void *code)
{
	uint32_t result;

	CHECK(guarded_call(code, &result) == 0 && result == CODE_VALUE);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	CHECK(guarded_call(code, &result) == 0 && result == CODE_VALUE);
	return 0;
}

TEST_F(execute_only, debuggers)
{
	struct iovec to, from = { CODE, CODE_SIZE };
	uint8_t bytes[CODE_SIZE];
	char path[32];
	int status, mem;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(stopped_child(CODE));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_ERRNO(EIO, ptrace(PTRACE_PEEKTEXT, pid, CODE, NULL));
	EXPECT_ERRNO(EIO, ptrace(PTRACE_PEEKDATA, pid, CODE, NULL));
	EXPECT_ERRNO(EIO, ptrace(PTRACE_POKETEXT, pid, CODE, NULL));
	to = (struct iovec) { bytes, sizeof(bytes) };
	EXPECT_ERRNO(EFAULT, process_vm_readv(pid, &to, 1, &from, 1, 0));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	ASSERT_LE(0, mem);
	EXPECT_ERRNO(EIO, pread(mem, bytes, sizeof(bytes),
				(off_t)(uintptr_t)CODE));
	close(mem);
	ASSERT_ZERO(ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void crash(void)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (chdir("/tmp") || setrlimit(RLIMIT_CORE, &limit))
		_exit(1);
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	_exit(1);
}

/* A function that occurs nowhere else, to be looked for. */
TEST_F(execute_only, core_files)
{
	uint8_t code[4 * CODE_SIZE], *core;
	char pattern[256];
	size_t size = 0;
	int status, fd;
	pid_t pid;

	if (read_file(PATTERN, pattern, sizeof(pattern)) ||
	    write_file(PATTERN, CORE))
		SKIP(return, "cannot set %s", PATTERN);
	EXPECT_ERRNO(EINVAL, madvise(self->view, self->t.arena.page,
				     MADV_DODUMP));
	for (unsigned int i = 0; i < 4; i++)
		code_return(code + i * CODE_SIZE, 0x51ce7a00 + i);
	ASSERT_ZERO(do_publish1(self->fd, 4 * self->t.arena.page, code,
				sizeof(code), 0));
	EXPECT_RETURNS(0x51ce7a00, self->view + 4 * self->t.arena.page);
	/* The only copy is the arena's. */
	memset(code, 0, sizeof(code));
	unlink(CORE);
	pid = fork();
	if (!pid)
		crash();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	write_file(PATTERN, pattern);
	if (!WIFSIGNALED(status) || !WCOREDUMP(status))
		SKIP(return, "the kernel writes no core files");
	fd = open(CORE, O_RDONLY);
	ASSERT_LE(0, fd);
	size = (size_t)lseek(fd, 0, SEEK_END);
	ASSERT_LT(4096, size);
	core = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)core);
	for (unsigned int i = 0; i < 4; i++)
		code_return(code + i * CODE_SIZE, 0x51ce7a00 + i);
	EXPECT_EQ(NULL, memmem(core, size, code, sizeof(code)));
	munmap(core, size);
	close(fd);
	unlink(CORE);
}

/* PATCH compares, for who may change the code. */
TEST_F(execute_only, patches)
{
	uint64_t word = 0xb8c3c3c3c3c3c3c3;

	ASSERT_ZERO(do_publish1(self->fd, 5 * self->t.arena.page, &word, 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	EXPECT_ERRNO(EAGAIN, do_patch1(self->fd, 5 * self->t.arena.page, 8,
				       word + 1, 1));
	EXPECT_ZERO(do_patch1(self->fd, 5 * self->t.arena.page, 8, word, 1));
}

TEST_HARNESS_MAIN
