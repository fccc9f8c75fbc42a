# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Steady work for YJIT: a few hot methods, for long.

def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)

def mix(rounds)
  sum = i = 0
  while i < rounds
    sum = (sum + i) & 0xffff
    i += 1
  end
  sum
end

puts fib(31), mix(20_000_000)
