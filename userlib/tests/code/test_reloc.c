// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations: fields at the limits of their reach, and lists with every error.
 * V8 checks targets in debug builds only, and ends the process (its
 * WasmCode::Validate).
 */
#include <elf.h>

#include "code/reloc.h"
#include "lib/helpers.h"

#define PLACE	0x7f0000001000ULL
#define SIZE	256

struct shape {
	uint32_t machine, form, width;
	uint32_t insn[4];
};

/* Instructions with ones in all immediates, to detect leftovers. */
static const struct shape shapes[] = {
	{ EM_X86_64, CODEARENA_FORM_ABS64, 8, { ~0U, ~0U } },
	{ EM_AARCH64, CODEARENA_FORM_ABS64, 8, { ~0U, ~0U } },
	{ EM_RISCV, CODEARENA_FORM_ABS64, 8, { ~0U, ~0U } },
	{ EM_X86_64, CODEARENA_FORM_ABS32, 4, { ~0U } },
	{ EM_AARCH64, CODEARENA_FORM_ABS32, 4, { ~0U } },
	{ EM_RISCV, CODEARENA_FORM_ABS32, 4, { ~0U } },
	{ EM_X86_64, CODEARENA_FORM_X86_64_REL32, 4, { ~0U } },
	/* bl */
	{ EM_AARCH64, CODEARENA_FORM_AARCH64_BRANCH26, 4, { 0x97ffffff } },
	/* adrp x3; add x5, x3 */
	{ EM_AARCH64, CODEARENA_FORM_AARCH64_ADRP_ADD, 8,
	  { 0xf0ffffe3, 0x913ffc65 } },
	/* movz x7; movk x7 ... */
	{ EM_AARCH64, CODEARENA_FORM_AARCH64_MOV64, 16,
	  { 0xd29fffe7, 0xf2bfffe7, 0xf2dfffe7, 0xf2ffffe7 } },
	/* movz w9; movk w9 */
	{ EM_AARCH64, CODEARENA_FORM_AARCH64_MOV32, 8,
	  { 0x529fffe9, 0x72bfffe9 } },
	/* auipc t1; jalr ra, t1 */
	{ EM_RISCV, CODEARENA_FORM_RISCV_PCREL, 8,
	  { 0xfffff317, 0xfff300e7 } },
	/* lui a5; addiw a0, a5 */
	{ EM_RISCV, CODEARENA_FORM_RISCV_LUI, 8,
	  { 0xfffff7b7, 0xfff7851b } },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static const struct shape *shape_of(uint32_t form)
{
	size_t i;

	for (i = 0; i < SHAPES; i++) {
		if (shapes[i].form == form)
			return &shapes[i];
	}
	fail();
	return NULL;
}

static int encode(const struct shape *shape, uint64_t place, uint64_t target,
		  uint8_t field[16])
{
	memcpy(field, shape->insn, 16);
	return ca__reloc_encode(shape->form, place, target, field);
}

/* The target can be stored and read, and nothing after the field changes. */
static void arrives(uint32_t form, uint64_t place, uint64_t target)
{
	const struct shape *shape = shape_of(form);
	uint8_t field[16], clear[16], before[16];
	uint64_t found = 1;

	assert_int_equal(encode(shape, place, target, field), 0);
	assert_true(ca__reloc_shape(form, field));
	assert_int_equal(ca__reloc_decode(form, place, field, &found), 0);
	assert_int_equal(found, target);
	memcpy(before, shape->insn, 16);
	assert_memory_equal(field + shape->width, before + shape->width,
			    16 - shape->width);
	/* A cleared field is the same wherever it was. */
	memcpy(clear, shape->insn, 16);
	assert_int_equal(ca__reloc_clear(shape->machine, form, clear), 0);
	assert_int_equal(ca__reloc_clear(shape->machine, form, field), 0);
	assert_memory_equal(clear, field, 16);
}

static void refused(uint32_t form, int error, uint64_t place, uint64_t target)
{
	const struct shape *shape = shape_of(form);
	uint8_t field[16];

	assert_int_equal(encode(shape, place, target, field), error);
	assert_memory_equal(field, shape->insn, 16);
}

static void numbers_and_addresses(void **state)
{
	(void)state;
	arrives(CODEARENA_FORM_ABS64, PLACE + 3, 0x123456789abcdef0ULL);
	arrives(CODEARENA_FORM_ABS64, PLACE, UINT64_MAX);
	arrives(CODEARENA_FORM_AARCH64_MOV64, PLACE, 0x123456789abcdef0ULL);
	arrives(CODEARENA_FORM_AARCH64_MOV64, PLACE, 0);
	arrives(CODEARENA_FORM_ABS32, PLACE + 1, UINT32_MAX);
	refused(CODEARENA_FORM_ABS32, -ERANGE, PLACE, 1ULL << 32);
	arrives(CODEARENA_FORM_AARCH64_MOV32, PLACE, UINT32_MAX);
	refused(CODEARENA_FORM_AARCH64_MOV32, -ERANGE, PLACE, 1ULL << 32);
	arrives(CODEARENA_FORM_RISCV_LUI, PLACE, 0);
	arrives(CODEARENA_FORM_RISCV_LUI, PLACE, 0x12345fff);
	arrives(CODEARENA_FORM_RISCV_LUI, PLACE, 0x7ffff7ff);
	refused(CODEARENA_FORM_RISCV_LUI, -ERANGE, PLACE, 0x7ffff800);
}

static void reach_x86_64(void **state)
{
	uint64_t end = PLACE + 4;

	(void)state;
	arrives(CODEARENA_FORM_X86_64_REL32, PLACE, end);
	arrives(CODEARENA_FORM_X86_64_REL32, PLACE, end + INT32_MAX);
	arrives(CODEARENA_FORM_X86_64_REL32, PLACE, end - 0x80000000ULL);
	refused(CODEARENA_FORM_X86_64_REL32, -ERANGE, PLACE,
		end + 0x80000000ULL);
	refused(CODEARENA_FORM_X86_64_REL32, -ERANGE, PLACE,
		end - 0x80000001ULL);
	/* Across the end of the address space. */
	arrives(CODEARENA_FORM_X86_64_REL32, 16, -16ULL);
	arrives(CODEARENA_FORM_X86_64_REL32, -16ULL, 16);
	refused(CODEARENA_FORM_X86_64_REL32, -ERANGE, 0, 1ULL << 63);
}

static void reach_aarch64(void **state)
{
	const uint64_t branch = 1ULL << 27, pages = 1ULL << 32;

	(void)state;
	arrives(CODEARENA_FORM_AARCH64_BRANCH26, PLACE, PLACE + branch - 4);
	arrives(CODEARENA_FORM_AARCH64_BRANCH26, PLACE, PLACE - branch);
	refused(CODEARENA_FORM_AARCH64_BRANCH26, -ERANGE, PLACE,
		PLACE + branch);
	refused(CODEARENA_FORM_AARCH64_BRANCH26, -ERANGE, PLACE,
		PLACE - branch - 4);
	refused(CODEARENA_FORM_AARCH64_BRANCH26, -EINVAL, PLACE, PLACE + 6);
	refused(CODEARENA_FORM_AARCH64_BRANCH26, -EINVAL, PLACE + 2, PLACE);
	arrives(CODEARENA_FORM_AARCH64_BRANCH26, 8, -8ULL);
	arrives(CODEARENA_FORM_AARCH64_ADRP_ADD, PLACE + 8,
		PLACE + pages - 1);
	arrives(CODEARENA_FORM_AARCH64_ADRP_ADD, PLACE + 0xffc, PLACE - pages);
	refused(CODEARENA_FORM_AARCH64_ADRP_ADD, -ERANGE, PLACE,
		PLACE + pages);
	refused(CODEARENA_FORM_AARCH64_ADRP_ADD, -ERANGE, PLACE,
		PLACE - pages - 1);
	arrives(CODEARENA_FORM_AARCH64_ADRP_ADD, 0, -1ULL);
}

static void reach_riscv64(void **state)
{
	const uint64_t up = 0x7ffff7ff, down = 0x80000800ULL;

	(void)state;
	arrives(CODEARENA_FORM_RISCV_PCREL, PLACE, PLACE + up - 1);
	arrives(CODEARENA_FORM_RISCV_PCREL, PLACE, PLACE - down);
	arrives(CODEARENA_FORM_RISCV_PCREL, PLACE + 2, PLACE + 0x800);
	arrives(CODEARENA_FORM_RISCV_PCREL, PLACE, PLACE - 0x802);
	refused(CODEARENA_FORM_RISCV_PCREL, -ERANGE, PLACE, PLACE + up + 1);
	refused(CODEARENA_FORM_RISCV_PCREL, -ERANGE, PLACE, PLACE - down - 2);
	/* A jump clears the lowest bit of its target. */
	refused(CODEARENA_FORM_RISCV_PCREL, -EINVAL, PLACE, PLACE + 1);
	arrives(CODEARENA_FORM_RISCV_PCREL, 0, -2ULL);
}

/* Data may lie at odd addresses. */
static void riscv64_loads_reach_data(void **state)
{
	/* auipc a0; ld a0, (a0): and addi, and fld */
	static const uint32_t lower[] = { 0x00053503, 0x00050513, 0x00053507 };
	uint64_t found;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		uint32_t insn[2] = { 0x00000517, lower[i] };

		assert_int_equal(ca__reloc_encode(
				CODEARENA_FORM_RISCV_PCREL, PLACE, PLACE + 77,
				(uint8_t *)insn), 0);
		assert_int_equal(ca__reloc_decode(
				CODEARENA_FORM_RISCV_PCREL, PLACE,
				(uint8_t *)insn, &found), 0);
		assert_int_equal(found, PLACE + 77);
	}
}

/* Known encodings, in case both directions have the same error. */
static void known_encodings(void **state)
{
	uint32_t call[2] = { 0x00000317, 0x000300e7 };
	uint32_t bl = 0x94000000, pair[2] = { 0x90000000, 0x91000000 };
	uint8_t rel[4] = { 0 };

	(void)state;
	assert_int_equal(ca__reloc_encode(
			CODEARENA_FORM_X86_64_REL32, 0x1000, 0x1234, rel), 0);
	assert_memory_equal(rel, "\x30\x02\x00\x00", 4);
	assert_int_equal(ca__reloc_encode(
			CODEARENA_FORM_AARCH64_BRANCH26, 0x1000, 0x0ffc,
			(uint8_t *)&bl), 0);
	assert_int_equal(bl, 0x97ffffff);
	assert_int_equal(ca__reloc_encode(
			CODEARENA_FORM_AARCH64_ADRP_ADD, 0x1ff8, 0x6123,
			(uint8_t *)pair), 0);
	assert_int_equal(pair[0], 0xb0000020);
	assert_int_equal(pair[1], 0x91048c00);
	assert_int_equal(ca__reloc_encode(
			CODEARENA_FORM_RISCV_PCREL, 0x1000, 0x2ffe,
			(uint8_t *)call), 0);
	assert_int_equal(call[0], 0x00002317);
	assert_int_equal(call[1], 0xffe300e7);
}

static void forms_of_machines(void **state)
{
	uint32_t form;
	size_t i;

	(void)state;
	for (i = 0; i < SHAPES; i++)
		assert_int_equal(ca__reloc_form(shapes[i].machine,
						shapes[i].form).width,
				 shapes[i].width);
	for (form = 0; form < 32; form++)
		assert_int_equal(ca__reloc_form(EM_386, form).width, 0);
	assert_int_equal(ca__reloc_form(EM_X86_64, 0).width, 0);
	assert_int_equal(ca__reloc_form(EM_X86_64, 10).width, 0);
	assert_int_equal(ca__reloc_form(EM_X86_64, UINT32_MAX).width, 0);
	assert_int_equal(ca__reloc_form(EM_X86_64,
			CODEARENA_FORM_AARCH64_MOV64).width, 0);
	assert_int_equal(ca__reloc_form(EM_AARCH64,
			CODEARENA_FORM_RISCV_LUI).width, 0);
	assert_int_equal(ca__reloc_form(EM_RISCV,
			CODEARENA_FORM_X86_64_REL32).width, 0);
}

/* Every bit that identifies the instructions, flipped. */
static void other_instructions_are_refused(void **state)
{
	static const struct {
		uint32_t form, word, bits;
	} fixed[] = {
		{ CODEARENA_FORM_AARCH64_BRANCH26, 0, 0x7c000000 },
		{ CODEARENA_FORM_AARCH64_ADRP_ADD, 0, 0x9f00001f },
		{ CODEARENA_FORM_AARCH64_ADRP_ADD, 1, 0xffc003e0 },
		{ CODEARENA_FORM_AARCH64_MOV64, 0, 0xffe0001f },
		{ CODEARENA_FORM_AARCH64_MOV64, 1, 0xffe0001f },
		{ CODEARENA_FORM_AARCH64_MOV64, 3, 0xffe0001f },
		{ CODEARENA_FORM_AARCH64_MOV32, 0, 0xffe0001f },
		{ CODEARENA_FORM_AARCH64_MOV32, 1, 0xffe0001f },
		{ CODEARENA_FORM_RISCV_PCREL, 0, 0x00000fff },
		{ CODEARENA_FORM_RISCV_PCREL, 1, 0x000fc07f },
		{ CODEARENA_FORM_RISCV_LUI, 0, 0x00000fff },
		{ CODEARENA_FORM_RISCV_LUI, 1, 0x000fd057 },
	};
	size_t i;
	int bit;

	(void)state;
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		for (bit = 0; bit < 32; bit++) {
			struct shape shape = *shape_of(fixed[i].form);
			uint8_t field[16];

			if (!(fixed[i].bits >> bit & 1))
				continue;
			shape.insn[fixed[i].word] ^= 1U << bit;
			memcpy(field, shape.insn, 16);
			assert_false(ca__reloc_shape(shape.form, field));
			assert_int_equal(ca__reloc_clear(shape.machine,
					shape.form, field), -ENOEXEC);
			assert_memory_equal(field, shape.insn, 16);
		}
	}
}

static void unknown_forms_are_refused(void **state)
{
	uint8_t field[16] = { 0 };
	uint64_t found;

	(void)state;
	assert_int_equal(ca__reloc_encode(77, 0, 0, field), -EINVAL);
	assert_int_equal(ca__reloc_decode(77, 0, field, &found), -EINVAL);
	assert_int_equal(ca__reloc_clear(EM_X86_64, 0, field), -EINVAL);
	assert_int_equal(ca__reloc_clear(EM_386, CODEARENA_FORM_ABS64, field),
			 -EINVAL);
	assert_string_equal(codearena_reloc_reason_text(99), "unknown reason");
}

/* Lists of relocations */

static const uint64_t externals[2] = { 0x1122334455667788ULL, 0x1000 };

/* Slots are 16 bytes apart; function 7 has no handle. */
static int resolve(void *data, uint32_t kind, uint32_t index,
		   uint64_t *target)
{
	(void)data;
	if (kind == CODEARENA_RELOC_INDIRECT && index == 7)
		return -ENOENT;
	*target = kind == CODEARENA_RELOC_CALL ? PLACE + 0x10000 + 16 * index :
		  kind == CODEARENA_RELOC_STUB_CALL ?
		  PLACE + 0x20000 + 16 * index : 100 + index;
	return 0;
}

static const struct ca__reloc_context context = {
	.machine = EM_X86_64,
	.imports = 2,
	.functions = 8,
	.builtins = 4,
	.signatures = 5,
	.external_count = 2,
	.externals = externals,
	.resolve = resolve,
};

static struct ca__reloc_object
object_of(const struct codearena_reloc *relocs, size_t count, uint64_t address)
{
	return (struct ca__reloc_object){
		.relocs = relocs,
		.count = count,
		.address = address,
		.instructions = 128,
		.pool = 192,
		.pool_size = 32,
		.size = SIZE,
	};
}

#define RELOC(o, k, f, i, a) { .offset = (o), .kind = CODEARENA_RELOC_##k, \
		.form = CODEARENA_FORM_##f, .index = (i), .addend = (a) }

static const struct codearena_reloc good[] = {
	RELOC(0, CALL, X86_64_REL32, 2, 0),
	RELOC(4, CALL, X86_64_REL32, 9, 0),
	RELOC(9, STUB_CALL, X86_64_REL32, 3, 0),
	RELOC(16, SIGNATURE, ABS32, 4, 0),
	RELOC(20, INDIRECT, ABS32, 3, 0),
	RELOC(24, INTERNAL, ABS64, 255, 0),
	RELOC(32, INTERNAL, X86_64_REL32, 10, -10),
	RELOC(124, INTERNAL, X86_64_REL32, 0, 0),
	RELOC(192, EXTERNAL, ABS64, 0, 1),
	RELOC(216, EXTERNAL, ABS64, 1, -0x1000),
};

#define GOOD (sizeof(good) / sizeof(good[0]))

static void applies_and_verifies(void **state)
{
	struct ca__reloc_object object = object_of(good, GOOD, PLACE);
	struct codearena_reloc_error error = { .index = 77 };
	uint8_t bytes[SIZE], was;
	uint64_t found;
	size_t i;

	(void)state;
	memset(bytes, 0xaa, sizeof(bytes));
	assert_int_equal(ca__reloc_check(&context, &object, bytes, &error), 0);
	assert_int_equal(error.index, 77);
	assert_int_equal(ca__reloc_apply(&context, &object, bytes, NULL), 0);
	memcpy(&found, bytes + 24, 8);
	assert_int_equal(found, PLACE + 255);
	memcpy(&found, bytes + 192, 8);
	assert_int_equal(found, externals[0] + 1);
	memcpy(&found, bytes + 216, 8);
	assert_int_equal(found, 0);
	assert_memory_equal(bytes + 16, "\4\0\0\0\x67\0\0\0", 8);
	assert_int_equal(ca__reloc_decode(
			CODEARENA_FORM_X86_64_REL32, PLACE + 4, bytes + 4,
			&found), 0);
	assert_int_equal(found, PLACE + 0x10000 + 16 * 9);
	assert_int_equal(bytes[8], 0xaa);
	assert_int_equal(ca__reloc_verify(&context, &object, bytes, NULL), 0);
	/* Every byte of every field counts. */
	for (i = 0; i < GOOD; i++) {
		was = bytes[good[i].offset + 3];
		bytes[good[i].offset + 3] ^= 0x10;
		assert_int_equal(ca__reloc_verify(&context, &object, bytes,
						  &error), -ESTALE);
		assert_int_equal(error.index, i);
		assert_int_equal(error.reason, CODEARENA_RELOC_CHANGED);
		bytes[good[i].offset + 3] = was;
	}
	/* At another address, relative fields are wrong. */
	object.address += 64;
	assert_int_equal(ca__reloc_verify(&context, &object, bytes, &error),
			 -ESTALE);
	assert_int_equal(error.index, 0);
}

/* Replaces a good relocation by a wrong one, which must be reported. */
static void is_named(size_t index, struct codearena_reloc wrong, int expected,
		     uint32_t reason)
{
	struct codearena_reloc list[GOOD];
	struct codearena_reloc_error error = { 0 };
	struct ca__reloc_object object;
	uint8_t bytes[SIZE] = { 0 };

	memcpy(list, good, sizeof(good));
	list[index] = wrong;
	object = object_of(list, GOOD, PLACE);
	assert_int_equal(ca__reloc_apply(&context, &object, bytes, &error),
			 expected);
	assert_int_equal(error.index, index);
	assert_int_equal(error.error, expected);
	assert_int_equal(error.reason, reason);
	assert_int_equal(error.place, PLACE + wrong.offset);
	assert_memory_equal(&error.reloc, &wrong, sizeof(wrong));
	assert_string_not_equal(codearena_reloc_reason_text(reason),
				"unknown reason");
}

static void wrong_ones_are_named(void **state)
{
	struct codearena_reloc wrong;

	(void)state;
	wrong = good[3];
	wrong.kind = 0;
	is_named(3, wrong, -EINVAL, CODEARENA_RELOC_BAD_KIND);
	wrong.kind = CODEARENA_RELOC_EXTERNAL + 1;
	is_named(3, wrong, -EINVAL, CODEARENA_RELOC_BAD_KIND);
	wrong = good[3];
	wrong.__reserved = 1;
	is_named(3, wrong, -EINVAL, CODEARENA_RELOC_BAD_KIND);
	wrong = good[0];
	wrong.form = 0;
	is_named(0, wrong, -EINVAL, CODEARENA_RELOC_BAD_FORM);
	wrong.form = CODEARENA_FORM_AARCH64_BRANCH26;
	is_named(0, wrong, -EINVAL, CODEARENA_RELOC_BAD_FORM);
	wrong.form = CODEARENA_FORM_ABS32;	/* not for addresses */
	is_named(0, wrong, -EINVAL, CODEARENA_RELOC_BAD_FORM);
	wrong = good[3];
	wrong.form = CODEARENA_FORM_X86_64_REL32;	/* not for numbers */
	is_named(3, wrong, -EINVAL, CODEARENA_RELOC_BAD_FORM);
	wrong = good[2];
	wrong.addend = 1;
	is_named(2, wrong, -EINVAL, CODEARENA_RELOC_BAD_ADDEND);
	wrong = good[4];
	wrong.index = 7;
	is_named(4, wrong, -ENOENT, CODEARENA_RELOC_BAD_HANDLE);
}

/* V8: WASM_CALL and WASM_STUB_CALL target jump tables, signatures exist. */
static void targets_out_of_range_are_named(void **state)
{
	struct codearena_reloc wrong = good[1];

	(void)state;
	wrong.index = 1;	/* imported */
	is_named(1, wrong, -ENOENT, CODEARENA_RELOC_BAD_FUNCTION);
	wrong.index = 10;
	is_named(1, wrong, -ENOENT, CODEARENA_RELOC_BAD_FUNCTION);
	wrong.index = UINT32_MAX;
	is_named(1, wrong, -ENOENT, CODEARENA_RELOC_BAD_FUNCTION);
	wrong = good[4];
	wrong.index = 10;
	is_named(4, wrong, -ENOENT, CODEARENA_RELOC_BAD_FUNCTION);
	wrong = good[2];
	wrong.index = 4;
	is_named(2, wrong, -ENOENT, CODEARENA_RELOC_BAD_BUILTIN);
	wrong = good[3];
	wrong.index = 5;
	is_named(3, wrong, -ENOENT, CODEARENA_RELOC_BAD_SIGNATURE);
	wrong = good[8];
	wrong.index = 2;
	is_named(8, wrong, -ENOENT, CODEARENA_RELOC_BAD_EXTERNAL);
	wrong = good[5];
	wrong.index = SIZE;
	is_named(5, wrong, -EOVERFLOW, CODEARENA_RELOC_OUTSIDE);
	wrong.index = UINT32_MAX;
	is_named(5, wrong, -EOVERFLOW, CODEARENA_RELOC_OUTSIDE);
	wrong.addend = INT64_MAX;
	is_named(5, wrong, -EOVERFLOW, CODEARENA_RELOC_OUTSIDE);
	wrong.index = 0;
	wrong.addend = -1;
	is_named(5, wrong, -EOVERFLOW, CODEARENA_RELOC_OUTSIDE);
	/* The address is above 2^60, out of reach of 32 bits. */
	wrong = (struct codearena_reloc)RELOC(33, EXTERNAL, X86_64_REL32, 0, 0);
	is_named(6, wrong, -ERANGE, CODEARENA_RELOC_UNREACHABLE);
}

static void fields_out_of_place_are_named(void **state)
{
	struct codearena_reloc wrong = good[7];

	(void)state;
	wrong.offset = 125;	/* leaves the instructions */
	is_named(7, wrong, -EINVAL, CODEARENA_RELOC_BAD_OFFSET);
	wrong.offset = 128;	/* in the tables */
	is_named(7, wrong, -EINVAL, CODEARENA_RELOC_BAD_OFFSET);
	wrong.offset = 190;	/* enters the pool */
	is_named(7, wrong, -EINVAL, CODEARENA_RELOC_BAD_OFFSET);
	wrong = good[9];
	wrong.offset = 217;	/* leaves the pool */
	is_named(9, wrong, -EINVAL, CODEARENA_RELOC_BAD_OFFSET);
	wrong.offset = UINT32_MAX;
	is_named(9, wrong, -EINVAL, CODEARENA_RELOC_BAD_OFFSET);
	wrong = good[1];
	wrong.offset = 3;	/* in the previous field */
	is_named(1, wrong, -EINVAL, CODEARENA_RELOC_OVERLAP);
	wrong.offset = 0;	/* the same field twice */
	is_named(1, wrong, -EINVAL, CODEARENA_RELOC_OVERLAP);
	wrong = good[8];
	wrong.offset = 100;	/* not in order */
	is_named(8, wrong, -EINVAL, CODEARENA_RELOC_OVERLAP);
}

static void wrong_instructions_are_named(void **state)
{
	static const struct codearena_reloc list[] = {
		RELOC(0, CALL, AARCH64_BRANCH26, 2, 0),
		RELOC(4, CALL, AARCH64_BRANCH26, 3, 0),
	};
	struct ca__reloc_object object = object_of(list, 2, 0);
	struct codearena_reloc_error error = { 0 };
	struct ca__reloc_context arm = context;
	struct codearena_reloc odd = list[1];
	uint32_t bytes[64] = { 0x94000000, 0xd503201f };

	(void)state;
	arm.machine = EM_AARCH64;
	assert_int_equal(ca__reloc_check(&arm, &object, (uint8_t *)bytes,
					 &error), -ENOEXEC);
	assert_int_equal(error.index, 1);
	assert_int_equal(error.reason, CODEARENA_RELOC_BAD_INSTRUCTION);
	/* Without the bytes it cannot be checked. */
	assert_int_equal(ca__reloc_check(&arm, &object, NULL, &error), 0);
	odd.offset = 6;
	object = object_of(&odd, 1, 0);
	assert_int_equal(ca__reloc_check(&arm, &object, (uint8_t *)bytes,
					 &error), -EINVAL);
	assert_int_equal(error.reason, CODEARENA_RELOC_BAD_OFFSET);
}

static void no_relocations(void **state)
{
	struct ca__reloc_object object = object_of(NULL, 0, PLACE);
	uint8_t bytes[SIZE] = { 0 };

	(void)state;
	assert_int_equal(ca__reloc_apply(&context, &object, bytes, NULL), 0);
	assert_int_equal(ca__reloc_verify(&context, &object, bytes, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_addresses),
		cmocka_unit_test(reach_x86_64),
		cmocka_unit_test(reach_aarch64),
		cmocka_unit_test(reach_riscv64),
		cmocka_unit_test(riscv64_loads_reach_data),
		cmocka_unit_test(known_encodings),
		cmocka_unit_test(forms_of_machines),
		cmocka_unit_test(other_instructions_are_refused),
		cmocka_unit_test(unknown_forms_are_refused),
		cmocka_unit_test(applies_and_verifies),
		cmocka_unit_test(wrong_ones_are_named),
		cmocka_unit_test(targets_out_of_range_are_named),
		cmocka_unit_test(fields_out_of_place_are_named),
		cmocka_unit_test(wrong_instructions_are_named),
		cmocka_unit_test(no_relocations),
	};

	return cmocka_run_group_tests_name("reloc", tests, NULL, NULL);
}
