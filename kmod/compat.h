/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Differences between kernel versions; nowhere else is a version tested.
 */
#ifndef CODEARENA_COMPAT_H
#define CODEARENA_COMPAT_H

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "codearena needs Linux 6.1 or later"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3 wrapped the writes to vm_flags. */
static inline void vm_flags_init(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags = flags;
}

static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/*
 * 6.10 moved the choice between bottom-up and top-down from a pointer in the
 * mm to a function, which 7.0 made imply the mm.
 */
static inline unsigned long codearena_find_area(struct file *file,
						unsigned long addr,
						unsigned long len,
						unsigned long pgoff,
						unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	return current->mm->get_unmapped_area(file, addr, len, pgoff, flags);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
#else
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
#endif
}

/* For buffers that are filled before they are read: they are not cleared. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized	__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* 6.3 gave the variant without a head in the object a name that warns. */
#ifndef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep(ptr)	kvfree_rcu(ptr)
#endif

/*
 * From 6.4 on a fault is first tried under the lock of the VMA alone; from 6.6
 * on huge_fault() takes the order, and is called for special mappings as well.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define CODEARENA_VMA_LOCK_FAULTS	1
#else
#define CODEARENA_VMA_LOCK_FAULTS	0
#endif

#endif /* CODEARENA_COMPAT_H */
