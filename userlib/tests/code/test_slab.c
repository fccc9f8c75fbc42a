// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for the code objects of a module.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/helpers.h"
#include "code/code.h"
#include "code/slab.h"

/* Enough for chunks of both sizes. */
#define OBJECTS		60000

/* One from malloc() has the shift 0, as in a code object. */
struct place {
	void *at;
	unsigned int shift;
};

static void take(struct ca__slab *slab, struct place *place, int mark)
{
	place->at = ca__slab_take(slab, &place->shift);
	if (!place->at) {
		place->shift = 0;
		place->at = malloc(sizeof(struct codearena_code));
	}
	memset(place->at, mark, sizeof(struct codearena_code));
}

static void put(struct place *place)
{
	if (place->shift)
		ca__slab_put(place->at, place->shift);
	else
		free(place->at);
	place->at = NULL;
}

static void check_mark(const struct place *place, int mark)
{
	unsigned char bytes[sizeof(struct codearena_code)];

	memset(bytes, mark, sizeof(bytes));
	assert_memory_equal(place->at, bytes, sizeof(bytes));
}

/* Deterministic, and every number below the count comes once. */
static size_t shuffled(size_t i)
{
	return i * 7919 % OBJECTS;
}

static void few_objects_take_no_chunk(void **state)
{
	struct ca__slab slab;
	unsigned int shift;
	int i;

	(void)state;
	ca__slab_init(&slab);
	for (i = 0; i < 100; i++)
		assert_null(ca__slab_take(&slab, &shift));
	assert_true(slab.chunks == 0);
	ca__slab_destroy(&slab);
}

static void places_do_not_overlap(void **state)
{
	struct place *places = calloc(OBJECTS, sizeof(*places));
	size_t round, i, from_slab = 0, most;
	struct ca__slab slab;

	(void)state;
	ca__slab_init(&slab);
	for (i = 0; i < OBJECTS; i++) {
		take(&slab, &places[i], i % 251);
		from_slab += places[i].shift != 0;
	}
	assert_true(from_slab > OBJECTS * 9 / 10);
	most = slab.chunks;
	/* Half of them anew, in another order, some times. */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < OBJECTS / 2; i++)
			put(&places[shuffled(i)]);
		for (i = 0; i < OBJECTS / 2; i++)
			take(&slab, &places[shuffled(i)], shuffled(i) % 251);
	}
	for (i = 0; i < OBJECTS; i++)
		check_mark(&places[i], i % 251);
	assert_true(slab.chunks <= most + 1);
	for (i = 0; i < OBJECTS; i++)
		put(&places[shuffled(i)]);
	ca__slab_destroy(&slab);
	free(places);
}

static void empty_chunks_are_freed(void **state)
{
	struct place *places = calloc(OBJECTS, sizeof(*places));
	struct ca__slab slab;
	size_t round, i;

	(void)state;
	ca__slab_init(&slab);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < OBJECTS; i++)
			take(&slab, &places[i], 1);
		assert_true(slab.chunks > 2);
		for (i = 0; i < OBJECTS; i++)
			put(&places[shuffled(i)]);
		assert_true(slab.chunks == 1);
	}
	ca__slab_destroy(&slab);
	free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_objects_take_no_chunk),
		cmocka_unit_test(places_do_not_overlap),
		cmocka_unit_test(empty_chunks_are_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
