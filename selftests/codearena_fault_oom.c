// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The OOM killer of a control group takes a process that publishes. What it had
 * is given back to the group and to the module, and what it shared with others
 * is whole.
 */
#include "lib/harness.h"

#include "lib/fault.h"
#include "lib/group.h"

#define ROUNDS		4
#define MIB		(1ULL << 20)
#define OWN		(8 * MIB)	/* code that the process commits */
#define LIMIT		"24M"
#define WITHOUT_SWAP	GROUP "/memory.swap.max"

/* Charge that processors may hold for an empty group. */
#define REMAINDER	MIB

/**
 * struct eater - a process that is going to be killed
 * @shared: an arena that outlives it
 * @lane: of that arena; shared memory
 */
struct eater {
	struct arena shared;
	struct lane *lane;
};

/* Without memory a call fails with ENOMEM, until the OOM killer acts. */
static void *work(void *argument)
{
	struct lane *lane = argument;

	while (lane_step(lane) || lane->error == ENOMEM)
		lane->error = 0;
	return NULL;
}

static unsigned int steps_made(const struct lane *lane)
{
	return __atomic_load_n(&lane->steps, __ATOMIC_ACQUIRE);
}

static int eat(void *argument)
{
	struct eater *e = argument;
	pthread_t thread;
	struct arena own;

	CHECK(enter_group(LIMIT) == 0);
	CHECK(arena_new(&own, OWN / (uint64_t)sysconf(_SC_PAGESIZE), 0, 0) == 0);
	CHECK(do_commit(own.fd, 0, OWN) == 0);
	CHECK(do_commit(e->shared.fd, 0, e->shared.length) == 0);
	CHECK(lane_init(e->lane));
	CHECK(pthread_create(&thread, NULL, work, e->lane) == 0);
	while (steps_made(e->lane) < 20 && !e->lane->error)
		sched_yield();
	for (unsigned int i = 0; i < 64; i++) {
		void *more = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		CHECK(more != MAP_FAILED);
		memset(more, 1, MIB);
	}
	return 2;
}

FIXTURE(oom) {
	struct eater e;
	uint64_t total;
	bool usable;
};

FIXTURE_SETUP(oom)
{
	self->total = crew_total();
	self->usable = group_new();
	if (!self->usable)
		return;
	/* Swap would only delay what the test is waiting for. */
	write_file(WITHOUT_SWAP, "0");
	self->e.lane = fault_shared(sizeof(*self->e.lane));
	ASSERT_NE(NULL, self->e.lane);
}

FIXTURE_TEARDOWN(oom)
{
	if (!self->usable)
		return;
	EXPECT_TRUE(group_usage_becomes(REMAINDER));
	EXPECT_TRUE(group_free());
	EXPECT_TRUE(crew_total_becomes(self->total));
}

static void check_shared(struct __test_metadata *_metadata,
			 const struct eater *e)
{
	const struct lane *lane = e->lane;
	uint8_t bytes[LANE_BYTES] = {};
	uint64_t words[LANE_WORDS];
	struct codearena_stat stat;

	ASSERT_ZERO(do_stat(e->shared.fd, &stat));
	/* The last step was made or it was not. */
	EXPECT_TRUE(stat.out_sealed == lane->now.sealed ||
		    stat.out_sealed == lane->next.sealed);
	EXPECT_TRUE(stat.out_trap_tables == lane->now.tables ||
		    stat.out_trap_tables == lane->next.tables);
	ASSERT_EQ(0, guarded_read(words, e->shared.view, sizeof(words)));
	EXPECT_TRUE(!memcmp(words, lane->now.words, sizeof(words)) ||
		    !memcmp(words, lane->next.words, sizeof(words)));
	/* Nothing is claimed: all of it can be discarded and written. */
	if (do_commit(e->shared.fd, lane_loose(lane), lane->page))
		EXPECT_EQ(EEXIST, errno);
	EXPECT_ZERO(do_discard1(e->shared.fd, 0, e->shared.length));
	for (uint64_t at = 0; at < e->shared.length; at += lane->granule)
		ASSERT_ZERO(do_write1(e->shared.fd, at, bytes, lane->granule));
}

TEST_F(oom, publishing_process)
{
	struct eater *e = &self->e;
	uint64_t kills;
	pid_t pid;

	if (!self->usable)
		SKIP(return, "no memory controller in " CGROUP);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ASSERT_ZERO(arena_new(&e->shared, LANE_PAGES,
				      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
		*e->lane = (struct lane) {
			.fd = e->shared.fd,
			.page = e->shared.page,
			.granule = e->shared.granule,
			.random = i,
		};
		kills = group_event("oom_kill");
		fflush(NULL);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(eat(e));
		ASSERT_EQ(256 + SIGKILL, fault_reap(pid));
		EXPECT_TRUE(!e->lane->error || e->lane->error == ENOMEM);
		EXPECT_EQ(kills + 1, group_event("oom_kill"));
		EXPECT_LE(20, steps_made(e->lane));
		check_shared(_metadata, e);
		/* Shared pages stay charged to the group that committed them. */
		EXPECT_LE(e->shared.length, group_usage());
		EXPECT_TRUE(crew_total_becomes(self->total +
					       e->shared.length));
		arena_free(&e->shared);
		EXPECT_TRUE(group_usage_becomes(REMAINDER));
		EXPECT_TRUE(crew_total_becomes(self->total));
	}
}

TEST_HARNESS_MAIN
