# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Work for Numba: functions compiled by LLVM, for several types, that call each other.
import numba
import numpy


@numba.njit
def collatz(n):
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@numba.njit
def longest(limit):
    best = 0
    for n in range(1, limit):
        best = max(best, collatz(n))
    return best


@numba.njit
def total(values):
    result = values[0] * 0
    for value in values:
        result += value * value
    return result


print(longest(30000))
print(total(numpy.arange(1000)), total(numpy.arange(1000) / 4))
print(len(longest.signatures), len(total.signatures))
