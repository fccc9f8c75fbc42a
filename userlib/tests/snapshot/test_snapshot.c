// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Snapshots: what is stored, and that loading makes the same code. V8's
 * counterpart is test/cctest/wasm/test-wasm-serialization.cc.
 */
#include "lib/code_info.h"
#include "snapshot/snapshot_helpers.h"
#include "trap/trap_helpers.h"

static struct module_fixture from, to;

static int setup(void **state)
{
	struct codearena_module_opts opts = module_opts(&from);

	backend_setup(state);
	module_begin(&from, 0, &opts);
	opts = module_opts(&to);
	module_begin(&to, 0, &opts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	module_end(&to);
	module_end(&from);
	return 0;
}

/* Before cmocka's handlers of signals are there. */
static int setup_group(void **state)
{
	return trap_setup(state) || trap_teardown(state);
}

/* For the test whose code traps; trap_begin() needs the fixture. */
static int setup_traps(void **state)
{
	void *fixture;

	if (trap_setup(state))
		return -1;
	fixture = *state;
	setup(state);
	*state = fixture;
	return 0;
}

static int teardown_traps(void **state)
{
	teardown(NULL);
	return trap_teardown(state);
}

static unsigned int call(uint32_t function)
{
	return call_function(to.module, function, 0);
}

/* V8: DeserializeValidModule */
static void round_trip_executes(void **state)
{
	uint8_t states[MODULE_FUNCTIONS];
	struct image image;
	uint32_t i;

	(void)state;
	publish_usual(from.module);
	image = image_of(from.module, NULL);
	memset(states, 0xcc, sizeof(states));
	assert_int_equal(codearena_snapshot_load(to.module, NULL, image.bytes,
						 image.size, states, NULL), 0);
	free(image.bytes);
	assert_int_equal(call(2), 77);
	assert_int_equal(call(3), 77);
	assert_int_equal(call(4), 1);
	assert_int_equal(call(5), LAZY_VALUE);
	assert_int_equal(call(6), LAZY_VALUE);
	for (i = 0; i < 3; i++)
		assert_int_equal(states[i], CODEARENA_SNAPSHOT_CODE);
	assert_int_equal(states[3], CODEARENA_SNAPSHOT_EAGER);
	for (i = 4; i < MODULE_FUNCTIONS; i++)
		assert_int_equal(states[i], CODEARENA_SNAPSHOT_LAZY);
	assert_int_equal(module_stat(to.module).codes, 3);
	assert_int_equal(module_stat(to.module).current, 3);
	assert_int_equal(module_stat(to.module).added, 0);
	/* What was saved is not changed by it. */
	assert_int_equal(call_function(from.module, 5, 0), 55);
	/* Loaded code can be replaced like other code. */
	{
		struct body body;

		body_return(&body, 2, 33);
		body.desc.tier = CODEARENA_TIER_OPTIMIZED;
		publish_desc(to.module, &body.desc);
		assert_int_equal(call(3), 33);
	}
}

static void metadata_survives(void **state)
{
	struct codearena_code_info info;
	struct codearena_code *code;
	struct image image;
	struct rich rich;
	char name[32];

	(void)state;
	rich_body(&rich, 2, 77);
	publish_desc(from.module, &rich.desc);
	image = image_of(from.module, NULL);
	assert_int_equal(load(to.module, &image), 0);
	memset(image.bytes, 0, image.size);
	free(image.bytes);
	assert_int_equal(codearena_module_code(to.module, 2, &code), 0);
	info = code_info(code);
	assert_int_equal(info.kind, CODEARENA_CODE_FUNCTION);
	assert_int_equal(info.tier, CODEARENA_TIER_OPTIMIZED);
	assert_int_equal(info.debug, CODEARENA_DEBUG_NONE);
	assert_int_equal(info.flags, CODEARENA_CODE_F_REPORT);
	assert_int_equal(info.frame_slots, 9);
	assert_int_equal(info.parameter_slots, 3);
	assert_int_equal(info.body_size, 55);
	assert_memory_equal((void *)(uintptr_t)info.start, rich.bytes, 55);
	assert_int_equal(info.instructions_size, 24);
	assert_int_equal(info.safepoint_size, 12);
	assert_int_equal(info.handler_size, 4);
	assert_int_equal(info.constant_pool_size, 8);
	assert_int_equal(info.comments_size, 7);
	assert_int_equal(info.trap_count, 1);
	assert_memory_equal(info.traps, rich.traps, sizeof(*info.traps));
	assert_true(codearena_code_is_protected(code, info.start + 4));
	assert_int_equal(info.position_count, 2);
	assert_memory_equal(info.positions, rich.positions,
			    sizeof(rich.positions));
	assert_int_equal(info.inlining_count, 2);
	assert_memory_equal(info.inlinings, rich.inlinings,
			    sizeof(rich.inlinings));
	assert_int_equal(info.deopt_size, rich.desc.deopt_size);
	assert_memory_equal(info.deopt, rich.desc.deopt, info.deopt_size);
	assert_int_equal(codearena_code_name(code, name, sizeof(name)), 13);
	assert_string_equal(name, rich.name);
	codearena_code_put(code);
}

/* Restored code unwinds as the saved code did. */
static void unwinding_survives(void **state)
{
	static const uint8_t cfi[] = { 0x41, 0x0e, 0x10, 0x86, 0x02 };
	struct codearena_code *code[3];
	struct rich rich[3];
	struct image image;

	(void)state;
	for (int i = 0; i < 3; i++)
		rich_body(&rich[i], 2 + i, 77);
	rich[0].desc.unwind = CODEARENA_UNWIND_CFI;
	rich[0].desc.cfi = cfi;
	rich[0].desc.cfi_size = sizeof(cfi);
	rich[1].desc.unwind = CODEARENA_UNWIND_FIXED;
	rich[1].desc.frame_size = 48;
	rich[2].desc.unwind = CODEARENA_UNWIND_FRAME_POINTER;
	for (int i = 0; i < 3; i++)
		publish_desc(from.module, &rich[i].desc);
	image = image_of(from.module, NULL);
	assert_int_equal(load(to.module, &image), 0);
	memset(image.bytes, 0, image.size);
	free(image.bytes);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(codearena_module_code(to.module, 2 + i,
						       &code[i]), 0);
		assert_int_equal(code[i]->unwind, rich[i].desc.unwind);
		assert_string_equal(ca__code_name(code[i]), rich[i].name);
	}
	assert_int_equal(ca__code_cfi_size(code[0]), sizeof(cfi));
	assert_memory_equal(ca__code_cfi(code[0]), cfi, sizeof(cfi));
	assert_int_equal(code[1]->unwind_size, 48);
	assert_int_equal(code[2]->unwind_size, 0);
	for (int i = 0; i < 3; i++)
		codearena_code_put(code[i]);
}

/* External landing pads are stored as such; here nothing is published. */
static void landing_pads_survive(void **state)
{
	struct ca__reader reader;
	struct ca__record_trap trap;
	struct image image;
	struct rich rich;
	struct ca__view view;

	(void)state;
	if (codearena_trap_set_landing(from.module->spaces[0].arena,
				       codearena_pad_external()))
		skip_because("no such landing pads here");
	rich_body(&rich, 2, 77);
	rich.desc.trap_count = 2;
	publish_desc(from.module, &rich.desc);
	image = image_of(from.module, NULL);
	reader = image_objects(&image);
	assert_true(ca__view_read(&reader, &view));
	assert_int_equal(view.record.traps, 2);
	memcpy(&trap, view.traps, sizeof(trap));
	assert_int_equal(trap.start, 0);
	assert_int_equal(trap.landing, CA__RECORD_EXTERNAL);
	assert_int_equal(load(to.module, &image), 0);
	{
		struct codearena_code_info info;
		struct codearena_code *code;

		codearena_module_code(to.module, 2, &code);
		info = code_info(code);
		assert_int_equal(info.trap_count, 2);
		assert_true(info.traps[0].landing ==
			    CODEARENA_LANDING_EXTERNAL);
		assert_true(info.traps[1].landing == 8);
		codearena_code_put(code);
	}
	free(image.bytes);
}

/* An undefined instruction, with a pad in the same object. */
static void traps_lead_to_pads(void **state)
{
	size_t size = code_undefined.end - code_undefined.start, pad = 16;
	struct codearena_trap trap = {
		code_undefined.at - code_undefined.start, 1, pad
	};
	struct image image;
	struct body body;

	trap_begin(state);
	if (!(codearena_trap_kinds(from.module->spaces[0].arena) &
	      CODEARENA_TRAP_UNDEFINED))
		skip_because("no traps of undefined instructions here");
	body_return(&body, 2, 1);
	assert_true(size <= pad);
	memcpy(body.bytes, code_undefined.start, size);
	body.desc.instructions_size = pad + code_return(body.bytes + pad, 654);
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	body.desc.traps = &trap;
	body.desc.trap_count = 1;
	publish_desc(from.module, &body.desc);
	assert_int_equal(call_function(from.module, 2, 0), 654);
	image = image_of(from.module, NULL);
	assert_int_equal(image_head(&image).trap_kinds,
			 codearena_trap_kinds(from.module->spaces[0].arena));
	assert_int_equal(load(to.module, &image), 0);
	free(image.bytes);
	assert_int_equal(call(2), 654);
}

/* Equal code makes equal bytes, wherever it is; and again when loaded. */
static void bytes_do_not_depend_on_the_place(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts,
		       .flags = CODEARENA_SNAPSHOT_F_BASELINE);
	struct image first, second;
	struct body body;

	(void)state;
	publish_usual(from.module);
	first = image_of(from.module, &opts);
	/* Occupies the space that the code needs. */
	body_return(&body, 9, 1);
	publish_desc(to.module, &body.desc);
	assert_int_equal(codearena_module_remove(to.module,
			CODEARENA_FILTER_ALL, NULL), 0);
	publish_usual(to.module);
	second = image_of(to.module, &opts);
	assert_int_equal(second.size, first.size);
	assert_memory_equal(second.bytes, first.bytes, first.size);
	free(second.bytes);
	{
		struct module_fixture third;
		struct codearena_module_opts how = module_opts(&third);

		module_begin(&third, 0, &how);
		assert_int_equal(codearena_snapshot_load(third.module, &opts,
				first.bytes, first.size, NULL, NULL), 0);
		assert_int_equal(call_function(third.module, 5, 0), 55);
		second = image_of(third.module, &opts);
		module_end(&third);
	}
	assert_int_equal(second.size, first.size);
	assert_memory_equal(second.bytes, first.bytes, first.size);
	free(second.bytes);
	free(first.bytes);
}

/* V8: serialising a module without optimised code fails. */
static void nothing_to_store_is_an_error(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts);
	struct body body;
	size_t size = 1;
	void *bytes = &size;

	(void)state;
	assert_int_equal(snapshot_size(from.module, &opts, &size),
			 -ENOENT);
	body_return(&body, 2, 1);
	publish_desc(from.module, &body.desc);
	size = 1;
	assert_int_equal(snapshot_size(from.module, &opts, &size),
			 -ENOENT);
	assert_int_equal(size, 0);
	assert_int_equal(codearena_snapshot_save_new(from.module, &opts, &bytes,
						     &size), -ENOENT);
	assert_null(bytes);
	opts.flags = CODEARENA_SNAPSHOT_F_OTHERS;
	assert_int_equal(snapshot_size(from.module, &opts, &size),
			 -ENOENT);
	opts.flags = CODEARENA_SNAPSHOT_F_BASELINE;
	assert_int_equal(snapshot_size(from.module, &opts, &size),
			 0);
	assert_true(size > sizeof(struct ca__head));
	/* Removed code is as if it had never been. */
	codearena_module_remove(from.module, CODEARENA_FILTER_ALL, NULL);
	assert_int_equal(snapshot_size(from.module, &opts, &size),
			 -ENOENT);
}

static void debugging_code_is_not_stored(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts,
		       .flags = CODEARENA_SNAPSHOT_F_BASELINE |
				CODEARENA_SNAPSHOT_F_OTHERS);
	struct image image;
	struct body body;

	(void)state;
	body_return(&body, 2, 1);
	publish_desc(from.module, &body.desc);
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 1);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	publish_desc(from.module, &body.desc);
	codearena_module_set_debug(from.module, true);
	body_return(&body, 3, 1);
	body.desc.debug = CODEARENA_DEBUG_DEBUGGING;
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	publish_desc(from.module, &body.desc);
	image = image_of(from.module, &opts);
	assert_int_equal(image_head(&image).saved, 1);
	assert_int_equal(image_head(&image).eager, 1);
	assert_int_equal(image_head(&image).others, 0);
	free(image.bytes);
}

static void wrappers_are_stored_on_demand(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts,
		       .flags = CODEARENA_SNAPSHOT_F_OTHERS);
	struct codearena_code *codes[MODULE_FUNCTIONS], *released;
	size_t count = MODULE_FUNCTIONS;
	struct image image;
	struct body body;

	(void)state;
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 10);
	body.desc.kind = CODEARENA_CODE_RUNTIME_WRAPPER;
	publish_desc(from.module, &body.desc);
	/* Of an imported function, and of the index of a declared one. */
	body_return(&body, 1, 11);
	publish_desc(from.module, &body.desc);
	body_return(&body, 2, 12);
	body.desc.kind = CODEARENA_CODE_INTERPRETER_ENTRY;
	publish_desc(from.module, &body.desc);
	body_return(&body, 2, 13);
	body.desc.kind = CODEARENA_CODE_HOST_WRAPPER;
	released = publish_body(from.module, &body);
	assert_int_equal(codearena_module_drop(from.module, &released, 1), 0);
	body_return(&body, 2, 14);
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	publish_desc(from.module, &body.desc);
	image = image_of(from.module, NULL);
	assert_int_equal(image_head(&image).others, 0);
	free(image.bytes);
	image = image_of(from.module, &opts);
	codearena_code_put(released);
	assert_int_equal(image_head(&image).others, 3);
	assert_int_equal(image_head(&image).saved, 1);
	assert_int_equal(load(to.module, &image), 0);
	free(image.bytes);
	assert_int_equal(call(2), 14);
	assert_int_equal(module_stat(to.module).current, 1);
	assert_int_equal(codearena_module_codes(to.module, 0, codes,
						       &count), 0);
	assert_int_equal(count, 4);
	assert_int_equal(code_info(codes[1]).kind,
			 CODEARENA_CODE_RUNTIME_WRAPPER);
	assert_int_equal(call_address(codearena_code_start(codes[1])), 10);
	assert_int_equal(code_info(codes[2]).function_index, 1);
	assert_int_equal(call_address(codearena_code_start(codes[2])), 11);
	assert_int_equal(code_info(codes[3]).kind,
			 CODEARENA_CODE_INTERPRETER_ENTRY);
	assert_int_equal(call_address(codearena_code_start(codes[3])), 12);
	ca__module_put(codes, count);
	/* They are the module's, as they were. */
	assert_int_equal(module_stat(to.module).dead, 0);
	assert_int_equal(codearena_module_drop(to.module, &codes[2], 1), 0);
	assert_int_equal(module_stat(to.module).dead, 1);
}

static void sizes_are_told(void **state)
{
	uint8_t *bytes;
	size_t size, wanted;
	void *new;

	(void)state;
	publish_usual(from.module);
	assert_int_equal(snapshot_size(from.module, NULL, &wanted),
			 0);
	size = 0;
	assert_int_equal(codearena_snapshot_save(from.module, NULL, NULL,
						 &size), -EMSGSIZE);
	assert_int_equal(size, wanted);
	bytes = malloc(wanted + 1);
	memset(bytes, 0xcc, wanted + 1);
	size = wanted - 1;
	assert_int_equal(codearena_snapshot_save(from.module, NULL, bytes,
						 &size), -EMSGSIZE);
	assert_int_equal(size, wanted);
	assert_int_equal(bytes[0], 0xcc);
	size = wanted + 1;
	assert_int_equal(codearena_snapshot_save(from.module, NULL, bytes,
						 &size), 0);
	assert_int_equal(size, wanted);
	assert_int_equal(bytes[wanted], 0xcc);
	assert_int_equal(codearena_snapshot_save_new(from.module, NULL, &new,
						     &size), 0);
	assert_int_equal(size, wanted);
	assert_memory_equal(new, bytes, wanted);
	free(new);
	free(bytes);
	/* No reference is kept. */
	codearena_module_remove(from.module, CODEARENA_FILTER_ALL, NULL);
	assert_int_equal(module_stat(from.module).dead, 4);
}

static void the_header_can_be_read(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts, .build = "1.2 -O3",
		       .build_size = 7, .cpu_features = 0x8000000000000001);
	struct {
		struct codearena_snapshot_info info;
		uint64_t newer;
	} larger = { .info.sz = sizeof(larger), .newer = 5 };
	struct codearena_snapshot_info *info = &larger.info;
	struct image image;
	uint8_t *unaligned;

	(void)state;
	publish_usual(from.module);
	image = image_of(from.module, &opts);
	unaligned = malloc(CODEARENA_SNAPSHOT_HEAD_SIZE + 1);
	memcpy(unaligned + 1, image.bytes, CODEARENA_SNAPSHOT_HEAD_SIZE);
	assert_int_equal(codearena_snapshot_inspect(unaligned + 1,
			CODEARENA_SNAPSHOT_HEAD_SIZE, info), 0);
	free(unaligned);
	assert_int_equal(info->sz, sizeof(larger));
	assert_int_equal(larger.newer, 0);
	assert_int_equal(info->length, image.size);
	assert_int_equal(info->code_bytes, 3 * from.module->unit);
	assert_true(info->cpu_features == opts.cpu_features);
	assert_int_equal(info->machine, from.module->machine);
	assert_int_equal(info->unit, from.module->unit);
	assert_true(info->page_size >= 4096);
	assert_int_equal(info->jump_flags, 0);
	assert_true(info->trap_kinds);
	assert_int_equal(info->imports, MODULE_IMPORTS);
	assert_int_equal(info->functions, MODULE_FUNCTIONS);
	assert_int_equal(info->builtins, 3);
	assert_int_equal(info->signatures, 4);
	assert_int_equal(info->externals, 0);
	assert_int_equal(info->saved, 3);
	assert_int_equal(info->eager, 1);
	assert_int_equal(info->others, 0);
	assert_int_equal(info->build_size, 7);
	assert_memory_equal(info->build, "1.2 -O3", 8);
	assert_string_equal(info->version, codearena_version());
	free(image.bytes);
}

/* All kinds of relocations, into a module where everything is elsewhere. */
static void relocations_are_rebased(void **state)
{
	struct codearena_handle_table *handles;
	CODEARENA_OPTS(codearena_handle_table_opts, table);
	uint64_t externals[2] = { 0x1111111111111111, 0x2222222222222222 };
	struct codearena_reloc relocs[] = {
		{ 16, CODEARENA_RELOC_SIGNATURE, CODEARENA_FORM_ABS32, 0, 3, 0 },
		{ 20, CODEARENA_RELOC_INDIRECT, CODEARENA_FORM_ABS32, 0, 4, 0 },
		{ 24, CODEARENA_RELOC_INTERNAL, CODEARENA_FORM_ABS64, 0, 12,
		  -4 },
		{ 32, CODEARENA_RELOC_EXTERNAL, CODEARENA_FORM_ABS64, 0, 1,
		  -0x22 },
		{ 40, CODEARENA_RELOC_CALL, CODEARENA_FORM_ABS64, 0, 5, 0 },
		{ 48, CODEARENA_RELOC_STUB_CALL, CODEARENA_FORM_ABS64, 0, 2,
		  0 },
	};
	struct module_fixture a, b;
	struct codearena_module_opts opts = module_opts(&a);
	struct codearena_code *code;
	codearena_handle handle;
	struct image image;
	struct body body;
	struct {
		uint32_t signature;
		uint32_t handle;
		uint64_t words[4];
	} got;
	const struct codearena_reloc *kept;
	uint64_t target;
	size_t i;

	(void)state;
	assert_int_equal(codearena_handle_table_new(&table, &handles), 0);
	opts.handles = handles;
	opts.externals = externals;
	opts.external_count = 2;
	module_begin(&a, 0, &opts);
	externals[1] = 0x3333333333333333;
	module_opts(&b);
	opts.builtins = b.builtins;
	module_begin(&b, 0, &opts);
	body_return(&body, 2, 1);
	memset(body.bytes + 16, 0xee, 40);
	body.desc.instructions_size = 16;
	body.desc.constant_pool_size = 40;
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	body.desc.relocs = relocs;
	body.desc.reloc_count = 6;
	publish_desc(a.module, &body.desc);
	image = image_of(a.module, NULL);
	assert_int_equal(load(b.module, &image), 0);
	free(image.bytes);
	assert_int_equal(codearena_module_code(b.module, 2, &code), 0);
	memcpy(&got, (void *)(uintptr_t)(codearena_code_start(code) + 16),
	       sizeof(got));
	assert_int_equal(got.signature, 3);
	assert_int_equal(codearena_module_handle(b.module, 4, 0, &handle), 0);
	assert_int_equal(got.handle, handle);
	assert_int_equal(got.words[0], codearena_code_start(code) + 8);
	assert_true(got.words[1] == 0x3333333333333311);
	codearena_module_call_target(b.module, 5, 0, &target);
	assert_int_equal(got.words[2], target);
	codearena_module_builtin_target(b.module, 2, 0, &target);
	assert_int_equal(got.words[3], target);
	assert_int_equal(code_info(code).reloc_count, 6);
	kept = code_info(code).relocs;
	for (i = 0; i < 6; i++) {
		assert_int_equal(kept[i].offset, relocs[i].offset);
		assert_int_equal(kept[i].kind, relocs[i].kind);
		assert_int_equal(kept[i].form, relocs[i].form);
		assert_int_equal(kept[i].__reserved, 0);
		assert_int_equal(kept[i].index, relocs[i].index);
		assert_int_equal(kept[i].addend, relocs[i].addend);
	}
	codearena_code_put(code);
	module_end(&b);
	module_end(&a);
	codearena_handle_table_free(handles);
}

/* RFC 3720, B.4, and the check value of catalogues. */
static void checksums_are_crc32c(void **state)
{
	uint8_t bytes[32];
	unsigned int i;

	(void)state;
	assert_int_equal(ca__crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(ca__crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(ca__crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(ca__crc32c(0, bytes, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(ca__crc32c(0, bytes, 32), 0x46dd794e);
	/* In pieces of any length it is the same. */
	for (i = 0; i <= 32; i++)
		assert_int_equal(ca__crc32c(ca__crc32c(0, bytes, i), bytes + i,
					    32 - i), 0x46dd794e);
	for (i = 0; i < 32; i++)
		bytes[i] = 31 - i;
	assert_int_equal(ca__crc32c(0, bytes, 32), 0x113fdb5c);
}

static void reasons_have_words(void **state)
{
	uint32_t i, j;

	(void)state;
	for (i = 0; i <= CODEARENA_SNAPSHOT_OBJECT; i++) {
		const char *words = ca__snapshot_reason(i);

		assert_string_not_equal(words, "unknown reason");
		for (j = 0; j < i; j++)
			assert_string_not_equal(words,
						ca__snapshot_reason(j));
	}
	assert_string_equal(ca__snapshot_reason(i), "unknown reason");
}

#define SNAPSHOT_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOT_TEST(round_trip_executes),
		SNAPSHOT_TEST(metadata_survives),
		SNAPSHOT_TEST(unwinding_survives),
		SNAPSHOT_TEST(landing_pads_survive),
		cmocka_unit_test_setup_teardown(traps_lead_to_pads, setup_traps,
						teardown_traps),
		SNAPSHOT_TEST(bytes_do_not_depend_on_the_place),
		SNAPSHOT_TEST(nothing_to_store_is_an_error),
		SNAPSHOT_TEST(debugging_code_is_not_stored),
		SNAPSHOT_TEST(wrappers_are_stored_on_demand),
		SNAPSHOT_TEST(sizes_are_told),
		SNAPSHOT_TEST(the_header_can_be_read),
		SNAPSHOT_TEST(relocations_are_rebased),
		cmocka_unit_test(checksums_are_crc32c),
		cmocka_unit_test(reasons_have_words),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
