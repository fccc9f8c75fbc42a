// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Takes from the process every way to new executable memory: checks what it has,
 * installs a seccomp filter, and closes descriptors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <codearena/remote.h>

#include "base/base.h"
#include "remote/mapped.h"

#if defined(__x86_64__)
#define CA__LOCK_ARCHITECTURE	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CA__LOCK_ARCHITECTURE	AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define CA__LOCK_ARCHITECTURE	AUDIT_ARCH_RISCV64
#endif

#ifndef SYS_close_range
#define SYS_close_range		436
#endif

#define CA__LOCK_MOST		160

struct ca__lock_filter {
	struct sock_filter code[CA__LOCK_MOST];
	unsigned short length;
};

/*
 * mremap() makes nothing executable, and code views do not move. A thread that was
 * made before may begin after the lock: with rseq and set_robust_list. x32's
 * numbers are none of these.
 */
static const unsigned int ca__lock_allowed[] = {
	__NR_read, __NR_readv, __NR_write, __NR_writev, __NR_recvfrom,
	__NR_lseek, __NR_fstat, __NR_close, SYS_close_range,
	__NR_munmap, __NR_mremap, __NR_madvise, __NR_brk,
	__NR_futex, __NR_sched_yield, __NR_nanosleep, __NR_clock_nanosleep,
	__NR_clock_gettime, __NR_gettimeofday, __NR_getrandom,
	__NR_getpid, __NR_gettid, __NR_rseq, __NR_set_robust_list,
	__NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_restart_syscall,
	__NR_exit, __NR_exit_group,
};

static void ca__lock_emit(struct ca__lock_filter *f, uint16_t code,
			  uint8_t when_true, uint8_t when_false, uint32_t k)
{
	f->code[f->length++] =
		(struct sock_filter)BPF_JUMP(code, k, when_true, when_false);
}

static void ca__lock_load(struct ca__lock_filter *f, size_t offset)
{
	ca__lock_emit(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void ca__lock_return(struct ca__lock_filter *f, uint32_t action)
{
	ca__lock_emit(f, BPF_RET | BPF_K, 0, 0, action);
}

/* Allow a call if the low word of an argument compares so, or does not. */
static void ca__lock_argument(struct ca__lock_filter *f, unsigned int number,
			      unsigned int argument, uint16_t comparison,
			      uint32_t value, bool expected)
{
	size_t offset = offsetof(struct seccomp_data, args) +
			argument * sizeof(uint64_t);

	ca__lock_emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, number);
	ca__lock_load(f, offset);
	ca__lock_emit(f, BPF_JMP | comparison | BPF_K, !expected, expected,
		      value);
	ca__lock_return(f, SECCOMP_RET_ALLOW);
	ca__lock_return(f, SECCOMP_RET_ERRNO | EPERM);
}

/* The low words decide: neither rights nor pids are longer. */
static void ca__lock_build(struct ca__lock_filter *f)
{
	f->length = 0;
	ca__lock_load(f, offsetof(struct seccomp_data, arch));
	ca__lock_emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0,
		      CA__LOCK_ARCHITECTURE);
	ca__lock_return(f, SECCOMP_RET_KILL_PROCESS);
	ca__lock_load(f, offsetof(struct seccomp_data, nr));
	ca__lock_argument(f, __NR_mmap, 2, BPF_JSET, PROT_EXEC, false);
	ca__lock_argument(f, __NR_mprotect, 2, BPF_JSET, PROT_EXEC, false);
	/* abort() */
	ca__lock_argument(f, __NR_tgkill, 0, BPF_JEQ, getpid(), true);
	/* Without an address: to whom the socket is connected. */
	ca__lock_argument(f, __NR_sendto, 5, BPF_JEQ, 0, true);
	for (size_t i = 0; i < sizeof(ca__lock_allowed) /
	     sizeof(ca__lock_allowed[0]); i++) {
		ca__lock_emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1,
			      ca__lock_allowed[i]);
		ca__lock_return(f, SECCOMP_RET_ALLOW);
	}
	ca__lock_return(f, SECCOMP_RET_ERRNO | EPERM);
}

static int ca__lock_install(void)
{
	struct ca__lock_filter filter;
	struct sock_fprog program = { .filter = filter.code };
	long ret;

	ca__lock_build(&filter);
	program.len = filter.length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -EOPNOTSUPP;
	ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		      SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (ret > 0)
		return -EBUSY;
	if (ret < 0)
		return errno == ENOMEM ? -ENOMEM : -EOPNOTSUPP;
	return 0;
}

static long ca__lock_close_range(unsigned int from, unsigned int to)
{
	return syscall(SYS_close_range, from, to, 0);
}

/* The smallest one that is not below @from. */
static unsigned int ca__lock_next(const int *keep, size_t count,
				  unsigned int from)
{
	unsigned int next = UINT_MAX;

	for (size_t i = 0; i < count; i++)
		if ((unsigned int)keep[i] >= from &&
		    (unsigned int)keep[i] < next)
			next = keep[i];
	return next;
}

static void ca__lock_close(const int *keep, size_t count)
{
	unsigned int from = 0, next;

	while ((next = ca__lock_next(keep, count, from)) != UINT_MAX) {
		if (next > from)
			ca__lock_close_range(from, next - 1);
		from = next + 1;
	}
	ca__lock_close_range(from, UINT_MAX);
}

CODEARENA_API int codearena_remote_lock(const int *keep, size_t count)
{
	int ret;

	if (count && !keep)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (keep[i] < 0)
			return -EINVAL;
	if (personality(UINT32_MAX) & READ_IMPLIES_EXEC)
		return -EACCES;
	if (ca__lock_close_range(UINT_MAX, UINT_MAX))
		return -EOPNOTSUPP;
	ret = ca__mapped_check();
	if (!ret)
		ret = ca__lock_install();
	if (ret)
		return ret;
	ca__lock_close(keep, count);
	return 0;
}
