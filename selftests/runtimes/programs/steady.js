// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Steady work for JavaScript engines: a few hot functions, for long.
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
function mix(rounds) {
	let sum = 1;
	for (let i = 0; i < rounds; i++)
		sum = (sum * 31 + i % 7) | 0;
	return sum;
}
const say = typeof print === 'function' ? print : console.log;
say(fib(32) + ' ' + mix(60000000));
