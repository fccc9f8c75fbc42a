// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * RESERVE, SHARE, and the life of an arena: open, fdinfo, the last close.
 */
#include "lib/harness.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/utils.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

FIXTURE(reserve)
{
	int fd;
};

FIXTURE_SETUP(reserve)
{
	self->fd = device_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(reserve)
{
	close(self->fd);
}

/* Refused, and the handle is as empty as before. */
#define EXPECT_NOT_RESERVED(expected_errno, call)			\
	do {								\
		struct codearena_stat stat_;				\
									\
		EXPECT_ERRNO(expected_errno, call);			\
		EXPECT_ERRNO(EBADFD, do_stat(self->fd, &stat_));	\
	} while (0)

TEST_F(reserve, answers_in_stat)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_reserve(self->fd, 8 * PAGE, 0, 3 * PAGE, "engine"));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(8 * PAGE, stat.out_length);
	EXPECT_EQ(3 * PAGE, stat.out_commit_limit);
	EXPECT_EQ(0, stat.out_committed);
	EXPECT_EQ(0, stat.out_sealed);
	EXPECT_EQ(0, stat.out_patchable);
	EXPECT_EQ(0, stat.out_published);
	EXPECT_EQ(0, stat.out_written);
	EXPECT_EQ(0, stat.out_patched);
	EXPECT_EQ(0, stat.out_discarded);
	EXPECT_EQ(0, stat.out_syncs);
}

TEST_F(reserve, limit_zero_means_length)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_reserve(self->fd, 8 * PAGE, 0, 0, ""));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(8 * PAGE, stat.out_commit_limit);
}

TEST_F(reserve, all_flags)
{
	EXPECT_ZERO(do_reserve(self->fd, PAGE,
			       CODEARENA_RESERVE_F_PERMANENT |
			       CODEARENA_RESERVE_F_SHARED_WRITER |
			       CODEARENA_RESERVE_F_EXECUTE_ONLY |
			       CODEARENA_RESERVE_F_UNENFORCED, 0, ""));
}

TEST_F(reserve, commits_nothing)
{
	struct codearena_query before, after;

	ASSERT_ZERO(do_query(self->fd, &before));
	ASSERT_ZERO(do_reserve(self->fd, before.out_max_length, 0, 0, ""));
	ASSERT_ZERO(do_query(self->fd, &after));
	EXPECT_EQ(before.out_commit_total, after.out_commit_total);
}

TEST_F(reserve, bad_lengths)
{
	struct codearena_query query;

	ASSERT_ZERO(do_query(self->fd, &query));
	EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, 0, 0, 0, ""));
	for (uint64_t bytes = 1; bytes < PAGE; bytes <<= 1) {
		EXPECT_NOT_RESERVED(EINVAL,
				    do_reserve(self->fd, bytes, 0, 0, ""));
		EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, PAGE + bytes,
						       0, 0, ""));
	}
	for (uint64_t length = query.out_max_length + PAGE; length;
	     length = length > ~0ULL / 2 ? 0 : length * 2)
		EXPECT_NOT_RESERVED(EINVAL,
				    do_reserve(self->fd, length, 0, 0, ""));
	EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, -PAGE, 0, 0, ""));
	EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, ~0ULL, 0, 0, ""));
	EXPECT_ZERO(do_reserve(self->fd, query.out_max_length, 0, 0, ""));
}

TEST_F(reserve, bad_commit_limits)
{
	for (uint64_t bytes = 1; bytes < PAGE; bytes <<= 1) {
		EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, 4 * PAGE, 0,
						       bytes, ""));
		EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, 4 * PAGE, 0,
						       PAGE + bytes, ""));
	}
	EXPECT_NOT_RESERVED(EINVAL,
			    do_reserve(self->fd, 4 * PAGE, 0, 5 * PAGE, ""));
	EXPECT_NOT_RESERVED(EINVAL,
			    do_reserve(self->fd, 4 * PAGE, 0, -PAGE, ""));
	EXPECT_ZERO(do_reserve(self->fd, 4 * PAGE, 0, 4 * PAGE, ""));
}

TEST_F(reserve, bad_names)
{
	char name[CODEARENA_NAME_LEN + 1];

	/* No NUL. */
	memset(name, 'a', sizeof(name));
	EXPECT_NOT_RESERVED(EINVAL, do_reserve(self->fd, PAGE, 0, 0, name));

	for (unsigned int c = 1; c < 256; c++) {
		if (c >= 32 && c < 127)
			continue;
		memset(name, 0, sizeof(name));
		memset(name, 'a', 6);
		name[c % 6] = c;
		EXPECT_NOT_RESERVED(EINVAL,
				    do_reserve(self->fd, PAGE, 0, 0, name));
	}
}

TEST_F(reserve, every_printable_character_in_a_name)
{
	for (unsigned int c = 32; c < 127; c++) {
		char name[2] = { c, 0 };
		int fd = device_open(O_RDWR);

		ASSERT_LE(0, fd);
		EXPECT_ZERO(do_reserve(fd, PAGE, 0, 0, name));
		close(fd);
	}
}

TEST_F(reserve, twice)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_reserve(self->fd, 4 * PAGE, 0, 0, "first"));
	ASSERT_ZERO(do_commit(self->fd, 0, PAGE));
	EXPECT_ERRNO(EBUSY, do_reserve(self->fd, 8 * PAGE, 0, 0, "second"));
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_EQ(4 * PAGE, stat.out_length);
	EXPECT_EQ(PAGE, stat.out_committed);
}

TEST_F(reserve, handle_without_reading)
{
	int fd = device_open(O_WRONLY);

	/* Whether open() or RESERVE refuses it: it never becomes an arena. */
	if (fd < 0) {
		EXPECT_EQ(EINVAL, errno);
	} else {
		EXPECT_ERRNO(EBADF, do_reserve(fd, PAGE, 0, 0, ""));
		close(fd);
	}
}

TEST_F(reserve, handles_are_independent)
{
	struct codearena_stat stat;
	int other = device_open(O_RDWR);

	ASSERT_LE(0, other);
	ASSERT_ZERO(do_reserve(self->fd, 4 * PAGE, 0, 0, ""));
	EXPECT_ERRNO(EBADFD, do_stat(other, &stat));
	ASSERT_ZERO(do_reserve(other, 2 * PAGE, 0, 0, ""));
	ASSERT_ZERO(do_commit(self->fd, 0, 4 * PAGE));
	ASSERT_ZERO(do_stat(other, &stat));
	EXPECT_EQ(0, stat.out_committed);
	EXPECT_EQ(2 * PAGE, stat.out_length);
	close(other);
}

TEST_F(reserve, fdinfo)
{
	struct codearena_query query;
	struct codearena_stat stat;
	char text[2048];
	int shared;

	ASSERT_ZERO(fdinfo(self->fd, text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, "codearena"));

	ASSERT_ZERO(do_reserve(self->fd, 8 * PAGE,
			       CODEARENA_RESERVE_F_SHARED_WRITER, 4 * PAGE,
			       "tier-1 code"));
	ASSERT_ZERO(do_commit(self->fd, 0, 2 * PAGE));
	ASSERT_ZERO(do_publish1(self->fd, 0, "12345678", 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	ASSERT_ZERO(do_seal(self->fd, PAGE, PAGE / 64, 0));
	ASSERT_ZERO(do_patch1(self->fd, 0, 4, 0x34333231, 0x34333231));
	ASSERT_ZERO(do_discard1(self->fd, PAGE, PAGE / 64));
	ASSERT_ZERO(do_query(self->fd, &query));
	ASSERT_ZERO(fdinfo(self->fd, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-owner", "%d", getpid());
	EXPECT_FDINFO(text, "codearena-access", "read-write");
	EXPECT_FDINFO(text, "codearena-name", "tier-1 code");
	EXPECT_FDINFO(text, "codearena-flags", "%#x",
		      CODEARENA_RESERVE_F_SHARED_WRITER);
	EXPECT_FDINFO(text, "codearena-length", "%lu", 8 * PAGE);
	EXPECT_FDINFO(text, "codearena-commit-limit", "%lu", 4 * PAGE);
	EXPECT_FDINFO(text, "codearena-committed", "%lu", 2 * PAGE);
	EXPECT_FDINFO(text, "codearena-sealed", "%lu", PAGE / 64);
	EXPECT_FDINFO(text, "codearena-patchable", "%lu", PAGE / 64);
	EXPECT_FDINFO(text, "codearena-published", "1");
	EXPECT_FDINFO(text, "codearena-written", "8");
	EXPECT_FDINFO(text, "codearena-patched", "1");
	EXPECT_FDINFO(text, "codearena-discarded", "%lu", PAGE / 64);
	EXPECT_FDINFO(text, "codearena-syncs", "1");
	EXPECT_FDINFO(text, "codearena-trap-tables", "0");
	EXPECT_FDINFO(text, "codearena-trap-entries", "0");
	EXPECT_FDINFO(text, "codearena-traps", "0");
	EXPECT_FDINFO(text, "codearena-all-commit-limit", "%llu",
		      (unsigned long long)query.out_commit_limit);
	EXPECT_FDINFO(text, "codearena-all-committed", "%llu",
		      (unsigned long long)query.out_commit_total);
	ASSERT_ZERO(do_stat(self->fd, &stat));
	EXPECT_FDINFO(text, "codearena-metadata", "%llu",
		      (unsigned long long)stat.out_metadata);
	EXPECT_FDINFO(text, "codearena-metadata-limit", "%llu",
		      (unsigned long long)stat.out_metadata_limit);
	EXPECT_FDINFO(text, "codearena-all-metadata", "%llu",
		      (unsigned long long)query.out_metadata_total);
	EXPECT_FDINFO(text, "codearena-user-limit", "%llu",
		      (unsigned long long)query.out_user_limit);
	EXPECT_FDINFO(text, "codearena-user-total", "%llu",
		      (unsigned long long)query.out_user_total);

	/* The same arena, by another handle. */
	shared = do_share(self->fd);
	ASSERT_LE(0, shared);
	ASSERT_ZERO(fdinfo(shared, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-id", "%llu", arena_id(self->fd));
	EXPECT_FDINFO(text, "codearena-access", "read-only");
	EXPECT_FDINFO(text, "codearena-owner", "%d", getpid());
	close(shared);
}

/* Numbers are not used twice, even when the arena is gone. */
TEST_F(reserve, fdinfo_id)
{
	unsigned long long id;

	ASSERT_ZERO(do_reserve(self->fd, PAGE, 0, 0, ""));
	id = arena_id(self->fd);
	EXPECT_LT(0, id);
	close(self->fd);
	self->fd = device_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_ZERO(do_reserve(self->fd, PAGE, 0, 0, ""));
	EXPECT_LT(id, arena_id(self->fd));
}

static int reserve_in_child(void *arg)
{
	CHECK(!do_reserve(*(int *)arg, PAGE, 0, 0, "child"));
	return 0;
}

/* An owner that has ended is reported as 0: its pid may be reused. */
TEST_F(reserve, fdinfo_owner_gone)
{
	char text[2048];

	ASSERT_EQ(0, run_child(reserve_in_child, &self->fd));
	ASSERT_ZERO(fdinfo(self->fd, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-name", "child");
	EXPECT_FDINFO(text, "codearena-owner", "0");
}

FIXTURE(life)
{
	struct arena arena;
	int probe;	/* an empty handle that outlives the arena */
	uint64_t total;
};

FIXTURE_SETUP(life)
{
	struct codearena_query query;

	self->probe = device_open(O_RDWR);
	ASSERT_LE(0, self->probe);
	ASSERT_ZERO(do_query(self->probe, &query));
	self->total = query.out_commit_total;
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
}

FIXTURE_TEARDOWN(life)
{
	arena_free(&self->arena);
	close(self->probe);
}

static uint64_t commit_total(int fd)
{
	struct codearena_query query;

	if (do_query(fd, &query))
		return POISON64;
	return query.out_commit_total;
}

TEST_F(life, last_close_frees)
{
	EXPECT_EQ(self->total + page_at(&self->arena, RESERVED_PAGE),
		  commit_total(self->probe));
	arena_free(&self->arena);
	EXPECT_EQ(self->total, commit_total(self->probe));
}

TEST_F(life, view_outlives_handle)
{
	close(self->arena.fd);
	self->arena.fd = -1;
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	EXPECT_EQ(self->total + page_at(&self->arena, RESERVED_PAGE),
		  commit_total(self->probe));
	/* A page that was never touched is still there to be mapped. */
	EXPECT_TRAP_FILL(&self->arena, page_at(&self->arena, TRAP_PAGE), 64);
	ASSERT_ZERO(munmap(self->arena.view, self->arena.length));
	self->arena.view = NULL;
	EXPECT_EQ(self->total, commit_total(self->probe));
}

TEST_F(life, duplicates_are_one_arena)
{
	int copy = dup(self->arena.fd);

	ASSERT_LE(0, copy);
	ASSERT_ZERO(munmap(self->arena.view, self->arena.length));
	self->arena.view = NULL;
	ASSERT_ZERO(do_commit(copy, page_at(&self->arena, RESERVED_PAGE),
			      self->arena.page));
	close(self->arena.fd);
	self->arena.fd = -1;
	EXPECT_EQ(self->total + page_at(&self->arena, RESERVED_PAGE + 1),
		  commit_total(self->probe));
	close(copy);
	EXPECT_EQ(self->total, commit_total(self->probe));
}

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

TEST_F(life, share)
{
	struct codearena_stat stat, shared_stat;
	int shared = do_share(self->arena.fd);
	void *view;

	ASSERT_LE(0, shared);
	EXPECT_EQ(O_RDONLY, fcntl(shared, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(FD_CLOEXEC, fcntl(shared, F_GETFD));
	ASSERT_ZERO(do_stat(self->arena.fd, &stat));
	ASSERT_ZERO(do_stat(shared, &shared_stat));
	EXPECT_EQ(0, memcmp(&stat, &shared_stat, sizeof(stat)));

	view = arena_map(&self->arena, shared);
	ASSERT_NE(MAP_FAILED, view);
	EXPECT_RETURNS(CODE_VALUE, view);
	/* Code that is published later appears in both views. */
	ASSERT_ZERO(do_seal(self->arena.fd, page_at(&self->arena, HIDDEN_PAGE),
			    self->arena.granule, 0));
	EXPECT_BYTES((uint8_t *)view + page_at(&self->arena, HIDDEN_PAGE),
		     self->arena.view + page_at(&self->arena, HIDDEN_PAGE),
		     self->arena.page);
	munmap(view, self->arena.length);
	close(shared);
}

TEST_F(life, shared_handle_keeps_the_arena)
{
	int shared = do_share(self->arena.fd);
	struct codearena_stat stat;

	ASSERT_LE(0, shared);
	arena_free(&self->arena);
	EXPECT_EQ(self->total + page_at(&self->arena, RESERVED_PAGE),
		  commit_total(self->probe));
	EXPECT_ZERO(do_stat(shared, &stat));
	close(shared);
	EXPECT_EQ(self->total, commit_total(self->probe));
}

/* Sharing changes nothing, so a handle that may not change may share. */
TEST_F(life, share_of_a_share)
{
	int shared = do_share(self->arena.fd);
	struct codearena_stat stat;
	int again;

	ASSERT_LE(0, shared);
	again = do_share(shared);
	EXPECT_LE(0, again)
		TH_LOG("SHARE on an O_RDONLY handle: %s", strerror(errno));
	if (again >= 0) {
		EXPECT_EQ(O_RDONLY, fcntl(again, F_GETFL) & O_ACCMODE);
		EXPECT_ZERO(do_stat(again, &stat));
		close(again);
	}
	close(shared);
}

TEST_F(life, share_without_descriptors)
{
	int before = open_descriptors();
	struct rlimit limit;

	ASSERT_ZERO(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 0;
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_REFUSED(&self->arena, EMFILE, do_share(self->arena.fd));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(before, open_descriptors());
}

/* ENFILE is for those who may not exceed fs.file-max. */
static int share_as_nobody(void *arg)
{
	const struct arena *a = arg;

	CHECK(syscall(SYS_setresuid, 65534, 65534, 65534) == 0);
	CHECK_ERRNO(ENFILE, do_share(a->fd));
	CHECK_ERRNO(ENFILE, do_clone(a->fd));
	return 0;
}

TEST_F(life, share_without_files)
{
	char text[64];
	int status;

	if (getuid() || read_file("/proc/sys/fs/file-max", text, sizeof(text)))
		SKIP(return, "needs root and /proc/sys/fs/file-max");
	ASSERT_ZERO(write_file("/proc/sys/fs/file-max", "0"));
	status = run_child(share_as_nobody, &self->arena);
	ASSERT_ZERO(write_file("/proc/sys/fs/file-max", text));
	EXPECT_EQ(0, status);
}

/* A handle or a view alone keeps the module loaded. */
TEST_F(life, module_in_use)
{
	if (getuid() || access("/sys/module/codearena/refcnt", F_OK))
		SKIP(return, "needs root and a loadable module");
	EXPECT_ERRNO(EWOULDBLOCK,
		     syscall(SYS_delete_module, "codearena", O_NONBLOCK));
	close(self->probe);
	close(self->arena.fd);
	self->arena.fd = -1;
	EXPECT_ERRNO(EWOULDBLOCK,
		     syscall(SYS_delete_module, "codearena", O_NONBLOCK));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	self->probe = device_open(O_RDWR);
	EXPECT_LE(0, self->probe);
}

TEST_HARNESS_MAIN
