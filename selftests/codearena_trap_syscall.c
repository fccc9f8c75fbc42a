// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The kernel's own accesses to guard memory, on behalf of system calls and of
 * other processes: they fail, and redirect nobody.
 */
#include "lib/harness.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/trap_code.h"

/* Bytes in a pipe, for calls that would move them. */
#define PIPE_BYTES 100

FIXTURE(kernel)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site load;
	struct site call;
	int pipe[2];
};

FIXTURE_SETUP(kernel)
{
	struct trap_arena *t = &self->t;
	struct codearena_trap all;
	char bytes[PIPE_BYTES];

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(t, &code_load, &self->load));
	ASSERT_ZERO(site_protect(t, &self->load, t->pad.start, 0, NULL));
	ASSERT_ZERO(site_new(t, &code_system_call, &self->call));
	/* The call, and where the program counter is meanwhile. */
	all = trap_of(0, (uint32_t)self->call.length, t->pad.start);
	ASSERT_ZERO(do_register(t->fd, self->call.start, self->call.length,
				&all, 1, CODEARENA_TRAP_F_REPORT, NULL));
	ASSERT_ZERO(pipe(self->pipe));
	memset(bytes, 'x', sizeof(bytes));
	ASSERT_EQ(PIPE_BYTES, write(self->pipe[1], bytes, sizeof(bytes)));
}

FIXTURE_TEARDOWN(kernel)
{
	EXPECT_EQ(0, trap_signals);
	/* Nothing has landed, and all would have. */
	EXPECT_EQ(0, traps_fixed(self->t.fd));
	trap_access(self->state, site_entry(&self->t, &self->load),
		    self->t.guard + 4 * self->t.arena.page);
	EXPECT_LANDED(self->state, pad_address(&self->t));
	close(self->pipe[0]);
	close(self->pipe[1]);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#if defined(__riscv)
#define REG_RESULT	10
#else
#define REG_RESULT	0
#endif

/* A system call made by code in the arena, in a protected range. */
static long call_from_arena(const struct trap_arena *t,
			    const struct site *site, struct trap_state *state,
			    long number, uint64_t a, uint64_t b, uint64_t c)
{
	trap_prepare(state);
#if defined(__x86_64__)
	state->in.gpr[0] = (uint64_t)number;
	state->in.gpr[7] = a;
	state->in.gpr[6] = b;
	state->in.gpr[2] = c;
#elif defined(__riscv)
	state->in.gpr[17] = (uint64_t)number;
	state->in.gpr[10] = a;
	state->in.gpr[11] = b;
	state->in.gpr[12] = c;
#else
	state->in.gpr[8] = (uint64_t)number;
	state->in.gpr[0] = a;
	state->in.gpr[1] = b;
	state->in.gpr[2] = c;
#endif
	trap_go(state, site_entry(t, site));
	return (long)state->out.gpr[REG_RESULT];
}

#define EXPECT_CALL_FAULTS(number, a, b, c)				\
	do {								\
		EXPECT_EQ(-EFAULT,					\
			  call_from_arena(&self->t, &self->call,	\
					  self->state, number,		\
					  (uint64_t)(a), (uint64_t)(b),	\
					  (uint64_t)(c)));		\
		/* It went on after the call. */			\
		EXPECT_LANDED(self->state,				\
			      site_end(&self->t, &self->call));		\
		EXPECT_EQ(self->state->in.gpr[REG_REPORT_PC],		\
			  self->state->out.gpr[REG_REPORT_PC]);		\
	} while (0)

TEST_F(kernel, call_in_a_protected_range)
{
	uintptr_t guard = (uintptr_t)self->t.guard;
	char bytes[2 * PIPE_BYTES];
	long got;

	EXPECT_CALL_FAULTS(SYS_read, self->pipe[0], guard, PIPE_BYTES);
	EXPECT_CALL_FAULTS(SYS_write, self->pipe[1], guard, PIPE_BYTES);
	EXPECT_CALL_FAULTS(SYS_getrandom, guard, PIPE_BYTES, 0);
	EXPECT_CALL_FAULTS(SYS_clock_gettime, CLOCK_REALTIME, guard, 0);
	EXPECT_CALL_FAULTS(SYS_pipe2, guard, 0, 0);
	/* One that has nothing to do with the guard view succeeds. */
	got = call_from_arena(&self->t, &self->call, self->state, SYS_read,
			      (uint64_t)self->pipe[0], (uintptr_t)bytes,
			      sizeof(bytes));
	EXPECT_EQ(PIPE_BYTES, got);
}

TEST_F(kernel, read_and_write)
{
	uint8_t *guard = self->t.guard;
	char bytes[2 * PIPE_BYTES];
	struct stat stat;

	EXPECT_ERRNO(EFAULT, read(self->pipe[0], guard, PIPE_BYTES));
	EXPECT_ERRNO(EFAULT, write(self->pipe[1], guard, PIPE_BYTES));
	EXPECT_ERRNO(EFAULT, getrandom(guard, 16, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_newfstatat, AT_FDCWD, guard, &stat,
				     0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_newfstatat, AT_FDCWD, "/", guard, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_pipe2, guard, 0));
	EXPECT_ERRNO(EFAULT, open((char *)guard, O_RDONLY));
	/* The bytes are there still. */
	EXPECT_EQ(PIPE_BYTES, read(self->pipe[0], bytes, sizeof(bytes)));
}

TEST_F(kernel, half_in_real_memory)
{
	const uint64_t page = self->t.arena.page;
	uint8_t *real = mmap(self->t.guard, page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	uint8_t *edge = real + page;
	ssize_t n;

	ASSERT_EQ(self->t.guard, real);
	/* A call may transfer less than fits, or nothing, but not more. */
	n = read(self->pipe[0], edge - 10, PIPE_BYTES);
	EXPECT_TRUE((n > 0 && n <= 10) || (n == -1 && errno == EFAULT)) {
		TH_LOG("%zd: %s", n, strerror(errno));
	}
	n = getrandom(edge - 16, 64, 0);
	EXPECT_TRUE((n > 0 && n <= 16) || (n == -1 && errno == EFAULT)) {
		TH_LOG("%zd: %s", n, strerror(errno));
	}
}

TEST_F(kernel, vectors_and_messages)
{
	struct iovec good, bad = { self->t.guard, 16 };
	char bytes[16];
	struct msghdr message = { .msg_iov = &bad, .msg_iovlen = 1 };
	int sockets[2];

	good = (struct iovec) { bytes, sizeof(bytes) };
	EXPECT_ERRNO(EFAULT, readv(self->pipe[0], &bad, 1));
	EXPECT_ERRNO(EFAULT, readv(self->pipe[0], (void *)self->t.guard, 1));
	EXPECT_ERRNO(EFAULT, vmsplice(self->pipe[1], &bad, 1, 0));
	ASSERT_ZERO(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	EXPECT_ERRNO(EFAULT, sendmsg(sockets[0], &message, 0));
	message.msg_iov = &good;
	ASSERT_EQ(16, sendmsg(sockets[0], &message, 0));
	message.msg_iov = &bad;
	EXPECT_ERRNO(EFAULT, recvmsg(sockets[1], &message, 0));
	EXPECT_ERRNO(EFAULT, recvmsg(sockets[1], (void *)self->t.guard, 0));
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(kernel, futex)
{
	EXPECT_ERRNO(EFAULT, syscall(SYS_futex, self->t.guard,
				     FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL,
				     NULL, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_futex, self->t.guard, FUTEX_WAIT, 0,
				     NULL, NULL, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_futex, self->t.guard, FUTEX_LOCK_PI,
				     0, NULL, NULL, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_futex, self->t.guard, FUTEX_WAKE, 1,
				     NULL, NULL, 0));
}

TEST_F(kernel, commands_of_the_device)
{
	struct codearena_trap *traps = (void *)self->t.guard;
	uint64_t offset = self->t.next;

	EXPECT_ERRNO(EFAULT, do_publish1(self->t.fd, offset, self->t.guard, 64,
					 0));
	EXPECT_ERRNO(EFAULT, do_write1(self->t.fd, offset, self->t.guard, 64));
	EXPECT_ERRNO(EFAULT, do_register(self->t.fd, self->t.pad.start, 16,
					 traps, 1, 0, NULL));
	EXPECT_ERRNO(EFAULT, do_publish(self->t.fd, (void *)self->t.guard, 1,
					NULL, 0, 0));
	EXPECT_ERRNO(EFAULT, ioctl(self->t.fd, CODEARENA_STAT, self->t.guard));
}

TEST_F(kernel, process_vm)
{
	char bytes[16];
	struct iovec local = { bytes, sizeof(bytes) };
	struct iovec guard = { self->t.guard, sizeof(bytes) };

	EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &local, 1, &guard, 1,
					      0));
	EXPECT_ERRNO(EFAULT, process_vm_writev(getpid(), &local, 1, &guard, 1,
					       0));
	EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &guard, 1, &local, 1,
					      0));
}

TEST_F(kernel, proc_mem)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	off_t at = (off_t)(uintptr_t)self->t.guard;
	char bytes[16] = { 0 };

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EIO, pread(fd, bytes, sizeof(bytes), at));
	EXPECT_ERRNO(EIO, pwrite(fd, bytes, sizeof(bytes), at));
	close(fd);
}

TEST_F(kernel, other_process)
{
	char bytes[16];
	struct iovec local = { bytes, sizeof(bytes) };
	struct iovec guard = { self->t.guard, sizeof(bytes) };
	int status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_ERRNO(EIO, ptrace(PTRACE_PEEKDATA, child, self->t.guard, 0));
	EXPECT_ERRNO(EIO, ptrace(PTRACE_POKEDATA, child, self->t.guard, 1));
	EXPECT_ERRNO(EFAULT, process_vm_readv(child, &local, 1, &guard, 1, 0));
	EXPECT_ERRNO(EFAULT, process_vm_writev(child, &local, 1, &guard, 1,
					       0));
	ASSERT_ZERO(ptrace(PTRACE_CONT, child, 0, 0));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* userfaultfd has no page to fill in. */
TEST_F(kernel, userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)self->t.guard, self->t.arena.page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_ZERO(ioctl(fd, UFFDIO_API, &api));
	EXPECT_ERRNO(EINVAL, ioctl(fd, UFFDIO_REGISTER, &range));
	close(fd);
}

/**
 * struct ring - the least of an io_uring
 * @fd: of it
 * @queues: the shared memory
 * @entries: where submissions are written
 * @params: offsets in @queues
 */
struct ring {
	int fd;
	uint8_t *queues;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static int ring_new(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return -1;
	ring->queues = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			    ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			     ring->fd, (off_t)IORING_OFF_SQES);
	return ring->queues == MAP_FAILED ||
	       (void *)ring->entries == MAP_FAILED ? -1 : 0;
}

static uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(ring->queues + offset);
}

/* Submit one request and wait for it: what it answered. */
static int ring_do(const struct ring *ring, uint8_t opcode, int fd,
		   const void *address, uint32_t length, uint8_t flags)
{
	const struct io_sqring_offsets *sq = &ring->params.sq_off;
	const struct io_cqring_offsets *cq = &ring->params.cq_off;
	uint32_t *tail = ring_word(ring, sq->tail);
	uint32_t *head = ring_word(ring, cq->head);
	uint32_t slot = *tail & *ring_word(ring, sq->ring_mask);
	const struct io_uring_cqe *answer;

	ring->entries[slot] = (struct io_uring_sqe) {
		.opcode = opcode,
		.flags = flags,
		.fd = fd,
		.addr = (uintptr_t)address,
		.len = length,
		.off = -1ULL,
	};
	ring_word(ring, sq->array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) != 1)
		return -1000;
	answer = (void *)(ring->queues + cq->cqes);
	answer += *head & *ring_word(ring, cq->ring_mask);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return answer->res;
}

TEST_F(kernel, io_uring)
{
	struct iovec guard = { self->t.guard, PIPE_BYTES };
	char bytes[2 * PIPE_BYTES];
	struct ring ring;

	if (ring_new(&ring))
		SKIP(return, "no io_uring: %s", strerror(errno));
	for (int async = 0; async < 2; async++) {
		uint8_t flags = async ? IOSQE_ASYNC : 0;

		EXPECT_EQ(-EFAULT, ring_do(&ring, IORING_OP_READ, self->pipe[0],
					   self->t.guard, PIPE_BYTES, flags));
		EXPECT_EQ(-EFAULT, ring_do(&ring, IORING_OP_WRITE,
					   self->pipe[1], self->t.guard,
					   PIPE_BYTES, flags));
	}
	EXPECT_ERRNO(EFAULT, syscall(SYS_io_uring_register, ring.fd,
				     IORING_REGISTER_BUFFERS, &guard, 1));
	EXPECT_EQ(PIPE_BYTES, ring_do(&ring, IORING_OP_READ, self->pipe[0],
				      bytes, sizeof(bytes), 0));
	close(ring.fd);
}

TEST_HARNESS_MAIN
