// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loads that fail, and leave nothing behind.
 */
#include "elf/test_elf_load.h"
#include "elf/test_elf_made.h"

static void undefined_symbol(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat before = stat_of(fixture);
	uint64_t address;

	open_c(fixture, "extern int missing_one(int);\n"
	       "int f(int i) { return missing_one(i) + 1; }\n");
	assert_int_equal(load_at(fixture, 0, 0), -ENOENT);
	assert_string_equal(codearena_elf_error(fixture->elf),
			    "undefined symbol missing_one");
	expect_unchanged(fixture, &before);
	assert_int_equal(codearena_elf_symbol(fixture->elf, "f", &address),
			 -EBADFD);
	/* No resolver at all. */
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    NULL), -ENOENT);
	expect_unchanged(fixture, &before);
}

static int refuse(void *ctx, const char *name, uint64_t *address)
{
	(void)name;
	(void)address;
	return *(int *)ctx;
}

static void resolver_fails(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat before = stat_of(fixture);
	int answer = -EACCES;
	CODEARENA_OPTS(codearena_elf_opts, opts, .resolve = refuse,
		       .ctx = &answer);

	open_c(fixture, "extern int missing(int) __attribute__((weak));\n"
	       "int data = 3;\n"
	       "int f(int i) { return missing ? missing(i) : data; }\n");
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &opts), -EACCES);
	expect_unchanged(fixture, &before);
	answer = 1;
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &opts), -EINVAL);
	expect_unchanged(fixture, &before);
	answer = -ENOENT;
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &opts), 0);
	assert_string_equal(codearena_elf_error(fixture->elf), "");
	assert_int_equal(call(fixture, "f", 1), 3);
}

static void resolver_called_once(void **state)
{
	struct fixture *fixture = *state;
	int calls = 0;
	CODEARENA_OPTS(codearena_elf_opts, opts, .resolve = resolve,
		       .ctx = &calls);

	open_c(fixture, "extern int far_away(int), far_value, unused(int);\n"
	       "int f(int i) { return far_away(i) + far_away(far_value); }\n"
	       "int g(int i) { return far_away(i + far_value); }\n");
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &opts), 0);
	assert_int_equal(calls, 2);
}

static void arena_too_small(void **state)
{
	struct fixture *fixture = *state;
	uint64_t page = codearena_arena_page_size(fixture->arena);
	struct codearena_stat before;

	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(page, NULL, &fixture->arena), 0);
	before = stat_of(fixture);
	open_c(fixture, "const char big[70000] = \"x\";\n"
	       "int f(int i) { return big[i]; }\n");
	assert_int_equal(load_at(fixture, 0, 0), -ENOENT);
	assert_non_null(strstr(codearena_elf_error(fixture->elf), "outside"));
	expect_unchanged(fixture, &before);

	open_c(fixture, "int f(int i) { return i + 4; }\n");
	assert_int_equal(load_at(fixture, page, 0), -ENOENT);
	assert_int_equal(load_at(fixture, 0 - 64ULL, 0), -ENOENT);
	assert_int_equal(load_at(fixture, 1ULL << 63, 0), -ENOENT);
	expect_unchanged(fixture, &before);
	/* The last granule of the arena is as good as any. */
	assert_int_equal(load_at(fixture, page - page / 64, 0), 0);
	assert_int_equal(call(fixture, "f", 1), 5);
}

static void commit_limit(void **state)
{
	struct fixture *fixture = *state;
	uint64_t page = codearena_arena_page_size(fixture->arena);
	CODEARENA_OPTS(codearena_arena_opts, opts, .commit_limit = page);
	struct codearena_stat before;

	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(ARENA, &opts, &fixture->arena), 0);
	before = stat_of(fixture);
	open_c(fixture, "const char big[70000] = \"x\";\n"
	       "int f(int i) { return big[i]; }\n");
	assert_int_equal(load_at(fixture, 0, 0), -ENOSPC);
	expect_unchanged(fixture, &before);
}

static void bad_load_arguments(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat before = stat_of(fixture);
	CODEARENA_OPTS(codearena_elf_opts, opts, .resolve = resolve);

	open_c(fixture, "int f(int i) { return i + 4; }\n");
	assert_int_equal(load_at(fixture, 1, 0), -EINVAL);
	assert_int_equal(load_at(fixture, 32, 0), -EINVAL);
	assert_int_equal(codearena_elf_load(NULL, fixture->arena, 0, &opts),
			 -EINVAL);
	assert_int_equal(codearena_elf_load(fixture->elf, NULL, 0, &opts),
			 -EINVAL);
	for (int bit = 0; bit < 32; bit++) {
		if (1U << bit != CODEARENA_ELF_F_COMMITTED)
			assert_int_equal(load_at(fixture, 0, 1U << bit),
					 -EOPNOTSUPP);
	}
	opts.__reserved = 1;
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &opts), -EOPNOTSUPP);
	opts.__reserved = 0;
	expect_unchanged(fixture, &before);
	load_right(fixture);
	assert_int_equal(load_at(fixture, 8192, 0), -EBUSY);
	assert_int_equal(call(fixture, "f", 1), 5);
}

static void wrong_machine(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat before = stat_of(fixture);
	static struct made made;
	struct file file;

	made_begin(&made, NATIVE == EM_X86_64 ? EM_AARCH64 : EM_X86_64);
	made_section(&made, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
		     NULL, 64);
	file = made_finish(&made);
	fixture->elf = open_right(&file);
	assert_int_equal(load_at(fixture, 0, 0), -ENOEXEC);
	expect_unchanged(fixture, &before);
}

static void committed_or_not(void **state)
{
	struct fixture *fixture = *state;
	uint64_t page = codearena_arena_page_size(fixture->arena);
	struct codearena_stat before = stat_of(fixture);

	open_c(fixture, "int data = 2; int f(int i) { return i + data; }\n");
	assert_int_equal(load_at(fixture, 0, CODEARENA_ELF_F_COMMITTED),
			 -ENOENT);
	expect_unchanged(fixture, &before);
	assert_int_equal(codearena_arena_commit(fixture->arena, 0, page), 0);
	before = stat_of(fixture);
	assert_int_equal(load_at(fixture, 0, 0), -EEXIST);
	expect_unchanged(fixture, &before);
	assert_int_equal(load_at(fixture, 0, CODEARENA_ELF_F_COMMITTED), 0);
	assert_int_equal(call(fixture, "f", 1), 3);
}

static void sealed_already(void **state)
{
	struct fixture *fixture = *state;
	uint64_t page = codearena_arena_page_size(fixture->arena);
	struct codearena_stat before;
	int_fn *other;

	open_c(fixture, "int f(int i) { return i + 1; }\n");
	load_right(fixture);
	other = (int_fn *)(uintptr_t)address_of(fixture->elf, "f");
	before = stat_of(fixture);
	codearena_elf_close(fixture->elf);
	fixture->elf = NULL;
	open_c(fixture, "int f(int i) { return i + 2; }\n");
	assert_int_equal(load_at(fixture, 0, CODEARENA_ELF_F_COMMITTED),
			 -EPERM);
	expect_unchanged(fixture, &before);
	/* Code of an object that was closed stays. */
	assert_int_equal(other(1), 2);
	assert_int_equal(load_at(fixture, page / 64 * 2,
				 CODEARENA_ELF_F_COMMITTED), 0);
	assert_int_equal(call(fixture, "f", 1), 3);
	assert_int_equal(other(1), 2);
}

static void failed_load_frees_data(void **state)
{
	struct fixture *fixture = *state;
	uint64_t data;

	open_c(fixture, "int data[50000] = { 5 };\n"
	       "int f(int i) { return data[i]; }\n");
	load_right(fixture);
	data = address_of(fixture->elf, "data");
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	assert_false(is_mapped(data));
	/* The same search finds the same place, and has to give it back. */
	assert_int_equal(load_at(fixture, 0, 0), -EEXIST);
	assert_false(is_mapped(data));
	assert_null(fixture->elf->data);
}

int main(void)
{
#define LOAD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOAD_TEST(undefined_symbol),
		LOAD_TEST(resolver_fails),
		LOAD_TEST(resolver_called_once),
		LOAD_TEST(arena_too_small),
		LOAD_TEST(commit_limit),
		LOAD_TEST(bad_load_arguments),
		LOAD_TEST(wrong_machine),
		LOAD_TEST(committed_or_not),
		LOAD_TEST(sealed_already),
		LOAD_TEST(failed_load_frees_data),
	};

	return cmocka_run_group_tests_name("elf_load", tests, NULL, NULL);
}
