// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * A process that has far more memory than its control group may hold, with swap
 * for the rest: its code stays what and where it is, more can be published, and
 * all of it is given back.
 *
 * The swap is a zram disk. Where the kernel has it as a module, it is loaded from
 * SWAP_MODULES, whose file "order" names the files to load.
 */
#include "lib/harness.h"

#include <sys/swap.h>
#include <sys/syscall.h>

#include "lib/fault.h"
#include "lib/group.h"

#define SWAP_MODULES	"/lib/swap-modules"
#define DISK		"/dev/zram0"
#define MIB		(1ULL << 20)
#define SWAP		(48 * MIB)
#define CODE		(2 * MIB)
#define DATA		(16 * MIB)
#define LIMIT		"10M"
#define SWAP_CURRENT	GROUP "/memory.swap.current"
#define SIGNATURE	"SWAPSPACE2"

/* Charge that processors may hold for an empty group. */
#define REMAINDER	MIB

static void load_modules(void)
{
	char names[512], path[1024], *rest = names, *name;

	if (read_file(SWAP_MODULES "/order", names, sizeof(names)))
		return;
	while ((name = strsep(&rest, "\n"))) {
		int fd;

		snprintf(path, sizeof(path), SWAP_MODULES "/%s", name);
		fd = *name ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			fprintf(stderr, "# %s: %s\n", name, strerror(errno));
		close(fd);
	}
}

/* The header of a swap space: version 1, its last page, no bad pages. */
static int make_swap(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	uint8_t *header = calloc(1, page);
	uint32_t info[3] = { 1, (uint32_t)(SWAP / page) - 1, 0 };
	int fd = open(DISK, O_WRONLY | O_CLOEXEC);
	int ret = -1;

	if (header && fd >= 0) {
		memcpy(header + 1024, info, sizeof(info));
		memcpy(header + page - strlen(SIGNATURE), SIGNATURE,
		       strlen(SIGNATURE));
		ret = write(fd, header, page) == (ssize_t)page ? 0 : -1;
	}
	if (fd >= 0)
		close(fd);
	free(header);
	return ret;
}

static int swap_begin(void)
{
	char size[32];

	if (access(DISK, R_OK | W_OK))
		load_modules();
	snprintf(size, sizeof(size), "%llu", SWAP);
	if (write_file("/sys/block/zram0/disksize", size) || make_swap())
		return -1;
	return swapon(DISK, 0);
}

static void swap_end(void)
{
	swapoff(DISK);
	write_file("/sys/block/zram0/reset", "1");
}

/* Bytes that say where they are, and that no other page has. */
static void fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	uint64_t random = seed;

	for (size_t at = 0; at < length; at += 64) {
		uint32_t word = crew_random(&random);

		for (size_t i = 0; i < 64; i += sizeof(word))
			memcpy(bytes + at + i, &word, sizeof(word));
	}
}

static bool is_filled(const uint8_t *bytes, size_t length, uint32_t seed)
{
	static uint8_t wanted[65536];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < length; at += page) {
		fill(wanted, page, seed + (uint32_t)(at / page));
		if (memcmp(bytes + at, wanted, page))
			return false;
	}
	return true;
}

static void fill_all(uint8_t *bytes, size_t length, uint32_t seed)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < length; at += page)
		fill(bytes + at, page, seed + (uint32_t)(at / page));
}

/* The code: all of it sealed, the second half published under pressure. */
static int publish_all(const struct arena *a, uint64_t from, uint64_t to)
{
	static uint8_t bytes[65536];

	for (uint64_t at = from; at < to; at += a->page) {
		/* With swap, memory is slow but not short. */
		CHECK(do_commit(a->fd, at, a->page) == 0);
		fill(bytes, a->page, (uint32_t)(at / a->page));
		code_return(bytes, (uint32_t)at);
		CHECK(do_publish1(a->fd, at, bytes, a->page, 0) == 0);
	}
	return 0;
}

static int check_code(const struct arena *a, uint64_t to)
{
	static uint8_t wanted[65536];

	for (uint64_t at = 0; at < to; at += a->page) {
		uint32_t value = (uint32_t)at;

		fill(wanted, a->page, (uint32_t)(at / a->page));
		code_return(wanted, (uint32_t)at);
		CHECK(!memcmp(a->view + at, wanted, a->page));
		if (HAVE_CODE)
			CHECK(guarded_call(a->view + at, &value) == 0);
		CHECK(value == at);
	}
	return 0;
}

static int under_pressure(void *argument)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct codearena_stat stat;
	struct arena a;
	uint8_t *data;

	(void)argument;
	CHECK(enter_group(LIMIT) == 0);
	CHECK(arena_new(&a, CODE / page, 0, 0) == 0);
	CHECK(publish_all(&a, 0, CODE / 2) == 0);
	data = mmap(NULL, DATA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(data != MAP_FAILED);
	fill_all(data, DATA, 1000);
	CHECK(group_number(SWAP_CURRENT) > DATA / 4);
	CHECK(check_code(&a, CODE / 2) == 0);

	CHECK(publish_all(&a, CODE / 2, CODE) == 0);
	/* Movable pages are moved; code is not. */
	write_file("/proc/sys/vm/compact_memory", "1");
	write_file("/proc/sys/vm/drop_caches", "3");
	CHECK(check_code(&a, CODE) == 0);
	CHECK(is_filled(data, DATA, 1000));
	CHECK(check_code(&a, CODE) == 0);
	/* None of the code was swapped out: it is charged, all of it. */
	CHECK(do_stat(a.fd, &stat) == 0);
	CHECK(stat.out_committed == CODE && stat.out_sealed == CODE);
	CHECK(group_usage() >= CODE);
	/* Decommitting the code ends its charge. */
	CHECK(munmap(data, DATA) == 0);
	CHECK(do_decommit(a.fd, 0, CODE) == 0);
	CHECK(group_usage_becomes(3 * MIB));
	return 0;
}

FIXTURE(swap) {
	uint64_t total;
	bool grouped;
	bool usable;
};

FIXTURE_SETUP(swap)
{
	self->total = crew_total();
	self->grouped = group_new();
	self->usable = self->grouped && !access(SWAP_CURRENT, R_OK) &&
		       !swap_begin();
}

FIXTURE_TEARDOWN(swap)
{
	if (self->usable)
		swap_end();
	if (self->grouped)
		EXPECT_TRUE(group_free());
}

TEST_F(swap, code_under_pressure)
{
	pid_t pid;

	if (!self->usable)
		SKIP(return, "no zram disk, or no group that counts swap");
	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(under_pressure(NULL));
	EXPECT_EQ(0, fault_reap(pid));
	EXPECT_EQ(0, group_event("oom_kill"));
	EXPECT_TRUE(crew_total_becomes(self->total));
	/*
	 * Processors keep slots of swap that are free, and charged, until it ends.
	 * What would be lost in there comes back to memory then.
	 */
	swap_end();
	self->usable = false;
	EXPECT_TRUE(group_usage_becomes(REMAINDER));
	EXPECT_EQ(0, group_number(SWAP_CURRENT));
}

TEST_HARNESS_MAIN
