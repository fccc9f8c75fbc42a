// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Publishing, with and without patches.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/helpers.h"

/* An object that returns a value, with its code beside it. */
struct function {
	struct codearena_object object;
	uint8_t code[CODE_MAX];
};

static void function_init(struct function *function, uint64_t offset,
			  unsigned int value)
{
	function->object = (struct codearena_object){
		.offset = offset,
		.source = (uintptr_t)function->code,
		.length = code_return(function->code, value),
	};
}

static struct codearena_patch_entry patch_word(const struct fixture *f,
					       uint64_t value)
{
	return (struct codearena_patch_entry){
		.offset = f->word,
		.expected = WORD_VALUE,
		.value = value,
		.width = 8,
	};
}

static void published_code_runs(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct function fn;
	size_t failed = 1;

	function_init(&fn, f->fresh, 1234);
	assert_int_equal(codearena_arena_publish(f->arena, &fn.object, 1, NULL,
						 0, 0, &failed), 0);
	assert_true(failed == SIZE_MAX);
	assert_int_equal(execute(f->arena, f->fresh), 1234);
	after = stat_of(f->arena);
	assert_int_equal(after.out_published - before.out_published, 1);
	assert_int_equal(after.out_sealed - before.out_sealed, f->granule);
	assert_int_equal(after.out_written - before.out_written,
			 fn.object.length);
	assert_int_equal(after.out_patchable, before.out_patchable);
	assert_int_equal(after.out_syncs, before.out_syncs);
}

static void publish_fills_the_last_granule(void **state)
{
	struct fixture *f = *state;
	uint8_t *bytes = malloc(f->granule), *traps = malloc(f->granule);
	struct function fn;

	/* Over bytes written before, which must not survive in the rest. */
	function_init(&fn, f->written, 5);
	assert_int_equal(codearena_arena_publish(f->arena, &fn.object, 1, NULL,
						 0, 0, NULL), 0);
	assert_true(peek(f->arena, f->written, bytes, f->granule));
	trap_bytes(f->written, traps, f->granule);
	assert_memory_equal(bytes, fn.code, fn.object.length);
	assert_memory_equal(bytes + fn.object.length,
			    traps + fn.object.length,
			    f->granule - fn.object.length);
	assert_int_equal(execute(f->arena, f->written), 5);
	free(bytes);
	free(traps);
}

static void publish_a_batch(void **state)
{
	struct fixture *f = *state;
	size_t count = 3 * (f->page / f->granule), i;
	struct function *fns = calloc(count, sizeof(*fns));
	struct codearena_object *objects = calloc(count, sizeof(*objects));

	assert_int_equal(codearena_arena_commit(f->arena, f->reserved,
						3 * f->page), 0);
	for (i = 0; i < count; i++) {
		/* Backwards: the order of a batch is free. */
		function_init(&fns[i], f->reserved +
			      (count - 1 - i) * f->granule, i);
		objects[i] = fns[i].object;
	}
	assert_int_equal(codearena_arena_publish(f->arena, objects, count, NULL,
						 0, 0, NULL), 0);
	for (i = 0; i < count; i++)
		assert_int_equal(execute(f->arena, objects[i].offset), i);
	assert_int_equal(stat_of(f->arena).out_published, 2 + count);
	free(fns);
	free(objects);
}

/*
 * Functions side by side that end within granules, and one apart from them:
 * large enough in all to be written to the file. Over the limit for files, which
 * would end the process, they are stored another way.
 */
static void publish_neighbours(struct fixture *f, uint64_t first)
{
	size_t count = 4 * (f->page / f->granule), i;
	struct function *fns = calloc(count, sizeof(*fns));
	struct codearena_object *objects = calloc(count, sizeof(*objects));
	uint8_t *bytes = malloc(f->granule), *traps = malloc(f->granule);
	uint64_t offset;

	assert_int_equal(codearena_arena_commit(f->arena, first, 5 * f->page),
			 0);
	for (i = 0; i < count; i++) {
		offset = first + (i + (i == count - 1)) * f->granule;
		function_init(&fns[i], offset, i);
		objects[i] = fns[i].object;
	}
	assert_int_equal(codearena_arena_publish(f->arena, objects, count, NULL,
						 0, 0, NULL), 0);
	for (i = 0; i < count; i++) {
		assert_int_equal(execute(f->arena, objects[i].offset), i);
		assert_true(peek(f->arena, objects[i].offset, bytes,
				 f->granule));
		trap_bytes(objects[i].offset, traps, f->granule);
		memcpy(traps, fns[i].code, objects[i].length);
		assert_memory_equal(bytes, traps, f->granule);
	}
	offset = first + (count - 1) * f->granule;
	trap_bytes(offset, traps, f->granule);
	assert_true(peek(f->arena, offset, bytes, f->granule));
	assert_memory_equal(bytes, traps, f->granule);
	free(fns);
	free(objects);
	free(bytes);
	free(traps);
}

static void publish_a_batch_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, low;

	publish_neighbours(f, f->reserved);
	assert_int_equal(codearena_arena_decommit(f->arena, f->reserved,
						  5 * f->page), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	low = before;
	low.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	publish_neighbours(f, f->reserved);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void publish_a_large_object(void **state)
{
	struct fixture *f = *state;
	uint64_t length = 2 * f->page - 13, i;
	uint8_t *bytes = malloc(length), *back = malloc(length);
	struct codearena_object object = {
		.offset = f->reserved + f->granule,
		.source = (uintptr_t)bytes,
		.length = length,
	};

	for (i = 0; i < length; i++)
		bytes[i] = i * 11 + i / 256;
	assert_int_equal(codearena_arena_commit(f->arena, f->reserved,
						3 * f->page), 0);
	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	assert_true(peek(f->arena, object.offset, back, length));
	assert_memory_equal(back, bytes, length);
	assert_int_equal(stat_of(f->arena).out_sealed,
			 2 * f->granule + 2 * f->page);
	free(bytes);
	free(back);
}

static void publish_then_patch(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	uint64_t jump = code_jump(f->word, f->fresh);
	struct codearena_patch_entry patch = patch_word(f, jump);
	struct function fn;

	function_init(&fn, f->fresh, 77);
	assert_int_equal(codearena_arena_publish(f->arena, &fn.object, 1,
						 &patch, 1, 0, NULL), 0);
	/* The slot targets the new code. */
	assert_int_equal(execute(f->arena, f->word), 77);
	after = stat_of(f->arena);
	assert_int_equal(after.out_patched - before.out_patched, 1);
	assert_int_equal(after.out_published - before.out_published, 1);
}

static void publish_patchable_objects(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct codearena_patch_entry patch = { .width = 4 };
	struct function fn;
	uint32_t first;

	function_init(&fn, f->fresh, 1);
	fn.object.flags = CODEARENA_OBJECT_F_PATCHABLE;
	memcpy(&first, fn.code, 4);
	/* Only what was patchable before the call can be patched by it. */
	patch.offset = f->fresh;
	patch.expected = first;
	expect_refused_at(f->arena, EPERM, 1,
			  codearena_arena_publish(f->arena, &fn.object, 1,
						  &patch, 1, 0, &failed));
	assert_int_equal(codearena_arena_publish(f->arena, &fn.object, 1, NULL,
						 0, 0, NULL), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_patchable - before.out_patchable,
			 f->granule);
	assert_int_equal(codearena_arena_patch(f->arena, &patch, 1, 0, NULL),
			 0);
}

static void publish_synchronises(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct function fn;

	function_init(&fn, f->fresh, 9);
	assert_int_equal(codearena_arena_publish(f->arena, &fn.object, 1, NULL,
						 0, CODEARENA_PUBLISH_F_SYNC,
						 NULL), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_syncs - before.out_syncs, 1);
	assert_int_equal(execute(f->arena, f->fresh), 9);
}

static void publish_refuses_bad_objects(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint64_t offset, length;
		int error;
	} bad[] = {
		{ f->pristine, 0, EINVAL },
		{ f->pristine + 1, 8, EINVAL },
		{ f->pristine + f->granule / 2, 8, EINVAL },
		{ -f->granule, 2 * f->granule, EOVERFLOW },
		{ f->pristine, -8ULL, EOVERFLOW },
		{ f->length, 8, ENOENT },
		{ f->length - f->granule, f->granule + 1, ENOENT },
		{ f->reserved, 8, ENOENT },
		{ f->reserved - f->granule, f->granule + 1, ENOENT },
		{ f->fixed, 8, EPERM },
		{ f->slot, 8, EPERM },
	};
	struct codearena_object objects[3];
	struct function fns[2];
	size_t i;

	function_init(&fns[0], f->fresh, 1);
	function_init(&fns[1], f->fresh + f->granule, 2);
	objects[0] = fns[0].object;
	objects[2] = fns[1].object;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		objects[1] = fns[0].object;
		objects[1].offset = bad[i].offset;
		objects[1].length = bad[i].length;
		expect_refused_at(f->arena, bad[i].error, 1,
				  codearena_arena_publish(f->arena, objects, 3,
							  NULL, 0, 0,
							  &failed));
	}
}

static void publish_refuses_unknown_flags(void **state)
{
	struct fixture *f = *state;
	struct function fn;
	uint32_t bit;

	function_init(&fn, f->fresh, 1);
	for (bit = 1; bit < 32; bit++) {
		expect_refused_at(f->arena, EOPNOTSUPP, SIZE_MAX,
				  codearena_arena_publish(f->arena, &fn.object,
							  1, NULL, 0,
							  1U << bit, &failed));
		/* Known, on the device. */
		if (1U << bit == CODEARENA_OBJECT_F_REPORT ||
		    1U << bit == CODEARENA_OBJECT_F_REPLACE)
			continue;
		fn.object.flags = 1U << bit;
		expect_refused_at(f->arena, EOPNOTSUPP, 0,
				  codearena_arena_publish(f->arena, &fn.object,
							  1, NULL, 0, 0,
							  &failed));
		fn.object.flags = 0;
	}
}

static void publish_refuses_overlap(void **state)
{
	struct fixture *f = *state;
	struct codearena_object objects[2];
	struct function fns[2];

	function_init(&fns[0], f->fresh + f->granule, 1);
	function_init(&fns[1], f->fresh, 2);
	objects[0] = fns[0].object;
	objects[1] = fns[1].object;
	/* One byte into the granule of the other. */
	objects[1].length = f->granule + 1;
	objects[1].source = (uintptr_t)f;
	expect_refused_at(f->arena, EBUSY, 1,
			  codearena_arena_publish(f->arena, objects, 2, NULL, 0,
						  0, &failed));
	objects[1] = fns[1].object;
	assert_int_equal(codearena_arena_publish(f->arena, objects, 2, NULL, 0,
						 0, NULL), 0);
}

static void publish_refuses_bad_sources(void **state)
{
	struct fixture *f = *state;
	uint8_t *half = half_readable(f->page);
	struct codearena_object objects[3];
	struct function fns[2];

	if (!reads_safely())
		skip_because("the fallback reads memory as its caller");
	function_init(&fns[0], f->written, 1);
	function_init(&fns[1], f->fresh + 8 * f->granule, 2);
	objects[0] = fns[0].object;
	objects[1] = fns[1].object;
	objects[2] = (struct codearena_object){
		.offset = f->fresh,
		.source = (uintptr_t)half + f->page - 80,
		.length = 160,
	};
	expect_refused_at(f->arena, EFAULT, 2,
			  codearena_arena_publish(f->arena, objects, 3, NULL, 0,
						  0, &failed));
	objects[2].source = 0;
	expect_refused_at(f->arena, EFAULT, 2,
			  codearena_arena_publish(f->arena, objects, 3, NULL, 0,
						  0, &failed));
	/* The granules are free again. */
	assert_int_equal(codearena_arena_publish(f->arena, objects, 2, NULL, 0,
						 0, NULL), 0);
	assert_int_equal(execute(f->arena, f->written), 1);
	half_readable_free(half, f->page);
}

static void publish_refuses_bad_arrays(void **state)
{
	struct fixture *f = *state;
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_patch_entry patch = patch_word(f, 1);
	struct function fn;

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	function_init(&fn, f->fresh, 1);
	if (reads_safely()) {
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_publish(f->arena, NULL, 1,
							  NULL, 0, 0, &failed));
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_publish(f->arena, &fn.object,
							  1, NULL, 1, 0,
							  &failed));
	}
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_publish(f->arena, &fn.object, 0, NULL,
						  0, 0, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_publish(f->arena, &fn.object,
						  info.max_entries + 1ULL, NULL,
						  0, 0, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_publish(f->arena, &fn.object, 1,
						  &patch,
						  info.max_entries + 1ULL, 0,
						  &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_publish(f->arena, &fn.object, 1,
						  &patch, 1ULL << 32 | 1, 0,
						  &failed));
}

static void publish_refuses_bad_patches(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct codearena_patch_entry patch;
		int error;
	} bad[] = {
		{ { f->word, WORD_VALUE + 1, 0, 8, 0 }, EAGAIN },
		{ { f->word, WORD_VALUE, 0, 8, 1 }, EOPNOTSUPP },
		{ { f->word, WORD_VALUE, 0, 2, 0 }, EINVAL },
		{ { f->word + 4, WORD_VALUE, 0, 8, 0 }, EINVAL },
		{ { f->length, 0, 0, 8, 0 }, ENOENT },
		{ { f->reserved, 0, 0, 8, 0 }, ENOENT },
		{ { -8ULL, 0, 0, 8, 0 }, EOVERFLOW },
		{ { f->fixed, 0, 0, 8, 0 }, EPERM },
		{ { f->written, 0x5a5a5a5a5a5a5a5a, 0, 8, 0 }, EPERM },
	};
	struct codearena_patch_entry patches[2];
	struct codearena_object objects[2];
	struct function fns[2];
	size_t i;

	function_init(&fns[0], f->written, 1);
	function_init(&fns[1], f->fresh, 2);
	objects[0] = fns[0].object;
	objects[1] = fns[1].object;
	patches[0] = patch_word(f, 1);
	patches[0].offset += 8;
	assert_true(peek(f->arena, patches[0].offset, &patches[0].expected, 8));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		patches[1] = bad[i].patch;
		expect_refused_at(f->arena, bad[i].error, 2 + 1,
				  codearena_arena_publish(f->arena, objects, 2,
							  patches, 2, 0,
							  &failed));
	}
	patches[1] = patch_word(f, 3);
	assert_int_equal(codearena_arena_publish(f->arena, objects, 2, patches,
						 2, 0, NULL), 0);
}

/* The device does it; the memfd says that it does not. */
static void publish_replaces_code(void **state)
{
	struct fixture *f = *state;
	struct function old, new;

	function_init(&old, f->fresh, 11);
	function_init(&new, f->fresh, 22);
	new.object.flags = CODEARENA_OBJECT_F_REPLACE;
	assert_int_equal(codearena_arena_publish(f->arena, &old.object, 1, NULL,
						 0, 0, NULL), 0);
	assert_int_equal(execute(f->arena, f->fresh), 11);
	if (backend_is(CODEARENA_BACKEND_DEVICE)) {
		assert_int_equal(codearena_arena_publish(f->arena, &new.object,
							 1, NULL, 0, 0, NULL),
				 0);
		assert_int_equal(execute(f->arena, f->fresh), 22);
		return;
	}
	expect_refused_at(f->arena, EOPNOTSUPP, 0,
			  codearena_arena_publish(f->arena, &new.object, 1,
						  NULL, 0, 0, &failed));
	assert_int_equal(execute(f->arena, f->fresh), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(published_code_runs),
		FIXTURE_TEST(publish_fills_the_last_granule),
		FIXTURE_TEST(publish_a_batch),
		FIXTURE_TEST(publish_a_batch_side_by_side),
		FIXTURE_TEST(publish_a_large_object),
		FIXTURE_TEST(publish_then_patch),
		FIXTURE_TEST(publish_patchable_objects),
		FIXTURE_TEST(publish_synchronises),
		FIXTURE_TEST(publish_replaces_code),
		FIXTURE_TEST(publish_refuses_bad_objects),
		FIXTURE_TEST(publish_refuses_unknown_flags),
		FIXTURE_TEST(publish_refuses_overlap),
		FIXTURE_TEST(publish_refuses_bad_sources),
		FIXTURE_TEST(publish_refuses_bad_arrays),
		FIXTURE_TEST(publish_refuses_bad_patches),
	};

	return cmocka_run_group_tests_name("arena_publish", tests, NULL, NULL);
}
