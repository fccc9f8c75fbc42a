// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Which backends are there, and which one is used.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "codearena/module.h"
#include "lib/helpers.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_RISCV
#endif

/* The environment of the run, which tests change. */
static char *wish;

static int environment_setup(void **state)
{
	const char *now = getenv("CODEARENA_BACKEND");

	(void)state;
	wish = strdup(now ? now : "memfd");
	return !wish;
}

static int environment_teardown(void **state)
{
	int ret = setenv("CODEARENA_BACKEND", wish, 1);

	(void)state;
	free(wish);
	return ret;
}

static bool device_there(void)
{
	return !codearena_probe(CODEARENA_BACKEND_DEVICE, NULL);
}

static void memfd_is_described(void **state)
{
	struct codearena_info info = { .sz = sizeof(info) };

	(void)state;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, &info), 0);
	assert_int_equal(info.sz, sizeof(info));
	assert_int_equal(info.backend, CODEARENA_BACKEND_MEMFD);
	assert_int_equal(info.machine, MACHINE);
	assert_int_equal(info.page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(info.granule, info.page_size / 64);
	assert_int_equal(info.max_entries, 65536);
	assert_int_equal(info.abi_revision, CODEARENA_ABI_REVISION);
	assert_true(info.max_length >= 1 << 30);
	assert_true(info.commit_limit == UINT64_MAX);
	assert_int_equal(info.features, CODEARENA_FEATURE_SYNC |
			 CODEARENA_FEATURE_PERMANENT | CODEARENA_FEATURE_TRAPS |
			 CODEARENA_FEATURE_CLONE);
}

static void device_is_described(void **state)
{
	struct codearena_info info = { .sz = sizeof(info) };
	uint64_t features = CODEARENA_FEATURE_SYNC | CODEARENA_FEATURE_SHARE |
			    CODEARENA_FEATURE_PERMANENT;

	(void)state;
	if (!device_there())
		skip_because("no device here");
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_DEVICE, &info), 0);
	assert_int_equal(info.backend, CODEARENA_BACKEND_DEVICE);
	assert_int_equal(info.machine, MACHINE);
	assert_int_equal(info.page_size, sysconf(_SC_PAGESIZE));
	assert_int_equal(info.granule, info.page_size / 64);
	assert_true(info.max_entries >= 256);
	assert_true(info.abi_revision >= 1);
	assert_true(info.max_length >= 1 << 30);
	assert_true(info.commit_limit > 0);
	assert_int_equal(info.features & features, features);
}

static void absent_device(void **state)
{
	struct codearena_info info, before;
	int ret;

	(void)state;
	if (!access("/dev/codearena", F_OK))
		skip_because("the device is there");
	memset(&info, 0x5a, sizeof(info));
	info.sz = sizeof(info);
	before = info;
	ret = codearena_probe(CODEARENA_BACKEND_DEVICE, &info);
	assert_int_equal(ret, -ENOENT);
	assert_memory_equal(&info, &before, sizeof(info));
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_DEVICE, NULL),
			 -ENOENT);
}

static void information_of_other_ages(void **state)
{
	struct {
		struct codearena_info info;
		uint8_t later[16];
	} newer;
	struct codearena_info info = { 0 };
	unsigned int i;

	(void)state;
	memset(&newer, 0x5a, sizeof(newer));
	newer.info.sz = sizeof(newer) - 8;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, &newer.info),
			 0);
	assert_int_equal(newer.info.sz, sizeof(newer) - 8);
	assert_int_equal(newer.info.machine, MACHINE);
	for (i = 0; i < 8; i++)
		assert_int_equal(newer.later[i], 0);
	/* Nothing is written after the program's structure. */
	for (i = 8; i < 16; i++)
		assert_int_equal(newer.later[i], 0x5a);

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, &info),
			 -EINVAL);
	info.sz = sizeof(info) - 1;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, &info),
			 -EINVAL);
	assert_int_equal(info.machine, 0);
}

static void environment_decides(void **state)
{
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_arena *arena;

	(void)state;
	setenv("CODEARENA_BACKEND", "memfd", 1);
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	assert_int_equal(info.backend, CODEARENA_BACKEND_MEMFD);
	setenv("CODEARENA_BACKEND", "device", 1);
	if (device_there()) {
		assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info),
				 0);
		assert_int_equal(info.backend, CODEARENA_BACKEND_DEVICE);
	} else {
		assert_int_not_equal(codearena_probe(CODEARENA_BACKEND_AUTO,
						     &info), 0);
		assert_int_not_equal(codearena_arena_new(sysconf(_SC_PAGESIZE),
							 NULL, &arena), 0);
		assert_null(arena);
	}
	/* An explicit choice is stronger. */
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, &info), 0);
	assert_int_equal(info.backend, CODEARENA_BACKEND_MEMFD);
}

static void nonsense_in_the_environment(void **state)
{
	static const char * const words[] = { "", "auto", "Device", "memfd ",
					      "unknown" };
	struct codearena_arena *arena;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		setenv("CODEARENA_BACKEND", words[i], 1);
		assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, NULL),
				 -EINVAL);
		assert_int_equal(codearena_arena_new(sysconf(_SC_PAGESIZE),
						     NULL, &arena), -EINVAL);
		assert_int_equal(codearena_probe(CODEARENA_BACKEND_MEMFD, NULL),
				 0);
	}
}

static void auto_takes_the_best(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .device = "/dev/does-not-exist");
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_arena *arena;

	(void)state;
	unsetenv("CODEARENA_BACKEND");
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	assert_int_equal(info.backend, device_there() ?
			 CODEARENA_BACKEND_DEVICE : CODEARENA_BACKEND_MEMFD);
	assert_int_equal(codearena_arena_new(info.page_size, NULL, &arena), 0);
	assert_int_equal(codearena_arena_backend(arena), info.backend);
	codearena_arena_free(arena);
	/* Where the device of the options is not there the memfd is. */
	assert_int_equal(codearena_arena_new(info.page_size, &opts, &arena), 0);
	assert_int_equal(codearena_arena_backend(arena),
			 CODEARENA_BACKEND_MEMFD);
	codearena_arena_free(arena);
}

static void unknown_backends(void **state)
{
	(void)state;
	assert_int_equal(codearena_probe(3, NULL), -EINVAL);
	assert_int_equal(codearena_probe(-1, NULL), -EINVAL);
}

static void backend_names(void **state)
{
	(void)state;
	assert_string_equal(codearena_backend_name(CODEARENA_BACKEND_AUTO),
			    "auto");
	assert_string_equal(codearena_backend_name(CODEARENA_BACKEND_DEVICE),
			    "device");
	assert_string_equal(codearena_backend_name(CODEARENA_BACKEND_MEMFD),
			    "memfd");
	assert_string_equal(codearena_backend_name(3), "unknown");
	assert_string_equal(codearena_backend_name(-1), "unknown");
}

static void version(void **state)
{
	unsigned int major, minor, patch;
	char rest;

	(void)state;
	assert_int_equal(sscanf(codearena_version(), "%u.%u.%u%c", &major,
				&minor, &patch, &rest), 3);
}

#define COPY "/tmp/codearena-noexec"

/* The device's node, on a file system that forbids execution. */
static bool refused_on_noexec(void *context)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .device = COPY "/codearena",
		       .backend = CODEARENA_BACKEND_DEVICE);
	struct codearena_arena *arena;
	struct stat status;

	(void)context;
	if (stat("/dev/codearena", &status) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", COPY, "tmpfs", MS_NOEXEC, NULL) ||
	    mknod(COPY "/codearena", S_IFCHR | 0600, status.st_rdev))
		return false;
	if (codearena_arena_new(sysconf(_SC_PAGESIZE), &opts, &arena) != -EPERM)
		return false;
	/* There AUTO takes the memfd. */
	unsetenv("CODEARENA_BACKEND");
	opts.backend = CODEARENA_BACKEND_AUTO;
	if (codearena_arena_new(sysconf(_SC_PAGESIZE), &opts, &arena))
		return false;
	return codearena_arena_backend(arena) == CODEARENA_BACKEND_MEMFD &&
	       codearena_arena_backend_reason(arena) == -EPERM;
}

static void device_on_noexec(void **state)
{
	(void)state;
	if (getuid() || !device_there())
		skip_because("needs root and the device");
	assert_int_equal(mkdir(COPY, 0700), 0);
	assert_int_equal(in_child(refused_on_noexec, NULL), 0);
	rmdir(COPY);
}

/* Of an arena, and of one that a manager makes. */
static void expect_reason(enum codearena_backend backend, const char *device,
			  int reason)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .backend = backend,
		       .device = device);
	CODEARENA_OPTS(codearena_manager_opts, manager_opts,
		       .backend = backend, .device = device);
	CODEARENA_OPTS(codearena_allocator_opts, allocator_opts,
		       .estimate = 64);
	CODEARENA_OPTS(codearena_space_info, info);
	struct codearena_allocator *allocator;
	struct codearena_manager *manager;
	struct codearena_arena *arena;

	assert_int_equal(codearena_arena_new(sysconf(_SC_PAGESIZE), &opts,
					     &arena), 0);
	assert_int_equal(codearena_arena_backend_reason(arena), reason);
	codearena_arena_free(arena);
	assert_int_equal(codearena_manager_new(&manager_opts, &manager), 0);
	assert_int_equal(codearena_allocator_new(manager, &allocator_opts,
						 &allocator), 0);
	assert_int_equal(codearena_allocator_space(allocator, 0, &info), 0);
	assert_int_equal(codearena_arena_backend_reason(info.arena), reason);
	codearena_allocator_free(allocator);
	codearena_manager_free(manager);
}

static void reason_of_the_fallback(void **state)
{
	(void)state;
	assert_int_equal(codearena_arena_backend_reason(NULL), -EINVAL);
	unsetenv("CODEARENA_BACKEND");
	expect_reason(CODEARENA_BACKEND_MEMFD, NULL, 0);
	expect_reason(CODEARENA_BACKEND_AUTO, "/nonexistent", -ENOENT);
	expect_reason(CODEARENA_BACKEND_AUTO, "/dev/null", -ENOTTY);
	setenv("CODEARENA_BACKEND", "memfd", 1);
	expect_reason(CODEARENA_BACKEND_AUTO, "/nonexistent", 0);
	if (!device_there())
		return;
	unsetenv("CODEARENA_BACKEND");
	expect_reason(CODEARENA_BACKEND_AUTO, NULL, 0);
	expect_reason(CODEARENA_BACKEND_DEVICE, NULL, 0);
}

#define ENVIRONMENT_TEST(name)						\
	cmocka_unit_test_setup_teardown(name, environment_setup,	\
					environment_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memfd_is_described),
		cmocka_unit_test(device_is_described),
		cmocka_unit_test(absent_device),
		cmocka_unit_test(information_of_other_ages),
		ENVIRONMENT_TEST(environment_decides),
		ENVIRONMENT_TEST(nonsense_in_the_environment),
		ENVIRONMENT_TEST(auto_takes_the_best),
		ENVIRONMENT_TEST(reason_of_the_fallback),
		cmocka_unit_test(unknown_backends),
		cmocka_unit_test(backend_names),
		cmocka_unit_test(version),
		ENVIRONMENT_TEST(device_on_noexec),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
