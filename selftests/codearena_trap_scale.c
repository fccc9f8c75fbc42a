// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* A million protected instructions: they land, and do not cost much memory. */
#include "lib/harness.h"

#include <sys/stat.h>

#include "lib/trap_code.h"

#define TABLES		100000
#define ENTRIES		10	/* of each table */
#define INSTRUCTIONS	16	/* of each code object */
#define MAX_PER_ENTRY	10	/* bytes */
#define MAX_ROUNDED	14	/* where a table of 64 bytes takes 128 */

#define CGROUP "/sys/fs/cgroup/"
#define OWN_CGROUP CGROUP "codearena_selftest/"

FIXTURE(scale)
{
	struct trap_arena t;
	struct trap_state *state;
	uint64_t stride;
	uint64_t code;
	struct codearena_trap traps[ENTRIES];
	bool counted;
};

/* A control group of its own, in which nothing else is charged. */
static bool enter_cgroup(void)
{
	char line[32];

	write_file(CGROUP "cgroup.subtree_control", "+memory");
	if (mkdir(OWN_CGROUP, 0700) && errno != EEXIST)
		return false;
	if (access(OWN_CGROUP "memory.stat", R_OK))
		return false;
	snprintf(line, sizeof(line), "%d", getpid());
	return !write_file(OWN_CGROUP "cgroup.procs", line);
}

static void leave_cgroup(void)
{
	char line[32];

	snprintf(line, sizeof(line), "%d", getpid());
	write_file(CGROUP "cgroup.procs", line);
	rmdir(OWN_CGROUP);
}

/* A number of memory.stat, in bytes; reading it gathers what is pending. */
static long long memory_stat(const char *name)
{
	size_t length = strlen(name);
	char *text = malloc(16384), *line, *rest;
	long long bytes = -1;

	if (!text || read_file(OWN_CGROUP "memory.stat", text, 16384))
		abort();
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, name, length) && line[length] == ' ')
			bytes = atoll(line + length);
	free(text);
	return bytes;
}

static long long memory_current(void)
{
	char text[64];

	if (read_file(OWN_CGROUP "memory.current", text, sizeof(text)))
		abort();
	return atoll(text);
}

/*
 * A table of ten entries has 64 bytes. The kernel's allocator has no objects
 * that small on arm64 before 6.5, where it keeps 128 bytes between any two of
 * them for the sake of devices that do not look into caches.
 */
static bool has_small_objects(void)
{
	FILE *slabs = fopen("/proc/slabinfo", "r");
	bool found = !slabs;
	unsigned int size;
	char line[512];

	/* KASAN puts something between them as well, which counts here. */
	while (slabs && fgets(line, sizeof(line), slabs))
		found |= sscanf(line, "kmalloc-64 %*u %*u %u", &size) == 1 &&
			 size == 64;
	if (slabs)
		fclose(slabs);
	return found;
}

FIXTURE_SETUP(scale)
{
	struct trap_arena *t = &self->t;
	uint64_t bytes;
	uint8_t *sled;

	trap_handlers();
	self->counted = enter_cgroup();
	/* A granule is 1/64 of a page. */
	ASSERT_ZERO(trap_arena_new(t, TABLES / 64 + 16));
	bytes = TABLES * t->arena.granule;
	self->state = trap_state_new();
	self->stride = fragment_stride(&code_load);
	self->code = 4 * t->arena.page;
	/* Objects of 16 instructions, followed by trap fill. */
	sled = calloc(1, bytes);
	ASSERT_NE(NULL, sled);
	for (uint64_t i = 0; i < TABLES; i++)
		trap_sled(sled + i * t->arena.granule, &code_load,
			  INSTRUCTIONS);
	ASSERT_ZERO(do_publish1(t->fd, self->code, sled, bytes, 0));
	free(sled);
	/* Ten of the sixteen: 0 to 3, and every other one of the rest. */
	for (uint32_t i = 0; i < ENTRIES; i++)
		self->traps[i] = trap_of((uint32_t)((i < 4 ? i : 2 * i - 3) *
						    self->stride), 1,
					 t->pad.start);
}

FIXTURE_TEARDOWN(scale)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
	if (self->counted)
		leave_cgroup();
}

static bool is_protected(uint64_t instruction)
{
	return instruction < 4 || instruction % 2;
}

#define CODE_OF(table, instruction)					\
	(self->t.arena.view + self->code +			\
	 (table) * self->t.arena.granule +				\
	 (instruction) * self->stride)

/* Each sample: an instruction that lands, or its neighbour that does not. */
#define EXPECT_SAMPLE(table, instruction)				\
	do {								\
		const uint8_t *entry_ = CODE_OF(table, instruction);	\
		const uint8_t *at_ = self->t.guard + 8 * (table);	\
									\
		trap_access(self->state, entry_, at_);			\
		if (is_protected(instruction)) {			\
			EXPECT_LANDED(self->state,			\
				      pad_address(&self->t));		\
			EXPECT_REPORTED(self->state, (uintptr_t)entry_,	\
					(uintptr_t)at_);		\
		} else {						\
			EXPECT_SIGNAL(self->state, SIGSEGV,		\
				      SEGV_MAPERR, at_);		\
			EXPECT_EQ((uintptr_t)entry_, self->state->pc);	\
		}							\
	} while (0)

TEST_F(scale, million_instructions)
{
	struct trap_arena *t = &self->t;
	uint64_t *ids = calloc(TABLES, sizeof(*ids)), random = 1;
	long long slab = 0, current = 0;

	ASSERT_NE(NULL, ids);
	/* The memory of the test itself is there before counting begins. */
	memset(ids, 0xff, TABLES * sizeof(*ids));
	if (self->counted) {
		slab = memory_stat("slab");
		current = memory_current();
	}
	for (uint32_t i = 0; i < TABLES; i++)
		ASSERT_ZERO(do_register(t->fd,
					self->code + i * t->arena.granule, 64,
					self->traps, ENTRIES,
					CODEARENA_TRAP_F_REPORT, &ids[i]));
	EXPECT_TABLES(t->fd, TABLES, TABLES * ENTRIES);
	if (self->counted) {
		const double entries = (double)TABLES * ENTRIES;
		double per_slab, per_current;

		per_slab = (double)(memory_stat("slab") - slab) / entries;
		per_current = (double)(memory_current() - current) / entries;
		TH_LOG("bytes for an entry: %.2f slab, %.2f in all", per_slab,
		       per_current);
		/* The measurement is not empty. */
		EXPECT_LT(1, (int)per_slab);
		EXPECT_GE(has_small_objects() ? MAX_PER_ENTRY : MAX_ROUNDED,
			  per_slab);
		EXPECT_GE(has_small_objects() ? MAX_PER_ENTRY : MAX_ROUNDED,
			  per_current);
	}

	/* The ends, and samples. */
	for (uint64_t i = 0; i < INSTRUCTIONS; i++) {
		EXPECT_SAMPLE(0, i);
		EXPECT_SAMPLE(TABLES - 1, i);
	}
	for (unsigned int i = 0; i < 2000; i++) {
		random = random * 6364136223846793005ULL +
			 1442695040888963407ULL;
		EXPECT_SAMPLE((random >> 40) % TABLES,
			      random >> 32 & (INSTRUCTIONS - 1));
	}
	/* Half of them go; the other half stays. */
	for (uint32_t i = 0; i < TABLES; i += 2)
		ASSERT_ZERO(do_release(t->fd, ids[i]));
	EXPECT_TABLES(t->fd, TABLES / 2, TABLES / 2 * ENTRIES);
	for (uint64_t i = 1; i < TABLES; i += 1001) {
		trap_access(self->state, CODE_OF(i, 1), t->guard);
		EXPECT_EQ(i % 2, !self->state->signals);
	}
	free(ids);
}

TEST_HARNESS_MAIN
