// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Calls that meet a copy under way. userfaultfd holds WRITE and PUBLISH in the
 * middle of their source for as long as a test needs: the granules are taken,
 * everything else goes on, and whatever ends the copy leaves no trace of it.
 */
#include "lib/harness.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "lib/utils.h"

/* A call that copies from a page that is not there yet. */
struct held_call {
	struct arena *arena;
	bool publish;
	uint64_t offset;
	uint64_t length;
	const uint8_t *source;
	struct codearena_patch_entry patches[2];
	uint32_t patch_count;
	uint32_t object_flags;
	int ret;
	int error;
	uint32_t failed;
};

FIXTURE(claim)
{
	struct arena arena;
	int fd;
	uint64_t granule;
	uint64_t at;		/* the held call goes here: three granules */
	int uffd;
	uint8_t *source;	/* a page that is there, and one that is not */
	struct held_call call;
	pthread_t thread;
	bool running;
};

FIXTURE_VARIANT(claim)
{
	bool publish;
};

FIXTURE_VARIANT_ADD(claim, write) { .publish = false };
FIXTURE_VARIANT_ADD(claim, publish) { .publish = true };

static int held_call_run(struct held_call *call)
{
	struct codearena_object object =
		object_of(call->offset, call->source, call->length,
			  call->object_flags);

	if (call->publish)
		return do_publish(call->arena->fd, &object, 1, call->patches,
				  call->patch_count, 0);
	return do_write1(call->arena->fd, call->offset, call->source,
			 call->length);
}

static void *held_call_thread(void *arg)
{
	struct held_call *call = arg;

	call->ret = held_call_run(call);
	call->error = errno;
	call->failed = last_failed;
	return NULL;
}

static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

/* The second page of the source waits for us from now on. */
static int hold_second_page(int uffd, uint8_t *source, uint64_t page)
{
	struct uffdio_register range = {
		.range.start = (uintptr_t)source + page,
		.range.len = page,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &range);
}

/* Until somebody has faulted on it: 0. */
static int wait_for_fault(int uffd)
{
	struct pollfd poller = { .fd = uffd, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&poller, 1, HANG_SECONDS * 1000) != 1 ||
	    read(uffd, &message, sizeof(message)) != sizeof(message))
		return -1;
	return message.event == UFFD_EVENT_PAGEFAULT ? 0 : -1;
}

/* An arena, and a source in memory that userfaultfd watches. */
FIXTURE_SETUP(claim)
{
	uint64_t page;

	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->granule = self->arena.granule;
	self->at = granule_at(&self->arena, TRAP_PAGE, 8);
	page = self->arena.page;
	self->source = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->source);
	memset(self->source, 0x77, page);
	self->uffd = open_uffd();
	if (self->uffd >= 0)
		ASSERT_ZERO(hold_second_page(self->uffd, self->source, page));
	self->call = (struct held_call) {
		.arena = &self->arena,
		.publish = variant->publish,
		.offset = self->at,
		.length = 3 * self->granule,
		/* One and a half granules are copied before it waits. */
		.source = self->source + page - 3 * self->granule / 2,
	};
}

static int release_with_bytes(int uffd, const uint8_t *source, uint64_t page)
{
	uint8_t *bytes = malloc(page);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)source + page,
		.src = (uintptr_t)bytes,
		.len = page,
	};
	int ret;

	memset(bytes, 0x88, page);
	ret = ioctl(uffd, UFFDIO_COPY, &copy);
	free(bytes);
	return ret;
}

FIXTURE_TEARDOWN(claim)
{
	if (self->running) {
		release_with_bytes(self->uffd, self->source, self->arena.page);
		pthread_join(self->thread, NULL);
	}
	if (self->uffd >= 0)
		close(self->uffd);
	munmap(self->source, 2 * self->arena.page);
	arena_free(&self->arena);
}

#define NEED_UFFD()							\
	do {								\
		if (self->uffd < 0)					\
			SKIP(return, "no userfaultfd for system calls"); \
	} while (0)

#define START_HELD_CALL()						\
	do {								\
		ASSERT_EQ(0, pthread_create(&self->thread, NULL,	\
					    held_call_thread,		\
					    &self->call));		\
		self->running = true;					\
		ASSERT_ZERO(wait_for_fault(self->uffd));		\
	} while (0)

#define FINISH_HELD_CALL()						\
	do {								\
		ASSERT_ZERO(release_with_bytes(self->uffd, self->source,\
					       self->arena.page));	\
		ASSERT_EQ(0, pthread_join(self->thread, NULL));		\
		self->running = false;					\
	} while (0)

/*
 * STAT and the bytes outside of the claim stay; in it, bytes that are not
 * sealed may be seen to change, so they are not compared.
 */
#define EXPECT_BUSY(call)						\
	do {								\
		struct codearena_stat before_, after_;			\
									\
		ASSERT_ZERO(do_stat(self->fd, &before_));		\
		EXPECT_ERRNO(EBUSY, call);				\
		ASSERT_ZERO(do_stat(self->fd, &after_));		\
		EXPECT_EQ(0, memcmp(&before_, &after_, sizeof(before_))); \
	} while (0)

TEST_F(claim, everything_else_is_busy)
{
	struct arena *a = &self->arena;
	uint64_t g = self->granule;
	struct codearena_chunk chunks[2];
	struct codearena_range ranges[2];

	NEED_UFFD();
	START_HELD_CALL();
	for (uint64_t i = 0; i < 3; i++) {
		uint64_t at = self->at + i * g;

		EXPECT_BUSY(do_write1(self->fd, at + 5, "x", 1));
		EXPECT_EQ(0, last_failed);
		EXPECT_BUSY(do_publish1(self->fd, at, "x", 1, 0));
		EXPECT_BUSY(do_seal(self->fd, at, g, 0));
		EXPECT_BUSY(do_seal(self->fd, at, g,
				    CODEARENA_SEAL_F_PATCHABLE));
		EXPECT_BUSY(do_discard1(self->fd, at, g));
	}
	/* The last byte of a longer range is enough. */
	EXPECT_BUSY(do_write1(self->fd, self->at - 1, "xy", 2));
	EXPECT_BUSY(do_seal(self->fd, self->at - g, 2 * g, 0));
	EXPECT_BUSY(do_discard1(self->fd, self->at - g, 2 * g));
	EXPECT_BUSY(do_decommit(self->fd, page_at(a, TRAP_PAGE), a->page));
	EXPECT_BUSY(do_decommit(self->fd, 0, 4 * a->page));
	/* And the entry that meets it is named. */
	chunks[0] = chunk_of(self->at - 4 * g, "x", 1);
	chunks[1] = chunk_of(self->at, "x", 1);
	EXPECT_BUSY(do_write(self->fd, chunks, 2));
	EXPECT_EQ(1, last_failed);
	ranges[0] = (struct codearena_range) { self->at - 4 * g, g };
	ranges[1] = (struct codearena_range) { self->at, g };
	EXPECT_BUSY(do_discard(self->fd, ranges, 2));
	EXPECT_EQ(1, last_failed);

	FINISH_HELD_CALL();
	EXPECT_EQ(0, self->call.ret);
	EXPECT_BYTES(a->view + self->at, self->call.source, 3 * g);
	/* The same granules are as free, or as sealed, as they should be. */
	if (variant->publish)
		EXPECT_REFUSED_AT(a, EPERM, 0,
				  do_write1(self->fd, self->at, "x", 1));
	else
		EXPECT_ZERO(do_write1(self->fd, self->at, "x", 1));
}

/* Half of a copy is nobody's business: a clone has traps there, for good. */
TEST_F(claim, clone_has_traps_there)
{
	struct arena clone = self->arena;
	uint64_t g = self->granule;
	uint8_t code[CODE_SIZE];

	NEED_UFFD();
	ASSERT_ZERO(do_write1(self->fd, self->at + g, "old", 3));
	START_HELD_CALL();
	clone.fd = do_clone(self->fd);
	ASSERT_LE(0, clone.fd);
	clone.view = arena_map(&clone, clone.fd);
	ASSERT_NE(MAP_FAILED, (void *)clone.view);
	EXPECT_TRAP_FILL(&clone, self->at, 3 * g);
	/* Its granules are free. */
	code_return(code, 9);
	ASSERT_ZERO(do_publish1(clone.fd, self->at, code, sizeof(code), 0));
	EXPECT_RETURNS(9, clone.view + self->at);
	FINISH_HELD_CALL();
	EXPECT_EQ(0, self->call.ret);
	EXPECT_BYTES(self->arena.view + self->at, self->call.source, 3 * g);
	EXPECT_RETURNS(9, clone.view + self->at);
	EXPECT_TRAP_FILL(&clone, self->at + g, 2 * g);
	arena_free(&clone);
}

TEST_F(claim, neighbours_are_not_held_up)
{
	struct arena *a = &self->arena;
	uint64_t g = self->granule;
	uint8_t code[CODE_SIZE];
	struct codearena_stat stat;

	NEED_UFFD();
	START_HELD_CALL();
	code_return(code, 8);
	EXPECT_ZERO(do_write1(self->fd, self->at - 1, "x", 1));
	EXPECT_ZERO(do_seal(self->fd, self->at - g, g, 0));
	EXPECT_ZERO(do_publish1(self->fd, self->at + 3 * g, code, CODE_SIZE,
				0));
	EXPECT_RETURNS(8, a->view + self->at + 3 * g);
	EXPECT_ZERO(do_discard1(self->fd, self->at + 3 * g, g));
	EXPECT_ZERO(do_patch1(self->fd, word_at(a, 0), 8, WORD(0), 1));
	EXPECT_ZERO(do_commit(self->fd, page_at(a, RESERVED_PAGE), a->page));
	EXPECT_ZERO(do_decommit(self->fd, 0, a->page));
	EXPECT_ZERO(do_stat(self->fd, &stat));
	FINISH_HELD_CALL();
	EXPECT_EQ(0, self->call.ret);
	EXPECT_BYTES(a->view + self->at, self->call.source, 3 * g);
}

/* Code that is about to be replaced runs, and keeps all that is known of it. */
TEST_F(claim, replaced_code_runs)
{
	struct arena *a = &self->arena;
	struct codearena_object again = object_of(0, "x", 1,
						  CODEARENA_OBJECT_F_REPLACE);
	const uint64_t length = 3 * self->granule;
	uint8_t bytes[3 * 1024];

	NEED_UFFD();
	self->call.publish = true;
	self->call.object_flags = CODEARENA_OBJECT_F_REPLACE;
	self->call.offset = 0;
	ASSERT_LE(length, sizeof(bytes));
	memcpy(bytes, a->view, length);
	START_HELD_CALL();
	EXPECT_RETURNS(CODE_VALUE, a->view);
	EXPECT_BUSY(do_publish(self->fd, &again, 1, NULL, 0, 0));
	EXPECT_BUSY(do_discard1(self->fd, 0, self->granule));
	EXPECT_BUSY(do_seal(self->fd, 0, self->granule, 0));
	EXPECT_BUSY(do_decommit(self->fd, 0, a->page));
	EXPECT_BUSY(do_patch1(self->fd, word_at(a, 0), 8, WORD(0), 1));
	EXPECT_BUSY(do_patch1(self->fd, word_at(a, 0), 8, ~WORD(0), 1));
	EXPECT_BYTES(a->view, bytes, length);
	FINISH_HELD_CALL();
	EXPECT_EQ(0, self->call.ret);
	EXPECT_BYTES(a->view, self->call.source, length);
}

/* The page never comes: it is unmapped under the copy. */
TEST_F(claim, source_vanishes)
{
	struct arena *a = &self->arena;
	struct uffdio_range gone = {
		.start = (uintptr_t)self->source + a->page,
		.len = a->page,
	};
	struct snapshot *before;

	NEED_UFFD();
	/* Half of what is overwritten holds bytes, half holds traps. */
	ASSERT_ZERO(do_write1(self->fd, self->at, "old bytes", 9));
	before = snapshot(a);
	START_HELD_CALL();
	ASSERT_ZERO(munmap(self->source + a->page, a->page));
	ASSERT_ZERO(ioctl(self->uffd, UFFDIO_WAKE, &gone));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	self->running = false;
	EXPECT_EQ(-1, self->call.ret);
	EXPECT_EQ(EFAULT, self->call.error);
	EXPECT_TRUE(expect_unchanged(a, before));
	EXPECT_ZERO(do_write1(self->fd, self->at, "new", 3));
}

/* In the child: hold the call, report to the parent, be killed. */
struct victim {
	struct held_call call;
	int uffd;
	int ready;
};

static void *tell_when_held(void *arg)
{
	struct victim *victim = arg;

	if (wait_for_fault(victim->uffd) == 0)
		write(victim->ready, "r", 1);
	return NULL;
}

static int be_victim(struct victim *victim, uint8_t *source, uint64_t page)
{
	pthread_t thread;

	victim->uffd = open_uffd();
	CHECK(victim->uffd >= 0);
	CHECK(madvise(source + page, page, MADV_DONTNEED) == 0);
	CHECK(hold_second_page(victim->uffd, source, page) == 0);
	CHECK(pthread_create(&thread, NULL, tell_when_held, victim) == 0);
	held_call_run(&victim->call);
	return 1;
}

/* A fatal signal ends the wait; the arena, which lives on, is as it was. */
TEST_F(claim, killed_while_copying)
{
	struct arena *a = &self->arena;
	struct victim victim = { .call = self->call };
	struct snapshot *before;
	int pipes[2], status;
	char byte;
	pid_t pid;

	NEED_UFFD();
	ASSERT_ZERO(do_write1(self->fd, self->at, "old bytes", 9));
	before = snapshot(a);
	ASSERT_ZERO(pipe2(pipes, O_CLOEXEC));
	victim.ready = pipes[1];
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(be_victim(&victim, self->source, a->page));
	close(pipes[1]);
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	EXPECT_BUSY(do_write1(self->fd, self->at, "x", 1));

	ASSERT_ZERO(kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(expect_unchanged(a, before));
	EXPECT_ZERO(do_write1(self->fd, self->at, "new", 3));
	EXPECT_ZERO(do_publish1(self->fd, self->at + self->granule, "x", 1,
				0));
	close(pipes[0]);
}

/*
 * A word that PUBLISH would patch changes while it copies: the whole call has
 * not happened. In one variant over traps, in the other over written bytes.
 */
TEST_F(claim, patch_overtakes_publish)
{
	struct arena *a = &self->arena;
	struct snapshot *before;

	NEED_UFFD();
	if (!variant->publish)
		ASSERT_ZERO(do_write1(self->fd, self->at, "old bytes", 9));
	self->call.publish = true;
	self->call.patches[0] = patch_of(word_at(a, 2), 8, WORD(2), 1);
	self->call.patches[1] = patch_of(word_at(a, 3), 8, WORD(3), 1);
	self->call.patch_count = 2;
	START_HELD_CALL();
	ASSERT_ZERO(do_patch1(self->fd, word_at(a, 3), 8, WORD(3), 99));
	FINISH_HELD_CALL();
	EXPECT_EQ(-1, self->call.ret);
	EXPECT_EQ(EAGAIN, self->call.error);
	EXPECT_EQ(2, self->call.failed);

	EXPECT_BYTES(a->view + word_at(a, 2), &(uint64_t){ WORD(2) }, 8);
	EXPECT_BYTES(a->view + word_at(a, 3), &(uint64_t){ 99 }, 8);
	if (!variant->publish)
		EXPECT_BYTES(a->view + self->at, "old bytes", 9);
	EXPECT_TRAP_FILL(a, self->at + (variant->publish ? 0 : 9), 64);
	/* The same call, without the word that has changed, goes through. */
	before = snapshot(a);
	self->call.patch_count = 1;
	self->call.patches[0].expected = WORD(2);
	EXPECT_ZERO(held_call_run(&self->call));
	EXPECT_FALSE(expect_unchanged(a, before));
	EXPECT_BYTES(a->view + self->at, self->call.source, 64);
}

TEST_HARNESS_MAIN
