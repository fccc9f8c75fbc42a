// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Code is replaced under threads and processes that execute it. Each version of
 * the code is a line of instructions that store the number of the version, one
 * word each. An instruction of one version may be followed by one of a later
 * version, for the code may be replaced at any instruction; one of an earlier
 * version, or in part of another one, must not be seen.
 *
 * CODEARENA_STRESS_SECONDS=N: each test replaces for N seconds.
 */
#include "lib/harness.h"

#include <sys/wait.h>

#include "lib/crew.h"
#include "lib/slots.h"

#define RUNNERS		8
#define REPLACERS	2
#define PROCESSES	4
#define FUNCTIONS	REPLACERS
#define PARTS		2	/* objects of a function */
#define STORES		20	/* of a part */
#define WORDS		(PARTS * STORES)

#if defined(__x86_64__)
#define STORE_SIZE	10
#define TAIL_SIZE	5
#elif defined(__riscv)
#define STORE_SIZE	12
#define TAIL_SIZE	4
#else
#define STORE_SIZE	8
#define TAIL_SIZE	4
#endif
#define PART_SIZE	(STORES * STORE_SIZE + TAIL_SIZE)

typedef void (*function_fn)(uint32_t *words);

/* The word of a version: where one instruction stores it, both halves are the same. */
static uint32_t word_of(uint16_t version)
{
#if defined(__x86_64__)
	return version * 0x10001U;
#else
	return version;
#endif
}

/* The part at an offset, whose first word is @first; then it goes to @next. */
static void part_make(uint8_t *to, uint64_t at, uint64_t next,
		      unsigned int first, uint16_t version)
{
#if defined(__x86_64__)
	uint32_t word = word_of(version), distance, place;
	unsigned int i;

	for (i = 0; i < STORES; i++, to += STORE_SIZE) {
		place = 4 * (first + i);
		memcpy(to, "\xc7\x87", 2);	/* movl $word, place(%rdi) */
		memcpy(to + 2, &place, 4);
		memcpy(to + 6, &word, 4);
	}
	distance = (uint32_t)(next - (at + PART_SIZE));
	to[0] = next ? 0xe9 : 0xc3;		/* jmp next; or ret */
	memcpy(to + 1, &distance, 4);
#elif defined(__aarch64__)
	uint32_t code[2 * STORES + 1];
	unsigned int i;

	for (i = 0; i < STORES; i++) {
		/* movz w1, #version; str w1, [x0, #4 * (first + i)] */
		code[2 * i] = 0x52800001 | (uint32_t)version << 5;
		code[2 * i + 1] = 0xb9000001 | (first + i) << 10;
	}
	/* b next; or ret */
	code[2 * STORES] = next ? 0x14000000 |
			   ((uint32_t)(next - (at + 8 * STORES)) >> 2 &
			    0x03ffffff) : 0xd65f03c0;
	memcpy(to, code, sizeof(code));
#elif defined(__riscv)
	uint32_t code[3 * STORES + 1], place;
	unsigned int i;

	for (i = 0; i < STORES; i++) {
		/* lui a1, %hi; addiw a1, a1, %lo; sw a1, place(a0) */
		place = 4 * (first + i);
		code[3 * i] = 0x000005b7 | ((version + 0x800U) & 0xfffff000);
		code[3 * i + 1] = 0x0005859b | (uint32_t)version << 20;
		code[3 * i + 2] = 0x00b52023 | (place >> 5) << 25 |
				  (place & 0x1f) << 7;
	}
	/* jal x0, next; or ret */
	code[3 * STORES] = next ?
		(uint32_t)slot_near(at + 12 * STORES, next) : 0x00008067;
	memcpy(to, code, sizeof(code));
#else
	(void)at;
	(void)next;
	(void)first;
	memset(to, version, PART_SIZE);
#endif
}

/*
 * The functions share their pages. A part of the first one lies in two, with an
 * instruction in both of them where instructions can.
 */
static uint64_t part_at(const struct arena *a, unsigned int function,
			unsigned int part)
{
	return granule_at(a, 1 + 2 * part, 62 - 4 * function);
}

static void function_make(const struct arena *a, unsigned int function,
			  uint16_t version, uint8_t code[PARTS][PART_SIZE])
{
	for (unsigned int i = 0; i < PARTS; i++)
		part_make(code[i], part_at(a, function, i),
			  i + 1 < PARTS ? part_at(a, function, i + 1) : 0,
			  i * STORES, version);
}

/* All parts in one call: 0 or -1. */
static int function_replace(const struct arena *a, unsigned int function,
			    uint16_t version)
{
	uint8_t code[PARTS][PART_SIZE];
	struct codearena_object objects[PARTS];

	function_make(a, function, version, code);
	for (unsigned int i = 0; i < PARTS; i++)
		objects[i] = object_of(part_at(a, function, i), code[i],
				       PART_SIZE, CODEARENA_OBJECT_F_REPLACE);
	return do_publish(a->fd, objects, PARTS, NULL, 0, 0);
}

static int function_arena(struct arena *a, uint32_t flags)
{
	if (arena_new(a, POPULATED_PAGES, flags, 0) ||
	    do_commit(a->fd, 0, a->length))
		return -1;
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		if (function_replace(a, i, 0))
			return -1;
	return 0;
}

/* The index of a word that is in part of another version, or WORDS. */
static unsigned int find_torn(const uint32_t words[WORDS])
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		if (words[i] != word_of((uint16_t)words[i]))
			break;
	return i;
}

/* The index of a word of an earlier version than the last one, or WORDS. */
static unsigned int find_older(const uint32_t words[WORDS], uint16_t *last)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++) {
		if ((int16_t)(uint16_t)(words[i] - *last) < 0)
			break;
		*last = (uint16_t)words[i];
	}
	return i;
}

/**
 * struct runner - a thread that executes functions
 * @crew: its own
 * @code: the first part of each of them; NULL for none
 */
struct runner {
	struct crew *crew;
	const uint8_t *code[FUNCTIONS];
};

static bool run_once(struct runner *r, unsigned int function, uint16_t *last,
		     bool *changed)
{
	uint32_t words[WORDS];
	uint16_t before = *last;
	unsigned int torn, older;

	memset(words, 0xff, sizeof(words));
	((function_fn)(uintptr_t)r->code[function])(words);
	torn = find_torn(words);
	older = find_older(words, last);
	if (torn == WORDS && older == WORDS) {
		*changed |= before != *last;
		return true;
	}
	if (torn < WORDS)
		crew_fail(r->crew, "function %u: word %u is %#x", function,
			  torn, words[torn]);
	else
		crew_fail(r->crew, "function %u: word %u is %#x after %#x",
			  function, older, words[older], *last);
	return false;
}

static void *runner_main(void *argument)
{
	struct runner *r = argument;
	uint16_t last[FUNCTIONS] = {};
	bool changed = false, counted = false;

	do {
		for (unsigned int i = 0; i < FUNCTIONS; i++)
			if (r->code[i] && !run_once(r, i, &last[i], &changed))
				return NULL;
		if (changed && !counted)
			crew_saw(r->crew);
		counted = changed;
	} while (crew_goes_on(r->crew));
	return NULL;
}

struct replacer {
	struct crew *crew;
	const struct arena *a;
	unsigned int function;
	uint64_t replaced;
};

static void *replacer_main(void *argument)
{
	struct replacer *r = argument;
	uint16_t version = 0;

	do {
		if (function_replace(r->a, r->function, ++version)) {
			crew_fail(r->crew, "PUBLISH: %s", strerror(errno));
			break;
		}
		r->replaced++;
	} while (crew_goes_on(r->crew));
	return NULL;
}

TEST(threads_see_no_mixture)
{
	struct crew running = { .awaited = RUNNERS }, replacing = {};
	struct replacer replacers[REPLACERS];
	struct runner runners[RUNNERS];
	struct codearena_stat stat;
	uint64_t replaced = 0;
	struct arena a;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(function_arena(&a, 0));
	for (unsigned int i = 0; i < RUNNERS; i++) {
		runners[i].crew = &running;
		for (unsigned int j = 0; j < FUNCTIONS; j++)
			runners[i].code[j] = a.view + part_at(&a, j, 0);
	}
	for (unsigned int i = 0; i < REPLACERS; i++)
		replacers[i] = (struct replacer) {
			.crew = &replacing,
			.a = &a,
			.function = i,
		};
	/* They replace until every runner has seen it. */
	replacing.until = seconds_now() + HANG_SECONDS;
	ASSERT_TRUE(crew_start(&replacing, REPLACERS, replacer_main, replacers,
			       sizeof(replacers[0])));
	ASSERT_TRUE(crew_start(&running, RUNNERS, runner_main, runners,
			       sizeof(runners[0])));
	ASSERT_TRUE(crew_join(&running));
	crew_stop(&replacing);
	ASSERT_TRUE(crew_join(&replacing));
	ASSERT_CREW(&replacing);
	ASSERT_CREW(&running);
	EXPECT_EQ(0, running.awaited);

	for (unsigned int i = 0; i < REPLACERS; i++)
		replaced += replacers[i].replaced;
	ASSERT_ZERO(do_stat(a.fd, &stat));
	EXPECT_EQ(PARTS * (FUNCTIONS + replaced), stat.out_published);
	EXPECT_EQ(replaced, stat.out_syncs);
	printf("# %lu runs, %lu replacements\n", crew_rounds(&running),
	       (unsigned long)replaced);
	arena_free(&a);
}

/* What stores to code as it is executed, an instruction at a time. */
struct clumsy {
	struct crew *crew;
	struct arena a;		/* for its sizes */
	uint8_t *alias;
};

static void *clumsy_main(void *argument)
{
	const struct timespec nap = { .tv_nsec = 100000 };
	uint8_t code[PARTS][PART_SIZE];
	struct clumsy *c = argument;
	uint16_t version = 0;

	do {
		function_make(&c->a, 0, ++version, code);
		for (unsigned int i = 0; i < WORDS; i++) {
			size_t at = i % STORES * STORE_SIZE;

			memcpy(c->alias + part_at(&c->a, 0, i / STORES) + at,
			       code[i / STORES] + at, STORE_SIZE);
			nanosleep(&nap, NULL);
		}
	} while (crew_goes_on(c->crew));
	return NULL;
}

/* The detector detects: with plain stores some runner sees a mixture. */
TEST(plain_stores_are_seen)
{
	const size_t length = 16 * (size_t)sysconf(_SC_PAGESIZE);
	struct crew running = {}, storing = {};
	struct runner runners[RUNNERS];
	uint8_t code[PARTS][PART_SIZE];
	struct clumsy c = { .crew = &storing };
	uint8_t *view;
	int fd;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	c.a.page = (uint32_t)sysconf(_SC_PAGESIZE);
	c.a.granule = c.a.page / 64;
	fd = memfd_create("clumsy", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_ZERO(ftruncate(fd, (off_t)length));
	c.alias = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	view = mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)c.alias);
	ASSERT_NE(MAP_FAILED, (void *)view);
	function_make(&c.a, 0, 0, code);
	for (unsigned int i = 0; i < PARTS; i++)
		memcpy(c.alias + part_at(&c.a, 0, i), code[i], PART_SIZE);
	__builtin___clear_cache((char *)view, (char *)view + length);

	for (unsigned int i = 0; i < RUNNERS; i++)
		runners[i] = (struct runner) {
			.crew = &running,
			.code = { view + part_at(&c.a, 0, 0) },
		};
	running.until = seconds_now() + HANG_SECONDS;
	storing.until = running.until;
	ASSERT_TRUE(crew_start(&storing, 1, clumsy_main, &c, sizeof(c)));
	ASSERT_TRUE(crew_start(&running, RUNNERS, runner_main, runners,
			       sizeof(runners[0])));
	ASSERT_TRUE(crew_join(&running));
	crew_stop(&storing);
	ASSERT_TRUE(crew_join(&storing));
	EXPECT_TRUE(running.failed);
	printf("# %s\n", running.error);
	munmap(c.alias, length);
	munmap(view, length);
	close(fd);
}

/*
 * Versions of several processes have no order, but a number of its own each: once
 * another one was seen, the one before does not come back.
 */
static unsigned int find_returned(const uint32_t words[WORDS])
{
	unsigned int i, j;

	for (i = 1; i < WORDS; i++)
		for (j = 0; j + 1 < i; j++)
			if (words[i] == words[j] && words[i] != words[i - 1])
				return i;
	return WORDS;
}

struct writer {
	const struct arena *a;
	unsigned int number;
	double until;
	uint64_t *replaced;
};

static int writer_child(void *argument)
{
	const struct writer *w = argument;
	uint16_t version = (uint16_t)w->number;
	uint32_t words[WORDS];

	do {
		if (function_replace(w->a, 0, version)) {
			/* Another process is replacing it. */
			CHECK(errno == EBUSY);
		} else {
			++*w->replaced;
			version += PROCESSES;
		}
		memset(words, 0xff, sizeof(words));
		((function_fn)(uintptr_t)(w->a->view +
					  part_at(w->a, 0, 0)))(words);
		CHECK(find_torn(words) == WORDS);
		CHECK(find_returned(words) == WORDS);
	} while (seconds_now() < w->until || !*w->replaced);
	return 0;
}

/* They need not know what is sealed, and meet nothing but EBUSY. */
TEST(processes_replace_the_same_code)
{
	struct writer writers[PROCESSES];
	struct codearena_stat stat;
	pid_t pids[PROCESSES];
	uint64_t *replaced, sum = 0;
	struct arena a;
	int status;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(function_arena(&a, CODEARENA_RESERVE_F_SHARED_WRITER));
	replaced = mmap(NULL, PROCESSES * sizeof(*replaced),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	ASSERT_NE(MAP_FAILED, (void *)replaced);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		writers[i] = (struct writer) {
			.a = &a,
			.number = i,
			.until = seconds_now() + crew_budget(),
			.replaced = &replaced[i],
		};
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(writer_child(&writers[i]));
	}
	for (unsigned int i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_LT(0, replaced[i]);
		sum += replaced[i];
	}
	ASSERT_ZERO(do_stat(a.fd, &stat));
	EXPECT_EQ(PARTS * (FUNCTIONS + sum), stat.out_published);
	EXPECT_EQ(sum, stat.out_syncs);
	printf("# %lu replacements\n", (unsigned long)sum);
	munmap(replaced, PROCESSES * sizeof(*replaced));
	arena_free(&a);
}

TEST_HARNESS_MAIN
