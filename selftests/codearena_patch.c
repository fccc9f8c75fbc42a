// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* PATCH: compare and exchange words of sealed, patchable granules. */
#include "lib/harness.h"

#include "lib/utils.h"

FIXTURE(patch)
{
	struct arena arena;
	int fd;
};

FIXTURE_SETUP(patch)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
}

FIXTURE_TEARDOWN(patch)
{
	arena_free(&self->arena);
}

/* STAT differs from *@before by these patched words and syncs alone. */
#define EXPECT_PATCHED_BY(before, words, syncs)				\
	do {								\
		struct codearena_stat now_;				\
									\
		ASSERT_ZERO(do_stat(self->fd, &now_));			\
		EXPECT_EQ((before)->out_patched + (words),		\
			  now_.out_patched);				\
		EXPECT_EQ((before)->out_syncs + (syncs), now_.out_syncs); \
		now_.out_patched = (before)->out_patched;		\
		now_.out_syncs = (before)->out_syncs;			\
		EXPECT_EQ(0, memcmp(before, &now_, sizeof(now_)));	\
	} while (0)

TEST_F(patch, eight_bytes)
{
	struct codearena_stat stat;
	uint64_t words[8];

	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_patch1(self->fd, word_at(&self->arena, 5), 8, WORD(5),
			      POISON64));
	EXPECT_PATCHED_BY(&stat, 1, 0);
	for (unsigned int i = 0; i < 8; i++)
		words[i] = i == 5 ? POISON64 : WORD(i);
	EXPECT_BYTES(self->arena.view + word_at(&self->arena, 0), words, 64);
}

/* Of a word of eight bytes only the named half changes. */
TEST_F(patch, four_bytes)
{
	uint32_t halves[2];
	uint64_t at = word_at(&self->arena, 2);

	memcpy(halves, &(uint64_t){ WORD(2) }, sizeof(halves));
	ASSERT_ZERO(do_patch1(self->fd, at + 4, 4, halves[1], 0xffffffff));
	halves[1] = 0xffffffff;
	EXPECT_BYTES(self->arena.view + at, halves, 8);
	ASSERT_ZERO(do_patch1(self->fd, at, 4, halves[0], 0));
	halves[0] = 0;
	EXPECT_BYTES(self->arena.view + at, halves, 8);
	EXPECT_BYTES(self->arena.view + at + 8, &(uint64_t){ WORD(3) }, 8);
}

TEST_F(patch, code_runs_with_the_new_word)
{
	uint8_t code[64];
	uint64_t expected, value;
	uint64_t at = granule_at(&self->arena, TRAP_PAGE, 0);

	if (!HAVE_CODE)
		SKIP(return, "no code for this architecture");
	memset(code, 0, sizeof(code));
	code_return(code, 1);
	memcpy(&expected, code, 8);
	code_return(code, 2);
	memcpy(&value, code, 8);
	code_return(code, 1);
	ASSERT_ZERO(do_publish1(self->fd, at, code, sizeof(code),
				CODEARENA_OBJECT_F_PATCHABLE));
	for (unsigned int i = 0; i < 100; i++) {
		EXPECT_RETURNS(1, self->arena.view + at);
		ASSERT_ZERO(do_patch1(self->fd, at, 8, expected, value));
		EXPECT_RETURNS(2, self->arena.view + at);
		ASSERT_ZERO(do_patch1(self->fd, at, 8, value, expected));
	}
}

TEST_F(patch, sync_is_counted)
{
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1);
	struct codearena_stat stat;

	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_patch(self->fd, &patch, 1, CODEARENA_PATCH_F_SYNC));
	EXPECT_PATCHED_BY(&stat, 1, 1);
}

TEST_F(patch, same_value)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_patch1(self->fd, word_at(&self->arena, 0), 8, WORD(0),
			      WORD(0)));
	EXPECT_PATCHED_BY(&stat, 1, 0);
}

/* Any order, adjacent words, both widths. */
TEST_F(patch, unsorted_batch)
{
	struct arena *a = &self->arena;
	uint32_t halves[2];
	struct codearena_patch_entry patches[6] = {
		patch_of(word_at(a, 6), 8, WORD(6), 60),
		patch_of(word_at(a, 1), 8, WORD(1), 10),
		patch_of(word_at(a, 7), 8, WORD(7), 70),
		patch_of(word_at(a, 3) + 4, 4, 0, 31),
		patch_of(word_at(a, 2), 8, WORD(2), 20),
		patch_of(word_at(a, 3), 4, 0, 30),
	};
	struct codearena_stat stat;
	uint64_t words[8];

	memcpy(halves, &(uint64_t){ WORD(3) }, sizeof(halves));
	patches[3].expected = halves[1];
	patches[5].expected = halves[0];
	ASSERT_ZERO(do_stat(self->fd, &stat));
	ASSERT_ZERO(do_patch(self->fd, patches, 6, 0));
	EXPECT_PATCHED_BY(&stat, 6, 0);
	for (unsigned int i = 0; i < 8; i++)
		words[i] = i * 10;
	words[0] = WORD(0);
	words[4] = WORD(4);
	words[5] = WORD(5);
	halves[0] = 30;
	halves[1] = 31;
	memcpy(&words[3], halves, sizeof(halves));
	EXPECT_BYTES(a->view + word_at(a, 0), words, 64);
}

TEST_F(patch, as_many_entries_as_allowed)
{
	struct codearena_query query;
	struct codearena_patch_entry *patches;
	uint32_t max;
	uint64_t *words;
	struct arena a;

	ASSERT_ZERO(do_query(self->fd, &query));
	max = query.out_max_entries;
	ASSERT_ZERO(arena_new(&a, max * 8 / self->arena.page + 1, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	words = calloc(max + 1, sizeof(*words));
	patches = calloc(max + 1, sizeof(*patches));
	ASSERT_NE(NULL, words);
	ASSERT_NE(NULL, patches);
	ASSERT_ZERO(do_publish1(a.fd, 0, words, (max + 1) * 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	/* Descending, so that the check for duplicates has to sort. */
	for (uint64_t i = 0; i <= max; i++)
		patches[i] = patch_of((max - i) * 8, 8, 0, i + 1);
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_patch(a.fd, patches, max + 1, 0));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_patch(a.fd, patches, ~0U, 0));
	EXPECT_ZERO(do_patch(a.fd, patches, max, 0));
	for (uint64_t i = 0; i < max; i++) {
		uint64_t word;

		memcpy(&word, a.view + (max - i) * 8, sizeof(word));
		if (word != i + 1) {
			EXPECT_EQ(i + 1, word);
			break;
		}
	}
	/* A duplicate at the far end of a large batch is found. */
	patches[max - 1] = patches[7];
	patches[7].expected = 8;
	EXPECT_REFUSED_AT(&a, EINVAL, max - 1,
			  do_patch(a.fd, patches, max, 0));
	free(words);
	free(patches);
	arena_free(&a);
}

/* A batch of three, of which the entry at each index in turn is refused. */
#define EXPECT_ENTRY_REFUSED(expected_errno, bad)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_patch_entry patches_[3];	\
									\
			for (uint32_t i_ = 0; i_ < 3; i_++)		\
				patches_[i_] = patch_of(		\
					word_at(&self->arena, 5 + i_),	\
					8, WORD(5 + i_), i_);		\
			patches_[index_] = bad;				\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_patch(self->fd, patches_, 3,\
						   0));			\
		}							\
	} while (0)

TEST_F(patch, other_value)
{
	struct arena *a = &self->arena;

	EXPECT_ENTRY_REFUSED(EAGAIN, patch_of(word_at(a, 0), 8, WORD(1), 1));
	EXPECT_ENTRY_REFUSED(EAGAIN, patch_of(word_at(a, 0), 8, WORD(0) ^ 1,
					      1));
	EXPECT_ENTRY_REFUSED(EAGAIN, patch_of(word_at(a, 0), 8,
					      WORD(0) ^ 1ULL << 63, 1));
	EXPECT_ENTRY_REFUSED(EAGAIN, patch_of(word_at(a, 0), 4,
					      (uint32_t)WORD(0) ^ 1U << 31, 1));
	/* The new value does not count as the expected one. */
	EXPECT_ENTRY_REFUSED(EAGAIN, patch_of(word_at(a, 0), 8, 1, WORD(0)));
}

TEST_F(patch, not_patchable)
{
	struct arena *a = &self->arena;

	/* Sealed without; written; pristine; hidden. */
	EXPECT_ENTRY_REFUSED(EPERM, patch_of(0, 8, 0, 1));
	EXPECT_ENTRY_REFUSED(EPERM, patch_of(granule_at(a, CODE_PAGE, 2), 8,
					     0, 1));
	EXPECT_ENTRY_REFUSED(EPERM, patch_of(page_at(a, WRITTEN_PAGE), 8,
					     0x5a5a5a5a5a5a5a5a, 1));
	EXPECT_ENTRY_REFUSED(EPERM, patch_of(page_at(a, TRAP_PAGE), 8,
					     0xcccccccccccccccc, 1));
	EXPECT_ENTRY_REFUSED(EPERM, patch_of(page_at(a, HIDDEN_PAGE), 8,
					     0xcccccccccccccccc, 1));
}

TEST_F(patch, not_committed)
{
	struct arena *a = &self->arena;

	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(page_at(a, RESERVED_PAGE), 8, 0,
					      1));
	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(a->length - 4, 4, 0, 1));
}

TEST_F(patch, beyond_arena)
{
	struct arena *a = &self->arena;

	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(a->length, 8, 0, 1));
	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(a->length, 4, 0, 1));
	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(1ULL << 40, 8, 0, 1));
	EXPECT_ENTRY_REFUSED(ENOENT, patch_of(-16ULL, 8, 0, 1));
}

TEST_F(patch, wraps_around)
{
	EXPECT_ENTRY_REFUSED(EOVERFLOW, patch_of(-8ULL, 8, 0, 1));
	EXPECT_ENTRY_REFUSED(EOVERFLOW, patch_of(-4ULL, 4, 0, 1));
}

TEST_F(patch, misaligned)
{
	struct arena *a = &self->arena;

	for (unsigned int bytes = 1; bytes < 8; bytes++) {
		EXPECT_ENTRY_REFUSED(EINVAL, patch_of(word_at(a, 0) + bytes, 8,
						      WORD(0), 1));
		if (bytes != 4)
			EXPECT_ENTRY_REFUSED(EINVAL,
					     patch_of(word_at(a, 0) + bytes, 4,
						      0, 1));
	}
}

TEST_F(patch, every_other_width)
{
	struct arena *a = &self->arena;

	for (unsigned int width = 0; width < 70; width++) {
		if (width != 4 && width != 8)
			EXPECT_ENTRY_REFUSED(EINVAL,
					     patch_of(word_at(a, 0), width,
						      WORD(0), 1));
	}
	EXPECT_ENTRY_REFUSED(EINVAL, patch_of(word_at(a, 0), 1U << 31, 0, 1));
	EXPECT_ENTRY_REFUSED(EINVAL, patch_of(word_at(a, 0), ~0U, 0, 1));
}

TEST_F(patch, four_bytes_with_more_bits)
{
	uint64_t at = word_at(&self->arena, 0);
	uint64_t held = (uint32_t)WORD(0);

	for (unsigned int bit = 32; bit < 64; bit++) {
		EXPECT_ENTRY_REFUSED(EINVAL,
				     patch_of(at, 4, held | 1ULL << bit, 1));
		EXPECT_ENTRY_REFUSED(EINVAL,
				     patch_of(at, 4, held, 1ULL << bit));
	}
}

TEST_F(patch, reserved_member)
{
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1);

	for (unsigned int bit = 0; bit < 32; bit++) {
		patch.__reserved = 1U << bit;
		EXPECT_ENTRY_REFUSED(EOPNOTSUPP, patch);
	}
}

TEST_F(patch, word_named_twice)
{
	struct arena *a = &self->arena;
	uint32_t halves[2];
	struct codearena_patch_entry patches[3] = {
		patch_of(word_at(a, 0), 8, WORD(0), 1),
		patch_of(word_at(a, 1), 8, WORD(1), 1),
		patch_of(word_at(a, 0), 8, WORD(0), 2),
	};

	memcpy(halves, &(uint64_t){ WORD(0) }, sizeof(halves));
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	/* Not even if the second continues where the first ends. */
	patches[2] = patch_of(word_at(a, 0), 8, 1, 2);
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	/* Its lower and upper half, after it and before it. */
	patches[2] = patch_of(word_at(a, 0), 4, halves[0], 2);
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	patches[2] = patch_of(word_at(a, 0) + 4, 4, halves[1], 2);
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	patches[2] = patches[0];
	patches[0] = patch_of(word_at(a, 0) + 4, 4, halves[1], 2);
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	patches[0] = patch_of(word_at(a, 0), 4, halves[0], 2);
	EXPECT_REFUSED_AT(a, EINVAL, 2, do_patch(self->fd, patches, 3, 0));
	/* Neighbours, in sorted order: the second of two equal ones. */
	patches[1] = patches[0];
	patches[2] = patch_of(word_at(a, 1), 8, WORD(1), 1);
	EXPECT_REFUSED_AT(a, EINVAL, 1, do_patch(self->fd, patches, 3, 0));
	patches[1] = patch_of(word_at(a, 0) + 4, 4, halves[1], 2);
	EXPECT_ZERO(do_patch(self->fd, patches, 3, 0));
}

TEST_F(patch, empty_or_unreadable_array)
{
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1);
	uint8_t *pages = mmap(NULL, 2 * self->arena.page,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct codearena_patch_entry *last;

	ASSERT_NE(MAP_FAILED, (void *)pages);
	last = (void *)(pages + self->arena.page);
	ASSERT_ZERO(mprotect(last, self->arena.page, PROT_NONE));
	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_patch(self->fd, &patch, 0, 0));
	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_patch(self->fd, NULL, 1, 0));
	for (uint32_t count = 1; count <= 64; count *= 2) {
		for (uint32_t i = 1; i < count; i++)
			*(last - i) = patch_of(word_at(&self->arena, i % 8), 8,
					       WORD(i % 8), 1);
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_patch(self->fd, last - count + 1, count,
					   0));
	}
	munmap(pages, 2 * self->arena.page);
}

TEST_F(patch, refused_sync_is_no_sync)
{
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(1), 1);

	EXPECT_REFUSED_AT(&self->arena, EAGAIN, 0,
			  do_patch(self->fd, &patch, 1,
				   CODEARENA_PATCH_F_SYNC));
}

TEST_F(patch, out_failed_without_an_entry)
{
	struct codearena_patch command = {
		.size = sizeof(command),
		.flags = 2,
		.out_failed = 0,
	};

	EXPECT_REFUSED(&self->arena, EOPNOTSUPP,
		       ioctl(self->fd, CODEARENA_PATCH, &command));
	EXPECT_EQ(CODEARENA_NO_INDEX, command.out_failed);
}

/* Without SYNC, too, other processes see the word through their views. */
TEST_F(patch, reaches_all_views)
{
	uint8_t *second = arena_map(&self->arena, self->fd);
	uint64_t value = 99;

	ASSERT_NE(MAP_FAILED, (void *)second);
	EXPECT_BYTES(second + word_at(&self->arena, 0), &(uint64_t){ WORD(0) },
		     8);
	ASSERT_ZERO(do_patch1(self->fd, word_at(&self->arena, 0), 8, WORD(0),
			      value));
	EXPECT_BYTES(second + word_at(&self->arena, 0), &value, 8);
	munmap(second, self->arena.length);
}

TEST_HARNESS_MAIN
