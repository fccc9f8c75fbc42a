// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What compiled objects compute once they are loaded.
 */
#include "elf/test_elf_load.h"
#include "elf/test_elf_made.h"

/* Uses every kind of section and relocation that compilers make of plain C. */
static const char program[] =
	"extern int far_away(int), far_value;\n"
	"extern int nowhere(int) __attribute__((weak));\n"
	"static const int table[8] = { 5, 3, 8, 1, 9, 2, 7, 4 };\n"
	"static const char *const names[] = { \"ab\", \"cde\", \"fghi\" };\n"
	"static int one(int i) { return i * 3; }\n"
	"static int two(int i) { return i - 5; }\n"
	"static int (*const chosen[])(int) = { one, two };\n"
	"int (*variable)(int) = one;\n"
	"int counter = 40, zeroes[600];\n"
	"static int hidden_count;\n"
	"static double scale = 2.5;\n"
	"__attribute__((noinline)) int local(int i)\n"
	"{ hidden_count++; return table[i & 7]; }\n"
	"__attribute__((noinline)) int dispatch(int i)\n"
	"{ switch (i) { case 0: return 11; case 1: return far_away(1);\n"
	"case 2: return local(4); case 3: return counter++; case 4: return 55;\n"
	"case 5: return far_value; case 6: return names[1][2];\n"
	"case 7: return (int)(scale * 4.0); case 8: return chosen[1](100);\n"
	"case 9: return variable(7); case 10: return zeroes[599]++;\n"
	"case 11: return nowhere ? 1 : 99; default: return -1; } }\n"
	"int all(int unused)\n"
	"{ int sum = 0; for (int i = 0; i < 12; i++) sum = sum * 3 + dispatch(i);\n"
	"return sum + hidden_count + unused; }\n"
	"int copy(int i)\n"
	"{ int big[64], other[64]; for (int k = 0; k < 64; k++) big[k] = k * i;\n"
	"__builtin_memcpy(other, big, sizeof(other)); return other[63]; }\n";

static int expected_all(int counter, int zero, int hidden)
{
	const int values[12] = {
		11, 1001, 9, counter, 55, 77, 'e', 10, 95, 21, zero, 99,
	};
	int sum = 0;

	for (int i = 0; i < 12; i++)
		sum = sum * 3 + values[i];
	return sum + hidden;
}

static void run_program(struct fixture *fixture)
{
	load_right(fixture);
	assert_int_equal(call(fixture, "all", 0), expected_all(40, 0, 1));
	assert_int_equal(call(fixture, "all", 0), expected_all(41, 1, 2));
	assert_int_equal(call(fixture, "copy", 2), 126);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

/* As linkers define them; another file's come from the program. */
static const char borders[] =
	"__attribute__((section(\"things\"))) int first = 3, second = 4;\n"
	"extern int __start_things[], __stop_things[];\n"
	"extern int __start_others[] __attribute__((weak));\n"
	"int sum(int i)\n"
	"{ int *at; for (at = __start_things; at < __stop_things; at++)\n"
	"i = i * 10 + *at; return __start_others ? -1 : i; }\n";

static void borders_of_sections(void **state)
{
	struct fixture *fixture = *state;

	open_c(fixture, borders);
	load_right(fixture);
	/* Compilers may put either first. */
	assert_true(call(fixture, "sum", 0) == 34 ||
		    call(fixture, "sum", 0) == 43);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static void program_runs(void **state)
{
	open_c(*state, program);
	run_program(*state);
}

/* A compiler, with the same program built in other ways. */
static void with_options(struct fixture *fixture, const char *compiler,
			 const char *const *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(fixture->file.bytes);
		fixture->file.bytes = NULL;
		fixture->file = compile(compiler, options[i], "c", program);
		fixture->elf = open_right(&fixture->file);
		run_program(fixture);
		codearena_elf_close(fixture->elf);
		fixture->elf = NULL;
		/* Unloading leaves the pages committed. */
		assert_int_equal(codearena_arena_decommit(
					fixture->arena, 0,
					stat_of(fixture).out_committed), 0);
	}
}

static const char *const usual[] = {
	"-O0 -fPIC", "-O1 -fPIC -ffunction-sections -fdata-sections",
	"-O3 -fPIC -ffunction-sections", "-Os -fPIC", "-O2 -fPIC -g",
	"-O2 -fPIC -fvisibility=hidden -ffunction-sections",
	"-O2 -fPIC -fno-plt -ffunction-sections",
	"-O2 -fPIC -fno-asynchronous-unwind-tables",
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static void program_runs_gcc(void **state)
{
	with_options(*state, "gcc", usual, COUNT(usual));
}

static void program_runs_clang(void **state)
{
	with_options(*state, "clang", usual, COUNT(usual));
}

/* Code models; options that only gcc has come last. */
static const char *const models[] = {
#if defined(__x86_64__)
	"-O1 -fPIC -mcmodel=large", "-O0 -fPIC -mcmodel=large",
	"-O2 -fno-pic -fno-pie -mcmodel=large", "-O2 -fPIC -mcmodel=medium",
	"-O2 -fPIC -mcmodel=medium -mlarge-data-threshold=16",
	"-O2 -fPIC -mcmodel=medium -mlarge-data-threshold=16 -fcommon",
#else
	"-O2 -fpic", "-O2 -fno-pic -fno-pie -mcmodel=large",
	"-O2 -fPIC -mcmodel=tiny",
#endif
};
#define GCC_ONLY	2

static void models_gcc(void **state)
{
	with_options(*state, "gcc", models, COUNT(models));
}

static void models_clang(void **state)
{
	with_options(*state, "clang", models, COUNT(models) - GCC_ONLY);
}

static void variables(void **state)
{
	struct fixture *fixture = *state;
	int *counter, *zeroes, *common;

	open_with(fixture, "-O2 -fPIC -fcommon",
		  "int counter = 7, zeroes[2000], common;\n"
		  "int bump(int i) { common += i; zeroes[1999] -= i;\n"
		  "return counter += i; }\n");
	load_right(fixture);
	counter = (int *)(uintptr_t)address_of(fixture->elf, "counter");
	zeroes = (int *)(uintptr_t)address_of(fixture->elf, "zeroes");
	common = (int *)(uintptr_t)address_of(fixture->elf, "common");
	assert_int_equal(*counter, 7);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(zeroes[i], 0);
	assert_int_equal(*common, 0);
	assert_int_equal(call(fixture, "bump", 5), 12);
	assert_int_equal(*counter, 12);
	assert_int_equal(zeroes[1999], -5);
	assert_int_equal(*common, 5);
	*counter = 100;
	assert_int_equal(call(fixture, "bump", 1), 101);
	/* They do not overlap one another. */
	assert_true(zeroes + 2000 <= common || common < zeroes);
	assert_true(zeroes + 2000 <= counter || counter < zeroes);
}

static void data_is_not_in_arena(void **state)
{
	struct fixture *fixture = *state;
	uint64_t base = (uintptr_t)codearena_arena_base(fixture->arena);
	uint64_t address;

	open_c(fixture, "int counter = 7; const int fixed = 8;\n"
	       "int f(int i) { return counter += i + fixed; }\n");
	load_right(fixture);
	address = address_of(fixture->elf, "counter");
	assert_true(address < base || address >= base + ARENA);
	assert_in_range(address - base + (1ULL << 31), 0, 1ULL << 32);
	address = address_of(fixture->elf, "fixed");
	assert_in_range(address, base, base + ARENA - 1);
}

static void far_stub(void **state)
{
	struct fixture *fixture = *state;

	open_c(fixture, "extern int far_away(int);\n"
	       "int f(int i) { return far_away(i) + far_away(i + 1); }\n"
	       "int tail(int i) { return far_away(i); }\n");
	load_right(fixture);
	/* The test program is not near where mappings go. */
	assert_int_equal(fixture->elf->stubs_used, 1);
	assert_int_equal(call(fixture, "f", 1), 2003);
	assert_int_equal(call(fixture, "tail", 2), 1002);
}

static void no_stub_if_near(void **state)
{
	struct fixture *fixture = *state;
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .near = (const void *)(uintptr_t)far_away);
	struct codearena_stat stat;

	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(ARENA, &opts, &fixture->arena), 0);
	open_c(fixture, "extern int far_away(int);\n"
	       "int f(int i) { return far_away(i) * 2; }\n");
	load_right(fixture);
	assert_int_equal(fixture->elf->stubs_used, 0);
	assert_int_equal(call(fixture, "f", 1), 2002);
	/* Nothing is published for unused stubs. */
	stat = stat_of(fixture);
	assert_int_equal(stat.out_published, 1);
}

/* Far below all other mappings, where data goes only if it must. */
static void low_arena(void **state)
{
	struct fixture *fixture = *state;
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .near = (const void *)0x40000000, .reach = 0x20000000);

	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(ARENA, &opts, &fixture->arena), 0);
	open_c(fixture, program);
	run_program(fixture);
	if (NATIVE != EM_X86_64)
		return;
	/* Fixed addresses fit here, as the header says. */
	open_with(fixture, "-O2 -fno-pic -fno-pie -mcmodel=small",
		  "int own[9]; const char *const text = \"abc\";\n"
		  "int *where(void) { return own + 3; }\n"
		  "int f(int i) { where()[0] += i; return text[own[3]]; }\n");
	assert_int_equal(load_at(fixture, ARENA / 2, 0), 0);
	assert_int_equal(call(fixture, "f", 1), 'b');
	assert_int_equal(call(fixture, "f", 1), 'c');
}

static void table_of_addresses(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t *slot;

	open_c(fixture, "extern int far_value;\n"
	       "int own = 5;\n"
	       "int f(int i) { return far_value + own + i; }\n"
	       "int *where(int i) { return i ? &own : &far_value; }\n");
	load_right(fixture);
	far_value = 70;
	assert_int_equal(call(fixture, "f", 1), 76);
	far_value = 77;
	assert_int_equal(call(fixture, "f", 1), 83);
	/* Both symbols have a GOT slot, sealed after the code. */
	assert_int_equal(fixture->elf->got_count, 2);
	slot = (const uint64_t *)((const char *)
				  codearena_arena_base(fixture->arena) +
				  fixture->elf->sums.rodata);
	for (int i = 0; i < 2; i++)
		assert_true(slot[i] == (uintptr_t)&far_value ||
			    slot[i] == address_of(fixture->elf, "own"));
	assert_int_not_equal(slot[0], slot[1]);
}

static void large_alignment(void **state)
{
	struct fixture *fixture = *state;
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);

	open_c(fixture, "const char table[10] __attribute__((aligned(1024))) = "
	       "\"abc\";\n"
	       "__attribute__((aligned(256))) int f(int i)\n"
	       "{ return table[i]; }\n"
	       "int data __attribute__((aligned(2048))) = 3;\n");
	assert_int_equal(codearena_elf_measure(fixture->elf, 64, &layout), 0);
	assert_int_equal(layout.code_align, 1024);
	assert_int_equal(load_at(fixture, 64, 0), -EINVAL);
	assert_int_equal(load_at(fixture, 1024, 0), 0);
	assert_int_equal(address_of(fixture->elf, "table") % 1024, 0);
	assert_int_equal(address_of(fixture->elf, "f") % 256, 0);
	assert_int_equal(address_of(fixture->elf, "data") % 2048, 0);
	assert_int_equal(call(fixture, "f", 1), 'b');
}

static void nothing_to_load(void **state)
{
	struct fixture *fixture = *state;
	struct codearena_stat before = stat_of(fixture);

	open_c(fixture, "");
	load_right(fixture);
	expect_unchanged(fixture, &before);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	open_c(fixture, "int only = 9;\n");
	load_right(fixture);
	expect_unchanged(fixture, &before);
	assert_int_equal(*(int *)(uintptr_t)address_of(fixture->elf, "only"),
			 9);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static int resolve_in(void *ctx, const char *name, uint64_t *address)
{
	return codearena_elf_symbol(ctx, name, address);
}

static void objects_call_each_other(void **state)
{
	struct fixture *fixture = *state;
	CODEARENA_OPTS(codearena_elf_opts, opts, .resolve = resolve_in);
	struct codearena_elf *library;
	int *shared;

	open_c(fixture, "int shared = 3;\n"
	       "int twice(int i) { return 2 * i + shared; }\n");
	load_right(fixture);
	library = fixture->elf;
	fixture->elf = NULL;
	open_c(fixture, "extern int shared, twice(int);\n"
	       "int f(int i) { shared++; return twice(i) + 1; }\n");
	opts.ctx = library;
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena,
					    ARENA / 2, &opts), 0);
	assert_int_equal(fixture->elf->stubs_used, 0);
	assert_int_equal(call(fixture, "f", 10), 25);
	shared = (int *)(uintptr_t)address_of(library, "shared");
	assert_int_equal(*shared, 4);
	codearena_elf_close(library);
}

static void global_before_local(void **state)
{
	struct fixture *fixture = *state;
	static struct made made;
	struct file file;
	unsigned int code;

	made_begin(&made, NATIVE);
	code = made_section(&made, ".text", SHT_PROGBITS,
			    SHF_ALLOC | SHF_EXECINSTR, NULL, 64);
	made_symbol(&made, "b", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), code, 4, 4);
	made_symbol(&made, "a", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), code, 8, 4);
	made_symbol(&made, "b", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), code, 12,
		    4);
	made_symbol(&made, "c", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 0, 0);
	made_symbol(&made, "a", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), code, 16,
		    4);
	made_symbol(&made, "d", ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), SHN_ABS,
		    0x1234, 0);
	file = made_finish(&made);
	fixture->elf = open_right(&file);
	load_right(fixture);
	assert_int_equal(address_of(fixture->elf, "b") & 63, 12);
	assert_int_equal(address_of(fixture->elf, "a") & 63, 8);
	assert_int_equal(address_of(fixture->elf, "d"), 0x1234);
	/* What is not defined is not found. */
	assert_int_equal(codearena_elf_symbol(fixture->elf, "c",
					      &(uint64_t){ 0 }), -ENOENT);
}

/* More functions than sections fit a header, and than one call publishes. */
static void very_many_functions(void **state)
{
	struct fixture *fixture = *state;
	const int count = 70000;
	size_t room = 128UL * count, used = 0;
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	char *source = malloc(room), name[16];
	struct codearena_stat stat;

	assert_non_null(source);
	for (int i = 0; i < count; i++)
		used += snprintf(source + used, room - used,
				 ".section .text.f%d,\"ax\"\n.p2align 7\n"
				 ".globl f%d\n.type f%d,%%function\n"
				 "f%d: %s%d\nret\n", i, i, i, i,
				 NATIVE == EM_X86_64 ? ".byte 0xb8\n.long " :
				 NATIVE == EM_AARCH64 ? "mov w0, " : "li a0, ",
				 i & 0xffff);
	assert_true(used < room);
	/* The sections are aligned already. */
	fixture->file = compile(NATIVE_CC, NATIVE == EM_RISCV ? "-mno-relax" : "",
				"assembler", source);
	free(source);
	fixture->elf = open_right(&fixture->file);
	assert_int_equal(codearena_elf_measure(
				fixture->elf,
				codearena_arena_granule(fixture->arena),
				&layout), 0);
	assert_int_equal(layout.functions, count);
	codearena_arena_free(fixture->arena);
	fixture->arena = NULL;
	assert_int_equal(codearena_arena_new(16UL << 20, NULL, &fixture->arena),
			 0);
	load_right(fixture);
	for (int i = 0; i < count; i += 977) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(call(fixture, name, 0), i & 0xffff);
	}
	stat = stat_of(fixture);
	/* As there is a granule free between two, each would be an object. */
	assert_int_equal(stat.out_published, 1);
	assert_int_equal(stat.out_sealed, layout.code_length);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	stat = stat_of(fixture);
	assert_int_equal(stat.out_sealed, 0);
}

int main(void)
{
#define LOAD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOAD_TEST(program_runs),
		LOAD_TEST(borders_of_sections),
		LOAD_TEST(program_runs_gcc),
		LOAD_TEST(program_runs_clang),
		LOAD_TEST(models_gcc),
		LOAD_TEST(models_clang),
		LOAD_TEST(variables),
		LOAD_TEST(data_is_not_in_arena),
		LOAD_TEST(far_stub),
		LOAD_TEST(no_stub_if_near),
		LOAD_TEST(low_arena),
		LOAD_TEST(table_of_addresses),
		LOAD_TEST(objects_call_each_other),
		LOAD_TEST(large_alignment),
		LOAD_TEST(nothing_to_load),
		LOAD_TEST(global_before_local),
		LOAD_TEST(very_many_functions),
	};

	return cmocka_run_group_tests_name("elf_run", tests, NULL, NULL);
}
