// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The handles of arenas survive a program that closes all descriptors, as daemons
 * do: to the program their numbers are not open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <unistd.h>

#include "preload.h"
#include "raw.h"

/* The lower of two places of descriptors that is not below least. */
static int *lower(int *best, int *place, unsigned int least)
{
	if (*place < 0 || (unsigned int)*place < least || (best && *best <= *place))
		return best;
	return place;
}

/* Where the lowest descriptor of ours from least on is kept, or NULL. Lock held. */
static int *find(unsigned int least)
{
	int *best = lower(NULL, &pl.device, least);

	best = lower(best, &pl.report, least);
	for (struct pl_chunk *chunk = pl.chunks; chunk; chunk = chunk->next)
		for (int i = 0; i < 2; i++)
			best = lower(best, &chunk->arenas[i].fd, least);
	return best;
}

PL_EXPORT int close(int fd)
{
	const int *found;
	bool ours;

	pl_init();
	pl_lock();
	found = find((unsigned int)fd);
	ours = found && *found == fd;
	pl_unlock();
	return raw_answer(ours ? -EBADF : raw_call(SYS_close, fd));
}

PL_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned long at = first, end;
	int ret = 0;

	pl_init();
	if (first > last || (flags & CLOSE_RANGE_CLOEXEC))
		return raw_answer(raw_call(SYS_close_range, first, last, flags));
	pl_lock();
	/* What lies between ours. */
	for (; !ret && at <= last; at = end + 1) {
		const int *ours = find(at);

		end = ours && (unsigned int)*ours <= last ? (unsigned long)*ours : last + 1UL;
		if (end > at)
			ret = raw_call(SYS_close_range, at, end - 1, flags);
	}
	pl_unlock();
	return raw_answer(ret);
}

PL_EXPORT void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

/* Where the program chose a number of ours for its own file, ours moves away. */
PL_EXPORT int dup3(int old, int fd, int flags)
{
	int *ours, moved = 0;

	pl_init();
	pl_lock();
	ours = find((unsigned int)fd);
	if (ours && *ours == fd) {
		moved = raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
		if (moved >= 0)
			*ours = moved;
	}
	pl_unlock();
	return raw_answer(moved < 0 ? moved : raw_call(SYS_dup3, old, fd, flags));
}

PL_EXPORT int dup2(int old, int fd)
{
	if (old != fd)
		return dup3(old, fd, 0);
	return fcntl(old, F_GETFD) < 0 ? -1 : fd;
}
