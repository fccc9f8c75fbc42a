// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The registry of code views: which address space shows which part of which
 * arena where. Traps search it, see lookup.h.
 */
#include <linux/rculist.h>
#include <linux/slab.h>

#include "lookup.h"
#include "trace.h"

DECLARE_HASHTABLE(codearena_views, CODEARENA_VIEW_BITS);
static DEFINE_SPINLOCK(codearena_view_lock);

/*
 * A split leaves the VMA that existed before with less than its view says. It
 * is told to nobody, but the part that is cut off is a VMA of its own, and no
 * mapping can take its place before it is closed. So that is when the others
 * are brought up to date; until then the parts overlap, and agree.
 */
static void codearena_views_trim_locked(struct codearena_arena *arena,
					struct mm_struct *mm)
{
	struct codearena_view *view;

	lockdep_assert_held(&codearena_view_lock);
	list_for_each_entry(view, &arena->views, node) {
		if (view->mm != mm)
			continue;
		WRITE_ONCE(view->start, view->vma->vm_start);
		WRITE_ONCE(view->end, view->vma->vm_end);
	}
}

/**
 * codearena_view_add - enter a VMA
 * @arena: what it shows
 * @vma: the VMA; its vm_private_data will be the view
 * @view: memory for the view, which is taken over
 * @landing: external landing pad that it inherits, or 0
 */
void codearena_view_add(struct codearena_arena *arena,
			struct vm_area_struct *vma, struct codearena_view *view,
			unsigned long landing)
{
	struct codearena_view *other;

	view->arena = arena;
	view->mm = vma->vm_mm;
	view->vma = vma;
	view->start = vma->vm_start;
	view->end = vma->vm_end;
	view->base = vma->vm_start - (vma->vm_pgoff << PAGE_SHIFT);
	view->landing = landing;
	vma->vm_private_data = view;

	spin_lock(&codearena_view_lock);
	list_for_each_entry(other, &arena->views, node) {
		if (!view->landing && other->mm == view->mm)
			view->landing = other->landing;
	}
	list_add_tail(&view->node, &arena->views);
	hash_add_rcu(codearena_views, &view->hash, (unsigned long)view->mm);
	spin_unlock(&codearena_view_lock);
}

/**
 * codearena_view_remove - a VMA is going away
 * @view: its view
 */
void codearena_view_remove(struct codearena_view *view)
{
	spin_lock(&codearena_view_lock);
	hash_del_rcu(&view->hash);
	list_del(&view->node);
	codearena_views_trim_locked(view->arena, view->mm);
	spin_unlock(&codearena_view_lock);
	kfree_rcu(view, rcu);
}

/**
 * codearena_view_cpus - which processors may execute an arena?
 * @arena: the arena
 * @cpus: gets them
 */
void codearena_view_cpus(struct codearena_arena *arena, struct cpumask *cpus)
{
	struct codearena_view *view;

	cpumask_clear(cpus);
	spin_lock(&codearena_view_lock);
	list_for_each_entry(view, &arena->views, node)
		codearena_arch_cpus(cpus, view->mm);
	spin_unlock(&codearena_view_lock);
}

static int codearena_view_set_landing(struct codearena_arena *arena, u64 address)
{
	struct codearena_view *view;
	int ret = -ENOENT;

	if (!address || address >= TASK_SIZE ||
	    !IS_ALIGNED(address, CODEARENA_INSN_ALIGN))
		return -EINVAL;
	spin_lock(&codearena_view_lock);
	list_for_each_entry(view, &arena->views, node) {
		if (view->mm != current->mm)
			continue;
		/* All views of a process agree, so the first one decides. */
		ret = view->landing && ret ? -EBUSY : 0;
		if (ret)
			break;
		WRITE_ONCE(view->landing, address);
	}
	spin_unlock(&codearena_view_lock);
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
