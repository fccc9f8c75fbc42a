// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Signals that arrive while operations run, and must not change what they do. */
#include <signal.h>
#include <time.h>

#include "fuzz.h"

/* Long enough for something else to be done between two of them. */
#define NAP_NANOSECONDS	4000000

static __thread timer_t timer;
static __thread bool have_timer;

static void on_pest(int signo)
{
	(void)signo;
}

void process_signals(void)
{
	struct sigaction action = {
		.sa_handler = on_pest,
		.sa_flags = SA_ONSTACK | SA_RESTART,
	};

	trap_handlers();
	if (sigaction(SIGUSR1, &action, NULL))
		abort();
}

static void set_timer(bool on)
{
	struct itimerspec spec = { 0 };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
		._sigev_un._tid = gettid(),
	};

	if (!have_timer) {
		if (timer_create(CLOCK_MONOTONIC, &event, &timer))
			abort();
		have_timer = true;
	}
	if (on)
		spec.it_value.tv_nsec = NAP_NANOSECONDS;
	spec.it_interval = spec.it_value;
	if (timer_settime(timer, 0, &spec, NULL))
		abort();
}

/* Argument: on or off. */
void op_signals(struct fuzzer *f, const struct op *op)
{
	f->signals = op->arg[0] & 1;
	set_timer(f->signals);
}

void signals_end(struct fuzzer *f)
{
	if (f->signals)
		set_timer(false);
	f->signals = false;
}
