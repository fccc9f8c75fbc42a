// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: what arenas share after CLONE, and what is copied before a change.
 */
#include <linux/slab.h>

#include "fixture.h"
#include "seed.h"

#define ROUNDS		1000
#define MODEL_PAGES	3UL
#define ARENAS		3U
#define PATCHABLE	CODEARENA_SEAL_F_PATCHABLE

/* Commands of the fixture go to another arena from now on; which is returned. */
static struct codearena_arena *use(struct kunit *test,
				   struct codearena_arena *arena)
{
	struct codearena_arena *before = test_arena(test)->arena;

	test_arena(test)->arena = arena;
	return before;
}

static struct codearena_arena *make_clone(struct kunit *test)
{
	struct codearena_arena *clone =
		codearena_arena_clone(test_arena(test)->arena);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, clone);
	return clone;
}

/* Check what must hold of a clone, and drop it. */
static void drop_clone(struct kunit *test, struct codearena_arena *clone)
{
	struct codearena_arena *original = use(test, clone);

	test_check_arena(test);
	use(test, original);
	codearena_arena_put(clone);
}

static struct codearena_page *page_of(struct codearena_arena *arena,
				      unsigned long index)
{
	return codearena_page_get(arena, index);
}

static int write_byte(struct kunit *test, u64 offset, u8 byte)
{
	struct codearena_chunk chunk = {
		.offset = offset,
		.source = test_user_put(test, 0, &byte, 1),
		.length = 1,
	};

	return test_write(test, &chunk, 1);
}

static int publish_byte(struct kunit *test, u64 offset, u8 byte)
{
	struct codearena_object object = {
		.offset = offset,
		.source = test_user_put(test, 0, &byte, 1),
		.length = 1,
	};

	return test_publish(test, &object, 1, NULL, 0);
}

static int patch_word(struct kunit *test, u64 offset, u64 expected, u64 value)
{
	struct codearena_patch_entry patch = {
		.offset = offset,
		.width = 8,
		.expected = expected,
		.value = value,
	};

	return test_patch(test, &patch, 1);
}

/* Page 0: a patchable granule of zeros, a sealed one, a written one. */
static void make_page(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(2)));
	memset(test_byte(test, 0), 0, G(1));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, G(1), PATCHABLE));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(1), G(1), 0));
	KUNIT_ASSERT_EQ(test, 0, write_byte(test, G(2), 7));
}

static void clone_shares_pages(struct kunit *test)
{
	struct codearena_page *from, *to;
	struct codearena_arena *clone;
	unsigned long i;

	make_page(test);
	clone = make_clone(test);
	for (i = 0; i < 2; i++) {
		from = test_page(test, i);
		to = page_of(clone, i);
		KUNIT_EXPECT_PTR_EQ(test, from->data, to->data);
		KUNIT_EXPECT_TRUE(test, from->shared && to->shared);
		KUNIT_EXPECT_EQ(test, from->sealed, to->sealed);
		KUNIT_EXPECT_EQ(test, from->patchable, to->patchable);
		KUNIT_EXPECT_EQ(test, from->written, to->written);
		KUNIT_EXPECT_FALSE(test, to->mapped);
	}
	KUNIT_EXPECT_PTR_EQ(test, NULL, page_of(clone, 2)->data);
	drop_clone(test, clone);
}

static void clone_counts(struct kunit *test)
{
	struct codearena_counters *counters;
	struct codearena_arena *clone;
	long before;

	make_page(test);
	before = atomic_long_read(&codearena_committed);
	clone = make_clone(test);
	counters = &clone->counters;
	KUNIT_EXPECT_EQ(test, 2ULL, counters->committed);
	KUNIT_EXPECT_EQ(test, 2ULL, counters->sealed);
	KUNIT_EXPECT_EQ(test, 1ULL, counters->patchable);
	KUNIT_EXPECT_EQ(test, 0ULL, counters->written);
	KUNIT_EXPECT_EQ(test, before + 2,
			atomic_long_read(&codearena_committed));
	drop_clone(test, clone);
}

/* The one that changes gets the copy; the other keeps its page, and bytes. */
static void expect_copied(struct kunit *test, struct codearena_arena *clone,
			  void *shared)
{
	struct codearena_page *from = test_page(test, 0);
	struct codearena_page *to = page_of(clone, 0);

	KUNIT_EXPECT_PTR_NE(test, shared, from->data);
	KUNIT_EXPECT_FALSE(test, from->shared);
	KUNIT_EXPECT_PTR_EQ(test, shared, to->data);
	KUNIT_EXPECT_TRUE(test, to->shared);
	/* A byte of each granule that page 0 has. */
	KUNIT_EXPECT_EQ(test, 0, *(u8 *)to->data);
	KUNIT_EXPECT_EQ(test, 7, *((u8 *)to->data + G(2)));
	/* And a page that was not changed is not copied. */
	KUNIT_EXPECT_PTR_EQ(test, test_page(test, 1)->data,
			    page_of(clone, 1)->data);
	drop_clone(test, clone);
}

static void write_copies(struct kunit *test)
{
	struct codearena_arena *clone;
	void *shared;

	make_page(test);
	clone = make_clone(test);
	shared = page_of(clone, 0)->data;
	KUNIT_EXPECT_EQ(test, 0, write_byte(test, G(2), 8));
	KUNIT_EXPECT_EQ(test, 8, *(u8 *)test_byte(test, G(2)));
	expect_copied(test, clone, shared);
}

static void publish_copies(struct kunit *test)
{
	struct codearena_arena *clone;
	void *shared;
	int slow;

	for (slow = 0; slow < 2; slow++) {
		test_reserve(test, TEST_LENGTH, 0, 0);
		test_set_slow_path(test, slow);
		make_page(test);
		clone = make_clone(test);
		shared = page_of(clone, 0)->data;
		KUNIT_EXPECT_EQ(test, 0, publish_byte(test, G(5), 9));
		KUNIT_EXPECT_EQ(test, 9, *(u8 *)test_byte(test, G(5)));
		KUNIT_EXPECT_EQ(test, 0ULL,
				page_of(clone, 0)->sealed & BIT_ULL(5));
		expect_copied(test, clone, shared);
	}
}

static void patch_copies(struct kunit *test)
{
	struct codearena_arena *clone;
	void *shared;
	int slow;

	for (slow = 0; slow < 2; slow++) {
		test_reserve(test, TEST_LENGTH, 0, 0);
		test_set_slow_path(test, slow);
		make_page(test);
		clone = make_clone(test);
		shared = page_of(clone, 0)->data;
		KUNIT_EXPECT_EQ(test, -EAGAIN, patch_word(test, 8, 1, 2));
		KUNIT_EXPECT_EQ(test, 0, patch_word(test, 8, 0, ~0ULL));
		KUNIT_EXPECT_EQ(test, ~0ULL, *(u64 *)test_byte(test, 8));
		KUNIT_EXPECT_EQ(test, 0ULL, *(u64 *)((u8 *)shared + 8));
		expect_copied(test, clone, shared);
	}
}

static void discard_copies(struct kunit *test)
{
	struct codearena_arena *clone;
	void *shared;

	make_page(test);
	clone = make_clone(test);
	shared = page_of(clone, 0)->data;
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, 0, G(3)));
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, G(3)));
	KUNIT_EXPECT_EQ(test, 3ULL, page_of(clone, 0)->sealed);
	expect_copied(test, clone, shared);
}

static void seal_does_not_copy(struct kunit *test)
{
	struct codearena_arena *clone;

	make_page(test);
	clone = make_clone(test);
	KUNIT_EXPECT_EQ(test, 0, test_seal(test, G(2), G(1), 0));
	KUNIT_EXPECT_PTR_EQ(test, test_page(test, 0)->data,
			    page_of(clone, 0)->data);
	KUNIT_EXPECT_EQ(test, 7ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_EQ(test, 3ULL, page_of(clone, 0)->sealed);
	drop_clone(test, clone);
}

static void decommit_does_not_copy(struct kunit *test)
{
	struct codearena_arena *clone;

	make_page(test);
	clone = make_clone(test);
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, 0, P(2)));
	KUNIT_EXPECT_EQ(test, 7, *((u8 *)page_of(clone, 0)->data + G(2)));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, P(1)));
	KUNIT_EXPECT_FALSE(test, test_page(test, 0)->shared);
	drop_clone(test, clone);
}

/* A page with claims is copied at once, without what is being written. */
static void claimed_page_is_copied(struct kunit *test)
{
	struct codearena_arena *clone;
	struct codearena_page *state;

	make_page(test);
	state = test_page(test, 0);
	/* As a call that writes granule 2, and replaces the sealed one. */
	state->claimed = BIT_ULL(1) | BIT_ULL(2);
	clone = make_clone(test);
	KUNIT_EXPECT_FALSE(test, state->shared);
	KUNIT_EXPECT_EQ(test, 6ULL, state->claimed);
	state->claimed = 0;
	KUNIT_EXPECT_PTR_NE(test, state->data, page_of(clone, 0)->data);
	KUNIT_EXPECT_FALSE(test, page_of(clone, 0)->shared);
	KUNIT_EXPECT_EQ(test, 3ULL, page_of(clone, 0)->sealed);
	/* What drop_clone() checks: granule 2 is trap fill, and not written. */
	KUNIT_EXPECT_EQ(test, 3ULL, page_of(clone, 0)->written);
	KUNIT_EXPECT_TRUE(test, test_page(test, 1)->shared);
	drop_clone(test, clone);
}

static void limit_refuses_clone(struct kunit *test)
{
	struct codearena_arena *clone;

	make_page(test);
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, P(2), P(TEST_PAGES - 2)));
	/* Half of the clone does not fit in a limit of a MiB. */
	test_set_module_limit(test, 1);
	clone = codearena_arena_clone(test_arena(test)->arena);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOMEM), clone);
	KUNIT_EXPECT_FALSE(test, test_page(test, 0)->shared);
	/* A clone that exists needs no limit to change. */
	test_set_module_limit(test, 1024);
	clone = make_clone(test);
	test_set_module_limit(test, 1);
	/* A granule that holds nothing: the bytes of another one are saved. */
	KUNIT_EXPECT_EQ(test, 0, write_byte(test, G(5), 8));
	KUNIT_EXPECT_FALSE(test, test_page(test, 0)->shared);
	drop_clone(test, clone);
}

/* Random changes of arenas that share pages, against copies of their bytes. */
struct model {
	struct codearena_arena *arena[ARENAS];
	u8 *bytes[ARENAS];
};

static void model_check(struct kunit *test, struct model *m, u64 round)
{
	struct codearena_arena *original = use(test, m->arena[0]);
	unsigned long page;
	u32 i;

	for (i = 0; i < ARENAS; i++) {
		use(test, m->arena[i]);
		for (page = 0; page < MODEL_PAGES; page++)
			KUNIT_EXPECT_EQ_MSG(test, 0,
					    memcmp(m->bytes[i] + P(page),
						   test_byte(test, P(page)),
						   PAGE_SIZE),
					    "round %llu arena %u page %lu",
					    round, i, page);
	}
	use(test, original);
}

static void model_change(struct kunit *test, struct model *m, u32 i, u32 random)
{
	const u64 at = P(random % MODEL_PAGES) + G(random / 8 % 64);
	const u8 byte = random >> 16;
	struct codearena_arena *original = use(test, m->arena[i]);

	if (random >> 24 & 3) {
		if (!write_byte(test, at, byte))
			m->bytes[i][at] = byte;
	} else if (!test_discard1(test, at, G(1))) {
		codearena_arch_fill(m->bytes[i] + at, G(1));
	}
	use(test, original);
}

/* Another arena becomes a clone of this one. */
static void model_clone(struct kunit *test, struct model *m, u32 i, u32 to)
{
	struct codearena_arena *original = use(test, m->arena[i]);
	struct codearena_arena *clone = make_clone(test);

	use(test, original);
	/* The first one is the fixture's. */
	if (i == to || !to) {
		drop_clone(test, clone);
		return;
	}
	drop_clone(test, m->arena[to]);
	m->arena[to] = clone;
	memcpy(m->bytes[to], m->bytes[i], P(MODEL_PAGES));
}

static void random_changes(struct kunit *test)
{
	struct rnd_state rnd;
	struct model m;
	u64 round;
	u32 i, random;

	codearena_test_seed(test, &rnd);
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(MODEL_PAGES)));
	for (i = 0; i < ARENAS; i++) {
		m.arena[i] = i ? make_clone(test) : test_arena(test)->arena;
		m.bytes[i] = kunit_kzalloc(test, P(MODEL_PAGES), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, m.bytes[i]);
		codearena_arch_fill(m.bytes[i], P(MODEL_PAGES));
	}
	for (round = 0; round < ROUNDS; round++) {
		random = prandom_u32_state(&rnd);
		i = prandom_u32_state(&rnd) % ARENAS;
		if (random % 16)
			model_change(test, &m, i, random);
		else
			model_clone(test, &m, i, random / 16 % ARENAS);
		if (round % 16 == 0)
			model_check(test, &m, round);
	}
	model_check(test, &m, round);
	for (i = 1; i < ARENAS; i++)
		drop_clone(test, m.arena[i]);
}

static struct kunit_case codearena_clone_cases[] = {
	KUNIT_CASE(clone_shares_pages),
	KUNIT_CASE(clone_counts),
	KUNIT_CASE(write_copies),
	KUNIT_CASE(publish_copies),
	KUNIT_CASE(patch_copies),
	KUNIT_CASE(discard_copies),
	KUNIT_CASE(seal_does_not_copy),
	KUNIT_CASE(decommit_does_not_copy),
	KUNIT_CASE(claimed_page_is_copied),
	KUNIT_CASE(limit_refuses_clone),
	KUNIT_CASE(random_changes),
	{}
};

TEST_SUITE("codearena_clone", codearena_clone_cases, test_init);
