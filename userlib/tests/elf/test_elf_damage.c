// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Damaged and truncated files: no crash, documented results only.
 */
#include "elf/test_elf_check.h"

/* Every prefix, in a buffer of its own size so that ASan guards its end. */
static void truncated_everywhere(const char *compiler)
{
	struct file whole = compile(compiler, "-O2 -fPIC -ffunction-sections",
				    "c", source);

	for (size_t size = 0; size < whole.size; size++) {
		struct file part = { .size = size };
		struct codearena_elf *elf;
		int ret;

		part.bytes = malloc(size ? size : 1);
		assert_non_null(part.bytes);
		memcpy(part.bytes, whole.bytes, size);
		ret = open_file(&part, &elf, NULL);
		/* The section headers come last: no prefix is whole. */
		assert_int_equal(ret, -ENOEXEC);
		assert_null(elf);
		free(part.bytes);
	}
	free(whole.bytes);
}

static void truncated_native(void **state)
{
	(void)state;
	truncated_everywhere(NATIVE_CC);
}

static void truncated_aarch64(void **state)
{
	(void)state;
	truncated_everywhere(AARCH64_CC);
}

static void truncated_riscv64(void **state)
{
	(void)state;
	truncated_everywhere(RISCV64_CC);
}

/* Section headers at the start, so that prefixes lose contents instead. */
static void truncated_contents(void **state)
{
	struct file whole = compile_c(source);
	Elf64_Ehdr header;
	size_t table;

	(void)state;
	memcpy(&header, whole.bytes, sizeof(header));
	table = header.e_shnum * sizeof(Elf64_Shdr);
	for (size_t cut = 1; cut <= header.e_shoff; cut++) {
		size_t room = sizeof(header) + table;
		size_t body = header.e_shoff - sizeof(header);
		struct file part = { .size = room + body - cut };
		struct codearena_elf *elf;

		if (part.size < room)
			break;
		part.bytes = malloc(part.size);
		assert_non_null(part.bytes);
		header.e_shoff = sizeof(header);
		memcpy(part.bytes, &header, sizeof(header));
		memcpy(part.bytes + sizeof(header),
		       whole.bytes + whole.size - table, table);
		memcpy(part.bytes + room, whole.bytes + sizeof(header),
		       body - cut);
		for (unsigned int i = 0; i < header.e_shnum; i++) {
			Elf64_Shdr *shdr = (Elf64_Shdr *)(part.bytes +
					   sizeof(header)) + i;

			shdr->sh_offset += table;
		}
		header.e_shoff = whole.size - table;
		if (open_file(&part, &elf, NULL) != -ENOEXEC) {
			/* Only padding after the last section was cut. */
			assert_in_range(cut, 1, 8);
			codearena_elf_close(elf);
		}
		free(part.bytes);
	}
	free(whole.bytes);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void damage(uint8_t *bytes, size_t size, uint64_t *state)
{
	static const uint64_t odd[] = {
		0, 1, 7, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
	};
	unsigned int times = 1 + next_random(state) % 4;

	while (times--) {
		size_t width = 1UL << next_random(state) % 4;
		size_t at = next_random(state) % (size - width);
		uint64_t value = odd[next_random(state) % 13];

		if (next_random(state) % 3 == 0)
			value = next_random(state);
		else if (next_random(state) % 3 == 0)
			value = size - next_random(state) % 16;
		memcpy(bytes + at, &value, width);
	}
}

/* Deterministic, so that failures are reproducible. */
static void damaged_everywhere(const char *compiler)
{
	struct file whole = compile(compiler, "-O2 -fPIC -ffunction-sections",
				    "c", source);
	uint8_t *copy = malloc(whole.size);
	struct file file = { .bytes = copy, .size = whole.size };
	uint64_t random = 20260101;
	Elf64_Ehdr header;

	assert_non_null(copy);
	memcpy(&header, whole.bytes, sizeof(header));
	for (int i = 0; i < 20000; i++) {
		size_t from = 0;

		memcpy(copy, whole.bytes, whole.size);
		/* Half of the damage where it hurts most. */
		if (i & 1)
			from = header.e_shoff;
		damage(copy + from, whole.size - from, &random);
		exercise(&file);
	}
	free(copy);
	free(whole.bytes);
}

static void damaged_native(void **state)
{
	(void)state;
	damaged_everywhere(NATIVE_CC);
}

static void damaged_aarch64(void **state)
{
	(void)state;
	damaged_everywhere(AARCH64_CC);
}

static void damaged_riscv64(void **state)
{
	(void)state;
	damaged_everywhere(RISCV64_CC);
}

static void every_byte_inverted(void **state)
{
	struct file file = compile_c(source);

	(void)state;
	for (size_t i = 0; i < file.size; i++) {
		file.bytes[i] ^= 0xff;
		exercise(&file);
		file.bytes[i] ^= 0xff;
	}
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_native),
		cmocka_unit_test(truncated_aarch64),
		cmocka_unit_test(truncated_riscv64),
		cmocka_unit_test(truncated_contents),
		cmocka_unit_test(damaged_native),
		cmocka_unit_test(damaged_aarch64),
		cmocka_unit_test(damaged_riscv64),
		cmocka_unit_test(every_byte_inverted),
	};

	return cmocka_run_group_tests_name("elf_damage", tests, NULL, NULL);
}
