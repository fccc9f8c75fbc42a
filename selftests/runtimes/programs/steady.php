<?php
// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors

// Steady work for the JIT of opcache: a few hot functions, for long.

function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }

function mix($rounds) {
	for ($sum = 1, $i = 0; $i < $rounds; $i++)
		$sum = ($sum * 31 + $i % 7) & 0xffff;
	return $sum;
}

echo fib(31), " ", mix(50000000), "\n";
