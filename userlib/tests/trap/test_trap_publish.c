// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Objects that are published with their traps.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "trap/trap_helpers.h"

/* Where the return instruction is in code_load. */
#if defined(__x86_64__)
#define RETURN_AT	2
#else
#define RETURN_AT	4
#endif

/* Objects with one trap each, in granules that nobody uses yet. */
struct batch {
	struct codearena_object objects[3];
	struct codearena_trap traps[3];
};

static void batch_init(struct batch *batch, struct trap_fixture *f)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		batch->traps[i] = (struct codearena_trap){
			.start = code_load.at - code_load.start,
			.length = 1,
			.landing = PAD_RETURN * f->granule,
		};
		batch->objects[i] = (struct codearena_object){
			.offset = (f->next + i) * f->granule,
			.source = (uintptr_t)code_load.start,
			.length = code_load.end - code_load.start,
			.traps = (uintptr_t)&batch->traps[i],
			.trap_count = 1,
			.flags = CODEARENA_OBJECT_F_REPORT,
			.out_trap_id = 77,
		};
	}
}

static int publish_batch(struct trap_fixture *f, struct batch *batch,
			 size_t *failed)
{
	return codearena_arena_publish(f->arena, batch->objects, 3, NULL, 0, 0,
				       failed);
}

static void expect_batch_refused(struct trap_fixture *f, struct batch *batch,
				 int error, size_t index)
{
	expect_refused_at(f->arena, error, index,
			  publish_batch(f, batch, &failed));
}

static void traps_come_with_the_code(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_stat before = stat_of(f->arena), after;
	struct batch batch;
	size_t i;

	batch_init(&batch, f);
	batch.objects[1].trap_count = 0;
	batch.objects[1].flags = 0;
	assert_int_equal(publish_batch(f, &batch, NULL), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_trap_tables, before.out_trap_tables + 2);
	assert_int_equal(after.out_trap_entries, before.out_trap_entries + 2);
	assert_int_equal(batch.objects[1].out_trap_id, 77);
	assert_true(batch.objects[0].out_trap_id !=
		    batch.objects[2].out_trap_id);
	for (i = 0; i < 3; i += 2) {
		assert_true(batch.objects[i].out_trap_id != 0);
		expect_trap(f, &code_load, batch.objects[i].offset, address, 0,
			    CODEARENA_TRAP_MEMORY, address);
		assert_int_equal(codearena_trap_table_release(f->arena,
							batch.objects[i].out_trap_id),
				 0);
	}
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables);
}

static void pads_may_lie_in_the_same_call(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct batch batch;

	batch_init(&batch, f);
	/* In a later object, and after the code of the object itself. */
	batch.traps[0].landing = batch.objects[1].offset;
	batch.objects[1] = (struct codearena_object){
		.offset = batch.objects[1].offset,
		.source = (uintptr_t)code_pad_address.start,
		.length = code_pad_address.end - code_pad_address.start,
	};
	batch.traps[2].landing = batch.objects[2].offset + RETURN_AT;
	assert_int_equal(publish_batch(f, &batch, NULL), 0);
	assert_true(run(f, batch.objects[0].offset, address, 0) == address);
	/* It is a return instruction in the code itself. */
	run(f, batch.objects[2].offset, address, 0);
}

static void without_report_registers_stay(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t pad = place_plain(f, &code_pad_scratch);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_trap trap = {
		.start = code_scratch.at - code_scratch.start,
		.length = 1,
		.landing = pad,
	};
	struct codearena_object object = {
		.offset = f->next++ * f->granule,
		.source = (uintptr_t)code_scratch.start,
		.length = code_scratch.end - code_scratch.start,
		.traps = (uintptr_t)&trap,
		.trap_count = 1,
	};

	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	assert_int_equal(run(f, object.offset, address, 0), 11);
	/* And with it they do not. */
	object.offset = f->next++ * f->granule;
	object.flags = CODEARENA_OBJECT_F_REPORT;
	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	assert_true(run(f, object.offset, address, 0) == address +
		    pc_of(f, &code_scratch, object.offset));
}

static void bad_entries_are_refused(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct batch batch;

	batch_init(&batch, f);
	batch.traps[1].length = 0;
	expect_batch_refused(f, &batch, EINVAL, 1);
	batch_init(&batch, f);
	batch.traps[2].start = batch.objects[2].length;
	expect_batch_refused(f, &batch, EINVAL, 2);
	batch_init(&batch, f);
	batch.traps[2].landing = ARENA_PAGES * f->page;
	expect_batch_refused(f, &batch, ENOENT, 2);
	batch_init(&batch, f);
	batch.objects[1].trap_count = 65537;
	expect_batch_refused(f, &batch, EINVAL, 1);
	batch_init(&batch, f);
	batch.objects[1].traps = 0;
	if (reads_safely())
		expect_batch_refused(f, &batch, EFAULT, 1);
	batch_init(&batch, f);
	batch.objects[1].flags = 8;
	expect_batch_refused(f, &batch, EOPNOTSUPP, 1);
}

static void bad_landings_are_refused(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place(f, &code_load, PAD_RETURN);
	struct batch batch;

	batch_init(&batch, f);
	/* Committed, but not sealed, and not by this call either. */
	batch.traps[2].landing = (f->next + 3) * f->granule;
	expect_batch_refused(f, &batch, ENOENT, 2);
	batch_init(&batch, f);
	batch.traps[2].landing = batch.objects[2].offset;
	expect_batch_refused(f, &batch, EINVAL, 2);
	/* In what an earlier object of the call protects. */
	batch_init(&batch, f);
	batch.traps[2].landing = batch.objects[1].offset;
	expect_batch_refused(f, &batch, EEXIST, 2);
	/* Or what was protected before. */
	batch_init(&batch, f);
	batch.traps[1].landing = load;
	expect_batch_refused(f, &batch, EEXIST, 1);
	/* Protects the pad of an earlier object of the call. */
	batch_init(&batch, f);
	batch.traps[0].landing = batch.objects[1].offset;
	expect_batch_refused(f, &batch, EEXIST, 1);
	batch_init(&batch, f);
	assert_int_equal(publish_batch(f, &batch, NULL), 0);
}

static void unwritable_id_is_refused(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct batch *batch = mmap(NULL, f->page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!reads_safely())
		skip_because("the fallback reads memory as its caller");
	assert_true(batch != MAP_FAILED);
	batch_init(batch, f);
	batch->objects[0].trap_count = 0;
	assert_int_equal(mprotect(batch, f->page, PROT_READ), 0);
	expect_batch_refused(f, batch, EFAULT, 1);
	assert_int_equal(mprotect(batch, f->page, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(publish_batch(f, batch, NULL), 0);
	munmap(batch, f->page);
}

static void refused_patches_leave_no_traps(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct codearena_patch_entry patch = {
		.offset = PAD_RETURN * f->granule,
		.width = 8,
	};
	struct batch batch;

	batch_init(&batch, f);
	expect_refused_at(f->arena, EPERM, 3,
			  codearena_arena_publish(f->arena, batch.objects, 3,
						  &patch, 1, 0, &failed));
}

static void sealed_objects_are_refused(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct batch batch;

	batch_init(&batch, f);
	batch.objects[2].offset = PAD_RETURN * f->granule;
	expect_batch_refused(f, &batch, EPERM, 2);
	batch.objects[2].offset = batch.objects[1].offset;
	expect_batch_refused(f, &batch, EBUSY, 2);
}

static void tables_on_sealed_rest_stay_in_the_way(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place(f, &code_load, PAD_RETURN), id;
	struct codearena_range range = {
		.offset = offset,
		.length = f->granule,
	};
	struct codearena_stat before = stat_of(f->arena);

	/* Once the old code is discarded, new code may have traps of its own. */
	assert_int_equal(protect(f, &code_load, offset, PAD_RETURN, &id),
			 -EEXIST);
	assert_int_equal(codearena_arena_discard(f->arena, &range, 1, NULL), 0);
	f->next = offset / f->granule;
	assert_int_equal(place(f, &code_load, PAD_RETURN), offset);
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables);
	expect_trap(f, &code_load, offset, (uintptr_t)out_of_bounds(f), 0,
		    CODEARENA_TRAP_MEMORY, (uintptr_t)out_of_bounds(f));
}

/* More objects than fit in buffers on any stack, with several traps each. */
static void many_objects(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	const size_t count = 120;
	struct codearena_object *objects = calloc(count, sizeof(*objects));
	struct codearena_trap *traps = calloc(count * 3, sizeof(*traps));
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_stat before = stat_of(f->arena);
	size_t i, j;

	assert_non_null(objects);
	assert_non_null(traps);
	for (i = 0; i < count; i++) {
		for (j = 0; j < 3; j++)
			traps[3 * i + j] = (struct codearena_trap){
				.start = j,
				.length = 1,
				.landing = PAD_RETURN * f->granule,
			};
		/* In another order than that of the offsets. */
		objects[i] = (struct codearena_object){
			.offset = (f->next + (i * 7) % count) * f->granule,
			.source = (uintptr_t)code_load.start,
			.length = code_load.end - code_load.start,
			.traps = (uintptr_t)&traps[3 * i],
			.trap_count = 3,
			.flags = CODEARENA_OBJECT_F_REPORT,
		};
	}
	assert_int_equal(codearena_arena_publish(f->arena, objects, count, NULL,
						 0, 0, NULL), 0);
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables + count);
	assert_int_equal(stat_of(f->arena).out_trap_entries,
			 before.out_trap_entries + 3 * count);
	for (i = 0; i < count; i++)
		expect_trap(f, &code_load, objects[i].offset, address, 0,
			    CODEARENA_TRAP_MEMORY, address);
	for (i = 0; i < count; i++)
		assert_int_equal(codearena_trap_table_release(f->arena,
							objects[i].out_trap_id),
				 0);
	assert_int_equal(stat_of(f->arena).out_trap_entries,
			 before.out_trap_entries);
	free(objects);
	free(traps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(traps_come_with_the_code),
		TRAP_TEST(pads_may_lie_in_the_same_call),
		TRAP_TEST(without_report_registers_stay),
		TRAP_TEST(bad_entries_are_refused),
		TRAP_TEST(bad_landings_are_refused),
		TRAP_TEST(unwritable_id_is_refused),
		TRAP_TEST(refused_patches_leave_no_traps),
		TRAP_TEST(sealed_objects_are_refused),
		TRAP_TEST(tables_on_sealed_rest_stay_in_the_way),
		TRAP_TEST(many_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
