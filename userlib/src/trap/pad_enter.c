// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The assembly of landing pads.
 *
 * ca__frame_enter() saves the registers that a function must preserve on the
 * stack, the stack pointer in the frame, and calls a function with six
 * arguments.
 *
 * A trap reaches ca__pad_external with its report in two registers. A pad in an
 * arena jumps to ca__pad_entry, with its handler and the data in the registers
 * of the second and the third argument as well. All other registers are lost.
 * The code finds the frame, returns to its stack, stores the report, removes
 * the frame and returns from ca__frame_enter() with the result of
 * ca__pad_finish(). Without a frame it is an undefined instruction.
 */
#include <stddef.h>

#include "arena/arena.h"
#include "trap/pad.h"

_Static_assert(offsetof(struct ca__frame, previous) == 0 &&
	       offsetof(struct ca__frame, stack) == 8 &&
	       offsetof(struct ca__frame, pc) == 16 &&
	       offsetof(struct ca__frame, address) == 24 &&
	       offsetof(struct ca__frame, control) == 32 &&
	       offsetof(struct ca__frame, left) == 40,
	       "the assembly has other offsets");

#define CA__STRING_(text)	#text
#define CA__STRING(text)	CA__STRING_(text)

/*
 * Stands where pads with a handler enter, and fails to assemble elsewhere; with
 * gcc, since clang's assembler knows no distance of labels before the end.
 */
#if defined(__clang__)
#define CA__PAD_ENTRY_HERE	"ca__pad_entry:\n"
#else
#define CA__PAD_ENTRY_HERE \
	"ca__pad_entry:\n" \
	".if ca__pad_entry - ca__pad_external - " CA__STRING(CA__PAD_ENTRY) "\n" \
	".error \"ca__pad_entry is not where CA__PAD_ENTRY says\"\n" \
	".endif\n"
#endif

#if defined(__x86_64__)
#include "arch/x86_64/pad.h"
#elif defined(__aarch64__)
#include "arch/aarch64/pad.h"
#elif defined(__riscv)
#include "arch/riscv64/pad.h"
#else
#error "libcodearena has no support for this architecture"
#endif
