/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The module's trace events, in a buffer of the test's own. Include after
 * harness.h: the macros use its EXPECT and SKIP.
 */
#ifndef CODEARENA_SELFTESTS_TRACING_H
#define CODEARENA_SELFTESTS_TRACING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACING "/sys/kernel/tracing/"
#define TRACING_INSTANCE TRACING "instances/codearena_selftest/"
#define TRACING_EVENTS TRACING_INSTANCE "events/codearena/"
#define TRACING_SIZE 65536

/* Make the buffer: true if that works, else errno says why not. */
bool tracing_begin(void);
/* Record an event, or "*" for all: the same. */
bool tracing_enable(const char *event);
void tracing_end(void);

/* The buffer's lines of a process, into @text (TRACING_SIZE); how many there are. */
unsigned int tracing_lines(char *text, pid_t pid);
/* All of the buffer. */
void tracing_all(char *text);
/* Forget what was recorded so far. */
void tracing_clear(void);

#define NEED_TRACING(usable)						\
	do {								\
		if (!(usable))						\
			SKIP(return, "no tracefs: %s", strerror(errno)); \
	} while (0)

#define EXPECT_EVENT(text, ...)						\
	do {								\
		char wanted_[300];					\
									\
		snprintf(wanted_, sizeof(wanted_), __VA_ARGS__);	\
		EXPECT_NE(NULL, strstr(text, wanted_)) {		\
			TH_LOG("no '%s' in: %s", wanted_, text);	\
		}							\
	} while (0)

#endif /* CODEARENA_SELFTESTS_TRACING_H */
