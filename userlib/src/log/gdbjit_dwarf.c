// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * DWARF 4 for code: source lines.
 */
#include <string.h>

#include "log/log.h"

/* The constants used here, from sections 7.5 to 7.23 of the standard. */
enum {
	DW_TAG_compile_unit = 0x11,
	DW_TAG_subprogram = 0x2e,
	DW_CHILDREN_no = 0,
	DW_CHILDREN_yes = 1,
	DW_AT_name = 0x03,
	DW_AT_stmt_list = 0x10,
	DW_AT_low_pc = 0x11,
	DW_AT_high_pc = 0x12,
	DW_AT_language = 0x13,
	DW_AT_producer = 0x25,
	DW_AT_external = 0x3f,
	DW_FORM_addr = 0x01,
	DW_FORM_data8 = 0x07,
	DW_FORM_string = 0x08,
	DW_FORM_data1 = 0x0b,
	DW_FORM_sec_offset = 0x17,
	DW_FORM_flag_present = 0x19,
	DW_LANG_C = 0x02,
	DW_LNS_copy = 1,
	DW_LNS_advance_pc = 2,
	DW_LNS_advance_line = 3,
	DW_LNS_set_file = 4,
	DW_LNS_set_column = 5,
	DW_LNE_end_sequence = 1,
	DW_LNE_set_address = 2,
};

/* Stores the length of a unit that began at @begin. */
static void ca__dwarf_end(struct ca__buffer *to, size_t begin)
{
	ca__buffer_set(to, begin, to->size - begin - 4, 4);
}

enum {
	CA__ABBREV_UNIT = 1,
	CA__ABBREV_FUNCTION = 2,
};

/* Attributes in the order in which ca__dwarf_unit() writes them. */
static const uint8_t ca__abbrevs[] = {
	CA__ABBREV_UNIT, DW_TAG_compile_unit, DW_CHILDREN_yes,
	DW_AT_producer, DW_FORM_string,
	DW_AT_language, DW_FORM_data1,
	DW_AT_name, DW_FORM_string,
	DW_AT_stmt_list, DW_FORM_sec_offset,
	DW_AT_low_pc, DW_FORM_addr,
	DW_AT_high_pc, DW_FORM_data8,
	0, 0,
	CA__ABBREV_FUNCTION, DW_TAG_subprogram, DW_CHILDREN_no,
	DW_AT_external, DW_FORM_flag_present,
	DW_AT_name, DW_FORM_string,
	DW_AT_low_pc, DW_FORM_addr,
	DW_AT_high_pc, DW_FORM_data8,
	0, 0,
	0,
};

/**
 * ca__dwarf_abbrev - write the abbreviations
 * @to: section .debug_abbrev
 */
void ca__dwarf_abbrev(struct ca__buffer *to)
{
	ca__buffer_put(to, ca__abbrevs, sizeof(ca__abbrevs));
}

/*
 * The list of files. A file is listed again after lines of another one, which
 * is allowed, and cheaper than a search.
 */
static void ca__dwarf_files(struct ca__buffer *line,
			    const struct codearena_log_entry *entry)
{
	const char *last = NULL;
	size_t i;

	for (i = 0; i < entry->line_count; i++) {
		if (last && !strcmp(last, entry->lines[i].file))
			continue;
		last = entry->lines[i].file;
		ca__buffer_string(line, last);
		ca__buffer_unsigned(line, 0);
		ca__buffer_unsigned(line, 0);
		ca__buffer_unsigned(line, 0);
	}
	ca__buffer_number(line, 0, 1);
}

static void ca__dwarf_rows(struct ca__buffer *line,
			   const struct codearena_log_entry *entry)
{
	const struct codearena_log_line *row;
	uint64_t offset = 0, file = 1;
	int64_t number = 1;
	size_t i;

	ca__buffer_number(line, 0, 1);
	ca__buffer_unsigned(line, 9);
	ca__buffer_number(line, DW_LNE_set_address, 1);
	ca__buffer_number(line, entry->address, 8);
	for (i = 0; i < entry->line_count; i++) {
		row = &entry->lines[i];
		if (i && strcmp(row[-1].file, row->file)) {
			ca__buffer_number(line, DW_LNS_set_file, 1);
			ca__buffer_unsigned(line, ++file);
		}
		ca__buffer_number(line, DW_LNS_set_column, 1);
		ca__buffer_unsigned(line, row->column);
		ca__buffer_number(line, DW_LNS_advance_line, 1);
		ca__buffer_signed(line, (int64_t)row->line - number);
		ca__buffer_number(line, DW_LNS_advance_pc, 1);
		ca__buffer_unsigned(line, row->offset - offset);
		ca__buffer_number(line, DW_LNS_copy, 1);
		number = row->line;
		offset = row->offset;
	}
	ca__buffer_number(line, DW_LNS_advance_pc, 1);
	ca__buffer_unsigned(line, entry->size - offset);
	ca__buffer_number(line, 0, 1);
	ca__buffer_unsigned(line, 1);
	ca__buffer_number(line, DW_LNE_end_sequence, 1);
}

static void ca__dwarf_lines(struct ca__buffer *line,
			    const struct codearena_log_entry *entry)
{
	static const uint8_t operands[] = {
		0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
	};
	size_t begin = line->size;
	size_t header;

	ca__buffer_number(line, 0, 4);
	ca__buffer_number(line, 4, 2);
	header = line->size;
	ca__buffer_number(line, 0, 4);
	ca__buffer_number(line, 1, 1);	/* shortest instruction */
	ca__buffer_number(line, 1, 1);	/* operations in one */
	ca__buffer_number(line, 1, 1);	/* rows are statements */
	ca__buffer_number(line, 0, 1);	/* special opcodes: not used */
	ca__buffer_number(line, 1, 1);
	ca__buffer_number(line, sizeof(operands) + 1, 1);
	ca__buffer_put(line, operands, sizeof(operands));
	ca__buffer_number(line, 0, 1);	/* no directories */
	ca__dwarf_files(line, entry);
	ca__dwarf_end(line, header);
	ca__dwarf_rows(line, entry);
	ca__dwarf_end(line, begin);
}

static void ca__dwarf_span(struct ca__buffer *info,
			   const struct codearena_log_entry *entry)
{
	ca__buffer_number(info, entry->address, 8);
	ca__buffer_number(info, entry->size, 8);
}

/**
 * ca__dwarf_unit - write the source lines of code
 * @info: section .debug_info
 * @line: section .debug_line
 * @entry: code; nothing is written if it has no lines
 */
void ca__dwarf_unit(struct ca__buffer *info, struct ca__buffer *line,
		    const struct codearena_log_entry *entry)
{
	size_t begin = info->size;

	if (!entry->line_count)
		return;
	ca__buffer_number(info, 0, 4);
	ca__buffer_number(info, 4, 2);
	ca__buffer_number(info, 0, 4);
	ca__buffer_number(info, 8, 1);
	ca__buffer_unsigned(info, CA__ABBREV_UNIT);
	ca__buffer_string(info, "codearena");
	ca__buffer_number(info, DW_LANG_C, 1);
	ca__buffer_string(info, entry->lines[0].file);
	ca__buffer_number(info, line->size, 4);
	ca__dwarf_span(info, entry);
	ca__buffer_unsigned(info, CA__ABBREV_FUNCTION);
	ca__buffer_name(info, entry->name);
	ca__buffer_number(info, 0, 1);
	ca__dwarf_span(info, entry);
	ca__buffer_unsigned(info, 0);
	ca__dwarf_end(info, begin);
	ca__dwarf_lines(line, entry);
}
