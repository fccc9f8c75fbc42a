// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What TRAP_REGISTER, TRAP_RELEASE, TRAP_LANDING and the traps of PUBLISH
 * accept and refuse. Where a trap goes is not the subject of this file.
 */
#include "lib/harness.h"

#include "lib/utils.h"

#define EXTERNAL CODEARENA_LANDING_EXTERNAL

FIXTURE(table)
{
	struct arena arena;
	int fd;
	uint64_t granule;
	uint64_t code;		/* eight sealed granules, free of tables */
	uint64_t pad;		/* a sealed granule elsewhere, likewise */
	uint64_t id;		/* of the last registration */
	uint8_t *source;	/* a page to read, and one that faults */
	uint8_t *end;		/* where it faults */
};

FIXTURE_SETUP(table)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(arena_new(a, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(a));
	self->fd = a->fd;
	self->granule = a->granule;
	self->code = granule_at(a, TRAP_PAGE, 16);
	self->pad = granule_at(a, TRAP_PAGE, 40);
	ASSERT_ZERO(do_seal(a->fd, self->code, 8 * a->granule, 0));
	ASSERT_ZERO(do_seal(a->fd, self->pad, a->granule, 0));
	self->source = mmap(NULL, 2 * a->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->source);
	self->end = self->source + a->page;
	ASSERT_ZERO(mprotect(self->end, a->page, PROT_NONE));
}

FIXTURE_TEARDOWN(table)
{
	munmap(self->source, 2 * self->arena.page);
	arena_free(&self->arena);
}

static struct codearena_trap trap_of(uint32_t start, uint32_t length,
				     uint64_t landing)
{
	return (struct codearena_trap) {
		.start = start,
		.length = length,
		.landing = landing,
	};
}

static int do_register(int fd, uint64_t offset, uint64_t length,
		       const struct codearena_trap *traps, uint32_t count,
		       uint64_t *id)
{
	struct codearena_trap_register command = {
		.size = sizeof(command),
		.offset = offset,
		.length = length,
		.traps = (uintptr_t)traps,
		.count = count,
		.out_failed = POISON32,
		.out_id = 0,
	};
	int ret = ioctl(fd, CODEARENA_TRAP_REGISTER, &command);

	last_failed = command.out_failed;
	*id = command.out_id;
	return ret;
}

static int do_register1(int fd, uint64_t offset, uint64_t length,
			struct codearena_trap trap, uint64_t *id)
{
	return do_register(fd, offset, length, &trap, 1, id);
}

static int do_release(int fd, uint64_t id)
{
	struct codearena_trap_release command = {
		.size = sizeof(command),
		.id = id,
	};

	return ioctl(fd, CODEARENA_TRAP_RELEASE, &command);
}

static int do_landing(int fd, uint64_t address)
{
	struct codearena_trap_landing command = {
		.size = sizeof(command),
		.address = address,
	};

	return ioctl(fd, CODEARENA_TRAP_LANDING, &command);
}

/* One table for self->code. */
#define REGISTER(...)							\
	do_register(self->fd, self->code, 8 * self->granule,		\
		    ((struct codearena_trap[]) { __VA_ARGS__ }),	\
		    sizeof((struct codearena_trap[]) { __VA_ARGS__ }) /	\
			    sizeof(struct codearena_trap), &self->id)

#define EXPECT_TABLES(tables, entries)					\
	do {								\
		struct codearena_stat stat_;				\
									\
		ASSERT_ZERO(do_stat(self->fd, &stat_));			\
		EXPECT_EQ(tables, stat_.out_trap_tables);		\
		EXPECT_EQ(entries, stat_.out_trap_entries);		\
	} while (0)

TEST_F(table, registered_and_released)
{
	uint64_t first;

	ASSERT_ZERO(REGISTER(trap_of(0, 1, self->pad), trap_of(64, 8, EXTERNAL),
			     trap_of(4, 1, self->code + 128)));
	first = self->id;
	EXPECT_NE(0, first);
	EXPECT_TABLES(1, 3);
	ASSERT_ZERO(do_register1(self->fd, self->pad, self->granule,
				 trap_of(8, 8, EXTERNAL), &self->id));
	EXPECT_NE(0, self->id);
	EXPECT_NE(first, self->id);
	EXPECT_TABLES(2, 4);
	ASSERT_ZERO(do_release(self->fd, first));
	EXPECT_TABLES(1, 1);
	ASSERT_ZERO(do_release(self->fd, self->id));
	EXPECT_TABLES(0, 0);
}

TEST_F(table, unknown_ids)
{
	struct arena *a = &self->arena;
	uint64_t first;

	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, 0));
	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, ~0ULL));
	ASSERT_ZERO(REGISTER(trap_of(0, 1, EXTERNAL)));
	first = self->id;
	for (unsigned int bit = 0; bit < 64; bit++)
		EXPECT_REFUSED(a, ENOENT, do_release(self->fd,
						     first ^ 1ULL << bit));
	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, 0));
	ASSERT_ZERO(do_release(self->fd, first));
	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, first));
	/* A new table at the same place is another one. */
	ASSERT_ZERO(REGISTER(trap_of(0, 1, EXTERNAL)));
	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, first));
	EXPECT_ZERO(do_release(self->fd, self->id));
}

#define EXPECT_REGISTER_REFUSED(expected_errno, offset, length)		\
	EXPECT_REFUSED_AT(&self->arena, expected_errno,			\
			  CODEARENA_NO_INDEX,				\
			  do_register1(self->fd, offset, length,	\
				       trap_of(0, 1, EXTERNAL), &self->id))

TEST_F(table, code_that_cannot_have_one)
{
	struct arena *a = &self->arena;

	EXPECT_REGISTER_REFUSED(EINVAL, self->code, 0);
	EXPECT_REGISTER_REFUSED(EOVERFLOW, self->code, -self->code);
	EXPECT_REGISTER_REFUSED(EOVERFLOW, ~0ULL, 1);
	EXPECT_REGISTER_REFUSED(ENOENT, a->length, 1);
	EXPECT_REGISTER_REFUSED(ENOENT, self->code, a->length);
	EXPECT_REGISTER_REFUSED(ENOENT, page_at(a, RESERVED_PAGE), 1);
	/* Pristine, written, hidden; and a first or last byte of these. */
	EXPECT_REGISTER_REFUSED(ENOENT, page_at(a, TRAP_PAGE), 1);
	EXPECT_REGISTER_REFUSED(ENOENT, page_at(a, WRITTEN_PAGE), 1);
	EXPECT_REGISTER_REFUSED(ENOENT, page_at(a, HIDDEN_PAGE), 1);
	EXPECT_REGISTER_REFUSED(ENOENT, self->code - 1, self->granule);
	EXPECT_REGISTER_REFUSED(ENOENT, self->code, 8 * self->granule + 1);
}

TEST_F(table, number_of_entries)
{
	struct codearena_query query;
	struct codearena_trap *traps;
	struct arena a;
	uint32_t max;

	EXPECT_REFUSED_AT(&self->arena, EINVAL, CODEARENA_NO_INDEX,
			  do_register(self->fd, self->code, 1, NULL, 0,
				      &self->id));
	ASSERT_ZERO(do_query(self->fd, &query));
	max = query.out_max_entries;
	ASSERT_ZERO(arena_new(&a, 4 * max / self->arena.page + 1, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, a.length));
	ASSERT_ZERO(do_seal(a.fd, 0, a.length, 0));
	traps = calloc(max + 1, sizeof(*traps));
	ASSERT_NE(NULL, traps);
	/* Descending, so that they have to be sorted. */
	for (uint32_t i = 0; i <= max; i++)
		traps[i] = trap_of((max - i) * 4, 4, EXTERNAL);
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_register(a.fd, 0, a.length, traps, max + 1,
				      &self->id));
	EXPECT_REFUSED_AT(&a, EINVAL, CODEARENA_NO_INDEX,
			  do_register(a.fd, 0, a.length, traps, ~0U,
				      &self->id));
	EXPECT_ZERO(do_register(a.fd, 0, a.length, traps, max, &self->id));
	free(traps);
	arena_free(&a);
}

TEST_F(table, unreadable_entries)
{
	struct codearena_trap *last = (void *)self->end;

	EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
			  do_register(self->fd, self->code, 64, NULL, 1,
				      &self->id));
	for (uint32_t count = 1; count <= 64; count *= 2) {
		for (uint32_t i = 1; i < count; i++)
			*(last - i) = trap_of(count - i, 1, EXTERNAL);
		EXPECT_REFUSED_AT(&self->arena, EFAULT, CODEARENA_NO_INDEX,
				  do_register(self->fd, self->code, 64,
					      last - count + 1, count,
					      &self->id));
	}
}

/* Three entries, of which the one at each index in turn is refused. */
#define EXPECT_ENTRY_REFUSED(expected_errno, bad)			\
	do {								\
		for (uint32_t index_ = 0; index_ < 3; index_++) {	\
			struct codearena_trap traps_[3] = {		\
				trap_of(0, 1, self->pad),		\
				trap_of(1, 1, EXTERNAL),		\
				trap_of(2, 1, self->code + 64),		\
			};						\
									\
			traps_[index_] = bad;				\
			EXPECT_REFUSED_AT(&self->arena, expected_errno,	\
					  index_,			\
					  do_register(self->fd,		\
						      self->code, 512,	\
						      traps_, 3,	\
						      &self->id));	\
		}							\
	} while (0)

TEST_F(table, entries_outside_of_the_code)
{
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(100, 0, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(512, 1, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(511, 2, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(100, 413, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(~0U, 1, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(100, ~0U, EXTERNAL));
	EXPECT_ENTRY_REFUSED(EINVAL, trap_of(100, -100U, EXTERNAL));
}

TEST_F(table, overlapping_entries)
{
	EXPECT_REFUSED_AT(&self->arena, EINVAL, 1,
			  REGISTER(trap_of(0, 5, EXTERNAL),
				   trap_of(4, 1, EXTERNAL)));
	EXPECT_REFUSED_AT(&self->arena, EINVAL, 2,
			  REGISTER(trap_of(0, 4, EXTERNAL),
				   trap_of(4, 9, EXTERNAL),
				   trap_of(12, 4, EXTERNAL)));
	EXPECT_REFUSED_AT(&self->arena, EINVAL, 1,
			  REGISTER(trap_of(9, 1, EXTERNAL),
				   trap_of(9, 1, self->pad)));
	/* Not in order. */
	EXPECT_REFUSED(&self->arena, EINVAL,
		       REGISTER(trap_of(4, 1, EXTERNAL),
				trap_of(0, 5, EXTERNAL)));
	EXPECT_ZERO(REGISTER(trap_of(4, 1, EXTERNAL), trap_of(0, 4, EXTERNAL)));
}

TEST_F(table, landing_pads_that_are_none)
{
	struct arena *a = &self->arena;
	static const uint64_t far[] = { 1ULL << 31, 1ULL << 32, 1ULL << 62 };

	EXPECT_REFUSED(a, ENOENT, REGISTER(trap_of(0, 1, a->length)));
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		EXPECT_REFUSED(a, ENOENT, REGISTER(trap_of(0, 1, far[i])));
		EXPECT_REFUSED(a, ENOENT, REGISTER(trap_of(0, 1, far[i] +
							   self->pad)));
	}
	EXPECT_REFUSED(a, ENOENT, REGISTER(trap_of(0, 1, -16ULL)));
	EXPECT_REFUSED(a, ENOENT,
		       REGISTER(trap_of(0, 1, page_at(a, RESERVED_PAGE))));
	EXPECT_REFUSED(a, ENOENT,
		       REGISTER(trap_of(0, 1, page_at(a, TRAP_PAGE))));
	EXPECT_REFUSED(a, ENOENT,
		       REGISTER(trap_of(0, 1, page_at(a, WRITTEN_PAGE))));
	EXPECT_REFUSED(a, ENOENT,
		       REGISTER(trap_of(0, 1, page_at(a, HIDDEN_PAGE))));
	EXPECT_REFUSED(a, ENOENT,
		       REGISTER(trap_of(0, 1, self->pad + self->granule)));
	for (unsigned int i = 1; i < 4; i++)
		if (i % INSN_ALIGN)
			EXPECT_REFUSED(a, EINVAL,
				       REGISTER(trap_of(0, 1, self->pad + i)));
	/* In a protected range: of its own, and of another entry. */
	EXPECT_REFUSED(a, EINVAL, REGISTER(trap_of(0, 8, self->code + 4)));
	EXPECT_REFUSED(a, EINVAL, REGISTER(trap_of(0, 1, self->code)));
	EXPECT_REFUSED(a, EINVAL, REGISTER(trap_of(0, 1, self->code + 64),
					   trap_of(60, 5, EXTERNAL)));
	EXPECT_ZERO(REGISTER(trap_of(0, 1, self->code + 64),
			     trap_of(60, 4, EXTERNAL)));
}

TEST_F(table, code_that_has_one)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_register1(self->fd, self->code + 64, 64,
				 trap_of(0, 1, EXTERNAL), &self->id));
	EXPECT_REFUSED(a, EEXIST, REGISTER(trap_of(0, 1, EXTERNAL)));
	EXPECT_REGISTER_REFUSED(EEXIST, self->code + 64, 64);
	EXPECT_REGISTER_REFUSED(EEXIST, self->code + 127, 1);
	EXPECT_REGISTER_REFUSED(EEXIST, self->code, 65);
	EXPECT_REGISTER_REFUSED(EEXIST, self->code + 80, 8);
	/* There is room next to it, on both sides. */
	EXPECT_ZERO(do_register1(self->fd, self->code, 64,
				 trap_of(0, 1, EXTERNAL), &self->id));
	EXPECT_ZERO(do_register1(self->fd, self->code + 128, 64,
				 trap_of(0, 1, EXTERNAL), &self->id));
	EXPECT_TABLES(3, 3);
}

/* No pad in a protected range of another table, in either order. */
TEST_F(table, pads_and_ranges_of_two_tables)
{
	struct arena *a = &self->arena;
	struct codearena_trap cover = trap_of(8, 8, EXTERNAL);
	uint64_t first;

	ASSERT_ZERO(do_register1(self->fd, self->pad, self->granule, cover,
				 &first));
	EXPECT_REFUSED(a, EEXIST, REGISTER(trap_of(0, 1, self->pad + 8)));
	EXPECT_REFUSED(a, EEXIST, REGISTER(trap_of(0, 1, self->pad + 12)));
	ASSERT_ZERO(do_release(self->fd, first));
	ASSERT_ZERO(REGISTER(trap_of(0, 1, self->pad + 12)));
	EXPECT_REFUSED(a, EEXIST,
		       do_register1(self->fd, self->pad, self->granule, cover,
				    &self->id));
	cover = trap_of(4, 8, EXTERNAL);
	EXPECT_ZERO(do_register1(self->fd, self->pad, self->granule, cover,
				 &self->id));
}

/* A pad stays as long as a table names it. */
TEST_F(table, code_of_a_pad)
{
	struct arena *a = &self->arena;
	struct codearena_range ranges[2] = {
		{ page_at(a, WRITTEN_PAGE), a->granule },
		{ self->pad, a->granule },
	};

	ASSERT_ZERO(REGISTER(trap_of(0, 1, self->pad + 8)));
	EXPECT_REFUSED_AT(a, EBUSY, 0, do_discard1(self->fd, self->pad,
						   a->granule));
	EXPECT_REFUSED_AT(a, EBUSY, 1, do_discard(self->fd, ranges, 2));
	/* Both go together, or the table first. */
	ranges[0] = (struct codearena_range) { self->code, a->granule };
	EXPECT_ZERO(do_discard(self->fd, ranges, 2));
	EXPECT_TABLES(0, 0);
	EXPECT_REFUSED(a, ENOENT, do_release(self->fd, self->id));
}

TEST_F(table, decommit_of_a_pad)
{
	struct arena *a = &self->arena;

	ASSERT_ZERO(do_register1(self->fd, 0, a->granule,
				 trap_of(0, 1, self->pad), &self->id));
	EXPECT_REFUSED(a, EBUSY, do_decommit(self->fd, page_at(a, TRAP_PAGE),
					     a->page));
	EXPECT_ZERO(do_decommit(self->fd, 0, 3 * a->page));
	EXPECT_TABLES(0, 0);
}

TEST_F(table, discarding_releases)
{
	ASSERT_ZERO(REGISTER(trap_of(0, 1, self->pad)));
	/* A granule without an entry of the table counts like the others. */
	ASSERT_ZERO(do_discard1(self->fd, self->code + 7 * self->granule,
				self->granule));
	EXPECT_TABLES(0, 0);
	EXPECT_ERRNO(ENOENT, do_release(self->fd, self->id));
	EXPECT_ZERO(do_discard1(self->fd, self->pad, self->granule));
}

TEST_F(table, external_pad)
{
	uint64_t address = (uintptr_t)do_landing & ~15ULL;

	EXPECT_REFUSED(&self->arena, EINVAL, do_landing(self->fd, 0));
	EXPECT_REFUSED(&self->arena, EINVAL, do_landing(self->fd, ~0ULL));
	EXPECT_REFUSED(&self->arena, EINVAL, do_landing(self->fd, 1ULL << 63));
	EXPECT_ZERO(do_landing(self->fd, address));
	EXPECT_REFUSED(&self->arena, EBUSY, do_landing(self->fd, address));
	EXPECT_REFUSED(&self->arena, EBUSY, do_landing(self->fd, address + 16));
	/* It goes with the last view, and can be set again with a new one. */
	ASSERT_ZERO(munmap(self->arena.view, self->arena.length));
	self->arena.view = NULL;
	EXPECT_ERRNO(ENOENT, do_landing(self->fd, address));
	self->arena.view = arena_map(&self->arena, self->fd);
	ASSERT_NE(MAP_FAILED, (void *)self->arena.view);
	EXPECT_ZERO(do_landing(self->fd, address));
}

/* Two objects; the traps of the first land in the second. */
#define PUBLISH_TRAPS(...)						\
	({								\
		struct codearena_trap traps_[] = { __VA_ARGS__ };	\
									\
		objects[0].traps = (uintptr_t)traps_;			\
		objects[0].trap_count = ARRAY_SIZE(traps_);		\
		do_publish(self->fd, objects, 2, NULL, 0, 0);		\
	})

#define DECLARE_OBJECTS()						\
	struct codearena_object objects[2] = {				\
		object_of(page_at(&self->arena, TRAP_PAGE),		\
			  self->source, 100, 0),			\
		object_of(page_at(&self->arena, WRITTEN_PAGE),		\
			  self->source, 100, 0),			\
	}

TEST_F(table, published)
{
	DECLARE_OBJECTS();

	ASSERT_ZERO(PUBLISH_TRAPS(trap_of(0, 4, objects[1].offset),
				  trap_of(8, 4, self->pad),
				  trap_of(16, 4, EXTERNAL),
				  trap_of(99, 1, objects[0].offset + 32)));
	EXPECT_NE(0, objects[0].out_trap_id);
	EXPECT_TABLES(1, 4);
	EXPECT_ZERO(do_release(self->fd, objects[0].out_trap_id));
	EXPECT_TABLES(0, 0);
}

TEST_F(table, refused_with_its_object)
{
	struct arena *a = &self->arena;
	DECLARE_OBJECTS();

	EXPECT_REFUSED_AT(a, EINVAL, 0,
			  PUBLISH_TRAPS(trap_of(0, 0, EXTERNAL)));
	EXPECT_REFUSED_AT(a, EINVAL, 0,
			  PUBLISH_TRAPS(trap_of(100, 1, EXTERNAL)));
	EXPECT_REFUSED_AT(a, EINVAL, 0,
			  PUBLISH_TRAPS(trap_of(0, 4, objects[0].offset)));
	EXPECT_REFUSED_AT(a, ENOENT, 0,
			  PUBLISH_TRAPS(trap_of(0, 4, a->length)));
	EXPECT_REFUSED_AT(a, ENOENT, 0,
			  PUBLISH_TRAPS(trap_of(0, 4, objects[1].offset +
						2 * a->granule)));
	objects[1].trap_count = 1;
	objects[1].traps = (uintptr_t)self->end;
	EXPECT_REFUSED_AT(a, EFAULT, 1,
			  PUBLISH_TRAPS(trap_of(0, 4, EXTERNAL)));
	objects[1].trap_count = ~0U;
	EXPECT_REFUSED_AT(a, EINVAL, 1,
			  PUBLISH_TRAPS(trap_of(0, 4, EXTERNAL)));
	/* The second object's traps cover the landing pads of the first. */
	objects[1].trap_count = 1;
	objects[1].traps = (uintptr_t)&(struct codearena_trap) {
		.start = 0, .length = 4, .landing = EXTERNAL,
	};
	EXPECT_REFUSED_AT(a, EEXIST, 1,
			  PUBLISH_TRAPS(trap_of(0, 4, objects[1].offset)));
	EXPECT_TABLES(0, 0);
	EXPECT_ZERO(PUBLISH_TRAPS(trap_of(0, 4, objects[1].offset + 4)));
	EXPECT_TABLES(2, 2);
}

/* A table whose id cannot be copied out is not kept: nobody could release it. */
TEST_F(table, published_without_a_place_for_the_id)
{
	struct codearena_object *objects = (void *)self->source;
	struct codearena_trap trap = trap_of(0, 4, EXTERNAL);

	objects[0] = object_of(page_at(&self->arena, TRAP_PAGE), "code", 4, 0);
	objects[0].traps = (uintptr_t)&trap;
	objects[0].trap_count = 1;
	ASSERT_ZERO(mprotect(self->source, self->arena.page, PROT_READ));
	EXPECT_REFUSED(&self->arena, EFAULT,
		       do_publish(self->fd, objects, 1, NULL, 0, 0));
}

TEST_HARNESS_MAIN
