// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: accounting of memory. That every case gives back what it charged is
 * checked when it ends.
 */
#include <linux/sizes.h>
#include <linux/slab.h>

#include "fixture.h"
#include "seed.h"

#define ROUNDS	2000

static u64 committed(struct kunit *test)
{
	return test_arena(test)->arena->counters.committed;
}

static void commit_counts(struct kunit *test)
{
	long before = atomic_long_read(&codearena_committed);

	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(3), P(5)));
	KUNIT_EXPECT_EQ(test, 5ULL, committed(test));
	KUNIT_EXPECT_EQ(test, before + 5,
			atomic_long_read(&codearena_committed));
}

static void commit_fills(struct kunit *test)
{
	unsigned long i;

	KUNIT_ASSERT_EQ(test, 0, test_commit(test, P(1), P(2)));
	for (i = 1; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, test_is_fill(test, P(i), PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 1)->sealed);
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 1)->written);
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 0)->data);
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 3)->data);
}

static void commit_twice(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, P(4), P(2)));
	KUNIT_EXPECT_EQ(test, -EEXIST, test_commit(test, P(4), P(2)));
	KUNIT_EXPECT_EQ(test, -EEXIST, test_commit(test, P(3), P(2)));
	KUNIT_EXPECT_EQ(test, -EEXIST, test_commit(test, P(5), P(2)));
	KUNIT_EXPECT_EQ(test, 2ULL, committed(test));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(6), P(1)));
}

static void commit_across_chunks(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(63), P(2)));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(127), P(3)));
	KUNIT_EXPECT_EQ(test, 5ULL, committed(test));
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, P(63), P(2)));
	KUNIT_EXPECT_EQ(test, 3ULL, committed(test));
}

static void commit_everything(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, TEST_LENGTH));
	KUNIT_EXPECT_EQ(test, (u64)TEST_PAGES, committed(test));
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, 0, TEST_LENGTH));
	KUNIT_EXPECT_EQ(test, 0ULL, committed(test));
}

static void commit_bad_ranges(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL, test_commit(test, 1, P(1)));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_commit(test, 0, P(1) - 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_commit(test, 0, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_commit(test, TEST_LENGTH, P(1)));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_commit(test, 0, TEST_LENGTH + P(1)));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			test_commit(test, -P(1), P(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, committed(test));
}

static void commit_own_limit(struct kunit *test)
{
	test_reserve(test, TEST_LENGTH, P(4), 0);
	KUNIT_EXPECT_EQ(test, -ENOSPC, test_commit(test, 0, P(5)));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, P(3)));
	KUNIT_EXPECT_EQ(test, -ENOSPC, test_commit(test, P(8), P(2)));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(8), P(1)));
	KUNIT_EXPECT_EQ(test, -ENOSPC, test_commit(test, P(9), P(1)));
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, P(1), P(1)));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(9), P(1)));
	KUNIT_EXPECT_EQ(test, 4ULL, committed(test));
}

/* What is committed already is said before what cannot be. */
static void commit_twice_beyond_limit(struct kunit *test)
{
	test_reserve(test, TEST_LENGTH, P(1), 0);
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(1)));
	KUNIT_EXPECT_EQ(test, -EEXIST, test_commit(test, 0, P(2)));
}

/* How many pages may be committed besides, if this many bytes may be used? */
static unsigned long pages_left(unsigned long limit)
{
	const unsigned long states =
		codearena_footprint(sizeof(struct codearena_chunk_state));
	unsigned long pages = 0;

	limit -= codearena_metadata_total() +
		 (atomic_long_read(&codearena_committed) << PAGE_SHIFT);
	while (P(pages + 1) +
	       DIV_ROUND_UP(pages + 1, CODEARENA_CHUNK_PAGES) * states <= limit)
		pages++;
	return pages;
}

static void commit_module_limit(struct kunit *test)
{
	unsigned long free;
	int ret;

	test_reserve(test, SZ_2M, 0, 0);
	free = pages_left(SZ_1M);
	test_set_module_limit(test, 1);
	ret = test_commit(test, 0, P(free + 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
	KUNIT_EXPECT_EQ(test, 0ULL, committed(test));
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 0));
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, P(free)));
	KUNIT_EXPECT_EQ(test, -ENOMEM, test_commit(test, P(free), P(1)));
	test_set_module_limit(test, 0);
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(free), P(1)));
}

static void commit_user_share(struct kunit *test)
{
	unsigned long free;
	int ret;

	test_reserve(test, SZ_2M, 0, 0);
	free = pages_left(SZ_1M);
	test_set_module_limit(test, 2);
	test_set_user_share(test, 50);
	KUNIT_EXPECT_EQ(test, SZ_1M >> PAGE_SHIFT,
			codearena_user_limit());
	ret = test_commit(test, 0, P(free + 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, ret);
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, P(free / 2)));
	test_set_user_share(test, 100);
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, P(free / 2), P(free / 2)));
}

/* States of pages live as long as a page near them is committed. */
static void chunks_come_and_go(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, P(63), P(2)));
	KUNIT_EXPECT_PTR_NE(test, NULL, test_page(test, 0));
	KUNIT_EXPECT_PTR_NE(test, NULL, test_page(test, 127));
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 128));
	KUNIT_ASSERT_EQ(test, 0, test_decommit(test, P(64), P(1)));
	KUNIT_EXPECT_PTR_NE(test, NULL, test_page(test, 0));
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 127));
	KUNIT_ASSERT_EQ(test, 0, test_decommit(test, P(63), P(1)));
	KUNIT_EXPECT_PTR_EQ(test, NULL, test_page(test, 0));
}

static void metadata_own_limit(struct kunit *test)
{
	struct codearena_arena *arena;
	unsigned long used;

	test_reserve(test, TEST_LENGTH, P(4), 0);
	arena = test_arena(test)->arena;
	KUNIT_EXPECT_EQ(test, SZ_16M + 4 * P(4), (u64)arena->metadata_limit);
	used = arena->metadata_limit - atomic_long_read(&arena->metadata);
	KUNIT_ASSERT_EQ(test, 0, codearena_charge(arena, used));
	KUNIT_EXPECT_EQ(test, -ENOSPC, codearena_charge(arena, 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, test_commit(test, 0, P(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, committed(test));
	codearena_uncharge(arena, used);
	KUNIT_EXPECT_EQ(test, 0, test_commit(test, 0, P(1)));
}

static void footprint_is_not_less(struct kunit *test)
{
	size_t size;

	for (size = 1; size < SZ_64K; size += 7) {
		void *memory = kmalloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memory);
		KUNIT_EXPECT_GE_MSG(test, codearena_footprint(size),
				    (unsigned long)ksize(memory), "%zu", size);
		kfree(memory);
	}
}

static void commit_limit_units(struct kunit *test)
{
	test_set_module_limit(test, 1);
	KUNIT_EXPECT_EQ(test, SZ_1M >> PAGE_SHIFT, codearena_commit_limit());
	test_set_module_limit(test, 1UL << 44);
	KUNIT_EXPECT_EQ(test, ULONG_MAX >> PAGE_SHIFT, codearena_commit_limit());
	test_set_module_limit(test, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, ULONG_MAX >> PAGE_SHIFT, codearena_commit_limit());
	test_set_module_limit(test, 0);
	KUNIT_EXPECT_EQ(test, ULONG_MAX >> PAGE_SHIFT, codearena_commit_limit());
}

static void decommit_needs_all(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -ENOENT, test_decommit(test, 0, P(1)));
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(2)));
	KUNIT_EXPECT_EQ(test, -ENOENT, test_decommit(test, 0, P(3)));
	KUNIT_EXPECT_EQ(test, 2ULL, committed(test));
	KUNIT_EXPECT_EQ(test, -EINVAL, test_decommit(test, 0, P(1) / 2));
}

static void decommit_forgets(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(1)));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, G(3),
					   CODEARENA_SEAL_F_PATCHABLE));
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, 0, P(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, test_arena(test)->arena->counters.sealed);
	KUNIT_EXPECT_EQ(test, 0ULL,
			test_arena(test)->arena->counters.patchable);
	KUNIT_EXPECT_EQ(test, 3ULL,
			test_arena(test)->arena->counters.discarded);
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(1)));
	KUNIT_EXPECT_EQ(test, 0ULL, test_page(test, 0)->sealed);
	KUNIT_EXPECT_TRUE(test, test_is_fill(test, 0, PAGE_SIZE));
}

static void decommit_permanent(struct kunit *test)
{
	test_reserve(test, TEST_LENGTH, 0, CODEARENA_RESERVE_F_PERMANENT);
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(2)));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, P(1), G(1), 0));
	KUNIT_EXPECT_EQ(test, -EPERM, test_decommit(test, 0, P(2)));
	KUNIT_EXPECT_EQ(test, 2ULL, committed(test));
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, 0, P(1)));
}

static void decommit_claimed(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(2)));
	test_page(test, 1)->claimed = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, test_decommit(test, 0, P(2)));
	test_page(test, 1)->claimed = 0;
	KUNIT_EXPECT_EQ(test, 0, test_decommit(test, 0, P(2)));
}

static void reserve_bad(struct kunit *test)
{
	static const struct {
		u64 length, limit;
	} bad[] = {
		{ 0, 0 }, { 1, 0 }, { P(1) + 1, 0 }, { P(1), P(2) },
		{ P(1), 1 }, { CODEARENA_MAX_LENGTH + P(1), 0 }, { U64_MAX, 0 },
	};
	struct codearena_reserve cmd = {};
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	struct codearena_ucmd ucmd = { .file = file, .cmd = &cmd };
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.length = bad[i].length;
		cmd.commit_limit = bad[i].limit;
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    codearena_ioctl_reserve(&ucmd), "row %u", i);
	}
	cmd.length = P(1);
	cmd.commit_limit = 0;
	memset(cmd.name, 'a', sizeof(cmd.name));
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_ioctl_reserve(&ucmd));
	cmd.name[1] = 0;
	cmd.name[0] = 0x80;
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_ioctl_reserve(&ucmd));
	cmd.name[0] = '\n';
	KUNIT_EXPECT_EQ(test, -EINVAL, codearena_ioctl_reserve(&ucmd));
	cmd.flags = 1 << 5;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, codearena_ioctl_reserve(&ucmd));
	KUNIT_EXPECT_PTR_EQ(test, NULL, file->private_data);
}

static void reserve_twice(struct kunit *test)
{
	struct codearena_reserve cmd = { .length = P(1) };
	struct codearena_ucmd ucmd = {
		.file = test_arena(test)->file,
		.cmd = &cmd,
	};

	KUNIT_EXPECT_EQ(test, -EBUSY, codearena_ioctl_reserve(&ucmd));
	KUNIT_EXPECT_PTR_EQ(test, test_arena(test)->arena,
			    codearena_file_arena(test_arena(test)->file));
}

/* Ranges at random, against one flag for each page. */
static void commit_random(struct kunit *test)
{
	unsigned long i, first, pages, limit = TEST_PAGES / 2, used = 0, have;
	bool model[TEST_PAGES] = {};
	struct rnd_state random;
	int round, wanted, ret;
	bool commit;

	codearena_test_seed(test, &random);
	test_reserve(test, TEST_LENGTH, P(limit), 0);
	for (round = 0; round < ROUNDS; round++) {
		first = codearena_test_below(&random, TEST_PAGES);
		pages = 1 + codearena_test_below(&random, 12);
		commit = codearena_test_below(&random, 2);
		have = 0;
		for (i = first; i < first + pages && i < TEST_PAGES; i++)
			have += model[i];
		if (first + pages > TEST_PAGES)
			wanted = -ENOENT;
		else if (!commit)
			wanted = have < pages ? -ENOENT : 0;
		else if (have)
			wanted = -EEXIST;
		else
			wanted = used + pages > limit ? -ENOSPC : 0;
		ret = commit ? test_commit(test, P(first), P(pages)) :
			       test_decommit(test, P(first), P(pages));
		KUNIT_ASSERT_EQ_MSG(test, wanted, ret,
				    "round %d %s first %lu pages %lu", round,
				    commit ? "commit" : "decommit", first,
				    pages);
		for (i = first; !ret && i < first + pages; i++) {
			model[i] = commit;
			used += commit ? 1 : -1;
		}
		KUNIT_ASSERT_EQ(test, (u64)used, committed(test));
	}
	for (i = 0; i < TEST_PAGES; i++)
		KUNIT_EXPECT_EQ(test, model[i],
				test_page(test, i) && test_page(test, i)->data);
}

static struct kunit_case codearena_commit_cases[] = {
	KUNIT_CASE(commit_counts),
	KUNIT_CASE(commit_fills),
	KUNIT_CASE(commit_twice),
	KUNIT_CASE(commit_across_chunks),
	KUNIT_CASE(commit_everything),
	KUNIT_CASE(commit_bad_ranges),
	KUNIT_CASE(commit_own_limit),
	KUNIT_CASE(commit_twice_beyond_limit),
	KUNIT_CASE(commit_module_limit),
	KUNIT_CASE(commit_user_share),
	KUNIT_CASE(chunks_come_and_go),
	KUNIT_CASE(metadata_own_limit),
	KUNIT_CASE(footprint_is_not_less),
	KUNIT_CASE(commit_limit_units),
	KUNIT_CASE(decommit_needs_all),
	KUNIT_CASE(decommit_forgets),
	KUNIT_CASE(decommit_permanent),
	KUNIT_CASE(decommit_claimed),
	KUNIT_CASE(reserve_bad),
	KUNIT_CASE(reserve_twice),
	KUNIT_CASE(commit_random),
	{}
};

TEST_SUITE("codearena_commit", codearena_commit_cases, test_init);
