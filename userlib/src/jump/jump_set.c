// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: retargeting slots.
 *
 * The words of a slot are read here without a lock, and the arena compares them
 * again when it stores: in between, another writer may have changed the slot.
 * Then the arena fails with -EAGAIN and the words are read again.
 */
#include <errno.h>
#include <stdlib.h>

#include "arena/arena.h"
#include "jump/jump_table.h"

/*
 * The near entry is there even if its word stays the same: the arena then
 * notices a slot that is set twice in one call, and another writer that has
 * pointed the near slot away from the far one.
 */
CODEARENA_API int
codearena_jump_table_prepare(const struct codearena_jump_table *table,
			     uint32_t index, uint64_t target,
			     struct codearena_patch_entry *entries)
{
	const struct ca__jump_layout *layout;
	uint64_t base, slot, far, word;
	struct ca__jump_state state;
	int count = 0;

	if (!table || !entries || index >= table->functions ||
	    target % table->layout->code->insn_align)
		return -EINVAL;
	layout = table->layout;
	slot = ca__near_slot(table, index);
	base = (uintptr_t)codearena_arena_base(table->arena);
	if (ca__jump_state_read(table, index, &state))
		return -ENOENT;
	if (!ca__jump_near_word(layout, slot, target, &word)) {
		far = ca__jump_table_far_slot(table, index);
		if (table->arena->unreadable ||
		    !ca__jump_near_word(layout, slot, far, &word))
			return -ERANGE;
		entries[count++] = (struct codearena_patch_entry){
			.offset = far + layout->code->far_word - base,
			.expected = state.far,
			.value = target,
			.width = 8,
		};
	}
	entries[count++] = (struct codearena_patch_entry){
		.offset = slot + ca__jump_near_place(layout) - base,
		.expected = state.word,
		.value = word,
		.width = layout->code->near_width,
	};
	return count;
}

/**
 * struct ca__jump_sets - a call of codearena_jump_table_set()
 * @table: table
 * @sets: the caller's array
 * @count: entries of @sets
 * @entries: room for the patches
 * @used: number of patches
 */
struct ca__jump_sets {
	const struct codearena_jump_table *table;
	const struct codearena_jump_set *sets;
	size_t count;
	struct codearena_patch_entry *entries;
	size_t used;
};

/* The set that an entry belongs to: each set ends with its near entry. */
static size_t ca__sets_find(const struct ca__jump_sets *call, size_t entry)
{
	const struct codearena_jump_table *table = call->table;
	uint64_t near = table->near -
			(uintptr_t)codearena_arena_base(table->arena);
	uint64_t bytes = (uint64_t)table->functions *
			 table->layout->near_size;
	size_t i, set = 0;

	if (entry == SIZE_MAX)
		return SIZE_MAX;
	/* The analyzer does not see that @entry was prepared. */
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif
	for (i = 0; i < entry; i++)
		set += call->entries[i].offset - near < bytes;
#pragma GCC diagnostic pop
	return set;
}

static int ca__sets_prepare(struct ca__jump_sets *call, size_t *failed)
{
	size_t i;
	int ret;

	call->used = 0;
	for (i = 0; i < call->count; i++) {
		*failed = i;
		if (call->sets[i].__reserved)
			return -EOPNOTSUPP;
		ret = codearena_jump_table_prepare(call->table,
						   call->sets[i].index,
						   call->sets[i].target,
						   call->entries + call->used);
		if (ret < 0)
			return ret;
		call->used += ret;
	}
	*failed = SIZE_MAX;
	return 0;
}

static int ca__sets_apply(struct ca__jump_sets *call, uint32_t flags,
			  size_t *failed)
{
	size_t entry;
	int ret;

	/* A loser of a race has lost to a winner, so there is progress. */
	do {
		ret = ca__sets_prepare(call, failed);
		if (ret)
			return ret;
		ret = codearena_arena_patch(call->table->arena, call->entries,
					    call->used, flags, &entry);
	} while (ret == -EAGAIN);
	*failed = ca__sets_find(call, entry);
	return ret;
}

CODEARENA_API int
codearena_jump_table_set(struct codearena_jump_table *table,
			 const struct codearena_jump_set *sets, size_t count,
			 uint32_t flags, size_t *failed)
{
	struct codearena_patch_entry few[CA__SMALL_ENTRIES];
	struct ca__jump_sets call = {
		.table = table,
		.sets = sets,
		.count = count,
		.entries = few,
	};
	size_t unused;
	int ret;

	if (!failed)
		failed = &unused;
	*failed = SIZE_MAX;
	/* More would name a function twice. */
	if (!table || !sets || !count || count > table->functions)
		return -EINVAL;
	if (count * CODEARENA_JUMP_ENTRIES > CA__SMALL_ENTRIES)
		call.entries = malloc(count * CODEARENA_JUMP_ENTRIES *
				      sizeof(*call.entries));
	if (!call.entries)
		return -ENOMEM;
	ret = ca__sets_apply(&call, flags, failed);
	if (call.entries != few)
		free(call.entries);
	return ret;
}
