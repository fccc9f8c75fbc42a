// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * CLONE, and the copy on write of pages that arenas share after it.
 *
 * The memory of a shared page is never stored to. Whoever is about to change
 * one first replaces it in his arena by a copy, in a step that may fail and
 * changes no byte. A page with claims is not shared: the claimer has a copy
 * before it claims, and CLONE copies such a page at once. So what follows a
 * claim needs no memory, and may store without arena::lock.
 *
 * An arena does not know when it has become the last one with a page: a change
 * then makes a copy that was not needed, once.
 */
#include <linux/file.h>
#include <linux/pagemap.h>

#include "batch.h"
#include "trace.h"

static void *codearena_page_duplicate(const struct codearena_page *state)
{
	void *copy = (void *)__get_free_page(CODEARENA_GFP);

	if (!copy)
		return NULL;
	copy_page(copy, state->data);
	codearena_arch_flush(copy, PAGE_SIZE);
	return copy;
}

/**
 * codearena_page_copy_locked - replace a shared page by a copy
 * @arena: the arena, locked
 * @state: the page
 * @index: its number
 *
 * Views may still show the old page, whose bytes are the same, until
 * codearena_unshare_end_locked().
 *
 * Return: 0 or -ENOMEM.
 */
int codearena_page_copy_locked(struct codearena_arena *arena,
			       struct codearena_page *state,
			       unsigned long index)
{
	void *copy, *old = state->data;

	lockdep_assert_held(&arena->lock);
	copy = codearena_page_duplicate(state);
	if (!copy)
		return -ENOMEM;
	/* A page fault maps one or the other; the old one is unmapped later. */
	down_write(&arena->map_lock);
	state->data = copy;
	codearena_span_add(&arena->stale, state, index);
	up_write(&arena->map_lock);
	state->shared = false;
	/* Faults that are about to map the old page hold its lock. */
	folio_wait_locked(virt_to_folio(old));
	put_page(virt_to_page(old));
	return 0;
}

/**
 * codearena_ranges_unshare_locked - prepare ranges for a change
 * @arena: the arena, locked
 * @ranges: the ranges, all of them committed
 * @count: how many
 *
 * Return: 0, -ENOMEM or -EINTR; the bytes are as before in any case.
 */
int codearena_ranges_unshare_locked(struct codearena_arena *arena,
				    const struct codearena_range *ranges,
				    u32 count)
{
	struct codearena_page *state;
	int ret = 0;
	u32 i;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < count && !ret; i++) {
		codearena_for_each_piece(piece, ranges[i].offset,
					 ranges[i].length) {
			state = codearena_page_get(arena, piece.index);
			ret = codearena_pause() ? -EINTR :
				codearena_page_unshare_locked(arena, state,
							      piece.index);
			if (ret)
				break;
		}
	}
	codearena_unshare_end_locked(arena);
	return ret;
}

/*
 * Copy a page of which granules are being written. What they will hold is
 * not known, so they hold traps in the copy; what is sealed does not change
 * before it is settled.
 */
static int codearena_clone_claimed_locked(const struct codearena_page *from,
					  struct codearena_page *to)
{
	u64 bits = from->claimed & ~from->sealed;

	to->data = codearena_page_duplicate(from);
	if (!to->data)
		return -ENOMEM;
	to->written = from->written & ~bits;
	codearena_page_clear(to, bits);
	return 0;
}

/* Everything that a chunk of page states needs memory for. */
static int codearena_clone_chunk_locked(struct codearena_arena *arena,
					struct codearena_arena *clone,
					unsigned long index)
{
	const unsigned long first = index * CODEARENA_CHUNK_PAGES;
	const struct codearena_page *from = arena->chunks[index]->pages;
	struct codearena_page *to;
	unsigned long i;
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_chunks_locked(clone, first, first);
	if (ret)
		return ret;
	to = clone->chunks[index]->pages;
	for (i = 0; i < CODEARENA_CHUNK_PAGES && !ret; i++) {
		if (from[i].claimed)
			ret = codearena_clone_claimed_locked(&from[i], &to[i]);
	}
	return ret;
}

static int codearena_clone_tables_locked(struct codearena_arena *arena,
					 struct codearena_arena *clone)
{
	struct codearena_table *copy;
	struct rb_node *node;
	int ret;

	lockdep_assert_held(&arena->lock);
	for (node = rb_first(&arena->tables); node; node = rb_next(node)) {
		if (codearena_pause())
			return -EINTR;
		copy = codearena_table_copy(clone,
					    rb_entry(node,
						     struct codearena_table,
						     node));
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		ret = codearena_table_enter_locked(clone, copy);
		if (ret) {
			codearena_table_free(clone, copy);
			return ret;
		}
	}
	/* So that no new table gets the id of an old one. */
	atomic_set(&clone->generation, atomic_read(&arena->generation));
	return 0;
}

/* Charge and allocate. Nothing of the original is changed. */
static int codearena_clone_prepare_locked(struct codearena_arena *arena,
					  struct codearena_arena *clone)
{
	const unsigned long chunks = codearena_arena_chunks(arena);
	unsigned long i;
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_charge_pages_locked(clone, arena->counters.committed);
	for (i = 0; i < chunks && !ret; i++) {
		if (codearena_pause())
			ret = -EINTR;
		else if (arena->chunks[i])
			ret = codearena_clone_chunk_locked(arena, clone, i);
	}
	return ret ?: codearena_clone_tables_locked(arena, clone);
}

static void codearena_clone_page_locked(struct codearena_page *from,
					struct codearena_page *to)
{
	to->sealed = from->sealed;
	to->patchable = from->patchable;
	/* Of a page with claims there is a copy already. */
	if (to->data)
		return;
	to->written = from->written;
	to->data = from->data;
	get_page(virt_to_page(from->data));
	from->shared = true;
	to->shared = true;
}

/* Nothing here can fail. */
static void codearena_clone_pages_locked(struct codearena_arena *arena,
					 struct codearena_arena *clone)
{
	const unsigned long chunks = codearena_arena_chunks(arena);
	struct codearena_page *from, *to;
	unsigned long i, j;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < chunks; i++) {
		if (!arena->chunks[i])
			continue;
		from = arena->chunks[i]->pages;
		to = clone->chunks[i]->pages;
		for (j = 0; j < CODEARENA_CHUNK_PAGES; j++) {
			if (from[j].data)
				codearena_clone_page_locked(&from[j], &to[j]);
		}
		cond_resched();
	}
	clone->counters.sealed = arena->counters.sealed;
	clone->counters.patchable = arena->counters.patchable;
}

static int codearena_clone_fill(struct codearena_arena *arena,
				struct codearena_arena *clone)
{
	int ret;

	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	/* Nobody else sees the clone yet. */
	mutex_lock_nested(&clone->lock, SINGLE_DEPTH_NESTING);
	ret = codearena_clone_prepare_locked(arena, clone);
	if (!ret)
		codearena_clone_pages_locked(arena, clone);
	mutex_unlock(&clone->lock);
	mutex_unlock(&arena->lock);
	return ret;
}

/**
 * codearena_arena_clone - make an arena that begins as a copy of another
 * @arena: the original
 *
 * Return: the clone, with one reference, owned by the current process; or
 * -EINTR or -ENOMEM.
 */
struct codearena_arena *codearena_arena_clone(struct codearena_arena *arena)
{
	struct codearena_reserve cmd = {
		.flags = arena->flags,
		.length = arena->length,
		.commit_limit = (u64)arena->commit_limit << PAGE_SHIFT,
	};
	struct codearena_arena *clone;
	int ret;

	memcpy(cmd.name, arena->name, sizeof(cmd.name));
	clone = codearena_arena_new(&cmd);
	if (IS_ERR(clone))
		return clone;
	ret = codearena_clone_fill(arena, clone);
	/* Pages that were copied. */
	codearena_arch_publish();
	if (!ret)
		return clone;
	codearena_arena_put(clone);
	return ERR_PTR(ret);
}

/* A handle opened for writing shows that its holder may write to the device. */
static int codearena_clone_handle(struct codearena_ucmd *ucmd)
{
	int ret = 0;

	if (!(ucmd->file->f_mode & FMODE_WRITE))
		ret = codearena_may_open(ucmd->file);
	return ret ?: codearena_handle_new(ucmd, O_RDWR);
}

static int codearena_clone(struct codearena_ucmd *ucmd, u64 *id)
{
	struct codearena_clone *cmd = ucmd->cmd;
	int fd = codearena_clone_handle(ucmd);
	struct codearena_arena *clone;

	if (fd < 0)
		return fd;
	clone = codearena_arena_clone(ucmd->arena);
	if (IS_ERR(clone)) {
		codearena_handle_drop(ucmd);
		return PTR_ERR(clone);
	}
	*id = clone->id;
	codearena_file_attach(ucmd->new_file, clone);
	cmd->out_fd = fd;
	return 0;
}

/**
 * codearena_ioctl_clone - make a new arena with the code of this one
 * @ucmd: the command
 *
 * Return: see &struct codearena_clone.
 */
int codearena_ioctl_clone(struct codearena_ucmd *ucmd)
{
	const struct codearena_clone *cmd = ucmd->cmd;
	u64 id = 0;
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	ret = codearena_clone(ucmd, &id);
	trace_clone(ucmd->arena, id, ret);
	return ret;
}
