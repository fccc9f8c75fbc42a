// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Where the parts of an object go. In the arena: the sections of code, each
 * with granules of its own; far stubs; the GOT and all constants, which are
 * one code object because they are never discarded apart. Elsewhere: data.
 */
#include <errno.h>

#include "elf/elf_internal.h"

/* Sizes come from the file; no object of this size can be loaded anyway. */
#define LAYOUT_MAX	(1ULL << 47)

/* Appends @size bytes at a multiple of @align; both below LAYOUT_MAX. */
static uint64_t append(uint64_t *end, uint64_t size, uint64_t align)
{
	uint64_t place = ca__align_up(*end, align);

	*end = place + size;
	return place;
}

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Appends all sections of a kind. */
static int append_sections(struct codearena_elf *elf, enum ca__elf_where where,
			   uint64_t granule, bool keep, uint64_t *end,
			   struct ca__elf_sums *sums)
{
	for (uint32_t i = 1; i < elf->section_count; i++) {
		struct ca__elf_section *section = &elf->sections[i];
		uint64_t align, place;

		if (section->where != where)
			continue;
		if (section->size > LAYOUT_MAX)
			return -EOVERFLOW;
		align = section->align;
		if (where == CA__ELF_CODE)
			align = largest(align, granule);
		if (where != CA__ELF_DATA)
			sums->code_align = largest(sums->code_align, align);
		if (where == CA__ELF_CODE && section->size)
			sums->objects++;
		place = append(end, section->size, align);
		if (*end > LAYOUT_MAX)
			return -EOVERFLOW;
		if (keep)
			section->place = place;
	}
	return 0;
}

static int append_commons(struct codearena_elf *elf, bool keep, uint64_t *end)
{
	for (uint32_t i = 0; i < elf->symbol_count; i++) {
		struct ca__elf_symbol *symbol = &elf->symbols[i];
		uint64_t place;

		if (symbol->home != CA__ELF_COMMON)
			continue;
		if (symbol->size > LAYOUT_MAX)
			return -EOVERFLOW;
		place = append(end, symbol->size, symbol->value);
		if (*end > LAYOUT_MAX)
			return -EOVERFLOW;
		if (keep)
			symbol->place = place;
	}
	return 0;
}

static int layout(struct codearena_elf *elf, uint64_t granule, bool keep,
		  struct ca__elf_sums *sums)
{
	uint64_t end = 0;
	int ret;

	ret = append_sections(elf, CA__ELF_CODE, granule, keep, &end, sums);
	if (ret)
		return ret;
	sums->code_end = end;

	sums->stub_max = elf->stub_max;
	sums->stubs = append(&end, sums->stub_max * CA__ELF_STUB_SIZE,
			     granule);
	sums->objects += !!sums->stub_max;

	sums->rodata = append(&end, elf->got_count * sizeof(uint64_t),
			      largest(granule, sizeof(uint64_t)));
	ret = append_sections(elf, CA__ELF_RODATA, granule, keep, &end, sums);
	if (ret)
		return ret;
	sums->rodata_end = end;
	sums->objects += end != sums->rodata;
	sums->code_length = ca__align_up(end, granule);

	ret = append_sections(elf, CA__ELF_DATA, granule, keep,
			      &sums->data_length, sums);
	if (ret)
		return ret;
	return append_commons(elf, keep, &sums->data_length);
}

/*
 * With @keep the places are stored, else only sums are made: those of an
 * object that is loaded must stay.
 */
int ca__elf_layout(struct codearena_elf *elf, uint32_t granule, bool keep,
		   struct ca__elf_sums *sums)
{
	int ret;

	*sums = (struct ca__elf_sums){ .code_align = granule };
	ret = layout(elf, granule, keep, sums);
	if (ret)
		return ca__elf_fail(elf, ret,
				    "sizes add up to more than an address space");
	return 0;
}
