// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Files that records are appended to. Their names are predictable and /tmp is
 * shared, so files that another user could have put there are refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"

/**
 * ca__log_owner - id of the calling process, different in a child of fork()
 *
 * Return: as ca__owner_current(); the process ID where that is unavailable.
 */
uint64_t ca__log_owner(void)
{
	uint64_t owner = ca__owner_current();

	return owner ? owner : (uint64_t)getpid();
}

static int ca__log_file_check(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid() ||
	    stat.st_nlink != 1)
		return -EPERM;
	return 0;
}

/**
 * ca__log_open - open a file
 * @file: receives the file
 * @directory: its directory
 * @format: its name, with one %d for the process ID
 * @append: keep its contents
 * @unlink_it: unlink it
 *
 * Return: 0; -ENAMETOOLONG; -EPERM: not a regular file of this user with one
 * link; the errors of open().
 */
int ca__log_open(struct ca__log_file *file, const char *directory,
		 const char *format, bool append, bool unlink_it)
{
	char name[64], path[PATH_MAX];
	int length, fd, ret;

	snprintf(name, sizeof(name), format, (int)getpid());
	length = snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	/* O_NONBLOCK: it could be a pipe. */
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC |
		  O_NONBLOCK, 0600);
	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	ret = ca__log_file_check(fd);
	if (!ret && !append && ftruncate(fd, 0))
		ret = -errno;
	if (!ret && unlink_it && unlink(path))
		ret = -errno;
	if (ret) {
		close(fd);
		return ret;
	}
	file->fd = fd;
	file->owner = ca__log_owner();
	return 0;
}

/**
 * ca__log_append - append a record, or nothing
 * @file: file; the caller serialises calls
 * @record: record
 *
 * Return: 0; the error of @record; the errors of write().
 */
int ca__log_append(const struct ca__log_file *file,
		   const struct ca__buffer *record)
{
	size_t done = 0;
	ssize_t written;
	off_t end;
	int ret;

	if (record->error)
		return record->error;
	while (done < record->size) {
		written = write(file->fd, record->data + done,
				record->size - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			goto err_cut;
		done += written;
	}
	return 0;

err_cut:
	ret = written ? -errno : -ENOSPC;
	/* Others may append too, so the end is known only now. */
	end = lseek(file->fd, 0, SEEK_CUR);
	if (done && end >= (off_t)done && ftruncate(file->fd, end - done))
		return -EIO;
	return ret;
}
