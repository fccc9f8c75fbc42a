// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Who may change an arena: the address space that reserved it. */
#include "lib/harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/commands.h"

/* Its value: the handle's descriptor, a comma, the expected errno. */
#define HELPER_VARIABLE "CODEARENA_SELFTEST_VISIT"
#define NOBODY 65534

/* What another process sees: an arena, and the results of the commands. */
struct visit {
	struct arena arena;
	int fd;
	int expected_errno;	/* of commands that change; 0: they succeed */
};

static int check_commands(const struct visit *visit)
{
	struct command_call call;

	for (unsigned int i = 0; i < COMMAND_COUNT; i++) {
		int ret;

		if (i == COMMAND_RESERVE)
			continue;
		command_prepare(i, &visit->arena, &call);
		ret = ioctl(visit->fd, commands[i].request, &call);
		if (commands[i].changes && visit->expected_errno) {
			CHECK(ret == -1);
			CHECK(errno == visit->expected_errno);
		} else {
			CHECK(ret == 0);
			if (commands[i].makes_handle)
				CHECK(close(call.share.out_fd) == 0);
		}
	}
	return 0;
}

/* Map anew and run: everybody who has a handle may. The view stays. */
static int check_execution(const struct visit *visit)
{
	uint32_t result = 0;
	uint8_t *view = arena_map(&visit->arena, visit->fd);

	CHECK(view != MAP_FAILED);
	CHECK(guarded_store(view, 0) == SIGSEGV);
	if (HAVE_CODE) {
		CHECK(guarded_call(view, &result) == 0);
		CHECK(result == CODE_VALUE);
	}
	return 0;
}

static int visit_arena(void *arg)
{
	struct visit *visit = arg;

	/* The other handle is what this process has. */
	visit->arena.fd = visit->fd;
	return check_execution(visit) || check_commands(visit);
}

/*
 * The program executes itself to be a process that has nothing but the handle:
 * with the variable set it answers by its exit status and runs no test.
 */
static void __attribute__((constructor)) be_helper(void)
{
	const char *value = getenv(HELPER_VARIABLE);
	struct visit visit = { .arena.fd = -1 };
	struct codearena_query query;
	struct codearena_stat stat;

	if (!value)
		return;
	if (sscanf(value, "%d,%d", &visit.fd, &visit.expected_errno) != 2)
		_exit(2);
	if (do_query(visit.fd, &query) || do_stat(visit.fd, &stat))
		_exit(2);
	visit.arena.length = stat.out_length;
	visit.arena.page = query.out_page_size;
	visit.arena.granule = query.out_granule;
	_exit(visit_arena(&visit));
}

FIXTURE(owner)
{
	struct visit visit;
	struct arena *arena;
};

FIXTURE_VARIANT(owner)
{
	uint32_t flags;
	int expected_errno;
};

FIXTURE_VARIANT_ADD(owner, alone)
{
	.flags = 0,
	.expected_errno = EPERM,
};

FIXTURE_VARIANT_ADD(owner, shared_writer)
{
	.flags = CODEARENA_RESERVE_F_SHARED_WRITER,
	.expected_errno = 0,
};

FIXTURE_SETUP(owner)
{
	self->arena = &self->visit.arena;
	ASSERT_ZERO(arena_new(self->arena, POPULATED_PAGES, variant->flags, 0));
	ASSERT_ZERO(arena_populate(self->arena));
	self->visit.fd = self->arena->fd;
	self->visit.expected_errno = variant->expected_errno;
}

FIXTURE_TEARDOWN(owner)
{
	arena_free(self->arena);
}

/* The visit succeeds, and changes the arena only if it may. */
#define EXPECT_VISIT(function)						\
	do {								\
		struct snapshot *before_ = snapshot(self->arena);	\
									\
		EXPECT_EQ(0, run_child(function, &self->visit));	\
		EXPECT_EQ(self->visit.expected_errno != 0,		\
			  expect_unchanged(self->arena, before_));	\
	} while (0)

TEST_F(owner, forked_child)
{
	EXPECT_VISIT(visit_arena);
	/* The parent has lost nothing by it. */
	EXPECT_ZERO(do_commit(self->arena->fd,
			      page_at(self->arena, POPULATED_PAGES - 1),
			      self->arena->page));
}

static int inherited_view(void *arg)
{
	const struct visit *visit = arg;
	uint32_t result = 0;

	if (HAVE_CODE) {
		CHECK(guarded_call(visit->arena.view, &result) == 0);
		CHECK(result == CODE_VALUE);
	}
	CHECK(guarded_store(visit->arena.view, 0) == SIGSEGV);
	CHECK_ERRNO(EACCES, mprotect(visit->arena.view, visit->arena.length,
				     PROT_READ | PROT_WRITE));
	return visit_arena(arg);
}

TEST_F(owner, inherited_view)
{
	EXPECT_VISIT(inherited_view);
}

static int grandchild(void *arg)
{
	return run_child(visit_arena, arg);
}

TEST_F(owner, grandchild)
{
	EXPECT_VISIT(grandchild);
}

static int shared_handle(void *arg)
{
	struct visit *visit = arg;
	int fd = do_share(visit->fd);

	CHECK(fd >= 0);
	visit->fd = fd;
	visit->expected_errno = EBADF;
	return visit_arena(visit);
}

/* A SHARE handle changes nothing, whoever uses it, whatever RESERVE said. */
TEST_F(owner, shared_handle)
{
	struct visit own = self->visit;
	struct snapshot *before = snapshot(self->arena);

	EXPECT_EQ(0, run_child(shared_handle, &self->visit));
	EXPECT_EQ(0, shared_handle(&own));
	close(own.fd);
	EXPECT_TRUE(expect_unchanged(self->arena, before));
}

static int execute_helper(void *arg)
{
	const struct visit *visit = arg;
	char *argv[] = { (char *)"helper", NULL };
	char variable[64];
	char *envp[] = { variable, NULL };

	snprintf(variable, sizeof(variable), HELPER_VARIABLE "=%d,%d",
		 visit->fd, visit->expected_errno);
	CHECK(fcntl(visit->fd, F_SETFD, 0) == 0);
	execve("/proc/self/exe", argv, envp);
	CHECK(!"execve returned");
	return 1;
}

TEST_F(owner, executed_program)
{
	EXPECT_VISIT(execute_helper);
}

/* The reserving process itself becomes another address space by exec. */
static int reserve_and_execute(void *arg)
{
	struct visit visit = *(struct visit *)arg;
	uint32_t flags = visit.expected_errno ?
			 0 : CODEARENA_RESERVE_F_SHARED_WRITER;

	CHECK(arena_new(&visit.arena, POPULATED_PAGES, flags, 0) == 0);
	CHECK(arena_populate(&visit.arena) == 0);
	visit.fd = visit.arena.fd;
	return execute_helper(&visit);
}

TEST_F(owner, owner_after_exec)
{
	EXPECT_EQ(0, run_child(reserve_and_execute, &self->visit));
}

TEST_F(owner, handle_closes_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->arena->fd, F_GETFD));
}

static int same_memory(void *arg)
{
	/* No CHECK: the parent's memory is shared, its stdio as well. */
	const struct visit *visit = arg;

	return do_commit(visit->fd, page_at(&visit->arena, RESERVED_PAGE + 1),
			 visit->arena.page) ? 1 : 0;
}

/* The owner is the address space, not the process. */
TEST_F(owner, process_of_the_same_memory)
{
	uint8_t *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)stack);
	pid = clone(same_memory, stack + 65536,
		    CLONE_VM | CLONE_VFORK | SIGCHLD, &self->visit);
	ASSERT_LE(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

static void *thread_commits(void *arg)
{
	return (void *)(intptr_t)same_memory(arg);
}

TEST_F(owner, thread)
{
	pthread_t thread;
	void *result = (void *)1;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_commits,
				    &self->visit));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
}

static int send_fd(int socket, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 ||
	    !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* The socket comes in visit->fd; the arena is known only by what arrives. */
static int receive_and_visit(void *arg)
{
	struct visit *visit = arg;
	int socket = visit->fd;

	visit->fd = receive_fd(socket);
	CHECK(visit->fd >= 0);
	return visit_arena(visit);
}

/*
 * A process that never saw the arena: forked before it was reserved, so that
 * handle and view reach it by the socket alone.
 */
#define EXPECT_PASSED(share, expected)					\
	do {								\
		int sockets_[2], status_, fd_;				\
		struct visit visit_ = self->visit;			\
		pid_t pid_;						\
									\
		ASSERT_ZERO(socketpair(AF_UNIX, SOCK_STREAM |		\
				       SOCK_CLOEXEC, 0, sockets_));	\
		arena_free(self->arena);				\
		visit_.arena.fd = -1;					\
		visit_.arena.view = NULL;				\
		visit_.fd = sockets_[1];				\
		visit_.expected_errno = expected;			\
		pid_ = fork();						\
		ASSERT_LE(0, pid_);					\
		if (!pid_)						\
			_exit(receive_and_visit(&visit_));		\
		ASSERT_ZERO(arena_new(self->arena, POPULATED_PAGES,	\
				      variant->flags, 0));		\
		ASSERT_ZERO(arena_populate(self->arena));		\
		fd_ = share ? do_share(self->arena->fd) :		\
			      self->arena->fd;				\
		ASSERT_LE(0, fd_);					\
		ASSERT_ZERO(send_fd(sockets_[0], fd_));			\
		ASSERT_EQ(pid_, waitpid(pid_, &status_, 0));		\
		EXPECT_EQ(0, status_);					\
		close(sockets_[0]);					\
		close(sockets_[1]);					\
	} while (0)

TEST_F(owner, handle_passed_over_a_socket)
{
	EXPECT_PASSED(false, variant->expected_errno);
}

TEST_F(owner, shared_handle_passed_over_a_socket)
{
	EXPECT_PASSED(true, EBADF);
}

/* A handle taken out of the owner is that of a stranger. */
static int take_handle(void *arg)
{
	struct visit *visit = arg;
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	int fd;

	CHECK(pidfd >= 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, visit->fd, 0);
	if (fd < 0 && errno == EPERM)
		return 77;
	CHECK(fd >= 0);
	visit->fd = fd;
	return visit_arena(visit);
}

TEST_F(owner, handle_taken_by_pidfd)
{
	int status;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	status = run_child(take_handle, &self->visit);
	if (status == 77)
		SKIP(return, "not allowed to use pidfd_getfd()");
	EXPECT_EQ(0, status);
}

FIXTURE(node)
{
	char path[32];
};

FIXTURE_SETUP(node)
{
	struct stat device;

	ASSERT_ZERO(stat(DEVICE, &device));
	ASSERT_TRUE(S_ISCHR(device.st_mode));
	snprintf(self->path, sizeof(self->path), "/tmp/codearena.%d", getpid());
	unlink(self->path);
	if (mknod(self->path, S_IFCHR | 0600, device.st_rdev))
		self->path[0] = 0;
}

FIXTURE_TEARDOWN(node)
{
	if (self->path[0])
		unlink(self->path);
}

static int open_as_nobody(void *arg)
{
	int fd;

	CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	fd = open(arg, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	/* The right to open the node is the only privilege needed. */
	CHECK(do_reserve(fd, 1 << 20, 0, 0, "nobody") == 0);
	CHECK(do_commit(fd, 0, 1 << 16) == 0);
	CHECK(do_publish1(fd, 0, "code", 4, 0) == 0);
	return 0;
}

TEST_F(node, rights_decide_who_opens)
{
	if (!self->path[0])
		SKIP(return, "not allowed to make a device node");
	EXPECT_EQ(EACCES, run_child(open_as_nobody, self->path));
	ASSERT_ZERO(chmod(self->path, 0444));
	EXPECT_EQ(EACCES, run_child(open_as_nobody, self->path));
	ASSERT_ZERO(chmod(self->path, 0666));
	EXPECT_EQ(0, run_child(open_as_nobody, self->path));
}

/* Close while a thread executes: its view holds the code. */
struct runner {
	const uint8_t *view;
	bool stop;
	unsigned long calls;
	unsigned long wrong;
};

static void *run_until_stopped(void *arg)
{
	struct runner *runner = arg;
	uint32_t result;

	while (!__atomic_load_n(&runner->stop, __ATOMIC_ACQUIRE)) {
		if (guarded_call(runner->view, &result) || result != CODE_VALUE)
			runner->wrong++;
		__atomic_add_fetch(&runner->calls, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(owner, close_while_a_thread_executes)
{
	struct runner runner = { .view = self->arena->view };
	unsigned long calls;
	pthread_t thread;

	if (!HAVE_CODE)
		SKIP(return, "no code for this architecture");
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_until_stopped, &runner));
	while (!__atomic_load_n(&runner.calls, __ATOMIC_ACQUIRE))
		sched_yield();
	close(self->arena->fd);
	self->arena->fd = -1;
	calls = __atomic_load_n(&runner.calls, __ATOMIC_ACQUIRE);
	while (__atomic_load_n(&runner.calls, __ATOMIC_ACQUIRE) < calls + 1000)
		sched_yield();
	__atomic_store_n(&runner.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, runner.wrong);
}

/* The child's views are its own: the parent's death leaves them alone. */
static int outlive_parent(void *arg)
{
	struct visit *visit = arg;
	uint32_t result = 0;
	int pipes[2];
	char byte;
	pid_t pid;

	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid) {
		/* The middle process reserves nothing and waits for no one. */
		close(pipes[0]);
		return 0;
	}
	close(pipes[1]);
	CHECK(read(pipes[0], &byte, 1) == 0);
	CHECK(guarded_call(visit->arena.view, &result) == 0);
	CHECK(result == CODE_VALUE);
	visit->expected_errno = EPERM;
	return check_commands(visit);
}

static int reserve_and_leave(void *arg)
{
	struct visit visit = { .expected_errno = EPERM };

	(void)arg;
	CHECK(arena_new(&visit.arena, POPULATED_PAGES, 0, 0) == 0);
	CHECK(arena_populate(&visit.arena) == 0);
	visit.fd = visit.arena.fd;
	return outlive_parent(&visit);
}

/* The owner is gone for good: a new process never becomes it by chance. */
TEST_F(owner, owner_that_has_died)
{
	int status;

	if (!HAVE_CODE)
		SKIP(return, "no code for this architecture");
	/* The orphan becomes a child of this process, which waits for it. */
	ASSERT_ZERO(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	ASSERT_EQ(0, run_child(reserve_and_leave, NULL));
	ASSERT_LE(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
