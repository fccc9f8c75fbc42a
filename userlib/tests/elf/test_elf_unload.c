// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Taking objects, and single functions, out of the arena.
 */
#include "elf/test_elf_load.h"

static void unload_and_reload(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat stat;
	uint64_t first, second, data;

	open_c(fixture, "extern int far_away(int);\n"
	       "int data = 5;\n"
	       "int f(int i) { return data += far_away(i); }\n");
	load_right(fixture);
	first = address_of(fixture->elf, "f");
	data = address_of(fixture->elf, "data");
	assert_int_equal(call(fixture, "f", 1), 1006);
	assert_true(is_mapped(data));
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	assert_false(is_mapped(data));
	stat = stat_of(fixture);
	assert_int_equal(stat.out_sealed, 0);
	assert_int_not_equal(stat.out_committed, 0);
	assert_int_equal(codearena_elf_symbol(fixture->elf, "f", &second),
			 -EBADFD);
	assert_int_equal(codearena_elf_unload(fixture->elf), -EBADFD);

	/* In the same place, and then in another one. */
	assert_int_equal(load_at(fixture, 0, CODEARENA_ELF_F_COMMITTED), 0);
	assert_int_equal(address_of(fixture->elf, "f"), first);
	assert_int_equal(call(fixture, "f", 2), 1007);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	assert_int_equal(load_at(fixture, ARENA / 2, 0), 0);
	second = address_of(fixture->elf, "f");
	assert_int_equal(second - first, ARENA / 2);
	assert_int_equal(call(fixture, "f", 3), 1008);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static const char three[] =
	"__attribute__((noinline)) int first(int i) { return i + 10; }\n"
	"__attribute__((noinline)) int second(int i) { return i + 20; }\n"
	"__attribute__((noinline)) int third(int i) { return i + 30; }\n";

static void functions_have_granules(void **state)
{
	static const char *const names[3] = { "first", "second", "third" };
	struct fixture *fixture = *state;
	uint32_t granule = codearena_arena_granule(fixture->arena);
	struct codearena_elf_sym sym;
	struct codearena_range last = { 0 };
	struct codearena_stat stat;

	open_c(fixture, three);
	assert_int_equal(load_at(fixture, 2 * granule, 0), 0);
	last.offset = 2 * granule;
	for (int i = 0; i < 3; i++) {
		sym = symbol_named(fixture->elf, names[i]);
		assert_int_equal(sym.code.offset, last.offset + last.length);
		assert_int_equal(sym.code.length, granule);
		assert_int_equal(sym.offset, sym.code.offset);
		assert_int_equal(sym.address, sym.code.offset + (uintptr_t)
				 codearena_arena_base(fixture->arena));
		last = sym.code;
	}
	stat = stat_of(fixture);
	/* They are neighbours, and published as one. */
	assert_int_equal(stat.out_published, 1);
	assert_int_equal(stat.out_sealed, 3 * granule);
}

static void discard_one_function(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_object object = { .length = 1 };
	struct codearena_range range;
	struct codearena_stat stat;
	uint64_t address;
	uint8_t byte = 1;

	open_c(fixture, three);
	load_right(fixture);
	range = symbol_named(fixture->elf, "second").code;
	assert_int_equal(codearena_elf_discard(fixture->elf, "second"), 0);
	assert_int_equal(codearena_elf_symbol(fixture->elf, "second", &address),
			 -ENOENT);
	assert_int_equal(symbol_named(fixture->elf, "second").code.length, 0);
	assert_int_equal(codearena_elf_discard(fixture->elf, "second"),
			 -ENOENT);
	assert_int_equal(call(fixture, "first", 1), 11);
	assert_int_equal(call(fixture, "third", 1), 31);
	stat = stat_of(fixture);
	assert_int_equal(stat.out_discarded, range.length);

	/* Other code may use its granules, and unloading leaves them alone. */
	object.offset = range.offset;
	object.source = (uintptr_t)&byte;
	assert_int_equal(codearena_arena_publish(fixture->arena, &object, 1,
						 NULL, 0, 0, NULL), 0);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	stat = stat_of(fixture);
	assert_int_equal(stat.out_sealed, range.length);
	assert_int_equal(((const uint8_t *)codearena_arena_base(fixture->arena))
			 [range.offset], 1);
	/* All functions are back after the next load. */
	assert_int_equal(load_at(fixture, ARENA / 2, 0), 0);
	assert_int_equal(call(fixture, "second", 1), 21);
}

static void discard_what_is_shared(void **state)
{
	struct fixture *fixture = *state;

	open_with(fixture, "-O2 -fPIC", three);
	load_right(fixture);
	assert_int_equal(codearena_elf_discard(fixture->elf, "second"), -EBUSY);
	assert_int_equal(codearena_elf_discard(fixture->elf, "none"), -ENOENT);
	assert_int_equal(call(fixture, "second", 1), 21);

	codearena_elf_unload(fixture->elf);
	open_c(fixture, "int data = 1; const int fixed = 2;\n"
	       "int f(int i) { return i + data; }\n"
	       "int g(int) __attribute__((alias(\"f\")));\n");
	assert_int_equal(load_at(fixture, ARENA / 2, 0), 0);
	assert_int_equal(symbol_named(fixture->elf, "data").code.length, 0);
	assert_int_equal(symbol_named(fixture->elf, "fixed").code.length, 0);
	assert_int_equal(codearena_elf_discard(fixture->elf, "data"), -ENOENT);
	assert_int_equal(codearena_elf_discard(fixture->elf, "fixed"), -ENOENT);
	/* Two names of one function do not make two functions. */
	assert_int_equal(codearena_elf_discard(fixture->elf, "g"), 0);
}

static void permanent_arena(void **state)
{
	struct fixture *fixture = *state;
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .flags = CODEARENA_RESERVE_F_PERMANENT);

	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(ARENA, &opts, &fixture->arena), 0);
	open_c(fixture, "int data = 4; int f(int i) { return data + i; }\n");
	load_right(fixture);
	assert_int_equal(codearena_elf_unload(fixture->elf), -EPERM);
	assert_string_not_equal(codearena_elf_error(fixture->elf), "");
	assert_int_equal(codearena_elf_discard(fixture->elf, "f"), -EPERM);
	assert_int_equal(call(fixture, "f", 1), 5);
}

int main(void)
{
#define LOAD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOAD_TEST(unload_and_reload),
		LOAD_TEST(functions_have_granules),
		LOAD_TEST(discard_one_function),
		LOAD_TEST(discard_what_is_shared),
		LOAD_TEST(permanent_arena),
	};

	return cmocka_run_group_tests_name("elf_unload", tests, NULL, NULL);
}
