// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Guard views: address space that no page ever backs, in which every access is
 * a trap for protected instructions and a fault for all others.
 */
#include <linux/sched/task_stack.h>
#include <asm/pgalloc.h>

#include "codearena_private.h"

/*
 * Page tables that a view keeps: 4 MiB of them, for traps in 2 GiB, and in more
 * where pages are larger than 4 KiB.
 */
#define MOST_TABLES	((unsigned long)SZ_4M >> PAGE_SHIFT)

/*
 * Only an access by user space itself continues at a landing pad. Accesses by
 * the kernel on its behalf, and those of other processes, fail as at an address
 * where nothing is mapped.
 */
static bool codearena_guard_trap(struct vm_fault *vmf)
{
	struct pt_regs *regs = task_pt_regs(current);
	bool fixed;

	if (!(vmf->flags & FAULT_FLAG_USER) ||
	    (vmf->flags & (FAULT_FLAG_INSTRUCTION | FAULT_FLAG_REMOTE)))
		return false;
	/* Cheaper than rcu_read_lock() where that can be preempted. */
	rcu_read_lock_sched();
	fixed = codearena_fixup(regs, CODEARENA_TRAP_MEMORY, vmf->real_address);
	rcu_read_unlock_sched();
	if (fixed)
		codearena_arch_stepped(regs);
	return fixed;
}

/*
 * Where there is no page table yet, the core allocates one before every fault,
 * in case the fault installs a page, and frees it afterwards, which costs several
 * times what the trap does. So put it in place. Only so many in a view: traps all
 * over a large one would fill memory with empty tables. vm_private_data counts
 * them, roughly if threads race.
 */
static void codearena_guard_keep_table(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long kept = (unsigned long)READ_ONCE(vma->vm_private_data);
	spinlock_t *lock;		/* of the middle level */

	if (kept >= MOST_TABLES)
		return;
	lock = pmd_lock(vma->vm_mm, vmf->pmd);
	if (pmd_none(*vmf->pmd)) {
		WRITE_ONCE(vma->vm_private_data, (void *)(kept + 1));
		mm_inc_nr_ptes(vma->vm_mm);
		/* A walk of the tables without a lock finds it empty. */
		smp_wmb();
		pmd_populate(vma->vm_mm, vmf->pmd, vmf->prealloc_pte);
		vmf->prealloc_pte = NULL;
	}
	spin_unlock(lock);
}

static vm_fault_t codearena_guard_fault(struct vm_fault *vmf)
{
	if (vmf->prealloc_pte)
		codearena_guard_keep_table(vmf);
	return codearena_guard_trap(vmf) ? VM_FAULT_NOPAGE : VM_FAULT_SIGSEGV;
}

#if CODEARENA_VMA_LOCK_FAULTS
/* Where the core asks for a huge page first, no page table is ever made. */
static vm_fault_t codearena_guard_huge_fault(struct vm_fault *vmf,
					     unsigned int order)
{
	return codearena_guard_trap(vmf) ? VM_FAULT_NOPAGE : VM_FAULT_SIGSEGV;
}

/* Its presence makes the core call ->fault() under the lock of the VMA. */
static vm_fault_t codearena_guard_map_pages(struct vm_fault *vmf, pgoff_t first,
					    pgoff_t last)
{
	return 0;
}
#endif

static int codearena_guard_mprotect(struct vm_area_struct *vma,
				    unsigned long start, unsigned long end,
				    unsigned long newflags)
{
	return newflags & VM_EXEC ? -EACCES : 0;
}

static const struct vm_operations_struct codearena_guard_vm_ops = {
	.mprotect = codearena_guard_mprotect,
	.fault = codearena_guard_fault,
#if CODEARENA_VMA_LOCK_FAULTS
	.huge_fault = codearena_guard_huge_fault,
	.map_pages = codearena_guard_map_pages,
#endif
};

/**
 * codearena_guard_mmap - map a guard view
 * @vma: what the core has prepared
 *
 * VM_PFNMAP blocks get_user_pages(), mlock() and core dumps. VM_HUGEPAGE makes
 * the core call ->huge_fault() also where huge pages are off unless asked for;
 * nothing huge is ever mapped. The page offset follows the address, so that
 * every part of the view is aligned for that.
 *
 * Return: 0; -EINVAL for a private mapping; -EACCES for PROT_EXEC.
 */
int codearena_guard_mmap(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_HUGEPAGE);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_pgoff = (CODEARENA_GUARD_OFFSET + vma->vm_start) >> PAGE_SHIFT;
	vma->vm_ops = &codearena_guard_vm_ops;
	return 0;
}
