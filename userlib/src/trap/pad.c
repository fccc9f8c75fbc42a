// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Calls of code that may trap, and landing pads in arenas.
 */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arena/arena.h"
#include "trap/pad.h"

__thread struct ca__frame *ca__frame_top;

/* The report, from the registers that the pad stored. */
static struct codearena_trap_report ca__frame_report(const struct ca__frame *frame)
{
	struct codearena_trap_report report = {
		.pc = frame->pc,
		.address = frame->address,
		.kind = CODEARENA_TRAP_MEMORY,
	};

	if (frame->address & CODEARENA_TRAP_NO_ADDRESS) {
		report.address = 0;
		report.kind = (uint32_t)frame->address;
	}
	return report;
}

/* In programs with AddressSanitizer. */
void __asan_unpoison_memory_region(const volatile void *address, size_t size)
	__attribute__((weak));

/* More than stacks of threads have; a larger distance is one of two stacks. */
#define CA__STACK_MOST	(64ULL << 20)

/*
 * Frames between the code and the frame are abandoned: what a sanitizer has
 * poisoned around their variables must not be an error for later ones.
 */
static void ca__frames_leave(const struct ca__frame *frame)
{
	uint64_t bytes = frame->stack - frame->left;

	if (__asan_unpoison_memory_region && bytes < CA__STACK_MOST)
		__asan_unpoison_memory_region((const void *)(uintptr_t)
					      frame->left, bytes);
}

/**
 * ca__pad_finish - make the result of a call that trapped
 * @frame: the frame, which was removed; its report is valid
 * @handler: of the pad, or NULL
 * @data: for @handler
 *
 * Return: the result of the call.
 */
uint64_t ca__pad_finish(struct ca__frame *frame, codearena_trap_handler handler,
			void *data)
{
	struct codearena_trap_report report = ca__frame_report(frame);

	ca__frames_leave(frame);
	if (handler)
		return handler(&report, data);
	frame->trapped = true;
	return 0;
}

CODEARENA_API int codearena_trap_call(const void *function,
				      const uint64_t *arguments, size_t count,
				      uint64_t *result,
				      struct codearena_trap_report *report)
{
	uint64_t all[CODEARENA_TRAP_ARGUMENTS] = { 0 }, value;
	struct ca__frame frame = { .trapped = false };

	if (!function || count > CODEARENA_TRAP_ARGUMENTS ||
	    (count && !arguments))
		return -EINVAL;
	if (count)
		memcpy(all, arguments, count * sizeof(*all));
	ca__frame_locate();
	frame.previous = ca__frame_top;
	ca__frame_top = &frame;
	value = ca__frame_enter(&frame, function, all);
	ca__frame_top = frame.previous;
	if (frame.trapped) {
		if (report)
			*report = ca__frame_report(&frame);
		return CODEARENA_TRAPPED;
	}
	if (result)
		*result = value;
	return 0;
}

CODEARENA_API const void *codearena_trap_mark(void)
{
	return ca__frame_top;
}

CODEARENA_API void codearena_trap_reset(const void *mark)
{
	ca__frame_top = (struct ca__frame *)mark;
}

CODEARENA_API const void *codearena_pad_external(void)
{
	return (const void *)(uintptr_t)ca__pad_external;
}

CODEARENA_API int codearena_pad_publish(struct codearena_arena *arena,
					uint64_t offset,
					codearena_trap_handler handler,
					void *data, uint32_t flags)
{
	uint8_t code[CODEARENA_PAD_MAX];
	struct codearena_object object = {
		.offset = offset,
		.source = (uintptr_t)code,
	};
	int ret;

	ret = codearena_pad_encode(CA__MACHINE, (uintptr_t)ca__pad_external,
				   (uintptr_t)handler, (uintptr_t)data, flags,
				   code);
	if (ret < 0)
		return ret;
	if (CA__CODE_LOADS && arena && arena->unreadable)
		return -EOPNOTSUPP;
	object.length = ret;
	return codearena_arena_publish(arena, &object, 1, NULL, 0, 0, NULL);
}
