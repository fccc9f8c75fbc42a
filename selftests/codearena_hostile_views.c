// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Many views: what a trap, a mapping and a fork cost grows with the logarithm of
 * their number, or with it; and a landing pad is in all views or in none. All
 * limits are ratios of times of one run, with room for a noisy machine.
 */
#include "lib/harness.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/trap_code.h"

#define FEW	500U
#define MANY	8000U	/* 16 times as many */
#define RUNS	3
#define TRAPS	2000U
#define FORKS	60
#define PADDED	200U

FIXTURE(views)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint8_t *place;		/* MANY views, one page apart */
	unsigned int mapped;
};

static uint8_t *view_address(struct _test_data_views *self, unsigned int i)
{
	return self->place + 2ULL * i * self->t.arena.page;
}

/* Map the site's page until there are so many views. */
static int map_up_to(struct _test_data_views *self, unsigned int count)
{
	struct arena *a = &self->t.arena;
	uint64_t page = self->site.start / a->page * a->page;

	for (; self->mapped < count; self->mapped++) {
		if (mmap(view_address(self, self->mapped), a->page,
			 PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, a->fd,
			 page) == MAP_FAILED)
			return -1;
	}
	return 0;
}

static void unmap_all(struct _test_data_views *self)
{
	for (; self->mapped; self->mapped--)
		munmap(view_address(self, self->mapped - 1),
		       self->t.arena.page);
}

FIXTURE_SETUP(views)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, 4));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(t, &code_load, &self->site));
	self->place = mmap(NULL, 2ULL * MANY * t->arena.page, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->place);
	self->mapped = 0;
}

FIXTURE_TEARDOWN(views)
{
	unmap_all(self);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

/* The shortest of some runs. */
static double shortest(struct _test_data_views *self,
		       void (*run)(struct _test_data_views *self))
{
	double best = 1e9, start, took;

	for (int i = 0; i < RUNS; i++) {
		start = seconds_now();
		run(self);
		took = seconds_now() - start;
		if (took < best)
			best = took;
	}
	return best;
}

/* Trap in the view that was mapped first. */
static void run_traps(struct _test_data_views *self)
{
	const void *entry = site_entry(&self->t, &self->site);

	for (unsigned int i = 0; i < TRAPS; i++)
		trap_access(self->state, entry, self->t.guard + 64);
}

static void run_fork(struct _test_data_views *self)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!self->mapped);
	waitpid(pid, NULL, 0);
}

/* Map and unmap one view more. */
static void run_map(struct _test_data_views *self)
{
	struct arena *a = &self->t.arena;

	for (unsigned int i = 0; i < TRAPS; i++)
		munmap(mmap(NULL, a->page, PROT_READ | PROT_EXEC, MAP_SHARED,
			    a->fd, 0), a->page);
}

TEST_F(views, trap)
{
	double few, many;

	ASSERT_ZERO(site_protect(&self->t, &self->site, self->t.pad.start, 0,
				 NULL));
	few = shortest(self, run_traps);
	ASSERT_ZERO(map_up_to(self, MANY));
	many = shortest(self, run_traps);
	EXPECT_LANDED(self->state, pad_address(&self->t));
	TH_LOG("%u views more: %.2f times as long", MANY, many / few);
	EXPECT_LT(many, 4 * few);
}

TEST_F(views, map_and_unmap)
{
	double few, many;

	ASSERT_ZERO(map_up_to(self, FEW));
	few = shortest(self, run_map);
	ASSERT_ZERO(map_up_to(self, MANY));
	many = shortest(self, run_map);
	TH_LOG("16 times as many views: %.2f times as long", many / few);
	EXPECT_LT(many, 3 * few);
}

TEST_F(views, fork_and_exit)
{
	double few, many;

	ASSERT_ZERO(map_up_to(self, FEW));
	few = shortest(self, run_fork);
	ASSERT_ZERO(map_up_to(self, MANY));
	many = shortest(self, run_fork);
	TH_LOG("16 times as many views: %.2f times as long", many / few);
	EXPECT_LT(many, 40 * few);
}

static void *set_landing(void *arg)
{
	struct _test_data_views *self = arg;

	do_landing(self->t.fd, (uintptr_t)trap_external_pad);
	return NULL;
}

/* In how many views does a trap land? */
static unsigned int count_landed(struct _test_data_views *self)
{
	uint64_t inside = self->site.start % self->t.arena.page;
	unsigned int landed = 0;

	for (unsigned int i = 0; i < self->mapped; i++) {
		trap_access(self->state, view_address(self, i) + inside,
			    self->t.guard + 64);
		landed += !self->state->signo;
	}
	return landed;
}

/* A fork copies the pad of the process as a whole, whenever it is set. */
TEST_F(views, fork_copies_the_pad_whole)
{
	unsigned int with = 0, partly = 0;
	pthread_t thread;
	int status;
	pid_t pid;

	ASSERT_ZERO(site_protect(&self->t, &self->site,
				 CODEARENA_LANDING_EXTERNAL, 0, NULL));
	/* Where all views go, the pad goes too. */
	ASSERT_ZERO(munmap(self->t.arena.view, self->t.arena.length));
	self->t.arena.view = NULL;
	for (int i = 0; i < FORKS; i++) {
		unmap_all(self);
		ASSERT_ZERO(map_up_to(self, PADDED));
		ASSERT_ZERO(pthread_create(&thread, NULL, set_landing, self));
		for (volatile int spin = 0; spin < i * 2000; spin++)
			;
		pid = fork();
		if (!pid) {
			unsigned int landed = count_landed(self);

			_exit(landed == PADDED ? 1 : landed ? 2 : 0);
		}
		pthread_join(thread, NULL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		with += WEXITSTATUS(status) == 1;
		partly += WEXITSTATUS(status) == 2;
	}
	TH_LOG("%u of %u children have the pad", with, FORKS);
	EXPECT_EQ(0, partly);
}

TEST_HARNESS_MAIN
