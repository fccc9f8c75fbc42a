// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Linked to the port of QEMU with --wrap, beside fail.c: its buffer for code is the
 * smallest, so that it gets full. The numbers of failures and of flushes go to standard
 * error when the guest exits.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <codearena.h>

void fail_report(void);

static unsigned long flushes;

/* An eighth of it is less than the smallest buffer, which is 1 MiB. */
size_t __wrap_qemu_get_host_physmem(void);
size_t __wrap_qemu_get_host_physmem(void)
{
	return 1 << 20;
}

/* Called once for each flush, unless it fails. */
int __real_codearena_arena_decommit(struct codearena_arena *arena, uint64_t offset,
				    uint64_t length);
int __wrap_codearena_arena_decommit(struct codearena_arena *arena, uint64_t offset,
				    uint64_t length);
int __wrap_codearena_arena_decommit(struct codearena_arena *arena, uint64_t offset,
				    uint64_t length)
{
	const char *period = getenv("FAIL_PERIOD");

	flushes++;
	if (period && flushes % strtoul(period, NULL, 10) == 0)
		return -ENOMEM;
	return __real_codearena_arena_decommit(arena, offset, length);
}

/* QEMU ends its guest with _exit(). */
void __real_preexit_cleanup(void *env, int status);
void __wrap_preexit_cleanup(void *env, int status);
void __wrap_preexit_cleanup(void *env, int status)
{
	fail_report();
	fprintf(stderr, "flushes %lu\n", flushes);
	__real_preexit_cleanup(env, status);
}
