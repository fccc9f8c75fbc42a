// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Reads an object file. Whatever comes later relies on the checks made here:
 * names end inside of the file, symbols lie in their sections, relocations
 * name symbols that exist and fields that lie in their sections, and no byte
 * of the file belongs to two sections. The last one bounds the work that a
 * file of a given size can ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_internal.h"

/* Not in every <elf.h>. */
#ifndef SHF_X86_64_LARGE
#define SHF_X86_64_LARGE	0x10000000
#endif

struct reader {
	struct codearena_elf *elf;
	Elf64_Ehdr header;
	uint32_t names;		/* section of section names */
	uint32_t symtab;	/* section numbers, 0: there is none */
	uint32_t strtab;
	uint32_t xindex;
};

static int damaged(struct codearena_elf *elf, const char *what)
{
	return ca__elf_fail(elf, -ENOEXEC, "damaged file: %s", what);
}

static bool inside(const struct codearena_elf *elf, uint64_t offset,
		   uint64_t length)
{
	return offset <= elf->size && length <= elf->size - offset;
}

static Elf64_Shdr section_header(const struct reader *reader, uint32_t index)
{
	Elf64_Shdr shdr;

	memcpy(&shdr, reader->elf->image + reader->header.e_shoff +
	       (uint64_t)index * sizeof(shdr), sizeof(shdr));
	return shdr;
}

static int read_ident(struct codearena_elf *elf, const Elf64_Ehdr *header)
{
	const unsigned char *ident = header->e_ident;

	if (memcmp(ident, ELFMAG, SELFMAG))
		return ca__elf_fail(elf, -ENOEXEC, "not an ELF file");
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return ca__elf_fail(elf, -ENOEXEC,
				    "not a little-endian ELF64 file");
	if (ident[EI_VERSION] != EV_CURRENT ||
	    header->e_version != EV_CURRENT)
		return ca__elf_fail(elf, -ENOEXEC, "unknown ELF version");
	if (ident[EI_OSABI] != ELFOSABI_NONE && ident[EI_OSABI] != ELFOSABI_GNU)
		return ca__elf_fail(elf, -ENOEXEC, "for another system");
	if (header->e_type != ET_REL)
		return ca__elf_fail(elf, -ENOEXEC,
				    "not a relocatable object file");
	return 0;
}

static int read_header(struct reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Ehdr *header = &reader->header;
	Elf64_Shdr first;
	uint64_t count;
	int ret;

	if (elf->size < sizeof(*header))
		return ca__elf_fail(elf, -ENOEXEC, "too short for an ELF file");
	memcpy(header, elf->image, sizeof(*header));
	ret = read_ident(elf, header);
	if (ret)
		return ret;

	switch (header->e_machine) {
	case EM_X86_64:
		elf->machine = &ca__elf_x86_64;
		break;
	case EM_AARCH64:
		elf->machine = &ca__elf_aarch64;
		break;
	default:
		return ca__elf_fail(elf, -ENOEXEC,
				    "machine %u is not supported",
				    header->e_machine);
	}

	if (header->e_shentsize != sizeof(Elf64_Shdr))
		return damaged(elf, "size of section headers");
	if (!header->e_shoff || !inside(elf, header->e_shoff, sizeof(first)))
		return damaged(elf, "place of section headers");
	/* Numbers that do not fit the header are in the first section. */
	first = section_header(reader, 0);
	count = header->e_shnum ? header->e_shnum : first.sh_size;
	if (!count || count > elf->size / sizeof(Elf64_Shdr) ||
	    !inside(elf, header->e_shoff, count * sizeof(Elf64_Shdr)))
		return damaged(elf, "number of section headers");
	elf->section_count = count;
	reader->names = header->e_shstrndx == SHN_XINDEX ?
			first.sh_link : header->e_shstrndx;
	return 0;
}

struct extent {
	uint64_t start;
	uint64_t end;
};

static int extent_compare(const void *a, const void *b)
{
	const struct extent *left = a;
	const struct extent *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static int check_extents(const struct reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	struct extent *extents;
	uint32_t count = 0;
	int ret = 0;

	extents = calloc(elf->section_count, sizeof(*extents));
	if (!extents)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 1; i < elf->section_count; i++) {
		Elf64_Shdr shdr = section_header(reader, i);

		if (shdr.sh_type == SHT_NOBITS || shdr.sh_type == SHT_NULL ||
		    !shdr.sh_size)
			continue;
		if (!inside(elf, shdr.sh_offset, shdr.sh_size)) {
			ret = damaged(elf, "a section ends after the file");
			goto out;
		}
		extents[count].start = shdr.sh_offset;
		extents[count++].end = shdr.sh_offset + shdr.sh_size;
	}
	if (count)
		qsort(extents, count, sizeof(*extents), extent_compare);
	for (uint32_t i = 1; i < count; i++) {
		if (extents[i].start < extents[i - 1].end) {
			ret = damaged(elf, "sections overlap");
			goto out;
		}
	}
out:
	free(extents);
	return ret;
}

/* A table of strings, whose last byte must end the last of them. */
static int read_strings(const struct reader *reader, uint32_t index,
			const char **strings, uint64_t *size)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr;

	if (!index || index >= elf->section_count)
		return damaged(elf, "number of a string table");
	shdr = section_header(reader, index);
	if (shdr.sh_type != SHT_STRTAB || !shdr.sh_size)
		return damaged(elf, "type of a string table");
	*strings = (const char *)elf->image + shdr.sh_offset;
	*size = shdr.sh_size;
	if ((*strings)[*size - 1])
		return damaged(elf, "end of a string table");
	return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int unsupported(struct codearena_elf *elf, const char *what,
		       const char *name)
{
	return ca__elf_fail(elf, -ENOTSUP, "%s: %.*s", what,
			    CA__ELF_NAME_SHOWN, name);
}

/* Where a section that takes part in the program goes. */
static int classify(struct codearena_elf *elf, const Elf64_Shdr *shdr,
		    struct ca__elf_section *section)
{
	const char *name = section->name;

	switch (shdr->sh_type) {
	case SHT_PROGBITS:
	case SHT_NOBITS:
		break;
	case SHT_NOTE:
	case SHT_X86_64_UNWIND:
		return 0;
	case SHT_INIT_ARRAY:
	case SHT_FINI_ARRAY:
	case SHT_PREINIT_ARRAY:
		return unsupported(elf, "constructors or destructors", name);
	default:
		return unsupported(elf, "type of section", name);
	}
	if (!strcmp(name, ".eh_frame"))
		return 0;
	if (has_prefix(name, ".ctors") || has_prefix(name, ".dtors"))
		return unsupported(elf, "constructors or destructors", name);
	if (shdr->sh_flags & SHF_TLS)
		return unsupported(elf, "thread-local storage", name);
	if (shdr->sh_flags & SHF_COMPRESSED)
		return unsupported(elf, "compressed section", name);
	if (elf->machine->machine == EM_X86_64 &&
	    shdr->sh_flags & SHF_X86_64_LARGE)
		return unsupported(elf, "section of the medium model", name);

	if (shdr->sh_flags & SHF_EXECINSTR) {
		if (shdr->sh_flags & SHF_WRITE)
			return unsupported(elf, "writable code", name);
		if (shdr->sh_type == SHT_NOBITS)
			return damaged(elf, "code without bytes");
		section->where = CA__ELF_CODE;
	} else if (shdr->sh_flags & SHF_WRITE &&
		   !has_prefix(name, ".data.rel.ro")) {
		section->where = CA__ELF_DATA;
	} else {
		section->where = CA__ELF_RODATA;
	}
	return 0;
}

static int read_section(struct reader *reader, uint32_t index,
			const char *names, uint64_t names_size)
{
	struct ca__elf_section *section = &reader->elf->sections[index];
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr = section_header(reader, index);
	int ret;

	if (shdr.sh_name >= names_size)
		return damaged(elf, "name of a section");
	section->name = names + shdr.sh_name;
	section->size = shdr.sh_size;

	switch (shdr.sh_type) {
	case SHT_SYMTAB:
		if (reader->symtab)
			return damaged(elf, "two symbol tables");
		reader->symtab = index;
		reader->strtab = shdr.sh_link;
		break;
	case SHT_SYMTAB_SHNDX:
		if (reader->xindex)
			return damaged(elf, "two tables of section numbers");
		reader->xindex = index;
		break;
	case SHT_RELA:
	case SHT_REL:
		elf->reloc_count++;
		break;
	default:
		break;
	}

	if (!(shdr.sh_flags & SHF_ALLOC) || shdr.sh_type == SHT_NULL)
		return 0;
	ret = classify(elf, &shdr, section);
	if (ret || section->where == CA__ELF_NOWHERE)
		return ret;
	section->align = shdr.sh_addralign ? shdr.sh_addralign : 1;
	if (section->align & (section->align - 1))
		return damaged(elf, "alignment of a section");
	if (section->align > CA__ELF_MAX_ALIGN)
		return unsupported(elf, "alignment of more than 4096 bytes",
				   section->name);
	if (shdr.sh_type == SHT_PROGBITS && shdr.sh_size)
		section->bytes = elf->image + shdr.sh_offset;
	return 0;
}

static int read_sections(struct reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	const char *names = NULL;
	uint64_t names_size = 0;
	int ret;

	ret = check_extents(reader);
	if (ret)
		return ret;
	ret = read_strings(reader, reader->names, &names, &names_size);
	if (ret)
		return ret;
	elf->sections = calloc(elf->section_count, sizeof(*elf->sections));
	if (!elf->sections)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	elf->sections[0].name = "";
	for (uint32_t i = 1; i < elf->section_count; i++) {
		ret = read_section(reader, i, names, names_size);
		if (ret)
			return ret;
	}
	return 0;
}

static int symbol_home(const struct reader *reader, uint32_t index,
		       const Elf64_Sym *sym, struct ca__elf_symbol *symbol)
{
	struct codearena_elf *elf = reader->elf;
	uint32_t section = sym->st_shndx;
	Elf64_Shdr table;

	switch (sym->st_shndx) {
	case SHN_UNDEF:
		symbol->home = CA__ELF_UNDEFINED;
		return 0;
	case SHN_ABS:
		symbol->home = CA__ELF_ABSOLUTE;
		return 0;
	case SHN_COMMON:
		symbol->home = CA__ELF_COMMON;
		if (!sym->st_value || sym->st_value & (sym->st_value - 1))
			return damaged(elf, "alignment of a common symbol");
		if (sym->st_value > CA__ELF_MAX_ALIGN)
			return unsupported(elf, "alignment of more than 4096 bytes",
					   symbol->name);
		return 0;
	case SHN_XINDEX:
		if (!reader->xindex)
			return damaged(elf, "no table of section numbers");
		table = section_header(reader, reader->xindex);
		if (index >= table.sh_size / sizeof(section))
			return damaged(elf, "table of section numbers");
		memcpy(&section, elf->image + table.sh_offset +
		       (uint64_t)index * sizeof(section), sizeof(section));
		break;
	default:
		if (section >= SHN_LORESERVE)
			return damaged(elf, "section number of a symbol");
	}
	if (!section || section >= elf->section_count)
		return damaged(elf, "section number of a symbol");
	symbol->home = CA__ELF_IN_SECTION;
	symbol->section = section;
	if (sym->st_value > elf->sections[section].size ||
	    sym->st_size > elf->sections[section].size - sym->st_value)
		return damaged(elf, "a symbol leaves its section");
	return 0;
}

static void note_function(struct codearena_elf *elf,
			  const struct ca__elf_symbol *symbol)
{
	struct ca__elf_section *section = &elf->sections[symbol->section];

	elf->function_count++;
	if (!section->has_function) {
		section->has_function = true;
		section->first = symbol->value;
	} else if (section->first != symbol->value) {
		section->has_functions = true;
	}
}

static int read_symbol(const struct reader *reader, uint32_t index,
		       const Elf64_Sym *sym, const char *names,
		       uint64_t names_size)
{
	struct codearena_elf *elf = reader->elf;
	struct ca__elf_symbol *symbol = &elf->symbols[index];
	int ret;

	if (sym->st_name >= names_size)
		return damaged(elf, "name of a symbol");
	symbol->name = names + sym->st_name;
	symbol->value = sym->st_value;
	symbol->size = sym->st_size;
	symbol->type = ELF64_ST_TYPE(sym->st_info);
	symbol->bind = ELF64_ST_BIND(sym->st_info);
	symbol->got = CA__ELF_NONE;
	symbol->stub = CA__ELF_NONE;
	/* The first symbol stands for the value 0. */
	if (!index) {
		symbol->home = CA__ELF_ABSOLUTE;
		symbol->value = 0;
		return 0;
	}
	if (symbol->type == STT_GNU_IFUNC)
		return unsupported(elf, "indirect function", symbol->name);
	/* Such a file holds intermediate code only. */
	if (!strcmp(symbol->name, "__gnu_lto_slim"))
		return ca__elf_fail(elf, -ENOTSUP,
				    "built with -flto, holds no code");
	ret = symbol_home(reader, index, sym, symbol);
	if (ret)
		return ret;
	if (symbol->type == STT_TLS && symbol->home != CA__ELF_UNDEFINED)
		return unsupported(elf, "thread-local storage", symbol->name);
	if (symbol->type == STT_FUNC && symbol->home == CA__ELF_IN_SECTION)
		note_function(elf, symbol);
	return 0;
}

static int read_symbols(struct reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	uint64_t names_size;
	const char *names;
	Elf64_Shdr shdr;
	int ret;

	if (!reader->symtab)
		return 0;
	ret = read_strings(reader, reader->strtab, &names, &names_size);
	if (ret)
		return ret;
	shdr = section_header(reader, reader->symtab);
	if (shdr.sh_entsize != sizeof(Elf64_Sym) ||
	    shdr.sh_size % sizeof(Elf64_Sym))
		return damaged(elf, "size of the symbol table");
	if (shdr.sh_size / sizeof(Elf64_Sym) >= CA__ELF_NONE)
		return damaged(elf, "number of symbols");
	elf->symbol_count = shdr.sh_size / sizeof(Elf64_Sym);
	if (!elf->symbol_count)
		return 0;
	elf->symbols = calloc(elf->symbol_count, sizeof(*elf->symbols));
	if (!elf->symbols)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 0; i < elf->symbol_count; i++) {
		Elf64_Sym sym;

		memcpy(&sym, elf->image + shdr.sh_offset +
		       (uint64_t)i * sizeof(sym), sizeof(sym));
		ret = read_symbol(reader, i, &sym, names, names_size);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_relocation(struct codearena_elf *elf,
			    const struct ca__elf_section *section,
			    const Elf64_Rela *rela)
{
	uint64_t index = ELF64_R_SYM(rela->r_info);
	const struct ca__elf_kind *kind;
	struct ca__elf_symbol *symbol;

	kind = ca__elf_kind(elf->machine, ELF64_R_TYPE(rela->r_info));
	if (!kind)
		return ca__elf_fail(elf, -ENOTSUP,
				    "%s relocation of type %u at %.*s+0x%llx",
				    elf->machine->name,
				    (unsigned int)ELF64_R_TYPE(rela->r_info),
				    CA__ELF_NAME_SHOWN, section->name,
				    (unsigned long long)rela->r_offset);
	if (!kind->width)
		return 0;
	if (rela->r_offset > section->size ||
	    kind->width > section->size - rela->r_offset)
		return damaged(elf, "a relocation leaves its section");
	if (kind->flags & CA__ELF_KIND_INSN &&
	    (rela->r_offset & 3 || section->align & 3))
		return damaged(elf, "a relocation of no instruction");
	if (index >= elf->symbol_count)
		return damaged(elf, "symbol number of a relocation");

	symbol = &elf->symbols[index];
	if (symbol->type == STT_TLS)
		return unsupported(elf, "thread-local storage", symbol->name);
	if (symbol->home == CA__ELF_IN_SECTION &&
	    elf->sections[symbol->section].where == CA__ELF_NOWHERE)
		return unsupported(elf, "use of a section that is not loaded",
				   elf->sections[symbol->section].name);
	symbol->used = true;
	if (kind->flags & CA__ELF_KIND_GOT && symbol->got == CA__ELF_NONE)
		symbol->got = elf->got_count++;
	if (kind->flags & CA__ELF_KIND_CALL && !symbol->called &&
	    symbol->home == CA__ELF_UNDEFINED) {
		symbol->called = true;
		elf->stub_max++;
	}
	return 0;
}

static int read_relocs(const struct reader *reader, uint32_t index)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr = section_header(reader, index);
	struct ca__elf_relocs *relocs;
	int ret;

	if (shdr.sh_info >= elf->section_count)
		return damaged(elf, "section number of relocations");
	if (elf->sections[shdr.sh_info].where == CA__ELF_NOWHERE ||
	    !shdr.sh_size)
		return 0;
	if (shdr.sh_type == SHT_REL)
		return unsupported(elf, "relocations without addends",
				   elf->sections[index].name);
	if (shdr.sh_link != reader->symtab || !reader->symtab)
		return damaged(elf, "symbol table of relocations");
	if (shdr.sh_entsize != sizeof(Elf64_Rela) ||
	    shdr.sh_size % sizeof(Elf64_Rela))
		return damaged(elf, "size of relocations");
	if (!elf->sections[shdr.sh_info].bytes)
		return damaged(elf, "relocations of a section without bytes");

	relocs = &elf->relocs[elf->reloc_count++];
	relocs->section = shdr.sh_info;
	relocs->bytes = elf->image + shdr.sh_offset;
	relocs->count = shdr.sh_size / sizeof(Elf64_Rela);
	for (uint64_t i = 0; i < relocs->count; i++) {
		Elf64_Rela rela;

		memcpy(&rela, relocs->bytes + i * sizeof(rela), sizeof(rela));
		ret = check_relocation(elf, &elf->sections[relocs->section],
				       &rela);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_relocations(const struct reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	uint32_t tables = elf->reloc_count;
	int ret;

	/* Counted again: tables of sections that are not loaded drop out. */
	elf->reloc_count = 0;
	if (!tables)
		return 0;
	elf->relocs = calloc(tables, sizeof(*elf->relocs));
	if (!elf->relocs)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 1; i < elf->section_count; i++) {
		Elf64_Shdr shdr = section_header(reader, i);

		if (shdr.sh_type != SHT_RELA && shdr.sh_type != SHT_REL)
			continue;
		ret = read_relocs(reader, i);
		if (ret)
			return ret;
	}
	return 0;
}

int ca__elf_parse(struct codearena_elf *elf)
{
	struct reader reader = { .elf = elf };
	int ret;

	ret = read_header(&reader);
	if (ret)
		return ret;
	ret = read_sections(&reader);
	if (ret)
		return ret;
	ret = read_symbols(&reader);
	if (ret)
		return ret;
	return read_relocations(&reader);
}
