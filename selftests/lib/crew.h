/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Threads for the concurrency tests: started together, working for a budget of time,
 * and what went wrong in them kept as text, because the macros of the harness only
 * work on the main thread.
 *
 * A slow machine makes fewer rounds in that time, and none of the tests asks for a
 * number of them. A test fails by what it sees, or when no thread makes a round for
 * HANG_SECONDS.
 */
#ifndef CODEARENA_SELFTESTS_CREW_H
#define CODEARENA_SELFTESTS_CREW_H

#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "utils.h"

#define CREW_MAX	32

/* How long a stress test works: CODEARENA_STRESS_SECONDS=N, 4 seconds without. */
static inline double crew_budget(void)
{
	const char *text = getenv("CODEARENA_STRESS_SECONDS");
	double seconds = text ? atof(text) : 4;

	return seconds > 0 ? seconds : 4;
}

/**
 * struct crew - threads that run one function
 * @threads: of which @count run
 * @count: how many were started
 * @until: when its time is up; set by the first crew_start() unless it is set
 * @rounds: made by all threads that count them
 * @awaited: what has to be seen before the crew ends, see crew_saw()
 * @stop: set when the threads are to end
 * @error: what went wrong first, empty if nothing did
 * @failed: whether @error is taken
 */
struct crew {
	pthread_t threads[CREW_MAX];
	unsigned int count;
	double until;
	unsigned long rounds;
	unsigned int awaited;
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

/* Something that was awaited has been seen. */
static inline void crew_saw(struct crew *crew)
{
	__atomic_sub_fetch(&crew->awaited, 1, __ATOMIC_ACQ_REL);
}

static inline unsigned long crew_rounds(const struct crew *crew)
{
	return __atomic_load_n(&crew->rounds, __ATOMIC_RELAXED);
}

static inline void crew_count_round(struct crew *crew)
{
	__atomic_add_fetch(&crew->rounds, 1, __ATOMIC_RELAXED);
}

/*
 * Called by a thread between two rounds: whether to make another one. Not when the
 * time is up, unless something has not been seen yet.
 */
static inline bool crew_goes_on(struct crew *crew)
{
	double over = seconds_now() - crew->until;

	crew_count_round(crew);
	if (crew_stopped(crew))
		return false;
	return over < 0 || (over < HANG_SECONDS &&
			    __atomic_load_n(&crew->awaited, __ATOMIC_ACQUIRE));
}

/* The first failure is kept; all threads of the crew stop. */
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
	if (!crew->until)
		crew->until = seconds_now() + crew_budget();
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

/* Wait for the last thread: false if it does not end, nor any of them makes a round. */
static inline bool crew_moves(struct crew *crew)
{
	unsigned long rounds = crew_rounds(crew);
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HANG_SECONDS;
	if (!pthread_timedjoin_np(crew->threads[crew->count - 1], NULL, &until))
		crew->count--;
	else if (crew_rounds(crew) == rounds)
		return false;
	return true;
}

/* False if the threads hang. Then they still run. */
static inline bool crew_join(struct crew *crew)
{
	while (crew->count) {
		if (crew_moves(crew))
			continue;
		crew_fail(crew, "no thread made a round for %u s, after %lu",
			  HANG_SECONDS, crew_rounds(crew));
		return false;
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

static inline uint64_t crew_total(void)
{
	struct codearena_query query;
	int fd = device_open(O_RDWR);

	if (fd < 0 || do_query(fd, &query))
		abort();
	close(fd);
	return query.out_commit_total;
}

/* Memory may be given back a little after the last close has returned. */
static inline bool crew_total_becomes(uint64_t bytes)
{
	return WAIT_UNTIL(crew_total() == bytes);
}

#endif /* CODEARENA_SELFTESTS_CREW_H */
