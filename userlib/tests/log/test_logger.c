// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loggers: selection of code, order, and sinks.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "code/code.h"
#include "log/log.h"
#include "codearena/module.h"
#include "lib/helpers.h"
#include "log/logger_table.h"

#define CODES	64
#define GRANULE	64
#define THREADS	4

static char directory[64];
static char text[1 << 16];
static uint8_t *memory;
static uint8_t body[32];

static const struct codearena_source_position positions[] = {
	{ .code_offset = 0, .position = 100, .inlining_id = -1 },
	{ .code_offset = 4, .position = 200, .inlining_id = 0 },
	{ .code_offset = 8, .position = 300, .inlining_id = -1 },
	{ .code_offset = 9, .position = 999, .inlining_id = -1 },
};

static const struct codearena_inlining_position inlinings[] = {
	{ .function = 3, .position = 100, .caller_id = -1 },
};

static int setup(void **state)
{
	*state = NULL;
	unsetenv("CODEARENA_LOG");
	unsetenv("CODEARENA_LOG_DIR");
	strcpy(directory, "/tmp/codearena-test-XXXXXX");
	memory = calloc(CODES, GRANULE);
	return memory && mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	free(memory);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct codearena_code *code_at(unsigned int slot, int32_t index,
				      uint32_t kind, const char *name)
{
	struct codearena_region region = {
		(uintptr_t)memory + slot * GRANULE, GRANULE
	};
	struct codearena_code_desc desc = {
		.sz = sizeof(desc),
		.body = body,
		.instructions_size = sizeof(body),
		.kind = kind,
		.function_index = index,
		.name = name,
		.positions = positions,
		.position_count = 4,
		.inlinings = inlinings,
		.inlining_count = 1,
	};
	struct codearena_code *code;

	assert_int_equal(ca__code_new(&desc, region, NULL, &code), 0);
	return code;
}

static int line_of(void *data, const struct codearena_code *code,
		   uint32_t position, struct codearena_log_line *line)
{
	(void)code;
	++*(unsigned int *)data;
	if (position == 999)
		return -ENOENT;
	line->line = position / 100;
	line->file = "module.src";
	return 0;
}

static struct codearena_logger *logger_of(uint32_t sinks, uint32_t flags)
{
	static unsigned int calls;
	struct codearena_logger_opts opts = {
		.sz = sizeof(opts),
		.directory = directory,
		.source = line_of,
		.data = &calls,
		.sinks = sinks,
		.flags = flags,
	};
	struct codearena_logger *logger;

	assert_int_equal(codearena_logger_new(&opts, &logger), 0);
	return logger;
}

static size_t contents(const char *format)
{
	char name[64], path[256];
	FILE *stream;
	size_t size;

	snprintf(name, sizeof(name), format, (int)getpid());
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	stream = fopen(path, "r");
	assert_non_null(stream);
	size = fread(text, 1, sizeof(text) - 1, stream);
	text[size] = 0;
	fclose(stream);
	return size;
}

static void bad_options(void **state)
{
	struct codearena_logger_opts opts = { .sz = sizeof(opts) };
	struct codearena_logger *logger = (void *)1;

	(void)state;
	assert_int_equal(codearena_logger_new(NULL, &logger), -EINVAL);
	assert_null(logger);
	assert_int_equal(codearena_logger_new(&opts, NULL), -EINVAL);
	opts.sinks = 16;
	assert_int_equal(codearena_logger_new(&opts, &logger), -EOPNOTSUPP);
	opts.sinks = 0;
	opts.flags = 16;
	assert_int_equal(codearena_logger_new(&opts, &logger), -EOPNOTSUPP);
	opts.flags = 0;
	opts.sz = 4;
	assert_int_equal(codearena_logger_new(&opts, &logger), -EINVAL);
	opts.sz = sizeof(opts);
	opts.sinks = CODEARENA_LOG_PERFMAP | CODEARENA_LOG_JITDUMP;
	opts.directory = "/nonexistent";
	assert_int_equal(codearena_logger_new(&opts, &logger), -ENOENT);
	assert_int_equal(codearena_logger_code(NULL, NULL), -EINVAL);
	assert_int_equal(codearena_logger_defer(NULL, NULL), -EINVAL);
	assert_int_equal(codearena_logger_flush(NULL), -EINVAL);
	assert_int_equal(ca__logger_forget(NULL, 0), -EINVAL);
	assert_int_equal(codearena_logger_sinks(NULL), 0);
	codearena_logger_free(NULL);
}

/* V8's LogCode: anonymous code is skipped, unless it calls the host. */
static void anonymous_code(void **state)
{
	struct codearena_code *codes[3] = {
		code_at(0, 5, CODEARENA_CODE_FUNCTION, "named"),
		code_at(1, -1, CODEARENA_CODE_HOST_WRAPPER, NULL),
		code_at(2, -1, CODEARENA_CODE_RUNTIME_WRAPPER, NULL),
	};
	struct codearena_logger *logger;
	unsigned int i, flags;

	(void)state;
	for (flags = 0; flags <= CODEARENA_LOGGER_F_ANONYMOUS;
	     flags += CODEARENA_LOGGER_F_ANONYMOUS) {
		logger = logger_of(CODEARENA_LOG_PERFMAP, flags);
		for (i = 0; i < 3; i++)
			assert_int_equal(codearena_logger_code(logger,
							       codes[i]), 0);
		codearena_logger_free(logger);
		contents("perf-%d.map");
		assert_non_null(strstr(text, " 20 named\n"));
		assert_non_null(strstr(text, " 20 host wrapper\n"));
		assert_int_equal(!!strstr(text, "runtime wrapper"), !!flags);
	}
	for (i = 0; i < 3; i++)
		ca__code_destroy(codes[i]);
}

/* V8's LogCode: lines before the code, without inlined positions. */
static void lines_before_code(void **state)
{
	struct codearena_code *code = code_at(0, 5, CODEARENA_CODE_FUNCTION,
					      NULL);
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_JITDUMP, 0);
	uint32_t word;
	size_t size;

	(void)state;
	assert_int_equal(codearena_logger_code(logger, code), 0);
	codearena_logger_free(logger);
	size = contents("jit-%d.dump");
	memcpy(&word, text + 40, 4);
	assert_int_equal(word, 2);
	memcpy(&word, text + 40 + 24, 4);
	assert_int_equal(word, 2);
	memcpy(&word, text + 40 + 32 + 8, 4);
	assert_int_equal(word, 1);
	memcpy(&word, text + 40 + 32 + 27 + 8, 4);
	assert_int_equal(word, 3);
	memcpy(&word, text + 44, 4);
	assert_in_range(word, 32 + 2 * 27, 32 + 2 * 27 + 7);
	assert_true(40 + word < size);
	assert_int_equal(text[40 + word], 0);
	assert_string_equal(text + 40 + word + 56, "function[5]");
	ca__code_destroy(code);
}

/* In order; the logger's reference keeps the code until then. */
static void deferred_queue(void **state)
{
	struct codearena_code *codes[CODES];
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_PERFMAP, 0);
	char name[16];
	const char *at = text;
	unsigned int i;

	(void)state;
	for (i = 0; i < CODES; i++) {
		codes[i] = code_at(i, i, CODEARENA_CODE_FUNCTION, NULL);
		assert_int_equal(codearena_logger_defer(logger, codes[i]), 0);
		assert_int_equal(codes[i]->references, 2);
	}
	assert_int_equal(contents("perf-%d.map"), 0);
	assert_int_equal(codearena_logger_flush(logger), 0);
	contents("perf-%d.map");
	for (i = 0; i < CODES; i++) {
		assert_int_equal(codes[i]->references, 1);
		snprintf(name, sizeof(name), "[%u]\n", i);
		at = strstr(at, name);
		assert_non_null(at);
	}
	assert_int_equal(codearena_logger_flush(logger), 0);
	/* Freeing the logger drops deferred code. */
	assert_int_equal(codearena_logger_defer(logger, codes[0]), 0);
	codearena_logger_free(logger);
	for (i = 0; i < CODES; i++) {
		assert_int_equal(codes[i]->references, 1);
		ca__code_destroy(codes[i]);
	}
}

static struct codearena_logger *shared;
static struct codearena_code *shared_code;

static void *defer_many(void *context)
{
	intptr_t failures = 0;
	int i;

	(void)context;
	for (i = 0; i < 100; i++) {
		failures += codearena_logger_defer(shared, shared_code) != 0;
		failures += codearena_logger_flush(shared) != 0;
	}
	return (void *)failures;
}

static void deferred_by_threads(void **state)
{
	pthread_t threads[THREADS];
	unsigned int i, lines = 0;
	const char *at = text;
	void *failures;

	(void)state;
	shared = logger_of(CODEARENA_LOG_PERFMAP, 0);
	shared_code = code_at(0, 1, CODEARENA_CODE_FUNCTION, NULL);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, defer_many,
						NULL), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failures);
		assert_null(failures);
	}
	assert_int_equal(codearena_logger_flush(shared), 0);
	codearena_logger_free(shared);
	assert_int_equal(shared_code->references, 1);
	contents("perf-%d.map");
	while ((at = strchr(at, '\n'))) {
		at++;
		lines++;
	}
	assert_int_equal(lines, THREADS * 100);
	ca__code_destroy(shared_code);
}

static bool child_is_refused(void *context)
{
	struct codearena_code *code = context;
	bool refused;

	refused = codearena_logger_code(shared, code) == -EIO &&
		  codearena_logger_defer(shared, code) == -EIO &&
		  codearena_logger_flush(shared) == -EIO &&
		  ca__logger_forget(shared, 0) == -EIO;
	codearena_logger_free(shared);
	return refused;
}

static void forked(void **state)
{
	struct codearena_code *code = code_at(0, 1, CODEARENA_CODE_FUNCTION,
					      NULL);

	(void)state;
	shared = logger_of(CODEARENA_LOG_PERFMAP | CODEARENA_LOG_JITDUMP, 0);
	assert_int_equal(in_child(child_is_refused, code), 0);
	assert_int_equal(contents("perf-%d.map"), 0);
	assert_int_equal(contents("jit-%d.dump"), 40);
	codearena_logger_free(shared);
	ca__code_destroy(code);
}

static void environment(void **state)
{
	struct codearena_logger_opts opts = {
		.sz = sizeof(opts),
		.directory = "/nonexistent",
		.flags = CODEARENA_LOGGER_F_ENVIRONMENT,
	};
	struct codearena_logger *logger;

	(void)state;
	setenv("CODEARENA_LOG", "nonsense,perfmap,,gdb", 1);
	setenv("CODEARENA_LOG_DIR", directory, 1);
	assert_int_equal(codearena_logger_new(&opts, &logger), 0);
	assert_int_equal(codearena_logger_sinks(logger),
			 CODEARENA_LOG_PERFMAP | CODEARENA_LOG_GDB);
	assert_int_equal(contents("perf-%d.map"), 0);
	codearena_logger_free(logger);
	opts.flags = 0;
	assert_int_equal(codearena_logger_new(&opts, &logger), 0);
	assert_int_equal(codearena_logger_sinks(logger), 0);
	codearena_logger_free(logger);
}

struct listed {
	struct listed *next;
};

extern struct {
	uint32_t version;
	uint32_t action;
	struct listed *relevant;
	struct listed *first;
} __jit_debug_descriptor;

static unsigned int list_length(void)
{
	struct listed *entry;
	unsigned int count = 0;

	for (entry = __jit_debug_descriptor.first; entry; entry = entry->next)
		count++;
	return count;
}

/* Debuggers know code once, from logging to freeing. */
static void debuggers_forget(void **state)
{
	struct codearena_logger *logger = logger_of(CODEARENA_LOG_GDB, 0);
	struct codearena_code *code;
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < CODES; i++) {
			code = code_at(i, i, CODEARENA_CODE_FUNCTION, NULL);
			assert_int_equal(codearena_logger_code(logger, code),
					 0);
			ca__code_destroy(code);
		}
		assert_int_equal(list_length(), CODES);
	}
	for (i = 0; i < CODES / 2; i++)
		assert_int_equal(ca__logger_forget(logger,
			(uintptr_t)memory + i * GRANULE), 0);
	assert_int_equal(list_length(), CODES / 2);
	assert_int_equal(ca__logger_forget(logger, 1), 0);
	assert_int_equal(list_length(), CODES / 2);
	codearena_logger_free(logger);
	assert_int_equal(list_length(), 0);
}

/* Enough entries to grow the table, in an order that mixes its chains. */
static void table_of_many(void **state)
{
	struct ca__log_table table = { 0 };
	struct codearena_gdbjit *old;
	uintptr_t i;

	(void)state;
	assert_null(ca__log_table_take(&table, 64));
	for (i = 1; i <= 1000; i++) {
		assert_int_equal(ca__log_table_set(&table, i * 64, (void *)i,
						   &old), 0);
		assert_null(old);
	}
	assert_int_equal(ca__log_table_set(&table, 64, (void *)7, &old), 0);
	assert_ptr_equal(old, (void *)1);
	assert_ptr_equal(ca__log_table_take(&table, 64), (void *)7);
	for (i = 2; i <= 1000; i++)
		assert_ptr_equal(ca__log_table_take(&table, i * 64), (void *)i);
	assert_null(ca__log_table_take(&table, 128));
	assert_int_equal(table.count, 0);
	ca__log_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(bad_options),
		LOG_TEST(anonymous_code),
		LOG_TEST(lines_before_code),
		LOG_TEST(deferred_queue),
		LOG_TEST(deferred_by_threads),
		LOG_TEST(forked),
		LOG_TEST(environment),
		LOG_TEST(debuggers_forget),
		LOG_TEST(table_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
