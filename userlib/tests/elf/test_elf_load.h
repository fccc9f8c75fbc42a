/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * An arena, an object, and helpers of the tests that load it.
 */
#ifndef TEST_ELF_LOAD_H
#define TEST_ELF_LOAD_H

#include <sys/mman.h>

#include "elf/elf_internal.h"
#include "elf/test_elf.h"

#define ARENA	(1UL << 20)
#define NATIVE	(ca_machine())

typedef int int_fn(int);

static inline uint16_t ca_machine(void)
{
	CODEARENA_OPTS(codearena_info, info, .granule = 0);

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	return info.machine;
}

struct fixture {
	struct codearena_arena *arena;
	struct codearena_elf *elf;
	struct file file;
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	assert_int_equal(codearena_arena_new(ARENA, NULL, &fixture->arena), 0);
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	codearena_elf_close(fixture->elf);
	codearena_arena_free(fixture->arena);
	free(fixture->file.bytes);
	free(fixture);
	return 0;
}

static inline void open_with(struct fixture *fixture, const char *options,
			     const char *source)
{
	codearena_elf_close(fixture->elf);
	fixture->elf = NULL;
	free(fixture->file.bytes);
	fixture->file.bytes = NULL;
	fixture->file = compile(NATIVE_CC, options, "c", source);
	fixture->elf = open_right(&fixture->file);
}

static inline void open_c(struct fixture *fixture, const char *source)
{
	open_with(fixture, "-O2 -fPIC -ffunction-sections", source);
}

static inline int far_away(int i)
{
	return i + 1000;
}

static int far_value = 77;

static inline int resolve(void *ctx, const char *name, uint64_t *address)
{
	if (ctx)
		++*(int *)ctx;
	if (!strcmp(name, "far_away"))
		*address = (uintptr_t)far_away;
	else if (!strcmp(name, "far_value"))
		*address = (uintptr_t)&far_value;
	else if (!strcmp(name, "memcpy"))
		*address = (uintptr_t)memcpy;
	else
		return -ENOENT;
	return 0;
}

static inline int load_at(struct fixture *fixture, uint64_t offset,
			  uint32_t flags)
{
	CODEARENA_OPTS(codearena_elf_opts, opts, .flags = flags,
		       .resolve = resolve);

	return codearena_elf_load(fixture->elf, fixture->arena, offset, &opts);
}

static inline void load_right(struct fixture *fixture)
{
	int ret = load_at(fixture, 0, 0);

	if (ret)
		print_message("%s\n", codearena_elf_error(fixture->elf));
	assert_int_equal(ret, 0);
}

static inline uint64_t address_of(struct codearena_elf *elf, const char *name)
{
	uint64_t address;

	assert_int_equal(codearena_elf_symbol(elf, name, &address), 0);
	assert_true(address);
	return address;
}

static inline int call(const struct fixture *fixture, const char *name,
		       int argument)
{
	return ((int_fn *)(uintptr_t)address_of(fixture->elf, name))(argument);
}

static inline struct codearena_stat stat_of(const struct fixture *fixture)
{
	struct codearena_stat stat = { .size = sizeof(stat) };

	assert_int_equal(codearena_arena_stat(fixture->arena, &stat), 0);
	return stat;
}

static inline void expect_unchanged(const struct fixture *fixture,
				    const struct codearena_stat *before)
{
	struct codearena_stat after = stat_of(fixture);

	assert_int_equal(after.out_committed, before->out_committed);
	assert_int_equal(after.out_sealed, before->out_sealed);
	assert_int_equal(after.out_published, before->out_published);
	assert_int_equal(after.out_written, before->out_written);
}

/* For finding data that was not given back. */
static inline bool is_mapped(uint64_t address)
{
	unsigned char resident;

	return !mincore((void *)(uintptr_t)(address & ~4095ULL), 1, &resident);
}

#endif /* TEST_ELF_LOAD_H */
