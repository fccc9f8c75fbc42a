// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The arena that all threads share. A thread owns the granules that it works on
 * while it does, by a lock of the program's, so that what happens to them is
 * certain, whatever the others do to their neighbours in the same page.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "fuzz.h"

#define SHARED_PAGES	8
#define SHARED_GRANULES	(SHARED_PAGES * 64)

/* The last page belongs to children that are killed. */
#define KILLED_PAGE	(SHARED_PAGES - 1)
#define OWN_GRANULES	(KILLED_PAGE * 64)

enum state { EMPTY, SEALED, PATCHABLE };

static struct {
	int fd;
	uint8_t *view;
	uint64_t page;
	uint64_t granule;
	pthread_mutex_t killing;
	bool busy[SHARED_GRANULES];
	enum state state[SHARED_GRANULES];
	uint64_t value[SHARED_GRANULES];
} shared = { .killing = PTHREAD_MUTEX_INITIALIZER };

bool shared_open(void)
{
	shared.page = (uint64_t)sysconf(_SC_PAGESIZE);
	shared.granule = shared.page / 64;
	shared.fd = device_open(O_RDWR);
	if (shared.fd < 0 ||
	    do_reserve(shared.fd, SHARED_PAGES * shared.page,
		       CODEARENA_RESERVE_F_SHARED_WRITER, 0, "fuzz-shared") ||
	    do_commit(shared.fd, 0, SHARED_PAGES * shared.page))
		return false;
	memset(shared.state, 0, sizeof(shared.state));
	shared.view = mmap(NULL, SHARED_PAGES * shared.page,
			   PROT_READ | PROT_EXEC, MAP_SHARED, shared.fd, 0);
	return shared.view != MAP_FAILED;
}

uint64_t shared_committed(void)
{
	return SHARED_PAGES * shared.page;
}

void shared_close(void)
{
	munmap(shared.view, SHARED_PAGES * shared.page);
	close(shared.fd);
}

/* Take a run of granules; how many that are. */
static uint64_t take(uint64_t first, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count && first + i < OWN_GRANULES; i++)
		if (__atomic_exchange_n(&shared.busy[first + i], true,
					__ATOMIC_ACQUIRE))
			break;
	return i;
}

static void put(uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		__atomic_store_n(&shared.busy[first + i], false,
				 __ATOMIC_RELEASE);
}

static void make_words(uint64_t *words, uint64_t count, uint64_t value)
{
	for (uint64_t i = 0; i < count; i++)
		words[i] = value * 0x9e3779b97f4a7c15ULL + i;
}

/* Sealed granules are what they were made, and can be read. */
static void check_granule(struct fuzzer *f, uint64_t index)
{
	uint64_t words[1024], got[1024], count = shared.granule / 8;
	int signo;

	if (shared.state[index] == EMPTY)
		return;
	make_words(words, count, shared.value[index]);
	signo = guarded_read(got, shared.view + index * shared.granule,
			     shared.granule);
	if (signo)
		violation(f, "shared granule %llu is sealed and raises signal %d",
			  (unsigned long long)index, signo);
	else if (memcmp(words, got, shared.granule))
		violation(f, "shared granule %llu is sealed and has changed",
			  (unsigned long long)index);
}

static void expect(struct fuzzer *f, const char *what, int ret, int number)
{
	if (number ? ret != -1 || errno != number : ret != 0)
		violation(f, "shared %s: %s instead of %s", what,
			  ret ? strerror(errno) : "success",
			  number ? strerror(number) : "success");
}

static void fill(struct fuzzer *f, uint64_t index, uint64_t value,
		 bool patchable)
{
	bool empty = shared.state[index] == EMPTY;
	uint64_t words[1024];

	make_words(words, shared.granule / 8, value);
	expect(f, "publish",
	       do_publish1(shared.fd, index * shared.granule, words,
			   shared.granule,
			   patchable ? CODEARENA_OBJECT_F_PATCHABLE : 0),
	       empty ? 0 : EPERM);
	if (!empty)
		return;
	shared.state[index] = patchable ? PATCHABLE : SEALED;
	shared.value[index] = value;
}

static void patch(struct fuzzer *f, uint64_t index, uint64_t value, bool sync)
{
	struct codearena_patch_entry entries[2];
	uint64_t old[2], fresh[2];

	make_words(old, 2, shared.value[index]);
	make_words(fresh, 2, value);
	for (unsigned int i = 0; i < 2; i++)
		entries[i] = patch_of(index * shared.granule + 8 * i, 8, old[i],
				      fresh[i]);
	expect(f, "patch", do_patch(shared.fd, entries, 2, sync),
	       shared.state[index] == PATCHABLE ? 0 : EPERM);
	if (shared.state[index] != PATCHABLE)
		return;
	/* And back, so that the granule is one pattern again. */
	for (unsigned int i = 0; i < 2; i++) {
		entries[i].expected = fresh[i];
		entries[i].value = old[i];
	}
	expect(f, "patch", do_patch(shared.fd, entries, 2, 0), 0);
}

static void discard(struct fuzzer *f, uint64_t first, uint64_t count)
{
	expect(f, "discard",
	       do_discard1(shared.fd, first * shared.granule,
			   count * shared.granule), 0);
	for (uint64_t i = 0; i < count; i++)
		shared.state[first + i] = EMPTY;
}

/*
 * A child that publishes and discards is killed, anywhere. What it was copying is
 * done or is not, and claims no granule any more.
 */
static void kill_child(struct fuzzer *f, uint64_t delay)
{
	const struct timespec nap = { .tv_nsec = (long)(delay % 5000000) };
	uint64_t start = KILLED_PAGE * shared.page;
	pid_t child;
	int status;

	if (pthread_mutex_trylock(&shared.killing))
		return;
	child = fork();
	if (child < 0)
		abort();
	while (!child) {
		do_publish1(shared.fd, start, f->source, shared.page, 0);
		do_discard1(shared.fd, start, shared.page);
	}
	nanosleep(&nap, NULL);
	kill(child, SIGKILL);
	status = wait_for(child);
	if (status != 256 + SIGKILL)
		violation(f, "the child to be killed ended with %d", status);
	expect(f, "discard after a killed child",
	       do_discard1(shared.fd, start, shared.page), 0);
	expect(f, "publish after a killed child",
	       do_publish1(shared.fd, start, f->source, shared.page, 0), 0);
	expect(f, "discard", do_discard1(shared.fd, start, shared.page), 0);
	pthread_mutex_unlock(&shared.killing);
}

/* Arguments: granule, what, value, granules. */
void op_shared(struct fuzzer *f, const struct op *op)
{
	uint64_t first = op->arg[0] % OWN_GRANULES;
	uint64_t count = take(first, op->arg[3] % 8 + 1);

	for (uint64_t i = first; i < first + count; i++)
		check_granule(f, i);
	switch (op->arg[1] % 16) {
	case 0 ... 6:
		for (uint64_t i = first; i < first + count; i++)
			fill(f, i, op->arg[2] + i, op->arg[1] & 1);
		break;
	case 7 ... 10:
		if (count && shared.state[first] != EMPTY)
			patch(f, first, op->arg[2], op->arg[1] & 1);
		break;
	case 11 ... 14:
		if (count)
			discard(f, first, count);
		break;
	case 15:
		if (op->arg[2] % 4 == 0)
			kill_child(f, op->arg[2] / 4);
		break;
	}
	for (uint64_t i = first; i < first + count; i++)
		check_granule(f, i);
	put(first, count);
}
