// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Snapshots that are refused: of another kind, damaged, cut off, or made to do
 * harm. V8's counterparts are the rows about a wrong version, and empty or
 * damaged data, of test/cctest/wasm/test-wasm-serialization.cc.
 */
#include "lib/sizes.h"
#include "snapshot/snapshot_fits.h"
#include "snapshot/snapshot_helpers.h"

static struct module_fixture fixture;
static struct image usual;

static int setup(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);

	backend_setup(state);
	module_begin(&fixture, 0, &opts);
	usual = image_usual(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(usual.bytes);
	module_end(&fixture);
	return 0;
}

static struct codearena_snapshot_error failed;
static struct codearena_reloc_error reloc_failed;

static int check(const struct image *image)
{
	memset(&failed, 0xcc, sizeof(failed));
	return snapshot_fits(fixture.module, NULL, image->bytes, image->size,
			     &failed.reason);
}

static int load_failing(const struct image *image)
{
	uint8_t states[MODULE_FUNCTIONS];
	size_t i;
	int ret;

	memset(&failed, 0xcc, sizeof(failed));
	failed.sz = sizeof(failed);
	memset(&reloc_failed, 0xcc, sizeof(reloc_failed));
	reloc_failed.sz = sizeof(reloc_failed);
	failed.reloc = &reloc_failed;
	memset(states, 0xcc, sizeof(states));
	ret = codearena_snapshot_load(fixture.module, NULL, image->bytes,
				      image->size, states, &failed);
	for (i = 0; i < sizeof(states) && ret; i++)
		assert_int_equal(states[i], 0xcc);
	assert_int_equal(failed.error, ret);
	assert_ptr_equal(failed.reloc, &reloc_failed);
	assert_string_equal(failed.text, ca__snapshot_reason(failed.reason));
	return ret;
}

/* The checks alone and loading refuse it for the same reason; nothing remains. */
static void expect_reason(const struct image *image, uint32_t reason, int error)
{
	uint64_t spaces = module_stat(fixture.module).spaces;

	assert_int_equal(check(image), error);
	assert_int_equal(failed.reason, reason);
	assert_int_equal(load_failing(image), error);
	assert_int_equal(failed.reason, reason);
	assert_true(failed.object == SIZE_MAX);
	assert_int_equal(module_stat(fixture.module).spaces, spaces);
	expect_pristine(fixture.module);
}

#define MEMBER(name, change, why, errno_)				\
	{ offsetof(struct ca__head, name),				\
	  sizeof(((struct ca__head *)0)->name), change,			\
	  CODEARENA_SNAPSHOT_##why, -(errno_) }

/* Every member, with the checksums put right. */
static void every_member_counts(void **state)
{
	static const struct {
		size_t offset;
		size_t size;
		uint8_t change;
		uint32_t reason;
		int error;
	} members[] = {
		MEMBER(magic, 1, NO_SNAPSHOT, EBADMSG),
		MEMBER(order, 1, BYTE_ORDER, ENOEXEC),
		MEMBER(format, 1, FORMAT, EOPNOTSUPP),
		MEMBER(head_size, 1, HEAD, EBADMSG),
		MEMBER(abi, 1, ABI, ENOEXEC),
		MEMBER(machine, 1, MACHINE, ENOEXEC),
		MEMBER(page_size, 1, PAGE_SIZE, ENOEXEC),
		MEMBER(unit, 1, UNIT, ENOEXEC),
		MEMBER(jump_flags, 1, JUMP_FLAGS, ENOEXEC),
		MEMBER(cpu_features, 1, CPU_FEATURES, ENOEXEC),
		MEMBER(trap_kinds, 0x80, TRAP_KINDS, EOPNOTSUPP),
		MEMBER(build_size, 1, BUILD, ESTALE),
		MEMBER(build_size, 0x80, HEAD, EBADMSG),
		MEMBER(version, 1, VERSION, ESTALE),
		MEMBER(build, 1, BUILD, ESTALE),
		MEMBER(imports, 1, IMPORTS, EINVAL),
		MEMBER(functions, 1, FUNCTIONS, EINVAL),
		MEMBER(builtins, 1, BUILTINS, EINVAL),
		MEMBER(signatures, 1, SIGNATURES, EINVAL),
		MEMBER(externals, 1, EXTERNALS, EINVAL),
		MEMBER(saved, 1, STRUCTURE, EBADMSG),
		MEMBER(eager, 2, STRUCTURE, EBADMSG),
		MEMBER(others, 1, STRUCTURE, EBADMSG),
		MEMBER(code_bytes, 64, STRUCTURE, EBADMSG),
	};
	size_t i, seen = 0;

	(void)state;
	for (i = 0; i < sizeof(members) / sizeof(*members); i++) {
		struct image image = image_copy(&usual);
		struct ca__head head = image_head(&image);

		((uint8_t *)&head)[members[i].offset] ^= members[i].change;
		image_repair(&image, head);
		expect_reason(&image, members[i].reason, members[i].error);
		free(image.bytes);
		seen += members[i].size;
	}
	/* One member is there twice, three are made right by image_repair(). */
	assert_int_equal(seen - 4 + 8 + 4 + 4, sizeof(struct ca__head));
	/* And the last byte of the version, which ends it. */
	{
		struct image image = image_copy(&usual);
		struct ca__head head = image_head(&image);

		head.version[31] = 1;
		image_repair(&image, head);
		expect_reason(&image, CODEARENA_SNAPSHOT_HEAD, -EBADMSG);
		free(image.bytes);
	}
	assert_int_equal(load(fixture.module, &usual), 0);
}

static void length_and_checksums_count(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__head head = image_head(&image);

	(void)state;
	head.length++;
	ca__head_seal(&head);
	memcpy(image.bytes, &head, sizeof(head));
	expect_reason(&image, CODEARENA_SNAPSHOT_LENGTH, -EBADMSG);
	head.length--;
	head.payload_crc ^= 1U << 31;
	ca__head_seal(&head);
	memcpy(image.bytes, &head, sizeof(head));
	expect_reason(&image, CODEARENA_SNAPSHOT_CHECKSUM, -EBADMSG);
	head.payload_crc ^= 1U << 31;
	ca__head_seal(&head);
	head.head_crc ^= 1;
	memcpy(image.bytes, &head, sizeof(head));
	expect_reason(&image, CODEARENA_SNAPSHOT_HEAD, -EBADMSG);
	free(image.bytes);
}

/* Code of one set of options is refused with another one. */
static void the_runtime_counts(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts, .build = "abc",
		       .build_size = 3, .cpu_features = 6);
	struct codearena_snapshot_opts other = opts;
	struct image image = image_usual(&opts);

	(void)state;
	expect_reason(&image, CODEARENA_SNAPSHOT_CPU_FEATURES, -ENOEXEC);
	other.cpu_features = 7;
	assert_int_equal(codearena_snapshot_load(fixture.module, &other,
			image.bytes, image.size, NULL, NULL), -ENOEXEC);
	other = opts;
	other.build = "abd";
	assert_int_equal(codearena_snapshot_load(fixture.module, &other,
			image.bytes, image.size, NULL, NULL), -ESTALE);
	other.build = "abc\0";
	other.build_size = 4;
	assert_int_equal(codearena_snapshot_load(fixture.module, &other,
			image.bytes, image.size, NULL, NULL), -ESTALE);
	assert_int_equal(codearena_snapshot_load(fixture.module, &opts,
			image.bytes, image.size, NULL, NULL), 0);
	free(image.bytes);
}

static void every_byte_counts(void **state)
{
	static const uint8_t changes[] = { 1, 0x80, 0xff };
	struct image image = image_copy(&usual);
	size_t i, j;

	(void)state;
	for (i = 0; i < image.size; i++) {
		for (j = 0; j < sizeof(changes); j++) {
			int ret;

			image.bytes[i] ^= changes[j];
			ret = load_failing(&image);
			assert_true(ret == -EBADMSG || ret == -ENOEXEC ||
				    ret == -EOPNOTSUPP);
			assert_int_not_equal(failed.reason,
					     CODEARENA_SNAPSHOT_OK);
			image.bytes[i] ^= changes[j];
		}
	}
	expect_pristine(fixture.module);
	assert_int_equal(load(fixture.module, &image), 0);
	free(image.bytes);
}

/* In memory of exactly the size of the snapshot, for sanitizers. */
static void every_length_counts(void **state)
{
	size_t size;

	(void)state;
	for (size = 0; size < usual.size; size++) {
		struct image image = { malloc(size ? size : 1), size };

		memcpy(image.bytes, usual.bytes, size);
		assert_int_equal(load_failing(&image), -EBADMSG);
		assert_int_equal(failed.reason,
				 size < sizeof(struct ca__head) ?
				 CODEARENA_SNAPSHOT_TOO_SHORT :
				 CODEARENA_SNAPSHOT_LENGTH);
		free(image.bytes);
	}
	{
		struct image image = { calloc(1, usual.size + 1),
				       usual.size + 1 };

		memcpy(image.bytes, usual.bytes, usual.size);
		expect_reason(&image, CODEARENA_SNAPSHOT_LENGTH, -EBADMSG);
		image_repair(&image, image_head(&image));
		expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
		free(image.bytes);
	}
}

/* Cut off everywhere, and all that can be checked says it is right. */
static void every_repaired_length_counts(void **state)
{
	size_t size;

	(void)state;
	for (size = sizeof(struct ca__head); size < usual.size; size++) {
		struct image image = { malloc(size), size };

		memcpy(image.bytes, usual.bytes, size);
		image_repair(&image, image_head(&image));
		assert_int_equal(load_failing(&image), -EBADMSG);
		assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_STRUCTURE);
		free(image.bytes);
	}
	expect_pristine(fixture.module);
}

/* Bytes of a snapshot where its first object begins. */
#define FIRST	(sizeof(struct ca__head) + MODULE_FUNCTIONS)

#define RECORD(name) (FIRST + offsetof(struct ca__record, name))

/* A change, with right checksums, that contradicts the rest. */
static void structure_counts(void **state)
{
	static const struct {
		size_t offset;
		uint8_t change;
	} changes[] = {
		{ sizeof(struct ca__head), 1 },	/* states */
		{ sizeof(struct ca__head), 0x80 },
		{ sizeof(struct ca__head) + 3, 1 },
		{ sizeof(struct ca__head) + 9, 2 },
		{ RECORD(kind), CODEARENA_CODE_HOST_WRAPPER },
		{ RECORD(report), 2 },
		{ RECORD(unwind), CODEARENA_UNWIND_FIXED },
		{ RECORD(unwind), CODEARENA_UNWIND_CFI + 1 },
		{ RECORD(function_index), 1 },
		{ RECORD(function_index) + 3, 0x80 },
		{ RECORD(sections[0]) + 3, 0x80 },
		{ RECORD(sections[0]), 24 },
		{ RECORD(sections[4]) + 3, 0xff },
		{ RECORD(traps) + 3, 0x80 },
		{ RECORD(traps), 1 },
		{ RECORD(relocs) + 3, 0xff },
		{ RECORD(positions) + 3, 0xff },
		{ RECORD(inlinings) + 3, 0xff },
		{ RECORD(deopt_size) + 3, 0xff },
		{ RECORD(name_length) + 3, 0xff },
		{ RECORD(name_length), 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct image image = image_copy(&usual);

		image.bytes[changes[i].offset] ^= changes[i].change;
		image_repair(&image, image_head(&image));
		expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
		free(image.bytes);
	}
}

/* The same bytes, all of which are tables. */
static void objects_have_instructions(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__record record;

	(void)state;
	memcpy(&record, image.bytes + FIRST, sizeof(record));
	record.sections[1] += record.sections[0];
	record.sections[0] = 0;
	memcpy(image.bytes + FIRST, &record, sizeof(record));
	image_repair(&image, image_head(&image));
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	free(image.bytes);
}

/* Where the parts of object @index of the usual snapshot are. */
static struct ca__view view_of(const struct image *image, size_t index)
{
	struct ca__reader reader = image_objects(image);
	struct ca__view view;

	do
		assert_true(ca__view_read(&reader, &view));
	while (index--);
	return view;
}

static void names_end_where_they_say(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__view view = view_of(&image, 0);
	uint8_t *name = image.bytes + (view.name - image.bytes);

	(void)state;
	name[4] = 0;
	image_repair(&image, image_head(&image));
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	name[4] = 'x';
	name[view.record.name_length] = 'x';
	image_repair(&image, image_head(&image));
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	free(image.bytes);
}

/* Without protected instructions no traps are needed, and the reverse. */
static void trap_kinds_belong_to_traps(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__head head = image_head(&image);

	(void)state;
	assert_int_not_equal(head.trap_kinds, 0);
	head.trap_kinds = 0;
	image_repair(&image, head);
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	free(image.bytes);
}

/* The structure is right, but no module would take such an object. */
static void objects_are_validated(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__view view = view_of(&image, 1);
	uint8_t *reloc = image.bytes + (view.relocs - image.bytes);
	uint8_t *record = image.bytes + (view.body - image.bytes) -
			  sizeof(struct ca__record);
	const struct {
		uint8_t *at;
		uint8_t value;
		int error;
		uint32_t reason;
	} changes[] = {
		{ record + offsetof(struct ca__record, tier), 3, -EINVAL,
		  CODEARENA_RELOC_OK },
		{ reloc + offsetof(struct ca__record_reloc, kind), 99, -EINVAL,
		  CODEARENA_RELOC_BAD_KIND },
		{ reloc + offsetof(struct ca__record_reloc, __reserved), 1,
		  -EINVAL, CODEARENA_RELOC_BAD_KIND },
		{ reloc + offsetof(struct ca__record_reloc, form), 99, -EINVAL,
		  CODEARENA_RELOC_BAD_FORM },
		{ reloc + offsetof(struct ca__record_reloc, offset), 99,
		  -EINVAL, CODEARENA_RELOC_BAD_OFFSET },
		{ reloc + offsetof(struct ca__record_reloc, index), 99,
		  -ENOENT, CODEARENA_RELOC_BAD_FUNCTION },
		{ reloc + offsetof(struct ca__record_reloc, addend), 1,
		  -EINVAL, CODEARENA_RELOC_BAD_ADDEND },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		uint8_t before = *changes[i].at;

		*changes[i].at = changes[i].value;
		image_repair(&image, image_head(&image));
		assert_int_equal(check(&image), 0);
		assert_int_equal(load_failing(&image), changes[i].error);
		assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OBJECT);
		assert_int_equal(failed.object, 1);
		assert_int_equal(reloc_failed.reason, changes[i].reason);
		assert_int_equal(reloc_failed.object, 1);
		expect_pristine(fixture.module);
		*changes[i].at = before;
	}
	image_repair(&image, image_head(&image));
	assert_int_equal(load_failing(&image), 0);
	assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OK);
	free(image.bytes);
}

/* An object in the place of another one, or without one. */
static void others_are_no_declared_functions(void **state)
{
	struct image image = image_copy(&usual);
	struct ca__head head = image_head(&image);

	(void)state;
	/* The last function, as another object. */
	image.bytes[sizeof(head) + 2] = CODEARENA_SNAPSHOT_LAZY;
	head.saved--;
	head.others++;
	image_repair(&image, head);
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	/* None at all. */
	image.size = FIRST;
	memset(image.bytes + sizeof(head), 0, MODULE_FUNCTIONS);
	head.saved = 0;
	head.others = 0;
	head.eager = 0;
	head.code_bytes = 0;
	head.trap_kinds = 0;
	image_repair(&image, head);
	expect_reason(&image, CODEARENA_SNAPSHOT_STRUCTURE, -EBADMSG);
	free(image.bytes);
}

static void modules_that_have_code_are_busy(void **state)
{
	struct codearena_code *code;
	struct body body;

	(void)state;
	codearena_module_set_debug(fixture.module, true);
	assert_int_equal(load_failing(&usual), -EBUSY);
	assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OK);
	codearena_module_set_debug(fixture.module, false);
	body_return(&body, 2, 1);
	assert_int_equal(codearena_module_add(fixture.module, &body.desc, 1,
					      &code, NULL), 0);
	assert_int_equal(load_failing(&usual), -EBUSY);
	codearena_module_drop(fixture.module, &code, 1);
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 1);
	code = publish_body(fixture.module, &body);
	assert_int_equal(load_failing(&usual), -EBUSY);
	codearena_module_drop(fixture.module, &code, 1);
	codearena_code_put(code);
	assert_int_equal(load_failing(&usual), -EBUSY);
	codearena_module_reap(fixture.module, NULL);
	assert_int_equal(load_failing(&usual), 0);
	assert_int_equal(load_failing(&usual), -EBUSY);
	assert_int_equal(call_function(fixture.module, 3, 0), 77);
}

static void arguments_are_checked(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts);
	CODEARENA_OPTS(codearena_snapshot_info, info);
	struct codearena_module *module = fixture.module;
	size_t size = 0;
	void *bytes;

	(void)state;
	assert_int_equal(codearena_snapshot_load(NULL, NULL, usual.bytes,
			usual.size, NULL, NULL), -EINVAL);
	assert_int_equal(codearena_snapshot_load(module, NULL, NULL, usual.size,
						 NULL, NULL), -EINVAL);
	opts.flags = 4;
	assert_int_equal(snapshot_size(module, &opts, &size),
			 -EOPNOTSUPP);
	assert_int_equal(codearena_snapshot_load(module, &opts, usual.bytes,
						 usual.size, NULL, NULL),
			 -EOPNOTSUPP);
	opts.flags = 0;
	opts.__reserved = 1;
	assert_int_equal(snapshot_size(module, &opts, &size),
			 -EOPNOTSUPP);
	opts.__reserved = 0;
	opts.build_size = 1;
	assert_int_equal(snapshot_size(module, &opts, &size),
			 -EINVAL);
	opts.build = &opts;
	opts.build_size = CODEARENA_SNAPSHOT_BUILD_MAX + 1;
	assert_int_equal(snapshot_size(module, &opts, &size),
			 -EINVAL);
	assert_int_equal(snapshot_size(NULL, NULL, &size), -EINVAL);
	assert_int_equal(codearena_snapshot_save(module, NULL, NULL, NULL),
			 -EINVAL);
	size = 1;
	assert_int_equal(codearena_snapshot_save(module, NULL, NULL, &size),
			 -EINVAL);
	assert_int_equal(codearena_snapshot_save_new(module, NULL, NULL, &size),
			 -EINVAL);
	assert_int_equal(codearena_snapshot_save_new(module, NULL, &bytes,
						     NULL), -EINVAL);
	assert_int_equal(codearena_snapshot_inspect(NULL, 500, &info), -EINVAL);
	assert_int_equal(codearena_snapshot_inspect(usual.bytes, usual.size,
						    NULL), -EINVAL);
	assert_int_equal(codearena_snapshot_inspect(usual.bytes,
			CODEARENA_SNAPSHOT_HEAD_SIZE - 1, &info), -EBADMSG);
	usual.bytes[8] ^= 1;
	assert_int_equal(codearena_snapshot_inspect(usual.bytes, usual.size,
						    &info), -ENOEXEC);
}

static int inspect_sized(void *info)
{
	return codearena_snapshot_inspect(usual.bytes, usual.size, info);
}

static int fits_sized(void *opts)
{
	uint32_t reason;

	return snapshot_fits(fixture.module, opts, usual.bytes, usual.size,
			     &reason);
}

static struct codearena_reloc_error *sized_reloc;

/* Damaged and thus refused each time, which is a success here. */
static int refused_sized(void *sized)
{
	struct codearena_snapshot_error *error = sized;
	int ret;

	if (error->sz >= CA__SIZE_SNAPSHOT_ERROR)
		error->reloc = sized_reloc;
	ret = codearena_snapshot_load(fixture.module, NULL, usual.bytes,
				      usual.size - 1, NULL, error);
	return ret == -EBADMSG ? 0 : ret;
}

static int refused_reloc(void *reloc)
{
	CODEARENA_OPTS(codearena_snapshot_error, error);

	sized_reloc = reloc;
	return refused_sized(&error);
}

static void sizes_of_other_versions(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts);

	(void)state;
	expect_input_sizes(&opts, CA__SIZE_SNAPSHOT_OPTS, sizeof(opts),
			   fits_sized);
	expect_output_sizes(CA__SIZE_SNAPSHOT_INFO,
			    sizeof(struct codearena_snapshot_info),
			    inspect_sized);
	sized_reloc = NULL;
	expect_output_sizes(CA__SIZE_SNAPSHOT_ERROR,
			    sizeof(struct codearena_snapshot_error),
			    refused_sized);
	expect_output_sizes(CA__SIZE_RELOC_ERROR,
			    sizeof(struct codearena_reloc_error),
			    refused_reloc);
}

static void any_alignment_will_do(void **state)
{
	uint8_t *bytes = malloc(usual.size + 1);
	struct image image = { bytes + 1, usual.size };

	(void)state;
	memcpy(image.bytes, usual.bytes, usual.size);
	assert_int_equal(load(fixture.module, &image), 0);
	free(bytes);
	assert_int_equal(call_function(fixture.module, 3, 0), 77);
}

#define SNAPSHOT_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOT_TEST(every_member_counts),
		SNAPSHOT_TEST(length_and_checksums_count),
		SNAPSHOT_TEST(the_runtime_counts),
		SNAPSHOT_TEST(every_byte_counts),
		SNAPSHOT_TEST(every_length_counts),
		SNAPSHOT_TEST(every_repaired_length_counts),
		SNAPSHOT_TEST(structure_counts),
		SNAPSHOT_TEST(objects_have_instructions),
		SNAPSHOT_TEST(names_end_where_they_say),
		SNAPSHOT_TEST(trap_kinds_belong_to_traps),
		SNAPSHOT_TEST(objects_are_validated),
		SNAPSHOT_TEST(others_are_no_declared_functions),
		SNAPSHOT_TEST(modules_that_have_code_are_busy),
		SNAPSHOT_TEST(arguments_are_checked),
		SNAPSHOT_TEST(sizes_of_other_versions),
		SNAPSHOT_TEST(any_alignment_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
