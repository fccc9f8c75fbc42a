/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Threads for the concurrency tests: started together, joined within a bound,
 * and what went wrong in them told as text, because the macros of the harness
 * only work on the main thread.
 */
#ifndef CODEARENA_SELFTESTS_CREW_H
#define CODEARENA_SELFTESTS_CREW_H

#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "utils.h"

#define CREW_MAX	32
#define CREW_SECONDS	100

static inline unsigned int crew_factor(const char *name)
{
	const char *text = getenv(name);
	int factor = text ? atoi(text) : 1;

	return factor > 0 ? (unsigned int)factor : 1;
}

/* How often the tests repeat their job: CODEARENA_STRESS=N, 1 without. */
static inline unsigned int crew_repeats(void)
{
	return crew_factor("CODEARENA_STRESS");
}

/*
 * How long a crew may take, in seconds: longer for more work, and
 * CODEARENA_PATIENCE=N times as long on a kernel that checks all it does.
 */
static inline unsigned int crew_limit(void)
{
	return CREW_SECONDS * crew_repeats() * crew_factor("CODEARENA_PATIENCE");
}

/*
 * For TEST_F_TIMEOUT(), in seconds. Joining a crew is what bounds a test; this
 * only takes the harness's own 30 seconds out of the way of long runs.
 */
#define CREW_TIMEOUT	36000

/**
 * struct crew - threads that run one function
 * @threads: of which @count run
 * @count: how many were started
 * @stop: told to threads that run until they are
 * @error: what went wrong first, empty if nothing did
 * @failed: whether @error is taken
 */
struct crew {
	pthread_t threads[CREW_MAX];
	unsigned int count;
	bool stop;
	char error[256];
	bool failed;
};

static inline bool crew_stopped(const struct crew *crew)
{
	return __atomic_load_n(&crew->stop, __ATOMIC_ACQUIRE);
}

static inline void crew_stop(struct crew *crew)
{
	__atomic_store_n(&crew->stop, true, __ATOMIC_RELEASE);
}

/* The first failure is kept; all threads of the crew are asked to end. */
static inline __attribute__((format(printf, 2, 3))) void
crew_fail(struct crew *crew, const char *format, ...)
{
	va_list arguments;

	if (!__atomic_exchange_n(&crew->failed, true, __ATOMIC_ACQ_REL)) {
		va_start(arguments, format);
		vsnprintf(crew->error, sizeof(crew->error), format, arguments);
		va_end(arguments);
	}
	crew_stop(crew);
}

static inline bool crew_start(struct crew *crew, unsigned int count,
			      void *(*function)(void *), void *arguments,
			      size_t argument_size)
{
	for (unsigned int i = 0; i < count; i++) {
		void *argument = (char *)arguments + i * argument_size;

		if (crew->count == CREW_MAX ||
		    pthread_create(&crew->threads[crew->count], NULL, function,
				   argument)) {
			crew_fail(crew, "cannot start a thread");
			return false;
		}
		crew->count++;
	}
	return true;
}

/* False if a thread does not end in time. Then the threads still run. */
static inline bool crew_join(struct crew *crew)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += crew_limit();
	while (crew->count) {
		pthread_t thread = crew->threads[crew->count - 1];

		if (pthread_timedjoin_np(thread, NULL, &until)) {
			crew_fail(crew, "a thread did not end in %u s",
				  crew_limit());
			return false;
		}
		crew->count--;
	}
	return true;
}

#define ASSERT_CREW(crew)						\
	ASSERT_FALSE((crew)->failed) {					\
		TH_LOG("%s", (crew)->error);				\
	}

/* A generator of its own for each thread: rand() would serialise them. */
static inline uint32_t crew_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 32);
}

static inline double crew_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Memory may be given back a little after the last close has returned. */
static inline bool crew_total_becomes(uint64_t bytes)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	struct codearena_query query;
	int fd = device_open(O_RDWR);
	bool same = false;

	for (int i = 0; fd >= 0 && i < 1000 && !same; i++) {
		same = !do_query(fd, &query) && query.out_commit_total == bytes;
		if (!same)
			nanosleep(&nap, NULL);
	}
	if (fd >= 0)
		close(fd);
	return same;
}

static inline uint64_t crew_total(void)
{
	struct codearena_query query;
	int fd = device_open(O_RDWR);

	if (fd < 0 || do_query(fd, &query))
		abort();
	close(fd);
	return query.out_commit_total;
}

#endif /* CODEARENA_SELFTESTS_CREW_H */
