// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the benchmarks of modules share: the clock, and the end on an error.
 */
#ifndef CODEARENA_BENCH_MEASURE_H
#define CODEARENA_BENCH_MEASURE_H

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

inline void Check(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "%s: %s\n", what, strerror(-ret));
		exit(1);
	}
}

// In ns, of the processor: others may be busy on this machine.
inline double Now()
{
	timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

#endif // CODEARENA_BENCH_MEASURE_H
