// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots of jump tables, read by capstone for x86-64 and arm64, also at the limits
 * of reach. For riscv64 see test_jump_riscv.c.
 */
#include <stdlib.h>

#include <capstone/capstone.h>

#include "jump/test_jump_encode.h"

#define ROUNDS		2000

/* Which capstone writes the expected texts. */
static void skip_other_spelling(void)
{
	if (CS_API_MAJOR > 4) {
		print_message("the texts are capstone 4's\n");
		skip();
	}
}

/* The text of instructions at @address, "; " between them. */
static void expect_text(cs_arch arch, cs_mode mode, const uint8_t *code,
			size_t length, uint64_t address, const char *expected)
{
	size_t count, i, used = 0;
	cs_insn *instructions;
	char text[512] = "";
	csh handle;

	skip_other_spelling();

	assert_int_equal(cs_open(arch, mode, &handle), CS_ERR_OK);
	count = cs_disasm(handle, code, length, address, 0, &instructions);
	assert_true(count);
	for (i = 0; i < count; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s%s%s",
				 i ? "; " : "", instructions[i].mnemonic,
				 *instructions[i].op_str ? " " : "",
				 instructions[i].op_str);
	assert_int_equal(instructions[count - 1].address - address +
			 instructions[count - 1].size, length);
	cs_free(instructions, count);
	cs_close(&handle);
	assert_string_equal(text, expected);
}

#define expect_x86(code, length, address, text) \
	expect_text(CS_ARCH_X86, CS_MODE_64, code, length, address, text)
#define expect_arm64(code, length, address, text) \
	expect_text(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, code, length, \
		    address, text)

static void layouts(void **state)
{
	static const uint32_t known[][5] = {
		{ EM_X86_64, 0, 8, 16, 10 },
		{ EM_X86_64, ENTRY, 16, 16, 10 },
		{ EM_AARCH64, 0, 4, 16, 16 },
		{ EM_AARCH64, ENTRY, 8, 16, 16 },
		{ EM_RISCV, 0, 24, 24, 40 },
		{ EM_RISCV, ENTRY, 24, 24, 40 },
	};
	const struct ca__jump_layout *l;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(known[i][0], known[i][1]);
		assert_int_equal(l->machine, known[i][0]);
		assert_int_equal(l->flags, known[i][1]);
		assert_int_equal(l->near_size, known[i][2]);
		assert_int_equal(l->far_size, known[i][3]);
		assert_int_equal(l->lazy_size, known[i][4]);
		/* Then patched words are aligned, and lazy slots too. */
		assert_int_equal(l->near_size % l->code->near_width, 0);
		assert_int_equal(ca__jump_near_place(l) % l->code->near_width,
				 0);
		assert_int_equal(l->far_size % 8, 0);
		assert_int_equal(l->lazy_size % l->code->lazy_align, 0);
	}
	for (i = 1; i < 32; i++)
		assert_null(ca__jump_layout_find(EM_X86_64, 1U << i));
	assert_null(ca__jump_layout_find(EM_386, 0));
}

static void indexes_are_exact(void **state)
{
	uint32_t size = 24, count = 300, index;
	uint64_t offset;

	(void)state;
	for (offset = 0; offset < size * count + 64; offset++) {
		bool slot = offset % size == 0 && offset < size * count;

		index = 12345;
		assert_int_equal(ca__jump_index(offset, size, count, &index),
				 slot);
		assert_int_equal(index, slot ? offset / size : 12345);
	}
	assert_false(ca__jump_index(UINT64_MAX, size, count, &index));
	assert_false(ca__jump_index(0 - (uint64_t)size, size, UINT32_MAX,
				    &index));
	assert_false(ca__jump_index(0, size, 0, &index));
	offset = (uint64_t)size * (UINT32_MAX - 1);
	assert_true(ca__jump_index(offset, size, UINT32_MAX, &index));
	assert_int_equal(index, UINT32_MAX - 1);
}

static void x86_bytes(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_X86_64, 0);
	const struct ca__jump_layout *e = layout_of(EM_X86_64, ENTRY);
	uint8_t code[CA__JUMP_SLOT_MAX];
	int n;

	(void)state;
	n = ca__jump_encode_near(l, 0x1000, 0x1234, code);
	expect_bytes(code, n, "e9 2f 02 00 00 cc cc cc");
	n = ca__jump_encode_near(e, 0x1000, 0x1234, code);
	expect_bytes(code, n,
		     "f3 0f 1e fa 0f 1f 40 00 e9 27 02 00 00 cc cc cc");
	expect_x86(code, 13, 0x1000, "endbr64; nop dword ptr [rax]; jmp 0x1234");
	n = ca__jump_encode_far(l, 0x1000, 0x1122334455667788, code);
	expect_bytes(code, n,
		     "ff 25 02 00 00 00 66 90 88 77 66 55 44 33 22 11");
	expect_x86(code, 6, 0, "jmp qword ptr [rip + 2]");
	n = ca__jump_encode_lazy(l, 0x1001, 0x12345678, 0x1000, code);
	expect_bytes(code, n, "68 78 56 34 12 e9 f5 ff ff ff");
	expect_x86(code, n, 0x1001, "push 0x12345678; jmp 0x1000");
}

static void arm64_bytes(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_AARCH64, 0);
	const struct ca__jump_layout *e = layout_of(EM_AARCH64, ENTRY);
	uint8_t code[CA__JUMP_SLOT_MAX];
	int n;

	(void)state;
	n = ca__jump_encode_near(l, 0x1004, 0x1000, code);
	expect_bytes(code, n, "ff ff ff 17");
	n = ca__jump_encode_near(e, 0x1000, 0x1008, code);
	expect_bytes(code, n, "5f 24 03 d5 01 00 00 14");
	n = ca__jump_encode_far(l, 0x1000, 0x1122334455667788, code);
	expect_bytes(code, n,
		     "50 00 00 58 00 02 1f d6 88 77 66 55 44 33 22 11");
	expect_arm64(code, 8, 0, "ldr x16, #8; br x16");
	n = ca__jump_encode_lazy(l, 0x1000, 0x12345678, 0x2000, code);
	expect_bytes(code, 4, "df 24 03 d5");
	expect_arm64(code + 4, n - 4, 0x1004, "movz w8, #0x5678; "
		     "movk w8, #0x1234, lsl #16; b #0x2000");
}

static void random_targets_by_capstone(void **state)
{
	const struct ca__jump_layout *x = layout_of(EM_X86_64, 0);
	const struct ca__jump_layout *a = layout_of(EM_AARCH64, ENTRY);
	uint8_t code[CA__JUMP_SLOT_MAX];
	uint64_t slot, target;
	char text[128];
	uint32_t index;
	unsigned int i;
	int n;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		slot = (number() >> 18 | 1ULL << 34) & ~7ULL;
		index = number() >> 40;
		target = slot + (int64_t)(int32_t)number() / 2;
		n = ca__jump_encode_near(x, slot, target, code);
		assert_int_equal(n, 8);
		snprintf(text, sizeof(text),
			 "jmp 0x%llx; int3; int3; int3",
			 (unsigned long long)target);
		expect_x86(code, n, slot, text);
		n = ca__jump_encode_lazy(x, slot + 1, index | 256,
					       target, code);
		snprintf(text, sizeof(text), "push 0x%x; jmp 0x%llx",
			 index | 256, (unsigned long long)target);
		expect_x86(code, n, slot + 1, text);
		target = slot + (int64_t)(int32_t)number() / 128 * 4;
		n = ca__jump_encode_near(a, slot, target, code);
		snprintf(text, sizeof(text), "b #0x%llx",
			 (unsigned long long)target);
		expect_arm64(code + 4, n - 4, slot + 4, text);
	}
}

/* Words of near slots are read back; a changed word is no word, or another's. */
static void check_round_trip(const struct ca__jump_layout *l)
{
	uint8_t code[CA__JUMP_SLOT_MAX] = { 0 };
	uint64_t slot = number() & ~7ULL, target = number() & ~7ULL;
	uint64_t reach = l->machine == EM_AARCH64 ? 1ULL << 27 : 1ULL << 31;
	uint64_t close = slot + target % reach - reach / 2;
	uint64_t word, found = 0, written = 0;

	assert_int_equal(ca__jump_encode_near(l, slot, close, code),
			 l->near_size);
	assert_true(ca__jump_near_word(l, slot, close, &word));
	memcpy(&written, code + ca__jump_near_place(l), l->code->near_width);
	assert_true(word == written);
	assert_true(ca__jump_near_target(l, slot, word, &found));
	assert_true(found == close);
	word ^= 1ULL << number() % (8 * l->code->near_width);
	if (ca__jump_near_target(l, slot, word, &found)) {
		assert_true(found != close);
		assert_true(ca__jump_near_word(l, slot, found, &written));
		assert_true(word == written);
	}
}

static void near_words_are_read_back(void **state)
{
	static const uint32_t machines[] = { EM_X86_64, EM_AARCH64, EM_RISCV };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 6; i++) {
		for (j = 0; j < ROUNDS; j++)
			check_round_trip(layout_of(machines[i / 2], i % 2));
	}
}

/* No bit of the fixed parts may differ. */
static void near_words_are_exact(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_X86_64, ENTRY);
	uint64_t word, target;
	unsigned int i;

	(void)state;
	assert_true(ca__jump_near_word(l, 0x1000, 0x5000, &word));
	for (i = 0; i < 64; i++)
		/* The distance is any number. */
		assert_int_equal(ca__jump_near_target(l, 0x1000,
						      word ^ 1ULL << i,
						      &target),
				 i / 8 >= 1 && i / 8 < 5);
	assert_false(ca__jump_near_target(l, 0, 0xcccccccccccccccc, &target));
	l = layout_of(EM_AARCH64, 0);
	assert_true(ca__jump_near_word(l, 0x1000, 0x5000, &word));
	for (i = 0; i < 32; i++)
		assert_int_equal(ca__jump_near_target(l, 0x1000,
						      word ^ 1ULL << i,
						      &target), i < 26);
	l = layout_of(EM_RISCV, 0);
	assert_true(ca__jump_near_target(l, 0, 0x1000, &target));
	/* No instruction begins at an odd address. */
	assert_false(ca__jump_near_target(l, 0, 0x1001, &target));
}

/* Compare the branch of a near slot with capstone's reading. */
static void expect_branch(const struct ca__jump_layout *l, uint64_t slot,
			  const uint8_t *code, uint64_t target)
{
	bool x86 = l->machine == EM_X86_64;
	uint32_t before = l->near_size - (x86 ? 8 : 4);
	char text[32];

	snprintf(text, sizeof(text), x86 ? "jmp 0x%llx" : "b #0x%llx",
		 (unsigned long long)target);
	if (x86)
		expect_x86(code + before, 5, slot + before, text);
	else
		expect_arm64(code + before, 4, slot + before, text);
}

/* The last distance that fits, and the first that does not, both ways. */
static void check_limits(const struct ca__jump_layout *l, uint64_t slot,
			 uint64_t origin, uint64_t back, uint64_t ahead,
			 uint64_t step)
{
	uint8_t code[CA__JUMP_SLOT_MAX], before[CA__JUMP_SLOT_MAX];
	uint64_t word, found;

	memset(code, 0x5a, sizeof(code));
	memcpy(before, code, sizeof(code));
	assert_int_equal(ca__jump_encode_near(l, slot,
						    origin - back - step,
						    code), -ERANGE);
	assert_int_equal(ca__jump_encode_near(l, slot,
						    origin + ahead + step,
						    code), -ERANGE);
	assert_memory_equal(code, before, sizeof(code));
	assert_true(ca__jump_encode_near(l, slot, origin - back, code) >
		    0);
	assert_true(ca__jump_near_word(l, slot, origin - back, &word));
	assert_true(ca__jump_near_target(l, slot, word, &found));
	assert_true(found == origin - back);
	expect_branch(l, slot, code, origin - back);
	assert_true(ca__jump_encode_near(l, slot, origin + ahead, code) >
		    0);
	assert_true(ca__jump_near_word(l, slot, origin + ahead, &word));
	assert_true(ca__jump_near_target(l, slot, word, &found));
	assert_true(found == origin + ahead);
	expect_branch(l, slot, code, origin + ahead);
}

static void near_limits(void **state)
{
	/* Also where distances wrap around the address space. */
	static const uint64_t slots[] = {
		0x7f0000001000, 0, 0x40000000, 0xffffffffffffffe0,
		0x8000000000000000, 0x7ffffffffffffff0,
	};
	const uint64_t x86 = 1ULL << 31, arm64 = 1ULL << 27;
	const struct ca__jump_layout *l;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(EM_X86_64, 0);
		check_limits(l, slots[i], slots[i] + 5, x86, x86 - 1, 1);
		l = layout_of(EM_X86_64, ENTRY);
		check_limits(l, slots[i], slots[i] + 13, x86, x86 - 1, 1);
		l = layout_of(EM_AARCH64, 0);
		check_limits(l, slots[i], slots[i], arm64, arm64 - 4, 4);
		l = layout_of(EM_AARCH64, ENTRY);
		check_limits(l, slots[i], slots[i] + 4, arm64, arm64 - 4, 4);
	}
}

static void lazy_limits_are_errors(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_X86_64, 0);
	uint8_t code[CA__JUMP_SLOT_MAX] = { 0 };
	uint64_t slot = 1ULL << 40, far = 1ULL << 31;

	(void)state;
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 10 + far, code),
			 -ERANGE);
	assert_int_equal(code[0], 0);
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 9 + far, code), 10);
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 10 - far, code), 10);
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 9 - far, code),
			 -ERANGE);
	l = layout_of(EM_AARCH64, 0);
	far = 1ULL << 27;
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 12 + far, code),
			 -ERANGE);
	assert_int_equal(ca__jump_encode_lazy(l, slot, 1,
						    slot + 8 + far, code), 16);
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(ca__jump_encode_lazy(l, slot, UINT32_MAX,
						    UINT64_MAX - 1, code), 40);
}

/* Where and what patches exchange. */
static void expect_word(const struct ca__jump_layout *l, uint64_t slot,
			uint64_t target, uint64_t expected)
{
	uint64_t word;

	assert_true(ca__jump_near_word(l, slot, target, &word));
	assert_true(word == expected);
}

static void patch_words(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_X86_64, ENTRY);
	uint64_t word;

	(void)state;
	assert_int_equal(ca__jump_near_place(l), 8);
	assert_int_equal(l->code->near_width, 8);
	assert_int_equal(l->code->far_word, 8);
	expect_word(l, 0x1000, 0x2000, 0xcccccc00000ff3e9);
	expect_word(l, 0x1000, 0x3000, 0xcccccc00001ff3e9);
	l = layout_of(EM_AARCH64, ENTRY);
	assert_int_equal(ca__jump_near_place(l), 4);
	assert_int_equal(l->code->near_width, 4);
	expect_word(l, 0x1000, 0x1004, 0x14000000);
	expect_word(l, 0x1000, 0x1008, 0x14000001);
	assert_false(ca__jump_near_word(l, 0x1000, 0x90000000, &word));
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(ca__jump_near_place(l), 16);
	assert_int_equal(l->code->near_width, 8);
	assert_int_equal(l->code->far_word, 16);
	expect_word(l, 0x1000, 2, 2);
	expect_word(l, 0x1000, UINT64_MAX - 1, UINT64_MAX - 1);
}

static void misaligned(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_X86_64, 0);
	uint8_t code[CA__JUMP_SLOT_MAX] = { 0 };

	(void)state;
	assert_int_equal(ca__jump_encode_near(l, 4, 0, code), -EINVAL);
	assert_int_equal(ca__jump_encode_far(l, 4, 0, code), -EINVAL);
	l = layout_of(EM_AARCH64, 0);
	assert_int_equal(ca__jump_encode_near(l, 2, 0, code), -EINVAL);
	assert_int_equal(ca__jump_encode_near(l, 4, 2, code), -EINVAL);
	assert_int_equal(ca__jump_encode_lazy(l, 2, 0, 0, code), -EINVAL);
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(ca__jump_encode_near(l, 8, 1, code), -EINVAL);
	assert_int_equal(ca__jump_encode_far(l, 8, 1, code), -EINVAL);
	assert_int_equal(ca__jump_encode_lazy(l, 4, 0, 0, code), -EINVAL);
	assert_int_equal(code[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),
		cmocka_unit_test(indexes_are_exact),
		cmocka_unit_test(x86_bytes),
		cmocka_unit_test(arm64_bytes),
		cmocka_unit_test(random_targets_by_capstone),
		cmocka_unit_test(near_words_are_read_back),
		cmocka_unit_test(near_words_are_exact),
		cmocka_unit_test(near_limits),
		cmocka_unit_test(lazy_limits_are_errors),
		cmocka_unit_test(patch_words),
		cmocka_unit_test(misaligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
