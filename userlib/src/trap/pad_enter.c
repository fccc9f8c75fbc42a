// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The assembly of landing pads:
 *
 * ca__frame_enter() saves what a function has to preserve on the stack, the
 * stack pointer in the frame, and calls a function with six arguments.
 *
 * ca__pad_external is reached from a trap with its report in two registers; the
 * entry behind it from a pad in an arena, with the handler and its data in the
 * registers of the second and the third argument as well. Whatever the other
 * registers held is lost. It finds the frame, goes back to its stack, stores
 * the report, forgets the frame and returns from ca__frame_enter() with what
 * ca__pad_finish() has to say. Without a frame there is nothing to return to.
 */
#include <stddef.h>

#include "arena/arena.h"
#include "trap/pad.h"

_Static_assert(offsetof(struct ca__frame, previous) == 0 &&
	       offsetof(struct ca__frame, stack) == 8 &&
	       offsetof(struct ca__frame, pc) == 16 &&
	       offsetof(struct ca__frame, address) == 24 &&
	       offsetof(struct ca__frame, control) == 32,
	       "the assembly has other offsets");
_Static_assert(CA__PAD_ENTRY == 16, "the assembly has another distance");

#if defined(__x86_64__)
#include "arch/x86_64/pad.h"
#elif defined(__aarch64__)
#include "arch/aarch64/pad.h"
#elif defined(__riscv)
#include "arch/riscv64/pad.h"
#else
#error "libcodearena has no support for this architecture"
#endif
