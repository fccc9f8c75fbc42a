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

#include "lib/group.h"
#include "lib/trap_code.h"

#define MANY	8000U
#define TIMES	16U	/* how many times as many as few */
#define RUNS	3
#define TRAPS	scaled(2000)
#define FORKS	60
#define PADDED	scaled(200)
#define CHARGED	(is_debug_kernel() ? 8400U : 20000U)
#define VIEW_BYTES	64U	/* at least, for each view */
#define CHARGE_PAGES	64U	/* a processor charges a group for so many at once */
#define REGIONS		4096U
#define MOST_TABLES_KIB	(4096 + 256)

struct views {
	struct trap_arena t;
	struct trap_state *state;
	struct site site;
	uint8_t *place;		/* MANY views, one page apart */
	unsigned int mapped;
	unsigned int many;
};

FIXTURE(views)
{
	struct views v;
};

static uint8_t *view_address(struct views *v, unsigned int i)
{
	return v->place + 2ULL * i * v->t.arena.page;
}

/* Map the site's page until there are so many views. */
static int map_up_to(struct views *v, unsigned int count)
{
	struct arena *a = &v->t.arena;
	uint64_t page = v->site.start / a->page * a->page;

	for (; v->mapped < count; v->mapped++) {
		if (mmap(view_address(v, v->mapped), a->page,
			 PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, a->fd,
			 page) == MAP_FAILED)
			return -1;
	}
	return 0;
}

static void unmap_all(struct views *v)
{
	for (; v->mapped; v->mapped--)
		munmap(view_address(v, v->mapped - 1),
		       v->t.arena.page);
}

FIXTURE_SETUP(views)
{
	struct views *v = &self->v;
	struct trap_arena *t = &v->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, 4));
	v->state = trap_state_new();
	ASSERT_ZERO(site_new(t, &code_load, &v->site));
	v->many = scaled(MANY);
	v->place = mmap(NULL, 2ULL * MANY * t->arena.page, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)v->place);
	v->mapped = 0;
}

FIXTURE_TEARDOWN(views)
{
	struct views *v = &self->v;

	unmap_all(v);
	trap_arena_free(&v->t);
	trap_state_free(v->state);
}

/*
 * The shortest of some runs; of more, while it is not below a limit: what else the
 * machine does makes a run longer, never shorter.
 */
static double shortest(struct views *v, void (*run)(struct views *v),
		       double limit)
{
	double best = 1e9, start, took;

	for (int i = 0; i < RUNS || (best >= limit && i < 20 * RUNS); i++) {
		start = seconds_now();
		run(v);
		took = seconds_now() - start;
		if (took < best)
			best = took;
	}
	return best;
}

static void run_fork(struct views *v)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!v->mapped);
	waitpid(pid, NULL, 0);
}

/* Map and unmap one view more. */
static void run_map(struct views *v)
{
	struct arena *a = &v->t.arena;

	for (unsigned int i = 0; i < TRAPS; i++)
		munmap(mmap(NULL, a->page, PROT_READ | PROT_EXEC, MAP_SHARED,
			    a->fd, 0), a->page);
}

#if defined(__x86_64__)
/* mov (%rdi), %rax, whose pad counts %esi down and goes back to it. */
static const uint8_t load[] = { 0x48, 0x8b, 0x07, 0x0f, 0x0b };

static int publish_loop(struct trap_arena *t, uint64_t offset)
{
	uint8_t pad[] = { 0xff, 0xce, 0x0f, 0x85, 0, 0, 0, 0, 0xc3 };
	const int32_t back = -(int32_t)(t->arena.granule + 8);
	const struct codearena_trap trap =
		trap_of(0, 1, offset + t->arena.granule);
	uint64_t id;

	memcpy(pad + 4, &back, sizeof(back));
	if (do_publish1(t->fd, offset, load, sizeof(load), 0) ||
	    do_publish1(t->fd, offset + t->arena.granule, pad, sizeof(pad), 0))
		return -1;
	return do_register(t->fd, offset, sizeof(load), &trap, 1, 0, &id);
}

typedef void loop_fn(void *guard, int count);

/* Trap in the view that was mapped first. */
static void run_traps(struct views *v)
{
	loop_fn *loop = (loop_fn *)(v->t.arena.view + v->t.next);

	loop(v->t.guard, TRAPS);
}

TEST_F(views, trap)
{
	struct views *v = &self->v;
	uint64_t before = traps_fixed(v->t.fd);
	double few, many;

	ASSERT_ZERO(publish_loop(&v->t, v->t.next));
	few = shortest(v, run_traps, 1e9);
	ASSERT_ZERO(map_up_to(v, v->many));
	many = shortest(v, run_traps, 4 * few);
	EXPECT_LE(2 * RUNS * TRAPS, traps_fixed(v->t.fd) - before);
	TH_LOG("%u views more: %.2f times as long", v->many, many / few);
	EXPECT_LT(many, 4 * few);
}
#endif

TEST_F(views, map_and_unmap)
{
	struct views *v = &self->v;
	double few, many;

	ASSERT_ZERO(map_up_to(v, v->many / TIMES));
	few = shortest(v, run_map, 1e9);
	ASSERT_ZERO(map_up_to(v, v->many));
	many = shortest(v, run_map, 3 * few);
	TH_LOG("%u times as many views: %.2f times as long", TIMES, many / few);
	EXPECT_LT(many, 3 * few);
}

TEST_F(views, fork_and_exit)
{
	struct views *v = &self->v;
	double few, many;

	ASSERT_ZERO(map_up_to(v, v->many / TIMES));
	few = shortest(v, run_fork, 1e9);
	ASSERT_ZERO(map_up_to(v, v->many));
	many = shortest(v, run_fork, 40 * few);
	TH_LOG("%u times as many views: %.2f times as long", TIMES, many / few);
	EXPECT_LT(many, 40 * few);
}

/* What a group is charged for mapping a page many times, in a process of its own. */
static uint64_t charge_of(int fd, size_t page)
{
	uint64_t before, *charge;
	pid_t pid;

	charge = mmap(NULL, sizeof(*charge), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (charge == MAP_FAILED || !group_new())
		return 0;
	pid = fork();
	if (!pid) {
		if (enter_group("max"))
			_exit(1);
		before = group_usage();
		for (unsigned int i = 0; i < CHARGED; i++)
			if (mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0) ==
			    MAP_FAILED)
				_exit(1);
		*charge = group_usage() - before;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return group_free() ? *charge : 0;
}

/* In any process that maps them; the owner of the arena pays nothing. */
TEST_F(views, charged_to_who_maps)
{
	struct arena *a = &self->v.t.arena;
	uint64_t ours, memfds;
	int fd = memfd_create("views", MFD_CLOEXEC);

	ASSERT_LE(0, fd);
	if (CHARGE_PAGES * a->page > CHARGED * VIEW_BYTES / 2)
		SKIP(return, "charged in steps of %u bytes, too coarse",
		     CHARGE_PAGES * a->page);
	ASSERT_ZERO(ftruncate(fd, a->page));
	memfds = charge_of(fd, a->page);
	if (!memfds)
		SKIP(return, "no memory controller in " CGROUP);
	ours = charge_of(a->fd, a->page);
	TH_LOG("%u views: %llu bytes, of a memfd %llu", CHARGED,
	       (unsigned long long)ours, (unsigned long long)memfds);
	EXPECT_LT(memfds + CHARGED * VIEW_BYTES, ours);
	close(fd);
}

/* KiB of page tables of this process. */
static unsigned long page_tables(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPTE: %lu kB", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

/* Traps all over a large guard view leave few page tables, and go on. */
TEST_F(views, page_tables_of_a_guard_view)
{
	struct views *v = &self->v;
	/* What a page table covers, or more. */
	const size_t region = v->t.arena.page / 8 * (size_t)v->t.arena.page;
	const size_t length = REGIONS * region;
	unsigned long before;
	uint8_t *guard;

	ASSERT_ZERO(site_protect(&v->t, &v->site, v->t.pad.start, 0, NULL));
	guard = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, v->t.fd,
		     CODEARENA_GUARD_OFFSET);
	ASSERT_NE(MAP_FAILED, (void *)guard);
	before = page_tables();
	for (size_t i = 0; i < REGIONS; i++) {
		trap_access(v->state, v->t.arena.view + v->site.start,
			    guard + i * region);
		ASSERT_EQ(0, v->state->signo);
	}
	TH_LOG("traps in %u regions: %lu KiB of page tables", REGIONS,
	       page_tables() - before);
	EXPECT_LE(page_tables() - before, MOST_TABLES_KIB);
	ASSERT_ZERO(munmap(guard, length));
	/* Upper levels may stay. */
	EXPECT_LE(page_tables() - before, 64);
}

static void *set_landing(void *arg)
{
	struct views *v = arg;

	do_landing(v->t.fd, (uintptr_t)trap_external_pad);
	return NULL;
}

/* In how many views does a trap land? */
static unsigned int count_landed(struct views *v)
{
	uint64_t inside = v->site.start % v->t.arena.page;
	unsigned int landed = 0;

	for (unsigned int i = 0; i < v->mapped; i++) {
		trap_access(v->state, view_address(v, i) + inside,
			    v->t.guard + 64);
		landed += !v->state->signo;
	}
	return landed;
}

/* A fork copies the pad of the process as a whole, whenever it is set. */
TEST_F(views, fork_copies_the_pad_whole)
{
	struct views *v = &self->v;
	unsigned int with = 0, partly = 0;
	pthread_t thread;
	int status;
	pid_t pid;

	ASSERT_ZERO(site_protect(&v->t, &v->site,
				 CODEARENA_LANDING_EXTERNAL, 0, NULL));
	/* Where all views go, the pad goes too. */
	ASSERT_ZERO(munmap(v->t.arena.view, v->t.arena.length));
	v->t.arena.view = NULL;
	for (int i = 0; i < FORKS; i++) {
		unmap_all(v);
		ASSERT_ZERO(map_up_to(v, PADDED));
		ASSERT_ZERO(pthread_create(&thread, NULL, set_landing, v));
		for (volatile int spin = 0; spin < i * 2000; spin++)
			;
		pid = fork();
		if (!pid) {
			unsigned int landed = count_landed(v);

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
