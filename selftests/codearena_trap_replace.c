// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps of code that is replaced: its tables go and the new ones come with the new
 * code, and a call that is refused leaves the old ones in effect.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

#define REPLACE (CODEARENA_OBJECT_F_REPLACE | CODEARENA_OBJECT_F_REPORT)
#define OBJECTS 3

FIXTURE(replace)
{
	struct trap_arena t;
	struct trap_state *state;
	struct codearena_object objects[OBJECTS];
	struct codearena_trap traps[OBJECTS];
	uint64_t end;		/* of code_load, where a run ends: a pad */
};

/* Three loads, with their pads in the arena's own pad. */
FIXTURE_SETUP(replace)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	self->end = (uint64_t)(code_load.next - code_load.start);
	for (uint64_t i = 0; i < OBJECTS; i++) {
		self->traps[i] = trap_of(0, 1, t->pad.start);
		self->objects[i] = object_of((i + 2) * t->arena.page,
					     code_load.start,
					     fragment_length(&code_load),
					     CODEARENA_OBJECT_F_REPORT);
		self->objects[i].traps = (uintptr_t)&self->traps[i];
		self->objects[i].trap_count = 1;
	}
	ASSERT_ZERO(do_publish(t->fd, self->objects, OBJECTS, NULL, 0, 0));
	for (unsigned int i = 0; i < OBJECTS; i++)
		self->objects[i].flags = REPLACE;
}

FIXTURE_TEARDOWN(replace)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define PUBLISH(count) do_publish(self->t.fd, self->objects, count, NULL, 0, 0)
TEST_F(replace, new_table)
{
	uint64_t old[OBJECTS];

	for (unsigned int i = 0; i < OBJECTS; i++) {
		old[i] = self->objects[i].out_trap_id;
		EXPECT_OBJECT_TRAPS(i, self->t.pad.start);
		self->traps[i].landing = self->objects[i].offset + self->end;
	}
	ASSERT_ZERO(PUBLISH(OBJECTS));
	EXPECT_TABLES(self->t.fd, OBJECTS, OBJECTS);
	for (unsigned int i = 0; i < OBJECTS; i++) {
		EXPECT_NE(old[i], self->objects[i].out_trap_id);
		EXPECT_ERRNO(ENOENT, do_release(self->t.fd, old[i]));
		EXPECT_OBJECT_TRAPS(i, self->traps[i].landing);
	}
	/* The old pad is free, the new ones are in use. */
	EXPECT_ZERO(do_discard1(self->t.fd, self->t.pad.start,
				self->t.arena.granule));
}

TEST_F(replace, table_goes)
{
	self->objects[1].trap_count = 0;
	ASSERT_ZERO(PUBLISH(2));
	EXPECT_TABLES(self->t.fd, 2, 2);
	EXPECT_OBJECT_TRAPS(0, self->t.pad.start);
	EXPECT_OBJECT_SIGNAL(1);
	EXPECT_OBJECT_TRAPS(2, self->t.pad.start);
	/* The same by the fast path, which leaves it to the general one. */
	self->objects[0].trap_count = 0;
	ASSERT_ZERO(PUBLISH(1));
	EXPECT_TABLES(self->t.fd, 1, 1);
	EXPECT_OBJECT_SIGNAL(0);
}

/* A table of more code than is replaced goes whole; many of less go together. */
TEST_F(replace, tables_of_other_extent)
{
	uint64_t granule = self->t.arena.granule, at = self->objects[0].offset;
	uint8_t *code = calloc(40, granule);
	struct codearena_object wide = object_of(at, code, 40 * granule,
						 CODEARENA_OBJECT_F_REPLACE);
	uint64_t id;

	ASSERT_NE(NULL, code);
	for (unsigned int i = 0; i < 40; i++)
		memcpy(code + i * granule, code_load.start,
		       fragment_length(&code_load));
	ASSERT_ZERO(do_publish(self->t.fd, &wide, 1, NULL, 0, 0));
	EXPECT_TABLES(self->t.fd, OBJECTS - 1, OBJECTS - 1);
	for (unsigned int i = 0; i < 40; i++)
		ASSERT_ZERO(do_register(self->t.fd, at + i * granule, granule,
					&self->traps[0], 1,
					CODEARENA_TRAP_F_REPORT, &id));
	EXPECT_OBJECT_TRAPS(0, self->t.pad.start);
	wide.traps = (uintptr_t)&self->traps[0];
	wide.trap_count = 1;
	wide.flags = REPLACE;
	ASSERT_ZERO(do_publish(self->t.fd, &wide, 1, NULL, 0, 0));
	EXPECT_TABLES(self->t.fd, OBJECTS, OBJECTS);
	EXPECT_OBJECT_TRAPS(0, self->t.pad.start);
	/* Only the last granule of it is replaced. */
	wide = object_of(at + 39 * granule, code, 1, REPLACE);
	ASSERT_ZERO(do_publish(self->t.fd, &wide, 1, NULL, 0, 0));
	EXPECT_TABLES(self->t.fd, OBJECTS - 1, OBJECTS - 1);
	EXPECT_OBJECT_SIGNAL(0);
	free(code);
}

/* Both codes have the other's pad: their tables go together, or not at all. */
TEST_F(replace, pads_in_each_other)
{
	struct arena *a = &self->t.arena;

	self->traps[0].landing = self->objects[1].offset + self->end;
	self->traps[1].landing = self->objects[0].offset + self->end;
	ASSERT_ZERO(PUBLISH(2));
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_REFUSED_AT(a, EBUSY, 0,
				  do_publish(self->t.fd, &self->objects[i], 1,
					     NULL, 0, 0));
		EXPECT_OBJECT_TRAPS(i, self->traps[i].landing);
	}
	ASSERT_ZERO(PUBLISH(2));
	EXPECT_TABLES(self->t.fd, OBJECTS, OBJECTS);
	for (unsigned int i = 0; i < 2; i++)
		EXPECT_OBJECT_TRAPS(i, self->traps[i].landing);
}

TEST_F(replace, pad_in_use)
{
	struct arena *a = &self->t.arena;
	struct codearena_object object = object_of(self->t.pad.start,
						   code_pad.start,
						   fragment_length(&code_pad),
						   CODEARENA_OBJECT_F_REPLACE);
	struct codearena_object both[2] = { self->objects[0], object };

	EXPECT_REFUSED_AT(a, EBUSY, 0,
			  do_publish(self->t.fd, &object, 1, NULL, 0, 0));
	EXPECT_REFUSED_AT(a, EBUSY, 1,
			  do_publish(self->t.fd, both, 2, NULL, 0, 0));
	for (unsigned int i = 0; i < OBJECTS; i++)
		EXPECT_OBJECT_TRAPS(i, self->t.pad.start);
}

/* Each trap that is refused, as the second of three objects. */
#define EXPECT_TRAP_REFUSED(expected_errno, trap)			\
	do {								\
		self->traps[1] = trap;					\
		EXPECT_REFUSED_AT(&self->t.arena, expected_errno, 1,	\
				  PUBLISH(OBJECTS));			\
		for (unsigned int i_ = 0; i_ < OBJECTS; i_++)		\
			EXPECT_OBJECT_TRAPS(i_, self->t.pad.start);		\
	} while (0)

TEST_F(replace, refused_traps)
{
	struct trap_arena *t = &self->t;
	uint64_t length = fragment_length(&code_load);

	/* Not inside of the code, empty, at a pad that is not sealed. */
	EXPECT_TRAP_REFUSED(EINVAL, trap_of(length, 1, t->pad.start));
	EXPECT_TRAP_REFUSED(EINVAL, trap_of(0, 0, t->pad.start));
	EXPECT_TRAP_REFUSED(ENOENT,
			    trap_of(0, 1, 20 * t->arena.page));
	/* Its own pad, and one in a protected range of the same call. */
	EXPECT_TRAP_REFUSED(EINVAL, trap_of(0, 1, self->objects[1].offset));
	EXPECT_TRAP_REFUSED(EEXIST, trap_of(0, 1, self->objects[0].offset));
}

/* What only the old code protected is a place for a pad now. */
TEST_F(replace, pad_where_a_trap_was)
{
	self->objects[0] = object_of(self->objects[0].offset, code_pad.start,
				     fragment_length(&code_pad),
				     CODEARENA_OBJECT_F_REPLACE);
	self->traps[1].landing = self->objects[0].offset;
	ASSERT_ZERO(PUBLISH(2));
	EXPECT_TABLES(self->t.fd, 2, 2);
	EXPECT_OBJECT_TRAPS(1, self->objects[0].offset);
}

TEST_HARNESS_MAIN
