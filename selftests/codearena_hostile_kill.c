// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * SIGKILL ends the longest call that each command allows, soon. The arena outlives
 * the process that is killed, so that only the call delays its end.
 */
#include "lib/harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/utils.h"

#define MIB		(1ULL << 20)
#define ENTRIES		65536U
#define TRAPS		16U	/* of each object: a million altogether */
#define KILLS		10
#define MOST_LATE	2	/* other load makes some late */
#define ATTEMPTS	3
#define MOST_SECONDS	0.2

/* Shared with the process that is killed. */
struct progress {
	double full;		/* what the call takes if nobody kills it */
	bool failed;
	bool inside;
};

union arrays {
	struct codearena_object objects[ENTRIES];
	struct codearena_chunk chunks[ENTRIES];
	struct codearena_patch_entry patches[ENTRIES];
	struct codearena_range ranges[ENTRIES];
};

FIXTURE(kill)
{
	struct arena a;
	struct progress *progress;
	union arrays *arrays;
	struct codearena_trap *traps;
	uint8_t *bytes;
	uint64_t step;
};

/* Undo the call, prepare it, make it: 0 or a negative errno. */
FIXTURE_VARIANT(kill)
{
	uint64_t length;
	int (*undo)(FIXTURE_DATA(kill) *self);
	int (*call)(FIXTURE_DATA(kill) *self);
};

static int discard_all(FIXTURE_DATA(kill) *self)
{
	return do_discard1(self->a.fd, 0, self->a.length);
}

static int decommit_all(FIXTURE_DATA(kill) *self)
{
	return do_decommit(self->a.fd, 0, self->a.length) && errno != ENOENT;
}

static int commit_all(FIXTURE_DATA(kill) *self)
{
	return do_commit(self->a.fd, 0, self->a.length) && errno != EEXIST;
}

static int commit(FIXTURE_DATA(kill) *self)
{
	return do_commit(self->a.fd, 0, self->a.length);
}

static int decommit(FIXTURE_DATA(kill) *self)
{
	return do_decommit(self->a.fd, 0, self->a.length);
}

static int seal_all(FIXTURE_DATA(kill) *self)
{
	return do_seal(self->a.fd, 0, self->a.length, 0);
}

static int make_writable(FIXTURE_DATA(kill) *self)
{
	return commit_all(self) || discard_all(self);
}

static int make_sealed(FIXTURE_DATA(kill) *self)
{
	return commit_all(self) || seal_all(self);
}

static int write_entries(FIXTURE_DATA(kill) *self)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		self->arrays->chunks[i] = (struct codearena_chunk) {
			.offset = i * self->step,
			.source = (uintptr_t)self->bytes,
			.length = self->step,
		};
	return do_write(self->a.fd, self->arrays->chunks, ENTRIES);
}

static int publish_entries(FIXTURE_DATA(kill) *self)
{
	for (uint32_t i = 0; i < ENTRIES; i++) {
		self->arrays->objects[i] = object_of(i * self->step, self->bytes,
						     self->step, 0);
		self->arrays->objects[i].traps = (uintptr_t)self->traps;
		self->arrays->objects[i].trap_count = TRAPS;
	}
	return do_publish(self->a.fd, self->arrays->objects, ENTRIES, NULL, 0,
			  0);
}

static int make_published(FIXTURE_DATA(kill) *self)
{
	return make_writable(self) || publish_entries(self);
}

static int discard_entries(FIXTURE_DATA(kill) *self)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		self->arrays->ranges[i] = (struct codearena_range) {
			.offset = i * self->step,
			.length = self->step,
		};
	return do_discard(self->a.fd, self->arrays->ranges, ENTRIES);
}

static int make_patchable(FIXTURE_DATA(kill) *self)
{
	return make_writable(self) ||
	       do_seal(self->a.fd, 0, self->a.length,
		       CODEARENA_SEAL_F_PATCHABLE);
}

/* In descending order, which the module has to sort. */
static int patch_entries(FIXTURE_DATA(kill) *self)
{
	uint64_t word;

	memcpy(&word, self->a.view, sizeof(word));
	for (uint32_t i = 0; i < ENTRIES; i++)
		self->arrays->patches[i] = (struct codearena_patch_entry) {
			.offset = (ENTRIES - 1 - i) * self->step,
			.width = 8,
			.expected = word,
			.value = word,
		};
	return do_patch(self->a.fd, self->arrays->patches, ENTRIES, 0);
}

FIXTURE_VARIANT_ADD(kill, commit) {
	.length = 64 * MIB, .undo = decommit_all, .call = commit,
};
FIXTURE_VARIANT_ADD(kill, decommit) {
	.length = 64 * MIB, .undo = make_sealed, .call = decommit,
};
FIXTURE_VARIANT_ADD(kill, seal) {
	.length = 64 * MIB, .undo = make_writable, .call = seal_all,
};
FIXTURE_VARIANT_ADD(kill, discard) {
	.length = 64 * MIB, .undo = make_sealed, .call = discard_all,
};
FIXTURE_VARIANT_ADD(kill, write) {
	.length = 64 * MIB, .undo = make_writable, .call = write_entries,
};
FIXTURE_VARIANT_ADD(kill, publish_with_traps) {
	.length = 4 * MIB, .undo = make_writable, .call = publish_entries,
};
FIXTURE_VARIANT_ADD(kill, discard_with_traps) {
	.length = 4 * MIB, .undo = make_published, .call = discard_entries,
};
FIXTURE_VARIANT_ADD(kill, patch) {
	.length = 4 * MIB, .undo = make_patchable, .call = patch_entries,
};

FIXTURE_SETUP(kill)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	ASSERT_ZERO(arena_new(&self->a, variant->length / page,
			      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
	self->step = variant->length / ENTRIES;
	if (self->step < self->a.granule)
		SKIP(return, "granules of %u bytes", self->a.granule);
	self->progress = mmap(NULL, sizeof(*self->progress),
			      PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->progress);
	self->arrays = calloc(1, sizeof(*self->arrays));
	self->traps = calloc(TRAPS, sizeof(*self->traps));
	self->bytes = calloc(1, self->step);
	ASSERT_TRUE(self->arrays && self->traps && self->bytes);
	for (uint32_t i = 0; i < TRAPS; i++)
		self->traps[i] = (struct codearena_trap) {
			.start = i * 4,
			.length = 1,
			.landing = CODEARENA_LANDING_EXTERNAL,
		};
}

FIXTURE_TEARDOWN(kill)
{
	free(self->arrays);
	free(self->traps);
	free(self->bytes);
	arena_free(&self->a);
}

/* Make the call again and again. */
static void be_killed(FIXTURE_DATA(kill) *self,
		      const FIXTURE_VARIANT(kill) *variant)
{
	struct progress *progress = self->progress;
	double start;

	while (!variant->undo(self)) {
		__atomic_store_n(&progress->inside, true, __ATOMIC_RELEASE);
		start = seconds_now();
		if (variant->call(self))
			break;
		progress->full = seconds_now() - start;
		__atomic_store_n(&progress->inside, false, __ATOMIC_RELEASE);
	}
	progress->failed = true;
	_exit(1);
}

/* Let a process make the call once, to see how long it takes. */
static int measure(FIXTURE_DATA(kill) *self,
		   const FIXTURE_VARIANT(kill) *variant)
{
	double start;

	if (variant->undo(self))
		return -1;
	start = seconds_now();
	if (variant->call(self))
		return -1;
	self->progress->full = seconds_now() - start;
	return 0;
}

static void sleep_for(double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9),
	};

	nanosleep(&time, NULL);
}

/* Kill a process that is @part of the way through its call: seconds to its end. */
static double kill_at(FIXTURE_DATA(kill) *self,
		      const FIXTURE_VARIANT(kill) *variant, double part)
{
	struct progress *progress = self->progress;
	double full = progress->full, start;
	pid_t pid;

	progress->inside = false;
	pid = fork();
	if (!pid)
		be_killed(self, variant);
	while (!__atomic_load_n(&progress->inside, __ATOMIC_ACQUIRE) &&
	       !progress->failed)
		sleep_for(0.001);
	sleep_for(full * part);
	start = seconds_now();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return seconds_now() - start;
}

TEST_F(kill, in_the_longest_call)
{
	double worst, took;
	int late;

	ASSERT_ZERO(measure(self, variant));
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		late = 0;
		worst = 0;
		for (int i = 0; i < KILLS; i++) {
			took = kill_at(self, variant, (i + 0.5) / KILLS);
			ASSERT_FALSE(self->progress->failed);
			late += took > MOST_SECONDS;
			worst = took > worst ? took : worst;
		}
		TH_LOG("the call takes %.3f s, its end by SIGKILL at most %.3f s",
		       self->progress->full, worst);
		if (late <= MOST_LATE)
			break;
	}
	EXPECT_GE(MOST_LATE, late);
}

TEST_HARNESS_MAIN
