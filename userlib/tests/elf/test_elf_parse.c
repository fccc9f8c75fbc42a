// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Files that are wrong in one place, and why they are refused.
 */
#include <time.h>

#include "elf/test_elf_check.h"
#include "elf/test_elf_made.h"

static void simple_is_right(void **state)
{
	static struct made made;
	struct file file;
	struct codearena_elf *elf;

	(void)state;
	simple(&made);
	file = made_finish(&made);
	elf = open_right(&file);
	assert_int_equal(count_symbols(elf), 2);
	assert_int_equal(link_anywhere(elf), 0);
	codearena_elf_close(elf);
}

static void wrong_header(void **state)
{
	static const struct {
		size_t offset;
		uint64_t value;
		const char *why;
		uint32_t width;
	} wrong[] = {
		{ EI_MAG1, 'X', "not an ELF", 1 },
		{ EI_CLASS, ELFCLASS32, "ELF64", 1 },
		{ EI_DATA, ELFDATA2MSB, "little-endian", 1 },
		{ EI_VERSION, 2, "version", 1 },
		{ EI_OSABI, ELFOSABI_FREEBSD, "system", 1 },
		{ offsetof(Elf64_Ehdr, e_version), 0, "version", 4 },
		{ offsetof(Elf64_Ehdr, e_type), ET_EXEC, "relocatable", 2 },
		{ offsetof(Elf64_Ehdr, e_type), ET_DYN, "relocatable", 2 },
		{ offsetof(Elf64_Ehdr, e_machine), EM_S390, "machine 22", 2 },
		{ offsetof(Elf64_Ehdr, e_shentsize), 63, "size of", 2 },
		{ offsetof(Elf64_Ehdr, e_shoff), 0, "place of", 8 },
		{ offsetof(Elf64_Ehdr, e_shoff), UINT64_MAX, "place of", 8 },
		{ offsetof(Elf64_Ehdr, e_shoff), UINT64_MAX - 63, "place of",
		  8 },
		{ offsetof(Elf64_Ehdr, e_shnum), 0, "number of", 2 },
		{ offsetof(Elf64_Ehdr, e_shnum), 8, "number of", 2 },
		{ offsetof(Elf64_Ehdr, e_shnum), 0xffff, "number of", 2 },
		{ offsetof(Elf64_Ehdr, e_shstrndx), 0, "string table", 2 },
		{ offsetof(Elf64_Ehdr, e_shstrndx), 7, "string table", 2 },
		{ offsetof(Elf64_Ehdr, e_shstrndx), TEXT, "string table", 2 },
		{ offsetof(Elf64_Ehdr, e_shstrndx), 0xffff, "string table", 2 },
	};
	static struct made made;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct file file;

		simple(&made);
		file = made_finish(&made);
		memcpy(file.bytes + wrong[i].offset, &wrong[i].value,
		       wrong[i].width);
		refused(&file, -ENOEXEC, wrong[i].why);
	}
}

static void wrong_sections(void **state)
{
#define MEMBER(name) offsetof(Elf64_Shdr, name), sizeof(((Elf64_Shdr *)0)->name)
	static const struct {
		unsigned int section;
		size_t offset;
		size_t width;
		uint64_t value;
		int ret;
		const char *why;
	} wrong[] = {
		{ TEXT, MEMBER(sh_name), 0xffffffff, -ENOEXEC, "name" },
		{ TEXT, MEMBER(sh_offset), UINT64_MAX, -ENOEXEC, "after" },
		{ TEXT, MEMBER(sh_offset), 0xa0, -ENOEXEC, "overlap" },
		{ TEXT, MEMBER(sh_size), UINT64_MAX, -ENOEXEC, "after" },
		{ TEXT, MEMBER(sh_size), 0x60, -ENOEXEC, "overlap" },
		{ TEXT, MEMBER(sh_size), 65, -ENOEXEC, "overlap" },
		{ TEXT, MEMBER(sh_size), 32, -ENOEXEC, "exceeds its section" },
		{ TEXT, MEMBER(sh_addralign), 3, -ENOEXEC, "alignment" },
		{ TEXT, MEMBER(sh_addralign), 8192, -ENOTSUP, "alignment" },
		{ TEXT, MEMBER(sh_type), SHT_NOBITS, -ENOEXEC,
		  "without bytes" },
		{ TEXT, MEMBER(sh_flags), CODE | SHF_WRITE, -ENOTSUP,
		  "writable code: .text" },
		{ TEXT, MEMBER(sh_type), SHT_STRTAB, -ENOTSUP,
		  "type of section: .text" },
		{ TEXT, MEMBER(sh_flags), CODE | SHF_COMPRESSED, -ENOTSUP,
		  "compressed section: .text" },
		{ DATA, MEMBER(sh_flags), SHF_ALLOC | SHF_WRITE | SHF_TLS,
		  -ENOTSUP, "thread-local storage: .data" },
		{ DATA, MEMBER(sh_type), SHT_INIT_ARRAY, -ENOTSUP,
		  "constructors or destructors: .data" },
		{ DATA, MEMBER(sh_flags), 0, -ENOTSUP, "not loaded: .data" },
		{ RELA, MEMBER(sh_link), STRTAB, -ENOEXEC, "symbol table of" },
		{ RELA, MEMBER(sh_info), 99, -ENOEXEC, "section number of" },
		{ RELA, MEMBER(sh_entsize), 16, -ENOEXEC,
		  "size of relocations" },
		{ RELA, MEMBER(sh_size), 23, -ENOEXEC, "size of relocations" },
		{ RELA, MEMBER(sh_type), SHT_REL, -ENOTSUP, "without addends" },
		{ SYMTAB, MEMBER(sh_entsize), 16, -ENOEXEC,
		  "size of the symbol" },
		{ SYMTAB, MEMBER(sh_size), 71, -ENOEXEC, "size of the symbol" },
		{ SYMTAB, MEMBER(sh_size), 24, -ENOEXEC, "symbol number" },
		{ SYMTAB, MEMBER(sh_link), 99, -ENOEXEC, "string table" },
		{ SYMTAB, MEMBER(sh_link), 0, -ENOEXEC, "string table" },
		{ SYMTAB, MEMBER(sh_link), DATA, -ENOEXEC, "string table" },
		{ SYMTAB, MEMBER(sh_type), SHT_PROGBITS, -ENOEXEC,
		  "symbol table of" },
		{ STRTAB, MEMBER(sh_size), 5, -ENOEXEC, "end of a string" },
		{ STRTAB, MEMBER(sh_size), 0, -ENOEXEC, "type of a string" },
		{ STRTAB, MEMBER(sh_type), SHT_SYMTAB, -ENOEXEC,
		  "two symbol tables" },
	};
#undef MEMBER
	static struct made made;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct file file;

		simple(&made);
		file = made_finish(&made);
		memcpy((uint8_t *)section_of(&made, wrong[i].section) +
		       wrong[i].offset, &wrong[i].value, wrong[i].width);
		refused(&file, wrong[i].ret, wrong[i].why);
	}
}

static void wrong_symbols(void **state)
{
	static const struct {
		Elf64_Sym sym;
		int ret;
		const char *why;
	} wrong[] = {
		{ { 9999, FUNC, 0, TEXT, 0, 0 }, -ENOEXEC, "name of a symbol" },
		{ { 1, FUNC, 0, TEXT, 65, 0 }, -ENOEXEC, "leaves" },
		{ { 1, FUNC, 0, TEXT, 64, 1 }, -ENOEXEC, "exceeds" },
		{ { 1, FUNC, 0, TEXT, 1, UINT64_MAX }, -ENOEXEC, "exceeds" },
		{ { 1, FUNC, 0, 7, 0, 0 }, -ENOEXEC, "section number" },
		{ { 1, FUNC, 0, SHN_LORESERVE, 0, 0 }, -ENOEXEC,
		  "section number" },
		{ { 1, FUNC, 0, SHN_XINDEX, 0, 0 }, -ENOEXEC,
		  "no table of section numbers" },
		{ { 1, FUNC, 0, SHN_COMMON, 0, 8 }, -ENOEXEC, "common" },
		{ { 1, FUNC, 0, SHN_COMMON, 12, 8 }, -ENOEXEC, "common" },
		{ { 1, FUNC, 0, SHN_COMMON, 8192, 8 }, -ENOTSUP, "alignment" },
		{ { 1, ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC), 0, TEXT, 0,
		    0 }, -ENOTSUP, "indirect function: value" },
		{ { 1, ELF64_ST_INFO(STB_GLOBAL, STT_TLS), 0, DATA, 0, 4 },
		  -ENOTSUP, "thread-local storage: value" },
		{ { 1, ELF64_ST_INFO(STB_GLOBAL, STT_TLS), 0, SHN_UNDEF, 0,
		    0 }, -ENOTSUP, "thread-local storage: value" },
	};
	static struct made made;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct file file;

		simple(&made);
		made.symbols[1] = wrong[i].sym;
		file = made_finish(&made);
		refused(&file, wrong[i].ret, wrong[i].why);
	}
}

static void wrong_relocations(void **state)
{
	static const struct {
		Elf64_Rela rela;
		int ret;
		const char *why;
	} wrong[] = {
		{ { 61, ELF64_R_INFO(1ULL, R_X86_64_PC32), 0 }, -ENOEXEC,
		  "leaves its section" },
		{ { 64, ELF64_R_INFO(1ULL, R_X86_64_PC32), 0 }, -ENOEXEC,
		  "leaves its section" },
		{ { UINT64_MAX, ELF64_R_INFO(1ULL, R_X86_64_PC32), 0 },
		  -ENOEXEC, "leaves its section" },
		{ { 57, ELF64_R_INFO(1ULL, R_X86_64_64), 0 }, -ENOEXEC,
		  "leaves its section" },
		{ { 8, ELF64_R_INFO(3ULL, R_X86_64_PC32), 0 }, -ENOEXEC,
		  "symbol number" },
		{ { 8, ELF64_R_INFO(0xffffffffULL, R_X86_64_PC32), 0 },
		  -ENOEXEC, "symbol number" },
		{ { 8, ELF64_R_INFO(1ULL, R_X86_64_TLSGD), 0 }, -ENOTSUP,
		  "x86-64 relocation R_X86_64_TLSGD at .text+0x8 is not supported" },
		{ { 8, ELF64_R_INFO(1ULL, 99), 0 }, -ENOTSUP,
		  "x86-64 relocation 99 at .text+0x8 is not supported" },
	};
	static struct made made;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct file file;

		simple(&made);
		file = made_finish(&made);
		memcpy(file.bytes + section_of(&made, RELA)->sh_offset,
		       &wrong[i].rela, sizeof(Elf64_Rela));
		refused(&file, wrong[i].ret, wrong[i].why);
	}
	/* The last places that are still inside. */
	for (int wide = 0; wide < 2; wide++) {
		Elf64_Rela rela = {
			.r_offset = wide ? 56 : 60,
			.r_info = ELF64_R_INFO(2ULL, wide ? R_X86_64_64 :
							    R_X86_64_PC32),
		};
		struct file file;

		simple(&made);
		file = made_finish(&made);
		memcpy(file.bytes + section_of(&made, RELA)->sh_offset, &rela,
		       sizeof(rela));
		exercise(&file);
		codearena_elf_close(open_right(&file));
	}
}

static void misaligned_instruction(void **state)
{
	Elf64_Rela rela = {
		.r_offset = 2,
		.r_info = ELF64_R_INFO(1ULL, R_AARCH64_CALL26),
	};
	static struct made made;
	struct file file;

	(void)state;
	made_begin(&made, EM_AARCH64);
	made_section(&made, ".text", SHT_PROGBITS, CODE, NULL, 64);
	made_rela(&made, ".rela.text", TEXT, &rela, 1);
	made_symbol(&made, "f", FUNC, TEXT, 0, 64);
	file = made_finish(&made);
	refused(&file, -ENOEXEC, "no instruction");
}

static void relocations_of_bss(void **state)
{
	Elf64_Rela rela = { .r_info = ELF64_R_INFO(1ULL, R_X86_64_64) };
	static struct made made;
	struct file file;

	(void)state;
	made_begin(&made, EM_X86_64);
	made_section(&made, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL,
		     64);
	made_rela(&made, ".rela.bss", TEXT, &rela, 1);
	made_symbol(&made, "b", FUNC, TEXT, 0, 64);
	file = made_finish(&made);
	refused(&file, -ENOEXEC, "without bytes");
}

/* Numbers of sections beyond the range of a symbol's member. */
static void extended_numbers(void **state)
{
	uint32_t numbers[3] = { 0, DATA, TEXT };
	static struct made made;
	struct codearena_elf *elf;
	Elf64_Ehdr *header;
	struct file file;

	(void)state;
	simple(&made);
	made.symbols[1].st_shndx = SHN_XINDEX;
	made.symbols[2].st_shndx = SHN_XINDEX;
	made_section(&made, ".symtab_shndx", SHT_SYMTAB_SHNDX, 0, numbers,
		     sizeof(numbers));
	file = made_finish(&made);
	header = header_of(&made);
	section_of(&made, 0)->sh_size = header->e_shnum;
	section_of(&made, 0)->sh_link = header->e_shstrndx;
	header->e_shnum = 0;
	header->e_shstrndx = SHN_XINDEX;
	elf = open_right(&file);
	assert_int_equal(elf->symbols[1].section, DATA);
	assert_int_equal(elf->symbols[2].section, TEXT);
	assert_int_equal(link_anywhere(elf), 0);
	codearena_elf_close(elf);

	/* A table that is too short, and numbers that do not exist. */
	section_of(&made, 4)->sh_size = 8;
	refused(&file, -ENOEXEC, "table of section numbers");
	section_of(&made, 4)->sh_size = 12;
	numbers[1] = 9;
	memcpy(file.bytes + section_of(&made, 4)->sh_offset, numbers,
	       sizeof(numbers));
	refused(&file, -ENOEXEC, "section number of a symbol");
	section_of(&made, 0)->sh_size = UINT64_MAX;
	refused(&file, -ENOEXEC, "number of section headers");
}

static void sizes_beyond_address_space(void **state)
{
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	static struct made made;
	struct codearena_elf *elf;
	struct file file;

	(void)state;
	simple(&made);
	for (int i = 0; i < 3; i++)
		made_section(&made, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE,
			     NULL, UINT64_MAX - 8);
	file = made_finish(&made);
	elf = open_right(&file);
	assert_int_equal(codearena_elf_measure(elf, 64, &layout), -EOVERFLOW);
	codearena_elf_close(elf);

	simple(&made);
	made_symbol(&made, "common", FUNC, SHN_COMMON, 16, UINT64_MAX);
	file = made_finish(&made);
	elf = open_right(&file);
	assert_int_equal(codearena_elf_measure(elf, 64, &layout), -EOVERFLOW);
	assert_non_null(strstr(codearena_elf_error(elf), "address space"));
	codearena_elf_close(elf);
}

/* A file with @count symbols, each of whose names is the end of the one before. */
static struct file overlapping(uint32_t count)
{
	size_t strings = sizeof(Elf64_Ehdr), symbols, table;
	struct file file = { .size = 0 };
	Elf64_Shdr sections[3] = { { .sh_type = SHT_NULL } };
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 1,
	};

	symbols = strings + ((count + 2) + 7) / 8 * 8;
	table = symbols + (count + 1) * sizeof(Elf64_Sym);
	file.size = table + sizeof(sections);
	file.bytes = calloc(1, file.size);
	assert_non_null(file.bytes);
	header.e_shoff = table;
	memcpy(file.bytes, &header, sizeof(header));
	memset(file.bytes + strings + 1, 'a', count);
	for (uint32_t i = 1; i <= count; i++) {
		Elf64_Sym sym = {
			.st_name = i, .st_shndx = SHN_ABS,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
		};

		memcpy(file.bytes + symbols + i * sizeof(sym), &sym,
		       sizeof(sym));
	}
	sections[1].sh_type = SHT_STRTAB;
	sections[1].sh_offset = strings;
	sections[1].sh_size = count + 2;
	sections[2].sh_type = SHT_SYMTAB;
	sections[2].sh_link = 1;
	sections[2].sh_offset = symbols;
	sections[2].sh_size = (count + 1) * sizeof(Elf64_Sym);
	sections[2].sh_entsize = sizeof(Elf64_Sym);
	memcpy(file.bytes + table, sections, sizeof(sections));
	return file;
}

static uint64_t time_of_open(uint32_t count)
{
	struct file file = overlapping(count);
	struct codearena_elf *elf;
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(codearena_elf_open(file.bytes, file.size, NULL, &elf),
			 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_int_equal(count_symbols(elf), count);
	codearena_elf_close(elf);
	free(file.bytes);
	return (after.tv_sec - before.tv_sec) * 1000000000ULL + after.tv_nsec -
	       before.tv_nsec;
}

/*
 * With quadratic time the larger file takes sixteen times as long. What else the
 * machine does makes a run longer, never shorter: the shortest of some is taken, and
 * of more while that one is too long.
 */
static void overlapping_names(void **state)
{
	uint64_t small = UINT64_MAX, large = UINT64_MAX, took;
	unsigned int run;

	(void)state;
	for (run = 0; run < 3 || (large >= 9 * small && run < 60); run++) {
		took = time_of_open(20000);
		small = took < small ? took : small;
		took = time_of_open(80000);
		large = took < large ? took : large;
	}
	assert_true(large < 9 * small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_is_right),
		cmocka_unit_test(wrong_header),
		cmocka_unit_test(wrong_sections),
		cmocka_unit_test(wrong_symbols),
		cmocka_unit_test(wrong_relocations),
		cmocka_unit_test(misaligned_instruction),
		cmocka_unit_test(relocations_of_bss),
		cmocka_unit_test(extended_numbers),
		cmocka_unit_test(sizes_beyond_address_space),
		cmocka_unit_test(overlapping_names),
	};

	return cmocka_run_group_tests_name("elf_parse", tests, NULL, NULL);
}
