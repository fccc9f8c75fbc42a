/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The interface of /dev/codearena: executable memory for JIT compilers.
 */
#ifndef _UAPI_LINUX_CODEARENA_H
#define _UAPI_LINUX_CODEARENA_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: General format
 *
 * An *arena* is one open file of /dev/codearena after CODEARENA_RESERVE. Its
 * code is addressed by *offset*, in bytes from the start of the arena, so that
 * every process that maps the arena names a place in it the same way.
 *
 * Every command takes a pointer to a structure that begins with
 * ``__u32 size``. User space sets it to the size of the structure that it was
 * compiled with. In a shorter structure of an older program all later members
 * count as 0; a longer one of a newer program is accepted if all bytes that
 * this kernel does not know are 0. The kernel writes the members that begin
 * with out_, on success only unless the member documents otherwise, and ignores
 * their old values. Members called __reserved and undefined bits of flags must
 * be 0.
 *
 * Ranges are given as offset and length in bytes.
 *
 * A command that fails changes nothing: neither bytes, nor states, nor counters.
 * While it runs, bytes that are not sealed may change and change back.
 *
 * A *granule* is the unit of sealing: 1/64 of a page, 64 bytes where pages
 * have 4 KiB. Its life is::
 *
 *   reserved -> committed -> sealed -> committed ...
 *       COMMIT      SEAL, PUBLISH   DISCARD
 *
 * A committed granule can be written and holds trap instructions until then.
 * A sealed one is immutable, and the page it lies in can be executed.
 *
 * Commands that change an arena are accepted on a handle opened for writing,
 * from the process (address space) that reserved or cloned it; from every
 * process that holds such a handle when it was reserved with
 * CODEARENA_RESERVE_F_SHARED_WRITER.
 *
 * Errors, with one meaning in all commands:
 *
 * ENOTTY:
 *   The command number is not known.
 * EINVAL:
 *   The structure is shorter than its first version, or a value is
 *   misaligned, empty or contradictory.
 * E2BIG:
 *   Bytes beyond what this kernel knows are not 0, or there is more than a page
 *   of them; or the objects of a call have too many traps together.
 * EOPNOTSUPP:
 *   A flag or a reserved member that this kernel does not know is set.
 * EOVERFLOW:
 *   offset + length wraps around.
 * ENOENT:
 *   The range lies outside of the arena or is not committed; code with traps,
 *   or a landing pad, is not sealed; there is no table with this id, or no
 *   view.
 * EEXIST:
 *   The range is committed already, or has a trap table already; or a
 *   landing pad and a protected range meet.
 * EBUSY:
 *   The handle has an arena, or the process a landing pad, already; a granule
 *   is being written by another call, or is named twice in this one; or it
 *   holds a landing pad that a trap table targets.
 * EPERM:
 *   The caller's address space does not own the arena; or a granule is sealed
 *   (or sealed and not patchable, or permanent), which forbids the change.
 * EAGAIN:
 *   A word to be patched does not hold the expected value.
 * EBADF:
 *   The handle was not opened for writing.
 * EBADFD:
 *   The handle has no arena yet.
 * EACCES:
 *   mmap or mprotect asked for rights that no view of an arena has; or the
 *   caller may not open the device for reading and writing.
 * ENOSPC:
 *   The arena's own limit is reached, for code or for metadata.
 * ENOMEM:
 *   Memory is exhausted, or the limit of the control group, of the user or of
 *   the machine is reached.
 * EFAULT:
 *   A user address cannot be read or written.
 * EINTR:
 *   A fatal signal is pending.
 */

/**
 * DOC: Limits
 *
 * The memory of an arena is *code*, which CODEARENA_COMMIT allocates, and
 * *metadata*: page states, trap tables, landing pads, and the longer arrays of a
 * call while it runs. Both are charged to the memory control group of the
 * caller, and count against these limits:
 *
 * - of the arena: code against its commit limit, metadata against a limit
 *   derived from that. Beyond them calls fail with ENOSPC.
 * - of the user who reserved the arena, and of the machine: code and metadata
 *   together. Beyond them calls fail with ENOMEM. The parameter
 *   commit_limit_mb of the module is the limit of the machine, user_share the
 *   percentage of it that one user gets, in all user namespaces together.
 *
 * One call accepts out_max_entries entries in an array and out_max_traps traps
 * in all its objects. &struct codearena_query and &struct codearena_stat report
 * limits and use.
 */

/**
 * DOC: Traps without signals
 *
 * Code may be registered with a table of *protected ranges*, each with a
 * *landing pad*. A trap at an instruction whose first byte lies in a protected
 * range continues at the pad, decided in the kernel: no signal is sent, no
 * handler runs, the mask and the stack of signals have no say. The traps are:
 *
 * - an access to a *guard view*: memory mapped from the device at
 *   CODEARENA_GUARD_OFFSET, of any length, shared, readable and writable,
 *   which no page ever backs;
 * - where &struct codearena_query.out_trap_kinds says so, a divide error and an
 *   undefined instruction.
 *
 * The instruction is looked up by the address space of the thread and its
 * program counter, so a table serves every view of its arena, in processes that
 * inherited or received one too. Every other trap is handled as usual:
 * at instructions without an entry, at breakpoints and single steps, at an
 * instruction fetch, in the landing pad itself, and in the kernel on behalf of
 * a system call, which fails with EFAULT.
 *
 * A landing pad lies in sealed code of the same arena and in no protected
 * range, or it is the external pad of the process (CODEARENA_TRAP_LANDING).
 *
 * State at the pad. The program counter is the pad's address. With
 * CODEARENA_TRAP_F_REPORT two registers are overwritten, which the code must
 * not use across a protected instruction:
 *
 * ===========  ===================  =========================================
 * machine      address of the       address of the access; or, with bit 63
 *              instruction          set, CODEARENA_TRAP_DIVIDE or _UNDEFINED
 * ===========  ===================  =========================================
 * x86-64       r10                  r11
 * arm64        x16                  x17
 * riscv64      t6                   t5
 * ===========  ===================  =========================================
 *
 * All other registers, flags, vector state and memory are as the processor
 * left them when it raised the trap: an instruction that did a part of its
 * work (rep movs, a store that straddles into the guard view) shows that part.
 * The stack is not touched: the pad finds the stack pointer, its alignment and
 * the red zone as the instruction had them, and may run on a stack that is
 * full. Nothing is pushed on a shadow stack. The pad is reached by a return
 * from an exception, not by a branch: it needs no ENDBR or BTI instruction,
 * and arm64's PSTATE.BTYPE is cleared.
 */

/**
 * DOC: New code and other processors
 *
 * When SEAL or PUBLISH returns, the bytes are in memory and the caches hold
 * nothing older. That a processor executes them needs one thing more: that it
 * has not fetched what was there before. How that is ensured without
 * CODEARENA_PUBLISH_F_SYNC, for a thread that got the address from the one that
 * made the call (by a load-acquire, or by a slot that was patched):
 *
 * - in a page of which nothing was sealed before, by the fault that maps it;
 * - on x86-64, always: instruction fetch is coherent with stores, and nothing is
 *   executed in granules that hold the trap fill;
 * - on arm64, in a page that is mapped already, by a context synchronisation
 *   event of the executing thread after it got the address: an ISB
 *   instruction, or its return from any system call, trap or interrupt.
 *   Without one it may execute the trap fill, or instructions in part. The
 *   caller's own thread has had one;
 * - on riscv64, always: before a slot of the call is patched, and before the call
 *   returns, every hart that is online is interrupted and executes fence.i.
 *
 * With the flag, on all architectures, no thread needs anything. It interrupts,
 * on x86-64, the processors that have an address space with a view of the arena
 * loaded; on arm64, where the kernel does not track these, and on riscv64, where a
 * switch to an address space does not synchronise, all that are online, isolated
 * ones too. The same holds for CODEARENA_PATCH_F_SYNC, for DISCARD, and
 * for replacing code.
 */

/**
 * DOC: Replacing code
 *
 * An object of PUBLISH with CODEARENA_OBJECT_F_REPLACE takes the place of what its
 * granules held: nothing yet, bytes of WRITE, or sealed code, patchable or not.
 * The caller, one process of several that change the arena perhaps, need not know
 * which. With the old code go its seal, its permission to be patched, and each trap
 * table whose code has a byte in one of the granules, even if it reaches further,
 * as with DISCARD. Objects with and without the flag may share a call.
 *
 * It is refused in an arena with CODEARENA_RESERVE_F_PERMANENT (EPERM), and where
 * the old code holds a landing pad that a table targets which stays (EBUSY). A call
 * that fails has left the old code, its tables and their traps in effect all the
 * time.
 *
 * What threads see. If sealed code is replaced, every thread, of every process that
 * maps the arena, fetches instructions of the old code up to a moment, and of the
 * new code from then on. The moment is the same for all objects of a call that
 * replace sealed code, and for all threads; no thread fetches an instruction that
 * is in part old, nor an old one after a new one. Between the two a thread that
 * reaches the code may wait for the call in a page fault, and so does one that
 * reads it. How that is ensured:
 *
 * - on all architectures the pages with the old code are unmapped from all views
 *   before the first byte changes, unless only the calling thread can execute them;
 *   before they can be mapped again, all processors synchronise as with
 *   CODEARENA_PATCH_F_SYNC. No flag is needed for that;
 * - on x86-64 the first of these interrupts the processors that execute the arena,
 *   the second does it again;
 * - on arm64 and riscv64 the second is what makes a processor drop old instructions
 *   which it has fetched ahead.
 *
 * A program counter and a return address in the old code stay what they are, and
 * continue at this address of the new code. The caller must ensure that this makes
 * sense: that no thread is in the code and none will return to it, or that
 * instructions begin at the same places in both. A trap of an instruction of the
 * old code may be looked up in the old table or in the new one.
 */

/**
 * DOC: Code that cannot be read
 *
 * Code views of an arena with CODEARENA_RESERVE_F_EXECUTE_ONLY can be mapped with
 * PROT_EXEC or PROT_NONE, and nothing else: mmap() and mprotect() answer EACCES to
 * PROT_READ, on every handle of the arena, in every process. The kernel does not
 * read the code for anybody: not for a system call that gets an address in a view
 * (EFAULT), process_vm_readv() and splicing (EFAULT), ptrace() and /proc/PID/mem
 * (EIO), nor for a core file.
 *
 * Loads are the processor's matter. CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED says
 * that this one refuses them, with SIGSEGV:
 *
 * - x86-64 with protection keys: the first view takes the key that the kernel sets
 *   aside for such mappings. mmap() answers EACCES if the process has none left, and
 *   pkey_mprotect() to any other key. It is as strong as PKRU, the register that
 *   every thread can write: see the security documentation.
 * - arm64 with EPAN (FEAT_PAN3), and riscv64: by the page tables.
 *
 * Elsewhere RESERVE answers EOPNOTSUPP, unless CODEARENA_RESERVE_F_UNENFORCED is set
 * too: then loads succeed, and so do system calls that copy as a load does. The
 * rest of the above still holds.
 *
 * Execution, traps and all commands work as in other arenas. Constants, jump tables
 * and other data that code loads must lie elsewhere. From the result of
 * CODEARENA_PATCH its caller, which may change the code anyway, learns whether a
 * word has a certain value.
 */

/* Grows whenever a command or a member is added. */
#define CODEARENA_ABI_REVISION	2

/* The type byte of all commands. */
#define CODEARENA_IOC_TYPE	0xC7

/*
 * The second mmap() offset: a guard view begins here, the code view at 0. It
 * lies above every arena and fits the 32-bit page offset of mmap2().
 */
#define CODEARENA_GUARD_OFFSET	0x10000000000ULL

/* In out_failed: no single entry was refused. */
#define CODEARENA_NO_INDEX	0xffffffffU

/* Size of an arena's name with its final NUL. */
#define CODEARENA_NAME_LEN	32

/* Command numbers. Never reused, appended only. */
enum {
	CODEARENA_CMD_BASE = 0x80,
	CODEARENA_CMD_QUERY = CODEARENA_CMD_BASE,
	CODEARENA_CMD_RESERVE = 0x81,
	CODEARENA_CMD_COMMIT = 0x82,
	CODEARENA_CMD_DECOMMIT = 0x83,
	CODEARENA_CMD_WRITE = 0x84,
	CODEARENA_CMD_SEAL = 0x85,
	CODEARENA_CMD_PUBLISH = 0x86,
	CODEARENA_CMD_PATCH = 0x87,
	CODEARENA_CMD_DISCARD = 0x88,
	CODEARENA_CMD_SHARE = 0x89,
	CODEARENA_CMD_STAT = 0x8a,
	CODEARENA_CMD_TRAP_REGISTER = 0x8b,
	CODEARENA_CMD_TRAP_RELEASE = 0x8c,
	CODEARENA_CMD_TRAP_LANDING = 0x8d,
	CODEARENA_CMD_CLONE = 0x8e,
	CODEARENA_CMD_OPEN = 0x8f
};

/* Feature bits, in &struct codearena_query.out_features */
#define CODEARENA_FEATURE_SYNC		0x1ULL /* PATCH_F_SYNC */
#define CODEARENA_FEATURE_SHARE		0x2ULL /* SHARE, SHARED_WRITER */
#define CODEARENA_FEATURE_PERMANENT	0x4ULL /* RESERVE_F_PERMANENT */
#define CODEARENA_FEATURE_TRAPS		0x8ULL /* TRAP_*, traps in PUBLISH */
#define CODEARENA_FEATURE_REPLACE	0x10ULL /* OBJECT_F_REPLACE */
#define CODEARENA_FEATURE_CLONE		0x20ULL /* CLONE */
#define CODEARENA_FEATURE_OPEN		0x40ULL /* OPEN */
#define CODEARENA_FEATURE_EXECUTE_ONLY	0x80ULL /* RESERVE_F_EXECUTE_ONLY */
/* This processor enforces it against loads. */
#define CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED	0x100ULL

/*
 * Kinds of traps: bits of &struct codearena_query.out_trap_kinds, and values
 * reported to a landing pad.
 */
#define CODEARENA_TRAP_MEMORY		0x1U
#define CODEARENA_TRAP_DIVIDE		0x2U
#define CODEARENA_TRAP_UNDEFINED	0x4U

/* In the register for the address: the other bits are the kind. */
#define CODEARENA_TRAP_NO_ADDRESS	0x8000000000000000ULL

/**
 * struct codearena_query - ioctl(CODEARENA_QUERY)
 * @size: sizeof(struct codearena_query)
 * @flags: must be 0
 * @out_abi_revision: revision of this interface in the running module
 * @out_machine: ELF machine number (EM_X86_64, ...) that code must be for
 * @out_page_size: bytes in a page, the unit of commit
 * @out_granule: bytes in a granule, the unit of sealing and discarding
 * @out_max_entries: most entries accepted in one array
 * @out_trap_kinds: CODEARENA_TRAP_* bits: traps that continue at a landing pad
 *                  on this machine
 * @out_features: CODEARENA_FEATURE_* bits
 * @out_max_length: largest arena in bytes
 * @out_preferred_align: an arena whose length is a multiple of this many
 *                       bytes is mapped at such a multiple
 * @out_commit_limit: bytes that all arenas of the machine may use together,
 *                    for code and for metadata
 * @out_commit_total: bytes of code that they have committed now
 * @out_metadata_total: bytes of metadata that they use now
 * @out_user_limit: bytes that all arenas of one user may use together
 * @out_user_total: bytes that the arenas of the calling user use now
 * @out_max_traps: most traps in all objects of one CODEARENA_PUBLISH together
 * @__reserved: 0
 *
 * Reports features and limits. Works on every handle, before and after RESERVE.
 *
 * Errors: EFAULT, EOPNOTSUPP.
 */
struct codearena_query {
	__u32 size;
	__u32 flags;
	__u32 out_abi_revision;
	__u32 out_machine;
	__u32 out_page_size;
	__u32 out_granule;
	__u32 out_max_entries;
	__u32 out_trap_kinds;
	__aligned_u64 out_features;
	__aligned_u64 out_max_length;
	__aligned_u64 out_preferred_align;
	__aligned_u64 out_commit_limit;
	__aligned_u64 out_commit_total;
	__aligned_u64 out_metadata_total;
	__aligned_u64 out_user_limit;
	__aligned_u64 out_user_total;
	__u32 out_max_traps;
	__u32 __reserved;
};

#define CODEARENA_QUERY _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_QUERY)

/* Flags of &struct codearena_reserve */
#define CODEARENA_RESERVE_F_PERMANENT		0x1U
#define CODEARENA_RESERVE_F_SHARED_WRITER	0x2U
#define CODEARENA_RESERVE_F_EXECUTE_ONLY	0x4U
#define CODEARENA_RESERVE_F_UNENFORCED		0x8U

/**
 * struct codearena_reserve - ioctl(CODEARENA_RESERVE)
 * @size: sizeof(struct codearena_reserve)
 * @flags: CODEARENA_RESERVE_F_PERMANENT: sealed code can neither be discarded
 *         nor decommitted, and views of it cannot be unmapped in part.
 *         CODEARENA_RESERVE_F_SHARED_WRITER: every process that holds a
 *         handle opened for writing may change the arena.
 *         CODEARENA_RESERVE_F_EXECUTE_ONLY: see "Code that cannot be read".
 *         CODEARENA_RESERVE_F_UNENFORCED: with it, also where this processor
 *         does not enforce that against loads.
 * @length: bytes of address space, a multiple of the page size, not more than
 *          &struct codearena_query.out_max_length
 * @commit_limit: most bytes that may be committed at a time, a multiple of the
 *                page size not above @length; 0 means @length
 * @name: shown in fdinfo; printable ASCII, ends in NUL
 *
 * Makes an empty handle, opened for reading and writing, an arena. No memory
 * is charged for code yet. The caller's address space becomes the owner.
 *
 * Errors: EBADF, EBUSY (the handle is an arena), EINVAL, ENOMEM, EOPNOTSUPP
 * (execute-only is not enforced here, too).
 */
struct codearena_reserve {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__aligned_u64 commit_limit;
	__u8 name[CODEARENA_NAME_LEN];
};

#define CODEARENA_RESERVE _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_RESERVE)

/**
 * struct codearena_commit - ioctl(CODEARENA_COMMIT)
 * @size: sizeof(struct codearena_commit)
 * @flags: must be 0
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * Backs the range with memory that is charged to the caller's memory control
 * group, filled with trap instructions, and cannot be swapped.
 *
 * Errors: EEXIST, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP,
 * EOVERFLOW.
 */
struct codearena_commit {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
};

#define CODEARENA_COMMIT _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_COMMIT)

/**
 * struct codearena_decommit - ioctl(CODEARENA_DECOMMIT)
 * @size: sizeof(struct codearena_decommit)
 * @flags: must be 0
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * Frees committed memory, sealed or not, and releases the trap tables of code in
 * it. Executing or reading it raises SIGBUS from then on.
 *
 * Errors: EBUSY, EINTR, EINVAL, ENOENT, EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_decommit {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
};

#define CODEARENA_DECOMMIT _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_DECOMMIT)

/**
 * struct codearena_chunk - one piece of CODEARENA_WRITE
 * @offset: where in the arena it goes; any byte
 * @source: user address of the bytes
 * @length: number of bytes, not 0
 */
struct codearena_chunk {
	__aligned_u64 offset;
	__aligned_u64 source;
	__aligned_u64 length;
};

/**
 * struct codearena_write - ioctl(CODEARENA_WRITE)
 * @size: sizeof(struct codearena_write)
 * @flags: must be 0
 * @chunks: user address of an array of &struct codearena_chunk
 * @count: entries in the array, 1 to &struct codearena_query.out_max_entries
 * @out_failed: on failure the index of the entry that was refused, or
 *              CODEARENA_NO_INDEX
 *
 * Copies bytes into committed granules which are not sealed. Two entries may
 * not touch the same granule.
 *
 * Errors: EBUSY, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC,
 * EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_write {
	__u32 size;
	__u32 flags;
	__aligned_u64 chunks;
	__u32 count;
	__u32 out_failed;
};

#define CODEARENA_WRITE _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_WRITE)

/* Flags of &struct codearena_seal */
#define CODEARENA_SEAL_F_PATCHABLE	0x1U

/**
 * struct codearena_seal - ioctl(CODEARENA_SEAL)
 * @size: sizeof(struct codearena_seal)
 * @flags: CODEARENA_SEAL_F_PATCHABLE: CODEARENA_PATCH may store to the range
 * @offset: first byte, a multiple of the granule
 * @length: bytes, a multiple of the granule, not 0
 *
 * Makes the range immutable and executable, after the instruction caches were
 * made coherent with it. Sealing what is sealed is no error. Without
 * CODEARENA_SEAL_F_PATCHABLE it withdraws the permission to patch from a range
 * that has it; nothing gives it to a range that was sealed without.
 *
 * Errors: EBUSY, EINTR, EINVAL, ENOENT, EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_seal {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
};

#define CODEARENA_SEAL _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_SEAL)

/* Flags of &struct codearena_object */
#define CODEARENA_OBJECT_F_PATCHABLE	0x1U
#define CODEARENA_OBJECT_F_REPORT	0x2U
#define CODEARENA_OBJECT_F_REPLACE	0x4U

/* A landing pad outside of every arena, see CODEARENA_TRAP_LANDING. */
#define CODEARENA_LANDING_EXTERNAL	0xffffffffffffffffULL

/**
 * struct codearena_trap - a protected range and its landing pad
 * @start: first byte, counted from the beginning of the code that the table is
 *         for
 * @length: bytes; instructions that begin in the range are protected. 1 is one
 *          instruction, at @start exactly.
 * @landing: where in the arena the landing pad is, or
 *           CODEARENA_LANDING_EXTERNAL
 */
struct codearena_trap {
	__u32 start;
	__u32 length;
	__aligned_u64 landing;
};

/**
 * struct codearena_object - one code object of CODEARENA_PUBLISH
 * @offset: where in the arena it goes, a multiple of the granule
 * @source: user address of its bytes
 * @length: number of bytes, not 0. The rest of the last granule is filled
 *          with trap instructions and sealed too.
 * @traps: user address of an array of &struct codearena_trap for this object;
 *         their landing pads may lie in objects of the same call
 * @trap_count: entries in @traps, 0 to out_max_entries
 * @flags: CODEARENA_OBJECT_F_PATCHABLE: CODEARENA_PATCH may store to it.
 *         CODEARENA_OBJECT_F_REPORT: as CODEARENA_TRAP_F_REPORT.
 *         CODEARENA_OBJECT_F_REPLACE: its granules may be sealed already, see
 *         "Replacing code"
 * @out_trap_id: with traps, gets what CODEARENA_TRAP_RELEASE takes; valid when
 *               the call succeeds
 */
struct codearena_object {
	__aligned_u64 offset;
	__aligned_u64 source;
	__aligned_u64 length;
	__aligned_u64 traps;
	__u32 trap_count;
	__u32 flags;
	__aligned_u64 out_trap_id;
};

/**
 * struct codearena_patch_entry - one word of CODEARENA_PATCH
 * @offset: where in the arena, a multiple of @width
 * @expected: the value that the word must hold
 * @value: the value it gets
 * @width: 4 or 8 bytes. With 4, @expected and @value must fit in 32 bits.
 * @__reserved: must be 0
 */
struct codearena_patch_entry {
	__aligned_u64 offset;
	__aligned_u64 expected;
	__aligned_u64 value;
	__u32 width;
	__u32 __reserved;
};

/* Flags of &struct codearena_publish */
#define CODEARENA_PUBLISH_F_SYNC	0x1U

/**
 * struct codearena_publish - ioctl(CODEARENA_PUBLISH)
 * @size: sizeof(struct codearena_publish)
 * @flags: CODEARENA_PUBLISH_F_SYNC: as CODEARENA_PATCH_F_SYNC
 * @objects: user address of an array of &struct codearena_object
 * @patches: user address of an array of &struct codearena_patch_entry
 * @object_count: entries in @objects, 1 to out_max_entries
 * @patch_count: entries in @patches, 0 to out_max_entries
 * @out_failed: on failure the index of the object that was refused,
 *              @object_count + the index of the patch, or CODEARENA_NO_INDEX
 * @__reserved: must be 0
 *
 * Copies the objects into committed granules that are not sealed, unless
 * CODEARENA_OBJECT_F_REPLACE allows it, makes the instruction caches coherent,
 * seals the granules with their traps, and then applies the patches in order, so
 * that a jump-table slot never targets code that is not published yet. Objects
 * may not share a granule. The patches must lie in ranges that were patchable
 * before the call, and are not replaced by it.
 *
 * Errors: E2BIG, EAGAIN, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM,
 * ENOSPC, EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_publish {
	__u32 size;
	__u32 flags;
	__aligned_u64 objects;
	__aligned_u64 patches;
	__u32 object_count;
	__u32 patch_count;
	__u32 out_failed;
	__u32 __reserved;
};

#define CODEARENA_PUBLISH _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_PUBLISH)

/* Flags of &struct codearena_patch */
#define CODEARENA_PATCH_F_SYNC	0x1U

/**
 * struct codearena_patch - ioctl(CODEARENA_PATCH)
 * @size: sizeof(struct codearena_patch)
 * @flags: CODEARENA_PATCH_F_SYNC: before the call returns, every processor
 *         that runs a process which maps the arena, the caller's too, has
 *         executed a context-synchronising instruction, so that none of them
 *         executes the old words any more
 * @patches: user address of an array of &struct codearena_patch_entry
 * @count: entries in the array, 1 to &struct codearena_query.out_max_entries
 * @out_failed: on failure the index of the entry that was refused, or
 *              CODEARENA_NO_INDEX
 *
 * Compares and exchanges words in sealed, patchable granules. All words are
 * compared before the first is stored; each store is one naturally aligned
 * atomic access, in the order of the array. A word may be named only once, and
 * not in code that another call is replacing.
 *
 * Errors: EAGAIN, EBUSY, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC,
 * EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_patch {
	__u32 size;
	__u32 flags;
	__aligned_u64 patches;
	__u32 count;
	__u32 out_failed;
};

#define CODEARENA_PATCH _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_PATCH)

/**
 * struct codearena_range - one range of CODEARENA_DISCARD
 * @offset: first byte, a multiple of the granule
 * @length: bytes, a multiple of the granule, not 0
 */
struct codearena_range {
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * struct codearena_discard - ioctl(CODEARENA_DISCARD)
 * @size: sizeof(struct codearena_discard)
 * @flags: must be 0
 * @ranges: user address of an array of &struct codearena_range
 * @count: entries in the array, 1 to &struct codearena_query.out_max_entries
 * @out_failed: on failure the index of the entry that was refused, or
 *              CODEARENA_NO_INDEX
 *
 * Fills committed ranges with trap instructions and unseals them, so that they
 * can be written again. Releases the trap tables of code in the ranges, unmaps
 * pages without sealed code, and synchronises all processors as with
 * CODEARENA_PATCH_F_SYNC before it returns. Ranges may not overlap. The caller
 * must ensure that no thread still executes the code; a thread that does hits a
 * trap instruction or a page fault.
 *
 * Errors: EBUSY, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC,
 * EOPNOTSUPP, EOVERFLOW, EPERM.
 */
struct codearena_discard {
	__u32 size;
	__u32 flags;
	__aligned_u64 ranges;
	__u32 count;
	__u32 out_failed;
};

#define CODEARENA_DISCARD _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_DISCARD)

/**
 * struct codearena_share - ioctl(CODEARENA_SHARE)
 * @size: sizeof(struct codearena_share)
 * @flags: must be 0
 * @out_fd: a new O_RDONLY, O_CLOEXEC file descriptor of the same arena
 * @__reserved: must be 0
 *
 * The new handle can map views, query, and be passed to another process. It
 * cannot change the arena.
 *
 * Errors: EFAULT, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP.
 */
struct codearena_share {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
};

#define CODEARENA_SHARE _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_SHARE)

/**
 * struct codearena_stat - ioctl(CODEARENA_STAT)
 * @size: sizeof(struct codearena_stat)
 * @flags: must be 0
 * @out_length: bytes reserved
 * @out_commit_limit: most bytes that may be committed
 * @out_committed: bytes committed now
 * @out_sealed: bytes sealed now, patchable ones included
 * @out_patchable: bytes sealed and patchable now
 * @out_published: objects ever published
 * @out_written: bytes ever copied in, by WRITE and by PUBLISH
 * @out_patched: words ever patched
 * @out_discarded: sealed bytes ever discarded, decommitted or replaced
 * @out_syncs: synchronisations of all processors
 * @out_trap_tables: tables of traps registered now
 * @out_trap_entries: protected ranges in them
 * @out_traps_memory: memory traps that went to a landing pad
 * @out_traps_divide: divide errors that did
 * @out_traps_undefined: undefined instructions that did
 * @out_metadata: bytes of metadata used now
 * @out_metadata_limit: limit of @out_metadata: 16 MiB plus four times
 *                      @out_commit_limit
 *
 * The arena's counters, taken together at one moment. Works on every handle
 * of an arena, from every process.
 *
 * Errors: EFAULT, EINTR, EOPNOTSUPP.
 */
struct codearena_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 out_length;
	__aligned_u64 out_commit_limit;
	__aligned_u64 out_committed;
	__aligned_u64 out_sealed;
	__aligned_u64 out_patchable;
	__aligned_u64 out_published;
	__aligned_u64 out_written;
	__aligned_u64 out_patched;
	__aligned_u64 out_discarded;
	__aligned_u64 out_syncs;
	__aligned_u64 out_trap_tables;
	__aligned_u64 out_trap_entries;
	__aligned_u64 out_traps_memory;
	__aligned_u64 out_traps_divide;
	__aligned_u64 out_traps_undefined;
	__aligned_u64 out_metadata;
	__aligned_u64 out_metadata_limit;
};

#define CODEARENA_STAT _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_STAT)

/* Flags of &struct codearena_trap_register */
#define CODEARENA_TRAP_F_REPORT		0x1U

/**
 * struct codearena_trap_register - ioctl(CODEARENA_TRAP_REGISTER)
 * @size: sizeof(struct codearena_trap_register)
 * @flags: CODEARENA_TRAP_F_REPORT: two registers report the instruction and the
 *         address or kind of the trap, see "Traps without signals"
 * @offset: first byte of the code that the table is for
 * @length: bytes of it; all of them sealed
 * @traps: user address of an array of &struct codearena_trap, in any order,
 *         disjoint, inside of the code
 * @count: entries in the array, 1 to &struct codearena_query.out_max_entries
 * @out_failed: on failure the index of the entry that was refused, or
 *              CODEARENA_NO_INDEX
 * @out_id: gets what CODEARENA_TRAP_RELEASE takes, never 0; valid when the
 *          call succeeds
 *
 * Registers traps for code that is sealed already. Tables may not overlap.
 *
 * Errors: EEXIST, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC,
 * EOPNOTSUPP, EOVERFLOW.
 */
struct codearena_trap_register {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 traps;
	__u32 count;
	__u32 out_failed;
	__aligned_u64 out_id;
};

#define CODEARENA_TRAP_REGISTER \
	_IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_TRAP_REGISTER)

/**
 * struct codearena_trap_release - ioctl(CODEARENA_TRAP_RELEASE)
 * @size: sizeof(struct codearena_trap_release)
 * @flags: must be 0
 * @id: from CODEARENA_TRAP_REGISTER or CODEARENA_PUBLISH
 *
 * Traps that occur after the call has returned are handled as usual.
 *
 * Errors: EINTR, ENOENT (released before, by DISCARD perhaps), EOPNOTSUPP.
 */
struct codearena_trap_release {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
};

#define CODEARENA_TRAP_RELEASE \
	_IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_TRAP_RELEASE)

/**
 * struct codearena_trap_landing - ioctl(CODEARENA_TRAP_LANDING)
 * @size: sizeof(struct codearena_trap_landing)
 * @flags: must be 0
 * @address: of the pad, in the caller's address space
 *
 * Sets where traps with CODEARENA_LANDING_EXTERNAL continue in the calling
 * process, for all views of this arena that it has or maps later, and in its
 * forked children. It is set once; it is forgotten with the last view. Works on
 * every handle of the arena: each process that maps it has a pad of its own.
 * Where none is set, such traps are handled as usual.
 *
 * Errors: EBUSY (set already), EINVAL (no address of user space), ENOENT (the
 * process has no view), EOPNOTSUPP.
 */
struct codearena_trap_landing {
	__u32 size;
	__u32 flags;
	__aligned_u64 address;
};

#define CODEARENA_TRAP_LANDING \
	_IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_TRAP_LANDING)

/**
 * struct codearena_clone - ioctl(CODEARENA_CLONE)
 * @size: sizeof(struct codearena_clone)
 * @flags: must be 0
 * @out_fd: a new O_RDWR, O_CLOEXEC file descriptor of a new arena
 * @__reserved: must be 0
 *
 * Makes a new arena with the committed bytes, seals, patchable granules, trap
 * tables with their ids, landing pads, length, limits, flags and name of this
 * one, as they are at one moment. The caller's address space owns it. Neither
 * arena sees later changes of the other. The counters of events in &struct
 * codearena_stat, such as out_published, begin at 0.
 *
 * Granules that another call is writing at that moment and that are not sealed
 * are committed and hold trap instructions in the new arena.
 *
 * The two arenas share the memory of a page until one of them changes it by
 * WRITE, PUBLISH, PATCH or DISCARD. That call allocates a copy, for which it
 * may fail with ENOMEM, and keeps the copies that it has made then; its limits
 * it meets already, since a clone counts in full from the beginning. The page is
 * unmapped from the views of its arena for a moment: threads that execute it
 * take a page fault.
 *
 * Works on every handle of an arena, from every process. It is meant for the
 * child of a fork, which gets EPERM for changes of the inherited arena: it maps
 * the clone with MAP_FIXED over its inherited views, sets its external landing
 * pad again, and goes on with code at the same addresses.
 *
 * On a handle that is not opened for writing, CODEARENA_CLONE needs the
 * permission that CODEARENA_OPEN needs. Security modules are always called as
 * by open(2).
 *
 * Errors: EACCES, EFAULT, EINTR, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP.
 */
struct codearena_clone {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
};

#define CODEARENA_CLONE _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_CLONE)

/**
 * struct codearena_open - ioctl(CODEARENA_OPEN)
 * @size: sizeof(struct codearena_open)
 * @flags: must be 0
 * @out_fd: a new O_RDWR, O_CLOEXEC file descriptor of the device, without an
 *          arena
 * @__reserved: must be 0
 *
 * Opens the device again, for processes that hold a handle and cannot reach the
 * node: after chroot(2), or in a mount namespace without it. Permissions of the
 * node, the device control group and security modules are checked for the
 * caller as by open(2) with O_RDWR; a node on a file system that is mounted
 * with nodev is refused.
 *
 * Works on every handle, before and after RESERVE.
 *
 * Errors: EACCES, EFAULT, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP.
 */
struct codearena_open {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
};

#define CODEARENA_OPEN _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_OPEN)

#endif /* _UAPI_LINUX_CODEARENA_H */
