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

static int *find_exactly(int fd)
{
	int *place = find((unsigned int)fd);

	return place && *place == fd ? place : NULL;
}

int pl_close(int fd)
{
	uint64_t mask;
	bool ours;

	pl_lock(&mask);
	ours = find_exactly(fd);
	pl_unlock(&mask);
	return ours ? -EBADF : raw_close(fd);
}

int pl_close_range(unsigned int first, unsigned int last, int flags)
{
	uint64_t mask;
	int ret = 0;

	if (first > last || (flags & CLOSE_RANGE_CLOEXEC))
		return (int)raw_call(SYS_close_range, first, last, flags, 0, 0, 0);
	pl_lock(&mask);
	while (!ret && first <= last) {
		const int *place = find(first);
		bool ours = place && (unsigned int)*place <= last;
		unsigned int end = ours ? (unsigned int)*place - 1 : last;

		if (!ours || end >= first)
			ret = (int)raw_call(SYS_close_range, first, end, flags, 0, 0, 0);
		if (!ours)
			break;
		first = (unsigned int)*place + 1;
	}
	pl_unlock(&mask);
	return ret;
}

/* The program chose a number of ours for its own file: move ours away. */
static void give_way(int fd)
{
	uint64_t mask;
	int *ours;

	pl_lock(&mask);
	ours = find_exactly(fd);
	if (ours) {
		int moved = (int)raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1, 0, 0, 0);

		if (moved >= 0)
			*ours = moved;
	}
	pl_unlock(&mask);
}

static int answer(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

PL_EXPORT int close(int fd)
{
	pl_init();
	return answer(pl_close(fd));
}

PL_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	pl_init();
	return answer(pl_close_range(first, last, flags));
}

PL_EXPORT void closefrom(int first)
{
	pl_init();
	pl_close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

PL_EXPORT int dup3(int old, int fd, int flags)
{
	pl_init();
	give_way(fd);
	return answer((int)raw_call(SYS_dup3, old, fd, flags, 0, 0, 0));
}

PL_EXPORT int dup2(int old, int fd)
{
	if (old != fd)
		return dup3(old, fd, 0);
	return fcntl(old, F_GETFD) < 0 ? -1 : fd;
}
