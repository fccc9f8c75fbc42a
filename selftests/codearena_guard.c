// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Guard views as memory: their length, their rights, what they cost. */
#include "lib/harness.h"

#include <sys/personality.h>
#include <sys/prctl.h>

#include "lib/trap_code.h"

#define GIB (1ULL << 30)
#define THP "/sys/kernel/mm/transparent_hugepage/enabled"

FIXTURE(guard)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site load;
	struct site store;
	uint64_t page;
	uint64_t most;		/* bytes: most of the address space, in a power of 2 */
	char thp[64];		/* to be put back; empty without */
};

/* 64 TiB with four levels of page tables; 128 GiB with the three of riscv64's Sv39. */
static uint64_t most_of_the_space(int fd)
{
	uint64_t length = 64ULL << 40;
	uint8_t *view;

	while ((view = guard_map(fd, length)) == MAP_FAILED && length > GIB)
		length /= 2;
	munmap(view, length);
	return length;
}

FIXTURE_SETUP(guard)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	self->page = t->arena.page;
	self->most = most_of_the_space(t->fd);
	ASSERT_LE(128 * GIB, self->most);
	ASSERT_ZERO(site_new(t, &code_load, &self->load));
	ASSERT_ZERO(site_protect(t, &self->load, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
	ASSERT_ZERO(site_new(t, &code_store, &self->store));
	ASSERT_ZERO(site_protect(t, &self->store, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
}

FIXTURE_TEARDOWN(guard)
{
	if (self->thp[0])
		EXPECT_ZERO(write_file(THP, self->thp));
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

#define EXPECT_TRAPS(site, address)					\
	do {								\
		trap_access(self->state, site_entry(&self->t, site),	\
			    address);					\
		EXPECT_LANDED(self->state, pad_address(&self->t));	\
		EXPECT_REPORTED(self->state, site_pc(&self->t, site),	\
				(uintptr_t)(address));			\
	} while (0)

#define EXPECT_SUCCEEDS(site, address)					\
	do {								\
		trap_access(self->state, site_entry(&self->t, site),	\
			    address);					\
		EXPECT_LANDED(self->state, site_end(&self->t, site));	\
	} while (0)

/* A number from /proc/self/status, in kB; -1 if it is not there. */
static long status_kb(const char *name)
{
	FILE *status = fopen("/proc/self/status", "r");
	size_t length = strlen(name);
	char line[256];
	long kb = -1;

	if (!status)
		abort();
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, name, length) && line[length] == ':')
			kb = atol(line + length + 1);
	fclose(status);
	return kb;
}

TEST_F(guard, of_any_length)
{
	const uint64_t lengths[] = {
		self->page, 3 * self->page, 1 << 20, 8 * GIB,
		10 * GIB + self->page, self->most / 64, self->most,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint8_t *view = guard_map(self->t.fd, lengths[i]);

		ASSERT_NE(MAP_FAILED, (void *)view) {
			TH_LOG("%#llx bytes: %s",
			       (unsigned long long)lengths[i], strerror(errno));
		}
		EXPECT_TRAPS(&self->load, view);
		EXPECT_TRAPS(&self->store, view + lengths[i] / 2);
		EXPECT_TRAPS(&self->load, view + lengths[i] - 8);
		ASSERT_ZERO(munmap(view, lengths[i]));
		trap_access(self->state, site_entry(&self->t, &self->load),
			    view);
		EXPECT_EQ(SIGSEGV, self->state->signo);
	}
}

/* Views at one offset do not get in each other's way, nor at others. */
TEST_F(guard, many_views)
{
	uint8_t *views[100];

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		views[i] = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED,
				self->t.fd, (off_t)(CODEARENA_GUARD_OFFSET +
						    i * self->page));
		ASSERT_NE(MAP_FAILED, (void *)views[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		EXPECT_TRAPS(&self->store, views[i] + i * 8 * self->page);
	for (size_t i = 0; i < ARRAY_SIZE(views); i += 2)
		ASSERT_ZERO(munmap(views[i], GIB));
	for (size_t i = 1; i < ARRAY_SIZE(views); i += 2)
		EXPECT_TRAPS(&self->load, views[i] + GIB - 8);
}

/* Mapping and unmapping make no page tables: the cost has no length in it. */
TEST_F(guard, costs_no_page_tables)
{
	const uint64_t lengths[] = { GIB, 8 * GIB, self->most };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		long before = status_kb("VmPTE"), rss = status_kb("VmRSS");
		uint8_t *view = guard_map(self->t.fd, lengths[i]);

		ASSERT_NE(MAP_FAILED, (void *)view);
		EXPECT_EQ(before, status_kb("VmPTE"));
		ASSERT_ZERO(munmap(view, lengths[i]));
		EXPECT_EQ(before, status_kb("VmPTE"));
		/* What the test itself touches. */
		EXPECT_GE(rss + 256, status_kb("VmRSS"));
	}
}

/*
 * A trap makes at most the page tables on its path, once; they go with the view.
 */
TEST_F(guard, trap_costs_at_most_one_path)
{
	const long page = (long)(self->page / 1024);
	const uint64_t part = self->most / 64;
	uint8_t *view = guard_map(self->t.fd, self->most);
	long before, first;

	ASSERT_NE(MAP_FAILED, (void *)view);
	/* So that the code view has its tables. */
	EXPECT_TRAPS(&self->load, self->t.guard);
	before = status_kb("VmPTE");
	EXPECT_TRAPS(&self->load, view + part);
	first = status_kb("VmPTE");
	EXPECT_GE(before + 3 * page, first);
	for (uint64_t i = 0; i < 500; i++)
		EXPECT_TRAPS(&self->load, view + part + i * self->page);
	EXPECT_EQ(first, status_kb("VmPTE"));
	/* Far away each trap has a path of its own, and no more. */
	for (uint64_t i = 2; i < 12; i++)
		EXPECT_TRAPS(&self->load, view + i * part);
	EXPECT_GE(first + 10 * 3 * page, status_kb("VmPTE"));
	ASSERT_ZERO(munmap(view, self->most));
	EXPECT_GE(before + page, status_kb("VmPTE"));
}

TEST_F(guard, rights)
{
	static const int refused[] = {
		PROT_EXEC, PROT_READ | PROT_EXEC, PROT_WRITE | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	const off_t offset = (off_t)CODEARENA_GUARD_OFFSET;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_ERRNO(EACCES, (long)mmap(NULL, self->page, refused[i],
						MAP_SHARED, self->t.fd,
						offset));
		EXPECT_ERRNO(EACCES, mprotect(self->t.guard, self->page,
					      refused[i]));
		EXPECT_ERRNO(EACCES, mprotect(self->t.guard,
					      self->t.guard_length,
					      refused[i]));
	}
	EXPECT_ERRNO(EINVAL, (long)mmap(NULL, self->page, PROT_READ,
					MAP_PRIVATE, self->t.fd, offset));
	EXPECT_ERRNO(EINVAL, (long)mmap(NULL, self->page,
					PROT_READ | PROT_WRITE, MAP_PRIVATE,
					self->t.fd, offset));
	/* Refused or not, it is what it was. */
	EXPECT_TRAPS(&self->store, self->t.guard);
	EXPECT_FALSE(vm_flag(self->t.guard, " ex"));
	EXPECT_FALSE(vm_flag(self->t.guard, " me"));
	/* Taking rights away is allowed. */
	ASSERT_ZERO(mprotect(self->t.guard, self->page, PROT_READ));
	EXPECT_TRAPS(&self->load, self->t.guard);
	ASSERT_ZERO(mprotect(self->t.guard, self->page,
			     PROT_READ | PROT_WRITE));
	EXPECT_TRAPS(&self->store, self->t.guard);
}

/* READ_IMPLIES_EXEC adds execution to reading: not here. */
TEST_F(guard, read_implies_exec)
{
	const off_t offset = (off_t)CODEARENA_GUARD_OFFSET;
	int old = personality(0xffffffff);

	ASSERT_LE(0, personality((unsigned long)old | READ_IMPLIES_EXEC));
	EXPECT_ERRNO(EACCES, (long)mmap(NULL, self->page,
					PROT_READ | PROT_WRITE, MAP_SHARED,
					self->t.fd, offset));
	EXPECT_ERRNO(EACCES, (long)mmap(NULL, self->page, PROT_READ,
					MAP_SHARED, self->t.fd, offset));
	mprotect(self->t.guard, self->page, PROT_READ);
	EXPECT_FALSE(vm_flag(self->t.guard, " ex"));
	personality((unsigned long)old);
}

TEST_F(guard, below_its_offset)
{
	/* Neither code nor guard. */
	EXPECT_ERRNO(EINVAL, (long)mmap(NULL, self->page, PROT_READ, MAP_SHARED,
					self->t.fd,
					(off_t)(CODEARENA_GUARD_OFFSET -
						self->page)));
}

TEST_F(guard, of_an_empty_handle)
{
	int fd = device_open(O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EBADFD, (long)guard_map(fd, self->page));
	close(fd);
}

/* How a runtime has its memory: the front is real, and grows and shrinks. */
TEST_F(guard, real_memory_over_it)
{
	const uint64_t step = 16 * self->page;
	uint8_t *base = self->t.guard;

	for (uint64_t end = step; end <= 8 * step; end += step) {
		uint8_t *part = base + end - step;

		ASSERT_EQ(part, mmap(part, step, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0));
		memset(part, (int)(end / step), step);
		EXPECT_SUCCEEDS(&self->load, base + end - 8);
		EXPECT_TRAPS(&self->load, base + end);
		EXPECT_TRAPS(&self->store, base + 8 * step + self->page);
	}
	/* A hole in the middle becomes guard again. */
	ASSERT_EQ(base + 3 * step,
		  mmap(base + 3 * step, 2 * step, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, self->t.fd,
		       (off_t)CODEARENA_GUARD_OFFSET));
	EXPECT_TRAPS(&self->load, base + 3 * step);
	EXPECT_TRAPS(&self->store, base + 5 * step - 8);
	for (uint64_t i = 0; i < 8; i++) {
		if (i == 3 || i == 4)
			continue;
		for (uint64_t at = 0; at < step; at++)
			ASSERT_EQ(i + 1, base[i * step + at]);
	}
	EXPECT_SUCCEEDS(&self->store, base + 3 * step - 8);
	EXPECT_SUCCEEDS(&self->store, base + 5 * step);
	/* All of it. */
	ASSERT_EQ(base, mmap(base, 8 * step, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, self->t.fd,
			     (off_t)CODEARENA_GUARD_OFFSET));
	for (uint64_t at = 0; at < 8 * step; at += step)
		EXPECT_TRAPS(&self->store, base + at);
}

TEST_F(guard, shared_memory_over_it)
{
	const uint64_t length = 4 * self->page;
	uint8_t *at = self->t.guard + 4 * GIB;
	int fd = memfd_create("memory", 0);
	uint8_t *alias;

	ASSERT_LE(0, fd);
	ASSERT_ZERO(ftruncate(fd, (off_t)length));
	alias = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)alias);
	ASSERT_EQ(at, mmap(at, length, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, fd, 0));
	EXPECT_SUCCEEDS(&self->store, at + 64);
	EXPECT_EQ(0, memcmp(alias + 64, &self->state->in.gpr[REG_VALUE], 8));
	EXPECT_TRAPS(&self->store, at - 8);
	EXPECT_TRAPS(&self->store, at + length);
	munmap(alias, length);
	close(fd);
}

TEST_F(guard, unmapped_in_part)
{
	uint8_t *hole = self->t.guard + GIB;

	ASSERT_ZERO(munmap(hole, GIB));
	EXPECT_TRAPS(&self->load, hole - 8);
	EXPECT_TRAPS(&self->load, hole + GIB);
	trap_access(self->state, site_entry(&self->t, &self->load), hole);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, hole);
	ASSERT_EQ(hole, mmap(hole, GIB, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, self->t.fd,
			     (off_t)CODEARENA_GUARD_OFFSET));
	EXPECT_TRAPS(&self->load, hole);
}

TEST_F(guard, is_not_dumped)
{
	EXPECT_TRUE(vm_flag(self->t.guard, " dd"));
	/* Nor can it be made to be. */
	EXPECT_ERRNO(EINVAL, madvise(self->t.guard, self->page, MADV_DODUMP));
	EXPECT_TRUE(vm_flag(self->t.guard, " dd"));
}

TEST_F(guard, does_not_grow)
{
	EXPECT_ERRNO(EFAULT, (long)mremap(self->t.guard,
					  self->t.guard_length,
					  2 * self->t.guard_length, 0));
	EXPECT_ERRNO(EFAULT, (long)mremap(self->t.guard,
					  self->t.guard_length,
					  2 * self->t.guard_length,
					  MREMAP_MAYMOVE));
	EXPECT_TRAPS(&self->store, self->t.guard);
	/* It may shrink, and move. */
	ASSERT_EQ(self->t.guard, mremap(self->t.guard, self->t.guard_length,
					GIB, 0));
	self->t.guard_length = GIB;
	EXPECT_TRAPS(&self->store, self->t.guard + GIB - 8);
	trap_access(self->state, site_entry(&self->t, &self->load),
		    self->t.guard + GIB);
	EXPECT_EQ(SIGSEGV, self->state->signo);
}

TEST_F(guard, moves)
{
	uint8_t *to = mmap(NULL, GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)to);
	EXPECT_TRAPS(&self->load, self->t.guard + 4 * GIB);
	ASSERT_EQ(to, mremap(self->t.guard + 4 * GIB, GIB, GIB,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_TRAPS(&self->load, to);
	EXPECT_TRAPS(&self->store, to + GIB - 8);
	EXPECT_TRAPS(&self->store, self->t.guard + 4 * GIB - 8);
	munmap(to, GIB);
}

/* Calls about memory that is not there do no harm, whatever they return. */
TEST_F(guard, advice_and_locks)
{
	uint8_t *guard = self->t.guard;
	long locked = status_kb("VmLck");

	for (int advice = 0; advice < 32; advice++) {
		madvise(guard, 16 * self->page, advice);
		madvise(guard + GIB, 4 * (2 << 20), advice);
	}
	mlock(guard, 16 * self->page);
	mlock2(guard, 16 * self->page, MLOCK_ONFAULT);
	msync(guard, 16 * self->page, MS_SYNC);
	munlock(guard, 16 * self->page);
	EXPECT_EQ(locked, status_kb("VmLck"));
	EXPECT_TRUE(vm_flag(guard, " dd"));
	for (uint64_t i = 0; i < 16; i++) {
		EXPECT_TRAPS(&self->store, guard + i * self->page);
		EXPECT_TRAPS(&self->load, guard + GIB + i * self->page);
	}
}

TEST_F(guard, all_memory_locked)
{
	uint8_t *view;

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		SKIP(return, "mlockall: %s", strerror(errno));
	view = guard_map(self->t.fd, self->most / 64);
	ASSERT_NE(MAP_FAILED, (void *)view);
	EXPECT_TRAPS(&self->load, view + 8);
	EXPECT_TRAPS(&self->load, self->t.guard + 8);
	EXPECT_GT(1 << 20, status_kb("VmLck"));
	munmap(view, self->most / 64);
	munlockall();
}

TEST_F(guard, with_map_populate)
{
	uint8_t *view = mmap(NULL, GIB, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE | MAP_LOCKED,
			     self->t.fd, (off_t)CODEARENA_GUARD_OFFSET);

	ASSERT_NE(MAP_FAILED, (void *)view);
	EXPECT_TRAPS(&self->load, view);
	EXPECT_TRAPS(&self->store, view + GIB / 2);
	munmap(view, GIB);
}

/* A trap where a page table is there already, because of real neighbours. */
TEST_F(guard, next_to_real_pages)
{
	const uint64_t huge = 2 << 20;
	uint8_t *base = (uint8_t *)(((uintptr_t)self->t.guard + huge - 1) &
				    -huge);

	for (uint64_t i = 0; i < 512; i += 3)
		ASSERT_EQ(base + i * self->page,
			  mmap(base + i * self->page, self->page,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
			       MAP_POPULATE, -1, 0));
	for (uint64_t i = 0; i < 512; i++) {
		if (i % 3)
			EXPECT_TRAPS(&self->store, base + i * self->page);
		else
			EXPECT_SUCCEEDS(&self->store, base + i * self->page);
	}
}

/* Whatever the setting of huge pages is. */
TEST_F(guard, with_transparent_huge_pages)
{
	static const char * const modes[] = { "never", "madvise", "always" };
	const uint64_t huge = 2 << 20;
	char old[64], *begin, *end;

	if (read_file(THP, old, sizeof(old)))
		SKIP(return, "no transparent huge pages");
	begin = strchr(old, '[');
	end = strchr(old, ']');
	ASSERT_NE(NULL, begin);
	ASSERT_NE(NULL, end);
	*end = 0;
	strcpy(self->thp, begin + 1);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		uint8_t *view, *real;

		if (write_file(THP, modes[i]))
			SKIP(return, "cannot set %s", THP);
		view = guard_map(self->t.fd, 8 * GIB);
		ASSERT_NE(MAP_FAILED, (void *)view);
		for (uint64_t at = 0; at < 32 * huge; at += huge) {
			EXPECT_TRAPS(&self->load, view + at);
			EXPECT_TRAPS(&self->store, view + at + 8);
			EXPECT_TRAPS(&self->load, view + at + huge - 8);
		}
		/* Real huge pages in the middle, and guard again. */
		real = (uint8_t *)(((uintptr_t)view + 2 * huge) & -huge);
		ASSERT_EQ(real, mmap(real, 4 * huge, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0));
		madvise(real, 4 * huge, MADV_HUGEPAGE);
		memset(real, 0x21, 4 * huge);
		EXPECT_TRAPS(&self->store, real - 8);
		EXPECT_SUCCEEDS(&self->store, real);
		EXPECT_TRAPS(&self->store, real + 4 * huge);
		ASSERT_EQ(real, mmap(real, 4 * huge, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED, self->t.fd,
				     (off_t)CODEARENA_GUARD_OFFSET));
		EXPECT_TRAPS(&self->store, real + huge);
		munmap(view, 8 * GIB);
	}
}

TEST_HARNESS_MAIN
