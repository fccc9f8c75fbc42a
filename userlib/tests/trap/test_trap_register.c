// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Tables of traps: register, release, the external pad, and every refusal.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "trap/trap_helpers.h"

/* A table for a plain piece of code of one granule. */
struct table {
	uint64_t offset;
	uint64_t length;
	struct codearena_trap traps[4];
	size_t count;
	uint32_t flags;
};

static struct table table_of(struct trap_fixture *f)
{
	struct table table = {
		.offset = place_plain(f, &code_load),
		.length = code_load.end - code_load.start,
		.count = 1,
		.flags = CODEARENA_TRAP_F_REPORT,
	};

	table.traps[0] = (struct codearena_trap){
		.start = code_load.at - code_load.start,
		.length = 1,
		.landing = PAD_RETURN * f->granule,
	};
	return table;
}

static int enter(struct trap_fixture *f, const struct table *table,
		 uint64_t *id, size_t *failed)
{
	return codearena_trap_table_register(f->arena, table->offset, table->length,
				       table->traps, table->count, table->flags,
					     id, failed);
}

/* Refused with this error and index, no id, and no change. */
static void expect_table_refused(struct trap_fixture *f,
				 const struct table *table, int error,
				 size_t index)
{
	uint64_t id = 999;

	expect_refused_at(f->arena, error, index,
			  enter(f, table, &id, &failed));
	assert_int_equal(id, 0);
}

static void register_takes_effect(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_stat before = stat_of(f->arena), after;
	size_t failed = 12345;
	uint64_t id = 0;

	assert_int_equal(enter(f, &table, &id, &failed), 0);
	assert_true(id != 0);
	assert_true(failed == SIZE_MAX);
	after = stat_of(f->arena);
	assert_int_equal(after.out_trap_tables, before.out_trap_tables + 1);
	assert_int_equal(after.out_trap_entries, before.out_trap_entries + 1);
	expect_trap(f, &code_load, table.offset, address, 0,
		    CODEARENA_TRAP_MEMORY, address);
}

struct attempt {
	struct trap_fixture *f;
	uint64_t offset;
	uint64_t a;
	uint64_t b;
};

static bool attempt_run(void *context)
{
	const struct attempt *attempt = context;

	return run_trapping(attempt->f, attempt->offset, attempt->a,
			    attempt->b, NULL, NULL) == CODEARENA_TRAPPED;
}

static void unregistered_code_faults(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place_plain(f, &code_load),
		.a = (uintptr_t)out_of_bounds(f),
	};

	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
}

static void release_ends_it(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	struct attempt attempt = {
		.f = f,
		.offset = table.offset,
		.a = (uintptr_t)out_of_bounds(f),
	};
	struct codearena_stat before = stat_of(f->arena), after;
	uint64_t id, next;

	assert_int_equal(enter(f, &table, &id, NULL), 0);
	assert_int_equal(in_plain_child(attempt_run, &attempt), 0);
	assert_int_equal(codearena_trap_table_release(f->arena, id), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_trap_tables, before.out_trap_tables);
	assert_int_equal(after.out_trap_entries, before.out_trap_entries);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
	/* Its number is used up. */
	expect_refused(f->arena, ENOENT, codearena_trap_table_release(f->arena, id));
	assert_int_equal(enter(f, &table, &next, NULL), 0);
	assert_true(next != id);
	expect_refused(f->arena, ENOENT, codearena_trap_table_release(f->arena, id));
	assert_int_equal(codearena_trap_table_release(f->arena, next), 0);
}

static void release_refuses_strangers(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	uint64_t id;

	expect_refused(f->arena, ENOENT, codearena_trap_table_release(f->arena, 0));
	expect_refused(f->arena, ENOENT,
		       codearena_trap_table_release(f->arena, UINT64_MAX));
	assert_int_equal(enter(f, &table, &id, NULL), 0);
	expect_refused(f->arena, ENOENT,
		       codearena_trap_table_release(f->arena, id + 1));
	expect_refused(f->arena, ENOENT,
		       codearena_trap_table_release(f->arena, id - 1));
	expect_refused(f->arena, ENOENT,
		       codearena_trap_table_release(f->arena, id + (1ULL << 32)));
	assert_int_equal(codearena_trap_table_release(NULL, id), -EINVAL);
	assert_int_equal(codearena_trap_table_release(f->arena, id), 0);
}

static void register_refuses_null(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	uint64_t id = 5;

	expect_refused(f->arena, EINVAL, enter(f, &table, NULL, NULL));
	assert_int_equal(codearena_trap_table_register(NULL, 0, 64, table.traps, 1, 0,
						       &id, NULL), -EINVAL);
	assert_int_equal(id, 0);
	if (reads_safely())
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_trap_table_register(f->arena,
								table.offset,
							  table.length, NULL, 1,
							  0, &id, &failed));
}

static void register_refuses_flags(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		table.flags = 1U << bit;
		expect_table_refused(f, &table, EOPNOTSUPP, SIZE_MAX);
	}
}

static void register_refuses_counts(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);

	table.count = 0;
	expect_table_refused(f, &table, EINVAL, SIZE_MAX);
	table.count = 65537;
	expect_table_refused(f, &table, EINVAL, SIZE_MAX);
	table.count = (1ULL << 32) + 1;
	expect_table_refused(f, &table, EINVAL, SIZE_MAX);
}

static void register_refuses_ranges(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f), bad = table;

	bad.offset = UINT64_MAX;
	expect_table_refused(f, &bad, EOVERFLOW, SIZE_MAX);
	bad = table;
	bad.length = 0;
	expect_table_refused(f, &bad, EINVAL, SIZE_MAX);
	bad.offset = ARENA_PAGES * f->page - 2;
	bad.length = 3;
	expect_table_refused(f, &bad, ENOENT, SIZE_MAX);
	/* Not sealed, and not even committed. */
	bad = table;
	bad.length = 2 * f->granule;
	expect_table_refused(f, &bad, ENOENT, SIZE_MAX);
	bad.offset = TRAP_PAGES * f->page;
	expect_table_refused(f, &bad, ENOENT, SIZE_MAX);
}

static void register_refuses_entries(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f), bad;

	table.count = 2;
	table.traps[1] = table.traps[0];
	table.traps[1].start = table.length - 1;
	bad = table;
	bad.traps[1].length = 0;
	expect_table_refused(f, &bad, EINVAL, 1);
	bad.traps[1].length = 2;
	expect_table_refused(f, &bad, EINVAL, 1);
	bad.traps[1].start = table.length;
	bad.traps[1].length = 1;
	expect_table_refused(f, &bad, EINVAL, 1);
	bad.traps[1].start = UINT32_MAX;
	bad.traps[1].length = UINT32_MAX;
	expect_table_refused(f, &bad, EINVAL, 1);
	/* Twice the same, and one that reaches into the next. */
	bad.traps[1] = bad.traps[0];
	expect_table_refused(f, &bad, EINVAL, 1);
	bad = table;
	bad.traps[0].length = table.length;
	expect_table_refused(f, &bad, EINVAL, 1);
	/* Out of order nobody can say which one is to blame. */
	bad.traps[0] = table.traps[1];
	bad.traps[1] = table.traps[0];
	bad.traps[1].length = table.length;
	expect_table_refused(f, &bad, EINVAL, SIZE_MAX);
}

static void register_refuses_landings(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f), bad = table;

	bad.traps[0].landing = ARENA_PAGES * f->page;
	expect_table_refused(f, &bad, ENOENT, 0);
	bad.traps[0].landing = UINT64_MAX - 7;
	expect_table_refused(f, &bad, ENOENT, 0);
	bad.traps[0].landing = TRAP_PAGES * f->page;
	expect_table_refused(f, &bad, ENOENT, SIZE_MAX);
	bad.traps[0].landing = (TRAP_PAGES - 1) * f->page;
	expect_table_refused(f, &bad, ENOENT, SIZE_MAX);
	/* In its own protected range. */
	bad.traps[0].landing = table.offset + bad.traps[0].start;
	expect_table_refused(f, &bad, EINVAL, SIZE_MAX);
#if defined(__aarch64__)
	bad.traps[0].landing = 2;
	expect_table_refused(f, &bad, EINVAL, 0);
#endif
}

static void protected_ranges_and_pads_keep_apart(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f), other = table_of(f), pad;
	uint64_t id, id2;

	assert_int_equal(enter(f, &table, &id, NULL), 0);
	/* A pad in a range that another table protects. */
	other.traps[0].landing = table.offset + table.traps[0].start;
	expect_table_refused(f, &other, EEXIST, SIZE_MAX);
	/* A range over a pad of another table. */
	pad = other;
	pad.offset = PAD_RETURN * f->granule;
	pad.length = f->granule;
	pad.traps[0] = (struct codearena_trap){
		.length = f->granule,
		.landing = PAD_HANDLER * f->granule,
	};
	expect_table_refused(f, &pad, EEXIST, SIZE_MAX);
	/* Beside the pad's first instruction it is allowed. */
	pad.traps[0].start = 16;
	pad.traps[0].length = 4;
	assert_int_equal(enter(f, &pad, &id2, NULL), 0);
	assert_int_equal(codearena_trap_table_release(f->arena, id2), 0);
	/* And everywhere once no table has a pad there. */
	assert_int_equal(codearena_trap_table_release(f->arena, id), 0);
	pad.traps[0].start = 0;
	assert_int_equal(enter(f, &pad, &id2, NULL), 0);
}

static void tables_do_not_overlap(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f), other;
	uint64_t id;

	/* The rest of the granule is sealed too. */
	table.length = 12;
	assert_int_equal(enter(f, &table, &id, NULL), 0);
	expect_table_refused(f, &table, EEXIST, SIZE_MAX);
	other = table;
	other.offset += 8;
	other.traps[0].start = 4;
	expect_table_refused(f, &other, EEXIST, SIZE_MAX);
	other.offset = table.offset + 12;
	assert_int_equal(enter(f, &other, &id, NULL), 0);
}

static void entries_in_any_order(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t load = place_plain(f, &code_load);
	uint64_t store = place_plain(f, &code_store), id;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	struct codearena_trap traps[2] = {
		{ .start = store - load, .length = 1,
		  .landing = PAD_RETURN * f->granule },
		{ .start = 0, .length = 1,
		  .landing = PAD_ADDRESS * f->granule },
	};

	assert_int_equal(codearena_trap_table_register(f->arena, load,
						       2 * f->granule, traps, 2,
						 CODEARENA_TRAP_F_REPORT, &id,
						       NULL), 0);
	expect_trap(f, &code_store, store, address, 0, CODEARENA_TRAP_MEMORY,
		    address);
	assert_true(run(f, load, address, 0) == address);
}

static void whole_ranges_are_protected(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	uint64_t offset = place_plain(f, &code_keep), id;
	uintptr_t address = (uintptr_t)out_of_bounds(f);
	uint32_t length = code_keep.end - code_keep.start;
	struct codearena_trap trap = {
		.length = length,
		.landing = PAD_ADDRESS * f->granule,
	};

	assert_int_equal(codearena_trap_table_register(f->arena, offset, length,
						       &trap, 1,
						 CODEARENA_TRAP_F_REPORT, &id,
						       NULL), 0);
	assert_true(run(f, offset, address, 0) == address);
}

static void neighbours_are_not_protected(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct attempt attempt = {
		.f = f,
		.offset = place_plain(f, &code_keep),
		.a = (uintptr_t)out_of_bounds(f),
	};
	uint32_t at = code_keep.at - code_keep.start;
	uint32_t length = code_keep.end - code_keep.start;
	struct codearena_trap traps[2] = {
		{ .length = at, .landing = PAD_RETURN * f->granule },
		{ .start = at + 1, .length = length - at - 1,
		  .landing = PAD_RETURN * f->granule },
	};
	uint64_t id;

	assert_int_equal(codearena_trap_table_register(f->arena, attempt.offset,
						       length, traps, 2,
						 CODEARENA_TRAP_F_REPORT, &id,
						       NULL), 0);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
}

static void discard_releases(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	struct codearena_stat before = stat_of(f->arena);
	struct codearena_range range = {
		.offset = table.offset,
		.length = f->granule,
	};
	uint64_t id;

	assert_int_equal(enter(f, &table, &id, NULL), 0);
	assert_int_equal(codearena_arena_discard(f->arena, &range, 1, NULL), 0);
	assert_int_equal(stat_of(f->arena).out_trap_tables,
			 before.out_trap_tables);
	assert_int_equal(stat_of(f->arena).out_trap_entries,
			 before.out_trap_entries);
	expect_refused(f->arena, ENOENT, codearena_trap_table_release(f->arena, id));
}

static void pads_in_use_stay(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	struct codearena_range ranges[2] = {
		{ .offset = table.offset + f->granule, .length = f->granule },
		{ .offset = PAD_RETURN * f->granule, .length = f->granule },
	};
	uint64_t id;

	assert_int_equal(enter(f, &table, &id, NULL), 0);
	expect_refused_at(f->arena, EBUSY, 1,
			  codearena_arena_discard(f->arena, ranges, 2,
						  &failed));
	/* It may go together with the table whose pad it is. */
	ranges[0].offset = table.offset;
	assert_int_equal(codearena_arena_discard(f->arena, ranges, 2, NULL), 0);
	expect_refused(f->arena, ENOENT, codearena_trap_table_release(f->arena, id));
}

static void pads_in_use_keep_their_page(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct codearena_arena *arena = f->arena;
	uint64_t offset = (TRAP_PAGES - 1) * f->page, id;
	struct codearena_object object = {
		.offset = offset,
		.source = (uintptr_t)code_load.start,
		.length = code_load.end - code_load.start,
	};
	struct codearena_stat before;

	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	assert_int_equal(protect(f, &code_load, offset, PAD_RETURN, &id), 0);
	before = stat_of(arena);
	assert_int_equal(codearena_arena_decommit(arena, 0, f->page), -EBUSY);
	assert_int_equal(stat_of(arena).out_committed, before.out_committed);
	/* The table goes with its code, and then the pad may. */
	assert_int_equal(codearena_arena_decommit(arena, offset, f->page), 0);
	assert_int_equal(stat_of(arena).out_trap_tables,
			 before.out_trap_tables - 1);
	expect_refused(arena, ENOENT, codearena_trap_table_release(arena, id));
	assert_int_equal(codearena_arena_decommit(arena, 0, f->page), 0);
}

static void landing_is_set_once(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	const void *pad = codearena_pad_external();

	expect_refused(f->arena, EINVAL,
		       codearena_trap_set_landing(f->arena, NULL));
	expect_refused(f->arena, EINVAL,
		       codearena_trap_set_landing(f->arena,
						  (void *)0xffff800000000000));
	assert_int_equal(codearena_trap_set_landing(NULL, pad), -EINVAL);
	assert_int_equal(codearena_trap_set_landing(f->arena, pad), 0);
	expect_refused(f->arena, EBUSY,
		       codearena_trap_set_landing(f->arena, pad));
}

static void external_landing_that_is_not_set_faults(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	struct attempt attempt = {
		.f = f,
		.offset = table.offset,
		.a = (uintptr_t)out_of_bounds(f),
	};
	uint64_t id;

	table.traps[0].landing = CODEARENA_LANDING_EXTERNAL;
	assert_int_equal(enter(f, &table, &id, NULL), 0);
	assert_int_equal(in_plain_child(attempt_run, &attempt), SIGSEGV);
	assert_int_equal(codearena_trap_set_landing(f->arena,
						    codearena_pad_external()),
			 0);
	assert_int_equal(in_plain_child(attempt_run, &attempt), 0);
}

static void attached_arena_is_not_changed(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	struct table table = table_of(f);
	struct codearena_arena *attached;
	struct codearena_guard *guard = (void *)f;
	uint64_t id = 7;
	int fd;

	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, NULL, &attached), 0);
	close(fd);
	assert_int_equal(codearena_trap_table_register(attached, table.offset,
						 table.length, table.traps, 1,
						       0, &id, NULL), -EBADF);
	assert_int_equal(id, 0);
	assert_int_equal(codearena_trap_table_release(attached, 1), -EBADF);
	assert_int_equal(codearena_guard_new(attached, f->page, NULL, &guard),
			 -EBADF);
	assert_null(guard);
	assert_int_equal(codearena_trap_set_landing(attached,
						    codearena_pad_external()),
			 0);
	codearena_arena_free(attached);
}

/* As many as one call takes, in as many pages of code. */
static void many_entries(void **state)
{
	struct trap_fixture *f = trap_begin(state);
	const uint32_t count = 2048, step = 4;
	uint64_t offset = f->page, id;
	struct codearena_trap *traps = calloc(count, sizeof(*traps));
	struct codearena_stat before, after;
	uint32_t i;

	assert_non_null(traps);
	assert_int_equal(codearena_arena_seal(f->arena, offset, 2 * f->page, 0),
			 0);
	before = stat_of(f->arena);
	for (i = 0; i < count; i++)
		traps[i] = (struct codearena_trap){
			.start = (count - 1 - i) * step,
			.length = step,
			.landing = (i & 1) * f->granule,
		};
	assert_int_equal(codearena_trap_table_register(f->arena, offset, 2 * f->page,
						 traps, count, 0, &id, NULL),
			 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_trap_entries,
			 before.out_trap_entries + count);
	assert_int_equal(codearena_trap_table_release(f->arena, id), 0);
	after = stat_of(f->arena);
	assert_memory_equal(&before, &after, sizeof(before));
	free(traps);
}

static void kinds_are_told(void **state)
{
	struct trap_fixture *f = trap_begin(state);

	assert_true(codearena_trap_kinds(f->arena) & CODEARENA_TRAP_MEMORY);
	assert_int_equal(codearena_trap_kinds(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRAP_TEST(register_takes_effect),
		TRAP_TEST(unregistered_code_faults),
		TRAP_TEST(release_ends_it),
		TRAP_TEST(release_refuses_strangers),
		TRAP_TEST(register_refuses_null),
		TRAP_TEST(register_refuses_flags),
		TRAP_TEST(register_refuses_counts),
		TRAP_TEST(register_refuses_ranges),
		TRAP_TEST(register_refuses_entries),
		TRAP_TEST(register_refuses_landings),
		TRAP_TEST(protected_ranges_and_pads_keep_apart),
		TRAP_TEST(tables_do_not_overlap),
		TRAP_TEST(entries_in_any_order),
		TRAP_TEST(whole_ranges_are_protected),
		TRAP_TEST(neighbours_are_not_protected),
		TRAP_TEST(discard_releases),
		TRAP_TEST(pads_in_use_stay),
		TRAP_TEST(pads_in_use_keep_their_page),
		TRAP_TEST(landing_is_set_once),
		TRAP_TEST(external_landing_that_is_not_set_faults),
		TRAP_TEST(attached_arena_is_not_changed),
		TRAP_TEST(many_entries),
		TRAP_TEST(kinds_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
