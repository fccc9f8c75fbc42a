// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Where threads have their innermost frame, if that is at no fixed distance from the
 * thread's pointer: in musl's dynamic thread vector, an array with the address of each
 * module's variables. Its address follows the pointer to the thread itself; musl says
 * that these two do not move.
 */
#include "trap/pad.h"

#if !CA__TLS_FIXED

/* Read by the assembly; the second one is valid once the first one is not 0. */
uint64_t ca__frame_module __attribute__((visibility("hidden")));
uint64_t ca__frame_offset __attribute__((visibility("hidden")));

static const uint64_t *ca__thread_vector(void)
{
	const uint64_t *vector;

	__asm__("movq %%fs:8, %0" : "=r"(vector));
	return vector;
}

/**
 * ca__frame_locate - let the assembly find ca__frame_top
 *
 * All threads have it in the same module, at the same distance.
 */
void ca__frame_locate(void)
{
	const uint64_t *vector = ca__thread_vector();
	const uint64_t address = (uintptr_t)&ca__frame_top;
	uint64_t module = 0;

	if (__atomic_load_n(&ca__frame_module, __ATOMIC_ACQUIRE))
		return;
	/* The first entry is the number of the others. */
	for (uint64_t i = 1; i <= vector[0]; i++)
		if (vector[i] <= address &&
		    (!module || vector[i] > vector[module]))
			module = i;
	__atomic_store_n(&ca__frame_offset, address - vector[module],
			 __ATOMIC_RELAXED);
	__atomic_store_n(&ca__frame_module, module, __ATOMIC_RELEASE);
}

#endif
