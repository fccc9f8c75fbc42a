// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A compiler in another process: its code appears in the locked runtime, stays
 * when the compiler ends, and is there as a whole or not at all when the compiler
 * is killed while it publishes.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <codearena/remote.h>

#include "lib/helpers.h"

#define FUNCTIONS	16
#define FIRST_VALUE	100
#define STUB_VALUE	5
#define ROUNDS		64

/* What the processes of a round share beside the code. */
struct progress {
	unsigned int done;	/* functions that the runtime got */
	bool good;
};

static struct progress *progress;
static struct codearena_arena *arena;
static uint64_t page, granule;

static uint64_t slot_of(uint32_t function)
{
	return (1 + function) * granule;
}

/* Slots of jumps to a stub in the first page, and a page for each function. */
static bool make_arena(void)
{
	CODEARENA_OPTS(codearena_arena_opts, opts);
	uint64_t jump;
	struct codearena_object slot = {
		.source = (uintptr_t)&jump,
		.length = sizeof(jump),
		.flags = CODEARENA_OBJECT_F_PATCHABLE,
	};

	page = sysconf(_SC_PAGESIZE);
	if (codearena_arena_new((1 + FUNCTIONS) * page, &opts, &arena))
		return false;
	granule = codearena_arena_granule(arena);
	if (codearena_arena_commit(arena, 0, (1 + FUNCTIONS) * page) ||
	    publish_return(arena, 0, STUB_VALUE, 0))
		return false;
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		slot.offset = slot_of(i);
		jump = code_jump(slot.offset, 0);
		if (codearena_arena_publish(arena, &slot, 1, NULL, 0, 0, NULL))
			return false;
	}
	return true;
}

/* It begins with a jump to its end: half of it would trap. */
static int compile(void *data, uint32_t instance, uint32_t function)
{
	uint64_t start = (1 + function) * page, end = start + page - granule;
	uint64_t jump = code_jump(start, end);
	struct codearena_object object = {
		.offset = start, .length = page,
	};
	struct codearena_patch_entry patch = {
		.offset = slot_of(function),
		.expected = code_jump(slot_of(function), 0),
		.value = code_jump(slot_of(function), start),
		.width = 8,
	};
	uint8_t *bytes = malloc(page);
	int ret;

	(void)data;
	(void)instance;
	trap_bytes(start, bytes, page);
	memcpy(bytes, &jump, sizeof(jump));
	code_return(bytes + page - granule, FIRST_VALUE + function);
	object.source = (uintptr_t)bytes;
	ret = codearena_arena_publish(arena, &object, 1, &patch, 1, 0, NULL);
	free(bytes);
	return ret;
}

static unsigned int call(uint32_t function)
{
	return execute(arena, slot_of(function));
}

/* In the runtime. The last request may have been served and not been answered. */
static bool is_whole(uint32_t done)
{
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		unsigned int value = call(i);

		if (value != FIRST_VALUE + i &&
		    (i < done || value != STUB_VALUE))
			return false;
		if (i > done && value != STUB_VALUE)
			return false;
	}
	return true;
}

static void runtime(int socket)
{
	uint32_t i;

	if (codearena_remote_lock(&socket, 1))
		_exit(1);
	for (i = 0; i < FUNCTIONS; i++) {
		if (call(i) != STUB_VALUE)
			_exit(1);
		if (codearena_remote_request(socket, 0, i))
			break;
		if (call(i) != FIRST_VALUE + i)
			_exit(1);
		__atomic_store_n(&progress->done, i + 1, __ATOMIC_RELEASE);
	}
	/* Not before the compiler has ended. */
	while (codearena_remote_request(socket, 0, FUNCTIONS) != -EPIPE)
		sched_yield();
	progress->good = is_whole(i);
	_exit(0);
}

static void compiler(void)
{
	const uint32_t functions = FUNCTIONS;
	CODEARENA_OPTS(codearena_remote_opts, opts, .functions = &functions,
		       .instances = 1, .compile = compile);
	int ends[2];
	pid_t pid;

	if (!make_arena() || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		_exit(1);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		runtime(ends[1]);
	}
	close(ends[1]);
	_exit(pid < 0 || codearena_remote_serve(ends[0], &opts));
}

/* Kill the compiler when the runtime has got this many functions. */
static void kill_after(unsigned int functions)
{
	unsigned int ended = 0;
	pid_t pid, got;
	int status;

	*progress = (struct progress){ 0 };
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		compiler();
	while (__atomic_load_n(&progress->done, __ATOMIC_ACQUIRE) < functions &&
	       !waitpid(pid, &status, WNOHANG))
		sched_yield();
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* Both, the runtime as an orphan. */
	while (ended < 2) {
		got = wait(&status);
		assert_true(got > 0);
		assert_int_equal(status, got == pid ? SIGKILL : 0);
		ended++;
	}
	assert_true(progress->good);
}

static int setup(void **state)
{
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return backend_setup(state) || progress == MAP_FAILED ||
	       prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void code_outlives_its_compiler(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	skip_with_sanitizer();
	kill_after(FUNCTIONS);
	assert_int_equal(progress->done, FUNCTIONS);
}

static void nothing_is_half_published(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	skip_with_sanitizer();
	for (unsigned int i = 0; i < ROUNDS; i++)
		kill_after(1 + i % (FUNCTIONS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_outlives_its_compiler),
		cmocka_unit_test(nothing_is_half_published),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
