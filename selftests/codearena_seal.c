// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* SEAL: granules become immutable and executable, patchable at most once. */
#include "lib/harness.h"

#include "lib/utils.h"

FIXTURE(seal)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t granule;
	uint64_t free;		/* pristine granules of TRAP_PAGE begin here */
};

FIXTURE_SETUP(seal)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->granule = self->arena.granule;
	self->free = page_at(&self->arena, TRAP_PAGE);
}

FIXTURE_TEARDOWN(seal)
{
	arena_free(&self->arena);
}

/* STAT differs from *@before by these granules, and by nothing else. */
#define EXPECT_SEALED_BY(before, sealed, patchable)			\
	do {								\
		struct codearena_stat now_;				\
									\
		ASSERT_ZERO(do_stat(self->fd, &now_));			\
		EXPECT_EQ((before)->out_sealed +			\
			  (int64_t)((sealed) * self->granule),		\
			  now_.out_sealed);				\
		EXPECT_EQ((before)->out_patchable +			\
			  (int64_t)((patchable) * self->granule),	\
			  now_.out_patchable);				\
		now_.out_sealed = (before)->out_sealed;			\
		now_.out_patchable = (before)->out_patchable;		\
		EXPECT_EQ(0, memcmp(before, &now_, sizeof(now_)));	\
		*(before) = now_;					\
		ASSERT_ZERO(do_stat(self->fd, before));			\
	} while (0)

TEST_F(seal, written_code_runs)
{
	struct codearena_stat stat;
	uint8_t code[CODE_SIZE];

	code_return(code, 4711);
	ASSERT_ZERO(do_write1(self->fd, self->free, code, CODE_SIZE));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, self->free, self->granule, 0));
	EXPECT_SEALED_BY(&stat, 1, 0);
	EXPECT_RETURNS(4711, self->arena.view + self->free);
}

TEST_F(seal, hidden_page_appears)
{
	uint64_t hidden = page_at(&self->arena, HIDDEN_PAGE);
	struct codearena_stat stat;
	uint8_t byte;

	ASSERT_EQ(SIGBUS, guarded_read(&byte, self->arena.view + hidden, 1));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, hidden + 17 * self->granule,
			    self->granule, 0));
	EXPECT_SEALED_BY(&stat, 1, 0);
	EXPECT_TRAP_FILL(&self->arena, hidden, self->page);
}

TEST_F(seal, over_pages_and_sealed_granules)
{
	struct codearena_stat stat;

	/* Pages 0 to 2 have 3 + 1 + 1 sealed granules already. */
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, 0, 4 * self->page, 0));
	EXPECT_SEALED_BY(&stat, 4 * 64 - 5, -1);
	EXPECT_EQ(stat.out_committed, stat.out_sealed);
}

TEST_F(seal, again_changes_nothing)
{
	struct arena *a = &self->arena;
	struct snapshot *before = snapshot(a);

	EXPECT_ZERO(do_seal(self->fd, 0, self->granule, 0));
	EXPECT_ZERO(do_seal(self->fd, word_at(a, 0), self->granule,
			    CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_TRUE(expect_unchanged(a, before));
}

TEST_F(seal, patchable)
{
	struct codearena_stat stat;
	uint64_t value = 3;

	ASSERT_ZERO(do_write1(self->fd, self->free, "\1\0\0\0\0\0\0\0", 8));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, self->free, 2 * self->granule,
			    CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_SEALED_BY(&stat, 2, 2);
	EXPECT_ZERO(do_patch1(self->fd, self->free, 8, 1, value));
	EXPECT_BYTES(self->arena.view + self->free, &value, 8);
}

TEST_F(seal, withdraws_patchability)
{
	struct arena *a = &self->arena;
	struct codearena_stat stat;

	ASSERT_ZERO(do_patch1(self->fd, word_at(a, 0), 8, WORD(0), 1));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, word_at(a, 0), self->granule, 0));
	EXPECT_SEALED_BY(&stat, 0, -1);
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_patch1(self->fd, word_at(a, 0), 8, 1, 2));
	/* For good. */
	EXPECT_REFUSED(a, EPERM, do_seal(self->fd, word_at(a, 0), self->granule,
					 CODEARENA_SEAL_F_PATCHABLE));
}

TEST_F(seal, patchable_over_sealed)
{
	struct arena *a = &self->arena;

	EXPECT_REFUSED(a, EPERM, do_seal(self->fd, 0, self->granule,
					 CODEARENA_SEAL_F_PATCHABLE));
	/* One such granule in a range is enough: at its end, at its start. */
	EXPECT_REFUSED(a, EPERM,
		       do_seal(self->fd, self->free, self->page,
			       CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_REFUSED(a, EPERM,
		       do_seal(self->fd, self->free - self->granule,
			       2 * self->granule, CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_ZERO(do_write1(self->fd, self->free, "still free", 10));
}

/* A range that is patchable and one that is not sealed go together. */
TEST_F(seal, patchable_over_patchable)
{
	struct arena *a = &self->arena;
	struct codearena_stat stat;

	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_seal(self->fd, word_at(a, 0), 3 * self->granule,
			    CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_SEALED_BY(&stat, 2, 2);
	EXPECT_ZERO(do_patch1(self->fd, word_at(a, 7), 8, WORD(7), 7));
}

TEST_F(seal, refuses_writing_from_then_on)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_seal(self->fd, self->free, 2 * self->granule, 0));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_write1(self->fd, self->free, "x", 1));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_write1(self->fd, self->free + 2 * self->granule -
				    1, "x", 1));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_publish1(self->fd, self->free, "x", 1, 0));
	EXPECT_ZERO(do_write1(self->fd, self->free + 2 * self->granule, "x",
			      1));
}

TEST_F(seal, misaligned)
{
	struct arena *a = &self->arena;

	for (uint64_t bytes = 1; bytes < self->granule; bytes++) {
		EXPECT_REFUSED(a, EINVAL, do_seal(self->fd, self->free + bytes,
						  self->granule, 0));
		EXPECT_REFUSED(a, EINVAL, do_seal(self->fd, self->free, bytes,
						  0));
		EXPECT_REFUSED(a, EINVAL, do_seal(self->fd, self->free,
						  self->granule + bytes, 0));
	}
}

TEST_F(seal, empty)
{
	EXPECT_REFUSED(&self->arena, EINVAL, do_seal(self->fd, self->free, 0,
						     0));
}

TEST_F(seal, wraps_around)
{
	struct arena *a = &self->arena;

	EXPECT_REFUSED(a, EOVERFLOW, do_seal(self->fd, self->free,
					     -self->free, 0));
	EXPECT_REFUSED(a, EOVERFLOW, do_seal(self->fd, -self->granule,
					     self->granule, 0));
	EXPECT_REFUSED(a, EOVERFLOW, do_seal(self->fd, -self->granule,
					     4 * self->granule,
					     CODEARENA_SEAL_F_PATCHABLE));
}

TEST_F(seal, beyond_arena)
{
	struct arena *a = &self->arena;

	EXPECT_REFUSED(a, ENOENT, do_seal(self->fd, a->length, self->granule,
					  0));
	EXPECT_REFUSED(a, ENOENT, do_seal(self->fd, 0, a->length +
					  self->granule, 0));
	EXPECT_REFUSED(a, ENOENT, do_seal(self->fd, self->free,
					  -self->granule - self->free, 0));
}

TEST_F(seal, not_committed)
{
	struct arena *a = &self->arena;
	uint64_t reserved = page_at(a, RESERVED_PAGE);

	EXPECT_REFUSED(a, ENOENT, do_seal(self->fd, reserved, self->granule,
					  0));
	EXPECT_REFUSED(a, ENOENT, do_seal(self->fd, reserved - self->granule,
					  2 * self->granule, 0));
	/* The committed part in front of it was not sealed. */
	EXPECT_ZERO(do_write1(self->fd, reserved - self->granule, "x", 1));
}

TEST_F(seal, permanent)
{
	struct arena a;

	ASSERT_ZERO(arena_new(&a, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_PERMANENT, 0));
	ASSERT_ZERO(arena_populate(&a));
	EXPECT_ZERO(do_seal(a.fd, word_at(&a, 0), a.granule, 0));
	EXPECT_REFUSED_AT(&a, EPERM, 0,
			  do_patch1(a.fd, word_at(&a, 0), 8, WORD(0), 1));
	arena_free(&a);
}

TEST_HARNESS_MAIN
