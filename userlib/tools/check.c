// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl check: whether arenas work here, and if not, why.
 */
#include <stdarg.h>

#include "check.h"

static const struct {
	const char *name;
	void (*run)(const struct ctl_options *options,
		    struct ctl_finding *finding);
} checks[] = {
	{ "kernel", ctl_check_kernel },
	{ "module", ctl_check_module },
	{ "lockdown", ctl_check_lockdown },
	{ "device", ctl_check_device },
	{ "noexec", ctl_check_noexec },
	{ "selinux", ctl_check_selinux },
	{ "mdwe", ctl_check_mdwe },
	{ "seccomp", ctl_check_seccomp },
	{ "namespace", ctl_check_namespace },
	{ "backend", ctl_check_backend },
	{ "fallback", ctl_check_fallback },
	{ "limit", ctl_check_limit },
	{ "perf", ctl_check_perf },
	{ "core", ctl_check_core },
	{ "processor", ctl_check_processor },
	{ "disassembler", ctl_check_disassembler },
};

#define CHECKS	(sizeof(checks) / sizeof(*checks))

static const char *const verdicts[] = {
	[CTL_GOOD] = "good",
	[CTL_NOTE] = "note",
	[CTL_BAD] = "bad",
	[CTL_UNKNOWN] = "unknown",
};

void ctl_find(struct ctl_finding *finding, enum ctl_verdict verdict,
	      const char *format, ...)
{
	va_list args;

	finding->verdict = verdict;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void ctl_advise(struct ctl_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->advice, sizeof(finding->advice), format, args);
	va_end(args);
}

static void print_json(const struct ctl_finding *findings, bool good)
{
	struct ctl_json json = { .to = stdout };

	ctl_json_open(&json, NULL, '{');
	ctl_json_open(&json, "checks", '[');
	for (size_t i = 0; i < CHECKS; i++) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_string(&json, "name", checks[i].name);
		ctl_json_string(&json, "verdict",
				verdicts[findings[i].verdict]);
		ctl_json_string(&json, "detail", findings[i].detail);
		ctl_json_string(&json, "advice", findings[i].advice);
		ctl_json_close(&json, '}');
	}
	ctl_json_close(&json, ']');
	ctl_json_bool(&json, "good", good);
	ctl_json_close(&json, '}');
	putchar('\n');
}

int ctl_command_check(const struct ctl_options *options)
{
	struct ctl_finding findings[CHECKS] = { 0 };
	bool good = true;

	for (size_t i = 0; i < CHECKS; i++) {
		checks[i].run(options, &findings[i]);
		good = good && findings[i].verdict != CTL_BAD;
	}
	if (options->json) {
		print_json(findings, good);
		return good ? CTL_OK : CTL_PROBLEM;
	}
	for (size_t i = 0; i < CHECKS; i++) {
		printf("%-7s  %-12s  %s\n", verdicts[findings[i].verdict],
		       checks[i].name, findings[i].detail);
		if (*findings[i].advice)
			printf("%25s%s\n", "-> ", findings[i].advice);
	}
	return good ? CTL_OK : CTL_PROBLEM;
}
