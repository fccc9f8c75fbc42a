# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Work for PyPy: hot loops, and children three deep that compile their own.
import os


def collatz(limit):
    best = 0
    for n in range(1, limit):
        steps = 0
        while n > 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        best = max(best, steps)
    return best


def generation(depth):
    total = sum((i * depth) % 7 for i in range(20000))
    if depth < 3:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            os.write(writer, generation(depth + 1).encode())
            os._exit(0)
        os.close(writer)
        below = os.read(reader, 1000).decode()
        assert os.waitpid(pid, 0)[1] == 0
    else:
        below = ""
    for k in range(1, 4):
        total += sum(i ^ k for i in range(5000))
    return "%d:%d %s" % (depth, total, below)


print(collatz(8000))
print(generation(0))
print(collatz(2000))
