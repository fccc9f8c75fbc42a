# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Work for YJIT: hot methods, and children three deep that compile their own.

def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)

def collatz(limit)
  (1..limit).max_by { |n| steps = 0; (n = n.even? ? n / 2 : 3 * n + 1; steps += 1) while n > 1; steps }
end

def generation(depth)
  30.times { |i| eval "def f#{depth}_#{i}(x) = x * #{i} + #{depth}; 40.times { |k| f#{depth}_#{i}(k) }" }
  sum = (0...30).sum { |i| send("f#{depth}_#{i}", 7) }
  if depth < 3
    reader, writer = IO.pipe
    pid = fork { reader.close; writer.write generation(depth + 1); writer.close; exit! 0 }
    writer.close
    below = reader.read
    Process.wait pid
    raise "child #{$?}" unless $?.success?
  end
  20.times { |i| send("f#{depth}_#{i}", i) }
  "#{depth}:#{sum} #{below}"
end

puts fib(22), collatz(6000), generation(0), fib(20)
