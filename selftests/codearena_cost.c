// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What adding code costs the rest of the process, in counts and not in time:
 * mappings, page faults, interrupts of other processors, write locks of the
 * address space. Every counter is first seen to count, by doing the same job
 * with mprotect().
 */
#include "lib/harness.h"
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/crew.h"

#define FUNCTIONS	10000
#define FUNCTION_SIZE	64
#define CONTROL		2000	/* fewer are enough where each interrupts others */
#define FAULT_AROUND	16	/* pages that one fault brings in */

static long count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	long lines = 0;
	int c;

	if (!file)
		return -1;
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static long count_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Sum over all processors of the line of /proc/interrupts with this name. */
static long count_interrupts(const char *name)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];
	long sum = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, " ");
		char *end;
		long one;

		if (strncmp(at, name, strlen(name)))
			continue;
		at += strlen(name);
		sum = 0;
		for (;;) {
			one = strtol(at, &end, 10);
			if (end == at)
				break;
			sum += one;
			at = end;
		}
	}
	fclose(file);
	return sum;
}

/* Code memory as programs make it today, for the controls. */
struct plain {
	uint8_t *memory;
	size_t length;
};

static bool plain_init(struct plain *plain, size_t length)
{
	plain->length = length;
	plain->memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (plain->memory == MAP_FAILED)
		return false;
	memset(plain->memory, 0, length);
	return !mprotect(plain->memory, length, PROT_READ | PROT_EXEC);
}

static bool plain_add(const struct plain *plain, size_t at,
		      const uint8_t *bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *start = plain->memory + (at & ~(page - 1));

	if (mprotect(start, page, PROT_READ | PROT_WRITE))
		return false;
	memcpy(plain->memory + at, bytes, FUNCTION_SIZE);
	return !mprotect(start, page, PROT_READ | PROT_EXEC);
}

FIXTURE(cost) {
	struct arena a;
	struct plain plain;
	uint64_t pages;
	uint8_t bytes[FUNCTION_SIZE];
	struct crew crew;
};

FIXTURE_SETUP(cost)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	/* A granule is 1/64 of a page, on machines with larger pages too. */
	self->pages = FUNCTIONS / 64 + 1;
	ASSERT_ZERO(arena_new(&self->a, self->pages, 0, 0));
	ASSERT_ZERO(do_commit(self->a.fd, 0, self->a.length));
	ASSERT_TRUE(plain_init(&self->plain, self->pages * page));
	code_return(self->bytes, CODE_VALUE);
}

FIXTURE_TEARDOWN(cost)
{
	munmap(self->plain.memory, self->plain.length);
	arena_free(&self->a);
}

static void publish_all(struct __test_metadata *_metadata,
			const struct arena *a, const uint8_t *bytes)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		ASSERT_EQ(0, do_publish1(a->fd, i * a->granule, bytes,
					 FUNCTION_SIZE, 0));
	}
}

static void mprotect_all(struct __test_metadata *_metadata,
			 const struct plain *plain, const uint8_t *bytes,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		ASSERT_TRUE(plain_add(plain, i * FUNCTION_SIZE, bytes));
	}
}

/* The same number of system calls, which do nothing. */
static void query_all(struct __test_metadata *_metadata, const struct arena *a)
{
	struct codearena_query query;

	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		ASSERT_ZERO(do_query(a->fd, &query));
	}
}

TEST_F(cost, mappings_do_not_split)
{
	size_t page = self->a.page;
	long before;

	/* The counter counts: pages that differ in rights are mappings. */
	before = count_mappings();
	ASSERT_LT(0, before);
	for (unsigned int i = 1; i < 100; i += 2) {
		ASSERT_EQ(0, mprotect(self->plain.memory + i * page, page,
				      PROT_READ | PROT_WRITE));
	}
	EXPECT_LE(before + 98, count_mappings());
	ASSERT_EQ(0, mprotect(self->plain.memory, self->plain.length,
			      PROT_READ | PROT_EXEC));

	before = count_mappings();
	publish_all(_metadata, &self->a, self->bytes);
	EXPECT_EQ(before, count_mappings());
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		EXPECT_RETURNS(CODE_VALUE, self->a.view + i * self->a.granule);
	}
	EXPECT_EQ(before, count_mappings());
}

TEST_F(cost, publishing_faults_nothing_in)
{
	struct arena *a = &self->a;
	struct codearena_query query;
	volatile uint8_t sum = 0;
	long before, control, faults;

	/* Warm: the command's stack, and the functions of the C library. */
	ASSERT_ZERO(do_publish1(a->fd, 0, self->bytes, FUNCTION_SIZE, 0));
	ASSERT_ZERO(do_discard1(a->fd, 0, a->granule));
	ASSERT_ZERO(do_query(a->fd, &query));

	before = count_faults();
	query_all(_metadata, a);
	control = count_faults() - before;

	before = count_faults();
	publish_all(_metadata, a, self->bytes);
	faults = count_faults() - before;
	EXPECT_LE(faults, control + 2);

	/* The first run through all of it pays once for 16 neighbours. */
	before = count_faults();
	for (uint64_t at = 0; at < FUNCTIONS * a->granule; at += a->page)
		sum = (uint8_t)(sum + a->view[at]);
	faults = count_faults() - before;
	EXPECT_LE(1, faults);
	EXPECT_LE(faults, (long)(self->pages / FAULT_AROUND + 2));

	/* What is mapped stays so when more code is added beside it. */
	ASSERT_ZERO(do_discard1(a->fd, a->granule, a->granule));
	ASSERT_ZERO(do_publish1(a->fd, a->granule, self->bytes, FUNCTION_SIZE,
				0));
	before = count_faults();
	sum = (uint8_t)(sum + a->view[0] + a->view[a->granule]);
	EXPECT_EQ(0, count_faults() - before);
}

TEST_F(cost, first_run_faults_around)
{
	struct arena *a = &self->a;
	long before, faults;
	uint32_t result;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	publish_all(_metadata, a, self->bytes);
	ASSERT_EQ(0, guarded_call(a->view, &result));
	before = count_faults();
	for (uint64_t at = a->page; at < a->length - a->page; at += a->page) {
		ASSERT_EQ(0, guarded_call(a->view + at, &result));
		ASSERT_EQ(CODE_VALUE, result);
	}
	faults = count_faults() - before;
	EXPECT_LE(1, faults);
	EXPECT_LE(faults, (long)(self->pages / FAULT_AROUND + 2));
}

/*
 * The other processor runs a thread of this process all the time, so that it
 * has something to be interrupted for.
 */
static void *spin_main(void *argument)
{
	struct crew *crew = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (!crew_stopped(crew))
		;
	return NULL;
}

struct interrupts {
	long shootdowns;
	long calls;
};

static struct interrupts interrupts_now(void)
{
	return (struct interrupts) {
		.shootdowns = count_interrupts("TLB:"),
		.calls = count_interrupts("CAL:"),
	};
}

static struct interrupts interrupts_since(struct interrupts before)
{
	struct interrupts now = interrupts_now();

	now.shootdowns -= before.shootdowns;
	now.calls -= before.calls;
	return now;
}

/* What the system does by itself in such a time: the worst of three. */
static struct interrupts control_noise(struct __test_metadata *_metadata,
				       const struct arena *a)
{
	struct interrupts worst = {};

	for (int i = 0; i < 3; i++) {
		struct interrupts before = interrupts_now();
		struct interrupts now;

		query_all(_metadata, a);
		now = interrupts_since(before);
		if (now.shootdowns > worst.shootdowns)
			worst.shootdowns = now.shootdowns;
		if (now.calls > worst.calls)
			worst.calls = now.calls;
	}
	return worst;
}

TEST_F(cost, other_processors_are_left_alone)
{
	/* One in a hundred publications may coincide with something else. */
	const long slack = FUNCTIONS / 100;
	struct interrupts before, noise, ours, theirs;
	cpu_set_t set;

	if (count_interrupts("TLB:") < 0 || count_interrupts("CAL:") < 0)
		SKIP(return, "/proc/interrupts has no lines TLB and CAL");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	ASSERT_TRUE(crew_start(&self->crew, 1, spin_main, &self->crew, 0));

	noise = control_noise(_metadata, &self->a);
	before = interrupts_now();
	mprotect_all(_metadata, &self->plain, self->bytes, CONTROL);
	theirs = interrupts_since(before);
	before = interrupts_now();
	publish_all(_metadata, &self->a, self->bytes);
	ours = interrupts_since(before);
	crew_stop(&self->crew);
	ASSERT_TRUE(crew_join(&self->crew));

	TH_LOG("TLB shootdowns: %ld idle, %ld publish, %ld control",
	       noise.shootdowns, ours.shootdowns, theirs.shootdowns);
	TH_LOG("function calls: %ld idle, %ld publish, %ld control",
	       noise.calls, ours.calls, theirs.calls);
	/* Without a counter that counts, the rest proves nothing. */
	EXPECT_LE(noise.shootdowns + noise.calls + 10 * slack,
		  theirs.shootdowns + theirs.calls);
	EXPECT_LE(ours.shootdowns, noise.shootdowns + slack);
	EXPECT_LE(ours.calls, noise.calls + slack);
}

static int tracepoint_id(const char *event)
{
	static const char *const roots[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};
	char path[256], text[32];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/%s/id", roots[i],
			 event);
		if (!read_file(path, text, sizeof(text)))
			return atoi(text);
	}
	return -1;
}

/* Counts how often this thread begins to wait for mmap_lock to write. */
static int open_lock_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	int id = tracepoint_id("mmap_lock/mmap_lock_start_locking");
	int fd;

	if (id < 0)
		return -1;
	attr.config = (unsigned int)id;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			  PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "write == 1")) {
		close(fd);
		return -1;
	}
	return fd;
}

static long read_lock_counter(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ?
		(long)count : -1;
}

TEST_F(cost, mmap_lock_is_not_taken_for_writing)
{
	struct codearena_patch_entry entry;
	uint64_t word = 0;
	long before;
	int fd;

	fd = open_lock_counter();
	if (fd < 0)
		SKIP(return, "no tracepoint of mmap_lock: %s", strerror(errno));

	/* The counter counts: twice for each function that is added. */
	before = read_lock_counter(fd);
	ASSERT_LE(0, before);
	mprotect_all(_metadata, &self->plain, self->bytes, FUNCTIONS);
	EXPECT_LE(2 * FUNCTIONS, read_lock_counter(fd) - before);

	before = read_lock_counter(fd);
	publish_all(_metadata, &self->a, self->bytes);
	EXPECT_EQ(0, read_lock_counter(fd) - before);

	/* Nor to run it for the first time, to change it, or to withdraw it. */
	ASSERT_ZERO(do_discard1(self->a.fd, 0, self->a.granule));
	ASSERT_ZERO(do_publish1(self->a.fd, 0, &word, 8,
				CODEARENA_OBJECT_F_PATCHABLE));
	before = read_lock_counter(fd);
	for (uint64_t at = 0; at < FUNCTIONS * self->a.granule; at += self->a.page)
		word += self->a.view[at];
	EXPECT_EQ(0, read_lock_counter(fd) - before);
	before = read_lock_counter(fd);
	entry = patch_of(0, 8, 0, 1);
	EXPECT_ZERO(do_patch(self->a.fd, &entry, 1, CODEARENA_PATCH_F_SYNC));
	EXPECT_ZERO(do_discard1(self->a.fd, 0, FUNCTIONS * self->a.granule));
	EXPECT_EQ(0, read_lock_counter(fd) - before);
	close(fd);
}

TEST_HARNESS_MAIN
