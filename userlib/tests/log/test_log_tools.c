// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Logging with the real tools: perf and gdb run this program again, which then
 * publishes code in an arena. Skipped if a tool is missing or not permitted.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codearena/log.h"
#include "lib/helpers.h"
#include "log/tools.h"

/* A function with the usual prologue, which calls its argument. */
static const uint8_t call_code[] = {
#if defined(__x86_64__)
	0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3,
#elif defined(__aarch64__)
	0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91,
	0x00, 0x00, 0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8,
	0xc0, 0x03, 0x5f, 0xd6,
#else
	0x13, 0x01, 0x01, 0xff, 0x23, 0x34, 0x11, 0x00,
	0x23, 0x30, 0x81, 0x00, 0x13, 0x04, 0x01, 0x01,
	0xe7, 0x00, 0x05, 0x00, 0x83, 0x30, 0x81, 0x00,
	0x03, 0x34, 0x01, 0x00, 0x13, 0x01, 0x01, 0x01,
	0x67, 0x80, 0x00, 0x00,
#endif
};

/* Counts its argument down to 0. */
static const uint8_t spin_code[] = {
#if defined(__x86_64__)
	0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3,
#elif defined(__aarch64__)
	0x00, 0x04, 0x00, 0xf1, 0xe1, 0xff, 0xff, 0x54,
	0xc0, 0x03, 0x5f, 0xd6,
#else
	0x13, 0x05, 0xf5, 0xff, 0xe3, 0x1e, 0x05, 0xfe,
	0x67, 0x80, 0x00, 0x00,
#endif
};

/* Where the call is, by which frames that it made are found. */
#if defined(__x86_64__)
#define CALL_OFFSET	4
#elif defined(__aarch64__)
#define CALL_OFFSET	8
#else
#define CALL_OFFSET	16
#endif

uint64_t published_address;
void stopped_inside(void);
void stopped_after(void);

/* For breakpoints. */
__attribute__((noinline)) void stopped_inside(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void stopped_after(void)
{
	__asm__ volatile("" ::: "memory");
}

static uint64_t published(const uint8_t *code, size_t size)
{
	struct codearena_arena_opts opts = { .sz = sizeof(opts) };
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = size,
	};
	struct codearena_arena *arena;

	if (getenv("CODEARENA_BACKEND") &&
	    !strcmp(getenv("CODEARENA_BACKEND"), "device"))
		opts.backend = CODEARENA_BACKEND_DEVICE;
	else
		opts.backend = CODEARENA_BACKEND_MEMFD;
	if (codearena_arena_new(sysconf(_SC_PAGESIZE) * 16, &opts, &arena) ||
	    codearena_arena_commit(arena, 0, sysconf(_SC_PAGESIZE)) ||
	    codearena_arena_publish(arena, &object, 1, NULL, 0, 0, NULL))
		exit(2);
	return (uintptr_t)codearena_arena_base(arena);
}

static int debuggee(void)
{
	static const struct codearena_log_line lines[] = {
		{ .offset = 0, .line = 10, .file = "source.jit" },
		{ .offset = CALL_OFFSET, .line = 27, .file = "source.jit" },
	};
	struct codearena_log_entry entry = {
		.sz = sizeof(entry),
		.name = "published_function",
		.size = sizeof(call_code),
	};
	struct codearena_gdbjit *object;

	entry.address = published(call_code, sizeof(call_code));
	published_address = entry.address;
	if (getenv("TEST_LINES")) {
		entry.lines = lines;
		entry.line_count = 2;
	}
	if (codearena_gdbjit_register(&entry, 1, &object))
		return 2;
	((void (*)(void (*)(void)))published_address)(stopped_inside);
	codearena_gdbjit_unregister(object);
	stopped_after();
	return 0;
}

/* perf uses the map for code in anonymous memory. */
static int mapped(void)
{
	struct codearena_log_entry entry = {
		.sz = sizeof(entry),
		.name = "mapped_spin",
		.size = sizeof(spin_code),
	};
	size_t page = sysconf(_SC_PAGESIZE);
	struct codearena_perfmap *map;
	void *code;

	code = mmap(NULL, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		return 2;
	memcpy(code, spin_code, sizeof(spin_code));
	__builtin___clear_cache(code, (char *)code + page);
	if (mprotect(code, page, PROT_READ | PROT_EXEC))
		return 2;
	entry.address = (uintptr_t)code;
	if (codearena_perfmap_new(NULL, 0, &map) ||
	    codearena_perfmap_add(map, &entry))
		return 2;
	((void (*)(uint64_t))code)(300000000);
	codearena_perfmap_free(map);
	return 0;
}

static int profiled(const char *directory)
{
	static const struct codearena_log_line lines[] = {
		{ .offset = 0, .line = 33, .file = "source.jit" },
		/* perf's tables end where the last line begins. */
		{ .offset = sizeof(spin_code) - 1, .line = 34,
		  .file = "source.jit" },
	};
	struct codearena_log_entry entry = {
		.sz = sizeof(entry),
		.name = "published_spin",
		.size = sizeof(spin_code),
		.lines = lines,
		.line_count = 2,
	};
	struct codearena_jitdump *dump;

	if (codearena_jitdump_new(directory, 0, &dump))
		return 2;
	entry.address = published(spin_code, sizeof(spin_code));
	if (codearena_jitdump_load(dump, &entry, NULL))
		return 2;
	((void (*)(uint64_t))(uintptr_t)entry.address)(300000000);
	codearena_jitdump_free(dump);
	return 0;
}

static char *debug(const char *environment)
{
	char program[4096], command[8192];
	char *output;
	int status;

	tool_self(program);
	snprintf(command, sizeof(command),
		 "%s timeout 600 gdb -nx -batch -ex 'set debuginfod enabled off' "
		 "-ex 'break stopped_inside' -ex 'break stopped_after' "
		 "-ex run -ex backtrace -ex 'up' -ex 'info symbol $pc' "
		 "-ex 'echo [gone]\\n' -ex continue "
		 "-ex 'info symbol published_address' "
		 "--args %s --debuggee 2>&1", environment, program);
	output = tool_run(command, &status);
	if (strstr(output, "ptrace: Operation not permitted")) {
		print_message("ptrace is not permitted here\n");
		free(output);
		skip();
	}
	return output;
}

/* Symbols and a backtrace through published code; none after it is freed. */
static void gdb_symbols(void **state)
{
	char *output, *backtrace, *gone;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("gdb"))
		skip();
	output = debug("");
	backtrace = strstr(output, "#0 ");
	if (!backtrace)
		fail_msg("no backtrace in:\n%s", output);
	expect_text(backtrace, " in published_function ()");
	expect_text(backtrace, " debuggee (");
	expect_text(backtrace, " main (");
	assert_null(strstr(backtrace, "corrupt stack"));
	expect_text(backtrace, "published_function + ");
	gone = strstr(output, "[gone]");
	assert_non_null(gone);
	expect_text(gone, "Breakpoint 2, ");
	expect_text(gone, "No symbol matches published_address.");
	free(output);
}

static void gdb_lines(void **state)
{
	char *output;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("gdb"))
		skip();
	output = debug("TEST_LINES=1");
	expect_text(output, "published_function () at source.jit:27");
	expect_text(output, " main (");
	free(output);
}

static void perf_jitdump(void **state)
{
	char directory[] = "/tmp/codearena-test-XXXXXX", command[512];
	char *output;
	bool possible;
	int status;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("perf"))
		skip();
	assert_non_null(mkdtemp(directory));
	possible = perf_recorded(directory, "profiled");
	if (possible) {
		snprintf(command, sizeof(command), "cd %s && "
			 "perf inject --jit -i data -o injected 2>&1 && "
			 "perf report --stdio -i injected 2>&1", directory);
		output = tool_run(command, &status);
		expect_text(output, "[.] published_spin");
		assert_int_equal(status, 0);
		free(output);
		snprintf(command, sizeof(command), "cd %s && "
			 "addr2line -e jitted-*.so $(nm jitted-*.so | "
			 "sed -n 's/^\\([0-9a-f]*\\) . published_spin/"
			 "\\1/p') 2>&1", directory);
		output = tool_run(command, &status);
		if (tool_installed("addr2line") && tool_installed("nm"))
			expect_text(output, "source.jit:33");
		free(output);
	}
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	free(tool_run(command, &status));
	if (!possible)
		skip_because("perf cannot record here");
}

static void perf_map(void **state)
{
	char directory[] = "/tmp/codearena-test-XXXXXX", command[512];
	char *output;
	bool possible;
	int status;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("perf"))
		skip();
	assert_non_null(mkdtemp(directory));
	possible = perf_recorded(directory, "mapped");
	if (possible) {
		snprintf(command, sizeof(command), "cd %s && "
			 "perf report --stdio -i data 2>&1 | cat", directory);
		output = tool_run(command, &status);
		expect_text(output, "[.] mapped_spin");
		free(output);
	}
	snprintf(command, sizeof(command), "grep -l mapped_spin "
		 "/tmp/perf-*.map | xargs rm -f; rm -rf %s", directory);
	free(tool_run(command, &status));
	if (!possible)
		skip_because("perf cannot record here");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gdb_symbols),
		cmocka_unit_test(gdb_lines),
		cmocka_unit_test(perf_jitdump),
		cmocka_unit_test(perf_map),
	};

	if (argc == 2 && !strcmp(argv[1], "--debuggee"))
		return debuggee();
	if (argc == 3 && !strcmp(argv[1], "--mapped"))
		return mapped();
	if (argc == 3 && !strcmp(argv[1], "--profiled"))
		return profiled(argv[2]);
	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
