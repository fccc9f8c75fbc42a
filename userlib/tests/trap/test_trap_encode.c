// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The encoders of landing pads and explicit traps, read by others: capstone for
 * x86-64 and arm64, for riscv64 an assembler that writes the same.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <capstone/capstone.h>

#include "trap/trap_helpers.h"

/* Landmarks that no encoder can hit by accident. */
#define TARGET	0x1122334455667788ULL
#define HANDLER	0x99aabbccddeeff01ULL
#define DATA	0x0fedcba987654321ULL

/* The entry for pads with a handler. */
#define ENTRY	16

/* The text of some instructions, "; " between them. */
static void disassemble(cs_arch arch, cs_mode mode, const uint8_t *code,
			size_t length, char *text, size_t room)
{
	size_t count, i, used = 0;
	cs_insn *instructions;
	csh handle;

	if (CS_API_MAJOR > 4) {
		print_message("the texts are capstone 4's\n");
		skip();
	}
	assert_int_equal(cs_open(arch, mode, &handle), CS_ERR_OK);
	if (arch == CS_ARCH_X86)
		cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	count = cs_disasm(handle, code, length, 0, 0, &instructions);
	for (i = 0; i < count; i++)
		used += snprintf(text + used, room - used, "%s%s%s%s",
				 i ? "; " : "", instructions[i].mnemonic,
				 *instructions[i].op_str ? " " : "",
				 instructions[i].op_str);
	assert_int_equal(instructions[count - 1].address +
			 instructions[count - 1].size, length);
	cs_free(instructions, count);
	cs_close(&handle);
}

static void expect_x86(const uint8_t *code, size_t length, const char *expected)
{
	char text[512] = "";

	disassemble(CS_ARCH_X86, CS_MODE_64, code, length, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void expect_arm64(const uint8_t *code, size_t length,
			 const char *expected)
{
	char text[512] = "";

	disassemble(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, code, length, text,
		    sizeof(text));
	assert_string_equal(text, expected);
}

/* The machine code of a file's text section; what the assembler made. */
static size_t text_of(const char *path, uint8_t *text, size_t room)
{
	static uint8_t file[1 << 16];
	const Elf64_Ehdr *header = (const void *)file;
	const Elf64_Shdr *sections;
	const char *names;
	FILE *stream = fopen(path, "r");
	size_t size, i;

	assert_non_null(stream);
	size = fread(file, 1, sizeof(file), stream);
	fclose(stream);
	assert_true(size > sizeof(*header));
	sections = (const void *)(file + header->e_shoff);
	names = (const char *)file + sections[header->e_shstrndx].sh_offset;
	for (i = 0; i < header->e_shnum; i++) {
		if (strcmp(names + sections[i].sh_name, ".text"))
			continue;
		assert_true(sections[i].sh_size <= room);
		memcpy(text, file + sections[i].sh_offset, sections[i].sh_size);
		return sections[i].sh_size;
	}
	return 0;
}

static bool have_assembler(void)
{
	return !system("clang --print-targets 2>/dev/null | grep -q riscv64");
}

/* The assembler writes these bytes for this text. */
static void expect_riscv(const uint8_t *code, size_t length,
			 const char *expected)
{
	char directory[] = "/tmp/codearena-XXXXXX", path[64], command[256];
	uint8_t text[128];
	FILE *stream;
	size_t size;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/code.s", directory);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fprintf(stream, ".option norvc\n%s\n", expected);
	fclose(stream);
	snprintf(command, sizeof(command),
		 "clang --target=riscv64 -c %s -o %s.o", path, path);
	assert_int_equal(system(command), 0);
	strcat(path, ".o");
	size = text_of(path, text, sizeof(text));
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(size, length);
	assert_memory_equal(text, code, length);
}

static void x86_pads(void **state)
{
	uint8_t code[CODEARENA_PAD_MAX];
	int length;

	(void)state;
	length = codearena_pad_encode(EM_X86_64, TARGET, HANDLER, DATA, 0,
				      code);
	assert_int_equal(length, 32);
	expect_x86(code, length, "movabsq $0x99aabbccddeeff01, %rsi; "
		   "movabsq $0xfedcba987654321, %rdx; "
		   "movabsq $0x1122334455667798, %rax; jmpq *%rax");
	length = codearena_pad_encode(EM_X86_64, TARGET, 0, 0,
				      CODEARENA_PAD_F_BRANCH_TARGET, code);
	assert_int_equal(length, 36);
	expect_x86(code, length, "endbr64; movabsq $0x0, %rsi; "
		   "movabsq $0x0, %rdx; movabsq $0x1122334455667798, %rax; "
		   "jmpq *%rax");
}

static void arm64_pads(void **state)
{
	uint8_t code[CODEARENA_PAD_MAX];
	int length;

	(void)state;
	length = codearena_pad_encode(EM_AARCH64, TARGET, HANDLER, DATA, 0,
				      code);
	assert_int_equal(length, 56);
	expect_arm64(code, length, "nop; movz x1, #0xff01; "
		     "movk x1, #0xddee, lsl #16; movk x1, #0xbbcc, lsl #32; "
		     "movk x1, #0x99aa, lsl #48; movz x2, #0x4321; "
		     "movk x2, #0x8765, lsl #16; movk x2, #0xcba9, lsl #32; "
		     "movk x2, #0xfed, lsl #48; movz x15, #0x7798; "
		     "movk x15, #0x5566, lsl #16; "
		     "movk x15, #0x3344, lsl #32; "
		     "movk x15, #0x1122, lsl #48; br x15");
	length = codearena_pad_encode(EM_AARCH64, TARGET, HANDLER, DATA,
				      CODEARENA_PAD_F_BRANCH_TARGET, code);
	assert_int_equal(length, 56);
	/* bti jc is a hint that older readers know by its number only. */
	expect_arm64(code, 4, "hint #0x26");
	expect_arm64(code + length - 4, 4, "br x15");
}

static void riscv_pads(void **state)
{
	uint8_t code[CODEARENA_PAD_MAX];
	int length;

	(void)state;
	if (!have_assembler())
		skip_because("no assembler for riscv64 here");
	length = codearena_pad_encode(EM_RISCV, TARGET, HANDLER, DATA, 0, code);
	expect_riscv(code, length, "auipc t4, 0\n" "ld a1, 24(t4)\n"
		     "ld a2, 32(t4)\n" "ld t4, 40(t4)\n" "jr t4\n" "nop\n"
		     ".quad 0x99aabbccddeeff01, 0x0fedcba987654321\n"
		     ".quad 0x1122334455667798");
}

static void pads_fit_and_are_the_same_everywhere(void **state)
{
	static const uint32_t machines[] = { EM_X86_64, EM_AARCH64, EM_RISCV };
	uint8_t code[CODEARENA_PAD_MAX + 1];
	size_t i;
	int length;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(code, 0xa5, sizeof(code));
		length = codearena_pad_encode(machines[i], UINT64_MAX,
					      UINT64_MAX, UINT64_MAX,
					      CODEARENA_PAD_F_BRANCH_TARGET,
					      code);
		assert_in_range(length, 1, CODEARENA_PAD_MAX);
		assert_int_equal(code[length], 0xa5);
	}
}

static void pad_encoder_refuses(void **state)
{
	uint8_t code[CODEARENA_PAD_MAX] = { 0 }, before[CODEARENA_PAD_MAX];
	unsigned int bit;

	(void)state;
	memcpy(before, code, sizeof(code));
	for (bit = 1; bit < 32; bit++)
		assert_int_equal(codearena_pad_encode(EM_X86_64, 1, 2, 3,
						      1U << bit, code),
				 -EOPNOTSUPP);
	assert_int_equal(codearena_pad_encode(EM_386, 1, 2, 3, 0, code),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_pad_encode(EM_X86_64, 1, 2, 3, 0, NULL),
			 -EINVAL);
	assert_memory_equal(code, before, sizeof(code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_pads),
		cmocka_unit_test(arm64_pads),
		cmocka_unit_test(riscv_pads),
		cmocka_unit_test(pads_fit_and_are_the_same_everywhere),
		cmocka_unit_test(pad_encoder_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
