// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Placing the parts of an object. The arena gets the sections of code, each with
 * its own granules; far stubs; then the GOT and all constants, one code object
 * because they are never discarded separately. Data goes to anonymous memory.
 */
#include <errno.h>

#include "elf/elf_internal.h"

/* Sums of sizes below this cannot overflow; no address space is larger. */
#define CA__ELF_LAYOUT_MAX (1ULL << 47)

/**
 * struct ca__elf_placing - one layout
 * @elf: the object
 * @sums: its result
 * @granule: of the arena
 * @keep: whether to store the places in the object
 */
struct ca__elf_placing {
	struct codearena_elf *elf;
	struct ca__elf_sums *sums;
	uint64_t granule;
	bool keep;
};

/* Appends @size bytes at a multiple of @align; both below CA__ELF_LAYOUT_MAX. */
static uint64_t ca__elf_append(uint64_t *end, uint64_t size, uint64_t align)
{
	uint64_t place = ca__align_up(*end, align);

	*end = place + size;
	return place;
}

static uint64_t ca__elf_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Appends all sections of a kind. */
static int ca__elf_append_sections(const struct ca__elf_placing *placing,
				   enum ca__elf_where where, uint64_t *end)
{
	struct ca__elf_sums *sums = placing->sums;

	for (uint32_t i = 1; i < placing->elf->section_count; i++) {
		struct ca__elf_section *section = &placing->elf->sections[i];
		uint64_t align, place, size = section->size;

		if (section->where != where)
			continue;
		if (section->size > CA__ELF_LAYOUT_MAX)
			return -EOVERFLOW;
		align = section->align;
		if (where == CA__ELF_CODE)
			align = ca__elf_larger(align, placing->granule);
		if (where != CA__ELF_DATA)
			sums->code_align =
				ca__elf_larger(sums->code_align, align);
		if (where == CA__ELF_CODE && section->size)
			sums->objects++;
		if (section->role == CA__ELF_UNWIND)
			size += CA__ELF_UNWIND_END;
		place = ca__elf_append(end, size, align);
		if (*end > CA__ELF_LAYOUT_MAX)
			return -EOVERFLOW;
		if (placing->keep)
			section->place = place;
	}
	return 0;
}

static int ca__elf_append_commons(const struct ca__elf_placing *placing,
				  uint64_t *end)
{
	for (uint32_t i = 0; i < placing->elf->symbol_count; i++) {
		struct ca__elf_symbol *symbol = &placing->elf->symbols[i];
		uint64_t place;

		if (symbol->home != CA__ELF_COMMON)
			continue;
		if (symbol->size > CA__ELF_LAYOUT_MAX)
			return -EOVERFLOW;
		place = ca__elf_append(end, symbol->size, symbol->value);
		if (*end > CA__ELF_LAYOUT_MAX)
			return -EOVERFLOW;
		if (placing->keep)
			symbol->place = place;
	}
	return 0;
}

static int ca__elf_place_all(const struct ca__elf_placing *placing)
{
	const struct codearena_elf *elf = placing->elf;
	struct ca__elf_sums *sums = placing->sums;
	uint64_t granule = placing->granule, end = 0;
	int ret;

	ret = ca__elf_append_sections(placing, CA__ELF_CODE, &end);
	if (ret)
		return ret;
	sums->stub_max = elf->stub_max;
	sums->stubs = ca__elf_append(&end, sums->stub_max *
				     elf->machine->stub_size, granule);
	sums->objects += !!sums->stub_max;

	sums->rodata = ca__elf_append(&end, elf->got_count * sizeof(uint64_t),
				      ca__elf_larger(granule,
						     sizeof(uint64_t)));
	ret = ca__elf_append_sections(placing, CA__ELF_RODATA, &end);
	if (ret)
		return ret;
	sums->rodata_end = end;
	sums->objects += end != sums->rodata;
	sums->code_length = ca__align_up(end, granule);

	ret = ca__elf_append_sections(placing, CA__ELF_DATA,
				      &sums->data_length);
	if (ret)
		return ret;
	return ca__elf_append_commons(placing, &sums->data_length);
}

/*
 * Without @keep only computes @sums, for codearena_elf_measure(): a loaded
 * object must keep its places.
 */
int ca__elf_layout(struct codearena_elf *elf, uint32_t granule, bool keep,
		   struct ca__elf_sums *sums)
{
	const struct ca__elf_placing placing = {
		.elf = elf,
		.sums = sums,
		.granule = granule,
		.keep = keep,
	};
	int ret;

	*sums = (struct ca__elf_sums){ .code_align = granule };
	ret = ca__elf_place_all(&placing);
	if (ret)
		return ca__elf_fail(elf, ret,
				    "sizes add up to more than an address space");
	return 0;
}
