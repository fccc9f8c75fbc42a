// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The n-th allocation of a call fails, for every n until none is left: each time
 * the call either succeeds all the same, or says ENOMEM and has changed nothing,
 * and then the same call succeeds. The kernel's fault injection counts accesses
 * to user memory among the allocations; where one of them fails, it is EFAULT.
 *
 * Needs a kernel with FAILSLAB, FAIL_PAGE_ALLOC and FAULT_INJECTION_DEBUG_FS.
 */
#include "lib/harness.h"

#include <sys/syscall.h>

#include "lib/commands.h"

#define INJECTION	"/sys/kernel/debug/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define PAGES		130	/* page states in three chunks */
#define MANY		17
#define MOST_FAILURES	400

/*
 * What a call allocates differs a little from time to time, as the kernel's own
 * caches fill up: one pass may miss an allocation.
 */
#define PASSES		2

/**
 * struct shot - one call on an arena of its own
 * @a: the arena, populated
 * @call: the call, if it is a command
 * @request: its number
 * @chunks: and what it points to
 * @made: what a call has made: a handle, or -1
 * @map: a mapping, or NULL
 * @map_length: its bytes
 */
struct shot {
	struct arena a;
	struct command_call call;
	unsigned long request;
	struct codearena_chunk chunks[MANY];
	struct codearena_object objects[MANY];
	struct codearena_patch_entry patches[8];
	struct codearena_range ranges[MANY];
	struct codearena_trap traps[MANY];
	int made;
	void *map;
	size_t map_length;
};

static int knob(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), INJECTION "%s", name);
	return write_file(path, value);
}

/* Every allocation counts, and a failure is not logged. */
static int injection_setup(void)
{
	if (access(FAIL_NTH, W_OK) || knob("failslab/ignore-gfp-wait", "N") ||
	    knob("failslab/verbose", "0") ||
	    knob("fail_page_alloc/ignore-gfp-wait", "N") ||
	    knob("fail_page_alloc/ignore-gfp-highmem", "N") ||
	    knob("fail_page_alloc/min-order", "0") ||
	    knob("fail_page_alloc/verbose", "0"))
		return -1;
	/* Not every kernel has this one. */
	knob("fail_usercopy/verbose", "0");
	return 0;
}

static void arm(int fd, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fd, text, length, 0) != length)
		abort();
}

/*
 * Has the failure happened? Asking and switching it off are accesses to user
 * memory, which fail where it has not.
 */
static bool disarm(int fd)
{
	char text[16] = "";
	bool fired;

	fired = pread(fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	while (pwrite(fd, "0", 1, 0) != 1)
		;
	return fired;
}

static void shot_command(struct shot *s, enum command_index index)
{
	command_prepare(index, &s->a, &s->call);
	s->request = commands[index].request;
}

static long run_command(struct shot *s)
{
	long ret = ioctl(s->a.fd, s->request, &s->call);

	if (ret == 0 && (s->request == CODEARENA_SHARE ||
			 s->request == CODEARENA_CLONE ||
			 s->request == CODEARENA_OPEN))
		s->made = s->call.share.out_fd;
	return ret;
}

/* More entries than fit on the kernel's stack. */
static void many_chunks(struct shot *s)
{
	shot_command(s, COMMAND_WRITE);
	for (unsigned int i = 0; i < MANY; i++)
		s->chunks[i] = chunk_of(granule_at(&s->a, WRITTEN_PAGE, i),
					s->call.source, 64);
	s->call.write.chunks = (uintptr_t)s->chunks;
	s->call.write.count = MANY;
}

static void many_traps(struct shot *s)
{
	uint64_t pads = granule_at(&s->a, CODE_PAGE, LAST_GRANULE);

	for (unsigned int i = 0; i < MANY; i++)
		s->traps[i] = (struct codearena_trap) {
			.start = 2 * i,
			.length = 1 + i % 2,
			.landing = pads + 4 * (i % 16),
		};
}

static void many_objects(struct shot *s)
{
	shot_command(s, COMMAND_PUBLISH);
	many_traps(s);
	for (unsigned int i = 0; i < MANY; i++) {
		s->objects[i] = object_of(granule_at(&s->a, TRAP_PAGE, i + 1),
					  s->call.source, 64, 0);
		s->objects[i].traps = (uintptr_t)s->traps;
		s->objects[i].trap_count = i % 4 ? MANY : 0;
	}
	for (unsigned int i = 0; i < 8; i++)
		s->patches[i] = patch_of(word_at(&s->a, 7 - i), 8, WORD(7 - i),
					 i);
	s->call.publish.objects = (uintptr_t)s->objects;
	s->call.publish.object_count = MANY;
	s->call.publish.patches = (uintptr_t)s->patches;
	s->call.publish.patch_count = 8;
}

/* Sealed code with tables of its own is replaced by code with others. */
static void many_replacing(struct shot *s)
{
	many_objects(s);
	for (unsigned int i = 0; i < 8; i++)
		s->objects[i].flags = CODEARENA_OBJECT_F_REPLACE;
	s->objects[0].offset = 0;
	for (unsigned int i = 1; i < 3; i++) {
		struct codearena_trap_register reg = {
			.size = sizeof(reg),
			.offset = granule_at(&s->a, TRAP_PAGE, i + 1),
			.length = 64,
			.traps = (uintptr_t)s->traps,
			.count = 2,
		};

		if (do_publish1(s->a.fd, reg.offset, s->call.source, 64, 0) ||
		    ioctl(s->a.fd, CODEARENA_TRAP_REGISTER, &reg))
			abort();
	}
}

static void replace_small(struct shot *s)
{
	shot_command(s, COMMAND_PUBLISH);
	s->call.object.offset = 0;
	s->call.object.flags = CODEARENA_OBJECT_F_REPLACE;
}

/* In no order, so that the kernel has to sort them. */
static void many_patches(struct shot *s)
{
	shot_command(s, COMMAND_PATCH);
	for (unsigned int i = 0; i < 8; i++)
		s->patches[i] = patch_of(word_at(&s->a, 7 - i), 8, WORD(7 - i),
					 i);
	s->call.patch.patches = (uintptr_t)s->patches;
	s->call.patch.count = 8;
	s->call.patch.flags = CODEARENA_PATCH_F_SYNC;
}

static void many_ranges(struct shot *s)
{
	shot_command(s, COMMAND_DISCARD);
	for (unsigned int i = 0; i < MANY; i++) {
		s->ranges[i].offset = granule_at(&s->a, WRITTEN_PAGE, i);
		s->ranges[i].length = s->a.granule;
	}
	s->ranges[0].offset = granule_at(&s->a, CODE_PAGE, 0);
	s->call.discard.ranges = (uintptr_t)s->ranges;
	s->call.discard.count = MANY;
}

static void many_landings(struct shot *s)
{
	shot_command(s, COMMAND_TRAP_REGISTER);
	many_traps(s);
	s->call.trap_register.traps = (uintptr_t)s->traps;
	s->call.trap_register.count = MANY;
}

static void many_pages(struct shot *s)
{
	shot_command(s, COMMAND_COMMIT);
	s->call.commit.offset = page_at(&s->a, 62);
	s->call.commit.length = 4 * s->a.page;
}

/* Tables with pads, and page states in three chunks: CLONE copies all of it. */
static void large_clone(struct shot *s)
{
	many_objects(s);
	if (run_command(s) || do_commit(s->a.fd, page_at(&s->a, 62),
					(PAGES - 62) * s->a.page))
		abort();
	shot_command(s, COMMAND_CLONE);
}

/* The call changes pages that a clone has too. */
static void share_pages(struct shot *s)
{
	s->made = do_clone(s->a.fd);
	if (s->made < 0)
		abort();
}

static void shared_chunks(struct shot *s)
{
	many_chunks(s);
	share_pages(s);
}

static void shared_objects(struct shot *s)
{
	many_objects(s);
	share_pages(s);
}

static void shared_words(struct shot *s)
{
	many_patches(s);
	share_pages(s);
}

static void shared_ranges(struct shot *s)
{
	many_ranges(s);
	share_pages(s);
}

/* A handle without an arena in place of the populated one. */
static void empty_handle(struct shot *s)
{
	struct arena sizes = s->a;

	arena_free(&s->a);
	s->a.fd = device_open(O_RDWR);
	s->a.page = sizes.page;
	s->a.granule = sizes.granule;
	shot_command(s, COMMAND_RESERVE);
}

static long run_open(struct shot *s)
{
	s->made = (int)syscall(SYS_openat, AT_FDCWD, DEVICE, O_RDWR, 0);
	return s->made < 0 ? -1 : 0;
}

static long shot_map(struct shot *s, int prot, size_t length, uint64_t offset)
{
	void *map = mmap(NULL, length, prot, MAP_SHARED, s->a.fd,
			 (off_t)offset);

	if (map == MAP_FAILED)
		return -1;
	s->map = map;
	s->map_length = length;
	return 0;
}

static long run_map_code(struct shot *s)
{
	return shot_map(s, PROT_READ | PROT_EXEC, s->a.length, 0);
}

static long run_map_guard(struct shot *s)
{
	return shot_map(s, PROT_READ | PROT_WRITE, 1UL << 33,
			CODEARENA_GUARD_OFFSET);
}

/* A view with no other mapping near it, so that its page table is yet to be made. */
static void lonely_view(struct shot *s)
{
	const size_t table = 1UL << 21;
	char *room = mmap(NULL, 3 * table, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		abort();
	room = (char *)(((unsigned long)room + 2 * table - 1) / table * table);
	s->map = mmap(room, s->a.length, PROT_READ | PROT_EXEC,
		      MAP_SHARED | MAP_FIXED, s->a.fd, 0);
	s->map_length = s->a.length;
}

/* A page fault that lacks memory is retried; no error is reported. */
static long run_first_access(struct shot *s)
{
	return *(volatile char *)s->map == *(volatile char *)s->a.view ? 0 : -1;
}

/* The rest of the view is split in two, and one gets a view of its own. */
static long run_unmap_middle(struct shot *s)
{
	return munmap(s->a.view + 4 * s->a.page, 2 * s->a.page);
}

static bool shot_new(struct shot *s)
{
	memset(s, 0, sizeof(*s));
	s->made = -1;
	return arena_new(&s->a, PAGES, 0, 0) == 0 && arena_populate(&s->a) == 0;
}

static void shot_end(struct shot *s)
{
	if (s->made >= 0)
		close(s->made);
	if (s->map)
		munmap(s->map, s->map_length);
	arena_free(&s->a);
}

/* Of the process: mappings, and the next number of a handle. */
static void count_process(unsigned int *mappings, int *next)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int character;

	*mappings = 0;
	while (maps && (character = fgetc(maps)) != EOF)
		*mappings += character == '\n';
	if (maps)
		fclose(maps);
	*next = dup(STDERR_FILENO);
	close(*next);
}

FIXTURE(fail_nth)
{
	struct shot *shot;
	int lacks;		/* why nothing can be injected, or 0 */
	int fd;
};

/*
 * @command: its valid call, unless @prepare makes another one
 * @failures: allocations that it makes at least, and that are seen to fail
 * @splits: the core may have split a mapping before it failed, which is no harm
 */
FIXTURE_VARIANT(fail_nth)
{
	enum command_index command;
	void (*prepare)(struct shot *s);
	long (*run)(struct shot *s);
	unsigned int failures;
	bool splits;
};

#define COMMAND_VARIANT(_name, _command, ...)				\
	FIXTURE_VARIANT_ADD(fail_nth, _name)				\
	{								\
		.command = _command, .run = run_command, __VA_ARGS__	\
	}

COMMAND_VARIANT(query, COMMAND_QUERY);
COMMAND_VARIANT(reserve, COMMAND_COUNT, .prepare = empty_handle,
		.failures = 2);
COMMAND_VARIANT(commit, COMMAND_COMMIT, .failures = 1);
COMMAND_VARIANT(commit_many, COMMAND_COUNT, .prepare = many_pages,
		.failures = 5);
COMMAND_VARIANT(decommit, COMMAND_DECOMMIT);
COMMAND_VARIANT(write, COMMAND_WRITE);
COMMAND_VARIANT(write_many, COMMAND_COUNT, .prepare = many_chunks,
		.failures = 2);
COMMAND_VARIANT(seal, COMMAND_SEAL);
COMMAND_VARIANT(publish, COMMAND_PUBLISH);
COMMAND_VARIANT(publish_many, COMMAND_COUNT, .prepare = many_objects,
		.failures = 20);
COMMAND_VARIANT(replace, COMMAND_COUNT, .prepare = replace_small);
COMMAND_VARIANT(replace_many, COMMAND_COUNT, .prepare = many_replacing,
		.failures = 20);
COMMAND_VARIANT(patch, COMMAND_PATCH);
COMMAND_VARIANT(patch_many, COMMAND_COUNT, .prepare = many_patches,
		.failures = 2);
COMMAND_VARIANT(discard, COMMAND_DISCARD);
COMMAND_VARIANT(discard_many, COMMAND_COUNT, .prepare = many_ranges,
		.failures = 1);
COMMAND_VARIANT(share, COMMAND_SHARE, .failures = 1);
COMMAND_VARIANT(stat, COMMAND_STAT);
COMMAND_VARIANT(trap_register, COMMAND_TRAP_REGISTER, .failures = 1);
COMMAND_VARIANT(trap_register_many, COMMAND_COUNT, .prepare = many_landings,
		.failures = 16);
COMMAND_VARIANT(trap_release, COMMAND_TRAP_RELEASE);
COMMAND_VARIANT(trap_landing, COMMAND_TRAP_LANDING);
COMMAND_VARIANT(clone, COMMAND_CLONE, .failures = 3);
COMMAND_VARIANT(clone_large, COMMAND_COUNT, .prepare = large_clone,
		.failures = 25);
COMMAND_VARIANT(open_again, COMMAND_OPEN, .failures = 1);
COMMAND_VARIANT(write_shared, COMMAND_COUNT, .prepare = shared_chunks,
		.failures = 3);
COMMAND_VARIANT(publish_shared, COMMAND_COUNT, .prepare = shared_objects,
		.failures = 20);
COMMAND_VARIANT(patch_shared, COMMAND_COUNT, .prepare = shared_words,
		.failures = 3);
COMMAND_VARIANT(discard_shared, COMMAND_COUNT, .prepare = shared_ranges,
		.failures = 3);

FIXTURE_VARIANT_ADD(fail_nth, open)
{
	.command = COMMAND_COUNT, .run = run_open, .failures = 1,
};

FIXTURE_VARIANT_ADD(fail_nth, mmap_code)
{
	.command = COMMAND_COUNT, .run = run_map_code, .failures = 2,
};

FIXTURE_VARIANT_ADD(fail_nth, mmap_guard)
{
	.command = COMMAND_COUNT, .run = run_map_guard, .failures = 1,
};

FIXTURE_VARIANT_ADD(fail_nth, first_access)
{
	.command = COMMAND_COUNT, .prepare = lonely_view,
	.run = run_first_access,
};

FIXTURE_VARIANT_ADD(fail_nth, munmap_part)
{
	.command = COMMAND_COUNT, .run = run_unmap_middle, .failures = 1,
	.splits = true,
};

FIXTURE_SETUP(fail_nth)
{
	self->fd = -1;
	self->lacks = injection_setup() ? errno : 0;
	if (!self->lacks) {
		self->fd = open(FAIL_NTH, O_RDWR);
		ASSERT_LE(0, self->fd);
	}
	self->shot = calloc(1, sizeof(*self->shot));
	ASSERT_NE(NULL, self->shot);
}

FIXTURE_TEARDOWN(fail_nth)
{
	free(self->shot);
	if (self->fd >= 0)
		close(self->fd);
}

static void shot_prepare(struct shot *s, enum command_index command,
			 void (*prepare)(struct shot *s))
{
	if (prepare)
		prepare(s);
	else if (command != COMMAND_COUNT)
		shot_command(s, command);
}

TEST_F(fail_nth, sweep)
{
	unsigned int n, passes, mappings, mappings_now, failures = 0, fired = 0;
	struct snapshot *before, *reference;
	struct shot *s = self->shot;
	int next, next_now, error;
	bool hit;
	long ret;

	/* Here, for some harnesses run the test after a setup that skips. */
	if (self->lacks)
		SKIP(return, "this kernel has no fault injection: %s",
		     strerror(self->lacks));
	ASSERT_TRUE(shot_new(s));
	shot_prepare(s, variant->command, variant->prepare);
	ASSERT_ZERO(variant->run(s));
	reference = snapshot(&s->a);
	shot_end(s);

	for (n = 1, passes = 0; passes < PASSES; n = hit ? n + 1 : 1) {
		ASSERT_LT(n, MOST_FAILURES);
		ASSERT_TRUE(shot_new(s));
		shot_prepare(s, variant->command, variant->prepare);
		before = snapshot(&s->a);
		count_process(&mappings, &next);

		arm(self->fd, n);
		ret = variant->run(s);
		error = errno;
		hit = disarm(self->fd);
		fired += hit;
		passes += !hit;

		if (ret) {
			EXPECT_TRUE(hit)
				TH_LOG("n %u: %s", n, strerror(error));
			EXPECT_TRUE(error == ENOMEM || error == EFAULT)
				TH_LOG("n %u: %s", n, strerror(error));
			failures += error == ENOMEM;
			EXPECT_TRUE(expect_like(&s->a, before))
				TH_LOG("n %u changed the arena", n);
			count_process(&mappings_now, &next_now);
			EXPECT_TRUE(variant->splits || mappings == mappings_now)
				TH_LOG("n %u: mappings", n);
			EXPECT_EQ(next, next_now)
				TH_LOG("n %u: handles", n);
			EXPECT_ZERO(variant->run(s));
		}
		EXPECT_TRUE(expect_like(&s->a, reference))
			TH_LOG("n %u: the call has not done its work", n);
		snapshot_free(before);
		shot_end(s);
	}
	snapshot_free(reference);
	EXPECT_GE(failures, variant->failures);
	printf("# %u failures injected, %u answered ENOMEM\n", fired,
	       failures);
}

TEST_HARNESS_MAIN
