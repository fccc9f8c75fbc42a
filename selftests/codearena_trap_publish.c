// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps that are published with their code: they land from the first moment on,
 * and a call that fails leaves neither code nor traps.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

#define EXTERNAL CODEARENA_LANDING_EXTERNAL
#define OBJECTS 4

FIXTURE(publish)
{
	struct trap_arena t;
	struct trap_state *state;
	struct codearena_object objects[OBJECTS];
	struct codearena_trap traps[OBJECTS];
	uint64_t pad;		/* offset, in the last object */
};

/* Three loads, with the pad of all of them in the fourth object. */
FIXTURE_SETUP(publish)
{
	struct trap_arena *t = &self->t;
	uint64_t page;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	page = t->arena.page;
	for (uint64_t i = 0; i < OBJECTS; i++) {
		const struct trap_fragment *code = i == OBJECTS - 1 ?
						   &code_pad : &code_load;

		self->objects[i] = object_of((i + 2) * page, code->start,
					     fragment_length(code),
					     CODEARENA_OBJECT_F_REPORT);
		self->objects[i].out_trap_id = POISON64;
	}
	self->pad = self->objects[OBJECTS - 1].offset;
	for (unsigned int i = 0; i < OBJECTS - 1; i++) {
		self->traps[i] = trap_of(0, 1, self->pad);
		self->objects[i].traps = (uintptr_t)&self->traps[i];
		self->objects[i].trap_count = 1;
	}
	self->objects[OBJECTS - 1].flags = 0;
}

FIXTURE_TEARDOWN(publish)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define PUBLISH() do_publish(self->t.fd, self->objects, OBJECTS, NULL, 0, 0)
TEST_F(publish, pad_in_another_object)
{
	ASSERT_ZERO(PUBLISH());
	EXPECT_TABLES(self->t.fd, 3, 3);
	for (unsigned int i = 0; i < OBJECTS - 1; i++) {
		EXPECT_NE(POISON64, self->objects[i].out_trap_id);
		EXPECT_NE(0, self->objects[i].out_trap_id);
		EXPECT_OBJECT_TRAPS(i, self->pad);
	}
	/* Without traps there is no id. */
	EXPECT_EQ(POISON64, self->objects[OBJECTS - 1].out_trap_id);
	EXPECT_FIXED(self->t.fd, 3, 0, 0);
	EXPECT_ZERO(do_release(self->t.fd, self->objects[1].out_trap_id));
	EXPECT_OBJECT_TRAPS(0, self->pad);
	EXPECT_OBJECT_SIGNAL(1);
	EXPECT_OBJECT_TRAPS(2, self->pad);
}

TEST_F(publish, pad_in_the_own_object)
{
	/* The end of a fragment can be a pad. */
	uint64_t end = (uint64_t)(code_load.next - code_load.start);

	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		self->traps[i].landing = self->objects[i].offset + end;
	ASSERT_ZERO(PUBLISH());
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		EXPECT_OBJECT_TRAPS(i, self->traps[i].landing);
}

TEST_F(publish, pads_in_a_circle)
{
	uint64_t end = (uint64_t)(code_load.next - code_load.start);

	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		self->traps[i].landing =
			self->objects[(i + 1) % (OBJECTS - 1)].offset + end;
	ASSERT_ZERO(PUBLISH());
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		EXPECT_OBJECT_TRAPS(i, self->traps[i].landing);
	/* None of them can be discarded alone. */
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		EXPECT_ERRNO(EBUSY, do_discard1(self->t.fd,
						self->objects[i].offset,
						self->t.arena.granule));
	EXPECT_TABLES(self->t.fd, 3, 3);
}

TEST_F(publish, some_report)
{
	self->objects[1].flags = 0;
	ASSERT_ZERO(PUBLISH());
	EXPECT_OBJECT_TRAPS(0, self->pad);
	trap_access(self->state, OBJECT_ENTRY(1), self->t.guard + 8);
	EXPECT_LANDED(self->state, self->t.arena.view + self->pad);
	EXPECT_TRUE(trap_registers_same(self->state, 0));
}

/* Pad, range, code or memory: one failure fails the whole call. */
TEST_F(publish, failure_undoes_the_call)
{
	struct arena *a = &self->t.arena;
	const struct {
		struct codearena_trap trap;
		int error;
	} bad[] = {
		{ trap_of(0, 0, self->pad), EINVAL },
		{ trap_of(0, 1, self->objects[2].offset), EINVAL },
		{ trap_of((uint32_t)self->objects[2].length, 1, self->pad),
		  EINVAL },
		{ trap_of(0, 1, self->pad + a->page), ENOENT },
		{ trap_of(0, 1, self->pad + a->granule), ENOENT },
		{ trap_of(0, 1, a->length), ENOENT },
		{ trap_of(0, 1, self->objects[0].offset), EEXIST },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		self->traps[2] = bad[i].trap;
		EXPECT_REFUSED_AT(a, bad[i].error, 2, PUBLISH());
		EXPECT_TABLES(self->t.fd, 0, 0);
	}
	self->traps[2] = trap_of(0, 1, self->pad);
	/* The second object's traps cover the pad of the first. */
	self->traps[0].landing = self->objects[1].offset;
	EXPECT_REFUSED_AT(a, EEXIST, 1, PUBLISH());
	EXPECT_TABLES(self->t.fd, 0, 0);
	self->traps[0].landing = self->pad;
	ASSERT_ZERO(PUBLISH());
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		EXPECT_OBJECT_TRAPS(i, self->pad);
}

/* A patch that does not fit fails the call after its tables were made. */
TEST_F(publish, patch_that_fails)
{
	struct codearena_patch_entry patch;
	uint64_t word = 0x1122334455667788;
	uint64_t slot = 40 * self->t.arena.page;

	ASSERT_ZERO(do_publish1(self->t.fd, slot, &word, sizeof(word),
				CODEARENA_OBJECT_F_PATCHABLE));
	patch = patch_of(slot, 8, word + 1, 5);
	EXPECT_REFUSED_AT(&self->t.arena, EAGAIN, OBJECTS,
			  do_publish(self->t.fd, self->objects, OBJECTS, &patch,
				     1, 0));
	EXPECT_TABLES(self->t.fd, 0, 0);
	/* A table that fails leaves the word as it is. */
	patch = patch_of(slot, 8, word, 5);
	self->traps[1].length = 0;
	EXPECT_REFUSED_AT(&self->t.arena, EINVAL, 1,
			  do_publish(self->t.fd, self->objects, OBJECTS, &patch,
				     1, 0));
	EXPECT_BYTES(self->t.arena.view + slot, &word, sizeof(word));
	self->traps[1].length = 1;
	ASSERT_ZERO(do_publish(self->t.fd, self->objects, OBJECTS, &patch, 1,
			       0));
	word = 5;
	EXPECT_BYTES(self->t.arena.view + slot, &word, sizeof(word));
	EXPECT_TABLES(self->t.fd, 3, 3);
	EXPECT_OBJECT_TRAPS(2, self->pad);
}

/* The objects cover a pad that exists already. */
TEST_F(publish, around_an_existing_pad)
{
	struct arena *a = &self->t.arena;
	struct site site;

	ASSERT_ZERO(site_new(&self->t, &code_load, &site));
	ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0, NULL));
	self->traps[0].landing = site.trap;
	EXPECT_REFUSED_AT(a, EEXIST, 0, PUBLISH());
	EXPECT_TABLES(self->t.fd, 1, 1);
	self->traps[0].landing = self->t.pad.start;
	ASSERT_ZERO(PUBLISH());
	EXPECT_OBJECT_TRAPS(0, self->t.pad.start);
}

/* DISCARD with the code, and the code again without traps. */
TEST_F(publish, discarded_and_published_again)
{
	struct codearena_range ranges[OBJECTS];
	uint64_t id;

	ASSERT_ZERO(PUBLISH());
	id = self->objects[0].out_trap_id;
	for (unsigned int i = 0; i < OBJECTS; i++)
		ranges[i] = (struct codearena_range) {
			self->objects[i].offset, self->t.arena.granule,
		};
	EXPECT_ERRNO(EBUSY, do_discard(self->t.fd, &ranges[1], 3));
	ASSERT_ZERO(do_discard(self->t.fd, ranges, OBJECTS));
	EXPECT_TABLES(self->t.fd, 0, 0);
	EXPECT_ERRNO(ENOENT, do_release(self->t.fd, id));
	for (unsigned int i = 0; i < OBJECTS; i++)
		self->objects[i].trap_count = 0;
	ASSERT_ZERO(PUBLISH());
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		EXPECT_OBJECT_SIGNAL(i);
	EXPECT_EQ(0, do_discard(self->t.fd, ranges, OBJECTS));
	for (unsigned int i = 0; i < OBJECTS - 1; i++)
		self->objects[i].trap_count = 1;
	ASSERT_ZERO(PUBLISH());
	EXPECT_NE(id, self->objects[0].out_trap_id);
	EXPECT_OBJECT_TRAPS(0, self->pad);
}

/* As many objects as one call takes, each with a table; samples land. */
TEST_F(publish, many_objects)
{
	const uint64_t granule = self->t.arena.granule;
	struct codearena_object *objects;
	struct codearena_trap trap;
	struct trap_arena many;
	const uint64_t count = 8192;

	ASSERT_ZERO(trap_arena_new(&many, count * granule /
				   self->t.arena.page + 2));
	trap = trap_of(0, 1, many.pad.start);
	objects = calloc(count, sizeof(*objects));
	ASSERT_NE(NULL, objects);
	for (uint64_t i = 0; i < count; i++) {
		objects[i] = object_of(many.next + i * granule,
				       code_load.start,
				       fragment_length(&code_load),
				       CODEARENA_OBJECT_F_REPORT);
		objects[i].traps = (uintptr_t)&trap;
		objects[i].trap_count = 1;
	}
	/* The last one fails. */
	objects[count - 1].trap_count = 65537;
	EXPECT_REFUSED_AT(&many.arena, EINVAL, count - 1,
			  do_publish(many.fd, objects, count, NULL, 0, 0));
	EXPECT_TABLES(many.fd, 0, 0);
	objects[count - 1].trap_count = 1;
	ASSERT_ZERO(do_publish(many.fd, objects, count, NULL, 0, 0));
	EXPECT_TABLES(many.fd, count, count);
	for (uint64_t i = 0; i < count; i += 257) {
		const uint8_t *entry = many.arena.view + objects[i].offset;

		trap_access(self->state, entry, self->t.guard);
		EXPECT_LANDED(self->state, pad_address(&many));
		EXPECT_REPORTED(self->state, (uintptr_t)entry,
				(uintptr_t)self->t.guard);
		if (i)
			EXPECT_NE(objects[i - 1].out_trap_id,
				  objects[i].out_trap_id);
	}
	free(objects);
	trap_arena_free(&many);
}

TEST_HARNESS_MAIN
