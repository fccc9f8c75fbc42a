// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Reading an object file: header, sections, symbols, relocations. All other
 * files rely on the checks made here: names end inside the file, symbols lie in
 * their sections, relocations refer to existing symbols and to fields inside
 * their sections, and sections do not overlap. The last one bounds the work
 * that a file of a given size can cause.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_internal.h"

/* Common symbols of the medium model; not in every <elf.h>. */
#define CA__SHN_X86_64_LCOMMON	0xff02

struct ca__elf_reader {
	struct codearena_elf *elf;
	Elf64_Ehdr header;
	uint32_t names;		/* section with the names of sections */
	uint32_t symtab;	/* section numbers, 0: there is none */
	uint32_t strtab;
	uint32_t xindex;
};

static int ca__elf_damaged(struct codearena_elf *elf, const char *what)
{
	return ca__elf_fail(elf, -ENOEXEC, "damaged file: %s", what);
}

static bool ca__elf_in_file(const struct codearena_elf *elf, uint64_t offset,
			    uint64_t length)
{
	return offset <= elf->size && length <= elf->size - offset;
}

static Elf64_Shdr ca__elf_section_header(const struct ca__elf_reader *reader,
					 uint32_t index)
{
	Elf64_Shdr shdr;

	memcpy(&shdr, reader->elf->image + reader->header.e_shoff +
	       (uint64_t)index * sizeof(shdr), sizeof(shdr));
	return shdr;
}

static int ca__elf_read_ident(struct codearena_elf *elf,
			      const Elf64_Ehdr *header)
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

static int ca__elf_read_header(struct ca__elf_reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Ehdr *header = &reader->header;
	Elf64_Shdr first;
	uint64_t count;
	int ret;

	if (elf->size < sizeof(*header))
		return ca__elf_fail(elf, -ENOEXEC, "too short for an ELF file");
	memcpy(header, elf->image, sizeof(*header));
	ret = ca__elf_read_ident(elf, header);
	if (ret)
		return ret;

	switch (header->e_machine) {
	case EM_X86_64:
		elf->machine = &ca__elf_x86_64;
		break;
	case EM_AARCH64:
		elf->machine = &ca__elf_aarch64;
		break;
	case EM_RISCV:
		elf->machine = &ca__elf_riscv64;
		break;
	default:
		return ca__elf_fail(elf, -ENOEXEC,
				    "machine %u is not supported",
				    header->e_machine);
	}

	if (header->e_shentsize != sizeof(Elf64_Shdr))
		return ca__elf_damaged(elf, "size of section headers");
	if (!header->e_shoff ||
	    !ca__elf_in_file(elf, header->e_shoff, sizeof(first)))
		return ca__elf_damaged(elf, "place of section headers");
	/* Section 0 holds the numbers that do not fit the header. */
	first = ca__elf_section_header(reader, 0);
	count = header->e_shnum ? header->e_shnum : first.sh_size;
	if (!count || count > elf->size / sizeof(Elf64_Shdr) ||
	    !ca__elf_in_file(elf, header->e_shoff, count * sizeof(Elf64_Shdr)))
		return ca__elf_damaged(elf, "number of section headers");
	elf->section_count = count;
	reader->names = header->e_shstrndx == SHN_XINDEX ?
			first.sh_link : header->e_shstrndx;
	return 0;
}

struct ca__elf_extent {
	uint64_t start;
	uint64_t end;
};

static int ca__elf_extent_compare(const void *a, const void *b)
{
	const struct ca__elf_extent *left = a;
	const struct ca__elf_extent *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static int ca__elf_check_extents(const struct ca__elf_reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	struct ca__elf_extent *extents;
	uint32_t count = 0;
	int ret = 0;

	extents = calloc(elf->section_count, sizeof(*extents));
	if (!extents)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 1; i < elf->section_count; i++) {
		Elf64_Shdr shdr = ca__elf_section_header(reader, i);

		if (shdr.sh_type == SHT_NOBITS || shdr.sh_type == SHT_NULL ||
		    !shdr.sh_size)
			continue;
		if (!ca__elf_in_file(elf, shdr.sh_offset, shdr.sh_size)) {
			ret = ca__elf_damaged(elf,
					      "a section ends after the file");
			goto out;
		}
		extents[count].start = shdr.sh_offset;
		extents[count++].end = shdr.sh_offset + shdr.sh_size;
	}
	if (count)
		qsort(extents, count, sizeof(*extents), ca__elf_extent_compare);
	for (uint32_t i = 1; i < count; i++) {
		if (extents[i].start < extents[i - 1].end) {
			ret = ca__elf_damaged(elf, "sections overlap");
			goto out;
		}
	}
out:
	free(extents);
	return ret;
}

/* A string table; its last byte must be NUL. */
static int ca__elf_read_strings(const struct ca__elf_reader *reader,
				uint32_t index, const char **strings,
				uint64_t *size)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr;

	if (!index || index >= elf->section_count)
		return ca__elf_damaged(elf, "number of a string table");
	shdr = ca__elf_section_header(reader, index);
	if (shdr.sh_type != SHT_STRTAB || !shdr.sh_size)
		return ca__elf_damaged(elf, "type of a string table");
	*strings = (const char *)elf->image + shdr.sh_offset;
	*size = shdr.sh_size;
	if ((*strings)[*size - 1])
		return ca__elf_damaged(elf, "end of a string table");
	return 0;
}

static bool ca__elf_has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int ca__elf_unsupported(struct codearena_elf *elf, const char *what,
			       const char *name)
{
	return ca__elf_fail(elf, -ENOTSUP, "%s: %.*s", what,
			    CA__ELF_NAME_SHOWN, name);
}

static int ca__elf_classify_unwind(const struct codearena_elf *elf,
				   struct ca__elf_section *section)
{
	if (elf->open_flags & CODEARENA_ELF_OPEN_F_UNWIND) {
		section->where = CA__ELF_RODATA;
		section->role = CA__ELF_UNWIND;
	}
	return 0;
}

/* Sealed: nobody has to write to it once it is relocated. */
static int ca__elf_classify_array(struct codearena_elf *elf,
				  const Elf64_Shdr *shdr,
				  struct ca__elf_section *section)
{
	if (!(elf->open_flags & CODEARENA_ELF_OPEN_F_CONSTRUCT))
		return ca__elf_unsupported(elf, "constructors or destructors",
					   section->name);
	if (shdr->sh_size % sizeof(uint64_t) ||
	    shdr->sh_addralign % sizeof(uint64_t))
		return ca__elf_damaged(elf, "array of constructors");
	section->where = CA__ELF_RODATA;
	section->role = shdr->sh_type == SHT_INIT_ARRAY ? CA__ELF_INIT :
							  CA__ELF_FINI;
	return 0;
}

/* Decide where a section with SHF_ALLOC goes. */
static int ca__elf_classify(struct codearena_elf *elf, const Elf64_Shdr *shdr,
			    struct ca__elf_section *section)
{
	const char *name = section->name;

	switch (shdr->sh_type) {
	case SHT_PROGBITS:
	case SHT_NOBITS:
		break;
	case SHT_NOTE:
		return 0;
	case SHT_X86_64_UNWIND:
		return ca__elf_classify_unwind(elf, section);
	case SHT_INIT_ARRAY:
	case SHT_FINI_ARRAY:
		return ca__elf_classify_array(elf, shdr, section);
	case SHT_PREINIT_ARRAY:
		return ca__elf_unsupported(elf, "constructors or destructors",
					   name);
	default:
		return ca__elf_unsupported(elf, "type of section", name);
	}
	if (!strcmp(name, ".eh_frame"))
		return ca__elf_classify_unwind(elf, section);
	if (ca__elf_has_prefix(name, ".ctors") ||
	    ca__elf_has_prefix(name, ".dtors"))
		return ca__elf_unsupported(elf, "constructors or destructors",
					   name);
	if (shdr->sh_flags & SHF_TLS)
		return ca__elf_unsupported(elf, "thread-local storage", name);
	if (shdr->sh_flags & SHF_COMPRESSED)
		return ca__elf_unsupported(elf, "compressed section", name);

	if (shdr->sh_flags & SHF_EXECINSTR) {
		if (shdr->sh_flags & SHF_WRITE)
			return ca__elf_unsupported(elf, "writable code", name);
		if (shdr->sh_type == SHT_NOBITS)
			return ca__elf_damaged(elf, "code without bytes");
		section->where = CA__ELF_CODE;
	} else if (shdr->sh_flags & SHF_WRITE &&
		   !ca__elf_has_prefix(name, ".data.rel.ro") &&
		   !ca__elf_has_prefix(name, ".ldata.rel.ro")) {
		section->where = CA__ELF_DATA;
	} else {
		section->where = CA__ELF_RODATA;
	}
	return 0;
}

static int ca__elf_read_section(struct ca__elf_reader *reader, uint32_t index,
				const char *names, uint64_t names_size)
{
	struct ca__elf_section *section = &reader->elf->sections[index];
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr = ca__elf_section_header(reader, index);
	int ret;

	if (shdr.sh_name >= names_size)
		return ca__elf_damaged(elf, "name of a section");
	section->name = names + shdr.sh_name;
	section->size = shdr.sh_size;

	switch (shdr.sh_type) {
	case SHT_SYMTAB:
		if (reader->symtab)
			return ca__elf_damaged(elf, "two symbol tables");
		reader->symtab = index;
		reader->strtab = shdr.sh_link;
		break;
	case SHT_SYMTAB_SHNDX:
		if (reader->xindex)
			return ca__elf_damaged(elf,
					       "two tables of section numbers");
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
	ret = ca__elf_classify(elf, &shdr, section);
	if (ret || section->where == CA__ELF_NOWHERE)
		return ret;
	section->align = shdr.sh_addralign ? shdr.sh_addralign : 1;
	if (section->align & (section->align - 1))
		return ca__elf_damaged(elf, "alignment of a section");
	if (section->align > CA__ELF_MAX_ALIGN)
		return ca__elf_unsupported(elf,
					   "alignment of more than 4096 bytes",
					   section->name);
	if (shdr.sh_type != SHT_NOBITS && shdr.sh_size)
		section->bytes = elf->image + shdr.sh_offset;
	return 0;
}

static int ca__elf_read_sections(struct ca__elf_reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	const char *names = NULL;
	uint64_t names_size = 0;
	int ret;

	ret = ca__elf_check_extents(reader);
	if (ret)
		return ret;
	ret = ca__elf_read_strings(reader, reader->names, &names, &names_size);
	if (ret)
		return ret;
	elf->sections = calloc(elf->section_count, sizeof(*elf->sections));
	if (!elf->sections)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	elf->sections[0].name = "";
	for (uint32_t i = 1; i < elf->section_count; i++) {
		ret = ca__elf_read_section(reader, i, names, names_size);
		if (ret)
			return ret;
	}
	return 0;
}

static int ca__elf_symbol_home(const struct ca__elf_reader *reader,
			       uint32_t index, const Elf64_Sym *sym,
			       struct ca__elf_symbol *symbol)
{
	struct codearena_elf *elf = reader->elf;
	uint32_t section = sym->st_shndx;
	Elf64_Shdr table;

	if (section == CA__SHN_X86_64_LCOMMON &&
	    elf->machine->machine == EM_X86_64)
		section = SHN_COMMON;
	switch (section) {
	case SHN_UNDEF:
		symbol->home = CA__ELF_UNDEFINED;
		return 0;
	case SHN_ABS:
		symbol->home = CA__ELF_ABSOLUTE;
		return 0;
	case SHN_COMMON:
		symbol->home = CA__ELF_COMMON;
		if (!sym->st_value || sym->st_value & (sym->st_value - 1))
			return ca__elf_damaged(elf,
					       "alignment of a common symbol");
		if (sym->st_value > CA__ELF_MAX_ALIGN)
			return ca__elf_unsupported(
				elf, "alignment of more than 4096 bytes",
				symbol->name);
		return 0;
	case SHN_XINDEX:
		if (!reader->xindex)
			return ca__elf_damaged(elf,
					       "no table of section numbers");
		table = ca__elf_section_header(reader, reader->xindex);
		if (index >= table.sh_size / sizeof(section))
			return ca__elf_damaged(elf, "table of section numbers");
		memcpy(&section, elf->image + table.sh_offset +
		       (uint64_t)index * sizeof(section), sizeof(section));
		break;
	default:
		if (section >= SHN_LORESERVE)
			return ca__elf_damaged(elf,
					       "section number of a symbol");
	}
	if (!section || section >= elf->section_count)
		return ca__elf_damaged(elf, "section number of a symbol");
	symbol->home = CA__ELF_IN_SECTION;
	symbol->section = section;
	if (sym->st_value > elf->sections[section].size)
		return ca__elf_damaged(elf, "a symbol leaves its section");
	/* What assembly says with .size may be wrong. */
	if (sym->st_size > elf->sections[section].size - sym->st_value)
		return ca__elf_fail(elf, -ENOEXEC,
				    "the size of %.*s exceeds its section",
				    CA__ELF_NAME_SHOWN, symbol->name);
	return 0;
}

static void ca__elf_note_function(struct codearena_elf *elf,
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

static int ca__elf_read_symbol(const struct ca__elf_reader *reader,
			       uint32_t index, const Elf64_Sym *sym,
			       const char *names, uint64_t names_size)
{
	struct codearena_elf *elf = reader->elf;
	struct ca__elf_symbol *symbol = &elf->symbols[index];
	int ret;

	if (sym->st_name >= names_size)
		return ca__elf_damaged(elf, "name of a symbol");
	symbol->name = names + sym->st_name;
	symbol->value = sym->st_value;
	symbol->size = sym->st_size;
	symbol->type = ELF64_ST_TYPE(sym->st_info);
	symbol->bind = ELF64_ST_BIND(sym->st_info);
	symbol->got = CA__ELF_NONE;
	symbol->stub = CA__ELF_NONE;
	/* Symbol 0 stands for the value 0. */
	if (!index) {
		symbol->home = CA__ELF_ABSOLUTE;
		symbol->value = 0;
		return 0;
	}
	if (symbol->type == STT_GNU_IFUNC)
		return ca__elf_unsupported(elf, "indirect function",
					   symbol->name);
	/* Marks files with intermediate code only. */
	if (!strcmp(symbol->name, "__gnu_lto_slim"))
		return ca__elf_fail(elf, -ENOTSUP,
				    "built with -flto, holds no code");
	ret = ca__elf_symbol_home(reader, index, sym, symbol);
	if (ret)
		return ret;
	if (symbol->type == STT_TLS && symbol->home != CA__ELF_UNDEFINED)
		return ca__elf_unsupported(elf, "thread-local storage",
					   symbol->name);
	if (symbol->type == STT_FUNC && symbol->home == CA__ELF_IN_SECTION)
		ca__elf_note_function(elf, symbol);
	return 0;
}

static int ca__elf_read_symbols(struct ca__elf_reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	uint64_t names_size;
	const char *names;
	Elf64_Shdr shdr;
	int ret;

	if (!reader->symtab)
		return 0;
	ret = ca__elf_read_strings(reader, reader->strtab, &names, &names_size);
	if (ret)
		return ret;
	shdr = ca__elf_section_header(reader, reader->symtab);
	if (shdr.sh_entsize != sizeof(Elf64_Sym) ||
	    shdr.sh_size % sizeof(Elf64_Sym))
		return ca__elf_damaged(elf, "size of the symbol table");
	if (shdr.sh_size / sizeof(Elf64_Sym) >= CA__ELF_NONE)
		return ca__elf_damaged(elf, "number of symbols");
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
		ret = ca__elf_read_symbol(reader, i, &sym, names, names_size);
		if (ret)
			return ret;
	}
	return 0;
}

static int ca__elf_check_reloc(struct codearena_elf *elf,
			       const struct ca__elf_section *section,
			       const Elf64_Rela *rela)
{
	uint64_t index = ELF64_R_SYM(rela->r_info);
	const struct ca__elf_kind *kind;
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	struct ca__elf_symbol *symbol;
	char number[16];

	kind = ca__elf_kind(elf->machine, type);
	if (!kind)
		return ca__elf_fail(elf, -ENOTSUP,
				    "%s relocation %s at %.*s+0x%llx is not supported",
				    elf->machine->name,
				    ca__elf_kind_name(elf->machine, type,
						      number),
				    CA__ELF_NAME_SHOWN, section->name,
				    (unsigned long long)rela->r_offset);
	if (!kind->width)
		return 0;
	if (rela->r_offset > section->size ||
	    kind->width > section->size - rela->r_offset)
		return ca__elf_damaged(elf, "a relocation leaves its section");
	if (kind->flags & CA__ELF_KIND_INSN &&
	    ((rela->r_offset | section->align) & (elf->machine->insn_align - 1)))
		return ca__elf_damaged(elf, "a relocation of no instruction");
	if (index >= elf->symbol_count)
		return ca__elf_damaged(elf, "symbol number of a relocation");

	symbol = &elf->symbols[index];
	if (symbol->type == STT_TLS)
		return ca__elf_unsupported(elf, "thread-local storage",
					   symbol->name);
	if (symbol->home == CA__ELF_IN_SECTION &&
	    elf->sections[symbol->section].where == CA__ELF_NOWHERE)
		return ca__elf_unsupported(
			elf, "use of a section that is not loaded",
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

static int ca__elf_read_reloc_table(const struct ca__elf_reader *reader,
				    uint32_t index)
{
	struct codearena_elf *elf = reader->elf;
	Elf64_Shdr shdr = ca__elf_section_header(reader, index);
	struct ca__elf_relocs *relocs;
	int ret;

	if (shdr.sh_info >= elf->section_count)
		return ca__elf_damaged(elf, "section number of relocations");
	if (elf->sections[shdr.sh_info].where == CA__ELF_NOWHERE ||
	    !shdr.sh_size)
		return 0;
	if (shdr.sh_type == SHT_REL)
		return ca__elf_unsupported(elf, "relocations without addends",
					   elf->sections[index].name);
	if (shdr.sh_link != reader->symtab || !reader->symtab)
		return ca__elf_damaged(elf, "symbol table of relocations");
	if (shdr.sh_entsize != sizeof(Elf64_Rela) ||
	    shdr.sh_size % sizeof(Elf64_Rela))
		return ca__elf_damaged(elf, "size of relocations");
	if (!elf->sections[shdr.sh_info].bytes)
		return ca__elf_damaged(
			elf, "relocations of a section without bytes");

	relocs = &elf->relocs[elf->reloc_count++];
	relocs->section = shdr.sh_info;
	relocs->bytes = elf->image + shdr.sh_offset;
	relocs->count = shdr.sh_size / sizeof(Elf64_Rela);
	for (uint64_t i = 0; i < relocs->count; i++) {
		Elf64_Rela rela;

		memcpy(&rela, relocs->bytes + i * sizeof(rela), sizeof(rela));
		ret = ca__elf_check_reloc(elf, &elf->sections[relocs->section],
					  &rela);
		if (ret)
			return ret;
		if (ca__elf_kind(elf->machine, ELF64_R_TYPE(rela.r_info))->flags &
		    CA__ELF_KIND_LOW)
			relocs->lows = true;
	}
	return 0;
}

static int ca__elf_read_relocs(const struct ca__elf_reader *reader)
{
	struct codearena_elf *elf = reader->elf;
	uint32_t tables = elf->reloc_count;
	int ret;

	/* Counted again, without the tables of sections that are not loaded. */
	elf->reloc_count = 0;
	if (!tables)
		return 0;
	elf->relocs = calloc(tables, sizeof(*elf->relocs));
	if (!elf->relocs)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 1; i < elf->section_count; i++) {
		Elf64_Shdr shdr = ca__elf_section_header(reader, i);

		if (shdr.sh_type != SHT_RELA && shdr.sh_type != SHT_REL)
			continue;
		ret = ca__elf_read_reloc_table(reader, i);
		if (ret)
			return ret;
	}
	return 0;
}

int ca__elf_parse(struct codearena_elf *elf)
{
	struct ca__elf_reader reader = { .elf = elf };
	int ret;

	ret = ca__elf_read_header(&reader);
	if (ret)
		return ret;
	ret = ca__elf_read_sections(&reader);
	if (ret)
		return ret;
	ret = ca__elf_read_symbols(&reader);
	if (ret)
		return ret;
	return ca__elf_read_relocs(&reader);
}
