// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Copy from addresses that may be wrong: the kernel reads them and answers
 * EFAULT where a load would raise a signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/copy.h"

/* Not more than what an empty pipe takes without blocking. */
#define CA__PIPE_PIECE	4096

/* As many pieces as one system call takes on every kernel. */
#define CA__VECTOR	64

/*
 * Through a pipe. Slow, but it needs no permission, and it reads special
 * mappings, which the other way cannot pin.
 */
static int ca__copy_by_pipe(char *to, uint64_t from, uint64_t length)
{
	int fds[2], ret = 0;
	ssize_t put, got;
	size_t piece;

	if (pipe2(fds, O_CLOEXEC))
		return -ENOMEM;
	while (length && !ret) {
		/* To the end of a page: then a bad page costs a whole piece. */
		piece = CA__PIPE_PIECE - from % CA__PIPE_PIECE;
		if (piece > length)
			piece = length;
		put = write(fds[1], (const void *)(uintptr_t)from, piece);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			ret = -EFAULT;
			break;
		}
		from += put;
		length -= put;
		while (put) {
			got = read(fds[0], to, put);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0) {
				ret = -EFAULT;
				break;
			}
			to += got;
			put -= got;
		}
	}
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* Fill the vector from where the copy stands. Returns the pieces in it. */
static size_t ca__vector_fill(struct iovec *vector,
			      const struct ca__source *sources, size_t count,
			      uint64_t done, uint64_t *total)
{
	size_t i;

	*total = 0;
	for (i = 0; i < count && i < CA__VECTOR; i++) {
		uint64_t skip = i ? 0 : done;

		vector[i].iov_base =
			(void *)(uintptr_t)(sources[i].address + skip);
		vector[i].iov_len = sources[i].length - skip;
		*total += vector[i].iov_len;
	}
	return i;
}

/**
 * ca__copy_in - copy pieces, one behind the other
 * @to: room for all of them
 * @sources: the pieces
 * @count: how many
 * @failed: gets the piece that could not be read, on -EFAULT only
 *
 * Return: 0; -EFAULT: an address cannot be read; -ENOMEM: the system gave
 * nothing to read with. What stands at @to is undefined then.
 */
int ca__copy_in(void *to, const struct ca__source *sources, size_t count,
		size_t *failed)
{
	struct iovec remote[CA__VECTOR], local;
	uint64_t total, done = 0;
	size_t i = 0, n;
	char *put = to;
	ssize_t got;
	int ret;

	while (i < count) {
		n = ca__vector_fill(remote, sources + i, count - i, done,
				    &total);
		local.iov_base = put;
		local.iov_len = total;
		got = process_vm_readv(getpid(), &local, 1, remote, n, 0);
		if (got <= 0) {
			ret = ca__copy_by_pipe(put, sources[i].address + done,
					       sources[i].length - done);
			if (ret) {
				if (ret == -EFAULT)
					*failed = i;
				return ret;
			}
			got = sources[i].length - done;
		}
		put += got;
		done += got;
		while (i < count && done >= sources[i].length)
			done -= sources[i++].length;
	}
	return 0;
}

/**
 * ca__copy_out - store a few bytes at an address of the caller's
 * @to: where
 * @from: the bytes
 * @length: how many, less than what an empty pipe takes
 *
 * Return: 0; -EFAULT: the address cannot be written; -ENOMEM: the system gave
 * nothing to write with.
 */
int ca__copy_out(void *to, const void *from, size_t length)
{
	struct iovec local = { .iov_base = (void *)from, .iov_len = length };
	struct iovec remote = { .iov_base = to, .iov_len = length };
	int fds[2], ret = -EFAULT;

	if (process_vm_writev(getpid(), &local, 1, &remote, 1, 0) ==
	    (ssize_t)length)
		return 0;
	if (pipe2(fds, O_CLOEXEC))
		return -ENOMEM;
	if (write(fds[1], from, length) == (ssize_t)length &&
	    read(fds[0], to, length) == (ssize_t)length)
		ret = 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/**
 * ca__array_in - take a copy of an array of the caller's
 * @from: the array
 * @count: its entries, not 0
 * @size: of an entry
 * @small: room on the stack for short arrays
 * @small_size: its size
 * @array: gets the copy, for ca__array_free()
 *
 * A copy, since what was checked must be what is used.
 *
 * Return: 0, -EFAULT, -ENOMEM.
 */
int ca__array_in(const void *from, size_t count, size_t size, void *small,
		 size_t small_size, void **array)
{
	struct ca__source source = {
		.address = (uintptr_t)from,
		.length = count * size,
	};
	size_t failed;
	int ret;

	*array = source.length <= small_size ? small : malloc(source.length);
	if (!*array)
		return -ENOMEM;
	ret = ca__copy_in(*array, &source, 1, &failed);
	if (ret)
		ca__array_free(*array, small);
	return ret;
}

/**
 * ca__array_free - drop what ca__array_in() gave
 * @array: the copy
 * @small: as given to ca__array_in()
 */
void ca__array_free(void *array, void *small)
{
	if (array != small)
		free(array);
}
