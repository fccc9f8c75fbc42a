// SPDX-License-Identifier: GPL-2.0-only
/* SPDX-FileCopyrightText: 2026 The codearena authors */

/* Work for tcc -run: code, a call through a pointer, the C library. */
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{

	return *(const int *)a - *(const int *)b;
}

int main(void)
{
	int numbers[1000];
	long sum = 0;
	int i, round;

	for (round = 0; round < 200; round++) {
		for (i = 0; i < 1000; i++)
			numbers[i] = i * 7919 % 1000;
		qsort(numbers, 1000, sizeof(numbers[0]), compare);
		for (i = 0; i < 1000; i++)
			sum += numbers[i] * i;
	}
	printf("%ld\n", sum);
	return 0;
}
