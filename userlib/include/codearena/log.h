/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: code for profilers and debuggers.
 */
#ifndef CODEARENA_LOG_H
#define CODEARENA_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <codearena.h>
#include <codearena/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Three sinks describe code that is in no file on disk: the perf map and the
 * jitdump are files for perf, the GDB JIT interface is for debuggers. Each
 * works on its own, on plain descriptions of code. A logger feeds all of them
 * from code objects.
 *
 * Threads. All functions are thread-safe, except that a sink or a logger must
 * not be freed while another call uses it. None is async-signal-safe.
 *
 * fork(). Files belong to the process that made them: in a child writing fails
 * with -EIO, and freeing writes nothing. The child inherits what is registered
 * with debuggers and the unwinder, and can make sinks and loggers of its own.
 *
 * Control characters and backslashes in names are written as \xHH, so that no
 * name breaks a line or a terminal.
 *
 * Return values as in codearena.h. If a record cannot be written completely,
 * the file is truncated to where the record began.
 */

/**
 * struct codearena_log_line - source line of instructions
 * @offset: of the first instruction, from the start of the code
 * @line: from 1
 * @column: from 1; 0: unknown
 * @file: path or name, not empty, without control characters
 */
struct codearena_log_line {
	uint64_t offset;
	uint32_t line;
	uint32_t column;
	const char *file;
};

/**
 * enum codearena_log_frame - how debuggers find the caller of a frame
 * @CODEARENA_FRAME_POINTER: by the frame pointer. If the code begins with the
 *                           usual prologue of its architecture, that is
 *                           described as well; else the frame pointer is
 *                           assumed to be set at the first instruction
 * @CODEARENA_FRAME_LEAF: the stack contains nothing but the return address, on
 *                        machines that push it
 * @CODEARENA_FRAME_UNKNOWN: not described
 * @CODEARENA_FRAME_FIXED: at every instruction the stack pointer is @frame_size
 *                         bytes below its value at entry. On machines that do
 *                         not push the return address it lies in the highest 8
 *                         of these bytes; with 0 bytes, in its register
 * @CODEARENA_FRAME_CFI: by @cfi
 *
 * Epilogues are described by CODEARENA_FRAME_CFI only: in others debuggers may
 * miss the caller.
 */
enum codearena_log_frame {
	CODEARENA_FRAME_POINTER = 0,
	CODEARENA_FRAME_LEAF,
	CODEARENA_FRAME_UNKNOWN,
	CODEARENA_FRAME_FIXED,
	CODEARENA_FRAME_CFI
};

/**
 * struct codearena_log_entry - code, as described to a sink
 * @sz: set by the caller to sizeof(struct codearena_log_entry)
 * @name: name, 1 to CODEARENA_CODE_NAME_MAX bytes
 * @bytes: the code; NULL: it is read at @address
 * @lines: source lines, ascending by offset, which is less than @size
 * @line_count: entries of @lines
 * @address: where it is executed
 * @size: bytes, 1 to CODEARENA_CODE_MAX
 * @frame: enum codearena_log_frame
 * @flags: 0
 * @cfi: with CODEARENA_FRAME_CFI: call frame instructions of DWARF for all of
 *       the code, with a code alignment factor of 1 and a data alignment factor
 *       of -8. At entry the canonical frame address is the stack pointer plus
 *       what a call pushes. Not checked
 * @cfi_size: bytes of @cfi, not 0
 * @frame_size: with CODEARENA_FRAME_FIXED: see there; a multiple of 8
 * @__reserved: 0
 *
 * Nothing of it is kept. An entry is refused with -EINVAL if a member is not as
 * described or @sz is too small, -E2BIG if members that this library does not
 * know are not 0, -EOPNOTSUPP for a flag, -EOVERFLOW if @size is too large or
 * the address range wraps, and -ENAMETOOLONG if @name or a file name is too
 * long.
 */
struct codearena_log_entry {
	size_t sz;
	const char *name;
	const void *bytes;
	const struct codearena_log_line *lines;
	size_t line_count;
	uint64_t address;
	uint64_t size;
	uint32_t frame;
	uint32_t flags;
	const void *cfi;
	size_t cfi_size;
	uint32_t frame_size;
	uint32_t __reserved;
};

/* Flags of codearena_perfmap_new() */
#define CODEARENA_PERFMAP_F_APPEND	0x1U /* keep the contents of the file */

struct codearena_perfmap;

/**
 * codearena_perfmap_new - open the perf map of this process
 * @directory: NULL for /tmp, where tools look
 * @flags: CODEARENA_PERFMAP_F_* bits
 * @out: receives the map; NULL on failure
 *
 * The file is perf-PID.map. It is emptied, as it may be of an earlier process
 * with the same number, unless @flags say that another part of this process
 * writes to it as well. Its format cannot express that code is gone.
 *
 * perf itself reads it for code in anonymous memory only, and arenas are files
 * to perf: use the jitdump there. The map is for other tools, and for code
 * outside of arenas.
 *
 * Return: 0; -EINVAL: @out is NULL; -EOPNOTSUPP: an unknown flag;
 * -ENAMETOOLONG; -ENOMEM; -EPERM: the file is a link, not a regular file, or
 * another user's; the errors of open().
 */
int codearena_perfmap_new(const char *directory, uint32_t flags,
			  struct codearena_perfmap **out);

/**
 * codearena_perfmap_add - add a line about code
 * @map: map
 * @entry: code; @bytes and @lines are not used
 *
 * Return: 0; -EINVAL: @map is NULL; see struct codearena_log_entry; -EIO: in a
 * child of fork(); -ENOMEM; the errors of write(), -ENOSPC for a full disk.
 */
int codearena_perfmap_add(struct codearena_perfmap *map,
			  const struct codearena_log_entry *entry);

/**
 * codearena_perfmap_free - close the map; the file stays
 * @map: NULL, or a map that no other call is using
 */
void codearena_perfmap_free(struct codearena_perfmap *map);

/* Flags of codearena_jitdump_new() */
#define CODEARENA_JITDUMP_F_UNLINK	0x1U /* unlink the file at once */

struct codearena_jitdump;

/**
 * codearena_jitdump_new - begin a jitdump
 * @directory: NULL for the current one
 * @flags: CODEARENA_JITDUMP_F_* bits
 * @out: receives the dump; NULL on failure
 *
 * The file is jit-PID.dump, format version 1, times in CLOCK_MONOTONIC: record
 * by "perf record -k mono", then "perf inject --jit". perf finds it by a page
 * of the file that is mapped executable. Every record is written at once, so
 * that a crash loses none.
 *
 * Return: 0; as codearena_perfmap_new(); the errors of mmap(), as -EPERM on a
 * file system that is mounted noexec.
 */
int codearena_jitdump_new(const char *directory, uint32_t flags,
			  struct codearena_jitdump **out);

/**
 * codearena_jitdump_load - record code
 * @dump: dump
 * @entry: code, which must be readable; its lines are recorded before it
 * @index: NULL, or receives the number of the code in the dump
 *
 * Return: 0; as codearena_perfmap_add().
 */
int codearena_jitdump_load(struct codearena_jitdump *dump,
			   const struct codearena_log_entry *entry,
			   uint64_t *index);

/**
 * codearena_jitdump_move - record that code has moved
 * @dump: dump
 * @index: number of the code
 * @from: old address
 * @to: new address
 * @size: bytes, not 0
 *
 * Return: 0; -EINVAL; -ENOENT: no code has had this number; -EOVERFLOW: an
 * address range wraps; -EIO: in a child of fork(); the errors of write().
 */
int codearena_jitdump_move(struct codearena_jitdump *dump, uint64_t index,
			   uint64_t from, uint64_t to, uint64_t size);

/**
 * codearena_jitdump_free - end the dump; the file stays
 * @dump: NULL, or a dump that no other call is using
 *
 * Records the end, if that is possible.
 */
void codearena_jitdump_free(struct codearena_jitdump *dump);

/* Maximum number of entries of one object for debuggers */
#define CODEARENA_GDBJIT_MAX	32768U

struct codearena_gdbjit;

/**
 * codearena_gdbjit_register - register code with debuggers
 * @entries: code, which must be readable; registered as a whole
 * @count: entries of @entries, 1 to CODEARENA_GDBJIT_MAX; all have the same @sz
 * @out: receives the registration; NULL on failure
 *
 * An attached debugger stops the process meanwhile; one that attaches later
 * reads the list then. The list is __jit_debug_descriptor, as GDB documents it.
 * Every shared object of a process may have one, but only one is visible per
 * object: where another JIT compiler is linked statically beside this library,
 * the debugger may not see what is registered here.
 *
 * Return: 0; -EINVAL: an argument is NULL, or @sz differs; see struct
 * codearena_log_entry; -EOVERFLOW: too many entries, or the description exceeds
 * 2 GiB; -ENOMEM.
 */
int codearena_gdbjit_register(const struct codearena_log_entry *entries,
			      size_t count, struct codearena_gdbjit **out);

/**
 * codearena_gdbjit_unregister - withdraw code from debuggers
 * @object: NULL, or from codearena_gdbjit_register(); freed
 *
 * Call this before the code's memory is reused.
 */
void codearena_gdbjit_unregister(struct codearena_gdbjit *object);

struct codearena_unwind;

/**
 * codearena_unwind_register - register code with the unwinder of the process
 * @entries: code; @name, @lines and @line_count are not used
 * @count: entries of @entries, not 0; all have the same @sz
 * @out: receives the registration; NULL on failure
 *
 * Then C++ exceptions, backtrace() and pthread_cancel() pass through frames of
 * the code, as through those of codearena_trap_call(). Code of
 * CODEARENA_FRAME_UNKNOWN is skipped. The unwinder is that of libgcc, or LLVM's
 * if the program has it. Code is registered with libgcc in tables by address,
 * so that a throw stays cheap with any number of functions.
 *
 * Register code before it is called, and withdraw it when no thread executes it
 * any more. A child of fork() inherits registrations.
 *
 * Return: 0; -EINVAL: an argument is NULL, or @sz differs; see struct
 * codearena_log_entry; -EEXIST: code at one of the addresses is registered;
 * -EOPNOTSUPP: the process has no unwinder that takes registrations; -ENOMEM.
 */
int codearena_unwind_register(const struct codearena_log_entry *entries,
			      size_t count, struct codearena_unwind **out);

/**
 * codearena_unwind_unregister - withdraw code from the unwinder
 * @unwind: NULL, or from codearena_unwind_register(); freed
 *
 * Call this before the code's memory is reused.
 */
void codearena_unwind_unregister(struct codearena_unwind *unwind);

/* Sinks of a logger */
#define CODEARENA_LOG_PERFMAP	0x1U
#define CODEARENA_LOG_JITDUMP	0x2U
#define CODEARENA_LOG_GDB	0x4U
#define CODEARENA_LOG_UNWIND	0x8U	/* the unwinder of the process */

/* Flags of struct codearena_logger_opts */
#define CODEARENA_LOGGER_F_ENVIRONMENT	0x1U /* environment variables add sinks */
#define CODEARENA_LOGGER_F_ANONYMOUS	0x2U /* log anonymous code too */
#define CODEARENA_LOGGER_F_UNLINK	0x4U /* as CODEARENA_JITDUMP_F_UNLINK */
#define CODEARENA_LOGGER_F_APPEND	0x8U /* as CODEARENA_PERFMAP_F_APPEND */

/**
 * struct codearena_logger_opts - options of a logger
 * @sz: set by the caller to sizeof(struct codearena_logger_opts)
 * @directory: of the files; NULL: the default of each sink
 * @source: NULL, or finds the line of a source position: sets @line, @column
 *          and @file of *line, and returns 0; any other value skips the
 *          position. @file must stay valid until the next call, or the end of
 *          the call of the logger. Called without locks, by the thread that
 *          logs
 * @data: argument of @source
 * @sinks: CODEARENA_LOG_* bits
 * @flags: CODEARENA_LOGGER_F_* bits
 *
 * With CODEARENA_LOGGER_F_ENVIRONMENT the variable CODEARENA_LOG, a
 * comma-separated list of "perfmap", "jitdump", "gdb" and "unwind", adds sinks, and
 * CODEARENA_LOG_DIR replaces @directory. Unknown words are skipped. Programs
 * with more privileges than their user ignore both variables.
 */
struct codearena_logger_opts {
	size_t sz;
	const char *directory;
	int (*source)(void *data, const struct codearena_code *code,
		      uint32_t position, struct codearena_log_line *line);
	void *data;
	uint32_t sinks;
	uint32_t flags;
};

struct codearena_logger;

/**
 * codearena_logger_new - make a logger
 * @opts: options
 * @out: receives the logger; NULL on failure
 *
 * Return: 0; -EINVAL: an argument is NULL, or @opts is too short; -E2BIG:
 * members of @opts that this library does not know are not 0; -EOPNOTSUPP: an
 * unknown sink or flag; -ENOMEM; the errors of codearena_perfmap_new() and
 * codearena_jitdump_new().
 */
int codearena_logger_new(const struct codearena_logger_opts *opts,
			 struct codearena_logger **out);

/**
 * codearena_logger_sinks - sinks of a logger
 * @logger: logger
 *
 * Return: CODEARENA_LOG_* bits; 0 if @logger is NULL. A logger without sinks
 * need not be called.
 */
uint32_t codearena_logger_sinks(const struct codearena_logger *logger);

/**
 * codearena_logger_code - log code now
 * @logger: logger
 * @code: code object, published
 *
 * Skips anonymous code, except host wrappers, unless
 * CODEARENA_LOGGER_F_ANONYMOUS is set. Code that debuggers knew at the same
 * address is replaced. CODEARENA_LOG_UNWIND takes anonymous code too, and skips
 * code of CODEARENA_UNWIND_UNKNOWN, which the other sinks assume to have a frame
 * pointer.
 *
 * Return: 0; -EINVAL: an argument is NULL; -EIO: in a child of fork(); -ENOMEM;
 * the first error of a sink, after all have been tried.
 */
int codearena_logger_code(struct codearena_logger *logger,
			  struct codearena_code *code);

/**
 * codearena_logger_defer - log code later
 * @logger: logger
 * @code: code object; the logger takes a reference
 *
 * For threads that must not wait for a file or a debugger.
 *
 * Return: 0; -EINVAL: an argument is NULL; -EIO: in a child of fork(); -ENOMEM;
 * -EOVERFLOW: as codearena_code_ref().
 */
int codearena_logger_defer(struct codearena_logger *logger,
			   struct codearena_code *code);

/**
 * codearena_logger_flush - log deferred code
 * @logger: logger
 *
 * In the order of the calls of codearena_logger_defer(). Drops references, see
 * codearena_code_put(). If another thread is flushing, it logs everything, and
 * this call returns at once.
 *
 * Return: 0; -EINVAL: @logger is NULL; -EIO: in a child of fork(); the first
 * error of codearena_logger_code(), after all code has been tried.
 */
int codearena_logger_flush(struct codearena_logger *logger);

struct codearena_module;

/**
 * codearena_logger_attach - log the code of a module
 * @logger: logger, which must outlive the module or be detached; it may serve
 *          many modules
 * @module: module without a logger
 *
 * Logs all published code of the module, jump tables included. From then on, it
 * logs code before codearena_module_publish() calls the module's callback and
 * returns, and withdraws code from debuggers before it is freed.
 * codearena_logger_code() documents which code is skipped. An error of a sink
 * fails no publishing, see codearena_logger_detach().
 *
 * The publishing threads write the files and wait for the debugger. If they
 * must not, use codearena_logger_defer() in the module's callback instead.
 *
 * Callbacks of the logger must not call this or codearena_logger_detach().
 *
 * Return: 0; -EINVAL: an argument is NULL; -EBUSY: the module has a logger;
 * -EIO: in a child of fork(); -ENOMEM.
 */
int codearena_logger_attach(struct codearena_logger *logger,
			    struct codearena_module *module);

/**
 * codearena_logger_detach - stop logging the code of a module
 * @module: module
 *
 * Waits for threads that log for the module. Withdraws its code from debuggers.
 * Freeing the module does this too.
 *
 * Return: 0; -EINVAL: @module is NULL; -ENOENT: it has no logger; else the
 * first error of a sink since it was attached: it is detached all the same;
 * -EPERM: in a child of fork().
 */
int codearena_logger_detach(struct codearena_module *module);

/**
 * codearena_logger_free - free a logger
 * @logger: NULL, or a logger that no module and no other call is using
 *
 * Drops the references to deferred code without logging it, and withdraws all
 * code from debuggers. In a child of fork() it only closes the files.
 */
void codearena_logger_free(struct codearena_logger *logger);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_LOG_H */
