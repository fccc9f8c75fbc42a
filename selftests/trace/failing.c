// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Decommits what is not committed: a call that fails, for its event.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/codearena.h>

int main(void)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.length = (unsigned long)sysconf(_SC_PAGESIZE),
	};
	struct codearena_decommit decommit = {
		.size = sizeof(decommit),
		.length = reserve.length,
	};
	int fd = open("/dev/codearena", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, CODEARENA_RESERVE, &reserve)) {
		perror("/dev/codearena");
		return 1;
	}
	return ioctl(fd, CODEARENA_DECOMMIT, &decommit) != -1 ||
	       errno != ENOENT;
}
