/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * System calls that go straight to the kernel: the functions of the C library
 * with these names are the ones that the preload library replaces.
 */
#ifndef CODEARENA_PRELOAD_RAW_H
#define CODEARENA_PRELOAD_RAW_H

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>

#ifdef PRELOAD_FAIL
/* The build for tests of failures: calls until one fails with ENOMEM; 0: none. */
extern int pl_fail_after;

static inline bool raw_fails(long number)
{
	/* These cannot fail. */
	if (number == SYS_rt_sigprocmask || number == SYS_getpid || number == SYS_gettid ||
	    number == SYS_exit_group)
		return false;
	return pl_fail_after > 0 && !--pl_fail_after;
}
#else
#define raw_fails(number)	false
#endif

/* The result of the kernel: -errno on failure. Arguments that are left out are 0. */
#define raw_call(...)	RAW_CALL(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_CALL(number, a, b, c, d, e, f, ...)	\
	(raw_fails(number) ? -ENOMEM : raw_call6(number, (long)(a), (long)(b), (long)(c),	\
						 (long)(d), (long)(e), (long)(f)))

static inline long raw_call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "the preload library knows x86-64 and arm64 only"
#endif
}

static inline bool raw_failed(long result)
{
	return (unsigned long)result >= -4095UL;
}

/* 0 for a call that returns an address, or -errno. */
static inline int raw_status(long result)
{
	return raw_failed(result) ? (int)result : 0;
}

/* The same as a function of the C library returns it. */
static inline long raw_answer(long result)
{
	if (!raw_failed(result))
		return result;
	errno = (int)-result;
	return -1;
}

#endif
