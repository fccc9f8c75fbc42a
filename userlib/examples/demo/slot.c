// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A slot that is retargeted while another thread calls through it, until its
 * first target can be discarded.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define REDIRECTIONS	4000
#define REPETITIONS	50	/* where the emulator misses redirections */
#define WORDS		64
#define PATIENCE	60	/* seconds */

typedef int sort_fn(void *base, size_t count, size_t size,
		    sort_compare_fn *compare);

struct worker {
	sort_fn *sort;
	uint64_t rounds;	/* finished calls; atomic */
	uint64_t errors;	/* for others once the thread has ended */
	bool stop;		/* atomic */
	bool pause;		/* atomic */
	bool paused;		/* atomic */
};

struct slot {
	uint64_t offset;
	uint64_t word;		/* what it holds */
	uint32_t width;
};

/* What lies before the word that redirections exchange. */
#if defined(__riscv)
static const uint32_t head[] = {
	0x00000f97,	/* auipc t6, 0 */
	0x010fbf83,	/* ld t6, 16(t6) */
	0x000f8067,	/* jr t6 */
	0x00000013,	/* nop */
};
#define HEAD	sizeof(head)
#else
static const uint32_t head[1];
#define HEAD	0
#endif

/* Encode a branch from the slot to @target; false: out of reach. */
static bool encode(const struct demo *demo, const struct slot *slot,
		   uint64_t target, uint64_t *word)
{
#if defined(__riscv)
	/* Two instructions cannot be exchanged at once, so they load this. */
	(void)demo;
	(void)slot;
	*word = target;
	return true;
#else
	uint64_t address = (uintptr_t)codearena_arena_base(demo->arena) +
			   slot->offset;
#endif
#if defined(__x86_64__)
	int64_t distance = target - (address + 5);

	/* jmp rel32, then int3: an aligned word can be replaced at once. */
	*word = 0xccccccULL << 40 | (uint64_t)(uint32_t)distance << 8 | 0xe9;
	return distance == (int32_t)distance;
#elif defined(__aarch64__)
	int64_t distance = target - address;

	/* b */
	*word = 0x14000000U | ((distance >> 2) & 0x3ffffff);
	return distance >= -(1LL << 27) && distance < 1LL << 27;
#elif !defined(__riscv)
#error "no jump-table slot for this architecture"
#endif
}

static bool make_slot(struct demo *demo, struct slot *slot, uint64_t target)
{
	struct demo_object place = { 0 };
	struct codearena_object object = {
		.flags = CODEARENA_OBJECT_F_PATCHABLE,
	};
	uint8_t bytes[HEAD + sizeof(slot->word)];
	int ret;

#if defined(__aarch64__)
	slot->width = 4;
#else
	slot->width = 8;
#endif
	if (!demo_reserve_place(demo, &place, sizeof(bytes)))
		return false;
	slot->offset = place.offset;
	if (!demo_check(demo, encode(demo, slot, target, &slot->word),
			"the slot does not reach its target"))
		return false;
	object.offset = slot->offset;
	memcpy(bytes, head, HEAD);
	memcpy(bytes + HEAD, &slot->word, sizeof(slot->word));
	object.source = (uintptr_t)bytes;
	object.length = HEAD + slot->width;
	ret = codearena_arena_publish(demo->arena, &object, 1, NULL, 0, 0,
				      NULL);
	return demo_check(demo, !ret, "publish the slot: %s", strerror(-ret));
}

static bool redirect(struct demo *demo, struct slot *slot, uint64_t target)
{
	struct codearena_patch_entry entry = {
		.offset = slot->offset + HEAD,
		.expected = slot->word,
		.width = slot->width,
	};
	int ret = -EOVERFLOW;

	if (encode(demo, slot, target, &slot->word)) {
		entry.value = slot->word;
		ret = codearena_arena_patch(demo->arena, &entry, 1,
					    CODEARENA_PATCH_F_SYNC, NULL);
	}
	return demo_check(demo, !ret, "redirect the slot: %s", strerror(-ret));
}

static void rest(struct worker *worker)
{
	__atomic_store_n(&worker->paused, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&worker->pause, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(&worker->paused, false, __ATOMIC_RELEASE);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t state = 815;

	while (!__atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE)) {
		uint32_t values[WORDS];
		uint64_t before = 0, after = 0;
		bool ordered = true;

		if (__atomic_load_n(&worker->pause, __ATOMIC_ACQUIRE))
			rest(worker);
		for (int i = 0; i < WORDS; i++) {
			values[i] = demo_random(&state);
			before += values[i];
		}
		ordered = !worker->sort(values, WORDS, sizeof(values[0]),
					demo_compare);
		for (int i = 0; i < WORDS; i++) {
			after += values[i];
			if (i && values[i - 1] > values[i])
				ordered = false;
		}
		if (!ordered || before != after)
			worker->errors++;
		__atomic_add_fetch(&worker->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Wait until calls that had begun before return, and one more. */
static bool wait_rounds(struct demo *demo, const struct worker *worker)
{
	uint64_t from = __atomic_load_n(&worker->rounds, __ATOMIC_ACQUIRE);
	time_t end = time(NULL) + PATIENCE;

	while (__atomic_load_n(&worker->rounds, __ATOMIC_ACQUIRE) < from + 2) {
		if (time(NULL) > end)
			return demo_check(demo, false,
					  "the thread makes no progress");
		sched_yield();
	}
	return true;
}

static uint64_t counter(const uint64_t *address)
{
	return __atomic_load_n(address, __ATOMIC_RELAXED);
}

static void redirect_often(struct demo *demo, struct slot *slot,
			   const struct worker *worker, uint64_t intro,
			   uint64_t merge)
{
	for (int i = 0; i < REDIRECTIONS; i++) {
		if (!redirect(demo, slot, i & 1 ? intro : merge))
			return;
		/* With one processor, lets the other thread run. */
		if (i % 32 < 2 && !wait_rounds(demo, worker))
			return;
	}
	redirect(demo, slot, merge);
}

/*
 * QEMU, when it emulates several processors, may keep its translation of a word
 * that changes while another processor executes it. On real processors that is a
 * failure.
 */
static bool is_emulated(void)
{
	FILE *cpuinfo = fopen("/proc/cpuinfo", "re");
	bool emulated = false;
	char line[256];

	if (!cpuinfo)
		return false;
	while (!emulated && fgets(line, sizeof(line), cpuinfo))
		emulated = (!strncmp(line, "model name", 10) &&
			    strstr(line, "QEMU")) ||
			   (!strncmp(line, "CPU implementer", 15) &&
			    strstr(line, ": 0x00"));
	fclose(cpuinfo);
	return emulated;
}

/*
 * Run another process for a moment. QEMU may also forget that it has translated a
 * page, until the processor that stores to it has switched address spaces.
 */
static void switch_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Retarget again while the thread is paused. */
static bool redirect_paused(struct demo *demo, struct slot *slot,
			    struct worker *worker, uint64_t intro,
			    uint64_t merge)
{
	time_t end = time(NULL) + PATIENCE;
	bool ok = true;

	__atomic_store_n(&worker->pause, true, __ATOMIC_RELEASE);
	while (ok && !__atomic_load_n(&worker->paused, __ATOMIC_ACQUIRE)) {
		if (time(NULL) > end)
			ok = demo_check(demo, false, "the thread hangs");
		sched_yield();
	}
	switch_process();
	ok = ok && redirect(demo, slot, intro) && redirect(demo, slot, merge);
	__atomic_store_n(&worker->pause, false, __ATOMIC_RELEASE);
	return ok;
}

/* Do new calls execute only the new code? */
static bool has_left(struct demo *demo, const struct worker *worker,
		     const uint64_t *intro_calls, bool *left)
{
	uint64_t calls;

	if (!wait_rounds(demo, worker))
		return false;
	calls = counter(intro_calls);
	if (!wait_rounds(demo, worker) || !wait_rounds(demo, worker))
		return false;
	*left = counter(intro_calls) == calls;
	return true;
}

static bool leave(struct demo *demo, struct slot *slot, struct worker *worker,
		  uint64_t intro, uint64_t merge, const uint64_t *intro_calls)
{
	unsigned int repetitions = 0;
	bool left;

	if (!has_left(demo, worker, intro_calls, &left))
		return false;
	if (!left && is_emulated()) {
		printf("  The emulator did not see the last redirection.\n"
		       "  It is repeated while the thread rests.\n");
		repetitions = REPETITIONS;
	}
	while (!left && repetitions--) {
		if (!redirect_paused(demo, slot, worker, intro, merge) ||
		    !has_left(demo, worker, intro_calls, &left))
			return false;
	}
	return demo_check(demo, left, "the old sort is still called");
}

/* Replace code that is no longer called by other code, and run that. */
static void replace(struct demo *demo, struct demo_object *old)
{
	struct demo_object json = { .offset = old->offset, .room = old->room };
	int ret = codearena_elf_unload(old->elf);

	if (!demo_check(demo, !ret, "discard %s: %s", old->file,
			codearena_elf_error(old->elf)))
		return;
	printf("  %s discarded, its place is used again:\n", old->file);
	if (demo_open(demo, &json, "parse.o") && demo_load(demo, &json))
		demo_run_json(demo, &json);
	codearena_elf_close(json.elf);
}

static bool addresses(struct demo *demo, const struct demo_object *object,
		      const char *function, const char *calls,
		      uint64_t *address, const uint64_t **count)
{
	uint64_t data;

	if (!demo_address(demo, object, function, address) ||
	    !demo_address(demo, object, calls, &data))
		return false;
	*count = (const uint64_t *)(uintptr_t)data;
	return true;
}

void demo_run_slot(struct demo *demo, struct demo_object *intro,
		   struct demo_object *merge)
{
	uint64_t intro_address, merge_address, old_calls, new_calls;
	const uint64_t *intro_calls, *merge_calls;
	struct worker worker = { 0 };
	struct slot slot = { 0 };
	pthread_t thread;
	int ret;

	if (!addresses(demo, intro, "sort_intro", "sort_intro_calls",
		       &intro_address, &intro_calls) ||
	    !addresses(demo, merge, "sort_merge", "sort_merge_calls",
		       &merge_address, &merge_calls) ||
	    !make_slot(demo, &slot, intro_address))
		return;
	worker.sort = (sort_fn *)((uintptr_t)codearena_arena_base(demo->arena) +
				  slot.offset);
	old_calls = counter(intro_calls);
	new_calls = counter(merge_calls);
	ret = pthread_create(&thread, NULL, work, &worker);
	if (!demo_check(demo, !ret, "thread: %s", strerror(ret)))
		return;

	if (wait_rounds(demo, &worker))
		redirect_often(demo, &slot, &worker, intro_address,
			       merge_address);
	if (leave(demo, &slot, &worker, intro_address, merge_address,
		  intro_calls)) {
		/* Now: unloading the object removes its counter. */
		old_calls = counter(intro_calls) - old_calls;
		replace(demo, intro);
		wait_rounds(demo, &worker);
	}
	__atomic_store_n(&worker.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);

	new_calls = counter(merge_calls) - new_calls;
	demo_check(demo, !worker.errors, "%llu wrong results by the thread",
		   (unsigned long long)worker.errors);
	demo_check(demo, old_calls && new_calls &&
		   old_calls + new_calls == worker.rounds,
		   "%llu + %llu calls counted, %llu made",
		   (unsigned long long)old_calls, (unsigned long long)new_calls,
		   (unsigned long long)worker.rounds);
	if (worker.errors)
		return;
	printf("  The slot was redirected %u times, while a thread called through it\n"
	       "  %llu times: %llu calls of the old code, %llu of the new, all right.\n",
	       demo_calls.patch, (unsigned long long)worker.rounds,
	       (unsigned long long)old_calls, (unsigned long long)new_calls);
}
