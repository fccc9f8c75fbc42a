// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Making and freeing arenas: options, limits, accessors.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arena/arena.h"
#include "lib/helpers.h"

#define MIB (1ULL << 20)

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Makes no arena, and says so. */
static void expect_no_arena(int error, uint64_t length,
			    const struct codearena_arena_opts *opts)
{
	struct codearena_arena *arena = (void *)1;

	assert_int_equal(codearena_arena_new(length, opts, &arena), -error);
	assert_null(arena);
}

static unsigned int open_files(void)
{
	unsigned int count = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void defaults(void **state)
{
	struct codearena_arena *arena;
	struct codearena_stat stat;
	struct codearena_info info = { .sz = sizeof(info) };

	(void)state;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	assert_int_equal(codearena_arena_new(4 * MIB, NULL, &arena), 0);
	assert_int_equal(codearena_arena_length(arena), 4 * MIB);
	assert_int_equal(codearena_arena_page_size(arena), info.page_size);
	assert_int_equal(codearena_arena_granule(arena), info.granule);
	assert_int_equal(codearena_arena_granule(arena) * 64, page_size());
	assert_int_equal(codearena_arena_backend(arena), info.backend);
	assert_true(backend_is(info.backend));
	assert_int_equal(fcntl(codearena_arena_fd(arena), F_GETFD), FD_CLOEXEC);
	assert_int_equal((uintptr_t)codearena_arena_base(arena) % (2 * MIB), 0);
	stat = stat_of(arena);
	assert_int_equal(stat.out_length, 4 * MIB);
	assert_int_equal(stat.out_commit_limit, 4 * MIB);
	assert_int_equal(stat.out_committed, 0);
	codearena_arena_free(arena);
}

static bool is_mapped(const void *address)
{
	unsigned char resident;

	return !mincore((void *)address, page_size(), &resident);
}

static void free_leaves_nothing(void **state)
{
	unsigned int before = open_files();
	struct codearena_arena *arena;
	const void *base;
	unsigned int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		assert_int_equal(codearena_arena_new(2 * page_size(), NULL,
						     &arena), 0);
		assert_int_equal(codearena_arena_commit(arena, 0, page_size()),
				 0);
		base = codearena_arena_base(arena);
		assert_true(is_mapped(base));
		codearena_arena_free(arena);
		assert_false(is_mapped(base));
	}
	assert_int_equal(open_files(), before);
	codearena_arena_free(NULL);
}

static void arenas_are_independent(void **state)
{
	struct codearena_arena *arenas[20];
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_int_equal(codearena_arena_new(page_size(), NULL,
						     &arenas[i]), 0);
		assert_int_equal(codearena_arena_commit(arenas[i], 0,
							page_size()), 0);
		assert_int_equal(publish_return(arenas[i], 0, i, 0), 0);
	}
	for (i = 0; i < 20; i += 2)
		codearena_arena_free(arenas[i]);
	for (i = 1; i < 20; i += 2) {
		assert_int_equal(execute(arenas[i], 0), i);
		assert_int_equal(stat_of(arenas[i]).out_published, 1);
		codearena_arena_free(arenas[i]);
	}
}

static void bad_lengths(void **state)
{
	struct codearena_info info = { .sz = sizeof(info) };
	CODEARENA_OPTS(codearena_arena_opts, opts, .commit_limit = 1);

	(void)state;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	expect_no_arena(EINVAL, 0, NULL);
	expect_no_arena(EINVAL, 1, NULL);
	expect_no_arena(EINVAL, page_size() + 1, NULL);
	expect_no_arena(EINVAL, info.max_length + page_size(), NULL);
	expect_no_arena(EINVAL, -page_size(), NULL);
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.commit_limit = 2 * page_size();
	expect_no_arena(EINVAL, page_size(), &opts);
}

static void largest_arena(void **state)
{
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_arena *arena;
	uint64_t last;

	(void)state;
	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	assert_int_equal(codearena_arena_new(info.max_length, NULL, &arena), 0);
	last = info.max_length - page_size();
	assert_int_equal(codearena_arena_commit(arena, last, page_size()), 0);
	assert_int_equal(publish_return(arena, last, 8, 0), 0);
	assert_int_equal(execute(arena, last), 8);
	codearena_arena_free(arena);
}

static void bad_flags(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts);
	uint32_t bit;

	(void)state;
	/* The device knows two more. */
	for (bit = backend_is(CODEARENA_BACKEND_DEVICE) ? 4 : 2; bit < 32; bit++) {
		opts.flags = 1U << bit;
		expect_no_arena(EOPNOTSUPP, page_size(), &opts);
	}
	/* Alone it says nothing. */
	opts.flags = CODEARENA_RESERVE_F_UNENFORCED;
	expect_no_arena(backend_is(CODEARENA_BACKEND_DEVICE) ? EINVAL :
							       EOPNOTSUPP,
			page_size(), &opts);
}

static void names(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts);
	struct codearena_arena *arena;

	(void)state;
	opts.name = "the name may have 31 characters";
	assert_int_equal(strlen(opts.name), CODEARENA_NAME_LEN - 1);
	assert_int_equal(codearena_arena_new(page_size(), &opts, &arena), 0);
	codearena_arena_free(arena);
	opts.name = "this name has 32 characters, oh!";
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.name = "tab\t";
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.name = "\303\244";
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.name = "\177";
	expect_no_arena(EINVAL, page_size(), &opts);
}

static void name_is_shown(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "jit 42");
	struct codearena_arena *arena;
	char line[512];
	bool found = false;
	FILE *maps;

	(void)state;
	/* The device shows it in fdinfo instead. */
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(codearena_arena_new(page_size(), &opts, &arena), 0);
	maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "codearena:jit 42") != NULL;
	fclose(maps);
	assert_true(found);
	codearena_arena_free(arena);
}

static void options_of_other_ages(void **state)
{
	struct {
		struct codearena_arena_opts opts;
		uint8_t later[24];
	} newer = { .opts = { .sz = sizeof(newer), .name = "newer" } };
	CODEARENA_OPTS(codearena_arena_opts, opts);
	struct codearena_arena *arena;

	(void)state;
	/* A newer program that asks for nothing new. */
	assert_int_equal(codearena_arena_new(page_size(), &newer.opts, &arena),
			 0);
	codearena_arena_free(arena);
	newer.later[23] = 1;
	expect_no_arena(E2BIG, page_size(), &newer.opts);
	newer.later[23] = 0;
	newer.later[0] = 1;
	expect_no_arena(E2BIG, page_size(), &newer.opts);
	/* Nothing is older than the first release. */
	opts.sz--;
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.sz = sizeof(size_t);
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.sz = 0;
	expect_no_arena(EINVAL, page_size(), &opts);
}

static void code_view_is_not_writable(void **state)
{
	struct codearena_arena *arena;
	void *base;

	(void)state;
	assert_int_equal(codearena_arena_new(page_size(), NULL, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0, page_size()), 0);
	base = (void *)codearena_arena_base(arena);
	assert_int_equal(mprotect(base, page_size(), PROT_READ | PROT_WRITE),
			 -1);
	assert_int_equal(errno, EACCES);
	codearena_arena_free(arena);
}

static void other_devices(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_DEVICE);
	char path[] = "/tmp/codearena-test-XXXXXX";
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	(void)state;
	opts.device = "/dev/does-not-exist";
	expect_no_arena(ENOENT, page_size(), &opts);
	opts.device = "/dev/null/below";
	expect_no_arena(ENOENT, page_size(), &opts);
	opts.device = "/dev/null";
	expect_no_arena(ENOTTY, page_size(), &opts);
	opts.device = "/tmp";
	expect_no_arena(ENOTTY, page_size(), &opts);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	opts.device = path;
	expect_no_arena(ENOTTY, page_size(), &opts);
	close(fd);
	unlink(path);
	/* A socket's file has no driver. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(name.sun_path, path);
	assert_int_equal(bind(fd, (void *)&name, sizeof(name)), 0);
	expect_no_arena(ENXIO, page_size(), &opts);
	close(fd);
	unlink(path);
}

static bool device_is_refused(void *context)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .device = context,
		       .backend = CODEARENA_BACKEND_DEVICE);
	struct codearena_arena *arena;

	if (setgid(65534) || setuid(65534))
		return false;
	return codearena_arena_new(page_size(), &opts, &arena) == -EACCES;
}

static void device_without_permission(void **state)
{
	char path[] = "/tmp/codearena-test-XXXXXX";
	int fd;

	(void)state;
	if (getuid())
		skip_because("needs root");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(in_child(device_is_refused, path), 0);
	close(fd);
	unlink(path);
}

static void backends_by_name(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_MEMFD);
	struct codearena_arena *arena;

	(void)state;
	/* What the program says is stronger than the environment. */
	assert_int_equal(codearena_arena_new(page_size(), &opts, &arena), 0);
	assert_int_equal(codearena_arena_backend(arena),
			 CODEARENA_BACKEND_MEMFD);
	codearena_arena_free(arena);
	opts.backend = 3;
	expect_no_arena(EINVAL, page_size(), &opts);
	opts.backend = -1;
	expect_no_arena(EINVAL, page_size(), &opts);
}

static void null_arguments(void **state)
{
	struct codearena_arena *arena = NULL;
	struct codearena_stat stat = { .size = sizeof(stat) };
	size_t failed = 1;
	int fd = 1;

	(void)state;
	assert_int_equal(codearena_arena_new(page_size(), NULL, NULL), -EINVAL);
	assert_int_equal(codearena_arena_attach(0, NULL, NULL), -EINVAL);
	assert_null(codearena_arena_base(arena));
	assert_int_equal(codearena_arena_length(arena), 0);
	assert_int_equal(codearena_arena_fd(arena), -1);
	assert_int_equal(codearena_arena_granule(arena), 0);
	assert_int_equal(codearena_arena_page_size(arena), 0);
	assert_int_equal(codearena_arena_backend(arena),
			 CODEARENA_BACKEND_AUTO);
	assert_int_equal(codearena_arena_commit(arena, 0, page_size()),
			 -EINVAL);
	assert_int_equal(codearena_arena_decommit(arena, 0, page_size()),
			 -EINVAL);
	assert_int_equal(codearena_arena_seal(arena, 0, 64, 0), -EINVAL);
	assert_int_equal(codearena_arena_write(arena, NULL, 1, &failed),
			 -EINVAL);
	assert_true(failed == SIZE_MAX);
	assert_int_equal(codearena_arena_publish(arena, NULL, 1, NULL, 0, 0,
						 NULL), -EINVAL);
	assert_int_equal(codearena_arena_patch(arena, NULL, 1, 0, NULL),
			 -EINVAL);
	assert_int_equal(codearena_arena_discard(arena, NULL, 1, NULL),
			 -EINVAL);
	assert_int_equal(codearena_arena_stat(arena, &stat), -EINVAL);
	assert_int_equal(codearena_arena_share(arena, &fd), -EINVAL);
	assert_int_equal(fd, -1);
	assert_int_equal(codearena_arena_new(page_size(), NULL, &arena), 0);
	assert_int_equal(codearena_arena_share(arena, NULL), -EINVAL);
	assert_int_equal(codearena_arena_stat(arena, NULL), -EINVAL);
	codearena_arena_free(arena);
}

static void stat_of_other_ages(void **state)
{
	struct fixture *f = *state;
	struct {
		struct codearena_stat stat;
		uint64_t later;
	} newer = { .stat = { .size = sizeof(newer) } };
	struct codearena_stat stat = stat_of(f->arena);
	uint32_t bit;

	assert_int_equal(codearena_arena_stat(f->arena, &newer.stat), 0);
	assert_memory_equal(&newer.stat.out_length, &stat.out_length,
			    sizeof(stat) - 8);
	assert_int_equal(newer.stat.size, sizeof(newer));
	newer.later = 1;
	assert_int_equal(codearena_arena_stat(f->arena, &newer.stat), -E2BIG);
	stat.size = CA__SIZE_STAT - 1;
	assert_int_equal(codearena_arena_stat(f->arena, &stat), -EINVAL);
	stat.size = 0;
	assert_int_equal(codearena_arena_stat(f->arena, &stat), -EINVAL);
	stat.size = sizeof(stat);
	for (bit = 0; bit < 32; bit++) {
		stat.flags = 1U << bit;
		assert_int_equal(codearena_arena_stat(f->arena, &stat),
				 -EOPNOTSUPP);
	}
}

static void too_many_files(void **state)
{
	struct rlimit old, now;
	unsigned int before;
	int fd, spare;

	(void)state;
	before = open_files();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* One descriptor is left, then none. */
	fd = dup(0);
	spare = dup(0);
	now = old;
	now.rlim_cur = spare;
	close(spare);
	close(fd);
	fd = dup(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	expect_no_arena(EMFILE, page_size(), NULL);
	close(fd);
	if (backend_is(CODEARENA_BACKEND_MEMFD))
		expect_no_arena(EMFILE, page_size(), NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(open_files(), before);
}

static bool no_memory(void *context)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	struct codearena_arena *arena;

	(void)context;
	return !setrlimit(RLIMIT_AS, &limit) &&
	       codearena_arena_new(64 * MIB, NULL, &arena) == -ENOMEM;
}

static void too_little_address_space(void **state)
{
	(void)state;
	skip_with_sanitizer();
	assert_int_equal(in_child(no_memory, NULL), 0);
}

static bool no_file_size(void *context)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	struct codearena_arena *arena;

	(void)context;
	return !setrlimit(RLIMIT_FSIZE, &limit) &&
	       codearena_arena_new(64 * MIB, NULL, &arena) == -ENOMEM;
}

static void file_size_limit_is_no_signal(void **state)
{
	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(in_child(no_file_size, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(free_leaves_nothing),
		cmocka_unit_test(arenas_are_independent),
		cmocka_unit_test(bad_lengths),
		cmocka_unit_test(largest_arena),
		cmocka_unit_test(bad_flags),
		cmocka_unit_test(names),
		cmocka_unit_test(name_is_shown),
		cmocka_unit_test(options_of_other_ages),
		cmocka_unit_test(code_view_is_not_writable),
		cmocka_unit_test(other_devices),
		cmocka_unit_test(device_without_permission),
		cmocka_unit_test(backends_by_name),
		cmocka_unit_test(null_arguments),
		FIXTURE_TEST(stat_of_other_ages),
		cmocka_unit_test(too_many_files),
		cmocka_unit_test(too_little_address_space),
		cmocka_unit_test(file_size_limit_is_no_signal),
	};
	void *state;

	if (backend_setup(&state))
		return 1;
	return cmocka_run_group_tests_name("arena_new", tests, NULL, NULL);
}
