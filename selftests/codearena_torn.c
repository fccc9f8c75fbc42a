// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Slots of a jump table are patched under threads that run through them. Each
 * run must end in the old target or in the new one, never in between; and after
 * a synchronised patch whoever comes later reaches the new one.
 *
 * CODEARENA_STRESS_SECONDS=N: each test patches for N seconds.
 */
#include "lib/harness.h"
#include <sched.h>

#include "lib/crew.h"
#include "lib/slots.h"

#define SLOTS		128
#define RUNNERS		5
#define PATCHERS	3

/* A near jump of arm64 reaches 128 MiB, one of riscv64 1 MiB. */
#if defined(__aarch64__)
#define ARENA_LENGTH	(96ULL << 20)
#elif defined(__riscv)
#define ARENA_LENGTH	(31ULL << 16)
#else
#define ARENA_LENGTH	(1ULL << 30)
#endif

#define THUNKS		2
#define THUNK_MAX	32

/*
 * A thunk: count that this thunk was entered; begin again at the slot until the
 * runner's flag is set; then return the thunk's number. So the processor stays
 * in code, and passes the slot as often as it can.
 */
typedef uint32_t (*thunk_fn)(const uint32_t *stop, uint64_t *entered);

static size_t thunk_make(uint8_t *to, uint64_t at, uint64_t slot,
			 unsigned int number)
{
#if defined(__x86_64__)
	uint8_t code[] = {
		0x48, 0xff, 0x46, (uint8_t)(8 * number), /* incq 8*n(%rsi) */
		0x83, 0x3f, 0x00,			/* cmpl $0, (%rdi) */
		0x0f, 0x84, 0, 0, 0, 0,			/* je slot */
		0xb8, (uint8_t)number, 0, 0, 0,		/* mov $n, %eax */
		0xc3,					/* ret */
	};
	uint32_t distance = (uint32_t)(slot - (at + 13));

	memcpy(code + 9, &distance, sizeof(distance));
#elif defined(__aarch64__)
	uint32_t code[] = {
		0xf9400022 | number << 10,	/* ldr x2, [x1, #8*n] */
		0x91000442,			/* add x2, x2, #1 */
		0xf9000022 | number << 10,	/* str x2, [x1, #8*n] */
		0xb9400003,			/* ldr w3, [x0] */
		0x35000043,			/* cbnz w3, 2 further */
		0x14000000 | ((uint32_t)(slot - (at + 20)) >> 2 & 0x03ffffff),
		0x52800000 | number << 5,	/* movz w0, #n */
		0xd65f03c0,			/* ret */
	};
#elif defined(__riscv)
	uint32_t code[] = {
		0x0005b603 | number << 23,	/* ld a2, 8*n(a1) */
		0x00160613,			/* addi a2, a2, 1 */
		0x00c5b023 | number << 10,	/* sd a2, 8*n(a1) */
		0x00052683,			/* lw a3, 0(a0) */
		0x00069463,			/* bnez a3, 2 further */
		(uint32_t)slot_near(at + 20, slot),
		0x00000513 | number << 20,	/* li a0, n */
		0x00008067,			/* ret */
	};
#else
	uint8_t code[THUNK_MAX] = {};

	(void)at;
	(void)slot;
	(void)number;
#endif
	_Static_assert(sizeof(code) <= THUNK_MAX, "thunk too long");
	memcpy(to, code, sizeof(code));
	return sizeof(code);
}

enum slot_kind { NEAR, NEAR_HALF, FAR, FAR_HALF };

/**
 * struct slot - one slot with its two targets
 * @a: where it is
 * @kind: its form, and the width of the patches
 * @at: its offset
 * @patch_at: offset of the word that changes
 * @width: of that word
 * @thunks: offsets of the targets
 * @words: the slot's word for each of them
 * @leads_to: which of them is the target now, protected by @lock
 * @lock: one patcher at a time
 */
struct slot {
	struct arena *a;
	enum slot_kind kind;
	uint64_t at;
	uint64_t patch_at;
	uint32_t width;
	uint64_t thunks[THUNKS];
	uint64_t words[THUNKS];
	unsigned int leads_to;
	pthread_mutex_t lock;
};

static uint64_t slot_word(const struct slot *slot, unsigned int thunk)
{
	uint64_t target = slot->thunks[thunk];

	switch (slot->kind) {
	case NEAR:
		return slot_near(slot->at, target);
	case NEAR_HALF:
		return slot_half(slot_near_half(slot->at, target));
	case FAR:
		return (uintptr_t)slot->a->view + target;
	case FAR_HALF:
		return (uint32_t)((uintptr_t)slot->a->view + target);
	}
	return 0;
}

static void slot_place_patch(struct slot *slot)
{
	switch (slot->kind) {
	case NEAR:
		slot->patch_at = slot->at;
		slot->width = 8;
		break;
	case NEAR_HALF:
		slot->patch_at = slot->at + SLOT_HALF_AT;
		slot->width = 4;
		break;
	case FAR:
		slot->patch_at = slot->at + SLOT_FAR_TARGET_AT;
		slot->width = 8;
		break;
	case FAR_HALF:
		slot->patch_at = slot->at + SLOT_FAR_TARGET_AT;
		slot->width = 4;
		break;
	}
}

/* The bytes of a slot whose target is its first thunk. */
static void slot_make(const struct slot *slot, uint64_t to[2])
{
	to[1] = (uintptr_t)slot->a->view + slot->thunks[0];
	if (slot->kind == NEAR)
		to[0] = slot_near(slot->at, slot->thunks[0]);
	else if (slot->kind == NEAR_HALF)
		to[0] = slot_near_half(slot->at, slot->thunks[0]);
	else
		to[0] = slot_far_code();
}

static size_t slot_size(enum slot_kind kind)
{
	return kind == NEAR || kind == NEAR_HALF ? 8 : 16;
}

/*
 * The table lies in the middle of the arena, the thunks at random granules of
 * pages that have no other use, all over it.
 */
static uint64_t table_at(const struct arena *a)
{
	return a->length / 2;
}

static bool thunk_place(struct arena *a, uint64_t *random, uint64_t high,
			uint64_t *at)
{
	uint64_t pages = a->length / a->page;
	unsigned int tries;

	for (tries = 0; tries < 1000; tries++) {
		uint64_t page = crew_random(random) % pages;
		uint64_t granule = crew_random(random) % 64;

		*at = granule_at(a, page, granule);
		/* A word of 4 bytes can only change the lower half. */
		if (high && ((uintptr_t)a->view + *at) >> 32 != high)
			continue;
		if (!do_commit(a->fd, page_at(a, page), a->page))
			return true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static bool slot_init(struct slot *slot, uint64_t *random)
{
	struct codearena_object objects[THUNKS];
	uint8_t code[THUNKS][THUNK_MAX];
	uint64_t high = 0;
	unsigned int i;

	pthread_mutex_init(&slot->lock, NULL);
	slot_place_patch(slot);
	for (i = 0; i < THUNKS; i++) {
		size_t size;

		if (!thunk_place(slot->a, random, high, &slot->thunks[i]))
			return false;
		if (slot->kind == FAR_HALF)
			high = ((uintptr_t)slot->a->view + slot->thunks[i]) >> 32;
		size = thunk_make(code[i], slot->thunks[i], slot->at, i);
		objects[i] = object_of(slot->thunks[i], code[i], size, 0);
		slot->words[i] = slot_word(slot, i);
	}
	return !do_publish(slot->a->fd, objects, THUNKS, NULL, 0, 0);
}

/* Without gaps, so that every alignment in a cache line occurs. */
static bool table_init(struct arena *a, struct slot *slots,
		       enum slot_kind kind)
{
	uint64_t words[SLOTS * 2];
	uint64_t random = 1 + kind;
	unsigned int i;

	if (do_commit(a->fd, table_at(a), a->page))
		return false;
	for (i = 0; i < SLOTS; i++) {
		slots[i] = (struct slot) {
			.a = a,
			.kind = kind,
			.at = table_at(a) + i * slot_size(kind),
		};
		if (!slot_init(&slots[i], &random))
			return false;
		slot_make(&slots[i], words + i * slot_size(kind) / 8);
	}
	return !do_publish1(a->fd, table_at(a), words, SLOTS * slot_size(kind),
			    CODEARENA_OBJECT_F_PATCHABLE);
}

static int slot_flip(struct slot *slot, uint32_t flags)
{
	unsigned int to = !slot->leads_to;
	struct codearena_patch_entry entry =
		patch_of(slot->patch_at, slot->width,
			 slot->words[slot->leads_to], slot->words[to]);

	if (do_patch(slot->a->fd, &entry, 1, flags))
		return -1;
	slot->leads_to = to;
	return 0;
}

struct runner {
	struct crew *crew;
	struct slot *slot;
	const uint32_t *stop;
	uint64_t entered[THUNKS];
};

struct patcher {
	struct crew *crew;
	struct slot *slot;
	uint32_t flags;
	uint64_t patches;
};

static void *runner_main(void *argument)
{
	struct runner *r = argument;
	thunk_fn run = (thunk_fn)(uintptr_t)(r->slot->a->view + r->slot->at);
	uint32_t number = run(r->stop, r->entered);

	if (number >= THUNKS)
		crew_fail(r->crew, "a runner came back with %u", number);
	return NULL;
}

static void *patcher_main(void *argument)
{
	struct patcher *p = argument;
	int ret;

	do {
		pthread_mutex_lock(&p->slot->lock);
		ret = slot_flip(p->slot, p->flags);
		pthread_mutex_unlock(&p->slot->lock);
		if (ret) {
			crew_fail(p->crew, "PATCH: %s", strerror(errno));
			break;
		}
		p->patches++;
	} while (crew_goes_on(p->crew));
	return NULL;
}

/*
 * Patches a slot until a time, adds how often each thunk was entered, and returns the
 * patches made.
 */
static uint64_t run_slot(struct __test_metadata *_metadata, struct slot *slot,
			 uint32_t flags, double until, uint64_t entered[THUNKS])
{
	struct runner runners[RUNNERS] = {};
	struct patcher patchers[PATCHERS] = {};
	struct crew running = {}, patching = { .until = until };
	uint32_t stop = 0;
	uint64_t patches = 0;
	unsigned int i;

	for (i = 0; i < RUNNERS; i++)
		runners[i] = (struct runner) {
			.crew = &running,
			.slot = slot,
			.stop = &stop,
		};
	for (i = 0; i < PATCHERS; i++)
		patchers[i] = (struct patcher) {
			.crew = &patching,
			.slot = slot,
			.flags = flags,
		};
	ASSERT_TRUE(crew_start(&running, RUNNERS, runner_main, runners,
			       sizeof(runners[0])));
	ASSERT_TRUE(crew_start(&patching, PATCHERS, patcher_main, patchers,
			       sizeof(patchers[0])));
	ASSERT_TRUE(crew_join(&patching));
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	ASSERT_TRUE(crew_join(&running));
	ASSERT_CREW(&patching);
	ASSERT_CREW(&running);
	for (i = 0; i < RUNNERS; i++) {
		EXPECT_LT(0, runners[i].entered[0] + runners[i].entered[1]);
		entered[0] += runners[i].entered[0];
		entered[1] += runners[i].entered[1];
	}
	for (i = 0; i < PATCHERS; i++)
		patches += patchers[i].patches;
	return patches;
}

FIXTURE(torn) {
	struct arena a;
	struct slot slots[SLOTS];
};

FIXTURE_VARIANT(torn) {
	enum slot_kind kind;
	uint32_t flags;
	unsigned int step;	/* every step-th slot */
};

FIXTURE_VARIANT_ADD(torn, near_slot) {
	.kind = NEAR,
	.step = 1,
};

FIXTURE_VARIANT_ADD(torn, near_slot_width_4) {
	.kind = NEAR_HALF,
	.step = 3,
};

/* A step that is odd visits every place in a cache line too. */
FIXTURE_VARIANT_ADD(torn, near_slot_sync) {
	.kind = NEAR,
	.flags = CODEARENA_PATCH_F_SYNC,
	.step = 17,
};

FIXTURE_VARIANT_ADD(torn, far_slot) {
	.kind = FAR,
	.step = 3,
};

FIXTURE_VARIANT_ADD(torn, far_slot_width_4) {
	.kind = FAR_HALF,
	.step = 5,
};

FIXTURE_SETUP(torn)
{
	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(arena_new(&self->a,
			      ARENA_LENGTH / (uint64_t)sysconf(_SC_PAGESIZE),
			      0, 0));
	ASSERT_TRUE(table_init(&self->a, self->slots, variant->kind)) {
		TH_LOG("%s", strerror(errno));
	}
}

FIXTURE_TEARDOWN(torn)
{
	arena_free(&self->a);
}

/*
 * QEMU 7.2 may keep the translation of a slot that is stored to while another
 * of its processors translates it, and then runs the old one for ever. It says
 * so in the name of an x86 processor, and in arm64's implementer.
 */
static bool is_emulated(void)
{
	FILE *cpuinfo = fopen("/proc/cpuinfo", "re");
	bool found = false;
	char line[256];

	while (cpuinfo && !found && fgets(line, sizeof(line), cpuinfo))
		found = (!strncmp(line, "model name", 10) &&
			 strstr(line, "QEMU")) ||
			(!strncmp(line, "CPU implementer", 15) &&
			 strstr(line, ": 0x00"));
	if (cpuinfo)
		fclose(cpuinfo);
	return found;
}

TEST_F(torn, runs_end_in_one_of_the_thunks)
{
	uint64_t entered[THUNKS] = {};
	struct codearena_stat stat;
	double begin = seconds_now();
	uint64_t patches = 0;
	uint64_t word;
	/* Threads begin and end for each of them: a debug kernel gets few. */
	const unsigned int step = is_debug_kernel() ? 17 : variant->step;
	unsigned int i;

	for (i = 0; i < SLOTS; i += step) {
		struct slot *slot = &self->slots[i];

		/* The same time for each of them. */
		patches += run_slot(_metadata, slot, variant->flags,
				    begin + crew_budget() * (i + step) /
				    SLOTS, entered);
		word = 0;
		memcpy(&word, self->a.view + slot->patch_at, slot->width);
		EXPECT_EQ(slot->words[slot->leads_to], word);
	}
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(patches, stat.out_patched);
	EXPECT_EQ(variant->flags ? patches : 0, stat.out_syncs);
	if (is_emulated() && !_metadata->passed)
		return;
	if (is_emulated() && (!entered[0] || !entered[1]))
		SKIP(return, "the emulator ran one translation all the time");
	/* Otherwise the patches were not made under the runners. */
	EXPECT_LT(0, entered[0]);
	EXPECT_LT(0, entered[1]);
}

/*
 * The detector detects: stores of single bytes through a writable alias, as no
 * arena has one, must end in a signal. Each lasts long enough to be run.
 */
struct clumsy {
	uint8_t *alias;
	uint64_t words[THUNKS];
	uint32_t stop;
};

static void *clumsy_main(void *argument)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct clumsy *c = argument;
	unsigned int round, i;

	for (round = 1; round < 1000; round++) {
		for (i = 0; i < 8; i++) {
			c->alias[i] = (uint8_t)(c->words[round % 2] >> 8 * i);
			nanosleep(&nap, NULL);
		}
	}
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int clumsy_child(void *argument)
{
	uint64_t entered[THUNKS] = {};
	struct clumsy c = {};
	uint8_t *view;
	pthread_t thread;
	unsigned int i;
	int fd;

	(void)argument;
	fd = memfd_create("clumsy", MFD_CLOEXEC);
	CHECK(fd >= 0 && !ftruncate(fd, 1 << 20));
	c.alias = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	view = mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	CHECK(c.alias != MAP_FAILED && view != MAP_FAILED);
	/* Distances that differ in all bytes that can differ here. */
	for (i = 0; i < THUNKS; i++) {
		uint64_t at = i ? 0xf1230 : 0x1040;

		thunk_make(c.alias + at, at, 0, i);
		c.words[i] = slot_near(0, at);
	}
	memcpy(c.alias, &c.words[0], 8);
	__builtin___clear_cache((char *)view, (char *)view + (1 << 20));
	CHECK(!pthread_create(&thread, NULL, clumsy_main, &c));
	((thunk_fn)(uintptr_t)view)(&c.stop, entered);
	return 0;
}

TEST(torn_stores_do_not_go_unseen)
{
	int status;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	status = run_child(clumsy_child, NULL);
	/* It ran into zeroes of the memfd, traps, or unmapped memory. */
	EXPECT_TRUE(status == 256 + SIGTRAP || status == 256 + SIGSEGV ||
		    status == 256 + SIGILL || status == 256 + SIGBUS) {
		TH_LOG("status %d", status);
	}
}

/*
 * Handshake: one thread patches, then has the other run the slot. Nobody
 * is in the slot while it changes, so the one word is all that may be stale.
 */
struct handshake {
	struct crew *crew;
	struct slot *slot;
	uint32_t asked;
	uint32_t answered;
	uint32_t number;
	int cpu;
};

static void pin_to(int cpu)
{
	cpu_set_t set;

	/* With one processor both stay on it, and the test still holds. */
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *handshake_main(void *argument)
{
	struct handshake *h = argument;
	thunk_fn run = (thunk_fn)(uintptr_t)(h->slot->a->view + h->slot->at);
	const uint32_t stop = 1;
	uint64_t entered[THUNKS] = {};
	uint32_t done = 0;

	pin_to(h->cpu);
	while (!crew_stopped(h->crew)) {
		uint32_t asked = __atomic_load_n(&h->asked, __ATOMIC_ACQUIRE);

		if (asked == done) {
			sched_yield();
			continue;
		}
		h->number = run(&stop, entered);
		done = asked;
		__atomic_store_n(&h->answered, done, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void ask(struct __test_metadata *_metadata, struct handshake *h,
		uint32_t round)
{
	double until = seconds_now() + HANG_SECONDS;

	__atomic_store_n(&h->asked, round, __ATOMIC_RELEASE);
	while (__atomic_load_n(&h->answered, __ATOMIC_ACQUIRE) != round) {
		sched_yield();
		ASSERT_LT(seconds_now(), until);
	}
}

FIXTURE(handshake) {
	struct arena a;
	struct slot slots[SLOTS];
};

FIXTURE_VARIANT(handshake) {
	enum slot_kind kind;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(handshake, near_slot_sync) {
	.kind = NEAR,
	.flags = CODEARENA_PATCH_F_SYNC,
};

FIXTURE_VARIANT_ADD(handshake, far_slot_sync) {
	.kind = FAR,
	.flags = CODEARENA_PATCH_F_SYNC,
};

/* The target of a far slot is data, for which the handshake is enough. */
FIXTURE_VARIANT_ADD(handshake, far_slot) {
	.kind = FAR,
};

FIXTURE_SETUP(handshake)
{
	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(arena_new(&self->a,
			      ARENA_LENGTH / (uint64_t)sysconf(_SC_PAGESIZE),
			      0, 0));
	ASSERT_TRUE(table_init(&self->a, self->slots, variant->kind));
}

FIXTURE_TEARDOWN(handshake)
{
	arena_free(&self->a);
}

TEST_F(handshake, whoever_comes_later_reaches_the_new_target)
{
	struct crew crew = {};
	struct handshake h = {
		.crew = &crew,
		.slot = &self->slots[17],
		.cpu = 1,
	};
	struct codearena_stat stat;
	uint32_t round = 0;

	pin_to(0);
	ASSERT_TRUE(crew_start(&crew, 1, handshake_main, &h, sizeof(h)));
	do {
		ASSERT_ZERO(slot_flip(h.slot, variant->flags));
		ask(_metadata, &h, ++round);
		ASSERT_EQ(h.slot->leads_to, h.number) {
			TH_LOG("round %u", round);
		}
	} while (crew_goes_on(&crew));
	crew_stop(&crew);
	ASSERT_TRUE(crew_join(&crew));
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(round, stat.out_patched);
	EXPECT_EQ(variant->flags ? round : 0, stat.out_syncs);
}

TEST_HARNESS_MAIN
