// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Every known way to a writable view of memory that a process may read, or to
 * have the kernel write there: none of them changes a byte of code.
 */
#include "lib/harness.h"

#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/utils.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

FIXTURE(alias)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t length;
	struct snapshot *before;
};

FIXTURE_SETUP(alias)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->length = self->arena.length;
	self->before = snapshot(&self->arena);
}

/* True if no mapping of the device in this process has 'w'. */
static bool no_writable_view(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], rights[5];
	bool good = true;

	while (fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "codearena") || strstr(line, "/codearena_"))
			continue;
		if (sscanf(line, "%*x-%*x %4s", rights) != 1 ||
		    rights[1] == 'w') {
			fprintf(stderr, "# writable: %s", line);
			good = false;
		}
	}
	fclose(maps);
	return good;
}

/* After each test, whatever the kernel returned. */
FIXTURE_TEARDOWN(alias)
{
	EXPECT_TRUE(no_writable_view());
	EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view, 0x90));
	EXPECT_TRUE(expect_unchanged(&self->arena, self->before));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	arena_free(&self->arena);
}

TEST_F(alias, store)
{
	for (uint64_t at = 0; at < self->length; at += self->page) {
		EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view + at, 0x90));
		EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view + at +
						 self->page - 1, 0x90));
	}
}

TEST_F(alias, mremap_grow)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->arena.view, self->length,
				     self->length + self->page, 0));
	EXPECT_EQ(MAP_FAILED, mremap(self->arena.view, self->length,
				     self->length + self->page,
				     MREMAP_MAYMOVE));
}

TEST_F(alias, mremap_move)
{
	void *target = mmap(NULL, self->length, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *moved;

	ASSERT_NE(MAP_FAILED, target);
	moved = mremap(self->arena.view, self->length, self->length,
		       MREMAP_MAYMOVE | MREMAP_FIXED, target);
	if (moved != MAP_FAILED)
		self->arena.view = moved;
	EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view, 0));
}

TEST_F(alias, mremap_duplicate)
{
	uint8_t *copy = mremap(self->arena.view, 0, self->length,
			       MREMAP_MAYMOVE);

	if (copy != MAP_FAILED) {
		EXPECT_EQ(SIGSEGV, guarded_store(copy, 0));
		EXPECT_ERRNO(EACCES, mprotect(copy, self->length,
					      PROT_READ | PROT_WRITE));
	}
	copy = mremap(self->arena.view, self->length, self->length,
		      MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (copy != MAP_FAILED)
		EXPECT_EQ(SIGSEGV, guarded_store(copy, 0));
}

TEST_F(alias, remap_file_pages)
{
	static const int rights[] = {
		0, PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		long ret = syscall(SYS_remap_file_pages,
				   self->arena.view + 5 * self->page,
				   self->page, rights[i], 0, 0);

		if (ret)
			continue;
		EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view +
						 5 * self->page, 0));
		/* Map the view again, as the teardown expects it. */
		ASSERT_NE(MAP_FAILED,
			  mmap(self->arena.view, self->length,
			       PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
			       self->fd, 0));
	}
}

TEST_F(alias, proc_mem)
{
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint8_t byte = 0x90, bytes[CODE_SIZE];

	ASSERT_LE(0, mem);
	for (unsigned int i = CODE_PAGE; i < POPULATED_PAGES; i++)
		EXPECT_EQ(-1, pwrite(mem, &byte, 1, (off_t)(uintptr_t)
				     (self->arena.view + i * self->page)));
	/* Reading is what debuggers do. */
	EXPECT_EQ(CODE_SIZE, pread(mem, bytes, CODE_SIZE,
				   (off_t)(uintptr_t)self->arena.view));
	EXPECT_EQ(0, memcmp(bytes, self->arena.view, CODE_SIZE));
	/* Pages that the view does not show cannot be read. */
	EXPECT_EQ(-1, pread(mem, bytes, 1, (off_t)(uintptr_t)
			    (self->arena.view +
			     page_at(&self->arena, HIDDEN_PAGE))));
	close(mem);
}

TEST_F(alias, process_vm)
{
	uint8_t bytes[16] = { 0 };
	struct iovec local = { bytes, sizeof(bytes) };
	struct iovec remote = { self->arena.view, sizeof(bytes) };

	EXPECT_ERRNO(EFAULT, process_vm_writev(getpid(), &local, 1, &remote, 1,
					       0));
	EXPECT_EQ(sizeof(bytes),
		  process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(0, memcmp(bytes, self->arena.view, sizeof(bytes)));
	remote.iov_base = self->arena.view + page_at(&self->arena, HIDDEN_PAGE);
	EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &local, 1, &remote, 1,
					      0));
}

static int stop(void *arg)
{
	(void)arg;
	CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	raise(SIGSTOP);
	return 0;
}

/* From a tracer, into a process that has inherited the view. */
TEST_F(alias, ptrace)
{
	struct codearena_stat stat;
	int status, mem;
	char path[32];
	long word;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(stop(NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));

	for (unsigned int i = CODE_PAGE; i < POPULATED_PAGES; i++) {
		void *at = self->arena.view + i * self->page;

		EXPECT_ERRNO(EIO, ptrace(PTRACE_POKEDATA, pid, at, 0));
		EXPECT_ERRNO(EIO, ptrace(PTRACE_POKETEXT, pid, at, 0));
	}
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, self->arena.view, 0);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, memcmp(&word, self->arena.view, sizeof(word)));

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	EXPECT_EQ(-1, pwrite(mem, "x", 1, (off_t)(uintptr_t)self->arena.view));
	EXPECT_EQ(8, pread(mem, &word, 8, (off_t)(uintptr_t)self->arena.view));
	EXPECT_EQ(0, memcmp(&word, self->arena.view, sizeof(word)));
	close(mem);
	ASSERT_ZERO(do_stat(self->fd, &stat));

	ptrace(PTRACE_CONT, pid, 0, 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(alias, private_copy)
{
	/* No private mapping of the arena is possible. */
	EXPECT_ERRNO(EINVAL, mmap(NULL, self->page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE, self->fd, 0));
	EXPECT_ERRNO(EINVAL, mmap(self->arena.view, self->page,
				  PROT_READ | PROT_EXEC,
				  MAP_PRIVATE | MAP_FIXED, self->fd, 0));
	/* A refused MAP_FIXED may have removed what was there. */
	ASSERT_NE(MAP_FAILED, mmap(self->arena.view, self->length,
				   PROT_READ | PROT_EXEC,
				   MAP_SHARED | MAP_FIXED, self->fd, 0));
}

TEST_F(alias, userfaultfd)
{
	static const uint64_t modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		UFFDIO_REGISTER_MODE_MINOR,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_ZERO(ioctl(uffd, UFFDIO_API, &api));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct uffdio_register range = {
			.range.start = (uintptr_t)self->arena.view,
			.range.len = self->length,
			.mode = modes[i],
		};
		struct uffdio_copy copy = {
			.dst = (uintptr_t)self->arena.view + 5 * self->page,
			.src = (uintptr_t)self->arena.view,
			.len = self->page,
		};

		EXPECT_EQ(-1, ioctl(uffd, UFFDIO_REGISTER, &range));
		EXPECT_EQ(-1, ioctl(uffd, UFFDIO_COPY, &copy));
	}
	close(uffd);
}

TEST_F(alias, madvise)
{
	/* All but those that poison memory for the whole machine. */
	for (int advice = 0; advice < 128; advice++) {
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		madvise(self->arena.view, self->length, advice);
		EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view, 0))
			TH_LOG("after madvise(%d)", advice);
	}
	EXPECT_EQ(-1, madvise(self->arena.view, self->page,
			      MADV_POPULATE_WRITE));
	EXPECT_EQ(-1, madvise(self->arena.view, self->page, MADV_REMOVE));
	/* The child's view must come back, for the tests after this. */
	madvise(self->arena.view, self->length, MADV_DOFORK);
}

/* The kernel as the writer: the view is given as its output buffer. */
TEST_F(alias, system_calls_that_write)
{
	char path[] = "/proc/self/cmdline";
	int pipes[2], file = open(path, O_RDONLY | O_CLOEXEC);
	struct iovec vector = { self->arena.view, 8 };

	ASSERT_LE(0, file);
	ASSERT_ZERO(pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(8, write(pipes[1], "12345678", 8));
	EXPECT_ERRNO(EFAULT, pread(file, self->arena.view, 8, 0));
	EXPECT_ERRNO(EFAULT, read(pipes[0], self->arena.view, 8));
	EXPECT_ERRNO(EFAULT, readv(pipes[0], &vector, 1));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getrandom, self->arena.view, 8, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_clock_gettime, 1, self->arena.view));
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

/* The module as the writer: outputs go where the inputs are. */
TEST_F(alias, answer_of_the_module)
{
	struct codearena_query query = { .size = sizeof(query) };
	uint64_t at = page_at(&self->arena, TRAP_PAGE);

	ASSERT_ZERO(do_publish1(self->fd, at, &query, sizeof(query), 0));
	expect_unchanged(&self->arena, self->before);
	self->before = snapshot(&self->arena);
	EXPECT_ERRNO(EFAULT, ioctl(self->fd, CODEARENA_QUERY,
				   self->arena.view + at));
	EXPECT_BYTES(self->arena.view + at, &query, sizeof(query));
}

TEST_F(alias, writing_to_the_handle)
{
	struct iovec vector = { (void *)"bad", 3 };

	EXPECT_ERRNO(EINVAL, write(self->fd, "bad", 3));
	EXPECT_ERRNO(EINVAL, writev(self->fd, &vector, 1));
	EXPECT_EQ(-1, pwrite(self->fd, "bad", 3, 0));
	EXPECT_EQ(-1, pwritev(self->fd, &vector, 1, 0));
	EXPECT_EQ(-1, read(self->fd, &(char){ 0 }, 1));
	EXPECT_EQ(-1, ftruncate(self->fd, 0));
	EXPECT_EQ(-1, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, 0, self->page));
	EXPECT_EQ(-1, fallocate(self->fd, 0, 0, self->page));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
}

TEST_F(alias, splice)
{
	uint8_t bytes[64];
	int pipes[2];
	loff_t offset = 0;

	ASSERT_ZERO(pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(64, write(pipes[1], bytes, 64));
	EXPECT_EQ(-1, splice(pipes[0], NULL, self->fd, NULL, 64, 0));
	EXPECT_EQ(-1, splice(pipes[0], NULL, self->fd, &offset, 64,
			     SPLICE_F_MOVE));
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 64, 0));
	EXPECT_EQ(-1, sendfile(self->fd, self->fd, NULL, 64));
	EXPECT_EQ(-1, copy_file_range(self->fd, NULL, self->fd, NULL, 64, 0));
	close(pipes[0]);
	close(pipes[1]);
}

/* Pages that were gifted to a pipe cannot be changed through it. */
TEST_F(alias, vmsplice)
{
	static const unsigned int flags[] = { 0, SPLICE_F_GIFT };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct iovec vector = { self->arena.view, self->page };
		uint8_t *bytes = malloc(2 * self->page);
		int pipes[2];
		ssize_t n;

		ASSERT_NE(NULL, bytes);
		ASSERT_ZERO(pipe2(pipes, O_CLOEXEC));
		n = vmsplice(pipes[1], &vector, 1, flags[i]);
		if (n > 0) {
			/* An append must not go into the given page. */
			vector.iov_len = 16;
			vmsplice(pipes[1], &vector, 1, flags[i]);
			EXPECT_EQ(4, write(pipes[1], "tail", 4));
			EXPECT_EQ(n, read(pipes[0], bytes, n));
			EXPECT_EQ(0, memcmp(bytes, self->arena.view, n));
		}
		/* The contents of a pipe cannot be moved into the view. */
		vector.iov_base = self->arena.view;
		vector.iov_len = 4;
		ASSERT_EQ(4, write(pipes[1], "4321", 4));
		EXPECT_EQ(-1, vmsplice(pipes[0], &vector, 1, 0));
		close(pipes[0]);
		close(pipes[1]);
		free(bytes);
	}
}

/* Opening the handle's path opens the device anew. */
TEST_F(alias, reopened_handle)
{
	int shared = do_share(self->fd);
	struct codearena_stat stat;
	char path[96];
	int fd;

	ASSERT_LE(0, shared);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", shared);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EBADFD, do_stat(fd, &stat));
	EXPECT_ERRNO(EBADFD, do_discard1(fd, 0, self->arena.granule));
	EXPECT_ERRNO(EBADFD, mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd,
				  0));
	close(fd);

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)self->arena.view,
		 (unsigned long)(self->arena.view + self->length));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		EXPECT_ERRNO(EBADFD, do_stat(fd, &stat));
		close(fd);
	}
	/* No flag of fcntl() makes the handle writable. */
	EXPECT_ZERO(fcntl(shared, F_SETFL, O_RDWR));
	EXPECT_ERRNO(EBADF, do_discard1(shared, 0, self->arena.granule));
	close(shared);
}

TEST_F(alias, locking_and_populating)
{
	uint8_t *view;

	/* Only sealed pages can be populated; asking is no error elsewhere. */
	mlock(self->arena.view, self->length);
	munlock(self->arena.view, self->length);
	EXPECT_ZERO(madvise(self->arena.view, 3 * self->page,
			    MADV_POPULATE_READ));
	EXPECT_EQ(-1, madvise(self->arena.view, self->length,
			      MADV_POPULATE_READ));
	view = mmap(NULL, self->length, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_POPULATE | MAP_LOCKED, self->fd, 0);
	if (view != MAP_FAILED) {
		EXPECT_RETURNS(CODE_VALUE, view);
		EXPECT_EQ(SIGSEGV, guarded_store(view, 0));
		munmap(view, self->length);
	}
}

/* Pages pinned for writing by a device would be an alias like any other. */
TEST_F(alias, io_uring_fixed_buffers)
{
	struct io_uring_params params = { 0 };
	struct iovec vector = { self->arena.view, self->page };
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(errno));
	EXPECT_EQ(-1, syscall(SYS_io_uring_register, ring,
			      IORING_REGISTER_BUFFERS, &vector, 1));
	close(ring);
}

TEST_HARNESS_MAIN
