// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Patching bytes of sealed code.
 */
#include <pthread.h>
#include <stdlib.h>

#include "lib/helpers.h"

/* Of a thread that patches beside others. */
#define ROUNDS	2000

static int patch(const struct fixture *f, uint64_t offset, const void *bytes,
		 size_t length)
{
	return codearena_arena_patch_bytes(f->arena, offset, bytes, length, 0);
}

/* Make the pristine page and the one after it patchable. */
static void open_pages(const struct fixture *f)
{
	assert_int_equal(codearena_arena_commit(f->arena, f->reserved,
						f->page), 0);
	assert_int_equal(codearena_arena_seal(f->arena, f->pristine,
					      2 * f->page,
					      CODEARENA_SEAL_F_PATCHABLE), 0);
}

/* Every place and every length in three words, and what lies beside them. */
static void bytes_change_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	uint8_t expected[40], found[40], bytes[24];
	unsigned int at, length, i, round = 0;

	open_pages(f);
	trap_bytes(0, expected, sizeof(expected));
	for (at = 0; at < 24; at++) {
		for (length = 1; at + length <= 24; length++, round++) {
			for (i = 0; i < length; i++)
				bytes[i] = round * 31 + i;
			memcpy(expected + 8 + at, bytes, length);
			assert_int_equal(patch(f, f->pristine + 8 + at, bytes,
					       length), 0);
			assert_true(peek(f->arena, f->pristine, found,
					 sizeof(found)));
			assert_memory_equal(found, expected, sizeof(found));
		}
	}
}

static void the_most_bytes_over_two_pages(void **state)
{
	struct fixture *f = *state;
	uint64_t at = f->reserved - 1001;
	uint8_t bytes[CODEARENA_PATCH_BYTES_MAX], found[sizeof(bytes)];
	size_t i;

	open_pages(f);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7 + i / 256;
	assert_int_equal(patch(f, at, bytes, sizeof(bytes)), 0);
	assert_true(peek(f->arena, at, found, sizeof(found)));
	assert_memory_equal(found, bytes, sizeof(found));
}

static void words_of_ones_change(void **state)
{
	struct fixture *f = *state;
	uint8_t ones[16], zero[16] = { 0 }, found[16];

	memset(ones, 0xff, sizeof(ones));
	open_pages(f);
	assert_int_equal(patch(f, f->pristine, ones, sizeof(ones)), 0);
	assert_int_equal(patch(f, f->pristine + 3, zero, 1), 0);
	assert_int_equal(patch(f, f->pristine + 8, zero, 8), 0);
	memset(ones + 8, 0, 8);
	ones[3] = 0;
	assert_true(peek(f->arena, f->pristine, found, sizeof(found)));
	assert_memory_equal(found, ones, sizeof(found));
}

static void one_call_synchronises_once(void **state)
{
	struct fixture *f = *state;
	uint64_t before = stat_of(f->arena).out_syncs;

	assert_int_equal(patch(f, f->word + 1, "ab", 2), 0);
	assert_int_equal(stat_of(f->arena).out_syncs, before);
	assert_int_equal(codearena_arena_patch_bytes(f->arena, f->word + 7,
						     "ab", 2,
						     CODEARENA_PATCH_F_SYNC),
			 0);
	assert_int_equal(stat_of(f->arena).out_syncs, before + 1);
}

static void bad_ranges_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint64_t offset;
		size_t length;
		int error;
	} bad[] = {
		{ f->word, 0, EINVAL },
		{ f->word, CODEARENA_PATCH_BYTES_MAX + 1, EINVAL },
		{ -1ULL, 2, EOVERFLOW },
		{ f->length - 1, 2, ENOENT },
		{ f->length, 1, ENOENT },
		{ 1ULL << 40, 1, ENOENT },
		{ f->reserved, 5, ENOENT },
		{ f->fixed + 1, 1, EPERM },
		{ f->written + 3, 4, EPERM },
		{ f->pristine + 9, 30, EPERM },
		/* From patchable into other code, and the other way round. */
		{ f->slot + f->granule - 3, 6, EPERM },
		{ f->slot - 3, 6, EPERM },
		{ f->slot + 1, 3 * f->granule, EPERM },
	};
	uint8_t bytes[CODEARENA_PATCH_BYTES_MAX + 1] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_refused(f->arena, bad[i].error,
			       patch(f, bad[i].offset, bytes, bad[i].length));
	for (i = 1; i < 32; i++)
		expect_refused(f->arena, EOPNOTSUPP,
			       codearena_arena_patch_bytes(f->arena, f->word,
							   bytes, 1, 1U << i));
	expect_refused(f->arena, EINVAL, patch(f, f->word, NULL, 1));
	assert_int_equal(codearena_arena_patch_bytes(NULL, 0, bytes, 1, 0),
			 -EINVAL);
}

/* One byte, of which each thread has its own, in the same word. */
struct writer {
	struct fixture *f;
	uint8_t number;
	int wrong;
	pthread_t thread;
};

static void *write_a_byte(void *context)
{
	struct writer *writer = context;
	uint8_t byte, found;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		byte = i;
		writer->wrong |= patch(writer->f,
				       writer->f->word + writer->number, &byte,
				       1);
		writer->wrong |= !peek(writer->f->arena,
				       writer->f->word + writer->number,
				       &found, 1) || found != byte;
	}
	return NULL;
}

static void neighbours_are_kept(void **state)
{
	struct fixture *f = *state;
	struct writer writers[4];
	int i;

	for (i = 0; i < 4; i++) {
		writers[i] = (struct writer){ .f = f, .number = i };
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
						write_a_byte, &writers[i]), 0);
	}
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(writers[i].wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(bytes_change_and_nothing_else),
		FIXTURE_TEST(the_most_bytes_over_two_pages),
		FIXTURE_TEST(words_of_ones_change),
		FIXTURE_TEST(one_call_synchronises_once),
		FIXTURE_TEST(bad_ranges_are_refused),
		FIXTURE_TEST(neighbours_are_kept),
	};

	return cmocka_run_group_tests_name("arena_patch_bytes", tests, NULL,
					   NULL);
}
