// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What another process maps with a handle that can only read does not slow its
 * owner down. All limits are ratios of times of one run.
 */
#include "lib/harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/utils.h"

#define PAGES	128
#define RANGES	2048U
#define FOREIGN	scaled(8000)
#define RUNS	5

struct foreign {
	struct arena arena;
	struct codearena_range ranges[RANGES];
	int shared;
	int ready[2];
	pid_t pid;
};

FIXTURE(foreign)
{
	struct foreign f;
};

FIXTURE_SETUP(foreign)
{
	struct foreign *f = &self->f;
	struct arena *a = &f->arena;

	ASSERT_ZERO(arena_new(a, PAGES, 0, 0));
	ASSERT_ZERO(do_commit(a->fd, 0, a->length));
	f->shared = do_share(a->fd);
	ASSERT_LE(0, f->shared);
	ASSERT_ZERO(pipe(f->ready));
	/* Alternate granules, in all of every other page. */
	for (unsigned int i = 0; i < RANGES; i++)
		f->ranges[i] = (struct codearena_range) {
			.offset = granule_at(a, i / 32 * 2, i % 32 * 2),
			.length = a->granule,
		};
	f->pid = 0;
}

FIXTURE_TEARDOWN(foreign)
{
	struct foreign *f = &self->f;

	if (f->pid) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	arena_free(&f->arena);
}

/* Map the arena again and again; read page 1 of each view if asked to. */
static void be_foreign(struct foreign *f, bool touch)
{
	struct arena *a = &f->arena;
	volatile uint8_t *view;

	for (unsigned int i = 0; i < FOREIGN; i++) {
		view = mmap(NULL, a->length, PROT_READ, MAP_SHARED,
			    f->shared, 0);
		if (view == MAP_FAILED)
			_exit(1);
		if (touch)
			(void)view[a->page];
	}
	if (write(f->ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int start_foreign(struct foreign *f, bool touch)
{
	char byte;

	f->pid = fork();
	if (!f->pid)
		be_foreign(f, touch);
	return read(f->ready[0], &byte, 1) == 1 ? 0 : -1;
}

/*
 * Seal, map and discard; the shortest time that the latter took, or -1. There are
 * more runs while it is not below a limit: other load makes a run longer, never
 * shorter.
 */
static double discard(struct foreign *f, unsigned int count, double limit)
{
	struct arena *a = &f->arena;
	double best = 1e9, start, took;

	for (int run = 0; run < RUNS || (best >= limit && run < 20 * RUNS);
	     run++) {
		for (unsigned int i = 0; i < count; i++) {
			if (do_seal(a->fd, f->ranges[i].offset,
				    f->ranges[i].length, 0))
				return -1;
			(void)*(volatile uint8_t *)(a->view +
						    f->ranges[i].offset);
		}
		start = seconds_now();
		if (do_discard(a->fd, f->ranges, count))
			return -1;
		took = seconds_now() - start;
		if (took < best)
			best = took;
	}
	return best;
}

TEST_F(foreign, views_that_show_nothing)
{
	struct foreign *f = &self->f;
	double alone, beside;

	alone = discard(f, RANGES, 1e9);
	ASSERT_LT(0, alone);
	ASSERT_ZERO(start_foreign(f, false));
	beside = discard(f, RANGES, 2 * alone);
	ASSERT_LT(0, beside);
	TH_LOG("%u foreign views: %.2f times as long", FOREIGN, beside / alone);
	EXPECT_LT(beside, 2 * alone);
}

/*
 * Each view is visited once for a call, not once for each of its ranges, of which
 * there are thousands. A longer span takes longer in each view, about three times.
 */
TEST_F(foreign, views_that_were_read)
{
	struct foreign *f = &self->f;
	double alone, one, all;

	alone = discard(f, RANGES, 1e9);
	ASSERT_LT(0, alone);
	/* Something to read, which stays. */
	ASSERT_ZERO(do_seal(f->arena.fd, f->arena.page,
			    f->arena.granule, 0));
	ASSERT_ZERO(start_foreign(f, true));
	one = discard(f, 1, 1e9);
	ASSERT_LT(0, one);
	all = discard(f, RANGES, 10 * (one + alone));
	ASSERT_LT(0, all);
	TH_LOG("1 range %.6f s, %u ranges %.6f s, alone %.6f s", one, RANGES,
	       all, alone);
	EXPECT_LT(all, 10 * (one + alone));
}

TEST_HARNESS_MAIN
