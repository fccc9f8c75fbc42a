// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Constructors, destructors and unwind information of loaded objects.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <sys/wait.h>

#include "elf/test_elf_load.h"
#include "elf/test_elf_made.h"

#define CONSTRUCT	CODEARENA_ELF_OPEN_F_CONSTRUCT
#define UNWIND		CODEARENA_ELF_OPEN_F_UNWIND

static char events[32];
static void *trace[64];
static int trace_length;
static void *cxx;

static void event(int what)
{
	events[strlen(events)] = what;
}

static int look(int value)
{
	trace_length = backtrace(trace, 64);
	return value;
}

static int resolve_more(void *ctx, const char *name, uint64_t *address)
{
	void *symbol = NULL;

	(void)ctx;
	if (!strcmp(name, "event"))
		symbol = (void *)event;
	else if (!strcmp(name, "look"))
		symbol = (void *)look;
	else if (cxx)
		symbol = dlsym(cxx, name);
	*address = (uintptr_t)symbol;
	return symbol ? 0 : -ENOENT;
}

static void load_with(struct fixture *fixture, uint32_t flags,
		      const char *options, const char *language,
		      const char *source)
{
	char error[256];
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .flags = flags,
		       .error = error, .error_size = sizeof(error));
	CODEARENA_OPTS(codearena_elf_opts, load, .resolve = resolve_more);
	int ret;

	fixture->file = compile(NATIVE_CC, options, language, source);
	ret = codearena_elf_open(fixture->file.bytes, fixture->file.size, &opts,
				 &fixture->elf);
	if (ret)
		print_message("%s\n", error);
	assert_int_equal(ret, 0);
	memset(events, 0, sizeof(events));
	ret = codearena_elf_load(fixture->elf, fixture->arena, 0, &load);
	if (ret)
		print_message("%s\n", codearena_elf_error(fixture->elf));
	assert_int_equal(ret, 0);
}

static const char constructors[] =
	"extern void event(int);\n"
	"#define UP(n, c) __attribute__((constructor n)) \\\n"
	"static void up_##c(void) { event(#c[0]); }\n"
	"#define DOWN(n, c) __attribute__((destructor n)) \\\n"
	"static void down_##c(void) { event(#c[0]); }\n"
	"UP(, e) UP((2000), d) UP((101), a) UP((200), c) UP((102), b)\n"
	"DOWN(, E) DOWN((2000), D) DOWN((101), A) DOWN((200), C)\n"
	"__attribute__((constructor)) static void f(void) { event('f'); }\n"
	"__attribute__((destructor)) static void F(void) { event('F'); }\n";

static void in_order(void **state)
{
	CODEARENA_OPTS(codearena_elf_opts, again, .resolve = resolve_more,
		       .flags = CODEARENA_ELF_F_COMMITTED);
	struct fixture *fixture = *state;

	load_with(fixture, CONSTRUCT, "-O2 -fPIC", "c", constructors);
	assert_string_equal(events, "abcdef");
	memset(events, 0, sizeof(events));
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	assert_string_equal(events, "FEDCA");
	memset(events, 0, sizeof(events));
	assert_int_equal(codearena_elf_load(fixture->elf, fixture->arena, 0,
					    &again), 0);
	assert_string_equal(events, "abcdef");
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static void not_in_a_child(void **state)
{
	struct fixture *fixture = *state;
	int status;
	pid_t child;

	load_with(fixture, CONSTRUCT | UNWIND, "-O2 -fPIC", "c", constructors);
	child = fork();
	if (!child) {
		memset(events, 0, sizeof(events));
		_exit(codearena_elf_unload(fixture->elf) != -EPERM ||
		      *events);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static const char through[] =
	"extern int look(int);\n"
	"int pass(int i)\n"
	"{ volatile char room[500]; room[i] = 1; return look(i) + room[i]; }\n";

/* Did the last backtrace() get as far as this test? */
static bool trace_has(uint64_t from, uint64_t to)
{
	for (int i = 0; i < trace_length; i++)
		if ((uintptr_t)trace[i] >= from && (uintptr_t)trace[i] < to)
			return true;
	return false;
}

/* In the frame after that of the code. */
__attribute__((noinline)) static int call_marked(struct fixture *fixture,
						 uint64_t *mark)
{
	int (*pass)(int) = (void *)(uintptr_t)address_of(fixture->elf, "pass");
	int result = pass(7);

	*mark = (uintptr_t)__builtin_return_address(0);
	return result;
}

static void backtrace_passes(void **state)
{
	struct fixture *fixture = *state;
	uint64_t pass, mark;

	load_with(fixture, UNWIND, "-O2 -fPIC -fomit-frame-pointer", "c",
		  through);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(call_marked(fixture, &mark), 8);
		pass = address_of(fixture->elf, "pass");
		assert_true(trace_has(pass, pass + 200));
		assert_true(trace_has(mark, mark + 1));
	}
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
}

static const char exceptions[] =
	"struct guard { int *at; ~guard() { *at += 100; } };\n"
	"__attribute__((noinline)) static void thrower(int i, int *at)\n"
	"{ guard g = { at }; if (i) throw i; }\n"
	"extern \"C\" int caught(int i)\n"
	"{ int sum = 0; try { thrower(i, &sum); } catch (int e) { sum += e; }\n"
	"return sum; }\n";

static void exceptions_are_caught(void **state)
{
	struct fixture *fixture = *state;

	cxx = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_GLOBAL);
	if (!cxx) {
		print_message("no libstdc++ here\n");
		skip();
	}
	load_with(fixture, UNWIND | CONSTRUCT, "-O1 -fPIC", "c++", exceptions);
	assert_int_equal(call(fixture, "caught", 0), 100);
	assert_int_equal(call(fixture, "caught", 7), 107);
	assert_int_equal(call(fixture, "caught", 9), 109);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	dlclose(cxx);
	cxx = NULL;
}

static void unreadable_arena(void **state)
{
	const struct codearena_arena_opts opts = {
		.sz = sizeof(opts),
		.flags = CODEARENA_RESERVE_F_EXECUTE_ONLY,
	};
	CODEARENA_OPTS(codearena_elf_opts, load, .resolve = resolve_more);
	struct fixture *fixture = *state;
	struct codearena_arena *arena;

	if (codearena_arena_new(ARENA, &opts, &arena)) {
		print_message("no arenas that cannot be read here\n");
		skip();
	}
	load_with(fixture, CONSTRUCT, "-O2 -fPIC", "c", constructors);
	assert_int_equal(codearena_elf_unload(fixture->elf), 0);
	assert_int_equal(codearena_elf_load(fixture->elf, arena, 0, &load),
			 -EOPNOTSUPP);
	codearena_arena_free(arena);
}

static void damaged_arrays(void **state)
{
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .flags = CONSTRUCT);
	struct fixture *fixture = *state;

	fixture->file = compile(NATIVE_CC, "", "assembler",
				".section .init_array,\"aw\"\n"
				".p2align 3\n.long 1\n");
	assert_int_equal(codearena_elf_open(fixture->file.bytes,
					    fixture->file.size, &opts,
					    &fixture->elf), -ENOEXEC);
	assert_null(fixture->elf);
}

int main(void)
{
#define START_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		START_TEST(in_order),
		START_TEST(not_in_a_child),
		START_TEST(backtrace_passes),
		START_TEST(exceptions_are_caught),
		START_TEST(unreadable_arena),
		START_TEST(damaged_arrays),
	};

	return cmocka_run_group_tests_name("elf_start", tests, NULL, NULL);
}
