// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* DISCARD: code becomes traps again, and its space can be reused. */
#include "lib/harness.h"

#include "lib/utils.h"

FIXTURE(discard)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t granule;
};

FIXTURE_SETUP(discard)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->granule = self->arena.granule;
}

FIXTURE_TEARDOWN(discard)
{
	arena_free(&self->arena);
}

TEST_F(discard, counts)
{
	struct codearena_stat before, after;

	/* One granule of code, one patchable, one that is not sealed. */
	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_discard1(self->fd, 0, 3 * self->granule));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(before.out_sealed - 2 * self->granule, after.out_sealed);
	EXPECT_EQ(0, after.out_patchable);
	EXPECT_EQ(2 * self->granule, after.out_discarded);
	EXPECT_EQ(before.out_committed, after.out_committed);
	EXPECT_EQ(before.out_published, after.out_published);
	EXPECT_EQ(before.out_written, after.out_written);
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
}

TEST_F(discard, leaves_traps)
{
	struct arena *a = &self->arena;
	uint32_t result;

	/* The page stays mapped: its last granule is sealed. */
	ASSERT_ZERO(do_discard1(self->fd, 0, 2 * self->granule));
	EXPECT_TRAP_FILL(a, 0, self->page);
	if (HAVE_CODE)
		EXPECT_EQ(CODE_TRAP_SIGNAL, guarded_call(a->view, &result));
}

TEST_F(discard, written_bytes)
{
	struct arena *a = &self->arena;
	uint64_t written = page_at(a, WRITTEN_PAGE);
	struct codearena_stat stat;

	ASSERT_ZERO(do_discard1(self->fd, written, 5 * self->granule));
	EXPECT_TRAP_FILL(a, written, 5 * self->granule);
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.out_discarded);
	/* Other granules of the page are untouched. */
	EXPECT_EQ(WRITTEN_BYTE, a->view[written + 5 * self->granule]);
}

TEST_F(discard, page_without_sealed_code_is_unmapped)
{
	struct arena *a = &self->arena;
	uint8_t *second = arena_map(a, self->fd);
	uint8_t byte;

	ASSERT_NE(MAP_FAILED, (void *)second);
	ASSERT_EQ(0, guarded_read(&byte, second, 1));
	ASSERT_EQ(0, guarded_read(&byte, a->view, 1));
	ASSERT_ZERO(do_discard1(self->fd, 0, self->page));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, a->view, 1));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, second, 1));
	EXPECT_EQ(0, guarded_read(&byte, second + self->page, 1));
	munmap(second, a->length);
}

TEST_F(discard, space_is_reused)
{
	struct arena *a = &self->arena;
	uint8_t code[CODE_SIZE];

	for (uint32_t i = 0; i < 50; i++) {
		ASSERT_ZERO(do_discard1(self->fd, 0, self->page));
		code_return(code, i);
		ASSERT_ZERO(do_publish1(self->fd, (i % 60) * self->granule,
					code, CODE_SIZE, 0));
		EXPECT_RETURNS(i, a->view + (i % 60) * self->granule);
	}
	ASSERT_ZERO(do_discard1(self->fd, 0, self->page));
	ASSERT_ZERO(do_write1(self->fd, 0, "free again", 10));
	/* A granule that was patchable once need not be again. */
	ASSERT_ZERO(do_seal(self->fd, 0, self->page, 0));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_patch1(self->fd, word_at(a, 0), 8,
				    0xcccccccccccccccc, 1));
}

TEST_F(discard, may_be_patchable_afterwards)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_discard1(self->fd, 0, self->granule));
	ASSERT_ZERO(do_seal(self->fd, 0, self->granule,
			    CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_REFUSED_AT(a, EAGAIN, 0, do_patch1(self->fd, 0, 8, 1, 2));
}

/* What WRITE restores after a fault is the trap fill, not the old code. */
TEST_F(discard, restored_bytes_are_traps)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_discard1(self->fd, 0, 2 * self->granule));
	EXPECT_REFUSED_AT(a, EFAULT, 0, do_write1(self->fd, 0, NULL, 100));
	EXPECT_TRAP_FILL(a, 0, self->page);
}

TEST_F(discard, batch)
{
	struct arena *a = &self->arena;
	struct codearena_stat before, after;
	struct codearena_range ranges[40];

	ASSERT_ZERO(do_seal(self->fd, page_at(a, TRAP_PAGE), self->page, 0));
	ASSERT_ZERO(do_stat(self->fd, &before));
	for (unsigned int i = 0; i < 40; i++)
		ranges[i] = (struct codearena_range) {
			.offset = granule_at(a, TRAP_PAGE, 45 - i),
			.length = self->granule,
		};
	ASSERT_ZERO(do_discard(self->fd, ranges, 40));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(before.out_sealed - 40 * self->granule, after.out_sealed);
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
	EXPECT_ZERO(do_write1(self->fd, granule_at(a, TRAP_PAGE, 6), "x", 1));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_write1(self->fd, granule_at(a, TRAP_PAGE, 5), "x",
				    1));
}

TEST_F(discard, as_many_entries_as_allowed)
{
	struct codearena_query query;
	struct codearena_range *ranges;
	struct arena a;
	uint32_t max;

	ASSERT_ZERO(do_query(self->fd, &query));
	max = query.out_max_entries;
	ASSERT_ZERO(arena_new(&a, max / 64 + 1, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	ASSERT_ZERO(do_seal(a.fd, 0, a.length, 0));
	ranges = calloc(max + 1, sizeof(*ranges));
	ASSERT_NE(NULL, ranges);
	for (uint64_t i = 0; i <= max; i++)
		ranges[i] = (struct codearena_range) {
			.offset = i * a.granule,
			.length = a.granule,
		};
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_discard(a.fd, ranges, max + 1));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_discard(a.fd, ranges, ~0U));
	EXPECT_ZERO(do_discard(a.fd, ranges, max));
	free(ranges);
	arena_free(&a);
}

TEST_F(discard, empty_or_unreadable_array)
{
	struct codearena_range range = { .length = self->granule };
	uint8_t *pages = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct codearena_range *last;

	ASSERT_NE(MAP_FAILED, (void *)pages);
	last = (void *)(pages + self->page);
	ASSERT_ZERO(mprotect(last, self->page, PROT_NONE));
	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_discard(self->fd, &range, 0));
	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_discard(self->fd, NULL, 1));
	for (uint32_t count = 1; count <= 64; count *= 2) {
		for (uint32_t i = 1; i < count; i++) {
			*(last - i) = range;
			(last - i)->offset = i * self->granule;
		}
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_discard(self->fd, last - count + 1,
					     count));
	}
	munmap(pages, 2 * self->page);
}

/* A batch of three, of which the range at each index in turn is refused. */
#define EXPECT_RANGE_REFUSED(expected_errno, at, bytes)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_range ranges_[3];		\
									\
			for (uint32_t i_ = 0; i_ < 3; i_++)		\
				ranges_[i_] = (struct codearena_range) { \
					.offset = i_ * self->granule,	\
					.length = self->granule,	\
				};					\
			ranges_[index_].offset = at;			\
			ranges_[index_].length = bytes;			\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_discard(self->fd, ranges_,	\
						     3));		\
		}							\
	} while (0)

/* Takes many snapshots, which are slow on the debug kernel. */
TEST_F(discard, misaligned)
{
	uint64_t at = page_at(&self->arena, WRITTEN_PAGE);

	for (uint64_t bytes = 1; bytes < self->granule; bytes++) {
		EXPECT_RANGE_REFUSED(EINVAL, at + bytes, self->granule);
		EXPECT_RANGE_REFUSED(EINVAL, at, bytes);
		EXPECT_RANGE_REFUSED(EINVAL, at, self->granule + bytes);
	}
}

TEST_F(discard, empty)
{
	EXPECT_RANGE_REFUSED(EINVAL, page_at(&self->arena, WRITTEN_PAGE), 0);
}

TEST_F(discard, wraps_around)
{
	EXPECT_RANGE_REFUSED(EOVERFLOW, -self->granule, self->granule);
	EXPECT_RANGE_REFUSED(EOVERFLOW, self->page, -self->page);
	EXPECT_RANGE_REFUSED(EOVERFLOW, -self->granule, 5 * self->granule);
}

TEST_F(discard, beyond_arena)
{
	EXPECT_RANGE_REFUSED(ENOENT, self->arena.length, self->granule);
	EXPECT_RANGE_REFUSED(ENOENT, self->page, self->arena.length);
	EXPECT_RANGE_REFUSED(ENOENT, -2 * self->granule, self->granule);
}

TEST_F(discard, not_committed)
{
	uint64_t reserved = page_at(&self->arena, RESERVED_PAGE);

	EXPECT_RANGE_REFUSED(ENOENT, reserved, self->granule);
	EXPECT_RANGE_REFUSED(ENOENT, reserved - self->granule,
			     2 * self->granule);
}

TEST_F(discard, granule_named_twice)
{
	struct arena *a = &self->arena;
	struct codearena_range ranges[3] = {
		{ .offset = 0, .length = 2 * self->granule },
		{ .offset = 4 * self->granule, .length = self->granule },
		{ .offset = self->granule, .length = 2 * self->granule },
	};

	EXPECT_REFUSED_AT(a, EBUSY, 2, do_discard(self->fd, ranges, 3));
	/* Also where nothing is sealed, and where one range covers another. */
	ranges[2].offset = 3 * self->granule;
	EXPECT_REFUSED_AT(a, EBUSY, 2, do_discard(self->fd, ranges, 3));
	ranges[1].offset = 0;
	EXPECT_REFUSED_AT(a, EBUSY, 1, do_discard(self->fd, ranges, 3));
	ranges[2].offset = 0;
	ranges[2].length = a->page;
	ranges[1].offset = 4 * self->granule;
	EXPECT_REFUSED_AT(a, EBUSY, 2, do_discard(self->fd, ranges, 3));
	/* Adjacent ranges are allowed, and no claim is left. */
	ranges[2].offset = 2 * self->granule;
	ranges[2].length = 2 * self->granule;
	EXPECT_ZERO(do_discard(self->fd, ranges, 3));
	EXPECT_ZERO(do_write1(self->fd, 0, "free", 4));
}

TEST_F(discard, permanent)
{
	struct arena a;
	struct codearena_range ranges[2];

	ASSERT_ZERO(arena_new(&a, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_PERMANENT, 0));
	ASSERT_ZERO(arena_populate(&a));
	EXPECT_REFUSED_AT(&a, EPERM, 0, do_discard1(a.fd, 0, a.granule));
	EXPECT_REFUSED_AT(&a, EPERM, 0,
			  do_discard1(a.fd, word_at(&a, 0), a.granule));
	EXPECT_REFUSED_AT(&a, EPERM, 0,
			  do_discard1(a.fd, page_at(&a, TRAP_PAGE), a.page));
	ranges[0].offset = page_at(&a, WRITTEN_PAGE);
	ranges[0].length = a.granule;
	ranges[1].offset = 0;
	ranges[1].length = a.granule;
	EXPECT_REFUSED_AT(&a, EPERM, 1, do_discard(a.fd, ranges, 2));
	/* Only sealed bytes are permanent. */
	EXPECT_ZERO(do_discard(a.fd, ranges, 1));
	EXPECT_TRAP_FILL(&a, ranges[0].offset, a.granule);
	arena_free(&a);
}

TEST_F(discard, out_failed_without_an_entry)
{
	struct codearena_discard command = {
		.size = sizeof(command),
		.flags = 1,
		.out_failed = 0,
	};

	EXPECT_REFUSED(&self->arena, EOPNOTSUPP,
		       ioctl(self->fd, CODEARENA_DISCARD, &command));
	EXPECT_EQ(CODEARENA_NO_INDEX, command.out_failed);
}

TEST_HARNESS_MAIN
