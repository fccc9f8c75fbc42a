// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Many threads publish, patch and discard while others execute. Every count
 * and every byte is known in the end.
 *
 * CODEARENA_STRESS_SECONDS=N: each test works for N seconds.
 */
#include "lib/harness.h"
#include <semaphore.h>

#include "lib/crew.h"
#include "lib/slots.h"

/* Near slots reach all objects: on riscv64 they lie in 1 MiB. */
#if defined(__riscv)
#define BATCHES		60
#else
#define BATCHES		120
#endif
#define BATCH_MAX	4
#define OBJECT_MAX	200	/* bytes; four granules of 64 */
/* Four granules of 64 bytes, or one of 256 bytes or 1 KiB. */
#define OBJECT_SPACE	(sysconf(_SC_PAGESIZE) > 16384 ? 1024U : 256U)
#define SPACE_MAX	1024

/* The first object returns number 0, so that the slot has a target at once. */
#define OBJECTS		(1 + BATCHES * BATCH_MAX)
#define LANE_LENGTH	(OBJECTS * OBJECT_SPACE)

struct object {
	uint64_t offset;
	uint32_t length;
	uint32_t seed;
};

/**
 * struct publisher - a thread that publishes into a lane of its own
 * @crew: it belongs to
 * @a: shared with others
 * @id: 1 and up; the upper bits of what its functions return
 * @lane: offset of its lane
 * @slot: offset of its slot, whose granule it shares with others
 * @issued: highest number that its slot may target
 * @objects: what it published, @count of them
 * @patches: words it patched
 * @syncs: synchronisations it requested
 * @written: bytes it copied in
 */
struct publisher {
	struct crew *crew;
	struct arena *a;
	uint32_t id;
	uint64_t lane;
	uint64_t slot;
	uint32_t issued;
	struct object objects[OBJECTS];
	unsigned int count;
	uint64_t patches;
	uint64_t syncs;
	uint64_t written;
};

struct executor {
	struct crew *crew;
	struct arena *a;
	struct publisher *publishers;
	unsigned int publisher_count;
	uint64_t calls;
};

static uint32_t value_of(uint32_t id, uint32_t number)
{
	return id << 16 | number;
}

static void object_bytes(const struct publisher *p, unsigned int number,
			 uint8_t *to)
{
	const struct object *object = &p->objects[number];
	uint64_t random = object->seed;
	uint32_t i;

	for (i = 0; i < object->length; i++)
		to[i] = (uint8_t)crew_random(&random);
	code_return(to, value_of(p->id, number));
}

static struct codearena_object object_new(struct publisher *p, uint8_t *bytes,
					  uint64_t *random)
{
	unsigned int number = p->count++;
	struct object *object = &p->objects[number];

	object->offset = p->lane + number * OBJECT_SPACE;
	object->length = CODE_SIZE +
		crew_random(random) % (OBJECT_MAX - CODE_SIZE + 1);
	object->seed = crew_random(random);
	object_bytes(p, number, bytes);
	p->written += object->length;
	return object_of(object->offset, bytes, object->length, 0);
}

static uint64_t slot_to(const struct publisher *p, unsigned int number)
{
	return slot_near(p->slot, p->objects[number].offset);
}

static bool publish_batch(struct publisher *p, uint64_t *random)
{
	uint8_t bytes[BATCH_MAX][OBJECT_MAX];
	struct codearena_object objects[BATCH_MAX];
	struct codearena_patch_entry patch;
	unsigned int count = 1 + crew_random(random) % BATCH_MAX;
	unsigned int before = p->count - 1;
	unsigned int i;

	for (i = 0; i < count; i++)
		objects[i] = object_new(p, bytes[i], random);
	patch = patch_of(p->slot, 8, slot_to(p, before),
			 slot_to(p, p->count - 1));
	__atomic_store_n(&p->issued, p->count - 1, __ATOMIC_RELEASE);
	if (do_publish(p->a->fd, objects, count, &patch, 1, 0)) {
		crew_fail(p->crew, "PUBLISH: %s, entry %u", strerror(errno),
			  last_failed);
		return false;
	}
	p->patches++;
	return true;
}

/* Redirect the slot to another function of this thread, and back. */
static bool patch_there_and_back(struct publisher *p, uint64_t *random)
{
	uint64_t newest = slot_to(p, p->count - 1);
	uint64_t other = slot_to(p, crew_random(random) % p->count);
	uint32_t sync = crew_random(random) % 16 ? 0 : CODEARENA_PATCH_F_SYNC;
	struct codearena_patch_entry there = patch_of(p->slot, 8, newest, other);
	struct codearena_patch_entry back = patch_of(p->slot, 8, other, newest);

	if (do_patch(p->a->fd, &there, 1, sync) ||
	    do_patch(p->a->fd, &back, 1, 0)) {
		crew_fail(p->crew, "PATCH: %s", strerror(errno));
		return false;
	}
	p->patches += 2;
	p->syncs += sync != 0;
	return true;
}

static void *publisher_main(void *argument)
{
	struct publisher *p = argument;
	uint64_t random = p->id;
	unsigned int i;

	for (i = 0; i < BATCHES && crew_goes_on(p->crew); i++) {
		if (!publish_batch(p, &random))
			break;
		if (i % 2 && !patch_there_and_back(p, &random))
			break;
	}
	return NULL;
}

static void *executor_main(void *argument)
{
	struct executor *e = argument;
	unsigned int i;

	do {
		for (i = 0; i < e->publisher_count; i++) {
			struct publisher *p = &e->publishers[i];
			uint32_t value = 0;
			int signo;

			signo = guarded_call(p->a->view + p->slot, &value);
			if (signo || value >> 16 != p->id ||
			    (value & 0xffff) >
			    __atomic_load_n(&p->issued, __ATOMIC_ACQUIRE)) {
				crew_fail(e->crew,
					  "slot of %u: signal %d, value %#x",
					  p->id, signo, value);
				return NULL;
			}
			e->calls++;
		}
	} while (!crew_stopped(e->crew));
	return NULL;
}

/*
 * Store to the slot once more, now that nobody executes: an emulator that
 * translates code on one processor while another stores to it may have kept the
 * old word. Real processors do not.
 */
static bool settle_slot(struct publisher *p)
{
	uint64_t newest = slot_to(p, p->count - 1);
	uint64_t other = slot_to(p, 0);

	p->patches += 2;
	return !do_patch1(p->a->fd, p->slot, 8, newest, other) &&
	       !do_patch1(p->a->fd, p->slot, 8, other, newest);
}

/* First the slots, side by side; then the lanes. */
static bool publishers_init(struct publisher *publishers, unsigned int count,
			    struct arena *a, struct crew *crew)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t table = (count * 8 + page - 1) / page * page;
	uint64_t length = table + count * LANE_LENGTH;
	uint8_t bytes[CREW_MAX][OBJECT_MAX];
	struct codearena_object objects[1 + CREW_MAX];
	uint64_t words[CREW_MAX];
	unsigned int i;

	length = (length + page - 1) / page * page;
	if (arena_new(a, length / page, 0, 0) ||
	    do_commit(a->fd, 0, length))
		return false;
	for (i = 0; i < count; i++) {
		struct publisher *p = &publishers[i];
		uint64_t random = i;

		memset(p, 0, sizeof(*p));
		p->crew = crew;
		p->a = a;
		p->id = i + 1;
		p->lane = table + i * LANE_LENGTH;
		p->slot = i * 8;
		objects[1 + i] = object_new(p, bytes[i], &random);
		words[i] = slot_to(p, 0);
	}
	objects[0] = object_of(0, words, count * 8, CODEARENA_OBJECT_F_PATCHABLE);
	/* In this order the slots have no target for a moment: nobody runs yet. */
	return !do_publish(a->fd, objects, 1 + count, NULL, 0, 0);
}

static void check_bytes(struct __test_metadata *_metadata,
			const struct publisher *p)
{
	uint8_t wanted[SPACE_MAX], got[SPACE_MAX];
	unsigned int i;

	for (i = 0; i < p->count; i++) {
		const struct object *object = &p->objects[i];
		const uint8_t *at = p->a->view + object->offset;

		object_bytes(p, i, wanted);
		ASSERT_EQ(0, guarded_read(got, at, OBJECT_SPACE));
		ASSERT_EQ(0, memcmp(got, wanted, object->length)) {
			TH_LOG("object %u of publisher %u", i, p->id);
		}
		/* After it comes trap fill: the granule's rest, and unused granules. */
		ASSERT_TRUE(is_trap_fill(got + object->length,
					 object->offset + object->length,
					 OBJECT_SPACE - object->length));
	}
}

static void check_arena(struct __test_metadata *_metadata,
			struct publisher *publishers, unsigned int count)
{
	const struct arena *a = publishers[0].a;
	uint64_t granule = a->granule;
	uint64_t table = (count * 8 + granule - 1) / granule * granule;
	uint64_t published = 1, written = count * 8, patched = 0, syncs = 0;
	uint64_t sealed = table;
	struct codearena_stat stat;
	unsigned int i, k;

	for (i = 0; i < count; i++) {
		struct publisher *p = &publishers[i];
		uint64_t word;

		EXPECT_TRUE(settle_slot(p));
		published += p->count;
		written += p->written;
		patched += p->patches;
		syncs += p->syncs;
		for (k = 0; k < p->count; k++)
			sealed += (p->objects[k].length + granule - 1) /
				  granule * granule;
		check_bytes(_metadata, p);
		memcpy(&word, a->view + p->slot, sizeof(word));
		EXPECT_EQ(slot_to(p, p->count - 1), word);
		EXPECT_RETURNS(value_of(p->id, p->count - 1), a->view + p->slot);
	}
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(published, stat.out_published);
	EXPECT_EQ(written, stat.out_written);
	EXPECT_EQ(patched, stat.out_patched);
	EXPECT_EQ(syncs, stat.out_syncs);
	EXPECT_EQ(sealed, stat.out_sealed);
	EXPECT_EQ(table, stat.out_patchable);
	EXPECT_EQ(0, stat.out_discarded);
	EXPECT_EQ(a->length, stat.out_committed);
}

#define ARENAS_MAX	4

FIXTURE(publish) {
	struct arena arenas[ARENAS_MAX];
	struct publisher *publishers;
};

FIXTURE_VARIANT(publish) {
	unsigned int arenas;
	unsigned int publishers;	/* of each arena */
	unsigned int executors;		/* of each arena */
};

FIXTURE_VARIANT_ADD(publish, one_arena) {
	.arenas = 1,
	.publishers = 16,
	.executors = 4,
};

FIXTURE_VARIANT_ADD(publish, four_arenas) {
	.arenas = 4,
	.publishers = 4,
	.executors = 1,
};

FIXTURE_SETUP(publish)
{
	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	self->publishers = calloc(variant->arenas * variant->publishers,
				  sizeof(*self->publishers));
	ASSERT_NE(NULL, self->publishers);
}

FIXTURE_TEARDOWN(publish)
{
	free(self->publishers);
}

TEST_F(publish, while_others_execute)
{
	unsigned int count = variant->publishers;
	double until = seconds_now() + crew_budget();
	unsigned int i, k;

	do {
		struct executor executors[CREW_MAX] = {};
		struct crew publishing = {}, executing = {};
		unsigned int started = 0;

		for (i = 0; i < variant->arenas; i++) {
			ASSERT_TRUE(publishers_init(self->publishers + i * count,
						    count, &self->arenas[i],
						    &publishing));
		}
		for (i = 0; i < variant->arenas; i++)
			for (k = 0; k < variant->executors; k++)
				executors[started++] = (struct executor) {
					.crew = &executing,
					.a = &self->arenas[i],
					.publishers = self->publishers + i * count,
					.publisher_count = count,
				};
		ASSERT_TRUE(crew_start(&executing, started, executor_main,
				       executors, sizeof(executors[0])));
		ASSERT_TRUE(crew_start(&publishing, variant->arenas * count,
				       publisher_main, self->publishers,
				       sizeof(self->publishers[0])));
		ASSERT_TRUE(crew_join(&publishing));
		crew_stop(&executing);
		ASSERT_TRUE(crew_join(&executing));
		ASSERT_CREW(&publishing);
		ASSERT_CREW(&executing);
		for (i = 0; i < started; i++) {
			EXPECT_LT(0, executors[i].calls);
		}
		for (i = 0; i < variant->arenas; i++) {
			check_arena(_metadata, self->publishers + i * count,
				    count);
			arena_free(&self->arenas[i]);
		}
	} while (seconds_now() < until);
}

/*
 * Publish, run, discard, and again in the same place. An executor is handed each
 * function, runs it, and says that it has left it before it is discarded.
 */
#define REUSE_PAIRS	4
#define REUSE_CALLS	16

struct reuse {
	struct crew *crew;
	struct arena *a;
	unsigned int id;
	bool anchored;		/* other code of the page stays sealed */
	const uint8_t *handed;	/* function to run, NULL: no more */
	uint32_t wanted;
	sem_t given;
	sem_t left;
	uint64_t published;
	uint64_t discarded;
	uint64_t calls;
};

static void *reuse_executor(void *argument)
{
	struct reuse *r = argument;
	unsigned int i;

	for (;;) {
		sem_wait(&r->given);
		if (!r->handed)
			return NULL;
		for (i = 0; i < REUSE_CALLS; i++) {
			uint32_t value = 0;
			int signo = guarded_call(r->handed, &value);

			if (signo || value != r->wanted)
				crew_fail(r->crew, "signal %d, %#x instead of %#x",
					  signo, value, r->wanted);
			r->calls++;
		}
		sem_post(&r->left);
	}
}

static void reuse_hand_over(struct reuse *r, const uint8_t *code)
{
	r->handed = code;
	sem_post(&r->given);
	if (code)
		sem_wait(&r->left);
}

static bool reuse_once(struct reuse *r, unsigned int round, uint64_t *random)
{
	uint64_t granules = 1 + crew_random(random) % 8;
	uint64_t at = page_at(r->a, r->id) +
		      crew_random(random) % 32 * r->a->granule;
	uint8_t bytes[8 * 1024];
	uint64_t length = granules * r->a->granule;
	uint32_t value;
	int signo;

	memset(bytes, (int)round, sizeof(bytes));
	code_return(bytes, value_of(r->id, round));
	if (length > sizeof(bytes) ||
	    do_publish1(r->a->fd, at, bytes, length - 1, 0)) {
		crew_fail(r->crew, "PUBLISH: %s", strerror(errno));
		return false;
	}
	r->wanted = value_of(r->id, round);
	reuse_hand_over(r, r->a->view + at);
	if (do_discard1(r->a->fd, at, length)) {
		crew_fail(r->crew, "DISCARD: %s", strerror(errno));
		return false;
	}
	signo = guarded_call(r->a->view + at, &value);
	if (signo != (r->anchored ? CODE_TRAP_SIGNAL : SIGBUS)) {
		crew_fail(r->crew, "discarded code: signal %d", signo);
		return false;
	}
	r->published++;
	r->discarded += length;
	return true;
}

static void *reuse_publisher(void *argument)
{
	struct reuse *r = argument;
	uint64_t random = r->id;
	unsigned int i = 0;

	while (reuse_once(r, i++ % 60000, &random))
		if (!crew_goes_on(r->crew))
			break;
	reuse_hand_over(r, NULL);
	return NULL;
}

FIXTURE(reuse) {
	struct arena a;
};

FIXTURE_SETUP(reuse)
{
	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(arena_new(&self->a, 16, 0, 0));
	ASSERT_ZERO(do_commit(self->a.fd, 0, 16 * self->a.page));
}

FIXTURE_TEARDOWN(reuse)
{
	arena_free(&self->a);
}

TEST_F(reuse, after_the_executor_left)
{
	struct reuse pairs[REUSE_PAIRS] = {};
	struct crew crew = {};
	uint64_t published = 0, discarded = 0, anchors = 0;
	struct codearena_stat stat;
	unsigned int i;

	for (i = 0; i < REUSE_PAIRS; i++) {
		pairs[i] = (struct reuse) {
			.crew = &crew,
			.a = &self->a,
			.id = i,
			.anchored = i % 2,
		};
		sem_init(&pairs[i].given, 0, 0);
		sem_init(&pairs[i].left, 0, 0);
		if (!pairs[i].anchored)
			continue;
		anchors += self->a.granule;
		ASSERT_ZERO(do_seal(self->a.fd,
				    granule_at(&self->a, i, LAST_GRANULE),
				    self->a.granule, 0));
	}
	ASSERT_TRUE(crew_start(&crew, REUSE_PAIRS, reuse_executor, pairs,
			       sizeof(pairs[0])));
	ASSERT_TRUE(crew_start(&crew, REUSE_PAIRS, reuse_publisher, pairs,
			       sizeof(pairs[0])));
	ASSERT_TRUE(crew_join(&crew));
	ASSERT_CREW(&crew);

	for (i = 0; i < REUSE_PAIRS; i++) {
		EXPECT_LT(0, pairs[i].published);
		EXPECT_EQ(REUSE_CALLS * pairs[i].published, pairs[i].calls);
		published += pairs[i].published;
		discarded += pairs[i].discarded;
	}
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(published, stat.out_published);
	EXPECT_EQ(discarded, stat.out_discarded);
	EXPECT_EQ(discarded - published, stat.out_written);
	EXPECT_EQ(anchors, stat.out_sealed);
	EXPECT_EQ(0, stat.out_patchable);
	for (i = 0; i < 16; i++) {
		if (i < REUSE_PAIRS && i % 2)
			continue;
		ASSERT_ZERO(do_seal(self->a.fd,
				    granule_at(&self->a, i, LAST_GRANULE),
				    self->a.granule, 0));
	}
	for (i = 0; i < 16; i++) {
		EXPECT_TRAP_FILL(&self->a, page_at(&self->a, i), self->a.page);
	}
}

TEST_HARNESS_MAIN
