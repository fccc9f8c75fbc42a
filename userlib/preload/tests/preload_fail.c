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

static void scene_unmap(struct scene *scene)
{
	scene->ok = !munmap(scene->at, 2 * PAGE);
	if (scene->ok)
		scene->at = NULL;
}

static void scene_replace(struct scene *scene)
{
	scene->ok = mmap(scene->at, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) == scene->at;
}

static void scene_drop(struct scene *scene)
{
	scene->ok = !madvise(scene->at, 2 * PAGE, MADV_DONTNEED);
}

/* The program's own file takes the numbers of the library's handles. */
static void scene_dup(struct scene *scene)
{
	scene->ok = dup2(STDOUT_FILENO, 960) == 960 && dup2(STDOUT_FILENO, 961) == 961;
}

/* The first code, then what happens to it; each begins in a new process. */
static const struct step {
	const char *name;
	void (*run)(struct scene *scene);
	int before; /* protection of the memory: that of code, or RW after it; 0: the first */
} steps[] = {
	{ "the first code", scene_flip, 0 },
	{ "memory made writable", scene_write, RX },
	{ "changed code", scene_flip, RW },
	{ "moved code", scene_move, RX },
	{ "unmapped code", scene_unmap, RX },
	{ "replaced code", scene_replace, RX },
	{ "dropped code", scene_drop, RW },
	{ "descriptors of the library", scene_dup, RX },
};

/* Run a step with the n-th call failing. Returns whether one failed. */
static bool fail_nth(struct scene *scene, const struct step *step, int n)
{
	*fail_after = n;
	step->run(scene);
	n = *fail_after;
	*fail_after = 0;
	CHECK(scene->ok || errno == ENOMEM);
	return n <= 0;
}

static int one(const struct step *step, int n)
{
	struct scene scene = { .at = anonymous(2 * PAGE, RW) };
	uint32_t value = step->before == RW ? 2 : 1;
	bool failed;

	emit(scene.at, 1);
	if (step->before)
		CHECK(!mprotect(scene.at, 2 * PAGE, RX) && call(scene.at) == 1);
	if (step->before == RW) {
		CHECK(!mprotect(scene.at, 2 * PAGE, RW));
		emit(scene.at, 2);
	}
	failed = fail_nth(&scene, step, n);
	/* Whatever happened, it works now, and nothing was lost. */
	if (!scene.at)
		scene.at = anonymous(2 * PAGE, RW);
	if (!scene.at[0])
		emit(scene.at, value);
	CHECK(!mprotect(scene.at, 2 * PAGE, RX));
	CHECK(call(scene.at) == value);
	CHECK(!mprotect(scene.at, 2 * PAGE, RW));
	emit(scene.at, 9);
	CHECK(!mprotect(scene.at, 2 * PAGE, RX) && call(scene.at) == 9);
	return failed ? 0 : 7;
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

/*
 * Run a child with the n-th call failing, for each n until the child makes fewer calls. The
 * first n for which it does is least or more.
 */
static void sweep(const char *name, int least, int (*child)(const struct step *step, int n),
		  const struct step *step)
{
	for (int n = 1; n < 50; n++) {
		pid_t pid = fork();
		int status;

		CHECK(pid >= 0);
		if (!pid)
			_exit(child(step, n));
		status = wait_for(pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 7) {
			CHECK(n >= least);
			return;
		}
		if (status)
			printf("# %s, call %d\n", name, n);
		CHECK(!status);
	}
	CHECK(!"the sweep ends");
}

static void test_steps(void)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		sweep(steps[i].name, steps[i].run == scene_write ? 1 : 2, one, &steps[i]);
}

/* What the program does that test_start() executes: either it gets code, or EACCES. */
static int started(void)
{
	bool failed = *fail_after <= 0;
	char *at;

	*fail_after = 0;
	at = anonymous(PAGE, RW);
	emit(at, 1);
	if (mprotect(at, PAGE, RX))
		CHECK(failed && errno == EACCES);
	else
		CHECK(call(at) == 1);
	return failed ? 0 : 7;
}

static int start(const struct step *step, int n)
{
	char number[12];

	(void)step;
	snprintf(number, sizeof(number), "%d", n);
	setenv("PRELOAD_FAIL", number, 1);
	execl("/proc/self/exe", "preload_fail", "start", NULL);
	return 1;
}

static void test_start(void)
{
	sweep("the start", 4, start, NULL);
}

static const struct test tests[] = {
	{ "each change of code", test_steps },
	{ "a fork", test_fork },
	{ "the start of a program", test_start },
};

int main(int argc, char **argv)
{
	(void)argv;
	fail_after = dlsym(RTLD_DEFAULT, "pl_fail_after");
	if (!fail_after) {
		puts("1..0 # SKIP run it with the library that is built for it");
		return 4;
	}
	if (argc > 1)
		return started();
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
