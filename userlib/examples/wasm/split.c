// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Splits a compiled module so that its functions can be loaded one by one: each
 * executable section is a function, the rest is data.
 */
#include <stdlib.h>
#include <string.h>

#include "split.h"
#include "wasm.h"

#define PAGE	4096

static uint64_t align(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static bool is_code(const Elf64_Shdr *section)
{
	return section->sh_type == SHT_PROGBITS && section->sh_size &&
	       section->sh_flags & SHF_ALLOC &&
	       section->sh_flags & SHF_EXECINSTR;
}

static bool is_data(const Elf64_Shdr *section, const char *name)
{
	return (section->sh_type == SHT_PROGBITS ||
		section->sh_type == SHT_NOBITS) &&
	       section->sh_flags & SHF_ALLOC &&
	       !(section->sh_flags & SHF_EXECINSTR) &&
	       strcmp(name, ".eh_frame");
}

static void find_symbols(struct wasm_object *o)
{
	for (uint32_t i = 0; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];

		if (s->sh_type != SHT_SYMTAB)
			continue;
		o->symbols = (const void *)(o->image + s->sh_offset);
		o->symbol_count = s->sh_size / sizeof(*o->symbols);
		o->names = (const char *)o->image +
			   o->sections[s->sh_link].sh_offset;
	}
	if (!o->symbols)
		wasm_die("the object has no symbols");
}

static void place_code(struct wasm_object *o, uint32_t index)
{
	struct wasm_part *part = &o->parts[o->part_count];

	if (o->sections[index].sh_size > UINT32_MAX / 2)
		wasm_die("a function is too large");
	part->section = index;
	part->length = o->sections[index].sh_size;
	o->places[index].function = o->part_count++;
}

/* Collect the sections that are writable, or those that are not. */
static uint64_t place_data(struct wasm_object *o, const char *names,
			   bool writable, uint64_t end)
{
	for (uint32_t i = 1; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];
		const char *name = names + s->sh_name;
		/* Constant after relocation. */
		bool is_writable = s->sh_flags & SHF_WRITE &&
				   strncmp(name, ".data.rel.ro", 12);

		if (!is_data(s, name) || is_writable != writable)
			continue;
		end = align(end, s->sh_addralign ? s->sh_addralign : 1);
		o->places[i].data = end;
		end += s->sh_size;
	}
	return end;
}

static void place_sections(struct wasm_object *o)
{
	const Elf64_Ehdr *header = (const void *)o->image;
	const char *names = (const char *)o->image +
			    o->sections[header->e_shstrndx].sh_offset;

	for (uint32_t i = 0; i < o->section_count; i++) {
		o->places[i].function = WASM_NO_FUNCTION;
		o->places[i].data = UINT64_MAX;
		if (is_code(&o->sections[i]))
			place_code(o, i);
	}
	for (uint32_t i = 0; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];
		uint32_t f;

		if (s->sh_type != SHT_RELA || s->sh_info >= o->section_count)
			continue;
		f = o->places[s->sh_info].function;
		if (f != WASM_NO_FUNCTION)
			o->parts[f].relocations = i;
	}
	o->constant_length = place_data(o, names, false, 0);
}

static void name_parts(struct wasm_object *o)
{
	for (uint32_t i = 0; i < o->symbol_count; i++) {
		const Elf64_Sym *s = &o->symbols[i];
		uint32_t f = s->st_shndx < o->section_count ?
			     o->places[s->st_shndx].function : WASM_NO_FUNCTION;

		if (f == WASM_NO_FUNCTION || ELF64_ST_TYPE(s->st_info) !=
		    STT_FUNC)
			continue;
		if (s->st_value)
			wasm_die("%s shares its section; compile with -ffunction-sections",
				 o->names + s->st_name);
		if (!o->parts[f].name)
			o->parts[f].name = o->names + s->st_name;
	}
	for (uint32_t f = 0; f < o->part_count; f++)
		if (!o->parts[f].name)
			wasm_die("a section of code has no function");
}

/* Collect the callees of functions, and entries of the global offset table. */
static void use_symbol(struct wasm_object *o, const Elf64_Rela *rela)
{
	uint32_t index = ELF64_R_SYM(rela->r_info);
	bool undefined = o->symbols[index].st_shndx == SHN_UNDEF;

	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		if (!o->slots[index])
			o->slots[index] = ++o->slot_count;
		break;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		if (!undefined || o->builtins[index])
			break;
		o->imports[o->import_count] = o->names +
					      o->symbols[index].st_name;
		o->builtins[index] = WASM_FIRST_IMPORT + o->import_count++;
	}
}

static int by_place(const void *a, const void *b)
{
	const struct wasm_switch *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Collect distances to places in functions, each as a switch of its own. */
static void find_entries(struct wasm_object *o, const Elf64_Shdr *table)
{
	const Elf64_Rela *rela = (const void *)(o->image + table->sh_offset);
	size_t count = table->sh_size / sizeof(*rela);

	o->switches = realloc(o->switches, (o->switch_count + count + 1) *
					   sizeof(*o->switches));
	if (!o->switches)
		wasm_die("out of memory");
	for (size_t i = 0; i < count; i++) {
		const Elf64_Sym *s = &o->symbols[ELF64_R_SYM(rela[i].r_info)];
		uint32_t f = s->st_shndx < o->section_count ?
			     o->places[s->st_shndx].function : WASM_NO_FUNCTION;

		if (f == WASM_NO_FUNCTION ||
		    ELF64_R_TYPE(rela[i].r_info) != R_X86_64_PC32)
			continue;
		o->switches[o->switch_count++] = (struct wasm_switch) {
			.section = table->sh_info,
			.function = f,
			.start = rela[i].r_offset,
			.end = rela[i].r_offset + 4,
			.first = &rela[i],
		};
	}
}

/* Join neighbouring entries of the same function and table to one piece. */
static void join_entries(struct wasm_object *o)
{
	size_t kept = 0;

	if (!o->switch_count)
		return;
	qsort(o->switches, o->switch_count, sizeof(*o->switches), by_place);
	for (size_t i = 0; i < o->switch_count; i++) {
		struct wasm_switch *s = &o->switches[i];
		struct wasm_switch *last = &o->switches[kept ? kept - 1 : 0];

		if (kept && last->section == s->section &&
		    last->function == s->function && last->end == s->start &&
		    last->first + (s->start - last->start) / 4 == s->first)
			last->end = s->end;
		else
			o->switches[kept++] = *s;
	}
	o->switch_count = kept;
	for (size_t i = 0; i < kept; i++) {
		struct wasm_part *part = &o->parts[o->switches[i].function];

		o->switches[i].pool = part->pool;
		part->pool += o->switches[i].end - o->switches[i].start;
	}
}

static void read_relocations(struct wasm_object *o)
{
	for (uint32_t i = 0; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];
		const Elf64_Rela *rela = (const void *)(o->image +
							s->sh_offset);

		if (s->sh_type != SHT_RELA || s->sh_info >= o->section_count)
			continue;
		if (o->places[s->sh_info].data != UINT64_MAX)
			find_entries(o, s);
		if (o->places[s->sh_info].function == WASM_NO_FUNCTION)
			continue;
		for (size_t j = 0; j < s->sh_size / sizeof(*rela); j++)
			use_symbol(o, &rela[j]);
	}
	join_entries(o);
}

void wasm_split(const char *path, struct wasm_object *o)
{
	const Elf64_Ehdr *header;
	const char *names;
	size_t length;

	memset(o, 0, sizeof(*o));
	o->image = wasm_read_file(path, &length);
	header = (const void *)o->image;
	if (header->e_machine != EM_X86_64)
		wasm_die("%s: functions one by one are for x86-64 only", path);
	o->sections = (const void *)(o->image + header->e_shoff);
	o->section_count = header->e_shnum;
	names = (const char *)o->image +
		o->sections[header->e_shstrndx].sh_offset;
	o->places = wasm_allocate(o->section_count * sizeof(*o->places));
	o->parts = wasm_allocate(o->section_count * sizeof(*o->parts));
	find_symbols(o);
	place_sections(o);
	name_parts(o);
	o->slots = wasm_allocate(o->symbol_count * sizeof(*o->slots));
	o->builtins = wasm_allocate(o->symbol_count * sizeof(*o->builtins));
	o->imports = wasm_allocate(o->symbol_count * sizeof(*o->imports));
	read_relocations(o);
	o->offsets = align(o->constant_length, 8);
	o->constant_length = align(o->offsets + 8 * o->slot_count, PAGE);
	o->data_length = align(place_data(o, names, true, o->constant_length),
			       PAGE);
}

void wasm_split_free(struct wasm_object *o)
{
	free(o->image);
	free(o->places);
	free(o->parts);
	free(o->switches);
	free(o->slots);
	free(o->builtins);
	free(o->imports);
}

uint64_t wasm_split_find(const struct wasm_object *o, const char *name,
			 uint64_t data)
{
	for (uint32_t i = 0; i < o->symbol_count; i++) {
		const Elf64_Sym *s = &o->symbols[i];

		if (s->st_shndx && s->st_shndx < o->section_count &&
		    o->places[s->st_shndx].data != UINT64_MAX &&
		    !strcmp(o->names + s->st_name, name))
			return data + o->places[s->st_shndx].data + s->st_value;
	}
	return 0;
}
