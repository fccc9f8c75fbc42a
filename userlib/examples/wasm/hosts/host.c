// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A program with its own handlers for SIGSEGV, SIGFPE and SIGILL that runs modules
 * which trap: before, meanwhile and afterwards, its handlers get all signals of
 * the program and none of the modules.
 *
 * Usage: host-c device|memfd OBJECT TRACE
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

#define BEFORE	100

static atomic_ulong seen, made;
static _Thread_local volatile sig_atomic_t mine;
static _Thread_local sigjmp_buf back;
static atomic_ulong foreign;
static atomic_int stop;
static volatile int *volatile nowhere;

/* Only signals that this program caused on purpose may arrive here. */
static void handle(int number)
{
	(void)number;
	seen++;
	if (!mine) {
		foreign++;
		_Exit(3);
	}
	siglongjmp(back, 1);
}

static void fault(void)
{
	made++;
	mine = 1;
	if (!sigsetjmp(back, 1))
		*nowhere = 0;
	mine = 0;
}

static void *keep_faulting(void *unused)
{
	while (!stop)
		fault();
	return unused;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handle }, after;
	pthread_t thread;
	int ret;

	if (argc != 4) {
		fprintf(stderr, "Usage: %s device|memfd OBJECT TRACE\n", argv[0]);
		return 2;
	}
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	for (int i = 0; i < BEFORE; i++)
		fault();
	if (pthread_create(&thread, NULL, keep_faulting, NULL))
		return 2;
	ret = hosts_replay(argv[1], argv[2], argv[3]);
	stop = 1;
	pthread_join(thread, NULL);
	for (int i = 0; i < BEFORE; i++)
		fault();
	sigaction(SIGSEGV, NULL, &after);
	if (!strcmp(argv[1], "device") && after.sa_handler != handle) {
		printf("the handler is not the program's any more\n");
		ret = 1;
	}
	/* Their number meanwhile depends on the machine. */
	if (seen != made || foreign || seen < 2 * BEFORE + 1)
		ret = 1;
	printf("host-c %s: %s: the program's handler got all its %s, and no other\n",
	       argv[1], ret ? "WRONG" : "ok", seen == made ? "faults" : "FAULTS");
	return ret ? 1 : 0;
}
