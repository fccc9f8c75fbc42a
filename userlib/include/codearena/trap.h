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
 * Words used here, beside those of codearena.h:
 *
 * trap          an access to a guard, a division that has no result, or an
 *               undefined instruction; see "Traps without signals" in
 *               <linux/codearena.h>
 * table         the protected ranges of one piece of code, with their pads
 * landing pad   where code continues after a trap
 * guard         address space in which every access is a trap, of which parts
 *               can be backed with memory; opaque struct codearena_guard
 * frame         what codearena_trap_call() records, for a landing pad to return
 *               to
 *
 * Return values and threads are as codearena.h says. "Changes nothing" holds
 * here too.
 *
 * The backends
 *
 * On the device the kernel leads traps to their pads. The memfd backend does it
 * with a handler of SIGSEGV (on x86-64 of SIGFPE and SIGILL as well), which is
 * installed once in a process, when its first table is registered. What it does
 * not know goes to the handler that was there before, or takes the default
 * action. So with that backend, and with no other:
 *
 * - A handler that the program installs later must call the one it replaced for
 *   faults that are not its own, or call codearena_trap_signal().
 * - A trap in a thread that blocks the signal ends the process.
 * - The kernel puts the frame of the signal on the stack of the code: below the
 *   red zone, or where sigaltstack() said. Code that may trap on a stack that
 *   is full, or whose stack pointer leads nowhere, needs sigaltstack().
 * - Tables belong to the process that registered them: a child of fork() has a
 *   copy of those there were, a process that attached the arena has none. The
 *   counters of traps are those of the calling process.
 * - They serve the view of the handle that registered them, and no other.
 * - An arena with CODEARENA_RESERVE_F_SHARED_WRITER has no traps (-EOPNOTSUPP).
 */

/**
 * codearena_trap_kinds - what leads to a landing pad
 * @arena: arena
 *
 * Return: CODEARENA_TRAP_* bits; 0 if @arena is NULL or has no traps.
 */
uint32_t codearena_trap_kinds(const struct codearena_arena *arena);

/**
 * codearena_trap_register - register traps for sealed code
 * @arena: arena
 * @offset: first byte of the code
 * @length: bytes of it, all sealed
 * @traps: protected ranges, in any order
 * @count: entries of @traps, not 0
 * @flags: CODEARENA_TRAP_F_REPORT
 * @id: gets what codearena_trap_release() takes; 0 on failure
 * @failed: see codearena.h
 *
 * See struct codearena_trap and struct codearena_trap_register. Code can also
 * be published with its traps: see struct codearena_object.
 *
 * Return: 0, -EBADF, -EEXIST, -EFAULT, -EINVAL, -ENOENT, -ENOMEM, -EOPNOTSUPP,
 * -EOVERFLOW, -EPERM.
 */
int codearena_trap_register(struct codearena_arena *arena, uint64_t offset,
			    uint64_t length, const struct codearena_trap *traps,
			    size_t count, uint32_t flags, uint64_t *id,
			    size_t *failed);

/**
 * codearena_trap_release - release a table
 * @arena: arena
 * @id: from codearena_trap_register() or &struct codearena_object.out_trap_id
 *
 * Return: 0; -ENOENT: there is no such table, since it was released before, or
 * code of it discarded; -EBADF, -EINVAL, -EPERM.
 */
int codearena_trap_release(struct codearena_arena *arena, uint64_t id);

/**
 * codearena_trap_set_landing - set the external landing pad
 * @arena: arena, which may have been attached
 * @address: of the pad, as codearena_pad_external() gives it
 *
 * See struct codearena_trap_landing.
 *
 * Return: 0; -EBUSY: set already; -EINVAL: not an address of an instruction in
 * user space; -ENOENT: the code view was unmapped; -ENOMEM, -EOPNOTSUPP.
 */
int codearena_trap_set_landing(struct codearena_arena *arena,
			       const void *address);

/**
 * codearena_trap_signal - do what the library's signal handler does
 * @number: of the signal
 * @info: the siginfo_t that the handler got
 * @context: the ucontext_t that the handler got
 *
 * For programs with handlers of their own, which call this first. If the signal
 * is a trap of the memfd backend, @context is changed, and the handler has to
 * return. Async-signal-safe, as long as no other handler jumps out of it.
 *
 * Return: 1 if it was a trap; 0 if not, and nothing was done.
 */
int codearena_trap_signal(int number, void *info, void *context);

/**
 * codearena_trap_host_signals - keep the library from installing handlers
 *
 * From then on the program sees to it that codearena_trap_signal() is called,
 * where arenas of the memfd backend have traps.
 *
 * Return: 0; -EBUSY: handlers are installed already.
 */
int codearena_trap_host_signals(void);

/**
 * struct codearena_guard_opts - how to make a guard
 * @sz: set by the caller to sizeof(struct codearena_guard_opts)
 * @align: what its address is a multiple of: a power of two, at least the page
 *         size; 0: the page size
 */
struct codearena_guard_opts {
	size_t sz;
	uint64_t align;
};

struct codearena_guard;

/**
 * codearena_guard_new - reserve address space in which accesses are traps
 * @arena: arena from whose code the accesses come; not an attached one. Where
 *         it is on the device, so is the guard, and serves all arenas there
 * @length: bytes, a multiple of the page size
 * @opts: NULL, or options
 * @out: gets the guard; NULL on failure
 *
 * Takes no memory, however long it is. The guard can outlive @arena, whose
 * memory the device then keeps until the guard is freed. Accesses from code
 * without a protected range, and by the kernel, fail as at an address where
 * nothing is mapped. A child of fork() inherits it, with copies of the memory.
 *
 * With the memfd backend no other mapping may be put into a guard: accesses
 * that fail there would be taken for traps.
 *
 * Return: 0; -EBADF: the arena was attached; -EINVAL, -E2BIG: an argument or
 * option is wrong; -ENOMEM: so much address space is not free; -EMFILE.
 */
int codearena_guard_new(struct codearena_arena *arena, uint64_t length,
			const struct codearena_guard_opts *opts,
			struct codearena_guard **out);

/**
 * codearena_guard_free - give the address space and its memory back
 * @guard: NULL, or a guard, which is gone after the call
 *
 * That no thread uses it any more is the caller's to ensure.
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
 * codearena_guard_back - put memory into a range
 * @guard: guard
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * The memory is zeroed, can be read and written, and is the process' own. All
 * of the range or nothing of it is backed; other ranges are not touched, so
 * that memory grows in place while other threads use it.
 *
 * Return: 0; -EEXIST: a page of the range is backed already; -ENOENT: the range
 * leaves the guard; -EINVAL, -ENOMEM, -EOVERFLOW.
 */
int codearena_guard_back(struct codearena_guard *guard, uint64_t offset,
			 uint64_t length);

/**
 * codearena_guard_unback - take the memory of a range away
 * @guard: guard
 * @offset: first byte, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 *
 * What it held is lost, and accesses are traps again.
 *
 * Return: 0; -ENOENT: a page of the range is not backed, or the range leaves
 * the guard; -EINVAL, -ENOMEM, -EOVERFLOW.
 */
int codearena_guard_unback(struct codearena_guard *guard, uint64_t offset,
			   uint64_t length);

/* Codes of explicit traps: 0 to CODEARENA_TRAP_CODES - 1. */
#define CODEARENA_TRAP_CODES	4096

/**
 * codearena_guard_trap_page - a page for traps that code asks for
 * @guard: guard
 *
 * Behind every guard lies a page that is never backed. Code that loads a byte
 * from it, from a protected range, traps with the distance from the beginning
 * of the page as its code.
 *
 * Return: the address; NULL if @guard is NULL.
 */
const void *codearena_guard_trap_page(const struct codearena_guard *guard);

/**
 * codearena_trap_code - the code of an explicit trap
 * @address: what the landing pad was told
 *
 * Not async-signal-safe; landing pads do not run in signal handlers.
 *
 * Return: the code; -ENOENT: no trap page has this address.
 */
int codearena_trap_code(uint64_t address);

/* The longest result of the encoders of loads, in bytes. */
#define CODEARENA_TRAP_LOAD_MAX	24

/**
 * codearena_trap_encode_load - the instruction for an explicit trap
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @base: number of the register that holds the address of the trap page, as the
 *        machine numbers its general registers
 * @code: below CODEARENA_TRAP_CODES; below 2048 for EM_RISCV
 * @to: gets the instruction, at most CODEARENA_TRAP_LOAD_MAX bytes
 *
 * It changes no register but those of the report. Works on every host.
 *
 * Return: its length; -EINVAL: @base or @code is none; -EOPNOTSUPP: @machine is
 * not known.
 */
int codearena_trap_encode_load(uint32_t machine, unsigned int base,
			       unsigned int code, uint8_t *to);

/**
 * codearena_trap_encode_load_at - the same where no register has the address
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @address: in a trap page: codearena_guard_trap_page() plus the code
 * @to: gets the instructions, at most CODEARENA_TRAP_LOAD_MAX bytes
 * @start: gets the offset of the one that traps, which is to be protected
 *
 * They are several, change no register but those of the report, and stand
 * anywhere. Works on every host.
 *
 * Return: their length; -EINVAL: @to or @start is NULL; -EOPNOTSUPP: @machine is
 * not known.
 */
int codearena_trap_encode_load_at(uint32_t machine, uint64_t address,
				  uint8_t *to, uint32_t *start);

/**
 * struct codearena_trap_report - what happened
 * @pc: address of the instruction
 * @address: what was accessed; 0 unless @kind is CODEARENA_TRAP_MEMORY
 * @kind: CODEARENA_TRAP_MEMORY, _DIVIDE or _UNDEFINED
 * @__reserved: 0
 */
struct codearena_trap_report {
	uint64_t pc;
	uint64_t address;
	uint32_t kind;
	uint32_t __reserved;
};

/* Arguments that codearena_trap_call() can pass. */
#define CODEARENA_TRAP_ARGUMENTS	6

/* codearena_trap_call(): the code trapped and has no result. */
#define CODEARENA_TRAPPED		1

/**
 * codearena_trap_call - call a function that may trap
 * @function: address of the code, which follows the C calling convention; where
 *            the process enforces it, with the instruction for indirect calls
 * @arguments: integers or pointers to pass; may be NULL if there are none
 * @count: how many, at most CODEARENA_TRAP_ARGUMENTS
 * @result: NULL, or gets the result: what @function returned, or else what the
 *          handler of the pad did
 * @report: NULL, or gets what happened, when the result is CODEARENA_TRAPPED
 *
 * Records a frame on the stack, calls @function, and forgets the frame. A trap
 * whose pad is of codearena_pad_publish() or codearena_pad_external() returns
 * to the innermost frame of its thread: the stack pointer and the registers
 * that a function has to preserve, with the rounding modes of floating point,
 * get the values they have here. No signal is involved, and nothing of the
 * stack below is looked at.
 *
 * Calls nest: code may call C functions that call codearena_trap_call(). What
 * lies between the code that trapped and the frame is abandoned as by
 * longjmp(). The tables of the code need CODEARENA_TRAP_F_REPORT. Where
 * processors keep shadow stacks these must be off.
 *
 * The frame is found through a thread-local variable of the library with a
 * fixed distance from the thread pointer (initial-exec), which a pad reads
 * without a call; no register is taken from the code. @function must not be
 * left by longjmp() or an exception, unless codearena_trap_reset() follows.
 *
 * Return: 0 when @function returned, or a handler did in its place;
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
 * codearena_trap_reset - forget frames that a jump or an exception has left
 * @mark: what codearena_trap_mark() returned where the control arrived
 */
void codearena_trap_reset(const void *mark);

/**
 * typedef codearena_trap_handler - C function behind a landing pad
 * @report: what happened
 * @data: as given to codearena_pad_publish()
 *
 * Runs as an ordinary call from codearena_trap_call(), whose frame is forgotten
 * already, on its stack, with the stack pointer aligned: not in a signal
 * handler. Return: the result of the call.
 */
typedef uint64_t (*codearena_trap_handler)(const struct codearena_trap_report *report,
					   void *data);

/* The pad begins with the instruction that indirect branches have to meet. */
#define CODEARENA_PAD_F_BRANCH_TARGET	0x1U

/* The longest pad, in bytes. No granule is smaller. */
#define CODEARENA_PAD_MAX		64

/**
 * codearena_pad_encode - the code of a landing pad
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV (64 bits)
 * @target: where it leads: codearena_pad_external() of the process
 * @handler: address of a codearena_trap_handler; 0: return CODEARENA_TRAPPED
 * @data: for the handler
 * @flags: CODEARENA_PAD_F_*
 * @to: gets the code, at most CODEARENA_PAD_MAX bytes
 *
 * The code runs anywhere, and only in a process in which the three addresses
 * are what they are here: this one and its children. Works on every host.
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
 * @handler: NULL: traps make codearena_trap_call() return CODEARENA_TRAPPED;
 *           else what is called then
 * @data: for the handler
 * @flags: CODEARENA_PAD_F_*
 *
 * Return: 0, or what codearena_arena_publish() answers.
 */
int codearena_pad_publish(struct codearena_arena *arena, uint64_t offset,
			  codearena_trap_handler handler, void *data,
			  uint32_t flags);

/**
 * codearena_pad_external - the landing pad that the library itself holds
 *
 * It makes codearena_trap_call() return CODEARENA_TRAPPED. For
 * codearena_trap_set_landing(): so each process that maps an arena has its own.
 * A trap that reaches it outside of every frame is an undefined instruction
 * there.
 *
 * Return: its address.
 */
const void *codearena_pad_external(void);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_TRAP_H */
