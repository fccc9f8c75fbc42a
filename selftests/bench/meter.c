// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Counting. System calls are counted by the kernel's own tracepoint, not by
 * what this program believes it calls.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "meter.h"

bool meter_watch_peak;

static int syscall_fd = -1;
static long syscall_bias;
static long faults_before;
static long peak_vmas;

double meter_insns_per_tick(void)
{
#if defined(__aarch64__)
	uint64_t frequency;

	/* -icount shift=0: one instruction takes one nanosecond. */
	asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
	return 1e9 / (double)frequency;
#elif defined(__riscv)
	/* QEMU's clock has 10 MHz. */
	return 100.0;
#else
	return 1.0;
#endif
}

/* What the clock says of two million instructions. */
static double meter_loop_insns(void)
{
	uint64_t left = 1000000;
	uint64_t begin, end;

	begin = meter_ticks();
#if defined(__x86_64__)
	asm volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
#elif defined(__aarch64__)
	asm volatile("1: subs %0, %0, #1; b.ne 1b" : "+r"(left) : : "cc");
#elif defined(__riscv)
	asm volatile("1: addi %0, %0, -1; bnez %0, 1b" : "+r"(left));
#endif
	end = meter_ticks();
	return (double)(end - begin) * meter_insns_per_tick();
}

/*
 * A timer interrupt may fall into the loop. Just after boot other tasks share the
 * processor, on Linux 7.3 for a second: they get it until they have nothing left to
 * do, which takes no real time in a VM that counts instructions. A clock of any
 * other kind is off every time.
 */
bool meter_is_icount(void)
{
	unsigned int tries;
	double insns;

	for (tries = 0; tries < 10; tries++) {
		insns = meter_loop_insns();
		if (insns >= 2.0e6 && insns < 2.1e6)
			return true;
		usleep(500000);
	}
	return false;
}

long meter_vmas(void)
{
	char buffer[4096];
	long lines = 0;
	ssize_t got, i;
	int fd;

	fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("/proc/self/maps");
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		for (i = 0; i < got; i++)
			lines += buffer[i] == '\n';
	close(fd);
	return lines;
}

void meter_note_peak(void)
{
	long vmas = meter_vmas();

	if (vmas > peak_vmas)
		peak_vmas = vmas;
}

void meter_peak_begin(void)
{
	peak_vmas = meter_vmas();
	meter_watch_peak = true;
}

long meter_peak_end(void)
{
	meter_watch_peak = false;
	meter_note_peak();
	return peak_vmas;
}

static int tracepoint_id(const char *event)
{
	static const char *const roots[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};
	char path[256];
	unsigned int i;
	FILE *file;
	int id;

	for (i = 0; i < BENCH_COUNT(roots); i++) {
		snprintf(path, sizeof(path), "%s/events/%s/id", roots[i], event);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%d", &id) != 1)
			id = -1;
		fclose(file);
		return id;
	}
	return -1;
}

static int open_syscall_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.disabled = 1,
	};
	int id = tracepoint_id("raw_syscalls/sys_enter");

	if (id < 0)
		return -1;
	attr.config = (unsigned int)id;
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static long read_syscalls(void)
{
	uint64_t count;

	ioctl(syscall_fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(syscall_fd, &count, sizeof(count)) != sizeof(count))
		bench_die("read of the system call counter");
	return (long)count;
}

/*
 * The counter is opened for a counting round only: while anybody has it open
 * all system calls of the machine take the slow way in.
 */
void meter_counts_begin(void)
{
	syscall_fd = open_syscall_counter();
	if (syscall_fd >= 0) {
		/* What switching it on and off and asking for faults adds. */
		ioctl(syscall_fd, PERF_EVENT_IOC_ENABLE, 0);
		faults_before = minor_faults();
		minor_faults();
		syscall_bias = read_syscalls();
		ioctl(syscall_fd, PERF_EVENT_IOC_RESET, 0);
		ioctl(syscall_fd, PERF_EVENT_IOC_ENABLE, 0);
	}
	faults_before = minor_faults();
}

void meter_counts_end(struct meter_counts *counts)
{
	counts->faults = minor_faults() - faults_before;
	counts->syscalls = -1;
	if (syscall_fd >= 0) {
		counts->syscalls = read_syscalls() - syscall_bias;
		close(syscall_fd);
		syscall_fd = -1;
	}
}
