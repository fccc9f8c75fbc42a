// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Printing code objects for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "code/code.h"
#include "code/code_print.h"
#include "base/base.h"

static const char *ca__tier_name(const struct codearena_code *code)
{
	switch (code->tier) {
	case CODEARENA_TIER_BASELINE:
		return "baseline";
	case CODEARENA_TIER_OPTIMIZED:
		return "optimized";
	default:
		return "none";
	}
}

static const char *ca__debug_name(const struct codearena_code *code)
{
	switch (code->debug) {
	case CODEARENA_DEBUG_DEBUGGING:
		return " (debugging)";
	case CODEARENA_DEBUG_BREAKPOINTS:
		return " (breakpoints)";
	case CODEARENA_DEBUG_STEPPING:
		return " (stepping)";
	default:
		return "";
	}
}

static void ca__print_head(struct ca__printer *printer,
			   const struct codearena_code *code)
{
	char name[CODEARENA_CODE_NAME_MAX + 1];
	uint32_t body = ca__code_body_bytes(code);

	codearena_code_name(code, name, sizeof(name));
	ca__print(printer, "--- code %s ---\n", name);
	if (code->function_index >= 0)
		ca__print(printer, "index: %" PRId32 "\n",
			  code->function_index);
	ca__print(printer, "kind: %s\n", ca__code_kind_name(code->kind));
	ca__print(printer, "tier: %s%s\n", ca__tier_name(code),
		  ca__debug_name(code));
	ca__print(printer, "address: 0x%" PRIx64 " to 0x%" PRIx64 "\n",
		  code->start, code->start + code->size);
	ca__print(printer, "body: %" PRIu32 " bytes = %" PRIu32
		  " and %" PRIu32 " padding\n", code->size, body,
		  code->size - body);
}

static void ca__print_sections(struct ca__printer *printer,
			       const struct codearena_code *code,
			       uint32_t flags)
{
	static const char *const names[CA__SECTIONS] = {
		"instructions", "safepoint table", "handler table",
		"constant pool", "comments",
	};
	uint32_t at = 0, i;

	for (i = 0; i < CA__SECTIONS; i++) {
		if (code->sections[i])
			ca__print(printer, "%s: %" PRIu32 " bytes at +0x%"
				  PRIx32 "\n", names[i], code->sections[i], at);
		if (i == CA__SECTION_INSTRUCTIONS &&
		    flags & CODEARENA_PRINT_F_INSTRUCTIONS)
			ca__disassemble(printer, (const uint8_t *)
					(uintptr_t)code->start, code->start,
					code->sections[i]);
		at += code->sections[i];
	}
}

static void ca__print_traps(struct ca__printer *printer,
			    const struct codearena_code *code)
{
	const struct codearena_trap *traps = ca__code_traps(code);
	size_t i;

	for (i = 0; i < code->trap_count; i++) {
		ca__print(printer, "protected: +0x%" PRIx32 ", %" PRIu32
			  " bytes, to ", traps[i].start, traps[i].length);
		if (traps[i].landing == CODEARENA_LANDING_EXTERNAL)
			ca__print(printer, "the external pad\n");
		else
			ca__print(printer, "+0x%" PRIx64 "\n",
				  (uint64_t)traps[i].landing);
	}
}

static void ca__print_positions(struct ca__printer *printer,
				const struct codearena_code *code)
{
	const struct codearena_source_position *positions =
		ca__code_positions(code);
	size_t i;

	for (i = 0; i < code->position_count; i++) {
		ca__print(printer, "position: +0x%" PRIx32 " is %" PRIu32,
			  positions[i].code_offset, positions[i].position);
		if (positions[i].inlining_id >= 0)
			ca__print(printer, " in inlined %" PRId32,
				  positions[i].inlining_id);
		ca__print(printer, "%s\n", positions[i].flags &
			  CODEARENA_POSITION_F_STATEMENT ? ", statement" : "");
	}
}

static void ca__print_inlinings(struct ca__printer *printer,
				const struct codearena_code *code)
{
	const struct codearena_inlining_position *inlinings =
		ca__code_inlinings(code);
	size_t i;

	for (i = 0; i < code->inlining_count; i++)
		ca__print(printer, "inlined %zu: function %" PRId32
			  " at %" PRIu32 ", in %" PRId32 "%s\n", i,
			  inlinings[i].function, inlinings[i].position,
			  inlinings[i].caller_id, inlinings[i].flags &
			  CODEARENA_INLINING_F_TAIL_CALL ? ", tail call" : "");
}

static void ca__print_relocs(struct ca__printer *printer,
			     const struct codearena_code *code)
{
	const struct codearena_reloc *relocs = ca__code_relocs(code);
	size_t i;

	for (i = 0; i < code->reloc_count; i++)
		ca__print(printer, "relocation: +0x%" PRIx32
			  ", kind %u, form %u, index %" PRIu32
			  ", addend %" PRId64 "\n", relocs[i].offset,
			  relocs[i].kind, relocs[i].form, relocs[i].index,
			  relocs[i].addend);
	ca__print(printer, "memory: %zu bytes beside the code\n",
		  ca__code_memory(code));
}

CODEARENA_API int
codearena_code_print(const struct codearena_code *code, uint32_t flags,
		     int (*write)(void *data, const char *text, size_t length),
		     void *data)
{
	struct ca__printer printer = { .write = write, .data = data };

	if (!code || !write)
		return -EINVAL;
	if (flags & ~(CODEARENA_PRINT_F_INSTRUCTIONS |
		      CODEARENA_PRINT_F_TABLES))
		return -EOPNOTSUPP;
	ca__print_head(&printer, code);
	ca__print_sections(&printer, code, flags);
	if (flags & CODEARENA_PRINT_F_TABLES) {
		ca__print_traps(&printer, code);
		ca__print_positions(&printer, code);
		ca__print_inlinings(&printer, code);
		ca__print_relocs(&printer, code);
	}
	ca__print(&printer, "--- end of code ---\n");
	return printer.ret;
}
