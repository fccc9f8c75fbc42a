// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl check: what confines this process, and what profilers and
 * debuggers see of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Bit of coredump_filter for shared memory without a name. */
#define CORE_SHARED	0x2

CTL_CHECK(seccomp)
{
	char *text = ctl_read_file(options, "/proc/self/status");
	const char *line = text ? strstr(text, "\nSeccomp:") : NULL;
	int mode = 0;

	if (!line || sscanf(line, "\nSeccomp: %d", &mode) != 1) {
		ctl_find(f, CTL_UNKNOWN, "/proc/self/status does not say");
	} else if (mode) {
		ctl_find(f, CTL_NOTE, "a seccomp filter confines this process");
		ctl_advise(f, "it has to allow ioctl() and mmap() with PROT_EXEC on the device; MemoryDenyWriteExecute= does");
	} else {
		ctl_find(f, CTL_GOOD, "no seccomp filter");
	}
	free(text);
}

CTL_CHECK(namespace)
{
	char *text = ctl_read_file(options, "/proc/self/uid_map");
	unsigned long inside, outside, count;

	if (!text || sscanf(text, "%lu %lu %lu", &inside, &outside,
			    &count) != 3) {
		ctl_find(f, CTL_UNKNOWN, "cannot read /proc/self/uid_map");
	} else if (inside || outside || count < UINT32_MAX) {
		ctl_find(f, CTL_NOTE, "in a user namespace: groups of the host do not count here");
		ctl_advise(f, "let the host's user have the group of the device, and keep it: podman run --group-add keep-groups");
	} else {
		ctl_find(f, CTL_GOOD, "not in a user namespace");
	}
	free(text);
}

CTL_CHECK(perf)
{
	char *text = ctl_read_file(options,
				   "/proc/sys/kernel/perf_event_paranoid");
	int level;

	if (!text || sscanf(text, "%d", &level) != 1) {
		ctl_find(f, CTL_UNKNOWN, "cannot read perf_event_paranoid");
	} else if (level > 2) {
		ctl_find(f, CTL_NOTE, "perf record is for root only: perf_event_paranoid is %d",
			 level);
		ctl_advise(f, "run sysctl kernel.perf_event_paranoid=2, and perf inject --jit with a jitdump for names of code");
	} else {
		ctl_find(f, CTL_GOOD, "perf may record own processes; names of code need a jitdump and perf inject --jit");
	}
	free(text);
}

CTL_CHECK(core)
{
	char *text = ctl_read_file(options, "/proc/self/coredump_filter");
	uint64_t filter;

	if (!text || sscanf(text, "%" SCNx64, &filter) != 1) {
		ctl_find(f, CTL_UNKNOWN, "cannot read the filter of core dumps");
	} else if (!(filter & CORE_SHARED)) {
		ctl_find(f, CTL_NOTE, "core dumps leave code of the fallback out: coredump_filter is 0x%" PRIx64,
			 filter);
		ctl_advise(f, "run echo 0x33 >/proc/self/coredump_filter before the program; code of the device is always in them");
	} else {
		ctl_find(f, CTL_GOOD, "core dumps contain the code of arenas");
	}
	free(text);
}
