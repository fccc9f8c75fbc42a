// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Every system call of the preload library fails once, in a build of it that
 * counts them: the program gets an error, or what it asked for.
 */
#include <dlfcn.h>

#include "tap.h"

/* Calls from now on until one fails; 0: none. */
static int *fail_after;

struct scene {
	char *at;
	bool ok;
};

static void scene_flip(struct scene *scene)
{
	scene->ok = !mprotect(scene->at, 2 * PAGE, RX);
}

static void scene_write(struct scene *scene)
{
	scene->ok = !mprotect(scene->at, 2 * PAGE, RW);
}

static void scene_move(struct scene *scene)
{
	char *to = mremap(scene->at, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);

	scene->ok = to != MAP_FAILED;
	if (scene->ok)
		scene->at = to;
}

/* Run a step with the n-th call failing. Returns whether one failed. */
static bool fail_nth(struct scene *scene, void (*step)(struct scene *), int n)
{
	*fail_after = n;
	step(scene);
	n = *fail_after;
	*fail_after = 0;
	CHECK(scene->ok || errno == ENOMEM);
	return n <= 0;
}

/* The first code, then a flip back, a change, and a move; all in a new process. */
static int one(int step, int n)
{
	struct scene scene = { anonymous(2 * PAGE, RW), false };
	bool failed;

	emit(scene.at, 1);
	if (step > 0)
		CHECK(!mprotect(scene.at, 2 * PAGE, RX) && call(scene.at) == 1);
	if (step == 2) {
		CHECK(!mprotect(scene.at, 2 * PAGE, RW));
		emit(scene.at, 2);
	}
	failed = fail_nth(&scene, step == 1 ? scene_write : step == 3 ? scene_move : scene_flip,
			  n);
	/* Whatever happened, it works now, and nothing was lost. */
	CHECK(!mprotect(scene.at, 2 * PAGE, RX));
	CHECK(call(scene.at) == (step == 2 ? 2U : 1U));
	CHECK(!mprotect(scene.at, 2 * PAGE, RW));
	emit(scene.at, 9);
	CHECK(!mprotect(scene.at, 2 * PAGE, RX) && call(scene.at) == 9);
	return failed ? 0 : 7;
}

static void sweep(int step)
{
	for (int n = 1; n < 50; n++) {
		pid_t pid = fork();
		int status;

		CHECK(pid >= 0);
		if (!pid)
			_exit(one(step, n));
		status = wait_for(pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 7) {
			CHECK(n > 1 || step == 1);
			return;
		}
		if (status)
			printf("# step %d, call %d\n", step, n);
		CHECK(!status);
	}
	CHECK(!"the sweep ends");
}

static void test_first(void)
{
	sweep(0);
}

static void test_write(void)
{
	sweep(1);
}

static void test_change(void)
{
	sweep(2);
}

static void test_move(void)
{
	sweep(3);
}

/* A child that cannot have its own code does not run that of its parent. */
static void test_fork(void)
{
	char *at = anonymous(PAGE, RW);

	emit(at, 1);
	CHECK(!mprotect(at, PAGE, RX));
	for (int n = 1; n < 50; n++) {
		pid_t pid;
		int status;

		*fail_after = n;
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			bool failed = *fail_after <= 0;

			*fail_after = 0;
			CHECK(call(at) == 1);
			_exit(failed ? 0 : 7);
		}
		*fail_after = 0;
		status = wait_for(pid);
		CHECK(WIFEXITED(status));
		if (WEXITSTATUS(status) == 7) {
			CHECK(n > 3);
			return;
		}
		CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 127);
	}
	CHECK(!"the sweep ends");
}

static const struct test tests[] = {
	{ "the first code", test_first },
	{ "memory made writable", test_write },
	{ "changed code", test_change },
	{ "moved code", test_move },
	{ "a fork", test_fork },
};

int main(void)
{
	fail_after = dlsym(RTLD_DEFAULT, "pl_fail_after");
	if (!fail_after) {
		puts("1..0 # SKIP run it with the library that is built for it");
		return 4;
	}
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
