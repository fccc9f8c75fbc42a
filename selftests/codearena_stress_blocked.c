// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * A call that is stopped in the middle of its copy, by a page of its source that
 * userfaultfd holds back: what other calls return meanwhile, and what is left when
 * the caller is killed, or loses its handle and its views.
 */
#include "lib/harness.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/crew.h"

#define PAGES		4	/* of the source; the last one is held back */

/**
 * struct held - a source whose last page is held back
 * @fd: the userfaultfd
 * @source: PAGES pages
 * @last: the one held back
 * @page: bytes of a page
 */
struct held {
	int fd;
	uint8_t *source;
	uint8_t *last;
	size_t page;
};

static bool held_init(struct held *held)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	held->page = (size_t)sysconf(_SC_PAGESIZE);
	held->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (held->fd < 0 || ioctl(held->fd, UFFDIO_API, &api))
		return false;
	held->source = mmap(NULL, PAGES * held->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (held->source == MAP_FAILED)
		return false;
	held->last = held->source + (PAGES - 1) * held->page;
	memset(held->source, 0x11, (PAGES - 1) * held->page);
	area.range.start = (uintptr_t)held->last;
	area.range.len = held->page;
	return !ioctl(held->fd, UFFDIO_REGISTER, &area);
}

/* True as soon as somebody waits for the page. */
static bool held_wait(const struct held *held)
{
	struct pollfd poller = { .fd = held->fd, .events = POLLIN };
	struct uffd_msg message;

	return poll(&poller, 1, HANG_SECONDS * 1000) == 1 &&
	       read(held->fd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

static bool held_release(const struct held *held)
{
	uint8_t *page = malloc(held->page);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)held->last,
		.src = (uintptr_t)page,
		.len = held->page,
	};
	bool done;

	if (!page)
		return false;
	memset(page, 0x22, held->page);
	done = !ioctl(held->fd, UFFDIO_COPY, &copy);
	free(page);
	return done;
}

/* Any call that reads the source. */
struct call {
	int fd;
	bool publish;
	const struct held *held;
	int result;
	int error;
};

static void *call_main(void *argument)
{
	struct call *call = argument;
	const uint64_t length = PAGES * call->held->page;

	if (call->publish)
		call->result = do_publish1(call->fd, 0, call->held->source,
					   length, 0);
	else
		call->result = do_write1(call->fd, 0, call->held->source,
					 length);
	call->error = errno;
	return NULL;
}

FIXTURE(blocked) {
	struct arena a;
	struct held held;
	struct crew crew;
	struct call call;
	uint64_t total;
};

FIXTURE_VARIANT(blocked) {
	bool publish;
};

FIXTURE_VARIANT_ADD(blocked, in_publish) {
	.publish = true,
};

FIXTURE_VARIANT_ADD(blocked, in_write) {
	.publish = false,
};

FIXTURE_SETUP(blocked)
{
	self->total = crew_total();
	ASSERT_ZERO(arena_new(&self->a, 4 * PAGES, 0, 0));
	ASSERT_ZERO(do_commit(self->a.fd, 0, 2 * PAGES * self->a.page));
	if (!held_init(&self->held))
		SKIP(return, "userfaultfd: %s", strerror(errno));
	self->call = (struct call) {
		.fd = self->a.fd,
		.publish = variant->publish,
		.held = &self->held,
	};
}

FIXTURE_TEARDOWN(blocked)
{
	close(self->held.fd);
	arena_free(&self->a);
}

static void expect_source(struct __test_metadata *_metadata,
			  const uint8_t *view, const struct held *held)
{
	EXPECT_EQ(0, memcmp(view, held->source, PAGES * held->page));
	EXPECT_EQ(0x11, view[0]);
	EXPECT_EQ(0x22, view[PAGES * held->page - 1]);
}

TEST_F(blocked, others_are_told_ebusy)
{
	const struct arena *a = &self->a;
	const uint64_t length = PAGES * a->page;
	const uint64_t next = length;
	struct codearena_stat stat, before;
	uint8_t bytes[64] = {};
	uint8_t byte;

	ASSERT_ZERO(do_stat(a->fd, &before));
	ASSERT_TRUE(crew_start(&self->crew, 1, call_main, &self->call,
			       sizeof(self->call)));
	ASSERT_TRUE(held_wait(&self->held));

	/* The granules are taken: the first as well as the one held back. */
	for (uint64_t at = 0; at < length; at += length - a->granule) {
		EXPECT_ERRNO(EBUSY, do_write1(a->fd, at, bytes, 1));
		EXPECT_ERRNO(EBUSY, do_publish1(a->fd, at, bytes, 64, 0));
		EXPECT_ERRNO(EBUSY, do_seal(a->fd, at, a->granule, 0));
		EXPECT_ERRNO(EBUSY, do_discard1(a->fd, at, a->granule));
	}
	EXPECT_ERRNO(EBUSY, do_decommit(a->fd, 0, a->page));
	EXPECT_ERRNO(EBUSY, do_decommit(a->fd, length - a->page, 2 * a->page));
	EXPECT_ERRNO(EEXIST, do_commit(a->fd, 0, a->page));
	EXPECT_ERRNO(EPERM, do_patch1(a->fd, 0, 8, 0, 0));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, a->view, 1));
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(0, memcmp(&before, &stat, sizeof(stat)));

	/* All else goes on. */
	EXPECT_ZERO(do_publish1(a->fd, next, bytes, 64,
				CODEARENA_OBJECT_F_PATCHABLE));
	EXPECT_ZERO(do_patch1(a->fd, next, 8, 0, 7));
	EXPECT_ZERO(do_seal(a->fd, next + a->page, a->granule, 0));
	EXPECT_ZERO(do_discard1(a->fd, next, a->granule));
	EXPECT_ZERO(do_decommit(a->fd, next, a->page));

	ASSERT_TRUE(held_release(&self->held));
	ASSERT_TRUE(crew_join(&self->crew));
	ASSERT_EQ(0, self->call.result);
	if (!variant->publish) {
		ASSERT_ZERO(do_seal(a->fd, 0, length, 0));
	}
	expect_source(_metadata, a->view, &self->held);
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(length + 64, stat.out_written);
	EXPECT_EQ(1 + variant->publish, stat.out_published);
}

TEST_F(blocked, handle_and_views_may_go)
{
	const uint64_t length = PAGES * self->a.page;
	int shared = do_share(self->a.fd);
	struct codearena_stat stat;
	uint8_t *view;

	ASSERT_LE(0, shared);
	ASSERT_TRUE(crew_start(&self->crew, 1, call_main, &self->call,
			       sizeof(self->call)));
	ASSERT_TRUE(held_wait(&self->held));
	arena_free(&self->a);
	ASSERT_TRUE(held_release(&self->held));
	ASSERT_TRUE(crew_join(&self->crew));
	ASSERT_EQ(0, self->call.result);

	ASSERT_ZERO(do_stat(shared, &stat));
	EXPECT_EQ(length, stat.out_written);
	if (variant->publish) {
		view = mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_SHARED,
			    shared, 0);
		ASSERT_NE(MAP_FAILED, view);
		expect_source(_metadata, view, &self->held);
		munmap(view, length);
	}
	close(shared);
	EXPECT_TRUE(crew_total_becomes(self->total));
}

/* The last reference is dropped inside the call itself. */
TEST_F(blocked, nothing_stays_behind_the_last_close)
{
	ASSERT_TRUE(crew_start(&self->crew, 1, call_main, &self->call,
			       sizeof(self->call)));
	ASSERT_TRUE(held_wait(&self->held));
	arena_free(&self->a);
	EXPECT_EQ(self->total + 2 * PAGES * self->held.page, crew_total());
	ASSERT_TRUE(held_release(&self->held));
	ASSERT_TRUE(crew_join(&self->crew));
	EXPECT_EQ(0, self->call.result);
	EXPECT_TRUE(crew_total_becomes(self->total));
}

/*
 * A second process of a shared arena is killed in the middle of its copy. It
 * writes to a pipe when the page is waited for.
 */
struct victim {
	const struct arena *a;
	bool publish;
	int pipe[2];
};

static int victim_child(const struct victim *victim)
{
	struct held held;
	struct crew crew = {};
	struct call call = {
		.fd = victim->a->fd,
		.publish = victim->publish,
		.held = &held,
	};

	CHECK(held_init(&held));
	CHECK(crew_start(&crew, 1, call_main, &call, sizeof(call)));
	CHECK(held_wait(&held));
	CHECK(write(victim->pipe[1], "x", 1) == 1);
	for (;;)
		pause();
}

FIXTURE(killed) {
	struct arena a;
};

FIXTURE_VARIANT(killed) {
	bool publish;
};

FIXTURE_VARIANT_ADD(killed, in_publish) {
	.publish = true,
};

FIXTURE_VARIANT_ADD(killed, in_write) {
	.publish = false,
};

FIXTURE_SETUP(killed)
{
	struct held held;

	if (!held_init(&held))
		SKIP(return, "userfaultfd: %s", strerror(errno));
	close(held.fd);
	ASSERT_ZERO(arena_new(&self->a, 4 * PAGES,
			      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
	ASSERT_ZERO(do_commit(self->a.fd, 0, PAGES * self->a.page));
}

FIXTURE_TEARDOWN(killed)
{
	arena_free(&self->a);
}

TEST_F(killed, its_bytes_and_claims_are_gone)
{
	const struct arena *a = &self->a;
	const uint64_t length = PAGES * a->page;
	const uint8_t before[64] = { 0x77 };
	struct victim victim = { .a = a, .publish = variant->publish };
	struct codearena_stat stat, stat_before;
	struct snapshot *was;
	int status;
	char token;
	pid_t pid;

	/* Bytes that were written before must come back, too. */
	ASSERT_ZERO(do_write1(a->fd, a->page, before, sizeof(before)));
	ASSERT_ZERO(do_stat(a->fd, &stat_before));
	was = snapshot(a);
	ASSERT_EQ(0, pipe2(victim.pipe, O_CLOEXEC));
	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(victim_child(&victim));
	close(victim.pipe[1]);
	ASSERT_EQ(1, read(victim.pipe[0], &token, 1));
	EXPECT_ERRNO(EBUSY, do_write1(a->fd, 0, before, 1));

	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(expect_unchanged(a, was));
	ASSERT_ZERO(do_seal(a->fd, 0, length, 0));
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(stat_before.out_written, stat.out_written);
	EXPECT_EQ(0, stat.out_published);
	EXPECT_TRUE(is_trap_fill(a->view, 0, a->page));
	EXPECT_EQ(0, memcmp(a->view + a->page, before, sizeof(before)));
	EXPECT_TRUE(is_trap_fill(a->view + a->page + 64, 64,
				 length - a->page - 64));
}

TEST_HARNESS_MAIN
