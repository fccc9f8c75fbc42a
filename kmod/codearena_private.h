/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the files of the module share: structures, the locking rules, and the
 * prototypes in the order of the files that implement them.
 */
#ifndef CODEARENA_PRIVATE_H
#define CODEARENA_PRIVATE_H

#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <linux/codearena.h>

#include "arch.h"
#include "compat.h"
#include "range.h"
#include "trap_table.h"

/*
 * Locking
 * =======
 *
 * From the outside in:
 *
 *   codearena_attach_lock  mutex. Serialises RESERVE, so that a handle gets
 *                          one arena. Global, rare, nothing nests in it but
 *                          allocations.
 *   arena::lock            mutex. Every state of every page, the counters, and
 *                          sync_mask. Taken by ioctls and fdinfo only; never
 *                          with mmap_lock held, and no user memory is touched
 *                          under it: a fault would want mmap_lock. CLONE takes
 *                          that of the new arena, which nobody else sees yet,
 *                          inside that of the original.
 *   arena::handles_lock    mutex. The list of handles, while it changes and
 *                          while pages are unmapped by it.
 *   mm::mmap_lock          held by the core around the vm_operations; or, for a
 *                          fault, the lock of the VMA.
 *   arena::map_lock        rw_semaphore. Read: the fault handler looks a page
 *                          up, marks it as mapped, maps its neighbours and locks
 *                          it. Write: the last seal of a page is taken away, or
 *                          a shared page is replaced by a copy. So a fault comes
 *                          first, or finds the new state. Other changes of seals
 *                          do not need it: a fault looks only whether there is
 *                          one. Also held for writing from before pages are
 *                          unmapped until their code is replaced, while
 *                          arena::handles_lock nests in it: faults wait.
 *   page lock              of a page of an arena: held by a fault until the core
 *                          has mapped the page. Whoever excludes new faults by
 *                          map_lock waits for that, and then unmaps it.
 *   arena::table_seq       raw sequence counter. The links of the tree of
 *                          tables, which traps walk without a lock, with
 *                          interrupts off; changed with arena::lock held and
 *                          preemption off, so that they never wait long.
 *   arena::viewers_lock    spinlock. Who shows code of the arena, for SYNC;
 *                          changed by the vm_operations.
 *   codearena_mm::lock     raw spinlock, with a sequence counter, seq. The
 *                          views of a process, changed by its vm_operations,
 *                          and searched by its traps without the lock; a trap
 *                          tries it to note which view it found.
 *   codearena_bucket::lock spinlock. The processes with code views, by hash.
 *
 * arena::lock and mmap_lock are never held together by this module.
 *
 * Claims: WRITE and PUBLISH copy from user memory, which may fault and sleep,
 * without arena::lock. They mark the granules as claimed under the lock first,
 * and whoever finds a claimed granule answers EBUSY; so a claim gives the
 * claimer the bytes and the states of the granule until it settles it under
 * the lock. Two calls that touch different granules copy side by side.
 *
 * Copy on write: arenas share pages after CLONE. The memory of a shared page is
 * never stored to; a change replaces it by a copy first, under arena::lock, see
 * clone.c.
 *
 * Traps take no lock at all: under RCU they find the process, the view, its
 * arena, the table and the landing pad. All of these are freed a grace period
 * after they can last be found.
 *
 * References: a file holds one on its arena and one on the inode with the
 * address_space of its VMAs; a VMA holds its file; what view.c records of a VMA
 * lives from vm_operations::open (or mmap) to ::close. The last file frees the
 * arena with its pages, so no view exists then.
 */

/**
 * struct codearena_page - state of one page of an arena
 * @data: its memory, by its kernel address; NULL while only reserved. While
 *        @sealed is not 0 it is replaced under map_lock held for writing
 * @sealed: granules that are immutable. Read without arena::lock by the fault
 *          handler, under map_lock: set by a store-release after the bytes are
 *          in place; the last one cleared under map_lock held for writing.
 * @patchable: the part of @sealed that PATCH may store to
 * @written: granules that may hold other bytes than the trap fill
 * @claimed: granules that a call is copying to at this moment
 * @settling: the part of @claimed that the call which holds arena::lock is
 *            about to seal, so that its landing pads may lie there
 * @mapped: it was mapped since it was last unmapped everywhere. Set by the fault
 *          handler under map_lock, while @sealed is not 0
 * @shared: other arenas may have @data too, so that it must be replaced by a copy
 *          before a change; never with a claim
 */
struct codearena_page {
	void *data;
	u64 sealed;
	u64 patchable;
	u64 written;
	u64 claimed;
	u64 settling;
	bool mapped;
	bool shared;
};

/* Page states are allocated by chunks, when a page of one is committed. */
#define CODEARENA_CHUNK_PAGES	64UL

struct codearena_chunk_state {
	struct codearena_page pages[CODEARENA_CHUNK_PAGES];
};

/* Offsets fit 32 bits, and code reaches all of an arena on every machine. */
#define CODEARENA_MAX_LENGTH	((u64)SZ_2G)
#define CODEARENA_MAX_ENTRIES	65536U
#define CODEARENA_MAX_TRAPS	((u32)SZ_1M)	/* in all objects of a call */

/* Lets a large arena share the upper levels of the page tables with nobody. */
#define CODEARENA_PREFERRED_ALIGN	((u64)SZ_2M)

/*
 * For memory whose size the user chooses: it is charged to the caller, and it
 * fails instead of waking the OOM killer, of the machine or of the control
 * group: a limit is an error, never a dead process.
 */
#define CODEARENA_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct codearena_counters - what STAT reports, protected by arena::lock
 * @committed: pages that have memory
 * @sealed: granules that are sealed
 * @patchable: granules that are sealed and patchable
 * @published: objects ever published
 * @written: bytes ever copied in
 * @patched: words ever patched
 * @discarded: sealed granules ever discarded
 * @syncs: synchronisations ever made
 * @trap_tables: tables of traps registered
 * @trap_entries: protected ranges in them
 */
struct codearena_counters {
	u64 committed;
	u64 sealed;
	u64 patchable;
	u64 published;
	u64 written;
	u64 patched;
	u64 discarded;
	u64 syncs;
	u64 trap_tables;
	u64 trap_entries;
};

/**
 * struct codearena_span - pages that are to be unmapped with one call
 * @first: number of the first; above @last while there is none
 * @last: number of the last
 */
struct codearena_span {
	unsigned long first;
	unsigned long last;
};

#define CODEARENA_NO_SPAN	{ .first = ULONG_MAX }

/**
 * codearena_span_add - have a page unmapped, if it is mapped
 * @span: where to note it
 * @state: the page
 * @index: its number
 */
static inline void codearena_span_add(struct codearena_span *span,
				      struct codearena_page *state,
				      unsigned long index)
{
	if (!state->mapped)
		return;
	state->mapped = false;
	span->first = min(span->first, index);
	span->last = max(span->last, index);
}

/**
 * struct codearena_arena - one reservation of code
 * @ref: the files that lead here
 * @id: for people to tell arenas apart; never used twice. Immutable
 * @pid: process that reserved it, for people. Immutable
 * @owner: address space that may change it; compared, never used. Immutable
 * @length: bytes, immutable
 * @commit_limit: most pages committed at a time, immutable
 * @user: account of the user who reserved it. Immutable
 * @metadata: bytes of metadata charged
 * @metadata_limit: limit of @metadata, immutable
 * @flags: CODEARENA_RESERVE_F_*, immutable
 * @name: immutable
 * @lock: see above
 * @map_lock: see above
 * @table_seq: see above
 * @tables: &struct codearena_table by place; changed under @lock and
 *          @table_seq
 * @staged: tables that the call which holds @lock is about to put there
 * @pads: &struct codearena_pad by place, protected by @lock
 * @generation: makes the ids of tables unique
 * @fixed: traps that continued at a landing pad, by kind
 * @handles_lock: see above
 * @handles: &struct codearena_handle, under @handles_lock
 * @viewers_lock: see above
 * @viewers: &struct codearena_viewer, under @viewers_lock
 * @rcu: to free it
 * @stale: pages that a copy replaced while a view may show the old ones;
 *         protected by @lock, and none when @lock is released
 * @counters: protected by @lock
 * @sync_mask: scratch of codearena_sync_locked(), protected by @lock; allocated
 *             with the arena so that discarding cannot fail for want of it
 * @chunks: page states, NULL where no page is committed. Set under @lock, cleared
 *          under @lock and @map_lock, since page faults read them
 */
struct codearena_arena {
	struct kref ref;
	u64 id;
	struct pid *pid;
	struct mm_struct *owner;
	u64 length;
	unsigned long commit_limit;
	struct codearena_user *user;
	atomic_long_t metadata;
	unsigned long metadata_limit;
	u32 flags;
	char name[CODEARENA_NAME_LEN];
	struct mutex lock;		/* states, counters, sync_mask */
	struct rw_semaphore map_lock;
	seqcount_t table_seq;		/* links of tables */
	struct rb_root tables;
	struct rb_root staged;
	struct rb_root pads;
	atomic_t generation;
	atomic_long_t fixed[3];
	struct mutex handles_lock;	/* list of handles */
	struct list_head handles;
	spinlock_t viewers_lock;	/* list of viewers */
	struct list_head viewers;
	struct rcu_head rcu;
	struct codearena_span stale;
	struct codearena_counters counters;
	cpumask_var_t sync_mask;
	struct codearena_chunk_state *chunks[];
};

/**
 * struct codearena_handle - an open file of the device
 * @arena: its arena, or NULL before RESERVE; set once
 * @mapping: holds the VMAs that are mapped by this file. Immutable
 * @entry: in arena::handles
 * @mapped: a page was mapped in one of them; set by the fault handler under
 *          map_lock
 */
struct codearena_handle {
	struct codearena_arena *arena;
	struct address_space *mapping;
	struct list_head entry;
	bool mapped;
};

/**
 * struct codearena_mm - an address space that shows code
 * @hash: in a bucket of view.c, by @mm
 * @rcu: to free it
 * @mm: for comparison; it lives as long as it has a view. Immutable
 * @lock: see above
 * @seq: see above
 * @views: &struct codearena_view by address, under @seq
 * @last: a view that a trap searched long for, or NULL; under @lock
 * @viewers: &struct codearena_viewer by arena, under @lock
 * @spare: memory for views: VMAs less @views, under @lock
 */
struct codearena_mm {
	struct hlist_node hash;
	struct rcu_head rcu;
	struct mm_struct *mm;
	raw_spinlock_t lock;		/* all of the below */
	seqcount_t seq;
	struct rb_root views;
	struct codearena_view *last;
	struct rb_root viewers;
	struct codearena_view *spare;
};

/**
 * struct codearena_viewer - an address space that shows code of an arena
 * @node: in codearena_mm::viewers
 * @entry: in arena::viewers
 * @rcu: to free it
 * @cmm: the address space; immutable
 * @arena: the arena, alive a grace period longer than this. Immutable
 * @vmas: VMAs that show it, protected by mmap_lock
 * @landing: external landing pad of the process for this arena, or 0; set once
 */
struct codearena_viewer {
	struct rb_node node;
	struct list_head entry;
	struct rcu_head rcu;
	struct codearena_mm *cmm;
	struct codearena_arena *arena;
	unsigned long vmas;
	unsigned long landing;
};

/**
 * struct codearena_view - addresses that show consecutive code of an arena
 * @node: in codearena_mm::views
 * @spare: the next one in codearena_mm::spare
 * @rcu: to free it
 * @viewer: what it shows to whom
 * @start: first address
 * @end: first address after it
 * @base: address of the arena's offset 0
 *
 * Changes under codearena_mm::seq.
 */
struct codearena_view {
	struct rb_node node;
	struct codearena_view *spare;
	struct rcu_head rcu;
	struct codearena_viewer *viewer;
	unsigned long start;
	unsigned long end;
	unsigned long base;
};

/**
 * struct codearena_ucmd - one ioctl under way
 * @file: the handle
 * @arena: its arena; NULL only for commands that do without
 * @uptr: the user's structure
 * @cmd: kernel copy of it, one of the union in main.c
 * @new_file: set by a handler that makes a handle; the dispatcher installs it
 *            after the answer has reached user space, or drops it
 * @new_fd: the descriptor reserved for @new_file
 */
struct codearena_ucmd {
	struct file *file;
	struct codearena_arena *arena;
	void __user *uptr;
	void *cmd;
	struct file *new_file;
	int new_fd;
};

/**
 * codearena_pause - let others run, in a loop that can still be left
 *
 * Return: whether the task is being killed.
 */
static inline bool codearena_pause(void)
{
	if (need_resched())
		cond_resched();
	return fatal_signal_pending(current);
}

/* main.c */
extern const struct file_operations codearena_fops;
extern bool codearena_slow_path_param;

/* Tests turn the fast paths of PUBLISH, PATCH and DISCARD off. */
static inline bool codearena_slow_path(void)
{
	return READ_ONCE(codearena_slow_path_param);
}

/* arena.c */
struct codearena_arena *
codearena_arena_new(const struct codearena_reserve *cmd);
void codearena_arena_put(struct codearena_arena *arena);
int codearena_ioctl_query(struct codearena_ucmd *ucmd);

static inline unsigned long
codearena_arena_chunks(const struct codearena_arena *arena)
{
	return DIV_ROUND_UP(arena->length >> PAGE_SHIFT, CODEARENA_CHUNK_PAGES);
}

/**
 * codearena_arena_owner - the process that reserved an arena
 * @arena: the arena
 *
 * Return: its number as the machine's administrator sees it. It may have ended.
 */
static inline pid_t codearena_arena_owner(const struct codearena_arena *arena)
{
	return pid_nr(arena->pid);
}

/**
 * codearena_page_get - state of a page
 * @arena: the arena
 * @index: number of the page, inside of the arena
 *
 * Return: the state, or NULL when no page near it was ever committed.
 */
static inline struct codearena_page *
codearena_page_get(struct codearena_arena *arena, unsigned long index)
{
	struct codearena_chunk_state *chunk;

	index = array_index_nospec(index, arena->length >> PAGE_SHIFT);
	/* Pairs with the release in codearena_chunks_locked(). */
	chunk = smp_load_acquire(&arena->chunks[index / CODEARENA_CHUNK_PAGES]);
	return chunk ? &chunk->pages[index % CODEARENA_CHUNK_PAGES] : NULL;
}

/**
 * codearena_page_committed_locked - state of a page that has memory
 * @arena: the arena, locked
 * @index: number of the page, inside of the arena
 *
 * Return: the state, or NULL when the page is only reserved.
 */
static inline struct codearena_page *
codearena_page_committed_locked(struct codearena_arena *arena,
				unsigned long index)
{
	struct codearena_page *page = codearena_page_get(arena, index);

	lockdep_assert_held(&arena->lock);
	return page && page->data ? page : NULL;
}

/* handle.c */
int codearena_handle_init(void);
void codearena_handle_exit(void);
int codearena_file_init(struct file *file);
void codearena_file_exit(struct file *file);
void codearena_file_attach(struct file *file, struct codearena_arena *arena);
int codearena_may_open(const struct file *file);
int codearena_handle_new(struct codearena_ucmd *ucmd, int flags);
void codearena_handle_drop(struct codearena_ucmd *ucmd);
void codearena_unmap_locked(struct codearena_arena *arena,
			    struct codearena_span *span);
int codearena_ioctl_reserve(struct codearena_ucmd *ucmd);
int codearena_ioctl_share(struct codearena_ucmd *ucmd);
int codearena_ioctl_open(struct codearena_ucmd *ucmd);

static inline struct codearena_arena *codearena_file_arena(struct file *file)
{
	struct codearena_handle *handle = file->private_data;

	/* Pairs with the release in codearena_file_attach(). */
	return smp_load_acquire(&handle->arena);
}

/* stat.c */
void codearena_arena_show(struct codearena_arena *arena, struct seq_file *m,
			  struct file *file);
int codearena_ioctl_stat(struct codearena_ucmd *ucmd);

/* charge.c */
extern atomic_long_t codearena_committed;
void codearena_charge_init(void);
void codearena_charge_exit(void);
unsigned long codearena_commit_limit(void);
unsigned long codearena_user_limit(void);
unsigned long codearena_metadata_total(void);
struct codearena_user *codearena_user_get(void);
void codearena_user_put(struct codearena_user *user);
unsigned long codearena_user_charged(const struct codearena_user *user);
unsigned long codearena_user_total(void);
int codearena_charge(struct codearena_arena *arena, unsigned long bytes);
void codearena_uncharge(struct codearena_arena *arena, unsigned long bytes);
void *codearena_alloc(struct codearena_arena *arena, size_t size);
void codearena_free(struct codearena_arena *arena, void *memory, size_t size);
int codearena_charge_pages_locked(struct codearena_arena *arena,
				  unsigned long pages);
void codearena_uncharge_pages(struct codearena_arena *arena,
			      unsigned long pages);

/**
 * codearena_footprint - bytes charged for an allocation
 * @size: bytes requested
 *
 * Return: bytes, at least what the allocator uses.
 */
static inline unsigned long codearena_footprint(size_t size)
{
	size = max_t(size_t, size, KMALLOC_MIN_SIZE);
	return size <= PAGE_SIZE ? roundup_pow_of_two(size) :
		roundup_pow_of_two(PAGE_ALIGN(size));
}

/* array.c */
void *codearena_array_get(struct codearena_arena *arena, u64 uptr, u32 count,
			  size_t entry, void *small, size_t small_size);
void codearena_array_put(struct codearena_arena *arena, void *array, u32 count,
			 size_t entry, void *small);

/* clone.c */
int codearena_page_copy_locked(struct codearena_arena *arena,
			       struct codearena_page *state,
			       unsigned long index);
int codearena_ranges_unshare_locked(struct codearena_arena *arena,
				    const struct codearena_range *ranges,
				    u32 count);
struct codearena_arena *codearena_arena_clone(struct codearena_arena *arena);
int codearena_ioctl_clone(struct codearena_ucmd *ucmd);

/**
 * codearena_page_unshare_locked - prepare a page for a change
 * @arena: the arena, locked
 * @state: the page, which is committed
 * @index: its number
 *
 * After the last page comes codearena_unshare_end_locked(), and then the change.
 *
 * Return: 0 or -ENOMEM.
 */
static inline int codearena_page_unshare_locked(struct codearena_arena *arena,
						struct codearena_page *state,
						unsigned long index)
{
	lockdep_assert_held(&arena->lock);
	return unlikely(state->shared) ?
		codearena_page_copy_locked(arena, state, index) : 0;
}

/**
 * codearena_unshare_end_locked - no view shows a page that was replaced
 * @arena: the arena, locked
 */
static inline void codearena_unshare_end_locked(struct codearena_arena *arena)
{
	lockdep_assert_held(&arena->lock);
	if (unlikely(arena->stale.first <= arena->stale.last)) {
		codearena_arch_publish();
		codearena_unmap_locked(arena, &arena->stale);
	}
}

/* commit.c */
int codearena_chunks_locked(struct codearena_arena *arena, unsigned long first,
			    unsigned long last);
void codearena_pages_free(struct codearena_arena *arena);
int codearena_ioctl_commit(struct codearena_ucmd *ucmd);
int codearena_ioctl_decommit(struct codearena_ucmd *ucmd);

/* publish.c */
int codearena_ioctl_publish(struct codearena_ucmd *ucmd);

/* seal.c */
void codearena_seal_state_locked(struct codearena_arena *arena,
				 struct codearena_page *state, u64 mask,
				 bool patchable);
bool codearena_unseal_locked(struct codearena_arena *arena,
			     const struct codearena_range *ranges, u32 count);
int codearena_ioctl_seal(struct codearena_ucmd *ucmd);
int codearena_ioctl_discard(struct codearena_ucmd *ucmd);

/* patch.c */
int codearena_patches_check(struct codearena_arena *arena,
			    const struct codearena_patch_entry *patches,
			    u32 count, u32 *failed);
int codearena_patches_compare_locked(struct codearena_arena *arena,
				     const struct codearena_patch_entry *patches,
				     u32 count, u32 *failed);
void codearena_patches_apply_locked(struct codearena_arena *arena,
				    const struct codearena_patch_entry *patches,
				    u32 count);
int codearena_ioctl_patch(struct codearena_ucmd *ucmd);

/* sync.c */
void codearena_sync_locked(struct codearena_arena *arena);

/* trap.c */
struct codearena_table *codearena_table_get(struct codearena_arena *arena,
					    const struct codearena_range *range,
					    u64 uptr, u32 count, bool report,
					    u64 *id, u32 *failed);
struct codearena_table *codearena_table_copy(struct codearena_arena *arena,
					     const struct codearena_table *from);
int codearena_table_enter_locked(struct codearena_arena *arena,
				 struct codearena_table *table);
int codearena_table_insert_locked(struct codearena_arena *arena,
				  struct codearena_table *table);
void codearena_table_remove_locked(struct codearena_arena *arena,
				   struct codearena_table *table);
void codearena_tables_remove_locked(struct codearena_arena *arena, u64 offset,
				    u64 length);
int codearena_table_stage_locked(struct codearena_arena *arena,
				 struct codearena_table *table);
void codearena_table_unstage_locked(struct codearena_arena *arena,
				    struct codearena_table *table);
void codearena_tables_replace_locked(struct codearena_arena *arena,
				     const struct codearena_range *range,
				     struct codearena_table *table);
void codearena_tables_leave_locked(struct codearena_arena *arena,
				   const struct codearena_range *range,
				   bool leave);
bool codearena_pads_stay_locked(struct codearena_arena *arena,
				const struct codearena_range *range);
bool codearena_range_trapped_locked(struct codearena_arena *arena,
				    const struct codearena_range *range);
int codearena_pads_check_locked(struct codearena_arena *arena,
				const struct codearena_range *ranges, u32 count,
				u32 *failed);
void codearena_table_free(struct codearena_arena *arena,
			  struct codearena_table *table);
void codearena_traps_free(struct codearena_arena *arena);
int codearena_ioctl_trap_register(struct codearena_ucmd *ucmd);
int codearena_ioctl_trap_release(struct codearena_ucmd *ucmd);

/* view.c */
int codearena_view_add(struct vm_area_struct *vma,
		       struct codearena_arena *arena,
		       const struct codearena_viewer *from, gfp_t gfp);
void codearena_view_remove(struct vm_area_struct *vma);
void codearena_view_remember(struct codearena_mm *cmm,
			     struct codearena_view *view, unsigned int seq);
void codearena_view_cpus(struct codearena_arena *arena, struct cpumask *cpus);
bool codearena_view_alone(struct codearena_arena *arena);
int codearena_ioctl_trap_landing(struct codearena_ucmd *ucmd);

/* fixup.c */
bool codearena_fixup(struct pt_regs *regs, u32 kind, unsigned long address);
unsigned long codearena_traps_fixed(const struct codearena_arena *arena,
				    u32 kind);

/* guard.c */
int codearena_guard_mmap(struct vm_area_struct *vma);

/* write.c */
int codearena_ioctl_write(struct codearena_ucmd *ucmd);

/* vma.c */
int codearena_mmap(struct file *file, struct vm_area_struct *vma);
unsigned long codearena_get_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len,
					  unsigned long pgoff,
					  unsigned long flags);

#endif /* CODEARENA_PRIVATE_H */
