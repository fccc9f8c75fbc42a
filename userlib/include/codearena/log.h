/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: telling profilers and debuggers about code.
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
 * Three sinks tell of code that no file on disk has: the perf map and the
 * jitdump are files for perf, the GDB JIT interface is for debuggers. Each works
 * by itself, on plain descriptions of code. A logger feeds all of them from code
 * objects.
 *
 * All functions are thread-safe unless they say otherwise, and none is
 * async-signal-safe. Files belong to the process that made them: in a child of
 * fork() they are refused with -EIO, and freeing writes nothing.
 *
 * Control characters and backslashes in names are written as \xHH, so that no
 * name breaks a line or a terminal.
 *
 * Return values as in codearena.h. A file that cannot take all of a record is
 * cut back to where the record began.
 */

/**
 * struct codearena_log_line - where instructions come from
 * @offset: of the first instruction, from the start of the code
 * @line: from 1
 * @column: from 1; 0: not known
 * @file: path or name, not empty, without control characters
 */
struct codearena_log_line {
	uint64_t offset;
	uint32_t line;
	uint32_t column;
	const char *file;
};

/**
 * enum codearena_log_frame - how to find the caller of a frame
 * @CODEARENA_FRAME_POINTER: by the frame pointer. Where the code begins with the
 *                           usual prologue of its architecture, that is
 *                           described too; else the frame pointer is taken to be
 *                           set from the first instruction on
 * @CODEARENA_FRAME_LEAF: nothing is ever on the stack but the return address, on
 *                        machines that put it there
 * @CODEARENA_FRAME_UNKNOWN: nothing is said
 *
 * Where a function takes its frame down debuggers may miss its caller.
 */
enum codearena_log_frame {
	CODEARENA_FRAME_POINTER = 0,
	CODEARENA_FRAME_LEAF,
	CODEARENA_FRAME_UNKNOWN
};

/**
 * struct codearena_log_entry - code, as a sink sees it
 * @sz: set by the caller to sizeof(struct codearena_log_entry)
 * @name: name, at most CODEARENA_CODE_NAME_MAX bytes, not empty
 * @bytes: the code, for the caller to read; NULL: it is read at @address,
 *         which must be readable
 * @lines: ascending by offset, which is less than @size
 * @line_count: entries of @lines
 * @address: where it is executed
 * @size: bytes, not 0, at most CODEARENA_CODE_MAX
 * @frame: enum codearena_log_frame
 * @flags: 0
 *
 * Nothing of it is kept.
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
};

/**
 * codearena_log_check - is this the description of code?
 * @entry: the description
 *
 * Return: 0; -EINVAL: NULL, too short, no name, size 0, an unknown frame, lines
 * that do not ascend, leave the code, have number 0 or no file name;
 * -E2BIG: longer than this library knows; -EOPNOTSUPP: flags are not 0;
 * -EOVERFLOW: too large, or address and size wrap;
 * -ENAMETOOLONG: the name, or that of a file, is too long.
 */
int codearena_log_check(const struct codearena_log_entry *entry);

/* Flags of codearena_perfmap_new() */
#define CODEARENA_PERFMAP_F_APPEND	0x1U /* keep what the file has */

struct codearena_perfmap;

/**
 * codearena_perfmap_new - open the map that perf reads symbols from
 * @directory: NULL for /tmp, where perf looks
 * @flags: CODEARENA_PERFMAP_F_* bits
 * @out: gets the map; NULL on failure
 *
 * The file is perf-PID.map. An old one is emptied, since it is of another
 * process that had the number, unless @flags say that another part of this
 * process writes to it as well. It has no way to say that code is gone.
 *
 * perf itself looks into it for code in anonymous memory only, not for code in
 * files, and arenas are files to it: use the jitdump for perf. The map is for
 * other tools, and for code that is elsewhere.
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP: an unknown flag; -ENAMETOOLONG; -ENOMEM;
 * -EPERM: there is such a file, and it is a link, no plain file or somebody
 * else's; the errors of open().
 */
int codearena_perfmap_new(const char *directory, uint32_t flags,
			  struct codearena_perfmap **out);

/**
 * codearena_perfmap_add - write a line about code
 * @map: map
 * @entry: code; @bytes and @lines are not looked at
 *
 * Return: 0; as codearena_log_check(); -EIO: in a child of fork(); -ENOMEM;
 * the errors of write(), with -ENOSPC for a full disk.
 */
int codearena_perfmap_add(struct codearena_perfmap *map,
			  const struct codearena_log_entry *entry);

/**
 * codearena_perfmap_free - close the map
 * @map: NULL, or map that is not used anymore; the file stays
 */
void codearena_perfmap_free(struct codearena_perfmap *map);

/* Flags of codearena_jitdump_new() */
#define CODEARENA_JITDUMP_F_UNLINK	0x1U /* remove the file's name at once */

struct codearena_jitdump;

/**
 * codearena_jitdump_new - begin a jitdump
 * @directory: NULL for the current one
 * @flags: CODEARENA_JITDUMP_F_* bits
 * @out: gets the dump; NULL on failure
 *
 * The file is jit-PID.dump, format version 1, times in CLOCK_MONOTONIC: record
 * by "perf record -k mono", then "perf inject --jit". A page of the file is
 * mapped executable, by which perf finds it. Every record goes to the file at
 * once, so that a crash loses none.
 *
 * Return: 0; as codearena_perfmap_new(); the errors of mmap(), as -EPERM where
 * the file system is mounted noexec.
 */
int codearena_jitdump_new(const char *directory, uint32_t flags,
			  struct codearena_jitdump **out);

/**
 * codearena_jitdump_load - record code
 * @dump: dump
 * @entry: code; its lines are recorded before it
 * @index: NULL, or gets the number of the code in the dump
 *
 * Return: 0; as codearena_perfmap_add().
 */
int codearena_jitdump_load(struct codearena_jitdump *dump,
			   const struct codearena_log_entry *entry,
			   uint64_t *index);

/**
 * codearena_jitdump_move - record that code is at another address
 * @dump: dump
 * @index: number of the code
 * @from: address that it was at
 * @to: address that it is at
 * @size: bytes, not 0
 *
 * Return: 0; -EINVAL; -ENOENT: no code has had that number; -EOVERFLOW; -EIO: in
 * a child of fork(); the errors of write().
 */
int codearena_jitdump_move(struct codearena_jitdump *dump, uint64_t index,
			   uint64_t from, uint64_t to, uint64_t size);

/**
 * codearena_jitdump_free - end the dump
 * @dump: NULL, or dump that is not used anymore
 *
 * Records the end, if it can.
 */
void codearena_jitdump_free(struct codearena_jitdump *dump);

/* Entries of one object for a debugger. */
#define CODEARENA_GDBJIT_MAX	32768U

struct codearena_gdbjit;

/**
 * codearena_gdbjit_build - make an ELF object that describes code
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV
 * @entries: code
 * @count: entries of @entries, not 0, at most CODEARENA_GDBJIT_MAX; all have the
 *         same @sz
 * @object: gets the object, to be given to free(); NULL on failure
 * @size: gets its bytes
 *
 * It has symbols, unwind information and source lines, but not the code. Pure,
 * but for reading the code's prologue where @bytes is NULL.
 *
 * Return: 0; as codearena_log_check() for any entry; -EOPNOTSUPP: another
 * machine; -EOVERFLOW: too many, or larger than 2 GiB; -ENOMEM.
 */
int codearena_gdbjit_build(uint32_t machine,
			   const struct codearena_log_entry *entries,
			   size_t count, void **object, size_t *size);

/**
 * codearena_gdbjit_register - tell debuggers of code
 * @entries: code, which is told of as a whole
 * @count: entries of @entries, not 0
 * @out: gets what to take it back by; NULL on failure
 *
 * A debugger that is attached stops the process for it; one that attaches later
 * reads the list then. The list is __jit_debug_descriptor, as GDB documents it.
 * Each object in a process may have one; but of the parts of one executable or
 * shared object only one can, so where another JIT compiler is linked statically
 * beside this library, the debugger may not see what is registered here.
 *
 * Return: 0; as codearena_gdbjit_build(); -EINVAL.
 */
int codearena_gdbjit_register(const struct codearena_log_entry *entries,
			      size_t count, struct codearena_gdbjit **out);

/**
 * codearena_gdbjit_unregister - tell debuggers that code is gone
 * @object: NULL, or from codearena_gdbjit_register(); freed
 *
 * To be called before the code's memory is used again.
 */
void codearena_gdbjit_unregister(struct codearena_gdbjit *object);

/* Sinks of a logger */
#define CODEARENA_LOG_PERFMAP	0x1U
#define CODEARENA_LOG_JITDUMP	0x2U
#define CODEARENA_LOG_GDB	0x4U

/* Flags of struct codearena_logger_opts */
#define CODEARENA_LOGGER_F_ENVIRONMENT	0x1U /* the user may turn on sinks */
#define CODEARENA_LOGGER_F_ANONYMOUS	0x2U /* log anonymous code too */
#define CODEARENA_LOGGER_F_UNLINK	0x4U /* as CODEARENA_JITDUMP_F_UNLINK */
#define CODEARENA_LOGGER_F_APPEND	0x8U /* as CODEARENA_PERFMAP_F_APPEND */

/**
 * struct codearena_logger_opts - options of a logger
 * @sz: set by the caller to sizeof(struct codearena_logger_opts)
 * @directory: for the files; NULL: as each sink says
 * @source: NULL, or finds the line of a source position: sets @line, @column and
 *          @file of *line, and returns 0; another value leaves the position out.
 *          @file must live until the next call, or the end of the call of the
 *          logger. Called without a lock, by whichever thread logs
 * @data: for @source
 * @sinks: CODEARENA_LOG_* bits
 * @flags: CODEARENA_LOGGER_F_* bits
 *
 * With CODEARENA_LOGGER_F_ENVIRONMENT the variable CODEARENA_LOG adds sinks, a
 * list of "perfmap", "jitdump" and "gdb" with commas between, and
 * CODEARENA_LOG_DIR replaces @directory. They are not looked at in programs that
 * have more privileges than their user; unknown words in the list are skipped.
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
 * @out: gets the logger; NULL on failure
 *
 * Return: 0; -EINVAL; -E2BIG: @opts is longer than this library knows;
 * -EOPNOTSUPP: an unknown sink or flag; -ENOMEM; what opening a file returns.
 */
int codearena_logger_new(const struct codearena_logger_opts *opts,
			 struct codearena_logger **out);

/**
 * codearena_logger_sinks - where it logs to
 * @logger: logger
 *
 * Return: CODEARENA_LOG_* bits; 0 if @logger is NULL. Where it is 0, there is no
 * need to call the logger.
 */
uint32_t codearena_logger_sinks(const struct codearena_logger *logger);

/**
 * codearena_logger_code - log code now
 * @logger: logger
 * @code: code object; published, as debuggers read its prologue
 *
 * Anonymous code is passed over, as nobody asks for it by name, but for host
 * wrappers and unless CODEARENA_LOGGER_F_ANONYMOUS is set. Code at an address
 * that the debugger was told of before replaces what it was told.
 *
 * Return: 0; -EINVAL; -EIO: in a child of fork(); -ENOMEM; the first error of a
 * sink, after all have been tried.
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
 * Return: 0; -EINVAL; -EIO: in a child of fork(); -ENOMEM; -EOVERFLOW: there are
 * too many references.
 */
int codearena_logger_defer(struct codearena_logger *logger,
			   struct codearena_code *code);

/**
 * codearena_logger_flush - log what was put off
 * @logger: logger
 *
 * In the order in which it came. Drops references, see codearena_code_put(). If
 * another thread is at it already, that one does it all and this one returns.
 *
 * Return: 0; -EINVAL; -EIO: in a child of fork(); the first error of
 * codearena_logger_code(), after all has been tried.
 */
int codearena_logger_flush(struct codearena_logger *logger);

/**
 * codearena_logger_gone - code is about to be freed
 * @logger: logger
 * @address: where it begins
 *
 * Takes it from the debugger; files keep it. To be called before its memory is
 * used again, for addresses that were never logged too.
 *
 * Return: 0; -EINVAL; -EIO: in a child of fork().
 */
int codearena_logger_gone(struct codearena_logger *logger, uint64_t address);

struct codearena_module;

/**
 * codearena_logger_attach - log the code of a module
 * @logger: logger, which must outlive the module or be detached
 * @module: module that has no logger yet; a logger may have many modules
 *
 * Logs all published code of the module, jump tables included; from then on
 * what is published, before the module's callback is told, and before
 * codearena_module_publish() returns; and calls codearena_logger_gone() for what
 * is freed. Which code is passed over is said at codearena_logger_code(). That
 * a sink fails makes no publishing fail, see codearena_logger_detach().
 *
 * The threads that publish write the files, and wait for the debugger. Where
 * they must not, use codearena_logger_defer() in the module's callback instead.
 *
 * Not to be called, nor codearena_logger_detach(), by a callback of the logger.
 *
 * Return: 0; -EINVAL; -EBUSY: the module has a logger; -EIO: in a child of
 * fork(); -ENOMEM.
 */
int codearena_logger_attach(struct codearena_logger *logger,
			    struct codearena_module *module);

/**
 * codearena_logger_detach - do not log the code of a module any more
 * @module: module
 *
 * Waits for threads that log for the module. Debuggers forget its code. When
 * the module is freed this is done for it.
 *
 * Return: 0; -EINVAL; -ENOENT: it has no logger; else the first error of a sink
 * since it was attached: it is detached all the same.
 */
int codearena_logger_detach(struct codearena_module *module);

/**
 * codearena_logger_free - end a logger
 * @logger: NULL, or logger that is not used anymore; no module has it
 *
 * What was put off is not logged; its references are dropped. Debuggers forget
 * the code. In a child of fork() files are closed, and nothing else is done.
 */
void codearena_logger_free(struct codearena_logger *logger);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_LOG_H */
