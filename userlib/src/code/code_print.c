// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects as text for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "code/code.h"
#include "code/code_print.h"
#include "arena/arena.h"

static const char *ca__tier_name(const struct codearena_code *code)
{
	switch (codearena_code_tier(code)) {
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
	switch (codearena_code_debug(code)) {
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
	uint32_t body = codearena_code_body_size(code);

	codearena_code_name(code, name, sizeof(name));
	ca__print(printer, "--- code %s ---\n", name);
	if (codearena_code_function_index(code) >= 0)
		ca__print(printer, "index: %" PRId32 "\n",
			  codearena_code_function_index(code));
	ca__print(printer, "kind: %s\n",
		  codearena_code_kind_name(codearena_code_kind(code)));
	ca__print(printer, "tier: %s%s\n", ca__tier_name(code),
		  ca__debug_name(code));
	ca__print(printer, "address: 0x%" PRIx64 " to 0x%" PRIx64 "\n",
		  code->start, code->start + code->size);
	ca__print(printer, "body: %" PRIu32 " bytes = %" PRIu32
		  " and %" PRIu32 " padding\n", code->size, body,
		  code->size - body);
}

static void ca__print_section(struct ca__printer *printer,
			      const struct codearena_code *code,
			      enum codearena_code_section section,
			      const char *name)
{
	uint32_t size;
	uint64_t address = codearena_code_section(code, section, &size);

	if (address)
		ca__print(printer, "%s: %" PRIu32 " bytes at +0x%" PRIx64 "\n",
			  name, size, address - code->start);
}

static void ca__print_traps(struct ca__printer *printer,
			    const struct codearena_code *code)
{
	size_t count = 0, i;
	const struct codearena_trap *traps = codearena_code_traps(code, &count);

	for (i = 0; i < count; i++) {
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
	const struct codearena_inlining_position *inlinings;
	const struct codearena_source_position *positions;
	size_t count = 0, i;

	positions = codearena_code_positions(code, &count);
	for (i = 0; i < count; i++) {
		ca__print(printer, "position: +0x%" PRIx32 " is %" PRIu32,
			  positions[i].code_offset, positions[i].position);
		if (positions[i].inlining_id >= 0)
			ca__print(printer, " in inlined %" PRId32,
				  positions[i].inlining_id);
		ca__print(printer, "%s\n", positions[i].flags &
			  CODEARENA_POSITION_F_STATEMENT ? ", statement" : "");
	}
	count = 0;
	inlinings = codearena_code_inlinings(code, &count);
	for (i = 0; i < count; i++)
		ca__print(printer, "inlined %zu: function %" PRId32
			  " at %" PRIu32 ", in %" PRId32 "%s\n", i,
			  inlinings[i].function, inlinings[i].position,
			  inlinings[i].caller_id, inlinings[i].flags &
			  CODEARENA_INLINING_F_TAIL_CALL ? ", tail call" : "");
}

static void ca__print_relocs(struct ca__printer *printer,
			     const struct codearena_code *code)
{
	size_t count = 0, i;
	const struct codearena_reloc *relocs = codearena_code_relocs(code,
								     &count);

	for (i = 0; i < count; i++)
		ca__print(printer, "relocation: +0x%" PRIx32
			  ", kind %u, form %u, index %" PRIu32
			  ", addend %" PRId64 "\n", relocs[i].offset,
			  relocs[i].kind, relocs[i].form, relocs[i].index,
			  relocs[i].addend);
	ca__print(printer, "memory: %zu bytes beside the code\n",
		  codearena_code_memory(code));
}

CODEARENA_API int
codearena_code_print(const struct codearena_code *code, uint32_t flags,
		     int (*write)(void *data, const char *text, size_t length),
		     void *data)
{
	struct ca__printer printer = { .write = write, .data = data };
	uint32_t size;
	uint64_t start;

	if (!code || !write)
		return -EINVAL;
	if (flags & ~(CODEARENA_PRINT_F_INSTRUCTIONS |
		      CODEARENA_PRINT_F_TABLES))
		return -EOPNOTSUPP;
	start = codearena_code_section(code, CODEARENA_SECTION_INSTRUCTIONS,
				       &size);
	ca__print_head(&printer, code);
	ca__print_section(&printer, code, CODEARENA_SECTION_INSTRUCTIONS,
			  "instructions");
	if (flags & CODEARENA_PRINT_F_INSTRUCTIONS)
		ca__disassemble(&printer, (const uint8_t *)(uintptr_t)start,
				start, size);
	ca__print_section(&printer, code, CODEARENA_SECTION_SAFEPOINTS,
			  "safepoint table");
	ca__print_section(&printer, code, CODEARENA_SECTION_HANDLERS,
			  "handler table");
	ca__print_section(&printer, code, CODEARENA_SECTION_CONSTANTS,
			  "constant pool");
	ca__print_section(&printer, code, CODEARENA_SECTION_COMMENTS,
			  "comments");
	if (flags & CODEARENA_PRINT_F_TABLES) {
		ca__print_traps(&printer, code);
		ca__print_positions(&printer, code);
		ca__print_relocs(&printer, code);
	}
	ca__print(&printer, "--- end of code ---\n");
	return printer.ret;
}
