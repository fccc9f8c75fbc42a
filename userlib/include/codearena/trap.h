/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena: traps in the code of an arena that continue at landing pads.
 */
#ifndef CODEARENA_TRAP_H
#define CODEARENA_TRAP_H

#include <codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Terms, beside those of codearena.h
 *
 * trap          an access to a guard, a division without a result, or an
 *               undefined instruction; see "Traps without signals" in
 *               <linux/codearena.h>
 * trap table    the protected ranges of one piece of code, with their pads
 * landing pad   where code continues after a trap
 * guard         address space in which every access is a trap, and parts of
 *               which can be backed with memory; opaque struct codearena_guard
 * frame         what codearena_trap_call() records, for a landing pad to return
 *               to
 *
 * Return values are as in codearena.h: a call that fails changes nothing.
 *
 * Threads. All functions are thread-safe, except that codearena_guard_free()
 * must be the last call on its guard. Frames belong to one thread, which alone
 * can mark and reset them. Async-signal-safe are codearena_trap_signal(),
 * codearena_trap_code(), codearena_trap_mark(), codearena_guard_base(),
 * codearena_guard_length() and codearena_guard_trap_page().
 *
 * fork(). A child has the frames of the thread that forked, the guards with
 * copies of their memory, and the landing pad. It can call code that traps, and
 * back and free guards. Tables and pads of inherited arenas it cannot change
 * (-EPERM), as the arenas themselves.
 *
 * The backends
 *
 * On the device the kernel sends traps to their pads. The fallback does it with
 * a handler of SIGSEGV (on x86-64 of SIGFPE and SIGILL as well), which the
 * first table of the process installs. A signal that is not a trap goes to the
 * handler that was there before, or to the default action. On the fallback:
 *
 * - A handler that the program installs later must call the one it replaced for
 *   faults that are not its own, or call codearena_trap_signal().
 * - The handler stays. A plugin that the library is linked into statically is
 *   not unloaded from then on; several of them have a handler each.
 * - A trap in a thread that blocks the signal ends the process.
 * - The kernel puts the frame of the signal on the stack of the code, below the
 *   red zone, or on the stack of sigaltstack(). Code that may trap with a full
 *   stack, or with a stack pointer that is no stack, needs sigaltstack().
 * - Tables belong to the process that registered them; a child of fork() has a
 *   copy, whose traps continue at the same pads. The counters of traps are those
 *   of the calling process.
 */

/**
 * codearena_trap_kinds - which kinds of traps the arena supports
 * @arena: arena
 *
 * Return: CODEARENA_TRAP_* bits; 0 if @arena is NULL or an attached arena on a
 * kernel without traps.
 */
uint32_t codearena_trap_kinds(const struct codearena_arena *arena);

/**
 * codearena_trap_table_register - register traps for sealed code
 * @arena: arena
 * @offset: first byte of the code
 * @length: bytes of it, all sealed
 * @traps: protected ranges, in any order
 * @count: entries of @traps, not 0
 * @flags: CODEARENA_TRAP_F_REPORT
 * @id: gets the id for codearena_trap_table_release(); 0 on failure
 * @failed: see codearena.h
 *
 * See struct codearena_trap and struct codearena_trap_register. Code can also
 * be published with its traps; see struct codearena_object.
 *
 * Return: 0, -EBADF, -EEXIST, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP,
 * -EOVERFLOW, -EPERM.
 */
int codearena_trap_table_register(struct codearena_arena *arena,
				  uint64_t offset, uint64_t length,
				  const struct codearena_trap *traps,
				  size_t count, uint32_t flags, uint64_t *id,
				  size_t *failed);

/**
 * codearena_trap_table_release - release a trap table
 * @arena: arena
 * @id: from codearena_trap_table_register(), or out_trap_id of an object
 *
 * Return: 0; -ENOENT: there is no such table: it was released before, or code
 * of it was discarded; -EBADF, -EINVAL, -EPERM.
 */
int codearena_trap_table_release(struct codearena_arena *arena, uint64_t id);

/**
 * codearena_trap_set_landing - set the external landing pad
 * @arena: arena, which may have been attached
 * @address: of the pad; usually codearena_pad_external()
 *
 * See struct codearena_trap_landing.
 *
 * Return: 0; -EBUSY: set already; -EINVAL: not an address of an instruction in
 * user space; -ENOENT: the code view was unmapped; -ENOMEM, -EOPNOTSUPP.
 */
int codearena_trap_set_landing(struct codearena_arena *arena,
			       const void *address);

/**
 * codearena_trap_signal - handle a signal as the library's handler does
 * @number: of the signal
 * @info: the siginfo_t that the handler got
 * @context: the ucontext_t that the handler got
 *
 * For programs with handlers of their own, which call this first. If the signal
 * is a trap of the fallback, the call changes @context, and the handler must
 * return. Async-signal-safe, unless another handler jumps out of it. A child of
 * fork() handles traps of the code that it inherited as well.
 *
 * Return: 1 if it was a trap; 0 if not: nothing was changed.
 */
int codearena_trap_signal(int number, void *info, void *context);

/**
 * codearena_trap_host_signals - keep the library from installing handlers
 *
 * After this call the program must call codearena_trap_signal() from handlers
 * of its own if arenas of the fallback have traps.
 *
 * Return: 0; -EBUSY: handlers are installed already; -ENOMEM.
 */
int codearena_trap_host_signals(void);

/**
 * struct codearena_guard_opts - how to make a guard
 * @sz: set by the caller to sizeof(struct codearena_guard_opts)
 * @align: alignment of its address: a power of two, at least the page size; 0:
 *         the page size
 */
struct codearena_guard_opts {
	size_t sz;
	uint64_t align;
};

struct codearena_guard;

/**
 * codearena_guard_new - reserve address space in which accesses are traps
 * @arena: an arena of the backend whose code accesses the guard; not an
 *         attached one. The guard serves all arenas of that backend
 * @length: bytes, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the guard; NULL on failure
 *
 * Takes no memory, however long it is. The guard can outlive @arena, whose
 * memory the device then keeps until the guard is freed. Accesses from code
 * without a protected range, and by the kernel, fail as if nothing were mapped.
 * A child of fork() inherits the guard, with copies of the memory.
 *
 * On the fallback no other mapping may be put into a guard: the library would
 * take failing accesses there for traps.
 *
 * Return: 0; -EBADF: the arena was attached; -EINVAL, -E2BIG: an argument or
 * option is wrong; -ENOMEM: so much address space is not free.
 */
int codearena_guard_new(struct codearena_arena *arena, uint64_t length,
			const struct codearena_guard_opts *opts,
			struct codearena_guard **out);

/**
 * codearena_guard_free - give the address space and its memory back
 * @guard: NULL, or a guard, which is invalid after the call
 *
 * The caller must ensure that no thread uses it any more.
 */
void codearena_guard_free(struct codearena_guard *guard);

/**
 * codearena_guard_base - address of offset 0
 * @guard: guard
 *
 * Return: the address; NULL if @guard is NULL.
 */
void *codearena_guard_base(const struct codearena_guard *guard);

/**
 * codearena_guard_length - bytes of address space
 * @guard: guard
 *
 * Return: the length, without the trap page; 0 if @guard is NULL.
 */
uint64_t codearena_guard_length(const struct codearena_guard *guard);

/**
 * codearena_guard_back - back a range with memory
 * @guard: guard
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * The memory is zeroed, readable, writable and private. The call backs the
 * whole range or none of it and does not touch other ranges, so that memory
 * grows in place while other threads use it.
 *
 * Return: 0; -EEXIST: a page of the range is backed already; -ENOENT: the range
 * leaves the guard; -EINVAL, -ENOMEM, -EOVERFLOW.
 */
int codearena_guard_back(struct codearena_guard *guard, uint64_t offset,
			 uint64_t length);

/**
 * codearena_guard_unback - give the memory of a range back
 * @guard: guard
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * Its content is lost, and accesses are traps again.
 *
 * Return: 0; -ENOENT: a page of the range is not backed, or the range leaves
 * the guard; -EINVAL, -ENOMEM, -EOVERFLOW.
 */
int codearena_guard_unback(struct codearena_guard *guard, uint64_t offset,
			   uint64_t length);

/* Codes of explicit traps: 0 to CODEARENA_TRAP_CODES - 1. */
#define CODEARENA_TRAP_CODES	4096

/**
 * codearena_guard_trap_page - a page for explicit traps
 * @guard: guard
 *
 * After every guard lies a page that is never backed. Code raises an explicit
 * trap by loading a byte from it, in a protected range. The offset in the page
 * is the code of the trap: movzbl CODE(%base), %r11d on x86-64, where the
 * report overwrites r11 anyway.
 *
 * Return: the address; NULL if @guard is NULL.
 */
const void *codearena_guard_trap_page(const struct codearena_guard *guard);

/**
 * codearena_trap_code - the code of an explicit trap
 * @address: from the report of the trap
 *
 * Async-signal-safe.
 *
 * Return: the code; -ENOENT: the address lies in no trap page.
 */
int codearena_trap_code(uint64_t address);

/**
 * struct codearena_trap_report - one trap
 * @pc: address of the instruction
 * @address: of the access; 0 unless @kind is CODEARENA_TRAP_MEMORY
 * @kind: CODEARENA_TRAP_MEMORY, _DIVIDE or _UNDEFINED
 * @__reserved: 0
 */
struct codearena_trap_report {
	uint64_t pc;
	uint64_t address;
	uint32_t kind;
	uint32_t __reserved;
};

/* How many arguments codearena_trap_call() can pass. */
#define CODEARENA_TRAP_ARGUMENTS	6

/* codearena_trap_call(): the code trapped and has no result. */
#define CODEARENA_TRAPPED		1

/**
 * codearena_trap_call - call a function that may trap
 * @function: address of the code, which follows the C calling convention; where
 *            the process enforces it, with the instruction for indirect calls
 * @arguments: integers or pointers to pass; may be NULL if there are none
 * @count: how many, at most CODEARENA_TRAP_ARGUMENTS
 * @result: NULL, or gets the result of @function, or of the pad's handler
 * @report: NULL, or gets the trap if the call returns CODEARENA_TRAPPED
 *
 * Records a frame on the stack, calls @function, and removes the frame. A trap
 * whose pad is from codearena_pad_publish() or codearena_pad_external() returns
 * to the innermost frame of its thread: the stack pointer, the registers that a
 * function must preserve and the rounding modes of floating point get the
 * values that they have here. The return needs no signal and reads nothing
 * below the frame.
 *
 * Calls nest: code may call C functions that call codearena_trap_call(). The
 * frames between the code that trapped and the recorded one are abandoned as by
 * longjmp(). The tables of the code need CODEARENA_TRAP_F_REPORT. Shadow stacks
 * must be off.
 *
 * A pad finds the frame in a thread-local variable at a fixed distance from the
 * thread pointer (initial-exec), without a call; it reserves no register. If
 * longjmp() or an exception leaves @function, codearena_trap_reset() must
 * follow.
 *
 * Return: 0: @function returned, or a handler in its place;
 * CODEARENA_TRAPPED; -EINVAL.
 */
int codearena_trap_call(const void *function, const uint64_t *arguments,
			size_t count, uint64_t *result,
			struct codearena_trap_report *report);

/**
 * codearena_trap_mark - the innermost frame of the thread
 *
 * Return: a value for codearena_trap_reset(); NULL if there is no frame.
 */
const void *codearena_trap_mark(void);

/**
 * codearena_trap_reset - remove frames that a jump or an exception has left
 * @mark: from codearena_trap_mark(), called where control arrived
 */
void codearena_trap_reset(const void *mark);

/**
 * typedef codearena_trap_handler - C function that a landing pad calls
 * @report: the trap
 * @data: as given to codearena_pad_publish()
 *
 * Runs as a normal call from codearena_trap_call(), on its stack, not in a
 * signal handler. The frame is removed already. Return: the result of the call.
 */
typedef uint64_t (*codearena_trap_handler)(const struct codearena_trap_report *report,
					   void *data);

/* The pad begins with the instruction that indirect branches need as target. */
#define CODEARENA_PAD_F_BRANCH_TARGET	0x1U

/* The longest pad, in bytes. No granule is smaller. */
#define CODEARENA_PAD_MAX		64

/**
 * codearena_pad_encode - the code of a landing pad
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @target: where it jumps: codearena_pad_external() of the process
 * @handler: address of a codearena_trap_handler; 0: return CODEARENA_TRAPPED
 * @data: for the handler
 * @flags: CODEARENA_PAD_F_*
 * @to: gets the code, at most CODEARENA_PAD_MAX bytes
 *
 * For runtimes that place a pad inside their own code; else see
 * codearena_pad_publish(). The code is position-independent and works in this
 * process and its children, where the three addresses are valid. Works on every
 * host.
 *
 * Return: its length; -EINVAL: @to is NULL; -EOPNOTSUPP: @machine or a flag is
 * not known.
 */
int codearena_pad_encode(uint32_t machine, uint64_t target, uint64_t handler,
			 uint64_t data, uint32_t flags, uint8_t *to);

/**
 * codearena_pad_publish - put a landing pad into an arena
 * @arena: arena
 * @offset: where: a granule that is committed and not sealed
 * @handler: called by codearena_trap_call() after the trap; NULL: the call
 *           returns CODEARENA_TRAPPED
 * @data: for the handler
 * @flags: CODEARENA_PAD_F_*
 *
 * Return: 0; -EOPNOTSUPP: unknown flag, or on riscv64, where pads load their target,
 * the code view cannot be read; as codearena_arena_publish().
 */
int codearena_pad_publish(struct codearena_arena *arena, uint64_t offset,
			  codearena_trap_handler handler, void *data,
			  uint32_t flags);

/**
 * codearena_pad_external - the landing pad in the library
 *
 * It makes codearena_trap_call() return CODEARENA_TRAPPED. With
 * codearena_trap_set_landing() each process that maps an arena uses its own. A
 * trap that reaches it without a frame raises SIGILL there.
 *
 * Return: its address.
 */
const void *codearena_pad_external(void);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_TRAP_H */
