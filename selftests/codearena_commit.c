// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* COMMIT and DECOMMIT, and what pages show in each state. */
#include "lib/harness.h"

#include <signal.h>
#include <time.h>

#include "lib/utils.h"

FIXTURE(commit)
{
	struct arena arena;
	int fd;
	uint64_t page;
};

FIXTURE_SETUP(commit)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
}

FIXTURE_TEARDOWN(commit)
{
	arena_free(&self->arena);
}

/* The only change of STAT since *@before is this many committed bytes. */
#define EXPECT_COMMITTED_BY(before, bytes)				\
	do {								\
		struct codearena_stat now_;				\
									\
		ASSERT_ZERO(do_stat(self->fd, &now_));			\
		EXPECT_EQ((before)->out_committed + (bytes),		\
			  now_.out_committed);				\
		now_.out_committed = (before)->out_committed;		\
		EXPECT_EQ(0, memcmp(before, &now_, sizeof(now_)));	\
	} while (0)

TEST_F(commit, counts)
{
	struct codearena_query before, after;
	struct codearena_stat stat;

	ASSERT_ZERO(do_query(self->fd, &before));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_commit(self->fd, 8 * self->page, 3 * self->page));
	EXPECT_COMMITTED_BY(&stat, 3 * self->page);
	ASSERT_ZERO(do_query(self->fd, &after));
	EXPECT_EQ(before.out_commit_total + 3 * self->page,
		  after.out_commit_total);

	ASSERT_ZERO(do_decommit(self->fd, 9 * self->page, self->page));
	EXPECT_COMMITTED_BY(&stat, 2 * self->page);
	ASSERT_ZERO(do_query(self->fd, &after));
	EXPECT_EQ(before.out_commit_total + 2 * self->page,
		  after.out_commit_total);
}

TEST_F(commit, whole_arena)
{
	struct arena a;

	ASSERT_ZERO(arena_new(&a, 600, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	EXPECT_REFUSED(&a, EEXIST, do_commit(a.fd, 0, a.length));
	ASSERT_ZERO(do_decommit(a.fd, 0, a.length));
	ASSERT_ZERO(do_commit(a.fd, a.length - a.page, a.page));
	arena_free(&a);
}

TEST_F(commit, fills_with_traps)
{
	uint64_t at = 10 * self->page;

	ASSERT_ZERO(do_commit(self->fd, at, self->page));
	ASSERT_ZERO(do_seal(self->fd, at, self->arena.granule, 0));
	EXPECT_TRAP_FILL(&self->arena, at, self->page);
}

TEST_F(commit, page_states)
{
	uint8_t *view = self->arena.view;
	uint8_t byte;

	EXPECT_EQ(SIGBUS, guarded_read(&byte, view + 5 * self->page, 1));
	EXPECT_EQ(BUS_ADRERR, last_fault.code);
	EXPECT_EQ(view + 5 * self->page, last_fault.address);

	ASSERT_ZERO(do_commit(self->fd, 5 * self->page, self->page));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, view + 5 * self->page, 1));

	ASSERT_ZERO(do_write1(self->fd, 5 * self->page, "x", 1));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, view + 5 * self->page, 1));

	ASSERT_ZERO(do_seal(self->fd, 5 * self->page, self->arena.granule, 0));
	EXPECT_EQ(0, guarded_read(&byte, view + 5 * self->page, 1));
	EXPECT_EQ('x', byte);

	ASSERT_ZERO(do_decommit(self->fd, 5 * self->page, self->page));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, view + 5 * self->page, 1));
}

TEST_F(commit, execution_in_each_state)
{
	uint8_t *view = self->arena.view;
	uint32_t result;

	if (!HAVE_CODE)
		SKIP(return, "no code for this architecture");
	EXPECT_EQ(0, guarded_call(view, &result));
	EXPECT_EQ(CODE_VALUE, result);
	EXPECT_EQ(CODE_TRAP_SIGNAL,
		  guarded_call(view + page_at(&self->arena, TRAP_PAGE),
			       &result));
	EXPECT_EQ(SIGBUS,
		  guarded_call(view + page_at(&self->arena, HIDDEN_PAGE),
			       &result));
	EXPECT_EQ(SIGBUS,
		  guarded_call(view + page_at(&self->arena, RESERVED_PAGE),
			       &result));
	ASSERT_ZERO(do_decommit(self->fd, 0, self->page));
	EXPECT_EQ(SIGBUS, guarded_call(view, &result));
}

FIXTURE(range)
{
	struct arena arena;
	int (*call)(int fd, uint64_t offset, uint64_t length);
	/* A range of four pages that the command accepts. */
	uint64_t good;
};

FIXTURE_VARIANT(range)
{
	int (*call)(int fd, uint64_t offset, uint64_t length);
	uint64_t good_page;
};

FIXTURE_VARIANT_ADD(range, commit)
{
	.call = do_commit,
	.good_page = RESERVED_PAGE,
};

FIXTURE_VARIANT_ADD(range, decommit)
{
	.call = do_decommit,
	.good_page = CODE_PAGE,
};

FIXTURE_SETUP(range)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->call = variant->call;
	self->good = page_at(&self->arena, variant->good_page);
}

FIXTURE_TEARDOWN(range)
{
	/* The refused calls have not changed the range. */
	EXPECT_ZERO(self->call(self->arena.fd, self->good,
			       4 * self->arena.page));
	arena_free(&self->arena);
}

#define EXPECT_RANGE_REFUSED(expected_errno, offset, length)		\
	EXPECT_REFUSED(&self->arena, expected_errno,			\
		       self->call(self->arena.fd, offset, length))

TEST_F(range, misaligned)
{
	for (uint64_t bytes = 1; bytes < self->arena.page; bytes <<= 1) {
		EXPECT_RANGE_REFUSED(EINVAL, self->good + bytes,
				     self->arena.page);
		EXPECT_RANGE_REFUSED(EINVAL, self->good, bytes);
		EXPECT_RANGE_REFUSED(EINVAL, self->good,
				     self->arena.page + bytes);
		EXPECT_RANGE_REFUSED(EINVAL, self->good,
				     self->arena.page - bytes);
	}
}

TEST_F(range, empty)
{
	EXPECT_RANGE_REFUSED(EINVAL, self->good, 0);
	EXPECT_RANGE_REFUSED(EINVAL, 0, 0);
	EXPECT_RANGE_REFUSED(EINVAL, self->arena.length, 0);
}

TEST_F(range, wraps_around)
{
	uint64_t page = self->arena.page;

	EXPECT_RANGE_REFUSED(EOVERFLOW, self->good + page,
			     -(self->good + page));
	EXPECT_RANGE_REFUSED(EOVERFLOW, -page, page);
	EXPECT_RANGE_REFUSED(EOVERFLOW, -page, 2 * page);
	EXPECT_RANGE_REFUSED(EOVERFLOW, 2 * page, -page);
	EXPECT_RANGE_REFUSED(EOVERFLOW, 1ULL << 63, 1ULL << 63);
	EXPECT_RANGE_REFUSED(EOVERFLOW, ~0ULL, ~0ULL);
}

TEST_F(range, beyond_arena)
{
	uint64_t page = self->arena.page, end = self->arena.length;

	EXPECT_RANGE_REFUSED(ENOENT, end, page);
	EXPECT_RANGE_REFUSED(ENOENT, end - page, 2 * page);
	EXPECT_RANGE_REFUSED(ENOENT, self->good, end);
	EXPECT_RANGE_REFUSED(ENOENT, self->good, -page - self->good);
	EXPECT_RANGE_REFUSED(ENOENT, -2 * page, page);
	EXPECT_RANGE_REFUSED(ENOENT, 1ULL << 32, page);
	EXPECT_RANGE_REFUSED(ENOENT, CODEARENA_GUARD_OFFSET, page);
}

TEST_F(commit, already_committed)
{
	uint64_t reserved = page_at(&self->arena, RESERVED_PAGE);

	for (unsigned int i = CODE_PAGE; i < RESERVED_PAGE; i++)
		EXPECT_REFUSED(&self->arena, EEXIST,
			       do_commit(self->fd, page_at(&self->arena, i),
					 self->page));
	/* The overlap is at the end, at the start, in the middle. */
	ASSERT_ZERO(do_commit(self->fd, reserved + 2 * self->page,
			      self->page));
	EXPECT_REFUSED(&self->arena, EEXIST,
		       do_commit(self->fd, reserved, 3 * self->page));
	EXPECT_REFUSED(&self->arena, EEXIST,
		       do_commit(self->fd, reserved - self->page,
				 3 * self->page));
	EXPECT_REFUSED(&self->arena, EEXIST,
		       do_commit(self->fd, reserved + self->page,
				 3 * self->page));
	/* The pages around the overlap were not committed on the way. */
	EXPECT_REFUSED(&self->arena, ENOENT,
		       do_seal(self->fd, reserved + self->page,
			       self->arena.granule, 0));
	EXPECT_ZERO(do_commit(self->fd, reserved, 2 * self->page));
}

TEST_F(commit, decommit_of_what_is_not_committed)
{
	uint64_t reserved = page_at(&self->arena, RESERVED_PAGE);

	EXPECT_REFUSED(&self->arena, ENOENT,
		       do_decommit(self->fd, reserved, self->page));
	EXPECT_REFUSED(&self->arena, ENOENT,
		       do_decommit(self->fd, reserved - self->page,
				   2 * self->page));
	EXPECT_REFUSED(&self->arena, ENOENT,
		       do_decommit(self->fd, 0, self->arena.length));
	ASSERT_ZERO(do_decommit(self->fd, self->page, self->page));
	EXPECT_REFUSED(&self->arena, ENOENT,
		       do_decommit(self->fd, 0, 3 * self->page));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
}

/* By one page too many, and by far too many. */
TEST_F(commit, arena_limit)
{
	struct arena a;

	ASSERT_ZERO(arena_new(&a, 16, 0, 4 * self->page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 0, 5 * a.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 0, 16 * a.page));
	ASSERT_ZERO(do_commit(a.fd, 0, 3 * a.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 8 * a.page, 2 * a.page));
	ASSERT_ZERO(do_commit(a.fd, 8 * a.page, a.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 9 * a.page, a.page));

	/* Decommitted pages may be committed elsewhere. */
	ASSERT_ZERO(do_decommit(a.fd, 0, 2 * a.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 12 * a.page, 3 * a.page));
	EXPECT_ZERO(do_commit(a.fd, 12 * a.page, 2 * a.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 0, a.page));
	arena_free(&a);
}

/* Nothing of the old contents or states comes back. */
TEST_F(commit, again_after_decommit)
{
	struct codearena_stat before, after;
	uint64_t end = page_at(&self->arena, RESERVED_PAGE);

	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_decommit(self->fd, 0, end));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(0, after.out_committed);
	EXPECT_EQ(0, after.out_sealed);
	EXPECT_EQ(0, after.out_patchable);
	EXPECT_EQ(before.out_sealed, after.out_discarded);
	EXPECT_EQ(before.out_published, after.out_published);
	EXPECT_EQ(before.out_written, after.out_written);

	ASSERT_ZERO(do_commit(self->fd, 0, end));
	EXPECT_REFUSED(&self->arena, EPERM,
		       do_patch1(self->fd, word_at(&self->arena, 0), 8, WORD(0),
				 WORD(1)));
	for (unsigned int i = CODE_PAGE; i < RESERVED_PAGE; i++) {
		uint64_t last = granule_at(&self->arena, i, LAST_GRANULE);

		ASSERT_ZERO(do_write1(self->fd, last, "z", 1));
		ASSERT_ZERO(do_seal(self->fd, last, self->arena.granule, 0));
		EXPECT_TRAP_FILL(&self->arena, page_at(&self->arena, i),
				 self->page - self->arena.granule);
	}
}

/* Execution and reading stop at once, in every view, for every thread. */
TEST_F(commit, decommit_reaches_all_views)
{
	uint8_t *second = arena_map(&self->arena, self->fd);
	uint8_t byte;

	ASSERT_NE(MAP_FAILED, (void *)second);
	EXPECT_RETURNS(CODE_VALUE, second);
	ASSERT_EQ(0, guarded_read(&byte, self->arena.view, 1));
	ASSERT_ZERO(do_decommit(self->fd, 0, self->page));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, second, 1));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, self->arena.view, 1));
	/* Its neighbour is untouched. */
	EXPECT_EQ(0, guarded_read(&byte, second + self->page, 1));
	munmap(second, self->arena.length);
}

/* Sealed pages count as synchronised; others have nothing to synchronise. */
TEST_F(commit, decommit_synchronises)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_decommit(self->fd, page_at(&self->arena, HIDDEN_PAGE),
				self->page));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.out_discarded);
	ASSERT_ZERO(do_decommit(self->fd, 0, 2 * self->page));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(4 * self->arena.granule, stat.out_discarded);
	EXPECT_LE(1, stat.out_syncs);
}

FIXTURE(permanent)
{
	struct arena arena;
};

FIXTURE_SETUP(permanent)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_PERMANENT, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
}

FIXTURE_TEARDOWN(permanent)
{
	arena_free(&self->arena);
}

TEST_F(permanent, decommit_of_sealed_code)
{
	struct arena *a = &self->arena;

	for (unsigned int i = CODE_PAGE; i < HIDDEN_PAGE; i++)
		EXPECT_REFUSED(a, EPERM,
			       do_decommit(a->fd, page_at(a, i), a->page));
	/* Also when only part of the range is sealed. */
	EXPECT_REFUSED(a, EPERM, do_decommit(a->fd, 0, 4 * a->page));
	EXPECT_REFUSED(a, EPERM, do_decommit(a->fd, page_at(a, TRAP_PAGE),
					     2 * a->page));
	EXPECT_RETURNS(CODE_VALUE, a->view);
}

TEST_F(permanent, decommit_of_unsealed_pages)
{
	struct arena *a = &self->arena;
	struct codearena_stat stat;

	EXPECT_ZERO(do_decommit(a->fd, page_at(a, HIDDEN_PAGE), a->page));
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(3 * a->page, stat.out_committed);
	EXPECT_ZERO(do_commit(a->fd, page_at(a, HIDDEN_PAGE), a->page));
}

static int commit_and_be_killed(void *arg)
{
	const struct arena *a = arg;

	do_commit(a->fd, page_at(a, RESERVED_PAGE),
		  a->length - page_at(a, RESERVED_PAGE));
	pause();
	return 0;
}

/* A fatal signal ends a long COMMIT, and all of it is undone. */
TEST_F(commit, killed)
{
	struct codearena_query query;
	struct codearena_stat stat;
	uint64_t rest, total, room;
	unsigned int undone = 0;
	struct arena a;

	ASSERT_ZERO(do_query(self->fd, &query));
	total = query.out_commit_total;
	/* The states of the pages take some of it. */
	room = (query.out_user_limit - query.out_user_total) / 16 * 15;
	if (room > 128ULL << 20)
		room = 128ULL << 20;
	ASSERT_ZERO(arena_new(&a, room / self->page,
			      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
	rest = a.length - page_at(&a, RESERVED_PAGE);

	for (unsigned int round = 0; round < 10; round++) {
		struct timespec delay = { .tv_nsec = 2000000 * (1 + round) };
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(commit_and_be_killed(&a));
		nanosleep(&delay, NULL);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));

		ASSERT_ZERO(do_stat(a.fd, &stat));
		ASSERT_ZERO(do_query(self->fd, &query));
		if (stat.out_committed) {
			EXPECT_EQ(rest, stat.out_committed);
			EXPECT_ZERO(do_decommit(a.fd, a.length - rest, rest));
		} else {
			undone++;
		}
		EXPECT_EQ(total + stat.out_committed, query.out_commit_total);
	}
	EXPECT_LE(1, undone);
	EXPECT_ZERO(do_commit(a.fd, 0, a.length));
	arena_free(&a);
}

TEST_HARNESS_MAIN
