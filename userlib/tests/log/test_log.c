// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Perf maps and jitdumps, read back by the test's own reader.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"
#include "lib/helpers.h"
#include "lib/sizes.h"

#define FILE_MAX	(1 << 20)
#define THREADS		4
#define RECORDS		200

static char directory[64];
static char path[PATH_MAX];
static uint8_t file[FILE_MAX];
static const uint8_t code[] = { 1, 2, 3, 4, 5 };

static int setup(void **state)
{
	*state = NULL;
	strcpy(directory, "/tmp/codearena-test-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const char *path_of(const char *format)
{
	char name[64];

	snprintf(name, sizeof(name), format, (int)getpid());
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Reads a file into the buffer, and appends a 0. */
static size_t contents(const char *name)
{
	FILE *stream = fopen(name, "r");
	size_t size;

	assert_non_null(stream);
	size = fread(file, 1, FILE_MAX - 1, stream);
	file[size] = 0;
	fclose(stream);
	return size;
}

static struct codearena_log_entry entry_of(const char *name)
{
	return (struct codearena_log_entry) {
		.sz = sizeof(struct codearena_log_entry),
		.name = name,
		.bytes = code,
		.address = 0x7f00deadb000ULL,
		.size = sizeof(code),
	};
}

static const struct codearena_log_line two_lines[] = {
	{ .offset = 0, .line = 7, .column = 3, .file = "a.js" },
	{ .offset = 4, .line = 9, .file = "bc.js" },
};

static void bad_entries(void **state)
{
	struct codearena_log_entry good = entry_of("f"), entry;
	struct codearena_log_line lines[2];
	char name[CODEARENA_CODE_NAME_MAX + 2];

	(void)state;
	assert_int_equal(ca__log_check(NULL), -EINVAL);
	assert_int_equal(ca__log_check(&good), 0);
#define BAD(error, change) do { entry = good; entry.change;		\
		assert_int_equal(ca__log_check(&entry), -(error)); } while (0)
	BAD(EINVAL, sz = 8);
	BAD(EINVAL, size = 0);
	BAD(EINVAL, name = NULL);
	BAD(EINVAL, name = "");
	BAD(EINVAL, frame = CODEARENA_FRAME_CFI + 1);
	BAD(EINVAL, frame = CODEARENA_FRAME_CFI);
	BAD(EOPNOTSUPP, __reserved = 1);
	BAD(EOPNOTSUPP, flags = 1);
	BAD(EOVERFLOW, size = CODEARENA_CODE_MAX + 1ULL);
	BAD(EOVERFLOW, address = UINT64_MAX - 3);
	BAD(EINVAL, line_count = 1);
	memset(name, 'x', sizeof(name));
	name[CODEARENA_CODE_NAME_MAX + 1] = 0;
	BAD(ENAMETOOLONG, name = name);
	name[CODEARENA_CODE_NAME_MAX] = 0;
	BAD(0, name = name);
	good.lines = lines;
	good.line_count = 2;
#define BAD_LINE(error, change) do {					\
		memcpy(lines, two_lines, sizeof(lines)); lines[1].change;	\
		assert_int_equal(ca__log_check(&good), -(error)); } while (0)
	BAD_LINE(0, offset = 0);
	BAD_LINE(EINVAL, offset = 5);
	BAD_LINE(EINVAL, line = 0);
	BAD_LINE(EINVAL, file = NULL);
	BAD_LINE(EINVAL, file = "");
	BAD_LINE(EINVAL, file = "a\nb");
	memcpy(lines, two_lines, sizeof(lines));
	lines[0].offset = 5;
	assert_int_equal(ca__log_check(&good), -EINVAL);
}

static int check_entry(void *entry)
{
	return ca__log_check(entry);
}

static int new_logger(void *opts)
{
	struct codearena_logger *logger;
	int ret = codearena_logger_new(opts, &logger);

	codearena_logger_free(logger);
	return ret;
}

static void structures_grow(void **state)
{
	static const struct codearena_logger_opts opts = {
		.sinks = CODEARENA_LOG_GDB,
	};
	struct codearena_log_entry entry = entry_of("f");

	(void)state;
	expect_input_sizes(&entry, CA__SIZE_LOG_ENTRY, sizeof(entry),
			   check_entry);
	expect_input_sizes(&opts, CA__SIZE_LOGGER_OPTS, sizeof(opts),
			   new_logger);
}

static void perfmap_lines(void **state)
{
	struct codearena_log_entry entry = entry_of("plain");
	struct codearena_perfmap *map;

	(void)state;
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), 0);
	assert_int_equal(codearena_perfmap_add(map, &entry), 0);
	entry.name = "two words\nand\x7f \\ \xc3\xa4";
	entry.address = 0x10;
	entry.size = 0xabc;
	assert_int_equal(codearena_perfmap_add(map, &entry), 0);
	codearena_perfmap_free(map);
	contents(path_of("perf-%d.map"));
	assert_string_equal((char *)file, "7f00deadb000 5 plain\n"
			    "10 abc two words\\x0aand\\x7f \\x5c \xc3\xa4\n");
	assert_int_equal(codearena_perfmap_new(directory,
					       CODEARENA_PERFMAP_F_APPEND,
					       &map), 0);
	entry.name = "more";
	assert_int_equal(codearena_perfmap_add(map, &entry), 0);
	codearena_perfmap_free(map);
	contents(path);
	assert_non_null(strstr((char *)file, "plain\n"));
	assert_non_null(strstr((char *)file, "10 abc more\n"));
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), 0);
	codearena_perfmap_free(map);
	assert_int_equal(contents(path), 0);
}

static void files_of_others(void **state)
{
	struct codearena_perfmap *map;
	char other[128], name[PATH_MAX + 64];

	(void)state;
	path_of("perf-%d.map");
	snprintf(other, sizeof(other), "%s/other", directory);
	close(open(other, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(other, path), 0);
	map = (void *)1;
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), -EPERM);
	assert_null(map);
	unlink(path);
	assert_int_equal(link(other, path), 0);
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), -EPERM);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), -EPERM);
	snprintf(name, sizeof(name), "%s/none", directory);
	assert_int_equal(codearena_perfmap_new(name, 0, &map), -ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(codearena_perfmap_new(name, 0, &map), -ENAMETOOLONG);
	assert_int_equal(codearena_perfmap_new(directory, 2, &map),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_perfmap_new(directory, 0, NULL), -EINVAL);
	assert_int_equal(codearena_perfmap_add(NULL, NULL), -EINVAL);
	codearena_perfmap_free(NULL);
}

/* The reader: consumes numbers from the contents of the file. */
static size_t at;

static uint64_t take(unsigned int bytes)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < bytes; i++)
		value |= (uint64_t)file[at++] << (8 * i);
	return value;
}

static void take_string(const char *expected)
{
	assert_string_equal((char *)file + at, expected);
	at += strlen(expected) + 1;
}

static uint64_t last_time;

static void take_head(uint32_t id, uint32_t size)
{
	uint64_t time;

	assert_int_equal(take(4), id);
	assert_int_equal(take(4), size);
	time = take(8);
	assert_true(time >= last_time);
	last_time = time;
}

static void take_dump_header(void)
{
	struct timespec now;

	at = 0;
	assert_int_equal(take(4), 0x4a695444);
	assert_int_equal(take(4), 1);
	assert_int_equal(take(4), 40);
#if defined(__x86_64__)
	assert_int_equal(take(4), 62);
#elif defined(__aarch64__)
	assert_int_equal(take(4), 183);
#else
	assert_int_equal(take(4), 243);
#endif
	assert_int_equal(take(4), 0);
	assert_int_equal(take(4), getpid());
	last_time = take(8);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(now.tv_sec - last_time / 1000000000 < 100);
	assert_int_equal(take(8), 0);
}

static uint32_t word_at(size_t offset)
{
	uint32_t word;

	memcpy(&word, file + offset, sizeof(word));
	return word;
}

/*
 * The record before each load: .eh_frame with one description, which perf puts
 * after the code, and a table of it. Both give the distance to the code.
 */
static void take_unwinding(void)
{
	uint32_t record = word_at(at + 4), description, cie;
	size_t end = at + record, begin, header;
	int32_t distance = -(int32_t)((sizeof(code) + 7) / 8 * 8);
	uint64_t all;

	take_head(4, record);
	all = take(8);
	assert_int_equal(take(8), 20);
	take(8);
	begin = at;
	header = begin + all - 20;
	description = 4 + word_at(begin);
	cie = word_at(begin + description + 4);
	assert_int_equal(cie, description + 4);
	assert_int_equal((int32_t)(word_at(begin + description + 8) +
				   description + 8), distance);
	assert_int_equal(word_at(begin + description + 12), sizeof(code));
	assert_int_equal(word_at(header), 0x3b031b01);
	assert_int_equal(word_at(header + 8), 1);
	assert_int_equal((int32_t)word_at(header + 12) + header - begin,
			 distance);
	assert_int_equal((int32_t)word_at(header + 16) + header - begin,
			 description);
	assert_true(end - begin - all < 8);
	at = end;
}

static void take_load(uint64_t address, const char *name, uint64_t index)
{
	take_unwinding();
	take_head(0, 56 + strlen(name) + 1 + sizeof(code));
	assert_int_equal(take(4), getpid());
	take(4);
	assert_true(take(8) == address);
	assert_true(take(8) == address);
	assert_int_equal(take(8), sizeof(code));
	assert_int_equal(take(8), index);
	take_string(name);
	assert_memory_equal(file + at, code, sizeof(code));
	at += sizeof(code);
}

/* All kinds of records, byte for byte. */
static void jitdump_records(void **state)
{
	struct codearena_log_entry entry = entry_of("f");
	struct codearena_jitdump *dump;
	uint64_t index, a = entry.address;
	size_t size;

	(void)state;
	assert_int_equal(codearena_jitdump_new(directory, 0, &dump), 0);
	assert_int_equal(codearena_jitdump_load(dump, &entry, &index), 0);
	assert_int_equal(index, 0);
	entry.name = "g\n";
	entry.bytes = NULL;
	entry.address = (uintptr_t)code;
	entry.lines = two_lines;
	entry.line_count = 2;
	assert_int_equal(codearena_jitdump_load(dump, &entry, &index), 0);
	assert_int_equal(index, 1);
	assert_int_equal(codearena_jitdump_move(dump, 0, a, 0x1000, 5), 0);
	assert_int_equal(codearena_jitdump_move(dump, 2, a, 0x1000, 5),
			 -ENOENT);
	assert_int_equal(codearena_jitdump_move(dump, 0, a, 0x1000, 0),
			 -EINVAL);
	assert_int_equal(codearena_jitdump_move(dump, 0, -1, 0x1000, 5),
			 -EOVERFLOW);
	assert_int_equal(codearena_jitdump_move(NULL, 0, 1, 2, 5), -EINVAL);
	codearena_jitdump_free(dump);
	size = contents(path_of("jit-%d.dump"));
	take_dump_header();
	take_load(a, "f", 0);
	/* 16 + 16 + (16 + 5) + (16 + 6) is 75. */
	take_head(2, 80);
	assert_true(take(8) == (uintptr_t)code);
	assert_int_equal(take(8), 2);
	assert_true(take(8) == (uintptr_t)code);
	assert_int_equal(take(4), 7);
	assert_int_equal(take(4), 3);
	take_string("a.js");
	assert_true(take(8) == (uintptr_t)code + 4);
	assert_int_equal(take(4), 9);
	assert_int_equal(take(4), 0);
	take_string("bc.js");
	assert_int_equal(take(5), 0);
	take_load((uintptr_t)code, "g\\x0a", 1);
	take_head(1, 64);
	assert_int_equal(take(4), getpid());
	take(4);
	assert_int_equal(take(8), 0x1000);
	assert_true(take(8) == a);
	assert_int_equal(take(8), 0x1000);
	assert_int_equal(take(8), 5);
	assert_int_equal(take(8), 0);
	take_head(3, 16);
	assert_int_equal(at, size);
}

/* perf finds the file by its executable mapping. */
static void jitdump_marker_and_unlink(void **state)
{
	struct codearena_jitdump *dump;
	char maps[1 << 16];
	FILE *stream;
	size_t size;
	char *line;

	(void)state;
	assert_int_equal(codearena_jitdump_new(directory,
					       CODEARENA_JITDUMP_F_UNLINK,
					       &dump), 0);
	assert_int_equal(access(path_of("jit-%d.dump"), F_OK), -1);
	stream = fopen("/proc/self/maps", "r");
	size = fread(maps, 1, sizeof(maps) - 1, stream);
	fclose(stream);
	maps[size] = 0;
	line = strstr(maps, path);
	assert_non_null(line);
	while (line > maps && line[-1] != '\n')
		line--;
	assert_non_null(strstr(line, " r-xp 00000000 "));
	codearena_jitdump_free(dump);
	assert_int_equal(codearena_jitdump_new(directory, 2, &dump),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_jitdump_new(directory, 0, NULL), -EINVAL);
	assert_int_equal(codearena_jitdump_load(NULL, NULL, NULL), -EINVAL);
	codearena_jitdump_free(NULL);
}

/* A record that does not fit leaves the file as it was; the next one may fit. */
static void full_disk(void **state)
{
	struct codearena_log_entry small = entry_of("s"), large = entry_of("l");
	struct rlimit limit, old;
	struct codearena_jitdump *dump;
	struct codearena_perfmap *map;
	static const uint8_t bytes[4096];
	uint64_t index;
	size_t size;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(codearena_perfmap_new(directory, 0, &map), 0);
	assert_int_equal(codearena_jitdump_new(directory, 0, &dump), 0);
	large.bytes = bytes;
	large.size = sizeof(bytes);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 1000;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(codearena_jitdump_load(dump, &large, &index), -EFBIG);
	assert_int_equal(contents(path_of("jit-%d.dump")), 40);
	assert_int_equal(codearena_jitdump_load(dump, &small, &index), 0);
	assert_int_equal(index, 0);
	limit.rlim_cur = 30;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(codearena_perfmap_add(map, &small), 0);
	assert_int_equal(codearena_perfmap_add(map, &small), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	contents(path_of("perf-%d.map"));
	assert_string_equal((char *)file, "7f00deadb000 5 s\n");
	codearena_perfmap_free(map);
	codearena_jitdump_free(dump);
	size = contents(path_of("jit-%d.dump"));
	take_dump_header();
	take_load(small.address, "s", 0);
	take_head(3, 16);
	assert_int_equal(at, size);
}

struct both {
	struct codearena_perfmap *map;
	struct codearena_jitdump *dump;
};

static bool child_is_refused(void *context)
{
	struct codearena_log_entry entry = entry_of("child");
	struct both *both = context;
	bool refused;

	refused = codearena_perfmap_add(both->map, &entry) == -EIO &&
		  codearena_jitdump_load(both->dump, &entry, NULL) == -EIO &&
		  codearena_jitdump_move(both->dump, 0, 1, 2, 3) == -EIO;
	codearena_perfmap_free(both->map);
	codearena_jitdump_free(both->dump);
	return refused;
}

static void forked(void **state)
{
	struct both both;

	(void)state;
	assert_int_equal(codearena_perfmap_new(directory, 0, &both.map), 0);
	assert_int_equal(codearena_jitdump_new(directory, 0, &both.dump), 0);
	assert_int_equal(in_child(child_is_refused, &both), 0);
	assert_int_equal(contents(path_of("jit-%d.dump")), 40);
	assert_int_equal(contents(path_of("perf-%d.map")), 0);
	codearena_perfmap_free(both.map);
	codearena_jitdump_free(both.dump);
}

static void *add_many(void *context)
{
	struct codearena_log_entry entry = entry_of("threads");
	struct both *both = context;
	intptr_t failures = 0;
	int i;

	for (i = 0; i < RECORDS; i++) {
		failures += codearena_perfmap_add(both->map, &entry) != 0;
		failures += codearena_jitdump_load(both->dump, &entry,
						   NULL) != 0;
	}
	return (void *)failures;
}

static void many_threads(void **state)
{
	pthread_t threads[THREADS];
	struct both both;
	void *failures;
	unsigned int i;
	size_t size;

	(void)state;
	assert_int_equal(codearena_perfmap_new(directory, 0, &both.map), 0);
	assert_int_equal(codearena_jitdump_new(directory, 0, &both.dump), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many,
						&both), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failures);
		assert_null(failures);
	}
	codearena_perfmap_free(both.map);
	codearena_jitdump_free(both.dump);
	size = contents(path_of("jit-%d.dump"));
	take_dump_header();
	for (i = 0; i < THREADS * RECORDS; i++)
		take_load(entry_of("x").address, "threads", i);
	take_head(3, 16);
	assert_int_equal(at, size);
	assert_int_equal(contents(path_of("perf-%d.map")),
			 THREADS * RECORDS * strlen("7f00deadb000 5 threads\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(bad_entries),
		LOG_TEST(structures_grow),
		LOG_TEST(perfmap_lines),
		LOG_TEST(files_of_others),
		LOG_TEST(jitdump_records),
		LOG_TEST(jitdump_marker_and_unlink),
		LOG_TEST(full_disk),
		LOG_TEST(forked),
		LOG_TEST(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
