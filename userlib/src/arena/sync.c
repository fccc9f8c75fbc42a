// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Context synchronisation of the threads of this process, without the module.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/arena.h"

static int ca__membarrier(int command)
{
	return syscall(__NR_membarrier, command, 0, 0) ? -errno : 0;
}

/**
 * ca__sync_prepare - make ca__sync_threads() possible in this process
 *
 * Cheap when repeated.
 *
 * Return: 0; -EOPNOTSUPP: the system has no way to synchronise other threads.
 */
int ca__sync_prepare(void)
{
	if (!CA__SYNC_BY_MEMBARRIER)
		return 0;
	return ca__membarrier(
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) ?
		-EOPNOTSUPP : 0;
}

/**
 * ca__sync_threads - make all threads of the process fetch code anew
 *
 * ca__sync_prepare() must have succeeded in this process or in the one it was
 * forked from, and the instruction cache must be flushed.
 */
void ca__sync_threads(void)
{
	const int command = MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;

	/* The system does not promise that a child inherits the registration. */
	if (CA__SYNC_BY_MEMBARRIER && ca__membarrier(command) == -EPERM &&
	    !ca__sync_prepare())
		ca__membarrier(command);
	/* The system call serialises the other processors, not this one. */
	ca__arch_sync_self();
}
