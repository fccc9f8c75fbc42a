// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Objects given addresses that they do not have here, so that far and near,
 * and another architecture's code, can be looked at on every host. Instructions
 * are decoded again to check their targets.
 */
#include "elf/elf_internal.h"
#include "elf/test_elf.h"

#define CODE	0x10000000ULL
#define DATA	0x20000000ULL
#define NEAR	0x10400000ULL
#define FAR	0x7fff00001230ULL

struct linked {
	struct codearena_elf *elf;
	struct ca__elf_image image;
};

static int resolve(void *ctx, const char *name, uint64_t *address)
{
	(void)ctx;
	if (!strncmp(name, "near", 4))
		*address = NEAR;
	else if (!strncmp(name, "far", 3))
		*address = FAR;
	else
		return -ENOENT;
	return 0;
}

static int link_at(struct linked *linked, const struct file *file,
		   uint64_t code, uint64_t data)
{
	linked->elf = open_right(file);
	linked->image = (struct ca__elf_image){
		.code_address = code,
		.data_address = data,
		.resolve = resolve,
	};
	assert_int_equal(ca__elf_layout(linked->elf, 64, true,
					&linked->elf->sums), 0);
	linked->image.code = malloc(linked->elf->sums.code_length + 1);
	linked->image.data = calloc(1, linked->elf->sums.data_length + 1);
	assert_non_null(linked->image.code);
	assert_non_null(linked->image.data);
	return ca__elf_link(linked->elf, &linked->image);
}

static void link_free(struct linked *linked)
{
	free(linked->image.code);
	free(linked->image.data);
	codearena_elf_close(linked->elf);
}

static uint64_t word(const struct linked *linked, uint64_t address, int width)
{
	uint64_t value = 0;

	if (address >= CODE && address < CODE + linked->elf->sums.code_length)
		memcpy(&value, linked->image.code + address - CODE, width);
	else
		memcpy(&value, linked->image.data + address - DATA, width);
	return value;
}

static int64_t sign_extend(uint64_t value, int bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* Target of the instruction or word at @place, by the relocation type. */
static uint64_t led_to_x86(const struct linked *linked, uint32_t type,
			   uint64_t place)
{
	switch (type) {
	case R_X86_64_64:
		return word(linked, place, 8);
	case R_X86_64_32:
		return word(linked, place, 4);
	default:
		return place + sign_extend(word(linked, place, 4), 32);
	}
}

static uint64_t led_to_arm(const struct linked *linked, uint32_t type,
			   uint64_t place)
{
	uint32_t insn = word(linked, place, 4);
	uint64_t high = insn >> 5 & 0x7ffff, low = insn >> 29 & 3;

	switch (type) {
	case R_AARCH64_ABS64:
		return word(linked, place, 8);
	case R_AARCH64_PREL32:
		return place + sign_extend(insn, 32);
	case R_AARCH64_CALL26:
		assert_int_equal(insn >> 26, 0x25);
		return place + sign_extend(insn & 0x3ffffff, 26) * 4;
	case R_AARCH64_JUMP26:
		assert_int_equal(insn >> 26, 0x05);
		return place + sign_extend(insn & 0x3ffffff, 26) * 4;
	case R_AARCH64_ADR_PREL_PG_HI21:
	case R_AARCH64_ADR_GOT_PAGE:
		assert_int_equal(insn & 0x9f000000, 0x90000000);
		return (place & ~0xfffULL) +
		       sign_extend(high << 2 | low, 21) * 4096;
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_LDST8_ABS_LO12_NC:
		return insn >> 10 & 0xfff;
	case R_AARCH64_LDST32_ABS_LO12_NC:
		assert_int_equal(insn >> 30, 2);
		return (insn >> 10 & 0xfff) * 4;
	case R_AARCH64_LDST64_ABS_LO12_NC:
	case R_AARCH64_LD64_GOT_LO12_NC:
		assert_int_equal(insn >> 30, 3);
		return (insn >> 10 & 0xfff) * 8;
	default:
		fail_msg("no decoder for relocation %u", type);
		return 0;
	}
}

/* Upper and lower halves are looked at together, at the lower one. */
static uint64_t led_to_riscv(const struct linked *linked, uint32_t type,
			     uint64_t place)
{
	uint32_t insn = word(linked, place, 4);
	uint64_t upper = place + sign_extend(insn & 0xfffff000, 32);

	switch (type) {
	case R_RISCV_64:
		return word(linked, place, 8);
	case R_RISCV_CALL:
	case R_RISCV_CALL_PLT:
		assert_int_equal(insn & 0x7f, 0x17);
		return upper + sign_extend(word(linked, place + 4, 4) >> 20, 12);
	case R_RISCV_JAL:
		assert_int_equal(insn & 0x7f, 0x6f);
		return place + sign_extend((insn >> 31 & 1) << 20 |
					   (insn >> 12 & 0xff) << 12 |
					   (insn >> 20 & 1) << 11 |
					   (insn >> 21 & 0x3ff) << 1, 21);
	case R_RISCV_BRANCH:
		assert_int_equal(insn & 0x7f, 0x63);
		return place + sign_extend((insn >> 31 & 1) << 12 |
					   (insn >> 7 & 1) << 11 |
					   (insn >> 25 & 0x3f) << 5 |
					   (insn >> 8 & 0xf) << 1, 13);
	case R_RISCV_RVC_JUMP:
		assert_int_equal(insn & 0xe003, 0xa001);
		return place + sign_extend((insn >> 12 & 1) << 11 |
					   (insn >> 8 & 1) << 10 |
					   (insn >> 9 & 3) << 8 |
					   (insn >> 6 & 1) << 7 |
					   (insn >> 7 & 1) << 6 |
					   (insn >> 2 & 1) << 5 |
					   (insn >> 11 & 1) << 4 |
					   (insn >> 3 & 7) << 1, 12);
	case R_RISCV_RVC_BRANCH:
		assert_int_equal(insn & 0xc003, 0xc001);
		return place + sign_extend((insn >> 12 & 1) << 8 |
					   (insn >> 5 & 3) << 6 |
					   (insn >> 2 & 1) << 5 |
					   (insn >> 10 & 3) << 3 |
					   (insn >> 3 & 3) << 1, 9);
	default:
		fail_msg("no decoder for relocation %u", type);
		return 0;
	}
}

/* What auipc at @label and the lower half at @place name together. */
static uint64_t led_to_halves(const struct linked *linked, bool store,
			      uint64_t label, uint64_t place)
{
	uint32_t upper = word(linked, label, 4), insn = word(linked, place, 4);
	uint32_t low = store ? (insn >> 25) << 5 | (insn >> 7 & 31) : insn >> 20;

	assert_int_equal(upper & 0x7f, 0x17);
	return label + sign_extend(upper & 0xfffff000, 32) +
	       sign_extend(low, 12);
}

/* The bits of the target that @type encodes. */
static uint64_t kept(uint32_t type, uint64_t target)
{
	switch (type) {
	case R_AARCH64_ADR_PREL_PG_HI21:
	case R_AARCH64_ADR_GOT_PAGE:
		return target & ~0xfffULL;
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_LDST8_ABS_LO12_NC:
	case R_AARCH64_LDST32_ABS_LO12_NC:
	case R_AARCH64_LDST64_ABS_LO12_NC:
	case R_AARCH64_LD64_GOT_LO12_NC:
		return target & 0xfff;
	default:
		return target;
	}
}

static uint64_t expected_target(const struct linked *linked,
				const struct ca__elf_symbol *symbol,
				const struct ca__elf_kind *kind)
{
	const struct ca__elf_sums *sums = &linked->elf->sums;

	if (kind->flags & CA__ELF_KIND_GOT)
		return CODE + sums->rodata + 8 * symbol->got;
	if (kind->flags & CA__ELF_KIND_CALL && symbol->address == FAR)
		return CODE + sums->stubs +
		       linked->elf->machine->stub_size * symbol->stub;
	return symbol->address;
}

/* The symbol and the addend of the upper half at this place. */
static uint64_t upper_target(const struct linked *linked,
			     const struct ca__elf_relocs *relocs,
			     uint64_t offset)
{
	const struct codearena_elf *elf = linked->elf;

	for (uint64_t i = 0; i < relocs->count; i++) {
		const struct ca__elf_kind *kind;
		Elf64_Rela rela;

		memcpy(&rela, relocs->bytes + i * sizeof(rela), sizeof(rela));
		kind = ca__elf_kind(elf->machine, ELF64_R_TYPE(rela.r_info));
		if (rela.r_offset == offset && kind->flags & CA__ELF_KIND_HIGH)
			return expected_target(linked, &elf->symbols[
					ELF64_R_SYM(rela.r_info)], kind) +
			       rela.r_addend;
	}
	fail_msg("no upper half at 0x%lx", (unsigned long)offset);
	return 0;
}

/* Check one relocation; false: it is not one that can be looked at alone. */
static bool check_one(const struct linked *linked,
		      const struct ca__elf_relocs *relocs, uint64_t start,
		      const Elf64_Rela *rela)
{
	const struct codearena_elf *elf = linked->elf;
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	const struct ca__elf_kind *kind = ca__elf_kind(elf->machine, type);
	const struct ca__elf_symbol *symbol =
		&elf->symbols[ELF64_R_SYM(rela->r_info)];
	uint64_t place = start + rela->r_offset, target;

	if (!kind->width || kind->flags & CA__ELF_KIND_HIGH ||
	    (elf->machine->machine == EM_RISCV && type >= R_RISCV_ADD8 &&
	     type <= R_RISCV_SUB64))
		return false;
	target = expected_target(linked, symbol, kind) + rela->r_addend;
	if (kind->flags & CA__ELF_KIND_LOW)
		assert_int_equal(led_to_halves(linked,
					       type == R_RISCV_PCREL_LO12_S,
					       start + symbol->value, place),
				 upper_target(linked, relocs, symbol->value));
	else if (elf->machine->machine == EM_X86_64)
		assert_int_equal(led_to_x86(linked, type, place), target);
	else if (elf->machine->machine == EM_RISCV)
		assert_int_equal(led_to_riscv(linked, type, place), target);
	else
		assert_int_equal(led_to_arm(linked, type, place),
				 kept(type, target));
	return true;
}

/* Every relocation of the object, decoded. */
static unsigned int check_all(const struct linked *linked)
{
	const struct codearena_elf *elf = linked->elf;
	unsigned int checked = 0;

	for (uint32_t t = 0; t < elf->reloc_count; t++) {
		const struct ca__elf_relocs *relocs = &elf->relocs[t];
		const struct ca__elf_section *section =
			&elf->sections[relocs->section];
		uint64_t start = section->place;

		start += section->where == CA__ELF_DATA ? DATA : CODE;
		for (uint64_t i = 0; i < relocs->count; i++) {
			Elf64_Rela rela;

			memcpy(&rela, relocs->bytes + i * sizeof(rela),
			       sizeof(rela));
			checked += check_one(linked, relocs, start, &rela);
		}
	}
	for (uint32_t i = 0; i < elf->symbol_count; i++) {
		if (elf->symbols[i].got != CA__ELF_NONE)
			assert_int_equal(word(linked, CODE + elf->sums.rodata +
					      8 * elf->symbols[i].got, 8),
					 elf->symbols[i].address);
		/* The address is the end of a stub. */
		if (elf->symbols[i].stub != CA__ELF_NONE)
			assert_int_equal(word(linked, CODE + elf->sums.stubs +
					      elf->machine->stub_size *
					      (elf->symbols[i].stub + 1) - 8, 8),
					 elf->symbols[i].address);
	}
	return checked;
}

static const char program[] =
	"extern int near_by(int), far_away(int), far_value;\n"
	"static const int table[] = { 3, 1, 4, 1, 5, 9, 2, 6 };\n"
	"static const char *const names[] = { \"a\", \"bc\", \"def\" };\n"
	"static int small; static long wide; static char letter;\n"
	"int own = 3; int *pointer = &own;\n"
	"__attribute__((noinline)) int helper(int i)\n"
	"{ small += i; wide -= i; letter++; return table[i] + letter; }\n"
	"int work(int i) { return helper(i) + near_by(i) + far_away(i); }\n"
	"int tail(int i) { return far_away(i + own); }\n"
	"const char *name(int i) { return names[i]; }\n"
	"int value(void) { return far_value + *pointer; }\n"
	"int pick(int i) { switch (i) { case 0: return work(1); case 1: return 7;\n"
	"case 2: return tail(2); case 3: return 12; case 4: return work(3);\n"
	"case 5: return i * 3; } return 0; }\n";

static void decode_all(const char *compiler, const char *options,
		       unsigned int least, unsigned int stubs)
{
	struct file file = compile(compiler, options, "c", program);
	struct linked linked;

	assert_int_equal(link_at(&linked, &file, CODE, DATA), 0);
	/* Two functions are called, one of them is far. */
	assert_int_equal(linked.elf->stub_max, 2 * stubs);
	assert_int_equal(linked.elf->stubs_used, stubs);
	assert_in_range(check_all(&linked), least, 1000);
	link_free(&linked);
	free(file.bytes);
}

static void x86_64_decoded(void **state)
{
	(void)state;
	decode_all(X86_64_CC, "-O2 -fPIC -ffunction-sections", 25, 1);
	decode_all(X86_64_CC, "-O1 -fPIC", 25, 1);
	/* Calls through the table of addresses need no stubs. */
	decode_all(X86_64_CC, "-O0 -fPIC -fno-plt", 25, 0);
}

static void aarch64_decoded(void **state)
{
	(void)state;
	decode_all(AARCH64_CC, "-O2 -fPIC -ffunction-sections", 25, 1);
	decode_all(AARCH64_CC, "-O1 -fPIE", 25, 1);
	decode_all(AARCH64_CC, "-O0 -fPIC", 25, 1);
}

/* Without -mno-relax the jump table of pick() is of differences. */
static void riscv64_decoded(void **state)
{
	(void)state;
	decode_all(RISCV64_CC, "-O2 -fPIC -ffunction-sections -mno-relax", 15, 1);
	decode_all(RISCV64_CC, "-O1 -fPIE -mno-relax", 15, 1);
	decode_all(RISCV64_CC, "-O0 -fPIC -mno-relax", 15, 1);
}

/* What of relaxable objects only sums up to something. */
static void riscv64_sums(void **state)
{
	struct file file = compile(RISCV64_CC, "-march=rv64gc", "assembler",
				   "a: nop\nbeqz a0, b\nj c\nb: ret\n"
				   ".skip 3000\nc: nop\n.section .rodata\n"
				   ".byte b - a, 0\n.half c - a\n"
				   ".word b - c\n.quad c - a\n");
	struct linked linked;
	uint64_t rodata;

	(void)state;
	assert_int_equal(link_at(&linked, &file, CODE, DATA), 0);
	rodata = CODE + linked.elf->sums.rodata;
	assert_int_equal(word(&linked, rodata, 1), 8);
	assert_int_equal(word(&linked, rodata + 2, 2), 3010);
	assert_int_equal(sign_extend(word(&linked, rodata + 4, 4), 32), -3002);
	assert_int_equal(word(&linked, rodata + 8, 8), 3010);
	link_free(&linked);
	free(file.bytes);
}

static void riscv64_align(void **state)
{
	struct file file = compile(RISCV64_CC, "-mrelax", "assembler",
				   "ret\n.p2align 4\nret\n");
	struct codearena_elf *elf;
	char error[256];

	(void)state;
	assert_int_equal(open_file(&file, &elf, error), -ENOTSUP);
	assert_non_null(strstr(error, "R_RISCV_ALIGN (build with -mno-relax)"));
	free(file.bytes);
}

static void refused(const struct file *file, uint64_t code, uint64_t data,
		    int expected, const char *why)
{
	struct linked linked;
	int ret = link_at(&linked, file, code, data);

	if (ret != expected ||
	    !strstr(codearena_elf_error(linked.elf), why))
		print_message("%d: %s\n", ret,
			      codearena_elf_error(linked.elf));
	assert_int_equal(ret, expected);
	assert_non_null(strstr(codearena_elf_error(linked.elf), why));
	link_free(&linked);
}

static void riscv64_lonely_half(void **state)
{
	struct file file = compile(RISCV64_CC, "", "assembler",
				   "1: auipc a0, %pcrel_hi(near_by)\n"
				   "2: addi a0, a0, %pcrel_lo(2b)\n");

	(void)state;
	refused(&file, CODE, DATA, -ENOEXEC, "has no upper half");
	free(file.bytes);
}

static void fixed_addresses(void **state)
{
	struct file file = compile(X86_64_CC,
				   "-O2 -fno-pic -fno-pie -mcmodel=small", "c",
				   "int own; int *where(void) { return &own; }");
	struct linked linked;

	(void)state;
	assert_int_equal(link_at(&linked, &file, CODE, DATA), 0);
	assert_int_equal(check_all(&linked), 1);
	link_free(&linked);
	/* The last target that fits, and the first that does not. */
	assert_int_equal(link_at(&linked, &file, 0xe0000000, 0xffffff00), 0);
	link_free(&linked);
	refused(&file, 0xe0000000, 0x100000000, -EOVERFLOW,
		"R_X86_64_32 at .text+0x1 does not reach own");
	free(file.bytes);
}

static void data_out_of_reach(void **state)
{
	struct file file = compile(X86_64_CC, "-O2 -fPIE", "c",
				   "int own; int get(void) { return own; }");

	(void)state;
	refused(&file, CODE, CODE + (1ULL << 31) + 4096, -EOVERFLOW,
		"R_X86_64_PC32 at .text+0x2 does not reach own");
	refused(&file, CODE + (1ULL << 31), CODE - 4096, -EOVERFLOW,
		"does not reach own");
	free(file.bytes);
}

static void aarch64_data_out_of_reach(void **state)
{
	struct file file = compile(AARCH64_CC, "-O2 -fPIE", "c",
				   "int own; int get(void) { return own; }");

	(void)state;
	refused(&file, CODE, CODE + (1ULL << 32), -EOVERFLOW,
		"R_AARCH64_ADR_PREL_PG_HI21 at .text+0x0 does not reach");
	free(file.bytes);
}

/* The lower half is signed, so the reach is shifted by 2 KiB. */
static void riscv64_data_out_of_reach(void **state)
{
	struct file file = compile(RISCV64_CC, "-O2 -fPIE -mno-relax", "c",
				   "int own; int get(void) { return own; }");
	struct linked linked;

	(void)state;
	assert_int_equal(link_at(&linked, &file, CODE,
				 CODE + (1ULL << 31) - 0x1000), 0);
	link_free(&linked);
	refused(&file, CODE, CODE + (1ULL << 31), -EOVERFLOW,
		"R_RISCV_PCREL_HI20 at .text+0x0 does not reach");
	free(file.bytes);
}

static void misaligned_target(void **state)
{
	struct file file = compile(AARCH64_CC, "", "assembler",
				   "adrp x0, odd\nldr x0, [x0, #:lo12:odd]\n"
				   ".data\n.byte 0\nodd: .quad 1\n");

	(void)state;
	refused(&file, CODE, DATA, -ENOEXEC, "misaligned");
	free(file.bytes);
}

static void no_stub_into_the_middle(void **state)
{
	struct file file = compile(AARCH64_CC, "", "assembler",
				   "bl near_by + 8\nbl far_away + 8\n");

	(void)state;
	refused(&file, CODE, DATA, -EOVERFLOW,
		"R_AARCH64_CALL26 at .text+0x4 does not reach far_away");
	free(file.bytes);
}

/* A load from far away is no call: a stub would be read as data. */
static void no_stub_for_data(void **state)
{
	struct file file = compile(X86_64_CC, "", "assembler",
				   "mov far_value(%rip), %eax\n"
				   "call far_value\n");

	(void)state;
	refused(&file, CODE, DATA, -EOVERFLOW,
		"R_X86_64_PC32 at .text+0x2 does not reach far_value");
	free(file.bytes);
}

/* Only undefined symbols may need stubs. */
static void no_stub_for_own_symbols(void **state)
{
	struct file file = compile(X86_64_CC, "", "assembler",
				   "call own\n.data\n.globl own\n own: .quad 1\n");

	(void)state;
	refused(&file, CODE, CODE + (1ULL << 32), -EOVERFLOW,
		"R_X86_64_PLT32 at .text+0x1 does not reach own");
	free(file.bytes);
}

static void weak_call(void **state)
{
	struct file file = compile(AARCH64_CC, "", "assembler",
				   ".weak missing\nbl missing\n"
				   ".data\n.quad missing\n");
	struct linked linked;

	(void)state;
	assert_int_equal(link_at(&linked, &file, CODE * 16, DATA), 0);
	/* A stub to address 0, as the call is too far for a branch. */
	assert_int_equal(linked.elf->stubs_used, 1);
	assert_int_equal(*(uint64_t *)(linked.image.code +
				       linked.elf->sums.stubs + 8), 0);
	link_free(&linked);
	free(file.bytes);
}

static void gaps_trap(void **state)
{
	struct file file = compile(X86_64_CC, "", "assembler",
				   ".section .text.a,\"ax\"\nnop\n"
				   ".section .text.b,\"ax\"\nnop\n"
				   ".section .rodata.c,\"a\"\n.byte 7\n"
				   ".section .zeroes,\"a\",@nobits\n.skip 3\n");
	struct linked linked;

	(void)state;
	assert_int_equal(link_at(&linked, &file, CODE, DATA), 0);
	assert_int_equal(linked.elf->sums.code_length, 3 * 64);
	for (int i = 0; i < 2 * 64; i++)
		assert_int_equal(linked.image.code[i], i % 64 ? 0xcc : 0x90);
	assert_int_equal(linked.image.code[2 * 64], 7);
	for (int i = 1; i < 64; i++)
		assert_int_equal(linked.image.code[2 * 64 + i], i < 4 ? 0 : 0xcc);
	link_free(&linked);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_64_decoded),
		cmocka_unit_test(aarch64_decoded),
		cmocka_unit_test(riscv64_decoded),
		cmocka_unit_test(riscv64_sums),
		cmocka_unit_test(riscv64_align),
		cmocka_unit_test(riscv64_lonely_half),
		cmocka_unit_test(riscv64_data_out_of_reach),
		cmocka_unit_test(fixed_addresses),
		cmocka_unit_test(data_out_of_reach),
		cmocka_unit_test(aarch64_data_out_of_reach),
		cmocka_unit_test(misaligned_target),
		cmocka_unit_test(no_stub_into_the_middle),
		cmocka_unit_test(no_stub_for_data),
		cmocka_unit_test(no_stub_for_own_symbols),
		cmocka_unit_test(weak_call),
		cmocka_unit_test(gaps_trap),
	};

	return cmocka_run_group_tests_name("elf_link", tests, NULL, NULL);
}
