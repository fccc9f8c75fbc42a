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
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifdef PRELOAD_FAIL
/* The build for tests of failures: calls until one fails with ENOMEM; 0: none. */
extern int pl_fail_after;

static inline int raw_fails(long number)
{
	if (number != SYS_mmap && number != SYS_mprotect && number != SYS_mremap &&
	    number != SYS_ioctl && number != SYS_fcntl && number != SYS_openat)
		return 0;
	return pl_fail_after > 0 && !--pl_fail_after;
}
#else
static inline int raw_fails(long number)
{
	(void)number;
	return 0;
}
#endif

/* The result of the kernel: -errno on failure. */
static inline long raw_call(long number, long a, long b, long c, long d, long e,
			    long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	if (raw_fails(number))
		return -ENOMEM;
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

	if (raw_fails(number))
		return -ENOMEM;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "the preload library knows x86-64 and arm64 only"
#endif
}

static inline int raw_failed(long result)
{
	return (unsigned long)result >= -4095UL;
}

static inline long raw_mmap(uintptr_t address, size_t length, int prot, int flags,
			    int fd, long offset)
{
	return raw_call(SYS_mmap, (long)address, (long)length, prot, flags, fd, offset);
}

static inline int raw_munmap(uintptr_t address, size_t length)
{
	return (int)raw_call(SYS_munmap, (long)address, (long)length, 0, 0, 0, 0);
}

static inline int raw_mprotect(uintptr_t address, size_t length, int prot)
{
	return (int)raw_call(SYS_mprotect, (long)address, (long)length, prot, 0, 0, 0);
}

static inline long raw_mremap(uintptr_t address, size_t length, size_t new_length,
			      int flags, uintptr_t target)
{
	return raw_call(SYS_mremap, (long)address, (long)length, (long)new_length, flags,
			(long)target, 0);
}

static inline int raw_ioctl(int fd, unsigned long command, void *argument)
{
	return (int)raw_call(SYS_ioctl, fd, (long)command, (long)argument, 0, 0, 0);
}

static inline int raw_close(int fd)
{
	return (int)raw_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline int raw_sigmask(int how, const uint64_t *set, uint64_t *old)
{
	return (int)raw_call(SYS_rt_sigprocmask, how, (long)set, (long)old, sizeof(*set), 0,
			     0);
}

#endif
