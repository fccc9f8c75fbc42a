// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Threads that compete for the same granules: who wins, what the losers get, and
 * whose bytes are there afterwards.
 *
 * CODEARENA_STRESS_SECONDS=N: each kind of contest is held for N seconds.
 */
#include "lib/harness.h"

#include "lib/crew.h"

#define CONTESTANTS	8
#define PAGES		64	/* so long that copies overlap */

struct contest;

/* One attempt: 0, or the errno. */
typedef int (*attempt_fn)(const struct contest *contest, unsigned int id);

/**
 * struct contest - a place that all contestants try to take
 * @a: where it is
 * @crew: the contestants
 * @attempt: what each tries
 * @length: how many bytes they want
 * @sources: a buffer of each, filled with a byte that names it
 * @barrier: all begin together, and the main thread looks at the result alone
 * @over: no more rounds
 * @rounds: held so far
 * @results: what each attempt gave
 */
struct contest {
	struct arena *a;
	struct crew crew;
	attempt_fn attempt;
	uint64_t length;
	uint8_t *sources[CONTESTANTS];
	pthread_barrier_t barrier;
	bool over;
	uint64_t rounds;
	int results[CONTESTANTS];
};

struct contestant {
	struct contest *contest;
	unsigned int id;
};

static uint8_t byte_of(unsigned int id)
{
	return (uint8_t)(0x10 + id);
}

static void *contestant_main(void *argument)
{
	struct contestant *me = argument;
	struct contest *contest = me->contest;

	for (;;) {
		pthread_barrier_wait(&contest->barrier);
		if (contest->over)
			return NULL;
		contest->results[me->id] = contest->attempt(contest, me->id);
		pthread_barrier_wait(&contest->barrier);
	}
}

static void hold_round(struct contest *contest)
{
	pthread_barrier_wait(&contest->barrier);
	pthread_barrier_wait(&contest->barrier);
	contest->rounds++;
}

static unsigned int count_results(const struct contest *contest, int result)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < CONTESTANTS; i++)
		count += contest->results[i] == result;
	return count;
}

static unsigned int winner_of(const struct contest *contest)
{
	unsigned int i = 0;

	while (i < CONTESTANTS && contest->results[i])
		i++;
	return i;
}

FIXTURE(contest) {
	struct arena a;
	struct contest contest;
	struct contestant contestants[CONTESTANTS];
};

FIXTURE_SETUP(contest)
{
	struct contest *contest = &self->contest;

	ASSERT_ZERO(arena_new(&self->a, 4 * PAGES, 0, 0));
	contest->a = &self->a;
	contest->length = PAGES * self->a.page;
	pthread_barrier_init(&contest->barrier, NULL, CONTESTANTS + 1);
	for (unsigned int i = 0; i < CONTESTANTS; i++) {
		contest->sources[i] = malloc(contest->length);
		ASSERT_NE(NULL, contest->sources[i]);
		memset(contest->sources[i], byte_of(i), contest->length);
		self->contestants[i].contest = contest;
		self->contestants[i].id = i;
	}
	ASSERT_TRUE(crew_start(&contest->crew, CONTESTANTS, contestant_main,
			       self->contestants, sizeof(self->contestants[0])));
}

FIXTURE_TEARDOWN(contest)
{
	struct contest *contest = &self->contest;

	contest->over = true;
	pthread_barrier_wait(&contest->barrier);
	EXPECT_TRUE(crew_join(&contest->crew));
	for (unsigned int i = 0; i < CONTESTANTS; i++)
		free(contest->sources[i]);
	arena_free(&self->a);
}

static int try_publish(const struct contest *contest, unsigned int id)
{
	return do_publish1(contest->a->fd, 0, contest->sources[id],
			   contest->length, 0) ? errno : 0;
}

TEST_F(contest, publish_has_one_winner)
{
	struct contest *contest = &self->contest;
	struct codearena_stat stat;

	contest->attempt = try_publish;
	ASSERT_ZERO(do_commit(self->a.fd, 0, contest->length));
	do {
		unsigned int winner;

		hold_round(contest);
		ASSERT_EQ(1, count_results(contest, 0));
		ASSERT_EQ(CONTESTANTS - 1, count_results(contest, EBUSY) +
			  count_results(contest, EPERM));
		winner = winner_of(contest);
		ASSERT_EQ(0, memcmp(self->a.view, contest->sources[winner],
				    contest->length));
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(contest->rounds, stat.out_published);
		ASSERT_EQ(contest->rounds * contest->length, stat.out_written);
		ASSERT_EQ(contest->length, stat.out_sealed);
		ASSERT_ZERO(do_discard1(self->a.fd, 0, contest->length));
	} while (crew_goes_on(&contest->crew));
}

/* Each wants a granule of its own and the next one, in a ring. */
static int try_publish_pair(const struct contest *contest, unsigned int id)
{
	const struct arena *a = contest->a;
	const uint8_t *bytes = contest->sources[id];
	struct codearena_object objects[2] = {
		object_of(page_at(a, id), bytes, a->page, 0),
		object_of(page_at(a, (id + 1) % CONTESTANTS), bytes, a->page, 0),
	};

	return do_publish(a->fd, objects, 2, NULL, 0, 0) ? errno : 0;
}

TEST_F(contest, neighbours_never_both_win)
{
	struct contest *contest = &self->contest;
	struct codearena_stat stat;
	uint64_t won = 0;

	contest->attempt = try_publish_pair;
	ASSERT_ZERO(do_commit(self->a.fd, 0, CONTESTANTS * self->a.page));
	do {
		hold_round(contest);
		for (unsigned int i = 0; i < CONTESTANTS; i++) {
			unsigned int next = (i + 1) % CONTESTANTS;
			unsigned int last = (i + CONTESTANTS - 1) % CONTESTANTS;

			if (contest->results[i]) {
				/* Refused only if a neighbour has won. */
				ASSERT_TRUE(contest->results[i] == EBUSY ||
					    contest->results[i] == EPERM);
				ASSERT_TRUE(!contest->results[next] ||
					    !contest->results[last]);
				continue;
			}
			ASSERT_NE(0, contest->results[next]);
			ASSERT_NE(0, contest->results[last]);
			ASSERT_EQ(0, memcmp(self->a.view + page_at(&self->a, i),
					    contest->sources[i], self->a.page));
			ASSERT_EQ(0, memcmp(self->a.view +
					    page_at(&self->a, next),
					    contest->sources[i], self->a.page));
			won++;
		}
		ASSERT_ZERO(do_discard1(self->a.fd, 0,
					CONTESTANTS * self->a.page));
	} while (crew_goes_on(&contest->crew));
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(2 * won, stat.out_published);
	EXPECT_EQ(2 * won * self->a.page, stat.out_written);
	EXPECT_EQ(2 * won * self->a.page, stat.out_discarded);
	EXPECT_EQ(0, stat.out_sealed);
}

static int try_write(const struct contest *contest, unsigned int id)
{
	return do_write1(contest->a->fd, 0, contest->sources[id],
			 contest->length) ? errno : 0;
}

TEST_F(contest, writes_do_not_mix)
{
	struct contest *contest = &self->contest;
	struct codearena_stat stat;
	uint64_t won = 0;

	contest->attempt = try_write;
	ASSERT_ZERO(do_commit(self->a.fd, 0, contest->length));
	do {
		unsigned int winners, owner;

		hold_round(contest);
		winners = count_results(contest, 0);
		ASSERT_LE(1, winners);
		ASSERT_EQ(CONTESTANTS, winners + count_results(contest, EBUSY));
		won += winners;
		ASSERT_ZERO(do_seal(self->a.fd, 0, contest->length, 0));
		owner = self->a.view[0] - byte_of(0);
		ASSERT_LT(owner, CONTESTANTS);
		ASSERT_EQ(0, contest->results[owner]);
		ASSERT_EQ(0, memcmp(self->a.view, contest->sources[owner],
				    contest->length));
		ASSERT_ZERO(do_discard1(self->a.fd, 0, contest->length));
	} while (crew_goes_on(&contest->crew));
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(won * contest->length, stat.out_written);
	EXPECT_EQ(0, stat.out_published);
}

static int try_commit(const struct contest *contest, unsigned int id)
{
	(void)id;
	return do_commit(contest->a->fd, 0, contest->length) ? errno : 0;
}

static int try_decommit(const struct contest *contest, unsigned int id)
{
	(void)id;
	return do_decommit(contest->a->fd, 0, contest->length) ? errno : 0;
}

TEST_F(contest, commit_and_decommit_have_one_winner)
{
	struct contest *contest = &self->contest;
	uint64_t total = crew_total();
	struct codearena_stat stat;

	do {
		contest->attempt = try_commit;
		hold_round(contest);
		ASSERT_EQ(1, count_results(contest, 0));
		ASSERT_EQ(CONTESTANTS - 1, count_results(contest, EEXIST));
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(contest->length, stat.out_committed);
		ASSERT_EQ(total + contest->length, crew_total());

		contest->attempt = try_decommit;
		hold_round(contest);
		ASSERT_EQ(1, count_results(contest, 0));
		ASSERT_EQ(CONTESTANTS - 1, count_results(contest, ENOENT));
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(0, stat.out_committed);
		ASSERT_EQ(total, crew_total());
	} while (crew_goes_on(&contest->crew));
}

/* Two words, so that a loser could leave one if PATCH were not atomic. */
static int try_patch(const struct contest *contest, unsigned int id)
{
	const struct codearena_patch_entry entries[2] = {
		patch_of(0, 8, 0, 1 + id),
		patch_of(contest->length - 4, 4, 0, 1 + id),
	};

	return do_patch(contest->a->fd, entries, 2, 0) ? errno : 0;
}

TEST_F(contest, patch_has_one_winner)
{
	struct contest *contest = &self->contest;
	struct codearena_stat stat;

	contest->attempt = try_patch;
	memset(contest->sources[0], 0, contest->length);
	ASSERT_ZERO(do_commit(self->a.fd, 0, contest->length));
	ASSERT_ZERO(do_publish1(self->a.fd, 0, contest->sources[0],
				contest->length, CODEARENA_OBJECT_F_PATCHABLE));
	do {
		struct codearena_patch_entry back[2];
		unsigned int winner;
		uint64_t first;
		uint32_t last;

		hold_round(contest);
		ASSERT_EQ(1, count_results(contest, 0));
		ASSERT_EQ(CONTESTANTS - 1, count_results(contest, EAGAIN));
		winner = winner_of(contest);
		memcpy(&first, self->a.view, sizeof(first));
		memcpy(&last, self->a.view + contest->length - 4, sizeof(last));
		ASSERT_EQ(1 + winner, first);
		ASSERT_EQ(1 + winner, last);
		back[0] = patch_of(0, 8, first, 0);
		back[1] = patch_of(contest->length - 4, 4, last, 0);
		ASSERT_ZERO(do_patch(self->a.fd, back, 2, 0));
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(4 * contest->rounds, stat.out_patched);
	} while (crew_goes_on(&contest->crew));
}

/*
 * How a jump table is shared: each publishes a function of its own and retargets
 * the one slot to it. A loser has published nothing.
 */
static int try_publish_and_patch(const struct contest *contest, unsigned int id)
{
	const struct arena *a = contest->a;
	struct codearena_object object =
		object_of(page_at(a, 1 + id), contest->sources[id], a->page, 0);
	struct codearena_patch_entry entry = patch_of(0, 8, 0, 1 + id);

	return do_publish(a->fd, &object, 1, &entry, 1, 0) ? errno : 0;
}

TEST_F(contest, a_lost_patch_publishes_nothing)
{
	struct contest *contest = &self->contest;
	const struct arena *a = &self->a;
	const uint64_t zero = 0;
	struct codearena_stat stat;

	contest->attempt = try_publish_and_patch;
	ASSERT_ZERO(do_commit(a->fd, 0, (1 + CONTESTANTS) * a->page));
	ASSERT_ZERO(do_publish1(a->fd, 0, &zero, 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	do {
		unsigned int winner;
		uint64_t word;

		hold_round(contest);
		ASSERT_EQ(1, count_results(contest, 0));
		ASSERT_EQ(CONTESTANTS - 1, count_results(contest, EAGAIN));
		winner = winner_of(contest);
		memcpy(&word, a->view, sizeof(word));
		ASSERT_EQ(1 + winner, word);
		for (unsigned int i = 0; i < CONTESTANTS; i++) {
			uint64_t at = page_at(a, 1 + i);
			uint8_t byte;

			if (i != winner) {
				ASSERT_EQ(SIGBUS,
					  guarded_read(&byte, a->view + at, 1));
				continue;
			}
			ASSERT_EQ(0, memcmp(a->view + at, contest->sources[i],
					    a->page));
		}
		ASSERT_ZERO(do_stat(a->fd, &stat));
		ASSERT_EQ(1 + contest->rounds, stat.out_published);
		ASSERT_EQ(8 + contest->rounds * a->page, stat.out_written);
		ASSERT_ZERO(do_discard1(a->fd, page_at(a, 1 + winner), a->page));
		ASSERT_ZERO(do_patch1(a->fd, 0, 8, word, 0));
	} while (crew_goes_on(&contest->crew));
	/* What the losers copied in is gone too. */
	ASSERT_ZERO(do_seal(a->fd, page_at(a, 1), CONTESTANTS * a->page, 0));
	EXPECT_TRUE(is_trap_fill(a->view + a->page, a->page,
				 CONTESTANTS * a->page));
}

static int try_seal(const struct contest *contest, unsigned int id)
{
	/* The odd ones seal without PATCHABLE, the even ones with it. */
	return do_seal(contest->a->fd, 0, contest->length,
		       id % 2 ? 0 : CODEARENA_SEAL_F_PATCHABLE) ? errno : 0;
}

static int try_discard(const struct contest *contest, unsigned int id)
{
	(void)id;
	return do_discard1(contest->a->fd, 0, contest->length) ? errno : 0;
}

TEST_F(contest, seal_and_discard_count_once)
{
	struct contest *contest = &self->contest;
	struct codearena_stat stat;

	ASSERT_ZERO(do_commit(self->a.fd, 0, contest->length));
	do {
		unsigned int done;
		uint8_t byte;

		contest->attempt = try_seal;
		hold_round(contest);
		/* PATCHABLE after a seal without it is refused. */
		done = count_results(contest, 0);
		ASSERT_LE(CONTESTANTS / 2, done);
		ASSERT_EQ(CONTESTANTS, done + count_results(contest, EPERM));
		for (unsigned int i = 1; i < CONTESTANTS; i += 2) {
			ASSERT_EQ(0, contest->results[i]);
		}
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(contest->length, stat.out_sealed);
		ASSERT_EQ(0, stat.out_patchable);

		contest->attempt = try_discard;
		hold_round(contest);
		ASSERT_EQ(CONTESTANTS, count_results(contest, 0));
		ASSERT_ZERO(do_stat(self->a.fd, &stat));
		ASSERT_EQ(0, stat.out_sealed);
		/* Two contests each time. */
		ASSERT_EQ(contest->rounds / 2 * contest->length,
			  stat.out_discarded);
		ASSERT_EQ(SIGBUS, guarded_read(&byte, self->a.view, 1));
	} while (crew_goes_on(&contest->crew));
}

TEST_HARNESS_MAIN
