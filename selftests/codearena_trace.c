// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Events of the calls: one each, with what the call did or why it failed. */
#include "lib/harness.h"

#include "lib/tracing.h"
#include "lib/trap_code.h"

#define PAGE ((unsigned long long)self->arena.page)
#define GRANULE ((unsigned long long)self->arena.granule)

/* What events begin with, and the arguments of RESERVE. */
#define ARENA "arena=%llu owner=%d"
#define SIZES "length=%llu commit_limit=%llu"
/* The objects that are published below. */
#define OBJECTS " offset=0x%llx length=17 count=2 "
#define REGISTER "trap_register: " ARENA " offset=0x0 length=8 count=1 "

FIXTURE(trace)
{
	struct arena arena;
	unsigned long long id;
	bool usable;
	char *text;
};

FIXTURE_SETUP(trace)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	self->id = arena_id(self->arena.fd);
	ASSERT_LT(0, self->id);
	self->text = malloc(TRACING_SIZE);
	ASSERT_NE(NULL, self->text);
	self->usable = tracing_begin() && tracing_enable("*");
}

FIXTURE_TEARDOWN(trace)
{
	tracing_end();
	free(self->text);
	arena_free(&self->arena);
}

/* Exactly one event since the last look: this. */
#define EXPECT_ONE(...)							\
	do {								\
		EXPECT_EQ(1, tracing_lines(self->text, getpid())) {	\
			TH_LOG("%s", self->text);			\
		}							\
		EXPECT_EVENT(self->text, __VA_ARGS__);			\
		tracing_clear();					\
	} while (0)

TEST_F(trace, reserve)
{
	int fd = device_open(O_RDWR);

	NEED_TRACING(self->usable);
	ASSERT_LE(0, fd);
	ASSERT_ZERO(do_reserve(fd, 3 * PAGE, CODEARENA_RESERVE_F_PERMANENT,
			       PAGE, "a name, of two"));
	EXPECT_ONE("reserve: " ARENA " " SIZES " flags=0x%x result=0 name=a name, of two\n",
		   arena_id(fd), getpid(), 3 * PAGE, PAGE,
		   CODEARENA_RESERVE_F_PERMANENT);
	/* An invalid name is not recorded: it may hold control characters. */
	EXPECT_ERRNO(EBUSY, do_reserve(fd, PAGE, 0, 0, "again"));
	EXPECT_ONE("reserve: arena=0 owner=%d " SIZES " flags=0x0 result=%d name=again\n",
		   getpid(), PAGE, 0ULL, -EBUSY);
	EXPECT_ERRNO(EINVAL, do_reserve(fd, PAGE, 0, 0, "new\nline"));
	EXPECT_ONE("reserve: arena=0 owner=%d " SIZES " flags=0x0 result=%d name=\n",
		   getpid(), PAGE, 0ULL, -EINVAL);
	close(fd);
}

TEST_F(trace, commit_and_decommit)
{
	int fd = self->arena.fd;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(do_commit(fd, PAGE, 2 * PAGE));
	EXPECT_ONE("commit: " ARENA " offset=0x%llx length=%llu flags=0x0 result=0\n",
		   self->id, getpid(), PAGE, 2 * PAGE);
	EXPECT_ERRNO(EEXIST, do_commit(fd, 0, 2 * PAGE));
	EXPECT_ONE("commit: " ARENA " offset=0x0 length=%llu flags=0x0 result=%d\n",
		   self->id, getpid(), 2 * PAGE, -EEXIST);
	EXPECT_ERRNO(EINVAL, do_commit(fd, 1, PAGE));
	EXPECT_ONE("commit: " ARENA " offset=0x1 length=%llu flags=0x0 result=%d\n",
		   self->id, getpid(), PAGE, -EINVAL);
	ASSERT_ZERO(do_decommit(fd, 2 * PAGE, PAGE));
	EXPECT_ONE("decommit: " ARENA " offset=0x%llx length=%llu flags=0x0 result=0\n",
		   self->id, getpid(), 2 * PAGE, PAGE);
	EXPECT_ERRNO(ENOENT, do_decommit(fd, 2 * PAGE, PAGE));
	EXPECT_ONE("decommit: " ARENA " offset=0x%llx length=%llu flags=0x0 result=%d\n",
		   self->id, getpid(), 2 * PAGE, PAGE, -ENOENT);
}

TEST_F(trace, write_and_seal)
{
	const struct codearena_chunk chunks[] = {
		chunk_of(PAGE + 3, "abcdefghij", 10),
		chunk_of(0, "abcd", 4),
	};
	int fd = self->arena.fd;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(do_commit(fd, 0, 2 * PAGE));
	tracing_clear();
	ASSERT_ZERO(do_write(fd, chunks, 2));
	EXPECT_ONE("write: " ARENA " offset=0x%llx length=14 count=2 result=0\n",
		   self->id, getpid(), PAGE + 3);
	ASSERT_ZERO(do_seal(fd, 0, GRANULE, CODEARENA_SEAL_F_PATCHABLE));
	EXPECT_ONE("seal: " ARENA " offset=0x0 length=%llu flags=0x%x result=0\n",
		   self->id, getpid(), GRANULE, CODEARENA_SEAL_F_PATCHABLE);
	EXPECT_ERRNO(ENOENT, do_seal(fd, 2 * PAGE, PAGE, 0));
	EXPECT_ONE("seal: " ARENA " offset=0x%llx length=%llu flags=0x0 result=%d\n",
		   self->id, getpid(), 2 * PAGE, PAGE, -ENOENT);
	EXPECT_ERRNO(EPERM, do_write(fd, chunks, 2));
	EXPECT_ONE("write: " ARENA " offset=0x%llx length=14 count=2 result=%d\n",
		   self->id, getpid(), PAGE + 3, -EPERM);
}

TEST_F(trace, publish_patch_discard)
{
	const struct codearena_object objects[] = {
		object_of(PAGE, "12345678", 8, CODEARENA_OBJECT_F_PATCHABLE),
		object_of(PAGE + GRANULE, "123456789", 9, 0),
	};
	const struct codearena_patch_entry first =
		patch_of(0, 4, 0x34333231, 5);
	const struct codearena_patch_entry patches[] = {
		patch_of(PAGE + 4, 4, 0x38373635, 6),
		patch_of(0, 8, 0x3837363500000005, 7),
	};
	const struct codearena_range ranges[] = {
		{ .offset = PAGE, .length = 2 * GRANULE },
		{ .offset = 0, .length = GRANULE },
	};
	int fd = self->arena.fd;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(do_commit(fd, 0, 2 * PAGE));
	ASSERT_ZERO(do_publish1(fd, 0, "12345678", 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	tracing_clear();
	ASSERT_ZERO(do_publish(fd, objects, 2, &first, 1,
			       CODEARENA_PUBLISH_F_SYNC));
	EXPECT_ONE("publish: " ARENA OBJECTS "patches=1 flags=0x%x result=0 replacing=0\n",
		   self->id, getpid(), PAGE, CODEARENA_PUBLISH_F_SYNC);
	EXPECT_ERRNO(EPERM, do_publish(fd, objects, 2, NULL, 0, 0));
	EXPECT_ONE("publish: " ARENA OBJECTS "patches=0 flags=0x0 result=%d replacing=0\n",
		   self->id, getpid(), PAGE, -EPERM);
	ASSERT_ZERO(do_publish1(fd, PAGE, "12345678", 8,
				CODEARENA_OBJECT_F_REPLACE |
				CODEARENA_OBJECT_F_PATCHABLE));
	EXPECT_ONE("publish: " ARENA
		   " offset=0x%llx length=8 count=1 patches=0 flags=0x0 result=0 replacing=1\n",
		   self->id, getpid(), PAGE);
	ASSERT_ZERO(do_patch(fd, patches, 2, CODEARENA_PATCH_F_SYNC));
	EXPECT_ONE("patch: " ARENA " offset=0x%llx length=12 count=2 flags=0x%x result=0\n",
		   self->id, getpid(), PAGE + 4, CODEARENA_PATCH_F_SYNC);
	EXPECT_ERRNO(EAGAIN, do_patch(fd, patches, 1, 0));
	EXPECT_ONE("patch: " ARENA " offset=0x%llx length=4 count=1 flags=0x0 result=%d\n",
		   self->id, getpid(), PAGE + 4, -EAGAIN);
	ASSERT_ZERO(do_discard(fd, ranges, 2));
	EXPECT_ONE("discard: " ARENA " offset=0x%llx length=%llu count=2 result=0\n",
		   self->id, getpid(), PAGE, 3 * GRANULE);
	EXPECT_ERRNO(ENOENT, do_discard1(fd, 2 * PAGE, GRANULE));
	EXPECT_ONE("discard: " ARENA " offset=0x%llx length=%llu count=1 result=%d\n",
		   self->id, getpid(), 2 * PAGE, GRANULE, -ENOENT);
}

TEST_F(trace, query_share_stat)
{
	struct codearena_query query;
	struct codearena_stat stat;
	int fd = self->arena.fd;
	int empty = device_open(O_RDWR);
	int shared;

	NEED_TRACING(self->usable);
	ASSERT_LE(0, empty);
	ASSERT_ZERO(do_query(fd, &query));
	EXPECT_ONE("query: " ARENA " result=0\n", self->id, getpid());
	ASSERT_ZERO(do_query(empty, &query));
	EXPECT_ONE("query: arena=0 owner=%d result=0\n", getpid());
	ASSERT_ZERO(do_stat(fd, &stat));
	EXPECT_ONE("stat: " ARENA " result=0\n", self->id, getpid());
	shared = do_share(fd);
	ASSERT_LE(0, shared);
	EXPECT_ONE("share: " ARENA " result=0\n", self->id, getpid());
	close(shared);
	close(empty);
}

TEST_F(trace, clone_and_open)
{
	int fd = self->arena.fd, empty = device_open(O_RDWR), clone, other;

	NEED_TRACING(self->usable);
	ASSERT_LE(0, empty);
	clone = do_clone(fd);
	ASSERT_LE(0, clone);
	EXPECT_ONE("clone: " ARENA " clone=%llu result=0\n", self->id, getpid(),
		   arena_id(clone));
	other = do_open(fd);
	ASSERT_LE(0, other);
	EXPECT_ONE("open: " ARENA " result=0\n", self->id, getpid());
	close(other);
	other = do_open(empty);
	ASSERT_LE(0, other);
	EXPECT_ONE("open: arena=0 owner=%d result=0\n", getpid());
	close(other);
	close(clone);
	close(empty);
}

TEST_F(trace, trap_register_and_release)
{
	const struct codearena_trap trap =
		trap_of(1, 1, CODEARENA_LANDING_EXTERNAL);
	int fd = self->arena.fd;
	uint64_t id = 0;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(do_commit(fd, 0, PAGE));
	ASSERT_ZERO(do_publish1(fd, 0, "12345678", 8, 0));
	tracing_clear();
	ASSERT_ZERO(do_register(fd, 0, 8, &trap, 1, CODEARENA_TRAP_F_REPORT,
				&id));
	EXPECT_ONE(REGISTER "flags=0x%x id=0x%llx result=0\n",
		   self->id, getpid(), CODEARENA_TRAP_F_REPORT,
		   (unsigned long long)id);
	EXPECT_ERRNO(EEXIST, do_register(fd, 0, 8, &trap, 1, 0, &(uint64_t){ 0 }));
	EXPECT_ONE(REGISTER "flags=0x0 id=0x0 result=%d\n",
		   self->id, getpid(), -EEXIST);
	ASSERT_ZERO(do_release(fd, id));
	EXPECT_ONE("trap_release: " ARENA " id=0x%llx result=0\n", self->id,
		   getpid(), (unsigned long long)id);
	EXPECT_ERRNO(ENOENT, do_release(fd, id));
	EXPECT_ONE("trap_release: " ARENA " id=0x%llx result=%d\n", self->id,
		   getpid(), (unsigned long long)id, -ENOENT);
}

TEST_F(trace, trap_landing)
{
	int fd = self->arena.fd;
	void *view;

	NEED_TRACING(self->usable);
	EXPECT_ERRNO(EINVAL, do_landing(fd, 0));
	EXPECT_ONE("trap_landing: " ARENA " address=0x0 result=%d\n", self->id,
		   getpid(), -EINVAL);
	view = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, view);
	ASSERT_ZERO(do_landing(fd, 0x10000));
	EXPECT_ONE("trap_landing: " ARENA " address=0x10000 result=0\n",
		   self->id, getpid());
	munmap(view, PAGE);
}

/* An unknown command has no event. */
TEST_F(trace, silent_about_the_rest)
{
	int fd = self->arena.fd;
	int shared = do_share(fd);

	NEED_TRACING(self->usable);
	ASSERT_LE(0, shared);
	tracing_clear();
	EXPECT_ERRNO(EBADF, do_commit(shared, 0, PAGE));
	EXPECT_ERRNO(EOPNOTSUPP, do_seal(fd, 0, PAGE, 1U << 31));
	EXPECT_ERRNO(EOPNOTSUPP, do_reserve(fd, PAGE, 1U << 31, 0, ""));
	EXPECT_ERRNO(EFAULT, do_discard(fd, (void *)1, 1));
	EXPECT_ERRNO(EFAULT, do_publish(fd, (void *)1, 1, NULL, 0, 0));
	EXPECT_EQ(0, tracing_lines(self->text, getpid())) {
		TH_LOG("%s", self->text);
	}
	close(shared);
}

static int commit_in_child(void *arg)
{
	struct arena *arena = arg;

	CHECK(!do_commit(arena->fd, 0, arena->page));
	return 0;
}

/* The owner is who reserved the arena, not who calls. */
TEST_F(trace, owner)
{
	struct arena shared;

	NEED_TRACING(self->usable);
	ASSERT_ZERO(arena_new(&shared, 1, CODEARENA_RESERVE_F_SHARED_WRITER,
			      0));
	tracing_clear();
	ASSERT_EQ(0, run_child(commit_in_child, &shared));
	EXPECT_EQ(0, tracing_lines(self->text, getpid()));
	tracing_all(self->text);
	EXPECT_EVENT(self->text,
		     "commit: " ARENA " offset=0x0 length=%llu flags=0x0 result=0\n",
		     arena_id(shared.fd), getpid(), PAGE);
	arena_free(&shared);
}

TEST(fdinfo_counts_traps)
{
	struct trap_state *state;
	struct trap_arena t;
	struct site site;
	char text[2048];

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&t, TRAP_ARENA_PAGES));
	state = trap_state_new();
	ASSERT_ZERO(site_new(&t, &code_load, &site));
	ASSERT_ZERO(site_protect(&t, &site, t.pad.start, 0, NULL));
	for (int i = 0; i < 3; i++)
		trap_access(state, site_entry(&t, &site), t.guard + 72);
	ASSERT_ZERO(fdinfo(t.arena.fd, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-trap-tables", "1");
	EXPECT_FDINFO(text, "codearena-trap-entries", "1");
	EXPECT_FDINFO(text, "codearena-traps", "3");
	EXPECT_FDINFO(text, "codearena-traps-memory", "3");
	EXPECT_FDINFO(text, "codearena-traps-divide", "0");
	EXPECT_FDINFO(text, "codearena-traps-undefined", "0");
	trap_arena_free(&t);
	trap_state_free(state);
}

TEST(fdinfo_counts_other_traps)
{
	const struct trap_fragment *codes[] = { &code_divide, &code_undefined };
	struct trap_state *state;
	struct trap_arena t;
	char text[2048];

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(&t, TRAP_ARENA_PAGES));
	SKIP_WITHOUT_KIND(CODEARENA_TRAP_DIVIDE | CODEARENA_TRAP_UNDEFINED);
	state = trap_state_new();
	for (unsigned int i = 0; i < ARRAY_SIZE(codes); i++) {
		struct site site;

		ASSERT_ZERO(site_new(&t, codes[i], &site));
		ASSERT_ZERO(site_protect(&t, &site, t.pad.start, 0, NULL));
		for (unsigned int n = 0; n <= i; n++) {
			trap_prepare(state);
			state->in.gpr[1] = 0;
			trap_go(state, site_entry(&t, &site));
			EXPECT_LANDED(state, pad_address(&t));
		}
	}
	ASSERT_ZERO(fdinfo(t.arena.fd, text, sizeof(text)));
	EXPECT_FDINFO(text, "codearena-traps", "3");
	EXPECT_FDINFO(text, "codearena-traps-memory", "0");
	EXPECT_FDINFO(text, "codearena-traps-divide", "1");
	EXPECT_FDINFO(text, "codearena-traps-undefined", "2");
	trap_arena_free(&t);
	trap_state_free(state);
}

TEST_HARNESS_MAIN
