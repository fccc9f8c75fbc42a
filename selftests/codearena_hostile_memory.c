// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * A process that wants the module to use up memory. Each attempt is refused
 * before much is allocated, and nothing of it is left.
 */
#include "lib/harness.h"

#include <time.h>

#include "lib/utils.h"

#define MIB		(1ULL << 20)
#define PAGES(bytes)	((bytes) / (uint64_t)sysconf(_SC_PAGESIZE))
/*
 * Of processor time; without limits a call takes half a minute. A machine on which so
 * many of the shortest calls take longer is slow, and gets their time.
 */
#define MOST_SECONDS	10.0
#define MOST_QUERIES	100000
/* What other processes may take or give back meanwhile. */
#define SLACK		(64 * MIB)
/* The most landing pads that there can be. */
#ifdef __x86_64__
#define PAD_ALIGN	1
#else
#define PAD_ALIGN	4
#endif
#define PARAMETERS	"/sys/module/codearena/parameters/"

static uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

/* An arena with a granule for each entry of a call, and the largest array of traps there can be. */
FIXTURE(hostile)
{
	struct arena arena;
	struct codearena_query query;
	struct codearena_trap *traps;
	struct codearena_object *objects;
	uint64_t total;
	uint64_t available;
};

static uint64_t total_of(const struct codearena_query *query)
{
	return query->out_commit_total + query->out_metadata_total;
}

FIXTURE_SETUP(hostile)
{
	/* Pages of 64 granules. */
	ASSERT_ZERO(arena_new(&self->arena, 65536 / 64, 0, 0));
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	self->traps = calloc(self->query.out_max_entries, sizeof(*self->traps));
	self->objects = calloc(self->query.out_max_entries,
			       sizeof(*self->objects));
	ASSERT_NE(NULL, self->traps);
	ASSERT_NE(NULL, self->objects);
	for (uint32_t i = 0; i < self->query.out_max_entries; i++)
		self->traps[i] = (struct codearena_trap) {
			.start = i,
			.length = 1,
			.landing = CODEARENA_LANDING_EXTERNAL,
		};
	self->total = total_of(&self->query);
	self->available = memory_available();
}

FIXTURE_TEARDOWN(hostile)
{
	free(self->traps);
	free(self->objects);
	arena_free(&self->arena);
}

static void fill_objects(struct codearena_object *objects, uint32_t count,
			 const struct codearena_trap *traps, uint32_t each,
			 const void *source)
{
	for (uint32_t i = 0; i < count; i++) {
		objects[i] = object_of(0, source, 2 * MIB, 0);
		objects[i].traps = (uintptr_t)traps;
		objects[i].trap_count = each;
	}
}

/* How long a call may take that began at @begin. */
static double most_seconds(const struct arena *arena, double begin)
{
	const int sample = MOST_QUERIES / 100;
	struct codearena_query query;
	double start = seconds_used(), queries;

	if (start - begin < MOST_SECONDS)
		return MOST_SECONDS;
	for (int i = 0; i < sample; i++)
		do_query(arena->fd, &query);
	queries = (seconds_used() - start) * (MOST_QUERIES / sample);
	return queries > MOST_SECONDS ? queries : MOST_SECONDS;
}

#define EXPECT_SOON(arena, begin)					\
	do {								\
		double took_ = seconds_used() - (begin);		\
									\
		EXPECT_GT(most_seconds(arena, begin), took_);		\
	} while (0)

/* Refused, soon, with nothing left in any counter, or in memory. */
#define EXPECT_REPELLED(expected_errno, call)				\
	do {								\
		double begin_ = seconds_used();				\
		struct codearena_query query_;				\
									\
		EXPECT_REFUSED(&self->arena, expected_errno, call);	\
		EXPECT_SOON(&self->arena, begin_);			\
		ASSERT_ZERO(do_query(self->arena.fd, &query_));		\
		EXPECT_EQ(self->total, total_of(&query_));		\
		EXPECT_LT(self->available, memory_available() + SLACK);	\
	} while (0)

TEST_F(hostile, more_traps_than_a_call_takes)
{
	const uint32_t max = self->query.out_max_entries;
	const uint32_t full = self->query.out_max_traps / max;

	fill_objects(self->objects, 800, self->traps, max, self->traps);
	EXPECT_REPELLED(E2BIG, do_publish(self->arena.fd, self->objects, 800,
					  NULL, 0, 0));
	EXPECT_EQ(full, last_failed);
	fill_objects(self->objects, max, self->traps, max, self->traps);
	EXPECT_REPELLED(E2BIG, do_publish(self->arena.fd, self->objects, max,
					  NULL, 0, 0));
	self->objects[0].trap_count = max + 1;
	EXPECT_REPELLED(EINVAL, do_publish(self->arena.fd, self->objects, max,
					   NULL, 0, 0));
	EXPECT_EQ(0, last_failed);
}

/* As many as a call takes, for objects that cannot be published. */
TEST_F(hostile, traps_of_objects_that_are_refused)
{
	const uint32_t max = self->query.out_max_entries;
	const uint32_t full = self->query.out_max_traps / max;
	double begin;

	fill_objects(self->objects, full, self->traps, max, self->traps);
	EXPECT_REPELLED(ENOENT, do_publish(self->arena.fd, self->objects, full,
					   NULL, 0, 0));
	EXPECT_EQ(0, last_failed);

	ASSERT_ZERO(do_commit(self->arena.fd, 0, self->arena.length));
	begin = seconds_used();
	EXPECT_REFUSED(&self->arena, EBUSY,
		       do_publish(self->arena.fd, self->objects, full, NULL, 0,
				  0));
	EXPECT_EQ(1, last_failed);
	EXPECT_SOON(&self->arena, begin);
}

/* A few traps in each of many objects: the array of tables is counted too. */
TEST_F(hostile, tables_of_a_call_that_fails)
{
	const uint32_t max = self->query.out_max_entries;
	struct codearena_trap bad = { .start = 0, .length = 0 };

	ASSERT_ZERO(do_commit(self->arena.fd, 0, self->arena.length));
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	self->total = total_of(&self->query);
	self->available = memory_available();
	for (uint32_t i = 0; i < max; i++) {
		self->objects[i] = object_of(i * self->arena.granule,
					     self->traps, 1, 0);
		self->objects[i].traps = (uintptr_t)self->traps;
		self->objects[i].trap_count = 1;
	}
	self->objects[max - 1].traps = (uintptr_t)&bad;
	EXPECT_REFUSED(&self->arena, EINVAL,
		       do_publish(self->arena.fd, self->objects, max, NULL, 0,
				  0));
	EXPECT_EQ(max - 1, last_failed);
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	EXPECT_EQ(self->total, total_of(&self->query));
}

static int do_register(const struct arena *a, uint64_t offset, uint64_t length,
		       const struct codearena_trap *traps, uint32_t count)
{
	struct codearena_trap_register command = {
		.size = sizeof(command),
		.offset = offset,
		.length = length,
		.traps = (uintptr_t)traps,
		.count = count,
	};

	return ioctl(a->fd, CODEARENA_TRAP_REGISTER, &command);
}

/* The leanest table there is takes two bytes for a trap. */
TEST_F(hostile, a_table_is_counted)
{
	const uint32_t max = self->query.out_max_entries;
	struct codearena_stat before, after;

	ASSERT_ZERO(do_commit(self->arena.fd, 0, MIB));
	ASSERT_ZERO(do_seal(self->arena.fd, 0, MIB, 0));
	ASSERT_ZERO(do_stat(self->arena.fd, &before));
	ASSERT_ZERO(do_register(&self->arena, 0, max, self->traps, max));
	ASSERT_ZERO(do_stat(self->arena.fd, &after));
	EXPECT_LE(2 * max, after.out_metadata - before.out_metadata);
	ASSERT_ZERO(do_discard1(self->arena.fd, 0, MIB));
	ASSERT_ZERO(do_stat(self->arena.fd, &after));
	EXPECT_EQ(before.out_metadata, after.out_metadata);
}

/* Little code with as many traps as it can have, each with a pad of its own. */
TEST_F(hostile, dense_traps)
{
	const uint32_t max = self->query.out_max_entries;
	struct codearena_stat stat;
	struct arena dense;
	uint64_t at;
	int ret = 0;

	ASSERT_ZERO(arena_new(&dense, PAGES(4 * MIB), 0, 0));
	ASSERT_ZERO(do_commit(dense.fd, 0, dense.length));
	ASSERT_ZERO(do_seal(dense.fd, 0, dense.length, 0));
	/* The pads lie in the upper half, the traps in the lower. */
	for (at = 0; at < 2 * MIB && !ret; at += max) {
		for (uint32_t i = 0; i < max; i++)
			self->traps[i].landing = 2 * MIB + (at + i) / PAD_ALIGN *
						 PAD_ALIGN;
		ret = do_register(&dense, at, max, self->traps, max);
	}
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_ZERO(do_stat(dense.fd, &stat));
	EXPECT_EQ(16 * MIB + 16 * MIB, stat.out_metadata_limit);
	EXPECT_LE(stat.out_metadata, stat.out_metadata_limit);
	/* Everything is counted: a pad alone takes more than this. */
	EXPECT_LE(stat.out_trap_entries * 8, stat.out_metadata);
	ASSERT_ZERO(do_discard1(dense.fd, 0, dense.length));
	ASSERT_ZERO(do_stat(dense.fd, &stat));
	EXPECT_EQ(0, stat.out_trap_entries);
	EXPECT_GT(MIB, stat.out_metadata);
	arena_free(&dense);
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	EXPECT_EQ(self->total, total_of(&self->query));
}

/* A page here and there makes states of pages that nobody needs. */
TEST_F(hostile, scattered_pages)
{
	const uint64_t chunk = 64 * self->arena.page;
	struct codearena_stat before, after;
	uint64_t length = self->query.out_max_length;
	struct arena wide;

	ASSERT_ZERO(arena_new(&wide, PAGES(length), 0, 0));
	ASSERT_ZERO(do_stat(wide.fd, &before));
	/* An array of pointers, even if nothing is committed. */
	EXPECT_LE(length / chunk * sizeof(void *), before.out_metadata);
	for (uint64_t i = 0; i < 256; i++)
		ASSERT_ZERO(do_commit(wide.fd, i * chunk, self->arena.page));
	ASSERT_ZERO(do_stat(wide.fd, &after));
	EXPECT_LE(256 * 64 * 48, after.out_metadata - before.out_metadata);
	for (uint64_t i = 0; i < 256; i++)
		ASSERT_ZERO(do_decommit(wide.fd, i * chunk, self->arena.page));
	ASSERT_ZERO(do_stat(wide.fd, &after));
	EXPECT_EQ(before.out_metadata, after.out_metadata);
	arena_free(&wide);
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	EXPECT_EQ(self->total, total_of(&self->query));
}

/* Arenas of the largest size until the user's share is used up. */
TEST_F(hostile, empty_arenas)
{
	const uint64_t length = self->query.out_max_length;
	char limit[32], text[32];
	double begin = seconds_used();
	int handles[256];
	int count;

	if (read_file(PARAMETERS "commit_limit_mb", limit, sizeof(limit)) ||
	    access(PARAMETERS "commit_limit_mb", W_OK))
		SKIP(return, "cannot change the limit");
	snprintf(text, sizeof(text), "%llu",
		 2 * (self->query.out_user_total / MIB + 2));
	ASSERT_ZERO(write_file(PARAMETERS "commit_limit_mb", text));
	for (count = 0; count < 256; count++) {
		handles[count] = device_open(O_RDWR);
		ASSERT_LE(0, handles[count]);
		if (do_reserve(handles[count], length, 0, 0, "greedy"))
			break;
	}
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_GT(256, count);
	EXPECT_SOON(&self->arena, begin);
	for (int i = 0; i <= count; i++)
		close(handles[i]);
	EXPECT_ZERO(write_file(PARAMETERS "commit_limit_mb", limit));
	ASSERT_ZERO(do_query(self->arena.fd, &self->query));
	EXPECT_EQ(self->total, total_of(&self->query));
}

TEST_HARNESS_MAIN
