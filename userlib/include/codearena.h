/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 1: arenas of executable memory for JIT compilers.
 */
#ifndef CODEARENA_H
#define CODEARENA_H

#include <stddef.h>
#include <stdint.h>
#include <linux/codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Words used here:
 *
 * arena       a fixed number of bytes of address space for code, addressed by
 *             offset; opaque struct codearena_arena
 * code view   the mapping of the whole arena in this process, readable and
 *             executable, never writable
 * page        unit of commit: backing with memory
 * granule     unit of sealing, 1/64 of a page
 * commit      back a range with memory that holds trap instructions
 * seal        make a range of granules immutable; only then may it be executed
 * publish     copy code in, seal it and patch words elsewhere, in one call
 * patch       compare and exchange words in sealed, patchable granules
 * discard     take the seal away and fill with trap instructions
 * backend     what keeps the promises: the device /dev/codearena (the kernel),
 *             or, without the module, a memfd mapped twice
 *
 * Return values
 *
 * Functions that return int return 0 or a negative errno; errno itself is not
 * part of the interface. The codes mean what <linux/codearena.h> says they
 * mean, on both backends, and a call that fails has changed nothing. Where a
 * function has codes of its own it lists them. A NULL arena, or a NULL pointer
 * for a result that is not documented as optional, is -EINVAL. -EIO means that
 * the device answered with an errno that the interface does not have.
 *
 * Parameters called failed may be NULL. On failure they get the index of the
 * entry that was refused, or SIZE_MAX if no single entry is to blame; on
 * success SIZE_MAX.
 *
 * Threads
 *
 * Every function may be called from any thread at any time, on the same arena
 * too, except codearena_arena_free(), which must be the last call on its
 * arena. The memfd backend serialises the changes of one arena by a mutex; the
 * device lets changes of different granules run side by side. None may be
 * called from a signal handler, but the accessors codearena_arena_backend() to
 * codearena_arena_page_size(), codearena_backend_name() and
 * codearena_version().
 *
 * fork()
 *
 * The child has the code view and may execute it, read the counters, share the
 * arena, and free its copy of the handle. Changes are refused with -EPERM
 * unless the arena was made with CODEARENA_RESERVE_F_SHARED_WRITER.
 *
 * What the memfd backend does not do
 *
 * It keeps the interface, not the security promise:
 *
 * - The library holds a second, writable mapping of the code. Whoever finds its
 *   address, or opens /proc/PID/fd, /proc/PID/mem or uses ptrace, can change
 *   sealed code. The alias is not inherited by a child of fork() and not
 *   dumped; the file descriptor it was made from is inherited by a child.
 * - With CODEARENA_RESERVE_F_SHARED_WRITER the alias is inherited by a child of
 *   fork(). A process that received the arena by its file descriptor can never
 *   change it.
 * - A committed granule that is not sealed can be read and executed (it holds
 *   trap instructions or what was written). Memory that is not committed gives
 *   SIGBUS as it does on the device, but not in a process that attached the
 *   arena and not with CODEARENA_RESERVE_F_SHARED_WRITER: there it reads as
 *   zero bytes. A child of fork() sees only memory that was committed before.
 * - Views of a CODEARENA_RESERVE_F_PERMANENT arena can be unmapped in part.
 * - Synchronisation (CODEARENA_PATCH_F_SYNC, discarding) reaches the threads of
 *   the calling process, not those of other processes that map the arena.
 * - Decommitted memory of an arena that was shared goes back to the system when
 *   the arena is freed, not before.
 * - Memory is charged to the control group as shared memory. There is no limit
 *   for all arenas together.
 * - Traps go through handlers of signals, with the limits that codearena/trap.h
 *   tells.
 */

/**
 * CODEARENA_OPTS - declare and initialise an options or information structure
 * @type: structure tag, e.g. codearena_arena_opts
 * @name: name of the variable
 * @...: designated initialisers; members that are not named are 0
 *
 * All structures of this header that begin with sz must have it set, to their
 * size in the program, so that programs and libraries of different ages
 * understand each other: members that the program does not have count as 0, and
 * bytes that the library does not know must be 0 (else -E2BIG).
 */
#define CODEARENA_OPTS(type, name, ...) \
	struct type name = { .sz = sizeof(struct type), __VA_ARGS__ }

/**
 * enum codearena_backend - who keeps an arena
 * @CODEARENA_BACKEND_AUTO: the device if it is usable, else the memfd. The
 *                          environment variable CODEARENA_BACKEND, if set to
 *                          "device" or "memfd", decides instead (ignored in
 *                          set-user-ID programs; any other value is -EINVAL).
 * @CODEARENA_BACKEND_DEVICE: the kernel module
 * @CODEARENA_BACKEND_MEMFD: a memfd mapped twice, weaker: see above
 */
enum codearena_backend {
	CODEARENA_BACKEND_AUTO = 0,
	CODEARENA_BACKEND_DEVICE,
	CODEARENA_BACKEND_MEMFD
};

/**
 * struct codearena_info - what a backend can do
 * @sz: set by the caller to sizeof(struct codearena_info)
 * @backend: the backend described; never CODEARENA_BACKEND_AUTO
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
 * @device: path of the device, NULL: /dev/codearena; the memfd backend ignores
 *          it
 * @backend: which backend to use
 * @flags: CODEARENA_RESERVE_F_* bits
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
 * codearena_probe - find out whether a backend is usable here
 * @backend: the backend in question; AUTO: the one that would be used
 * @info: NULL, or gets the description of the backend; @sz must be set. Bytes
 *        beyond what this library knows become 0.
 *
 * Tries what an arena needs, down to mapping one page of code, and undoes it.
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
 * For the memfd:
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
 * codearena_arena_new - make an arena
 * @length: bytes of address space, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the arena; NULL on failure
 *
 * Opens the backend, reserves the arena and maps its code view. Nothing is
 * committed. The calling process (address space) owns the arena. A length of
 * 2 MiB and more is aligned to 2 MiB where possible.
 *
 * Return: 0; -ENOSPC: no address range that @opts->near and @opts->reach
 * describe is free; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is
 * wrong; the codes of codearena_probe().
 */
int codearena_arena_new(uint64_t length,
			const struct codearena_arena_opts *opts,
			struct codearena_arena **out);

/**
 * codearena_arena_attach - map an arena of another process
 * @fd: from codearena_arena_share(), received over a UNIX socket or inherited.
 *      It stays the caller's, who may close it after the call.
 * @opts: NULL, or options: only @backend, @near and @reach may be set.
 *        With CODEARENA_BACKEND_AUTO the kind of @fd decides.
 * @out: gets the arena; NULL on failure
 *
 * The result can be executed, read, queried and shared on. Every change is
 * refused with -EBADF.
 *
 * Return: 0; -EBADFD: @fd is not an arena, or one of another backend than
 * @opts demands; -EBADF: @fd is not open; -ENOSPC, -EINVAL, -E2BIG, -EPERM,
 * -EMFILE, -ENOMEM: as codearena_arena_new().
 */
int codearena_arena_attach(int fd, const struct codearena_arena_opts *opts,
			   struct codearena_arena **out);

/**
 * codearena_arena_free - unmap the code view and close the arena
 * @arena: NULL, or an arena, which is gone after the call
 *
 * That no thread executes its code any more is the caller's to ensure. Other
 * processes that map the arena keep their view.
 */
void codearena_arena_free(struct codearena_arena *arena);

/**
 * codearena_arena_backend - which backend keeps the arena
 * @arena: arena
 *
 * Return: CODEARENA_BACKEND_DEVICE or CODEARENA_BACKEND_MEMFD;
 * CODEARENA_BACKEND_AUTO if @arena is NULL.
 */
enum codearena_backend
codearena_arena_backend(const struct codearena_arena *arena);

/**
 * codearena_arena_base - address of offset 0 in the code view
 * @arena: arena
 *
 * The address does not change in the life of the arena. Return: the address;
 * NULL if @arena is NULL.
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
 * the arena, on the memfd backend it is open for reading only. To hand the
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
 * codearena_arena_decommit - give memory back
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
 * See struct codearena_object and struct codearena_publish. Of @objects only
 * out_trap_id is written to, and only where an object has traps: an array
 * without may lie in memory that cannot be written.
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
 * Return: 0, -EAGAIN, -EBADF, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP,
 * -EOVERFLOW, -EPERM.
 */
int codearena_arena_patch(struct codearena_arena *arena,
			  const struct codearena_patch_entry *patches,
			  size_t count, uint32_t flags, size_t *failed);

/**
 * codearena_arena_discard - take code back
 * @arena: arena
 * @ranges: array of ranges of whole granules
 * @count: entries of @ranges, not 0
 * @failed: see above
 *
 * See struct codearena_range and struct codearena_discard.
 *
 * Return: 0, -EBADF, -EBUSY, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP
 * (memfd backend on a kernel without a way to synchronise), -EOVERFLOW, -EPERM.
 */
int codearena_arena_discard(struct codearena_arena *arena,
			    const struct codearena_range *ranges, size_t count,
			    size_t *failed);

/**
 * codearena_arena_share - make a descriptor for another process
 * @arena: arena
 * @fd: gets a new close-on-exec descriptor, which is the caller's to close;
 *      -1 on failure
 *
 * The descriptor can be mapped for reading and executing, never for writing,
 * wherever it is used; see codearena_arena_attach().
 *
 * Return: 0, -EINVAL, -EMFILE, -ENFILE, -ENOMEM, -EOPNOTSUPP.
 */
int codearena_arena_share(struct codearena_arena *arena, int *fd);

/**
 * codearena_arena_stat - read the arena's counters
 * @arena: arena
 * @stat: gets the counters. @stat->size must be set by the caller to
 *        sizeof(struct codearena_stat), @stat->flags to 0, as for the ioctl.
 *
 * Works in every process that has the arena. Return: 0, -EINVAL, -E2BIG,
 * -EOPNOTSUPP.
 */
int codearena_arena_stat(struct codearena_arena *arena,
			 struct codearena_stat *stat);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_H */
