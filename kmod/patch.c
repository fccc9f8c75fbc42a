// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Words of sealed code that may change: check, compare, store.
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include "codearena_private.h"
#include "trace.h"

static int codearena_patch_check(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patch)
{
	if (patch->__reserved)
		return -EOPNOTSUPP;
	if (patch->width != 4 && patch->width != 8)
		return -EINVAL;
	if (patch->width == 4 && ((patch->expected | patch->value) >> 32))
		return -EINVAL;
	return codearena_range_check(patch->offset, patch->width, patch->width,
				     arena->length);
}

static int codearena_compare_offsets(const void *a, const void *b)
{
	const u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static bool codearena_patches_touch(const struct codearena_patch_entry *a,
				    const struct codearena_patch_entry *b)
{
	return a->offset < b->offset + b->width &&
	       b->offset < a->offset + a->width;
}

/* The entry to blame is the second of two that name the same bytes. */
static u32 codearena_patches_find_twin(const struct codearena_patch_entry *patches,
				       u32 count, u64 offset)
{
	const struct codearena_patch_entry byte = {
		.offset = offset,
		.width = 1,
	};
	bool seen = false;
	u32 i;

	for (i = 0; i < count; i++) {
		if (!codearena_patches_touch(&patches[i], &byte))
			continue;
		if (seen)
			return i;
		seen = true;
	}
	return CODEARENA_NO_INDEX;
}

/*
 * Is no word named twice? Comparing before storing would otherwise say
 * nothing about the second of the two stores. Batches usually ascend, which
 * needs no memory and one pass; others are sorted.
 */
static int codearena_patches_distinct(const struct codearena_patch_entry *patches,
				      u32 count, u32 *failed)
{
	u64 *keys, shared;
	int ret = 0;
	u32 i;

	for (i = 1; i < count; i++) {
		if (patches[i].offset <
		    patches[i - 1].offset + patches[i - 1].width)
			break;
	}
	if (i >= count)
		return 0;

	/* Offsets are multiples of 4: the low bit can say that width is 8. */
	keys = kvmalloc_array(count, sizeof(*keys), CODEARENA_GFP);
	if (!keys)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		keys[i] = patches[i].offset | (patches[i].width == 8);
	sort(keys, count, sizeof(*keys), codearena_compare_offsets, NULL);
	for (i = 1; i < count; i++) {
		shared = keys[i] & ~1ULL;
		if (shared >= (keys[i - 1] & ~1ULL) + (keys[i - 1] & 1 ? 8 : 4))
			continue;
		*failed = codearena_patches_find_twin(patches, count, shared);
		ret = -EINVAL;
		break;
	}
	kvfree(keys);
	return ret;
}

/**
 * codearena_patches_check - check what can be checked without the lock
 * @arena: the arena
 * @patches: the entries
 * @count: how many
 * @failed: gets the index of the entry to blame
 *
 * Return: 0, or a negative errno as in &struct codearena_patch.
 */
int codearena_patches_check(struct codearena_arena *arena,
			    const struct codearena_patch_entry *patches,
			    u32 count, u32 *failed)
{
	int ret;
	u32 i;

	for (i = 0; i < count; i++) {
		ret = codearena_patch_check(arena, &patches[i]);
		if (ret) {
			*failed = i;
			return ret;
		}
	}
	return codearena_patches_distinct(patches, count, failed);
}

static void *codearena_patch_word_locked(struct codearena_arena *arena,
					 u64 offset)
{
	struct codearena_page *state;

	lockdep_assert_held(&arena->lock);
	state = codearena_page_committed_locked(arena, offset >> PAGE_SHIFT);
	if (!state)
		return ERR_PTR(-ENOENT);
	if (!(state->patchable & BIT_ULL(offset_in_page(offset) >>
					 CODEARENA_GRANULE_SHIFT)))
		return ERR_PTR(-EPERM);
	return state->data + offset_in_page(offset);
}

/**
 * codearena_patches_compare_locked - may all of them be stored?
 * @arena: the arena, locked
 * @patches: the entries, checked
 * @count: how many
 * @failed: gets the index of the entry to blame
 *
 * Return: 0; -ENOENT, -EPERM or -EAGAIN as in &struct codearena_patch.
 */
int codearena_patches_compare_locked(struct codearena_arena *arena,
				     const struct codearena_patch_entry *patches,
				     u32 count, u32 *failed)
{
	u64 value;
	void *word;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++) {
		*failed = i;
		word = codearena_patch_word_locked(arena, patches[i].offset);
		if (IS_ERR(word))
			return PTR_ERR(word);
		value = patches[i].width == 8 ? *(u64 *)word : *(u32 *)word;
		if (value != patches[i].expected)
			return -EAGAIN;
	}
	*failed = CODEARENA_NO_INDEX;
	return 0;
}

/**
 * codearena_patches_apply_locked - store all words
 * @arena: the arena, locked since they were compared
 * @patches: the entries
 * @count: how many
 *
 * Sealed bytes have no writer but this function, under the lock: what was
 * compared still holds, and a store is as good as an exchange.
 */
void codearena_patches_apply_locked(struct codearena_arena *arena,
				    const struct codearena_patch_entry *patches,
				    u32 count)
{
	void *word;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++) {
		word = codearena_patch_word_locked(arena, patches[i].offset);
		if (WARN_ON_ONCE(IS_ERR(word)))
			continue;
		/*
		 * Whoever fetches the new word of a near slot must also find
		 * the new target of the far slot that came before it.
		 */
		smp_wmb();
		if (patches[i].width == 8)
			WRITE_ONCE(*(u64 *)word, patches[i].value);
		else
			WRITE_ONCE(*(u32 *)word, (u32)patches[i].value);
		codearena_arch_flush(word, patches[i].width);
	}
	arena->counters.patched += count;
}

/**
 * codearena_ioctl_patch - compare and exchange words of patchable code
 * @ucmd: the command
 *
 * Return: see &struct codearena_patch.
 */
int codearena_ioctl_patch(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_patch *cmd = ucmd->cmd;
	struct codearena_patch_entry small[4], *patches;
	int ret;

	if (cmd->flags & ~CODEARENA_PATCH_F_SYNC)
		return -EOPNOTSUPP;
	patches = codearena_array_get(cmd->patches, cmd->count,
				      sizeof(*patches), small, sizeof(small));
	if (IS_ERR(patches))
		return PTR_ERR(patches);
	ret = codearena_patches_check(arena, patches, cmd->count,
				      &cmd->out_failed);
	if (ret)
		goto out_array;

	ret = -EINTR;
	if (mutex_lock_killable(&arena->lock))
		goto out_array;
	ret = codearena_patches_compare_locked(arena, patches, cmd->count,
					       &cmd->out_failed);
	if (!ret) {
		codearena_patches_apply_locked(arena, patches, cmd->count);
		if (cmd->flags & CODEARENA_PATCH_F_SYNC)
			codearena_sync_locked(arena);
	}
	mutex_unlock(&arena->lock);
out_array:
	trace_patch(arena, patches, cmd->count, cmd->flags, ret);
	codearena_array_put(patches, small);
	return ret;
}
