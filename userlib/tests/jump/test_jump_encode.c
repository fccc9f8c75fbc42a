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

/* The text of instructions at @address, "; " between them. */
static void expect_text(cs_arch arch, cs_mode mode, const uint8_t *code,
			size_t length, uint64_t address, const char *expected)
{
	size_t count, i, used = 0;
	cs_insn *instructions;
	char text[512] = "";
	csh handle;

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
	static const uint32_t known[][7] = {
		{ EM_X86_64, 0, 8, 8, 16, 10, 8 },
		{ EM_X86_64, ENTRY, 16, 16, 16, 10, 16 },
		{ EM_AARCH64, 0, 4, 4, 16, 16, 16 },
		{ EM_AARCH64, ENTRY, 8, 8, 16, 16, 16 },
		{ EM_RISCV, 0, 24, 24, 24, 40, 16 },
		{ EM_RISCV, ENTRY, 24, 24, 24, 40, 16 },
	};
	struct codearena_jump_layout l;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(known[i][0], known[i][1]);
		assert_int_equal(l.machine, known[i][0]);
		assert_int_equal(l.flags, known[i][1]);
		assert_int_equal(l.line_size, known[i][2]);
		assert_int_equal(l.near_size, known[i][3]);
		assert_int_equal(l.far_size, known[i][4]);
		assert_int_equal(l.lazy_size, known[i][5]);
		assert_int_equal(l.data_size, known[i][6]);
		assert_int_equal(l.align, 8);
	}
	for (i = 1; i < 32; i++)
		assert_int_equal(codearena_jump_layout(EM_X86_64, 1U << i, &l),
				 -EOPNOTSUPP);
	assert_int_equal(codearena_jump_layout(EM_386, 0, &l), -EOPNOTSUPP);
	assert_int_equal(codearena_jump_layout(EM_X86_64, 0, NULL), -EINVAL);
}

/* V8's worked example: 1000 functions, 100 builtins. */
static void sizes_as_in_v8(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_X86_64, 0);

	(void)state;
	assert_int_equal(codearena_jump_near_bytes(&l, 1000), 8000);
	assert_int_equal(codearena_jump_far_bytes(&l, 1100), 17600);
	assert_int_equal(codearena_jump_lazy_bytes(&l, 1000), 10000);
	assert_int_equal(codearena_jump_near_bytes(&l, 0), 0);
	assert_int_equal(codearena_jump_near_bytes(NULL, 5), 0);
	assert_true(codearena_jump_near_bytes(&l, UINT32_MAX) ==
		    8ULL * UINT32_MAX);
}

typedef uint64_t (*offset_function)(const struct codearena_jump_layout *,
				    uint32_t);
typedef int (*index_function)(const struct codearena_jump_layout *, uint64_t,
			      uint32_t, uint32_t *);

static void check_indexes(const struct codearena_jump_layout *l,
			  offset_function bytes, offset_function offset_of,
			  index_function index_of)
{
	uint32_t count = 300, next = 0, index;
	uint64_t offset;

	for (offset = 0; offset < bytes(l, count) + 64; offset++) {
		index = 12345;
		if (next < count && offset == offset_of(l, next)) {
			assert_int_equal(index_of(l, offset, count, &index), 0);
			assert_int_equal(index, next);
			next++;
			continue;
		}
		assert_int_equal(index_of(l, offset, count, &index), -ENOENT);
		assert_int_equal(index, 12345);
	}
	assert_int_equal(next, count);
	assert_int_equal(index_of(l, UINT64_MAX, count, &index), -ENOENT);
	assert_int_equal(index_of(l, 0 - offset_of(l, 1), UINT32_MAX, &index),
			 -ENOENT);
	assert_int_equal(index_of(l, 0, 0, &index), -ENOENT);
	assert_int_equal(index_of(l, offset_of(l, UINT32_MAX - 1), UINT32_MAX,
				  &index), 0);
	assert_int_equal(index, UINT32_MAX - 1);
	assert_int_equal(index_of(l, 0, 1, NULL), -EINVAL);
	assert_int_equal(index_of(NULL, 0, 1, &index), -EINVAL);
}

static void offsets_and_indexes(void **state)
{
	static const uint32_t machines[] = { EM_X86_64, EM_AARCH64, EM_RISCV };
	struct codearena_jump_layout l;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(machines[i / 2], i % 2);
		check_indexes(&l, codearena_jump_near_bytes,
			      codearena_jump_near_offset,
			      codearena_jump_near_index);
		check_indexes(&l, codearena_jump_far_bytes,
			      codearena_jump_far_offset,
			      codearena_jump_far_index);
		check_indexes(&l, codearena_jump_lazy_bytes,
			      codearena_jump_lazy_offset,
			      codearena_jump_lazy_index);
		check_indexes(&l, codearena_jump_data_bytes,
			      codearena_jump_data_offset,
			      codearena_jump_data_index);
	}
}

static void x86_bytes(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_X86_64, 0);
	struct codearena_jump_layout e = layout_of(EM_X86_64, ENTRY);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];
	int n;

	(void)state;
	n = codearena_jump_encode_near(&l, 0x1000, 0x1234, code);
	expect_bytes(code, n, "e9 2f 02 00 00 cc cc cc");
	n = codearena_jump_encode_near(&e, 0x1000, 0x1234, code);
	expect_bytes(code, n,
		     "f3 0f 1e fa 0f 1f 40 00 e9 27 02 00 00 cc cc cc");
	expect_x86(code, 13, 0x1000, "endbr64; nop dword ptr [rax]; jmp 0x1234");
	n = codearena_jump_encode_far(&l, 0x1000, 0x1122334455667788, code);
	expect_bytes(code, n,
		     "ff 25 02 00 00 00 66 90 88 77 66 55 44 33 22 11");
	expect_x86(code, 6, 0, "jmp qword ptr [rip + 2]");
	n = codearena_jump_encode_lazy(&l, 0x1001, 0x12345678, 0x1000, code);
	expect_bytes(code, n, "68 78 56 34 12 e9 f5 ff ff ff");
	expect_x86(code, n, 0x1001, "push 0x12345678; jmp 0x1000");
	n = codearena_jump_encode_data(&l, 0x1000, 0x2000, code);
	expect_bytes(code, n, "ff 25 fa 0f 00 00 cc cc");
	n = codearena_jump_encode_data(&e, 0x1000, 0x2000, code);
	expect_bytes(code, n,
		     "f3 0f 1e fa ff 25 f6 0f 00 00 cc cc cc cc cc cc");
	expect_x86(code, 10, 0, "endbr64; jmp qword ptr [rip + 0xff6]");
}

static void arm64_bytes(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_AARCH64, 0);
	struct codearena_jump_layout e = layout_of(EM_AARCH64, ENTRY);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];
	int n;

	(void)state;
	n = codearena_jump_encode_near(&l, 0x1004, 0x1000, code);
	expect_bytes(code, n, "ff ff ff 17");
	n = codearena_jump_encode_near(&e, 0x1000, 0x1008, code);
	expect_bytes(code, n, "5f 24 03 d5 01 00 00 14");
	n = codearena_jump_encode_far(&l, 0x1000, 0x1122334455667788, code);
	expect_bytes(code, n,
		     "50 00 00 58 00 02 1f d6 88 77 66 55 44 33 22 11");
	expect_arm64(code, 8, 0, "ldr x16, #8; br x16");
	n = codearena_jump_encode_lazy(&l, 0x1000, 0x12345678, 0x2000, code);
	expect_bytes(code, 4, "df 24 03 d5");
	expect_arm64(code + 4, n - 4, 0x1004, "movz w8, #0x5678; "
		     "movk w8, #0x1234, lsl #16; b #0x2000");
	n = codearena_jump_encode_data(&l, 0x1ffc, 0x2ff8, code);
	expect_arm64(code, n, 0x1ffc, "adrp x16, #0x2000; "
		     "ldr x16, [x16, #0xff8]; br x16; nop");
	n = codearena_jump_encode_data(&e, 0x1ffc, 0x1000, code);
	expect_bytes(code, 4, "5f 24 03 d5");
	/* Behind bti c it begins in the next page. */
	expect_arm64(code + 4, n - 4, 0x2000, "adrp x16, #0x1000; "
		     "ldr x16, [x16]; br x16");
}

static void random_targets_by_capstone(void **state)
{
	struct codearena_jump_layout x = layout_of(EM_X86_64, 0);
	struct codearena_jump_layout a = layout_of(EM_AARCH64, ENTRY);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];
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
		n = codearena_jump_encode_near(&x, slot, target, code);
		assert_int_equal(n, 8);
		snprintf(text, sizeof(text),
			 "jmp 0x%llx; int3; int3; int3",
			 (unsigned long long)target);
		expect_x86(code, n, slot, text);
		n = codearena_jump_encode_lazy(&x, slot + 1, index | 256,
					       target, code);
		snprintf(text, sizeof(text), "push 0x%x; jmp 0x%llx",
			 index | 256, (unsigned long long)target);
		expect_x86(code, n, slot + 1, text);
		target = slot + (int64_t)(int32_t)number() / 128 * 4;
		n = codearena_jump_encode_near(&a, slot, target, code);
		snprintf(text, sizeof(text), "b #0x%llx",
			 (unsigned long long)target);
		expect_arm64(code + 4, n - 4, slot + 4, text);
		target = (slot + (int64_t)(int32_t)number()) & ~7ULL;
		n = codearena_jump_encode_data(&a, slot, target | 0x10, code);
		snprintf(text, sizeof(text), "adrp x16, #0x%llx; "
			 "ldr x16, [x16, #0x%llx]; br x16",
			 (unsigned long long)target & ~4095ULL,
			 (unsigned long long)(target | 0x10) & 4095);
		expect_arm64(code + 4, n - 4, slot + 4, text);
	}
}

/* Encode, decode, and see that nothing else decodes. */
static void check_round_trip(const struct codearena_jump_layout *l)
{
	uint8_t code[CODEARENA_JUMP_SLOT_MAX] = { 0 };
	uint64_t slot = number() & ~7ULL, target = number() & ~7ULL, found = 0;
	uint64_t reach = l->machine == EM_AARCH64 ? 1ULL << 27 : 1ULL << 31;
	uint64_t close = slot + target % reach - reach / 2;
	uint32_t index = number(), index_found = 0;

	assert_int_equal(codearena_jump_encode_near(l, slot, close, code),
			 l->near_size);
	assert_int_equal(codearena_jump_decode_near(l, slot, code, &found), 0);
	assert_true(found == close);
	assert_int_equal(codearena_jump_encode_far(l, slot, target, code),
			 l->far_size);
	assert_int_equal(codearena_jump_decode_far(l, slot, code, &found), 0);
	assert_true(found == target);
	assert_int_equal(codearena_jump_encode_lazy(l, slot, index, close,
						    code), l->lazy_size);
	assert_int_equal(codearena_jump_decode_lazy(l, slot, code, &index_found,
						    &found), 0);
	assert_true(found == close);
	assert_int_equal(index_found, index);
	close &= ~7ULL;
	assert_int_equal(codearena_jump_encode_data(l, slot, close, code),
			 l->data_size);
	assert_int_equal(codearena_jump_decode_data(l, slot, code, &found), 0);
	assert_true(found == close);
	found = 99;
	code[number() % 4] ^= 0x40;
	if (!codearena_jump_decode_data(l, slot, code, &found)) {
		uint8_t again[CODEARENA_JUMP_SLOT_MAX];

		codearena_jump_encode_data(l, slot, found, again);
		assert_memory_equal(again, code, l->data_size);
		assert_true(found != close);
	} else {
		assert_int_equal(found, 99);
	}
}

static void decoders_find_what_encoders_were_given(void **state)
{
	static const uint32_t machines[] = { EM_X86_64, EM_AARCH64, EM_RISCV };
	struct codearena_jump_layout l;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(machines[i / 2], i % 2);
		for (j = 0; j < ROUNDS; j++)
			check_round_trip(&l);
	}
}

/* No bit of the fixed parts may differ. */
static void decoders_are_exact(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_X86_64, ENTRY);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];
	uint64_t target = 99;
	unsigned int i;
	int ret;

	(void)state;
	codearena_jump_encode_near(&l, 0x1000, 0x5000, code);
	for (i = 0; i < 16 * 8; i++) {
		code[i / 8] ^= 1 << i % 8;
		ret = codearena_jump_decode_near(&l, 0x1000, code, &target);
		/* The distance is any number. */
		assert_int_equal(ret, i / 8 >= 9 && i / 8 < 13 ? 0 : -ENOENT);
		code[i / 8] ^= 1 << i % 8;
	}
	codearena_jump_encode_far(&l, 0x1000, 0x5000, code);
	for (i = 0; i < 8 * 8; i++) {
		target = 99;
		code[i / 8] ^= 1 << i % 8;
		assert_int_equal(codearena_jump_decode_far(&l, 0x1000, code,
							   &target), -ENOENT);
		assert_int_equal(target, 99);
		code[i / 8] ^= 1 << i % 8;
	}
	l = layout_of(EM_AARCH64, 0);
	memset(code, 0xcc, sizeof(code));
	assert_int_equal(codearena_jump_decode_near(&l, 0, code, &target),
			 -ENOENT);
	l = layout_of(EM_RISCV, 0);
	codearena_jump_encode_near(&l, 0, 0x1000, code);
	code[16] = 1;
	assert_int_equal(codearena_jump_decode_near(&l, 0, code, &target),
			 -ENOENT);
	assert_int_equal(target, 99);
}

/* What capstone makes of the branch of a near slot. */
static void expect_branch(const struct codearena_jump_layout *l, uint64_t slot,
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
static void check_limits(const struct codearena_jump_layout *l, uint64_t slot,
			 uint64_t origin, uint64_t back, uint64_t ahead,
			 uint64_t step)
{
	uint8_t code[CODEARENA_JUMP_SLOT_MAX], before[CODEARENA_JUMP_SLOT_MAX];
	uint64_t found;

	memset(code, 0x5a, sizeof(code));
	memcpy(before, code, sizeof(code));
	assert_int_equal(codearena_jump_encode_near(l, slot,
						    origin - back - step,
						    code), -ERANGE);
	assert_int_equal(codearena_jump_encode_near(l, slot,
						    origin + ahead + step,
						    code), -ERANGE);
	assert_memory_equal(code, before, sizeof(code));
	assert_true(codearena_jump_encode_near(l, slot, origin - back, code) >
		    0);
	assert_int_equal(codearena_jump_decode_near(l, slot, code, &found), 0);
	assert_true(found == origin - back);
	expect_branch(l, slot, code, origin - back);
	assert_true(codearena_jump_encode_near(l, slot, origin + ahead, code) >
		    0);
	assert_int_equal(codearena_jump_decode_near(l, slot, code, &found), 0);
	assert_true(found == origin + ahead);
	expect_branch(l, slot, code, origin + ahead);
}

static void near_limits(void **state)
{
	/* In the middle, and where distances wrap round the address space. */
	static const uint64_t slots[] = {
		0x7f0000001000, 0, 0x40000000, 0xffffffffffffffe0,
		0x8000000000000000, 0x7ffffffffffffff0,
	};
	const uint64_t x86 = 1ULL << 31, arm64 = 1ULL << 27;
	struct codearena_jump_layout l;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		l = layout_of(EM_X86_64, 0);
		check_limits(&l, slots[i], slots[i] + 5, x86, x86 - 1, 1);
		l = layout_of(EM_X86_64, ENTRY);
		check_limits(&l, slots[i], slots[i] + 13, x86, x86 - 1, 1);
		l = layout_of(EM_AARCH64, 0);
		check_limits(&l, slots[i], slots[i], arm64, arm64 - 4, 4);
		l = layout_of(EM_AARCH64, ENTRY);
		check_limits(&l, slots[i], slots[i] + 4, arm64, arm64 - 4, 4);
	}
}

static void lazy_limits_are_errors(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_X86_64, 0);
	uint8_t code[CODEARENA_JUMP_SLOT_MAX] = { 0 };
	uint64_t slot = 1ULL << 40, far = 1ULL << 31;

	(void)state;
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 10 + far, code),
			 -ERANGE);
	assert_int_equal(code[0], 0);
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 9 + far, code), 10);
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 10 - far, code), 10);
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 9 - far, code),
			 -ERANGE);
	l = layout_of(EM_AARCH64, 0);
	far = 1ULL << 27;
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 12 + far, code),
			 -ERANGE);
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, 1,
						    slot + 8 + far, code), 16);
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(codearena_jump_encode_lazy(&l, slot, UINT32_MAX,
						    UINT64_MAX - 1, code), 40);
}

static void check_data(const struct codearena_jump_layout *l, uint64_t slot,
		       uint64_t last, uint64_t first)
{
	uint8_t code[CODEARENA_JUMP_SLOT_MAX];
	uint64_t word;

	assert_true(codearena_jump_encode_data(l, slot, last, code) > 0);
	assert_int_equal(codearena_jump_decode_data(l, slot, code, &word), 0);
	assert_true(word == last);
	assert_int_equal(codearena_jump_encode_data(l, slot, last + 8, code),
			 -ERANGE);
	assert_true(codearena_jump_encode_data(l, slot, first, code) > 0);
	assert_int_equal(codearena_jump_decode_data(l, slot, code, &word), 0);
	assert_true(word == first);
	assert_int_equal(codearena_jump_encode_data(l, slot, first - 8, code),
			 -ERANGE);
}

static void data_limits(void **state)
{
	const uint64_t two = 1ULL << 31, four = 1ULL << 32, slot = 1ULL << 45;
	struct codearena_jump_layout l = layout_of(EM_X86_64, 0);

	(void)state;
	check_data(&l, slot, slot + two, slot - two + 8);
	l = layout_of(EM_X86_64, ENTRY);
	check_data(&l, slot, slot + two + 8, slot - two + 16);
	l = layout_of(EM_AARCH64, 0);
	check_data(&l, slot + 0x100, slot + four - 8, slot - four);
	l = layout_of(EM_RISCV, 0);
	check_data(&l, slot, slot + two - 0x808, slot - two - 0x800);
}

static void patch_words(void **state)
{
	struct codearena_patch_entry e;
	struct codearena_jump_layout l = layout_of(EM_X86_64, ENTRY);

	(void)state;
	assert_int_equal(codearena_jump_patch_near(&l, 0x1000, 0x2000, 0x3000,
						   &e), 0);
	assert_int_equal(e.offset, 8);
	assert_int_equal(e.width, 8);
	assert_int_equal(e.__reserved, 0);
	assert_true(e.expected == 0xcccccc00000ff3e9);
	assert_true(e.value == 0xcccccc00001ff3e9);
	assert_int_equal(codearena_jump_patch_far(&l, 0x1000, 0x2000, 0x3000,
						  &e), 0);
	assert_int_equal(e.offset, 8);
	assert_true(e.expected == 0x2000 && e.value == 0x3000 && e.width == 8);
	l = layout_of(EM_AARCH64, ENTRY);
	assert_int_equal(codearena_jump_patch_near(&l, 0x1000, 0x1004, 0x1008,
						   &e), 0);
	assert_int_equal(e.offset, 4);
	assert_int_equal(e.width, 4);
	assert_true(e.expected == 0x14000000 && e.value == 0x14000001);
	assert_int_equal(codearena_jump_patch_near(&l, 0x1000, 0x1004,
						   0x90000000, &e), -ERANGE);
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(codearena_jump_patch_near(&l, 0x1000, 2, UINT64_MAX - 1,
						   &e), 0);
	assert_int_equal(e.offset, 16);
	assert_true(e.expected == 2 && e.value == UINT64_MAX - 1 &&
		    e.width == 8);
	assert_int_equal(codearena_jump_patch_far(&l, 0x1000, 2, 4, &e), 0);
	assert_int_equal(e.offset, 16);
}

static void bad_arguments(void **state)
{
	struct codearena_jump_layout l = layout_of(EM_X86_64, 0), bad = l;
	uint8_t code[CODEARENA_JUMP_SLOT_MAX] = { 0 };
	struct codearena_patch_entry e;
	uint64_t target;

	(void)state;
	bad.near_size = 4;
	assert_int_equal(codearena_jump_encode_near(&bad, 0, 0, code), -EINVAL);
	assert_int_equal(codearena_jump_near_bytes(&bad, 1), 0);
	assert_int_equal(codearena_jump_encode_near(NULL, 0, 0, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_near(&l, 0, 0, NULL), -EINVAL);
	assert_int_equal(codearena_jump_encode_near(&l, 4, 0, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_far(&l, 4, 0, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_data(&l, 0, 4, code), -EINVAL);
	assert_int_equal(codearena_jump_decode_near(&l, 4, code, &target),
			 -EINVAL);
	assert_int_equal(codearena_jump_decode_far(&l, 0, code, NULL), -EINVAL);
	assert_int_equal(codearena_jump_patch_far(&l, 4, 0, 0, &e), -EINVAL);
	assert_int_equal(codearena_jump_patch_near(&l, 0, 0, 0, NULL), -EINVAL);
	l = layout_of(EM_AARCH64, 0);
	assert_int_equal(codearena_jump_encode_near(&l, 2, 0, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_near(&l, 4, 2, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_lazy(&l, 2, 0, 0, code),
			 -EINVAL);
	l = layout_of(EM_RISCV, 0);
	assert_int_equal(codearena_jump_encode_near(&l, 8, 1, code), -EINVAL);
	assert_int_equal(codearena_jump_encode_lazy(&l, 4, 0, 0, code),
			 -EINVAL);
	assert_int_equal(codearena_jump_patch_far(&l, 8, 0, 1, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),
		cmocka_unit_test(sizes_as_in_v8),
		cmocka_unit_test(offsets_and_indexes),
		cmocka_unit_test(x86_bytes),
		cmocka_unit_test(arm64_bytes),
		cmocka_unit_test(random_targets_by_capstone),
		cmocka_unit_test(decoders_find_what_encoders_were_given),
		cmocka_unit_test(decoders_are_exact),
		cmocka_unit_test(near_limits),
		cmocka_unit_test(lazy_limits_are_errors),
		cmocka_unit_test(data_limits),
		cmocka_unit_test(patch_words),
		cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
