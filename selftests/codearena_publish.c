// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* PUBLISH: objects and patches of one call, all or nothing. */
#include "lib/harness.h"

#include "lib/utils.h"

FIXTURE(publish)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t granule;
	uint8_t *source;	/* four pages to read, one that faults */
	uint8_t *end;		/* where it faults */
	uint64_t free;		/* pristine granules of TRAP_PAGE begin here */
};

FIXTURE_SETUP(publish)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->granule = self->arena.granule;
	self->free = page_at(&self->arena, TRAP_PAGE);
	self->source = source_new(self->page, 4);
	ASSERT_NE(NULL, self->source);
	self->end = self->source + 4 * self->page;
}

FIXTURE_TEARDOWN(publish)
{
	source_free(self->source, self->page, 4);
	arena_free(&self->arena);
}

TEST_F(publish, function_runs)
{
	uint8_t code[CODE_SIZE];

	for (uint32_t i = 0; i < 60; i++) {
		uint64_t at = self->free + i * self->granule;

		code_return(code, 0xc0de0000 + i);
		ASSERT_ZERO(do_publish1(self->fd, at, code, CODE_SIZE, 0));
		EXPECT_RETURNS(0xc0de0000 + i, self->arena.view + at);
		EXPECT_TRAP_FILL(&self->arena, at + CODE_SIZE,
				 self->granule - CODE_SIZE);
	}
}

TEST_F(publish, counts)
{
	struct codearena_stat before, after;
	struct codearena_object objects[3] = {
		object_of(self->free, self->source, 1, 0),
		object_of(self->free + self->granule, self->source,
			  self->granule, CODEARENA_OBJECT_F_PATCHABLE),
		object_of(self->free + 2 * self->granule, self->source,
			  self->granule + 1, 0),
	};
	struct codearena_patch_entry patches[2] = {
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1),
		patch_of(word_at(&self->arena, 1), 4, (uint32_t)WORD(1), 1),
	};

	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_publish(self->fd, objects, 3, patches, 2, 0));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(before.out_sealed + 4 * self->granule, after.out_sealed);
	EXPECT_EQ(before.out_patchable + self->granule, after.out_patchable);
	EXPECT_EQ(before.out_published + 3, after.out_published);
	EXPECT_EQ(before.out_written + 2 * self->granule + 2, after.out_written);
	EXPECT_EQ(before.out_patched + 2, after.out_patched);
	EXPECT_EQ(before.out_committed, after.out_committed);
	EXPECT_EQ(before.out_discarded, after.out_discarded);
	EXPECT_EQ(before.out_syncs, after.out_syncs);
}

TEST_F(publish, sync)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);
	struct codearena_stat before, after;

	ASSERT_ZERO(do_stat(self->fd, &before));
	ASSERT_ZERO(do_publish(self->fd, &object, 1, NULL, 0,
			       CODEARENA_PUBLISH_F_SYNC));
	ASSERT_ZERO(do_stat(self->fd, &after));
	EXPECT_EQ(before.out_syncs + 1, after.out_syncs);
}

TEST_F(publish, rest_of_granule_is_trapped_and_sealed)
{
	uint64_t written = page_at(&self->arena, WRITTEN_PAGE);
	uint64_t length = self->granule + 6;

	/* Over granules that held written bytes. */
	ASSERT_ZERO(do_publish1(self->fd, written, self->source, length, 0));
	EXPECT_BYTES(self->arena.view + written, self->source, length);
	EXPECT_TRAP_FILL(&self->arena, written + length,
			 2 * self->granule - length);
	EXPECT_REFUSED_AT(&self->arena, EPERM, 0,
			  do_write1(self->fd, written + 2 * self->granule - 1,
				    self->source, 1));
	EXPECT_ZERO(do_write1(self->fd, written + 2 * self->granule,
			      self->source, 1));
}

TEST_F(publish, object_over_pages)
{
	uint64_t base = page_at(&self->arena, RESERVED_PAGE);
	uint64_t length = 3 * self->page + 5;

	ASSERT_ZERO(do_commit(self->fd, base, 4 * self->page));
	ASSERT_ZERO(do_publish1(self->fd, base + 7 * self->granule,
				self->source, length, 0));
	EXPECT_BYTES(self->arena.view + base + 7 * self->granule, self->source,
		     length);
	EXPECT_TRAP_FILL(&self->arena, base, 7 * self->granule);
	EXPECT_TRAP_FILL(&self->arena, base + 7 * self->granule + length,
			 self->page - 7 * self->granule - 5);
}

/* The order of a jump table: slots after the functions they target. */
TEST_F(publish, patches_follow_objects)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);
	struct codearena_patch_entry patches[8];

	for (unsigned int i = 0; i < 8; i++)
		patches[i] = patch_of(word_at(&self->arena, 7 - i), 8,
				      WORD(7 - i), i);
	ASSERT_ZERO(do_publish(self->fd, &object, 1, patches, 8, 0));
	for (uint64_t i = 0; i < 8; i++)
		EXPECT_BYTES(self->arena.view + word_at(&self->arena, 7 - i),
			     &i, sizeof(i));
}

TEST_F(publish, empty_arrays)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1);

	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(self->fd, &object, 0, NULL, 0, 0));
	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(self->fd, &object, 0, &patch, 1, 0));
}

TEST_F(publish, unreadable_arrays)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);
	struct codearena_patch_entry patch =
		patch_of(word_at(&self->arena, 0), 8, WORD(0), 1);
	struct codearena_object *last_object = (void *)self->end;
	struct codearena_patch_entry *last_patch = (void *)self->end;

	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_publish(self->fd, NULL, 1, NULL, 0, 0));
	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_publish(self->fd, &object, 1, NULL, 1, 0));
	for (uint32_t count = 1; count <= 64; count *= 2) {
		for (uint32_t i = 1; i < count; i++)
			*(last_object - i) = object;
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_publish(self->fd, last_object - count + 1,
					     count, NULL, 0, 0));
		for (uint32_t i = 1; i < count; i++)
			*(last_patch - i) = patch;
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_publish(self->fd, &object, 1,
					     last_patch - count + 1, count, 0));
	}
}

/* Pages of the source that are there only after a fault, and then one not at all. */
TEST_F(publish, source_not_resident)
{
	struct codearena_object objects[2];
	uint8_t wanted[64];
	uint8_t *source;
	int file = memfd_create("source", 0);

	ASSERT_LE(0, file);
	ASSERT_EQ((ssize_t)(2 * self->page),
		  write(file, self->source, 2 * self->page));
	for (unsigned int i = 0; i < 2; i++) {
		source = mmap(NULL, 3 * self->page, PROT_READ, MAP_SHARED, file,
			      0);
		ASSERT_NE(MAP_FAILED, (void *)source);
		ASSERT_ZERO(madvise(source, 2 * self->page, MADV_RANDOM));
		/* One that is there, one that is not. */
		memcpy(wanted, source + self->page - 32, 32);
		memcpy(wanted + 32, self->source + self->page, 32);
		objects[0] = object_of(self->free + 4 * i * self->granule,
				       self->source, 32, 0);
		objects[1] = object_of(self->free +
				       (4 * i + 2) * self->granule,
				       source + self->page - 32, 64, 0);
		ASSERT_ZERO(do_publish(self->fd, objects, 2, NULL, 0, 0));
		EXPECT_BYTES(self->arena.view + objects[1].offset, wanted, 64);
		EXPECT_BYTES(self->arena.view + objects[0].offset, self->source,
			     32);
		ASSERT_ZERO(munmap(source, 3 * self->page));
	}
	/* Behind the end of the file there is no page to come. */
	source = mmap(NULL, 3 * self->page, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)source);
	objects[0].offset = self->free + 16 * self->granule;
	objects[1] = object_of(self->free + 20 * self->granule,
			       source + 2 * self->page - 32, 64, 0);
	EXPECT_REFUSED_AT(&self->arena, EFAULT, 1,
			  do_publish(self->fd, objects, 2, NULL, 0, 0));
	EXPECT_TRAP_FILL(&self->arena, objects[0].offset, self->granule);
	EXPECT_TRAP_FILL(&self->arena, objects[1].offset, self->granule);
	munmap(source, 3 * self->page);
	close(file);
}

TEST_F(publish, too_many_entries)
{
	struct codearena_query query;
	struct codearena_patch_entry *patches;
	struct codearena_object *objects;
	struct codearena_stat stat;
	uint64_t *zeros;
	struct arena a;
	uint32_t max;

	ASSERT_ZERO(do_query(self->fd, &query));
	max = query.out_max_entries;
	/* A granule for each object, and words in as many bytes again. */
	ASSERT_ZERO(arena_new(&a, max / 64 + max * 8 / self->page + 2, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	objects = calloc(max + 1, sizeof(*objects));
	patches = calloc(max + 1, sizeof(*patches));
	zeros = calloc(max + 1, sizeof(*zeros));
	ASSERT_NE(NULL, objects);
	ASSERT_NE(NULL, patches);
	ASSERT_NE(NULL, zeros);
	ASSERT_ZERO(do_publish1(a.fd, (max / 64 + 1) * self->page, zeros,
				max * 8, CODEARENA_OBJECT_F_PATCHABLE));
	for (uint64_t i = 0; i <= max; i++) {
		objects[i] = object_of(i * a.granule, self->source, 4, 0);
		patches[i] = patch_of((max / 64 + 1) * self->page + i * 8, 8,
				      0, i);
	}
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(a.fd, objects, max + 1, NULL, 0, 0));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(a.fd, objects, ~0U, NULL, 0, 0));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(a.fd, objects, 1, patches, max + 1, 0));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_publish(a.fd, objects, 1, patches, ~0U, 0));
	EXPECT_ZERO(do_publish(a.fd, objects, max, patches, max, 0));
	ASSERT_ZERO(do_stat(a.fd, &stat));
	EXPECT_EQ(max + 1, stat.out_published);
	EXPECT_EQ(max, stat.out_patched);
	free(objects);
	free(patches);
	free(zeros);
	arena_free(&a);
}

/* A batch of three, of which the object at each index in turn is refused. */
#define EXPECT_OBJECT_REFUSED(expected_errno, bad)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_object objects_[3];		\
			struct codearena_patch_entry patch_ =		\
				patch_of(word_at(&self->arena, 3), 8,	\
					 WORD(3), 77);			\
									\
			for (uint32_t i_ = 0; i_ < 3; i_++)		\
				objects_[i_] = object_of(		\
					self->free + i_ * self->granule, \
					self->source, self->granule, 0); \
			objects_[index_] = bad;				\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_publish(self->fd, objects_, 3,\
						     &patch_, 1, 0));	\
		}							\
	} while (0)

TEST_F(publish, unknown_object_flags)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);

	static const uint32_t known = CODEARENA_OBJECT_F_PATCHABLE |
				      CODEARENA_OBJECT_F_REPORT |
				      CODEARENA_OBJECT_F_REPLACE;

	for (unsigned int bit = 0; bit < 32; bit++) {
		if (known & 1U << bit)
			continue;
		object.flags = 1U << bit;
		EXPECT_OBJECT_REFUSED(EOPNOTSUPP, object);
		object.flags |= known;
		EXPECT_OBJECT_REFUSED(EOPNOTSUPP, object);
	}
}

TEST_F(publish, patch_reserved_member)
{
	struct codearena_object object = object_of(self->free, self->source, 8,
						   0);

	for (unsigned int bit = 0; bit < 32; bit++) {
		struct codearena_patch_entry patches[2] = {
			patch_of(word_at(&self->arena, 0), 8, WORD(0), 1),
			patch_of(word_at(&self->arena, 1), 8, WORD(1), 1),
		};

		patches[1].__reserved = 1U << bit;
		EXPECT_REFUSED_AT(&self->arena, EOPNOTSUPP, 2,
				  do_publish(self->fd, &object, 1, patches, 2,
					     0));
	}
}

TEST_F(publish, misaligned_object)
{
	for (uint64_t bytes = 1; bytes < self->granule; bytes++)
		EXPECT_OBJECT_REFUSED(EINVAL,
				      object_of(granule_at(&self->arena,
							   TRAP_PAGE, 10) +
						bytes, self->source, 8, 0));
}

TEST_F(publish, empty_object)
{
	EXPECT_OBJECT_REFUSED(EINVAL, object_of(self->free, self->source, 0,
						0));
}

TEST_F(publish, object_wraps_around)
{
	EXPECT_OBJECT_REFUSED(EOVERFLOW, object_of(self->free, self->source,
						   ~0ULL, 0));
	EXPECT_OBJECT_REFUSED(EOVERFLOW, object_of(-self->granule, self->source,
						   self->granule, 0));
}

TEST_F(publish, object_beyond_arena)
{
	uint64_t end = self->arena.length;

	EXPECT_OBJECT_REFUSED(ENOENT, object_of(end, self->source, 1, 0));
	EXPECT_OBJECT_REFUSED(ENOENT, object_of(end - self->granule,
						self->source,
						self->granule + 1, 0));
	/* Only filling up its last granule would wrap. */
	EXPECT_OBJECT_REFUSED(ENOENT, object_of(-self->granule, self->source,
						self->granule - 1, 0));
	EXPECT_OBJECT_REFUSED(ENOENT, object_of(0, self->source, 1ULL << 62,
						0));
}

TEST_F(publish, object_not_committed)
{
	uint64_t reserved = page_at(&self->arena, RESERVED_PAGE);

	EXPECT_OBJECT_REFUSED(ENOENT, object_of(reserved, self->source, 1, 0));
	EXPECT_OBJECT_REFUSED(ENOENT, object_of(reserved - self->granule,
						self->source,
						self->granule + 1, 0));
}

TEST_F(publish, sealed_already)
{
	struct arena *a = &self->arena;

	EXPECT_OBJECT_REFUSED(EPERM, object_of(0, self->source, 1, 0));
	EXPECT_OBJECT_REFUSED(EPERM,
			      object_of(word_at(a, 0), self->source, 8,
					CODEARENA_OBJECT_F_PATCHABLE));
	EXPECT_OBJECT_REFUSED(EPERM,
			      object_of(granule_at(a, TRAP_PAGE,
						   LAST_GRANULE - 1),
					self->source, self->granule + 1, 0));
}

TEST_F(publish, granule_named_twice)
{
	struct codearena_object objects[3] = {
		object_of(self->free, self->source, self->granule + 1, 0),
		object_of(self->free + 4 * self->granule, self->source, 1, 0),
		object_of(self->free + self->granule, self->source, 1, 0),
	};

	EXPECT_REFUSED_AT(&self->arena, EBUSY, 2,
			  do_publish(self->fd, objects, 3, NULL, 0, 0));
	objects[1] = objects[0];
	EXPECT_REFUSED_AT(&self->arena, EBUSY, 1,
			  do_publish(self->fd, objects, 3, NULL, 0, 0));
	objects[1].offset += 2 * self->granule;
	objects[2].offset += 4 * self->granule;
	EXPECT_ZERO(do_publish(self->fd, objects, 3, NULL, 0, 0));
}

TEST_F(publish, source_faults)
{
	static const uint64_t readable[] = { 0, 1, 63, 64, 65, 1000, 2000 };

	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		uint8_t *source = self->end - readable[i];

		EXPECT_OBJECT_REFUSED(EFAULT,
				      object_of(self->free + 8 * self->granule,
						source, readable[i] + 1, 0));
		EXPECT_OBJECT_REFUSED(EFAULT,
				      object_of(page_at(&self->arena,
							WRITTEN_PAGE),
						source, readable[i] + 1, 0));
	}
}

/* The objects before it were copied already and are undone. */
TEST_F(publish, source_faults_in_the_middle_of_a_batch)
{
	struct arena *a = &self->arena;

	for (uint32_t bad = 0; bad < 10; bad++) {
		struct codearena_object objects[10];

		for (uint32_t i = 0; i < 10; i++)
			objects[i] = object_of(granule_at(a, i % 2 ?
							     TRAP_PAGE :
							     WRITTEN_PAGE,
							  5 * i),
					       self->source + i,
					       self->granule + 3, 0);
		objects[bad].source = (uintptr_t)self->end - 66;
		EXPECT_REFUSED_AT(a, EFAULT, bad,
				  do_publish(self->fd, objects, 10, NULL, 0,
					     0));
		objects[bad].source = 1ULL << 63;
		EXPECT_REFUSED_AT(a, EFAULT, bad,
				  do_publish(self->fd, objects, 10, NULL, 0,
					     0));
	}
}

TEST_F(publish, source_faults_in_a_hidden_page)
{
	uint64_t hidden = page_at(&self->arena, HIDDEN_PAGE);

	EXPECT_REFUSED_AT(&self->arena, EFAULT, 0,
			  do_publish1(self->fd, hidden, self->end - 500, 1000,
				      0));
	ASSERT_ZERO(do_seal(self->fd, hidden, self->granule, 0));
	EXPECT_TRAP_FILL(&self->arena, hidden, self->page);
}

/* The object is good, the patch at index 1 is not: nothing of both happens. */
#define EXPECT_PATCH_REFUSED(expected_errno, bad)			\
	do {								\
		struct codearena_object objects_[2] = {			\
			object_of(self->free, self->source, 65, 0),	\
			object_of(page_at(&self->arena, WRITTEN_PAGE),	\
				  self->source, 65,			\
				  CODEARENA_OBJECT_F_PATCHABLE),	\
		};							\
		struct codearena_patch_entry patches_[3] = {		\
			patch_of(word_at(&self->arena, 0), 8, WORD(0), 1), \
			bad,						\
			patch_of(word_at(&self->arena, 2), 8, WORD(2), 1), \
		};							\
									\
		EXPECT_REFUSED_AT(&self->arena, expected_errno, 3,	\
				  do_publish(self->fd, objects_, 2,	\
					     patches_, 3, 0));		\
	} while (0)

TEST_F(publish, refused_patches)
{
	struct arena *a = &self->arena;

	EXPECT_PATCH_REFUSED(EAGAIN, patch_of(word_at(a, 1), 8, ~WORD(1), 1));
	EXPECT_PATCH_REFUSED(EPERM, patch_of(0, 8, 0, 1));
	EXPECT_PATCH_REFUSED(EPERM, patch_of(self->free + 20 * self->granule,
					     8, 0, 1));
	EXPECT_PATCH_REFUSED(ENOENT, patch_of(page_at(a, RESERVED_PAGE), 8, 0,
					      1));
	EXPECT_PATCH_REFUSED(ENOENT, patch_of(a->length, 8, 0, 1));
	EXPECT_PATCH_REFUSED(EINVAL, patch_of(word_at(a, 1) + 4, 8, 0, 1));
	EXPECT_PATCH_REFUSED(EINVAL, patch_of(word_at(a, 1), 2, 0, 1));
	EXPECT_PATCH_REFUSED(EINVAL, patch_of(word_at(a, 1), 4, 1ULL << 32, 1));
	EXPECT_PATCH_REFUSED(EINVAL, patch_of(word_at(a, 0), 8, WORD(0), 1));
	EXPECT_PATCH_REFUSED(EOVERFLOW, patch_of(-8ULL, 8, 0, 1));
}

/* What this call makes patchable was not so before it. */
TEST_F(publish, patch_of_an_object_of_the_same_call)
{
	struct codearena_object object =
		object_of(self->free, self->source, 64,
			  CODEARENA_OBJECT_F_PATCHABLE);
	struct codearena_patch_entry patch;
	uint64_t value;

	memcpy(&value, self->source, sizeof(value));
	patch = patch_of(self->free, 8, value, 1);
	EXPECT_REFUSED_AT(&self->arena, EPERM, 1,
			  do_publish(self->fd, &object, 1, &patch, 1, 0));
	ASSERT_ZERO(do_publish(self->fd, &object, 1, NULL, 0, 0));
	EXPECT_ZERO(do_patch(self->fd, &patch, 1, 0));
}

TEST_F(publish, patchable_object_can_be_patched)
{
	uint64_t value, next = 0x1122334455667788;

	ASSERT_ZERO(do_publish1(self->fd, self->free, self->source, 64, 0));
	ASSERT_ZERO(do_publish1(self->fd, self->free + self->granule,
				self->source, 64,
				CODEARENA_OBJECT_F_PATCHABLE));
	memcpy(&value, self->source + 56, sizeof(value));
	EXPECT_REFUSED_AT(&self->arena, EPERM, 0,
			  do_patch1(self->fd, self->free + 56, 8, value, next));
	EXPECT_ZERO(do_patch1(self->fd, self->free + self->granule + 56, 8,
			      value, next));
	EXPECT_BYTES(self->arena.view + self->free + self->granule + 56, &next,
		     8);
}

TEST_F(publish, out_failed_without_an_entry)
{
	struct codearena_publish command = {
		.size = sizeof(command),
		.flags = 1U << 31,
		.out_failed = 0,
	};

	EXPECT_REFUSED(&self->arena, EOPNOTSUPP,
		       ioctl(self->fd, CODEARENA_PUBLISH, &command));
	EXPECT_EQ(CODEARENA_NO_INDEX, command.out_failed);
}

TEST_HARNESS_MAIN
