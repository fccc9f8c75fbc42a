// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl: lists arenas, shows their contents, and checks why none can be
 * made. The command line.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "codearena.h"
#include "ctl.h"

#define DISAS_MOST	(1 << 20)

static const char help[] =
	"Usage: codearenactl [OPTION]... COMMAND\n"
	"\n"
	"  list            list the arenas of all processes\n"
	"  show PID        show counters and mappings of the arenas of a process\n"
	"  stat [PID]      show memory and, with --watch, rates\n"
	"  disas PID ADDR  disassemble code of a process\n"
	"  check           check whether arenas work here, and suggest fixes\n"
	"  perf -- PROGRAM [ARGUMENT]...\n"
	"                  profile a program, with names of published functions\n"
	"\n"
	"  -j, --json             machine-readable output\n"
	"  -w, --watch [SECONDS]  stat: repeat until interrupted (default: 1)\n"
	"  -c, --count=N          stat: stop after N tables\n"
	"  -l, --length=BYTES     disas: number of bytes (default: one function)\n"
	"  -r, --root=DIR         use proc, sys and dev below DIR\n"
	"  -h, --help             print this text\n"
	"  -V, --version          print the version\n"
	"\n"
	"stat --watch redraws its table on a terminal. Elsewhere empty lines separate\n"
	"tables; with --json each table is one line.\n"
	"\n"
	"Exit status: 0 success; 1 something could not be read or written; 2 wrong\n"
	"usage; 3 check found a problem; 4 the process has no arena.\n";

static int usage(const char *problem, const char *what)
{
	if (what)
		ctl_error("%s '%s'; see codearenactl --help", problem, what);
	else
		ctl_error("%s; see codearenactl --help", problem);
	return CTL_USAGE;
}

static bool parse_number(const char *text, uint64_t least, uint64_t most,
			 int base, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, base);
	return !errno && end != text && !*end && *text != '-' &&
	       *value >= least && *value <= most;
}

static bool parse_seconds(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value >= 0.01 && *value <= 86400;
}

static int command(const struct ctl_options *options, char **words, int count)
{
	const char *name = count ? words[0] : NULL;
	uint64_t pid = 0, address = 0;
	int least = 1, most = 1;

	if (!name)
		return usage("command missing", NULL);
	if (!strcmp(name, "perf"))
		return count < 2 ? usage("argument missing after", name) :
				   ctl_command_perf(words + 1);
	if (!strcmp(name, "show"))
		least = most = 2;
	else if (!strcmp(name, "stat"))
		most = 2;
	else if (!strcmp(name, "disas"))
		least = most = 3;
	else if (strcmp(name, "list") && strcmp(name, "check"))
		return usage("unknown command", name);
	if (count < least)
		return usage("argument missing after", words[count - 1]);
	if (count > most)
		return usage("unexpected argument", words[most]);
	if (count > 1 && !parse_number(words[1], 1, INT32_MAX, 10, &pid))
		return usage("invalid process ID", words[1]);
	if (count > 2 && !parse_number(words[2], 0, UINT64_MAX, 16, &address))
		return usage("invalid address", words[2]);
	if (!strcmp(name, "list"))
		return ctl_command_list(options);
	if (!strcmp(name, "show"))
		return ctl_command_show(options, (pid_t)pid);
	if (!strcmp(name, "stat"))
		return ctl_command_stat(options, (pid_t)pid);
	if (!strcmp(name, "disas"))
		return ctl_command_disas(options, (pid_t)pid, address);
	return ctl_command_check(options);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "watch", optional_argument, NULL, 'w' },
		{ "count", required_argument, NULL, 'c' },
		{ "length", required_argument, NULL, 'l' },
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl_options options = {
		.root = "",
		.interval = 1,
	};
	uint64_t number;
	int option;

	while ((option = getopt_long(argc, argv, "jw::c:l:r:hV", longs,
				     NULL)) != -1) {
		switch (option) {
		case 'j':
			options.json = true;
			break;
		case 'w':
			options.watch = true;
			/* The interval may be a word of its own. */
			if (!optarg && optind < argc &&
			    parse_seconds(argv[optind], &options.interval))
				optind++;
			if (optarg && !parse_seconds(optarg, &options.interval))
				return usage("invalid interval", optarg);
			break;
		case 'c':
			if (!parse_number(optarg, 1, UINT32_MAX, 10, &number))
				return usage("invalid count", optarg);
			options.count = number;
			break;
		case 'l':
			if (!parse_number(optarg, 1, DISAS_MOST, 0,
					  &options.length))
				return usage("invalid length", optarg);
			break;
		case 'r':
			options.root = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return ctl_finish(CTL_OK);
		case 'V':
			printf("codearenactl %s (libcodearena %s)\n",
			       CODEARENA_VERSION_STRING, codearena_version());
			return ctl_finish(CTL_OK);
		default:
			return CTL_USAGE;
		}
	}
	return ctl_finish(command(&options, argv + optind, argc - optind));
}
