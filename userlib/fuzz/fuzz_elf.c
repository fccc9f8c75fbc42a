// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of the loader of object files: the input is a file. It is opened,
 * linked for wherever it is for, and loaded, discarded in parts and unloaded
 * where it is for this machine; nothing may be left behind, nor by a failure.
 * The last byte of e_ident, which the loader does not look at, says what else
 * is to happen.
 */
#include <elf.h>

#include "elf/elf_internal.h"
#include "fail.h"

#define ARENA		(1UL << 20)
#define LENGTH_MAX	ARENA

#if defined(__x86_64__)
#define MACHINE		EM_X86_64
#else
#define MACHINE		EM_AARCH64
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct codearena_arena *arena;
static uint8_t code[LENGTH_MAX + 64], memory[LENGTH_MAX + 64];
static uint8_t how;

static int resolve(void *context, const char *name, uint64_t *address)
{
	size_t length = strlen(name);

	require(context == &arena);
	if (how & 1 && length % 2)
		return -ENOENT;
	*address = how & 2 ? (uintptr_t)codearena_arena_base(arena) :
			   (uintptr_t)&resolve;
	return 0;
}

static struct codearena_stat stat_now(void)
{
	struct codearena_stat stat = { .size = sizeof(stat) };

	require(!codearena_arena_stat(arena, &stat));
	return stat;
}

static void check_symbols(struct codearena_elf *elf)
{
	CODEARENA_OPTS(codearena_elf_sym, sym);
	uint64_t address;
	size_t i;
	int ret = 0;

	for (i = 0; i < 256; i++) {
		ret = codearena_elf_symbol_at(elf, i, &sym);
		if (ret)
			break;
		require(strlen(sym.name) < elf->size);
		ret = codearena_elf_symbol(elf, sym.name, &address);
		require(ret == 0 || ret == -ENOENT || ret == -EBADFD);
		require(ret == -EBADFD || elf->arena);
		require(!sym.code.length ||
			(sym.code.offset + sym.code.length <= ARENA &&
			 sym.code.offset % elf->granule == 0));
	}
	require(i == 256 || ret == -ENOENT);
}

/* Bytes that no code of the object has are not touched. */
static void link_it(struct codearena_elf *elf)
{
	struct ca__elf_image image = {
		.code = code,
		.code_address = 0x7f0000000000,
		.data = memory,
		.data_address = 0x7f0000000000 + LENGTH_MAX,
		.resolve = resolve,
		.ctx = &arena,
	};
	struct ca__elf_sums sums;
	size_t i;

	elf->granule = how & 4 ? 4096 : 64;
	if (ca__elf_layout(elf, elf->granule, true, &sums))
		return;
	elf->sums = sums;
	if (sums.code_length >= LENGTH_MAX || sums.data_length >= LENGTH_MAX)
		return;
	memset(memory, 0, sums.data_length);
	memset(code + sums.code_length, 0x5a, 64);
	memset(memory + sums.data_length, 0x5a, 64);
	ca__elf_link(elf, &image);
	for (i = 0; i < 64; i++)
		require(code[sums.code_length + i] == 0x5a);
	for (i = 0; i < 64; i++)
		require(memory[sums.data_length + i] == 0x5a);
}

static void discard_some(struct codearena_elf *elf)
{
	CODEARENA_OPTS(codearena_elf_sym, sym);
	size_t i;
	int ret;

	for (i = how % 3; i < 64; i += 3) {
		if (codearena_elf_symbol_at(elf, i, &sym))
			return;
		ret = codearena_elf_discard(elf, sym.name);
		require(!ret || ret == -ENOENT || ret == -EBUSY);
		if (!ret)
			require(codearena_elf_discard(elf, sym.name) ==
				-ENOENT);
	}
}

static void load(struct codearena_elf *elf,
		 const struct codearena_elf_layout *layout, uint64_t offset)
{
	CODEARENA_OPTS(codearena_elf_opts, opts, .resolve = resolve,
		       .ctx = &arena, .flags = CODEARENA_ELF_F_COMMITTED);
	struct codearena_stat before = stat_now(), after;
	int ret = TRY(how >> 4, codearena_elf_load(elf, arena, offset, &opts));

	after = stat_now();
	if (ret) {
		require(*codearena_elf_error(elf));
		require(after.out_sealed == before.out_sealed);
		return;
	}
	require(elf->machine->machine == MACHINE);
	require(after.out_sealed - before.out_sealed <= layout->code_length);
	require(codearena_elf_load(elf, arena, offset, &opts) == -EBUSY);
	check_symbols(elf);
	if (how & 8)
		discard_some(elf);
	check_symbols(elf);
	require(!codearena_elf_unload(elf));
	after = stat_now();
	require(after.out_sealed == before.out_sealed);
	require(codearena_elf_unload(elf) == -EBADFD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CODEARENA_OPTS(codearena_arena_opts, memfd,
		       .backend = CODEARENA_BACKEND_MEMFD);
	CODEARENA_OPTS(codearena_elf_layout, layout);
	char error[64] = "";
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = sizeof(error));
	struct codearena_elf *elf;
	int ret;

	if (!arena) {
		require(!codearena_arena_new(ARENA, &memfd, &arena));
		require(!codearena_arena_commit(arena, 0, ARENA));
	}
	how = size > EI_NIDENT ? data[EI_NIDENT - 1] : 0;
	ret = TRY(how >> 4, codearena_elf_open(data, size, &opts, &elf));
	require(!ret == !!elf);
	if (ret) {
		require(ret == -ENOEXEC || ret == -ENOTSUP || ret == -ENOMEM ||
			(!size && ret == -EINVAL));
		require(*error || ret == -ENOMEM || ret == -EINVAL);
		return 0;
	}
	check_symbols(elf);
	require(codearena_elf_measure(elf, 48, &layout) == -EINVAL);
	ret = codearena_elf_measure(elf, codearena_arena_granule(arena),
				    &layout);
	require(!ret || ret == -EOVERFLOW);
	link_it(elf);
	if (!ret) {
		load(elf, &layout, 0);
		load(elf, &layout, layout.code_align);
	}
	codearena_elf_close(elf);
	return 0;
}
