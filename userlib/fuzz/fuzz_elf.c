// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of the loader of object files. The input is a file: it is opened, asked
 * about, loaded into an arena if it is for this machine, and taken out again. The
 * code is not executed, since damaged files may hold any. Half of all mutations
 * change one field of a table of the file, for random bytes seldom do.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "codearena.h"
#include "codearena_elf.h"
#include "input.h"

#define ARENA_LENGTH	(1UL << 20)
#define FAR		0x7fff00001000
#define PAGE		4096

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name has an address, but those that begin with 'w' may have none. */
static int resolve(void *ctx, const char *name, uint64_t *address)
{
	const struct codearena_arena *arena = ctx;

	if (name[0] == 'w')
		return -ENOENT;
	*address = name[0] == 'f' ? FAR :
		   (uintptr_t)codearena_arena_base(arena) + ARENA_LENGTH;
	return 0;
}

static struct codearena_stat stat_of(struct codearena_arena *arena)
{
	struct codearena_stat stat = { .size = sizeof(stat) };

	require(!codearena_arena_stat(arena, &stat));
	return stat;
}

static bool is_same(const struct codearena_stat *a,
		    const struct codearena_stat *b)
{
	return a->out_committed == b->out_committed &&
		a->out_sealed == b->out_sealed;
}

static void check_symbols(struct codearena_elf *elf,
			  struct codearena_arena *arena, bool loaded)
{
	size_t count = codearena_elf_symbol_count(elf);

	for (size_t i = 0; i < count; i++) {
		struct codearena_elf_sym sym = { .sz = sizeof(sym) };
		uint64_t address;
		int ret;

		require(!codearena_elf_symbol_at(elf, i, &sym));
		require(sym.name && sym.type <= CODEARENA_ELF_SYM_OBJECT);
		ret = codearena_elf_symbol(elf, sym.name, &address);
		require(loaded ? ret == 0 || ret == -ENOENT : ret == -EBADFD);
		if (loaded && sym.offset != CODEARENA_ELF_NO_OFFSET)
			require(sym.address - sym.offset ==
				(uintptr_t)codearena_arena_base(arena));
	}
	require(codearena_elf_symbol_at(elf, count,
		&(struct codearena_elf_sym){
			.sz = sizeof(struct codearena_elf_sym) }) == -ENOENT);
}

/* The codes that codearena_elf_load() documents. */
static bool is_load_error(int ret)
{
	return ret == -ENOEXEC || ret == -EOVERFLOW || ret == -ENOENT ||
		ret == -ENOSPC || ret == -ENOMEM || ret == -EINVAL;
}

static void load(struct codearena_elf *elf, struct codearena_arena *arena,
		 uint64_t align)
{
	const struct codearena_elf_opts opts = {
		.sz = sizeof(opts), .resolve = resolve, .ctx = arena,
	};
	struct codearena_stat before = stat_of(arena), after;
	/* Not at the start, if the object may lie elsewhere. */
	uint64_t offset = align <= ARENA_LENGTH / 2 ? align : 0;
	int ret = codearena_elf_load(elf, arena, offset, &opts);

	after = stat_of(arena);
	if (ret) {
		require(is_load_error(ret));
		require(is_same(&before, &after));
		check_symbols(elf, arena, false);
		return;
	}
	check_symbols(elf, arena, true);
	require(codearena_elf_load(elf, arena, offset, &opts) == -EBUSY);
	require(!codearena_elf_unload(elf));
	after = stat_of(arena);
	require(!after.out_sealed);
	if (after.out_committed)
		require(!codearena_arena_decommit(arena,
			offset / PAGE * PAGE, after.out_committed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct codearena_arena *arena;
	char error[40];
	const struct codearena_elf_open_opts opts = {
		.sz = sizeof(opts), .error = error, .error_size = sizeof(error),
	};
	struct codearena_elf_layout layout = { .sz = sizeof(layout) };
	struct codearena_elf *elf;
	int ret;

	if (!arena) {
		CODEARENA_OPTS(codearena_arena_opts, arena_opts,
			       .backend = CODEARENA_BACKEND_MEMFD);

		require(!codearena_arena_new(ARENA_LENGTH, &arena_opts, &arena));
	}
	memset(error, 'x', sizeof(error));
	ret = codearena_elf_open(data, size, &opts, &elf);
	require(memchr(error, 0, sizeof(error)));
	if (ret) {
		require(!elf && error[0]);
		require(ret == -ENOEXEC || ret == -ENOTSUP || ret == -ENOMEM);
		return 0;
	}
	ret = codearena_elf_measure(elf, 64, &layout);
	require(!ret || ret == -EOVERFLOW);
	if (!ret) {
		require(!(layout.code_length % 64) &&
			!(layout.code_align & (layout.code_align - 1)));
		load(elf, arena, layout.code_align);
	}
	codearena_elf_close(elf);
	return 0;
}

static uint64_t odd_number(unsigned int *random, uint64_t old, size_t size)
{
	const uint64_t numbers[] = {
		0, 1, 7, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, INT64_MAX, UINT64_MAX, size, size - 1, old + 1,
		old - 1, old * 2, -old, old ^ 1UL << rand_r(random) % 64,
	};

	return numbers[rand_r(random) % (sizeof(numbers) / sizeof(numbers[0]))];
}

/* Changes one number of the header, a section header, or what one describes. */
static bool mutate_field(uint8_t *data, size_t size, unsigned int *random)
{
	size_t at = 0, length = sizeof(Elf64_Ehdr), width;
	uint64_t value = 0;
	Elf64_Ehdr header;
	Elf64_Shdr section;

	if (size < sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	if (rand_r(random) % 8 && header.e_shnum) {
		at = header.e_shoff +
			rand_r(random) % header.e_shnum * sizeof(section);
		length = sizeof(section);
		if (at > size || length > size - at)
			return false;
		memcpy(&section, data + at, sizeof(section));
		if (rand_r(random) % 2 && section.sh_type != SHT_NOBITS) {
			at = section.sh_offset;
			length = section.sh_size;
		}
	}
	width = 1UL << rand_r(random) % 4;
	if (at > size || length > size - at || length < width)
		return false;
	at += rand_r(random) % (length / width) * width;
	memcpy(&value, data + at, width);
	value = odd_number(random, value, size);
	memcpy(data + at, &value, width);
	return true;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	if (seed % 2 && mutate_field(data, size, &seed))
		return size;
	return LLVMFuzzerMutate(data, size, max);
}
