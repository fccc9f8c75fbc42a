// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Limits beyond the arena's own: the module's parameter and the memory control
 * group. Each is an error, never a dead process.
 */
#include "lib/harness.h"

#include <sched.h>

#include "lib/group.h"

#define PARAMETER "/sys/module/codearena/parameters/commit_limit_mb"
#define USER_SHARE "/sys/module/codearena/parameters/user_share"
#define MIB (1ULL << 20)
#define PAGES(bytes) ((bytes) / sysconf(_SC_PAGESIZE))

/* Arenas of 8 MiB, and a limit in the middle of what they could commit. */
FIXTURE(limit)
{
	struct arena arena;
	int fd;
	uint64_t total;		/* committed before the test */
	char saved[32];
	char saved_share[32];
	bool writable;
};

FIXTURE_SETUP(limit)
{
	struct codearena_query query;

	ASSERT_ZERO(arena_new(&self->arena, PAGES(8 * MIB), 0, 0));
	self->fd = self->arena.fd;
	ASSERT_ZERO(do_query(self->fd, &query));
	self->total = query.out_commit_total + query.out_metadata_total;
	self->writable = !access(PARAMETER, R_OK | W_OK) &&
			 !read_file(PARAMETER, self->saved,
				    sizeof(self->saved)) &&
			 !read_file(USER_SHARE, self->saved_share,
				    sizeof(self->saved_share));
	/* One user may have it all, unless a test says otherwise. */
	if (self->writable)
		ASSERT_ZERO(write_file(USER_SHARE, "100"));
}

FIXTURE_TEARDOWN(limit)
{
	arena_free(&self->arena);
	if (!self->writable)
		return;
	EXPECT_ZERO(write_file(PARAMETER, self->saved));
	EXPECT_ZERO(write_file(USER_SHARE, self->saved_share));
}

#define NEED_PARAMETER()						\
	do {								\
		if (!self->writable)					\
			SKIP(return, "cannot write " PARAMETER);	\
	} while (0)

#define SET_LIMIT(mib)							\
	do {								\
		char text_[32];						\
									\
		snprintf(text_, sizeof(text_), "%llu",			\
			 (unsigned long long)(mib));			\
		ASSERT_ZERO(write_file(PARAMETER, text_));		\
	} while (0)

#define EXPECT_TOTAL(bytes)						\
	do {								\
		struct codearena_query query_;				\
									\
		ASSERT_ZERO(do_query(self->fd, &query_));		\
		EXPECT_EQ(bytes, query_.out_commit_total +		\
				 query_.out_metadata_total);		\
	} while (0)

TEST_F(limit, query_reports_the_parameter)
{
	struct codearena_query query;

	NEED_PARAMETER();
	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_EQ(strtoull(self->saved, NULL, 10) * MIB,
		  query.out_commit_limit);
	SET_LIMIT(4711);
	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_EQ(4711 * MIB, query.out_commit_limit);
	SET_LIMIT(0);
	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_LT(1ULL << 40, query.out_commit_limit);
}

/* Commit until nothing more fits; says how much. */
static uint64_t commit_all(const struct arena *a)
{
	uint64_t at = 0, step = MIB;

	while (step >= a->page) {
		if (!do_commit(a->fd, at, step))
			at += step;
		else
			step /= 2;
	}
	return at;
}

TEST_F(limit, module)
{
	uint64_t page = self->arena.page, limit;
	struct codearena_query query;
	struct arena other;

	NEED_PARAMETER();
	ASSERT_ZERO(arena_new(&other, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(do_query(self->fd, &query));
	self->total = query.out_commit_total + query.out_metadata_total;
	limit = self->total / MIB + 3;
	SET_LIMIT(limit);
	limit *= MIB;
	EXPECT_REFUSED(&self->arena, ENOMEM, do_commit(self->fd, 0, 3 * MIB));
	EXPECT_REFUSED(&self->arena, ENOMEM,
		       do_commit(self->fd, 0, self->arena.length));
	EXPECT_TOTAL(self->total);

	/* Code and the states of its pages fill the limit, but for a rest. */
	EXPECT_LT(MIB, commit_all(&self->arena));
	EXPECT_EQ(ENOMEM, errno);
	ASSERT_ZERO(do_query(self->fd, &query));
	self->total = query.out_commit_total + query.out_metadata_total;
	EXPECT_LE(self->total, limit);
	EXPECT_GT(self->total + 2 * page, limit);

	/* Another arena meets the same limit. */
	EXPECT_REFUSED(&other, ENOMEM, do_commit(other.fd, 0, 2 * page));
	ASSERT_ZERO(do_decommit(self->fd, 0, 2 * page));
	EXPECT_ZERO(do_commit(other.fd, 0, page));
	arena_free(&other);
	EXPECT_ZERO(do_commit(self->fd, 0, page));
}

/* The stricter limit decides. */
TEST_F(limit, arena_before_module)
{
	struct arena a;

	NEED_PARAMETER();
	SET_LIMIT(self->total / MIB + 1);
	ASSERT_ZERO(arena_new(&a, 2 * MIB / self->arena.page, 0,
			      self->arena.page));
	EXPECT_REFUSED(&a, ENOSPC, do_commit(a.fd, 0, a.length));
	arena_free(&a);
}

/* A limit below what is committed only stops growth. */
TEST_F(limit, lowered_below_what_is_committed)
{
	uint8_t code[CODE_SIZE];

	NEED_PARAMETER();
	ASSERT_ZERO(do_commit(self->fd, 0, 4 * MIB));
	SET_LIMIT(self->total / MIB + 1);
	EXPECT_REFUSED(&self->arena, ENOMEM,
		       do_commit(self->fd, 4 * MIB, self->arena.page));
	code_return(code, 3);
	EXPECT_ZERO(do_publish1(self->fd, 0, code, CODE_SIZE, 0));
	EXPECT_RETURNS(3, self->arena.view);
	EXPECT_ZERO(do_decommit(self->fd, 0, 4 * MIB));
	EXPECT_ZERO(do_commit(self->fd, 0, self->arena.page));
}

TEST_F(limit, zero_is_no_limit)
{
	NEED_PARAMETER();
	SET_LIMIT(1);
	EXPECT_REFUSED(&self->arena, ENOMEM,
		       do_commit(self->fd, 0, self->arena.length));
	SET_LIMIT(0);
	EXPECT_ZERO(do_commit(self->fd, 0, self->arena.length));
}

TEST_F(limit, parameter_that_overflows)
{
	NEED_PARAMETER();
	SET_LIMIT(~0ULL);
	EXPECT_ZERO(do_commit(self->fd, 0, MIB));
	SET_LIMIT(1ULL << 44);
	EXPECT_ZERO(do_commit(self->fd, MIB, MIB));
}

/* What is left of half of 8 MiB is the user's, whoever else has nothing. */
TEST_F(limit, share_of_a_user)
{
	struct codearena_query query;
	uint64_t limit;

	NEED_PARAMETER();
	ASSERT_ZERO(do_query(self->fd, &query));
	limit = 2 * (query.out_user_total / MIB + 2);
	SET_LIMIT(limit);
	ASSERT_ZERO(write_file(USER_SHARE, "50"));
	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_EQ(limit / 2 * MIB, query.out_user_limit);
	EXPECT_REFUSED(&self->arena, ENOMEM, do_commit(self->fd, 0, 2 * MIB));
	EXPECT_LE(MIB, commit_all(&self->arena));
	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_LE(query.out_user_total, query.out_user_limit);
	EXPECT_GT(query.out_user_total + 2 * self->arena.page,
		  query.out_user_limit);
	ASSERT_ZERO(write_file(USER_SHARE, "0"));
	EXPECT_ZERO(do_commit(self->fd, 4 * MIB, MIB));
}

#define OTHER_USER 4711

/* Opened as root, for the node lets nobody else in. */
static int commit_as_other_user(void *arg)
{
	struct codearena_query query;
	int fd = device_open(O_RDWR);

	(void)arg;
	CHECK(fd >= 0);
	CHECK(setuid(OTHER_USER) == 0);
	CHECK(do_query(fd, &query) == 0);
	CHECK(query.out_user_total == 0);
	CHECK(do_reserve(fd, MIB, 0, 0, "other") == 0);
	CHECK(do_commit(fd, 0, MIB / 2) == 0);
	CHECK(do_query(fd, &query) == 0);
	CHECK(query.out_user_total > MIB / 2);
	return 0;
}

static int commit_in_user_namespace(void *arg)
{
	int fd = device_open(O_RDWR);

	(void)arg;
	CHECK(fd >= 0);
	if (unshare(CLONE_NEWUSER))
		return KSFT_SKIP;
	if (do_reserve(fd, MIB, 0, 0, "namespace") == 0)
		CHECK(do_commit(fd, 0, MIB / 2) == -1);
	CHECK(errno == ENOMEM);
	return 0;
}

TEST_F(limit, users_do_not_share)
{
	struct codearena_query query;
	int status;

	NEED_PARAMETER();
	if (getuid())
		SKIP(return, "cannot become another user");
	ASSERT_ZERO(do_query(self->fd, &query));
	SET_LIMIT(2 * (query.out_user_total / MIB + 2));
	ASSERT_ZERO(write_file(USER_SHARE, "50"));
	commit_all(&self->arena);
	EXPECT_EQ(0, run_child(commit_as_other_user, NULL));
	status = run_child(commit_in_user_namespace, NULL);
	if (status != KSFT_SKIP)
		EXPECT_EQ(0, status);
}

/* A group of its own for the children of a test, with little memory. */
FIXTURE(group)
{
	bool usable;
};

FIXTURE_SETUP(group)
{
	if (!group_new())
		return;
	/* Swap would only delay what the test is waiting for. */
	write_file(GROUP "/memory.swap.max", "0");
	self->usable = true;
}

FIXTURE_TEARDOWN(group)
{
	if (self->usable)
		EXPECT_TRUE(group_free());
}

#define NEED_GROUP()							\
	do {								\
		if (!self->usable)					\
			SKIP(return, "no memory controller in " CGROUP); \
	} while (0)

/* A processor charges a group for so many bytes at once, and keeps the rest for later. */
#define CHARGE_STEP	(64 * sysconf(_SC_PAGESIZE))

/* For tests of what takes 2 MiB or less. */
#define NEED_FINE_CHARGES()						\
	do {								\
		if (CHARGE_STEP > (long)(2 * MIB))			\
			SKIP(return, "charged in steps of %ld bytes, too coarse", \
			     CHARGE_STEP);				\
	} while (0)

static int commit_too_much(void *arg)
{
	uint8_t code[CODE_SIZE];
	struct codearena_stat stat;
	uint32_t result = 0;
	struct snapshot *before;
	struct arena a;
	uint64_t usage;

	(void)arg;
	CHECK(enter_group("8M") == 0);
	CHECK(arena_new(&a, PAGES(64 * MIB), 0, 0) == 0);
	before = snapshot(&a);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_ERRNO(ENOMEM, do_commit(a.fd, 0, 32 * MIB));
	CHECK(expect_unchanged(&a, before));
	/* Nothing of the three attempts is still charged. */
	usage = group_usage();
	CHECK(usage < 7 * MIB);

	/* Small steps until the limit: the one that fails changes nothing. */
	for (uint64_t at = 0; ; at += MIB / 2) {
		CHECK(at < 16 * MIB);
		if (do_commit(a.fd, at, MIB / 2) == 0)
			continue;
		CHECK(errno == ENOMEM);
		CHECK(do_stat(a.fd, &stat) == 0);
		CHECK(stat.out_committed == at);
		CHECK(at > 0);
		break;
	}
	CHECK(do_decommit(a.fd, 0, stat.out_committed) == 0);

	/* The arena can be used as before. */
	CHECK(do_commit(a.fd, 0, MIB) == 0);
	code_return(code, 1234);
	CHECK(do_publish1(a.fd, 0, code, CODE_SIZE, 0) == 0);
	if (HAVE_CODE) {
		CHECK(guarded_call(a.view, &result) == 0);
		CHECK(result == 1234);
	}
	return 0;
}

TEST_F(group, commit)
{
	NEED_GROUP();
	EXPECT_EQ(0, run_child(commit_too_much, NULL));
	EXPECT_EQ(0, group_event("oom_kill"));
	EXPECT_LE(1, group_event("max"));
}

/* The bytes of code are charged to the group of who commits them. */
static int commit_is_charged(void *arg)
{
	struct arena a;
	uint64_t before, after;

	(void)arg;
	CHECK(enter_group("64M") == 0);
	CHECK(arena_new(&a, PAGES(16 * MIB), 0, 0) == 0);
	before = group_usage();
	CHECK(do_commit(a.fd, 0, 16 * MIB) == 0);
	after = group_usage();
	CHECK(after >= before + 16 * MIB);
	CHECK(after < before + 20 * MIB);
	CHECK(do_decommit(a.fd, 0, 16 * MIB) == 0);
	CHECK(group_usage() < before + 4 * MIB);
	return 0;
}

TEST_F(group, commit_is_charged)
{
	NEED_GROUP();
	EXPECT_EQ(0, run_child(commit_is_charged, NULL));
}

/* Arenas themselves cost memory, in the end too much. */
static int reserve_too_many(void *arg)
{
	struct codearena_query query;
	int fds[500];

	(void)arg;
	/* Opened before there is a limit: a lack of memory in open() kills. */
	for (unsigned int i = 0; i < 500; i++) {
		fds[i] = device_open(O_RDWR);
		CHECK(fds[i] >= 0);
	}
	CHECK(do_query(fds[0], &query) == 0);
	CHECK(enter_group("4M") == 0);
	for (unsigned int i = 0; i < 500; i++) {
		struct codearena_stat stat;
		int fd = fds[i];

		if (do_reserve(fd, query.out_max_length, 0, 0, "") == 0)
			continue;
		CHECK(errno == ENOMEM);
		/* The handle is empty as before, and a smaller RESERVE succeeds. */
		CHECK_ERRNO(EBADFD, do_stat(fd, &stat));
		return 0;
	}
	CHECK(!"500 arenas of the largest size fit in 4 MiB");
	return 0;
}

TEST_F(group, reserve)
{
	NEED_GROUP();
	NEED_FINE_CHARGES();
	EXPECT_EQ(0, run_child(reserve_too_many, NULL));
	EXPECT_EQ(0, group_event("oom_kill"));
}

/* The arrays of a call are charged too: 2 MiB each do not fit any more. */
static int large_arrays(void *arg)
{
	struct codearena_patch_entry *patches;
	struct codearena_object *objects;
	struct codearena_chunk *chunks;
	struct codearena_range *ranges;
	struct codearena_query query;
	struct snapshot *before;
	struct arena a;
	uint64_t used;
	char limit[32];
	uint32_t max;

	(void)arg;
	CHECK(enter_group("max") == 0);
	CHECK(arena_new(&a, POPULATED_PAGES, 0, 0) == 0);
	CHECK(arena_populate(&a) == 0);
	CHECK(do_query(a.fd, &query) == 0);
	max = query.out_max_entries;
	chunks = calloc(max, sizeof(*chunks));
	objects = calloc(max, sizeof(*objects));
	patches = calloc(max, sizeof(*patches));
	ranges = calloc(max, sizeof(*ranges));
	for (uint32_t i = 0; i < max; i++) {
		chunks[i] = chunk_of(granule_at(&a, TRAP_PAGE, i), "x", 1);
		objects[i] = object_of(granule_at(&a, TRAP_PAGE, i), "x", 1, 0);
		patches[i] = patch_of(i * 8, 8, 0, 1);
		ranges[i] = (struct codearena_range) {
			granule_at(&a, TRAP_PAGE, i), a.granule,
		};
	}
	before = snapshot(&a);
	expect_unchanged(&a, before);
	before = snapshot(&a);

	/* The process has all that it needs; from now on it gets no more. */
	used = group_usage();
	snprintf(limit, sizeof(limit), "%llu",
		 (unsigned long long)(used + 300 * 1024));
	CHECK(write_file(GROUP "/memory.max", limit) == 0);
	CHECK_ERRNO(ENOMEM, do_write(a.fd, chunks, max));
	CHECK(last_failed == CODEARENA_NO_INDEX);
	CHECK_ERRNO(ENOMEM, do_publish(a.fd, objects, max, NULL, 0, 0));
	CHECK(last_failed == CODEARENA_NO_INDEX);
	CHECK_ERRNO(ENOMEM, do_publish(a.fd, objects, 1, patches, max, 0));
	CHECK(last_failed == CODEARENA_NO_INDEX);
	CHECK_ERRNO(ENOMEM, do_patch(a.fd, patches, max, 0));
	CHECK(last_failed == CODEARENA_NO_INDEX);
	CHECK_ERRNO(ENOMEM, do_discard(a.fd, ranges, max));
	CHECK(last_failed == CODEARENA_NO_INDEX);
	CHECK(write_file(GROUP "/memory.max", "max") == 0);
	CHECK(expect_unchanged(&a, before));

	/* With memory again, the contents are what is refused. */
	CHECK_ERRNO(ENOENT, do_write(a.fd, chunks, max));
	return 0;
}

TEST_F(group, arrays)
{
	NEED_GROUP();
	NEED_FINE_CHARGES();
	EXPECT_EQ(0, run_child(large_arrays, NULL));
	EXPECT_EQ(0, group_event("oom_kill"));
}

/*
 * WRITE keeps what it overwrites, to put it back if the source faults. Without
 * memory for that it does not begin.
 */
static int large_undo(void *arg)
{
	uint8_t *bytes;
	struct snapshot *before;
	struct arena a;
	char limit[32];

	(void)arg;
	CHECK(enter_group("max") == 0);
	/* Many times what a processor charges at once. */
	CHECK(arena_new(&a, 1024, 0, 0) == 0);
	CHECK(do_commit(a.fd, 0, a.length) == 0);
	bytes = malloc(a.length);
	CHECK(bytes);
	memset(bytes, 0x21, a.length);
	CHECK(do_write1(a.fd, 0, bytes, a.length - a.granule) == 0);
	CHECK(do_seal(a.fd, a.length - a.granule, a.granule, 0) == 0);
	memset(bytes, 0x22, a.length);
	before = snapshot(&a);

	snprintf(limit, sizeof(limit), "%llu",
		 (unsigned long long)(group_usage() + MIB));
	CHECK(write_file(GROUP "/memory.max", limit) == 0);
	CHECK_ERRNO(ENOMEM, do_write1(a.fd, 0, bytes, a.length - a.granule));
	CHECK(write_file(GROUP "/memory.max", "max") == 0);
	CHECK(expect_unchanged(&a, before));
	/* The bytes can be seen only when they are sealed. */
	CHECK(do_seal(a.fd, 0, a.length, 0) == 0);
	for (uint64_t i = 0; i < a.length - a.granule; i++)
		CHECK(a.view[i] == 0x21);
	return 0;
}

TEST_F(group, undo)
{
	NEED_GROUP();
	EXPECT_EQ(0, run_child(large_undo, NULL));
	EXPECT_EQ(0, group_event("oom_kill"));
}

TEST_HARNESS_MAIN
