/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 2: space for the code of modules, in as many arenas as
 * it takes, within limits that many modules share.
 */
#ifndef CODEARENA_SPACE_H
#define CODEARENA_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena.h"
#include "codearena_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Words used here:
 *
 * manager     limits that apply to several modules together
 * allocator   gives out the space for the code of one module
 * code space  an arena of an allocator; an allocator begins with one and gets a
 *             further one when no region is large enough
 * unit        what sizes are rounded up to: 64 bytes, or the granule of the
 *             backend if that is more (pages of more than 4 KiB)
 * grace       the time from the release of a region until the caller says that
 *             nobody can hold its address any more
 *
 * Addresses are those of the code view in this process.
 *
 * Policy and numbers are those of V8's WebAssembly code manager, with these
 * differences: whatever ends the process there is an error here; released
 * space is used again after a grace; a page counts as committed exactly as long
 * as it is, also where space is not given out in ascending order, and some may
 * be committed ahead, if that is wished for; a region never spans two code
 * spaces that happen to be neighbours.
 *
 * Return values as in codearena.h. Limits: -ENOSPC, a code space or the address
 * space has no room; -ENOMEM, the limit of committed bytes, of the arena
 * backend, or memory. Every function may be called from any thread at any time,
 * also on the same object, except the *_free() functions; none from a signal
 * handler but codearena_allocator_locate(). The changes of one allocator are
 * serialised by a mutex of its own; a manager is lock-free.
 *
 * In a child of fork() no function of an allocator or manager may be called.
 */

/**
 * struct codearena_reservation - what a code space is for
 * @sz: set by the caller to sizeof(struct codearena_reservation)
 * @estimate: bytes of code expected
 * @total: bytes of all code spaces that there are already
 * @limit: largest code space in bytes
 * @overhead: bytes of jump tables in each code space, see
 *            codearena_reservation_overhead()
 * @align: power of two that the bytes of code are rounded up to; 0: 64
 * @growth: a new code space has at least @total / @growth bytes; 0: 4
 * @__reserved: must be 0
 */
struct codearena_reservation {
	size_t sz;
	uint64_t estimate;
	uint64_t total;
	uint64_t limit;
	uint64_t overhead;
	uint32_t align;
	uint32_t growth;
	uint64_t __reserved;
};

/**
 * codearena_reservation_size - how large to make a code space
 * @reservation: what it is for
 * @out: gets the size in bytes; 0 on failure
 *
 * The largest of: the estimate with the overhead; twice the overhead, so that
 * at least half of the space is for code; a part of what there is, so that the
 * spaces grow exponentially. But not above the limit: the result may be smaller
 * than the estimate, which takes further code spaces then. Pure.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: the structure is wrong; -EOVERFLOW:
 * a sum does not fit in 64 bits; -ENOSPC: twice the overhead is above the
 * limit.
 */
int codearena_reservation_size(const struct codearena_reservation *reservation,
			       uint64_t *out);

/**
 * codearena_reservation_overhead - bytes of jump tables in a code space
 * @machine: ELF machine number: EM_X86_64, EM_AARCH64, EM_RISCV
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: how many functions the module has
 * @builtins: how many builtins it calls
 * @out: gets the number; 0 on failure
 *
 * A near table for the functions and a far table for builtins and functions,
 * each rounded up to 64. Pure.
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP: unknown machine or flag; -EOVERFLOW.
 */
int codearena_reservation_overhead(uint32_t machine, uint32_t jump_flags,
				   uint32_t functions, uint32_t builtins,
				   uint64_t *out);

/**
 * codearena_reservation_limit - largest code space that branches cope with
 * @machine: ELF machine number
 *
 * Pure. Return: 1 GiB on x86-64 and riscv64, 128 MiB on arm64; 0 for an unknown
 * machine.
 */
uint64_t codearena_reservation_limit(uint32_t machine);

/**
 * struct codearena_estimate_costs - bytes of code that compilers make
 * @sz: set by the caller to sizeof(struct codearena_estimate_costs)
 * @optimized_overhead: per function, by the optimizing compiler
 * @optimized_factor: per byte of input, by the optimizing compiler
 * @baseline_overhead: per function, by the baseline compiler
 * @baseline_factor: per byte of input, by the baseline compiler
 * @import_size: per imported function
 * @align: what functions are rounded up to; half of it counts per function
 */
struct codearena_estimate_costs {
	size_t sz;
	uint32_t optimized_overhead;
	uint32_t optimized_factor;
	uint32_t baseline_overhead;
	uint32_t baseline_factor;
	uint32_t import_size;
	uint32_t align;
};

/**
 * codearena_estimate_costs - V8's experience
 * @machine: ELF machine number
 * @out: gets the costs; @sz must be set
 *
 * Pure. Return: 0; -EINVAL; -EOPNOTSUPP: unknown machine.
 */
int codearena_estimate_costs(uint32_t machine,
			     struct codearena_estimate_costs *out);

/* Flags of struct codearena_estimate */
#define CODEARENA_ESTIMATE_F_BASELINE	0x1U /* both compilers are used */
#define CODEARENA_ESTIMATE_F_TIERING	0x2U /* a quarter gets optimized */
#define CODEARENA_ESTIMATE_F_LAZY	0x4U /* half of baseline gets compiled */

/**
 * struct codearena_estimate - a module whose code is to be estimated
 * @sz: set by the caller to sizeof(struct codearena_estimate)
 * @machine: ELF machine number
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @functions: how many functions are compiled
 * @imports: how many functions are imported
 * @builtins: how many builtins are called, for the estimate of metadata
 * @flags: CODEARENA_ESTIMATE_F_* bits. TIERING has a meaning with BASELINE
 *         only: else all functions are optimized.
 * @input_bytes: bytes of input to the compilers (code section) of all functions
 * @costs: NULL: those of codearena_estimate_costs()
 */
struct codearena_estimate {
	size_t sz;
	uint32_t machine;
	uint32_t jump_flags;
	uint32_t functions;
	uint32_t imports;
	uint32_t builtins;
	uint32_t flags;
	uint64_t input_bytes;
	const struct codearena_estimate_costs *costs;
};

/**
 * codearena_estimate_baseline - bytes of code of one function
 * @costs: from codearena_estimate_costs(), or others
 * @input_bytes: bytes of input to the baseline compiler
 * @out: gets the number; 0 on failure
 *
 * Pure. Return: 0; -EINVAL; -EOVERFLOW.
 */
int codearena_estimate_baseline(const struct codearena_estimate_costs *costs,
				uint64_t input_bytes, uint64_t *out);

/**
 * codearena_estimate_code - bytes of code of a whole module
 * @estimate: the module
 * @out: gets the number; 0 on failure
 *
 * Lazy table, imports, and the code of the compilers in use. Too much rather
 * than too little, since it takes address space only. Pure.
 *
 * Return: 0; -EINVAL, -E2BIG: a structure is wrong; -EOPNOTSUPP: unknown
 * machine or flag; -EOVERFLOW.
 */
int codearena_estimate_code(const struct codearena_estimate *estimate,
			    uint64_t *out);

/**
 * codearena_estimate_metadata - bytes of memory beside the code
 * @estimate: the module; @input_bytes is what the program keeps of the input
 * @out: gets the number; 0 on failure
 *
 * What is kept of the input, a code object and two pointers to it for every
 * function, and the jump tables. Pure. Return: as codearena_estimate_code().
 */
int codearena_estimate_metadata(const struct codearena_estimate *estimate,
				uint64_t *out);

struct codearena_manager;
struct codearena_allocator;

/* Flags of struct codearena_manager_opts */
#define CODEARENA_MANAGER_F_ANYWHERE	0x1U /* no placement of code spaces */

/**
 * struct codearena_manager_opts - how to make a manager
 * @sz: set by the caller to sizeof(struct codearena_manager_opts)
 * @device: see struct codearena_arena_opts; must stay valid as long as the
 *          manager
 * @backend: which backend to use, decided once for all arenas
 * @arena_flags: CODEARENA_RESERVE_F_* bits of all arenas. From a permanent
 *               arena nothing can be released.
 * @max_committed: most bytes that all allocators may have committed at a time;
 *                 0: 4095 MiB
 * @max_code_space: largest code space, a multiple of the page size and not
 *                  above codearena_reservation_limit(); 0: just that
 * @initial_cap: the first code space of an allocator is not larger than this, a
 *               multiple of the page size; 0: no such limit
 * @growth: see struct codearena_reservation
 * @flags: CODEARENA_MANAGER_F_* bits
 * @pressure: NULL, or is asked to give memory back, see
 *            codearena_manager_check(). Called without any lock, from several
 *            threads at a time perhaps. It may release code and free
 *            allocators, but not make any. Returns 0 if it gave something back,
 *            else any other value.
 * @data: for @pressure
 */
struct codearena_manager_opts {
	size_t sz;
	const char *device;
	enum codearena_backend backend;
	uint32_t arena_flags;
	uint64_t max_committed;
	uint64_t max_code_space;
	uint64_t initial_cap;
	uint32_t growth;
	uint32_t flags;
	int (*pressure)(void *data, struct codearena_manager *manager,
			uint64_t committed, uint64_t critical);
	void *data;
};

/**
 * struct codearena_manager_stat - counters of a manager
 * @sz: set by the caller to sizeof(struct codearena_manager_stat)
 * @committed: bytes committed now, a multiple of the page size
 * @max_committed: most bytes that may be
 * @critical: above this many committed bytes codearena_manager_check() acts
 * @reserved: bytes of all code spaces
 * @spaces: number of code spaces
 * @allocators: number of allocators
 * @page_size: bytes in a page
 * @unit: what sizes are rounded up to
 * @machine: ELF machine number that code must be for
 * @backend: of all code spaces
 */
struct codearena_manager_stat {
	size_t sz;
	uint64_t committed;
	uint64_t max_committed;
	uint64_t critical;
	uint64_t reserved;
	uint64_t spaces;
	uint64_t allocators;
	uint32_t page_size;
	uint32_t unit;
	uint32_t machine;
	enum codearena_backend backend;
};

/**
 * codearena_manager_new - make a manager
 * @opts: NULL, or options
 * @out: gets the manager; NULL on failure
 *
 * Nothing is reserved. Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an option is
 * wrong; -ENOMEM; the codes of codearena_probe().
 */
int codearena_manager_new(const struct codearena_manager_opts *opts,
			  struct codearena_manager **out);

/**
 * codearena_manager_free - give a manager back
 * @manager: NULL, or a manager, which must not be used after the call
 *
 * Its allocators may outlive it: what they need of it lives until the last of
 * them is freed.
 */
void codearena_manager_free(struct codearena_manager *manager);

/**
 * codearena_manager_stat - read the counters
 * @manager: manager
 * @stat: gets the counters; @sz must be set. Each is read atomically, but not
 *        all together.
 *
 * Return: 0; -EINVAL.
 */
int codearena_manager_stat(struct codearena_manager *manager,
			   struct codearena_manager_stat *stat);

/**
 * codearena_manager_check - ask for memory if much of it is in use
 * @manager: manager
 *
 * If more is committed than the critical mark, calls @pressure, and then puts
 * the mark half-way between what is committed now and the maximum. It begins at
 * half of the maximum. codearena_allocator_new() does this first; programs that
 * make code over a long time in few modules may wish to do it themselves, with
 * no lock held that @pressure takes.
 *
 * Return: 1: @pressure was called; 0: there was no need; -EINVAL.
 */
int codearena_manager_check(struct codearena_manager *manager);

/**
 * struct codearena_allocator_opts - how to make an allocator
 * @sz: set by the caller to sizeof(struct codearena_allocator_opts)
 * @name: of the arenas, see struct codearena_arena_opts
 * @estimate: bytes of code expected, see codearena_estimate_code()
 * @functions: how many functions the module has, for the size of jump tables
 * @builtins: how many builtins it calls, for the same
 * @jump_flags: CODEARENA_JUMP_F_* bits, for the same
 * @ahead: most bytes that a code space commits beyond what is asked for, so that
 *         the next ones need no system call. It never is more than an eighth of
 *         what else is committed in it. 0: none
 * @space_added: NULL, or is called for every code space, the first one too,
 *               before anything else is allocated in it, by the thread that
 *               needed the space. Other threads wait meanwhile. It may call any
 *               function with this allocator but codearena_allocator_free();
 *               a call that would need a further code space is refused with
 *               -EBUSY. If it returns an errno the space is given back, with
 *               what was allocated in it, and the call that needed it fails
 *               with that errno.
 * @data: for @space_added
 */
struct codearena_allocator_opts {
	size_t sz;
	const char *name;
	uint64_t estimate;
	uint32_t functions;
	uint32_t builtins;
	uint32_t jump_flags;
	uint32_t ahead;
	int (*space_added)(void *data, struct codearena_allocator *allocator,
			   size_t index);
	void *data;
};

/**
 * struct codearena_allocator_stat - counters of an allocator
 * @sz: set by the caller to sizeof(struct codearena_allocator_stat)
 * @reserved: bytes of all code spaces
 * @committed: bytes committed now, a multiple of the page size
 * @live: bytes given out and not released
 * @waiting: bytes released that wait for the end of a grace
 * @free: bytes that can be given out
 * @generated: bytes ever given out
 * @released: bytes ever released
 * @spaces: number of code spaces
 */
struct codearena_allocator_stat {
	size_t sz;
	uint64_t reserved;
	uint64_t committed;
	uint64_t live;
	uint64_t waiting;
	uint64_t free;
	uint64_t generated;
	uint64_t released;
	uint64_t spaces;
};

/**
 * struct codearena_space_info - a code space
 * @sz: set by the caller to sizeof(struct codearena_space_info)
 * @arena: the arena; it belongs to the allocator, is not to be freed, and must
 *         not be committed, decommitted or discarded by others
 * @region: addresses of the code view
 * @committed: bytes committed now
 * @free: bytes that can be given out
 */
struct codearena_space_info {
	size_t sz;
	struct codearena_arena *arena;
	struct codearena_region region;
	uint64_t committed;
	uint64_t free;
};

/**
 * codearena_allocator_new - make an allocator
 * @manager: manager
 * @opts: NULL, or options
 * @out: gets the allocator; NULL on failure. It is set before @space_added is
 *       called for the first time.
 *
 * Reserves the first code space, unless nothing is expected: @estimate,
 * @functions and @builtins are 0. If that fails for want of room the pressure
 * callback is asked, and it is tried again, three times in all.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong;
 * -ENOSPC: jump tables take more than half of the largest code space, or the
 * address space has no room; what @space_added returned; the codes of
 * codearena_arena_new().
 */
int codearena_allocator_new(struct codearena_manager *manager,
			    const struct codearena_allocator_opts *opts,
			    struct codearena_allocator **out);

/**
 * codearena_allocator_free - give all code spaces back
 * @allocator: NULL, or an allocator, which is gone after the call
 *
 * No thread may execute its code any more.
 */
void codearena_allocator_free(struct codearena_allocator *allocator);

/**
 * codearena_allocator_allocate - get space for code
 * @allocator: allocator
 * @size: bytes, not 0; rounded up to the unit
 * @window: NULL: anywhere; else where the result must lie, e.g. a code space
 * @out: gets the region, committed and full of trap instructions; { 0, 0 } on
 *       failure
 *
 * The free region with the lowest address in which it fits, from its lowest
 * address. If none is large enough and there is no @window, a further code
 * space is reserved; it stays, empty, when the call fails after that.
 *
 * Return: 0; -EINVAL: @size is 0; -EOVERFLOW: @size cannot be rounded up, or
 * @window ends above 2^64; -ENOSPC: @window has no room, or the largest code
 * space is too small for @size with its jump tables, or the address space has
 * no room; -ENOMEM: the limits of the manager or the backend, or memory;
 * -EBUSY: @space_added needs a further code space; what @space_added returned;
 * the codes of codearena_arena_new().
 */
int codearena_allocator_allocate(struct codearena_allocator *allocator,
				 uint64_t size,
				 const struct codearena_region *window,
				 struct codearena_region *out);

/**
 * codearena_allocator_divide - announce that a region is released in pieces
 * @allocator: allocator
 * @region: of an allocation
 * @pieces: in how many pieces at most
 *
 * codearena_allocator_release() never fails for want of memory as long as
 * regions are released as they were allocated. After this call the same holds
 * for regions released in pieces.
 *
 * Return: 0; -EINVAL: @pieces is 0, or @region is not of this form; -ENOENT:
 * not of this allocator, or not given out; -ENOMEM.
 */
int codearena_allocator_divide(struct codearena_allocator *allocator,
			       struct codearena_region region, size_t pieces);

/**
 * codearena_allocator_release - take code back
 * @allocator: allocator
 * @regions: array of regions, best in ascending order; each all or a part of
 *           what was allocated, in whole units
 * @count: entries of @regions
 * @done: NULL, or gets the number of regions that were released: the first ones
 *        of the array; @count on success
 *
 * Takes the seal of the regions away, fills them with trap instructions,
 * releases their traps, and gives back the memory of the pages in which nothing
 * is left. That no thread executes the code any more is the caller's to ensure.
 * The addresses are not given out again before a grace that began afterwards
 * has ended: until then stale callers find a trap instruction or a page fault.
 *
 * All regions are checked before anything is done. The work is done in steps
 * as large as the backend allows; only errors of the second one and later can
 * leave a part of the regions released. A table of traps must not have landing
 * pads in regions of an earlier step.
 *
 * Return: 0; -EINVAL: a region is empty, or not in whole units; -EOVERFLOW: its
 * end is not below 2^64; -ENOENT: it is not in a code space, or something of it
 * was not given out, or was named before; -EBUSY: it holds a landing pad of code
 * which is not released with it; -EPERM: the arenas are permanent; -ENOMEM; the
 * codes of codearena_arena_discard().
 */
int codearena_allocator_release(struct codearena_allocator *allocator,
				const struct codearena_region *regions,
				size_t count, size_t *done);

/**
 * codearena_allocator_grace_begin - begin a grace
 * @allocator: allocator
 *
 * Several may run at a time. Return: cookie for codearena_allocator_grace_end(),
 * never 0; 0 if @allocator is NULL.
 */
uint64_t codearena_allocator_grace_begin(struct codearena_allocator *allocator);

/**
 * codearena_allocator_grace_end - end a grace
 * @allocator: allocator
 * @cookie: from codearena_allocator_grace_begin()
 *
 * What had been released when the grace began can be given out from now on. No
 * thread may be able to call it any more, through a register, a stack or a
 * table. Ending a grace ends those that began before; to end one again does
 * nothing. Needs no memory.
 *
 * Return: 0; -EINVAL; -ENOENT: no such grace has begun.
 */
int codearena_allocator_grace_end(struct codearena_allocator *allocator,
				  uint64_t cookie);

/**
 * codearena_allocator_space_count - number of code spaces
 * @allocator: allocator
 *
 * Return: the number; 0 if @allocator is NULL.
 */
size_t codearena_allocator_space_count(struct codearena_allocator *allocator);

/**
 * codearena_allocator_space - describe a code space
 * @allocator: allocator
 * @index: 0 is the first that was made; indices do not change
 * @out: gets the description; @sz must be set
 *
 * Return: 0; -EINVAL; -ENOENT: there are not that many.
 */
int codearena_allocator_space(struct codearena_allocator *allocator,
			      size_t index, struct codearena_space_info *out);

/**
 * codearena_allocator_stat - read the counters
 * @allocator: allocator
 * @stat: gets the counters, taken together; @sz must be set
 *
 * Return: 0; -EINVAL.
 */
int codearena_allocator_stat(struct codearena_allocator *allocator,
			     struct codearena_allocator_stat *stat);

/**
 * codearena_allocator_locate - find the code space of an address
 * @allocator: allocator
 * @address: address in the code view
 * @arena: NULL, or gets the arena
 * @offset: NULL, or gets the offset in the arena
 * @index: NULL, or gets the index of the code space
 *
 * Takes no lock, logarithmic time in the number of code spaces, and may be
 * called from a signal handler. The results are left alone on failure.
 *
 * Return: 0; -EINVAL; -ENOENT: in no code space of this allocator.
 */
int codearena_allocator_locate(const struct codearena_allocator *allocator,
			       uint64_t address, struct codearena_arena **arena,
			       uint64_t *offset, size_t *index);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_SPACE_H */
