// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
using System;
using System.Linq;

public static class Hello
{
	public static int Main()
	{
		Console.WriteLine(Enumerable.Range(1, 2000).Where(n => n % 3 == 0).Sum(n => n * n));
		return 0;
	}
}
