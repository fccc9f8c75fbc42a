// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * An ELF object that describes code elsewhere in memory. As debuggers expect of
 * JIT compilers, its type is relocatable, but its addresses are final.
 *
 * Every entry has its own section, without contents: one section for all would
 * cover the memory between them.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/gdbjit_prologue.h"
#include "log/log.h"

/* The sections after those of the code. */
enum ca__elf_part {
	CA__PART_FRAME,
	CA__PART_ABBREV,
	CA__PART_INFO,
	CA__PART_LINE,
	CA__PART_SYMBOLS,
	CA__PART_STRINGS,
	CA__PART_NAMES,
	CA__PARTS
};

static const struct {
	const char *name;
	uint32_t type;
	uint32_t align;
} ca__parts[CA__PARTS] = {
	{ ".debug_frame", SHT_PROGBITS, 8 },
	{ ".debug_abbrev", SHT_PROGBITS, 1 },
	{ ".debug_info", SHT_PROGBITS, 1 },
	{ ".debug_line", SHT_PROGBITS, 1 },
	{ ".symtab", SHT_SYMTAB, 8 },
	{ ".strtab", SHT_STRTAB, 1 },
	{ ".shstrtab", SHT_STRTAB, 1 },
};

struct ca__elf_made {
	const struct codearena_log_entry *entries;
	size_t count;
	uint32_t machine;
	struct ca__buffer parts[CA__PARTS];
	struct ca__buffer sections;
	struct ca__buffer file;
};

/* Entries may be longer than this library knows. */
static const struct codearena_log_entry *
ca__entry(const struct codearena_log_entry *entries, size_t i)
{
	return (const void *)((const char *)entries + i * entries->sz);
}

static int ca__entries_check(const struct codearena_log_entry *entries,
			     size_t count)
{
	size_t i;
	int ret;

	if (!entries || !count)
		return -EINVAL;
	if (count > CODEARENA_GDBJIT_MAX)
		return -EOVERFLOW;
	for (i = 0; i < count; i++) {
		if (i && ca__entry(entries, i)->sz != entries->sz)
			return -EINVAL;
		ret = ca__log_check(ca__entry(entries, i));
		if (ret)
			return ret;
	}
	return 0;
}

static void ca__elf_symbol(struct ca__elf_made *made, size_t i,
			   const struct codearena_log_entry *entry)
{
	struct ca__buffer *strings = &made->parts[CA__PART_STRINGS];
	Elf64_Sym symbol = {
		.st_name = strings->size,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = i + 1,
		.st_size = entry->size,
	};

	ca__buffer_put(&made->parts[CA__PART_SYMBOLS], &symbol,
		       sizeof(symbol));
	ca__buffer_name(strings, entry->name);
	ca__buffer_number(strings, 0, 1);
}

static void ca__elf_text(struct ca__elf_made *made, size_t i,
			 const struct codearena_log_entry *entry)
{
	struct ca__buffer *names = &made->parts[CA__PART_NAMES];
	Elf64_Shdr section = {
		.sh_name = names->size,
		.sh_type = SHT_NOBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = entry->address,
		.sh_offset = sizeof(Elf64_Ehdr),
		.sh_size = entry->size,
		.sh_addralign = 1,
	};
	char name[32] = ".text";

	if (i)
		snprintf(name, sizeof(name), ".text.%zu", i);
	ca__buffer_string(names, name);
	ca__buffer_put(&made->sections, &section, sizeof(section));
}

static void ca__elf_fill(struct ca__elf_made *made)
{
	static const Elf64_Shdr no_section;
	static const Elf64_Sym no_symbol;
	const struct codearena_log_entry *entry;
	size_t i, cie;

	ca__buffer_put(&made->sections, &no_section, sizeof(no_section));
	ca__buffer_put(&made->parts[CA__PART_SYMBOLS], &no_symbol,
		       sizeof(no_symbol));
	ca__buffer_string(&made->parts[CA__PART_STRINGS], "");
	ca__buffer_string(&made->parts[CA__PART_NAMES], "");
	ca__dwarf_abbrev(&made->parts[CA__PART_ABBREV]);
	cie = ca__dwarf_cie(&made->parts[CA__PART_FRAME], made->machine,
			    CA__DEBUG_FRAME);
	for (i = 0; i < made->count; i++) {
		entry = ca__entry(made->entries, i);
		ca__elf_text(made, i, entry);
		ca__elf_symbol(made, i, entry);
		ca__dwarf_unit(&made->parts[CA__PART_INFO],
			       &made->parts[CA__PART_LINE], entry);
		ca__dwarf_frame(&made->parts[CA__PART_FRAME], made->machine,
				CA__DEBUG_FRAME, cie, entry);
	}
}

static void ca__elf_parts(struct ca__elf_made *made)
{
	struct ca__buffer *names = &made->parts[CA__PART_NAMES];
	size_t name[CA__PARTS];
	Elf64_Shdr section;
	unsigned int i;

	/* All names first: their own section is one of the parts. */
	for (i = 0; i < CA__PARTS; i++) {
		name[i] = names->size;
		ca__buffer_string(names, ca__parts[i].name);
	}
	for (i = 0; i < CA__PARTS; i++) {
		ca__buffer_align(&made->file, 8);
		memset(&section, 0, sizeof(section));
		section.sh_name = name[i];
		section.sh_type = ca__parts[i].type;
		section.sh_offset = made->file.size;
		section.sh_size = made->parts[i].size;
		section.sh_addralign = ca__parts[i].align;
		if (i == CA__PART_SYMBOLS) {
			section.sh_entsize = sizeof(Elf64_Sym);
			section.sh_link = made->count + 1 + CA__PART_STRINGS;
			section.sh_info = 1;
		}
		ca__buffer_put(&made->file, made->parts[i].data,
			       made->parts[i].size);
		ca__buffer_put(&made->sections, &section, sizeof(section));
	}
	ca__buffer_align(&made->file, 8);
}

static void ca__elf_assemble(struct ca__elf_made *made)
{
	Elf64_Ehdr header = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE,
		},
		.e_type = ET_REL,
		.e_machine = made->machine,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = made->count + 1 + CA__PARTS,
		.e_shstrndx = made->count + 1 + CA__PART_NAMES,
	};

	ca__buffer_put(&made->file, &header, sizeof(header));
	ca__elf_parts(made);
	if (made->file.error)
		return;
	header.e_shoff = made->file.size;
	memcpy(made->file.data, &header, sizeof(header));
	ca__buffer_put(&made->file, made->sections.data, made->sections.size);
}

static int ca__elf_error(const struct ca__elf_made *made)
{
	unsigned int i;

	for (i = 0; i < CA__PARTS; i++) {
		if (made->parts[i].error)
			return made->parts[i].error;
	}
	return made->sections.error ? made->sections.error : made->file.error;
}

/**
 * ca__gdbjit_build - make an ELF object that describes code
 * @machine: EM_X86_64, EM_AARCH64 or EM_RISCV
 * @entries: code
 * @count: entries of @entries, 1 to CODEARENA_GDBJIT_MAX; all have the same @sz
 * @object: receives the object, to be freed by free(); NULL on failure
 * @size: receives its bytes
 *
 * The object has symbols, unwind information and source lines, but not the
 * code.
 *
 * Return: 0; as ca__log_check() for any entry; -EINVAL; -EOPNOTSUPP: another
 * machine; -EOVERFLOW: too many entries, or larger than 2 GiB; -ENOMEM.
 */
int ca__gdbjit_build(uint32_t machine,
		     const struct codearena_log_entry *entries, size_t count,
		     void **object, size_t *size)
{
	struct ca__elf_made made = {
		.entries = entries, .count = count, .machine = machine,
	};
	unsigned int i;
	int ret;

	if (!object || !size)
		return -EINVAL;
	*object = NULL;
	*size = 0;
	if (!ca__frame_registers(machine))
		return -EOPNOTSUPP;
	ret = ca__entries_check(entries, count);
	if (ret)
		return ret;
	ca__elf_fill(&made);
	ca__elf_assemble(&made);
	ret = ca__elf_error(&made);
	for (i = 0; i < CA__PARTS; i++)
		ca__buffer_drop(&made.parts[i]);
	ca__buffer_drop(&made.sections);
	if (ret) {
		ca__buffer_drop(&made.file);
		return ret;
	}
	*object = made.file.data;
	*size = made.file.size;
	return 0;
}
