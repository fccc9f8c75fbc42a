// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables with their targets in ordinary memory.
 *
 * A table is immutable but for its words, which are loaded and stored
 * atomically; no locks.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "arena/arena.h"
#include "jump/jump.h"
#include "jump/jump_table.h"
#include "arena/place.h"

/* Slots reach this far on all machines, with room for how it is counted. */
#define CA__DATA_REACH		((2ULL << 30) - (1ULL << 20))

_Static_assert(sizeof(struct codearena_data_table_opts) ==
	       sizeof(size_t) + sizeof(void *) + 2 * sizeof(uint32_t),
	       "codearena_data_table_opts has padding");

/**
 * struct codearena_data_table - the public object
 * @layout: of this machine
 * @insn_align: what targets are multiples of
 * @functions: slots
 * @slots: address of the first one
 * @words: the targets
 * @bytes: of the mapping of @words
 */
struct codearena_data_table {
	struct codearena_jump_layout layout;
	uint32_t insn_align;
	uint32_t functions;
	uint64_t slots;
	uint64_t *words;
	uint64_t bytes;
};

static int ca__data_opts_get(struct codearena_data_table_opts *to,
			     const struct codearena_data_table_opts *from)
{
	int ret;

	if (!from)
		return -EINVAL;
	ret = ca__struct_check(from, from->sz, sizeof(*to), sizeof(*to));
	if (ret)
		return ret;
	*to = *from;
	if (to->flags & ~CODEARENA_JUMP_TABLE_F_BRANCH_TARGET)
		return -EOPNOTSUPP;
	if (!to->functions || to->functions > CA__JUMP_MAX)
		return -EINVAL;
	return 0;
}

CODEARENA_API int
codearena_data_table_size(const struct codearena_data_table_opts *opts,
			  uint64_t *bytes)
{
	struct codearena_data_table_opts copy;
	struct codearena_jump_layout layout;
	int ret;

	if (!bytes)
		return -EINVAL;
	ret = ca__data_opts_get(&copy, opts);
	if (!ret)
		ret = ca__jump_layout_here(copy.flags, &layout);
	if (!ret)
		*bytes = codearena_jump_data_bytes(&layout, copy.functions);
	return ret;
}

/* The middle of the slots is the same way from both ends. */
static int ca__words_map(struct codearena_data_table *table, uint64_t code,
			 uint64_t page)
{
	struct ca__place place = {
		.near = (const void *)(uintptr_t)
			ca__align_down(table->slots + code / 2, page),
		.reach = ca__align_down(CA__DATA_REACH - code / 2, page),
		.length = ca__align_up(table->functions * 8ULL, page),
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.fd = -1,
	};
	void *address;
	int ret = ca__place_map(&place, &address);

	if (ret)
		return ret;
	table->words = address;
	table->bytes = place.length;
	return 0;
}

static int ca__words_fill(struct codearena_data_table *table,
			  const uint64_t *targets)
{
	uint32_t i;

	if (!targets)
		return 0;
	for (i = 0; i < table->functions; i++) {
		int ret = codearena_data_table_set(table, i, targets[i]);

		if (ret)
			return ret;
	}
	return 0;
}

static int ca__slots_publish(struct codearena_data_table *table,
			     struct codearena_arena *arena, uint64_t offset,
			     uint64_t bytes)
{
	struct codearena_object object = { .offset = offset, .length = bytes };
	uint8_t *code = malloc(bytes);
	uint32_t i;
	int ret = 0;

	if (!code)
		return -ENOMEM;
	for (i = 0; i < table->functions && ret >= 0; i++)
		ret = codearena_jump_encode_data(&table->layout,
			codearena_data_table_slot(table, i),
			(uintptr_t)&table->words[i],
			code + codearena_jump_data_offset(&table->layout, i));
	object.source = (uintptr_t)code;
	if (ret >= 0)
		ret = codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
					      NULL);
	free(code);
	return ret;
}

static int ca__data_table_make(struct codearena_data_table *table,
			       const struct codearena_data_table_opts *opts,
			       struct codearena_arena *arena, uint64_t offset)
{
	uint64_t bytes;
	int ret = ca__jump_layout_here(opts->flags, &table->layout);

	if (ret)
		return ret;
	table->functions = opts->functions;
	table->insn_align = ca__jump_machine(&table->layout)->insn_align;
	table->slots = (uintptr_t)arena->base + offset;
	bytes = codearena_jump_data_bytes(&table->layout, opts->functions);
	ret = ca__jump_part_check(arena, offset, bytes);
	if (!ret)
		ret = ca__words_map(table, bytes, arena->page_size);
	if (!ret)
		ret = ca__words_fill(table, opts->targets);
	if (!ret)
		ret = ca__slots_publish(table, arena, offset, bytes);
	return ret;
}

CODEARENA_API int
codearena_data_table_new(const struct codearena_data_table_opts *opts,
			 struct codearena_arena *arena, uint64_t offset,
			 struct codearena_data_table **out)
{
	struct codearena_data_table_opts copy;
	struct codearena_data_table *table;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!arena)
		return -EINVAL;
	ret = ca__data_opts_get(&copy, opts);
	if (ret)
		return ret;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	ret = ca__data_table_make(table, &copy, arena, offset);
	if (ret)
		codearena_data_table_free(table);
	else
		*out = table;
	return ret;
}

CODEARENA_API void codearena_data_table_free(struct codearena_data_table *table)
{
	if (!table)
		return;
	if (table->words)
		munmap(table->words, table->bytes);
	free(table);
}

CODEARENA_API uint64_t
codearena_data_table_slot(const struct codearena_data_table *table,
			  uint32_t index)
{
	if (!table || index >= table->functions)
		return 0;
	return table->slots + codearena_jump_data_offset(&table->layout, index);
}

CODEARENA_API int codearena_data_table_set(struct codearena_data_table *table,
					   uint32_t index, uint64_t target)
{
	if (!table || index >= table->functions ||
	    target % table->insn_align)
		return -EINVAL;
	__atomic_store_n(&table->words[index], target, __ATOMIC_RELEASE);
	return 0;
}

CODEARENA_API uint64_t
codearena_data_table_target(const struct codearena_data_table *table,
			    uint32_t index)
{
	if (!table || index >= table->functions)
		return 0;
	return __atomic_load_n(&table->words[index], __ATOMIC_ACQUIRE);
}

CODEARENA_API int
codearena_data_table_find(const struct codearena_data_table *table,
			  uint64_t address, uint32_t *index)
{
	if (!table || !index)
		return -EINVAL;
	return codearena_jump_data_index(&table->layout, address - table->slots,
					 table->functions, index);
}
