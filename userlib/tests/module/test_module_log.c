// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loggers of modules: published, replaced and freed code, as seen in files, in the
 * debuggers' list, by gdb and by perf.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "codearena/log.h"
#include "module/module_helpers.h"
#include "log/tools.h"

#define ALL_SINKS (CODEARENA_LOG_PERFMAP | CODEARENA_LOG_JITDUMP | \
		   CODEARENA_LOG_GDB)

/* As GDB documents it. */
struct jit_entry {
	struct jit_entry *next;
	struct jit_entry *previous;
	const char *object;
	uint64_t size;
};

extern struct {
	uint32_t version;
	uint32_t action;
	struct jit_entry *relevant;
	struct jit_entry *first;
} __jit_debug_descriptor;

static struct module_fixture fixture;
static char directory[64];
static char text[1 << 16];
uint64_t published_address;
void stopped_first(void);
void stopped_second(void);
void stopped_after(void);

static int log_setup(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);

	*state = NULL;
	strcpy(directory, "/tmp/codearena-test-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	module_begin(&fixture, 0, &opts);
	return 0;
}

static int log_teardown(void **state)
{
	char command[128];

	(void)state;
	module_end(&fixture);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

static struct codearena_logger *logger_of(uint32_t sinks, uint32_t flags)
{
	struct codearena_logger_opts opts = {
		.sz = sizeof(opts),
		.directory = directory,
		.sinks = sinks,
		.flags = flags,
	};
	struct codearena_logger *logger;

	assert_int_equal(codearena_logger_new(&opts, &logger), 0);
	return logger;
}

static struct codearena_code *named(int32_t function, const char *name)
{
	struct body body;

	body_return(&body, function, 1);
	body.desc.name = name;
	return publish_body(fixture.module, &body);
}

/* How often the map names code that begins there; 0: anywhere. */
static unsigned int mapped(const char *name, uint64_t address)
{
	char path[256], line[256], wanted[128];
	unsigned int count = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/perf-%d.map", directory,
		 (int)getpid());
	snprintf(wanted, sizeof(wanted), " %s\n", name);
	stream = fopen(path, "r");
	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream))
		count += strstr(line, wanted) &&
			 (!address || strtoull(line, NULL, 16) == address);
	fclose(stream);
	return count;
}

static unsigned int reported(void)
{
	struct jit_entry *entry;
	unsigned int count = 0;

	for (entry = __jit_debug_descriptor.first; entry; entry = entry->next)
		count++;
	return count;
}

static bool dumped(const char *name)
{
	char path[256];
	FILE *stream;
	size_t size;

	snprintf(path, sizeof(path), "%s/jit-%d.dump", directory,
		 (int)getpid());
	stream = fopen(path, "r");
	assert_non_null(stream);
	size = fread(text, 1, sizeof(text), stream);
	fclose(stream);
	return memmem(text, size, name, strlen(name) + 1);
}

static void what_is_there_and_what_comes(void **state)
{
	struct codearena_logger *logger = logger_of(ALL_SINKS, 0);
	struct codearena_code *codes[3];
	uint64_t start;

	(void)state;
	codes[0] = named(5, "before");
	start = codearena_code_start(codes[0]);
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	assert_int_equal(mapped("before", start), 1);
	assert_int_equal(reported(), 1);
	codes[1] = named(6, "after");
	assert_int_equal(mapped("after", codearena_code_start(codes[1])), 1);
	assert_true(dumped("before") && dumped("after"));
	assert_int_equal(reported(), 2);
	/* Replaced, it is still there until it is freed. */
	codes[2] = named(5, "better");
	codearena_code_put(codes[0]);
	assert_int_equal(reported(), 3);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(reported(), 2);
	assert_int_equal(mapped("better", 0), 1);
	assert_int_equal(codearena_logger_detach(fixture.module), 0);
	assert_int_equal(reported(), 0);
	ca__module_put(codes + 1, 2);
	codes[0] = named(5, "unheard");
	assert_int_equal(mapped("unheard", 0), 0);
	codearena_code_put(codes[0]);
	codearena_logger_free(logger);
}

static void every_jump_table_once(void **state)
{
	struct codearena_logger *logger =
		logger_of(ALL_SINKS, CODEARENA_LOGGER_F_ANONYMOUS);
	struct codearena_code *code;

	(void)state;
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	assert_int_equal(mapped("jump table", 0), 3);
	code = named(5, "function");
	codearena_code_put(code);
	assert_int_equal(mapped("jump table", 0), 3);
	assert_int_equal(reported(), 4);
	codearena_module_free(fixture.module);
	fixture.module = NULL;
	assert_int_equal(reported(), 0);
	codearena_logger_free(logger);
}

static void bad_arguments(void **state)
{
	struct codearena_logger *logger = logger_of(0, 0);

	(void)state;
	assert_int_equal(codearena_logger_attach(NULL, fixture.module),
			 -EINVAL);
	assert_int_equal(codearena_logger_attach(logger, NULL), -EINVAL);
	assert_int_equal(codearena_logger_detach(NULL), -EINVAL);
	assert_int_equal(codearena_logger_detach(fixture.module), -ENOENT);
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	assert_int_equal(codearena_logger_attach(logger, fixture.module),
			 -EBUSY);
	assert_int_equal(codearena_logger_detach(fixture.module), 0);
	assert_int_equal(codearena_logger_detach(fixture.module), -ENOENT);
	codearena_logger_free(logger);
}

static bool child_attaches(void *logger)
{
	return codearena_logger_attach(logger, fixture.module) == -EIO;
}

static void not_in_a_child(void **state)
{
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_PERFMAP, 0);

	(void)state;
	assert_int_equal(in_child(child_attaches, logger), 0);
	codearena_logger_free(logger);
}

/* A full disk does not fail publishing; detaching reports it. */
static void errors_of_sinks(void **state)
{
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_PERFMAP, 0);
	struct rlimit none, before;
	struct codearena_code *code;

	(void)state;
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	code = named(5, "lost");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(call_function(fixture.module, 5, 0), 1);
	assert_int_equal(codearena_logger_detach(fixture.module), -EFBIG);
	/* Forgotten with the logger. */
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	assert_int_equal(mapped("lost", 0), 1);
	assert_int_equal(codearena_logger_detach(fixture.module), 0);
	codearena_code_put(code);
	codearena_logger_free(logger);
}

static void *publisher(void *function)
{
	struct body body;
	int i;

	for (i = 0; i < 60; i++) {
		body_return(&body, *(int32_t *)function, 1);
		if (codearena_module_add_publish(fixture.module, &body.desc, 1,
						 NULL, NULL))
			return publisher;
		if (i % 8 == 7 && codearena_module_reap(fixture.module, NULL))
			return publisher;
	}
	return NULL;
}

static void threads(void **state)
{
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_GDB, 0);
	static int32_t functions[3] = { 3, 4, 5 };
	pthread_t thread[3];
	void *failed;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, publisher,
						&functions[i]), 0);
	for (i = 0; i < 40; i++) {
		assert_int_equal(codearena_logger_attach(logger,
							 fixture.module), 0);
		if (i % 2)
			usleep(100);
		assert_int_equal(codearena_logger_detach(fixture.module), 0);
	}
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	/* Only existing code is known. */
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(reported(), 3);
	assert_int_equal(codearena_logger_detach(fixture.module), 0);
	assert_int_equal(reported(), 0);
	codearena_logger_free(logger);
}

/* The program that the tools see. */

__attribute__((noinline)) void stopped_first(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void stopped_second(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void stopped_after(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Frames by the frame pointer, which call their argument; loops that count. */
#if defined(__x86_64__)
static const uint8_t call_code[] = {
	0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3,
};
static const uint8_t spin_code[] = { 0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3 };
#elif defined(__aarch64__)
static const uint8_t call_code[] = {
	0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91,
	0x00, 0x00, 0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8,
	0xc0, 0x03, 0x5f, 0xd6,
};
static const uint8_t spin_code[] = {
	0x00, 0x04, 0x00, 0xf1, 0xe1, 0xff, 0xff, 0x54,
	0xc0, 0x03, 0x5f, 0xd6,
};
#else
static const uint8_t call_code[] = {
	0x13, 0x01, 0x01, 0xff, 0x23, 0x34, 0x11, 0x00,
	0x23, 0x30, 0x81, 0x00, 0x13, 0x04, 0x01, 0x01,
	0xe7, 0x00, 0x05, 0x00, 0x83, 0x30, 0x81, 0x00,
	0x03, 0x34, 0x01, 0x00, 0x13, 0x01, 0x01, 0x01,
	0x67, 0x80, 0x00, 0x00,
};
static const uint8_t spin_code[] = {
	0x13, 0x05, 0xf5, 0xff, 0xe3, 0x1e, 0x05, 0xfe,
	0x67, 0x80, 0x00, 0x00,
};
#endif

static int line_of(void *data, const struct codearena_code *code,
		   uint32_t position, struct codearena_log_line *line)
{
	(void)data;
	(void)code;
	line->line = position;
	line->file = "module.src";
	return 0;
}

static uint64_t tier(const uint8_t *code, size_t size, const char *name,
		     uint32_t position)
{
	const struct codearena_source_position positions[] = {
		{ .position = position, .inlining_id = -1 },
		/* perf's tables end where the last line begins. */
		{ .position = position, .inlining_id = -1,
		  .code_offset = size - 1 },
	};
	struct codearena_code_desc desc = {
		.sz = sizeof(desc),
		.body = code,
		.instructions_size = size,
		.positions = positions,
		.position_count = 2,
		.tier = CODEARENA_TIER_BASELINE,
		.function_index = MODULE_IMPORTS,
		.name = name,
	};
	struct codearena_code *current;
	uint64_t start;

	if (codearena_module_add_publish(fixture.module, &desc, 1, &current,
					 NULL))
		exit(2);
	start = codearena_code_start(current);
	codearena_code_put(current);
	return start;
}

static struct codearena_logger *tool_begin(const char *path)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_logger_opts logger_opts = {
		.sz = sizeof(logger_opts),
		.directory = path,
		.source = line_of,
		.sinks = ALL_SINKS,
	};
	struct codearena_logger *logger;
	void *state;

	if (backend_setup(&state))
		exit(2);
	module_begin(&fixture, 0, &opts);
	if (codearena_logger_new(&logger_opts, &logger) ||
	    codearena_logger_attach(logger, fixture.module))
		exit(2);
	return logger;
}

static int tool_end(struct codearena_logger *logger)
{
	int ret = codearena_logger_detach(fixture.module);

	module_end(&fixture);
	codearena_logger_free(logger);
	return ret ? 2 : 0;
}

static int debuggee(const char *path)
{
	struct codearena_logger *logger = tool_begin(path);
	uint64_t first, second;

	first = tier(call_code, sizeof(call_code), "quick_tier", 10);
	((void (*)(void (*)(void)))(uintptr_t)first)(stopped_first);
	second = tier(call_code, sizeof(call_code), "better_tier", 27);
	published_address = first;
	codearena_module_reap(fixture.module, NULL);
	((void (*)(void (*)(void)))(uintptr_t)second)(stopped_second);
	codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL, NULL);
	codearena_module_reap(fixture.module, NULL);
	published_address = second;
	stopped_after();
	return tool_end(logger);
}

static int profiled(const char *path)
{
	struct codearena_logger *logger = tool_begin(path);
	uint64_t code;

	code = tier(spin_code, sizeof(spin_code), "quick_spin", 33);
	((void (*)(uint64_t))(uintptr_t)code)(200000000);
	code = tier(spin_code, sizeof(spin_code), "better_spin", 44);
	((void (*)(uint64_t))(uintptr_t)code)(200000000);
	return tool_end(logger);
}

static void seen_by_gdb(void **state)
{
	char program[4096], command[8192];
	char *output, *second, *after;
	int status;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("gdb"))
		skip();
	tool_self(program);
	snprintf(command, sizeof(command),
		 "timeout 600 gdb -nx -batch -ex 'set debuginfod enabled off' "
		 "-ex 'break stopped_first' -ex 'break stopped_second' "
		 "-ex 'break stopped_after' -ex run -ex backtrace "
		 "-ex 'echo [second]\\n' -ex continue -ex backtrace "
		 "-ex 'info symbol published_address' "
		 "-ex 'echo [after]\\n' -ex continue "
		 "-ex 'info symbol published_address' "
		 "--args %s --debuggee %s 2>&1", program, directory);
	output = tool_run(command, &status);
	if (strstr(output, "ptrace: Operation not permitted")) {
		print_message("ptrace is not permitted here\n");
		free(output);
		skip();
	}
	second = strstr(output, "[second]");
	after = strstr(output, "[after]");
	if (!second || !after)
		fail_msg("gdb did not get there:\n%s", output);
	second[0] = 0;
	after[0] = 0;
	expect_text(output, "quick_tier () at module.src:10");
	expect_text(output, " main (");
	expect_text(second + 1, "better_tier () at module.src:27");
	expect_text(second + 1, " main (");
	expect_text(second + 1, "No symbol matches published_address.");
	expect_text(after + 1, "Breakpoint 3, ");
	expect_text(after + 1, "No symbol matches published_address.");
	free(output);
}

static void seen_by_perf(void **state)
{
	char command[512];
	char *output;
	int status;

	(void)state;
	skip_with_sanitizer();
	if (!tool_installed("perf") || !perf_recorded(directory, "profiled"))
		skip();
	snprintf(command, sizeof(command), "cd %s && "
		 "perf inject --jit -i data -o injected 2>&1 && "
		 "perf report --stdio -i injected 2>&1 && cat perf-*.map",
		 directory);
	output = tool_run(command, &status);
	expect_text(output, "[.] quick_spin");
	expect_text(output, "[.] better_spin");
	expect_text(output, " better_spin\n");
	assert_int_equal(status, 0);
	free(output);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_and_what_comes),
		TEST(every_jump_table_once),
		TEST(bad_arguments),
		TEST(not_in_a_child),
		TEST(errors_of_sinks),
		TEST(threads),
		TEST(seen_by_gdb),
		TEST(seen_by_perf),
	};

	if (argc == 3 && !strcmp(argv[1], "--debuggee"))
		return debuggee(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--profiled"))
		return profiled(argv[2]);
	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
