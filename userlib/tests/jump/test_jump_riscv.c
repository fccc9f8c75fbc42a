// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots of jump tables for riscv64, which capstone of Debian 12 does not know: an
 * assembler writes the same.
 */
#include <stdlib.h>

#include "jump/test_jump_encode.h"

/* Number of slots that are assembled at a time, and their bytes. */
#define ASSEMBLED	64
#define ASSEMBLED_MAX	(ASSEMBLED * 3 * CA__JUMP_SLOT_MAX)

/* Assemble the text for riscv64 and compare it with the code. */
static void expect_riscv(const uint8_t *code, size_t length, const char *text)
{
	char directory[] = "/tmp/codearena-XXXXXX", command[512];
	static uint8_t made[ASSEMBLED_MAX + 1];
	FILE *stream;
	size_t size;

	assert_non_null(mkdtemp(directory));
	snprintf(command, sizeof(command), "%s/code.s", directory);
	stream = fopen(command, "w");
	assert_non_null(stream);
	fprintf(stream, ".option norvc\n%s\n", text);
	fclose(stream);
	snprintf(command, sizeof(command),
		 "cd %s && clang --target=riscv64 -c code.s -o code.o && "
		 "llvm-objcopy -O binary -j .text code.o code.bin || "
		 "objcopy -I elf64-little -O binary -j .text code.o code.bin",
		 directory);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/code.bin", directory);
	stream = fopen(command, "r");
	assert_non_null(stream);
	size = fread(made, 1, sizeof(made), stream);
	fclose(stream);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(size, length);
	assert_memory_equal(made, code, length);
}

static void riscv_bytes(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_RISCV, 0);
	uint8_t code[CA__JUMP_SLOT_MAX], far[CA__JUMP_SLOT_MAX];
	int n;

	(void)state;
	n = ca__jump_encode_near(l, 8, 0x1122334455667788, code);
	expect_bytes(code, n, "97 0f 00 00 83 bf 0f 01 67 80 0f 00 "
		     "13 00 00 00 88 77 66 55 44 33 22 11");
	assert_int_equal(ca__jump_encode_far(l, 8, 0x1122334455667788,
						   far), n);
	assert_memory_equal(code, far, n);
	n = ca__jump_encode_lazy(l, 8, 0x12345fff, 0xfedcba9876543210,
				       code);
	expect_bytes(code, n, "b7 62 34 12 9b 82 f2 ff 97 0f 00 00 83 bf 8f 01 "
		     "67 80 0f 00 13 00 00 00 13 00 00 00 13 00 00 00 "
		     "10 32 54 76 98 ba dc fe");
	if (system("clang --print-targets 2>/dev/null | grep -q riscv64"))
		skip_because("no assembler for riscv64 here");
	expect_riscv(code, n, "lui t0, 0x12346\naddiw t0, t0, -1\n"
		     "auipc t6, 0\nld t6, 24(t6)\njr t6\nnop\nnop\nnop\n"
		     ".quad 0xfedcba9876543210");
	expect_riscv(far, 24, "auipc t6, 0\nld t6, 16(t6)\njr t6\nnop\n"
		     ".quad 0x1122334455667788");
}

/* The upper part for lui; what is left has 12 bits and a sign. */
static uint32_t riscv_upper(int32_t value)
{
	return ((uint32_t)value + 0x800) >> 12;
}

static int riscv_lower(int32_t value)
{
	return (int32_t)((uint32_t)value - (riscv_upper(value) << 12));
}

static void random_targets_by_assembler(void **state)
{
	const struct ca__jump_layout *l = layout_of(EM_RISCV, 0);
	static uint8_t code[ASSEMBLED_MAX];
	static char text[ASSEMBLED * 512];
	size_t size = 0, used = 0;
	unsigned int i;

	(void)state;
	if (system("clang --print-targets 2>/dev/null | grep -q riscv64"))
		skip_because("no assembler for riscv64 here");
	for (i = 0; i < ASSEMBLED; i++) {
		uint64_t slot = number() & ~7ULL, target = number() & ~1ULL;
		int32_t index = number();

		size += ca__jump_encode_far(l, slot, target, code + size);
		size += ca__jump_encode_lazy(l, slot, index, target,
						   code + size);
		used += snprintf(text + used, sizeof(text) - used,
				 "auipc t6, 0\nld t6, 16(t6)\njr t6\nnop\n"
				 ".quad 0x%llx\n"
				 "lui t0, %u\naddiw t0, t0, %d\nauipc t6, 0\n"
				 "ld t6, 24(t6)\njr t6\nnop\nnop\nnop\n"
				 ".quad 0x%llx\n",
				 (unsigned long long)target,
				 riscv_upper(index), riscv_lower(index),
				 (unsigned long long)target);
	}
	assert_true(used < sizeof(text));
	expect_riscv(code, size, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(riscv_bytes),
		cmocka_unit_test(random_targets_by_assembler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
