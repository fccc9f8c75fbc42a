// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocation arithmetic at its limits, both architectures on every host. The
 * instruction words are those that GNU as writes for the same operands.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elf/elf_internal.h"

#define PLACE	0x7f0000001000ULL
#define POISON	0xa5

/* The bytes around the field show whether encoding stays in its width. */
struct field {
	uint8_t before[8];
	uint8_t bytes[8];
	uint8_t after[8];
};

static int apply(const struct ca__elf_machine *machine, uint32_t type,
		 uint64_t start, uint64_t place, uint64_t target,
		 uint64_t *result)
{
	const struct ca__elf_kind *kind = ca__elf_kind(machine, type);
	struct field field, untouched;
	int ret;

	assert_non_null(kind);
	memset(&field, POISON, sizeof(field));
	memcpy(field.bytes, &start, kind->width);
	untouched = field;
	ret = machine->apply(type, field.bytes, place, target);
	*result = 0;
	memcpy(result, field.bytes, kind->width);
	if (ret) {
		assert_memory_equal(&field, &untouched, sizeof(field));
	} else {
		assert_memory_equal(field.before, untouched.before, 8);
		assert_memory_equal(field.after, untouched.after, 8);
		assert_memory_equal(field.bytes + kind->width,
				    untouched.bytes + kind->width,
				    8 - kind->width);
	}
	return ret;
}

static void expect_x86(uint32_t type, uint64_t place, uint64_t target, int ret,
		       uint64_t expected)
{
	uint64_t result;

	assert_int_equal(apply(&ca__elf_x86_64, type, 0, place, target,
			       &result), ret);
	if (!ret)
		assert_int_equal(result, expected);
}

static void x86_64_none(void **state)
{
	uint8_t field[1] = { POISON };

	(void)state;
	assert_int_equal(ca__elf_x86_64.apply(R_X86_64_NONE, field, 1, 2), 0);
	assert_int_equal(field[0], POISON);
}

static void x86_64_absolute_64(void **state)
{
	(void)state;
	expect_x86(R_X86_64_64, PLACE, 0x123456789abcdef0, 0,
		   0x123456789abcdef0);
	expect_x86(R_X86_64_64, PLACE, UINT64_MAX, 0, UINT64_MAX);
}

static void x86_64_relative_64(void **state)
{
	(void)state;
	expect_x86(R_X86_64_PC64, PLACE, PLACE - 1, 0, UINT64_MAX);
	expect_x86(R_X86_64_PC64, 1, 0x8000000000000001, 0,
		   0x8000000000000000);
}

static void x86_64_absolute_32(void **state)
{
	(void)state;
	expect_x86(R_X86_64_32, PLACE, 0, 0, 0);
	expect_x86(R_X86_64_32, PLACE, 0xffffffff, 0, 0xffffffff);
	expect_x86(R_X86_64_32, PLACE, 0x100000000, -EOVERFLOW, 0);
	expect_x86(R_X86_64_32, PLACE, UINT64_MAX, -EOVERFLOW, 0);
}

static void x86_64_absolute_32_signed(void **state)
{
	(void)state;
	expect_x86(R_X86_64_32S, PLACE, 0x7fffffff, 0, 0x7fffffff);
	expect_x86(R_X86_64_32S, PLACE, 0x80000000, -EOVERFLOW, 0);
	expect_x86(R_X86_64_32S, PLACE, 0xffffffff80000000, 0, 0x80000000);
	expect_x86(R_X86_64_32S, PLACE, 0xffffffff7fffffff, -EOVERFLOW, 0);
}

static void x86_64_relative_32(void **state)
{
	static const uint32_t types[] = {
		R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_GOTPCREL,
		R_X86_64_GOTPCRELX, R_X86_64_REX_GOTPCRELX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		expect_x86(types[i], PLACE, PLACE, 0, 0);
		expect_x86(types[i], PLACE, PLACE + 0x7fffffff, 0, 0x7fffffff);
		expect_x86(types[i], PLACE, PLACE + 0x80000000, -EOVERFLOW, 0);
		expect_x86(types[i], PLACE, PLACE - 0x80000000, 0, 0x80000000);
		expect_x86(types[i], PLACE, PLACE - 0x80000001, -EOVERFLOW, 0);
		/* Distances wrap around as addresses do. */
		expect_x86(types[i], 0x1000, 0xfffffffffffff000, 0,
			   0xffffe000);
	}
}

/* The loader computes what the fields count from. */
static void x86_64_got(void **state)
{
	(void)state;
	expect_x86(R_X86_64_GOTOFF64, PLACE, UINT64_MAX - 7, 0,
		   UINT64_MAX - 7);
	expect_x86(R_X86_64_PLTOFF64, PLACE, 1ULL << 40, 0, 1ULL << 40);
	expect_x86(R_X86_64_GOT64, PLACE, 24, 0, 24);
	expect_x86(R_X86_64_GOT32, PLACE, 24, 0, 24);
	expect_x86(R_X86_64_GOT32, PLACE, 0x80000000, -EOVERFLOW, 0);
	expect_x86(R_X86_64_GOTPCREL64, PLACE, PLACE - 8, 0, UINT64_MAX - 7);
	expect_x86(R_X86_64_GOTPC64, PLACE, PLACE + (1ULL << 40), 0,
		   1ULL << 40);
	expect_x86(R_X86_64_GOTPC32, PLACE, PLACE + 5, 0, 5);
	expect_x86(R_X86_64_GOTPC32, PLACE, PLACE + 0x80000000, -EOVERFLOW, 0);
}

static void x86_64_unknown(void **state)
{
	uint8_t field[8] = { 0 };

	(void)state;
	assert_null(ca__elf_kind(&ca__elf_x86_64, R_X86_64_TPOFF32));
	assert_null(ca__elf_kind(&ca__elf_x86_64, 0xffffffff));
	assert_int_equal(ca__elf_x86_64.apply(R_X86_64_TPOFF32, field, 0, 0),
			 -ENOTSUP);
}

static void x86_64_stub_bytes(void **state)
{
	static const uint8_t expected[16] = {
		0xff, 0x25, 0x02, 0x00, 0x00, 0x00, 0x0f, 0x0b,
		0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12,
	};
	uint8_t stub[16];

	(void)state;
	ca__elf_x86_64.stub(stub, 0x123456789abcdef0);
	assert_memory_equal(stub, expected, sizeof(stub));
}

static void expect_arm(uint32_t type, uint32_t insn, uint64_t place,
		       uint64_t target, int ret, uint64_t expected)
{
	uint64_t result;

	assert_int_equal(apply(&ca__elf_aarch64, type, insn, place, target,
			       &result), ret);
	if (!ret)
		assert_int_equal(result, expected);
}

static void aarch64_none(void **state)
{
	uint8_t field[1] = { POISON };

	(void)state;
	assert_int_equal(ca__elf_aarch64.apply(R_AARCH64_NONE, field, 1, 2), 0);
	assert_int_equal(field[0], POISON);
}

static void aarch64_data_64(void **state)
{
	uint64_t result;

	(void)state;
	assert_int_equal(apply(&ca__elf_aarch64, R_AARCH64_ABS64, 0, PLACE,
			       0x123456789abcdef0, &result), 0);
	assert_int_equal(result, 0x123456789abcdef0);
	assert_int_equal(apply(&ca__elf_aarch64, R_AARCH64_PREL64, 0, PLACE,
			       PLACE - 2, &result), 0);
	assert_int_equal(result, UINT64_MAX - 1);
}

static void aarch64_data_32(void **state)
{
	(void)state;
	expect_arm(R_AARCH64_ABS32, 0, PLACE, 0xffffffff, 0, 0xffffffff);
	expect_arm(R_AARCH64_ABS32, 0, PLACE, 0x100000000, -EOVERFLOW, 0);
	expect_arm(R_AARCH64_ABS32, 0, PLACE, 0xffffffff80000000, 0,
		   0x80000000);
	expect_arm(R_AARCH64_ABS32, 0, PLACE, 0xffffffff7fffffff, -EOVERFLOW,
		   0);
	expect_arm(R_AARCH64_PREL32, 0, PLACE, PLACE + 0xffffffff, 0,
		   0xffffffff);
	expect_arm(R_AARCH64_PREL32, 0, PLACE, PLACE + 0x100000000, -EOVERFLOW,
		   0);
	expect_arm(R_AARCH64_PREL32, 0, PLACE, PLACE - 0x80000000, 0,
		   0x80000000);
	expect_arm(R_AARCH64_PREL32, 0, PLACE, PLACE - 0x80000001, -EOVERFLOW,
		   0);
}

static void aarch64_branch_26(void **state)
{
	static const struct {
		uint32_t type;
		uint32_t insn;
	} kinds[] = {
		{ R_AARCH64_CALL26, 0x94000000 },
		{ R_AARCH64_JUMP26, 0x14000000 },
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint32_t insn = kinds[i].insn;

		expect_arm(kinds[i].type, insn, PLACE, PLACE + 0x7fffffc, 0,
			   insn | 0x1ffffff);
		expect_arm(kinds[i].type, insn, PLACE, PLACE + 0x8000000,
			   -EOVERFLOW, 0);
		expect_arm(kinds[i].type, insn, PLACE, PLACE - 0x8000000, 0,
			   insn | 0x2000000);
		expect_arm(kinds[i].type, insn, PLACE, PLACE - 0x8000004,
			   -EOVERFLOW, 0);
		expect_arm(kinds[i].type, insn, PLACE, PLACE + 2, -EINVAL, 0);
		/* Earlier contents of the field do not matter. */
		expect_arm(kinds[i].type, insn | 0x3ffffff, PLACE, PLACE, 0,
			   insn);
	}
}

static void aarch64_branch_19(void **state)
{
	(void)state;
	expect_arm(R_AARCH64_CONDBR19, 0x54000000, PLACE, PLACE + 0xffffc, 0,
		   0x547fffe0);
	expect_arm(R_AARCH64_CONDBR19, 0x54000000, PLACE, PLACE + 0x100000,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_CONDBR19, 0x54000000, PLACE, PLACE - 0x100000, 0,
		   0x54800000);
	expect_arm(R_AARCH64_CONDBR19, 0x54000000, PLACE, PLACE - 0x100004,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_LD_PREL_LO19, 0x58000000, PLACE, PLACE + 0xffffc,
		   0, 0x587fffe0);
	expect_arm(R_AARCH64_LD_PREL_LO19, 0x58000000, PLACE, PLACE - 0x100000,
		   0, 0x58800000);
	expect_arm(R_AARCH64_LD_PREL_LO19, 0x58000000, PLACE, PLACE + 1,
		   -EINVAL, 0);
}

static void aarch64_branch_14(void **state)
{
	(void)state;
	expect_arm(R_AARCH64_TSTBR14, 0x36000000, PLACE, PLACE + 0x7ffc, 0,
		   0x3603ffe0);
	expect_arm(R_AARCH64_TSTBR14, 0x36000000, PLACE, PLACE + 0x8000,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_TSTBR14, 0x36000000, PLACE, PLACE - 0x8000, 0,
		   0x36040000);
	expect_arm(R_AARCH64_TSTBR14, 0x36000000, PLACE, PLACE - 0x8004,
		   -EOVERFLOW, 0);
}

static void aarch64_adr(void **state)
{
	(void)state;
	expect_arm(R_AARCH64_ADR_PREL_LO21, 0x10000000, PLACE, PLACE + 0xfffff,
		   0, 0x707fffe0);
	expect_arm(R_AARCH64_ADR_PREL_LO21, 0x10000000, PLACE,
		   PLACE + 0x100000, -EOVERFLOW, 0);
	expect_arm(R_AARCH64_ADR_PREL_LO21, 0x10000000, PLACE,
		   PLACE - 0x100000, 0, 0x10800000);
	expect_arm(R_AARCH64_ADR_PREL_LO21, 0x10000000, PLACE,
		   PLACE - 0x100001, -EOVERFLOW, 0);
}

static void aarch64_adrp(void **state)
{
	static const uint32_t types[] = {
		R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADR_GOT_PAGE,
	};
	const uint32_t insn = 0x90000000;

	(void)state;
	for (int i = 0; i < 2; i++) {
		/* Distances count from page to page. */
		expect_arm(types[i], insn, PLACE + 0xffc, PLACE + 0x1000, 0,
			   0xb0000000);
		expect_arm(types[i], insn, PLACE, PLACE + 0xfff, 0, insn);
		expect_arm(types[i], insn, PLACE, PLACE - 1, 0, 0xf0ffffe0);
		expect_arm(types[i], insn, PLACE, PLACE + 0xffffffff, 0,
			   0xf07fffe0);
		expect_arm(types[i], insn, PLACE, PLACE + 0x100000000,
			   -EOVERFLOW, 0);
		expect_arm(types[i], insn, PLACE, PLACE - 0x100000000, 0,
			   0x90800000);
		expect_arm(types[i], insn, PLACE, PLACE - 0x100000001,
			   -EOVERFLOW, 0);
	}
	expect_arm(R_AARCH64_ADR_PREL_PG_HI21_NC, insn, PLACE,
		   PLACE + 0x100000000, 0, 0x90800000);
}

static void aarch64_low_12(void **state)
{
	static const struct {
		uint32_t type;
		uint32_t zero;
		uint32_t last;
		unsigned int align;
	} kinds[] = {
		{ R_AARCH64_ADD_ABS_LO12_NC, 0x91000000, 0x913ffc00, 1 },
		{ R_AARCH64_LDST8_ABS_LO12_NC, 0x39400020, 0x397ffc20, 1 },
		{ R_AARCH64_LDST16_ABS_LO12_NC, 0x79400020, 0x795ffc20, 2 },
		{ R_AARCH64_LDST32_ABS_LO12_NC, 0xb9400020, 0xb94ffc20, 4 },
		{ R_AARCH64_LDST64_ABS_LO12_NC, 0xf9400020, 0xf947fc20, 8 },
		{ R_AARCH64_LD64_GOT_LO12_NC, 0xf9400020, 0xf947fc20, 8 },
		{ R_AARCH64_LDST128_ABS_LO12_NC, 0x3dc00020, 0x3dc3fc20, 16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned int align = kinds[i].align;

		expect_arm(kinds[i].type, kinds[i].zero, PLACE,
			   PLACE + 0x1000 - align, 0, kinds[i].last);
		expect_arm(kinds[i].type, kinds[i].last, PLACE,
			   0x7fff12345000, 0, kinds[i].zero);
		if (align > 1)
			expect_arm(kinds[i].type, kinds[i].zero, PLACE,
				   PLACE + align / 2, -EINVAL, 0);
	}
}

static void aarch64_unknown(void **state)
{
	uint8_t field[8] = { 0 };

	(void)state;
	assert_null(ca__elf_kind(&ca__elf_aarch64,
				 R_AARCH64_TLSLE_ADD_TPREL_LO12));
	assert_int_equal(ca__elf_aarch64.apply(R_AARCH64_TLSLE_ADD_TPREL_LO12,
					       field, 0, 0), -ENOTSUP);
}

static void aarch64_stub_bytes(void **state)
{
	static const uint8_t expected[16] = {
		0x50, 0x00, 0x00, 0x58,		/* ldr x16, .+8 */
		0x00, 0x02, 0x1f, 0xd6,		/* br x16 */
		0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12,
	};
	uint8_t stub[16];

	(void)state;
	ca__elf_aarch64.stub(stub, 0x123456789abcdef0);
	assert_memory_equal(stub, expected, sizeof(stub));
}

/* Every kind in the tables is implemented, and changes only its field. */
static void aarch64_moves(void **state)
{
	const uint64_t target = 0x123456789abcdef0;

	(void)state;
	expect_arm(R_AARCH64_MOVW_UABS_G0_NC, 0xf2800003, PLACE, target, 0,
		   0xf29bde03);
	expect_arm(R_AARCH64_MOVW_UABS_G1_NC, 0xf2a00003, PLACE, target, 0,
		   0xf2b35783);
	expect_arm(R_AARCH64_MOVW_UABS_G2_NC, 0xf2c00003, PLACE, target, 0,
		   0xf2cacf03);
	expect_arm(R_AARCH64_MOVW_UABS_G3, 0xd2e00003, PLACE, target, 0,
		   0xd2e24683);
	expect_arm(R_AARCH64_MOVW_UABS_G0, 0xd2800003, PLACE, 0xffff, 0,
		   0xd29fffe3);
	expect_arm(R_AARCH64_MOVW_UABS_G0, 0xd2800003, PLACE, 0x10000,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_MOVW_UABS_G1, 0xd2a00003, PLACE, 1ULL << 32,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_MOVW_UABS_G2, 0xd2c00003, PLACE, 1ULL << 48,
		   -EOVERFLOW, 0);
}

static void aarch64_got(void **state)
{
	(void)state;
	expect_arm(R_AARCH64_LD64_GOTPAGE_LO15, 0xf9400000, PLACE, 0x7ff8, 0,
		   0xf97ffc00);
	expect_arm(R_AARCH64_LD64_GOTPAGE_LO15, 0xf9400000, PLACE, 0x8000,
		   -EOVERFLOW, 0);
	expect_arm(R_AARCH64_LD64_GOTPAGE_LO15, 0xf9400000, PLACE, 4, -EINVAL,
		   0);
	expect_arm(R_AARCH64_GOT_LD_PREL19, 0x58000000, PLACE, PLACE + 8, 0,
		   0x58000040);
}

static void kinds_are_complete(void **state)
{
	static const struct ca__elf_machine *const machines[] = {
		&ca__elf_x86_64, &ca__elf_aarch64, &ca__elf_riscv64,
	};

	(void)state;
	for (int m = 0; m < 3; m++) {
		for (size_t i = 0; i < machines[m]->kind_count; i++) {
			const struct ca__elf_kind *kind =
				&machines[m]->kinds[i];
			uint64_t result;

			assert_ptr_equal(ca__elf_kind(machines[m], kind->type),
					 kind);
			assert_int_equal(apply(machines[m], kind->type, 0,
					       0x8000, 0x7f00, &result), 0);
		}
	}
}

static void trap_fill(void **state)
{
	static const uint8_t brk[8] = { 0, 0, 0x20, 0xd4, 0, 0, 0x20, 0xd4 };
	static const uint8_t ebreak[5] = { 0x02, 0x90, 0x02, 0x90, 0x02 };
	static const uint8_t int3[3] = { 0xcc, 0xcc, 0xcc };
	uint8_t bytes[8];

	(void)state;
	ca__elf_aarch64.fill(bytes, 8);
	assert_memory_equal(bytes, brk, 8);
	ca__elf_x86_64.fill(bytes, 3);
	assert_memory_equal(bytes, int3, 3);
	assert_memory_equal(bytes + 3, brk + 3, 5);
	ca__elf_riscv64.fill(bytes, 5);
	assert_memory_equal(bytes, ebreak, 5);
	assert_memory_equal(bytes + 5, brk + 5, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_64_none),
		cmocka_unit_test(x86_64_absolute_64),
		cmocka_unit_test(x86_64_relative_64),
		cmocka_unit_test(x86_64_absolute_32),
		cmocka_unit_test(x86_64_absolute_32_signed),
		cmocka_unit_test(x86_64_relative_32),
		cmocka_unit_test(x86_64_got),
		cmocka_unit_test(x86_64_unknown),
		cmocka_unit_test(x86_64_stub_bytes),
		cmocka_unit_test(aarch64_none),
		cmocka_unit_test(aarch64_data_64),
		cmocka_unit_test(aarch64_data_32),
		cmocka_unit_test(aarch64_branch_26),
		cmocka_unit_test(aarch64_branch_19),
		cmocka_unit_test(aarch64_branch_14),
		cmocka_unit_test(aarch64_adr),
		cmocka_unit_test(aarch64_adrp),
		cmocka_unit_test(aarch64_low_12),
		cmocka_unit_test(aarch64_unknown),
		cmocka_unit_test(aarch64_stub_bytes),
		cmocka_unit_test(aarch64_moves),
		cmocka_unit_test(aarch64_got),
		cmocka_unit_test(kinds_are_complete),
		cmocka_unit_test(trap_fill),
	};

	return cmocka_run_group_tests_name("elf_reloc", tests, NULL, NULL);
}
