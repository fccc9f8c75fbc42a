// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Linked to the port of QEMU with --wrap, beside fail.c: its buffer for code is the
 * smallest, so that it gets full. The numbers of failures and of flushes go to standard
 * error when the guest exits.
 */
#include <stddef.h>
#include <stdio.h>

void fail_report(void);

static unsigned long flushes;

/* An eighth of it is less than the smallest buffer, which is 1 MiB. */
size_t __wrap_qemu_get_host_physmem(void);
size_t __wrap_qemu_get_host_physmem(void)
{
	return 1 << 20;
}

void __real_tcg_codearena_flush(void);
void __wrap_tcg_codearena_flush(void);
void __wrap_tcg_codearena_flush(void)
{
	flushes++;
	__real_tcg_codearena_flush();
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
