// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps in code that is mapped more than once, or only in part: they land in
 * the mapping they come from, and what else is mapped is left alone.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

/* A site in every page of the arena, and a pad in every page. */
#define PAGES	16

FIXTURE(view)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site sites[PAGES];	/* site i lands on pads[other(i)] */
	struct site pads[PAGES];
	uint8_t *place;			/* two arenas of address space */
};

static unsigned int other(unsigned int page)
{
	return (page + PAGES / 2) % PAGES;
}

FIXTURE_SETUP(view)
{
	struct trap_arena *t = &self->t;
	uint64_t granule;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, PAGES + 1));
	granule = t->arena.granule;
	self->state = trap_state_new();
	for (uint64_t i = 0; i < PAGES; i++) {
		ASSERT_ZERO(site_new_at(t, &code_load, page_at(&t->arena, i) +
					4 * granule, &self->sites[i]));
		ASSERT_ZERO(site_new_at(t, &code_pad, page_at(&t->arena, i) +
					8 * granule, &self->pads[i]));
	}
	for (unsigned int i = 0; i < PAGES; i++)
		ASSERT_ZERO(site_protect(t, &self->sites[i],
					 self->pads[other(i)].start, 0, NULL));
	/* Mapped at a place of the test's choice, with nothing around it. */
	self->place = mmap(NULL, 4 * t->arena.length, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->place);
	self->place += t->arena.length;
	ASSERT_ZERO(munmap(t->arena.view, t->arena.length));
	t->arena.view = NULL;
}

FIXTURE_TEARDOWN(view)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

/* Map pages of the arena at an address. */
static int map_pages(const struct trap_arena *t, uint8_t *at, uint64_t first,
		     uint64_t count)
{
	return mmap(at, count * t->arena.page, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED, t->fd,
		    (off_t)(first * t->arena.page)) == at ? 0 : -1;
}

#define MAP(at, first, count) map_pages(&self->t, at, first, count)
#define PAGE(i) ((i) * (uint64_t)self->t.arena.page)

#define RUN(base, i)							\
	trap_access(self->state, (base) + self->sites[i].start,		\
		    self->t.guard + 8 * (i))

#define EXPECT_LANDS(base, i)						\
	do {								\
		RUN(base, i);						\
		EXPECT_LANDED(self->state,				\
			      (base) + self->pads[other(i)].start);	\
	} while (0)

#define EXPECT_ORDINARY(base, i)					\
	do {								\
		RUN(base, i);						\
		EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR,	\
			      self->t.guard + 8 * (i));			\
		EXPECT_EQ((uintptr_t)(base) + self->sites[i].trap,	\
			  self->state->pc);				\
	} while (0)

TEST_F(view, mapped_twice)
{
	uint8_t *first = self->place, *second = first + self->t.arena.length;

	ASSERT_ZERO(MAP(first, 0, PAGES));
	ASSERT_ZERO(MAP(second, 0, PAGES));
	for (unsigned int i = 0; i < PAGES; i++) {
		EXPECT_LANDS(first, i);
		EXPECT_LANDS(second, i);
	}
	ASSERT_ZERO(munmap(first, PAGE(PAGES)));
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT_LANDS(second, i);
	EXPECT_FIXED(self->t.fd, 3 * PAGES, 0, 0);
}

/* A view of the middle: offsets in the arena stay what they are. */
TEST_F(view, of_a_part)
{
	uint8_t *base = self->place;

	ASSERT_ZERO(MAP(base + PAGE(3), 3, PAGES - 4));
	for (unsigned int i = 3; i < PAGES - 1; i++) {
		unsigned int pad = other(i);

		if (pad >= 3 && pad < PAGES - 1)
			EXPECT_LANDS(base, i);
		else
			EXPECT_ORDINARY(base, i);
	}
}

/*
 * The pad is mapped, but in another place than the code takes it for: a view
 * of its own does not count as the same mapping.
 */
TEST_F(view, pad_in_another_mapping)
{
	uint8_t *first = self->place, *second = first + self->t.arena.length;

	ASSERT_ZERO(MAP(first, 0, 1));
	ASSERT_ZERO(MAP(second + PAGE(8), 8, 1));
	EXPECT_ORDINARY(first, 0);
	/* In the right place it does, mapped by another call or not. */
	ASSERT_ZERO(MAP(first + PAGE(8), 8, 1));
	EXPECT_LANDS(first, 0);
	EXPECT_ORDINARY(second, 8);
}

/* Other pages of the arena stand where the pad should be. */
TEST_F(view, wrong_pages_in_the_place_of_the_pad)
{
	uint8_t *base = self->place;

	ASSERT_ZERO(MAP(base, 0, 1));
	ASSERT_ZERO(MAP(base + PAGE(8), 9, 1));
	EXPECT_ORDINARY(base, 0);
	ASSERT_ZERO(MAP(base + PAGE(8), 8, 1));
	EXPECT_LANDS(base, 0);
}

static bool between(unsigned int page, unsigned int from, unsigned int to)
{
	return page >= from && page < to;
}

/* All sites land whose page and pad are not between these. */
#define EXPECT_ALL_BUT(base, from, to)					\
	do {								\
		for (unsigned int i_ = 0; i_ < PAGES; i_++) {		\
			unsigned int pad_ = other(i_);			\
									\
			if (between(i_, from, to))			\
				continue;				\
			if (between(pad_, from, to))			\
				EXPECT_ORDINARY(base, i_);		\
			else						\
				EXPECT_LANDS(base, i_);			\
		}							\
	} while (0)

TEST_F(view, unmapped_in_part)
{
	uint8_t *base = self->place;

	ASSERT_ZERO(MAP(base, 0, PAGES));
	/* The middle, the end, the beginning, and the middle of a rest. */
	ASSERT_ZERO(munmap(base + PAGE(4), PAGE(2)));
	EXPECT_ALL_BUT(base, 4, 6);
	ASSERT_ZERO(MAP(base + PAGE(4), 4, 2));
	EXPECT_ALL_BUT(base, 4, 4);
	ASSERT_ZERO(munmap(base + PAGE(PAGES - 3), PAGE(3)));
	EXPECT_ALL_BUT(base, PAGES - 3, PAGES);
	ASSERT_ZERO(MAP(base + PAGE(PAGES - 3), PAGES - 3, 3));
	ASSERT_ZERO(munmap(base, PAGE(1)));
	EXPECT_ALL_BUT(base, 0, 1);
	ASSERT_ZERO(MAP(base, 0, 1));
	EXPECT_ALL_BUT(base, 0, 0);
	for (unsigned int i = 0; i < PAGES; i += 2)
		ASSERT_ZERO(munmap(base + PAGE(i), PAGE(1)));
	for (unsigned int i = 1; i < PAGES; i += 2)
		EXPECT_LANDS(base, i);
}

TEST_F(view, replaced_by_other_memory)
{
	uint8_t *base = self->place, *hole = base + PAGE(4);
	uint64_t length = PAGE(2);

	ASSERT_ZERO(MAP(base, 0, PAGES));
	ASSERT_EQ(hole, mmap(hole, length, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	memcpy(hole + self->sites[4].start - PAGE(4), code_load.start,
	       self->sites[4].length);
	memcpy(hole + self->pads[5].start - PAGE(4), code_pad.start,
	       self->pads[5].length);
	__builtin___clear_cache((char *)hole, (char *)hole + length);
	ASSERT_ZERO(mprotect(hole, length, PROT_READ | PROT_EXEC));
	/* The code in it is not the arena's, and neither is the pad. */
	EXPECT_ORDINARY(base, 4);
	EXPECT_ALL_BUT(base, 4, 6);
}

/* Rights that are taken away for a while. */
TEST_F(view, split_by_mprotect)
{
	uint8_t *base = self->place;

	ASSERT_ZERO(MAP(base, 0, PAGES));
	ASSERT_ZERO(mprotect(base + PAGE(4), PAGE(2), PROT_READ));
	/* Parts of one view: the pad may be in another part. */
	for (unsigned int i = 0; i < PAGES; i++) {
		if (i == 4 || i == 5 || other(i) == 4 || other(i) == 5)
			continue;
		EXPECT_LANDS(base, i);
	}
	/* A pad that cannot be executed is reached, and faults itself. */
	RUN(base, other(4));
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_ACCERR,
		      base + self->pads[4].start);
	ASSERT_ZERO(mprotect(base + PAGE(4), PAGE(2), PROT_READ | PROT_EXEC));
	EXPECT_ALL_BUT(base, 0, 0);
}

TEST_F(view, many_arenas_at_once)
{
	struct trap_arena arenas[20];
	struct site sites[20];

	for (unsigned int i = 0; i < ARRAY_SIZE(arenas); i++) {
		ASSERT_ZERO(trap_arena_new(&arenas[i], 2));
		ASSERT_ZERO(site_new(&arenas[i], &code_load, &sites[i]));
		if (i % 2)
			ASSERT_ZERO(site_protect(&arenas[i], &sites[i],
						 arenas[i].pad.start, 0,
						 NULL));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(arenas); i++) {
		/* In the guard view of another arena. */
		trap_access(self->state, site_entry(&arenas[i], &sites[i]),
			    arenas[(i + 1) % ARRAY_SIZE(arenas)].guard);
		if (i % 2)
			EXPECT_LANDED(self->state, pad_address(&arenas[i]));
		else
			EXPECT_EQ(SIGSEGV, self->state->signo);
		EXPECT_EQ(i % 2, traps_fixed(arenas[i].fd));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(arenas); i++)
		trap_arena_free(&arenas[i]);
}

/* The guard view of an arena outlives its code view and its handle. */
TEST_F(view, guard_view_of_a_closed_arena)
{
	struct trap_arena gone;
	uint8_t *guard, *base = self->place;

	ASSERT_ZERO(MAP(base, 0, PAGES));
	ASSERT_ZERO(trap_arena_new(&gone, 2));
	guard = gone.guard;
	gone.guard = NULL;
	trap_arena_free(&gone);
	trap_access(self->state, base + self->sites[2].start, guard + 80);
	EXPECT_LANDED(self->state, base + self->pads[other(2)].start);
	trap_access(self->state, code_load.start, guard + 80);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, guard + 80);
	munmap(guard, TRAP_GUARD_LENGTH);
}

/* The handle is closed; the views hold the arena. */
TEST_F(view, closed_handle)
{
	uint8_t *base = self->place;

	ASSERT_ZERO(MAP(base, 0, PAGES));
	close(self->t.fd);
	self->t.arena.fd = -1;
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT_LANDS(base, i);
	munmap(base, PAGE(PAGES));
}

TEST_HARNESS_MAIN
