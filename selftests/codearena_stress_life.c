// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Pages, views, processes and handles that come and go while other threads use
 * them.
 *
 * CODEARENA_STRESS_SECONDS=N: each test works for N seconds.
 */
#include "lib/harness.h"
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/crew.h"
#include "lib/slots.h"

/* What pages are filled with: no byte of any trap fill. */
#define PATTERN		0x80
#define PATTERNS	0x3f

static bool is_pattern(uint8_t byte)
{
	return byte >= PATTERN && byte < PATTERN + PATTERNS;
}

static uint8_t pattern_of(unsigned int round)
{
	return (uint8_t)(PATTERN + round % PATTERNS);
}

/**
 * struct churner - a thread that makes one page come and go
 * @crew: it belongs to
 * @a: where
 * @page: number of its page
 * @rounds: how often the page came and went
 * @anchored: the last granule of the page stays sealed
 */
struct churner {
	struct crew *crew;
	struct arena *a;
	unsigned int page;
	unsigned int rounds;
	bool anchored;
};

struct reader {
	struct crew *crew;
	struct crew *watched;	/* which goes on until both have been seen */
	struct arena *a;
	unsigned int pages;
	uint64_t seen;		/* pages read */
	uint64_t faults;	/* that were not there */
};

#define CHURNERS	4
#define READERS		3

static bool churner_fail(struct churner *c, const char *what)
{
	crew_fail(c->crew, "%s of page %u: %s", what, c->page, strerror(errno));
	return false;
}

static bool expect_gone(struct churner *c, const char *after)
{
	uint8_t byte;
	int signo;

	signo = guarded_read(&byte, c->a->view + page_at(c->a, c->page), 1);
	if (signo == SIGBUS)
		return true;
	crew_fail(c->crew, "page %u after %s: signal %d", c->page, after, signo);
	return false;
}

static bool commit_once(struct churner *c, const uint8_t *bytes)
{
	uint64_t at = page_at(c->a, c->page);

	if (do_commit(c->a->fd, at, c->a->page))
		return churner_fail(c, "COMMIT");
	if (!expect_gone(c, "COMMIT"))
		return false;
	if (do_publish1(c->a->fd, at, bytes, c->a->page, 0))
		return churner_fail(c, "PUBLISH");
	/* Give the readers time to see it. */
	sched_yield();
	if (memcmp(c->a->view + at, bytes, c->a->page))
		return churner_fail(c, "bytes");
	if (do_decommit(c->a->fd, at, c->a->page))
		return churner_fail(c, "DECOMMIT");
	return expect_gone(c, "DECOMMIT");
}

static void *commit_main(void *argument)
{
	struct churner *c = argument;
	uint8_t *bytes = malloc(c->a->page);

	if (!bytes)
		abort();
	do {
		memset(bytes, pattern_of(c->rounds), c->a->page);
		if (!commit_once(c, bytes))
			break;
		c->rounds++;
	} while (crew_goes_on(c->crew));
	free(bytes);
	return NULL;
}

static void reader_saw(struct reader *r)
{
	if (!r->seen++)
		crew_saw(r->watched);
}

static void reader_faulted(struct reader *r)
{
	if (!r->faults++)
		crew_saw(r->watched);
}

/* A page is there, sealed as a whole, or it is not. */
static void *commit_reader(void *argument)
{
	struct reader *r = argument;
	uint8_t *bytes = malloc(r->a->page);
	unsigned int page = 0;

	while (bytes && !crew_stopped(r->crew)) {
		const uint8_t *at = r->a->view + page_at(r->a, page);
		unsigned int i;

		page = (page + 1) % r->pages;
		if (guarded_read(bytes, at, r->a->page)) {
			if (last_fault.signo != SIGBUS) {
				crew_fail(r->crew, "reader: signal %d",
					  last_fault.signo);
				break;
			}
			reader_faulted(r);
			continue;
		}
		for (i = 0; i < r->a->page; i++)
			if (!is_pattern(bytes[i]))
				break;
		if (i < r->a->page) {
			crew_fail(r->crew, "reader: byte %#x at %u", bytes[i], i);
			break;
		}
		reader_saw(r);
	}
	free(bytes);
	return NULL;
}

FIXTURE(churn) {
	struct arena a;
	struct crew churning;
	struct crew reading;
	struct churner churners[CHURNERS];
	struct reader readers[READERS];
};

FIXTURE_SETUP(churn)
{
	ASSERT_ZERO(arena_new(&self->a, 16, 0, 0));
	for (unsigned int i = 0; i < CHURNERS; i++)
		self->churners[i] = (struct churner) {
			.crew = &self->churning,
			.a = &self->a,
			.page = i,
		};
	for (unsigned int i = 0; i < READERS; i++)
		self->readers[i] = (struct reader) {
			.crew = &self->reading,
			.watched = &self->churning,
			.a = &self->a,
			.pages = CHURNERS,
		};
}

FIXTURE_TEARDOWN(churn)
{
	arena_free(&self->a);
}

/* How often pages came and went. */
static uint64_t run_churn(struct __test_metadata *_metadata,
			  struct crew *churning, void *(*churner)(void *),
			  struct churner *churners, struct crew *reading,
			  void *(*reader)(void *), struct reader *readers)
{
	uint64_t rounds = 0;

	churning->awaited = 2 * READERS;
	ASSERT_TRUE(crew_start(reading, READERS, reader, readers,
			       sizeof(readers[0])));
	ASSERT_TRUE(crew_start(churning, CHURNERS, churner, churners,
			       sizeof(churners[0])));
	ASSERT_TRUE(crew_join(churning));
	crew_stop(reading);
	ASSERT_TRUE(crew_join(reading));
	ASSERT_CREW(churning);
	ASSERT_CREW(reading);
	/* Each reader met pages that were there, and pages that were not. */
	EXPECT_EQ(0, churning->awaited);
	for (unsigned int i = 0; i < CHURNERS; i++) {
		EXPECT_LT(0, churners[i].rounds);
		rounds += churners[i].rounds;
	}
	return rounds;
}

TEST_F(churn, commit_and_decommit)
{
	struct codearena_stat stat;
	uint64_t rounds;

	rounds = run_churn(_metadata, &self->churning, commit_main,
			   self->churners, &self->reading, commit_reader,
			   self->readers);
	ASSERT_ZERO(do_stat(self->a.fd, &stat));
	EXPECT_EQ(rounds, stat.out_published);
	EXPECT_EQ(rounds * self->a.page, stat.out_written);
	EXPECT_EQ(rounds * self->a.page, stat.out_discarded);
	EXPECT_EQ(0, stat.out_sealed);
	EXPECT_EQ(0, stat.out_committed);
}

/* All but the last granule, which may be sealed to keep the page mapped. */
static uint64_t seal_length(const struct churner *c)
{
	return c->a->page - c->a->granule;
}

static bool seal_once(struct churner *c, const uint8_t *bytes)
{
	uint64_t at = page_at(c->a, c->page);
	uint64_t length = seal_length(c);

	if (do_write1(c->a->fd, at, bytes, length))
		return churner_fail(c, "WRITE");
	if (!c->anchored && !expect_gone(c, "WRITE"))
		return false;
	if (do_seal(c->a->fd, at, length, 0))
		return churner_fail(c, "SEAL");
	sched_yield();
	if (memcmp(c->a->view + at, bytes, length))
		return churner_fail(c, "bytes");
	if (do_discard1(c->a->fd, at, length))
		return churner_fail(c, "DISCARD");
	if (!c->anchored)
		return expect_gone(c, "DISCARD");
	if (!is_trap_fill(c->a->view + at, at, length)) {
		crew_fail(c->crew, "page %u: no trap fill", c->page);
		return false;
	}
	return true;
}

static void *seal_main(void *argument)
{
	struct churner *c = argument;
	uint8_t *bytes = malloc(c->a->page);

	if (!bytes)
		abort();
	do {
		memset(bytes, pattern_of(c->rounds), c->a->page);
		if (!seal_once(c, bytes))
			break;
		c->rounds++;
	} while (crew_goes_on(c->crew));
	free(bytes);
	return NULL;
}

static bool view_read(struct reader *r, const uint8_t *view)
{
	uint8_t bytes[64];
	unsigned int page, i;

	for (page = 0; page < r->pages; page++) {
		uint64_t at = page_at(r->a, page);
		int signo = guarded_read(bytes, view + at, sizeof(bytes));

		if (signo == SIGBUS) {
			reader_faulted(r);
			continue;
		}
		reader_saw(r);
		/* Each byte for itself: it is read while they are stored. */
		for (i = 0; i < sizeof(bytes) && !signo; i++)
			if (!is_pattern(bytes[i]) &&
			    !is_trap_fill(bytes + i, at + i, 1))
				signo = -1;
		if (signo) {
			crew_fail(r->crew, "reader of page %u: signal %d, %#x",
				  page, signo, bytes[0]);
			return false;
		}
	}
	return true;
}

/* A new view each time, cut in pieces, so that every round faults. */
static void *view_main(void *argument)
{
	struct reader *r = argument;
	uint64_t half = r->a->length / 2;
	bool fine = true;

	while (fine && !crew_stopped(r->crew)) {
		uint8_t *view = arena_map(r->a, r->a->fd);

		if (view == MAP_FAILED) {
			crew_fail(r->crew, "mmap: %s", strerror(errno));
			break;
		}
		fine = view_read(r, view) && view_read(r, r->a->view);
		if (munmap(view + half, half) ||
		    mprotect(view, r->a->page, PROT_READ)) {
			crew_fail(r->crew, "view: %s", strerror(errno));
			break;
		}
		fine = fine && view_read(r, view);
		munmap(view, half);
	}
	return NULL;
}

TEST_F(churn, faults_meet_seal_and_discard)
{
	struct arena *a = &self->a;
	struct codearena_stat stat;
	uint64_t length;

	ASSERT_ZERO(do_commit(a->fd, 0, CHURNERS * a->page));
	for (unsigned int i = 1; i < CHURNERS; i += 2) {
		self->churners[i].anchored = true;
		ASSERT_ZERO(do_seal(a->fd, granule_at(a, i, LAST_GRANULE),
				    a->granule, 0));
	}
	length = run_churn(_metadata, &self->churning, seal_main,
			   self->churners, &self->reading, view_main,
			   self->readers) * seal_length(&self->churners[0]);
	ASSERT_ZERO(do_stat(a->fd, &stat));
	EXPECT_EQ(length, stat.out_written);
	EXPECT_EQ(length, stat.out_discarded);
	EXPECT_EQ(CHURNERS / 2 * a->granule, stat.out_sealed);
}

/*
 * Forks while two threads patch and two execute. Each child runs the code it
 * inherited, maps it anew, and changes nothing.
 */
#define FORK_PATCHERS	2
#define FORK_TARGETS	2

struct forked {
	struct crew *crew;
	struct arena *a;
	unsigned int id;
	uint64_t patches;
	uint64_t calls;
};

static uint64_t forked_target(const struct arena *a, unsigned int target)
{
	return granule_at(a, 1, target);
}

static bool forked_call(const uint8_t *view, unsigned int id)
{
	uint32_t value = POISON32;

	return !guarded_call(view + id * 8, &value) && value < FORK_TARGETS;
}

static void *forked_patcher(void *argument)
{
	struct forked *f = argument;
	uint64_t slot = f->id * 8;
	struct codearena_patch_entry entry;

	do {
		entry = patch_of(slot, 8,
				 slot_near(slot, forked_target(f->a, f->patches % 2)),
				 slot_near(slot, forked_target(f->a,
							       ~f->patches % 2)));
		if (do_patch(f->a->fd, &entry, 1,
			     f->id ? CODEARENA_PATCH_F_SYNC : 0)) {
			crew_fail(f->crew, "PATCH: %s", strerror(errno));
			break;
		}
		f->patches++;
	} while (!crew_stopped(f->crew));
	return NULL;
}

static void *forked_executor(void *argument)
{
	struct forked *f = argument;

	do {
		if (!forked_call(f->a->view, f->id)) {
			crew_fail(f->crew, "executor: signal %d",
				  last_fault.signo);
			break;
		}
		f->calls++;
	} while (!crew_stopped(f->crew));
	return NULL;
}

static int forked_child(void *argument)
{
	struct arena *a = argument;
	struct codearena_stat stat;
	uint64_t word;
	uint8_t *view;

	for (unsigned int id = 0; id < FORK_PATCHERS; id++)
		CHECK(forked_call(a->view, id));
	memcpy(&word, a->view, sizeof(word));
	CHECK_ERRNO(EPERM, do_patch1(a->fd, 0, 8, word, 0));
	CHECK_ERRNO(EPERM, do_publish1(a->fd, page_at(a, 2), &word, 8, 0));
	CHECK_ERRNO(EPERM, do_discard1(a->fd, page_at(a, 1), a->granule));
	CHECK(!do_stat(a->fd, &stat));
	view = arena_map(a, a->fd);
	CHECK(view != MAP_FAILED);
	for (unsigned int id = 0; id < FORK_PATCHERS; id++)
		CHECK(forked_call(view, id));
	/* Half of the children leave unmapping to exit. */
	if (word & 1)
		munmap(view, a->length);
	return 0;
}

FIXTURE(life) {
	uint64_t total;
};

/* Whatever a test did, its memory has been given back in the end. */
FIXTURE_SETUP(life)
{
	self->total = crew_total();
}

FIXTURE_TEARDOWN(life)
{
	EXPECT_TRUE(crew_total_becomes(self->total));
}

TEST_F(life, forks_while_patching)
{
	struct forked patchers[FORK_PATCHERS], executors[FORK_PATCHERS];
	uint64_t words[FORK_PATCHERS];
	struct crew crew = {};
	struct codearena_stat stat;
	struct arena a;
	uint64_t patches = 0;
	uint8_t code[CODE_SIZE];
	unsigned int i;

	if (!HAVE_CODE)
		SKIP(return, "no code bytes for this machine");
	ASSERT_ZERO(arena_new(&a, 16, 0, 0));
	ASSERT_ZERO(do_commit(a.fd, 0, 4 * a.page));
	for (i = 0; i < FORK_TARGETS; i++) {
		code_return(code, i);
		ASSERT_ZERO(do_publish1(a.fd, forked_target(&a, i), code,
					CODE_SIZE, 0));
	}
	for (i = 0; i < FORK_PATCHERS; i++) {
		words[i] = slot_near(i * 8, forked_target(&a, 0));
		patchers[i] = (struct forked) {
			.crew = &crew,
			.a = &a,
			.id = i,
		};
		executors[i] = patchers[i];
	}
	ASSERT_ZERO(do_publish1(a.fd, 0, words, sizeof(words),
				CODEARENA_OBJECT_F_PATCHABLE));
	ASSERT_TRUE(crew_start(&crew, FORK_PATCHERS, forked_executor, executors,
			       sizeof(executors[0])));
	ASSERT_TRUE(crew_start(&crew, FORK_PATCHERS, forked_patcher, patchers,
			       sizeof(patchers[0])));
	do {
		ASSERT_EQ(0, run_child(forked_child, &a));
	} while (crew_goes_on(&crew));
	crew_stop(&crew);
	ASSERT_TRUE(crew_join(&crew));
	ASSERT_CREW(&crew);
	ASSERT_ZERO(do_stat(a.fd, &stat));
	for (i = 0; i < FORK_PATCHERS; i++) {
		uint64_t word, target;

		EXPECT_LT(0, patchers[i].patches);
		EXPECT_LT(0, executors[i].calls);
		patches += patchers[i].patches;
		memcpy(&word, a.view + i * 8, sizeof(word));
		target = forked_target(&a, patchers[i].patches % 2);
		EXPECT_EQ(slot_near(i * 8, target), word);
	}
	EXPECT_EQ(patches, stat.out_patched);
	EXPECT_EQ(patchers[1].patches, stat.out_syncs);
	EXPECT_EQ(FORK_TARGETS + 1, stat.out_published);
	arena_free(&a);
}

/*
 * The handle is closed, and the view unmapped, under threads that use the
 * handle. Their calls succeed until one returns EBADF.
 */
#define CLOSERS		4

struct user {
	struct crew *crew;
	int fd;
	unsigned int page;
	size_t page_size;
	uint64_t published;
};

static bool user_once(struct user *u, const uint8_t *bytes)
{
	uint64_t at = u->page * u->page_size;
	struct codearena_stat stat;

	if (do_publish1(u->fd, at, bytes, 100, CODEARENA_OBJECT_F_PATCHABLE))
		return false;
	u->published++;
	/* Two granules hold them on every machine. */
	return !do_patch1(u->fd, at, 4, 0, 1) && !do_stat(u->fd, &stat) &&
	       !do_discard1(u->fd, at, u->page_size / 32);
}

static void *user_main(void *argument)
{
	const uint8_t bytes[100] = {};
	struct user *u = argument;

	while (user_once(u, bytes))
		;
	if (errno != EBADF)
		crew_fail(u->crew, "user: %s", strerror(errno));
	return NULL;
}

TEST_F(life, close_while_others_use_the_handle)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	double until = seconds_now() + crew_budget();
	unsigned int i;

	do {
		struct user users[CLOSERS] = {};
		struct crew crew = {};
		struct codearena_stat stat;
		uint64_t published = 0;
		struct arena a;
		int shared;

		ASSERT_ZERO(arena_new(&a, 16, 0, 0));
		ASSERT_ZERO(do_commit(a.fd, 0, 16 * a.page));
		shared = do_share(a.fd);
		ASSERT_LE(0, shared);
		for (i = 0; i < CLOSERS; i++)
			users[i] = (struct user) {
				.crew = &crew,
				.fd = a.fd,
				.page = i,
				.page_size = a.page,
			};
		ASSERT_TRUE(crew_start(&crew, CLOSERS, user_main, users,
				       sizeof(users[0])));
		nanosleep(&nap, NULL);
		/* No file is opened before they end: it could get this descriptor. */
		arena_free(&a);
		ASSERT_TRUE(crew_join(&crew));
		ASSERT_CREW(&crew);
		for (i = 0; i < CLOSERS; i++)
			published += users[i].published;
		ASSERT_ZERO(do_stat(shared, &stat));
		EXPECT_EQ(published, stat.out_published);
		EXPECT_EQ(published * 100, stat.out_written);
		close(shared);
	} while (seconds_now() < until);
}

/* A process that is killed in the middle of everything leaves nothing. */
static int busy_child(const int *ready)
{
	struct user users[CLOSERS] = {};
	struct crew crew = {};
	struct arena a;
	unsigned int i;

	CHECK(!arena_new(&a, 16, 0, 0));
	CHECK(!do_commit(a.fd, 0, 16 * a.page));
	for (i = 0; i < CLOSERS; i++)
		users[i] = (struct user) {
			.crew = &crew,
			.fd = a.fd,
			.page = i,
			.page_size = a.page,
		};
	CHECK(crew_start(&crew, CLOSERS, user_main, users, sizeof(users[0])));
	CHECK(write(ready[1], "x", 1) == 1);
	for (;;)
		pause();
}

TEST_F(life, kill_while_threads_publish)
{
	const struct timespec nap = { .tv_nsec = 3000000 };
	double until = seconds_now() + crew_budget();

	do {
		int ready[2], status;
		char token;
		pid_t pid;

		ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(busy_child(ready));
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &token, 1));
		close(ready[0]);
		nanosleep(&nap, NULL);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	} while (seconds_now() < until);
}

TEST_HARNESS_MAIN
