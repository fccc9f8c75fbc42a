// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Steady work for HotSpot: a few hot methods, for long.
public class Steady {
	static int fib(int n) {
		return n < 2 ? n : fib(n - 1) + fib(n - 2);
	}

	static int mix(int rounds) {
		int sum = 1;
		for (int i = 0; i < rounds; i++)
			sum = sum * 31 + i % 7;
		return sum;
	}

	public static void main(String[] args) {
		System.out.println(fib(35) + " " + mix(100000000));
	}
}
