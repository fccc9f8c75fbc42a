// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * PUBLISH with CODEARENA_OBJECT_F_REPLACE: other code in the place of sealed code,
 * all or nothing. Each test runs with the module's fast paths and without.
 */
#include "lib/harness.h"

#include "lib/utils.h"

#define REPLACE	CODEARENA_OBJECT_F_REPLACE
#define SLOW_PATH "/sys/module/codearena/parameters/slow_path"

FIXTURE(replace)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t granule;
	uint8_t *source;	/* four pages to read, one that faults */
	uint8_t *end;		/* where it faults */
	bool unable;
};

FIXTURE_VARIANT(replace)
{
	const char *slow_path;
};

FIXTURE_VARIANT_ADD(replace, fast) { .slow_path = "0" };
FIXTURE_VARIANT_ADD(replace, general) { .slow_path = "1" };

FIXTURE_SETUP(replace)
{
	self->unable = write_file(SLOW_PATH, variant->slow_path);
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->granule = self->arena.granule;
	self->source = source_new(self->page, 4);
	ASSERT_NE(NULL, self->source);
	self->end = self->source + 4 * self->page;
}

FIXTURE_TEARDOWN(replace)
{
	write_file(SLOW_PATH, "0");
	source_free(self->source, self->page, 4);
	arena_free(&self->arena);
}

#define NEED_PARAMETER()						\
	do {								\
		if (self->unable)					\
			SKIP(return, "cannot set " SLOW_PATH);		\
	} while (0)

TEST_F(replace, function_runs)
{
	uint8_t code[CODE_SIZE];

	NEED_PARAMETER();
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	for (uint32_t i = 0; i < 60; i++) {
		code_return(code, 0xc0de0000 + i);
		ASSERT_ZERO(do_publish1(self->fd, 0, code, CODE_SIZE, REPLACE));
		EXPECT_RETURNS(0xc0de0000 + i, self->arena.view);
		EXPECT_TRAP_FILL(&self->arena, CODE_SIZE,
				 self->granule - CODE_SIZE);
		EXPECT_BYTES(self->arena.view + word_at(&self->arena, 0),
			     &(uint64_t){ WORD(0) }, 8);
	}
}

TEST_F(replace, counts)
{
	struct codearena_stat before, after;

	NEED_PARAMETER();
	/* The patchable granule, and one that holds nothing. */
	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_publish1(self->fd, word_at(&self->arena, 0),
				self->source, self->granule + 3, REPLACE));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(before.out_sealed + self->granule, after.out_sealed);
	EXPECT_EQ(before.out_patchable - self->granule, after.out_patchable);
	EXPECT_EQ(before.out_discarded + self->granule, after.out_discarded);
	EXPECT_EQ(before.out_published + 1, after.out_published);
	EXPECT_EQ(before.out_written + self->granule + 3, after.out_written);
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
	EXPECT_EQ(before.out_committed, after.out_committed);
	EXPECT_EQ(before.out_metadata, after.out_metadata);
}

/* Where nothing was sealed, it is as without the flag. */
TEST_F(replace, nothing_to_replace)
{
	const uint64_t at[] = {
		granule_at(&self->arena, TRAP_PAGE, 5),
		granule_at(&self->arena, WRITTEN_PAGE, 5),
		granule_at(&self->arena, HIDDEN_PAGE, 5),
	};
	struct codearena_object object =
		object_of(granule_at(&self->arena, TRAP_PAGE, 9), self->source,
			  8, REPLACE);
	const uint64_t length = self->granule + 6;
	struct codearena_stat before, after;

	NEED_PARAMETER();
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		ASSERT_ZERO(do_stat(self->fd, &before));
		ASSERT_ZERO(do_publish1(self->fd, at[i], self->source, length,
					REPLACE));
		ASSERT_ZERO(do_stat(self->fd, &after));
		EXPECT_EQ(before.out_sealed + 2 * self->granule,
			  after.out_sealed);
		EXPECT_EQ(before.out_discarded, after.out_discarded);
		EXPECT_EQ(before.out_syncs, after.out_syncs);
		EXPECT_BYTES(self->arena.view + at[i], self->source, length);
		EXPECT_TRAP_FILL(&self->arena, at[i] + length,
				 2 * self->granule - length);
	}
	/* The flag of the call still counts. */
	ASSERT_ZERO(do_publish(self->fd, &object, 1, NULL, 0,
			       CODEARENA_PUBLISH_F_SYNC));
	ASSERT_ZERO(do_stat(self->fd, &before));
	EXPECT_EQ(after.out_syncs + 1, before.out_syncs);
}

TEST_F(replace, permission_to_patch)
{
	struct arena *a = &self->arena;
	uint64_t value;

	NEED_PARAMETER();
	memcpy(&value, self->source, sizeof(value));
	/* Withdrawn, given, kept. */
	ASSERT_ZERO(do_publish1(self->fd, word_at(a, 0), self->source, 64,
				REPLACE));
	EXPECT_REFUSED_AT(a, EPERM, 0,
			  do_patch1(self->fd, word_at(a, 0), 8, value, 1));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_ZERO(do_publish1(self->fd, word_at(a, 0), self->source,
					64,
					REPLACE | CODEARENA_OBJECT_F_PATCHABLE));
		EXPECT_ZERO(do_patch1(self->fd, word_at(a, 0), 8, value, 1));
	}
}

/* Sealed, written and pristine granules, over three pages. */
TEST_F(replace, object_over_pages)
{
	struct arena *a = &self->arena;
	uint64_t length = 2 * self->page + 8 * self->granule - 12;
	struct codearena_stat before, after;

	NEED_PARAMETER();
	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_publish1(self->fd, granule_at(a, CODE_PAGE, 1),
				self->source, length, REPLACE));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_BYTES(a->view + granule_at(a, CODE_PAGE, 1), self->source,
		     length);
	EXPECT_RETURNS(CODE_VALUE, a->view);
	/* The words, and the last granules of two pages. */
	EXPECT_EQ(before.out_discarded + 3 * self->granule,
		  after.out_discarded);
	EXPECT_EQ(before.out_sealed + (136 - 3) * self->granule,
		  after.out_sealed);
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
}

TEST_F(replace, objects_with_and_without)
{
	struct arena *a = &self->arena;
	uint8_t code[2][CODE_SIZE];
	struct codearena_object objects[3] = {
		object_of(granule_at(a, TRAP_PAGE, 1), code[0], CODE_SIZE, 0),
		object_of(0, code[1], CODE_SIZE, REPLACE),
		object_of(granule_at(a, WRITTEN_PAGE, 1), self->source, 99, 0),
	};
	struct codearena_patch_entry patches[2] = {
		patch_of(word_at(a, 0), 8, WORD(0), 1),
		patch_of(word_at(a, 1), 8, WORD(1), 2),
	};
	struct codearena_stat before, after;

	NEED_PARAMETER();
	code_return(code[0], 11);
	code_return(code[1], 22);
	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_publish(self->fd, objects, 3, patches, 2,
			       CODEARENA_PUBLISH_F_SYNC));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_RETURNS(11, a->view + objects[0].offset);
	EXPECT_RETURNS(22, a->view);
	EXPECT_BYTES(a->view + objects[2].offset, self->source, 99);
	EXPECT_BYTES(a->view + word_at(a, 0), ((uint64_t[]){ 1, 2 }), 16);
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
	EXPECT_EQ(before.out_discarded + self->granule, after.out_discarded);
}

static int call_it(void *arg)
{
	const struct arena *a = arg;
	uint32_t result = 0;

	CHECK(guarded_call(a->view, &result) == 0);
	return (int)result;
}

/* In a process that has the old code mapped, and in its own. */
TEST_F(replace, other_process_sees_it)
{
	int turn[2], done[2], status;
	uint8_t code[CODE_SIZE];
	char byte;
	pid_t pid;

	NEED_PARAMETER();
	ASSERT_ZERO(pipe(turn));
	ASSERT_ZERO(pipe(done));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (call_it(&self->arena) != CODE_VALUE ||
		    write(done[1], "x", 1) != 1 || read(turn[0], &byte, 1) != 1)
			_exit(1);
		_exit(call_it(&self->arena));
	}
	ASSERT_EQ(1, read(done[0], &byte, 1));
	code_return(code, 77);
	EXPECT_ZERO(do_publish1(self->fd, 0, code, CODE_SIZE, REPLACE));
	EXPECT_RETURNS(77, self->arena.view);
	ASSERT_EQ(1, write(turn[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(77, WEXITSTATUS(status));
	for (unsigned int i = 0; i < 2; i++) {
		close(turn[i]);
		close(done[i]);
	}
}

/* A page that CLONE shares is copied first, on either side. */
TEST_F(replace, clone_keeps_its_code)
{
	struct arena clone = self->arena;
	uint8_t code[2][CODE_SIZE];

	NEED_PARAMETER();
	code_return(code[0], 88);
	code_return(code[1], 99);
	clone.fd = do_clone(self->fd);
	ASSERT_LE(0, clone.fd);
	clone.view = arena_map(&clone, clone.fd);
	ASSERT_NE(MAP_FAILED, (void *)clone.view);
	EXPECT_RETURNS(CODE_VALUE, clone.view);
	ASSERT_ZERO(do_publish1(self->fd, 0, code[0], CODE_SIZE, REPLACE));
	EXPECT_RETURNS(88, self->arena.view);
	EXPECT_RETURNS(CODE_VALUE, clone.view);
	ASSERT_ZERO(do_publish1(clone.fd, 0, code[1], CODE_SIZE, REPLACE));
	EXPECT_RETURNS(88, self->arena.view);
	EXPECT_RETURNS(99, clone.view);
	arena_free(&clone);
}

#define EXPECT_STILL_RUNS()						\
	EXPECT_RETURNS(CODE_VALUE, self->arena.view)

/* A batch of three, of which the object at each index in turn is refused. */
#define EXPECT_OBJECT_REFUSED(expected_errno, bad)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_object objects_[3] = {		\
				object_of(0, self->source, 64, REPLACE), \
				object_of(word_at(&self->arena, 0),	\
					  self->source, 64, REPLACE),	\
				object_of(granule_at(&self->arena,	\
						     WRITTEN_PAGE, 3),	\
					  self->source, 64, 0),		\
			};						\
									\
			objects_[index_] = bad;				\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_publish(self->fd, objects_, 3,\
						     NULL, 0, 0));	\
		}							\
		EXPECT_REFUSED_AT(&self->arena, expected_errno, 0,	\
				  do_publish(self->fd,			\
					     (struct codearena_object[]){ \
						bad },			\
					     1, NULL, 0, 0));		\
		EXPECT_STILL_RUNS();					\
	} while (0)

TEST_F(replace, refused_objects)
{
	struct arena *a = &self->arena;
	uint64_t last = granule_at(a, TRAP_PAGE, LAST_GRANULE);

	NEED_PARAMETER();
	EXPECT_OBJECT_REFUSED(EINVAL, object_of(last, self->source, 0,
						REPLACE));
	EXPECT_OBJECT_REFUSED(EINVAL, object_of(last + 1, self->source, 8,
						REPLACE));
	EXPECT_OBJECT_REFUSED(EOVERFLOW, object_of(last, self->source, ~0ULL,
						   REPLACE));
	EXPECT_OBJECT_REFUSED(ENOENT, object_of(a->length, self->source, 8,
						REPLACE));
	EXPECT_OBJECT_REFUSED(ENOENT,
			      object_of(page_at(a, RESERVED_PAGE), self->source,
					8, REPLACE));
	EXPECT_OBJECT_REFUSED(ENOENT,
			      object_of(page_at(a, RESERVED_PAGE) -
					self->granule, self->source,
					self->granule + 1, REPLACE));
	/* Sealed, and without the flag. */
	EXPECT_OBJECT_REFUSED(EPERM, object_of(last, self->source, 8, 0));
}

TEST_F(replace, source_faults)
{
	static const uint64_t readable[] = { 0, 1, 63, 64, 65, 1000, 4000 };
	struct arena *a = &self->arena;

	NEED_PARAMETER();
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		EXPECT_OBJECT_REFUSED(EFAULT,
				      object_of(granule_at(a, WRITTEN_PAGE, 10),
						self->end - readable[i],
						readable[i] + 1, REPLACE));
}

TEST_F(replace, granule_named_twice)
{
	struct codearena_object objects[3] = {
		object_of(0, self->source, self->granule + 1, REPLACE),
		object_of(granule_at(&self->arena, TRAP_PAGE, 0), self->source,
			  1, 0),
		object_of(self->granule, self->source, 1, REPLACE),
	};

	NEED_PARAMETER();
	EXPECT_REFUSED_AT(&self->arena, EBUSY, 2,
			  do_publish(self->fd, objects, 3, NULL, 0, 0));
	EXPECT_STILL_RUNS();
}

TEST_F(replace, patch_of_replaced_code)
{
	struct arena *a = &self->arena;
	struct codearena_object object =
		object_of(word_at(a, 0), self->source, 64,
			  REPLACE | CODEARENA_OBJECT_F_PATCHABLE);
	struct codearena_patch_entry patches[2] = {
		patch_of(word_at(a, 1), 8, WORD(1), 1),
		patch_of(word_at(a, 0), 8, ~WORD(0), 1),
	};

	NEED_PARAMETER();
	EXPECT_REFUSED_AT(a, EBUSY, 1,
			  do_publish(self->fd, &object, 1, patches, 1, 0));
	/* The patch of other code is the one that does not hold. */
	object.offset = 0;
	EXPECT_REFUSED_AT(a, EAGAIN, 2,
			  do_publish(self->fd, &object, 1, patches, 2, 0));
	EXPECT_STILL_RUNS();
}

TEST_F(replace, permanent_arena)
{
	struct arena a;

	NEED_PARAMETER();
	ASSERT_ZERO(arena_new(&a, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_PERMANENT, 0));
	ASSERT_ZERO(arena_populate(&a));
	EXPECT_REFUSED_AT(&a, EPERM, 0,
			  do_publish1(a.fd, 0, self->source, 8, REPLACE));
	/* Whether there is something to replace or not. */
	EXPECT_REFUSED_AT(&a, EPERM, 0,
			  do_publish1(a.fd, granule_at(&a, TRAP_PAGE, 0),
				      self->source, 8, REPLACE));
	EXPECT_RETURNS(CODE_VALUE, a.view);
	arena_free(&a);
}

TEST_F(replace, not_the_owner)
{
	int fd;

	NEED_PARAMETER();
	fd = do_share(self->fd);
	ASSERT_LE(0, fd);
	EXPECT_REFUSED(&self->arena, EBADF,
		       do_publish1(fd, 0, self->source, 8, REPLACE));
	close(fd);
	EXPECT_STILL_RUNS();
}

TEST_F(replace, is_reported)
{
	struct codearena_query query;

	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_NE(0, query.out_features & CODEARENA_FEATURE_REPLACE);
}

TEST_HARNESS_MAIN
