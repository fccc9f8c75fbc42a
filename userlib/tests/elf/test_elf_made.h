/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Object files that no compiler writes, made by hand.
 */
#ifndef TEST_ELF_MADE_H
#define TEST_ELF_MADE_H

#include "elf/test_elf.h"

/*
 * A hand-made file: sections are appended one by one, their names and contents
 * with them; finish() adds the tables.
 */
#define MADE_SECTIONS	24
#define MADE_BYTES	16384

struct made {
	uint8_t bytes[MADE_BYTES];
	size_t size;
	Elf64_Shdr sections[MADE_SECTIONS];
	unsigned int count;
	char names[1024];
	size_t names_size;
	Elf64_Sym symbols[32];
	unsigned int symbol_count;
	char strings[1024];
	size_t strings_size;
	unsigned int symtab;	/* number that finish() will give it */
	uint16_t machine;
};

static inline void made_begin(struct made *made, uint16_t machine)
{
	memset(made, 0, sizeof(*made));
	made->size = sizeof(Elf64_Ehdr);
	made->count = 1;
	made->names_size = 1;
	made->strings_size = 1;
	made->symbol_count = 1;
	made->machine = machine;
}

static inline uint32_t made_string(char *table, size_t *size, const char *name)
{
	uint32_t at = *size;

	strcpy(table + at, name);
	*size += strlen(name) + 1;
	return at;
}

static inline unsigned int made_section(struct made *made, const char *name,
					uint32_t type, uint64_t flags,
					const void *bytes, size_t size)
{
	Elf64_Shdr *shdr = &made->sections[made->count];

	made->size = (made->size + 15) & ~15ULL;
	shdr->sh_name = made_string(made->names, &made->names_size, name);
	shdr->sh_type = type;
	shdr->sh_flags = flags;
	shdr->sh_offset = made->size;
	shdr->sh_size = size;
	shdr->sh_addralign = 16;
	if (type != SHT_NOBITS) {
		if (bytes)
			memcpy(made->bytes + made->size, bytes, size);
		made->size += size;
	}
	return made->count++;
}

static inline unsigned int made_symbol(struct made *made, const char *name,
				       unsigned int info, uint16_t section,
				       uint64_t value, uint64_t size)
{
	Elf64_Sym *sym = &made->symbols[made->symbol_count];

	sym->st_name = made_string(made->strings, &made->strings_size, name);
	sym->st_info = info;
	sym->st_shndx = section;
	sym->st_value = value;
	sym->st_size = size;
	return made->symbol_count++;
}

/* The symbol table follows the last table of relocations. */
static inline unsigned int made_rela(struct made *made, const char *name,
				     unsigned int section,
				     const Elf64_Rela *rela, size_t count)
{
	unsigned int index = made_section(made, name, SHT_RELA, SHF_INFO_LINK,
					  rela, count * sizeof(*rela));

	made->sections[index].sh_info = section;
	made->sections[index].sh_entsize = sizeof(*rela);
	return index;
}

static inline struct file made_finish(struct made *made)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = made->machine,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	unsigned int strtab, names;

	made->symtab = made_section(made, ".symtab", SHT_SYMTAB, 0,
				    made->symbols,
				    made->symbol_count * sizeof(Elf64_Sym));
	made->sections[made->symtab].sh_entsize = sizeof(Elf64_Sym);
	strtab = made_section(made, ".strtab", SHT_STRTAB, 0, made->strings,
			      made->strings_size);
	made->sections[made->symtab].sh_link = strtab;
	for (unsigned int i = 1; i < made->count; i++)
		if (made->sections[i].sh_type == SHT_RELA)
			made->sections[i].sh_link = made->symtab;
	names = made->count;
	/* Its own name is one of them. */
	made_section(made, ".shstrtab", SHT_STRTAB, 0, NULL,
		     made->names_size + sizeof(".shstrtab"));
	memcpy(made->bytes + made->sections[names].sh_offset, made->names,
	       made->names_size);
	header.e_shstrndx = names;
	header.e_shnum = made->count;
	made->size = (made->size + 15) & ~15ULL;
	header.e_shoff = made->size;
	memcpy(made->bytes + made->size, made->sections,
	       made->count * sizeof(Elf64_Shdr));
	made->size += made->count * sizeof(Elf64_Shdr);
	memcpy(made->bytes, &header, sizeof(header));
	return (struct file){ .bytes = made->bytes, .size = made->size };
}

#define FUNC	ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)
#define CODE	(SHF_ALLOC | SHF_EXECINSTR)

/* The file that the tests below change in one place each. */
static inline void simple_for(struct made *made, uint16_t machine,
			      uint32_t type)
{
	static const uint8_t nops[64] = { 0 };
	unsigned int text, data;
	Elf64_Rela rela = {
		.r_offset = 8,
		.r_info = ELF64_R_INFO(1ULL, type),
	};

	made_begin(made, machine);
	text = made_section(made, ".text", SHT_PROGBITS, CODE, nops, 64);
	data = made_section(made, ".data", SHT_PROGBITS,
			    SHF_ALLOC | SHF_WRITE, nops, 16);
	made_rela(made, ".rela.text", text, &rela, 1);
	made_symbol(made, "value", ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), data,
		    0, 4);
	made_symbol(made, "f", FUNC, text, 0, 64);
}

static inline void simple(struct made *made)
{
	simple_for(made, EM_X86_64, R_X86_64_PC32);
}

/* One that can be loaded. */
static inline void simple_native(struct made *made)
{
#if defined(__x86_64__)
	simple(made);
#elif defined(__aarch64__)
	simple_for(made, EM_AARCH64, R_AARCH64_PREL32);
#else
	simple_for(made, EM_RISCV, R_RISCV_32_PCREL);
#endif
}

enum { TEXT = 1, DATA, RELA, SYMTAB, STRTAB, NAMES };

static inline Elf64_Ehdr *header_of(struct made *made)
{
	return (Elf64_Ehdr *)made->bytes;
}

static inline Elf64_Shdr *section_of(struct made *made, unsigned int index)
{
	return (Elf64_Shdr *)(made->bytes + header_of(made)->e_shoff) + index;
}

#endif /* TEST_ELF_MADE_H */
