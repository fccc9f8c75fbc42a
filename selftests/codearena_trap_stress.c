// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps while everything around them changes: tables, views, processes, arenas.
 * None may be missed, and none may land elsewhere. CODEARENA_STRESS_SECONDS=N:
 * each test works for N seconds.
 */
#include "lib/harness.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/crew.h"
#include "lib/trap_code.h"

#define CHANGERS	4
#define TRAPPERS	4
#define PLACES		64	/* of each changer, one granule each */
#define FIXED_SITES	32
#define KINDS_OF_LIFE	4

/**
 * struct stress - what the threads of a test share
 * @t: the arena
 * @crew: the threads
 * @sites: loads that are protected all the time
 * @pads: where they land
 * @base: offset of the places whose tables come and go
 * @done: changers that have ended
 * @landed: traps that the trappers saw land
 */
struct stress {
	struct trap_arena t;
	struct crew crew;
	struct site sites[FIXED_SITES];
	struct site pads[FIXED_SITES];
	uint64_t base;
	unsigned int done;
	uint64_t landed;
};

struct worker {
	struct stress *stress;
	unsigned int number;
	unsigned int round;
	uint64_t random;
};

FIXTURE(stress)
{
	struct stress s;
	struct worker workers[CHANGERS + TRAPPERS];
};

FIXTURE_SETUP(stress)
{
	struct stress *s = &self->s;
	struct trap_arena *t = &s->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	/* Places that change lie between those that stay. */
	for (unsigned int i = 0; i < FIXED_SITES; i++) {
		ASSERT_ZERO(site_new_at(t, &code_pad, page_at(&t->arena, i + 1),
					&s->pads[i]));
		ASSERT_ZERO(site_new_at(t, &code_load,
					granule_at(&t->arena, i + 1, 32),
					&s->sites[i]));
		ASSERT_ZERO(site_protect(t, &s->sites[i], s->pads[i].start,
					 CODEARENA_TRAP_F_REPORT, NULL));
	}
	for (unsigned int i = 0; i < CHANGERS + TRAPPERS; i++)
		self->workers[i] = (struct worker) {
			.stress = s,
			.number = i,
			.random = i * 7919 + 1,
		};
}

FIXTURE_TEARDOWN(stress)
{
	trap_arena_free(&self->s.t);
}

/* What all changers together have changed. */
static uint64_t all_rounds(const struct worker *workers)
{
	uint64_t rounds = 0;

	for (unsigned int i = 0; i < CHANGERS; i++)
		rounds += workers[i].round;
	return rounds;
}

/* One trap at a site that is protected: true if all is as it should be. */
static bool trap_lands(const struct trap_arena *t, struct trap_state *state,
		       const struct site *site, const struct site *pad,
		       uint64_t at)
{
	state->in.gpr[REG_ADDRESS] = (uintptr_t)t->guard + at;
	trap_go(state, site_entry(t, site));
	return !state->signals &&
	       state->where == (uintptr_t)t->arena.view + pad->start &&
	       state->out.gpr[REG_REPORT_PC] == site_pc(t, site) &&
	       state->out.gpr[REG_REPORT_ADDRESS] == (uintptr_t)t->guard + at;
}

static void *trap_all_the_time(void *arg)
{
	struct worker *w = arg;
	struct stress *s = w->stress;
	struct trap_state *state = trap_state_new();
	uint64_t landed = 0;

	do {
		uint32_t random = crew_random(&w->random);
		unsigned int i = random % FIXED_SITES;

		if (!trap_lands(&s->t, state, &s->sites[i], &s->pads[i],
				(random >> 8) * 8)) {
			crew_fail(&s->crew,
				  "site %u: ended at %#lx with signal %d at %#lx",
				  i, (unsigned long)state->where, state->signo,
				  (unsigned long)state->pc);
			break;
		}
		landed++;
	} while (!crew_stopped(&s->crew));
	__atomic_add_fetch(&s->landed, landed, __ATOMIC_RELAXED);
	trap_state_free(state);
	return NULL;
}

/* The last changer to end ends the test. */
static void changer_done(struct stress *s)
{
	if (__atomic_add_fetch(&s->done, 1, __ATOMIC_ACQ_REL) == CHANGERS)
		crew_stop(&s->crew);
}

static uint64_t place_of(const struct worker *w, unsigned int place)
{
	const struct arena *a = &w->stress->t.arena;
	unsigned int index = w->number * PLACES + place;

	/* Eight in each page, away from the sites that stay. */
	return granule_at(a, 1 + index / 8 % FIXED_SITES, 40 + index % 8);
}

/*
 * Register a table for a place, trap in it, release it, trap again. Entries in
 * before and after the instruction make tables of all sizes.
 */
static bool change_table(struct worker *w, struct trap_state *state)
{
	const struct stress *s = w->stress;
	const struct trap_arena *t = &s->t;
	uint32_t random = crew_random(&w->random);
	const struct site *pad = &s->pads[random % FIXED_SITES];
	uint64_t place = place_of(w, random >> 8 & (PLACES - 1)), id;
	struct site site = { .start = place, .trap = place };
	uint32_t count = 1 + (random >> 20) % 30;
	struct codearena_trap traps[30];

	for (uint32_t i = 0; i < count; i++)
		traps[i] = trap_of(2 * i, 1 + (random >> 16 & 1), pad->start);
	if (do_register(t->fd, place, t->arena.granule, traps, count,
			CODEARENA_TRAP_F_REPORT, &id))
		return false;
	if (!trap_lands(t, state, &site, pad, random % 4096 * 8))
		return false;
	if (do_release(t->fd, id))
		return false;
	/* Once the call has returned, the table is gone. */
	if (random & 0xf0)
		return true;
	trap_go(state, site_entry(t, &site));
	return state->signals == 1 && state->signo == SIGSEGV &&
	       do_release(t->fd, id) == -1 && errno == ENOENT;
}

static void *change_tables(void *arg)
{
	struct worker *w = arg;
	struct trap_state *state = trap_state_new();

	do {
		if (!change_table(w, state)) {
			crew_fail(&w->stress->crew,
				  "changer %u, round %u: %s; ended at %#lx, signal %d",
				  w->number, w->round, strerror(errno),
				  (unsigned long)state->where, state->signo);
			break;
		}
		w->round++;
	} while (crew_goes_on(&w->stress->crew));
	changer_done(w->stress);
	trap_state_free(state);
	return NULL;
}

TEST_F(stress, tables_come_and_go)
{
	struct stress *s = &self->s;
	uint64_t before = traps_fixed(s->t.fd);

	for (unsigned int i = 0; i < CHANGERS; i++)
		for (unsigned int j = 0; j < PLACES; j++)
			ASSERT_ZERO(do_publish1(s->t.fd,
						place_of(&self->workers[i], j),
						code_load.start,
						fragment_length(&code_load),
						0));
	crew_start(&s->crew, CHANGERS, change_tables, self->workers,
		   sizeof(self->workers[0]));
	crew_start(&s->crew, TRAPPERS, trap_all_the_time,
		   &self->workers[CHANGERS], sizeof(self->workers[0]));
	ASSERT_TRUE(crew_join(&s->crew));
	ASSERT_CREW(&s->crew);
	EXPECT_TABLES(s->t.fd, FIXED_SITES, FIXED_SITES);
	EXPECT_EQ(s->landed + all_rounds(self->workers),
		  traps_fixed(s->t.fd) - before);
	EXPECT_LT(0, s->landed);
	TH_LOG("%llu tables, %llu traps beside them",
	       (unsigned long long)all_rounds(self->workers),
	       (unsigned long long)s->landed);
}

/* Code is published with its traps, run, and discarded, page by page. */
static void *publish_and_discard(void *arg)
{
	struct worker *w = arg;
	struct stress *s = w->stress;
	struct trap_arena *t = &s->t;
	struct trap_state *state = trap_state_new();
	uint64_t place = page_at(&t->arena, FIXED_SITES + 4 + w->number);
	struct codearena_trap trap = trap_of(0, 1, place + t->arena.granule);
	struct site site = { .start = place, .trap = place };
	struct site pad = { .start = trap.landing };

	do {
		struct codearena_object objects[2] = {
			object_of(place, code_load.start,
				  fragment_length(&code_load),
				  CODEARENA_OBJECT_F_REPORT),
			object_of(pad.start, code_pad.start,
				  fragment_length(&code_pad), 0),
		};

		objects[0].traps = (uintptr_t)&trap;
		objects[0].trap_count = 1;
		if (do_publish(t->fd, objects, 2, NULL, 0, 0) ||
		    !trap_lands(t, state, &site, &pad, w->round % 4096 * 8) ||
		    do_discard1(t->fd, place, 2 * t->arena.granule)) {
			crew_fail(&s->crew,
				  "changer %u, round %u: %s; ended at %#lx",
				  w->number, w->round, strerror(errno),
				  (unsigned long)state->where);
			break;
		}
		w->round++;
	} while (crew_goes_on(&s->crew));
	changer_done(s);
	trap_state_free(state);
	return NULL;
}

TEST_F(stress, code_comes_and_goes)
{
	struct stress *s = &self->s;

	crew_start(&s->crew, CHANGERS, publish_and_discard, self->workers,
		   sizeof(self->workers[0]));
	crew_start(&s->crew, TRAPPERS, trap_all_the_time,
		   &self->workers[CHANGERS], sizeof(self->workers[0]));
	ASSERT_TRUE(crew_join(&s->crew));
	ASSERT_CREW(&s->crew);
	EXPECT_TABLES(s->t.fd, FIXED_SITES, FIXED_SITES);
	EXPECT_FIXED(s->t.fd, s->landed + all_rounds(self->workers), 0, 0);
}

/* Other views of the arena, whole and in pieces, and of the guard. */
static void *map_and_unmap(void *arg)
{
	struct worker *w = arg;
	struct stress *s = w->stress;
	struct trap_arena *t = &s->t;
	struct trap_state *state = trap_state_new();
	const uint64_t page = t->arena.page;

	do {
		unsigned int n = crew_random(&w->random) % FIXED_SITES;
		struct trap_arena other = *t;

		other.arena.view = arena_map(&t->arena, t->fd);
		other.guard = guard_map(t->fd, 1 << 30);
		if (other.arena.view == MAP_FAILED ||
		    (void *)other.guard == MAP_FAILED ||
		    munmap(other.arena.view, page * (n + 1)) ||
		    munmap(other.arena.view + page * (n + 2),
			   t->arena.length - page * (n + 2)) ||
		    !trap_lands(&other, state, &s->sites[n], &s->pads[n],
				w->round % 4096 * 8) ||
		    munmap(other.arena.view + page * (n + 1), page) ||
		    munmap(other.guard, 1 << 30)) {
			crew_fail(&s->crew,
				  "changer %u, round %u: %s; ended at %#lx",
				  w->number, w->round, strerror(errno),
				  (unsigned long)state->where);
			break;
		}
		w->round++;
	} while (crew_goes_on(&s->crew));
	changer_done(s);
	trap_state_free(state);
	return NULL;
}

TEST_F(stress, views_come_and_go)
{
	struct stress *s = &self->s;

	crew_start(&s->crew, CHANGERS, map_and_unmap, self->workers,
		   sizeof(self->workers[0]));
	crew_start(&s->crew, TRAPPERS, trap_all_the_time,
		   &self->workers[CHANGERS], sizeof(self->workers[0]));
	ASSERT_TRUE(crew_join(&s->crew));
	ASSERT_CREW(&s->crew);
	EXPECT_FIXED(s->t.fd, s->landed + all_rounds(self->workers), 0, 0);
}

/* What a child does in its short life; each does it a little differently. */
static int short_life(struct stress *s, unsigned int number)
{
	struct trap_state *state = trap_state_new();
	unsigned int i = number % FIXED_SITES;

	CHECK(trap_lands(&s->t, state, &s->sites[i], &s->pads[i], 8 * number));
	switch (number % KINDS_OF_LIFE) {
	case 0:
		close(s->t.fd);
		munmap(s->t.arena.view, s->t.arena.length);
		munmap(s->t.guard, s->t.guard_length);
		break;
	case 1:
		close(s->t.fd);
		break;
	case 2:
		/* Killed in the middle of it. */
		alarm(1);
		for (;;)
			CHECK(trap_lands(&s->t, state, &s->sites[i],
					 &s->pads[i], 8 * number));
	default:
		break;
	}
	return 0;
}

/* Threads trap while the process forks, and its children trap and end. */
TEST_F(stress, processes_come_and_go)
{
	struct stress *s = &self->s;
	unsigned int children = 0, running = 0;
	int status;

	crew_start(&s->crew, TRAPPERS, trap_all_the_time,
		   &self->workers[CHANGERS], sizeof(self->workers[0]));
	for (bool more = true; more || running; ) {
		if (more) {
			pid_t child = fork();

			ASSERT_LE(0, child);
			if (!child)
				_exit(short_life(s, children));
			/* Each kind of life, at least. */
			more = ++children < KINDS_OF_LIFE ||
			       crew_goes_on(&s->crew);
			if (++running < 8)
				continue;
		}
		ASSERT_LT(0, wait(&status));
		running--;
		EXPECT_TRUE(WIFSIGNALED(status) ?
			    WTERMSIG(status) == SIGALRM : status == 0) {
			TH_LOG("status %#x", status);
		}
	}
	crew_stop(&s->crew);
	ASSERT_TRUE(crew_join(&s->crew));
	ASSERT_CREW(&s->crew);
	EXPECT_LT(s->landed + children, traps_fixed(s->t.fd));
}

/*
 * An arena whose owner closes it and ends, while others trap in it; the last of
 * them frees it.
 */
static int owner_of_its_own(unsigned int number)
{
	struct trap_arena own;
	struct site site;
	struct trap_state *state;

	CHECK(trap_arena_new(&own, 4) == 0);
	CHECK(site_new(&own, &code_load, &site) == 0);
	CHECK(site_protect(&own, &site, own.pad.start, CODEARENA_TRAP_F_REPORT,
			   NULL) == 0);
	state = trap_state_new();
	for (unsigned int i = 0; i < 3; i++) {
		if (fork())
			continue;
		for (unsigned int j = 0; j < 200 * (i + 1); j++)
			CHECK(trap_lands(&own, state, &site, &own.pad, 8 * j));
		if (number % 2)
			trap_arena_free(&own);
		_exit(0);
	}
	trap_arena_free(&own);
	return 0;
}

TEST_F(stress, arenas_come_and_go)
{
	unsigned int arenas = 0;
	uint64_t total = crew_total();
	struct stress *s = &self->s;
	int status;

	crew_start(&s->crew, TRAPPERS, trap_all_the_time,
		   &self->workers[CHANGERS], sizeof(self->workers[0]));
	do {
		pid_t child = fork();

		ASSERT_LE(0, child);
		if (!child)
			_exit(owner_of_its_own(arenas));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status);
	} while (++arenas < 2 || crew_goes_on(&s->crew));
	crew_stop(&s->crew);
	ASSERT_TRUE(crew_join(&s->crew));
	ASSERT_CREW(&s->crew);
	EXPECT_FIXED(s->t.fd, s->landed, 0, 0);
	EXPECT_TRUE(crew_total_becomes(total));
}

TEST_HARNESS_MAIN
