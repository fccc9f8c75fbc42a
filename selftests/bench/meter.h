/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Instructions, system calls, page faults and mappings of this process.
 */
#ifndef CODEARENA_BENCH_METER_H
#define CODEARENA_BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>

/* Under -icount the guest's clock advances one step per instruction. */
static inline uint64_t meter_ticks(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
	uint64_t ticks;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
#elif defined(__riscv)
	uint64_t ticks;

	asm volatile("fence; rdtime %0" : "=r"(ticks) : : "memory");
	return ticks;
#else
#error "no instruction clock for this architecture"
#endif
}

/**
 * meter_insns_per_tick() - what one step of meter_ticks() stands for
 */
double meter_insns_per_tick(void);

/**
 * meter_is_icount() - does the clock count instructions here?
 *
 * Runs a loop whose length is known and looks at the clock: on a real
 * machine, or in a VM without -icount, the answer is no.
 */
bool meter_is_icount(void);

/**
 * struct meter_counts - what one round costs beside instructions
 * @syscalls: system calls, or -1 where the kernel cannot count them
 * @faults: minor page faults
 */
struct meter_counts {
	long syscalls;
	long faults;
};

void meter_counts_begin(void);
void meter_counts_end(struct meter_counts *counts);

/* Mappings that the process has now. */
long meter_vmas(void);

/*
 * The most mappings at one moment. A way that holds more in the middle of an
 * operation than after it says so with meter_peak(), which is one test of a
 * flag outside of the round that looks for the peak. That round is not the
 * one that counts system calls, because looking takes some.
 */
extern bool meter_watch_peak;
void meter_note_peak(void);
void meter_peak_begin(void);
long meter_peak_end(void);

static inline void meter_peak(void)
{
	if (__builtin_expect(meter_watch_peak, false))
		meter_note_peak();
}

#endif /* CODEARENA_BENCH_METER_H */
