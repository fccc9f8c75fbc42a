/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Opening files that may be damaged.
 */
#ifndef TEST_ELF_CHECK_H
#define TEST_ELF_CHECK_H

#include "elf/elf_internal.h"
#include "elf/test_elf.h"

/* Everything that real files have: all kinds of sections and symbols. */
static const char source[] =
	"#include <stddef.h>\n"
	"extern int other(int), shared;\n"
	"static const int table[] = { 3, 1, 4, 1, 5 };\n"
	"static const char *const names[] = { \"a\", \"bc\" };\n"
	"int counter = 7, zero[100];\n"
	"__attribute__((weak)) int maybe(void);\n"
	"static __attribute__((noinline)) int helper(int i)\n"
	"{ return table[i] + counter++; }\n"
	"int work(int i) { zero[i] += helper(i); return other(zero[i] + shared); }\n"
	"const char *name(int i) { return names[i]; }\n"
	"int ask(void) { return maybe ? maybe() : -1; }\n"
	"int pick(int i) { switch (i) { case 0: return work(1); case 1: return 7;\n"
	"case 2: return ask(); case 3: return 12; case 4: return work(3);\n"
	"case 5: return i * 3; } return 0; }\n";

static inline int fake_resolve(void *ctx, const char *name,
			       uint64_t *address)
{
	(void)ctx;
	(void)name;
	*address = 0x7fff00001000;
	return 0;
}

/* Links an object as loading does, but in plain memory. */
static inline int link_anywhere(struct codearena_elf *elf)
{
	struct ca__elf_image image = {
		.code_address = 0x10000000,
		.data_address = 0x20000000,
		.resolve = fake_resolve,
	};
	int ret = ca__elf_layout(elf, 64, true, &elf->sums);

	if (ret || elf->sums.code_length > 1 << 24 ||
	    elf->sums.data_length > 1 << 24)
		return ret;
	image.code = malloc(elf->sums.code_length + 1);
	image.data = calloc(1, elf->sums.data_length + 1);
	assert_non_null(image.code);
	assert_non_null(image.data);
	ret = ca__elf_link(elf, &image);
	free(image.code);
	free(image.data);
	return ret;
}

static inline bool documented(int ret)
{
	return !ret || ret == -ENOEXEC || ret == -ENOTSUP;
}

/* Opens a file that may be damaged, and exercises it if that succeeds. */
static inline void exercise(const struct file *file)
{
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	struct codearena_elf *elf;
	char error[256];
	int ret = open_file(file, &elf, error);

	assert_true(documented(ret));
	assert_true(!ret == !!elf);
	assert_true(!ret == !*error);
	if (ret)
		return;
	codearena_elf_measure(elf, 64, &layout);
	count_symbols(elf);
	link_anywhere(elf);
	codearena_elf_close(elf);
}

static inline void refused(const struct file *file, int expected,
			   const char *why)
{
	struct codearena_elf *elf;
	char error[256];
	int ret = open_file(file, &elf, error);

	if (ret != expected || !strstr(error, why))
		print_message("%d (%s) instead of %d (%s)\n", ret, error,
			      expected, why);
	assert_int_equal(ret, expected);
	assert_null(elf);
	assert_non_null(strstr(error, why));
}

#endif /* TEST_ELF_CHECK_H */
