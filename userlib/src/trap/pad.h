/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the assembly and the C code of landing pads share.
 */
#ifndef CA__PAD_H
#define CA__PAD_H

#include "base/base.h"
#include "codearena/trap.h"

/*
 * Where a pad in an arena enters, counted from codearena_pad_external(), which
 * sets the handler to NULL and falls through. pad_enter.c checks it.
 */
#define CA__PAD_ENTRY		16

/**
 * struct ca__frame - what a landing pad returns to
 * @previous: the next outer frame of the thread
 * @stack: the stack pointer, with the saved registers above it
 * @pc: gets the address of the instruction that trapped
 * @address: gets the address of the access, or the kind
 * @control: floating-point control registers
 * @left: gets the stack pointer of the code that trapped, which may be no stack
 * @trapped: set if there is no result
 *
 * The assembly knows the offsets of all but the last.
 */
struct ca__frame {
	struct ca__frame *previous;
	uint64_t stack;
	uint64_t pc;
	uint64_t address;
	uint64_t control;
	uint64_t left;
	bool trapped;
};

/*
 * The innermost frame of the thread. Assembly that has no stack finds it: at a fixed
 * distance from the thread's pointer, or with musl, which loads no library that asks
 * for such a distance, by what ca__frame_locate() found.
 */
extern __thread struct ca__frame *ca__frame_top
	CA__TLS_MODEL __attribute__((visibility("hidden")));

/* pad_tls.c: let the assembly find ca__frame_top. */
#if CA__TLS_FIXED
static inline void ca__frame_locate(void)
{
}
#else
void ca__frame_locate(void);
#endif

/* pad_enter.c: assembly */
uint64_t ca__frame_enter(struct ca__frame *frame, const void *function,
			 const uint64_t *arguments);
void ca__pad_external(void);

/* pad.c: called by the assembly, on the stack of the frame */
uint64_t ca__pad_finish(struct ca__frame *frame, codearena_trap_handler handler,
			void *data);

#endif /* CA__PAD_H */
