/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Object files for the tests of the loader, made by the system's compiler when
 * the test runs, so that each test shows its source next to what it expects.
 */
#ifndef TEST_ELF_H
#define TEST_ELF_H

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "codearena/elf.h"

#define NATIVE_CC	"cc"
#define X86_64_CC	"x86_64-linux-gnu-gcc"
#define AARCH64_CC	"aarch64-linux-gnu-gcc"
#define RISCV64_CC	"riscv64-linux-gnu-gcc"

struct file {
	uint8_t *bytes;
	size_t size;
};

static inline bool have_compiler(const char *compiler)
{
	char command[100];

	snprintf(command, sizeof(command), "command -v %s >/dev/null",
		 compiler);
	return !system(command);
}

static inline struct file read_whole(const char *path)
{
	FILE *stream = fopen(path, "rb");
	struct file file;
	struct stat st;

	assert_non_null(stream);
	assert_int_equal(fstat(fileno(stream), &st), 0);
	file.size = st.st_size;
	file.bytes = malloc(file.size + 1);
	assert_non_null(file.bytes);
	assert_int_equal(fread(file.bytes, 1, file.size, stream), file.size);
	fclose(stream);
	return file;
}

/*
 * Where objects are kept, so that a machine without compilers can use those of
 * another one: the directory CODEARENA_TEST_OBJECTS. False if it is not set.
 */
static inline bool kept_path(char *path, size_t size, const char *compiler,
			     const char *options, const char *source)
{
	const char *const parts[3] = { compiler, options, source };
	const char *directory = getenv("CODEARENA_TEST_OBJECTS");
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (int i = 0; i < 3; i++)
		for (const char *p = parts[i]; ; p++) {
			hash = (hash ^ (uint8_t)*p) * 0x100000001b3ULL;
			if (!*p)
				break;
		}
	snprintf(path, size, "%s/%016llx.o", directory ? directory : "",
		 (unsigned long long)hash);
	return directory;
}

static inline void keep(const char *path, const struct file *file)
{
	FILE *stream = fopen(path, "wb");

	assert_non_null(stream);
	assert_int_equal(fwrite(file->bytes, 1, file->size, stream),
			 file->size);
	assert_int_equal(fclose(stream), 0);
}

/* Skips the test if there is no such compiler. */
static inline struct file compile(const char *compiler, const char *options,
				  const char *language, const char *source)
{
	char directory[] = "/tmp/codearena-elf-XXXXXX";
	char path[64], kept[512], command[512];
	bool keeping = kept_path(kept, sizeof(kept), compiler, options, source);
	struct file file;
	FILE *pipe;

	if (keeping && !access(kept, R_OK))
		return read_whole(kept);
	if (!have_compiler(compiler)) {
		print_message("no %s here\n", compiler);
		skip();
	}
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/object.o", directory);
	snprintf(command, sizeof(command), "%s -c %s -x %s -o %s -", compiler,
		 options, language, path);
	pipe = popen(command, "w");
	assert_non_null(pipe);
	fputs(source, pipe);
	assert_int_equal(pclose(pipe), 0);
	file = read_whole(path);
	unlink(path);
	rmdir(directory);
	if (keeping)
		keep(kept, &file);
	return file;
}

/* As the documentation recommends: -ffunction-sections, position independent. */
static inline struct file compile_c(const char *source)
{
	return compile(NATIVE_CC, "-O2 -fPIC -ffunction-sections", "c", source);
}

static inline int open_file(const struct file *file,
			    struct codearena_elf **elf, char error[256])
{
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = error ? 256 : 0);

	return codearena_elf_open(file->bytes, file->size, &opts, elf);
}

static inline struct codearena_elf *open_right(const struct file *file)
{
	struct codearena_elf *elf;
	char error[256];
	int ret = open_file(file, &elf, error);

	if (ret)
		print_message("%s\n", error);
	assert_int_equal(ret, 0);
	assert_non_null(elf);
	return elf;
}

static inline size_t count_symbols(struct codearena_elf *elf)
{
	CODEARENA_OPTS(codearena_elf_sym, sym, .name = NULL);
	size_t count = 0;

	while (!codearena_elf_symbol_at(elf, count, &sym)) {
		assert_non_null(sym.name);
		count++;
	}
	return count;
}

static inline struct codearena_elf_sym symbol_named(struct codearena_elf *elf,
						    const char *name)
{
	CODEARENA_OPTS(codearena_elf_sym, sym, .name = NULL);
	size_t i = 0;

	do {
		assert_int_equal(codearena_elf_symbol_at(elf, i++, &sym), 0);
	} while (strcmp(sym.name, name));
	return sym;
}

#endif /* TEST_ELF_H */
