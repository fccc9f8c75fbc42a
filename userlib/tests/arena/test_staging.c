// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Staging buffers.
 */
#include <stdlib.h>

#include "lib/helpers.h"

/**
 * struct stage - a buffer over the pristine page of the fixture
 * @f: the fixture
 * @staging: the buffer
 */
struct stage {
	struct fixture *f;
	struct codearena_staging *staging;
};

static struct stage stage_new(void **state)
{
	struct stage s = { .f = *state };

	assert_int_equal(codearena_staging_new(s.f->arena, s.f->pristine,
					       s.f->page, &s.staging), 0);
	return s;
}

/* Write a function at the position; its length. */
static size_t append(const struct stage *s, unsigned int value)
{
	uint8_t code[CODE_MAX];
	size_t length = code_return(code, value);

	memcpy(codearena_staging_position(s->staging, NULL), code, length);
	return length;
}

/* Where code lies in the arena that was written at this address. */
static uint64_t offset_of(const struct stage *s, const uint8_t *at)
{
	return (uintptr_t)at + codearena_staging_distance(s->staging) -
	       (uintptr_t)codearena_arena_base(s->f->arena);
}

static void code_appears_at_its_distance(void **state)
{
	struct stage s = stage_new(state);
	uint8_t *at[8];
	size_t i, room;

	for (i = 0; i < 8; i++) {
		at[i] = codearena_staging_position(s.staging, &room);
		assert_int_equal(room, s.f->page - i * s.f->granule);
		assert_int_equal(codearena_staging_publish(s.staging,
							   append(&s, i + 1),
							   NULL, 0), 0);
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(offset_of(&s, at[i]),
				 s.f->pristine + i * s.f->granule);
		assert_int_equal(execute(s.f->arena, offset_of(&s, at[i])),
				 i + 1);
	}
	codearena_staging_free(s.staging);
	assert_int_equal(execute(s.f->arena, s.f->pristine), 1);
}

static void the_object_gives_flags(void **state)
{
	struct stage s = stage_new(state);
	struct codearena_object object = {
		.flags = CODEARENA_OBJECT_F_PATCHABLE,
	};
	uint8_t code[CODE_MAX];
	size_t length = append(&s, 1);

	assert_int_equal(codearena_staging_publish(s.staging, length, &object,
						   0), 0);
	assert_int_equal(object.offset, s.f->pristine);
	assert_int_equal(code_return(code, 2), length);
	assert_int_equal(codearena_arena_patch_bytes(s.f->arena, s.f->pristine,
						     code, length,
						     CODEARENA_PATCH_F_SYNC),
			 0);
	assert_int_equal(execute(s.f->arena, s.f->pristine), 2);
	codearena_staging_free(s.staging);
}

static void what_is_refused_stays_where_it_was(void **state)
{
	struct stage s = stage_new(state);
	uint8_t *at = codearena_staging_position(s.staging, NULL);
	size_t length = append(&s, 7);
	struct codearena_object object = { .flags = 1U << 31 };

	expect_refused(s.f->arena, EINVAL,
		       codearena_staging_publish(s.staging, 0, NULL, 0));
	expect_refused(s.f->arena, ENOSPC,
		       codearena_staging_publish(s.staging, s.f->page + 1,
						 NULL, 0));
	expect_refused(s.f->arena, EOPNOTSUPP,
		       codearena_staging_publish(s.staging, length, &object,
						 0));
	expect_refused(s.f->arena, EOPNOTSUPP,
		       codearena_staging_publish(s.staging, length, NULL,
						 1U << 31));
	assert_ptr_equal(codearena_staging_position(s.staging, NULL), at);
	assert_int_equal(codearena_staging_publish(s.staging, s.f->page, NULL,
						   0), 0);
	assert_int_equal(execute(s.f->arena, s.f->pristine), 7);
	expect_refused(s.f->arena, ENOSPC,
		       codearena_staging_publish(s.staging, 1, NULL, 0));
	codearena_staging_free(s.staging);
}

static void rewound_space_is_used_again(void **state)
{
	struct stage s = stage_new(state);
	uint8_t *begin = codearena_staging_position(s.staging, NULL), *second;
	size_t room;

	assert_int_equal(codearena_staging_publish(s.staging, append(&s, 1),
						   NULL, 0), 0);
	second = codearena_staging_position(s.staging, NULL);
	assert_int_equal(codearena_staging_publish(s.staging, append(&s, 2),
						   NULL, 0), 0);
	expect_refused(s.f->arena, EINVAL,
		       codearena_staging_rewind(s.staging, begin + 1));
	expect_refused(s.f->arena, EINVAL,
		       codearena_staging_rewind(s.staging,
						begin - s.f->granule));
	expect_refused(s.f->arena, EINVAL,
		       codearena_staging_rewind(s.staging,
						second + 2 * s.f->granule));
	assert_int_equal(codearena_staging_rewind(s.staging, second), 0);
	assert_ptr_equal(codearena_staging_position(s.staging, &room), second);
	assert_int_equal(room, s.f->page - s.f->granule);
	assert_int_equal(codearena_staging_publish(s.staging, append(&s, 3),
						   NULL, 0), 0);
	assert_int_equal(execute(s.f->arena, s.f->pristine), 1);
	assert_int_equal(execute(s.f->arena, s.f->pristine + s.f->granule), 3);
	assert_int_equal(codearena_staging_rewind(s.staging, begin), 0);
	assert_int_equal(codearena_staging_rewind(s.staging, begin), 0);
	codearena_staging_free(s.staging);
}

static void bad_ranges_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint64_t offset, length;
		int error;
	} bad[] = {
		{ 0, 0, EINVAL },
		{ 1, f->granule, EINVAL },
		{ 0, f->granule - 1, EINVAL },
		{ f->length, f->granule, ENOENT },
		{ 0, f->length + f->granule, ENOENT },
		{ -f->granule, 2 * f->granule, EOVERFLOW },
	};
	struct codearena_staging *staging;
	size_t i, room = 1;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		staging = (void *)1;
		assert_int_equal(codearena_staging_new(f->arena, bad[i].offset,
						       bad[i].length, &staging),
				 -bad[i].error);
		assert_null(staging);
	}
	assert_int_equal(codearena_staging_new(f->arena, 0, f->granule, NULL),
			 -EINVAL);
	assert_int_equal(codearena_staging_new(NULL, 0, f->granule, &staging),
			 -EINVAL);
	assert_null(codearena_staging_position(NULL, &room));
	assert_int_equal(room, 0);
	assert_int_equal(codearena_staging_distance(NULL), 0);
	assert_int_equal(codearena_staging_publish(NULL, 1, NULL, 0), -EINVAL);
	assert_int_equal(codearena_staging_rewind(NULL, NULL), -EINVAL);
	codearena_staging_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(code_appears_at_its_distance),
		FIXTURE_TEST(the_object_gives_flags),
		FIXTURE_TEST(what_is_refused_stays_where_it_was),
		FIXTURE_TEST(rewound_space_is_used_again),
		FIXTURE_TEST(bad_ranges_are_refused),
	};

	return cmocka_run_group_tests_name("staging", tests, NULL, NULL);
}
