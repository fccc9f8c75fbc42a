// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * SIGKILL while a process publishes, patches, registers traps, commits and
 * discards, at random points. Afterwards the step that it was in has been
 * made or not, and nothing in between; no granule is claimed any more; and what
 * was the process's own is given back.
 *
 * CODEARENA_SEED=N repeats the kills of the run that printed N, as far as timing
 * can be repeated.
 */
#include "lib/harness.h"

#include <sys/prctl.h>

#include "lib/fault.h"

#define BUDGETS		5		/* of a stress test, for as many points */
#define WORKERS		2		/* that kill side by side */
#define LANES		2
#define OWN_PAGES	4
#define MOST_STEPS	24
#define MOST_DELAY	300		/* microseconds */

/**
 * struct killer - one worker, its arena, and the process that it kills
 * @a: the arena, which outlives the processes that change it
 * @lanes: one for each thread of the process; shared memory
 * @random: where and when
 * @threads: that the process has
 */
struct killer {
	struct arena a;
	struct lane *lanes;
	uint64_t random;
	unsigned int threads;
};

static void *work(void *argument)
{
	while (lane_step(argument))
		;
	return NULL;
}

/* Ends by being killed; returns if it cannot go on. */
static int victim(struct killer *k)
{
	struct arena own;
	pthread_t thread;

	/* It does not outlive its killer. */
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	CHECK(arena_new(&own, POPULATED_PAGES, 0, 0) == 0);
	CHECK(do_commit(own.fd, 0, page_at(&own, OWN_PAGES)) == 0);
	if (k->threads > 1)
		CHECK(pthread_create(&thread, NULL, work, &k->lanes[1]) == 0);
	work(&k->lanes[0]);
	if (k->threads > 1)
		pthread_join(thread, NULL);
	return 2;
}

static bool lane_reset(struct killer *k, unsigned int number)
{
	struct lane *lane = &k->lanes[number];
	unsigned int steps = lane->steps;

	*lane = (struct lane) {
		.fd = k->a.fd,
		.base = number * LANE_PAGES * k->a.page,
		.page = k->a.page,
		.granule = k->a.granule,
		.random = (uint64_t)crew_random(&k->random) << 32 |
			  crew_random(&k->random),
		.steps = steps,
	};
	return lane_init(lane);
}

static bool words_are(const struct killer *k, const struct lane *lane,
		      const struct lane_state *state)
{
	uint64_t words[LANE_WORDS];

	return !guarded_read(words, k->a.view + lane->base, sizeof(words)) &&
	       !memcmp(words, state->words, sizeof(words));
}

/* Every thread's last step is made or not: one of these is what STAT shows. */
static bool state_is_whole(const struct killer *k)
{
	const struct lane *lanes = k->lanes;
	struct codearena_stat stat;
	unsigned int choice;

	if (do_stat(k->a.fd, &stat))
		return false;
	for (choice = 0; choice < 1 << LANES; choice++) {
		uint64_t sealed = 0, tables = 0, pages = 0;
		bool same = true;

		for (unsigned int i = 0; i < LANES; i++) {
			const struct lane_state *state = choice >> i & 1 ?
				&lanes[i].next : &lanes[i].now;

			sealed += state->sealed;
			tables += state->tables;
			pages += state->pages;
			same = same && words_are(k, &lanes[i], state);
		}
		if (same && stat.out_sealed == sealed &&
		    stat.out_trap_tables == tables &&
		    stat.out_committed == pages * k->a.page)
			return true;
	}
	return false;
}

/* Nothing is claimed: the whole arena can be discarded and written. */
static bool nothing_is_held(struct killer *k)
{
	static uint8_t bytes[LANES * LANE_PAGES * 65536];
	struct codearena_stat stat;

	for (unsigned int i = 0; i < LANES; i++)
		if (do_commit(k->a.fd, lane_loose(&k->lanes[i]), k->a.page) &&
		    errno != EEXIST)
			return false;
	if (k->a.length > sizeof(bytes) ||
	    do_discard1(k->a.fd, 0, k->a.length) || do_stat(k->a.fd, &stat))
		return false;
	if (stat.out_sealed || stat.out_patchable || stat.out_trap_tables ||
	    stat.out_trap_entries || stat.out_committed != k->a.length)
		return false;
	return !do_write1(k->a.fd, 0, bytes, k->a.length) &&
	       !do_discard1(k->a.fd, 0, k->a.length);
}

static unsigned int steps_made(const struct killer *k)
{
	return __atomic_load_n(&k->lanes[0].steps, __ATOMIC_ACQUIRE);
}

static int kill_once(struct killer *k)
{
	unsigned int first, steps, delay;
	pid_t pid;
	int how;

	k->threads = 1 + crew_random(&k->random) % 2;
	for (unsigned int i = 0; i < LANES; i++)
		CHECK(lane_reset(k, i));
	first = steps_made(k);
	steps = crew_random(&k->random) % MOST_STEPS;
	delay = crew_random(&k->random) % MOST_DELAY;
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(victim(k));
	CHECK(WAIT_UNTIL(steps_made(k) - first >= steps || k->lanes[0].error));
	usleep(delay);
	kill(pid, SIGKILL);
	how = fault_reap(pid);
	/* A step fails only by being killed. */
	for (unsigned int i = 0; i < LANES; i++) {
		errno = k->lanes[i].error;
		CHECK(!errno);
	}
	CHECK(how == 256 + SIGKILL);
	CHECK(state_is_whole(k));
	CHECK(nothing_is_held(k));
	return 0;
}

/* The killer runs before its victims, where that is allowed. */
static void take_precedence(void)
{
	struct sched_param first = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
}

static int kill_often(void *argument)
{
	double until = seconds_now() + BUDGETS * crew_budget();
	struct killer *k = argument;
	unsigned int kills = 0;

	take_precedence();
	k->lanes = fault_shared(LANES * sizeof(*k->lanes));
	CHECK(k->lanes);
	CHECK(arena_new(&k->a, LANES * LANE_PAGES,
			CODEARENA_RESERVE_F_SHARED_WRITER, 0) == 0);
	CHECK(do_commit(k->a.fd, 0, k->a.length) == 0);
	do {
		if (kill_once(k)) {
			fprintf(stderr, "# at kill %u\n", kills);
			return 1;
		}
		kills++;
	} while (seconds_now() < until);
	printf("# %u kills, %u steps\n", kills,
	       k->lanes[0].steps + k->lanes[1].steps);
	fflush(NULL);
	return 0;
}

FIXTURE(kill) {
	uint64_t total;
	uint64_t seed;
};

FIXTURE_SETUP(kill)
{
	self->total = crew_total();
	self->seed = fault_seed();
	TH_LOG("seed %#llx", (unsigned long long)self->seed);
}

FIXTURE_TEARDOWN(kill)
{
	EXPECT_TRUE(crew_total_becomes(self->total));
}

TEST_F(kill, at_random_points)
{
	pid_t workers[WORKERS];

	fflush(NULL);
	for (unsigned int i = 0; i < WORKERS; i++) {
		struct killer k = { .random = self->seed + i };

		workers[i] = fork();
		ASSERT_LE(0, workers[i]);
		if (!workers[i])
			_exit(kill_often(&k));
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		int status;

		/* Every wait in there has an end. */
		ASSERT_EQ(workers[i], waitpid(workers[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
