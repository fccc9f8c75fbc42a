// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocating an object to its final addresses, in buffers that may lie anywhere
 * else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_internal.h"

static bool ca__elf_in_arena(const struct ca__elf_section *section)
{
	return section->where == CA__ELF_CODE ||
	       section->where == CA__ELF_RODATA;
}

static uint8_t *ca__elf_section_buffer(const struct ca__elf_image *image,
				       const struct ca__elf_section *section)
{
	return (ca__elf_in_arena(section) ? image->code : image->data) +
	       section->place;
}

static uint64_t ca__elf_section_address(const struct ca__elf_image *image,
					const struct ca__elf_section *section)
{
	return (ca__elf_in_arena(section) ? image->code_address :
					    image->data_address) +
	       section->place;
}

/*
 * Fill everything that no section covers with trap instructions: merged objects
 * include the gaps. Sections of a kind lie in the order of their numbers.
 */
static void ca__elf_fill_gaps(const struct codearena_elf *elf,
			      const struct ca__elf_image *image)
{
	static const enum ca__elf_where kinds[] = {
		CA__ELF_CODE, CA__ELF_RODATA,
	};
	uint64_t end = 0;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (uint32_t i = 1; i < elf->section_count; i++) {
			const struct ca__elf_section *section =
				&elf->sections[i];

			if (section->where != kinds[k] || !section->size)
				continue;
			/* Traps begin where an instruction can begin. */
			end &= ~(uint64_t)(CA__ELF_TRAP_SIZE - 1);
			elf->machine->fill(image->code + end,
					   section->place - end);
			end = section->place + section->size;
		}
	}
	end &= ~(uint64_t)(CA__ELF_TRAP_SIZE - 1);
	elf->machine->fill(image->code + end, elf->sums.code_length - end);
}

static void ca__elf_copy_sections(const struct codearena_elf *elf,
				  const struct ca__elf_image *image)
{
	for (uint32_t i = 1; i < elf->section_count; i++) {
		const struct ca__elf_section *section = &elf->sections[i];

		if (section->where == CA__ELF_NOWHERE || !section->size)
			continue;
		if (section->bytes)
			memcpy(ca__elf_section_buffer(image, section),
			       section->bytes, section->size);
		else if (ca__elf_in_arena(section))
			memset(ca__elf_section_buffer(image, section), 0,
			       section->size);
		if (section->role == CA__ELF_UNWIND)
			memset(ca__elf_section_buffer(image, section) +
			       section->size, 0, CA__ELF_UNWIND_END);
	}
}

/*
 * __start_NAME and __stop_NAME are the borders of the loaded section NAME, as
 * linkers define them. Each takes a search; no compiler's file has many.
 */
static bool ca__elf_border(struct codearena_elf *elf,
			   const struct ca__elf_image *image,
			   struct ca__elf_symbol *symbol)
{
	static const char start[] = "__start_", stop[] = "__stop_";
	bool first = !strncmp(symbol->name, start, sizeof(start) - 1);
	const char *name = symbol->name +
			   (first ? sizeof(start) : sizeof(stop)) - 1;

	if ((!first && strncmp(symbol->name, stop, sizeof(stop) - 1)) ||
	    elf->borders == CA__ELF_BORDERS)
		return false;
	elf->borders++;
	for (uint32_t i = 1; i < elf->section_count; i++) {
		const struct ca__elf_section *section = &elf->sections[i];

		if (section->where == CA__ELF_NOWHERE ||
		    strcmp(section->name, name))
			continue;
		symbol->address = ca__elf_section_address(image, section) +
				  (first ? 0 : section->size);
		return true;
	}
	return false;
}

/* The start of the GOT; it may have no slots. */
static uint64_t ca__elf_got(const struct codearena_elf *elf,
			    const struct ca__elf_image *image)
{
	return image->code_address + elf->sums.rodata;
}

static int ca__elf_resolve(struct codearena_elf *elf,
			   const struct ca__elf_image *image,
			   struct ca__elf_symbol *symbol)
{
	int ret = -ENOENT;

	symbol->address = 0;
	if (!symbol->used || ca__elf_border(elf, image, symbol))
		return 0;
	if (!strcmp(symbol->name, "_GLOBAL_OFFSET_TABLE_")) {
		symbol->address = ca__elf_got(elf, image);
		return 0;
	}
	if (image->resolve)
		ret = image->resolve(image->ctx, symbol->name,
				     &symbol->address);
	if (ret == -ENOENT && symbol->bind == STB_WEAK) {
		symbol->address = 0;
		return 0;
	}
	if (ret > 0)
		ret = -EINVAL;
	if (ret)
		return ca__elf_fail(elf, ret, "undefined symbol %.*s",
				    CA__ELF_NAME_SHOWN, symbol->name);
	return 0;
}

static int ca__elf_set_addresses(struct codearena_elf *elf,
				 const struct ca__elf_image *image)
{
	int ret;

	for (uint32_t i = 0; i < elf->symbol_count; i++) {
		struct ca__elf_symbol *symbol = &elf->symbols[i];

		symbol->stub = CA__ELF_NONE;
		switch (symbol->home) {
		case CA__ELF_UNDEFINED:
			ret = ca__elf_resolve(elf, image, symbol);
			if (ret)
				return ret;
			break;
		case CA__ELF_COMMON:
			symbol->address = image->data_address + symbol->place;
			break;
		case CA__ELF_IN_SECTION:
			if (elf->sections[symbol->section].where ==
			    CA__ELF_NOWHERE)
				break;
			symbol->address =
				ca__elf_section_address(
					image,
					&elf->sections[symbol->section]) +
				symbol->value;
			break;
		default:
			symbol->address = symbol->value;
		}
		if (symbol->got != CA__ELF_NONE)
			memcpy(image->code + elf->sums.rodata +
			       symbol->got * sizeof(uint64_t),
			       &symbol->address, sizeof(uint64_t));
	}
	return 0;
}

/* Address of a symbol's stub, made at first use. */
static uint64_t ca__elf_stub_address(struct codearena_elf *elf,
				     const struct ca__elf_image *image,
				     struct ca__elf_symbol *symbol)
{
	uint64_t place;

	if (symbol->stub == CA__ELF_NONE) {
		symbol->stub = elf->stubs_used++;
		place = elf->sums.stubs +
			(uint64_t)symbol->stub * elf->machine->stub_size;
		elf->machine->stub(image->code + place, symbol->address);
	}
	return image->code_address + elf->sums.stubs +
	       (uint64_t)symbol->stub * elf->machine->stub_size;
}

static uint64_t ca__elf_target(const struct codearena_elf *elf,
			       const struct ca__elf_image *image,
			       const struct ca__elf_kind *kind,
			       const struct ca__elf_symbol *symbol)
{
	uint64_t got = ca__elf_got(elf, image), target = symbol->address;

	if (kind->flags & CA__ELF_KIND_BASE)
		target = got;
	if (kind->flags & CA__ELF_KIND_GOT)
		target = got + symbol->got * sizeof(uint64_t);
	if (kind->flags & CA__ELF_KIND_FROM_GOT)
		target -= got;
	if (kind->flags & CA__ELF_KIND_FROM_PAGE)
		target -= got & ~0xfffULL;
	return target;
}

/* A relocation with what it needs, found. */
struct ca__elf_fixup {
	const struct ca__elf_section *section;
	const struct ca__elf_kind *kind;
	struct ca__elf_symbol *symbol;
	uint64_t offset;	/* of the field in the section */
	uint64_t from;		/* address that distances count from */
	uint64_t target;	/* without the addend */
	int64_t addend;
};

static int ca__elf_fixup_fail(struct codearena_elf *elf,
			      const struct ca__elf_fixup *fixup, int error)
{
	const struct ca__elf_symbol *symbol = fixup->symbol;

	return ca__elf_fail(elf, error == -EINVAL ? -ENOEXEC : error,
			    "%s at %.*s+0x%llx %s %.*s", fixup->kind->name,
			    CA__ELF_NAME_SHOWN, fixup->section->name,
			    (unsigned long long)fixup->offset,
			    error == -EINVAL ? "is misaligned for" :
					       "does not reach",
			    CA__ELF_NAME_SHOWN,
			    *symbol->name || symbol->home != CA__ELF_IN_SECTION ?
			    symbol->name : elf->sections[symbol->section].name);
}

static int ca__elf_relocate(struct codearena_elf *elf,
			    const struct ca__elf_image *image,
			    const struct ca__elf_fixup *fixup)
{
	const struct ca__elf_machine *machine = elf->machine;
	struct ca__elf_symbol *symbol = fixup->symbol;
	uint32_t type = fixup->kind->type;
	uint8_t *field = ca__elf_section_buffer(image, fixup->section) +
			 fixup->offset;
	int ret;

	ret = machine->apply(type, field, fixup->from,
			     fixup->target + fixup->addend);
	/* A stub only jumps to the start of a function. */
	if (ret == -EOVERFLOW && symbol->called &&
	    fixup->kind->flags & CA__ELF_KIND_CALL &&
	    fixup->addend == machine->call_addend)
		ret = machine->apply(type, field, fixup->from,
				     ca__elf_stub_address(elf, image, symbol) +
				     fixup->addend);
	return ret ? ca__elf_fixup_fail(elf, fixup, ret) : 0;
}

/* A lower half has the symbol, the addend and the place of its upper one. */
static int ca__elf_fixup_low(struct codearena_elf *elf,
			     const struct ca__elf_image *image,
			     const struct ca__elf_halves *halves,
			     struct ca__elf_fixup *fixup)
{
	const struct ca__elf_half *half;

	half = ca__elf_half_find(halves, fixup->symbol,
				 fixup->section - elf->sections);
	if (!half)
		return ca__elf_fail(elf, -ENOEXEC,
				    "%s at %.*s+0x%llx has no upper half",
				    fixup->kind->name, CA__ELF_NAME_SHOWN,
				    fixup->section->name,
				    (unsigned long long)fixup->offset);
	fixup->symbol = &elf->symbols[half->symbol];
	fixup->from = ca__elf_section_address(image, fixup->section) +
		      half->offset;
	fixup->target = ca__elf_target(elf, image, half->kind, fixup->symbol);
	fixup->addend = half->addend;
	return 0;
}

static int ca__elf_link_one(struct codearena_elf *elf,
			    const struct ca__elf_image *image,
			    const struct ca__elf_halves *halves,
			    const struct ca__elf_relocs *relocs, uint64_t index)
{
	struct ca__elf_fixup fixup = {
		.section = &elf->sections[relocs->section],
	};
	Elf64_Rela rela;
	int ret;

	memcpy(&rela, relocs->bytes + index * sizeof(rela), sizeof(rela));
	fixup.kind = ca__elf_kind(elf->machine, ELF64_R_TYPE(rela.r_info));
	if (!fixup.kind->width)
		return 0;
	fixup.symbol = &elf->symbols[ELF64_R_SYM(rela.r_info)];
	fixup.offset = rela.r_offset;
	fixup.addend = rela.r_addend;
	fixup.from = ca__elf_section_address(image, fixup.section) +
		     rela.r_offset;
	fixup.target = ca__elf_target(elf, image, fixup.kind, fixup.symbol);
	if (fixup.kind->flags & CA__ELF_KIND_LOW) {
		ret = ca__elf_fixup_low(elf, image, halves, &fixup);
		if (ret)
			return ret;
	}
	return ca__elf_relocate(elf, image, &fixup);
}

static int ca__elf_link_table(struct codearena_elf *elf,
			      const struct ca__elf_image *image,
			      const struct ca__elf_relocs *relocs)
{
	struct ca__elf_halves halves;
	int ret = ca__elf_halves_read(elf, relocs, &halves);

	for (uint64_t i = 0; i < relocs->count && !ret; i++)
		ret = ca__elf_link_one(elf, image, &halves, relocs, i);
	free(halves.list);
	return ret;
}

/* elf->sums must hold the layout. */
int ca__elf_link(struct codearena_elf *elf, const struct ca__elf_image *image)
{
	int ret;

	elf->stubs_used = 0;
	elf->borders = 0;
	ca__elf_fill_gaps(elf, image);
	ca__elf_copy_sections(elf, image);
	ret = ca__elf_set_addresses(elf, image);
	for (uint32_t i = 0; i < elf->reloc_count && !ret; i++)
		ret = ca__elf_link_table(elf, image, &elf->relocs[i]);
	return ret;
}
