// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What an errno means when this library returns it.
 */
#include <errno.h>
#include <stddef.h>

#include "base/base.h"
#include "codearena.h"

static const struct {
	int error;
	const char *text;
} ca__errors[] = {
	{ 0, "success" },
	{ E2BIG, "structure has bytes that this version does not know" },
	{ EACCES, "no permission to open the device, or more rights than the arena allows" },
	{ EAGAIN, "a word to patch no longer has the expected value" },
	{ EBADF, "bad file descriptor, or the arena was attached and cannot be changed" },
	{ EBADFD, "file descriptor of another kind" },
	{ EBADMSG, "saved data is damaged" },
	{ EBUSY, "object in use, or named twice in one call" },
	{ EDEADLK, "would wait for the calling thread" },
	{ EEXIST, "range overlaps one that exists" },
	{ EFAULT, "memory of the caller cannot be read or written" },
	{ EFBIG, "input too large" },
	{ EINTR, "interrupted before anything changed" },
	{ EINVAL, "invalid argument: misaligned, empty, out of range or contradictory" },
	{ EIO, "used by a process that does not own the object, or unexpected error of the system" },
	{ EMFILE, "the process has too many open files" },
	{ EMSGSIZE, "output array too small" },
	{ ENAMETOOLONG, "name too long" },
	{ ENFILE, "the system has too many open files" },
	{ ENODEV, "no driver serves the device" },
	{ ENOENT, "no such object, or nothing at this address" },
	{ ENOEXEC, "code for another machine, or not in a supported format" },
	{ ENOMEM, "out of memory, or over a limit of the system" },
	{ ENOSPC, "no space: the arena or the address range is full" },
	{ ENOSYS, "the system lacks a call that is needed" },
	{ ENOTTY, "not a codearena device, or a command that it does not know" },
	{ ENXIO, "no driver serves the device" },
	{ EOPNOTSUPP, "flag or feature not supported here" },
	{ EOVERFLOW, "number or range too large" },
	{ EPERM, "sealed, forbidden by a security policy, or not the owner's process" },
	{ EPROTO, "the device contradicts its interface" },
	{ ERANGE, "target out of reach" },
	{ ESTALE, "made for another version, machine or module" },
};

CODEARENA_API const char *codearena_strerror(int error)
{
	size_t i;

	for (i = 0; i < sizeof(ca__errors) / sizeof(ca__errors[0]); i++) {
		if (error == ca__errors[i].error ||
		    error == -ca__errors[i].error)
			return ca__errors[i].text;
	}
	return "unknown error";
}
