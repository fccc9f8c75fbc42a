/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: shared declarations.
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Exit codes, documented in --help and the man page. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,		/* something could not be read or written */
	CTL_USAGE = 2,
	CTL_PROBLEM = 3,	/* check found a problem */
	CTL_NOTHING = 4,	/* the process has no arena */
};

/**
 * struct ctl_options - the command line
 * @root: prefix of /proc, /sys and /dev; "" for this system
 * @json: machine-readable output
 * @watch: stat: repeat until interrupted
 * @interval: stat: seconds between two tables
 * @count: stat: number of tables; 0: no limit
 * @length: disas: bytes; 0: to the end of the function
 */
struct ctl_options {
	const char *root;
	bool json;
	bool watch;
	double interval;
	unsigned long count;
	uint64_t length;
};

/* Numbers of an arena, with the names and meanings of fdinfo. */
enum ctl_number {
	CTL_ID,
	CTL_OWNER,
	CTL_FLAGS,
	CTL_LENGTH,
	CTL_COMMIT_LIMIT,
	CTL_COMMITTED,
	CTL_SEALED,
	CTL_PATCHABLE,
	CTL_PUBLISHED,
	CTL_WRITTEN,
	CTL_PATCHED,
	CTL_DISCARDED,
	CTL_SYNCS,
	CTL_TRAP_TABLES,
	CTL_TRAP_ENTRIES,
	CTL_TRAPS,
	CTL_TRAPS_MEMORY,
	CTL_TRAPS_DIVIDE,
	CTL_TRAPS_UNDEFINED,
	CTL_ALL_COMMIT_LIMIT,
	CTL_ALL_COMMITTED,
	CTL_NUMBERS
};

#define CTL_NAME_LEN	64
#define CTL_COMM_LEN	32

/**
 * struct ctl_arena - an arena, as open in one process
 * @pid: the process
 * @fd: its lowest handle
 * @comm: name of the process
 * @name: name of the arena
 * @device: backend: the device, else a memfd
 * @writable: one of its handles permits changes
 * @inode: of a memfd
 * @known: bit mask: which of @number are valid
 * @number: see &enum ctl_number
 */
struct ctl_arena {
	pid_t pid;
	int fd;
	char comm[CTL_COMM_LEN];
	char name[CTL_NAME_LEN];
	bool device;
	bool writable;
	uint64_t inode;
	uint64_t known;
	uint64_t number[CTL_NUMBERS];
};

/**
 * struct ctl_list - arenas that were found
 * @arenas: by process and handle
 * @count: entries of @arenas
 * @unreadable: processes that could not be read, and may have more
 */
struct ctl_list {
	struct ctl_arena *arenas;
	size_t count;
	size_t unreadable;
};

static inline bool ctl_known(const struct ctl_arena *arena, enum ctl_number n)
{
	return arena->known >> n & 1;
}

/* scan.c */
extern const char *const ctl_number_names[CTL_NUMBERS];
int ctl_scan(const struct ctl_options *options, pid_t pid,
	     struct ctl_list *list);
void ctl_list_free(struct ctl_list *list);

/* fdinfo.c */
bool ctl_fdinfo_parse(const char *text, struct ctl_arena *arena);
void ctl_memfd_read(const char *path, struct ctl_arena *arena);

/**
 * struct ctl_view - a mapping of an arena
 * @start: first address
 * @end: first address after it
 * @offset: in the arena
 * @inode: of the file, which is one for all arenas of the device
 * @kind: "code", "guard", "alias" or "header"
 * @device: backend: the device, else a memfd
 */
struct ctl_view {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	const char *kind;
	bool device;
};

/* views.c */
bool ctl_view_parse(const char *line, struct ctl_view *view);
const struct ctl_arena *ctl_view_arena(const struct ctl_list *list,
				       const struct ctl_view *view);
int ctl_views(const struct ctl_options *options, pid_t pid,
	      struct ctl_view **views, size_t *count);

/* output.c */
struct ctl_json {
	FILE *to;
	bool started;	/* the innermost object or array is not empty */
};

void ctl_json_open(struct ctl_json *json, const char *key, char bracket);
void ctl_json_close(struct ctl_json *json, char bracket);
void ctl_json_string(struct ctl_json *json, const char *key, const char *text);
void ctl_json_number(struct ctl_json *json, const char *key, uint64_t number);
void ctl_json_real(struct ctl_json *json, const char *key, double number);
void ctl_json_bool(struct ctl_json *json, const char *key, bool value);
void ctl_json_null(struct ctl_json *json, const char *key);
void ctl_json_arena(struct ctl_json *json, const char *key,
		    const struct ctl_arena *arena);
/* Replaces what a terminal could interpret. */
const char *ctl_clean(char *to, size_t size, const char *text);
/* Bytes in a readable unit; "-" if unknown. */
const char *ctl_size(char *to, size_t size, bool known, uint64_t bytes);
/* The same for a number of an arena, if that is in bytes. */
const char *ctl_value(char *to, size_t size, const struct ctl_arena *arena,
		      enum ctl_number n);
/* "s" for numbers that take a plural. */
const char *ctl_plural(size_t number);
const char *ctl_count(char *to, size_t size, bool known, uint64_t number);
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The text of a file, to be freed by the caller; NULL with errno. */
char *ctl_read_file(const struct ctl_options *options, const char *path);
/* A path below the root. */
const char *ctl_path(char *to, size_t size, const struct ctl_options *options,
		     const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Flushes standard output; returns @code, or CTL_FAILED. */
int ctl_finish(int code);

/* Commands; each returns an exit code. */
int ctl_command_list(const struct ctl_options *options);
int ctl_command_show(const struct ctl_options *options, pid_t pid);
int ctl_command_stat(const struct ctl_options *options, pid_t pid);
int ctl_command_disas(const struct ctl_options *options, pid_t pid,
		      uint64_t address);
int ctl_command_check(const struct ctl_options *options);
int ctl_command_perf(char *const *program);

#endif /* CTL_H */
