// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Patching words of sealed code.
 */
#include <stdlib.h>

#include "lib/helpers.h"

static struct codearena_patch_entry entry(uint64_t offset, uint64_t expected,
					  uint64_t value, uint32_t width)
{
	return (struct codearena_patch_entry){
		.offset = offset,
		.expected = expected,
		.value = value,
		.width = width,
	};
}

static uint64_t word_at(const struct fixture *f, uint64_t offset)
{
	uint64_t word;

	assert_true(peek(f->arena, offset, &word, sizeof(word)));
	return word;
}

static void patch_exchanges_eight_bytes(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct codearena_patch_entry p = entry(f->word, WORD_VALUE, ~0ULL, 8);
	size_t failed = 1;

	assert_int_equal(codearena_arena_patch(f->arena, &p, 1, 0, &failed), 0);
	assert_true(failed == SIZE_MAX);
	assert_true(word_at(f, f->word) == ~0ULL);
	after = stat_of(f->arena);
	assert_int_equal(after.out_patched - before.out_patched, 1);
	before.out_patched++;
	assert_memory_equal(&before, &after, sizeof(after));
}

static void patch_exchanges_four_bytes(void **state)
{
	struct fixture *f = *state;
	struct codearena_patch_entry p;

	p = entry(f->word + 4, WORD_VALUE >> 32, 0xdeadbeef, 4);
	assert_int_equal(codearena_arena_patch(f->arena, &p, 1, 0, NULL), 0);
	assert_true(word_at(f, f->word) ==
		    (0xdeadbeef00000000 | (uint32_t)WORD_VALUE));
	p = entry(f->word, (uint32_t)WORD_VALUE, 1, 4);
	assert_int_equal(codearena_arena_patch(f->arena, &p, 1, 0, NULL), 0);
	assert_true(word_at(f, f->word) == 0xdeadbeef00000001);
}

static void patched_code_runs(void **state)
{
	struct fixture *f = *state;
	uint8_t old[8], new[8], pad[CODE_MAX];
	struct codearena_patch_entry p = entry(f->slot, 0, 0, 8);

	trap_bytes(0, old, 8);
	trap_bytes(0, new, 8);
	memcpy(old, pad, code_return(pad, SLOT_VALUE));
	memcpy(new, pad, code_return(pad, 500));
	assert_int_equal(execute(f->arena, f->slot), SLOT_VALUE);
	memcpy(&p.expected, old, 8);
	memcpy(&p.value, new, 8);
	assert_int_equal(codearena_arena_patch(f->arena, &p, 1,
					       CODEARENA_PATCH_F_SYNC, NULL),
			 0);
	assert_int_equal(execute(f->arena, f->slot), 500);
}

static void patch_a_batch(void **state)
{
	struct fixture *f = *state;
	uint64_t count = f->page / 8, i;
	struct codearena_patch_entry *p = calloc(count, sizeof(*p));
	uint64_t traps;

	trap_bytes(0, (uint8_t *)&traps, 8);
	assert_int_equal(codearena_arena_seal(f->arena, f->pristine, f->page,
					      CODEARENA_SEAL_F_PATCHABLE), 0);
	for (i = 0; i < count; i++)
		p[i] = entry(f->pristine + i * 8, traps, i, 8);
	assert_int_equal(codearena_arena_patch(f->arena, p, count, 0, NULL), 0);
	for (i = 0; i < count; i++)
		assert_true(word_at(f, p[i].offset) == i);

	/* In an order that is neither up nor down. */
	for (i = 0; i < count; i++)
		p[i] = entry(f->pristine + (i * 37 + 5) % count * 8,
			     (i * 37 + 5) % count, i + 1000, 8);
	assert_int_equal(codearena_arena_patch(f->arena, p, count, 0, NULL), 0);
	for (i = 0; i < count; i++)
		assert_true(word_at(f, p[i].offset) == i + 1000);
	assert_int_equal(stat_of(f->arena).out_patched, 2 * count);
	free(p);
}

static void patch_synchronises(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before = stat_of(f->arena), after;
	struct codearena_patch_entry p = entry(f->word, WORD_VALUE, 1, 8);

	assert_int_equal(codearena_arena_patch(f->arena, &p, 1,
					       CODEARENA_PATCH_F_SYNC, NULL),
			 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_syncs - before.out_syncs, 1);
	/* A refused patch does not synchronise. */
	expect_refused_at(f->arena, EAGAIN, 0,
			  codearena_arena_patch(f->arena, &p, 1,
						CODEARENA_PATCH_F_SYNC,
						&failed));
}

static void patch_refuses_bad_entries(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct codearena_patch_entry patch;
		int error;
	} bad[] = {
		{ entry(f->word, WORD_VALUE, 1, 0), EINVAL },
		{ entry(f->word, WORD_VALUE, 1, 1), EINVAL },
		{ entry(f->word, WORD_VALUE, 1, 16), EINVAL },
		{ entry(f->word + 4, WORD_VALUE, 1, 8), EINVAL },
		{ entry(f->word + 2, WORD_VALUE, 1, 4), EINVAL },
		{ entry(f->word, 1ULL << 32, 1, 4), EINVAL },
		{ entry(f->word, (uint32_t)WORD_VALUE, 1ULL << 32, 4), EINVAL },
		{ entry(-8ULL, 0, 1, 8), EOVERFLOW },
		{ entry(-4ULL, 0, 1, 4), EOVERFLOW },
		{ entry(f->length, 0, 1, 8), ENOENT },
		{ entry(1ULL << 40, 0, 1, 8), ENOENT },
		{ entry(f->reserved, 0, 1, 8), ENOENT },
		{ entry(f->fixed, 0, 1, 8), EPERM },
		{ entry(f->written, 0x5a5a5a5a5a5a5a5a, 1, 8), EPERM },
		{ entry(f->pristine, 0, 1, 8), EPERM },
		{ entry(f->word, WORD_VALUE + 1, 1, 8), EAGAIN },
		{ entry(f->word + 4, (uint32_t)WORD_VALUE, 1, 4), EAGAIN },
	};
	struct codearena_patch_entry p[2];
	size_t i;

	p[0] = entry(f->word + 8, word_at(f, f->word + 8), 42, 8);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		p[1] = bad[i].patch;
		expect_refused_at(f->arena, bad[i].error, 1,
				  codearena_arena_patch(f->arena, p, 2, 0,
							&failed));
	}
	p[1] = bad[0].patch;
	p[1].width = 8;
	p[1].__reserved = 1;
	expect_refused_at(f->arena, EOPNOTSUPP, 1,
			  codearena_arena_patch(f->arena, p, 2, 0, &failed));
	p[1].__reserved = 0;
	assert_int_equal(codearena_arena_patch(f->arena, p, 2, 0, NULL), 0);
}

static void patch_refuses_a_word_named_twice(void **state)
{
	struct fixture *f = *state;
	struct codearena_patch_entry p[3] = {
		entry(f->word, WORD_VALUE, 1, 8),
		entry(f->word + 8, word_at(f, f->word + 8), 2, 8),
		entry(f->word, WORD_VALUE, 3, 8),
	};

	expect_refused_at(f->arena, EINVAL, 2,
			  codearena_arena_patch(f->arena, p, 3, 0, &failed));
	/* The upper half of a word named as a whole. */
	p[2] = entry(f->word + 4, WORD_VALUE >> 32, 3, 4);
	expect_refused_at(f->arena, EINVAL, 2,
			  codearena_arena_patch(f->arena, p, 3, 0, &failed));
	/* The halves of a word are two words. */
	p[0] = entry(f->word, (uint32_t)WORD_VALUE, 1, 4);
	assert_int_equal(codearena_arena_patch(f->arena, p, 3, 0, NULL), 0);
	assert_true(word_at(f, f->word) == 0x300000001);
	assert_true(word_at(f, f->word + 8) == 2);
}

/* Upper and lower words in turn, as jump tables give them. */
static void patch_finds_twins_in_two_sequences(void **state)
{
	struct fixture *f = *state;
	uint64_t half = f->page / 2, i, traps;
	struct codearena_patch_entry p[65];

	trap_bytes(0, (uint8_t *)&traps, 8);
	assert_int_equal(codearena_arena_seal(f->arena, f->pristine, f->page,
					      CODEARENA_SEAL_F_PATCHABLE), 0);
	for (i = 0; i < 64; i++)
		p[i] = entry(f->pristine + (i & 1 ? 0 : half) + i / 2 * 8,
			     traps, i, 8);
	/* A lower one, an upper one, the first of each, and half of one. */
	for (i = 0; i < 64; i++) {
		p[64] = p[i];
		expect_refused_at(f->arena, EINVAL, 64,
				  codearena_arena_patch(f->arena, p, 65, 0,
							&failed));
		p[64] = entry(p[i].offset + 4, traps >> 32, 1, 4);
		expect_refused_at(f->arena, EINVAL, 64,
				  codearena_arena_patch(f->arena, p, 65, 0,
							&failed));
	}
	/* Between the sequences, and above both. */
	p[64] = entry(f->pristine + half - 8, traps, 64, 8);
	assert_int_equal(codearena_arena_patch(f->arena, p, 65, 0, NULL), 0);
	for (i = 0; i < 65; i++)
		assert_true(word_at(f, p[i].offset) == i);
}

static void patch_finds_twins_in_large_batches(void **state)
{
	struct fixture *f = *state;
	uint64_t count = f->page / 8, i, traps;
	struct codearena_patch_entry *p = calloc(count + 2, sizeof(*p));

	trap_bytes(0, (uint8_t *)&traps, 8);
	assert_int_equal(codearena_arena_seal(f->arena, f->pristine, f->page,
					      CODEARENA_SEAL_F_PATCHABLE), 0);
	for (i = 0; i < count; i++)
		p[i] = entry(f->pristine + (count - 1 - i) * 8, traps, i, 8);
	p[count] = p[17];
	expect_refused_at(f->arena, EINVAL, count,
			  codearena_arena_patch(f->arena, p, count + 1, 0,
						&failed));
	/* Of several twins any may be blamed; here it is the first. */
	if (backend_is(CODEARENA_BACKEND_DEVICE))
		goto out;
	p[count + 1] = p[5];
	expect_refused_at(f->arena, EINVAL, count,
			  codearena_arena_patch(f->arena, p, count + 2, 0,
						&failed));
	p[count] = p[5];
	p[count + 1] = p[17];
	expect_refused_at(f->arena, EINVAL, count,
			  codearena_arena_patch(f->arena, p, count + 2, 0,
						&failed));
out:
	assert_int_equal(codearena_arena_patch(f->arena, p, count, 0, NULL), 0);
	free(p);
}

static void patch_refuses_flags_counts_and_arrays(void **state)
{
	struct fixture *f = *state;
	struct codearena_info info = { .sz = sizeof(info) };
	struct codearena_patch_entry p = entry(f->word, WORD_VALUE, 1, 8), *q;
	uint8_t *half = half_readable(f->page);
	uint32_t bit;

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	for (bit = 1; bit < 32; bit++)
		expect_refused_at(f->arena, EOPNOTSUPP, SIZE_MAX,
				  codearena_arena_patch(f->arena, &p, 1,
							1U << bit, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_patch(f->arena, &p, 0, 0, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_patch(f->arena, &p,
						info.max_entries + 1ULL, 0,
						&failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_patch(f->arena, &p, 1ULL << 32 | 1, 0,
						&failed));
	q = (void *)(half + f->page);
	q[-1] = p;
	if (reads_safely()) {
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_patch(f->arena, NULL, 1, 0,
							&failed));
		expect_refused_at(f->arena, EFAULT, SIZE_MAX,
				  codearena_arena_patch(f->arena, q - 1, 2, 0,
							&failed));
	}
	half_readable_free(half, f->page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(patch_exchanges_eight_bytes),
		FIXTURE_TEST(patch_exchanges_four_bytes),
		FIXTURE_TEST(patched_code_runs),
		FIXTURE_TEST(patch_a_batch),
		FIXTURE_TEST(patch_synchronises),
		FIXTURE_TEST(patch_refuses_bad_entries),
		FIXTURE_TEST(patch_refuses_a_word_named_twice),
		FIXTURE_TEST(patch_finds_twins_in_two_sequences),
		FIXTURE_TEST(patch_finds_twins_in_large_batches),
		FIXTURE_TEST(patch_refuses_flags_counts_and_arrays),
	};

	return cmocka_run_group_tests_name("arena_patch", tests, NULL, NULL);
}
