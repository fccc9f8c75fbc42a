// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* CLONE: what the new arena has, who may make it, and copy on write. */
#include "lib/harness.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/commands.h"
#include "lib/trap_code.h"

#define NOBODY 65534
#define MODULE_LIMIT "/sys/module/codearena/parameters/commit_limit_mb"

/* The clone of an arena with a view of it. */
static int clone_new(const struct arena *a, int fd, struct arena *clone)
{
	void *view;

	*clone = *a;
	clone->fd = do_clone(fd);
	if (clone->fd < 0)
		return -1;
	view = arena_map(clone, clone->fd);
	clone->view = view == MAP_FAILED ? NULL : view;
	return clone->view ? 0 : -1;
}

FIXTURE(clone)
{
	struct arena arena;
	struct arena clone;
};

FIXTURE_SETUP(clone)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->clone.fd = -1;
}

FIXTURE_TEARDOWN(clone)
{
	if (self->clone.fd >= 0)
		arena_free(&self->clone);
	arena_free(&self->arena);
}

#define ASSERT_CLONE() \
	ASSERT_ZERO(clone_new(&self->arena, self->arena.fd, &self->clone))

TEST_F(clone, has_what_the_original_has)
{
	struct codearena_stat stat, cloned;
	struct snapshot *bytes;

	ASSERT_CLONE();
	ASSERT_ZERO(do_stat(self->arena.fd, &stat));
	ASSERT_ZERO(do_stat(self->clone.fd, &cloned));
	EXPECT_EQ(stat.out_length, cloned.out_length);
	EXPECT_EQ(stat.out_commit_limit, cloned.out_commit_limit);
	EXPECT_EQ(stat.out_committed, cloned.out_committed);
	EXPECT_EQ(stat.out_sealed, cloned.out_sealed);
	EXPECT_EQ(stat.out_patchable, cloned.out_patchable);
	EXPECT_EQ(stat.out_metadata, cloned.out_metadata);
	EXPECT_EQ(stat.out_metadata_limit, cloned.out_metadata_limit);
	/* Nothing has happened to it yet. */
	EXPECT_LT(0, stat.out_published);
	EXPECT_EQ(0, cloned.out_published);
	EXPECT_EQ(0, cloned.out_written);

	/* Snapshots compare counters too: make the original's new. */
	bytes = snapshot(&self->clone);
	EXPECT_RETURNS(CODE_VALUE, self->clone.view);
	EXPECT_TRUE(expect_unchanged(&self->clone, bytes));
	EXPECT_BYTES(self->clone.view, self->arena.view, self->arena.page);
	EXPECT_BYTES(self->clone.view + self->arena.page,
		     self->arena.view + self->arena.page, self->arena.page);
}

TEST_F(clone, is_an_arena_of_its_own)
{
	char text[4096];

	self->clone.fd = do_clone(self->arena.fd);
	ASSERT_LE(0, self->clone.fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->clone.fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(self->clone.fd, F_GETFL) & O_ACCMODE);
	EXPECT_LT(arena_id(self->arena.fd), arena_id(self->clone.fd));
	ASSERT_ZERO(fdinfo(self->clone.fd, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-owner", "%d", getpid());
	EXPECT_ERRNO(EBUSY, do_reserve(self->clone.fd, self->arena.page, 0, 0,
				       ""));
	self->clone.view = NULL;
}

TEST_F(clone, keeps_name_flags_and_limit)
{
	int fd = device_open(O_RDWR), clone;
	struct codearena_stat stat;
	char text[4096];

	ASSERT_LE(0, fd);
	ASSERT_ZERO(do_reserve(fd, page_at(&self->arena, 8),
			       CODEARENA_RESERVE_F_PERMANENT |
			       CODEARENA_RESERVE_F_SHARED_WRITER,
			       page_at(&self->arena, 2), "twin"));
	ASSERT_ZERO(do_commit(fd, 0, page_at(&self->arena, 2)));
	clone = do_clone(fd);
	ASSERT_LE(0, clone);
	ASSERT_ZERO(fdinfo(clone, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-name", "%s", "twin");
	EXPECT_FDINFO(text, "codearena-flags", "0x%x",
		      CODEARENA_RESERVE_F_PERMANENT |
		      CODEARENA_RESERVE_F_SHARED_WRITER);
	ASSERT_ZERO(do_stat(clone, &stat));
	EXPECT_EQ(page_at(&self->arena, 2), stat.out_commit_limit);
	/* Its limit is reached; a change of what it has is possible. */
	EXPECT_ERRNO(ENOSPC, do_commit(clone, page_at(&self->arena, 4),
				       self->arena.page));
	EXPECT_ZERO(do_publish1(clone, 0, "code", 4, 0));
	EXPECT_ERRNO(EPERM, do_discard1(clone, 0, self->arena.granule));
	EXPECT_ZERO(do_discard1(fd, 0, self->arena.granule));
	close(clone);
	close(fd);
}

/* Every command that changes an arena, on one of two that share all pages. */
static int change_everything(const struct arena *a)
{
	struct command_call call;

	for (unsigned int i = COMMAND_COMMIT; i < COMMAND_COUNT; i++) {
		if (!commands[i].changes)
			continue;
		command_prepare(i, a, &call);
		CHECK(ioctl(a->fd, commands[i].request, &call) == 0);
	}
	return 0;
}

TEST_F(clone, does_not_see_changes_of_the_original)
{
	struct snapshot *before;

	ASSERT_CLONE();
	before = snapshot(&self->clone);
	ASSERT_EQ(0, change_everything(&self->arena));
	/* COMMIT and DECOMMIT of a page each: the machine's count is the same. */
	EXPECT_TRUE(expect_unchanged(&self->clone, before));
	EXPECT_ZERO(change_everything(&self->clone));
}

TEST_F(clone, changes_are_not_seen_by_the_original)
{
	struct snapshot *before;

	ASSERT_CLONE();
	before = snapshot(&self->arena);
	ASSERT_EQ(0, change_everything(&self->clone));
	EXPECT_TRUE(expect_unchanged(&self->arena, before));
	EXPECT_ZERO(change_everything(&self->arena));
}

/* The view shows the new page at once, though the old one was mapped. */
TEST_F(clone, views_follow_a_change)
{
	const uint64_t free_granule = granule_at(&self->arena, CODE_PAGE, 5);
	uint8_t code[CODE_SIZE];

	ASSERT_CLONE();
	for (unsigned int i = 0; i < 8; i++) {
		EXPECT_BYTES(self->arena.view + word_at(&self->arena, i),
			     &(uint64_t){ WORD(i) }, 8);
		ASSERT_ZERO(do_patch1(self->arena.fd, word_at(&self->arena, i),
				      8, WORD(i), i));
		EXPECT_BYTES(self->arena.view + word_at(&self->arena, i),
			     &(uint64_t){ i }, 8);
		EXPECT_BYTES(self->clone.view + word_at(&self->clone, i),
			     &(uint64_t){ WORD(i) }, 8);
	}
	code_return(code, 7);
	ASSERT_ZERO(do_publish1(self->arena.fd, free_granule, code, sizeof(code),
				0));
	EXPECT_RETURNS(7, self->arena.view + free_granule);
	EXPECT_TRAP_FILL(&self->clone, free_granule, self->arena.granule);
	code_return(code, 8);
	ASSERT_ZERO(do_publish1(self->clone.fd, free_granule, code, sizeof(code),
				0));
	EXPECT_RETURNS(7, self->arena.view + free_granule);
	EXPECT_RETURNS(8, self->clone.view + free_granule);
}

TEST_F(clone, outlives_the_original)
{
	ASSERT_CLONE();
	arena_free(&self->arena);
	EXPECT_RETURNS(CODE_VALUE, self->clone.view);
	EXPECT_ZERO(change_everything(&self->clone));
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
}

TEST_F(clone, of_a_clone)
{
	struct arena second;

	ASSERT_CLONE();
	ASSERT_ZERO(do_patch1(self->clone.fd, word_at(&self->clone, 0), 8,
			      WORD(0), 1));
	ASSERT_ZERO(clone_new(&self->clone, self->clone.fd, &second));
	ASSERT_ZERO(do_patch1(self->clone.fd, word_at(&self->clone, 0), 8, 1,
			      2));
	ASSERT_ZERO(do_patch1(second.fd, word_at(&self->clone, 1), 8, WORD(1),
			      3));
	EXPECT_BYTES(self->arena.view + word_at(&self->arena, 0),
		     &(uint64_t){ WORD(0) }, 8);
	EXPECT_BYTES(self->clone.view + word_at(&self->clone, 0),
		     &(uint64_t){ 2 }, 8);
	EXPECT_BYTES(second.view + word_at(&second, 0), &(uint64_t){ 1 }, 8);
	EXPECT_BYTES(self->arena.view + word_at(&self->arena, 1),
		     &(uint64_t){ WORD(1) }, 8);
	EXPECT_BYTES(second.view + word_at(&second, 1), &(uint64_t){ 3 }, 8);
	arena_free(&second);
}

/* All of it counts, though no memory is used for it yet. */
TEST_F(clone, counts_in_full)
{
	struct codearena_query before, with, after;

	ASSERT_ZERO(do_query(self->arena.fd, &before));
	self->clone.fd = do_clone(self->arena.fd);
	ASSERT_LE(0, self->clone.fd);
	ASSERT_ZERO(do_query(self->arena.fd, &with));
	EXPECT_EQ(2 * before.out_commit_total, with.out_commit_total);
	EXPECT_EQ(2 * before.out_metadata_total, with.out_metadata_total);
	EXPECT_EQ(2 * before.out_user_total, with.out_user_total);
	close(self->clone.fd);
	self->clone.fd = -1;
	ASSERT_ZERO(do_query(self->arena.fd, &after));
	EXPECT_EQ(before.out_commit_total, after.out_commit_total);
	EXPECT_EQ(before.out_metadata_total, after.out_metadata_total);
	/* The pages are the original's alone, and can be changed. */
	EXPECT_ZERO(change_everything(&self->arena));
}

TEST_F(clone, beyond_the_limit_of_the_machine)
{
	char limit[32];
	int fd, ret;

	if (read_file(MODULE_LIMIT, limit, sizeof(limit)))
		SKIP(return, "the parameter of the module cannot be read");
	fd = device_open(O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_ZERO(do_reserve(fd, 1 << 20, 0, 0, "big"));
	ASSERT_ZERO(do_commit(fd, 0, 640 << 10));
	if (write_file(MODULE_LIMIT, "1"))
		SKIP(return, "the parameter of the module cannot be set");
	EXPECT_REFUSED(&self->arena, ENOMEM, do_clone(fd));
	ret = write_file(MODULE_LIMIT, limit);
	EXPECT_EQ(0, ret);
	close(do_clone(fd));
	close(fd);
}

TEST_F(clone, too_many_descriptors)
{
	struct rlimit limit, none;

	ASSERT_ZERO(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_REFUSED(&self->arena, EMFILE, do_clone(self->arena.fd));
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Who may: the holder of a handle for writing; others by the node's rights. */
struct permission {
	struct arena *a;
	const char *path;
	int expected_errno;
};

static int clone_as_nobody(void *arg)
{
	const struct permission *p = arg;
	int fd, shared = do_share(p->a->fd);

	CHECK(shared >= 0);
	CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	fd = do_clone(p->a->fd);
	CHECK(fd >= 0);
	CHECK(do_publish1(fd, granule_at(p->a, TRAP_PAGE, 5), "code", 4,
			  0) == 0);
	fd = do_clone(shared);
	if (p->expected_errno) {
		CHECK(fd == -1);
		CHECK(errno == p->expected_errno);
		return 0;
	}
	CHECK(fd >= 0);
	CHECK(do_publish1(fd, granule_at(p->a, TRAP_PAGE, 5), "code", 4,
			  0) == 0);
	return 0;
}

TEST_F(clone, of_a_handle_without_writing)
{
	struct permission p = { .a = &self->arena };
	struct stat device;
	char path[32];

	ASSERT_ZERO(stat(DEVICE, &device));
	snprintf(path, sizeof(path), "/tmp/codearena.%d", getpid());
	unlink(path);
	if (mknod(path, S_IFCHR | 0600, device.st_rdev))
		SKIP(return, "not allowed to make a device node");
	close(self->arena.fd);
	munmap(self->arena.view, self->arena.length);
	self->arena.fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->arena.fd);
	ASSERT_ZERO(do_reserve(self->arena.fd, self->arena.length, 0, 0, ""));
	self->arena.view = arena_map(&self->arena, self->arena.fd);
	ASSERT_ZERO(arena_populate(&self->arena));

	p.expected_errno = EACCES;
	EXPECT_EQ(0, run_child(clone_as_nobody, &p));
	EXPECT_ZERO(chmod(path, 0666));
	p.expected_errno = 0;
	EXPECT_EQ(0, run_child(clone_as_nobody, &p));
	unlink(path);
}

/* Tables and pads, with the numbers by which the original knows them. */
TEST_F(clone, has_the_tables)
{
	const uint64_t code = granule_at(&self->arena, CODE_PAGE, LAST_GRANULE);
	const uint64_t pad = granule_at(&self->arena, TRAP_PAGE, LAST_GRANULE);
	struct codearena_trap trap = trap_of(0, 4, pad);
	uint64_t id, later, cloned_id;
	struct codearena_stat stat;

	ASSERT_ZERO(do_register(self->arena.fd, code, self->arena.granule, &trap,
				1, 0, &id));
	ASSERT_CLONE();
	ASSERT_ZERO(do_stat(self->clone.fd, &stat));
	EXPECT_EQ(1, stat.out_trap_tables);
	EXPECT_EQ(1, stat.out_trap_entries);
	/* The pad is in use, here as well. */
	EXPECT_REFUSED(&self->clone, EBUSY,
		       do_discard1(self->clone.fd, pad, self->arena.granule));
	EXPECT_REFUSED(&self->clone, EEXIST,
		       do_register(self->clone.fd, code, self->arena.granule,
				   &trap, 1, 0, &later));
	ASSERT_ZERO(do_release(self->clone.fd, id));
	EXPECT_REFUSED(&self->clone, ENOENT, do_release(self->clone.fd, id));
	EXPECT_ZERO(do_discard1(self->clone.fd, pad, self->arena.granule));
	/* The original's is as it was. */
	EXPECT_REFUSED(&self->arena, EBUSY,
		       do_discard1(self->arena.fd, pad, self->arena.granule));
	trap.landing = CODEARENA_LANDING_EXTERNAL;
	ASSERT_ZERO(do_register(self->clone.fd, code, self->arena.granule, &trap,
				1, 0, &cloned_id));
	EXPECT_NE(id, cloned_id);
	EXPECT_ZERO(do_release(self->arena.fd, id));
}

TEST_HARNESS_MAIN
