// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* The code view: which mappings there are, where they go, what splits them. */
#include "lib/harness.h"

#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/utils.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define READ_EXEC (PROT_READ | PROT_EXEC)

FIXTURE(map)
{
	struct arena arena;
	int fd;
	uint64_t page;
	uint64_t length;
};

FIXTURE_SETUP(map)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->fd = self->arena.fd;
	self->page = self->arena.page;
	self->length = self->arena.length;
}

FIXTURE_TEARDOWN(map)
{
	arena_free(&self->arena);
}

#define EXPECT_MAP_REFUSED(expected_errno, ...)				\
	EXPECT_REFUSED(&self->arena, expected_errno, mmap(__VA_ARGS__))

/* The line of /proc/self/maps for an address: its rights, as "r-xs". */
static int rights_at(const void *address, char rights[5])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];
	int ret = -1;

	while (ret && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 &&
		    start <= (uintptr_t)address && (uintptr_t)address < end)
			ret = 0;
	fclose(maps);
	return ret;
}

#define EXPECT_RIGHTS(wanted, address)					\
	do {								\
		char rights_[5] = "none";				\
									\
		rights_at(address, rights_);				\
		EXPECT_STREQ(wanted, rights_);				\
	} while (0)

TEST_F(map, rights_without_writing)
{
	static const int rights[] = {
		PROT_NONE, PROT_READ, PROT_EXEC, PROT_READ | PROT_EXEC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		void *view = mmap(NULL, self->length, rights[i], MAP_SHARED,
				  self->fd, 0);

		EXPECT_NE(MAP_FAILED, view);
		EXPECT_ZERO(mprotect(view, self->length, READ_EXEC));
		EXPECT_RIGHTS("r-xs", view);
		/* Nor can it ever be made writable. */
		EXPECT_TRUE(vm_flag(view, " me"));
		EXPECT_FALSE(vm_flag(view, " mw"));
		EXPECT_RETURNS(CODE_VALUE, view);
		EXPECT_ZERO(mprotect(view, self->length, PROT_NONE));
		EXPECT_ZERO(munmap(view, self->length));
	}
}

TEST_F(map, rights_with_writing)
{
	static const int rights[] = {
		PROT_WRITE, PROT_READ | PROT_WRITE, PROT_WRITE | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	int shared = do_share(self->fd);

	ASSERT_LE(0, shared);
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		EXPECT_MAP_REFUSED(EACCES, NULL, self->length, rights[i],
				   MAP_SHARED, self->fd, 0);
		EXPECT_MAP_REFUSED(EACCES, NULL, self->length, rights[i],
				   MAP_SHARED_VALIDATE, self->fd, 0);
		EXPECT_MAP_REFUSED(EACCES, NULL, self->length, rights[i],
				   MAP_SHARED, shared, 0);
		EXPECT_REFUSED(&self->arena, EACCES,
			       mprotect(self->arena.view, self->length,
					rights[i]));
		EXPECT_REFUSED(&self->arena, EACCES,
			       mprotect(self->arena.view + self->page,
					self->page, rights[i]));
		EXPECT_RIGHTS("r-xs", self->arena.view + self->page);
	}
	close(shared);
}

TEST_F(map, private)
{
	static const int rights[] = {
		PROT_NONE, PROT_READ, PROT_EXEC, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		EXPECT_MAP_REFUSED(EINVAL, NULL, self->length, rights[i],
				   MAP_PRIVATE, self->fd, 0);
}

TEST_F(map, part_of_the_arena)
{
	uint8_t *view;

	for (uint64_t i = 0; i < POPULATED_PAGES; i++) {
		view = mmap(NULL, self->length - i * self->page, READ_EXEC,
			    MAP_SHARED, self->fd, i * self->page);
		EXPECT_NE(MAP_FAILED, (void *)view);
		if (i <= TRAP_PAGE)
			EXPECT_BYTES(view, self->arena.view + i * self->page,
				     self->page);
		munmap(view, self->length - i * self->page);
	}
	/* A length that is no multiple of the page covers the whole page. */
	view = mmap(NULL, 1, READ_EXEC, MAP_SHARED, self->fd, 0);
	EXPECT_NE(MAP_FAILED, (void *)view);
	EXPECT_RETURNS(CODE_VALUE, view);
	munmap(view, 1);
}

TEST_F(map, beyond_the_arena)
{
	EXPECT_MAP_REFUSED(EINVAL, NULL, self->length + self->page, READ_EXEC,
			   MAP_SHARED, self->fd, 0);
	EXPECT_MAP_REFUSED(EINVAL, NULL, self->length + 1, READ_EXEC,
			   MAP_SHARED, self->fd, 0);
	EXPECT_MAP_REFUSED(EINVAL, NULL, self->length, READ_EXEC, MAP_SHARED,
			   self->fd, self->page);
	EXPECT_MAP_REFUSED(EINVAL, NULL, self->page, READ_EXEC, MAP_SHARED,
			   self->fd, self->length);
	for (uint64_t offset = 1 << 24; offset < CODEARENA_GUARD_OFFSET;
	     offset *= 2) {
		EXPECT_MAP_REFUSED(EINVAL, NULL, self->page, READ_EXEC,
				   MAP_SHARED, self->fd, offset);
		EXPECT_MAP_REFUSED(EINVAL, NULL, self->page, READ_EXEC,
				   MAP_SHARED, self->fd,
				   CODEARENA_GUARD_OFFSET - self->page);
	}
	EXPECT_ERRNO(EINVAL, mmap(NULL, self->page, READ_EXEC, MAP_SHARED,
				  self->fd, 1));
}

TEST_F(map, before_reserve)
{
	int fd = device_open(O_RDWR);
	void *view;

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EBADFD, mmap(NULL, self->page, READ_EXEC, MAP_SHARED, fd,
				  0));
	EXPECT_ERRNO(EBADFD, mmap(NULL, self->page, PROT_NONE, MAP_SHARED, fd,
				  0));
	ASSERT_ZERO(do_reserve(fd, self->page, 0, 0, ""));
	view = mmap(NULL, self->page, READ_EXEC, MAP_SHARED, fd, 0);
	EXPECT_NE(MAP_FAILED, view);
	close(fd);
}

#define RESERVE_ROUNDS 500

struct mapper {
	int fd;
	uint64_t length;
	void *view;
};

static void *map_until_reserved(void *argument)
{
	struct mapper *m = argument;

	do {
		m->view = mmap(NULL, m->length, READ_EXEC, MAP_SHARED, m->fd, 0);
	} while (m->view == MAP_FAILED && errno == EBADFD);
	return NULL;
}

/* An attempt that races with RESERVE leaves no trace that affects others. */
TEST_F(map, while_reserving)
{
	struct mapper m = { .length = self->page };
	unsigned int i, refused = 0;
	pthread_t thread;
	void *view;

	for (i = 0; i < RESERVE_ROUNDS; i++) {
		m.fd = device_open(O_RDWR);
		ASSERT_LE(0, m.fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, map_until_reserved,
					    &m));
		sched_yield();
		EXPECT_ZERO(do_reserve(m.fd, m.length, 0, 0, ""));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		if (m.view == MAP_FAILED)
			refused++;
		else
			munmap(m.view, m.length);
		view = mmap(NULL, m.length, READ_EXEC, MAP_SHARED, m.fd, 0);
		if (view == MAP_FAILED)
			refused++;
		else
			munmap(view, m.length);
		close(m.fd);
	}
	EXPECT_EQ(0, refused);
}

/* Far beyond the arena lies memory that is read and written, never executed. */
TEST_F(map, guard_view)
{
	const uint64_t size = 16ULL << 30;
	uint8_t *guard, byte;

	EXPECT_MAP_REFUSED(EACCES, NULL, self->page, READ_EXEC, MAP_SHARED,
			   self->fd, CODEARENA_GUARD_OFFSET);
	EXPECT_MAP_REFUSED(EACCES, NULL, self->page, PROT_EXEC, MAP_SHARED,
			   self->fd, CODEARENA_GUARD_OFFSET);
	EXPECT_MAP_REFUSED(EACCES, NULL, self->page,
			   PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED,
			   self->fd, CODEARENA_GUARD_OFFSET);
	EXPECT_MAP_REFUSED(EINVAL, NULL, self->page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE, self->fd, CODEARENA_GUARD_OFFSET);

	guard = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		     CODEARENA_GUARD_OFFSET);
	ASSERT_NE(MAP_FAILED, (void *)guard);
	for (uint64_t at = 0; at < size; at += size / 16) {
		EXPECT_EQ(SIGSEGV, guarded_read(&byte, guard + at, 1));
		EXPECT_EQ(guard + at, last_fault.address);
		EXPECT_EQ(SIGSEGV, guarded_store(guard + at, 1));
	}
	EXPECT_ERRNO(EFAULT, ioctl(self->fd, CODEARENA_QUERY, guard));
	EXPECT_ERRNO(EACCES, mprotect(guard, size, READ_EXEC));
	EXPECT_RIGHTS("rw-s", guard);
	/* Real memory goes over the front of it. */
	ASSERT_EQ(guard, mmap(guard, self->page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, guarded_store(guard, 1));
	EXPECT_EQ(SIGSEGV, guarded_store(guard + self->page, 1));
	EXPECT_ZERO(munmap(guard, size));
}

TEST_F(map, two_views)
{
	uint8_t *second = arena_map(&self->arena, self->fd);
	uint8_t code[CODE_SIZE];
	uint64_t at = page_at(&self->arena, HIDDEN_PAGE);

	ASSERT_NE(MAP_FAILED, (void *)second);
	ASSERT_NE(self->arena.view, second);
	code_return(code, 5);
	ASSERT_ZERO(do_publish1(self->fd, at, code, CODE_SIZE, 0));
	EXPECT_RETURNS(5, self->arena.view + at);
	EXPECT_RETURNS(5, second + at);
	ASSERT_ZERO(munmap(self->arena.view, self->length));
	self->arena.view = NULL;
	EXPECT_RETURNS(CODE_VALUE, second);
	munmap(second, self->length);
}

TEST_F(map, large_views_are_aligned)
{
	struct codearena_query query;
	uint64_t align;

	ASSERT_ZERO(do_query(self->fd, &query));
	align = query.out_preferred_align;
	for (uint64_t n = 1; n <= 5; n++) {
		struct arena a;
		uint8_t *part;

		ASSERT_ZERO(arena_new(&a, n * align / self->page, 0, 0));
		EXPECT_EQ(0, (uintptr_t)a.view % align);
		/* A hint that is taken does not make the alignment worse. */
		part = mmap(a.view, a.length, READ_EXEC, MAP_SHARED, a.fd, 0);
		EXPECT_NE(MAP_FAILED, (void *)part);
		EXPECT_NE(a.view, part);
		EXPECT_EQ(0, (uintptr_t)part % align);
		munmap(part, a.length);
		arena_free(&a);
	}
}

TEST_F(map, free_hint_is_used)
{
	struct arena a;
	uint8_t *room, *view;

	ASSERT_ZERO(arena_new(&a, (4 << 20) / self->page, 0, 0));
	room = mmap(NULL, 16 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)room);
	ASSERT_ZERO(munmap(room, 16 << 20));
	/* No multiple of 2 MiB, whatever room is. */
	for (unsigned int i = 1; i < 4; i++) {
		view = mmap(room + i * self->page, a.length, READ_EXEC,
			    MAP_SHARED, a.fd, 0);
		EXPECT_EQ(room + i * self->page, view);
		munmap(view, a.length);
		view = mmap(room + i * self->page, a.length, READ_EXEC,
			    MAP_SHARED | MAP_FIXED_NOREPLACE, a.fd, 0);
		EXPECT_EQ(room + i * self->page, view);
		/* MAP_FIXED_NOREPLACE fails: the address is taken now. */
		EXPECT_ERRNO(EEXIST, mmap(view, a.length, READ_EXEC,
					  MAP_SHARED | MAP_FIXED_NOREPLACE,
					  a.fd, 0));
		munmap(view, a.length);
	}
	arena_free(&a);
}

TEST_F(map, unmapping_a_part)
{
	uint8_t byte;

	ASSERT_ZERO(munmap(self->arena.view + self->page, self->page));
	EXPECT_EQ(SIGSEGV, guarded_read(&byte, self->arena.view + self->page,
					1));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	EXPECT_TRAP_FILL(&self->arena, page_at(&self->arena, TRAP_PAGE), 64);
	/* The two parts are still views that discarding reaches. */
	ASSERT_ZERO(do_discard1(self->fd, 0, 3 * self->page));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, self->arena.view, 1));
	EXPECT_EQ(SIGBUS, guarded_read(&byte, self->arena.view +
				       2 * self->page, 1));
}

FIXTURE(permanent_map)
{
	struct arena arena;
	uint64_t page;
};

FIXTURE_SETUP(permanent_map)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES,
			      CODEARENA_RESERVE_F_PERMANENT, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	self->page = self->arena.page;
}

FIXTURE_TEARDOWN(permanent_map)
{
	arena_free(&self->arena);
}

/* The header promises that it fails, and PERM is what says "permanent". */
TEST_F(permanent_map, no_unmapping_in_part)
{
	struct arena *a = &self->arena;

	EXPECT_REFUSED(a, EPERM, munmap(a->view, self->page));
	EXPECT_REFUSED(a, EPERM, munmap(a->view + 2 * self->page, self->page));
	EXPECT_REFUSED(a, EPERM, munmap(a->view + a->length - self->page,
					self->page));
	EXPECT_REFUSED(a, EPERM, munmap(a->view, a->length - self->page));
	EXPECT_RETURNS(CODE_VALUE, a->view);
}

TEST_F(permanent_map, no_mapping_over_a_part)
{
	struct arena *a = &self->arena;

	struct snapshot *before = snapshot(a);

	/* Some kernels turn the refusal into ENOMEM here. */
	EXPECT_EQ(MAP_FAILED,
		  mmap(a->view + self->page, self->page, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_TRUE(expect_unchanged(a, before));
	EXPECT_REFUSED(a, EPERM,
		       mprotect(a->view + self->page, self->page, PROT_NONE));
	EXPECT_RETURNS(CODE_VALUE, a->view);
}

TEST_F(permanent_map, unmapping_all_of_it)
{
	struct arena *a = &self->arena;

	EXPECT_ZERO(munmap(a->view, a->length));
	a->view = NULL;
	a->view = arena_map(a, a->fd);
	ASSERT_NE(MAP_FAILED, (void *)a->view);
	EXPECT_RETURNS(CODE_VALUE, a->view);
}

static int run_under_mdwe(void *arg)
{
	const struct arena *a = arg;
	uint32_t result = 0;
	void *view;

	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		return errno == EINVAL ? 77 : 1;
	/* The rule is in force: what was not executable never becomes so. */
	view = mmap(NULL, a->page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	CHECK(view != MAP_FAILED);
	CHECK_ERRNO(EACCES, mprotect(view, a->page, READ_EXEC));

	view = arena_map(a, a->fd);
	CHECK(view != MAP_FAILED);
	if (HAVE_CODE) {
		CHECK(guarded_call(view, &result) == 0);
		CHECK(result == CODE_VALUE);
	}
	CHECK(mmap(NULL, a->length, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_SHARED, a->fd, 0) == MAP_FAILED);
	return 0;
}

static int own_arena_under_mdwe(void *arg)
{
	uint8_t code[CODE_SIZE];
	uint32_t result = 0;
	struct arena a;
	int ret;

	ret = run_under_mdwe(arg);
	if (ret)
		return ret;
	/* All of an arena's life, too. */
	CHECK(arena_new(&a, POPULATED_PAGES, 0, 0) == 0);
	CHECK(arena_populate(&a) == 0);
	for (uint32_t i = 0; HAVE_CODE && i < 10; i++) {
		code_return(code, i);
		CHECK(do_discard1(a.fd, 0, a.granule) == 0);
		CHECK(do_publish1(a.fd, 0, code, CODE_SIZE, 0) == 0);
		CHECK(guarded_call(a.view, &result) == 0);
		CHECK(result == i);
	}
	return 0;
}

TEST_F(map, memory_deny_write_execute)
{
	int status = run_child(own_arena_under_mdwe, &self->arena);

	if (status == 77)
		SKIP(return, "no PR_SET_MDWE in this kernel");
	EXPECT_EQ(0, status);
}

static int read_implies_exec(void *arg)
{
	const struct arena *a = arg;
	char rights[5];
	uint8_t byte;
	void *view;

	CHECK(personality(READ_IMPLIES_EXEC) != -1);
	CHECK(mmap(NULL, a->length, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd,
		   0) == MAP_FAILED);
	CHECK(errno == EACCES);
	view = mmap(NULL, a->length, PROT_READ, MAP_SHARED, a->fd, 0);
	CHECK(view != MAP_FAILED);
	CHECK(rights_at(view, rights) == 0);
	/* It may execute, which a view may anyway, and it cannot write. */
	CHECK(strcmp(rights, "r-xs") == 0 || strcmp(rights, "r--s") == 0);
	CHECK(guarded_read(&byte, view, 1) == 0);
	CHECK(guarded_store(view, 0) == SIGSEGV);
	CHECK_ERRNO(EACCES, mprotect(view, a->length, PROT_READ | PROT_WRITE));
	return 0;
}

TEST_F(map, read_implies_exec)
{
	struct snapshot *before = snapshot(&self->arena);

	EXPECT_EQ(0, run_child(read_implies_exec, &self->arena));
	EXPECT_TRUE(expect_unchanged(&self->arena, before));
}

/* Protection keys restrict reading; they never add the right to write. */
TEST_F(map, protection_keys)
{
	long key = syscall(SYS_pkey_alloc, 0, 0);

	if (key < 0)
		SKIP(return, "no protection keys on this machine");
	EXPECT_REFUSED(&self->arena, EACCES,
		       syscall(SYS_pkey_mprotect, self->arena.view,
			       self->length, PROT_READ | PROT_WRITE, key));
	EXPECT_ZERO(syscall(SYS_pkey_mprotect, self->arena.view, self->length,
			    READ_EXEC, key));
	EXPECT_EQ(SIGSEGV, guarded_store(self->arena.view, 0));
	EXPECT_RETURNS(CODE_VALUE, self->arena.view);
	syscall(SYS_pkey_free, key);
}

TEST_HARNESS_MAIN
