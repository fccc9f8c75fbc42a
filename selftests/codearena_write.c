// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* WRITE: bytes into committed granules which are not sealed. */
#include "lib/harness.h"

#include "lib/utils.h"

FIXTURE(write)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t granule;
	uint8_t *source;	/* four pages to read, one that faults */
	uint8_t *end;		/* where it faults */
};

FIXTURE_SETUP(write)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->granule = self->arena.granule;
	self->source = source_new(self->page, 4);
	ASSERT_NE(NULL, self->source);
	self->end = self->source + 4 * self->page;
}

FIXTURE_TEARDOWN(write)
{
	source_free(self->source, self->page, 4);
	arena_free(&self->arena);
}

/* STAT differs from *@before by this many written bytes and nothing else. */
#define EXPECT_WRITTEN_BY(before, bytes)				\
	do {								\
		struct codearena_stat now_;				\
									\
		ASSERT_ZERO(do_stat(self->fd, &now_));			\
		EXPECT_EQ((before)->out_written + (bytes),		\
			  now_.out_written);				\
		now_.out_written = (before)->out_written;		\
		EXPECT_EQ(0, memcmp(before, &now_, sizeof(now_)));	\
	} while (0)

TEST_F(write, any_offset_and_length)
{
	uint64_t base = page_at(&self->arena, TRAP_PAGE);
	static const uint64_t cases[][2] = {
		{ 0, 1 }, { 63, 1 }, { 127, 2 }, { 191, 66 }, { 513, 200 },
		{ 1024, 64 }, { 1087, 128 }, { 2000, 1999 },
	};
	uint8_t *wanted = malloc(self->page);
	struct codearena_stat stat;

	ASSERT_NE(NULL, wanted);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t offset = cases[i][0], length = cases[i][1];

		ASSERT_EQ(0, guarded_read(wanted, self->arena.view + base,
					  self->page));
		memcpy(wanted + offset, self->source, length);
		ASSERT_ZERO(do_stat(self->fd, &stat));
		EXPECT_ZERO(do_write1(self->fd, base + offset, self->source,
				      length));
		EXPECT_WRITTEN_BY(&stat, length);
		EXPECT_BYTES(self->arena.view + base, wanted, self->page);
	}
	free(wanted);
}

TEST_F(write, over_pages)
{
	uint64_t base = page_at(&self->arena, RESERVED_PAGE);

	ASSERT_ZERO(do_commit(self->fd, base, 3 * self->page));
	EXPECT_ZERO(do_write1(self->fd, base + 1, self->source,
			      3 * self->page - 1));
	ASSERT_ZERO(do_seal(self->fd, base, 3 * self->page, 0));
	EXPECT_TRAP_FILL(&self->arena, base, 1);
	EXPECT_BYTES(self->arena.view + base + 1, self->source,
		     3 * self->page - 1);
}

TEST_F(write, batch)
{
	uint64_t base = page_at(&self->arena, TRAP_PAGE);
	struct codearena_chunk chunks[40];
	struct codearena_stat stat;
	uint64_t bytes = 0;

	/* Descending and of all lengths, as far as granules do not meet. */
	for (unsigned int i = 0; i < 40; i++) {
		chunks[i] = chunk_of(base + (40 - i) * self->granule,
				     self->source + i, i + 1);
		bytes += i + 1;
	}
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_write(self->fd, chunks, 40));
	EXPECT_WRITTEN_BY(&stat, bytes);
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t at = chunks[i].offset;

		EXPECT_BYTES(self->arena.view + at, self->source + i, i + 1);
		EXPECT_TRAP_FILL(&self->arena, at + i + 1,
				 self->granule - i - 1);
	}
}

TEST_F(write, over_what_was_written)
{
	uint64_t base = page_at(&self->arena, WRITTEN_PAGE);
	uint8_t wanted[256];

	memset(wanted, WRITTEN_BYTE, sizeof(wanted));
	memcpy(wanted + 70, self->source, 100);
	ASSERT_ZERO(do_write1(self->fd, base + 70, self->source, 100));
	EXPECT_BYTES(self->arena.view + base, wanted, sizeof(wanted));
}

TEST_F(write, as_many_entries_as_allowed)
{
	struct codearena_query query;
	struct codearena_chunk *chunks;
	struct arena a;
	uint32_t max;

	ASSERT_ZERO(do_query(self->fd, &query));
	max = query.out_max_entries;
	ASSERT_ZERO(arena_new(&a, max / 64 + 1, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	chunks = calloc(max + 1, sizeof(*chunks));
	ASSERT_NE(NULL, chunks);
	for (uint32_t i = 0; i <= max; i++)
		chunks[i] = chunk_of((uint64_t)i * a.granule, self->source, 1);
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_write(a.fd, chunks, max + 1));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_write(a.fd, chunks, ~0U));
	EXPECT_ZERO(do_write(a.fd, chunks, max));
	free(chunks);
	arena_free(&a);
}

TEST_F(write, empty_or_unreadable_array)
{
	struct codearena_chunk chunk =
		chunk_of(page_at(&self->arena, TRAP_PAGE), self->source, 8);
	struct codearena_chunk *last = (void *)self->end;

	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_write(self->fd, &chunk, 0));
	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_write(self->fd, NULL, 1));
	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_write(self->fd, (void *)(1UL << 63), 1));
	/* Arrays of few and of many entries, of which the last one faults. */
	for (uint32_t count = 2; count <= 64; count *= 2) {
		for (uint32_t i = 1; i < count; i++)
			*(last - i) = chunk;
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_write(self->fd, last - count + 1, count));
	}
}

/* A batch of three, of which the entry at @index is refused. */
#define EXPECT_CHUNK_REFUSED(expected_errno, bad)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_chunk chunks_[3];		\
									\
			for (uint32_t i_ = 0; i_ < 3; i_++)		\
				chunks_[i_] = chunk_of(			\
					granule_at(&self->arena,	\
						   TRAP_PAGE, 3 + i_),	\
					self->source, self->granule);	\
			chunks_[index_] = bad;				\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_write(self->fd, chunks_, 3));\
		}							\
	} while (0)

TEST_F(write, empty_entry)
{
	EXPECT_CHUNK_REFUSED(EINVAL,
			     chunk_of(page_at(&self->arena, TRAP_PAGE),
				      self->source, 0));
}

TEST_F(write, wraps_around)
{
	EXPECT_CHUNK_REFUSED(EOVERFLOW, chunk_of(~0ULL, self->source, 1));
	EXPECT_CHUNK_REFUSED(EOVERFLOW, chunk_of(-8ULL, self->source, 16));
	EXPECT_CHUNK_REFUSED(EOVERFLOW,
			     chunk_of(page_at(&self->arena, TRAP_PAGE),
				      self->source, ~0ULL));
}

TEST_F(write, beyond_arena)
{
	uint64_t end = self->arena.length;

	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(end, self->source, 1));
	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(end - 1, self->source, 2));
	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(0, self->source, end + 1));
	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(-8ULL, self->source, 7));
}

TEST_F(write, not_committed)
{
	uint64_t reserved = page_at(&self->arena, RESERVED_PAGE);

	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(reserved, self->source, 1));
	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(reserved - 1, self->source, 2));
	EXPECT_CHUNK_REFUSED(ENOENT, chunk_of(self->arena.length - 1,
					      self->source, 1));
}

TEST_F(write, sealed)
{
	struct arena *a = &self->arena;
	uint64_t last = granule_at(a, TRAP_PAGE, LAST_GRANULE);

	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(0, self->source, 1));
	/* Patchable is sealed too. */
	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(word_at(a, 0), self->source, 8));
	/* The last byte of a long entry. */
	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(last - 1, self->source, 2));
	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(last + self->granule - 1,
					     self->source, 2));
	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(page_at(a, HIDDEN_PAGE) - 1,
					     self->source, 1));
	/* Bytes of a sealed granule after the object in it. */
	EXPECT_CHUNK_REFUSED(EPERM, chunk_of(self->granule - 1, self->source,
					     1));
}

/* Two entries that touch the same granule, though no byte of it twice. */
TEST_F(write, granule_named_twice)
{
	uint64_t base = page_at(&self->arena, TRAP_PAGE);
	struct codearena_chunk chunks[3] = {
		chunk_of(base, self->source, self->granule + 1),
		chunk_of(base + 4 * self->granule, self->source, 1),
		chunk_of(base + 2 * self->granule - 1, self->source, 1),
	};

	EXPECT_REFUSED_AT(&self->arena, EBUSY, 2,
			  do_write(self->fd, chunks, 3));
	chunks[2].offset = base + 4 * self->granule + 1;
	EXPECT_REFUSED_AT(&self->arena, EBUSY, 2,
			  do_write(self->fd, chunks, 3));
	chunks[1] = chunks[0];
	EXPECT_REFUSED_AT(&self->arena, EBUSY, 1,
			  do_write(self->fd, chunks, 3));
	/* Adjacent entries are allowed, and no claim is left. */
	chunks[1].offset = base + 2 * self->granule;
	EXPECT_ZERO(do_write(self->fd, chunks, 3));
}

/* The source ends at each boundary inside the entry. */
TEST_F(write, source_faults)
{
	static const uint64_t readable[] = { 0, 1, 63, 64, 65, 1000, 2000 };
	struct arena *a = &self->arena;

	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		uint8_t *source = self->end - readable[i];

		/* Over traps, and over written bytes. */
		EXPECT_CHUNK_REFUSED(EFAULT,
				     chunk_of(granule_at(a, TRAP_PAGE, 10),
					      source, readable[i] + 1));
		EXPECT_REFUSED_AT(a, EFAULT, 0,
				  do_write1(self->fd, page_at(a, WRITTEN_PAGE) +
					    5, source, readable[i] + 1));
	}
}

TEST_F(write, source_faults_in_the_second_page)
{
	struct arena *a = &self->arena;
	uint64_t hidden = page_at(a, HIDDEN_PAGE);
	uint64_t length = 3 * self->page - self->granule;
	uint8_t *bytes = malloc(length);

	/* Three pages that cannot be seen while nothing in them is sealed. */
	ASSERT_NE(NULL, bytes);
	ASSERT_ZERO(do_commit(self->fd, page_at(a, RESERVED_PAGE),
			      2 * self->page));
	memset(bytes, WRITTEN_BYTE, self->page);
	ASSERT_ZERO(do_write1(self->fd, hidden + self->page, bytes,
			      self->page));
	EXPECT_REFUSED_AT(a, EFAULT, 0,
			  do_write1(self->fd, hidden + 7,
				    self->end - length + 100, length));
	/* Traps, written bytes, traps, as before the call. */
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_ZERO(do_seal(self->fd, hidden + (i + 1) * self->page -
				    self->granule, self->granule, 0));
	EXPECT_TRAP_FILL(a, hidden, self->page);
	EXPECT_BYTES(a->view + hidden + self->page, bytes, self->page);
	EXPECT_TRAP_FILL(a, hidden + 2 * self->page, self->page);
	free(bytes);
}

/* Entries before the faulting one were copied already and are undone. */
TEST_F(write, source_faults_in_the_middle_of_a_batch)
{
	struct arena *a = &self->arena;

	for (uint32_t bad = 0; bad < 12; bad++) {
		struct codearena_chunk chunks[12];

		for (uint32_t i = 0; i < 12; i++)
			chunks[i] = chunk_of(granule_at(a, i % 2 ? TRAP_PAGE :
							WRITTEN_PAGE, 5 * i) +
					     i, self->source + i,
					     self->granule + 3);
		chunks[bad].source = (uintptr_t)self->end - 20;
		EXPECT_REFUSED_AT(a, EFAULT, bad,
				  do_write(self->fd, chunks, 12));
		chunks[bad].source = 0;
		EXPECT_REFUSED_AT(a, EFAULT, bad,
				  do_write(self->fd, chunks, 12));
		chunks[bad].source = 1ULL << 63;
		EXPECT_REFUSED_AT(a, EFAULT, bad,
				  do_write(self->fd, chunks, 12));
	}
}

/* The granule is as free as before: the same call with good bytes succeeds. */
TEST_F(write, again_after_fault)
{
	uint64_t base = page_at(&self->arena, TRAP_PAGE);

	EXPECT_REFUSED_AT(&self->arena, EFAULT, 0,
			  do_write1(self->fd, base, self->end - 8, 64));
	EXPECT_ZERO(do_write1(self->fd, base, self->source, 64));
	EXPECT_BYTES(self->arena.view + base, self->source, 64);
	/* What a refused call had begun to write does not come back. */
	EXPECT_REFUSED_AT(&self->arena, EFAULT, 0,
			  do_write1(self->fd, base, self->end - 8, 64));
	EXPECT_BYTES(self->arena.view + base, self->source, 64);
}

TEST_F(write, out_failed_without_an_entry)
{
	struct codearena_write command = {
		.size = sizeof(command),
		.flags = 1,
		.out_failed = 0,
	};

	EXPECT_REFUSED(&self->arena, EOPNOTSUPP,
		       ioctl(self->fd, CODEARENA_WRITE, &command));
	EXPECT_EQ(CODEARENA_NO_INDEX, command.out_failed);
}

/* The arena's own code view may be the source, its unreadable parts not. */
TEST_F(write, source_is_the_code_view)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_write1(self->fd, granule_at(a, TRAP_PAGE, 7), a->view,
			      CODE_SIZE));
	EXPECT_BYTES(a->view + granule_at(a, TRAP_PAGE, 7), a->view, CODE_SIZE);
	EXPECT_REFUSED_AT(a, EFAULT, 0,
			  do_write1(self->fd, granule_at(a, TRAP_PAGE, 8),
				    a->view + page_at(a, HIDDEN_PAGE), 8));
	/* A copy of pages that this very call is writing to. */
	EXPECT_ZERO(do_write1(self->fd, granule_at(a, TRAP_PAGE, 9),
			      a->view + granule_at(a, TRAP_PAGE, 9), 64));
	EXPECT_TRAP_FILL(a, granule_at(a, TRAP_PAGE, 9), 64);
}

TEST_HARNESS_MAIN
