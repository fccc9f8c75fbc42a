// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The start of the library, its messages, and the report at the end.
 *
 * CODEARENA_PRELOAD in the environment holds words: "strict" or "emulate", and
 * "report" or, last, "report=FILE".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "preload.h"
#include "raw.h"

#ifndef PR_GET_MDWE
#define PR_GET_MDWE	66
#endif

#ifdef PRELOAD_FAIL
PL_EXPORT int pl_fail_after;
#endif

/* One line on standard error: what happened, and why or what to do. */
void pl_say(const char *what, const char *why)
{
	char line[512];
	size_t length;

	/* dprintf() may allocate. */
	snprintf(line, sizeof(line), "codearena-run: %s[%ld]: %s%s%s\n",
		 program_invocation_short_name, raw_call(SYS_getpid), what, why ? "; " : "",
		 why ? why : "");
	length = strlen(line);
	raw_call(SYS_write, STDERR_FILENO, line, length);
}

static void read_environment(void)
{
	const char *words = getenv("CODEARENA_PRELOAD");
	const char *report = words ? strstr(words, "report") : NULL;

	if (!words)
		return;
	if (!strncmp(words, "emulate", 7))
		pl.emulate = true;
	if (!report)
		return;
	if (report[6] == '=')
		pl.report = open(report + 7, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	else
		pl.report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (pl.report >= 0)
		pl.report = pl_fd_keep(pl.report);
	else
		pl_say("cannot open the file for the report", strerror(errno));
}

/* Called where a function is replaced, too: libraries may call it before their turn. */
__attribute__((constructor)) void pl_init(void)
{
	static bool started, ready;
	int saved = errno;

	if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) ||
	    __atomic_exchange_n(&started, true, __ATOMIC_ACQ_REL))
		return;
#ifdef PRELOAD_FAIL
	if (getenv("PRELOAD_FAIL"))
		pl_fail_after = atoi(getenv("PRELOAD_FAIL"));
#endif
	pl.page = getauxval(AT_PAGESZ);
	pl.page_shift = (unsigned int)__builtin_ctzl(pl.page);
	pl_signal_init();
	read_environment();
	pl.device = pl_device_open();
	pl_process_init();
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	errno = saved;
}

struct mappings {
	unsigned int both; /* writable and executable */
	unsigned int views; /* executable views of the device */
	unsigned int other; /* executable and backed by no file */
};

static void count_mapping(struct mappings *mappings, const char *line)
{
	const char *rights = strchr(line, ' ');
	const char *path = strchr(line, '/');

	if (!rights || rights[3] != 'x')
		return;
	if (rights[2] == 'w')
		mappings->both++;
	else if (path && !strncmp(path, "/dev/codearena", 14))
		mappings->views++;
	else if (!path && !strchr(line, '['))
		mappings->other++;
}

static void read_mappings(struct mappings *mappings)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[4200];

	while (file && fgets(line, sizeof(line), file))
		count_mapping(mappings, line);
	if (file)
		fclose(file);
}

static const char *protection(const struct mappings *mappings)
{
	if (mappings->both)
		return "none: memory is writable and executable, made by system calls that "
		       "this library does not see";
	if (!pl.counters.published)
		return "no code was made at run time";
	if (pl.counters.both)
		return "the letter of W^X only: what the program writes is executed, "
		       "whoever made it write";
	return "that of mprotect(): code changes when the program asks for it, and is never "
	       "writable and executable at once";
}

/* What the program did and got, in lines of a key and a value. */
static void report(void)
{
	const struct pl_counters *c = &pl.counters;
	struct mappings mappings = { 0 };
	bool mdwe = raw_call(SYS_prctl, PR_GET_MDWE) > 0;

	read_mappings(&mappings);
	dprintf(pl.report,
		"codearena-run: report of %s[%ld]\n"
		"  mode: %s, W^X %s by the kernel\n"
		"  requests for writable and executable memory: %llu served, %llu refused\n"
		"  arenas: %llu, cloned after forks: %llu\n"
		"  pages made executable: %llu, writable again: %llu; bytes published: %llu\n"
		"  faults: %llu served, %llu handed to the program, %llu of instructions that write their own page\n"
		"  mappings: %u writable and executable, %u views of arenas, %u executable without a file\n"
		"  protection: %s\n",
		program_invocation_short_name, raw_call(SYS_getpid),
		pl.emulate ? "emulate" : "strict",
		mdwe ? "enforced" : "not known to be enforced", c->both, c->refused, c->arenas,
		c->forks, c->to_code, c->to_data, c->published, c->served, c->forwarded,
		c->unserved, mappings.both, mappings.views, mappings.other,
		protection(&mappings));
}

__attribute__((destructor)) static void end(void)
{
	if (pl.report >= 0)
		report();
}
