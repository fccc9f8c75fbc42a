// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code views: which addresses of a process show which code. Traps search them,
 * see lookup.h.
 *
 * A view covers addresses, not VMAs. A split leaves it as it is, for its parts
 * still show the same code; no callback reports the new end of the VMA that was
 * split anyway. What is unmapped is cut out. VMAs that continue one another
 * share a view, so that there are never more views than VMAs; each VMA brings
 * the memory of one, and cutting a hole needs none.
 *
 * The core calls all of this, but for TRAP_LANDING and SYNC, with the mmap_lock
 * of the process held and no other call for the process under way: what was
 * found stays until the next call.
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include "lookup.h"
#include "trace.h"

struct codearena_bucket codearena_buckets[CODEARENA_BUCKETS] = {
	[0 ... CODEARENA_BUCKETS - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(codearena_buckets.lock),
	},
};

/* Traps wait for the end with interrupts off: a raw lock, and no allocation. */
static void codearena_mm_lock(struct codearena_mm *cmm)
	__acquires(&cmm->lock)
{
	raw_spin_lock(&cmm->lock);
	write_seqcount_begin(&cmm->seq);
	WRITE_ONCE(cmm->last, NULL);
}

static void codearena_mm_unlock(struct codearena_mm *cmm)
	__releases(&cmm->lock)
{
	write_seqcount_end(&cmm->seq);
	raw_spin_unlock(&cmm->lock);
}

/**
 * codearena_view_remember - spare the next trap the search for its view
 * @cmm: where it was found
 * @view: the view
 * @seq: when
 *
 * Not while the views change, or if they changed since: it may be gone.
 */
void codearena_view_remember(struct codearena_mm *cmm,
			     struct codearena_view *view, unsigned int seq)
{
	if (!raw_spin_trylock(&cmm->lock))
		return;
	if (!read_seqcount_retry(&cmm->seq, seq))
		WRITE_ONCE(cmm->last, view);
	raw_spin_unlock(&cmm->lock);
}

static struct codearena_mm *codearena_mm_find(struct mm_struct *mm)
{
	struct codearena_mm *cmm;

	rcu_read_lock();
	cmm = codearena_mm_lookup(mm);
	rcu_read_unlock();
	return cmm;
}

static struct codearena_mm *codearena_mm_get(struct mm_struct *mm, gfp_t gfp)
{
	struct codearena_bucket *bucket = codearena_bucket(mm);
	struct codearena_mm *cmm = codearena_mm_find(mm);

	if (cmm)
		return cmm;
	cmm = kzalloc(sizeof(*cmm), gfp);
	if (!cmm)
		return NULL;
	cmm->mm = mm;
	raw_spin_lock_init(&cmm->lock);
	seqcount_init(&cmm->seq);
	spin_lock(&bucket->lock);
	hlist_add_head_rcu(&cmm->hash, &bucket->mms);
	spin_unlock(&bucket->lock);
	return cmm;
}

/* Free it if nothing is mapped any more. */
static void codearena_mm_put(struct codearena_mm *cmm)
{
	struct codearena_bucket *bucket = codearena_bucket(cmm->mm);

	if (!RB_EMPTY_ROOT(&cmm->viewers))
		return;
	spin_lock(&bucket->lock);
	hlist_del_rcu(&cmm->hash);
	spin_unlock(&bucket->lock);
	kfree_rcu(cmm, rcu);
}

static struct codearena_viewer *
codearena_viewer_find(struct codearena_mm *cmm,
		      const struct codearena_arena *arena)
{
	struct rb_node *node = cmm->viewers.rb_node;
	struct codearena_viewer *viewer;

	while (node) {
		viewer = rb_entry(node, struct codearena_viewer, node);
		if (arena == viewer->arena)
			return viewer;
		node = arena < viewer->arena ? node->rb_left : node->rb_right;
	}
	return NULL;
}

static bool codearena_viewer_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct codearena_viewer, node)->arena <
	       rb_entry(b, struct codearena_viewer, node)->arena;
}

static void codearena_viewer_insert(struct codearena_viewer *viewer)
{
	struct codearena_mm *cmm = viewer->cmm;
	struct codearena_arena *arena = viewer->arena;

	raw_spin_lock(&cmm->lock);
	rb_add(&viewer->node, &cmm->viewers, codearena_viewer_less);
	raw_spin_unlock(&cmm->lock);

	spin_lock(&arena->viewers_lock);
	list_add_tail(&viewer->entry, &arena->viewers);
	spin_unlock(&arena->viewers_lock);
}

/*
 * The process's record of an arena, new with the landing pad of @from, which a
 * fork copies whole or not at all.
 */
static struct codearena_viewer *
codearena_viewer_get(struct mm_struct *mm, struct codearena_arena *arena,
		     const struct codearena_viewer *from, gfp_t gfp)
{
	struct codearena_mm *cmm = codearena_mm_get(mm, gfp);
	struct codearena_viewer *viewer;

	if (!cmm)
		return NULL;
	viewer = codearena_viewer_find(cmm, arena);
	if (viewer)
		return viewer;
	viewer = kzalloc(sizeof(*viewer), gfp);
	if (!viewer) {
		codearena_mm_put(cmm);
		return NULL;
	}
	viewer->cmm = cmm;
	viewer->arena = arena;
	viewer->landing = from ? READ_ONCE(from->landing) : 0;
	codearena_viewer_insert(viewer);
	return viewer;
}

static void codearena_viewer_put(struct codearena_viewer *viewer)
{
	struct codearena_mm *cmm = viewer->cmm;

	if (--viewer->vmas)
		return;
	raw_spin_lock(&cmm->lock);
	rb_erase(&viewer->node, &cmm->viewers);
	raw_spin_unlock(&cmm->lock);
	spin_lock(&viewer->arena->viewers_lock);
	list_del(&viewer->entry);
	spin_unlock(&viewer->arena->viewers_lock);
	codearena_mm_put(cmm);
	kfree_rcu(viewer, rcu);
}

static void codearena_spare_push_locked(struct codearena_mm *cmm,
					struct codearena_view *view)
{
	lockdep_assert_held(&cmm->lock);
	view->spare = cmm->spare;
	cmm->spare = view;
}

static struct codearena_view *
codearena_spare_pop_locked(struct codearena_mm *cmm)
{
	struct codearena_view *view = cmm->spare;

	lockdep_assert_held(&cmm->lock);
	if (!WARN_ON_ONCE(!view))
		cmm->spare = view->spare;
	return view;
}

static void codearena_view_link_locked(struct codearena_mm *cmm,
				       struct codearena_view *view)
{
	struct rb_node **link = &cmm->views.rb_node, *parent = NULL;

	lockdep_assert_held(&cmm->lock);
	while (*link) {
		parent = *link;
		if (view->start <
		    rb_entry(parent, struct codearena_view, node)->start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node_rcu(&view->node, parent, link);
	rb_insert_color(&view->node, &cmm->views);
}

/* The last view that does not begin after @addr. */
static struct codearena_view *
codearena_view_last_locked(struct codearena_mm *cmm, unsigned long addr)
{
	struct codearena_view *view, *last = NULL;
	struct rb_node *node = cmm->views.rb_node;

	lockdep_assert_held(&cmm->lock);
	while (node) {
		view = rb_entry(node, struct codearena_view, node);
		if (view->start <= addr) {
			last = view;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return last;
}

/* Do both show the same code at the same place? */
static bool codearena_view_same(const struct codearena_view *a,
				const struct codearena_view *b)
{
	return a && b && a->viewer == b->viewer && a->base == b->base;
}

/* Enter a view, or extend the ones around it and keep it as a spare. */
static void codearena_view_insert_locked(struct codearena_mm *cmm,
					 struct codearena_view *view)
{
	struct codearena_view *last, *next;
	struct rb_node *node;

	lockdep_assert_held(&cmm->lock);
	last = codearena_view_last_locked(cmm, view->start);
	node = last ? rb_next(&last->node) : rb_first(&cmm->views);
	next = rb_entry_safe(node, struct codearena_view, node);
	if (!codearena_view_same(last, view) || last->end < view->start)
		last = NULL;
	if (!codearena_view_same(next, view) || next->start != view->end)
		next = NULL;

	if (last && next) {
		last->end = next->end;
		rb_erase(&next->node, &cmm->views);
		codearena_spare_push_locked(cmm, next);
	} else if (last) {
		/* It may be a part of it, after a split. */
		last->end = max(last->end, view->end);
	} else if (next) {
		next->start = view->start;
	} else {
		codearena_view_link_locked(cmm, view);
		return;
	}
	codearena_spare_push_locked(cmm, view);
}

static void codearena_view_cut_locked(struct codearena_mm *cmm,
				      unsigned long start, unsigned long end)
{
	struct codearena_view *view, *rest;

	lockdep_assert_held(&cmm->lock);
	view = codearena_view_last_locked(cmm, start);
	if (WARN_ON_ONCE(!view || view->end < end))
		return;
	if (view->start == start && view->end == end) {
		rb_erase(&view->node, &cmm->views);
		codearena_spare_push_locked(cmm, view);
	} else if (view->start == start) {
		view->start = end;
	} else if (view->end == end) {
		view->end = start;
	} else {
		rest = codearena_spare_pop_locked(cmm);
		if (!rest)
			return;
		rest->viewer = view->viewer;
		rest->base = view->base;
		rest->start = end;
		rest->end = view->end;
		view->end = start;
		codearena_view_link_locked(cmm, rest);
	}
}

/**
 * codearena_view_add - enter a VMA
 * @vma: the VMA; gets its &struct codearena_viewer as vm_private_data
 * @arena: what it shows
 * @from: the process's parent, or what else it inherits a landing pad of; or
 *        NULL
 * @gfp: how to allocate
 *
 * Return: 0 or -ENOMEM.
 */
int codearena_view_add(struct vm_area_struct *vma,
		       struct codearena_arena *arena,
		       const struct codearena_viewer *from, gfp_t gfp)
{
	struct codearena_view *view = kzalloc(sizeof(*view), gfp);
	struct codearena_viewer *viewer;

	if (!view)
		return -ENOMEM;
	viewer = codearena_viewer_get(vma->vm_mm, arena, from, gfp);
	if (!viewer) {
		kfree(view);
		return -ENOMEM;
	}
	viewer->vmas++;
	view->viewer = viewer;
	view->start = vma->vm_start;
	view->end = vma->vm_end;
	view->base = vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT);
	vma->vm_private_data = viewer;

	codearena_mm_lock(viewer->cmm);
	codearena_view_insert_locked(viewer->cmm, view);
	codearena_mm_unlock(viewer->cmm);
	return 0;
}

/**
 * codearena_view_remove - a VMA is going away
 * @vma: the VMA
 *
 * A split that failed after it had entered its part gives that back empty.
 */
void codearena_view_remove(struct vm_area_struct *vma)
{
	struct codearena_viewer *viewer = vma->vm_private_data;
	struct codearena_mm *cmm = viewer->cmm;
	struct codearena_view *spare;

	codearena_mm_lock(cmm);
	if (vma->vm_start < vma->vm_end)
		codearena_view_cut_locked(cmm, vma->vm_start, vma->vm_end);
	spare = codearena_spare_pop_locked(cmm);
	codearena_mm_unlock(cmm);
	/* A trap may have found it just before. */
	kvfree_rcu(spare, rcu);
	codearena_viewer_put(viewer);
}

/**
 * codearena_view_cpus - which processors may execute an arena?
 * @arena: the arena
 * @cpus: gets them
 */
void codearena_view_cpus(struct codearena_arena *arena, struct cpumask *cpus)
{
	struct codearena_viewer *viewer;

	cpumask_clear(cpus);
	spin_lock(&arena->viewers_lock);
	list_for_each_entry(viewer, &arena->viewers, entry)
		codearena_arch_cpus(cpus, viewer->cmm->mm);
	spin_unlock(&arena->viewers_lock);
}

/**
 * codearena_view_alone - can nobody but the caller execute an arena?
 * @arena: the arena, with map_lock held for writing: a view that is new shows
 *         nothing yet
 *
 * A process with one thread cannot get another one meanwhile, nor fork: the thread
 * is in this call.
 *
 * Return: whether only the calling thread has a view.
 */
bool codearena_view_alone(struct codearena_arena *arena)
{
	struct codearena_viewer *viewer;
	bool alone = true;

	lockdep_assert_held_write(&arena->map_lock);
	spin_lock(&arena->viewers_lock);
	list_for_each_entry(viewer, &arena->viewers, entry) {
		alone = viewer->cmm->mm == current->mm &&
			atomic_read(&current->mm->mm_users) == 1;
		if (!alone)
			break;
	}
	spin_unlock(&arena->viewers_lock);
	return alone;
}

static int codearena_view_set_landing(struct codearena_arena *arena, u64 address)
{
	struct codearena_viewer *viewer = NULL;
	struct codearena_mm *cmm;
	int ret = -ENOENT;

	if (!address || address >= TASK_SIZE ||
	    !IS_ALIGNED(address, CODEARENA_INSN_ALIGN))
		return -EINVAL;
	rcu_read_lock();
	cmm = codearena_mm_lookup(current->mm);
	if (cmm) {
		raw_spin_lock(&cmm->lock);
		viewer = codearena_viewer_find(cmm, arena);
		if (viewer)
			ret = cmpxchg(&viewer->landing, 0, address) ? -EBUSY : 0;
		raw_spin_unlock(&cmm->lock);
	}
	rcu_read_unlock();
	return ret;
}

/**
 * codearena_ioctl_trap_landing - set the external landing pad of the process
 * @ucmd: the command
 *
 * Return: see &struct codearena_trap_landing.
 */
int codearena_ioctl_trap_landing(struct codearena_ucmd *ucmd)
{
	const struct codearena_trap_landing *cmd = ucmd->cmd;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = codearena_view_set_landing(ucmd->arena, cmd->address);
	trace_trap_landing(ucmd->arena, cmd->address, ret);
	return ret;
}
