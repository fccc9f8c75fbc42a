// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A thread whose stack is in a guard: unbounded recursion in a module traps at the
 * end of the stack, without a check in its code.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "wasm.h"

/* The unbacked part is larger than the reach of wasm_rt_room(). */
#define STACK_BELOW	(1ULL << 20)
#define STACK_LENGTH	(8ULL << 20)
#define SIGNAL_STACK	(64 << 10)

struct codearena_guard *wasm_stack_guard;

struct start {
	const struct wasm_options *options;
	int (*body)(void *data);
	void *data;
	int result;
};

static void *begin(void *argument)
{
	static char signal_stack[SIGNAL_STACK];
	struct start *start = argument;
	stack_t stack = {
		.ss_sp = signal_stack,
		.ss_size = sizeof(signal_stack)
	};
	sigset_t all;

	/*
	 * The memfd backend needs signals, and a stack for their frames when
	 * this one is full. With the device no signal arrives.
	 */
	if (start->options->backend == CODEARENA_BACKEND_MEMFD) {
		sigaltstack(&stack, NULL);
	} else {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, NULL);
	}
	start->result = start->body(start->data);
	return NULL;
}

int wasm_on_guarded_stack(const struct wasm_options *options,
			  int (*body)(void *data), void *data)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "wasm-stack",
		       .backend = options->backend);
	struct start start = { options, body, data, 1 };
	struct codearena_arena *arena;
	pthread_attr_t attr;
	pthread_t thread;
	char *base;
	int ret;

	ret = codearena_arena_new(1 << 20, &opts, &arena);
	if (ret)
		wasm_die("no arena on backend %s: %s",
			 codearena_backend_name(options->backend),
			 strerror(-ret));
	ret = codearena_guard_new(arena, STACK_BELOW + STACK_LENGTH, NULL,
				  &wasm_stack_guard);
	if (!ret)
		ret = codearena_guard_back(wasm_stack_guard, STACK_BELOW,
					   STACK_LENGTH);
	if (ret)
		wasm_die("no stack: %s", strerror(-ret));
	base = codearena_guard_base(wasm_stack_guard);
	pthread_attr_init(&attr);
	ret = pthread_attr_setstack(&attr, base + STACK_BELOW, STACK_LENGTH);
	if (!ret)
		ret = pthread_create(&thread, &attr, begin, &start);
	if (ret)
		wasm_die("no thread: %s", strerror(ret));
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	codearena_guard_free(wasm_stack_guard);
	codearena_arena_free(arena);
	return start.result;
}
