// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects: descriptions, and what objects report of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "code/code.h"
#include "code/code_check.h"
#include "lib/code_info.h"
#include "lib/helpers.h"

#define START	0x100000ULL
#define SIZE	256U

static const uint8_t body[224];

static const struct codearena_trap traps[] = {
	{ .start = 40, .length = 4, .landing = 100 },
	{ .start = 8, .length = 1, .landing = CODEARENA_LANDING_EXTERNAL },
	{ .start = 60, .length = 20, .landing = 0 },
};

static const struct codearena_reloc relocs[] = {
	{ .offset = 1, .kind = CODEARENA_RELOC_CALL,
	  .form = CODEARENA_FORM_ABS64, .index = 3 },
	{ .offset = 17, .kind = CODEARENA_RELOC_EXTERNAL,
	  .form = CODEARENA_FORM_ABS64, .index = 1, .addend = -5 },
};

static const struct codearena_source_position positions[] = {
	{ .code_offset = 0, .position = 10, .inlining_id = -1 },
	{ .code_offset = 8, .position = 11, .inlining_id = 0, .flags = 1 },
	{ .code_offset = 8, .position = 12, .inlining_id = 1 },
	{ .code_offset = 90, .position = 13, .inlining_id = -1 },
};

static const struct codearena_inlining_position inlinings[] = {
	{ .function = 7, .position = 70, .caller_id = -1 },
	{ .function = 8, .position = 80, .caller_id = 0, .flags = 1 },
};

static const char deopt[] = "deopt";

static struct codearena_code_desc full_desc(void)
{
	return (struct codearena_code_desc) {
		.sz = sizeof(struct codearena_code_desc),
		.body = body,
		.traps = traps,
		.relocs = relocs,
		.positions = positions,
		.inlinings = inlinings,
		.deopt = deopt,
		.name = "fib",
		.trap_count = 3,
		.reloc_count = 2,
		.position_count = 4,
		.inlining_count = 2,
		.deopt_size = 5,
		.kind = CODEARENA_CODE_FUNCTION,
		.tier = CODEARENA_TIER_OPTIMIZED,
		.debug = CODEARENA_DEBUG_NONE,
		.function_index = 12,
		.flags = CODEARENA_CODE_F_REPORT,
		.instructions_size = 100,
		.safepoint_size = 30,
		.handler_size = 20,
		.constant_pool_size = 64,
		.comments_size = 10,
		.frame_slots = 9,
		.parameter_slots = 65535,
	};
}

static struct codearena_code *code_of(const struct codearena_code_desc *desc)
{
	struct codearena_region region = { START, SIZE };
	struct codearena_code *code;

	assert_int_equal(ca__code_check(desc), 0);
	assert_int_equal(ca__code_new(desc, region, NULL, &code), 0);
	return code;
}

static void info_matches_the_description(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	struct codearena_code_info info = code_info(code);

	(void)state;
	assert_true(codearena_code_start(code) == START);
	assert_int_equal(codearena_code_size(code), SIZE);
	assert_true(info.start == START);
	assert_int_equal(info.size, SIZE);
	assert_int_equal(info.body_size, 224);
	assert_int_equal(info.kind, CODEARENA_CODE_FUNCTION);
	assert_int_equal(info.tier, CODEARENA_TIER_OPTIMIZED);
	assert_int_equal(info.debug, CODEARENA_DEBUG_NONE);
	assert_int_equal(info.flags, CODEARENA_CODE_F_REPORT);
	assert_int_equal(info.function_index, 12);
	assert_int_equal(info.frame_slots, 9);
	assert_int_equal(info.parameter_slots, 65535);
	assert_int_equal(info.instructions_size, 100);
	assert_int_equal(info.safepoint_size, 30);
	assert_int_equal(info.handler_size, 20);
	assert_int_equal(info.constant_pool_size, 64);
	assert_int_equal(info.comments_size, 10);
	assert_int_equal(info.memory, ca__code_memory(code));

	assert_int_equal(info.reloc_count, 2);
	assert_memory_equal(info.relocs, relocs, sizeof(relocs));
	assert_int_equal(info.position_count, 4);
	assert_memory_equal(info.positions, positions, sizeof(positions));
	assert_int_equal(info.inlining_count, 2);
	assert_memory_equal(info.inlinings, inlinings, sizeof(inlinings));
	assert_int_equal(info.deopt_size, 5);
	assert_memory_equal(info.deopt, deopt, 5);
	ca__code_destroy(code);
	assert_int_equal(codearena_code_get_info(NULL, &info), -EINVAL);
	assert_true(!codearena_code_start(NULL));
	assert_int_equal(codearena_code_size(NULL), 0);
}

static void metadata_is_one_allocation_of_known_size(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	size_t described = sizeof(traps) + sizeof(relocs) +
		      sizeof(positions) + sizeof(inlinings) + 5 + 4;
	struct codearena_code_info info;
	const char *end = (const char *)code + ca__code_memory(code);

	(void)state;
	assert_true(sizeof(*code) <= 104);
	assert_int_equal(ca__code_memory(code), sizeof(*code) + described);
	/* Protected instructions come first, the name last. */
	assert_ptr_equal(code_info(code).traps, code + 1);
	assert_string_equal(end - 4, "fib");
	ca__code_destroy(code);

	memset(&desc, 0, sizeof(desc));
	desc.sz = sizeof(desc);
	desc.body = body;
	desc.instructions_size = 1;
	code = code_of(&desc);
	assert_int_equal(ca__code_memory(code), sizeof(*code));
	info = code_info(code);
	assert_null(info.traps);
	assert_int_equal(info.trap_count, 0);
	assert_null(info.relocs);
	assert_null(info.positions);
	assert_null(info.inlinings);
	assert_null(info.deopt);
	ca__code_destroy(code);
}

static void traps_come_out_ascending(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	const struct codearena_trap *sorted = code_info(code).traps;

	(void)state;
	assert_int_equal(code_info(code).trap_count, 3);
	assert_memory_equal(&sorted[0], &traps[1], sizeof(*traps));
	assert_memory_equal(&sorted[1], &traps[0], sizeof(*traps));
	assert_memory_equal(&sorted[2], &traps[2], sizeof(*traps));
	ca__code_destroy(code);
}

static bool is_covered(uint64_t offset)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		if (offset >= traps[i].start &&
		    offset < traps[i].start + traps[i].length)
			return true;
	}
	return false;
}

static void every_pc_is_protected_or_not(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	uint64_t offset;

	(void)state;
	for (offset = 0; offset < SIZE; offset++)
		assert_int_equal(codearena_code_is_protected(code,
							     START + offset),
				 is_covered(offset));
	assert_false(codearena_code_is_protected(code, START - 1));
	assert_false(codearena_code_is_protected(code, START + 8 + (1ULL << 32)));
	assert_false(codearena_code_is_protected(NULL, START));
	ca__code_destroy(code);
}

/* V8's AddressRegion contains: off by one on each side, and at the top. */
static void address_region_contains(void **state)
{
	static const struct {
		uint64_t begin;
		uint32_t size;
	} regions[] = {
		{ 192, 768 }, { 0, 192 }, { 0ULL - 448, 448 },
	};
	struct codearena_code_desc desc = full_desc();
	size_t i;

	(void)state;
	desc.instructions_size = 100;
	desc.safepoint_size = 0;
	desc.handler_size = 0;
	desc.constant_pool_size = 28;
	desc.comments_size = 0;
	for (i = 0; i < 3; i++) {
		struct codearena_region region = { regions[i].begin,
						   regions[i].size };
		struct codearena_code *code;

		assert_int_equal(ca__code_new(&desc, region, NULL, &code), 0);
		assert_true(ca__code_contains(code, region.begin));
		assert_true(ca__code_contains(code, region.begin +
					      region.size - 1));
		assert_false(ca__code_contains(code, region.begin - 1));
		assert_false(ca__code_contains(code, region.begin +
					       region.size));
		ca__code_destroy(code);
	}
}

static void position_before_is_strict(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	struct codearena_source_position found;
	uint32_t offset;

	(void)state;
	assert_int_equal(codearena_code_position_before(code, 0, &found),
			 -ENOENT);
	for (offset = 1; offset < 200; offset++) {
		const struct codearena_source_position *wanted = NULL;
		size_t i;

		for (i = 0; i < 4; i++) {
			if (positions[i].code_offset < offset)
				wanted = &positions[i];
		}
		assert_int_equal(codearena_code_position_before(code, offset,
								&found), 0);
		assert_memory_equal(&found, wanted, sizeof(found));
	}
	assert_int_equal(codearena_code_position_before(NULL, 1, &found),
			 -EINVAL);
	assert_int_equal(codearena_code_position_before(code, 1, NULL),
			 -EINVAL);
	ca__code_destroy(code);
}

static void inlining_positions_are_found(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);
	struct codearena_inlining_position found;

	(void)state;
	assert_int_equal(codearena_code_inlining(code, 1, &found), 0);
	assert_memory_equal(&found, &inlinings[1], sizeof(found));
	assert_int_equal(codearena_code_inlining(code, 0, &found), 0);
	assert_int_equal(found.function, 7);
	assert_int_equal(codearena_code_inlining(code, -1, &found), -ENOENT);
	assert_int_equal(codearena_code_inlining(code, 2, &found), -ENOENT);
	assert_int_equal(codearena_code_inlining(code, 0, NULL), -EINVAL);
	assert_int_equal(codearena_code_inlining(NULL, 0, &found), -EINVAL);
	ca__code_destroy(code);
}

static void expect_name(const struct codearena_code_desc *desc,
			const char *expected)
{
	struct codearena_code *code = code_of(desc);
	char name[64];

	assert_int_equal(codearena_code_name(code, name, sizeof(name)),
			 strlen(expected));
	assert_string_equal(name, expected);
	ca__code_destroy(code);
}

static void names_are_never_empty(void **state)
{
	static const char *const kinds[] = {
		"function", "host wrapper", "runtime wrapper",
		"interpreter entry", "jump table",
	};
	struct codearena_code_desc desc = full_desc();
	unsigned int i;

	(void)state;
	expect_name(&desc, "fib");
	desc.name = NULL;
	expect_name(&desc, "function[12]");
	desc.function_index = INT32_MAX;
	expect_name(&desc, "function[2147483647]");
	desc.function_index = 0;
	expect_name(&desc, "function[0]");
	desc.function_index = CODEARENA_CODE_ANONYMOUS;
	for (i = 0; i < 5; i++) {
		desc.kind = i;
		desc.body = i == CODEARENA_CODE_JUMP_TABLE ? NULL : body;
		expect_name(&desc, kinds[i]);
		assert_string_equal(ca__code_kind_name(i), kinds[i]);
	}
	assert_string_equal(ca__code_kind_name(5), "unknown kind");
}

static void names_are_cut_where_there_is_no_room(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code;
	char name[4] = "xxx";

	(void)state;
	desc.name = "fibonacci";
	code = code_of(&desc);
	assert_int_equal(codearena_code_name(code, name, sizeof(name)), 9);
	assert_string_equal(name, "fib");
	assert_int_equal(codearena_code_name(code, name, 1), 9);
	assert_string_equal(name, "");
	assert_int_equal(codearena_code_name(code, NULL, 0), 9);
	assert_int_equal(codearena_code_name(code, NULL, 1), -EINVAL);
	assert_int_equal(codearena_code_name(NULL, name, 4), -EINVAL);
	ca__code_destroy(code);
}

/* A description with one wrong member. */
#define expect_wrong(error, member, value)				\
	do {								\
		struct codearena_code_desc wrong_ = full_desc();	\
									\
		wrong_.member = value;					\
		assert_int_equal(ca__code_check(&wrong_),		\
				 -(error));				\
	} while (0)

static void wrong_numbers_are_refused(void **state)
{
	struct codearena_code_desc desc = full_desc();

	(void)state;
	assert_int_equal(ca__code_check(NULL), -EINVAL);
	expect_wrong(EINVAL, sz, CA__SIZE_CODE_DESC - 1);
	expect_wrong(EOPNOTSUPP, flags, 2);
	expect_wrong(EINVAL, kind, 5);
	expect_wrong(EINVAL, tier, 3);
	expect_wrong(EINVAL, debug, 4);
	expect_wrong(EINVAL, function_index, -2);
	expect_wrong(EINVAL, frame_slots, 65536);
	expect_wrong(EINVAL, parameter_slots, 65536);
	expect_wrong(EINVAL, instructions_size, 0);
	expect_wrong(EINVAL, body, NULL);
	expect_wrong(EINVAL, traps, NULL);
	expect_wrong(EINVAL, relocs, NULL);
	expect_wrong(EINVAL, positions, NULL);
	expect_wrong(EINVAL, inlinings, NULL);
	expect_wrong(EINVAL, deopt, NULL);
	/* A jump table has no body, and is no function. */
	expect_wrong(EINVAL, kind, CODEARENA_CODE_JUMP_TABLE);
	desc.kind = CODEARENA_CODE_JUMP_TABLE;
	desc.body = NULL;
	assert_int_equal(ca__code_check(&desc), -EINVAL);
	desc.function_index = CODEARENA_CODE_ANONYMOUS;
	assert_int_equal(ca__code_check(&desc), 0);
}

static void wrong_sizes_are_refused(void **state)
{
	struct codearena_region small = { START, 192 };
	struct codearena_region large = { START, 1ULL << 32 };
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code;

	(void)state;
	expect_wrong(EOVERFLOW, instructions_size, CODEARENA_CODE_MAX);
	expect_wrong(EOVERFLOW, comments_size, UINT32_MAX);
	expect_wrong(EOVERFLOW, trap_count, 1ULL << 32);
	expect_wrong(EOVERFLOW, deopt_size, 1ULL << 32);
	expect_wrong(EOVERFLOW, reloc_count, UINT32_MAX / 16);
	assert_int_equal(ca__code_new(&desc, small, NULL, &code), -EINVAL);
	assert_int_equal(ca__code_new(&desc, large, NULL, &code), -EINVAL);
}

static void wrong_names_are_refused(void **state)
{
	char name[CODEARENA_CODE_NAME_MAX + 2];
	struct codearena_code_desc desc = full_desc();

	(void)state;
	expect_wrong(EINVAL, name, "");
	expect_wrong(EINVAL, name, "two\nlines");
	expect_wrong(EINVAL, name, "\x7f");
	memset(name, 'n', sizeof(name));
	name[CODEARENA_CODE_NAME_MAX + 1] = '\0';
	expect_wrong(ENAMETOOLONG, name, name);
	name[CODEARENA_CODE_NAME_MAX] = '\0';
	desc.name = name;
	ca__code_destroy(code_of(&desc));
}

static int check_trap(uint32_t start, uint32_t length, uint64_t landing)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_trap two[] = {
		{ .start = 50, .length = 10, .landing = 0 },
		{ .start = start, .length = length, .landing = landing },
	};

	desc.traps = two;
	desc.trap_count = 2;
	return ca__code_check(&desc);
}

static void wrong_traps_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check_trap(60, 40, 223), 0);
	assert_int_equal(check_trap(49, 1, 0), 0);
	assert_int_equal(check_trap(60, 0, 0), -EINVAL);
	assert_int_equal(check_trap(60, 41, 0), -EINVAL);
	assert_int_equal(check_trap(100, 1, 0), -EINVAL);
	assert_int_equal(check_trap(60, UINT32_MAX, 0), -EINVAL);
	assert_int_equal(check_trap(60, 1, 224), -EINVAL);
	assert_int_equal(check_trap(59, 1, 0), -EINVAL);
	assert_int_equal(check_trap(49, 2, 0), -EINVAL);
	assert_int_equal(check_trap(50, 1, 0), -EINVAL);
}

static int check_position(struct codearena_source_position second)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_source_position two[] = {
		{ .code_offset = 20, .inlining_id = -1 }, second,
	};

	desc.positions = two;
	desc.position_count = 2;
	return ca__code_check(&desc);
}

static void wrong_positions_are_refused(void **state)
{
	struct codearena_source_position p = { .code_offset = 99 };

	(void)state;
	assert_int_equal(check_position(p), 0);
	p.code_offset = 100;
	assert_int_equal(check_position(p), -EINVAL);
	p.code_offset = 19;
	assert_int_equal(check_position(p), -EINVAL);
	p.code_offset = 20;
	p.inlining_id = 2;
	assert_int_equal(check_position(p), -EINVAL);
	p.inlining_id = -2;
	assert_int_equal(check_position(p), -EINVAL);
	p.inlining_id = 1;
	p.flags = 2;
	assert_int_equal(check_position(p), -EOPNOTSUPP);
}

static int check_inlining(struct codearena_inlining_position second)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_inlining_position two[] = {
		{ .function = 0, .caller_id = -1 }, second,
	};

	desc.inlinings = two;
	return ca__code_check(&desc);
}

static void wrong_inlinings_are_refused(void **state)
{
	struct codearena_inlining_position p = { .function = 1 };

	(void)state;
	assert_int_equal(check_inlining(p), 0);
	p.caller_id = 1;
	assert_int_equal(check_inlining(p), -EINVAL);
	p.caller_id = -2;
	assert_int_equal(check_inlining(p), -EINVAL);
	p.caller_id = -1;
	p.function = -1;
	assert_int_equal(check_inlining(p), -EINVAL);
	p.function = 0;
	p.flags = 2;
	assert_int_equal(check_inlining(p), -EOPNOTSUPP);
}

static void references_are_counted(void **state)
{
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);

	(void)state;
	assert_int_equal(codearena_code_ref(NULL), -EINVAL);
	assert_int_equal(codearena_code_ref(code), 0);
	assert_false(code_unref(code));
	code->references = 0x7fffffff;
	assert_int_equal(codearena_code_ref(code), -EOVERFLOW);
	assert_int_equal(code->references, 0x7fffffff);
	code->references = 1;
	assert_true(code_unref(code));
	assert_false(ca__code_try_ref(code));
	ca__code_destroy(code);
	ca__code_destroy(NULL);
}

struct text {
	char bytes[16384];
	size_t used;
	size_t room;
};

static int collect(void *data, const char *bytes, size_t length)
{
	struct text *text = data;

	if (text->used + length >= text->room)
		return -ENOSPC;
	memcpy(text->bytes + text->used, bytes, length);
	text->used += length;
	text->bytes[text->used] = '\0';
	return 0;
}

#define expect_text(text, part) \
	assert_non_null(strstr((text)->bytes, part))

static void printing_tells_everything(void **state)
{
	static const char end[] = "--- end of code ---\n";
	struct text text = { .room = sizeof(text.bytes) };
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);

	(void)state;
	assert_int_equal(codearena_code_print(code, CODEARENA_PRINT_F_TABLES,
					      collect, &text), 0);
	expect_text(&text, "--- code fib ---\n");
	expect_text(&text, "index: 12\nkind: function\ntier: optimized\n"
		    "address: 0x100000 to 0x100100\n"
		    "body: 256 bytes = 224 and 32 padding\n"
		    "instructions: 100 bytes at +0x0\n"
		    "safepoint table: 30 bytes at +0x64\n"
		    "handler table: 20 bytes at +0x82\n"
		    "constant pool: 64 bytes at +0x96\n"
		    "comments: 10 bytes at +0xd6\n");
	expect_text(&text, "protected: +0x8, 1 bytes, to the external pad\n"
		    "protected: +0x28, 4 bytes, to +0x64\n");
	expect_text(&text, "position: +0x8 is 11 in inlined 0, statement\n");
	expect_text(&text, "inlined 1: function 8 at 80, in 0, tail call\n");
	expect_text(&text, "relocation: +0x11, kind 6, form 1, index 1, addend -5\n");
	assert_string_equal(text.bytes + text.used - strlen(end), end);
	ca__code_destroy(code);
}

static void printing_ends_with_an_error(void **state)
{
	struct text text = { .room = 40 };
	struct codearena_code_desc desc = full_desc();
	struct codearena_code *code = code_of(&desc);

	(void)state;
	assert_int_equal(codearena_code_print(code, 0, collect, &text),
			 -ENOSPC);
	assert_int_equal(codearena_code_print(code, 4, collect, &text),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_code_print(NULL, 0, collect, &text),
			 -EINVAL);
	assert_int_equal(codearena_code_print(code, 0, NULL, &text), -EINVAL);
	ca__code_destroy(code);
}

/* Code in an arena, by the real disassembler if it is installed. */
static void printing_disassembles(void **state)
{
	struct fixture *f = *state;
	struct text text = { .room = sizeof(text.bytes) };
	struct codearena_code_desc desc = full_desc();
	uint64_t base = (uintptr_t)codearena_arena_base(f->arena);
	struct codearena_region region = { base + f->fixed, f->granule };
	struct codearena_code *code;
	uint8_t bytes[CODE_MAX];

	desc.instructions_size = code_return(bytes, FIXED_VALUE);
	desc.safepoint_size = 0;
	desc.handler_size = 0;
	desc.constant_pool_size = 0;
	desc.comments_size = 0;
	desc.body = bytes;
	assert_int_equal(ca__code_new(&desc, region, NULL, &code), 0);
	assert_int_equal(codearena_code_print(code,
					      CODEARENA_PRINT_F_INSTRUCTIONS,
					      collect, &text), 0);
	if (strstr(text.bytes, "disassembler)")) {
		ca__code_destroy(code);
		skip_because("no disassembler here");
	}
	expect_text(&text, " +0x0  mov");
	expect_text(&text, "  ret\n");
	ca__code_destroy(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_matches_the_description),
		cmocka_unit_test(metadata_is_one_allocation_of_known_size),
		cmocka_unit_test(traps_come_out_ascending),
		cmocka_unit_test(every_pc_is_protected_or_not),
		cmocka_unit_test(address_region_contains),
		cmocka_unit_test(position_before_is_strict),
		cmocka_unit_test(inlining_positions_are_found),
		cmocka_unit_test(names_are_never_empty),
		cmocka_unit_test(names_are_cut_where_there_is_no_room),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(wrong_names_are_refused),
		cmocka_unit_test(wrong_traps_are_refused),
		cmocka_unit_test(wrong_positions_are_refused),
		cmocka_unit_test(wrong_inlinings_are_refused),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(printing_tells_everything),
		cmocka_unit_test(printing_ends_with_an_error),
		FIXTURE_TEST(printing_disassembles),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
