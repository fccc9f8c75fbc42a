// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: slots are led elsewhere.
 */
#include <errno.h>
#include <stdlib.h>

#include "arena/arena.h"
#include "jump/jump.h"
#include "jump/jump_table.h"

/*
 * The near entry is there even if its word stays the same: so the arena notices
 * a slot that is set twice in one call, and a writer beside that led the near
 * slot away from the far one.
 */
CODEARENA_API int
codearena_jump_table_prepare(const struct codearena_jump_table *table,
			     uint32_t index, uint64_t target,
			     struct codearena_patch_entry *entries)
{
	uint64_t base, slot, far, word;
	struct ca__jump_state state;
	int count = 0;
	bool near;

	if (!table || !entries || index >= table->functions ||
	    target % table->machine->insn_align)
		return -EINVAL;
	slot = ca__near_slot(table, index);
	far = codearena_jump_table_far_slot(table, index);
	base = (uintptr_t)codearena_arena_base(table->arena);
	near = ca__near_word(table, slot, target, &word);
	if (ca__jump_state_read(table, index, &state))
		return -ENOENT;
	if (!near) {
		if (!ca__near_word(table, slot, far, &word))
			return -EINVAL;
		entries[count++] = (struct codearena_patch_entry){
			.offset = far + table->machine->far_word - base,
			.expected = state.far,
			.value = target,
			.width = 8,
		};
	}
	entries[count++] = (struct codearena_patch_entry){
		.offset = slot + ca__jump_near_word(table->machine,
						    &table->layout) - base,
		.expected = state.word,
		.value = word,
		.width = table->machine->near_width,
	};
	return count;
}

/* Each change ends with the entry of its near slot. */
static size_t ca__set_of_entry(const struct codearena_jump_table *table,
			       const struct codearena_patch_entry *entries,
			       size_t entry)
{
	uint64_t base = (uintptr_t)codearena_arena_base(table->arena);
	uint64_t bytes, near = table->near - base;
	size_t i, set = 0;

	if (entry == SIZE_MAX)
		return SIZE_MAX;
	bytes = codearena_jump_near_bytes(&table->layout, table->functions);
	/*
	 * The analyzer does not see that an index which the arena answers is that
	 * of an entry which was prepared.
	 */
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif
	for (i = 0; i < entry; i++)
		set += entries[i].offset - near < bytes;
#pragma GCC diagnostic pop
	return set;
}

static int ca__sets_prepare(const struct codearena_jump_table *table,
			    const struct codearena_jump_set *sets, size_t count,
			    struct codearena_patch_entry *entries, size_t *used,
			    size_t *failed)
{
	size_t i;
	int ret;

	*used = 0;
	for (i = 0; i < count; i++) {
		*failed = i;
		if (sets[i].__reserved)
			return -EOPNOTSUPP;
		ret = codearena_jump_table_prepare(table, sets[i].index,
						   sets[i].target,
						   entries + *used);
		if (ret < 0)
			return ret;
		*used += ret;
	}
	*failed = SIZE_MAX;
	return 0;
}

static int ca__sets_apply(const struct codearena_jump_table *table,
			  const struct codearena_jump_set *sets, size_t count,
			  uint32_t flags,
			  struct codearena_patch_entry *entries, size_t *failed)
{
	size_t used, entry;
	int ret;

	/* Who is too late has lost to another writer, so somebody gets on. */
	do {
		ret = ca__sets_prepare(table, sets, count, entries, &used,
				       failed);
		if (ret)
			return ret;
		ret = codearena_arena_patch(table->arena, entries, used, flags,
					    &entry);
	} while (ret == -EAGAIN);
	*failed = ca__set_of_entry(table, entries, entry);
	return ret;
}

CODEARENA_API int
codearena_jump_table_set(struct codearena_jump_table *table,
			 const struct codearena_jump_set *sets, size_t count,
			 uint32_t flags, size_t *failed)
{
	struct codearena_patch_entry few[CA__SMALL_ENTRIES], *entries = few;
	size_t unused;
	int ret;

	if (!failed)
		failed = &unused;
	*failed = SIZE_MAX;
	/* More would name a function twice. */
	if (!table || !sets || !count || count > table->functions)
		return -EINVAL;
	if (count * CODEARENA_JUMP_ENTRIES > CA__SMALL_ENTRIES)
		entries = malloc(count * CODEARENA_JUMP_ENTRIES *
				 sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	ret = ca__sets_apply(table, sets, count, flags, entries, failed);
	if (entries != few)
		free(entries);
	return ret;
}
