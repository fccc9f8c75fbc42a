// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl check: the kernel, its policies, and the processor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#include "code/code_print.h"
#include "check.h"

#ifndef PR_GET_MDWE
#define PR_GET_MDWE	66
#endif

CTL_CHECK(kernel)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	(void)options;
	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	ctl_find(f, CTL_GOOD, "Linux %s on %s", name.release, name.machine);
	if (major < 6 || (major == 6 && minor < 1)) {
		f->verdict = CTL_BAD;
		ctl_advise(f, "the module needs Linux 6.1 or later");
	} else if (strcmp(name.machine, "x86_64") &&
		   strcmp(name.machine, "aarch64") &&
		   strcmp(name.machine, "riscv64")) {
		f->verdict = CTL_BAD;
		ctl_advise(f, "the module supports x86-64, arm64 and riscv64 only");
	}
}

CTL_CHECK(mdwe)
{
	int ret = prctl(PR_GET_MDWE, 0, 0, 0, 0);

	(void)options;
	if (ret < 0)
		ctl_find(f, CTL_NOTE, "this kernel has no PR_SET_MDWE (new in 6.3)");
	else if (ret)
		ctl_find(f, CTL_GOOD, "enforced here: writable memory cannot become code, which arenas of the device do not need");
	else
		ctl_find(f, CTL_GOOD, "not enforced here; programs on the device can enable it (MemoryDenyWriteExecute=yes)");
}

CTL_CHECK(selinux)
{
	char *enforce = ctl_read_file(options, "/sys/fs/selinux/enforce");
	char label[128] = "no label", path[512];
	ssize_t n;

	if (!enforce) {
		ctl_find(f, CTL_GOOD, "SELinux is not enabled");
		return;
	}
	n = getxattr(ctl_path(path, sizeof(path), options, "/dev/codearena"),
		     "security.selinux", label, sizeof(label) - 1);
	if (n >= 0)
		label[n] = 0;
	if (*enforce == '1') {
		ctl_find(f, CTL_NOTE, "SELinux is enforcing; label of the device: %s",
			 label);
		ctl_advise(f, "domains need 'map execute read write ioctl open' for that label, not execmem: see the audit log");
	} else {
		ctl_find(f, CTL_GOOD, "SELinux is permissive; label of the device: %s",
			 label);
	}
	free(enforce);
}

CTL_CHECK(lockdown)
{
	char *text = ctl_read_file(options, "/sys/kernel/security/lockdown");
	char *forced = ctl_read_file(options,
				     "/sys/module/module/parameters/sig_enforce");
	bool locked = text && !strstr(text, "[none]");

	if (locked || (forced && *forced == 'Y')) {
		ctl_find(f, CTL_NOTE, "only signed modules can be loaded (%s)",
			 locked ? "lockdown" : "sig_enforce");
		ctl_advise(f, "if 'module' is bad: sign it by make sign or dkms, and enroll the key by mokutil --import");
	} else if (!text) {
		ctl_find(f, CTL_UNKNOWN, "cannot read the lockdown state: %s",
			 strerror(errno));
	} else {
		ctl_find(f, CTL_GOOD, "no lockdown: unsigned modules can be loaded");
	}
	free(text);
	free(forced);
}

/* Features worth knowing, by their flags in /proc/cpuinfo. */
static const struct {
	const char *flag;
	const char *meaning;
} flags[] = {
	{ "ibt", "landing pads of indirect branches" },
	{ "user_shstk", "shadow stacks" },
	{ "pku", "protection keys" },
	{ "bti", "landing pads of indirect branches" },
	{ "paca", "signed return addresses" },
};

static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);
	const char *end = line + strcspn(line, "\n");

	while (line < end) {
		size_t n = strcspn(line, " \t\n");

		if (n == length && !memcmp(line, word, n))
			return true;
		line += n + 1;
	}
	return false;
}

CTL_CHECK(processor)
{
	char *text = ctl_read_file(options, "/proc/cpuinfo"), *line;
	size_t used;

	if (!text) {
		ctl_find(f, CTL_UNKNOWN, "/proc/cpuinfo: %s", strerror(errno));
		return;
	}
	line = strstr(text, "\nflags");
	if (!line)
		line = strstr(text, "\nFeatures");
	ctl_find(f, CTL_GOOD, "optional features:");
	for (size_t i = 0; line && i < sizeof(flags) / sizeof(*flags); i++) {
		if (!has_word(line + 1, flags[i].flag))
			continue;
		used = strlen(f->detail);
		snprintf(f->detail + used, sizeof(f->detail) - used,
			 " %s (%s)", flags[i].flag, flags[i].meaning);
	}
	used = strlen(f->detail);
	if (f->detail[used - 1] == ':')
		ctl_find(f, CTL_GOOD, "no optional features");
	free(text);
}

static int seen(void *data, const char *text, size_t length)
{
	bool *missing = data;

	if (length && *text == '(')
		*missing = true;
	return 0;
}

CTL_CHECK(disassembler)
{
	static const uint8_t code[16];
	bool missing = false;
	struct ca__printer printer = { .write = seen, .data = &missing };

	(void)options;
	ca__disassemble(&printer, code, 0, sizeof(code));
	if (missing) {
		ctl_find(f, CTL_NOTE, "none: 'disas' and codearena_code_print() show no instructions");
		ctl_advise(f, "install libcapstone4");
	} else {
		ctl_find(f, CTL_GOOD, "capstone");
	}
}
