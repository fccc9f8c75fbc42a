// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code views in address spaces: what may be mapped, how, and where.
 */
#include <linux/mman.h>
#include <linux/pagemap.h>

#include "codearena_private.h"

/* Neighbours that are mapped together with the page that faulted. */
#define FAULT_AROUND_PAGES	16UL

/**
 * codearena_vma_allowed - the one rule about rights
 * @arena: the arena
 * @mm: the address space
 * @flags: VM_* flags that a view has or is to get
 *
 * Code is read and executed, never written, and in an execute-only arena not
 * read, whatever became of the flags by the personality or the protection keys
 * of the process. mmap() and mprotect() ask here and nowhere else.
 *
 * Return: 0 or -EACCES.
 */
static int codearena_vma_allowed(const struct codearena_arena *arena,
				 const struct mm_struct *mm, unsigned long flags)
{
	if (flags & VM_WRITE)
		return -EACCES;
	if (!(arena->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY))
		return 0;
	if ((flags & VM_READ) ||
	    ((flags & VM_EXEC) && !codearena_arch_hidden(mm, flags)))
		return -EACCES;
	return 0;
}

static struct codearena_arena *codearena_vma_arena(struct vm_area_struct *vma)
{
	return codearena_file_arena(vma->vm_file);
}

/*
 * A VMA was copied, by fork or by a split. This cannot be refused here, and a
 * VMA that is not entered would miss synchronisation and traps: so the memory
 * for that is allocated with __GFP_NOFAIL.
 */
static void codearena_vma_open(struct vm_area_struct *vma)
{
	const struct codearena_viewer *from = vma->vm_private_data;

	WARN_ON_ONCE(codearena_view_add(vma, from->arena, from,
					GFP_KERNEL_ACCOUNT | __GFP_NOFAIL));
}

static int codearena_vma_may_split(struct vm_area_struct *vma,
				   unsigned long addr)
{
	if (codearena_vma_arena(vma)->flags & CODEARENA_RESERVE_F_PERMANENT)
		return -EPERM;
	return 0;
}

static int codearena_vma_mprotect(struct vm_area_struct *vma,
				  unsigned long start, unsigned long end,
				  unsigned long newflags)
{
	return codearena_vma_allowed(codearena_vma_arena(vma), vma->vm_mm,
				     newflags);
}

/* Code is bound to its address; a view neither moves nor doubles. */
static int codearena_vma_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static bool codearena_page_sealed(struct codearena_page *state)
{
	/* Pairs with the release in codearena_seal_state_locked(). */
	return state && smp_load_acquire(&state->sealed);
}

/* Note that a page is mapped by a handle. Under map_lock, see below. */
static void codearena_vma_mark(struct codearena_handle *handle,
			       struct codearena_page *state)
{
	lockdep_assert_held_read(&handle->arena->map_lock);
	WRITE_ONCE(state->mapped, true);
	WRITE_ONCE(handle->mapped, true);
}

/* Map sealed pages from @pgoff on, up to @end or a page without code. */
static void codearena_vma_map(struct vm_area_struct *vma, unsigned long pgoff,
			      unsigned long end, int step)
{
	struct codearena_handle *handle = vma->vm_file->private_data;
	struct codearena_page *state;

	for (; pgoff != end; pgoff += step) {
		state = codearena_page_get(handle->arena, pgoff);
		if (!codearena_page_sealed(state))
			break;
		codearena_vma_mark(handle, state);
		if (vm_insert_page(vma, vma->vm_start +
				   ((pgoff - vma->vm_pgoff) << PAGE_SHIFT),
				   virt_to_page(state->data)) == -ENOMEM)
			break;
	}
}

/*
 * Map what is sealed next to a page, in the same window of the same view: code
 * is dense, and its first run should not fault at every page. A page that is
 * mapped already, or cannot be mapped, is left to a fault of its own.
 *
 * vm_insert_page() demands VM_MIXEDMAP, and a fork copies the page tables of a
 * VMA that has it. What is inserted needs neither, so the flag is set in a copy.
 */
static void codearena_fault_around(struct vm_fault *vmf)
{
	struct vm_area_struct mixed = *vmf->vma;
	unsigned long window = round_down(vmf->pgoff, FAULT_AROUND_PAGES);

	vm_flags_init(&mixed, mixed.vm_flags | VM_MIXEDMAP);
	codearena_vma_map(&mixed, vmf->pgoff + 1,
			  min(window + FAULT_AROUND_PAGES,
			      mixed.vm_pgoff + vma_pages(&mixed)), 1);
	codearena_vma_map(&mixed, vmf->pgoff - 1,
			  max(window, mixed.vm_pgoff) - 1, -1);
}

/*
 * Only pages with a seal are mapped. The core maps the page that faulted, and
 * then unlocks it. Under map_lock unsealing either has taken the seal away before,
 * or finds the page marked as mapped and waits for its lock.
 */
static vm_fault_t codearena_vma_fault(struct vm_fault *vmf)
{
	struct codearena_handle *handle = vmf->vma->vm_file->private_data;
	struct codearena_arena *arena = handle->arena;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct codearena_page *state;
	struct folio *folio;

	down_read(&arena->map_lock);
	state = codearena_page_get(arena, vmf->pgoff);
	if (codearena_page_sealed(state)) {
		codearena_vma_mark(handle, state);
		codearena_fault_around(vmf);
		folio = virt_to_folio(state->data);
		folio_get(folio);
		folio_lock(folio);
		vmf->page = folio_page(folio, 0);
		ret = VM_FAULT_LOCKED;
	}
	up_read(&arena->map_lock);
	return ret;
}

#if CODEARENA_VMA_LOCK_FAULTS
/* Its presence makes the core call ->fault() under the lock of the VMA. */
static vm_fault_t codearena_vma_map_pages(struct vm_fault *vmf, pgoff_t first,
					  pgoff_t last)
{
	return 0;
}
#endif

/* The core dumps mappings that have a name. */
static const char *codearena_vma_name(struct vm_area_struct *vma)
{
	return codearena_vma_arena(vma)->flags &
	       CODEARENA_RESERVE_F_EXECUTE_ONLY ? NULL : "[codearena]";
}

static const struct vm_operations_struct codearena_vm_ops = {
	.open = codearena_vma_open,
	.close = codearena_view_remove,
	.may_split = codearena_vma_may_split,
	.mremap = codearena_vma_mremap,
	.mprotect = codearena_vma_mprotect,
	.fault = codearena_vma_fault,
#if CODEARENA_VMA_LOCK_FAULTS
	.map_pages = codearena_vma_map_pages,
#endif
	.name = codearena_vma_name,
};

/**
 * codearena_mmap - map a view
 * @file: the handle
 * @vma: what the core has prepared
 *
 * The view holds the file, and the file the arena. VM_MAYWRITE goes away, so
 * that no later call, ptrace() and /proc/PID/mem included, can make it
 * writable, or copy on write; and so does VM_MAYREAD, if it is not to be read.
 *
 * Return: 0; -EBADFD before RESERVE; -EINVAL for a private mapping or one
 * that leaves the arena; -EACCES for rights that no view has; -ENOMEM.
 */
int codearena_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct codearena_arena *arena = codearena_file_arena(file);
	unsigned long pages;
	int ret;

	if (!arena)
		return -EBADFD;
	if (vma->vm_pgoff >= CODEARENA_GUARD_OFFSET >> PAGE_SHIFT)
		return codearena_guard_mmap(vma);
	pages = arena->length >> PAGE_SHIFT;
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	ret = codearena_vma_allowed(arena, vma->vm_mm, vma->vm_flags);
	if (ret)
		return ret;
	ret = codearena_view_add(vma, arena, NULL, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;

	vm_flags_set(vma, VM_DONTEXPAND);
	vm_flags_clear(vma, VM_MAYWRITE);
	if (arena->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY) {
		vm_flags_set(vma, VM_DONTDUMP);
		vm_flags_clear(vma, VM_MAYREAD);
	}
	vma->vm_ops = &codearena_vm_ops;
	return 0;
}

/**
 * codearena_get_unmapped_area - choose the address of a view
 * @file: the handle
 * @addr: what the caller would like
 * @len: bytes
 * @pgoff: page in the arena
 * @flags: MAP_* flags
 *
 * A free address that the caller asks for is taken as it is, so that a runtime
 * can place code in reach of other code. Otherwise a large view begins at an
 * address as well aligned as its offset.
 *
 * Return: the address or a negative errno.
 */
unsigned long codearena_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len,
					  unsigned long pgoff,
					  unsigned long flags)
{
	const unsigned long align = CODEARENA_PREFERRED_ALIGN;
	unsigned long area;

	area = codearena_find_area(file, addr, len, pgoff, flags);
	if (IS_ERR_VALUE(area) || (flags & MAP_FIXED) || len < align ||
	    (addr && area == PAGE_ALIGN(addr)))
		return area;
	if (len + align < len)
		return area;
	addr = codearena_find_area(file, 0, len + align - PAGE_SIZE, pgoff,
				   flags);
	if (IS_ERR_VALUE(addr))
		return area;
	return addr + (((pgoff << PAGE_SHIFT) - addr) & (align - 1));
}
