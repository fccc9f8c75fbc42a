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
#define MOST_ENTRIES	65536U
#define ENTRIES		scaled(MOST_ENTRIES)
#define TRAPS		16U	/* of each object: a million altogether */
#define KILLS		10
#define ATTEMPTS	3
#define MOST_SECONDS	0.2	/* or what MOST_QUERIES take on a slow machine */
#define MOST_QUERIES	100000

/* Shared with the process that is killed. */
struct progress {
	double full;		/* what the call takes if nobody kills it */
	bool failed;
	bool inside;
};

union arrays {
	struct codearena_object objects[MOST_ENTRIES];
	struct codearena_chunk chunks[MOST_ENTRIES];
	struct codearena_patch_entry patches[MOST_ENTRIES];
	struct codearena_range ranges[MOST_ENTRIES];
};

/**
 * struct job - a call, made again and again
 * @a: the arena
 * @undo: undoes the call and prepares it; 0 if it did
 * @call: makes it; 0 on success
 * @progress: shared memory
 * @arrays: for the call
 * @traps: of each object
 * @bytes: of each entry
 * @step: from one entry to the next
 */
struct job {
	struct arena a;
	int (*undo)(struct job *job);
	int (*call)(struct job *job);
	struct progress *progress;
	union arrays *arrays;
	struct codearena_trap *traps;
	uint8_t *bytes;
	uint64_t step;
};

FIXTURE(kill)
{
	struct job job;
};

FIXTURE_VARIANT(kill)
{
	uint64_t length;
	int (*undo)(struct job *job);
	int (*call)(struct job *job);
};

static int discard_all(struct job *job)
{
	return do_discard1(job->a.fd, 0, job->a.length);
}

static int decommit_all(struct job *job)
{
	return do_decommit(job->a.fd, 0, job->a.length) && errno != ENOENT;
}

static int commit_all(struct job *job)
{
	return do_commit(job->a.fd, 0, job->a.length) && errno != EEXIST;
}

static int commit(struct job *job)
{
	return do_commit(job->a.fd, 0, job->a.length);
}

static int decommit(struct job *job)
{
	return do_decommit(job->a.fd, 0, job->a.length);
}

static int seal_all(struct job *job)
{
	return do_seal(job->a.fd, 0, job->a.length, 0);
}

static int make_writable(struct job *job)
{
	return commit_all(job) || discard_all(job);
}

static int make_sealed(struct job *job)
{
	return commit_all(job) || seal_all(job);
}

static int write_entries(struct job *job)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		job->arrays->chunks[i] = (struct codearena_chunk) {
			.offset = i * job->step,
			.source = (uintptr_t)job->bytes,
			.length = job->step,
		};
	return do_write(job->a.fd, job->arrays->chunks, ENTRIES);
}

static int publish_entries(struct job *job)
{
	for (uint32_t i = 0; i < ENTRIES; i++) {
		job->arrays->objects[i] = object_of(i * job->step, job->bytes,
						    job->step, 0);
		job->arrays->objects[i].traps = (uintptr_t)job->traps;
		job->arrays->objects[i].trap_count = TRAPS;
	}
	return do_publish(job->a.fd, job->arrays->objects, ENTRIES, NULL, 0,
			  0);
}

static int make_published(struct job *job)
{
	return make_writable(job) || publish_entries(job);
}

static int discard_entries(struct job *job)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		job->arrays->ranges[i] = (struct codearena_range) {
			.offset = i * job->step,
			.length = job->step,
		};
	return do_discard(job->a.fd, job->arrays->ranges, ENTRIES);
}

static int make_patchable(struct job *job)
{
	return make_writable(job) ||
	       do_seal(job->a.fd, 0, job->a.length,
		       CODEARENA_SEAL_F_PATCHABLE);
}

/* In descending order, which the module has to sort. */
static int patch_entries(struct job *job)
{
	uint64_t word;

	memcpy(&word, job->a.view, sizeof(word));
	for (uint32_t i = 0; i < ENTRIES; i++)
		job->arrays->patches[i] = (struct codearena_patch_entry) {
			.offset = (ENTRIES - 1 - i) * job->step,
			.width = 8,
			.expected = word,
			.value = word,
		};
	return do_patch(job->a.fd, job->arrays->patches, ENTRIES, 0);
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
	/* A granule for each entry; a page has 64. */
	const uint64_t least = ENTRIES / 64 * page;
	const uint64_t length = variant->length < least ? least :
							  variant->length;
	struct job *job = &self->job;

	ASSERT_ZERO(arena_new(&job->a, length / page,
			      CODEARENA_RESERVE_F_SHARED_WRITER, 0));
	job->undo = variant->undo;
	job->call = variant->call;
	job->step = length / ENTRIES;
	job->progress = mmap(NULL, sizeof(*job->progress),
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, job->progress);
	job->arrays = calloc(1, sizeof(*job->arrays));
	job->traps = calloc(TRAPS, sizeof(*job->traps));
	job->bytes = calloc(1, job->step);
	ASSERT_TRUE(job->arrays && job->traps && job->bytes);
	for (uint32_t i = 0; i < TRAPS; i++)
		job->traps[i] = (struct codearena_trap) {
			.start = i * 4,
			.length = 1,
			.landing = CODEARENA_LANDING_EXTERNAL,
		};
}

FIXTURE_TEARDOWN(kill)
{
	struct job *job = &self->job;

	free(job->arrays);
	free(job->traps);
	free(job->bytes);
	arena_free(&job->a);
}

/* Make the call again and again. */
static void be_killed(struct job *job)
{
	struct progress *progress = job->progress;
	double start;

	while (!job->undo(job)) {
		__atomic_store_n(&progress->inside, true, __ATOMIC_RELEASE);
		start = seconds_now();
		if (job->call(job))
			break;
		progress->full = seconds_now() - start;
		__atomic_store_n(&progress->inside, false, __ATOMIC_RELEASE);
	}
	progress->failed = true;
	_exit(1);
}

/* Let a process make the call once, to see how long it takes. */
static int measure(struct job *job)
{
	double start;

	if (job->undo(job))
		return -1;
	start = seconds_now();
	if (job->call(job))
		return -1;
	job->progress->full = seconds_now() - start;
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
static double kill_at(struct job *job, double part)
{
	struct progress *progress = job->progress;
	double full = progress->full, start;
	pid_t pid;

	progress->inside = false;
	pid = fork();
	if (!pid)
		be_killed(job);
	while (!__atomic_load_n(&progress->inside, __ATOMIC_ACQUIRE) &&
	       !progress->failed)
		sleep_for(0.001);
	sleep_for(full * part);
	start = seconds_now();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return seconds_now() - start;
}

/* Emulators and debug kernels are slow, and so may a busy machine be now. */
static double queries_take(struct job *job)
{
	const int sample = MOST_QUERIES / 10;
	double start = seconds_now();
	struct codearena_query query;

	for (int i = 0; i < sample; i++)
		do_query(job->a.fd, &query);
	return (seconds_now() - start) * MOST_QUERIES / sample;
}

TEST_F(kill, in_the_longest_call)
{
	struct job *job = &self->job;
	/* The time of a debug kernel says nothing. */
	const bool debug = is_debug_kernel();
	const int kills = debug ? 2 : KILLS;
	double worst, took;
	int late;

	ASSERT_ZERO(measure(job));
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		late = 0;
		worst = 0;
		for (int i = 0; i < kills; i++) {
			took = kill_at(job, (i + 0.5) / kills);
			ASSERT_FALSE(job->progress->failed);
			late += took > MOST_SECONDS &&
				took > queries_take(job);
			worst = took > worst ? took : worst;
		}
		TH_LOG("the call takes %.3f s, its end by SIGKILL at most %.3f s",
		       job->progress->full, worst);
		/* Other load makes some late. */
		if (debug || late <= kills / 5)
			break;
	}
	if (!debug)
		EXPECT_GE(kills / 5, late);
}

TEST_HARNESS_MAIN
