// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Discarding code, and using its space again.
 */
#include <stdlib.h>

#include "lib/helpers.h"

static struct codearena_range range(uint64_t offset, uint64_t length)
{
	return (struct codearena_range){ .offset = offset, .length = length };
}

static void discard_leaves_traps(void **state)
{
	struct fixture *f = *state;
	struct codearena_range r = range(f->slot, 2 * f->granule);
	struct codearena_stat before = stat_of(f->arena), after;
	uint8_t *bytes = malloc(2 * f->granule);
	uint8_t *traps = malloc(2 * f->granule);
	size_t failed = 1;

	/* A sealed granule, and one that was merely written. */
	assert_int_equal(codearena_arena_discard(f->arena, &r, 1, &failed), 0);
	assert_true(failed == SIZE_MAX);
	assert_true(peek(f->arena, f->slot, bytes, 2 * f->granule));
	trap_bytes(f->slot, traps, 2 * f->granule);
	assert_memory_equal(bytes, traps, 2 * f->granule);
	assert_int_equal(execute(f->arena, f->fixed), FIXED_VALUE);
	after = stat_of(f->arena);
	assert_int_equal(before.out_sealed - after.out_sealed, f->granule);
	assert_int_equal(after.out_patchable, 0);
	assert_int_equal(after.out_discarded - before.out_discarded,
			 f->granule);
	assert_int_equal(after.out_syncs - before.out_syncs, 1);
	assert_int_equal(after.out_committed, before.out_committed);
	assert_int_equal(after.out_published, before.out_published);
	free(bytes);
	free(traps);
}

static void discarded_space_is_used_again(void **state)
{
	struct fixture *f = *state;
	struct codearena_range r = range(f->fixed, f->granule);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(codearena_arena_discard(f->arena, &r, 1, NULL),
				 0);
		assert_int_equal(publish_return(f->arena, f->fixed, i, 0), 0);
		assert_int_equal(execute(f->arena, f->fixed), i);
	}
	assert_int_equal(stat_of(f->arena).out_discarded, 100 * f->granule);
}

static void discard_several_ranges(void **state)
{
	struct fixture *f = *state;
	struct codearena_range r[3] = {
		range(f->pristine, f->page),
		range(f->slot, f->granule),
		range(f->fixed, f->granule),
	};
	struct codearena_stat before = stat_of(f->arena), after;

	assert_int_equal(codearena_arena_discard(f->arena, r, 3, NULL), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_sealed, 0);
	assert_int_equal(after.out_patchable, 0);
	/* One synchronisation for all of them. */
	assert_int_equal(after.out_syncs - before.out_syncs, 1);
	assert_int_equal(publish_return(f->arena, f->slot, 6, 0), 0);
	assert_int_equal(execute(f->arena, f->slot), 6);
}

static void discard_refuses_bad_ranges(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct codearena_range range;
		int error;
	} bad[] = {
		{ range(f->slot, 0), EINVAL },
		{ range(f->slot + 1, f->granule), EINVAL },
		{ range(f->slot, f->granule + 1), EINVAL },
		{ range(-f->granule, 2 * f->granule), EOVERFLOW },
		{ range(f->slot, -f->granule), EOVERFLOW },
		{ range(f->length, f->granule), ENOENT },
		{ range(f->reserved, f->granule), ENOENT },
		{ range(f->reserved - f->granule, 2 * f->granule), ENOENT },
		{ range(f->fixed, f->granule), EBUSY },
		{ range(f->fixed, 2 * f->granule), EBUSY },
	};
	struct codearena_range r[2];
	size_t i;

	r[0] = range(f->fixed, f->granule);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		r[1] = bad[i].range;
		expect_refused_at(f->arena, bad[i].error, 1,
				  codearena_arena_discard(f->arena, r, 2,
							  &failed));
		assert_int_equal(execute(f->arena, f->fixed), FIXED_VALUE);
	}
}

static void discard_refuses_counts_and_arrays(void **state)
{
	struct fixture *f = *state;
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_range r = range(f->fixed, f->granule), *q;
	uint8_t *half = half_readable(f->page);

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_discard(f->arena, &r, 0, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_discard(f->arena, &r,
						  info.max_entries + 1ULL,
						  &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_discard(f->arena, &r,
						  1ULL << 32 | 1, &failed));
	q = (void *)(half + f->page);
	q[-1] = r;
	if (reads_safely()) {
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_discard(f->arena, NULL, 1,
							  &failed));
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_discard(f->arena, q - 1, 2,
							  &failed));
	}
	half_readable_free(half, f->page);
}

static void permanent_code_cannot_be_discarded(void **state)
{
	struct fixture *f = *state;
	struct codearena_range r[2] = {
		range(f->slot, f->granule),
		range(f->written, 2 * f->granule),
	};
	uint8_t byte, trap;

	expect_refused_at(f->arena, EPERM, 0,
			  codearena_arena_discard(f->arena, r, 2, &failed));
	/* What is not sealed is not permanent either. */
	assert_int_equal(codearena_arena_discard(f->arena, r + 1, 1, NULL), 0);
	assert_true(peek(f->arena, f->written, &byte, 1));
	trap_bytes(f->written, &trap, 1);
	assert_int_equal(byte, trap);
	assert_int_equal(execute(f->arena, f->slot), SLOT_VALUE);
}

static void permanent_code_can_be_patched(void **state)
{
	struct fixture *f = *state;
	struct codearena_patch_entry patch = {
		.offset = f->word,
		.expected = WORD_VALUE,
		.value = 1,
		.width = 8,
	};

	assert_int_equal(codearena_arena_patch(f->arena, &patch, 1, 0, NULL),
			 0);
}

#define PERMANENT_TEST(name)						\
	cmocka_unit_test_setup_teardown(name, fixture_setup_permanent,	\
					fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(discard_leaves_traps),
		FIXTURE_TEST(discarded_space_is_used_again),
		FIXTURE_TEST(discard_several_ranges),
		FIXTURE_TEST(discard_refuses_bad_ranges),
		FIXTURE_TEST(discard_refuses_counts_and_arrays),
		PERMANENT_TEST(permanent_code_cannot_be_discarded),
		PERMANENT_TEST(permanent_code_can_be_patched),
	};

	return cmocka_run_group_tests_name("arena_discard", tests, NULL, NULL);
}
