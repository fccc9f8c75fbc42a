// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl check: the module, its device, and the library's backends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check.h"
#include "codearena.h"

#define DEVICE	"/dev/codearena"

static bool exists(const struct ctl_options *options, const char *path)
{
	char full[512];

	return !access(ctl_path(full, sizeof(full), options, "%s", path), F_OK);
}

CTL_CHECK(module)
{
	char *version;

	if (!exists(options, "/sys/module/codearena")) {
		ctl_find(f, CTL_BAD, "the module is not loaded");
		ctl_advise(f, "run modprobe codearena; install codearena-dkms if it is missing");
		return;
	}
	version = ctl_read_file(options, "/sys/module/codearena/version");
	if (!version) {
		ctl_find(f, CTL_GOOD, "loaded");
		return;
	}
	version[strcspn(version, "\n")] = 0;
	if (strcmp(version, CODEARENA_VERSION_STRING)) {
		ctl_find(f, CTL_NOTE, "loaded, version %s; this is version %s",
			 version, CODEARENA_VERSION_STRING);
		ctl_advise(f, "no action needed while the major versions are equal");
	} else {
		ctl_find(f, CTL_GOOD, "loaded, version %s", version);
	}
	free(version);
}

CTL_CHECK(device)
{
	const struct passwd *user;
	const struct group *group;
	struct stat status;
	char path[512];

	ctl_path(path, sizeof(path), options, DEVICE);
	if (stat(path, &status)) {
		int error = errno;

		ctl_find(f, CTL_BAD, "%s: %s", path, strerror(error));
		ctl_advise(f, error == ENOENT ?
			   "load the module; in a container, pass the device through; beside PrivateDevices=yes, add BindPaths=/dev/codearena and DeviceAllow=/dev/codearena rw" :
			   "check the permissions of its directory");
		return;
	}
	if (!S_ISCHR(status.st_mode)) {
		ctl_find(f, CTL_BAD, "%s is not a device", path);
		ctl_advise(f, "remove it and load the module again");
		return;
	}
	user = getpwuid(status.st_uid);
	group = getgrgid(status.st_gid);
	ctl_find(f, CTL_GOOD, "%s, mode %04o, %s:%s", path,
		 status.st_mode & 07777, user ? user->pw_name : "?",
		 group ? group->gr_name : "?");
	if (access(path, R_OK | W_OK)) {
		f->verdict = CTL_BAD;
		if (errno == EPERM)
			ctl_advise(f, "device rules of the control group refuse it: in a systemd unit add DeviceAllow=/dev/codearena rw; pass it to a container by --device");
		else if (status.st_gid)
			ctl_advise(f, "join its group: usermod -aG %s NAME, then log in again",
				   group ? group->gr_name : "GROUP");
		else
			ctl_advise(f, "install the udev rule, which sets a group, and join that group");
	} else if (status.st_mode & 0002) {
		f->verdict = CTL_BAD;
		ctl_advise(f, "any user may write to it: run chmod o-w %s, and check the udev rules",
			   path);
	}
}

/* A container may have the node alone, on a mount of its own. */
CTL_CHECK(noexec)
{
	struct statvfs status;
	char path[512];
	int ret;

	ret = statvfs(ctl_path(path, sizeof(path), options, DEVICE), &status);
	if (ret)
		ret = statvfs(ctl_path(path, sizeof(path), options, "/dev"),
			      &status);
	if (ret) {
		ctl_find(f, CTL_UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	if (status.f_flag & ST_NOEXEC) {
		ctl_find(f, CTL_BAD, "%s is mounted noexec and cannot be mapped as code",
			 path);
		ctl_advise(f, "run mount -o remount,exec for it; in systemd units add ExecPaths=/dev/codearena; in containers bind-mount the node without noexec, not by --device of a rootless one");
	} else {
		ctl_find(f, CTL_GOOD, "%s is not mounted noexec", path);
	}
}

static const struct {
	int error;
	const char *advice;
} probe_advice[] = {
	{ ENOENT, "load the module: modprobe codearena" },
	{ EACCES, "see 'device'" },
	{ EPERM, "see 'noexec', 'selinux' and 'seccomp'; in a container its device rules may be the cause" },
	{ ENXIO, "the node is stale: load the module again" },
	{ ENODEV, "the node is stale: load the module again" },
	{ ENOTTY, "the node belongs to another driver: remove it" },
	{ ENOEXEC, "use a library for the kernel's architecture" },
	{ EPROTO, "update the library and the module to the same version" },
};

CTL_CHECK(backend)
{
	CODEARENA_OPTS(codearena_info, info);
	const char *wish = getenv("CODEARENA_BACKEND");
	int ret;

	if (*options->root) {
		ctl_find(f, CTL_UNKNOWN, "not checked with --root");
		return;
	}
	ret = codearena_probe(CODEARENA_BACKEND_DEVICE, &info);
	if (ret) {
		ctl_find(f, CTL_BAD, "the device is not usable, so CODEARENA_BACKEND_AUTO takes the fallback: %s",
			 strerror(-ret));
		ctl_advise(f, "see above");
		for (size_t i = 0; i < sizeof(probe_advice) /
				       sizeof(*probe_advice); i++) {
			if (probe_advice[i].error == -ret)
				ctl_advise(f, "%s", probe_advice[i].advice);
		}
		return;
	}
	ctl_find(f, CTL_GOOD, "libcodearena %s uses the device: revision %u, features 0x%" PRIx64,
		 codearena_version(), info.abi_revision, info.features);
	ret = codearena_probe(CODEARENA_BACKEND_AUTO, &info);
	if (ret || info.backend != CODEARENA_BACKEND_DEVICE) {
		ctl_find(f, CTL_NOTE, "the device is usable, but CODEARENA_BACKEND=%s selects another backend",
			 wish ? wish : "");
		ctl_advise(f, "unset CODEARENA_BACKEND");
	}
}

CTL_CHECK(fallback)
{
	int ret;

	if (*options->root) {
		ctl_find(f, CTL_UNKNOWN, "not checked with --root");
		return;
	}
	ret = codearena_probe(CODEARENA_BACKEND_MEMFD, NULL);
	if (ret) {
		ctl_find(f, CTL_NOTE, "the fallback backend does not work: memfd: %s",
			 strerror(-ret));
		ctl_advise(f, "no action needed if the device is usable");
	} else {
		ctl_find(f, CTL_GOOD, "without the device, programs use memfds, which lack its guarantees");
	}
}

CTL_CHECK(limit)
{
	char *text = ctl_read_file(options,
				   "/sys/module/codearena/parameters/commit_limit_mb");

	if (!text) {
		ctl_find(f, CTL_UNKNOWN, "cannot read the limit: %s",
			 strerror(errno));
		return;
	}
	text[strcspn(text, "\n")] = 0;
	ctl_find(f, CTL_GOOD, "all arenas together may commit %s MiB%s", text,
		 strcmp(text, "0") ? "" : ": there is no limit");
	if (!strcmp(text, "0")) {
		f->verdict = CTL_NOTE;
		ctl_advise(f, "this memory cannot be swapped: set the module parameter commit_limit_mb");
	}
	free(text);
}
