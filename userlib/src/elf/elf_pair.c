// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations in two halves. On riscv64 the symbol of the lower one is a label at the
 * upper one, which alone names the target.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_internal.h"

static int ca__elf_half_compare(const void *a, const void *b)
{
	const struct ca__elf_half *left = a, *right = b;

	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/**
 * ca__elf_halves_read - the upper halves of a section
 * @elf: the object
 * @relocs: the section's relocations
 * @halves: they, sorted by their places; the list is to be freed
 *
 * Return: 0; -ENOMEM.
 */
int ca__elf_halves_read(struct codearena_elf *elf,
			const struct ca__elf_relocs *relocs,
			struct ca__elf_halves *halves)
{
	*halves = (struct ca__elf_halves){ 0 };
	if (!relocs->lows)
		return 0;
	halves->list = calloc(relocs->count, sizeof(*halves->list));
	if (!halves->list)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint64_t i = 0; i < relocs->count; i++) {
		struct ca__elf_half *half = &halves->list[halves->count];
		Elf64_Rela rela;

		memcpy(&rela, relocs->bytes + i * sizeof(rela), sizeof(rela));
		half->kind = ca__elf_kind(elf->machine,
					  ELF64_R_TYPE(rela.r_info));
		if (!(half->kind->flags & CA__ELF_KIND_HIGH))
			continue;
		half->offset = rela.r_offset;
		half->symbol = ELF64_R_SYM(rela.r_info);
		half->addend = rela.r_addend;
		halves->count++;
	}
	if (halves->count)
		qsort(halves->list, halves->count, sizeof(*halves->list),
		      ca__elf_half_compare);
	return 0;
}

/**
 * ca__elf_half_find - the upper half that a lower one belongs to
 * @halves: all of its section
 * @label: the symbol of the lower one
 * @section: number of the section
 *
 * Return: it; NULL: there is none.
 */
const struct ca__elf_half *
ca__elf_half_find(const struct ca__elf_halves *halves,
		  const struct ca__elf_symbol *label, uint32_t section)
{
	struct ca__elf_half key = { .offset = label->value };

	if (!halves->count || label->home != CA__ELF_IN_SECTION ||
	    label->section != section)
		return NULL;
	return bsearch(&key, halves->list, halves->count, sizeof(*halves->list),
		       ca__elf_half_compare);
}
