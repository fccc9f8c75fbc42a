/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: arenas of executable memory for JIT compilers.
 */
#ifndef CODEARENA_H
#define CODEARENA_H

#include <stddef.h>
#include <stdint.h>
#include <linux/codearena.h>

/*
 * Terms
 *
 * arena       a fixed number of bytes of address space for code, addressed by
 *             offset; opaque struct codearena_arena
 * code view   the mapping of the whole arena in this process, readable and
 *             executable, never writable
 * page        unit of commit
 * granule     unit of sealing, 1/64 of a page
 * commit      back a range with memory that holds trap instructions
 * seal        make a range of granules immutable; only then may it be executed
 * publish     copy code in, seal it and patch words elsewhere, in one call
 * patch       compare and exchange words in sealed, patchable granules
 * discard     remove the seal and fill with trap instructions
 * backend     what implements the arena: the device /dev/codearena (the
 *             kernel), or the fallback, a memfd mapped twice
 *
 * Return values
 *
 * Functions that return int return 0 or a negative errno; they leave errno
 * undefined. The codes have the meaning that <linux/codearena.h> gives them, on
 * both backends; codearena_strerror() describes them. A call that fails changes
 * nothing. A NULL arena, or a NULL pointer for a result that is not documented
 * as optional, is -EINVAL. -EIO means that the device returned an errno that
 * the interface does not have.
 *
 * Parameters called failed may be NULL. On failure they get the index of the
 * refused entry, or SIZE_MAX if no single entry is to blame; on success
 * SIZE_MAX.
 *
 * Threads
 *
 * Every function may be called from any thread at any time, on the same arena
 * too, except codearena_arena_free(), which must be the last call on its arena.
 * The device changes different granules of an arena in parallel; the fallback
 * has one lock for all arenas of the process. From a signal handler only these
 * may be called: the accessors codearena_arena_backend() to
 * codearena_arena_page_size(), codearena_backend_name(), codearena_strerror()
 * and codearena_version().
 *
 * fork()
 *
 * The child has the code view. It may execute it, read the counters, share the
 * arena, and free its copy of the handle. Changes return -EPERM, unless the
 * arena has CODEARENA_RESERVE_F_SHARED_WRITER. On the fallback the child's
 * counters are those of the moment of the fork. codearena_arena_clone() gives
 * the child an arena of its own in place of the inherited one.
 *
 * What the fallback does not do
 *
 * It has the same functions, states and errors, but not the security promise:
 *
 * - The library holds a second, writable mapping of the code. An attacker who
 *   finds its address, or uses /proc/PID/fd, /proc/PID/mem or ptrace, can
 *   change sealed code. A child of fork() has no such mapping, but inherits the
 *   file descriptor. Core dumps leave the mapping out.
 * - An arena belongs to one process: codearena_arena_share(),
 *   codearena_arena_attach() and CODEARENA_RESERVE_F_SHARED_WRITER return
 *   -EOPNOTSUPP.
 * - It never returns -EFAULT. Arrays and code are used where they are, like
 *   arguments of memcpy(): a bad address is a fault of the caller, no other
 *   thread may change them during the call, and code to be copied must not lie
 *   where the same call writes.
 * - A committed granule that is not sealed can be read and executed; it holds
 *   trap instructions or what was written. Memory that is not committed raises
 *   SIGBUS, as on the device. A child of fork() sees only memory that was
 *   committed before the fork.
 * - codearena_arena_clone() copies all committed memory at once, with the bytes
 *   that the code view shows then and the states of the moment of the fork: the
 *   parent must not change the arena between the two.
 * - Views of a CODEARENA_RESERVE_F_PERMANENT arena can be unmapped in part.
 * - CODEARENA_OBJECT_F_REPLACE returns -EOPNOTSUPP: nothing keeps other threads
 *   from executing code while it changes. So does CODEARENA_RESERVE_F_EXECUTE_ONLY:
 *   the library's own mapping can be read.
 * - Synchronisation (CODEARENA_PATCH_F_SYNC, discarding) reaches the threads of
 *   the calling process, not a child that still executes the code.
 * - Memory is charged to the control group as shared memory. No limit covers
 *   all arenas together, or metadata, which the counters leave out.
 * - Each committed range that is apart from others takes two of the mappings that
 *   a process may have (vm.max_map_count). Committing more fails with -ENOMEM when
 *   they take three quarters of them.
 * - After mlockall(MCL_FUTURE) committed memory is locked, the rest of an arena
 *   takes none; but an arena that is larger than RLIMIT_MEMLOCK is -ENOMEM for
 *   unprivileged programs.
 * - Traps go through signal handlers, with the limits in codearena/trap.h.
 */

/* The version of this header; codearena_version() is that of the library. */
#define CODEARENA_VERSION_MAJOR	1
#define CODEARENA_VERSION_MINOR	0
#define CODEARENA_VERSION_PATCH	0

/* For comparisons in #if, as CODEARENA_VERSION_NUMBER >= 1002000 for 1.2.0. */
#define CODEARENA_VERSION_NUMBER					\
	(CODEARENA_VERSION_MAJOR * 1000000 +				\
	 CODEARENA_VERSION_MINOR * 1000 + CODEARENA_VERSION_PATCH)

#define CODEARENA_STRING__(major, minor, patch)	#major "." #minor "." #patch
#define CODEARENA_STRING_(major, minor, patch)	\
	CODEARENA_STRING__(major, minor, patch)

/* The same as codearena_version() returns it. */
#define CODEARENA_VERSION_STRING					\
	CODEARENA_STRING_(CODEARENA_VERSION_MAJOR, CODEARENA_VERSION_MINOR, \
			  CODEARENA_VERSION_PATCH)

#ifdef __cplusplus
#define CODEARENA_OPTS(type, name) \
	struct type name = codearena_opts_init<struct type>()

template <typename type> inline type codearena_opts_init()
{
	type opts = type();

	opts.sz = sizeof(opts);
	return opts;
}
#else
#define CODEARENA_OPTS_(type, name, ...) \
	struct type name = { .sz = sizeof(struct type), __VA_ARGS__ }

/**
 * CODEARENA_OPTS - declare and initialise an options or information structure
 * @...: structure tag, e.g. codearena_arena_opts; name of the variable; in C
 *       only: designated initialisers. Other members are 0
 *
 * Structures that begin with sz must have it set to their size in the program,
 * so that programs and libraries of different ages understand each other:
 * members that the program does not have count as 0, and bytes that the library
 * does not know must be 0 (else -E2BIG). In an array of such structures all
 * entries have the same sz, which is the distance between them.
 */
#define CODEARENA_OPTS(...)	CODEARENA_OPTS_(__VA_ARGS__,)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum codearena_backend - which backend implements an arena
 * @CODEARENA_BACKEND_AUTO: the device if it is usable, else the fallback. If
 *                          the environment variable CODEARENA_BACKEND is
 *                          "device" or "memfd", it decides instead (ignored in
 *                          set-user-ID programs; any other value is -EINVAL).
 * @CODEARENA_BACKEND_DEVICE: the kernel module
 * @CODEARENA_BACKEND_MEMFD: the fallback, a memfd mapped twice; see above
 */
enum codearena_backend {
	CODEARENA_BACKEND_AUTO = 0,
	CODEARENA_BACKEND_DEVICE,
	CODEARENA_BACKEND_MEMFD
};

/**
 * struct codearena_info - what a backend can do
 * @sz: set by the caller to sizeof(struct codearena_info)
 * @backend: the described backend; never CODEARENA_BACKEND_AUTO
 * @machine: ELF machine number that code must be for
 * @page_size: bytes in a page
 * @granule: bytes in a granule
 * @max_entries: most entries accepted in one array
 * @abi_revision: revision of the interface
 * @features: CODEARENA_FEATURE_* bits
 * @max_length: largest arena in bytes
 * @commit_limit: bytes that all arenas of the machine may commit together;
 *                UINT64_MAX if there is no such limit
 */
struct codearena_info {
	size_t sz;
	enum codearena_backend backend;
	uint32_t machine;
	uint32_t page_size;
	uint32_t granule;
	uint32_t max_entries;
	uint32_t abi_revision;
	uint64_t features;
	uint64_t max_length;
	uint64_t commit_limit;
};

/**
 * struct codearena_arena_opts - how to make an arena
 * @sz: set by the caller to sizeof(struct codearena_arena_opts)
 * @name: shown in /proc; printable ASCII, shorter than CODEARENA_NAME_LEN;
 *        NULL: ""
 * @device: path of the device, NULL: /dev/codearena; the fallback ignores it
 * @backend: which backend to use
 * @flags: CODEARENA_RESERVE_F_* bits. With CODEARENA_RESERVE_F_EXECUTE_ONLY the
 *         code view can be executed and not read; jump tables work, unless
 *         CODEARENA_RESERVE_F_SHARED_WRITER is set too
 * @commit_limit: most bytes that may be committed at a time, a multiple of the
 *                page size not above the length; 0: the length
 * @near: place the code view near this address; NULL: anywhere
 * @reach: with @near: the code view lies between @near - @reach and
 *         @near + @reach; 0: the branch reach of the architecture, 2 GiB on
 *         x86-64 and riscv64, 128 MiB on arm64
 */
struct codearena_arena_opts {
	size_t sz;
	const char *name;
	const char *device;
	enum codearena_backend backend;
	uint32_t flags;
	uint64_t commit_limit;
	const void *near;
	uint64_t reach;
};

struct codearena_arena;

/**
 * codearena_probe - check whether a backend is usable here
 * @backend: the backend in question; AUTO: the one that would be used
 * @info: NULL, or gets the description of the backend; @sz must be set. Bytes
 *        that this library does not know become 0.
 *
 * Makes an arena of one page and frees it.
 *
 * Return: 0 if the backend is usable. For the device:
 * -ENOENT: there is no /dev/codearena; the module is not loaded.
 * -EACCES: the caller may not open it for reading and writing.
 * -ENXIO, -ENODEV: the node exists, but no driver answers.
 * -ENOTTY: the node belongs to another driver.
 * -EPERM: it can be opened, but not be mapped for execution: /dev is mounted
 *         noexec, or a security policy forbids it.
 * -ENOEXEC: it holds code for another machine than this program's.
 * -EPROTO: its answers contradict the interface.
 * For the fallback:
 * -ENOSYS: the system has no memfd_create().
 * -EPERM: executable shared memory is forbidden by a security policy.
 * For both: -EINVAL: @backend, @info->sz, or the environment variable is wrong;
 * -EMFILE, -ENFILE, -ENOMEM, -EINTR: as for open(2) and mmap(2).
 */
int codearena_probe(enum codearena_backend backend,
		    struct codearena_info *info);

/**
 * codearena_backend_name - name of a backend
 * @backend: any value
 *
 * Return: "auto", "device" or "memfd"; "unknown" for any other value.
 */
const char *codearena_backend_name(enum codearena_backend backend);

/**
 * codearena_version - version of the library that runs
 *
 * Return: MAJOR.MINOR.PATCH as a string.
 */
const char *codearena_version(void);

/**
 * codearena_strerror - describe an error of this library
 * @error: what a function returned, or an errno
 *
 * Unlike strerror() it says what the code means here, in English.
 *
 * Return: a constant string, also for 0 and for unknown codes.
 */
const char *codearena_strerror(int error);

/**
 * codearena_arena_new - make an arena
 * @length: bytes of address space, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the arena; NULL on failure
 *
 * Opens the backend, reserves the arena and maps its code view. No page is
 * committed. The calling process (address space) owns the arena. A view of
 * 2 MiB or more is aligned to 2 MiB where possible.
 *
 * Return: 0; -ENOSPC: no address range that @opts->near and @opts->reach
 * describe is free; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is
 * wrong, or the backend does not support a flag; the codes of
 * codearena_probe().
 */
int codearena_arena_new(uint64_t length,
			const struct codearena_arena_opts *opts,
			struct codearena_arena **out);

/**
 * codearena_arena_attach - map an arena of another process
 * @fd: from codearena_arena_share(), received over a UNIX socket or inherited.
 *      The caller owns it, and may close it after the call.
 * @opts: NULL, or options: only @backend, @near and @reach may be set.
 *        Only arenas on the device can be attached.
 * @out: gets the arena; NULL on failure
 *
 * The result can be executed, read, queried and shared on. Every change is
 * refused with -EBADF.
 *
 * Return: 0; -EBADFD: @fd is not an arena, or not of the backend that @opts
 * demands; -EOPNOTSUPP: @fd is a memfd; -EBADF: @fd is not open; -ENOSPC,
 * -EINVAL, -E2BIG, -EPERM, -EMFILE, -ENOMEM: as codearena_arena_new().
 */
int codearena_arena_attach(int fd, const struct codearena_arena_opts *opts,
			   struct codearena_arena **out);

/**
 * codearena_arena_free - unmap the code view and close the arena
 * @arena: NULL, or an arena, which is invalid after the call
 *
 * The caller must ensure that no thread executes its code any more. Other
 * processes that map the arena keep their view.
 */
void codearena_arena_free(struct codearena_arena *arena);

/**
 * codearena_arena_backend - which backend implements the arena
 * @arena: arena
 *
 * Return: CODEARENA_BACKEND_DEVICE or CODEARENA_BACKEND_MEMFD;
 * CODEARENA_BACKEND_AUTO if @arena is NULL.
 */
enum codearena_backend
codearena_arena_backend(const struct codearena_arena *arena);

/**
 * codearena_arena_backend_reason - why an arena is on the fallback
 * @arena: arena
 *
 * A program may show it to its user: codearena_strerror() describes it, and
 * codearenactl check says more.
 *
 * Return: 0: it is on the device, or on the fallback by the wish of the program
 * or of the environment variable; -EOPNOTSUPP: the program runs under valgrind;
 * else what codearena_probe() returned for the device when CODEARENA_BACKEND_AUTO
 * chose; -EINVAL: @arena is NULL.
 */
int codearena_arena_backend_reason(const struct codearena_arena *arena);

/**
 * codearena_arena_base - address of offset 0 in the code view
 * @arena: arena
 *
 * The address never changes. With CODEARENA_RESERVE_F_EXECUTE_ONLY nothing can be
 * read there. Return: the address; NULL if @arena is NULL.
 */
const void *codearena_arena_base(const struct codearena_arena *arena);

/**
 * codearena_arena_length - bytes of address space
 * @arena: arena
 *
 * Return: the length; 0 if @arena is NULL.
 */
uint64_t codearena_arena_length(const struct codearena_arena *arena);

/**
 * codearena_arena_fd - file descriptor of the arena
 * @arena: arena
 *
 * It belongs to the arena and must not be closed. On the device it can change
 * the arena; on the fallback it is open for reading only. To hand the
 * arena to another process use codearena_arena_share().
 *
 * Return: the descriptor; -1 if @arena is NULL.
 */
int codearena_arena_fd(const struct codearena_arena *arena);

/**
 * codearena_arena_granule - bytes in a granule
 * @arena: arena
 *
 * Return: bytes, a power of two; 0 if @arena is NULL.
 */
uint32_t codearena_arena_granule(const struct codearena_arena *arena);

/**
 * codearena_arena_page_size - bytes in a page
 * @arena: arena
 *
 * Return: bytes, a power of two; 0 if @arena is NULL.
 */
uint32_t codearena_arena_page_size(const struct codearena_arena *arena);

/**
 * codearena_arena_commit - back a range with memory
 * @arena: arena
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * See struct codearena_commit. No page of the range may be committed already.
 *
 * Return: 0, -EBADF, -EEXIST, -EINVAL, -ENOENT, -ENOMEM, -ENOSPC (the arena's
 * commit limit), -EOVERFLOW, -EPERM.
 */
int codearena_arena_commit(struct codearena_arena *arena, uint64_t offset,
			   uint64_t length);

/**
 * codearena_arena_decommit - give the memory of a range back
 * @arena: arena
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * See struct codearena_decommit. All pages of the range must be committed.
 *
 * Return: 0, -EBADF, -EBUSY, -EINVAL, -ENOENT, -EOVERFLOW, -EPERM.
 */
int codearena_arena_decommit(struct codearena_arena *arena, uint64_t offset,
			     uint64_t length);

/**
 * codearena_arena_write - copy bytes into committed granules not yet sealed
 * @arena: arena
 * @chunks: array of pieces
 * @count: entries of @chunks, not 0
 * @failed: see above
 *
 * See struct codearena_chunk and struct codearena_write.
 *
 * Return: 0, -EBADF, -EBUSY, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOVERFLOW,
 * -EPERM.
 */
int codearena_arena_write(struct codearena_arena *arena,
			  const struct codearena_chunk *chunks, size_t count,
			  size_t *failed);

/**
 * codearena_arena_seal - make a range immutable and executable
 * @arena: arena
 * @offset: first byte, a multiple of the granule
 * @length: bytes, a multiple of the granule, not 0
 * @flags: CODEARENA_SEAL_F_PATCHABLE
 *
 * See struct codearena_seal.
 *
 * Return: 0, -EBADF, -EBUSY, -EINVAL, -ENOENT, -EOPNOTSUPP, -EOVERFLOW, -EPERM.
 */
int codearena_arena_seal(struct codearena_arena *arena, uint64_t offset,
			 uint64_t length, uint32_t flags);

/**
 * codearena_arena_publish - copy code in, seal it, then patch
 * @arena: arena
 * @objects: array of code objects
 * @object_count: entries of @objects, not 0
 * @patches: array of words to patch afterwards; may be NULL if there are none
 * @patch_count: entries of @patches
 * @flags: CODEARENA_PUBLISH_F_SYNC
 * @failed: see above; @object_count + the index if a patch was refused
 *
 * See struct codearena_object and struct codearena_publish. The call writes
 * only out_trap_id of objects that have traps: an array without traps may be
 * read-only. With CODEARENA_OBJECT_F_REPLACE, for which the device has
 * CODEARENA_FEATURE_REPLACE, an object takes the place of sealed code; "Replacing
 * code" in the documentation of the device says what threads see.
 *
 * Return: 0, -EAGAIN, -EBADF, -EBUSY, -EEXIST, -EFAULT, -EINVAL, -ENOENT,
 * -ENOMEM, -EOPNOTSUPP, -EOVERFLOW, -EPERM.
 */
int codearena_arena_publish(struct codearena_arena *arena,
			    struct codearena_object *objects,
			    size_t object_count,
			    const struct codearena_patch_entry *patches,
			    size_t patch_count, uint32_t flags,
			    size_t *failed);

/**
 * codearena_arena_patch - compare and exchange words of sealed code
 * @arena: arena
 * @patches: array of words
 * @count: entries of @patches, not 0
 * @flags: CODEARENA_PATCH_F_SYNC
 * @failed: see above
 *
 * See struct codearena_patch_entry and struct codearena_patch.
 *
 * Return: 0, -EAGAIN, -EBADF, -EBUSY (the code is being replaced), -EFAULT,
 * -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP, -EOVERFLOW, -EPERM.
 */
int codearena_arena_patch(struct codearena_arena *arena,
			  const struct codearena_patch_entry *patches,
			  size_t count, uint32_t flags, size_t *failed);

/* Most bytes that codearena_arena_patch_bytes() changes at a time. */
#define CODEARENA_PATCH_BYTES_MAX	4096

/**
 * codearena_arena_patch_bytes - change any bytes of patchable code
 * @arena: arena
 * @offset: where in the arena; any byte
 * @bytes: what the bytes become
 * @length: how many, 1 to CODEARENA_PATCH_BYTES_MAX
 * @flags: CODEARENA_PATCH_F_SYNC
 *
 * For operands that are not aligned. Exchanges the words that hold the bytes, in
 * order of address, each by one atomic store: of 8 bytes, aligned to 8, where
 * more than 4 of these are concerned; else of 4, aligned to 4. So bytes within
 * one such word change at once; more of them do not, and a thread that executes
 * them meanwhile may find some old and some new words. What other threads write
 * beside the bytes, in the same words, is kept.
 *
 * All or nothing. The code must not be discarded meanwhile, as if it were
 * executed. Two system calls or more; where the words are known,
 * codearena_arena_patch() is one.
 *
 * Return: 0; -EAGAIN: others changed the same words again and again; -EBADF,
 * -EBUSY, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP, -EOVERFLOW, -EPERM.
 */
int codearena_arena_patch_bytes(struct codearena_arena *arena, uint64_t offset,
				const void *bytes, size_t length,
				uint32_t flags);

/**
 * codearena_arena_discard - remove code
 * @arena: arena
 * @ranges: array of ranges of whole granules
 * @count: entries of @ranges, not 0
 * @failed: see above
 *
 * See struct codearena_range and struct codearena_discard.
 *
 * Return: 0, -EBADF, -EBUSY, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP
 * (the fallback on a kernel that cannot synchronise threads), -EOVERFLOW,
 * -EPERM.
 */
int codearena_arena_discard(struct codearena_arena *arena,
			    const struct codearena_range *ranges, size_t count,
			    size_t *failed);

/**
 * codearena_arena_share - make a descriptor for another process
 * @arena: arena
 * @fd: gets a new close-on-exec descriptor, which the caller must close; -1 on
 *      failure
 *
 * The descriptor can be mapped for reading and executing, never for writing, in
 * any process; see codearena_arena_attach().
 *
 * Return: 0, -EINVAL, -EMFILE, -ENFILE, -ENOMEM; -EOPNOTSUPP: the fallback.
 */
int codearena_arena_share(struct codearena_arena *arena, int *fd);

/**
 * codearena_arena_clone - replace an arena by a copy that the caller owns
 * @arena: arena
 *
 * For the child of fork(): afterwards it can change the arena as the parent
 * could before the fork, and neither sees later changes of the other. Code, seals,
 * trap tables and their ids, and pads are as they were at the call, at the same
 * addresses; the external landing pad that codearena_trap_set_landing() set is
 * set again. The counters of events begin at 0. Pages are copied when one side
 * changes them; see struct codearena_clone. An attached arena can be cloned as
 * well, and changed afterwards.
 *
 * No other thread of the process may use the arena, or execute its code, during
 * the call. codearena_arena_fd() returns another descriptor afterwards.
 * codearena_allocator_clone() does this for all arenas of a module.
 *
 * Return: 0; -EACCES: the handle is not open for writing, and the caller may
 * not open the device so; -EPERM: a security policy forbids the mapping;
 * -EINVAL, -EMFILE, -ENFILE, -ENOMEM; -EOPNOTSUPP: a kernel module without
 * CODEARENA_FEATURE_CLONE.
 */
int codearena_arena_clone(struct codearena_arena *arena);

/**
 * codearena_arena_stat - read the arena's counters
 * @arena: arena
 * @stat: gets the counters. @stat->size must be set by the caller to
 *        sizeof(struct codearena_stat), @stat->flags to 0, as for the ioctl.
 *
 * Works in a child of fork() and on an attached arena, too. Return: 0, -EINVAL,
 * -E2BIG, -EOPNOTSUPP.
 */
int codearena_arena_stat(struct codearena_arena *arena,
			 struct codearena_stat *stat);

/*
 * ----------------------------------------------------------------------
 * Staging buffers.
 * ----------------------------------------------------------------------
 */

/*
 * Threads. One thread at a time may use a buffer, several may use buffers in the
 * same arena. No function is async-signal-safe.
 *
 * fork(). A child has a copy of the memory, and can publish if it could change
 * the arena.
 */

/**
 * struct codearena_staging - where code is written before it is published
 *
 * Ordinary memory beside a range of an arena, for compilers that append code:
 * the n-th byte of the memory becomes the n-th byte of the range, so that one
 * constant leads from the place where code is written to the place where it
 * runs. Write at codearena_staging_position(), publish what is finished, go on.
 * The memory stays as it was written, and can be read instead of the code.
 *
 * The range must be committed before code is published, and belongs to the
 * buffer until then. The arena must outlive the buffer.
 */
struct codearena_staging;

/**
 * codearena_staging_new - make a staging buffer
 * @arena: arena
 * @offset: first byte of the range, a multiple of the granule
 * @length: bytes of the range, a multiple of the granule, not 0
 * @out: gets the buffer, to be freed by codearena_staging_free(); NULL on
 *       failure
 *
 * Return: 0, -EINVAL, -ENOENT (outside of the arena), -ENOMEM, -EOVERFLOW.
 */
int codearena_staging_new(struct codearena_arena *arena, uint64_t offset,
			  uint64_t length, struct codearena_staging **out);

/**
 * codearena_staging_free - free the memory; published code stays
 * @staging: buffer, or NULL
 */
void codearena_staging_free(struct codearena_staging *staging);

/**
 * codearena_staging_position - where the next code is written
 * @staging: buffer
 * @room: NULL, or gets the bytes left
 *
 * Return: the address in the memory; NULL if @staging is.
 */
void *codearena_staging_position(const struct codearena_staging *staging,
				 size_t *room);

/**
 * codearena_staging_distance - from the memory to the code
 * @staging: buffer
 *
 * Return: what to add to an address in the memory to get that of the code.
 */
intptr_t codearena_staging_distance(const struct codearena_staging *staging);

/**
 * codearena_staging_publish - publish what was written at the position
 * @staging: buffer
 * @length: bytes from the position on, not 0
 * @object: NULL, or flags and traps of the code; the call sets offset, source
 *          and length in it
 * @flags: CODEARENA_PUBLISH_F_SYNC
 *
 * The position moves to the next granule. On failure it stays.
 *
 * Return: 0; -EINVAL; -ENOSPC: there is less room; else as
 * codearena_arena_publish().
 */
int codearena_staging_publish(struct codearena_staging *staging, size_t length,
			      struct codearena_object *object, uint32_t flags);

/**
 * codearena_staging_rewind - discard published code and write there again
 * @staging: buffer
 * @to: the new position: an address in the memory, a multiple of the granule
 *      from its beginning, not above the position
 *
 * Return: 0, -EINVAL; else as codearena_arena_discard().
 */
int codearena_staging_rewind(struct codearena_staging *staging, const void *to);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_H */
