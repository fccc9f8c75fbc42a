// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Clones: an arena of its own in place of the one that a child inherited.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/helpers.h"

/* Every change of an arena succeeds, and can be seen. */
static bool changes(struct fixture *f)
{
	struct codearena_patch_entry patch = {
		.offset = f->word,
		.expected = WORD_VALUE,
		.value = 1,
		.width = 8,
	};
	struct codearena_range range = {
		.offset = f->fixed,
		.length = f->granule,
	};
	struct codearena_arena *a = f->arena;
	uint64_t word;

	return !codearena_arena_commit(a, f->reserved, f->page) &&
	       !publish_return(a, f->reserved, 71, 0) &&
	       execute(a, f->reserved) == 71 &&
	       !codearena_arena_decommit(a, f->reserved, f->page) &&
	       !codearena_arena_patch(a, &patch, 1, 0, NULL) &&
	       peek(a, f->word, &word, sizeof(word)) && word == 1 &&
	       execute(a, f->slot) == SLOT_VALUE &&
	       !codearena_arena_discard(a, &range, 1, NULL) &&
	       !publish_return(a, f->fixed, 72, 0) &&
	       execute(a, f->fixed) == 72;
}

static bool like_before(struct fixture *f, const struct codearena_stat *before)
{
	struct codearena_stat now = stat_of(f->arena);
	uint64_t word;

	return now.out_length == before->out_length &&
	       now.out_commit_limit == before->out_commit_limit &&
	       now.out_committed == before->out_committed &&
	       now.out_sealed == before->out_sealed &&
	       now.out_patchable == before->out_patchable &&
	       !now.out_published && !now.out_written &&
	       execute(f->arena, f->fixed) == FIXED_VALUE &&
	       execute(f->arena, f->slot) == SLOT_VALUE &&
	       peek(f->arena, f->word, &word, sizeof(word)) &&
	       word == WORD_VALUE;
}

static bool child_clones(void *context)
{
	struct fixture *f = context;
	const struct codearena_stat before = stat_of(f->arena);
	const void *base = codearena_arena_base(f->arena);

	return publish_return(f->arena, f->fresh, 1, 0) == -EPERM &&
	       !codearena_arena_clone(f->arena) &&
	       codearena_arena_base(f->arena) == base &&
	       like_before(f, &before) && changes(f);
}

static void child_changes_its_clone(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before = snapshot_take(f->arena);

	assert_int_equal(in_child(child_clones, f), 0);
	snapshot_check(f->arena, before);
	assert_true(changes(f));
}

static bool child_clones_and_forks(void *context)
{
	struct fixture *f = context;

	return !codearena_arena_clone(f->arena) &&
	       !in_child(child_clones, f) && changes(f);
}

static void grandchild_clones_the_clone(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before = snapshot_take(f->arena);

	assert_int_equal(in_child(child_clones_and_forks, f), 0);
	snapshot_check(f->arena, before);
}

/* The owner may as well; nothing is gained by it. */
static void owner_clones(void **state)
{
	struct fixture *f = *state;
	const struct codearena_stat before = stat_of(f->arena);

	assert_int_equal(codearena_arena_clone(f->arena), 0);
	assert_true(like_before(f, &before));
	assert_int_equal(codearena_arena_clone(f->arena), 0);
	assert_true(changes(f));
}

static void attached_arena_becomes_an_own_one(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *attached;
	struct snapshot *before;
	int fd;

	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, NULL, &attached), 0);
	close(fd);
	before = snapshot_take(f->arena);
	assert_int_equal(publish_return(attached, f->fresh, 1, 0), -EBADF);
	assert_int_equal(codearena_arena_clone(attached), 0);
	assert_int_equal(publish_return(attached, f->fresh, 73, 0), 0);
	assert_int_equal(execute(attached, f->fresh), 73);
	codearena_arena_free(attached);
	snapshot_check(f->arena, before);
}

static void clone_without_descriptors(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before = snapshot_take(f->arena);
	struct rlimit old, now;
	int free_fd, ret;

	/* The lowest free descriptor is the limit: none is left. */
	free_fd = dup(0);
	close(free_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = free_fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	ret = codearena_arena_clone(f->arena);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(ret, -EMFILE);
	snapshot_check(f->arena, before);
	assert_true(changes(f));
}

static void nothing_is_cloned(void **state)
{
	(void)state;
	assert_int_equal(codearena_arena_clone(NULL), -EINVAL);
}

static void feature_is_reported(void **state)
{
	CODEARENA_OPTS(codearena_info, info);

	(void)state;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	assert_true(info.features & CODEARENA_FEATURE_CLONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(child_changes_its_clone),
		FIXTURE_TEST(grandchild_clones_the_clone),
		FIXTURE_TEST(owner_clones),
		FIXTURE_TEST(attached_arena_becomes_an_own_one),
		FIXTURE_TEST(clone_without_descriptors),
		cmocka_unit_test_setup(nothing_is_cloned, backend_setup),
		cmocka_unit_test_setup(feature_is_reported, backend_setup),
	};

	return cmocka_run_group_tests_name("arena_clone", tests, NULL, NULL);
}
