// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * A processor is taken away and brought back while threads publish and patch with
 * SYNC. What a PATCH with SYNC has replaced is never executed again, nowhere, and
 * no call waits for a processor that is gone.
 */
#include "lib/harness.h"

#include "lib/fault.h"
#include "lib/slots.h"

#define ONLINE		"/sys/devices/system/cpu/cpu1/online"
#define ROUNDS_EACH	8	/* at least, of those who patch, publish and execute */
#define EXECUTORS	3
#define FUNCTIONS	64

/**
 * struct hotplug - what the threads of the test share
 * @crew: the threads
 * @a: an arena with a far slot in its first page, functions in the second
 * @lane: after these, for publishing
 * @oldest: number of the slot's target when SYNC returned last
 * @patches: how many
 * @calls: through the slot
 * @cycles: how often the processor went and came
 * @longest: seconds that it took
 */
struct hotplug {
	struct crew crew;
	struct arena a;
	struct lane lane;
	uint32_t oldest;
	uint32_t patches;
	uint32_t calls;
	unsigned int cycles;
	double longest;
};

/* Function n returns a number of which n is the remainder. */
static uint64_t function_at(const struct hotplug *h, uint32_t number)
{
	return granule_at(&h->a, 1, number % FUNCTIONS);
}

static void *patch(void *argument)
{
	struct hotplug *h = argument;

	for (uint32_t number = 1; !crew_stopped(&h->crew); number++) {
		uintptr_t view = (uintptr_t)h->a.view;
		struct codearena_patch_entry entry =
			patch_of(SLOT_FAR_TARGET_AT, 8,
				 view + function_at(h, number - 1),
				 view + function_at(h, number));

		if (do_patch(h->a.fd, &entry, 1, CODEARENA_PATCH_F_SYNC)) {
			crew_fail(&h->crew, "PATCH: %s", strerror(errno));
			break;
		}
		__atomic_store_n(&h->oldest, number, __ATOMIC_RELEASE);
		h->patches = number;
		if (number == ROUNDS_EACH)
			crew_saw(&h->crew);
	}
	return NULL;
}

static void *execute(void *argument)
{
	struct hotplug *h = argument;

	while (!crew_stopped(&h->crew)) {
		uint32_t oldest = __atomic_load_n(&h->oldest, __ATOMIC_ACQUIRE);
		uint32_t value = POISON32, newest;
		int signo = guarded_call(h->a.view, &value);

		/* It may be one newer than the last that SYNC has confirmed. */
		newest = __atomic_load_n(&h->oldest, __ATOMIC_ACQUIRE) + 1;
		if (newest - oldest < FUNCTIONS &&
		    (signo || value >= FUNCTIONS ||
		     (value - oldest) % FUNCTIONS > newest - oldest)) {
			crew_fail(&h->crew, "signal %d, function %u not %u to %u",
				  signo, value, oldest % FUNCTIONS,
				  newest % FUNCTIONS);
			break;
		}
		if (__atomic_add_fetch(&h->calls, 1, __ATOMIC_RELAXED) ==
		    ROUNDS_EACH)
			crew_saw(&h->crew);
	}
	return NULL;
}

static void *publish(void *argument)
{
	struct hotplug *h = argument;

	while (!crew_stopped(&h->crew)) {
		if (lane_step(&h->lane)) {
			if (h->lane.steps == ROUNDS_EACH)
				crew_saw(&h->crew);
			continue;
		}
		crew_fail(&h->crew, "publishing: %s", strerror(h->lane.error));
		break;
	}
	return NULL;
}

static void *unplug(void *argument)
{
	struct hotplug *h = argument;

	do {
		double begin = seconds_now();

		if (write_file(ONLINE, "0")) {
			crew_fail(&h->crew, "it does not go: %s",
				  strerror(errno));
			break;
		}
		usleep(20000);
		if (write_file(ONLINE, "1")) {
			crew_fail(&h->crew, "it does not come back: %s",
				  strerror(errno));
			break;
		}
		begin = seconds_now() - begin;
		if (h->longest < begin)
			h->longest = begin;
		h->cycles++;
		usleep(20000);
	} while (crew_goes_on(&h->crew));
	crew_stop(&h->crew);
	return NULL;
}

static bool hotplug_init(struct hotplug *h)
{
	struct codearena_object objects[FUNCTIONS + 1];
	uint8_t code[FUNCTIONS][CODE_SIZE];
	uint64_t slot[2] = { slot_far_code() };

	if (arena_new(&h->a, 2 + LANE_PAGES, 0, 0) ||
	    do_commit(h->a.fd, 0, h->a.length))
		return false;
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		code_return(code[i], i);
		objects[i] = object_of(function_at(h, i), code[i], CODE_SIZE, 0);
	}
	slot[1] = (uintptr_t)h->a.view + function_at(h, 0);
	objects[FUNCTIONS] = object_of(0, slot, sizeof(slot),
				       CODEARENA_OBJECT_F_PATCHABLE);
	h->lane = (struct lane) {
		.fd = h->a.fd,
		.base = page_at(&h->a, 2),
		.page = h->a.page,
		.granule = h->a.granule,
		.random = fault_seed(),
	};
	return !do_publish(h->a.fd, objects, FUNCTIONS + 1, NULL, 0, 0) &&
	       lane_init(&h->lane);
}

FIXTURE(hotplug) {
	struct hotplug h;
	uint64_t total;
	bool usable;
};

FIXTURE_SETUP(hotplug)
{
	char text[8];

	self->total = crew_total();
	self->usable = !access(ONLINE, W_OK) &&
		       !read_file(ONLINE, text, sizeof(text)) && text[0] == '1';
	if (self->usable && HAVE_CODE)
		ASSERT_TRUE(hotplug_init(&self->h));
}

FIXTURE_TEARDOWN(hotplug)
{
	if (!self->usable)
		return;
	write_file(ONLINE, "1");
	arena_free(&self->h.a);
	EXPECT_TRUE(crew_total_becomes(self->total));
}

TEST_F(hotplug, while_patching_with_sync)
{
	struct hotplug *h = &self->h;
	struct codearena_stat stat;
	unsigned int i;

	if (!self->usable)
		SKIP(return, "no second processor that can be taken away");
	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	/* None of them stands still while the processor comes and goes. */
	h->crew.awaited = 3;
	ASSERT_TRUE(crew_start(&h->crew, 1, patch, h, 0));
	ASSERT_TRUE(crew_start(&h->crew, 1, publish, h, 0));
	for (i = 0; i < EXECUTORS; i++)
		ASSERT_TRUE(crew_start(&h->crew, 1, execute, h, 0));
	ASSERT_TRUE(crew_start(&h->crew, 1, unplug, h, 0));
	ASSERT_TRUE(crew_join(&h->crew));
	ASSERT_CREW(&h->crew);
	TH_LOG("%u cycles of at most %.2f s, %u patches, %u steps, %u calls",
	       h->cycles, h->longest, h->patches, h->lane.steps, h->calls);
	EXPECT_LT(0, h->cycles);
	EXPECT_EQ(0, h->crew.awaited);
	ASSERT_ZERO(do_stat(h->a.fd, &stat));
	EXPECT_LE(h->patches, stat.out_syncs);
	EXPECT_RETURNS(h->patches % FUNCTIONS, h->a.view);
}

TEST_HARNESS_MAIN
