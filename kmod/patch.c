// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * PATCH: compare and store words of sealed, patchable code.
 */
#include <linux/sort.h>

#include "codearena_private.h"
#include "copy.h"
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
 * Refuse a word that is named twice: comparing before storing says nothing about
 * the second store. Batches usually ascend, which needs one pass and no memory;
 * others are sorted.
 */
static int codearena_patches_distinct(struct codearena_arena *arena,
				      const struct codearena_patch_entry *patches,
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

	/* Offsets are multiples of 4: the low bit encodes a width of 8. */
	keys = codearena_alloc(arena, count * sizeof(*keys));
	if (IS_ERR(keys))
		return PTR_ERR(keys);
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
	codearena_free(arena, keys, count * sizeof(*keys));
	return ret;
}

/**
 * codearena_patches_check - make the checks that need no lock
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
	return codearena_patches_distinct(arena, patches, count, failed);
}

/**
 * struct codearena_last_page - the page of the last word that was looked up
 * @state: its state; NULL: look it up
 * @index: its number
 *
 * Most entries of a batch are in the page of the one before.
 */
struct codearena_last_page {
	struct codearena_page *state;
	unsigned long index;
};

/* The word, in a page that the arena shares with no other. */
static inline void *
codearena_patch_word_locked(struct codearena_arena *arena,
			    struct codearena_last_page *last, u64 offset)
{
	const unsigned long index = offset >> PAGE_SHIFT;
	struct codearena_page *state = last->state;
	u64 granule;
	int ret;

	lockdep_assert_held(&arena->lock);
	if (!state || last->index != index) {
		state = codearena_page_committed_locked(arena, index);
		last->state = state;
		last->index = index;
	}
	if (!state)
		return ERR_PTR(-ENOENT);
	granule = BIT_ULL(offset_in_page(offset) >> CODEARENA_GRANULE_SHIFT);
	if (!(state->patchable & granule))
		return ERR_PTR(-EPERM);
	/* It is being replaced. */
	if (unlikely(state->claimed & granule))
		return ERR_PTR(-EBUSY);
	ret = codearena_page_unshare_locked(arena, state, index);
	return ret ? ERR_PTR(ret) : state->data + offset_in_page(offset);
}

static inline bool
codearena_patch_holds(const struct codearena_patch_entry *patch,
		      const void *word)
{
	const u64 value = patch->width == 8 ? *(const u64 *)word :
					      *(const u32 *)word;

	return value == patch->expected;
}

static inline void
codearena_patch_store(const struct codearena_patch_entry *patch, void *word)
{
	/*
	 * A processor that fetches the new word of a near slot must also see
	 * the new target in the far slot that was stored before it.
	 */
	smp_wmb();
	if (patch->width == 8)
		WRITE_ONCE(*(u64 *)word, patch->value);
	else
		WRITE_ONCE(*(u32 *)word, (u32)patch->value);
	codearena_arch_flush(word, patch->width);
}

/**
 * codearena_patches_compare_locked - compare all words
 * @arena: the arena, locked
 * @patches: the entries, checked
 * @count: how many
 * @failed: gets the index of the entry to blame
 *
 * Return: 0; -ENOENT, -EPERM, -EBUSY, -ENOMEM or -EAGAIN as in &struct
 * codearena_patch.
 */
int codearena_patches_compare_locked(struct codearena_arena *arena,
				     const struct codearena_patch_entry *patches,
				     u32 count, u32 *failed)
{
	struct codearena_last_page last = {};
	void *word;
	int ret = 0;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count && !ret; i++) {
		word = codearena_patch_word_locked(arena, &last,
						   patches[i].offset);
		if (IS_ERR(word))
			ret = PTR_ERR(word);
		else if (!codearena_patch_holds(&patches[i], word))
			ret = -EAGAIN;
	}
	*failed = ret && ret != -ENOMEM ? i - 1 : CODEARENA_NO_INDEX;
	codearena_unshare_end_locked(arena);
	return ret;
}

/**
 * codearena_patches_apply_locked - store all words
 * @arena: the arena, locked since they were compared
 * @patches: the entries
 * @count: how many
 *
 * All writers of sealed bytes hold the lock, so the comparison still holds, and a
 * plain store suffices.
 */
void codearena_patches_apply_locked(struct codearena_arena *arena,
				    const struct codearena_patch_entry *patches,
				    u32 count)
{
	struct codearena_last_page last = {};
	void *word;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count; i++) {
		word = codearena_patch_word_locked(arena, &last,
						   patches[i].offset);
		if (!WARN_ON_ONCE(IS_ERR(word)))
			codearena_patch_store(&patches[i], word);
	}
	arena->counters.patched += count;
}

static int codearena_patch_all(struct codearena_ucmd *ucmd)
{
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_patch *cmd = ucmd->cmd;
	struct codearena_patch_entry small[4] __uninitialized, *patches;
	int ret;

	patches = codearena_array_get(arena, cmd->patches, cmd->count,
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
	codearena_array_put(arena, patches, cmd->count, sizeof(*patches),
			    small);
	return ret;
}

/*
 * Fast path for one word: looks it up once. It makes the same checks as the
 * general path, which refuses whatever fails here.
 */
static bool codearena_patch_fast(struct codearena_arena *arena,
				 const struct codearena_patch *cmd,
				 const struct codearena_patch_entry *patch)
{
	struct codearena_last_page last = {};
	bool done = false;
	void *word;

	if (codearena_patch_check(arena, patch) ||
	    mutex_lock_killable(&arena->lock))
		return false;
	word = codearena_patch_word_locked(arena, &last, patch->offset);
	codearena_unshare_end_locked(arena);
	if (!IS_ERR(word) && codearena_patch_holds(patch, word)) {
		codearena_patch_store(patch, word);
		arena->counters.patched++;
		if (cmd->flags & CODEARENA_PATCH_F_SYNC)
			codearena_sync_locked(arena);
		done = true;
	}
	mutex_unlock(&arena->lock);
	return done;
}

/**
 * codearena_ioctl_patch - compare and exchange words of patchable code
 * @ucmd: the command
 *
 * Return: see &struct codearena_patch.
 */
int codearena_ioctl_patch(struct codearena_ucmd *ucmd)
{
	struct codearena_patch_entry patch __uninitialized;
	struct codearena_patch *cmd = ucmd->cmd;

	if (cmd->flags & ~CODEARENA_PATCH_F_SYNC)
		return -EOPNOTSUPP;
	if (cmd->count == 1 && !codearena_slow_path() &&
	    codearena_copy_in_small(&patch, u64_to_user_ptr(cmd->patches),
				    sizeof(patch)) &&
	    codearena_patch_fast(ucmd->arena, cmd, &patch)) {
		trace_patch(ucmd->arena, &patch, 1, cmd->flags, 0);
		return 0;
	}
	return codearena_patch_all(ucmd);
}
